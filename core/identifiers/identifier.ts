import { VinculumError } from '../errors.ts';
import { isVin, normaliseVin, squeeze } from './vin.ts';

export const identifierTypes = [
  'vin',
  'registration',
  'chassis',
  'van',
  'batch',
  'serial',
  'software',
] as const;
export type IdentifierType = (typeof identifierTypes)[number];

/** What an identifier names: which kinds of entries it can have. */
export type SubjectType = 'vehicle' | 'batch' | 'serial' | 'software' | 'own';

/** A normalised identifier; only {@link normaliseIdentifier} and {@link parseIdentifier} make one. */
export type Identifier = {
  readonly type: IdentifierType;
  /** The market, maker or publisher that gives the number; empty for a VIN. */
  readonly scope: string;
  readonly value: string;
} & { readonly __brand: 'Identifier' };

/** Version of the normalisation rules; part of what a pseudonym is taken of. */
export const NORMALISATION_VERSION = '1';

const VEHICLE_SCOPE = { registration: /^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, chassis: /^[A-Z0-9-]{1,32}$/ } as const;
const MAKER_SCOPE = /^[a-z0-9.-]{1,64}$/;

function identifierOf(type: IdentifierType, scope: string, value: string): Identifier {
  return { type, scope, value } as Identifier;
}

function vehicleNumber(type: 'registration' | 'chassis', scope: string, value: string): [string, string] {
  const upperScope = scope.normalize('NFKC').trim().toUpperCase();
  if (!VEHICLE_SCOPE[type].test(upperScope)) {
    const wanted =
      type === 'registration' ? 'an ISO 3166 code such as FR or US-CA' : 'letters, digits and dashes';
    throw new VinculumError('identifier.scope', `The scope of a ${type} number is ${wanted}.`);
  }
  const squeezed = squeeze(value.slice(0, 200));
  if (!/^[0-9A-Z]{1,32}$/.test(squeezed)) {
    throw new VinculumError('identifier.value', `A ${type} number has 1 to 32 Latin letters and digits.`);
  }
  if (isVin(squeezed)) {
    throw new VinculumError(
      'identifier.isVin',
      'This is a VIN: give it as one, or one car becomes two subjects.',
    );
  }
  return [upperScope, squeezed];
}

function makerNumber(type: string, scope: string, value: string): [string, string] {
  const lowerScope = scope.normalize('NFKC').trim().toLowerCase();
  if (!MAKER_SCOPE.test(lowerScope)) {
    throw new VinculumError(
      'identifier.scope',
      `The scope of a ${type} is its maker: a GLN, DUNS, BPNL or domain.`,
    );
  }
  const trimmed = value.slice(0, 200).normalize('NFKC').trim();
  if (!/^[\x21-\x7e]{1,64}$/.test(trimmed)) {
    throw new VinculumError(
      'identifier.value',
      `A ${type} number has 1 to 64 printable ASCII characters, no spaces.`,
    );
  }
  return [lowerScope, trimmed];
}

/**
 * The one form of an identifier (docs/protocol.md §1).
 * @throws `identifier.scope` `identifier.value` `identifier.isVin` `identifier.type` and the `vin.*` codes
 */
export function normaliseIdentifier(
  given: { type: string; scope?: string; value: string },
  options: { overrideCheckDigit?: boolean } = {},
): Identifier {
  const scope = given.scope ?? '';
  switch (given.type) {
    case 'vin':
      if (scope !== '') throw new VinculumError('identifier.scope', 'A VIN has no scope.');
      return identifierOf('vin', '', normaliseVin(given.value, options));
    case 'registration':
    case 'chassis': {
      const [market, value] = vehicleNumber(given.type, scope, given.value);
      return identifierOf(given.type, market, value);
    }
    case 'van':
    case 'batch':
    case 'serial':
    case 'software': {
      const [maker, value] = makerNumber(given.type, scope, given.value);
      return identifierOf(given.type, maker, value);
    }
    default:
      throw new VinculumError('identifier.type', `Identifiers are of type ${identifierTypes.join(', ')}.`);
  }
}

/**
 * An identifier from its text, `vin:…` or `type:scope:value`; text without a colon is taken for a VIN.
 * @throws as {@link normaliseIdentifier}
 */
export function parseIdentifier(text: string, options: { overrideCheckDigit?: boolean } = {}): Identifier {
  const first = text.indexOf(':');
  if (first < 0) return normaliseIdentifier({ type: 'vin', value: text }, options);
  const type = text.slice(0, first);
  const rest = text.slice(first + 1);
  if (type === 'vin') return normaliseIdentifier({ type, value: rest }, options);
  const second = rest.indexOf(':');
  if (second < 0) {
    if ((identifierTypes as readonly string[]).includes(type)) {
      throw new VinculumError('identifier.scope', `Write it as ${type}:scope:number.`);
    }
    throw new VinculumError('identifier.type', `Identifiers are of type ${identifierTypes.join(', ')}.`);
  }
  return normaliseIdentifier({ type, scope: rest.slice(0, second), value: rest.slice(second + 1) }, options);
}

/** The text of an identifier, as envelopes carry it. */
export function formatIdentifier(identifier: Identifier): string {
  const { type, scope, value } = identifier;
  return scope === '' ? `${type}:${value}` : `${type}:${scope}:${value}`;
}

export function subjectTypeOf(identifier: Identifier): SubjectType {
  switch (identifier.type) {
    case 'vin':
    case 'registration':
    case 'chassis':
    case 'van':
      return 'vehicle';
    default:
      return identifier.type;
  }
}
