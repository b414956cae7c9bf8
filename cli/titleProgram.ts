import type { Command } from 'commander';
import { Option } from 'commander';
import { collect, integer, readingOptions, signingOptions, waitOption } from './options.ts';
import type { Action, MakeAction } from './program.ts';

type TitleCommands = typeof import('./commands/title.ts');

/** `vinculum title …`: everything that can be done with a vehicle's title, and by whom. */
export function addTitles(program: Command, action: MakeAction): void {
  const title = program
    .command('title')
    .description('who holds a vehicle, and what stands against selling it');
  const run = (name: keyof TitleCommands) =>
    action(async () => (await import('./commands/title.ts'))[name] as unknown as Action);
  /** A command that signs an action: with a key of an organisation, or the owner's or buyer's own. */
  const acting = (parent: Command, usage: string, description: string): Command =>
    signingOptions(parent.command(usage).description(description))
      .option('--time <time>', 'when it happened: 2026-05-31, or 2026-05-31T10:00:00Z (default: now)')
      .option('--set <name=value>', 'a public field of the entry; may be given again', collect)
      .option('--seal <name=value>', 'a sealed field of the entry; may be given again', collect)
      .option('--content <file>', 'time, data and sealed fields from a JSON file')
      .addOption(waitOption('how far to follow it').default('anchored'));
  const to = (command: Command, who: string): Command =>
    command.requiredOption('--to <account>', `${who}: an address, or the name of a key here`);
  const until = (command: Command): Command =>
    command.requiredOption('--until <end>', 'until when: 30d, 8w, 5y, 2027-01-31 or an instant');
  const reason = (command: Command, reasons: readonly string[], by?: string): Command => {
    const option = new Option('--reason <reason>', 'why').choices(reasons);
    return command.addOption(by === undefined ? option : option.default(by));
  };

  readingOptions(
    title
      .command('show <identifier>', { isDefault: true })
      .description('how the title stands on the chain, and whether the vehicle may be sold now; if not, why'),
  ).action(run('showTitle'));

  reason(
    to(
      acting(title, 'issue <identifier>', 'registrar: issue the title to its first owner’s key'),
      'the owner',
    ),
    ['firstRegistration', 'import', 'reImport', 'takenOver', 'other'],
    'firstRegistration',
  ).action(run('issueTitle'));
  until(to(acting(title, 'offer <identifier>', 'owner: offer the vehicle to one buyer'), 'the buyer')).action(
    run('offerTitle'),
  );
  acting(title, 'accept <identifier>', 'buyer: accept the offer; the title is yours from then on').action(
    run('acceptTitle'),
  );
  reason(acting(title, 'withdraw <identifier>', 'owner: take the offer back'), [
    'expired',
    'changedMind',
    'otherBuyer',
    'mistake',
    'other',
  ]).action(run('withdrawTitle'));

  const lien = title
    .command('lien')
    .description('lender or registrar: rights in a vehicle that block its sale');
  until(acting(lien, 'place <identifier>', 'place a lien'))
    .option('--rank <number>', 'its rank, 1 to 255 (default: the first that is free)', integer(1, 255))
    .addOption(
      new Option('--type <type>', 'what for')
        .choices(['loan', 'lease', 'retention', 'repair', 'tax', 'judgement', 'other'])
        .default('loan'),
    )
    .action(run('placeLien'));
  const number = (command: Command): Command =>
    command.option(
      '--number <number>',
      'which lien (default: the only one you hold)',
      integer(1, 999_999_999),
    );
  number(until(acting(lien, 'renew <identifier>', 'let it end later'))).action(run('renewLien'));
  reason(
    number(acting(lien, 'release <identifier>', 'end it: from that block on it blocks no sale')),
    ['paid', 'waived', 'refinanced', 'lapsed', 'mistake', 'other'],
    'paid',
  ).action(run('releaseLien'));

  acting(title, 'stolen <identifier>', 'police: report the vehicle stolen').action(run('reportStolen'));
  acting(title, 'recovered <identifier>', 'police: report the vehicle found').action(run('reportRecovered'));
  acting(
    title,
    'brand <identifier> <code>',
    'registrar or authority: brand the title (AAMVA D20 code), for ever',
  )
    .requiredOption('--jurisdiction <market>', 'whose brand it is: FR, US-CA')
    .requiredOption('--text <words>', 'how it was worded there')
    .action(run('brandTitle'));
  reason(
    acting(title, 'dispute <identifier> <digest>', 'owner: dispute an entry of the history, by its digest'),
    ['wrong', 'otherVehicle', 'duplicate', 'incomplete', 'unlawful', 'other'],
    'wrong',
  )
    .option('--statement <text>', 'what you have to say of it; sealed')
    .action(run('disputeEntry'));
  reason(
    acting(title, 'scrap <identifier>', 'registrar or authority: the vehicle is no more'),
    ['endOfLife', 'totalLoss', 'dismantled', 'lost', 'other'],
    'endOfLife',
  ).action(run('scrapVehicle'));
  acting(title, 'export <identifier>', 'registrar: the vehicle leaves its market')
    .option('--destination <market>', 'where it goes: BE, US-CA')
    .action(run('exportVehicle'));
  reason(
    to(
      acting(
        title,
        'reissue <identifier>',
        'registrar: give the title to a new key of its owner, who lost theirs',
      ),
      'the new key',
    ),
    ['keyLost', 'keyStolen', 'guardian', 'mistake', 'other'],
    'keyLost',
  ).action(run('reissueTitle'));
  reason(
    to(
      acting(title, 'transfer <identifier>', 'registrar: record a change of hands on paper or by law'),
      'the new owner',
    ),
    ['sale', 'gift', 'inheritance', 'judgement', 'repossession', 'auction', 'company', 'other'],
    'sale',
  ).action(run('transferTitle'));
  reason(
    acting(title, 'replace <identifier> <successor>', 'registrar: the vehicle goes on under another number'),
    ['unreadable', 'reissued', 'wronglyAssigned', 'cloned', 'rebuilt', 'other'],
    'reissued',
  ).action(run('replaceNumber'));
}
