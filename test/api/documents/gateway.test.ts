import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CarReader } from '@ipld/car';
import { expect } from 'chai';
import express, { type NextFunction, type Request, type Response } from 'express';
import { CID } from 'multiformats/cid';
import { type DocumentStore, isBlockOf } from '../../../api/documents/documentStore.ts';
import { openEmbeddedDocuments } from '../../../api/documents/embedded.ts';
import { putBlocks } from '../../../api/documents/envelopeBlocks.ts';
import { gatewayRouter } from '../../../api/documents/gateway.ts';
import { asProblem, problemMediaType } from '../../../api/problem.ts';
import type { Store } from '../../../api/store/store.ts';
import { openTestPglite, temporaryFolder } from '../store/stores.ts';

const rawType = 'application/vnd.ipld.raw';
const carType = 'application/vnd.ipld.car';

describe('gatewayRouter', function () {
  this.timeout(60_000);
  let store: Store;
  let documents: DocumentStore;
  let folder: string;
  let remove: () => Promise<void>;
  let server: Server;
  let base: string;

  const body = new Uint8Array(randomBytes(700));
  const digest = new Uint8Array(createHash('sha256').update(body).digest());
  const envelope = CID.createV1(0x55, {
    code: 0x12,
    size: 32,
    digest,
    bytes: Buffer.concat([Buffer.of(0x12, 32), digest]),
  });
  const content = randomBytes(4_200_000);
  let document: string;

  before(async () => {
    store = await openTestPglite();
    ({ folder, remove } = await temporaryFolder());
    documents = await openEmbeddedDocuments(folder);
    await store.transaction((transaction) => putBlocks(transaction, [{ digest, body }]));
    const chunks = async function* () {
      yield content;
    };
    document = (await documents.put(chunks(), { maxBytes: 5_000_000 })).cid;
    const app = express();
    app.use(gatewayRouter({ store, documents }));
    app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
      const problem = asProblem(error);
      response.status(problem.status).type(problemMediaType).json(problem.toProblemJson('test'));
    });
    server = await new Promise((resolve) => {
      const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
    });
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ipfs/`;
  });
  after(async () => {
    server.close();
    await store.close();
    await remove();
  });

  async function get(path: string, init: RequestInit = {}) {
    const response = await fetch(base + path, init);
    return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
  }
  async function problemOf(path: string, init: RequestInit = {}) {
    const { response, bytes } = await get(path, init);
    const { code } = JSON.parse(Buffer.from(bytes).toString()) as { code: string };
    return `${response.status} ${code}`;
  }
  async function blocksOf(path: string, init: RequestInit = {}) {
    const { bytes } = await get(path, init);
    return Array.fromAsync((await CarReader.fromBytes(bytes)).blocks());
  }

  describe('a raw block', () => {
    it('has the headers of the specification', async () => {
      const { response, bytes } = await get(`${envelope}?format=raw`);
      expect(response.status).to.equal(200);
      expect(bytes).to.deep.equal(body);
      const headers = Object.fromEntries(response.headers);
      expect(headers).to.include({
        'content-type': rawType,
        'content-length': '700',
        'content-disposition': `attachment; filename="${envelope}.bin"`,
        'cache-control': 'public, max-age=29030400, immutable',
        etag: `"${envelope}.raw"`,
        'x-content-type-options': 'nosniff',
        'x-ipfs-path': `/ipfs/${envelope}`,
        'x-ipfs-roots': envelope.toString(),
        'access-control-allow-origin': '*',
        vary: 'Accept',
      });
      expect(headers).not.to.have.property('content-location');
    });

    it('may be asked for by Accept', async () => {
      const { response, bytes } = await get(`${envelope}`, { headers: { accept: rawType } });
      expect(bytes).to.deep.equal(body);
      expect(response.headers.get('content-location')).to.equal(`/ipfs/${envelope}?format=raw`);
    });

    it('answers HEAD with the same headers and no body', async () => {
      const { response, bytes } = await get(`${envelope}?format=raw`, { method: 'HEAD' });
      expect(response.status).to.equal(200);
      expect(response.headers.get('content-length')).to.equal('700');
      expect(bytes).to.have.length(0);
    });

    it('is not sent again to whoever has it', async () => {
      const headers = { 'if-none-match': `"${envelope}.raw"` };
      const { response } = await get(`${envelope}?format=raw`, { headers });
      expect(response.status).to.equal(304);
    });

    it('may be any block of a document', async () => {
      for (const { cid } of await blocksOf(`${document}?format=car`)) {
        const { bytes } = await get(`${cid}?format=raw`);
        expect(isBlockOf(cid, bytes)).to.equal(true);
      }
    });

    it('of an envelope goes out as it is stored: to check it is the reader’s part', async () => {
      const rotten = new Uint8Array(randomBytes(32));
      await store.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2)', [rotten, body]);
      const cid = CID.createV1(0x55, {
        ...envelope.multihash,
        digest: rotten,
        bytes: Buffer.concat([Buffer.of(0x12, 32), rotten]),
      });
      const { response, bytes } = await get(`${cid}?format=raw`);
      expect(response.status).to.equal(200);
      expect(bytes).to.deep.equal(body);
    });
  });

  describe('a CAR', () => {
    it('holds a whole document, each block verified by its CID', async () => {
      const { response } = await get(`${document}?format=car`);
      expect(Object.fromEntries(response.headers)).to.include({
        'content-type': `${carType}; version=1; order=dfs; dups=n`,
        'content-disposition': `attachment; filename="${document}.car"`,
      });
      const blocks = await blocksOf(`${document}?format=car`);
      expect(blocks[0]?.cid.toString()).to.equal(document);
      for (const { cid, bytes } of blocks) expect(isBlockOf(cid, bytes)).to.equal(true);
      const leaves = blocks.filter(({ cid }) => cid.code === 0x55).map(({ bytes }) => bytes);
      expect(Buffer.concat(leaves).equals(content)).to.equal(true);
    });

    it('holds an envelope block alone', async () => {
      const blocks = await blocksOf(`${envelope}`, {
        headers: { accept: `${carType}; version=1; order=dfs; dups=n` },
      });
      expect(blocks.map(({ bytes }) => bytes)).to.deep.equal([body]);
    });

    it('holds the root only, or what a range of bytes takes', async () => {
      const count = async (query: string) => (await blocksOf(`${document}?format=car&${query}`)).length;
      expect(await count('dag-scope=block')).to.equal(1);
      expect(await count('dag-scope=entity')).to.equal(6);
      expect(await count('entity-bytes=0:0')).to.equal(2);
      expect(await count('entity-bytes=1048575:1048576')).to.equal(3);
      expect(await count('entity-bytes=-1:*')).to.equal(2);
      expect(await count('entity-bytes=0:*')).to.equal(6);
      expect(await count('entity-bytes=9999999:*')).to.equal(1);
    });

    it('holds a block that occurs twice once', async () => {
      const twice = async function* () {
        yield new Uint8Array(3 * 1024 * 1024);
      };
      const { cid } = await documents.put(twice(), { maxBytes: 5_000_000 });
      expect(await blocksOf(`${cid}?format=car`)).to.have.length(2);
    });

    it('answers HEAD without a body', async () => {
      const { response, bytes } = await get(`${document}?format=car`, { method: 'HEAD' });
      expect(response.status).to.equal(200);
      expect(bytes).to.have.length(0);
    });

    it('breaks off when a block is missing, so that it cannot pass for whole', async () => {
      const chunks = async function* () {
        yield randomBytes(3_000_000);
      };
      const { cid } = await documents.put(chunks(), { maxBytes: 5_000_000 });
      const path = join(folder, 'documents', cid.slice(-4, -2), cid);
      const leaf = (await readdir(path)).find((name) => name !== cid) ?? '';
      await rm(join(path, leaf));
      const outcome = await get(`${cid}?format=car`).then(
        () => 'whole',
        () => 'broken off',
      );
      expect(outcome).to.equal('broken off');
    });
  });

  describe('the probe', () => {
    it('is an empty block', async () => {
      const raw = await get('bafkqaaa?format=raw');
      expect(raw.response.status).to.equal(200);
      expect(raw.bytes).to.have.length(0);
      const { bytes } = await get('bafkqaaa?format=car');
      const roots = await (await CarReader.fromBytes(bytes)).getRoots();
      expect(roots.map(String)).to.deep.equal(['bafkqaaa']);
    });
  });

  describe('what cannot be answered', () => {
    const unknown = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
    const cases: [string, string, RequestInit, string][] = [
      ['an unknown CID', `${unknown}?format=raw`, {}, '404 block.unknown'],
      ['an unknown CID as a CAR', `${unknown}?format=car`, {}, '404 block.unknown'],
      [
        'an unknown CID, only if cached',
        `${unknown}?format=raw`,
        { headers: { 'cache-control': 'only-if-cached' } },
        '412 block.notCached',
      ],
      ['half a CID', 'bafkrgqh6h37a?format=raw', {}, '400 cid.malformed'],
      ['an identity CID', 'bafkqabtimvwgy3yk?format=raw', {}, '404 block.unknown'],
      ['no CID', 'hello?format=raw', {}, '400 cid.malformed'],
      ['no format', `${envelope}`, {}, '406 request.notAcceptable'],
      [
        'a page for a browser',
        `${envelope}`,
        { headers: { accept: 'text/html,*/*' } },
        '406 request.notAcceptable',
      ],
      ['another format', `${envelope}?format=json`, {}, '406 request.notAcceptable'],
      ['another CAR', `${envelope}?format=car&car-version=2`, {}, '406 request.notAcceptable'],
      [
        'a CAR with duplicates',
        `${envelope}`,
        { headers: { accept: `${carType}; dups=y` } },
        '406 request.notAcceptable',
      ],
      ['an odd scope', `${envelope}?format=car&dag-scope=x`, {}, '400 request.malformed'],
      ['an odd range', `${envelope}?format=car&entity-bytes=5`, {}, '400 request.malformed'],
      ['a path', `${envelope}/file?format=car`, {}, '404 block.unknown'],
    ];
    for (const [name, path, init, expected] of cases) {
      it(`${name}: ${expected}`, async () => {
        expect(await problemOf(path, init)).to.equal(expected);
      });
    }
  });
});
