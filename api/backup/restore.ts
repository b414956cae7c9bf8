import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import { createGunzip, inflate } from 'node:zlib';
import { Decrypter } from 'age-encryption';
import { VinculumError } from '../../core/errors.ts';
import { statingFields } from '../../core/supply/stated.ts';
import { openBlock } from '../accept/open.ts';
import { createAlertFilter } from '../alerts/erase.ts';
import type { Config } from '../config.ts';
import type { DocumentStore } from '../documents/documentStore.ts';
import { openEmbeddedDocuments } from '../documents/embedded.ts';
import { openKuboDocuments } from '../documents/kubo.ts';
import { insertErasures, requireOwn } from '../erasure/erasures.ts';
import { formatLine, itemName, type LedgerReceipt } from '../erasure/receipt.ts';
import { type Registered, readRegister } from '../erasure/register.ts';
import { type Keyring, openKeyring } from '../keyring/keyring.ts';
import { formatRevocation, type Revocation } from '../privacy/revocation.ts';
import { recordRevocations, requireOwnRevocations } from '../privacy/revocations.ts';
import { Problem } from '../problem.ts';
import { lockDataFolder } from '../store/lock.ts';
import { migrate, schemaVersion } from '../store/migrate.ts';
import { openPglite } from '../store/pglite.ts';
import { openPostgres } from '../store/postgres.ts';
import type { Store, Transaction } from '../store/store.ts';
import { sqlState } from '../store/store.ts';
import type { BackupEnd, BackupHeader } from './backups.ts';
import { type Frame, readFrames } from './frames.ts';
import { backedUpTables } from './tables.ts';

export type RestoreOptions = {
  readonly file: string;
  readonly secret: { readonly passphrase: string } | { readonly identity: string };
  /** The file of all erasures and revocations until now: without it what was erased or revoked since would come back. */
  readonly erasures: string | undefined;
  readonly config: Pick<
    Config,
    'dataFolder' | 'databaseUrl' | 'kuboRpcUrl' | 'deploymentFile' | 'erasuresFile'
  >;
  /** Told how many bytes of the file were read. */
  readonly onProgress?: (bytes: number, total: number) => void;
};

export type Restored = {
  /** When the backup was made. */
  readonly createdAt: string;
  readonly ledger: string;
  readonly rows: number;
  readonly documents: number;
  /** Rows and documents of the backup that were erased since, or before: they were left out, and never written here. */
  readonly leftOut: number;
  readonly erasures: number;
  /** Consents that stay revoked. */
  readonly revocations: number;
  /** Entries whose block is not the one of its name, documents that the backup could not have: for the audit to name. */
  readonly damaged: readonly string[];
};

/**
 * Puts a backup into an empty data folder, and an empty database where one is named: all of it or nothing. What was
 * erased, by the receipts, is left out and never written; what was revoked is revoked. Before it counts, all of it is checked: it is whole, every
 * envelope's key opens under the keyring and is its block's, nothing erased is there, the chain's snapshot can be read.
 * @throws the `restore.*` codes, `erasures.malformed`, `erasures.foreign`
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { config, erasures } = options;
  if (erasures === undefined) {
    throw new Problem(
      'restore.erasuresMissing',
      'Name the receipts of erasures (erasures.ndjson of the service, or the latest copy of it): without them the backup would bring back what was erased or revoked.',
    );
  }
  const registered = await readRegister(erasures);
  await requireEmptyFolder(config.dataFolder);
  const backup = await openBackup(options);
  // Nothing is written before all of it was found to be authentic and whole: it is read twice.
  await inspect(readFrames(backup.read(0)), new Erased(registered.receipts), registered.revocations);
  const bytes = backup.read(1);
  const staging = join(dirname(config.dataFolder), `.${basename(config.dataFolder)}.restoring`);
  await rm(staging, { recursive: true, force: true });
  const lock = await lockDataFolder(staging);
  try {
    const restored = await restoreInto(staging, bytes, registered, options);
    await lock.release();
    await rmdir(config.dataFolder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(staging, config.dataFolder);
    return restored;
  } catch (error) {
    await lock.release();
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function restoreInto(
  staging: string,
  bytes: AsyncIterable<Uint8Array>,
  registered: Registered,
  { config }: RestoreOptions,
): Promise<Restored> {
  const frames = readFrames(bytes);
  const header = await readHeader(frames);
  const embedded = config.databaseUrl === undefined;
  const store = embedded
    ? await openPglite(join(staging, 'store'))
    : await openPostgres(config.databaseUrl ?? '');
  try {
    await requireEmptyStore(store);
    try {
      await migrate(store, header.schema);
      const restored = await fill(store, staging, frames, header, registered, config);
      await migrate(store);
      const keyring = await openKeyring(staging);
      const altered = await store.transaction((transaction) => verifyStore(transaction, keyring));
      await recordRevocations(store, registered.revocations);
      return { ...restored, damaged: [...altered, ...restored.damaged] };
    } catch (error) {
      if (!embedded) await emptyStore(store);
      throw error;
    }
  } finally {
    await store.close();
  }
}

async function readHeader(frames: AsyncGenerator<Frame>): Promise<BackupHeader> {
  const first = await frames.next();
  const header =
    first.done === true || first.value.type !== 'header' ? null : jsonOf<BackupHeader>(first.value);
  if (header?.vinculum !== 'backup/1' || !Number.isSafeInteger(header.schema) || header.schema < 1) {
    throw new Problem('restore.malformed', 'What is in the file is no backup of this kind or version.');
  }
  if (header.schema > schemaVersion) {
    throw new Problem(
      'restore.newerSchema',
      `The backup has schema ${header.schema}, this version knows ${schemaVersion}: restore it with the newer version.`,
    );
  }
  return header;
}

async function fill(
  store: Store,
  staging: string,
  frames: AsyncGenerator<Frame>,
  header: BackupHeader,
  registered: Registered,
  config: RestoreOptions['config'],
): Promise<Restored> {
  const documents =
    config.kuboRpcUrl === undefined
      ? await openEmbeddedDocuments(join(staging, 'documents'))
      : openKuboDocuments({ url: config.kuboRpcUrl });
  const { receipts, revocations } = registered;
  const filter = new Erased(receipts);
  return store.transaction(async (transaction) => {
    const tables = new Set(await backedUpTables(transaction));
    const reading = new Reading(frames);
    const rows: Record<string, number> = {};
    let [stored, leftOut] = [0, 0];
    let end: BackupEnd | undefined;
    for (let part = await reading.next(); part !== null; part = await reading.next()) {
      if (part.type === 'table') {
        const { name } = jsonOf<{ name: string }>(part);
        if (!tables.has(name))
          throw new Problem('restore.malformed', 'The backup has a table that is not known.');
        const counted = await fillTable(transaction, name, reading, filter);
        rows[name] = counted.read;
        leftOut += counted.leftOut;
      } else if (part.type === 'file') {
        await fillFile(staging, allowedPath(jsonOf<{ path: string }>(part).path), reading);
      } else if (part.type === 'document') {
        if (await fillDocument(documents, jsonOf<{ cid: string }>(part).cid, reading, filter)) stored += 1;
        else leftOut += 1;
      } else if (part.type === 'end') {
        end = jsonOf<BackupEnd>(part);
      } else {
        throw new Problem('restore.malformed', 'The parts of the backup are not in their order.');
      }
    }
    await insertErasures(transaction, receipts, true);
    const keyring = await openKeyring(staging);
    requireOwn(receipts, keyring.operator.address);
    requireOwnRevocations(revocations, keyring.operator.address);
    await verifyChain(staging, header);
    await placeFiles(staging, registered, config);
    return {
      createdAt: header.createdAt,
      ledger: header.ledger,
      rows: Object.values(rows).reduce((sum, count) => sum + count, 0),
      documents: stored,
      leftOut,
      erasures: receipts.length,
      revocations: new Set(revocations.map(({ consent }) => consent)).size,
      damaged: end?.damaged ?? [],
    };
  });
}

/** Frames, with one to look at before it is taken. */
class Reading {
  readonly #frames: AsyncGenerator<Frame>;
  #held: Frame | null | undefined;

  constructor(frames: AsyncGenerator<Frame>) {
    this.#frames = frames;
  }

  async next(): Promise<Frame | null> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) return held;
    const next = await this.#frames.next();
    return next.done === true ? null : next.value;
  }

  /** The contents of the frames of this type that come next. */
  async *all(type: Frame['type']): AsyncGenerator<Buffer> {
    for (;;) {
      const frame = await this.next();
      if (frame === null || frame.type !== type) {
        this.#held = frame;
        return;
      }
      yield frame.content;
    }
  }
}

function jsonOf<T>({ content }: Frame): T {
  try {
    return JSON.parse(content.toString('utf8')) as T;
  } catch {
    throw new Problem('restore.malformed', 'A part of the backup cannot be read.');
  }
}

/** What receipts say was destroyed, asked of rows and documents of a backup. */
class Erased {
  readonly #items: ReadonlySet<string>;
  readonly #documents: ReadonlySet<string>;
  readonly #alerts = createAlertFilter((digest, what) => this.#items.has(`${digest} ${what}`));

  constructor(receipts: readonly LedgerReceipt[]) {
    this.#items = new Set(receipts.map(({ receipt }) => itemName(receipt)));
    this.#documents = new Set(
      receipts.map(({ receipt }) => receipt.what).filter((what) => what.startsWith('document:')),
    );
  }

  has(item: { readonly digest: string; readonly what: string }): boolean {
    return this.#items.has(itemName(item));
  }

  document(cid: string): boolean {
    return this.#documents.has(`document:${cid}`);
  }

  /**
   * A row without what was destroyed of it; null where all of it was. Of a member that stands twice the last one counts, so
   * that the rest stays as it was written. @param text as PostgreSQL writes it in JSON
   */
  left(table: string, text: string): string | null {
    const row = JSON.parse(text) as Record<string, unknown>;
    const changes = this.#alerts(table, row);
    if (changes === 'nothing' || this.row(table, row)) return null;
    return Object.keys(changes).length === 0
      ? text
      : `${text.slice(0, -1)},${JSON.stringify(changes).slice(1)}`;
  }

  /** Whether a row is of something that was destroyed. @param row as PostgreSQL writes it in JSON */
  row(table: string, row: Record<string, unknown>): boolean {
    if (table === 'documents') return this.document(String(row.cid));
    const digest = hexOf(table === 'alert_links' ? row.alert : row.digest);
    if (this.has({ digest, what: 'entry' })) return true;
    if (table === 'graph_sealed') {
      return statingFields.some((name) => this.has({ digest, what: `field:${name}` }));
    }
    if (table !== 'disclosures' && table !== 'events') return false;
    const name = String(table === 'events' ? row.field : row.name);
    return (
      this.has({ digest, what: `field:${name}` }) ||
      this.#documents.has(name) ||
      (name.startsWith('key:') && this.has({ digest: name.slice('key:'.length), what: 'entry' }))
    );
  }
}

/** `\x00…`, as bytea is written. */
const hexOf = (value: unknown): string => `0x${String(value).slice(2)}`;

const filtered = new Set([
  'blocks',
  'block_keys',
  'disclosures',
  'graph_sealed',
  'sets',
  'set_buckets',
  'serials',
  'claims',
  'missing_blocks',
  'events',
  'documents',
  'alerts',
  'alert_links',
  'alert_answers',
  'notices',
  'recalled',
  'remedies',
]);
const inflated = promisify(inflate);

async function linesOf(content: Buffer): Promise<string[]> {
  const text = await inflated(content).catch(() => {
    throw new Problem('restore.malformed', 'Rows of the backup cannot be read.');
  });
  return text.toString('utf8').split('\n');
}

async function fillTable(
  transaction: Transaction,
  table: string,
  reading: Reading,
  erased: Erased,
): Promise<{ read: number; leftOut: number }> {
  let [read, leftOut] = [0, 0];
  for await (const content of reading.all('rows')) {
    const rows = await linesOf(content);
    read += rows.length;
    // In their place is what the file says, which has it all.
    if (table === 'erasures' || table === 'revocations') continue;
    const kept = filtered.has(table) ? rows.flatMap((row) => erased.left(table, row) ?? []) : rows;
    leftOut += rows.length - kept.length;
    if (kept.length > 0) await insert(transaction, table, kept);
  }
  return { read, leftOut };
}

/** Each row's values are read by PostgreSQL itself, from the text that it once wrote: nothing passes through numbers here. */
async function insert(transaction: Transaction, table: string, rows: readonly string[]): Promise<void> {
  try {
    await transaction.execute(
      `INSERT INTO "${table}" OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::"${table}", $1::json)`,
      [`[${rows.join(',')}]`],
    );
  } catch (cause) {
    if (sqlState(cause) === undefined) throw cause;
    throw new Problem('restore.malformed', `Rows of ${table} do not fit the database.`, { cause });
  }
}

/** The file must be no older than the backup, or it brings back what was erased or revoked in between. */
function requireKnown(rows: readonly string[], erased: Erased): void {
  for (const text of rows) {
    const row = JSON.parse(text) as { digest?: unknown; what?: unknown };
    if (!erased.has({ digest: hexOf(row.digest), what: String(row.what) })) throw older();
  }
}

function requireKnownRevocations(rows: readonly string[], revoked: ReadonlySet<string>): void {
  for (const text of rows) {
    const row = JSON.parse(text) as { consent?: unknown };
    if (!revoked.has(hexOf(row.consent))) throw older();
  }
}

const older = () =>
  new Problem(
    'restore.erasuresOlder',
    'The backup has receipts or revocations that the named file has not: name the latest copy of it.',
  );

const allowedFile =
  /^(?:keyring\.json|operator-token|deployment\.json|demo\/loaded\.json|chain\/(?:identity\.json|mnemonic|chain-\d{12}\.json\.gz)|(?:keys|deployment)(?:\/[\w#@:,-][\w.#@:,-]*)+)$/;

function allowedPath(path: string): string {
  if (allowedFile.test(path)) return path;
  throw new Problem('restore.malformed', 'The backup has a file that belongs nowhere.');
}

async function fillFile(staging: string, path: string, reading: Reading): Promise<void> {
  if (!allowedFile.test(path))
    throw new Problem('restore.malformed', 'The backup has a file that belongs nowhere.');
  const file = join(staging, path);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'wx', 0o600);
  try {
    for await (const chunk of reading.all('bytes')) await handle.writeFile(chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether the document was kept. */
async function fillDocument(
  documents: DocumentStore,
  cid: string,
  reading: Reading,
  erased: Erased,
): Promise<boolean> {
  const content = reading.all('bytes');
  if (erased.document(cid)) {
    for await (const _chunk of content);
    return false;
  }
  const stored = await documents
    .put(content, { maxBytes: Number.MAX_SAFE_INTEGER })
    .catch((error: unknown) => {
      // The backup's end, not an upload's.
      throw error instanceof Problem && error.code === 'document.cutOff' && error.cause instanceof Problem
        ? error.cause
        : error;
    });
  if (stored.cid === cid) return true;
  await documents.delete(stored.cid);
  throw new Problem('restore.unverified', `Document ${cid} of the backup is another one.`);
}

/**
 * Whether the keyring opens every envelope's key, and each is its block's. The store has the present schema by now.
 * @returns digests of blocks that had rotted
 */
async function verifyStore(transaction: Transaction, keyring: Keyring): Promise<string[]> {
  const damaged: string[] = [];
  await transaction.execute(
    'DECLARE opened CURSOR FOR SELECT block_keys.digest::bytea AS digest, wrapped, body FROM block_keys LEFT JOIN blocks USING (digest)',
  );
  for (;;) {
    const rows = await transaction.query<{
      digest: Uint8Array;
      wrapped: Uint8Array;
      body: Uint8Array | null;
    }>('FETCH 200 FROM opened');
    if (rows.length === 0) break;
    for (const { digest, wrapped, body } of rows) {
      let key: Uint8Array;
      try {
        key = keyring.unwrap('blockKey', wrapped, digest);
      } catch (cause) {
        throw new Problem('restore.unverified', 'The keyring of the backup does not open its keys.', {
          cause,
        });
      }
      if (body === null) continue;
      if (!opens(digest, body, key)) damaged.push(`0x${Buffer.from(digest).toString('hex')}`);
    }
  }
  await transaction.execute('CLOSE opened');
  const [left] = await transaction.query<{ count: bigint }>(
    `SELECT count(*) AS count FROM erasures WHERE
       (what = 'entry' AND (EXISTS (SELECT 1 FROM blocks WHERE blocks.digest = erasures.digest)
         OR EXISTS (SELECT 1 FROM block_keys WHERE block_keys.digest = erasures.digest)
         OR EXISTS (SELECT 1 FROM disclosures WHERE disclosures.digest = erasures.digest)))
       OR EXISTS (SELECT 1 FROM disclosures WHERE disclosures.digest = erasures.digest
         AND erasures.what IN ('field:' || disclosures.name, disclosures.name))
       OR EXISTS (SELECT 1 FROM events WHERE events.digest = erasures.digest
         AND erasures.what IN ('entry', 'field:' || events.field))
       OR EXISTS (SELECT 1 FROM documents WHERE erasures.what = 'document:' || documents.cid)`,
  );
  if (left?.count !== 0n)
    throw new Problem('restore.unverified', 'Something that was erased is still there.');
  return damaged;
}

function opens(digest: Uint8Array, body: Uint8Array, key: Uint8Array): boolean {
  if (!createHash('sha256').update(body).digest().equals(digest)) return false;
  try {
    openBlock(Buffer.from(body), Buffer.from(key));
    return true;
  } catch (error) {
    if (error instanceof VinculumError) return false;
    throw error;
  }
}

async function verifyChain(staging: string, { chain }: BackupHeader): Promise<void> {
  if (chain === 'rpc') return;
  const folder = join(staging, 'chain');
  const snapshots = existsSync(folder)
    ? (await readdir(folder)).filter((name) => name.endsWith('.json.gz'))
    : [];
  if (snapshots.length === 0)
    throw new Problem('restore.malformed', 'The backup has no snapshot of its chain.');
  for (const name of snapshots) {
    try {
      await pipeline(createReadStream(join(folder, name)), createGunzip(), async (chunks) => {
        for await (const _chunk of chunks);
      });
    } catch (cause) {
      throw new Problem('restore.unverified', 'The snapshot of the chain cannot be read.', { cause });
    }
  }
}

/** The file of erasures and revocations, and the deployment where it has a place of its own. */
async function placeFiles(
  staging: string,
  { receipts, revocations }: Registered,
  { dataFolder, deploymentFile, erasuresFile }: RestoreOptions['config'],
): Promise<void> {
  if (dirname(erasuresFile) === dataFolder) {
    const handle = await open(join(staging, basename(erasuresFile)), 'wx', 0o600);
    await handle.writeFile([...receipts.map(formatLine), ...revocations.map(formatRevocation)].join(''));
    await handle.sync();
    await handle.close();
  }
  const own = join(staging, 'deployment.json');
  if (
    deploymentFile !== join(dataFolder, 'deployment.json') &&
    existsSync(own) &&
    !existsSync(deploymentFile)
  ) {
    await writeFile(deploymentFile, await readFile(own), { flag: 'wx' });
  }
}

async function requireEmptyFolder(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (found.length === 0) return;
  throw new Problem(
    'restore.notEmpty',
    `${folder} is not empty: name a folder that is, or that is not there yet.`,
  );
}

async function requireEmptyStore(store: Store): Promise<void> {
  const tables = await tablesOf(store);
  if (tables.length === 0) return;
  throw new Problem('restore.notEmpty', 'The database has tables already: name one that is empty.');
}

async function tablesOf(store: Store): Promise<string[]> {
  const rows = await store.query<{ name: string }>(
    `SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()`,
  );
  return rows.map(({ name }) => name);
}

/** Undoes the migrations of a database that had nothing. */
async function emptyStore(store: Store): Promise<void> {
  const tables = await tablesOf(store);
  if (tables.length > 0) {
    await store.execute(`DROP TABLE ${tables.map((name) => `"${name}"`).join(', ')} CASCADE`);
  }
  await store.execute('DROP DOMAIN IF EXISTS bytes32, address, uint256');
}

/** A backup's decrypted bytes, as often as they are wanted. */
type OpenBackup = {
  /** @param pass 0 or 1, for the progress */
  read(pass: number): AsyncIterable<Uint8Array>;
};

/** @throws `restore.malformed` for another file, `restore.passphrase`, `restore.damaged` */
async function openBackup({ file, secret, onProgress }: RestoreOptions): Promise<OpenBackup> {
  const header = await readAgeHeader(file);
  const fileKey = await unwrap(header, secret);
  const { size } = await stat(file);
  const identity = { unwrapFileKey: () => fileKey };
  async function* encrypted(pass: number) {
    let read = size * pass;
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      read += (chunk as Buffer).length;
      onProgress?.(read, size * 2);
      yield new Uint8Array(chunk as Buffer);
    }
  }
  return {
    async *read(pass) {
      const decrypter = new Decrypter();
      decrypter.addIdentity(identity);
      const source = encrypted(pass);
      try {
        const plain = await decrypter.decrypt(ReadableStream.from(source) as never);
        yield* plain as unknown as AsyncIterable<Uint8Array>;
      } catch (cause) {
        // Each chunk is authentic, and only the last one says that it is the last.
        throw new Problem('restore.damaged', 'The backup is cut or altered: take another copy of it.', {
          cause,
        });
      } finally {
        await source.return(undefined);
      }
    },
  };
}

const AGE_LINE = 'age-encryption.org/v1\n';
const MAX_AGE_HEADER = 64 * 1024;

/** The beginning of an age file: for whom it is, and a code over that. */
async function readAgeHeader(file: string): Promise<Buffer> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new Problem('restore.malformed', `${file} cannot be read.`, { cause });
  });
  const { buffer, bytesRead } = await handle
    .read(Buffer.alloc(MAX_AGE_HEADER), 0, MAX_AGE_HEADER, 0)
    .finally(() => handle.close());
  const start = buffer.subarray(0, bytesRead);
  if (start.subarray(0, AGE_LINE.length).toString('latin1') !== AGE_LINE) {
    throw new Problem('restore.malformed', `${file} is no backup: it is not encrypted as backups are.`);
  }
  const code = start.indexOf('\n--- ');
  const end = code < 0 ? -1 : start.indexOf('\n', code + 1);
  if (end < 0) throw new Problem('restore.damaged', 'The beginning of the backup is cut or altered.');
  return start.subarray(0, end + 1);
}

async function unwrap(header: Buffer, secret: RestoreOptions['secret']): Promise<Uint8Array> {
  const decrypter = new Decrypter();
  try {
    if ('passphrase' in secret) decrypter.addPassphrase(secret.passphrase);
    else decrypter.addIdentity(secret.identity);
  } catch {
    throw new Problem(
      'restore.passphrase',
      'An identity is written AGE-SECRET-KEY-1…, as age-keygen prints it.',
    );
  }
  return decrypter.decryptHeader(new Uint8Array(header)).catch((cause: unknown) => {
    if (cause instanceof Error && /no identity matched/.test(cause.message)) {
      throw new Problem('restore.passphrase', 'The backup was made for another passphrase or recipient.');
    }
    throw new Problem('restore.damaged', 'The beginning of the backup is cut or altered.', { cause });
  });
}

/**
 * Reads a backup to its end, and writes nothing.
 * @throws the codes of one that is cut, altered, put together wrongly, of a newer version, or newer than the receipts
 */
async function inspect(
  frames: AsyncGenerator<Frame>,
  erased: Erased,
  revocations: readonly Revocation[],
): Promise<void> {
  const revoked = new Set<string>(revocations.map(({ consent }) => consent));
  await readHeader(frames);
  const reading = new Reading(frames);
  const rows: Record<string, number> = {};
  const files: string[] = [];
  let documents = 0;
  let end: BackupEnd | undefined;
  const skip = async (contents: AsyncIterable<Buffer>) => {
    for await (const _content of contents);
  };
  for (let part = await reading.next(); part !== null; part = await reading.next()) {
    if (part.type === 'table') {
      const { name } = jsonOf<{ name: string }>(part);
      rows[name] = 0;
      for await (const content of reading.all('rows')) {
        const lines = await linesOf(content);
        rows[name] += lines.length;
        if (name === 'erasures') requireKnown(lines, erased);
        if (name === 'revocations') requireKnownRevocations(lines, revoked);
      }
    } else if (part.type === 'file') {
      files.push(allowedPath(jsonOf<{ path: string }>(part).path));
      await skip(reading.all('bytes'));
    } else if (part.type === 'document') {
      documents += 1;
      await skip(reading.all('bytes'));
    } else if (part.type === 'end') {
      end = jsonOf<BackupEnd>(part);
    } else {
      throw new Problem('restore.malformed', 'The parts of the backup are not in their order.');
    }
  }
  const counted = Object.entries(end?.tables ?? {});
  const whole =
    end !== undefined &&
    end.files === files.length &&
    end.documents === documents &&
    counted.length === Object.keys(rows).length &&
    counted.every(([table, count]) => rows[table] === count);
  if (!whole) throw new Problem('restore.damaged', 'The backup does not have what its end says that it has.');
  if (!files.includes('keyring.json')) throw new Problem('restore.malformed', 'The backup has no keyring.');
}
