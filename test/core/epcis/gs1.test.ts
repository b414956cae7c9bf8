import { expect } from 'chai';
import fc from 'fast-check';
import {
  canonicalDigitalLink,
  checkDigit,
  checkDigitHolds,
  formatDigitalLink,
  formatEpcUri,
  parseDigitalLink,
  parseEpcUri,
  parseGs1,
} from '../../../core/epcis/gs1.ts';

/** EPC URIs of every scheme with their Digital Links. */
const PAIRS: readonly (readonly [string, string, number])[] = [
  ['urn:epc:id:sgtin:4012345.011111.9876', '01/04012345111118/21/9876', 7],
  [
    'urn:epc:id:sgtin:0614141.812345.6789%2F%26%25%22!%3F()',
    '01/80614141123458/21/6789%2F%26%25%22%21%3F%28%29',
    7,
  ],
  ['urn:epc:class:lgtin:4012345.012345.Lot987', '01/04012345123456/10/Lot987', 7],
  ['urn:epc:idpat:sgtin:4012345.066666.*', '01/04012345666663', 7],
  ['urn:epc:id:sscc:4012345.3111111111', '00/340123451111111111', 7],
  ['urn:epc:id:sgln:4012345.00005.0', '414/4012345000054', 7],
  ['urn:epc:id:sgln:4012345.00005.122', '414/4012345000054/254/122', 7],
  ['urn:epc:id:pgln:999999999999.', '417/9999999999994', 12],
  ['urn:epc:id:grai:4012345.00022.334455', '8003/04012345000221334455', 7],
  ['urn:epc:idpat:grai:4012345.00022.*', '8003/04012345000221', 7],
  ['urn:epc:id:giai:4012345.ABC345', '8004/4012345ABC345', 7],
  ['urn:epc:id:gsrn:4012345.0000006765', '8018/401234500000067657', 7],
  ['urn:epc:id:gsrnp:4012345.0000000007', '8017/401234500000000074', 7],
  ['urn:epc:id:gdti:4012345.00009.PO-4711', '253/4012345000092PO-4711', 7],
  ['urn:epc:id:cpi:0614141.11111111111111-A%23%2F.1234', '8010/061414111111111111111-A%23%2F/8011/1234', 7],
  ['urn:epc:idpat:cpi:0614141.123ABC.*', '8010/0614141123ABC', 7],
  ['urn:epc:id:ginc:0614141.xyz47%2F11', '401/0614141xyz47%2F11', 7],
  ['urn:epc:id:gsin:4012345.222333444', '402/40123452223334442', 7],
  ['urn:epc:id:itip:4012345.011111.01.02.987', '8006/040123451111180102/21/987', 7],
  ['urn:epc:id:sgcn:4012345.00009.12', '255/401234500009212', 7],
  [
    "urn:epc:id:upui:1234567.098765.51qIgY)%3C%26Jp3*j7'SDB",
    "01/01234567987651/235/51qIgY%29%3C%26Jp3%2Aj7'SDB",
    7,
  ],
];

describe('EPC URIs and Digital Links', () => {
  it('are translated both ways', () => {
    for (const [urn, path, prefix] of PAIRS) {
      const key = parseEpcUri(urn);
      expect(key, urn).to.not.equal(null);
      if (key === null) continue;
      expect(formatDigitalLink(key), urn).to.equal(`https://id.gs1.org/${path}`);
      expect(checkDigitHolds(key), urn).to.equal(true);
      const back = parseDigitalLink(`https://id.gs1.org/${path}`);
      expect(back, path).to.deep.equal(key);
      expect(formatEpcUri(key, prefix), path).to.equal(urn);
    }
  });

  it('name one thing by one link, whatever the domain, the order of writing, short names and queries', () => {
    for (const link of [
      'https://id.gs1.org/01/04012345111118/21/9876',
      'http://example.com/01/4012345111118/21/9876?17=250101#top',
      'https://example.com/a/b/gtin/4012345111118/ser/9876/',
      'https://id.gs1.org/01/04012345111118/22/2A/10/LOT/21/9876',
    ]) {
      expect(canonicalDigitalLink(link), link).to.equal('https://id.gs1.org/01/04012345111118/21/9876');
    }
    expect(parseDigitalLink('https://id.gs1.org/01/04012345111118/10/LOT/21/9876')?.lot).to.equal('LOT');
  });

  it('keep serial numbers of every kind of sign, over any company prefix', () => {
    const sign = '!"%&\'()*+,-./0123456789:;<=>?ABCXYZ_abcxyz';
    fc.assert(
      fc.property(
        fc.integer({ min: 6, max: 12 }),
        fc.stringMatching(/^\d{13}$/),
        fc.array(fc.constantFrom(...sign), { minLength: 1, maxLength: 20 }),
        (prefix, digits, signs) => {
          const serial = signs.join('');
          const key = { scheme: 'sgtin', path: ['01', digits + checkDigit(digits), '21', serial] } as const;
          const urn = formatEpcUri(key, prefix) ?? '';
          expect(parseGs1(urn)).to.deep.equal(key);
          expect(parseGs1(formatDigitalLink(key))).to.deep.equal(key);
        },
      ),
    );
  });

  it('are refused where they are none', () => {
    for (const text of [
      '',
      'urn:epc:id:sgtin:4012345.011111',
      'urn:epc:id:sgtin:4012345.0111112.1',
      'urn:epc:id:sgtin:40123.0111111.1',
      'urn:epc:id:sgtin:4012345.011111.%',
      'urn:epc:id:sgtin:4012345.011111.%C3%A4',
      'urn:epc:id:sgtin:4012345.011111.ä',
      'urn:epc:id:sgtin:4012345.011111.123456789012345678901',
      'urn:epc:idpat:sgtin:4012345.*',
      'urn:epc:class:sgtin:4012345.011111.1',
      'urn:epc:id:constructor:4012345.011111.1',
      'https://id.gs1.org/01/04012345111/21/1',
      'https://id.gs1.org/01/04012345111118/21/',
      'https://id.gs1.org/01/04012345111118/99/1',
      'https://id.gs1.org/01/04012345111118/21/1/21/2',
      'https://id.gs1.org/constructor/04012345111118',
      'https://example.com/',
      'mailto:somebody@example.com',
    ]) {
      expect(parseGs1(text), text).to.equal(null);
    }
  });

  it('answer any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `urn:epc:id:sgtin:${text}`),
        ),
        (text) => {
          const key = parseGs1(text);
          if (key !== null) expect(parseGs1(formatDigitalLink(key))).to.deep.include({ path: key.path });
        },
      ),
    );
  });

  it('know a wrong check digit', () => {
    const key = parseGs1('https://id.gs1.org/01/04012345111119/21/1');
    expect(key === null ? null : checkDigitHolds(key)).to.equal(false);
  });
});
