import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { domainSeparator, recoverSigner, type SubmissionHash } from './submission.ts';
import type { Address, LedgerAddress } from './types.ts';

/**
 * An operator's promise to bring a submission onto the ledger (docs/protocol.md §10). A receipt with no `Accepted` of
 * the submission in a block up to `anchorBy` proves the promise broken.
 */
export type Receipt = {
  readonly submission: SubmissionHash;
  /** Seconds since 1970. */
  readonly receivedAt: bigint;
  /** The submission's own deadline or earlier, seconds since 1970. */
  readonly anchorBy: bigint;
};

/** The typed data of a receipt (`eth_signTypedData_v4`), under the ledger's own domain. */
export const receiptTypes = {
  Receipt: [
    { name: 'submission', type: 'bytes32' },
    { name: 'receivedAt', type: 'uint64' },
    { name: 'anchorBy', type: 'uint64' },
  ],
} as const;

const RECEIPT_TYPE = keccak_256(utf8('Receipt(bytes32 submission,uint64 receivedAt,uint64 anchorBy)'));

/** What the operator signs. */
export function receiptHash(ledger: LedgerAddress, receipt: Receipt): Hex {
  const struct = keccak_256(
    concat(RECEIPT_TYPE, fromHex(receipt.submission, 32), word(receipt.receivedAt), word(receipt.anchorBy)),
  );
  return toHex(keccak_256(concat(new Uint8Array([0x19, 0x01]), domainSeparator(ledger), struct)));
}

/** Who gave the promise, or null where the signature is none. */
export function recoverOperator(
  ledger: LedgerAddress,
  receipt: Receipt,
  signature: Uint8Array,
): Address | null {
  return recoverSigner(fromHex(receiptHash(ledger, receipt), 32), signature);
}
