import * as z from 'zod/mini';
import {
  batchIdentifier,
  code,
  component,
  digest,
  label,
  partIdentifier,
  partNumber,
  party,
  quantity,
  vehicleIdentifier,
} from './fields.ts';

/** Fields of what is made and built in, which several kinds share. */

/** Where, and as what, a maker made something. */
export const production = {
  /** Where it left the line. */
  plant: z.exactOptional(code),
  /** Other places that had to do with it. */
  sites: z.exactOptional(
    z
      .array(
        z.strictObject({
          site: code,
          function: z.enum(['production', 'warehouse', 'spare part warehouse']),
        }),
      )
      .check(z.minLength(1), z.maxLength(100)),
  ),
  /** ISO 3166-1, three letters. */
  country: z.exactOptional(z.string().check(z.regex(/^[A-Z]{3}$/))),
  /** What sort of part it is, by classifications that others keep. */
  partClassification: z.exactOptional(
    z
      .array(z.strictObject({ standard: label, id: label, description: z.exactOptional(label) }))
      .check(z.minLength(1), z.maxLength(100)),
  ),
};

/** Greenhouse gases of one unit of it, cradle to gate, in kilograms of CO₂ equivalent; a decimal as text. */
export const carbonFootprint = z.exactOptional(
  z.strictObject({
    value: z.string().check(z.regex(/^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?$/)),
    unit: z.literal('KGM'),
  }),
);

/** That it is unknown whether this, or another that is named too, is built in; and so it is named. */
const hasAlternatives = z.exactOptional(z.literal(true));

/** The batches and serialised parts that something is built from, one level down. */
export const builtParts = z.exactOptional(
  z
    .array(
      z.strictObject({
        component,
        /** A place in it, in the maker's terms. */
        position: z.exactOptional(code),
        part: partIdentifier,
        /** The batch that a serialised part came from. */
        batch: z.exactOptional(batchIdentifier),
        /** The `batch.produced` entry of that batch. */
        produced: z.exactOptional(digest),
        hasAlternatives,
      }),
    )
    .check(z.minLength(1), z.maxLength(4000)),
);

/** Tiers that are missing from a bill of materials, each with its reason: never silently skipped. */
export const missingTiers = z.exactOptional(
  z
    .array(
      z.strictObject({
        component,
        supplier: z.exactOptional(party),
        reason: z.enum(['notDelivered', 'confidential', 'notTracked', 'notSerialised']),
      }),
    )
    .check(z.minLength(1), z.maxLength(1000)),
);

const moment = z.string().check(z.regex(/^\d{4}-\d\d-\d\d(?:T[0-9:.]{8,24}(?:Z|[+-]\d\d:\d\d)?)?$/));

/**
 * One line of a bill of materials, or of where something is used, as its source states it: which source knows the other
 * thing by which name, whose it is, how much of it. Only ever sealed.
 */
const relation = z.strictObject({
  /** The other thing; absent where nobody handed its twin on. */
  identifier: z.exactOptional(z.union([vehicleIdentifier, partIdentifier])),
  /** Its name in the source: a Catena-X id. */
  source: z.string().check(z.regex(/^[\x21-\x7e]{1,200}$/)),
  partner: z.exactOptional(party),
  quantity: z.exactOptional(
    z.strictObject({
      value: z.string().check(z.regex(/^(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?$/)),
      /** UN/CEFACT Recommendation 20. */
      unit: z.string().check(z.regex(/^[A-Z0-9]{2,3}$/)),
    }),
  ),
  hasAlternatives,
  createdOn: z.exactOptional(moment),
  lastModifiedOn: z.exactOptional(moment),
});

/** Sealed fields of what is made and built in. */
export const supplySeals = {
  nameAtCustomer: label,
  /** Other numbers that its maker has for it. */
  localIdentifiers: z
    .array(z.strictObject({ key: z.string().check(z.regex(/^[\w:]{1,100}$/)), value: label }))
    .check(z.minLength(1), z.maxLength(100)),
  /** The bill of materials as its source states it. */
  bom: z.array(relation).check(z.minLength(1), z.maxLength(4000)),
  /** How much of which batch went into it, each batch once. */
  inputQuantities: z.array(z.strictObject({ batch: batchIdentifier, quantity })).check(
    z.minLength(1),
    z.maxLength(1000),
    z.refine((inputs) => new Set(inputs.map(({ batch }) => batch)).size === inputs.length),
  ),
  /** Who has it, and what it is built into. */
  usedIn: z.strictObject({
    customers: z.array(party).check(z.maxLength(1000)),
    parents: z.array(relation).check(z.maxLength(4000)),
  }),
} as const;

/** Their names, for a kind that seals them. */
export const supplyNames = [
  'nameAtCustomer',
  'localIdentifiers',
  'bom',
  'inputQuantities',
  'usedIn',
] as const;

const batteryCode = z
  .string()
  .check(
    z.regex(
      /^[A-Z0-9]{3}[PMC][A-GZ][A-Z0-9]{2}(?:[A-Z0-9]{7}[1-9A-GH-NPR-Y][1-9A-C][0-9A-GH-NPR-Y][0-9]{7}|[1-9A-GH-NPR-Y][1-9A-C][0-9A-GH-NPR-Y][0-9]{7}R[PMC])$/,
    ),
  );
const batteryType = z.enum(['pack', 'module', 'cell']);
const batteryPart = { tractionBatteryCode: batteryCode, productType: batteryType };

/** The code that GB/T 34014-2017 gives to a traction battery, and to the modules and cells in it. */
export const tractionBattery = z.strictObject({
  ...batteryPart,
  subcomponents: z.exactOptional(
    z
      .array(
        z.strictObject({
          ...batteryPart,
          subcomponents: z.exactOptional(
            z
              .array(
                z.strictObject({
                  ...batteryPart,
                  subcomponents: z.exactOptional(
                    z.array(z.strictObject(batteryPart)).check(z.maxLength(500)),
                  ),
                }),
              )
              .check(z.maxLength(500)),
          ),
        }),
      )
      .check(z.maxLength(500)),
  ),
});

/** A serialised part as its maker describes it. */
export const partMade = {
  manufacturerId: party,
  manufacturerPartId: z.exactOptional(partNumber),
  partInstanceId: z.exactOptional(partNumber),
  nameAtManufacturer: z.exactOptional(label),
};
