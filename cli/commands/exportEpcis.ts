import { exportEpcis } from '../../core/epcis/exportReport.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { counted } from '../output.ts';
import { write } from './report.ts';
import { fetchVerified, type VerifiedReportOptions } from './verifiedReport.ts';

export type ExportEpcisOptions = VerifiedReportOptions & { readonly output?: string };

/** Fetches a history, verifies it, and writes what is proven as an EPCIS document. */
export async function exportEpcisCommand(
  context: Context,
  text: string,
  options: ExportEpcisOptions,
): Promise<Exit> {
  const { output } = context;
  const { identifier, report, verification } = await fetchVerified(context, text, options);
  const { document, events, problems } = exportEpcis(verification, report.createdAt);
  const json = `${JSON.stringify(document, null, 2)}\n`;
  if (options.output === undefined || options.output === '-') {
    if (output.json) throw usageError('output.file', 'Name a file: stdout is taken by --json.');
    process.stdout.write(json);
  } else {
    await write(options.output, json, 0o600);
    output.value({ identifier, file: options.output, events, notExported: problems });
    output.line(`${counted(events, 'event')} of ${identifier}: ${options.output}`);
  }
  for (const { at, detail } of problems) output.note(`not exported: ${at} ${detail}`);
  return 'ok';
}
