import * as z from 'zod';
import { contentSchema, MAX_SIGNATURE_BYTES, receiptSchema, submissionStateSchema } from './schema.ts';

/*
 * Actions of modules as a client sends them and gets them back, as JSON: the members of the typed data that were signed
 * (docs/protocol.md §13, §17), numbers as numbers, the organisation in decimal, names in hex of either case on the way in.
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

/** The members of an action on a title, with names written by whoever sends or reads. */
const ofTitle = <Name extends z.ZodType<string, string>>(
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

/** The same of an action on a part. */
const ofPart = <Name extends z.ZodType<string, string>>(
  name: (bytes: number, description: string) => Name,
) => ({
  kind: z.int().min(16).max(31).meta({ description: 'The kind’s number on chain' }),
  subject: name(32, 'The part'),
  revision: z.int().min(0).meta({ description: 'How many actions the part has seen before this one' }),
  deadline: seconds('The last block timestamp at which it may be executed'),
  organisation: z
    .string()
    .regex(/^[1-9][0-9]{0,19}$/)
    .meta({ description: 'The acting organisation', examples: ['1'] }),
  vehicle: name(32, 'The vehicle that it is mounted in or removed from; else zero'),
  digest: name(32, 'The entry’s digest: the SHA-256 of its block'),
});

export const titleActionSchema = z.strictObject(ofTitle(hex)).meta({ id: 'TitleAction' });
export const partActionSchema = z.strictObject(ofPart(hex)).meta({ id: 'PartAction' });

const signed = {
  signature: z
    .string()
    .max(Math.ceil((MAX_SIGNATURE_BYTES * 4) / 3))
    .regex(/^[A-Za-z0-9_-]*$/)
    .meta({
      description:
        'The actor’s EIP-712 signature (key or ERC-1271) in base64url; empty only for an action that the actor has executed itself',
    }),
  ...contentSchema.shape,
};

export const titleRequestSchema = z
  .strictObject({
    action: z.strictObject(ofTitle(givenHex)).meta({ id: 'GivenTitleAction' }),
    actor: givenHex(20, 'Who acts: the owner, the buyer, or a key of the organisation'),
    ...signed,
  })
  .meta({ id: 'TitleActionRequest' });

export const partRequestSchema = z
  .strictObject({
    action: z.strictObject(ofPart(givenHex)).meta({ id: 'GivenPartAction' }),
    actor: givenHex(20, 'Who acts: a key of the organisation'),
    ...signed,
  })
  .meta({ id: 'PartActionRequest' });

export const MAX_ACTIONS = 256;

const instant = z.iso.datetime();

const way = {
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
};
const actionHash = hex(32, 'The action’s hash: its EIP-712 digest');

export const titleStatusSchema = z
  .strictObject({ hash: actionHash, action: titleActionSchema, ...way })
  .meta({ id: 'TitleActionStatus' });
export const partStatusSchema = z
  .strictObject({ hash: actionHash, action: partActionSchema, ...way })
  .meta({ id: 'PartActionStatus' });

/** A module, by the name of its kinds’ home. */
export type ModuleName = 'titles' | 'parts';

/** What each module takes and answers. */
export const actionSchemas = {
  titles: { request: titleRequestSchema, status: titleStatusSchema },
  parts: { request: partRequestSchema, status: partStatusSchema },
} as const;

export type TitleActionRequest = z.input<typeof titleRequestSchema>;
export type PartActionRequest = z.input<typeof partRequestSchema>;
export type ActionRequest = TitleActionRequest | PartActionRequest;
export type TitleActionJson = z.infer<typeof titleActionSchema>;
export type PartActionJson = z.infer<typeof partActionSchema>;
export type ActionJson = TitleActionJson | PartActionJson;
export type ActionStatus = Omit<z.infer<typeof titleStatusSchema>, 'action'> & {
  readonly action: ActionJson;
};
