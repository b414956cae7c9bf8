import type { Delimiter } from './reader.ts';

/*
 * Rows as RFC 4180 writes them. A spreadsheet takes a cell that begins with one of a few signs for a formula and computes
 * it; such a cell gets an apostrophe before it (OWASP, "CSV Injection"), and a reader takes exactly that one off again.
 */

/** Apostrophes before one of the signs that begin a formula, the full-width ones of East Asian spreadsheets included. */
const FORMULA = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const GUARDED = /^'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** The text as a cell that no spreadsheet computes. */
export function guardCell(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** What {@link guardCell} was given. */
export function unguardCell(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
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
