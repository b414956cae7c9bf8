import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { startService } from '../../../api/server.ts';
import { startTestService, TestService } from '../fixture.ts';
import { SafetyPart } from './acting.ts';

describe('a ledger from before there were parts', function () {
  this.timeout(120_000);

  it('goes on, and takes no actions on parts', async () => {
    const first = await startTestService();
    const { config } = first.service;
    const maker = await first.admit('Older maker', ['supplier']);
    await first.service.stop();
    const { parts: _, ...deployment } = JSON.parse(await readFile(config.deploymentFile, 'utf8'));
    await writeFile(config.deploymentFile, JSON.stringify(deployment));

    const test = new TestService(await startService(config), () => first.stop(), []);
    try {
      const part = new SafetyPart(test);
      const { request } = part.sign(maker, 'safetyPart.registered');
      const { status, body } = await test.post('/v1/parts/actions', request);
      expect([status, body.code]).to.deep.equal([403, 'action.kindNotAllowed']);
      expect((await test.get(`/v1/parts/${part.subject}`)).body.state).to.equal('none');
      const built = test.compose(maker, 'batch:older.example:B-1', {
        kind: 'batch.produced',
        time: '2024-01-02',
        data: {
          bizStep: 'commissioning',
          manufacturerId: 'older.example',
          manufacturerPartId: 'O-1',
          batchId: 'B-1',
          nameAtManufacturer: 'Cell',
          productionDate: '2024-01-02',
        },
      });
      await test.record(maker, [built]);
    } finally {
      await test.stop();
    }
  });
});
