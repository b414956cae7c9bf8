import { keccak_256 } from '@noble/hashes/sha3.js';
import { type Hex, toHex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import { decodeRlp, type Rlp } from './rlp.ts';

/** Nodes of Merkle Patricia tries by their hash: what proofs are walked in. Every node is found by what it hashes to. */
export type TrieNodes = ReadonlyMap<Hex, Uint8Array>;

/** keccak256 of the RLP of nothing: the root of a trie without elements. */
export const EMPTY_TRIE = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421' as Hex;

export function trieNodes(nodes: Iterable<Uint8Array>): TrieNodes {
  return new Map(Array.from(nodes, (node) => [toHex(keccak_256(node)), node] as const));
}

function broken(why: string): VinculumError {
  return new VinculumError('proof.broken', `The proof is broken: ${why}.`);
}

const nibbleAt = (key: Uint8Array, index: number): number => {
  const byte = key[index >> 1] ?? 0;
  return index % 2 === 0 ? byte >> 4 : byte & 15;
};

/** The nibbles of a short node's path, and whether it is a leaf's (hex prefix encoding, yellow paper appendix C). */
function path(encoded: Uint8Array): { nibbles: number[]; leaf: boolean } {
  const flag = nibbleAt(encoded, 0);
  if (encoded.length === 0 || flag > 3 || (flag % 2 === 0 && nibbleAt(encoded, 1) !== 0)) {
    throw broken('a path is malformed');
  }
  const nibbles: number[] = [];
  for (let index = flag % 2 === 1 ? 1 : 2; index < encoded.length * 2; index++)
    nibbles.push(nibbleAt(encoded, index));
  return { nibbles, leaf: flag >= 2 };
}

/**
 * The value that stands at `key` in the trie with this root, or null where the trie provably has none.
 * @param key the 32 bytes of the trie's own key: the hash of an address or slot
 * @throws `proof.missingNode` when the proof ends before it decides, `proof.broken` and `proof.malformedRlp` otherwise
 */
export function trieValue(root: Hex, key: Uint8Array, nodes: TrieNodes): Uint8Array | null {
  if (root === EMPTY_TRIE) return null;
  const end = key.length * 2;
  let at = 0;
  let node: Rlp = resolve(root, nodes);
  // Each turn consumes at least one nibble or returns.
  for (;;) {
    if (node instanceof Uint8Array) throw broken('a node is not a list');
    let child: Rlp | undefined;
    if (node.length === 17) {
      if (at === end) return valueIn(node[16]);
      child = node[nibbleAt(key, at)];
      at += 1;
    } else if (node.length === 2 && node[0] instanceof Uint8Array) {
      const { nibbles, leaf } = path(node[0]);
      if (nibbles.some((nibble, index) => at + index >= end || nibble !== nibbleAt(key, at + index)))
        return null;
      at += nibbles.length;
      if (leaf) {
        if (at !== end) return null;
        return valueIn(node[1]);
      }
      if (nibbles.length === 0) throw broken('an extension goes nowhere');
      child = node[1];
    } else {
      throw broken('a node has neither 2 nor 17 items');
    }
    if (child === undefined) throw broken('a node has no such child');
    if (!(child instanceof Uint8Array)) node = child;
    else if (child.length === 0) return null;
    else if (child.length === 32) node = resolve(toHex(child), nodes);
    else throw broken('a reference is not 32 bytes');
  }
}

function valueIn(value: Rlp | undefined): Uint8Array | null {
  if (!(value instanceof Uint8Array)) throw broken('a value is not bytes');
  return value.length === 0 ? null : value;
}

function resolve(hash: Hex, nodes: TrieNodes): Rlp {
  const node = nodes.get(hash);
  if (node === undefined)
    throw new VinculumError('proof.missingNode', 'The proof lacks a node on the way.', { details: { hash } });
  return decodeRlp(node);
}
