import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { buildTree } from '../../core/tree/tree.ts';
import type { Attester } from '../api/fixture.ts';
import { type Beside, PASSWORD, type Ran, sharedBeside, spawnVinculum, vinculum } from './fixture.ts';

describe('vinculum batch register', () => {
  let beside: Beside;
  let supplier: Attester;
  let folder: string;

  /** A command line of the supplier that remembers nothing. */
  async function newFolder(): Promise<string> {
    const made = await beside.newFolder();
    const keystore = { name: 'volta', secretKey: supplier.key, organisation: supplier.id };
    await writeKeystore(keysFolder(made), keystore, PASSWORD, { strength: 'light' });
    return made;
  }

  before(async function () {
    this.timeout(60_000);
    beside = await sharedBeside();
    supplier = await beside.test.admit('Volta', ['supplier']);
    folder = await newFolder();
  });

  const numbers = (batch: string, count: number): string[] =>
    Array.from({ length: count }, (_, index) => `${batch}-${index}`);
  async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
    const file = join(folder, name);
    await writeFile(file, content);
    return file;
  }
  const register = (batch: string, ...args: string[]): Promise<Ran> => registerIn(folder, batch, ...args);
  const registerIn = (place: string, batch: string, ...args: string[]): Promise<Ran> =>
    vinculum(
      place,
      ...['batch', 'register', `batch:volta.example:${batch}`, '--keystore', 'volta'],
      ...['--part-number', 'VB-77120', '--date', '2024-01-19', '--json', ...args],
    );
  async function linksOf(batch: string): Promise<number> {
    const { body } = await beside.test.get(`/v1/batches/volta.example/${batch}`);
    return body.entries.length;
  }

  it('puts a batch on the ledger with the root of its serials, and proves each in or out', async function () {
    this.timeout(60_000);
    const serials = numbers('A1', 5_000);
    const file = await fileOf('a1.txt.gz', gzipSync(`${serials.join('\r\n')}\r\n\r\n`));
    const certificate = await fileOf('a1.pdf', '%PDF-1.7 conformity');
    const args = ['--serials', file, '--certificate', `conformity=${certificate}`, '--expect', '5000'];
    const attributes = [
      '--carbon-footprint',
      '12.5',
      '--drawing',
      'D-7',
      '--plant',
      'PORTO-1',
      '--quantity',
      '5000',
    ];
    const ran = await register('A1', ...args, ...attributes);
    expect(ran.exit, ran.stderr).to.equal(0);
    expect(ran.json).to.include({ serials: 5_000, alreadyThere: false, resumed: false });

    const { body } = await beside.test.get('/v1/batches/volta.example/A1');
    expect(body.entries).to.have.length(1);
    const { data } = body.entries[0];
    expect(data).to.deep.include({
      carbonFootprint: { value: '12.5', unit: 'KGM' },
      drawing: 'D-7',
      plant: 'PORTO-1',
    });
    expect(data.documents[0]).to.include({ type: 'conformityCertificate', mediaType: 'application/pdf' });
    const tree = buildTree(
      Buffer.from(data.serials.treeKey, 'base64url'),
      serials.map((serial) => parseIdentifier(`serial:volta.example:${serial}`)),
    );
    expect(data.serials).to.include({ serialsRoot: tree.root, count: 5_000 });

    for (const [serial, code] of [
      ['A1-4999', 'batch.contains'],
      ['A1-5000', 'batch.omits'],
    ] as const) {
      const report = join(folder, `${serial}.json`);
      const fetched = await vinculum(
        folder,
        ...['report', 'batch:volta.example:A1', '--serial', serial, '-o', report],
      );
      expect(fetched.exit, fetched.stderr).to.equal(0);
      const verified = await vinculum(folder, 'verify', report, '--json');
      expect(verified.exit, verified.stdout).to.equal(0);
      expect(verified.json.findings.map((finding: { code: string }) => finding.code)).to.include(code);
    }

    // Again, from here and by somebody who remembers nothing: nothing is there twice.
    expect((await register('A1', ...args, ...attributes)).json).to.include({ alreadyThere: true });
    const fresh = await registerIn(await newFolder(), 'A1', ...args, ...attributes);
    expect(fresh.exit, fresh.stderr).to.equal(0);
    expect(fresh.json).to.include({ alreadyThere: true, digest: ran.json.digest });
    expect(await linksOf('A1')).to.equal(1);
  });

  it('is the same batch on a later day where no day was said', async () => {
    const file = await fileOf('undated.txt', numbers('U', 5).join('\n'));
    const again = () =>
      vinculum(
        folder,
        ...['batch', 'register', 'batch:volta.example:U', '--keystore', 'volta'],
        ...['--serials', file, '--part-number', 'U-1', '--json'],
      );
    const first = await again();
    expect(first.exit, first.stderr).to.equal(0);
    const real = Date;
    globalThis.Date = class extends real {
      constructor(...given: unknown[]) {
        super(...((given.length === 0 ? [real.now() + 86_400_000] : given) as [number]));
      }
    } as DateConstructor;
    try {
      const later = await again();
      expect(later.exit, later.stderr).to.equal(0);
      expect(later.json).to.deep.include({ digest: first.json.digest, alreadyThere: true });
    } finally {
      globalThis.Date = real;
    }
    expect(await linksOf('U')).to.equal(1);
  });

  it('refuses another batch under the same number', async function () {
    this.timeout(60_000);
    const file = await fileOf('b1.txt', numbers('B1', 20).join('\n'));
    expect((await register('B1', '--serials', file)).exit).to.equal(0);
    const other = await fileOf('b1-other.txt', numbers('B1', 21).join('\n'));
    expect((await register('B1', '--serials', other)).json.error.code).to.equal('batch.changed');
    expect((await register('B1', '--serials', file, '--plant', 'X')).json.error.code).to.equal(
      'batch.changed',
    );
    const fresh = await newFolder();
    expect((await registerIn(fresh, 'B1', '--serials', other)).json.error.code).to.equal('batch.numberTaken');
    expect((await registerIn(fresh, 'B1')).json.error.code).to.equal('batch.numberTaken');
    expect(await linksOf('B1')).to.equal(1);
  });

  it('refuses what is no list of serials, by code, and sends nothing', async function () {
    this.timeout(60_000);
    const cases: readonly (readonly [string, string | Uint8Array, string])[] = [
      ['duplicates', ['S-1', 'S-2', 'S-1', 'S-3', ' S-2 '].join('\n'), 'tree.duplicate'],
      ['empty', '\n\n', 'serials.empty'],
      ['utf-16', Buffer.from('\ufeffS-1\nS-2\n', 'utf16le'), 'serials.encoding'],
      ['utf-16 without a mark', Buffer.from('S-1\nS-2\n', 'utf16le'), 'serials.encoding'],
      ['gb18030', Buffer.from([0x53, 0x2d, 0xb5, 0xe7, 0xb3, 0xd8, 0x0a]), 'serials.encoding'],
      ['spaces', 'S-1\nS 2\nS-3\n', 'serials.malformed'],
      ['another type', 'vin:VF1AA000000000010\n', 'serials.malformed'],
      ['one long line', 'x'.repeat(100_000), 'serials.malformed'],
      ['cut gzip', gzipSync('S-1\nS-2\n'.repeat(1_000)).subarray(0, 40), 'import.corrupt'],
    ];
    for (const [name, content, code] of cases) {
      const file = await fileOf('bad.txt', content);
      const ran = await register('BAD', '--serials', file);
      expect(ran.json.error.code, name).to.equal(code);
      expect(ran.exit, name).to.not.equal(0);
    }
    const bom = await fileOf('bad.txt', ['S-1', 'S-2', 'S-1'].join('\n'));
    expect((await register('BAD', '--serials', bom)).json.error.members).to.deep.equal([
      { identifier: 'serial:volta.example:S-1', lines: [1, 3] },
    ]);
    const good = await fileOf('good.txt', 'S-1\nS-2\n');
    const options: readonly (readonly [string, readonly string[]])[] = [
      ['quantity.invalid', ['--quantity', '-5']],
      ['quantity.invalid', ['--quantity', '2.5']],
      ['serials.count', ['--expect', '3']],
      ['batch.certificate', ['--certificate', 'nothing']],
      ['batch.document', ['--certificate', 'material=/nowhere.pdf']],
      ['batch.attributes', ['--attributes', good]],
      ['import.file', ['--serials', '/nowhere.txt']],
    ];
    for (const [code, args] of options) {
      const ran = await register('BAD', '--serials', good, ...args);
      expect(ran.json.error.code, args.join(' ')).to.equal(code);
    }
    expect((await register('BAD', '--serials', good, '--carbon-footprint', '-1')).exit).to.equal(2);
    expect(await linksOf('BAD')).to.equal(0);
  });

  it('continues wherever it was killed, and nothing is there twice', async function () {
    this.timeout(240_000);
    const count = 60_000;
    const file = await fileOf('killed.txt', numbers('K', count).join('\n'));
    const args = ['--serials', file, '--part-number', 'K-1', '--date', '2024-01-19', '--json'];
    const certificate = await fileOf('k.pdf', '%PDF-1.7 material');
    const command = [
      ...['batch', 'register', 'batch:volta.example:K', '--keystore', 'volta'],
      ...[...args, '--certificate', `material=${certificate}`],
    ];
    let finished = false;
    let kills = 0;
    for (let round = 0; !finished; round++) {
      const child = spawnVinculum(folder, ...command);
      let output = '';
      child.stdout?.on('data', (piece) => {
        output += String(piece);
      });
      const exited = once(child, 'exit');
      // Later and later, at random: every stage is met, and it ends.
      const patience = 300 + round * 350 + Math.random() * 700;
      const killed = await Promise.race([
        exited.then(() => false),
        sleep(patience).then(() => child.kill('SIGKILL')),
      ]);
      await exited;
      if (killed) kills += 1;
      else {
        expect(child.exitCode, output).to.equal(0);
        finished = true;
      }
      expect(await linksOf('K')).to.be.at.most(1);
    }
    expect(kills).to.be.greaterThan(0);
    expect(await linksOf('K')).to.equal(1);
    const { store } = beside.test.service.services;
    const [row] = await store.query<{ sets: bigint; chunks: bigint; documents: bigint }>(
      `SELECT (SELECT count(*) FROM sets WHERE members = $1) AS sets, (SELECT count(*) FROM set_chunks) AS chunks,
         (SELECT count(*) FROM documents WHERE organisation = $2) AS documents`,
      [count, supplier.id],
    );
    expect(row).to.deep.equal({ sets: 1n, chunks: 0n, documents: 2n });
    const plans = join(folder, 'imports');
    await mkdir(plans, { recursive: true });
    for (const name of await readdir(plans)) {
      if (name.endsWith('-batches')) expect(await readdir(join(plans, name, 'plans'))).to.deep.equal([]);
    }
    const report = join(folder, 'k.json');
    await vinculum(folder, 'report', 'batch:volta.example:K', '--serial', 'K-59999', '-o', report);
    const verified = await vinculum(folder, 'verify', report, '--json');
    expect(verified.json.findings.map((finding: { code: string }) => finding.code)).to.include(
      'batch.contains',
    );
  });
});
