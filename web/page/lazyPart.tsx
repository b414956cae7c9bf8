import { type ComponentType, type LazyExoticComponent, lazy } from 'react';
import { useTongue } from './context.ts';

/** A part of the page that is fetched when it is needed; where it can't be, the page says so and goes on. */
export function lazyPart<Props>(
  load: () => Promise<ComponentType<Props>>,
): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => ({ default: await load().catch(() => Missing) }));
}

function Missing() {
  const { texts } = useTongue();
  return (
    <p className="fault" role="alert">
      {texts.failure.texts['page.partMissing']}
    </p>
  );
}
