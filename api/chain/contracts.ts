import { keccak_256 } from '@noble/hashes/sha3.js';
import { toHex, utf8, word } from '../../core/bytes.ts';
import type { SignedSubmission } from '../../core/chain/submission.ts';
import type { Address } from '../../core/chain/types.ts';
import { isPartAction, type ModuleAction } from '../../core/modules/action.ts';

/*
 * The contracts' interface, as far as the service uses it, encoded and decoded by hand: the pipeline passes all its
 * data through here, and a general decoder is some thirty times slower. Tests compare it with ethers.
 */

const topic = (signature: string) => toHex(keccak_256(utf8(signature)));
const selector = (signature: string) => Buffer.from(keccak_256(utf8(signature)).subarray(0, 4));

/** Nine words: kind, subject, revision, deadline, organisation, party, until, detail, digest. */
const TITLE_ACTION = '(uint8,bytes32,uint64,uint64,uint64,address,uint64,bytes32,bytes32)';
/** Seven words: kind, subject, revision, deadline, organisation, vehicle, digest. */
const PART_ACTION = '(uint8,bytes32,uint64,uint64,uint64,bytes32,bytes32)';

/** First topics of the logs that are followed. */
export const topics = {
  recorded: topic('Recorded(bytes32,uint64,uint8,bytes32)'),
  ownRecorded: topic('OwnRecorded(uint64,uint8,bytes32)'),
  moduleRecorded: topic('ModuleRecorded(bytes32,uint8,address,address,bytes32,bytes32)'),
  accepted: topic('Accepted(uint64,uint256,bytes32)'),
  skipped: topic('Skipped(uint64,uint256,bytes32,uint8)'),
  changed: topic('Changed(uint64,uint8,bytes32)'),
  closed: topic('Closed(uint256)'),
  executed: topic(`Executed(bytes32,bytes32,address,${TITLE_ACTION})`),
  partExecuted: topic(`Executed(bytes32,bytes32,address,${PART_ACTION})`),
  ledgerAdded: topic('LedgerAdded(uint256,uint256,address,address,bytes32,bytes32)'),
  ledgerClosed: topic('LedgerClosed(uint256,uint256)'),
} as const;

const RECORD_SIGNED = selector('recordSigned((uint64,address,uint256,uint64,bytes,bytes)[])');
const IS_VALID_SIGNATURE = selector('isValidSignature(bytes32,bytes)');
const STANDING = selector('standing(uint64,address)');
const HEADS_OF_SUBJECTS = selector('heads(bytes32)');
const HEADS_OF_ORGANISATIONS = selector('heads(uint64)');
const OWN_HEADS = selector('ownHeads(uint64)');
const DIRECTORY_HEAD = selector('head()');
const TITLES = selector('titles()');
const PARTS = selector('parts()');
const EXECUTE = selector(`execute(${TITLE_ACTION},address,bytes)`);
const EXECUTE_PART = selector(`execute(${PART_ACTION},address,bytes)`);

const WORD = 32;
const padded = (length: number) => Math.ceil(length / WORD) * WORD;
const hexOf = (...parts: readonly Uint8Array[]): string => `0x${Buffer.concat(parts).toString('hex')}`;

/** The call `recordSigned(submissions)`. */
export function encodeRecordSigned(submissions: readonly SignedSubmission[]): Uint8Array {
  const sizes = submissions.map(
    ({ entries, signature }) => 8 * WORD + padded(entries.length) + padded(signature.length),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const data = Buffer.alloc(RECORD_SIGNED.length + 2 * WORD + submissions.length * WORD + total);
  let at = RECORD_SIGNED.copy(data);
  /** Numbers up to 2^32 in a word that is zero still. */
  const small = (value: number) => {
    data.writeUInt32BE(value, at + WORD - 4);
    at += WORD;
  };
  const big = (value: bigint) => {
    data.set(word(value), at);
    at += WORD;
  };
  const bytes = (value: Uint8Array) => {
    small(value.length);
    data.set(value, at);
    at += padded(value.length);
  };
  small(WORD);
  small(submissions.length);
  let offset = submissions.length * WORD;
  for (const size of sizes) {
    small(offset);
    offset += size;
  }
  for (const submission of submissions) {
    big(submission.organisation);
    data.write(submission.signer.slice(2), at + 12, 'hex');
    at += WORD;
    big(submission.nonce);
    big(submission.deadline);
    small(6 * WORD);
    small(7 * WORD + padded(submission.entries.length));
    bytes(submission.entries);
    bytes(submission.signature);
  }
  return data;
}

/** The call `isValidSignature(hash, signature)` of ERC-1271, and what it returns for a valid one. */
export function encodeIsValidSignature(hash: Uint8Array, signature: Uint8Array): string {
  const tail = Buffer.alloc(padded(signature.length));
  tail.set(signature);
  return hexOf(IS_VALID_SIGNATURE, hash, word(64n), word(BigInt(signature.length)), tail);
}
export const VALID_SIGNATURE = IS_VALID_SIGNATURE.toString('hex');

/** The call `standing(organisation, signer)`. */
export function encodeStanding(organisation: bigint, signer: Uint8Array): string {
  return hexOf(STANDING, word(organisation), Buffer.alloc(12), signer);
}

export const encodeHeadOfSubject = (subject: Uint8Array): string => hexOf(HEADS_OF_SUBJECTS, subject);
export const encodeOwnHead = (organisation: bigint): string => hexOf(OWN_HEADS, word(organisation));
export const encodeHeadOfOrganisation = (organisation: bigint): string =>
  hexOf(HEADS_OF_ORGANISATIONS, word(organisation));
export const encodeDirectoryHead = (): string => hexOf(DIRECTORY_HEAD);

/** The call `titles()` of a ledger: its module of kinds 0–15. */
export const encodeTitles = (): string => `0x${TITLES.toString('hex')}`;
/** The call `parts()` of a ledger: its module of kinds 16–31. */
export const encodeParts = (): string => `0x${PARTS.toString('hex')}`;

/** The call `execute(action, actor, signature)` of the module that an action is asked of. */
export function encodeExecute(action: ModuleAction, actor: Address, signature: Uint8Array): Uint8Array {
  const own = isPartAction(action)
    ? [BigInt(action.vehicle)]
    : [BigInt(action.party), action.until, BigInt(action.detail)];
  const call = isPartAction(action) ? EXECUTE_PART : EXECUTE;
  const words = [
    BigInt(action.kind),
    BigInt(action.subject),
    ...[action.revision, action.deadline, action.organisation],
    ...own,
    BigInt(action.digest),
    BigInt(actor),
  ];
  // Where the signature is, after that place itself; then how long it is.
  words.push(BigInt((words.length + 1) * WORD), BigInt(signature.length));
  const data = Buffer.alloc(call.length + words.length * WORD + padded(signature.length));
  let at = call.copy(data);
  for (const value of words) {
    data.set(word(value), at);
    at += WORD;
  }
  data.set(signature, at);
  return data;
}
