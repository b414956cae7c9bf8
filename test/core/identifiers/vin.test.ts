import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkDigit, isVin, normaliseVin, similarVins, type Vin } from '../../../core/identifiers/vin.ts';
import { expectCode } from '../../expectCode.ts';
import { sharedFile } from '../../shared.ts';

const GOOD = '1M8GDM9AXKP042788';

describe('VIN', () => {
  describe('normaliseVin', () => {
    for (const [spelling, why] of [
      ['1m8gdm9axkp042788', 'lower case'],
      [' 1M8-GDM9A XKP042788\n', 'spaces and dashes'],
      ['１Ｍ８ＧＤＭ９ＡＸＫＰ０４２７８８', 'full-width letters'],
      ['1M8GDM9A—XKP\u00a0042788\u200b', 'an em dash, a hard space and a zero-width space'],
    ] as const) {
      it(`reads ${why}`, () => expect(normaliseVin(spelling)).to.equal(GOOD));
    }

    for (const [spelling, code, why] of [
      ['', 'vin.empty', 'nothing'],
      ['  - ', 'vin.empty', 'separators only'],
      ['1M8GDM9AXKP04278', 'vin.length', '16 characters'],
      ['1M8GDM9AXKP0427880', 'vin.length', '18 characters'],
      ['1M8GDM9AXKPO42788', 'vin.character', 'the letter O'],
      ['1M8GDM9AXKPI42788', 'vin.character', 'the letter I'],
      ['1M8GDM9AXKPQ42788', 'vin.character', 'the letter Q'],
      ['1М8GDM9AXKP042788', 'vin.notAscii', 'a Cyrillic М'],
      ['東京都港区芝公園四丁目二番八号', 'vin.notAscii', 'another script'],
      ['https://example.org/?vin=1M8GDM9AXKP042788', 'vin.length', 'a pasted URL'],
      ['1M8GDM9A_KP042788', 'vin.character', 'a sign'],
      ['00000000000000000', 'vin.placeholder', 'all zeros'],
      ['11111111111111111', 'vin.placeholder', 'all ones'],
      ['1M8GDM9A1KP042788', 'vin.checkDigit', 'a wrong check digit where one is required'],
      ['LDC613P23A1305180', 'vin.checkDigit', 'a wrong position in a Chinese VIN'],
      ['x'.repeat(1_000_000), 'vin.length', 'a million characters'],
    ] as const) {
      it(`refuses ${why}`, () => expectCode(code, () => normaliseVin(spelling)));
    }

    it('takes a wrong check digit on an authorised registrar’s word', () => {
      const vin = normaliseVin('1M8GDM9A1KP042788', { overrideCheckDigit: true });
      expect(checkDigit(vin)).to.equal('invalid');
    });

    it('is idempotent, and never accepts what it would not write', () => {
      fc.assert(
        fc.property(fc.string({ maxLength: 24, unit: 'binary' }), (text) => {
          if (!isVin(text)) return;
          const vin = normaliseVin(text);
          expect(normaliseVin(vin)).to.equal(vin);
          expect(vin).to.match(/^[0-9A-HJ-NPR-Z]{17}$/);
        }),
      );
    });
  });

  describe('checkDigit', () => {
    it('says not-applicable where no rule demands it and it does not match', () => {
      expect(checkDigit('WVWZZZ3CZEE140287' as Vin)).to.equal('not-applicable');
    });

    it('catches every single wrong character of a required one, but for the values that share a number', () => {
      // Transliteration folds letters onto digits (A, J and 1 are all 1), so some exchanges must stay unseen.
      const alphabet = '0123456789ABCDEFGHJKLMNPRSTUVWXYZ';
      let caught = 0;
      for (let index = 0; index < 17; index++) {
        for (const character of alphabet) {
          const other = GOOD.slice(0, index) + character + GOOD.slice(index + 1);
          if (other !== GOOD && !isVin(other)) caught++;
        }
      }
      expect(caught).to.be.greaterThan(400);
    });
  });

  describe('similarVins', () => {
    it('offers O read as 0', () => expect(similarVins('1M8GDM9AXKPO42788')).to.include(GOOD));
    it('offers one look-alike exchanged', () => expect(similarVins('1M8GDM9AXKP04278B')).to.include(GOOD));
    it('never offers what was asked', () => expect(similarVins(GOOD)).not.to.include(GOOD));
    it('offers nothing for another length', () => expect(similarVins('1M8')).to.deep.equal([]));
  });

  describe('shared vectors', () => {
    const path = sharedFile('vin-vectors.json');
    if (path === null) return;
    const vectors = JSON.parse(readFileSync(path, 'utf8')) as {
      accepted: { vin: string; checkDigit: string; normalised?: string }[];
      rejected: { vin: string; why: string }[];
    };
    for (const { vin, checkDigit: verdict, normalised } of vectors.accepted) {
      it(`accepts ${vin}: ${verdict}`, () => {
        expect(normaliseVin(vin)).to.equal(normalised ?? vin);
        expect(checkDigit(normaliseVin(vin))).to.equal(verdict);
      });
    }
    for (const { vin, why } of vectors.rejected) {
      it(`refuses ${JSON.stringify(vin)}: ${why}`, () => expect(isVin(vin)).to.equal(false));
    }
  });
});
