import { fromBase64Url, type Hex } from '../bytes.ts';
import { formatLedgerId } from '../chain/ledgerId.ts';
import { isModuleLink } from '../chain/link.ts';
import type { Address, LedgerId, OrganisationId } from '../chain/types.ts';
import { readableFields } from '../envelope/envelope.ts';
import { deriveFindings } from '../findings/findings.ts';
import type { OpenedEntry } from '../findings/openedEntry.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../identifiers/identifier.ts';
import { kindByNumber } from '../kinds/kinds.ts';
import type { Report } from '../report/report.ts';
import { verifyProof } from '../tree/proof.ts';
import { codeOf } from './entries.ts';
import type {
  Check,
  Verification,
  VerifiedEntry,
  VerifiedOrganisation,
  VerifiedPart,
  VerifiedTitle,
} from './result.ts';

export type Conclusion = Pick<
  Verification,
  'findings' | 'summary' | 'effective' | 'effectiveOwn' | 'unreadable' | 'retracted'
>;

/** What the steps before have left. */
export type Checked = {
  readonly entries: readonly VerifiedEntry[];
  readonly organisations: readonly VerifiedOrganisation[];
  readonly titles: readonly VerifiedTitle[];
  readonly parts: readonly VerifiedPart[];
};

/**
 * Step 7: campaigns' sets are checked for this identifier, a batch's for the serial that was asked for, then the rules are applied to what is proven.
 * @param asOf the time up to which the history is known, seconds since 1970
 */
export function conclude(
  report: Report,
  identifier: Identifier | null,
  { entries, organisations, titles, parts }: Checked,
  asOf: bigint,
  note: (check: Check) => void,
): Conclusion {
  if (identifier === null) {
    return { findings: [], summary: null, effective: [], effectiveOwn: [], unreadable: [], retracted: [] };
  }
  const countries = new Map(organisations.map(({ id, profile }) => [id, countryOf(profile)]));
  const registers = registersOf(report);
  const register = (ledger: LedgerId): string => registers.get(ledger) ?? ledger;
  const successors = new Map(
    organisations.map(({ ledger, id, standing }) => [
      `${register(ledger)} ${id}`,
      standing.successor?.toString(),
    ]),
  );
  const history: OpenedEntry[] = [];
  const own: OpenedEntry[] = [];
  const registerOf = new Map<OpenedEntry, string>();
  const builders = new Map<string, { readonly organisation: string; readonly register: string }>();
  const member = memberOf(report, identifier, note);
  const placed = member === null ? null : listedBy(report, member, note);
  for (const entry of entries) {
    if (typeof entry.chain !== 'string') continue;
    const shown = openedEntry(entry, countries);
    const opened = placed === null ? shown : placed(shown, entry.seals.digests - entry.seals.opened);
    const of = { organisation: opened.organisation, register: register(entry.ledger) };
    registerOf.set(opened, of.register);
    history.push(opened);
    // Erasing what was built frees nobody from showing its maker’s campaigns.
    const stands = opened.status === 'proven' || opened.status === 'erased';
    if (opened.kind === 'vehicle.built' && stands) {
      builders.set(`${of.register} ${of.organisation}`, of);
    }
  }
  const affected = affectedBy(report, identifier, note);
  for (const entry of entries) {
    if (typeof entry.chain === 'string') continue;
    const opened = affected(openedEntry(entry, countries));
    // Another register's organisation of the maker's number says nothing of the maker's campaigns.
    const makers = [...builders.values()].filter(({ organisation }) => organisation === opened.organisation);
    const of = register(entry.ledger);
    if (makers.length > 0 && makers.every((maker) => maker.register !== of)) continue;
    registerOf.set(opened, of);
    own.push(opened);
  }
  // A maker's campaigns stand on its own chain in each ledger where it can write: an empty one proves nothing of others.
  for (const { organisation, register: of } of builders.values()) {
    for (const { ledger, ownChains } of report.ledgers) {
      if (register(ledger as LedgerId) !== of) continue;
      if (ownChains.some((chain) => chain.organisation === organisation)) continue;
      note({ outcome: 'incomplete', code: 'ownChain.leftOut', at: { ledger, organisation } });
    }
  }
  const shown = new Set(
    report.ledgers.flatMap(({ ownChains }) => ownChains.map(({ organisation }) => organisation)),
  );
  return deriveFindings(history, {
    own,
    titles,
    parts,
    recallAttesters: [...shown],
    recallMakers: [...new Set([...builders.values()].map(({ organisation }) => organisation))].filter(
      (maker) => shown.has(maker),
    ),
    ...(member === null ? {} : { member: formatIdentifier(member) }),
    maySupersede: (original, by, given) => {
      const of = registerOf.get(given.original);
      if (of !== registerOf.get(given.by)) return false;
      return original === by || successors.get(`${of} ${original}`) === by;
    },
    asOf: new Date(Number(asOf > LAST_SECOND ? LAST_SECOND : asOf) * 1000)
      .toISOString()
      .replace('.000Z', 'Z'),
  });
}

/** The end of the year 9999: no calendar here goes further, whatever a file says. */
const LAST_SECOND = 253_402_300_799n;

/** The register of organisations that each ledger of the directory takes its attesters from. */
function registersOf(report: Report): ReadonlyMap<LedgerId, string> {
  return new Map(
    report.directory.links.flatMap((link): [LedgerId, string][] => {
      if (link.change !== 'added') return [];
      const ledger = formatLedgerId({ chainId: BigInt(link.chainId), address: link.ledger as Address });
      return [[ledger, `eip155:${link.chainId}:${link.organisations}`]];
    }),
  );
}

function countryOf(profile: VerifiedOrganisation['profile']): string | undefined {
  if (profile === null || typeof profile !== 'object' || Array.isArray(profile)) return undefined;
  const { country } = profile as { country?: unknown };
  return typeof country === 'string' ? country : undefined;
}

/** An entry as the rules take it: public fields that its signer sealed, and disclosures opened, stand among its data. */
export function openedEntry(
  entry: Omit<VerifiedEntry, 'seals' | 'erasures'>,
  countries: ReadonlyMap<OrganisationId, string | undefined> = new Map(),
): OpenedEntry {
  const { link, envelope, status, position, erasure } = entry;
  const { data, sealed, missing } =
    envelope === undefined
      ? { data: {}, sealed: entry.sealed, missing: [] }
      : readableFields(envelope, entry.sealed);
  const attester = isModuleLink(link) ? entry.action?.organisation : link.organisation;
  const country = attester === undefined ? undefined : countries.get(attester);
  return {
    digest: link.digest,
    ledger: entry.ledger,
    kind: envelope?.kind ?? kindByNumber(link.kind)?.name ?? link.kind.toString(),
    kindVersion: envelope?.kindVersion ?? 1,
    organisation: attester?.toString() ?? (isModuleLink(link) ? link.module : ''),
    ...(isModuleLink(link) && envelope !== undefined ? { identifier: envelope.identifier } : {}),
    time: envelope?.time ?? '',
    anchoredAt: Number(link.timestamp),
    position,
    status,
    data,
    sealed,
    ...(missing.length === 0 ? {} : { missing }),
    ...(erasure === undefined ? {} : { erasure }),
    ...(country === undefined ? {} : { country }),
  };
}

/** Whether an entry names a set of vehicles, or may name one, that is sealed: nobody can tell who is in it. */
function mayHideSet({ kind, missing = [], data }: OpenedEntry): boolean {
  if (missing.length === 0) return false;
  if (kind === 'recall.opened' || kind === 'recall.extended') return true;
  const amends = data.kind;
  return kind === 'amended' && (amends === undefined || String(amends).startsWith('recall.'));
}

/**
 * Adds to each entry that names a set of vehicles whether a proof shows the identifier in it. An amendment that names the
 * set of its original needs no proof of its own; one that names another set does.
 */
function affectedBy(
  report: Report,
  identifier: Identifier,
  note: (check: Check) => void,
): (entry: OpenedEntry) => OpenedEntry {
  const known = new Map<string, OpenedEntry['affected']>();
  return (entry) => {
    const amended = entry.kind === 'amended';
    const named = (amended ? entry.data.data : entry.data) as
      | { affectedRoot?: unknown; treeKey?: unknown }
      | undefined;
    const { affectedRoot, treeKey } = named ?? {};
    const at = { organisation: entry.organisation, digest: entry.digest };
    if (typeof affectedRoot !== 'string' || typeof treeKey !== 'string') {
      if (!mayHideSet(entry)) return entry;
      note({ outcome: 'incomplete', code: 'recall.sealed', at });
      return { ...entry, affected: 'unknown' };
    }
    const set = `${affectedRoot} ${treeKey}`;
    const content = report.contents[entry.digest];
    const proof = content !== undefined && 'setProof' in content ? content.setProof : undefined;
    if (proof === undefined) {
      const same = amended ? known.get(set) : undefined;
      if (same !== undefined) return { ...entry, affected: same };
      note({ outcome: 'incomplete', code: 'recall.proofMissing', at });
      return { ...entry, affected: 'unknown' };
    }
    try {
      const affected = verifyProof(affectedRoot as Hex, fromBase64Url(treeKey), identifier, proof);
      known.set(set, affected);
      note({ outcome: 'passed', code: affected === 'in' ? 'recall.inSet' : 'recall.notInSet', at });
      return { ...entry, affected };
    } catch (error) {
      note({ outcome: 'failed', code: codeOf(error), at });
      return { ...entry, affected: 'unknown' };
    }
  };
}

/** The serial that a batch's report was asked for, in its one form. */
function memberOf(report: Report, identifier: Identifier, note: (check: Check) => void): Identifier | null {
  if (report.member === undefined) return null;
  const at = { member: report.member };
  try {
    const member = parseIdentifier(report.member);
    const fits = identifier.type === 'batch' && member.type === 'serial';
    if (fits && formatIdentifier(member) === report.member) return member;
  } catch {
    // As one of another form.
  }
  note({ outcome: 'failed', code: 'member.malformed', at });
  return null;
}

/**
 * Whether an entry that made a batch names its serials, or may name them, under seal. Which field a seal is of shows only
 * when it is opened: any that is closed may be the set.
 */
function mayHideSerials({ kind, data, missing = [] }: OpenedEntry, closed: number): boolean {
  if (kind === 'batch.produced') return data.serials === undefined && closed > 0;
  if (kind !== 'amended' || (data.kind !== undefined && data.kind !== 'batch.produced')) return false;
  if (missing.length > 0) return true;
  const corrected = data.data as { serials?: unknown } | undefined;
  return corrected !== undefined && corrected.serials === undefined && closed > 0;
}

/** Adds to each entry of a batch that names serials whether a proof shows the member among them. */
function listedBy(
  report: Report,
  member: Identifier,
  note: (check: Check) => void,
): (entry: OpenedEntry, closed: number) => OpenedEntry {
  const known = new Map<string, OpenedEntry['affected']>();
  return (entry, closed) => {
    if (entry.status !== 'proven') return entry;
    const amended = entry.kind === 'amended';
    const data = (amended ? entry.data.data : entry.data) as { serials?: unknown } | undefined;
    const { serialsRoot, treeKey } = (data?.serials ?? {}) as { serialsRoot?: unknown; treeKey?: unknown };
    const at = { digest: entry.digest, member: formatIdentifier(member) };
    if (typeof serialsRoot !== 'string' || typeof treeKey !== 'string') {
      if (!mayHideSerials(entry, closed)) return entry;
      note({ outcome: 'incomplete', code: 'batch.sealed', at });
      return { ...entry, affected: 'unknown' };
    }
    const set = `${serialsRoot} ${treeKey}`;
    const content = report.contents[entry.digest];
    const proof = content !== undefined && 'setProof' in content ? content.setProof : undefined;
    if (proof === undefined) {
      const same = known.get(set);
      if (same !== undefined) return { ...entry, affected: same };
      note({ outcome: 'incomplete', code: 'batch.proofMissing', at });
      return { ...entry, affected: 'unknown' };
    }
    try {
      const affected = verifyProof(serialsRoot as Hex, fromBase64Url(treeKey), member, proof);
      known.set(set, affected);
      note({ outcome: 'passed', code: affected === 'in' ? 'batch.inSet' : 'batch.notInSet', at });
      return { ...entry, affected };
    } catch (error) {
      note({ outcome: 'failed', code: codeOf(error), at });
      return { ...entry, affected: 'unknown' };
    }
  };
}
