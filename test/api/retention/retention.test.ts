import { expect } from 'chai';
import { parsePolicy } from '../../../api/retention/policy.ts';
import { createRetention } from '../../../api/retention/retention.ts';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { type AccessHead, accessEntrySchema, foldAccess } from '../../../core/privacy/accessLog.ts';
import { Garage, newVin } from '../erasure/garage.ts';
import { startTestService, type TestService } from '../fixture.ts';

const DAY = 86_400_000;

describe('retention', function () {
  this.timeout(120_000);
  let test: TestService;
  let garage: Garage;
  before(async () => {
    test = await startTestService({ RETENTION_HOURS: '0' });
    garage = await Garage.open(test);
  });
  after(() => test.stop());

  const store = () => test.service.services.store;
  const inDays = (days: number, policy: string, fieldsAtOnce?: number) => {
    const parsed = parsePolicy(policy);
    if (parsed === null) throw new Error('no policy');
    const { erasures } = test.service.services;
    const clock = () => new Date(Date.now() + days * DAY);
    return createRetention({
      ...{ store: store(), policy: parsed, erasures, clock },
      ...(fieldsAtOnce === undefined ? {} : { fieldsAtOnce }),
    });
  };
  const namesOf = async (digest: string) => {
    const rows = await store().query<{ name: string }>(
      'SELECT name FROM disclosures WHERE digest = $1 ORDER BY name',
      [fromHex(digest, 32)],
    );
    return rows.map(({ name }) => name);
  };

  it('erases sealed fields past their time, by kind and field, each with a receipt', async () => {
    const vin = newVin();
    const service = garage.service(vin, { technician: 'Ada Example', note: 'stays' });
    const claim = garage.claim(vin, { claimant: 'Bob Example' });
    await garage.record(service, claim);
    const policy = 'service/technician=100d,claim=200d';
    expect((await inDays(99, policy).due()).fields).to.deep.equal([]);
    const due = await inDays(101, policy).due();
    expect(due.fields).to.deep.equal([
      { digest: service.entry.digest, what: 'field:technician', kind: 'service', days: 100 },
    ]);
    expect(await namesOf(service.entry.digest)).to.deep.equal(['note', 'technician']);
    await inDays(101, policy).run();
    expect(await namesOf(service.entry.digest)).to.deep.equal(['note']);
    expect(await namesOf(claim.entry.digest)).to.deep.equal(['claimant']);
    await inDays(201, policy).run();
    expect(await namesOf(claim.entry.digest)).to.deep.equal([]);
    const { body } = await test.get(`/v1/erasures/${claim.entry.digest}`);
    expect(body.receipts[0]).to.include({ what: 'field:claimant', basis: 'retention' });
    expect((await garage.verify(vin)).verdict).to.equal('verified');
    expect((await inDays(1000, policy).run()).fields).to.deep.equal([]);
  });

  it('destroys a document with the last entry that has its key', async () => {
    const document = await garage.upload();
    const [first, second] = [
      garage.service(newVin(), {}, [document]),
      garage.service(newVin(), {}, [document]),
    ];
    await garage.record(first, second);
    const policy = 'service/document:*=10d';
    const [due] = (await inDays(11, policy, 1).run()).fields;
    expect(due?.what).to.equal(`field:document:${document.cid}`);
    expect(await test.service.services.documents.has(document.cid)).to.equal(true);
    const [last, ...none] = (await inDays(11, policy).run()).fields;
    expect([last?.what, none.length]).to.deep.equal([`document:${document.cid}`, 0]);
    expect(await test.service.services.documents.has(document.cid)).to.equal(false);
    // Where all of them are past their time at once, it goes with them.
    const other = await garage.upload();
    await garage.record(garage.service(newVin(), {}, [other]), garage.service(newVin(), {}, [other]));
    const all = await inDays(11, policy).run();
    expect(all.fields.map(({ what }) => what)).to.deep.equal([
      `document:${other.cid}`,
      `document:${other.cid}`,
    ]);
    expect(await test.service.services.documents.has(other.cid)).to.equal(false);
  });

  it('cuts access logs at their beginning, so that the rest still folds and goes on', async () => {
    const vin = newVin();
    await garage.record(garage.claim(vin, { claimant: 'Bob Example' }));
    const show = () => test.post('/v1/claims/search', { identifiers: [vin] }, { token: garage.token });
    for (let time = 0; time < 3; time++) await show();
    type Row = { position: bigint; entry: unknown; head: Uint8Array };
    const log = () =>
      store().query<Row>(
        'SELECT position, entry, head FROM access_entries WHERE subject = $1 ORDER BY position',
        [fromHex(test.subject({ type: 'vin', scope: '', value: vin } as never), 32)],
      );
    const before = await log();
    expect(before).to.have.length(3);
    expect((await inDays(99, 'accessLog=100d').run()).accessEntries).to.equal(0);
    expect((await inDays(101, 'accessLog=100d').run()).accessEntries).to.be.at.least(3);
    const cut = await log();
    expect(cut).to.deep.equal([{ ...before[2], entry: null }]);
    expect((await inDays(101, 'accessLog=100d').run()).accessEntries).to.equal(0);
    await show();
    const [base, next] = await log();
    const entry = accessEntrySchema.parse(next?.entry);
    const folded = foldAccess([entry], toHex(base?.head ?? new Uint8Array()) as AccessHead, 3);
    expect(folded).to.equal(toHex(next?.head ?? new Uint8Array()));
  });

  it('forgets API keys that work no more', async () => {
    const made = await test.post('/v1/auth/keys', { name: 'old' }, { token: garage.token });
    expect(made.status).to.equal(201);
    await test.request('DELETE', `/v1/auth/keys/${made.body.id}`, { token: garage.token });
    const kept = await test.post('/v1/auth/keys', { name: 'kept' }, { token: garage.token });
    expect((await inDays(366, 'apiKeys=365d').run()).apiKeys).to.equal(1);
    const listed = await test.get('/v1/auth/keys', { token: garage.token });
    expect(JSON.stringify(listed.body)).to.include(kept.body.id);
  });

  it('forgets notices, read or not', async () => {
    const { notices } = test.service.services;
    const recipient = { account: `0x${'77'.repeat(20)}` as const } as never;
    const post = (about: string) =>
      store().transaction((transaction) =>
        notices.post(transaction, [{ recipient, kind: 'alert.raised', about, content: {} }]),
      );
    await post('batch:maker:1');
    expect((await inDays(99, 'notices=100d').run()).notices).to.equal(0);
    expect((await inDays(101, 'notices=100d').run()).notices).to.equal(1);
    expect((await notices.list(recipient, { limit: 9 })).notices).to.deep.equal([]);
    expect(await post('batch:maker:2')).to.equal(1);
    const { notices: left } = await notices.list(recipient, { limit: 9 });
    expect(left.map(({ number }) => number)).to.deep.equal([2]);
    expect((await inDays(101, 'notices=100d').run()).notices).to.equal(1);
  });

  it('shows the operator what is past its time, and does it when told', async () => {
    const path = '/v1/operator/retention';
    expect((await test.post(path, {}, { token: garage.token })).body.code).to.equal('auth.required');
    const dry = await test.post(path, {}, garage.operator);
    expect(dry.body).to.deep.equal({
      dryRun: true,
      fields: [],
      more: false,
      accessEntries: 0,
      consents: 0,
      apiKeys: 0,
      notices: 0,
      scans: 0,
      alertLinks: 0,
    });
    expect((await test.post(path, { dryRun: false }, garage.operator)).body.dryRun).to.equal(false);
  });
});
