import { fromHex, type Hex } from '../../core/bytes.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';
import { getHeader, readBigInt } from '../chain/read.ts';
import type { Rpc } from '../chain/rpc.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';
import { type FirstLedger, OWN_REGISTER } from './ledgers.ts';

export interface StoreIdentity {
  readonly ledger: LedgerAddress;
  readonly organisations: Hex;
  readonly directory: Hex;
  readonly firstBlock: number;
}

/**
 * The number in the index of the ledger that is written to: 0 for the one that the store was made for. A successor, of the
 * same organisations, has another, once the index has seen it in the directory; null before.
 */
export async function ownLedger(
  store: Queryable,
  { address }: Pick<LedgerAddress, 'address'>,
): Promise<number | null> {
  const known = await store.query<{ key: string; value: string }>(
    `SELECT key, value FROM settings WHERE key IN ('ledger', $1)`,
    [numberSetting(address)],
  );
  const settings = new Map(known.map(({ key, value }) => [key, value]));
  if (settings.size === 0 || settings.get('ledger') === address.toLowerCase()) return 0;
  const number = settings.get(numberSetting(address));
  if (number !== undefined) return Number(number);
  const [row] = await store.query<{ number: number }>(
    'SELECT number FROM directory_links WHERE number IS NOT NULL AND register = $1 AND ledger = $2',
    [OWN_REGISTER, fromHex(address, 20)],
  );
  return row?.number ?? null;
}

/** Where the number of a successor is kept: an index that is rebuilt has not seen the directory yet. */
const numberSetting = (address: Hex) => `number:${address.toLowerCase()}`;

/** What the store was made for, which the index counts from. */
export async function firstLedger(store: Queryable, identity: StoreIdentity): Promise<FirstLedger> {
  const rows = await store.query<{ key: string; value: string }>(
    `SELECT key, value FROM settings WHERE key IN ('ledger', 'organisations')`,
  );
  const settings = new Map(rows.map(({ key, value }) => [key, value as Hex]));
  return {
    chainId: identity.ledger.chainId,
    address: settings.get('ledger') ?? identity.ledger.address,
    organisations: settings.get('organisations') ?? identity.organisations,
  };
}

/**
 * A store belongs to one directory on one chain: what it was first used with is written down and compared ever after, so
 * that a wrong address or endpoint is noticed before anything is mixed. Another ledger than the first may be written to
 * when it has the same organisations and the index has seen it in the directory: a successor.
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
  compare('index.otherLedger', { organisations, directory, firstBlock: String(firstBlock) });
  const number = await ownLedger(store, ledger);
  if (number === null) {
    throw new Problem(
      'index.otherLedger',
      `The store was made for ledger ${found.get('ledger')}, this is ${ledger.address}, which the index has not seen in the directory: use the store that belongs here, or let it read the directory with its former deployment first.`,
    );
  }
  if (number > 0) {
    await store.execute('INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      numberSetting(ledger.address),
      String(number),
    ]);
  }
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
