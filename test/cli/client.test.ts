import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import * as z from 'zod/mini';
import { createClient, hasReached, isDead, reportPath, type ServiceRefusal } from '../../cli/client.ts';
import { CommandError, exitOf } from '../../cli/exit.ts';
import { createRpc } from '../../cli/rpc.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { expectCode } from '../expectCode.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

describe('client', () => {
  let server: Server;
  let url: string;
  let handler: Handler;
  let requests: number;

  before(async () => {
    server = createServer((request, response) => {
      requests += 1;
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => handler(request, response, body));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    requests = 0;
  });

  const quick = { attempts: 3, firstPauseMilliseconds: 1 };
  const anything = z.unknown();
  const problem = (
    response: ServerResponse,
    status: number,
    body: object,
    headers: Record<string, string> = {},
  ) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
    response.end(JSON.stringify(body));
  };

  describe('json', () => {
    it('sends the token and parses the answer', async () => {
      handler = (request, response) => response.end(JSON.stringify({ got: request.headers.authorization }));
      const client = createClient(url).withToken('vs_token');
      expect(await client.json('/x', z.strictObject({ got: z.string() }))).to.deep.equal({
        got: 'Bearer vs_token',
      });
    });

    it('keeps the code of a problem and does not try again', async () => {
      handler = (_request, response) =>
        problem(response, 422, {
          code: 'nonce.conflict',
          detail: 'taken',
          retryable: false,
          requestId: 'r1',
        });
      const refusal = (await expectCode('nonce.conflict', () =>
        createClient(url, quick).json('/x', anything, {}),
      )) as ServiceRefusal;
      expect(refusal.status).to.equal(422);
      expect(refusal.details.requestId).to.equal('r1');
      expect(exitOf(refusal)).to.equal('refused');
      expect(requests).to.equal(1);
    });

    it('tries again what is retryable', async () => {
      handler = (_request, response) =>
        requests < 3
          ? problem(response, 503, { code: 'store.busy', retryable: true })
          : response.end(JSON.stringify('done'));
      expect(await createClient(url, quick).json('/x', anything)).to.equal('done');
      expect(requests).to.equal(3);
    });

    it('gives up after its attempts, as not reachable', async () => {
      handler = (_request, response) =>
        problem(response, 503, { code: 'chain.unavailable', retryable: true });
      const error = await expectCode('chain.unavailable', () =>
        createClient(url, quick).json('/x', anything),
      );
      expect(exitOf(error)).to.equal('unreachable');
      expect(requests).to.equal(3);
    });

    it('waits as long as it is told, and not for an hour', async () => {
      handler = (_request, response) =>
        requests < 2
          ? problem(response, 429, { code: 'rateLimit.exceeded' }, { 'retry-after': '0' })
          : problem(response, 429, { code: 'rateLimit.exceeded' }, { 'retry-after': '3600' });
      await expectCode('rateLimit.exceeded', () => createClient(url, quick).json('/x', anything));
      expect(requests).to.equal(2);
    });

    it('names the status where there is no problem document', async () => {
      handler = (_request, response) => response.writeHead(404).end('<html>');
      await expectCode('http.404', () => createClient(url, quick).json('/x', anything));
    });

    it('refuses an answer of another shape', async () => {
      handler = (_request, response) => response.end('{"state":1}');
      const schema = z.strictObject({ state: z.string() });
      await expectCode('service.malformed', () => createClient(url, quick).json('/x', schema));
      handler = (_request, response) => response.end('no json');
      await expectCode('service.malformed', () => createClient(url, quick).json('/x', schema));
    });

    it('follows no redirect: it could lead the token elsewhere', async () => {
      handler = (_request, response) => response.writeHead(302, { location: 'http://example.org/' }).end();
      await expectCode('http.unreachable', () => createClient(url, quick).json('/x', anything));
    });
  });

  describe('bytes', () => {
    it('reads no more than it wants', async () => {
      handler = (_request, response) => {
        response.write('x'.repeat(1000));
        response.end('x'.repeat(1000));
      };
      await expectCode('http.tooLarge', () => createClient(url, quick).bytes('/x', { maxBytes: 1500 }));
    });

    describe('of what may take an hour', () => {
      const { fetch } = globalThis;
      const patient = { attempts: 1, timeoutMilliseconds: 3_600_000 };
      // It gives up after five minutes without an answer, whatever it is told.
      before(() => {
        globalThis.fetch = () => Promise.reject(new Error('fetch was asked'));
      });
      after(() => {
        globalThis.fetch = fetch;
      });

      it('asks as for everything else', async () => {
        handler = (request, response, body) =>
          response.end(JSON.stringify([request.method, request.headers.authorization, body]));
        const client = createClient(url, patient).withToken('vs_token');
        expect(await client.json('/x', anything, { a: 'é' })).to.deep.equal([
          'POST',
          'Bearer vs_token',
          '{"a":"é"}',
        ]);
        expect(await client.json('/x', anything)).to.deep.equal(['GET', 'Bearer vs_token', '']);
      });

      it('keeps codes, follows no redirect, reads no more than it wants and names what is not there', async () => {
        const client = createClient(url, patient);
        handler = (_request, response) => problem(response, 409, { code: 'erasure.planChanged' });
        await expectCode('erasure.planChanged', () => client.bytes('/x'));
        handler = (_request, response) => response.writeHead(302, { location: 'http://example.org/' }).end();
        await expectCode('http.unreachable', () => client.bytes('/x'));
        handler = (_request, response) => response.end('x'.repeat(2000));
        await expectCode('http.tooLarge', () => client.bytes('/x', { maxBytes: 1500 }));
        handler = (_request, response) => response.destroy();
        await expectCode('http.unreachable', () => client.bytes('/x'));
        handler = (_request, response) => response.writeHead(204).end();
        expect((await client.bytes('/x')).status).to.equal(204);
      });

      it('ends when the caller does', async () => {
        const controller = new AbortController();
        handler = () => controller.abort(new Error('enough'));
        const error = await createClient(url, { ...patient, signal: controller.signal })
          .bytes('/x')
          .then(
            () => null,
            (reason: Error) => reason.message,
          );
        expect(error).to.equal('enough');
      });
    });

    it('gives up in time', async () => {
      handler = () => undefined;
      const client = createClient(url, { attempts: 1, timeoutMilliseconds: 50 });
      const error = await expectCode('http.timeout', () => client.bytes('/x'));
      expect(exitOf(error)).to.equal('unreachable');
    });

    it('says what is not there', async () => {
      const error = await expectCode('http.unreachable', () =>
        createClient('http://127.0.0.1:1', quick).bytes('/x'),
      );
      expect(error).to.be.instanceOf(CommandError);
    });

    it('stops when the user does', async () => {
      handler = () => undefined;
      const controller = new AbortController();
      const reading = createClient(url, { signal: controller.signal }).bytes('/x');
      controller.abort(new DOMException('Interrupted', 'AbortError'));
      let failure: unknown;
      await reading.catch((error: unknown) => {
        failure = error;
      });
      expect((failure as Error).name).to.equal('AbortError');
    });
  });

  describe('rpc', () => {
    const answer = (body: string, result: (call: { id: number; method: string }) => object) => {
      const calls = JSON.parse(body);
      return JSON.stringify(Array.isArray(calls) ? calls.map(result).reverse() : result(calls));
    };

    it('puts the answers of a batch in the calls’ order', async () => {
      handler = (_request, response, body) =>
        response.end(answer(body, ({ id, method }) => ({ jsonrpc: '2.0', id, result: method })));
      const calls = ['a', 'b', 'c', 'd', 'e'].map((method) => ({ method, params: [] }));
      const rpc = createRpc(url, { batchSize: 2 });
      expect(await rpc.batch(calls)).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
      expect(requests).to.equal(3);
    });

    it('keeps the endpoint’s refusal', async () => {
      handler = (_request, response, body) =>
        response.end(answer(body, ({ id }) => ({ id, error: { code: -32005, message: 'too many' } })));
      await expectCode('rpc.refused', () => createRpc(url).request('eth_getLogs', []));
    });

    for (const body of ['nonsense', '[]', '{"id":99,"result":1}', 'null']) {
      it(`refuses the answer ${body}`, async () => {
        handler = (_request, response) => response.end(body);
        await expectCode('rpc.malformed', () => createRpc(url, { attempts: 1 }).request('eth_chainId', []));
      });
    }
  });

  describe('states', () => {
    it('are in order', () => {
      expect(hasReached('final', 'anchored')).to.equal(true);
      expect(hasReached('stored', 'anchored')).to.equal(false);
      expect(hasReached('expired', 'received')).to.equal(false);
      expect(isDead('conflicted')).to.equal(true);
    });
  });

  describe('reportPath', () => {
    it('is by the type of the identifier', () => {
      expect(reportPath(parseIdentifier('registration:FR:FR1'))).to.equal(
        '/v1/vehicles/registration%3AFR%3AFR1/report',
      );
      expect(reportPath(parseIdentifier('batch:acme.example:A/1'))).to.equal(
        '/v1/batches/acme.example/A%2F1/report',
      );
    });
  });
});
