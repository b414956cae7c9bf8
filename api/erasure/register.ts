import { open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Problem } from '../problem.ts';
import { formatLine, type LedgerReceipt, parseLine } from './receipt.ts';

/**
 * The receipts of all erasures in a file of their own, a line of JSON each, which is only ever appended to. A receipt is
 * on the disk before anything is destroyed, so that whatever interrupts an erasure, the next start goes on with it; and
 * it is outside of every backup, so that no restored backup brings back what was erased after it was made.
 */
export interface Register {
  readonly path: string;
  /** Fulfils once the receipts are on the disk. */
  append(receipts: readonly LedgerReceipt[]): Promise<void>;
  close(): Promise<void>;
}

/** A file without lines says that nothing was erased; a file that is not there says nothing. */
export async function openRegister(path: string): Promise<{ register: Register; known: LedgerReceipt[] }> {
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
  const register: Register = {
    path,
    append(receipts) {
      if (receipts.length === 0) return Promise.resolve();
      const written = last.then(async () => {
        await file.appendFile(receipts.map(formatLine).join(''));
        await file.sync();
      });
      last = written.catch(() => undefined);
      return written;
    },
    async close() {
      await last;
      await file.close();
    },
  };
  return { register, known };
}

/**
 * All receipts of a file, as a restore needs them: a file that ends in the middle of a line was cut.
 * @throws `restore.erasuresMissing` `erasures.malformed`
 */
export async function readRegister(path: string): Promise<LedgerReceipt[]> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) {
    throw new Problem(
      'restore.erasuresMissing',
      `${path} is not there. Without the receipts of erasures a backup would bring back what was erased.`,
    );
  }
  return parseRegister(await readFile(path, 'utf8'), path);
}

function parseRegister(text: string, path: string): LedgerReceipt[] {
  const lines = text.split('\n');
  const malformed = (line: number) =>
    new Problem(
      'erasures.malformed',
      `Line ${line} of ${path} is no receipt of an erasure: put back the whole file from a copy.`,
      { extensions: { line } },
    );
  if (lines.pop() !== '') throw malformed(lines.length + 1);
  return lines.map((line, index) => {
    try {
      return parseLine(line);
    } catch {
      throw malformed(index + 1);
    }
  });
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
