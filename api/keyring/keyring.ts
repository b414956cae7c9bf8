import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ed25519 } from '@noble/curves/ed25519.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { fromHex, fromUtf8, type Hex, toHex } from '../../core/bytes.ts';
import { addressOfKey, signHash } from '../../core/chain/submission.ts';
import type { Address } from '../../core/chain/types.ts';
import { type Credential, issueCredential, type Validity } from '../../core/credential/credential.ts';
import { type DidKey, didOfKey } from '../../core/credential/didKey.ts';
import type { CredentialFacts } from '../../core/credential/facts.ts';
import { generatePseudonymKeys, pseudonymPublicKey } from '../../core/pseudonym/pseudonym.ts';
import type { Logged } from '../privacy/logged.ts';
import { Problem } from '../problem.ts';

/** What is wrapped, each under a key of its own. */
export const wrapPurposes = ['blockKey', 'disclosure', 'identifier', 'documentKey'] as const;
export type WrapPurpose = (typeof wrapPurposes)[number];

/** An account that signs here and shows nothing of its key. */
export interface Account {
  readonly address: Address;
  /** Signs 32 bytes as Ethereum does: `r ‖ s ‖ v`. */
  sign(hash: Uint8Array): Uint8Array;
}

/** Signs credentials, and shows nothing of its key. */
export interface CredentialIssuer {
  /** The public key, as whoever relies on this operator's credentials names it. */
  readonly did: DidKey;
  issue(facts: CredentialFacts, validity: Validity): Credential;
}

/**
 * The operator's secrets. They are in one file of the data folder, and appear in no log, error or JSON. Losing the
 * file loses what is wrapped, and the pseudonym key, for ever: it belongs into the backup, apart from the database's.
 */
export interface Keyring {
  /** The secret scalar of the pseudonym function, for `createEvaluator` alone. */
  readonly pseudonymKey: Uint8Array;
  /** Its public key, which the ledger holds. */
  readonly pseudonymPublicKey: Uint8Array;
  /** Signs receipts. */
  readonly operator: Account;
  /** Pays for the relay's transactions. */
  readonly relayer: Account;
  readonly issuer: CredentialIssuer;
  /**
   * Encrypts a secret for the database. `context` says where it belongs (the digest of its block, the subject of its
   * identifier): it opens nowhere else, so that rows cannot be exchanged.
   */
  wrap(purpose: WrapPurpose, secret: Uint8Array, context: Uint8Array): Uint8Array;
  /** @throws `keyring.unwrap` for another purpose, context or keyring, or an altered secret */
  unwrap(purpose: Exclude<WrapPurpose, 'disclosure'>, wrapped: Uint8Array, context: Uint8Array): Uint8Array;
  /**
   * Opens a disclosure that the access log says is shown: `api/privacy/sealed.ts` is the one place that does.
   * @throws `keyring.unwrap`; TypeError where the log does not say so
   */
  unwrapDisclosure(
    logged: Logged,
    field: { readonly digest: Hex; readonly name: string; readonly wrapped: Uint8Array },
  ): string;
  /**
   * HMAC-SHA-256 under a key of its own, 32 bytes: what the database finds rows by without holding what they are about.
   * Only within this operator does the same message give the same bytes.
   */
  lookup(message: Uint8Array): Uint8Array;
}

export interface KeyringOptions {
  /** The relayer's private key, where it is not the folder's own (an account that is funded already). */
  readonly relayerKey?: Uint8Array;
}

const FILE = 'keyring.json';
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface Secrets {
  readonly master: Uint8Array;
  readonly pseudonym: Uint8Array;
  readonly operator: Uint8Array;
  readonly relayer: Uint8Array;
}
const names = ['master', 'pseudonym', 'operator', 'relayer'] as const satisfies (keyof Secrets)[];

/**
 * The keyring of a data folder, made on the first call.
 * @throws `keyring.damaged`
 */
export async function openKeyring(folder: string, options: KeyringOptions = {}): Promise<Keyring> {
  const path = join(folder, FILE);
  if (!existsSync(path)) await create(folder, path);
  const secrets = await read(path);
  return new FileKeyring(
    options.relayerKey === undefined ? secrets : { ...secrets, relayer: options.relayerKey },
  );
}

/** A keyring of fresh secrets that is kept nowhere. */
export function temporaryKeyring(options: KeyringOptions = {}): Keyring {
  const secrets = generate();
  return new FileKeyring(
    options.relayerKey === undefined ? secrets : { ...secrets, relayer: options.relayerKey },
  );
}

function generate(): Secrets {
  return {
    master: randomBytes(32),
    pseudonym: generatePseudonymKeys().secretKey,
    operator: secp256k1.utils.randomSecretKey(),
    relayer: secp256k1.utils.randomSecretKey(),
  };
}

/** Writes the file whole, on the disk, and only if there is none: two processes that start at once get the same one. */
async function create(folder: string, path: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  const secrets = generate();
  const json = Object.fromEntries(names.map((name) => [name, toHex(secrets[name])]));
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ version: VERSION, ...json }, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
  } finally {
    await rm(draft, { force: true });
  }
}

async function read(path: string): Promise<Secrets> {
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  try {
    const json = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    if (json.version !== VERSION) throw new Error('unknown version');
    const [master, pseudonym, operator, relayer] = names.map((name) => fromHex(String(json[name]), 32));
    if (!master || !pseudonym || !operator || !relayer) throw new Error('a key is missing');
    return { master, pseudonym, operator, relayer };
  } catch {
    // The cause is left out: a parser quotes what it read.
    throw new Problem(
      'keyring.damaged',
      `${path} is no keyring of this version: restore it from the backup.`,
    );
  }
}

class FileKeyring implements Keyring {
  readonly pseudonymPublicKey: Uint8Array;
  readonly operator: Account;
  readonly relayer: Account;
  readonly issuer: CredentialIssuer;
  readonly #pseudonymKey: Uint8Array;
  /** Key objects: with plain bytes each call would first make one, at four times the cost. */
  readonly #wrapKeys: ReadonlyMap<WrapPurpose, KeyObject>;
  readonly #lookupKey: KeyObject;

  constructor(secrets: Secrets) {
    this.#pseudonymKey = secrets.pseudonym;
    this.pseudonymPublicKey = pseudonymPublicKey(secrets.pseudonym);
    this.operator = accountOf(secrets.operator);
    this.relayer = accountOf(secrets.relayer);
    this.issuer = issuerOf(derive(secrets.master, 'credential'));
    this.#wrapKeys = new Map(
      wrapPurposes.map((purpose) => [purpose, createSecretKey(derive(secrets.master, purpose))]),
    );
    this.#lookupKey = createSecretKey(derive(secrets.master, 'lookup'));
  }

  get pseudonymKey(): Uint8Array {
    return this.#pseudonymKey;
  }

  wrap(purpose: WrapPurpose, secret: Uint8Array, context: Uint8Array): Uint8Array {
    const nonce = freshNonce();
    const cipher = createCipheriv('aes-256-gcm', this.#wrapKey(purpose), nonce);
    cipher.setAAD(context);
    const wrapped = Buffer.allocUnsafeSlow(1 + NONCE_BYTES + secret.length + TAG_BYTES);
    wrapped[0] = VERSION;
    nonce.copy(wrapped, 1);
    cipher.update(secret).copy(wrapped, 1 + NONCE_BYTES);
    cipher.final();
    cipher.getAuthTag().copy(wrapped, wrapped.length - TAG_BYTES);
    return wrapped;
  }

  unwrap(purpose: Exclude<WrapPurpose, 'disclosure'>, wrapped: Uint8Array, context: Uint8Array): Uint8Array {
    return this.#unwrap(purpose, wrapped, context);
  }

  unwrapDisclosure(
    logged: Logged,
    { digest, name, wrapped }: { readonly digest: Hex; readonly name: string; readonly wrapped: Uint8Array },
  ): string {
    if (!logged.covers(digest, name))
      throw new TypeError('a disclosure is opened once its showing is logged');
    return fromUtf8(this.#unwrap('disclosure', wrapped, fromHex(digest, 32)));
  }

  #unwrap(purpose: WrapPurpose, wrapped: Uint8Array, context: Uint8Array): Uint8Array {
    try {
      if (wrapped[0] !== VERSION) throw new Error('unknown version');
      const body = 1 + NONCE_BYTES;
      const cipher = createDecipheriv('aes-256-gcm', this.#wrapKey(purpose), wrapped.subarray(1, body), {
        authTagLength: TAG_BYTES,
      });
      cipher.setAAD(context);
      cipher.setAuthTag(wrapped.subarray(wrapped.length - TAG_BYTES));
      const secret = cipher.update(wrapped.subarray(body, wrapped.length - TAG_BYTES));
      cipher.final();
      return new Uint8Array(secret);
    } catch {
      throw new Problem(
        'keyring.unwrap',
        'It was wrapped by another keyring, for something else, or altered.',
      );
    }
  }

  lookup(message: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#lookupKey).update(message).digest();
  }

  toJSON(): string {
    return '[keyring]';
  }

  [inspect.custom](): string {
    return 'Keyring {}';
  }

  #wrapKey(purpose: WrapPurpose): KeyObject {
    const key = this.#wrapKeys.get(purpose);
    if (key === undefined) throw new TypeError('no such purpose');
    return key;
  }
}

const pool = Buffer.alloc(NONCE_BYTES * 256);
let poolUsed = pool.length;

/** Random bytes, drawn many at a time: most of a small draw's cost is the call. */
function freshNonce(): Buffer {
  if (poolUsed === pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += NONCE_BYTES;
  return pool.subarray(poolUsed - NONCE_BYTES, poolUsed);
}

/** The key of one purpose: each has its own. */
function derive(master: Uint8Array, purpose: WrapPurpose | 'credential' | 'lookup'): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', `vinculum/keyring/1/${purpose}`, 32));
}

function issuerOf(secretKey: Uint8Array): CredentialIssuer {
  return {
    did: didOfKey(ed25519.getPublicKey(secretKey)),
    issue: (facts, validity) => issueCredential(facts, secretKey, validity),
  };
}

function accountOf(secretKey: Uint8Array): Account {
  return { address: addressOfKey(secretKey), sign: (hash) => signHash(hash, secretKey) };
}
