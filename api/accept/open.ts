import { createDecipheriv, createSecretKey, hash } from 'node:crypto';
import { BLOCK_OVERHEAD, KEY_BYTES } from '../../core/envelope/block.ts';
import { VinculumError } from '../../core/errors.ts';

const DOMAIN = Buffer.from('vinculum/block/1');
const COMMITMENT_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const START = COMMITMENT_BYTES + NONCE_BYTES;

/** `openBlock` of core on the platform's ciphers, some six times as fast; the same codes. */
export function openBlock(block: Uint8Array, key: Uint8Array): Uint8Array {
  if (block.length < BLOCK_OVERHEAD || key.length !== KEY_BYTES) {
    throw new VinculumError('block.malformed', 'This is no encrypted block, or no key of 32 bytes.');
  }
  const nonce = block.subarray(COMMITMENT_BYTES, START);
  const commitment = hash('sha256', Buffer.concat([DOMAIN, key, nonce]), 'buffer');
  if (commitment.compare(block, 0, COMMITMENT_BYTES) !== 0) {
    throw new VinculumError('block.wrongKey', 'The block was encrypted under another key.');
  }
  const end = block.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce);
  decipher.setAuthTag(block.subarray(end));
  const plaintext = decipher.update(block.subarray(START, end));
  try {
    decipher.final();
  } catch (cause) {
    throw new VinculumError('block.corrupt', 'The block’s ciphertext was altered.', { cause });
  }
  return plaintext;
}

/** SHA-256 of a block. */
export function digestOf(block: Uint8Array): Buffer {
  return hash('sha256', block, 'buffer');
}
