import * as z from 'zod/mini';
import type { Hex } from '../bytes.ts';
import type { DirectoryLink } from '../chain/directory.ts';
import type { Link } from '../chain/link.ts';
import type { ChangeNumber, changes, OrganisationChange } from '../chain/organisation.ts';
import type { Address, Digest, LedgerId, OrganisationId, Subject } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { isPartAction, type ModuleAction, type PartAction, type TitleAction } from '../modules/action.ts';
import { partKindOf } from '../modules/part.ts';
import { titleKindOf } from '../modules/title.ts';
import { erasureReceiptSchema } from '../privacy/erasure.ts';

/*
 * A report: everything needed to check one subject's history, as JSON. It is a claim like any other: nothing in it is
 * believed before `verify` has checked it. Numbers that can exceed 53 bits are decimal strings; bytes are hex where
 * they name something and base64url where they are content.
 */

const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)));
const base64url = z.string().check(z.regex(/^[A-Za-z0-9_-]*$/));
/** At most 256 bits: what the chain itself could hold. */
const decimal = z.string().check(
  z.regex(/^(0|[1-9][0-9]{0,77})$/),
  z.refine((text) => !/^[0-9]{1,78}$/.test(text) || BigInt(text) >> 256n === 0n),
);
const seconds = z.int().check(z.gte(0));
const ledgerId = z.string().check(z.regex(/^eip155:[1-9][0-9]{0,19}:0x[0-9a-f]{40}$/));

/** Where the ledger's log says an entry was anchored: a hint to look it up, never needed to verify. */
const anchor = { block: z.optional(seconds), transaction: z.optional(hex(32)) };

const uint64 = z.string().check(
  z.regex(/^(0|[1-9][0-9]{0,19})$/),
  z.refine((text) => !/^[0-9]{1,20}$/.test(text) || BigInt(text) >> 64n === 0n),
);

/** What was asked of `Titles`; with the link's own kind and digest, the whole of what the actor signed. */
export const reportTitleActionSchema = z.strictObject({
  subject: hex(32),
  revision: seconds,
  deadline: uint64,
  organisation: uint64,
  party: hex(20),
  until: seconds,
  detail: hex(32),
});

/** The same of `Parts`. */
export const reportPartActionSchema = z.strictObject({
  subject: hex(32),
  revision: seconds,
  deadline: uint64,
  organisation: uint64,
  vehicle: hex(32),
});

export const reportActionSchema = z.union([reportTitleActionSchema, reportPartActionSchema]);

export const reportLinkSchema = z.union([
  z.strictObject({
    kind: z.int().check(z.gte(0), z.lte(255)),
    organisation: uint64,
    timestamp: seconds,
    digest: hex(32),
    ...anchor,
  }),
  z.strictObject({
    kind: z.int().check(z.gte(0), z.lte(255)),
    module: hex(20),
    actor: hex(20),
    timestamp: seconds,
    digest: hex(32),
    actionHash: hex(32),
    /** Of modules’ kinds: without it nobody can say what was done. */
    action: z.optional(reportActionSchema),
    ...anchor,
  }),
]);

export const reportChangeSchema = z.strictObject({
  change: z.int().check(z.gte(1), z.lte(9)),
  timestamp: seconds,
  value: hex(32),
});

export const reportBlockSchema = z.strictObject({ number: seconds, hash: hex(32), timestamp: seconds });

const organisationSchema = z.strictObject({
  id: uint64,
  /** The organisation's whole record. */
  changes: z.array(reportChangeSchema),
  /** Canonical JSON of its profile, whose SHA-256 the record names; null where the operator does not hold it. */
  profile: z.nullable(z.string()),
});

/** A maker's own chain, where its recall campaigns live, with this subject's place in each campaign. */
const ownChainSchema = z.strictObject({
  organisation: uint64,
  links: z.array(reportLinkSchema),
});

/** A subject that a title was carried over from, and its whole history there. */
const predecessorSchema = z.strictObject({ subject: hex(32), links: z.array(reportLinkSchema) });

const transcriptSchema = z.strictObject({ evaluated: base64url, proof: base64url });

/**
 * A part that was mounted in this subject: its whole history, and a transcript of each identifier that its entries here
 * state.
 */
const partSchema = z.strictObject({
  subject: hex(32),
  transcripts: z.array(
    z.strictObject({ identifier: z.string().check(z.maxLength(256)), ...transcriptSchema.shape }),
  ),
  links: z.array(reportLinkSchema),
});

const ledgerSchema = z.strictObject({
  ledger: ledgerId,
  subject: hex(32),
  transcript: transcriptSchema,
  /** The block at which the operator read the chain. */
  asOf: reportBlockSchema,
  links: z.array(reportLinkSchema),
  ownChains: z.array(ownChainSchema),
  organisations: z.array(organisationSchema),
  /** Where the title replaces another: what it was before, the latest first. */
  predecessors: z.optional(z.array(predecessorSchema)),
  /** The parts that its links say were mounted in it, or removed. */
  parts: z.optional(z.array(partSchema)),
});

/**
 * A ledger whose history this operator cannot show, and why: it does not follow the `chain`; it is still `behind`, reading
 * the ledger's past; the ledger's logs are `unreadable` to it; or it does not hold the pseudonym `key`, and then it cannot
 * name the subject there either. It claims nothing of the history, and no reader may take it for an empty one.
 */
const unreadSchema = z.discriminatedUnion('reason', [
  z.strictObject({
    ledger: ledgerId,
    reason: z.enum(['chain', 'behind', 'unreadable']),
    subject: hex(32),
    transcript: transcriptSchema,
  }),
  z.strictObject({ ledger: ledgerId, reason: z.literal('key') }),
]);

const directoryLinkSchema = z.discriminatedUnion('change', [
  z.strictObject({
    change: z.literal('added'),
    chainId: decimal,
    ledger: hex(20),
    organisations: hex(20),
    codeHash: hex(32),
    pseudonymKey: hex(32),
  }),
  z.strictObject({ change: z.literal('closed'), index: decimal, closedAt: decimal }),
]);

/** State of one chain at one block: RLP of its header, and the trie nodes on the way to all that is to be proven. */
const proofSchema = z.strictObject({
  chainId: decimal,
  codec: z.enum(['ethereum', 'besu-qbft']),
  header: base64url,
  nodes: z.array(base64url),
});

/** A block by its digest: its content and key, or why there is none: withheld, or destroyed by whoever signed the receipt. */
const contentSchema = z.union([
  z.strictObject({
    block: base64url,
    key: base64url,
    /** Open sealed fields that the reader was given. */
    disclosures: z.array(base64url),
    /** Of a recall campaign: the proof that this subject is, or is not, in its set. Of a batch's entry: that `member` is. */
    setProof: z.optional(z.unknown()),
    /** Receipts of fields and documents of this entry that were destroyed. */
    erasures: z.optional(z.array(erasureReceiptSchema)),
  }),
  z.strictObject({ erased: erasureReceiptSchema }),
  z.strictObject({ withheld: z.string().check(z.maxLength(2000)) }),
]);

export const reportSchema = z.strictObject({
  vinculum: z.literal('report/1'),
  identifier: z.string().check(z.maxLength(256)),
  /** Of a batch: the serial whose place in the batch's sets the set proofs show. */
  member: z.optional(z.string().check(z.maxLength(256))),
  createdAt: seconds,
  directory: z.strictObject({
    chainId: decimal,
    address: hex(20),
    links: z.array(directoryLinkSchema),
  }),
  /** One section for every ledger of the directory, but for those that are `unread`. */
  ledgers: z.array(ledgerSchema),
  /** The ledgers without a section: with any, no report is more than incomplete. */
  unread: z.optional(z.array(unreadSchema)),
  contents: z.record(hex(32), contentSchema),
  /** Storage proofs (EIP-1186) for every chain of the directory, so that one trusted block hash is enough. */
  proofs: z.optional(z.array(proofSchema)),
});

export type Report = z.infer<typeof reportSchema>;
export type LedgerSection = Report['ledgers'][number];
export type UnreadLedger = z.infer<typeof unreadSchema>;
export type ReportLink = z.infer<typeof reportLinkSchema>;
export type ReportAction = z.infer<typeof reportActionSchema>;
export type ReportTitleAction = z.infer<typeof reportTitleActionSchema>;
export type ReportPartAction = z.infer<typeof reportPartActionSchema>;
export type ReportContent = z.infer<typeof contentSchema>;
/** A content that is there. */
export type OpenContent = Extract<ReportContent, { readonly block: string }>;
export type ReportProof = z.infer<typeof proofSchema>;
export type ReportOrganisation = z.infer<typeof organisationSchema>;

/** Largest report that is read, in characters. */
export const MAX_REPORT_CHARACTERS = 256 * 1024 * 1024;

/**
 * A report from its JSON text.
 * @throws `report.tooLarge` `report.invalidJson` (a cut file) `report.unknownVersion` `report.malformed` with the path
 */
export function parseReport(text: string): Report {
  if (text.length > MAX_REPORT_CHARACTERS) {
    throw new VinculumError('report.tooLarge', `A report has at most ${MAX_REPORT_CHARACTERS} characters.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new VinculumError('report.invalidJson', 'The file is not JSON: it may be cut off.', { cause });
  }
  return readReport(value);
}

/** A report from a JSON value; errors as {@link parseReport}. */
export function readReport(value: unknown): Report {
  const version = (value as { vinculum?: unknown } | null)?.vinculum;
  if (typeof version === 'string' && version.startsWith('report/') && version !== 'report/1') {
    throw new VinculumError(
      'report.unknownVersion',
      `This reader knows report/1, not ${version.slice(0, 40)}.`,
    );
  }
  const parsed = reportSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path.map(String).join('.') ?? '';
    throw new VinculumError(
      'report.malformed',
      `This is no report: ${path || 'the document'} is not as it should be.`,
      {
        details: { path },
      },
    );
  }
  return parsed.data;
}

/** Whether a content is there, neither withheld nor erased. */
export function isOpenContent(content: ReportContent | undefined): content is OpenContent {
  return content !== undefined && 'block' in content;
}

/** A link of a report as the chain functions take it. */
export function linkOf(link: ReportLink): Link {
  if ('module' in link) {
    return {
      kind: link.kind,
      module: link.module as Address,
      actor: link.actor as Address,
      timestamp: BigInt(link.timestamp),
      digest: link.digest as Digest,
      actionHash: link.actionHash as Hex,
    };
  }
  return {
    kind: link.kind,
    organisation: BigInt(link.organisation) as OrganisationId,
    timestamp: BigInt(link.timestamp),
    digest: link.digest as Digest,
  };
}

/** The action of a module's link, as it was signed; null where the report does not say, or says another module's. */
export function actionOf(link: ReportLink): ModuleAction | null {
  return titleActionOf(link) ?? partActionOf(link);
}

export function titleActionOf(link: ReportLink): TitleAction | null {
  if (titleKindOf(link.kind) === undefined || !('module' in link)) return null;
  if (link.action === undefined || !('party' in link.action)) return null;
  const { party, until, detail } = link.action;
  return {
    ...commonOf(link, link.action),
    party: party as Address,
    until: BigInt(until),
    detail: detail as Hex,
  };
}

export function partActionOf(link: ReportLink): PartAction | null {
  if (partKindOf(link.kind) === undefined || !('module' in link)) return null;
  if (link.action === undefined || !('vehicle' in link.action)) return null;
  return { ...commonOf(link, link.action), vehicle: link.action.vehicle as Subject };
}

function commonOf({ kind, digest }: ReportLink, action: ReportAction) {
  return {
    kind,
    subject: action.subject as Subject,
    revision: BigInt(action.revision),
    deadline: BigInt(action.deadline),
    organisation: BigInt(action.organisation) as OrganisationId,
    digest: digest as Digest,
  };
}

/** An action as a report's link carries it. */
export function reportAction(action: ModuleAction): ReportAction {
  const common = {
    subject: action.subject,
    revision: Number(action.revision),
    deadline: action.deadline.toString(),
    organisation: action.organisation.toString(),
  };
  if (isPartAction(action)) return { ...common, vehicle: action.vehicle };
  return { ...common, party: action.party, until: Number(action.until), detail: action.detail };
}

export function changesOf(organisation: ReportOrganisation): OrganisationChange[] {
  return organisation.changes.map((link) => ({
    change: link.change as ChangeNumber & keyof typeof changes,
    timestamp: BigInt(link.timestamp),
    value: link.value as Hex,
  }));
}

export function directoryLinksOf(report: Report): DirectoryLink[] {
  return report.directory.links.map((link) =>
    link.change === 'added'
      ? {
          change: 'added',
          chainId: BigInt(link.chainId),
          ledger: link.ledger as Address,
          organisations: link.organisations as Address,
          codeHash: link.codeHash as Hex,
          pseudonymKey: link.pseudonymKey as Hex,
        }
      : { change: 'closed', index: BigInt(link.index), closedAt: BigInt(link.closedAt) },
  );
}

/** The typed names of a section. */
export function sectionNames(section: Pick<LedgerSection, 'ledger' | 'subject'>): {
  ledger: LedgerId;
  subject: Subject;
} {
  return { ledger: section.ledger as LedgerId, subject: section.subject as Subject };
}
