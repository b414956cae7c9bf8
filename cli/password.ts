import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { isVinculumError } from '../core/errors.ts';
import { usageError } from './exit.ts';
import { type KeystoreInfo, keysFolder, openKeystore, passwordFile, showKeystore } from './keystore.ts';

/** Where a password may come from. Never from the arguments: other users of the machine can read those. */
export type PasswordSource = {
  /** `--password-file`. */
  readonly file?: string | undefined;
  readonly dataFolder: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Asks a person; absent where nobody is there to answer. */
  readonly ask?: Ask | undefined;
};

export type Ask = (question: string) => Promise<string>;
export type OpenKey = KeystoreInfo & { readonly secretKey: Uint8Array };

/**
 * Opens a keystore of the data folder, with the password of `--password-file`, of VINCULUM_PASSWORD_FILE, of the
 * folder's development keystores, or from a person at the terminal.
 * @throws the `keystore.*` and `password.*` codes
 */
export async function unlock(name: string, source: PasswordSource): Promise<OpenKey> {
  const folder = keysFolder(source.dataFolder);
  await showKeystore(folder, name);
  const file = namedFile(source);
  if (file !== undefined) return openKeystore(folder, name, passwordIn(file));
  const beside = passwordFile(folder);
  if (isFile(beside)) {
    try {
      return await openKeystore(folder, name, passwordIn(beside));
    } catch (error) {
      if (source.ask === undefined || !isVinculumError(error, 'keystore.wrongPassword')) throw error;
    }
  }
  if (source.ask !== undefined) {
    return openKeystore(folder, name, await source.ask(`Password of the key ${name}: `));
  }
  throw missing(name);
}

/**
 * The password for a key that a command makes by itself: the named file's, that of the folder's development keystores, or
 * a new one from a person.
 * @throws as {@link newPassword}
 */
export async function passwordFor(name: string, source: PasswordSource): Promise<string> {
  const beside = passwordFile(keysFolder(source.dataFolder));
  if (namedFile(source) === undefined && isFile(beside)) return passwordIn(beside);
  return newPassword(name, source);
}

const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() === true;

/** A password for a new key; a person types it twice. @throws `password.differs` `password.short` `password.missing` */
export async function newPassword(name: string, source: PasswordSource): Promise<string> {
  const file = namedFile(source);
  const { ask } = source;
  if (file === undefined && ask === undefined) throw missing(name);
  const password =
    file !== undefined ? passwordIn(file) : ((await ask?.(`New password for the key ${name}: `)) ?? '');
  if (password.length < 8) throw usageError('password.short', 'A password has at least 8 characters.');
  if (file === undefined && (await ask?.('The same again: ')) !== password) {
    throw usageError('password.differs', 'The two passwords differ: nothing was written.');
  }
  return password;
}

function namedFile(source: PasswordSource): string | undefined {
  const environment = source.environment ?? process.env;
  return source.file ?? (environment.VINCULUM_PASSWORD_FILE || undefined);
}

function missing(name: string) {
  return usageError(
    'password.missing',
    `The key ${name} needs a password: give --password-file FILE or VINCULUM_PASSWORD_FILE, or run this in a terminal.`,
  );
}

function passwordIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw usageError('password.file', `The password file ${file} can’t be read.`, { cause });
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw usageError('password.file', `The password file ${file} is empty.`);
  return password;
}

/** Asks at the terminal without showing what is typed; undefined where there is no terminal. */
export function askAtTerminal(signal?: AbortSignal): Ask | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  return async (question) => {
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    process.stderr.write(question);
    const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
    try {
      return await new Promise<string>((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        reader.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
        reader.once('close', () => reject(usageError('password.missing', 'No password was given.')));
        reader.question('', resolve);
      });
    } finally {
      reader.close();
      process.stderr.write('\n');
    }
  };
}
