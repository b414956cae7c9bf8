import { base58btc } from 'multiformats/bases/base58';
import { concat } from '../bytes.ts';
import { VinculumError } from '../errors.ts';

/** A decentralised identifier that is a public key: `did:key:z6Mk…`, Ed25519 only. */
export type DidKey = `did:key:z${string}`;

/** Multicodec of an Ed25519 public key, as a varint. */
const ED25519 = new Uint8Array([0xed, 0x01]);
const PREFIX = 'did:key:';

export function didOfKey(publicKey: Uint8Array): DidKey {
  return `${PREFIX}${base58btc.encode(concat(ED25519, publicKey))}` as DidKey;
}

/**
 * The public key that a did:key is, as 32 bytes.
 * @throws `credential.malformed` for anything but an Ed25519 key in its one spelling
 */
export function keyOfDid(did: string): Uint8Array {
  const bytes = did.startsWith(PREFIX) && did.length < 100 ? decodeMultibase(did.slice(PREFIX.length)) : null;
  if (bytes === null || bytes.length !== 34 || bytes[0] !== ED25519[0] || bytes[1] !== ED25519[1]) {
    throw new VinculumError('credential.malformed', 'The issuer is no Ed25519 key (did:key:z6Mk…).');
  }
  return bytes.subarray(2);
}

/** How a did:key names its own key in a proof. */
export function verificationMethodOf(did: DidKey): string {
  return `${did}#${did.slice(PREFIX.length)}`;
}

export function encodeMultibase(bytes: Uint8Array): string {
  return base58btc.encode(bytes);
}

/** Bytes in base58btc with its `z`, or null for any other text. */
export function decodeMultibase(text: string): Uint8Array | null {
  try {
    return base58btc.decode(text);
  } catch {
    return null;
  }
}
