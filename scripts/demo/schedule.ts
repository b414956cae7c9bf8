import type { ComposedContent } from './compose.ts';

/** What one organisation signs at once. */
export type Bundle = { readonly by: string; readonly entries: readonly ComposedContent[] };

/**
 * Divides histories into as few bundles as will do, each by one organisation, so that recording the bundles in their
 * order records every history in its own. Links between two subjects come last and together, for both or neither.
 */
export function schedule(histories: readonly (readonly ComposedContent[])[], most: number): Bundle[] {
  const isLink = ({ kind }: ComposedContent): boolean => kind === 'vehicle.linked';
  const waiting = histories.map((history) => history.filter((entry) => !isLink(entry)));
  const next = waiting.map(() => 0);
  const bundles: Bundle[] = [];

  /** How many entries at the beginning of what is left of a history are by that organisation. */
  const run = (index: number, by: string): number => {
    const history = waiting[index] ?? [];
    const from = next[index] ?? 0;
    let to = from;
    while (history[to]?.by === by) to += 1;
    return to - from;
  };
  for (;;) {
    const ready = new Map<string, number>();
    waiting.forEach((history, index) => {
      const by = history[next[index] ?? 0]?.by;
      if (by !== undefined) ready.set(by, (ready.get(by) ?? 0) + run(index, by));
    });
    const [best] = [...ready].sort((left, right) => right[1] - left[1]);
    if (best === undefined) break;
    const [by] = best;
    const entries: ComposedContent[] = [];
    waiting.forEach((history, index) => {
      const from = next[index] ?? 0;
      const to = Math.min(from + run(index, by), from + most - entries.length);
      entries.push(...history.slice(from, to));
      next[index] = to;
    });
    bundles.push({ by, entries });
  }

  for (const by of new Set(
    histories
      .flat()
      .filter(isLink)
      .map((entry) => entry.by),
  )) {
    bundles.push({ by, entries: histories.flat().filter((entry) => isLink(entry) && entry.by === by) });
  }
  return bundles;
}
