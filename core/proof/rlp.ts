import { concat } from '../bytes.ts';
import { VinculumError } from '../errors.ts';

/** A value of Ethereum's recursive length prefix encoding: bytes, or a list of values. */
export type Rlp = Uint8Array | readonly Rlp[];

/** Trie nodes and headers nest two deep; a little more than that is allowed. */
const MAX_DEPTH = 8;

function malformed(why: string): VinculumError {
  return new VinculumError('proof.malformedRlp', `The RLP is malformed: ${why}.`);
}

function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

function prefix(offset: number, length: number): Uint8Array {
  if (length <= 55) return new Uint8Array([offset + length]);
  const bytes = lengthBytes(length);
  return new Uint8Array([offset + 55 + bytes.length, ...bytes]);
}

export function encodeRlp(value: Rlp): Uint8Array {
  if (value instanceof Uint8Array) {
    const [first = 0] = value;
    return value.length === 1 && first < 0x80 ? value : concat(prefix(0x80, value.length), value);
  }
  const body = concat(...value.map(encodeRlp));
  return concat(prefix(0xc0, body.length), body);
}

/** Where an item's content begins and ends; refuses every encoding but the one that {@link encodeRlp} writes. */
function span(bytes: Uint8Array, at: number): { list: boolean; start: number; end: number } {
  const first = bytes[at];
  if (first === undefined) throw malformed('it ends early');
  if (first < 0x80) return { list: false, start: at, end: at + 1 };
  const list = first >= 0xc0;
  const short = first - (list ? 0xc0 : 0x80);
  let start = at + 1;
  let length = short;
  if (short > 55) {
    const size = short - 55;
    if (size > 4) throw malformed('a length is absurd');
    length = 0;
    for (let index = 0; index < size; index++) length = length * 256 + (bytes[start + index] ?? 0);
    if (bytes[start] === 0 || length <= 55) throw malformed('a length has another spelling');
    start += size;
  }
  const end = start + length;
  if (end > bytes.length) throw malformed('it ends early');
  if (!list && length === 1 && (bytes[start] ?? 0) < 0x80) throw malformed('a byte has another spelling');
  return { list, start, end };
}

function decodeAt(bytes: Uint8Array, at: number, depth: number): { value: Rlp; end: number } {
  if (depth > MAX_DEPTH) throw malformed('it is nested too deep');
  const { list, start, end } = span(bytes, at);
  if (!list) return { value: bytes.subarray(start, end), end };
  const items: Rlp[] = [];
  for (let next = start; next < end; ) {
    const item = decodeAt(bytes, next, depth + 1);
    if (item.end > end) throw malformed('an item is longer than its list');
    items.push(item.value);
    next = item.end;
  }
  return { value: items, end };
}

/** @throws `proof.malformedRlp` for anything but the one encoding of a value */
export function decodeRlp(bytes: Uint8Array): Rlp {
  const { value, end } = decodeAt(bytes, 0, 0);
  if (end !== bytes.length) throw malformed('something follows it');
  return value;
}
