/** Milliseconds that a report with its storage proof takes over HTTP: made anew, and again, with some readers at once. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { generateDemo } from '../scripts/demo/generate.ts';
import { start, stop } from './start.ts';
import { table } from './table.ts';

const READERS = 16;
const ROUNDS = 20;
const UNLIMITED = '1000000000';

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return Number(
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(1),
  );
}

/** Every address once, by so many readers at once; the milliseconds of each. */
async function readAll(addresses: readonly string[]): Promise<{ times: number[]; seconds: number }> {
  const times: number[] = [];
  const started = performance.now();
  let next = 0;
  const reader = async (): Promise<void> => {
    for (let address = addresses[next++]; address !== undefined; address = addresses[next++]) {
      const asked = performance.now();
      const response = await fetch(address);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
      times.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return { times, seconds: (performance.now() - started) / 1000 };
}

export async function benchReports(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-reports-'));
  try {
    const { process: child } = await start(folder, {
      REQUESTS_PER_MINUTE: UNLIMITED,
      LOOKUPS_PER_HOUR: UNLIMITED,
      ANONYMOUS_LOOKUPS_PER_HOUR: UNLIMITED,
    });
    try {
      const { url } = JSON.parse(await readFile(join(folder, 'service.json'), 'utf8')) as { url: string };
      const once = generateDemo().vehicles.map(
        ({ identifier }) => `${url}/v1/vehicles/${encodeURIComponent(identifier)}/report`,
      );
      const again = Array.from({ length: ROUNDS }, () => once).flat();
      const rows: (string | number)[][] = [];
      for (const [how, addresses] of [
        ['made anew', once],
        ['again', again],
      ] as const) {
        const { times, seconds } = await readAll(addresses);
        rows.push([
          how,
          times.length,
          quantile(times, 0.5),
          quantile(times, 0.99),
          Math.round(times.length / seconds),
        ]);
      }
      return table(['report', 'requests', 'p50, ms', 'p99, ms', 'a second'], rows);
    } finally {
      await stop(child);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) console.log(await benchReports());
