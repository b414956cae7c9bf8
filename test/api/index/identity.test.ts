import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCreateAddress, HDNodeWallet } from 'ethers';
import { type Devnet, startDevnet } from '../../../api/chain/devnet.ts';
import { createRpc } from '../../../api/chain/rpc.ts';
import { checkIdentity } from '../../../api/index/identity.ts';
import { openStore } from '../../../api/store/open.ts';
import type { Store } from '../../../api/store/store.ts';
import type { Address } from '../../../core/chain/types.ts';
import { expectCode } from '../../expectCode.ts';

const chainId = 424_242;
/** Deploys a program of one byte: any code stands for the ledger. */
const program = '0x600160005360016000f3';

describe('checkIdentity', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vinculum-identity-'));
  let store: Store;

  before(async () => {
    store = await openStore({ dataFolder: join(folder, 'store') });
  });

  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function onChain(name: string, work: (devnet: Devnet) => Promise<void>): Promise<void> {
    const devnet = await startDevnet({ folder: join(folder, name), chainId });
    try {
      await deploy(devnet);
      await work(devnet);
    } finally {
      await devnet.stop();
    }
  }

  async function check(devnet: Devnet, ledger: string): Promise<void> {
    const other = `0x${'22'.repeat(20)}` as Address;
    await checkIdentity(store, createRpc({ url: devnet.url }), {
      ledger: { chainId: BigInt(chainId), address: ledger.toLowerCase() as Address },
      organisations: other,
      directory: other,
      firstBlock: 2,
    });
  }

  it('knows the embedded chain again after any number of starts, and takes no other for it', async function () {
    this.timeout(120_000);
    let ledger = '';
    for (let round = 0; round < 6; round++) {
      await onChain('chain', async (devnet) => {
        if (ledger === '') ledger = getCreateAddress({ from: devnet.accounts[0] ?? '', nonce: 0 });
        await check(devnet, ledger);
      });
      // The node makes itself a genesis with every start: in a second of its own it is another.
      await sleep(1_000);
    }
    await onChain('another chain of that id', async (devnet) => {
      const there = getCreateAddress({ from: devnet.accounts[0] ?? '', nonce: 0 });
      await expectCode('index.otherChain', () => check(devnet, there));
    });
  });
});

async function deploy(devnet: Devnet): Promise<void> {
  const rpc = createRpc({ url: devnet.url });
  const wallet = HDNodeWallet.fromPhrase(devnet.mnemonic);
  const nonce = Number(await rpc.call('eth_getTransactionCount', [wallet.address, 'latest']));
  const transaction = { type: 2, chainId, nonce, data: program, gasLimit: 100_000, maxFeePerGas: 10n ** 9n };
  const hash = await rpc.call('eth_sendRawTransaction', [await wallet.signTransaction(transaction)]);
  while ((await rpc.call('eth_getTransactionReceipt', [hash])) === null) await sleep(20);
}
