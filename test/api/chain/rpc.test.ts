import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { getHeader, getReceipts, readLogs, readWords } from '../../../api/chain/read.ts';
import { createRpc, RpcRefusal } from '../../../api/chain/rpc.ts';
import type { Hex } from '../../../core/bytes.ts';
import { expectCode } from '../../expectCode.ts';

type Answer = (request: { id: number; method: string; params: unknown[] }[]) => {
  status?: number;
  body?: unknown;
  text?: string;
  headers?: Record<string, string>;
  delay?: number;
};

/** An endpoint that answers as the test says. */
class Endpoint {
  readonly server: Server;
  requests = 0;
  answer: Answer = () => ({});

  constructor() {
    this.server = createServer((request, response) => void this.#serve(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = JSON.parse(Buffer.concat(chunks).toString());
    const {
      status = 200,
      body,
      text,
      headers = {},
      delay = 0,
    } = this.answer(Array.isArray(sent) ? sent : [sent]);
    await new Promise((resolve) => setTimeout(resolve, delay));
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(text ?? JSON.stringify(body));
  }
}

const word = (byte: string) => `0x${byte.repeat(32)}` as Hex;

describe('createRpc', () => {
  let endpoint: Endpoint;
  beforeEach(async () => {
    endpoint = new Endpoint();
    await new Promise<void>((resolve) => endpoint.server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    endpoint.server.closeAllConnections();
    endpoint.server.close();
  });
  const rpc = (options = {}) => createRpc({ url: endpoint.url, attempts: 1, ...options });

  it('gives the result of a call, and of a batch whatever its order', async () => {
    endpoint.answer = ([call]) => ({ body: { jsonrpc: '2.0', id: call?.id, result: '0x1' } });
    expect(await rpc().call('eth_chainId', [])).to.equal('0x1');
    endpoint.answer = (calls) => ({
      body: calls.map(({ id, method }) => ({ jsonrpc: '2.0', id, result: method })).toReversed(),
    });
    const calls = [
      { method: 'a', params: [] },
      { method: 'b', params: [] },
    ];
    expect(await rpc().batch(calls)).to.deep.equal(['a', 'b']);
    expect(await rpc().batch([])).to.deep.equal([]);
  });

  it('passes on the endpoint’s own refusal, which is not worth repeating', async () => {
    const error = { code: 3, message: 'execution reverted', data: '0x1234' };
    endpoint.answer = (calls) => ({ body: { id: calls[0]?.id, error } });
    const refusal = await expectCode('chain.refused', () => rpc({ attempts: 3 }).call('eth_call', []));
    expect(refusal)
      .to.be.instanceOf(RpcRefusal)
      .and.to.include({ rpcCode: 3, data: '0x1234', retryable: false });
    expect(endpoint.requests).to.equal(1);
    endpoint.answer = (calls) => ({
      body: calls.map(({ id }, at) => (at === 0 ? { id, error } : { id, result: 1 })),
    });
    const call = { method: 'eth_call', params: [] };
    const [refused, given] = await rpc().batch([call, call]);
    expect(refused).to.be.instanceOf(RpcRefusal);
    expect(given).to.equal(1);
  });

  it('repeats what may succeed later', async () => {
    endpoint.answer = ([call]) =>
      endpoint.requests < 3 ? { status: 503, text: 'busy' } : { body: { id: call?.id, result: 7 } };
    expect(await rpc({ attempts: 3 }).call('x', [])).to.equal(7);
    endpoint.answer = (calls) => ({
      body: { id: calls[0]?.id, error: { code: -32_005, message: 'rate limit' } },
    });
    await expectCode('chain.unavailable', () => rpc().call('x', []));
    endpoint.answer = () => ({ status: 429, text: '{}' });
    await expectCode('chain.unavailable', () => rpc().call('x', []));
  });

  it('does not wait for ever, and says so when nobody is there', async () => {
    endpoint.answer = () => ({ body: {}, delay: 500 });
    const error = await expectCode('chain.unavailable', () => rpc({ timeoutMilliseconds: 50 }).call('x', []));
    expect(error).to.include({ retryable: true });
    await expectCode('chain.unavailable', () =>
      createRpc({ url: 'http://127.0.0.1:1', attempts: 1 }).call('x', []),
    );
  });

  it('reads no more than its limit', async () => {
    const limited = () => rpc({ maxResponseBytes: 100 });
    endpoint.answer = ([call]) => ({ body: { id: call?.id, result: 'x'.repeat(200) } });
    await expectCode('chain.tooLarge', () => limited().call('x', []));
    endpoint.answer = () => ({ text: 'x'.repeat(200), headers: { 'transfer-encoding': 'chunked' } });
    await expectCode('chain.tooLarge', () => limited().call('x', []));
  });

  for (const [name, answer] of Object.entries<Answer>({
    'no JSON': () => ({ text: '{"id":1,' }),
    'another id': () => ({ body: { id: 99, result: 1 } }),
    'no result': ([call]) => ({ body: { id: call?.id } }),
    'a number': () => ({ body: 7 }),
    nothing: () => ({ text: '' }),
  })) {
    it(`chain.malformed: ${name}`, async () => {
      endpoint.answer = answer;
      expect(await expectCode('chain.malformed', () => rpc().call('x', []))).to.include({ retryable: true });
    });
  }

  it('chain.malformed: an object for a batch', async () => {
    endpoint.answer = () => ({ body: {} });
    await expectCode('chain.malformed', () => rpc().batch([{ method: 'x', params: [] }]));
  });

  describe('what it reads it checks:', () => {
    const answering = (result: unknown) => {
      endpoint.answer = (calls) => {
        const answers = calls.map(({ id }) => ({ id, result }));
        return { body: answers.length === 1 && !batched ? answers[0] : answers };
      };
    };
    let batched = false;
    const header = {
      number: '0x5',
      hash: word('11'),
      parentHash: word('22'),
      timestamp: '0x64',
      gasLimit: '0x1c9c380',
      baseFeePerGas: '0x7',
    };

    it('a header', async () => {
      batched = false;
      answering(header);
      expect(await getHeader(rpc(), 5)).to.include({ number: 5, timestamp: 100, baseFee: 7n });
      answering(null);
      expect(await getHeader(rpc(), 5)).to.equal(null);
      for (const bad of [
        { ...header, number: '0x6' },
        { ...header, hash: '0x11' },
        { ...header, timestamp: 100 },
        { ...header, timestamp: `0x${'f'.repeat(20)}` },
        { ...header, parentHash: undefined },
        [],
        'block',
      ]) {
        answering(bad);
        await expectCode('chain.malformed', () => getHeader(rpc(), 5));
      }
    });

    it('a receipt', async () => {
      batched = true;
      const receipt = {
        transactionHash: word('33'),
        blockNumber: '0x5',
        blockHash: word('11'),
        gasUsed: '0x5208',
        status: '0x1',
      };
      answering(receipt);
      expect((await getReceipts(rpc(), [word('33')]))[0]).to.include({ gasUsed: 21_000, succeeded: true });
      await expectCode('chain.malformed', () => getReceipts(rpc(), [word('34')]));
      answering({ ...receipt, status: null });
      await expectCode('chain.malformed', () => getReceipts(rpc(), [word('33')]));
    });

    it('logs: of the range, the block and the contracts asked for, in their order', async () => {
      const address = `0x${'aa'.repeat(20)}` as Hex;
      const log = (change: object = {}) => ({
        address,
        topics: [word('44')],
        data: '0x',
        blockNumber: '0x5',
        blockHash: word('11'),
        transactionHash: word('33'),
        logIndex: '0x0',
        ...change,
      });
      const range = { fromBlock: 5, toBlock: 6 };
      const block = { blockHash: word('11'), number: 5 };
      const next = log({ logIndex: '0x1' });
      const later = log({ blockNumber: '0x6', blockHash: word('12') });
      expect(readLogs([log(), next, later], range, [address])).to.have.length(3);
      expect(readLogs([log(), next], block, [address])).to.have.length(2);
      const checksummed = log({ address: `0x${'AA'.repeat(20)}` });
      expect(readLogs([checksummed], block, [address])[0]?.address).to.equal(address);
      for (const [bad, where] of [
        [[log({ address: `0x${'bb'.repeat(20)}` })], range],
        [[log({ blockNumber: '0x7' })], range],
        [[log({ blockNumber: '0x4' })], range],
        [[log({ blockHash: word('12') })], block],
        [[next, log()], range],
        [[log(), log()], range],
        [[later, log()], range],
        [[log({ data: '0x1' })], range],
        [[log({ topics: 'none' })], range],
        [[log({ topics: ['0x44'] })], range],
        [[null], range],
        [{}, range],
      ] as const) {
        await expectCode('chain.malformed', () => readLogs(bad, where, [address]));
      }
      await expectCode('index.inconsistent', () => readLogs([log({ removed: true })], range, [address]));
    });

    it('what a call returned', async () => {
      expect(readWords(word('11'))).to.deep.equal([word('11')]);
      for (const bad of ['0x1', '0x1111', null, 5]) await expectCode('chain.malformed', () => readWords(bad));
    });
  });
});
