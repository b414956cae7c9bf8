import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import {
  formatIdentifier,
  normaliseIdentifier,
  parseIdentifier,
  subjectTypeOf,
} from '../identifiers/identifier.ts';
import type { Generation, IdentityAspect } from './aspects.ts';

/** A line of a bill of materials, or of where something is used, in the form of either generation. */
export type Relation = {
  /** The other twin’s id. */
  readonly id: string;
  readonly partner: string;
  /** A decimal, and a code of UN/CEFACT Recommendation 20. */
  readonly quantity?: { readonly value: string; readonly unit: string };
  /** Whether it is only one of several that may be meant: `hasAlternatives`, `isOnlyPotentialParent`. */
  readonly hasAlternatives: boolean;
  readonly createdOn: string;
  readonly lastModifiedOn?: string;
  /** Where it stands in the file. */
  readonly at: string;
};

export type LocalIdentifier = { readonly key: string; readonly value: string };

/** A thing as its maker’s twin describes it, in one form for both generations. */
export type Twin = {
  readonly id: string;
  readonly aspect: IdentityAspect;
  readonly generation: Generation;
  readonly type: 'vehicle' | 'serial' | 'batch';
  /** The identifier as text, normalised. */
  readonly identifier: string;
  /** `manufacturerId`, as it is written. */
  readonly maker: string;
  /** The serial, batch or sequence number, or the pseudonym of a vehicle. */
  readonly number: string;
  readonly manufacturerPartId?: string;
  readonly nameAtManufacturer?: string;
  readonly customerPartId?: string;
  readonly nameAtCustomer?: string;
  /** A date or an instant in UTC to the second. */
  readonly madeOn: string;
  readonly country?: string;
  readonly sites: readonly { readonly site: string; readonly function: string }[];
  readonly classification: readonly {
    readonly standard: string;
    readonly id: string;
    readonly description?: string;
  }[];
  /** Of a part: the batch that it belongs to, as an identifier’s text. */
  readonly batch?: string;
  /** Its other numbers. */
  readonly others: readonly LocalIdentifier[];
  /** Null where there is no such aspect. */
  readonly children: readonly Relation[] | null;
  readonly usage: { readonly customers: readonly string[]; readonly parents: readonly Relation[] } | null;
  readonly battery: unknown;
  /** Where it stands in the file. */
  readonly at: string;
};

/** The key of an identifier that other keys can’t express: in generation 3 as it is, in 4 within the one custom key. */
export const OWN_KEY = 'vinculum';

/** Escapes what a number of an identifier can’t hold, and what sets its parts apart. */
function escapePart(part: string): string {
  return part.replace(/[^\x21-\x7e]|[%/]/gu, (sign) =>
    Array.from(
      utf8(sign.isWellFormed() ? sign : '\ufffd'),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  );
}

const plainPart = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/**
 * The number of a thing here: a maker numbers within its part number, so that number comes first (`8840838-04/NO-5701`).
 * @param numbers of a just-in-sequence part its sequence number, and the call’s date where it has one
 */
export function composeNumber(partId: string | undefined, ...numbers: readonly string[]): string {
  return [...(partId === undefined ? [] : [partId]), ...numbers].map(escapePart).join('/');
}

/** The parts of such a number, as they were written. */
export function splitNumber(value: string): string[] {
  return value.split('/').map(plainPart);
}

/** @throws `identifier.scope` `identifier.value` */
export function identifierText(type: 'van' | 'serial' | 'batch', maker: string, value: string): string {
  return formatIdentifier(normaliseIdentifier({ type, scope: maker, value }));
}

/** The identifier that a local identifier states as a whole; undefined for any other. */
export function ownIdentifier({ key, value }: LocalIdentifier): string | undefined {
  if (key === `customKey:${OWN_KEY}`) return value;
  return key === 'customKey' && value.startsWith(`${OWN_KEY}:`) ? value.slice(OWN_KEY.length + 1) : undefined;
}

/**
 * What such an identifier names.
 * @throws the `identifier.*` and `vin.*` codes; `catenax.identifier` for one that the aspect can’t be about
 */
export function readOwnIdentifier(
  text: string,
  aspect: IdentityAspect,
): { readonly identifier: string; readonly type: Twin['type'] } {
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const type = subjectTypeOf(identifier);
  const fits = aspect === 'Batch' ? type === 'batch' : type === 'vehicle' || type === 'serial';
  if (!fits || (type !== 'vehicle' && type !== 'serial' && type !== 'batch')) {
    throw new VinculumError('catenax.identifier', `A ${aspect} can’t be of ${text}.`);
  }
  return { identifier: formatIdentifier(identifier), type };
}

/** The id of a thing whose own is not known, always the same: a UUID of version 8 made of its identifier. */
export function derivedId(identifier: string): string {
  const bytes = sha256(utf8(`vinculum/catenax/1:${identifier}`)).slice(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `urn:uuid:${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')}`;
}

/** The scope that a Business Partner Number is here, or anything else that stands for a partner. */
export function samePartner(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
