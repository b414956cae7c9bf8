import { readFileSync } from 'node:fs';
import { table } from './table.ts';

/** Of `snapshots/gas.json`, which the contracts' tests measure and hold. */
export function benchPartGas(): string {
  const gas = JSON.parse(readFileSync(new URL('../snapshots/gas.json', import.meta.url), 'utf8')) as Record<
    string,
    number
  >;
  const actions = Object.entries(gas).filter(([name]) => name.startsWith('safetyPart.'));
  return table(['action', 'gas'], actions);
}
