import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { fromHex, toBase64Url } from '../../../core/bytes.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { readReport } from '../../../core/report/report.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, type Reply, sharedService, startTestService, type TestService } from '../fixture.ts';
import { person, seconds } from '../titles/acting.ts';
import { DAY, freshToken, type Given, give, revocationOf, signInAlone, Vehicle } from './world.ts';

describe('share links', function () {
  this.timeout(60_000);
  let test: TestService;
  let registrar: Attester;
  let workshop: Attester;
  before(async () => {
    test = await sharedService();
    registrar = await test.admit('Registry of shares', ['registrar']);
    workshop = await test.admit('Workshop of shares', ['workshop']);
  });

  const open = (token: string): Promise<Reply> => test.post('/v1/shares/open', { token });

  async function shared(given: Partial<Given> = {}) {
    const owner = person();
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: owner.address });
    const entry = await vehicle.service(workshop);
    const { token, bearer } = freshToken();
    const { hash, reply } = await give(test, { subject: vehicle.subject, signer: owner, bearer, ...given });
    const { until } = reply.body.signed;
    return { owner, vehicle, entry, token, hash, until: BigInt(until) };
  }
  const disclosuresOf = (reply: Reply, { entry }: ComposedEntry): string[] =>
    reply.body.report.contents[entry.digest].disclosures;

  it('open the vehicle and its full report, which anybody can verify, and say that it cannot be unread', async () => {
    const { vehicle, entry, token, hash } = await shared();
    const reply = await open(token);
    expect(reply.status, reply.text).to.equal(200);
    expect(reply.headers.get('Cache-Control')).to.equal('private, no-store');
    expect(reply.body).to.deep.include({
      identifier: vehicle.name,
      subject: vehicle.subject,
      consent: hash,
      purpose: 'purchase',
      openings: 1,
      notice: 'share.cannotBeUnread',
    });
    expect(disclosuresOf(reply, entry)).to.deep.equal(entry.disclosures);
    const { deployment, rpc } = test.service.services;
    const trust = { chainId: deployment.chainId, directory: deployment.directory };
    const result = await verify(readReport(reply.body.report), trust, (chainId) =>
      rpcView([(method, params) => rpc.call(method, params)], chainId),
    );
    expect(result.verdict).to.equal('verified');
    expect(result.entries.at(-1)?.sealed).to.have.property('invoiceNumber');
    expect(await vehicle.log()).to.have.length(1);
    expect((await vehicle.log())[0]).to.deep.include({
      consent: hash,
      purpose: 'purchase',
      reader: `bearer:${hash}`,
      route: 'openShare',
      shown: [{ digest: entry.entry.digest, fields: ['invoiceNumber'] }],
    });
  });

  it('open what their consent covers and no more', async () => {
    const { vehicle, entry, token, owner } = await shared({ fields: ['note'] });
    const noted = await vehicle.service(workshop, { note: 'Rust at the sill.', technician: 'M. Leroy' });
    const reply = await open(token);
    expect(disclosuresOf(reply, entry)).to.deep.equal([]);
    expect(disclosuresOf(reply, noted)).to.have.length(1);
    // What anyone gets of the same vehicle right after has nothing of it.
    expect(await vehicle.shown(noted)).to.deep.equal([]);
    expect(await vehicle.shown(noted, await signInAlone(test, owner))).to.have.length(2);
  });

  it('count their openings, all of them, also at once', async () => {
    const { owner, vehicle, token, hash } = await shared();
    const replies = await Promise.all(Array.from({ length: 12 }, () => open(token)));
    const counts = replies.map(({ body }) => body.openings).sort((left, right) => left - right);
    expect(counts).to.deep.equal(Array.from({ length: 12 }, (_, index) => index + 1));
    const ownerToken = await signInAlone(test, owner);
    const { body } = await test.get(`/v1/consents/${hash}`, { token: ownerToken });
    expect(body.openings.count).to.equal(12);
    expect(Date.parse(body.openings.lastAt)).to.be.closeTo(Date.now(), 10_000);
    expect((await vehicle.log()).map(({ position }) => position)).to.deep.equal(
      Array.from({ length: 12 }, (_, index) => index),
    );
  });

  it('open nothing once expired, revoked or sold', async () => {
    const expired = await shared({ until: seconds() + 1n });
    const revoked = await shared();
    const sold = await shared();
    const early = await shared({ from: seconds() + DAY, until: seconds() + 2n * DAY });
    expect((await open(revoked.token)).status).to.equal(200);
    const revocation = revocationOf(test.ledger, revoked.hash, revoked.owner);
    await test.post(`/v1/consents/${revoked.hash}/revocation`, revocation);
    const buyer = person();
    await sold.vehicle.sell(sold.owner, buyer);
    await test.until(() => seconds() > expired.until);
    for (const [{ token, vehicle, entry }, status, code] of [
      [expired, 410, 'share.expired'],
      [revoked, 410, 'share.revoked'],
      [sold, 410, 'share.ended'],
      [early, 403, 'share.notYet'],
    ] as const) {
      const reply = await open(token);
      expect(reply.status).to.equal(status);
      expect(reply.body.code).to.equal(code);
      expect(reply.text).not.to.include(vehicle.target.identifier.value);
      expect(reply.text).not.to.include(entry.disclosures[0]);
    }
    expect(await sold.vehicle.log()).to.deep.equal([]);
  });

  it('keep no token: not in the store, not in the log, not in an address', async () => {
    const { token, vehicle } = await shared();
    await open(token);
    await open(token.replace(/.$/, '_'));
    const bytes = Buffer.from(token, 'base64url');
    const { store } = test.service.services;
    const rows = await store.query<{ row: string }>('SELECT consents::text AS row FROM consents');
    const kept = JSON.stringify([rows, test.logged, await vehicle.log()]);
    expect(kept).not.to.include(token);
    expect(kept).not.to.include(bytes.toString('hex'));
    expect(kept).to.include(createHash('sha256').update(bytes).digest('hex'));
    expect((await test.get(`/v1/shares/open?token=${token}`)).status).to.equal(405);
  });

  it('cannot be guessed: each try costs a look-up, and there are few', async () => {
    const guessed = await open(toBase64Url(randomBytes(32)));
    expect(guessed.status).to.equal(404);
    expect(guessed.body.code).to.equal('share.unknown');
    for (const token of ['', 'short', `${'A'.repeat(42)}=`, 'A'.repeat(44), 7, null]) {
      expect((await test.post('/v1/shares/open', { token })).body.code).to.equal('request.invalid');
    }
    // The consent’s name, or what it names of the token, opens nothing.
    const { hash } = await shared();
    const { store } = test.service.services;
    const [row] = await store.query<{ bearer: Uint8Array }>('SELECT bearer FROM consents WHERE hash = $1', [
      fromHex(hash, 32),
    ]);
    for (const name of [fromHex(hash, 32), row?.bearer ?? new Uint8Array()]) {
      expect((await open(toBase64Url(name))).body.code).to.equal('share.unknown');
    }
    const metered = await startTestService({ LOOKUPS_PER_HOUR: '5' });
    try {
      const codes: string[] = [];
      for (let index = 0; index < 8; index++) {
        const reply = await metered.post('/v1/shares/open', { token: toBase64Url(randomBytes(32)) });
        codes.push(reply.body.code);
      }
      expect(codes).to.deep.equal([
        ...Array.from({ length: 5 }, () => 'share.unknown'),
        ...Array.from({ length: 3 }, () => 'rateLimit.exceeded'),
      ]);
    } finally {
      await metered.stop();
    }
  });
});
