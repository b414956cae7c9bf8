import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { JsonRpcProvider, Wallet } from 'ethers';
import { formatSignIn, parseSignIn, personalHash, type SignIn } from '../../../api/auth/signInMessage.ts';
import { toHex } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../../core/chain/types.ts';
import { type Attester, personalSign, sharedService, type TestService } from '../fixture.ts';

/** Deploys a contract that says yes to any signature (ERC-1271): it returns the magic value whatever is asked. */
const YES_MAN = '0x6010600c60003960106000f3631626ba7e60e01b60005260206000f3';

describe('signing in', () => {
  let test: TestService;
  let workshop: Attester;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    workshop = await test.admit('Sign-in workshop', ['workshop']);
  });

  async function challenge(attester: Attester = workshop): Promise<string> {
    const { id, signer } = attester;
    const reply = await test.post('/v1/auth/challenge', { organisation: id.toString(), signer });
    expect(reply.status).to.equal(200);
    return reply.body.message;
  }
  const open = (message: string, signature: string) => test.post('/v1/auth/session', { message, signature });
  const keysOf = (token?: string) => test.get('/v1/auth/keys', { token });

  it('states who signs in where, on which chain, and until when', async () => {
    const message = await challenge();
    expect(message).to.include(`${new URL(test.url).host} wants you to sign in`);
    expect(message)
      .to.include(`organisation ${workshop.id}.`)
      .and.include(`Chain ID: ${test.ledger.chainId}`);
    expect(message.toLowerCase()).to.include(workshop.signer);
  });

  it('gives a session for the signed message, whose token is kept as a hash only', async () => {
    const message = await challenge();
    const reply = await open(message, personalSign(message, workshop.key));
    expect(reply.status).to.equal(201);
    expect(reply.body).to.include({ organisation: workshop.id.toString(), signer: workshop.signer });
    expect(reply.headers.get('Cache-Control')).to.equal('no-store');
    expect((await keysOf(reply.body.token)).status).to.equal(200);

    const { store } = test.service.services;
    const hash = createHash('sha256').update(reply.body.token).digest();
    expect(await store.query('SELECT 1 AS one FROM sessions WHERE token_hash = $1', [hash])).to.have.length(
      1,
    );
    const rows = await store.query<Record<string, unknown>>('SELECT * FROM sessions');
    const texts = rows.map((row) =>
      Object.values(row).map((value) => (value instanceof Uint8Array ? toHex(value) : String(value))),
    );
    expect(JSON.stringify(texts)).not.to.include(reply.body.token);
  });

  it('takes a message once', async () => {
    const message = await challenge();
    const signature = personalSign(message, workshop.key);
    expect((await open(message, signature)).status).to.equal(201);
    const again = await open(message, signature);
    expect(again.status).to.equal(401);
    expect(again.body.code).to.equal('auth.challenge');
  });

  it('takes no message but its own, to the letter', async () => {
    const message = await challenge();
    const altered = [
      message.replace('127.0.0.1', 'phishing.example'),
      message.replace(/URI: .*/, 'URI: https://phishing.example'),
      message.replace(/Chain ID: \d+/, 'Chain ID: 1'),
      message.replace(/Nonce: .*/, 'Nonce: 0123456789abcdef'),
      message.replace(/organisation:\d+$/, 'organisation:1234'),
      message.replace(/Expiration Time: 20/, 'Expiration Time: 21'),
      `${message}\n`,
      `\n${message}`,
      message.replaceAll('\n', '\r\n'),
      'anything',
    ];
    for (const text of altered) {
      const reply = await open(text, personalSign(text, workshop.key));
      expect(reply.status, text).to.equal(401);
      expect(reply.body.code).to.equal('auth.challenge');
    }
  });

  it('takes no message after its time', async () => {
    const past: SignIn = {
      organisation: workshop.id,
      signer: workshop.signer,
      nonce: '0123456789abcdef',
      issuedAt: new Date('2020-01-01T00:00:00Z'),
      expiresAt: new Date('2020-01-01T00:10:00Z'),
    };
    const message = formatSignIn({ publicUrl: test.url, chainId: test.ledger.chainId }, past);
    expect((await open(message, personalSign(message, workshop.key))).body.code).to.equal('auth.challenge');
  });

  it('takes no signature but the named account’s', async () => {
    const message = await challenge();
    for (const signature of [
      personalSign(message, randomBytes(32)),
      personalSign(`${message}.`, workshop.key),
      '0x00',
    ]) {
      const reply = await open(message, signature);
      expect(reply.status).to.equal(401);
      expect(reply.body.code).to.equal('auth.signature');
    }
    expect((await open(message, personalSign(message, workshop.key))).status).to.equal(201);
  });

  it('takes no account but a key of the organisation', async () => {
    const key = randomBytes(32);
    const stranger = { ...workshop, key, signer: addressOfKey(key) };
    const message = await challenge(stranger);
    const reply = await open(message, personalSign(message, key));
    expect(reply.status).to.equal(403);
    expect(reply.body.code).to.equal('auth.unknownKey');
  });

  it('takes no organisation that does not exist', async () => {
    const nobody = { ...workshop, id: 999_999n as OrganisationId };
    const message = await challenge(nobody);
    const reply = await open(message, personalSign(message, workshop.key));
    expect(reply.status).to.equal(403);
    expect(reply.body.code).to.equal('auth.notInGoodStanding');
  });

  it('asks a contract about its signature (ERC-1271)', async () => {
    const { chain, rpcUrl } = test.service;
    const provider = new JsonRpcProvider(rpcUrl, Number(test.ledger.chainId), {
      staticNetwork: true,
      pollingInterval: 20,
    });
    const wallet = new Wallet(chain?.secretKey('admin') ?? '', provider);
    const sent = await wallet.sendTransaction({ data: YES_MAN });
    chain?.devnet.nudge();
    const receipt = await sent.wait();
    provider.destroy();
    const contract = String(receipt?.contractAddress).toLowerCase() as Address;
    await test.change('registrar', 'addKey', workshop.id, contract);
    const message = await challenge({ ...workshop, signer: contract });
    const reply = await open(message, '0x1234');
    expect(reply.status, reply.text).to.equal(201);
    expect(reply.body.signer).to.equal(contract);
  });

  it('ends with its session', async () => {
    const token = await test.signIn(workshop);
    expect((await test.request('DELETE', '/v1/auth/session', { token })).status).to.equal(204);
    expect((await keysOf(token)).body.code).to.equal('auth.invalid');
  });

  it('ends when its time is over', async () => {
    const token = await test.signIn(workshop);
    const { store, auth } = test.service.services;
    const hash = createHash('sha256').update(token).digest();
    await store.execute(
      `UPDATE sessions SET expires_at = now() - interval '1 second' WHERE token_hash = $1`,
      [hash],
    );
    expect((await keysOf(token)).body.code).to.equal('auth.invalid');
    await auth.sweep();
    expect(await store.query('SELECT 1 AS one FROM sessions WHERE token_hash = $1', [hash])).to.have.length(
      0,
    );
  });

  it('ends when the key is revoked or the organisation suspended, API keys with it', async () => {
    const fleet = await test.admit('Suspended fleet', ['fleet']);
    const token = await test.signIn(fleet);
    const made = await test.post('/v1/auth/keys', { name: 'importer' }, { token });
    await test.change('guardian', 'suspend', fleet.id);
    expect((await keysOf(token)).body.code).to.equal('auth.notInGoodStanding');
    expect((await test.get('/v1/directory', { token: made.body.key })).body.code).to.equal(
      'auth.notInGoodStanding',
    );
    await test.change('registrar', 'reinstate', fleet.id);
    expect((await keysOf(token)).status).to.equal(200);
    await test.change('registrar', 'revokeKey', fleet.id, fleet.signer);
    expect((await keysOf(token)).body.code).to.equal('auth.unknownKey');
    expect((await test.get('/v1/directory', { token: made.body.key })).body.code).to.equal('auth.unknownKey');
  });

  describe('as an account without an organisation', () => {
    const key = randomBytes(32);
    const signer = addressOfKey(key);
    const personal = async (): Promise<string> => {
      const reply = await test.post('/v1/auth/challenge', { signer });
      expect(reply.status, reply.text).to.equal(200);
      return reply.body.message;
    };

    it('gives a session that is nobody’s but the account’s', async () => {
      const message = await personal();
      expect(message).to.include('Sign in to Vinculum as this account.');
      const session = await open(message, personalSign(message, key));
      expect(session.status, session.text).to.equal(201);
      expect(session.body).to.include({ organisation: null, signer });
      const { token } = session.body;
      expect((await keysOf(token)).body.code).to.equal('auth.required');
      expect((await test.get('/v1/operator/export/keys', { token })).body.code).to.equal('auth.required');
      expect((await test.request('DELETE', '/v1/auth/session', { token })).status).to.equal(204);
      expect((await test.get('/v1/directory', { token })).body.code).to.equal('auth.invalid');
    });

    it('takes its own message, once, and by its own key', async () => {
      const message = await personal();
      const asOrganisation = message
        .replace('as this account.', `as organisation ${workshop.id}.`)
        .replace(/urn:vinculum:.*$/, `urn:vinculum:organisation:${workshop.id}`);
      const other = addressOfKey(workshop.key);
      for (const text of [
        asOrganisation.replace(/^0x.*$/m, toHex(randomBytes(20))),
        message.replace(/urn:vinculum:.*$/, `urn:vinculum:account:${other}`),
        message.replace('as this account.', `as organisation ${workshop.id}.`),
      ]) {
        expect((await open(text, personalSign(text, key))).body.code).to.equal('auth.challenge');
      }
      // A text that this service could have written, but for another: the account is no key of the organisation.
      expect((await open(asOrganisation, personalSign(asOrganisation, key))).body.code).to.equal(
        'auth.unknownKey',
      );
      expect((await open(message, personalSign(message, workshop.key))).body.code).to.equal('auth.signature');
      expect((await open(message, personalSign(message, key))).status).to.equal(201);
      expect((await open(message, personalSign(message, key))).body.code).to.equal('auth.challenge');
    });

    it('is counted like anyone at its network address: accounts cost nothing to make', async () => {
      const message = await personal();
      const { token } = (await open(message, personalSign(message, key))).body;
      const counted = test.service.services.auth;
      const request = (authorization?: string) =>
        ({ ip: '192.0.2.7', get: () => authorization }) as unknown as Parameters<typeof counted.identify>[0];
      const caller = await counted.identify(request(`Bearer ${token}`));
      expect(caller).to.deep.include({ account: null, person: { address: signer }, operator: false });
      expect(caller.key).to.equal((await counted.identify(request())).key);
      expect(counted.countedAs(request(`Bearer ${token}`))).to.deep.include({ account: false });
    });
  });

  it('is asked for where a route needs it', async () => {
    const reply = await keysOf();
    expect(reply.status).to.equal(401);
    expect(reply.body.code).to.equal('auth.required');
    expect(reply.headers.get('WWW-Authenticate')).to.equal('Bearer');
    expect(
      (await test.get('/v1/directory', { headers: { Authorization: 'Basic YTpi' } })).body.code,
    ).to.equal('auth.invalid');
    for (const token of ['vs_unknownunknown', 'vk_unknownunknown', 'vo_unknownunknown']) {
      expect((await keysOf(token)).body.code).to.equal('auth.invalid');
    }
  });

  it('of the operator is by the token in the data folder, and opens nothing of an organisation', async () => {
    const token = test.service.operatorToken;
    expect((await test.get('/v1/operator/export/blocks', { token })).status).to.equal(200);
    expect((await keysOf(token)).body.code).to.equal('auth.required');
    const session = await test.signIn(workshop);
    expect((await test.get('/v1/operator/export/keys', { token: session })).body.code).to.equal(
      'auth.required',
    );
  });

  describe('API keys', () => {
    let token: string;
    before(async () => {
      token = await test.signIn(workshop);
    });

    it('are shown once, listed without themselves, and revoked at once', async () => {
      const made = await test.post('/v1/auth/keys', { name: 'nightly import', expiresInDays: 30 }, { token });
      expect(made.status).to.equal(201);
      const { id, key } = made.body;
      const listed = await keysOf(token);
      expect(listed.body.keys.map((one: { id: string }) => one.id)).to.include(id);
      expect(listed.text).not.to.include(key);
      expect((await test.get('/v1/directory', { token: key })).status).to.equal(200);
      expect((await test.request('DELETE', `/v1/auth/keys/${id}`, { token })).status).to.equal(204);
      expect((await test.get('/v1/directory', { token: key })).body.code).to.equal('auth.invalid');
      expect((await test.request('DELETE', `/v1/auth/keys/${id}`, { token })).body.code).to.equal(
        'apiKey.unknown',
      );
    });

    it('make no others', async () => {
      const made = await test.post('/v1/auth/keys', { name: 'first' }, { token });
      const second = await test.post('/v1/auth/keys', { name: 'second' }, { token: made.body.key });
      expect(second.status).to.equal(403);
      expect(second.body.code).to.equal('auth.sessionRequired');
      expect((await keysOf(made.body.key)).body.code).to.equal('auth.sessionRequired');
    });

    it('are no session to be ended', async () => {
      const { key, id } = (await test.post('/v1/auth/keys', { name: 'no session' }, { token })).body;
      const ended = await test.request('DELETE', '/v1/auth/session', { token: key });
      expect([ended.status, ended.body.code]).to.deep.equal([403, 'auth.sessionRequired']);
      expect((await test.get('/v1/directory', { token: key })).status).to.equal(200);
      expect((await test.request('DELETE', `/v1/auth/keys/${id}`, { token })).status).to.equal(204);
    });

    it('have names that are text', async () => {
      for (const name of ['', 'a\u0000b', 'x'.repeat(101), 7]) {
        expect((await test.post('/v1/auth/keys', { name }, { token })).body.code).to.equal('request.invalid');
      }
      const reply = await test.post('/v1/auth/keys', { name: 'n', expiresInDays: 1e99 }, { token });
      expect(reply.body.code).to.equal('request.invalid');
    });

    it('of another organisation are out of reach', async () => {
      const other = await test.admit('Other workshop', ['workshop']);
      const made = await test.post('/v1/auth/keys', { name: 'mine' }, { token });
      const foreign = await test.signIn(other);
      const reply = await test.request('DELETE', `/v1/auth/keys/${made.body.id}`, { token: foreign });
      expect(reply.body.code).to.equal('apiKey.unknown');
    });
  });
});

describe('parseSignIn', () => {
  const place = { publicUrl: 'https://history.example', chainId: 7n };
  const signIn: SignIn = {
    organisation: 12n as OrganisationId,
    signer: `0x${'ab'.repeat(20)}` as Address,
    nonce: '0123456789abcdef',
    issuedAt: new Date('2026-01-01T00:00:00Z'),
    expiresAt: new Date('2026-01-01T00:10:00Z'),
  };

  it('reads what formatSignIn writes', () => {
    expect(parseSignIn(place, formatSignIn(place, signIn))).to.deep.equal(signIn);
  });

  it('is null for a message of another place', () => {
    const message = formatSignIn(place, signIn);
    expect(parseSignIn({ ...place, chainId: 8n }, message)).to.equal(null);
    expect(parseSignIn({ ...place, publicUrl: 'https://other.example' }, message)).to.equal(null);
    expect(parseSignIn(place, 'x'.repeat(1_000_000))).to.equal(null);
  });
});

describe('personalHash', () => {
  it('is what wallets sign', async () => {
    const wallet = Wallet.createRandom();
    const signature = await wallet.signMessage('Grüße, 车辆');
    expect(signature).to.equal(wallet.signingKey.sign(personalHash('Grüße, 车辆')).serialized);
  });
});
