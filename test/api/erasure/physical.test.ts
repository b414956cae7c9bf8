import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { rewriteTables } from '../../../api/erasure/destroy.ts';
import { fromHex, utf8 } from '../../../core/bytes.ts';
import { startTestService, type TestService } from '../fixture.ts';
import { filesWith, Garage, newVin, spellings } from './garage.ts';

describe('what is left of erased content in the data folder', function () {
  this.timeout(120_000);
  let test: TestService;
  let garage: Garage;
  before(async () => {
    // The embedded store, wherever the other tests have theirs.
    test = await startTestService({ DATABASE_URL: '' });
    garage = await Garage.open(test);
  });
  after(() => test.stop());

  const store = () => test.service.services.store;
  const folder = () => test.service.config.dataFolder;
  const wrappedOf = async (digest: string) => {
    const bytes = fromHex(digest, 32);
    const keys = await store().query<{ wrapped: Uint8Array }>(
      'SELECT wrapped FROM block_keys WHERE digest = $1',
      [bytes],
    );
    const disclosures = await store().query<{ name: string; wrapped: Uint8Array }>(
      'SELECT name, wrapped FROM disclosures WHERE digest = $1',
      [bytes],
    );
    return {
      ...(keys[0] === undefined ? {} : spellings('wrapped key', keys[0].wrapped)),
      ...Object.assign({}, ...disclosures.map(({ name, wrapped }) => spellings(`wrapped ${name}`, wrapped))),
    } as Record<string, Uint8Array>;
  };
  /** A file that a search must find something in, so that a search that finds nothing means something. */
  const plant = (secret: Uint8Array) => writeFile(join(folder(), 'planted'), secret);

  it('is nothing: no byte of block, key, disclosure or document, in tables, logs, indexes, snapshots or caches', async () => {
    const vin = newVin();
    const name = `Ada ${randomBytes(12).toString('hex')}`;
    const photo = randomBytes(9_000);
    const document = await garage.upload(photo);
    // Large and small: a large block is stored out of line.
    const note = `${name} ${randomBytes(3_000).toString('hex')}`.slice(0, 3_900);
    const entries = [
      garage.service(vin, { technician: name, note }, [document]),
      garage.claim(vin, { claimant: name, description: note }),
    ];
    await garage.record(...entries);
    // Whatever makes copies: other entries around it, reports, prints, credentials, searches, snapshots, checkpoints.
    for (let round = 0; round < 3; round++) {
      await garage.record(
        ...Array.from({ length: 20 }, () => garage.service(newVin(), { technician: 'other' })),
      );
      await garage.report(vin);
      await garage.report(vin, garage.token);
      await test.post('/v1/claims/search', { identifiers: [vin] }, { token: garage.token });
      await test.service.chain?.devnet.snapshot();
      await store().execute('CHECKPOINT');
    }
    await test.get(`/v1/vehicles/${vin}/report.pdf`);
    await test.get(`/v1/vehicles/${vin}/credential`);
    await store().execute('ANALYZE');

    const secrets: Record<string, Uint8Array> = {
      ...spellings('document', document.content),
      ...spellings('document key', document.key),
      ...spellings('photo', photo),
      name: utf8(name),
    };
    for (const [index, entry] of entries.entries()) {
      Object.assign(secrets, spellings(`block ${index}`, entry.block), spellings(`key ${index}`, entry.key));
      Object.assign(secrets, await wrappedOf(entry.entry.digest));
      for (const disclosure of entry.disclosures) secrets[`disclosure ${index}`] = utf8(disclosure);
    }
    const before = await filesWith(folder(), secrets);
    const found = (what: string) => before.filter((line) => line.endsWith(`: ${what}`));
    // The search does find what is there.
    for (const what of ['block 0', 'wrapped key', 'wrapped technician', 'document']) {
      expect(found(what), what).not.to.deep.equal([]);
    }

    await garage.erase({ vehicle: vin });
    expect(await filesWith(folder(), secrets)).to.deep.equal([]);
    await plant(entries[0]?.block.subarray(100, 160) ?? new Uint8Array());
    expect(await filesWith(folder(), secrets)).to.deep.equal(['planted: block 0']);
    await plant(new Uint8Array());
    expect((await garage.verify(vin)).entries.map(({ status }) => status)).to.deep.equal([
      'erased',
      'erased',
    ]);
    // Nor does it come back by what goes on afterwards.
    await garage.record(garage.service(vin));
    await test.service.chain?.devnet.snapshot();
    await rewriteTables(store());
    expect(await filesWith(folder(), secrets)).to.deep.equal([]);
  });

  it('is nothing of one field either, and all of the others', async () => {
    const vin = newVin();
    const [erased, kept] = [
      `Bob ${randomBytes(12).toString('hex')}`,
      `Eve ${randomBytes(12).toString('hex')}`,
    ];
    const entry = garage.service(vin, { technician: erased, note: kept });
    await garage.record(entry);
    const wrapped = await wrappedOf(entry.entry.digest);
    const of = (what: string) =>
      Object.fromEntries(Object.entries(wrapped).filter(([secret]) => secret.startsWith(what)));
    expect(await filesWith(folder(), of('wrapped technician'))).not.to.deep.equal([]);
    await garage.erase({ field: { digest: entry.entry.digest, name: 'technician' } });
    expect(await filesWith(folder(), of('wrapped technician'))).to.deep.equal([]);
    expect(await filesWith(folder(), of('wrapped note'))).not.to.deep.equal([]);
    expect(await filesWith(folder(), of('wrapped key'))).not.to.deep.equal([]);
  });

  it('is no sample in statistics, however often they are gathered', async () => {
    const rows = await store().query<{ column: string }>(
      `SELECT attname::text AS column FROM pg_stats WHERE tablename IN ('blocks', 'block_keys', 'disclosures', 'sets', 'identifiers')
         AND attname IN ('body', 'wrapped')`,
    );
    expect(rows).to.deep.equal([]);
  });

  it('is nothing where the log has run through many segments since', async () => {
    const entry = garage.service(newVin(), { technician: 'Ada Example' });
    await garage.record(entry);
    const secrets = { ...spellings('block', entry.block), ...(await wrappedOf(entry.entry.digest)) };
    await store().execute('CREATE TABLE filler (body bytea)');
    try {
      for (let round = 0; round < 6; round++) {
        await store().execute('INSERT INTO filler SELECT $1 FROM generate_series(1, 8)', [
          randomBytes(1024 * 1024),
        ]);
        await store().execute('CHECKPOINT');
      }
      await garage.erase({ entry: entry.entry.digest });
      expect(await filesWith(folder(), secrets)).to.deep.equal([]);
    } finally {
      await store().execute('DROP TABLE filler');
    }
  });
});
