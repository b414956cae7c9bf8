import { createWriteStream, existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { openStream } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { count } from '../output.ts';
import { passphraseOf } from '../passphrase.ts';
import { operatorToken, requireUrl } from '../settings.ts';

export type BackupOptions = {
  readonly recipient?: readonly string[];
  readonly passphraseFile?: string;
  readonly force?: boolean;
};

/** Writes the service's backup to a file, which has its name only once it is whole and on the disk. */
export async function backupCommand(context: Context, file: string, options: BackupOptions): Promise<Exit> {
  const { output } = context;
  if (options.force !== true && existsSync(file)) {
    throw usageError('output.exists', `${file} is there already: name another, or say --force.`);
  }
  if (options.recipient !== undefined && options.passphraseFile !== undefined) {
    throw usageError('backup.both', 'Give recipients or a passphrase, not both.');
  }
  const settings = context.settings();
  const [url, token] = [requireUrl(settings), operatorToken(settings)];
  const recipient =
    options.recipient === undefined
      ? { passphrase: await passphraseOf(context, options.passphraseFile, 'new') }
      : { recipients: options.recipient };
  const { signal } = context;
  const answer = await openStream(url, '/v1/operator/backup', { token, signal, body: recipient });
  const total = Number(answer.headers.get('backup-bytes') ?? 0);
  const draft = `${file}.part`;
  const bar = output.progress('Backing up');
  let bytes = 0;
  try {
    const body = Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
    const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        bar.update(Math.round(bytes / 1024), Math.round(Math.max(total, bytes) / 1024), 'KiB');
        yield chunk;
      }
    };
    await pipeline(body, counted, createWriteStream(draft, { mode: 0o600 }), {
      signal,
    }).catch((cause: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw new CommandError('unreachable', 'backup.cutOff', 'The backup was cut off: make it again.', {
        cause,
      });
    });
    const handle = await open(draft, 'r+');
    await handle.sync().finally(() => handle.close());
    await rename(draft, file);
  } finally {
    bar.end();
    await rm(draft, { force: true });
  }
  output.value({ file, bytes });
  output.line(`${count(bytes)} bytes: ${file}`);
  output.line(
    'Keep the service’s erasures.ndjson beside your backups, always its latest copy: a restore needs it, so that nothing comes back that was erased or revoked since.',
  );
  return 'ok';
}
