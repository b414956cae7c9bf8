import { basename, join, resolve } from 'node:path';
import type { CsvEncoding } from '../../core/csv/encoding.ts';
import type { Delimiter } from '../../core/csv/reader.ts';
import type { TableName } from '../../core/csv/table.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { type CsvFile, type CsvFormat, ErrorTable, importCsv, openCsv } from '../import/csv.ts';
import { importSerials } from '../import/csvSerials.ts';
import { listedBy, madeOn } from '../import/ledgerFacts.ts';
import { fileSize, type ReadProgress } from '../import/rows.ts';
import { type ImportPlace, runStatements, type StatementImportOptions } from '../import/runStatements.ts';

export type ImportCsvOptions = StatementImportOptions & {
  readonly encoding?: CsvEncoding;
  readonly delimiter?: string;
  readonly set?: readonly string[];
  readonly party?: string;
  readonly batches?: readonly string[];
  /** Whether what the ledger says of parts and serials is asked for. */
  readonly check: boolean;
};

export const importBatchesCommand = importing('batches', 'batch');
export const importSerialsCommand = importing('serials', 'batch');
export const importInstallationsCommand = importing('installations', 'row');
export const importStepsCommand = importing('steps', 'row');

function importing(name: TableName, thing: string) {
  return async (context: Context, names: readonly string[], options: ImportCsvOptions): Promise<Exit> => {
    const { signal } = context;
    const progress: ReadProgress = { totalBytes: 0, readBytes: 0 };
    const format = formatOf(name, options);
    const files: CsvFile[] = [];
    for (const file of names) {
      if (options.errors !== undefined && resolve(options.errors) === resolve(file)) {
        throw usageError('import.errorsFile', 'The errors file is the table itself: give it another name.');
      }
      progress.totalBytes += await fileSize(file);
      files.push(await openCsv(file, name, format, signal));
    }
    const batches: CsvFile[] = [];
    const plain = { ...format, defaults: {} };
    for (const file of options.batches ?? []) batches.push(await openCsv(file, 'batches', plain, signal));
    return runStatements(context, options, {
      system: 'csv',
      thing,
      sameBy: 'what they say',
      files: names,
      progress,
      compact: true,
      errorsFile: (folder) => join(folder, `${basename(names[0] ?? name)}.errors.csv`),
      work: async (run, place) => {
        const { signing, journal, folder } = place;
        const tables = errorTables(files, place);
        const facts = { client: signing.client, signal };
        if (name !== 'serials') {
          const dated = name === 'installations' && options.check;
          const made = dated ? { madeOn: madeOn(facts, batches) } : {};
          await importCsv(files, run, { signal, progress, errors: tables.of, ...made });
          return tables.written();
        }
        const sets = [...journal.plans.values()].flatMap((plan) => plan.sets ?? []);
        const found = await importSerials(files, run, {
          ...{ signal, progress, folder, batches, errors: tables.of },
          waiting: new Set(sets.flatMap(({ file }) => file ?? [])),
          ...(options.check ? { listed: listedBy(facts) } : {}),
        });
        return { ...found, ...tables.written() };
      },
    });
  };
}

const DELIMITERS: Readonly<Record<string, Delimiter>> = { comma: ',', semicolon: ';', tab: '\t' };

function formatOf(name: TableName, { encoding, delimiter, set = [], party }: ImportCsvOptions): CsvFormat {
  const defaults: Record<string, string> = {};
  for (const text of set) {
    const [, column, value] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
    if (column === undefined || value === undefined) {
      throw usageError('input.assignment', `${text}: write it as column=value.`);
    }
    defaults[column] = value;
  }
  // Who states it: of a table of steps whose place it happened at, of the others the maker whose numbers they are.
  if (party !== undefined) defaults[name === 'steps' ? 'party' : 'manufacturerId'] = party;
  const parted = delimiter === undefined ? undefined : DELIMITERS[delimiter];
  return {
    defaults,
    ...(encoding === undefined ? {} : { encoding }),
    ...(parted === undefined ? {} : { delimiter: parted }),
  };
}

/** A table of errors for each table, the first under the name that was asked for. */
function errorTables(files: readonly CsvFile[], { errorsFile, folder }: ImportPlace) {
  const open: { readonly file: string; readonly table: ErrorTable }[] = [];
  return {
    of(csv: CsvFile): ErrorTable {
      const first = csv === files[0];
      const number = files.indexOf(csv) + 1;
      const file = first ? errorsFile : join(folder, `${basename(csv.file)}.${number}.errors.csv`);
      const table = new ErrorTable(file, csv);
      open.push({ file, table });
      return table;
    },
    written(): Readonly<Record<string, unknown>> {
      const written = open.filter(({ table }) => table.rows > 0);
      if (written.length === 0) return {};
      return { errorTables: written.map(({ file, table }) => ({ file, rows: table.rows })) };
    },
  };
}
