import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import pg from 'pg';
import { asProblem } from '../../../api/problem.ts';
import { openStore } from '../../../api/store/open.ts';
import { openPglite, startBackend } from '../../../api/store/pglite.ts';
import { temporaryFolder } from './stores.ts';

const folderOf = (name: string) => new URL(`../../../api/store/${name}`, import.meta.url).href;

describe('openPglite', function () {
  this.timeout(120_000);
  let folder: string;
  let remove: () => Promise<void>;
  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
  });
  afterEach(() => remove());

  it('keeps its files in a folder that only the owner can enter, and finds them again', async () => {
    const first = await openStore({ dataFolder: folder });
    await first.execute(`INSERT INTO settings VALUES ('chainId', '1')`);
    await first.close();
    expect((await stat(join(folder, 'store'))).mode & 0o777).to.equal(0o700);
    const second = await openStore({ dataFolder: folder });
    expect(await second.query('SELECT value FROM settings')).to.deep.equal([{ value: '1' }]);
    await second.close();
  });

  it('lets go of the log of what is written long since', async () => {
    const store = await openPglite(join(folder, 'store'), {
      logBytes: 32 * 1024 * 1024,
      lookMilliseconds: 50,
    });
    try {
      await store.execute('CREATE TABLE logged (value text)');
      for (let round = 0; round < 8; round++) {
        // Some two segments of the log.
        await store.execute(
          'INSERT INTO logged SELECT repeat(md5(i::text), 8) FROM generate_series(1, 100000) AS i',
        );
      }
      const segments = async () => {
        const files = await readdir(join(folder, 'store', 'pg_wal'));
        return files.filter((name) => /^[0-9A-F]{24}$/.test(name)).length;
      };
      while ((await segments()) > 5) await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await store.query('SELECT count(*) AS count FROM logged')).to.deep.equal([{ count: 800_000n }]);
    } finally {
      await store.close();
    }
  });

  it('holds the data folder while open', async () => {
    const store = await openStore({ dataFolder: folder });
    const error = await openStore({ dataFolder: folder }).catch(asProblem);
    expect(error).to.include({ code: 'data.inUse' });
    await store.close();
    await (await openStore({ dataFolder: folder })).close();
  });

  it('starts again where its creation was interrupted', async () => {
    await mkdir(join(folder, 'store'));
    await writeFile(join(folder, 'store', 'PG_VERSION'), '18\n');
    await writeFile(join(folder, 'store.creating'), '');
    await (await openStore({ dataFolder: folder })).close();
    expect((await readdir(folder)).toSorted()).to.deep.equal(['store']);
  });

  it('gives a new session nothing of the one before, which may have ended inside a transaction', async () => {
    const backend = await startBackend(join(folder, 'store'));
    const session = async (...statements: string[]) => {
      const client = new pg.Client({ user: 'postgres', database: 'postgres', stream: backend.connect });
      await client.connect();
      const results: pg.QueryResult<{ value: string }>[] = [];
      for (const sql of statements) results.push(await client.query(sql));
      await client.end();
      return results.at(-1)?.rows;
    };
    await session(
      'CREATE TABLE kept (value text)',
      'SET bytea_output = escape',
      'BEGIN',
      `INSERT INTO kept VALUES ('lost')`,
    );
    expect(await session('SELECT value FROM kept')).to.deep.equal([]);
    expect(await session(`SELECT current_setting('bytea_output') AS value`)).to.deep.equal([
      { value: 'hex' },
    ]);
    await backend.close();
  });

  it('says so when its files are damaged', async () => {
    await (await openStore({ dataFolder: folder })).close();
    await writeFile(join(folder, 'store', 'global', 'pg_control'), 'damaged');
    const error = await openStore({ dataFolder: folder }).catch(asProblem);
    expect(error).to.include({ code: 'store.unavailable' });
  });

  it('has lost nothing that it acknowledged when its process is killed', async () => {
    const script = `
      const { openStore } = await import(${JSON.stringify(folderOf('open.ts'))});
      const { insertRows } = await import(${JSON.stringify(folderOf('rows.ts'))});
      const { randomBytes } = await import('node:crypto');
      const store = await openStore({ dataFolder: process.argv[1] });
      for (let position = Number(process.argv[2]); ; position++) {
        const rows = Array.from({ length: 50 }, (_, index) => ({
          digest: randomBytes(32), name: position + ':' + index, wrapped: randomBytes(400) }));
        await store.transaction((transaction) =>
          insertRows(transaction, 'disclosures', { digest: 'bytea', name: 'text', wrapped: 'bytea' }, rows));
        process.stdout.write(position + '\\n');
      }`;
    for (const [run, lifetime] of [150, 400, 900, 50, 600].entries()) {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '-e', script, folder, String(run * 100_000)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const seen: number[] = [];
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => seen.push(Number(line)));
      await once(lines, 'line');
      await new Promise((resolve) => setTimeout(resolve, lifetime));
      child.kill('SIGKILL');
      await once(child, 'close');

      const store = await openStore({ dataFolder: folder });
      const rows = await store.query<{ position: number; count: number }>(
        `SELECT split_part(name, ':', 1)::int4 AS position, count(*)::int4 AS count
         FROM disclosures GROUP BY 1 ORDER BY 1`,
      );
      await store.close();
      // Every transaction is there whole or not at all, and all that were acknowledged are.
      expect(rows.every((row) => row.count === 50)).to.equal(true);
      expect(seen.length).to.be.greaterThan(0);
      expect(rows.map((row) => row.position)).to.include.members(seen);
    }
  });
});
