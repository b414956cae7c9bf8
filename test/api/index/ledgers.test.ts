import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { indexTables } from '../../../api/index/tables.ts';
import type { Pipeline, PipelineOptions } from '../../../api/pipeline.ts';
import type { Store } from '../../../api/store/store.ts';
import { type Hex, toHex } from '../../../core/bytes.ts';
import type { SubmissionHash } from '../../../core/chain/submission.ts';
import type { Address } from '../../../core/chain/types.ts';
import { SLOTS } from '../../../core/proof/proofView.ts';
import { mappingSlot } from '../../../core/proof/state.ts';
import { selector } from '../../../core/verify/chainView.ts';
import { expectCode } from '../../expectCode.ts';
import {
  createWorld,
  empty,
  eventually,
  nowSeconds,
  pipelineIn,
  services,
  until,
  vinOf,
  type World,
} from '../pipeline/world.ts';
import { onEachStore } from '../store/stores.ts';

describe('The index of several ledgers', function () {
  this.timeout(60_000);

  onEachStore((open) => {
    let world: World;
    let store: Store;
    const running = new Set<Pipeline>();
    before(async () => {
      store = await open();
    });
    after(() => store.close());
    beforeEach(async () => {
      await empty(store);
      world = await createWorld();
      await world.list();
    });
    afterEach(async () => {
      for (const pipeline of running) await pipeline.stop();
      running.clear();
      await world.stop();
    });

    const create = (of = world, options: Partial<PipelineOptions> = {}): Pipeline => {
      const pipeline = pipelineIn(of, store, options);
      running.add(pipeline);
      return pipeline;
    };
    const started = async (of = world, options: Partial<PipelineOptions> = {}): Promise<Pipeline> => {
      const pipeline = create(of, options);
      await pipeline.start();
      return pipeline;
    };
    const mine = async (blocks: number) => {
      for (let left = blocks; left > 0; left -= 1) await world.chain.mine();
    };
    const count = async (table: string, where = 'true'): Promise<number> => {
      const [row] = await store.query<{ count: bigint }>(
        `SELECT count(*) AS count FROM ${table} WHERE ${where}`,
      );
      return Number(row?.count);
    };
    const caughtUp = async (pipeline: Pipeline): Promise<void> => {
      const last = await world.chain.blockNumber();
      await eventually(
        async () =>
          pipeline.progress().indexedBlock >= last && (await count('cursors', `name LIKE 'ledger:%'`)) === 0,
        'all ledgers are read',
      );
    };
    const dump = async (): Promise<Record<string, object[]>> => {
      const dumped: Record<string, object[]> = {};
      for (const table of indexTables) {
        if (table === 'missing_blocks') continue;
        dumped[table] = await store.query(`SELECT * FROM ${table} ORDER BY block_number, log_index`);
      }
      return dumped;
    };
    /** The heads of a ledger's subjects in the index are those of its contract. */
    const expectHeads = async (number: number, ledger: Address, subjects: number): Promise<void> => {
      const rows = await store.query<{ subject: Uint8Array; head: Uint8Array }>(
        'SELECT DISTINCT ON (subject) subject, head FROM links WHERE ledger = $1 ORDER BY subject, position DESC',
        [number],
      );
      expect(rows).to.have.length(subjects);
      const heads = await world.chain.rpc.batch(
        rows.map(({ subject }) => ({
          method: 'eth_call',
          params: [{ to: ledger, data: selector('heads(bytes32)') + toHex(subject).slice(2) }, 'latest'],
        })),
      );
      expect(heads).to.deep.equal(rows.map(({ head }) => toHex(head)));
    };

    it('reads the past of a shard once it is listed, and follows it from then on', async () => {
      const shard = await world.addLedger();
      await shard.relay(services(shard, 4));
      await mine(50);
      await shard.relay(services(shard, 2));
      const pipeline = await started();
      const own = await pipeline.accept(services(world, 3));
      await until(pipeline, own.hash, 'anchored', 'final');
      expect(await count('links', 'ledger <> 0')).to.equal(0);

      await shard.list();
      await caughtUp(pipeline);
      await expectHeads(0, world.ledger.address, 3);
      await expectHeads(2, shard.ledger.address, 4);
      expect(await count('links', 'ledger = 2')).to.equal(6);
      expect(await count('organisation_links', 'register <> 0')).to.equal(0);

      // The same subjects, in both ledgers, in one go.
      const [more] = await Promise.all([
        pipeline.accept(services(world, 3)),
        shard.relay(services(shard, 3)),
      ]);
      await until(pipeline, more.hash, 'anchored', 'final');
      await caughtUp(pipeline);
      await expectHeads(0, world.ledger.address, 3);
      await expectHeads(2, shard.ledger.address, 4);
      expect(await count('accepted', 'ledger = 2')).to.equal(3);
    });

    it('is the same when it is rebuilt from nothing, by ranges or block by block, reorganised or not', async () => {
      const shard = await world.addLedger();
      const otherOrganisations = await world.deploy(
        'Organisations',
        ...[await authorityOf(world), 0, (1n << 256n) - (1n << 32n)],
      );
      const other = await world.addLedger({ organisations: otherOrganisations, key: randomBytes(32) });
      await shard.relay(services(shard, 2));
      const pipeline = await started(world, { finality: async () => 0n });
      await world.directoryCall('add', 7n, shard.ledger.address, otherOrganisations, b32(), b32());
      await shard.list();
      await other.list();
      for (let round = 0; round < 4; round += 1) {
        await shard.relay(services(shard, 2, {}, round));
        const { hash } = await pipeline.accept(services(world, 2, {}, round));
        await until(pipeline, hash, 'anchored');
        if (round % 2 === 1) await world.chain.reorganise(1);
      }
      await mine(1);
      await eventually(
        async () => (await pipelineRests(pipeline)) && (await allAnchored()),
        'all is anchored',
      );
      await world.ledgerCall('close');
      const { closedAt } = await closedAtOf(world);
      await world.directoryCall('close', 0n, closedAt);
      await caughtUp(pipeline);
      await pipeline.stop();
      const followed = await dump();
      expect(followed.closures).to.have.length(1);
      expect(followed.directory_links?.map((row) => (row as { number: number | null }).number)).to.deep.equal(
        [...[0, null, 3, 4, null]],
      );
      expect(
        followed.directory_links?.map((row) => (row as { register: number | null }).register),
      ).to.deep.equal([0, null, 0, 4, null]);

      await empty(store);
      const blockByBlock = await started(world, { finality: async () => 0n });
      await caughtUp(blockByBlock);
      await blockByBlock.stop();
      expect(await dump()).to.deep.equal(followed);

      await empty(store);
      await mine(40);
      const settled = BigInt(await world.chain.blockNumber());
      const byRanges = await started(world, { finality: async () => settled });
      await caughtUp(byRanges);
      await byRanges.stop();
      expect(await dump()).to.deep.equal(followed);
    });

    it('forgets a ledger whose listing is undone', async () => {
      const shard = await world.addLedger();
      await shard.relay(services(shard, 2));
      const pipeline = await started(world, { finality: async () => 0n });
      await shard.list();
      await caughtUp(pipeline);
      expect(await count('links', 'ledger = 2')).to.equal(2);
      await world.chain.reorganise(1);
      await world.chain.rpc.call('anvil_dropAllTransactions', []);
      await eventually(async () => (await count('directory_links')) === 1, 'the listing is undone');
      expect(await count('links', 'ledger = 2')).to.equal(0);
      expect(await count('cursors', `name LIKE '%:%'`)).to.equal(0);
    });

    it('gives up on a ledger that contradicts itself, and goes on', async () => {
      const shard = await world.addLedger();
      const pipeline = await started();
      await shard.list();
      await caughtUp(pipeline);
      await shard.relay(services(shard, 1));
      await caughtUp(pipeline);
      const slot = mappingSlot(world.evaluator.subject(vinOf(0)), SLOTS.heads);
      await world.chain.rpc.call('anvil_setStorageAt', [shard.ledger.address, slot, b32()]);
      await shard.relay(services(shard, 1));
      await eventually(async () => (await count('cursors', `name = 'unreadable:2'`)) === 1, 'it gives up');
      const { hash } = await pipeline.accept(services(world, 1));
      await until(pipeline, hash, 'anchored', 'final');
      expect(pipeline.progress().stopped).to.equal(null);
      // Also after a restart.
      await pipeline.stop();
      const again = await started();
      await shard.relay(services(shard, 1));
      await caughtUp(again);
      expect(again.progress()).to.include({ stopped: null, trouble: null });
    });

    describe('a ledger that is closed', () => {
      it('takes nothing any more: ledger.closed; what waits says so until its deadline', async () => {
        const pipeline = await started();
        const before = await pipeline.accept(services(world, 1));
        await until(pipeline, before.hash, 'anchored', 'final');
        const repeated = services(world, 1, { nonce: 77n });
        const accepted = await pipeline.accept(repeated);
        await until(pipeline, accepted.hash, 'anchored', 'final');
        await pipeline.stop();

        // It comes in while nobody has seen that the ledger is closed.
        const late = services(world, 1, { deadline: nowSeconds() + 8n });
        const waiting = create(world, { limits: { minimumLeadSeconds: 1 } });
        const { hash } = await waiting.accept(late);
        await world.ledgerCall('close');
        await waiting.start();
        await eventually(
          async () => (await waiting.status(hash as SubmissionHash))?.problem === 'ledger.closed',
          'it says why it waits',
        );
        expect(await waiting.status(hash as SubmissionHash)).to.include({ state: 'stored' });
        expect(await waiting.accept(repeated)).to.include({ hash: accepted.hash });
        await expectCode('ledger.closed', () => waiting.accept(services(world, 1)));
        // A signature for another ledger is what is wrong first.
        const shard = await world.addLedger();
        await expectCode('submission.signature', () => waiting.accept(services(shard, 1)));
        const ended = await until(waiting, hash, 'expired');
        expect(ended.problem).to.equal('ledger.closed');
        expect(waiting.progress()).to.include({ stopped: null, trouble: null });
      });

      it('is open again when the closing is undone', async () => {
        const pipeline = await started(world, { finality: async () => 0n });
        const sent = await pipeline.accept(services(world, 1));
        await until(pipeline, sent.hash, 'anchored');
        await mine(1);
        await world.ledgerCall('close');
        await caughtUp(pipeline);
        await expectCode('ledger.closed', () => pipeline.accept(services(world, 1)));
        await world.chain.reorganise(1);
        await world.chain.rpc.call('anvil_dropAllTransactions', []);
        let hash = '';
        await eventually(async () => {
          hash = await pipeline.accept(services(world, 1)).then(
            (status) => status.hash,
            () => '',
          );
          return hash !== '';
        }, 'the closing is undone');
        await until(pipeline, hash, 'anchored');
      });

      it('is followed by its successor on the same store: nonces, states and links are of each', async () => {
        const predecessor = await started();
        const first = await predecessor.accept(services(world, 2, { nonce: 5n }));
        await until(predecessor, first.hash, 'anchored', 'final');
        const successor = await world.addLedger();
        // Only once the index has seen it in the directory.
        await expectCode('index.otherLedger', () => pipelineIn(successor, store).start());
        await successor.list();
        await world.ledgerCall('close');
        await caughtUp(predecessor);
        await predecessor.stop();

        const pipeline = await started(successor);
        expect(await pipeline.ownLedger()).to.equal(2);
        const second = await pipeline.accept(services(successor, 2, { nonce: 5n }));
        await until(pipeline, second.hash, 'anchored', 'final');
        expect((await pipeline.status(first.hash as SubmissionHash))?.state).to.be.oneOf([
          'anchored',
          'final',
        ]);
        await expectHeads(0, world.ledger.address, 2);
        await expectHeads(2, successor.ledger.address, 2);
        const conflict = services(successor, 1, { nonce: 5n }, 9);
        await expectCode('nonce.conflict', () => pipeline.accept(conflict));
        await expectCode('submission.signature', () => pipeline.accept(services(world, 1)));
        await pipeline.stop();

        const moved = { ...successor, organisations: world.directory };
        await expectCode('index.otherLedger', () => pipelineIn(moved, store).start());
      });
    });

    async function allAnchored(): Promise<boolean> {
      return (await count('submissions', `state NOT IN ('anchored', 'final')`)) === 0;
    }
    async function pipelineRests(pipeline: Pipeline): Promise<boolean> {
      return pipeline.progress().indexedBlock >= (await world.chain.blockNumber());
    }
  });
});

const b32 = (): Hex => toHex(randomBytes(32));

async function authorityOf({ chain, organisations }: World): Promise<string> {
  const word = String(
    await chain.rpc.call('eth_call', [{ to: organisations, data: selector('authority()') }, 'latest']),
  );
  return `0x${word.slice(26)}`;
}

async function closedAtOf({ chain, ledger }: World): Promise<{ closedAt: bigint }> {
  const data = selector('closedAt()');
  const word = String(await chain.rpc.call('eth_call', [{ to: ledger.address, data }, 'latest']));
  return { closedAt: BigInt(word) };
}
