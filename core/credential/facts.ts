import { sha256 } from '@noble/hashes/sha2.js';
import * as z from 'zod/mini';
import { type Hex, toHex, utf8 } from '../bytes.ts';
import { foldDirectory } from '../chain/directory.ts';
import { foldLinks, isModuleLink } from '../chain/link.ts';
import { severities } from '../findings/finding.ts';
import type { MountedPart } from '../findings/summary.ts';
import { directoryLinksOf, linkOf, type Report } from '../report/report.ts';
import { partsOf } from '../verify/parts.ts';
import type { Verification, VerifiedEntry } from '../verify/result.ts';
import { predecessorsOf } from '../verify/titles.ts';

/*
 * What a credential states: the facts of one report, small enough to be shown, exact enough to be compared with the
 * chain. Names, amounts and free text are not in it.
 */

const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)));
const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,77})$/));
const uint64 = decimal.check(z.refine((text) => !/^[0-9]{1,78}$/.test(text) || BigInt(text) >> 64n === 0n));
const whole = z.int().check(z.gte(0));
const ledgerId = z.string().check(z.regex(/^eip155:[1-9][0-9]{0,19}:0x[0-9a-f]{40}$/));
const code = z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9.]{0,63}$/));
const short = z.string().check(z.maxLength(64));

/** What no credential can prove, and each states: docs/protocol.md §11. */
export const notProvable = [
  'neverSubmitted',
  'otherIdentifier',
  'afterBlock',
  'truthAtSource',
  'sealedFields',
  'copiesElsewhere',
] as const;

export const factsSchema = z.strictObject({
  identifier: z.string().check(z.minLength(1), z.maxLength(256)),
  /** SHA-256 of the report's text. */
  report: hex(32),
  directory: z.strictObject({ chainId: decimal, address: hex(20), head: hex(32) }),
  /** Every ledger of the directory, with the head that the history ends in there. */
  ledgers: z.array(z.strictObject({ ledger: ledgerId, subject: hex(32), head: hex(32), links: whole })),
  /**
   * The histories beside them that count: those that the title was carried over from, and those of the parts that were
   * mounted, where alone it stands that one was stolen since.
   */
  others: z.array(z.strictObject({ ledger: ledgerId, subject: hex(32), head: hex(32), links: whole })),
  /** The own chains of makers and authorities, where their recalls stand. */
  ownChains: z.array(z.strictObject({ ledger: ledgerId, organisation: uint64, head: hex(32), links: whole })),
  /** The block of each chain at which the heads stood so. */
  blocks: z.array(
    z.strictObject({ chainId: decimal, number: whole, hash: hex(32), timestamp: whole, final: z.boolean() }),
  ),
  /** What the issuer found when it checked the report itself. */
  verdict: z.enum(['verified', 'incomplete']),
  coverage: z.strictObject({
    entries: z.strictObject({
      total: whole,
      proven: whole,
      withheld: whole,
      erased: whole,
      void: whole,
      unknownKind: whole,
    }),
    /** Entries that are not shown, and whose they are: an organisation's number, 0 for an owner, or a module's address. */
    withheld: z.array(z.strictObject({ digest: hex(32), attester: z.union([decimal, hex(20)]) })),
    unreadLedgers: z.array(ledgerId),
    /** The organisations whose recalls are known whole: "no recall" reaches no further. */
    recallAttesters: z.array(decimal),
    notProvable: z.array(z.enum(notProvable)),
  }),
  findings: z.array(z.strictObject({ code, severity: z.enum(severities), evidence: z.array(hex(32)) })),
  keyFigures: z.strictObject({
    firstTime: z.nullable(short),
    lastTime: z.nullable(short),
    /** The title, as its actions leave it; `none` where none was issued. */
    title: z.enum(['none', 'held', 'exported', 'scrapped', 'replaced', 'unknown']),
    stolen: z.boolean(),
    holders: whole,
    odometer: z.nullable(z.strictObject({ value: z.number(), unit: short, time: short, grade: code })),
    discrepancies: whole,
    openLiens: whole,
    openOppositions: whole,
    openSeizures: whole,
    accidents: whole,
    claims: whole,
    brands: z.array(short),
    openRecalls: whole,
    exported: z.boolean(),
    withdrawn: z.boolean(),
    /** The safety parts that are in it, by what became of them. */
    safetyParts: z.strictObject({ mounted: whole, stolen: whole, scrapped: whole, unknown: whole }),
  }),
});

export type CredentialFacts = z.infer<typeof factsSchema>;

function partsIn(parts: readonly MountedPart[]): CredentialFacts['keyFigures']['safetyParts'] {
  const counts = { mounted: 0, stolen: 0, scrapped: 0, unknown: 0 };
  for (const { state } of parts) counts[state] += 1;
  return counts;
}

/** SHA-256 of a report's text: which report it is, wherever it is quoted. */
export function reportDigest(text: string): Hex {
  return toHex(sha256(utf8(text)));
}

/**
 * The facts of a report, as far as a verification bears them out.
 * @param text the report's text, exactly as it is handed out
 * @param verification what `verify` gave for it; never of a refuted report
 */
export function factsOf(text: string, report: Report, verification: Verification): CredentialFacts {
  if (verification.verdict === 'refuted') throw new TypeError('a refuted report has no facts');
  const { summary } = verification;
  const read = new Set(verification.asOf.map(({ chainId }) => chainId.toString()));
  const own = verification.entries.filter(({ chain }) => typeof chain === 'string');
  const count = (status: VerifiedEntry['status']): number =>
    own.filter((entry) => entry.status === status).length;
  const latest = summary?.odometer.latest ?? null;
  return {
    identifier: report.identifier,
    report: reportDigest(text),
    directory: {
      chainId: report.directory.chainId,
      address: report.directory.address,
      head: foldDirectory(directoryLinksOf(report)),
    },
    ledgers: report.ledgers.map(({ ledger, subject, links }) => ({
      ledger,
      subject,
      head: foldLinks(links.map(linkOf)),
      links: links.length,
    })),
    others: report.ledgers.flatMap((section) =>
      [...predecessorsOf(section), ...partsOf(section)].map(({ subject, links }) => ({
        ledger: section.ledger,
        subject,
        head: foldLinks(links.map(linkOf)),
        links: links.length,
      })),
    ),
    ownChains: report.ledgers.flatMap(({ ledger, ownChains }) =>
      ownChains.map(({ organisation, links }) => ({
        ledger,
        organisation,
        head: foldLinks(links.map(linkOf)),
        links: links.length,
      })),
    ),
    blocks: verification.asOf.map(({ chainId, block, final }) => ({
      chainId: chainId.toString(),
      number: Number(block.number),
      hash: block.hash,
      timestamp: Number(block.timestamp),
      final,
    })),
    verdict: verification.verdict,
    coverage: {
      entries: {
        total: own.length,
        proven: count('proven'),
        withheld: count('withheld'),
        erased: count('erased'),
        void: count('void'),
        unknownKind: count('unknownKind'),
      },
      withheld: own
        .filter(({ status }) => status === 'withheld')
        .map(({ link, action }) => ({
          digest: link.digest,
          attester: isModuleLink(link)
            ? (action?.organisation.toString() ?? link.module)
            : link.organisation.toString(),
        })),
      unreadLedgers: [
        ...report.ledgers.flatMap(({ ledger }) => (read.has(ledger.split(':')[1] ?? '') ? [] : [ledger])),
        ...(report.unread ?? []).map(({ ledger }) => ledger),
      ],
      recallAttesters: [...(summary?.recalls.attesters ?? [])],
      notProvable: [...notProvable],
    },
    findings: verification.findings.map(({ code, severity, entries }) => ({
      code,
      severity,
      evidence: [...entries],
    })),
    keyFigures: {
      firstTime: summary?.firstTime ?? null,
      lastTime: summary?.lastTime ?? null,
      title: summary?.title?.state ?? 'none',
      stolen: summary?.stolen ?? false,
      holders: summary?.holders ?? 0,
      odometer:
        latest === null
          ? null
          : {
              value: latest.reading.value,
              unit: latest.reading.unit,
              time: latest.time,
              grade: latest.grade,
            },
      discrepancies: summary?.odometer.discrepancies ?? 0,
      openLiens: summary?.liens.length ?? 0,
      openOppositions: summary?.oppositions.length ?? 0,
      openSeizures: summary?.seizures.length ?? 0,
      accidents: summary?.accidents ?? 0,
      claims: summary?.claims ?? 0,
      brands: (summary?.brands ?? []).map((brand) => brand.code),
      openRecalls: (summary?.recalls.campaigns ?? []).filter(({ state }) => state === 'open').length,
      exported: summary?.exported != null,
      withdrawn: summary?.withdrawn != null,
      safetyParts: partsIn(summary?.safetyParts ?? []),
    },
  };
}
