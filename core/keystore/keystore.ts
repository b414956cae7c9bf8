import { ctr } from '@noble/ciphers/aes.js';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, equalBytes, fromHex, toHex, utf8 } from '../bytes.ts';
import { addressOfKey } from '../chain/submission.ts';
import type { Address } from '../chain/types.ts';
import { type Random, secureRandom } from '../envelope/block.ts';
import { VinculumError } from '../errors.ts';

/*
 * Web3 Secret Storage, version 3: one secret key, encrypted under a password, as geth, MetaMask and ethers write and read
 * it. Written with scrypt; read with scrypt or PBKDF2.
 */

export type ScryptCost = { readonly N: number; readonly r: number; readonly p: number };

/** Derives `bytes` bytes by scrypt (RFC 7914); a platform's own is faster than the one that core brings along. */
export type Scrypt = (
  password: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  bytes: number,
) => Promise<Uint8Array>;

/** What ethers writes: 128 MiB, about a second where scrypt is not native. */
export const STANDARD_COST: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };

/** Longest file that is read, in characters; one of ours has some 500. */
export const MAX_KEYSTORE_CHARACTERS = 65_536;
/** What a file may ask for: 512 MiB of memory, and eight times the work of geth’s own files. */
const MOST = { blocks: 2 ** 22, work: 2 ** 24, iterations: 10_000_000 };

const bytes = (min: number, max: number) =>
  z.string().check(z.regex(new RegExp(`^(?:0x)?(?:[0-9a-fA-F]{2}){${min},${max}}$`)));
const positive = z.int().check(z.gte(1));

const cryptoSchema = z.object({
  cipher: z.string(),
  cipherparams: z.object({ iv: bytes(16, 16) }),
  ciphertext: bytes(32, 32),
  mac: bytes(32, 32),
  kdf: z.string(),
  kdfparams: z.looseObject({ dklen: z.literal(32), salt: bytes(1, 256) }),
});
const scryptSchema = z.looseObject({ n: positive, r: positive, p: positive });
const pbkdf2Schema = z.looseObject({ c: positive, prf: z.literal('hmac-sha256') });
const keystoreSchema = z.looseObject({
  version: z.union([z.literal(3), z.literal('3')]),
  address: z.optional(bytes(20, 20)),
});

/** A keystore as JSON. Other members are allowed and passed over. */
export type Keystore = {
  readonly version: 3;
  readonly id: string;
  /** 40 hexadecimal digits without `0x`, as geth writes them. */
  readonly address: string;
  readonly crypto: {
    readonly cipher: 'aes-128-ctr';
    readonly cipherparams: { readonly iv: string };
    readonly ciphertext: string;
    readonly kdf: 'scrypt';
    readonly kdfparams: {
      readonly dklen: 32;
      readonly n: number;
      readonly r: number;
      readonly p: number;
      readonly salt: string;
    };
    readonly mac: string;
  };
};

/** noble's scrypt: the same anywhere. */
export const portableScrypt: Scrypt = (password, salt, cost, length) =>
  scryptAsync(password, salt, { ...cost, dkLen: length, maxmem: 2 ** 30 });

/**
 * Encrypts a secret key.
 * @param password any text; normalised to NFKC, as other wallets do
 */
export async function encryptKeystore(
  secretKey: Uint8Array,
  password: string,
  options: { readonly cost?: ScryptCost; readonly scrypt?: Scrypt; readonly random?: Random } = {},
): Promise<Keystore> {
  const { cost = STANDARD_COST, scrypt = portableScrypt, random = secureRandom } = options;
  const address = bare(addressOfKey(secretKey));
  const [salt, iv, id] = [random(32), random(16), random(16)];
  const derived = await scrypt(utf8(password.normalize('NFKC')), salt, cost, 32);
  const ciphertext = ctr(derived.slice(0, 16), iv).encrypt(secretKey);
  const { N: n, r, p } = cost;
  return {
    version: 3,
    id: uuidOf(id),
    address,
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: bare(toHex(iv)) },
      ciphertext: bare(toHex(ciphertext)),
      kdf: 'scrypt',
      kdfparams: { dklen: 32, n, r, p, salt: bare(toHex(salt)) },
      mac: bare(toHex(macOf(derived, ciphertext))),
    },
  };
}

/**
 * Opens a keystore file. The file is anybody's: what it may ask for is bounded.
 * @throws `keystore.malformed`; `keystore.unsupported` for another version, cipher or derivation; `keystore.tooCostly`
 *   where it asks for more than 512 MiB or an unreasonable time; `keystore.wrongPassword`; `keystore.address` where the
 *   key is not that of the address which the file states
 */
export async function decryptKeystore(
  text: string,
  password: string,
  options: { readonly scrypt?: Scrypt } = {},
): Promise<{ readonly secretKey: Uint8Array; readonly address: Address }> {
  const { address: stated, crypto, derive } = readKeystore(text, options.scrypt ?? portableScrypt);
  const ciphertext = fromFileHex(crypto.ciphertext);
  const mac = fromFileHex(crypto.mac);
  // Most wallets normalise a password; some take it as it was typed.
  for (const typed of new Set([password.normalize('NFKC'), password])) {
    const derived = await derive(utf8(typed));
    if (!equalBytes(macOf(derived, ciphertext), mac)) continue;
    const secretKey = ctr(derived.slice(0, 16), fromFileHex(crypto.cipherparams.iv)).decrypt(ciphertext);
    const address = addressOf(secretKey);
    if (address === null || (stated !== undefined && address !== toHex(fromFileHex(stated)))) {
      throw new VinculumError('keystore.address', 'The keystore holds another key than its address says.');
    }
    return { secretKey, address };
  }
  throw new VinculumError('keystore.wrongPassword', 'The password does not open this keystore.');
}

type Derive = (password: Uint8Array) => Promise<Uint8Array>;

function readKeystore(
  text: string,
  scrypt: Scrypt,
): { address: string | undefined; crypto: z.infer<typeof cryptoSchema>; derive: Derive } {
  if (text.length > MAX_KEYSTORE_CHARACTERS) throw malformed();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(cause);
  }
  if (value === null || typeof value !== 'object') throw malformed();
  const { version } = value as { version?: unknown };
  if (version !== undefined && Number(version) !== 3)
    throw unsupported('a keystore of another version than 3');
  // ethers writes `Crypto`, everybody else `crypto`.
  const members = value as { crypto?: unknown; Crypto?: unknown };
  const file = keystoreSchema.safeParse(value);
  const parsed = cryptoSchema.safeParse(members.crypto ?? members.Crypto);
  if (!file.success || !parsed.success) throw malformed();
  const crypto = parsed.data;
  if (crypto.cipher !== 'aes-128-ctr') throw unsupported('another cipher than aes-128-ctr');
  return { address: file.data.address, crypto, derive: derivationOf(crypto, scrypt) };
}

function derivationOf({ kdf, kdfparams }: z.infer<typeof cryptoSchema>, scrypt: Scrypt): Derive {
  const salt = fromFileHex(kdfparams.salt);
  if (kdf === 'scrypt') {
    const parsed = scryptSchema.safeParse(kdfparams);
    if (!parsed.success) throw malformed();
    const { n: N, r, p } = parsed.data;
    if (N < 2 || !Number.isInteger(Math.log2(N))) throw malformed();
    if (N * r > MOST.blocks || N * r * p > MOST.work) throw tooCostly();
    return (password) => scrypt(password, salt, { N, r, p }, 32);
  }
  if (kdf === 'pbkdf2') {
    const parsed = pbkdf2Schema.safeParse(kdfparams);
    if (!parsed.success) throw malformed();
    const { c } = parsed.data;
    if (c > MOST.iterations) throw tooCostly();
    return (password) => pbkdf2Async(sha256, password, salt, { c, dkLen: 32 });
  }
  throw unsupported('another key derivation than scrypt and pbkdf2');
}

function macOf(derived: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return keccak_256(concat(derived.subarray(16, 32), ciphertext));
}

function addressOf(secretKey: Uint8Array): Address | null {
  try {
    return addressOfKey(secretKey);
  } catch {
    return null;
  }
}

function fromFileHex(text: string): Uint8Array {
  return fromHex(text.startsWith('0x') ? text : `0x${text}`);
}

const bare = (hex: string): string => hex.slice(2);

/** A random UUID (version 4, RFC 9562) of 16 random bytes. */
function uuidOf(random: Uint8Array): string {
  const marked = Uint8Array.from(random);
  marked[6] = ((marked[6] ?? 0) & 0x0f) | 0x40;
  marked[8] = ((marked[8] ?? 0) & 0x3f) | 0x80;
  return bare(toHex(marked)).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function malformed(cause?: unknown): VinculumError {
  return new VinculumError(
    'keystore.malformed',
    'This is no keystore file (Web3 Secret Storage, version 3).',
    {
      cause,
    },
  );
}

function unsupported(what: string): VinculumError {
  return new VinculumError('keystore.unsupported', `The keystore file has ${what}: export it anew.`);
}

function tooCostly(): VinculumError {
  return new VinculumError(
    'keystore.tooCostly',
    'The keystore file asks for more memory or time than any wallet does: it is not opened.',
  );
}
