import { type Command, Option } from 'commander';
import { collect, integer, passwordOption, readingOptions, signingOptions, waitOption } from './options.ts';
import type { Action, MakeAction } from './program.ts';

/** `import epcis|catenax`, `export epcis|catenax` and `epcis hash`: supply chains in and out, in the forms that companies keep them. */
export function addSupply(program: Command, action: MakeAction): void {
  const named = (name: string): Command =>
    program.commands.find((command) => command.name() === name) ?? program;

  signingOptions(
    named('import')
      .command('epcis <file...>')
      .description(
        'EPCIS 2.0 documents (JSON, plain or gzip): what happened to batches, parts and vehicles. It can be interrupted and run again; an event is there once, by its eventID and its event hash. What no entry says is noted with its reason.',
      ),
  )
    .option('--party <id>', 'who states it where an event names nobody: a GLN, DUNS, BPNL or domain')
    .option('--batch <entries>', 'most entries of one submission, 1 to 512', integer(1, 512), 200)
    .option('--errors <file>', 'where events that can’t be imported are noted, with code and path')
    .option('--notes <file>', 'where is noted what no entry says, and what is kept aside')
    .addOption(waitOption('how far to follow what was handed in').default('anchored'))
    .action(
      action(async () => (await import('./commands/importEpcis.ts')).importEpcisCommand as unknown as Action),
    );

  readingOptions(
    named('export')
      .command('epcis <identifier>')
      .description('a verified history as an EPCIS 2.0 document; its import gives the same entries again'),
  )
    .option('-o, --output <file>', 'write it there (default: stdout)')
    .option('--keystore <name>', 'sign in with this key: what it may see of sealed fields is in the document')
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .action(
      action(async () => (await import('./commands/exportEpcis.ts')).exportEpcisCommand as unknown as Action),
    );

  signingOptions(
    named('import')
      .command('catenax <file...>')
      .description(
        'twins of Catena-X, generation 3 or 4 (JSON as Trace-X imports it, plain or gzip): what a company’s vehicles, parts and batches are and what is built into them. A malformed file is refused before anything is sent; it can be interrupted and run again, and a second run adds nothing.',
      ),
  )
    .option('--with <file>', 'twins of another company, to link to; may be given again', collect)
    .option('--batch <entries>', 'most entries of one submission, 1 to 512', integer(1, 512), 200)
    .option('--errors <file>', 'where assets that can’t be imported are noted, with code and path')
    .option('--notes <file>', 'where is noted what no entry says, and which tiers are missing')
    .addOption(waitOption('how far to follow what was handed in').default('anchored'))
    .action(
      action(
        async () => (await import('./commands/importCatenax.ts')).importCatenaxCommand as unknown as Action,
      ),
    );

  readingOptions(
    named('export')
      .command('catenax <identifier>')
      .description('what its maker said of a vehicle, part or batch, verified, as a twin of Catena-X'),
  )
    .option('-o, --output <file>', 'write it there (default: stdout)')
    .addOption(new Option('--generation <number>', 'of the aspect models').choices(['3', '4']).default('4'))
    .option(
      '--partner <maker=BPNL>',
      'the Business Partner Number of a maker that is named otherwise here; may be given again',
      collect,
    )
    .option('--keystore <name>', 'sign in with this key: what it may see of sealed fields is in the twin')
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .action(
      action(
        async () => (await import('./commands/exportCatenax.ts')).exportCatenaxCommand as unknown as Action,
      ),
    );

  addTables(named('import'), action);

  readingOptions(
    named('export')
      .command('csv <identifier>')
      .description('a verified history as a table; no cell of it is a formula to a spreadsheet'),
  )
    .option('-o, --output <file>', 'write it there (default: stdout)')
    .addOption(
      new Option('--delimiter <sign>', 'what parts the cells')
        .choices(['comma', 'semicolon', 'tab'])
        .default('comma'),
    )
    .option(
      '--table <name>',
      'as a table that an import reads: batches, installations or steps (default: all entries)',
    )
    .option('--keystore <name>', 'sign in with this key: what it may see of sealed fields is in the table')
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .action(
      action(async () => (await import('./commands/exportCsv.ts')).exportCsvCommand as unknown as Action),
    );

  program
    .command('trace <identifier>')
    .description(
      'what a vehicle, part or batch is made of, down to the last tier, with the tiers that are missing; or what it is in',
    )
    .option('--down', 'what it is made of (default)')
    .option(
      '--up',
      'what it is in: what your organisation stated something of, and the number of other vehicles',
    )
    .option('--at <time>', 'only what was so then: a date, or an instant in UTC')
    .option('--depth <edges>', 'no further than this', integer(1, 1_000))
    .option('--keystore <name>', 'sign in with this key of an organisation')
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .action(action(async () => (await import('./commands/trace.ts')).traceCommand as unknown as Action));

  const epcis = program.command('epcis').description('EPCIS documents');
  epcis
    .command('hash <file>')
    .description('the event hash (CBV 2.0) of each event: partners find the same event by it')
    .action(
      action(async () => (await import('./commands/importEpcis.ts')).hashEpcisCommand as unknown as Action),
    );
  epcis
    .command('find [file]')
    .description(
      'which events of a document are on the ledger, by their event hashes: your own entries, and those of whoever stated the same event as you. Of an event that you have not stated nothing is told. Ends in 3 where an event is not found.',
    )
    .option('--hash <ni>', 'look for this event hash: ni:///sha-256;…; may be given again', collect)
    .option('--id <id>', 'look for your own entry of this eventID, asset or row; may be given again', collect)
    .option('--keystore <name>', 'the key that signs in')
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .action(
      action(async () => (await import('./commands/findEpcis.ts')).findEpcisCommand as unknown as Action),
    );
}

type CsvCommands = typeof import('./commands/importCsv.ts');

/** `import csv batches|serials|installations|steps`. */
function addTables(parent: Command, action: MakeAction): void {
  const csv = parent
    .command('csv')
    .description(
      'tables as companies keep them: comma, semicolon or tab; UTF-8, UTF-16 or GB18030; plain or gzip, of any size. Each can be interrupted and run again, and a second run adds nothing. Rows that can’t be imported go to a table of errors, which is imported again once it is mended.',
    );
  const table = (usage: string, description: string, run: keyof CsvCommands): Command =>
    signingOptions(csv.command(`${usage} <file...>`).description(description))
      .addOption(
        new Option('--encoding <name>', 'what the table is written in (default: what its bytes say)').choices(
          ['utf-8', 'utf-16le', 'utf-16be', 'gb18030'],
        ),
      )
      .addOption(
        new Option('--delimiter <sign>', 'what parts the cells (default: what the heading says)').choices([
          'comma',
          'semicolon',
          'tab',
        ]),
      )
      .option(
        '--set <column=value>',
        'what is so in every row that does not say it; may be given again',
        collect,
      )
      .option('--batch <entries>', 'most entries of one submission, 1 to 512', integer(1, 512), 200)
      .option('--errors <file>', 'where rows go that can’t be imported, as a table')
      .option('--notes <file>', 'where is noted what no entry says')
      .addOption(waitOption('how far to follow what was handed in').default('anchored'))
      .action(action(async () => (await import('./commands/importCsv.ts'))[run] as unknown as Action));
  const described = (command: Command): Command =>
    command.option(
      '--batches <file>',
      'a table of batches that says what they are; may be given again',
      collect,
    );
  const unchecked = (command: Command, what: string): Command => command.option('--no-check', what);

  table('batches', 'batches, one a row', 'importBatchesCommand').option(
    '--party <id>',
    'the maker, where rows do not say: a GLN, DUNS, BPNL or domain',
  );
  unchecked(
    described(
      table(
        'serials',
        'serial numbers with their batches, one a row: up to ten million',
        'importSerialsCommand',
      ),
    ),
    'do not ask the service whether another batch lists a serial already',
  ).option('--party <id>', 'the maker, where rows do not say: a GLN, DUNS, BPNL or domain');
  unchecked(
    described(
      table(
        'installations',
        'parts mounted in vehicles, or removed, one a row',
        'importInstallationsCommand',
      ),
    ),
    'do not ask the service when parts were made',
  ).option('--party <id>', 'the parts’ maker, where rows do not say: a GLN, DUNS, BPNL or domain');
  table(
    'steps',
    'what became of batches, one a row: shipped, received, quarantined, released',
    'importStepsCommand',
  ).option('--party <id>', 'who shipped or received, where rows do not say: a GLN, DUNS, BPNL or domain');
}
