import { rm } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { count, counted, type Output } from '../output.ts';
import { openSigning, type Signing, type SigningOptions } from '../signing.ts';
import { journalName } from './importer.ts';
import { type Journal, openJournal } from './journal.ts';
import type { ReadProgress } from './rows.ts';
import { type StatementCounts, StatementImport } from './statements.ts';

/** What every import of statements asks for. */
export type StatementImportOptions = SigningOptions & {
  readonly batch: number;
  readonly errors?: string;
  readonly notes?: string;
  readonly wait: Milestone;
};

export type ImportPlace = {
  readonly signing: Signing;
  readonly journal: Journal;
  /** Where the import keeps what it has done. */
  readonly folder: string;
  readonly errorsFile: string;
};

export type StatementWork = {
  /** Whose journal it is: `epcis`, `catenax`. */
  readonly system: string;
  /** What a source is called: `event`, `asset`. */
  readonly thing: string;
  /** By what a second one is known to be the first. */
  readonly sameBy: string;
  readonly files: readonly string[];
  readonly progress: ReadProgress;
  /** Sources that can’t be imported go there, written by who reads them; else to a file of lines of JSON. */
  readonly errorsFile?: (folder: string) => string;
  /** Of what is done only fingerprints are kept in memory: for sources by the million. */
  readonly compact?: boolean;
  /** Hands everything to the import, and settles it. @returns what else is worth telling */
  readonly work: (run: StatementImport, place: ImportPlace) => Promise<Readonly<Record<string, unknown>>>;
};

/** Runs an import of statements from its journal to its summary. */
export async function runStatements(
  context: Context,
  options: StatementImportOptions,
  { system, thing, sameBy, files, progress, work, ...more }: StatementWork,
): Promise<Exit> {
  const { output, signal } = context;
  const started = performance.now();
  const signing = await openSigning(context, options);
  const folder = join(
    context.settings().folder,
    'imports',
    `${journalName(signing.ledger.address, signing.signer.organisation)}-${system}`,
  );
  const named = basename(files[0] ?? system);
  const errorsFile = options.errors ?? more.errorsFile?.(folder) ?? join(folder, `${named}.errors.ndjson`);
  const notesFile = options.notes ?? join(folder, `${named}.notes.ndjson`);
  for (const written of [errorsFile, notesFile]) {
    if (!files.some((file) => resolve(file) === resolve(written))) continue;
    const text = `${written} is read, and would be written anew: give what it is written to another name (--errors, --notes).`;
    throw usageError('import.errorsFile', text);
  }
  const journal = await openJournal(folder, { compact: more.compact === true });
  const bar = output.progress('Importing');
  const { batch, wait } = options;
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
    const further = await work(run, { signing, journal, folder, errorsFile });
    bar.end();
    const seconds = (performance.now() - started) / 1000;
    const { counts } = run;
    output.value({
      files: files.length,
      ...counts,
      ...further,
      ...(counts.errors === 0 ? {} : { errorsFile }),
      ...(Object.keys(counts.notes).length === 0 ? {} : { notesFile }),
      seconds: Math.round(seconds * 10) / 10,
      state: wait,
    });
    showCounts(output, counts, { thing, sameBy, errorsFile, notesFile, state: wait });
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
  facts: { thing: string; sameBy: string; errorsFile: string; notesFile: string; state: string },
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
  const { thing, sameBy, errorsFile, notesFile, state } = facts;
  output.line(
    imported === 0
      ? 'Nothing new was imported.'
      : `Imported ${counted(imported, thing)} as ${counted(entries, 'entry', 'entries')} in ${counted(submissions, 'submission')}, all ${state}.`,
  );
  output.line(`  ${`${thing}s read`.padEnd(14)} ${count(sources)}`);
  output.line(`  there already  ${count(alreadyThere)}`);
  if (duplicates > 0) output.line(`  duplicates     ${count(duplicates)}, by ${sameBy}: each is there once`);
  if (notMapped > 0)
    output.line(`  not mapped     ${count(notMapped)}, each with its reason in ${notesFile}`);
  if (resumed > 0) output.line(`  resumed        ${count(resumed)}, signed by an interrupted run`);
  output.line(`  errors         ${errors === 0 ? 'none' : `${count(errors)}: ${errorsFile}`}`);
  const byCount = Object.entries(notes).sort((left, right) => right[1] - left[1]);
  if (byCount.length > 0) output.line(`  noted          ${notesFile}`);
  for (const [code, number] of byCount) output.line(`    ${code.padEnd(24)} ${count(number)}`);
}
