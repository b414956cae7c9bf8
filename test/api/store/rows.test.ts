import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Columns, insertRows } from '../../../api/store/rows.ts';
import type { Store } from '../../../api/store/store.ts';
import { onEachStore } from './stores.ts';

const columns = {
  id: 'int4',
  bytes: 'bytea',
  words: 'text',
  big: 'int8',
  small: 'int2',
  flag: 'boolean',
  at: 'timestamptz',
  amount: 'numeric',
  document: 'jsonb',
  name: 'uuid',
} as const satisfies Columns;

describe('insertRows', () => {
  onEachStore((open) => {
    let store: Store;
    before(async () => {
      store = await open();
      await store.execute(
        `CREATE TABLE everything (id int4 PRIMARY KEY, bytes bytea, words text, big int8, small int2, flag boolean,
           at timestamptz(3), amount numeric(78, 0), document jsonb, name uuid)`,
      );
    });
    beforeEach(() => store.execute('DELETE FROM everything'));
    after(() => store?.close());

    it('writes every type exactly, and null', async () => {
      const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
      const row = fc.record({
        bytes: fc.option(fc.uint8Array({ maxLength: 100 })),
        words: fc.option(text),
        big: fc.option(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
        small: fc.option(fc.integer({ min: -32_768, max: 32_767 })),
        flag: fc.option(fc.boolean()),
        at: fc.option(
          fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9999, 0) }).map((time) => new Date(time)),
        ),
        amount: fc.option(fc.bigInt(0n, 2n ** 256n - 1n)),
        document: fc.option(fc.record({ text, list: fc.array(fc.integer()) })),
        name: fc.option(fc.uuid()),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (found) => {
          await store.execute('DELETE FROM everything');
          const rows = found.map((values, id) => ({ id, ...values }));
          const count = await store.transaction((transaction) =>
            insertRows(transaction, 'everything', columns, rows),
          );
          expect(count).to.equal(rows.length);
          const stored = await store.query('SELECT * FROM everything ORDER BY id');
          expect(stored).to.deep.equal(
            rows.map((values) => ({ ...values, amount: values.amount?.toString() ?? null })),
          );
        }),
        { numRuns: 40 },
      );
    });

    it('splits many rows into statements, all in the one transaction', async () => {
      const rows = Array.from({ length: 12_345 }, (_, id) => ({ id, bytes: randomBytes(1000) }));
      const insert = (fail: boolean) =>
        store.transaction(async (transaction) => {
          const count = await insertRows(transaction, 'everything', { id: 'int4', bytes: 'bytea' }, rows);
          if (fail) throw new RangeError('undo');
          return count;
        });
      await insert(true).catch(() => undefined);
      expect(await store.query('SELECT 1 FROM everything')).to.deep.equal([]);
      expect(await insert(false)).to.equal(rows.length);
      const [last] = await store.query<{ bytes: Uint8Array }>(
        'SELECT bytes FROM everything WHERE id = 12344',
      );
      expect(last?.bytes).to.deep.equal(new Uint8Array(rows.at(-1)?.bytes ?? []));
    });

    it('counts only what is new where it meets rows that are there', async () => {
      const insert = (ids: number[]) =>
        store.transaction((transaction) =>
          insertRows(
            transaction,
            'everything',
            { id: 'int4' },
            ids.map((id) => ({ id })),
            { onConflict: 'DO NOTHING' },
          ),
        );
      expect(await insert([1, 2, 3])).to.equal(3);
      expect(await insert([2, 3, 4])).to.equal(1);
      expect(await insert([])).to.equal(0);
    });
  });
});
