import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type LoadStep, type LoadTarget, loadDemo, type OnLoadProgress } from './load.ts';
import type { DemoMarker } from './plan.ts';

type Message =
  | { readonly progress: readonly [LoadStep, number, number] }
  | { readonly loaded: DemoMarker }
  | { readonly failed: unknown };

export type RunningLoad = {
  readonly done: Promise<DemoMarker>;
  /** Breaks the load off; the next one goes on where it was. */
  stop(): Promise<void>;
};

/** Loads the demo on a thread of its own, so that the service next to it keeps answering. */
export function loadInWorker(target: LoadTarget, onProgress: OnLoadProgress): RunningLoad {
  const worker = new Worker(new URL(import.meta.url), { workerData: { target } });
  const done = new Promise<DemoMarker>((resolve, reject) => {
    worker.on('message', (message: Message) => {
      if ('progress' in message) onProgress(...message.progress);
      else if ('loaded' in message) resolve(message.loaded);
      else reject(message.failed);
    });
    worker.on('error', reject);
    worker.on('exit', () => reject(new Error('loading the demo was broken off')));
  });
  return {
    done,
    stop: async () => {
      done.catch(() => undefined);
      await worker.terminate();
    },
  };
}

const port = parentPort;
if (!isMainThread && port !== null && (workerData as { target?: LoadTarget } | null)?.target !== undefined) {
  const send = (message: Message): void => port.postMessage(message);
  const { target } = workerData as { target: LoadTarget };
  loadDemo(target, (...progress) => send({ progress })).then(
    (loaded) => send({ loaded }),
    // An error crosses the border with its message only.
    (error: unknown) =>
      send({ failed: error instanceof Error ? new Error(error.message, { cause: error.stack }) : error }),
  );
}
