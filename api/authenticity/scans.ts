import { type CoarsePlace, formatPlace, parsePlace } from '../../core/authenticity/places.ts';
import { flagsOf, type ScanFlag, type Scans } from '../../core/authenticity/scans.ts';
import type { Node } from '../graph/nodes.ts';
import type { Queryable, Transaction } from '../store/store.ts';

/** Scans older than this say nothing of a code any more, and none that is kept longer is looked at. */
export const SCANS_LOOKED_AT_DAYS = 90;

const HOUR_MILLISECONDS = 3_600_000;

/**
 * Notes a scan of a code, and says what its scans show. What is kept is the hour, the coarse place and a count.
 * @throws `scan.place`
 */
export async function noteScan(
  transaction: Transaction,
  node: Node,
  place: CoarsePlace | null,
  now: Date,
): Promise<readonly ScanFlag[]> {
  const hour = Math.floor(now.getTime() / HOUR_MILLISECONDS);
  await transaction.execute(
    `INSERT INTO scans (node, hour, place, count) VALUES ($1::text::uuid, $2, $3, 1)
     ON CONFLICT (node, hour, place) DO UPDATE SET count = least(scans.count::int8 + 1, 2147483647)::int4`,
    [node, hour, place === null ? '' : formatPlace(place)],
  );
  return flagsOfNode(transaction, node, now);
}

/** What the scans of a code show. */
export async function flagsOfNode(from: Queryable, node: Node, now: Date): Promise<readonly ScanFlag[]> {
  const hour = Math.floor(now.getTime() / HOUR_MILLISECONDS);
  const rows = await from.query<{ hour: number; place: string; count: number }>(
    `SELECT hour, place, count FROM scans WHERE node = $1::text::uuid AND hour > $2 ORDER BY hour DESC LIMIT 5000`,
    [node, hour - SCANS_LOOKED_AT_DAYS * 24],
  );
  return flagsOf(
    rows.map(
      (row): Scans => ({
        hour: row.hour,
        place: row.place === '' ? null : parsePlace(row.place),
        count: row.count,
      }),
    ),
  );
}
