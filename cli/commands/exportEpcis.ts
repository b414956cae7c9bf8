import { exportEpcis } from '../../core/epcis/exportReport.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { parseReport } from '../../core/report/report.ts';
import { createClient, reportPath } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { counted } from '../output.ts';
import { requireUrl } from '../settings.ts';
import { openSigning, type SigningOptions } from '../signing.ts';
import { write } from './report.ts';
import { verifyReport } from './verify.ts';

export type ExportEpcisOptions = Omit<SigningOptions, 'keystore'> & {
  readonly keystore?: string;
  readonly output?: string;
};

/** Fetches a history, verifies it, and writes what is proven as an EPCIS document. */
export async function exportEpcisCommand(
  context: Context,
  text: string,
  options: ExportEpcisOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  const { keystore } = options;
  const client =
    keystore === undefined
      ? createClient(requireUrl(context.settings()), { signal })
      : (await openSigning(context, { ...options, keystore })).client;
  const answer = await client.bytes(reportPath(identifier), { headers: { accept: 'application/json' } });
  const report = parseReport(Buffer.from(answer.body).toString('utf8'));
  const expected = formatIdentifier(identifier);
  if (report.identifier !== expected) {
    throw new CommandError(
      'failed',
      'report.otherIdentifier',
      `The service answered with another report than ${expected}’s.`,
    );
  }
  const { verification, verdict } = await verifyReport(context, report, options);
  if (verdict !== 'verified') {
    throw new CommandError(
      'failed',
      'export.notVerified',
      `The report is ${verdict}: only a verified history is exported.`,
    );
  }
  const { document, events, problems } = exportEpcis(verification, report.createdAt);
  const json = `${JSON.stringify(document, null, 2)}\n`;
  if (options.output === undefined || options.output === '-') {
    if (output.json) throw usageError('output.file', 'Name a file: stdout is taken by --json.');
    process.stdout.write(json);
  } else {
    await write(options.output, json);
    output.value({ identifier: expected, file: options.output, events, notExported: problems });
    output.line(`${counted(events, 'event')} of ${expected}: ${options.output}`);
  }
  for (const { at, detail } of problems) output.note(`not exported: ${at} ${detail}`);
  return 'ok';
}
