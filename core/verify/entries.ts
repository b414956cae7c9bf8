import { fromBase64Url, utf8 } from '../bytes.ts';
import { parseLedgerId } from '../chain/ledgerId.ts';
import { isModuleLink, type Link } from '../chain/link.ts';
import type { LedgerId, OrganisationId, Subject } from '../chain/types.ts';
import { digestOf, KEY_BYTES, openBlock } from '../envelope/block.ts';
import {
  type Binding,
  checkBinding,
  type Envelope,
  openEnvelope,
  openSealed,
  sealedCount,
} from '../envelope/envelope.ts';
import { isVinculumError, VinculumError } from '../errors.ts';
import { isModuleKind, kindByNumber } from '../kinds/kinds.ts';
import { actionHash, isPartAction, type ModuleAction, type TitleAction } from '../modules/action.ts';
import { partKindOf } from '../modules/part.ts';
import { titleKindOf, titleKinds } from '../modules/title.ts';
import { checkErasureReceipt, type ErasureReceipt } from '../privacy/erasure.ts';
import type { ReportContent } from '../report/report.ts';
import type { EntryStatus, VerifiedEntry } from './result.ts';

/** Whose chain a link stands in. */
export type Place = {
  readonly ledger: LedgerId;
  readonly subject: Subject;
  /** As the envelope must state it. */
  readonly identifier: string;
  /** What a module was asked for, as the report says; of an entry that a module wrote. */
  readonly action?: ModuleAction | null;
};

export type JudgedEntry = {
  readonly status: EntryStatus;
  readonly code?: string;
  readonly envelope?: Envelope;
  /** Of an entry whose content was destroyed. */
  readonly erasure?: ErasureReceipt;
};

/**
 * Step 4 for one entry: the block's SHA-256 is the link's digest, it opens, it satisfies its kind's schema, and it is
 * bound to this link. Never throws: each failure is a status with the code of what failed.
 */
export function judgeEntry(link: Link, place: Place, content: ReportContent | undefined): JudgedEntry {
  const fault = judgeAction(link, place);
  if (fault?.status === 'refuted') return fault;
  const judged = judgeContent(link, place, content);
  return fault === null || judged.status === 'refuted' ? judged : fault;
}

/**
 * What is wrong with the action of a module's entry, or null: it is there, it is what the actor signed, and it is of this
 * subject, carries a title over to it, or mounts a part in it or removes one.
 */
function judgeAction(link: Link, { ledger, subject, action }: Place): JudgedEntry | null {
  // The ledger takes a module's kind from nobody else, and no other kind from a module.
  if (isModuleKind(link.kind) !== isModuleLink(link)) return { status: 'refuted', code: 'link.module' };
  if (!isModuleLink(link) || !hasAction(link.kind)) return null;
  if (action === undefined || action === null) return { status: 'withheld', code: 'action.missing' };
  const module = { chainId: parseLedgerId(ledger).chainId, address: link.module };
  if (actionHash(module, action) !== link.actionHash) return { status: 'refuted', code: 'action.hash' };
  return action.subject === subject || concernsOther(action, subject)
    ? null
    : { status: 'refuted', code: 'action.subject' };
}

/** Whether the links of a kind carry an action: it is a module’s, and known. */
export function hasAction(kind: number): boolean {
  return titleKindOf(kind) !== undefined || partKindOf(kind) !== undefined;
}

/** Whether an action of one subject stands on the chain of another too. */
function concernsOther(action: ModuleAction, subject: Subject): boolean {
  return isPartAction(action) ? action.vehicle === subject : carriesOver(action, subject);
}

/** Whether an action makes the title of `subject` out of another's. */
function carriesOver({ kind, detail }: TitleAction, subject: Subject): boolean {
  return kind === titleKinds['title.replaced'] && detail === subject;
}

function judgeContent(link: Link, place: Place, content: ReportContent | undefined): JudgedEntry {
  if (content === undefined) return { status: 'withheld', code: 'entry.missing' };
  if ('withheld' in content) return { status: 'withheld', code: 'entry.withheld' };
  if ('erased' in content) return judgeErasure(link, place, content.erased);
  try {
    const block = fromBase64Url(content.block);
    if (digestOf(block) !== link.digest) return { status: 'refuted', code: 'entry.digest' };
    return judgeBlock(link, place, block, fromBase64Url(content.key));
  } catch (error) {
    return { status: 'refuted', code: codeOf(error) };
  }
}

/** A receipt for the whole of this entry; with any other the content is withheld, and nobody says by whom. */
function judgeErasure(link: Link, { ledger }: Place, erasure: ErasureReceipt): JudgedEntry {
  if (erasure.what !== 'entry' || !isReceipt(ledger, erasure, link)) {
    return { status: 'withheld', code: 'erasure.receipt' };
  }
  return { status: 'erased', code: 'entry.erased', erasure };
}

function isReceipt(ledger: LedgerId, receipt: ErasureReceipt, { digest }: Link): boolean {
  try {
    checkErasureReceipt(parseLedgerId(ledger), receipt, digest);
    return true;
  } catch (error) {
    codeOf(error);
    return false;
  }
}

/**
 * The receipts in an open content that are what they say: of a part of this entry, signed by whom they name, and of
 * nothing that the same content opens.
 */
export function judgeErasures(
  link: Link,
  { ledger }: Pick<Place, 'ledger'>,
  receipts: readonly ErasureReceipt[],
  opened: Readonly<Record<string, unknown>>,
): { readonly erasures: readonly ErasureReceipt[]; readonly refused: readonly ErasureReceipt[] } {
  const holds = (receipt: ErasureReceipt): boolean => {
    const field = receipt.what.replace(/^field:/, '');
    return receipt.what !== 'entry' && !Object.hasOwn(opened, field) && isReceipt(ledger, receipt, link);
  };
  return { erasures: receipts.filter(holds), refused: receipts.filter((receipt) => !holds(receipt)) };
}

/** As {@link judgeEntry}, for a block whose digest is known to be the link's. */
export function judgeBlock(link: Link, place: Place, block: Uint8Array, key: Uint8Array): JudgedEntry {
  if (kindByNumber(link.kind) === undefined) return { status: 'unknownKind', code: 'kind.unknown' };
  const fault = judgeAction(link, place);
  if (fault !== null) return fault;
  // Whoever hands out no key at all withholds: that is never the attester's fault.
  if (key.length !== KEY_BYTES) return { status: 'withheld', code: 'block.wrongKey' };
  try {
    openBlock(block, key);
  } catch (error) {
    // The block commits to its key: a wrong one is the operator's fault, anything else the attester's.
    const wrongKey = isVinculumError(error, 'block.wrongKey');
    return { status: wrongKey ? 'withheld' : 'void', code: codeOf(error) };
  }
  try {
    const envelope = openEnvelope(block, key);
    checkBinding(envelope, bindingOf(link, place, envelope));
    return { status: 'proven', envelope };
  } catch (error) {
    const code = codeOf(error);
    return {
      status: code === 'kind.unknown' || code === 'kind.unknownVersion' ? 'unknownKind' : 'void',
      code,
    };
  }
}

/**
 * What the envelope of a link must say. A title that was carried over begins with an entry of the one before: its envelope
 * is that one's, and names this identifier as the one that it goes on under. What was mounted or removed has its entry on
 * the vehicle's chain too: its envelope is the part's, whose identifier `identifyParts` holds against its subject.
 * @throws `envelope.unbound`
 */
function bindingOf(link: Link, { action, ...place }: Place, envelope: Envelope): Binding {
  const common = { ...place, kind: link.kind, timestamp: link.timestamp };
  if (!isModuleLink(link)) return { ...common, organisation: link.organisation };
  if (action === undefined || action === null) throw new TypeError('an action was judged before');
  const { subject, organisation } = action;
  if (subject === place.subject || !concernsOther(action, place.subject)) {
    return { ...common, subject, organisation };
  }
  if (isPartAction(action)) return { ...common, subject, organisation, identifier: envelope.identifier };
  if (envelope.data.to !== place.identifier) {
    throw new VinculumError('envelope.unbound', 'The title goes on under another identifier.', {
      details: { member: 'to' },
    });
  }
  return { ...common, subject, organisation, identifier: envelope.identifier };
}

export type JudgedDisclosures = {
  readonly sealed: ReturnType<typeof openSealed>;
  readonly seals: VerifiedEntry['seals'];
  readonly code?: string;
};

/** Step 6 for one entry: each disclosure's digest is in the envelope and its value is valid. */
export function judgeDisclosures(envelope: Envelope, disclosures: readonly string[]): JudgedDisclosures {
  const digests = sealedCount(envelope);
  try {
    const sealed = openSealed(envelope, disclosures);
    return { sealed, seals: { digests, opened: Object.keys(sealed).length } };
  } catch (error) {
    return { sealed: {}, seals: { digests, opened: 0 }, code: codeOf(error) };
  }
}

/** The digest of a profile's text, as an organisation's record names it. */
export function profileDigest(profile: string): string {
  return digestOf(utf8(profile));
}

export function codeOf(error: unknown): string {
  if (error instanceof VinculumError) return error.code;
  throw error;
}

/** The organisation of a link, or null for a module's. */
export function attesterOf(link: Link): OrganisationId | null {
  return isModuleLink(link) ? null : link.organisation;
}
