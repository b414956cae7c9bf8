import { hash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { canonicalJson } from '../../core/canonical.ts';
import { type CsvEncoding, createDecoder } from '../../core/csv/encoding.ts';
import { cyclicRows, madeLater, type PartInPart } from '../../core/csv/installations.ts';
import { mapRow } from '../../core/csv/mapRow.ts';
import {
  type CsvFault,
  type CsvReader,
  type CsvRow,
  createReader,
  type Delimiter,
  detectDelimiter,
  isFault,
} from '../../core/csv/reader.ts';
import type { RowMapping } from '../../core/csv/statements.ts';
import { errorColumns, openTable, placeOf, type Table, type TableName } from '../../core/csv/table.ts';
import { csvRow, unguardCell } from '../../core/csv/writer.ts';
import { VinculumError } from '../../core/errors.ts';
import { buildGraph, cyclesOf } from '../../core/supply/graph.ts';
import type { MappingProblem, Statement, SupplyEdge } from '../../core/supply/statement.ts';
import { CommandError } from '../exit.ts';
import { Fingerprints } from './fingerprints.ts';
import { piecesOf, type ReadProgress } from './rows.ts';
import type { StatementImport } from './statements.ts';

/*
 * Tables. Each is read twice: for what only the whole of it tells (batches that are made of each other, parts that are in
 * each other), then row by row. What can't be imported is written, as it stands and with its reason, to a table of errors,
 * which is imported again once it is mended.
 */

export type CsvFormat = {
  readonly encoding?: CsvEncoding;
  readonly delimiter?: Delimiter;
  /** By column: what is so in every row that does not say it. */
  readonly defaults: Readonly<Record<string, string>>;
};

export type CsvFile = {
  readonly file: string;
  readonly table: Table;
  readonly format: CsvFormat;
};

type Rows = readonly (CsvRow | CsvFault)[];

/**
 * Reads the heading of a table.
 * @throws `csv.*` with the file's name; `import.file` `import.corrupt`
 */
export async function openCsv(
  file: string,
  name: TableName,
  format: CsvFormat,
  signal: AbortSignal,
): Promise<CsvFile> {
  for await (const { heading } of readCsv(file, format, signal)) {
    if (heading === null) continue;
    try {
      return { file, format, table: openTable(name, heading, format.defaults) };
    } catch (error) {
      throw inFile(file, error);
    }
  }
  throw inFile(
    file,
    new VinculumError('csv.empty', 'The table has no heading: its first line names the columns.'),
  );
}

/**
 * The rows of a table, some thousands at a time; the heading comes first, by itself.
 * @throws `csv.encoding` `csv.empty` with the file's name; `import.file` `import.corrupt`
 */
export async function* readCsv(
  file: string,
  format: Pick<CsvFormat, 'encoding' | 'delimiter'>,
  signal: AbortSignal,
  progress?: ReadProgress,
): AsyncGenerator<{ readonly heading: readonly string[] | null; readonly rows: Rows }> {
  const decoder = createDecoder(format.encoding);
  let reader: CsvReader | null = null;
  let begun = '';
  let hasHeading = false;
  let skipped = 0;
  const take = (text: string, last: boolean): Rows => {
    if (reader === null) {
      begun += text;
      const end = begun.indexOf('\n');
      if (end < 0 && !last && begun.length < 1_000_000) return [];
      const line = begun.slice(0, end < 0 ? begun.length : end);
      const { delimiter, stated } = detectDelimiter(line);
      reader = createReader({ delimiter: format.delimiter ?? delimiter });
      skipped = stated ? 1 : 0;
      const rest = stated ? begun.slice(end + 1) : begun;
      begun = '';
      const rows = reader.push(rest);
      return last ? [...rows, ...reader.end()] : rows;
    }
    const rows = text === '' ? [] : reader.push(text);
    return last ? [...rows, ...reader.end()] : rows;
  };
  const parted = (found: Rows): { heading: readonly string[] | null; rows: Rows }[] => {
    const rows = skipped === 0 ? found : found.map((row) => ({ ...row, row: row.row + skipped }));
    if (hasHeading || rows.length === 0) return rows.length === 0 ? [] : [{ heading: null, rows }];
    const [first, ...rest] = rows;
    if (first === undefined || isFault(first)) {
      throw new VinculumError('csv.quote', 'The heading can’t be read: its quotes are broken.');
    }
    hasHeading = true;
    return [
      { heading: first.cells.map((cell) => unguardCell(cell).trim()), rows: [] },
      { heading: null, rows: rest },
    ];
  };
  try {
    for await (const bytes of piecesOf(file, signal, progress))
      yield* parted(take(decoder.push(bytes), false));
    yield* parted(take(decoder.end(), true));
  } catch (error) {
    throw inFile(file, error);
  }
}

/** A table of what could not be imported: the rows as they stand, and why. */
export class ErrorTable {
  readonly #file: string;
  readonly #heading: readonly string[];
  readonly #width: number;
  #handle: number | undefined;
  rows = 0;

  /** @param file is written with the first row, and not before */
  constructor(file: string, { table }: CsvFile) {
    this.#file = file;
    const known = new Set<string>(errorColumns);
    // The errors of an import of errors take the place of those before.
    this.#width = table.heading.findLastIndex((text) => !known.has(text)) + 1;
    this.#heading = table.heading.slice(0, this.#width);
    rmSync(file, { force: true });
  }

  write(cells: readonly string[], problems: readonly MappingProblem[]): void {
    this.#handle ??= this.#open();
    const [first] = problems;
    // What stands in the cell, not how it is guarded there: it is guarded again.
    const own = Array.from({ length: this.#width }, (_, index) => unguardCell(cells[index] ?? ''));
    const column = /column (.*)$/.exec(first?.at ?? '')?.[1] ?? '';
    const detail = problems.map(({ code, at, detail: why = '' }, index) =>
      index === 0 ? `${at}: ${why}` : `${code} ${at}: ${why}`,
    );
    writeSync(this.#handle, csvRow([...own, first?.code ?? '', column, detail.join('; ')]));
    this.rows += 1;
  }

  /** A row whose quotes are broken: its text stands in the first cell. */
  fault({ row, column, code, detail, text }: CsvFault): void {
    this.write([text], [{ code, at: `row ${row}, column ${column}`, detail }]);
  }

  close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
  }

  #open(): number {
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const handle = openSync(this.#file, 'w', 0o600);
    writeSync(handle, `\ufeff${csvRow([...this.#heading, ...errorColumns])}`);
    return handle;
  }
}

export type CsvImport = {
  readonly signal: AbortSignal;
  readonly progress?: ReadProgress;
  /** Where the rows go that can't be imported. */
  readonly errors: (file: CsvFile) => ErrorTable;
  /** The days on which things were made, as far as it is known of the things that some rows name. */
  readonly madeOn?: (statements: readonly Statement[]) => Promise<(identifier: string) => string | undefined>;
};

/** Rows whose parts are looked up together. */
const LOOKED_UP = 200;

/** Hands every row of tables of batches, installations or steps to the import, and waits until all is there. */
export async function importCsv(
  files: readonly CsvFile[],
  run: StatementImport,
  options: CsvImport,
): Promise<void> {
  const refused = await findCycles(files, options.signal);
  for (const [index, csv] of files.entries()) {
    const errors = options.errors(csv);
    try {
      for (const note of csv.table.notes) await run.note(note);
      for await (const { heading, rows } of readCsv(csv.file, csv.format, options.signal, options.progress)) {
        if (heading !== null) continue;
        for (let start = 0; start < rows.length; start += LOOKED_UP) {
          await takeRows(rows.slice(start, start + LOOKED_UP), csv, index, { run, errors, refused, options });
        }
      }
      // Late failures are written too.
      await run.settle();
    } finally {
      errors.close();
    }
  }
}

type Taking = {
  readonly run: StatementImport;
  readonly errors: ErrorTable;
  readonly refused: ReadonlyMap<string, MappingProblem>;
  readonly options: CsvImport;
};

async function takeRows(
  rows: Rows,
  { table, file }: CsvFile,
  index: number,
  { run, errors, refused, options }: Taking,
): Promise<void> {
  const mapped = rows.map((row) => (isFault(row) ? null : mapRow(table, row)));
  const statements = mapped.flatMap((mapping) => mapping?.statements ?? []);
  const madeOn = await options.madeOn?.(statements);
  for (const [number, row] of rows.entries()) {
    const mapping = mapped[number];
    if (isFault(row) || mapping === null || mapping === undefined) {
      if (isFault(row)) errors.fault(row);
      run.refuse();
      continue;
    }
    const found = [refused.get(`${index} ${row.row}`), ...beforeMade(mapping, madeOn)];
    const problems = [...mapping.problems, ...found.filter((problem) => problem !== undefined)];
    const failed = problems.filter(({ note }) => note !== true);
    if (failed.length > 0) {
      errors.write(row.cells, failed);
      run.refuse();
      continue;
    }
    await run.take({
      source: mapping.source,
      at: file === '' ? placeOf(row.row) : `${file}, ${placeOf(row.row)}`,
      content: hash('sha256', canonicalJson(mapping.statements.map(({ content }) => content))),
      statements: mapping.statements,
      problems,
      ...(table.name === 'batches' ? { once: true } : {}),
      onFailed: async (why) => errors.write(row.cells, why),
    });
  }
}

function beforeMade(
  { row, statements }: RowMapping,
  madeOn: ((identifier: string) => string | undefined) | undefined,
): MappingProblem[] {
  if (madeOn === undefined) return [];
  return statements.flatMap((statement): MappingProblem[] => {
    const found = madeLater(statement, madeOn);
    if (found === null) return [];
    const detail = `${found.thing} was made on ${found.day}, and is said to have been mounted on ${statement.content.time}`;
    return [{ code: 'part.beforeMade', at: placeOf(row, 'time'), detail }];
  });
}

/** The rows, by file and number, that make things be in themselves. */
async function findCycles(
  files: readonly CsvFile[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, MappingProblem>> {
  const refused = new Map<string, MappingProblem>();
  // Whatever lies in a knot has something in it itself: so few edges are kept, however long the tables.
  const parents = new Fingerprints();
  await forEdges(files, signal, ({ edge }) => parents.set(edge.parent, ''));
  const edges: StatedEdge[] = [];
  if (parents.size === 0) return refused;
  await forEdges(files, signal, (stated) => {
    if (parents.find(stated.edge.child, '') !== null) edges.push(stated);
  });
  const name = files[0]?.table.name;
  if (name === 'batches') {
    for (const knot of cyclesOf(buildGraph(edges.map(({ edge }) => edge)))) {
      const things = new Set(knot);
      for (const { at, row, edge } of edges) {
        if (!things.has(edge.parent) || !things.has(edge.child)) continue;
        const detail = `${knot.join(', ')}: said to be made of ${knot.length === 1 ? 'itself' : 'each other'}`;
        refused.set(at, { code: 'bom.cycle', at: placeOf(row, 'inputs'), detail });
      }
    }
    return refused;
  }
  const inOrder: PartInPart[] = edges.map(({ edge }, row) => ({ row, edge }));
  for (const [place, path] of cyclicRows(inOrder)) {
    const { at = '', row = 0 } = edges[place] ?? {};
    refused.set(at, {
      code: 'bom.cycle',
      at: placeOf(row, 'part'),
      detail: `${path.join(' in ')}: in itself`,
    });
  }
  return refused;
}

/** An edge, with the file's number and the row that state it. */
type StatedEdge = { readonly at: string; readonly row: number; readonly edge: SupplyEdge };

/** The edges that might lie in a knot: of batches that name what they are made of, and of parts that are in parts. */
async function forEdges(
  files: readonly CsvFile[],
  signal: AbortSignal,
  take: (stated: StatedEdge) => void,
): Promise<void> {
  for (const [index, { file, table, format }] of files.entries()) {
    const ofBatches = table.name === 'batches';
    const column = table.columns.indexOf(ofBatches ? 'inputs' : 'vehicle');
    if (table.name === 'steps' || (column < 0 && table.defaults.inputs === undefined)) continue;
    for await (const { heading, rows } of readCsv(file, format, signal)) {
      if (heading !== null) continue;
      for (const row of rows) {
        if (isFault(row)) continue;
        const cell = row.cells[column] ?? '';
        if (column >= 0 && !(ofBatches ? cell.trim() !== '' : cell.includes('serial:'))) continue;
        for (const edge of mapRow(table, row).edges) take({ at: `${index} ${row.row}`, row: row.row, edge });
      }
    }
  }
}

/** A fault of a table, with its file. */
export function inFile(file: string, error: unknown): unknown {
  if (!(error instanceof VinculumError) || !/^csv\./.test(error.code) || error instanceof CommandError)
    return error;
  return new CommandError('usage', error.code, `${file}: ${error.message}`, {
    cause: error,
    details: error.details,
  });
}
