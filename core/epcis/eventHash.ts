import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalDigitalLink } from './gs1.ts';
import { expandTerm, type NamespaceContext, resolveName, type TermField } from './vocabulary.ts';

/*
 * The event hash of the Core Business Vocabulary 2.0, §8.9: one name for one event, whatever its syntax, order of fields,
 * URN or Digital Link. It leaves fields out (recordTime, eventID, errorDeclaration) and folds numbers, so that it matches
 * events and proves nothing; the digest does.
 *
 * Where the standard's text and the published vectors differ, the vectors count; partners have computed theirs that way:
 * fields that the canonical order does not reach (bizTransactionList, destinationList, ilmd, sourceList and extensions of
 * the event) stand at its end, sorted by their text; `type` stands before the value that it is the type of; and
 * certificationInfo follows the time zone, which later releases of the reference leave out.
 */

export type HashOptions = {
  /** Prefixes of the document's `@context`. */
  readonly namespaces?: NamespaceContext;
  /** Extension fields that the document declares to be none of the event's, by prefixed name. */
  readonly ignored?: readonly string[];
  /** Leaves certificationInfo out, as later releases of the reference do; to match those who compute it so. */
  readonly withoutCertification?: boolean;
};

type Fields = Readonly<Record<string, unknown>>;

/** `ni:///sha-256;…?ver=CBV2.0` of one event, as parsed from JSON. */
export function eventHash(event: Fields, options: HashOptions = {}): string {
  return `ni:///sha-256;${bytesToHex(sha256(utf8ToBytes(preHash(event, options))))}?ver=CBV2.0`;
}

/** The text that is hashed; for those who look for a difference. */
export function preHash(event: Fields, options: HashOptions = {}): string {
  return new PreHash(options).event(event);
}

/** Never part of an event's hash. */
const LEFT_OUT = new Set([
  '@context',
  'type',
  'recordTime',
  'eventID',
  'errorDeclaration',
  'rdfs:comment',
  'comment',
]);

const QUANTITIES = new Set(['quantityList', 'childQuantityList', 'inputQuantityList', 'outputQuantityList']);
const EPCS = new Set(['epcList', 'inputEPCList', 'outputEPCList', 'childEPCs']);
const ORDER = [
  'eventTime',
  'eventTimeZoneOffset',
  'certificationInfo',
  'epcList',
  'parentID',
  'inputEPCList',
  'childEPCs',
  'quantityList',
  'childQuantityList',
  'inputQuantityList',
  'outputEPCList',
  'outputQuantityList',
  'action',
  'transformationID',
  'bizStep',
  'disposition',
  'persistentDisposition',
  'readPoint',
  'bizLocation',
  'sensorElementList',
] as const;

const METADATA = [
  'time',
  'startTime',
  'endTime',
  'deviceID',
  'deviceMetadata',
  'rawData',
  'dataProcessingMethod',
  'bizRules',
] as const;
const REPORT = [
  'type',
  'exception',
  'deviceID',
  'deviceMetadata',
  'rawData',
  'dataProcessingMethod',
  'time',
  'microorganism',
  'chemicalSubstance',
  'value',
  'component',
  'stringValue',
  'booleanValue',
  'hexBinaryValue',
  'uriValue',
  'minValue',
  'maxValue',
  'meanValue',
  'sDev',
  'percRank',
  'percValue',
  'uom',
  'coordinateReferenceSystem',
] as const;

const TIMES: ReadonlySet<string> = new Set(['eventTime', 'time', 'startTime', 'endTime']);

class PreHash {
  readonly #namespaces: NamespaceContext;
  readonly #ignored: ReadonlySet<string>;
  readonly #withoutCertification: boolean;

  constructor({ namespaces = {}, ignored = [], withoutCertification = false }: HashOptions) {
    this.#namespaces = namespaces;
    this.#withoutCertification = withoutCertification;
    this.#ignored = new Set(ignored.map((name) => resolveName(name, namespaces)));
  }

  event(event: Fields): string {
    const ordered = ORDER.map((name) =>
      Object.hasOwn(event, name) ? this.#standard(name, event[name]) : '',
    );
    const rest = Object.entries(event)
      .filter(([name]) => !LEFT_OUT.has(name) && !(ORDER as readonly string[]).includes(name))
      .flatMap(([name, value]) => this.#further(name, value));
    return `eventType=${String(event.type)}${ordered.join('')}${sorted(rest).join('')}`;
  }

  #standard(name: string, value: unknown): string {
    if (EPCS.has(name))
      return named(
        name,
        listOf(value).map((epc) => this.#pair('epc', epc)),
      );
    if (QUANTITIES.has(name)) {
      return named(
        name,
        listOf(value).map((item) => this.#fields('quantityElement', item, ['epcClass', 'quantity', 'uom'])),
      );
    }
    switch (name) {
      case 'bizStep':
        return this.#term(name, value, 'bizStep');
      case 'disposition':
        return this.#term(name, value, 'disposition');
      case 'certificationInfo':
        if (this.#withoutCertification) return '';
        return sorted(listOf(value).map((item) => this.#pair(name, item))).join('');
      case 'persistentDisposition': {
        const { set, unset } = fieldsOf(value);
        const terms = (key: string, items: unknown) =>
          sorted(listOf(items).map((item) => this.#term(key, item, 'disposition'))).join('');
        const text = terms('set', set) + terms('unset', unset);
        return text === '' ? '' : name + text;
      }
      case 'readPoint':
      case 'bizLocation': {
        const { id, ...rest } = typeof value === 'string' ? { id: value } : fieldsOf(value);
        const text = this.#pair('id', id) + this.#extensions(rest);
        return text === '' ? '' : name + text;
      }
      case 'sensorElementList':
        return named(
          name,
          listOf(value).map((element) => this.#sensorElement(fieldsOf(element))),
        );
      default:
        return this.#pair(name, value);
    }
  }

  #sensorElement({ sensorMetadata, sensorReport, ...rest }: Fields): string {
    const metadata = this.#fields('sensorMetadata', sensorMetadata, METADATA);
    const reports = listOf(sensorReport).map((report) => this.#fields('sensorReport', report, REPORT));
    const { type: _, ...extensions } = rest;
    const text = metadata + sorted(reports).join('') + this.#extensions(extensions);
    return text === '' ? '' : `sensorElement${text}`;
  }

  /** An object's fields in their order, then its extensions. */
  #fields(name: string, value: unknown, order: readonly string[]): string {
    const fields = fieldsOf(value);
    const known = order.map((field) => {
      const item = fields[field];
      if (field === 'type') return this.#term(field, item, 'measurement');
      if (field === 'exception') return this.#term(field, item, 'alert');
      if (field === 'component') return this.#term(field, item, 'component');
      return this.#pair(field, item);
    });
    const others = Object.fromEntries(Object.entries(fields).filter(([field]) => !order.includes(field)));
    const text = known.join('') + this.#extensions(others);
    return text === '' ? '' : name + text;
  }

  /** What the canonical order does not reach. */
  #further(name: string, value: unknown): string[] {
    switch (name) {
      case 'bizTransactionList':
        return [
          named(
            name,
            listOf(value).map((item) => this.#typed(item, 'bizTransaction', 'businessTransaction')),
          ),
        ];
      case 'sourceList':
        return [
          named(
            name,
            listOf(value).map((item) => this.#typed(item, 'source', 'sourceOrDestination')),
          ),
        ];
      case 'destinationList':
        return [
          named(
            name,
            listOf(value).map((item) => this.#typed(item, 'destination', 'sourceOrDestination')),
          ),
        ];
      case 'ilmd': {
        const text = this.#extensions(fieldsOf(value));
        return text === '' ? [] : [name + text];
      }
      default:
        return this.#extension(name, value);
    }
  }

  #typed(item: unknown, name: string, terms: TermField): string {
    const { type, [name]: value, ...rest } = fieldsOf(item);
    return this.#term('type', type, terms) + this.#pair(name, value) + this.#extensions(rest);
  }

  #extensions(fields: Fields): string {
    return sorted(Object.entries(fields).flatMap(([name, value]) => this.#extension(name, value))).join('');
  }

  /** An extension, once for each of its values. */
  #extension(name: string, value: unknown): string[] {
    if (LEFT_OUT.has(name) && name !== 'type') return [];
    const full = resolveName(name, this.#namespaces);
    if (this.#ignored.has(full)) return [];
    return flat(value).map((item) => {
      if (item === null || item === undefined) return full;
      if (typeof item !== 'object') {
        const text = this.#value(item);
        return text === '' ? full : `${full}=${text}`;
      }
      const { '#text': text, ...fields } = item as Fields;
      const own = text === undefined ? '' : this.#value(text);
      return `${full}${own === '' ? '' : `=${own}`}${this.#extensions(fields)}`;
    });
  }

  #term(name: string, value: unknown, field: TermField): string {
    if (typeof value !== 'string' || value.trim() === '') return '';
    return `${name}=${this.#value(expandTerm(field, value.trim()))}`;
  }

  #pair(name: string, value: unknown): string {
    if (value === undefined || value === null) return '';
    const text = TIMES.has(name) ? timestamp(String(value).trim()) : this.#value(value);
    return text === '' ? '' : `${name}=${text}`;
  }

  #value(value: unknown): string {
    if (typeof value === 'number') return plainNumber(String(value), true) ?? String(value);
    if (typeof value !== 'string') return typeof value === 'boolean' ? String(value) : '';
    const text = value.trim();
    return plainNumber(text) ?? canonicalDigitalLink(text) ?? expandTerm('any', text);
  }
}

const sorted = (texts: readonly string[]): string[] => [...texts].sort(byCodePoints);

/** By UTF-8, which is by code points; JavaScript’s own order is by UTF-16 and differs beyond U+FFFF. */
function byCodePoints(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const [one, other] = [left.charCodeAt(index), right.charCodeAt(index)];
    if (one === other) continue;
    const surrogates = [one, other].map((unit) => (unit >= 0xd800 && unit <= 0xdfff ? 1 : 0));
    return surrogates[0] === surrogates[1] ? one - other : (surrogates[0] ?? 0) - (surrogates[1] ?? 0);
  }
  return left.length - right.length;
}

/** A list under its name, which stands once; nothing where the list has nothing. */
function named(name: string, items: readonly string[]): string {
  const text = sorted(items).join('');
  return text === '' ? '' : name + text;
}

const listOf = (value: unknown): readonly unknown[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];

/** Lists in lists count as one. */
const flat = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value.flat(32) : [value]);

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/**
 * A number in the one spelling without exponent, sign of plus, or zeros that say nothing; null for other text.
 * @param exponents whether `1e3` is a number: of JSON’s it is, of a text it is as likely hexadecimal
 */
export function plainNumber(text: string, exponents = false): string | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null || (match[4] !== undefined && !exponents)) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return null;
  const shift = Number(exponent);
  const digits = whole + fraction;
  const point = whole.length + shift;
  const padded = point <= 0 ? digits.padStart(digits.length - point + 1, '0') : digits.padEnd(point, '0');
  const at = point <= 0 ? 1 : point;
  const before = padded.slice(0, at).replace(/^0+(?=\d)/, '');
  const after = padded.slice(at).replace(/0+$/, '');
  const number = after === '' ? before : `${before}.${after}`;
  return sign === '-' && number !== '0' ? `-${number}` : number;
}

/** In UTC to the millisecond, halves rounded up; text that is no time is left as it is. */
export function timestamp(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return text;
  const [, seconds = '', fraction = '', zone = ''] = match;
  const base = Date.parse(`${seconds.toUpperCase()}${zone.toUpperCase()}`);
  if (Number.isNaN(base)) return text;
  const milliseconds =
    Number(fraction.slice(0, 3).padEnd(3, '0')) + (Number(fraction.slice(3, 4)) >= 5 ? 1 : 0);
  return new Date(base + milliseconds).toISOString();
}
