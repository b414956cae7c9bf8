import { expect } from 'chai';
import fc from 'fast-check';
import { type CsvEncoding, createDecoder } from '../../../core/csv/encoding.ts';
import { expectCode } from '../../expectCode.ts';

const decode = (bytes: Uint8Array, told?: CsvEncoding, piece = Math.max(bytes.length, 1)) => {
  const decoder = createDecoder(told);
  let text = '';
  for (let start = 0; start < bytes.length; start += piece)
    text += decoder.push(bytes.subarray(start, start + piece));
  text += decoder.end();
  return { text, encoding: decoder.encoding };
};
const big = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
/** “批次,序列号” and a row; the characters in GB 2312. */
const GB = Buffer.from('c5fab4ce2cd0f2c1d0bac50a412d312c312e350a', 'hex');
const GB_TEXT = '批次,序列号\nA-1,1.5\n';

describe('encodings of tables', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((given) => !given.includes('\0') && !given.startsWith('\ufeff'));

  it('are told by their marks, whatever the pieces', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 7 }), (given, piece) => {
        const marked = `\ufeff${given}`;
        expect(decode(Buffer.from(marked, 'utf8'), undefined, piece)).to.deep.equal({
          text: given,
          encoding: 'utf-8',
        });
        expect(decode(Buffer.from(marked, 'utf16le'), undefined, piece)).to.deep.equal({
          text: given,
          encoding: 'utf-16le',
        });
        expect(decode(big(marked), undefined, piece)).to.deep.equal({ text: given, encoding: 'utf-16be' });
      }),
    );
  });

  it('are UTF-8 without a mark, and known when it no longer is all ASCII', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 7 }), (given, piece) => {
        expect(decode(Buffer.from(given, 'utf8'), undefined, piece).text).to.equal(given);
      }),
    );
    expect(decode(Buffer.from('batch,serial\n')).encoding).to.equal(undefined);
  });

  it('are GB18030 where that is beyond doubt, after any amount of ASCII', () => {
    for (const piece of [1, 3, 100])
      expect(decode(GB, undefined, piece)).to.deep.equal({ text: GB_TEXT, encoding: 'gb18030' });
    const late = Buffer.concat([Buffer.from('SN-1,1\n'.repeat(20_000)), GB]);
    expect(decode(late, undefined, 4096).encoding).to.equal('gb18030');
    expect(decode(Buffer.from('843195332c', 'hex'))).to.deep.equal({ text: ',', encoding: 'gb18030' });
    // Four bytes, of a character that GBK does not have.
    expect(decode(Buffer.from('9439da33', 'hex'), 'gb18030').text).to.equal('\u{1f4a9}');
  });

  it('are refused where bytes are not what they are said to be, or might be several things', async () => {
    const refused = (bytes: Uint8Array, told?: CsvEncoding) =>
      expectCode('csv.encoding', () => decode(bytes, told));
    await refused(GB, 'utf-8');
    await refused(Buffer.from('\ufeffbatch', 'utf16le'), 'utf-8');
    await refused(Buffer.from('\ufeffbatch', 'utf16le'), 'utf-16be');
    await refused(Buffer.from('batch,serial', 'utf16le'));
    await refused(big('batch,serial'));
    await refused(Buffer.from('Stückzahl,Größe\n', 'latin1'));
    await refused(Buffer.from('Prénom,Été\n', 'latin1'));
    await refused(Buffer.from('ok,\xff\n', 'latin1'), 'gb18030');
    await refused(Buffer.from('00d800', 'hex'), 'utf-16le');
    await refused(Buffer.from('abc€'.slice(0, 4), 'utf8').subarray(0, 5), 'utf-8');
  });

  it('of bytes of any sort lose nothing: they come back as they were, or are refused', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom<CsvEncoding | undefined>(undefined, 'utf-8'),
        (bytes, told) => {
          try {
            const { text, encoding } = decode(bytes, told);
            if (encoding !== undefined && encoding !== 'utf-8') return;
            const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
            expect(Buffer.from(text, 'utf8').equals(bytes.subarray(mark))).to.equal(true);
          } catch (error) {
            expect((error as { code?: unknown }).code).to.equal('csv.encoding');
          }
        },
      ),
    );
  });
});
