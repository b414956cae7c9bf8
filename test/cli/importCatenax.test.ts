import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { fromHex } from '../../core/bytes.ts';
import { mapTwins } from '../../core/catenax/mapTwins.ts';
import { readCatenax } from '../../core/catenax/readFile.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { COMPANIES, INVALID, SUPPLIER, VALID } from '../core/catenax/files.ts';
import { assetOf, batch, bom, ID, serial } from '../core/catenax/twins.ts';
import { sharedFile } from '../shared.ts';
import { type Beside, PASSWORD, sharedBeside, spawnVinculum, vinculum } from './fixture.ts';

const importPath = (name: string): string | null => sharedFile(`catena-x/imports/${name}`);

describe('vinculum import catenax, export catenax', function () {
  this.timeout(180_000);
  let beside: Beside;
  type Organisation = Awaited<ReturnType<Beside['test']['admit']>>;
  let maker: Organisation;
  let supplier: Organisation;

  const keep = async (folder: string, name: string, { key, id }: Organisation): Promise<void> => {
    const keystore = { name, secretKey: key, organisation: id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
  };
  const newFolder = async (): Promise<string> => {
    const folder = await beside.newFolder();
    await keep(folder, 'maker', maker);
    await keep(folder, 'supplier', supplier);
    return folder;
  };
  const importing = (folder: string, files: readonly string[], keystore = 'maker', ...args: string[]) =>
    vinculum(folder, 'import', 'catenax', ...files, '--json', '--keystore', keystore, ...args);
  const exporting = (folder: string, identifier: string, ...args: string[]) =>
    vinculum(folder, 'export', 'catenax', identifier, '--json', ...args);
  const kindsOf = async (identifier: string): Promise<number[]> => {
    const { store } = beside.test.service.services;
    const subject = beside.test.subject(parseIdentifier(identifier));
    const rows = await store.query<{ kind: number }>(
      'SELECT kind FROM links WHERE subject = $1 ORDER BY position',
      [fromHex(subject, 32)],
    );
    return rows.map(({ kind }) => Number(kind));
  };
  const save = async (folder: string, name: string, ...assets: unknown[]): Promise<string> => {
    const file = join(folder, name);
    const text = JSON.stringify({ assets });
    await writeFile(file, name.endsWith('.gz') ? gzipSync(text) : text);
    return file;
  };
  const linesOf = async (file: string): Promise<{ code: string; at: string; detail: string }[]> =>
    (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  before(async () => {
    beside = await sharedBeside();
    maker = await beside.test.admit('Maker of vehicles', ['manufacturer']);
    supplier = await beside.test.admit('Supplier of doors', ['supplier', 'manufacturer']);
  });

  it('imports both companies and their supplier, whole, and a second run adds nothing', async function () {
    const paths = [...COMPANIES, SUPPLIER].map(importPath);
    if (paths.includes(null)) this.skip();
    const [first = '', second = '', third = ''] = paths as string[];
    const folder = await newFolder();
    const imported = [
      await importing(folder, [first], 'maker', '--with', third),
      await importing(folder, [second], 'maker', '--with', third),
      await importing(folder, [third], 'supplier', '--with', first),
    ];
    for (const [index, path] of [first, second, third].entries()) {
      const { twins, assets } = readCatenax(JSON.parse(await readFile(path, 'utf8')));
      const run = imported[index];
      expect(run?.exit, run?.stderr).to.equal(0);
      expect(run?.json).to.include({
        sources: assets.length,
        imported: twins.length,
        entries: twins.length,
        notMapped: assets.length - twins.length,
        errors: 0,
      });
      for (const { identifier, type } of twins) {
        const kind = { vehicle: 33, serial: 103, batch: 96 }[type];
        expect(await kindsOf(identifier), identifier).to.deep.equal([kind]);
      }
    }
    const again = await importing(folder, [first], 'maker', '--with', third);
    expect(again.json).to.include({ imported: 0, entries: 0, alreadyThere: 15, errors: 0 });
    // By another journal too: the ledger tells its attester which twins are there.
    const elsewhere = await importing(await newFolder(), [first], 'maker', '--with', third);
    expect(elsewhere.json, elsewhere.stderr).to.include({ imported: 0, entries: 0, alreadyThere: 15 });
  });

  it('imports both companies’ files in one run, though they use the same ids', async function () {
    const paths = COMPANIES.map(importPath);
    if (paths.includes(null)) this.skip();
    const folder = await newFolder();
    const both = await importing(folder, paths as string[], 'supplier');
    expect(both.exit, both.stderr).to.equal(0);
    expect(both.json).to.include({
      files: 2,
      sources: 47,
      imported: 31,
      entries: 31,
      errors: 0,
      duplicates: 0,
    });
    const again = await importing(folder, paths as string[], 'supplier');
    expect(again.json).to.include({ imported: 0, alreadyThere: 31 });
  });

  it('imports every valid file', async function () {
    for (const name of VALID) {
      const path = importPath(name);
      if (path === null) this.skip();
      const run = await importing(await newFolder(), [path], 'supplier', '--wait', 'received');
      expect(run.exit, run.stderr).to.equal(0);
    }
  });

  it('refuses the invalid files with the reason, before anything is sent', async function () {
    for (const [name, code] of Object.entries(INVALID)) {
      const path = importPath(name);
      if (path === null) this.skip();
      const good = await save(beside.folder, 'good.json', assetOf(1, serial(3, 1, { partInstanceId: 'G' })));
      const folder = await newFolder();
      const run = await importing(folder, [good, path]);
      expect(run.exit, name).to.equal(2);
      const error = run.json.error as { code: string; faults: unknown[] };
      expect(error.code, name).to.equal(code);
      expect(error.faults).to.not.have.length(0);
      expect(await kindsOf('serial:bpnl00000003cml1:P-1/G')).to.deep.equal([]);
    }
    const folder = await newFolder();
    for (const [name, content, code] of [
      ['utf16.json', Buffer.from('\ufeff{"assets":[]}', 'utf16le'), 'import.encoding'],
      ['cut.json', '{"assets":[', 'catenax.malformed'],
      ['notification.json', '{"header":{},"content":{}}', 'catenax.malformed'],
    ] as const) {
      const file = join(folder, name);
      await writeFile(file, content);
      const run = await importing(folder, [file]);
      expect([run.exit, (run.json.error as { code: string }).code], name).to.deep.equal([2, code]);
    }
    expect((await importing(folder, [join(folder, 'none.json')])).json).to.have.nested.property(
      'error.code',
      'import.file',
    );
  });

  it('refuses parts that are in each other before anything is sent', async () => {
    const folder = await newFolder();
    const part = (number: number, inIt: number) =>
      assetOf(
        number,
        serial(4, number, { partInstanceId: `C${number}` }),
        bom(4, number, [{ id: ID(inIt) }]),
      );
    const run = await importing(folder, [await save(folder, 'cyclic.json', part(1, 2), part(2, 1))]);
    expect([run.exit, (run.json.error as { code: string }).code]).to.deep.equal([2, 'bom.cycle']);
    expect(await kindsOf('serial:bpnl00000003cml1:P-1/C1')).to.deep.equal([]);
  });

  it('notes missing tiers and what no entry says, and leaves out the asset that is wrong', async () => {
    const folder = await newFolder();
    const file = await save(
      folder,
      'noted.json.gz',
      assetOf(11, serial(4, 11, { van: 'NOTED' }), bom(4, 11, [{ id: ID(90) }])),
      assetOf(12, serial(4, 12, {})),
      assetOf(13, serial(4, 13, { partInstanceId: 'N3' }, {}, { nameAtManufacturer: 'x'.repeat(201) })),
      assetOf(14, { aspectType: 'urn:samm:io.catenax.part_as_planned:2.0.0#PartAsPlanned', payload: {} }),
    );
    const run = await importing(folder, [file]);
    expect(run.exit).to.equal(1);
    expect(run.json).to.include({ sources: 4, imported: 1, entries: 1, errors: 2, notMapped: 1 });
    const errors = await linesOf(String(run.json.errorsFile));
    expect(errors.map(({ code, at }) => `${code} ${at}`)).to.deep.equal([
      'catenax.noNumber assets[1].submodels[0]',
      'kind.invalidData assets[2]',
    ]);
    const notes = await linesOf(String(run.json.notesFile));
    expect(notes.map(({ code }) => code)).to.have.members(['bom.missing', 'catenax.notMapped']);
    expect(notes.find(({ code }) => code === 'bom.missing')?.detail).to.include('notDelivered');
  });

  it('continues after a kill, and doubles nothing', async () => {
    const folder = await newFolder();
    const assets = Array.from({ length: 120 }, (_, index) =>
      assetOf(1000 + index, batch(4, 1000 + index, { batchId: `K${index}` })),
    );
    const file = await save(folder, 'killed.json', ...assets);
    const child = spawnVinculum(folder, 'import', 'catenax', file, '--keystore', 'supplier', '--batch', '10');
    const exited = once(child, 'exit');
    await beside.test.until(async () => (await kindsOf('batch:bpnl00000003cml1:P-1/K9')).length > 0, 60_000);
    child.kill('SIGKILL');
    await exited;
    const again = await importing(folder, [file], 'supplier', '--batch', '10');
    expect(again.exit, again.stderr).to.equal(0);
    for (let index = 0; index < 120; index += 7) {
      expect(await kindsOf(`batch:bpnl00000003cml1:P-1/K${index}`), String(index)).to.deep.equal([96]);
    }
  });

  it('exports what it imported as the twin that it was, to whoever may see it', async () => {
    const folder = await newFolder();
    const assets = [
      assetOf(21, serial(4, 21, { van: 'EXPORTED' }), bom(4, 21, [{ id: ID(22) }])),
      assetOf(22, serial(4, 22, { partInstanceId: 'E1', batchId: 'E' }), bom(4, 22, [{ id: ID(23) }])),
      assetOf(23, batch(4, 23, { batchId: 'E0' })),
    ];
    const imported = await importing(folder, [await save(folder, 'exported.json', ...assets)]);
    expect(imported.exit, imported.stderr).to.equal(0);
    const { statements } = mapTwins(readCatenax({ assets }).twins);
    const written: unknown[] = [];
    for (const { identifier } of statements) {
      const file = join(folder, 'twin.json');
      const run = await exporting(folder, identifier, '-o', file, '--keystore', 'maker');
      expect(run.exit, run.stderr).to.equal(0);
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
      expect(run.json.problems).to.deep.equal([]);
      written.push(...(JSON.parse(await readFile(file, 'utf8')) as { assets: unknown[] }).assets);
    }
    const again = mapTwins(readCatenax({ assets: written }).twins);
    expect(again.statements).to.deep.equal(statements);

    // Anybody else sees what is public, and is told what stands in for the rest.
    const file = join(folder, 'public.json');
    const open = await exporting(folder, 'van:BPNL00000003CML1:EXPORTED', '-o', file, '--generation', '3');
    expect(open.exit, open.stderr).to.equal(0);
    const codes = (open.json.problems as { code: string }[]).map(({ code }) => code);
    expect(codes).to.include('catenax.derivedId');
    const text = await readFile(file, 'utf8');
    expect(text)
      .to.include('single_level_bom_as_built:3.0.0')
      .and.to.not.include('C-1')
      .and.to.not.include(ID(21));
    expect(readCatenax(JSON.parse(text)).twins.map(({ identifier }) => identifier)).to.deep.equal([
      'van:bpnl00000003cml1:EXPORTED',
    ]);

    const nothing = await exporting(folder, 'van:BPNL00000003CML1:NEVER', '-o', file);
    expect((nothing.json.error as { code: string }).code).to.equal('catenax.nothing');
    const partner = await exporting(
      folder,
      'van:BPNL00000003CML1:EXPORTED',
      '-o',
      file,
      '--partner',
      'x=BPNL1',
    );
    expect([partner.exit, (partner.json.error as { code: string }).code]).to.deep.equal([
      2,
      'export.partner',
    ]);
  });
});
