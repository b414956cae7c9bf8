import { createHash } from 'node:crypto';
import { VinculumError } from '../../core/errors.ts';
import {
  type Identifier,
  identifierTypes,
  normaliseIdentifier,
  parseIdentifier,
} from '../../core/identifiers/identifier.ts';
import { usageError } from '../exit.ts';
import { piecesOf, type ReadProgress } from '../import/rows.ts';

export type SerialsOptions = {
  /** Whose serials they are, where a line does not say. */
  readonly maker: string;
  readonly signal: AbortSignal;
  readonly progress?: ReadProgress;
};

/** A line that is no serial number. */
export type BadLine = { readonly line: number; readonly code: string; readonly text: string };

const MAX_LINE = 512;
const NAMED = 20;

/**
 * The serials of a file, one a line, plain or gzip, in UTF-8: some thousands at a time, so that a file of any size is read in
 * the same memory. Empty lines are passed over.
 * @param onBytes is given the file's content as it is read, unpacked
 * @throws `serials.encoding` `serials.binary`, and `serials.malformed` at the end, with `details.lines` and `details.faults`
 */
export async function* readSerials(
  file: string,
  { maker, signal, progress }: SerialsOptions,
  onBytes?: (bytes: Uint8Array) => void,
): AsyncGenerator<readonly { readonly identifier: Identifier; readonly line: number }[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const bad: BadLine[] = [];
  let faults = 0;
  let line = 0;
  let rest = '';
  let first = true;
  const take = (text: string, found: { identifier: Identifier; line: number }[]): void => {
    line += 1;
    const value = text.trim();
    if (value === '') return;
    try {
      found.push({ identifier: serialOf(value, maker), line });
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      faults += 1;
      if (bad.length < NAMED) bad.push({ line, code: error.code, text: value.slice(0, 80) });
    }
  };
  for await (const piece of piecesOf(file, signal, progress)) {
    if (first) refuseOtherEncodings(file, piece);
    first = false;
    onBytes?.(piece);
    const lines = (rest + decode(decoder, piece, file, line)).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) {
      throw usageError(
        'serials.malformed',
        `${file}, line ${line + lines.length + 1}: a serial number a line, please.`,
      );
    }
    const found: { identifier: Identifier; line: number }[] = [];
    for (const text of lines) take(text, found);
    if (found.length > 0) yield found;
  }
  const found: { identifier: Identifier; line: number }[] = [];
  take(rest + decode(decoder, null, file, line), found);
  if (found.length > 0) yield found;
  if (faults > 0) throw malformed(file, faults, bad);
}

/** The identifiers of a file's serials as text, in its order. @throws as {@link readSerials} */
export async function* serialTexts(file: string, options: SerialsOptions): AsyncGenerator<string> {
  for await (const some of readSerials(file, options)) {
    for (const { identifier } of some) yield `serial:${identifier.scope}:${identifier.value}`;
  }
}

/** What a file of serials holds, whichever way it is packed. */
export function contentHash(): { update(bytes: Uint8Array): void; digest(): string } {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
}

function serialOf(value: string, maker: string): Identifier {
  const type = /^([a-z]+):/.exec(value)?.[1];
  // What names something else is no serial number, though it could be read as one.
  if (type === undefined || !(identifierTypes as readonly string[]).includes(type)) {
    return normaliseIdentifier({ type: 'serial', scope: maker, value });
  }
  if (type === 'serial') return parseIdentifier(value);
  throw new VinculumError('serials.type', `A serial number is wanted, not a ${type}.`);
}

function refuseOtherEncodings(file: string, piece: Uint8Array): void {
  const [one, two] = piece;
  const utf16 = (one === 0xff && two === 0xfe) || (one === 0xfe && two === 0xff);
  if (utf16 || piece.subarray(0, 1000).includes(0)) {
    throw encoding(file, utf16 ? 'is in UTF-16' : 'has zero bytes');
  }
}

function decode(decoder: TextDecoder, piece: Uint8Array | null, file: string, line: number): string {
  try {
    return piece === null ? decoder.decode() : decoder.decode(piece, { stream: true });
  } catch (cause) {
    throw encoding(file, `is not in UTF-8, at or after line ${line + 1}`, cause);
  }
}

function encoding(file: string, why: string, cause?: unknown): VinculumError {
  return usageError('serials.encoding', `${file} ${why}: save it as UTF-8 (serial numbers are ASCII).`, {
    cause,
  });
}

function malformed(file: string, faults: number, bad: readonly BadLine[]): VinculumError {
  const shown = bad
    .slice(0, 3)
    .map(({ line, code, text }) => `line ${line} (${JSON.stringify(text)}, ${code})`)
    .join(', ');
  return new VinculumError(
    'serials.malformed',
    `${faults} lines of ${file} are no serial numbers: ${shown}${faults > 3 ? ' …' : ''}. Nothing was sent.`,
    { details: { faults, lines: bad } },
  );
}
