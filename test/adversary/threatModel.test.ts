import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { allLies } from './lies/all.ts';
import { BEGIN, END, rowOf, tables } from './threatModel.ts';

const file = new URL('../../docs/threat-model.md', import.meta.url);

describe('docs/threat-model.md', () => {
  let text: string;
  before(() => {
    text = readFileSync(file, 'utf8');
    if (process.env.VINCULUM_WRITE_DOCS === undefined) return;
    const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
    text = text.slice(0, start) + tables() + text.slice(end + END.length);
    writeFileSync(file, text);
  });

  it('has a name of its own for each of at least forty lies', () => {
    expect(allLies.length).to.be.at.least(40);
    expect(new Set(allLies.map(({ lie }) => lie)).size).to.equal(allLies.length);
  });

  it('names every lie of the harness, with what catches it (write it with VINCULUM_WRITE_DOCS=1)', () => {
    const rows = new Set(text.split('\n'));
    expect(allLies.map(rowOf).filter((row) => !rows.has(row))).to.deep.equal([]);
  });

  it('names no lie that the harness does not tell', () => {
    const written = text
      .slice(text.indexOf(BEGIN), text.indexOf(END))
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| lie |'));
    expect(written.filter((row) => !allLies.map(rowOf).includes(row))).to.deep.equal([]);
    expect(written).to.have.length(allLies.length);
  });

  it('says of each that is not caught what remains, and its remedy', () => {
    const limits = text.slice(text.indexOf('## What nothing here can catch'));
    for (const { lie } of allLies.filter(({ fate }) => fate === 'uncaught')) expect(limits).to.include(lie);
  });
});
