import { lengthPrefixed, utf8 } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import { POSITION_BYTES } from './position.ts';
import { compress, INITIAL } from './sha256.ts';

/*
 * Positions and hashes of the set tree (docs/protocol.md §7) as words, end to end in one array: eight to each. None of
 * these functions is re-entrant.
 */

export const WORDS = POSITION_BYTES / 4;

const block = new Int32Array(16);

/** `into[at …]` = SHA-256(0x00 ‖ position). */
export function leafInto(positions: Int32Array, start: number, into: Int32Array, at: number): void {
  let before = 0;
  for (let word = 0; word < WORDS; word++) {
    const value = positions[start + word] as number;
    block[word] = (before << 24) | (value >>> 8);
    before = value;
  }
  block[8] = (before << 24) | 0x800000;
  block.fill(0, 9, 15);
  block[15] = 33 * 8;
  compress(INITIAL, 0, block, into, at);
}

/** `into[at …]` = SHA-256(0x01 ‖ left ‖ right). The result may lie where an argument does. */
export function nodeInto(
  left: Int32Array,
  leftAt: number,
  right: Int32Array,
  rightAt: number,
  into: Int32Array,
  at: number,
): void {
  let before = 1;
  for (let word = 0; word < WORDS; word++) {
    const value = left[leftAt + word] as number;
    block[word] = (before << 24) | (value >>> 8);
    before = value;
  }
  for (let word = 0; word < WORDS; word++) {
    const value = right[rightAt + word] as number;
    block[8 + word] = (before << 24) | (value >>> 8);
    before = value;
  }
  compress(INITIAL, 0, block, into, at);
  block[0] = (before << 24) | 0x800000;
  block.fill(0, 1, 15);
  block[15] = 65 * 8;
  compress(into, at, block, into, at);
}

/** Writes the position of an identifier as eight words: HMAC-SHA-256 with the key's two blocks hashed once. */
export type WordPositioner = (identifier: Identifier, into: Int32Array, at: number) => void;

/** @throws `tree.key` for a key that is not 32 bytes */
export function wordPositioner(treeKey: Uint8Array): WordPositioner {
  if (treeKey.length !== 32) throw new VinculumError('tree.key', 'The key of a tree is 32 bytes.');
  const inner = keyed(treeKey, 0x36);
  const outer = keyed(treeKey, 0x5c);
  let type = '';
  let scope = '';
  let message = new Uint8Array(256);
  let beginning = 0;
  const state = new Int32Array(WORDS);
  return (identifier, into, at) => {
    const { value } = identifier;
    // Neighbours in a list nearly always share type and scope.
    if (beginning === 0 || identifier.type !== type || identifier.scope !== scope) {
      type = identifier.type;
      scope = identifier.scope;
      const first = lengthPrefixed(type);
      const second = lengthPrefixed(scope);
      beginning = first.length + second.length;
      message = new Uint8Array(beginning + 256);
      message.set(first);
      message.set(second, first.length);
    }
    let length = beginning + 2 + value.length;
    let ascii = value.length <= 200;
    for (let index = 0; ascii && index < value.length; index++) {
      const unit = value.charCodeAt(index);
      ascii = unit < 0x80;
      message[beginning + 2 + index] = unit;
    }
    if (!ascii) {
      const bytes = utf8(value);
      length = beginning + 2 + bytes.length;
      const whole = new Uint8Array(length);
      whole.set(message.subarray(0, beginning));
      whole.set(lengthPrefixed(value), beginning);
      hashInto(inner, whole, length, state);
    } else {
      message[beginning] = value.length >> 8;
      message[beginning + 1] = value.length & 0xff;
      hashInto(inner, message, length, state);
    }
    block.set(state);
    block[8] = 0x80000000 | 0;
    block.fill(0, 9, 15);
    block[15] = (64 + 32) * 8;
    compress(outer, 0, block, into, at);
  };
}

/** The state after the key's block. */
function keyed(key: Uint8Array, pad: number): Int32Array {
  const bytes = new Uint8Array(64).fill(pad);
  for (let index = 0; index < key.length; index++) bytes[index] = (key[index] as number) ^ pad;
  wordsInto(bytes, 0, 64);
  const state = new Int32Array(WORDS);
  compress(INITIAL, 0, block, state, 0);
  return state;
}

/** Hashes a message after one block that is in `state` already. */
function hashInto(state: Int32Array, message: Uint8Array, length: number, into: Int32Array): void {
  let from = state;
  let start = 0;
  for (; length - start >= 64; start += 64) {
    wordsInto(message, start, 64);
    compress(from, 0, block, into, 0);
    from = into;
  }
  wordsInto(message, start, length - start);
  const rest = length - start;
  block[rest >> 2] = (block[rest >> 2] as number) | (0x80 << (24 - 8 * (rest & 3)));
  if (rest >= 56) {
    compress(from, 0, block, into, 0);
    from = into;
    block.fill(0);
  }
  block[15] = (64 + length) * 8;
  compress(from, 0, block, into, 0);
}

/** Up to 64 bytes as the words of the block, zeros behind. */
function wordsInto(bytes: Uint8Array, start: number, length: number): void {
  block.fill(0);
  for (let index = 0; index < length; index++) {
    block[index >> 2] =
      (block[index >> 2] as number) | ((bytes[start + index] as number) << (24 - 8 * (index & 3)));
  }
}

/** Bit `depth` of the position that starts at word `start`, from the most significant. */
export function wordBit(words: Int32Array, start: number, depth: number): 0 | 1 {
  return (((words[start + (depth >> 5)] as number) >>> (31 - (depth & 31))) & 1) as 0 | 1;
}

/** How many leading bits two positions share. */
export function sharedBits(words: Int32Array, left: number, right: number): number {
  for (let word = 0; word < WORDS; word++) {
    const difference = (words[left + word] as number) ^ (words[right + word] as number);
    if (difference !== 0) return word * 32 + Math.clz32(difference);
  }
  return WORDS * 32;
}

export function wordsOfBytes(bytes: Uint8Array): Int32Array {
  const words = new Int32Array(bytes.length >> 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let index = 0; index < words.length; index++) words[index] = view.getInt32(index * 4);
  return words;
}

export function bytesOfWords(words: Int32Array, start = 0, count: number = WORDS): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count * 4);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) view.setInt32(index * 4, words[start + index] as number);
  return bytes;
}

const FEW = 24;
const MOST_BITS = 16;

/**
 * Sorts positions in place, each with its ordinal: positions are as good as random, so that their leading bits say at
 * once where each belongs; the few that share them are sorted by hand.
 */
export function sortPositions(words: Int32Array, ordinals: Uint32Array, from: number, to: number): void {
  sortFrom(words, ordinals, from, to, 0);
}

function sortFrom(words: Int32Array, ordinals: Uint32Array, from: number, to: number, depth: number): void {
  const size = to - from;
  if (size < 2 || depth >= WORDS * 32) return;
  if (size <= FEW) {
    insertionSort(words, ordinals, from, to);
    return;
  }
  const bits = Math.min(Math.max(3, 30 - Math.clz32(size)), MOST_BITS, 32 - (depth & 31));
  const word = depth >> 5;
  const shift = 32 - (depth & 31) - bits;
  const mask = (1 << bits) - 1;
  const ends = new Uint32Array((1 << bits) + 1);
  for (let index = from; index < to; index++) {
    const place = ((words[index * WORDS + word] as number) >>> shift) & mask;
    ends[place + 1] = (ends[place + 1] as number) + 1;
  }
  for (let place = 1; place < ends.length; place++) {
    ends[place] = (ends[place] as number) + (ends[place - 1] as number);
  }
  const next = ends.slice(0, -1);
  for (let place = 0; place <= mask; place++) {
    const end = ends[place + 1] as number;
    while ((next[place] as number) < end) {
      const index = from + (next[place] as number);
      const wanted = ((words[index * WORDS + word] as number) >>> shift) & mask;
      if (wanted !== place) swap(words, ordinals, index, from + (next[wanted] as number));
      next[wanted] = (next[wanted] as number) + 1;
    }
  }
  for (let place = 0; place <= mask; place++) {
    const start = ends[place] as number;
    const end = ends[place + 1] as number;
    if (end - start > 1) sortFrom(words, ordinals, from + start, from + end, depth + bits);
  }
}

function swap(words: Int32Array, ordinals: Uint32Array, left: number, right: number): void {
  for (let word = 0, a = left * WORDS, b = right * WORDS; word < WORDS; word++, a++, b++) {
    const held = words[a] as number;
    words[a] = words[b] as number;
    words[b] = held;
  }
  const held = ordinals[left] as number;
  ordinals[left] = ordinals[right] as number;
  ordinals[right] = held;
}

function insertionSort(words: Int32Array, ordinals: Uint32Array, from: number, to: number): void {
  for (let index = from + 1; index < to; index++) {
    for (let at = index; at > from && isBefore(words, at, at - 1); at--) swap(words, ordinals, at, at - 1);
  }
}

function isBefore(words: Int32Array, left: number, right: number): boolean {
  for (let word = 0, a = left * WORDS, b = right * WORDS; word < WORDS; word++, a++, b++) {
    const one = (words[a] as number) >>> 0;
    const other = (words[b] as number) >>> 0;
    if (one !== other) return one < other;
  }
  return false;
}
