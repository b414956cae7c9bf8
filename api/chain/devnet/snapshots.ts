import { createReadStream, createWriteStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { VinculumError } from '../../../core/errors.ts';
import type { DevnetRpc } from './rpc.ts';

/** A file that holds the whole chain (state, blocks, transactions, receipts) up to a block. */
export interface Snapshot {
  readonly block: number;
  readonly file: string;
}

const namePattern = /^chain-(\d{12})\.json\.gz$/;
/** The newest, and the one before it in case the newest can't be read. */
const kept = 2;

const nameOf = (block: number): string => `chain-${String(block).padStart(12, '0')}.json.gz`;

/** The snapshots in a folder, newest first. */
export async function listSnapshots(folder: string): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = [];
  for (const name of await readdir(folder)) {
    const block = namePattern.exec(name)?.[1];
    if (block !== undefined) snapshots.push({ block: Number(block), file: join(folder, name) });
  }
  return snapshots.sort((a, b) => b.block - a.block);
}

/**
 * Writes the chain's state as it is now. The file gets its name only once it is whole and on the disk, so a crash
 * at any moment leaves the snapshot before it.
 */
export async function writeSnapshot(rpc: DevnetRpc, folder: string, block: number): Promise<Snapshot> {
  const file = join(folder, nameOf(block));
  const draft = `${file}.part`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await rpc.callForBytes('anvil_dumpState', [], async (bytes) => {
      await handle.writeFile(bytes);
    });
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(draft, { force: true });
    throw error;
  }
  await handle.close();
  await rename(draft, file);
  await syncFolder(folder);
  for (const old of (await listSnapshots(folder)).slice(kept)) await rm(old.file, { force: true });
  return { block, file };
}

/** Unpacks a snapshot into the form that the node loads; fails when the file is damaged. */
export async function unpackSnapshot(snapshot: Snapshot, target: string): Promise<void> {
  try {
    await pipeline(
      createReadStream(snapshot.file),
      createGunzip(),
      createWriteStream(target, { mode: 0o600 }),
    );
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    throw code.startsWith('Z_') ? unreadable(snapshot, code, cause) : cause;
  }
}

/** The failure of one snapshot for what is in it, as against a full disk or a busy port. */
export function unreadable(snapshot: Snapshot, why: string, cause?: unknown): VinculumError {
  return new VinculumError(
    'devnet.unreadableSnapshot',
    `The snapshot ${snapshot.file} can't be read: ${why}.`,
    {
      cause,
      details: { file: snapshot.file, block: snapshot.block },
    },
  );
}

/** Removes what an interrupted write or start left behind. */
export async function removeDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.endsWith('.part')) await rm(join(folder, name), { force: true });
  }
}

/** A renamed file survives a power cut only once its folder is on the disk too; Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
