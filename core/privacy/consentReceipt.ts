import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, fromHex, type Hex, utf8, word } from '../bytes.ts';
import { recoverSigner } from '../chain/submission.ts';
import type { Address, LedgerAddress } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import type { ConsentHash } from './consent.ts';
import { hex, readStrictly, seconds, signatureText, typedDataHash } from './form.ts';

/**
 * An operator's word that it stored a consent, or its revocation (docs/protocol.md §14). It says no more: not that
 * anybody may use it, nor that nobody has.
 */
export type ConsentReceipt = {
  readonly consent: ConsentHash;
  readonly state: 'stored' | 'revoked';
  /** Seconds since 1970. */
  readonly at: bigint;
};

/** The typed data of a receipt, under the ledger's own domain. */
export const consentReceiptTypes = {
  ConsentReceipt: [
    { name: 'consent', type: 'bytes32' },
    { name: 'state', type: 'string' },
    { name: 'at', type: 'uint64' },
  ],
} as const;

const RECEIPT_TYPE = keccak_256(utf8('ConsentReceipt(bytes32 consent,string state,uint64 at)'));

/** What the operator signs. */
export function consentReceiptHash(ledger: LedgerAddress, receipt: ConsentReceipt): Hex {
  const struct = keccak_256(
    concat(RECEIPT_TYPE, fromHex(receipt.consent, 32), keccak_256(utf8(receipt.state)), word(receipt.at)),
  );
  return typedDataHash(ledger, struct);
}

/** A receipt as JSON. */
export const consentReceiptSchema = z.strictObject({
  consent: hex(32),
  state: z.enum(['stored', 'revoked']),
  at: seconds,
  operator: hex(20),
  signature: signatureText,
});
export type ConsentReceiptJson = z.infer<typeof consentReceiptSchema>;

/**
 * A receipt from JSON, its signature checked to be the operator's that it names.
 * @throws `consent.malformed` `consent.receipt`
 */
export function readConsentReceipt(
  ledger: LedgerAddress,
  value: unknown,
): ConsentReceipt & { readonly operator: Address } {
  const json = readStrictly(consentReceiptSchema, value, 'consent.malformed', 'receipt of a consent');
  const receipt: ConsentReceipt = {
    consent: json.consent as ConsentHash,
    state: json.state,
    at: BigInt(json.at),
  };
  const hash = fromHex(consentReceiptHash(ledger, receipt), 32);
  if (recoverSigner(hash, fromHex(json.signature)) !== json.operator) {
    throw new VinculumError('consent.receipt', 'The receipt is not signed by the operator that it names.');
  }
  return { ...receipt, operator: json.operator as Address };
}
