import { type Command, Option } from 'commander';
import { purposes } from '../core/privacy/consent.ts';
import { collect, integer, signingOptions } from './options.ts';
import type { Action, MakeAction } from './program.ts';

/** `consent`, `share`, `access-log`, `notices`, `subscription` and `my`: what others may see, who saw it, what one is told. */
export function addPrivacy(program: Command, action: MakeAction): void {
  type Consents = typeof import('./commands/consent.ts');
  type Shares = typeof import('./commands/share.ts');
  const consenting = (name: keyof Consents) =>
    action(async () => (await import('./commands/consent.ts'))[name] as unknown as Action);
  const sharing = (name: keyof Shares) =>
    action(async () => (await import('./commands/share.ts'))[name] as unknown as Action);

  const what = (command: Command, by: string): Command =>
    command
      .addOption(new Option('--purpose <purpose>', 'what for').choices(purposes).default(by))
      .requiredOption('--until <end>', 'until when: 12h, 30d, 8w or a day; at most 366 days')
      .option('--entry <digest>', 'only of this entry; may be given again (default: of all)', collect)
      .option('--field <name>', 'only this sealed field; may be given again (default: all)', collect);

  const consent = program
    .command('consent')
    .description('owner: let somebody see what is sealed; it ends when the vehicle is sold');
  what(
    signingOptions(
      consent.command('grant <identifier>').description('let an organisation or an account see it'),
    ),
    'other',
  )
    .option('--to-organisation <number>', 'the organisation that may see it')
    .option('--to <account>', 'the account that may: an address, or the name of a key here')
    .option('--from <begin>', 'from when (default: now)')
    .action(consenting('grantConsent'));
  signingOptions(consent.command('revoke <consent>').description('end a consent at once')).action(
    consenting('revokeConsentCommand'),
  );
  signingOptions(
    consent.command('list', { isDefault: true }).description('the consents that a key gave, or was given'),
  )
    .addOption(new Option('--as <party>', 'as which party').choices(['signer', 'grantee']).default('signer'))
    .action(consenting('listConsentsCommand'));
  signingOptions(
    consent.command('show <consent>').description('one consent, and what it is worth now'),
  ).action(consenting('showConsentCommand'));

  const share = program
    .command('share')
    .description('seller: a link that shows one buyer the full report, until it expires or is revoked');
  what(
    signingOptions(share.command('create <identifier>').description('make a link; it can’t be shown again')),
    'purchase',
  ).action(sharing('createShare'));
  share
    .command('open <link>')
    .description('buyer: fetch the full report that a link shows')
    .option('-o, --output <file>', 'write it there (default: stdout)')
    .action(sharing('openShare'));
  signingOptions(share.command('revoke <consent>').description('end a link at once')).action(
    consenting('revokeConsentCommand'),
  );
  signingOptions(
    share.command('list', { isDefault: true }).description('your links, and how often each was opened'),
  ).action(sharing('listShares'));

  signingOptions(
    program
      .command('access-log <identifier>')
      .description(
        'owner: who was shown what is sealed; that nothing was taken out since the last time is checked',
      ),
  ).action(
    action(async () => (await import('./commands/accessLog.ts')).accessLogCommand as unknown as Action),
  );

  type Notices = typeof import('./commands/notices.ts');
  const noticing = (name: keyof Notices) =>
    action(async () => (await import('./commands/notices.ts'))[name] as unknown as Action);
  signingOptions(
    program
      .command('notices')
      .description(
        'what your organisation, or you as an owner, were told: recalls, quarantines, alerts, parts',
      )
      .option('--unread', 'only what is new')
      .option('--after <number>', 'what came after this one, the oldest first', integer(0, 1e14))
      .option('--limit <number>', 'at most so many', integer(1, 1000), 50)
      .option('--read', 'mark what is shown as read'),
  ).action(noticing('listNotices'));

  const subscription = program
    .command('subscription')
    .description('what your organisation wants notices of: a fleet’s vehicles, a maker’s batches and parts');
  const things = (command: Command): Command =>
    signingOptions(command.option('--file <file>', 'further ones, one a line'));
  things(subscription.command('add [identifier...]').description('ask for notices of them')).action(
    noticing('subscribe'),
  );
  things(
    subscription.command('remove [identifier...]').description('ask for no more notices of them'),
  ).action(noticing('unsubscribe'));
  signingOptions(
    subscription.command('list', { isDefault: true }).description('what it has subscribed to'),
  ).action(noticing('listSubscriptions'));

  const my = program.command('my').description('what is yours');
  signingOptions(
    my
      .command('vehicles', { isDefault: true })
      .description('the vehicles of a key, and those on offer to it'),
  ).action(action(async () => (await import('./commands/my.ts')).myVehicles as unknown as Action));
}
