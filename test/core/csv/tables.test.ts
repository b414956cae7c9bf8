import { expect } from 'chai';
import fc from 'fast-check';
import { mapSerial } from '../../../core/csv/batches.ts';
import { cyclicRows, madeLater } from '../../../core/csv/installations.ts';
import { mapRow } from '../../../core/csv/mapRow.ts';
import { cellsOf, openTable, type TableName } from '../../../core/csv/table.ts';
import { inputsOf, inputsText, quantityOf, timeOf } from '../../../core/csv/values.ts';
import { contentOf, type SupplyEdge } from '../../../core/supply/statement.ts';
import { expectCode } from '../../expectCode.ts';

const map = (name: TableName, record: Record<string, string>, row = 2) =>
  mapRow(openTable(name, Object.keys(record)), { row, cells: Object.values(record) });
const codes = (name: TableName, record: Record<string, string>) =>
  map(name, record).problems.map(({ code, at }) => `${code} ${at}`);

const batch = {
  batch: 'B-1',
  maker: 'volta.example',
  'Part number': 'P-7',
  NAME: 'Door hinge',
  'produced on': '2024-03-12',
};

describe('tables of CSV', () => {
  describe('headings', () => {
    it('have many names for one column, in any case, and two languages', () => {
      const table = openTable('serials', ['批次号', 'Serial-No.', 'MAKER', 'colour', 'error']);
      expect(table.columns).to.deep.equal(['batch', 'serial', 'manufacturerId', null, null]);
      expect(table.notes.map(({ code, at }) => `${code} ${at}`)).to.deep.equal([
        'csv.notMapped column colour',
      ]);
    });

    it('lack nothing, and say nothing twice', async () => {
      await expectCode('csv.missingColumn', () => openTable('serials', ['serial']));
      await expectCode('csv.columnTwice', () =>
        openTable('serials', ['batch', 'lot number', 'serial', 'maker']),
      );
      await expectCode('csv.unknownColumn', () => openTable('serials', ['batch'], { colour: 'red' }));
      expect(openTable('serials', ['batch', 'serial'], { maker: 'a.example' }).defaults).to.deep.equal({
        manufacturerId: 'a.example',
      });
      // A column named like what every object has is no column of ours.
      expect(
        openTable('serials', ['batch', 'serial', 'maker', '__proto__', 'constructor']).columns.slice(3),
      ).to.deep.equal([null, null]);
    });
  });

  it('say what a batch is, with what concerns a customer or a quantity sealed', () => {
    const more = {
      quantity: '0500.50',
      uom: 'kgm',
      co2: '1.250',
      'made of': 'batch:cella.example:C-1 600 batch:cella.example:C-2',
      customer: 'kunlun.example',
      drawing: 'D-7 B',
      origin: 'rework',
    };
    const { statements, edges, problems } = map('batches', { ...batch, ...more });
    expect(problems).to.deep.equal([]);
    const [statement] = statements;
    expect(statement?.identifier).to.equal('batch:volta.example:B-1');
    expect(statement?.content).to.deep.equal({
      kind: 'batch.produced',
      kindVersion: 1,
      time: '2024-03-12',
      data: {
        bizStep: 'commissioning',
        manufacturerId: 'volta.example',
        manufacturerPartId: 'P-7',
        nameAtManufacturer: 'Door hinge',
        origin: 'rework',
        drawing: 'D-7 B',
        batchId: 'B-1',
        productionDate: '2024-03-12',
        carbonFootprint: { value: '1.25', unit: 'KGM' },
        inputs: [{ batch: 'batch:cella.example:C-1' }, { batch: 'batch:cella.example:C-2' }],
      },
      sealed: {
        customer: 'kunlun.example',
        quantity: { value: '500.5', unit: 'KGM' },
        inputQuantities: [{ batch: 'batch:cella.example:C-1', quantity: { value: '600', unit: 'C62' } }],
      },
    });
    expect(edges.map(({ child, relation }) => `${relation} ${child}`)).to.deep.equal([
      'madeOf batch:cella.example:C-1',
      'madeOf batch:cella.example:C-2',
    ]);
    if (statement !== undefined) {
      expect(contentOf(statement).sealed?.eventId).to.equal('batch:volta.example:B-1');
    }
  });

  it('name what is wrong by row and column, each of it', () => {
    expect(
      codes('batches', { ...batch, batch: 'a b', quantity: '-1', plant: 'no code!', made: '' }),
    ).to.deep.equal(['identifier.value row 2, column batch', 'quantity.invalid row 2, column quantity']);
    expect(codes('batches', { ...batch, plant: 'no code!' })).to.deep.equal([
      'kind.invalidData row 2, column plant',
    ]);
    expect(codes('batches', { ...batch, NAME: '' })).to.deep.equal([
      'csv.empty row 2, column nameAtManufacturer',
    ]);
    expect(codes('steps', { batch: 'batch:a.example:1', step: 'lost', time: '2024-02-30' })).to.deep.equal([
      'csv.value row 2, column step',
      'csv.time row 2, column time',
    ]);
    const short = mapRow(openTable('batches', Object.keys(batch)), { row: 3, cells: ['B-1'] });
    expect(short.problems.map(({ code }) => code)).to.deep.equal(['csv.cells']);
    const long = mapRow(openTable('batches', Object.keys(batch)), {
      row: 3,
      cells: [...Object.values(batch), 'x'],
    });
    expect(long.problems.map(({ code }) => code)).to.deep.equal(['csv.cells']);
  });

  it('name what the entry of a row has no place for, and say the rest', () => {
    const received = {
      batch: 'batch:a.example:1',
      step: 'received',
      time: '2024-03-14',
      to: 'b.example',
      customer: 'c.example',
    };
    const mapping = map('steps', received);
    expect(mapping.statements).to.have.length(1);
    expect(mapping.problems).to.deep.equal([
      {
        code: 'csv.notMapped',
        at: 'row 2, column customer',
        detail: mapping.problems[0]?.detail,
        note: true,
      },
    ]);
  });

  it('know a row by its own number, else by what it says', () => {
    const step = {
      batch: 'batch:a.example:1',
      step: 'shipped',
      time: '2024-03-14',
      from: 'a.example',
      quantity: '5',
    };
    const id = (record: Record<string, string>) => map('steps', record).source.id;
    expect(id(step)).to.equal(id({ ...step, quantity: '5' }));
    expect(id(step)).to.not.equal(id({ ...step, quantity: '6' }));
    expect(id({ ...step, id: 'LS-1' })).to.equal('LS-1');
  });

  it('say whose serial it is', () => {
    const table = openTable('serials', ['batch', 'serial', 'maker']);
    const of = (...cells: string[]) => mapSerial(cellsOf(table, { row: 2, cells }));
    expect(of('B-1', 'S-1', 'A.example')).to.deep.equal({
      batch: 'batch:a.example:B-1',
      serial: 'serial:a.example:S-1',
    });
    expect(of('batch:a.example:B-1', 'serial:b.example:S-1', '')).to.deep.equal({
      batch: 'batch:a.example:B-1',
      serial: 'serial:b.example:S-1',
    });
    const cells = cellsOf(table, { row: 2, cells: ['B-1', 'S 1', 'a.example'] });
    expect(mapSerial(cells)).to.equal(null);
    expect(cells.problems.map(({ code }) => code)).to.deep.equal(['identifier.value']);
  });

  it('read quantities exactly, or not at all', async () => {
    for (const text of [
      '-5',
      '+5',
      '1,5',
      '1e3',
      '1.',
      '.5',
      '',
      '١',
      '0x10',
      '1 000',
      '1.0000000001',
      '9'.repeat(16),
    ]) {
      await expectCode('quantity.invalid', () => quantityOf(text, 'KGM'));
    }
    await expectCode('quantity.invalid', () => quantityOf('1.5', 'C62'));
    await expectCode('quantity.invalid', () => quantityOf('1', 'toString'));
    expect(quantityOf('1.0')).to.deep.equal({ value: '1', unit: 'C62' });
    expect(quantityOf('0012.340', 'kgm')).to.deep.equal({ value: '12.34', unit: 'KGM' });
  });

  it('read times with their zone, in UTC, and no others', async () => {
    expect(timeOf('2024-03-12')).to.equal('2024-03-12');
    expect(timeOf('2024-03-12 01:30+08:00')).to.equal('2024-03-11T17:30:00Z');
    expect(timeOf('2024-03-12T01:30:15.5Z')).to.equal('2024-03-12T01:30:15Z');
    for (const text of [
      '2024-03-12T10:00:00',
      '12.03.2024',
      '45363',
      '2024-13-01',
      '2024-02-30T00:00:00Z',
      '2024-03-12T25:00:00Z',
    ]) {
      await expectCode('csv.time', () => timeOf(text));
    }
  });

  it('write inputs as they are read', () => {
    const input = fc.record({
      batch: fc.stringMatching(/^[!-~]{1,20}$/).map((value) => `batch:a.example:${value}`),
      quantity: fc.record({ value: fc.nat().map(String), unit: fc.constantFrom('C62', 'KGM') }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(input, { selector: ({ batch }) => batch, minLength: 1, maxLength: 8 }),
        (inputs) => {
          expect(inputsOf(inputsText(inputs))).to.deep.equal(inputs);
        },
      ),
    );
  });

  describe('installations', () => {
    const edge = (child: string, parent: string, time: string, ends = false): SupplyEdge => ({
      parent,
      child,
      relation: 'mounted',
      ...(ends ? { until: time } : { from: time }),
      source: { system: 'csv', id: '' },
    });
    const cyclic = (...edges: SupplyEdge[]) => [
      ...cyclicRows(edges.map((one, row) => ({ row, edge: one }))).keys(),
    ];

    it('that put a part into what is in it are named; once it is out again they may', () => {
      expect(
        cyclic(edge('a', 'b', '2024-01-01'), edge('b', 'c', '2024-01-02'), edge('c', 'a', '2024-01-03')),
      ).to.deep.equal([2]);
      // By their times, not by their rows.
      expect(
        cyclic(edge('c', 'a', '2024-01-03'), edge('a', 'b', '2024-01-01'), edge('b', 'c', '2024-01-02')),
      ).to.deep.equal([0]);
      const apart = edge('a', 'b', '2024-01-02', true);
      expect(cyclic(edge('a', 'b', '2024-01-01'), apart, edge('b', 'a', '2024-01-02'))).to.deep.equal([]);
    });

    it('before a part or its batch was made are told with what was made later', () => {
      const row = {
        vin: '1M8GDM9AXKP042788',
        part: 'serial:a.example:1',
        batch: 'batch:a.example:1',
        time: '2024-03-11T23:00:00Z',
        action: 'installed',
      };
      const [statement] = map('installations', row).statements;
      if (statement === undefined) throw new Error('it is no statement');
      const on = (days: Record<string, string>) => madeLater(statement, (thing) => days[thing]);
      expect(on({})).to.equal(null);
      expect(on({ 'serial:a.example:1': '2024-03-11' })).to.equal(null);
      expect(on({ 'batch:a.example:1': '2024-03-12' })).to.deep.equal({
        thing: 'batch:a.example:1',
        day: '2024-03-12',
      });
    });

    it('of a part in itself are refused', () => {
      const row = {
        vin: 'serial:a.example:1',
        part: 'serial:a.example:1',
        time: '2024-03-11',
        action: 'mounted',
      };
      expect(codes('installations', row)).to.deep.equal(['bom.cycle row 2, column part']);
    });
  });

  it('of anything give statements or reasons, and nothing else', () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        '2024-03-12',
        'shipped',
        'mounted',
        '5',
        '-5',
        'batch:a.example:1',
        '1M8GDM9AXKP042788',
        '__proto__',
      ),
    );
    for (const name of ['batches', 'installations', 'steps'] as const) {
      const columns = {
        batches: ['batch', 'maker', 'part number', 'name', 'produced on', 'quantity', 'inputs'],
        installations: ['vehicle', 'part', 'time', 'action', 'component', 'odometer', 'maker'],
        steps: ['batch', 'step', 'time', 'from', 'to', 'quantity', 'reason'],
      }[name];
      const table = openTable(name, columns);
      fc.assert(
        fc.property(fc.array(cell, { maxLength: 9 }), (cells) => {
          const { statements, problems } = mapRow(table, { row: 2, cells });
          expect(statements.length > 0 || problems.length > 0).to.equal(true);
        }),
      );
    }
  });
});
