import { expect } from 'chai';
import { judge, readCounts } from '../../scripts/test.ts';

describe('readCounts', () => {
  it('reads what mocha prints', () => {
    const output =
      '  unit\n    ✔ 3 passing cars\n\n\n  12 passing (3s)\n  2 pending\n  1 failing\n\n  1) unit\n';
    expect(readCounts(output)).to.deep.equal({ passed: 12, failed: 1, skipped: 2 });
  });

  it('reads the total that hardhat prints after its runners', () => {
    const output = '  4 passing (1s)\n\n\n  91 passing (3s)\n\n95 passing (4 solidity, 91 mocha)\n';
    expect(readCounts(output)).to.deep.equal({ passed: 95, failed: 0, skipped: 0 });
  });

  it('reads it in colour', () => {
    expect(readCounts('\u001b[92m  7 passing\u001b[0m\u001b[90m (8ms)\u001b[0m\n')?.passed).to.equal(7);
  });

  it('finds nothing where nothing is', () => {
    expect(readCounts('Segmentation fault\n')).to.equal(undefined);
  });
});

describe('judge', () => {
  it('passes a run whose exit code and sums agree', () => {
    expect(judge(0, '  5 passing (1s)\n')).to.deep.equal({ passed: 5, failed: 0, skipped: 0 });
  });

  it('counts the failures of a run', () => {
    expect(judge(2, '  5 passing (1s)\n  2 failing\n')).to.deep.equal({ passed: 5, failed: 2, skipped: 0 });
  });

  const broken: Readonly<Record<string, readonly [number, string]>> = {
    'sums that are not there': [0, ''],
    'a run of no test': [0, '  0 passing (1ms)\n'],
    'a crash after the sums': [7, '  5 passing (1s)\n'],
    'failures behind a good exit code': [0, '  5 passing (1s)\n  1 failing\n'],
  };
  for (const [name, [exitCode, output]] of Object.entries(broken)) {
    it(`fails ${name}`, () => {
      const verdict = judge(exitCode, output);
      expect(verdict.failed).to.be.greaterThan(0);
      expect(verdict.problem).to.not.equal(undefined);
    });
  }
});
