import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Wallet } from 'ethers';
import { fromHex, type Hex, toHex } from '../../../core/bytes.ts';
import type { Address, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { ZERO_HEAD } from '../../../core/chain/types.ts';
import { encodeHeader } from '../../../core/proof/header.ts';
import { plainSlot, proofView, SLOTS } from '../../../core/proof/proofView.ts';
import { mappingSlot } from '../../../core/proof/state.ts';
import { generatePseudonymKeys } from '../../../core/pseudonym/pseudonym.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import { type Deployment, deploy } from '../../../scripts/deploy.ts';

const { TEST_GETH: geth } = process.env;

/** The embedded chain is one implementation; what the reader relies on must hold on the one that most chains run. */
(geth === undefined ? describe.skip : describe)('geth (TEST_GETH)', function () {
  this.timeout(120_000);
  const keys = generatePseudonymKeys();
  const subject = `0x${'5b'.repeat(32)}` as Subject;
  const organisation = 1n as OrganisationId;
  let folder: string;
  let node: ChildProcess;
  let url: string;
  let deployment: Deployment;

  const rpc = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vinculum-geth-'));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const options = [
      '--dev',
      '--datadir',
      folder,
      '--ipcdisable',
      '--nodiscover',
      '--port',
      '0',
      '--verbosity',
      '1',
    ];
    const http = ['--http', '--http.addr', '127.0.0.1', '--http.port', String(port), '--http.api', 'eth,net'];
    node = spawn(geth ?? '', [...options, ...http, '--authrpc.port', '0'], { stdio: 'ignore' });
    while (!(await rpc('eth_chainId', []).catch(() => undefined))) await pause(50);

    const deployer = Wallet.createRandom();
    const [rich] = (await rpc('eth_accounts', [])) as string[];
    const funding = { from: rich, to: deployer.address, value: `0x${(10n ** 20n).toString(16)}` };
    const hash = await rpc('eth_sendTransaction', [funding]);
    while ((await rpc('eth_getTransactionReceipt', [hash])) === null) await pause(50);
    deployment = await deploy({
      rpcUrl: url,
      deployerKey: deployer.privateKey,
      deploymentDir: join(folder, 'deployment'),
      parameters: {
        admin: deployer.address,
        registrar: deployer.address,
        guardian: deployer.address,
        directoryManager: deployer.address,
        registrarDelay: 0,
        controllerDelay: 0,
        definedKinds: 1n << 32n,
        pseudonymKey: toHex(keys.publicKey),
      },
    });
  });

  after(async () => {
    if (node?.exitCode === null) {
      node.kill('SIGKILL');
      await once(node, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('serves storage proofs that prove what it answers, against a hash recomputed from its header', async () => {
    const block = (await rpc('eth_getBlockByNumber', ['latest', false])) as Record<string, unknown> & {
      hash: Hex;
    };
    const ledger = deployment.ledger.toLowerCase() as Address;
    const directory = deployment.directory.toLowerCase() as Address;
    const asked: readonly (readonly [string, readonly Hex[]])[] = [
      [directory, [plainSlot(SLOTS.directoryHead)]],
      [
        ledger,
        [
          plainSlot(SLOTS.pseudonymKey),
          mappingSlot(subject, SLOTS.heads),
          mappingSlot(organisation, SLOTS.ownHeads),
        ],
      ],
    ];
    const nodes: Uint8Array[] = [];
    for (const [contract, slots] of asked) {
      const answer = (await rpc('eth_getProof', [contract, slots, block.number])) as {
        accountProof: Hex[];
        storageProof: { proof: Hex[] }[];
      };
      const proofs = [...answer.accountProof, ...answer.storageProof.flatMap(({ proof }) => proof)];
      nodes.push(...proofs.map((proof) => fromHex(proof)));
    }
    const proof = {
      chainId: deployment.chainId,
      codec: 'ethereum',
      header: encodeHeader(block),
      nodes,
    } as const;
    const proven = proofView(proof, block.hash, true);
    const answered = await rpcView([rpc], deployment.chainId);
    expect(await proven.directoryHead(directory)).to.equal(await answered.directoryHead(directory));
    expect(await proven.codeHash(ledger)).to.equal(deployment.ledgerCodeHash);
    expect(await proven.pseudonymKey(ledger)).to.equal(toHex(keys.publicKey));
    expect(await proven.head(ledger, subject)).to.equal(ZERO_HEAD);
    expect(await proven.ownHead(ledger, organisation)).to.equal(ZERO_HEAD);
  });
});

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
