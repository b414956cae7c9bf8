import {
  factsFromReports,
  type PartReports,
  provenReasons,
  type VerifiedReport,
} from '../../core/authenticity/fromReports.ts';
import {
  type Authenticity,
  type AuthenticityReason,
  authenticityReasons,
  authenticityStates,
  judgePart,
  type PartFacts,
} from '../../core/authenticity/judge.ts';
import { type ScanFlag, scanFlags } from '../../core/authenticity/scans.ts';
import { changes } from '../../core/chain/organisation.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier, subjectTypeOf } from '../../core/identifiers/identifier.ts';
import { PART_CODE_PATTERN, readPartCode, type SignedPartCode } from '../../core/partCode/partCode.ts';
import type { Verification } from '../../core/verify/result.ts';
import { attesterKey } from './attesterKey.ts';
import type { Judgement } from './judgement.ts';
import type { ReportView } from './view.ts';
import { readableIdentifier } from './vinFeedback.ts';

/** What somebody asks about: a code, or the number of a part or batch. */
export type Asked =
  | {
      readonly of: 'code';
      readonly code: SignedPartCode;
      readonly text: string;
      readonly identifier: Identifier;
    }
  | { readonly of: 'number'; readonly code: null; readonly text: string; readonly identifier: Identifier };

/**
 * What a text asks about, with the maker for a bare serial number.
 * @throws `partCode.*` for a code that is none; `check.number` for what is no number of a part or batch
 */
export function readAsked(text: string, maker = ''): Asked {
  const plain = text.trim();
  const code = plain.includes('#check=') ? plain.slice(plain.indexOf('#check=') + '#check='.length) : plain;
  if (/^VN\d{1,3}\./.test(code)) {
    const read = readPartCode(code);
    if (!PART_CODE_PATTERN.test(code)) throw new VinculumError('partCode.malformed', 'This is no part code.');
    return { of: 'code', code: read, text: code, identifier: read.identifier };
  }
  const named = /^(?:serial|batch):/.test(code)
    ? code
    : maker.trim() === ''
      ? ''
      : `serial:${maker.trim()}:${code}`;
  const identifier = named === '' ? null : readableIdentifier(named);
  if (identifier === null || (identifier.type !== 'serial' && identifier.type !== 'batch')) {
    throw new VinculumError('check.number', 'This is no number of a part or batch.');
  }
  return { of: 'number', code: null, text: code, identifier };
}

/** What else somebody says who asks: a country, and the vehicle in front of them. Nothing finer is ever sent. */
export type Surroundings = {
  readonly place?: { readonly country: string };
  /** Its identifier. */
  readonly vehicle?: string;
};
export const NO_SURROUNDINGS: Surroundings = {};

/** @throws `check.vehicle` for what is no number of a vehicle */
export function readSurroundings(country: string, vehicle: string): Surroundings {
  const plain = vehicle.trim();
  const identifier = plain === '' ? null : readableIdentifier(plain);
  if (plain !== '' && (identifier === null || subjectTypeOf(identifier) !== 'vehicle')) {
    throw new VinculumError('check.vehicle', 'This is no number of a vehicle.');
  }
  return {
    ...(country === '' ? {} : { place: { country } }),
    ...(identifier === null ? {} : { vehicle: formatIdentifier(identifier) }),
  };
}

/** What the service answered. */
export type Told = {
  readonly state: Authenticity['state'];
  readonly reasons: readonly AuthenticityReason[];
  readonly flags: readonly ScanFlag[];
  readonly facts: PartFacts;
  /** The batches whose sets hold it. */
  readonly sets: readonly string[];
  readonly recalls: readonly { readonly organisation: string; readonly campaign: string }[];
};

type Loose = Readonly<Record<string, unknown>>;
const listIn = (value: unknown): readonly Loose[] =>
  (Array.isArray(value) ? (value as unknown[]) : []).filter(
    (one): one is Loose => one !== null && typeof one === 'object',
  );

/** @throws `service.malformed` */
export function readTold(answer: Loose): Told {
  const state = authenticityStates.find((one) => one === answer.state);
  const { facts } = answer;
  if (state === undefined || facts === null || typeof facts !== 'object') {
    throw new VinculumError('service.malformed', 'The answer is not what such a service answers.');
  }
  const said = facts as Loose;
  const count = (name: string): number => (typeof said[name] === 'number' ? (said[name] as number) : 0);
  const code = answer.code === null || typeof answer.code !== 'object' ? null : (answer.code as Loose);
  const one = <T extends string>(known: readonly T[], value: unknown, otherwise: T): T =>
    known.find((name) => name === value) ?? otherwise;
  return {
    state,
    reasons: authenticityReasons.filter(
      (name) => Array.isArray(answer.reasons) && answer.reasons.includes(name),
    ),
    flags: scanFlags.filter((name) => Array.isArray(answer.flags) && answer.flags.includes(name)),
    facts: {
      code:
        code === null
          ? null
          : {
              organisation: organisationIn(code.organisation),
              ledger: one(['known', 'other'], code.ledger, 'other'),
              key: one(['active', 'revoked', 'foreign', 'none'], code.key, 'none'),
              standing: one(['good', 'suspended', 'unknown'], code.standing, 'unknown'),
            },
      makers: listIn(answer.makers).map(({ organisation, by }) => ({
        organisation: organisationIn(organisation),
        by: by === 'set' ? 'set' : 'entry',
      })),
      notInSets: said.notInSets === true,
      scrapped: said.scrapped === true,
      stolen: said.stolen === true,
      mounted: count('mounted'),
      recalls: count('recalls'),
      quarantines: count('quarantines'),
    },
    sets: [...new Set(listIn(answer.sets).map(({ batch }) => String(batch)))],
    recalls: listIn(answer.recalls).map(({ organisation, campaign }) => ({
      organisation: String(organisation),
      campaign: String(campaign),
    })),
  };
}

function organisationIn(value: unknown): OrganisationId {
  if (typeof value === 'string' && /^[1-9]\d{0,19}$/.test(value)) return BigInt(value) as OrganisationId;
  throw new VinculumError('service.malformed', 'The answer is not what such a service answers.');
}

/** A report that this browser has verified, and what this reader's circumstances leave of that. */
export type Verified = {
  readonly verification: Verification;
  readonly view: ReportView;
  readonly judgement: Judgement;
};

export type VerifiedAll = {
  readonly own: Verified;
  /** Of the batches that it may be of; `failed` where the report could not be had. */
  readonly batches: readonly (Verified | 'failed')[];
  /** How many more batches were named than are looked into. */
  readonly unread: number;
  /** Of the vehicle that it is looked at in, where one was named. */
  readonly vehicle: Verified | 'failed' | null;
};

/** What follows from reports that this browser has verified, and what only the service says. */
export type Judged = Authenticity & {
  /** The reasons that are proven here; of the others there is the service's word. */
  readonly proven: ReadonlySet<AuthenticityReason>;
  /** Whether what the code's key is to its organisation is proven here. */
  readonly codeProven: boolean;
  /** The service came to another state than what is proven allows. */
  readonly differs: boolean;
  /** Whether every report of the part and its batches is good enough for a green light: verified, of a final block, and not old. */
  readonly green: boolean;
};

/**
 * Judges a part by what the browser has proven, and by the service's word where no report of the part can prove it.
 * @throws `check.refuted` where a report is not what the ledger holds
 */
export function judge(asked: Asked, told: Told, verified: VerifiedAll): Judged {
  const { own, batches, vehicle } = verified;
  const read = batches.filter((one) => one !== 'failed');
  const all = [own, ...read];
  const around = vehicle === null || vehicle === 'failed' ? [] : [vehicle];
  if ([...all, ...around].some(({ judgement }) => judgement.verdict === 'refuted')) {
    throw new VinculumError('check.refuted', 'What the service says is not what the ledger holds.');
  }
  const reports: PartReports = {
    own: reportOf(own),
    batches: read.map(reportOf),
    unread: verified.unread + batches.length - read.length,
    ...(vehicle === null ? {} : { vehicle: vehicle === 'failed' ? null : reportOf(vehicle) }),
  };
  const found = factsFromReports(asked.identifier, asked.code, reports, told.facts);
  const judged = judgePart(found.facts);
  // That less can be proven here than the service knows is no other word than its.
  const less = found.facts.incomplete === true || found.facts.releaseSealed === true;
  return {
    ...judged,
    proven: provenReasons(judged.reasons, found.verified),
    codeProven: found.verified.includes('code'),
    differs: judged.state !== told.state && !(less && judged.state === 'unknown'),
    green: all.every(({ judgement }) => judgement.light === 'good'),
  };
}

/** A verified report as far as the judgement reads it: the record of each organisation, under each ledger. */
export function reportOf({ verification, view, judgement }: Verified): VerifiedReport {
  const numbers = new Map(Object.entries(changes).map(([number, name]) => [name as string, Number(number)]));
  const ledgers = verification.subjects.map(({ ledger }) => ({
    ledger,
    organisations: view.attesters
      .filter(({ key, id }) => key === attesterKey(ledger, id))
      .map(({ id, changes: made }) => ({
        id,
        changes: made.map(({ change, value }) => ({ change: numbers.get(change) ?? 0, value })),
      })),
  }));
  // An old block may be one from before the theft.
  const stale = judgement.reservations.some(({ code }) => code === 'asOf.stale');
  const verdict = stale && judgement.verdict === 'verified' ? 'incomplete' : judgement.verdict;
  return { report: { ledgers }, verification, verdict };
}
