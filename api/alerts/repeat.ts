import { setTimeout as sleep } from 'node:timers/promises';
import type { Pipeline } from '../pipeline.ts';

const PAUSE_MILLISECONDS = 30_000;
/** Blocks that come together are told of together. */
const GATHER_MILLISECONDS = 50;

/**
 * Repeats work that follows what the index reads: shortly after each block with something in it, and every half minute for
 * what only time brings. What fails is said, and tried again; nothing is lost by it, for the work finds out itself what it
 * has not done yet.
 */
export function repeatAfterBlocks(
  pipeline: Pick<Pipeline, 'on'>,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const { signal } = stopping;
  let bell = Promise.withResolvers<void>();
  const ring = (): void => bell.resolve();
  const silent = [
    pipeline.on('anchored', ring),
    pipeline.on('subjects', ring),
    pipeline.on('reorganised', ring),
  ];
  const running = (async () => {
    while (!signal.aborted) {
      try {
        await work();
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
      const timer = new AbortController();
      const pause = sleep(PAUSE_MILLISECONDS, undefined, {
        signal: AbortSignal.any([signal, timer.signal]),
        ref: false,
      }).catch(() => undefined);
      await Promise.race([pause, bell.promise]);
      timer.abort();
      bell = Promise.withResolvers<void>();
      await sleep(GATHER_MILLISECONDS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      for (const off of silent) off();
      ring();
      await running;
    },
  };
}
