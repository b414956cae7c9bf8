import type { Hex } from '../../core/bytes.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';
import { getHeader, readBigInt } from '../chain/read.ts';
import type { Rpc } from '../chain/rpc.ts';
import { Problem } from '../problem.ts';
import type { Store } from '../store/store.ts';

export interface StoreIdentity {
  readonly ledger: LedgerAddress;
  readonly organisations: Hex;
  readonly directory: Hex;
  readonly firstBlock: number;
}

/**
 * A store belongs to one ledger on one chain: what it was first used with is written down and compared ever after, so
 * that a wrong address or endpoint is noticed before anything is mixed.
 * @throws `index.otherChain` `index.otherLedger` `chain.unavailable`
 */
export async function checkIdentity(store: Store, rpc: Rpc, identity: StoreIdentity): Promise<void> {
  const { ledger, organisations, directory, firstBlock } = identity;
  const chainId = readBigInt(await rpc.call('eth_chainId', []), 'a chain id');
  if (chainId !== ledger.chainId) {
    throw new Problem(
      'index.otherChain',
      `The endpoint is chain ${chainId}, the ledger is on ${ledger.chainId}: correct RPC_URL or the deployment.`,
    );
  }
  const genesis = await genesisOf(rpc);
  const code = await rpc.call('eth_getCode', [ledger.address, 'latest']);
  if (code === '0x') {
    throw new Problem(
      'index.otherLedger',
      `Chain ${chainId} has no ledger at ${ledger.address}: the chain was reset, or the deployment is another's.`,
    );
  }

  const chain = { chainId: String(chainId), genesis };
  const contracts = { ledger: ledger.address, organisations, directory, firstBlock: String(firstBlock) };
  const found = await store.transaction(async (transaction) => {
    for (const [key, value] of Object.entries({ ...chain, ...contracts })) {
      await transaction.execute('INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        key,
        value.toLowerCase(),
      ]);
    }
    const rows = await transaction.query<{ key: string; value: string }>('SELECT key, value FROM settings');
    return new Map(rows.map(({ key, value }) => [key, value]));
  });
  const compare = (
    code: 'index.otherChain' | 'index.otherLedger',
    expected: Readonly<Record<string, string>>,
  ) => {
    for (const [key, value] of Object.entries(expected)) {
      if (found.get(key) === value.toLowerCase()) continue;
      throw new Problem(
        code,
        `The store was made for ${key} ${found.get(key)}, this is ${value}: use the store or the chain that belongs here.`,
      );
    }
  };
  compare('index.otherChain', chain);
  compare('index.otherLedger', contracts);
}

/**
 * What the first block names as its parent. The same as the hash of block 0, but anvil makes itself a new block 0 with
 * every start, and answers with any of them.
 */
async function genesisOf(rpc: Rpc): Promise<Hex> {
  const first = await getHeader(rpc, 1);
  if (first !== null) return first.parentHash;
  const genesis = await getHeader(rpc, 0);
  if (genesis === null) throw new Problem('chain.malformed', 'The chain has no block 0.');
  return genesis.hash;
}
