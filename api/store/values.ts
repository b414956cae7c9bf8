import pg from 'pg';
import type { Parameter } from './store.ts';

/** A parameter as PostgreSQL takes it: text, or a Buffer for the binary format. */
export type WireValue = string | Buffer | null;

/** Encodes a parameter. Text is exact for all types but bytea, which travels as the bytes themselves. */
export function toWire(value: Parameter): WireValue {
  if (value === null) return null;
  switch (typeof value) {
    case 'string':
      return value;
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'number':
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw new TypeError(`${value} is beyond the integers that a number holds exactly: pass a bigint`);
      }
      return String(value);
    case 'object':
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      if (value instanceof Date) return value.toISOString();
      return Array.isArray(value) ? arrayText(value) : JSON.stringify(value);
    default:
      throw new TypeError(`a parameter cannot be ${typeof value}`);
  }
}

function arrayText(items: readonly Parameter[]): string {
  return `{${items.map(arrayItem).join(',')}}`;
}

function arrayItem(item: Parameter): string {
  if (item === null) return 'NULL';
  if (item instanceof Uint8Array) {
    return `"\\\\x${Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString('hex')}"`;
  }
  if (Array.isArray(item)) return arrayText(item);
  const text = String(toWire(item));
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

type Parser = (text: string) => unknown;

const bytes: Parser = (text) => {
  if (!text.startsWith('\\x'))
    throw new TypeError('bytea came in the escape format: set bytea_output to hex');
  const buffer = Buffer.from(text.slice(2), 'hex');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
};
const text: Parser = (value) => value;
const number: Parser = Number;
const date: Parser = (value) => new Date(value);
const json: Parser = (value) => JSON.parse(value) as unknown;
const textArray: number = 1009;
/** Splits an array's text into its items' texts; arrays of one dimension are all there are here. */
const itemTexts: (text: string) => (string | null)[] = pg.types.getTypeParser(textArray);
const arrayOf =
  (item: Parser): Parser =>
  (value) =>
    itemTexts(value).map((text) => (text === null ? null : item(text)));

/** By type OID, with the OID of its array type. Every other type is read as text. */
const parsers = new Map<number, Parser>(
  (
    [
      [16, 1000, (value) => value === 't'], // boolean
      [17, 1001, bytes],
      [20, 1016, BigInt], // int8
      [21, 1005, number], // int2
      [23, 1007, number], // int4
      [25, 1009, text],
      [26, 1028, number], // oid
      [114, 199, json],
      [700, 1021, number], // float4
      [701, 1022, number], // float8
      [1043, 1015, text], // varchar
      [1184, 1185, date], // timestamptz
      [1700, 1231, text], // numeric
      [3802, 3807, json], // jsonb
    ] satisfies [number, number, Parser][]
  ).flatMap(([oid, arrayOid, parser]): [number, Parser][] => [
    [oid, parser],
    [arrayOid, arrayOf(parser)],
  ]),
);

/** What `pg` asks for the parser of a column. */
export const columnTypes = {
  getTypeParser: (oid: number) => parsers.get(oid) ?? text,
};
