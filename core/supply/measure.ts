import { VinculumError } from '../errors.ts';

/*
 * Quantities that can be added and compared exactly: whole numbers of a thousand-millionth of a base unit. No binary
 * fraction comes near them.
 */

/** As entries carry it: a decimal as text, and a unit of UN/CEFACT Recommendation 20. */
export type Quantity = { readonly value: string; readonly unit: string };

export type Dimension = 'pieces' | 'mass' | 'volume' | 'length' | 'area' | 'energy' | 'charge';

/** So much of a dimension, in thousand-millionths of its base unit: a piece, gram, millilitre, metre, m², kWh, Ah. */
export type Measure = { readonly dimension: Dimension; readonly amount: bigint };

const DIGITS = 9;
const SCALE = 10n ** BigInt(DIGITS);

const units: Readonly<Record<string, { readonly dimension: Dimension; readonly factor: bigint }>> = {
  C62: { dimension: 'pieces', factor: 1n },
  H87: { dimension: 'pieces', factor: 1n },
  EA: { dimension: 'pieces', factor: 1n },
  GRM: { dimension: 'mass', factor: 1n },
  KGM: { dimension: 'mass', factor: 1_000n },
  TNE: { dimension: 'mass', factor: 1_000_000n },
  MLT: { dimension: 'volume', factor: 1n },
  LTR: { dimension: 'volume', factor: 1_000n },
  MTQ: { dimension: 'volume', factor: 1_000_000n },
  MTR: { dimension: 'length', factor: 1n },
  MTK: { dimension: 'area', factor: 1n },
  KWH: { dimension: 'energy', factor: 1n },
  AMH: { dimension: 'charge', factor: 1n },
};

/** @throws `quantity.invalid` for what is no quantity of these units */
export function measureOf({ value, unit }: Quantity): Measure {
  const known = Object.hasOwn(units, unit) ? units[unit] : undefined;
  const match = /^([0-9]{1,18})(?:\.([0-9]{1,9}))?$/.exec(value);
  if (known === undefined || match === null) {
    throw new VinculumError('quantity.invalid', `${value} ${unit} is no quantity that can be counted with.`);
  }
  const [, whole = '0', fraction = ''] = match;
  const scaled = BigInt(whole) * SCALE + BigInt(fraction.padEnd(DIGITS, '0'));
  return { dimension: known.dimension, amount: scaled * known.factor };
}

/** The same as a decimal of a unit of its dimension, exactly. @throws `quantity.invalid` for a unit of another */
export function quantityIn({ dimension, amount }: Measure, unit: string): Quantity {
  const known = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (known?.dimension !== dimension) {
    throw new VinculumError('quantity.invalid', `${unit} is no unit of ${dimension}.`);
  }
  // Factors are powers of ten: the point moves, and no digit is lost.
  const digits = DIGITS + (String(known.factor).length - 1);
  const sign = amount < 0n ? '-' : '';
  const text = String(amount < 0n ? -amount : amount).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  const whole = text.slice(0, -digits);
  return { value: `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`, unit };
}

/** Sums by dimension, each with the unit in which it was first said. */
export class Amounts {
  readonly #sums = new Map<Dimension, { amount: bigint; unit: string }>();

  add(quantity: Quantity, sign: 1 | -1 = 1): this {
    const { dimension, amount } = measureOf(quantity);
    const before = this.#sums.get(dimension);
    const signed = sign === 1 ? amount : -amount;
    if (before === undefined) this.#sums.set(dimension, { amount: signed, unit: quantity.unit });
    else before.amount += signed;
    return this;
  }

  /** How much there is of the dimension of a unit. */
  of(unit: string): bigint {
    const { dimension } = measureOf({ value: '0', unit });
    return this.#sums.get(dimension)?.amount ?? 0n;
  }

  /** What is not zero. */
  list(): Quantity[] {
    return [...this.#sums]
      .filter(([, { amount }]) => amount !== 0n)
      .map(([dimension, { amount, unit }]) => quantityIn({ dimension, amount }, unit));
  }

  get isEmpty(): boolean {
    return [...this.#sums.values()].every(({ amount }) => amount === 0n);
  }
}

/** The quantity of a sealed field, undefined where it is none. */
export function quantityFrom(value: unknown): Quantity | undefined {
  const { value: text, unit } = (value ?? {}) as { value?: unknown; unit?: unknown };
  return typeof text === 'string' && typeof unit === 'string' ? { value: text, unit } : undefined;
}
