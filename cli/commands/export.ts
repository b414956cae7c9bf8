import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Digest } from '../../core/chain/types.ts';
import { digestOf } from '../../core/envelope/block.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { openStream } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { countKeys, exportedBlocks } from '../exports.ts';
import { concurrently } from '../http.ts';
import { counted } from '../output.ts';
import { operatorToken, requireUrl } from '../settings.ts';

export type ExportOptions = { readonly output: string; readonly force?: boolean };

/** Every envelope's key, for an audit that opens everything. Whoever holds the file can read every entry. */
export async function exportKeys(context: Context, options: ExportOptions): Promise<Exit> {
  const { output } = context;
  refuseExisting(options);
  const body = await exported(context, 'keys');
  const draft = `${options.output}.part`;
  try {
    await pipeline(body, createWriteStream(draft, { mode: 0o600 }));
    const keys = await countKeys(draft);
    await rename(draft, options.output);
    output.value({ file: options.output, keys });
    output.line(`${counted(keys, 'key')}: ${options.output}`);
    output.line(
      'Whoever holds this file can read every entry: keep it to yourself, and remove it after use.',
    );
    return 'ok';
  } finally {
    await rm(draft, { force: true });
  }
}

/** Every encrypted block as a file of its own, named by its CID: a folder that any IPFS node can take in. */
export async function exportBlocks(context: Context, options: ExportOptions): Promise<Exit> {
  const { output, signal } = context;
  refuseExisting(options);
  const body = await exported(context, 'blocks');
  await mkdir(options.output, { recursive: true });
  const bar = output.progress('Exporting blocks');
  let written = 0;
  let altered = 0;
  const write = async ({ digest, block }: { digest: string; block: Uint8Array }) => {
    // What is stored is handed on as it is: the audit is there to say that it is not what its name promises.
    if (digestOf(block) !== digest) altered += 1;
    await writeFile(join(options.output, cidOf(digest as Digest)), block);
    written += 1;
    bar.update(written);
  };
  let group: { digest: string; block: Uint8Array }[] = [];
  for await (const item of exportedBlocks(body, 'the export')) {
    signal.throwIfAborted();
    group.push(item);
    if (group.length < 64) continue;
    await concurrently(group, 16, write);
    group = [];
  }
  await concurrently(group, 16, write);
  bar.end();
  output.value({ folder: options.output, blocks: written, altered });
  output.line(`${counted(written, 'block')} in ${options.output}, each named by its CID.`);
  if (altered > 0)
    output.line(
      output.style.bad(`${counted(altered, 'block is', 'blocks are')} not what the name promises.`),
    );
  return altered === 0 ? 'ok' : 'failed';
}

/** The service's answer as it comes. @throws while it is read: `export.cutOff` */
async function exported(
  { settings, signal }: Context,
  what: 'keys' | 'blocks',
): Promise<AsyncIterable<Uint8Array>> {
  const token = operatorToken(settings());
  const { body } = await openStream(requireUrl(settings()), `/v1/operator/export/${what}`, { token, signal });
  return whole(Readable.fromWeb(body as ReadableStream<Uint8Array>), signal);
}

async function* whole(body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const text = 'The export was cut off: make it again.';
    throw new CommandError('unreachable', 'export.cutOff', text, { cause });
  }
}

function refuseExisting({ output, force }: ExportOptions): void {
  if (force !== true && existsSync(output)) {
    throw usageError('output.exists', `${output} is there already: name another, or say --force.`);
  }
}
