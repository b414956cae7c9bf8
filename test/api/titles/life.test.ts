import { expect } from 'chai';
import { readTitles } from '../../../api/index/titles.ts';
import type { Hex } from '../../../core/bytes.ts';
import type { Subject } from '../../../core/chain/types.ts';
import { formatIdentifier, normaliseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { TitleKind } from '../../../core/modules/title.ts';
import { readReport } from '../../../core/report/report.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import {
  type Actor,
  type Deed,
  freshVin,
  type Person,
  type Place,
  person,
  type Signed,
  seconds,
  sign,
  type Target,
} from './acting.ts';

const DAY = 86_400n;

describe('a title’s whole life, by the service', function () {
  this.timeout(120_000);
  let api: TestService;
  let place: Place;
  let registrar: Attester;
  let lender: Attester;
  let police: Attester;
  let authority: Attester;
  before(async () => {
    api = await sharedService();
    place = { ledger: api.ledger, titles: api.service.services.deployment.titles };
    registrar = await api.admit('Registry', ['registrar']);
    lender = await api.admit('Bank', ['lender']);
    police = await api.admit('Police', ['police']);
    authority = await api.admit('Authority', ['authority']);
  });

  const target = (vin = freshVin()): Target => {
    const identifier = normaliseIdentifier({ type: 'vin', value: vin });
    return { identifier, subject: api.subject(identifier) };
  };
  const post = (signed: Signed) => api.post('/v1/titles/actions', signed.request);
  const titleOf = async (subject: Subject) => (await api.get(`/v1/titles/${subject}`)).body;
  const anchored = (hash: Hex) =>
    api.until(async () => {
      const { body } = await api.get(`/v1/titles/actions/${hash}`);
      return body.state === 'anchored' || body.state === 'final';
    });
  const acting = (vehicle: Target) => {
    let revision = 0;
    const attempt = (actor: Actor, kind: TitleKind, deed: Deed = {}) =>
      post(sign(place, actor, vehicle, kind, revision, deed));
    const act = async (actor: Actor, kind: TitleKind, deed: Deed = {}) => {
      const signed = sign(place, actor, vehicle, kind, revision, deed);
      const reply = await post(signed);
      expect(reply.status, `${kind}: ${reply.text}`).to.equal(202);
      revision += 1;
      return signed.hash;
    };
    return {
      attempt,
      act,
      startAt: (next: number) => {
        revision = next;
      },
    };
  };

  it('goes through every kind of action, waits for none of them, and refuses what the title does not allow', async () => {
    const vehicle = target();
    const [ann, bob, carl, dora] = [person(), person(), person(), person()] as [
      Person,
      Person,
      Person,
      Person,
    ];
    const { act, attempt } = acting(vehicle);
    const refused = async (code: string, actor: Actor, kind: TitleKind, deed: Deed = {}) => {
      const reply = await attempt(actor, kind, deed);
      expect(reply.body, `${kind}: ${reply.text}`).to.include({ code });
    };
    const year = () => seconds() + 300n * DAY;

    expect(await titleOf(vehicle.subject)).to.include({ state: 'none', revision: 0, nextRevision: 0 });
    await act(registrar, 'title.issued', { party: ann.address });
    await act(lender, 'title.lienPlaced', { detail: 1n, until: year() });
    await refused('title.lienOpen', ann, 'title.offered', { party: bob.address, until: year() });
    await refused('title.rankTaken', lender, 'title.lienPlaced', { detail: 1n, until: year() });
    await act(lender, 'title.lienRenewed', { detail: 1n, until: year() + DAY });
    await refused('title.notHolder', registrar, 'title.lienReleased', { detail: 1n });
    const released = await act(lender, 'title.lienReleased', { detail: 1n });
    await act(ann, 'title.offered', { party: carl.address, until: year() });
    await refused('title.offerOpen', ann, 'title.offered', { party: bob.address, until: year() });
    await act(ann, 'title.withdrawn');
    await act(ann, 'title.offered', { party: bob.address, until: year() });
    await refused('title.notBuyer', carl, 'title.accepted');
    const bought = await act(bob, 'title.accepted');
    await anchored(released);
    await anchored(bought);
    expect(await titleOf(vehicle.subject)).to.deep.include({
      state: 'held',
      owner: bob.address,
      tenure: 2,
      revision: 8,
      nextRevision: 8,
      offer: null,
      liens: [],
      sellable: { now: true, obstacles: [] },
    });

    await refused('title.notOwner', ann, 'title.offered', { party: carl.address, until: year() });
    await act(police, 'title.stolen');
    await refused('title.stolen', registrar, 'title.transferred', { party: dora.address });
    await act(police, 'title.recovered');
    await act(authority, 'title.branded', { detail: 47n });
    await act(bob, 'title.disputed', { detail: `0x${'ab'.repeat(32)}` });
    await act(registrar, 'title.reissued', { party: carl.address });
    await act(registrar, 'title.transferred', { party: dora.address });
    const later = target();
    await act(registrar, 'title.replaced', {
      detail: later.subject,
      data: { to: formatIdentifier(later.identifier) },
    });
    await refused('title.wrongState', dora, 'title.offered', { party: bob.address, until: year() });
    // What comes after a replacement need not wait for it either.
    const next = acting(later);
    next.startAt(1);
    await next.act(registrar, 'title.exported');
    await next.act(registrar, 'title.issued', { party: ann.address });
    const last = await next.act(authority, 'title.scrapped');
    await anchored(last);

    expect(await titleOf(vehicle.subject)).to.deep.include({
      state: 'replaced',
      owner: dora.address,
      tenure: 4,
      revision: 15,
      brands: [47],
      replacedBy: later.subject,
      sellable: { now: false, obstacles: ['notHeld'] },
    });
    expect(await titleOf(later.subject)).to.deep.include({
      state: 'scrapped',
      owner: ann.address,
      tenure: 2,
      revision: 4,
      brands: [47],
      replaces: vehicle.subject,
    });
    const { body } = await api.get(`/v1/titles?owner=${ann.address}`);
    expect(body.titles.map(({ subject }: { subject: Subject }) => subject)).to.deep.equal([later.subject]);

    const old = await check(vehicle);
    expect(old.titles.map(({ title }) => title)).to.deep.equal([await titleAsFolded(vehicle.subject)]);
    // Authorities that warn of anything are among them too.
    expect(old.organisations.map(({ id }) => id)).to.include.members(
      [registrar, lender, police, authority].map(({ id }) => id),
    );
    const now = await check(later);
    expect(now.titles.map(({ title }) => title)).to.deep.equal([await titleAsFolded(later.subject)]);

    // A dispute goes on in the old history: the new one’s report, already made, is made anew.
    await anchored(await act(dora, 'title.disputed', { detail: `0x${'cd'.repeat(32)}` }));
    await check(later);
  });

  /** A served report, checked as any reader would. */
  async function check({ identifier }: Target): Promise<Verification> {
    const { deployment, rpc } = api.service.services;
    const { body } = await api.get(`/v1/vehicles/${identifier.value}/report`);
    const trust = { chainId: deployment.chainId, directory: deployment.directory };
    const result = await verify(readReport(body), trust, (chainId) =>
      rpcView([(method, params) => rpc.call(method, params)], chainId),
    );
    const bad = result.steps.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome !== 'passed'));
    expect(bad).to.deep.equal([]);
    expect(result.verdict).to.equal('verified');
    return result;
  }

  /** What the index says a title is, as core says it. */
  async function titleAsFolded(subject: Subject) {
    const { services } = api.service;
    const found = await readTitles(services.store, await services.pipeline.ownLedger(), [
      Buffer.from(subject.slice(2), 'hex'),
    ]);
    return found.get(subject)?.title;
  }

  it('answers several for themselves, those of one vehicle in their order', async () => {
    const owner = person();
    const lists = Array.from({ length: 5 }, () => {
      const vehicle = target();
      return [
        sign(place, registrar, vehicle, 'title.issued', 0, { party: owner.address }),
        sign(place, lender, vehicle, 'title.lienPlaced', 1, { detail: 1n, until: seconds() + DAY }),
        sign(place, owner, vehicle, 'title.offered', 2, {
          party: person().address,
          until: seconds() + DAY,
        }),
        sign(place, lender, vehicle, 'title.lienReleased', 2, { detail: 1n }),
      ];
    });
    // All first actions, then all second ones …
    const actions = [0, 1, 2, 3].flatMap((index) => lists.flatMap((list) => list[index]?.request ?? []));
    const reply = await api.post('/v1/titles/actions', { actions: [...actions, { nonsense: true }] });
    expect(reply.status).to.equal(207);
    const { results } = reply.body as { results: { action?: { hash: Hex }; problem?: { code: string } }[] };
    expect(results.map(({ problem }) => problem?.code)).to.deep.equal([
      ...Array.from({ length: 10 }, () => undefined),
      ...Array.from({ length: 5 }, () => 'title.lienOpen'),
      ...Array.from({ length: 5 }, () => undefined),
      'action.malformed',
    ]);
    for (const { action } of results) if (action !== undefined) await anchored(action.hash);
    const first = await api.get(`/v1/titles?owner=${owner.address}&limit=3`);
    const second = await api.get(`/v1/titles?owner=${owner.address}&limit=3&cursor=${first.body.next}`);
    const subjects = [...first.body.titles, ...second.body.titles].map(({ subject }) => subject);
    expect(subjects).to.deep.equal(lists.map(([one]) => one?.action.subject).toSorted());
    expect(second.body.next).to.equal(null);
  });

  it('names the module, and knows nothing of what nobody handed in', async () => {
    expect((await api.get('/v1/directory')).body.titles).to.equal(place.titles);
    const unknown = await api.get(`/v1/titles/actions/0x${'12'.repeat(32)}`);
    expect(unknown.body).to.include({ status: 404, code: 'action.unknown' });
    const cursor = await api.get(`/v1/titles?owner=${place.titles}&cursor=abc`);
    expect(cursor.body).to.include({ status: 422, code: 'request.invalid' });
    expect((await api.get('/v1/titles/actions')).status).to.be.oneOf([405, 422]);
    // An action is no submission.
    const issued = sign(place, registrar, target(), 'title.issued', 0, { party: person().address });
    const { body } = await post(issued);
    expect(body).to.include({ hash: issued.hash, state: 'stored', actor: registrar.signer });
    expect(body.receipt).to.include({ submission: issued.hash });
    expect((await api.get(`/v1/submissions/${issued.hash}`)).body).to.include({ code: 'submission.unknown' });
  });
});
