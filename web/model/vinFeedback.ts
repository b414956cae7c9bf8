import { isVinculumError } from '../../core/errors.ts';
import {
  formatIdentifier,
  type Identifier,
  identifierTypes,
  parseIdentifier,
} from '../../core/identifiers/identifier.ts';
import { checkDigit, isVin, similarVins, squeeze, type Vin } from '../../core/identifiers/vin.ts';

/** What was done to the characters on the way to the one form of a VIN. */
export type Tidied = 'separators' | 'upperCase' | 'fullWidth';

/** A fault of what was typed; `position` counts from 1. */
export type VinFault =
  | { readonly code: 'vin.notAscii'; readonly character: string }
  | { readonly code: 'vin.character'; readonly characters: readonly string[]; readonly position: number }
  | { readonly code: 'vin.length'; readonly length: number }
  | { readonly code: 'vin.placeholder' }
  | { readonly code: 'vin.checkDigit' }
  | { readonly code: 'identifier.scope' | 'identifier.value' | 'identifier.isVin' };

/** What the page says about the text in the search field, at every keystroke. */
export type VinFeedback =
  | { readonly state: 'empty' }
  | { readonly state: 'typing'; readonly length: number }
  | {
      readonly state: 'ready';
      /** As it will be searched for. */
      readonly identifier: string;
      readonly tidied: readonly Tidied[];
      /** Only of a VIN: whether the ninth character says that it was typed right. */
      readonly checked: boolean;
    }
  | {
      readonly state: 'fault';
      readonly fault: VinFault;
      readonly length: number;
      readonly didYouMean: readonly Vin[];
    }
  | { readonly state: 'address'; readonly offered: readonly string[] };

/** A text that is an address rather than a number: nothing is taken from it without the reader's word. */
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\/|^www\.|[/?#&=%]/i;

/**
 * Judges the text as typed. A partial VIN is not a fault until it holds what no VIN can hold; nothing is corrected
 * that would make it another vehicle.
 */
export function vinFeedback(text: string): VinFeedback {
  const trimmed = text.trim();
  if (trimmed === '') return { state: 'empty' };
  const prefix = /^([a-z]+):(?!\/\/)/i.exec(trimmed)?.[1]?.toLowerCase();
  if (prefix !== undefined && (identifierTypes as readonly string[]).includes(prefix)) {
    return identifierFeedback(`${prefix}${trimmed.slice(prefix.length)}`);
  }
  if (ADDRESS.test(trimmed)) return { state: 'address', offered: vinsIn(trimmed) };
  return vinOnly(trimmed);
}

function identifierFeedback(text: string): VinFeedback {
  if (text.startsWith('vin:')) return vinOnly(text.slice(4));
  try {
    const identifier = formatIdentifier(parseIdentifier(text));
    return { state: 'ready', identifier, tidied: [], checked: false };
  } catch (error) {
    const code = isVinculumError(error) ? error.code : '';
    const known = ['identifier.scope', 'identifier.isVin'] as const;
    const fault = known.find((candidate) => candidate === code) ?? 'identifier.value';
    return { state: 'fault', fault: { code: fault }, length: text.length, didYouMean: [] };
  }
}

function vinOnly(text: string): VinFeedback {
  const squeezed = squeeze(text.slice(0, 1000));
  const { length } = squeezed;
  if (length === 0) return { state: 'empty' };
  const didYouMean = similarVins(squeezed);
  const fault = (found: VinFault): VinFeedback => ({ state: 'fault', fault: found, length, didYouMean });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what ASCII means
  const foreign = /[^\x00-\x7F]/u.exec(squeezed)?.[0];
  if (foreign !== undefined) return fault({ code: 'vin.notAscii', character: foreign });
  const impossible = [...squeezed].filter((character) => !/[0-9A-HJ-NPR-Z]/.test(character));
  if (impossible.length > 0) {
    const position = squeezed.indexOf(impossible[0] ?? '') + 1;
    return fault({ code: 'vin.character', characters: [...new Set(impossible)], position });
  }
  if (length < 17) return { state: 'typing', length };
  if (length > 17) return fault({ code: 'vin.length', length });
  if (/^(0{17}|1{17})$/.test(squeezed)) return fault({ code: 'vin.placeholder' });
  const check = checkDigit(squeezed as Vin);
  if (check === 'invalid') return fault({ code: 'vin.checkDigit' });
  return {
    state: 'ready',
    identifier: `vin:${squeezed}`,
    tidied: tidiedOf(text, squeezed),
    checked: check === 'valid',
  };
}

function tidiedOf(text: string, squeezed: string): Tidied[] {
  const tidied: Tidied[] = [];
  const compatible = text.normalize('NFKC');
  if (compatible !== text.normalize('NFC')) tidied.push('fullWidth');
  if ([...compatible].length !== squeezed.length) tidied.push('separators');
  if (/[a-z]/.test(compatible)) tidied.push('upperCase');
  return tidied;
}

/** VINs that stand in an address, whole between other characters; offered, never taken. */
export function vinsIn(text: string): string[] {
  let decoded = text;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    // A stray percent sign: it is read as it stands.
  }
  const found = decoded.slice(0, 4000).match(/(?<![0-9A-Za-z])[0-9A-Za-z]{17}(?![0-9A-Za-z])/g) ?? [];
  return [...new Set(found.map((vin) => vin.toUpperCase()))].filter(isVin).slice(0, 5);
}

/** What a scanned code or a pasted text may hold: the first VIN in it. */
export function vinOfCode(text: string): string | null {
  // Some makers' bar codes put an I (import) before the VIN.
  const bare = squeeze(text.slice(0, 1000)).replace(/^I(?=[0-9A-HJ-NPR-Z]{17}$)/, '');
  return isVin(bare) ? bare : (vinsIn(text)[0] ?? null);
}

/** An identifier as people write it: a VIN without its type. */
export function shownIdentifier(identifier: string): string {
  return identifier.startsWith('vin:') ? identifier.slice(4) : identifier;
}

/** The identifier that an address names, or null where it is none. */
export function readableIdentifier(text: string): Identifier | null {
  try {
    return parseIdentifier(text, { overrideCheckDigit: true });
  } catch {
    return null;
  }
}
