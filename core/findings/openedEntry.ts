import type { Json } from '../canonical.ts';
import type { LedgerId } from '../chain/types.ts';
import type { KindData, KindName } from '../kinds/kinds.ts';
import type { ErasureReceipt } from '../privacy/erasure.ts';

/** An entry as verification left it; of one that is not `proven` only what its link says. */
export type OpenedEntry = {
  readonly digest: string;
  /** The ledger that it stands in, where it comes from a verified report: organisations' numbers are of its register. */
  readonly ledger?: LedgerId;
  /** The kind's name; of an unknown kind its number as text. */
  readonly kind: string;
  readonly kindVersion: number;
  /** The attester's number in decimal; of a title's entry the acting organisation's, or `0` where an owner acted. */
  readonly organisation: string;
  /** Of a module's entry: the identifier that its envelope is of, another one where a title was carried over. */
  readonly identifier?: string;
  /** When it happened: `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`; of an entry that is not open, any text. */
  readonly time: string;
  /** Timestamp of the block that anchors it, seconds since 1970. */
  readonly anchoredAt: number;
  /** Place in its chain, from 0. */
  readonly position: number;
  readonly status: 'proven' | 'withheld' | 'erased' | 'void' | 'unknownKind' | 'refuted';
  /** The public fields, without `_sd`; empty where it is not proven. */
  readonly data: Readonly<Record<string, Json>>;
  /** Public fields that the kind demands and that the reader may not see: with any, the entry counts for nothing. */
  readonly missing?: readonly string[];
  /** Who destroyed the content, why and when. */
  readonly erasure?: Pick<ErasureReceipt, 'operator' | 'basis' | 'erasedAt'>;
  /** The sealed fields that the reader was given. */
  readonly sealed: Readonly<Record<string, Json>>;
  /** ISO 3166 country of the attester, where its profile says. */
  readonly country?: string;
  /**
   * Of a recall campaign's entry on an attester's own chain: whether a proof shows the vehicle in its set. Of a batch's entry
   * that names serials, where one was asked for: whether a proof shows that serial among them.
   */
  readonly affected?: 'in' | 'out' | 'unknown';
};

/** What hides no more than which vehicles a campaign lists: its `affected` says that nobody knows. */
const SET_FIELDS: ReadonlySet<string> = new Set(['affectedRoot', 'affectedCount', 'treeKey']);

/** Whether the rules can take an entry at its word: it is proven, and nothing that they need of it is sealed. */
export function isReadable({ status, kind, missing = [] }: OpenedEntry): boolean {
  const campaign = kind === 'recall.opened' || kind === 'recall.extended';
  return status === 'proven' && missing.every((name) => campaign && SET_FIELDS.has(name));
}

/** An entry that counts, with what an amendment made of it. */
export type EffectiveEntry = OpenedEntry & {
  /** Digest of the amendment that its `data`, `sealed` and `time` come from; null for an original. */
  readonly amendedBy: string | null;
  /** Earlier states, the oldest first: the original, then each amendment but the one that counts. */
  readonly superseded: readonly OpenedEntry[];
};

/** The evidence of an entry: itself, and the amendment that corrected it. */
export function evidence(...entries: readonly Pick<EffectiveEntry, 'digest' | 'amendedBy'>[]): string[] {
  return entries.flatMap((entry) =>
    entry.amendedBy === null ? [entry.digest] : [entry.digest, entry.amendedBy],
  );
}

export type EntryOf<Name extends KindName> = Omit<EffectiveEntry, 'data'> & { readonly data: KindData<Name> };

/** The entries of one kind, typed: their data was validated when they were opened. */
export function ofKind<Name extends KindName>(
  entries: readonly EffectiveEntry[],
  name: Name,
): EntryOf<Name>[] {
  return entries.filter((entry) => entry.kind === name) as unknown as EntryOf<Name>[];
}

/** Seconds since 1970 of an event's time; a date counts from its first second, UTC. */
export function eventSeconds(time: string): number {
  return Date.parse(time.length === 10 ? `${time}T00:00:00Z` : time) / 1000;
}

/** The calendar day of an event. */
export function eventDay(time: string): string {
  return time.slice(0, 10);
}

/**
 * The one order of a history: by the time of the event (a date from its first second, UTC), then by the block that
 * anchored it, then by the place in its chain, then by digest.
 */
export function compareEntries(left: OpenedEntry, right: OpenedEntry): number {
  return (
    eventSeconds(left.time) - eventSeconds(right.time) ||
    left.anchoredAt - right.anchoredAt ||
    left.position - right.position ||
    (left.digest < right.digest ? -1 : left.digest > right.digest ? 1 : 0)
  );
}
