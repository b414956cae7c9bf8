import type { Generation } from '../../core/catenax/aspects.ts';
import { exportCatenax } from '../../core/catenax/exportReport.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { write } from './report.ts';
import { fetchVerified, type VerifiedReportOptions } from './verifiedReport.ts';

export type ExportCatenaxOptions = VerifiedReportOptions & {
  readonly output?: string;
  readonly generation?: string;
  readonly partner?: readonly string[];
};

/** Fetches a history, verifies it, and writes what its maker said of it as a twin of Catena-X. */
export async function exportCatenaxCommand(
  context: Context,
  text: string,
  options: ExportCatenaxOptions,
): Promise<Exit> {
  const { output } = context;
  const partners = partnersOf(options.partner ?? []);
  const generation: Generation = options.generation === '3' ? 3 : 4;
  const { identifier, verification } = await fetchVerified(context, text, options);
  const { file, problems } = exportCatenax(verification, { generation, partners });
  const json = `${JSON.stringify(file, null, 2)}\n`;
  if (options.output === undefined || options.output === '-') {
    if (output.json) throw usageError('output.file', 'Name a file: stdout is taken by --json.');
    process.stdout.write(json);
  } else {
    await write(options.output, json, 0o600);
    output.value({ identifier, file: options.output, generation, problems });
    output.line(`Twin of ${identifier}, generation ${generation}: ${options.output}`);
  }
  for (const { code, at, detail } of problems) output.note(`${code}: ${at === '' ? '' : `${at}: `}${detail}`);
  return 'ok';
}

/** @throws `export.partner` */
function partnersOf(given: readonly string[]): Record<string, string> {
  const partners: Record<string, string> = {};
  for (const text of given) {
    const [, maker, number] = /^([A-Za-z0-9.-]{1,64})=(BPNL[A-Za-z0-9]{12})$/.exec(text) ?? [];
    if (maker === undefined || number === undefined) {
      throw usageError(
        'export.partner',
        `“${text}”: write it as MAKER=BPNL…, with 12 characters after BPNL.`,
      );
    }
    partners[maker] = number;
  }
  return partners;
}
