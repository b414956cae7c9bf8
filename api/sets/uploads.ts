import { setTimeout as wait } from 'node:timers/promises';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { MAX_MEMBERS } from '../../core/tree/builder.ts';
import type { Log } from '../http/log.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store, Transaction } from '../store/store.ts';
import { type Checking, startChecking } from './checking.ts';
import type { Keeper, SetEntry } from './keeper.ts';

/*
 * A set too large for one request is handed over in chunks, in any order and as often as need be. Whatever is interrupted:
 *
 *   receiving  chunks are kept, wrapped, under their numbers; nothing of them is shown
 *   checking   all are here: a thread finds out whose root they have. Only if it is the one that the envelope names are
 *              buckets written, and only when all are does the set count (`sets`), in the transaction that takes the chunks
 *              away. Who dies before is taken over from, and writes the same buckets again
 *   failed     they are not the set; the chunks are gone, why is kept, and the next chunk begins anew
 */

/** Most members, and bytes, of a chunk. */
export const CHUNK_MEMBERS = 50_000;
export const CHUNK_BYTES = 4 * 1024 * 1024;
const MAX_CHUNKS = 10_000;
const MAX_LINE = 256;
/** How many sets an organisation may have under way. */
const MAX_UPLOADS = 100;
/** For how long a process that checks a set is believed to be alive. */
const CLAIM_SECONDS = 60;
const LOOK_MILLISECONDS = 5_000;
const STALE_DAYS = 7;

export type SetStatus = {
  readonly digest: Digest;
  readonly state: 'absent' | 'receiving' | 'checking' | 'stored' | 'failed';
  /** As the envelope says. */
  readonly count: number;
  /** Of which so many have come. */
  readonly members: number;
  /** The chunks that have come, as ranges, both ends included. */
  readonly chunks: readonly (readonly [number, number])[];
  /** Why they are not the set. */
  readonly problem: { readonly code: string; readonly facts: unknown } | null;
};

export interface Uploads {
  status(organisation: OrganisationId, digest: Digest): Promise<SetStatus>;
  /**
   * Keeps a chunk: identifiers in ASCII, one a line. One that is there already is replaced; of a set that is stored nothing
   * is done.
   * @throws `set.unknownEntry` `auth.forbidden` `set.tooLarge` `set.malformed` `set.tooMany` `set.tooManyUploads` `set.checking`
   */
  chunk(organisation: OrganisationId, digest: Digest, number: number, text: Uint8Array): Promise<SetStatus>;
  /**
   * Has the set checked and kept, and answers when that is done, or after a few seconds.
   * @throws `set.incomplete` where chunks are missing
   */
  complete(organisation: OrganisationId, digest: Digest, chunks: number): Promise<SetStatus>;
  /** Throws away what has come of a set that is not stored. @throws `set.checking` */
  abandon(organisation: OrganisationId, digest: Digest): Promise<SetStatus>;
  /**
   * Takes all chunks of a set at once, has it checked and kept, and answers when that is done.
   * @throws `set.mismatch` `tree.duplicate` `identifier.*` `set.tooManyUploads` `set.checking` `content.erased`
   */
  take(entry: SetEntry, chunks: readonly SetChunk[]): Promise<void>;
  /** Goes on with what a process that died was checking, and takes away what nobody has touched for a week. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export type SetChunk = { readonly text: Uint8Array; readonly members: number };

export type UploadsOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap'>;
  readonly keeper: Keeper;
  readonly log?: Log;
  /** How long `complete` waits, default 10 seconds. */
  readonly patienceMilliseconds?: number;
};

type UploadRow = {
  readonly state: 'receiving' | 'checking' | 'failed';
  readonly problem: string | null;
  readonly facts: unknown;
};

export function createUploads({ store, keyring, keeper, ...options }: UploadsOptions): Uploads {
  const patience = options.patienceMilliseconds ?? 10_000;
  const log: Log = options.log ?? (() => undefined);
  /** The sets that this process checks, one after the other. */
  const jobs = new Map<Digest, Promise<unknown>>();
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  /** Sets that another process has claimed, and when to look at them again. */
  const waiting = new Map<Digest, NodeJS.Timeout>();
  let swept = false;
  let current: Checking | null = null;

  async function statusOf(from: Queryable, { digest, set }: SetEntry): Promise<SetStatus> {
    const bytes = fromHex(digest, 32);
    const [row] = await from.query<UploadRow & { stored: boolean; members: bigint; numbers: number[] }>(
      `SELECT EXISTS (SELECT 1 FROM sets WHERE digest = $1) AS stored, state, problem, facts,
         (SELECT coalesce(sum(members), 0)::int8 FROM set_chunks WHERE digest = $1) AS members,
         ARRAY(SELECT number FROM set_chunks WHERE digest = $1 ORDER BY number) AS numbers
       FROM (SELECT 1) AS one LEFT JOIN set_uploads ON digest = $1`,
      [bytes],
    );
    const {
      stored = false,
      state = null,
      problem = null,
      facts = null,
      members = 0n,
      numbers = [],
    } = row ?? {};
    const { count } = set;
    if (stored) return { digest, state: 'stored', count, members: count, chunks: [], problem: null };
    return {
      digest,
      state: state ?? 'absent',
      count,
      members: Number(members),
      chunks: rangesOf(numbers),
      problem: problem === null ? null : { code: problem, facts },
    };
  }

  /** The row of an upload, locked, and begun anew where there is none or it has failed. */
  async function lockedUpload(transaction: Transaction, entry: SetEntry): Promise<UploadRow['state']> {
    const bytes = fromHex(entry.digest, 32);
    const [{ open } = { open: 0n }] = await transaction.query<{ open: bigint }>(
      `SELECT count(*) AS open FROM set_uploads WHERE organisation = $1 AND state <> 'failed' AND digest <> $2`,
      [entry.organisation, bytes],
    );
    if (open >= MAX_UPLOADS) {
      throw new Problem('set.tooManyUploads', `Finish some of the ${open} sets that are under way first.`);
    }
    await transaction.execute(
      `INSERT INTO set_uploads (digest, organisation, state) VALUES ($1, $2, 'receiving') ON CONFLICT DO NOTHING`,
      [bytes, entry.organisation],
    );
    const [row] = await transaction.query<UploadRow>(
      'SELECT state, problem, facts FROM set_uploads WHERE digest = $1 FOR UPDATE',
      [bytes],
    );
    return row?.state ?? 'receiving';
  }

  async function beginChecking(transaction: Transaction, digest: Uint8Array, chunks: number): Promise<void> {
    await transaction.execute(
      `UPDATE set_uploads SET state = 'checking', chunks = $2, problem = NULL, facts = NULL, claimed_until = NULL,
         touched_at = now() WHERE digest = $1`,
      [digest, chunks],
    );
  }

  /** @param count null: one, as schema 6 kept a whole set, wrapped under the digest alone */
  async function* chunksOf(
    digest: Uint8Array,
    count: number | null,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let number = 0; number < (count ?? 1); number++) {
      const [row] = await store.query<{ wrapped: Uint8Array }>(
        'SELECT wrapped FROM set_chunks WHERE digest = $1 AND number = $2',
        [digest, number],
      );
      if (row === undefined) throw new Gone();
      const context = count === null ? digest : chunkContext(digest, number);
      yield new Uint8Array(keyring.unwrap('identifier', row.wrapped, context));
    }
  }

  async function keep(
    entry: SetEntry,
    chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
    alive: () => Promise<void>,
  ): Promise<void> {
    const { set } = entry;
    const checking = startChecking(set);
    current = checking;
    try {
      for await (const chunk of chunks) {
        await checking.add(chunk);
        await alive();
      }
      const found = await checking.finish();
      if (found.root !== set.root || found.count !== set.count) {
        throw new Problem('set.mismatch', `The entry names ${set.count} members under root ${set.root}.`, {
          extensions: { expected: set.root, found: found.root, count: found.count },
        });
      }
      // The next are packed while these are written.
      let next = checking.next();
      for (;;) {
        const buckets = await next;
        if (buckets.length === 0) break;
        next = checking.next();
        // What becomes of it is known when its turn comes.
        next.catch(() => undefined);
        await keeper.write(entry, buckets);
        await alive();
      }
      await keeper.finish(entry);
    } finally {
      current = null;
      await checking.end();
    }
  }

  /** Whether this process may check the set now. */
  async function claim(digest: Uint8Array): Promise<{ organisation: bigint; chunks: number | null } | null> {
    const [row] = await store.query<{ organisation: bigint; chunks: number | null }>(
      `UPDATE set_uploads SET claimed_until = now() + make_interval(secs => $2)
       WHERE digest = $1 AND state = 'checking' AND (claimed_until IS NULL OR claimed_until < now())
       RETURNING organisation, chunks`,
      [digest, CLAIM_SECONDS],
    );
    return row ?? null;
  }

  /** Another process checks it, or died while it did: its claim will tell. */
  async function lookAgain(digest: Digest): Promise<void> {
    const rows = await store.query(`SELECT 1 FROM set_uploads WHERE digest = $1 AND state = 'checking'`, [
      fromHex(digest, 32),
    ]);
    if (rows.length === 0 || closed || waiting.has(digest)) return;
    const timer = setTimeout(() => {
      waiting.delete(digest);
      if (!closed) void enqueue(digest);
    }, LOOK_MILLISECONDS);
    timer.unref();
    waiting.set(digest, timer);
  }

  /** @returns why it was not kept, where this process found that out; null otherwise */
  async function check(digest: Digest): Promise<unknown> {
    const bytes = fromHex(digest, 32);
    if (closed) return null;
    const claimed = await claim(bytes);
    if (claimed === null) {
      await lookAgain(digest);
      return null;
    }
    let extended = Date.now();
    const alive = async (): Promise<void> => {
      if (closed) throw new Gone();
      if (Date.now() - extended < (CLAIM_SECONDS * 1000) / 4) return;
      extended = Date.now();
      await store.execute(
        `UPDATE set_uploads SET claimed_until = now() + make_interval(secs => $2), touched_at = now()
         WHERE digest = $1 AND state = 'checking'`,
        [bytes, CLAIM_SECONDS],
      );
    };
    try {
      const entry = await keeper.entry(claimed.organisation as OrganisationId, digest);
      await keep(entry, chunksOf(bytes, claimed.chunks), alive);
      return null;
    } catch (error) {
      await failed(digest, error);
      return error;
    }
  }

  async function failed(digest: Digest, error: unknown): Promise<void> {
    const bytes = fromHex(digest, 32);
    const problem = asRefusal(error);
    if (problem === null) {
      // Of ours: whoever sweeps next tries again.
      await store
        .execute('UPDATE set_uploads SET claimed_until = NULL WHERE digest = $1', [bytes])
        .catch(() => 0);
      if (!(error instanceof Gone)) {
        log('error', 'set.check', { digest, reason: error instanceof Error ? error.message : String(error) });
      }
      return;
    }
    await keeper.locked(bytes, async (transaction) => {
      await transaction.execute(
        `UPDATE set_uploads SET state = 'failed', problem = $2, facts = $3, claimed_until = NULL, touched_at = now()
         WHERE digest = $1`,
        [bytes, problem.code, { ...problem.facts }],
      );
      await keeper.discard(transaction, bytes);
    });
  }

  /** Has a set checked after those before it: one thread at a time, and its memory. @returns as {@link check} */
  function enqueue(digest: Digest): Promise<unknown> {
    const running = jobs.get(digest);
    if (running !== undefined) return running;
    const job = last
      .then(() => check(digest))
      .catch((error: unknown) => {
        log('error', 'set.check', { digest, reason: error instanceof Error ? error.message : String(error) });
        return error;
      })
      .finally(() => jobs.delete(digest));
    jobs.set(digest, job);
    last = job;
    return job;
  }

  return {
    async status(organisation, digest) {
      return statusOf(store, await keeper.entry(organisation, digest));
    },

    async chunk(organisation, digest, number, text) {
      const entry = await keeper.entry(organisation, digest);
      const members = countLines(text);
      const { count } = entry.set;
      if (count > MAX_MEMBERS) throw tooLarge();
      if (number >= MAX_CHUNKS) {
        throw new Problem('set.tooMany', `A set comes in at most ${MAX_CHUNKS} chunks.`);
      }
      const bytes = fromHex(digest, 32);
      return keeper.held(digest, async (transaction) => {
        const before = await statusOf(transaction, entry);
        if (before.state === 'stored') return before;
        const state = await lockedUpload(transaction, entry);
        if (state === 'checking') {
          throw checkingNow();
        }
        const [{ others } = { others: 0n }] = await transaction.query<{ others: bigint }>(
          'SELECT coalesce(sum(members), 0)::int8 AS others FROM set_chunks WHERE digest = $1 AND number <> $2',
          [bytes, number],
        );
        if (Number(others) + members > count) {
          throw new Problem(
            'set.tooMany',
            `The entry names ${count} members; with this chunk there were more.`,
            {
              extensions: { count, found: Number(others) + members },
            },
          );
        }
        await transaction.execute(
          `INSERT INTO set_chunks (digest, number, members, wrapped) VALUES ($1, $2, $3, $4)
           ON CONFLICT (digest, number) DO UPDATE SET members = excluded.members, wrapped = excluded.wrapped`,
          [bytes, number, members, keyring.wrap('identifier', text, chunkContext(bytes, number))],
        );
        await transaction.execute(
          `UPDATE set_uploads SET state = 'receiving', chunks = NULL, problem = NULL, facts = NULL, touched_at = now()
           WHERE digest = $1`,
          [bytes],
        );
        return statusOf(transaction, entry);
      });
    },

    async complete(organisation, digest, chunks) {
      const entry = await keeper.entry(organisation, digest);
      if (entry.set.count > MAX_MEMBERS) throw tooLarge();
      const bytes = fromHex(digest, 32);
      const status = await keeper.held(digest, async (transaction) => {
        const before = await statusOf(transaction, entry);
        if (before.state === 'stored' || before.state === 'checking') return before;
        const missing = missingOf(before.chunks, chunks);
        if (missing.length > 0) {
          throw new Problem('set.incomplete', 'Chunks are missing: send them, then complete the set.', {
            extensions: { missing: missing.slice(0, 100) },
          });
        }
        await lockedUpload(transaction, entry);
        await transaction.execute('DELETE FROM set_chunks WHERE digest = $1 AND number >= $2', [
          bytes,
          chunks,
        ]);
        await beginChecking(transaction, bytes, chunks);
        return null;
      });
      if (status?.state === 'stored') return status;
      const timer = Promise.withResolvers<void>();
      const timeout = setTimeout(timer.resolve, patience);
      await Promise.race([enqueue(digest), timer.promise]);
      clearTimeout(timeout);
      return statusOf(store, entry);
    },

    async abandon(organisation, digest) {
      const entry = await keeper.entry(organisation, digest);
      const bytes = fromHex(digest, 32);
      return keeper.locked(bytes, async (transaction) => {
        const [row] = await transaction.query<UploadRow>(
          'SELECT state, problem, facts FROM set_uploads WHERE digest = $1 FOR UPDATE',
          [bytes],
        );
        if (row?.state === 'checking') throw checkingNow();
        await transaction.execute('DELETE FROM set_uploads WHERE digest = $1', [bytes]);
        await keeper.discard(transaction, bytes);
        return statusOf(transaction, entry);
      });
    },

    async take(entry, chunks) {
      const { digest } = entry;
      const bytes = fromHex(digest, 32);
      const stored = await keeper.held(digest, async (transaction) => {
        if ((await statusOf(transaction, entry)).state === 'stored') return true;
        if ((await lockedUpload(transaction, entry)) === 'checking') throw checkingNow();
        await transaction.execute('DELETE FROM set_chunks WHERE digest = $1', [bytes]);
        for (const [number, { text, members }] of chunks.entries()) {
          await transaction.execute(
            'INSERT INTO set_chunks (digest, number, members, wrapped) VALUES ($1, $2, $3, $4)',
            [bytes, number, members, keyring.wrap('identifier', text, chunkContext(bytes, number))],
          );
        }
        await beginChecking(transaction, bytes, chunks.length);
        return false;
      });
      if (stored) return;
      for (;;) {
        const error = await enqueue(digest);
        const { state, problem } = await statusOf(store, entry);
        if (state === 'stored') return;
        if (state === 'failed' && error === null) {
          throw new VinculumError(problem?.code ?? 'set.mismatch', 'Another process found why.');
        }
        if (state !== 'checking' || error !== null) {
          throw error instanceof Gone || error === null ? checkingNow() : error;
        }
        await wait(LOOK_MILLISECONDS / 10);
      }
    },

    async sweep() {
      // Only one process has the embedded store: what it finds claimed, it claimed in an earlier life.
      if (!swept && store.adapter === 'pglite') {
        await store.execute('UPDATE set_uploads SET claimed_until = NULL WHERE claimed_until IS NOT NULL');
      }
      swept = true;
      const left = await store.query<{ digest: Uint8Array }>(
        `SELECT digest FROM set_uploads WHERE state = 'checking'`,
      );
      for (const { digest } of left) void enqueue(toHex(digest) as Digest);
      const stale = await store.query<{ digest: Uint8Array }>(
        `SELECT digest FROM set_uploads WHERE state <> 'checking' AND touched_at < now() - make_interval(days => $1)`,
        [STALE_DAYS],
      );
      for (const { digest } of stale) {
        await keeper.locked(digest, async (transaction) => {
          const gone = await transaction.execute(
            `DELETE FROM set_uploads WHERE digest = $1 AND state <> 'checking'
               AND touched_at < now() - make_interval(days => $2)`,
            [digest, STALE_DAYS],
          );
          if (gone > 0) await keeper.discard(transaction, digest);
        });
      }
    },

    async close() {
      closed = true;
      for (const timer of waiting.values()) clearTimeout(timer);
      await current?.end();
      await last.catch(() => undefined);
    },
  };
}

/** What is checked is no longer there, or this process is to end: nobody's fault. */
class Gone extends Error {}

function chunkContext(digest: Uint8Array, number: number): Uint8Array {
  const context = Buffer.alloc(36);
  context.set(digest);
  context.writeUInt32BE(number, 32);
  return context;
}

const checkingNow = () =>
  new Problem('set.checking', 'All of it is here and is being checked: ask for its state.');

export const tooLarge = () =>
  new Problem('set.tooLarge', `A set has at most ${MAX_MEMBERS} members.`, {
    extensions: { most: MAX_MEMBERS },
  });

/** Why members are not the set, where that is why; null for a failure of ours. */
function asRefusal(
  error: unknown,
): { readonly code: string; readonly facts: Readonly<Record<string, unknown>> } | null {
  if (error instanceof VinculumError) return { code: error.code, facts: error.details };
  if (error instanceof Problem && error.status < 500) return { code: error.code, facts: error.extensions };
  return null;
}

/** How many lines a chunk has. @throws `set.malformed` where it is no list of identifiers, one a line */
function countLines(text: Uint8Array): number {
  let members = 0;
  let length = 0;
  const malformed = (why: string) =>
    new Problem('set.malformed', `Line ${members + 1} of the chunk ${why}.`, {
      extensions: { line: members + 1 },
    });
  for (const byte of text) {
    if (byte === 0x0a) {
      if (length === 0) throw malformed('is empty');
      members += 1;
      length = 0;
    } else if (byte < 0x20 || byte > 0x7e) {
      throw malformed('is not in printable ASCII');
    } else {
      length += 1;
      if (length > MAX_LINE) throw malformed(`is longer than ${MAX_LINE} characters`);
    }
  }
  if (length > 0) members += 1;
  if (members === 0) throw malformed('is missing');
  if (members > CHUNK_MEMBERS) {
    throw new Problem('set.malformed', `A chunk has at most ${CHUNK_MEMBERS} members.`, {
      extensions: { most: CHUNK_MEMBERS },
    });
  }
  return members;
}

function rangesOf(numbers: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === number - 1) range[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

/** The chunks below `chunks` that have not come, as ranges. */
function missingOf(ranges: readonly (readonly [number, number])[], chunks: number): [number, number][] {
  const missing: [number, number][] = [];
  let next = 0;
  for (const [from, to] of ranges) {
    if (from > next && next < chunks) missing.push([next, Math.min(from, chunks) - 1]);
    next = Math.max(next, to + 1);
  }
  if (next < chunks) missing.push([next, chunks - 1]);
  return missing;
}
