import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import { Problem } from '../problem.ts';
import type { Parameter, Queryable, Store, Transaction, TransactionOptions } from './store.ts';
import { sqlState } from './store.ts';
import { toWire } from './values.ts';

/**
 * The store over a pool of `pg` clients. Both adapters end here, so that they cannot differ in types, in errors or in
 * what a transaction means; they differ only in where the clients' bytes go.
 */
export function storeOnPool(adapter: Store['adapter'], pool: pg.Pool, close: () => Promise<void>): Store {
  // A client that breaks says so in an event, too, which nobody else hears while a transaction holds the client.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const opened = new AsyncLocalStorage<{ open: boolean }>();
  const outside = () => {
    if (opened.getStore()?.open) {
      throw new Problem('store.nested', 'A transaction is open here: use the handle that it gave.');
    }
  };
  let closing: Promise<void> | undefined;

  return {
    adapter,

    async query<T extends object>(sql: string, parameters?: readonly Parameter[]) {
      outside();
      return (await run<T>(pool, sql, parameters)).rows;
    },

    async execute(sql, parameters) {
      outside();
      return written(await run(pool, sql, parameters));
    },

    async transaction<T>(work: (transaction: Transaction) => Promise<T>, options: TransactionOptions = {}) {
      outside();
      const client = await connect(pool);
      const state = { open: true };
      let broken = true;
      try {
        await run(client, `BEGIN ISOLATION LEVEL ${options.isolation ?? 'read committed'}`);
        try {
          const result = await opened.run(state, () => work(transactionOn(client, state)));
          state.open = false;
          const { command } = await run(client, 'COMMIT');
          broken = false;
          if (command !== 'COMMIT') {
            throw new Problem(
              'store.aborted',
              'A statement had failed in the transaction, and its error was ignored.',
            );
          }
          return result;
        } catch (error) {
          state.open = false;
          if (broken) {
            await run(client, 'ROLLBACK').then(
              () => {
                broken = false;
              },
              () => undefined, // the connection is gone, and with it the transaction; the first error says why
            );
          }
          throw error;
        }
      } finally {
        client.release(broken);
      }
    },

    close() {
      closing ??= pool.end().then(close);
      return closing;
    },
  };
}

function transactionOn(client: pg.PoolClient, state: { open: boolean }): Transaction {
  const inside = () => {
    if (!state.open)
      throw new Problem('store.nested', 'This transaction is over: its handle cannot be used again.');
  };
  return {
    inTransaction: true,
    async query<T extends object>(sql: string, parameters?: readonly Parameter[]) {
      inside();
      return (await run<T>(client, sql, parameters)).rows;
    },
    async execute(sql, parameters) {
      inside();
      return written(await run(client, sql, parameters));
    },
  } satisfies Queryable & Transaction;
}

interface Outcome<T> {
  readonly rows: T[];
  readonly rowCount: number | null;
  readonly command: string;
}

async function run<T extends object>(
  on: pg.Pool | pg.PoolClient,
  sql: string,
  parameters?: readonly Parameter[],
): Promise<Outcome<T>> {
  const values = parameters?.map(toWire);
  try {
    // Without values pg speaks the simple protocol, which takes several statements and gives a result for each.
    const result = await (values === undefined ? on.query<T>(sql) : on.query<T>(sql, values));
    const last: pg.QueryResult<T> | undefined = Array.isArray(result) ? result.at(-1) : result;
    return last ?? { rows: [], rowCount: 0, command: '' };
  } catch (error) {
    throw translated(error);
  }
}

const written = ({ rowCount }: Outcome<object>) => rowCount ?? 0;

async function connect(pool: pg.Pool): Promise<pg.PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw translated(error);
  }
}

/**
 * What the caller can do nothing about gets a code of the service; an error of the statement itself (a unique key, a
 * check) stays what it is, for the caller to recognise by its SQLSTATE.
 */
function translated(error: unknown): unknown {
  if (error instanceof Problem) return error;
  const state = sqlState(error);
  if (state === undefined) return unavailable(error);
  if (state === '40001' || state === '40P01' || state === '55P03') {
    return new Problem('store.busy', 'A concurrent transaction was in the way. Try again.', { cause: error });
  }
  // Connection, authentication, catalog name, resources, operator intervention.
  return /^(08|28|3D|53|57P|58)/.test(state) ? unavailable(error) : error;
}

function unavailable(cause: unknown): Problem {
  const why = cause instanceof Error && cause.message !== '' ? cause.message : 'no connection';
  return new Problem(
    'store.unavailable',
    `The database cannot be reached (${why}). Check that it runs, and try again.`,
    {
      cause,
    },
  );
}
