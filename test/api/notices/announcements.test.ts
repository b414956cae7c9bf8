import { expect } from 'chai';
import { discover, due, finish, postpone } from '../../../api/notices/announcements.ts';
import { migrate } from '../../../api/store/migrate.ts';
import { openPglite } from '../../../api/store/pglite.ts';
import type { Store } from '../../../api/store/store.ts';
import { toHex } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import { temporaryFolder } from '../store/stores.ts';

const word = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const ZERO = word(0);
let place = 0;

/** Puts a digest into a chain: an own one, or that of a subject. */
async function anchor(
  store: Store,
  digest: Uint8Array,
  organisation: number,
  kind: number,
  subject?: Uint8Array,
) {
  place += 1;
  const common = [place, organisation, kind, digest, word(9), place] as const;
  await (subject === undefined
    ? store.execute(
        `INSERT INTO own_links (ledger, position, organisation, kind, timestamp, digest, head, block_number, log_index, transaction_hash)
         VALUES (0, $1, $2, $3, 1, $4, $5, $6, 0, $5)`,
        [...common],
      )
    : store.execute(
        `INSERT INTO links (ledger, position, organisation, kind, timestamp, digest, head, block_number, log_index, transaction_hash, subject)
         VALUES (0, $1, $2, $3, 1, $4, $5, $6, 0, $5, $7)`,
        [...common, subject],
      ));
}

describe('announcements', () => {
  let store: Store;
  let remove: () => Promise<void>;
  const now = new Date('2030-01-01T00:00:00Z');
  const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

  beforeEach(async () => {
    const opened = await temporaryFolder();
    remove = opened.remove;
    store = await openPglite(opened.folder);
  });
  afterEach(async () => {
    await store.close();
    await remove();
  });

  const names = async (at: Date) =>
    (await due(store, at, 9)).map(({ digest, organisation, subject }) => [
      ...[digest.slice(2, 4), Number(organisation), subject.slice(2, 4)],
    ]);

  it('of an older schema are those of the place that was told of; other places are found', async () => {
    await migrate(store, 14);
    await anchor(store, word(1), 4, 80); // a copy, that was taken for all there is
    await anchor(store, word(1), 5, 80);
    await anchor(store, word(2), 6, 99, word(7));
    for (const [digest, kind, done] of [
      [word(1), 80, now],
      [word(2), 99, now],
      [word(3), 80, null], // nowhere on the ledger
    ] as const) {
      await store.execute(
        'INSERT INTO announcements (digest, ledger, kind, done_at) VALUES ($1, 0, $2, $3)',
        [...[digest, kind, done]],
      );
    }
    await migrate(store);
    expect(await names(now)).to.deep.equal([]);
    await discover(store, 1_000_000);
    expect(await names(now)).to.deep.equal([['01', 5, '00']]);
  });

  it('wait ever longer, and are woken by what they wait for', async () => {
    await migrate(store);
    await anchor(store, word(1), 4, 80);
    await anchor(store, word(2), 4, 82);
    await discover(store, 1_000_000);
    const [first, second] = (await due(store, now, 9)).toSorted((left, right) => left.kind - right.kind);
    if (first === undefined || second === undefined) throw new TypeError('two');
    await postpone(store, first, first.digest, now);
    await postpone(store, second, first.digest, now);
    expect(await names(later(4))).to.deep.equal([]);
    expect(await names(later(5))).to.have.length(2);
    for (const row of await due(store, later(5), 9)) await postpone(store, row, first.digest, later(5));
    expect(await names(later(14))).to.deep.equal([]);
    const keys = () => store.execute('INSERT INTO block_keys VALUES ($1, $2)', [word(1), word(5)]);
    const sets = () =>
      store.execute('INSERT INTO sets (digest, organisation, subject, members) VALUES ($1, 4, $2, 1)', [
        ...[word(1), ZERO],
      ]);
    for (const comes of [keys, sets]) {
      await comes();
      const woken = await due(store, later(6), 9);
      expect(woken.map(({ digest, attempts }) => [digest, attempts])).to.have.deep.members([
        [toHex(word(1)) as Digest, 0],
        [toHex(word(2)) as Digest, 0],
      ]);
      // What woke one while it was looked at stands.
      const stale = { ...first, dueAt: later(1) };
      await postpone(store, stale, first.digest, later(6));
      expect(await names(later(6))).to.have.length(2);
      for (const row of woken) await postpone(store, row, first.digest, later(6));
    }
    await finish(store, first, later(7));
    expect(await names(later(7))).to.deep.equal([['02', 4, '00']]);
  });
});
