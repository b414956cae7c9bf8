import { expect } from 'chai';
import fc from 'fast-check';
import type { Json } from '../../../core/canonical.ts';
import type { EffectiveEntry } from '../../../core/findings/openedEntry.ts';
import { custodyOf } from '../../../core/supply/custody.ts';

const BATCH = 'batch:volta.example:B-1';
const pieces = (value: number) => ({ value: String(value), unit: 'C62' });
let next = 0;

function entry(kind: string, time: string, data: object, sealed: object = {}): EffectiveEntry {
  next += 1;
  return {
    digest: `0x${next.toString(16).padStart(64, '0')}`,
    kind: `batch.${kind}`,
    kindVersion: 1,
    organisation: '1',
    time,
    anchoredAt: next,
    position: next,
    status: 'proven',
    data: data as Record<string, Json>,
    sealed: sealed as Record<string, Json>,
    amendedBy: null,
    superseded: [],
  };
}

const made = (quantity?: number) =>
  entry(
    'produced',
    '2024-01-01',
    { manufacturerId: 'volta.example' },
    quantity === undefined ? {} : { quantity: pieces(quantity) },
  );
const sent = (quantity: number | undefined, more: object = {}, from = 'volta.example', day = '02') =>
  entry(
    'shipped',
    `2024-01-${day}`,
    { from },
    { ...(quantity === undefined ? {} : { quantity: pieces(quantity) }), ...more },
  );
const came = (quantity: number | undefined, more: object = {}, sealed: object = {}, by = 'kunlun.example') =>
  entry(
    'received',
    '2024-01-03',
    { by, accepted: true, ...more },
    { ...(quantity === undefined ? {} : { quantity: pieces(quantity) }), ...sealed },
  );
const fold = (...entries: EffectiveEntry[]) => custodyOf(BATCH, entries, new Set());
const codes = (...entries: EffectiveEntry[]) => fold(...entries).notices.map(({ code }) => code);

describe('custody of a batch', () => {
  it('goes with what is shipped and received, and the rest is on its way', () => {
    const shipment = sent(200, { customer: 'kunlun.example', lot: 'LS-1' });
    const custody = fold(made(500), shipment, came(150, { shipped: shipment.digest }));
    expect(custody.holders).to.deep.equal([
      { party: 'volta.example', has: [pieces(300)], uncertain: false },
      { party: 'kunlun.example', has: [pieces(150)], uncertain: false },
    ]);
    expect(custody.inTransit).to.deep.equal([
      {
        digest: shipment.digest,
        from: 'volta.example',
        to: 'kunlun.example',
        lot: 'LS-1',
        left: pieces(50),
        refused: false,
      },
    ]);
    expect(custody.notices).to.deep.equal([]);
  });

  it('finds the consignment by its number, by its quantity, by to whom it goes', () => {
    const [one, two] = [sent(100, { lot: 'A' }), sent(100, { lot: 'B' })];
    expect(
      fold(made(500), one, two, came(100, {}, { lot: 'B' })).inTransit.map(({ lot }) => lot),
    ).to.deep.equal(['A']);
    const [small, large] = [sent(10), sent(20)];
    expect(fold(made(500), small, large, came(20)).inTransit.map(({ digest }) => digest)).to.deep.equal([
      small.digest,
    ]);
    const [theirs, ours] = [sent(10, { customer: 'b.example' }), sent(10, { customer: 'kunlun.example' })];
    expect(fold(made(500), theirs, ours, came(10)).inTransit.map(({ to }) => to)).to.deep.equal([
      'b.example',
    ]);
  });

  it('counts the serials of a batch where no quantity is shown', () => {
    const counted = entry('produced', '2024-01-01', {
      manufacturerId: 'volta.example',
      serials: { serialsRoot: '0x', count: 7, treeKey: '' },
    });
    expect(fold(counted).holders[0]?.has).to.deep.equal([pieces(7)]);
  });

  it('says of which entry a quantity is hidden, and of whom nothing can be told', () => {
    const shipment = sent(undefined);
    const custody = fold(made(500), shipment, came(undefined));
    expect(custody.notices.map(({ code, party }) => `${code} ${party}`)).to.deep.equal([
      'custody.hidden volta.example',
      'custody.hidden kunlun.example',
    ]);
    expect(custody.holders.map(({ uncertain }) => uncertain)).to.deep.equal([true, true]);
    expect(fold(made(500), sent(undefined)).inTransit[0]?.left).to.equal(null);
  });

  it('names what does not fit', () => {
    expect(codes(sent(5))).to.deep.equal(['custody.noMaker', 'custody.negative']);
    expect(codes(made(5), sent(7))).to.deep.equal(['custody.negative']);
    expect(codes(made(5), came(5))).to.deep.equal(['custody.unmatched']);
    expect(codes(made(5), sent(2), came(3))).to.deep.equal(['custody.overReceived']);
    const weighed = entry(
      'received',
      '2024-01-03',
      { by: 'kunlun.example', accepted: true },
      { quantity: { value: '3', unit: 'KGM' } },
    );
    expect(codes(made(5), sent(2), weighed)).to.deep.equal(['custody.unitMismatch']);
  });

  it('leaves what was not accepted on its way', () => {
    const custody = fold(made(5), sent(2), came(2, { accepted: false }));
    expect(custody.inTransit).to.have.length(1);
    expect(custody.inTransit[0]).to.deep.include({ refused: true, left: pieces(2) });
    expect(custody.holders).to.have.length(1);
  });

  it('puts aside so much or all, and gives free or takes away', () => {
    const aside = (quantity?: number) =>
      entry(
        'quarantined',
        '2024-01-04',
        { reason: 'defectFound' },
        quantity === undefined ? {} : { quantity: pieces(quantity) },
      );
    const free = (outcome: string, quantity?: number, data: object = {}) =>
      entry(
        'released',
        '2024-01-05',
        { outcome, ...data },
        quantity === undefined ? {} : { quantity: pieces(quantity) },
      );
    expect(fold(made(9), aside(4)).quarantined).to.deep.equal({ whole: false, quantities: [pieces(4)] });
    expect(fold(made(9), aside(4), free('usable', 3)).quarantined.quantities).to.deep.equal([pieces(1)]);
    expect(codes(made(9), aside(4), free('usable', 5))).to.deep.equal(['custody.overReleased']);
    // Nothing that is put aside later is free already.
    const early = { ...free('usable', 7), time: '2024-01-03' };
    expect(fold(made(9), early, aside(4)).quarantined.quantities).to.deep.equal([pieces(4)]);
    expect(codes(made(9), early, aside(4))).to.deep.equal(['custody.overReleased']);
    expect(
      fold(made(9), aside(4), free('usable', 7), { ...aside(2), time: '2024-01-06' }).quarantined,
    ).to.deep.equal({ whole: false, quantities: [pieces(2)] });
    const whole = aside();
    expect(fold(made(9), whole).quarantined.whole).to.equal(true);
    expect(
      fold(made(9), whole, free('usable', undefined, { quarantined: whole.digest })).quarantined.whole,
    ).to.equal(false);
    const scrapped = fold(made(9), aside(4), free('scrapped', 4));
    expect(scrapped.scrapped).to.deep.equal([pieces(4)]);
    expect(scrapped.holders[0]?.has).to.deep.equal([pieces(5)]);
  });

  it('takes no release for one of everything that seals what it is of', () => {
    const whole = entry('quarantined', '2024-01-04', { reason: 'defectFound' });
    const free = entry('released', '2024-01-05', { outcome: 'usable' });
    const left = (release: EffectiveEntry, hiding: readonly string[]) => {
      const { quarantined, notices } = custodyOf(BATCH, [made(9), whole, release], new Set(hiding));
      return [quarantined.whole, notices.map(({ code }) => code)];
    };
    expect(left(free, [])).to.deep.equal([false, []]);
    expect(left(free, [free.digest])).to.deep.equal([true, ['custody.hidden']]);
    // What counts is its last correction.
    const corrected = { ...free, amendedBy: '0xaa' };
    expect(left(corrected, [free.digest])).to.deep.equal([false, []]);
    expect(left(corrected, ['0xaa'])).to.deep.equal([true, ['custody.hidden']]);
    const named = { ...free, data: { outcome: 'usable', quarantined: whole.digest } };
    expect(left(named, [named.digest])).to.deep.equal([true, ['custody.hidden']]);
  });

  it('loses and makes nothing: what was made is held, on its way or scrapped, whatever is shipped in whatever order', () => {
    const moves = fc.array(fc.record({ quantity: fc.integer({ min: 1, max: 50 }), arrives: fc.boolean() }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(
        moves,
        fc.integer({ min: 0, max: 5_000 }),
        fc.infiniteStream(fc.nat()),
        (list, start, order) => {
          const entries = list.flatMap(({ quantity, arrives }, index) => {
            const shipment = sent(quantity, { lot: `L-${index}` });
            return arrives ? [shipment, came(quantity, { shipped: shipment.digest })] : [shipment];
          });
          const shuffled = [made(start), ...entries]
            .map((one) => ({ one, at: order.next().value ?? 0 }))
            .sort((left, right) => left.at - right.at)
            .map(({ one }) => one);
          const custody = custodyOf(BATCH, shuffled, new Set());
          const sum = [
            ...custody.holders.flatMap(({ has }) => has),
            ...custody.inTransit.map(({ left }) => left),
          ]
            .map((quantity) => Number(quantity?.value ?? 0))
            .reduce((total, value) => total + value, 0);
          expect(sum).to.equal(start);
        },
      ),
    );
  });
});
