import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { SubmissionState } from '../../../api/accept/schema.ts';
import { createRpc } from '../../../api/chain/rpc.ts';
import type { Pipeline, PipelineOptions } from '../../../api/pipeline.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromBase64Url, fromHex, type Hex, toHex } from '../../../core/bytes.ts';
import { addressOfKey, type SubmissionHash } from '../../../core/chain/submission.ts';
import type { Digest, Subject } from '../../../core/chain/types.ts';
import { digestOf } from '../../../core/envelope/block.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import { selector } from '../../../core/verify/chainView.ts';
import { expectCode } from '../../expectCode.ts';
import { onEachStore } from '../store/stores.ts';
import { startChain } from './chain.ts';
import { CuttableProxy } from './proxy.ts';
import {
  compose,
  createWorld,
  empty,
  eventually,
  nowSeconds,
  pipelineIn,
  request,
  services,
  until,
  vinOf,
  type World,
} from './world.ts';

describe('Pipeline', function () {
  this.timeout(60_000);
  let world: World;
  /** How many ledgers the directory lists: it is the same for every store. */
  let listed = 0n;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.stop());

  onEachStore((open) =>
    describe('from received to final', () => {
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

      const create = (options: Partial<PipelineOptions> = {}): Pipeline => {
        const pipeline = pipelineIn(world, store, options);
        running.add(pipeline);
        return pipeline;
      };
      const started = async (options: Partial<PipelineOptions> = {}): Promise<Pipeline> => {
        const pipeline = create(options);
        await pipeline.start();
        return pipeline;
      };
      /** Reads all there is, and rests. */
      const readAll = async (options: Partial<PipelineOptions> = {}): Promise<void> => {
        const pipeline = await started(options);
        const last = await world.chain.blockNumber();
        await eventually(() => pipeline.progress().indexedBlock >= last, 'everything is indexed');
        await pipeline.stop();
      };
      const mine = async (blocks: number) => {
        for (let left = blocks; left > 0; left -= 1) await world.chain.mine();
      };
      const count = async (table: string, where = 'true', parameters: Uint8Array[] = []): Promise<number> => {
        const [row] = await store.query<{ count: bigint }>(
          `SELECT count(*) AS count FROM ${table} WHERE ${where}`,
          parameters,
        );
        return Number(row?.count);
      };
      const linksOf = (hash: string) => count('links', 'submission_hash = $1', [fromHex(hash as Hex)]);
      /** How often the ledger itself says that it accepted this. */
      const acceptedOnChain = async (hash: string): Promise<number> => {
        const logs = (await world.chain.rpc.call('eth_getLogs', [
          { address: world.ledger.address, fromBlock: '0x0', toBlock: 'latest' },
        ])) as { data: string }[];
        return logs.filter(({ data }) => data.length === 130 && data.endsWith(hash.slice(2))).length;
      };
      /** The heads in the index are those of the ledger. */
      const expectHeads = async () => {
        const rows = await store.query<{ subject: Uint8Array; head: Uint8Array }>(
          'SELECT DISTINCT ON (subject) subject, head FROM links ORDER BY subject, position DESC LIMIT 50',
        );
        const heads = await world.chain.rpc.batch(
          rows.map(({ subject }) => ({
            method: 'eth_call',
            params: [
              { to: world.ledger.address, data: `${headsSelector}${toHex(subject).slice(2)}` },
              'latest',
            ],
          })),
        );
        expect(heads).to.deep.equal(rows.map(({ head }) => toHex(head)));
      };

      describe('states', () => {
        it('tells the truth at every step, each with its time and evidence', async () => {
          const seen: SubmissionState[] = [];
          const pipeline = create({ nudge: () => undefined });
          const accepted = await pipeline.accept(services(world, 3));
          expect(accepted.state).to.equal('stored');
          await pipeline.start();
          const submitted = await until(pipeline, accepted.hash, 'submitted');
          expect(submitted).to.include.keys('submittedAt', 'transaction');
          expect(submitted).not.to.have.any.keys('anchoredAt', 'finalAt', 'block');
          expect(await linksOf(accepted.hash)).to.equal(0);

          await world.chain.mine();
          const anchored = await until(pipeline, accepted.hash, 'anchored');
          expect(anchored.transaction).to.equal(submitted.transaction);
          expect(anchored).not.to.have.any.keys('finalAt');
          expect(await linksOf(accepted.hash)).to.equal(3);
          const header = (await world.chain.rpc.call('eth_getBlockByNumber', [
            `0x${anchored.block?.number.toString(16)}`,
            false,
          ])) as { hash: string };
          expect(anchored.block?.hash).to.equal(header.hash);

          await mine(2);
          await new Promise((resolve) => setTimeout(resolve, 100));
          seen.push((await until(pipeline, accepted.hash, 'anchored', 'final')).state);
          expect(seen).to.deep.equal(['anchored']);
          await mine(1);
          const final = await until(pipeline, accepted.hash, 'final');
          expect(final).to.include.keys('receivedAt', 'storedAt', 'submittedAt', 'anchoredAt', 'finalAt');
          const times = [
            final.receivedAt,
            final.storedAt,
            final.submittedAt,
            final.anchoredAt,
            final.finalAt,
          ];
          expect(times).to.deep.equal(times.toSorted());
          expect(await pipeline.accept(services(world, 1))).to.include({ state: 'stored' });
          await expectHeads();
        });

        it('sends many submissions in one transaction, and all entries in their order', async () => {
          const pipeline = create();
          const signed = Array.from({ length: 12 }, () => services(world, 5));
          const accepted = [];
          for (const item of signed) accepted.push(await pipeline.accept(item));
          await pipeline.start();
          for (const { hash } of accepted) await until(pipeline, hash, 'anchored', 'final');
          expect(pipeline.counters.transactionsSent).to.equal(1);
          const rows = await store.query<{ digest: Uint8Array }>(
            'SELECT digest FROM links WHERE submission_hash = ANY($1::bytea[]) ORDER BY block_number, log_index',
            [accepted.map(({ hash }) => fromHex(hash as Hex))],
          );
          const expected = signed.flatMap(({ contents, submission }) => {
            const order = Buffer.from(fromBase64Url(submission.entries));
            const digests = contents.map(({ block }) => digestOf(fromBase64Url(block)));
            return digests.toSorted(
              (a, b) => order.indexOf(a.slice(2), 'hex') - order.indexOf(b.slice(2), 'hex'),
            );
          });
          expect(rows.map(({ digest }) => toHex(digest))).to.deep.equal(expected);
          await expectHeads();
        });

        it('says which subjects have changed', async () => {
          const pipeline = await started();
          const changed = new Set<Subject>();
          pipeline.on('subjects', ({ subjects }) => {
            for (const subject of subjects) changed.add(subject);
          });
          const { hash } = await pipeline.accept(services(world, 2, {}, 400));
          await until(pipeline, hash, 'anchored', 'final');
          await eventually(() => changed.has(world.evaluator.subject(vinOf(401))), 'the event');
        });

        it('keeps an organisation’s own chain', async () => {
          const pipeline = await started();
          const { data } = kinds['recall.closed'].example;
          const own = compose(world, 'own', {
            kind: 'recall.closed',
            time: '2024-05-31',
            data: data as never,
          });
          const { hash } = await pipeline.accept(request(world, [own]));
          await until(pipeline, hash, 'anchored', 'final');
          expect(await count('own_links', 'submission_hash = $1', [fromHex(hash as Hex)])).to.equal(1);
        });
      });

      describe('a crash', () => {
        it('between outbox and chain: the very same bytes are sent by the next process', async () => {
          let persisted: Hex | undefined;
          const first = await started({
            beforeBroadcast: async ({ hash }) => {
              persisted = hash;
              throw new Error('killed');
            },
          });
          const { hash } = await first.accept(services(world, 2));
          await eventually(() => persisted !== undefined, 'it is persisted');
          await first.stop();
          expect(await first.status(hash as SubmissionHash)).to.include({ state: 'stored' });
          expect(await first.status(hash as SubmissionHash)).not.to.have.property('transaction');

          const second = await started();
          const anchored = await until(second, hash, 'anchored', 'final');
          expect(anchored.transaction).to.equal(persisted);
          expect(await acceptedOnChain(hash)).to.equal(1);
          expect(await linksOf(hash)).to.equal(2);
        });

        it('after the chain had it, before that was written down', async () => {
          const first = await started({
            beforeBroadcast: async ({ raw }) => {
              await world.chain.rpc.call('eth_sendRawTransaction', [toHex(raw)]);
              await world.chain.mine();
              throw new Error('killed');
            },
          });
          const { hash } = await first.accept(services(world, 2));
          await eventually(async () => (await acceptedOnChain(hash)) > 0, 'the chain has it');
          await first.stop();
          const second = await started();
          await until(second, hash, 'anchored', 'final');
          expect(await acceptedOnChain(hash)).to.equal(1);
          expect(await linksOf(hash)).to.equal(2);
        });
      });

      describe('a reorganisation', () => {
        it('sends entries back, and they are anchored again exactly once', async () => {
          const pipeline = await started({ finality: async () => 0n });
          const { hash } = await pipeline.accept(services(world, 3));
          const before = await until(pipeline, hash, 'anchored');
          await world.chain.mine();
          const back: string[] = [];
          pipeline.on('reorganised', () => back.push('reorganised'));
          await world.chain.reorganise(2);
          await eventually(() => back.length > 0, 'the reorganisation is noticed');
          await eventually(async () => (await acceptedOnChain(hash)) === 1, 'it is on the new chain');
          const again = await until(pipeline, hash, 'anchored');
          expect(again.block?.hash).not.to.equal(before.block?.hash);
          expect(again.transaction).to.equal(before.transaction);
          expect(await linksOf(hash)).to.equal(3);
          expect(await count('accepted', 'submission_hash = $1', [fromHex(hash as Hex)])).to.equal(1);
          await expectHeads();
        });

        it('is undone also when nothing replaces the blocks', async () => {
          const pipeline = await started({ finality: async () => 0n });
          const id = await world.chain.rpc.call('evm_snapshot', []);
          const { hash } = await pipeline.accept(services(world, 2));
          const before = await until(pipeline, hash, 'anchored');
          await mine(2);
          const last = await world.chain.blockNumber();
          await eventually(() => pipeline.progress().indexedBlock >= last, 'the blocks are indexed');
          await world.chain.rpc.call('evm_revert', [id]);
          await eventually(() => pipeline.counters.reorganisations > 0, 'the loss is noticed');
          const again = await until(pipeline, hash, 'anchored');
          expect(again.transaction).to.equal(before.transaction);
          expect(await acceptedOnChain(hash)).to.equal(1);
          expect(await linksOf(hash)).to.equal(2);
        });

        it('of final blocks stops everything, loudly', async () => {
          const id = await world.chain.rpc.call('evm_snapshot', []);
          const pipeline = await started({ finality: async () => BigInt(await world.chain.blockNumber()) });
          const { hash } = await pipeline.accept(services(world, 1));
          await until(pipeline, hash, 'final');
          await world.chain.rpc.call('evm_revert', [id]);
          await mine(6);
          await eventually(() => pipeline.progress().stopped !== null, 'it has stopped');
          expect(pipeline.progress().stopped).to.include({ code: 'index.deepReorganisation' });
          expect(await pipeline.status(hash as SubmissionHash)).to.include({ state: 'final' });
        });
      });

      describe('a skip', () => {
        it('is not an end: it is tried again when the reason is gone', async () => {
          const organisation = await world.admit(1n << BigInt(kinds.service.number));
          await readAll();
          const pipeline = create();
          const { hash } = await pipeline.accept(services(world, 2, { organisation }));
          const other = await pipeline.accept(services(world, 2));
          await world.organisationsCall('revokeKey', organisation.id, organisation.signer);
          await pipeline.start();
          await until(pipeline, other.hash, 'anchored', 'final');
          await eventually(
            async () => (await pipeline.status(hash as SubmissionHash))?.lastSkip === 'unknownKey',
            'it was skipped',
          );
          expect(await linksOf(hash)).to.equal(0);
          await world.organisationsCall('addKey', organisation.id, organisation.signer);
          const anchored = await until(pipeline, hash, 'anchored', 'final');
          expect(anchored.lastSkip).to.equal('unknownKey');
          expect(await acceptedOnChain(hash)).to.equal(1);
        });

        it('ends with the deadline: expired', async () => {
          const organisation = await world.admit(1n << BigInt(kinds.service.number));
          await readAll();
          const pipeline = create({ limits: { minimumLeadSeconds: 1, pollMilliseconds: 20 } });
          const { hash } = await pipeline.accept(
            services(world, 1, { organisation, deadline: nowSeconds() + 4n }),
          );
          await world.organisationsCall('suspend', organisation.id);
          await pipeline.start();
          const expired = await until(pipeline, hash, 'expired');
          expect(expired).to.include({ problem: 'submission.expired' });
          // By the time that it is sent the deadline may have passed too, which the ledger looks at first.
          expect(expired.lastSkip).to.be.oneOf(['notInGoodStanding', 'expired']);
          expect(expired).to.have.property('endedAt');
          // Its nonce is free again.
          const [nonce] = await store.query<{ nonce: string }>(
            'SELECT nonce FROM submissions WHERE hash = $1',
            [fromHex(hash as Hex)],
          );
          await world.organisationsCall('reinstate', organisation.id);
          const next = await pipeline.accept(
            services(world, 1, { organisation, nonce: BigInt(nonce?.nonce ?? 0) }),
          );
          await until(pipeline, next.hash, 'anchored', 'final');
          expect((await pipeline.accept(services(world, 1))).state).to.equal('stored');
        });
      });

      describe('another way to the ledger', () => {
        it('a nonce used for another submission: conflicted, and refused from then on', async () => {
          await readAll();
          const pipeline = create();
          const nonce = BigInt(toHex(randomBytes(6)));
          const ours = await pipeline.accept(services(world, 1, { nonce }));
          await world.relay(services(world, 2, { nonce }));
          await pipeline.start();
          const ended = await until(pipeline, ours.hash, 'conflicted');
          expect(ended).to.include({ problem: 'nonce.conflict' });
          expect(ended).to.have.property('endedAt');
          expect(await acceptedOnChain(ours.hash)).to.equal(0);
          await expectCode('nonce.conflict', () => pipeline.accept(services(world, 1, { nonce })));
        });

        it('the same submission: anchored by it, and not sent again', async () => {
          await readAll();
          const pipeline = create();
          const signed = services(world, 2);
          const { hash } = await pipeline.accept(signed);
          await world.relay(signed);
          await pipeline.start();
          const anchored = await until(pipeline, hash, 'anchored', 'final');
          expect(anchored).to.have.property('transaction');
          expect(await acceptedOnChain(hash)).to.equal(1);
          expect(await linksOf(hash)).to.equal(2);
        });

        it('entries that came by another operator: listed, and fetched', async () => {
          const signed = services(world, 2);
          const blocks = new Map(
            signed.contents.map(({ block }) => [digestOf(fromBase64Url(block)), fromBase64Url(block)]),
          );
          await world.relay(signed);
          await readAll();
          const before = await create().missing(10_000);
          expect(before).to.include.members([...blocks.keys()]);
          const asked: Digest[] = [];
          const pipeline = await started({
            fetchMissing: async (digest) => {
              asked.push(digest);
              // Half of them are to be had, one of them altered on the way.
              return blocks.get(digest) ?? new Uint8Array([1, 2, 3]);
            },
          });
          const [first = ''] = blocks.keys();
          await eventually(
            async () => (await count('blocks', 'digest = $1', [fromHex(first as Hex)])) === 1,
            'it was fetched',
          );
          expect(await pipeline.missing(10_000)).not.to.include(first);
          expect(await count('blocks', 'octet_length(body) = 3')).to.equal(0);
        });

        it('whose content comes in afterwards: anchored at once', async () => {
          const signed = services(world, 2);
          await world.relay(signed);
          await readAll();
          const pipeline = create();
          const status = await pipeline.accept(signed);
          expect(status).to.include({ state: 'anchored' });
          expect(status).to.include.keys('block', 'transaction', 'anchoredAt');
          const digests = signed.contents.map(({ block }) => digestOf(fromBase64Url(block)));
          expect(await pipeline.missing(10_000)).not.to.include.members(digests);
        });

        it('a stranger’s skip of ours changes nothing', async () => {
          const organisation = await world.admit(1n << BigInt(kinds.service.number));
          await readAll();
          const pipeline = create({ nudge: () => undefined });
          const signed = services(world, 1, { organisation });
          await world.organisationsCall('suspend', organisation.id);
          await world.relay(signed);
          await world.organisationsCall('reinstate', organisation.id);
          const { hash } = await pipeline.accept(signed);
          await pipeline.start();
          await until(pipeline, hash, 'submitted');
          await world.chain.mine();
          expect(await until(pipeline, hash, 'anchored', 'final')).not.to.have.property('lastSkip');
        });
      });

      describe('the relay’s account', () => {
        it('bids more for what no block takes, and knows its submission under either hash', async () => {
          const pipeline = await started({
            limits: { pollMilliseconds: 20, bumpMilliseconds: 300 },
            nudge: () => undefined,
          });
          const { hash } = await pipeline.accept(services(world, 1));
          await until(pipeline, hash, 'submitted');
          await eventually(() => pipeline.counters.feesRaised > 0, 'it bids more');
          await world.chain.mine();
          await until(pipeline, hash, 'anchored', 'final');
          const rows = await store.query<{ nonce: bigint; max_fee_per_gas: string }>(
            `SELECT nonce, max_fee_per_gas FROM relay_transactions t
             JOIN relay_submissions r ON r.transaction_hash = t.hash WHERE r.submission_hash = $1
             ORDER BY max_fee_per_gas`,
            [fromHex(hash as Hex)],
          );
          expect(rows.length).to.be.greaterThan(1);
          expect(new Set(rows.map(({ nonce }) => nonce))).to.have.property('size', 1);
          const [first, second] = rows.map((row) => BigInt(row.max_fee_per_gas));
          expect(Number(second) / Number(first)).to.be.at.least(1.1);
          expect(await acceptedOnChain(hash)).to.equal(1);
        });

        it('goes on when another transaction took its nonce, not before that is final', async () => {
          let foreign = false;
          const { relayer } = world.keyring;
          let final = 0n;
          const pipeline = await started({
            finality: async () => final,
            nudge: () => undefined,
            beforeBroadcast: async () => {
              if (foreign) return;
              foreign = true;
              await world.stealNonce();
            },
          });
          final = BigInt((await world.chain.blockNumber()) - 1);
          const { hash } = await pipeline.accept(services(world, 1));
          await until(pipeline, hash, 'submitted');
          await new Promise((resolve) => setTimeout(resolve, 300));
          expect(await pipeline.status(hash as SubmissionHash)).to.include({ state: 'submitted' });
          final = BigInt(await world.chain.blockNumber());
          await eventually(async () => {
            await world.chain.mine();
            return (await acceptedOnChain(hash)) === 1;
          }, 'it is sent under another nonce');
          await until(pipeline, hash, 'anchored', 'final');
          expect(relayer.address).to.match(/^0x/);
        });

        it('sends again what a reverted transaction carried, each submission alone', async () => {
          const broken = await createWorld();
          // Whatever is called there reverts.
          await broken.chain.rpc.call('anvil_setCode', [broken.ledger.address, '0x60006000fd']);
          const pipeline = pipelineIn(broken, store);
          running.add(pipeline);
          await pipeline.start();
          await eventually(
            () => pipeline.progress().lag === 0 && pipeline.progress().head > 0,
            'it is indexed',
          );
          const statuses = await Promise.all([1, 2].map(() => pipeline.accept(services(broken, 1))));
          await eventually(async () => pipeline.counters.reverted >= 3, 'it was reverted, then each alone');
          for (const { hash } of statuses) {
            const status = await pipeline.status(hash as SubmissionHash);
            expect(status).to.include({ problem: 'submission.reverted' });
            expect(status?.state).to.be.oneOf(['stored', 'submitted']);
          }
          expect(await count('relay_transactions', 'succeeded')).to.equal(0);
          await pipeline.stop();
          await broken.stop();
        });

        it('sets gas by a formula that covers what is used, close to its cap too', async () => {
          const wallet = await world.deploy('OwnedWallet', addressOfKey(world.workshop.key), 120_000);
          await world.organisationsCall('addKey', world.workshop.id, wallet);
          await readAll();
          const pipeline = create();
          const hashes: string[] = [];
          const accept = async (signed: ReturnType<typeof services>) =>
            void hashes.push((await pipeline.accept(signed)).hash);
          await accept(services(world, 512, {}, 10_000));
          for (let index = 0; index < 30; index += 1) {
            await accept(services(world, 1, { nonce: BigInt(toHex(randomBytes(30))) }, 20_000 + index));
          }
          const contract = services(world, 20, {}, 30_000);
          await accept({ ...contract, submission: { ...contract.submission, signer: wallet } });
          await pipeline.start();
          for (const hash of hashes) await until(pipeline, hash, 'anchored', 'final');
          await eventually(
            async () => (await count('relay_transactions', 'gas_used IS NULL')) === 0,
            'all receipts are read',
          );
          const rows = await store.query<{ gas_limit: bigint; gas_used: bigint; succeeded: boolean }>(
            'SELECT gas_limit, gas_used, succeeded FROM relay_transactions',
          );
          for (const { gas_limit, gas_used, succeeded } of rows) {
            expect(succeeded).to.equal(true);
            expect(gas_limit <= 16_777_216n).to.equal(true);
            expect(gas_used <= gas_limit).to.equal(true);
          }
          // Nothing was skipped or reverted for want of gas.
          expect(pipeline.counters).to.include({ skipped: 0, reverted: 0 });
        });
      });

      describe('a chain that is down', () => {
        it('leaves truthful states, and everything goes on when it is back', async () => {
          const proxy = new CuttableProxy(world.chain.url);
          await proxy.mend();
          const pipeline = await started({ rpc: createRpc({ url: proxy.url, attempts: 1 }) });
          const before = await pipeline.accept(services(world, 1));
          await until(pipeline, before.hash, 'anchored', 'final');
          await proxy.cut();
          const during = await pipeline.accept(services(world, 1));
          await eventually(() => pipeline.progress().trouble !== null, 'the trouble is told');
          expect(pipeline.progress().trouble).to.include({ code: 'chain.unavailable', retryable: true });
          expect(await pipeline.status(during.hash as SubmissionHash)).to.include({ state: 'stored' });
          await proxy.mend();
          await until(pipeline, during.hash, 'anchored', 'final');
          await eventually(() => pipeline.progress().trouble === null, 'the trouble is over');
          expect(await acceptedOnChain(during.hash)).to.equal(1);
          await pipeline.stop();
          await proxy.cut();
        });
      });

      describe('the index', () => {
        const tables = {
          links: 'subject, ledger, position',
          own_links: 'ledger, organisation, position',
          organisation_links: 'register, organisation, position',
          directory_links: 'position',
          closures: 'ledger',
          accepted: 'ledger, organisation, nonce',
        };
        const dump = async () => {
          const dumped: Record<string, object[]> = {};
          for (const [table, order] of Object.entries(tables)) {
            dumped[table] = await store.query(`SELECT * FROM ${table} ORDER BY ${order}`);
          }
          return dumped;
        };

        it('is the same when it is rebuilt from nothing, by ranges or block by block, reorganised or not', async () => {
          await world.directoryCall(
            'add',
            ...[1n, randomAddress(), randomAddress(), toHex(randomBytes(32)), toHex(randomBytes(32))],
          );
          await world.directoryCall('close', listed, 2n ** 200n);
          listed += 1n;
          const organisation = await world.admit(0n);
          await world.organisationsCall('setSuccessor', organisation.id, world.workshop.id);
          const pipeline = await started({ finality: async () => 0n });
          const hashes: string[] = [];
          for (let round = 0; round < 6; round += 1) {
            hashes.push((await pipeline.accept(services(world, 3, {}, round))).hash);
            const last = hashes.at(-1) ?? '';
            await until(pipeline, last, 'anchored');
            if (round % 2 === 1) await world.chain.reorganise(1);
          }
          await eventually(async () => {
            for (const hash of hashes) if ((await acceptedOnChain(hash)) !== 1) return false;
            const { hash } = (await world.chain.rpc.call('eth_getBlockByNumber', ['latest', false])) as {
              hash: Hex;
            };
            return (await count('cursors', `name = 'index' AND block_hash = $1`, [fromHex(hash)])) === 1;
          }, 'all is on the chain again, and indexed');
          await pipeline.stop();
          const followed = await dump();
          expect(followed.directory_links).to.have.length.of.at.least(2);

          await empty(store);
          await readAll({ finality: async () => 0n });
          expect(await dump()).to.deep.equal(followed);

          await empty(store);
          await mine(40);
          const settled = BigInt(await world.chain.blockNumber());
          await readAll({ finality: async () => settled });
          expect(await count('chain_blocks')).to.be.lessThan(Number(settled) - world.firstBlock);
          expect(await dump()).to.deep.equal(followed);
        });

        it('stops when a head is not the ledger’s: index.headMismatch', async () => {
          const pipeline = await started();
          const { hash } = await pipeline.accept(services(world, 1, {}, 777));
          await until(pipeline, hash, 'anchored', 'final');
          await store.execute('UPDATE links SET head = $1 WHERE submission_hash = $2', [
            randomBytes(32),
            fromHex(hash as Hex),
          ]);
          await pipeline.accept(services(world, 1, {}, 777));
          await eventually(() => pipeline.progress().stopped !== null, 'it has stopped');
          expect(pipeline.progress().stopped).to.include({ code: 'index.headMismatch' });
          // It promises nothing any more.
          await expectCode('index.headMismatch', () => pipeline.accept(services(world, 1)));
        });

        it('refuses another chain and another ledger', async () => {
          await readAll();
          const genesis = await startChain(Number(world.chain.chainId));
          const otherId = await startChain(4242);
          try {
            const here = pipelineIn(world, store, { rpc: otherId.rpc });
            await expectCode('index.otherChain', () => here.start());
            const reset = pipelineIn(world, store, { rpc: genesis.rpc });
            await expectCode('index.otherLedger', () => reset.start());
            // A ledger on a chain of the same id: only the genesis tells.
            await genesis.rpc.call('anvil_setCode', [world.ledger.address, '0x60']);
            await expectCode('index.otherChain', () => reset.start());
          } finally {
            await genesis.stop();
            await otherId.stop();
          }
          const moved = { ...world.ledger, address: world.organisations };
          await expectCode('index.otherLedger', () => pipelineIn(world, store, { ledger: moved }).start());
          const directory = world.organisations;
          await expectCode('index.otherLedger', () => pipelineIn(world, store, { directory }).start());
        });
      });
    }),
  );
});

const headsSelector = selector('heads(bytes32)');
const randomAddress = () => toHex(randomBytes(20));
