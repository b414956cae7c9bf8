import type { Json } from '../../core/canonical.ts';
import { instantOf, today } from '../acting/forms.ts';

/*
 * What is asked for each step of a batch. Where a value goes is part of the field: into the open part of the entry, or
 * into what is sealed.
 */

export type SupplyInput =
  | 'text'
  | 'party'
  | 'code'
  | 'date'
  | 'quantity'
  | 'decimal'
  | 'country'
  | 'choice'
  | 'yesNo'
  | 'long';

export type SupplyField = {
  readonly name: string;
  readonly input: SupplyInput;
  readonly required: boolean;
  readonly sealed: boolean;
  /** Of a choice. */
  readonly options?: readonly string[];
};

export type SupplyFault =
  | 'missing'
  | 'text'
  | 'ascii'
  | 'party'
  | 'code'
  | 'date'
  | 'future'
  | 'order'
  | 'quantity'
  | 'pieces'
  | 'decimal'
  | 'country';

export type SupplyValues = Readonly<Record<string, string>>;

const open = (name: string, input: SupplyInput = 'text', required = false): SupplyField => ({
  name,
  input,
  required,
  sealed: false,
});
const sealed = (name: string, input: SupplyInput = 'text'): SupplyField => ({
  name,
  input,
  required: false,
  sealed: true,
});
const choice = (name: string, options: readonly string[]): SupplyField => ({
  ...open(name, 'choice', true),
  options,
});

export const units = ['C62', 'KGM', 'GRM', 'TNE', 'LTR', 'MTR', 'MTK', 'MTQ'] as const;
const PIECES = new Set(['C62', 'H87', 'EA']);

/** What happens to a batch that was made. */
export const steps = ['batch.shipped', 'batch.received', 'batch.quarantined', 'batch.released'] as const;
export type StepKind = (typeof steps)[number];

export type SupplyForm =
  | 'batch.produced'
  | 'batch.shipped'
  | 'batch.received'
  | 'batch.quarantined'
  | 'batch.released';

export const supplyForms: Readonly<Record<SupplyForm, readonly SupplyField[]>> = {
  'batch.produced': [
    open('nameAtManufacturer', 'text', true),
    open('manufacturerPartId', 'code', true),
    open('productionDate', 'date', true),
    open('productionStart', 'date'),
    open('expiryDate', 'date'),
    open('drawing', 'code'),
    open('plant', 'code'),
    open('country', 'country'),
    open('carbonFootprint', 'decimal'),
    sealed('quantity', 'quantity'),
    sealed('customer', 'party'),
    sealed('orderNumber'),
  ],
  'batch.shipped': [
    open('from', 'party', true),
    open('to', 'party'),
    open('time', 'date', true),
    sealed('quantity', 'quantity'),
    sealed('lot'),
    sealed('customer', 'party'),
    sealed('orderNumber'),
    sealed('location'),
  ],
  'batch.received': [
    open('by', 'party', true),
    open('accepted', 'yesNo', true),
    open('time', 'date', true),
    sealed('quantity', 'quantity'),
    sealed('lot'),
    sealed('orderNumber'),
    sealed('location'),
    sealed('description', 'long'),
  ],
  'batch.quarantined': [
    choice('reason', [
      'defectSuspected',
      'defectFound',
      'certificateMissing',
      'damagedInTransit',
      'recall',
      'other',
    ]),
    open('time', 'date', true),
    sealed('description', 'long'),
    sealed('reportNumber'),
  ],
  'batch.released': [
    choice('outcome', ['usable', 'reworked', 'scrapped', 'returned']),
    open('time', 'date', true),
    sealed('description', 'long'),
    sealed('reportNumber'),
  ],
};

/** What every entry of the form says. */
const always: Readonly<Record<SupplyForm, Readonly<Record<string, Json>>>> = {
  'batch.produced': { bizStep: 'commissioning', disposition: 'active', origin: 'production' },
  'batch.shipped': { bizStep: 'shipping', disposition: 'in_transit' },
  'batch.received': { bizStep: 'receiving' },
  'batch.quarantined': { bizStep: 'holding', disposition: 'non_conformant' },
  'batch.released': { bizStep: 'inspecting' },
};

export type ReadSupply =
  | {
      readonly time: string;
      readonly data: Readonly<Record<string, Json>>;
      readonly sealed: Readonly<Record<string, Json>>;
      readonly faults: null;
    }
  | { readonly faults: Readonly<Record<string, SupplyFault>> };

const LABEL = /^[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]{1,200}$/u;
const LONG = /^(?:[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]|[\t\n]){1,10000}$/u;

/** A decimal as entries have it, of what people write: spaces between thousands, a comma for the point. */
export function plainDecimal(text: string): string | null {
  const plain = text
    .normalize('NFKC')
    .replace(/[\s’']/g, '')
    .replace(',', '.')
    .replace(/^0+(?=\d)/, '');
  return /^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?$/.test(plain) ? plain : null;
}

/**
 * What a filled form says, or what is wrong with it.
 * @param now milliseconds since 1970
 */
export function readSupplyForm(form: SupplyForm, values: SupplyValues, now: number): ReadSupply {
  const faults: Record<string, SupplyFault> = {};
  const data: Record<string, Json> = { ...always[form] };
  const hidden: Record<string, Json> = {};
  let time = instantOf(now);
  for (const { name, input, required, sealed: isSealed } of supplyForms[form]) {
    const value = (values[name] ?? '').trim();
    if (value === '') {
      if (required) faults[name] = 'missing';
      continue;
    }
    const read = readValue(input, value, values[`${name}.unit`] ?? 'C62');
    if (typeof read === 'object' && read !== null && 'fault' in read) {
      faults[name] = read.fault as SupplyFault;
      continue;
    }
    if (name === 'time') {
      if (value > today(now)) faults.time = 'future';
      // What happens today happens now: an entry must not be dated after its block.
      else if (value !== today(now)) time = value;
    } else if (isSealed) hidden[name] = read;
    else data[name] = read;
  }
  if (form === 'batch.produced') {
    const { productionDate = '', productionStart = '', expiryDate = '' } = values;
    if (productionDate !== '' && productionDate > today(now)) faults.productionDate ??= 'future';
    if (productionStart !== '' && productionStart > productionDate) faults.productionStart ??= 'order';
    if (expiryDate !== '' && expiryDate < productionDate) faults.expiryDate ??= 'order';
    // The day on which it left the line is when it happened.
    if (productionDate !== '' && productionDate !== today(now)) time = productionDate;
  }
  if (form === 'batch.received') data.disposition = data.accepted === true ? 'in_progress' : 'returned';
  if (form === 'batch.released') {
    const outcomes: Readonly<Record<string, string>> = { scrapped: 'destroyed', returned: 'returned' };
    data.disposition = outcomes[String(data.outcome)] ?? 'conformant';
  }
  return Object.keys(faults).length > 0 ? { faults } : { time, data, sealed: hidden, faults: null };
}

function readValue(input: SupplyInput, value: string, unit: string): Json {
  switch (input) {
    case 'text':
      return LABEL.test(value) ? value : { fault: 'text' };
    case 'long':
      return LONG.test(value) ? value : { fault: 'text' };
    case 'party':
      return /^[A-Za-z0-9.-]{1,64}$/.test(value) ? value : { fault: 'party' };
    case 'code':
      return /^[\x20-\x7e]{1,64}$/.test(value) ? value : { fault: 'ascii' };
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : { fault: 'date' };
    case 'country':
      return /^[A-Za-z]{3}$/.test(value) ? value.toUpperCase() : { fault: 'country' };
    case 'decimal': {
      const plain = plainDecimal(value);
      return plain === null ? { fault: 'decimal' } : { value: plain, unit: 'KGM' };
    }
    case 'quantity': {
      const plain = plainDecimal(value);
      if (plain === null) return { fault: 'quantity' };
      return PIECES.has(unit) && plain.includes('.') ? { fault: 'pieces' } : { value: plain, unit };
    }
    case 'yesNo':
      return value === 'yes';
    case 'choice':
      return value;
  }
}
