import { type Command, Option } from 'commander';
import { component } from '../core/kinds/fields.ts';
import { collect, integer, signingOptions } from './options.ts';
import type { Action, MakeAction } from './program.ts';

type RecallCommands = typeof import('./commands/recall.ts');

const SEVERITIES = ['stopDriving', 'safety', 'compliance', 'emissions', 'service'];

/** `recall …`: campaigns, from a faulty batch to the remedy of each vehicle. */
export function addRecalls(program: Command, action: MakeAction): void {
  const recall = program
    .command('recall')
    .description('recall campaigns: from what is faulty to the exact list of vehicles, and their remedies');
  const run = (name: keyof RecallCommands) =>
    action(async () => (await import('./commands/recall.ts'))[name] as unknown as Action);
  const selecting = (command: Command): Command =>
    command
      .option('--batch <batch>', 'a faulty batch, batch:maker:number; may be given again', collect)
      .option('--serial <serial>', 'a faulty part, serial:maker:number; may be given again', collect)
      .option('--serials <from..to>', 'a range of serial numbers of --maker; may be given again', collect)
      .option('--part-number <number>', 'all parts of --maker with this number; may be given again', collect)
      .option('--maker <id>', 'whose serials and part numbers they are: a GLN, DUNS, BPNL or domain')
      .option('--from <date>', 'of the part number: made on this day or later')
      .option('--until <date>', 'of the part number: made on this day or before')
      .option('--vins <file>', 'vehicles, one a line: VINs or whole identifiers')
      .option('--at <time>', 'only what was in a vehicle then (default: ever)')
      .option('--all', 'it may be every vehicle that the organisation ever built')
      .option('--empty', 'it may be no vehicle: a campaign about parts that are in none yet');
  const saying = (command: Command): Command =>
    command
      .option('--time <time>', 'when it was decided: 2026-05-31 (default: today)')
      .option('--description <text>', 'more about it, sealed');
  const listing = (command: Command): Command =>
    saying(selecting(signingOptions(command)))
      .option('--dry-run', 'show how many vehicles are affected, by what; change nothing')
      .option('--yes', 'do not ask');

  listing(
    recall
      .command('open <campaign>')
      .description(
        'open a campaign under a number of your own: the affected vehicles are computed over the whole graph and shown, and after your word the campaign and the root of their set are on your own chain. It can be interrupted anywhere and run again: there is one campaign.',
      ),
  )
    .requiredOption('--title <[lang=]text>', 'what it is about; again for another language: zh=…', collect)
    .requiredOption('--remedy <[lang=]text>', 'what is to be done; again for another language', collect)
    .addOption(
      new Option('--component <name>', 'what part of a vehicle').choices(component.options).default('other'),
    )
    .addOption(new Option('--severity <name>', 'how grave it is').choices(SEVERITIES).default('safety'))
    .option('--market <code>', 'where it applies: FR, US-CA; may be given again', collect)
    .option('--reference <number>', 'the number that an authority gave it')
    .action(run('openCampaign'));

  listing(
    recall
      .command('extend <campaign>')
      .description('take further vehicles, batches or parts into a campaign'),
  ).action(run('extendCampaign'));

  saying(
    signingOptions(
      recall
        .command('close <campaign>')
        .description('end a campaign; vehicles that were not remedied still carry it as open'),
    ),
  )
    .addOption(
      new Option('--reason <reason>', 'why')
        .choices(['completed', 'superseded', 'withdrawn'])
        .default('completed'),
    )
    .option('--yes', 'do not ask')
    .action(run('closeCampaign'));

  saying(
    signingOptions(
      recall
        .command('remedy <identifier>')
        .description(
          'workshop: record a vehicle’s remedy, once its report proves that the campaign lists it',
        ),
    ),
  )
    .requiredOption('--attester <number>', 'the organisation whose campaign it is')
    .requiredOption('--campaign <number>', 'the campaign')
    .addOption(
      new Option('--outcome <outcome>', 'what was done')
        .choices(['remedied', 'notNeeded'])
        .default('remedied'),
    )
    .option('--odometer <value>', 'what the odometer showed', integer(0, 99_999_999))
    .addOption(new Option('--unit <unit>', 'of the odometer').choices(['KMT', 'SMI']).default('KMT'))
    .option('--invoice <number>', 'sealed')
    .option('--technician <name>', 'sealed')
    .option('--document <file>', 'an invoice, a photo: encrypted, and listed; may be given again', collect)
    .option('--unlisted', 'record it though no list holds the vehicle')
    .action(run('recordRemedy'));

  signingOptions(
    recall
      .command('show [organisation] [campaign]')
      .description(
        'all campaigns, those of an organisation, or one; with --keystore how far your own has come',
      ),
  ).action(run('showCampaigns'));

  selecting(
    signingOptions(
      recall.command('affected').description('who would be affected, over the whole graph; changes nothing'),
    ),
  )
    .option('-o, --output <file>', 'write the vehicles there, one a line')
    .action(run('showAffectedVehicles'));
}
