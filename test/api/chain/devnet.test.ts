import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { HDNodeWallet, JsonRpcProvider } from 'ethers';
import { findAnvilBinary } from '../../../api/chain/devnet/anvilBinary.ts';
import { processIdentity } from '../../../api/chain/devnet/processes.ts';
import { type Devnet, type DevnetCrash, type DevnetOptions, startDevnet } from '../../../api/chain/devnet.ts';
import { isVinculumError } from '../../../core/errors.ts';

/** Stores 1 under the first word of its call data, and logs that word. */
const runtime = '60016000355560003560005260016020600 0a100'.replaceAll(' ', '');
const recorder = `0x60${(runtime.length / 2).toString(16)}600c60003960${(runtime.length / 2).toString(16)}6000f3${runtime}`;

/** What a reader of the chain depends on. */
interface View {
  readonly blocks: readonly unknown[];
  readonly logs: unknown;
  readonly receipt: unknown;
  readonly transaction: unknown;
  readonly proof: unknown;
}

describe('startDevnet', () => {
  const folders: string[] = [];
  const running: Devnet[] = [];
  const providers: JsonRpcProvider[] = [];

  const newFolder = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'vinculum-devnet-'));
    folders.push(folder);
    return folder;
  };

  const start = async (options: DevnetOptions): Promise<Devnet> => {
    const devnet = await startDevnet({ quietMilliseconds: 100, ...options });
    running.push(devnet);
    return devnet;
  };

  const open = (devnet: Devnet): { provider: JsonRpcProvider; wallet: HDNodeWallet } => {
    const provider = new JsonRpcProvider(devnet.url, devnet.chainId, {
      staticNetwork: true,
      pollingInterval: 20,
      cacheTimeout: -1,
    });
    providers.push(provider);
    return { provider, wallet: HDNodeWallet.fromPhrase(devnet.mnemonic).connect(provider) };
  };

  afterEach(async () => {
    for (const provider of providers.splice(0)) provider.destroy();
    for (const devnet of running.splice(0)) await devnet.stop();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  const deployRecorder = async (wallet: HDNodeWallet): Promise<{ address: string; hash: string }> => {
    const sent = await wallet.sendTransaction({ data: recorder });
    const receipt = await sent.wait();
    return { address: receipt?.contractAddress ?? '', hash: sent.hash };
  };

  const record = async (wallet: HDNodeWallet, address: string, word: number): Promise<number> => {
    const sent = await wallet.sendTransaction({ to: address, data: word32(word) });
    return (await sent.wait())?.blockNumber ?? -1;
  };

  const view = async (provider: JsonRpcProvider, address: string, hash: string): Promise<View> => {
    const last = await provider.getBlockNumber();
    const blocks = [];
    for (let number = 0; number <= last; number++) {
      blocks.push(await provider.send('eth_getBlockByNumber', [`0x${number.toString(16)}`, true]));
    }
    return {
      blocks,
      logs: await provider.send('eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest' }]),
      receipt: await provider.send('eth_getTransactionReceipt', [hash]),
      transaction: await provider.send('eth_getTransactionByHash', [hash]),
      proof: await provider.send('eth_getProof', [address, [word32(1)], 'latest']),
    };
  };

  describe('a new chain', () => {
    it('draws its own chain id and mnemonic, kept private to the user', async () => {
      const [one, other] = [newFolder(), newFolder()];
      const first = await start({ folder: one });
      const second = await start({ folder: other });
      expect(first.chainId).to.be.within(2 ** 30, 2 ** 31 - 1);
      expect(first.chainId).to.not.equal(second.chainId);
      expect(first.mnemonic).to.not.equal(second.mnemonic);
      expect(statSync(one).mode & 0o077).to.equal(0);
      for (const name of readdirSync(one)) expect(statSync(join(one, name)).mode & 0o077, name).to.equal(0);
    });

    it('takes a chain id and a port that are asked for, and refuses another id later', async () => {
      const folder = newFolder();
      const devnet = await start({ folder, chainId: 424242 });
      expect(devnet.chainId).to.equal(424242);
      expect(Number(await open(devnet).provider.send('eth_chainId', []))).to.equal(424242);
      await devnet.stop();
      await expectCode('devnet.otherChain', start({ folder, chainId: 424243 }));
      expect((await start({ folder })).chainId).to.equal(424242);
    });

    it('refuses a port in use', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const folder = newFolder();
      await expectCode('devnet.portInUse', start({ folder, port }));
      server.close();
      await start({ folder });
    });

    it('funds accounts of its own, and the node holds no key', async () => {
      const { provider, wallet } = open(await start({ folder: newFolder() }));
      expect(await provider.send('eth_accounts', [])).to.deep.equal([]);
      expect(await provider.getBalance(wallet.address)).to.equal(10n ** 28n);
      expect(await provider.getBalance('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')).to.equal(0n);
    });

    it('answers no page of another origin', async () => {
      const devnet = await start({ folder: newFolder() });
      const response = await fetch(devnet.url, {
        method: 'OPTIONS',
        headers: { origin: 'http://elsewhere.example' },
      });
      expect(response.headers.get('access-control-allow-origin')).to.equal(null);
    });

    it('enforces the gas cap of a transaction (EIP-7825)', async () => {
      const { provider, wallet } = open(await start({ folder: newFolder() }));
      const signed = await wallet.signTransaction({
        type: 2,
        chainId: (await provider.getNetwork()).chainId,
        to: wallet.address,
        nonce: 0,
        gasLimit: 16_777_217,
        maxFeePerGas: 10n ** 9n,
      });
      const answer = await provider.send('eth_sendRawTransaction', [signed]).then(
        () => 'accepted',
        () => 'refused',
      );
      expect(answer).to.equal('refused');
    });
  });

  describe('mining', () => {
    it('takes a transaction into a block within a poll, in the order of arrival, and mines nothing when idle', async () => {
      const devnet = await start({ folder: newFolder(), quietMilliseconds: 60_000 });
      const { provider, wallet } = open(devnet);
      const { address } = await deployRecorder(wallet);
      const sent = await Promise.all(
        [1, 2, 3, 4, 5].map(async (word, index) =>
          wallet.sendTransaction({ to: address, data: word32(word), nonce: index + 1, gasLimit: 100_000 }),
        ),
      );
      await Promise.all(sent.map((transaction) => transaction.wait()));
      const logs = await provider.getLogs({ fromBlock: 0, address });
      expect(logs.map((log) => Number(log.data))).to.deep.equal([1, 2, 3, 4, 5]);
      const before = await provider.getBlockNumber();
      await pause(500);
      expect(await provider.getBlockNumber()).to.equal(before);
    });

    it('keeps the base fee low under full blocks, and the clock true', async () => {
      const devnet = await start({ folder: newFolder(), quietMilliseconds: 60_000 });
      const { provider, wallet } = open(devnet);
      // Burns all the gas it is given.
      const burner = await (
        await wallet.sendTransaction({ data: '0x635b600056600052600460 1cf3'.replace(' ', '') })
      ).wait();
      const to = burner?.contractAddress ?? '';
      for (let round = 0; round < 6; round++) {
        const nonce = await provider.getTransactionCount(wallet.address);
        const transactions = await Promise.all(
          [0, 1, 2].map((index) =>
            wallet.sendTransaction({ to, gasLimit: 16_777_216, nonce: nonce + index }),
          ),
        );
        await Promise.all(transactions.map((transaction) => provider.waitForTransaction(transaction.hash)));
      }
      const block = await provider.getBlock('latest');
      // A block without a transaction may follow the full ones.
      const blocks = await Promise.all(
        [0, 1, 2].map((back) => provider.getBlock((block?.number ?? 0) - back)),
      );
      expect(blocks.some((mined) => (mined?.gasUsed ?? 0n) > 16_000_000n)).to.equal(true);
      expect(Number(block?.baseFeePerGas)).to.be.lessThan(10);
      expect(Math.abs((block?.timestamp ?? 0) - Date.now() / 1000)).to.be.lessThan(5);
    });

    it('does not fill the chain with empty blocks for a transaction that no block takes', async () => {
      const devnet = await start({ folder: newFolder(), quietMilliseconds: 60_000 });
      const { provider, wallet } = open(devnet);
      const signed = await wallet.signTransaction({
        type: 2,
        chainId: devnet.chainId,
        to: wallet.address,
        nonce: 0,
        gasLimit: 21_000,
        maxFeePerGas: 8,
      });
      await provider.send('anvil_setNextBlockBaseFeePerGas', ['0x9']);
      await provider.send('eth_sendRawTransaction', [signed]).catch(() => undefined);
      const before = devnet.latestBlock();
      await pause(1_000);
      expect(devnet.latestBlock() - before).to.be.lessThan(4);
    });
  });

  describe('durability', () => {
    it('covers the last transaction with the finalized tag and then calls its block durable', async () => {
      const devnet = await start({ folder: newFolder() });
      const { provider, wallet } = open(devnet);
      const durable = new Promise<number>((resolve) => devnet.onDurable(resolve));
      const { hash } = await deployRecorder(wallet);
      const mined = (await provider.getTransactionReceipt(hash))?.blockNumber ?? -1;
      expect(await durable).to.be.at.least(mined);
      expect(devnet.durableBlock()).to.be.at.least(mined);
      expect((await provider.getBlock('finalized'))?.number).to.be.at.least(mined);
    });

    it('goes on taking snapshots under load', async () => {
      const devnet = await start({
        folder: newFolder(),
        quietMilliseconds: 60_000,
        snapshotMilliseconds: 200,
      });
      const { wallet } = open(devnet);
      const { address } = await deployRecorder(wallet);
      const begun = devnet.durableBlock();
      for (let word = 0; devnet.durableBlock() === begun; word++) await record(wallet, address, word);
      expect(devnet.durableBlock()).to.be.greaterThan(begun);
    });

    it('resumes with the same blocks, logs, receipts and proofs, and goes on with the true time', async () => {
      const folder = newFolder();
      const first = await start({ folder });
      const one = open(first);
      const { address, hash } = await deployRecorder(one.wallet);
      for (const word of [1, 2, 3]) await record(one.wallet, address, word);
      await first.snapshot();
      const before = await view(one.provider, address, hash);
      await first.stop();

      const second = await start({ folder });
      const two = open(second);
      expect(second.chainId).to.equal(first.chainId);
      expect(second.latestBlock()).to.equal(before.blocks.length - 1);
      expect(await view(two.provider, address, hash)).to.deep.equal(before);
      const number = await record(two.wallet, address, 4);
      const block = await two.provider.getBlock(number);
      const parent = before.blocks.at(-1) as { hash: string };
      expect(block?.parentHash).to.equal(parent.hash);
      expect(Math.abs((block?.timestamp ?? 0) - Date.now() / 1000)).to.be.lessThan(5);
      expect(await two.provider.getLogs({ fromBlock: 0, address })).to.have.length(4);
    });

    it('answers on the same port again when it is free', async () => {
      const folder = newFolder();
      const first = await start({ folder });
      const { url } = first;
      await first.stop();
      expect((await start({ folder })).url).to.equal(url);
    });

    it('falls back to the snapshot before a damaged one, and says so', async () => {
      const folder = newFolder();
      const first = await start({ folder });
      const { wallet } = open(first);
      const { address } = await deployRecorder(wallet);
      const kept = await first.snapshot();
      await record(wallet, address, 1);
      const lost = await first.snapshot();
      await first.stop();
      const newest = join(folder, `chain-${String(lost).padStart(12, '0')}.json.gz`);
      truncateSync(newest, statSync(newest).size - 20);

      const said: string[] = [];
      const second = await start({ folder, onProgress: (line) => said.push(line) });
      expect(second.durableBlock()).to.equal(kept);
      expect(said.some((line) => line.includes(String(lost)))).to.equal(true);
      expect(existsSync(`${newest}.damaged`)).to.equal(true);
    });

    it('never begins a new chain over snapshots that it cannot read', async () => {
      const folder = newFolder();
      await (await start({ folder })).stop();
      for (const name of readdirSync(folder))
        if (name.endsWith('.gz')) writeFileSync(join(folder, name), 'nonsense');
      await expectCode('devnet.unreadableSnapshots', start({ folder }));
    });
  });

  describe('crashes', () => {
    const crashOf = (devnet: Devnet): Promise<DevnetCrash> =>
      new Promise((resolve) => devnet.onCrash(resolve));

    it('restarts a killed node from the durable block and says what is gone', async () => {
      const devnet = await start({ folder: newFolder(), quietMilliseconds: 60_000 });
      const { provider, wallet } = open(devnet);
      const { address } = await deployRecorder(wallet);
      const durable = await devnet.snapshot();
      const after = await record(wallet, address, 1);
      const crashed = crashOf(devnet);
      process.kill(devnet.pid, 'SIGKILL');
      const crash = await crashed;
      expect(crash).to.deep.include({
        signal: 'SIGKILL',
        durableBlock: durable,
        latestBlock: after,
        restarted: true,
      });
      expect(await provider.getBlockNumber()).to.equal(durable);
      expect(await record(wallet, address, 2)).to.be.greaterThan(durable);
    });

    it('loses at most what is newer than the last snapshot when killed in the middle of a snapshot', async () => {
      const folder = newFolder();
      const devnet = await start({ folder, quietMilliseconds: 60_000, snapshotMilliseconds: 60_000 });
      const { provider, wallet } = open(devnet);
      const { address } = await deployRecorder(wallet);
      for (let round = 0; round < 3; round++) {
        const durable = await devnet.snapshot();
        for (let word = 0; word < 20; word++) {
          const nonce = await provider.getTransactionCount(wallet.address);
          await wallet
            .sendTransaction({ to: address, nonce, gasLimit: 300_000, data: `0x${'ab'.repeat(4_000)}` })
            .then((sent) => sent.wait());
        }
        const crashed = crashOf(devnet);
        const { pid } = devnet;
        const snapshot = devnet.snapshot().then(
          () => 'taken',
          (error: unknown) => (isVinculumError(error) ? error.code : String(error)),
        );
        const draft = join(folder, 'chain-');
        while (
          !readdirSync(folder).some((name) => join(folder, name).startsWith(draft) && name.endsWith('.part'))
        ) {
          await pause(0);
        }
        process.kill(pid, 'SIGKILL');
        const outcome = await snapshot;
        const crash = await crashed;
        expect(crash.restarted).to.equal(true);
        expect(outcome).to.be.oneOf(['taken', 'devnet.unreachable']);
        if (outcome !== 'taken') expect(crash.durableBlock).to.equal(durable);
        expect(await provider.getBlockNumber()).to.equal(crash.durableBlock);
        expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).to.deep.equal([]);
      }
    });

    it('kills and restarts a node that no longer answers', async () => {
      const devnet = await start({ folder: newFolder(), answerMilliseconds: 500 });
      const { provider } = open(devnet);
      const crashed = crashOf(devnet);
      process.kill(devnet.pid, 'SIGSTOP');
      expect((await crashed).restarted).to.equal(true);
      expect(await provider.getBlockNumber()).to.equal(devnet.durableBlock());
    });

    it('gives up on a node that keeps falling over, and still ends cleanly', async () => {
      const folder = newFolder();
      const devnet = await start({ folder });
      for (let time = 1; time <= 4; time++) {
        const crashed = crashOf(devnet);
        process.kill(devnet.pid, 'SIGKILL');
        expect((await crashed).restarted).to.equal(time < 4);
      }
      expect(() => devnet.url).to.throw();
      await devnet.stop();
      await start({ folder });
    });

    it('restarts a node that has outgrown its memory without losing a block', async () => {
      const devnet = await start({ folder: newFolder(), memoryLimit: 1 });
      const { provider, wallet } = open(devnet);
      const { pid } = devnet;
      const { hash } = await deployRecorder(wallet);
      while (runningPid(devnet) === pid) await pause(10);
      while (runningPid(devnet) === undefined) await pause(10);
      expect((await provider.getTransactionReceipt(hash))?.status).to.equal(1);
    });

    it('saves and stops a node whose service was killed', async () => {
      const folder = newFolder();
      const script = `
        import { startDevnet } from ${JSON.stringify(new URL('../../../api/chain/devnet.ts', import.meta.url).href)};
        const devnet = await startDevnet({ folder: ${JSON.stringify(folder)}, quietMilliseconds: 60_000 });
        console.log(JSON.stringify({ pid: devnet.pid, url: devnet.url, chainId: devnet.chainId, mnemonic: devnet.mnemonic }));
        setInterval(() => {}, 1000);`;
      const service = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(service.stdout, 'data')) as [Buffer];
      const devnet = JSON.parse(String(line)) as Devnet;
      const { provider, wallet } = open(devnet);
      const { hash } = await deployRecorder(wallet);
      service.kill('SIGKILL');
      await once(service, 'exit');
      expect(processIdentity(devnet.pid), 'the node outlives its service').to.not.equal(undefined);

      const second = await start({ folder });
      expect(processIdentity(devnet.pid)).to.equal(undefined);
      const again = open(second);
      expect((await again.provider.getTransactionReceipt(hash))?.status).to.equal(1);
      provider.destroy();
    });
  });

  describe('one process a folder', () => {
    it('refuses a second start and lets the next one in after the first has stopped', async () => {
      const folder = newFolder();
      const first = await start({ folder });
      await expectCode('data.inUse', start({ folder }));
      await first.stop();
      await start({ folder });
    });
  });

  describe('findAnvilBinary', () => {
    it('finds the native program, not its wrapper', () => {
      expect(readFileSync(findAnvilBinary()).subarray(0, 2).toString('latin1')).to.not.equal('#!');
    });

    it('names a platform without one', () => {
      let code = '';
      try {
        findAnvilBinary('sunos', 'sparc');
      } catch (error) {
        code = isVinculumError(error) ? error.code : String(error);
      }
      expect(code).to.equal('devnet.missingBinary');
    });
  });
});

const word32 = (word: number): string => `0x${word.toString(16).padStart(64, '0')}`;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

function runningPid(devnet: Devnet): number | undefined {
  try {
    return devnet.pid;
  } catch {
    return undefined;
  }
}

async function expectCode(code: string, action: Promise<unknown>): Promise<void> {
  const outcome = await action.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
  );
  expect(outcome).to.equal(code);
}
