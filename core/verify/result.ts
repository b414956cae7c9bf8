import type { Hex } from '../bytes.ts';
import type { Json } from '../canonical.ts';
import type { Link } from '../chain/link.ts';
import type { Standing } from '../chain/organisation.ts';
import type { Address, LedgerId, OrganisationId, Subject } from '../chain/types.ts';
import type { Envelope } from '../envelope/envelope.ts';
import type { Finding } from '../findings/finding.ts';
import type { EffectiveEntry, OpenedEntry } from '../findings/openedEntry.ts';
import type { Summary } from '../findings/summary.ts';
import type { ModuleAction } from '../modules/action.ts';
import type { PartHistory } from '../modules/part.ts';
import type { Obstacle } from '../modules/title.ts';
import type { TitleHistory } from '../modules/titleHistory.ts';
import type { ErasureReceipt } from '../privacy/erasure.ts';
import type { BlockReference } from './chainView.ts';

/** The steps of a verification, in order (docs/protocol.md §8). */
export const steps = [
  'subject',
  'ledgers',
  'completeness',
  'entries',
  'attesters',
  'disclosures',
  'findings',
] as const;
export type StepName = (typeof steps)[number];

export type Outcome = 'passed' | 'incomplete' | 'failed';

/** One thing that a step looked at. */
export type Check = {
  readonly outcome: Outcome;
  /** Stable: what was checked, and how it failed where it did. */
  readonly code: string;
  /** Which ledger, entry, organisation or field; enough to find it. */
  readonly at: Readonly<Record<string, string | number>>;
  readonly expected?: string;
  readonly found?: string;
};

export type Step = { readonly step: StepName; readonly outcome: Outcome; readonly checks: readonly Check[] };

/**
 * What is known of one entry: `proven` (opened, valid and bound to its link), `withheld` (nobody hands out its block or
 * key), `erased` (with receipt), `void` (provably malformed or bound elsewhere: the attester's fault), `unknownKind`,
 * or `refuted` (what was handed out is not what was anchored).
 */
export type EntryStatus = 'proven' | 'withheld' | 'erased' | 'void' | 'unknownKind' | 'refuted';

export type VerifiedEntry = {
  readonly ledger: LedgerId;
  /** The chain it stands in: a subject's, or an organisation's own. */
  readonly chain: Subject | { readonly organisation: OrganisationId };
  /** Place in that chain, from 0. */
  readonly position: number;
  readonly link: Link;
  /** Of a module's entry, where the report says it: what the link's actor asked for. */
  readonly action?: ModuleAction;
  readonly status: EntryStatus;
  /** Why it is not proven. */
  readonly code?: string;
  readonly envelope?: Envelope;
  /** The sealed fields whose disclosures the reader was given, public ones that the signer sealed included. */
  readonly sealed: Readonly<Record<string, Json>>;
  /** How many fields are sealed, by their digests, and how many of them are open in `sealed`. */
  readonly seals: { readonly digests: number; readonly opened: number };
  /** Who destroyed the content, why and when; of an `erased` entry. */
  readonly erasure?: ErasureReceipt;
  /** The fields and documents of an open entry that were destroyed, each by a valid receipt. */
  readonly erasures?: readonly ErasureReceipt[];
};

export type VerifiedOrganisation = {
  readonly ledger: LedgerId;
  readonly id: OrganisationId;
  readonly standing: Standing;
  readonly profile: Json;
};

/** As of which block of which chain the verdict holds. */
export type AsOf = {
  readonly chainId: bigint;
  readonly block: BlockReference;
  /** Whether the verified history can no longer be undone. */
  readonly final: boolean;
  readonly endpoints: number;
};

export type Verdict = 'verified' | 'incomplete' | 'refuted';

/** The title of the subject in one ledger, folded from its links. */
export type VerifiedTitle = TitleHistory & {
  readonly ledger: LedgerId;
  /** The contract that keeps it. */
  readonly module: Address;
  /** The block as of which `obstacles` stand, by its timestamp, seconds since 1970. */
  readonly asOf: bigint;
  /** What stands against a sale; empty where the vehicle may be sold. Says nothing where the history is not whole. */
  readonly obstacles: readonly Obstacle[];
};

/** A part in one ledger, folded from its own links: the subject itself, or one that was mounted in it. */
export type VerifiedPart = PartHistory & {
  readonly ledger: LedgerId;
  /** The contract that keeps it. */
  readonly module: Address;
  /** The subject of the report. */
  readonly chain: Subject;
  /** Whether all of its actions are known and legal; else nothing can be said of where it is. */
  readonly whole: boolean;
};

export type Verification = {
  readonly verdict: Verdict;
  readonly identifier: string;
  readonly subjects: readonly { readonly ledger: LedgerId; readonly subject: Subject; readonly head: Hex }[];
  readonly asOf: readonly AsOf[];
  readonly steps: readonly Step[];
  readonly entries: readonly VerifiedEntry[];
  readonly organisations: readonly VerifiedOrganisation[];
  /** One for each ledger that has a title of the subject: no more than one, as long as nobody erred. */
  readonly titles: readonly VerifiedTitle[];
  /** The subject where it is a part, and the parts that were ever mounted in it. */
  readonly parts: readonly VerifiedPart[];
  /**
   * The subject's proven entries as they count, by the time of what happened: each with its original's `digest`, and with
   * what its latest correction says by whoever may correct it (`amendedBy`). What was retracted is not among them, and
   * nothing whose needed fields are sealed. Sealed fields that the reader was given stand among the data and in `sealed`.
   */
  readonly effective: readonly EffectiveEntry[];
  /** The same of the own chains. */
  readonly effectiveOwn: readonly EffectiveEntry[];
  /** Digests of the entries, of the subject and of own chains, that were taken back by whoever may. */
  readonly retracted: readonly string[];
  /** The subject's proven entries that nobody corrected or retracted and that seal what the rules need (`missing`). */
  readonly unreadable: readonly OpenedEntry[];
  readonly findings: readonly Finding[];
  readonly summary: Summary | null;
};

/** The worse of two outcomes. */
export function worse(left: Outcome, right: Outcome): Outcome {
  if (left === 'failed' || right === 'failed') return 'failed';
  return left === 'incomplete' || right === 'incomplete' ? 'incomplete' : 'passed';
}
