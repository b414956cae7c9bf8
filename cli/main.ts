import { exitCodes } from './exit.ts';
import { run } from './program.ts';

const controller = new AbortController();
let interrupted = 0;

function interrupt(): void {
  interrupted += 1;
  controller.abort(new DOMException('Interrupted', 'AbortError'));
  // Whoever presses Ctrl-C twice does not want to wait for anything.
  if (interrupted > 1) process.exit(exitCodes.interrupted.code);
}
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
// Whoever reads our output may have seen enough (`| head`): that is no error of ours, and no verdict either.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await run(process.argv.slice(2), { signal: controller.signal });
