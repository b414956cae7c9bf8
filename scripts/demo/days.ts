/** Days since 1970-01-01, the calendar of the demo. */
export type Day = number;

const MILLISECONDS = 86_400_000;

/** The last day on which anything of the demo happens: fixed, so that the demo is the same whenever it is made. */
export const LAST_DAY: Day = dayOf('2026-06-30');

export function dayOf(date: string): Day {
  return Date.parse(`${date}T00:00:00Z`) / MILLISECONDS;
}

export function dateOf(day: Day): string {
  return new Date(Math.floor(day) * MILLISECONDS).toISOString().slice(0, 10);
}

export function yearOf(day: Day): number {
  return Number(dateOf(day).slice(0, 4));
}

/** An instant of that day, so many seconds after midnight UTC. */
export function instantOf(day: Day, seconds: number): string {
  return new Date(Math.floor(day) * MILLISECONDS + seconds * 1000).toISOString().replace('.000Z', 'Z');
}
