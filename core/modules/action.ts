import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { domainSeparator } from '../chain/submission.ts';
import type { Address, Digest, LedgerAddress, OrganisationId, Subject } from '../chain/types.ts';

/** A module's contract: the same shape as a ledger's address, and the domain that its actions are signed under. */
export type ModuleAddress = LedgerAddress;

/** What somebody asks `Titles` for (docs/protocol.md §13). A field that the kind does not use is zero. */
export type TitleAction = {
  /** 0–15. */
  readonly kind: number;
  readonly subject: Subject;
  /** How many actions the title has seen before this one. */
  readonly revision: bigint;
  /** The last block timestamp at which it may be executed, seconds since 1970. */
  readonly deadline: bigint;
  /** The acting organisation; 0 where an owner or a buyer acts. */
  readonly organisation: OrganisationId;
  /** The first or next owner, or the buyer. */
  readonly party: Address;
  /** The last second of an offer or a lien, seconds since 1970. */
  readonly until: bigint;
  /** 32 bytes: a lien's rank or number, a brand's code, the disputed entry, the new subject. */
  readonly detail: Hex;
  /** The entry's digest. */
  readonly digest: Digest;
};

/** EIP-712 digest of an action, domain included: what is signed, and what the link carries. */
export type ActionHash = Hex & { readonly __brand: 'ActionHash' };

export const ZERO_ADDRESS = `0x${'00'.repeat(20)}` as Address;
export const ZERO_DETAIL: Hex = `0x${'00'.repeat(32)}`;
/** The `organisation` of an action that an owner or a buyer signs. */
export const NO_ORGANISATION = 0n as OrganisationId;

/** The typed data that a wallet shows (`eth_signTypedData_v4`). */
export const titleActionTypes = {
  TitleAction: [
    { name: 'kind', type: 'uint8' },
    { name: 'subject', type: 'bytes32' },
    { name: 'revision', type: 'uint64' },
    { name: 'deadline', type: 'uint64' },
    { name: 'organisation', type: 'uint64' },
    { name: 'party', type: 'address' },
    { name: 'until', type: 'uint64' },
    { name: 'detail', type: 'bytes32' },
    { name: 'digest', type: 'bytes32' },
  ],
} as const;

const TITLE_ACTION_TYPE = keccak_256(
  utf8(`TitleAction(${titleActionTypes.TitleAction.map(({ name, type }) => `${type} ${name}`).join(',')})`),
);

/** The hash of an action under the domain of a chain's `Titles`. */
export function titleActionHash(titles: ModuleAddress, action: TitleAction): ActionHash {
  const struct = keccak_256(
    concat(
      TITLE_ACTION_TYPE,
      word(BigInt(action.kind)),
      fromHex(action.subject, 32),
      word(action.revision),
      word(action.deadline),
      word(action.organisation),
      word(BigInt(action.party)),
      word(action.until),
      fromHex(action.detail, 32),
      fromHex(action.digest, 32),
    ),
  );
  return toHex(
    keccak_256(concat(new Uint8Array([0x19, 0x01]), domainSeparator(titles), struct)),
  ) as ActionHash;
}
