import type { Queryable } from '../store/store.ts';

/**
 * Tables that no backup has: what is found anew by itself (leases, proofs, the count of look-ups), what would let a thief
 * in (sessions, sign-ins under way), what somebody is still handing over (their client begins anew), what is
 * derived (the graph, and what is to be looked at once it is there), and the list of migrations, which the restore writes itself.
 */
export const leftOut: readonly string[] = [
  'migrations',
  'edges',
  'graph_due',
  'made',
  'made_sets',
  'things',
  'leases',
  'lookups',
  'report_proofs',
  'scrapped',
  'set_chunks',
  'set_uploads',
  'sessions',
  'sign_in_nonces',
  'watch_due',
];

/** Of these tables only what belongs to sets that count: the rest is of sets that are being checked. */
export const ofStoredSets: readonly string[] = ['set_buckets', 'serials'];

/** The tables of a backup, those that others refer to first. A table that is added later is among them by itself. */
export async function backedUpTables(from: Queryable): Promise<string[]> {
  const tables = await from.query<{ name: string }>(
    `SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname = current_schema() ORDER BY c.relname`,
  );
  const references = await from.query<{ name: string; to: string }>(
    `SELECT c.conrelid::regclass::text AS name, c.confrelid::regclass::text AS to FROM pg_constraint c
     JOIN pg_namespace n ON n.oid = c.connamespace WHERE c.contype = 'f' AND n.nspname = current_schema()`,
  );
  const left = tables.map(({ name }) => name).filter((name) => !leftOut.includes(name));
  const ordered: string[] = [];
  while (left.length > 0) {
    const free = left.findIndex((name) =>
      references.every(
        (reference) => reference.name !== name || reference.to === name || !left.includes(reference.to),
      ),
    );
    ordered.push(...left.splice(Math.max(0, free), 1));
  }
  return ordered;
}
