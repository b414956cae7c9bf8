/** A copy of all that the contracts' tests need, so that what instruments or breaks contracts touches nobody's tree. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
const COPIED = [
  ...['package.json', 'tsconfig.json', 'hardhat.config.ts', 'contracts', 'ignition', 'scripts', 'snapshots'],
  ...['test/contracts', 'test/vectors', 'core', 'api/chain/devnet/anvilBinary.ts'],
  // What is compiled already need not be compiled again.
  ...['artifacts', 'cache'],
];

export type ContractsTree = {
  folder: string;
  hardhat(args: string[], timeoutMs: number): Promise<HardhatRun>;
  remove(): Promise<void>;
};
export type HardhatRun = { outcome: 'passed' | 'failed' | 'timeout'; output: string };

export async function copyContractsTree({ compiled }: { compiled: boolean }): Promise<ContractsTree> {
  const folder = await mkdtemp(path.join(tmpdir(), 'vinculum-contracts-'));
  folders.add(folder);
  for (const name of COPIED) {
    if (!compiled && (name === 'artifacts' || name === 'cache')) continue;
    await cp(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  }
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return {
    folder,
    hardhat: (args, timeoutMs) => runHardhat(folder, args, timeoutMs),
    async remove() {
      await rm(folder, { recursive: true, force: true });
      folders.delete(folder);
    },
  };
}

/** Process groups and folders of this run: they end with this process, however it ends. */
const running = new Set<number>();
const folders = new Set<string>();
process.once('exit', () => {
  running.forEach(killGroup);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function runHardhat(folder: string, args: string[], timeoutMs: number): Promise<HardhatRun> {
  const child = spawn(process.execPath, ['node_modules/hardhat/dist/src/cli.js', ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', HARDHAT_DISABLE_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that the compilers and chains it started end with it.
    detached: true,
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('hardhat did not start');
  running.add(pid);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup(pid);
  }, timeoutMs);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  running.delete(pid);
  return { outcome: timedOut ? 'timeout' : code === 0 ? 'passed' : 'failed', output };
}
