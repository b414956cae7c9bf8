import * as z from 'zod';

/** Members that several routes share, in the protocol's spelling. */

export const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`));
export const digest = hex(32);
export const subject = hex(32);
/** Hex of either case on the way in; lower case inside. */
export const givenHex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`))
    .transform((text) => text.toLowerCase());
export const address = hex(20);
export const base64url = z.string().regex(/^[A-Za-z0-9_-]*$/);
export const decimal = z.string().regex(/^(0|[1-9][0-9]{0,77})$/);
export const ledgerId = z.string().regex(/^eip155:[1-9][0-9]{0,19}:0x[0-9a-f]{40}$/);
export const instant = z.iso.datetime();
export const seconds = z.int().min(0);

/** An organisation's number in a path; it must fit the ledger's 64 bits, and the store's 63. */
export const organisationId = z
  .string()
  .regex(/^[1-9][0-9]{0,18}$/, { abort: true })
  .refine((text) => BigInt(text) < 2n ** 63n);

/** An identifier as somebody types it; its own rules come after. */
export const givenIdentifier = z.string().min(1).max(256);

export const cursor = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9_-]+$/);
export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9][0-9]{0,3}$/)
    .transform(Number)
    .refine((value) => value <= 1000)
    .optional(),
  cursor: cursor.optional(),
});

export const blockReference = z.strictObject({ number: seconds, hash: hex(32), timestamp: seconds });

export const transcript = z.strictObject({ evaluated: base64url, proof: base64url });

/** `application/problem+json` (RFC 9457). */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string(),
  code: z.string(),
  retryable: z.boolean(),
  requestId: z.string(),
});
