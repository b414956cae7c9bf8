import { fromHex, toHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/chain/types.ts';
import type { Campaign } from '../../core/findings/recalls.ts';
import type { Node } from '../graph/nodes.ts';
import type { Queryable } from '../store/store.ts';
import { bytesOf, setEntryOf } from './campaigns.ts';
import { type CampaignNames, dayOf } from './register.ts';

/** How far a campaign has come, counted from entries on the ledger and the sets that are here. */
export type Progress = {
  /** Vehicles in its sets, each once. */
  readonly affected: number;
  readonly remedied: number;
  /** The remedy was found not to be needed. */
  readonly notNeeded: number;
  readonly open: number;
  /** By the month in which it was done, `YYYY-MM`. */
  readonly byMonth: readonly {
    readonly month: string;
    readonly remedied: number;
    readonly notNeeded: number;
  }[];
  /** Remedies of vehicles that are in no set, or from before they were listed: they count for nothing. */
  readonly ignored: number;
  /** Whether all sets are here, whole: else the numbers are those of the others. */
  readonly complete: boolean;
};

type RemedyRow = {
  readonly digest: Uint8Array;
  readonly subject: Uint8Array;
  readonly node: Node;
  readonly supersedes: Uint8Array | null;
  readonly campaign: Uint8Array | null;
  readonly outcome: 'remedied' | 'notNeeded' | null;
  readonly day: number | null;
  readonly organisation: bigint;
  readonly timestamp: bigint;
  readonly position: number;
};

export type Remedy = {
  readonly node: Node;
  readonly outcome: 'remedied' | 'notNeeded';
  readonly day: number;
};

/**
 * The remedies of a campaign on the ledger, corrections applied as in every history (core/findings/amendments.ts); of some
 * vehicles only, where they are named.
 */
export async function remediesOf(
  from: Queryable,
  name: Uint8Array,
  nodes: readonly Node[] | null = null,
): Promise<Remedy[]> {
  // A line of corrections may lead from one campaign to another, and back.
  const rows = await from.query<RemedyRow>(
    `WITH RECURSIVE line AS (
       SELECT digest, supersedes FROM remedies WHERE supersedes IS NOT NULL
         AND (campaign = $1 OR supersedes IN (SELECT digest FROM remedies WHERE campaign = $1))
       UNION
       SELECT next.digest, next.supersedes FROM line, LATERAL (
         SELECT digest, supersedes FROM remedies WHERE remedies.digest = line.supersedes
         UNION ALL
         SELECT digest, supersedes FROM remedies WHERE remedies.supersedes = line.digest
       ) AS next
     )
     SELECT r.digest, r.subject, r.node::text AS node, r.supersedes, r.campaign, r.outcome, r.day,
       l.organisation, l.timestamp, l.position
     FROM remedies r JOIN links l ON l.digest = r.digest AND l.subject = r.subject
     WHERE l.organisation IS NOT NULL AND ($2::text[] IS NULL OR r.node = ANY($2::text[]::uuid[]))
       AND (r.campaign = $1 OR r.digest IN (SELECT digest FROM line))
     ORDER BY l.timestamp, l.position`,
    [name, nodes],
  );
  const byDigest = new Map(rows.map((row) => [toHex(row.digest) as string, row]));
  const corrections = Map.groupBy(
    rows.filter(({ supersedes }) => supersedes !== null),
    (row) => originalOf(row, byDigest),
  );
  return rows.flatMap((row): Remedy[] => {
    if (row.supersedes !== null) return [];
    const last = corrections.get(toHex(row.digest))?.findLast((by) => corrects(by, row));
    const { campaign, outcome } = last ?? row;
    const day = last?.day ?? row.day;
    if (campaign === null || !Buffer.from(campaign).equals(name) || outcome === null || day === null)
      return [];
    return [{ node: row.node, outcome, day }];
  });
}

/** The digest of what a line of corrections begins with; null where that is not here. */
function originalOf(correction: RemedyRow, byDigest: ReadonlyMap<string, RemedyRow>): string | null {
  const passed = new Set<string>();
  for (let row: RemedyRow | undefined = correction; row !== undefined; ) {
    const digest = toHex(row.digest);
    if (row.supersedes === null) return digest;
    if (passed.has(digest)) return null;
    passed.add(digest);
    row = byDigest.get(toHex(row.supersedes));
  }
  return null;
}

/** Only who stated it corrects it, in the same history, and only afterwards. */
function corrects(by: RemedyRow, original: RemedyRow): boolean {
  return (
    by.organisation === original.organisation &&
    Buffer.from(by.subject).equals(original.subject) &&
    (by.timestamp > original.timestamp ||
      (by.timestamp === original.timestamp && by.position > original.position))
  );
}

/** How far a campaign has come. */
export async function progressOf(
  from: Queryable,
  names: CampaignNames,
  campaign: Campaign,
): Promise<Progress> {
  const listings = standing(campaign).map((entry) => ({
    digest: setEntryOf(entry),
    day: dayOf(entry.time),
    isEmpty: entry.data.affectedCount === 0,
  }));
  const digests = bytesOf(listings.map(({ digest }) => digest));
  const done = await from.query<{ digest: Uint8Array }>(
    `SELECT digest FROM announcements
     WHERE digest = ANY($1::bytea[]) AND organisation = $2 AND done_at IS NOT NULL`,
    [digests, BigInt(campaign.attester)],
  );
  const known = new Set(done.map(({ digest }) => toHex(digest)));
  const [count] = await from.query<{ count: bigint }>(
    'SELECT count(DISTINCT node) AS count FROM recalled WHERE digest = ANY($1::bytea[])',
    [digests],
  );
  const affected = Number(count?.count ?? 0n);
  const remedies = await remediesOf(from, names.nameOf(campaign.attester, campaign.number));
  const since = await listedSince(from, listings, [...new Set(remedies.map(({ node }) => node))]);
  const outcomes = new Map<Node, Remedy>();
  let ignored = 0;
  for (const remedy of remedies) {
    const first = since.get(remedy.node);
    if (first === undefined || remedy.day < first) ignored += 1;
    // The first that counts is when it was done.
    else if (!outcomes.has(remedy.node)) outcomes.set(remedy.node, remedy);
  }
  const counted = [...outcomes.values()];
  const remedied = counted.filter(({ outcome }) => outcome === 'remedied').length;
  const months = [...Map.groupBy(counted, ({ day }) => monthOf(day))].toSorted(([left], [right]) =>
    left < right ? -1 : 1,
  );
  return {
    affected,
    remedied,
    notNeeded: counted.length - remedied,
    open: affected - counted.length,
    byMonth: months.map(([month, of]) => ({
      month,
      remedied: of.filter(({ outcome }) => outcome === 'remedied').length,
      notNeeded: of.filter(({ outcome }) => outcome === 'notNeeded').length,
    })),
    ignored,
    complete: listings.every(({ digest, isEmpty }) => isEmpty || known.has(digest)),
  };
}

/** The listings of a campaign that no later withdrawal has ended. */
export function standing({ listings, closings }: Campaign): Campaign['listings'] {
  return listings.filter(
    (entry) =>
      !closings.some(
        ({ data, anchoredAt, position }) =>
          data.reason === 'withdrawn' &&
          !(anchoredAt < entry.anchoredAt || (anchoredAt === entry.anchoredAt && position < entry.position)),
      ),
  );
}

export const campaignStates = ['open', 'closed', 'withdrawn'] as const;
export type CampaignState = (typeof campaignStates)[number];

export function stateOf(campaign: Campaign): CampaignState {
  if (standing(campaign).length === 0) return 'withdrawn';
  return campaign.closings.length > 0 ? 'closed' : 'open';
}

/** The day from which each of these vehicles is listed, days since 1970. */
async function listedSince(
  from: Queryable,
  listings: readonly { readonly digest: Digest; readonly day: number }[],
  nodes: readonly Node[],
): Promise<Map<Node, number>> {
  if (nodes.length === 0) return new Map();
  const rows = await from.query<{ node: Node; day: number }>(
    `SELECT recalled.node::text AS node, min(l.day)::int4 AS day
     FROM recalled JOIN unnest($1::bytea[], $2::int4[]) AS l(digest, day) ON l.digest = recalled.digest
     WHERE recalled.node = ANY($3::text[]::uuid[]) GROUP BY recalled.node`,
    [listings.map(({ digest }) => fromHex(digest, 32)), listings.map(({ day }) => day), nodes],
  );
  return new Map(rows.map(({ node, day }) => [node, day]));
}

const monthOf = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 7);
