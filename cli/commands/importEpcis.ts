import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { type EpcisFile, hashEpcis, importEpcis, inFile, inspectEpcis } from '../import/epcis.ts';
import { fileSize, type ReadProgress } from '../import/rows.ts';
import { runStatements, type StatementImportOptions } from '../import/runStatements.ts';

export type ImportEpcisOptions = StatementImportOptions & { readonly party?: string };

export async function importEpcisCommand(
  context: Context,
  names: readonly string[],
  options: ImportEpcisOptions,
): Promise<Exit> {
  const { signal } = context;
  const progress: ReadProgress = { totalBytes: 0, readBytes: 0 };
  const files: EpcisFile[] = [];
  for (const name of names) {
    progress.totalBytes += await fileSize(name);
    try {
      files.push(await inspectEpcis(name, signal));
    } catch (error) {
      throw inFile(name, error);
    }
  }
  const { party } = options;
  return runStatements(context, options, {
    system: 'epcis',
    thing: 'event',
    sameBy: 'eventID or event hash',
    files: names,
    progress,
    work: async (run) => {
      await importEpcis(files, run, { signal, progress, ...(party === undefined ? {} : { party }) });
      return {};
    },
  });
}

/** Prints the event hash of each event of a document, to look for it at a partner’s. */
export async function hashEpcisCommand(context: Context, file: string): Promise<Exit> {
  const { output, signal } = context;
  await fileSize(file);
  try {
    const events = await hashEpcis(file, signal);
    output.value({ file, events });
    for (const { id, hash } of events) output.line(id === null ? hash : `${hash}  ${id}`);
    return 'ok';
  } catch (error) {
    throw inFile(file, error);
  }
}
