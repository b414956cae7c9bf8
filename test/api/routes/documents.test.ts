import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { digestOf } from '../../../core/envelope/block.ts';
import { cidOf } from '../../../core/envelope/cid.ts';
import { type Attester, sharedService, startTestService, type TestService } from '../fixture.ts';

const OCTETS = 'application/octet-stream';

describe('POST /v1/documents', () => {
  let test: TestService;
  let workshop: Attester;
  let token: string;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    workshop = await test.admit('Documenting workshop', ['workshop']);
    token = await test.signIn(workshop);
  });

  const upload = (content: BodyInit, type = OCTETS) =>
    test.request('POST', '/v1/documents', { raw: { content, type }, token });
  const stored = () =>
    test.service.services.store.query<{ cid: string; organisation: bigint }>(
      'SELECT cid, organisation FROM documents ORDER BY cid',
    );

  it('stores a document, and the gateway hands it out by its CID', async () => {
    const content = randomBytes(100_000);
    const { status, body, headers } = await upload(content);
    expect(status).to.equal(201);
    expect(body).to.deep.equal({ cid: cidOf(digestOf(content)), bytes: content.length });
    expect(headers.get('Location')).to.equal(`/ipfs/${body.cid}`);
    const response = await fetch(`${test.url}/ipfs/${body.cid}?format=raw`);
    expect(response.status).to.equal(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).to.equal(true);
    expect(await stored()).to.deep.include({ cid: body.cid, organisation: workshop.id });
  });

  it('stores a large one as it streams', async () => {
    const size = 5 * 1024 * 1024;
    const { body } = await upload(randomBytes(size));
    expect(body.bytes).to.equal(size);
    const car = await fetch(`${test.url}/ipfs/${body.cid}?format=car`);
    expect(car.status).to.equal(200);
    expect((await car.arrayBuffer()).byteLength).to.be.greaterThan(size);
  });

  it('wants a signed-in organisation, before it reads', async () => {
    const reply = await test.request('POST', '/v1/documents', { raw: { content: 'x', type: OCTETS } });
    expect(reply.status).to.equal(401);
    expect(reply.body.code).to.equal('auth.required');
  });

  it('wants bytes', async () => {
    const reply = await upload('{}', 'application/json');
    expect(reply.status).to.equal(415);
    expect(reply.body.code).to.equal('request.mediaType');
  });

  it('keeps nothing of one that is cut off half way', async () => {
    const before = await stored();
    const socket = connect(Number(new URL(test.url).port), '127.0.0.1');
    const head = [
      'POST /v1/documents HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${token}`,
      `Content-Type: ${OCTETS}`,
      'Content-Length: 1000000',
    ];
    await new Promise((sent) => socket.write(`${head.join('\r\n')}\r\n\r\n${'x'.repeat(300_000)}`, sent));
    const start = test.logged.length;
    socket.destroy();
    await test.until(() => test.logged.slice(start).some(({ facts }) => facts.route === '/v1/documents'));
    expect(await stored()).to.deep.equal(before);
  });

  describe('with a limit', () => {
    let small: TestService;
    before(async function () {
      this.timeout(60_000);
      small = await startTestService({ DOCUMENT_MAX_BYTES: '1000' });
    });
    after(() => small.stop());

    it('refuses what is declared larger, and what turns out to be', async () => {
      const own = await small.signIn(await small.admit('Limited workshop', ['workshop']));
      const send = (chunked: boolean) =>
        new Promise<{ status: number; code: string }>((resolve, reject) => {
          const outgoing = httpRequest(`${small.url}/v1/documents`, {
            method: 'POST',
            headers: {
              Authorization: `Bearer ${own}`,
              'Content-Type': OCTETS,
              ...(chunked ? {} : { 'Content-Length': '1001' }),
            },
          });
          outgoing.on('error', reject);
          outgoing.on('response', (incoming) => {
            let text = '';
            incoming.on('data', (chunk: Buffer) => {
              text += chunk.toString();
            });
            incoming.on('end', () =>
              resolve({ status: incoming.statusCode ?? 0, code: JSON.parse(text).code }),
            );
          });
          outgoing.write('x'.repeat(501));
          outgoing.end('x'.repeat(500));
        });
      expect(await send(false)).to.deep.equal({ status: 413, code: 'document.tooLarge' });
      expect(await send(true)).to.deep.equal({ status: 413, code: 'document.tooLarge' });
      const { store } = small.service.services;
      expect(await store.query('SELECT cid FROM documents')).to.deep.equal([]);
    });

    it('answers when its parts are down by code, and says in /readyz which', async function () {
      this.timeout(60_000);
      await small.until(async () => (await small.get('/readyz')).status === 200);
      const workshop = await small.admit('Late workshop', ['workshop']);
      const { message } = (
        await small.post('/v1/auth/challenge', {
          organisation: workshop.id.toString(),
          signer: workshop.signer,
        })
      ).body;

      await small.service.chain?.devnet.stop();
      const asked = await small.post('/v1/auth/session', { message, signature: '0x1234' });
      expect(asked.status).to.equal(503);
      expect(asked.body.code).to.equal('chain.unavailable');
      expect(asked.headers.get('Retry-After')).not.to.equal(null);
      // What needs no chain is accepted, and the state says how far it has come.
      const data = { odometer: { value: 1, unit: 'KMT', source: 'workshop' } };
      const entry = small.compose(workshop, '1M8GDM9AXKP042788', {
        kind: 'odometer',
        time: '2024-01-01',
        data,
      });
      const accepted = await small.post('/v1/submissions', small.sign(workshop, [entry]));
      expect(accepted.status).to.equal(202);
      expect((await small.get(`/v1/submissions/${accepted.body.hash}`)).body.state).to.equal('stored');
      const without = await small.get('/readyz');
      expect(without.status).to.equal(503);
      expect(without.body.chain).to.deep.equal({ ok: false, code: 'chain.unavailable' });
      expect(without.body.store).to.deep.equal({ ok: true });

      // Something stands where uploads are written.
      const incoming = join(small.service.config.dataFolder, 'documents', 'incoming');
      await rm(incoming, { recursive: true });
      await writeFile(incoming, '');
      const token = await small.signIn(workshop);
      const raw = { content: 'x', type: OCTETS };
      const upload = await small.request('POST', '/v1/documents', { raw, token });
      expect(upload.status).to.equal(503);
      expect(upload.body.code).to.equal('document.unavailable');
      expect(await small.service.services.store.query('SELECT cid FROM documents')).to.deep.equal([]);

      await small.service.services.store.close();
      for (const [method, path] of [
        ['GET', '/v1/vehicles/1M8GDM9AXKP042788'],
        ['GET', '/v1/vehicles/1M8GDM9AXKP042788/report'],
        ['GET', '/v1/organisations'],
        ['GET', `/v1/submissions/${accepted.body.hash}`],
        ['GET', '/v1/directory'],
      ] as const) {
        const reply = await small.request(method, path);
        expect(reply.status, path).to.equal(503);
        expect(reply.body.code, path).to.equal('store.unavailable');
      }
      const again = await small.post('/v1/submissions', small.sign(workshop, [entry]));
      expect(again.status).to.equal(503);
      expect(again.body.code).to.equal('store.unavailable');
      const both = await small.get('/readyz');
      expect(both.body.store).to.deep.equal({ ok: false, code: 'store.unavailable' });
      expect((await small.get('/healthz')).status).to.equal(200);
      expect((await small.get('/metrics')).status).to.equal(200);
    });
  });
});
