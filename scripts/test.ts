// What `npm test` runs: every check and every test, in order, with one line of sums at the end.
//
//     npm test                       everything
//     npm test -- core contracts     only these sections
//     npm test -- --bail             stops after the first section that fails
//
// A section is a list of steps and ends with the first that fails; the other sections still run.

import { spawn } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { sharedFolder } from '../test/shared.ts';
import { lockProblems } from './completeLock.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Step {
  readonly says: string;
  /** A command of `node_modules/.bin` with its arguments, or something done here that returns what is wrong. */
  readonly run: readonly string[] | (() => readonly string[]);
  /** Whether its output ends in a sum of tests; a check without one counts only when it fails. */
  readonly counts: boolean;
}

interface Section {
  readonly name: string;
  readonly steps: readonly Step[];
}

const solidity = ['contracts/**/*.sol', 'test/**/*.sol'];

const checks: readonly Section[] = [
  { name: 'lock', steps: [{ says: 'package-lock.json is complete', run: lockFileProblems, counts: false }] },
  { name: 'types', steps: [check('tsc', '--noEmit'), check('tsc', '--noEmit', '-p', 'web')] },
  {
    name: 'lint',
    steps: [
      check('biome', 'check', '--error-on-warnings', '.'),
      check('prettier', '--check', '--log-level=warn', ...solidity),
      check('solhint', '--max-warnings', '0', 'contracts/**/*.sol'),
    ],
  },
  {
    name: 'contracts',
    steps: [check('hardhat', 'compile', '--quiet'), { ...check('hardhat', 'test'), counts: true }],
  },
];

/** One section for each folder of TypeScript tests beside the contracts', in the order in which they build on each other. */
const unitFolders = ['core', 'api', 'cli', 'web', 'scripts', 'bench', 'docs', 'adversary'];

function unitSections(): Section[] {
  return unitFolders
    .filter((folder) => globSync(`test/${folder}/**/*.test.ts`, { cwd: root }).length > 0)
    .map((folder) => ({
      name: folder,
      steps: [{ ...check('mocha', `test/${folder}/**/*.test.ts`), counts: true }],
    }));
}

function check(...command: string[]): Step {
  return { says: command.join(' '), run: command, counts: false };
}

function lockFileProblems(): string[] {
  return lockProblems(readFileSync(join(root, 'package-lock.json'), 'utf8'));
}

/** The sums at the end of what mocha or `hardhat test` printed: undefined when there are none to read. */
export function readCounts(output: string): Counts | undefined {
  const text = stripVTControlCharacters(output);
  const last = (word: string): number | undefined => {
    const found = [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}\\b`, 'gm'))].at(-1)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const passed = last('passing');
  if (passed === undefined) return undefined;
  return { passed, failed: last('failing') ?? 0, skipped: (last('pending') ?? 0) + (last('skipped') ?? 0) };
}

/**
 * What a runner's answer amounts to. An exit code and sums that contradict each other, sums that can't be read and
 * a run of no test at all are failures: a runner that broke must never look like one that passed.
 */
export function judge(exitCode: number, output: string): Counts & { readonly problem?: string } {
  const counts = readCounts(output);
  if (counts === undefined)
    return { passed: 0, failed: 1, skipped: 0, problem: 'its sums could not be read' };
  if (counts.passed + counts.failed === 0) return { ...counts, failed: 1, problem: 'it ran no test' };
  if (exitCode !== 0 && counts.failed === 0) {
    return { ...counts, failed: 1, problem: `it ended with exit code ${exitCode}` };
  }
  if (exitCode === 0 && counts.failed > 0) return { ...counts, problem: 'its exit code hid the failures' };
  return counts;
}

async function runStep(step: Step): Promise<Counts & { readonly problem?: string }> {
  if (typeof step.run === 'function') {
    const problems = step.run();
    for (const problem of problems) console.error(problem);
    return { passed: 0, failed: problems.length > 0 ? 1 : 0, skipped: 0 };
  }
  const { exitCode, output } = await runCommand(step.run);
  if (step.counts) return judge(exitCode, output);
  return { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
}

/** Runs a tool of this project under this Node, shows its output as it comes and keeps it. */
function runCommand(command: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const [tool = '', ...args] = command;
  const colour = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(join(root, 'node_modules', '.bin', tool), args, {
    cwd: root,
    env: { ...process.env, ...colour, PATH, HARDHAT_DISABLE_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => process.stderr.write(text));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`${tool} could not be started: ${error.message}`);
      resolve({ exitCode: 1, output });
    });
    child.on('close', (code) => resolve({ exitCode: code ?? 1, output }));
  });
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function main(args: readonly string[]): Promise<number> {
  const sections = [...checks, ...unitSections()];
  const wanted = args.filter((arg) => arg !== '--bail');
  const unknown = wanted.filter((name) => !sections.some((section) => section.name === name));
  if (unknown.length > 0) {
    console.error(
      `There is no section ${unknown.join(', ')}: choose from ${sections.map(({ name }) => name).join(', ')}.`,
    );
    return 2;
  }
  if (!existsSync(join(root, 'node_modules', '.bin'))) {
    console.error('The packages are not installed: run "npm test", which installs them first.');
    return 2;
  }

  const begun = performance.now();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failing: string[] = [];
  for (const section of sections.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const started = performance.now();
    console.log(`\n── ${section.name} ──`);
    let problem: string | undefined;
    for (const step of section.steps) {
      const result = await runStep(step);
      total.passed += result.passed;
      total.failed += result.failed;
      total.skipped += result.skipped;
      if (result.failed === 0) continue;
      problem = `${step.says}: ${result.problem ?? 'failed'}`;
      break;
    }
    console.log(`── ${section.name}: ${problem === undefined ? 'ok' : 'FAILED'} (${seconds(started)}) ──`);
    if (problem === undefined) continue;
    failing.push(`${section.name} (${problem})`);
    if (args.includes('--bail')) break;
  }

  console.log(`\nAll in ${seconds(begun)}${total.skipped > 0 ? `; ${total.skipped} skipped` : ''}.`);
  // Where it is, none of them skips: `sharedFile` refuses to.
  if (!existsSync(sharedFolder)) {
    console.log('Without the third-party data (VINCULUM_SHARED): tests that need it were skipped.');
  }
  for (const line of failing) console.log(`Failed: ${line}`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return failing.length === 0 && total.failed === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main(process.argv.slice(2));
