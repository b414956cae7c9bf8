import { expect } from 'chai';
import type { Hex } from '../../../core/bytes.ts';
import type { Address } from '../../../core/chain/types.ts';
import { agreedBlocks, type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import { expectCode } from '../../expectCode.ts';

const CHAIN = 4242n;
const hash = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`;

type Told = { number: number; hash: Hex; timestamp: number };
type Lie = (asked: string, honest: Told) => Told;

/** A chain of ten blocks, twelve seconds apart, whose eighth is final; `lie` changes what an endpoint says of it. */
function endpoint(lie: Lie = (_, honest) => honest): RpcRequest {
  return async (method, params) => {
    if (method === 'eth_chainId') return `0x${CHAIN.toString(16)}`;
    const asked = String(params[0]);
    const number = asked === 'latest' ? 10 : asked === 'finalized' ? 8 : Number(asked);
    const told = lie(asked, { number, hash: hash(number), timestamp: 1_000 + number * 12 });
    return {
      number: `0x${told.number.toString(16)}`,
      hash: told.hash,
      timestamp: `0x${told.timestamp.toString(16)}`,
    };
  };
}

describe('agreedBlocks', () => {
  it('takes the newest block that all endpoints have, and the newest final one', async () => {
    const behind = endpoint((asked, honest) =>
      asked === 'latest' ? { number: 9, hash: hash(9), timestamp: 1_108 } : honest,
    );
    const { block, final } = await agreedBlocks([endpoint(), behind], CHAIN);
    expect(block).to.deep.equal({ number: 9n, hash: hash(9), timestamp: 1_108n });
    expect(final).to.deep.equal({ number: 8n, hash: hash(8), timestamp: 1_096n });
  });

  for (const [lie, tell] of [
    ['dates an old block as today’s', (_, honest) => ({ ...honest, timestamp: 9_999 })],
    [
      'calls an old block the latest and dates it as today’s',
      (asked, honest) =>
        asked === 'latest' || asked === '0x3' ? { number: 3, hash: hash(3), timestamp: 9_999 } : honest,
    ],
    [
      'dates the final block later',
      (_asked, honest) => (honest.number === 8 ? { ...honest, timestamp: 9_999 } : honest),
    ],
    ['names another hash', (_, honest) => ({ ...honest, hash: hash(77) })],
    [
      'answers with another block than was asked for',
      (asked, honest) => (asked === '0xa' ? { ...honest, number: 5 } : honest),
    ],
  ] as [string, Lie][]) {
    for (const [place, endpoints] of [
      ['first', [endpoint(tell), endpoint()]],
      ['last', [endpoint(), endpoint(tell)]],
    ] as const) {
      it(`refuses one endpoint that ${lie}, asked ${place}`, () =>
        expectCode('rpc.disagree', () => agreedBlocks(endpoints, CHAIN)));
    }
  }

  it('says that an endpoint does not have the block', () =>
    expectCode('rpc.unknownBlock', () =>
      agreedBlocks(
        [async (method) => (method === 'eth_chainId' ? `0x${CHAIN.toString(16)}` : null)],
        CHAIN,
        7n,
      ),
    ));

  it('refuses a sole endpoint’s answer with another block than was asked for', () =>
    expectCode('rpc.malformed', () =>
      agreedBlocks([endpoint((_, honest) => ({ ...honest, number: 5 }))], CHAIN, 7n),
    ));
});

describe('rpcView', () => {
  const [before, after] = [hash(1), hash(2)];
  const contract = `0x${'d1'.repeat(20)}` as Address;

  /** A node whose newest block is replaced by another as soon as its hash is known; both hold another head. */
  function reorganising(byHash: boolean): { readonly request: RpcRequest; readonly replace: () => void } {
    const chain = endpoint();
    let replaced = false;
    const request: RpcRequest = async (method, params) => {
      if (method !== 'eth_call' && method !== 'eth_getCode') return chain(method, params);
      const at = params[1] as string | { blockHash: string };
      if (typeof at !== 'string') {
        if (!byHash) throw new Error('invalid argument 1: cannot unmarshal object');
        if (at.blockHash !== hash(10) || replaced) throw new Error('not canonical');
      }
      if (method === 'eth_getCode') return '0x';
      return replaced ? after : before;
    };
    return {
      request,
      replace: () => {
        replaced = true;
      },
    };
  }

  it('reads at the block that was agreed on, and fails where the chain has left it', async () => {
    const node = reorganising(true);
    const view = await rpcView([node.request], CHAIN);
    expect(view.block.hash).to.equal(hash(10));
    expect(await view.directoryHead(contract)).to.equal(before);
    node.replace();
    const answer = await view.directoryHead(contract).catch((error: Error) => error.message);
    expect(answer).to.equal('not canonical');
  });

  it('reads by number from a node that knows no hashes, also beside one that does', async () => {
    const [old, recent] = [reorganising(false), reorganising(true)];
    const view = await rpcView([old.request, recent.request], CHAIN);
    expect(await view.directoryHead(contract)).to.equal(before);
    old.replace();
    await expectCode('rpc.disagree', () => view.directoryHead(contract));
  });
});
