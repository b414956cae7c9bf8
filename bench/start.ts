/** Seconds of `npm start` to its first answer, dependencies installed and contracts compiled: fresh, and resumed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { table } from './table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Starts the service and waits for its line that it is ready. */
export async function start(
  folder: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ process: ChildProcess; seconds: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, [join(root, 'scripts/bootstrap.mjs'), 'scripts/start.ts'], {
    cwd: root,
    env: { ...process.env, VINCULUM_DATA: folder, PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += String(chunk);
    if (output.includes('is ready at'))
      return { process: child, seconds: (performance.now() - started) / 1000 };
  }
  throw new Error(`npm start ended early:\n${output}`);
}

export async function stop(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  await exited;
}

export async function benchStart(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-start-'));
  try {
    const rows: [string, number][] = [];
    for (const how of ['fresh, demo loaded', 'resumed']) {
      const { process: child, seconds } = await start(folder);
      rows.push([how, Number(seconds.toFixed(1))]);
      await stop(child);
    }
    return table(['npm start', 'seconds'], rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) console.log(await benchStart());
