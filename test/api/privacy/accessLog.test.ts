import { expect } from 'chai';
import { fromHex } from '../../../core/bytes.ts';
import {
  type AccessEntry,
  type AccessHead,
  checkAccessLog,
  foldAccess,
  readAccessEntries,
  readAccessHead,
  ZERO_ACCESS_HEAD,
} from '../../../core/privacy/accessLog.ts';
import { expectCode } from '../../expectCode.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { type Person, person } from '../titles/acting.ts';
import { give, signInAlone, Vehicle } from './world.ts';

describe('the access log', function () {
  this.timeout(60_000);
  let test: TestService;
  let registrar: Attester;
  let workshop: Attester;
  let workshopToken: string;
  before(async () => {
    test = await sharedService();
    registrar = await test.admit('Registry of access logs', ['registrar']);
    workshop = await test.admit('Workshop of access logs', ['workshop']);
    workshopToken = await test.signIn(workshop);
  });

  const owned = async (owner: Person): Promise<Vehicle> => {
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: owner.address });
    return vehicle;
  };
  type Part = {
    from: { position: number; head: AccessHead };
    entries: AccessEntry[];
    state: ReturnType<typeof readAccessHead>;
    tenure: number;
  };

  /** Reads all pages as an owner does, and folds them to the head that the operator signed. */
  async function read(vehicle: Vehicle, who: Person, query = ''): Promise<Part> {
    const token = await signInAlone(test, who);
    const entries: AccessEntry[] = [];
    let first: { from: Part['from']; tenure: number } | undefined;
    for (let from: number | null = -1; from !== null; ) {
      const at: string = from === -1 ? '' : `&from=${from}`;
      const reply = await test.get(`/v1/access-log/${vehicle.subject}?limit=2${at}${query}`, { token });
      expect(reply.status, reply.text).to.equal(200);
      expect(reply.headers.get('Cache-Control')).to.equal('private, no-store');
      const page: Part & { next: number | null } = reply.body;
      const head = foldAccess(
        readAccessEntries(entries),
        first?.from.head ?? page.from.head,
        first?.from.position ?? page.from.position,
      );
      expect(page.from.head, 'each page folds on from the one before').to.equal(head);
      first ??= page;
      entries.push(...page.entries);
      from = page.next;
      if (from !== null) continue;
      const state = readAccessHead(test.ledger, page.state);
      expect(state.operator).to.equal(test.service.services.operator);
      expect(foldAccess(entries, first.from.head, first.from.position)).to.equal(state.head);
      expect(first.from.position + entries.length).to.equal(Number(state.length));
      return { from: first.from, tenure: first.tenure, entries, state };
    }
    throw new Error('no page');
  }

  it('tells the owner of every showing, by attesters, grantees, operator and the owner itself', async () => {
    const [owner, grantee] = [person(), person()];
    const vehicle = await owned(owner);
    const entry = await vehicle.service(workshop);
    const { hash } = await give(test, { subject: vehicle.subject, signer: owner, account: grantee.address });
    const granteeToken = await signInAlone(test, grantee);
    await vehicle.shown(entry, workshopToken);
    await vehicle.shown(entry, granteeToken);
    await test.get(`${vehicle.path}/report.pdf`, { token: granteeToken });
    await test.get(vehicle.path, { token: await signInAlone(test, owner) });
    await test.get('/v1/operator/export/keys', { token: test.service.operatorToken });
    await vehicle.shown(entry);
    const log = await read(vehicle, owner);
    const told = log.entries.map(({ reader, route, purpose, consent }) => [reader, route, purpose, consent]);
    expect(told.slice(0, 4)).to.deep.equal([
      [`organisation:${workshop.id}`, 'getVehicleReport', 'attester', null],
      [`account:${grantee.address}`, 'getVehicleReport', 'purchase', hash],
      [`account:${grantee.address}`, 'getVehiclePdf', 'purchase', hash],
      [`account:${owner.address}`, 'getVehicle', 'owner', null],
    ]);
    expect(told.slice(4)).to.deep.equal([['operator', 'exportKeys', 'operator', null]]);
    for (const { at, shown } of log.entries) {
      expect(at).to.be.closeTo(Date.now() / 1000, 60);
      expect(shown).to.deep.include({ digest: entry.entry.digest, fields: ['invoiceNumber'] });
    }
    expect(log.from).to.deep.equal({ position: 0, head: ZERO_ACCESS_HEAD });
  });

  it('shows whoever keeps its heads that something was taken out, or rewritten', async () => {
    const owner = person();
    const vehicle = await owned(owner);
    const entry = await vehicle.service(workshop);
    await vehicle.shown(entry, workshopToken);
    const early = await read(vehicle, owner);
    for (let index = 0; index < 3; index++) await vehicle.shown(entry, workshopToken);
    const late = await read(vehicle, owner);
    checkAccessLog(late.entries, [early.state, late.state]);
    await expectCode('access.shortened', () =>
      checkAccessLog(late.entries.slice(0, 2), [early.state, late.state]),
    );
    const [first, ...rest] = late.entries;
    const rewritten = [{ ...(first as AccessEntry), reader: 'operator' }, ...rest];
    await expectCode('access.rewritten', () => checkAccessLog(rewritten, [early.state]));
  });

  it('is each owner’s for its own time, and nobody else’s', async () => {
    const [ann, bob, stranger] = [person(), person(), person()];
    const vehicle = await owned(ann);
    const entry = await vehicle.service(workshop);
    const annToken = await signInAlone(test, ann);
    await vehicle.shown(entry, workshopToken);
    await vehicle.shown(entry, annToken);
    await vehicle.sell(ann, bob);
    await vehicle.shown(entry, workshopToken);
    const hers = await read(vehicle, ann);
    const his = await read(vehicle, bob);
    expect([hers.tenure, his.tenure]).to.deep.equal([1, 2]);
    expect(hers.entries.map(({ position }) => position)).to.deep.equal([0, 1]);
    expect(his.entries.map(({ position }) => position)).to.deep.equal([2]);
    expect(his.from).to.deep.equal({ position: 2, head: hers.state.head });
    for (const [token, code] of [
      [await signInAlone(test, stranger), 'access.notOwner'],
      [workshopToken, 'auth.required'],
      [await test.signIn(registrar), 'auth.required'],
      [test.service.operatorToken, 'auth.required'],
      [undefined, 'auth.required'],
    ] as const) {
      const reply = await test.get(`/v1/access-log/${vehicle.subject}`, { token });
      expect(reply.body.code).to.equal(code);
    }
    const other = await test.get(`/v1/access-log/${vehicle.subject}?tenure=2`, { token: annToken });
    expect(other.body.code).to.equal('access.notOwner');
    expect((await read(vehicle, ann, '&tenure=1')).entries).to.have.length(2);
    // Nor does she get beyond her part by asking for another position.
    const beyond = await test.get(`/v1/access-log/${vehicle.subject}?from=2`, { token: annToken });
    expect(beyond.body).to.deep.include({ entries: [], next: null });
    const below = await test.get(`/v1/access-log/${vehicle.subject}?from=0`, {
      token: await signInAlone(test, bob),
    });
    expect(below.body.from.position).to.equal(2);
    for (const query of ['from=-1', 'from=1e9', 'tenure=0', 'limit=0', 'limit=1000']) {
      const reply = await test.get(`/v1/access-log/${vehicle.subject}?${query}`, { token: annToken });
      expect(reply.body.code, query).to.equal('request.invalid');
    }
  });

  it('goes over to the key that a registrar re-issued, and ends there for the lost one', async () => {
    const [lost, found] = [person(), person()];
    const vehicle = await owned(lost);
    const entry = await vehicle.service(workshop);
    await vehicle.shown(entry, workshopToken);
    await vehicle.act(registrar, 'title.reissued', { party: found.address });
    await vehicle.shown(entry, workshopToken);
    expect((await read(vehicle, found)).entries).to.have.length(2);
    expect((await read(vehicle, lost)).entries).to.have.length(1);
  });

  it('is empty where nothing was shown, and unknown where there is no title', async () => {
    const owner = person();
    const vehicle = await owned(owner);
    const log = await read(vehicle, owner);
    expect(log.entries).to.deep.equal([]);
    expect(log.state).to.include({ length: 0n, head: ZERO_ACCESS_HEAD });
    const token = await signInAlone(test, owner);
    const untitled = await test.get(`/v1/access-log/${new Vehicle(test).subject}`, { token });
    expect(untitled.body.code).to.equal('access.notOwner');
  });

  it('is one chain however many read at once', async () => {
    const [owner, grantee] = [person(), person()];
    const vehicle = await owned(owner);
    const entry = await vehicle.service(workshop);
    await give(test, { subject: vehicle.subject, signer: owner, account: grantee.address });
    const tokens = [workshopToken, await signInAlone(test, owner), await signInAlone(test, grantee)];
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => vehicle.shown(entry, tokens[index % tokens.length])),
    );
    expect((await read(vehicle, owner)).entries).to.have.length(60);
  });

  it('folds on from where retention has cut it off', async () => {
    const owner = person();
    const vehicle = await owned(owner);
    const entry = await vehicle.service(workshop);
    for (let index = 0; index < 5; index++) await vehicle.shown(entry, workshopToken);
    const before = await read(vehicle, owner);
    const { store } = test.service.services;
    const subject = fromHex(vehicle.subject, 32);
    await store.execute('DELETE FROM access_entries WHERE subject = $1 AND position < 2', [subject]);
    await store.execute(
      `UPDATE access_entries SET entry = 'null'::jsonb WHERE subject = $1 AND position = 2`,
      [subject],
    );
    const after = await read(vehicle, owner);
    expect(after.entries.map(({ position }) => position)).to.deep.equal([3, 4]);
    expect(after.from.position).to.equal(3);
    expect(after.state.head).to.equal(before.state.head);
    await vehicle.shown(entry, workshopToken);
    expect((await read(vehicle, owner)).entries).to.have.length(3);
  });
});
