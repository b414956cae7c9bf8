import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { temporaryKeyring } from '../../../api/keyring/keyring.ts';
import { Logged, type Showing } from '../../../api/privacy/logged.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromHex, fromUtf8, toHex, utf8 } from '../../../core/bytes.ts';
import type { Address, Digest, Subject } from '../../../core/chain/types.ts';
import { type AccessEntry, foldAccess } from '../../../core/privacy/accessLog.ts';
import { onEachStore } from '../store/stores.ts';

const fresh = () => toHex(randomBytes(32));
const account = `0x${'ab'.repeat(20)}` as Address;

describe('Logged', () => {
  onEachStore((open, adapter) => {
    let store: Store;
    before(async () => {
      store = await open();
    });
    after(() => store?.close());

    const showing = (subject: Subject, digest: Digest, fields = ['note']): Showing => ({
      subject,
      reader: { kind: 'account', account },
      route: 'test',
      consent: null,
      purpose: 'owner',
      shown: new Map([[digest, fields]]),
    });
    const write = (showings: readonly Showing[], at = 1_000n) =>
      store.transaction((transaction) => Logged.write(transaction, showings, { at, ledger: 0 }));
    async function logOf(subject: Subject) {
      const rows = await store.query<{ entry: AccessEntry; head: Uint8Array }>(
        'SELECT entry, head FROM access_entries WHERE subject = $1 ORDER BY position',
        [fromHex(subject, 32)],
      );
      const [head] = await store.query<{ length: bigint; head: Uint8Array; at: bigint }>(
        'SELECT length, head, at FROM access_heads WHERE subject = $1',
        [fromHex(subject, 32)],
      );
      return { entries: rows.map(({ entry }) => entry), last: rows.at(-1)?.head, head };
    }

    it('opens a disclosure only against a showing of that very field that is in the log', async () => {
      const keyring = temporaryKeyring();
      const [subject, digest] = [fresh() as Subject, fresh() as Digest];
      const wrapped = keyring.wrap('disclosure', utf8('a disclosure'), fromHex(digest, 32));
      const logged = await write([showing(subject, digest)]);
      expect(keyring.unwrapDisclosure(logged, { digest, name: 'note', wrapped })).to.equal('a disclosure');
      for (const field of [
        { digest, name: 'plate', wrapped },
        { digest: fresh(), name: 'note', wrapped },
      ]) {
        expect(() => keyring.unwrapDisclosure(logged, field)).to.throw(TypeError);
      }
      expect((await logOf(subject)).entries).to.have.length(1);
    });

    it('cannot be made but by writing', async () => {
      const keyring = temporaryKeyring();
      const digest = fresh() as Digest;
      const wrapped = keyring.wrap('disclosure', utf8('a disclosure'), fromHex(digest, 32));
      // @ts-expect-error: what has its shape is not it
      const lookalike: Logged = { covers: () => true };
      // @ts-expect-error: it has no constructor for others
      const made: () => Logged = () => new Logged();
      expect(made).to.be.a('function');
      const empty = await write([]);
      for (const forged of [Object.create(Logged.prototype) as Logged, empty]) {
        expect(() => keyring.unwrapDisclosure(forged, { digest, name: 'note', wrapped })).to.throw(TypeError);
      }
      // @ts-expect-error: the common way does not open disclosures
      const common: () => Uint8Array = () => keyring.unwrap('disclosure', wrapped, fromHex(digest, 32));
      expect(fromUtf8(common())).to.equal('a disclosure');
      expect(lookalike.covers(digest, 'note')).to.equal(true);
    });

    it('leaves nothing in the log when its transaction fails', async () => {
      const [subject, digest] = [fresh() as Subject, fresh() as Digest];
      const failing = store.transaction(async (transaction) => {
        await Logged.write(transaction, [showing(subject, digest)], { at: 1n, ledger: 0 });
        throw new Error('the report could not be made');
      });
      expect(await failing.catch((error: Error) => error.message)).to.equal('the report could not be made');
      expect((await logOf(subject)).entries).to.deep.equal([]);
    });

    it('never lets time fall along a log, whatever the clock does', async () => {
      const subject = fresh() as Subject;
      for (const at of [100n, 50n, 120n, 119n]) await write([showing(subject, fresh() as Digest)], at);
      expect((await logOf(subject)).entries.map(({ at }) => at)).to.deep.equal([100, 100, 120, 120]);
    });

    it('keeps one chain for each subject under many writers that take them in any order', async () => {
      const subjects = Array.from({ length: 4 }, () => fresh() as Subject);
      await Promise.all(
        Array.from({ length: 80 }, (_, index) => {
          const [first = subjects[0], second = subjects[1]] =
            index % 2 === 0 ? subjects : subjects.toReversed();
          return write(
            [first, second, first].map((subject) => showing(subject as Subject, fresh() as Digest)),
          );
        }),
      );
      let total = 0;
      for (const subject of subjects) {
        const { entries, last, head } = await logOf(subject);
        expect(entries.map(({ position }) => position)).to.deep.equal(entries.map((_, index) => index));
        expect(foldAccess(entries)).to.equal(toHex(last ?? new Uint8Array()));
        expect(head).to.deep.include({ length: BigInt(entries.length), head: last });
        total += entries.length;
      }
      expect(total).to.equal(80 * 3);
    });

    if (adapter === 'postgres') {
      it('makes nobody wait for another subject', async () => {
        const [busy, idle] = [fresh() as Subject, fresh() as Subject];
        const [locked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const waiting = store.transaction(async (transaction) => {
          await Logged.write(transaction, [showing(busy, fresh() as Digest)], { at: 1n, ledger: 0 });
          locked.resolve();
          await held.promise;
        });
        await locked.promise;
        await write([showing(idle, fresh() as Digest)]);
        held.resolve();
        await waiting;
        expect((await logOf(idle)).entries).to.have.length(1);
      });
    }
  });
});
