import pg from 'pg';
import { Problem } from '../problem.ts';
import { storeOnPool } from './pool.ts';
import type { Store } from './store.ts';
import { columnTypes } from './values.ts';

export interface PostgresOptions {
  /** Connections at most, default 10. */
  readonly connections?: number;
  /** Hears of idle connections that break; queries report their own errors. */
  readonly onError?: (error: Error) => void;
}

/** The store on a PostgreSQL server, version 15 or later. */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Store> {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new Problem('store.unsupported', 'DATABASE_URL must begin with postgres:// or postgresql://.');
  }
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 10,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'vinculum',
    // A transaction whose process hangs must not hold its locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    types: columnTypes,
  });
  pool.on('error', options.onError ?? (() => undefined));
  const store = storeOnPool('postgres', pool, async () => undefined);
  try {
    const [server] = await store.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int4 AS version`,
    );
    if (server === undefined || server.version < 150_000) {
      throw new Problem('store.unsupported', 'The database must be PostgreSQL 15 or later.');
    }
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
