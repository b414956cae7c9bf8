import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, type Hex, toHex, word } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import { type Address, type Digest, type Head, type OrganisationId, ZERO_HEAD } from './types.ts';

/** What can change about an organisation's standing; the numbers are the contract's. */
export const changes = {
  1: 'admitted',
  2: 'suspended',
  3: 'reinstated',
  4: 'kindsSet',
  5: 'profileSet',
  6: 'controllerSet',
  7: 'keyAdded',
  8: 'keyRevoked',
  9: 'successorSet',
} as const;
export type ChangeNumber = keyof typeof changes;

/** A link of an organisation's record. */
export type OrganisationChange = {
  readonly change: ChangeNumber;
  readonly timestamp: bigint;
  /** 32 bytes; what they mean depends on the change (docs/protocol.md §4). */
  readonly value: Hex;
};

/** What an organisation's record says as of its last link. */
export type Standing = {
  readonly status: 'unknown' | 'good' | 'suspended';
  readonly controller: Address | null;
  readonly kinds: bigint;
  readonly profile: Digest | null;
  readonly signers: ReadonlySet<Address>;
  readonly successor: OrganisationId | null;
};

export const NO_STANDING: Standing = {
  status: 'unknown',
  controller: null,
  kinds: 0n,
  profile: null,
  signers: new Set(),
  successor: null,
};

export function nextOrganisationHead(head: Head, link: OrganisationChange): Head {
  const encoded = concat(
    fromHex(head, 32),
    word(BigInt(link.change)),
    word(link.timestamp),
    fromHex(link.value, 32),
  );
  return toHex(keccak_256(encoded)) as Head;
}

export function foldOrganisation(links: Iterable<OrganisationChange>): Head {
  let head = ZERO_HEAD;
  for (const link of links) head = nextOrganisationHead(head, link);
  return head;
}

function addressOf(value: Hex): Address {
  return `0x${value.slice(26)}` as Address;
}

/** The standing after one more change. */
export function applyChange(standing: Standing, link: OrganisationChange): Standing {
  switch (changes[link.change]) {
    case 'admitted':
      return { ...standing, status: 'good', controller: addressOf(link.value) };
    case 'suspended':
      return { ...standing, status: 'suspended' };
    case 'reinstated':
      return { ...standing, status: 'good' };
    case 'kindsSet':
      return { ...standing, kinds: BigInt(link.value) };
    case 'profileSet':
      return { ...standing, profile: link.value as Digest };
    case 'controllerSet':
      return { ...standing, controller: addressOf(link.value) };
    case 'keyAdded':
      return { ...standing, signers: new Set([...standing.signers, addressOf(link.value)]) };
    case 'keyRevoked': {
      const signers = new Set(standing.signers);
      signers.delete(addressOf(link.value));
      return { ...standing, signers };
    }
    case 'successorSet': {
      const successor = BigInt(link.value) as OrganisationId;
      return { ...standing, successor: successor === 0n ? null : successor };
    }
    default:
      throw new VinculumError(
        'organisation.unknownChange',
        `No change of an organisation has number ${link.change}.`,
      );
  }
}

/** The standing that a record leads to, optionally as of a moment (seconds since 1970, that second included). */
export function standingAt(links: Iterable<OrganisationChange>, timestamp?: bigint): Standing {
  let standing = NO_STANDING;
  for (const link of links) {
    if (timestamp !== undefined && link.timestamp > timestamp) break;
    standing = applyChange(standing, link);
  }
  return standing;
}
