import { VinculumError } from '../errors.ts';

/** A normalised vehicle identification number: 17 characters, upper case (ISO 3779). */
export type Vin = string & { readonly __brand: 'Vin' };

/**
 * What the ninth character says: it holds, it does not where it must, or it does not where no rule demands it
 * (49 CFR 565 demands it for first characters 1–5, GB 16735 for L; elsewhere a match is a coincidence or a habit).
 */
export type CheckDigit = 'valid' | 'invalid' | 'not-applicable';

/** Everything that people and word processors put between characters: white space and dashes of any script. */
const SEPARATORS = /[\p{White_Space}\p{Dash}\u200B-\u200D\u2060\uFEFF]/gu;

const VALUES: Readonly<Record<string, number>> = Object.fromEntries([
  ...Array.from('0123456789', (character, value) => [character, value] as const),
  ...Array.from('ABCDEFGH', (character, index) => [character, index + 1] as const),
  ...Array.from('JKLMN', (character, index) => [character, index + 1] as const),
  ['P', 7],
  ['R', 9],
  ...Array.from('STUVWXYZ', (character, index) => [character, index + 2] as const),
]);
const WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/** NFKC, without separators, upper case: what is done to an identifier before any rule looks at it. */
export function squeeze(text: string): string {
  return text.normalize('NFKC').replace(SEPARATORS, '').toUpperCase();
}

/** The verdict on a VIN's ninth character. */
export function checkDigit(vin: Vin): CheckDigit {
  let sum = 0;
  for (let index = 0; index < 17; index++) sum += (VALUES[vin.charAt(index)] ?? 0) * (WEIGHTS[index] ?? 0);
  const expected = sum % 11 === 10 ? 'X' : String(sum % 11);
  if (vin.charAt(8) === expected) return 'valid';
  return /^[1-5L]/.test(vin) ? 'invalid' : 'not-applicable';
}

/**
 * The one form of a VIN. Letters are never exchanged (O for 0): a near match is another vehicle.
 * @param options.overrideCheckDigit accept a required check digit that does not hold (an authorised registrar's decision)
 * @throws `vin.empty` `vin.notAscii` `vin.length` `vin.character` `vin.placeholder` `vin.checkDigit`
 */
export function normaliseVin(text: string, options: { overrideCheckDigit?: boolean } = {}): Vin {
  if (text.length > 1000) throw new VinculumError('vin.length', 'A VIN has 17 characters.');
  const squeezed = squeeze(text);
  if (squeezed === '') throw new VinculumError('vin.empty', 'No VIN was given.');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what ASCII means
  const foreign = /[^\x00-\x7F]/u.exec(squeezed)?.[0];
  if (foreign !== undefined) {
    throw new VinculumError('vin.notAscii', `A VIN has Latin letters and digits only; found "${foreign}".`);
  }
  if (squeezed.length !== 17) {
    throw new VinculumError('vin.length', `A VIN has 17 characters; this has ${squeezed.length}.`, {
      details: { length: squeezed.length },
    });
  }
  const wrong = /[^0-9A-HJ-NPR-Z]/.exec(squeezed);
  if (wrong !== null) {
    throw new VinculumError(
      'vin.character',
      `A VIN has no "${wrong[0]}" (character ${wrong.index + 1}): I, O and Q and signs are never used.`,
      { details: { position: wrong.index + 1, character: wrong[0] } },
    );
  }
  if (/^(0{17}|1{17})$/.test(squeezed)) {
    throw new VinculumError('vin.placeholder', 'All zeros or all ones is a placeholder, never a vehicle.');
  }
  const vin = squeezed as Vin;
  if (checkDigit(vin) === 'invalid' && options.overrideCheckDigit !== true) {
    throw new VinculumError(
      'vin.checkDigit',
      'The check digit (9th character) does not hold: look for a typing error.',
    );
  }
  return vin;
}

/** Whether `text` is a VIN in any spelling that {@link normaliseVin} accepts. */
export function isVin(text: string): boolean {
  try {
    normaliseVin(text);
    return true;
  } catch {
    return false;
  }
}

const CONFUSED: Readonly<Record<string, string>> = {
  O: '0',
  Q: '0',
  D: '0',
  '0': 'D',
  I: '1',
  L: '1',
  '1': 'L',
  S: '5',
  '5': 'S',
  B: '8',
  '8': 'B',
  Z: '2',
  '2': 'Z',
  G: '6',
  '6': 'G',
  U: 'V',
  V: 'U',
};

/**
 * Valid VINs one confusion of look-alikes away (O/0, I/1, S/5, B/8 …), or with every impossible letter read as its
 * digit; offered as "did you mean", never applied.
 */
export function similarVins(text: string): Vin[] {
  const squeezed = squeeze(text);
  if (squeezed.length !== 17) return [];
  const possible = squeezed.replace(/[OQ]/g, '0').replace(/I/g, '1');
  const candidates = [possible];
  for (let index = 0; index < 17; index++) {
    const other = CONFUSED[possible.charAt(index)];
    if (other !== undefined) candidates.push(possible.slice(0, index) + other + possible.slice(index + 1));
  }
  const found = new Set<Vin>();
  for (const candidate of candidates) {
    // Without a required check digit every look-alike would be offered: only matches of the digit are worth showing.
    if (candidate !== squeezed && isVin(candidate) && checkDigit(candidate as Vin) === 'valid')
      found.add(candidate as Vin);
  }
  if (possible !== squeezed && isVin(possible)) found.add(possible as Vin);
  return [...found];
}
