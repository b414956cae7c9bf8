import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { deleteBlocks, getBlock, getBlocks, putBlocks } from '../../../api/documents/envelopeBlocks.ts';
import { asProblem } from '../../../api/problem.ts';
import type { Store } from '../../../api/store/store.ts';
import { onEachStore } from '../store/stores.ts';

function block(bytes: number) {
  const body = new Uint8Array(randomBytes(bytes));
  return { digest: new Uint8Array(createHash('sha256').update(body).digest()), body };
}

describe('envelopeBlocks', () => {
  onEachStore((open) => {
    let store: Store;
    before(async () => {
      store = await open();
    });
    after(() => store?.close());
    const put = (blocks: ReturnType<typeof block>[]) =>
      store.transaction((transaction) => putBlocks(transaction, blocks));
    const codeOf = async (promise: Promise<unknown>) =>
      promise.then(
        () => 'none',
        (e) => asProblem(e).code,
      );

    describe('putBlocks', () => {
      it('stores many blocks, the same one given twice or again included', async () => {
        const blocks = Array.from({ length: 300 }, (_, index) => block(index * 20));
        const [first] = blocks;
        await put([...blocks, ...(first === undefined ? [] : [first])]);
        await put(blocks);
        for (const { digest, body } of blocks) expect(await getBlock(store, digest)).to.deep.equal(body);
      });

      it('takes a block of 1 MiB and none larger', async () => {
        const largest = block(1024 * 1024);
        await put([largest]);
        expect(await getBlock(store, largest.digest)).to.deep.equal(largest.body);
        expect(await codeOf(put([block(1024 * 1024 + 1)]))).to.equal('block.tooLarge');
      });

      it('refuses a block that its digest does not name, and all that came with it', async () => {
        const good = block(100);
        expect(await codeOf(put([good, { ...block(100), digest: block(1).digest }]))).to.equal(
          'block.digestMismatch',
        );
        expect(await getBlock(store, good.digest)).to.equal(undefined);
      });

      it('mends a block that has rotted', async () => {
        const good = block(100);
        await put([good]);
        await store.execute(`UPDATE blocks SET body = '\\x00' WHERE digest = $1`, [good.digest]);
        await put([good]);
        expect(await getBlock(store, good.digest)).to.deep.equal(good.body);
      });
    });

    describe('getBlock', () => {
      it('gives what is stored even if it has rotted', async () => {
        const good = block(100);
        await put([good]);
        await store.execute(`UPDATE blocks SET body = '\\x00' WHERE digest = $1`, [good.digest]);
        expect(await getBlock(store, good.digest)).to.deep.equal(new Uint8Array([0]));
      });
    });

    describe('getBlocks and deleteBlocks', () => {
      it('find those that are there', async () => {
        const blocks = [block(10), block(20), block(30)];
        await put(blocks.slice(0, 2));
        const digests = blocks.map(({ digest }) => digest);
        expect(await getBlocks(store, digests)).to.have.deep.members(blocks.slice(0, 2));
        expect(await store.transaction((transaction) => deleteBlocks(transaction, digests))).to.equal(2);
        expect(await getBlocks(store, digests)).to.deep.equal([]);
      });
    });
  });
});
