import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { fromBase64Url, fromHex } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { verifyTranscript } from '../../../core/pseudonym/pseudonym.ts';
import { sharedFile } from '../../shared.ts';
import { sharedService, type TestService } from '../fixture.ts';

const VIN = '1HGCM82633A004352';
/** A required check digit that does not hold. */
const WRONG = '1HGCM82643A700003';

type Evaluated = {
  readonly identifier: string;
  readonly subject: string;
  readonly transcript: { readonly evaluated: string; readonly proof: string };
};

describe('POST /v1/subjects', () => {
  let test: TestService;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
  });

  function expectProven({ identifier, subject, transcript }: Evaluated, pseudonymKey: string): void {
    const given = { evaluated: fromBase64Url(transcript.evaluated), proof: fromBase64Url(transcript.proof) };
    const parsed = parseIdentifier(identifier, { overrideCheckDigit: true });
    expect(verifyTranscript(parsed, given, fromHex(pseudonymKey))).to.equal(subject);
  }

  it('normalises an identifier and proves its subject', async () => {
    const { status, body } = await test.post('/v1/subjects', { identifier: ' 1hgcm826-33a0 04352' });
    expect(status).to.equal(200);
    expect(body.identifier).to.equal(`vin:${VIN}`);
    const { body: directory } = await test.get('/v1/directory');
    expect(body).to.include({ pseudonymKey: directory.pseudonymKey, ledger: directory.ledger });
    expectProven(body, directory.pseudonymKey);
  });

  it('answers a list in its order, each with its subject or its problem', async () => {
    const identifiers = [VIN, 'O', 'registration:FR:fr-000001', WRONG, 'batch:volta.example:VB-1'];
    const { status, body } = await test.post('/v1/subjects', { identifiers });
    expect(status).to.equal(200);
    const codes = body.results.map(
      (one: { identifier?: string; problem?: { code: string } }) => one.problem?.code ?? one.identifier,
    );
    expect(codes).to.deep.equal([
      `vin:${VIN}`,
      'vin.length',
      'registration:FR:FR000001',
      'vin.checkDigit',
      'batch:volta.example:VB-1',
    ]);
    for (const one of body.results) if (one.subject !== undefined) expectProven(one, body.pseudonymKey);
  });

  it('takes a thousand at once and no more', async function () {
    this.timeout(30_000);
    const identifiers = Array.from({ length: 1_001 }, (_, index) => `registration:FR:T${index}`);
    const { status, body } = await test.post('/v1/subjects', { identifiers: identifiers.slice(0, 1_000) });
    expect(status).to.equal(200);
    expect(body.results).to.have.length(1_000);
    expect((await test.post('/v1/subjects', { identifiers })).body.code).to.equal('request.invalid');
    expect((await test.post('/v1/subjects', { identifiers: [] })).body.code).to.equal('request.invalid');
  });

  it('offers what may have been meant, and never applies it', async () => {
    const { status, body } = await test.post('/v1/subjects', { identifier: VIN.replaceAll('0', 'O') });
    expect(status).to.equal(422);
    expect(body.code).to.equal('vin.character');
    expect(body.didYouMean).to.deep.equal([VIN]);
  });

  it('lets a registrar override a check digit, and nobody else', async () => {
    const body = { identifier: WRONG, overrideCheckDigit: true };
    expect((await test.post('/v1/subjects', body)).body.code).to.equal('auth.forbidden');
    const workshop = await test.signIn(await test.admit('No registrar', ['workshop']));
    expect((await test.post('/v1/subjects', body, { token: workshop })).body.code).to.equal('auth.forbidden');
    const registrar = await test.signIn(await test.admit('Override registrar', ['registrar']));
    const reply = await test.post('/v1/subjects', body, { token: registrar });
    expect(reply.status).to.equal(200);
    expect(reply.body.identifier).to.equal(`vin:${WRONG}`);
  });

  for (const [identifier, code] of [
    ['', 'request.invalid'],
    ['   ', 'vin.empty'],
    ['vin:1HGCM82633A00435', 'vin.length'],
    ['ОHGCM82633A004352', 'vin.notAscii'],
    ['00000000000000000', 'vin.placeholder'],
    ['plate:FR:AB123CD', 'identifier.type'],
    ['registration:France:AB123CD', 'identifier.scope'],
    ['registration:FR:AB_123', 'identifier.value'],
    [`registration:FR:${VIN}`, 'identifier.isVin'],
    ['x'.repeat(257), 'request.invalid'],
  ] as const) {
    it(`refuses ${JSON.stringify(identifier.slice(0, 40))} as ${code}`, async () => {
      const reply = await test.post('/v1/subjects', { identifier });
      expect(reply.status).to.equal(422);
      expect(reply.body.code).to.equal(code);
    });
  }

  it('judges all shared VIN vectors as they say', async function () {
    const file = sharedFile('vin-vectors.json');
    if (file === null) return this.skip();
    this.timeout(30_000);
    const vectors = JSON.parse(await readFile(file, 'utf8')) as Record<
      'accepted' | 'rejected',
      { vin: string }[]
    >;
    const answers = async (list: readonly { vin: string }[]): Promise<readonly { problem?: unknown }[]> => {
      const identifiers = list.map(({ vin }) => `vin:${vin}`);
      return (await test.post('/v1/subjects', { identifiers })).body.results;
    };
    expect((await answers(vectors.accepted)).filter(({ problem }) => problem !== undefined)).to.deep.equal(
      [],
    );
    expect((await answers(vectors.rejected)).filter(({ problem }) => problem === undefined)).to.deep.equal(
      [],
    );
  });
});
