import { keccak_256 } from '@noble/hashes/sha3.js';
import { type Hex, toHex, utf8 } from '../core/bytes.ts';

/** Topic of an event by its signature. */
export function keccakText(text: string): Hex {
  return toHex(keccak_256(utf8(text)));
}
