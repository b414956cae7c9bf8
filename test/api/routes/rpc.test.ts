import { expect } from 'chai';
import { rpcView } from '../../../core/verify/chainView.ts';
import { sharedService, type TestService } from '../fixture.ts';

describe('POST /rpc', () => {
  let test: TestService;

  before(async () => {
    test = await sharedService();
  });

  const call = async (method: string, params: unknown[] = []) =>
    (await test.request('post', '/rpc', { body: { jsonrpc: '2.0', id: 7, method, params } })).body;

  it('answers a reader’s questions as the chain does', async () => {
    const { deployment } = test.service.services;
    const chainId = BigInt(deployment.chainId);
    expect(await call('eth_chainId')).to.deep.equal({
      jsonrpc: '2.0',
      id: 7,
      result: `0x${chainId.toString(16)}`,
    });
    const view = await rpcView([async (method, params) => (await call(method, [...params])).result], chainId);
    expect(await view.codeHash(deployment.ledger)).to.equal(deployment.ledgerCodeHash);
  });

  for (const method of [
    'anvil_setBalance',
    'anvil_dumpState',
    'evm_mine',
    'evm_revert',
    'eth_sendTransaction',
    'debug_traceCall',
  ]) {
    it(`passes no ${method} on`, async () => {
      const { error, result } = await call(method);
      expect(error.code).to.equal(-32601);
      expect(result).to.equal(undefined);
    });
  }

  it('tells the chain’s own refusal', async () => {
    const { error } = await call('eth_getBlockByNumber', ['latest']);
    expect(error.code).to.be.a('number');
  });

  it('refuses what is no request', async () => {
    const reply = await test.request('post', '/rpc', { body: { jsonrpc: '2.0', id: 1 } });
    expect(reply.status).to.equal(422);
  });
});
