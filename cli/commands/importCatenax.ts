import type { CatenaxFile } from '../../core/catenax/readFile.ts';
import type { Twin } from '../../core/catenax/twin.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { importCatenax, linkFiles, readCatenaxFile } from '../import/catenax.ts';
import { fileSize, type ReadProgress } from '../import/rows.ts';
import { runStatements, type StatementImportOptions } from '../import/runStatements.ts';

export type ImportCatenaxOptions = StatementImportOptions & { readonly with?: readonly string[] };

/** States what the twins of a company say; whole files are read, linked and judged before anything is sent. */
export async function importCatenaxCommand(
  context: Context,
  names: readonly string[],
  options: ImportCatenaxOptions,
): Promise<Exit> {
  const { signal } = context;
  const progress: ReadProgress = { totalBytes: 0, readBytes: 0 };
  const partners = options.with ?? [];
  for (const name of [...names, ...partners]) progress.totalBytes += await fileSize(name);
  const files: CatenaxFile[] = [];
  for (const name of names) {
    files.push(await readCatenaxFile(name, signal, { named: names.length > 1, progress }));
  }
  const known: Twin[] = [];
  for (const name of partners) {
    known.push(...(await readCatenaxFile(name, signal, { named: true, progress })).twins);
  }
  const mapping = linkFiles(files, known);
  return runStatements(context, options, {
    system: 'catenax',
    thing: 'asset',
    sameBy: 'the twin’s id',
    files: names,
    progress,
    work: async (run) => {
      await importCatenax(files, mapping, run);
      return { links: mapping.edges.length };
    },
  });
}
