import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, type Hex, toHex, word } from '../bytes.ts';
import { type Address, type Head, ZERO_HEAD } from './types.ts';

/** A link of the directory: a ledger was added, or one was closed to writing. */
export type DirectoryLink =
  | {
      readonly change: 'added';
      readonly chainId: bigint;
      readonly ledger: Address;
      /** The contract whose organisations may attest in this ledger. */
      readonly organisations: Address;
      /** keccak256 of the deployed code, `EXTCODEHASH`. */
      readonly codeHash: Hex;
      /** The ristretto255 element that subjects are proven under. */
      readonly pseudonymKey: Hex;
    }
  | { readonly change: 'closed'; readonly index: bigint; readonly closedAt: bigint };

export function nextDirectoryHead(head: Head, link: DirectoryLink): Head {
  const encoded =
    link.change === 'added'
      ? concat(
          fromHex(head, 32),
          word(link.chainId),
          word(BigInt(link.ledger)),
          word(BigInt(link.organisations)),
          fromHex(link.codeHash, 32),
          fromHex(link.pseudonymKey, 32),
        )
      : concat(fromHex(head, 32), word(link.index), word(link.closedAt));
  return toHex(keccak_256(encoded)) as Head;
}

export function foldDirectory(links: Iterable<DirectoryLink>): Head {
  let head = ZERO_HEAD;
  for (const link of links) head = nextDirectoryHead(head, link);
  return head;
}
