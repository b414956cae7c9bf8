import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, type Hex, toHex, word } from '../bytes.ts';
import type { Address } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { decodeRlp } from './rlp.ts';
import { EMPTY_TRIE, type TrieNodes, trieValue } from './trie.ts';

/** What the state says of an account. */
export type Account = { readonly storageRoot: Hex; readonly codeHash: Hex };

/** keccak256 of no code. */
export const NO_CODE = toHex(keccak_256(new Uint8Array(0)));

/** The account at an address, or null where the state provably has none. @throws the `proof.*` codes */
export function accountAt(stateRoot: Hex, address: Address, nodes: TrieNodes): Account | null {
  const value = trieValue(stateRoot, keccak_256(fromHex(address, 20)), nodes);
  if (value === null) return null;
  const account = decodeRlp(value);
  const [, , storageRoot, codeHash] = account instanceof Uint8Array ? [] : account;
  if (
    !(storageRoot instanceof Uint8Array && codeHash instanceof Uint8Array) ||
    storageRoot.length !== 32 ||
    codeHash.length !== 32
  ) {
    throw new VinculumError('proof.broken', 'The proof is broken: an account is malformed.');
  }
  return { storageRoot: toHex(storageRoot), codeHash: toHex(codeHash) };
}

/** The word in a storage slot; an empty slot is zero. @throws the `proof.*` codes */
export function storageAt(account: Account | null, slot: Hex, nodes: TrieNodes): Hex {
  const root = account?.storageRoot ?? EMPTY_TRIE;
  const value = trieValue(root, keccak_256(fromHex(slot, 32)), nodes);
  if (value === null) return toHex(new Uint8Array(32));
  const content = decodeRlp(value);
  if (!(content instanceof Uint8Array) || content.length === 0 || content.length > 32 || content[0] === 0) {
    throw new VinculumError('proof.broken', 'The proof is broken: a stored word is malformed.');
  }
  return toHex(concat(new Uint8Array(32 - content.length), content));
}

/** The slot of a mapping's element: `keccak256(abi.encode(key, slot))`. */
export function mappingSlot(key: Hex | bigint, slot: bigint): Hex {
  const keyWord = typeof key === 'bigint' ? word(key) : fromHex(key, 32);
  return toHex(keccak_256(concat(keyWord, word(slot))));
}
