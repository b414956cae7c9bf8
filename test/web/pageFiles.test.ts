import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import express from 'express';
import { failureHandler } from '../../api/http/mount.ts';
import { mountPage, pageFolder } from '../../api/page/page.ts';
import { buildWeb } from '../../scripts/buildWeb.ts';

type Answer = { readonly response: IncomingMessage; readonly body: Buffer };

describe('mountPage', function () {
  this.timeout(60_000);
  const servers: Server[] = [];
  let empty = '';

  const serve = async (
    folder: string,
  ): Promise<(path: string, headers?: Record<string, string>) => Promise<Answer>> => {
    const app = express();
    app.set('etag', false);
    await mountPage(app, folder);
    app.use(failureHandler({ log: () => undefined }));
    const server = createServer(app);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return (path, headers = {}) =>
      new Promise((resolve, reject) => {
        get({ port, host: '127.0.0.1', path, headers }, (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('end', () => resolve({ response, body: Buffer.concat(parts) }));
        }).on('error', reject);
      });
  };

  before(async () => {
    await buildWeb();
    empty = await mkdtemp(join(tmpdir(), 'vinculum-page-'));
  });
  after(async () => {
    for (const server of servers) server.close();
    await rm(empty, { recursive: true });
  });

  it('serves the same page plain, by gzip and by brotli, as the reader’s browser accepts', async () => {
    const ask = await serve(pageFolder);
    const plain = await ask('/?id=anything');
    expect(plain.response.headers['content-encoding']).to.equal(undefined);
    expect(plain.response.headers['content-type']).to.equal('text/html; charset=utf-8');
    const brotli = await ask('/', { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(brotli.response.headers['content-encoding']).to.equal('br');
    expect(brotliDecompressSync(brotli.body).equals(plain.body)).to.equal(true);
    const gzip = await ask('/', { 'Accept-Encoding': 'gzip' });
    expect(gzip.response.headers['content-encoding']).to.equal('gzip');
    expect(gunzipSync(gzip.body).equals(plain.body)).to.equal(true);
    expect(brotli.response.headers.vary).to.include('Accept-Encoding');
  });

  it('sends nothing again that the browser holds, and keeps assets for ever', async () => {
    const ask = await serve(pageFolder);
    const page = await ask('/');
    const again = await ask('/', { 'If-None-Match': String(page.response.headers.etag) });
    expect(again.response.statusCode).to.equal(304);
    expect(page.response.headers['cache-control']).to.equal('no-cache');
    const [, script = ''] = /src="\.(\/assets\/[^"]+)"/.exec(page.body.toString()) ?? [];
    expect((await ask(script)).response.headers['cache-control']).to.include('immutable');
  });

  it('serves its own files and no others', async () => {
    const ask = await serve(pageFolder);
    for (const path of [
      '/assets/none.js',
      '/assets/..%2Findex.html',
      '/assets/.sources',
      '/assets/%2e%2e%2f.sources',
    ]) {
      expect((await ask(path)).response.statusCode, path).to.equal(404);
    }
  });

  it('says that the page was not built', async () => {
    const ask = await serve(`${empty}/`);
    const { response, body } = await ask('/');
    expect(response.statusCode).to.equal(503);
    expect(JSON.parse(body.toString()).code).to.equal('page.notBuilt');
  });
});
