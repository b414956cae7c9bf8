import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { addressOfKey, recoverSigner, signHash } from '../chain/submission.ts';
import type { Address, Digest, LedgerAddress } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { hex, readStrictly, seconds, signatureText, typedDataHash } from './form.ts';

/** Why content was destroyed: asked for, objected to, unlawful, past its time, or a duty (docs/protocol.md §16). */
export const bases = ['request', 'objection', 'unlawful', 'retention', 'legalDuty'] as const;
export type Basis = (typeof bases)[number];

/** `entry` (block, key and all disclosures), `field:<name>` (one disclosure) or `document:<cid>` (its key and blocks). */
export type Erased = 'entry' | `field:${string}` | `document:${string}`;

/** An operator's statement that it destroyed content of one entry. */
export type Erasure = {
  /** The entry's digest. */
  readonly digest: Digest;
  readonly what: Erased;
  readonly basis: Basis;
  /** Seconds since 1970. */
  readonly erasedAt: bigint;
};

/** The typed data of an erasure, under the ledger's own domain. */
export const erasureTypes = {
  Erasure: [
    { name: 'digest', type: 'bytes32' },
    { name: 'what', type: 'string' },
    { name: 'basis', type: 'string' },
    { name: 'erasedAt', type: 'uint64' },
  ],
} as const;

const keccakText = (text: string): Uint8Array => keccak_256(utf8(text));
const ERASURE_TYPE = keccakText('Erasure(bytes32 digest,string what,string basis,uint64 erasedAt)');

export function erasureHash(ledger: LedgerAddress, erasure: Erasure): Hex {
  const struct = keccak_256(
    concat(
      ERASURE_TYPE,
      fromHex(erasure.digest, 32),
      keccakText(erasure.what),
      keccakText(erasure.basis),
      word(erasure.erasedAt),
    ),
  );
  return typedDataHash(ledger, struct);
}

/** Who destroyed it, or null where the signature is none. */
export function recoverEraser(
  ledger: LedgerAddress,
  erasure: Erasure,
  signature: Uint8Array,
): Address | null {
  return recoverSigner(fromHex(erasureHash(ledger, erasure), 32), signature);
}

/** A signed receipt as JSON: what a report carries in the place of what was erased. */
export const erasureReceiptSchema = z.strictObject({
  digest: hex(32),
  what: z
    .string()
    .check(
      z.regex(/^(?:entry|field:[A-Za-z][A-Za-z0-9]{0,63}(?::[\x21-\x7e]{1,128})?|document:b[a-z2-7]{58})$/),
    ),
  basis: z.enum(bases),
  erasedAt: seconds,
  operator: hex(20),
  signature: signatureText,
});
export type ErasureReceipt = z.infer<typeof erasureReceiptSchema>;

/** A receipt from JSON; its signature is still to be checked. @throws `erasure.malformed` */
export function readErasureReceipt(value: unknown): ErasureReceipt {
  return readStrictly(erasureReceiptSchema, value, 'erasure.malformed', 'receipt of an erasure');
}

export function erasureOf(receipt: ErasureReceipt): Erasure {
  return {
    digest: receipt.digest as Digest,
    what: receipt.what as Erased,
    basis: receipt.basis,
    erasedAt: BigInt(receipt.erasedAt),
  };
}

/** Signs a receipt with the operator’s key. */
export function signErasure(ledger: LedgerAddress, erasure: Erasure, secretKey: Uint8Array): ErasureReceipt {
  const signature = signHash(fromHex(erasureHash(ledger, erasure), 32), secretKey);
  const { digest, what, basis, erasedAt } = erasure;
  const operator = addressOfKey(secretKey);
  return { digest, what, basis, erasedAt: Number(erasedAt), operator, signature: toHex(signature) };
}

/**
 * Holds a receipt to the entry that it stands in for. Whether the operator was entitled to destroy it is not provable.
 * @throws `erasure.receipt` where it is of another entry, or not signed by the operator that it names for this ledger
 */
export function checkErasureReceipt(ledger: LedgerAddress, receipt: ErasureReceipt, digest: string): void {
  const signer = recoverEraser(ledger, erasureOf(receipt), fromHex(receipt.signature));
  if (receipt.digest !== digest || signer !== receipt.operator) {
    throw new VinculumError('erasure.receipt', 'This is no receipt of an erasure of that entry.', {
      details: { digest, what: receipt.what },
    });
  }
}
