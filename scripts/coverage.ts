/**
 * Runs the contracts' tests with coverage and fails below 100 % of lines or statements, for any contract, and also when
 * either figure can't be read: `node scripts/coverage.ts`.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { copyContractsTree } from './contractsTree.ts';

/** What instrumentation changes: gas, size, and so what a chain takes as a contract. */
const EXCLUDED_TESTS = '^(Gas|Size|Deployment) ';
const TIMEOUT_MS = 10 * 60_000;

/** Lines of each file: instrumented, and never executed. */
export function readLines(lcov: string): Map<string, { found: number; missed: number[] }> {
  const files = new Map<string, { found: number; missed: number[] }>();
  for (const record of lcov.split('end_of_record')) {
    const file = record.match(/^SF:(.+)$/m)?.[1];
    if (file === undefined) continue;
    const lines = [...record.matchAll(/^DA:(\d+),(\d+)/gm)];
    files.set(file, {
      found: lines.length,
      missed: lines.filter(([, , count]) => count === '0').map(([, line]) => Number(line)),
    });
  }
  return files;
}

/** The per cent of statements of each file, from the table that Hardhat prints: lcov.info does not have them. */
export function readStatements(output: string): Map<string, number> {
  const rows = output.matchAll(/^║ (contracts\/\S+\.sol) +│ +([\d.]+) +│ +([\d.]+) +│/gm);
  return new Map([...rows].map(([, file = '', , statements]) => [file, Number(statements)]));
}

/** What is wrong with the coverage of these contracts; nothing when all of it is 100 %. */
export function complaints(contracts: string[], lcov: string, output: string): string[] {
  const lines = readLines(lcov);
  const statements = readStatements(output);
  return contracts.flatMap((file) => {
    const covered = lines.get(file);
    const percent = statements.get(file);
    if (covered === undefined || covered.found === 0) return [`${file}: no figure for lines in lcov.info`];
    if (percent === undefined) return [`${file}: no figure for statements in the table`];
    return [
      ...(covered.missed.length > 0 ? [`${file}: lines never run: ${covered.missed.join(', ')}`] : []),
      ...(percent < 100 ? [`${file}: ${percent} % of statements`] : []),
    ];
  });
}

/** Contracts and whatever else has code in it: an interface or a bare type has none. */
async function contractsWithCode(folder: string): Promise<string[]> {
  const names = await readdir(path.join(folder, 'contracts'), { recursive: true });
  const files = names.filter((name) => name.endsWith('.sol') && !name.startsWith('interfaces')).sort();
  const withCode = await Promise.all(
    files.map(async (name) => {
      const file = path.join('contracts', name);
      return /\bfunction\b/.test(await readFile(path.join(folder, file), 'utf8')) ? [file] : [];
    }),
  );
  return withCode.flat();
}

async function main(): Promise<number> {
  const tree = await copyContractsTree({ compiled: false });
  try {
    const run = await tree.hardhat(['test', '--coverage', '--grep-exclude', EXCLUDED_TESTS], TIMEOUT_MS);
    if (run.outcome !== 'passed') {
      console.error(run.output);
      console.error(`coverage: the tests ${run.outcome === 'timeout' ? 'took too long' : 'failed'}`);
      return 1;
    }
    console.log(run.output.slice(run.output.indexOf('╔')));
    const contracts = await contractsWithCode(tree.folder);
    const lcov = await readFile(path.join(tree.folder, 'coverage', 'lcov.info'), 'utf8').catch(() => '');
    const wrong = complaints(contracts, lcov, run.output);
    for (const complaint of wrong) console.error(`coverage: ${complaint}`);
    if (wrong.length > 0 || contracts.length === 0) return 1;
    console.log(`coverage: 100 % of lines and statements in ${contracts.length} files`);
    return 0;
  } finally {
    await tree.remove();
  }
}

if (import.meta.main) process.exitCode = await main();
