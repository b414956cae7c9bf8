import { sha256 } from '@noble/hashes/sha2.js';
import { expect } from 'chai';
import { deriveHolders } from '../../cli/import/holders.ts';
import { toHex, utf8 } from '../../core/bytes.ts';
import { addressOfKey } from '../../core/chain/submission.ts';
import type { Address, OrganisationId, Subject } from '../../core/chain/types.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { kindByNumber, kindsOfRoles } from '../../core/kinds/kinds.ts';
import { applyTitleAction, NO_TITLE, obstaclesOf, type Title, titleKinds } from '../../core/modules/title.ts';
import { composeTitles, type TitlePlace } from '../../scripts/demo/composeTitles.ts';
import { generateDemo } from '../../scripts/demo/generate.ts';
import { people } from '../../scripts/demo/titles.ts';
import { composeForTest, ledger } from './demo.support.ts';

describe('titles of the demo', () => {
  const demo = generateDemo('vinculum');
  const { known } = composeForTest(demo);
  const now = 1_790_000_000;
  const signerOf = (name: string) => {
    const secretKey = sha256(utf8(`key of ${name}`));
    return { secretKey, address: addressOfKey(secretKey) };
  };
  const holders = deriveHolders(sha256(utf8('secret')), 'eip155:31337:0x11');
  const subjectOf = (identifier: string): Subject => toHex(sha256(utf8(identifier))) as Subject;
  const place: TitlePlace = {
    ledger,
    organisations: new Map(
      demo.organisations.map(({ name }, index) => [name, BigInt(index + 1) as OrganisationId]),
    ),
    subjectOf,
    titles: `0x${'22'.repeat(20)}` as Address,
    attester: signerOf,
    owner: (identifier, owner) =>
      typeof owner === 'string' ? signerOf(owner) : holders.key(identifier, owner),
    now,
  };
  const composed = composeTitles(demo.titles, place, known);
  const all = [...composed.issues, ...composed.acts];

  /** Every title as `Titles` would have it, and the bitmaps of the organisations' rights. */
  const titles = new Map<Subject, Title>();
  for (const { action, request } of all) {
    const before = titles.get(action.subject) ?? NO_TITLE;
    titles.set(action.subject, applyTitleAction(before, action, request.actor as Address, BigInt(now)));
  }
  const titleOf = (vin: string): Title => titles.get(subjectOf(`vin:${vin}`)) ?? NO_TITLE;

  it('are executed as they stand, by every kind of action that there is', () => {
    expect(new Set(all.map(({ action }) => action.kind))).to.deep.equal(
      // Nobody of the demo leaves: an export is in the registers of the vehicles that did.
      new Set(Object.values(titleKinds).filter((kind) => kind !== titleKinds['title.exported'])),
    );
  });

  it('are acted on by organisations that have the right', () => {
    for (const { action } of all) {
      if (action.organisation === 0n) continue;
      const { roles = [] } = demo.organisations[Number(action.organisation) - 1] ?? {};
      const may = (kindsOfRoles(roles) >> BigInt(action.kind)) & 1n;
      expect(may, `${roles.join()} ${kindByNumber(action.kind)?.name}`).to.equal(1n);
    }
  });

  it('belong to almost every vehicle that did not leave, each to a key of its own', () => {
    expect(composed.issues.length).to.be.within(180, demo.vehicles.length);
    const owners = [...titles.values()].map(({ owner }) => owner);
    expect(new Set(owners).size).to.equal(owners.length);
    const places = new Set(demo.vehicles.map(({ identifier }) => identifier));
    for (const { identifier } of demo.titles) expect(places.has(identifier)).to.equal(true);
  });

  it('are issued on the day on which the last holder came', () => {
    for (const { identifier, acts } of demo.titles) {
      const { contents = [] } = demo.vehicles.find((vehicle) => vehicle.identifier === identifier) ?? {};
      const days = contents.flatMap(({ kind, time }) =>
        kind === 'registration.holder' ? [time.slice(0, 10)] : [],
      );
      expect(days).to.include(acts[0]?.content.time.slice(0, 10));
    }
  });

  it('are what the start tells people to try', () => {
    const { mine, buyer, stolen, branded, disputed, replaced } = demo.showcase.titles;
    const at = BigInt(now);
    expect(mine.map(({ state }) => state)).to.deep.equal(['free', 'lien', 'offered']);
    for (const { vin, keystore, state } of mine) {
      expect(people as readonly string[]).to.include(keystore);
      const title = titleOf(vin);
      expect(title.owner).to.equal(signerOf(keystore).address);
      expect(obstaclesOf(title, at)).to.deep.equal(state === 'lien' ? ['lien'] : []);
      expect(title.offer?.buyer ?? null).to.equal(state === 'offered' ? signerOf(buyer).address : null);
    }
    expect(mine[0]?.vin).to.equal(demo.showcase.clean);
    expect(titleOf(stolen).stolen).to.equal(true);
    expect(titleOf(branded).brands).to.deep.equal([9]);
    expect(titleOf(replaced).state).to.equal('replaced');
    const dispute = all.find(
      ({ action }) => action.kind === 10 && action.subject === subjectOf(`vin:${disputed}`),
    );
    const entry = known.get(`disputed vin:${disputed}`);
    expect(dispute?.action.detail).to.equal(entry?.digest);
  });

  it('have one dispute answered and one not, by who attested the disputed entry', () => {
    const disputes = all.filter(({ action }) => action.kind === titleKinds['title.disputed']);
    expect(disputes).to.have.length(2);
    const [answer] = composed.answers;
    expect(composed.answers).to.have.length(1);
    expect(answer?.kind).to.equal('upheld');
    const { data = {} } =
      answer === undefined ? {} : openEnvelope(answer.composed.block, answer.composed.key);
    expect(disputes.map(({ action }) => action.detail)).to.include(data.entry);
    expect(disputes.map(({ action }) => action.digest)).to.include(data.dispute);
    const [disputed] = demo.vehicles.flatMap(({ contents }) =>
      contents.filter(({ label }) => label !== undefined && known.get(label)?.digest === data.entry),
    );
    expect(answer?.by).to.equal(disputed?.by);
  });
});
