import { factsFromReports, type VerifiedReport } from '../../core/authenticity/fromReports.ts';
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
import type { Identifier } from '../../core/identifiers/identifier.ts';
import { PART_CODE_PATTERN, readPartCode, type SignedPartCode } from '../../core/partCode/partCode.ts';
import type { Report } from '../../core/report/report.ts';
import type { Verification } from '../../core/verify/result.ts';
import { attesterKey } from './attesterKey.ts';
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

/** What the service answered. */
export type Told = {
  readonly state: Authenticity['state'];
  readonly reasons: readonly AuthenticityReason[];
  readonly flags: readonly ScanFlag[];
  readonly facts: PartFacts;
  readonly sets: readonly { readonly batch: string; readonly entry: string; readonly proof: unknown }[];
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
    sets: listIn(answer.sets).map(({ batch, entry, proof }) => ({
      batch: String(batch),
      entry: String(entry),
      proof,
    })),
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

/** A report that this browser has verified. */
export type Verified = { readonly verification: Verification; readonly view: ReportView };

/** What follows from reports that this browser has verified, and what only the service says. */
export type Judged = Authenticity & {
  /** The reasons that are proven here; of the others there is the service's word. */
  readonly proven: ReadonlySet<AuthenticityReason>;
  /** The service came to another state than what is proven allows. */
  readonly differs: boolean;
};

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
};

/**
 * Judges a part by what the browser has proven, and by the service's word where no report of the part can prove it.
 * @param own the part's own report, verified
 * @param batches the reports of the batches that the service names, verified, by their identifiers
 */
export function judge(
  asked: Asked,
  told: Told,
  own: Verified,
  batches: ReadonlyMap<string, Verified>,
): Judged {
  const listings = told.sets.flatMap(({ batch, entry, proof }) => {
    const found = batches.get(batch);
    return found === undefined ? [] : [{ ...reportOf(found), digest: entry, proof }];
  });
  const { facts, verified } = factsFromReports(
    asked.identifier,
    asked.code,
    reportOf(own),
    listings,
    told.facts,
  );
  const judged = judgePart(facts);
  const whole = own.verification.verdict === 'verified';
  const mounted = own.verification.parts.some(
    ({ whole: known, subject, chain, part }) => known && subject === chain && part.state === 'mounted',
  );
  const proven = judged.reasons.filter((reason) => {
    if (reason === 'code.none' || reason === 'code.signature') return true;
    if (reason === 'part.mounted') return mounted;
    // That nobody says so is shown only by a history that is whole.
    if (reason === 'maker.unknown') return whole;
    return verified.includes(FACT_OF[reason]);
  });
  return { ...judged, proven: new Set(proven), differs: judged.state !== told.state };
}

/** A verified report as far as the judgement reads it: the record of each organisation, under each ledger. */
function reportOf({ verification, view }: Verified): VerifiedReport {
  const numbers = new Map(Object.entries(changes).map(([number, name]) => [name as string, Number(number)]));
  const ledgers = verification.subjects.map(({ ledger }) => ({
    ledger,
    organisations: view.attesters
      .filter(({ key, id }) => key === attesterKey(ledger, id))
      .map(({ id, changes: made }) => ({
        id,
        changes: made.map(({ change, timestamp, value }) => ({
          change: numbers.get(change) ?? 0,
          timestamp,
          value,
        })),
      })),
  }));
  return { report: { ledgers } as unknown as Report, verification };
}
