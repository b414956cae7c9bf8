import { fromHex } from '../../core/bytes.ts';
import { partRemoved } from '../../core/kinds/part.ts';
import type { Nodes } from '../graph/nodes.ts';
import type { AcceptedEntry } from '../pipeline.ts';
import { insertRows } from '../store/rows.ts';
import type { Transaction } from '../store/store.ts';

/** Notes the parts that a workshop says are scrapped, in the transaction that accepts the entry. */
export async function recordScrapped(
  transaction: Transaction,
  entries: readonly AcceptedEntry[],
  nodes: Nodes,
): Promise<void> {
  const rows = entries.flatMap(({ kind, digest, envelope }) => {
    if (kind !== partRemoved.number || envelope.data.fate !== 'scrapped') return [];
    const { part } = envelope.data;
    const named = envelope.identifier.startsWith('serial:') ? envelope.identifier : part;
    if (typeof named !== 'string' || !named.startsWith('serial:')) return [];
    return [{ digest: fromHex(digest, 32), node: nodes.nodeOfText(named) }];
  });
  if (rows.length === 0) return;
  await insertRows(transaction, 'scrapped_parts', { digest: 'bytea', node: 'uuid' }, rows, {
    onConflict: 'DO NOTHING',
  });
}
