import type { Finding } from './finding.ts';
import { type EffectiveEntry, eventDay, eventSeconds, evidence, ofKind } from './openedEntry.ts';

/** A history that says nothing for longer than this has a gap. Inspections are due within four years everywhere. */
export const GAP_YEARS = 4;
const YEAR_SECONDS = 365.25 * 86_400;

/** The years without any entry, up to `asOf` where that is given. */
export function findGaps(entries: readonly EffectiveEntry[], asOf?: string): Finding[] {
  const findings: Finding[] = [];
  entries.forEach((entry, index) => {
    const next = entries[index + 1];
    const to = next?.time ?? asOf;
    if (to === undefined) return;
    const years = (eventSeconds(to) - eventSeconds(entry.time)) / YEAR_SECONDS;
    if (years <= GAP_YEARS) return;
    findings.push({
      code: 'history.gap',
      severity: 'information',
      entries: next === undefined ? evidence(entry) : evidence(entry, next),
      details: { from: entry.time, to, years: Math.round(years * 10) / 10 },
    });
  });
  return findings;
}

/** Kinds whose attester had the vehicle before it. */
const IN_PERSON: ReadonlySet<string> = new Set(['service', 'repair', 'inspection', 'condition', 'accident']);

/** Where an entry says the vehicle was: the country, without its parts. */
function placeOf(entry: EffectiveEntry): string | undefined {
  if (!IN_PERSON.has(entry.kind)) return undefined;
  return ((entry.data as { market?: string }).market ?? entry.country)?.slice(0, 2);
}

/** Things that can't both be so: two countries in one day, a life before production or after the end of life. */
export function findContradictions(entries: readonly EffectiveEntry[]): Finding[] {
  const findings: Finding[] = [];
  const contradiction = (
    rule: string,
    severity: Finding['severity'],
    left: EffectiveEntry,
    right: EffectiveEntry,
    details: Finding['details'],
  ): void => {
    findings.push({
      code: 'history.contradiction',
      severity,
      entries: evidence(left, right),
      details: { rule, ...details },
    });
  };

  const placed = entries.filter((entry) => placeOf(entry) !== undefined);
  placed.forEach((entry, index) => {
    const previous = placed[index - 1];
    if (previous === undefined || eventDay(previous.time) !== eventDay(entry.time)) return;
    const places = [placeOf(previous) ?? '', placeOf(entry) ?? ''];
    if (places[0] === places[1]) return;
    contradiction('twoPlaces', 'warning', previous, entry, { day: eventDay(entry.time), places });
  });

  const built = entries.find((entry) => entry.kind === 'vehicle.built');
  const [production] = built === undefined ? [] : ofKind([built], 'vehicle.built');
  const produced = production?.data.productionDate ?? (production && eventDay(production.time));
  const early = entries.find(
    (entry) =>
      produced !== undefined &&
      entry.kind !== 'vehicle.built' &&
      entry.kind !== 'vehicle.registered' &&
      eventDay(entry.time) < produced,
  );
  if (built !== undefined && produced !== undefined && early !== undefined) {
    contradiction('beforeProduction', 'warning', early, built, { produced, time: early.time });
  }

  const ended = entries.find(
    (entry) =>
      entry.kind === 'title.scrapped' ||
      (entry.kind === 'registration.withdrawn' && (entry.data as { reason?: string }).reason === 'endOfLife'),
  );
  const alive =
    ended === undefined
      ? undefined
      : entries.find((entry) => {
          return (
            (IN_PERSON.has(entry.kind) || entry.kind === 'sale') &&
            eventDay(entry.time) > eventDay(ended.time)
          );
        });
  if (ended !== undefined && alive !== undefined) {
    contradiction('afterEndOfLife', 'alert', ended, alive, { ended: ended.time, time: alive.time });
  }
  return findings;
}
