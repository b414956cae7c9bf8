import { type Hex, toHex, word } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { Address } from '../../core/chain/types.ts';
import { type TitleKind, titleKinds } from '../../core/modules/title.ts';
import type { Draft } from './compose.ts';

/*
 * What is asked for each kind of action. Where a value goes is part of the field: into the action, into the open part
 * of its entry, or into what is sealed.
 */

export type FieldName =
  | 'party'
  | 'until'
  | 'rank'
  | 'lien'
  | 'brand'
  | 'time'
  | 'reason'
  | 'type'
  | 'condition'
  | 'holderKind'
  | 'market'
  | 'jurisdiction'
  | 'text'
  | 'reported'
  | 'to'
  | 'number'
  | 'price'
  | 'currency'
  | 'statement'
  | 'creditor'
  | 'contractNumber'
  | 'holderName'
  | 'plate'
  | 'certificateNumber'
  | 'reportNumber'
  | 'location'
  | 'description'
  | 'buyerName'
  | 'sellerName';

export type FormField = {
  readonly name: FieldName;
  readonly input:
    | 'account'
    | 'date'
    | 'number'
    | 'lien'
    | 'brand'
    | 'choice'
    | 'market'
    | 'vehicle'
    | 'text'
    | 'long'
    | 'amount';
  readonly required: boolean;
  readonly sealed: boolean;
};

const open = (name: FieldName, input: FormField['input'], required = true): FormField => ({
  name,
  input,
  required,
  sealed: false,
});
const sealed = (name: FieldName, input: FormField['input'] = 'text'): FormField => ({
  name,
  input,
  required: false,
  sealed: true,
});
const party = open('party', 'account');
const until = open('until', 'date');
const reason = open('reason', 'choice');
const time = open('time', 'date');
const market = open('market', 'market', false);

export const forms: Readonly<Record<TitleKind, readonly FormField[]>> = {
  'title.issued': [
    party,
    reason,
    open('holderKind', 'choice', false),
    market,
    time,
    sealed('holderName'),
    sealed('plate'),
    sealed('certificateNumber'),
  ],
  'title.offered': [party, until, sealed('price', 'amount'), sealed('buyerName'), sealed('sellerName')],
  'title.accepted': [sealed('buyerName')],
  'title.withdrawn': [open('reason', 'choice', false)],
  'title.lienPlaced': [
    open('type', 'choice'),
    open('rank', 'number'),
    until,
    market,
    time,
    sealed('creditor'),
    sealed('contractNumber'),
    sealed('price', 'amount'),
  ],
  'title.lienRenewed': [open('lien', 'lien'), until, market, time, sealed('contractNumber')],
  'title.lienReleased': [
    open('lien', 'lien'),
    open('reason', 'choice', false),
    market,
    time,
    sealed('contractNumber'),
  ],
  'title.stolen': [
    open('reported', 'date', false),
    market,
    time,
    sealed('reportNumber'),
    sealed('location'),
    sealed('description', 'long'),
  ],
  'title.recovered': [
    open('condition', 'choice', false),
    market,
    time,
    sealed('reportNumber'),
    sealed('location'),
    sealed('description', 'long'),
  ],
  'title.branded': [
    open('brand', 'brand'),
    open('jurisdiction', 'market'),
    open('text', 'text'),
    time,
    sealed('reportNumber'),
    sealed('description', 'long'),
  ],
  'title.disputed': [reason, sealed('statement', 'long')],
  'title.scrapped': [reason, market, time, sealed('certificateNumber')],
  'title.exported': [open('to', 'market', false), market, time, sealed('certificateNumber')],
  'title.reissued': [party, reason, market, time, sealed('holderName'), sealed('reportNumber')],
  'title.transferred': [
    party,
    reason,
    open('holderKind', 'choice', false),
    market,
    time,
    sealed('holderName'),
    sealed('price', 'amount'),
  ],
  'title.replaced': [
    open('number', 'vehicle'),
    reason,
    market,
    time,
    sealed('certificateNumber'),
    sealed('description', 'long'),
  ],
};

export type Values = Readonly<Partial<Record<FieldName, string>>>;
export type Fault =
  | 'missing'
  | 'account'
  | 'past'
  | 'number'
  | 'market'
  | 'amount'
  | 'vehicle'
  | 'text'
  | 'future';
export type Faults = Readonly<Partial<Record<FieldName, Fault>>>;

export type Read =
  | { readonly draft: Draft; readonly faults: null }
  | { readonly draft: null; readonly faults: Faults };

const LABEL = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** The last second of a day where the reader is. */
export function endOfDay(date: string): bigint {
  return BigInt(Math.floor(new Date(`${date}T23:59:59`).getTime() / 1000));
}

/** An instant as entries have it. */
export function instantOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Today where the reader is. */
export function today(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/**
 * What a filled form asks for.
 * @param resolved for a vehicle's new number: its identifier as text and its subject, already proven
 * @param detail what the page itself names: the disputed entry
 */
export function readForm(
  kind: TitleKind,
  values: Values,
  now: number,
  given: { readonly detail?: Hex; readonly resolved?: { identifier: string; subject: Hex } } = {},
): Read {
  const faults: Partial<Record<FieldName, Fault>> = {};
  const data: Record<string, Json> = {};
  const hidden: Record<string, Json> = {};
  let action: Partial<Pick<Draft, 'party' | 'until' | 'detail'>> = {};
  let when = instantOf(now);
  if (given.detail !== undefined) action = { detail: given.detail };
  for (const { name, input, required, sealed: isSealed } of forms[kind]) {
    const value = (values[name] ?? '').trim();
    if (value === '') {
      if (required) faults[name] = 'missing';
      continue;
    }
    const fault = faultOf(input, value);
    if (fault !== null) {
      faults[name] = fault;
      continue;
    }
    switch (name) {
      case 'party':
        action = { ...action, party: value.toLowerCase() as Address };
        break;
      case 'until':
        action = { ...action, until: endOfDay(value) };
        if (endOfDay(value) <= BigInt(Math.floor(now / 1000))) faults.until = 'past';
        break;
      case 'rank':
      case 'lien':
      case 'brand':
        action = { ...action, detail: toHex(word(BigInt(value))) };
        break;
      case 'number':
        if (given.resolved === undefined) faults.number = 'vehicle';
        else {
          action = { ...action, detail: given.resolved.subject };
          data.to = given.resolved.identifier;
        }
        break;
      case 'time':
        if (value > today(now)) faults.time = 'future';
        // What happens today happens now: an entry must not be dated after its block.
        if (value !== today(now)) when = value;
        break;
      case 'price':
        hidden.amount = { amount: normalAmount(value), currency: (values.currency ?? 'EUR').toUpperCase() };
        break;
      default:
        if (isSealed) hidden[name] = value;
        else
          data[name] =
            name === 'market' || name === 'jurisdiction' || name === 'to' ? value.toUpperCase() : value;
    }
  }
  if (Object.keys(faults).length > 0) return { draft: null, faults };
  return { draft: { kind, time: when, data, sealed: hidden, ...action }, faults: null };
}

function normalAmount(value: string): string {
  return value.replace(/[\s ’']/g, '').replace(',', '.');
}

function faultOf(input: FormField['input'], value: string): Fault | null {
  switch (input) {
    case 'account':
      return /^0x[0-9a-fA-F]{40}$/.test(value) ? null : 'account';
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) ? null : 'missing';
    case 'number':
      return /^[1-9]\d{0,2}$/.test(value) && Number(value) <= 255 ? null : 'number';
    case 'market':
      return /^[A-Za-z]{2}(-[A-Za-z0-9]{1,3})?$/.test(value) ? null : 'market';
    case 'amount':
      return /^(0|[1-9]\d{0,14})(\.\d{1,4})?$/.test(normalAmount(value)) ? null : 'amount';
    case 'text':
      return LABEL.test(value) ? null : 'text';
    case 'lien':
    case 'brand':
    case 'choice':
    case 'vehicle':
    case 'long':
      return null;
  }
}

/** The title kinds in the order of their numbers. */
export const kindsInOrder = Object.keys(titleKinds) as readonly TitleKind[];
