import { fromBase64Url, type Hex } from '../bytes.ts';
import type { OrganisationId } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import type { SignedPartCode } from '../partCode/partCode.ts';
import type { Report } from '../report/report.ts';
import { verifyProof } from '../tree/proof.ts';
import type { Verification, VerifiedEntry } from '../verify/result.ts';
import type { CodeFacts, PartFacts } from './judge.ts';

/*
 * The facts of a part from reports that the reader verified: who made it, what its own chain and its batches' chains say.
 * What no report of the part holds (that it is mounted in somebody's vehicle, that a campaign lists it) only who keeps a
 * graph of all histories can say: of that the service's word is taken along, and named as such.
 */

/** A report, and what verifying it came to. */
export type VerifiedReport = { readonly report: Report; readonly verification: Verification };

/** A batch that may hold the part: its verified report, and the proof against the set of one of its entries. */
export type ListingReport = VerifiedReport & {
  /** The entry whose set it is. */
  readonly digest: string;
  readonly proof: unknown;
};

/** What only the service knows. */
export type ToldFacts = Pick<PartFacts, 'mounted' | 'recalls' | 'notInSets' | 'quarantines'> & {
  /** What the organisation of the code is, where no report has its record. */
  readonly code: CodeFacts | null;
};

export type VerifiedFacts = {
  readonly facts: PartFacts;
  /** Which of the facts rest on verified reports; all others are the service's word. */
  readonly verified: readonly (keyof PartFacts)[];
};

/**
 * @param serial the part's own verified report
 * @param batches those that the service names as listing it
 * @throws nothing: a proof that proves nothing makes nobody a maker
 */
export function factsFromReports(
  identifier: Identifier,
  code: SignedPartCode | null,
  serial: VerifiedReport,
  batches: readonly ListingReport[],
  told: ToldFacts,
): VerifiedFacts {
  const own = provenEntries(serial);
  const makers = [
    ...own.flatMap((entry) => {
      const kind = entry.envelope?.kind;
      if (kind !== 'part.produced' && kind !== 'safetyPart.registered' && kind !== 'batch.produced')
        return [];
      return [{ organisation: attesterOf(entry), by: 'entry' as const }];
    }),
    ...batches.flatMap((batch) => {
      const entry = provenEntries(batch).find(({ link }) => link.digest === batch.digest);
      return entry !== undefined && isListed(entry, identifier, batch.proof)
        ? [{ organisation: attesterOf(entry), by: 'set' as const }]
        : [];
    }),
  ].filter(({ organisation }) => organisation !== 0n);
  const parts = serial.verification.parts.filter(({ whole, subject, chain }) => whole && subject === chain);
  const states = parts.map(({ part }) => part);
  const judged = code === null ? null : codeFacts(code, [serial, ...batches]);
  const whole = serial.verification.verdict === 'verified';
  const held = [serial, ...batches].map(openQuarantines);
  const proven = held.reduce((sum, { open }) => sum + open, 0);
  const asTold = proven === 0 && held.some(({ some }) => some);
  return {
    facts: {
      code: code === null ? null : (judged ?? told.code),
      makers,
      notInSets: told.notInSets,
      scrapped: states.some(({ state }) => state === 'scrapped'),
      stolen: states.some(({ state }) => state === 'stolen'),
      mounted: Math.max(told.mounted, states.some(({ state }) => state === 'mounted') ? 1 : 0),
      recalls: told.recalls,
      quarantines: asTold ? told.quarantines : proven,
    },
    verified: [
      ...(judged === null ? [] : (['code'] as const)),
      'makers',
      ...(asTold ? [] : (['quarantines'] as const)),
      ...(whole ? (['scrapped', 'stolen'] as const) : []),
    ],
  };
}

function provenEntries({ verification }: VerifiedReport): VerifiedEntry[] {
  if (verification.verdict === 'refuted') return [];
  // By whoever may: verifying has found out.
  const retracted = new Set(
    verification.findings.flatMap(({ code, entries }) => (code === 'entry.retracted' ? entries : [])),
  );
  return verification.entries.filter(
    ({ status, chain, link }) =>
      status === 'proven' && typeof chain === 'string' && !retracted.has(link.digest),
  );
}

function attesterOf({ link, action }: VerifiedEntry): OrganisationId {
  return 'organisation' in link ? link.organisation : (action?.organisation ?? (0n as OrganisationId));
}

function isListed({ envelope }: VerifiedEntry, identifier: Identifier, proof: unknown): boolean {
  const set = envelope?.data.serials as { serialsRoot: Hex; treeKey: string } | undefined;
  if (envelope?.kind !== 'batch.produced' || set === undefined) return false;
  try {
    return verifyProof(set.serialsRoot, fromBase64Url(set.treeKey), identifier, proof) === 'in';
  } catch (error) {
    if (error instanceof VinculumError) return false;
    throw error;
  }
}

/**
 * Quarantines of the whole thing that no release ended for any of it; and whether some of its serials are, or were not,
 * released alone: which they are only the service can tell, by sets that it holds.
 */
function openQuarantines(report: VerifiedReport): { readonly open: number; readonly some: boolean } {
  const entries = provenEntries(report);
  const isEnded = (digest: string, index: number, bySome: boolean): boolean =>
    entries.some(({ envelope }, at) => {
      if (envelope?.kind !== 'batch.released') return false;
      const { quarantined, serials } = envelope.data;
      if ((serials !== undefined) !== bySome) return false;
      return quarantined === undefined ? at > index : quarantined === digest;
    });
  const held = entries.flatMap(({ envelope, link: { digest } }, index) => {
    if (envelope?.kind !== 'batch.quarantined' || isEnded(digest, index, false)) return [];
    return [{ some: envelope.data.serials !== undefined || isEnded(digest, index, true) }];
  });
  const some = held.filter((one) => one.some).length;
  return { open: held.length - some, some: some > 0 };
}

const KEY_ADDED = 7;
const KEY_REVOKED = 8;

/** What the signer is to the organisation, by a record whose head was verified; null where no report has it. */
function codeFacts(code: SignedPartCode, reports: readonly VerifiedReport[]): CodeFacts | null {
  const { organisation, ledger, signer } = code;
  const name = `eip155:${ledger.chainId}:${ledger.address}`;
  const known = reports.filter(({ verification }) => verification.verdict !== 'refuted');
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
