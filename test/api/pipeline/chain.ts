import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContractFactory, type InterfaceAbi, JsonRpcProvider, NonceManager, Wallet } from 'ethers';
import { findAnvilBinary } from '../../../api/chain/devnet/anvilBinary.ts';
import { createRpc, type Rpc } from '../../../api/chain/rpc.ts';

/** The private keys of anvil's own funded accounts. */
export const anvilKeys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
] as const;

/** An anvil that mines only when told to, so that a test says what happens when. */
export interface TestChain {
  readonly url: string;
  readonly rpc: Rpc;
  readonly chainId: bigint;
  mine(): Promise<void>;
  /** Drops so many blocks and puts as many empty ones in their place. */
  reorganise(depth: number): Promise<void>;
  blockNumber(): Promise<number>;
  stop(): Promise<void>;
}

export async function startChain(chainId = 31_337, port?: number): Promise<TestChain> {
  const chosen = port ?? (await freePort());
  const child = spawn(
    findAnvilBinary(),
    [
      ...['--host', '127.0.0.1', '--port', String(chosen), '--chain-id', String(chainId)],
      ...['--no-mining', '--order', 'fifo', '--gas-limit', '60000000', '--base-fee', '7', '--quiet'],
      ...['--hardfork', 'osaka', '--slots-in-an-epoch', '1', '--no-request-size-limit'],
    ],
    { detached: true, stdio: 'ignore' },
  );
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${chosen}`;
  const rpc = createRpc({ url, attempts: 1 });
  for (let left = 200; ; left -= 1) {
    try {
      await rpc.call('eth_chainId', []);
      break;
    } catch (error) {
      if (left === 0) throw error;
      await sleep(25);
    }
  }
  return {
    url,
    rpc,
    chainId: BigInt(chainId),
    mine: async () => void (await rpc.call('evm_mine', [])),
    reorganise: async (depth) => void (await rpc.call('anvil_reorg', [depth, []])),
    blockNumber: async () => Number(await rpc.call('eth_blockNumber', [])),
    async stop() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await exited;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

interface Artifact {
  readonly abi: InterfaceAbi;
  readonly bytecode: string;
}

const elsewhere: Readonly<Record<string, string>> = {
  AccessManager: '@openzeppelin/contracts/access/manager/AccessManager.sol',
  OwnedWallet: 'test/contracts/harness/Signers.sol',
};

export function artifact(name: string): Artifact {
  const source = elsewhere[name] ?? `contracts/${name}.sol`;
  const path = new URL(`../../../artifacts/${source}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Artifact;
}

/** Sends transactions as one account and mines each. */
export function deployer(chain: TestChain) {
  const provider = new JsonRpcProvider(chain.url, undefined, { cacheTimeout: -1, pollingInterval: 10 });
  const signer = new NonceManager(new Wallet(anvilKeys[0], provider));
  return {
    signer,
    provider,
    async deploy(name: string, ...parameters: unknown[]) {
      const { abi, bytecode } = artifact(name);
      const contract = await new ContractFactory(abi, bytecode, signer).deploy(...parameters);
      await chain.mine();
      await contract.waitForDeployment();
      return contract as typeof contract &
        Record<string, (...values: unknown[]) => Promise<{ hash: string }>>;
    },
    async send(transaction: Promise<{ hash: string }>): Promise<void> {
      const { hash } = await transaction;
      await chain.mine();
      const receipt = (await chain.rpc.call('eth_getTransactionReceipt', [hash])) as {
        status: string;
      } | null;
      if (receipt?.status !== '0x1') throw new Error('a transaction of the fixture failed');
    },
    close: () => provider.destroy(),
  };
}
