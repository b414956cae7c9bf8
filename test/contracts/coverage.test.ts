import { expect } from 'chai';
import { complaints } from '../../scripts/coverage.ts';

const LCOV = 'TN:\nSF:contracts/A.sol\nDA:3,1\nDA:4,1\nLH:2\nLF:2\nend_of_record\n';
const TABLE = '║ contracts/A.sol │ 100.00 │ 100.00      │ -               ║\n';

describe('Coverage check', () => {
  it('is content with 100 % of lines and statements', () => {
    expect(complaints(['contracts/A.sol'], LCOV, TABLE)).to.deep.equal([]);
  });

  it('complains of a line or a statement never run', () => {
    expect(complaints(['contracts/A.sol'], LCOV.replace('DA:4,1', 'DA:4,0'), TABLE)).to.have.length(1);
    const table = TABLE.replace('100.00      ', '99.00       ');
    expect(complaints(['contracts/A.sol'], LCOV, table)).to.have.length(1);
  });

  it('complains when either figure can’t be read', () => {
    expect(complaints(['contracts/A.sol'], '', TABLE)).to.have.length(1);
    expect(complaints(['contracts/A.sol'], 'SF:contracts/A.sol\nend_of_record', TABLE)).to.have.length(1);
    expect(complaints(['contracts/A.sol'], LCOV, '')).to.have.length(1);
    expect(complaints(['contracts/B.sol'], LCOV, TABLE)).to.have.length(1);
  });
});
