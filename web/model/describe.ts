import type { Json } from '../../core/canonical.ts';
import type { Reading } from '../../core/kinds/fields.ts';
import { kindName, localisedText, type Tongue, word } from '../texts/texts.ts';
import { brandCode } from './brandCode.ts';
import type { EntryView } from './view.ts';
import { shownIdentifier } from './vinFeedback.ts';

export type Fact = {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly code?: boolean;
};
type Data = Readonly<Record<string, Json>>;

/** What an entry says, for people: a heading and the rest of its fields. */
export type Description = {
  readonly title: string;
  readonly qualifier: string;
  readonly facts: readonly Fact[];
};

/** The field that says most about an entry of a kind, next to the kind's name. */
const QUALIFIERS: Readonly<Record<string, string>> = {
  service: 'type',
  repair: 'reason',
  inspection: 'result',
  accident: 'severity',
  claim: 'status',
  sale: 'condition',
  usage: 'usage',
  condition: 'overall',
  'registration.holder': 'action',
  'registration.lien': 'action',
  'registration.opposition': 'action',
  'registration.seizure': 'action',
  'registration.procedure': 'action',
  'registration.document': 'action',
  'registration.withdrawn': 'reason',
  'part.mounted': 'component',
  'part.removed': 'component',
  'safetyPart.registered': 'component',
  'safetyPart.mounted': 'component',
  'safetyPart.removed': 'component',
  'safetyPart.scrapped': 'reason',
  'safetyPart.stolen': 'component',
  'safetyPart.recovered': 'condition',
  'software.updated': 'component',
  'recall.remedied': 'campaign',
  'recall.opened': 'title',
  'vehicle.linked': 'to',
  'title.issued': 'reason',
  // They give no reason: the reading of the odometer stands beside them.
  'title.offered': 'reason',
  'title.accepted': 'reason',
  'title.withdrawn': 'reason',
  'title.lienPlaced': 'type',
  'title.lienReleased': 'reason',
  'title.recovered': 'condition',
  'title.branded': 'text',
  'title.disputed': 'reason',
  'title.scrapped': 'reason',
  'title.exported': 'to',
  'title.reissued': 'reason',
  'title.transferred': 'reason',
  'title.replaced': 'to',
};

/** Fields that speak to programs, not to buyers. */
const TECHNICAL = new Set(['contradicts', 'affectedRoot', 'treeKey', 'bizStep', 'documents']);

export function describe(tongue: Tongue, entry: Pick<EntryView, 'kind' | 'data'>): Description {
  const { kind, data } = entry;
  const main = QUALIFIERS[kind];
  const qualifier = main === undefined ? readingIn(tongue, data) : fieldText(tongue, kind, main, data[main]);
  const hidden = main ?? (kind === 'odometer' ? 'odometer' : '');
  return { title: kindName(tongue, kind), qualifier, facts: factsOf(tongue, kind, data, hidden) };
}

/** All fields of an entry's data as labels and texts. */
export function factsOf(tongue: Tongue, kind: string, data: Data, without = ''): Fact[] {
  const { vocabulary } = tongue.texts;
  return Object.entries(data).flatMap(([name, value]): Fact[] => {
    if (name === without || TECHNICAL.has(name) || value === null || value === undefined) return [];
    const text = fieldText(tongue, kind, name, value);
    if (text === '') return [];
    const code = typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value);
    return [{ name, label: word(vocabulary.field, name), value: text, ...(code ? { code } : {}) }];
  });
}

/** What the odometer showed at an entry. */
export function readingOf({ data }: Pick<EntryView, 'data'>): Reading | null {
  return data.odometer === undefined ? null : (data.odometer as Reading);
}

function readingIn(tongue: Tongue, data: Data): string {
  return data.odometer === undefined ? '' : readingText(tongue, data.odometer as Reading);
}

/** A reading in the reader's unit, and as it was read where that is another. */
export function readingText(
  { texts, format, language }: Tongue,
  reading: Reading,
  withSource = false,
): string {
  const kilometres = reading.unit === 'KMT' ? reading.value : reading.value * 1.609344;
  const shown = format.distance(kilometres);
  const { vocabulary, odometer } = texts;
  const notes = [
    ...(reading.unit === format.unit ? [] : [odometer.asRead(format.stated(reading.value, reading.unit))]),
    ...(withSource ? [word(vocabulary.source, reading.source)] : []),
    ...(reading.event === undefined ? [] : [word(vocabulary.instrument, reading.event)]),
  ];
  return notes.length === 0 ? shown : `${shown} (${notes.join(language === 'zh' ? '；' : '; ')})`;
}

function fieldText(tongue: Tongue, kind: string, name: string, value: Json | undefined): string {
  const { texts, format, language } = tongue;
  const { vocabulary, timeline } = texts;
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? timeline.yes : timeline.no;
  const words = (vocabulary.value as Readonly<Record<string, Readonly<Record<string, string>>>>)[
    `${kind}.${name === 'buyer' ? 'seller' : name}`
  ];
  if (words !== undefined) {
    return Array.isArray(value) ? format.list(value.map((one) => word(words, one))) : word(words, value);
  }
  switch (name) {
    case 'odometer':
      return readingText(tongue, value as Reading, true);
    case 'titleBrands':
      return format.list(asList(value).map((brand) => word(vocabulary.brand, brand)));
    case 'component':
      return word(vocabulary.component, value);
    case 'components':
      return format.list(asList(value).map((one) => word(vocabulary.component, one)));
    case 'areas':
      return format.list(asList(value).map((one) => word(vocabulary.area, one)));
    case 'parts':
      return format.list(asList(value).map((part) => partText(tongue, part as Data)));
    case 'missing':
      return format.list(
        asList(value).map((tier) => {
          const { component, reason } = tier as Data;
          return `${word(vocabulary.component, component)} (${word(vocabulary.missingTier, reason)})`;
        }),
      );
    case 'defects':
      return format.list(
        asList(value).map((defect) => {
          const { component, severity } = defect as Data;
          return `${word(vocabulary.component, component)} (${word(vocabulary.defect, severity)})`;
        }),
      );
    case 'findings':
      return format.list(
        asList(value).map((found) => {
          const { area, component, state, severity } = found as Data;
          const where =
            area === undefined ? word(vocabulary.component, component) : word(vocabulary.area, area);
          return `${where}: ${word(vocabulary.damage, state)} (${word(vocabulary.damageSeverity, severity)})`;
        }),
      );
    case 'registry':
      return registryText(tongue, value as Data);
    case 'checkDigitOverride':
      return word(vocabulary.override, (value as Data).reason);
    case 'nextDue': {
      const { date, odometer } = value as { date?: string; odometer?: number };
      return [
        date === undefined ? '' : format.date(date),
        odometer === undefined ? '' : format.number(odometer),
      ]
        .filter((part) => part !== '')
        .join(' · ');
    }
    case 'batteryStateOfHealth':
      return typeof value === 'number' ? format.percent(value) : '';
    case 'engineDisplacement':
      return `${format.number(Number((value as Data).value))} cm³`;
    case 'carbonFootprint':
      return `${format.number(Number((value as Data).value))} kg CO₂e`;
    case 'enginePower':
      return `${format.number(Number((value as Data).value))} kW`;
    case 'market':
    case 'destination':
    case 'jurisdiction':
      return format.country(String(value).slice(0, 2));
    case 'markets':
      return format.list(asList(value).map((code) => format.country(String(code).slice(0, 2))));
    case 'original': {
      const { system, code, text } = value as { system: string; code: string; text?: string };
      return [text ?? '', `${code} (${system})`].filter((part) => part !== '').join(' · ');
    }
    case 'title':
    case 'remedy':
      return localisedText(value, language);
    case 'to':
      if (kind === 'title.exported') return format.country(String(value).slice(0, 2));
      return shownIdentifier(String(value));
    case 'part':
    case 'batch':
      return shownIdentifier(String(value));
    case 'origin':
      return word(vocabulary.partOrigin, value);
    case 'fuelType':
    case 'bodyType':
    case 'color':
    case 'vehicleTransmission':
      return word(vocabulary.common, value);
    case 'kind':
      return kindName(tongue, String(value));
    case 'data':
    case 'kindVersion':
    case 'serials':
    case 'inputs':
    case 'serialRanges':
      return '';
  }
  if (typeof value === 'number') return format.number(value);
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\d(T|$)/.test(value) ? format.time(value) : value;
  if (Array.isArray(value)) return format.list(value.map((one) => (typeof one === 'string' ? one : '')));
  return '';
}

function asList(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function partText({ texts }: Tongue, part: Data): string {
  const name = word(texts.vocabulary.component, part.component);
  const number = part.part ?? part.manufacturerPartId;
  return number === undefined ? name : `${name} ${shownIdentifier(String(number))}`;
}

function registryText({ texts, format }: Tongue, registry: Data): string {
  const stated = Object.entries(registry).flatMap(([name, value]) =>
    value === true ? [word(texts.vocabulary.registry, name)] : [],
  );
  return format.list(stated);
}

/** What an action on the title says: to whom, until when, which lien, brand or number. */
export function actionFacts(tongue: Tongue, entry: Pick<EntryView, 'kind' | 'action'>): Fact[] {
  const { texts, format } = tongue;
  const { kind, action } = entry;
  if (action === null) return [];
  const words = texts.title.action;
  const facts: Fact[] = [];
  const add = (name: string, label: string, value: string, code = false): void => {
    facts.push({ name: `action ${name}`, label, value, ...(code ? { code } : {}) });
  };
  if (BigInt(action.party) !== 0n)
    add('party', kind === 'title.offered' ? words.buyer : words.owner, action.party, true);
  if (action.until !== 0) add('until', words.until, format.moment(action.until));
  const detail = BigInt(action.detail);
  if (kind === 'title.lienPlaced') add('rank', words.rank, format.number(Number(detail)));
  if (kind === 'title.lienRenewed' || kind === 'title.lienReleased')
    add('lien', words.lien, format.number(Number(detail)));
  if (kind === 'title.branded') {
    const code = brandCode(Number(detail));
    add('brand', words.brand, `${code} · ${word(texts.vocabulary.brand, code)}`);
  }
  if (kind === 'title.disputed') add('disputed', words.disputed, action.detail, true);
  return facts;
}

/** The sealed fields that were opened to the reader. */
export function sealedFacts({ texts, format }: Tongue, sealed: Data): Fact[] {
  return Object.entries(sealed).map(([name, value]) => ({
    name,
    label: word(texts.vocabulary.sealed, name),
    value: sealedText(format, name, value),
  }));
}

function sealedText(format: Tongue['format'], name: string, value: Json): string {
  if (name === 'amount') {
    const { amount, currency } = value as { amount: string; currency: string };
    return new Intl.NumberFormat(format.locale, { style: 'currency', currency }).format(Number(amount));
  }
  if (typeof value === 'string') return shownIdentifier(value);
  if (Array.isArray(value) && value.every((one) => typeof one === 'string'))
    return format.list(value as string[]);
  return JSON.stringify(value);
}
