import type { Finding } from '../../core/findings/finding.ts';
import type { VerifiedEntry } from '../../core/verify/result.ts';

/** A dispute by the owner, and what its entry's attester made of it. */
export type DisputeView = {
  /** The dispute's own entry. */
  readonly digest: string;
  readonly anchoredAt: number;
  /** Why, where the dispute's content is open. */
  readonly reason: string | null;
  readonly outcome: 'open' | 'amended' | 'retracted' | 'upheld';
  /** The entry that settled it. */
  readonly by: string | null;
};

/** The disputes of a history as the rules conclude them, by the digest of the entry that each names. */
export function disputesOf(
  findings: readonly Finding[],
  entries: ReadonlyMap<string, VerifiedEntry>,
): ReadonlyMap<string, readonly DisputeView[]> {
  const disputes = new Map<string, DisputeView[]>();
  for (const { code, entries: evidence, details } of findings) {
    const [target, digest] = evidence;
    if (code !== 'entry.disputed' || target === undefined || digest === undefined) continue;
    const { answer, reason } = details;
    const known = (['amended', 'retracted', 'upheld'] as const).find((one) => one === answer);
    const dispute: DisputeView = {
      digest,
      anchoredAt: Number(entries.get(digest)?.link.timestamp ?? 0n),
      reason: typeof reason === 'string' ? reason : null,
      outcome: known ?? 'open',
      by: known === undefined ? null : (evidence.at(-1) ?? null),
    };
    disputes.set(target, [...(disputes.get(target) ?? []), dispute]);
  }
  return disputes;
}
