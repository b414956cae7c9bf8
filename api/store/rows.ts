import type { Transaction } from './store.ts';

/** Column types that `insertRows` can write, and the JavaScript type of each. */
export interface ColumnValues {
  bytea: Uint8Array;
  text: string;
  int8: bigint | number;
  int4: number;
  int2: number;
  boolean: boolean;
  timestamptz: Date;
  numeric: bigint | string;
  jsonb: unknown;
  /** As text, with or without dashes. */
  uuid: string;
}

export type Columns = Readonly<Record<string, keyof ColumnValues>>;

export type RowOf<C extends Columns> = { readonly [Name in keyof C]: ColumnValues[C[Name]] | null };

export interface InsertOptions {
  /** What follows `ON CONFLICT`, for instance `DO NOTHING` or `(digest) DO UPDATE SET body = excluded.body`. */
  readonly onConflict?: string;
}

const rowsPerStatement = 5_000;
const bytesPerStatement = 4 * 1024 * 1024;

/**
 * Inserts many rows fast, and returns how many were inserted (with `DO NOTHING`: new). Each statement is
 * `INSERT … SELECT … FROM unnest($1::bytea[], …)`, an array a column, in PostgreSQL's binary format: nothing is
 * escaped or parsed, and unlike COPY it can meet rows that are there already.
 *
 * @param columns the columns to write, with their types; `table` and their names come from code, never from a request
 */
export async function insertRows<const C extends Columns>(
  transaction: Transaction,
  table: string,
  columns: C,
  rows: Iterable<RowOf<C>>,
  options: InsertOptions = {},
): Promise<number> {
  const names = Object.keys(columns);
  const types = Object.values(columns);
  const arrays = types.map((type, index) => `$${index + 1}::${arrayElement[type].sql}[]`);
  const values = types.map((type, index) => `v${index}${arrayElement[type].cast ?? ''}`);
  const sql =
    `INSERT INTO ${quoted(table)} (${names.map(quoted).join(', ')}) ` +
    `SELECT ${values.join(', ')} FROM unnest(${arrays.join(', ')}) AS source(${values.map((_, i) => `v${i}`).join(', ')})` +
    (options.onConflict === undefined ? '' : ` ON CONFLICT ${options.onConflict}`);

  let inserted = 0;
  let builders = types.map((type) => new ArrayBuilder(type));
  let count = 0;
  const flush = async () => {
    if (count === 0) return;
    const parameters = builders.map((builder) => builder.finish());
    builders = types.map((type) => new ArrayBuilder(type));
    count = 0;
    inserted += await transaction.execute(sql, parameters);
  };
  for (const row of rows) {
    let bytes = 0;
    for (const [index, builder] of builders.entries()) {
      builder.add(row[names[index] as keyof C]);
      bytes += builder.size;
    }
    count += 1;
    if (count === rowsPerStatement || bytes > bytesPerStatement) await flush();
  }
  await flush();
  return inserted;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

type Encode = (value: never, into: ArrayBuilder) => void;

interface ArrayElement {
  readonly sql: string;
  readonly oid: number;
  readonly encode: Encode;
  /** numeric and jsonb travel as text, whose exact form is the server's business. */
  readonly cast?: string;
}

const int8: Encode = (value: bigint | number, into) => into.int8(BigInt(value));
const text: Encode = (value: string, into) => into.text(value);
const microsecondsTo2000 = 946_684_800_000_000n;

const arrayElement: Readonly<Record<keyof ColumnValues, ArrayElement>> = {
  bytea: { sql: 'bytea', oid: 17, encode: (value: Uint8Array, into) => into.bytes(value) },
  text: { sql: 'text', oid: 25, encode: text },
  int8: { sql: 'int8', oid: 20, encode: int8 },
  int4: { sql: 'int4', oid: 23, encode: (value: number, into) => into.int4(value) },
  int2: { sql: 'int2', oid: 21, encode: (value: number, into) => into.int2(value) },
  boolean: { sql: 'boolean', oid: 16, encode: (value: boolean, into) => into.byte(value ? 1 : 0) },
  timestamptz: {
    sql: 'timestamptz',
    oid: 1184,
    encode: (value: Date, into) => into.int8(BigInt(value.getTime()) * 1000n - microsecondsTo2000),
  },
  numeric: {
    sql: 'text',
    oid: 25,
    encode: (value: bigint | string, into) => into.text(String(value)),
    cast: '::numeric',
  },
  jsonb: {
    sql: 'text',
    oid: 25,
    encode: (value: unknown, into) => into.text(JSON.stringify(value)),
    cast: '::jsonb',
  },
  uuid: {
    sql: 'uuid',
    oid: 2950,
    encode: (value: string, into) => into.bytes(Buffer.from(value.replaceAll('-', ''), 'hex')),
  },
};

/** One array in PostgreSQL's binary format: a header of 20 bytes, then each element's length (-1 for null) and bytes. */
class ArrayBuilder {
  #buffer = Buffer.allocUnsafe(4096);
  #length = 20;
  #count = 0;
  #nulls = 0;
  readonly #element: ArrayElement;

  constructor(type: keyof ColumnValues) {
    this.#element = arrayElement[type];
  }

  get size(): number {
    return this.#length;
  }

  add(value: unknown): void {
    this.#count += 1;
    if (value === null) {
      this.#nulls = 1;
      this.#reserve(4);
      this.#length = this.#buffer.writeInt32BE(-1, this.#length);
    } else if (value === undefined) {
      throw new TypeError('a row lacks a column');
    } else {
      this.#element.encode(value as never, this);
    }
  }

  bytes(value: Uint8Array): void {
    this.#lengthOf(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.#lengthOf(length);
    this.#length += this.#buffer.write(value, this.#length, length, 'utf8');
  }

  int8(value: bigint): void {
    this.#lengthOf(8);
    this.#length = this.#buffer.writeBigInt64BE(value, this.#length);
  }

  int4(value: number): void {
    this.#lengthOf(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
  }

  int2(value: number): void {
    this.#lengthOf(2);
    this.#length = this.#buffer.writeInt16BE(value, this.#length);
  }

  byte(value: number): void {
    this.#lengthOf(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
  }

  finish(): Uint8Array {
    const dimensions = 1;
    const lowerBound = 1;
    for (const [index, word] of [
      dimensions,
      this.#nulls,
      this.#element.oid,
      this.#count,
      lowerBound,
    ].entries()) {
      this.#buffer.writeInt32BE(word, index * 4);
    }
    return this.#buffer.subarray(0, this.#length);
  }

  #lengthOf(bytes: number): void {
    this.#reserve(4 + bytes);
    this.#length = this.#buffer.writeInt32BE(bytes, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
