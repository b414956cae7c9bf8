import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'chai';
import { restore } from '../../../api/backup/restore.ts';
import { readConfig } from '../../../api/config.ts';
import { startService } from '../../../api/server.ts';
import { Garage, newVin } from '../erasure/garage.ts';
import { startTestService, TestService } from '../fixture.ts';

describe('events in a backup', function () {
  this.timeout(120_000);
  let test: TestService;
  let garage: Garage;
  let scratch: string;
  before(async () => {
    test = await startTestService({ DATABASE_URL: '' });
    garage = await Garage.open(test);
    scratch = await mkdtemp(join(tmpdir(), 'vinculum-events-'));
  });
  after(async () => {
    await test?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('come back with their entries, without those that were erased since', async () => {
    const events = Array.from({ length: 3 }, (_, index) => ({
      eventId: `urn:uuid:kept-${index}`,
      eventHash: `ni:///sha-256;${randomBytes(32).toString('hex')}?ver=CBV2.0`,
    }));
    const entries = events.map((sealed) => garage.service(newVin(), sealed));
    await garage.record(...entries);
    const digests = entries.map(({ entry }) => entry.digest);

    const identity = await generateX25519Identity();
    const file = join(scratch, 'backup.age');
    const response = await fetch(`${test.url}/v1/operator/backup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${garage.operator.token}` },
      body: JSON.stringify({ recipients: [await identityToRecipient(identity)] }),
    });
    expect(response.status).to.equal(200);
    await writeFile(file, new Uint8Array(await response.arrayBuffer()));

    await garage.erase({ field: { digest: digests[1], name: 'eventHash' } });
    await garage.erase({ entry: digests[2] });
    const erasures = join(scratch, 'erasures.ndjson');
    await copyFile(test.service.config.erasuresFile, erasures);
    const config = readConfig({ VINCULUM_DATA: join(scratch, 'restored'), PORT: '0' });
    await restore({ file, secret: { identity }, config, erasures });

    const service = new TestService(await startService(config), async () => undefined, []);
    try {
      const token = await service.signIn(garage.workshop);
      const search = {
        hashes: events.map(({ eventHash }) => eventHash),
        ids: events.map(({ eventId }) => eventId),
      };
      const { body } = await service.post('/v1/events/search', search, { token });
      const found = (of: { own: { digest: string; anchored: boolean }[] }[]) =>
        of.map(({ own }) => own.map(({ digest, anchored }) => [digest, anchored]));
      expect(found(body.hashes)).to.deep.equal([[[digests[0], true]], [], []]);
      expect(found(body.ids)).to.deep.equal([[[digests[0], true]], [[digests[1], true]], []]);
    } finally {
      await service.stop();
    }
  });
});
