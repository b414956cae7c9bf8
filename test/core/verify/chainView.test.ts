import { expect } from 'chai';
import type { Hex } from '../../../core/bytes.ts';
import { agreedBlocks, type RpcRequest } from '../../../core/verify/chainView.ts';
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
