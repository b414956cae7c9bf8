import { expect } from 'chai';
import { asProblem } from '../../../api/problem.ts';
import { migrate, schemaVersion } from '../../../api/store/migrate.ts';
import { openPostgres } from '../../../api/store/postgres.ts';
import { isUniqueViolation, type Store, sqlState } from '../../../api/store/store.ts';
import { createSchema, onEachStore, onPostgres } from './stores.ts';

const bytes = (length: number, byte: number) => new Uint8Array(length).fill(byte);

describe('migrate', () => {
  onEachStore((open) => {
    let store: Store;
    before(async () => {
      store = await open();
    });
    after(() => store?.close());

    it('has brought a new store to the latest version, and finds nothing more to do', async () => {
      expect(await migrate(store)).to.deep.equal([]);
      const [row] = await store.query('SELECT max(version) AS version FROM migrations');
      expect(row).to.deep.equal({ version: schemaVersion });
    });

    it('refuses the schema of a newer version, and leaves it alone', async () => {
      await store.execute('INSERT INTO migrations (version, name) VALUES ($1, $2)', [
        schemaVersion + 1,
        'later',
      ]);
      const error = await migrate(store).catch(asProblem);
      expect(error).to.include({ code: 'store.newerSchema' });
      await store.execute('DELETE FROM migrations WHERE version = $1', [schemaVersion + 1]);
    });

    describe('the schema', () => {
      const submission = (hash: number, state: string) =>
        store.execute(
          `INSERT INTO submissions (hash, organisation, nonce, signer, deadline, entries, signature, state)
           VALUES ($1, 7, $2, $3, 1800000000, $4, $5, $6)`,
          [bytes(32, hash), 2n ** 256n - 1n, bytes(20, 1), bytes(65, 1), bytes(65, 2), state],
        );

      it('lets one live submission have a nonce, and dead ones beside it', async () => {
        await submission(1, 'expired');
        await submission(2, 'stored');
        const error = await submission(3, 'received').catch((reason: unknown) => reason);
        expect(isUniqueViolation(error, 'submissions_live_nonce')).to.equal(true);
        await submission(4, 'conflicted');
        const [row] = await store.query('SELECT nonce FROM submissions WHERE state = $1', ['stored']);
        expect(row).to.deep.equal({ nonce: (2n ** 256n - 1n).toString() });
      });

      it('refuses states, digests and entries that cannot be', async () => {
        const refused = async (promise: Promise<unknown>) =>
          sqlState(await promise.catch((reason: unknown) => reason));
        expect(await refused(submission(5, 'done'))).to.equal('23514');
        const block = (digest: Uint8Array, body: Uint8Array) =>
          store.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2)', [digest, body]);
        expect(await refused(block(bytes(31, 1), bytes(1, 1)))).to.equal('23514');
        expect(await refused(block(bytes(32, 1), bytes(1024 * 1024 + 1, 1)))).to.equal('23514');
        expect(await refused(block(bytes(32, 1), bytes(1024 * 1024, 1)))).to.equal(undefined);
      });

      it('tells links of organisations from links of modules', async () => {
        const link = (position: number, organisation: bigint | null, module: Uint8Array | null) =>
          store.execute(
            `INSERT INTO links (ledger, subject, position, kind, organisation, module, actor, action_hash, timestamp, digest,
               head, block_number, log_index, transaction_hash)
             VALUES (0, $1, $2, 64, $3, $4, $4, $5, 1, $1, $1, 1, $2, $1)`,
            [bytes(32, 1), position, organisation, module, module === null ? null : bytes(32, 2)],
          );
        await link(0, 7n, null);
        await link(1, null, bytes(20, 1));
        for (const broken of [link(2, 7n, bytes(20, 1)), link(3, null, null)]) {
          expect(sqlState(await broken.catch((reason: unknown) => reason))).to.equal('23514');
        }
      });
    });
  });

  onPostgres(() => {
    it('applies each version once when several processes migrate at once', async () => {
      const schema = await createSchema();
      const stores = await Promise.all(
        Array.from({ length: 6 }, () => openPostgres(schema.url, { connections: 1 })),
      );
      const applied = await Promise.all(stores.map((store) => migrate(store)));
      expect(applied.flat()).to.deep.equal(Array.from({ length: schemaVersion }, (_, index) => index + 1));
      await Promise.all(stores.map((store) => store.close()));
      await schema.drop();
    });
  });
});
