import type { Writable } from 'node:stream';

/** Where a command writes: results to stdout, everything that passes to stderr. */
export interface Output {
  /** Whether stdout gets JSON. */
  readonly json: boolean;
  /** One JSON document, or one line of several; only with `--json`. */
  value(value: unknown): void;
  /** A line for people; only without `--json`. */
  line(text?: string): void;
  /** A remark that belongs to no result: to stderr, with `--json` too. */
  note(text: string): void;
  /** A progress line; shown only where stderr is a terminal. */
  progress(label: string): Progress;
  /** Whether styles may be used in what `line` writes. */
  readonly style: Style;
}

export interface Progress {
  update(done: number, total?: number, detail?: string): void;
  end(): void;
}

export type Style = {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
};

type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export type OutputOptions = {
  readonly json: boolean;
  readonly stdout?: Stream;
  readonly stderr?: Stream;
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

const REFRESH_MILLISECONDS = 100;

export function createOutput(options: OutputOptions): Output {
  const stdout = options.stdout ?? process.stdout;
  const stderr = options.stderr ?? process.stderr;
  const environment = options.environment ?? process.env;
  const plain = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb';
  const coloured = stdout.isTTY === true && !plain;
  let shown: { redraw: () => void; erase: () => void } | null = null;

  /** Text above a progress line, which is drawn again below it. */
  function above(write: () => void): void {
    shown?.erase();
    write();
    shown?.redraw();
  }

  return {
    json: options.json,
    value(value) {
      if (options.json) above(() => stdout.write(`${JSON.stringify(value, jsonMember)}\n`));
    },
    line(text = '') {
      if (!options.json) above(() => stdout.write(`${text}\n`));
    },
    note(text) {
      above(() => stderr.write(`${text}\n`));
    },
    progress(label) {
      if (stderr.isTTY !== true || environment.TERM === 'dumb') return { update() {}, end() {} };
      const started = performance.now();
      let text = '';
      let drawn = 0;
      const erase = () => stderr.write('\r\u001b[2K');
      const redraw = () => stderr.write(text.slice(0, (stderr.columns ?? 80) - 1));
      const bar = { erase, redraw };
      return {
        update(done, total, detail = '') {
          const now = performance.now();
          if (now - drawn < REFRESH_MILLISECONDS && done !== total) return;
          drawn = now;
          text = progressText(label, done, total, (now - started) / 1000, detail);
          shown = bar;
          erase();
          redraw();
        },
        end() {
          if (shown === bar) {
            erase();
            shown = null;
          }
        },
      };
    },
    style: coloured ? colours : uncoloured,
  };
}

/** `Importing [########......] 1,234 of 2,531 · 456/s · 3 s left`. */
export function progressText(
  label: string,
  done: number,
  total: number | undefined,
  seconds: number,
  detail: string,
): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const parts: string[] = [];
  if (total === undefined || total === 0) {
    parts.push(`${label} ${count(done)}`);
  } else {
    const width = 20;
    const filled = Math.min(width, Math.floor((done / total) * width));
    parts.push(
      `${label} [${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${count(done)} of ${count(total)}`,
    );
  }
  if (rate >= 1) parts.push(`${count(Math.round(rate))}/s`);
  if (total !== undefined && rate > 0 && done < total && seconds > 2) {
    parts.push(`${count(Math.ceil((total - done) / rate))} s left`);
  }
  if (detail !== '') parts.push(detail);
  return parts.join(' · ');
}

/** 12,345. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 vehicle`, `2 vehicles`, `1 entry`, `2 entries`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** What JSON has no number or object for is text: numbers beyond 53 bits in decimal, bytes in hex. */
function jsonMember(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Set) return [...value];
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}

const paint = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const colours: Style = { bold: paint(1), dim: paint(2), good: paint(32), bad: paint(31), warn: paint(33) };
const same = (text: string) => text;
const uncoloured: Style = { bold: same, dim: same, good: same, bad: same, warn: same };

/** Text from outside, safe for a terminal: control characters and direction marks are shown, not obeyed. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
