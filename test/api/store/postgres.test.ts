import { expect } from 'chai';
import { asProblem } from '../../../api/problem.ts';
import { openPostgres } from '../../../api/store/postgres.ts';
import { onPostgres } from './stores.ts';

const codeOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => asProblem(error).code,
  );

describe('openPostgres', () => {
  it('refuses what is no address of PostgreSQL', async () => {
    expect(await codeOf(openPostgres('mysql://localhost/vinculum'))).to.equal('store.unsupported');
  });

  it('says so when nobody answers', async () => {
    expect(await codeOf(openPostgres('postgres://127.0.0.1:9/vinculum'))).to.equal('store.unavailable');
  });

  onPostgres((url) => {
    it('outlives a connection that breaks in the middle of a transaction', async () => {
      const store = await openPostgres(url, { connections: 1 });
      const broken = store.transaction(async (transaction) => {
        await transaction.query('SELECT pg_terminate_backend(pg_backend_pid())');
      });
      expect(await codeOf(broken)).to.equal('store.unavailable');
      expect(await store.query('SELECT 1 AS value')).to.deep.equal([{ value: 1 }]);
      await store.close();
    });
  });
});
