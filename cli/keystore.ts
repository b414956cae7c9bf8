import { scrypt as nodeScrypt, randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { addressOfKey } from '../core/chain/submission.ts';
import type { Address, OrganisationId } from '../core/chain/types.ts';
import { isVinculumError } from '../core/errors.ts';
import { decryptKeystore, encryptKeystore, type Scrypt, STANDARD_COST } from '../core/keystore/keystore.ts';
import { CommandError, usageError } from './exit.ts';

/*
 * Keys of organisations, each encrypted in a file of its own: `<data>/keys/<name>.json`, Web3 Secret Storage v3 (what
 * geth, MetaMask and ethers read), with one member more, `x-vinculum`, that says for which organisation it signs. The
 * password of development keystores lies beside them in `<data>/keys/password`.
 */

/** Node’s own scrypt: native, and off the main thread. */
const scrypt: Scrypt = (password, salt, { N, r, p }, bytes) =>
  new Promise((resolve, reject) => {
    const maxmem = 256 * N * r + 64 * 1024 * 1024;
    nodeScrypt(password, salt, bytes, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(new Uint8Array(key)) : reject(error),
    );
  });

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** `light` for keys whose password lies beside them: it protects nothing there, and a start should not wait for it. */
export type Strength = 'standard' | 'light';
const COST: Readonly<Record<Strength, number>> = { standard: STANDARD_COST.N, light: 2 ** 12 };

const fileSchema = z.looseObject({
  address: z.string().check(z.regex(/^(0x)?[0-9a-fA-F]{40}$/)),
  'x-vinculum': z.optional(
    z.looseObject({
      organisation: z.optional(z.string().check(z.regex(/^[1-9][0-9]{0,19}$/))),
      label: z.optional(z.string()),
    }),
  ),
});

export type KeystoreInfo = {
  readonly name: string;
  readonly file: string;
  readonly address: Address;
  /** The organisation it signs for, where the keystore says so. */
  readonly organisation: OrganisationId | null;
  /** What it is called for people. */
  readonly label: string | null;
};

export type NewKeystore = {
  readonly name: string;
  readonly secretKey: Uint8Array;
  readonly organisation?: OrganisationId;
  readonly label?: string;
};

export function keysFolder(dataFolder: string): string {
  return join(dataFolder, 'keys');
}

/** The file with the password of a data folder's development keystores. */
export function passwordFile(folder: string): string {
  return join(folder, 'password');
}

/**
 * Encrypts a key and writes it to `<folder>/<name>.json`, for the owner's eyes only.
 * @throws `keystore.name`, `keystore.exists` unless `replace`
 */
export async function writeKeystore(
  folder: string,
  keystore: NewKeystore,
  password: string,
  options: { strength?: Strength; replace?: boolean } = {},
): Promise<KeystoreInfo> {
  const file = keystoreFile(folder, keystore.name);
  const address = addressOfKey(keystore.secretKey);
  const cost = { ...STANDARD_COST, N: COST[options.strength ?? 'standard'] };
  const encrypted = await encryptKeystore(keystore.secretKey, password, { cost, scrypt });
  const { organisation, label } = keystore;
  const text = JSON.stringify({
    ...encrypted,
    'x-vinculum': { organisation: organisation?.toString(), label },
  });
  await ensureFolder(folder);
  if (options.replace !== true && (await exists(file))) {
    throw usageError('keystore.exists', `There is a key named ${keystore.name} already (${file}).`);
  }
  await writePrivately(file, text);
  return { name: keystore.name, file, address, organisation: organisation ?? null, label: label ?? null };
}

/** Writes the password of development keystores beside them. */
export async function writePassword(folder: string, password: string): Promise<void> {
  await ensureFolder(folder);
  await writePrivately(passwordFile(folder), `${password}\n`);
}

/** The keystores of a folder, by name; files that are none are passed over. */
export async function listKeystores(folder: string): Promise<KeystoreInfo[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return [];
    throw error;
  }
  const found: KeystoreInfo[] = [];
  for (const file of names.filter((name) => name.endsWith('.json')).sort()) {
    const name = file.slice(0, -'.json'.length);
    if (!NAME.test(name)) continue;
    try {
      found.push(await showKeystore(folder, name));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
    }
  }
  return found;
}

/** What a keystore says without its password. @throws `keystore.unknown` `keystore.damaged` */
export async function showKeystore(folder: string, name: string): Promise<KeystoreInfo> {
  return infoOf(name, keystoreFile(folder, name), await readKeystore(folder, name));
}

/**
 * Opens a keystore.
 * @throws `keystore.unknown` `keystore.damaged` `keystore.wrongPassword` `keystore.unsupported` `keystore.tooCostly`
 */
export async function openKeystore(
  folder: string,
  name: string,
  password: string,
): Promise<KeystoreInfo & { readonly secretKey: Uint8Array }> {
  const text = await readKeystore(folder, name);
  const info = infoOf(name, keystoreFile(folder, name), text);
  let secretKey: Uint8Array;
  try {
    secretKey = (await decryptKeystore(text, password, { scrypt })).secretKey;
  } catch (cause) {
    if (isVinculumError(cause, 'keystore.malformed')) throw damaged(info.file);
    if (isVinculumError(cause, 'keystore.unsupported') || isVinculumError(cause, 'keystore.tooCostly')) {
      throw usageError(cause.code, cause.message, { cause });
    }
    throw usageError('keystore.wrongPassword', `The password does not open the key ${name}.`, { cause });
  }
  if (addressOfKey(secretKey) !== info.address) throw damaged(info.file);
  return { ...info, secretKey };
}

export async function removeKeystore(folder: string, name: string): Promise<KeystoreInfo> {
  const info = await showKeystore(folder, name);
  await rm(info.file);
  return info;
}

function keystoreFile(folder: string, name: string): string {
  if (NAME.test(name)) return join(folder, `${name}.json`);
  throw usageError(
    'keystore.name',
    'A key’s name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit.',
  );
}

async function readKeystore(folder: string, name: string): Promise<string> {
  const file = keystoreFile(folder, name);
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const known = (await listKeystores(folder)).map((keystore) => keystore.name);
    const others = known.length === 0 ? 'There are none yet' : `There are: ${known.join(', ')}`;
    throw usageError('keystore.unknown', `There is no key named ${name} in ${folder}. ${others}.`, { cause });
  }
}

function infoOf(name: string, file: string, text: string): KeystoreInfo {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(file);
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) throw damaged(file);
  const { address, 'x-vinculum': ours } = parsed.data;
  return {
    name,
    file,
    address: `0x${address.replace(/^0x/, '').toLowerCase()}`,
    organisation: ours?.organisation === undefined ? null : (BigInt(ours.organisation) as OrganisationId),
    label: ours?.label ?? null,
  } as KeystoreInfo;
}

function damaged(file: string): CommandError {
  return usageError('keystore.damaged', `${file} is no keystore, or damaged: restore it from a backup.`);
}

async function ensureFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
}

/** All or nothing, and readable by nobody else at any moment. */
async function writePrivately(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}.part`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await readFile(file);
    return true;
  } catch {
    return false;
  }
}
