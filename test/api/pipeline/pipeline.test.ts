import { expect } from 'chai';
import type { Pipeline } from '../../../api/pipeline.ts';
import type { Store } from '../../../api/store/store.ts';
import { onEachStore } from '../store/stores.ts';
import { createWorld, pipelineIn, services, until, type World } from './world.ts';

describe('Pipeline', function () {
  this.timeout(60_000);
  let world: World;
  before(async () => {
    world = await createWorld();
  });
  after(() => world.stop());

  onEachStore((open) => {
    let store: Store;
    let pipeline: Pipeline;
    beforeEach(async () => {
      store = await open();
      pipeline = pipelineIn(world, store);
    });
    afterEach(async () => {
      await pipeline.stop();
      await store.close();
    });

    it('takes a submission from received to final, each state with its time and evidence', async () => {
      await pipeline.start();
      const accepted = await pipeline.accept(services(world, 3));
      expect(accepted.state).to.equal('stored');
      const anchored = await until(pipeline, accepted.hash, 'anchored', 'final');
      expect(anchored.transaction).to.match(/^0x[0-9a-f]{64}$/);
      for (let i = 0; i < 4; i += 1) await world.chain.mine();
      const final = await until(pipeline, accepted.hash, 'final');
      expect(final).to.include.keys(
        'receivedAt',
        'storedAt',
        'submittedAt',
        'anchoredAt',
        'finalAt',
        'block',
      );
    });
  });
});
