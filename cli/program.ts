import { Command, CommanderError, Option } from 'commander';
import { isVinculumError } from '../core/errors.ts';
import { addAlerts } from './alertProgram.ts';
import { addBatches } from './batchProgram.ts';
import type { Context } from './context.ts';
import { type Exit, exitCodes, exitOf } from './exit.ts';
import { addKeeping } from './operatorProgram.ts';
import {
  collect,
  duration,
  integer,
  passwordOption,
  readingOptions,
  signingOptions,
  waitOption,
} from './options.ts';
import { createOutput, type Output, type OutputOptions } from './output.ts';
import { addParts } from './partProgram.ts';
import { type Ask, askAtTerminal } from './password.ts';
import { addPrivacy } from './privacyProgram.ts';
import { addRecalls } from './recallProgram.ts';
import { type GlobalOptions, readSettings, type Settings } from './settings.ts';
import { addSupply } from './supplyProgram.ts';
import { addTitles } from './titleProgram.ts';

export type ProgramIo = Pick<OutputOptions, 'stdout' | 'stderr' | 'environment'> & {
  readonly signal?: AbortSignal;
  readonly ask?: Ask | undefined;
};

/** Runs one command line and gives its exit code. */
export async function run(args: readonly string[], io: ProgramIo = {}): Promise<number> {
  const signal = io.signal ?? new AbortController().signal;
  let exit: Exit = 'ok';
  const json = args.includes('--json');
  const fallback = createOutput({ json, ...io });
  const program = build(io, signal, (result) => {
    exit = result;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCodes[exit].code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage.code;
    if (signal.aborted) {
      fallback.value({ error: { code: 'interrupted' } });
      fallback.note('Interrupted.');
      return exitCodes.interrupted.code;
    }
    return exitCodes[tell(fallback, error)].code;
  }
}

/** Says what went wrong: to people on stderr, to programs as JSON on stdout too. */
function tell(output: Output, error: unknown): Exit {
  if (!isVinculumError(error)) {
    output.value({
      error: { code: 'internal', message: error instanceof Error ? error.message : String(error) },
    });
    output.note(
      `This should not have happened: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
    return 'failed';
  }
  const exit = exitOf(error);
  output.value({ error: { code: error.code, message: error.message, ...error.details } });
  const { requestId } = error.details;
  const request = typeof requestId === 'string' ? ` (request ${requestId})` : '';
  output.note(`${output.style.bad(error.code)}: ${error.message}${request}`);
  return exit;
}

export type Action = (context: Context, ...rest: never[]) => Promise<Exit>;

/** Every command, with its arguments and options. @param onExit told how an action ended */
export function build(io: ProgramIo, signal: AbortSignal, onExit: (exit: Exit) => void): Command {
  const stdout = io.stdout ?? process.stdout;
  const stderr = io.stderr ?? process.stderr;
  const program = new Command('vinculum');
  program
    .description(
      'The history of a vehicle and of every part in it: hand entries in, fetch histories, and check for yourself that nothing in them was altered, forged or left out.',
    )
    .option('--url <url>', 'the service (default: VINCULUM_URL, else the one running on the data folder)')
    .option('--data <folder>', 'the data folder (default: VINCULUM_DATA, else .vinculum)')
    .option('--json', 'one JSON document on stdout, for programs')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .showHelpAfterError('(vinculum --help lists the commands)')
    .exitOverride()
    .addHelpText('after', afterHelp());

  /** Makes the action of a command: reads the options of all levels and reports how it ended. */
  const action =
    (load: () => Promise<Action>) =>
    async (...parameters: unknown[]): Promise<void> => {
      const command = parameters.at(-1) as Command;
      const options = command.optsWithGlobals() as GlobalOptions;
      const work = (await load()) as (context: Context, ...rest: unknown[]) => Promise<Exit>;
      const positional = parameters.slice(0, -2);
      onExit(await work(contextOf(options, io, signal), ...positional, command.opts()));
    };

  addKeys(program, action);
  addWriting(program, action);
  addTitles(program, action);
  addParts(program, action);
  addPrivacy(program, action);
  addReading(program, action);
  addOperator(program, action);
  addSupply(program, action);
  addRecalls(program, action);
  addBatches(program, action);
  addAlerts(program, action);
  addKeeping(program, action);
  return program;
}

export type MakeAction = (load: () => Promise<Action>) => (...parameters: unknown[]) => Promise<void>;

function contextOf(options: GlobalOptions, io: ProgramIo, signal: AbortSignal): Context {
  const output = createOutput({ json: options.json === true, ...io });
  let settings: Settings | undefined;
  return {
    output,
    options,
    signal,
    ask: io.ask ?? askAtTerminal(signal),
    settings: () => {
      settings ??= readSettings(options, io.environment ?? process.env);
      return settings;
    },
  };
}

export const asAction = (work: unknown): Action => work as Action;

function addKeys(program: Command, action: MakeAction): void {
  const keys = program
    .command('keys')
    .description('keys that sign for an organisation, each encrypted in a file');
  keys
    .command('new <name>')
    .description('make a key, or encrypt an existing one')
    .option('--organisation <number>', 'the organisation that it signs for')
    .option('--label <text>', 'what it is called for people')
    .option(
      '--from <file>',
      'encrypt the private key in this file (64 hexadecimal digits) instead of a new one',
    )
    .addOption(passwordOption())
    .action(action(async () => asAction((await import('./commands/keys.ts')).newKey)));
  readingOptions(
    keys
      .command('holder <name> <identifier>')
      .description('registrar: take out the key that an import keeps for the present holder of a vehicle')
      .option('--holders <name>', 'the key from which the holders’ keys are derived', 'holders')
      .addOption(passwordOption()),
  ).action(action(async () => asAction((await import('./commands/keys.ts')).holderKey)));
  keys
    .command('list')
    .description('all keys of the data folder')
    .action(action(async () => asAction((await import('./commands/keys.ts')).listKeys)));
  keys
    .command('show <name>')
    .description('address and organisation of a key; never the key itself')
    .action(action(async () => asAction((await import('./commands/keys.ts')).showKey)));
  keys
    .command('remove <name>')
    .description('remove a key for ever')
    .option('--yes', 'do it')
    .action(action(async () => asAction((await import('./commands/keys.ts')).removeKey)));
}

function addWriting(program: Command, action: MakeAction): void {
  const importing = program.command('import').description('put the rows of a file on the ledger');
  signingOptions(
    importing
      .command('registrations <file>')
      .description(
        'registration histories, a vehicle a line (NDJSON as HistoVec publishes them, plain or gzip). It can be interrupted and run again: it continues where it was, and a second run adds nothing.',
      ),
    'registry',
  )
    .option(
      '--batch <entries>',
      'most entries of one submission, 1 to 512; a vehicle’s stay together',
      integer(1, 512),
      200,
    )
    .option(
      '--holders <name>',
      'the key from which the holders’ keys are derived; made when missing',
      'holders',
    )
    .option('--errors <file>', 'where rows that can’t be imported are noted, with line, code and path')
    .option('--contradictions <file>', 'where histories are noted that a title does not allow')
    .addOption(waitOption('how far to follow what was handed in').default('anchored'))
    .action(action(async () => asAction((await import('./commands/import.ts')).importCommand)));

  signingOptions(
    program
      .command('submit <file>')
      .description(
        'compose, sign and hand in a list of entries: [{"identifier","kind","time","data","sealed"?,"documents"?: [paths]}]; or hand in a submission that was signed elsewhere',
      ),
  )
    .addOption(waitOption('wait until it has come so far'))
    .action(action(async () => asAction((await import('./commands/submit.ts')).submitCommand)));

  program
    .command('status <hash>')
    .description('how far a submission has come, with the time and the evidence of each state')
    .addOption(waitOption('wait until it has come so far'))
    .action(action(async () => asAction((await import('./commands/status.ts')).statusCommand)));
}

function addReading(program: Command, action: MakeAction): void {
  program
    .command('report <identifier>')
    .description(
      'fetch everything needed to check a history: a VIN, or type:scope:number such as registration:FR:FR000001',
    )
    .option('-o, --output <file>', 'write it there (default: stdout)')
    .option('--serial <number>', 'of a batch: with the proof that this serial is in it, or is not')
    .option('--pdf', 'as pages to read and print, with the report attached')
    .option('--credential', 'its facts as a short-lived W3C Verifiable Credential')
    .addOption(
      new Option('--lang <language>', 'the language of the pages').choices(['en', 'zh']).default('en'),
    )
    .action(action(async () => asAction((await import('./commands/report.ts')).reportCommand)));

  readingOptions(
    program
      .command('verify <file>')
      .description(
        'check a report, its PDF or a credential against the chain: that it is this vehicle’s, that no entry was left out, added, reordered or altered, who attested, and what follows',
      ),
  )
    .option(
      '--block-hash <hash>',
      'check by the report’s own proofs under this block, which you trust to be final: 0x…, or CHAIN:0x…; needs no network',
      collect,
    )
    .option('--issuer <did>', 'whose credentials you rely on: did:key:…; may be given again', collect)
    .option('--max-age <time>', 'accept only a block younger than that: 90s, 15m, 24h', duration)
    .action(action(async () => asAction((await import('./commands/verify.ts')).verifyCommand)));

  readingOptions(
    program
      .command('audit')
      .description(
        'check the whole ledger from the chain and the blocks alone: every head, every block, every attester; with an export of keys every content too',
      ),
  )
    .option('--gateway <url>', 'an IPFS trustless gateway for the blocks (default: the service)')
    .option('--blocks <path>', 'take the blocks from an exported folder instead')
    .option('--keys <file>', 'open every envelope with these keys (vinculum export keys)')
    .option(
      '--transcripts <file>',
      'with --keys: the operators’ proofs of identifiers, kept by an earlier audit',
    )
    .option('--keep-transcripts <file>', 'keep the proofs that the service gives, for audits without it')
    .option(
      '--erasures <file>',
      'an operator’s receipts of erasures (erasures.ndjson), for an audit without its service',
    )
    .option('--no-served', 'with --keys: do not compare the histories that the service tells with the ledger')
    .option('--keystore <name>', 'sign in to the service with this key, for its higher limits')
    .addOption(passwordOption())
    .option('--organisation <number>', 'the organisation that the key signs for, where it does not say')
    .option('--limit <number>', 'most findings to list', integer(1, 1_000_000), 20)
    .action(action(async () => asAction((await import('./commands/audit.ts')).auditCommand)));

  const organisations = program.command('organisations').description('who attests');
  organisations
    .command('list', { isDefault: true })
    .description('all organisations')
    .action(action(async () => asAction((await import('./commands/organisations.ts')).listOrganisations)));
  organisations
    .command('show <number>')
    .description('one organisation: its standing, keys, kinds and whole record')
    .action(action(async () => asAction((await import('./commands/organisations.ts')).showOrganisation)));

  const demo = program.command('demo').description('see it work');
  readingOptions(
    demo
      .command('tamper [identifier]')
      .description(
        'lie about a real history in several ways, and see each lie caught; only copies are changed',
      ),
  ).action(action(async () => asAction((await import('./commands/demo.ts')).demoTamper)));
}

function addOperator(program: Command, action: MakeAction): void {
  const exporting = program.command('export').description('for the operator: what an audit elsewhere needs');
  exporting
    .command('keys')
    .description('the key of every envelope; whoever holds the file can read every entry')
    .requiredOption('-o, --output <file>', 'where to')
    .option('--force', 'replace an existing file')
    .action(action(async () => asAction((await import('./commands/export.ts')).exportKeys)));
  exporting
    .command('blocks')
    .description('every encrypted block, a file each, named by its CID')
    .requiredOption('-o, --output <folder>', 'where to')
    .option('--force', 'write into an existing folder')
    .action(action(async () => asAction((await import('./commands/export.ts')).exportBlocks)));
}

function afterHelp(): string {
  const codes = Object.values(exitCodes).map(
    ({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`,
  );
  return `
Begin here (after npm start):
  vinculum import registrations FILE      put registration histories on the ledger
  vinculum report ID -o report.json       fetch a history
  vinculum report ID --pdf -o report.pdf  the same to read and print
  vinculum verify report.json             check it against the chain; also a PDF or a credential
  vinculum title ID                       who holds it, and may it be sold?
  vinculum audit                          check the whole ledger
  vinculum demo tamper                    see lies caught

Exit codes:
${codes.join('\n')}`;
}
