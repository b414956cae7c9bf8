import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { utf8 } from '../../core/bytes.ts';
import { type Client, ServiceRefusal } from '../client.ts';

const statusSchema = z.looseObject({
  state: z.enum(['absent', 'receiving', 'checking', 'stored', 'failed']),
  count: z.int(),
  members: z.int(),
  chunks: z.array(z.tuple([z.int(), z.int()])),
  problem: z.nullable(z.looseObject({ code: z.string(), facts: z.unknown() })),
});
export type SetStatus = z.output<typeof statusSchema>;

export type UploadOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Told how many members are with the service, and what it does. */
  readonly onProgress?: (members: number, state: 'sending' | 'checking') => void;
};

/** Members of a chunk: the same in every run, so that one that was interrupted sends only what is missing. */
export const CHUNK_MEMBERS = 25_000;
/** So many go in one request. */
const FEW = 2_000;
const SENT_AT_ONCE = 2;
const FIRST_LOOK_MILLISECONDS = 100;
const LOOK_MILLISECONDS = 1_000;

/**
 * Hands the members of an entry's set to the service, in chunks, and waits until it has checked and stored them. Run again
 * after an interruption with the same members in the same order, it sends what has not come yet.
 * @param client signed in as the entry's attester
 * @param members identifiers as text; read only where they are needed
 * @returns whether they were stored before
 * @throws {@link ServiceRefusal}: `set.unknownEntry`, `set.mismatch` where they are not the entry's members, `tree.duplicate`
 */
export async function uploadSet(
  client: Client,
  digest: string,
  members: Iterable<string> | AsyncIterable<string>,
  options: UploadOptions = {},
): Promise<{ readonly members: number; readonly alreadyThere: boolean }> {
  const { signal, onProgress } = options;
  const before = await setStatus(client, digest);
  if (before.state === 'stored') return { members: before.count, alreadyThere: true };
  if (Array.isArray(members) && members.length <= FEW && before.state === 'absent') {
    await client.bytes(`/v1/sets/${digest}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ members }),
    });
    return { members: members.length, alreadyThere: false };
  }
  if (before.state === 'receiving' && !isOurs(before)) {
    // Begun by another program, which cuts it otherwise.
    await client.bytes(`/v1/sets/${digest}/chunks`, { method: 'DELETE' });
    return uploadSet(client, digest, members, options);
  }
  const status =
    before.state === 'checking' ? before : await sendAll(client, digest, members, before, options);
  onProgress?.(status.count, 'checking');
  await stored(client, digest, status, signal);
  return { members: status.count, alreadyThere: false };
}

/** How far the set of an entry has come. @throws `set.unknownEntry` */
export function setStatus(client: Client, digest: string): Promise<SetStatus> {
  return client.json(`/v1/sets/${digest}`, statusSchema);
}

async function sendAll(
  client: Client,
  digest: string,
  members: Iterable<string> | AsyncIterable<string>,
  before: SetStatus,
  { signal, onProgress }: UploadOptions,
): Promise<SetStatus> {
  const isThere = (number: number): boolean =>
    before.state === 'receiving' && before.chunks.some(([from, to]) => from <= number && number <= to);
  const sending = new Set<Promise<void>>();
  let failure: unknown;
  let number = 0;
  let sent = 0;
  const send = async (lines: readonly string[]): Promise<void> => {
    const own = number++;
    if (!isThere(own)) {
      const body = utf8(lines.join('\n')) as Uint8Array<ArrayBuffer>;
      const one = client
        .bytes(`/v1/sets/${digest}/chunks/${own}`, {
          method: 'PUT',
          headers: { 'content-type': 'text/plain' },
          body,
        })
        .then(() => tell(lines.length))
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => sending.delete(one));
      sending.add(one);
    } else tell(lines.length);
    while (sending.size >= SENT_AT_ONCE) await Promise.race(sending);
    signal?.throwIfAborted();
    if (failure !== undefined) throw failure;
  };
  const tell = (more: number): void => {
    sent += more;
    onProgress?.(sent, 'sending');
  };
  let lines: string[] = [];
  try {
    for await (const member of members) {
      lines.push(member);
      if (lines.length < CHUNK_MEMBERS) continue;
      await send(lines);
      lines = [];
    }
    if (lines.length > 0) await send(lines);
  } finally {
    await Promise.all(sending);
  }
  if (failure !== undefined) throw failure;
  return complete(client, digest, number);
}

/** Whether the chunks that have come are as many members as ours would be. */
function isOurs({ count, members, chunks }: SetStatus): boolean {
  let expected = 0;
  for (const [from, to] of chunks) {
    expected += Math.min((to + 1) * CHUNK_MEMBERS, count) - Math.min(from * CHUNK_MEMBERS, count);
  }
  return expected === members;
}

async function complete(client: Client, digest: string, chunks: number): Promise<SetStatus> {
  return client.json(`/v1/sets/${digest}/complete`, statusSchema, { chunks });
}

/** Waits until a set is stored. */
async function stored(
  client: Client,
  digest: string,
  first: SetStatus,
  signal: AbortSignal | undefined,
): Promise<void> {
  let pause = FIRST_LOOK_MILLISECONDS;
  for (let status = first; ; status = await setStatus(client, digest)) {
    switch (status.state) {
      case 'stored':
        return;
      case 'checking':
        await sleep(pause, undefined, { signal });
        pause = Math.min(pause * 2, LOOK_MILLISECONDS);
        break;
      default:
        throw refusalOf(status);
    }
  }
}

function refusalOf({ problem, state }: SetStatus): ServiceRefusal {
  const { code, facts } = problem ?? { code: 'set.incomplete', facts: null };
  const why = typeof facts === 'object' && facts !== null ? `: ${JSON.stringify(facts).slice(0, 500)}` : '';
  const detail = `The service did not store the set (${state})${why}`;
  return new ServiceRefusal(422, { code, detail, status: 422, retryable: false }, undefined);
}
