import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VinculumError } from '../../core/errors.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stampFile = join(root, 'node_modules', '.cache', 'vinculum', 'contracts');
const ARTIFACTS = [
  'contracts/Directory.sol/Directory.json',
  'contracts/Ledger.sol/Ledger.json',
  'contracts/Organisations.sol/Organisations.json',
  'contracts/Titles.sol/Titles.json',
  '@openzeppelin/contracts/access/manager/AccessManager.sol/AccessManager.json',
];
const PACKAGES = ['solc', '@openzeppelin/contracts', 'hardhat'];

/** Compiles the contracts unless that was done for just these sources, by just this compiler. */
export async function ensureCompiled(onCompiling: () => void): Promise<'ready' | 'compiled'> {
  const stamp = sourceStamp(root);
  const complete = (): boolean => ARTIFACTS.every((file) => existsSync(join(root, 'artifacts', file)));
  if (complete() && readOrEmpty(stampFile) === stamp) return 'ready';
  onCompiling();
  await compile();
  if (!complete()) throw failed('it left artifacts out');
  mkdirSync(dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, stamp);
  return 'compiled';
}

/** Changes with any source of the contracts, with the compiler's settings, and with the compiler. */
export function sourceStamp(folder: string): string {
  const hash = createHash('sha256');
  const files = [...globSync('contracts/**/*.sol', { cwd: folder }).sort(), 'hardhat.config.ts'];
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
  for (const name of PACKAGES) {
    const text = readOrEmpty(join(folder, 'node_modules', name, 'package.json'));
    const { version } = (text === '' ? {} : JSON.parse(text)) as { version?: string };
    hash.update(`${name}@${version ?? 'none'}\n`);
  }
  return hash.digest('hex');
}

function compile(): Promise<void> {
  const hardhat = join(root, 'node_modules', 'hardhat', 'dist', 'src', 'cli.js');
  if (!existsSync(hardhat)) throw failed('Hardhat is not installed: run "npm ci" under Node 24');
  const child = spawn(process.execPath, [hardhat, 'build', '--no-tests', '--quiet'], {
    cwd: root,
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(failed(error.message)));
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(failed(said.trim() || `exit code ${code}`)),
    );
  });
}

function failed(why: string): VinculumError {
  return new VinculumError('contracts.notCompiled', `The contracts could not be compiled: ${why}`);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
