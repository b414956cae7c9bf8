/*
 * GS1 keys in the two forms that EPCIS events carry: EPC URIs (`urn:epc:id:sgtin:4012345.011111.9876`) and GS1 Digital
 * Links (`https://id.gs1.org/01/04012345111118/21/9876`). A Digital Link does not say where the company prefix ends, so
 * that every EPC URI has one Digital Link, and a Digital Link becomes an EPC URI only with the length of that prefix.
 */

/** What a key names: things that have a history here, and things that do not. */
export type Gs1Scheme =
  | 'sgtin'
  | 'lgtin'
  | 'gtin'
  | 'itip'
  | 'itipLot'
  | 'itipClass'
  | 'upui'
  | 'sscc'
  | 'sgln'
  | 'pgln'
  | 'grai'
  | 'graiClass'
  | 'giai'
  | 'gsrn'
  | 'gsrnp'
  | 'gdti'
  | 'gdtiClass'
  | 'cpi'
  | 'cpiClass'
  | 'sgcn'
  | 'sgcnClass'
  | 'ginc'
  | 'gsin';

export type Gs1Key = {
  readonly scheme: Gs1Scheme;
  /** Application identifiers and values in turn, primary key first, values unescaped: `['01', '04012345111118', '21', '9876']`. */
  readonly path: readonly string[];
  /** The batch that a link names beside its serial, which the canonical form leaves out. */
  readonly lot?: string;
};

/** The GS1 check digit of some digits. */
export function checkDigit(digits: string): string {
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    sum += index % 2 === 0 ? digit * 3 : digit;
  }
  return String((10 - (sum % 10)) % 10);
}

const complete = (digits: string): string => digits + checkDigit(digits);

/** What the canonical form must escape; beyond the standard’s list everything that a URI can’t hold, so that there is one form. */
const PLAIN = /[^A-Za-z0-9'\-.;=_~]/g;
function escaped(text: string): string {
  return text.replace(PLAIN, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** Undoes percent-escapes of ASCII; null where one is broken or stands for anything that GS1 keys don't have. */
function unescaped(text: string): string | null {
  if (!text.includes('%')) return KEY_TEXT.test(text) ? text : null;
  let broken = false;
  const plain = text.replace(/%(..?)?/g, (_, hex: string | undefined) => {
    if (hex === undefined || !/^[0-9A-Fa-f]{2}$/.test(hex)) broken = true;
    return broken ? '' : String.fromCharCode(Number.parseInt(hex ?? '0', 16));
  });
  return broken || !KEY_TEXT.test(plain) ? null : plain;
}

/** GS1 AI encodable character sets 82 and 39. */
const KEY_TEXT = /^[!"#%&'()*+,\-./0-9:;<=>?A-Z_a-z]+$/;

type Parts = { readonly prefix: string; readonly rest: readonly string[] };

/** Company prefix, reference and further components of an EPC URI; null where the prefix is none. */
function partsOf(body: string, components: number): Parts | null {
  const dots: string[] = [];
  let rest = body;
  for (let left = components; left > 1; left--) {
    const dot = rest.indexOf('.');
    if (dot < 0) return null;
    dots.push(rest.slice(0, dot));
    rest = rest.slice(dot + 1);
  }
  const [prefix = '', ...others] = [...dots, rest];
  return /^\d{6,12}$/.test(prefix) ? { prefix, rest: others } : null;
}

/** Prefix and reference, which together have so many digits. */
function digitsOf({ prefix }: Parts, reference: string | undefined, length: number): string | null {
  if (reference === undefined || !/^\d*$/.test(reference) || prefix.length + reference.length !== length)
    return null;
  return prefix + reference;
}

/** A reference whose first digit stands before the company prefix in the key. */
function ledBy(parts: Parts, reference: string | undefined, length: number): string | null {
  if (reference === undefined || digitsOf(parts, reference, length) === null) return null;
  return reference.slice(0, 1) + parts.prefix + reference.slice(1);
}

const value = (text: string | undefined, longest: number): string | null => {
  const plain = text === undefined ? null : unescaped(text);
  return plain === null || plain.length > longest ? null : plain;
};

type Read = (body: string) => Gs1Key | null;
const key = (scheme: Gs1Scheme, ...path: readonly (string | null)[]): Gs1Key | null =>
  path.every((step) => step !== null) ? { scheme, path } : null;

/** A GTIN and one more component. */
const withGtin =
  (scheme: Gs1Scheme, qualifier: string, longest: number): Read =>
  (body) => {
    const parts = partsOf(body, 3);
    if (parts === null) return null;
    const digits = ledBy(parts, parts.rest[0], 13);
    return digits === null
      ? null
      : key(scheme, '01', complete(digits), qualifier, value(parts.rest[1], longest));
  };

/** A GLN, with an extension or without. */
const location: Read = (body) => {
  const parts = partsOf(body, 3);
  const digits = parts === null ? null : digitsOf(parts, parts.rest[0], 12);
  const extension = value(parts?.rest[1], 20);
  if (digits === null || extension === null) return null;
  return extension === '0'
    ? key('sgln', '414', complete(digits))
    : key('sgln', '414', complete(digits), '254', extension);
};

/** A key of 13 digits followed by a serial number in one value. */
const joined =
  (scheme: Gs1Scheme, ai: string, longest: number, lead = '', serial = /./): Read =>
  (body) => {
    const parts = partsOf(body, 3);
    const digits = parts === null ? null : digitsOf(parts, parts.rest[0], 12);
    const text = value(parts?.rest[1], longest);
    return digits === null || text === null || !serial.test(text)
      ? null
      : key(scheme, ai, lead + complete(digits) + text);
  };

/** A company prefix followed by what the company likes. */
const free =
  (scheme: Gs1Scheme, ai: string): Read =>
  (body) => {
    const parts = partsOf(body, 2);
    const reference = value(parts?.rest[0], 24);
    if (parts === null || reference === null || parts.prefix.length + reference.length > 30) return null;
    return key(scheme, ai, parts.prefix + reference);
  };

/** Only digits, completed by a check digit. */
const numeric =
  (scheme: Gs1Scheme, ai: string, length: number, led = false): Read =>
  (body) => {
    const parts = partsOf(body, 2);
    if (parts === null) return null;
    const digits = led ? ledBy(parts, parts.rest[0], length) : digitsOf(parts, parts.rest[0], length);
    return digits === null ? null : key(scheme, ai, complete(digits));
  };

const tradeItemPiece =
  (scheme: Gs1Scheme, patterned: boolean): Read =>
  (body) => {
    const parts = partsOf(body, 5);
    const [item, piece = '', total = '', serial] = parts?.rest ?? [];
    const digits = parts === null ? null : ledBy(parts, item, 13);
    if (digits === null || !/^\d\d$/.test(piece) || !/^\d\d$/.test(total)) return null;
    const primary = complete(digits) + piece + total;
    if (patterned) return serial === '*' ? key(scheme, '8006', primary) : null;
    return key(scheme, '8006', primary, '21', value(serial, 20));
  };

const component = (body: string, scheme: 'cpi' | 'cpiClass'): Gs1Key | null => {
  // The reference may itself hold a dot only as an escape, so that the last one ends it.
  const parts = partsOf(body, 3);
  const reference = value(parts?.rest[0], 24);
  const serial = parts?.rest[1];
  if (parts === null || reference === null || !/^[#\-/0-9A-Z]+$/.test(reference)) return null;
  if (parts.prefix.length + reference.length > 30) return null;
  if (scheme === 'cpiClass') return serial === '*' ? key(scheme, '8010', parts.prefix + reference) : null;
  return /^\d{1,12}$/.test(serial ?? '')
    ? key(scheme, '8010', parts.prefix + reference, '8011', serial ?? null)
    : null;
};

/** The pattern of a class: as its instances, with `*` for the serial number. */
const pattern =
  (scheme: Gs1Scheme, read: (body: string) => string | null, ai: string): Read =>
  (body) => {
    const end = body.lastIndexOf('.*');
    return end < 0 || end !== body.length - 2 ? null : key(scheme, ai, read(body.slice(0, end)));
  };

const gtinOf = (body: string): string | null => {
  const parts = partsOf(body, 2);
  const digits = parts === null ? null : ledBy(parts, parts.rest[0], 13);
  return digits === null ? null : complete(digits);
};
const thirteen =
  (lead: string) =>
  (body: string): string | null => {
    const parts = partsOf(body, 2);
    const digits = parts === null ? null : digitsOf(parts, parts.rest[0], 12);
    return digits === null ? null : lead + complete(digits);
  };

const EPC: Readonly<Record<string, Read>> = {
  'id:sgtin': withGtin('sgtin', '21', 20),
  'id:sscc': numeric('sscc', '00', 17, true),
  'id:sgln': location,
  'id:pgln': numeric('pgln', '417', 12),
  'id:grai': joined('grai', '8003', 16, '0'),
  'id:giai': free('giai', '8004'),
  'id:gsrn': numeric('gsrn', '8018', 17),
  'id:gsrnp': numeric('gsrnp', '8017', 17),
  'id:gdti': joined('gdti', '253', 17),
  'id:cpi': (body) => component(body, 'cpi'),
  'id:sgcn': joined('sgcn', '255', 12, '', /^\d+$/),
  'id:ginc': free('ginc', '401'),
  'id:gsin': numeric('gsin', '402', 16),
  'id:itip': tradeItemPiece('itip', false),
  'id:upui': withGtin('upui', '235', 28),
  'class:lgtin': withGtin('lgtin', '10', 20),
  'idpat:sgtin': pattern('gtin', gtinOf, '01'),
  'idpat:upui': pattern('gtin', gtinOf, '01'),
  'idpat:grai': pattern('graiClass', thirteen('0'), '8003'),
  'idpat:gdti': pattern('gdtiClass', thirteen(''), '253'),
  'idpat:sgcn': pattern('sgcnClass', thirteen(''), '255'),
  'idpat:cpi': (body) => component(body, 'cpiClass'),
  'idpat:itip': tradeItemPiece('itipClass', true),
};

/** The key of an EPC URI, an EPC class URI or an EPC pattern; null for anything else. */
export function parseEpcUri(text: string): Gs1Key | null {
  const match = /^urn:epc:(id|class|idpat):([a-z]+):(.+)$/.exec(text);
  const [, form = '', scheme = '', body = ''] = match ?? [];
  return EPC[`${form}:${scheme}`]?.(body) ?? null;
}

/** Names that Digital Links of older releases have for application identifiers. */
const NAMES: Readonly<Record<string, string>> = {
  gtin: '01',
  itip: '8006',
  cpid: '8010',
  gln: '414',
  party: '417',
  gsrnp: '8017',
  gsrn: '8018',
  gcn: '255',
  sscc: '00',
  gdti: '253',
  ginc: '401',
  gsin: '402',
  grai: '8003',
  giai: '8004',
  cpv: '22',
  lot: '10',
  ser: '21',
  glnx: '254',
  cpsn: '8011',
};

const text = (longest: number) => new RegExp(`^.{1,${longest}}$`);
/** Primary keys of Digital Links: form of the value, and the qualifiers that may follow. */
const PRIMARY: Readonly<Record<string, { readonly form: RegExp; readonly qualifiers: readonly string[] }>> = {
  '00': { form: /^\d{18}$/, qualifiers: [] },
  '01': { form: /^(?:\d{8}|\d{12,14})$/, qualifiers: ['22', '10', '21', '235'] },
  '253': { form: /^\d{13}.{0,17}$/, qualifiers: [] },
  '255': { form: /^\d{13}\d{0,12}$/, qualifiers: [] },
  '401': { form: text(30), qualifiers: [] },
  '402': { form: /^\d{17}$/, qualifiers: [] },
  '414': { form: /^\d{13}$/, qualifiers: ['254', '7040'] },
  '417': { form: /^\d{13}$/, qualifiers: ['7040'] },
  '8003': { form: /^\d{14}.{0,16}$/, qualifiers: [] },
  '8004': { form: text(30), qualifiers: ['7040'] },
  '8006': { form: /^\d{18}$/, qualifiers: ['22', '10', '21'] },
  '8010': { form: /^[#\-/0-9A-Z]{1,30}$/, qualifiers: ['8011'] },
  '8017': { form: /^\d{18}$/, qualifiers: ['8019'] },
  '8018': { form: /^\d{18}$/, qualifiers: ['8019'] },
};
const QUALIFIER: Readonly<Record<string, RegExp>> = {
  '10': text(20),
  '21': text(20),
  '22': text(20),
  '235': text(28),
  '254': text(20),
  '7040': text(4),
  '8011': /^\d{1,12}$/,
  '8019': /^\d{1,10}$/,
};

/** The key of a GS1 Digital Link of any domain; null for any other address. Its most specific level counts. */
export function parseDigitalLink(link: string): Gs1Key | null {
  const match = /^https?:\/\/[^/?#]+([^?#]*)/.exec(link);
  const steps = match?.[1]?.split('/').slice(1);
  if (steps === undefined) return null;
  if (steps.at(-1) === '') steps.pop();
  for (let start = 0; start + 1 < steps.length; start++) {
    const found = readPath(steps.slice(start));
    if (found !== null) return found;
  }
  return null;
}

function readPath(steps: readonly string[]): Gs1Key | null {
  if (steps.length % 2 !== 0) return null;
  const [first = ''] = steps;
  const primary = NAMES[first] ?? first;
  const rule = Object.hasOwn(PRIMARY, primary) ? PRIMARY[primary] : undefined;
  const main = unescaped(steps[1] ?? '');
  if (rule === undefined || main === null || !rule.form.test(main)) return null;
  const qualifiers = new Map<string, string>();
  for (let index = 2; index < steps.length; index += 2) {
    const name = steps[index] ?? '';
    const ai = NAMES[name] ?? name;
    const plain = unescaped(steps[index + 1] ?? '');
    if (plain === null || !rule.qualifiers.includes(ai) || QUALIFIER[ai]?.test(plain) !== true) return null;
    if (qualifiers.has(ai)) return null;
    qualifiers.set(ai, plain);
  }
  return keyOf(primary, main, qualifiers);
}

function keyOf(primary: string, main: string, qualifiers: ReadonlyMap<string, string>): Gs1Key {
  const [serial, lot] = [qualifiers.get('21'), qualifiers.get('10')];
  const beside = lot === undefined ? {} : { lot };
  const plain = (scheme: Gs1Scheme, ...path: readonly string[]): Gs1Key => ({ scheme, path });
  switch (primary) {
    case '01': {
      const gtin = main.padStart(14, '0');
      const item = qualifiers.get('235');
      if (item !== undefined) return { ...plain('upui', '01', gtin, '235', item), ...beside };
      if (serial !== undefined) return { ...plain('sgtin', '01', gtin, '21', serial), ...beside };
      return lot === undefined ? plain('gtin', '01', gtin) : plain('lgtin', '01', gtin, '10', lot);
    }
    case '8006':
      if (serial !== undefined) return { ...plain('itip', '8006', main, '21', serial), ...beside };
      return lot === undefined ? plain('itipClass', '8006', main) : plain('itipLot', '8006', main, '10', lot);
    case '8010': {
      const number = qualifiers.get('8011');
      return number === undefined
        ? plain('cpiClass', '8010', main)
        : plain('cpi', '8010', main, '8011', number);
    }
    case '414': {
      const extension = qualifiers.get('254');
      return extension === undefined
        ? plain('sgln', '414', main)
        : plain('sgln', '414', main, '254', extension);
    }
    case '8003':
      return plain(main.length === 14 ? 'graiClass' : 'grai', primary, main);
    case '253':
      return plain(main.length === 13 ? 'gdtiClass' : 'gdti', primary, main);
    case '255':
      return plain(main.length === 13 ? 'sgcnClass' : 'sgcn', primary, main);
    default:
      return plain(SIMPLE[primary] ?? 'giai', primary, main);
  }
}

const SIMPLE: Readonly<Record<string, Gs1Scheme>> = {
  '00': 'sscc',
  '401': 'ginc',
  '402': 'gsin',
  '417': 'pgln',
  '8004': 'giai',
  '8017': 'gsrnp',
  '8018': 'gsrn',
};

/** The key that a URI names, in either form. */
export function parseGs1(uri: string): Gs1Key | null {
  if (uri.startsWith('urn:epc:')) return parseEpcUri(uri);
  return uri.startsWith('http') ? parseDigitalLink(uri) : null;
}

/** The one Digital Link of a key: canonical domain, no query, the most specific level only. */
export function formatDigitalLink({ path }: Pick<Gs1Key, 'path'>): string {
  return `https://id.gs1.org/${path.map(escaped).join('/')}`;
}

/** EPC URI → Digital Link, any Digital Link → the canonical one; null for a URI without a GS1 key. */
export function canonicalDigitalLink(uri: string): string | null {
  const found = parseGs1(uri);
  return found === null ? null : formatDigitalLink(found);
}

/** What an EPC URI must escape. */
function escapeUrn(plain: string): string {
  return plain.replace(/["%&/<>?#]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The EPC URI of a key whose company prefix has so many digits (6–12); null where the key has none in that form.
 */
export function formatEpcUri(
  { scheme, path }: Pick<Gs1Key, 'scheme' | 'path'>,
  prefixLength: number,
): string | null {
  if (!Number.isInteger(prefixLength) || prefixLength < 6 || prefixLength > 12) return null;
  const [, main = '', , qualifier = ''] = path;
  const cut = (digits: string): string => `${digits.slice(0, prefixLength)}.${digits.slice(prefixLength)}`;
  /** Digits whose first one leads the reference, without the check digit. */
  const led = (digits: string): string => {
    const prefix = digits.slice(1, 1 + prefixLength);
    return `${prefix}.${digits.slice(0, 1)}${digits.slice(1 + prefixLength, -1)}`;
  };
  const isPrefixed = /^\d*$/.test(main.slice(0, prefixLength)) && main.length >= prefixLength;
  switch (scheme) {
    case 'sgtin':
      return `urn:epc:id:sgtin:${led(main)}.${escapeUrn(qualifier)}`;
    case 'upui':
      return `urn:epc:id:upui:${led(main)}.${escapeUrn(qualifier)}`;
    case 'lgtin':
      return `urn:epc:class:lgtin:${led(main)}.${escapeUrn(qualifier)}`;
    case 'gtin':
      return `urn:epc:idpat:sgtin:${led(main)}.*`;
    case 'itip':
      return `urn:epc:id:itip:${led(main.slice(0, 14))}.${main.slice(14, 16)}.${main.slice(16)}.${escapeUrn(qualifier)}`;
    case 'itipClass':
      return `urn:epc:idpat:itip:${led(main.slice(0, 14))}.${main.slice(14, 16)}.${main.slice(16)}.*`;
    case 'sscc':
      return `urn:epc:id:sscc:${led(main)}`;
    case 'sgln':
      return `urn:epc:id:sgln:${cut(main.slice(0, 12))}.${qualifier === '' ? '0' : escapeUrn(qualifier)}`;
    case 'pgln':
      return `urn:epc:id:pgln:${cut(main.slice(0, 12))}`;
    case 'gsrn':
    case 'gsrnp':
      return `urn:epc:id:${scheme}:${cut(main.slice(0, 17))}`;
    case 'gsin':
      return `urn:epc:id:gsin:${cut(main.slice(0, 16))}`;
    case 'grai':
      return `urn:epc:id:grai:${cut(main.slice(1, 13))}.${escapeUrn(main.slice(14))}`;
    case 'gdti':
    case 'sgcn':
      return `urn:epc:id:${scheme}:${cut(main.slice(0, 12))}.${escapeUrn(main.slice(13))}`;
    case 'graiClass':
      return `urn:epc:idpat:grai:${cut(main.slice(1, 13))}.*`;
    case 'gdtiClass':
      return `urn:epc:idpat:gdti:${cut(main.slice(0, 12))}.*`;
    case 'sgcnClass':
      return `urn:epc:idpat:sgcn:${cut(main.slice(0, 12))}.*`;
    case 'giai':
    case 'ginc':
      return isPrefixed
        ? `urn:epc:id:${scheme}:${main.slice(0, prefixLength)}.${escapeUrn(main.slice(prefixLength))}`
        : null;
    case 'cpi':
      return isPrefixed
        ? `urn:epc:id:cpi:${main.slice(0, prefixLength)}.${escapeUrn(main.slice(prefixLength))}.${qualifier}`
        : null;
    case 'cpiClass':
      return isPrefixed
        ? `urn:epc:idpat:cpi:${main.slice(0, prefixLength)}.${escapeUrn(main.slice(prefixLength))}.*`
        : null;
    case 'itipLot':
      return null;
  }
}

/** How many digits a key’s number has up to and with its check digit, and after how many it begins. */
const CHECKED: Readonly<Partial<Record<string, readonly [number, number]>>> = {
  '00': [0, 18],
  '01': [0, 14],
  '253': [0, 13],
  '255': [0, 13],
  '402': [0, 17],
  '414': [0, 13],
  '417': [0, 13],
  '8003': [1, 14],
  '8006': [0, 14],
  '8017': [0, 18],
  '8018': [0, 18],
};

/** Whether the check digit of a key holds; true for those that have none. */
export function checkDigitHolds({ path: [ai = '', main = ''] }: Pick<Gs1Key, 'path'>): boolean {
  const range = CHECKED[ai];
  if (range === undefined) return true;
  const digits = main.slice(...range);
  return checkDigit(digits.slice(0, -1)) === digits.slice(-1);
}
