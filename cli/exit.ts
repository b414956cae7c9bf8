import { VinculumError } from '../core/errors.ts';

/** What the command line's exit codes mean; `vinculum --help` and docs/command-line.md print this table. */
export const exitCodes = {
  ok: { code: 0, meaning: 'done; what was checked is verified' },
  failed: {
    code: 1,
    meaning: 'a check failed: the report or the ledger is refuted, or rows could not be imported',
  },
  usage: { code: 2, meaning: 'wrong usage or bad input: nothing was done' },
  incomplete: { code: 3, meaning: 'nothing is refuted, but something is missing or could not be checked' },
  unreachable: { code: 4, meaning: 'the service or the chain can’t be reached: try again later' },
  refused: { code: 5, meaning: 'the service refused the request; its code says why' },
  interrupted: { code: 130, meaning: 'interrupted by Ctrl-C; what was begun can be continued' },
} as const;

export type Exit = keyof typeof exitCodes;

/** A failure of a command, with the exit code that it ends in. */
export class CommandError extends VinculumError {
  readonly exit: Exit;

  constructor(
    exit: Exit,
    code: string,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(code, message, options);
    this.name = 'CommandError';
    this.exit = exit;
  }
}

/** Wrong usage or bad input, with what to do about it. */
export function usageError(code: string, message: string, options: { cause?: unknown } = {}): CommandError {
  return new CommandError('usage', code, message, options);
}

/** How a command ends for an error: protocol errors that reach the top are the user's input, others are ours. */
export function exitOf(error: unknown): Exit {
  if (error instanceof CommandError) return error.exit;
  if (!(error instanceof VinculumError)) return 'failed';
  if (error.code.startsWith('rpc.')) return 'unreachable';
  return EXITS[error.code] ?? (error.code.startsWith('proof.') ? 'failed' : 'usage');
}

/** What was handed over is forged, or of somebody else; or it can't be relied on now. */
const EXITS: Readonly<Record<string, Exit>> = {
  'credential.signature': 'failed',
  'credential.issuer': 'failed',
  'credential.expired': 'incomplete',
  'credential.notYetValid': 'incomplete',
};

/** Whether the very same request may succeed later, without anybody changing anything. */
export function isUnreachable(error: unknown): boolean {
  return (
    error instanceof CommandError && (error.code === 'http.unreachable' || error.code === 'http.timeout')
  );
}
