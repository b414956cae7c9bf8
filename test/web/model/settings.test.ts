import { expect } from 'chai';
import * as fc from 'fast-check';
import {
  defaultSettings,
  localeOf,
  preferredLanguage,
  preferredUnit,
  readSettings,
} from '../../../web/model/settings.ts';

describe('readSettings', () => {
  it('gives back what was stored', () => {
    const settings = {
      ...defaultSettings,
      language: 'zh' as const,
      unit: 'SMI' as const,
      theme: 'dark' as const,
      endpoints: ['https://a.example/', 'http://127.0.0.1:1/'],
      maxAgeHours: 2,
      api: 'https://b.example',
      pin: { chainId: '7', directory: `0x${'d1'.repeat(20)}` as const, since: 1, from: 'b.example' },
    };
    expect(readSettings(JSON.stringify(settings))).to.deep.equal(settings);
  });

  it('falls back, member by member, on anything else', () => {
    expect(readSettings(null)).to.deep.equal(defaultSettings);
    expect(readSettings('{')).to.deep.equal(defaultSettings);
    expect(
      readSettings('{"maxAgeHours":-1,"endpoints":["x",3],"pin":{"chainId":"0"},"api":"javascript:1"}'),
    ).to.deep.equal(defaultSettings);
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { maxAgeHours, endpoints } = readSettings(text);
        expect(maxAgeHours).to.be.within(1, 87_600);
        expect(endpoints).to.be.an('array');
      }),
    );
  });
});

describe('the reader’s language and units', () => {
  it('follow the browser', () => {
    expect(preferredLanguage(['fr-FR', 'zh-TW', 'en'])).to.equal('zh');
    expect(preferredLanguage(['de'])).to.equal('en');
    expect(localeOf('en', ['fr', 'en-US'])).to.equal('en-US');
    expect(localeOf('zh', ['en-US'])).to.equal('zh-CN');
    expect(preferredUnit(['en-US'])).to.equal('SMI');
    expect(preferredUnit(['zh-CN', 'en-US'])).to.equal('KMT');
  });
});
