const FORMAT: Intl.DateTimeFormatOptions = {
  timeZone: 'Europe/Paris',
  calendar: 'iso8601',
  numberingSystem: 'latn',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
};

const paris = new Intl.DateTimeFormat('en-GB', FORMAT);

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** A moment as a registry wrote it: its day in France, and the instant itself where it is more than that day. */
export type RegistryTime = {
  /** `YYYY-MM-DD` */
  readonly day: string;
  /** `YYYY-MM-DDThh:mm:ssZ`; null where it was midnight in France, which stands for the day. */
  readonly instant: string | null;
  readonly milliseconds: number;
};

/** Reads an instant in UTC with milliseconds; null for any other form, or a day that does not exist. */
export function readRegistryTime(text: string): RegistryTime | null {
  if (!INSTANT.test(text)) return null;
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== text) return null;
  const parts: Record<string, string> = {};
  for (const { type, value } of paris.formatToParts(milliseconds)) parts[type] = value;
  const { year = '', month, day, hour, minute, second } = parts;
  const midnight = `${hour}:${minute}:${second}` === '00:00:00' && milliseconds % 1000 === 0;
  return {
    day: `${year.padStart(4, '0')}-${month}-${day}`,
    instant: midnight ? null : `${text.slice(0, 19)}Z`,
    milliseconds,
  };
}

/** `YYYY-MM-DD` of `DD/MM/YYYY`; null for any other form, or a day that does not exist. */
export function readFrenchDate(text: string): string | null {
  const match = /^(\d{2})\/(\d{2})\/(\d{4})$/.exec(text);
  if (match === null) return null;
  const date = `${match[3]}-${match[2]}-${match[1]}`;
  const parsed = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(0, 10) !== date ? null : date;
}
