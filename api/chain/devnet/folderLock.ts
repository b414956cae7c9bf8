import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VinculumError } from '../../../core/errors.ts';
import { isSameProcess, processIdentity } from './processes.ts';

interface Holder {
  readonly pid: number;
  readonly identity: string;
  readonly token: string;
}

/** Takes a folder for this process alone; a second start on it is refused. Returns the release. */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'lock');
  const mine: Holder = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? 'unknown',
    token: crypto.randomUUID(),
  };
  const draft = join(folder, `lock.${mine.token}`);
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    // A link appears whole or not at all, so nobody ever reads a half-written lock.
    while (!tryLink(draft, file)) {
      const holder = readHolder(file);
      if (holder === undefined) continue;
      if (isSameProcess(holder.pid, holder.identity)) throw inUse(folder, holder.pid);
      removeStale(file, folder, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (readHolder(file)?.token === mine.token) rmSync(file, { force: true });
  };
}

/** Removes the lock of a dead holder, and puts it back if another start was quicker and it is a new one. */
function removeStale(file: string, folder: string, stale: Holder): void {
  const aside = join(folder, `lock.stale.${crypto.randomUUID()}`);
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const moved = readHolder(aside);
  if (moved !== undefined && moved.token !== stale.token) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds the lock: nobody when there is no file, a process long dead when the file can't be read as one. */
function readHolder(file: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return { pid: -1, identity: '', token: '' };
  }
}

function inUse(folder: string, pid: number): VinculumError {
  return new VinculumError(
    'data.inUse',
    `The chain in ${folder} is in use by process ${pid}: stop that one, or choose another data folder.`,
    { details: { folder, pid } },
  );
}
