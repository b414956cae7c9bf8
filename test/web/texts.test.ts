import { expect } from 'chai';
import { noticeKinds } from '../../api/notices/notices.ts';
import { type Finding, findingCodes } from '../../core/findings/finding.ts';
import { kinds, moduleKinds } from '../../core/kinds/kinds.ts';
import { createFormat } from '../../web/format.ts';
import { describe as describeEntry } from '../../web/model/describe.ts';
import { findingText } from '../../web/model/findingText.ts';
import type { Language } from '../../web/model/settings.ts';
import { actingEn } from '../../web/texts/acting.en.ts';
import { actingZh } from '../../web/texts/acting.zh.ts';
import { checkEn } from '../../web/texts/check.en.ts';
import { checkZh } from '../../web/texts/check.zh.ts';
import { en } from '../../web/texts/en.ts';
import { lateEn } from '../../web/texts/late.en.ts';
import { lateZh } from '../../web/texts/late.zh.ts';
import { settingsEn } from '../../web/texts/settings.en.ts';
import { settingsZh } from '../../web/texts/settings.zh.ts';
import { supplyEn } from '../../web/texts/supply.en.ts';
import { supplyZh } from '../../web/texts/supply.zh.ts';
import type { Tongue } from '../../web/texts/texts.ts';
import { zh } from '../../web/texts/zh.ts';

const textsOf = { en, zh };

const tongues: readonly Tongue[] = (['en', 'zh'] as const satisfies readonly Language[]).map((language) => ({
  language,
  texts: textsOf[language],
  format: createFormat(language === 'zh' ? 'zh-CN' : 'en-GB', 'KMT'),
}));

/** Every text of a dictionary, by its path; functions are asked with words that would show. */
function said(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value === 'function') {
    const answer: unknown = path.startsWith('.finding.')
      ? value({ erased: [] })
      : value('«a»', '«b»', '«c»', '«d»', '«e»');
    return typeof answer === 'string' ? [[path, answer]] : [];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, member]) => said(member, `${path}.${name}`));
}

for (const [name, inEnglish, inChinese] of [
  ['the dictionaries', en, zh],
  ['the dictionaries of the owner’s and the registrar’s pages', actingEn, actingZh],
  ['the dictionaries of the suppliers’ and the makers’ pages', supplyEn, supplyZh],
  ['the dictionaries of the page that checks parts', checkEn, checkZh],
  ['the dictionaries of the settings', settingsEn, settingsZh],
  ['the dictionaries of what is loaded after a report', lateEn, lateZh],
] as const) {
  it(`${name} say everything in both languages, in their own script`, () => {
    const english = new Map(said(inEnglish));
    const chinese = new Map(said(inChinese));
    const open = /^\.vocabulary\.common\./;
    const paths = (texts: Map<string, string>) => [...texts.keys()].filter((path) => !open.test(path)).sort();
    expect(paths(chinese)).to.deep.equal(paths(english));
    for (const [path, text] of chinese) {
      expect(text.trim(), path).not.to.equal('');
      expect(english.get(path)?.trim() ?? 'x', path).not.to.equal('');
      // What is left without the answers and names that no language translates.
      const own = text.replace(/«.»|undefined|true|VIN|PDF|CID|RXSWIN|SUV|Vinculum/g, '');
      if (/\p{Letter}/u.test(own)) expect(/\p{Script=Han}/u.test(text), `${path}: ${text}`).to.equal(true);
    }
    for (const [path, text] of english) {
      expect(/\p{Script=Han}/u.test(text), `${path}: ${text}`).to.equal(false);
    }
  });
}

describe('findingText', () => {
  for (const tongue of tongues) {
    it(`words every finding in ${tongue.language}, also one without details`, () => {
      for (const code of [...findingCodes, 'usage.taxi' as const]) {
        const finding: Finding = { code, severity: 'notice', entries: [], details: {} };
        const { title, text } = findingText(tongue, finding, []);
        for (const words of [title, text]) {
          expect(words, code).not.to.match(/undefined|null|NaN|\[object/);
          expect(words.trim(), code).not.to.equal('');
        }
      }
    });
  }

  it('names both readings of a discrepancy and their sources', () => {
    const [tongue] = tongues;
    if (tongue === undefined) throw new Error('no language');
    const stated = (value: number, time: string, source: string) => {
      return { value, unit: 'KMT', kilometres: value, source, time, organisation: '9' };
    };
    const { title, text } = findingText(
      tongue,
      {
        code: 'odometer.discrepancy',
        severity: 'alert',
        entries: [],
        details: {
          direction: 'drop',
          kilometres: 50_000,
          before: stated(120_000, '2021-02-03', 'inspection'),
          reading: stated(70_000, '2022-02-03', 'dealer'),
        },
      },
      [],
    );
    expect(title).to.include('50,000 km');
    for (const part of ['120,000 km', '3 Feb 2021', 'inspection', '70,000 km', '3 Feb 2022', 'dealer']) {
      expect(text).to.include(part);
    }
    // Never of anybody's intent.
    expect(`${title} ${text}`).not.to.match(/fraud|tamper|roll(ed)? ?back/i);
  });
});

describe('describe', () => {
  for (const tongue of tongues) {
    it(`describes the example of every kind in ${tongue.language}`, () => {
      for (const kind of Object.values({ ...moduleKinds, ...kinds })) {
        const { title, qualifier, facts } = describeEntry(tongue, {
          kind: kind.name,
          data: kind.example.data as never,
        });
        expect(title, kind.name).not.to.equal(kind.name);
        for (const words of [qualifier, ...facts.flatMap(({ label, value }) => [label, value])]) {
          expect(words, kind.name).not.to.match(/undefined|null|NaN|\[object/);
        }
        for (const { name, label } of facts) expect(label, `${kind.name}.${name}`).not.to.equal('');
      }
    });
  }

  it('name every kind of notice', () => {
    for (const { notices } of [supplyEn, supplyZh]) {
      expect(Object.keys(notices.kinds)).to.have.members([...noticeKinds]);
    }
  });
});
