import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Milestone } from '../client.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { openHolders } from '../import/holders.ts';
import { type ImportCounts, importRegistrations, journalName } from '../import/importer.ts';
import { openJournal } from '../import/journal.ts';
import { fileSize, type ReadProgress, readLines } from '../import/rows.ts';
import { count, counted, type Output } from '../output.ts';
import { openSigning, type SigningOptions } from '../signing.ts';
import { titlesOf } from '../titles/title.ts';

export type ImportCommandOptions = SigningOptions & {
  readonly batch: number;
  readonly holders: string;
  readonly errors?: string;
  readonly contradictions?: string;
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
  const contradictionsFile =
    options.contradictions ?? join(folder, `${basename(file)}.contradictions.ndjson`);
  const { address, secretKey } = signing.key;
  const { organisation } = signing.signer;
  const titles = await titlesOf(signing.ledger.rpc, signing.ledger.address);
  const actor = { ledger: signing.ledger.address, titles, organisation, address, secretKey };
  const holders = await openHolders(
    context,
    options.holders,
    options,
    formatLedgerId(signing.ledger.address),
  );
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
    await rm(contradictionsFile, { force: true });
    const counts = await importRegistrations(readLines(file, progress, signal), {
      ...signing,
      actor,
      holders,
      journal,
      signal,
      batch: options.batch,
      wait: options.wait,
      errorsFile,
      contradictionsFile,
      onProgress: (now) => {
        const share = progress.totalBytes === 0 ? 1 : progress.readBytes / progress.totalBytes;
        const state = share < 1 ? `${Math.floor(share * 100)} % read` : 'waiting for the ledger';
        const done = now.entries + now.actions;
        bar.update(done, share < 1 ? undefined : now.signed, `entries and actions anchored, ${state}`);
      },
    });
    bar.end();
    const seconds = (performance.now() - started) / 1000;
    output.value({
      ...counts,
      ...(counts.errors === 0 ? {} : { errorsFile }),
      ...(counts.events.contradicting === 0 ? {} : { contradictionsFile }),
      seconds: round(seconds),
      entriesPerSecond: round(counts.entries / seconds),
      actionsPerSecond: round(counts.actions / seconds),
      state: options.wait,
    });
    showCounts(output, counts, { seconds, state: options.wait, errorsFile, contradictionsFile });
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
  facts: { seconds: number; state: string; errorsFile: string; contradictionsFile: string },
): void {
  const { vehicles, entries, actions, submissions, alreadyThere, titledElsewhere, resumed, errors, events } =
    counts;
  output.line(
    vehicles === 0
      ? 'Nothing new was imported.'
      : `Imported ${counted(vehicles, 'vehicle')} with ${counted(entries, 'entry', 'entries')} in ${counted(submissions, 'submission')} and ${counted(actions, 'action')} on their titles, all ${facts.state}.`,
  );
  output.line(`  rows read      ${count(counts.rows)}`);
  output.line(`  there already  ${counted(alreadyThere, 'vehicle')}`);
  if (resumed > 0)
    output.line(`  resumed        ${counted(resumed, 'vehicle')}, signed by an interrupted run`);
  output.line(`  errors         ${errors === 0 ? 'none' : `${counted(errors, 'row')}: ${facts.errorsFile}`}`);
  output.line(
    `  events         ${count(events.titles + events.evidence)}: ${count(events.titles)} drove titles, ${count(events.evidence)} are evidence`,
  );
  if (titledElsewhere > 0)
    output.line(
      `  titled         ${counted(titledElsewhere, 'vehicle')} by another registrar: evidence only`,
    );
  if (events.contradicting > 0) {
    output.line(
      `  contradicting  ${counted(events.contradicting, 'history', 'histories')}: ${facts.contradictionsFile}`,
    );
    const byCount = Object.entries(events.contradictions).sort((left, right) => right[1] - left[1]);
    for (const [code, number] of byCount) output.line(`    ${code.padEnd(30)} ${count(number)}`);
  }
  const perSecond = (number: number): string => count(Math.round(number / facts.seconds));
  const rate =
    vehicles === 0 ? '' : `, ${perSecond(entries)} entries and ${perSecond(actions)} actions a second`;
  output.line(`  time           ${round(facts.seconds)} s${rate}`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
