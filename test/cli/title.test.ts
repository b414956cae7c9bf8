import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { keysFolder, writeKeystore } from '../../cli/keystore.ts';
import { addressOfKey } from '../../core/chain/submission.ts';
import type { Address } from '../../core/chain/types.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { type Beside, PASSWORD, type Ran, sharedBeside, vinculum } from './fixture.ts';

/** VINs that need no check digit, one for each test. */
const vinOf = (number: number): string => `WVWZZZ1JZXW${String(number).padStart(6, '0')}`;

describe('vinculum title', function () {
  this.timeout(120_000);
  let beside: Beside;
  const addresses: Record<string, Address> = {};

  before(async () => {
    beside = await sharedBeside();
    const folder = keysFolder(beside.folder);
    for (const [name, roles] of [
      ['police', ['police']],
      ['bank', ['lender']],
    ] as const) {
      const { id, key } = await beside.test.admit(name, roles);
      await writeKeystore(folder, { name, secretKey: key, organisation: id }, PASSWORD, {
        strength: 'light',
      });
    }
    for (const name of ['anna', 'boris', 'clara']) {
      const secretKey = randomBytes(32);
      addresses[name] = addressOfKey(secretKey);
      await writeKeystore(folder, { name, secretKey }, PASSWORD, { strength: 'light' });
    }
  });

  /** `as('police', 'stolen', VIN)`: a command of `title` under a key. */
  const as = (keystore: string, ...args: string[]): Promise<Ran> =>
    vinculum(beside.folder, 'title', ...args, '--keystore', keystore, '--json');
  const show = async (vin: string) => (await vinculum(beside.folder, 'title', 'show', vin, '--json')).json;
  /** Runs commands that must all succeed. */
  const all = async (...commands: readonly (readonly [string, ...string[]])[]): Promise<void> => {
    for (const [keystore, ...args] of commands) {
      const ran = await as(keystore, ...args);
      expect(ran.exit, `${args.join(' ')}: ${ran.stdout}${ran.stderr}`).to.equal(0);
      expect(ran.json.state).to.equal('anchored');
    }
  };

  it('issues, offers and accepts: the title is the buyer’s, and what the service says is the chain’s', async () => {
    const vin = vinOf(1);
    expect(await show(vin)).to.include({ state: 'none', sellable: false, owner: null });
    await all(['registry', 'issue', vin, '--to', 'anna', '--set', 'market=FR']);
    expect(await show(vin)).to.include({ state: 'held', sellable: true, owner: addresses.anna, tenure: '1' });
    await all([
      'anna',
      'offer',
      vin,
      '--to',
      'boris',
      '--until',
      '30d',
      '--seal',
      'amount={"amount":"9900.00","currency":"EUR"}',
    ]);
    expect((await show(vin)).offer.buyer).to.equal(addresses.boris);
    await all(['boris', 'accept', vin, '--set', 'odometer={"value":61250,"unit":"KMT","source":"owner"}']);
    expect(await show(vin)).to.include({ owner: addresses.boris, tenure: '2', offer: null, revision: '3' });
    const subject = beside.test.subject(parseIdentifier(vin));
    expect((await beside.test.get(`/v1/titles/${subject}`)).body).to.include({
      owner: addresses.boris,
      revision: 3,
    });
  });

  it('takes an offer back', async () => {
    const vin = vinOf(2);
    await all(
      ['registry', 'issue', vin, '--to', 'anna'],
      ['anna', 'offer', vin, '--to', String(addresses.boris), '--until', '2w'],
      ['anna', 'withdraw', vin, '--reason', 'changedMind'],
    );
    const late = await as('boris', 'accept', vin);
    expect([late.exit, late.json.error.code]).to.deep.equal([2, 'title.noOffer']);
  });

  it('blocks a sale by a lien or a theft, says so, and stops blocking when it is lifted', async () => {
    const vin = vinOf(3);
    await all(
      ['registry', 'issue', vin, '--to', 'anna'],
      ['bank', 'lien', 'place', vin, '--until', '5y', '--seal', 'contractNumber=K-1'],
      ['police', 'stolen', vin],
    );
    expect(await show(vin)).to.deep.include({ sellable: false, obstacles: ['stolen', 'lien'] });
    const offered = await as('anna', 'offer', vin, '--to', 'boris', '--until', '30d');
    expect([offered.exit, offered.json.error.code]).to.deep.equal([2, 'title.stolen']);
    await all(
      ['police', 'recovered', vin, '--set', 'condition=damaged'],
      ['bank', 'lien', 'renew', vin, '--until', '6y'],
      ['bank', 'lien', 'release', vin, '--number', '1'],
      ['anna', 'offer', vin, '--to', 'boris', '--until', '30d'],
    );
  });

  it('names the lien where a lender holds several', async () => {
    const vin = vinOf(4);
    await all(
      ['registry', 'issue', vin, '--to', 'anna'],
      ['bank', 'lien', 'place', vin, '--until', '1y'],
      ['bank', 'lien', 'place', vin, '--until', '2y'],
    );
    expect((await as('bank', 'lien', 'release', vin)).json.error.code).to.equal('title.whichLien');
    expect((await as('registry', 'lien', 'release', vin)).json.error.code).to.equal('title.noSuchLien');
    await all(['bank', 'lien', 'release', vin, '--number', '2']);
    expect((await show(vin)).liens.map(({ number }: { number: number }) => number)).to.deep.equal([1]);
  });

  it('brands, disputes, re-issues, transfers, exports, issues again, scraps', async () => {
    const vin = vinOf(5);
    await all(
      ['registry', 'issue', vin, '--to', 'anna'],
      ['registry', 'brand', vin, '11', '--jurisdiction', 'US-CA', '--text', 'SALVAGE'],
      ['anna', 'dispute', vin, `0x${'ab'.repeat(32)}`, '--statement', 'It never was a wreck.'],
      ['registry', 'reissue', vin, '--to', 'boris', '--reason', 'keyLost'],
      ['registry', 'transfer', vin, '--to', 'clara', '--reason', 'inheritance'],
      ['registry', 'export', vin, '--destination', 'BE'],
      ['registry', 'issue', vin, '--to', 'anna', '--reason', 'reImport'],
      ['registry', 'scrap', vin],
    );
    expect(await show(vin)).to.deep.include({ state: 'scrapped', brands: [11], tenure: '4', revision: '8' });
  });

  it('replaces a number: the title goes on under the new one', async () => {
    const [before, after] = [vinOf(6), vinOf(7)];
    await all(
      ['registry', 'issue', before, '--to', 'anna'],
      ['registry', 'replace', before, after, '--reason', 'unreadable'],
    );
    expect((await show(before)).state).to.equal('replaced');
    expect(await show(after)).to.include({
      state: 'held',
      owner: addresses.anna,
      replaces: beside.test.subject(parseIdentifier(before)),
    });
  });

  it('acts on a vehicle whose check digit a registrar overrode, and on no other whose does not hold', async () => {
    const [vin, mistyped] = ['1HGCM82613A700011', '1HGCM82623A700012'];
    const { test } = beside;
    const registrar = await test.admit('Overriding registry', ['registrar']);
    const entry = test.compose(registrar, vin, {
      kind: 'vehicle.registered',
      time: '2020-01-01',
      data: { market: 'US', checkDigitOverride: { reason: 'manufacturerError' } },
    });
    await test.record(registrar, [entry]);
    await all(['registry', 'issue', vin, '--to', 'anna'], ['police', 'stolen', vin]);
    expect(await show(vin)).to.include({ state: 'held', owner: addresses.anna });
    const refused = await as('registry', 'issue', mistyped, '--to', 'anna');
    expect(refused.json.error.code).to.equal('vin.checkDigit');
  });

  it('says for people what stands against a sale', async () => {
    const shown = await vinculum(beside.folder, 'title', 'show', vinOf(4));
    expect(shown.exit).to.equal(0);
    expect(shown.stdout)
      .to.match(/may be sold\s+no/)
      .and.match(/lien 1/);
  });

  describe('refuses, before anything is signed', () => {
    before(() => all(['registry', 'issue', vinOf(8), '--to', 'anna']));
    const wrong: readonly [string, readonly [string, ...string[]], string, number][] = [
      [
        'an offer by who does not own it',
        ['boris', 'offer', vinOf(8), '--to', 'clara', '--until', '1d'],
        'title.notOwner',
        2,
      ],
      [
        'an offer to oneself',
        ['anna', 'offer', vinOf(8), '--to', 'anna', '--until', '1d'],
        'title.sameParty',
        2,
      ],
      [
        'an offer for ever',
        ['anna', 'offer', vinOf(8), '--to', 'boris', '--until', '2y'],
        'title.badTime',
        2,
      ],
      ['a second first title', ['registry', 'issue', vinOf(8), '--to', 'boris'], 'title.wrongState', 2],
      ['a key of no organisation for a right', ['anna', 'stolen', vinOf(8)], 'organisation.unnamed', 2],
      [
        'an unknown account',
        ['anna', 'offer', vinOf(8), '--to', 'nobody', '--until', '1d'],
        'title.party',
        2,
      ],
      [
        'an end that is none',
        ['anna', 'offer', vinOf(8), '--to', 'boris', '--until', 'soon'],
        'title.until',
        2,
      ],
      [
        'a field that the kind has not',
        ['anna', 'offer', vinOf(8), '--to', 'boris', '--until', '1d', '--set', 'colour=red'],
        'kind.invalidData',
        2,
      ],
      [
        'a brand that is none',
        ['registry', 'brand', vinOf(8), '100', '--jurisdiction', 'FR', '--text', 'X'],
        'title.badDetail',
        2,
      ],
      ['a dispute of nothing', ['anna', 'dispute', vinOf(8), '0x12'], 'title.badDetail', 2],
      ['a vehicle without a title', ['anna', 'withdraw', vinOf(9)], 'title.wrongState', 2],
    ];
    for (const [what, [keystore, ...args], code, exit] of wrong) {
      it(what, async () => {
        const ran = await as(keystore, ...args);
        expect([ran.json?.error?.code, ran.exit], ran.stderr).to.deep.equal([code, exit]);
      });
    }
    it('no key', async () => {
      const ran = await vinculum(beside.folder, 'title', 'accept', vinOf(8), '--json');
      expect(ran.json.error.code).to.equal('keystore.unnamed');
    });
    it('what only the service knows: a right that the organisation has not', async () => {
      const ran = await as('bank', 'stolen', vinOf(8));
      expect([ran.json.error.code, ran.exit]).to.deep.equal(['action.kindNotAllowed', 5]);
      expect((await show(vinOf(8))).revision).to.equal('1');
    });
  });
});
