import { expect } from 'chai';
import fc from 'fast-check';
import type { EffectiveEntry } from '../../../core/findings/openedEntry.ts';
import { type MadeFacts, madeFacts, massBalance } from '../../../core/supply/massBalance.ts';
import { measureOf, type Quantity } from '../../../core/supply/measure.ts';

const batch = (name: string) => `batch:volta.example:${name}`;
const kilograms = (value: string): Quantity => ({ value, unit: 'KGM' });
const fact = (
  name: string,
  made: Quantity | null,
  inputs: Record<string, Quantity | null> = {},
  more: Partial<MadeFacts> = {},
): MadeFacts => ({
  thing: name.includes(':') ? name : batch(name),
  made,
  inputs: Object.entries(inputs).map(([input, quantity]) => ({ batch: batch(input), quantity })),
  ...more,
});
const codes = (...facts: MadeFacts[]) =>
  massBalance(facts).problems.map(
    ({ code, thing }) => `${code} ${thing.replace('batch:volta.example:', '')}`,
  );

describe('mass balance', () => {
  it('holds where no more was used than made, exactly, in whatever unit', () => {
    const facts = [
      fact('A', kilograms('0.3')),
      fact('B', { value: '5', unit: 'C62' }, { A: kilograms('0.1') }),
      fact('C', { value: '5', unit: 'C62' }, { A: { value: '200', unit: 'GRM' } }),
    ];
    const balance = massBalance(facts);
    expect(balance.verdict).to.equal('balanced');
    expect(balance.batches[0]).to.deep.include({
      used: kilograms('0.3'),
      left: kilograms('0'),
      verdict: 'balanced',
    });
  });

  it('is exceeded by a gram', () => {
    const facts = [
      fact('A', kilograms('1')),
      fact('B', kilograms('1'), { A: { value: '1000.000000001', unit: 'GRM' } }),
    ];
    const balance = massBalance(facts);
    expect(balance.verdict).to.equal('exceeded');
    expect(balance.problems).to.deep.equal([
      { code: 'balance.exceeded', thing: batch('A'), quantity: kilograms('0.000000000001') },
    ]);
    expect(balance.batches[0]?.left).to.deep.equal(kilograms('-0.000000000001'));
  });

  it('is unknown, never balanced, where a quantity is hidden, a unit does not fit or a tier is missing', () => {
    expect(codes(fact('A', null))).to.deep.equal(['balance.hidden A']);
    expect(codes(fact('A', kilograms('1')), fact('B', kilograms('1'), { A: null }))).to.deep.equal([
      'balance.hidden A',
    ]);
    const mismatch = [
      fact('A', kilograms('1')),
      fact('B', kilograms('1'), { A: { value: '1', unit: 'C62' } }),
    ];
    expect(codes(...mismatch)).to.deep.equal(['balance.unitMismatch A']);
    expect(massBalance(mismatch).verdict).to.equal('unknown');
    expect(codes(fact('B', kilograms('1'), { X: kilograms('1') }))).to.deep.equal(['balance.missing X']);
    const said = fact(
      'A',
      kilograms('1'),
      {},
      { missing: [{ component: 'body', supplier: 's.example', reason: 'confidential' }] },
    );
    expect(massBalance([said]).problems).to.deep.equal([
      { code: 'balance.missing', thing: batch('A'), other: 'body of s.example', reason: 'confidential' },
    ]);
    expect(codes(fact('A', kilograms('1'), {}, { gone: [null] }))).to.deep.equal(['balance.hidden A']);
  });

  it('is exceeded even where some of it is hidden', () => {
    const facts = [
      fact('A', kilograms('1')),
      fact('B', kilograms('1'), { A: null }),
      fact('C', kilograms('1'), { A: kilograms('2') }),
    ];
    expect(massBalance(facts).batches[0]?.verdict).to.equal('exceeded');
  });

  it('takes what was scrapped or sent back from what may be used', () => {
    const facts = [
      fact('A', kilograms('10'), {}, { gone: [kilograms('4')] }),
      fact('B', kilograms('1'), { A: kilograms('7') }),
    ];
    expect(codes(...facts)).to.deep.equal(['balance.exceeded A']);
  });

  it('lets no more come out of a split, a merger or rework than went in', () => {
    const whole = fact('A', kilograms('10'));
    const split = (value: string) => fact('A1', kilograms(value), { A: kilograms('4') }, { origin: 'split' });
    expect(codes(whole, split('4'))).to.deep.equal([]);
    expect(codes(whole, split('4.1'))).to.deep.equal(['balance.gained A1']);
    expect(codes(fact('M', kilograms('1'), {}, { origin: 'merge' }))).to.deep.equal(['balance.missing M']);
    // What is made anew may be of another measure.
    expect(
      codes(whole, fact('P', { value: '500', unit: 'C62' }, { A: kilograms('4') }, { origin: 'production' })),
    ).to.deep.equal([]);
  });

  it('names knots, and two who state one batch', () => {
    const knot = [
      fact('A', kilograms('1'), { B: kilograms('1') }),
      fact('B', kilograms('1'), { A: kilograms('1') }),
    ];
    expect(codes(...knot)).to.deep.equal(['bom.cycle A']);
    expect(massBalance(knot).verdict).to.equal('exceeded');
    expect(codes(fact('A', kilograms('1')), fact('A', kilograms('2')))).to.deep.equal([
      'balance.ambiguous A',
    ]);
  });

  it('finds every gram: a chain of splits balances, and what is taken too much is found where it was taken', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(parts, fc.nat(), fc.integer({ min: 1, max: 1_000 }), (grams, at, extra) => {
        const total = grams.reduce((sum, gram) => sum + gram, 0);
        const of = (extraAt: number) => [
          fact('A', { value: String(total), unit: 'GRM' }),
          ...grams.map((gram, index) => {
            const quantity = { value: String(index === extraAt ? gram + extra : gram), unit: 'GRM' };
            return fact(`S-${index}`, quantity, { A: quantity }, { origin: 'split' });
          }),
        ];
        const whole = massBalance(of(-1));
        expect(whole.verdict).to.equal('balanced');
        expect(whole.batches.every(({ verdict }) => verdict === 'balanced')).to.equal(true);
        const cheated = massBalance(of(at % grams.length));
        expect(cheated.verdict).to.equal('exceeded');
        const [problem] = cheated.problems;
        expect(problem?.code).to.equal('balance.exceeded');
        expect(problem?.quantity === undefined ? 0n : measureOf(problem.quantity).amount).to.equal(
          measureOf({ value: String(extra), unit: 'GRM' }).amount,
        );
      }),
    );
  });

  it('reads what entries say: quantities used, counted serials, lines of a bill of materials', () => {
    const entry = (kind: string, data: object, sealed: object = {}): EffectiveEntry => ({
      digest: `0x${'1'.repeat(64)}`,
      kind,
      kindVersion: 1,
      organisation: '1',
      time: '2024-01-01',
      anchoredAt: 1,
      position: 0,
      status: 'proven',
      data: data as EffectiveEntry['data'],
      sealed: sealed as EffectiveEntry['sealed'],
      amendedBy: null,
      superseded: [],
    });
    const [made] = madeFacts(batch('A'), [
      entry(
        'batch.produced',
        {
          origin: 'merge',
          serials: { count: 3 },
          inputs: [{ batch: batch('B') }, { batch: batch('C') }, { batch: batch('D') }],
        },
        {
          inputQuantities: [{ batch: batch('B'), quantity: kilograms('1') }],
          bom: [
            { identifier: batch('C'), quantity: kilograms('1') },
            { identifier: batch('C'), quantity: kilograms('2.5') },
          ],
        },
      ),
      entry('batch.released', { outcome: 'scrapped' }, { quantity: { value: '1', unit: 'C62' } }),
    ]);
    expect(made).to.deep.include({
      made: { value: '3', unit: 'C62' },
      origin: 'merge',
      gone: [{ value: '1', unit: 'C62' }],
    });
    expect(made?.inputs).to.deep.equal([
      { batch: batch('B'), quantity: kilograms('1') },
      { batch: batch('C'), quantity: kilograms('3.5') },
      { batch: batch('D'), quantity: null },
    ]);
    const [vehicle] = madeFacts('vin:1M8GDM9AXKP042788', [
      entry('vehicle.built', { parts: [{ part: 'serial:a.example:1' }, { part: batch('B') }] }),
    ]);
    expect(vehicle?.inputs).to.deep.equal([{ batch: batch('B'), quantity: null }]);
  });
});
