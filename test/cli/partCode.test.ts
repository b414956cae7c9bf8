import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { drawSymbol } from '../../cli/partCodes/images.ts';
import { toBase64Url } from '../../core/bytes.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { readPartCode } from '../../core/partCode/partCode.ts';
import { buildTree } from '../../core/tree/tree.ts';
import type { Attester } from '../api/fixture.ts';
import { SafetyPart, targetOf } from '../api/parts/acting.ts';
import { freshVin } from '../api/titles/acting.ts';
import { type Beside, PASSWORD, type Ran, startBeside, vinculum } from './fixture.ts';

const wasm = createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm');

describe('part codes from the command line', function () {
  this.timeout(180_000);
  let beside: Beside;
  let maker: Attester;
  const serial = (number: number): string => `serial:codes.example:C-${number}`;

  before(async () => {
    const { buffer } = await readFile(wasm);
    prepareZXingModule({ overrides: { wasmBinary: buffer as ArrayBuffer } });
    beside = await startBeside();
    const { test, folder } = beside;
    for (const [name, role] of [
      ['maker', 'supplier'],
      ['rival', 'supplier'],
    ] as const) {
      const attester = await test.admit(name, [role]);
      if (name === 'maker') maker = attester;
      await writeKeystore(
        keysFolder(folder),
        { name, secretKey: attester.key, organisation: attester.id },
        PASSWORD,
        { strength: 'light' },
      );
    }
    const key = new Uint8Array(32).fill(5);
    const members = [1, 2, 3].map(serial);
    const { root } = buildTree(
      key,
      members.map((member) => parseIdentifier(member)),
    );
    const batch = test.compose(maker, 'batch:codes.example:B', {
      kind: 'batch.produced',
      time: '2025-01-01',
      data: {
        bizStep: 'commissioning',
        manufacturerId: 'codes.example',
        manufacturerPartId: 'C',
        batchId: 'B',
        nameAtManufacturer: 'Coded',
        productionDate: '2025-01-01',
        serials: { serialsRoot: root, count: 3, treeKey: toBase64Url(key) },
      },
    });
    await test.record(maker, [batch]);
    await test.request('PUT', `/v1/sets/${batch.entry.digest}`, {
      body: { members },
      token: await test.signIn(maker),
    });
  });
  after(() => beside?.stop());

  const run = (...args: string[]): Promise<Ran> => vinculum(beside.folder, ...args, '--json');
  const make = async (keystore: string, ...args: string[]) => {
    const ran = await run('part-code', 'make', ...args, '--keystore', keystore);
    expect(ran.exit, ran.stdout + ran.stderr).to.equal(0);
    return ran.json;
  };

  it('are made, one or a file of them, and drawn so that scanners read them', async () => {
    const list = join(beside.folder, 'serials.txt');
    await writeFile(list, `${serial(1)}\r\n\n${serial(2)}\n`);
    for (const symbol of ['qr', 'datamatrix']) {
      const out = join(beside.folder, symbol);
      const made = await make('maker', '--batch', list, '--png', '--symbol', symbol, '--out', out);
      expect((await readdir(out)).sort()).to.deep.equal([
        'serial%3acodes.example%3aC-1.png',
        'serial%3acodes.example%3aC-2.png',
      ]);
      for (const { text, code, file } of made) {
        const [read] = await readBarcodes(new Uint8Array(await readFile(file)));
        expect([read?.text, read?.format]).to.deep.equal([text, symbol === 'qr' ? 'QRCode' : 'DataMatrix']);
        expect(readPartCode(text).signer).to.equal(maker.signer);
        expect(text).to.equal(`${beside.test.url}/#check=${code}`);
      }
      const svg = Buffer.from(await drawSymbol(made[0].text, symbol as 'qr', 'svg')).toString('utf8');
      expect(svg).to.match(/^<svg [^>]*viewBox="0 0 \d+ \d+"/);
    }
    await writeFile(list, `${serial(1)}\n${serial(1)}\n`);
    const twice = await run('part-code', 'make', '--batch', list, '--keystore', 'maker');
    expect([twice.exit, twice.json.error.code]).to.deep.equal([2, 'partCode.duplicate']);
    const vehicle = await run('part-code', 'make', 'van:codes.example:1', '--keystore', 'maker');
    expect(vehicle.json.error.code).to.equal('partCode.identifier');
  });

  it('are checked by what the ledger says, and what only the service says is named as that', async () => {
    const [{ code, text }] = await make('maker', serial(3));
    const good = await run('part-code', 'check', text);
    expect(good.exit, good.stdout + good.stderr).to.equal(0);
    expect(good.json).to.deep.include({
      state: 'genuine',
      reasons: ['maker.inSet'],
      verified: ['code', 'makers', 'quarantines', 'stolen'],
    });
    const [{ code: replayed }] = await make('rival', serial(3));
    const forged = await run('part-code', 'check', replayed);
    expect([forged.exit, forged.json.state]).to.deep.equal([1, 'forged']);
    const unknown = await run('part-code', 'check', serial(99));
    expect([unknown.exit, unknown.json.state]).to.deep.equal([3, 'unknown']);
    const cut = await run('part-code', 'check', code.slice(0, -1));
    expect([cut.exit, cut.json.error.code]).to.deep.equal([2, 'partCode.malformed']);
    const people = await vinculum(beside.folder, 'part-code', 'check', code, '--country', 'fr');
    expect(people.stdout).to.include('A code can be copied');
  });

  it('are worth nothing to whoever takes the list of ledgers from the service', async () => {
    const [{ code }] = await make('maker', serial(3));
    const { deployment } = beside.test.service.services;
    const folder = await mkdtemp(join(tmpdir(), 'vinculum-reader-'));
    const check = (...args: string[]) =>
      vinculum(
        folder,
        ...['part-code', 'check', code, '--url', beside.test.url, '--rpc', beside.test.service.rpcUrl],
        ...args,
        '--json',
      );
    const believing = await check();
    expect([believing.exit, believing.json.state]).to.deep.equal([3, 'unknown']);
    expect(believing.json.reasons).to.include('history.incomplete');
    expect(believing.json.verified).not.to.include('makers');
    expect(believing.json.reports[0].why).to.deep.equal(['trust.fromReport']);
    const own = await check('--directory', `${deployment.chainId}:${deployment.directory}`);
    expect([own.exit, own.json.state]).to.deep.equal([0, 'genuine']);
    await rm(folder, { recursive: true });
  });

  it('say where a part is mounted, and not of the vehicle that it is looked at in', async () => {
    const { test } = beside;
    const [car, other] = [freshVin(), freshVin()];
    const garage = await test.admit('garage of codes', ['workshop']);
    const part = new SafetyPart(test, serial(1));
    await part.act(maker, 'safetyPart.registered', {
      data: { component: 'airbags', manufacturerId: 'codes.example' },
    });
    await part.act(garage, 'safetyPart.mounted', { vehicle: targetOf(test, car) });
    const check = (...args: string[]) => run('part-code', 'check', serial(1), ...args);
    const anywhere = await check();
    expect([anywhere.exit, anywhere.json.state]).to.deep.equal([1, 'mounted']);
    expect(anywhere.json.verified).to.include('mounted');
    const here = await check('--vehicle', car);
    expect([here.exit, here.json.state], here.stdout).to.deep.equal([0, 'genuine']);
    expect((await check('--vehicle', other)).json.state).to.equal('mounted');
    // Who takes it out scraps it in the vehicle's history, which the part's own report does not hold.
    await test.record(garage, [
      test.compose(garage, other, {
        kind: 'part.mounted',
        time: '2025-06-01',
        data: { component: 'airbags', part: serial(2) },
      }),
      test.compose(garage, other, {
        kind: 'part.removed',
        time: '2025-07-01',
        data: { component: 'airbags', part: serial(2), reason: 'accident', fate: 'scrapped' },
      }),
    ]);
    await test.service.services.graph.settle();
    const scrapped = await run('part-code', 'check', serial(2));
    expect([scrapped.exit, scrapped.json.state]).to.deep.equal([1, 'scrapped']);
    expect(scrapped.json.verified).not.to.include('scrapped');
  });
});
