import { toHex } from '../../core/bytes.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { holdErasures } from '../erasure/tombstones.ts';
import type { Node } from '../graph/nodes.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { CampaignBook, StandingCampaign } from '../recalls/book.ts';
import { builtBy, mayWarnOfAny, setEntryOf } from '../recalls/campaigns.ts';
import { remediesOf, standing } from '../recalls/progress.ts';
import type { CampaignNames } from '../recalls/register.ts';
import type { Transaction } from '../store/store.ts';
import type { NewNotice, Notices } from './notices.ts';
import { listingNotice } from './tellings.ts';

/** Tells whoever subscribes to a vehicle of the campaigns that are open on it already. */
export interface CatchUp {
  /** To be called before the transaction that adds subscriptions. */
  campaigns(): Promise<readonly StandingCampaign[]>;
  /** From here on until the transaction ends no campaign is told of: who is told is either here or there. */
  hold(transaction: Transaction): Promise<void>;
  tell(
    transaction: Transaction,
    organisation: OrganisationId,
    added: ReadonlyMap<Node, Identifier>,
    campaigns: readonly StandingCampaign[],
  ): Promise<void>;
}

export type CatchUpOptions = {
  readonly book: Pick<CampaignBook, 'campaigns'>;
  readonly evaluator: Pick<Evaluator, 'subject'>;
  readonly names: CampaignNames;
  readonly notices: Pick<Notices, 'post'>;
};

/** Any number, the same in all versions. */
const advisoryLock = 8_643_201_181n;

/** For whoever tells of campaigns: what it lists and whom it tells are one to those who subscribe meanwhile. */
export async function holdTelling(transaction: Transaction): Promise<void> {
  await transaction.query('SELECT pg_advisory_xact_lock_shared($1)', [advisoryLock]);
}

export function createCatchUp({ book, evaluator, names, notices }: CatchUpOptions): CatchUp {
  return {
    campaigns: () => book.campaigns(),

    async hold(transaction) {
      await holdErasures(transaction);
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
    },

    async tell(transaction, organisation, added, campaigns) {
      const rows = await transaction.query<{ digest: Uint8Array; node: Node }>(
        'SELECT digest, node::text AS node FROM recalled WHERE node = ANY($1::text[]::uuid[])',
        [[...added.keys()]],
      );
      if (rows.length === 0) return;
      const listed = Map.groupBy(rows, ({ digest }) => toHex(digest));
      const posted: NewNotice[] = [];
      for (const { campaign, state } of campaigns) {
        if (state !== 'open') continue;
        const attester = BigInt(campaign.attester) as OrganisationId;
        const told = new Map(
          standing(campaign).flatMap((found) =>
            (listed.get(setEntryOf(found)) ?? []).map(({ node }) => [node, found] as const),
          ),
        );
        const vehicles = [...told].flatMap(([node, found]) => {
          const identifier = added.get(node);
          return identifier === undefined
            ? []
            : [{ node, found, identifier, subject: evaluator.subject(identifier) }];
        });
        if (vehicles.length === 0) continue;
        const built = (await mayWarnOfAny(transaction, attester))
          ? null
          : await builtBy(transaction, attester, vehicles);
        const name = names.nameOf(campaign.attester, campaign.number);
        const remedies = await remediesOf(
          transaction,
          name,
          vehicles.map(({ node }) => node),
        );
        const remedied = new Set(remedies.map(({ node }) => node));
        for (const { node, found, identifier } of vehicles) {
          if (remedied.has(node) || (built !== null && !built.has(node))) continue;
          const notice = listingNotice(campaign, found);
          const text = formatIdentifier(identifier);
          posted.push({
            recipient: { organisation },
            ...{ kind: notice.kind, entry: notice.entry },
            ...{ about: notice.about(text), content: notice.content(text) },
          });
        }
      }
      await notices.post(transaction, posted);
    },
  };
}
