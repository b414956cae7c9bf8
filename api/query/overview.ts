import type { Json } from '../../core/canonical.ts';
import { foldLinks } from '../../core/chain/link.ts';
import { standingAt } from '../../core/chain/organisation.ts';
import { type LedgerId, type OrganisationId, ZERO_SUBJECT } from '../../core/chain/types.ts';
import { readableFields } from '../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { checkDigit, type Vin } from '../../core/identifiers/vin.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import {
  actionOf,
  changesOf,
  isOpenContent,
  type LedgerSection,
  linkOf,
  type Report,
  type ReportLink,
  type ReportOrganisation,
  sectionNames,
} from '../../core/report/report.ts';
import { conclude } from '../../core/verify/conclude.ts';
import { judgeDisclosures, judgeEntry } from '../../core/verify/entries.ts';
import { verifyParts } from '../../core/verify/parts.ts';
import type { VerifiedEntry, VerifiedOrganisation } from '../../core/verify/result.ts';
import { verifyTitle } from '../../core/verify/titles.ts';

/**
 * What a history comes to, as the service reads it: the same rules that a reader applies, but the reader has to take
 * the service's word that nothing was left out. Only a report can be checked.
 */
export function overviewOf(report: Report, identifier: Identifier, own: LedgerId) {
  const entries: VerifiedEntry[] = [];
  const organisations: VerifiedOrganisation[] = [];
  for (const section of report.ledgers) {
    entries.push(...judgeSection(report, section));
    organisations.push(
      ...section.organisations.map((organisation) => verifiedOrganisation(section, organisation)),
    );
  }
  const section = report.ledgers.find(({ ledger }) => ledger === own) ?? report.ledgers[0];
  const asOf = BigInt(section?.asOf.timestamp ?? report.createdAt);
  const titles = report.ledgers.flatMap((shown) => {
    const title = verifyTitle(shown, asOf, () => undefined);
    return title === null ? [] : [title];
  });
  const parts = report.ledgers.flatMap((shown) => verifyParts(shown, () => undefined));
  const checked = { entries, organisations, titles, parts };
  const { findings, summary } = conclude(report, identifier, checked, asOf, () => undefined);
  return {
    identifier: formatIdentifier(identifier),
    ...(identifier.type === 'vin' ? { checkDigit: checkDigit(identifier.value as Vin) } : {}),
    subject: section?.subject ?? ZERO_SUBJECT,
    ledger: section?.ledger ?? own,
    head: foldLinks((section?.links ?? []).map(linkOf)),
    asOf: section?.asOf ?? { number: 0, hash: ZERO_SUBJECT, timestamp: 0 },
    recorded: report.ledgers.some(({ links }) => links.length > 0),
    unread: (report.unread ?? []).map(({ ledger, reason }) => ({ ledger, reason })),
    findings,
    summary,
    entries: entries.flatMap((entry) => (typeof entry.chain === 'string' ? [entryView(entry)] : [])),
    campaigns: entries.flatMap((entry) =>
      typeof entry.chain === 'string'
        ? []
        : [{ attester: entry.chain.organisation.toString(), ...entryView(entry) }],
    ),
    organisations: attestersOf(report).map(organisationView),
  };
}

/** Each once, however many ledgers it attested in; the first section's where registers differ. */
function attestersOf(report: Report): ReportOrganisation[] {
  const all = report.ledgers.flatMap(({ organisations }) => organisations);
  return all.filter(({ id }, index) => all.findIndex((other) => other.id === id) === index);
}

export type Overview = ReturnType<typeof overviewOf>;

function judgeSection(report: Report, section: LedgerSection): VerifiedEntry[] {
  const { ledger, subject } = sectionNames(section);
  const judge = (
    reportLink: ReportLink,
    position: number,
    chain: VerifiedEntry['chain'],
    place: Parameters<typeof judgeEntry>[1],
  ): VerifiedEntry => {
    const link = linkOf(reportLink);
    const content = report.contents[link.digest];
    const judged = judgeEntry(link, place, content);
    const { sealed, seals } =
      judged.envelope === undefined
        ? { sealed: {}, seals: { digests: 0, opened: 0 } }
        : judgeDisclosures(judged.envelope, isOpenContent(content) ? content.disclosures : []);
    const { action = null } = place;
    return {
      ledger,
      chain,
      position,
      link,
      sealed,
      seals,
      ...judged,
      ...(action === null ? {} : { action }),
    };
  };
  const place = { ledger, subject, identifier: report.identifier };
  const own = section.ownChains.flatMap((chain) => {
    const organisation = BigInt(chain.organisation) as OrganisationId;
    const ownPlace = { ledger, subject: ZERO_SUBJECT, identifier: `organisation:${organisation}` };
    return chain.links.map((link, position) => judge(link, position, { organisation }, ownPlace));
  });
  const links = section.links.map((link, position) =>
    judge(link, position, subject, { ...place, action: actionOf(link) }),
  );
  return [...links, ...own];
}

function verifiedOrganisation(section: LedgerSection, claim: ReportOrganisation): VerifiedOrganisation {
  return {
    ledger: sectionNames(section).ledger,
    id: BigInt(claim.id) as OrganisationId,
    standing: standingAt(changesOf(claim)),
    profile: parseProfile(claim.profile),
  };
}

function entryView(entry: VerifiedEntry) {
  const { link, envelope } = entry;
  const data = envelope === undefined ? {} : readableFields(envelope, entry.sealed).data;
  return {
    digest: link.digest,
    ledger: entry.ledger,
    position: entry.position,
    kind: kindByNumber(link.kind)?.name ?? String(link.kind),
    ...('organisation' in link ? { organisation: link.organisation.toString() } : { actor: link.actor }),
    ...(entry.action === undefined || entry.action.organisation === 0n
      ? {}
      : { organisation: entry.action.organisation.toString() }),
    anchoredAt: Number(link.timestamp),
    status: entry.status,
    ...(entry.code === undefined ? {} : { code: entry.code }),
    ...(envelope === undefined ? {} : { time: envelope.time, data }),
    sealed: entry.sealed,
  };
}

/** An organisation as its record and its profile state it. */
export function organisationView(claim: ReportOrganisation) {
  const standing = standingAt(changesOf(claim));
  return {
    id: claim.id,
    status: standing.status,
    kinds: kindNamesOf(standing.kinds),
    successor: standing.successor?.toString() ?? null,
    profile: parseProfile(claim.profile),
  };
}

function kindNamesOf(bitmap: bigint): string[] {
  const names: string[] = [];
  for (let number = 0; number < 256; number++) {
    if (((bitmap >> BigInt(number)) & 1n) === 1n) names.push(kindByNumber(number)?.name ?? String(number));
  }
  return names;
}

/** What an organisation says of itself; null where it is not here, or is no JSON. */
export function parseProfile(text: string | null): Json {
  if (text === null) return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
