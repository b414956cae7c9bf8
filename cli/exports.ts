import { createReadStream, existsSync } from 'node:fs';
import * as z from 'zod/mini';
import { fromBase64Url } from '../core/bytes.ts';
import { usageError } from './exit.ts';
import type { WireTranscript } from './ledger.ts';

/* Exports: one JSON object a line. */

const digest = z.string().check(z.regex(/^0x[0-9a-f]{64}$/));
const base64url = z.string().check(z.regex(/^[A-Za-z0-9_-]*$/));
const keySchema = z.looseObject({
  digest,
  key: base64url,
  disclosures: z._default(z.array(base64url), []),
});
const transcriptSchema = z.looseObject({ identifier: z.string(), evaluated: base64url, proof: base64url });
const blockSchema = z.looseObject({ digest, block: base64url });

export type ExportedKey = { readonly key: Uint8Array; readonly disclosures: readonly string[] };

/** The keys of an export by digest. @throws `export.malformed` `export.file` */
export async function readKeys(file: string): Promise<Map<string, ExportedKey>> {
  if (!existsSync(file)) throw usageError('export.file', `${file} is not there: check the path.`);
  const keys = new Map<string, ExportedKey>();
  for await (const line of parsedLines(createReadStream(file), file, keySchema)) {
    keys.set(line.digest, { key: fromBase64Url(line.key), disclosures: line.disclosures });
  }
  return keys;
}

/** Kept transcripts by identifier. @throws `export.malformed` `export.file` */
export async function readTranscripts(file: string): Promise<Map<string, WireTranscript>> {
  if (!existsSync(file)) throw usageError('export.file', `${file} is not there: check the path.`);
  const transcripts = new Map<string, WireTranscript>();
  for await (const line of parsedLines(createReadStream(file), file, transcriptSchema)) {
    transcripts.set(line.identifier, { evaluated: line.evaluated, proof: line.proof });
  }
  return transcripts;
}

/** How many keys a file has, each as an export has it. @throws `export.malformed` */
export async function countKeys(file: string): Promise<number> {
  let keys = 0;
  for await (const _ of parsedLines(createReadStream(file), file, keySchema)) keys += 1;
  return keys;
}

/** @throws `export.malformed`, and what the stream throws */
export async function* exportedBlocks(
  stream: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<{ readonly digest: string; readonly block: Uint8Array }> {
  for await (const line of parsedLines(stream, name, blockSchema)) {
    yield { digest: line.digest, block: fromBase64Url(line.block) };
  }
}

async function* parsedLines<T extends z.ZodMiniType>(
  stream: AsyncIterable<Uint8Array>,
  name: string,
  schema: T,
): AsyncGenerator<z.output<T>> {
  let number = 0;
  for await (const text of linesOf(stream)) {
    number += 1;
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      throw usageError(
        'export.malformed',
        `Line ${number} of ${name} is not as an export has it: export again.`,
      );
    }
    yield parsed.data;
  }
}

/** The lines of a stream. That of `node:readline` hides the errors of what it reads. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  for await (const chunk of stream) {
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    begun.push(first);
    const last = others.pop();
    if (last === undefined) continue;
    yield begun.join('');
    yield* others;
    begun = [last];
  }
  yield begun.join('') + decoder.decode();
}
