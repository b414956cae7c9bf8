/**
 * Restores a backup in a process of its own, for the command line: `fork` it, send one {@link RestoreRequest}, hear
 * {@link RestoreMessage}s. The secret comes by the channel, never by arguments or the environment.
 */
import { VinculumError } from '../../core/errors.ts';
import { readConfig } from '../config.ts';
import { asProblem } from '../problem.ts';
import { type Restored, type RestoreOptions, restore } from './restore.ts';

export type RestoreRequest = Pick<RestoreOptions, 'file' | 'secret' | 'erasures'>;
export type RestoreMessage =
  | { readonly kind: 'progress'; readonly bytes: number; readonly total: number }
  | { readonly kind: 'done'; readonly restored: Restored }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

const say = (message: RestoreMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, () => resolve());
  });

async function work(request: RestoreRequest): Promise<void> {
  try {
    const config = readConfig(process.env);
    const restored = await restore({
      ...request,
      config,
      onProgress: (bytes, total) => void say({ kind: 'progress', bytes, total }),
    });
    await say({ kind: 'done', restored });
  } catch (error) {
    const { code, message } =
      error instanceof VinculumError
        ? error
        : { code: asProblem(error).code, message: asProblem(error).detail };
    await say({ kind: 'failed', code, message });
    process.exitCode = 1;
  } finally {
    process.disconnect();
  }
}

process.once('message', (request) => void work(request as RestoreRequest));
