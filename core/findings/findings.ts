import { applyAmendments, type MaySupersede, sameAttester } from './amendments.ts';
import { type ChargeKind, findCharges } from './charges.ts';
import { findContradictions, findGaps } from './continuity.ts';
import { type Finding, severities } from './finding.ts';
import { findAccidents, findBrands, findClaims, findInspections, findUsages } from './incidents.ts';
import { gradeOdometer } from './odometer.ts';
import { type OpenedEntry, ofKind } from './openedEntry.ts';
import { findRecalls } from './recalls.ts';
import { countHolders, findDepartures, findProcedure, findStatements } from './registry.ts';
import type { OpenCharge, Summary } from './summary.ts';

export type FindingsOptions = {
  /** Entries of makers' and authorities' own chains, each campaign with `affected` as its proof shows. */
  readonly own?: readonly OpenedEntry[];
  /** The organisations whose own chains are complete among `own`: a claim of "no recall" reaches no further. */
  readonly recallAttesters?: readonly string[];
  /** Who may correct whose entries; by default only the attester itself. */
  readonly maySupersede?: MaySupersede;
  /** The time up to which the history is known, e.g. of the block: for gaps and for charges that expire. */
  readonly asOf?: string;
};

/**
 * What the rules conclude from a history: findings, the gravest first, and a summary. Pure, and the same for every
 * order of the entries given; entries that are not proven count for nothing and are reported.
 */
export function deriveFindings(
  entries: readonly OpenedEntry[],
  options: FindingsOptions = {},
): { findings: Finding[]; summary: Summary } {
  const maySupersede = options.maySupersede ?? sameAttester;
  const { effective, findings: amendments } = applyAmendments(entries, maySupersede);
  const own = applyAmendments(options.own ?? [], maySupersede);
  const attesters = options.recallAttesters ?? [];
  const { asOf } = options;

  const odometer = gradeOdometer(effective);
  const { charges, findings: chargeFindings } = findCharges(effective, asOf);
  const procedure = findProcedure(effective);
  const departures = findDepartures(effective);
  const accidents = findAccidents(effective);
  const claims = findClaims(effective);
  const usages = findUsages(effective);
  const brands = findBrands(effective);
  const recalls = findRecalls(effective, own.effective, attesters);

  const findings = [
    ...odometer.findings,
    ...chargeFindings,
    ...procedure.findings,
    ...departures.findings,
    ...findStatements(effective),
    ...accidents.findings,
    ...claims.findings,
    ...usages.findings,
    ...brands.findings,
    ...findInspections(effective),
    ...recalls.findings,
    ...findContradictions(effective),
    ...findGaps(effective, asOf),
    ...findUpheld(effective),
    ...amendments,
    ...findUnproven(entries),
    ...findUnproven(options.own ?? []),
  ].sort((left, right) => severities.indexOf(left.severity) - severities.indexOf(right.severity));

  const open = (kind: ChargeKind): OpenCharge[] =>
    charges
      .filter((charge) => charge.kind === kind)
      .map(({ entry, since, reference, expires, type }) => ({ entry, since, reference, expires, type }));
  const current = odometer.readings.filter(({ grade }) => grade !== 'superseded');
  const summary: Summary = {
    entries: countStatuses(entries),
    firstTime: effective[0]?.time ?? null,
    lastTime: effective.at(-1)?.time ?? null,
    holders: countHolders(effective),
    liens: open('registration.lien'),
    oppositions: open('registration.opposition'),
    seizures: open('registration.seizure'),
    procedure: procedure.procedure,
    odometer: {
      readings: odometer.readings,
      latest: current.at(-1) ?? null,
      discrepancies: odometer.findings.filter(({ code }) => code === 'odometer.discrepancy').length,
    },
    brands: brands.brands,
    accidents: accidents.accidents,
    claims: claims.claims,
    usages: usages.usages,
    exported: departures.exported,
    withdrawn: departures.withdrawn,
    recalls: { attesters, campaigns: recalls.campaigns },
    links: [...new Set(ofKind(effective, 'vehicle.linked').map(({ data }) => data.to))],
  };
  return { findings, summary };
}

function countStatuses(entries: readonly OpenedEntry[]): Summary['entries'] {
  const counts = { total: 0, proven: 0, withheld: 0, erased: 0, void: 0, unknownKind: 0, refuted: 0 };
  for (const { status } of entries) {
    counts.total += 1;
    counts[status] += 1;
  }
  return counts;
}

function findUpheld(entries: Parameters<typeof ofKind>[0]): Finding[] {
  return ofKind(entries, 'upheld').map((entry) => ({
    code: 'entry.upheld',
    severity: 'information',
    entries: [entry.digest, entry.data.entry],
    details: { basis: entry.data.basis, organisation: entry.organisation, time: entry.time },
  }));
}

const UNPROVEN_SEVERITY = {
  withheld: 'warning',
  erased: 'notice',
  void: 'notice',
  unknownKind: 'notice',
  refuted: 'alert',
} as const;

/** One finding for each sort of entry that does not count, naming them all. */
function findUnproven(entries: readonly OpenedEntry[]): Finding[] {
  return (Object.keys(UNPROVEN_SEVERITY) as (keyof typeof UNPROVEN_SEVERITY)[]).flatMap(
    (status): Finding[] => {
      const such = entries
        .filter((entry) => entry.status === status)
        .sort((left, right) => left.anchoredAt - right.anchoredAt || left.position - right.position);
      if (such.length === 0) return [];
      return [
        {
          code: `entry.${status}`,
          severity: UNPROVEN_SEVERITY[status],
          entries: such.map(({ digest }) => digest),
          details: { count: such.length, kinds: [...new Set(such.map(({ kind }) => kind))].sort() },
        },
      ];
    },
  );
}
