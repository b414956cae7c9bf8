import { expect } from 'chai';
import { createTakeAway } from '../../../api/takeaway/takeaway.ts';
import { parseCredential, verifyCredential } from '../../../core/credential/credential.ts';
import { reportDigest } from '../../../core/credential/facts.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { comparePages, readReportPdf } from '../../../core/pdf/attachment.ts';
import { parseReport } from '../../../core/report/report.ts';
import { type Attester, startTestService, type TestService } from '../fixture.ts';

const VIN = 'VF1AAAAA164321012';
const UNKNOWN = 'WDB1240001A000001';

describe('take-away', function () {
  this.timeout(120_000);
  let service: TestService;
  let workshop: Attester;

  before(async () => {
    service = await startTestService({ CREDENTIAL_HOURS: '2', PUBLIC_URL: 'https://history.example' });
    workshop = await service.admit('Workshop', ['workshop']);
    await service.record(workshop, [
      service.compose(workshop, VIN, {
        kind: 'odometer',
        time: '2024-03-01',
        data: { odometer: { value: 12_000, unit: 'KMT', source: 'workshop' } },
        sealed: { operatorName: 'Camille Exemple' },
      }),
    ]);
  });
  after(() => service?.stop());

  const fetchPdf = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(service.url + path, { headers });
    return { answer, bytes: new Uint8Array(await answer.arrayBuffer()) };
  };

  describe('GET /v1/vehicles/{id}/report.pdf', () => {
    it('is the report on pages that the attached report gives, to the byte', async () => {
      const { answer, bytes } = await fetchPdf(`/v1/vehicles/${VIN}/report.pdf`);
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.equal('application/pdf');
      expect(answer.headers.get('content-length')).to.equal(String(bytes.length));
      expect(answer.headers.get('content-disposition')).to.include(`vinculum-${VIN}.pdf`);
      const read = readReportPdf(bytes);
      expect(parseReport(read.report).identifier).to.equal(`vin:${VIN}`);
      expect(read.parameters).to.include({ language: 'en', page: `https://history.example/?id=${VIN}` });
      expect(await comparePages(bytes, read)).to.equal('same');
    });

    it('is in the reader’s language, by choice or as the browser asks', async () => {
      const language = async (query: string, headers: Record<string, string> = {}) => {
        const { bytes } = await fetchPdf(`/v1/vehicles/${UNKNOWN}/report.pdf${query}`, headers);
        return readReportPdf(bytes).parameters?.language;
      };
      expect(await language('?lang=zh')).to.equal('zh');
      expect(await language('', { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.1' })).to.equal('zh');
      expect(await language('', { 'accept-language': 'fr' })).to.equal('en');
      const refused = await service.get(`/v1/vehicles/${VIN}/report.pdf?lang=xx`);
      expect([refused.status, refused.body.code]).to.deep.equal([422, 'request.invalid']);
    });

    it('opens sealed fields for their own attester only, and keeps that out of caches', async () => {
      const token = await service.signIn(workshop);
      const path = `/v1/vehicles/${VIN}/report.pdf`;
      const own = await fetchPdf(path, { authorization: `Bearer ${token}` });
      expect(own.answer.headers.get('cache-control')).to.equal('private, no-store');
      const disclosures = (bytes: Uint8Array) =>
        Object.values(parseReport(readReportPdf(bytes).report).contents).flatMap((content) =>
          'disclosures' in content ? content.disclosures : [],
        );
      expect(disclosures(own.bytes)).to.have.length(1);
      expect(disclosures((await fetchPdf(path)).bytes)).to.have.length(0);
    });

    it('refuses what is no vehicle’s number', async () => {
      const answer = await service.get('/v1/vehicles/VF1AAAAA16432101O/report.pdf');
      expect([answer.status, answer.body.code]).to.deep.equal([422, 'vin.character']);
    });
  });

  describe('GET /v1/vehicles/{id}/credential', () => {
    const issuer = async (): Promise<string> => (await service.get('/v1/directory')).body.issuer;
    const now = () => Math.floor(Date.now() / 1000);

    it('is signed by the operator’s did:key, for the hours that are set', async () => {
      const answer = await service.get(`/v1/vehicles/${VIN}/credential`);
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.match(/^application\/vc/);
      const credential = parseCredential(answer.text);
      const hours = (Date.parse(credential.validUntil) - Date.parse(credential.validFrom)) / 3_600_000;
      expect(hours).to.equal(2);
      const facts = verifyCredential(credential, { issuers: [await issuer()], now: now() });
      const report = await service.get(`/v1/vehicles/${VIN}/report`);
      expect(facts.report).to.equal(reportDigest(report.text));
      expect(facts.verdict).to.equal('verified');
      expect(facts.ledgers[0]?.links).to.equal(1);
      expect(facts.blocks[0]?.hash).to.equal(report.body.ledgers[0].asOf.hash);
      expect(answer.text).not.to.include('Camille');
    });

    it('states that a VIN was never registered', async () => {
      const answer = await service.get(`/v1/vehicles/${UNKNOWN}/credential`);
      const facts = verifyCredential(parseCredential(answer.text), { issuers: [await issuer()], now: now() });
      expect(facts.coverage.entries.total).to.equal(0);
    });

    it('keeps the issuer over restarts: the key is of the operator’s keyring', async () => {
      expect(await issuer()).to.equal(service.service.services.keyring.issuer.did);
      expect(JSON.stringify(service.service.services.keyring)).to.equal('"[keyring]"');
    });

    it('is not given while the chain gives no proof', async () => {
      const { query, deployment, keyring } = service.service.services;
      const unproven = createTakeAway({
        query: {
          report: query.report,
          publicReport: async (identifier) => {
            const { text, etag } = await query.publicReport(identifier);
            const { proofs: _, ...report } = JSON.parse(text);
            return { text: JSON.stringify(report), etag };
          },
        },
        trust: { chainId: deployment.chainId, directory: deployment.directory },
        issuer: keyring.issuer,
        publicUrl: () => '',
        finalBlock: () => 0,
        credentialHours: 1,
      });
      const error = await unproven.credential(parseIdentifier(VIN)).catch((reason: unknown) => reason);
      expect(error).to.include({ code: 'takeaway.unproven' });
      await unproven.close();
    });

    it('is not given for a report that the chain contradicts', async () => {
      const { query, deployment, keyring } = service.service.services;
      const lying = createTakeAway({
        query: {
          report: query.report,
          publicReport: async (identifier) => {
            const { text, etag } = await query.publicReport(identifier);
            const report = JSON.parse(text);
            report.ledgers[0].links.pop();
            return { text: JSON.stringify(report), etag };
          },
        },
        trust: { chainId: deployment.chainId, directory: deployment.directory },
        issuer: keyring.issuer,
        publicUrl: () => '',
        finalBlock: () => 0,
        credentialHours: 1,
      });
      const error = await lying.credential(parseIdentifier(VIN)).catch((reason: unknown) => reason);
      expect(error).to.include({ code: 'index.headMismatch' });
      await lying.close();
    });
  });
});
