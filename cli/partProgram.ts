import { type Command, Option } from 'commander';
import { component } from '../core/kinds/fields.ts';
import { collect, readingOptions, signingOptions, waitOption } from './options.ts';
import type { Action, MakeAction } from './program.ts';

type PartCommands = typeof import('./commands/part.ts');

/** `vinculum part …`: serialised, safety-relevant parts, each in one vehicle at most. */
export function addParts(program: Command, action: MakeAction): void {
  const part = program
    .command('part')
    .description('serialised, safety-relevant parts: each is in one vehicle at most');
  const run = (name: keyof PartCommands) =>
    action(async () => (await import('./commands/part.ts'))[name] as unknown as Action);
  const acting = (usage: string, description: string): Command =>
    signingOptions(part.command(usage).description(description))
      .option('--time <time>', 'when it happened: 2026-05-31, or 2026-05-31T10:00:00Z (default: now)')
      .option('--set <name=value>', 'a public field of the entry; may be given again', collect)
      .option('--seal <name=value>', 'a sealed field of the entry; may be given again', collect)
      .option('--content <file>', 'time, data and sealed fields from a JSON file')
      .addOption(waitOption('how far to follow it').default('anchored'));
  const what = (command: Command, by?: string): Command => {
    const option = new Option('--component <component>', 'what it is').choices([...component.options]);
    return command.addOption(by === undefined ? option : option.default(by));
  };
  const reason = (command: Command, reasons: readonly string[], by: string): Command =>
    command.addOption(new Option('--reason <reason>', 'why').choices(reasons).default(by));

  readingOptions(
    part
      .command('show <identifier>', { isDefault: true })
      .description('what the part is on the chain, and whether it may be mounted now; if not, why'),
  ).action(run('showPart'));
  what(acting('register <identifier>', 'maker: give the part its place on the ledger'), 'other')
    .option('--part-number <number>', 'its part number')
    .option('--name <text>', 'what its maker calls it')
    .option('--batch <identifier>', 'the batch that it came from')
    .action(run('registerPart'));
  what(acting('mount <identifier> <vehicle>', 'workshop or maker: mount it in a vehicle'), 'other')
    .option('--position <code>', 'where on the vehicle, in its maker’s terms')
    .option('--batch <identifier>', 'the batch that it came from')
    .addOption(new Option('--condition <condition>', 'as what').choices(['new', 'used', 'remanufactured']))
    .action(run('mountPart'));
  reason(
    what(acting('remove <identifier> <vehicle>', 'workshop or maker: take it out of the vehicle'), 'other'),
    ['wear', 'defect', 'accident', 'recall', 'upgrade', 'theft', 'dismantling', 'other'],
    'wear',
  )
    .option('--position <code>', 'where on the vehicle it was, in its maker’s terms')
    .action(run('removePart'));
  reason(
    what(acting('scrap <identifier>', 'it is no more: never to be mounted again')),
    ['wear', 'defect', 'accident', 'recall', 'dismantling', 'other'],
    'wear',
  ).action(run('scrapPart'));
  what(acting('steal <identifier>', 'police: report it stolen')).action(run('reportPartStolen'));
  what(acting('recover <identifier>', 'police: report it found')).action(run('reportPartRecovered'));
}
