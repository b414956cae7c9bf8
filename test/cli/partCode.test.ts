import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
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
});
