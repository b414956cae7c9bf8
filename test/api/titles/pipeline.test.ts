import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { ActionStatus } from '../../../api/accept/actionSchema.ts';
import type { SubmissionState } from '../../../api/accept/schema.ts';
import { foldTitles, readTitles } from '../../../api/index/titles.ts';
import type { Pipeline, PipelineOptions } from '../../../api/pipeline.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromBase64Url, fromHex, toHex } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address } from '../../../core/chain/types.ts';
import { NO_TITLE, type Title, titleKinds } from '../../../core/modules/title.ts';
import { expectCode } from '../../expectCode.ts';
import { anvilKeys } from '../pipeline/chain.ts';
import {
  createWorld,
  empty,
  eventually,
  type Organisation,
  pipelineIn,
  services,
  TITLE_RIGHTS,
  until as untilSubmission,
  vinOf,
  type World,
} from '../pipeline/world.ts';
import { onEachStore } from '../store/stores.ts';
import { person, type Signed, seconds, sign, type Target } from './acting.ts';

const DAY = 86_400n;

describe('Actions on titles, in the pipeline', function () {
  this.timeout(60_000);
  let world: World;
  let registrar: Organisation;
  before(async () => {
    world = await createWorld();
    registrar = await world.admit(TITLE_RIGHTS);
  });
  after(() => world.stop());

  /** Whether the directory lists the ledger: it is the same for every store. */
  let listed = false;
  let vehicles = 0;
  const target = (): Target => {
    vehicles += 1;
    const identifier = vinOf(50_000 + vehicles);
    return { identifier, subject: world.evaluator.subject(identifier) };
  };
  const issue = (vehicle: Target, owner: Address) =>
    sign(world, registrar, vehicle, 'title.issued', 0, { party: owner });
  const lien = (vehicle: Target, revision: number, rank = 1n) =>
    sign(world, registrar, vehicle, 'title.lienPlaced', revision, { detail: rank, until: seconds() + DAY });
  const release = (vehicle: Target, revision: number, number = 1n) =>
    sign(world, registrar, vehicle, 'title.lienReleased', revision, { detail: number });

  onEachStore((open) =>
    describe('from handed in to final', () => {
      let store: Store;
      const running = new Set<Pipeline>();
      before(async () => {
        store = await open();
      });
      after(() => store.close());
      beforeEach(async () => {
        await world.chain.rpc.call('anvil_dropAllTransactions', []);
        await empty(store);
      });
      afterEach(async () => {
        for (const pipeline of running) await pipeline.stop();
        running.clear();
      });

      const create = (options: Partial<PipelineOptions> = {}, of: World = world): Pipeline => {
        const pipeline = pipelineIn(of, store, options);
        running.add(pipeline);
        return pipeline;
      };
      const started = async (options: Partial<PipelineOptions> = {}): Promise<Pipeline> => {
        const pipeline = create(options);
        await pipeline.start();
        return pipeline;
      };
      const readAll = async (): Promise<void> => {
        const pipeline = await started();
        const last = await world.chain.blockNumber();
        await eventually(() => pipeline.progress().indexedBlock >= last, 'everything is indexed');
        await pipeline.stop();
      };
      const stateOf = async (pipeline: Pipeline, { hash }: Pick<Signed, 'hash'>) => {
        const status = await pipeline.actionStatus(hash);
        if (status === null) throw new Error('nobody knows it');
        return status;
      };
      const until = async (
        pipeline: Pipeline,
        signed: Pick<Signed, 'hash'>,
        ...states: SubmissionState[]
      ): Promise<ActionStatus> => {
        let status = await stateOf(pipeline, signed);
        await eventually(
          async () => {
            status = await stateOf(pipeline, signed);
            return states.includes(status.state);
          },
          `${states.join(' or ')}`,
        );
        return status;
      };
      const problemOf = async (pipeline: Pipeline, signed: Signed, code: string) =>
        eventually(async () => (await stateOf(pipeline, signed)).problem === code, code);
      const titleOf = async ({ subject }: Target): Promise<Title> => {
        const found = await readTitles(store, 0, [fromHex(subject, 32)]);
        return found.get(subject)?.title ?? NO_TITLE;
      };
      const executedOnChain = async ({ hash }: Signed): Promise<number> => {
        const logs = (await world.chain.rpc.call('eth_getLogs', [
          { address: world.titles, fromBlock: '0x0', toBlock: 'latest' },
        ])) as { topics: string[] }[];
        return logs.filter(({ topics }) => topics[2] === hash).length;
      };
      const executeDirectly = ({ action, request }: Signed) =>
        world.titlesCall('execute', action, request.actor, fromBase64Url(request.signature ?? ''), {
          gasLimit: 2_000_000,
        });

      describe('states', () => {
        it('tells the truth at every step, each with its time and evidence', async () => {
          await readAll();
          const pipeline = create({ nudge: () => undefined });
          const vehicle = target();
          const issued = issue(vehicle, person().address);
          const accepted = await pipeline.acceptAction(issued.request);
          expect(accepted).to.include({ state: 'stored', hash: issued.hash, actor: registrar.signer });
          expect(accepted.action).to.deep.equal(issued.request.action);
          await pipeline.start();
          const submitted = await until(pipeline, issued, 'submitted');
          expect(submitted).to.include.keys('submittedAt', 'transaction');
          expect(submitted).not.to.have.any.keys('anchoredAt', 'block');
          expect(await titleOf(vehicle)).to.deep.equal(NO_TITLE);
          await world.chain.mine();
          const anchored = await until(pipeline, issued, 'anchored');
          expect(anchored.transaction).to.equal(submitted.transaction);
          expect(await titleOf(vehicle)).to.include({ state: 'held', revision: 1n });
          for (let left = 3; left > 0; left -= 1) await world.chain.mine();
          const final = await until(pipeline, issued, 'final');
          expect(final).to.include.keys('receivedAt', 'storedAt', 'submittedAt', 'anchoredAt', 'finalAt');
          expect(final.receipt).to.deep.equal(accepted.receipt);
        });

        it('executes many of one subject in one block, in their order, a transaction for each', async () => {
          await readAll();
          const pipeline = create();
          const vehicle = target();
          const owner = person();
          const actions = [
            issue(vehicle, owner.address),
            ...Array.from({ length: 6 }, (_, index) => [
              lien(vehicle, 1 + 2 * index),
              release(vehicle, 2 + 2 * index, BigInt(1 + index)),
            ]).flat(),
          ];
          for (const { request } of actions) await pipeline.acceptAction(request);
          await pipeline.start();
          const anchored = [];
          for (const action of actions) anchored.push(await until(pipeline, action, 'anchored', 'final'));
          expect(new Set(anchored.map(({ block }) => block?.number)).size).to.equal(1);
          expect(new Set(anchored.map(({ transaction }) => transaction)).size).to.equal(actions.length);
          expect(pipeline.counters).to.include({ transactionsSent: actions.length, reverted: 0 });
          expect(await titleOf(vehicle)).to.include({ revision: 13n, liensPlaced: 6 });
        });

        it('takes one action after the other while those before are being executed', async () => {
          const pipeline = await started();
          const vehicle = target();
          const issued = issue(vehicle, person().address);
          await pipeline.acceptAction(issued.request);
          let last = issued;
          for (let count = 1; count <= 60; count += 1) {
            last = sign(world, registrar, vehicle, 'title.branded', count, { detail: BigInt(count) });
            await pipeline.acceptAction(last.request);
          }
          await until(pipeline, last, 'anchored', 'final');
          expect(await titleOf(vehicle)).to.include({ revision: 61n });
        });

        it('settles what was stored at the moment in which its place was taken', async () => {
          await readAll();
          const first = create();
          const [vehicle, other] = [target(), target()];
          const mine = issue(vehicle, person().address);
          const lost = issue(other, person().address);
          const won = issue(other, person().address);
          await first.acceptAction(mine.request);
          await first.acceptAction(lost.request);
          await executeDirectly(mine);
          await executeDirectly(won);
          await readAll();
          // As if the index had read the blocks before they were stored.
          await store.execute(
            `UPDATE submissions SET state = 'stored', anchored_at = NULL, block_number = NULL, block_hash = NULL,
             ended_at = NULL, problem = NULL, transaction_hash = NULL`,
          );
          const next = lien(other, 1);
          const pipeline = create();
          await pipeline.acceptAction(next.request);
          await pipeline.start();
          await until(pipeline, next, 'anchored', 'final');
          expect(await until(pipeline, mine, 'anchored', 'final')).to.include.keys('block', 'transaction');
          expect(await until(pipeline, lost, 'conflicted')).to.include({ problem: 'title.conflict' });
        });

        it('sends no more at once than it may, and all in the end', async () => {
          await readAll();
          const pipeline = create({ limits: { pollMilliseconds: 20, actionsInFlight: 4 } });
          const actions = Array.from({ length: 11 }, () => issue(target(), person().address));
          for (const { request } of actions) await pipeline.acceptAction(request);
          await pipeline.start();
          const blocks = [];
          for (const action of actions)
            blocks.push((await until(pipeline, action, 'anchored', 'final')).block);
          const perBlock = Map.groupBy(blocks, (block) => block?.number);
          expect(Math.max(...[...perBlock.values()].map(({ length }) => length))).to.be.at.most(4);
        });

        it('keeps submissions and actions out of each other’s way', async () => {
          await readAll();
          const pipeline = create({ nudge: () => undefined });
          const issued = issue(target(), person().address);
          await pipeline.acceptAction(issued.request);
          await pipeline.start();
          await until(pipeline, issued, 'submitted');
          const { hash } = await pipeline.accept(services(world, 1));
          await untilSubmission(pipeline, hash, 'submitted');
          const second = issue(target(), person().address);
          await pipeline.acceptAction(second.request);
          await until(pipeline, second, 'submitted');
          await world.chain.mine();
          await until(pipeline, issued, 'anchored');
          await until(pipeline, second, 'anchored');
          await untilSubmission(pipeline, hash, 'anchored');
        });

        it('bids more for what no block takes, and knows it under either hash', async () => {
          await readAll();
          const pipeline = await started({
            limits: { pollMilliseconds: 20, bumpMilliseconds: 300 },
            nudge: () => undefined,
          });
          const vehicle = target();
          const issued = issue(vehicle, person().address);
          await pipeline.acceptAction(issued.request);
          await eventually(() => pipeline.counters.feesRaised > 0, 'it bids more');
          await world.chain.mine();
          await until(pipeline, issued, 'anchored', 'final');
          expect(await executedOnChain(issued)).to.equal(1);
        });
      });

      describe('once', () => {
        it('gives the same answer to the same action, whatever has become of it', async () => {
          await readAll();
          const pipeline = create();
          const issued = issue(target(), person().address);
          const first = await pipeline.acceptAction(issued.request);
          const [again, at, once] = await Promise.all(
            [1, 2, 3].map(() => pipeline.acceptAction(issued.request)),
          );
          expect([again, at, once].map((status) => status?.receipt)).to.deep.equal(
            [1, 2, 3].map(() => first.receipt),
          );
          await pipeline.start();
          await until(pipeline, issued, 'anchored', 'final');
          const later = await pipeline.acceptAction(issued.request);
          expect(later.receipt).to.deep.equal(first.receipt);
          expect(later.state).to.be.oneOf(['anchored', 'final']);
          await pipeline.stop();
          expect(await executedOnChain(issued)).to.equal(1);
        });

        it('refuses another action for the same place, waiting or executed: title.conflict', async () => {
          await readAll();
          const pipeline = create();
          const vehicle = target();
          const issued = issue(vehicle, person().address);
          const other = issue(vehicle, person().address);
          await pipeline.acceptAction(issued.request);
          const error = await expectCode('title.conflict', () => pipeline.acceptAction(other.request));
          expect((error as unknown as { extensions: unknown }).extensions).to.include({
            holder: issued.hash,
          });
          await pipeline.start();
          await until(pipeline, issued, 'anchored', 'final');
          await expectCode('title.conflict', () => pipeline.acceptAction(other.request));
          const sooner = lien(vehicle, 3);
          await expectCode('title.wrongRevision', () => pipeline.acceptAction(sooner.request));
        });

        it('lets one of two that come at once have the place', async () => {
          await readAll();
          const pipeline = create();
          const vehicle = target();
          const results = await Promise.allSettled(
            Array.from({ length: 6 }, () => pipeline.acceptAction(issue(vehicle, person().address).request)),
          );
          expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
          for (const result of results) {
            if (result.status === 'rejected') expect(result.reason).to.include({ code: 'title.conflict' });
          }
        });
      });

      describe('a crash', () => {
        it('with actions stored and none sent: the next process sends them', async () => {
          await readAll();
          const vehicle = target();
          const owner = person();
          const actions = [issue(vehicle, owner.address), lien(vehicle, 1), release(vehicle, 2)];
          const first = create();
          for (const { request } of actions) await first.acceptAction(request);
          const second = await started();
          for (const action of actions) await until(second, action, 'anchored', 'final');
          expect(await titleOf(vehicle)).to.include({ revision: 3n });
        });

        it('between outbox and chain: the very same bytes are sent, in their order', async () => {
          await readAll();
          const vehicle = target();
          const actions = [issue(vehicle, person().address), lien(vehicle, 1), release(vehicle, 2)];
          const first = create({
            beforeBroadcast: async () => {
              throw new Error('killed');
            },
          });
          for (const { request } of actions) await first.acceptAction(request);
          await first.start();
          const rows = () =>
            store.query<{ hash: Uint8Array }>('SELECT hash FROM relay_transactions ORDER BY nonce');
          await eventually(async () => (await rows()).length === 3, 'they are persisted');
          await first.stop();
          const persisted = (await rows()).map(({ hash }) => toHex(hash));
          const second = await started();
          const anchored = [];
          for (const action of actions) anchored.push(await until(second, action, 'anchored', 'final'));
          expect(anchored.map(({ transaction }) => transaction)).to.deep.equal(persisted);
        });
      });

      describe('a reorganisation', () => {
        it('takes actions back, and they are executed again exactly once', async () => {
          await readAll();
          const pipeline = await started({ finality: async () => 0n });
          const vehicle = target();
          const issued = issue(vehicle, person().address);
          await pipeline.acceptAction(issued.request);
          await until(pipeline, issued, 'anchored');
          const placed = lien(vehicle, 1);
          await pipeline.acceptAction(placed.request);
          const before = await until(pipeline, placed, 'anchored');
          const title = await titleOf(vehicle);
          await world.chain.reorganise(2);
          await eventually(() => pipeline.counters.reorganisations > 0, 'it is noticed');
          await eventually(async () => (await executedOnChain(placed)) === 1, 'it is on the new chain');
          const again = await until(pipeline, placed, 'anchored');
          expect(again.block?.hash).not.to.equal(before.block?.hash);
          await until(pipeline, issued, 'anchored');
          expect(await titleOf(vehicle)).to.deep.equal(title);
          expect(await executedOnChain(issued)).to.equal(1);
        });

        it('leaves the title as it was before, and gives the place back to who had lost it', async () => {
          await readAll();
          const vehicle = target();
          const first = create();
          const issued = issue(vehicle, person().address);
          await first.acceptAction(issued.request);
          await first.start();
          await until(first, issued, 'anchored', 'final');
          await first.stop();

          const id = await world.chain.rpc.call('evm_snapshot', []);
          const stolen = sign(world, registrar, vehicle, 'title.stolen', 1);
          const placed = lien(vehicle, 1);
          const final = BigInt((await world.chain.blockNumber()) - 1);
          const second = create({ finality: async () => final });
          await second.acceptAction(placed.request);
          await executeDirectly(stolen);
          await second.start();
          const conflicted = await until(second, placed, 'conflicted');
          expect(conflicted).to.include({ problem: 'title.conflict' });
          expect(await titleOf(vehicle)).to.include({ stolen: true, revision: 2n });
          expect(await second.actionStatus(stolen.hash)).to.include({ state: 'anchored' });
          await world.chain.rpc.call('evm_revert', [id]);
          world.forgetNonces();
          await until(second, placed, 'anchored');
          expect(await titleOf(vehicle)).to.deep.include({ stolen: false, revision: 2n, liensPlaced: 1 });
          expect(await second.actionStatus(stolen.hash)).to.equal(null);
        });
      });

      describe('another way to the module', () => {
        it('is indexed when an owner acts directly, and its content may come later, without a signature', async () => {
          const key = fromHex(anvilKeys[0], 32);
          const owner = { key, address: addressOfKey(key) };
          const pipeline = await started();
          const vehicle = target();
          const issued = issue(vehicle, owner.address);
          await pipeline.acceptAction(issued.request);
          await until(pipeline, issued, 'anchored', 'final');
          const offered = sign(world, owner, vehicle, 'title.offered', 1, {
            party: person().address,
            until: seconds() + DAY,
          });
          const unsigned = { ...offered.request, signature: '' };
          await expectCode('action.signature', () => pipeline.acceptAction(unsigned));
          await world.titlesCall('execute', offered.action, owner.address, '0x');
          // At once: the index is waited for.
          const status = await pipeline.acceptAction(unsigned);
          expect(status.state).to.be.oneOf(['anchored', 'final']);
          expect(status.receipt?.submission).to.equal(offered.hash);
          expect(await titleOf(vehicle)).to.deep.include({ revision: 2n });

          const withdrawn = sign(world, owner, vehicle, 'title.withdrawn', 2);
          await world.titlesCall('execute', withdrawn.action, owner.address, '0x');
          await eventually(async () => (await titleOf(vehicle)).revision === 3n, 'it is indexed');
          const known = await stateOf(pipeline, withdrawn);
          expect(known).not.to.have.property('receipt');
          expect(known.action).to.deep.equal(withdrawn.request.action);
          expect(await pipeline.missing(10_000)).to.include(withdrawn.action.digest);
          // Its content, and never another’s.
          const other = sign(world, owner, vehicle, 'title.withdrawn', 2);
          const swapped = { ...withdrawn.request, block: other.request.block, key: other.request.key };
          await expectCode('block.digestMismatch', () => pipeline.acceptAction(swapped));
          const { block } = await pipeline.acceptAction({ ...withdrawn.request, signature: '' });
          expect(block?.number).to.equal(known.block?.number);
          expect(await pipeline.missing(10_000)).not.to.include(withdrawn.action.digest);
        });

        it('the same action by a stranger: anchored by it, and not sent again', async () => {
          await readAll();
          const pipeline = create();
          const vehicle = target();
          const issued = issue(vehicle, person().address);
          await pipeline.acceptAction(issued.request);
          await executeDirectly(issued);
          await pipeline.start();
          await until(pipeline, issued, 'anchored', 'final');
          expect(await executedOnChain(issued)).to.equal(1);
        });
      });

      describe('a refusal by the module', () => {
        it('is told with its reason, is no end, and the action is executed when the reason is gone', async () => {
          const acting = await world.admit(TITLE_RIGHTS);
          await readAll();
          const pipeline = create();
          const vehicle = target();
          const issued = sign(world, acting, vehicle, 'title.issued', 0, { party: person().address });
          await pipeline.acceptAction(issued.request);
          const next = lien(vehicle, 1);
          await pipeline.acceptAction(next.request);
          await world.organisationsCall('suspend', acting.id);
          await pipeline.start();
          await problemOf(pipeline, issued, 'action.suspended');
          expect((await stateOf(pipeline, issued)).state).to.be.oneOf(['stored', 'submitted']);
          await eventually(async () => (await stateOf(pipeline, issued)).state === 'stored', 'it is back');
          const sent = pipeline.counters.transactionsSent;
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          // It is asked about, not sent, as long as it would be refused.
          expect(pipeline.counters.transactionsSent).to.equal(sent);
          await world.organisationsCall('reinstate', acting.id);
          await until(pipeline, issued, 'anchored', 'final');
          await until(pipeline, next, 'anchored', 'final');
          expect(await executedOnChain(issued)).to.equal(1);
        });

        it('gives the place to another action that can be executed', async () => {
          const acting = await world.admit(TITLE_RIGHTS);
          await readAll();
          const pipeline = create();
          const vehicle = target();
          const refused = sign(world, acting, vehicle, 'title.issued', 0, { party: person().address });
          await pipeline.acceptAction(refused.request);
          await world.organisationsCall('revokeKey', acting.id, acting.signer);
          await pipeline.start();
          await problemOf(pipeline, refused, 'action.unknownKey');
          await until(pipeline, refused, 'stored');
          const other = issue(vehicle, person().address);
          await pipeline.acceptAction(other.request);
          const ended = await until(pipeline, refused, 'conflicted');
          expect(ended).to.include({ problem: 'action.unknownKey' });
          await until(pipeline, other, 'anchored', 'final');
          // Also when its content is wanted once more, the answer is the same.
          expect(await pipeline.acceptAction(refused.request)).to.include({ state: 'conflicted' });
        });

        it('ends with the deadline, and keeps its reason', async () => {
          const acting = await world.admit(TITLE_RIGHTS);
          await readAll();
          const pipeline = create({ limits: { minimumLeadSeconds: 1, pollMilliseconds: 20 } });
          const issued = sign(world, acting, target(), 'title.issued', 0, {
            party: person().address,
            deadline: seconds() + 4n,
          });
          await pipeline.acceptAction(issued.request);
          await world.organisationsCall('suspend', acting.id);
          await pipeline.start();
          const expired = await until(pipeline, issued, 'expired');
          expect(expired.problem).to.be.oneOf(['action.suspended', 'action.expired']);
          expect(expired).to.have.property('endedAt');
        });

        it('of one subject hinders no other, and no submission', async () => {
          const acting = await world.admit(TITLE_RIGHTS);
          await readAll();
          const pipeline = create();
          const bad = Array.from({ length: 5 }, () =>
            sign(world, acting, target(), 'title.issued', 0, { party: person().address }),
          );
          const good = Array.from({ length: 5 }, () => issue(target(), person().address));
          for (const [index, { request }] of bad.entries()) {
            await pipeline.acceptAction(request);
            await pipeline.acceptAction(good[index]?.request ?? request);
          }
          const { hash } = await pipeline.accept(services(world, 2));
          await world.organisationsCall('suspend', acting.id);
          await pipeline.start();
          for (const action of good) await until(pipeline, action, 'anchored', 'final');
          await untilSubmission(pipeline, hash, 'anchored', 'final');
          for (const action of bad) await problemOf(pipeline, action, 'action.suspended');
        });
      });

      it('takes a contract’s signature (ERC-1271), with gas for it', async () => {
        const guardian = person();
        const wallet = await world.deploy('OwnedWallet', guardian.address, 120_000);
        const pipeline = await started();
        const vehicle = target();
        const issued = issue(vehicle, wallet);
        await pipeline.acceptAction(issued.request);
        const until366 = seconds() + DAY;
        const offered = sign(world, guardian, vehicle, 'title.offered', 1, {
          party: person().address,
          until: until366,
        });
        await pipeline.acceptAction({ ...offered.request, actor: wallet });
        await until(pipeline, offered, 'anchored', 'final');
        expect(await titleOf(vehicle)).to.include({ owner: wallet, revision: 2n });
        await eventually(
          async () =>
            (await store.query('SELECT 1 FROM relay_transactions WHERE gas_used IS NULL')).length === 0,
          'all receipts are read',
        );
        const rows = await store.query<{ gas_limit: bigint; gas_used: bigint }>(
          'SELECT gas_limit, gas_used FROM relay_transactions WHERE action',
        );
        for (const row of rows) expect(row.gas_used <= row.gas_limit).to.equal(true);
      });

      it('leaves gas enough for the dearest actions, liens and brands carried over included', async () => {
        await readAll();
        const pipeline = create();
        const vehicle = target();
        const later = target();
        const holders = await Promise.all(Array.from({ length: 8 }, async (_, index) => BigInt(index + 1)));
        const actions = [
          issue(vehicle, person().address),
          ...holders.map((rank) => lien(vehicle, Number(rank), rank)),
          sign(world, registrar, vehicle, 'title.branded', 9, { detail: 99n }),
          sign(world, registrar, vehicle, 'title.stolen', 10),
          sign(world, registrar, vehicle, 'title.replaced', 11, {
            detail: later.subject,
            data: { to: `vin:${later.identifier.value}` },
          }),
        ];
        for (const { request } of actions) await pipeline.acceptAction(request);
        const onNew = lien(later, 1, 9n);
        await expectCode('title.tooManyLiens', () => pipeline.acceptAction(onNew.request));
        const released = release(later, 1, 3n);
        await pipeline.acceptAction(released.request);
        await pipeline.start();
        for (const action of [...actions, released]) await until(pipeline, action, 'anchored', 'final');
        expect(await titleOf(later)).to.deep.include({
          stolen: true,
          brands: [99],
          replaces: vehicle.subject,
        });
        expect((await titleOf(later)).liens).to.have.length(7);
        await eventually(
          async () =>
            (await store.query('SELECT 1 FROM relay_transactions WHERE gas_used IS NULL')).length === 0,
          'all receipts are read',
        );
        const rows = await store.query<{ gas_limit: bigint; gas_used: bigint; succeeded: boolean }>(
          'SELECT gas_limit, gas_used, succeeded FROM relay_transactions',
        );
        for (const { gas_limit, gas_used, succeeded } of rows) {
          expect(succeeded).to.equal(true);
          // Half of the limit is room enough for what a chain may reckon otherwise.
          expect(Number(gas_used) / Number(gas_limit)).to.be.at.most(0.6);
        }
      });

      describe('the index', () => {
        const dump = () => store.query<object>('SELECT * FROM titles ORDER BY ledger, subject, position');

        it('is the same when it is rebuilt from nothing', async () => {
          const pipeline = await started();
          const vehicle = target();
          const later = target();
          const actions = [
            issue(vehicle, person().address),
            lien(vehicle, 1),
            sign(world, registrar, vehicle, 'title.replaced', 2, {
              detail: later.subject,
              data: { to: `vin:${later.identifier.value}` },
            }),
            release(later, 1),
          ];
          for (const { request } of actions) await pipeline.acceptAction(request);
          for (const action of actions) await until(pipeline, action, 'anchored', 'final');
          await pipeline.stop();
          const followed = await dump();
          expect(followed.length).to.be.at.least(5);
          await empty(store);
          await readAll();
          expect(await dump()).to.deep.equal(followed);
        });

        it('reads the modules of the directory’s other ledgers, their past included', async () => {
          const other = await world.addLedger();
          const vehicle = target();
          const owner = person();
          const there = { ...other, registrar };
          const issued = sign(there, registrar, vehicle, 'title.issued', 0, { party: owner.address });
          await other.titlesCall(
            'execute',
            issued.action,
            registrar.signer,
            fromBase64Url(issued.request.signature),
          );
          if (!listed) await world.list();
          listed = true;
          await other.list();
          const pipeline = await started();
          const found = () =>
            store.query<{ ledger: number; owner: Uint8Array }>(
              'SELECT ledger, owner FROM titles WHERE subject = $1 ORDER BY position',
              [fromHex(vehicle.subject, 32)],
            );
          await eventually(async () => (await found()).length === 1, 'its past is read');
          const stolen = sign(there, registrar, vehicle, 'title.stolen', 1);
          await other.titlesCall(
            'execute',
            stolen.action,
            registrar.signer,
            fromBase64Url(stolen.request.signature),
          );
          await eventually(async () => (await found()).length === 2, 'it is followed');
          const rows = await found();
          expect(rows.every(({ ledger }) => ledger > 0)).to.equal(true);
          expect(rows.map((row) => toHex(row.owner))).to.deep.equal([owner.address, owner.address]);
          // Its own title is another one: signed for that module, an action is nobody's here.
          await expectCode('action.signature', () => pipeline.acceptAction(stolen.request));
          const here = issue(vehicle, owner.address);
          await pipeline.acceptAction(here.request);
          await until(pipeline, here, 'anchored', 'final');
          expect(await titleOf(vehicle)).to.include({ revision: 1n, stolen: false });
        });

        it('goes on after what the protocol does not allow, and says what was wrong', async () => {
          const vehicle = target();
          const event = {
            event: 'executed' as const,
            ledger: 0,
            blockNumber: 7,
            logIndex: 1,
            transactionHash: randomBytes(32),
            subject: Buffer.from(fromHex(vehicle.subject, 32)),
            actionHash: randomBytes(32),
            actor: randomBytes(20),
            kind: titleKinds['title.offered'],
            revision: 0n,
            deadline: 2n ** 64n - 1n,
            organisation: 0n,
            party: randomBytes(20),
            until: 99n,
            detail: Buffer.alloc(32),
            digest: randomBytes(32),
          };
          const issued = {
            ...event,
            logIndex: 2,
            kind: titleKinds['title.issued'],
            revision: 1n,
            organisation: 1n,
            until: 0n,
          };
          const steps = await foldTitles(store, [event, issued], [], () => 1_000);
          expect(steps.map(({ illegal, title }) => [illegal, title.state, title.revision])).to.deep.equal([
            ['title.wrongState', 'none', 1n],
            [null, 'held', 2n],
          ]);
        });
      });
    }),
  );
});
