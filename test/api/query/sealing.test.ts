import { expect } from 'chai';
import { sealField } from '../../../core/envelope/disclosure.ts';
import { readReport } from '../../../core/report/report.ts';
import { type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

const CAR = 'VF1AA000000000203';
const BUILT = 'VF1AA000000000211';

describe('fields that a signer seals though their kind shows them', () => {
  let test: TestService;
  let insurer: Attester;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    insurer = await test.admit('Discreet insurer', ['insurer']);
  });

  async function check(vin: string, token?: string): Promise<Verification> {
    const reply = await test.get(`/v1/vehicles/${vin}/report`, { token });
    expect(reply.status, reply.text).to.equal(200);
    const { deployment, rpc } = test.service.services;
    const request: RpcRequest = (method, params) => rpc.call(method, params);
    const trust = { chainId: deployment.chainId, directory: deployment.directory };
    return verify(readReport(JSON.parse(reply.text)), trust, (chainId) => rpcView([request], chainId));
  }

  it('go through submission, chain and report: closed to strangers, open to their attester', async () => {
    const entry = test.compose(insurer, CAR, {
      kind: 'accident',
      time: '2024-02-03',
      data: { airbagsDeployed: false },
      sealed: { severity: 'severe', note: 'by night' },
    });
    await test.record(insurer, [entry]);
    const closed = await check(CAR);
    expect(closed.verdict).to.equal('verified');
    expect(closed.entries[0]).to.deep.include({ status: 'proven', seals: { digests: 2, opened: 0 } });
    expect(closed.findings.map(({ code }) => code)).to.include('entry.sealed');
    expect(closed.findings.map(({ code }) => code)).not.to.include('damage.accident');

    const token = await test.signIn(insurer);
    const open = await check(CAR, token);
    expect(open.entries[0]?.seals).to.deep.equal({ digests: 2, opened: 2 });
    expect(open.findings.map(({ code }) => code)).to.include('damage.accident');
    expect(open.findings.map(({ code }) => code)).not.to.include('entry.sealed');

    const overview = async (as?: string) => (await test.get(`/v1/vehicles/${CAR}`, { token: as })).body;
    expect((await overview()).entries[0].data).to.deep.equal({ airbagsDeployed: false });
    expect((await overview(token)).entries[0].data).to.deep.equal({
      airbagsDeployed: false,
      severity: 'severe',
    });
  });

  it('hide no set of a recall: the report is incomplete, and nobody can name the set’s members', async () => {
    const maker = await test.admit('Secretive maker', ['manufacturer']);
    await test.record(maker, [
      test.compose(maker, BUILT, {
        kind: 'vehicle.built',
        time: '2024-01-03',
        data: { manufacturerId: 'secretive.example' },
      }),
    ]);
    const recall = test.compose(maker, 'own', {
      kind: 'recall.opened',
      time: '2024-02-01',
      data: {
        campaign: 'R-1',
        title: { en: 'Brake hose' },
        component: 'brakes',
        remedy: { en: 'Replace it' },
        severity: 'safety',
      },
      sealed: { affectedRoot: `0x${'3c'.repeat(32)}`, affectedCount: 3, treeKey: 'A'.repeat(43) },
    });
    await test.record(maker, [recall]);
    const result = await check(BUILT);
    expect(result.verdict).to.equal('incomplete');
    const failed = result.steps.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome !== 'passed'));
    expect(failed.map(({ code }) => code)).to.deep.equal(['recall.sealed']);
    const campaigns = result.summary?.recalls.campaigns.filter(
      ({ attester }) => attester === maker.id.toString(),
    );
    expect(campaigns?.map(({ state }) => state)).to.deep.equal(['unknown']);
    const token = await test.signIn(maker);
    const reply = await test.request('PUT', `/v1/sets/${recall.entry.digest}`, {
      token,
      body: { members: [`vin:${BUILT}`] },
    });
    expect([reply.status, reply.body.code]).to.deep.equal([404, 'set.unknownEntry']);
  });

  it('are refused at the door where a disclosure opens none of them', async () => {
    const entry = test.compose(insurer, CAR, {
      kind: 'accident',
      time: '2024-02-03',
      data: {},
      sealed: { severity: 'minor' },
    });
    const lied = { ...entry, disclosures: [sealField('severity', 'severe')] };
    const reply = await test.post('/v1/submissions', test.sign(insurer, [lied]));
    expect([reply.status, reply.body.code]).to.deep.equal([422, 'disclosure.unknown']);
  });
});
