import { expect } from 'chai';
import { kindByName } from '../../../core/kinds/kinds.ts';
import { sealedSchema } from '../../../core/kinds/validate.ts';
import { type TitleKind, titleKinds, transitions } from '../../../core/modules/title.ts';
import { forms, readForm, type Values } from '../../../web/acting/forms.ts';

const NOW = Date.parse('2026-05-06T12:00:00Z');
const KEY = `0x${'Ab'.repeat(20)}`;
const kinds = Object.keys(titleKinds) as TitleKind[];

/** A value for each sort of field. */
const filled: Values = {
  party: KEY,
  until: '2026-08-01',
  rank: '2',
  lien: '1',
  brand: '11',
  time: '2026-05-01',
  reason: 'other',
  type: 'loan',
  condition: 'intact',
  holderKind: 'person',
  market: 'fr',
  jurisdiction: 'us-ca',
  text: 'SALVAGE',
  reported: '2026-05-01',
  number: 'VIN',
  price: '12 500,50',
  currency: 'CNY',
  statement: 'No.',
};
const given = {
  resolved: { identifier: 'vin:WVWZZZ3CZEE140287', subject: `0x${'11'.repeat(32)}` as const },
};

describe('forms', () => {
  for (const kind of kinds) {
    it(`ask for what ${kind} uses and its entry demands, and for nothing that it does not have`, () => {
      const of = kindByName(kind);
      if (of === undefined) throw new Error('no such kind');
      const names = forms[kind].map(({ name }) => name);
      const { uses, detail } = transitions[kind];
      expect(names.includes('party')).to.equal(uses.includes('party'));
      expect(names.includes('until')).to.equal(uses.includes('until'));
      const asked = {
        rank: 'rank',
        lien: 'lien',
        brand: 'brand',
        subject: 'number',
        digest: undefined,
      } as const;
      const field = detail === undefined ? undefined : asked[detail];
      if (field !== undefined) expect(names).to.include(field);
      const { draft, faults } = readForm(kind, filled, NOW, {
        ...given,
        ...(detail === 'digest' ? { detail: `0x${'22'.repeat(32)}` } : {}),
      });
      expect(faults).to.equal(null);
      const parsed = of.public.safeParse(draft?.data);
      expect(parsed.success, JSON.stringify(draft?.data)).to.equal(true);
      for (const [name, value] of Object.entries(draft?.sealed ?? {})) {
        expect(sealedSchema(of, name)?.safeParse(value).success, name).to.equal(true);
      }
      expect(draft?.detail === undefined).to.equal(detail === undefined);
    });

    it(`name what is missing of ${kind}`, () => {
      const { faults } = readForm(kind, {}, NOW, given);
      const required = forms[kind].filter((field) => field.required).map(({ name }) => name);
      expect(Object.keys(faults ?? {}).sort()).to.deep.equal(required.sort());
    });
  }

  it('refuse what no action can say', () => {
    const cases: [TitleKind, Values, string, string][] = [
      ['title.issued', { party: '0x12' }, 'party', 'account'],
      ['title.offered', { until: '2026-05-05' }, 'until', 'past'],
      ['title.offered', { price: 'much' }, 'price', 'amount'],
      ['title.lienPlaced', { rank: '256' }, 'rank', 'number'],
      ['title.lienPlaced', { rank: '0' }, 'rank', 'number'],
      ['title.lienPlaced', { market: 'France' }, 'market', 'market'],
      ['title.stolen', { time: '2026-05-08' }, 'time', 'future'],
      ['title.branded', { text: 'a\nb' }, 'text', 'text'],
    ];
    for (const [kind, values, name, fault] of cases) {
      expect(readForm(kind, { ...filled, ...values }, NOW, given).faults, kind).to.deep.equal({
        [name]: fault,
      });
    }
    expect(readForm('title.replaced', filled, NOW).faults).to.deep.equal({ number: 'vehicle' });
  });

  it('date what happens today now, and what happened before by its day', () => {
    expect(readForm('title.stolen', { time: '2026-05-01' }, NOW).draft?.time).to.equal('2026-05-01');
    const today = new Date(NOW).toLocaleDateString('sv-SE');
    expect(readForm('title.stolen', { time: today }, NOW).draft?.time).to.equal('2026-05-06T12:00:00Z');
  });

  it('write amounts and markets as entries have them, and end at the end of the day', () => {
    const { draft } = readForm('title.lienPlaced', filled, NOW);
    expect(draft?.sealed.amount).to.deep.equal({ amount: '12500.50', currency: 'CNY' });
    expect(draft?.data.market).to.equal('FR');
    expect(new Date(Number(draft?.until) * 1000).getSeconds()).to.equal(59);
  });
});
