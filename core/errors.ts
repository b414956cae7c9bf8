/**
 * Every failure of the protocol code carries a stable, dotted code. The message says what was wrong and what
 * to do; programs decide by the code.
 */
export class VinculumError extends Error {
  readonly code: string;
  /** Facts about the failure for programs, e.g. `{ path: 'data.odometer.value' }`; never a secret. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'VinculumError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is a VinculumError, with the given code if one is named. */
export function isVinculumError(error: unknown, code?: string): error is VinculumError {
  return error instanceof VinculumError && (code === undefined || error.code === code);
}
