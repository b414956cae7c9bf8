import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { chmod, link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VinculumError } from '../core/errors.ts';

/** The right to use a folder, held by one process. */
export interface FolderLock {
  readonly folder: string;
  release(): Promise<void>;
}

/** Who holds the folder. A process id alone is not enough: it may have been given to another process since. */
interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly host: string;
  readonly boot: string;
  readonly pidNamespace: string;
}

const fileName = 'lock';
const heartbeatMilliseconds = 5_000;
const silentMilliseconds = 30_000;

/**
 * Takes a folder for this process (and creates it, for its owner only); whoever comes second gets `lock.held`. A lock whose process is dead is taken over. Of a
 * holder in another container or on another machine only its heartbeat can be seen: it counts as dead when silent for
 * 30 seconds.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = join(folder, fileName);
  const self = thisProcess();
  const draft = `${path}.${self.token}`;
  await writeFile(draft, JSON.stringify(self), { mode: 0o600, flag: 'wx' });
  try {
    await take(folder, path, draft, self);
  } finally {
    await rm(draft, { force: true });
  }

  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, heartbeatMilliseconds);
  heartbeat.unref();
  const drop = () => {
    clearInterval(heartbeat);
    process.off('exit', drop);
    try {
      if (parse(readFileSync(path, 'utf8'))?.token === self.token) unlinkSync(path);
    } catch {
      // Already gone: there is nothing left to release.
    }
  };
  process.once('exit', drop);
  return { folder, release: async () => drop() };
}

async function take(folder: string, path: string, draft: string, self: Holder): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    // A hard link appears with its content or not at all, and never replaces a file.
    if (await linked(draft, path)) {
      // Somebody who judged an older lock stale may just have moved this one away: they put it back, or it is lost.
      if (attempt > 0) await sleep(50);
      if ((await readHolder(path))?.token === self.token) return;
    }
    const found = await readHolder(path);
    if (found === undefined) continue;
    if (await alive(found, path)) throw inUse(folder, found);
    const aside = `${path}.stale.${self.token}`;
    await rename(path, aside).catch(() => undefined);
    const moved = await readHolder(aside);
    if (moved !== undefined && moved.token !== found.token) await linked(aside, path);
    await rm(aside, { force: true });
  }
  throw new VinculumError('lock.held', `Other processes are taking ${folder} at this moment. Try again.`);
}

function inUse(folder: string, holder: Holder): VinculumError {
  const where = holder.host === hostname() ? '' : ` on ${holder.host}`;
  return new VinculumError('lock.held', `${folder} is in use by process ${holder.pid}${where}.`, {
    details: { folder, pid: holder.pid, host: holder.host },
  });
}

async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST' || error.code === 'ENOENT') return false;
      throw error;
    },
  );
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  // A file that is no lock of ours belongs to nobody who lives: all zeros is a holder that is never alive.
  return parse(text) ?? { token: text, pid: 0, startedAt: '', host: hostname(), boot: '', pidNamespace: '' };
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof Holder, unknown>> | null;
    const { token, pid, startedAt, host, boot, pidNamespace } = value ?? {};
    const texts = [token, startedAt, host, boot, pidNamespace];
    if (!Number.isSafeInteger(pid) || texts.some((member) => typeof member !== 'string')) return undefined;
    return value as Holder;
  } catch {
    return undefined;
  }
}

async function alive(holder: Holder, path: string): Promise<boolean> {
  if (holder.pid <= 0) return false;
  const self = thisProcess();
  if (holder.host === self.host && holder.boot !== self.boot) return false; // the machine has been started anew
  if (holder.host === self.host && holder.pidNamespace === self.pidNamespace) {
    return startOf(holder.pid) === holder.startedAt;
  }
  const lastSeen = await stat(path).then(
    (file) => file.mtimeMs,
    () => 0,
  );
  return Date.now() - lastSeen < silentMilliseconds;
}

function thisProcess(): Holder {
  return {
    token: randomUUID(),
    pid: process.pid,
    startedAt: startOf(process.pid) ?? '',
    host: hostname(),
    boot: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
  };
}

/** When a process started, in whatever form the system tells it; undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  if (process.platform === 'linux') {
    // Field 22 of `stat`; the second, the name, is in brackets and may hold anything.
    const fields =
      orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
        .split(') ')
        .at(-1)
        ?.split(' ') ?? [];
    return fields[0] === 'Z' ? undefined : (fields[19] ?? '');
  }
  if (process.platform === 'win32') return '';
  return orEmpty(() => execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim());
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
