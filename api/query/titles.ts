import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, LedgerAddress, Subject } from '../../core/chain/types.ts';
import { isOpen, NO_TITLE, obstaclesOf, type Title } from '../../core/modules/title.ts';
import { Projection } from '../accept/actions.ts';
import { readTitle } from '../index/titles.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';

/** What a title is, as JSON: numbers as numbers, organisations in decimal, names in hex. */
export type TitleView = ReturnType<typeof titleView>;

/** @param now seconds since 1970 */
export function titleView(subject: Subject, title: Title, now: bigint) {
  const obstacles = obstaclesOf(title, now);
  const { offer, liens } = title;
  return {
    subject,
    state: title.state,
    owner: title.owner,
    tenure: Number(title.tenure),
    revision: Number(title.revision),
    offer:
      offer === null
        ? null
        : {
            buyer: offer.buyer,
            until: Number(offer.until),
            open: isOpen(offer, now) && obstacles.length === 0,
          },
    liens: liens.map((lien) => ({
      number: lien.number,
      holder: lien.holder.toString(),
      rank: lien.rank,
      until: Number(lien.until),
      open: isOpen(lien, now),
    })),
    stolen: title.stolen,
    brands: [...title.brands],
    replaces: title.replaces,
    replacedBy: title.replacedBy,
    sellable: { now: obstacles.length === 0, obstacles: [...obstacles] },
  };
}

type Block = { readonly number: bigint; readonly hash: Uint8Array; readonly timestamp: bigint };

export const asOf = ({ number, hash, timestamp }: Block) => ({
  number: Number(number),
  hash: toHex(hash),
  timestamp: Number(timestamp),
});

/** The last block in the index. @throws `index.behind` */
export async function lastBlock(store: Queryable): Promise<Block> {
  const [block] = await store.query<Block>(
    'SELECT number, hash, timestamp FROM chain_blocks ORDER BY number DESC LIMIT 1',
  );
  if (block === undefined) throw new Problem('index.behind', 'The index has not read any block yet.');
  return block;
}

type TitleRow = { readonly subject: Uint8Array; readonly title: Parameters<typeof readTitle>[0] };

/** Where titles are kept: a ledger by its number in the index, and its names. */
export type TitlePlace = {
  readonly number: number;
  readonly ledger: LedgerAddress;
  readonly titles: Address;
};

/**
 * The title of a subject as of the last block in the index, and what comes next in it.
 * @throws `index.behind`
 */
export async function titleNow(store: Store, place: TitlePlace, subject: Subject, now: bigint) {
  const bytes = fromHex(subject, 32);
  const { block, rows } = await store.transaction(
    async (transaction) => ({
      block: await lastBlock(transaction),
      rows: await transaction.query<TitleRow & { ledger: number; address: Uint8Array | null }>(
        `SELECT DISTINCT ON (t.ledger) t.ledger, t.subject, t.title,
                (SELECT d.ledger FROM directory_links d WHERE d.number = t.ledger LIMIT 1) AS address
         FROM titles t WHERE t.subject = $1 ORDER BY t.ledger, t.position DESC`,
        [bytes],
      ),
    }),
    { isolation: 'repeatable read' },
  );
  const own = rows.find(({ ledger }) => ledger === place.number);
  const title = own === undefined ? NO_TITLE : readTitle(own.title);
  const projected = await new Projection(store, place.number, now).titleOf(subject);
  const { chainId } = place.ledger;
  return {
    ...titleView(subject, title, now),
    ledger: formatLedgerId(place.ledger),
    titles: place.titles,
    nextRevision: Number(projected.revision),
    asOf: asOf(block),
    elsewhere: rows.flatMap(({ ledger, address, title: { state } }) =>
      ledger === place.number || address === null
        ? []
        : [{ ledger: formatLedgerId({ chainId, address: toHex(address) as Address }), state }],
    ),
  };
}

/** The titles that a key owns, or owned last where they have ended, in the order of their subjects. */
export async function titlesOf(
  store: Queryable,
  ledger: number,
  owner: Address,
  page: { readonly after: Subject | null; readonly limit: number },
  now: bigint,
) {
  const block = await lastBlock(store);
  const rows = await store.query<TitleRow>(
    `SELECT t.subject, t.title FROM titles t
     WHERE t.owner = $1 AND t.ledger = $2 AND ($3::bytea IS NULL OR t.subject > $3)
       AND NOT EXISTS (SELECT 1 FROM titles later
         WHERE later.subject = t.subject AND later.ledger = t.ledger AND later.position > t.position)
     ORDER BY t.subject LIMIT $4`,
    [fromHex(owner, 20), ledger, page.after === null ? null : fromHex(page.after, 32), page.limit],
  );
  return {
    titles: rows.map((row) => titleView(toHex(row.subject) as Subject, readTitle(row.title), now)),
    asOf: asOf(block),
  };
}
