import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { count, counted } from '../output.ts';
import { identityOf, passphraseOf } from '../passphrase.ts';
import { dataFolder } from '../settings.ts';

export type RestoreOptions = {
  readonly erasures?: string;
  readonly passphraseFile?: string;
  readonly identityFile?: string;
};

const restoredSchema = z.looseObject({
  createdAt: z.string(),
  ledger: z.string(),
  rows: z.int(),
  documents: z.int(),
  leftOut: z.int(),
  erasures: z.int(),
  revocations: z.int(),
  damaged: z.array(z.string()),
});
type Restored = z.output<typeof restoredSchema>;
const messageSchema = z.discriminatedUnion('kind', [
  z.looseObject({ kind: z.literal('progress'), bytes: z.int(), total: z.int() }),
  z.looseObject({ kind: z.literal('done'), restored: restoredSchema }),
  z.looseObject({ kind: z.literal('failed'), code: z.string(), message: z.string() }),
]);

/** The service's part of a restore runs in a process of its own: what it works with is the service's. */
const PROCESS = fileURLToPath(new URL('../../api/backup/restoreProcess.ts', import.meta.url));

/** Puts a backup into an empty data folder: all of it, or nothing. */
export async function restoreCommand(context: Context, file: string, options: RestoreOptions): Promise<Exit> {
  const { output } = context;
  if (options.erasures === undefined) {
    throw usageError(
      'restore.erasuresMissing',
      'Name the receipts of erasures: --erasures FILE (erasures.ndjson of the service, or the latest copy of it). Without them the backup would bring back what was erased or revoked.',
    );
  }
  if (options.identityFile !== undefined && options.passphraseFile !== undefined) {
    throw usageError('restore.both', 'Give an identity or a passphrase, not both.');
  }
  const folder = dataFolder(context.options);
  const secret =
    options.identityFile === undefined
      ? { passphrase: await passphraseOf(context, options.passphraseFile, 'open') }
      : { identity: identityOf(options.identityFile) };
  const request = { file: resolve(file), erasures: resolve(options.erasures), secret };
  const restored = await inProcess(context, folder, request);
  output.value({ folder, ...restored });
  output.line(
    `${folder}: the backup of ${restored.createdAt}, ${counted(restored.rows, 'row')}, ${counted(restored.documents, 'document')}.`,
  );
  output.line(
    `${counted(restored.erasures, 'receipt')} of erasures: ${count(restored.leftOut)} rows and documents of the backup were left out. ${counted(restored.revocations, 'consent')} revoked.`,
  );
  if (restored.damaged.length > 0) {
    output.line(output.style.bad(`Damaged already when it was backed up: ${restored.damaged.join(', ')}`));
    return 'incomplete';
  }
  output.line(
    'Checked: the backup is whole, every key opens its block, and nothing that was erased is there.',
  );
  return 'ok';
}

function inProcess(
  { output, signal }: Context,
  folder: string,
  request: { readonly file: string; readonly erasures: string; readonly secret: object },
): Promise<Restored> {
  const bar = output.progress('Restoring');
  const { promise, resolve: done, reject } = Promise.withResolvers<Restored>();
  const child = fork(PROCESS, [], {
    env: { ...process.env, VINCULUM_DATA: folder },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    signal,
  });
  child.on('message', (value) => {
    const message = messageSchema.parse(value);
    if (message.kind === 'progress') {
      bar.update(Math.round(message.bytes / 1024), Math.round(message.total / 1024), 'KiB');
    } else if (message.kind === 'done') done(message.restored);
    else reject(new CommandError(exitFor(message.code), message.code, message.message));
  });
  child.on('error', (error) => reject(signal.aborted ? signal.reason : error));
  child.on('exit', (code) =>
    reject(new CommandError('failed', 'restore.failed', `The restore ended by itself (${code}).`)),
  );
  child.send(request);
  return promise.finally(() => bar.end());
}

function exitFor(code: string): Exit {
  if (code === 'restore.damaged' || code === 'restore.unverified') return 'failed';
  return code.startsWith('store.') ? 'unreachable' : 'usage';
}
