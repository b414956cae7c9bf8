import { secondsOf } from '../envelope/time.ts';
import { VinculumError } from '../errors.ts';
import {
  formatIdentifier,
  type Identifier,
  normaliseIdentifier,
  parseIdentifier,
  subjectTypeOf,
} from '../identifiers/identifier.ts';

/* What single cells say. Nothing is guessed: what can be read in two ways is refused. */

export type Quantity = { readonly value: string; readonly unit: string };

export const PIECES: ReadonlySet<string> = new Set(['C62', 'H87', 'EA']);

const UNITS = new Set([...PIECES, 'KGM', 'GRM', 'TNE', 'LTR', 'MLT', 'MTR', 'MTK', 'MTQ', 'KWH', 'AMH']);

/**
 * A quantity, not negative; pieces (C62, H87, EA) are whole.
 * @param unit UN/CEFACT Recommendation 20; pieces where none is given
 * @throws `quantity.invalid`
 */
export function quantityOf(text: string, unit = 'C62'): Quantity {
  const code = unit.toUpperCase();
  if (!UNITS.has(code)) throw invalidQuantity(`The unit is one of ${[...UNITS].join(', ')}.`);
  if (/^-/.test(text)) throw invalidQuantity('A quantity is not negative.');
  const match = /^([0-9]{1,15})(?:\.([0-9]{1,9}))?$/.exec(text);
  if (match === null) throw invalidQuantity('A quantity is written 1200 or 12.5, without signs between.');
  const [, whole = '0', fraction = ''] = match;
  const decimals = fraction.replace(/0+$/, '');
  if (decimals !== '' && PIECES.has(code)) throw invalidQuantity('Pieces are whole.');
  const number = whole.replace(/^0+(?=\d)/, '');
  return { value: decimals === '' ? number : `${number}.${decimals}`, unit: code };
}

function invalidQuantity(message: string): VinculumError {
  return new VinculumError('quantity.invalid', message);
}

/** A day, `2024-03-12`. @throws `csv.time` */
export function dayOf(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?)?$/.exec(text);
  if (match?.[1] === undefined) throw invalidTime('A day is written 2024-03-12.');
  return checked(match[1]);
}

/** A day, or an instant with its offset from UTC; an instant in UTC, to the second. @throws `csv.time` */
export function timeOf(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return checked(text);
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/.exec(text);
  if (match === null) {
    throw invalidTime('A time is written 2024-03-12, 2024-03-12T10:00:00Z or 2024-03-12T10:00:00+08:00.');
  }
  const [, day = '', minutes = '', seconds = ':00', zone = 'Z'] = match;
  checked(day);
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const milliseconds = Date.parse(`${day}T${minutes}${seconds}${offset}`);
  if (Number.isNaN(milliseconds)) throw invalidTime('This time does not exist.');
  return checked(`${new Date(milliseconds).toISOString().slice(0, 19)}Z`);
}

function checked(time: string): string {
  try {
    secondsOf(time);
    return time;
  } catch (cause) {
    throw new VinculumError('csv.time', 'This day does not exist.', { cause });
  }
}

function invalidTime(message: string): VinculumError {
  return new VinculumError('csv.time', message);
}

/** Yes or no. @throws `csv.value` */
export function truthOf(text: string): boolean {
  const word = text.toLowerCase();
  if (['yes', 'true', '1', 'y', '是'].includes(word)) return true;
  if (['no', 'false', '0', 'n', '否'].includes(word)) return false;
  throw new VinculumError('csv.value', 'Write yes or no.');
}

/** A batch: its identifier as text, or its number at a maker. @throws `identifier.*` `csv.noMaker` */
export function batchNamed(text: string, maker: string | undefined): Identifier {
  return ofMaker('batch', text, maker);
}

/** A serialised part: its identifier as text, or its number at a maker. @throws `identifier.*` `csv.noMaker` */
export function serialNamed(text: string, maker: string | undefined): Identifier {
  return ofMaker('serial', text, maker);
}

/** A part or, where parts have no numbers of their own, a batch. @throws `identifier.*` `csv.noMaker` */
export function partNamed(text: string, maker: string | undefined): Identifier {
  return ofMaker(text.startsWith('batch:') ? 'batch' : 'serial', text, maker);
}

function ofMaker(type: 'batch' | 'serial', text: string, maker: string | undefined): Identifier {
  if (text.startsWith(`${type}:`)) return parseIdentifier(text);
  if (maker === undefined) {
    throw new VinculumError(
      'csv.noMaker',
      `Whose number it is must be said: by the column manufacturerId, or as ${type}:maker:number.`,
    );
  }
  return normaliseIdentifier({ type, scope: maker, value: text });
}

/** A vehicle, by its VIN or as an identifier; or a part that parts are in. @throws `identifier.*` `vin.*` `csv.value` */
export function wholeNamed(text: string): Identifier {
  const identifier = parseIdentifier(text);
  const type = subjectTypeOf(identifier);
  if (type !== 'vehicle' && type !== 'serial') {
    throw new VinculumError('csv.value', 'Parts are mounted in a vehicle or a serialised part.');
  }
  return identifier;
}

export type Input = { readonly batch: string; readonly quantity?: Quantity };

/**
 * What a batch is made of: identifiers of batches, each with its quantity and unit where they are said, parted by spaces:
 * `batch:cella.example:C-0119 600 C62 batch:lithos.example:E-7 12.5 KGM`. No identifier holds a space.
 * @throws `csv.value` `quantity.invalid` `identifier.*`
 */
export function inputsOf(text: string): Input[] {
  const inputs: Input[] = [];
  let words: string[] = [];
  const take = (): void => {
    const [name, value, unit, ...more] = words;
    if (name === undefined) return;
    if (more.length > 0)
      throw new VinculumError('csv.value', 'An input is a batch, its quantity and its unit.');
    const batch = formatIdentifier(batchNamed(name, undefined));
    if (inputs.some((input) => input.batch === batch)) {
      throw new VinculumError('csv.value', `${batch} stands twice among the inputs.`);
    }
    inputs.push(value === undefined ? { batch } : { batch, quantity: quantityOf(value, unit) });
  };
  for (const word of text.split(/\s+/)) {
    if (word.startsWith('batch:')) {
      take();
      words = [];
    } else if (words.length === 0) {
      throw new VinculumError('csv.value', 'Inputs are identifiers of batches: batch:maker:number.');
    }
    words.push(word);
  }
  take();
  return inputs;
}

/** {@link inputsOf}, backwards. */
export function inputsText(inputs: readonly Input[]): string {
  return inputs
    .map(({ batch, quantity }) =>
      quantity === undefined ? batch : `${batch} ${quantity.value} ${quantity.unit}`,
    )
    .join(' ');
}
