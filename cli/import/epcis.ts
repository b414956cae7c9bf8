import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../core/canonical.ts';
import { correct } from '../../core/epcis/corrections.ts';
import { type DocumentFrame, parseEvent, parseFrame } from '../../core/epcis/document.ts';
import { eventHash } from '../../core/epcis/eventHash.ts';
import { type ErrorDeclaration, type EventMapping, mapEvent } from '../../core/epcis/mapping.ts';
import { DocumentScanner, parseEventText } from '../../core/epcis/stream.ts';
import { VinculumError } from '../../core/errors.ts';
import type { Statement, StatementSource } from '../../core/supply/statement.ts';
import { CommandError } from '../exit.ts';
import { piecesOf, type ReadProgress } from './rows.ts';
import type { StatementImport } from './statements.ts';

/*
 * EPCIS documents, each read twice: for what all its events share and for the errors that it declares, then event by event.
 */

/** An event that declares an earlier one to be in error. */
type Declared = {
  readonly declaration: ErrorDeclaration;
  readonly source: StatementSource;
  readonly at: string;
  readonly content: string;
};

export type EpcisFile = {
  readonly file: string;
  readonly frame: DocumentFrame;
  readonly events: number;
  readonly declared: readonly Declared[];
};

/**
 * The first reading.
 * @throws `epcis.*` when the file is no EPCIS document, with what is wrong in it; `import.file`
 */
export async function inspectEpcis(file: string, signal: AbortSignal): Promise<EpcisFile> {
  const texts: { text: string; index: number }[] = [];
  let events = 0;
  const scanner = new DocumentScanner((text, index) => {
    events += 1;
    // Which errors are declared must be known before the corrections are met.
    if (text.includes('"errorDeclaration"')) texts.push({ text, index });
  });
  for await (const bytes of piecesOf(file, signal)) scanner.push(bytes);
  const frame = parseFrame(scanner.end());
  const declared = texts.flatMap(({ text, index }): Declared[] => {
    try {
      const { mapping, content, at } = readEvent(text, index, frame, {});
      const { declaration, source } = mapping;
      return declaration === undefined ? [] : [{ declaration, source, at, content }];
    } catch {
      return []; // the second reading says what is wrong with it
    }
  });
  return { file, frame, events, declared };
}

/**
 * The second reading: hands every event to the import, then amends what was declared to be in error.
 * @param party who states it where an event names nobody
 */
export async function importEpcis(
  files: readonly EpcisFile[],
  run: StatementImport,
  options: { readonly party?: string; readonly signal: AbortSignal; readonly progress?: ReadProgress },
): Promise<void> {
  const declared = files.flatMap((file) => file.declared);
  const corrections = new Set(declared.flatMap(({ declaration }) => declaration.corrections));
  /** Events that correct others, kept until it is known what they correct. */
  const held = new Map<string, { mapping: EventMapping; at: string; content: string }>();
  for (const { file, frame } of files) {
    for await (const event of eventsOf(file, options.signal, options.progress)) {
      const at = files.length === 1 ? `events[${event.index}]` : `${file}: events[${event.index}]`;
      try {
        const { mapping, content } = readEvent(event.text, event.index, frame, options, at);
        if (mapping.declaration !== undefined) continue;
        if (corrections.has(mapping.source.id)) held.set(mapping.source.id, { mapping, at, content });
        else await give(run, mapping, at, content);
      } catch (error) {
        await run.error(at, undefined, error);
      }
    }
  }
  await run.settle();
  for (const each of declared) await amend(each, held, run);
  for (const { mapping, at, content } of held.values()) await give(run, mapping, at, content);
  await run.settle();
}

async function give(run: StatementImport, mapping: EventMapping, at: string, content: string): Promise<void> {
  const { source, statements, problems, aside } = mapping;
  await run.take({ source, at, content, statements, problems, aside });
}

async function amend(
  { declaration, source, at, content }: Declared,
  held: Map<string, { mapping: EventMapping; at: string; content: string }>,
  run: StatementImport,
): Promise<void> {
  const originals = run.find(source)?.written;
  if (originals === undefined || originals.length === 0) {
    await run.note({
      code: 'epcis.originalUnknown',
      at,
      source,
      detail: 'the event that it declares to be in error became no entry of this organisation here',
      note: true,
    });
    return;
  }
  const known = declaration.corrections.flatMap((id) => held.get(id) ?? []);
  const whole = known.filter(({ mapping }) => mapping.problems.every(({ note }) => note === true));
  const corrections: Statement[] = whole.flatMap(({ mapping }) => [...mapping.statements]);
  const { statements, further } = correct(declaration, source, originals, corrections);
  const { hash: _, ...named } = source;
  const amending: StatementSource = { ...named, id: `${source.id}#error` };
  await run.take({ source: amending, at, content, statements, problems: [] });
  for (const { mapping, at: where, content: text } of whole) {
    held.delete(mapping.source.id);
    const left = further.filter((statement) => statement.source.id === mapping.source.id);
    await give(run, { ...mapping, statements: left }, where, text);
  }
}

function readEvent(
  text: string,
  index: number,
  frame: DocumentFrame,
  { party }: { readonly party?: string },
  at = `events[${index}]`,
): { mapping: EventMapping; content: string; at: string } {
  const value = parseEventText(text, at);
  const event = parseEvent(value, at);
  const mapping = mapEvent(event, at, { frame, ...(party === undefined ? {} : { party }) });
  return { mapping, content: createHash('sha256').update(stable(value)).digest('hex'), at };
}

/** What an event says, whatever the order of its members; text that is no canonical JSON is taken as it stands. */
function stable(value: unknown): string {
  try {
    return canonicalJson(value as Json);
  } catch {
    return JSON.stringify(value);
  }
}

/** The event hashes of a document, in its order. */
export async function hashEpcis(
  file: string,
  signal: AbortSignal,
): Promise<{ readonly id: string | null; readonly hash: string }[]> {
  const { frame } = await inspectEpcis(file, signal);
  const hashes: { id: string | null; hash: string }[] = [];
  for await (const { text, index } of eventsOf(file, signal)) {
    const event = parseEvent(parseEventText(text, `events[${index}]`), `events[${index}]`);
    hashes.push({ id: event.eventID ?? null, hash: eventHash(event, frame) });
  }
  return hashes;
}

async function* eventsOf(
  file: string,
  signal: AbortSignal,
  progress?: ReadProgress,
): AsyncGenerator<{ readonly text: string; readonly index: number }> {
  let ready: { text: string; index: number }[] = [];
  const scanner = new DocumentScanner((text, index) => ready.push({ text, index }));
  for await (const bytes of piecesOf(file, signal, progress)) {
    scanner.push(bytes);
    const events = ready;
    ready = [];
    yield* events;
  }
  scanner.end();
  yield* ready;
}

/** A fault of a document, with its file. */
export function inFile(file: string, error: unknown): unknown {
  if (!(error instanceof VinculumError) || !error.code.startsWith('epcis.')) return error;
  return new CommandError('usage', error.code, `${file}: ${error.message}`, {
    cause: error,
    details: error.details,
  });
}
