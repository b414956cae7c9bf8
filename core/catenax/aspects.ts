import * as z from 'zod/mini';
import { tractionBattery } from '../kinds/supply.ts';

/*
 * The aspect models of Catena-X that are mapped here, in the generations 3 and 4 of the Industry Core: rules of our own that
 * agree with the published models (io.catenax.serial_part and so on). Members that a model does not have are let through,
 * as JSON schemas of SAMM do; whoever reads names them.
 *
 * From 3 to 4: `catenaXId` became `globalAssetId`; `manufacturingInformation.date` `productionDate`, a calendar day;
 * `catenaXsiteId` `siteId`; a classification’s `classificationStandard`, `classificationID`, `classificationDescription`
 * `standard`, `id`, `description`. A SerialPart names the customer’s view and the classification for certain and the maker’s
 * own only perhaps. Custom keys (`customKey:…`) are the one key `customKey`. Times of relations have a time of day.
 */

export type Generation = 3 | 4;

const uuid = z
  .string()
  .check(
    z.regex(/^(?:urn:uuid:)?[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/),
  );
const text = z.string().check(z.maxLength(10_000));
const country = z.exactOptional(z.string().check(z.regex(/^[A-Z]{3}$/)));
export const bpnl = z.string().check(z.regex(/^BPNL[a-zA-Z0-9]{12}$/));
const bpns = z.string().check(z.regex(/^BPNS[a-zA-Z0-9]{12}$/));
const siteFunction = z.enum(['production', 'warehouse', 'spare part warehouse']);

/** A real day, or instant with its zone; what a pattern alone lets through (the 45th of June) is refused. */
const isTime = (value: string): boolean => {
  const day = value.slice(0, 10);
  const time = new Date(`${day}T00:00:00Z`);
  return (
    !Number.isNaN(time.getTime()) && time.toISOString().startsWith(day) && !Number.isNaN(Date.parse(value))
  );
};
const madeOn3 = z
  .string()
  .check(z.regex(/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))?$/), z.refine(isTime));
const DAY = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const CLOCK =
  'T(?:(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?|24:00:00(?:\\.0{1,9})?)(?:Z|[+-](?:0\\d|1[0-4]):[0-5]\\d)?';
const related3 = z.string().check(z.regex(new RegExp(`^${DAY}(?:${CLOCK})?$`)), z.refine(isTime));
const related4 = z.string().check(z.regex(new RegExp(`^${DAY}${CLOCK}$`)), z.refine(isTime));

/** Units of the shared model `quantity`, by their code in UN/CEFACT Recommendation 20. */
export const units = {
  'unit:piece': 'H87',
  'unit:set': 'SET',
  'unit:pair': 'PR',
  'unit:page': 'ZP',
  'unit:cycle': 'B7',
  'unit:kilowattHour': 'KWH',
  'unit:gram': 'GRM',
  'unit:kilogram': 'KGM',
  'unit:tonneMetricTon': 'TNE',
  'unit:tonUsOrShortTonUkorus': 'STN',
  'unit:ounceAvoirdupois': 'ONZ',
  'unit:pound': 'LBR',
  'unit:metre': 'MTR',
  'unit:centimetre': 'CMT',
  'unit:kilometre': 'KMT',
  'unit:inch': 'INH',
  'unit:foot': 'FOT',
  'unit:yard': 'YRD',
  'unit:squareCentimetre': 'CMK',
  'unit:squareMetre': 'MTK',
  'unit:squareInch': 'INK',
  'unit:squareFoot': 'FTK',
  'unit:squareYard': 'YDK',
  'unit:cubicCentimetre': 'CMQ',
  'unit:cubicMetre': 'MTQ',
  'unit:cubicInch': 'INQ',
  'unit:cubicFoot': 'FTQ',
  'unit:cubicYard': 'YDQ',
  'unit:litre': 'LTR',
  'unit:millilitre': 'MLT',
  'unit:hectolitre': 'HLT',
  'unit:secondUnitOfTime': 'SEC',
  'unit:minuteUnitOfTime': 'MIN',
  'unit:hourUnitOfTime': 'HUR',
  'unit:day': 'DAY',
} as const;
export type Unit = keyof typeof units;
const unit = z.enum(Object.keys(units) as [Unit, ...Unit[]]);
/** Of these there are only whole ones. */
export const wholeUnits: ReadonlySet<Unit> = new Set(['unit:piece', 'unit:set', 'unit:pair', 'unit:page']);

const quantity = z.looseObject({ value: z.number(), unit });
const list = <Item extends z.ZodMiniType>(item: Item) => z.array(item).check(z.maxLength(100_000));

const partType3 = {
  customerPartId: z.exactOptional(text),
  nameAtCustomer: z.exactOptional(text),
  partClassification: z.exactOptional(
    list(
      z.looseObject({
        classificationStandard: text,
        classificationID: text,
        classificationDescription: z.exactOptional(text),
      }),
    ),
  ),
};
const classification4 = list(z.looseObject({ standard: text, id: text, description: z.exactOptional(text) }));
const sites3 = z.exactOptional(list(z.looseObject({ catenaXsiteId: bpns, function: siteFunction })));
const sites4 = z.exactOptional(list(z.looseObject({ siteId: bpns, function: siteFunction })));

const identity3 = <Keys extends string, Type extends z.core.$ZodShape>(keys: Keys, partType: Type) =>
  z.looseObject({
    catenaXId: uuid,
    localIdentifiers: list(
      z.looseObject({
        key: z.string().check(z.regex(new RegExp(`^(?:${keys}|customKey:\\w+)$`))),
        value: text,
      }),
    ),
    manufacturingInformation: z.looseObject({ date: madeOn3, country, sites: sites3 }),
    partTypeInformation: z.looseObject(partType),
  });

const keys4 = z.enum([
  'manufacturerId',
  'batchId',
  'customKey',
  'jisNumber',
  'jisCallDate',
  'parentOrderNumber',
  'partInstanceId',
  'van',
]);
const identity4 = <Type extends z.core.$ZodShape>(partType: Type) =>
  z.looseObject({
    globalAssetId: uuid,
    localIdentifiers: list(z.looseObject({ key: keys4, value: text })),
    manufacturingInformation: z.looseObject({ productionDate: z.iso.date(), country, sites: sites4 }),
    partTypeInformation: z.looseObject(partType),
  });

const child = { quantity, hasAlternatives: z.boolean(), businessPartner: bpnl };
const parent = {
  quantity: z.exactOptional(quantity),
  isOnlyPotentialParent: z.boolean(),
  businessPartner: bpnl,
};
const times3 = { createdOn: related3, lastModifiedOn: z.exactOptional(related3) };
const times4 = { createdOn: related4, lastModifiedOn: z.exactOptional(related4) };

/** Pack, modules, cells: as deep as GB/T 34014 goes; the members of the models themselves are strict here. */
const battery = tractionBattery;

const own = { manufacturerPartId: text, nameAtManufacturer: text };
const perhaps = { manufacturerPartId: z.exactOptional(text), nameAtManufacturer: z.exactOptional(text) };

/** The schema of each mapped aspect, by name and generation. */
export const aspectSchemas = {
  SerialPart: {
    3: identity3('manufacturerId|partInstanceId|batchId|van', { ...own, ...partType3 }),
    4: identity4({
      ...perhaps,
      nameAtCustomer: text,
      customerPartId: text,
      partClassification: classification4,
    }),
  },
  Batch: {
    3: identity3('manufacturerId|batchId', { ...own, ...partType3 }),
    4: identity4({ ...own, partClassification: z.exactOptional(classification4) }),
  },
  JustInSequencePart: {
    3: identity3('manufacturerId|jisNumber|jisCallDate|parentOrderNumber', {
      ...perhaps,
      nameAtManufacturer: text,
      ...partType3,
    }),
    4: identity4({
      ...perhaps,
      nameAtManufacturer: text,
      customerPartId: z.exactOptional(text),
      nameAtCustomer: z.exactOptional(text),
      partClassification: z.exactOptional(classification4),
    }),
  },
  SingleLevelBomAsBuilt: {
    3: z.looseObject({
      catenaXId: uuid,
      childItems: list(z.looseObject({ catenaXId: uuid, ...child, ...times3 })),
    }),
    4: z.looseObject({
      globalAssetId: uuid,
      childItems: list(z.looseObject({ globalAssetId: uuid, ...child, ...times4 })),
    }),
  },
  SingleLevelUsageAsBuilt: {
    3: z.looseObject({
      catenaXId: uuid,
      customers: list(bpnl),
      parentItems: list(z.looseObject({ catenaXId: uuid, ...parent, ...times3 })),
    }),
    4: z.looseObject({
      globalAssetId: uuid,
      customers: list(bpnl),
      parentItems: list(z.looseObject({ globalAssetId: uuid, ...parent, ...times4 })),
    }),
  },
  // Of this model there are the versions 1 and 2 only, of one content; both generations of the others go with it.
  TractionBatteryCode: { 3: battery, 4: battery },
} as const;

export type AspectName = keyof typeof aspectSchemas;
/** What stands for a thing itself; where several do, the first counts. */
export const identityAspects = ['SerialPart', 'Batch', 'JustInSequencePart'] as const;
export type IdentityAspect = (typeof identityAspects)[number];

/** An aspect as a file names it. */
export type Aspect = {
  readonly name: string;
  /** The model’s own version, `3.0.0`. */
  readonly version: string;
  /** Which of the mapped schemas it follows; null for an aspect, or a version of one, that is not mapped. */
  readonly mapped: { readonly name: AspectName; readonly generation: Generation } | null;
};

const snake: Readonly<Record<AspectName, string>> = {
  SerialPart: 'serial_part',
  Batch: 'batch',
  JustInSequencePart: 'just_in_sequence_part',
  SingleLevelBomAsBuilt: 'single_level_bom_as_built',
  SingleLevelUsageAsBuilt: 'single_level_usage_as_built',
  TractionBatteryCode: 'traction_battery_code',
};

/**
 * Reads `urn:samm:io.catenax.serial_part:3.0.0#SerialPart`. Null for anything that names no aspect of Catena-X: another
 * vocabulary, or a namespace that has no aspect of that name.
 */
export function parseAspectType(urn: string): Aspect | null {
  const match =
    /^urn:(?:samm|bamm):io\.catenax\.([a-z0-9_.]{1,200}):(\d{1,4})\.(\d{1,4}\.\d{1,4})#(\w{1,200})$/.exec(
      urn,
    );
  const [, namespace = '', major = '', minor = '', name = ''] = match ?? [];
  if (match === null || namespace.split('.').at(-1)?.replaceAll('_', '') !== name.toLowerCase()) return null;
  const version = `${major}.${minor}`;
  if (!isAspectName(name) || namespace !== snake[name]) return { name, version, mapped: null };
  const generation = generationOf(name, Number(major));
  return { name, version, mapped: generation === null ? null : { name, generation } };
}

function isAspectName(name: string): name is AspectName {
  return Object.hasOwn(aspectSchemas, name);
}

function generationOf(name: AspectName, major: number): Generation | null {
  if (name === 'TractionBatteryCode') return major === 1 || major === 2 ? 3 : null;
  return major === 3 || major === 4 ? major : null;
}

/** The name under which a generation’s aspect is written. */
export function aspectType(name: AspectName, generation: Generation): string {
  const version = name === 'TractionBatteryCode' ? '2.0.0' : `${generation}.0.0`;
  return `urn:samm:io.catenax.${snake[name]}:${version}#${name}`;
}

/** One form of a twin’s id: `urn:uuid:` and lower case. */
export function normaliseId(id: string): string {
  return `urn:uuid:${id.replace(/^urn:uuid:/i, '').toLowerCase()}`;
}

export const assetFileSchema = z.looseObject({
  assets: list(
    z.looseObject({
      assetMetaInfo: z.exactOptional(
        z.looseObject({ catenaXId: z.exactOptional(uuid), globalAssetId: z.exactOptional(uuid) }),
      ),
      submodels: z
        .array(z.looseObject({ aspectType: z.string().check(z.maxLength(500)), payload: z.unknown() }))
        .check(z.minLength(1), z.maxLength(1000)),
    }),
  ),
});
