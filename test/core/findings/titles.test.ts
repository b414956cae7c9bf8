import { expect } from 'chai';
import type { Finding } from '../../../core/findings/finding.ts';
import { deriveFindings } from '../../../core/findings/findings.ts';
import { ALICE, BOB, CAROL, number, TitledWorld } from '../verify/titledWorld.ts';
import { OTHER_CAR, reading } from '../verify/world.ts';
import { amend, codesOf, history, named, read } from './history.ts';

async function concluded(world: TitledWorld) {
  const { findings, summary } = await world.verifyCar();
  if (summary === null) throw new Error('no summary');
  const only = (prefix: string): Finding[] => findings.filter(({ code }) => code.startsWith(prefix));
  const codes = (prefix: string): string[] => only(prefix).map(({ code, severity }) => `${code} ${severity}`);
  return { findings, summary, only, codes };
}

function issued(): TitledWorld {
  const world = new TitledWorld();
  world.issue();
  return world;
}

const holder = (time: string, data: Record<string, string> = {}) => ({
  kind: 'registration.holder',
  time,
  data: { market: 'FR', event: 'CHANG_TIT_NORMAL', action: 'change', ...data },
});
const lien = (time: string, action = 'registered', more: Record<string, string> = {}) => ({
  kind: 'registration.lien',
  time,
  data: { market: 'FR', event: 'INSCRIPTION_GAGE', action, ...more },
});

describe('deriveFindings, titles', () => {
  describe('holders', () => {
    it('are those whom the title was issued, sold or transferred to; a re-issue is a mark and no change of hands', async () => {
      const world = issued();
      world.sell(ALICE, BOB);
      world.act('title.reissued', world.car, {
        organisation: world.registrar,
        party: CAROL,
        data: { reason: 'keyLost' },
        time: '2023-07-01',
      });
      world.act('title.transferred', world.car, {
        organisation: world.registrar,
        party: ALICE,
        data: { reason: 'inheritance' },
        time: '2023-08-01',
      });
      const { summary, only } = await concluded(world);
      expect(summary.holders).to.equal(3);
      expect(summary.title).to.deep.include({ state: 'held', owner: ALICE, since: '2023-08-01' });
      expect(only('title.reissued').map(({ severity, details }) => ({ severity, ...details }))).to.deep.equal(
        [{ severity: 'notice', time: '2023-07-01', reason: 'keyLost', organisation: '1' }],
      );
    });

    it('are added to those that the registry stated before the title, and to those that contradict it', async () => {
      const world = new TitledWorld();
      for (const time of ['2020-01-01', '2021-01-01']) world.record(world.registrar, world.car, holder(time));
      world.issue();
      world.record(world.registrar, world.car, holder('2023-05-01'));
      world.record(world.registrar, world.car, holder('2023-06-01', { contradicts: 'title.lienOpen' }));
      world.record(world.registrar, world.car, holder('2023-07-01', { action: 'lessee' }));
      const { summary, only } = await concluded(world);
      expect(summary.holders).to.equal(2 + 1 + 1 + 1);
      expect(
        only('registration.contradiction').map(({ severity, details }) => ({ severity, ...details })),
      ).to.deep.equal([
        {
          severity: 'notice',
          contradicts: 'title.lienOpen',
          kind: 'registration.holder',
          event: 'CHANG_TIT_NORMAL',
          time: '2023-06-01',
        },
      ]);
    });

    it('count whom a title was taken over with but once', async () => {
      const world = new TitledWorld();
      world.record(world.registrar, world.car, holder('2020-01-01'));
      world.act('title.issued', world.car, {
        organisation: world.registrar,
        party: ALICE,
        data: { reason: 'takenOver' },
        time: '2023-01-10',
      });
      expect((await concluded(world)).summary.holders).to.equal(1);
    });
  });

  describe('liens', () => {
    it('stand with holder, rank and end, beside those that a registry states', async () => {
      const world = issued();
      const placed = world.lien(3);
      world.record(world.registrar, world.car, lien('2019-01-01'));
      world.clock += 86_400n;
      const { summary, only } = await concluded(world);
      expect(
        summary.liens.map(({ holder: by, rank, since, type }) => ({ by, rank, since, type })),
      ).to.deep.equal([
        { by: '2', rank: 3, since: '2023-03-01', type: 'loan' },
        { by: null, rank: null, since: '2019-01-01', type: null },
      ]);
      const [own] = only('lien.open').filter(({ details }) => details.holder !== undefined);
      expect(own?.entries).to.deep.equal([placed.digest]);
      expect(own?.details).to.deep.include({ holder: '2', rank: 3, number: 1, type: 'loan' });
    });

    it('are not counted twice where a registry states the same day’s, and end when the title’s does', async () => {
      const world = issued();
      world.lien();
      world.record(world.registrar, world.car, lien('2023-03-01'));
      expect((await concluded(world)).summary.liens.map(({ rank }) => rank)).to.deep.equal([1]);
      world.act('title.lienReleased', world.car, { organisation: world.lender, detail: number(1) });
      const { summary, codes } = await concluded(world);
      expect(summary.liens).to.deep.equal([]);
      expect(codes('lien')).to.deep.equal([]);
    });

    it('rest on their placing and renewals', async () => {
      const world = issued();
      const placed = world.lien(1);
      const renewed = world.act('title.lienRenewed', world.car, {
        organisation: world.lender,
        until: world.clock + 900n * 86_400n,
        detail: number(1),
      });
      const { only } = await concluded(world);
      expect(only('lien.open')[0]?.entries).to.deep.equal([placed.digest, renewed.digest]);
    });
  });

  describe('theft', () => {
    it('alerts until the vehicle is found, and stays as a notice', async () => {
      const world = issued();
      const stolen = world.steal();
      let { codes, summary } = await concluded(world);
      expect(codes('title.')).to.deep.equal(['title.stolen alert']);
      expect(summary.stolen).to.equal(true);
      const found = world.act('title.recovered', world.car, {
        organisation: world.police,
        data: { condition: 'damaged' },
      });
      ({ codes, summary } = await concluded(world));
      expect(codes('title.')).to.deep.equal(['title.recovered notice']);
      expect(summary.stolen).to.equal(false);
      const [finding] = (await concluded(world)).only('title.recovered');
      expect(finding?.entries).to.deep.equal([stolen.digest, found.digest]);
      expect(finding?.details).to.deep.include({
        since: '2023-04-01',
        condition: 'damaged',
        organisation: '3',
      });
    });
  });

  describe('brands', () => {
    it('are of the title and of evidence, each once, in the words of their jurisdiction', async () => {
      const world = issued();
      const branded = world.brand(11);
      world.brand(0);
      const stated = world.record(world.registrar, world.car, {
        kind: 'registration.procedure',
        time: '2023-09-01',
        data: {
          market: 'FR',
          event: 'DEC_VE',
          procedure: 'damagedVehicle',
          action: 'declared',
          titleBrands: ['11', '14'],
        },
      });
      const { summary, only } = await concluded(world);
      expect(
        summary.brands.map(({ code, entries }) => ({ code, entries: entries.length })),
      ).to.have.deep.members([
        { code: '11', entries: 2 },
        { code: '14', entries: 1 },
        { code: '00', entries: 1 },
      ]);
      const salvage = only('title.brand').find(({ details }) => details.brand === '11');
      expect(salvage).to.deep.include({ severity: 'alert' });
      expect(salvage?.entries).to.have.members([branded.digest, stated.digest]);
      expect(salvage?.details).to.deep.include({
        time: '2023-05-01',
        jurisdiction: 'US-CA',
        text: 'SALVAGE',
      });
    });

    it('have their code for a name where D20 has none', async () => {
      const world = issued();
      world.brand(98);
      expect((await concluded(world)).summary.brands[0]).to.deep.include({ code: '98', name: '98' });
    });
  });

  describe('ends', () => {
    it('of the vehicle alert; what happens to it afterwards contradicts', async () => {
      const world = issued();
      world.act('title.scrapped', world.car, {
        organisation: world.authority,
        data: { reason: 'totalLoss' },
        time: '2023-05-01',
      });
      world.record(world.workshop, world.car, {
        kind: 'service',
        time: '2023-06-01',
        data: { type: 'interim', items: ['engineOil'] },
      });
      const { codes, only, summary } = await concluded(world);
      expect(summary.title).to.deep.include({ state: 'scrapped', obstacles: ['notHeld'] });
      expect(codes('title.scrapped')).to.deep.equal(['title.scrapped alert']);
      expect(only('history.contradiction').map(({ details }) => details.rule)).to.include('afterEndOfLife');
    });

    it('of its life here are one finding with the registry’s, and over when a title is issued again', async () => {
      const world = issued();
      const out = world.act('title.exported', world.car, {
        organisation: world.registrar,
        data: { to: 'BE' },
        time: '2023-05-02',
      });
      const stated = world.record(world.registrar, world.car, {
        kind: 'registration.exported',
        time: '2023-05-01',
        data: { market: 'FR', event: 'SORTIE_TERRITOIRE' },
      });
      const { only, summary } = await concluded(world);
      expect(only('vehicle.exported')).to.have.length(1);
      expect(only('vehicle.exported')[0]?.entries).to.have.members([out.digest, stated.digest]);
      expect(only('vehicle.exported')[0]?.details).to.deep.equal({ time: '2023-05-01', destination: 'BE' });
      expect(summary.exported).to.deep.equal({ since: '2023-05-01', entry: stated.digest });
      world.act('title.issued', world.car, {
        organisation: world.registrar,
        party: BOB,
        data: { reason: 'reImport' },
        time: '2023-08-01',
      });
      const back = await concluded(world);
      expect(back.codes('vehicle.exported')).to.deep.equal([]);
      expect(back.summary.exported).to.equal(null);
      expect(back.summary.holders).to.equal(2);
    });
  });

  describe('a sale that stands on the title', () => {
    it('contradicts an opposition that a registry states', async () => {
      const world = issued();
      world.record(world.registrar, world.car, {
        kind: 'registration.opposition',
        time: '2023-01-20',
        data: { market: 'FR', event: 'INSCRIRE_OTCI', action: 'entered', type: 'transfer' },
      });
      world.sell(ALICE, BOB);
      const { only } = await concluded(world);
      expect(only('history.contradiction').map(({ details }) => details.rule)).to.deep.equal([
        'transferUnderCharge',
      ]);
    });
  });

  describe('disputes', () => {
    function disputed() {
      const world = issued();
      const read = world.record(world.workshop, world.car, reading('2023-02-01', 900_000, 'workshop'));
      const dispute = world.act('title.disputed', world.car, {
        actor: ALICE,
        detail: read.digest,
        data: { reason: 'wrong' },
        sealed: { statement: 'A digit too many.' },
        time: '2023-03-01',
      });
      return { world, read, dispute };
    }

    it('warn while nobody answers', async () => {
      const { world, read, dispute } = disputed();
      const { only } = await concluded(world);
      expect(only('entry.disputed')).to.deep.equal([
        {
          code: 'entry.disputed',
          severity: 'warning',
          entries: [read.digest, dispute.digest],
          details: { kind: 'odometer', organisation: '6', reason: 'wrong', time: '2023-03-01', answer: null },
        },
      ]);
    });

    it('are answered by the attester’s amendment, retraction, or word that it stands by it', async () => {
      const corrected = { odometer: { value: 90_000, unit: 'KMT', source: 'workshop' } };
      const amendment = { kind: 'odometer', kindVersion: 1, reason: 'typo' };
      for (const [answer, kind, data] of [
        ['amended', 'amended', { ...amendment, data: corrected }],
        ['retracted', 'amended', { ...amendment, retracted: true }],
        ['upheld', 'upheld', { basis: 'recordsChecked' }],
      ] as const) {
        const { world, read, dispute } = disputed();
        const names =
          kind === 'amended' ? { supersedes: read.digest } : { entry: read.digest, dispute: dispute.digest };
        const answering = world.record(world.workshop, world.car, {
          kind,
          time: '2023-04-01',
          data: { ...names, ...data },
        });
        const [finding] = (await concluded(world)).only('entry.disputed');
        expect(finding?.details.answer).to.equal(answer);
        expect(finding?.severity).to.equal('notice');
        expect(finding?.entries).to.deep.equal([read.digest, dispute.digest, answering.digest]);
      }
    });

    it('are not answered by anybody else, by another dispute’s answer, nor by what was said before', async () => {
      const { world, read } = disputed();
      world.record(world.lender, world.car, {
        kind: 'upheld',
        time: '2023-04-01',
        data: { entry: read.digest, basis: 'recordsChecked' },
      });
      world.record(world.workshop, world.car, {
        kind: 'upheld',
        time: '2023-04-01',
        data: { entry: read.digest, dispute: named('another'), basis: 'recordsChecked' },
      });
      expect((await concluded(world)).only('entry.disputed')[0]?.details.answer).to.equal(null);

      const earlier = issued();
      const first = earlier.record(earlier.workshop, earlier.car, reading('2023-02-01', 9, 'workshop'));
      earlier.record(earlier.workshop, earlier.car, {
        kind: 'upheld',
        time: '2023-02-02',
        data: { entry: first.digest, basis: 'recordsChecked' },
      });
      earlier.act('title.disputed', earlier.car, {
        actor: ALICE,
        detail: first.digest,
        data: { reason: 'wrong' },
      });
      expect((await concluded(earlier)).only('entry.disputed')[0]?.details.answer).to.equal(null);
    });

    it('of what is not in this history, or not yet, are ignored and named', async () => {
      const { world } = disputed();
      world.act('title.disputed', world.car, { actor: ALICE, detail: number(77), data: { reason: 'other' } });
      const { only } = await concluded(world);
      expect(
        only('entry.disputeIgnored').map(({ severity, details }) => ({ severity, ...details })),
      ).to.deep.equal([{ severity: 'information', disputed: number(77), why: 'unknownEntry' }]);
    });

    it('are not put off by a copy of the digest that somebody else anchored', async () => {
      const { world, read } = disputed();
      world.anchor(world.lender, world.subjectOf(world.car), 67, read.digest);
      const { only } = await concluded(world);
      expect(only('entry.disputed')[0]?.details).to.deep.include({ organisation: '6', answer: null });
    });
  });

  describe('the envelope of a title’s entry', () => {
    it('is corrected by the organisation that acted, which changes nothing of the title', async () => {
      const world = issued();
      const placed = world.lien();
      const correct = (organisation: typeof world.lender, type: string) =>
        world.record(organisation, world.car, {
          kind: 'amended',
          time: '2023-10-01',
          data: {
            supersedes: placed.digest,
            kind: 'title.lienPlaced',
            kindVersion: 1,
            reason: 'typo',
            data: { type },
          },
        });
      correct(world.heir, 'tax');
      let { summary, codes } = await concluded(world);
      expect(summary.liens[0]?.type).to.equal('loan');
      expect(codes('entry.')).to.deep.equal(['entry.amendmentIgnored notice']);
      correct(world.lender, 'lease');
      ({ summary, codes } = await concluded(world));
      expect(summary.liens[0]).to.deep.include({ type: 'lease', rank: 1, holder: '2' });
      world.record(world.lender, world.car, {
        kind: 'amended',
        time: '2023-10-02',
        data: {
          supersedes: placed.digest,
          kind: 'title.lienPlaced',
          kindVersion: 1,
          reason: 'duplicate',
          retracted: true,
        },
      });
      const retracted = await concluded(world);
      expect(retracted.codes('entry.retracted')).to.deep.equal(['entry.retracted information']);
      expect(retracted.summary.liens).to.have.length(1);
    });

    it('of an owner is corrected by nobody', async () => {
      const world = issued();
      world.sell(ALICE, BOB);
      const entries = (await world.verifyCar()).entries;
      const accepted = entries.at(-1)?.link.digest ?? '';
      world.record(world.registrar, world.car, {
        kind: 'amended',
        time: '2023-10-01',
        data: {
          supersedes: accepted,
          kind: 'title.accepted',
          kindVersion: 1,
          reason: 'other',
          retracted: true,
        },
      });
      const { codes } = await concluded(world);
      expect(codes('entry.')).to.deep.equal(['entry.amendmentIgnored notice']);
    });
  });

  it('of two ledgers with a title of one vehicle contradict each other', async () => {
    const { titles } = await issued().verifyCar();
    const { findings } = deriveFindings([], { titles: [...titles, ...titles], recallAttesters: ['9'] });
    expect(
      findings.map(({ code, severity, details }) => `${code} ${severity} ${String(details.rule)}`),
    ).to.deep.equal(['history.contradiction alert twoTitles']);
  });

  it('names the number that a vehicle goes on under', async () => {
    const world = issued();
    world.replace();
    const { summary, only } = await concluded(world);
    expect(only('identity.replaced')[0]).to.deep.include({ severity: 'warning' });
    expect(only('identity.replaced')[0]?.details).to.deep.include({
      to: `vin:${OTHER_CAR}`,
      reason: 'unreadable',
    });
    expect(summary.title).to.deep.include({ state: 'replaced', obstacles: ['notHeld'] });
  });
});

describe('applyAmendments, of a digest that was anchored more than once', () => {
  const original = read('2020-01-01', 900_000, {});
  const copy = { ...original, digest: named('e0'), organisation: '9', status: 'void' as const };
  const correction = { odometer: { value: 90_000, unit: 'KMT', source: 'workshop' } };

  it('corrects the attester’s entry, and lends the copy nothing', () => {
    for (const entries of [
      history(original, copy, amend(named('e0'), 'odometer', correction)),
      history({ ...copy, digest: named('e1') }, original, amend(named('e1'), 'odometer', correction)),
    ]) {
      expect(codesOf(entries, 'entry.')).to.deep.equal(['entry.void notice', 'entry.amended information']);
      const { summary } = deriveFindings(entries);
      expect(summary.odometer.readings.filter(({ grade }) => grade !== 'superseded')).to.have.length(1);
      expect(summary.odometer.latest).to.deep.include({ organisation: '1', kilometres: 90_000 });
    }
  });
});
