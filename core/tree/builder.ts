import { type Hex, toBase64Url, toHex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import {
  bytesOfWords,
  leafInto,
  nodeInto,
  sharedBits,
  sortPositions,
  WORDS,
  wordBit,
  wordPositioner,
  wordsOfBytes,
} from './packed.ts';
import type { SetProof } from './proof.ts';

/** Most members of a bucket: of a subtree whose members are kept together, so that one proof needs no other. */
export const BUCKET_MEMBERS = 256;
/** Bytes of a position that find its bucket: more than anybody can make two buckets share. */
export const START_BYTES = 8;
/** Most members of a set. */
export const MAX_MEMBERS = 10_000_000;

/** What is left of a set once all its members are known. */
export type BuiltSet = {
  readonly root: Hex;
  readonly count: number;
  /** Which member stands at each place of the ascending positions: the number it was added as, from 0. */
  readonly ordinals: Uint32Array;
  /** The subtrees that the set is kept in, ascending; together they cover every position there is. */
  buckets(): Iterable<SetBucket>;
};

/** A subtree of at most {@link BUCKET_MEMBERS} members, with what a proof needs of the rest of the tree. */
export type SetBucket = {
  /** The first eight bytes of the first position that belongs to it. */
  readonly start: Uint8Array<ArrayBuffer>;
  /** The hashes beside its path, from the root down, 32 bytes each; zeros for an empty one. */
  readonly siblings: Uint8Array<ArrayBuffer>;
  /** Its members: places in {@link BuiltSet.ordinals}. */
  readonly from: number;
  readonly to: number;
};

/** Collects a set of any size, of which it keeps 36 bytes a member and nothing else. */
export interface SetBuilder {
  readonly count: number;
  /** @throws `tree.tooMany` beyond {@link MAX_MEMBERS} */
  add(identifier: Identifier): void;
  /**
   * Sorts what was added, and hashes it. The builder takes nothing any more.
   * @throws `tree.duplicate` where members stand twice: `details.indexes` are the numbers, from 0, under which the first
   *   of them was added first and again, `details.duplicates` how many stand too much, and `details.places` up to a hundred
   *   of them, as pairs of such numbers
   */
  finish(): BuiltSet;
}

type Upper = {
  readonly hash: Int32Array;
  readonly depth: number;
  readonly from: number;
  readonly to: number;
  readonly below: readonly [Upper, Upper] | null;
};

const NAMED = 100;

/**
 * A builder of the set tree (docs/protocol.md §7), with the root that {@link buildTree} gives.
 * @param options.expected about how many members there will be, so that memory is taken once
 * @throws `tree.key` for a key that is not 32 bytes
 */
export function createSetBuilder(treeKey: Uint8Array, options: { expected?: number } = {}): SetBuilder {
  const positionInto = wordPositioner(treeKey);
  let capacity = Math.min(Math.max(options.expected ?? 1024, 16), MAX_MEMBERS);
  let words = new Int32Array(capacity * WORDS);
  let count = 0;

  return {
    get count() {
      return count;
    },
    add(identifier) {
      if (count === MAX_MEMBERS) {
        throw new VinculumError('tree.tooMany', `A set has at most ${MAX_MEMBERS} members.`, {
          details: { most: MAX_MEMBERS },
        });
      }
      if (count === capacity) {
        capacity = Math.min(Math.ceil(capacity * 1.5), MAX_MEMBERS);
        const larger = new Int32Array(capacity * WORDS);
        larger.set(words);
        words = larger;
      }
      positionInto(identifier, words, count * WORDS);
      count += 1;
    },
    finish() {
      const ordinals = new Uint32Array(count);
      for (let index = 0; index < count; index++) ordinals[index] = index;
      sortPositions(words, ordinals, 0, count);
      requireDistinct(words, ordinals);
      const upper = hashUpper(words, 0, 0, count);
      return {
        root: toHex(bytesOfWords(upper.hash)),
        count,
        ordinals,
        buckets: () => bucketsOf(words, upper, []),
      };
    },
  };
}

function requireDistinct(words: Int32Array, ordinals: Uint32Array): void {
  const places: [number, number][] = [];
  let duplicates = 0;
  // Of several that are the same, each stands too much but the one that was added first.
  for (let start = 0; start < ordinals.length; ) {
    let end = start + 1;
    while (end < ordinals.length && sharedBits(words, start * WORDS, end * WORDS) === WORDS * 32) end += 1;
    if (end - start > 1) {
      const [first = 0, ...again] = ordinals.slice(start, end).sort();
      duplicates += again.length;
      for (const index of again) if (places.length < NAMED) places.push([first, index]);
    }
    start = end;
  }
  if (duplicates === 0) return;
  places.sort((left, right) => left[1] - right[1]);
  throw new VinculumError('tree.duplicate', 'Members stand twice in the set: give each once.', {
    details: { duplicates, indexes: places[0] ?? [], places },
  });
}

/** First element of `[from, to)`, all of one prefix of `depth` bits, that goes right at `depth`. */
function splitAt(words: Int32Array, depth: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (wordBit(words, middle * WORDS, depth) === 1) high = middle;
    else low = middle + 1;
  }
  return low;
}

function hashUpper(words: Int32Array, depth: number, from: number, to: number): Upper {
  const hash = new Int32Array(WORDS);
  // A start has so many bits: what nobody can bring about is kept in one bucket all the same.
  if (to - from <= BUCKET_MEMBERS || depth === START_BYTES * 8) {
    foldInto(words, depth, from, to, hash);
    return { hash, depth, from, to, below: null };
  }
  const middle = splitAt(words, depth, from, to);
  const left = hashUpper(words, depth + 1, from, middle);
  const right = hashUpper(words, depth + 1, middle, to);
  nodeInto(left.hash, 0, right.hash, 0, hash, 0);
  return { hash, depth, from, to, below: [left, right] };
}

function* bucketsOf(
  words: Int32Array,
  { depth, from, to, below }: Upper,
  path: readonly { readonly bit: 0 | 1; readonly sibling: Int32Array }[],
): Generator<SetBucket> {
  if (below !== null) {
    const [left, right] = below;
    yield* bucketsOf(words, left, [...path, { bit: 0, sibling: right.hash }]);
    yield* bucketsOf(words, right, [...path, { bit: 1, sibling: left.hash }]);
    return;
  }
  const start = new Uint8Array(START_BYTES);
  const siblings = new Uint8Array(depth * 32);
  for (const [level, { bit, sibling }] of path.entries()) {
    start[level >> 3] = (start[level >> 3] as number) | (bit << (7 - (level & 7)));
    siblings.set(bytesOfWords(sibling), level * 32);
  }
  yield { start, siblings, from, to };
}

const EMPTY = new Int32Array(WORDS);
const stack = new Int32Array((WORDS * 32 + 2) * WORDS);
/** Of each hash on the stack: a place below it, the depth at which it hangs (-1: a leaf, which hangs anywhere), and how many bits it shares with the one before. */
const places = new Float64Array(WORDS * 32 + 2);
const depths = new Int32Array(WORDS * 32 + 2);
const joins = new Int32Array(WORDS * 32 + 2);

/**
 * The hash of the subtree at `depth` that holds the ascending positions `[from, to)`: one pass over them, each two of the
 * stack joined as soon as nothing more can come between them.
 */
function foldInto(words: Int32Array, depth: number, from: number, to: number, into: Int32Array): void {
  if (from === to) {
    into.fill(0);
    return;
  }
  let height = 0;
  for (let index = from; index <= to; index++) {
    const join =
      index === to ? depth - 1 : index === from ? -1 : sharedBits(words, (index - 1) * WORDS, index * WORDS);
    while (height > 1 && (joins[height - 1] as number) > join) {
      const at = joins[height - 1] as number;
      lift(words, height - 1, at + 1);
      lift(words, height - 2, at + 1);
      nodeInto(stack, (height - 2) * WORDS, stack, (height - 1) * WORDS, stack, (height - 2) * WORDS);
      depths[height - 2] = at;
      height -= 1;
    }
    if (index === to) break;
    leafInto(words, index * WORDS, stack, height * WORDS);
    places[height] = index;
    depths[height] = -1;
    joins[height] = join;
    height += 1;
  }
  lift(words, 0, depth);
  into.set(stack.subarray(0, WORDS));
}

/** Hangs a hash of the stack at a lesser depth: beside nothing at each step, unless it is a leaf. */
function lift(words: Int32Array, at: number, depth: number): void {
  for (let level = depths[at] as number; level > depth; level--) {
    const right = wordBit(words, (places[at] as number) * WORDS, level - 1) === 1;
    if (right) nodeInto(EMPTY, 0, stack, at * WORDS, stack, at * WORDS);
    else nodeInto(stack, at * WORDS, EMPTY, 0, stack, at * WORDS);
    depths[at] = level - 1;
  }
}

/** The first bytes of a position, which find its bucket: the last one that starts no later. */
export function startOf(treeKey: Uint8Array, identifier: Identifier): Uint8Array<ArrayBuffer> {
  const position = new Int32Array(WORDS);
  wordPositioner(treeKey)(identifier, position, 0);
  return bytesOfWords(position, 0, START_BYTES / 4);
}

/**
 * The proof that an identifier is, or is not, in a set, of the one bucket that it belongs to.
 * @param siblings as {@link SetBucket} has them
 * @param members of the bucket, in any order
 */
export function proveInBucket(
  treeKey: Uint8Array,
  siblings: Uint8Array,
  members: Iterable<Identifier>,
  identifier: Identifier,
): SetProof {
  const positionInto = wordPositioner(treeKey);
  const listed = [...members];
  const words = new Int32Array((listed.length + 1) * WORDS);
  for (const [index, member] of listed.entries()) positionInto(member, words, index * WORDS);
  sortPositions(words, new Uint32Array(listed.length), 0, listed.length);
  const wanted = listed.length * WORDS;
  positionInto(identifier, words, wanted);

  const path: string[] = [];
  const above = wordsOfBytes(siblings);
  for (let start = 0; start < above.length; start += WORDS) path.push(hashText(above, start));
  let [from, to] = [0, listed.length];
  const sibling = new Int32Array(WORDS);
  for (let depth = path.length; to - from > 1; depth++) {
    const middle = splitAt(words, depth, from, to);
    const right = wordBit(words, wanted, depth) === 1;
    if (right) foldInto(words, depth + 1, from, middle, sibling);
    else foldInto(words, depth + 1, middle, to, sibling);
    path.push(hashText(sibling, 0));
    if (right) from = middle;
    else to = middle;
  }
  return { siblings: path, leaf: from === to ? null : toBase64Url(bytesOfWords(words, from * WORDS)) };
}

function hashText(words: Int32Array, start: number): string {
  for (let word = 0; word < WORDS; word++) {
    if (words[start + word] !== 0) return toBase64Url(bytesOfWords(words, start));
  }
  return '';
}
