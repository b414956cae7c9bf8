import { keccak_256 } from '@noble/hashes/sha3.js';
import type { Hex } from '../bytes.ts';
import { concat, fromHex, toHex, word } from '../bytes.ts';
import { type Address, type Digest, type Head, type OrganisationId, ZERO_HEAD } from './types.ts';

/** An entry as it stands in a chain: attested by an organisation at a block's time. */
export type OrganisationLink = {
  readonly kind: number;
  readonly organisation: OrganisationId;
  /** The block's timestamp, seconds since 1970. */
  readonly timestamp: bigint;
  readonly digest: Digest;
};

/** An entry that a module wrote with a state transition: it says who acted and exactly what. */
export type ModuleLink = {
  readonly kind: number;
  readonly module: Address;
  readonly actor: Address;
  readonly timestamp: bigint;
  readonly digest: Digest;
  readonly actionHash: Hex;
};

export type Link = OrganisationLink | ModuleLink;

export function isModuleLink(link: Link): link is ModuleLink {
  return 'module' in link;
}

const addressWord = (address: Hex): Uint8Array => word(BigInt(address));

/** The head after `link`: `keccak256(abi.encode(head, …))`, docs/protocol.md §4. */
export function nextHead(head: Head, link: Link): Head {
  const encoded = isModuleLink(link)
    ? concat(
        fromHex(head, 32),
        word(BigInt(link.kind)),
        addressWord(link.module),
        addressWord(link.actor),
        word(link.timestamp),
        fromHex(link.digest, 32),
        fromHex(link.actionHash, 32),
      )
    : concat(
        fromHex(head, 32),
        word(BigInt(link.kind)),
        word(link.organisation),
        word(link.timestamp),
        fromHex(link.digest, 32),
      );
  return toHex(keccak_256(encoded)) as Head;
}

/** The head that a whole history leads to. */
export function foldLinks(links: Iterable<Link>, start: Head = ZERO_HEAD): Head {
  let head = start;
  for (const link of links) head = nextHead(head, link);
  return head;
}
