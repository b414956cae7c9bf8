import * as z from 'zod/mini';
import { alertSeals } from './alertFields.ts';
import {
  freeText,
  key32,
  label,
  money,
  partNumber,
  party,
  position,
  quantity,
  vehicleIdentifier,
  when,
} from './fields.ts';
import { supplySeals } from './supply.ts';

const name = label;
const reference = label;

/**
 * Every sealed field there is. A name means the same in each kind that allows it, so that an amendment can carry
 * the sealed fields of whatever it amends. A name that ends in `:*` stands for all names with that beginning.
 */
export const sealedFields = {
  /** The key of a document, by its CID. */
  'document:*': key32,
  /** The key of the envelope of another entry (`batch.produced`), by that entry's digest. */
  'key:*': key32,
  note: freeText,
  /** The event, asset or row that an entry was made from, as its system names it. */
  eventId: z.string().check(z.regex(/^[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]{1,1024}$/u)),
  /** The event hash of CBV 2.0: partners match events by it. It proves no content: the digest does. */
  eventHash: z.string().check(z.regex(/^ni:\/\/\/sha-256;[0-9a-f]{64}\?ver=CBV2\.0$/)),

  plate: label,
  holderName: name,
  holderAddress: freeText,
  holderBirthDate: when,
  certificateNumber: reference,
  creditor: name,
  contractNumber: reference,
  amount: money,

  invoiceNumber: reference,
  technician: name,
  inspectorName: name,
  description: freeText,
  location: freeText,
  position,
  reportNumber: reference,
  parties: z.array(name).check(z.minLength(1), z.maxLength(50)),

  claimNumber: reference,
  policyNumber: reference,
  claimant: name,

  sellerName: name,
  buyerName: name,
  operatorName: name,

  /** What an owner has to say of an entry. */
  statement: freeText,

  quantity,
  composition: z
    .array(z.strictObject({ material: label, share: z.number().check(z.gte(0), z.lte(1)) }))
    .check(z.minLength(1), z.maxLength(200)),
  processParameters: freeText,
  customer: party,
  customerPartId: partNumber,
  orderNumber: reference,
  /** The consignment by which a quantity travels: who ships and who receives name the same one. */
  lot: reference,
  ...supplySeals,
  vehicle: vehicleIdentifier,
  ...alertSeals,
} as const;

export type SealedName = keyof typeof sealedFields;

/** What every kind may seal. */
const common = ['note', 'eventId', 'eventHash', 'document:*'] as const;

/** The sealed fields of a kind: the common ones and those named. */
export function seals<const Names extends readonly SealedName[]>(
  ...names: Names
): Pick<typeof sealedFields, Names[number] | (typeof common)[number]> {
  const chosen = [...common, ...names].map((field) => [field, sealedFields[field]]);
  return Object.fromEntries(chosen) as Pick<typeof sealedFields, Names[number] | (typeof common)[number]>;
}
