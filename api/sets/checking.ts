import { Worker } from 'node:worker_threads';
import type { Hex } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';
import { Problem } from '../problem.ts';
import type { PackedBucket } from './check.ts';
import type { CheckAnswer, CheckData, CheckRequest } from './checkWorker.ts';

/** A check that runs in a thread of its own. */
export interface Checking {
  /** @throws as `SetCheck.add` */
  add(text: Uint8Array<ArrayBuffer>): Promise<void>;
  /** @throws as `SetCheck.finish` */
  finish(): Promise<{ readonly root: Hex; readonly count: number }>;
  /** The next buckets; none when that was all. */
  next(): Promise<readonly PackedBucket[]>;
  end(): Promise<void>;
}

const MEMBERS_AT_ONCE = 4_000;

export function startChecking({ treeKey, of, count }: CheckData): Checking {
  const workerData: CheckData = { treeKey, of, count };
  const worker = new Worker(new URL('./checkWorker.ts', import.meta.url), {
    workerData,
    execArgv: [], // the process's own may be meant for its main script only
  });
  let waiting: { resolve: (answer: CheckAnswer) => void; reject: (error: unknown) => void } | null = null;
  let dead: Problem | null = null;
  const die = (cause?: unknown): void => {
    dead ??= new Problem('internal', 'The thread that checks sets died.', { cause });
    waiting?.reject(dead);
    waiting = null;
  };
  worker.on('message', (answer: CheckAnswer) => {
    const { resolve } = waiting ?? {};
    waiting = null;
    resolve?.(answer);
  });
  worker.on('error', die);
  worker.on('exit', () => die());

  async function ask<K extends CheckAnswer['kind']>(
    request: CheckRequest,
    wanted: K,
    moved: ArrayBuffer[] = [],
  ): Promise<Extract<CheckAnswer, { kind: K }>> {
    if (dead !== null) throw dead;
    const answered = Promise.withResolvers<CheckAnswer>();
    waiting = answered;
    worker.postMessage(request, moved);
    const answer = await answered.promise;
    if (answer.kind === wanted) return answer as Extract<CheckAnswer, { kind: K }>;
    if (answer.kind === 'refused') {
      throw new VinculumError(answer.code, answer.message, { details: answer.details });
    }
    const reason = answer.kind === 'failed' ? answer.reason : answer.kind;
    throw new Problem('internal', 'The check of a set failed.', { cause: new Error(reason) });
  }

  return {
    async add(text) {
      await ask({ kind: 'add', text }, 'added', [text.buffer]);
    },
    async finish() {
      const { root, count: found } = await ask({ kind: 'finish' }, 'finished');
      return { root, count: found };
    },
    async next() {
      return (await ask({ kind: 'buckets', members: MEMBERS_AT_ONCE }, 'buckets')).buckets;
    },
    async end() {
      dead ??= new Problem('internal', 'The check has ended.');
      await worker.terminate();
    },
  };
}
