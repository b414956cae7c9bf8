/** Where log lines go; one JSON object each. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  event: string,
  facts?: Readonly<Record<string, unknown>>,
) => void;

/** A log that writes JSON lines. Whoever calls it sees to it that no secret and no identifier is among the facts. */
export function jsonLog(write: (line: string) => void): Log {
  return (level, event, facts = {}) => {
    const line = { time: new Date().toISOString(), level, event, ...facts };
    write(`${JSON.stringify(line, (_, value) => (typeof value === 'bigint' ? value.toString() : value))}\n`);
  };
}

/** What is worth knowing of an error, for the log only. */
export function factsOf(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) };
  const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
  return { error: error.message, stack: error.stack, ...cause };
}
