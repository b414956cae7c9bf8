import { randomBytes } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { openErasures } from '../../../api/erasure/erasures.ts';
import type { Target } from '../../../api/erasure/plan.ts';
import { formatLine, issueReceipt } from '../../../api/erasure/receipt.ts';
import { openRegister, readRegister } from '../../../api/erasure/register.ts';
import { Problem } from '../../../api/problem.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import type { Store } from '../../../api/store/store.ts';
import { fromHex } from '../../../core/bytes.ts';
import { cidOf } from '../../../core/envelope/cid.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { checkErasureReceipt } from '../../../core/privacy/erasure.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { expectCode } from '../../expectCode.ts';
import { sharedService, type TestService } from '../fixture.ts';
import { Garage, newVin } from './garage.ts';

const produced = {
  bizStep: 'commissioning',
  disposition: 'active',
  manufacturerId: 'maker.example',
  manufacturerPartId: 'P-1',
  batchId: 'E-1',
  nameAtManufacturer: 'Airbag',
  productionDate: '2024-01-02',
};

describe('erasure', function () {
  this.timeout(60_000);
  let test: TestService;
  let garage: Garage;
  before(async () => {
    test = await sharedService();
    garage = await Garage.open(test, 'Erasing garage');
  });

  const store = () => test.service.services.store;
  const rowsOf = async (digest: string) => {
    const tables = ['blocks', 'block_keys', 'disclosures', 'sets', 'claims'];
    const counts = await Promise.all(
      tables.map(async (table) => {
        const rows = await store().query(`SELECT 1 FROM ${table} WHERE digest = $1`, [fromHex(digest, 32)]);
        return [table, rows.length] as const;
      }),
    );
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  };

  describe('POST /v1/erasures', () => {
    it('is the operator’s alone', async () => {
      const body = { target: { entry: `0x${'11'.repeat(32)}` }, basis: 'request' };
      for (const token of [undefined, garage.token]) {
        const reply = await test.post('/v1/erasures', body, { token });
        expect(reply.body.code).to.equal('auth.required');
      }
    });

    it('shows first exactly what would go and what would stay, and changes nothing', async () => {
      const vin = newVin();
      const document = await garage.upload();
      const entry = garage.service(vin, { technician: 'Ada Example', note: 'secret' }, [document]);
      await garage.record(entry);
      const before = await rowsOf(entry.entry.digest);
      const { body } = await garage.plan({ entry: entry.entry.digest });
      expect(body.dryRun).to.equal(true);
      expect(body.receipts).to.deep.equal([]);
      const place = {
        digest: entry.entry.digest,
        ledger: `eip155:${test.ledger.chainId}:${test.ledger.address}`,
        kind: 'service',
        organisation: garage.workshop.id.toString(),
      };
      expect(body.plan.goes).to.deep.equal([
        {
          ...place,
          what: 'entry',
          block: entry.block.length,
          fields: [`document:${document.cid}`, 'note', 'technician'],
          members: false,
        },
        { ...place, what: `document:${document.cid}`, bytes: document.content.length },
      ]);
      expect(body.plan.stays).to.deep.equal([{ what: 'links', count: 1 }, { what: 'elsewhere' }]);
      expect(JSON.stringify(body)).not.to.include('Ada');
      expect(await rowsOf(entry.entry.digest)).to.deep.equal(before);
    });

    it('erases nothing without the plan’s id, or with that of another plan', async () => {
      const vin = newVin();
      const entry = garage.service(vin, { technician: 'Ada Example' });
      await garage.record(entry);
      const target = { vehicle: vin };
      const { body } = await garage.plan(target);
      const request = { target, basis: 'request', dryRun: false };
      expect((await test.post('/v1/erasures', request, garage.operator)).body.code).to.equal(
        'request.invalid',
      );
      await garage.record(garage.service(vin, { technician: 'Another' }));
      const late = await test.post('/v1/erasures', { ...request, plan: body.plan.id }, garage.operator);
      expect([late.status, late.body.code]).to.deep.equal([409, 'erasure.changed']);
      expect(await rowsOf(entry.entry.digest)).to.include({ blocks: 1, block_keys: 1 });
    });

    it('knows nothing of what is not here', async () => {
      const targets = [
        { entry: `0x${'12'.repeat(32)}` },
        { field: { digest: `0x${'12'.repeat(32)}`, name: 'technician' } },
        { document: cidOf(`0x${'12'.repeat(32)}` as never) },
        { vehicle: newVin() },
      ];
      for (const target of targets) {
        expect((await garage.plan(target)).body.code, JSON.stringify(target)).to.equal('erasure.unknown');
      }
    });
  });

  describe('of a sealed field', () => {
    it('destroys its disclosure and leaves the entry proven, with a receipt', async () => {
      const vin = newVin();
      const entry = garage.service(vin, { technician: 'Ada Example', note: 'stays' });
      await garage.record(entry);
      const { digest } = entry.entry;
      const { status, body } = await garage.erase({ field: { digest, name: 'technician' } }, 'objection');
      expect(status).to.equal(200);
      expect(body.receipts).to.have.length(1);
      const [receipt] = body.receipts;
      expect(receipt).to.include({ digest, what: 'field:technician', basis: 'objection' });
      expect(receipt.operator).to.equal(test.service.services.operator);
      checkErasureReceipt(test.ledger, receipt, digest);
      expect(await rowsOf(digest)).to.deep.include({ disclosures: 1, blocks: 1, block_keys: 1 });
      const report = await garage.report(vin);
      expect(report.body.contents[digest].erasures).to.deep.equal([receipt]);
      const read = await garage.verify(vin);
      expect(read.verdict).to.equal('verified');
      expect(read.entries[0]?.status).to.equal('proven');
    });
  });

  describe('of a document', () => {
    it('destroys key and blocks, in every entry that has it', async () => {
      const [one, other] = [newVin(), newVin()];
      const document = await garage.upload();
      const entries = [garage.service(one, {}, [document]), garage.service(other, {}, [document])];
      await garage.record(...entries);
      const { body } = await garage.erase({ document: document.cid });
      expect(
        body.receipts.map(({ digest, what }: { digest: string; what: string }) => [digest, what]),
      ).to.have.deep.members(entries.map(({ entry }) => [entry.digest, `document:${document.cid}`]));
      const gone = await test.get(`/ipfs/${document.cid}?format=raw`);
      expect([gone.status, gone.body.code]).to.deep.equal([410, 'content.erased']);
      for (const { entry } of entries) expect(await rowsOf(entry.digest)).not.to.have.property('disclosures');
      expect((await garage.verify(one)).verdict).to.equal('verified');
      // The same bytes have the same CID: they are not taken in again.
      const again = await garage.uploadBytes(document.content);
      expect([again.status, again.body.code]).to.deep.equal([410, 'content.erased']);
      expect(await test.service.services.documents.has(document.cid)).to.equal(false);
    });

    it('that another entry has, too, stays with that one when an entry is erased', async () => {
      const [one, other] = [newVin(), newVin()];
      const document = await garage.upload();
      const [erased, kept] = [garage.service(one, {}, [document]), garage.service(other, {}, [document])];
      await garage.record(erased, kept);
      const { body } = await garage.erase({ entry: erased.entry.digest });
      expect(body.plan.stays).to.deep.include({ what: 'document', names: [document.cid] });
      expect(body.receipts.map(({ what }: { what: string }) => what)).to.deep.equal(['entry']);
      expect(await test.service.services.documents.has(document.cid)).to.equal(true);
      expect(await rowsOf(kept.entry.digest)).to.include({ disclosures: 1 });
      const last = await garage.erase({ entry: kept.entry.digest });
      expect(last.body.receipts.map(({ what }: { what: string }) => what)).to.deep.equal([
        'entry',
        `document:${document.cid}`,
      ]);
      expect(await test.service.services.documents.has(document.cid)).to.equal(false);
    });

    it('that no entry has the key of goes, too', async () => {
      const document = await garage.upload();
      const { body } = await garage.erase({ document: document.cid });
      expect(body.receipts[0]).to.include({
        digest: `0x${'00'.repeat(32)}`,
        what: `document:${document.cid}`,
      });
      expect(await test.service.services.documents.has(document.cid)).to.equal(false);
    });
  });

  describe('of an entry', () => {
    it('destroys block, key, disclosures and what a search would show; existence stays, and the rest verifies', async () => {
      const [vin, other] = [newVin(), newVin()];
      const claim = garage.claim(vin, { claimant: 'Bob Example' });
      const stays = garage.service(vin);
      await garage.record(claim, stays, garage.service(other));
      const { digest } = claim.entry;
      await garage.erase({ entry: digest });
      expect(await rowsOf(digest)).to.deep.equal({});
      const read = await garage.verify(vin);
      expect(read.entries.map(({ link, status }) => [link.digest, status])).to.deep.equal([
        [digest, 'erased'],
        [stays.entry.digest, 'proven'],
      ]);
      expect(read.verdict).not.to.equal('refuted');
      expect((await garage.verify(other)).verdict).to.equal('verified');
      const found = await test.post('/v1/claims/search', { identifiers: [vin] }, { token: garage.token });
      expect(JSON.stringify(found.body)).not.to.include(digest);
      const gone = await test.get(`/ipfs/${cidOf(digest)}?format=raw`);
      expect([gone.status, gone.body.code]).to.deep.equal([410, 'content.erased']);
      // A report that was made before is not given any more, also not to who has it (ETag) or sees more.
      const seen = await garage.report(vin, garage.token);
      expect(seen.body.contents[digest]).to.have.property('erased');
      const receipts = await test.get(`/v1/erasures/${digest}`);
      expect(receipts.body.receipts).to.deep.equal([seen.body.contents[digest].erased]);
    });

    it('twice gives the same receipt and the same answer', async () => {
      const entry = garage.service(newVin(), { technician: 'Ada Example' });
      await garage.record(entry);
      const target = { entry: entry.entry.digest };
      const first = await garage.erase(target);
      const second = await garage.erase(target, 'unlawful');
      const third = await garage.erase(target);
      expect(second.body.receipts).to.deep.equal(first.body.receipts);
      expect(third.text).to.equal(second.text);
      expect(second.body.plan.goes).to.deep.equal([]);
      const field = await garage.erase({ field: { digest: entry.entry.digest, name: 'technician' } });
      expect(field.body.receipts).to.deep.equal(first.body.receipts);
    });

    it('destroys copies of its key in the sealed fields of others', async () => {
      const built = newVin();
      const maker = await test.admit('Erasing maker', ['manufacturer', 'supplier']);
      const supplied = test.compose(maker, 'batch:maker.example:E-1', {
        kind: 'batch.produced',
        time: '2024-01-02',
        data: produced,
      });
      const { digest } = supplied.entry;
      const vehicle = test.compose(maker, `vin:${built}`, {
        kind: 'vehicle.built',
        time: '2024-01-03',
        data: { brand: 'Essai', model: 'One', manufacturerId: 'maker.example', productionDate: '2024-01-03' },
        sealed: { [`key:${digest}`]: Buffer.from(supplied.key).toString('base64url') },
      });
      await test.record(maker, [supplied, vehicle]);
      const { body } = await garage.erase({ entry: digest });
      expect(
        body.receipts.map((receipt: { digest: string; what: string }) => [receipt.digest, receipt.what]),
      ).to.deep.equal([
        [digest, 'entry'],
        [vehicle.entry.digest, `field:key:${digest}`],
      ]);
      expect(await rowsOf(vehicle.entry.digest)).not.to.have.property('disclosures');
    });

    it('names the corrections that say the same again', async () => {
      const vin = newVin();
      const entry = garage.service(vin);
      await garage.record(entry);
      const correction = test.compose(garage.workshop, `vin:${vin}`, {
        kind: 'amended',
        time: '2024-06-01',
        data: {
          supersedes: entry.entry.digest,
          kind: 'service',
          kindVersion: 1,
          reason: 'typo',
          data: { type: 'scheduled', items: ['engineOil'] },
        },
      });
      await garage.record(correction);
      const { body } = await garage.plan({ entry: entry.entry.digest });
      expect(body.plan.stays).to.deep.include({ what: 'amendments', names: [correction.entry.digest] });
      const whole = await garage.plan({ vehicle: vin });
      expect(whole.body.plan.goes).to.have.length(2);
    });

    it('leaves organisations’ profiles alone, whoever links their digest', async () => {
      const [profile] = await store().query<{ value: Uint8Array }>(
        'SELECT value FROM organisation_links WHERE change = 5 LIMIT 1',
      );
      const digest = `0x${Buffer.from(profile?.value ?? []).toString('hex')}`;
      expect((await garage.plan({ entry: digest })).body.code).to.equal('erasure.unknown');
    });
  });

  describe('of a vehicle', () => {
    it('destroys the content of all its entries; new entries go on, and the identifier is still evaluated', async () => {
      const vin = newVin();
      const entries = [garage.service(vin, { technician: 'A' }), garage.claim(vin, { claimant: 'B' })];
      await garage.record(...entries);
      const { body } = await garage.erase({ vehicle: vin });
      expect(body.plan.stays).to.deep.include({ what: 'identifier', names: [`vin:${vin}`] });
      expect(body.receipts.map(({ digest }: { digest: string }) => digest)).to.have.members(
        entries.map(({ entry }) => entry.digest),
      );
      const later = garage.service(vin, { technician: 'C' });
      await garage.record(later);
      const read = await garage.verify(vin);
      expect(read.entries.map(({ status }) => status)).to.deep.equal(['erased', 'erased', 'proven']);
    });

    it('spares an entry of another that was linked to it', async () => {
      const [vin, victim] = [newVin(), newVin()];
      const entry = garage.service(victim, { technician: 'A' });
      await garage.record(entry);
      await garage.record(garage.service(vin));
      // Somebody puts the digest on the ledger under this vehicle: no service would accept it, but the chain does.
      const subject = fromHex(test.subject({ type: 'vin', scope: '', value: vin } as never), 32);
      await store().execute(
        `INSERT INTO links SELECT ledger, $1, 99, kind, organisation, module, actor, action_hash, timestamp, digest, head,
           block_number, log_index + 900, transaction_hash, submission_hash FROM links WHERE digest = $2`,
        [subject, fromHex(entry.entry.digest, 32)],
      );
      try {
        const { body } = await garage.plan({ vehicle: vin });
        expect(body.plan.goes.map(({ digest }: { digest: string }) => digest)).not.to.include(
          entry.entry.digest,
        );
        expect(body.plan.stays).to.deep.include({ what: 'bound', names: [entry.entry.digest] });
      } finally {
        await store().execute('DELETE FROM links WHERE subject = $1 AND position = 99', [subject]);
      }
    });

    it('does not wait for the ledger: an entry on its way goes, too', async () => {
      const vin = newVin();
      const entry = garage.service(vin, { technician: 'A' });
      const accepted = await test.post('/v1/submissions', test.sign(garage.workshop, [entry]));
      expect(accepted.status).to.equal(202);
      await garage.erase({ entry: entry.entry.digest });
      await test.until(async () => (await garage.verify(vin)).entries.length === 1);
      expect((await garage.verify(vin)).entries[0]?.status).to.equal('erased');
    });
  });

  describe('afterwards', () => {
    it('takes in neither the block nor its key again', async () => {
      const entry = garage.service(newVin(), { technician: 'Ada Example' });
      await garage.record(entry);
      await garage.erase({ entry: entry.entry.digest });
      const reply = await test.post('/v1/submissions', test.sign(garage.workshop, [entry]));
      expect([reply.status, reply.body.code]).to.deep.equal([410, 'content.erased']);
      expect(await rowsOf(entry.entry.digest)).to.deep.equal({});
    });

    it('answers a submission from before as ever, and stores nothing of it', async () => {
      const entry = garage.service(newVin(), { technician: 'Ada Example' });
      const submission = test.sign(garage.workshop, [entry]);
      const first = await test.post('/v1/submissions', submission);
      await garage.erase({ entry: entry.entry.digest });
      const again = await test.post('/v1/submissions', submission);
      expect(again.status).to.equal(202);
      expect(again.body.receipt).to.deep.equal(first.body.receipt);
      expect(await rowsOf(entry.entry.digest)).to.deep.equal({});
    });

    it('takes in no disclosure of an erased field, whichever submission brings it', async () => {
      const entry = garage.service(newVin(), { technician: 'Ada Example', note: 'stays' });
      await garage.record(entry);
      const { digest } = entry.entry;
      await garage.erase({ field: { digest, name: 'technician' } });
      const reply = await test.post('/v1/submissions', test.sign(garage.workshop, [entry]));
      expect([reply.body.code, reply.body.field]).to.deep.equal(['content.erased', 'technician']);
      expect(await rowsOf(digest)).to.include({ disclosures: 1 });
    });

    it('takes in no key of an erased document in another entry', async () => {
      const document = await garage.upload();
      await garage.record(garage.service(newVin(), {}, [document]));
      await garage.erase({ document: document.cid });
      const entry = garage.service(newVin(), {}, [document]);
      const reply = await test.post('/v1/submissions', test.sign(garage.workshop, [entry]));
      expect(reply.body.code).to.equal('content.erased');
    });

    it('does not let one refused submission hold up another', async () => {
      const erased = garage.service(newVin());
      await garage.record(erased);
      await garage.erase({ entry: erased.entry.digest });
      const good = garage.service(newVin());
      const [refused, accepted] = await Promise.all([
        test.post('/v1/submissions', test.sign(garage.workshop, [erased])),
        test.post('/v1/submissions', test.sign(garage.workshop, [good])),
      ]);
      expect([refused.status, accepted.status]).to.deep.equal([410, 202]);
    });

    it('is not among what is missing, nor is it looked for', async () => {
      const entry = garage.service(newVin());
      await garage.record(entry);
      await garage.erase({ entry: entry.entry.digest });
      const missing = await test.service.services.pipeline.missing(1_000);
      expect(missing).not.to.include(entry.entry.digest);
    });
  });

  describe('GET /v1/erasures', () => {
    it('lists all receipts, a page at a time, for the operator', async () => {
      expect((await test.get('/v1/erasures')).body.code).to.equal('auth.required');
      const listed: unknown[] = [];
      let path = '/v1/erasures?limit=3';
      for (;;) {
        const { body } = await test.get(path, garage.operator);
        listed.push(...body.receipts);
        expect(body.pending).to.equal(0);
        if (body.next === null) break;
        path = `/v1/erasures?limit=3&cursor=${body.next}`;
      }
      const { receipts } = await readRegister(test.service.config.erasuresFile);
      expect(listed).to.have.deep.members(receipts.map(({ ledger, receipt }) => ({ ledger, ...receipt })));
    });
  });

  describe('the file of receipts', () => {
    const open = async (file: string, on: Store = test.service.services.store) => {
      const { services } = test.service;
      const { keyring, evaluator } = services;
      const { register, known } = await openRegister(file);
      const erasures = await openErasures({
        ...{ store: on, secrets: createSecrets(keyring), evaluator },
        ...{ register, known: known.receipts },
        ledger: `eip155:${test.ledger.chainId}:${test.ledger.address}` as never,
        operator: keyring.operator,
        places: [],
        onErased: () => undefined,
      }).catch(async (error: unknown) => {
        await register.close();
        throw error;
      });
      return {
        ...erasures,
        close: async () => {
          await erasures.close();
          await register.close();
        },
      };
    };

    it('is carried out at the next start, where an erasure was interrupted after it was written', async () => {
      const entry = garage.service(newVin(), { technician: 'Ada Example' });
      await garage.record(entry);
      const { digest } = entry.entry;
      const { erasuresFile } = test.service.config;
      // As if the process had died between file and database.
      const ledger = `eip155:${test.ledger.chainId}:${test.ledger.address}` as never;
      const { operator } = test.service.services.keyring;
      const line = formatLine(
        issueReceipt(operator, ledger, { digest, what: 'entry' }, 'request', 1_700_000_000n),
      );
      await appendFile(erasuresFile, line);
      const erasures = await open(erasuresFile);
      expect(await rowsOf(digest)).to.deep.equal({});
      expect(await erasures.pending()).to.equal(1);
      await erasures.catchUp();
      expect(await erasures.pending()).to.equal(0);
      expect((await erasures.of(digest)).map(({ receipt }) => receipt.erasedAt)).to.deep.equal([
        1_700_000_000,
      ]);
      await erasures.close();
    });

    it('is carried out later, without a start in between, where the database failed after it was written', async () => {
      const [entry, other] = ['Ada Example', 'Bob Example'].map((technician) =>
        garage.service(newVin(), { technician }),
      );
      if (entry === undefined || other === undefined) throw new TypeError('two were composed');
      await garage.record(entry, other);
      const { digest } = entry.entry;
      let down = false;
      const failing: Store = {
        ...store(),
        transaction: (work, options) =>
          down
            ? Promise.reject(new Problem('store.unavailable', 'The connection is lost.'))
            : store().transaction(work, options),
      };
      const erasures = await open(test.service.config.erasuresFile, failing);
      const agreed = async (target: Target) => (await erasures.plan(target)).id;
      const plan = await agreed({ of: 'entry', digest });
      down = true;
      await expectCode('store.unavailable', () => erasures.erase({ of: 'entry', digest }, 'request', plan));
      expect(await erasures.pending()).to.equal(1);
      await expectCode('store.unavailable', () => erasures.catchUp());
      expect(await rowsOf(digest)).to.include({ blocks: 1 });
      down = false;
      await erasures.catchUp();
      expect(await rowsOf(digest)).to.deep.equal({});
      expect(await erasures.pending()).to.equal(0);

      // Whoever asks again in between gets the receipt from then.
      const second = await agreed({ of: 'entry', digest: other.entry.digest });
      down = true;
      const request = () => erasures.erase({ of: 'entry', digest: other.entry.digest }, 'request', second);
      await expectCode('store.unavailable', request);
      down = false;
      expect((await request()).receipts).to.have.length(1);
      expect(await rowsOf(other.entry.digest)).to.deep.equal({});
      expect(await erasures.pending()).to.equal(0);
      const { receipts } = await readRegister(test.service.config.erasuresFile);
      for (const each of [digest, other.entry.digest]) {
        expect(receipts.filter(({ receipt }) => receipt.digest === each)).to.have.length(1);
      }
      await erasures.close();
    });

    it('gets back what the store knows, where it was lost', async () => {
      const { erasuresFile } = test.service.config;
      const before = (await readRegister(erasuresFile)).receipts;
      const copy = `${erasuresFile}.lost`;
      const erasures = await open(copy);
      await erasures.close();
      const after = (await readRegister(copy)).receipts;
      expect(after).to.have.deep.members(before);
    });

    it('may end in a line that a crash cut off, and nowhere else', async () => {
      const { erasuresFile } = test.service.config;
      const copy = `${erasuresFile}.cut`;
      const text = await readFile(erasuresFile, 'utf8');
      await appendFile(copy, `${text}${text.slice(0, 40)}`);
      await (await open(copy)).close();
      expect(await readFile(copy, 'utf8')).to.equal(text);
      const middle = `${erasuresFile}.middle`;
      await appendFile(middle, `${text.slice(0, 40)}\n${text}`);
      await expectCode('erasures.malformed', () => open(middle));
    });

    it('of another operator, or with a signature that is none, is refused', async () => {
      const { erasuresFile } = test.service.config;
      const [first] = (await readRegister(erasuresFile)).receipts;
      const receipt = { ledger: first?.ledger, ...first?.receipt };
      const forged = { ...receipt, digest: `0x${randomBytes(32).toString('hex')}` };
      const copy = `${erasuresFile}.foreign`;
      await appendFile(copy, `${JSON.stringify(forged)}\n`);
      await expectCode('erasures.foreign', () => open(copy));
    });
  });

  it('of a set destroys its members', async () => {
    const maker = await test.admit('Erasing supplier', ['supplier']);
    const token = await test.signIn(maker);
    const treeKey = randomBytes(32);
    const members = ['serial:supplier.example:S-1', 'serial:supplier.example:S-2'];
    const tree = buildTree(
      treeKey,
      members.map((member) => parseIdentifier(member)),
    );
    const batch = test.compose(maker, 'batch:supplier.example:E-2', {
      kind: 'batch.produced',
      time: '2024-01-02',
      data: {
        ...produced,
        serials: { serialsRoot: tree.root, count: 2, treeKey: treeKey.toString('base64url') },
      },
    });
    await test.record(maker, [batch]);
    const { digest } = batch.entry;
    const put = () => test.request('PUT', `/v1/sets/${digest}`, { token, body: { members } });
    expect((await put()).status).to.equal(200);
    const { body } = await garage.erase({ entry: digest });
    expect(body.plan.goes[0]).to.include({ members: true });
    expect(await rowsOf(digest)).to.deep.equal({});
    for (const table of ['serials', 'set_buckets', 'set_uploads', 'set_chunks']) {
      const left = await store().query(`SELECT 1 FROM ${table} WHERE digest = $1`, [fromHex(digest, 32)]);
      expect(left, table).to.deep.equal([]);
    }
    const chunk = await test.request('PUT', `/v1/sets/${digest}/chunks/0`, {
      token,
      raw: { content: members.join('\n'), type: 'text/plain' },
    });
    expect(chunk.body.code).to.be.oneOf(['set.unknownEntry', 'content.erased']);
    expect((await put()).body.code).to.be.oneOf(['set.unknownEntry', 'content.erased']);
  });
});
