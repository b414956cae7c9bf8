import type { EntryView, ReportView } from './view.ts';

/** A batch as its proven history tells it. */
export type BatchView = {
  /** The entry that made it; null where nobody registered it. */
  readonly produced: EntryView | null;
  /** Further entries that claim to have made a batch of this number. */
  readonly again: readonly EntryView[];
  /** What happened to it since, the oldest first. */
  readonly steps: readonly EntryView[];
  /** Quarantines that nobody has ended. */
  readonly quarantines: readonly EntryView[];
  readonly state: 'none' | 'quarantined' | 'inTransit' | 'held';
  /** Who has it, or who is to get it; null where nobody says. */
  readonly holder: string | null;
  /** How many serials its root covers; null where it has none. */
  readonly count: number | null;
};

const STEPS = new Set(['batch.shipped', 'batch.received', 'batch.quarantined', 'batch.released']);

/** What counts of a batch's history: proven, and not taken back. */
export function batchOf(view: Pick<ReportView, 'entries'>): BatchView {
  const counted = view.entries.filter(({ status, retracted }) => status === 'proven' && !retracted);
  const [produced = null, ...again] = counted.filter(({ kind }) => kind === 'batch.produced');
  const steps = counted.filter(({ kind }) => STEPS.has(kind));
  const quarantines = steps.filter(
    (step, index) =>
      step.kind === 'batch.quarantined' && !steps.slice(index + 1).some((later) => ends(later, step)),
  );
  const last = steps.findLast(({ kind }) => kind === 'batch.shipped' || kind === 'batch.received');
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  const holder =
    last === undefined
      ? text(produced?.data.manufacturerId)
      : last.kind === 'batch.received'
        ? text(last.data.by)
        : (text(last.data.to) ?? text(last.sealed.customer));
  const { count } = (produced?.data.serials ?? {}) as { count?: unknown };
  return {
    produced,
    again,
    steps,
    quarantines,
    state:
      quarantines.length > 0
        ? 'quarantined'
        : produced === null && steps.length === 0
          ? 'none'
          : last?.kind === 'batch.shipped'
            ? 'inTransit'
            : 'held',
    holder,
    count: typeof count === 'number' ? count : null,
  };
}

/** Whether a release ends a quarantine: the one that it names; else one of its own attester. */
function ends(step: EntryView, quarantine: EntryView): boolean {
  if (step.kind !== 'batch.released') return false;
  const { quarantined } = step.data;
  return typeof quarantined === 'string'
    ? quarantined === quarantine.digest
    : step.attester === quarantine.attester;
}
