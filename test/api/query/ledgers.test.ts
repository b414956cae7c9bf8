import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keccak256 } from 'ethers';
import { getHeader } from '../../../api/chain/read.ts';
import { readConfig } from '../../../api/config.ts';
import { readDeployment, writeDeployment } from '../../../api/deployment.ts';
import { indexTables } from '../../../api/index/tables.ts';
import { startService } from '../../../api/server.ts';
import { keysFolder } from '../../../cli/keystore.ts';
import { type Hex, toBase64Url, toHex } from '../../../core/bytes.ts';
import type { Address } from '../../../core/chain/types.ts';
import type { Content } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { offlineViews } from '../../../core/proof/reportProof.ts';
import { parseReport, type Report } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { ChainAccounts } from '../../adversary/system.ts';
import { vinculum } from '../../cli/fixture.ts';
import { type Attester, TestService } from '../fixture.ts';
import { createSchema } from '../store/stores.ts';

const CAR = 'VF1BB000000000001';
const NEVER = 'VF1BB000000000002';
const ZERO_ADDRESS = `0x${'00'.repeat(20)}`;

const odometer = (time: string, value: number): Content => ({
  kind: 'odometer',
  time,
  data: { odometer: { value, unit: 'KMT', source: 'workshop' } },
});

const treeKey = randomBytes(32);
const campaign = (name: string): Content => {
  const tree = buildTree(treeKey, [parseIdentifier(CAR)]);
  return {
    kind: 'recall.opened',
    time: '2024-06-01',
    data: {
      campaign: name,
      title: { en: 'Airbag inflator may rupture' },
      component: 'airbags',
      remedy: { en: 'Replace the inflator' },
      severity: 'safety',
      affectedRoot: tree.root,
      affectedCount: 1,
      treeKey: toBase64Url(treeKey),
    },
  };
};

describe('reports over several ledgers', function () {
  this.timeout(120_000);
  let folder: string;
  let environment: Record<string, string>;
  let removeSchema: () => Promise<void> = async () => undefined;
  let test: TestService;
  let chain: ChainAccounts;
  let maker: Attester;
  let workshop: Attester;
  let predecessor: Address;
  let successor: Address;

  const start = async (): Promise<void> => {
    test = new TestService(await startService(readConfig(environment)), async () => undefined, []);
    chain = new ChainAccounts(test);
  };
  const stop = async (): Promise<void> => {
    chain.stop();
    await test.stop();
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-ledgers-'));
    const schema = process.env.TEST_DATABASE_URL === undefined ? undefined : await createSchema();
    removeSchema = async () => schema?.drop();
    environment = {
      VINCULUM_DATA: folder,
      PORT: '0',
      REQUESTS_PER_MINUTE: '1000000',
      LOOKUPS_PER_HOUR: '1000000',
      ANONYMOUS_LOOKUPS_PER_HOUR: '1000000',
      ...(schema === undefined ? {} : { DATABASE_URL: schema.url }),
    };
    await start();
    predecessor = test.ledger.address;
    maker = await test.admit('Aurora Werke', ['manufacturer']);
    workshop = await test.admit('Garage Lumen', ['workshop']);
    const recall = test.compose(maker, 'own', campaign('R-1'));
    await test.record(maker, [
      test.compose(maker, CAR, {
        kind: 'vehicle.built',
        time: '2020-02-01',
        data: { brand: 'Aurora', model: 'A1', manufacturerId: 'aurora.example' },
      }),
      recall,
    ]);
    await putSet(recall.entry.digest);
    await test.record(workshop, [
      test.compose(workshop, CAR, odometer('2021-05-01', 10_000)),
      test.compose(workshop, CAR, odometer('2022-05-01', 20_000)),
    ]);
  });
  after(async () => {
    await stop();
    await removeSchema();
    await rm(folder, { recursive: true, force: true });
  });

  async function putSet(digest: Hex): Promise<void> {
    const token = await test.signIn(maker);
    const members = [`vin:${CAR}`];
    const reply = await test.request('PUT', `/v1/sets/${digest}`, { body: { members }, token });
    expect(reply.status, reply.text).to.equal(200);
  }

  const trust = () => {
    const { chainId, directory } = test.service.services.deployment;
    return { chainId, directory };
  };
  const indexed = async (block: number): Promise<void> => {
    const { pipeline, store } = test.service.services;
    await test.until(async () => {
      const behind = await store.query(`SELECT name FROM cursors WHERE name LIKE 'ledger:%'`);
      return pipeline.progress().indexedBlock >= block && behind.length === 0;
    });
  };
  const direct = async (method: string, values: unknown[], target: 'Directory' | Address): Promise<void> => {
    const of = target === 'Directory' ? trust().directory : target;
    const name = target === 'Directory' ? 'Directory' : 'Ledger';
    const { block } = await chain.send('directoryManager', [name, of], method, values);
    await indexed(block);
  };
  const codeHash = async (address: Address): Promise<string> =>
    keccak256(String(await chain.call('eth_getCode', [address, 'latest'])));

  async function listed(ledger: Address, key: Uint8Array): Promise<void> {
    const { chainId, organisations } = test.service.services.deployment;
    const values = [chainId, ledger, organisations, await codeHash(ledger), toHex(key)];
    await direct('add', values, 'Directory');
  }
  async function served(vin: string): Promise<Report> {
    const reply = await test.get(`/v1/vehicles/${vin}/report`);
    expect(reply.status, reply.text).to.equal(200);
    return parseReport(reply.text);
  }
  const byRpc = (report: Report): Promise<Verification> => {
    const { rpc } = test.service.services;
    const request: RpcRequest = (method, params) => rpc.call(method, params);
    return verify(report, trust(), async (chainId) =>
      chainId === trust().chainId ? rpcView([request], chainId) : null,
    );
  };
  /** As somebody does who has nothing but the hash of one block. */
  const byProof = async (report: Report): Promise<Verification> => {
    const header = await getHeader(test.service.services.rpc, report.ledgers[0]?.asOf.number ?? -1);
    const hashes = new Map([[trust().chainId, header?.hash ?? '0x']]);
    return verify(report, trust(), offlineViews(report, hashes));
  };
  const doubts = (result: Verification) =>
    result.steps.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome !== 'passed'));
  async function expectVerified(vin: string): Promise<Verification> {
    // An answer may be a second old.
    await test.until(async () => (await byRpc(await served(vin))).verdict === 'verified');
    const report = await served(vin);
    const [result, offline] = [await byRpc(report), await byProof(report)];
    expect([doubts(result), doubts(offline)]).to.deep.equal([[], []]);
    expect([result.verdict, offline.verdict]).to.deep.equal(['verified', 'verified']);
    expect(offline.asOf[0]).to.include({ final: true, endpoints: 0 });
    return offline;
  }
  const ids = (...addresses: Address[]) => addresses.map((address) => `eip155:${trust().chainId}:${address}`);

  it('go on when the ledger is closed and a successor is listed, which nothing is in yet', async () => {
    await direct('close', [], predecessor);
    const { authority, organisations } = test.service.services.deployment;
    const key = test.service.services.keyring.pseudonymPublicKey;
    successor = await chain.deploy(
      'Ledger',
      ...[authority, organisations, toHex(key), ZERO_ADDRESS, ZERO_ADDRESS],
    );
    await listed(successor, key);
    const { timestamp } = (
      await test.service.services.store.query<{ timestamp: string }>(
        'SELECT closed_at AS timestamp FROM closures',
      )
    )[0] ?? { timestamp: '0' };
    await direct('close', [0n, BigInt(timestamp)], 'Directory');

    const result = await expectVerified(CAR);
    expect(result.subjects.map(({ ledger }) => ledger)).to.deep.equal(ids(predecessor, successor));
    expect(result.entries.filter(({ chain: of }) => typeof of === 'string')).to.have.length(3);
    expect(result.findings.map(({ code }) => code)).to.include('recall.open');
    const never = await expectVerified(NEVER);
    expect(never.entries).to.deep.equal([]);
    expect(never.subjects.map(({ head }) => head)).to.deep.equal(Array(2).fill(`0x${'00'.repeat(32)}`));
  });

  it('and the closed one takes nothing more: ledger.closed, 409', async () => {
    const late = test.sign(workshop, [test.compose(workshop, CAR, odometer('2023-01-01', 21_000))]);
    const reply = await test.post('/v1/submissions', late);
    expect([reply.status, reply.body.code]).to.deep.equal([409, 'ledger.closed']);
    const elsewhere = structuredClone(late);
    elsewhere.submission.nonce = '999';
    const refused = await test.post('/v1/submissions', elsewhere);
    expect([refused.status, refused.body.code]).to.deep.equal([422, 'submission.signature']);
  });

  it('tell one history of both when the operator goes on with the successor', async () => {
    const file = test.service.config.deploymentFile;
    await stop();
    const deployment = await readDeployment(file);
    if (deployment === null) throw new Error('no deployment');
    await writeDeployment(file, { ...deployment, ledger: successor });
    await start();
    await test.record(workshop, [test.compose(workshop, CAR, odometer('2023-05-01', 15_000))]);
    const recall = test.compose(maker, 'own', campaign('R-2'));
    await test.record(maker, [recall]);
    await putSet(recall.entry.digest);

    const result = await expectVerified(CAR);
    const report = await served(CAR);
    expect(report.ledgers.map(({ links }) => links.length)).to.deep.equal([3, 1]);
    expect(report.ledgers.map(({ ownChains }) => ownChains.map(({ links }) => links.length))).to.deep.equal([
      ...[[1], [1]],
    ]);
    expect(report.unread).to.equal(undefined);
    const discrepancy = result.findings.find(({ code }) => code === 'odometer.discrepancy');
    const readings = report.ledgers.map(({ links }) => links.at(-1)?.digest);
    expect([...(discrepancy?.entries ?? [])].sort()).to.deep.equal([...readings].sort());
    expect(result.summary?.odometer.readings.map(({ kilometres }) => kilometres)).to.deep.equal([
      10_000, 20_000, 15_000,
    ]);
    expect(result.summary?.recalls.campaigns.map(({ campaign: name }) => name).sort()).to.deep.equal([
      'R-1',
      'R-2',
    ]);
    expect((await expectVerified(NEVER)).entries).to.deep.equal([]);
    const { body } = await test.get(`/v1/vehicles/${CAR}`);
    expect(body.findings).to.deep.equal(JSON.parse(JSON.stringify(result.findings)));
    expect(body).to.include({ recorded: true, ledger: ids(successor)[0], head: result.subjects[1]?.head });
    expect(body.entries.map(({ ledger }: { ledger: string }) => ledger)).to.deep.equal(
      ids(predecessor, predecessor, predecessor, successor),
    );
    expect(body.organisations.map(({ id }: { id: string }) => BigInt(id))).to.have.members([
      maker.id,
      workshop.id,
    ]);
  });

  it('are refuted when either ledger’s part is not told as it is', async () => {
    for (const index of [0, 1]) {
      const report = await served(CAR);
      report.ledgers[index]?.links.pop();
      for (const result of [await byRpc(report), await byProof(report)]) {
        expect(result.verdict).to.equal('refuted');
        expect(doubts(result).map(({ code, at }) => [code, at.ledger])).to.deep.include([
          'head.subject',
          ids(predecessor, successor)[index],
        ]);
      }
    }
  });

  it('stand up to an audit of both', async () => {
    const { json, exit } = await auditing();
    expect([exit, json.verdict]).to.deep.equal([0, 'verified']);
    expect(json.problems).to.deep.equal([]);
    expect(json.ledgers.map(({ closed, read }: Record<string, boolean>) => [closed, read])).to.deep.equal([
      [true, true],
      [false, true],
    ]);
    expect(json.entries).to.include({ total: 6, proven: 6 });
    expect(json.subjects).to.include({ total: 2, verified: 2 });
    expect(json.served).to.deep.equal({ compared: 2, differing: 0, skipped: 0 });
  });

  it('are the same from an index that was rebuilt from nothing', async () => {
    const { store, pipeline } = test.service.services;
    const dump = async () => {
      const rows = indexTables.map((table) =>
        store.query(
          `SELECT * FROM ${table} ORDER BY block_number${table === 'missing_blocks' ? '' : ', log_index'}`,
        ),
      );
      return Promise.all(rows);
    };
    const before = await dump();
    await pipeline.stop();
    await store.execute(`TRUNCATE ${[...indexTables, 'chain_blocks', 'cursors'].join(', ')}`);
    await pipeline.start();
    await indexed(Number(await chain.call('eth_blockNumber', [])));
    expect(await dump()).to.deep.equal(before);
    expect((await expectVerified(CAR)).entries).to.have.length(6);
  });

  it('are incomplete, by name, for a ledger of another chain and one under another key', async () => {
    const { authority, organisations } = test.service.services.deployment;
    const key = test.service.services.keyring.pseudonymPublicKey;
    const far = `0x${'fa'.repeat(20)}` as Address;
    await direct('add', [7n, far, organisations, toHex(randomBytes(32)), toHex(key)], 'Directory');
    const otherKey = randomBytes(32);
    const locked = await chain.deploy(
      'Ledger',
      ...[authority, organisations, toHex(otherKey), ZERO_ADDRESS, ZERO_ADDRESS],
    );
    await listed(locked, otherKey);
    for (const vin of [CAR, NEVER]) {
      await test.until(async () => (await served(vin)).unread?.length === 2);
      const report = await served(vin);
      expect(report.ledgers.map(({ ledger }) => ledger)).to.deep.equal(ids(predecessor, successor));
      expect(report.unread?.map(({ ledger, reason }) => [ledger, reason])).to.deep.equal([
        [`eip155:7:${far}`, 'chain'],
        [...ids(locked), 'key'],
      ]);
      for (const result of [await byRpc(report), await byProof(report)]) {
        expect(result.verdict).to.equal('incomplete');
        expect(doubts(result).map(({ code, at }) => [code, at.ledger])).to.deep.equal([
          ['ledger.unread', `eip155:7:${far}`],
          ['ledger.unread', ...ids(locked)],
        ]);
        expect(result.entries).to.have.length(vin === CAR ? 6 : 0);
      }
      const { body } = await test.get(`/v1/vehicles/${vin}`);
      expect(body.unread.map(({ reason }: { reason: string }) => reason)).to.deep.equal(['chain', 'key']);
    }
    const { json, exit } = await auditing();
    expect([exit, json.verdict]).to.deep.equal([3, 'incomplete']);
    expect(json.problems.map(({ code }: { code: string }) => code)).to.deep.equal(['ledger.unread']);
  });

  /** The command line’s audit, with every envelope opened and what is served compared. */
  async function auditing() {
    const beside = await mkdtemp(join(tmpdir(), 'vinculum-cli-'));
    try {
      await mkdir(keysFolder(beside), { recursive: true });
      const { chainId, directory } = trust();
      const service = {
        url: test.url,
        rpcUrl: test.service.rpcUrl,
        chainId: chainId.toString(),
        ...{ directory, ledger: successor },
      };
      await writeFile(join(beside, 'service.json'), JSON.stringify(service));
      await writeFile(join(beside, 'operator-token'), `${test.service.operatorToken}\n`);
      const keys = join(beside, 'keys.ndjson');
      const exported = await vinculum(beside, 'export', 'keys', '-o', keys, '--json');
      expect(exported.exit, exported.stderr).to.equal(0);
      expect((await readFile(keys, 'utf8')).trim().split('\n')).to.have.length(6);
      return await vinculum(beside, 'audit', '--json', '--keys', keys);
    } finally {
      await rm(beside, { recursive: true, force: true });
    }
  }
});
