import { readFileSync } from 'node:fs';
import type { Context } from './context.ts';
import { usageError } from './exit.ts';

const LEAST_CHARACTERS = 12;

/** A backup's passphrase, from a file or a person; a person types a new one twice. Never from the arguments. */
export async function passphraseOf(
  { ask }: Context,
  file: string | undefined,
  purpose: 'new' | 'open',
): Promise<string> {
  const passphrase = file === undefined ? await ask?.('Passphrase of the backup: ') : firstLineOf(file);
  if (passphrase === undefined) {
    throw usageError('passphrase.missing', 'Give --passphrase-file FILE, or run this in a terminal.');
  }
  if (purpose === 'open') return passphrase;
  if (passphrase.length < LEAST_CHARACTERS) {
    throw usageError('passphrase.short', `A passphrase has at least ${LEAST_CHARACTERS} characters.`);
  }
  if (file === undefined && (await ask?.('The same again: ')) !== passphrase) {
    throw usageError('passphrase.differs', 'The two passphrases differ: nothing was written.');
  }
  return passphrase;
}

/** The key of an age identity file, which may have comments. */
export function identityOf(file: string): string {
  const line = textOf(file)
    .split(/\r?\n/)
    .find((text) => text.startsWith('AGE-SECRET-KEY-'));
  if (line === undefined) throw usageError('identity.file', `${file} has no AGE-SECRET-KEY-1….`);
  return line.trim();
}

function firstLineOf(file: string): string {
  const passphrase = textOf(file).replace(/\r?\n$/, '');
  if (passphrase === '') throw usageError('passphrase.file', `The file ${file} is empty.`);
  return passphrase;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw usageError('passphrase.file', `${file} can’t be read.`, { cause });
  }
}
