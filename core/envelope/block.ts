import { gcm } from '@noble/ciphers/aes.js';
import { randomBytes } from '@noble/ciphers/utils.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, equalBytes, toHex, utf8 } from '../bytes.ts';
import type { Digest } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';

/** A source of randomness: that many unpredictable bytes. */
export type Random = (bytes: number) => Uint8Array;

/** The default source: the platform's `crypto.getRandomValues`. */
export const secureRandom: Random = (bytes) => randomBytes(bytes);

export const KEY_BYTES = 32;
const COMMITMENT_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What encryption adds to a plaintext. */
export const BLOCK_OVERHEAD = COMMITMENT_BYTES + NONCE_BYTES + TAG_BYTES;
/** Largest block of an envelope; larger content is a document. */
export const MAX_BLOCK_BYTES = 1024 * 1024;

const DOMAIN = utf8('vinculum/block/1');

/** Commits to the key: AES-GCM alone lets two keys open one ciphertext to two texts. */
function commitment(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  return sha256(concat(DOMAIN, key, nonce));
}

/** `SHA-256(tag ‖ key ‖ nonce) ‖ nonce ‖ AES-256-GCM(key, nonce, plaintext)` under a fresh nonce. */
export function encryptBlock(
  plaintext: Uint8Array,
  key: Uint8Array,
  random: Random = secureRandom,
): Uint8Array {
  const nonce = random(NONCE_BYTES);
  return concat(commitment(key, nonce), nonce, gcm(key, nonce).encrypt(plaintext));
}

/**
 * The plaintext of a block.
 * @throws `block.malformed` when too short; `block.wrongKey` when the key is not the committed one;
 *   `block.corrupt` when the ciphertext was altered
 */
export function openBlock(block: Uint8Array, key: Uint8Array): Uint8Array {
  if (block.length < BLOCK_OVERHEAD || key.length !== KEY_BYTES) {
    throw new VinculumError('block.malformed', 'This is no encrypted block, or no key of 32 bytes.');
  }
  const nonce = block.subarray(COMMITMENT_BYTES, COMMITMENT_BYTES + NONCE_BYTES);
  if (!equalBytes(block.subarray(0, COMMITMENT_BYTES), commitment(key, nonce))) {
    throw new VinculumError('block.wrongKey', 'The block was encrypted under another key.');
  }
  try {
    return gcm(key, nonce).decrypt(block.subarray(COMMITMENT_BYTES + NONCE_BYTES));
  } catch (cause) {
    throw new VinculumError('block.corrupt', 'The block’s ciphertext was altered.', { cause });
  }
}

/** SHA-256 of a block: the digest of its entry, and its CID's multihash. */
export function digestOf(block: Uint8Array): Digest {
  return toHex(sha256(block)) as Digest;
}
