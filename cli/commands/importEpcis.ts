import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { type EpcisFile, hashEpcis, importEpcis, inFile, inspectEpcis } from '../import/epcis.ts';
import { journalName } from '../import/importer.ts';
import { openJournal } from '../import/journal.ts';
import { fileSize, type ReadProgress } from '../import/rows.ts';
import { type StatementCounts, StatementImport } from '../import/statements.ts';
import { count, counted, type Output } from '../output.ts';
import { openSigning, type SigningOptions } from '../signing.ts';

export type ImportEpcisOptions = SigningOptions & {
  readonly batch: number;
  readonly party?: string;
  readonly errors?: string;
  readonly notes?: string;
  readonly wait: Milestone;
};

export async function importEpcisCommand(
  context: Context,
  names: readonly string[],
  options: ImportEpcisOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const started = performance.now();
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
  const signing = await openSigning(context, options);
  const folder = join(
    context.settings().folder,
    'imports',
    `${journalName(signing.ledger.address, signing.signer.organisation)}-epcis`,
  );
  const named = basename(names[0] ?? 'epcis');
  const errorsFile = options.errors ?? join(folder, `${named}.errors.ndjson`);
  const notesFile = options.notes ?? join(folder, `${named}.notes.ndjson`);
  const journal = await openJournal(folder);
  const bar = output.progress('Importing');
  const { batch, wait, party } = options;
  const run = new StatementImport({
    ...signing,
    journal,
    signal,
    batch,
    wait,
    errorsFile,
    notesFile,
    onProgress: ({ entries, signed }) => {
      const share = progress.totalBytes === 0 ? 1 : progress.readBytes / progress.totalBytes;
      const state = share < 1 ? `${Math.floor(share * 100)} % read` : 'waiting for the ledger';
      bar.update(entries, share < 1 ? undefined : signed, `entries anchored, ${state}`);
    },
  });
  try {
    if (journal.plans.size > 0) {
      output.note(
        `An earlier import was interrupted: finishing ${counted(journal.plans.size, 'submission')}.`,
      );
    }
    await rm(errorsFile, { force: true });
    await rm(notesFile, { force: true });
    await run.resume();
    await importEpcis(files, run, { signal, progress, ...(party === undefined ? {} : { party }) });
    bar.end();
    const seconds = (performance.now() - started) / 1000;
    const { counts } = run;
    output.value({
      files: files.length,
      ...counts,
      ...(counts.errors === 0 ? {} : { errorsFile }),
      ...(Object.keys(counts.notes).length === 0 ? {} : { notesFile }),
      seconds: Math.round(seconds * 10) / 10,
      state: wait,
    });
    showCounts(output, counts, { errorsFile, notesFile, state: wait });
    return counts.errors === 0 ? 'ok' : 'failed';
  } catch (error) {
    bar.end();
    if (journal.plans.size > 0) {
      output.note(
        `${counted(journal.plans.size, 'submission')} signed and kept in ${folder}. Run the same command again: it continues, and nothing is doubled.`,
      );
    }
    throw error;
  } finally {
    await run.close();
    await journal.close();
  }
}

function showCounts(
  output: Output,
  counts: StatementCounts,
  files: { errorsFile: string; notesFile: string; state: string },
): void {
  const {
    imported,
    entries,
    submissions,
    sources,
    alreadyThere,
    duplicates,
    notMapped,
    resumed,
    errors,
    notes,
  } = counts;
  output.line(
    imported === 0
      ? 'Nothing new was imported.'
      : `Imported ${counted(imported, 'event')} as ${counted(entries, 'entry', 'entries')} in ${counted(submissions, 'submission')}, all ${files.state}.`,
  );
  output.line(`  events read    ${count(sources)}`);
  output.line(`  there already  ${count(alreadyThere)}`);
  if (duplicates > 0)
    output.line(`  duplicates     ${count(duplicates)}, by eventID or event hash: each is there once`);
  if (notMapped > 0)
    output.line(`  not mapped     ${count(notMapped)}, each with its reason in ${files.notesFile}`);
  if (resumed > 0) output.line(`  resumed        ${count(resumed)}, signed by an interrupted run`);
  output.line(`  errors         ${errors === 0 ? 'none' : `${count(errors)}: ${files.errorsFile}`}`);
  const byCount = Object.entries(notes).sort((left, right) => right[1] - left[1]);
  if (byCount.length > 0) output.line(`  noted          ${files.notesFile}`);
  for (const [code, number] of byCount) output.line(`    ${code.padEnd(24)} ${count(number)}`);
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
