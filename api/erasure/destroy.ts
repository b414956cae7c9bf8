import { fromHex } from '../../core/bytes.ts';
import { alertTables, eraseFromAlerts, isFieldOfAlerts } from '../alerts/erase.ts';
import type { Store, Transaction } from '../store/store.ts';
import { sqlState } from '../store/store.ts';
import type { Item } from './receipt.ts';

const ENTRY_TABLES = [
  'blocks',
  'block_keys',
  'disclosures',
  'sets',
  'set_buckets',
  'set_uploads',
  'set_chunks',
  'serials',
  'claims',
  'notices',
  'recalled',
  'remedies',
  'missing_blocks',
  'graph_sealed',
  'events',
  'events_due',
  'alerts', // and their links
  'alert_answers',
] as const;

/** The tables that content was in, and whose files are written anew once it is gone. */
export const contentTables = [
  'blocks',
  'block_keys',
  'disclosures',
  'set_buckets',
  'set_uploads',
  'set_chunks',
  'documents',
  'things',
  'graph_sealed',
  'events',
  'notices',
  'alerts',
  'alert_answers',
  'alert_links',
] as const;

/** The tables that these were in: each that one of them was in. */
export function tablesOf(items: readonly { readonly what: string }[]): readonly string[] {
  const tables = items.flatMap(({ what }): readonly string[] => {
    if (what === 'entry') return contentTables;
    if (what.startsWith('document:')) return ['disclosures', 'documents'];
    const alerts = isFieldOfAlerts(what.slice('field:'.length)) ? alertTables : [];
    return ['disclosures', 'events', 'things', 'graph_sealed', ...alerts];
  });
  return [...new Set(tables)];
}

/** Deletes what receipts name, from the tables. Doing it again does nothing. */
export async function destroyRows(transaction: Transaction, items: readonly Item[]): Promise<void> {
  const entries = items.filter(({ what }) => what === 'entry').map(({ digest }) => fromHex(digest, 32));
  const fields = items.flatMap(({ digest, what }) => {
    const name = fieldOf(what);
    return name === null ? [] : [{ digest: fromHex(digest, 32), name }];
  });
  await eraseFromAlerts(transaction, entries, fields);
  if (entries.length > 0) {
    for (const table of ENTRY_TABLES) {
      await transaction.execute(`DELETE FROM ${table} WHERE digest = ANY($1::bytea[])`, [entries]);
    }
  }
  if (fields.length > 0) {
    const named = [fields.map(({ digest }) => digest), fields.map(({ name }) => name)];
    await transaction.execute(
      `DELETE FROM disclosures WHERE (digest, name) IN (SELECT * FROM unnest($1::bytea[], $2::text[]))`,
      named,
    );
    await transaction.execute(
      `DELETE FROM events WHERE (digest, field) IN (SELECT * FROM unnest($1::bytea[], $2::text[]))`,
      named,
    );
  }
  const documents = documentsOf(items);
  if (documents.length > 0) {
    await transaction.execute('DELETE FROM documents WHERE cid = ANY($1::text[])', [documents]);
  }
}

/** The sealed field that goes with an item; null for a whole entry. */
function fieldOf(what: Item['what']): string | null {
  if (what === 'entry') return null;
  return what.startsWith('field:') ? what.slice('field:'.length) : what;
}

/** The CIDs of the documents among the items. */
export function documentsOf(items: readonly Pick<Item, 'what'>[]): string[] {
  const cids = items.flatMap(({ what }) =>
    what.startsWith('document:') ? [what.slice('document:'.length)] : [],
  );
  return [...new Set(cids)];
}

/** Whether tables are written anew after an erasure, or only cleared up, for an administrator to do the rest. */
export type Rewrite = 'full' | 'vacuum';

/**
 * Writes the files of the tables anew, without what was deleted, and lets go of the logs that still hold it. A deleted
 * row is otherwise only marked as such, and stays in its page, in full, until something else needs the place.
 *
 * The embedded store's write-ahead log is not recycled (`pgliteWorker.ts`): a segment that is no longer needed is
 * removed, not kept to be overwritten later. On a server that is for its operator to set up (docs/operations.md), as
 * are archives and standbys.
 */
export async function rewriteTables(
  store: Store,
  tables: readonly string[] = contentTables,
  rewrite: Rewrite = 'full',
): Promise<void> {
  for (const table of tables) await store.execute(`VACUUM ${rewrite === 'full' ? '(FULL)' : ''} ${table}`);
  // The log from before ends in the segment of the checkpoint before the last.
  for (let round = 0; round < 2; round++) {
    await permitted(store.query('SELECT pg_switch_wal()'));
    await permitted(store.execute('CHECKPOINT'));
  }
}

/** A server may reserve this for its administrator; then it comes with the next checkpoint by itself. */
async function permitted(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (sqlState(error) !== '42501') throw error;
  });
}
