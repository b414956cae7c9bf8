import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { type ImportCounts, importRegistrations, journalName } from '../import/importer.ts';
import { openJournal } from '../import/journal.ts';
import { fileSize, type ReadProgress, readLines } from '../import/rows.ts';
import { count, counted, type Output } from '../output.ts';
import { openSigning, type SigningOptions } from '../signing.ts';

export type ImportCommandOptions = SigningOptions & {
  readonly batch: number;
  readonly errors?: string;
  readonly wait: Milestone;
};

export async function importCommand(
  context: Context,
  file: string,
  options: ImportCommandOptions,
): Promise<Exit> {
  const { output, signal } = context;
  const progress: ReadProgress = { totalBytes: await fileSize(file), readBytes: 0 };
  const started = performance.now();
  const signing = await openSigning(context, options);
  const folder = join(
    context.settings().folder,
    'imports',
    journalName(signing.ledger.address, signing.signer.organisation),
  );
  const errorsFile = options.errors ?? join(folder, `${basename(file)}.errors.ndjson`);
  const journal = await openJournal(folder);
  const bar = output.progress('Importing');
  try {
    const pending = journal.plans.size;
    if (pending > 0) {
      output.note(
        `An earlier import was interrupted: finishing ${counted(pending, 'submission')} that it had signed.`,
      );
    }
    await rm(errorsFile, { force: true });
    const counts = await importRegistrations(readLines(file, progress, signal), {
      ...signing,
      journal,
      signal,
      batch: options.batch,
      wait: options.wait,
      errorsFile,
      onProgress: (now) => {
        const share = progress.totalBytes === 0 ? 1 : progress.readBytes / progress.totalBytes;
        const state = share < 1 ? `${Math.floor(share * 100)} % read` : 'waiting for the ledger';
        bar.update(now.entries, share < 1 ? undefined : now.sentEntries, `entries anchored, ${state}`);
      },
    });
    bar.end();
    const seconds = (performance.now() - started) / 1000;
    const rate = counts.entries / seconds;
    output.value({
      ...counts,
      ...(counts.errors === 0 ? {} : { errorsFile }),
      seconds: round(seconds),
      entriesPerSecond: round(rate),
      state: options.wait,
    });
    showCounts(output, counts, { seconds, rate, state: options.wait, errorsFile });
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
    await journal.close();
  }
}

function showCounts(
  output: Output,
  counts: ImportCounts,
  facts: { seconds: number; rate: number; state: string; errorsFile: string },
): void {
  const { vehicles, entries, submissions, alreadyThere, resumed, errors } = counts;
  output.line(
    vehicles === 0
      ? 'Nothing new was imported.'
      : `Imported ${counted(vehicles, 'vehicle')} with ${counted(entries, 'entry', 'entries')} in ${counted(submissions, 'submission')}, all ${facts.state}.`,
  );
  output.line(`  rows read      ${count(counts.rows)}`);
  output.line(`  there already  ${counted(alreadyThere, 'vehicle')}`);
  if (resumed > 0)
    output.line(`  resumed        ${counted(resumed, 'vehicle')}, signed by an interrupted run`);
  output.line(`  errors         ${errors === 0 ? 'none' : `${counted(errors, 'row')}: ${facts.errorsFile}`}`);
  const rate = entries === 0 ? '' : `, ${count(Math.round(facts.rate))} entries a second`;
  output.line(`  time           ${round(facts.seconds)} s${rate}`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
