import type { Delimiter } from './reader.ts';

/*
 * Rows as RFC 4180 writes them. A spreadsheet takes a cell that begins with one of a few signs for a formula and computes
 * it; such a cell gets an apostrophe before it (OWASP, "CSV Injection"), and a reader takes exactly that one off again. A
 * spreadsheet may cut cells elsewhere than we do, by the list separator of its country: a sign after one gets its own.
 */

const BEGINS = String.raw`'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]`;
const FOLLOWS = String.raw`'*[=+\-@\uff1d\uff0b\uff0d\uff20]`;
/** Before the apostrophes and the sign that begin a formula, the full-width ones of East Asian spreadsheets included. */
const FORMULA = new RegExp(`^(?=${BEGINS})|(?<=[;,\\t\\r\\n])(?=${FOLLOWS})`, 'g');
const GUARDS = new RegExp(`^'(?=${BEGINS})|(?<=[;,\\t\\r\\n])'(?=${FOLLOWS})`, 'g');

/** The text as a cell of which no spreadsheet computes anything. */
export function guardCell(text: string): string {
  return text.replace(FORMULA, "'");
}

/** What {@link guardCell} was given. */
export function unguardCell(cell: string): string {
  return cell.includes("'") ? cell.replace(GUARDS, '') : cell;
}

/** One line, with its end, of cells that are guarded and quoted where they must be. */
export function csvRow(cells: readonly string[], delimiter: Delimiter = ','): string {
  // A single empty cell would be an empty line, which is no row.
  if (cells.length === 1 && cells[0] === '') return '""\r\n';
  return `${cells.map((text) => quoted(guardCell(text), delimiter)).join(delimiter)}\r\n`;
}

function quoted(cell: string, delimiter: Delimiter): string {
  const plain = !cell.includes(delimiter) && !/["\r\n]|^[ ']|[ ]$/.test(cell);
  return plain ? cell : `"${cell.replaceAll('"', '""')}"`;
}
