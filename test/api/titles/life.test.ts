import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Hex } from '../../../core/bytes.ts';
import type { Subject } from '../../../core/chain/types.ts';
import { formatIdentifier, normaliseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { TitleKind } from '../../../core/modules/title.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { type Actor, type Deed, type Person, person, type Place, type Signed, seconds, sign, type Target } from './acting.ts';

const DAY = 86_400n;

/** A VIN of a maker where no check digit is required, another one each time. */
export function freshVin(): string {
  return `WVWZZZ1JZ${randomBytes(4).readUInt32BE().toString().padStart(8, '0').slice(-8)}`;
}

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
    return { attempt, act, startAt: (next: number) => void (revision = next) };
  };

  it('goes through every kind of action, waits for none of them, and refuses what the title does not allow', async () => {
    const vehicle = target();
    const [ann, bob, carl, dora] = [person(), person(), person(), person()] as [Person, Person, Person, Person];
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
  });
});
