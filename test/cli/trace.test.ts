import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import type { Attester } from '../api/fixture.ts';
import { affectedByRawLinks, type RawFile } from '../core/catenax/anyTwins.ts';
import { COMPANIES, SUPPLIER } from '../core/catenax/files.ts';
import { assetOf, batch, bom, ID, serial } from '../core/catenax/twins.ts';
import { sharedFile } from '../shared.ts';
import { type Beside, PASSWORD, startBeside, vinculum } from './fixture.ts';

describe('vinculum trace', function () {
  this.timeout(180_000);
  let beside: Beside;
  let folder: string;
  let maker: Attester;
  let rival: Attester;
  const run = (...args: string[]) => vinculum(folder, ...args);
  const keep = ({ key, id }: Attester, name: string) =>
    writeKeystore(keysFolder(folder), { name, secretKey: key, organisation: id }, PASSWORD, {
      strength: 'light',
    });

  before(async () => {
    // One of its own: another test imports the same files as other organisations.
    beside = await startBeside();
    folder = await beside.newFolder();
    maker = await beside.test.admit('Maker of traced vehicles', ['manufacturer', 'supplier']);
    rival = await beside.test.admit('Rival of the maker', ['manufacturer']);
    await keep(maker, 'maker');
    await keep(rival, 'rival');
  });
  after(() => beside?.stop());

  it('prints a tree with the tiers that are missing', async () => {
    const file = join(folder, 'twins.json');
    const line = { id: ID(3), quantity: { value: 1, unit: 'unit:piece' } };
    const assets = [
      assetOf(1, serial(3, 1, { van: 'TRACED' }), bom(3, 1, [{ ...line, id: ID(2) }])),
      assetOf(2, serial(3, 2, { partInstanceId: 'PACK' }), bom(3, 2, [line, { ...line, id: ID(9) }])),
      assetOf(3, batch(3, 3, { batchId: 'CELLS' })),
    ];
    await writeFile(file, JSON.stringify({ assets }));
    const imported = await run('import', 'catenax', file, '--keystore', 'maker', '--json');
    expect(imported.exit, imported.stderr).to.equal(0);
    const [van, pack, cells] = [
      'van:bpnl00000003cml1:TRACED',
      'serial:bpnl00000003cml1:P-1/PACK',
      'batch:bpnl00000003cml1:P-1/CELLS',
    ];

    const down = await run('trace', van ?? '', '--keystore', 'maker');
    expect(down.exit, down.stderr).to.equal(0);
    const lines = down.stdout.trimEnd().split('\n');
    expect(lines[0]).to.match(/^van:bpnl00000003cml1:TRACED/);
    expect(lines[1]).to.match(/^└─ serial:bpnl00000003cml1:P-1\/PACK/);
    expect(lines.slice(2, 4).map((text) => text.slice(0, 6))).to.deep.equal(['   ├─ ', '   └─ ']);
    expect(down.stdout).to.include(cells).and.to.include('its maker says nothing of it');
    const up = await run('trace', cells ?? '', '--up', '--keystore', 'maker', '--json');
    expect(up.json.things.map(({ identifier }: { identifier: string }) => identifier)).to.deep.equal([
      cells,
      pack,
      van,
    ]);
    const hidden = await run('trace', cells ?? '', '--up', '--keystore', 'rival', '--json');
    expect(hidden.json).to.deep.include({ others: 1, edges: [] });
    const cut = await run('trace', van ?? '', '--depth', '1', '--keystore', 'rival');
    expect(cut.exit).to.equal(3);
    const early = await run('trace', van ?? '', '--at', '1999-01-01', '--keystore', 'rival', '--json');
    expect(early.json.things).to.have.length(1);
  });

  it('refuses what it can’t ask', async () => {
    const codeOf = async (...args: string[]) => {
      const { exit, json } = await run('trace', ...args, '--json');
      return [exit, json.error.code];
    };
    expect(await codeOf('van:a.example:1')).to.deep.equal([2, 'keystore.unnamed']);
    expect(await codeOf('van:a.example:1', '--up', '--down', '--keystore', 'maker')).to.deep.equal([
      2,
      'trace.direction',
    ]);
    expect((await codeOf('nonsense', '--keystore', 'maker'))[1]).to.equal('vin.length');
  });

  it('reaches from each batch and part of both companies of the shared data exactly the vehicles that the parent links say', async function () {
    const paths = [...COMPANIES, SUPPLIER].map((name) => sharedFile(`catena-x/imports/${name}`));
    if (paths.includes(null)) this.skip();
    const imported = await run('import', 'catenax', ...(paths as string[]), '--keystore', 'maker', '--json');
    expect(imported.exit, imported.stderr).to.equal(0);
    const raw = await Promise.all(
      (paths as string[]).map(async (path) => JSON.parse(await readFile(path, 'utf8')) as RawFile),
    );
    const token = await beside.test.signIn(maker);
    const affected = async (identifier: string): Promise<string[]> => {
      const body = { [identifier.startsWith('batch:') ? 'batches' : 'serials']: [identifier], all: true };
      const reply = await beside.test.post('/v1/recalls/affected', body, { token });
      if (reply.body.code === 'recall.matchesNothing') return [];
      expect(reply.status, reply.text).to.equal(200);
      expect(reply.body).to.include({ others: 0, behind: 0, cursor: null });
      return reply.body.vehicles.sort();
    };
    const expected = [...affectedByRawLinks(raw)].filter(([identifier]) =>
      /^(?:batch|serial):/.test(identifier),
    );
    expect(expected.length).to.be.greaterThan(25);
    for (const [identifier, vehicles] of expected) {
      expect(await affected(identifier), identifier).to.deep.equal(vehicles);
    }
    // The batch in the battery module of a vehicle; and one graph: a supplier’s door is in a vehicle of each company.
    expect(await affected('batch:bpnl00000003cml1:123-0.740-3434-A/BID12345678')).to.deep.equal([
      'van:bpnl00000003cml1:OMAOYGBDTSRCMYSCX',
    ]);
    expect(await affected('serial:bpnl00000003axs3:22782277-50/NO-313869652971440618042264')).to.have.length(
      2,
    );
    const { json } = await run(
      'trace',
      'van:bpnl00000003cml1:OMAOYGBDTSRCMYSCX',
      '--keystore',
      'rival',
      '--json',
    );
    const depths = json.things.map(({ depth }: { depth: number }) => depth);
    expect(Math.max(...depths)).to.be.greaterThan(1);
    expect(json.cycles).to.deep.equal([]);
  });
});
