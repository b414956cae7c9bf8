import { expect } from 'chai';
import fc from 'fast-check';
import {
  type CsvFault,
  type CsvRow,
  createReader,
  type Delimiter,
  delimiters,
  detectDelimiter,
  MAX_ROW,
} from '../../../core/csv/reader.ts';
import { csvRow, guardCell, unguardCell } from '../../../core/csv/writer.ts';
import { expectCode } from '../../expectCode.ts';

const read = (text: string, delimiter: Delimiter = ',', piece = text.length): (CsvRow | CsvFault)[] => {
  const reader = createReader({ delimiter });
  const rows: (CsvRow | CsvFault)[] = [];
  for (let start = 0; start < text.length; start += piece)
    rows.push(...reader.push(text.slice(start, start + piece)));
  return [...rows, ...reader.end()];
};
const cellsOf = (rows: readonly (CsvRow | CsvFault)[]) =>
  rows.map((row) => ('cells' in row ? row.cells : row.code));
const cell = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '\r', '\n', ' ', "'", '=', 'a', '＝') }),
);
const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 6 }), { maxLength: 8 });

describe('CSV', () => {
  describe('reader', () => {
    it('gives back any table that the writer wrote, in pieces of any length', () => {
      fc.assert(
        fc.property(
          table,
          fc.constantFrom(...delimiters),
          fc.integer({ min: 1, max: 50 }),
          (rows, delimiter, piece) => {
            const text = rows.map((cells) => csvRow(cells, delimiter)).join('');
            const found = cellsOf(read(text, delimiter, piece));
            const plain = found.map((cells) => (typeof cells === 'string' ? cells : cells.map(unguardCell)));
            expect(plain).to.deep.equal(rows);
          },
        ),
      );
    });

    it('reads any text without failing, the same in pieces of any length', () => {
      const text = fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', 'a', 'b', ' ') });
      fc.assert(
        fc.property(text, fc.integer({ min: 1, max: 9 }), (given, piece) => {
          expect(read(given, ',', piece)).to.deep.equal(read(given));
        }),
      );
    });

    it('reads every line’s end, a last row without one, and quotes over lines', () => {
      expect(cellsOf(read('a,b\nc,d\r\ne,"f\r\ng"\r\nh,'))).to.deep.equal([
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'f\r\ng'],
        ['h', ''],
      ]);
    });

    it('names a row whose quotes are broken, with its column, and goes on with the next line', () => {
      const rows = read('a,b,c\n1,"open,3\n4,5,6\n7,8 "x",9\n10,11,"12"x\n13,"14",15\n16,"17');
      expect(
        rows.map((row) => ('code' in row ? `${row.row} ${row.column} ${row.code}` : row.cells.join(' '))),
      ).to.deep.equal([
        'a b c',
        '2 2 csv.quote',
        '4 5 6',
        '4 2 csv.quote',
        '5 3 csv.quote',
        '13 14 15',
        '7 2 csv.quote',
      ]);
    });

    it('keeps no more than a row in memory: a quote that never ends, and a line that never ends', () => {
      const filler = 'x'.repeat(1000);
      const open = read(`a,"${filler}\n${`${filler}\n`.repeat(2000)}b,c\n`, ',', 10_000);
      expect(open[0]).to.include({ row: 1, column: 2, code: 'csv.quote' });
      expect(cellsOf(open).at(-1)).to.deep.equal(['b', 'c']);
      const long = read(`${'y'.repeat(MAX_ROW + 10_000)}\nb,c\n`, ',', 10_000);
      expect(long.map((row) => ('code' in row ? row.code : row.cells.join(' ')))).to.deep.equal([
        'csv.tooLong',
        'b c',
      ]);
      expect(cellsOf(read(`${','.repeat(300)}\na,b`))).to.deep.equal(['csv.tooManyColumns', ['a', 'b']]);
    });

    it('counts empty lines as a spreadsheet does, and gives none of them', () => {
      expect(read('a\n\n\nb').map(({ row }) => row)).to.deep.equal([1, 4]);
    });
  });

  describe('delimiter', () => {
    it('is what the heading says, outside of quotes, or states', async () => {
      expect(detectDelimiter('a;"b,c,d,e";f').delimiter).to.equal(';');
      expect(detectDelimiter('a\tb\tc').delimiter).to.equal('\t');
      expect(detectDelimiter('batch').delimiter).to.equal(',');
      expect(detectDelimiter('sep=;\r')).to.deep.equal({ delimiter: ';', stated: true });
      await expectCode('csv.empty', () => detectDelimiter(' \r'));
    });
  });

  describe('formula guard', () => {
    it('leaves none either where a spreadsheet cuts by another separator, and takes itself off again', () => {
      const row = csvRow(['0xab', 'part.mounted', "x;=cmd|' /C calc'!A0"]);
      expect(row).to.equal("0xab,part.mounted,x;'=cmd|' /C calc'!A0\r\n");
      const signs = fc.constantFrom('=', '+', '-', '@', '＝', "'", ';', ',', '\t', '\n', '\r', 'a', ' ');
      fc.assert(
        fc.property(fc.string({ unit: signs }), (text) => {
          const guarded = guardCell(text);
          expect(unguardCell(guarded)).to.equal(text);
          for (const piece of guarded.split(/[;,\t\r\n]/)) expect(piece).not.to.match(/^[=+\-@＝]/);
        }),
      );
    });

    it('leaves no cell that a spreadsheet computes, and takes exactly itself off again', () => {
      fc.assert(
        fc.property(cell, (text) => {
          const guarded = guardCell(text);
          expect(guarded).to.not.match(/^[=+\-@\t\r\n＝＋－＠]/);
          expect(unguardCell(guarded)).to.equal(text);
        }),
      );
    });

    it('knows what OWASP names', () => {
      for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\ta', '\ra', '＝1', "'=1"]) {
        expect(csvRow([text])).to.equal(`"'${text}"\r\n`);
      }
      for (const start of ['\t', '\r']) expect(csvRow([`${start}=1`])).to.equal(`"'${start}'=1"\r\n`);
      expect(csvRow(['SN-1', 'a=b', ''])).to.equal('SN-1,a=b,\r\n');
    });
  });
});
