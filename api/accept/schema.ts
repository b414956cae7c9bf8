import * as z from 'zod';

/*
 * What a client sends and gets along the pipeline, as JSON. The same schemas validate and describe (OpenAPI): numbers
 * that can exceed 53 bits are decimal strings, names are hex, content is base64url.
 */

const decimal = (example: string) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,77})$/)
    .meta({ description: 'A whole number in decimal', examples: [example] });
const hex = (bytes: number, description: string) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`))
    .meta({ description });
const base64url = (longest: number, description: string) =>
  z
    .string()
    .max(longest)
    .regex(/^[A-Za-z0-9_-]*$/)
    .meta({ description: `${description}, in base64url without padding` });

/** Characters of base64url without padding that so many bytes take. */
const characters = (bytes: number) => Math.ceil((bytes * 4) / 3);

const MAX_ENTRIES = 512;
const MAX_BLOCK_BYTES = 1024 * 1024;
/** Longest signature: room for a multisig's, of some sixty owners. */
export const MAX_SIGNATURE_BYTES = 4096;
/** Most sealed fields that one entry can open. */
const MAX_DISCLOSURES = 256;
/** Most submissions in one request. */
export const MAX_BATCH = 512;

export const signedSubmissionSchema = z
  .strictObject({
    organisation: decimal('12').meta({ description: 'The number of the organisation that signs' }),
    signer: hex(20, 'The key that signed, or the contract that vouches for the signature (ERC-1271)'),
    nonce: decimal('0').meta({
      description: 'Any number this organisation has not used; dense ones are cheaper',
    }),
    deadline: decimal('1790000000').meta({
      description: 'The last block timestamp at which it may be anchored, seconds since 1970',
    }),
    entries: base64url(characters(MAX_ENTRIES * 65), 'The packed entries, 65 bytes each'),
    signature: base64url(characters(MAX_SIGNATURE_BYTES), 'The EIP-712 signature'),
  })
  .meta({ id: 'SignedSubmission' });

export const contentSchema = z
  .strictObject({
    block: base64url(characters(MAX_BLOCK_BYTES), 'The encrypted envelope'),
    key: base64url(43, 'The key that opens it, 32 bytes'),
    disclosures: z
      .array(base64url(characters(MAX_BLOCK_BYTES), 'What opens one sealed field (RFC 9901)'))
      .max(MAX_DISCLOSURES)
      .default([]),
  })
  .meta({ id: 'Content' });

export const submissionRequestSchema = z
  .strictObject({
    submission: signedSubmissionSchema,
    contents: z
      .array(contentSchema)
      .min(1)
      .max(MAX_ENTRIES)
      .meta({ description: 'One for each entry, found by its digest, in any order' }),
  })
  .meta({ id: 'SubmissionRequest' });

export const submissionBatchSchema = z
  .strictObject({ submissions: z.array(submissionRequestSchema).min(1).max(MAX_BATCH) })
  .meta({ id: 'SubmissionBatch', description: 'Several submissions, each answered for itself' });

export const submissionStates = [
  'received',
  'stored',
  'submitted',
  'anchored',
  'final',
  'expired',
  'conflicted',
] as const;
export const submissionStateSchema = z.enum(submissionStates).meta({
  id: 'SubmissionState',
  description:
    'received → stored → submitted → anchored → final; or expired (its deadline passed) or conflicted (its nonce was used for another)',
});

const instant = z.iso.datetime();

export const receiptSchema = z
  .strictObject({
    submission: hex(32, 'The submission’s hash'),
    receivedAt: z.int().meta({ description: 'Seconds since 1970' }),
    anchorBy: z.int().meta({ description: 'The promise: on the ledger by then, seconds since 1970' }),
    operator: hex(20, 'Who promises'),
    signature: hex(
      65,
      'EIP-712, Receipt(bytes32 submission,uint64 receivedAt,uint64 anchorBy), the ledger’s domain',
    ),
  })
  .meta({ id: 'Receipt', description: 'The operator’s signed promise (docs/protocol.md §10)' });

export const submissionStatusSchema = z
  .strictObject({
    hash: hex(32, 'The submission’s hash: its EIP-712 digest'),
    organisation: decimal('12'),
    nonce: decimal('0'),
    state: submissionStateSchema,
    receivedAt: instant,
    storedAt: instant.optional(),
    submittedAt: instant.optional(),
    anchoredAt: instant.optional(),
    finalAt: instant.optional(),
    endedAt: instant.optional(),
    block: z.strictObject({ number: z.int(), hash: hex(32, 'The block’s hash') }).optional(),
    transaction: hex(32, 'The transaction’s hash').optional(),
    lastSkip: z
      .enum([
        'malformed',
        'tooManyEntries',
        'expired',
        'nonceUsed',
        'notInGoodStanding',
        'unknownKey',
        'kindNotAllowed',
        'badSignature',
      ])
      .optional()
      .meta({
        description: 'Why the ledger skipped it when it was sent last; never an end before the deadline',
      }),
    problem: z.string().optional().meta({ description: 'A stable code, when something stands in the way' }),
    receipt: receiptSchema,
  })
  .meta({ id: 'SubmissionStatus' });

export type SubmissionRequest = z.input<typeof submissionRequestSchema>;
export type SubmissionBatch = z.input<typeof submissionBatchSchema>;
export type SubmissionState = z.infer<typeof submissionStateSchema>;
export type Receipt = z.infer<typeof receiptSchema>;
export type SubmissionStatus = z.infer<typeof submissionStatusSchema>;
