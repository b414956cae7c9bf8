import { VinculumError } from '../errors.ts';
import {
  formatIdentifier,
  type Identifier,
  normaliseIdentifier,
  parseIdentifier,
  subjectTypeOf,
} from '../identifiers/identifier.ts';
import { isVin } from '../identifiers/vin.ts';
import { checkDigitHolds, formatDigitalLink, type Gs1Key, type Gs1Scheme, parseGs1 } from './gs1.ts';

/*
 * What a URI of an EPCIS event names here.
 *
 *   a batch     LGTIN, and a GTIN or ITIP with a batch number
 *   a part      SGTIN, ITIP, UPUI, GRAI, GIAI, CPI
 *   a vehicle   a GIAI whose last 17 characters are a VIN; whatever an extension `vin` of the event says (mapping.ts)
 *   no subject  classes without a batch number, logistic units, places, parties, relations, documents, coupons
 *
 * A GS1 key becomes an identifier of the scope `id.gs1.org`, the domain of canonical Digital Links, with the link's path,
 * unescaped: `batch:id.gs1.org:01/04012345111118/10/LOT-7`. EPC URI and Digital Link so give one identifier, without
 * knowing whose company prefix it is. Identifiers that are no GS1 key are written `urn:vinculum:` and the identifier.
 */

const SCOPE = 'id.gs1.org';
const URN = 'urn:vinculum:';

const BATCHES: ReadonlySet<Gs1Scheme> = new Set(['lgtin', 'itipLot']);
const SERIALS: ReadonlySet<Gs1Scheme> = new Set(['sgtin', 'itip', 'upui', 'grai', 'giai', 'cpi']);
const NO_SUBJECT: Readonly<Partial<Record<Gs1Scheme, NoSubject>>> = {
  sscc: 'logisticUnit',
  ginc: 'logisticUnit',
  gsin: 'logisticUnit',
  sgln: 'place',
  pgln: 'party',
  gsrn: 'relation',
  gsrnp: 'relation',
  gdti: 'document',
  gdtiClass: 'document',
  sgcn: 'coupon',
  sgcnClass: 'coupon',
};

/** Why something that an event names has no history of its own. */
export type NoSubject =
  | 'classOnly'
  | 'logisticUnit'
  | 'place'
  | 'party'
  | 'relation'
  | 'document'
  | 'coupon'
  | 'unknownScheme'
  | 'checkDigit'
  | 'invalid';

export type EpcSubject = {
  readonly type: 'vehicle' | 'batch' | 'serial';
  readonly identifier: Identifier;
  /** The identifier as text. */
  readonly text: string;
  readonly key: Gs1Key | null;
  /** The batch that a link names beside the serial. */
  readonly batch?: string;
};

/** @returns the subject, or why there is none */
export function subjectOf(uri: string): EpcSubject | NoSubject {
  if (uri.startsWith(URN)) return ownSubject(uri);
  const key = parseGs1(uri);
  if (key === null) return uri.startsWith('urn:epc:') ? 'invalid' : 'unknownScheme';
  if (!checkDigitHolds(key)) return 'checkDigit';
  const vin = vinOf(key);
  if (vin !== null) return subject(vin, key);
  if (BATCHES.has(key.scheme)) return subject(gs1Identifier('batch', key.path), key);
  if (!SERIALS.has(key.scheme)) return NO_SUBJECT[key.scheme] ?? 'classOnly';
  const serial = subject(gs1Identifier('serial', key.path), key);
  const batch = key.lot === undefined ? undefined : batchOf(key, key.lot);
  return batch === undefined ? serial : { ...serial, batch };
}

function subject(identifier: Identifier, key: Gs1Key | null): EpcSubject {
  const type = subjectTypeOf(identifier);
  if (type !== 'vehicle' && type !== 'batch' && type !== 'serial') {
    throw new VinculumError('identifier.type', 'Events are about vehicles, batches and parts.');
  }
  return { type, identifier, text: formatIdentifier(identifier), key };
}

function ownSubject(uri: string): EpcSubject | NoSubject {
  try {
    return subject(parseIdentifier(decodeURIComponent(uri.slice(URN.length))), null);
  } catch {
    return 'invalid';
  }
}

function gs1Identifier(type: 'batch' | 'serial', path: readonly string[]): Identifier {
  return normaliseIdentifier({ type, scope: SCOPE, value: path.join('/') });
}

/** The batch of a GTIN (or ITIP) and a batch number, as an identifier’s text. */
export function batchOf(key: Gs1Key, lot: string): string | undefined {
  const [ai = '', main = ''] = key.path;
  if (ai !== '01' && ai !== '8006') return undefined;
  try {
    return formatIdentifier(gs1Identifier('batch', [ai, main, '10', lot]));
  } catch {
    return undefined;
  }
}

const GIAI_WITH_VIN = /^\d{6,12}.*?([0-9A-HJ-NPR-Z]{17})$/;

/** The vehicle that a GIAI names by its VIN: company prefix first, VIN last. */
function vinOf({ scheme, path }: Gs1Key): Identifier | null {
  const vin = scheme === 'giai' ? GIAI_WITH_VIN.exec(path[1] ?? '')?.[1] : undefined;
  return vin !== undefined && isVin(vin) ? normaliseIdentifier({ type: 'vin', value: vin }) : null;
}

/** The URI of a subject: its GS1 key as a Digital Link where it has one, else `urn:vinculum:…`. */
export function uriOf(identifier: string): string {
  const parsed = parseIdentifier(identifier, { overrideCheckDigit: true });
  const { type, scope, value } = parsed;
  if ((type === 'batch' || type === 'serial') && scope === SCOPE) {
    const path = pathOf(value);
    if (path !== null) return formatDigitalLink({ path });
  }
  return `${URN}${encodeURIComponent(formatIdentifier(parsed)).replaceAll('%3A', ':')}`;
}

/** Values may hold slashes themselves: only the last qualifier’s, or a primary key that is alone. */
function pathOf(value: string): readonly string[] | null {
  const item = /^(01|8006)\/(\d+)\/(10|21|235)\/(.+)$/.exec(value);
  if (item !== null) return item.slice(1);
  const component = /^(8010)\/(.+)\/(8011)\/(\d+)$/.exec(value);
  if (component !== null) return component.slice(1);
  const single = /^(8003|8004)\/(.+)$/.exec(value);
  return single === null ? null : single.slice(1);
}

/** The number of a party or a place, a GLN; undefined for any other URI. */
export function glnOf(uri: string | undefined): string | undefined {
  const key = uri === undefined ? null : parseGs1(uri);
  return key !== null && (key.scheme === 'pgln' || key.scheme === 'sgln') && checkDigitHolds(key)
    ? key.path[1]
    : undefined;
}
