import { setImmediate as turn } from 'node:timers/promises';
import { toHex } from '../../core/bytes.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import type { OpenedEntry } from '../../core/findings/openedEntry.ts';
import type { Campaign } from '../../core/findings/recalls.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable } from '../store/store.ts';
import { bytesOf, campaignLinks, campaignsIn, type OwnEntry, openOwn } from './campaigns.ts';
import { type CampaignState, stateOf } from './progress.ts';

/** A campaign as it stands now. */
export type StandingCampaign = {
  readonly campaign: Campaign;
  readonly state: CampaignState;
  /** When the first of its entries was anchored, seconds since 1970. */
  readonly anchoredAt: number;
};

/**
 * The campaigns of this register's organisations, read once for all who ask: an entry is opened a single time, for it never
 * changes, unless it is erased.
 */
export interface CampaignBook {
  /** The entries of campaigns on own chains as they are now, in the order of the chains; of one organisation, up to a block. */
  entries(of?: { readonly organisation?: OrganisationId; readonly upTo?: number }): Promise<OwnEntry[]>;
  /** Every campaign, corrections applied, the newest first; content that came within the last seconds may be missing. */
  campaigns(): Promise<readonly StandingCampaign[]>;
  /** Takes nothing that was read before for granted: something was erased. */
  forget(): void;
}

export type CampaignBookOptions = {
  readonly store: Queryable;
  readonly secrets: Secrets;
  readonly clock?: () => Date;
  /** Bytes of blocks whose content is kept open, default 64 MiB. */
  readonly mostBytes?: number;
};

/** How long the campaigns that were read are taken for all there are, while no further entry is on the ledger. */
const KEPT_MILLISECONDS = 2_000;
const MOST_BYTES = 64 * 2 ** 20;
/** Blocks that are read from the store together: each is at most 1 MiB. */
const BLOCKS_AT_ONCE = 32;
const TURN_MILLISECONDS = 4;

export function createCampaignBook({ store, secrets, ...options }: CampaignBookOptions): CampaignBook {
  const clock = options.clock ?? (() => new Date());
  const mostBytes = options.mostBytes ?? MOST_BYTES;
  const opened = new Map<string, { readonly entry: OpenedEntry; readonly bytes: number }>();
  let keptBytes = 0;
  let kept: {
    readonly at: number;
    readonly newest: string;
    readonly found: Promise<StandingCampaign[]>;
  } | null = null;

  function keep(name: string, entry: OpenedEntry, bytes: number): void {
    drop(name);
    opened.set(name, { entry, bytes });
    keptBytes += bytes;
    for (const oldest of opened.keys()) {
      if (keptBytes <= mostBytes) break;
      drop(oldest);
    }
  }
  function drop(name: string): void {
    keptBytes -= opened.get(name)?.bytes ?? 0;
    opened.delete(name);
  }

  async function entries(of: Parameters<CampaignBook['entries']>[0] = {}): Promise<OwnEntry[]> {
    const links = await campaignLinks(store, of);
    const breathe = breathing();
    const found: OwnEntry[] = [];
    for (let start = 0; start < links.length; start += BLOCKS_AT_ONCE) {
      const some = links.slice(start, start + BLOCKS_AT_ONCE).map((link) => ({ link, name: nameOf(link) }));
      const unread = some.filter(({ link, name }) => link.here && !opened.has(name));
      const contents = await contentsOf(unread.map(({ link }) => toHex(link.digest)));
      for (const { link, name } of some) {
        // What is not here any more is gone from here too.
        if (!link.here) drop(name);
        const known = opened.get(name)?.entry;
        const content = contents.get(toHex(link.digest));
        const entry = known ?? openOwn(secrets, link, content);
        if (known === undefined && entry.status !== 'withheld') keep(name, entry, content?.body.length ?? 0);
        found.push({ entry, ledger: link.ledger, block: Number(link.block_number) });
        await breathe();
      }
    }
    return found;
  }

  type Content = { readonly digest: Uint8Array; readonly body: Uint8Array; readonly wrapped: Uint8Array };

  async function contentsOf(digests: readonly string[]): Promise<Map<string, Content>> {
    if (digests.length === 0) return new Map();
    const rows = await store.query<Content>(
      `SELECT digest, body, wrapped FROM blocks JOIN block_keys USING (digest) WHERE digest = ANY($1::bytea[])`,
      [bytesOf(digests)],
    );
    return new Map(rows.map((row) => [toHex(row.digest), row]));
  }

  /** Tells whether there may be further entries: a look at the ends of an index. */
  async function newestLinks(): Promise<string> {
    const [row] = await store.query<{ newest: string }>(
      `SELECT concat_ws(' ', ${[80, 81, 82, 120]
        .map((kind) => `coalesce((SELECT max(block_number) FROM own_links WHERE kind = ${kind}), -1)`)
        .join(', ')}) AS newest`,
    );
    return row?.newest ?? '';
  }

  async function read(): Promise<StandingCampaign[]> {
    const found = await entries();
    const { campaigns } = campaignsIn(found);
    return campaigns
      .map((campaign) => ({
        campaign,
        state: stateOf(campaign),
        anchoredAt: Math.min(...campaign.listings.map(({ anchoredAt }) => anchoredAt)),
      }))
      .sort(compareCampaigns);
  }

  return {
    entries,
    async campaigns() {
      const newest = await newestLinks();
      const at = clock().getTime();
      if (kept === null || kept.newest !== newest || at - kept.at > KEPT_MILLISECONDS) {
        const mine = { at, newest, found: read() };
        kept = mine;
        mine.found.catch(() => {
          if (kept === mine) kept = null;
        });
      }
      return kept.found;
    },
    forget() {
      kept = null;
      opened.clear();
      keptBytes = 0;
    },
  };
}

type Place = Pick<StandingCampaign, 'anchoredAt'> & {
  readonly campaign: Pick<Campaign, 'attester' | 'number'>;
};

/** The newest first; each campaign has a place of its own. */
export function compareCampaigns(left: Place, right: Place): number {
  return (
    right.anchoredAt - left.anchoredAt ||
    Number(BigInt(left.campaign.attester) - BigInt(right.campaign.attester)) ||
    (left.campaign.number < right.campaign.number ? -1 : left.campaign.number > right.campaign.number ? 1 : 0)
  );
}

/** A digest alone does not say what it is worth: that goes by the place it stands in. */
const nameOf = (link: Awaited<ReturnType<typeof campaignLinks>>[number]): string =>
  `${link.ledger} ${link.organisation} ${link.position} ${link.kind} ${link.timestamp} ${toHex(link.digest)}`;

/** Gives others their turn every few milliseconds. */
function breathing(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < TURN_MILLISECONDS) return;
    await turn();
    since = performance.now();
  };
}
