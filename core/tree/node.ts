import { POSITION_BYTES, type Sha256 } from './position.ts';

/** The hashes of the set tree (docs/protocol.md §7). Both reuse one buffer: neither is re-entrant. */
export type NodeHashes = {
  /** SHA-256(0x00 ‖ position), of the position that starts at `offset`. */
  readonly leaf: (positions: Uint8Array, offset?: number) => Uint8Array;
  /** SHA-256(0x01 ‖ left ‖ right) */
  readonly node: (left: Uint8Array, right: Uint8Array) => Uint8Array;
};

export const EMPTY: Uint8Array = new Uint8Array(32);

export function nodeHashes(sha256: Sha256): NodeHashes {
  const leafInput = new Uint8Array(1 + POSITION_BYTES);
  const nodeInput = new Uint8Array(1 + 32 + 32).fill(1, 0, 1);
  return {
    leaf(positions, offset = 0) {
      leafInput.set(positions.subarray(offset, offset + POSITION_BYTES), 1);
      return sha256(leafInput);
    },
    node(left, right) {
      nodeInput.set(left, 1);
      nodeInput.set(right, 33);
      return sha256(nodeInput);
    },
  };
}
