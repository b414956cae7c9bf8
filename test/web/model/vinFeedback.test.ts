import { expect } from 'chai';
import {
  readableIdentifier,
  shownIdentifier,
  vinFeedback,
  vinOfCode,
  vinsIn,
} from '../../../web/model/vinFeedback.ts';

const VIN = '1M8GDM9AXKP042788';

describe('vinFeedback', () => {
  it('waits while something can still become a VIN', () => {
    expect(vinFeedback('')).to.deep.equal({ state: 'empty' });
    expect(vinFeedback('  ')).to.deep.equal({ state: 'empty' });
    expect(vinFeedback('1M8GDM')).to.deep.equal({ state: 'typing', length: 6 });
    expect(vinFeedback(VIN.slice(0, 16))).to.deep.equal({ state: 'typing', length: 16 });
  });

  it('takes a whole VIN, and says what it did to the characters', () => {
    expect(vinFeedback(VIN)).to.deep.equal({
      state: 'ready',
      identifier: `vin:${VIN}`,
      tidied: [],
      checked: true,
    });
    const tidied = (text: string) => {
      const feedback = vinFeedback(text);
      return feedback.state === 'ready' ? [feedback.identifier, feedback.tidied] : feedback;
    };
    expect(tidied(VIN.toLowerCase())).to.deep.equal([`vin:${VIN}`, ['upperCase']]);
    expect(tidied('1M8 GDM9-AXKP 042788')).to.deep.equal([`vin:${VIN}`, ['separators']]);
    expect(tidied('１Ｍ８ＧＤＭ９ＡＸＫＰ０４２７８８')).to.deep.equal([`vin:${VIN}`, ['fullWidth']]);
    expect(tidied('１ｍ８ＧＤＭ９ＡＸＫＰ 042788')).to.deep.equal([
      `vin:${VIN}`,
      ['fullWidth', 'separators', 'upperCase'],
    ]);
  });

  it('does not claim a check digit where none is required', () => {
    expect(vinFeedback('WVWZZZ3CZEE140287')).to.include({ state: 'ready', checked: false });
  });

  it('names what no VIN can hold', () => {
    expect(vinFeedback('IM8GDM9AXKPO42788')).to.deep.include({
      state: 'fault',
      fault: { code: 'vin.character', characters: ['I', 'O'], position: 1 },
      didYouMean: [VIN],
    });
    expect(vinFeedback('1M8GDM9AXKP04278Q')).to.deep.include({
      fault: { code: 'vin.character', characters: ['Q'], position: 17 },
    });
    expect(vinFeedback('粤B12345')).to.deep.include({ fault: { code: 'vin.notAscii', character: '粤' } });
    expect(vinFeedback('ВВА')).to.deep.include({ fault: { code: 'vin.notAscii', character: 'В' } });
    expect(vinFeedback(`${VIN}1`)).to.deep.include({ fault: { code: 'vin.length', length: 18 } });
    expect(vinFeedback('0'.repeat(17))).to.deep.include({ fault: { code: 'vin.placeholder' } });
  });

  it('offers look-alikes of a VIN whose check digit does not hold, and applies none', () => {
    const feedback = vinFeedback('1M8GDM9AXKP0427B8');
    expect(feedback).to.deep.include({ state: 'fault', fault: { code: 'vin.checkDigit' } });
    expect(feedback).to.have.property('didYouMean').that.includes(VIN);
  });

  it('takes nothing out of an address by itself', () => {
    expect(vinFeedback(`https://cars.example/offer?vin=${VIN}&x=1`)).to.deep.equal({
      state: 'address',
      offered: [VIN],
    });
    expect(vinFeedback('https://cars.example/offer/17')).to.deep.equal({ state: 'address', offered: [] });
    expect(vinFeedback('www.cars.example')).to.deep.equal({ state: 'address', offered: [] });
  });

  it('takes identifiers of other types', () => {
    expect(vinFeedback('registration:fr:ab-123-cd')).to.include({
      state: 'ready',
      identifier: 'registration:FR:AB123CD',
    });
    expect(vinFeedback('Batch:Volta.example:VB-1')).to.include({ identifier: 'batch:volta.example:VB-1' });
    expect(vinFeedback(`vin:${VIN}`)).to.include({ identifier: `vin:${VIN}` });
    expect(vinFeedback('batch:x')).to.deep.include({ fault: { code: 'identifier.scope' } });
    expect(vinFeedback(`chassis:X:${VIN}`)).to.deep.include({ fault: { code: 'identifier.isVin' } });
    expect(vinFeedback('registration:FR:!')).to.deep.include({ fault: { code: 'identifier.value' } });
  });

  it('reads a hundred thousand characters as what they are', () => {
    expect(vinFeedback('x'.repeat(100_000))).to.deep.include({ fault: { code: 'vin.length', length: 1000 } });
    for (const text of ['%'.repeat(50_000), `https://${'a/'.repeat(40_000)}`])
      expect(vinFeedback(text)).to.deep.equal({ state: 'address', offered: [] });
  });
});

describe('vinsIn', () => {
  it('finds whole VINs only, each once', () => {
    expect(vinsIn(`a=${VIN}&b=${VIN.toLowerCase()}&c=9${VIN}`)).to.deep.equal([VIN]);
    expect(vinsIn(`%31M8GDM9AXKP042788/%zz`)).to.deep.equal([]);
    expect(vinsIn(`x%2F${VIN}`)).to.deep.equal([VIN]);
  });
});

describe('vinOfCode', () => {
  it('reads what bar codes hold', () => {
    expect(vinOfCode(`I${VIN}`)).to.equal(VIN);
    expect(vinOfCode(`https://x.example/${VIN}`)).to.equal(VIN);
    expect(vinOfCode('4006381333931')).to.equal(null);
  });
});

describe('readableIdentifier', () => {
  it('is null for an address that names none, and keeps a VIN whose check digit a registrar may have overridden', () => {
    expect(readableIdentifier('nonsense')).to.equal(null);
    expect(readableIdentifier('1M8GDM9A1KP042788')?.value).to.equal('1M8GDM9A1KP042788');
    expect(shownIdentifier('vin:X')).to.equal('X');
    expect(shownIdentifier('batch:a:b')).to.equal('batch:a:b');
  });
});
