import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { Problem } from '../problem.ts';
import type { WorkerAnswer, WorkerRequest } from './pgliteWorker.ts';
import { storeOnPool } from './pool.ts';
import type { Store } from './store.ts';
import { columnTypes } from './values.ts';

export type PgliteOptions = {
  /** How long the write-ahead log gets before a checkpoint lets go of it. */
  readonly logBytes?: number;
  readonly lookMilliseconds?: number;
};

/**
 * The embedded store: PGlite (PostgreSQL compiled to WebAssembly) with its files in `folder`.
 *
 * It survives the death of its process at any moment with nothing acknowledged lost, because what a transaction wrote
 * is in the operating system's hands before COMMIT answers. It never calls fsync: a power cut or a crash of the
 * machine may lose or damage it. Who needs more runs PostgreSQL.
 *
 * Two processes on one folder destroy it: hold the data folder's lock (`lock.ts`).
 */
export async function openPglite(folder: string, options: PgliteOptions = {}): Promise<Store> {
  // The mark says that the folder is not a database yet: a kill while it is made must not leave half of one behind.
  const mark = `${folder}.creating`;
  if (existsSync(mark)) await rm(folder, { recursive: true, force: true });
  const fresh = !existsSync(folder);
  if (fresh) await writeFile(mark, '');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // PGlite makes its files world-writable; nobody else gets as far as them.
  await chmod(folder, 0o700);
  const backend = await startBackend(folder);
  if (fresh) await rm(mark);
  // `pg` speaks to the worker as it would to a server. One client: whoever holds it holds the database, and the pool's
  // queue is the transaction's exclusive lock.
  const pool = new pg.Pool({
    max: 1,
    idleTimeoutMillis: 0,
    user: 'postgres',
    database: 'postgres',
    password: '',
    ssl: false,
    stream: backend.connect,
    types: columnTypes,
  });
  pool.on('error', () => undefined);
  const store = storeOnPool('pglite', pool, backend.close);
  const stop = keepLogShort(store, options);
  return {
    ...store,
    close: () => {
      stop();
      return store.close();
    },
  };
}

/**
 * Without a postmaster PostgreSQL makes no checkpoints by itself: the log would grow for as long as the process lives, and
 * be read again, all of it, after a crash.
 */
function keepLogShort(
  store: Store,
  { logBytes = 256 * 1024 * 1024, lookMilliseconds = 15_000 }: PgliteOptions,
): () => void {
  let working = false;
  const look = async (): Promise<void> => {
    const [row] = await store.query<{ bytes: string }>(
      'SELECT pg_current_wal_insert_lsn() - redo_lsn AS bytes FROM pg_control_checkpoint()',
    );
    if (Number(row?.bytes ?? 0) > logBytes) await store.execute('CHECKPOINT');
  };
  const timer = setInterval(() => {
    if (working) return;
    working = true;
    // It is closing, or tried again.
    look()
      .catch(() => undefined)
      .finally(() => {
        working = false;
      });
  }, lookMilliseconds);
  timer.unref();
  return () => clearInterval(timer);
}

/** The database in its worker. */
export interface Backend {
  /** A new session, in place of the one before: an open transaction of that one is undone. */
  connect(): Duplex;
  close(): Promise<void>;
}

export async function startBackend(folder: string): Promise<Backend> {
  const worker = new Worker(new URL('./pgliteWorker.ts', import.meta.url), {
    workerData: { folder },
    execArgv: [], // the process's own may be meant for its main script only
  });
  let failure: Error | undefined;
  let sessions = 0;
  let current: WorkerStream | undefined;
  const ready = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  closed.promise.catch(() => undefined);

  const fail = (error: Error) => {
    failure ??= error;
    ready.reject(failure);
    closed.reject(failure);
    current?.destroy(failure);
  };
  worker.on('error', fail);
  worker.on('exit', () => fail(new Error('the embedded database has stopped')));
  worker.on('message', (message: WorkerAnswer) => {
    switch (message.kind) {
      case 'ready':
        return ready.resolve();
      case 'closed':
        return closed.resolve();
      case 'failed':
        return fail(new Error(message.reason));
      case 'bytes':
        if (current?.session === message.session) current.push(Buffer.from(message.bytes.buffer));
    }
  });

  try {
    await ready.promise;
  } catch (cause) {
    await worker.terminate();
    throw new Problem(
      'store.unavailable',
      `The embedded database in ${folder} does not start. Restore the data folder from a backup, or move it away.`,
      { cause },
    );
  }

  return {
    connect() {
      sessions += 1;
      current = new WorkerStream(sessions, (request) => {
        if (failure !== undefined) throw failure;
        worker.postMessage(request, [request.bytes.buffer]);
      });
      return current;
    },
    async close() {
      if (failure === undefined) {
        worker.postMessage('close');
        await closed.promise.catch(() => undefined);
      }
      await worker.terminate();
    },
  };
}

const endsBatch = new Set(['Q', 'S', 'X'].map((letter) => letter.charCodeAt(0)));

/** What `pg` takes for the server's socket. */
class WorkerStream extends Duplex {
  readonly session: number;
  readonly #send: (request: WorkerRequest) => void;
  #batch: Buffer[] = [];

  constructor(session: number, send: (request: WorkerRequest) => void) {
    super();
    this.session = session;
    this.#send = send;
  }

  connect(): void {
    queueMicrotask(() => this.emit('connect'));
  }
  setNoDelay(): void {}
  setKeepAlive(): void {}
  ref(): void {}
  unref(): void {}

  override _read(): void {}

  /** `pg` writes a protocol message a chunk. A batch goes once complete: the start-up packet, a Query or a Sync ends it. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#batch.push(chunk);
    const tag = chunk[0] ?? 0;
    if (tag !== 0 && !endsBatch.has(tag)) {
      done();
      return;
    }
    const bytes = new Uint8Array(this.#batch.reduce((total, part) => total + part.length, 0));
    let offset = 0;
    for (const part of this.#batch) {
      bytes.set(part, offset);
      offset += part.length;
    }
    this.#batch = [];
    try {
      this.#send({ session: this.session, bytes });
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    this.push(null);
    done();
  }
}
