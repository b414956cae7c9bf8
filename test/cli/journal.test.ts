import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Journal, openJournal as open, type Plan } from '../../cli/import/journal.ts';
import { expectCode } from '../expectCode.ts';

const row = (name: string) => ({
  identifier: `registration:FR:${name}`,
  content: `content of ${name}`,
  entries: 2,
});
const plan = (digit: string, ...names: string[]): Plan => ({
  vinculum: 'import-plan/1',
  hash: `0x${digit.repeat(64)}`,
  rows: names.map(row),
  request: {
    submission: {
      organisation: '1',
      signer: `0x${'a'.repeat(40)}`,
      nonce: '0',
      deadline: '1',
      entries: 'AA',
      signature: 'AA',
    },
    contents: [{ block: 'AA', key: 'AA', disclosures: [] }],
  },
  actions: [],
});

describe('import journal', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-journal-'));
  });
  const opened: Journal[] = [];
  afterEach(async () => {
    for (const journal of opened.splice(0)) await journal.close().catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });

  const openJournal = async (path: string) => {
    const journal = await open(path);
    opened.push(journal);
    return journal;
  };

  /** Opens it as after a crash: whoever held it is gone. */
  const reopen = async () => {
    await rm(join(folder, 'lock'), { force: true });
    return openJournal(folder);
  };

  it('knows after a crash what was planned, and its very bytes', async () => {
    const journal = await openJournal(folder);
    await journal.plan(plan('1', 'A', 'B'));
    const after = await reopen();
    expect(after.find('registration:FR:A')).to.deep.equal({ content: 'content of A', state: 'planned' });
    expect([...after.plans.values()]).to.deep.equal([plan('1', 'A', 'B')]);
    expect(after.find('registration:FR:C')).to.equal(null);
  });

  it('keeps the keys in its plans to the owner', async () => {
    const journal = await openJournal(folder);
    await journal.plan(plan('1', 'A'));
    const [name = ''] = await readdir(join(folder, 'plans'));
    expect((await stat(join(folder, 'plans', name))).mode & 0o777).to.equal(0o600);
    await journal.close();
  });

  it('forgets a plan, and its keys, once it is done', async () => {
    const journal = await openJournal(folder);
    await journal.plan(plan('1', 'A'));
    await journal.finish(plan('1').hash);
    expect(await readdir(join(folder, 'plans'))).to.deep.equal([]);
    await journal.close();
    const after = await openJournal(folder);
    expect(after.find('registration:FR:A')).to.deep.equal({ content: 'content of A', state: 'done' });
    expect(after.plans.size).to.equal(0);
    await after.close();
  });

  it('takes a plan for done that was killed between both', async () => {
    const journal = await openJournal(folder);
    await journal.plan(plan('1', 'A'));
    await appendFile(join(folder, 'done.ndjson'), `${JSON.stringify(row('A'))}\n`);
    const after = await reopen();
    expect(after.plans.size).to.equal(0);
  });

  it('drops a line that was cut off', async () => {
    const journal = await openJournal(folder);
    await journal.plan(plan('1', 'A'));
    await journal.plan(plan('2', 'B'));
    await journal.finish(plan('1').hash);
    await journal.close();
    await appendFile(join(folder, 'done.ndjson'), JSON.stringify(row('B')).slice(0, 20));
    const after = await openJournal(folder);
    expect(after.find('registration:FR:B')?.state).to.equal('planned');
    await after.finish(plan('2').hash);
    await after.close();
    expect((await readFile(join(folder, 'done.ndjson'), 'utf8')).trim().split('\n')).to.have.lengthOf(2);
  });

  it('removes drafts: they were never posted', async () => {
    const journal = await openJournal(folder);
    await journal.close();
    await writeFile(join(folder, 'plans', 'x.json.123.part'), '{"half');
    await (await openJournal(folder)).close();
    expect(await readdir(join(folder, 'plans'))).to.deep.equal([]);
  });

  it('never holds a submission and the one that replaced it', async () => {
    const journal = await openJournal(folder);
    const old = plan('1', 'A');
    await journal.plan(old);
    await journal.replace(old.hash, plan('2', 'A'));
    // Killed before the first was removed:
    await writeFile(join(folder, 'plans', `${old.hash}.json`), JSON.stringify(old));
    const after = await reopen();
    expect([...after.plans.keys()]).to.deep.equal([plan('2').hash]);
  });

  it('knows a source in parts only once all of them are there, and by all of its entries', async () => {
    const part = (digit: string, from: number, entries: number): Plan => {
      const source = 'epcis:urn:uuid:1';
      const written = Array.from({ length: entries }, (_, index) => ({
        ...{ identifier: `serial:a:${from + index}`, kind: 'part.produced', kindVersion: 1 },
        digest: `0x${(from + index).toString(16).padStart(64, '0')}`,
      }));
      const identifier = from === 0 ? source : `${source}#${from}`;
      const own = { identifier, content: 'c', hash: 'ni:1', entries, written, part: { source, from, of: 5 } };
      return { ...plan(digit), rows: [own] };
    };
    const journal = await openJournal(folder);
    await journal.plan(part('1', 0, 2));
    await journal.finish(part('1', 0, 2).hash);
    await journal.plan(part('2', 2, 2));
    await journal.close();
    const after = await openJournal(folder);
    const name = 'epcis:urn:uuid:1';
    expect(after.matches(name, 'c')).to.equal(null);
    expect(after.matches(name, 'other')).to.equal('changed');
    expect(after.row({ hash: 'ni:1' })).to.deep.include({ identifier: name, entries: 4 });
    expect(after.parts(name).map(({ part: at }) => at?.from)).to.deep.equal([0, 2]);
    await after.plan(part('3', 4, 1));
    expect(after.matches(name, 'c')).to.equal('same');
    expect(after.isDone(name)).to.equal(false);
    await after.finish(part('2', 2, 2).hash);
    await after.finish(part('3', 4, 1).hash);
    expect(after.isDone(name)).to.equal(true);
    expect(after.row({ identifier: name })?.written).to.have.lengthOf(5);
    expect(after.row({ identifier: name })).not.to.have.property('part');
  });

  it('belongs to one import at a time, and not to a dead one', async () => {
    const journal = await openJournal(folder);
    await expectCode('import.running', () => openJournal(folder));
    const held = JSON.parse(await readFile(join(folder, 'lock'), 'utf8')) as object;
    await journal.close();
    await writeFile(join(folder, 'lock'), JSON.stringify({ ...held, pid: 999_999_999 }));
    await (await openJournal(folder)).close();
    // The number was given to another process since.
    await writeFile(join(folder, 'lock'), JSON.stringify({ ...held, startedAt: 'long ago' }));
    await (await openJournal(folder)).close();
  });

  it('lets one of many in that find a dead one’s lock', async () => {
    await writeFile(join(folder, 'lock'), '');
    const found = await Promise.allSettled(Array.from({ length: 8 }, () => openJournal(folder)));
    expect(found.filter(({ status }) => status === 'fulfilled')).to.have.lengthOf(1);
  });

  it('stops at a damaged file instead of guessing', async () => {
    const journal = await openJournal(folder);
    await journal.close();
    await writeFile(join(folder, 'done.ndjson'), '{"identifier":1}\n');
    await expectCode('import.journal', () => openJournal(folder));
    await rm(join(folder, 'done.ndjson'));
    await writeFile(join(folder, 'plans', 'x.json'), '{}');
    await expectCode('import.journal', () => openJournal(folder));
  });
});
