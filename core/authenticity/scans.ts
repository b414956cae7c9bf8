import { type CoarsePlace, leastDistance } from './places.ts';

/*
 * What the scans of one code show of it. A scan is known by the hour and the coarse place, and by nothing of who scanned;
 * the place is what the scanner's device says. So a flag is a reason to look, and no proof.
 */

/** Scans of one code in one hour at one place. */
export type Scans = {
  /** Whole hours since 1970. */
  readonly hour: number;
  /** Null: no place was given. */
  readonly place: CoarsePlace | null;
  readonly count: number;
};

export const scanFlags = ['cloned.farApart', 'cloned.tooOften'] as const;
export type ScanFlag = (typeof scanFlags)[number];

/**
 * Faster than this no part travels: an airliner cruises at about 900 km/h, and with the ways to and from the airports no
 * parcel comes near it.
 */
export const FASTEST_KM_PER_HOUR = 1_000;

/**
 * Two scans of one hour may be an hour apart less a second, those of neighbouring hours nearly two: so much is added to
 * the difference of the hours.
 */
export const HOUR_SLACK = 1;

/**
 * Distances below this are not looked at, however short the time: two people at a border, a device that is wrong about its
 * place, a dealer who scans a photo that was sent from the next town.
 */
export const LEAST_FAR_KM = 500;

/**
 * A part is scanned when it is made, packed, shipped, received, checked, mounted, inspected: some ten times in its life, and
 * hardly ever more than a few times a day. A hundred times within a day is a code that many hold.
 */
export const MOST_SCANS_A_DAY = 100;

/** And in thirty days it comes to few places: twenty are more than any chain of supply has tiers. */
export const MOST_PLACES_A_MONTH = 20;

const MONTH_HOURS = 30 * 24;

/** What the scans show; empty for nothing unusual. The order of the scans does not matter. */
export function flagsOf(scans: readonly Scans[]): readonly ScanFlag[] {
  const ordered = scans.toSorted((left, right) => left.hour - right.hour);
  const flags: ScanFlag[] = [];
  if (areFarApart(ordered)) flags.push('cloned.farApart');
  if (areTooMany(ordered)) flags.push('cloned.tooOften');
  return flags;
}

function areFarApart(ordered: readonly Scans[]): boolean {
  return ordered.some(({ hour, place }, index) => {
    if (place === null) return false;
    for (let next = index + 1; next < ordered.length; next++) {
      const other = ordered[next];
      if (other === undefined || other.place === null) continue;
      const hours = other.hour - hour + HOUR_SLACK;
      // Half the earth around in this time: nothing later is too far.
      if (hours * FASTEST_KM_PER_HOUR > 20_100) break;
      const distance = leastDistance(place, other.place);
      if (distance >= LEAST_FAR_KM && distance > hours * FASTEST_KM_PER_HOUR) return true;
    }
    return false;
  });
}

function areTooMany(ordered: readonly Scans[]): boolean {
  let first = 0;
  let total = 0;
  let month = 0;
  for (const [index, { hour, count }] of ordered.entries()) {
    total += count;
    while ((ordered[first]?.hour ?? hour) <= hour - 24) {
      total -= ordered[first]?.count ?? 0;
      first += 1;
    }
    if (total > MOST_SCANS_A_DAY) return true;
    while ((ordered[month]?.hour ?? hour) <= hour - MONTH_HOURS) month += 1;
    const places = new Set(
      ordered.slice(month, index + 1).flatMap(({ place }) => (place === null ? [] : [JSON.stringify(place)])),
    );
    if (places.size > MOST_PLACES_A_MONTH) return true;
  }
  return false;
}
