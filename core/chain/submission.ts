import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import type { Address, LedgerAddress, OrganisationId } from './types.ts';

/** A list of entries that one organisation signs once. */
export type Submission = {
  readonly organisation: OrganisationId;
  /** Packed entries, 65 bytes each. */
  readonly entries: Uint8Array;
  /** Any number not used before by this organisation; dense ones are cheaper. */
  readonly nonce: bigint;
  /** The last block timestamp at which it may be anchored, seconds since 1970. */
  readonly deadline: bigint;
};

export type SignedSubmission = Submission & { readonly signer: Address; readonly signature: Uint8Array };

/** EIP-712 digest of a submission: what is signed, and its name everywhere. */
export type SubmissionHash = Hex & { readonly __brand: 'SubmissionHash' };

export const DOMAIN_NAME = 'Vinculum';
export const DOMAIN_VERSION = '1';

const keccakText = (text: string): Uint8Array => keccak_256(utf8(text));
const DOMAIN_TYPE = keccakText(
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)',
);
const SUBMISSION_TYPE = keccakText(
  'Submission(uint64 organisation,bytes entries,uint256 nonce,uint64 deadline)',
);

/** The typed data that a wallet shows (`eth_signTypedData_v4`). */
export const submissionTypes = {
  Submission: [
    { name: 'organisation', type: 'uint64' },
    { name: 'entries', type: 'bytes' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint64' },
  ],
} as const;

export function domainSeparator(ledger: LedgerAddress): Uint8Array {
  return keccak_256(
    concat(
      DOMAIN_TYPE,
      keccakText(DOMAIN_NAME),
      keccakText(DOMAIN_VERSION),
      word(ledger.chainId),
      word(BigInt(ledger.address)),
    ),
  );
}

export function submissionHash(ledger: LedgerAddress, submission: Submission): SubmissionHash {
  const struct = keccak_256(
    concat(
      SUBMISSION_TYPE,
      word(submission.organisation),
      keccak_256(submission.entries),
      word(submission.nonce),
      word(submission.deadline),
    ),
  );
  return toHex(
    keccak_256(concat(new Uint8Array([0x19, 0x01]), domainSeparator(ledger), struct)),
  ) as SubmissionHash;
}

/** The address of a secp256k1 secret key. */
export function addressOfKey(secretKey: Uint8Array): Address {
  return addressOfPublicKey(secp256k1.getPublicKey(secretKey, false));
}

function addressOfPublicKey(uncompressed: Uint8Array): Address {
  return toHex(keccak_256(uncompressed.subarray(1)).subarray(12)) as Address;
}

/** Signs 32 bytes as Ethereum does: `r ‖ s ‖ v`, low `s`, `v` 27 or 28. */
export function signHash(hash: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const recovered = secp256k1.sign(hash, secretKey, { prehash: false, format: 'recovered' });
  return concat(recovered.subarray(1), new Uint8Array([27 + (recovered[0] ?? 0)]));
}

/** The account whose key made the signature, or null where it is none (an ERC-1271 signature, or garbage). */
export function recoverSigner(hash: Uint8Array, signature: Uint8Array): Address | null {
  const v = signature[64];
  if (signature.length !== 65 || (v !== 27 && v !== 28)) return null;
  try {
    const recovered = concat(new Uint8Array([v - 27]), signature.subarray(0, 64));
    if (secp256k1.Signature.fromBytes(recovered, 'recovered').hasHighS()) return null;
    const publicKey = secp256k1.recoverPublicKey(recovered, hash, { prehash: false });
    return addressOfPublicKey(secp256k1.Point.fromBytes(publicKey).toBytes(false));
  } catch {
    return null;
  }
}

export function signSubmission(
  ledger: LedgerAddress,
  submission: Submission,
  secretKey: Uint8Array,
): SignedSubmission {
  const signature = signHash(fromHex(submissionHash(ledger, submission), 32), secretKey);
  return { ...submission, signer: addressOfKey(secretKey), signature };
}

/** Why a submission was skipped; the numbers are the contract's, checked in this order. */
export const skipReasons = {
  1: 'malformed',
  2: 'tooManyEntries',
  3: 'expired',
  4: 'nonceUsed',
  5: 'notInGoodStanding',
  6: 'unknownKey',
  7: 'kindNotAllowed',
  8: 'badSignature',
} as const;
export type SkipReason = (typeof skipReasons)[keyof typeof skipReasons];

export function skipReason(number: number): SkipReason {
  const reason = (skipReasons as Readonly<Record<number, SkipReason>>)[number];
  if (reason === undefined)
    throw new VinculumError('submission.unknownSkip', `No skip reason has number ${number}.`);
  return reason;
}
