import * as z from 'zod/mini';
import type { Hex } from '../../core/bytes.ts';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, LedgerId } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { type ConsentHash, revocationSchema } from '../../core/privacy/consent.ts';
import {
  type ConsentReceiptJson,
  consentReceiptSchema,
  readConsentReceipt,
} from '../../core/privacy/consentReceipt.ts';
import { hex } from '../../core/privacy/form.ts';

/** A revocation as `consents.revocation` has it: who signed it, and the operator's receipt of it. */
export type StoredRevocation = {
  readonly revoker: Address;
  readonly signature: Hex;
  readonly receipt: ConsentReceiptJson;
};

/** A revocation, the consent it is of, and the ledger under whose domain it is signed. */
export type Revocation = StoredRevocation & { readonly ledger: LedgerId; readonly consent: ConsentHash };

const lineSchema = z.extend(revocationSchema, {
  ledger: z.string(),
  revoker: hex(20),
  receipt: consentReceiptSchema,
});

/** One line of the file that outlives backups. */
export function formatRevocation({ ledger, consent, revoker, signature, receipt }: Revocation): string {
  return `${JSON.stringify({ ledger, consent, revoker, signature, receipt })}\n`;
}

/** @throws `ledger.invalidId`, and what zod throws, for a value that is no revocation */
export function readStoredRevocation(value: unknown): Revocation {
  const line = z.parse(lineSchema, value);
  parseLedgerId(line.ledger);
  if (line.receipt.consent !== line.consent || line.receipt.state !== 'revoked') {
    throw new TypeError('the receipt is of something else');
  }
  return line as Revocation;
}

/**
 * Whether an operator has signed the receipt of a revocation. That the revoker's own signature was good was looked at
 * then: a contract's (ERC-1271) can only be asked for at the time.
 */
export function isReceiptedBy({ ledger, receipt }: Revocation, operator: Address): boolean {
  try {
    return readConsentReceipt(parseLedgerId(ledger), receipt).operator === operator;
  } catch (error) {
    if (error instanceof VinculumError) return false;
    throw error;
  }
}
