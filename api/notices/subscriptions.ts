import { fromUtf8, utf8 } from '../../core/bytes.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import type { Node, Nodes } from '../graph/nodes.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';
import type { CatchUp } from './catchUp.ts';

/** What a fleet, or anyone else who is an organisation, wants notices of. It names each thing itself. */
export interface Subscriptions {
  /** @returns how many are new @throws `subscription.tooMany` */
  add(organisation: OrganisationId, identifiers: readonly Identifier[]): Promise<number>;
  /** @returns whether it was there */
  remove(organisation: OrganisationId, identifier: Identifier): Promise<boolean>;
  /** In the order of their nodes, which means nothing to anybody. */
  list(
    organisation: OrganisationId,
    page: { readonly after: Node | null; readonly limit: number },
  ): Promise<{ subscriptions: readonly Subscription[]; next: Node | null; count: number }>;
  /** The organisations that want notices of each of these. */
  to(from: Queryable, nodes: readonly Node[]): Promise<Map<Node, OrganisationId[]>>;
}

export type Subscription = { readonly identifier: string; readonly since: Date };

export type SubscriptionOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap'>;
  readonly nodes: Nodes;
  /** Tells of what is open on a vehicle when it is subscribed to. */
  readonly catchUp?: CatchUp;
  /** Most of one organisation, default 200,000. */
  readonly most?: number;
};

export function createSubscriptions({
  store,
  keyring,
  nodes,
  catchUp,
  ...options
}: SubscriptionOptions): Subscriptions {
  const most = options.most ?? 200_000;
  const context = (organisation: OrganisationId, node: string): Uint8Array =>
    utf8(`subscription ${organisation} ${node}`);

  async function countOf(from: Queryable, organisation: OrganisationId): Promise<number> {
    const [row] = await from.query<{ count: bigint }>(
      'SELECT count(*) AS count FROM subscriptions WHERE organisation = $1',
      [organisation],
    );
    return Number(row?.count ?? 0n);
  }

  return {
    async add(organisation, identifiers) {
      const wanted = new Map(identifiers.map((identifier) => [nodes.nodeOf(identifier), identifier]));
      const campaigns = (await catchUp?.campaigns()) ?? [];
      return store.transaction(async (transaction) => {
        // One at a time for each organisation: or two together would pass the limit.
        await transaction.query('SELECT pg_advisory_xact_lock($1::int4, hashtext($2))', [
          LOCK,
          String(organisation),
        ]);
        await catchUp?.hold(transaction);
        const added = await transaction.query<{ node: Node }>(
          `INSERT INTO subscriptions (organisation, node, wrapped)
           SELECT $1, node::uuid, wrapped FROM unnest($2::text[], $3::bytea[]) AS s(node, wrapped)
           ON CONFLICT DO NOTHING RETURNING node::text AS node`,
          [
            organisation,
            [...wanted.keys()],
            [...wanted].map(([node, identifier]) =>
              keyring.wrap('identifier', utf8(formatIdentifier(identifier)), context(organisation, node)),
            ),
          ],
        );
        if ((await countOf(transaction, organisation)) > most) {
          throw new Problem('subscription.tooMany', `At most ${most} are kept: remove some first.`);
        }
        const fresh = new Set(added.map(({ node }) => node));
        const news = new Map([...wanted].filter(([node]) => fresh.has(node)));
        await catchUp?.tell(transaction, organisation, news, campaigns);
        return added.length;
      });
    },

    async remove(organisation, identifier) {
      const removed = await store.execute(
        'DELETE FROM subscriptions WHERE organisation = $1 AND node = $2::text::uuid',
        [organisation, nodes.nodeOf(identifier)],
      );
      return removed > 0;
    },

    async list(organisation, { after, limit }) {
      const rows = await store.query<{ node: Node; wrapped: Uint8Array; created_at: Date }>(
        `SELECT node::text AS node, wrapped, created_at FROM subscriptions
         WHERE organisation = $1 AND ($2::text IS NULL OR node > $2::text::uuid) ORDER BY subscriptions.node LIMIT $3`,
        [organisation, after, limit + 1],
      );
      const page = rows.slice(0, limit);
      return {
        subscriptions: page.map(({ node, wrapped, created_at }) => ({
          identifier: fromUtf8(keyring.unwrap('identifier', wrapped, context(organisation, node))),
          since: created_at,
        })),
        next: rows.length > limit ? (page.at(-1)?.node ?? null) : null,
        count: await countOf(store, organisation),
      };
    },

    async to(from, wanted) {
      const rows = await from.query<{ node: Node; organisation: bigint }>(
        `SELECT node::text AS node, organisation FROM subscriptions
         WHERE node = ANY($1::text[]::uuid[]) ORDER BY organisation`,
        [wanted],
      );
      const found = new Map<Node, OrganisationId[]>();
      for (const { node, organisation } of rows) {
        const known = found.get(node);
        if (known === undefined) found.set(node, [organisation as OrganisationId]);
        else known.push(organisation as OrganisationId);
      }
      return found;
    },
  };
}

const LOCK = 864_320;
