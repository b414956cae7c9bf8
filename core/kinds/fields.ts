import * as z from 'zod/mini';
import { brandCodes } from './brands.ts';

/** Fields that several kinds share. Everything is bounded, so that a schema bounds the size of what it admits. */

/** One line of text in any script, without control characters, lone surrogates or direction overrides. */
export const label = z.string().check(z.regex(/^[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]{1,200}$/u));

/** Free text of some lines; only ever sealed. */
export const freeText = z
  .string()
  .check(z.regex(/^(?:[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]|[\t\n]){1,10000}$/u));

/** A code of somebody's vocabulary: a registry's event, a defect, a campaign. */
export const code = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/));

/** Text for readers by language (BCP 47). */
export const localised = z
  .record(z.string().check(z.regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/)), label)
  .check(z.refine((texts) => Object.keys(texts).length > 0 && Object.keys(texts).length <= 50));

/** `YYYY-MM-DD`, a day of the calendar. */
export const date = z.iso.date();
/** `YYYY-MM-DDThh:mm:ssZ`: seconds, UTC. */
export const instant = z.iso.datetime({ precision: 0 });
/** When something happened, as precisely as it is known. */
export const when = z.union([date, instant]);

/** ISO 3166-1, or 3166-2 where a part of a country keeps the registry: `FR`, `US-CA`. */
export const market = z.string().check(z.regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/));

export const hex32 = z.string().check(z.regex(/^0x[0-9a-f]{64}$/));
/** An entry, by its digest. */
export const digest = hex32;
/** 32 bytes in base64url. */
export const key32 = z.string().check(z.regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/));
/** CIDv1 in base32. */
export const cid = z.string().check(z.regex(/^b[a-z2-7]{58}$/));

/** The number of an organisation, as envelopes carry it. */
export const organisationId = z.string().check(z.regex(/^[1-9][0-9]{0,19}$/));

const made = (types: string) => `(?:${types}):[a-z0-9.-]{1,64}:[\\x21-\\x7e]{1,64}`;
const vehicleIdentifierPattern = `vin:[0-9A-HJ-NPR-Z]{17}|registration:[A-Z]{2}(?:-[A-Z0-9]{1,3})?:[0-9A-Z]{1,32}|chassis:[A-Z0-9-]{1,32}:[0-9A-Z]{1,32}|${made('van')}`;

/** Identifiers as text, in their normalised form (docs/protocol.md §1). */
export const vehicleIdentifier = z.string().check(z.regex(new RegExp(`^(?:${vehicleIdentifierPattern})$`)));
export const batchIdentifier = z.string().check(z.regex(new RegExp(`^${made('batch')}$`)));
export const partIdentifier = z.string().check(z.regex(new RegExp(`^${made('batch|serial')}$`)));
export const softwareIdentifier = z.string().check(z.regex(new RegExp(`^${made('software')}$`)));

/** A maker's or a party's own identifier: a GLN, DUNS, BPNL or domain. */
export const party = z.string().check(z.regex(/^[A-Za-z0-9.-]{1,64}$/));
/** A part, batch or instance number as its maker writes it. */
export const partNumber = z.string().check(z.regex(/^[\x20-\x7e]{1,64}$/));

export const count = z.int().check(z.gte(0), z.lte(1_000_000_000));

/** An amount of money; only ever sealed. A decimal, since a binary fraction can't hold cents. */
export const money = z.strictObject({
  amount: z.string().check(z.regex(/^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,4})?$/)),
  currency: z.string().check(z.regex(/^[A-Z]{3}$/)),
});

/**
 * A quantity with its unit in UN/CEFACT Recommendation 20; of a supplier, only ever sealed. A decimal as text, since a binary
 * fraction can't hold a gram in a tonne; pieces (C62, H87, EA) are whole.
 */
export const quantity = z
  .strictObject({
    value: z.string().check(z.regex(/^(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?$/)),
    unit: z.enum(['C62', 'H87', 'EA', 'KGM', 'GRM', 'TNE', 'LTR', 'MLT', 'MTR', 'MTK', 'MTQ', 'KWH', 'AMH']),
  })
  .check(
    z.refine(({ value, unit }) => !['C62', 'H87', 'EA'].includes(unit) || !value.includes('.'), {
      path: ['value'],
    }),
  );

/** A position in WGS 84, degrees; only ever sealed. */
export const position = z.strictObject({
  latitude: z.number().check(z.gte(-90), z.lte(90)),
  longitude: z.number().check(z.gte(-180), z.lte(180)),
});

export const distanceUnit = z.enum(['KMT', 'SMI']);
const distance = z.int().check(z.gte(0), z.lte(99_999_999));

/**
 * What an odometer showed. Any value is accepted: the rules grade it. `event` says what happened to the
 * instrument since the previous reading; `previous` is what it showed before that; `digits` how many it has.
 */
export const reading = z.strictObject({
  value: distance,
  unit: distanceUnit,
  source: z.enum([
    'workshop',
    'inspection',
    'telematics',
    'owner',
    'dealer',
    'registry',
    'insurer',
    'police',
  ]),
  event: z.exactOptional(z.enum(['instrumentReplaced', 'rollover', 'unitChanged', 'exempt'])),
  previous: z.exactOptional(z.strictObject({ value: distance, unit: distanceUnit })),
  digits: z.exactOptional(z.int().check(z.gte(4), z.lte(8))),
});
export type Reading = z.infer<typeof reading>;

/** A document, encrypted under its own key (the sealed field `document:<cid>`) before its CID was taken. */
export const documents = z
  .array(
    z.strictObject({
      cid,
      mediaType: z
        .string()
        .check(z.regex(/^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/)),
      bytes: z.int().check(z.gte(1), z.lte(1_099_511_627_776)),
      /** What it is, where that is worth telling before it is opened. */
      type: z.exactOptional(
        z.enum([
          'materialCertificate',
          'conformityCertificate',
          'inspectionReport',
          'safetyDataSheet',
          'carbonFootprintDeclaration',
          'drawing',
          'deliveryNote',
          'photo',
          'other',
        ]),
      ),
    }),
  )
  .check(z.minLength(1), z.maxLength(200));

export const brands = z.array(z.enum(brandCodes)).check(z.minLength(1), z.maxLength(20));

/** Where on a vehicle. */
export const area = z.enum([
  'front',
  'frontLeft',
  'frontRight',
  'left',
  'right',
  'rear',
  'rearLeft',
  'rearRight',
  'roof',
  'underbody',
  'interior',
  'glass',
  'engine',
  'battery',
  'wheels',
]);

/** A group of components, in words of our own for want of a shared vocabulary. */
export const component = z.enum([
  'engine',
  'transmission',
  'clutch',
  'brakes',
  'steering',
  'suspension',
  'tyres',
  'wheels',
  'exhaust',
  'fuelSystem',
  'cooling',
  'climate',
  'electrical',
  'lighting',
  'battery',
  'tractionBattery',
  'electricDrive',
  'airbags',
  'seatBelts',
  'seats',
  'body',
  'chassis',
  'glass',
  'paint',
  'locks',
  'software',
  'infotainment',
  'driverAssistance',
  'other',
]);

/** What a vehicle is, in the names of schema.org's Vehicle. */
export const vehicleDescription = {
  brand: z.exactOptional(label),
  model: z.exactOptional(label),
  vehicleConfiguration: z.exactOptional(label),
  vehicleModelDate: z.exactOptional(z.string().check(z.regex(/^(?:18|19|20|21)[0-9]{2}$/))),
  productionDate: z.exactOptional(date),
  bodyType: z.exactOptional(label),
  fuelType: z.exactOptional(label),
  color: z.exactOptional(label),
  vehicleSeatingCapacity: z.exactOptional(z.int().check(z.gte(0), z.lte(1000))),
  numberOfDoors: z.exactOptional(z.int().check(z.gte(0), z.lte(20))),
  vehicleTransmission: z.exactOptional(label),
  /** CMQ: cubic centimetres. */
  engineDisplacement: z.exactOptional(
    z.strictObject({ value: z.number().check(z.gt(0), z.lte(1_000_000)), unit: z.literal('CMQ') }),
  ),
  /** KWT: kilowatts. */
  enginePower: z.exactOptional(
    z.strictObject({ value: z.number().check(z.gte(0), z.lte(100_000)), unit: z.literal('KWT') }),
  ),
};

/** A part by the names of Catena-X. */
export const partDescription = {
  manufacturerId: z.exactOptional(party),
  manufacturerPartId: z.exactOptional(partNumber),
  nameAtManufacturer: z.exactOptional(label),
};

/** Parts that a workshop used; who supplied what at which price stays sealed. */
export const partsUsed = z
  .array(
    z.strictObject({
      component,
      part: z.exactOptional(partIdentifier),
      ...partDescription,
      origin: z.exactOptional(z.enum(['original', 'equivalent', 'used', 'remanufactured', 'unknown'])),
    }),
  )
  .check(z.minLength(1), z.maxLength(500));
