import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { promisify } from 'node:util';
import { constants, deflate } from 'node:zlib';
import { Encrypter } from 'age-encryption';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { listSnapshots } from '../chain/devnet/snapshots.ts';
import type { Devnet } from '../chain/devnet.ts';
import type { Config } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import type { DocumentStore } from '../documents/documentStore.ts';
import { Problem } from '../problem.ts';
import { schemaVersion } from '../store/migrate.ts';
import type { Store, Transaction } from '../store/store.ts';
import { FIRST_LINE, frame, jsonFrame } from './frames.ts';
import { createSpool, type Spool } from './spool.ts';
import { backedUpTables, ofStoredSets } from './tables.ts';

/** Whom a backup is encrypted for: who knows a passphrase, or who holds the key of one of these (`age1…`). */
export type Recipient = { readonly passphrase: string } | { readonly recipients: readonly string[] };

export type BackupHeader = {
  readonly vinculum: 'backup/1';
  readonly createdAt: string;
  readonly schema: number;
  readonly ledger: string;
  /** Whether the chain is the embedded one, and in the backup. */
  readonly chain: 'embedded' | 'rpc';
  /** About how many bytes are to come, for whoever shows progress. */
  readonly bytes: number;
};

/** What was in it, so that a restore can tell that nothing is missing. */
export type BackupEnd = {
  readonly tables: Readonly<Record<string, number>>;
  readonly files: number;
  readonly documents: number;
  /** Documents that the store could not give. */
  readonly damaged: readonly string[];
};

export interface Backups {
  /**
   * A backup of all that cannot be had again, as of one moment, while the service goes on: the store, the keyring, the
   * documents, and with the embedded chain the chain. It is an age file: https://age-encryption.org/v1.
   * @throws `backup.recipient` `backup.running`
   */
  make(recipient: Recipient): Promise<{ bytes: number; stream: AsyncIterable<Uint8Array> }>;
}

export type BackupsOptions = {
  readonly store: Store;
  readonly documents: DocumentStore;
  readonly config: Pick<Config, 'dataFolder' | 'deploymentFile'>;
  readonly deployment: Deployment;
  readonly chain: Pick<Devnet, 'snapshot'> | null;
};

const SPOOL = /^backup\.[0-9a-f-]{36}\.part$/;
const ROWS_BYTES = 1024 * 1024;
const deflated = promisify(deflate);

export function createBackups(options: BackupsOptions): Backups {
  const { store, documents, config, deployment, chain } = options;
  let running = false;

  async function spoolTables(
    spool: Spool,
  ): Promise<{ tables: Record<string, number>; documents: StoredRow[] }> {
    return store.transaction(
      async (transaction) => {
        const tables: Record<string, number> = {};
        for (const table of await backedUpTables(transaction)) {
          tables[table] = await spoolTable(transaction, table, spool);
        }
        const stored = await transaction.query<StoredRow>('SELECT cid, bytes FROM documents ORDER BY cid');
        return { tables, documents: stored };
      },
      { isolation: 'repeatable read' },
    );
  }

  async function* content(
    spool: Spool,
    files: readonly OpenFile[],
    stored: { tables: Record<string, number>; documents: readonly StoredRow[] },
    bytes: number,
  ): AsyncGenerator<Uint8Array> {
    const header: BackupHeader = {
      vinculum: 'backup/1',
      createdAt: new Date().toISOString(),
      schema: schemaVersion,
      ledger: formatLedgerId({ chainId: deployment.chainId, address: deployment.ledger }),
      chain: chain === null ? 'rpc' : 'embedded',
      bytes,
    };
    yield Buffer.from(FIRST_LINE);
    yield jsonFrame('header', header);
    yield* spool.read();
    for (const { path, handle } of files) {
      yield jsonFrame('file', { path });
      for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: ROWS_BYTES })) {
        yield frame('bytes', chunk as Buffer);
      }
    }
    let written = 0;
    const damaged: string[] = [];
    for (const { cid } of stored.documents) {
      // One that was erased since is not missed; of one that is damaged nothing is worth keeping.
      if (!(await documents.has(cid))) continue;
      const whole = await wholeDocument(documents, cid);
      if (whole === null) {
        damaged.push(cid);
        continue;
      }
      yield jsonFrame('document', { cid });
      for await (const chunk of documents.get(cid)) yield frame('bytes', chunk);
      written += 1;
    }
    const end: BackupEnd = { tables: stored.tables, files: files.length, documents: written, damaged };
    yield jsonFrame('end', end);
  }

  return {
    async make(recipient) {
      const encrypter = encrypterFor(recipient);
      if (running)
        throw new Problem('backup.running', 'Another backup is being made: wait until it is done.');
      running = true;
      const files: OpenFile[] = [];
      let spool: Spool | undefined;
      const close = async () => {
        running = false;
        await spool?.remove();
        for (const { handle } of files) await handle.close();
      };
      try {
        await removeSpools(config.dataFolder);
        spool = await createSpool(join(config.dataFolder, `backup.${randomUUID()}.part`));
        // The store is held for as long as it takes to write its rows aside, however slow whoever reads them is.
        const stored = await spoolTables(spool);
        // The chain is as far as the store, or further: a store that knew of blocks that are not there would not start.
        files.push(...(await openFiles(config, chain)));
        const sizes = await Promise.all(files.map(async ({ handle }) => (await handle.stat()).size));
        const documentBytes = stored.documents.reduce((sum, { bytes }) => sum + Number(bytes), 0);
        const bytes = spool.length + sizes.reduce((sum, size) => sum + size, 0) + documentBytes;
        const plain = content(spool, files, stored, bytes);
        const encrypted = await encrypter.encrypt(ReadableStream.from(plain) as never);
        return { bytes, stream: closing(encrypted as unknown as AsyncIterable<Uint8Array>, close) };
      } catch (error) {
        await close();
        throw error;
      }
    },
  };
}

type StoredRow = { readonly cid: string; readonly bytes: bigint };
type OpenFile = { readonly path: string; readonly handle: FileHandle };

async function* closing(
  stream: AsyncIterable<Uint8Array>,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } finally {
    await close();
  }
}

/** @throws `backup.recipient` */
function encrypterFor(recipient: Recipient): Encrypter {
  const encrypter = new Encrypter();
  try {
    if ('passphrase' in recipient) encrypter.setPassphrase(recipient.passphrase);
    else for (const text of recipient.recipients) encrypter.addRecipient(text);
    return encrypter;
  } catch {
    throw new Problem('backup.recipient', 'A recipient is written age1…, as age-keygen prints it.');
  }
}

/** A table's rows as JSON, each exactly as the database writes it, some at a time. */
async function spoolTable(transaction: Transaction, table: string, spool: Spool): Promise<number> {
  await spool.write(jsonFrame('table', { name: table }));
  const which = ofStoredSets.includes(table)
    ? 'WHERE EXISTS (SELECT 1 FROM sets WHERE sets.digest = t.digest)'
    : '';
  await transaction.execute(
    `DECLARE backup CURSOR FOR SELECT row_to_json(t)::text AS row FROM "${table}" AS t ${which}`,
  );
  let count = 0;
  let atOnce = 64;
  for (;;) {
    const rows = await transaction.query<{ row: string }>(`FETCH ${atOnce} FROM backup`);
    if (rows.length === 0) break;
    count += rows.length;
    const text = rows.map(({ row }) => row).join('\n');
    await spool.write(frame('rows', await deflated(text, { level: constants.Z_BEST_SPEED })));
    const wanted = Math.floor((rows.length * ROWS_BYTES) / Math.max(1, text.length));
    atOnce = Math.max(1, Math.min(5_000, wanted, atOnce * 4));
  }
  await transaction.execute('CLOSE backup');
  return count;
}

/** Whether a document can be read to its end; its bytes are hashed as they are read. */
async function wholeDocument(documents: DocumentStore, cid: string): Promise<true | null> {
  try {
    for await (const _chunk of documents.get(cid));
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === 'document.corrupt') return null;
    throw error;
  }
}

/** What of the data folder cannot be made again, open: a snapshot of the chain is replaced any moment. */
async function openFiles(
  { dataFolder, deploymentFile }: BackupsOptions['config'],
  chain: BackupsOptions['chain'],
): Promise<OpenFile[]> {
  const names = ['keyring.json', 'operator-token', 'demo/loaded.json'];
  if (chain !== null) names.push('chain/identity.json', 'chain/mnemonic');
  for (const folder of ['keys', 'deployment']) names.push(...(await filesIn(dataFolder, folder)));
  const wanted = [
    ...names.map((path) => ({ path, file: join(dataFolder, path) })),
    { path: 'deployment.json', file: deploymentFile },
  ].filter(({ file }) => existsSync(file));
  const opened: OpenFile[] = [];
  for (const { path, file } of wanted) opened.push({ path, handle: await open(file, 'r') });
  if (chain !== null) {
    await chain.snapshot();
    const [newest] = await listSnapshots(join(dataFolder, 'chain'));
    if (newest !== undefined) {
      const path = newest.file.slice(dataFolder.length + 1).replaceAll('\\', '/');
      opened.push({ path, handle: await open(newest.file, 'r') });
    }
  }
  return opened;
}

async function filesIn(root: string, folder: string): Promise<string[]> {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  const entries = await readdir(path, { withFileTypes: true });
  const nested = await Promise.all(
    entries.map((entry) => {
      const name = `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesIn(root, name) : entry.isFile() ? [name] : [];
    }),
  );
  return nested.flat().filter((name) => !name.endsWith('.part'));
}

/** What a service that was killed in the middle of a backup left behind; nobody can read it. */
async function removeSpools(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (SPOOL.test(name)) await rm(join(folder, name), { force: true });
}
