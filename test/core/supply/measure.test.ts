import { expect } from 'chai';
import fc from 'fast-check';
import { Amounts, measureOf, type Quantity, quantityIn } from '../../../core/supply/measure.ts';

const masses = ['GRM', 'KGM', 'TNE'] as const;
const decimal = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), fc.stringMatching(/^[0-9]{0,9}$/))
  .map(([whole, fraction]) => {
    const digits = fraction.replace(/0+$/, '');
    return digits === '' ? String(whole) : `${whole}.${digits}`;
  });
const mass: fc.Arbitrary<Quantity> = fc.record({ value: decimal, unit: fc.constantFrom(...masses) });

function codeOf(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('measures', () => {
  it('of any decimal come back as it was, and in another unit as the same', () => {
    fc.assert(
      fc.property(mass, fc.constantFrom(...masses), (quantity, unit) => {
        const measure = measureOf(quantity);
        expect(quantityIn(measure, quantity.unit)).to.deep.equal(quantity);
        const other = quantityIn(measure, unit);
        if ((other.value.split('.')[1] ?? '').length <= 9 && (other.value.split('.')[0] ?? '').length <= 18) {
          expect(measureOf(other)).to.deep.equal(measure);
        }
      }),
    );
  });

  it('add up exactly, in any order, where binary fractions would not', () => {
    const tenth = { value: '0.1', unit: 'KGM' };
    const sum = new Amounts();
    for (let count = 0; count < 10; count++) sum.add(tenth);
    expect(sum.list()).to.deep.equal([{ value: '1', unit: 'KGM' }]);
    fc.assert(
      fc.property(fc.array(mass, { maxLength: 20 }), (quantities) => {
        const [one, other] = [new Amounts(), new Amounts()];
        for (const quantity of quantities) one.add(quantity);
        for (const quantity of [...quantities].reverse()) other.add(quantity);
        expect(one.of('GRM')).to.equal(other.of('GRM'));
        for (const quantity of quantities) one.add(quantity, -1);
        expect(one.isEmpty).to.equal(true);
      }),
    );
  });

  it('keep dimensions apart, and know a piece by each of its codes', () => {
    const sum = new Amounts().add({ value: '2', unit: 'H87' }).add({ value: '3', unit: 'C62' });
    sum.add({ value: '1', unit: 'KWH' });
    expect(sum.list()).to.deep.equal([
      { value: '5', unit: 'H87' },
      { value: '1', unit: 'KWH' },
    ]);
    expect(quantityIn(measureOf({ value: '1.5', unit: 'MTQ' }), 'LTR').value).to.equal('1500');
    expect(codeOf(() => quantityIn(measureOf({ value: '1', unit: 'KGM' }), 'LTR'))).to.equal(
      'quantity.invalid',
    );
    for (const value of ['-1', '1e3', '', '1.', '.5', '1.0000000001', 'NaN', '١']) {
      expect(
        codeOf(() => measureOf({ value, unit: 'KGM' })),
        value,
      ).to.equal('quantity.invalid');
    }
    expect(codeOf(() => measureOf({ value: '1', unit: 'constructor' }))).to.equal('quantity.invalid');
  });
});
