import { type Command, Option } from 'commander';
import { collect } from './options.ts';
import type { MakeAction } from './program.ts';

const BASES = ['request', 'objection', 'unlawful', 'retention', 'legalDuty'];

/** What the operator of a service does with what it keeps: erase, back up, restore. */
export function addKeeping(program: Command, action: MakeAction): void {
  program
    .command('erase')
    .description(
      'for the operator: destroy content for good, in every store; without --yes it only shows what would go and what would stay',
    )
    .option('--field <digest-and-name...>', 'one sealed field: the entry’s digest, and the field’s name')
    .option('--document <cid>', 'a document, with its key in every entry')
    .option('--entry <digest>', 'the content of one entry')
    .option('--vehicle <identifier>', 'the content of all entries of a vehicle (or of a part)')
    .option('--retention', 'what is past its time by the service’s policy')
    .addOption(new Option('--basis <basis>', 'why: it stands in the receipts').choices(BASES))
    .option('--dry-run', 'only show what would go and what would stay')
    .option('--yes', 'do it')
    .option('-o, --output <file>', 'write the signed receipts there')
    .action(action(async () => (await import('./commands/erase.ts')).eraseCommand as never));

  program
    .command('backup <file>')
    .description(
      'for the operator: all that cannot be had again, in one encrypted file (age), while the service goes on',
    )
    .option('--recipient <age1…>', 'who can open it; may be given again (default: a passphrase)', collect)
    .option('--passphrase-file <file>', 'the passphrase, at least 12 characters (default: you are asked)')
    .option('--force', 'replace an existing file')
    .action(action(async () => (await import('./commands/backup.ts')).backupCommand as never));

  program
    .command('restore <file>')
    .description(
      'for the operator: put a backup into an empty data folder (--data), and an empty DATABASE_URL where that is set; no service may run there',
    )
    .option(
      '--erasures <file>',
      'the receipts of all erasures until now (erasures.ndjson of the service): what they name stays erased, and what was revoked stays revoked',
    )
    .option('--passphrase-file <file>', 'the passphrase (default: you are asked)')
    .option(
      '--identity-file <file>',
      'the key that it was made for, AGE-SECRET-KEY-1…, as age-keygen writes it',
    )
    .action(action(async () => (await import('./commands/restore.ts')).restoreCommand as never));
}
