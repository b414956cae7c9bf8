import { expect } from 'chai';
import { createNodes } from '../../../api/graph/nodes.ts';
import { temporaryKeyring } from '../../../api/keyring/keyring.ts';
import { createNotices, type NewNotice, type Notices } from '../../../api/notices/notices.ts';
import { createSubscriptions, type Subscriptions } from '../../../api/notices/subscriptions.ts';
import type { Store } from '../../../api/store/store.ts';
import type { Address, Digest, OrganisationId } from '../../../core/chain/types.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { onEachStore } from '../store/stores.ts';

let number = 7n;
let organisation = number as OrganisationId;
let account = `0x${'ab'.repeat(20)}` as Address;
const entry = `0x${'01'.repeat(32)}` as Digest;
const notice = (about: string, more: Partial<NewNotice> = {}): NewNotice => ({
  recipient: { organisation },
  kind: 'recall.opened',
  about,
  content: { campaign: 'R-1', vehicle: about },
  ...more,
});

describe('notices', () => {
  onEachStore((open) => {
    let store: Store;
    let notices: Notices;
    let subscriptions: Subscriptions;
    const keyring = temporaryKeyring();
    const nodes = createNodes(keyring);
    const post = (...posted: NewNotice[]) =>
      store.transaction((transaction) => notices.post(transaction, posted));

    before(async () => {
      store = await open();
      notices = createNotices({ store, keyring });
      subscriptions = createSubscriptions({ store, keyring, nodes, most: 5 });
    });
    after(() => store?.close());
    // Each test has boxes of its own.
    beforeEach(() => {
      number += 2n;
      organisation = number as OrganisationId;
      account = `0x${number.toString(16).padStart(40, '0')}` as Address;
    });

    it('are posted once, by recipient, kind and what they are about', async () => {
      const same = notice('vin:VF1AA000000000001', { entry });
      expect(await post(same, same, notice('vin:VF1AA000000000002'))).to.equal(2);
      expect(await post(same, { ...same, content: { another: 'content' } })).to.equal(0);
      expect(await post({ ...same, kind: 'recall.closed' }, { ...same, recipient: { account } })).to.equal(2);
      const { notices: found, unread, more } = await notices.list({ organisation }, { after: 0, limit: 10 });
      expect(found.map(({ number, kind, about }) => [number, kind, about])).to.deep.equal([
        [1, 'recall.opened', 'vin:VF1AA000000000001'],
        [2, 'recall.opened', 'vin:VF1AA000000000002'],
        [3, 'recall.closed', 'vin:VF1AA000000000001'],
      ]);
      expect(found[0]).to.deep.include({ entry, content: same.content, readAt: null });
      expect([unread, more]).to.deep.equal([3, false]);
      expect((await notices.list({ account }, { limit: 10 })).notices).to.have.length(1);
    });

    it('are not there when the transaction is undone', async () => {
      const undone = store.transaction(async (transaction) => {
        await notices.post(transaction, [notice('vin:VF1AA000000000001')]);
        throw new Error('undone');
      });
      expect(await undone.catch((error: Error) => error.message)).to.equal('undone');
      expect((await notices.list({ organisation }, { limit: 10 })).notices).to.deep.equal([]);
    });

    it('are read in pages, forwards and backwards, and marked', async () => {
      await post(...Array.from({ length: 7 }, (_, index) => notice(`batch:maker:${index}`)));
      const numbers = async (page: Parameters<Notices['list']>[1]) =>
        (await notices.list({ organisation }, page)).notices.map(({ number }) => number);
      expect(await numbers({ after: 2, limit: 3 })).to.deep.equal([3, 4, 5]);
      expect(await numbers({ limit: 3 })).to.deep.equal([7, 6, 5]);
      expect(await numbers({ before: 5, limit: 9 })).to.deep.equal([4, 3, 2, 1]);
      expect(await notices.read({ organisation }, { numbers: [2, 3, 99] })).to.equal(2);
      expect(await notices.read({ organisation }, { numbers: [2] })).to.equal(0);
      expect(await numbers({ after: 0, unread: true, limit: 9 })).to.deep.equal([1, 4, 5, 6, 7]);
      expect(await notices.read({ account }, { upTo: 9 })).to.equal(0);
      expect(await notices.read({ organisation }, { upTo: 6 })).to.equal(4);
      expect((await notices.list({ organisation }, { limit: 1 })).unread).to.equal(1);
    });

    it('number a box without gaps and without two the same, however many post at once', async () => {
      const posting = Array.from({ length: 12 }, (_, index) =>
        post(
          notice(`batch:maker:${index % 9}`),
          notice(`batch:maker:${index % 9}`, { recipient: { account } }),
        ),
      );
      const added = await Promise.all(posting);
      expect(added.reduce((sum, count) => sum + count, 0)).to.equal(18);
      const { notices: found } = await notices.list({ organisation }, { after: 0, limit: 50 });
      expect(found.map(({ number }) => number)).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('say nothing to who reads the database', async () => {
      await post(notice('vin:VF1AA000000000001', { content: { secret: 'VF1AA000000000001' } }));
      await subscriptions.add(organisation, [parseIdentifier('vin:VF1AA000000000001')]);
      const rows = [
        ...(await store.query<{ row: string }>('SELECT notices::text AS row FROM notices')),
        ...(await store.query<{ row: string }>('SELECT subscriptions::text AS row FROM subscriptions')),
      ].map(({ row }) => row);
      expect(rows).to.have.length.above(1);
      const plain = Buffer.from('VF1AA000000000001').toString('hex');
      for (const row of rows) expect(row).to.not.match(new RegExp(`VF1AA000000000001|${plain}`, 'i'));
      const moved = await store.execute(`UPDATE notices SET recipient = $1 WHERE recipient = $2`, [
        new Uint8Array(8).fill(1),
        Uint8Array.of(0, 0, 0, 0, 0, 0, 0, Number(number)),
      ]);
      expect(moved).to.equal(1);
      const other = BigInt(`0x${'01'.repeat(8)}`) as OrganisationId;
      const stolen = await notices.list({ organisation: other }, { limit: 1 }).catch((error) => error.code);
      expect(stolen, 'a row in another box').to.equal('keyring.unwrap');
    });

    it('go to those who subscribed, and to nobody else', async () => {
      const [first, second, third] = ['vin:VF1AA000000000003', 'batch:maker:B-1', 'serial:maker:S-1'].map(
        (text) => parseIdentifier(text),
      );
      if (first === undefined || second === undefined || third === undefined) throw new TypeError('three');
      const other = (number + 1n) as OrganisationId;
      expect(await subscriptions.add(organisation, [first, second, first])).to.equal(2);
      expect(await subscriptions.add(organisation, [first, third])).to.equal(1);
      expect(await subscriptions.add(other, [second])).to.equal(1);
      const to = await subscriptions.to(store, [first, second, third].map(nodes.nodeOf));
      expect(to.get(nodes.nodeOf(first))).to.deep.equal([organisation]);
      expect(to.get(nodes.nodeOf(second))).to.deep.equal([organisation, other]);
      expect(await subscriptions.remove(organisation, second)).to.equal(true);
      expect(await subscriptions.remove(organisation, second)).to.equal(false);
      const page = await subscriptions.list(organisation, { after: null, limit: 1 });
      const rest = await subscriptions.list(organisation, { after: page.next, limit: 9 });
      expect([page.count, page.next === null, rest.next]).to.deep.equal([2, false, null]);
      const named = [...page.subscriptions, ...rest.subscriptions].map(({ identifier }) => identifier);
      expect(named).to.have.members(['vin:VF1AA000000000003', 'serial:maker:S-1']);
    });

    it('are subscribed to within a limit', async () => {
      const many = Array.from({ length: 6 }, (_, index) => parseIdentifier(`batch:maker:${index}`));
      const refused = await subscriptions.add(organisation, many).catch((error) => error.code);
      expect(refused).to.equal('subscription.tooMany');
      expect((await subscriptions.list(organisation, { after: null, limit: 9 })).count).to.equal(0);
    });
  });
});
