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

/** What an organisation asks `Parts` for (docs/protocol.md §17). */
export type PartAction = {
  /** 16–21. */
  readonly kind: number;
  /** The part. */
  readonly subject: Subject;
  /** How many actions the part has seen before this one. */
  readonly revision: bigint;
  /** The last block timestamp at which it may be executed, seconds since 1970. */
  readonly deadline: bigint;
  readonly organisation: OrganisationId;
  /** What it is mounted in or removed from; else zero. */
  readonly vehicle: Subject;
  /** The entry's digest. */
  readonly digest: Digest;
};

/** What a module is asked for. */
export type ModuleAction = TitleAction | PartAction;

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

export const partActionTypes = {
  PartAction: [
    { name: 'kind', type: 'uint8' },
    { name: 'subject', type: 'bytes32' },
    { name: 'revision', type: 'uint64' },
    { name: 'deadline', type: 'uint64' },
    { name: 'organisation', type: 'uint64' },
    { name: 'vehicle', type: 'bytes32' },
    { name: 'digest', type: 'bytes32' },
  ],
} as const;

type Members = readonly { readonly name: string; readonly type: string }[];

const typeHash = (name: string, members: Members): Uint8Array =>
  keccak_256(utf8(`${name}(${members.map((member) => `${member.type} ${member.name}`).join(',')})`));

const TITLE_ACTION_TYPE = typeHash('TitleAction', titleActionTypes.TitleAction);
const PART_ACTION_TYPE = typeHash('PartAction', partActionTypes.PartAction);

/** The module that writes a kind: 0–15 are those of `Titles`, 16–31 of `Parts`. */
export function moduleOf(kind: number): 'titles' | 'parts' | undefined {
  if (kind < 0 || kind > 31) return undefined;
  return kind < 16 ? 'titles' : 'parts';
}

export function isPartAction(action: ModuleAction): action is PartAction {
  return 'vehicle' in action;
}

const digestOfStruct = (module: ModuleAddress, ...struct: readonly Uint8Array[]): ActionHash =>
  toHex(
    keccak_256(concat(new Uint8Array([0x19, 0x01]), domainSeparator(module), keccak_256(concat(...struct)))),
  ) as ActionHash;

/** The hash of an action under the domain of a chain's `Titles`. */
export function titleActionHash(titles: ModuleAddress, action: TitleAction): ActionHash {
  return digestOfStruct(
    titles,
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
  );
}

/** The hash of an action under the domain of a chain's `Parts`. */
export function partActionHash(parts: ModuleAddress, action: PartAction): ActionHash {
  return digestOfStruct(
    parts,
    PART_ACTION_TYPE,
    word(BigInt(action.kind)),
    fromHex(action.subject, 32),
    word(action.revision),
    word(action.deadline),
    word(action.organisation),
    fromHex(action.vehicle, 32),
    fromHex(action.digest, 32),
  );
}

/** The hash of an action under the domain of the module that it is asked of. */
export function actionHash(module: ModuleAddress, action: ModuleAction): ActionHash {
  return isPartAction(action) ? partActionHash(module, action) : titleActionHash(module, action);
}
