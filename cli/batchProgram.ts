import { type Command, Option } from 'commander';
import { collect, integer, passwordOption, readingOptions, signingOptions, waitOption } from './options.ts';
import type { Action, MakeAction } from './program.ts';

/** `batch …`: what a supplier says of its batches. */
export function addBatches(program: Command, action: MakeAction): void {
  const batch = program
    .command('batch')
    .description('batches of parts: register them, and say what happens to them');

  signingOptions(
    batch
      .command('register <batch>')
      .description(
        'put a batch on the ledger, with the root of its serials’ tree, and hand the serials to the service: batch:maker:number. Up to ten million. It can be interrupted anywhere and run again; nothing is there twice.',
      ),
  )
    .option(
      '--serials <file>',
      'the serial numbers, one a line, plain or gzip; or whole identifiers serial:maker:number',
    )
    .option('--part-number <number>', 'the maker’s part number')
    .option('--name <text>', 'what the part is called')
    .option('--date <date>', 'when the batch was finished, YYYY-MM-DD (default: today)')
    .option('--start <date>', 'when its production began')
    .option('--expires <date>', 'until when it may be used')
    .option('--plant <code>', 'where it was made')
    .option('--country <code>', 'the country that it was made in, three letters')
    .option('--drawing <number>', 'the drawing or specification that it is made by, with its issue')
    .option('--origin <how>', 'production, split, merge or rework')
    .option('--carbon-footprint <kilograms>', 'CO₂ equivalent of one unit, in kilograms: 12.5')
    .option(
      '--quantity <number[unit]>',
      'how much there is, sealed: 500, or 12.5KGM (default: the number of serials)',
    )
    .option('--input <batch>', 'a batch that it was made of; may be given again', collect)
    .option('--customer <id>', 'for whom it was made, sealed')
    .option('--order <number>', 'the order that it was made for, sealed')
    .option(
      '--certificate <type=file>',
      'a document to attach, encrypted: material=FILE, conformity=FILE, inspection=FILE, safety=FILE, carbon=FILE, drawing=FILE, other=FILE; may be given again',
      collect,
    )
    .option('--attributes <file>', 'further fields as JSON: {"data": {…}, "sealed": {…}}')
    .option(
      '--expect <count>',
      'how many serials there must be: any other number is refused',
      integer(1, 10_000_000),
    )
    .action(
      action(
        async () => (await import('./commands/batchRegister.ts')).registerBatchCommand as unknown as Action,
      ),
    );

  addLife(batch, action);
}

type LifeCommands = typeof import('./commands/batchLife.ts');

/** What becomes of a batch once it is there. */
function addLife(batch: Command, action: MakeAction): void {
  const run = (name: keyof LifeCommands) =>
    action(async () => (await import('./commands/batchLife.ts'))[name] as unknown as Action);
  const signed = (usage: string, description: string): Command =>
    signingOptions(batch.command(usage).description(description)).addOption(
      waitOption('how far to follow it').default('anchored'),
    );
  const step = (usage: string, description: string): Command =>
    signed(usage, description)
      .option('--quantity <number[unit]>', 'how much of it, sealed: 200, or 12.5KGM')
      .option('--time <time>', 'when it happened: 2026-05-31, or 2026-05-31T10:00:00Z (default: now)')
      .option('--note <text>', 'a note, sealed')
      .option('--id <name>', 'your own name of it, by which it is known when it is said again');

  step('ship <batch>', 'a batch, or some of it, left for somebody')
    .option('--from <party>', 'who shipped it (default: the batch’s maker)')
    .option('--to <party>', 'for whom, for all to see')
    .option('--customer <party>', 'for whom, sealed')
    .option('--lot <name>', 'the consignment that it goes by, sealed: who receives it names the same')
    .option('--order <number>', 'the order that it is shipped for, sealed')
    .option('--location <text>', 'from where, sealed')
    .action(run('shipBatch'));
  step('receive <batch>', 'a batch, or some of it, arrived')
    .requiredOption('--by <party>', 'who received it')
    .option('--lot <name>', 'the consignment that it came by, sealed')
    .option('--shipment <digest>', 'the batch.shipped entry that it answers')
    .option('--refused', 'it was not accepted')
    .option('--order <number>', 'the order that it was shipped for, sealed')
    .option('--location <text>', 'where it arrived, sealed')
    .option('--description <text>', 'in what state, sealed')
    .action(run('receiveBatch'));
  step('quarantine <batch>', 'a batch, or some of it, must not be used until it is released')
    .addOption(
      new Option('--reason <reason>', 'why')
        .choices([
          'defectSuspected',
          'defectFound',
          'certificateMissing',
          'damagedInTransit',
          'recall',
          'other',
        ])
        .makeOptionMandatory(),
    )
    .option('--description <text>', 'what is wrong, sealed')
    .option('--report <number>', 'the report that says so, sealed')
    .action(run('quarantineBatch'));
  step('release <batch>', 'a quarantine ends')
    .addOption(
      new Option('--outcome <outcome>', 'what became of it')
        .choices(['usable', 'reworked', 'scrapped', 'returned'])
        .default('usable'),
    )
    .option('--ends <digest>', 'the batch.quarantined entry that it ends')
    .option('--description <text>', 'what was done, sealed')
    .option('--report <number>', 'the report that says so, sealed')
    .action(run('releaseBatch'));

  signed('split <batch>', 'make several batches of one, together no more than it has')
    .requiredOption(
      '--into <batch=quantity>',
      'a new batch and how much of it: batch:maker:A1=200; may be given again',
      collect,
    )
    .option('--time <time>', 'when it was split (default: when the parts were made)')
    .action(run('splitBatch'));
  signed('merge <batch>', 'make one batch of several of the same part')
    .requiredOption(
      '--from <batch=quantity>',
      'a batch and how much of it: batch:maker:A1=200; may be given again',
      collect,
    )
    .option('--time <time>', 'when they were merged (default: when the latest parts were made)')
    .action(run('mergeBatches'));

  const reading = (usage: string, description: string): Command =>
    readingOptions(batch.command(usage).description(description))
      .option(
        '--keystore <name>',
        'sign in with this key: quantities are sealed, and shown to whom they concern',
      )
      .addOption(passwordOption())
      .option('--organisation <number>', 'the organisation that the key signs for, where it does not say');
  reading('show <batch>', 'who has how much of a batch now, by its verified history').action(
    run('showBatch'),
  );
  reading(
    'balance <batch...>',
    'check that no more of batches was used than made: down to the last tier, and one tier up, each by its own verified history',
  )
    .option('--most <number>', 'most histories that are read', integer(1, 100_000), 1_000)
    .action(run('balanceBatches'));
}
