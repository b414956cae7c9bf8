import type { DistanceUnit } from './model/settings.ts';

const KILOMETRES_A_MILE = 1.609344;

/** How dates, numbers and distances are written for this reader. */
export type Format = {
  readonly locale: string;
  readonly unit: DistanceUnit;
  number(value: number): string;
  percent(share: number): string;
  /** A distance in the reader's unit. */
  distance(kilometres: number): string;
  /** A reading as the instrument showed it. */
  stated(value: number, unit: DistanceUnit): string;
  /** A short number for an axis, in the reader's unit. */
  axis(kilometres: number): string;
  /** Kilometres as a number of the reader's unit. */
  inUnit(kilometres: number): number;
  fromUnit(value: number): number;
  /** When something happened: a date as it stands, an instant in the reader's time zone. */
  time(time: string): string;
  date(time: string): string;
  year(time: string): string;
  /** A moment of the chain, in seconds since 1970. */
  moment(seconds: number): string;
  /** `3 minutes ago`. */
  ago(seconds: number, now: number): string;
  /** `26 hours`, `3 days`. */
  duration(seconds: number): string;
  /** How long the check took: `0.2 sec`. */
  took(milliseconds: number): string;
  bytes(count: number): string;
  list(parts: readonly string[]): string;
  country(code: string): string;
};

export function createFormat(locale: string, unit: DistanceUnit): Format {
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const distanceIn = (of: DistanceUnit) =>
    new Intl.NumberFormat(locale, {
      style: 'unit',
      unit: of === 'KMT' ? 'kilometer' : 'mile',
      maximumFractionDigits: 0,
    });
  const distances = { KMT: distanceIn('KMT'), SMI: distanceIn('SMI') };
  const axis = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const list = new Intl.ListFormat(locale, { type: 'conjunction' });
  const regions = new Intl.DisplayNames([locale], { type: 'region' });
  const inUnit = (kilometres: number): number =>
    unit === 'KMT' ? kilometres : kilometres / KILOMETRES_A_MILE;
  const dated = (time: string, write: Intl.DateTimeFormat): string => {
    const milliseconds = Date.parse(time.length === 10 ? `${time}T00:00:00Z` : time);
    return Number.isNaN(milliseconds) ? time : write.format(milliseconds);
  };
  const [second, minute, hour, days, month, years] = [1, 60, 3600, 86_400, 2_629_800, 31_557_600];
  const scaled = (seconds: number): [number, Intl.RelativeTimeFormatUnitSingular] => {
    const size = Math.abs(seconds);
    if (size < 90) return [seconds / second, 'second'];
    if (size < 90 * minute) return [seconds / minute, 'minute'];
    if (size < 36 * hour) return [seconds / hour, 'hour'];
    if (size < 60 * days) return [seconds / days, 'day'];
    if (size < 2 * years) return [seconds / month, 'month'];
    return [seconds / years, 'year'];
  };
  return {
    locale,
    unit,
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    distance: (kilometres) => distances[unit].format(inUnit(kilometres)),
    stated: (value, of) => distances[of].format(value),
    axis: (kilometres) => axis.format(inUnit(kilometres)),
    inUnit,
    fromUnit: (value) => (unit === 'KMT' ? value : value * KILOMETRES_A_MILE),
    time: (time) => (time.length === 10 ? dated(time, day) : dated(time, moment)),
    date: (time) => dated(time.slice(0, 10), day),
    year: (time) => time.slice(0, 4),
    moment: (seconds) => moment.format(seconds * 1000),
    ago: (seconds, now) => {
      const [value, name] = scaled(seconds - now);
      return relative.format(Math.round(value), name);
    },
    duration: (seconds) => {
      const [value, name] = scaled(seconds);
      return new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'long' }).format(
        Math.round(value),
      );
    },
    took: (milliseconds) =>
      new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: 'second',
        unitDisplay: 'short',
        maximumFractionDigits: milliseconds < 10_000 ? 1 : 0,
      }).format(Math.max(0.1, milliseconds / 1000)),
    bytes: (count) => {
      const [size, name] =
        count < 1000 ? [count, 'byte'] : count < 1e6 ? [count / 1000, 'kilobyte'] : [count / 1e6, 'megabyte'];
      return new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: name,
        unitDisplay: 'short',
        maximumFractionDigits: name === 'megabyte' ? 1 : 0,
      }).format(size);
    },
    list: (parts) => list.format(parts),
    country: (code) => {
      try {
        return regions.of(code) ?? code;
      } catch {
        return code;
      }
    },
  };
}
