import { expect } from 'chai';
import type { Pipeline } from '../../../api/pipeline.ts';
import { openStore } from '../../../api/store/open.ts';
import type { Store } from '../../../api/store/store.ts';
import { createSchema } from '../store/stores.ts';
import { createWorld, eventually, pipelineIn, services, until, type World } from './world.ts';

const onPostgres = process.env.TEST_DATABASE_URL === undefined ? describe.skip : describe;

onPostgres('Two pipelines on one database (TEST_DATABASE_URL)', function () {
  this.timeout(60_000);
  let world: World;
  let drop: () => Promise<void>;
  let stores: Store[];
  let pipelines: Pipeline[];
  beforeEach(async () => {
    world = await createWorld();
    const schema = await createSchema();
    drop = schema.drop;
    stores = [];
    for (let replica = 0; replica < 2; replica += 1) {
      stores.push(await openStore({ databaseUrl: schema.url, dataFolder: '' }));
    }
    pipelines = stores.map((store) => pipelineIn(world, store));
  });
  afterEach(async () => {
    await Promise.all(pipelines.map((pipeline) => pipeline.stop()));
    await Promise.all(stores.map((store) => store.close()));
    await drop();
    await world.stop();
  });

  const both = (): [Pipeline, Pipeline] => {
    const [one, other] = pipelines;
    if (one === undefined || other === undefined) throw new Error('two pipelines');
    return [one, other];
  };
  const acceptedLogs = async () => {
    const logs = (await world.chain.rpc.call('eth_getLogs', [
      { address: world.ledger.address, fromBlock: '0x0', toBlock: 'latest' },
    ])) as { topics: string[]; data: string }[];
    // `Accepted` alone has one indexed field and two words of data.
    return logs.filter(({ data, topics }) => data.length === 130 && topics.length === 2);
  };

  it('share the work: whatever comes in at either is anchored once', async () => {
    const [one, other] = both();
    await Promise.all([one.start(), other.start()]);
    const statuses = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        (index % 2 === 0 ? one : other).accept(services(world, 2, { nonce: BigInt(index) })),
      ),
    );
    for (const [index, { hash }] of statuses.entries()) {
      await until(index % 2 === 0 ? other : one, hash, 'anchored', 'final');
    }
    expect(await acceptedLogs()).to.have.length(30);
    expect(one.progress().leading).not.to.equal(other.progress().leading);
    const follower = one.progress().leading ? other : one;
    expect(follower.counters).to.include({ transactionsSent: 0, indexedLinks: 0 });
  });

  it('give the same answer to the same submission, and one of two with the same nonce', async () => {
    const [one, other] = both();
    const signed = services(world, 2);
    const answers = await Promise.all([one, other, one, other].map((pipeline) => pipeline.accept(signed)));
    for (const answer of answers) expect(answer).to.deep.equal(answers[0]);
    const rivals = await Promise.allSettled(
      [one, other].map((pipeline) => pipeline.accept(services(world, 1, { nonce: 9n }))),
    );
    expect(rivals.map(({ status }) => status).toSorted()).to.deep.equal(['fulfilled', 'rejected']);
    const refused = rivals.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason).to.include({ code: 'nonce.conflict' });
  });

  it('the follower hears of what the leader wrote, and takes over when it stops', async () => {
    const [one, other] = both();
    await one.start();
    await eventually(() => one.progress().leading, 'one leads');
    await other.start();
    const heard: string[] = [];
    other.on('subjects', ({ subjects }) => heard.push(...subjects));
    const first = await other.accept(services(world, 2));
    await until(other, first.hash, 'anchored', 'final');
    await eventually(() => heard.length >= 2, 'the follower hears of the subjects');
    expect(other.progress().leading).to.equal(false);

    await one.stop();
    const second = await other.accept(services(world, 2));
    await until(other, second.hash, 'anchored', 'final');
    expect(other.progress().leading).to.equal(true);
    expect(await acceptedLogs()).to.have.length(2);
  });

  it('one that sleeps through its lease writes nothing more', async () => {
    const [one, other] = both();
    await one.start();
    await eventually(() => one.progress().leading, 'one leads');
    const [store] = stores;
    // As if the time of the lease had passed while the process did not run.
    await store?.execute(`UPDATE leases SET expires_at = now() - interval '1 second', holder = 'asleep'`);
    await other.start();
    await eventually(() => other.progress().leading, 'the other leads');
    const { hash } = await one.accept(services(world, 3));
    await until(other, hash, 'anchored', 'final');
    expect(await acceptedLogs()).to.have.length(1);
    await eventually(() => !one.progress().leading, 'one follows');
  });
});
