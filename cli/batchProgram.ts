import type { Command } from 'commander';
import { collect, integer, signingOptions } from './options.ts';
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
}
