import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Line, readLines } from '../../cli/import/rows.ts';
import { expectCode } from '../expectCode.ts';

describe('readLines', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-rows-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const linesOf = async (content: string | Uint8Array): Promise<Line[]> => {
    const file = join(folder, 'rows');
    await writeFile(file, content);
    const lines: Line[] = [];
    for await (const line of readLines(file)) lines.push(line);
    return lines;
  };

  it('reads the same lines plain and gzipped, with their numbers', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.stringMatching(/^[a-zé車]{0,5}$/), { maxLength: 20 }), async (texts) => {
        const content = texts.join('\n');
        const expected = texts
          .map((text, index) => ({ number: index + 1, text }))
          .filter(({ text }) => text !== '');
        expect(await linesOf(content)).to.deep.equal(expected);
        expect(await linesOf(gzipSync(content))).to.deep.equal(expected);
      }),
      { numRuns: 30 },
    ));

  it('takes Windows line ends and a byte order mark', async () => {
    const lines = await linesOf('\ufeff{"a":1}\r\n{"b":2}\r\n');
    expect(lines.map(({ text }) => JSON.parse(text ?? ''))).to.deep.equal([{ a: 1 }, { b: 2 }]);
  });

  it('marks a line that is too long and goes on', async () => {
    const lines = await linesOf(`a\n${'x'.repeat(5 * 1024 * 1024)}\nb\n`);
    expect(lines.map(({ number, text }) => [number, text])).to.deep.equal([
      [1, 'a'],
      [2, null],
      [3, 'b'],
    ]);
  });

  it('says where a gzip file is cut off', async () => {
    const zipped = gzipSync('a line\n'.repeat(100_000));
    await expectCode('import.corrupt', () => linesOf(zipped.subarray(0, zipped.length - 20)));
  });

  it('says that a file is not there', () =>
    expectCode('import.file', async () => {
      for await (const _ of readLines(join(folder, 'nowhere'))) break;
    }));
});
