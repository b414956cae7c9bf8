import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { concat, lengthPrefixed } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import type { Identifier } from '../identifiers/identifier.ts';

/** SHA-256; a caller with a quicker one than the default may hand it in. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

export const POSITION_BYTES = 32;
const BLOCK_BYTES = 64;

type Beginning = { readonly type: string; readonly scope: string; readonly beginning: Uint8Array };

const fresh = nobleSha256.create();
const scratch = nobleSha256.create();

/** Copies a ready state instead of making one: a million small hashes take half the time. */
export const defaultSha256: Sha256 = (bytes) => {
  const digest = new Uint8Array(32);
  fresh._cloneInto(scratch).update(bytes).digestInto(digest);
  return digest;
};

/** HMAC-SHA-256 with the key's two blocks hashed once. */
function defaultHmac(key: Uint8Array): Sha256 {
  const keyed = hmac.create(nobleSha256, key);
  const own = hmac.create(nobleSha256, key);
  return (message) => {
    const code = new Uint8Array(32);
    keyed._cloneInto(own).update(message).digestInto(code);
    return code;
  };
}

function hmacOver(sha256: Sha256, key: Uint8Array): Sha256 {
  const inner = new Uint8Array(BLOCK_BYTES).fill(0x36);
  const outer = new Uint8Array(BLOCK_BYTES).fill(0x5c);
  key.forEach((byte, index) => {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  });
  return (message) => sha256(concat(outer, sha256(concat(inner, message))));
}

/**
 * The function from an identifier to its position: HMAC-SHA-256(treeKey, lp(type) ‖ lp(scope) ‖ lp(value)).
 * @throws `tree.key` for a key that is not 32 bytes
 */
export function positioner(treeKey: Uint8Array, sha256?: Sha256): (identifier: Identifier) => Uint8Array {
  if (treeKey.length !== 32) throw new VinculumError('tree.key', 'The key of a tree is 32 bytes.');
  const mac = sha256 === undefined ? defaultHmac(treeKey) : hmacOver(sha256, treeKey);
  // Neighbours in a list nearly always share type and scope.
  let last: Beginning = { type: '', scope: '', beginning: new Uint8Array() };
  return ({ type, scope, value }) => {
    if (type !== last.type || scope !== last.scope) {
      last = { type, scope, beginning: concat(lengthPrefixed(type), lengthPrefixed(scope)) };
    }
    return mac(concat(last.beginning, lengthPrefixed(value)));
  };
}

/** Bit `depth` of a position that starts at `offset`, from the most significant. */
export function bitAt(bytes: Uint8Array, depth: number, offset = 0): 0 | 1 {
  return (((bytes[offset + (depth >> 3)] ?? 0) >> (7 - (depth & 7))) & 1) as 0 | 1;
}
