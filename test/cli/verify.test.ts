import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Subject } from '../../core/chain/types.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Report } from '../../core/report/report.ts';
import { type Beside, registryRows, sharedBeside, vinculum, withoutLink, writeRows } from './fixture.ts';

const ID = 'registration:FR:FR00007004';

/** The checks of a verification that failed, as `step code`. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of the command
function failures(json: any): string[] {
  return json.steps.flatMap((step: { step: string; checks: { outcome: string; code: string }[] }) =>
    step.checks.filter(({ outcome }) => outcome === 'failed').map(({ code }) => `${step.step} ${code}`),
  );
}

describe('vinculum report and verify', function () {
  this.timeout(60_000);
  let beside: Beside;
  let file: string;
  let honest: Report;
  let subject: Subject;
  let keep: (report: Report) => Promise<string>;

  before(async () => {
    beside = await sharedBeside();
    const rows = await writeRows(beside.folder, 'verify.ndjson', registryRows(7000, 10));
    await vinculum(beside.folder, 'import', 'registrations', rows);
    file = join(beside.folder, 'report.json');
    const fetched = await vinculum(beside.folder, 'report', ID, '-o', file, '--json');
    expect(fetched.exit, fetched.stderr).to.equal(0);
    expect(fetched.json).to.include({ identifier: ID, entries: 6 });
    honest = JSON.parse(await readFile(file, 'utf8'));
    subject = beside.test.subject(parseIdentifier(ID));
    keep = async (report) => {
      const copy = join(beside.folder, 'copy.json');
      await writeFile(copy, JSON.stringify(report));
      return copy;
    };
  });

  const verifying = (path: string, ...args: string[]) =>
    vinculum(beside.folder, 'verify', path, '--json', ...args);
  const told = async (change: (report: Report) => void) => {
    const copy = structuredClone(honest);
    change(copy);
    return verifying(await keep(copy));
  };
  const linksIn = (report: Report) => report.ledgers[0]?.links ?? [];

  it('verifies a history', async () => {
    const { exit, json, stderr } = await verifying(file);
    expect(exit, stderr).to.equal(0);
    expect(json).to.include({ verdict: 'verified', identifier: ID });
    expect(json.entries).to.have.lengthOf(6);
    expect(json.asOf[0].endpoints).to.equal(1);
    expect(json.trust.source).to.equal('data folder');
  });

  it('shows it to people, step by step', async () => {
    const { stdout } = await vinculum(beside.folder, 'verify', file);
    for (const word of [
      'Subject',
      'Completeness',
      'Attesters',
      'VERIFIED',
      'as seen by one endpoint',
      'Registry',
    ]) {
      expect(stdout).to.contain(word);
    }
  });

  it('proves that a vehicle was never recorded', async () => {
    const absent = join(beside.folder, 'absent.json');
    await vinculum(beside.folder, 'report', 'registration:FR:FR00009999', '-o', absent);
    const { exit, json } = await verifying(absent);
    expect([exit, json.verdict, json.entries]).to.deep.equal([0, 'verified', []]);
    expect((await vinculum(beside.folder, 'verify', absent)).stdout).to.contain('never recorded');
  });

  it('says which entry’s block was altered', async () => {
    const digest = linksIn(honest)[2]?.digest ?? '';
    const { exit, json } = await told((report) => {
      const content = report.contents[digest];
      if (content === undefined || !('block' in content)) throw new TypeError('no block');
      const bytes = Buffer.from(content.block, 'base64url');
      bytes[80] = (bytes[80] ?? 0) ^ 1;
      content.block = bytes.toString('base64url');
    });
    expect([exit, json.verdict]).to.deep.equal([1, 'refuted']);
    expect(failures(json)).to.deep.equal(['entries entry.digest']);
    const check = json.steps[3].checks.find(({ outcome }: { outcome: string }) => outcome === 'failed');
    expect(check.at).to.include({ position: 2, digest, subject });
  });

  it('says which entry was left out', async () => {
    const left = linksIn(honest)[1];
    const { exit, json } = await told((report) => linksIn(report).splice(1, 1));
    expect(exit).to.equal(1);
    expect(failures(json)).to.deep.equal(['completeness head.subject']);
    expect(json.differences[0].differences).to.have.lengthOf(1);
    expect(json.differences[0].differences[0]).to.deep.include({ difference: 'leftOut', position: 1 });
    expect(json.differences[0].differences[0].onLedger.link.digest).to.equal(left?.digest);
    expect(json.differences[0].differences[0].onLedger.block).to.be.greaterThan(0);
  });

  it('says which entries were swapped', async () => {
    const { exit, json } = await told((report) => {
      const links = linksIn(report);
      links.splice(1, 2, ...links.slice(1, 3).reverse());
    });
    expect(exit).to.equal(1);
    const places = json.differences[0].differences.map(
      ({ difference, position, toldAt }: Record<string, unknown>) => [difference, position, toldAt],
    );
    expect(places).to.deep.equal([
      ['moved', 1, 2],
      ['moved', 2, 1],
    ]);
  });

  it('refuses the history of another vehicle', async () => {
    const { exit, json } = await told((report) => {
      report.identifier = 'registration:FR:FR00007005';
    });
    expect([exit, failures(json)]).to.deep.equal([1, ['subject pseudonym.invalidTranscript']]);
  });

  it('catches the service when a row of its index is deleted', async () => {
    // A vehicle that nobody has asked for yet: what was asked for is remembered for a minute.
    const id = 'registration:FR:FR00007009';
    const lie = join(beside.folder, 'lie.json');
    const of = { subject: beside.test.subject(parseIdentifier(id)), position: 3 };
    await withoutLink(beside, of, () => vinculum(beside.folder, 'report', id, '-o', lie));
    const { exit, json } = await verifying(lie);
    // What was left out is an action, without which the title can't have gone on.
    expect([exit, failures(json)]).to.deep.equal([
      1,
      ['completeness head.subject', 'findings title.illegal'],
    ]);
    expect(json.differences[0].differences[0]).to.deep.include({ difference: 'leftOut', position: 3 });
  });

  it('shows each lie of the demo caught', async () => {
    const { exit, json } = await vinculum(beside.folder, 'demo', 'tamper', ID, '--json');
    expect(exit).to.equal(0);
    expect(json).to.include({ verdict: 'verified', caught: true });
    expect(json.lies.map(({ verdict }: { verdict: string }) => verdict)).to.deep.equal(
      Array(5).fill('refuted'),
    );
  });

  describe('trust', () => {
    it('is incomplete on the report’s own word', async () => {
      const folder = await beside.newFolder();
      await writeFile(join(folder, 'service.json'), '{}');
      const damaged = await vinculum(folder, 'verify', file, '--json');
      expect([damaged.exit, damaged.json.error.code]).to.deep.equal([2, 'settings.serviceFile']);
      const nowhere = join(folder, 'nowhere');
      const { rpcUrl } = beside.test.service;
      const { exit, json } = await vinculum(nowhere, 'verify', file, '--json', '--rpc', rpcUrl);
      expect([exit, json.verdict]).to.deep.equal([3, 'incomplete']);
      expect(json.reservations[0].code).to.equal('trust.fromReport');
      const { chainId, directory } = beside.test.service.services.deployment;
      const named = ['--rpc', rpcUrl, '--directory', `${chainId}:${directory}`];
      expect((await vinculum(nowhere, 'verify', file, '--json', ...named)).exit).to.equal(0);
      const other = ['--rpc', rpcUrl, '--directory', `${chainId}:0x${'12'.repeat(20)}`];
      expect((await vinculum(nowhere, 'verify', file, '--json', ...other)).exit).to.not.equal(0);
      expect(
        (await vinculum(nowhere, 'verify', file, '--json', '--directory', `${chainId}:${directory}`)).exit,
      ).to.equal(3);
    });

    it('wants two endpoints to agree, and counts them', async () => {
      const { rpcUrl } = beside.test.service;
      const { exit, json } = await verifying(file, '--rpc', rpcUrl, '--rpc', rpcUrl);
      expect([exit, json.asOf[0].endpoints]).to.deep.equal([0, 2]);
    });

    it('takes no older block than asked for', async () => {
      await sleep(2_100);
      const { exit, json } = await verifying(file, '--max-age', '1s');
      expect([exit, json.reservations[0].code]).to.deep.equal([3, 'asOf.tooOld']);
      expect((await verifying(file, '--max-age', '1h')).exit).to.equal(0);
    });

    it('says when the chain can’t be reached', async () => {
      const { exit, json } = await verifying(file, '--rpc', 'http://127.0.0.1:1');
      expect([exit, json.error.code]).to.deep.equal([4, 'http.unreachable']);
    });
  });

  for (const [what, text, code] of [
    ['a file that was cut off', '{"vinculum":"report/1",', 'report.invalidJson'],
    ['another document', '{}', 'report.malformed'],
    ['a later version', '{"vinculum":"report/9"}', 'report.unknownVersion'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const copy = join(beside.folder, 'other.json');
      await writeFile(copy, text);
      const { exit, json } = await verifying(copy);
      expect([exit, json.error.code]).to.deep.equal([2, code]);
    });
  }

  it('refuses what is no identifier', async () => {
    const { exit, json } = await vinculum(beside.folder, 'report', 'WVWZZZ1JZXW00000O', '--json');
    expect(exit).to.equal(2);
    expect(json.error.code).to.match(/^vin\./);
  });
});
