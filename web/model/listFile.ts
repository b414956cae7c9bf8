import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';

/*
 * Reads a list of serial numbers or of vehicles from a file as people have it: one number a line, or a table (CSV with
 * commas, semicolons or tabs) of which one column holds them. Piece by piece, so that a file may be larger than memory.
 */

export type ListOf = 'serial' | 'vehicle';

export type RowFault =
  /** A quotation mark that is not closed, or stands where none may. */
  | 'quotes'
  /** The row has no cell in the column. */
  | 'cell'
  | 'character'
  | 'length'
  /** A whole identifier, of another maker or of another type. */
  | 'other'
  | 'vehicle'
  | 'duplicate';

export type FaultyRow = { readonly row: number; readonly text: string; readonly fault: RowFault };

/** What the columns that hold the numbers are called, without spaces, dashes and underscores. */
const NAMES: Readonly<Record<ListOf, ReadonlySet<string>>> = {
  serial: new Set([
    'serial',
    'serialno',
    'serialnumber',
    'sn',
    'seriennummer',
    'partinstanceid',
    '序列号',
    '产品序列号',
    '零件序列号',
  ]),
  vehicle: new Set([
    'vin',
    'vehicle',
    'vehicleid',
    'identifier',
    'fin',
    'fahrgestellnummer',
    '车架号',
    '车辆识别代号',
  ]),
};

const SHOWN_CHARACTERS = 80;
/** A cell beyond this is no number of anything. */
const MOST_CHARACTERS = 10_000;

export type ListOptions = {
  readonly of: ListOf;
  /** Of serials: who made the parts, as in identifiers. */
  readonly maker: string;
  readonly onMember: (member: Identifier, row: number) => void;
  readonly onFault: (fault: FaultyRow) => void;
};

type Layout = {
  readonly delimiter: string | null;
  readonly column: number;
  /** What the first row calls the column; null where it is a number itself. */
  readonly name: string | null;
};

export class ListReader {
  readonly #options: ListOptions;
  #held = '';
  #layout: Layout | null = null;
  /** Counts records, as a spreadsheet does. */
  #row = 0;

  constructor(options: ListOptions) {
    this.#options = options;
  }

  /** What the column is called, where the file says it; known once something was read. */
  get column(): string | null {
    return this.#layout?.name ?? null;
  }

  get rows(): number {
    return this.#row;
  }

  push(text: string): void {
    this.#held += text;
    this.#drain(false);
  }

  finish(): void {
    this.#drain(true);
  }

  #drain(last: boolean): void {
    let from = 0;
    const text = this.#held;
    for (;;) {
      const end = endOfRecord(text, from, last);
      if (end === null) break;
      this.#record(text.slice(from, end.at), end.open);
      from = end.next;
      if (from >= text.length) break;
    }
    this.#held = text.slice(from);
    if (last || this.#held.length > MOST_CHARACTERS * 100) this.#held = '';
  }

  #record(line: string, open: boolean): void {
    this.#row += 1;
    const row = this.#row;
    if (open) {
      this.#fault(line, 'quotes');
      return;
    }
    if (line.trim() === '') return;
    if (this.#layout === null) {
      const delimiter = delimiterOf(line);
      const cells = cellsOf(line, delimiter) ?? [];
      const column = cells.findIndex((cell) => NAMES[this.#options.of].has(plainName(cell)));
      this.#layout = {
        delimiter,
        column: Math.max(column, 0),
        name: column < 0 ? null : (cells[column] ?? '').trim(),
      };
      if (column >= 0) return;
    }
    const cells = cellsOf(line, this.#layout.delimiter);
    if (cells === null) {
      this.#fault(line, 'quotes');
      return;
    }
    const cell = cells[this.#layout.column]?.trim() ?? '';
    const read = cell === '' ? 'cell' : readMember(cell, this.#options);
    if (typeof read === 'string') this.#fault(cell === '' ? line : cell, read);
    else this.#options.onMember(read, row);
  }

  #fault(text: string, fault: RowFault): void {
    this.#options.onFault({ row: this.#row, text: text.slice(0, SHOWN_CHARACTERS), fault });
  }
}

/** Where the record that begins at `from` ends; null where the rest of it is still to come. */
function endOfRecord(
  text: string,
  from: number,
  last: boolean,
): { readonly at: number; readonly next: number; readonly open: boolean } | null {
  let end = from;
  let quoted = false;
  for (; end < text.length; end++) {
    const sign = text.charCodeAt(end);
    if (sign === 0x22) quoted = !quoted;
    else if (!quoted && (sign === 0x0a || sign === 0x0d)) {
      const isPair = sign === 0x0d && text.charCodeAt(end + 1) === 0x0a;
      if (sign === 0x0d && end + 1 === text.length && !last) return null;
      return { at: end, next: end + (isPair ? 2 : 1), open: false };
    } else if (quoted && end - from > MOST_CHARACTERS) {
      // Nobody's cell: the quotation mark was never closed. The next line is read by itself again.
      const line = text.indexOf('\n', from);
      const at = line < 0 ? text.length : line;
      return { at, next: at + 1, open: true };
    }
  }
  if (!last || end === from) return null;
  if (!quoted) return { at: end, next: end, open: false };
  const line = text.indexOf('\n', from);
  return line < 0 ? { at: end, next: end, open: true } : { at: line, next: line + 1, open: true };
}

/** The sign that separates the cells of a table, by its first row; null for a mere list. */
function delimiterOf(line: string): string | null {
  const bare = line.replace(/"(?:[^"]|"")*"/g, '');
  const counts = ['\t', ';', ','].map((sign) => [sign, bare.split(sign).length - 1] as const);
  const [best] = [...counts].sort(([, left], [, right]) => right - left);
  return best === undefined || best[1] === 0 ? null : best[0];
}

/** The cells of a record; null where its quotation marks are broken. */
function cellsOf(line: string, delimiter: string | null): string[] | null {
  if (!line.includes('"')) return delimiter === null ? [line] : line.split(delimiter);
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let cell = '';
      at += 1;
      for (;;) {
        const close = line.indexOf('"', at);
        if (close < 0) return null;
        cell += line.slice(at, close);
        at = close + 1;
        if (line[at] !== '"') break;
        cell += '"';
        at += 1;
      }
      if (at < line.length && line[at] !== delimiter) return null;
      cells.push(cell);
    } else {
      const next = delimiter === null ? -1 : line.indexOf(delimiter, at);
      const end = next < 0 ? line.length : next;
      const cell = line.slice(at, end);
      if (cell.includes('"')) return null;
      cells.push(cell);
      at = end;
    }
    if (at >= line.length) return cells;
    at += 1;
  }
}

function plainName(cell: string): string {
  return cell
    .normalize('NFKC')
    .replace(/[\s_.-]/g, '')
    .toLowerCase();
}

function readMember(cell: string, { of, maker }: ListOptions): Identifier | RowFault {
  if (of === 'vehicle') {
    try {
      const read = parseIdentifier(cell, { overrideCheckDigit: true });
      return ['vin', 'registration', 'chassis', 'van'].includes(read.type) ? read : 'other';
    } catch {
      return 'vehicle';
    }
  }
  const prefix = `serial:${maker}:`;
  if (/^(?:serial|batch|vin):/.test(cell) && !cell.startsWith(prefix)) return 'other';
  const value = cell.startsWith(prefix) ? cell.slice(prefix.length) : cell;
  // What nearly every row is; the rest is normalised as identifiers are.
  if (/^[\x21-\x7e]{1,64}$/.test(value)) return { type: 'serial', scope: maker, value } as Identifier;
  try {
    return parseIdentifier(prefix + value);
  } catch {
    return value.normalize('NFKC').trim().length > 64 ? 'length' : 'character';
  }
}

// ── Bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'gb18030';

/** The encoding that a file's first bytes speak for: a mark, or the zeros that plain letters have in UTF-16. */
export function encodingOf(start: Uint8Array): Encoding {
  const [first = 0, second = 0] = start;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  const zeros = [0, 0];
  start.subarray(0, 400).forEach((byte, index) => {
    if (byte === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  });
  const [even = 0, odd = 0] = zeros;
  if (odd > 3 * (even + 1)) return 'utf-16le';
  if (even > 3 * (odd + 1)) return 'utf-16be';
  return 'utf-8';
}

/** The identifier as members of a set are written. */
export const memberText = formatIdentifier;
