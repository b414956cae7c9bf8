import { expect } from 'chai';
import fc from 'fast-check';
import { fromBase64Url, fromHex, lengthPrefixed, toBase64Url, toHex, word } from '../../core/bytes.ts';
import { canonicalJson, parseCanonicalJson } from '../../core/canonical.ts';
import { expectCode } from '../expectCode.ts';

const bytes = fc.uint8Array({ maxLength: 100 });

describe('bytes', () => {
  it('reads back every hex and base64url it writes', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(fromHex(toHex(value))).to.deep.equal(value);
        expect(fromBase64Url(toBase64Url(value))).to.deep.equal(value);
        expect(toBase64Url(value)).to.equal(Buffer.from(value).toString('base64url'));
      }),
    );
  });

  for (const text of ['', '0', 'ab', '0xa', '0xzz', '0x0 ', '0xａｂ']) {
    it(`refuses ${JSON.stringify(text)} as hex`, () => expectCode('bytes.invalidHex', () => fromHex(text)));
  }

  it('refuses hex of another length', () => expectCode('bytes.invalidHex', () => fromHex('0x00', 2)));

  for (const text of ['A', 'AA==', 'AB', 'A+', 'A/', 'é', 'AAB']) {
    it(`refuses ${JSON.stringify(text)} as base64url, so that bytes have one spelling`, () =>
      expectCode('bytes.invalidBase64Url', () => fromBase64Url(text)));
  }

  it('prefixes a text with the length of its UTF-8', () => {
    expect(toHex(lengthPrefixed('é'))).to.equal('0x0002c3a9');
  });

  it('lays numbers out as 32-byte words', async () => {
    expect(toHex(word(0x1234n))).to.equal(`0x${'00'.repeat(30)}1234`);
    await expectCode('bytes.outOfRange', () => word(1n << 256n));
    await expectCode('bytes.outOfRange', () => word(-1n));
  });
});

describe('canonical JSON', () => {
  it('orders members by UTF-16 code units, as RFC 8785 §3.2.3 shows', () => {
    const value = { '€': 1, '\r': 2, '\ufb33': 3, '1': 4, '😀': 5, '\u0080': 6, ö: 7 };
    expect(canonicalJson(value)).to.equal('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it('writes numbers as RFC 8785 appendix B', () => {
    expect(canonicalJson([1e21, Number('333333333.33333329'), 4.5, 2e-3, 1e-27, -0])).to.equal(
      '[1e+21,333333333.3333333,4.5,0.002,1e-27,0]',
    );
  });

  it('reads back what it writes, and writes what it read', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 6 }), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(parseCanonicalJson(text))).to.equal(text);
        expect(JSON.stringify(JSON.parse(text))).to.equal(
          JSON.stringify(JSON.parse(canonicalJson(JSON.parse(text)))),
        );
      }),
    );
  });

  for (const text of ['{"a":1,"a":1}', '{ "a":1}', '{"b":1,"a":1}', '1.0', '"\\u0041"', '{"a":1}\n']) {
    it(`refuses ${text}: the same value in another spelling`, () =>
      expectCode('json.notCanonical', () => parseCanonicalJson(text)));
  }

  it('refuses a cut text', () => expectCode('json.invalid', () => parseCanonicalJson('{"a":')));
  it('refuses half a surrogate pair', () => expectCode('json.loneSurrogate', () => canonicalJson('\ud800')));
  it('refuses deep nesting without overflowing', () =>
    expectCode('json.tooDeep', () => parseCanonicalJson('['.repeat(5000) + ']'.repeat(5000))));
});
