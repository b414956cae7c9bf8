import type { Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { formatIdentifier, normaliseIdentifier } from '../identifiers/identifier.ts';
import type { KindName } from '../kinds/kinds.ts';
import { type RegistryTime, readFrenchDate, readRegistryTime } from './calendar.ts';

/*
 * The registration histories that the French Ministry of the Interior published (HistoVec), one vehicle a line. Each
 * becomes `vehicle.registered` and one entry an event, in the registry's own codes. The masked VIN is left out: it
 * identifies nothing, and what it does show (maker, last five digits) a reader has no use for. The ministry's own
 * conclusions (`answers`) are left out too, but for its statements of fact on the file, the certificate and theft:
 * what can be concluded, the rules conclude from the entries.
 */

/** What one entry says, ready for its envelope. */
export type RegistrationContent = {
  readonly kind: KindName;
  readonly kindVersion: 1;
  /** The calendar day in France. */
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
};

export type MappedRegistration = {
  /** `registration:FR:<id>` */
  readonly identifier: string;
  /** `vehicle.registered` first, then the events in order. */
  readonly contents: readonly RegistrationContent[];
};

export const histovecEventTypes = [
  // In the order in which events of the same instant are recorded.
  'IMMAT_NORMALE',
  'IMMAT_NORMALE_PREM_VO',
  'REIMMAT_ETRANGER',
  'DECLARATION_CESSION',
  'DECLARATION_ACHAT',
  'CHANG_TIT_NORMAL',
  'CHANG_LOC',
  'MODIF_CARAC_TECH',
  'DUPLICATA',
  'INSCRIPTION_GAGE',
  'PROROG_GAGE',
  'RADIATION_GAGE',
  'INSCRIRE_DVS',
  'RENOUV_DVS',
  'LEVER_DVS',
  'INSCRIRE_OTCI',
  'LEVER_OTCI',
  'DEC_VE',
  'INSCRIRE_OVE',
  'PREM_RAP_VE',
  'SEC_RAP_VE',
  'LEVER_OVE',
  'RETRAIT_VOLONTAIRE',
  'SORTIE_TERRITOIRE',
] as const;

export type HistovecEventType = (typeof histovecEventTypes)[number];

const holder = (action: string) => ({ kind: 'registration.holder', says: { action } }) as const;
const lien = (action: string) => ({ kind: 'registration.lien', says: { action } }) as const;
const seizure = (action: string) => ({ kind: 'registration.seizure', says: { action } }) as const;
const opposition = (action: string) =>
  ({ kind: 'registration.opposition', says: { action, type: 'transfer' } }) as const;
const procedure = (action: string) =>
  ({ kind: 'registration.procedure', says: { procedure: 'damagedVehicle', action } }) as const;
const document = (action: string) => ({ kind: 'registration.document', says: { action } }) as const;

const MEANING: Record<
  HistovecEventType,
  { readonly kind: KindName; readonly says: Readonly<Record<string, Json>> }
> = {
  IMMAT_NORMALE: holder('firstRegistration'),
  IMMAT_NORMALE_PREM_VO: holder('usedImport'),
  REIMMAT_ETRANGER: holder('reRegistration'),
  CHANG_TIT_NORMAL: holder('change'),
  DECLARATION_CESSION: holder('ceded'),
  DECLARATION_ACHAT: holder('boughtByDealer'),
  CHANG_LOC: holder('lessee'),
  INSCRIPTION_GAGE: lien('registered'),
  PROROG_GAGE: lien('renewed'),
  RADIATION_GAGE: lien('released'),
  INSCRIRE_DVS: seizure('entered'),
  RENOUV_DVS: seizure('renewed'),
  LEVER_DVS: seizure('lifted'),
  INSCRIRE_OTCI: opposition('entered'),
  LEVER_OTCI: opposition('lifted'),
  DEC_VE: procedure('declared'),
  INSCRIRE_OVE: procedure('opposed'),
  PREM_RAP_VE: procedure('firstReport'),
  SEC_RAP_VE: procedure('secondReport'),
  LEVER_OVE: procedure('lifted'),
  MODIF_CARAC_TECH: document('technicalChange'),
  DUPLICATA: document('duplicate'),
  RETRAIT_VOLONTAIRE: { kind: 'registration.withdrawn', says: { reason: 'voluntary' } },
  SORTIE_TERRITOIRE: { kind: 'registration.exported', says: {} },
};

function isEventType(type: string): type is HistovecEventType {
  return Object.hasOwn(MEANING, type);
}

/** One thing wrong with a row. */
export type RowProblem = {
  readonly code: 'registration.invalidRow' | 'registration.invalidDate' | 'registration.unknownEvent';
  readonly path: string;
  readonly expected: string;
};

const MOST_EVENTS = 10_000;

/**
 * Maps one line of the file, parsed, to its identifier and the contents of its envelopes.
 * @throws `registration.invalidRow` `registration.invalidDate` `registration.unknownEvent`: the first problem's code and
 *   `path`, and all of them as `problems` in the details; the `identifier.*` codes for an `id` that is no number
 */
export function mapHistovecRow(row: unknown): MappedRegistration {
  const reader = new RowReader();
  const fields = reader.object(row, 'row');
  const id = reader.text(fields.id, 'id');
  const attributes = reader.object(fields.attributes, 'attributes');
  const answers = fields.answers === undefined ? {} : reader.object(fields.answers, 'answers');
  const registered = readRegistered(reader, attributes, answers);
  const events = readEvents(reader, fields.events);
  reader.finish();
  const identifier = formatIdentifier(normaliseIdentifier({ type: 'registration', scope: 'FR', value: id }));
  return { identifier, contents: [registered, ...events] };
}

/** Reads members of a row and collects what is wrong with them. */
class RowReader {
  readonly #problems: RowProblem[] = [];

  problem(code: RowProblem['code'], path: string, expected: string): void {
    this.#problems.push({ code, path, expected });
  }

  object(value: unknown, path: string): Record<string, unknown> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>;
    }
    this.problem('registration.invalidRow', path, 'an object');
    return {};
  }

  text(value: unknown, path: string): string {
    // The alphabet of the registry; everything else would need its own thought.
    if (typeof value === 'string' && /^[\x20-\x7e\u00c0-\u017f]{1,200}$/.test(value)) return value;
    this.problem('registration.invalidRow', path, 'text of 1 to 200 printable characters');
    return '';
  }

  optionalText(value: unknown, path: string): string | undefined {
    return value === undefined ? undefined : this.text(value, path);
  }

  /** One of the registry's own short codes. */
  optionalCode(value: unknown, path: string): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'string' && /^[A-Za-z0-9]{1,16}$/.test(value)) return value;
    this.problem('registration.invalidRow', path, 'a code of 1 to 16 letters and digits');
    return undefined;
  }

  /** A number as the registry writes it, where 0 stands for unknown. */
  optionalNumber(value: unknown, path: string, most: number): number | undefined {
    if (value === undefined || value === 0) return undefined;
    if (typeof value === 'number' && value > 0 && value <= most) return value;
    this.problem('registration.invalidRow', path, `a number from 0 to ${most}`);
    return undefined;
  }

  optionalInteger(value: unknown, path: string, most: number): number | undefined {
    const number = this.optionalNumber(value, path, most);
    if (number === undefined || Number.isInteger(number)) return number;
    this.problem('registration.invalidRow', path, 'a whole number');
    return undefined;
  }

  optionalAnswer(value: unknown, path: string): boolean | undefined {
    if (value === undefined) return undefined;
    if (value === 'OUI' || value === 'NON') return value === 'OUI';
    this.problem('registration.invalidRow', path, 'OUI or NON');
    return undefined;
  }

  date(value: unknown, path: string): string {
    const date = typeof value === 'string' ? readFrenchDate(value) : null;
    if (date === null) this.problem('registration.invalidDate', path, 'a day as DD/MM/YYYY');
    return date ?? '';
  }

  instant(value: unknown, path: string): RegistryTime {
    const time = typeof value === 'string' ? readRegistryTime(value) : null;
    if (time === null)
      this.problem('registration.invalidDate', path, 'an instant as YYYY-MM-DDThh:mm:ss.sssZ');
    return time ?? { day: '', instant: null, milliseconds: 0 };
  }

  finish(): void {
    const [first] = this.#problems;
    if (first === undefined) return;
    throw new VinculumError(first.code, `${first.path} should be ${first.expected}.`, {
      details: { path: first.path, expected: first.expected, problems: this.#problems },
    });
  }
}

/** Without the members that the registry does not know. */
function known(members: Readonly<Record<string, Json | undefined>>): Record<string, Json> {
  const present = Object.entries(members).filter(
    (member): member is [string, Json] => member[1] !== undefined,
  );
  return Object.fromEntries(present);
}

/** What the registry writes where it knows nothing. */
const UNKNOWN: ReadonlySet<string> = new Set(['INCONNU', 'NON DEFINI', 'XX']);

function readRegistered(
  reader: RowReader,
  attributes: Record<string, unknown>,
  answers: Record<string, unknown>,
): RegistrationContent {
  const text = (name: string): string | undefined => {
    const value = reader.optionalText(attributes[name], `attributes.${name}`);
    return value === undefined || UNKNOWN.has(value) ? undefined : value;
  };
  const code = (name: string): string | undefined =>
    reader.optionalCode(attributes[name], `attributes.${name}`);
  const integer = (name: string, most: number): number | undefined =>
    reader.optionalInteger(attributes[name], `attributes.${name}`, most);
  const answer = (name: string): boolean | undefined =>
    reader.optionalAnswer(answers[name], `answers.${name}`);

  const firstRegistered = reader.date(attributes.date_premiere_immat, 'attributes.date_premiere_immat');
  const issued = attributes.date_emission_CI;
  const displacement = reader.optionalNumber(
    attributes.CTEC_CYLINDREE,
    'attributes.CTEC_CYLINDREE',
    1_000_000,
  );
  const registry = known({
    vehicleClass: code('CTEC_RLIB_GENRE'),
    fiscalPower: integer('CTEC_PUISS_CV', 10_000),
    certificateIssued: issued === undefined ? undefined : reader.date(issued, 'attributes.date_emission_CI'),
    certificateCancelled: answer('annulation_ci'),
    certificateStolen: answer('ci_vole'),
    vehicleStolen: answer('vehicule_vole'),
    imported: reader.optionalAnswer(attributes.import, 'attributes.import'),
    fileUncertain: answer('is_incertain'),
  });
  const data = known({
    market: 'FR',
    brand: text('marque'),
    model: text('nom_commercial'),
    vehicleConfiguration: text('tvv'),
    color: text('couleur'),
    fuelType: text('CTEC_RLIB_ENERGIE'),
    vehicleSeatingCapacity: integer('CTEC_PLACES_ASSISES', 1000),
    engineDisplacement: displacement === undefined ? undefined : { value: displacement, unit: 'CMQ' },
    vehicleCategory: code('CTEC_RLIB_CATEGORIE'),
    dateVehicleFirstRegistered: firstRegistered,
    registry: Object.keys(registry).length === 0 ? undefined : registry,
  });
  return { kind: 'vehicle.registered', kindVersion: 1, time: firstRegistered, data, sealed: {} };
}

type ReadEvent = { readonly type: HistovecEventType; readonly time: RegistryTime };

/** The events by their instants; those of the same instant in the order of `histovecEventTypes`, then of the row. */
function readEvents(reader: RowReader, value: unknown): RegistrationContent[] {
  if (!Array.isArray(value) || value.length > MOST_EVENTS) {
    reader.problem('registration.invalidRow', 'events', `a list of 0 to ${MOST_EVENTS} events`);
    return [];
  }
  const events = value.flatMap((item: unknown, index): ReadEvent[] => {
    const event = reader.object(item, `events[${index}]`);
    const time = reader.instant(event.date, `events[${index}].date`);
    const type = reader.text(event.type, `events[${index}].type`);
    if (isEventType(type)) return [{ type, time }];
    if (type !== '') {
      reader.problem(
        'registration.unknownEvent',
        `events[${index}].type`,
        'a type of event that this version knows',
      );
    }
    return [];
  });
  return events
    .sort(
      (left, right) =>
        left.time.milliseconds - right.time.milliseconds ||
        histovecEventTypes.indexOf(left.type) - histovecEventTypes.indexOf(right.type),
    )
    .map(({ type, time }) => ({
      kind: MEANING[type].kind,
      kindVersion: 1,
      time: time.day,
      data: known({
        market: 'FR',
        event: type,
        statedAt: time.instant ?? undefined,
        ...MEANING[type].says,
      }),
      sealed: {},
    }));
}
