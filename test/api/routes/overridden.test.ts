import { expect } from 'chai';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';

/** Their required check digits do not hold; one is registered all the same. */
const REGISTERED = '1HGCM82613A700001';
const MISTYPED = '1HGCM82623A700002';
const GOOD = '1HGCM82633A004352';
/** Told where a look-up was taken. */
const LOOKUP = /"lookups"; r=\d+/;

describe('a vehicle whose check digit a registrar overrode', () => {
  let test: TestService;
  let workshop: Attester;
  let insurer: string;
  const subject = () => test.subject(parseIdentifier(REGISTERED, { overrideCheckDigit: true }));
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    workshop = await test.admit('Any workshop', ['workshop']);
    insurer = await test.signIn(await test.admit('Any insurer', ['insurer']));
    const registrar = await test.admit('Its registrar', ['registrar']);
    const entry = test.compose(registrar, REGISTERED, {
      kind: 'vehicle.registered',
      time: '2020-01-01',
      data: { market: 'US', checkDigitOverride: { reason: 'manufacturerError' } },
    });
    await test.record(registrar, [entry]);
  });

  it('has its subject told to everybody, who can go on to attest it', async () => {
    const one = await test.post('/v1/subjects', { identifier: REGISTERED.toLowerCase() });
    expect(one.body).to.include({ identifier: `vin:${REGISTERED}`, subject: subject() });
    const { body } = await test.post('/v1/subjects', { identifiers: [MISTYPED, REGISTERED, GOOD] });
    expect(body.results[0].problem.code).to.equal('vin.checkDigit');
    expect(body.results[1]).to.include({ identifier: `vin:${REGISTERED}`, subject: subject() });
    expect(body.results[2]).to.include({ identifier: `vin:${GOOD}` });
    const service = test.compose(workshop, REGISTERED, {
      kind: 'service',
      time: '2024-01-01',
      data: { type: 'scheduled', items: ['engineOil'] },
    });
    await test.record(workshop, [service]);
  });

  it('is searched for claims by', async () => {
    const body = { identifiers: [MISTYPED, REGISTERED] };
    const reply = await test.post('/v1/claims/search', body, { token: insurer });
    expect(reply.body.results[0].problem.code).to.equal('vin.checkDigit');
    expect(reply.body.results[1]).to.deep.equal({
      identifier: `vin:${REGISTERED}`,
      subject: subject(),
      claims: [],
    });
  });

  it('is subscribed to, and asking whether it is known costs a look-up', async () => {
    const subscribe = (...identifiers: string[]) =>
      test.post('/v1/subscriptions', { identifiers }, { token: insurer });
    const good = await subscribe(GOOD);
    expect(good.status).to.equal(200);
    expect(good.headers.get('RateLimit')).not.to.match(LOOKUP);
    const registered = await subscribe(REGISTERED);
    expect(registered.body).to.deep.equal({ added: 1 });
    expect(registered.headers.get('RateLimit')).to.match(LOOKUP);
    const mistyped = await subscribe(GOOD, MISTYPED);
    expect(mistyped.body.code).to.equal('vin.checkDigit');
    expect(mistyped.headers.get('RateLimit')).to.match(LOOKUP);
  });

  it('is asked for at the cost of a look-up, whether it is known or not', async () => {
    for (const path of ['', '/report', '/report.pdf', '/credential']) {
      const reply = await test.get(`/v1/vehicles/${MISTYPED}${path}`);
      expect(reply.body.code, path).to.equal('vin.checkDigit');
      expect(reply.headers.get('RateLimit'), path).to.match(LOOKUP);
    }
    const one = await test.post('/v1/subjects', { identifier: MISTYPED });
    expect(one.headers.get('RateLimit')).to.match(LOOKUP);
    const none = await test.get(`/v1/vehicles/${MISTYPED.slice(1)}`);
    expect(none.body.code).to.equal('vin.length');
    expect(none.headers.get('RateLimit')).not.to.match(LOOKUP);
  });
});
