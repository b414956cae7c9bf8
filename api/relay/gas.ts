import { ENTRY_BYTES } from '../../core/chain/entry.ts';

/*
 * Gas by formula, never by estimate: an estimate is too low for a valid ERC-1271 submission, and depends on which
 * entries are the first of their subject when it is made. The formula is an upper bound; what is not used is not paid.
 *
 *   transaction = 21,000 + Σ submission, and at least what EIP-7623 charges for the calldata
 *   submission  = 16 per byte of calldata + 100,000 + 27,000 per entry + 155,382 where a contract checks the signature
 *
 * An entry: at most a fresh head (22,100), its links and its log, 26,000 as the ledger itself reckons, and its look
 * before (kind, hashing). A submission: the ledger's 40,000 to finish (a fresh nonce word, the log), cold reads of the
 * organisation (some 10,000), the signature (3,000), hashing and memory. A contract's check: the ledger's cap of
 * 150,000, which EIP-150 makes 150,000 × 64 ÷ 63, and 3,000 around the call. A test compares it with real transactions.
 */

/** Most gas of one transaction, EIP-7825. */
export const MAX_TRANSACTION_GAS = 16_777_216;

const TRANSACTION = 21_000;
const CALLDATA_BYTE = 16;
/** EIP-7623: four tokens for a byte that is not zero, ten gas for a token. */
const CALLDATA_BYTE_FLOOR = 40;
const SUBMISSION = 100_000;
const ENTRY = 27_000;
const CONTRACT_SIGNATURE = 150_000 + Math.ceil(150_000 / 63) + 3_000;

export interface SubmissionSize {
  readonly entriesBytes: number;
  readonly signatureBytes: number;
  readonly contractSignature: boolean;
}

/** Calldata of one submission: its offset, six words, two lengths, and the padding of two strings. */
const calldataBytes = ({ entriesBytes, signatureBytes }: SubmissionSize) =>
  32 * 9 + Math.ceil(entriesBytes / 32) * 32 + Math.ceil(signatureBytes / 32) * 32;

/** What a submission may add to a transaction's gas. */
export function submissionGas(size: SubmissionSize): number {
  const check = size.contractSignature ? CONTRACT_SIGNATURE : 0;
  const execution = SUBMISSION + (size.entriesBytes / ENTRY_BYTES) * ENTRY + check;
  const bytes = calldataBytes(size);
  return Math.max(execution + bytes * CALLDATA_BYTE, bytes * CALLDATA_BYTE_FLOOR);
}

/** The gas limit of a transaction that carries these submissions. */
export function transactionGas(sizes: readonly SubmissionSize[]): number {
  return TRANSACTION + 100 * CALLDATA_BYTE_FLOOR + sizes.reduce((sum, size) => sum + submissionGas(size), 0);
}

const REPLACED = 15;
const ACTION = 500_000;
/** Up to eight liens and the brands go over to the new subject. */
const REPLACEMENT = 2_000_000;

export interface ActionSize {
  readonly kind: number;
  readonly signatureBytes: number;
  readonly contractSignature: boolean;
}

/** The gas limit of a transaction that carries one action to its module. */
export function actionGas({ kind, signatureBytes, contractSignature }: ActionSize): number {
  const bytes = 4 + 32 * 12 + Math.ceil(signatureBytes / 32) * 32;
  const execution = (kind === REPLACED ? REPLACEMENT : ACTION) + (contractSignature ? CONTRACT_SIGNATURE : 0);
  return TRANSACTION + Math.max(execution + bytes * CALLDATA_BYTE, bytes * CALLDATA_BYTE_FLOOR);
}
