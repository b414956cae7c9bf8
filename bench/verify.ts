/** Milliseconds to verify a report of some entries, from its JSON text, on one thread. */
import { parseReport } from '../core/report/report.ts';
import { verify } from '../core/verify/verify.ts';
import { CAR, reading, sampleWorld } from '../test/core/verify/world.ts';
import { median, table } from './table.ts';

const SIZES = [10, 100, 1000];

export async function benchVerify(): Promise<string> {
  const rows: (string | number)[][] = [];
  for (const size of SIZES) {
    const { world, workshop, car } = sampleWorld();
    const already = world.report(CAR).ledgers[0]?.links.length ?? 0;
    for (let entry = already; entry < size; entry++) {
      const day = new Date(Date.UTC(2010, 0, 1 + entry)).toISOString().slice(0, 10);
      world.record(workshop, car, reading(day, 10_000 + entry * 50, 'workshop', 'a sealed remark'));
    }
    const text = JSON.stringify(world.report(CAR));
    const times: number[] = [];
    for (let run = 0; run < 7; run++) {
      const start = performance.now();
      const result = await verify(parseReport(text), world.trust, world.view);
      times.push(performance.now() - start);
      if (result.verdict !== 'verified')
        throw new Error(`the report of ${size} entries is ${result.verdict}`);
    }
    rows.push([
      size,
      Math.round(text.length / 1024),
      Number(times[0]?.toFixed(1)),
      Number(median(times).toFixed(1)),
    ]);
  }
  return table(['entries', 'report, KiB', 'first run, ms', 'median, ms'], rows);
}

if (import.meta.main) console.log(await benchVerify());
