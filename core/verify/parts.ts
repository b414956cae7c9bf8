import { fromBase64Url, fromHex, type Hex } from '../bytes.ts';
import { parseLedgerId } from '../chain/ledgerId.ts';
import { isModuleLink } from '../chain/link.ts';
import type { Address, Subject } from '../chain/types.ts';
import { formatIdentifier, parseIdentifier } from '../identifiers/identifier.ts';
import { actionHash, isPartAction } from '../modules/action.ts';
import { foldPart, type PartStep, partKindOf } from '../modules/part.ts';
import { verifyTranscript } from '../pseudonym/pseudonym.ts';
import {
  actionOf,
  type LedgerSection,
  linkOf,
  partActionOf,
  type ReportLink,
  sectionNames,
} from '../report/report.ts';
import { codeOf, hasAction } from './entries.ts';
import type { Check, VerifiedEntry, VerifiedPart } from './result.ts';

/*
 * Parts that were mounted in a vehicle (docs/protocol.md §17). The links on the vehicle's own chain say that they were;
 * whether they are stolen or scrapped since, and by which revision they came, only their own chains say. So a section has
 * those too, whole.
 */

type Note = (check: Check) => void;

/** A history beside the section's own: its links, whose contents are another report's. */
export type OtherHistory = { readonly subject: Subject; readonly links: readonly ReportLink[] };

type ShownPart = NonNullable<LedgerSection['parts']>[number];

/** The parts that a section's links name, besides its own subject, each with its history where the section has it. */
function namedParts(section: LedgerSection): { subject: Subject; shown: ShownPart | undefined }[] {
  const named = new Set<Subject>();
  for (const link of section.links) {
    const action = partActionOf(link);
    if (action !== null && action.subject !== section.subject) named.add(action.subject);
  }
  return Array.from(named, (subject) => ({
    subject,
    shown: (section.parts ?? []).find((part) => part.subject === subject),
  }));
}

/** The histories of parts that a section has: of those that its links name, each once. */
export function partsOf(section: LedgerSection): OtherHistory[] {
  return namedParts(section).flatMap(({ subject, shown }) =>
    shown === undefined ? [] : [{ subject, links: shown.links }],
  );
}

/** Step 4 for the actions of other histories: their contents are not here, what was done is. */
export function judgeActions(section: LedgerSection, histories: readonly OtherHistory[], note: Note): void {
  const { ledger } = sectionNames(section);
  for (const { subject, links } of histories) {
    links.forEach((reportLink, position) => {
      const link = linkOf(reportLink);
      if (!isModuleLink(link) || !hasAction(link.kind)) return;
      const action = actionOf(reportLink);
      const at = { ledger, subject, position, digest: link.digest, kind: link.kind };
      const module = { chainId: parseLedgerId(ledger).chainId, address: link.module };
      if (action === null) note({ outcome: 'incomplete', code: 'action.missing', at });
      else if (actionHash(module, action) !== link.actionHash) {
        note({ outcome: 'failed', code: 'action.hash', at });
      } else note({ outcome: 'passed', code: 'action.hash', at });
    });
  }
}

/**
 * Step 4 for the envelopes of parts on a vehicle's chain: the identifier that each states is in its one form, and the one
 * that its action's subject stands for. One that is not is the attester's lie, and void: whatever compares identifiers
 * compares their text. Without a transcript nobody can tell.
 */
export function identifyParts(
  section: LedgerSection,
  pseudonymKey: Hex,
  entries: readonly VerifiedEntry[],
  note: Note,
): VerifiedEntry[] {
  const { ledger, subject } = sectionNames(section);
  const known = new Map<string, Subject | null>();
  /** Null where the report does not let anybody tell. */
  const subjectOf = (identifier: string, part: Subject): Subject | null => {
    const at = { ledger, subject: part };
    const transcript = (section.parts ?? [])
      .find((shown) => shown.subject === part)
      ?.transcripts.find((one) => one.identifier === identifier);
    if (transcript === undefined) {
      note({ outcome: 'incomplete', code: 'part.transcriptMissing', at });
      return null;
    }
    try {
      const named = verifyTranscript(
        parseIdentifier(identifier, { overrideCheckDigit: true }),
        { evaluated: fromBase64Url(transcript.evaluated), proof: fromBase64Url(transcript.proof) },
        fromHex(pseudonymKey),
      );
      note({ outcome: 'passed', code: 'part.identified', at });
      return named;
    } catch (error) {
      note({ outcome: 'failed', code: codeOf(error), at });
      return null;
    }
  };
  return entries.map((entry) => {
    const { action, envelope, chain } = entry;
    if (chain !== subject || envelope === undefined || action === undefined) return entry;
    if (!isPartAction(action) || action.subject === subject) return entry;
    if (!isNormal(envelope.identifier)) return unbound(entry);
    const key = `${action.subject} ${envelope.identifier}`;
    if (!known.has(key)) known.set(key, subjectOf(envelope.identifier, action.subject));
    const named = known.get(key) ?? null;
    if (named === null || named === action.subject) return entry;
    return unbound(entry);
  });
}

function isNormal(text: string): boolean {
  try {
    return formatIdentifier(parseIdentifier(text, { overrideCheckDigit: true })) === text;
  } catch (error) {
    codeOf(error);
    return false;
  }
}

/** An entry whose envelope says something of itself that is not so. */
export function unbound(entry: VerifiedEntry): VerifiedEntry {
  const { envelope: _, erasures: __, ...rest } = entry;
  return { ...rest, status: 'void', code: 'envelope.unbound', sealed: {}, seals: { digests: 0, opened: 0 } };
}

/** The actions on one part in its chain, up to the first that is not known. */
function stepsOf(
  subject: Subject,
  links: readonly ReportLink[],
): { steps: PartStep[]; hashes: ReadonlySet<string>; module: Address | null; whole: boolean } {
  const steps: PartStep[] = [];
  const hashes = new Set<string>();
  let module: Address | null = null;
  for (const [position, link] of links.entries()) {
    if (!('module' in link) || partKindOf(link.kind) === undefined) continue;
    const action = partActionOf(link);
    if (action === null) return { steps, hashes, module, whole: false };
    // What is mounted in it, where it is no part alone.
    if (action.subject !== subject) continue;
    module ??= link.module as Address;
    hashes.add(`${link.actionHash} ${link.timestamp}`);
    steps.push({ action, actor: link.actor as Address, at: BigInt(link.timestamp), position });
  }
  return { steps, hashes, module, whole: true };
}

/** Step 7 for the parts of a section, folded by the table of docs/protocol.md §17: its own subject, and what was in it. */
export function verifyParts(section: LedgerSection, note: Note): VerifiedPart[] {
  const { ledger, subject: chain } = sectionNames(section);
  const found: VerifiedPart[] = [];
  const own = section.links.some((link) => partActionOf(link)?.subject === chain);
  if (own) found.push(...verifyPart(section, chain, section.links, note));
  for (const { subject, shown } of namedParts(section)) {
    if (shown === undefined) {
      note({ outcome: 'incomplete', code: 'part.historyMissing', at: { ledger, subject } });
      const [link] = section.links.filter((one) => partActionOf(one)?.subject === subject);
      const module = link !== undefined && 'module' in link ? (link.module as Address) : null;
      if (module !== null) found.push({ ...foldPart(subject, []), ledger, module, chain, whole: false });
    } else found.push(...verifyPart(section, subject, shown.links, note));
  }
  return found;
}

function verifyPart(
  section: LedgerSection,
  subject: Subject,
  links: readonly ReportLink[],
  note: Note,
): VerifiedPart[] {
  const { ledger, subject: chain } = sectionNames(section);
  const { steps, hashes, module, whole } = stepsOf(subject, links);
  const at = { ledger, subject };
  const history = foldPart(subject, steps);
  let legal = history.illegal === null;
  if (history.illegal !== null) {
    const { step, code } = history.illegal;
    note({
      outcome: 'failed',
      code: 'part.illegal',
      at: { ...at, position: step.position, digest: step.action.digest, kind: step.action.kind },
      expected: history.part.state,
      found: code,
    });
  }
  // What is said to have happened to it elsewhere is in its own chain too: `Parts` writes both at once.
  for (const [position, link] of section.links.entries()) {
    if (subject === chain || !whole || partActionOf(link)?.subject !== subject || !('module' in link))
      continue;
    if (hashes.has(`${link.actionHash} ${link.timestamp}`)) continue;
    legal = false;
    const where = { ledger, subject: chain, position, digest: link.digest, kind: link.kind };
    note({ outcome: 'failed', code: 'part.illegal', at: where, found: 'part.notInItsChain' });
  }
  if (legal && whole && steps.length > 0) {
    note({ outcome: 'passed', code: 'part.folded', at: { ...at, actions: steps.length } });
  }
  return module === null ? [] : [{ ...history, ledger, module, chain, whole: whole && legal }];
}

/** Whether an entry is the one that no legal transition can have written, on the part's chain or the vehicle's. */
export function isIllegal(entry: VerifiedEntry, { ledger, subject, illegal }: VerifiedPart): boolean {
  const { action, link } = entry;
  if (illegal === null || entry.ledger !== ledger || action === undefined || !isPartAction(action))
    return false;
  const { step } = illegal;
  return (
    action.subject === subject &&
    action.revision === step.action.revision &&
    action.digest === step.action.digest &&
    action.kind === step.action.kind &&
    link.timestamp === step.at
  );
}
