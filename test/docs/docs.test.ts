import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { renderedOperations } from '../../scripts/docs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** The fenced blocks of a language in a document. */
function blocks(name: string, language: string): string[] {
  return [...read(name).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, tag, body]) =>
    tag === language && body !== undefined ? [body] : [],
  );
}

describe('documents', () => {
  for (const name of documents) {
    describe(name, () => {
      it('links to files and headings that exist', () => {
        for (const [, target = ''] of read(name).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
          if (/^https?:/.test(target)) continue;
          expect(existsSync(resolve(root, dirname(name), target)), `${target} of ${name}`).to.equal(true);
        }
      });

      it('names no path or host of one machine', () => {
        expect(read(name)).not.to.match(/(^|[\s`"'(])\/(work|root|home)\//);
      });

      blocks(name, 'ts').forEach((source, index) => {
        it(`runs its TypeScript snippet ${index + 1}`, async () => {
          // Beside the project's files, so that imports resolve as the reader's would.
          const folder = await mkdtemp(join(root, '.snippet-'));
          try {
            const file = join(folder, 'snippet.ts');
            await writeFile(file, source.replaceAll("from './", "from '../"));
            await import(file);
          } finally {
            await rm(folder, { recursive: true, force: true });
          }
        });
      });
    });
  }

  it('list every setting of the service', () => {
    const { current, wanted } = renderedOperations();
    expect(current, 'run node scripts/docs.ts').to.equal(wanted);
  });
});
