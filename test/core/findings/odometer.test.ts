import { expect } from 'chai';
import { deriveFindings } from '../../../core/findings/findings.ts';
import { kilometres } from '../../../core/findings/odometer.ts';
import type { OpenedEntry } from '../../../core/findings/openedEntry.ts';
import { amend, codesOf, findingsOf, history, named, read } from './history.ts';

const grades = (entries: OpenedEntry[]): string[] =>
  deriveFindings(entries).summary.odometer.readings.map(({ grade }) => grade);

describe('gradeOdometer', () => {
  it('finds nothing in readings that rise', () => {
    const entries = history(read('2020-01-01', 10), read('2021-01-01', 15_000), read('2022-01-01', 31_000));
    expect(codesOf(entries)).to.deep.equal([]);
    expect(grades(entries)).to.deep.equal(['consistent', 'consistent', 'consistent']);
  });

  it('names both readings of a discrepancy with their sources', () => {
    const entries = history(
      read('2022-05-01', 84_120, { source: 'inspection' }),
      { ...read('2023-02-01', 41_300, { source: 'dealer' }), organisation: '2' },
      read('2023-08-01', 45_000),
    );
    expect(findingsOf(entries)).to.deep.equal([
      {
        code: 'odometer.discrepancy',
        severity: 'alert',
        entries: [named('e0'), named('e1')],
        details: {
          direction: 'drop',
          kilometres: 42_820,
          tolerated: 100,
          before: {
            value: 84_120,
            unit: 'KMT',
            kilometres: 84_120,
            source: 'inspection',
            time: '2022-05-01',
            organisation: '1',
          },
          reading: {
            value: 41_300,
            unit: 'KMT',
            kilometres: 41_300,
            source: 'dealer',
            time: '2023-02-01',
            organisation: '2',
          },
        },
      },
    ]);
    expect(grades(entries)).to.deep.equal(['consistent', 'discrepancy', 'consistent']);
    expect(deriveFindings(entries).summary.odometer.discrepancies).to.equal(1);
  });

  const drops: [string, OpenedEntry[], string[]][] = [
    ['50 km', history(read('2022-01-01', 20_051), read('2022-02-01', 20_001)), []],
    [
      '51 km',
      history(read('2022-01-01', 20_052), read('2022-02-01', 20_001)),
      ['odometer.discrepancy warning'],
    ],
    ['500 km on one day', history(read('2022-01-01', 20_501), read('2022-01-01T12:00:00Z', 20_001)), []],
    [
      '501 km on one day',
      history(read('2022-01-01', 20_502), read('2022-01-01', 20_001)),
      ['odometer.discrepancy warning'],
    ],
    ['to a reading that was rounded up', history(read('2022-01-01', 21_000), read('2022-02-01', 20_001)), []],
    ['to a rounded reading', history(read('2022-01-01', 20_999), read('2022-02-01', 20_000)), []],
    [
      'of an owner’s word',
      history(read('2022-01-01', 90_001, { source: 'owner' }), read('2022-02-01', 50_001)),
      ['odometer.discrepancy warning'],
    ],
    [
      'of more than 1,000 km',
      history(read('2022-01-01', 21_012), read('2022-02-01', 20_001)),
      ['odometer.discrepancy alert'],
    ],
  ];
  for (const [name, entries, codes] of drops) {
    it(`${codes.length === 0 ? 'tolerates' : 'reports'} a drop: ${name}`, () => {
      expect(codesOf(entries)).to.deep.equal(codes);
      expect(grades(entries)[1]).to.equal(codes.length === 0 ? 'tolerated' : 'discrepancy');
    });
  }

  it('does not let tolerated drops add up', () => {
    const falling = history(
      ...[0, 40, 80].map((drop, index) => read(`2022-0${index + 1}-01`, 20_091 - drop)),
    );
    expect(grades(falling)).to.deep.equal(['consistent', 'tolerated', 'discrepancy']);
  });

  it('reports a rise that no vehicle can cover, once, and goes on from the readings that agree', () => {
    const spike = history(
      read('2022-01-01', 84_121),
      read('2022-01-11', 841_555),
      read('2022-02-01', 84_601),
      read('2022-03-01', 85_001),
    );
    expect(codesOf(spike)).to.deep.equal(['odometer.discrepancy alert']);
    expect(grades(spike)).to.deep.equal(['consistent', 'discrepancy', 'consistent', 'consistent']);
    expect(findingsOf(spike)[0]?.details.direction).to.equal('rise');

    const confirmed = history(
      read('2022-01-01', 8_401),
      read('2022-01-02', 84_001),
      read('2022-01-03', 84_051),
    );
    expect(grades(confirmed)).to.deep.equal(['consistent', 'discrepancy', 'consistent']);
  });

  it('compares miles with kilometres, and says that the unit changed', () => {
    expect(kilometres({ value: 1000, unit: 'SMI' })).to.equal(1609);
    const entries = history(read('2022-01-01', 16_093), read('2023-01-01', 10_001, { unit: 'SMI' }));
    expect(codesOf(entries)).to.deep.equal(['odometer.unitChange notice']);
    expect(grades(entries)).to.deep.equal(['consistent', 'consistent']);
    const dropped = history(read('2022-01-01', 16_093), read('2023-01-01', 8_001, { unit: 'SMI' }));
    expect(codesOf(dropped)).to.deep.equal(['odometer.discrepancy alert', 'odometer.unitChange notice']);
  });

  it('begins a new series with a replaced instrument, and asks what the old one showed', () => {
    const event = 'instrumentReplaced';
    const shown = { event, previous: { value: 90_400, unit: 'KMT' } };
    const entries = history(
      read('2022-01-01', 90_001),
      read('2022-06-01', 5, shown),
      read('2023-01-01', 12_000),
    );
    expect(codesOf(entries)).to.deep.equal(['odometer.replaced notice']);
    expect(grades(entries)).to.deep.equal(['consistent', 'replaced', 'consistent']);
    const silent = history(read('2022-01-01', 90_001), read('2022-06-01', 5, { event }));
    expect(codesOf(silent)).to.deep.equal(['odometer.replaced warning']);
    const lower = { event, previous: { value: 60_001, unit: 'KMT' } };
    expect(codesOf(history(read('2022-01-01', 90_001), read('2022-06-01', 5, lower)))).to.deep.equal([
      'odometer.discrepancy alert',
      'odometer.replaced notice',
    ]);
  });

  it('knows a rollover where the instrument was near its end, and no other', () => {
    const rollover = { event: 'rollover', digits: 5 };
    const honest = history(
      read('1999-01-01', 99_100),
      read('2000-01-01', 4_300, rollover),
      read('2001-01-01', 9_000),
    );
    expect(codesOf(honest)).to.deep.equal(['odometer.rollover notice']);
    expect(grades(honest)).to.deep.equal(['consistent', 'rollover', 'consistent']);
    const odd = history(read('1999-01-01', 49_999), read('2000-01-01', 4_301, rollover));
    expect(codesOf(odd)).to.deep.equal(['odometer.discrepancy alert']);
    const six = history(read('1999-01-01', 99_100), read('2000-01-01', 4_301, { ...rollover, digits: 6 }));
    expect(codesOf(six)).to.deep.equal(['odometer.discrepancy alert']);
  });

  it('compares no exempt reading, nor any after the brand that exempts the vehicle', () => {
    const once = history(
      read('2020-01-01', 50_001),
      read('2021-01-01', 3, { event: 'exempt' }),
      read('2022-01-01', 60_001),
    );
    expect(codesOf(once)).to.deep.equal(['odometer.exempt information']);
    expect(grades(once)).to.deep.equal(['consistent', 'exempt', 'consistent']);
    const branded = history(
      read('2000-01-01', 50_001),
      {
        kind: 'registration.document',
        time: '2001-01-01',
        data: { market: 'US-CA', event: 'TITLE', action: 'issued', titleBrands: ['71'] },
      },
      read('2002-01-01', 3),
    );
    expect(codesOf(branded, 'odometer')).to.deep.equal(['odometer.exempt information']);
    expect(codesOf(branded, 'title')).to.deep.equal(['title.brand information']);
  });

  it('grades the corrected reading and lists the superseded one as such', () => {
    const corrected = { odometer: { value: 42_410, unit: 'KMT', source: 'workshop' } };
    const entries = history(
      read('2022-01-01', 40_001),
      read('2022-06-01', 424_100),
      amend(named('e1'), 'odometer', corrected),
    );
    expect(codesOf(entries)).to.deep.equal(['odometer.amended information', 'entry.amended information']);
    expect(findingsOf(entries)[0]?.entries).to.deep.equal([named('e1'), named('e2')]);
    const { readings, latest } = deriveFindings(entries).summary.odometer;
    expect(readings.map(({ reading, grade }) => [reading.value, grade])).to.deep.equal([
      [40_001, 'consistent'],
      [42_410, 'consistent'],
      [424_100, 'superseded'],
    ]);
    expect(latest?.reading.value).to.equal(42_410);
  });

  it('takes the reading of every kind that carries one', () => {
    const odometer = { value: 30_001, unit: 'KMT', source: 'dealer' };
    const entries = history(
      { kind: 'service', time: '2020-01-01', data: { type: 'scheduled', items: [], odometer } },
      {
        kind: 'sale',
        time: '2021-01-01',
        data: { type: 'retail', condition: 'used', odometer: { ...odometer, value: 20_001 } },
      },
    );
    expect(codesOf(entries)).to.deep.equal(['odometer.discrepancy alert']);
  });
});
