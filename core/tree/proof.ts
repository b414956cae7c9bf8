import { equalBytes, fromBase64Url, fromHex, type Hex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import { EMPTY, nodeHashes } from './node.ts';
import { bitAt, defaultSha256, POSITION_BYTES, positioner, type Sha256 } from './position.ts';

/**
 * A proof that an identifier is in a set, or is not: the siblings from the root down to where its path ends, and
 * the position of the leaf that stands there. Bytes are base64url; an empty subtree is the empty text, and `null`
 * an end where nothing stands. A set and an identifier have exactly one proof.
 */
export type SetProof = { readonly siblings: readonly string[]; readonly leaf: string | null };

const DEPTH = POSITION_BYTES * 8;

/**
 * What the proof proves about `identifier` under `root`.
 * @throws `tree.invalidProof` when it proves nothing; `tree.key` for a key that is not 32 bytes
 */
export function verifyProof(
  root: Hex,
  treeKey: Uint8Array,
  identifier: Identifier,
  proof: unknown,
  options: { sha256?: Sha256 } = {},
): 'in' | 'out' {
  const wanted = positioner(treeKey, options.sha256)(identifier);
  const { siblings, leaf } = parseProof(proof);
  if (leaf !== null) {
    for (let depth = 0; depth < siblings.length; depth++) {
      if (bitAt(leaf, depth) !== bitAt(wanted, depth)) throw invalid('its leaf stands on another path');
    }
  }
  // One element, or none, under a node with an empty sibling would make the node itself a leaf, or empty.
  if (siblings.at(-1) === EMPTY) throw invalid('its path ends below an empty sibling');

  const hashes = nodeHashes(options.sha256 ?? defaultSha256);
  const folded = siblings.reduceRight<Uint8Array>(
    (below, sibling, depth) =>
      bitAt(wanted, depth) === 1 ? hashes.node(sibling, below) : hashes.node(below, sibling),
    leaf === null ? EMPTY : hashes.leaf(leaf),
  );
  if (!equalBytes(folded, rootBytes(root))) throw invalid('it leads to another root');
  return leaf !== null && equalBytes(leaf, wanted) ? 'in' : 'out';
}

function rootBytes(root: Hex): Uint8Array {
  try {
    return fromHex(root, 32);
  } catch (cause) {
    throw invalid('the root is not 32 bytes', cause);
  }
}

function parseProof(proof: unknown): { siblings: Uint8Array[]; leaf: Uint8Array | null } {
  if (typeof proof !== 'object' || proof === null || Object.keys(proof).length !== 2) {
    throw invalid('it is not an object of siblings and leaf');
  }
  const { siblings, leaf } = proof as Record<string, unknown>;
  if (!Array.isArray(siblings) || siblings.length > DEPTH) throw invalid(`it has not 0 to ${DEPTH} siblings`);
  return {
    siblings: Array.from(siblings, (sibling: unknown) => (sibling === '' ? EMPTY : hashText(sibling))),
    leaf: leaf === null ? null : hashText(leaf),
  };
}

/** 32 bytes that are not all zero: those have their own spelling. */
function hashText(text: unknown): Uint8Array {
  if (typeof text !== 'string' || text.length !== 43)
    throw invalid('it holds something that is not 32 bytes');
  let bytes: Uint8Array;
  try {
    bytes = fromBase64Url(text);
  } catch (cause) {
    throw invalid('it holds something that is not base64url', cause);
  }
  if (bytes.every((byte) => byte === 0)) throw invalid('it spells an empty subtree in another way');
  return bytes;
}

function invalid(why: string, cause?: unknown): VinculumError {
  return new VinculumError('tree.invalidProof', `The proof proves nothing: ${why}.`, { cause });
}
