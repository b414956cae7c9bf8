import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { startSupplier } from '../../bench/batch.ts';
import { vinculum } from './fixture.ts';

describe('a service that is killed while serials are handed over', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vinculum-killed-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('has stored the set once and whole, or does not show it as stored', async function () {
    this.timeout(400_000);
    const count = 60_000;
    const data = join(folder, 'data');
    const file = join(folder, 'serials.txt');
    await writeFile(file, Array.from({ length: count }, (_, index) => `Q-${index}`).join('\n'));
    const command = [
      ...['batch', 'register', 'batch:volta.example:Q', '--serials', file, '--part-number', 'Q'],
      ...['--date', '2024-01-19', '--keystore', 'volta', '--json'],
    ];
    let service = await startSupplier(data);
    const json = async (path: string) => (await fetch(`${service.url}${path}`)).json();
    const listing = async (): Promise<number> => {
      const { batches } = (await json('/v1/serials/volta.example/Q-59999/batches')) as { batches: unknown[] };
      return batches.length;
    };
    const proven = async (): Promise<boolean> => {
      const { contents } = (await json('/v1/batches/volta.example/Q/report?serial=Q-59999')) as {
        contents: Record<string, { setProof?: unknown }>;
      };
      return Object.values(contents).some(({ setProof }) => setProof !== undefined);
    };
    try {
      for (let round = 0; round < 3; round++) {
        const running = vinculum(data, ...command);
        await sleep(1_500 + round * 1_500 + Math.random() * 1_500);
        const gone = once(service.process, 'exit');
        service.process.kill('SIGKILL');
        await gone;
        await running;
        service = await startSupplier(data);
        expect(await proven(), 'both or neither').to.equal((await listing()) === 1);
      }
      const finished = await vinculum(data, ...command);
      expect(finished.exit, finished.stderr).to.equal(0);
      expect(await listing()).to.equal(1);
      expect(await proven()).to.equal(true);
      const { entries } = (await json('/v1/batches/volta.example/Q')) as { entries: unknown[] };
      expect(entries).to.have.length(1);
      expect((await vinculum(data, ...command)).json).to.include({ alreadyThere: true });
    } finally {
      const gone = once(service.process, 'exit');
      service.process.kill('SIGTERM');
      await gone;
    }
  });
});
