import { randomBytes, randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import { expect } from 'chai';
import { FIRST_LINE, frame, jsonFrame } from '../../../api/backup/frames.ts';
import { type Restored, type RestoreOptions, restore } from '../../../api/backup/restore.ts';
import { backedUpTables, leftOut } from '../../../api/backup/tables.ts';
import { readConfig, type SettingName } from '../../../api/config.ts';
import { readRegister } from '../../../api/erasure/register.ts';
import { startService } from '../../../api/server.ts';
import { schemaVersion } from '../../../api/store/migrate.ts';
import { fromHex, utf8 } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { expectCode } from '../../expectCode.ts';
import { filesBelow, filesWith, Garage, newVin, spellings } from '../erasure/garage.ts';
import { startTestService, TestService } from '../fixture.ts';
import { consentOf, freshToken, revocationOf, signInAlone, Vehicle } from '../privacy/world.ts';
import { createSchema, onPostgres } from '../store/stores.ts';
import { person } from '../titles/acting.ts';

const PASSPHRASE = 'correct horse battery staple';

describe('backup and restore', function () {
  this.timeout(240_000);
  let test: TestService;
  let garage: Garage;
  let scratch: string;
  let recipient: string;
  let identity: string;
  before(async () => {
    test = await startTestService({ DATABASE_URL: '' });
    garage = await Garage.open(test);
    scratch = await mkdtemp(join(tmpdir(), 'vinculum-backup-'));
    identity = await generateX25519Identity();
    recipient = await identityToRecipient(identity);
  });
  after(async () => {
    await test.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  let files = 0;
  const path = (name: string) => {
    files += 1;
    return join(scratch, `${files}-${name}`);
  };

  async function backup(body: object = { recipients: [recipient] }): Promise<string> {
    const response = await fetch(`${test.url}/v1/operator/backup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${test.service.operatorToken}` },
      body: JSON.stringify(body),
    });
    expect(response.status).to.equal(200);
    const file = path('backup.age');
    await writeFile(file, new Uint8Array(await response.arrayBuffer()));
    return file;
  }

  /** The receipts of this moment: the service goes on writing its own. */
  async function receipts(): Promise<string> {
    const file = path('erasures.ndjson');
    await copyFile(test.service.config.erasuresFile, file);
    return file;
  }

  function into(folder: string, environment: Partial<Record<SettingName, string>> = {}) {
    return readConfig({ VINCULUM_DATA: folder, PORT: '0', REQUESTS_PER_MINUTE: '1000000', ...environment });
  }

  async function restored(
    file: string,
    options: Partial<RestoreOptions> = {},
  ): Promise<{ folder: string; result: Restored }> {
    const folder = path('restored');
    const erasures = 'erasures' in options ? options.erasures : await receipts();
    const result = await restore({ file, secret: { identity }, config: into(folder), ...options, erasures });
    return { folder, result };
  }

  /** Runs a service on a restored folder. */
  async function running<T>(
    folder: string,
    work: (garage: Pick<Garage, 'verify' | 'report'>, service: TestService) => Promise<T>,
    environment: Partial<Record<SettingName, string>> = {},
  ): Promise<T> {
    const service = await startService(into(folder, environment));
    const other = new TestService(service, async () => undefined, []);
    try {
      const reader = Object.assign(Object.create(Garage.prototype) as Garage, { test: other });
      return await work(reader, other);
    } finally {
      await other.stop();
    }
  }

  it('brings back everything, and everything verifies: entries, sealed fields, documents, the chain', async () => {
    const vins = [newVin(), newVin()];
    const document = await garage.upload();
    const [vin = ''] = vins;
    await garage.record(
      garage.service(vin, { technician: 'Ada Example' }, [document]),
      garage.claim(vins[1] ?? '', { claimant: 'Bob Example' }),
    );
    const { folder, result } = await restored(await backup());
    expect(result).to.deep.include({ leftOut: 0, damaged: [] });
    expect(result.documents).to.equal(1);
    await running(folder, async (reader, service) => {
      for (const each of vins) expect((await reader.verify(each)).verdict).to.equal('verified');
      const sealed = await service.service.services.store.query('SELECT name FROM disclosures ORDER BY name');
      expect(sealed).to.have.length(3);
      const content = await fetch(`${service.url}/ipfs/${document.cid}?format=raw`);
      expect(Buffer.from(await content.arrayBuffer()).equals(document.content)).to.equal(true);
      // It goes on: with the same organisations and keys, and the nonces that are free.
      const token = await service.signIn(garage.workshop);
      const { body } = await service.get(`/v1/organisations/${garage.workshop.id}/nonce`, { token });
      const later = Object.assign(Object.create(Garage.prototype) as Garage, {
        test: service,
        workshop: garage.workshop,
      });
      const signed = service.sign(garage.workshop, [later.service(vin)], { nonce: BigInt(body.nonce) });
      expect((await service.post('/v1/submissions', signed)).status).to.equal(202);
      await service.until(async () => (await reader.verify(vin)).entries.length === 2);
      expect((await reader.verify(vin)).verdict).to.equal('verified');
    });
  });

  it('brings sets back whole, without those erased since and those still being handed over', async () => {
    const maker = await test.admit('Backed-up supplier', ['supplier']);
    const token = await test.signIn(maker);
    const treeKey = randomBytes(32);
    const batches = await Promise.all(
      ['S-1', 'S-2', 'S-3'].map(async (number) => {
        const members = [1, 2, 3].map((index) => `serial:kept.example:${number}-${index}`);
        const tree = buildTree(
          treeKey,
          members.map((member) => parseIdentifier(member)),
        );
        const entry = test.compose(maker, `batch:kept.example:${number}`, {
          kind: 'batch.produced',
          time: '2024-01-02',
          data: {
            bizStep: 'commissioning',
            manufacturerId: 'kept.example',
            manufacturerPartId: 'K-1',
            batchId: number,
            nameAtManufacturer: 'Cell',
            productionDate: '2024-01-02',
            serials: { serialsRoot: tree.root, count: 3, treeKey: treeKey.toString('base64url') },
          },
        });
        return { number, members, entry, digest: entry.entry.digest };
      }),
    );
    await test.record(
      maker,
      batches.map(({ entry }) => entry),
    );
    const [kept, erased, half] = batches;
    for (const batch of [kept, erased]) {
      const body = { members: batch?.members };
      const put = await test.request('PUT', `/v1/sets/${batch?.digest}`, { token, body });
      expect(put.status, put.text).to.equal(200);
    }
    const raw = { content: half?.members.slice(1).join('\n') ?? '', type: 'text/plain' };
    expect(
      (await test.request('PUT', `/v1/sets/${half?.digest}/chunks/0`, { token, raw })).body.state,
    ).to.equal('receiving');
    // As far as a check of another set had come.
    const { store: written } = test.service.services;
    const other = fromHex(half?.digest ?? '', 32);
    await written.execute(
      `INSERT INTO set_buckets (digest, start, wrapped)
       SELECT $1, start, wrapped FROM set_buckets WHERE digest = $2`,
      [other, fromHex(kept?.digest ?? '', 32)],
    );
    await written.execute('INSERT INTO serials (serial, batch, digest) VALUES ($1, $2, $3)', [
      randomUUID(),
      randomUUID(),
      other,
    ]);
    const file = await backup();
    await garage.erase({ entry: erased?.digest ?? '' });
    const { folder } = await restored(file);
    await running(folder, async (_, service) => {
      const again = await service.signIn(maker);
      const state = async (digest: string | undefined) =>
        (await service.get(`/v1/sets/${digest}`, { token: again })).body;
      expect((await state(kept?.digest)).state).to.equal('stored');
      expect(await state(half?.digest)).to.deep.include({ state: 'absent', chunks: [] });
      expect((await state(erased?.digest)).code).to.equal('set.unknownEntry');
      const listing = async (serial: string) =>
        (await service.get(`/v1/serials/kept.example/${serial}/batches`)).body.batches;
      expect(await listing('S-1-2')).to.have.length(1);
      expect(await listing('S-2-2')).to.deep.equal([]);
      const report = await service.get('/v1/batches/kept.example/S-1/report?serial=S-1-2');
      expect(report.body.contents[kept?.digest ?? ''].setProof.leaf).to.be.a('string');
      const { store } = service.service.services;
      const left = await store.query('SELECT 1 FROM set_buckets WHERE digest = $1', [
        fromHex(erased?.digest ?? '', 32),
      ]);
      expect(left).to.deep.equal([]);
      for (const table of ['set_buckets', 'serials']) {
        const stray = await store.query(
          `SELECT 1 FROM ${table} WHERE digest NOT IN (SELECT digest FROM sets)`,
        );
        expect(stray, table).to.deep.equal([]);
      }
    });
  });

  it('makes the supply graph again, without what was sealed and is erased since', async () => {
    const maker = await test.admit('Backed-up maker', ['supplier', 'manufacturer']);
    const batch = 'batch:graph.example:G-1';
    const cars = [1, 2, 3].map((number) => `van:graph.example:CAR-${number}`);
    const [open = '', sealed = '', erased = ''] = cars;
    const part = { component: 'battery', part: batch } as const;
    const built = (parts: object) =>
      ({
        kind: 'vehicle.built',
        time: '2024-01-02',
        data: { manufacturerId: 'graph.example', ...parts },
      }) as const;
    const statedAs = (on: string, partner: string) => {
      const parents = [{ identifier: on, source: 'urn:uuid:1', partner }];
      return test.compose(maker, `serial:graph.example:${partner}`, {
        kind: 'part.produced',
        time: '2024-01-02',
        data: {
          bizStep: 'commissioning',
          manufacturerId: 'graph.example',
          productionDate: '2024-01-02',
          batch,
        },
        sealed: { usedIn: { customers: [], parents } },
      });
    };
    const [kept, gone] = [statedAs(sealed, 'KEPT'), statedAs(erased, 'GONE')];
    await test.record(maker, [test.compose(maker, open, built({ parts: [part] })), kept, gone]);
    const reached = async (service: TestService) => {
      const token = await service.signIn(maker);
      const { body } = await service.post('/v1/recalls/affected', { batches: [batch], all: true }, { token });
      return body.vehicles.toSorted();
    };
    expect(await reached(test)).to.deep.equal(cars);
    const file = await backup();
    await garage.erase({ field: { digest: gone.entry.digest, name: 'usedIn' } });
    expect(await reached(test)).to.deep.equal([open, sealed]);
    const { folder } = await restored(file);
    await running(folder, async (_, service) => {
      expect(await reached(service)).to.deep.equal([open, sealed]);
    });
  });

  it('made before an erasure does not bring back what was erased since; every other subject still verifies', async () => {
    const [gone, partly, kept] = [newVin(), newVin(), newVin()];
    const [name, other] = [
      `Ada ${randomBytes(20).toString('hex')}`,
      `Bob ${randomBytes(20).toString('hex')}`,
    ];
    const document = await garage.upload();
    const entry = garage.service(gone, { technician: name }, [document]);
    const half = garage.service(partly, { technician: name, note: other });
    const whole = garage.claim(kept, { claimant: other });
    await garage.record(entry, half, whole);
    const rows = await test.service.services.store.query<{ wrapped: Uint8Array }>(
      'SELECT wrapped FROM block_keys WHERE digest = $1',
      [fromHex(entry.entry.digest, 32)],
    );
    const secrets = {
      ...spellings('block', entry.block),
      ...spellings('key', entry.key),
      ...spellings('wrapped key', rows[0]?.wrapped ?? new Uint8Array()),
      ...spellings('document', document.content),
      name: utf8(name),
    };
    const old = await backup();
    await garage.erase({ vehicle: gone });
    await garage.erase({ field: { digest: half.entry.digest, name: 'technician' } });

    const { folder, result } = await restored(old);
    expect(result.leftOut).to.be.greaterThan(4);
    expect(await filesWith(folder, secrets)).to.deep.equal([]);
    await running(folder, async (reader, service) => {
      const [erased] = (await reader.verify(gone)).entries;
      expect(erased?.status).to.equal('erased');
      const report = await reader.report(partly);
      expect(report.body.contents[half.entry.digest].erasures[0].what).to.equal('field:technician');
      for (const vin of [partly, kept]) expect((await reader.verify(vin)).verdict).to.equal('verified');
      expect(await service.service.services.documents.has(document.cid)).to.equal(false);
      // What was erased is still not taken in again.
      const token = await service.signIn(garage.workshop);
      const raw = { content: document.content as Uint8Array<ArrayBuffer>, type: 'application/octet-stream' };
      expect((await service.request('POST', '/v1/documents', { raw, token })).status).to.equal(410);
      expect(await filesWith(folder, secrets)).to.deep.equal([]);
    });
    expect((await readRegister(join(folder, 'erasures.ndjson'))).receipts).to.have.length(result.erasures);
  });

  it('made after an erasure has nothing of what was erased', async () => {
    const entry = garage.service(newVin(), { technician: 'Ada Example' });
    await garage.record(entry);
    await garage.erase({ entry: entry.entry.digest });
    const { folder, result } = await restored(await backup());
    expect(result.leftOut).to.equal(0);
    expect(await filesWith(folder, spellings('block', entry.block))).to.deep.equal([]);
  });

  it('is taken while the service goes on, as of one moment: each submission in it has all its content', async () => {
    let going = true;
    const writing = (async () => {
      let written = 0;
      for (; going; written += 1) await garage.record(garage.service(newVin(), { technician: 'busy' }));
      return written;
    })();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const file = await backup();
    going = false;
    expect(await writing).to.be.greaterThan(2);
    const { folder } = await restored(file);
    await running(folder, async (_reader, { service }) => {
      const missing = await service.services.store.query(
        `SELECT s.hash FROM submissions s, generate_series(0, octet_length(s.entries) / 65 - 1) AS n
         WHERE NOT EXISTS (SELECT 1 FROM blocks JOIN block_keys USING (digest)
           WHERE digest = substring(s.entries FROM n * 65 + 34 FOR 32))
         AND NOT EXISTS (SELECT 1 FROM erasures WHERE digest = substring(s.entries FROM n * 65 + 34 FOR 32))`,
      );
      expect(missing).to.deep.equal([]);
    });
  });

  it('needs the receipts of erasures, all that there are', async () => {
    const entry = garage.service(newVin());
    await garage.record(entry);
    const early = await receipts();
    await garage.erase({ entry: entry.entry.digest });
    const file = await backup();
    await expectCode('restore.erasuresMissing', () => restored(file, { erasures: undefined }));
    await expectCode('restore.erasuresMissing', () => restored(file, { erasures: join(scratch, 'nowhere') }));
    await expectCode('restore.erasuresOlder', () => restored(file, { erasures: early }));
    const cut = path('cut.ndjson');
    const text = await readFile(await receipts(), 'utf8');
    await writeFile(cut, text.slice(0, -10));
    await expectCode('erasures.malformed', () => restored(file, { erasures: cut }));
    const forged = path('forged.ndjson');
    await writeFile(forged, text.replace(/"erasedAt":\d+/, '"erasedAt":1'));
    await expectCode('erasures.foreign', () => restored(file, { erasures: forged }));
  });

  describe('of consents that were revoked since', () => {
    const [owner, grantee] = [person(), person()];
    const { token, bearer } = freshToken();
    let vehicle: Vehicle;
    let entry: Awaited<ReturnType<Vehicle['service']>>;
    let consents: ReturnType<typeof consentOf>[];
    let [ungiven, given]: string[] = [];
    let stale: string;
    let answers: { hash: string; receipt: unknown }[];
    before(async () => {
      vehicle = new Vehicle(test);
      await vehicle.act(garage.workshop, 'title.issued', { party: owner.address });
      entry = await vehicle.service(garage.workshop);
      const common = { subject: vehicle.subject, signer: owner };
      consents = [
        consentOf(test.ledger, { ...common, account: grantee.address }),
        consentOf(test.ledger, { ...common, bearer }),
      ];
      ungiven = await backup();
      for (const { json } of consents) expect((await test.post('/v1/consents', json)).status).to.equal(201);
      given = await backup();
      stale = await receipts();
      answers = [];
      for (const { hash } of consents) {
        const reply = await test.post(
          `/v1/consents/${hash}/revocation`,
          revocationOf(test.ledger, hash, owner),
        );
        expect(reply.body.state).to.equal('revoked');
        answers.push({ hash, receipt: reply.body.revocation.receipt });
      }
    });
    const consentsIn = async (folder: string) =>
      (await readRegister(join(folder, 'erasures.ndjson'))).revocations;

    async function expectRevoked(service: TestService): Promise<void> {
      const ownerToken = await signInAlone(service, owner);
      for (const { hash, receipt } of answers) {
        const { body } = await service.get(`/v1/consents/${hash}`, { token: ownerToken });
        expect([body.state, body.revocation.receipt]).to.deep.equal(['revoked', receipt]);
      }
      const shared = await service.post('/v1/shares/open', { token });
      expect([shared.status, shared.body.code]).to.deep.equal([410, 'share.revoked']);
      const granteeToken = await signInAlone(service, grantee);
      const report = await service.get(`${vehicle.path}/report`, { token: granteeToken });
      expect(report.body.contents[entry.entry.digest].disclosures).to.deep.equal([]);
      for (const { json } of consents) {
        const again = await service.post('/v1/consents', json);
        expect([again.status, again.body.state]).to.deep.equal([200, 'revoked']);
      }
      expect(JSON.stringify(report.body)).not.to.include(entry.disclosures[0]);
    }

    it('does not bring them back, also not by another start', async () => {
      const { folder, result } = await restored(given ?? '');
      expect(result.revocations).to.equal(answers.length);
      await running(folder, (_reader, service) => expectRevoked(service));
      const lines = await consentsIn(folder);
      expect(lines).to.have.length(answers.length);
      await running(folder, (_reader, service) => expectRevoked(service));
      expect(await consentsIn(folder)).to.deep.equal(lines);
    });

    it('made before they were given: they are not taken any more', async () => {
      const { folder } = await restored(ungiven ?? '');
      await running(folder, async (_reader, service) => {
        for (const { json } of consents) {
          const reply = await service.post('/v1/consents', json);
          expect([reply.status, reply.body.code]).to.deep.equal([409, 'consent.revoked']);
        }
        expect((await service.post('/v1/shares/open', { token })).body.code).to.equal('share.unknown');
      });
    });

    it('is carried out at the start, too: of a store that came back by itself', async () => {
      const { folder } = await restored(given ?? '');
      const file = join(folder, 'erasures.ndjson');
      const text = await readFile(file, 'utf8');
      await running(folder, async (_reader, { service }) => {
        const { store } = service.services;
        await store.execute('UPDATE consents SET revocation = NULL, revoked_at = NULL');
        await store.execute('DELETE FROM revocations');
      });
      await running(folder, (_reader, service) => expectRevoked(service));
      expect(await readFile(file, 'utf8')).to.equal(text);
      // A file that was lost gets back what the store knows, also of what was revoked before there were such lines.
      await running(folder, async (_reader, { service }) => {
        await service.services.store.execute('DELETE FROM revocations');
      });
      const lines = await consentsIn(folder);
      await rm(file);
      await running(folder, async () => undefined);
      expect(await consentsIn(folder)).to.have.deep.members(lines);
    });

    it('needs a file that is no older, whole, and the operator’s', async () => {
      const file = await backup();
      await expectCode('restore.erasuresOlder', () => restored(file, { erasures: stale }));
      const text = await readFile(await receipts(), 'utf8');
      const lines = text.split('\n');
      const [line = ''] = lines.filter((one) => one.includes('"consent"'));
      const other = `0x${'11'.repeat(32)}`;
      const { consent: _, ...without } = JSON.parse(line);
      const wrong: [string, object][] = [
        ['erasures.malformed', without],
        ['erasures.malformed', { ...JSON.parse(line), more: 1 }],
        ['erasures.malformed', { ...JSON.parse(line), consent: other }],
        ['erasures.malformed', { ...JSON.parse(line), ledger: 'eip155:1' }],
        ['erasures.malformed', JSON.parse(line.replace('"revoked"', '"stored"'))],
        ['erasures.foreign', JSON.parse(line.replaceAll(JSON.parse(line).consent, other))],
        ['erasures.foreign', JSON.parse(line.replace(/"at":\d+/, '"at":1'))],
      ];
      for (const [code, value] of wrong) {
        const altered = path('altered.ndjson');
        await writeFile(altered, `${text}${JSON.stringify(value)}\n`);
        await expectCode(code, () => restored(file, { erasures: altered }));
      }
    });

    onPostgres(() => {
      it('does not bring them back', async () => {
        const schema = await createSchema();
        try {
          const environment = { DATABASE_URL: schema.url };
          const folder = path('restored');
          await restored(given ?? '', { config: into(folder, environment) });
          await running(folder, (_reader, service) => expectRevoked(service), environment);
          await running(folder, (_reader, service) => expectRevoked(service), environment);
        } finally {
          await schema.drop();
        }
      });
    });
  });

  it('opens with its passphrase, and with no other', async () => {
    const file = await backup({ passphrase: PASSPHRASE });
    await restored(file, { secret: { passphrase: PASSPHRASE } });
    await expectCode('restore.passphrase', () =>
      restored(file, { secret: { passphrase: `${PASSPHRASE}!` } }),
    );
    await expectCode('restore.passphrase', () => restored(file));
    await expectCode('restore.passphrase', () =>
      restored(file, { secret: { identity: 'AGE-SECRET-KEY-1' } }),
    );
  });

  it('tells nothing without its key', async () => {
    const vin = newVin();
    const entry = garage.service(vin, { technician: 'Ada Example' });
    await garage.record(entry);
    const bytes = await readFile(await backup());
    for (const secret of [entry.block.subarray(100, 140), utf8(vin), utf8('keyring'), utf8('block_keys')]) {
      expect(bytes.includes(Buffer.from(secret))).to.equal(false);
    }
  });

  describe('of a file that is not as it was', () => {
    let file: string;
    let bytes: Buffer;
    before(async () => {
      file = await backup();
      bytes = await readFile(file);
    });
    const altered = async (content: Uint8Array) => {
      const other = path('altered.age');
      await writeFile(other, content);
      return other;
    };

    it('refuses one that was cut, wherever, and leaves nothing behind', async () => {
      for (const length of [0.0005, 0.3, 0.9, 0.999].map((part) => Math.floor(bytes.length * part))) {
        const folder = path('cut');
        const other = await altered(bytes.subarray(0, length));
        const erasures = await receipts();
        const code = await restore({
          file: other,
          secret: { identity },
          erasures,
          config: into(folder),
        }).then(
          () => 'restored',
          (error: { code?: string }) => error.code,
        );
        expect(code, String(length)).to.be.oneOf(['restore.damaged', 'restore.passphrase']);
        expect(
          (await filesBelow(scratch)).filter((name) => name.includes('restoring') || name.startsWith(folder)),
        ).to.deep.equal([]);
      }
    });

    it('refuses one that was altered, in any place', async () => {
      for (const at of [0.02, 0.5, 0.98].map((part) => Math.floor(bytes.length * part))) {
        const other = Buffer.from(bytes);
        other[at] = (other[at] ?? 0) ^ 1;
        await expectCode('restore.damaged', async () => restored(await altered(other)));
      }
      const header = Buffer.from(bytes);
      header[60] = (header[60] ?? 0) ^ 1;
      const code = await restored(await altered(header)).then(
        () => 'restored',
        (error: { code?: string }) => error.code,
      );
      expect(code).to.be.oneOf(['restore.damaged', 'restore.passphrase']);
    });

    it('refuses what is no backup', async () => {
      await expectCode('restore.malformed', async () => restored(await altered(randomBytes(5_000))));
      await expectCode('restore.malformed', async () => restored(await altered(Buffer.alloc(0))));
      await expectCode('restore.malformed', () => restored(join(scratch, 'nowhere.age')));
      await expectCode('restore.malformed', async () =>
        restored(await altered(await sealed(randomBytes(100)))),
      );
    });

    const sealed = async (content: Uint8Array) => {
      const encrypter = new Encrypter();
      encrypter.addRecipient(recipient);
      return encrypter.encrypt(content);
    };
    const made = async (...frames: Buffer[]) =>
      altered(await sealed(Buffer.concat([Buffer.from(FIRST_LINE), ...frames])));
    const header = {
      vinculum: 'backup/1',
      createdAt: '2026-01-01T00:00:00.000Z',
      schema: schemaVersion,
      ledger: 'eip155:1:0x',
      chain: 'rpc',
      bytes: 0,
    };
    const end = { tables: {}, files: 0, documents: 0, damaged: [] };

    it('refuses one of a newer version', async () => {
      const newer = await made(
        jsonFrame('header', { ...header, schema: schemaVersion + 1 }),
        jsonFrame('end', end),
      );
      await expectCode('restore.newerSchema', () => restored(newer));
    });

    it('refuses one that somebody with the key put together wrongly', async () => {
      const start = jsonFrame('header', header);
      const keyring = [jsonFrame('file', { path: 'keyring.json' })];
      const wrong: Record<string, [string, Buffer[]]> = {
        'without an end': ['restore.damaged', [start]],
        'without a keyring': ['restore.malformed', [start, jsonFrame('end', end)]],
        'of another kind': ['restore.malformed', [jsonFrame('header', { ...header, vinculum: 'backup/2' })]],
        'with a file outside': ['restore.malformed', [start, jsonFrame('file', { path: '../evil' })]],
        'with a file within a path outside': [
          'restore.malformed',
          [start, jsonFrame('file', { path: 'keys/../../evil' })],
        ],
        'with an absolute file': ['restore.malformed', [start, jsonFrame('file', { path: '/etc/passwd' })]],
        'with an unknown table': [
          'restore.malformed',
          [
            start,
            ...keyring,
            jsonFrame('table', { name: 'pg_authid' }),
            jsonFrame('end', { ...end, files: 1, tables: { pg_authid: 0 } }),
          ],
        ],
        'with rows that are none': [
          'restore.malformed',
          [start, jsonFrame('table', { name: 'blocks' }), frame('rows', utf8('x'))],
        ],
        'with less than it says': [
          'restore.damaged',
          [start, jsonFrame('end', { ...end, tables: { blocks: 3 } })],
        ],
        'that goes on after its end': ['restore.malformed', [start, jsonFrame('end', end), Buffer.from('x')]],
        'with bytes of nothing': ['restore.malformed', [start, frame('bytes', utf8('x'))]],
      };
      for (const [what, [code, frames]] of Object.entries(wrong)) {
        const found = await restored(await made(...frames)).then(
          () => 'restored',
          (error: { code?: string }) => error.code,
        );
        expect(found, what).to.equal(code);
      }
    });

    it('goes into an empty data folder only', async () => {
      const folder = path('full');
      await mkdir(folder);
      await writeFile(join(folder, 'precious'), 'x');
      const erasures = await receipts();
      const options = { file, secret: { identity }, erasures, config: into(folder) };
      await expectCode('restore.notEmpty', () => restore(options));
      expect(await readFile(join(folder, 'precious'), 'utf8')).to.equal('x');
      const empty = path('empty');
      await mkdir(empty);
      expect((await restore({ ...options, config: into(empty) })).rows).to.be.greaterThan(0);
    });

    onPostgres(() => {
      it('goes into an empty database only, and leaves it empty where it fails', async () => {
        const schema = await createSchema();
        try {
          const environment = { DATABASE_URL: schema.url };
          const options = { secret: { identity }, erasures: await receipts() };
          const cut = await altered(bytes.subarray(0, Math.floor(bytes.length * 0.9)));
          const config = into(path('cut'), environment);
          await expectCode('restore.damaged', () => restore({ ...options, file: cut, config }));
          const folder = path('restored');
          await restore({ ...options, file, config: into(folder, environment) });
          await expectCode('restore.notEmpty', () =>
            restore({ ...options, file, config: into(path('again'), environment) }),
          );
          await running(
            folder,
            async (_reader, { service }) => {
              const [row] = await service.services.store.query<{ count: bigint }>(
                'SELECT count(*) FROM links',
              );
              expect(Number(row?.count)).to.be.greaterThan(0);
            },
            environment,
          );
        } finally {
          await schema.drop();
        }
      });
    });
  });

  it('is for the operator, for one at a time, and wants a passphrase or recipients that are any', async () => {
    const make = (body: object, token = test.service.operatorToken) =>
      test.post('/v1/operator/backup', body, { token });
    expect((await make({ recipients: [recipient] }, garage.token)).body.code).to.equal('auth.required');
    expect((await make({ passphrase: 'short' })).body.code).to.equal('request.invalid');
    expect((await make({ recipients: ['age1nobody'] })).body.code).to.equal('backup.recipient');
    expect((await make({})).body.code).to.equal('request.invalid');
    // One that nobody reads holds up no other for ever, and the store not at all.
    const aborting = new AbortController();
    const begun = await fetch(`${test.url}/v1/operator/backup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${test.service.operatorToken}` },
      body: JSON.stringify({ recipients: [recipient] }),
      signal: aborting.signal,
    });
    expect(begun.status).to.equal(200);
    aborting.abort();
    await test.until(async () => (await make({ recipients: [recipient] })).status === 200);
    const left = (await filesBelow(test.service.config.dataFolder)).filter((name) => name.endsWith('.part'));
    expect(left).to.deep.equal([]);
  });

  it('has every table but those that are left out on purpose', async () => {
    const { store } = test.service.services;
    const tables = await backedUpTables(store);
    const all = await store.query<{ name: string }>(
      'SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema()',
    );
    expect([...tables, ...leftOut]).to.have.members(all.map(({ name }) => name));
    expect(tables.indexOf('relay_submissions')).to.be.greaterThan(tables.indexOf('relay_transactions'));
    expect(tables.indexOf('relay_submissions')).to.be.greaterThan(tables.indexOf('submissions'));
  });
});
