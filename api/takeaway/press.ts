import { Worker } from 'node:worker_threads';
import { Problem } from '../problem.ts';
import type { WorkerAnswer, WorkerRequest, WorkerTask } from './worker.ts';

/** What may wait for the thread at once. */
const MAX_WAITING = 64;

type Waiting = {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: unknown) => void;
};

/** A thread that prints and checks reports, one after the other; started with the first, and anew if it dies. */
export interface Press {
  /** @throws `takeaway.busy` when too many wait already */
  run(task: WorkerTask): Promise<WorkerAnswer>;
  close(): Promise<void>;
}

export function createPress(): Press {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let last = 0;

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), {
      execArgv: [], // the process's own may be meant for its main script only
    });
    started.unref();
    started.on('message', (answer: WorkerAnswer) => {
      const found = waiting.get(answer.id);
      waiting.delete(answer.id);
      found?.resolve(answer);
    });
    const end = (error: unknown): void => {
      if (worker === started) worker = undefined;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    started.on('error', (cause) => end(new Problem('internal', 'The printing thread died.', { cause })));
    started.on('exit', () => {
      if (worker === started) end(new Problem('internal', 'The printing thread ended.'));
    });
    return started;
  }

  return {
    run(task) {
      if (waiting.size >= MAX_WAITING) {
        throw new Problem('takeaway.busy', 'Too many reports are being printed: try again in a moment.');
      }
      worker ??= start();
      last += 1;
      const id = last;
      const request: WorkerRequest = { id, task };
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker?.postMessage(request);
      });
    },
    async close() {
      const running = worker;
      worker = undefined;
      for (const { reject } of waiting.values()) reject(new Problem('internal', 'The service is stopping.'));
      waiting.clear();
      await running?.terminate();
    },
  };
}
