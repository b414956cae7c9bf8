import { checkDigit, normaliseVin, type Vin } from '../../core/identifiers/vin.ts';

/** Position 10: the model year. I, O, Q, U, Z and 0 are never used. */
const YEARS = 'ABCDEFGHJKLMNPRSTVWXY123456789';

/**
 * A VIN of ISO 3779 form: maker (3), description (5), check digit, model year, plant, serial number (6). The check
 * digit always holds where it must; elsewhere a `Z` stands in its place, as many makers there write it.
 */
export function vinOf(
  maker: string,
  description: string,
  modelYear: number,
  plant: string,
  serial: number,
): Vin {
  const year = YEARS.charAt((((modelYear - 2010) % 30) + 30) % 30);
  const withCheck = (digit: string): Vin =>
    normaliseVin(`${maker}${description}${digit}${year}${plant}${String(serial).padStart(6, '0')}`, {
      overrideCheckDigit: true,
    });
  if (!/^[1-5L]/.test(maker)) return withCheck('Z');
  for (const digit of '0123456789X') {
    const vin = withCheck(digit);
    if (checkDigit(vin) === 'valid') return vin;
  }
  throw new Error('one of the eleven check digits always holds');
}
