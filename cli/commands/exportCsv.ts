import { exportCsv } from '../../core/csv/exportReport.ts';
import type { Delimiter } from '../../core/csv/reader.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { counted } from '../output.ts';
import { write } from './report.ts';
import { fetchVerified, type VerifiedReportOptions } from './verifiedReport.ts';

export type ExportCsvOptions = VerifiedReportOptions & {
  readonly output?: string;
  readonly delimiter: 'comma' | 'semicolon' | 'tab';
  readonly table?: 'batches' | 'installations' | 'steps';
};

const DELIMITERS: Readonly<Record<ExportCsvOptions['delimiter'], Delimiter>> = {
  comma: ',',
  semicolon: ';',
  tab: '\t',
};

/** Fetches a history, verifies it, and writes what is proven as a table that no spreadsheet computes. */
export async function exportCsvCommand(
  context: Context,
  text: string,
  options: ExportCsvOptions,
): Promise<Exit> {
  const { output } = context;
  const { table } = options;
  const { identifier, verification } = await fetchVerified(context, text, options);
  const written = exportCsv(verification, {
    delimiter: DELIMITERS[options.delimiter],
    ...(table === undefined ? {} : { table }),
  });
  if (options.output === undefined || options.output === '-') {
    if (output.json) throw usageError('output.file', 'Name a file: stdout is taken by --json.');
    process.stdout.write(written.text);
  } else {
    // Spreadsheets take a table without the mark for one in their own encoding.
    await write(options.output, `\ufeff${written.text}`, 0o600);
    output.value({ identifier, file: options.output, rows: written.rows, notExported: written.problems });
    output.line(`${counted(written.rows, 'row')} of ${identifier}: ${options.output}`);
  }
  for (const { at, detail } of written.problems) output.note(`not exported: ${at} ${detail}`);
  return 'ok';
}
