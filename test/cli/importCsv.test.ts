import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { fromHex } from '../../core/bytes.ts';
import { type CsvRow, createReader } from '../../core/csv/reader.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type Beside, PASSWORD, sharedBeside, spawnVinculum, vinculum } from './fixture.ts';

const BATCHES =
  'batch,maker,part number,name,produced on,plant,drawing,carbon footprint,quantity,unit,made of';

describe('vinculum import csv, export csv', function () {
  this.timeout(180_000);
  let beside: Beside;
  let supplier: Awaited<ReturnType<Beside['test']['admit']>>;
  let number = 0;
  /** Every test has its own maker: the ledger is shared. */
  let maker: string;

  const keep = async (folder: string): Promise<string> => {
    const keystore = { name: 'supplier', secretKey: supplier.key, organisation: supplier.id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    return folder;
  };
  const newFolder = async () => keep(await beside.newFolder());
  const save = async (folder: string, name: string, rows: readonly string[] | Uint8Array) => {
    const file = join(folder, name);
    await writeFile(file, rows instanceof Uint8Array ? rows : `${rows.join('\n')}\n`);
    return file;
  };
  const importing = (folder: string, table: string, file: string, ...args: string[]) =>
    vinculum(folder, 'import', 'csv', table, file, '--json', '--keystore', 'supplier', ...args);
  const kindsOf = async (identifier: string): Promise<number[]> => {
    const { store } = beside.test.service.services;
    const rows = await store.query<{ kind: number }>(
      'SELECT kind FROM links WHERE subject = $1 ORDER BY position',
      [fromHex(beside.test.subject(parseIdentifier(identifier)), 32)],
    );
    return rows.map(({ kind }) => Number(kind));
  };
  const rowsOf = async (file: string): Promise<(readonly string[])[]> => {
    const reader = createReader({ delimiter: ',' });
    const text = (await readFile(file, 'utf8')).replace('\ufeff', '');
    return [...reader.push(text), ...reader.end()].map((row) => (row as CsvRow).cells);
  };
  const codesOf = async (file: string): Promise<(string | undefined)[]> => {
    const [heading = [], ...rows] = await rowsOf(file);
    return rows.map((cells) => cells[heading.indexOf('error')]);
  };

  before(async () => {
    beside = await sharedBeside();
    supplier = await beside.test.admit('Supplier of tables', ['supplier', 'manufacturer', 'workshop']);
    await keep(beside.folder);
  });
  beforeEach(() => {
    number += 1;
    maker = `tables${number}.example`;
  });

  describe('batches', () => {
    it('puts each on the ledger once, names what it has no place for, and a second run adds nothing', async () => {
      const folder = await newFolder();
      const file = await save(folder, 'batches.csv', [
        `${BATCHES},colour`,
        `B-1,${maker},P-7,Door hinge,2024-03-12,PORTO-1,D-7 B,1.25,500,,batch:cella.example:C-1 600 C62,red`,
        `B-2,${maker},P-7,"Door hinge, left",2024-03-13,,,,12.5,kgm,,`,
      ]);
      const first = await importing(folder, 'batches', file);
      expect(first.exit, first.stderr).to.equal(0);
      expect(first.json).to.include({ sources: 2, imported: 2, entries: 2, errors: 0 });
      expect(first.json.notes).to.deep.equal({ 'csv.notMapped': 1 });
      expect(await kindsOf(`batch:${maker}:B-1`)).to.deep.equal([96]);
      const again = await importing(folder, 'batches', file);
      expect(again.json).to.include({ imported: 0, alreadyThere: 2, errors: 0 });
      const elsewhere = await newFolder();
      const byLedger = await importing(elsewhere, 'batches', file);
      expect(byLedger.json, byLedger.stderr).to.include({ imported: 0, alreadyThere: 2, errors: 0 });
      expect(await kindsOf(`batch:${maker}:B-1`)).to.deep.equal([96]);
    });

    it('keeps what is wrong in a table that is imported once it is mended', async () => {
      const folder = await newFolder();
      const rows = [
        BATCHES,
        `B-1,${maker},P-7,Hinge,2024-03-12,,,,-5,,`,
        `B-2,${maker},P-7,Hinge,2024-03-12,,,,1.5,C62,`,
        `B-3,${maker},P-7,Hinge,12.03.2024,,,,5,,`,
        `B-4,${maker},P-7,"Hinge,2024-03-12,,,,5,,`,
        `B-5,${maker},P-7,Hinge,2024-03-12,,,,5,,`,
        `B-5,${maker},P-7,Another hinge,2024-03-12,,,,5,,`,
        `B-6,${maker},,Hinge,2024-03-12,,,,5,,`,
        `B-7,${maker},P-7,Hinge,2024-03-12,,,,5,,batch:${maker}:B-8`,
        `B-8,${maker},P-7,Hinge,2024-03-12,,,,5,,batch:${maker}:B-7 3`,
      ];
      const file = await save(folder, 'wrong.csv', rows);
      const first = await importing(folder, 'batches', file);
      expect(first.exit).to.equal(1);
      expect(first.json).to.include({ sources: 9, imported: 1, errors: 8 });
      const errors = String(first.json.errorsFile);
      expect(await codesOf(errors)).to.have.members([
        'quantity.invalid',
        'quantity.invalid',
        'csv.time',
        'csv.quote',
        'batch.numberUsed',
        'csv.empty',
        'bom.cycle',
        'bom.cycle',
      ]);
      const text = await readFile(errors, 'utf8');
      const mended = text
        .replace("'-5", '5')
        .replace('1.5,C62', '15,C62')
        .replace('12.03.2024', '2024-03-12')
        .replace('B-5', 'B-9')
        .replace(`${maker},,Hinge`, `${maker},P-7,Hinge`)
        .replace(`batch:${maker}:B-8,`, ',')
        .split('\r\n')
        .filter((line) => !line.includes('csv.quote'));
      const second = await importing(folder, 'batches', await save(folder, 'mended.csv', mended));
      expect(second.json, second.stderr).to.include({ imported: 7, errors: 0 });
      const third = await importing(folder, 'batches', file);
      expect(third.json).to.include({ imported: 0, alreadyThere: 1, errors: 8 });
      expect(await kindsOf(`batch:${maker}:B-7`)).to.deep.equal([96]);
    });

    it('never writes over a table that it reads', async () => {
      const folder = await newFolder();
      const file = await save(folder, 'p.csv', [BATCHES, `B-1,${maker},P-7,Hinge,12.03.2024,,,,5,,`]);
      const { json } = await importing(folder, 'batches', file);
      const errors = String(json.errorsFile);
      const again = await importing(folder, 'batches', file, errors);
      expect([again.exit, again.json.error.code]).to.deep.equal([2, 'import.errorsFile']);
      expect(await rowsOf(errors)).to.have.lengthOf(2);
      const noted = await importing(folder, 'batches', file, '--notes', file);
      expect(noted.json.error.code).to.equal('import.errorsFile');
    });

    it('writes what can’t be imported as it was meant, however often it goes through', async () => {
      const folder = await newFolder();
      const row = `'-B,${maker},P-7,Hinge,12.03.2024,,,,5,,`;
      let file = await save(folder, 'guarded.csv', [BATCHES, row]);
      for (let round = 0; round < 2; round++) {
        const { json } = await importing(folder, 'batches', file);
        const [, [cell] = []] = await rowsOf(String(json.errorsFile));
        expect(cell).to.equal("'-B");
        file = await save(folder, `again${round}.csv`, await readFile(String(json.errorsFile)));
      }
    });

    it('refuses a number that is used, by whatever way and in whatever journal', async () => {
      const folder = await newFolder();
      const row = `B-1,${maker},P-7,Hinge,2024-03-12,,,,5,,`;
      await importing(folder, 'batches', await save(folder, 'one.csv', [BATCHES, row]));
      const other = await save(folder, 'two.csv', [BATCHES, row.replace('Hinge', 'Lock')]);
      const same = await importing(folder, 'batches', other);
      expect(await codesOf(String(same.json.errorsFile))).to.deep.equal(['batch.numberUsed']);
      const elsewhere = await newFolder();
      const byLedger = await importing(elsewhere, 'batches', other);
      expect(await codesOf(String(byLedger.json.errorsFile))).to.deep.equal(['batch.numberUsed']);
    });

    it('reads what its bytes say, and refuses what they don’t', async () => {
      const folder = await newFolder();
      const heading = '批次;制造商;零件号;名称;生产日期';
      const utf16 = Buffer.from(`\ufeff${heading}\r\nU-1;${maker};P-7;门铰链;2024-03-12\r\n`, 'utf16le');
      const wide = await importing(folder, 'batches', await save(folder, 'utf16.csv', utf16));
      expect(wide.json, wide.stderr).to.include({ imported: 1, errors: 0 });
      // “批次,制造商,零件号,名称,生产日期” and “门铰链” in GB18030.
      const gb = Buffer.concat([
        Buffer.from('c5fab4ce2cd6c6d4ecc9cc2cc1e3bcfebac52cc3fbb3c62cc9fab2fac8d5c6da0a', 'hex'),
        Buffer.from(`G-1,${maker},P-7,`),
        Buffer.from('c3c5bdc2c1b4', 'hex'),
        Buffer.from(',2024-03-12\n'),
      ]);
      const gbFile = await save(folder, 'gb18030.csv', gb);
      const told = await importing(folder, 'batches', gbFile, '--encoding', 'gb18030');
      expect(told.json, told.stderr).to.include({ imported: 1, errors: 0 });
      const detected = await importing(folder, 'batches', gbFile);
      expect(detected.json).to.include({ imported: 0, alreadyThere: 1 });
      for (const [name, args] of [
        ['utf16.csv', ['--encoding', 'gb18030']],
        ['gb18030.csv', ['--encoding', 'utf-8']],
      ] as const) {
        const refused = await importing(folder, 'batches', join(folder, name), ...args);
        expect(refused.json.error.code, name).to.equal('csv.encoding');
      }
      const latin = Buffer.from(
        `${BATCHES}\nL-1,${maker},P-7,Türscharnier für Größe,2024-03-12,,,,,,\n`,
        'latin1',
      );
      const western = await importing(folder, 'batches', await save(folder, 'latin1.csv', latin));
      expect(western.json.error.code).to.equal('csv.encoding');
    });
  });

  describe('serials', () => {
    const heading = 'batch,serial,maker,part number,name,produced on';
    const row = (batch: string, serial: string) => `${batch},${serial},${maker},P-7,Hinge,2024-03-12`;

    it('groups the rows into batches, whose members can be proven; again it adds nothing', async () => {
      const folder = await newFolder();
      const rows = Array.from({ length: 5000 }, (_, index) => row(index % 5 === 0 ? 'A' : 'B', `S-${index}`));
      const file = await save(folder, 'serials.csv', [heading, ...rows]);
      const first = await importing(folder, 'serials', file);
      expect(first.exit, first.stderr).to.equal(0);
      expect(first.json).to.include({ imported: 2, entries: 2, serials: 5000, batches: 2, errors: 0 });
      const { sets } = beside.test.service.services;
      const of = async (serial: string) =>
        (await sets.batchesOf(parseIdentifier(`serial:${maker}:${serial}`))).map(
          ({ identifier }) => identifier,
        );
      expect(await of('S-5')).to.deep.equal([`batch:${maker}:A`]);
      expect(await of('S-6')).to.deep.equal([`batch:${maker}:B`]);
      expect(await of('S-5000')).to.deep.equal([]);
      const shuffled = await save(folder, 'shuffled.csv', [heading, ...rows.reverse()]);
      const again = await importing(folder, 'serials', shuffled);
      expect(again.json, again.stderr).to.include({ imported: 0, alreadyThere: 2, errors: 0 });
      const other = await save(folder, 'other.csv', [heading, ...rows.slice(1)]);
      const changed = await importing(folder, 'serials', other);
      expect(changed.json).to.include({ imported: 0, alreadyThere: 1, errors: 1 });
      const [firstCode, ...held] = await codesOf(String(changed.json.errorsFile));
      expect(firstCode).to.equal('batch.numberUsed');
      expect(new Set(held)).to.deep.equal(new Set(['csv.heldBack']));
    });

    it('knows the serials of a batch on the ledger by their root, where its journal is elsewhere', async () => {
      const rows = Array.from({ length: 2500 }, (_, index) => row('A', `R-${index}`));
      rows.push(row('B', 'R-few-1'), row('B', 'R-few-2'));
      const folder = await newFolder();
      await importing(folder, 'serials', await save(folder, 'here.csv', [heading, ...rows]));
      const elsewhere = await newFolder();
      const same = await importing(elsewhere, 'serials', await save(elsewhere, 's.csv', [heading, ...rows]));
      expect(same.json, same.stderr).to.include({ imported: 0, alreadyThere: 2, errors: 0 });
      const corrected = [
        heading,
        ...rows.map((text) => text.replace('R-7,', 'R-7x,').replace('few-2', 'few-3')),
      ];
      const third = await newFolder();
      const file = await save(third, 'corrected.csv', corrected);
      const changed = await importing(third, 'serials', file, '--no-check');
      expect(changed.exit).to.equal(1);
      expect(changed.json).to.include({ imported: 0, alreadyThere: 0 });
      expect(await codesOf(String(changed.json.errorsFile))).to.include('batch.numberUsed');
    });

    it('names duplicates in one batch and across batches with both rows, and holds their batches back', async () => {
      const folder = await newFolder();
      const file = await save(folder, 'twice.csv', [
        heading,
        row('A', 'S-1'),
        row('A', 'S-2'),
        row('A', 'S-1'),
        row('B', 'S-3'),
        row('C', 'S-4'),
        row('D', 'S-4'),
        row('D', 'S-5'),
        row('E', 'S-6').replace('Hinge', '=HINGE()'),
        row('E', 'S-7'),
      ]);
      const first = await importing(folder, 'serials', file);
      expect(first.json).to.include({ imported: 1, errors: 5 });
      const errors = String(first.json.errorsFile);
      const [head = [], ...rows] = await rowsOf(errors);
      const told = rows.map((cells) => [...cells.slice(0, 2), cells[head.indexOf('error')]].join(' '));
      expect(told).to.have.members([
        'A S-1 serial.duplicate',
        'A S-2 csv.heldBack',
        'A S-1 serial.duplicate',
        'C S-4 serial.duplicate',
        'D S-4 serial.duplicate',
        'D S-5 csv.heldBack',
        'E S-7 csv.contradicts',
        'E S-6 csv.heldBack',
      ]);
      const details = rows.map((cells) => String(cells[head.indexOf('errorDetail')]));
      expect(details.filter((detail) => detail.includes('rows 2 and 4'))).to.have.length(2);
      expect(
        details.filter((detail) => detail.includes(`batch:${maker}:C and batch:${maker}:D`)),
      ).to.have.length(2);
      const guarded = await readFile(errors, 'utf8');
      expect(guarded)
        .to.include(`"'=HINGE()"`)
        .and.not.match(/(?:^|,)=/m);
      const lines = guarded.split('\r\n');
      const mended = lines
        .filter((line, index) => lines.findIndex((one) => one.split(',')[1] === line.split(',')[1]) === index)
        .map((line) => line.replace(`"'=HINGE()"`, 'Hinge'));
      const second = await importing(folder, 'serials', await save(folder, 'mended.csv', mended));
      // C keeps S-4; D is there with S-5 alone.
      expect(second.json, second.stderr).to.include({ imported: 4, serials: 6, errors: 0 });
    });

    it('refuses a serial that another batch on the ledger lists, unless it is told not to ask', async () => {
      const folder = await newFolder();
      const first = await save(folder, 'first.csv', [heading, row('A', 'S-1'), row('A', 'S-2')]);
      await importing(folder, 'serials', first);
      const second = await save(folder, 'second.csv', [heading, row('B', 'S-2'), row('B', 'S-3')]);
      const asked = await importing(await newFolder(), 'serials', second);
      expect(asked.json).to.include({ imported: 0, errors: 1 });
      expect(await codesOf(String(asked.json.errorsFile))).to.have.members([
        'serial.duplicate',
        'csv.heldBack',
      ]);
      const unasked = await importing(await newFolder(), 'serials', second, '--no-check');
      expect(unasked.json, unasked.stderr).to.include({ imported: 1, errors: 0 });
      // What others list is nobody's to learn from this.
      const rival = await beside.test.admit(`Rival of ${maker}`, ['supplier']);
      const elsewhere = await beside.newFolder();
      const keystore = { name: 'supplier', secretKey: rival.key, organisation: rival.id };
      await writeKeystore(keysFolder(elsewhere), keystore, PASSWORD, { strength: 'light' });
      const theirs = await save(elsewhere, 'theirs.csv', [heading, row('R', 'S-1')]);
      const told = await importing(elsewhere, 'serials', theirs);
      expect(told.json, told.stderr).to.include({ imported: 1, errors: 0 });
    });

    it('takes what batches are from a table of them, and says which have no description', async () => {
      const folder = await newFolder();
      const batches = await save(folder, 'batches.csv', [BATCHES, `A,${maker},P-7,Hinge,2024-03-12,,,,2,,`]);
      const serials = await save(folder, 'serials.csv', ['batch,serial', 'A,S-1', 'A,S-2', 'B,S-3']);
      const args = ['--batches', batches, '--party', maker];
      const first = await importing(folder, 'serials', serials, ...args);
      expect(first.json, first.stderr).to.include({ imported: 1, errors: 1 });
      expect(await codesOf(String(first.json.errorsFile))).to.deep.equal(['csv.empty']);
    });

    it('goes on after it was killed at any moment, and nothing is doubled', async () => {
      const folder = await newFolder();
      const rows = Array.from({ length: 40 }, (_, batch) =>
        Array.from({ length: 100 }, (_, index) => row(`K-${batch}`, `K-${batch}-${index}`)),
      ).flat();
      const file = await save(folder, 'many.csv', [heading, ...rows]);
      for (const delay of [900, 1500, 2200]) {
        const child = spawnVinculum(
          folder,
          ...['import', 'csv', 'serials', file, '--json', '--keystore', 'supplier', '--batch', '5'],
        );
        const ended = once(child, 'exit');
        setTimeout(() => child.kill('SIGKILL'), delay);
        await ended;
      }
      const last = await importing(folder, 'serials', file, '--batch', '5');
      expect(last.exit, last.stderr).to.equal(0);
      for (const batch of [0, 17, 39]) expect(await kindsOf(`batch:${maker}:K-${batch}`)).to.deep.equal([96]);
      const { sets } = beside.test.service.services;
      for (const batch of [0, 17, 39]) {
        const listing = await sets.batchesOf(parseIdentifier(`serial:${maker}:K-${batch}-99`));
        expect(listing.map(({ identifier }) => identifier)).to.deep.equal([`batch:${maker}:K-${batch}`]);
      }
    });
  });

  describe('installations and steps', () => {
    it('say what was mounted and removed, but nothing before it was made and nothing in itself', async () => {
      const folder = await newFolder();
      const batch = await save(folder, 'batches.csv', [BATCHES, `A,${maker},P-7,Airbag,2024-03-12,,,,,,`]);
      await importing(folder, 'batches', batch);
      const vin = '1M8GDM9AXKP042788';
      const part = (name: string) => `serial:${maker}:${name}`;
      const file = await save(folder, 'installations.csv', [
        'vin,part,component,position,time,action,batch,mileage,technician',
        `${vin},${part('S-1')},airbags,DRIVER,2024-05-01,mounted,batch:${maker}:A,120,Ada`,
        `${vin},${part('S-1')},airbags,DRIVER,2024-06-01T10:00:00+02:00,removed,,500,`,
        `${vin},${part('S-2')},airbags,,2024-03-11,mounted,batch:${maker}:A,,`,
        `${vin},${part('S-3')},wings,,2024-05-01,mounted,,,`,
        `${part('S-4')},${part('S-5')},,,2024-05-01,mounted,,,`,
        `${part('S-5')},${part('S-4')},,,2024-05-02,mounted,,,`,
        `1M8GDM9AXKP042789,${part('S-6')},,,2024-05-02,mounted,,,`,
        `${vin},${part('S-1')},airbags,DRIVER,2024-05-01,mounted,batch:${maker}:A,120,Ada`,
      ]);
      const first = await importing(folder, 'installations', file);
      expect(first.json, first.stderr).to.include({ imported: 3, errors: 4, duplicates: 1 });
      expect(await codesOf(String(first.json.errorsFile))).to.have.members([
        'part.beforeMade',
        'kind.invalidData',
        'bom.cycle',
        'vin.checkDigit',
      ]);
      expect(await kindsOf(part('S-4'))).to.deep.equal([104]);
      const again = await importing(folder, 'installations', file);
      expect(again.json).to.include({ imported: 0, alreadyThere: 3 });
    });

    it('say what became of batches; their export gives the same rows again', async () => {
      const folder = await newFolder();
      const name = `batch:${maker}:A`;
      await importing(
        folder,
        'batches',
        await save(folder, 'batches.csv', [BATCHES, `A,${maker},P-7,Airbag,2024-03-12,,,,500,,`]),
      );
      const file = await save(folder, 'steps.csv', [
        'batch,step,time,quantity,consignment,customer,reason,note',
        `${name},shipped,2024-03-14,200,LS-1,kunlun.example,,"=cmd|' /C calc'!A0"`,
        `${name},quarantined,2024-03-15,50,,,defectFound,`,
        `${name},released,2024-03-16,50,,,,`,
        `${name},received,2024-03-16,-1,LS-1,,,`,
      ]);
      const first = await importing(folder, 'steps', file, '--party', maker);
      expect(first.json, first.stderr).to.include({ imported: 3, errors: 1 });
      expect(await kindsOf(name)).to.deep.equal([96, 97, 99, 100]);
      const signed = ['--keystore', 'supplier'];
      const table = join(folder, 'export.csv');
      const steps = await vinculum(
        folder,
        'export',
        'csv',
        name,
        '--table',
        'steps',
        '-o',
        table,
        '--json',
        ...signed,
      );
      expect(steps.exit, steps.stderr).to.equal(0);
      expect(steps.json).to.include({ rows: 3 });
      expect(await readFile(table, 'utf8')).to.not.match(/(?:^|,)"?[=+@-]/m);
      const again = await importing(folder, 'steps', table);
      expect(again.json, again.stderr).to.include({ imported: 0, alreadyThere: 3, errors: 0 });
      const whole = join(folder, 'whole.csv');
      await vinculum(folder, 'export', 'csv', name, '-o', whole, ...signed);
      expect((await stat(whole)).mode & 0o777).to.equal(0o600);
      const [heading = [], ...rows] = await rowsOf(whole);
      expect(rows.map((cells) => cells[heading.indexOf('kind')])).to.have.length(4);
      expect(rows.map((cells) => cells[heading.indexOf('sealed.lot')])).to.include('LS-1');
      // Without a key nothing that is sealed is in it.
      await vinculum(folder, 'export', 'csv', name, '-o', whole);
      expect((await rowsOf(whole))[0]).to.not.include('sealed.lot');
    });
  });
});
