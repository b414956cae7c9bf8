import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import {
  type Address,
  type Digest,
  type LedgerId,
  type OrganisationId,
  type Subject,
  ZERO_SUBJECT,
} from '../../core/chain/types.ts';
import { applyAmendments, sameAttester } from '../../core/findings/amendments.ts';
import type { EffectiveEntry, OpenedEntry } from '../../core/findings/openedEntry.ts';
import { type Campaign, campaignsOf } from '../../core/findings/recalls.ts';
import { openedEntry } from '../../core/verify/conclude.ts';
import { judgeBlock } from '../../core/verify/entries.ts';
import type { Node } from '../graph/nodes.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable } from '../store/store.ts';

/** recall.opened, recall.extended, recall.closed, amended. */
const CAMPAIGN_KINDS = [80, 81, 82, 120];
/** Those that list vehicles or parts. */
const OPENING_KINDS = [80, 81];

/** An entry of an own chain that may be of a campaign, before it is opened. */
export type CampaignLink = {
  readonly ledger: number;
  readonly organisation: bigint;
  readonly position: number;
  readonly kind: number;
  readonly timestamp: bigint;
  readonly digest: Uint8Array;
  readonly block_number: bigint;
  readonly chain_id: string;
  readonly address: Uint8Array;
  /** Whether its block and key are in the store. */
  readonly here: boolean;
};

/** An entry of an own chain, as anyone may read it, and where it stands. */
export type OwnEntry = { readonly entry: OpenedEntry; readonly ledger: number; readonly block: number };

/** The links of campaigns' entries on the own chains of the organisations of this register, in the order of the chains. */
export async function campaignLinks(
  from: Queryable,
  { organisation, upTo }: { readonly organisation?: OrganisationId; readonly upTo?: number } = {},
): Promise<CampaignLink[]> {
  return from.query<CampaignLink>(
    `SELECT o.ledger, o.organisation, o.position, o.kind, o.timestamp, o.digest, o.block_number,
       d.chain_id, d.ledger AS address, b.digest IS NOT NULL AND k.digest IS NOT NULL AS here
     FROM own_links o
     JOIN directory_links d ON d.number = o.ledger AND d.change = 'added' AND d.register = $1
     LEFT JOIN blocks b ON b.digest = o.digest LEFT JOIN block_keys k ON k.digest = o.digest
     WHERE o.kind = ANY($2::int2[]) AND ($3::int8 IS NULL OR o.organisation = $3)
       AND ($4::int8 IS NULL OR o.block_number <= $4)
     ORDER BY o.block_number, o.log_index`,
    [OWN_REGISTER, CAMPAIGN_KINDS, organisation ?? null, upTo ?? null],
  );
}

/** Judges an entry by its content, where that is here, as every reader does. */
export function openOwn(
  secrets: Secrets,
  link: CampaignLink,
  content: { readonly body: Uint8Array; readonly wrapped: Uint8Array } | undefined,
): OpenedEntry {
  const organisation = link.organisation as OrganisationId;
  const digest = toHex(link.digest) as Digest;
  const bare = { kind: link.kind, organisation, timestamp: link.timestamp, digest };
  const address = toHex(link.address) as Address;
  const ledger = formatLedgerId({ chainId: BigInt(link.chain_id), address }) as LedgerId;
  const place = { ledger, subject: ZERO_SUBJECT, identifier: `organisation:${organisation}` };
  const judged =
    content === undefined
      ? ({ status: 'withheld' } as const)
      : judgeBlock(bare, place, content.body, secrets.blockKey(link.digest, content.wrapped));
  const { status, envelope } = { envelope: undefined, ...judged };
  const { position } = link;
  return openedEntry({
    ...{ ledger, chain: { organisation }, position, link: bare, status, sealed: {} },
    ...(envelope === undefined ? {} : { envelope }),
  });
}

/** The campaigns that these entries come to, corrections applied. */
export function campaignsIn(entries: readonly OwnEntry[]): {
  campaigns: Campaign[];
  effective: EffectiveEntry[];
} {
  const { effective } = applyAmendments(
    entries.map(({ entry }) => entry),
    sameAttester,
  );
  return { campaigns: campaignsOf(effective), effective };
}

/** The entry whose set a listing has now: its own, or that of a correction that names another one. */
export function setEntryOf(listing: EffectiveEntry): Digest {
  const original = listing.superseded[0] ?? listing;
  const same =
    listing.amendedBy === null ||
    (original.data.affectedRoot === listing.data.affectedRoot &&
      original.data.treeKey === listing.data.treeKey);
  return (same ? listing.digest : listing.amendedBy) as Digest;
}

/**
 * The organisations of this register that may warn of vehicles that others built, and have opened campaigns.
 * @param ledgers by their numbers in the index
 */
export async function warningAuthorities(
  from: Queryable,
  ledgers: readonly number[],
): Promise<OrganisationId[]> {
  const rows = await from.query<{ organisation: bigint }>(
    `SELECT organisation FROM (
       SELECT DISTINCT organisation FROM own_links WHERE kind = ANY($1::int2[]) AND ledger = ANY($2::int4[])
     ) AS opened
     WHERE (
       SELECT (get_byte(value, ${31 - Math.floor(BRANDED / 8)}) >> ${BRANDED % 8}) & 1 FROM organisation_links l
       WHERE l.register = $3 AND l.organisation = opened.organisation AND l.change = $4
       ORDER BY l.position DESC LIMIT 1
     ) = 1
     ORDER BY organisation`,
    [OPENING_KINDS, ledgers, OWN_REGISTER, KINDS_SET],
  );
  return rows.map(({ organisation }) => organisation as OrganisationId);
}

/** Whether an organisation may warn of vehicles that others built: an authority or a registrar, by its right. */
export async function mayWarnOfAny(from: Queryable, organisation: OrganisationId): Promise<boolean> {
  const [row] = await from.query<{ value: Uint8Array }>(
    `SELECT value FROM organisation_links WHERE register = $1 AND organisation = $2 AND change = $3
     ORDER BY position DESC LIMIT 1`,
    [OWN_REGISTER, organisation, KINDS_SET],
  );
  return row !== undefined && ((BigInt(toHex(row.value)) >> BigInt(BRANDED)) & 1n) === 1n;
}

const KINDS_SET = 4;
/** `title.branded`: only authorities and registrars may. */
const BRANDED = 9;

/**
 * Which of these vehicles an organisation has built: by entries that hold, as the graph has them. While one’s history is
 * still to be read into it, a link is taken at its word.
 */
export async function builtBy(
  from: Queryable,
  organisation: OrganisationId,
  vehicles: readonly { readonly node: Node; readonly subject: Subject }[],
): Promise<Set<Node>> {
  const rows = await from.query<{ node: Node }>(
    `SELECT asked.node FROM unnest($1::text[], $2::bytea[]) AS asked(node, subject)
     WHERE EXISTS (SELECT 1 FROM made
         WHERE made.node = asked.node::uuid AND made.organisation = $3 AND made.kind = 33)
       OR EXISTS (SELECT 1 FROM graph_due JOIN links ON links.subject = graph_due.subject
         WHERE graph_due.subject = asked.subject AND links.kind = 33 AND links.organisation = $3)`,
    [vehicles.map(({ node }) => node), vehicles.map(({ subject }) => fromHex(subject, 32)), organisation],
  );
  return new Set(rows.map(({ node }) => node));
}

export const bytesOf = (digests: readonly string[]): Uint8Array[] =>
  digests.map((digest) => fromHex(digest, 32));
