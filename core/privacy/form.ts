import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, type Hex, toHex } from '../bytes.ts';
import { domainSeparator } from '../chain/submission.ts';
import type { LedgerAddress } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';

/* What the signed statements of this folder share: their EIP-712 digest, and the strict shapes of their JSON. */

/** The EIP-712 digest of a struct under the ledger's own domain. */
export function typedDataHash(ledger: LedgerAddress, struct: Uint8Array): Hex {
  return toHex(keccak_256(concat(new Uint8Array([0x19, 0x01]), domainSeparator(ledger), struct)));
}

export const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)));

/** Seconds since 1970. */
export const seconds = z.int().check(z.gte(0));

/** 65 bytes `r ‖ s ‖ v`, or what a contract accepts (ERC-1271). */
export const signatureText = z.string().check(z.regex(/^0x(?:[0-9a-f]{2}){1,4096}$/));

/** The name of a sealed field: `note`, `document:<cid>`, `key:<digest>`. */
export const fieldName = z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9]{0,63}(?::[\x21-\x7e]{1,128})?$/));

export const isDistinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

/** @throws `code` with the path of the first fault in its details */
export function readStrictly<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  code: string,
  what: string,
): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const path = (parsed.error.issues[0]?.path ?? []).map(String).join('.').slice(0, 200);
  throw new VinculumError(code, `This is no ${what}: ${path || 'the value'} is not as it should be.`, {
    details: { path },
  });
}
