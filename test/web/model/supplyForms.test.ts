import { expect } from 'chai';
import * as fc from 'fast-check';
import { ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { composeEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { batchOf } from '../../../web/model/batch.ts';
import { faultsOf, readBuild, rowsOfText } from '../../../web/model/build.ts';
import { basisFields, readBasis, readCampaign } from '../../../web/model/recall.ts';
import { plainDecimal, readSupplyForm, type SupplyForm } from '../../../web/model/supplyForms.ts';
import type { EntryView } from '../../../web/model/view.ts';

const NOW = Date.parse('2026-06-01T10:00:00Z');
const ledger = { chainId: 1n, address: `0x${'11'.repeat(20)}` } as never;

/** What a form made must be an entry of its kind. */
function compose(kind: string, on: string, read: { time: string; data: never; sealed: never }): void {
  const identifier = parseIdentifier(on);
  composeEntry(ledger, 1n as never, { identifier, subject: ZERO_SUBJECT }, { kind, ...read });
}

describe('readSupplyForm', () => {
  const filled: Readonly<Record<SupplyForm, Readonly<Record<string, string>>>> = {
    'batch.produced': {
      nameAtManufacturer: 'Cell',
      manufacturerPartId: 'C-1',
      productionDate: '2026-05-01',
      productionStart: '2026-04-20',
      carbonFootprint: '5 120,50',
      quantity: '1200',
      customer: 'kunlun.example',
      country: 'chn',
    },
    'batch.shipped': { from: 'volta.example', time: '2026-05-02', quantity: '12.5', 'quantity.unit': 'KGM' },
    'batch.received': { by: 'kunlun.example', accepted: 'no', time: '2026-06-01' },
    'batch.quarantined': { reason: 'defectSuspected', time: '2026-05-03' },
    'batch.released': { outcome: 'scrapped', time: '2026-05-04' },
  };
  for (const [form, values] of Object.entries(filled) as [SupplyForm, Record<string, string>][]) {
    it(`makes an entry of ${form}, and names what is missing`, () => {
      const read = readSupplyForm(form, values, NOW);
      if (read.faults !== null) throw new Error(JSON.stringify(read.faults));
      const more = form === 'batch.produced' ? { manufacturerId: 'volta.example', batchId: 'B-1' } : {};
      compose(form, 'batch:volta.example:B-1', {
        time: read.time,
        data: { ...read.data, ...more } as never,
        sealed: read.sealed as never,
      });
      const empty = readSupplyForm(form, {}, NOW);
      expect(Object.values(empty.faults ?? {})).to.include('missing');
    });
  }

  it('refuses a fraction of a piece, a negative quantity, a day to come and days out of order', () => {
    const faults = (form: SupplyForm, values: Record<string, string>) =>
      readSupplyForm(form, { ...filled[form], ...values }, NOW).faults;
    expect(faults('batch.produced', { quantity: '1.5' })).to.deep.equal({ quantity: 'pieces' });
    expect(faults('batch.produced', { quantity: '-1' })).to.deep.equal({ quantity: 'quantity' });
    expect(faults('batch.produced', { productionDate: '2026-07-01' })).to.have.property(
      'productionDate',
      'future',
    );
    expect(faults('batch.produced', { productionStart: '2026-05-02' })).to.deep.equal({
      productionStart: 'order',
    });
    expect(faults('batch.shipped', { from: 'no spaces' })).to.deep.equal({ from: 'party' });
  });
});

describe('plainDecimal', () => {
  it('takes what people write, and nothing below zero', () => {
    expect(plainDecimal('1 200,5')).to.equal('1200.5');
    expect(plainDecimal('００7')).to.equal('7');
    for (const text of ['-1', '1.2.3', '1e3', '']) expect(plainDecimal(text), text).to.equal(null);
  });
});

describe('batchOf', () => {
  let number = 0;
  const entry = (kind: string, data: object = {}, more: object = {}): EntryView =>
    ({
      kind,
      data,
      sealed: {},
      status: 'proven',
      retracted: false,
      attester: 'l/1',
      digest: `0x${++number}`,
      ...more,
    }) as never;

  it('ends a quarantine by the release that names it, or by one of the same attester', () => {
    const held = entry('batch.quarantined');
    const named = entry('batch.released', { quarantined: held.digest }, { attester: 'l/2' });
    const own = entry('batch.released');
    const stranger = entry('batch.released', {}, { attester: 'l/2' });
    expect(batchOf({ entries: [held, named] }).state).to.equal('held');
    expect(batchOf({ entries: [held, own] }).state).to.equal('held');
    expect(batchOf({ entries: [held, stranger] }).state).to.equal('quarantined');
    expect(batchOf({ entries: [own, held] }).state).to.equal('quarantined');
  });

  it('does not count what is not proven, or was taken back', () => {
    for (const more of [{ status: 'void' }, { retracted: true }]) {
      expect(batchOf({ entries: [entry('batch.quarantined', {}, more)] }).state).to.equal('none');
    }
  });

  it('names who has it, and tells of a number that is used twice', () => {
    const made = entry('batch.produced', { manufacturerId: 'volta.example' });
    expect(batchOf({ entries: [made] }).holder).to.equal('volta.example');
    const shipped = entry('batch.shipped', { to: 'kunlun.example' });
    expect(batchOf({ entries: [made, shipped] })).to.include({
      state: 'inTransit',
      holder: 'kunlun.example',
    });
    expect(batchOf({ entries: [made, entry('batch.produced')] }).again).to.have.length(1);
  });
});

describe('the bill of materials', () => {
  const words = { airbags: 'Airbags', brakes: 'Brakes' };

  it('reads a table by its columns, or in their usual order', () => {
    const named = rowsOfText('component;part;position\nAirbags;serial:a.example:1;DRIVER', words);
    expect(named[0]).to.include({ component: 'airbags', part: 'serial:a.example:1', position: 'DRIVER' });
    const plain = rowsOfText('serial:a.example:1,brakes\nbatch:a.example:2,airbags', words, 5);
    expect(plain.map(({ key, component }) => [key, component])).to.deep.equal([
      [5, 'brakes'],
      [6, 'airbags'],
    ]);
  });

  it('takes one part once, a batch as often as need be, and nothing that is no part', () => {
    const rows = rowsOfText(
      [
        'serial:a.example:1',
        'serial:a.example:1',
        'batch:a.example:2',
        'batch:a.example:2',
        'WVWZZZ1JZ3W386752',
        '?',
      ].join('\n'),
      words,
    );
    expect([...faultsOf(rows)]).to.deep.equal([
      [1, 'twice'],
      [4, 'type'],
      [5, 'part'],
    ]);
  });

  it('makes an entry of vehicle.built', () => {
    const read = readBuild(
      {
        brand: 'Kunlun',
        model: 'K3 昆仑',
        year: '2026',
        productionDate: '2026-05-01',
        fuelType: 'electric',
        plant: 'HEFEI-2',
        manufacturerId: 'kunlun.example',
        orderNumber: 'O-1',
      },
      rowsOfText('part,component,position,batch\nserial:a.example:1,airbags,DRIVER,batch:a.example:2', words),
      [{ key: 1, component: 'seats', supplier: '', reason: 'notDelivered' }],
      NOW,
    );
    if (read.faults !== null) throw new Error(JSON.stringify(read.faults));
    compose('vehicle.built', 'vin:WVWZZZ1JZ3W386752', read as never);
  });
});

describe('a recall', () => {
  const empty = { things: '', ranges: [], numbers: [], vehicles: [] };

  it('asks for what is at fault, and refuses ranges that are none', () => {
    const range = { key: 1, manufacturerId: 'a.example', from: 'A-10', to: 'A-20' };
    const faults = (basis: object) => readBasis({ ...empty, ...basis }).faults;
    expect(faults({})).to.deep.equal({ all: 'nothing' });
    expect(faults({ things: 'batch:a.example:1, what' })).to.deep.equal({ things: 'things' });
    expect(faults({ ranges: [{ ...range, to: 'A-9' }] })).to.deep.equal({ 'range:1': 'length' });
    expect(faults({ ranges: [{ ...range, to: 'A-05' }] })).to.deep.equal({ 'range:1': 'order' });
    expect(faults({ ranges: [range] })).to.equal(null);
  });

  it('says in its entry what the dry run was asked, single serials as ranges of one', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 8 }), (numbers) => {
        const things = numbers.map((one) => `serial:a.example:S-${one}`).join('\n');
        const { query } = readBasis({ ...empty, things });
        const { serialRanges } = basisFields(query ?? {}) as { serialRanges: { from: string; to: string }[] };
        expect(serialRanges.length).to.equal(new Set(numbers).size);
        for (const { from, to } of serialRanges) expect(from).to.equal(to);
      }),
    );
  });

  it('makes an entry of recall.opened', () => {
    const read = readCampaign(
      {
        campaign: 'R-2026-001',
        titleEn: 'Inflator may rupture',
        titleZh: '气体发生器可能破裂',
        remedyEn: 'Replace it',
        remedyZh: '',
        component: 'airbags',
        severity: 'safety',
        authorityReference: '',
        markets: 'fr, CN',
        description: 'Coil 7',
      },
      false,
    );
    if (read.faults !== null) throw new Error(JSON.stringify(read.faults));
    expect(read.data.markets).to.deep.equal(['FR', 'CN']);
    composeEntry(ledger, 1n as never, 'own', {
      kind: 'recall.opened',
      time: '2026-06-01',
      data: { ...read.data, affectedRoot: `0x${'22'.repeat(32)}`, affectedCount: 2, treeKey: 'A'.repeat(43) },
      sealed: read.sealed,
    });
  });
});
