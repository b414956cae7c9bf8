// Builds the reader's page into web/dist, unless it is there already and of the present sources.
//
//     npm run build:web              builds when needed
//     npm run build:web -- --force   builds anew

import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'web', 'dist');
const STAMP = '.sources';

/** Of everything that the built files depend on. */
function sourcesDigest(): string {
  const files = globSync(['web/**/*.{ts,tsx,css,html,svg}', 'core/**/*.ts'], {
    cwd: root,
    exclude: ['web/dist/**'],
  });
  const hash = createHash('sha256');
  for (const file of ['package-lock.json', ...files.sort()]) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

export type WebBuild = { readonly built: boolean; readonly milliseconds: number };

/**
 * The reader's page, built: Vite's bundle, with brotli and gzip beside each file so that nobody compresses it again.
 * @param options.onBuild told before a build begins: it takes some seconds
 */
export async function buildWeb(options: { force?: boolean; onBuild?: () => void } = {}): Promise<WebBuild> {
  const started = performance.now();
  const digest = sourcesDigest();
  const known = await readFile(join(dist, STAMP), 'utf8').catch(() => '');
  if (options.force !== true && known === digest)
    return { built: false, milliseconds: performance.now() - started };
  options.onBuild?.();
  // Made beside and put in place whole: whoever builds at the same time does the same.
  const folder = join(root, 'node_modules', '.cache', 'vinculum', `web-${process.pid}`);
  // Loaded only where it is needed: a start that finds the page built does not wait for it.
  const { build } = await import('vite');
  await build({
    configFile: join(root, 'web', 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true },
  });
  const names = await readdir(folder, { recursive: true });
  await Promise.all(
    names
      .filter((name) => /\.(js|css|html|svg)$/.test(name))
      .map(async (name) => {
        const content = await readFile(join(folder, name));
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(join(folder, `${name}.br`), brotliCompressSync(content, quality));
        await writeFile(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      }),
  );
  await writeFile(join(folder, STAMP), digest);
  await rm(dist, { recursive: true, force: true });
  await rename(folder, dist);
  return { built: true, milliseconds: performance.now() - started };
}

export type ScriptSize = {
  readonly file: string;
  readonly bytes: number;
  readonly gzip: number;
  readonly brotli: number;
  /** Loaded before a report is shown, whatever its language: by the page, or by the worker that verifies it. */
  readonly first: boolean;
  /** The scripts that it can't do without. */
  readonly imports: readonly string[];
};

/** The scripts that others import statically, by their names. */
function staticImports(code: string): string[] {
  return [...code.matchAll(/(?:^|[;}\n])(?:import|export)\b[^"'();]*?["']\.\/([^"']+\.js)["']/g)].flatMap(
    ([, name]) => (name === undefined ? [] : [name]),
  );
}

/** The scripts of the built page. */
export async function scriptSizes(): Promise<ScriptSize[]> {
  const names = (await readdir(join(dist, 'assets'))).filter((name) => name.endsWith('.js')).sort();
  const page = await readFile(join(dist, 'index.html'), 'utf8');
  const imports = new Map<string, string[]>();
  for (const name of names) {
    imports.set(name, staticImports(await readFile(join(dist, 'assets', name), 'utf8')));
  }
  const first = new Set<string>();
  const load = (name: string): void => {
    if (first.has(name)) return;
    first.add(name);
    for (const needed of imports.get(name) ?? []) load(needed);
  };
  for (const name of names) if (page.includes(`/assets/${name}"`) || /^worker-/.test(name)) load(name);
  return Promise.all(
    names.map(async (file) => {
      const size = async (suffix: string) => (await readFile(join(dist, 'assets', file + suffix))).length;
      const [bytes, gzip, brotli] = await Promise.all([size(''), size('.gz'), size('.br')]);
      return { file, bytes, gzip, brotli, first: first.has(file), imports: imports.get(file) ?? [] };
    }),
  );
}

if (import.meta.main) {
  const { built, milliseconds } = await buildWeb({ force: process.argv.includes('--force') });
  console.log(
    built
      ? `Built the page in ${(milliseconds / 1000).toFixed(1)} s.`
      : 'The page is of these sources already.',
  );
  for (const { file, gzip, brotli, first } of await scriptSizes()) {
    console.log(
      `  ${file.padEnd(28)} ${(gzip / 1000).toFixed(1).padStart(7)} kB gzip ${(brotli / 1000).toFixed(1).padStart(7)} kB brotli${first ? ', first' : ''}`,
    );
  }
}
