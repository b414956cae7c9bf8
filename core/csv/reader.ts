import { VinculumError } from '../errors.ts';

/*
 * Rows of a table as RFC 4180 writes them, out of text that comes in pieces. A row whose quotes are broken is named, with
 * its row and column, and reading goes on with the line after the one that it begins in.
 */

export const delimiters = [',', ';', '\t'] as const;
export type Delimiter = (typeof delimiters)[number];

export type CsvRow = {
  /** From 1, the heading included: as a spreadsheet counts them. */
  readonly row: number;
  readonly cells: readonly string[];
};

/** A row that can't be read. */
export type CsvFault = {
  readonly row: number;
  /** From 1. */
  readonly column: number;
  /** `csv.quote` `csv.tooLong` `csv.tooManyColumns` */
  readonly code: string;
  readonly detail: string;
  /** What it holds, as it stands, as far as it is kept: the line that it begins in. */
  readonly text: string;
};

/** Most characters of a row: what is longer has lost its quotes, or is no table. */
export const MAX_ROW = 1024 * 1024;
const MAX_COLUMNS = 256;
const KEPT_TEXT = 4_000;

export type CsvReaderOptions = { readonly delimiter: Delimiter };

export interface CsvReader {
  /** The rows that are whole by now. */
  push(text: string): (CsvRow | CsvFault)[];
  /** The last row, where no line's end follows it. */
  end(): (CsvRow | CsvFault)[];
}

export const isFault = (row: CsvRow | CsvFault): row is CsvFault => 'code' in row;

export function createReader(options: CsvReaderOptions): CsvReader {
  return new Reader(options.delimiter);
}

type Parsed = { readonly cells: string[]; readonly next: number };
type Broken = { readonly column: number; readonly code: string; readonly detail: string };

class Reader implements CsvReader {
  readonly #delimiter: Delimiter;
  #rest = '';
  #row = 0;
  /** How much of the rest is known to hold no end of the row that it begins with. */
  #looked = 0;
  /** Within a line that is too long: nothing of it is kept up to its end. */
  #skipping = false;

  constructor(delimiter: Delimiter) {
    this.#delimiter = delimiter;
  }

  push(text: string): (CsvRow | CsvFault)[] {
    this.#rest = this.#rest === '' ? text : this.#rest + text;
    return this.#read(false);
  }

  end(): (CsvRow | CsvFault)[] {
    return this.#read(true);
  }

  #read(last: boolean): (CsvRow | CsvFault)[] {
    const rows: (CsvRow | CsvFault)[] = [];
    const text = this.#rest;
    let start = 0;
    while (start < text.length) {
      if (this.#skipping) {
        const end = text.indexOf('\n', start);
        start = end < 0 ? text.length : end + 1;
        this.#skipping = end < 0;
        continue;
      }
      const from = Math.max(start, this.#looked);
      const found = text.indexOf('\n', from);
      const end = found < 0 ? text.length : found;
      if (found < 0 && !last) {
        if (text.length - start <= MAX_ROW) {
          this.#looked = text.length;
          break;
        }
        rows.push(this.#tooLong(text, start));
        this.#skipping = true;
        start = text.length;
        break;
      }
      this.#looked = 0;
      const quote = text.indexOf('"', start);
      if (quote < 0 || quote >= end) {
        const line = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
        start = end + 1;
        if (line.length > MAX_ROW) rows.push(this.#tooLong(line, 0));
        else if (line === '') this.#row += 1;
        else rows.push(this.#plain(line));
        continue;
      }
      const parsed = this.#quoted(text, start, last);
      if (parsed === 'open') {
        if (text.length - start <= MAX_ROW) break;
        rows.push(this.#broken(text, start, end, unclosed(this.#delimiter, text, start)));
        start = end + 1;
      } else if ('next' in parsed) {
        this.#row += 1;
        rows.push(
          parsed.cells.length > MAX_COLUMNS
            ? this.#tooMany(text.slice(start, end))
            : { row: this.#row, cells: parsed.cells },
        );
        start = parsed.next;
      } else {
        rows.push(this.#broken(text, start, end, parsed));
        start = end + 1;
      }
    }
    this.#rest = start === 0 ? text : text.slice(start);
    this.#looked = Math.max(0, this.#looked - start);
    if (last) this.#rest = '';
    return rows;
  }

  #plain(line: string): CsvRow | CsvFault {
    this.#row += 1;
    const cells = line.split(this.#delimiter, MAX_COLUMNS + 1);
    return cells.length > MAX_COLUMNS ? this.#tooMany(line) : { row: this.#row, cells };
  }

  /** A row with quotes; `open` where its end is not there yet. */
  #quoted(text: string, start: number, last: boolean): Parsed | Broken | 'open' {
    const delimiter = this.#delimiter;
    const cells: string[] = [];
    let at = start;
    for (;;) {
      if (cells.length > MAX_COLUMNS) {
        const end = text.indexOf('\n', at);
        return { cells, next: end < 0 ? text.length : end + 1 };
      }
      if (text[at] !== '"') {
        let end = at;
        for (; end < text.length; end++) {
          const character = text[end];
          if (character === delimiter || character === '\n') break;
          if (character === '"') {
            return broken(cells.length + 1, 'a quote within a cell that does not begin with one');
          }
        }
        if (end >= text.length && !last) return 'open';
        const isEnd = end >= text.length || text[end] === '\n';
        cells.push(text.slice(at, isEnd && end > at && text[end - 1] === '\r' ? end - 1 : end));
        if (isEnd) return { cells, next: end + 1 };
        at = end + 1;
        continue;
      }
      let cell = '';
      let open = at + 1;
      for (;;) {
        const quote = text.indexOf('"', open);
        if (quote < 0) return last ? broken(cells.length + 1, OPEN) : 'open';
        if (quote + 1 >= text.length && !last) return 'open';
        if (text[quote + 1] === '"') {
          cell += text.slice(open, quote + 1);
          open = quote + 2;
          continue;
        }
        cell += text.slice(open, quote);
        at = quote + 1;
        break;
      }
      cells.push(cell);
      if (text[at] === '\r') {
        if (at + 1 >= text.length && !last) return 'open';
        if (text[at + 1] === '\n' || at + 1 >= text.length) at += 1;
      }
      if (at >= text.length || text[at] === '\n') return { cells, next: at + 1 };
      if (text[at] !== delimiter) {
        return broken(cells.length, 'something follows the quote that ends the cell');
      }
      at += 1;
    }
  }

  #broken(text: string, start: number, end: number, fault: Broken): CsvFault {
    this.#row += 1;
    const line = text.slice(start, Math.min(end, start + KEPT_TEXT));
    return { row: this.#row, ...fault, text: line.replace(/\r$/, '') };
  }

  #tooLong(text: string, start: number): CsvFault {
    this.#row += 1;
    const detail = `a row has at most ${MAX_ROW} characters`;
    return {
      row: this.#row,
      column: 1,
      code: 'csv.tooLong',
      detail,
      text: text.slice(start, start + KEPT_TEXT),
    };
  }

  #tooMany(line: string): CsvFault {
    const detail = `a row has at most ${MAX_COLUMNS} columns`;
    const text = line.slice(0, KEPT_TEXT);
    return { row: this.#row, column: MAX_COLUMNS + 1, code: 'csv.tooManyColumns', detail, text };
  }
}

const OPEN = 'a quote that begins a cell and does not end';

function broken(column: number, detail: string): Broken {
  return { column, code: 'csv.quote', detail };
}

/** Which column of a row opens a quote that nothing closes within the length of a row. */
function unclosed(delimiter: string, text: string, start: number): Broken {
  const line = text.slice(start, text.indexOf('\n', start));
  const column = line.slice(0, line.lastIndexOf('"')).split(delimiter).length;
  return broken(column, OPEN);
}

/**
 * Which sign parts the cells of a table, by its first line; a first line `sep=;`, as spreadsheets write it, says so.
 * @param line the first, without its end
 * @throws `csv.empty`
 */
export function detectDelimiter(line: string): { readonly delimiter: Delimiter; readonly stated: boolean } {
  const stated = /^sep=([,;\t])$/i.exec(line.trim() === '' ? line : line.replace(/[ \r]+$/, ''))?.[1];
  if (stated !== undefined) return { delimiter: stated as Delimiter, stated: true };
  if (line.trim() === '') {
    throw new VinculumError('csv.empty', 'The table has no heading: its first line names the columns.');
  }
  const bare = line.replaceAll(/"(?:[^"]|"")*"/g, '');
  const counts = delimiters.map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  const [best] = counts.sort((left, right) => right.count - left.count);
  return { delimiter: best?.delimiter ?? ',', stated: false };
}
