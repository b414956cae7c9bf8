import * as z from 'zod/mini';
import { VinculumError } from '../errors.ts';
import { bareTerm, type NamespaceContext, namespacesOf, type TermField } from './vocabulary.ts';

/*
 * What an EPCIS 2.0 document in JSON or JSON-LD must look like to be read: rules of our own that agree with the JSON schema
 * that GS1 publishes, which is not part of this project (a test compares the verdicts where it is at hand).
 */

/** Of RFC 3986; the parts that have no meaning here are not told apart. */
const uri = z
  .string()
  .check(
    z.maxLength(2048),
    z.regex(/^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/),
  );
const isUri = (text: string): boolean => uri.safeParse(text).success;

const time = z.string().check(
  z.regex(/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d(?::?\d\d)?)$/),
  z.refine((text) => isTime(text)),
);

/** A day of the calendar, and a time of the day. */
function isTime(text: string): boolean {
  const [, year, month, day, hour, minute, second] = (
    /^(\d+)-(\d+)-(\d+).(\d+):(\d+):(\d+)/.exec(text) ?? []
  ).map(Number);
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(Date.UTC(year, month - 1, day));
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return real && (hour ?? 99) < 24 && (minute ?? 99) < 60 && (second ?? 99) < 60;
}

const offset = z.string().check(z.regex(/^[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)$/));
/** A word of another vocabulary than CBV’s, which stand bare. */
const foreign = z.string().check(
  z.refine(isUri),
  z.refine((text) => !/^(?:urn:epcglobal:cbv|https?:\/\/ns\.gs1\.org\/cbv\/)/.test(text)),
);
const measured = z.string().check(
  z.refine(isUri),
  z.refine((text) => !/^https?:\/\/(?:www\.)?gs1\.org\/voc\//.test(text)),
);
const word = (...words: readonly string[]) => z.union([z.enum(words), foreign]);

export const bizSteps = [
  'accepting',
  'arriving',
  'assembling',
  'collecting',
  'commissioning',
  'consigning',
  'creating_class_instance',
  'cycle_counting',
  'decommissioning',
  'departing',
  'destroying',
  'disassembling',
  'dispensing',
  'encoding',
  'entering_exiting',
  'holding',
  'inspecting',
  'installing',
  'killing',
  'loading',
  'other',
  'packing',
  'picking',
  'receiving',
  'removing',
  'repackaging',
  'repairing',
  'replacing',
  'reserving',
  'retail_selling',
  'shipping',
  'staging_outbound',
  'stock_taking',
  'stocking',
  'storing',
  'transporting',
  'unloading',
  'unpacking',
  'void_shipping',
  'sensor_reporting',
  'sampling',
] as const;

const dispositions = [
  'active',
  'container_closed',
  'damaged',
  'destroyed',
  'dispensed',
  'disposed',
  'encoded',
  'expired',
  'in_progress',
  'in_transit',
  'inactive',
  'no_pedigree_match',
  'non_sellable_other',
  'partially_dispensed',
  'recalled',
  'reserved',
  'retail_sold',
  'returned',
  'sellable_accessible',
  'sellable_not_accessible',
  'stolen',
  'unknown',
  'available',
  'completeness_verified',
  'completeness_inferred',
  'conformant',
  'container_open',
  'mismatch_instance',
  'mismatch_class',
  'mismatch_quantity',
  'needs_replacement',
  'non_conformant',
  'unavailable',
] as const;

const QUANTITIES_MEASURED =
  'AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Radioactivity Altitude AmountOfSubstance AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber';

/** An object of known members; any other must be named by a URI or a prefixed name. */
function open<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z
    .looseObject(shape)
    .check(
      z.refine((value) => Object.keys(value).every((name) => Object.hasOwn(shape, name) || isUri(name))),
    );
}

const optional = z.exactOptional;
const unique = <T extends z.ZodMiniType>(item: T) =>
  z
    .array(item)
    .check(z.refine((items) => new Set(items.map((one) => JSON.stringify(one))).size === items.length));

const context = z.union([uri, z.looseObject({}), unique(z.union([uri, z.looseObject({})]))]);
const quantityElement = z.strictObject({
  epcClass: uri,
  quantity: optional(z.number()),
  uom: optional(z.string().check(z.regex(/^[A-Z0-9]{2,3}$/))),
});
const disposition = word(...dispositions);
const dispositionSet = unique(disposition).check(z.minLength(1));

const sensorMetadata = open({
  time: optional(time),
  deviceID: optional(uri),
  deviceMetadata: optional(uri),
  rawData: optional(uri),
  startTime: optional(time),
  endTime: optional(time),
  dataProcessingMethod: optional(uri),
  bizRules: optional(uri),
});
const sensorReport = open({
  type: z.union([z.enum(QUANTITIES_MEASURED.split(' ')), measured]),
  exception: optional(z.union([z.enum(['ALARM_CONDITION', 'ERROR_CONDITION']), measured])),
  deviceID: optional(uri),
  deviceMetadata: optional(uri),
  rawData: optional(uri),
  dataProcessingMethod: optional(uri),
  bizRules: optional(uri),
  time: optional(time),
  microorganism: optional(uri),
  chemicalSubstance: optional(uri),
  coordinateReferenceSystem: optional(uri),
  value: optional(z.number()),
  component: optional(
    word(
      'x',
      'y',
      'z',
      'axial_distance',
      'azimuth',
      'height',
      'spherical_radius',
      'polar_angle',
      'elevation_angle',
      'easting',
      'northing',
      'latitude',
      'longitude',
      'altitude',
    ),
  ),
  stringValue: optional(z.string()),
  booleanValue: optional(z.boolean()),
  hexBinaryValue: optional(z.string().check(z.regex(/^[A-Fa-f0-9]+$/))),
  uriValue: optional(uri),
  minValue: optional(z.number()),
  maxValue: optional(z.number()),
  meanValue: optional(z.number()),
  sDev: optional(z.number()),
  percRank: optional(z.number()),
  percValue: optional(z.number()),
  uom: optional(z.string()),
});

const declared = {
  '@context': optional(context),
  eventTime: time,
  recordTime: optional(time),
  eventTimeZoneOffset: offset,
  eventID: optional(uri),
  certificationInfo: optional(z.union([z.array(uri), uri])),
  errorDeclaration: optional(
    open({
      declarationTime: time,
      reason: optional(word('did_not_occur', 'incorrect_data')),
      correctiveEventIDs: optional(z.array(uri)),
    }),
  ),
};

const place = z.looseObject({ id: uri });
const circumstances = {
  bizStep: optional(word(...bizSteps)),
  disposition: optional(disposition),
  readPoint: optional(place),
  bizLocation: optional(place),
  sourceList: optional(
    z.array(z.strictObject({ type: word('owning_party', 'possessing_party', 'location'), source: uri })),
  ),
  destinationList: optional(
    z.array(z.strictObject({ type: word('owning_party', 'possessing_party', 'location'), destination: uri })),
  ),
  sensorElementList: optional(
    z.array(
      open({
        sensorMetadata: optional(sensorMetadata),
        sensorReport: z.array(sensorReport).check(z.minLength(1)),
      }),
    ),
  ),
};
const transactions = z.array(
  z.strictObject({
    type: optional(
      word(
        'bol',
        'cert',
        'desadv',
        'inv',
        'pedigree',
        'po',
        'poc',
        'prodorder',
        'recadv',
        'rma',
        'testprd',
        'testres',
        'upevt',
      ),
    ),
    bizTransaction: uri,
  }),
);
const persistentDisposition = z
  .strictObject({ set: optional(dispositionSet), unset: optional(dispositionSet) })
  .check(z.refine(({ set, unset }) => set !== undefined || unset !== undefined));
const ilmd = z.looseObject({}).check(z.refine((value) => Object.keys(value).every(isUri)));
const action = z.enum(['OBSERVE', 'ADD', 'DELETE']);
const some = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;

const objectEvent = open({
  ...declared,
  ...circumstances,
  type: z.literal('ObjectEvent'),
  action,
  epcList: optional(unique(uri)),
  quantityList: optional(z.array(quantityElement)),
  persistentDisposition: optional(persistentDisposition),
  bizTransactionList: optional(transactions),
  ilmd: optional(ilmd),
}).check(
  z.refine(
    (event) =>
      event.epcList !== undefined ||
      some(event.quantityList) ||
      (some(event.sensorElementList) && event.readPoint !== undefined),
    { path: ['epcList'] },
  ),
  z.refine((event) => event.ilmd === undefined || event.action === 'ADD', { path: ['ilmd'] }),
);

const aggregation = {
  ...declared,
  ...circumstances,
  action,
  childEPCs: optional(z.array(uri)),
  childQuantityList: optional(z.array(quantityElement)),
  bizTransactionList: optional(transactions),
};
const hasChildren = z.refine<z.infer<z.ZodMiniObject<typeof aggregation>>>(
  (event) => some(event.childEPCs) || some(event.childQuantityList) || event.action === 'DELETE',
  { path: ['childEPCs'] },
);
const aggregationEvent = open({
  ...aggregation,
  type: z.literal('AggregationEvent'),
  parentID: optional(uri),
}).check(hasChildren);
const associationEvent = open({ ...aggregation, type: z.literal('AssociationEvent'), parentID: uri }).check(
  hasChildren,
);

const transactionEvent = open({
  ...declared,
  ...circumstances,
  type: z.literal('TransactionEvent'),
  action,
  bizTransactionList: transactions.check(z.minLength(1)),
  parentID: optional(uri),
  epcList: optional(z.array(uri)),
  quantityList: optional(z.array(quantityElement)),
}).check(
  z.refine((event) => event.epcList !== undefined || some(event.quantityList) || event.action === 'DELETE', {
    path: ['epcList'],
  }),
);

const transformationEvent = open({
  ...declared,
  ...circumstances,
  type: z.literal('TransformationEvent'),
  inputEPCList: optional(unique(uri)),
  inputQuantityList: optional(z.array(quantityElement)),
  outputEPCList: optional(unique(uri)),
  outputQuantityList: optional(z.array(quantityElement)),
  transformationID: optional(uri),
  persistentDisposition: optional(persistentDisposition),
  bizTransactionList: optional(transactions),
  ilmd: optional(ilmd),
}).check(
  z.refine(
    (event) => {
      const takes = some(event.inputEPCList) || some(event.inputQuantityList);
      const gives = some(event.outputEPCList) || some(event.outputQuantityList);
      return (takes && gives) || (event.transformationID !== undefined && (takes || gives));
    },
    { path: ['inputEPCList'] },
  ),
);

/** An event of a type that somebody else defines. */
const otherEvent = z.looseObject({ ...declared, type: uri });

const EVENTS = {
  ObjectEvent: objectEvent,
  AggregationEvent: aggregationEvent,
  TransactionEvent: transactionEvent,
  TransformationEvent: transformationEvent,
  AssociationEvent: associationEvent,
} as const;

export type ObjectEvent = z.infer<typeof objectEvent>;
export type AggregationEvent = z.infer<typeof aggregationEvent>;
export type AssociationEvent = z.infer<typeof associationEvent>;
export type TransactionEvent = z.infer<typeof transactionEvent>;
export type TransformationEvent = z.infer<typeof transformationEvent>;
export type OtherEvent = z.infer<typeof otherEvent>;
export type EpcisEvent =
  | ObjectEvent
  | AggregationEvent
  | AssociationEvent
  | TransactionEvent
  | TransformationEvent
  | OtherEvent;
export type QuantityElement = z.infer<typeof quantityElement>;

export const epcisEventTypes = Object.keys(EVENTS) as readonly (keyof typeof EVENTS)[];

const vocabulary = z.looseObject({
  type: uri,
  vocabularyElementList: optional(
    z.array(
      z.looseObject({
        id: uri,
        attributes: optional(
          z.array(
            z.looseObject({
              id: uri,
              attribute: optional(z.union([z.number(), z.string(), z.looseObject({})])),
            }),
          ),
        ),
        children: optional(z.array(uri)),
      }),
    ),
  ),
});
const version = z.string().check(z.regex(/^\d+(?:\.\d+)*$/));
const header = open({
  epcisMasterData: optional(z.looseObject({ vocabularyList: optional(z.array(vocabulary)) })),
});

const epcisDocument = open({
  '@context': context,
  id: optional(uri),
  type: z.literal('EPCISDocument'),
  schemaVersion: version,
  creationDate: time,
  instanceIdentifier: optional(z.string()),
  sender: optional(z.string()),
  receiver: optional(z.string()),
  epcisHeader: optional(header),
  epcisBody: z.looseObject({ eventList: z.array(z.unknown()) }),
});
const epcisQueryDocument = open({
  '@context': context,
  id: optional(uri),
  type: z.literal('EPCISQueryDocument'),
  schemaVersion: optional(version),
  creationDate: optional(time),
  epcisBody: open({
    queryResults: open({
      queryName: z.string(),
      subscriptionID: optional(z.string()),
      resultsBody: open({ eventList: z.array(z.unknown()), vocabularyList: optional(z.array(vocabulary)) }),
    }),
  }),
});

/** What all events of a document share. */
export type DocumentFrame = {
  readonly type: 'EPCISDocument' | 'EPCISQueryDocument';
  readonly namespaces: NamespaceContext;
  /** Extension fields of events that are none of theirs: `ignoreFields` of the document or of its query. */
  readonly ignored: readonly string[];
};

/**
 * Checks a document but for its events, which may have been left out of it: read them by {@link parseEvent}.
 * @throws `epcis.invalid` with the path of the fault, `epcis.notEpcis`
 */
export function parseFrame(value: unknown): DocumentFrame {
  const type = (value as { type?: unknown } | null)?.type;
  if (type !== 'EPCISDocument' && type !== 'EPCISQueryDocument') {
    throw new VinculumError(
      'epcis.notEpcis',
      'This is no EPCIS 2.0 document in JSON: its type is EPCISDocument or EPCISQueryDocument.',
    );
  }
  if (type === 'EPCISDocument') {
    const document = parse(epcisDocument, value, '');
    return { type, namespaces: namespacesOf(document['@context']), ignored: ignoredIn(document) };
  }
  const document = parse(epcisQueryDocument, value, '');
  const { queryResults } = document.epcisBody;
  const ignored = [
    ...ignoredIn(document),
    ...ignoredIn(queryResults),
    ...ignoredIn(queryResults.resultsBody),
  ];
  return { type, namespaces: namespacesOf(document['@context']), ignored };
}

function ignoredIn(value: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(value)
    .filter(([name]) => name.endsWith(':ignoreFields'))
    .flatMap(([, names]) => (Array.isArray(names) ? names : [names]))
    .filter((name) => typeof name === 'string');
}

/**
 * Checks one event.
 * @param at its path in the document, for the fault
 * @throws `epcis.invalid`
 */
export function parseEvent(value: unknown, at: string): EpcisEvent {
  const type = (value as { type?: unknown } | null)?.type;
  const schema =
    typeof type === 'string' && Object.hasOwn(EVENTS, type)
      ? EVENTS[type as keyof typeof EVENTS]
      : otherEvent;
  return parse<z.ZodMiniType<EpcisEvent>>(schema, value, at);
}

/**
 * A whole document that is at hand as a value.
 * @throws `epcis.invalid` `epcis.notEpcis`
 */
export function parseDocument(value: unknown): {
  readonly frame: DocumentFrame;
  readonly events: readonly EpcisEvent[];
} {
  const frame = parseFrame(value);
  const { epcisBody } = value as { epcisBody: Record<string, unknown> };
  const results = epcisBody.queryResults as { resultsBody: { eventList: unknown[] } } | undefined;
  const list =
    frame.type === 'EPCISDocument'
      ? (epcisBody.eventList as unknown[])
      : (results?.resultsBody.eventList ?? []);
  return { frame, events: list.map((event, index) => parseEvent(event, `events[${index}]`)) };
}

/** A word of the vocabulary as JSON has it; undefined for another vocabulary’s, or none. */
export function wordOf(field: Exclude<TermField, 'any'>, text: string | undefined): string | undefined {
  return text === undefined ? undefined : (bareTerm(field, text) ?? undefined);
}

function parse<T extends z.ZodMiniType>(schema: T, value: unknown, at: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).reduce<string>(
    (text, step) =>
      typeof step === 'number'
        ? `${text}[${step}]`
        : `${text}${text === '' ? '' : '.'}${String(step).slice(0, 80)}`,
    at,
  );
  throw new VinculumError(
    'epcis.invalid',
    `${path === '' ? 'The document' : path} is not as EPCIS 2.0 has it.`,
    {
      details: { path },
    },
  );
}
