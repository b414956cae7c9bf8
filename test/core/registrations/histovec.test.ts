import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { VinculumError } from '../../../core/errors.ts';
import { deriveFindings } from '../../../core/findings/findings.ts';
import type { OpenedEntry } from '../../../core/findings/openedEntry.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { validateData } from '../../../core/kinds/validate.ts';
import { readFrenchDate, readRegistryTime } from '../../../core/registrations/calendar.ts';
import {
  histovecEventTypes,
  type MappedRegistration,
  mapHistovecRow,
} from '../../../core/registrations/histovec.ts';
import { sharedFile } from '../../shared.ts';

/** A vehicle of nobody's, in the form of the file. */
const row = {
  id: 'FR900001',
  attributes: {
    marque: 'RENAULT',
    tvv: 'B40105',
    nom_commercial: 'CLIO',
    couleur: 'INCONNU',
    CTEC_RLIB_GENRE: 'VP',
    CTEC_RLIB_CATEGORIE: 'M1',
    CTEC_CYLINDREE: 1149.5,
    CTEC_RLIB_ENERGIE: 'ES',
    CTEC_PUISS_CV: 0,
    CTEC_PLACES_ASSISES: 5,
    date_premiere_immat: '29/02/2004',
    date_emission_CI: '04/06/2008',
    import: 'NON',
    vin: 'VF1B********00000',
  },
  events: [
    { date: '2012-06-30T22:00:00.000Z', type: 'CHANG_TIT_NORMAL' },
    { date: '2012-06-14T23:30:05.250Z', type: 'DECLARATION_CESSION' },
    { date: '2004-02-28T23:00:00.000Z', type: 'IMMAT_NORMALE' },
    { date: '2012-06-30T22:00:00.000Z', type: 'DECLARATION_ACHAT' },
  ],
  answers: {
    nb_titulaires: 3,
    nb_sinistres: 0,
    sit_adm: {},
    is_incertain: 'OUI',
    annulation_ci: 'NON',
    ci_vole: 'NON',
    vehicule_vole: 'OUI',
  },
};

function asEntries({ contents }: MappedRegistration): OpenedEntry[] {
  return contents.map(({ kind, time, data, sealed }, position) => ({
    digest: `0x${position.toString(16).padStart(64, '0')}`,
    kind,
    kindVersion: 1,
    organisation: '1',
    time,
    anchoredAt: 1_700_000_000,
    position,
    status: 'proven',
    data,
    sealed,
  }));
}

function problems(value: unknown): [string, unknown, unknown] | null {
  try {
    mapHistovecRow(value);
  } catch (error) {
    if (error instanceof VinculumError) return [error.code, error.details.path, error.details.problems];
    throw error;
  }
  return null;
}

describe('mapHistovecRow', () => {
  it('makes vehicle.registered of the attributes, without the masked VIN and what the registry does not know', () => {
    const { identifier, contents } = mapHistovecRow(row);
    expect(identifier).to.equal('registration:FR:FR900001');
    expect(contents[0]).to.deep.equal({
      kind: 'vehicle.registered',
      kindVersion: 1,
      time: '2004-02-29',
      data: {
        market: 'FR',
        brand: 'RENAULT',
        model: 'CLIO',
        vehicleConfiguration: 'B40105',
        fuelType: 'ES',
        vehicleSeatingCapacity: 5,
        engineDisplacement: { value: 1149.5, unit: 'CMQ' },
        vehicleCategory: 'M1',
        dateVehicleFirstRegistered: '2004-02-29',
        registry: {
          vehicleClass: 'VP',
          certificateIssued: '2008-06-04',
          certificateCancelled: false,
          certificateStolen: false,
          vehicleStolen: true,
          imported: false,
          fileUncertain: true,
        },
      },
      sealed: {},
    });
    expect(JSON.stringify(contents)).to.not.include('VF1B');
  });

  it('makes an entry of each event, by time, those of one instant in a fixed order', () => {
    expect(
      mapHistovecRow(row)
        .contents.slice(1)
        .map(({ time, data }) => [time, data.event, data.action, data.statedAt ?? null]),
    ).to.deep.equal([
      ['2004-02-29', 'IMMAT_NORMALE', 'firstRegistration', null],
      ['2012-06-15', 'DECLARATION_CESSION', 'ceded', '2012-06-14T23:30:05Z'],
      ['2012-07-01', 'DECLARATION_ACHAT', 'boughtByDealer', null],
      ['2012-07-01', 'CHANG_TIT_NORMAL', 'change', null],
    ]);
    const reversed = { ...row, events: row.events.toReversed() };
    expect(mapHistovecRow(reversed)).to.deep.equal(mapHistovecRow(row));
  });

  it('says enough for the number of holders, and the registry’s statements are found', () => {
    const { findings, summary } = deriveFindings(asEntries(mapHistovecRow(row)));
    expect(summary.holders).to.equal(3);
    expect(findings.map(({ code }) => code)).to.include.members(['theft.reported', 'registry.uncertain']);
  });

  it('maps every type of event to contents that its kind admits', () => {
    const events = histovecEventTypes.map((type) => ({ date: '2012-06-14T23:30:05.250Z', type }));
    const { contents } = mapHistovecRow({ ...row, events });
    expect(contents.slice(1).map(({ data }) => data.event)).to.deep.equal([...histovecEventTypes]);
    for (const { kind, data } of contents) validateData(kind, 1, data);
  });

  it('takes a vehicle without events and without answers', () => {
    const bare = { id: 'X1', attributes: { date_premiere_immat: '01/01/1936' }, events: [] };
    expect(mapHistovecRow(bare).contents).to.deep.equal([
      {
        kind: 'vehicle.registered',
        kindVersion: 1,
        time: '1936-01-01',
        data: { market: 'FR', dateVehicleFirstRegistered: '1936-01-01' },
        sealed: {},
      },
    ]);
  });

  const broken: [string, unknown, string, string][] = [
    ['no object', 'text', 'registration.invalidRow', 'row'],
    ['a list', [row], 'registration.invalidRow', 'row'],
    ['no id', { ...row, id: undefined }, 'registration.invalidRow', 'id'],
    ['no attributes', { ...row, attributes: null }, 'registration.invalidRow', 'attributes'],
    ['no events', { ...row, events: undefined }, 'registration.invalidRow', 'events'],
    ['an event that is none', { ...row, events: [null] }, 'registration.invalidRow', 'events[0]'],
    [
      'an unknown event',
      { ...row, events: [row.events[0], { date: '2012-06-30T22:00:00.000Z', type: 'CHANG_TIT_ANORMAL' }] },
      'registration.unknownEvent',
      'events[1].type',
    ],
    [
      'an event named like a member of Object',
      { ...row, events: [{ date: '2012-06-30T22:00:00.000Z', type: 'toString' }] },
      'registration.unknownEvent',
      'events[0].type',
    ],
    [
      'a day that does not exist',
      { ...row, attributes: { ...row.attributes, date_premiere_immat: '29/02/2003' } },
      'registration.invalidDate',
      'attributes.date_premiere_immat',
    ],
    [
      'a date in another form',
      { ...row, events: [{ date: '2012-06-30', type: 'IMMAT_NORMALE' }] },
      'registration.invalidDate',
      'events[0].date',
    ],
    [
      'a control character',
      { ...row, attributes: { ...row.attributes, marque: 'REN\u0000AULT' } },
      'registration.invalidRow',
      'attributes.marque',
    ],
    [
      'half a seat',
      { ...row, attributes: { ...row.attributes, CTEC_PLACES_ASSISES: 4.5 } },
      'registration.invalidRow',
      'attributes.CTEC_PLACES_ASSISES',
    ],
    [
      'an answer in another language',
      { ...row, answers: { ...row.answers, is_incertain: 'YES' } },
      'registration.invalidRow',
      'answers.is_incertain',
    ],
  ];
  for (const [name, value, code, path] of broken) {
    it(`refuses a row with ${name}`, () => {
      expect(problems(value)?.slice(0, 2)).to.deep.equal([code, path]);
    });
  }

  it('names every problem of a row', () => {
    const value = { ...row, id: 1, events: [{ date: 'x', type: 'y' }] };
    const found = problems(value) ?? [];
    expect((found[2] as { path: string }[]).map(({ path }) => path)).to.deep.equal([
      'id',
      'events[0].date',
      'events[0].type',
    ]);
  });

  it('refuses an id that is no registration number, or is a VIN', () => {
    expect(problems({ ...row, id: 'FR/1' })?.[0]).to.equal('identifier.value');
    expect(problems({ ...row, id: '1M8GDM9AXKP042788' })?.[0]).to.equal('identifier.isVin');
  });

  it('answers garbage with a VinculumError, or with contents that their kinds admit', () => {
    const spoilt = fc.record({
      id: fc.oneof(fc.constant('A1'), fc.anything()),
      attributes: fc.oneof(
        fc.dictionary(fc.constantFrom(...Object.keys(row.attributes)), fc.anything()),
        fc.anything(),
      ),
      member: fc.constantFrom(...Object.keys(row.attributes)),
      value: fc.oneof(fc.anything(), fc.string(), fc.double()),
    });
    fc.assert(
      fc.property(spoilt, fc.anything(), ({ id, attributes, member, value }, anything) => {
        problems(anything);
        problems({ id, attributes, events: anything });
        const one = { ...row, attributes: { ...row.attributes, [member]: value } };
        if (problems(one) !== null) return;
        for (const { kind, data } of mapHistovecRow(one).contents) validateData(kind, 1, data);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('readRegistryTime', () => {
  const cases: [string, string, string | null][] = [
    ['2004-02-28T23:00:00.000Z', '2004-02-29', null],
    ['2012-06-30T22:00:00.000Z', '2012-07-01', null],
    // The nights in which the clocks change, 2019.
    ['2019-03-30T23:00:00.000Z', '2019-03-31', null],
    ['2019-03-31T22:00:00.000Z', '2019-04-01', null],
    ['2019-10-26T22:00:00.000Z', '2019-10-27', null],
    ['2019-10-27T23:00:00.000Z', '2019-10-28', null],
    // Before summer time was kept in France (1976), and under other rules for it (1995).
    ['1962-07-16T23:00:00.000Z', '1962-07-17', null],
    ['1995-09-24T23:00:00.000Z', '1995-09-25', null],
    // No midnight in France, though it looks like one in the other half of the year.
    ['2012-06-30T23:00:00.000Z', '2012-07-01', '2012-06-30T23:00:00Z'],
    ['2012-01-31T22:00:00.000Z', '2012-01-31', '2012-01-31T22:00:00Z'],
    ['2012-06-30T22:00:00.001Z', '2012-07-01', '2012-06-30T22:00:00Z'],
    ['2020-03-09T16:25:42.144Z', '2020-03-09', '2020-03-09T16:25:42Z'],
  ];
  for (const [text, day, instant] of cases) {
    it(`reads ${text} as ${day}`, () => {
      expect(readRegistryTime(text)).to.deep.equal({ day, instant, milliseconds: Date.parse(text) });
    });
  }

  it('refuses any other form, and days that do not exist', () => {
    for (const text of [
      '',
      '2012-06-30',
      '2012-06-30T22:00:00Z',
      '2012-02-30T22:00:00.000Z',
      '2012-06-30T24:00:00.000Z',
    ]) {
      expect(readRegistryTime(text), text).to.equal(null);
    }
  });
});

describe('readFrenchDate', () => {
  it('reads DD/MM/YYYY, and nothing else', () => {
    expect(readFrenchDate('03/01/1986')).to.equal('1986-01-03');
    for (const text of ['', '3/1/1986', '1986-01-03', '31/04/1986', '00/01/1986', '01/13/1986']) {
      expect(readFrenchDate(text), text).to.equal(null);
    }
  });
});

describe('the registration file', () => {
  type Row = { id: string; events: { type: string }[]; answers: { nb_titulaires?: number } };
  let rows: Row[] = [];
  let mapped: MappedRegistration[] = [];

  before(function () {
    const file = sharedFile('histovec-registrations.ndjson.gz');
    if (file === null) return this.skip();
    const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
    rows = lines.map((line) => JSON.parse(line) as Row);
    mapped = rows.map((line) => mapHistovecRow(line));
  });

  it('has 2,531 vehicles, each a registration number of its own, and 9,723 entries', () => {
    expect(mapped.length).to.equal(2531);
    expect(new Set(mapped.map(({ identifier }) => identifier)).size).to.equal(2531);
    for (const { identifier } of mapped) parseIdentifier(identifier);
    expect(mapped.reduce((sum, { contents }) => sum + contents.length, 0)).to.equal(9723);
  });

  it('maps to contents that their kinds admit, in the order of time', () => {
    for (const { contents } of mapped) {
      contents.forEach(({ kind, data, time }, index) => {
        validateData(kind, 1, data);
        if (index > 1) expect(time >= (contents[index - 1]?.time ?? '')).to.equal(true);
      });
    }
  });

  it('keeps every event of every vehicle', () => {
    rows.forEach((line, index) => {
      const events = mapped[index]?.contents.slice(1).map(({ data }) => data.event);
      expect(events).to.have.members(line.events.map(({ type }) => type));
    });
  });

  it('gives as many holders as the ministry, for all 2,087 vehicles that have its answer', () => {
    const asked = rows.flatMap((line, index) => {
      const entries = mapped[index];
      if (line.answers.nb_titulaires === undefined || entries === undefined) return [];
      const { summary } = deriveFindings(asEntries(entries));
      return [{ id: line.id, derived: summary.holders, stated: line.answers.nb_titulaires }];
    });
    expect(asked.length).to.equal(2087);
    expect(asked.filter(({ derived, stated }) => derived !== stated)).to.deep.equal([]);
  });
});
