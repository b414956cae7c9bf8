import { expect } from 'chai';
import * as fc from 'fast-check';
import { formatIdentifier } from '../../../core/identifiers/identifier.ts';
import { csvOf } from '../../../web/model/csv.ts';
import { encodingOf, type FaultyRow, type ListOf, ListReader } from '../../../web/model/listFile.ts';

function read(
  text: string,
  { of = 'serial', sizes = [] }: { of?: ListOf; sizes?: readonly number[] } = {},
): { members: string[]; faults: FaultyRow[]; column: string | null } {
  const members: string[] = [];
  const faults: FaultyRow[] = [];
  const reader = new ListReader({
    of,
    maker: 'a.example',
    onMember: (member) => members.push(formatIdentifier(member)),
    onFault: (fault) => faults.push(fault),
  });
  let at = 0;
  for (const size of sizes) {
    reader.push(text.slice(at, at + size));
    at += size;
  }
  reader.push(text.slice(at));
  reader.finish();
  return { members, faults, column: reader.column };
}

const values = ({ members }: { members: string[] }) =>
  members.map((one) => one.split(':').slice(2).join(':'));

describe('ListReader', () => {
  it('reads one serial a line, however the lines end', () => {
    for (const text of ['A-1\nA-2', 'A-1\r\nA-2\r\n', 'A-1\rA-2\r', '\nA-1\n\n  A-2  \n']) {
      expect(values(read(text)), JSON.stringify(text)).to.deep.equal(['A-1', 'A-2']);
    }
  });

  it('finds the column by its name, in three languages, behind any delimiter', () => {
    for (const [text, column] of [
      ['id,Serial Number\n1,A-1', 'Serial Number'],
      ['id;Seriennummer\n1;A-1', 'Seriennummer'],
      ['编号\t序列号\n1\tA-1', '序列号'],
      ['"id","serial_no"\n"1","A-1"', 'serial_no'],
    ] as const) {
      expect(read(text)).to.deep.include({ members: ['serial:a.example:A-1'], column });
    }
    expect(read('A-1,x\nA-2,y').members).to.have.length(2);
  });

  it('keeps what quotation marks hold together', () => {
    expect(values(read('id,serial\n"a, ""b""\nc",A-1\n2,"A-2"'))).to.deep.equal(['A-1', 'A-2']);
  });

  it('names every row that it can’t use, with its number and why', () => {
    const { faults, members } = read(
      ['serial,x', 'A-1,', ',1', '序,1', `${'x'.repeat(65)},1`, 'serial:b.example:1,1', '"A-2,1'].join('\n'),
    );
    expect(members).to.have.length(1);
    expect(faults.map(({ row, fault }) => [row, fault])).to.deep.equal([
      [3, 'cell'],
      [4, 'character'],
      [5, 'length'],
      [6, 'other'],
      [7, 'quotes'],
    ]);
  });

  it('reads vehicles by any number of theirs, and refuses parts', () => {
    const { members, faults } = read('VIN\nWVWZZZ1JZ3W386752\nserial:a.example:1\nnonsense', {
      of: 'vehicle',
    });
    expect(members).to.deep.equal(['vin:WVWZZZ1JZ3W386752']);
    expect(faults.map(({ fault }) => fault)).to.deep.equal(['other', 'vehicle']);
  });

  it('reads the same wherever the pieces of the file are cut', () => {
    const row = fc.constantFrom('A-1', 'A-2', '"A-3"', '"A""4"', '', '"x\ny"', '序', '"open', 'a"b', 'B,1');
    const text = fc
      .tuple(fc.array(row, { maxLength: 12 }), fc.constantFrom('\n', '\r\n', '\r'))
      .map(([rows, end]) => rows.join(end));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 30 }), (whole, sizes) => {
        expect(read(whole, { sizes })).to.deep.equal(read(whole));
      }),
      { numRuns: 400 },
    );
  });
});

describe('encodingOf', () => {
  it('tells UTF-16 by its mark or its zeros, and takes the rest for UTF-8', () => {
    expect(encodingOf(new Uint8Array([0xff, 0xfe, 0x41, 0]))).to.equal('utf-16le');
    expect(encodingOf(new Uint8Array([0xfe, 0xff, 0, 0x41]))).to.equal('utf-16be');
    const wide = new Uint8Array(40).map((_, index) => (index % 2 === 0 ? 0x41 : 0));
    expect(encodingOf(wide)).to.equal('utf-16le');
    expect(encodingOf(new TextEncoder().encode('A-1\n序列号'))).to.equal('utf-8');
  });
});

describe('csvOf', () => {
  it('is text wherever a spreadsheet would see a formula', () => {
    for (const cell of ['=1+1', '+1', '-1', '@x', '\tx']) {
      expect(csvOf([[cell]])).to.match(/^\ufeff"?'/);
    }
    expect(csvOf([['a,b', 'c"d', 'e']])).to.equal('\ufeff"a,b","c""d",e\r\n');
  });
});
