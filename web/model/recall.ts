import type { Json } from '../../core/canonical.ts';
import { identifiersIn } from './alerts.ts';
import { partOf } from './build.ts';

/** What a recall is about, as the page has it before it is read. */
export type Basis = {
  /** Batches and single parts, one a line. */
  readonly things: string;
  readonly ranges: readonly RangeRow[];
  readonly numbers: readonly NumberRow[];
  /** Vehicles of a list, in their normal form. */
  readonly vehicles: readonly string[];
};
export type RangeRow = {
  readonly key: number;
  readonly manufacturerId: string;
  readonly from: string;
  readonly to: string;
};
export type NumberRow = {
  readonly key: number;
  readonly manufacturerId: string;
  readonly partNumber: string;
  readonly from: string;
  readonly until: string;
};

export type BasisFault =
  | 'nothing'
  | 'things'
  | 'party'
  | 'serial'
  | 'length'
  | 'order'
  | 'partNumber'
  | 'window';

export type ReadBasis =
  | { readonly query: Readonly<Record<string, Json>>; readonly faults: null }
  | { readonly query: null; readonly faults: Readonly<Record<string, BasisFault>> };

const PARTY = /^[A-Za-z0-9.-]{1,64}$/;
const NUMBER = /^[\x20-\x7e]{1,64}$/;

/** The body of the dry run, or what is wrong, by field (`things`, `range:<key>`, `number:<key>`, `all`). */
export function readBasis({ things, ranges, numbers, vehicles }: Basis): ReadBasis {
  const faults: Record<string, BasisFault> = {};
  const named = identifiersIn(things).map((one) => partOf(one));
  if (named.includes(null)) faults.things = 'things';
  for (const { key, manufacturerId, from, to } of ranges) {
    const at = `range:${key}`;
    if (!PARTY.test(manufacturerId.trim())) faults[at] = 'party';
    else if (!NUMBER.test(from.trim()) || !NUMBER.test(to.trim())) faults[at] = 'serial';
    // Serials are compared as text: of another length there is no between.
    else if (from.trim().length !== to.trim().length) faults[at] = 'length';
    else if (from.trim() > to.trim()) faults[at] = 'order';
  }
  for (const { key, manufacturerId, partNumber, from, until } of numbers) {
    const at = `number:${key}`;
    if (!PARTY.test(manufacturerId.trim())) faults[at] = 'party';
    else if (!NUMBER.test(partNumber.trim())) faults[at] = 'partNumber';
    else if (from !== '' && until !== '' && from > until) faults[at] = 'window';
  }
  if (named.length === 0 && ranges.length === 0 && numbers.length === 0 && vehicles.length === 0)
    faults.all = 'nothing';
  if (Object.keys(faults).length > 0) return { query: null, faults };
  const ofType = (type: string): string[] =>
    named.filter((one): one is string => one?.startsWith(type) === true);
  const batches = ofType('batch:');
  const serials = ofType('serial:');
  return {
    faults: null,
    query: {
      ...(batches.length === 0 ? {} : { batches }),
      ...(serials.length === 0 ? {} : { serials }),
      ...(ranges.length === 0
        ? {}
        : {
            serialRanges: ranges.map(({ manufacturerId, from, to }) => ({
              manufacturerId: manufacturerId.trim(),
              from: from.trim(),
              to: to.trim(),
            })),
          }),
      ...(numbers.length === 0
        ? {}
        : {
            partNumbers: numbers.map(({ manufacturerId, partNumber, from, until }) => ({
              manufacturerId: manufacturerId.trim(),
              partNumber: partNumber.trim(),
              ...(from === '' ? {} : { from }),
              ...(until === '' ? {} : { until }),
            })),
          }),
      ...(vehicles.length === 0 ? {} : { vehicles }),
    },
  };
}

/** What the campaign's entry says of its basis: later readers find the parts by it. Single serials are ranges of one. */
export function basisFields(query: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  const single = (Array.isArray(query.serials) ? (query.serials as string[]) : []).map((serial) => {
    const [, manufacturerId = '', ...rest] = serial.split(':');
    return { manufacturerId, from: rest.join(':'), to: rest.join(':') };
  });
  const ranges = [...(Array.isArray(query.serialRanges) ? query.serialRanges : []), ...single] as Json[];
  return {
    ...(query.batches === undefined ? {} : { batches: query.batches }),
    ...(ranges.length === 0 ? {} : { serialRanges: ranges }),
    ...(query.partNumbers === undefined ? {} : { partNumbers: query.partNumbers }),
  };
}

export const severities = ['stopDriving', 'safety', 'compliance', 'emissions', 'service'] as const;

export type CampaignValues = Readonly<
  Record<
    | 'campaign'
    | 'titleEn'
    | 'titleZh'
    | 'remedyEn'
    | 'remedyZh'
    | 'component'
    | 'severity'
    | 'authorityReference'
    | 'markets'
    | 'description',
    string
  >
>;
export type CampaignFault = 'missing' | 'code' | 'text' | 'markets' | 'long';

const CODE = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/;
const LABEL = /^[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]{1,200}$/u;

export type ReadCampaign =
  | {
      readonly data: Readonly<Record<string, Json>>;
      readonly sealed: Readonly<Record<string, Json>>;
      readonly faults: null;
    }
  | { readonly faults: Readonly<Partial<Record<keyof CampaignValues, CampaignFault>>> };

/** What the campaign is called and asks for: `recall.opened`; of an extension the campaign's number alone. */
export function readCampaign(values: CampaignValues, extends_: boolean): ReadCampaign {
  const faults: Partial<Record<keyof CampaignValues, CampaignFault>> = {};
  const plain = (name: keyof CampaignValues): string => values[name].trim();
  const data: Record<string, Json> = {};
  if (CODE.test(plain('campaign'))) data.campaign = plain('campaign');
  else faults.campaign = plain('campaign') === '' ? 'missing' : 'code';
  if (!extends_) {
    for (const [field, en, zh] of [
      ['title', 'titleEn', 'titleZh'],
      ['remedy', 'remedyEn', 'remedyZh'],
    ] as const) {
      const texts = { en: plain(en), zh: plain(zh) };
      for (const [language, name] of [
        ['en', en],
        ['zh', zh],
      ] as const) {
        if (texts[language] !== '' && !LABEL.test(texts[language])) faults[name] = 'text';
      }
      const said = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ''));
      if (Object.keys(said).length === 0) faults[en] = 'missing';
      else data[field] = said;
    }
    data.component = values.component;
    data.severity = values.severity;
    const reference = plain('authorityReference');
    if (reference !== '') {
      if (CODE.test(reference)) data.authorityReference = reference;
      else faults.authorityReference = 'code';
    }
    const markets = identifiersIn(plain('markets')).map((one) => one.toUpperCase());
    if (markets.length > 0) {
      if (markets.every((one) => /^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/.test(one))) data.markets = markets;
      else faults.markets = 'markets';
    }
  }
  const description = plain('description');
  if (description.length > 10_000) faults.description = 'long';
  if (Object.keys(faults).length > 0) return { faults };
  return { data, sealed: description === '' ? {} : { description }, faults: null };
}
