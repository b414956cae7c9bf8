import { fromHex, toHex } from '../../core/bytes.ts';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, Digest, LedgerId } from '../../core/chain/types.ts';
import {
  type Basis,
  type Erased,
  type ErasureReceipt,
  erasureHash,
  erasureOf,
  readErasureReceipt,
  recoverEraser,
} from '../../core/privacy/erasure.ts';
import type { Account } from '../keyring/keyring.ts';

/** A receipt, and the ledger under whose domain it is signed. */
export type LedgerReceipt = { readonly ledger: LedgerId; readonly receipt: ErasureReceipt };

/** What is to be destroyed, or was. */
export type Item = { readonly digest: Digest; readonly what: Erased };

export const itemName = ({ digest, what }: { digest: string; what: string }): string => `${digest} ${what}`;

/** The operator's receipt for an item. @param erasedAt seconds since 1970 */
export function issueReceipt(
  operator: Account,
  ledger: LedgerId,
  { digest, what }: Item,
  basis: Basis,
  erasedAt: bigint,
): LedgerReceipt {
  const erasure = { digest, what, basis, erasedAt };
  const signature = operator.sign(fromHex(erasureHash(parseLedgerId(ledger), erasure), 32));
  return {
    ledger,
    receipt: {
      ...{ digest, what, basis },
      erasedAt: Number(erasedAt),
      operator: operator.address,
      signature: toHex(signature),
    },
  };
}

/** Whether the operator that a receipt names has signed it. */
export function isSigned({ ledger, receipt }: LedgerReceipt): boolean {
  const signer = recoverEraser(parseLedgerId(ledger), erasureOf(receipt), fromHex(receipt.signature));
  return signer !== null && signer === receipt.operator;
}

/** A row of `erasures`. */
export type ErasureRow = {
  readonly number: bigint;
  readonly digest: Uint8Array;
  readonly what: string;
  readonly ledger: string;
  readonly basis: string;
  readonly erased_at: bigint;
  readonly operator: Uint8Array;
  readonly signature: Uint8Array;
};

export const ERASURE_COLUMNS = 'number, digest, what, ledger, basis, erased_at, operator, signature';

export function receiptOf(row: ErasureRow): LedgerReceipt {
  const receipt: ErasureReceipt = {
    digest: toHex(row.digest),
    what: row.what,
    basis: row.basis as Basis,
    erasedAt: Number(row.erased_at),
    operator: toHex(row.operator) as Address,
    signature: toHex(row.signature),
  };
  return { ledger: row.ledger as LedgerId, receipt };
}

/** One line of the file of receipts. */
export function formatLine({ ledger, receipt }: LedgerReceipt): string {
  return `${JSON.stringify({ ledger, ...receipt })}\n`;
}

/** @throws `erasure.malformed` `ledger.invalidId` and what JSON.parse throws */
export function parseLine(line: string): LedgerReceipt {
  const { ledger, ...receipt } = JSON.parse(line) as { ledger?: unknown };
  parseLedgerId(String(ledger));
  return { ledger: ledger as LedgerId, receipt: readErasureReceipt(receipt) };
}
