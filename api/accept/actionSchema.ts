import * as z from 'zod';
import { contentSchema, MAX_SIGNATURE_BYTES, receiptSchema, submissionStateSchema } from './schema.ts';

/*
 * Actions on titles as a client sends them and gets them back, as JSON: the members of the typed data that were signed
 * (docs/protocol.md §13), numbers as numbers, the organisation in decimal, names in hex of either case on the way in.
 */

const givenHex = (bytes: number, description: string) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`))
    .transform((text) => text.toLowerCase())
    .meta({ description });
const hex = (bytes: number, description: string) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`))
    .meta({ description });
const seconds = (description: string) =>
  z
    .int()
    .min(0)
    .meta({ description: `${description}, seconds since 1970` });

/** The members of an action, with names written by whoever sends or reads. */
const members = <Name extends z.ZodType<string, string>>(
  name: (bytes: number, description: string) => Name,
) => ({
  kind: z.int().min(0).max(15).meta({ description: 'The kind’s number on chain' }),
  subject: name(32, 'The vehicle'),
  revision: z.int().min(0).meta({ description: 'How many actions the title has seen before this one' }),
  deadline: seconds('The last block timestamp at which it may be executed'),
  organisation: z
    .string()
    .regex(/^(0|[1-9][0-9]{0,19})$/)
    .meta({ description: 'The acting organisation; 0 where an owner or a buyer acts', examples: ['0'] }),
  party: name(20, 'The first or next owner, or the buyer; else zero'),
  until: seconds('The last second of an offer or a lien; else 0'),
  detail: name(32, 'A lien’s rank or number, a brand’s code, the disputed entry, the new subject; else zero'),
  digest: name(32, 'The entry’s digest: the SHA-256 of its block'),
});

export const titleActionSchema = z.strictObject(members(hex)).meta({ id: 'TitleAction' });

export const actionRequestSchema = z
  .strictObject({
    action: z.strictObject(members(givenHex)).meta({ id: 'GivenTitleAction' }),
    actor: givenHex(20, 'Who acts: the owner, the buyer, or a key of the organisation'),
    signature: z
      .string()
      .max(Math.ceil((MAX_SIGNATURE_BYTES * 4) / 3))
      .regex(/^[A-Za-z0-9_-]*$/)
      .meta({
        description:
          'The actor’s EIP-712 signature (key or ERC-1271) in base64url; empty only for an action that the actor has executed itself',
      }),
    ...contentSchema.shape,
  })
  .meta({ id: 'TitleActionRequest' });

export const MAX_ACTIONS = 256;

const instant = z.iso.datetime();

export const actionStatusSchema = z
  .strictObject({
    hash: hex(32, 'The action’s hash: its EIP-712 digest'),
    action: titleActionSchema,
    actor: hex(20, 'Who acts'),
    state: submissionStateSchema,
    receivedAt: instant.optional(),
    storedAt: instant.optional(),
    submittedAt: instant.optional(),
    anchoredAt: instant.optional(),
    finalAt: instant.optional(),
    endedAt: instant.optional(),
    block: z.strictObject({ number: z.int(), hash: hex(32, 'The block’s hash').optional() }).optional(),
    transaction: hex(32, 'The transaction’s hash').optional(),
    problem: z.string().optional().meta({
      description:
        'Why the module refused it when it was tried last. Not an end before the deadline, but another action may take its place',
    }),
    receipt: receiptSchema
      .optional()
      .meta({ description: 'Absent for an action that came to the module by another way' }),
  })
  .meta({ id: 'TitleActionStatus' });

export type ActionRequest = z.input<typeof actionRequestSchema>;
export type ActionStatus = z.infer<typeof actionStatusSchema>;
export type TitleActionJson = z.infer<typeof titleActionSchema>;
