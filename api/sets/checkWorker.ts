import { parentPort, workerData } from 'node:worker_threads';
import type { Hex } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';
import { type PackedBucket, SetCheck } from './check.ts';
import type { NamedSet } from './named.ts';

/*
 * Checking a set takes the processor for microseconds a member: it is done in a thread of its own, which ends with it, so
 * that nobody else waits and the memory is given back. One request at a time, each answered.
 */
export type CheckData = Pick<NamedSet, 'treeKey' | 'of' | 'count'>;

export type CheckRequest =
  | { readonly kind: 'add'; readonly text: Uint8Array }
  | { readonly kind: 'finish' }
  /** The next buckets, of so many members in all or a little more. */
  | { readonly kind: 'buckets'; readonly members: number };

export type CheckAnswer =
  | { readonly kind: 'added' }
  | { readonly kind: 'finished'; readonly root: Hex; readonly count: number }
  /** None: that was all. */
  | { readonly kind: 'buckets'; readonly buckets: readonly PackedBucket[] }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'failed'; readonly reason: string };

const port = parentPort;
if (port === null) throw new Error('runs as a worker only');

const check = new SetCheck(workerData as CheckData);
let buckets: Iterator<PackedBucket> | null = null;

function work(request: CheckRequest): CheckAnswer {
  switch (request.kind) {
    case 'add': {
      const { buffer, byteOffset, length } = request.text;
      check.add(Buffer.from(buffer, byteOffset, length).toString('latin1'));
      return { kind: 'added' };
    }
    case 'finish':
      return { kind: 'finished', ...check.finish() };
    case 'buckets': {
      buckets ??= check.buckets();
      const some: PackedBucket[] = [];
      for (let bytes = 0; bytes < request.members * 16; ) {
        const next = buckets.next();
        if (next.done === true) break;
        some.push(next.value);
        bytes += next.value.content.length;
      }
      return { kind: 'buckets', buckets: some };
    }
  }
}

port.on('message', (request: CheckRequest) => {
  let answer: CheckAnswer;
  try {
    answer = work(request);
  } catch (error) {
    answer =
      error instanceof VinculumError
        ? { kind: 'refused', code: error.code, message: error.message, details: error.details }
        : { kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  const moved =
    answer.kind === 'buckets'
      ? answer.buckets.flatMap(({ start, content }) => [start.buffer, content.buffer])
      : [];
  port.postMessage(answer, moved);
});
