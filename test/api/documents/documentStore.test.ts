import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CarReader } from '@ipld/car';
import { expect } from 'chai';
import { CID } from 'multiformats/cid';
import { car } from '../../../api/documents/car.ts';
import { type DocumentStore, isBlockOf, parseCid } from '../../../api/documents/documentStore.ts';
import { openEmbeddedDocuments } from '../../../api/documents/embedded.ts';
import { openKuboDocuments } from '../../../api/documents/kubo.ts';
import { asProblem } from '../../../api/problem.ts';
import { temporaryFolder } from '../store/stores.ts';
import { cidVectors, keystream } from './vectors.ts';

const limit = { maxBytes: 8 * 1024 * 1024 };
const unknown = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
const emptyCid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku';

async function* inPieces(bytes: Uint8Array, size = 65_536) {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

const codeOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => asProblem(error).code,
  );

/** Files below a folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function sharedBehaviour(open: () => Promise<DocumentStore>): void {
  let store: DocumentStore;
  before(async () => {
    store = await open();
  });

  describe('put and get', () => {
    const vectors = cidVectors();
    if (vectors === undefined)
      it.skip('gives the published CIDs (no shared/data/ipfs-cid-vectors.json here)');
    for (const vector of vectors ?? []) {
      it(`gives the published CID of ${vector.name}, and the bytes back`, async () => {
        const document = await store.put(inPieces(vector.content, 10_000), limit);
        expect(document).to.deep.equal({ cid: vector.cid, bytes: vector.content.length });
        expect((await whole(store.get(vector.cid))).equals(vector.content)).to.equal(true);
      });
    }

    it('takes an empty document', async () => {
      const { cid } = await store.put(inPieces(new Uint8Array()), limit);
      expect(cid).to.equal(emptyCid);
      expect(await whole(store.get(cid))).to.have.length(0);
    });

    it('takes the same document twice, also at once', async () => {
      const content = randomBytes(3_000_000);
      const put = () => store.put(inPieces(content), limit);
      const [first, second] = await Promise.all([put(), put()]);
      expect(second).to.deep.equal(first);
      expect(await put()).to.deep.equal(first);
      expect((await whole(store.get(first.cid))).equals(content)).to.equal(true);
    });

    it('takes a document of exactly the limit and refuses one more byte', async () => {
      const content = randomBytes(1_500_001);
      const put = (maxBytes: number) => store.put(inPieces(content), { maxBytes });
      expect(await codeOf(put(1_500_000))).to.equal('document.tooLarge');
      expect((await put(1_500_001)).bytes).to.equal(1_500_001);
    });

    it('says of an upload that broke off that it did', async () => {
      async function* cutOff() {
        yield randomBytes(2_000_000);
        throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      }
      expect(await codeOf(store.put(cutOff(), limit))).to.equal('document.cutOff');
    });

    it('does not know what it does not have, nor what is no CID', async () => {
      expect(await codeOf(whole(store.get(unknown)))).to.equal('document.unknown');
      expect(await codeOf(whole(store.get('../../etc/passwd')))).to.equal('cid.malformed');
    });
  });

  describe('has, stat and delete', () => {
    it('tell of a document until it is deleted', async () => {
      const content = randomBytes(2_500_000);
      const document = await store.put(inPieces(content), limit);
      expect(await store.has(document.cid)).to.equal(true);
      expect(await store.stat(document.cid)).to.deep.equal(document);
      const blocks = await Array.fromAsync(
        (await CarReader.fromIterable(car(parseCid(document.cid), (cid) => store.block(cid)))).blocks(),
      );
      expect(blocks.length).to.equal(4);
      expect(await store.delete(document.cid)).to.equal(true);
      expect(await store.delete(document.cid)).to.equal(false);
      expect(await store.has(document.cid)).to.equal(false);
      expect(await store.stat(document.cid)).to.equal(undefined);
      for (const { cid } of blocks) expect(await store.block(cid)).to.equal(undefined);
    });

    it('leaves the blocks that another document uses', async () => {
      const shared = randomBytes(1024 * 1024);
      const one = await store.put(inPieces(Buffer.concat([shared, randomBytes(10)])), limit);
      const other = await store.put(inPieces(Buffer.concat([shared, randomBytes(10)])), limit);
      const alone = await store.put(inPieces(shared), limit);
      await store.delete(alone.cid);
      await store.delete(one.cid);
      expect((await whole(store.get(other.cid))).subarray(0, shared.length).equals(shared)).to.equal(true);
      await store.delete(other.cid);
      expect(await store.block(parseCid(alone.cid))).to.equal(undefined);
    });
  });

  describe('block', () => {
    it('gives every block of a document, as its CID says', async () => {
      const { cid } = await store.put(inPieces(keystream('blocks', 2_200_000)), limit);
      const root = parseCid(cid);
      const reader = await CarReader.fromIterable(car(root, (wanted) => store.block(wanted)));
      const blocks = await Array.fromAsync(reader.blocks());
      expect(blocks.length).to.equal(4);
      for (const block of blocks) {
        const bytes = await store.block(block.cid);
        expect(bytes !== undefined && isBlockOf(block.cid, bytes)).to.equal(true);
      }
    });

    it('knows no others', async () => {
      expect(await store.block(parseCid(unknown))).to.equal(undefined);
    });
  });
}

describe('DocumentStore', function () {
  this.timeout(60_000);

  describe('embedded', () => {
    let folder: string;
    let remove: () => Promise<void>;
    before(async () => {
      ({ folder, remove } = await temporaryFolder());
    });
    after(() => remove());

    sharedBehaviour(() => openEmbeddedDocuments(folder));

    describe('on disk', () => {
      let place: string;
      let done: () => Promise<void>;
      let store: DocumentStore;
      beforeEach(async () => {
        ({ folder: place, remove: done } = await temporaryFolder());
        store = await openEmbeddedDocuments(place);
      });
      afterEach(() => done());

      it('keeps nothing of an upload that was cut off or too large', async () => {
        async function* cutOff() {
          yield randomBytes(3_000_000);
          throw new Error('aborted');
        }
        await codeOf(store.put(cutOff(), limit));
        await codeOf(store.put(inPieces(randomBytes(3_000_000)), { maxBytes: 2_900_000 }));
        expect(await filesIn(place)).to.deep.equal([]);
      });

      it('keeps nothing of a document that was deleted', async () => {
        const { cid } = await store.put(inPieces(randomBytes(3_000_000)), limit);
        await store.delete(cid);
        expect(await filesIn(place)).to.deep.equal([]);
      });

      it('clears away at the start what a killed process was receiving, and keeps the rest', async () => {
        const { cid } = await store.put(inPieces(randomBytes(100)), limit);
        await writeFile(join(place, 'incoming', 'half'), 'x');
        const reopened = await openEmbeddedDocuments(place);
        expect(await readdir(join(place, 'incoming'))).to.deep.equal([]);
        expect(await reopened.has(cid)).to.equal(true);
      });

      it('finds every damage, and a second upload mends it', async () => {
        const content = randomBytes(2_500_000);
        const { cid } = await store.put(inPieces(content), limit);
        for (const path of await filesIn(join(place, 'documents'))) {
          const good = await readFile(path);
          const bad = Buffer.from(good);
          bad.writeUInt8(bad.readUInt8(bad.length - 1) ^ 1, bad.length - 1);
          await writeFile(path, bad);
          expect(await codeOf(whole(store.get(cid)))).to.equal('document.corrupt');
          expect(await codeOf(store.block(CID.parse(path.split('/').at(-1) ?? '')))).to.equal(
            'document.corrupt',
          );
          await store.put(inPieces(content), limit);
          expect((await whole(store.get(cid))).equals(content)).to.equal(true);
        }
      });

      it('says so when a block is missing', async () => {
        const { cid } = await store.put(inPieces(randomBytes(2_500_000)), limit);
        const leaf = (await filesIn(join(place, 'documents'))).find((path) => !path.endsWith(cid));
        await rm(leaf ?? '');
        expect(await codeOf(whole(store.get(cid)))).to.equal('document.corrupt');
      });

      it('refuses with document.unavailable what the disk does not take', async () => {
        await rm(join(place, 'incoming'), { recursive: true });
        await writeFile(join(place, 'incoming'), '');
        expect(await codeOf(store.put(inPieces(randomBytes(10)), limit))).to.equal('document.unavailable');
      });

      it('has every document that it acknowledged when its process is killed', async () => {
        const script = `
          const { openEmbeddedDocuments } = await import(${JSON.stringify(
            new URL('../../../api/documents/embedded.ts', import.meta.url).href,
          )});
          const { randomBytes } = await import('node:crypto');
          const store = await openEmbeddedDocuments(process.argv[1]);
          for (;;) {
            const { cid } = await store.put((async function* () { yield randomBytes(1_200_000); })(), { maxBytes: 2e6 });
            process.stdout.write(cid + '\\n');
          }`;
        const cids = await new Promise<string[]>((resolve) => {
          const child = execFile(
            process.execPath,
            ['--input-type=module', '-e', script, place],
            (_error, output) => resolve(output.split('\n').slice(0, -1)),
          );
          child.stdout?.once('data', () => setTimeout(() => child.kill('SIGKILL'), 300));
        });
        expect(cids).not.to.deep.equal([]);
        const reopened = await openEmbeddedDocuments(place);
        for (const cid of cids) expect(await whole(reopened.get(cid))).to.have.length(1_200_000);
      });
    });
  });

  describe('on Kubo', () => {
    const url = process.env.KUBO_RPC_URL;
    if (url === undefined) {
      it.skip('needs KUBO_RPC_URL');
      return;
    }
    sharedBehaviour(async () => openKuboDocuments({ url }));

    it('fetches no block that nobody has', async () => {
      const store = openKuboDocuments({ url });
      expect(await store.fetchBlock(parseCid(unknown), 1_000)).to.equal(undefined);
    });
  });

  describe('on a Kubo that does not answer', () => {
    it('rejects with document.unavailable', async () => {
      const store = openKuboDocuments({ url: 'http://127.0.0.1:9', timeout: 2_000 });
      expect(await codeOf(store.put(inPieces(randomBytes(10)), limit))).to.equal('document.unavailable');
      expect(await codeOf(store.has(unknown))).to.equal('document.unavailable');
      expect(await codeOf(store.block(parseCid(unknown)))).to.equal('document.unavailable');
    });
  });
});
