import { VinculumError } from '../errors.ts';

const FORM = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})Z)?$/;

/**
 * Seconds since 1970 of an event's time; a date counts from its first second, UTC.
 * @throws `envelope.time` for any other form or a day that does not exist
 */
export function secondsOf(time: string): bigint {
  const match = FORM.exec(time);
  if (match !== null) {
    const text = match[4] === undefined ? `${time}T00:00:00Z` : time;
    const milliseconds = Date.parse(text);
    // Date.parse takes 2023-02-30 for 2 March: only a time that reads back the same exists.
    if (!Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === text.replace('Z', '.000Z')) {
      return BigInt(milliseconds / 1000);
    }
  }
  throw new VinculumError(
    'envelope.time',
    'A time is written 2024-05-31 or 2024-05-31T10:00:00Z, and must exist.',
  );
}
