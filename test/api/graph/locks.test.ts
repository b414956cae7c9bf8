import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { holdContent } from '../../../api/erasure/tombstones.ts';
import { createNodes } from '../../../api/graph/nodes.ts';
import { refreshDue } from '../../../api/graph/write.ts';
import { temporaryKeyring } from '../../../api/keyring/keyring.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import { onPostgres, openTestPostgres } from '../store/stores.ts';

const bytes = (length: number, byte: number) => new Uint8Array(length).fill(byte);

describe('the graph and an erasure at the same time', () => {
  onPostgres(() => {
    it('wait for one another and never both', async () => {
      const store = await openTestPostgres();
      try {
        const keyring = temporaryKeyring();
        const context = { store, keyring, nodes: createNodes(keyring), secrets: createSecrets(keyring) };
        const [subject, digest] = [bytes(32, 1), bytes(32, 2)];
        await store.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2)', [digest, bytes(8, 3)]);
        await store.execute(
          `INSERT INTO links (ledger, subject, position, kind, organisation, timestamp, digest, head, block_number,
             log_index, transaction_hash) VALUES (0, $1, 0, 96, 7, 1, $2, $2, 1, 1, $2)`,
          [subject, digest],
        );
        expect(await store.query('SELECT changes FROM graph_due')).to.deep.equal([{ changes: 1n }]);
        let refreshed: Promise<number> | undefined;
        await store.transaction(async (transaction) => {
          await holdContent(transaction);
          // Not inside of this transaction, though begun while it is open.
          refreshed = outside(() => refreshDue(context));
          refreshed.catch(() => undefined);
          for (let waiting = 0n; waiting === 0n; ) {
            const [row] = await transaction.query<{ count: bigint }>(
              `SELECT count(*) AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
            );
            waiting = row?.count ?? 0n;
          }
          // Marks the history, whose mark nobody may hold who waits for the erasure to end.
          await transaction.execute('DELETE FROM blocks WHERE digest = $1', [digest]);
        });
        expect(await refreshed).to.equal(1);
        expect(await store.query('SELECT 1 FROM graph_due')).to.deep.equal([]);
      } finally {
        await store.close();
      }
    });
  });
});

const outside = AsyncLocalStorage.snapshot();
