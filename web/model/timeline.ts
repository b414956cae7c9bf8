import type { EntryView } from './view.ts';

export const groups = ['all', 'care', 'readings', 'ownership', 'damage', 'parts', 'changes'] as const;
export type Group = (typeof groups)[number];

const GROUP_OF: Readonly<Record<string, Exclude<Group, 'all'>>> = {
  service: 'care',
  repair: 'care',
  'software.updated': 'care',
  inspection: 'readings',
  odometer: 'readings',
  condition: 'readings',
  accident: 'damage',
  claim: 'damage',
  'registration.procedure': 'damage',
  'part.produced': 'parts',
  'part.mounted': 'parts',
  'part.removed': 'parts',
  'recall.remedied': 'parts',
  amended: 'changes',
  upheld: 'changes',
};

export function groupOf(kind: string): Exclude<Group, 'all'> {
  const known = GROUP_OF[kind];
  if (known !== undefined) return known;
  return kind.startsWith('batch.') || kind.startsWith('recall.') ? 'parts' : 'ownership';
}

export type TimelineFilter = {
  readonly group: Group;
  /** An attester's key. */
  readonly attester: string | null;
  readonly withDocuments: boolean;
  readonly newestFirst: boolean;
};

export const everything: TimelineFilter = {
  group: 'all',
  attester: null,
  withDocuments: false,
  newestFirst: true,
};

/** When an entry stands in the timeline: by its event, or by its block where its content is not open. */
export function sortTime({ time, anchoredAt }: Pick<EntryView, 'time' | 'anchoredAt'>): number {
  const seconds =
    time === '' ? Number.NaN : Date.parse(time.length === 10 ? `${time}T00:00:00Z` : time) / 1000;
  return Number.isNaN(seconds) ? anchoredAt : seconds;
}

/** The entries that a filter lets through, in its order. */
export function filtered(entries: readonly EntryView[], filter: TimelineFilter): EntryView[] {
  const shown = entries.filter(
    (entry) =>
      (filter.group === 'all' || groupOf(entry.kind) === filter.group) &&
      (filter.attester === null || entry.attester === filter.attester) &&
      (!filter.withDocuments || entry.documents.length > 0),
  );
  const sorted = shown.sort(
    (left, right) =>
      sortTime(left) - sortTime(right) ||
      left.anchoredAt - right.anchoredAt ||
      left.position - right.position,
  );
  return filter.newestFirst ? sorted.reverse() : sorted;
}

export function countGroups(entries: readonly EntryView[]): Readonly<Record<Group, number>> {
  const counts = { all: entries.length, care: 0, readings: 0, ownership: 0, damage: 0, parts: 0, changes: 0 };
  for (const { kind } of entries) counts[groupOf(kind)] += 1;
  return counts;
}
