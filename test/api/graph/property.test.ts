import { createHash, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { createGraph, type Graph } from '../../../api/graph/graph.ts';
import { createNodes } from '../../../api/graph/nodes.ts';
import { type Keyring, temporaryKeyring } from '../../../api/keyring/keyring.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import { insertRows } from '../../../api/store/rows.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromHex, type Hex, toHex, utf8 } from '../../../core/bytes.ts';
import type { Json } from '../../../core/canonical.ts';
import { formatLedgerId } from '../../../core/chain/ledgerId.ts';
import type { Address, LedgerAddress, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { type ComposedEntry, composeEntry } from '../../../core/envelope/envelope.ts';
import { applyAmendments, sameAttester } from '../../../core/findings/amendments.ts';
import { eventSeconds, type OpenedEntry } from '../../../core/findings/openedEntry.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { affectedVehicles, buildGraph, walkDown, walkUp } from '../../../core/supply/graph.ts';
import { statedEdges } from '../../../core/supply/stated.ts';
import type { SupplyEdge } from '../../../core/supply/statement.ts';
import { onEachStore } from '../store/stores.ts';

/*
 * What the graph in the database promises:
 *  - an edge counts exactly while an anchored, unretracted, unerased entry states it, as its last amendment says it;
 *  - a vehicle is in the affected set exactly when the pure walk of core over the same entries says so, at any time;
 *  - a trace comes to exactly the things that the pure walk comes to, each at the same depth;
 *  - nothing is kept of a thing that no edge and no maker's entry names.
 * In whatever order entries, their content, amendments, erasures and reorganisations come.
 */

const LEDGER: LedgerAddress = { chainId: 31_337n, address: `0x${'12'.repeat(20)}` as Address };
const MAKERS = [3n, 4n] as OrganisationId[];
const AUTHORITY = { organisation: 99n as OrganisationId, authority: true };
const VEHICLES = 3;
const SERIALS = 4;
const BATCHES = 3;

type Operation =
  | {
      readonly do: 'state';
      readonly what: number;
      readonly on: number;
      readonly parts: readonly number[];
      readonly batch: number;
      readonly day: number;
      readonly by: number;
      readonly late: boolean;
    }
  | {
      readonly do: 'amend' | 'retract';
      readonly which: number;
      readonly parts: readonly number[];
      readonly batch: number;
      readonly by: number;
    }
  | { readonly do: 'erase' | 'deliver' | 'list'; readonly which: number; readonly parts: readonly number[] }
  | { readonly do: 'reorganise'; readonly blocks: number; readonly kept: number }
  | { readonly do: 'settle' };

const small = (most: number) => fc.integer({ min: 0, max: most - 1 });
const someParts = fc.uniqueArray(small(SERIALS + BATCHES), { maxLength: 3 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('state' as const),
      what: small(5),
      on: small(12),
      parts: someParts,
      batch: small(BATCHES + 2),
      day: small(9),
      by: small(2),
      late: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('amend' as const, 'retract' as const),
      which: small(30),
      parts: someParts,
      batch: small(BATCHES + 2),
      by: small(2),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('erase' as const, 'deliver' as const, 'deliver' as const, 'list' as const),
      which: small(30),
      parts: someParts,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('reorganise' as const), blocks: small(6), kept: small(4) }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'settle' as const }) },
);

type Stated = {
  readonly identifier: string;
  readonly composed: ComposedEntry;
  readonly organisation: OrganisationId;
  readonly kind: string;
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  content: 'missing' | 'there' | 'erased';
  /** Null: a reorganisation took it off the ledger. */
  block: number | null;
  position: number;
  listed: readonly string[];
};

/** Histories as a ledger and a service would have them, in the tables that they are in, and in memory. */
class World {
  readonly entries: Stated[] = [];
  readonly #name = randomBytes(4).toString('hex');
  readonly #store: Store;
  readonly #keyring: Keyring;
  #block = Number.parseInt(randomBytes(3).toString('hex'), 16) * 1_000;

  constructor(store: Store, keyring: Keyring) {
    this.#store = store;
    this.#keyring = keyring;
  }

  readonly vehicle = (index: number) => `van:maker.example:${this.#name}-${index}`;
  readonly serial = (index: number) => `serial:parts.example:${this.#name}-${index}`;
  readonly batch = (index: number) => `batch:parts.example:${this.#name}-${index}`;
  readonly part = (index: number) => (index < SERIALS ? this.serial(index) : this.batch(index - SERIALS));
  get things(): string[] {
    const list = (count: number, name: (index: number) => string) =>
      Array.from({ length: count }, (_, index) => name(index));
    return [...list(VEHICLES, this.vehicle), ...list(SERIALS, this.serial), ...list(BATCHES, this.batch)];
  }

  async run(operation: Operation): Promise<void> {
    const which =
      'which' in operation ? this.entries[operation.which % Math.max(1, this.entries.length)] : undefined;
    switch (operation.do) {
      case 'state': {
        const { identifier, kind, data } = this.#content(operation);
        const time = `2026-01-0${operation.day + 1}`;
        await this.#anchor(identifier, operation.by, kind, time, data, operation.late);
        return;
      }
      case 'amend':
      case 'retract': {
        if (which === undefined) return;
        const original = which.kind === 'amended' ? undefined : which;
        const kind = original?.kind ?? String(which.data.kind);
        const corrected =
          operation.do === 'retract'
            ? { retracted: true }
            : { data: this.#dataOf(kind, which.identifier, operation) };
        const data = {
          supersedes: which.composed.entry.digest,
          kind,
          kindVersion: 1,
          reason: 'typo',
          ...corrected,
        } as Record<string, Json>;
        await this.#anchor(which.identifier, operation.by, 'amended', '2026-02-01', data, false);
        return;
      }
      case 'erase':
        if (which !== undefined) await this.#erase(which);
        return;
      case 'deliver':
        if (which?.content === 'missing') await this.#deliver(which);
        return;
      case 'list':
        if (which?.kind === 'batch.produced' && which.listed.length === 0 && which.content === 'there') {
          await this.#list(which, operation.parts.filter((part) => part < SERIALS).map(this.serial));
        }
        return;
      case 'reorganise':
        await this.#reorganise(operation.blocks, operation.kept);
    }
  }

  #content(operation: Extract<Operation, { do: 'state' }>) {
    const kinds = [
      'vehicle.built',
      'part.produced',
      'batch.produced',
      'part.mounted',
      'part.removed',
    ] as const;
    const kind = kinds[operation.what] ?? 'vehicle.built';
    const identifier =
      kind === 'part.produced'
        ? this.serial(operation.on % SERIALS)
        : kind === 'batch.produced'
          ? this.batch(operation.on % BATCHES)
          : this.vehicle(operation.on % VEHICLES);
    return { identifier, kind, data: this.#dataOf(kind, identifier, operation) };
  }

  #dataOf(
    kind: string,
    identifier: string,
    { parts, batch }: { readonly parts: readonly number[]; readonly batch: number },
  ): Record<string, Json> {
    const batchName = batch < BATCHES ? this.batch(batch) : undefined;
    const of = batchName === undefined ? {} : { batch: batchName };
    const place = (part: number) => ({ component: 'brakes', position: `P${part % 2}` });
    const built = parts.map((part) => ({ ...place(part), part: this.part(part), ...of }));
    const made = {
      manufacturerId: 'parts.example',
      manufacturerPartId: 'P-1',
      bizStep: 'commissioning',
      productionDate: '2026-01-01',
    };
    switch (kind) {
      case 'vehicle.built':
        return { manufacturerId: 'maker.example', ...(built.length === 0 ? {} : { parts: built }) };
      case 'part.produced':
        return { ...made, ...of, ...(built.length === 0 ? {} : { parts: built }) };
      case 'batch.produced': {
        const inputs = parts.filter((part) => part >= SERIALS).map((part) => ({ batch: this.part(part) }));
        return {
          ...made,
          batchId: identifier.slice(-1),
          nameAtManufacturer: 'Parts',
          ...(inputs.length === 0 ? {} : { inputs }),
        };
      }
      case 'part.mounted': {
        const [part] = parts;
        return { ...place(part ?? 0), ...(part === undefined ? {} : { part: this.part(part) }), ...of };
      }
      default: {
        // By its name, or by its place.
        const [part, other] = parts;
        return {
          ...place(part ?? 1),
          ...(part === undefined || other !== undefined ? {} : { part: this.part(part) }),
          reason: 'wear',
        };
      }
    }
  }

  async #anchor(
    identifier: string,
    by: number,
    kind: string,
    time: string,
    data: Record<string, Json>,
    late: boolean,
  ): Promise<void> {
    const organisation = MAKERS[by] ?? (3n as OrganisationId);
    const target = { identifier: parseIdentifier(identifier), subject: subjectOf(identifier) };
    const composed = composeEntry(LEDGER, organisation, target, { kind, time, data, sealed: {} });
    const stated: Stated = {
      identifier,
      composed,
      organisation,
      kind,
      time,
      data,
      content: 'missing',
      block: null,
      position: 0,
      listed: [],
    };
    this.entries.push(stated);
    if (!late) await this.#deliver(stated);
    await this.#link(stated);
    if (late && this.entries.length % 2 === 0) await this.#deliver(stated);
  }

  async #link(stated: Stated): Promise<void> {
    stated.block = this.#block++;
    stated.position =
      this.entries.filter(({ identifier, block }) => identifier === stated.identifier && block !== null)
        .length - 1;
    const { kind, digest } = stated.composed.entry;
    await this.#store.execute(
      `INSERT INTO links (ledger, subject, position, kind, organisation, timestamp, digest, head, block_number, log_index, transaction_hash)
       VALUES (0, $1, $2, $3, $4, $5, $6, $6, $7, 0, $6)`,
      [
        fromHex(subjectOf(stated.identifier), 32),
        stated.position,
        kind,
        stated.organisation,
        1_800_000_000 + stated.block,
        fromHex(digest, 32),
        stated.block,
      ],
    );
  }

  async #deliver(stated: Stated): Promise<void> {
    if (stated.content === 'erased') return;
    stated.content = 'there';
    const { block, key, entry } = stated.composed;
    const digest = fromHex(entry.digest, 32);
    const subject = fromHex(subjectOf(stated.identifier), 32);
    await this.#store.transaction(async (transaction) => {
      await transaction.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        digest,
        block,
      ]);
      await transaction.execute(
        'INSERT INTO block_keys (digest, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [digest, this.#keyring.wrap('blockKey', key, digest)],
      );
      await transaction.execute(
        'INSERT INTO identifiers (subject, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [subject, this.#keyring.wrap('identifier', utf8(stated.identifier), subject)],
      );
    });
  }

  async #erase(stated: Stated): Promise<void> {
    stated.content = 'erased';
    stated.listed = [];
    for (const table of ['blocks', 'block_keys', 'sets', 'serials']) {
      await this.#store.execute(`DELETE FROM ${table} WHERE digest = $1`, [
        fromHex(stated.composed.entry.digest, 32),
      ]);
    }
  }

  async #list(stated: Stated, serials: readonly string[]): Promise<void> {
    if (serials.length === 0) return;
    stated.listed = serials;
    const nodes = createNodes(this.#keyring);
    const digest = fromHex(stated.composed.entry.digest, 32);
    await this.#store.execute(
      'INSERT INTO sets (digest, organisation, subject, members) VALUES ($1, 3, $1, $2)',
      [digest, serials.length],
    );
    await this.#store.transaction((transaction) =>
      insertRows(
        transaction,
        'serials',
        { serial: 'uuid', batch: 'uuid', digest: 'bytea' },
        serials.map((serial) => ({
          serial: nodes.nodeOfText(serial),
          batch: nodes.nodeOfText(stated.identifier),
          digest,
        })),
      ),
    );
  }

  /** The last blocks come again, in another order or not at all. */
  async #reorganise(blocks: number, kept: number): Promise<void> {
    const undone = this.entries.filter(({ block }) => block !== null && block >= this.#block - blocks);
    await this.#store.execute('DELETE FROM links WHERE block_number >= $1 AND block_number < $2', [
      this.#block - blocks,
      this.#block,
    ]);
    for (const stated of undone) stated.block = null;
    for (const stated of undone.toReversed().slice(0, kept)) await this.#link(stated);
  }

  /** The same entries, walked by core alone. */
  edges(): SupplyEdge[] {
    const edges: SupplyEdge[] = [];
    const effectiveBatches: { digest: string; batch: string }[] = [];
    for (const identifier of this.things) {
      const opened = this.entries
        .filter(
          (stated) => stated.identifier === identifier && stated.block !== null && stated.content === 'there',
        )
        .map(openedOf);
      const { effective } = applyAmendments(opened, sameAttester);
      for (const { digest, organisation, ...edge } of statedEdges(identifier, effective)) {
        edges.push({ ...edge, source: { system: 'csv', id: `${digest}${organisation}` } });
      }
      for (const entry of effective) {
        if (entry.kind === 'batch.produced')
          effectiveBatches.push({ digest: entry.amendedBy ?? entry.digest, batch: identifier });
      }
    }
    for (const { digest, batch } of effectiveBatches) {
      const { listed } = this.entries.find(({ composed }) => composed.entry.digest === digest) ?? {
        listed: [],
      };
      for (const serial of listed)
        edges.push({
          parent: batch,
          child: serial,
          relation: 'memberOf',
          source: { system: 'csv', id: digest },
        });
    }
    return edges;
  }
}

function openedOf({ composed, kind, organisation, time, block, position, data }: Stated): OpenedEntry {
  return {
    digest: composed.entry.digest,
    kind,
    kindVersion: 1,
    organisation: organisation.toString(),
    time,
    anchoredAt: 1_800_000_000 + (block ?? 0),
    position,
    status: 'proven',
    data,
    sealed: {},
  };
}

const subjectOf = (identifier: string): Subject =>
  toHex(createHash('sha256').update(identifier).digest()) as Hex as Subject;

onEachStore((open) => {
  describe('the graph in the database', function () {
    this.timeout(180_000);
    let store: Store;
    let graph: Graph;
    const keyring = temporaryKeyring();
    const nodes = createNodes(keyring);

    before(async () => {
      store = await open();
      graph = createGraph({
        store,
        keyring,
        nodes,
        secrets: createSecrets(keyring),
        pollMilliseconds: 3_600_000,
      });
      const word = new Uint8Array(32).fill(1);
      const address = fromHex(LEDGER.address, 20);
      await store.execute(
        `INSERT INTO directory_links (position, change, ledger_index, chain_id, ledger, organisations, code_hash, pseudonym_key,
           number, register, head, block_number, log_index, transaction_hash)
         VALUES (0, 'added', 0, $1, $2, $2, $3, $3, 0, 0, $3, 1, 0, $3)`,
        [LEDGER.chainId, address, word],
      );
      expect(formatLedgerId(LEDGER)).to.be.a('string');
    });
    after(async () => {
      await graph?.close();
      await store?.close();
    });

    const affected = async (identifier: string, at?: string): Promise<string[]> => {
      const named = {
        [identifier.startsWith('batch:') ? 'batches' : 'serials']: [parseIdentifier(identifier)],
      };
      const when = at === undefined ? {} : { at: BigInt(eventSeconds(at)) };
      try {
        const found = await graph.affected({ ...named, ...when, limit: 100 }, AUTHORITY);
        expect(found.behind).to.equal(0);
        return found.vehicles.toSorted();
      } catch (error) {
        if ((error as { code?: unknown }).code === 'recall.matchesNothing') return [];
        throw error;
      }
    };
    const traced = async (identifier: string, direction: 'up' | 'down', at?: string): Promise<string[]> => {
      const when = at === undefined ? {} : { at: BigInt(eventSeconds(at)) };
      const { things } = await graph.trace(
        { identifier: parseIdentifier(identifier), direction, ...when },
        AUTHORITY,
      );
      return things.map((thing) => `${thing.depth} ${thing.identifier}`).toSorted();
    };

    it('is what core makes of the same entries, whatever happens to them in whatever order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 4, maxLength: 24 }), async (operations) => {
          const world = new World(store, keyring);
          for (const one of operations) {
            if (one.do === 'settle') await graph.settle();
            else await world.run(one);
          }
          const expected = buildGraph(world.edges());
          for (const at of [undefined, '2026-01-03', '2026-01-07']) {
            const options = at === undefined ? {} : { at };
            for (const thing of world.things) {
              if (!thing.startsWith('van:')) {
                expect(await affected(thing, at), `${thing} at ${at}`).to.deep.equal(
                  affectedVehicles(expected, [thing], options),
                );
              }
            }
          }
          for (const thing of world.things) {
            const shown = ({ thing: name, depth }: { thing: string; depth: number }) => `${depth} ${name}`;
            // A serial that only a list names is in nothing: it is not shown.
            const stated = new Set(
              (await store.query<{ node: string }>('SELECT node::text AS node FROM things')).map(
                ({ node }) => node,
              ),
            );
            const known = ({ thing: name }: { thing: string }) =>
              name === thing || stated.has(nodes.nodeOfText(name));
            expect(await traced(thing, 'down'), `down from ${thing}`).to.deep.equal(
              walkDown(expected, [thing]).filter(known).map(shown).toSorted(),
            );
            expect(await traced(thing, 'up'), `up from ${thing}`).to.deep.equal(
              walkUp(expected, [thing]).filter(known).map(shown).toSorted(),
            );
          }
        }),
        { numRuns: Number(process.env.GRAPH_RUNS ?? 60) },
      );
    });

    it('takes no entry that was copied into another history', async () => {
      const world = new World(store, keyring);
      const state = { do: 'state', batch: 9, by: 0, late: false, day: 0 } as const;
      await world.run({ ...state, what: 0, on: 0, parts: [0] });
      await world.run({ ...state, what: 0, on: 1, parts: [1] });
      const [first, second] = world.entries;
      if (first === undefined || second === undefined) throw new TypeError('two entries');
      await store.execute(
        `INSERT INTO links (ledger, subject, position, kind, organisation, timestamp, digest, head, block_number, log_index, transaction_hash)
         SELECT ledger, $2, 1, kind, organisation, timestamp, digest, head, block_number, 7, transaction_hash FROM links WHERE subject = $1`,
        [first, second].map(({ identifier }) => fromHex(subjectOf(identifier), 32)),
      );
      expect(await affected(world.serial(0))).to.deep.equal([world.vehicle(0)]);
      expect(await affected(world.serial(1))).to.deep.equal([world.vehicle(1)]);
    });

    it('keeps nothing of things that nothing names', async () => {
      await graph.settle();
      const [row] = await store.query<{ orphans: bigint; unnamed: bigint }>(
        `SELECT (SELECT count(*) FROM things WHERE NOT EXISTS (SELECT 1 FROM edges WHERE node IN (parent, child))
             AND NOT EXISTS (SELECT 1 FROM made WHERE made.node = things.node)) AS orphans,
           (SELECT count(*) FROM edges WHERE NOT EXISTS (SELECT 1 FROM things WHERE node = parent)
             OR NOT EXISTS (SELECT 1 FROM things WHERE node = child)) AS unnamed`,
      );
      expect(row).to.deep.equal({ orphans: 0n, unnamed: 0n });
    });

    it('has nothing left after everything is erased, and is made again of what a store holds', async () => {
      const world = new World(store, keyring);
      const state = { do: 'state', batch: 0, by: 0, late: false, day: 0 } as const;
      await world.run({ ...state, what: 0, on: 0, parts: [0, 4] });
      await world.run({ ...state, what: 2, on: 0, parts: [5] });
      await graph.settle();
      const count = async () =>
        (await store.query<{ count: bigint }>('SELECT count(*) AS count FROM edges'))[0]?.count;
      const whole = await count();
      for (const table of ['edges', 'things', 'made']) await store.execute(`DELETE FROM ${table}`);
      await store.execute(
        'INSERT INTO graph_due (subject) SELECT DISTINCT subject FROM links ON CONFLICT DO NOTHING',
      );
      await graph.settle();
      expect(await count()).to.equal(whole);
      expect(await affected(world.batch(1))).to.deep.equal([world.vehicle(0)]);
      await store.execute('DELETE FROM blocks');
      await graph.settle();
      for (const table of ['edges', 'things', 'made', 'made_sets', 'scrapped', 'graph_due']) {
        expect(await store.query(`SELECT * FROM ${table}`), table).to.deep.equal([]);
      }
    });
  });
});
