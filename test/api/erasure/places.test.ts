import { expect } from 'chai';
import { CID } from 'multiformats/cid';
import type { KuboDocumentStore } from '../../../api/documents/kubo.ts';
import { openKuboDocuments } from '../../../api/documents/kubo.ts';
import { kuboPlace } from '../../../api/erasure/places.ts';
import { digestOf } from '../../../core/envelope/block.ts';
import { cidOf } from '../../../core/envelope/cid.ts';
import { expectCode } from '../../expectCode.ts';
import { startTestService, type TestService } from '../fixture.ts';
import { Garage, newVin } from './garage.ts';

describe('the places that content is destroyed in', function () {
  this.timeout(60_000);

  describe('with a further node that cannot be reached', () => {
    let test: TestService;
    let garage: Garage;
    before(async () => {
      test = await startTestService({ ERASURE_KUBO_URLS: 'http://127.0.0.1:9' });
      garage = await Garage.open(test);
    });
    after(() => test.stop());

    it('nothing is signed and nothing destroyed; once it can be, all is', async () => {
      const vin = newVin();
      const entry = garage.service(vin, { technician: 'Ada Example' });
      await garage.record(entry);
      const target = { entry: entry.entry.digest };
      expect((await garage.plan(target)).body.plan.stores).to.deep.equal(['documents', 'Kubo 127.0.0.1:9']);
      const reply = await garage.erase(target);
      expect([reply.status, reply.body.code]).to.deep.equal([503, 'document.unavailable']);
      expect((await test.get(`/v1/erasures/${entry.entry.digest}`)).body.receipts).to.deep.equal([]);
      expect((await garage.verify(vin)).entries[0]?.status).to.equal('proven');
    });
  });

  it('a block that another pin holds is said to be there still', async () => {
    const block = new Uint8Array([1, 2, 3]);
    const held = { delete: async () => true, deleteBlock: async () => undefined, block: async () => block };
    const place = kuboPlace('Kubo', held as unknown as KuboDocumentStore);
    const digest = digestOf(block);
    await expectCode('erasure.pinned', () => place.destroyBlock(digest));
    await expectCode('erasure.pinned', () => place.destroyDocument(cidOf(digest)));
  });

  describe('in a Kubo node', () => {
    const url = process.env.KUBO_RPC_URL;
    if (url === undefined) {
      it.skip('needs KUBO_RPC_URL');
      return;
    }

    it('documents and blocks are unpinned and gone', async () => {
      const kubo = openKuboDocuments({ url });
      const place = kuboPlace('Kubo', kubo);
      await place.check();
      const content = crypto.getRandomValues(new Uint8Array(3_000));
      const { cid } = await kubo.put(
        (async function* () {
          yield content;
        })(),
        { maxBytes: 10_000 },
      );
      expect(await kubo.has(cid)).to.equal(true);
      await place.destroyDocument(cid);
      expect(await kubo.has(cid)).to.equal(false);
      expect(await kubo.block(CID.parse(cid))).to.equal(undefined);
      // What is not there is no failure.
      await place.destroyDocument(cid);
      await place.destroyBlock(digestOf(content));
    });

    it('a service that keeps its documents there erases them there, and looks for no erased block in the network', async () => {
      const test = await startTestService({ KUBO_RPC_URL: url });
      try {
        const garage = await Garage.open(test);
        const kubo = openKuboDocuments({ url });
        const vin = newVin();
        const document = await garage.upload();
        const entry = garage.service(vin, { technician: 'Ada Example' }, [document]);
        await garage.record(entry);
        expect(await kubo.has(document.cid)).to.equal(true);
        // As a node has it that fetched the block from another operator.
        const { digest } = entry.entry;
        const stored = await kubo.put(
          (async function* () {
            yield entry.block;
          })(),
          { maxBytes: 10_000 },
        );
        expect(stored.cid).to.equal(cidOf(digest));
        const done = await garage.erase({ vehicle: vin });
        expect(done.status, done.text).to.equal(200);
        expect(await kubo.has(document.cid)).to.equal(false);
        expect(await kubo.block(CID.parse(document.cid))).to.equal(undefined);
        expect(await kubo.block(CID.parse(cidOf(digest)))).to.equal(undefined);
        expect((await garage.verify(vin)).entries[0]?.status).to.equal('erased');
      } finally {
        await test.stop();
      }
    });
  });
});
