import { expect } from 'chai';
import fc from 'fast-check';
import { asProblem } from '../../../api/problem.ts';
import {
  isUniqueViolation,
  jsonParameter,
  type Parameter,
  type Store,
  sqlState,
} from '../../../api/store/store.ts';
import { onEachStore } from './stores.ts';

/** The code of the problem that the promise rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => asProblem(error).code,
  );
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const milliseconds = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) });

describe('Store', () => {
  onEachStore((open) => {
    let store: Store;
    before(async () => {
      store = await open();
      await store.execute('CREATE TABLE counters (name text PRIMARY KEY, value int8 NOT NULL)');
    });
    after(() => store?.close());

    async function roundTrip(type: string, value: readonly Parameter[]) {
      const [row] = await store.query<{ value: unknown }>(`SELECT $1::${type} AS value`, value);
      return row?.value;
    }

    describe('query', () => {
      const cases: [string, fc.Arbitrary<unknown>, (value: never) => unknown][] = [
        ['bytea', fc.uint8Array({ maxLength: 300 }), (value) => value],
        ['int8', fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => value],
        ['int4', fc.integer(), (value) => value],
        [
          'float8',
          fc.double({ min: -1e15, max: 1e15, noNaN: true }).map((value) => value + 0),
          (value) => value,
        ],
        ['numeric', fc.bigInt(0n, 2n ** 256n - 1n), (value: bigint) => value.toString()],
        ['boolean', fc.boolean(), (value) => value],
        ['text', fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')), (value) => value],
        ['timestamptz', milliseconds.map((time) => new Date(time)), (value) => value],
        ['bytea[]', fc.array(fc.option(fc.uint8Array({ maxLength: 40 }))), (value) => value],
        ['int8[]', fc.array(fc.option(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))), (value) => value],
        ['text[]', fc.array(fc.option(fc.string({ unit: 'grapheme' }))), (value) => value],
      ];
      for (const [type, arbitrary, expected] of cases) {
        it(`gives back every ${type} exactly`, async () => {
          await fc.assert(
            fc.asyncProperty(arbitrary, async (value) => {
              const wellFormed = typeof value !== 'string' || value.isWellFormed();
              fc.pre(wellFormed);
              const found = await roundTrip(type, [value as never]);
              const wanted = expected(value as never);
              expect(found).to.deep.equal(wanted);
            }),
            { numRuns: 60 },
          );
        });
      }

      it('gives back JSON by value, arrays and strings by jsonParameter', async () => {
        const value = { text: 'a"\\é', list: [1, null, { deep: true }] };
        expect(await roundTrip('jsonb', [value])).to.deep.equal(value);
        for (const json of [['a', 1], 'text', 1, null]) {
          expect(await roundTrip('jsonb', [jsonParameter(json)])).to.deep.equal(json);
        }
      });

      it('gives null for null', async () => {
        expect(await roundTrip('bytea', [null])).to.equal(null);
      });

      it('finds rows by an array of bytea', async () => {
        const digests = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
        await store.execute('INSERT INTO block_keys SELECT unnest($1::bytea[]), $2', [
          digests.slice(0, 2),
          new Uint8Array([0, 255]),
        ]);
        const rows = await store.query<{ digest: Uint8Array; wrapped: Uint8Array }>(
          'SELECT digest, wrapped FROM block_keys WHERE digest = ANY($1) ORDER BY digest',
          [digests],
        );
        expect(rows).to.deep.equal(
          digests.slice(0, 2).map((digest) => ({ digest, wrapped: new Uint8Array([0, 255]) })),
        );
      });

      it('refuses an integer that a number cannot hold exactly', async () => {
        expect(await rejection(store.query('SELECT $1::int8', [2 ** 60]))).to.be.instanceOf(TypeError);
      });

      it('reports the error of a statement by its SQLSTATE, and goes on', async () => {
        expect(sqlState(await rejection(store.query('SELECT 1/0')))).to.equal('22012');
        expect(sqlState(await rejection(store.query('SELECT $1::int4', ['x'])))).to.equal('22P02');
        expect(sqlState(await rejection(store.query('SELEC 1')))).to.equal('42601');
        expect(await roundTrip('int4', [1])).to.equal(1);
      });

      it('names the unique key that is taken', async () => {
        const insert = () =>
          store.execute('INSERT INTO settings (key, value) VALUES ($1, $2)', ['unique', 'value']);
        await insert();
        const error = await rejection(insert());
        expect(isUniqueViolation(error)).to.equal(true);
        expect(isUniqueViolation(error, 'settings_pkey')).to.equal(true);
        expect(isUniqueViolation(error, 'another')).to.equal(false);
      });
    });

    describe('execute', () => {
      it('says how many rows were written', async () => {
        await store.execute(`INSERT INTO counters VALUES ('x', 1), ('y', 2)`);
        expect(await store.execute('UPDATE counters SET value = value + $1', [1])).to.equal(2);
        expect(await store.execute('DELETE FROM counters')).to.equal(2);
      });

      it('runs a script of several statements', async () => {
        await store.execute(`INSERT INTO counters VALUES ('s', 1); UPDATE counters SET value = 5;`);
        expect(await store.query('SELECT * FROM counters')).to.deep.equal([{ name: 's', value: 5n }]);
        await store.execute('DELETE FROM counters');
      });
    });

    describe('transaction', () => {
      const insert = `INSERT INTO counters VALUES ('t', 1)`;
      const count = async () => (await store.query('SELECT 1 FROM counters')).length;
      afterEach(() => store.execute('DELETE FROM counters'));

      it('commits what was done, and gives what the work gave', async () => {
        expect(await store.transaction(async (transaction) => transaction.execute(insert))).to.equal(1);
        expect(await count()).to.equal(1);
      });

      it('undoes everything when the work rejects, with its error', async () => {
        const reason = new RangeError('no');
        const work = store.transaction(async (transaction) => {
          await transaction.execute(insert);
          throw reason;
        });
        expect(await rejection(work)).to.equal(reason);
        expect(await count()).to.equal(0);
      });

      it('undoes everything when a statement fails, and rejects even if its error was ignored', async () => {
        const work = store.transaction(async (transaction) => {
          await transaction.execute(insert);
          await rejection(transaction.execute('SELECT 1/0'));
        });
        expect(await codeOf(work)).to.equal('store.aborted');
        expect(await count()).to.equal(0);
      });

      it('refuses the store itself within the work', async () => {
        const misuses: (() => Promise<unknown>)[] = [
          () => store.query('SELECT 1'),
          () => store.execute('SELECT 1'),
          () => store.transaction(async () => 1),
        ];
        for (const misuse of misuses) {
          expect(await codeOf(store.transaction(misuse))).to.equal('store.nested');
        }
        expect(await count()).to.equal(0);
      });

      it('refuses its handle afterwards', async () => {
        const handle = await store.transaction(async (transaction) => transaction);
        expect(await codeOf(handle.query('SELECT 1'))).to.equal('store.nested');
      });

      it('keeps concurrent transactions apart: no increment is lost', async () => {
        await store.execute(`INSERT INTO counters VALUES ('sum', 0)`);
        const increment = () =>
          store.transaction(async (transaction) => {
            const [row] = await transaction.query<{ value: bigint }>(
              `SELECT value FROM counters WHERE name = 'sum' FOR UPDATE`,
            );
            await transaction.execute(`UPDATE counters SET value = $1 WHERE name = 'sum'`, [
              (row?.value ?? 0n) + 1n,
            ]);
          });
        await Promise.all(Array.from({ length: 40 }, increment));
        expect(await store.query('SELECT value FROM counters')).to.deep.equal([{ value: 40n }]);
      });

      it('is serialisable on demand: of two that contradict each other one is undone or waits', async () => {
        await store.execute(`INSERT INTO counters VALUES ('a', 1), ('b', 1)`);
        const withdraw = (name: string) =>
          store.transaction(
            async (transaction) => {
              const [row] = await transaction.query<{ sum: string }>(
                'SELECT sum(value) AS sum FROM counters',
              );
              await new Promise((resolve) => setTimeout(resolve, 50));
              if (Number(row?.sum) < 2) return;
              await transaction.execute('UPDATE counters SET value = 0 WHERE name = $1', [name]);
            },
            { isolation: 'serializable' },
          );
        const codes = await Promise.all([codeOf(withdraw('a')), codeOf(withdraw('b'))]);
        expect(codes.filter((code) => code !== 'none' && code !== 'store.busy')).to.deep.equal([]);
        const [row] = await store.query<{ sum: string }>('SELECT sum(value) AS sum FROM counters');
        expect(row?.sum).to.equal('1');
      });
    });

    it('lets timers run while it works', async () => {
      let turns = 0;
      const timer = setInterval(() => {
        turns += 1;
      }, 5);
      await store.query('SELECT sum(i) FROM generate_series(1, 3000000) AS i');
      clearInterval(timer);
      // Of a thread that computes itself there were none.
      expect(turns).to.be.at.least(3);
    });
  });

  onEachStore((open) => {
    describe('close', () => {
      it('may be called twice, and nothing works afterwards', async () => {
        const store = await open();
        await Promise.all([store.close(), store.close()]);
        expect(await codeOf(store.query('SELECT 1'))).to.equal('store.unavailable');
        expect(await codeOf(store.transaction(async () => 1))).to.equal('store.unavailable');
      });
    });
  });
});
