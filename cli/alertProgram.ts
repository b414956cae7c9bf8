import { type Command, Option } from 'commander';
import { linkStatuses } from '../core/alerts/link.ts';
import { alertClassifications, alertSeverities } from '../core/kinds/alert.ts';
import { collect, readingOptions, signingOptions, waitOption } from './options.ts';
import type { Action, MakeAction } from './program.ts';

/** `alert` and `part-code`: what is wrong with parts, from company to company; and what is printed on them. */
export function addAlerts(program: Command, action: MakeAction): void {
  type Alerts = typeof import('./commands/alert.ts');
  type Codes = typeof import('./commands/partCode.ts');
  const alerting = (name: keyof Alerts) =>
    action(async () => (await import('./commands/alert.ts'))[name] as unknown as Action);
  const coding = (name: keyof Codes) =>
    action(async () => (await import('./commands/partCode.ts'))[name] as unknown as Action);
  const waiting = (command: Command): Command =>
    command.addOption(waitOption('how far to follow it').default('anchored'));
  const to = (command: Command): Command =>
    command
      .option('--to <organisation>', 'whom it is for, by number; may be given again', collect)
      .option('--customer <party>', 'a company that is not on the network: make a link for it then', collect);
  const what = (command: Command): Command =>
    command
      .option('--batch <identifier>', 'an affected batch; may be given again', collect)
      .option('--serial <identifier>', 'an affected part; may be given again', collect)
      .option('--description <text>', 'what is wrong; sealed')
      .option('--due <end>', 'until when an answer is expected: 7d, 2027-01-31 or an instant');

  const alert = program
    .command('alert')
    .description('what is wrong with batches and parts, from company to company');
  waiting(
    what(to(signingOptions(alert.command('raise').description('raise an alert, one for each recipient')))),
  )
    .addOption(
      new Option('--severity <severity>', 'how grave it is').choices(alertSeverities).default('major'),
    )
    .addOption(
      new Option('--classification <what>', 'known to be wrong, or to be looked into')
        .choices(alertClassifications)
        .default('alert'),
    )
    .action(alerting('raiseAlert'));
  signingOptions(
    alert.command('list', { isDefault: true }).description('the alerts for your organisation, or by it'),
  )
    .addOption(new Option('--box <box>', 'which').choices(['in', 'out']).default('in'))
    .action(alerting('listAlertsCommand'));
  signingOptions(
    alert
      .command('show <reference>')
      .description('an alert with its answers and the tiers below, each entry checked on the ledger'),
  ).action(alerting('showAlert'));
  waiting(
    signingOptions(
      alert
        .command('answer')
        .argument('<reference>')
        .addArgument(
          program.createArgument('<status>').choices(['acknowledged', 'accepted', 'declined', 'closed']),
        )
        .description('answer an alert, or close one that you raised'),
    ),
  )
    .option('--reason <text>', 'why; sealed. Who declines says why')
    .action(alerting('answerAlert'));
  waiting(
    what(
      to(
        signingOptions(
          alert.command('forward <reference>').description('pass an alert on to your own customers'),
        ),
      ),
    ),
  )
    .option(
      '--to-customers',
      'to whom your entries say that you shipped these batches, or what is made of them',
    )
    .option('--yes', 'do not ask before it is sent to customers that were found')
    .addOption(
      new Option('--severity <severity>', 'how grave it is (default: as it came)').choices(alertSeverities),
    )
    .option('--disclose', 'let whoever raised it see whom it goes to, and the entries of their answers')
    .action(alerting('forwardAlert'));
  signingOptions(
    alert
      .command('link <reference>')
      .description('a link by which a company that is not on the network opens the alert and answers it'),
  )
    .requiredOption('--until <end>', 'until when it works: 30d, 8w or a day; at most 366 days')
    .action(alerting('linkAlert'));
  readingOptions(
    alert.command('open <link>').description('open the alert of a link, check it, and answer it'),
  )
    .addOption(new Option('--answer <status>', 'your answer').choices(linkStatuses))
    .option('--reason <text>', 'why')
    .option('--by <name>', 'who you are')
    .action(alerting('openAlertLink'));
  waiting(
    signingOptions(
      alert
        .command('record <reference>')
        .description('attest on your chain what the holder of a link answered: from then on it counts'),
    ),
  ).action(alerting('recordAnswer'));
  waiting(
    what(
      to(
        signingOptions(
          alert.command('import <file>').description('raise an alert from a notification of Catena-X'),
        ),
      ),
    ),
  )
    .option('--with <file>', 'twins that the notification names by id; may be given again', collect)
    .action(alerting('importNotification'));
  signingOptions(alert.command('export <reference>').description('an alert as a notification of Catena-X'))
    .requiredOption('--sender <BPNL>', 'the sender’s Business Partner Number')
    .requiredOption('--recipient-bpn <BPNL>', 'the recipient’s Business Partner Number')
    .option('-o, --output <file>', 'write it there (default: stdout)')
    .action(alerting('exportNotification'));

  const code = program
    .command('part-code')
    .description('codes on parts: signed by their maker, to be checked by anyone');
  signingOptions(
    code
      .command('make [identifier]')
      .description('sign the code of a part or a batch, or of every part in a file, and draw it'),
  )
    .option('--batch <file>', 'a file with one identifier a line; one image each goes to --out')
    .option('--out <folder>', 'where images go (default: the text goes to stdout)')
    .option('--svg', 'draw it as SVG')
    .option('--png', 'draw it as PNG')
    .addOption(new Option('--symbol <symbol>', 'what to draw').choices(['qr', 'datamatrix']).default('qr'))
    .option('--page <url>', 'where the printed address leads (default: the service)')
    .option('--bare', 'print the code alone, without the address of a page')
    .action(coding('makePartCodes'));
  readingOptions(
    code
      .command('check <code>')
      .description('what a code, or a part’s number, is worth: the maker’s word is checked on the ledger'),
  )
    .option('--vehicle <identifier>', 'the vehicle that it is in')
    .option('--country <code>', 'where you are, for the count of scans: FR, CN')
    .action(coding('checkPartCode'));
}
