import type { Output } from './output.ts';
import type { Ask } from './password.ts';
import type { GlobalOptions, Settings } from './settings.ts';

/** What a command works with; `main` makes it. */
export type Context = {
  readonly output: Output;
  readonly options: GlobalOptions;
  /** Read when first asked for: `keys list` must work without any service. */
  readonly settings: () => Settings;
  /** Ends with Ctrl-C. */
  readonly signal: AbortSignal;
  readonly ask: Ask | undefined;
};
