import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { fromHex } from '../../core/bytes.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type Beside, PASSWORD, sharedBeside, spawnVinculum, vinculum } from './fixture.ts';

describe('vinculum batch ship, receive, quarantine, release, split, merge, show, balance', function () {
  this.timeout(180_000);
  let beside: Beside;
  let folder: string;
  let number = 0;
  let maker: string;
  const signed = ['--json', '--keystore', 'maker'];
  const batch = (name: string) => `batch:${maker}:${name}`;
  const run = (...args: string[]) => vinculum(folder, 'batch', ...args, ...signed);
  const kindsOf = async (identifier: string): Promise<number[]> => {
    const { store } = beside.test.service.services;
    const rows = await store.query<{ kind: number }>(
      'SELECT kind FROM links WHERE subject = $1 ORDER BY position',
      [fromHex(beside.test.subject(parseIdentifier(identifier)), 32)],
    );
    return rows.map(({ kind }) => Number(kind));
  };
  const table = async (...rows: string[]) => {
    const file = join(folder, `batches-${number}-${rows.length}.csv`);
    const heading = 'batch,part number,name,produced on,quantity,unit,inputs,serial';
    await writeFile(file, `${[heading.replace(',serial', ''), ...rows].join('\n')}\n`);
    const imported = await vinculum(folder, 'import', 'csv', 'batches', file, '--party', maker, ...signed);
    expect(imported.exit, imported.stderr).to.equal(0);
  };

  before(async () => {
    beside = await sharedBeside();
    folder = await beside.newFolder();
    const organisation = await beside.test.admit('Maker of batches', ['supplier', 'manufacturer']);
    const keystore = { name: 'maker', secretKey: organisation.key, organisation: organisation.id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    const other = await beside.test.admit('Customer of batches', ['manufacturer']);
    const theirs = { name: 'customer', secretKey: other.key, organisation: other.id };
    await writeKeystore(keysFolder(folder), theirs, PASSWORD, { strength: 'light' });
  });
  beforeEach(async () => {
    number += 1;
    maker = `batches${number}.example`;
    await table(
      'A,P-7,Hinge,2024-03-12,500,,',
      'B,P-7,Hinge,2024-03-13,100,,',
      'C,P-8,Lock,2024-03-12,12.5,KGM,',
    );
  });

  it('finishes what an interrupted command had signed, instead of saying it again with another time', async () => {
    const args = ['batch', 'ship', batch('A'), '--quantity', '3', '--lot', 'L-INT', '--keystore', 'maker'];
    const child = spawnVinculum(folder, ...args);
    const exited = once(child, 'exit');
    const begun = async () => {
      const names = (await readdir(join(folder, 'imports'))).filter((name) => name.endsWith('-csv'));
      const found = await Promise.all(names.map((name) => readdir(join(folder, 'imports', name, 'plans'))));
      return found.flat().some((name) => name.endsWith('.json'));
    };
    while (child.exitCode === null && !(await begun())) await sleep(2);
    child.kill('SIGKILL');
    await exited;
    expect(await begun(), 'a plan is left').to.equal(true);
    await sleep(1_100);
    const again = await run('ship', batch('A'), '--quantity', '3', '--lot', 'L-INT');
    expect(again.exit, again.stderr).to.equal(0);
    expect(await kindsOf(batch('A'))).to.deep.equal([96, 97]);
  });

  it('is refused what its organisation may not say, and nothing after it', async () => {
    const carrier = await beside.test.admit('Carrier of batches', ['carrier']);
    const keystore = { name: 'carrier', secretKey: carrier.key, organisation: carrier.id };
    await writeKeystore(keysFolder(folder), keystore, PASSWORD, { strength: 'light' });
    const signing = ['--json', '--keystore', 'carrier'];
    const time = ['--time', '2024-03-15'];
    const why = ['--reason', 'defectFound'];
    const refused = await vinculum(folder, 'batch', 'quarantine', batch('A'), ...why, ...time, ...signing);
    expect(refused.exit, refused.stderr).to.equal(5);
    expect(refused.json.error.code).to.equal('submission.kindNotAllowed');
    const shipped = await vinculum(
      folder,
      'batch',
      'ship',
      batch('A'),
      '--quantity',
      '1',
      ...time,
      ...signing,
    );
    expect(shipped.exit, shipped.stderr).to.equal(0);
    const file = join(folder, 'steps-refused.csv');
    const rows = [`${batch('A')},quarantined,2024-03-16,`, `${batch('B')},shipped,2024-03-16,5`];
    await writeFile(file, `${['batch,step,time,quantity', ...rows].join('\n')}\n`);
    const args = ['import', 'csv', 'steps', file, '--party', 'carrier.example', ...signing];
    const imported = await vinculum(folder, ...args);
    expect(imported.exit, imported.stderr).to.equal(1);
    expect(imported.json).to.include({ imported: 1, errors: 1 });
    expect(await readFile(String(imported.json.errorsFile), 'utf8')).to.include('submission.kindNotAllowed');
    expect(await kindsOf(batch('A'))).to.deep.equal([96, 97]);
    expect(await kindsOf(batch('B'))).to.deep.equal([96, 97]);
  });

  it('says who has how much of it, by what was shipped and received', async () => {
    const shipped = await run(
      'ship',
      batch('A'),
      '--quantity',
      '200',
      '--customer',
      'kunlun.example',
      '--lot',
      'LS-1',
      '--time',
      '2024-03-14',
    );
    expect(shipped.exit, shipped.stderr).to.equal(0);
    const again = await run(
      'ship',
      batch('A'),
      '--quantity',
      '200',
      '--customer',
      'kunlun.example',
      '--lot',
      'LS-1',
      '--time',
      '2024-03-14',
    );
    expect(again.json.entries[0]).to.include({ alreadyThere: true });
    await run(
      'receive',
      batch('A'),
      '--by',
      'kunlun.example',
      '--quantity',
      '150',
      '--lot',
      'LS-1',
      '--time',
      '2024-03-16',
    );
    await run(
      'quarantine',
      batch('A'),
      '--reason',
      'defectFound',
      '--quantity',
      '20',
      '--time',
      '2024-03-17',
    );
    await run('release', batch('A'), '--quantity', '5', '--time', '2024-03-18');
    expect(await kindsOf(batch('A'))).to.deep.equal([96, 97, 98, 99, 100]);
    const shown = await run('show', batch('A'));
    expect(shown.exit, shown.stderr).to.equal(0);
    const pieces = (value: string) => ({ value, unit: 'C62' });
    expect(shown.json.holders).to.deep.equal([
      { party: maker, has: [pieces('300')], uncertain: false },
      { party: 'kunlun.example', has: [pieces('150')], uncertain: false },
    ]);
    expect(shown.json.inTransit[0]).to.deep.include({
      from: maker,
      to: 'kunlun.example',
      lot: 'LS-1',
      left: pieces('50'),
    });
    expect(shown.json.quarantined).to.deep.equal({ whole: false, quantities: [pieces('15')] });
  });

  it('shows no quantity to whom none is disclosed, and says so', async () => {
    await run('ship', batch('A'), '--quantity', '200', '--time', '2024-03-14');
    for (const key of [[], ['--keystore', 'customer']]) {
      const shown = await vinculum(folder, 'batch', 'show', batch('A'), '--json', ...key);
      expect(shown.exit).to.equal(3);
      expect(shown.json.notices.map(({ code }: { code: string }) => code)).to.deep.equal([
        'custody.hidden',
        'custody.hidden',
      ]);
      expect(JSON.stringify(shown.json)).to.not.include('200').and.not.include('500');
    }
  });

  it('splits and merges, and balances what it did', async () => {
    const split = await run(
      'split',
      batch('A'),
      '--into',
      `${batch('A1')}=200`,
      '--into',
      `${batch('A2')}=250`,
      '--time',
      '2024-04-01',
    );
    expect(split.exit, split.stderr).to.equal(0);
    expect(await kindsOf(batch('A2'))).to.deep.equal([96]);
    const merged = await run(
      'merge',
      batch('M'),
      '--from',
      `${batch('A1')}=150`,
      '--from',
      `${batch('B')}=100`,
    );
    expect(merged.exit, merged.stderr).to.equal(0);
    const balanced = await run('balance', batch('A'), batch('M'), batch('A2'));
    expect(balanced.exit, balanced.stdout).to.equal(0);
    expect(balanced.json.verdict).to.equal('balanced');
    const of = (name: string) =>
      balanced.json.batches.find((one: { batch: string }) => one.batch === batch(name));
    expect(of('A').left).to.deep.equal({ value: '50', unit: 'C62' });
    expect(of('A1').left).to.deep.equal({ value: '50', unit: 'C62' });
    expect(of('M').made).to.deep.equal({ value: '250', unit: 'C62' });
    // Nobody else is shown a quantity: to them nothing balances.
    const theirs = await vinculum(folder, 'batch', 'balance', batch('M'), '--json');
    expect(theirs.exit).to.equal(3);
    expect(theirs.json.verdict).to.equal('unknown');
  });

  it('finds that more was used than made, and what nobody stated', async () => {
    await run('split', batch('A'), '--into', `${batch('X1')}=300`);
    await run('split', batch('A'), '--into', `${batch('X2')}=300`);
    const exceeded = await run('balance', batch('X1'), batch('X2'));
    expect(exceeded.exit).to.equal(1);
    const codes = exceeded.json.problems.map(({ code }: { code: string }) => code);
    expect(codes).to.deep.equal(['balance.exceeded']);
    expect(exceeded.json.problems[0].quantity).to.deep.equal({ value: '100', unit: 'C62' });
    await table(`D,P-9,Door,2024-05-01,10,,${batch('C')} 5 C62 batch:nobody.example:Z 3 KGM ${batch('B')}`);
    const unknown = await run('balance', batch('D'));
    expect(unknown.exit).to.equal(3);
    expect(unknown.json.problems.map(({ code }: { code: string }) => code)).to.have.members([
      'balance.unitMismatch',
      'balance.missing',
      'balance.hidden',
    ]);
  });

  it('looks one tier up for what used a batch, as far as the service says', async () => {
    await table(`E,P-9,Door,2024-05-01,10,,${batch('B')} 101 C62`);
    const found = await run('balance', batch('B'));
    expect(
      found.json.problems.map(({ code }: { code: string }) => code),
      found.stderr,
    ).to.deep.equal(['balance.exceeded']);
  });

  it('refuses what can’t be, before anything is signed', async () => {
    const codeOf = async (...args: string[]) => (await run(...args)).json.error?.code;
    expect(await codeOf('split', batch('A'), '--into', `${batch('S')}=501`)).to.equal('balance.exceeded');
    expect(await codeOf('split', batch('C'), '--into', `${batch('S')}=5`)).to.equal('balance.exceeded');
    expect(
      await codeOf('merge', batch('M'), '--from', `${batch('A')}=1`, '--from', `${batch('C')}=1KGM`),
    ).to.equal('batch.differentParts');
    expect(await codeOf('merge', batch('M'), '--from', `${batch('A')}=1`)).to.equal('batch.few');
    expect(await codeOf('ship', batch('A'), '--quantity', '-1')).to.equal('quantity.invalid');
    expect(await codeOf('ship', batch('A'), '--quantity', '1.5')).to.equal('quantity.invalid');
    expect(await codeOf('ship', 'vin:1M8GDM9AXKP042788')).to.equal('batch.identifier');
    expect(await codeOf('split', batch('none'), '--into', `${batch('S')}=1`)).to.equal('batch.notMade');
    expect(await codeOf('split', batch('A'), '--into', `${batch('B')}=1`)).to.equal('batch.numberUsed');
    expect(await kindsOf(batch('A'))).to.deep.equal([96]);
  });
});
