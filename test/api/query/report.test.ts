import { expect } from 'chai';
import { readReport } from '../../../core/report/report.ts';
import { type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import { verify } from '../../../core/verify/verify.ts';
import { sharedService, type TestService } from '../fixture.ts';

const VIN = '1HGCM82633A004352';

async function verified(test: TestService, path: string, token?: string) {
  const { deployment, rpc } = test.service.services;
  const reply = await test.get(path, { token });
  expect(reply.status, reply.text).to.equal(200);
  const request: RpcRequest = (method, params) => rpc.call(method, params);
  return verify(
    readReport(reply.body),
    { chainId: deployment.chainId, directory: deployment.directory },
    (chainId) => rpcView([request], chainId),
  );
}

describe('reports', () => {
  let test: TestService;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
  });

  it('prove a recorded history', async () => {
    const workshop = await test.admit('Atelier', ['workshop']);
    await test.record(workshop, [
      test.compose(workshop, VIN, {
        kind: 'service',
        time: '2024-05-31',
        data: { type: 'scheduled', items: ['engineOil'], odometer: { value: 45_120, unit: 'KMT', source: 'workshop' } },
        sealed: { invoiceNumber: 'R-1' },
      }),
    ]);
    const result = await verified(test, `/v1/vehicles/${VIN}/report`);
    expect(result.steps.filter(({ outcome }) => outcome !== 'passed')).to.deep.equal([]);
    expect(result.verdict).to.equal('verified');
    expect(result.entries).to.have.length(1);
  });
});
