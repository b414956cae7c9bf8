import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import { useTongue } from './context.ts';

/** A part of the page that is fetched when it is needed; where it can't be, the page says so and goes on. */
export function lazyPart<Props>(
  load: () => Promise<ComponentType<Props>>,
): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => ({ default: await load().catch(() => Missing) }));
}

const parts = new Set<() => Promise<unknown>>();

/** A lazy part of a report, which a reader may open when the network is gone. */
export function reportPart<Props>(
  load: () => Promise<ComponentType<Props>>,
): LazyExoticComponent<ComponentType<Props>> {
  parts.add(load);
  return lazyPart(load);
}

/** Fetches all parts of reports ahead: afterwards a report can be opened and checked without a network. */
export async function fetchReportParts(): Promise<void> {
  await Promise.allSettled([...parts].map((load) => load()));
}

function Missing() {
  const { texts } = useTongue();
  return (
    <p className="fault" role="alert">
      {texts.failure.texts['page.partMissing']}
    </p>
  );
}
