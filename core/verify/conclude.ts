import { fromBase64Url, type Hex } from '../bytes.ts';
import { isModuleLink } from '../chain/link.ts';
import type { OrganisationId } from '../chain/types.ts';
import type { Finding } from '../findings/finding.ts';
import { deriveFindings } from '../findings/findings.ts';
import type { OpenedEntry } from '../findings/openedEntry.ts';
import type { Summary } from '../findings/summary.ts';
import type { Identifier } from '../identifiers/identifier.ts';
import { kindByNumber } from '../kinds/kinds.ts';
import type { Report } from '../report/report.ts';
import { verifyProof } from '../tree/proof.ts';
import { codeOf } from './entries.ts';
import type { Check, VerifiedEntry, VerifiedOrganisation } from './result.ts';

export type Conclusion = { readonly findings: readonly Finding[]; readonly summary: Summary | null };

/**
 * Step 7: campaigns' sets are checked for this identifier, then the rules are applied to what is proven.
 * @param asOf the time up to which the history is known, seconds since 1970
 */
export function conclude(
  report: Report,
  identifier: Identifier | null,
  entries: readonly VerifiedEntry[],
  organisations: readonly VerifiedOrganisation[],
  asOf: bigint,
  note: (check: Check) => void,
): Conclusion {
  if (identifier === null) return { findings: [], summary: null };
  const countries = new Map(organisations.map(({ id, profile }) => [id, countryOf(profile)]));
  const successors = new Map(
    organisations.map(({ id, standing }) => [id.toString(), standing.successor?.toString()]),
  );
  const history: OpenedEntry[] = [];
  const own: OpenedEntry[] = [];
  const builders = new Set<string>();
  for (const entry of entries) {
    const opened = openedEntry(entry, countries);
    if (typeof entry.chain === 'string') {
      history.push(opened);
      if (opened.kind === 'vehicle.built' && opened.status === 'proven') builders.add(opened.organisation);
    } else {
      own.push(withAffected(opened, report, identifier, note));
    }
  }
  const shown = new Set(
    report.ledgers.flatMap(({ ownChains }) => ownChains.map(({ organisation }) => organisation)),
  );
  for (const builder of builders) {
    if (shown.has(builder)) continue;
    note({ outcome: 'incomplete', code: 'ownChain.leftOut', at: { organisation: builder } });
  }
  return deriveFindings(history, {
    own,
    recallAttesters: [...shown],
    maySupersede: (original, by) => original === by || successors.get(original) === by,
    asOf: new Date(Number(asOf) * 1000).toISOString().replace('.000Z', 'Z'),
  });
}

function countryOf(profile: VerifiedOrganisation['profile']): string | undefined {
  if (profile === null || typeof profile !== 'object' || Array.isArray(profile)) return undefined;
  const { country } = profile as { country?: unknown };
  return typeof country === 'string' ? country : undefined;
}

/** An entry as the rules take it. */
export function openedEntry(
  entry: VerifiedEntry,
  countries: ReadonlyMap<OrganisationId, string | undefined> = new Map(),
): OpenedEntry {
  const { link, envelope, status, position, sealed } = entry;
  const { _sd, ...data } = envelope?.data ?? {};
  const country = isModuleLink(link) ? undefined : countries.get(link.organisation);
  return {
    digest: link.digest,
    kind: envelope?.kind ?? kindByNumber(link.kind)?.name ?? link.kind.toString(),
    kindVersion: envelope?.kindVersion ?? 1,
    organisation: isModuleLink(link) ? link.module : link.organisation.toString(),
    time: envelope?.time ?? '',
    anchoredAt: Number(link.timestamp),
    position,
    status,
    data,
    sealed,
    ...(country === undefined ? {} : { country }),
  };
}

/** Of a campaign's entry: whether a proof shows the identifier in its set. */
function withAffected(
  entry: OpenedEntry,
  report: Report,
  identifier: Identifier,
  note: (check: Check) => void,
): OpenedEntry {
  const { affectedRoot, treeKey } = entry.data as { affectedRoot?: Hex; treeKey?: string };
  if (affectedRoot === undefined || treeKey === undefined) return entry;
  const at = { organisation: entry.organisation, digest: entry.digest };
  const content = report.contents[entry.digest];
  if (content === undefined || !('setProof' in content) || content.setProof === undefined) {
    note({ outcome: 'incomplete', code: 'recall.proofMissing', at });
    return { ...entry, affected: 'unknown' };
  }
  try {
    const affected = verifyProof(affectedRoot, fromBase64Url(treeKey), identifier, content.setProof);
    note({ outcome: 'passed', code: affected === 'in' ? 'recall.inSet' : 'recall.notInSet', at });
    return { ...entry, affected };
  } catch (error) {
    note({ outcome: 'failed', code: codeOf(error), at });
    return { ...entry, affected: 'unknown' };
  }
}
