import type { OrganisationId, Subject } from '../chain/types.ts';
import type { EffectiveEntry, OpenedEntry } from '../findings/openedEntry.ts';
import { formatIdentifier, type Identifier } from '../identifiers/identifier.ts';
import type { SignedPartCode } from '../partCode/partCode.ts';
import type { Verdict, Verification } from '../verify/result.ts';
import type { AuthenticityReason, CodeFacts, PartFacts } from './judge.ts';

/*
 * The facts of a part from reports that the reader verified: who made it, what its own chain and its batches' chains say.
 * What no report of the part holds (that it is mounted in somebody's vehicle, that a campaign lists it, that whoever took it
 * out scrapped it) only who keeps a graph of all histories can say: of that the service's word is taken along, and named as
 * such. What speaks for a part counts only where every report that could speak against it is verified.
 */

/** A report, what verifying it came to, and what the reader's own circumstances leave of that. */
export type VerifiedReport = {
  /** Its organisations' records. */
  readonly report: {
    readonly ledgers: readonly {
      readonly ledger: string;
      readonly organisations: readonly {
        readonly id: string;
        readonly changes: readonly { readonly change: number; readonly value: string }[];
      }[];
    }[];
  };
  readonly verification: Verification;
  /** The verification's own, less every reservation: no directory of the reader's own, an old proof, a source that fails. */
  readonly verdict: Verdict;
};

export type PartReports = {
  /** The part's own. */
  readonly own: VerifiedReport;
  /** Of the batches that it may be of; of those that list it, asked for with it (`?serial=`). */
  readonly batches: readonly VerifiedReport[];
  /** How many batches were named whose reports could not be had. */
  readonly unread: number;
  /** Of the vehicle that it is looked at in, where one is named; null where that could not be had. */
  readonly vehicle?: VerifiedReport | null;
};

/** What the service says. */
export type ToldFacts = Omit<PartFacts, 'makers' | 'incomplete' | 'releaseSealed'>;

export type VerifiedFacts = {
  readonly facts: PartFacts;
  /** Which of the facts rest on verified reports; all others are the service's word. */
  readonly verified: readonly (keyof PartFacts)[];
};

/**
 * @param code what was shown, null where a number was typed
 * @throws nothing: a proof that proves nothing makes nobody a maker
 */
export function factsFromReports(
  identifier: Identifier,
  code: SignedPartCode | null,
  reports: PartReports,
  told: ToldFacts,
): VerifiedFacts {
  const { own, batches } = reports;
  const all = [own, ...batches];
  const makers = [...makersByEntry(own), ...batches.flatMap((batch) => makersBySet(batch, identifier))];
  const read = new Set(batches.map(({ verification }) => verification.identifier));
  const unread = reports.unread + batchesNamed(own).filter((batch) => !read.has(batch)).length;
  const whole = unread === 0 && all.every((report) => isVerified(report) && !hidesContent(report));
  const held = all.map((report) => openQuarantines(report, identifier));
  const open = held.reduce((sum, one) => sum + one.open, 0);
  const certain = whole && held.every(({ doubtful }) => doubtful === 0);
  const releaseSealed = held.some((one) => one.releaseSealed);
  const parts = own.verification.parts.filter((part) => part.whole && part.subject === part.chain);
  const is = (state: string): boolean => parts.some(({ part }) => part.state === state);
  const elsewhere = isElsewhere(parts, reports.vehicle);
  const judged = code === null ? null : codeFacts(code, all.filter(isVerified));
  return {
    facts: {
      code: code === null ? null : (judged ?? toldCode(code, told.code)),
      makers,
      notInSets: told.notInSets,
      // Whoever takes a part out scraps it in the vehicle's history, which the part's own report does not hold.
      scrapped: is('scrapped') || told.scrapped,
      stolen: is('stolen') || (!isVerified(own) && told.stolen),
      mounted: Math.max(told.mounted, elsewhere ? 1 : 0),
      recalls: told.recalls,
      quarantines: certain ? open : Math.max(open, told.quarantines),
      ...(whole ? {} : { incomplete: true }),
      ...(releaseSealed ? { releaseSealed } : {}),
    },
    verified: [
      ...(judged === null ? [] : (['code'] as const)),
      ...(whole ? (['makers'] as const) : []),
      ...(certain || held.some((one) => one.proven > 0) ? (['quarantines'] as const) : []),
      ...(isVerified(own) && is('scrapped') ? (['scrapped'] as const) : []),
      ...(isVerified(own) ? (['stolen'] as const) : []),
      ...(isVerified(own) && elsewhere ? (['mounted'] as const) : []),
      ...(whole ? [] : (['incomplete'] as const)),
      ...(releaseSealed ? (['releaseSealed'] as const) : []),
    ],
  };
}

/** The batches that a part's own history says that it is of: whoever holds those back holds it back. */
export function batchesNamed({ verification, verdict }: VerifiedReport): string[] {
  if (verdict === 'refuted') return [];
  const named = verification.effective.flatMap(({ data }) =>
    typeof data.batch === 'string' && data.batch.startsWith('batch:') ? [data.batch] : [],
  );
  return [...new Set(named)];
}

/** Those reasons that rest on what the reader verified; of all others there is the service's word. */
export function provenReasons(
  reasons: readonly AuthenticityReason[],
  verified: readonly (keyof PartFacts)[],
): ReadonlySet<AuthenticityReason> {
  return new Set(
    reasons.filter(
      // What was shown, everybody sees.
      (reason) => reason === 'code.none' || reason === 'code.signature' || verified.includes(FACT_OF[reason]),
    ),
  );
}

/** Which fact each reason rests on. */
const FACT_OF: Readonly<Record<AuthenticityReason, keyof PartFacts>> = {
  'code.none': 'code',
  'code.signature': 'code',
  'code.otherLedger': 'code',
  'code.foreignKey': 'code',
  'code.revokedKey': 'code',
  'code.suspended': 'code',
  'code.unknownOrganisation': 'code',
  'code.otherMaker': 'makers',
  'maker.produced': 'makers',
  'maker.inSet': 'makers',
  'maker.contradiction': 'makers',
  'maker.unknown': 'makers',
  'maker.notInSets': 'notInSets',
  'part.scrapped': 'scrapped',
  'part.stolen': 'stolen',
  'part.mounted': 'mounted',
  'part.recalled': 'recalls',
  'part.quarantined': 'quarantines',
  'part.releaseSealed': 'releaseSealed',
  'history.incomplete': 'incomplete',
};

const isVerified = ({ verdict }: Pick<VerifiedReport, 'verdict'>): boolean => verdict === 'verified';

const counting = ({ verification, verdict }: VerifiedReport): readonly EffectiveEntry[] =>
  verdict === 'refuted' ? [] : verification.effective;

const MAKING: ReadonlySet<string> = new Set(['part.produced', 'safetyPart.registered', 'batch.produced']);

/**
 * Kinds whose content, once it is destroyed, leaves open what was said of a part: `safetyPart.registered`, `batch.produced`,
 * `batch.quarantined`, `part.produced` and `amended`, by their numbers, for a page that judges needs no schemas.
 */
const TELLING: ReadonlySet<number> = new Set([16, 96, 99, 103, 120]);

/** Whether what could speak against the part was destroyed: a receipt says who did it, and not what it was. */
function hidesContent({ verification }: VerifiedReport): boolean {
  return verification.entries.some(
    ({ status, chain, link }) => status === 'erased' && typeof chain === 'string' && TELLING.has(link.kind),
  );
}

type Maker = PartFacts['makers'][number];

function makersByEntry(own: VerifiedReport): Maker[] {
  return counting(own)
    .filter(({ kind }) => MAKING.has(kind))
    .flatMap((entry) => makerOf(entry, 'entry'));
}

function makersBySet(batch: VerifiedReport, part: Identifier): Maker[] {
  return counting(batch)
    .filter((entry) => entry.kind === 'batch.produced' && placeOf(batch, entry, part) === 'in')
    .flatMap((entry) => makerOf(entry, 'set'));
}

function makerOf({ organisation }: OpenedEntry, by: Maker['by']): Maker[] {
  return /^[1-9][0-9]*$/.test(organisation)
    ? [{ organisation: BigInt(organisation) as OrganisationId, by }]
    : [];
}

/** Where the part is in what an entry of a batch names: the whole batch, or some serials by a set. */
type Place = 'whole' | 'in' | 'out' | 'unknown';

function placeOf({ verification }: VerifiedReport, { digest, data }: OpenedEntry, part: Identifier): Place {
  if (data.serials === undefined) return 'whole';
  // Some serials of a batch are not the batch.
  if (part.type !== 'serial') return 'out';
  const member = formatIdentifier(part);
  const codes = verification.findings.flatMap(({ code, entries, details }) =>
    entries[0] === digest && details.member === member ? [code] : [],
  );
  if (codes.includes('batch.contains')) return 'in';
  return codes.includes('batch.omits') ? 'out' : 'unknown';
}

type Held = {
  /** Quarantines that hold the part, as far as this report says. */
  readonly open: number;
  /** Of those, the ones in a verified report. */
  readonly proven: number;
  /** Those of which it does not say whether they hold it, or still do. */
  readonly doubtful: number;
  /** Whether a release that ended one may be of other serials: it has fields that nobody can read. */
  readonly releaseSealed: boolean;
};

function openQuarantines(report: VerifiedReport, part: Identifier): Held {
  const effective = counting(report);
  const releases = effective.filter(({ kind }) => kind === 'batch.released');
  // A reason that is sealed holds nothing less back.
  const unreadable = report.verdict === 'refuted' ? [] : report.verification.unreadable;
  const quarantines = [...effective, ...unreadable].filter(({ kind }) => kind === 'batch.quarantined');
  let [open, doubtful, releaseSealed] = [0, 0, false];
  for (const quarantine of quarantines) {
    const place = placeOf(report, quarantine, part);
    if (place === 'out') continue;
    const ends = releases
      .filter((release) => isMeant(release, quarantine))
      .map((release) => {
        const sealed = release.data.serials === undefined && hasSealed(report, release);
        return sealed ? ('sealed' as const) : placeOf(report, release, part);
      });
    if (ends.includes('whole') || ends.includes('in')) continue;
    if (ends.includes('sealed')) releaseSealed = true;
    if (place === 'unknown' || ends.includes('unknown') || ends.includes('sealed')) doubtful += 1;
    else open += 1;
  }
  return { open, proven: isVerified(report) ? open : 0, doubtful, releaseSealed };
}

/** Whether a release is of a quarantine: of the one that it names, else of those before it. */
function isMeant(release: OpenedEntry, quarantine: OpenedEntry): boolean {
  const { quarantined } = release.data;
  if (quarantined !== undefined) return quarantined === quarantine.digest;
  if (release.ledger === quarantine.ledger) return release.position > quarantine.position;
  // Places in two ledgers are no order: the blocks' times are.
  return release.anchoredAt > quarantine.anchoredAt;
}

/** Whether an entry has sealed fields that the reader was not given: which they are, nobody can tell. */
function hasSealed({ verification }: VerifiedReport, { digest, amendedBy }: EffectiveEntry): boolean {
  return verification.entries.some(
    ({ link, seals }) => link.digest === (amendedBy ?? digest) && seals.digests > seals.opened,
  );
}

/** Whether `Parts` has it in another vehicle than the one that it is looked at in. */
function isElsewhere(parts: Verification['parts'], vehicle: VerifiedReport | null | undefined): boolean {
  const mounted = parts.filter(({ part }) => part.state === 'mounted');
  if (vehicle === undefined) return mounted.length > 0;
  // Which vehicle it is shows a transcript only: without one that holds, the service says whether it is another.
  if (vehicle === null || !isIdentified(vehicle)) return false;
  const here = (ledger: string, subject: Subject | null): boolean =>
    vehicle.verification.subjects.some((one) => one.ledger === ledger && one.subject === subject);
  return mounted.some(({ ledger, part }) => !here(ledger, part.vehicle));
}

/** Whether a report's subjects are its identifier's, under the keys of the directory: what else it lacks says nothing here. */
function isIdentified({ verification, verdict }: VerifiedReport): boolean {
  const passed = (name: string): boolean =>
    verification.steps.some(({ step, outcome }) => step === name && outcome === 'passed');
  return verdict !== 'refuted' && passed('subject') && passed('ledgers');
}

/** What the service says of the code's signer; whose code it is, the code says. */
function toldCode({ organisation, signer }: SignedPartCode, told: CodeFacts | null): CodeFacts {
  const { ledger, key, standing } = told ?? { ledger: 'known', key: 'active', standing: 'good' };
  return { organisation, ledger, key: signer === null ? 'none' : key, standing };
}

const KEY_ADDED = 7;
const KEY_REVOKED = 8;

/** What the signer is to the organisation, by a record whose head was verified; null where no report has it. */
function codeFacts(code: SignedPartCode, known: readonly VerifiedReport[]): CodeFacts | null {
  const { organisation, ledger, signer } = code;
  const name = `eip155:${ledger.chainId}:${ledger.address}`;
  const sections = known.flatMap(({ report }) => report.ledgers).filter((section) => section.ledger === name);
  if (known.length > 0 && sections.length === 0) {
    return {
      organisation,
      ledger: 'other',
      key: signer === null ? 'none' : 'foreign',
      standing: 'unknown',
    };
  }
  const id = organisation.toString();
  const record = sections.flatMap(({ organisations }) => organisations).find((one) => one.id === id);
  const standing = known
    .flatMap(({ verification }) => verification.organisations)
    .find((one) => one.ledger === name && one.id === organisation)?.standing;
  if (record === undefined || standing === undefined) return null;
  const of = (change: number): boolean =>
    signer !== null &&
    record.changes.some((one) => one.change === change && one.value.endsWith(signer.slice(2)));
  return {
    organisation,
    ledger: 'known',
    key:
      signer === null
        ? 'none'
        : standing.signers.has(signer)
          ? 'active'
          : of(KEY_ADDED) || of(KEY_REVOKED)
            ? 'revoked'
            : 'foreign',
    standing: standing.status,
  };
}
