import { readFile } from 'node:fs/promises';
import { Problem } from '../problem.ts';
import type { Store } from './store.ts';

/**
 * The schema's versions, in order: version *n* is the n-th. A file that was released is never changed again
 * (test/api/store/released.test.ts has their digests).
 */
const migrations = [
  '001-initial',
  '002-report-proofs',
  '003-titles',
  '004-consents',
  '005-erasures',
  '006-revocations',
  '007-sets',
  '008-graph',
  '009-notices',
  '010-alerts',
  '011-scans',
  '012-parts',
  '013-events',
  '014-watch',
  '015-announcements',
  '016-made-sets',
  '017-scrapped',
  '018-handovers',
] as const;

export const schemaVersion = migrations.length;

/** Any number, the same in all versions: processes that migrate at once wait here for one another. */
const advisoryLock = 8_643_201_177n;

/**
 * Brings the database to this version's schema, all of it or nothing. Any number of processes may call it at once.
 * @param last the version to stop at, for the rows of a backup from then
 * @returns the versions that were applied now
 * @throws `store.newerSchema` if a newer version of the service wrote the database
 */
export async function migrate(store: Store, last: number = schemaVersion): Promise<number[]> {
  return store.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
    await transaction.execute(
      `CREATE TABLE IF NOT EXISTS migrations (
         version int4 PRIMARY KEY,
         name text NOT NULL,
         applied_at timestamptz(3) NOT NULL DEFAULT now()
       )`,
    );
    const [row] = await transaction.query<{ version: number }>(
      'SELECT coalesce(max(version), 0)::int4 AS version FROM migrations',
    );
    const found = row?.version ?? 0;
    if (found > schemaVersion) {
      throw new Problem(
        'store.newerSchema',
        `The database has schema ${found}, this version knows ${schemaVersion}. Run the newer version.`,
      );
    }
    const applied: number[] = [];
    for (const [index, name] of migrations.entries()) {
      const version = index + 1;
      if (version <= found || version > last) continue;
      await transaction.execute(await readFile(new URL(`./migrations/${name}.sql`, import.meta.url), 'utf8'));
      await transaction.execute('INSERT INTO migrations (version, name) VALUES ($1, $2)', [version, name]);
      applied.push(version);
    }
    return applied;
  });
}
