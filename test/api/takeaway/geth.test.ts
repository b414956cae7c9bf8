import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Contract, JsonRpcProvider, Wallet } from 'ethers';
import { readConfig } from '../../../api/config.ts';
import { writeDeployment } from '../../../api/deployment.ts';
import { openKeyring } from '../../../api/keyring/keyring.ts';
import { type Service, startService } from '../../../api/server.ts';
import { type Hex, toBase64Url, toHex, utf8 } from '../../../core/bytes.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { packEntries } from '../../../core/chain/entry.ts';
import { addressOfKey, signSubmission } from '../../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../../core/chain/types.ts';
import { digestOf, secureRandom } from '../../../core/envelope/block.ts';
import { composeEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { kindsOfRoles } from '../../../core/kinds/kinds.ts';
import { roles } from '../../../core/kinds/roles.ts';
import { anchoredView, offlineViews, reportProof } from '../../../core/proof/reportProof.ts';
import { parseReport, type Report } from '../../../core/report/report.ts';
import { verify } from '../../../core/verify/verify.ts';
import { deploy } from '../../../scripts/deploy.ts';

/** geth, where there is one: TEST_GETH, GETH_BIN, or on the PATH. */
function findGeth(): string | null {
  const named = process.env.TEST_GETH ?? process.env.GETH_BIN;
  if (named !== undefined) return named;
  return spawnSync('geth', ['version'], { stdio: 'ignore' }).status === 0 ? 'geth' : null;
}

const geth = findGeth();
const VIN = 'VF1AAAAA164321012';
const UNKNOWN = 'WDB1240001A000001';

function skipped(title: string, _tests: (this: Mocha.Suite) => void): void {
  describe(title, () => it('needs geth: put it on the PATH or name it by GETH_BIN'));
}

/** The whole service on the client that most chains run: what it proves must be checkable against geth's own hash. */
(geth === null ? skipped : describe)('the service on geth', function () {
  this.timeout(180_000);
  let folder: string;
  let node: ChildProcess | undefined;
  let service: Service | undefined;
  let url: string;

  const rpc = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const headers = { 'content-type': 'application/json' };
    const answer = (await (await fetch(url, { method: 'POST', headers, body })).json()) as {
      result?: unknown;
      error?: { message: string };
    };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };

  const fund = async (to: string): Promise<void> => {
    const [rich] = (await rpc('eth_accounts', [])) as string[];
    const hash = await rpc('eth_sendTransaction', [{ from: rich, to, value: '0x56bc75e2d63100000' }]);
    // A node that has just started answers nothing of transactions until it has indexed them.
    const receipt = () => rpc('eth_getTransactionReceipt', [hash]).catch(() => null);
    await until(async () => (await receipt()) !== null);
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vinculum-geth-service-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const quiet = ['--ipcdisable', '--nodiscover', '--port', '0', '--authrpc.port', '0', '--verbosity', '1'];
    const http = ['--http', '--http.addr', '127.0.0.1', '--http.port', String(port), '--http.api', 'eth,net'];
    const options = ['--dev', '--datadir', join(folder, 'geth'), ...quiet, ...http];
    node = spawn(geth ?? '', options, { stdio: 'ignore' });
    await until(() => rpc('eth_chainId', []).catch(() => undefined));

    const data = join(folder, 'data');
    const keyring = await openKeyring(data);
    const registrar = Wallet.createRandom();
    await fund(registrar.address);
    await fund(keyring.relayer.address);
    const deployment = await deploy({
      rpcUrl: url,
      deployerKey: registrar.privateKey,
      deploymentDir: join(folder, 'deployment'),
      parameters: {
        admin: registrar.address,
        registrar: registrar.address,
        guardian: registrar.address,
        directoryManager: registrar.address,
        registrarDelay: 0,
        controllerDelay: 0,
        definedKinds: kindsOfRoles(roles),
        pseudonymKey: toHex(keyring.pseudonymPublicKey),
      },
    });
    const lower = (address: string) => address.toLowerCase() as Address;
    await writeDeployment(join(data, 'deployment.json'), {
      ...deployment,
      authority: lower(deployment.authority),
      organisations: lower(deployment.organisations),
      titles: lower(deployment.titles),
      parts: lower(deployment.parts),
      ledger: lower(deployment.ledger),
      directory: lower(deployment.directory),
      ledgerCodeHash: deployment.ledgerCodeHash as Hex,
    });
    const config = readConfig({ VINCULUM_DATA: data, PORT: '0', RPC_URL: url, ACCESS_LOG: 'false' });
    service = await startService(config);
    await recordOne(service, registrar.privateKey);
  });

  after(async () => {
    await service?.stop();
    if (node?.exitCode === null) {
      node.kill('SIGKILL');
      await once(node, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  /** A workshop is admitted and hands in one reading; back when it is anchored. */
  async function recordOne({ services, url: address }: Service, registrarKey: string): Promise<void> {
    const { deployment } = services;
    const profile = canonicalJson({
      country: 'FR',
      names: { en: 'Workshop' },
      roles: ['workshop'],
      vinculum: 1,
    });
    const provider = new JsonRpcProvider(url, Number(deployment.chainId), {
      staticNetwork: true,
      pollingInterval: 20,
      cacheTimeout: -1,
    });
    const organisations = new Contract(
      deployment.organisations,
      [
        'function admit(address controller, uint256 kinds, bytes32 profile) returns (uint64)',
        'function addKey(uint64 organisation, address signer)',
        'function last() view returns (uint64)',
      ],
      new Wallet(registrarKey, provider),
    );
    const key = secureRandom(32);
    const controller = new Wallet(registrarKey).address;
    const call = async (method: string, ...values: unknown[]) =>
      (await organisations.getFunction(method)(...values)).wait();
    await call('admit', controller, kindsOfRoles(['workshop']), digestOf(utf8(profile)));
    const organisation = (await organisations.getFunction('last')()) as OrganisationId;
    const admitted = await call('addKey', organisation, addressOfKey(key));
    provider.destroy();
    await until(() => services.pipeline.progress().indexedBlock >= admitted.blockNumber);
    const headers = { 'content-type': 'application/json' };
    const path = `${address}/v1/organisations/${organisation}/profile`;
    expect((await fetch(path, { method: 'PUT', headers, body: profile })).status).to.equal(200);

    const identifier = parseIdentifier(VIN);
    const ledger = { chainId: deployment.chainId, address: deployment.ledger };
    const {
      entry,
      block,
      key: blockKey,
      disclosures,
    } = composeEntry(
      ledger,
      organisation,
      { identifier, subject: services.evaluator.subject(identifier) },
      {
        kind: 'odometer',
        time: '2024-03-01',
        data: { odometer: { value: 12_000, unit: 'KMT', source: 'workshop' } },
      },
    );
    const deadline = BigInt(Math.floor(Date.now() / 1000) + 3_600);
    const unsigned = { organisation, entries: packEntries([entry]), nonce: 0n, deadline };
    const signed = signSubmission(ledger, unsigned, key);
    const body = JSON.stringify({
      submission: {
        organisation: organisation.toString(),
        signer: signed.signer,
        nonce: '0',
        deadline: deadline.toString(),
        entries: toBase64Url(signed.entries),
        signature: toBase64Url(signed.signature),
      },
      contents: [{ block: toBase64Url(block), key: toBase64Url(blockKey), disclosures }],
    });
    const accepted = await fetch(`${address}/v1/submissions`, { method: 'POST', headers, body });
    expect(accepted.status, await accepted.clone().text()).to.equal(202);
    const { hash } = (await accepted.json()) as { hash: string };
    await until(async () => {
      const answer = await fetch(`${address}/v1/submissions/${hash}`);
      return ['anchored', 'final'].includes(((await answer.json()) as { state: string }).state);
    });
  }

  async function served(
    vin: string,
  ): Promise<{ report: Report; hash: Hex; chainId: bigint; directory: Address }> {
    const answer = await fetch(`${service?.url}/v1/vehicles/${vin}/report`);
    const report = parseReport(await answer.text());
    const number = `0x${report.ledgers[0]?.asOf.number.toString(16)}`;
    const block = (await rpc('eth_getBlockByNumber', [number, false])) as { hash: Hex };
    const { deployment } = service?.services ?? {};
    if (deployment === undefined) throw new Error('no service');
    return { report, hash: block.hash, chainId: deployment.chainId, directory: deployment.directory };
  }

  for (const [what, vin, entries] of [
    ['a history', VIN, 1],
    ['that a VIN was never registered', UNKNOWN, 0],
  ] as const) {
    it(`proves ${what} against geth’s block hash, without any network`, async () => {
      const { report, hash, chainId, directory } = await served(vin);
      const views = offlineViews(report, new Map([[chainId, hash]]));
      const result = await verify(report, { chainId, directory }, views);
      expect(result.verdict).to.equal('verified');
      expect(result.entries).to.have.length(entries);
      expect(result.asOf[0]?.final).to.equal(true);
    });
  }

  it('is checked by its proof and an endpoint that gives headers only', async () => {
    const { report, chainId, directory } = await served(VIN);
    const asked = new Set<string>();
    const endpoint = (method: string, params: readonly unknown[]) => {
      asked.add(method);
      return rpc(method, params);
    };
    const proof = reportProof(report, chainId);
    if (proof === null) throw new Error('a report without proof');
    const result = await verify(report, { chainId, directory }, () => anchoredView(proof, [endpoint]));
    expect(result.verdict).to.equal('verified');
    expect([...asked].sort()).to.deep.equal(['eth_chainId', 'eth_getBlockByNumber']);
  });
});

async function until(condition: () => unknown, milliseconds = 60_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
