/**
 * From a batch to the exact vehicles, over a graph generated into PostgreSQL: seconds to the list, to the tree and its root,
 * and bytes of a proof; beside two ways to do without the graph. Needs Debian's `postgresql`, of which it starts a cluster
 * of its own.
 *
 *     node bench/recall.ts [--vehicles 1000000] [--peer-vehicles 1000000]
 */
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { parseArgs, promisify } from 'node:util';
import { createGraph } from '../api/graph/graph.ts';
import { createNodes, type Nodes } from '../api/graph/nodes.ts';
import { relations, thingTypes } from '../api/graph/write.ts';
import { temporaryKeyring } from '../api/keyring/keyring.ts';
import { createSecrets } from '../api/query/secrets.ts';
import { openStore } from '../api/store/open.ts';
import { insertRows } from '../api/store/rows.ts';
import type { Store } from '../api/store/store.ts';
import type { OrganisationId } from '../core/chain/types.ts';
import { parseIdentifier } from '../core/identifiers/identifier.ts';
import { createSetBuilder } from '../core/tree/builder.ts';
import { verifyProof } from '../core/tree/proof.ts';
import { buildTree } from '../core/tree/tree.ts';
import { median, table } from './table.ts';

const run = promisify(execFile);
const PARTS = 30;
/** Of these the vehicle's entry names the batch; of the others its maker lists the serials. */
const STATED = PARTS / 2;
const BATCH_SIZE = 10_000;
const MAKER = 7n as OrganisationId;
const ROUNDS = 5;

type Size = { readonly vehicles: number; readonly batches: number };
const sizeOf = (vehicles: number): Size => ({
  vehicles,
  batches: Math.max(1, Math.round(vehicles / BATCH_SIZE)),
});
/** Which of the batches of its sort a part is of: the vehicles of one batch are all over the production. */
const batchOf = ({ batches }: Size, vehicle: number, part: number): number =>
  (vehicle * 7_919 + part * 104_729) % batches;
const vinOf = (vehicle: number): string => `vin:VF3KUNLUNK${String(vehicle).padStart(7, '0')}`;
const partOf = (vehicle: number, part: number): string => `serial:maker${part}.example:P-${vehicle}`;
const batchName = (part: number, batch: number): string => `batch:maker${part}.example:B-${batch}`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A PostgreSQL server for the length of some work; by Debian's rules it is not run by root. */
async function withPostgres<T>(work: (url: string) => Promise<T>): Promise<T> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const version = versions.sort((left, right) => Number(left) - Number(right)).at(-1);
  if (version === undefined) throw new Error('PostgreSQL is not there: apt-get install postgresql');
  const bin = `/usr/lib/postgresql/${version}/bin`;
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-recall-'));
  const root = process.getuid?.() === 0;
  const as = (command: string, ...args: string[]) =>
    root
      ? run('runuser', ['-u', 'postgres', '--', command, ...args], { cwd: '/' })
      : run(command, args, { cwd: '/' });
  if (root) await run('chown', ['postgres', folder]);
  await chmod(folder, 0o755);
  const port = await freePort();
  try {
    await as(
      `${bin}/initdb`,
      '-D',
      `${folder}/data`,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    );
    const settings = [
      `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off -c wal_level=minimal -c max_wal_senders=0`,
      '-c shared_buffers=4GB -c maintenance_work_mem=1GB -c work_mem=64MB -c max_wal_size=8GB -c jit=off',
    ];
    await as(
      `${bin}/pg_ctl`,
      '-D',
      `${folder}/data`,
      '-w',
      '-l',
      `${folder}/log`,
      'start',
      '-o',
      settings.join(' '),
    );
    try {
      return await work(`postgres://postgres@127.0.0.1:${port}/postgres`);
    } finally {
      await as(`${bin}/pg_ctl`, '-D', `${folder}/data`, '-m', 'immediate', 'stop');
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const LOADED = ['edges', 'things', 'serials', 'made'] as const;

/** What the entries of so many vehicles come to, written as the service would have written it. */
async function load(store: Store, nodes: Nodes, size: Size): Promise<void> {
  const started = performance.now();
  const log = (what: string) =>
    console.error(`  ${what} (${((performance.now() - started) / 1000).toFixed(0)} s)`);
  const indexes: string[] = [];
  for (const name of LOADED) {
    const rows = await store.query<{ name: string; definition: string; key: string | null }>(
      `SELECT c.relname::text AS name, pg_get_indexdef(i.indexrelid) AS definition, pg_get_constraintdef(k.oid) AS key
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid
       WHERE i.indrelid = $1::regclass`,
      [name],
    );
    for (const { name: index, definition, key } of rows) {
      indexes.push(key === null ? definition : `ALTER TABLE ${name} ADD CONSTRAINT ${index} ${key}`);
      await store.execute(
        key === null ? `DROP INDEX ${index}` : `ALTER TABLE ${name} DROP CONSTRAINT ${index}`,
      );
    }
    await store.execute(`ALTER TABLE ${name} SET UNLOGGED`);
  }
  await store.execute(
    `CREATE UNLOGGED TABLE cars (i int4, node uuid, digest bytea);
     CREATE UNLOGGED TABLE lots (part int4, batch int4, node uuid, digest bytea)`,
  );
  const digest = (first: number, second: number): Uint8Array => {
    const bytes = Buffer.alloc(32);
    bytes.writeUInt32BE(first, 0);
    bytes.writeUInt32BE(second, 4);
    return bytes;
  };
  function* cars() {
    for (let i = 0; i < size.vehicles; i++) {
      yield { i, node: nodes.nodeOf(parseIdentifier(vinOf(i))), digest: digest(i, 1) };
    }
  }
  function* wrapped() {
    for (let i = 0; i < size.vehicles; i++) {
      const node = nodes.nodeOf(parseIdentifier(vinOf(i)));
      yield { node, type: thingTypes.vehicle, maker: null, wrapped: nodes.wrapped(node, vinOf(i)) };
    }
  }
  function* lots() {
    for (let part = 0; part < PARTS; part++) {
      for (let batch = 0; batch < size.batches; batch++) {
        const node = nodes.nodeOf(parseIdentifier(batchName(part, batch)));
        yield { part, batch, node, digest: digest(batch, part + 2) };
      }
    }
  }
  await store.transaction(async (transaction) => {
    await insertRows(transaction, 'cars', { i: 'int4', node: 'uuid', digest: 'bytea' }, cars());
    await insertRows(
      transaction,
      'lots',
      { part: 'int4', batch: 'int4', node: 'uuid', digest: 'bytea' },
      lots(),
    );
    const columns = { node: 'uuid', type: 'int2', maker: 'uuid', wrapped: 'bytea' } as const;
    await insertRows(transaction, 'things', columns, wrapped());
  });
  log('vehicles and batches named');
  // No question opens a part, so of parts a node and bytes of the right length do.
  const part = `md5(cars.i || '/' || p.part)::uuid`;
  const lot = `lots.part = p.part AND lots.batch = (cars.i::int8 * 7919 + p.part::int8 * 104729) % ${size.batches}`;
  const parts = (from: number, to: number) => `cars CROSS JOIN generate_series(${from}, ${to}) AS p(part)`;
  for (const [what, sql] of [
    [
      'parts mounted',
      `INSERT INTO edges SELECT cars.node, ${part}, cars.node, cars.digest, ${MAKER}, 1700000000, NULL, ${relations.builtFrom}, false, 1, 3
       FROM ${parts(0, PARTS - 1)}`,
    ],
    [
      'batches stated',
      `INSERT INTO edges SELECT lots.node, ${part}, cars.node, cars.digest, ${MAKER}, NULL, NULL, ${relations.memberOf}, false, 2, 3
       FROM ${parts(0, STATED - 1)} JOIN lots ON ${lot}`,
    ],
    [
      'serials listed',
      `INSERT INTO serials SELECT ${part}, lots.node, lots.digest FROM ${parts(STATED, PARTS - 1)} JOIN lots ON ${lot}
       ORDER BY lots.part, lots.batch`,
    ],
    [
      'things',
      `INSERT INTO things SELECT ${part}, ${thingTypes.serial}, md5('maker' || p.part)::uuid,
         decode(repeat(md5(cars.i::text), 4), 'hex') FROM ${parts(0, PARTS - 1)}
       UNION ALL SELECT node, ${thingTypes.batch}, NULL, decode(repeat(md5('lot'), 4), 'hex') FROM lots`,
    ],
    [
      'made',
      `INSERT INTO made SELECT node, digest, ${MAKER}, 33, NULL, 19000 FROM cars
       UNION ALL SELECT node, digest, 8, 96, md5('number' || part)::uuid, 18900 FROM lots`,
    ],
    [
      'sets',
      `INSERT INTO sets (digest, organisation, subject, members)
       SELECT digest, 8, digest, ${BATCH_SIZE} FROM lots WHERE part >= ${STATED}`,
    ],
    ...indexes.map((sql) => [sql.replace(/^.*(?:INDEX|CONSTRAINT) (\w+).*$/s, 'index $1'), sql] as const),
    ['analysed', LOADED.map((name) => `VACUUM ANALYZE ${name}`).join('; ')],
  ] as const) {
    for (const statement of what === 'analysed' ? sql.split('; ') : [sql]) await store.execute(statement);
    log(what);
  }
}

/** The same entries as JSON, a line each, as an export of events has them. */
async function writeEvents(path: string, size: Size): Promise<void> {
  const out = createWriteStream(path, { highWaterMark: 1 << 20 });
  for (let i = 0; i < size.vehicles; i++) {
    const parts = Array.from({ length: PARTS }, (_, part) => ({
      component: 'other',
      part: partOf(i, part),
      batch: batchName(part, batchOf(size, i, part)),
    }));
    const line = JSON.stringify({
      kind: 'vehicle.built',
      identifier: vinOf(i),
      time: '2023-11-14',
      data: { parts },
    });
    if (!out.write(`${line}\n`)) await new Promise((resolve) => out.once('drain', () => resolve(null)));
  }
  await new Promise((resolve) => out.end(() => resolve(null)));
}

/** Reads all events and walks them: what there is without an index. */
async function walkEvents(path: string, batch: string): Promise<number> {
  const found = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(path, { highWaterMark: 1 << 20 }) })) {
    const event = JSON.parse(line) as { identifier: string; data: { parts: { batch: string }[] } };
    if (event.data.parts.some((part) => part.batch === batch)) found.add(event.identifier);
  }
  return found.size;
}

/** A question for each thing, as a walk through an interface of single things asks. */
async function walkOneByOne(store: Store, start: string): Promise<number> {
  const seen = new Set([start]);
  const queue = [start];
  let vehicles = 0;
  for (const node of queue) {
    const rows = await store.query<{ node: string }>(
      `SELECT parent::text AS node FROM edges WHERE child = $1::uuid AND relation <> ${relations.memberOf}
       UNION SELECT child::text FROM edges WHERE parent = $1::uuid AND relation = ${relations.memberOf}
       UNION SELECT serial::text FROM serials WHERE batch = $1::uuid`,
      [node],
    );
    const [thing] = await store.query<{ type: number }>('SELECT type FROM things WHERE node = $1::uuid', [
      node,
    ]);
    if (thing?.type === thingTypes.vehicle) vehicles += 1;
    for (const { node: next } of rows) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push(next);
    }
  }
  return vehicles;
}

const seconds = async <T>(work: () => Promise<T>): Promise<[number, T]> => {
  const started = performance.now();
  const result = await work();
  return [(performance.now() - started) / 1000, result];
};
const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));

export async function benchRecall(vehicles = 1_000_000, peerVehicles = vehicles): Promise<string> {
  const size = sizeOf(vehicles);
  return withPostgres(async (databaseUrl) => {
    const keyring = temporaryKeyring();
    const nodes = createNodes(keyring);
    const store = await openStore({ databaseUrl, dataFolder: '' });
    const graph = createGraph({
      store,
      keyring,
      nodes,
      secrets: createSecrets(keyring),
      pollMilliseconds: 3_600_000,
    });
    try {
      await load(store, nodes, size);
      const asker = { organisation: MAKER, authority: false };
      const ask = async (part: number, batch: number): Promise<string[]> => {
        const identifiers: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await graph.affected(
            {
              batches: [parseIdentifier(batchName(part, batch))],
              limit: 10_000,
              ...(cursor === undefined ? {} : { cursor }),
            },
            asker,
          );
          identifiers.push(...page.vehicles);
          cursor = page.cursor ?? undefined;
        } while (cursor !== undefined);
        return identifiers;
      };
      const rows: (string | number)[][] = [];
      let list: readonly string[] = [];
      for (const [how, part] of [
        ['batch named by the vehicles’ entries', 3],
        ['batch whose maker lists the serials', STATED + 3],
      ] as const) {
        const [first, found] = await seconds(() => ask(part, 0));
        const times: number[] = [];
        for (let round = 1; round <= ROUNDS; round++) {
          times.push((await seconds(() => ask(part, Math.min(round, size.batches - 1))))[0]);
        }
        const names = new Set(found);
        const expected = Array.from({ length: vehicles }, (_, i) => i).filter(
          (i) => batchOf(size, i, part) === 0,
        );
        const exact = found.length === expected.length && expected.every((i) => names.has(vinOf(i)));
        if (!exact) throw new Error(`${found.length} of ${expected.length} vehicles were found`);
        rows.push([how, found.length, rounded(first), rounded(median(times))]);
        list = found;
      }
      console.error(`  asked: ${JSON.stringify(rows)}`);
      const identifiers = list.map((text) => parseIdentifier(text));
      const treeKey = new Uint8Array(32).fill(9);
      const [treeSeconds, root] = await seconds(async () => {
        const builder = createSetBuilder(treeKey, { expected: identifiers.length });
        for (const identifier of identifiers) builder.add(identifier);
        return builder.finish().root;
      });
      const tree = buildTree(treeKey, identifiers);
      const listed = new Set(list);
      const absent = Array.from({ length: vehicles }, (_, i) => vinOf(i)).filter((name) => !listed.has(name));
      const proofs = (names: readonly string[]): number[] =>
        names.slice(0, 1_000).map((name) => {
          const identifier = parseIdentifier(name);
          const proof = tree.prove(identifier);
          verifyProof(root, treeKey, identifier, proof);
          return JSON.stringify(proof).length;
        });
      const [inside, outside] = [proofs(list), proofs(absent)];

      const start = nodes.nodeOf(parseIdentifier(batchName(STATED + 3, 1)));
      const [oneByOne, reached] = await seconds(() => walkOneByOne(store, start));
      const peerSize = sizeOf(peerVehicles);
      const folder = await mkdtemp(join(tmpdir(), 'vinculum-events-'));
      const file = join(folder, 'events.jsonl');
      await writeEvents(file, peerSize);
      console.error(`  one by one ${oneByOne.toFixed(1)} s; events written`);
      const [reading, walked] = await seconds(() => walkEvents(file, batchName(3, 0)));
      await rm(folder, { recursive: true, force: true });
      const own = Number(rows[1]?.[3] ?? Number.NaN);
      const edges = vehicles * (PARTS + STATED);
      return [
        `${vehicles.toLocaleString('en-US')} vehicles, ${(vehicles * PARTS).toLocaleString('en-US')} mounted parts, ${edges.toLocaleString('en-US')} edges and ${(vehicles * (PARTS - STATED)).toLocaleString('en-US')} listed serials in PostgreSQL. To the exact list of VINs, checked against what was generated: the first time, and the median of ${ROUNDS} other batches.`,
        table(['from', 'vehicles', 'seconds, first', 'seconds, others'], rows),
        `The tree of ${list.length.toLocaleString('en-US')} vehicles and its root take ${rounded(treeSeconds, 3)} s. A proof as JSON, median (most): that a vehicle is in it ${median(inside)} (${Math.max(...inside)}) bytes, that it is not ${median(outside)} (${Math.max(...outside)}) bytes.`,
        table(
          ['the same without the graph’s question', 'vehicles found', 'seconds', 'times as long'],
          [
            ['a question for each thing', reached, rounded(oneByOne), rounded(oneByOne / own, 1)],
            [
              `all events as JSON, read and walked${peerVehicles === vehicles ? '' : ` (${peerVehicles.toLocaleString('en-US')} vehicles)`}`,
              walked,
              rounded(reading),
              rounded(reading / own, 1),
            ],
          ],
        ),
      ].join('\n\n');
    } finally {
      await graph.close();
      await store.close();
    }
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { vehicles: { type: 'string' }, 'peer-vehicles': { type: 'string' } },
  });
  const vehicles = Number(values.vehicles ?? 1_000_000);
  console.log(await benchRecall(vehicles, Number(values['peer-vehicles'] ?? vehicles)));
}
