import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { sharedService, type TestService } from '../fixture.ts';

const VIN = '1HGCM82633A004352';

describe('every request', () => {
  let test: TestService;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
  });

  it('has an id, the caller’s own where it is well formed', async () => {
    const given = await test.get('/healthz', { headers: { 'X-Request-Id': 'trace-0001.a' } });
    expect(given.headers.get('X-Request-Id')).to.equal('trace-0001.a');
    for (const bad of ['short', 'with space in it', 'x'.repeat(100), 'quote"quote"']) {
      const own = await test.get('/healthz', { headers: { 'X-Request-Id': bad } });
      expect(own.headers.get('X-Request-Id')).to.match(/^[0-9a-f-]{36}$/);
    }
  });

  it('is answered with headers that keep content from becoming a page', async () => {
    const { headers } = await test.get('/healthz');
    expect(headers.get('X-Powered-By')).to.equal(null);
    expect(headers.get('X-Content-Type-Options')).to.equal('nosniff');
    expect(headers.get('Content-Security-Policy')).to.include("default-src 'none'").and.include('sandbox');
    expect(headers.get('Referrer-Policy')).to.equal('no-referrer');
  });

  it('may come from any page, with a token', async () => {
    const preflight = await test.request('OPTIONS', `/v1/vehicles/${VIN}/report`, {
      headers: { Origin: 'https://reader.example', 'Access-Control-Request-Method': 'GET' },
    });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get('Access-Control-Allow-Origin')).to.equal('*');
    expect(preflight.headers.get('Access-Control-Allow-Headers')).to.include('Authorization');
    const read = await test.get('/v1/directory', { headers: { Origin: 'https://reader.example' } });
    expect(read.headers.get('Access-Control-Allow-Origin')).to.equal('*');
    expect(read.headers.get('Access-Control-Allow-Credentials')).to.equal(null);
    expect(read.headers.get('Access-Control-Expose-Headers')).to.include('RateLimit');
  });

  it('tells in a RateLimit header what is left', async () => {
    const { headers } = await test.get(`/v1/vehicles/${VIN}`);
    expect(headers.get('RateLimit')).to.match(/"requests"; r=\d+; t=\d+, "lookups"; r=\d+; t=\d+/);
  });

  const json = 'application/json';
  const refused: readonly [
    string,
    string,
    string,
    { content: string; type: string } | undefined,
    number,
    string,
  ][] = [
    ['an unknown address', 'GET', '/v1/nothing', undefined, 404, 'request.unknownRoute'],
    ['another letter case', 'GET', '/V1/directory', undefined, 404, 'request.unknownRoute'],
    [
      'an address that cannot be decoded',
      'GET',
      '/v1/vehicles/%E0%A4%A',
      undefined,
      400,
      'request.malformed',
    ],
    ['a method not offered', 'DELETE', '/v1/directory', undefined, 405, 'request.method'],
    ['a method not offered by the gateway', 'POST', '/ipfs/bafkqaaa', undefined, 405, 'request.method'],
    ['a method not offered by the page', 'POST', '/', undefined, 405, 'request.method'],
    ['no content type', 'POST', '/v1/subjects', { content: '{}', type: '' }, 415, 'request.mediaType'],
    [
      'another content type',
      'POST',
      '/v1/subjects',
      { content: '{}', type: 'text/plain' },
      415,
      'request.mediaType',
    ],
    ['garbage', 'POST', '/v1/subjects', { content: '{"identifier":', type: json }, 400, 'request.malformed'],
    [
      'deep nesting',
      'POST',
      '/v1/subjects',
      { content: '['.repeat(100_000), type: json },
      400,
      'request.malformed',
    ],
    [
      'an unknown member',
      'POST',
      '/v1/subjects',
      { content: '{"vin":"x"}', type: json },
      422,
      'request.invalid',
    ],
    [
      'a polluting member',
      'POST',
      '/v1/auth/challenge',
      { content: '{"__proto__":{"a":1},"organisation":"1","signer":"0x00"}', type: json },
      422,
      'request.invalid',
    ],
    [
      'a huge number',
      'POST',
      '/v1/auth/keys',
      { content: '{"name":"a","expiresInDays":1e999}', type: json },
      401,
      'auth.required',
    ],
    [
      'a huge number of an organisation',
      'POST',
      '/v1/auth/challenge',
      { content: `{"organisation":"${'9'.repeat(19)}","signer":"0x${'00'.repeat(20)}"}`, type: json },
      422,
      'request.invalid',
    ],
    [
      'a body too large',
      'POST',
      '/v1/subjects',
      { content: JSON.stringify({ identifier: 'x'.repeat(300 * 1024) }), type: json },
      413,
      'request.tooLarge',
    ],
    ['a query that means nothing', 'GET', '/v1/organisations?limit=0', undefined, 422, 'request.invalid'],
    ['a foreign cursor', 'GET', '/v1/organisations?cursor=AAAA', undefined, 422, 'request.invalid'],
  ];
  for (const [what, method, path, raw, status, code] of refused) {
    it(`with ${what} is refused by code`, async () => {
      const reply = await test.request(method, path, raw === undefined ? {} : { raw });
      expect(reply.status).to.equal(status);
      expect(reply.headers.get('Content-Type')).to.match(/^application\/problem\+json/);
      expect(reply.body.code).to.equal(code);
    });
  }

  it('with a method not offered is told which are', async () => {
    const reply = await test.request('PUT', `/v1/vehicles/${VIN}`);
    expect(reply.headers.get('Allow')).to.equal('GET, HEAD');
    const options = await test.request('OPTIONS', '/v1/subjects');
    expect(options.status).to.equal(204);
    expect(options.headers.get('Allow')).to.equal('POST');
  });

  it('is answered to HEAD without a body', async () => {
    const reply = await test.request('HEAD', '/v1/directory');
    expect(reply.status).to.equal(200);
    expect(reply.text).to.equal('');
  });

  it('that says nothing for ten seconds loses its connection', async function () {
    this.timeout(30_000);
    const { port } = new URL(test.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const started = Date.now();
    const received = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('close', () => resolve(text));
    });
    expect(received)
      .to.match(/^HTTP\/1\.1 408 /)
      .and.include('"code":"request.timeout"');
    expect(Date.now() - started).to.be.within(8_000, 20_000);
  });

  it('that is no HTTP is told so', async () => {
    const { port } = new URL(test.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('\u0016\u0003\u0001 hello\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString())
      .to.match(/^HTTP\/1\.1 400 /)
      .and.include('"code":"request.malformed"');
  });

  it('that is too large is answered while it is still being sent', async () => {
    const { port } = new URL(test.url);
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const outgoing = httpRequest({
        port: Number(port),
        host: '127.0.0.1',
        method: 'POST',
        path: '/v1/subjects',
        headers: { 'Content-Type': json },
      });
      outgoing.on('response', (incoming) => {
        let body = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (text: string) => {
          body += text;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
      });
      outgoing.on('error', reject);
      outgoing.write('x'.repeat(1024 * 1024));
    });
    expect(answer.status).to.equal(413);
    expect(JSON.parse(answer.body).code).to.equal('request.tooLarge');
  });

  it('leaves a line in the log, without identifier, token or address', async () => {
    const start = test.logged.length;
    const token = 'vs_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
    await test.get(`/v1/vehicles/${VIN}`);
    await test.get(`/v1/vehicles/${VIN}/report?x=${VIN}`, { token });
    await test.get(`/?id=${VIN}`);
    await test.until(() => test.logged.slice(start).filter(({ event }) => event === 'request').length >= 3);
    const lines = test.logged.slice(start).filter(({ event }) => event === 'request');
    const text = JSON.stringify(lines);
    expect(lines.map(({ facts }) => facts.route)).to.deep.equal([
      '/v1/vehicles/{id}',
      '/v1/vehicles/{id}/report',
      '/',
    ]);
    expect(lines.map(({ facts }) => facts.status)).to.deep.equal([200, 401, 200]);
    for (const secret of [VIN, token, '127.0.0.1']) expect(text).not.to.include(secret);
  });
});
