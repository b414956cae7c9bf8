import type { PartEvent, PartHistory } from '../modules/part.ts';
import type { Finding } from './finding.ts';
import { type EffectiveEntry, evidence, ofKind } from './openedEntry.ts';
import type { MountedPart, Summary } from './summary.ts';

/** A part as verification left it. */
export type FoldedPart = PartHistory & {
  /** The subject of the report: the part itself, or what it was mounted in. */
  readonly chain: string;
  /** Whether all of its actions are known and legal. */
  readonly whole: boolean;
};

export type PartFacts = {
  readonly part: Summary['part'];
  readonly mounted: readonly MountedPart[];
  readonly findings: readonly Finding[];
};

const instantOf = (at: bigint): string => new Date(Number(at) * 1000).toISOString().replace('.000Z', 'Z');

/**
 * What the actions on parts come to: of a part, what it is; of a vehicle, which parts are in it now, and whether one of
 * them is stolen or scrapped. Each fact follows from an action; envelopes only add what part it is, and when.
 */
export function findSafetyParts(
  parts: readonly FoldedPart[],
  effective: readonly EffectiveEntry[],
): PartFacts {
  const own = parts.filter(({ subject, chain }) => subject === chain);
  const others = parts.filter(({ subject, chain }) => subject !== chain);
  const mounted = others.flatMap((part) => mountedPart(part, effective));
  return {
    part: ownPart(own, effective),
    mounted,
    findings: [
      ...ownFindings(own, effective),
      ...mounted.flatMap(({ state, part, identifier, component, since, entries }): Finding[] => {
        if (state === 'mounted') return [];
        const details = { part, identifier, component, since, mounted: true };
        const severity = state === 'unknown' ? 'warning' : 'alert';
        return [{ code: `safetyPart.${state}`, severity, entries, details }];
      }),
    ],
  };
}

function entryOf(event: PartEvent, effective: readonly EffectiveEntry[]): EffectiveEntry | undefined {
  return effective.find(({ kind, digest }) => kind === event.kind && digest === event.action.digest);
}

const timeOf = (event: PartEvent, effective: readonly EffectiveEntry[]): string =>
  entryOf(event, effective)?.time ?? instantOf(event.at);

/** The part, where it is in the vehicle now, or where nobody can tell. */
function mountedPart(part: FoldedPart, effective: readonly EffectiveEntry[]): MountedPart[] {
  const { events, chain, whole, subject } = part;
  if (whole && part.part.vehicle !== chain) return [];
  const mounting = events.findLast(
    ({ kind, action }) => kind === 'safetyPart.mounted' && action.vehicle === chain,
  );
  const read = mounting === undefined ? undefined : entryOf(mounting, effective);
  const [data] = read === undefined ? [] : ofKind([read], 'safetyPart.mounted').map((entry) => entry.data);
  const last = events.at(-1);
  const { state } = part.part;
  const digests = [mounting, last].flatMap((event) => {
    if (event === undefined) return [];
    const entry = entryOf(event, effective);
    return entry === undefined ? [event.action.digest] : evidence(entry);
  });
  return [
    {
      part: subject,
      identifier: read?.identifier ?? null,
      component: data?.component ?? null,
      position: data?.position ?? null,
      since: mounting === undefined ? '' : timeOf(mounting, effective),
      state: !whole || state === 'none' || state === 'free' ? 'unknown' : state,
      entries: [...new Set(digests)],
    },
  ];
}

/** The one that counts: where the part is in more than one ledger, one in which it is somewhere. */
function presentOf(own: readonly FoldedPart[]): FoldedPart | undefined {
  return own.find(({ part }) => part.vehicle !== null) ?? own.at(-1);
}

function ownPart(own: readonly FoldedPart[], effective: readonly EffectiveEntry[]): Summary['part'] {
  const present = presentOf(own);
  const last = present?.events.at(-1);
  if (present === undefined || last === undefined) return null;
  const { state, maker, vehicle } = present.part;
  return {
    state: own.every(({ whole }) => whole) ? state : 'unknown',
    maker: maker.toString(),
    vehicle,
    since: timeOf(last, effective),
  };
}

function ownFindings(own: readonly FoldedPart[], effective: readonly EffectiveEntry[]): Finding[] {
  const findings: Finding[] = [];
  for (const { part, events, whole } of own) {
    const last = events.at(-1);
    if (!whole || last === undefined) {
      findings.push({ code: 'safetyPart.unknown', severity: 'warning', entries: [], details: {} });
      continue;
    }
    const entry = entryOf(last, effective);
    const entries = entry === undefined ? [last.action.digest] : evidence(entry);
    const details = { since: timeOf(last, effective), mounted: part.vehicle !== null };
    if (part.state === 'stolen' || part.state === 'scrapped') {
      findings.push({ code: `safetyPart.${part.state}`, severity: 'alert', entries, details });
    } else if (part.state === 'mounted') {
      findings.push({ code: 'safetyPart.mounted', severity: 'notice', entries, details });
    }
  }
  // Each ledger’s module keeps it in one vehicle; two ledgers are for readers to compare.
  const places = own.filter(({ part, whole }) => whole && part.vehicle !== null);
  const vehicles = new Set(places.map(({ part }) => part.vehicle));
  if (vehicles.size > 1) {
    findings.push({
      code: 'safetyPart.mountedTwice',
      severity: 'alert',
      entries: places.flatMap(({ events }) => events.slice(-1).map(({ action }) => action.digest)),
      details: { vehicles: vehicles.size },
    });
  }
  return findings;
}
