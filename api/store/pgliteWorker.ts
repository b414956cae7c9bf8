import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

/**
 * PGlite in a thread of its own: it computes synchronously, and on the main thread every query would hold up timers
 * and sockets. The two threads exchange PostgreSQL's wire protocol, each message one batch of requests that ends in a
 * Sync, and all its answers.
 */
export interface WorkerRequest {
  readonly session: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
export type WorkerAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'bytes'; readonly session: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'closed' };

const port = parentPort;
if (port === null) throw new Error('runs as a worker only');
const answer = (message: WorkerAnswer, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const { folder } = workerData as { folder: string };
let session: number | undefined;
let database: PGlite | undefined;

/** A new session inherits nothing of the one before, which may have ended in the middle of a transaction. */
async function forget(from: PGlite): Promise<void> {
  await from.exec('ROLLBACK');
  await from.exec('DISCARD ALL');
  await from.exec(settings);
}

/** A segment of the write-ahead log that is no longer needed is removed, not kept to be overwritten some day: it holds
 *  what was written, erased or not. */
const settings = 'SET wal_recycle = off';

async function serve(request: WorkerRequest): Promise<void> {
  if (database === undefined) return;
  if (request.session !== session) {
    if (session !== undefined) await forget(database);
    session = request.session;
  }
  const bytes = new Uint8Array(await database.execProtocolRaw(request.bytes));
  answer({ kind: 'bytes', session: request.session, bytes }, [bytes.buffer]);
}

async function open(): Promise<void> {
  database = await PGlite.create(folder);
  await database.exec(settings);
  answer({ kind: 'ready' });
}

async function close(): Promise<void> {
  await database?.close();
  database = undefined;
  answer({ kind: 'closed' });
}

let last = open();
last.catch(fail);
port.on('message', (request: WorkerRequest | 'close') => {
  last = last.then(() => (request === 'close' ? close() : serve(request)));
  last.catch(fail);
});

function fail(error: unknown): void {
  answer({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
}
