import { Problem } from '../problem.ts';

/**
 * What a query takes and gives is the same on both adapters:
 *
 * | SQL                    | parameter                              | result       |
 * |------------------------|----------------------------------------|--------------|
 * | int8                   | bigint or a safe integer               | bigint       |
 * | int4, int2, float8     | number                                 | number       |
 * | numeric                | bigint, or decimal text                | string       |
 * | bytea                  | Uint8Array                             | Uint8Array   |
 * | timestamptz            | Date                                   | Date         |
 * | jsonb                  | plain object, or `jsonParameter(…)`    | its value    |
 * | boolean, text          | boolean, string                        | the same     |
 * | arrays of these        | array                                  | array        |
 *
 * `count(*)` is an int8 and so a bigint. Columns of time are `timestamptz(3)`, so that a Date loses nothing.
 */
export type Parameter =
  | null
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | Date
  | { readonly [member: string]: unknown }
  | readonly Parameter[];

/** Something that runs one SQL statement: the store itself, or an open transaction. */
export interface Queryable {
  /** The rows of one statement. */
  query<T extends object>(sql: string, parameters?: readonly Parameter[]): Promise<T[]>;

  /** How many rows one statement wrote; without parameters it may also be a script of several statements. */
  execute(sql: string, parameters?: readonly Parameter[]): Promise<number>;
}

/** Statements that take effect together or not at all. Valid until `work` has settled. */
export interface Transaction extends Queryable {
  readonly inTransaction: true;
}

export interface TransactionOptions {
  /** Default: read committed. A caller of the other two repeats its work on the retryable `store.busy`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

/**
 * The service's database: one SQL dialect, common to PostgreSQL 15–18, behind two adapters (`pglite.ts`,
 * `postgres.ts`). Nothing in it is needed to *verify*; losing it costs keys and disclosures.
 *
 * Within `transaction`, use the handle it gives: on the embedded store, which has a single connection, a query on the
 * store itself would wait for ever, so both adapters refuse it with `store.nested`.
 */
export interface Store extends Queryable {
  readonly adapter: 'pglite' | 'postgres';

  /**
   * Commits when `work` fulfils, rolls back when it rejects. A `store.unavailable` from here may mean that the commit
   * did happen: whoever repeats must be able to meet its own rows.
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;

  close(): Promise<void>;
}

/** A JSON value whose JavaScript type would otherwise mean something else in SQL: an array, a string, a number. */
export function jsonParameter(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return text;
}

/** The SQLSTATE of a database error, or undefined if it is none. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof Problem) return undefined;
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in error ? code : undefined;
}

/** Whether the error says that a unique key is taken already (the one named, if given). */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== '23505') return false;
  return constraint === undefined || (error as Error & { constraint?: unknown }).constraint === constraint;
}
