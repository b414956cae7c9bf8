import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Command } from 'commander';
import { build } from '../../cli/program.ts';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const documents = [
  'README.md',
  ...readdirSync(new URL('../../docs', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The program as it is, but for what its commands do. */
function idle(): Command {
  const silence = (command: Command): void => {
    command.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
    if (command.commands.length === 0) command.action(() => undefined);
    for (const one of command.commands) silence(one);
  };
  const program = build({}, new AbortController().signal, () => undefined);
  silence(program);
  return program;
}

/** The words of a line as a shell splits it; what is optional in it counts, and what is said about it does not. */
function wordsOf(line: string): string[] {
  const [command = ''] = line.replace(/^ *(?:bin\/)?vinculum /, '').split(/ {2,}| # /);
  return [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replaceAll(/^\[|\]$|['"]/g, ''),
  );
}

/** The command that words name, and those above it. */
function pathOf(program: Command, words: readonly string[]): Command[] {
  const path = [program];
  for (const word of words) {
    const next = path.at(-1)?.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (next === undefined) break;
    path.push(next);
  }
  return path;
}

describe('command lines of the documents', () => {
  let lines = 0;
  for (const name of documents) {
    const text = read(name);

    it(`of ${name} are taken as they stand`, async () => {
      for (const line of text.split('\n').filter((one) => /^(?: {4})?(?:bin\/)?vinculum [a-z]/.test(one))) {
        lines += 1;
        const refusal = await idle()
          .parseAsync(wordsOf(line), { from: 'user' })
          .then(
            () => null,
            (error: Error) => error.message,
          );
        expect(refusal, line).to.equal(null);
      }
    });

    it(`within the text of ${name} name commands and options that there are`, () => {
      for (const [, line = ''] of text.matchAll(/`((?:bin\/)?vinculum [a-z][^`\n]*)`/g)) {
        const words = wordsOf(line);
        const path = pathOf(idle(), words);
        expect(path.length, line).to.be.greaterThan(1);
        for (const option of words.filter((word) => /^--?[a-z]/.test(word))) {
          const known = path.some((command) =>
            command.options.some((one) => [one.short, one.long].includes(option)),
          );
          expect(known || option === '--help', `${option} of ${line}`).to.equal(true);
        }
      }
    });
  }

  it('are more than sixty', () => {
    expect(lines).to.be.greaterThan(60);
  });

  it('would be refused with another command or option', async () => {
    for (const line of ['vinculum recal show', 'vinculum audit --nothing', 'vinculum recall open R-1']) {
      const refusal = await idle()
        .parseAsync(wordsOf(line), { from: 'user' })
        .catch((error: Error) => error);
      expect(refusal, line).to.be.instanceOf(Error);
    }
  });
});
