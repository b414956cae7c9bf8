import { applyAmendments, sameAttester } from '../../core/findings/amendments.ts';
import type { EffectiveEntry } from '../../core/findings/openedEntry.ts';
import { openedEntry } from '../../core/verify/conclude.ts';
import type { Verification } from '../../core/verify/result.ts';
import { CommandError } from '../exit.ts';

/** What counts of a verified history, with amendments applied. */
export function entriesOf(verification: Verification): readonly EffectiveEntry[] {
  const entries = verification.entries
    .filter(({ chain }) => typeof chain === 'string')
    .map((entry) => openedEntry(entry));
  return applyAmendments(entries, sameAttester).effective.filter(({ status }) => status === 'proven');
}

/** The digests of the entries with sealed fields that are not shown. */
export function hidingIn({ entries }: Pick<Verification, 'entries'>): ReadonlySet<string> {
  return new Set(entries.filter(({ seals }) => seals.digests > seals.opened).map(({ link }) => link.digest));
}

/** The entry that says how a batch was made. @throws `batch.notMade` `batch.ambiguous` */
export function producedOf(batch: string, entries: readonly EffectiveEntry[]): EffectiveEntry {
  const [produced, ...others] = entries.filter(({ kind }) => kind === 'batch.produced');
  if (produced === undefined) {
    throw new CommandError('failed', 'batch.notMade', `Nobody states that ${batch} was made.`);
  }
  if (others.length > 0) {
    throw new CommandError(
      'failed',
      'batch.ambiguous',
      `${batch} is stated to be made ${others.length + 1} times.`,
    );
  }
  return produced;
}
