import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Problem } from '../../cli/audit/problems.ts';
import { rebuildLedger } from '../../cli/audit/rebuild.ts';
import { foldTitles } from '../../cli/audit/titles.ts';
import { readHeader } from '../../cli/chain.ts';
import { readDirectory } from '../../cli/ledger.ts';
import { createRpc } from '../../cli/rpc.ts';
import { fromHex } from '../../core/bytes.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  actionsOf,
  type Beside,
  entriesOf,
  registryRows,
  startBeside,
  vinculum,
  withoutLink,
  writeRows,
} from './fixture.ts';

const ROWS = registryRows(100, 25);
const ENTRIES = entriesOf(ROWS) + actionsOf(ROWS);

type Found = {
  code: string;
  outcome: string;
  at: Record<string, string | number>;
  expected?: string;
  found?: string;
};

describe('vinculum audit', function () {
  this.timeout(60_000);
  let beside: Beside;
  let keys: string;
  let subject: Subject;
  let digests: Digest[];

  before(async () => {
    beside = await startBeside();
    await vinculum(
      beside.folder,
      'import',
      'registrations',
      await writeRows(beside.folder, 'rows.ndjson', ROWS),
    );
    keys = join(beside.folder, 'keys.ndjson');
    const exported = await vinculum(beside.folder, 'export', 'keys', '-o', keys, '--json');
    expect(exported.json, exported.stderr).to.include({ keys: ENTRIES });
    subject = beside.test.subject(parseIdentifier('registration:FR:FR00000104'));
    const rows = await beside.test.service.services.store.query<{ digest: Uint8Array }>(
      'SELECT digest FROM links WHERE subject = $1 ORDER BY position',
      [fromHex(subject, 32)],
    );
    digests = rows.map(({ digest }) => `0x${Buffer.from(digest).toString('hex')}` as Digest);
    expect(digests).to.have.lengthOf(6);
  });
  after(() => beside.stop());

  const auditing = (...args: string[]) => vinculum(beside.folder, 'audit', '--json', ...args);
  const opening = (...args: string[]) => auditing('--keys', keys, ...args);
  const execute = (sql: string, ...parameters: (Uint8Array | number)[]) =>
    beside.test.service.services.store.execute(sql, parameters);

  it('verifies every subject and proves every entry', async () => {
    const { exit, json, stderr } = await opening();
    expect(exit, stderr).to.equal(0);
    expect(json.verdict).to.equal('verified');
    expect(json.subjects).to.include({ total: 25, verified: 25, incomplete: 0, refuted: 0 });
    expect(json.entries).to.include({ total: ENTRIES, proven: ENTRIES });
    expect(json.pseudonyms).to.include({ proven: 25, unchecked: 0 });
    expect(json.organisations).to.include({ total: 1, matching: 1 });
    expect(json.served).to.deep.equal({ compared: 25, differing: 0, skipped: 0 });
    expect(json.problems).to.deep.equal([]);
  });

  it('says what it did not open without keys', async () => {
    const { exit, json } = await auditing();
    expect([exit, json.verdict]).to.deep.equal([0, 'whole']);
    expect(json.entries).to.include({ stored: ENTRIES, proven: 0 });
    expect(json.subjects).to.include({ whole: 25, verified: 0 });
    expect((await vinculum(beside.folder, 'audit')).stdout).to.contain('not opened');
  });

  it('needs no service where the blocks are exported', async () => {
    const blocks = join(beside.folder, 'blocks');
    const exported = await vinculum(beside.folder, 'export', 'blocks', '-o', blocks, '--json');
    expect(exported.json, exported.stderr).to.include({ altered: 0 });
    const { chainId, directory } = beside.test.service.services.deployment;
    const elsewhere = join(beside.folder, 'nowhere');
    const alone = (...args: string[]) =>
      vinculum(
        elsewhere,
        ...['audit', '--json', '--rpc', beside.test.service.rpcUrl, '--directory', `${chainId}:${directory}`],
        ...['--blocks', blocks, '--keys', keys, ...args],
      );
    const whole = await alone();
    expect([whole.exit, whole.json.verdict], whole.stderr).to.deep.equal([0, 'whole']);
    expect(whole.json.entries).to.include({ proven: ENTRIES });
    expect(whole.json.pseudonyms).to.include({ unchecked: 25 });

    const transcripts = join(beside.folder, 'transcripts.ndjson');
    await opening('--no-served', '--keep-transcripts', transcripts);
    const proven = await alone('--transcripts', transcripts);
    expect([proven.exit, proven.json.verdict], proven.stderr).to.deep.equal([0, 'verified']);
    expect(proven.json.pseudonyms).to.include({ proven: 25 });

    const file = join(blocks, cidOf(digests[1] as Digest));
    const block = await readFile(file);
    const altered = Buffer.from(block);
    altered[100] = (altered[100] ?? 0) ^ 1;
    await writeFile(file, altered);
    const refuted = await alone();
    expect(refuted.exit).to.equal(1);
    expect(refuted.json.problems).to.have.lengthOf(1);
    expect(refuted.json.problems[0]).to.include({ code: 'entry.digest', expected: digests[1] });
    expect(refuted.json.problems[0].at).to.include({ subject, position: 1, digest: digests[1] });
    await rm(file);
    const missing = await alone();
    expect([missing.exit, missing.json.verdict]).to.deep.equal([3, 'incomplete']);
    expect(missing.json.problems[0]).to.include({ code: 'block.missing' });
    await writeFile(file, block);
  });

  it('says which stored envelope had a byte flipped', async () => {
    const digest = fromHex(digests[2] ?? '', 32);
    const flip = 'UPDATE blocks SET body = set_byte(body, 90, get_byte(body, 90) # 1) WHERE digest = $1';
    await execute(flip, digest);
    try {
      for (const run of [auditing, opening]) {
        const { exit, json } = await run();
        expect([exit, json.verdict]).to.deep.equal([1, 'refuted']);
        expect(json.entries).to.include({ refuted: 1, total: ENTRIES });
        expect(json.subjects).to.include({ refuted: 1 });
        expect(json.problems).to.have.lengthOf(1);
        expect(json.problems[0]).to.include({ code: 'entry.digest', outcome: 'failed' });
        expect(json.problems[0].at).to.include({ subject, position: 2, digest: digests[2] });
        expect(json.problems[0].at.block).to.be.greaterThan(0);
      }
      const { stdout } = await vinculum(beside.folder, 'audit');
      expect(stdout).to.contain('entry 3').and.to.contain(subject).and.to.contain(digests[2]);
    } finally {
      await execute(flip, digest);
    }
  });

  it('says which block nobody hands out', async () => {
    const digest = fromHex(digests[0] ?? '', 32);
    const [row] = await beside.test.service.services.store.query<{ body: Uint8Array }>(
      'SELECT body FROM blocks WHERE digest = $1',
      [digest],
    );
    await execute('DELETE FROM blocks WHERE digest = $1', digest);
    try {
      const { exit, json } = await opening();
      expect([exit, json.verdict]).to.deep.equal([3, 'incomplete']);
      expect(json.entries).to.include({ withheld: 1, proven: ENTRIES - 1 });
      expect(json.subjects).to.include({ incomplete: 1, verified: 24 });
      expect(json.problems[0].at).to.include({ subject, position: 0 });
    } finally {
      await execute(
        'INSERT INTO blocks (digest, body) VALUES ($1, $2)',
        digest,
        row?.body ?? new Uint8Array(),
      );
    }
  });

  it('says which log is gone from the index behind the service', async () => {
    const { exit, json } = await withoutLink(beside, { subject, position: 2 }, () => opening());
    expect([exit, json.verdict]).to.deep.equal([1, 'refuted']);
    expect(json.served).to.include({ differing: 1 });
    // The ledger itself is what it was: only what is told of it is not.
    expect(json.entries).to.include({ proven: ENTRIES });
    const found = json.problems.map(({ code, at }: Found) => [code, at.subject, at.position, at.digest]);
    expect(found).to.deep.include(['served.leftOut', subject, 2, digests[2]]);
    const left = await withoutLink(beside, { subject, position: 2 }, () => opening('--no-served'));
    expect(left.exit).to.equal(0);
  });

  it('says which events the index has swapped', async () => {
    const swap = async () => {
      await execute(
        `UPDATE links SET digest = other.digest, kind = other.kind FROM links AS other
         WHERE links.subject = $1 AND other.subject = $1 AND links.position IN (0, 1)
           AND other.position = 1 - links.position`,
        fromHex(subject, 32),
      );
      beside.test.service.services.query.forget();
    };
    await swap();
    try {
      const { exit, json } = await opening();
      expect(exit).to.equal(1);
      const found = json.problems.map(({ code, at }: Found) => [code, at.subject, at.position]);
      expect(found).to.deep.equal([
        ['served.moved', subject, 0],
        ['served.moved', subject, 1],
      ]);
    } finally {
      await swap();
    }
  });

  it('refutes a title that its actions can’t have come to', async () => {
    const { test } = beside;
    const { chainId, directory } = test.service.services.deployment;
    const rpc = createRpc(test.service.rpcUrl);
    const { number = 0 } = (await readHeader(rpc, 'latest')) ?? {};
    const [record] = await readDirectory(rpc, { chainId, directory }, number);
    if (record?.change !== 'added') throw new TypeError('no ledger');
    const problems: Problem[] = [];
    const rebuilt = await rebuildLedger(rpc, record, number, problems, () => undefined);
    expect(foldTitles(rebuilt, problems).get(subject)?.title).to.include({ state: 'held', tenure: 2n });
    expect(problems).to.deep.equal([]);
    // Without the title's first issue nothing of what follows could have been executed.
    const history = rebuilt.histories.get(subject) ?? [];
    const [issued] = history.filter(({ link }) => 'actor' in link);
    const histories = new Map([[subject, history.filter((entry) => entry !== issued)]]);
    foldTitles({ ...rebuilt, histories }, problems);
    expect(problems.map(({ outcome, code, found }) => [outcome, code, found])).to.deep.equal([
      ['failed', 'title.illegal', 'title.wrongRevision'],
    ]);
  });

  it('finds a key that is not the block’s, and one that is missing', async () => {
    const lines = (await readFile(keys, 'utf8')).trim().split('\n');
    const [first = '', second = '', ...rest] = lines;
    const other = join(beside.folder, 'other-keys.ndjson');
    const wrong = { ...JSON.parse(first), key: JSON.parse(second).key };
    await writeFile(other, [JSON.stringify(wrong), ...rest].join('\n'));
    const { exit, json } = await auditing('--keys', other, '--no-served');
    expect([exit, json.verdict]).to.deep.equal([3, 'incomplete']);
    const codes = json.problems.map(({ code }: Found) => code).sort();
    expect(codes).to.deep.equal(['block.wrongKey', 'key.missing']);
  });

  it('takes a void entry for its attester’s fault, and for nobody else’s', async () => {
    const { test } = beside;
    const target = {
      kind: 'odometer',
      time: '2024-01-01',
      data: { odometer: { value: 9, unit: 'KMT', source: 'registry' } },
    };
    const workshop = await test.admit('Workshop', ['workshop']);
    const entry = test.compose(workshop, 'registration:FR:FR00000100', target as never);
    await test.record(workshop, [entry]);
    const other = test.subject(parseIdentifier('registration:FR:FR00000101'));
    await recordDirectly(workshop.id, workshop.key, other, entry.entry.digest);
    await vinculum(beside.folder, 'export', 'keys', '-o', keys, '--force');
    const { exit, json } = await opening('--no-served');
    expect(exit).to.equal(0);
    expect(json.entries).to.include({ void: 1, proven: ENTRIES + 1 });
    expect(json.problems).to.have.lengthOf(1);
    expect(json.problems[0]).to.include({ code: 'envelope.unbound' });
    expect(json.problems[0].at).to.include({ subject: other, attester: workshop.id.toString() });
    expect((await vinculum(beside.folder, 'audit', '--keys', keys)).stdout).to.contain('1 void');
  });

  /** Puts an entry on the ledger past the service, which would refuse it. */
  async function recordDirectly(
    organisation: OrganisationId,
    key: Uint8Array,
    on: Subject,
    digest: Digest,
  ): Promise<void> {
    const { Contract, JsonRpcProvider, Wallet } = await import('ethers');
    const { signSubmission } = await import('../../core/chain/submission.ts');
    const { packEntries } = await import('../../core/chain/entry.ts');
    const { service } = beside.test;
    const provider = new JsonRpcProvider(service.rpcUrl, undefined, {
      cacheTimeout: -1,
      pollingInterval: 20,
    });
    const wallet = new Wallet(service.chain?.secretKey('registrar') ?? '', provider);
    const ledger = new Contract(
      service.services.deployment.ledger,
      [
        'function recordSigned((uint64 organisation,address signer,uint256 nonce,uint64 deadline,bytes entries,bytes signature)[] submissions)',
      ],
      wallet,
    );
    const signed = signSubmission(
      beside.test.ledger,
      {
        organisation,
        entries: packEntries([{ kind: 67, subject: on, digest }]),
        nonce: 1000n,
        deadline: 4_000_000_000n,
      },
      key,
    );
    const sent = await ledger.getFunction('recordSigned')([signed]);
    service.chain?.devnet.nudge();
    const receipt = await sent.wait();
    provider.destroy();
    await beside.test.until(() => service.services.pipeline.progress().indexedBlock >= receipt.blockNumber);
  }

  describe('vinculum export', () => {
    it('keeps keys to the owner and replaces nothing unasked', async () => {
      expect((await stat(keys)).mode & 0o777).to.equal(0o600);
      const again = await vinculum(beside.folder, 'export', 'keys', '-o', keys, '--json');
      expect([again.exit, again.json.error.code]).to.deep.equal([2, 'output.exists']);
    });

    it('is the operator’s', async () => {
      const folder = await beside.newFolder();
      await writeFile(join(folder, 'operator-token'), 'not-the-token\n');
      const refused = await vinculum(folder, 'export', 'keys', '-o', join(folder, 'keys.ndjson'), '--json');
      expect([refused.exit, refused.json.error.code]).to.deep.equal([5, 'auth.invalid']);
      await rm(join(folder, 'operator-token'));
      const nobody = await vinculum(folder, 'export', 'keys', '-o', join(folder, 'keys.ndjson'), '--json');
      expect([nobody.exit, nobody.json.error.code]).to.deep.equal([2, 'settings.noToken']);
    });
  });
});
