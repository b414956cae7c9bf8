import { type Hex, toBase64Url, toHex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import { formatIdentifier, type Identifier } from '../identifiers/identifier.ts';
import { EMPTY, nodeHashes } from './node.ts';
import { bitAt, defaultSha256, POSITION_BYTES, positioner, type Sha256 } from './position.ts';
import type { SetProof } from './proof.ts';

/** A set of identifiers whose root shows, for any identifier, whether it is in the set. */
export type SetTree = {
  readonly root: Hex;
  readonly count: number;
  has(identifier: Identifier): boolean;
  /** The proof that `identifier` is in the set, or that it is not. */
  prove(identifier: Identifier): SetProof;
};

/** Subtrees of at least this many elements keep their hash; a proof computes the smaller ones anew. */
const KEPT_SIZE = 64;

/**
 * Builds the set tree of `identifiers`.
 * @throws `tree.duplicate` when one stands twice, `tree.key` for a key that is not 32 bytes
 */
export function buildTree(
  treeKey: Uint8Array,
  identifiers: Iterable<Identifier>,
  options: { sha256?: Sha256 } = {},
): SetTree {
  const positionOf = positioner(treeKey, options.sha256);
  const hashes = nodeHashes(options.sha256 ?? defaultSha256);
  const listed = Array.isArray(identifiers) ? (identifiers as readonly Identifier[]) : [...identifiers];
  const positions = sortedPositions(listed, positionOf);
  const count = positions.length / POSITION_BYTES;
  const kept = new Map<number, Uint8Array>();

  /** First element of `[from, to)`, all of one prefix of `depth` bits, that goes right at `depth`. */
  function split(depth: number, from: number, to: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bitAt(positions, depth, middle * POSITION_BYTES) === 1) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function hash(depth: number, from: number, to: number): Uint8Array {
    if (from === to) return EMPTY;
    if (to - from === 1) return hashes.leaf(positions, from * POSITION_BYTES);
    // A subtree is told by its depth and its first element.
    const name = depth * (count + 1) + from;
    const known = kept.get(name);
    if (known !== undefined) return known;
    const middle = split(depth, from, to);
    const whole = hashes.node(hash(depth + 1, from, middle), hash(depth + 1, middle, to));
    if (to - from >= KEPT_SIZE) kept.set(name, whole);
    return whole;
  }

  function prove(identifier: Identifier): SetProof {
    const wanted = positionOf(identifier);
    const siblings: string[] = [];
    let from = 0;
    let to = count;
    for (let depth = 0; to - from > 1; depth++) {
      const middle = split(depth, from, to);
      const right = bitAt(wanted, depth) === 1;
      const sibling = right ? hash(depth + 1, from, middle) : hash(depth + 1, middle, to);
      siblings.push(sibling === EMPTY ? '' : toBase64Url(sibling));
      if (right) from = middle;
      else to = middle;
    }
    const leaf =
      from === to ? null : toBase64Url(positions.subarray(from * POSITION_BYTES, to * POSITION_BYTES));
    return { siblings, leaf };
  }

  return {
    root: toHex(hash(0, 0, count)),
    count,
    has: (identifier) => prove(identifier).leaf === toBase64Url(positionOf(identifier)),
    prove,
  };
}

/** The positions of all identifiers, ascending, end to end in one array. */
function sortedPositions(
  identifiers: readonly Identifier[],
  positionOf: (identifier: Identifier) => Uint8Array,
): Uint8Array {
  const unsorted = new Uint8Array(identifiers.length * POSITION_BYTES);
  // The first 48 bits as a number decide nearly every comparison.
  const beginnings = new Float64Array(identifiers.length);
  identifiers.forEach((identifier, index) => {
    const position = positionOf(identifier);
    unsorted.set(position, index * POSITION_BYTES);
    const view = new DataView(position.buffer, position.byteOffset);
    beginnings[index] = view.getUint32(0) * 0x10000 + view.getUint16(4);
  });
  const compareRest = (left: number, right: number): number => {
    for (let byte = 6; byte < POSITION_BYTES; byte++) {
      const difference =
        (unsorted[left * POSITION_BYTES + byte] ?? 0) - (unsorted[right * POSITION_BYTES + byte] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  const compare = (left: number, right: number): number =>
    (beginnings[left] ?? 0) - (beginnings[right] ?? 0) || compareRest(left, right);
  const order = Uint32Array.from(identifiers, (_, index) => index).sort(compare);

  const sorted = new Uint8Array(unsorted.length);
  let previous = -1;
  order.forEach((index, rank) => {
    if (previous >= 0 && compare(previous, index) === 0) throw duplicate(identifiers, previous, index);
    sorted.set(
      unsorted.subarray(index * POSITION_BYTES, (index + 1) * POSITION_BYTES),
      rank * POSITION_BYTES,
    );
    previous = index;
  });
  return sorted;
}

function duplicate(identifiers: readonly Identifier[], left: number, right: number): VinculumError {
  const identifier = identifiers[right];
  return new VinculumError('tree.duplicate', 'An identifier stands twice in the set: give each once.', {
    details: {
      identifier: identifier === undefined ? '' : formatIdentifier(identifier),
      indexes: [Math.min(left, right), Math.max(left, right)],
    },
  });
}
