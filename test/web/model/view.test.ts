import { expect } from 'chai';
import { verify } from '../../../core/verify/verify.ts';
import { createFormat } from '../../../web/format.ts';
import { layOut, niceStep } from '../../../web/model/chart.ts';
import { counting, partsOf, vehicleName } from '../../../web/model/facts.ts';
import { headlineOf, knownLines, unknownLines } from '../../../web/model/knowledge.ts';
import { countGroups, everything, filtered, groupOf } from '../../../web/model/timeline.ts';
import { viewOf } from '../../../web/model/view.ts';
import { en } from '../../../web/texts/en.ts';
import { twoLedgers } from '../../core/verify/twoLedgers.ts';
import { CAR, NEVER, reading, sampleWorld, type World } from '../../core/verify/world.ts';

const tongue = { language: 'en', texts: en, format: createFormat('en-GB', 'KMT') } as const;

async function viewed(world: World, text = CAR, withhold: readonly string[] = []) {
  const report = world.report(text);
  for (const digest of withhold) report.contents[digest] = { withheld: 'not today' };
  return viewOf(report, await verify(report, world.trust, world.view));
}

describe('viewOf', () => {
  it('shows the corrected value, with what was superseded and why', async () => {
    const { world, workshop, car } = sampleWorld();
    const wrong = world.record(workshop, car, reading('2023-05-01', 610_000, 'workshop'));
    const amendment = world.record(workshop, car, {
      kind: 'amended',
      time: '2023-05-02',
      data: {
        supersedes: wrong.digest,
        kind: 'odometer',
        kindVersion: 1,
        reason: 'typo',
        data: { odometer: { value: 61_000, unit: 'KMT', source: 'workshop' } },
      },
    });
    const view = await viewed(world);
    const entry = view.entries.find(({ digest }) => digest === wrong.digest);
    expect(entry?.data).to.deep.equal({ odometer: { value: 61_000, unit: 'KMT', source: 'workshop' } });
    expect(entry?.amended).to.include({ digest: amendment.digest, reason: 'typo' });
    expect(entry?.superseded.map(({ data }) => data)).to.deep.equal([
      { odometer: { value: 610_000, unit: 'KMT', source: 'workshop' } },
    ]);
    expect(view.entries.find(({ digest }) => digest === amendment.digest)?.amends).to.equal(wrong.digest);
  });

  it('shows no value of somebody who has the attester’s number in another register', async () => {
    const { first, second, report, judge } = twoLedgers('separate');
    const other = second.admit(2n, 'Somebody Else', 'workshop');
    const [, original] = first.world.chains.get(first.world.subjectOf(first.car)) ?? [];
    const supersedes = original?.digest ?? '';
    const said = { supersedes, kind: 'odometer', kindVersion: 1, reason: 'typo' };
    const data = { odometer: { value: 1, unit: 'KMT', source: 'workshop' } };
    second.record(other, first.car, { kind: 'amended', time: '2023-11-03', data: { ...said, data } });
    second.record(other, first.car, {
      kind: 'amended',
      time: '2023-11-04',
      data: { ...said, retracted: true },
    });
    const told = report();
    const entry = viewOf(told, await judge(told)).entries.find(({ digest }) => digest === supersedes);
    expect(entry).to.include({ amended: null, retracted: false });
    expect(entry?.data).not.to.deep.equal(data);
  });

  it('marks what its attester took back, and counts it for nothing', async () => {
    const { world, workshop, car } = sampleWorld();
    const wrong = world.record(workshop, car, reading('2023-05-01', 1, 'workshop'));
    world.record(workshop, car, {
      kind: 'amended',
      time: '2023-05-02',
      data: {
        supersedes: wrong.digest,
        kind: 'odometer',
        kindVersion: 1,
        reason: 'wrongSubject',
        retracted: true,
      },
    });
    const view = await viewed(world);
    expect(view.entries.find(({ digest }) => digest === wrong.digest)?.retracted).to.equal(true);
    expect(counting(view.entries).map(({ digest }) => digest)).not.to.include(wrong.digest);
  });

  it('tells the standing of an attester when it recorded, beside that of today', async () => {
    const { world, workshop } = sampleWorld();
    const record = world.records.get(workshop) ?? [];
    const zero = `0x${'00'.repeat(32)}` as const;
    record.push({ change: 2, timestamp: world.clock + 1n, value: zero });
    const view = await viewed(world);
    const attester = view.attesters.find(({ id }) => id === '2');
    expect(attester).to.include({ standing: 'suspended' });
    expect(
      view.entries.filter((entry) => entry.attester === attester?.key).map((entry) => entry.standingThen),
    ).to.deep.equal(['good', 'good']);
  });

  it('keeps an entry that is not open in its place, with what its link tells', async () => {
    const { world } = sampleWorld();
    const [first] = world.report(CAR).ledgers[0]?.links ?? [];
    const view = await viewed(world, CAR, [first?.digest ?? '']);
    expect(view.entries[0]).to.include({ status: 'withheld', kind: 'vehicle.built', time: '' });
    expect(unknownLines(tongue, view)).to.include('1 entry whose content was not handed over');
    expect(view.entries[1]).to.include({ closed: 0 });
  });

  it('shows an unregistered VIN as an answer', async () => {
    const view = await viewed(sampleWorld().world, NEVER);
    expect(view).to.include({ absent: true });
    expect(headlineOf(view)).to.equal('absent');
    expect(knownLines(tongue, view)).to.deep.equal([]);
  });

  it('sums up what is known and what is not', async () => {
    const view = await viewed(sampleWorld().world);
    expect(vehicleName(view)).to.equal('Aurora A1');
    expect(headlineOf(view)).to.equal('alert');
    expect(knownLines(tongue, view)).to.include('4 entries by 3 organisations');
    expect(unknownLines(tongue, view)).to.include(en.knowledge.noRegistry);
    expect(partsOf(view)).to.deep.equal({ parts: [], missing: [] });
  });
});

describe('filtered', () => {
  it('shows the groups, an attester, both orders', async () => {
    const view = await viewed(sampleWorld().world);
    const times = (filter: Partial<typeof everything>) =>
      filtered(view.entries, { ...everything, ...filter }).map(({ time }) => time);
    expect(times({})).to.deep.equal(['2022-04-01', '2021-04-01', '2020-04-01', '2019-03-01']);
    expect(times({ newestFirst: false })[0]).to.equal('2019-03-01');
    expect(times({ group: 'ownership' })).to.deep.equal(['2019-03-01']);
    expect(times({ attester: view.entries[1]?.attester ?? '' })).to.deep.equal(['2022-04-01', '2020-04-01']);
    expect(times({ withDocuments: true })).to.deep.equal([]);
    expect(countGroups(view.entries)).to.include({ all: 4, readings: 3, ownership: 1, damage: 0 });
    expect(groupOf('something.new')).to.equal('ownership');
  });
});

describe('layOut', () => {
  const frame = { width: 600, height: 200, left: 40, right: 10, top: 10, bottom: 20 };

  it('lays readings out by time and distance, with round ticks in the reader’s unit', async () => {
    const view = await viewed(sampleWorld().world);
    const readings = view.summary?.odometer.readings ?? [];
    const chart = layOut(readings, frame, tongue.format);
    expect(chart.points.map(({ x }) => x)).to.deep.equal(
      [...chart.points.map(({ x }) => x)].sort((a, b) => a - b),
    );
    for (const { x, y } of chart.points) {
      expect(x).to.be.within(frame.left, frame.width - frame.right);
      expect(y).to.be.within(frame.top, frame.height - frame.bottom);
    }
    expect(chart.yTicks.map(({ label }) => label)).to.deep.equal(['0', '20k', '40k', '60k']);
    const miles = layOut(readings, frame, createFormat('en-US', 'SMI'));
    expect(miles.yTicks.map(({ label }) => label)).to.deep.equal(['0', '10K', '20K', '30K']);
  });

  it('draws a single reading, and one of zero', async () => {
    const view = await viewed(sampleWorld().world);
    const [only] = view.summary?.odometer.readings ?? [];
    if (only === undefined) throw new Error('no reading');
    for (const kilometres of [only.kilometres, 0]) {
      const chart = layOut([{ ...only, kilometres }], frame, tongue.format);
      expect(Number.isFinite(chart.points[0]?.x) && Number.isFinite(chart.points[0]?.y)).to.equal(true);
    }
  });

  it('steps by 1, 2 or 5', () => {
    expect([niceStep(9, 4), niceStep(46_000, 4), niceStep(1, 4), niceStep(100, 4)]).to.deep.equal([
      5, 20_000, 0.5, 50,
    ]);
  });
});
