import { writeFile } from 'node:fs/promises';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { createClient, reportPath } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit } from '../exit.ts';
import { counted } from '../output.ts';
import { requireUrl } from '../settings.ts';

export type ReportOptions = { readonly output?: string };

/** Fetches a report as the service hands it out. */
export async function fetchReport(context: Context, text: string): Promise<{ text: string; report: Report }> {
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const client = createClient(requireUrl(context.settings()), { signal: context.signal });
  const answer = await client.bytes(reportPath(identifier), { headers: { accept: 'application/json' } });
  const report = Buffer.from(answer.body).toString('utf8');
  return { text: report, report: parseReport(report) };
}

export async function reportCommand(context: Context, text: string, options: ReportOptions): Promise<Exit> {
  const { output } = context;
  const { text: json, report } = await fetchReport(context, text);
  if (options.output === undefined || options.output === '-') {
    process.stdout.write(`${json}\n`);
    return 'ok';
  }
  await write(options.output, json);
  const entries = report.ledgers.reduce((sum, { links }) => sum + links.length, 0);
  output.value({ identifier: report.identifier, file: options.output, entries, bytes: json.length });
  output.line(`Report of ${report.identifier}, ${counted(entries, 'entry', 'entries')}: ${options.output}`);
  output.line(`It is a claim until you have checked it: vinculum verify ${options.output}`);
  return 'ok';
}

/** @throws `output.file` */
export async function write(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  try {
    await writeFile(file, content, { mode });
  } catch (cause) {
    throw new CommandError('usage', 'output.file', `${file} can’t be written: check the path.`, { cause });
  }
}
