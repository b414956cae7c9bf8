import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { VinculumError } from '../../../core/errors.ts';

const processors: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * The native anvil for this platform. The package's own `anvil` command is a Node wrapper, and killing that one
 * would leave the real process running.
 */
export function findAnvilBinary(
  platform: string = process.platform,
  processor: string = process.arch,
): string {
  const name = `@foundry-rs/anvil-${platform}-${processors[processor] ?? processor}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin?: string | { anvil?: string } };
    const relative = typeof bin === 'string' ? bin : bin?.anvil;
    const file = join(
      dirname(manifest),
      relative ?? join('bin', platform === 'win32' ? 'anvil.exe' : 'anvil'),
    );
    if (existsSync(file)) return file;
    throw new Error(`${file} is not there`);
  } catch (cause) {
    throw new VinculumError(
      'devnet.missingBinary',
      `The embedded chain has no program for ${platform} ${processor} (${name}): reinstall with "npm ci" under Node 24, or name a chain of your own in RPC_URL.`,
      { cause, details: { platform, processor } },
    );
  }
}
