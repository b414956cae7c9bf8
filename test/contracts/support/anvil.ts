import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findAnvilBinary } from '../../../api/chain/devnet/anvilBinary.ts';

export type Anvil = { rpcUrl: string; stop(): Promise<void> };

/** A fresh chain on a free port of the loopback, as a process of its own. */
export async function startAnvil(...options: string[]): Promise<Anvil> {
  const child = spawn(findAnvilBinary(), ['--port', '0', '--host', '127.0.0.1', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    const listening = output.match(/Listening on ([\d.]+:\d+)/);
    if (listening === null) continue;
    return {
      rpcUrl: `http://${listening[1]}`,
      async stop() {
        child.kill();
        await exited;
      },
    };
  }
  throw new Error(`anvil ended without listening:\n${output}`);
}
