/** The protocol's hashes (docs/protocol.md §3–4), written a second time with ethers' own encoders. */
import {
  AbiCoder,
  type BigNumberish,
  concat,
  keccak256,
  type TypedDataDomain,
  TypedDataEncoder,
  toBeHex,
  ZeroHash,
  zeroPadValue,
} from 'ethers';

export type Entry = { kind: number; subject: string; digest: string };
export type Submission = {
  organisation: BigNumberish;
  entries: string;
  nonce: BigNumberish;
  deadline: BigNumberish;
};

export const CHANGES = {
  Admitted: 1,
  Suspended: 2,
  Reinstated: 3,
  KindsSet: 4,
  ProfileSet: 5,
  ControllerSet: 6,
  KeyAdded: 7,
  KeyRevoked: 8,
  SuccessorSet: 9,
} as const;

export const SKIP_REASONS = {
  Malformed: 1,
  TooManyEntries: 2,
  Expired: 3,
  NonceUsed: 4,
  NotInGoodStanding: 5,
  UnknownKey: 6,
  KindNotAllowed: 7,
  BadSignature: 8,
} as const;

export const SUBMISSION_TYPES = {
  Submission: [
    { name: 'organisation', type: 'uint64' },
    { name: 'entries', type: 'bytes' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint64' },
  ],
};

const coder = AbiCoder.defaultAbiCoder();
const hashOf = (types: string[], values: unknown[]) => keccak256(coder.encode(types, values));

export function pack(entries: readonly Entry[]): string {
  return concat(entries.flatMap(({ kind, subject, digest }) => [toBeHex(kind, 1), subject, digest]));
}

export function submissionHash(domain: TypedDataDomain, submission: Submission): string {
  return TypedDataEncoder.hash(domain, SUBMISSION_TYPES, submission);
}

export function afterEntry(
  head: string,
  kind: number,
  organisation: BigNumberish,
  timestamp: BigNumberish,
  digest: string,
): string {
  return hashOf(
    ['bytes32', 'uint8', 'uint64', 'uint256', 'bytes32'],
    [head, kind, organisation, timestamp, digest],
  );
}

export function afterModuleEntry(
  head: string,
  kind: number,
  module: string,
  actor: string,
  timestamp: BigNumberish,
  digest: string,
  actionHash: string,
): string {
  return hashOf(
    ['bytes32', 'uint8', 'address', 'address', 'uint256', 'bytes32', 'bytes32'],
    [head, kind, module, actor, timestamp, digest, actionHash],
  );
}

export function afterChange(head: string, change: number, timestamp: BigNumberish, value: string): string {
  return hashOf(['bytes32', 'uint8', 'uint256', 'bytes32'], [head, change, timestamp, value]);
}

export function afterLedgerAdded(
  head: string,
  chainId: BigNumberish,
  ledger: string,
  organisations: string,
  codeHash: string,
  pseudonymKey: string,
): string {
  return hashOf(
    ['bytes32', 'uint256', 'address', 'address', 'bytes32', 'bytes32'],
    [head, chainId, ledger, organisations, codeHash, pseudonymKey],
  );
}

export function afterLedgerClosed(head: string, index: BigNumberish, closedAt: BigNumberish): string {
  return hashOf(['bytes32', 'uint256', 'uint256'], [head, index, closedAt]);
}

/** The head of one chain of organisations' entries, all of one block. */
export function foldEntries(
  organisation: BigNumberish,
  timestamp: BigNumberish,
  entries: readonly Entry[],
  head: string = ZeroHash,
): string {
  return entries.reduce(
    (folded, { kind, digest }) => afterEntry(folded, kind, organisation, timestamp, digest),
    head,
  );
}

export function addressAsValue(address: string): string {
  return zeroPadValue(address, 32);
}

export type TitleAction = {
  kind: number;
  subject: string;
  revision: BigNumberish;
  deadline: BigNumberish;
  organisation: BigNumberish;
  party: string;
  until: BigNumberish;
  detail: string;
  digest: string;
};

export const TITLE_ACTION_TYPES = {
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
};

export function titleActionHash(domain: TypedDataDomain, action: TitleAction): string {
  return TypedDataEncoder.hash(domain, TITLE_ACTION_TYPES, action);
}

export type PartAction = {
  kind: number;
  subject: string;
  revision: BigNumberish;
  deadline: BigNumberish;
  organisation: BigNumberish;
  vehicle: string;
  digest: string;
};

export const PART_ACTION_TYPES = {
  PartAction: [
    { name: 'kind', type: 'uint8' },
    { name: 'subject', type: 'bytes32' },
    { name: 'revision', type: 'uint64' },
    { name: 'deadline', type: 'uint64' },
    { name: 'organisation', type: 'uint64' },
    { name: 'vehicle', type: 'bytes32' },
    { name: 'digest', type: 'bytes32' },
  ],
};

export function partActionHash(domain: TypedDataDomain, action: PartAction): string {
  return TypedDataEncoder.hash(domain, PART_ACTION_TYPES, action);
}
