import { hash, randomBytes, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toBase64Url } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { describingColumns, mapBatch, mapSerial } from '../../core/csv/batches.ts';
import { type CsvRow, isFault } from '../../core/csv/reader.ts';
import { Cells, cellsOf, placeOf, sourceOf } from '../../core/csv/table.ts';
import { batchNamed } from '../../core/csv/values.ts';
import { isVinculumError, VinculumError } from '../../core/errors.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { MappingProblem } from '../../core/supply/statement.ts';
import { createSetBuilder, type SetBuilder } from '../../core/tree/builder.ts';
import { type CsvFile, type ErrorTable, readCsv } from './csv.ts';
import type { ReadProgress } from './rows.ts';
import type { StatementImport } from './statements.ts';

/*
 * Tables of serials, of any size and in any order, in bounded memory. The rows go to files on disk, three times:
 *
 *   1. read     every row into one of 64 files by its serial, so that the same serial always is in the same file
 *   2. compare  each of those by itself: a serial that stands twice is found there, with both its rows; the rest goes into
 *               files by batch, small batches together
 *   3. state    each batch from its file: its set's root, its entry, and a file of its members to hand over
 *
 * A batch goes onto the ledger whole or not at all: of one with a row that is wrong all rows go to the table of errors.
 */

export type SerialsImport = {
  readonly signal: AbortSignal;
  readonly progress?: ReadProgress;
  /** For what is kept between the passes, and for members until they are handed over. */
  readonly folder: string;
  /** Files of members that an earlier run signed for, and has not handed over. */
  readonly waiting: ReadonlySet<string>;
  /** Tables that describe the batches. */
  readonly batches: readonly CsvFile[];
  readonly errors: (file: CsvFile) => ErrorTable;
  /** Which of some serials are listed by batches on the ledger, with the batches. */
  readonly listed?: (serials: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  readonly onProgress?: (done: number, of: number, what: 'compared' | 'hashed') => void;
};

const PARTITIONS = 64;
/** Rows whose batches share a file. */
const BIN_ROWS = 200_000;
/** Members that are kept in memory until they are handed over; those of larger sets wait in a file. */
const FEW_MEMBERS = 2_000;
/** Serials that stand twice: a table with more is refused whole. */
const MOST_DUPLICATES = 100_000;
const ASKED_AT_ONCE = 1_000;
const PIECE_BYTES = 256 * 1024;

type Batch = {
  readonly identifier: string;
  /** What rows say of it, by column. */
  readonly said: Map<string, string>;
  rows: number;
  bin: number;
  /** What is wrong with the batch itself, and the first of its rows that are wrong: ten million of those need no room. */
  problems: MappingProblem[];
};

/** A row on disk: number, batch, serial, cells as JSON. */
type Kept = { readonly row: number; readonly batch: number; readonly serial: string; readonly cells: string };

/** Hands every batch of tables of serials to the import, and waits until all is there. */
export async function importSerials(
  files: readonly CsvFile[],
  run: StatementImport,
  options: SerialsImport,
): Promise<{ readonly serials: number; readonly batches: number }> {
  clearLeftovers(options);
  const described = await readDescriptions(options);
  const counts = { serials: 0, batches: 0 };
  for (const file of files) {
    const errors = options.errors(file);
    const spool = join(options.folder, 'spool', randomUUID());
    mkdirSync(spool, { recursive: true, mode: 0o700 });
    try {
      for (const note of file.table.notes) await run.note(note);
      const found = await new SerialTable(file, run, errors, spool, described, options).import();
      counts.serials += found.serials;
      counts.batches += found.batches;
    } finally {
      errors.close();
      rmSync(spool, { recursive: true, force: true });
    }
  }
  return counts;
}

/** Removes what an interrupted run left behind; members that wait to be handed over stay. */
function clearLeftovers({ folder, waiting }: SerialsImport): void {
  rmSync(join(folder, 'spool'), { recursive: true, force: true });
  const sets = join(folder, 'sets');
  mkdirSync(sets, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(sets)) {
    if (!waiting.has(join(sets, name))) rmSync(join(sets, name), { force: true });
  }
}

/** What tables of batches say of each, by column. */
async function readDescriptions({
  batches,
  signal,
}: SerialsImport): Promise<Map<string, Map<string, string>>> {
  const described = new Map<string, Map<string, string>>();
  for (const { file, table, format } of batches) {
    for await (const { heading, rows } of readCsv(file, format, signal)) {
      if (heading !== null) continue;
      for (const row of rows) {
        if (isFault(row)) throw new VinculumError(row.code, `${file}, ${placeOf(row.row)}: ${row.detail}.`);
        const cells = cellsOf(table, row);
        const batch = cells.need('batch', (text) => batchNamed(text, cells.get('manufacturerId')));
        const [problem] = cells.problems;
        if (problem !== undefined || batch === undefined) {
          throw new VinculumError(
            problem?.code ?? 'csv.value',
            `${file}, ${problem?.at}: ${problem?.detail}`,
          );
        }
        const identifier = own(formatIdentifier(batch));
        if (described.has(identifier)) {
          throw new VinculumError(
            'batch.numberUsed',
            `${file}, ${placeOf(row.row)}: ${identifier} stands twice.`,
          );
        }
        described.set(identifier, sayingsOf(cells));
      }
    }
  }
  return described;
}

function sayingsOf(cells: Cells): Map<string, string> {
  return new Map(
    describingColumns.flatMap((column) => {
      const text = cells.get(column);
      return text === undefined ? [] : [[column, own(text)]];
    }),
  );
}

class SerialTable {
  readonly #batches: Batch[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #saying: readonly string[];
  /** What is wrong with single rows. */
  readonly #faults = new Map<number, MappingProblem>();
  #rows = 0;
  readonly #file: CsvFile;
  readonly #run: StatementImport;
  readonly #errors: ErrorTable;
  readonly #spool: string;
  readonly #described: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly #options: SerialsImport;

  constructor(
    file: CsvFile,
    run: StatementImport,
    errors: ErrorTable,
    spool: string,
    described: ReadonlyMap<string, ReadonlyMap<string, string>>,
    options: SerialsImport,
  ) {
    this.#file = file;
    this.#run = run;
    this.#errors = errors;
    this.#spool = spool;
    this.#described = described;
    this.#options = options;
    const { columns, defaults } = file.table;
    this.#saying = describingColumns.filter((column) => columns.includes(column) || column in defaults);
  }

  async import(): Promise<{ readonly serials: number; readonly batches: number }> {
    await this.#read();
    const bins = this.#fill();
    await this.#compare(bins);
    await this.#state(bins);
    await this.#run.settle();
    await this.#writeHeldBack(bins);
    return { serials: this.#rows, batches: this.#batches.length };
  }

  /** Pass 1. */
  async #read(): Promise<void> {
    const { file, format } = this.#file;
    const { signal, progress } = this.#options;
    const parts = new Spool(this.#spool, 'serials', PARTITIONS);
    for await (const { heading, rows } of readCsv(file, format, signal, progress)) {
      if (heading !== null) continue;
      for (const row of rows) {
        if (isFault(row)) {
          this.#errors.fault(row);
          this.#run.refuse();
        } else this.#readRow(row, parts);
      }
    }
    parts.close();
  }

  #readRow(row: CsvRow, parts: Spool): void {
    let cells: Cells;
    try {
      cells = cellsOf(this.#file.table, row);
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.#refuse(row, [{ code: error.code, at: placeOf(row.row), detail: error.message }]);
      return;
    }
    const said = mapSerial(cells);
    const name = said?.batch ?? this.#batchOf(cells);
    const number = name === undefined ? undefined : this.#numberOf(name);
    const batch = number === undefined ? undefined : this.#batches[number];
    if (batch !== undefined) this.#describe(batch, cells);
    if (said === null || number === undefined || batch === undefined || cells.problems.length > 0) {
      this.#refuse(row, cells.problems);
      if (batch !== undefined) holdBack(batch, row.row);
      return;
    }
    batch.rows += 1;
    this.#rows += 1;
    const kept = `${row.row}\t${number}\t${said.serial}\t${JSON.stringify(row.cells)}\n`;
    parts.write(partitionOf(said.serial), kept);
  }

  #batchOf(cells: Cells): string | undefined {
    try {
      return formatIdentifier(batchNamed(cells.get('batch') ?? '', cells.get('manufacturerId')));
    } catch {
      return undefined;
    }
  }

  #numberOf(batch: string): number {
    const known = this.#numbers.get(batch);
    if (known !== undefined) return known;
    const identifier = own(batch);
    const number = this.#batches.length;
    this.#numbers.set(identifier, number);
    const said = new Map(this.#described.get(identifier));
    this.#batches.push({ identifier, said, rows: 0, bin: 0, problems: [] });
    return number;
  }

  /** Every row of a batch says the same of it, or nothing. */
  #describe({ said }: Batch, cells: Cells): void {
    for (const column of this.#saying) {
      const text = cells.get(column);
      if (text === undefined) continue;
      const before = said.get(column);
      if (before === undefined) said.set(column, own(text));
      else if (before !== text)
        cells.fail('csv.contradicts', column, `another row of the batch says ${before}`);
    }
  }

  #refuse({ cells }: CsvRow, problems: readonly MappingProblem[]): void {
    this.#errors.write(cells, problems);
    this.#run.refuse();
  }

  /** Gives each batch a file: a large one its own. */
  #fill(): number {
    let [bin, rows] = [0, 0];
    for (const batch of this.#batches) {
      if (rows > 0 && rows + batch.rows > BIN_ROWS) [bin, rows] = [bin + 1, 0];
      batch.bin = bin;
      rows += batch.rows;
    }
    return bin + 1;
  }

  /** Pass 2. */
  async #compare(count: number): Promise<void> {
    const bins = new Spool(this.#spool, 'batches', count);
    for (let part = 0; part < PARTITIONS; part++) {
      const first = new Map<string, number>();
      const rows: number[] = [];
      const batches: number[] = [];
      for await (const some of keptIn(this.#spool, 'serials', part)) {
        this.#options.signal.throwIfAborted();
        for (const { row, batch, serial, cells } of some) {
          bins.write(this.#batches[batch]?.bin ?? 0, `${row}\t${batch}\t${serial}\t${cells}\n`);
          const before = first.get(serial);
          if (before === undefined) {
            first.set(serial, rows.length);
            rows.push(row);
            batches.push(batch);
          } else this.#twice(serial, [rows[before] ?? 0, batches[before] ?? 0], [row, batch]);
        }
      }
      await this.#lookUp(first, rows, batches);
      rmSync(fileOf(this.#spool, 'serials', part), { force: true });
      this.#options.onProgress?.(part + 1, PARTITIONS, 'compared');
    }
    bins.close();
  }

  #twice(serial: string, [row, batch]: [number, number], [again, other]: [number, number]): void {
    const one = this.#batches[batch];
    const two = this.#batches[other];
    if (one === undefined || two === undefined) return;
    const where = one === two ? one.identifier : `${one.identifier} and ${two.identifier}`;
    for (const [here, there] of [
      [row, again],
      [again, row],
    ] as const) {
      const detail = `${serial} stands in rows ${Math.min(here, there)} and ${Math.max(here, there)}, of ${where}`;
      if (!this.#faults.has(here)) {
        this.#faults.set(here, { code: 'serial.duplicate', at: placeOf(here, 'serial'), detail });
      }
    }
    holdBack(one, row);
    if (one !== two) holdBack(two, again);
    this.#refuseMany(row, again);
  }

  /** A table with so many is refused whole. */
  #refuseMany(...rows: readonly number[]): void {
    if (this.#faults.size <= MOST_DUPLICATES) return;
    throw new VinculumError(
      'serial.duplicate',
      `More than ${MOST_DUPLICATES} rows of the table have a serial that another row, or a batch on the ledger, has too: row ${rows.join(' and row ')}, and so on.`,
      { details: { rows } },
    );
  }

  /** Serials that a batch on the ledger lists already, and another one than here. */
  async #lookUp(first: ReadonlyMap<string, number>, rows: number[], batches: number[]): Promise<void> {
    const { listed } = this.#options;
    if (listed === undefined) return;
    const serials = [...first.keys()];
    for (let start = 0; start < serials.length; start += ASKED_AT_ONCE) {
      for (const [serial, there] of await listed(serials.slice(start, start + ASKED_AT_ONCE))) {
        const index = first.get(serial) ?? 0;
        const [row = 0, batch = this.#batches[batches[index] ?? 0]] = [rows[index]];
        // What is split, merged or reworked lists the serials of what it was made of.
        if (
          batch === undefined ||
          batch.identifier === there ||
          batch.said.get('inputs')?.split(/\s+/).includes(there)
        )
          continue;
        const detail = `${serial} is listed by ${there} on the ledger, and by ${batch.identifier} here`;
        this.#faults.set(row, { code: 'serial.duplicate', at: placeOf(row, 'serial'), detail });
        holdBack(batch, row);
        this.#refuseMany(row);
      }
    }
  }

  /** Pass 3. */
  async #state(count: number): Promise<void> {
    let done = 0;
    for (let bin = 0; bin < count; bin++) {
      const building = new Map<number, Building>();
      for await (const some of keptIn(this.#spool, 'batches', bin)) {
        this.#options.signal.throwIfAborted();
        for (const { batch: number, serial } of some) {
          const batch = this.#batches[number];
          if (batch === undefined || batch.problems.length > 0) continue;
          const own = building.get(number) ?? new Building(batch.rows, this.#options.folder);
          if (own.count === 0) building.set(number, own);
          own.add(serial);
          if (own.count < batch.rows) continue;
          building.delete(number);
          await this.#take(batch, own);
        }
        done += some.length;
        this.#options.onProgress?.(done, this.#rows, 'hashed');
      }
    }
  }

  async #take(batch: Batch, building: Building): Promise<void> {
    const content = building.content(batch);
    const source = sourceOf(batch.identifier);
    const group = {
      source,
      at: batch.identifier,
      content,
      problems: [],
      once: true,
      onFailed: async (problems: readonly MappingProblem[]) => {
        building.discard();
        batch.problems.push(...problems);
      },
    } as const;
    if (this.#run.standing(source, content) !== null) {
      building.discard();
      await this.#run.take({ ...group, statements: [] });
      return;
    }
    // Whose batch it is may stand in its identifier alone.
    const maker = batch.said.get('manufacturerId') ?? parseIdentifier(batch.identifier).scope;
    const said = { ...Object.fromEntries(batch.said), batch: batch.identifier, manufacturerId: maker };
    const described = new Cells(0, said);
    const mapping = mapBatch(described, building.finish());
    const failed = mapping.problems.filter(({ note }) => note !== true);
    if (failed.length > 0) {
      building.discard();
      batch.problems.push(
        ...failed.map((problem) => ({ ...problem, at: batch.identifier + columnOf(problem.at) })),
      );
      this.#run.refuse();
      return;
    }
    const { members, file } = building;
    const statements = mapping.statements.map((one) => (file === undefined ? { ...one, members } : one));
    await this.#run.take({ ...group, statements, ...(file === undefined ? {} : { membersFile: file }) });
  }

  /** The rows of batches that are not there, so that the table of errors holds all that is missing. */
  async #writeHeldBack(count: number): Promise<void> {
    if (this.#batches.every(({ problems }) => problems.length === 0)) return;
    const told = new Set<Batch>();
    for (let bin = 0; bin < count; bin++) {
      if (!this.#batches.some((batch) => batch.bin === bin && batch.problems.length > 0)) continue;
      for await (const some of keptIn(this.#spool, 'batches', bin)) {
        for (const { row, batch: number, cells } of some) {
          const batch = this.#batches[number];
          if (batch === undefined || batch.problems.length === 0) continue;
          const fault = this.#faults.get(row);
          // What is wrong with the batch itself stands once, in its first row.
          const wrong = told.has(batch) ? [] : batch.problems.filter(({ code }) => code !== HELD_BACK);
          const problems = fault === undefined ? wrong : [fault];
          if (fault === undefined) told.add(batch);
          else this.#run.refuse();
          const why = problems.length > 0 ? problems : [heldBack(row, batch)];
          this.#errors.write(JSON.parse(cells) as string[], why);
        }
      }
    }
  }
}

const HELD_BACK = 'csv.heldBack';

/** Why a row that is right is not there. */
function heldBack(row: number, batch?: Batch): MappingProblem {
  const others = batch === undefined ? '' : ` (${batch.problems[0]?.at ?? ''})`;
  return {
    code: HELD_BACK,
    at: placeOf(row),
    detail: `a batch is imported whole or not at all, and another row of it can’t be${others}`,
  };
}

/** Holds a batch back for a row of it; the first row is told. */
function holdBack({ problems }: Batch, row: number): void {
  if (problems.every(({ code }) => code !== HELD_BACK)) problems.push(heldBack(row));
}

const columnOf = (at: string): string => /, column .*$/.exec(at)?.[0] ?? '';

/** One batch whose serials are being collected. */
class Building {
  count = 0;
  readonly members: string[] = [];
  readonly file: string | undefined;
  readonly #builder: SetBuilder;
  readonly #treeKey = new Uint8Array(randomBytes(32));
  /** The sum of the serials’ hashes, whatever their order. */
  readonly #sum = new Uint32Array(8);
  readonly #lines: LineFile | undefined;

  constructor(expected: number, folder: string) {
    this.#builder = createSetBuilder(this.#treeKey, { expected });
    if (expected <= FEW_MEMBERS) return;
    const sets = join(folder, 'sets');
    mkdirSync(sets, { recursive: true, mode: 0o700 });
    this.file = join(sets, `${randomUUID()}.txt`);
    this.#lines = new LineFile(this.file);
  }

  add(serial: string): void {
    this.count += 1;
    this.#builder.add(parseIdentifier(serial));
    if (this.#lines === undefined) this.members.push(own(serial));
    else this.#lines.write(`${serial}\n`);
    const digest = hash('sha256', serial, 'buffer');
    let carry = 0;
    for (let word = 0; word < 8; word++) {
      const sum = (this.#sum[word] ?? 0) + digest.readUInt32LE(word * 4) + carry;
      this.#sum[word] = sum >>> 0;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }

  /** What makes the batch the same when it is read again. */
  content({ identifier, said }: Batch): string {
    // A plan names the file: it must be on the disk, with its name, before the plan is.
    this.#lines?.close();
    if (this.file !== undefined) flushFile(this.file);
    const fields = Object.fromEntries(said);
    return hash('sha256', canonicalJson({ identifier, fields, count: this.count, sum: [...this.#sum] }));
  }

  finish(): { serialsRoot: `0x${string}`; count: number; treeKey: string } {
    const { root, count } = this.#builder.finish();
    return { serialsRoot: root, count, treeKey: toBase64Url(this.#treeKey) };
  }

  discard(): void {
    this.#lines?.close();
    if (this.file !== undefined) rmSync(this.file, { force: true });
  }
}

/** Lines that are written in large pieces. */
class LineFile {
  readonly #file: string;
  #open = false;
  #closed = false;
  #held: string[] = [];
  #length = 0;

  constructor(file: string) {
    this.#file = file;
  }

  write(line: string): void {
    this.#held.push(line);
    this.#length += line.length;
    if (this.#length > 64 * 1024) this.#flush();
  }

  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    if (this.#held.length === 0) return;
    const handle = openSync(this.#file, this.#open ? 'a' : 'w', 0o600);
    try {
      writeSync(handle, this.#held.join(''));
    } finally {
      closeSync(handle);
    }
    this.#open = true;
    this.#held = [];
    this.#length = 0;
  }
}

/** Has a file, and its name in its folder, written to the disk. */
function flushFile(file: string): void {
  for (const path of [file, dirname(file)]) {
    let handle: number;
    try {
      handle = openSync(path, path === file ? 'r+' : 'r');
    } catch (error) {
      // Windows opens no folders; its names are durable by themselves.
      if (path === file) throw error;
      return;
    }
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }
}

/** Rows in numbered files. */
class Spool {
  readonly #files: readonly LineFile[];

  constructor(folder: string, name: string, count: number) {
    this.#files = Array.from({ length: count }, (_, number) => new LineFile(fileOf(folder, name, number)));
  }

  write(number: number, line: string): void {
    this.#files[number]?.write(line);
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

const fileOf = (folder: string, name: string, number: number): string => join(folder, `${name}-${number}`);

async function* keptIn(folder: string, name: string, number: number): AsyncGenerator<readonly Kept[]> {
  let handle: FileHandle;
  try {
    handle = await open(fileOf(folder, name, number), 'r');
  } catch (error) {
    // A file that nothing was written to is not there.
    if ((error as { code?: unknown }).code === 'ENOENT') return;
    throw error;
  }
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    let rest = Buffer.alloc(0);
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      const bytes = Buffer.concat([rest, piece.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(0x0a) + 1;
      rest = Buffer.from(bytes.subarray(end));
      const lines = bytes.toString('utf8', 0, Math.max(0, end - 1)).split('\n');
      if (end > 0) yield lines.map(keptOf);
    }
  } finally {
    await handle.close();
  }
}

function keptOf(line: string): Kept {
  const [row = '', batch = '', serial = '', cells = '[]'] = line.split('\t');
  return { row: Number(row), batch: Number(batch), serial, cells };
}

/** FNV-1a. */
function partitionOf(serial: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < serial.length; index++) {
    value = Math.imul(value ^ serial.charCodeAt(index), 0x01000193);
  }
  return (value >>> 0) % PARTITIONS;
}

/** A copy of its own: a piece of a row would hold the whole text that it was read from. */
function own(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
