import { expect } from 'chai';
import { fromHex } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { person, seconds } from '../titles/acting.ts';
import { DAY, give, signInAlone, today, Vehicle } from './world.ts';

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z');

describe('what an owner sees', function () {
  this.timeout(60_000);
  let test: TestService;
  let registrar: Attester;
  let workshop: Attester;
  before(async () => {
    test = await sharedService();
    registrar = await test.admit('Registry of owners', ['registrar']);
    workshop = await test.admit('Workshop of owners', ['workshop']);
  });

  const entryOf = (digest: Digest) => ({ entry: { digest } });
  async function correction(vehicle: Vehicle, of: ComposedEntry): Promise<ComposedEntry> {
    const corrected = test.compose(workshop, vehicle.name, {
      kind: 'amended',
      time: today(),
      data: {
        supersedes: of.entry.digest,
        kind: 'service',
        kindVersion: 1,
        reason: 'typo',
        data: { type: 'scheduled', items: ['brakeFluid'] },
      },
      sealed: { note: 'The customer is still Mme Petit.' },
    });
    await test.record(workshop, [corrected]);
    return corrected;
  }

  it('is what concerns it: from the entry that gave it the vehicle on, until it sells', async () => {
    const [ann, bob] = [person(), person()];
    const [annToken, bobToken] = [await signInAlone(test, ann), await signInAlone(test, bob)];
    const vehicle = new Vehicle(test);
    const before = await vehicle.service(workshop);
    const issued = await vehicle.act(registrar, 'title.issued', {
      party: ann.address,
      sealed: { holderName: 'Ann Petit', plate: 'AB-123-CD' },
    });
    const hers = await vehicle.service(workshop);
    expect(await vehicle.shown(before, annToken)).to.deep.equal([]);
    expect(await vehicle.shown(entryOf(issued), annToken)).to.have.length(2);
    expect(await vehicle.shown(hers, annToken)).to.deep.equal(hers.disclosures);
    expect(await vehicle.shown(hers, bobToken)).to.deep.equal([]);
    expect((await vehicle.log()).at(-1)).to.deep.include({
      consent: null,
      purpose: 'owner',
      reader: `account:${ann.address}`,
    });

    const offered = await vehicle.act(ann, 'title.offered', {
      party: bob.address,
      until: seconds() + DAY,
      sealed: { amount: { amount: '9900.00', currency: 'EUR' } },
    });
    const accepted = await vehicle.act(bob, 'title.accepted', { sealed: { buyerName: 'Bob Martin' } });
    const his = await vehicle.service(workshop);
    expect(await vehicle.shown(entryOf(accepted), bobToken)).to.have.length(1);
    expect(await vehicle.shown(his, bobToken)).to.have.length(1);
    for (const old of [before, hers, entryOf(issued), entryOf(offered)]) {
      expect(await vehicle.shown(old, bobToken)).to.deep.equal([]);
    }
    // To the former owner nothing is open any more.
    for (const entry of [hers, his]) expect(await vehicle.shown(entry, annToken)).to.deep.equal([]);
  });

  it('is not what happened before its time, whenever it is recorded, nor what corrects that', async () => {
    const [ann, bob] = [person(), person()];
    const bobToken = await signInAlone(test, bob);
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: ann.address, time: daysAgo(900) });
    const hers = await vehicle.service(workshop);
    await vehicle.sell(ann, bob);
    const late = await vehicle.service(workshop, { note: 'Of last week.' }, daysAgo(7));
    const sameDay = await vehicle.service(workshop, { note: 'Of the day of the sale.' });
    const earlierThatDay = await vehicle.service(
      workshop,
      { note: 'At its first second.' },
      `${today()}T00:00:00Z`,
    );
    const ofHers = await correction(vehicle, hers);
    const ofSameDay = await correction(vehicle, sameDay);
    expect(await vehicle.shown(late, bobToken)).to.deep.equal([]);
    expect(await vehicle.shown(earlierThatDay, bobToken)).to.deep.equal([]);
    expect(await vehicle.shown(ofHers, bobToken)).to.deep.equal([]);
    expect(await vehicle.shown(sameDay, bobToken)).to.have.length(1);
    expect(await vehicle.shown(ofSameDay, bobToken)).to.have.length(1);
  });

  it('begins at the day that a register states, and a buyer’s own word for it counts for nothing', async () => {
    const [ann, bob] = [person(), person()];
    const [annToken, bobToken] = [await signInAlone(test, ann), await signInAlone(test, bob)];
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: ann.address, time: daysAgo(900) });
    const imported = await vehicle.service(workshop, { note: 'Of a year ago.' }, daysAgo(365));
    const older = await vehicle.service(workshop, { note: 'Of before.' }, daysAgo(901));
    expect(await vehicle.shown(imported, annToken)).to.have.length(1);
    expect(await vehicle.shown(older, annToken)).to.deep.equal([]);
    await vehicle.act(ann, 'title.offered', { party: bob.address, until: seconds() + DAY });
    await vehicle.act(bob, 'title.accepted', { time: daysAgo(800) });
    const lateImport = await vehicle.service(workshop, { note: 'Of a year ago, too.' }, daysAgo(365));
    expect(await vehicle.shown(lateImport, bobToken)).to.deep.equal([]);
  });

  for (const [how, end] of [
    [
      'goes on under another number',
      (vehicle: Vehicle) => {
        const next = new Vehicle(test);
        const data = { to: next.name, reason: 'reissued' };
        return vehicle.act(registrar, 'title.replaced', { detail: next.subject, data });
      },
    ],
    ['goes abroad', (vehicle: Vehicle) => vehicle.act(registrar, 'title.exported')],
  ] as const) {
    it(`is nothing that happens once the vehicle ${how}: that is another’s life`, async () => {
      const [ann, grantee] = [person(), person()];
      const vehicle = new Vehicle(test);
      await vehicle.act(registrar, 'title.issued', { party: ann.address });
      const hers = await vehicle.service(workshop);
      await end(vehicle);
      await give(test, { subject: vehicle.subject, signer: ann, account: grantee.address });
      const later = await vehicle.service(workshop, { note: 'Of somebody else.' }, inAnHour());
      const late = await vehicle.service(workshop, { note: 'Of hers, told late.' });
      for (const who of [ann, grantee]) {
        const token = await signInAlone(test, who);
        expect(await vehicle.shown(hers, token)).to.have.length(1);
        expect(await vehicle.shown(late, token)).to.have.length(1);
        expect(await vehicle.shown(later, token)).to.deep.equal([]);
      }
    });
  }

  it('stays hers when a registrar re-issues a lost key, and the lost one opens nothing', async () => {
    const [lost, found] = [person(), person()];
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: lost.address });
    const entry = await vehicle.service(workshop);
    await vehicle.act(registrar, 'title.reissued', { party: found.address });
    expect(await vehicle.shown(entry, await signInAlone(test, found))).to.have.length(1);
    expect(await vehicle.shown(entry, await signInAlone(test, lost))).to.deep.equal([]);
  });

  it('is as far as its consents reach: nobody grants what it may not see', async () => {
    const [ann, bob, grantee] = [person(), person(), person()];
    const token = await signInAlone(test, grantee);
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: ann.address });
    const hers = await vehicle.service(workshop);
    await vehicle.sell(ann, bob);
    const his = await vehicle.service(workshop);
    await give(test, {
      subject: vehicle.subject,
      signer: bob,
      tenure: 2n,
      account: grantee.address,
      entries: [hers.entry.digest, his.entry.digest],
    });
    expect(await vehicle.shown(hers, token)).to.deep.equal([]);
    expect(await vehicle.shown(his, token)).to.have.length(1);
  });

  it('is nothing of another vehicle whose digest stands in its history', async () => {
    const owner = person();
    const victim = new Vehicle(test);
    const secret = await victim.service(workshop, { note: 'Nobody else’s.' });
    const mine = new Vehicle(test);
    await mine.act(registrar, 'title.issued', { party: owner.address });
    // As an index would have it, had somebody anchored the digest there: the ledger cannot tell.
    const { store, query } = test.service.services;
    await store.execute(
      `INSERT INTO links (ledger, subject, position, kind, organisation, timestamp, digest, head, block_number, log_index,
         transaction_hash)
       SELECT ledger, $2, 1, kind, organisation, timestamp, digest, head, block_number, log_index + 100000, transaction_hash
       FROM links WHERE digest = $1`,
      [fromHex(secret.entry.digest, 32), fromHex(mine.subject, 32)],
    );
    query.forget();
    try {
      const token = await signInAlone(test, owner);
      const shown = await test.service.services.sealed.show(
        { reader: { kind: 'account', account: owner.address }, route: 'test' },
        [{ identifier: mine.name, subject: mine.subject, digests: new Set([secret.entry.digest]) }],
      );
      expect(shown.size).to.equal(0);
      const { body } = await test.get(`${mine.path}/report`, { token });
      expect(body.contents[secret.entry.digest]).to.have.all.keys('withheld');
      expect(await mine.log()).to.deep.equal([]);
    } finally {
      await store.execute('DELETE FROM links WHERE subject = $1 AND position = 1', [
        fromHex(mine.subject, 32),
      ]);
      query.forget();
    }
  });

  describe('GET /v1/my/vehicles', () => {
    it('names the vehicles that the account holds, and those on offer to it, to nobody else', async () => {
      const [ann, bob] = [person(), person()];
      const vehicle = new Vehicle(test);
      const list = async (who: typeof ann) =>
        (await test.get('/v1/my/vehicles', { token: await signInAlone(test, who) })).body;
      await vehicle.act(registrar, 'title.issued', { party: ann.address });
      expect(await list(bob)).to.deep.include({ account: bob.address, vehicles: [], offers: [] });
      const mine = await list(ann);
      expect(mine.offers).to.deep.equal([]);
      expect(mine.vehicles).to.have.length(1);
      expect(mine.vehicles[0]).to.deep.include({ identifier: vehicle.name });
      expect(mine.vehicles[0].title).to.deep.include({ owner: ann.address, tenure: 1, state: 'held' });

      await vehicle.act(ann, 'title.offered', { party: bob.address, until: seconds() + DAY });
      const offered = await list(bob);
      expect(offered.vehicles).to.deep.equal([]);
      expect(offered.offers[0]).to.deep.include({ identifier: vehicle.name });
      expect(offered.offers[0].title.offer).to.include({ buyer: bob.address, open: true });
      await vehicle.act(bob, 'title.accepted');
      expect((await list(ann)).vehicles).to.deep.equal([]);
      expect((await list(bob)).vehicles[0].identifier).to.equal(vehicle.name);
      expect((await list(bob)).offers).to.deep.equal([]);
    });

    it('is for accounts alone', async () => {
      expect((await test.get('/v1/my/vehicles')).body.code).to.equal('auth.required');
      const reply = await test.get('/v1/my/vehicles', { token: await test.signIn(workshop) });
      expect(reply.body.code).to.equal('auth.required');
      const operator = await test.get('/v1/my/vehicles', { token: test.service.operatorToken });
      expect(operator.body.code).to.equal('auth.required');
    });

    it('tells of no offer that has run out', async () => {
      const [ann, bob] = [person(), person()];
      const vehicle = new Vehicle(test);
      await vehicle.act(registrar, 'title.issued', { party: ann.address });
      await vehicle.act(ann, 'title.offered', { party: bob.address, until: seconds() + 3n });
      const token = await signInAlone(test, bob);
      await test.until(async () => (await test.get('/v1/my/vehicles', { token })).body.offers.length === 0);
    });
  });
});
