import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, LedgerAddress, Subject } from '../../core/chain/types.ts';
import type { Part } from '../../core/modules/part.ts';
import { Projection } from '../accept/actions.ts';
import { PART_FIELDS, type PartRow, readPart } from '../index/parts.ts';
import type { Store } from '../store/store.ts';
import { asOf, lastBlock } from './titles.ts';

/** Where parts are kept: a ledger by its number in the index, and its names. */
export type PartPlace = {
  readonly number: number;
  readonly ledger: LedgerAddress;
  readonly module: Address;
};

function partView(subject: Subject, { state, maker, vehicle, revision }: Part) {
  return {
    subject,
    state,
    maker: maker === 0n ? null : maker.toString(),
    vehicle,
    revision: Number(revision),
    mountable: state === 'free',
  };
}

/**
 * A part as of the last block in the index, and what comes next in it.
 * @throws `index.behind`
 */
export async function partNow(store: Store, place: PartPlace, subject: Subject, now: bigint) {
  const { block, rows } = await store.transaction(
    async (transaction) => ({
      block: await lastBlock(transaction),
      rows: await transaction.query<PartRow & { ledger: number; address: Uint8Array | null }>(
        `SELECT DISTINCT ON (p.ledger) p.ledger, ${PART_FIELDS},
                (SELECT d.ledger FROM directory_links d WHERE d.number = p.ledger LIMIT 1) AS address
         FROM parts p WHERE p.subject = $1 ORDER BY p.ledger, p.position DESC`,
        [fromHex(subject, 32)],
      ),
    }),
    { isolation: 'repeatable read' },
  );
  const part = readPart(rows.find(({ ledger }) => ledger === place.number));
  const next = await new Projection(store, place.number, now).partOf(subject);
  const { chainId } = place.ledger;
  return {
    ...partView(subject, part),
    ledger: formatLedgerId(place.ledger),
    parts: place.module,
    nextRevision: Number(next.revision),
    next: { state: next.state, vehicle: next.vehicle },
    asOf: asOf(block),
    elsewhere: rows.flatMap((row) =>
      row.ledger === place.number || row.address === null
        ? []
        : [
            {
              ledger: formatLedgerId({ chainId, address: toHex(row.address) as Address }),
              state: row.state,
              vehicle: readPart(row).vehicle,
            },
          ],
    ),
  };
}
