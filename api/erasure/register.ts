import { open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatRevocation, type Revocation, readStoredRevocation } from '../privacy/revocation.ts';
import { Problem } from '../problem.ts';
import { formatLine, type LedgerReceipt, parseLine } from './receipt.ts';

/**
 * The receipts of all erasures in a file of their own, a line of JSON each, which is only ever appended to. A receipt is
 * on the disk before anything is destroyed, so that whatever interrupts an erasure, the next start goes on with it; and
 * it is outside of every backup, so that no restored backup brings back what was erased after it was made. For the same
 * reason it has the revocations of consents, a line each among the others, before they are answered.
 */
export interface Register {
  readonly path: string;
  /** Fulfils once the receipts are on the disk. */
  append(receipts: readonly LedgerReceipt[]): Promise<void>;
  /** Fulfils once the revocations are on the disk. */
  appendRevocations(revocations: readonly Revocation[]): Promise<void>;
  close(): Promise<void>;
}

/** What the file says. */
export type Registered = {
  readonly receipts: readonly LedgerReceipt[];
  readonly revocations: readonly Revocation[];
};

/**
 * A file without lines says that nothing was erased; a file that is not there says nothing.
 * @throws `erasures.malformed`
 */
export async function openRegister(path: string): Promise<{ register: Register; known: Registered }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  // A line that a crash cut off promised nothing: what it stood for was not begun.
  const whole = text === null ? '' : text.slice(0, text.lastIndexOf('\n') + 1);
  const known = parseRegister(whole, path);
  const file = await open(path, 'a', 0o600);
  if (text !== null && whole.length !== text.length) await file.truncate(Buffer.byteLength(whole));
  await file.sync();
  if (text === null) await syncFolder(dirname(path));

  let last: Promise<unknown> = Promise.resolve();
  const write = (lines: readonly string[]): Promise<void> => {
    if (lines.length === 0) return Promise.resolve();
    const written = last.then(async () => {
      await file.appendFile(lines.join(''));
      await file.sync();
    });
    last = written.catch(() => undefined);
    return written;
  };
  const register: Register = {
    path,
    append: (receipts) => write(receipts.map(formatLine)),
    appendRevocations: (revocations) => write(revocations.map(formatRevocation)),
    async close() {
      await last;
      await file.close();
    },
  };
  return { register, known };
}

/**
 * All that a file says, as a restore needs it: a file that ends in the middle of a line was cut.
 * @throws `restore.erasuresMissing` `erasures.malformed`
 */
export async function readRegister(path: string): Promise<Registered> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) {
    throw new Problem(
      'restore.erasuresMissing',
      `${path} is not there. Without the receipts of erasures a backup would bring back what was erased or revoked.`,
    );
  }
  return parseRegister(await readFile(path, 'utf8'), path);
}

function parseRegister(text: string, path: string): Registered {
  const lines = text.split('\n');
  const malformed = (line: number) =>
    new Problem(
      'erasures.malformed',
      `Line ${line} of ${path} is no receipt of an erasure and no revocation: put back the whole file from a copy.`,
      { extensions: { line } },
    );
  if (lines.pop() !== '') throw malformed(lines.length + 1);
  const receipts: LedgerReceipt[] = [];
  const revocations: Revocation[] = [];
  for (const [index, line] of lines.entries()) {
    try {
      const value: unknown = JSON.parse(line);
      if (isObject(value) && 'consent' in value) revocations.push(readStoredRevocation(value));
      else receipts.push(parseLine(line));
    } catch {
      throw malformed(index + 1);
    }
  }
  return { receipts, revocations };
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
