import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { fromHex } from '../../core/bytes.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { kindByName } from '../../core/kinds/kinds.ts';
import { documentOf, gs1Judge, sharedDocuments } from '../core/epcis/documents.ts';
import { sharedFile } from '../shared.ts';
import { type Beside, PASSWORD, sharedBeside, spawnVinculum, vinculum } from './fixture.ts';

const GTIN = '04012345111118';
const batchOf = (lot: string) => `batch:id.gs1.org:01/${GTIN}/10/${lot}`;
const classOf = (lot: string) => `urn:epc:class:lgtin:4012345.011111.${lot}`;
const partOf = (serial: string) => `urn:epc:id:sgtin:4012345.011111.${serial}`;

const base = {
  type: 'ObjectEvent',
  eventTime: '2024-03-01T10:00:00Z',
  eventTimeZoneOffset: '+01:00',
  readPoint: { id: 'urn:epc:id:sgln:4012345.00005.0' },
};
const commissioned = (lot: string, id: string, more: object = {}) => ({
  ...base,
  eventID: `urn:uuid:${id}`,
  action: 'ADD',
  bizStep: 'commissioning',
  quantityList: [{ epcClass: classOf(lot), quantity: 500 }],
  ...more,
});
const shipped = (lot: string, id: string, more: object = {}) => ({
  ...base,
  eventID: `urn:uuid:${id}`,
  action: 'OBSERVE',
  bizStep: 'shipping',
  quantityList: [{ epcClass: classOf(lot), quantity: 20 }],
  ...more,
});

describe('vinculum import epcis, export epcis', function () {
  this.timeout(180_000);
  let beside: Beside;
  let supplier: Awaited<ReturnType<Beside['test']['admit']>>;

  const keep = async (folder: string): Promise<string> => {
    const keystore = { name: 'importer', secretKey: supplier.key, organisation: supplier.id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    return folder;
  };
  const newFolder = async () => keep(await beside.newFolder());
  const save = async (folder: string, name: string, events: readonly unknown[], context?: object) => {
    const file = join(folder, name);
    const text = JSON.stringify(documentOf(events, context));
    await writeFile(file, name.endsWith('.gz') ? gzipSync(text) : text);
    return file;
  };
  const importing = (folder: string, file: string, ...args: string[]) =>
    vinculum(folder, 'import', 'epcis', file, '--json', '--keystore', 'importer', ...args);
  const kindsOf = async (identifier: string): Promise<number[]> => {
    const { store } = beside.test.service.services;
    const subject = beside.test.subject(parseIdentifier(identifier));
    const rows = await store.query<{ kind: number }>(
      'SELECT kind FROM links WHERE subject = $1 ORDER BY position',
      [fromHex(subject, 32)],
    );
    return rows.map(({ kind }) => Number(kind));
  };
  const linesOf = async (file: string): Promise<Record<string, unknown>[]> =>
    (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  before(async () => {
    beside = await sharedBeside();
    supplier = await beside.test.admit('Supplier of parts', ['supplier', 'manufacturer']);
    await keep(beside.folder);
  });

  it('puts what events say on the ledger, proves the serials of a batch, and a second run adds nothing', async () => {
    const serials = ['a1', 'a2', 'a3'];
    const events = [
      commissioned('A', '1'),
      shipped('A', '2', { 'ex:colour': 'red' }),
      commissioned('AS', '3', { quantityList: [], epcList: serials.map(partOf), ilmd: { 'ex:lot': 'AS' } }),
      {
        ...base,
        eventID: 'urn:uuid:4',
        action: 'OBSERVE',
        bizStep: 'packing',
        epcList: ['urn:epc:id:sscc:4012345.3111111111'],
      },
    ];
    const file = await save(beside.folder, 'plain.jsonld.gz', events, { ex: 'https://ns.example.com/' });
    const notesFile = join(beside.folder, 'notes.ndjson');
    const first = await importing(beside.folder, file, '--notes', notesFile);
    expect(first.exit, first.stderr).to.equal(0);
    expect(first.json).to.include({
      sources: 4,
      imported: 3,
      entries: 3,
      notMapped: 1,
      errors: 0,
      duplicates: 0,
    });
    expect(await kindsOf(batchOf('A'))).to.deep.equal([96, 97]);
    expect(await kindsOf(batchOf('AS'))).to.deep.equal([96]);

    const notes = await linesOf(notesFile);
    expect(notes.map(({ code, at }) => [code, at])).to.deep.include([
      'epcis.extension',
      'events[1].ex:colour',
    ]);
    expect(notes.find(({ code, at }) => code === 'import.aside' && at === 'events[1]')?.aside).to.deep.equal({
      'ex:colour': 'red',
    });
    const { sets } = beside.test.service.services;
    for (const serial of serials) {
      const listing = await sets.batchesOf(parseIdentifier(`serial:id.gs1.org:01/${GTIN}/21/${serial}`));
      expect(listing.map(({ identifier }) => identifier)).to.deep.equal([batchOf('AS')]);
    }

    const second = await importing(beside.folder, file);
    expect(second.json).to.include({
      imported: 0,
      entries: 0,
      alreadyThere: 3,
      notMapped: 1,
      submissions: 0,
    });
    expect(await kindsOf(batchOf('A'))).to.deep.equal([96, 97]);
  });

  it('answers an event that is there under another name, or changed, as such', async () => {
    const event = commissioned('B', '10');
    await importing(beside.folder, await save(beside.folder, 'b.jsonld', [event]));
    const changed = { ...event, quantityList: [{ epcClass: classOf('B'), quantity: 1 }] };
    const recorded = { ...event, recordTime: '2024-03-02T00:00:00Z' };
    const renamed = {
      ...event,
      eventID: 'urn:uuid:11',
      quantityList: [{ epcClass: `https://id.gs1.org/01/${GTIN}/10/B`, quantity: 500 }],
    };
    const { eventID: _, ...unnamed } = event;
    const file = await save(beside.folder, 'b2.jsonld', [recorded, changed, renamed, unnamed]);
    const [errorsFile, notesFile] = [join(beside.folder, 'b.errors'), join(beside.folder, 'b.notes')];
    const again = await importing(beside.folder, file, '--errors', errorsFile, '--notes', notesFile);
    expect(again.exit).to.equal(1);
    expect(again.json).to.include({ imported: 0, alreadyThere: 1, duplicates: 2, errors: 1 });
    expect((await linesOf(errorsFile)).map(({ code, at }) => [code, at])).to.deep.equal([
      ['import.changed', 'events[1]'],
    ]);
    expect((await linesOf(notesFile)).map(({ code, at }) => [code, at])).to.deep.equal([
      ['import.duplicate', 'events[2]'],
      ['import.duplicate', 'events[3]'],
    ]);
    expect(await kindsOf(batchOf('B'))).to.deep.equal([96]);
  });

  it('adds nothing where the journal is lost: the ledger tells its attester which events are there', async () => {
    const events = [commissioned('C', '20'), shipped('C', '21')];
    await importing(beside.folder, await save(beside.folder, 'c.jsonld', events.slice(0, 1)));
    const elsewhere = await newFolder();
    const again = await importing(elsewhere, await save(elsewhere, 'c.jsonld', events));
    expect(again.json, again.stderr).to.include({ imported: 1, entries: 1, alreadyThere: 1, errors: 0 });
    expect(await kindsOf(batchOf('C'))).to.deep.equal([96, 97]);
  });

  it('corrects and retracts what an event declares to be in error, once', async () => {
    const [wrong, never] = [shipped('D', '31'), shipped('D', '32', { eventTime: '2024-03-02T10:00:00Z' })];
    const originals = [commissioned('D', '30'), wrong, never];
    await importing(beside.folder, await save(beside.folder, 'd.jsonld', originals));
    const declaring = (event: object, more: object) => ({
      ...event,
      errorDeclaration: { declarationTime: '2024-03-05T10:00:00Z', ...more },
    });
    const right = shipped('D', '33', { quantityList: [{ epcClass: classOf('D'), quantity: 21 }] });
    const file = await save(beside.folder, 'd2.jsonld', [
      right,
      declaring(wrong, { reason: 'incorrect_data', correctiveEventIDs: ['urn:uuid:33'] }),
      declaring(never, { reason: 'did_not_occur' }),
      declaring(shipped('D', '39', { eventTime: '2024-03-09T10:00:00Z' }), { reason: 'did_not_occur' }),
    ]);
    const notesFile = join(beside.folder, 'd.notes');
    const corrected = await importing(beside.folder, file, '--notes', notesFile);
    expect(corrected.json, corrected.stderr).to.include({ entries: 2, errors: 0 });
    expect(await kindsOf(batchOf('D'))).to.deep.equal([96, 97, 97, 120, 120]);
    expect((await linesOf(notesFile)).map(({ code }) => code)).to.include('epcis.originalUnknown');

    const output = join(beside.folder, 'd.export.jsonld');
    const exported = await vinculum(
      beside.folder,
      'export',
      'epcis',
      batchOf('D'),
      '--json',
      '-o',
      output,
      '--keystore',
      'importer',
    );
    expect(exported.exit, exported.stderr).to.equal(0);
    const document = JSON.parse(await readFile(output, 'utf8'));
    const events = document.epcisBody.eventList as Record<string, unknown>[];
    expect(
      events.map(({ bizStep, quantityList, errorDeclaration }) => [
        bizStep,
        quantityList,
        errorDeclaration !== undefined,
      ]),
    ).to.deep.equal([
      ['commissioning', [{ epcClass: `https://id.gs1.org/01/${GTIN}/10/D`, quantity: 500 }], false],
      ['shipping', [{ epcClass: `https://id.gs1.org/01/${GTIN}/10/D`, quantity: 21 }], false],
      ['shipping', [{ epcClass: `https://id.gs1.org/01/${GTIN}/10/D`, quantity: 20 }], true],
    ]);

    const again = await importing(beside.folder, file);
    expect(again.json).to.include({ entries: 0, errors: 0 });
    expect(await kindsOf(batchOf('D'))).to.deep.equal([96, 97, 97, 120, 120]);
  });

  it('notes what is wrong with an event, and imports the others', async () => {
    const events = [
      commissioned('E', '40', { quantityList: [{ epcClass: classOf('E'), quantity: -5 }] }),
      commissioned('E1', '41', { quantityList: [{ epcClass: classOf('E1'), quantity: 1.5 }] }),
      { ...commissioned('E2', '42'), eventTime: '2201-01-01T00:00:00Z' },
      { ...commissioned('E3', '43'), action: 'CREATE' },
      commissioned('E4', '44'),
    ];
    const errorsFile = join(beside.folder, 'e.errors');
    const imported = await importing(
      beside.folder,
      await save(beside.folder, 'e.jsonld', events),
      '--errors',
      errorsFile,
    );
    expect(imported.exit).to.equal(1);
    expect(imported.json).to.include({ imported: 1, errors: 4 });
    const errors = await linesOf(errorsFile);
    expect(new Map(errors.map(({ code, at }) => [at, code]))).to.deep.equal(
      new Map([
        ['events[0].quantityList[0]', 'quantity.invalid'],
        ['events[1].quantityList[0]', 'quantity.invalid'],
        ['events[2]', 'import.future'],
        ['events[3].action', 'epcis.invalid'],
      ]),
    );
    // Corrected, the rest follows.
    const corrected = events.map((event) => ({
      ...event,
      action: 'ADD',
      eventTime: base.eventTime,
      quantityList: [{ epcClass: classOf(event.eventID.slice(-2)) }],
    }));
    const second = await importing(
      beside.folder,
      await save(beside.folder, 'e.jsonld', corrected),
      '--errors',
      errorsFile,
    );
    expect(second.json, second.stderr).to.include({ imported: 4, errors: 1 });
  });

  it('refuses a file that is no EPCIS document, with the reason, before anything is done', async () => {
    const text = JSON.stringify(documentOf([commissioned('F', '50')]));
    const files: [string, string | Buffer, string][] = [
      ['utf16.jsonld', Buffer.from(`\ufeff${text}`, 'utf16le'), 'epcis.encoding'],
      ['cut.jsonld', text.slice(0, -3), 'epcis.malformed'],
      ['other.jsonld', '{"type":"Report"}', 'epcis.notEpcis'],
      ['version.jsonld', text.replace('"2.0"', '2'), 'epcis.invalid'],
      ['table.csv', 'batch,serial\n1,2\n', 'epcis.malformed'],
    ];
    for (const [name, content, code] of files) {
      const file = join(beside.folder, name);
      await writeFile(file, content);
      const refused = await importing(beside.folder, file);
      expect([refused.exit, refused.json?.error?.code], name).to.deep.equal([2, code]);
    }
    expect(await kindsOf(batchOf('F'))).to.deep.equal([]);
  });

  it('continues after a kill, and doubles nothing', async () => {
    const lots = Array.from({ length: 120 }, (_, index) => `K${index}`);
    const events = lots.flatMap((lot, index) => [commissioned(lot, `k${index}`), shipped(lot, `s${index}`)]);
    const folder = await newFolder();
    const file = await save(folder, 'killed.jsonld', events);
    const count = async () => {
      const { store } = beside.test.service.services;
      const [row] = await store.query<{ n: number }>(
        'SELECT count(*) AS n FROM links WHERE organisation = $1 AND kind IN (96, 97)',
        [supplier.id],
      );
      return Number(row?.n);
    };
    const before = await count();
    const child = spawnVinculum(folder, 'import', 'epcis', file, '--keystore', 'importer', '--batch', '10');
    const exited = once(child, 'exit');
    await beside.test.until(async () => (await count()) > before, 60_000);
    child.kill('SIGKILL');
    await exited;
    const again = await importing(folder, file, '--batch', '10');
    expect(again.exit, again.stderr).to.equal(0);
    expect(await count()).to.equal(before + events.length);
    for (const lot of ['K0', 'K60', 'K119']) expect(await kindsOf(batchOf(lot)), lot).to.deep.equal([96, 97]);
    const third = await importing(folder, file);
    expect(third.json).to.include({ imported: 0, alreadyThere: events.length });
  });

  it('continues one event of many parts after a kill, with all of its entries', async () => {
    const serials = Array.from({ length: 120 }, (_, index) => `big${index}`);
    const event = { ...base, eventID: 'urn:uuid:big', action: 'ADD', bizStep: 'commissioning' };
    const folder = await newFolder();
    const file = await save(folder, 'big.jsonld', [{ ...event, epcList: serials.map(partOf) }]);
    const made = kindByName('part.produced')?.number ?? 0;
    const count = async () => {
      const { store } = beside.test.service.services;
      const [row] = await store.query<{ n: number }>(
        'SELECT count(*) AS n FROM links WHERE organisation = $1 AND kind = $2',
        [supplier.id, made],
      );
      return Number(row?.n);
    };
    const before = await count();
    const child = spawnVinculum(folder, 'import', 'epcis', file, '--keystore', 'importer', '--batch', '10');
    const exited = once(child, 'exit');
    await beside.test.until(async () => (await count()) > before, 60_000);
    child.kill('SIGKILL');
    await exited;
    const again = await importing(folder, file, '--batch', '25');
    expect(again.exit, again.stderr).to.equal(0);
    expect(await count()).to.equal(before + serials.length);
    expect((await importing(folder, file)).json).to.include({ imported: 0, alreadyThere: 1 });

    // All of them are taken back, wherever the first run was cut off.
    const errorDeclaration = { declarationTime: '2024-04-01T00:00:00Z' };
    const declared = { ...event, epcList: serials.map(partOf), errorDeclaration };
    const amended = await importing(folder, await save(folder, 'big.error.jsonld', [declared]));
    expect(amended.json, amended.stderr).to.include({ imported: 1, entries: serials.length, errors: 0 });
    const last = `serial:id.gs1.org:01/${GTIN}/21/big119`;
    expect(await kindsOf(last)).to.deep.equal([made, kindByName('amended')?.number]);
  });

  it('exports a verified history that the GS1 schema admits and an import knows again', async () => {
    const events = [commissioned('X', '60'), shipped('X', '61')];
    await importing(beside.folder, await save(beside.folder, 'x.jsonld', events));
    const output = join(beside.folder, 'x.export.jsonld');
    const args = ['export', 'epcis', batchOf('X'), '--json', '-o', output];
    const open = await vinculum(beside.folder, ...args);
    expect(open.json, open.stderr).to.include({ events: 2 });
    // The next export, of what is sealed, may go into the same file.
    expect((await stat(output)).mode & 0o777).to.equal(0o600);
    const judge = await gs1Judge();
    const publicOne = JSON.parse(await readFile(output, 'utf8'));
    if (judge !== null) expect(judge(publicOne)).to.equal(true);
    // What is sealed is not for everybody, the names of the events included.
    expect(JSON.stringify(publicOne)).not.to.include('urn:uuid:60').and.not.to.include('"quantity"');

    const own = await vinculum(beside.folder, ...args, '--keystore', 'importer');
    expect(own.exit, own.stderr).to.equal(0);
    const document = JSON.parse(await readFile(output, 'utf8'));
    if (judge !== null) expect(judge(document)).to.equal(true);
    const exported = document.epcisBody.eventList as Record<string, unknown>[];
    expect(exported.map(({ eventID }) => eventID)).to.deep.equal(['urn:uuid:60', 'urn:uuid:61']);
    expect(exported[0]?.quantityList).to.deep.equal([
      { epcClass: `https://id.gs1.org/01/${GTIN}/10/X`, quantity: 500 },
    ]);
  });

  it('prints the event hashes that partners match by', async function () {
    const file = sharedFile('epcis/event-hash/epcisQueryDocument.jsonld');
    if (file === null) this.skip();
    const hashed = await vinculum(beside.folder, 'epcis', 'hash', file, '--json');
    const expected = await readFile(file.replace('.jsonld', '.hashes'), 'utf8');
    expect(hashed.json.events.map(({ hash }: { hash: string }) => hash).sort()).to.deep.equal(
      expected.trim().split('\n').sort(),
    );
  });

  it('imports every document that GS1 publishes', async function () {
    const documents = sharedDocuments('gs1-examples');
    if (documents === null) this.skip();
    const folder = await newFolder();
    const files = documents.map(({ name }) => String(sharedFile(`epcis/gs1-examples/${name}`)));
    const notesFile = join(folder, 'notes');
    const args = [...files, '--json', '--keystore', 'importer', '--notes', notesFile];
    const imported = await vinculum(folder, 'import', 'epcis', ...args);
    expect(imported.json).to.include({ files: 47, sources: 47, imported: 11, entries: 15, notMapped: 26 });
    // Two of the examples give the eventID of another example to an event of their own.
    const errors = await linesOf(imported.json.errorsFile);
    expect(errors.map(({ code, at }) => [code, String(at).split('/').at(-1)])).to.deep.equal([
      ['import.changed', 'Example-Type-sourceOrDestination,measurement,bizTransaction.jsonld: events[0]'],
      ['import.changed', 'WithSensorData_SensorDataExample17.jsonld: events[0]'],
    ]);
    // Each by itself has nothing wrong.
    for (const name of [
      'Example-Type-sourceOrDestination,measurement,bizTransaction',
      'WithSensorData_SensorDataExample17',
    ]) {
      const file = String(sharedFile(`epcis/gs1-examples/${name}.jsonld`));
      const alone = await vinculum(
        await newFolder(),
        'import',
        'epcis',
        file,
        '--json',
        '--keystore',
        'importer',
      );
      expect(alone.json, alone.stderr).to.include({ errors: 0 });
    }
    const again = await vinculum(folder, 'import', 'epcis', ...args);
    expect(again.json).to.include({ imported: 0, entries: 0 });
  });
});
