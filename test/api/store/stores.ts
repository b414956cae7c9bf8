import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../api/store/open.ts';
import { openPostgres } from '../../../api/store/postgres.ts';
import type { Store } from '../../../api/store/store.ts';

/** A store of its own for a test, gone when closed. */
export type OpenTestStore = () => Promise<Store>;

/** An empty folder for a test, and how to remove it. */
export async function temporaryFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-test-'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Runs a suite on PGlite, and on PostgreSQL where `TEST_DATABASE_URL` names a database to make schemas in. */
export function onEachStore(suite: (open: OpenTestStore, adapter: Store['adapter']) => void): void {
  describe('on PGlite', function () {
    this.timeout(60_000);
    suite(openTestPglite, 'pglite');
  });
  onPostgres(() => suite(openTestPostgres, 'postgres'));
}

/** Runs a suite where `TEST_DATABASE_URL` names a PostgreSQL database to make schemas in. */
export function onPostgres(suite: (url: string) => void): void {
  describe('on PostgreSQL', function () {
    this.timeout(60_000);
    const url = process.env.TEST_DATABASE_URL;
    if (url === undefined) it.skip('needs TEST_DATABASE_URL');
    else suite(url);
  });
}

export async function openTestPglite(): Promise<Store> {
  const { folder, remove } = await temporaryFolder();
  return closingWith(await openStore({ dataFolder: folder }), remove);
}

export async function openTestPostgres(): Promise<Store> {
  const { url, drop } = await createSchema();
  return closingWith(await openStore({ databaseUrl: url, dataFolder: '' }), drop);
}

/** An empty schema in the test database, with a URL that works in it. */
export async function createSchema(): Promise<{ url: string; drop: () => Promise<void> }> {
  const base = process.env.TEST_DATABASE_URL ?? '';
  const schema = `test_${randomBytes(8).toString('hex')}`;
  const run = async (sql: string) => {
    const administrator = await openPostgres(base, { connections: 1 });
    await administrator.execute(sql).finally(() => administrator.close());
  };
  await run(`CREATE SCHEMA ${schema}`);
  const url = new URL(base);
  url.searchParams.set('options', `-c search_path=${schema}`);
  return { url: url.toString(), drop: () => run(`DROP SCHEMA ${schema} CASCADE`) };
}

function closingWith(store: Store, after: () => Promise<void>): Store {
  let closing: Promise<void> | undefined;
  return {
    ...store,
    close: () => {
      closing ??= store.close().then(after);
      return closing;
    },
  };
}
