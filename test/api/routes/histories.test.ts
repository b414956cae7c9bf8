import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { toBase64Url } from '../../../core/bytes.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { parseReport, type Report } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

/** As a reader with an endpoint of its own. */
function verifyHere({ service }: TestService, report: Report) {
  const { deployment, rpc } = service.services;
  const request: RpcRequest = (method, params) => rpc.call(method, params);
  const trust = { chainId: deployment.chainId, directory: deployment.directory };
  return verify(report, trust, (chainId) => rpcView([request], chainId));
}

describe('histories', () => {
  let test: TestService;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    await test.until(async () => (await test.get('/readyz')).status === 200);
  });

  describe('GET /v1/vehicles/{id}', () => {
    it('answers for a vehicle that nobody ever recorded', async () => {
      const { status, body } = await test.get('/v1/vehicles/VF1BB000000000001');
      expect(status).to.equal(200);
      expect(body).to.include({
        identifier: 'vin:VF1BB000000000001',
        recorded: false,
        checkDigit: 'not-applicable',
      });
      expect(body.entries).to.deep.equal([]);
      expect(body.head).to.equal(`0x${'00'.repeat(32)}`);
    });

    it('tells what happened, who says so, and what stands out', async () => {
      const registrar = await test.admit('Registre', ['registrar']);
      const id = 'registration:FR:HISTORY1';
      const market = 'FR';
      await test.record(registrar, [
        test.compose(registrar, id, {
          kind: 'vehicle.registered',
          time: '2014-05-02',
          data: { market, brand: 'RENAULT', registry: { vehicleStolen: true } },
        }),
        test.compose(registrar, id, {
          kind: 'registration.holder',
          time: '2014-05-02',
          data: { market, event: 'PREM_IMMAT', action: 'firstRegistration' },
          sealed: { holderName: '王芳' },
        }),
      ]);
      const { body, text } = await test.get('/v1/vehicles/registration:fr:history-1');
      expect(body).to.include({ identifier: id, recorded: true });
      expect(body.entries.map((entry: { kind: string }) => entry.kind)).to.deep.equal([
        'vehicle.registered',
        'registration.holder',
      ]);
      expect(body.entries[1].organisation).to.equal(registrar.id.toString());
      // Authorities that warn of anything are among them too.
      const attester = body.organisations.find(
        ({ id: one }: { id: string }) => one === registrar.id.toString(),
      );
      expect(attester.profile.names.zh).to.equal('Registre（中）');
      expect(body.findings.map((finding: { code: string }) => finding.code)).to.include('theft.reported');
      expect(body.summary.holders).to.equal(1);
      expect(text).not.to.include('王芳');
      const own = await test.get(`/v1/vehicles/${id}`, { token: await test.signIn(registrar) });
      expect(own.body.entries[1].sealed).to.deep.equal({ holderName: '王芳' });
    });

    it('finds a vehicle whose check digit a registrar overrode', async () => {
      const vin = '1HGCM82643A004352';
      expect((await test.get(`/v1/vehicles/${vin}`)).body.code).to.equal('vin.checkDigit');
      const registrar = await test.admit('Overriding registrar', ['registrar']);
      const identifier = parseIdentifier(vin, { overrideCheckDigit: true });
      const entry = test.compose(registrar, vin, {
        kind: 'vehicle.registered',
        time: '2020-01-01',
        data: { market: 'US', checkDigitOverride: { reason: 'manufacturerError' } },
      });
      await test.record(registrar, [entry]);
      const { status, body } = await test.get(`/v1/vehicles/${vin}`);
      expect(status).to.equal(200);
      expect(body).to.include({ subject: test.subject(identifier), checkDigit: 'invalid', recorded: true });
    });

    for (const [id, code] of [
      ['1HGCM82633A00435', 'vin.length'],
      ['1HGCM82633AOO4352', 'vin.character'],
      ['%20', 'vin.empty'],
      ['batch:volta.example:VB-1', 'request.invalid'],
      ['plate:FR:AB123CD', 'identifier.type'],
      ['registration:AB123CD', 'identifier.scope'],
    ] as const) {
      it(`refuses ${id} as ${code}, for the report too`, async () => {
        for (const path of [`/v1/vehicles/${id}`, `/v1/vehicles/${id}/report`]) {
          const reply = await test.get(path);
          expect(reply.status).to.equal(422);
          expect(reply.body.code).to.equal(code);
        }
      });
    }
  });

  describe('of parts', () => {
    let supplier: Attester;
    let produced: ComposedEntry;
    const treeKey = randomBytes(32);
    const serials = Array.from({ length: 50 }, (_, index) => `serial:volta.example:VB-77-${index}`);
    before(async function () {
      this.timeout(30_000);
      supplier = await test.admit('Volta', ['supplier']);
      const tree = buildTree(
        treeKey,
        serials.map((serial) => parseIdentifier(serial)),
      );
      produced = test.compose(supplier, 'batch:volta.example:VB-77', {
        kind: 'batch.produced',
        time: '2024-01-19',
        data: {
          bizStep: 'commissioning',
          manufacturerId: 'volta.example',
          manufacturerPartId: 'VB-77',
          batchId: 'VB-77',
          nameAtManufacturer: 'Traction battery',
          productionDate: '2024-01-19',
          serials: { serialsRoot: tree.root, count: serials.length, treeKey: toBase64Url(treeKey) },
        },
        sealed: { quantity: { value: '50', unit: 'C62' } },
      });
      await test.record(supplier, [produced]);
    });

    it('are found by batch', async () => {
      const { status, body } = await test.get('/v1/batches/Volta.example/VB-77');
      expect(status).to.equal(200);
      expect(body).to.include({ identifier: 'batch:volta.example:VB-77', recorded: true });
      expect(body.entries[0].kind).to.equal('batch.produced');
      const report = await test.get('/v1/batches/volta.example/VB-77/report');
      expect(report.body.ledgers[0].links).to.have.length(1);
    });

    it('are found by serial once their maker has listed it', async () => {
      const path = '/v1/serials/volta.example/VB-77-7/batches';
      expect((await test.get(path)).body.batches).to.deep.equal([]);
      const token = await test.signIn(supplier);
      const put = await test.request('PUT', `/v1/sets/${produced.entry.digest}`, {
        body: { members: serials },
        token,
      });
      expect(put.status, put.text).to.equal(200);
      expect((await test.get(path)).body.batches).to.deep.equal([
        {
          batch: produced.entry.subject,
          identifier: 'batch:volta.example:VB-77',
          digest: produced.entry.digest,
        },
      ]);
      expect((await test.get('/v1/serials/volta.example/VB-77-50/batches')).body.batches).to.deep.equal([]);
    });

    it('prove in a report of the batch that a serial is in it, or that it is not', async () => {
      const place = '/v1/batches/volta.example/VB-77/report';
      for (const [asked, member, code] of [
        ['VB-77-7', 'serial:volta.example:VB-77-7', 'batch.contains'],
        ['serial:volta.example:VB-77-49', 'serial:volta.example:VB-77-49', 'batch.contains'],
        ['VB-77-50', 'serial:volta.example:VB-77-50', 'batch.omits'],
      ] as const) {
        const { status, text } = await test.get(`${place}?serial=${encodeURIComponent(asked)}`);
        expect(status).to.equal(200);
        const report = parseReport(text);
        expect(report.member).to.equal(member);
        const result = await verifyHere(test, report);
        expect(result.verdict).to.equal('verified');
        const found = result.findings.filter((finding) => finding.code.startsWith('batch.'));
        expect(found.map((finding) => finding.code)).to.deep.equal([code]);
        expect(found[0]?.details).to.include({ member, kind: 'batch.produced' });

        // The same proof for another serial proves nothing, and without it nobody knows.
        const other = { ...report, member: 'serial:volta.example:VB-77-3' };
        expect((await verifyHere(test, other)).verdict).to.equal('refuted');
        const contents = structuredClone(report.contents);
        for (const content of Object.values(contents)) delete (content as { setProof?: unknown }).setProof;
        const bare = await verifyHere(test, { ...report, contents });
        expect(bare.verdict).to.equal('incomplete');
        expect(bare.findings.map((finding) => finding.code)).to.include('batch.unproven');
        const malformed = await verifyHere(test, { ...report, member: 'vin:VF1AA000000000010' });
        expect(malformed.verdict).to.equal('refuted');
      }
      expect((await test.get(`${place}?serial=a%20b`)).body.code).to.equal('identifier.value');
      expect((await test.get(`${place}?serial=serial%3A%2A%3A1`)).body.code).to.equal('identifier.scope');
    });

    it('have histories of their own', async () => {
      const serial = await test.get('/v1/serials/volta.example/VB-77-7');
      expect(serial.body).to.include({ identifier: 'serial:volta.example:VB-77-7', recorded: false });
      const software = await test.get('/v1/software/volta.example/bms-2.1/report');
      expect(software.body.identifier).to.equal('software:volta.example:bms-2.1');
    });

    it('are refused by code when they cannot be', async () => {
      expect((await test.get('/v1/batches/vol%20ta/VB-77')).body.code).to.equal('identifier.scope');
      expect((await test.get('/v1/batches/volta.example/a%20b')).body.code).to.equal('identifier.value');
      expect((await test.get('/v1/serials/volta.example/a%20b/batches')).body.code).to.equal(
        'identifier.value',
      );
    });
  });
});

describe('POST /v1/claims/search', () => {
  let test: TestService;
  let insurer: Attester;
  let other: Attester;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    insurer = await test.admit('Mutuelle', ['insurer']);
    other = await test.admit('Other mutual', ['insurer']);
  });

  it('says which vehicles have claims, and opens one’s own only', async () => {
    const [one, two] = ['VF1CC000000000001', 'VF1CC000000000002'];
    const content = {
      kind: 'claim',
      time: '2024-02-03',
      data: { type: 'collision', status: 'settled' },
      sealed: { claimNumber: 'S-778120' },
    } as const;
    await test.record(insurer, [test.compose(insurer, one, content)]);
    const search = async (by: Attester) =>
      test.post(
        '/v1/claims/search',
        { identifiers: [one, 'nonsense', two] },
        { token: await test.signIn(by) },
      );
    const own = await search(insurer);
    expect(own.status).to.equal(200);
    expect(own.body.results[0].claims).to.have.length(1);
    expect(own.body.results[0].claims[0]).to.deep.include({
      organisation: insurer.id.toString(),
      time: '2024-02-03',
      anchored: true,
      data: { type: 'collision', status: 'settled' },
      sealed: { claimNumber: 'S-778120' },
    });
    expect(own.body.results[1].problem.code).to.equal('vin.length');
    expect(own.body.results[2]).to.deep.include({ identifier: `vin:${two}`, claims: [] });
    const foreign = await search(other);
    expect(foreign.body.results[0].claims[0].sealed).to.deep.equal({});
    expect(foreign.text).not.to.include('S-778120');
  });

  it('is for insurers only', async () => {
    const workshop = await test.admit('No insurer', ['workshop']);
    const body = { identifiers: ['VF1CC000000000001'] };
    const reply = await test.post('/v1/claims/search', body, { token: await test.signIn(workshop) });
    expect(reply.status).to.equal(403);
    expect(reply.body.code).to.equal('auth.forbidden');
    expect((await test.post('/v1/claims/search', body)).body.code).to.equal('auth.required');
  });

  it('takes a thousand vehicles and no more', async () => {
    const token = await test.signIn(insurer);
    const identifiers = Array.from({ length: 1_001 }, (_, index) => `registration:FR:C${index}`);
    expect((await test.post('/v1/claims/search', { identifiers }, { token })).body.code).to.equal(
      'request.invalid',
    );
    const reply = await test.post('/v1/claims/search', { identifiers: identifiers.slice(1) }, { token });
    expect(reply.body.results).to.have.length(1_000);
  });
});
