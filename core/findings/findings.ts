import type { Json } from '../canonical.ts';
import type { TitleHistory } from '../modules/titleHistory.ts';
import { applyAmendments, type MaySupersede, sameAttester } from './amendments.ts';
import { type ChargeKind, findCharges } from './charges.ts';
import { findContradictions, findGaps } from './continuity.ts';
import { type Finding, severities } from './finding.ts';
import { findAccidents, findBrands, findClaims, findInspections, findUsages } from './incidents.ts';
import { findMember } from './member.ts';
import { gradeOdometer } from './odometer.ts';
import { type EffectiveEntry, type OpenedEntry, ofKind } from './openedEntry.ts';
import { findRecalls } from './recalls.ts';
import { countHolders, findDepartures, findProcedure, findStatements } from './registry.ts';
import { type FoldedPart, findSafetyParts } from './safetyParts.ts';
import type { OpenCharge, Summary } from './summary.ts';
import { findTitles } from './titles.ts';

export type FindingsOptions = {
  /** Entries of makers' and authorities' own chains, each campaign with `affected` as its proof shows. */
  readonly own?: readonly OpenedEntry[];
  /** The title in each ledger that has one, folded from the links; open actions stand among the entries too. */
  readonly titles?: readonly TitleHistory[];
  /** The subject where it is a part, and the parts that were mounted in it, folded from their own links. */
  readonly parts?: readonly FoldedPart[];
  /** The organisations whose own chains are complete among `own`: a claim of "no recall" reaches no further. */
  readonly recallAttesters?: readonly string[];
  /** Those among them that built the subject, by default all: by authorities alone nobody knows its maker’s campaigns. */
  readonly recallMakers?: readonly string[];
  /** Of a batch: the serial that was asked for; its entries have `affected` as their proofs show. */
  readonly member?: string;
  /** Who may correct whose entries; by default only the attester itself. */
  readonly maySupersede?: MaySupersede;
  /** The time up to which the history is known, e.g. of the block: for gaps and for charges that expire. */
  readonly asOf?: string;
};

/**
 * What the rules conclude from a history: findings, the gravest first, a summary, and the entries that they went by. Pure, and the same for every
 * order of the entries given; entries that are not proven, or of which too much is sealed, count for nothing and are named.
 */
export function deriveFindings(
  entries: readonly OpenedEntry[],
  options: FindingsOptions = {},
): {
  findings: Finding[];
  summary: Summary;
  effective: EffectiveEntry[];
  effectiveOwn: EffectiveEntry[];
  unreadable: OpenedEntry[];
  /** Digests of what was taken back, on the history and on own chains. */
  retracted: string[];
} {
  const maySupersede = options.maySupersede ?? sameAttester;
  const { effective, unreadable, findings: amendments } = applyAmendments(entries, maySupersede);
  const own = applyAmendments(options.own ?? [], maySupersede);
  const attesters = options.recallAttesters ?? [];
  const makers = options.recallMakers ?? attesters;
  const { asOf } = options;

  const context = { entries, effective, amendments, maySupersede, asOf };
  const titles = findTitles(options.titles ?? [], context);
  const parts = findSafetyParts(options.parts ?? [], effective);
  const odometer = gradeOdometer(effective);
  const { charges, findings: chargeFindings } = findCharges(effective, asOf, titles.lienDays);
  const procedure = findProcedure(effective);
  const departures = findDepartures(effective, titles);
  const statements = findStatements(effective);
  const accidents = findAccidents(effective);
  const claims = findClaims(effective);
  const usages = findUsages(effective);
  const brands = findBrands(effective, titles.brands);
  // An envelope may be gone or closed; the part is there by its actions, or somebody mounted one, all the same.
  const hidden =
    parts.mounted.filter(({ identifier }) => identifier === null).length +
    unreadable.filter(({ kind, status }) => kind === 'part.mounted' && !HARMLESS.has(status)).length;
  const recalls = findRecalls(effective, own.effective, { attesters, makers, hidden });

  const findings = [
    ...titles.findings,
    ...parts.findings,
    ...odometer.findings,
    ...chargeFindings,
    ...procedure.findings,
    ...departures.findings,
    ...statements,
    ...accidents.findings,
    ...claims.findings,
    ...usages.findings,
    ...brands.findings,
    ...findInspections(effective),
    ...recalls.findings,
    ...(options.member === undefined ? [] : findMember(effective, options.member)),
    ...findContradictions(effective),
    ...findGaps(effective, asOf),
    ...findUpheld(effective),
    ...amendments,
    ...[entries, options.own ?? []].flatMap((given) => [
      ...findUnproven(given),
      ...findErased(given),
      ...findSealed(given),
    ]),
  ].sort((left, right) => severities.indexOf(left.severity) - severities.indexOf(right.severity));

  const open = (kind: ChargeKind): OpenCharge[] =>
    charges
      .filter((charge) => charge.kind === kind)
      .map(({ entry, since, reference, expires, type }) => ({
        entry,
        since,
        reference,
        expires,
        type,
        holder: null,
        rank: null,
      }));
  const current = odometer.readings.filter(({ grade }) => grade !== 'superseded');
  const summary: Summary = {
    entries: countStatuses(entries),
    firstTime: effective[0]?.time ?? null,
    lastTime: effective.at(-1)?.time ?? null,
    title: titles.summary,
    stolen: titles.stolen || statements.some(({ code }) => code === 'theft.reported'),
    holders: countHolders(effective, titles),
    liens: [...titles.liens, ...open('registration.lien')],
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
    recalls: { attesters, makers, campaigns: recalls.campaigns, parts: recalls.parts },
    part: parts.part,
    safetyParts: parts.mounted,
    links: [...new Set([...titles.links, ...ofKind(effective, 'vehicle.linked').map(({ data }) => data.to)])],
  };
  return {
    findings,
    summary,
    effective,
    effectiveOwn: own.effective,
    retracted: [...amendments, ...own.findings].flatMap(({ code, entries: [original] }) =>
      code === 'entry.retracted' && original !== undefined ? [original] : [],
    ),
    unreadable: unreadable.filter(({ status }) => status === 'proven'),
  };
}

/** Of entries that count for nothing by their attester's own fault, or of kinds of which nothing is known. */
const HARMLESS: ReadonlySet<OpenedEntry['status']> = new Set(['void', 'unknownKind']);

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
  void: 'notice',
  unknownKind: 'notice',
  refuted: 'alert',
} as const;

const inChainOrder = (left: OpenedEntry, right: OpenedEntry): number =>
  left.anchoredAt - right.anchoredAt || left.position - right.position;

/** One finding that names entries which do not count, none for none. */
function uncounted(
  code: Finding['code'],
  severity: Finding['severity'],
  such: readonly OpenedEntry[],
  name?: (entry: OpenedEntry) => Json,
): Finding[] {
  if (such.length === 0) return [];
  const ordered = [...such].sort(inChainOrder);
  const named: Finding['details'] = name === undefined ? {} : { named: ordered.map(name) };
  const kinds = [...new Set(ordered.map(({ kind }) => kind))].sort();
  const entries = ordered.map(({ digest }) => digest);
  return [{ code, severity, entries, details: { count: such.length, kinds, ...named } }];
}

/** One finding for each sort of entry that does not count, naming them all. */
function findUnproven(entries: readonly OpenedEntry[]): Finding[] {
  return (Object.keys(UNPROVEN_SEVERITY) as (keyof typeof UNPROVEN_SEVERITY)[]).flatMap((status) =>
    uncounted(
      `entry.${status}`,
      UNPROVEN_SEVERITY[status],
      entries.filter((entry) => entry.status === status),
    ),
  );
}

/**
 * What somebody with an interest might want gone: whatever can count against a vehicle, any reading of its odometer
 * included, and what nobody here knows. Whoever erases rather than withholds has the report verified: it must not be quiet.
 */
function isGrave({ kind }: OpenedEntry): boolean {
  return !/^(?:vehicle\.(?:registered|built)|registration\.document|software\.updated|part\..*|batch\.(?!quarantined).*)$/.test(
    kind,
  );
}

/** The entries whose content was destroyed, each with its kind, its attester, and who destroyed it on what basis. */
function findErased(entries: readonly OpenedEntry[]): Finding[] {
  const erased = entries.filter(({ status }) => status === 'erased');
  const name = ({ digest, kind, organisation, erasure }: OpenedEntry): Json => ({
    digest,
    kind,
    organisation,
    operator: erasure?.operator ?? null,
    basis: erasure?.basis ?? null,
    erasedAt: erasure?.erasedAt ?? null,
  });
  return [
    ...uncounted('entry.erased', 'warning', erased.filter(isGrave), name),
    ...uncounted(
      'entry.erased',
      'notice',
      erased.filter((entry) => !isGrave(entry)),
      name,
    ),
  ];
}

/** The entries that count for nothing because what the rules need of them is sealed, each with its kind and attester. */
function findSealed(entries: readonly OpenedEntry[]): Finding[] {
  const sealed = entries.filter(({ status, missing = [] }) => status === 'proven' && missing.length > 0);
  return uncounted('entry.sealed', 'notice', sealed, ({ digest, kind, organisation, missing = [] }) => ({
    digest,
    kind,
    organisation,
    missing,
  }));
}
