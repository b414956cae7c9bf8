import { writeFile } from 'node:fs/promises';
import { parseCredential } from '../../core/credential/credential.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { readReportPdf } from '../../core/pdf/attachment.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { createClient, reportPath } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { counted, printable } from '../output.ts';
import { requireUrl } from '../settings.ts';

export type ReportOptions = {
  readonly output?: string;
  readonly pdf?: boolean;
  readonly credential?: boolean;
  readonly lang?: string;
  readonly serial?: string;
};

/** Fetches a report as the service hands it out. */
export async function fetchReport(
  context: Context,
  text: string,
  serial?: string,
): Promise<{ text: string; report: Report }> {
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const client = createClient(requireUrl(context.settings()), { signal: context.signal });
  if (serial !== undefined && identifier.type !== 'batch') {
    throw usageError(
      'report.notBatch',
      'A serial is looked for in a batch: vinculum report batch:maker:number --serial NUMBER.',
    );
  }
  const query = serial === undefined ? '' : `?serial=${encodeURIComponent(serial)}`;
  const answer = await client.bytes(`${reportPath(identifier)}${query}`, {
    headers: { accept: 'application/json' },
  });
  const json = Buffer.from(answer.body).toString('utf8');
  const report = parseReport(json);
  checkIdentifier(identifier, report.identifier);
  if (serial !== undefined) {
    const wanted = serial.startsWith('serial:') ? serial : `serial:${identifier.scope}:${serial}`;
    const expected = formatIdentifier(parseIdentifier(wanted));
    if (report.member !== expected) {
      const found = printable(report.member ?? 'none');
      const message = `The service answered for the serial ${found}, not for ${expected}.`;
      throw new CommandError('failed', 'report.otherMember', message, { details: { expected, found } });
    }
  }
  return { text: json, report };
}

/** The report of another vehicle verifies as well: of that one. @throws `report.otherIdentifier` */
function checkIdentifier(asked: Identifier, found: string): void {
  const expected = formatIdentifier(asked);
  if (found === expected) return;
  const text = `The service answered with the report of ${printable(found)}, not of ${expected}.`;
  throw new CommandError('failed', 'report.otherIdentifier', text, { details: { expected, found } });
}

export async function reportCommand(context: Context, text: string, options: ReportOptions): Promise<Exit> {
  const { output } = context;
  if (options.pdf === true || options.credential === true) return takeAway(context, text, options);
  const { text: json, report } = await fetchReport(context, text, options.serial);
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

/** The report as a PDF, or its facts as a credential. */
async function takeAway(context: Context, text: string, options: ReportOptions): Promise<Exit> {
  const { output } = context;
  if (options.pdf === true && options.credential === true) {
    throw usageError('report.oneForm', 'Choose one: --pdf or --credential.');
  }
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const history = reportPath(identifier);
  if (!history.startsWith('/v1/vehicles/')) {
    throw usageError('report.vehicleOnly', 'There are PDFs and credentials of vehicles only.');
  }
  const client = createClient(requireUrl(context.settings()), { signal: context.signal });
  const path =
    options.pdf === true
      ? `${history}.pdf?lang=${options.lang ?? 'en'}`
      : history.replace(/\/report$/, '/credential');
  const { body } = await client.bytes(path, {});
  // What the service gives must be what it says: an error page is no report.
  checkIdentifier(
    identifier,
    options.pdf === true
      ? parseReport(readReportPdf(body).report).identifier
      : parseCredential(Buffer.from(body).toString('utf8')).credentialSubject.identifier,
  );
  if (options.output === undefined || options.output === '-') {
    process.stdout.write(body);
    return 'ok';
  }
  await write(options.output, body);
  output.value({ identifier: text, file: options.output, bytes: body.length });
  output.line(`${options.pdf === true ? 'Report' : 'Credential'} of ${text}: ${options.output}`);
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
