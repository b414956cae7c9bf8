import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { benchPartGas } from '../../bench/partGas.ts';

describe('docs/benchmarks.md', () => {
  it('has the gas of safety parts as the snapshot holds it', () => {
    const text = readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8');
    expect(text).to.include(benchPartGas());
  });
});
