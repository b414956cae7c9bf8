import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createNodes } from '../../../api/graph/nodes.ts';
import {
  type Announcer,
  type AnnouncerOptions,
  createAnnouncer,
  repeatAnnouncing,
} from '../../../api/notices/announcer.ts';
import { createSecrets } from '../../../api/query/secrets.ts';
import { createSets } from '../../../api/query/sets.ts';
import { createCampaignBook } from '../../../api/recalls/book.ts';
import { createCampaignNames } from '../../../api/recalls/register.ts';
import { fromBase64Url, fromHex, toBase64Url, toHex } from '../../../core/bytes.ts';
import type { Entry } from '../../../core/chain/entry.ts';
import { type Digest, ZERO_SUBJECT } from '../../../core/chain/types.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { ChainAccounts } from '../../adversary/system.ts';
import { type Attester, type Reply, sharedService, type TestService } from '../fixture.ts';
import { give, signInAlone, today, Vehicle } from '../privacy/world.ts';
import { freshVin, type Person, person } from '../titles/acting.ts';
import { boxOf, close, composeListing, hand, list, remedy, setOf } from './world.ts';

describe('recall campaigns', function () {
  this.timeout(120_000);
  let test: TestService;
  let maker: Attester;
  let rival: Attester;
  let stranger: Attester;
  let workshop: Attester;
  let registrar: Attester;
  let fleet: Attester;
  let insurer: Attester;
  const tokens: Record<string, string> = {};
  let owner: Person;
  let ownersToken: string;
  let chain: ChainAccounts;
  let next = 0;
  const number = () => `R-2026-${String(++next).padStart(3, '0')}`;
  const token = (name: string): string => tokens[name] ?? '';

  before(async () => {
    test = await sharedService();
    maker = await test.admit('Maker of recalls', ['manufacturer']);
    rival = await test.admit('Rival of recalls', ['manufacturer']);
    stranger = await test.admit('Supplier of recalls', ['supplier']);
    workshop = await test.admit('Workshop of recalls', ['workshop']);
    registrar = await test.admit('Registry of recalls', ['registrar', 'authority']);
    fleet = await test.admit('Fleet of recalls', ['fleet']);
    insurer = await test.admit('Insurer of recalls', ['insurer']);
    for (const [name, attester] of Object.entries({ maker, stranger, workshop, registrar, fleet, insurer })) {
      tokens[name] = await test.signIn(attester);
    }
    owner = person();
    ownersToken = await signInAlone(test, owner);
    chain = new ChainAccounts(test);
  });
  after(() => chain?.stop());

  /** A vehicle that the maker has built. */
  async function build(by = maker): Promise<Vehicle> {
    const vehicle = new Vehicle(test, freshVin());
    const built = test.compose(by, vehicle.name, {
      kind: 'vehicle.built',
      time: '2024-01-01',
      data: { manufacturerId: 'recalls.example', productionDate: '2024-01-01' },
    });
    await test.record(by, [built]);
    return vehicle;
  }

  async function own(vehicle: Vehicle): Promise<Vehicle> {
    await vehicle.act(registrar, 'title.issued', { party: owner.address });
    return vehicle;
  }

  const progress = async (campaign: string, as?: string) => {
    const path = `/v1/recalls/${maker.id}/${encodeURIComponent(campaign)}`;
    return (await test.get(path, { token: as })).body.progress;
  };
  const told = (digest: Digest) =>
    test.until(async () => {
      const rows = await test.service.services.store.query<{ done_at: Date | null }>(
        'SELECT done_at FROM announcements WHERE digest = $1',
        [fromHex(digest, 32)],
      );
      return rows[0]?.done_at != null;
    }, 30_000);

  /** The service's own announcer does nothing any more: another process holds its lease. */
  async function holdAnnouncer(): Promise<void> {
    await test.service.services.store.execute(
      `INSERT INTO leases (name, holder, expires_at) VALUES ('notices', 'another process', now() + interval '1 hour')
       ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at`,
    );
    // It may have begun before.
    await new Promise((resolve) => setTimeout(resolve, 5_500));
  }
  const releaseAnnouncer = () =>
    test.service.services.store.execute(`DELETE FROM leases WHERE name = 'notices'`);

  type Chosen = 'finalBlock' | 'atOnce' | 'together' | 'beforeCommit' | 'clock' | 'onError';
  function announcerOf(options: Pick<AnnouncerOptions, Chosen>): Announcer {
    const { services } = test.service;
    return createAnnouncer({
      ...{ ...services, secrets: createSecrets(services.keyring), nodes: createNodes(services.keyring) },
      names: createCampaignNames(services.keyring),
      ownLedger: () => services.pipeline.ownLedger(),
      ...options,
    });
  }

  /** Anchors entries without their contents, as anybody may by another operator; the index has them then. */
  async function anchor(by: Attester, entries: readonly Entry[]): Promise<ReturnType<TestService['sign']>> {
    const none = { block: new Uint8Array(), key: new Uint8Array(), disclosures: [] };
    const signed = test.sign(
      by,
      entries.map((entry) => ({ entry, ...none })),
    );
    const { signer, nonce, deadline, entries: packed, signature } = signed.submission;
    const { outcomes } = await chain.relay([
      {
        ...{ organisation: by.id, signer, nonce: BigInt(nonce), deadline: BigInt(deadline) },
        ...{ entries: fromBase64Url(packed), signature: fromBase64Url(signature) },
      },
    ]);
    expect(outcomes).to.deep.equal(['Accepted']);
    const { store } = test.service.services;
    const last = entries.at(-1)?.digest ?? ('0x' as Digest);
    await test.until(async () => {
      const found = await store.query(
        `SELECT digest FROM own_links WHERE digest = $1 AND organisation = $2
         UNION ALL SELECT digest FROM links WHERE digest = $1 AND organisation = $2`,
        [fromHex(last, 32), by.id],
      );
      return found.length > 0;
    });
    return signed;
  }

  it('are told, once and by vehicle, to its owner, to who has its consent, to who subscribes, and to nobody else', async () => {
    const [owned, fleets, others] = [await own(await build()), await build(), await build()];
    await give(test, { subject: owned.subject, signer: owner, organisation: insurer.id });
    await test.post(
      '/v1/subscriptions',
      { identifiers: [fleets.name, owned.name] },
      { token: token('fleet') },
    );
    const campaign = number();
    const vehicles = [owned.name, fleets.name, others.name];
    const digest = await list(test, maker, token('maker'), { campaign, vehicles });
    await told(digest);

    const about = (box: { content: { campaign: string; vehicle: string } }[]) =>
      box.filter(({ content }) => content.campaign === campaign).map(({ content }) => content.vehicle);
    expect(about(await boxOf(test, ownersToken))).to.deep.equal([owned.name]);
    expect(about(await boxOf(test, token('insurer')))).to.deep.equal([owned.name]);
    expect(about(await boxOf(test, token('fleet')))).to.have.members([owned.name, fleets.name]);
    for (const nobody of ['workshop', 'maker', 'registrar']) {
      expect(about(await boxOf(test, token(nobody)))).to.deep.equal([]);
    }
    const [notice] = (await boxOf(test, ownersToken, 'recall.opened')).filter(
      ({ content }) => content.campaign === campaign,
    );
    expect(notice).to.deep.include({ entry: digest, readAt: null });
    expect(notice.content).to.deep.include({
      ...{ attester: maker.id.toString(), campaign, severity: 'safety', component: 'airbags' },
      entry: digest,
    });

    // Extended: who was told already is not told again.
    const added = await own(await build());
    const extension = await list(test, maker, token('maker'), {
      ...{ campaign, kind: 'recall.extended', vehicles: [owned.name, added.name] },
    });
    await told(extension);
    expect(about(await boxOf(test, ownersToken))).to.deep.equal([owned.name, added.name]);
    const [second] = await boxOf(test, ownersToken, 'recall.extended');
    expect(second.content).to.deep.include({ vehicle: added.name, severity: 'safety', entry: extension });

    await remedy(test, workshop, owned.name, maker, campaign);
    const closing = await close(test, maker, campaign);
    await told(closing);
    const closed = (await boxOf(test, ownersToken, 'recall.closed')).filter(
      ({ content }) => content.campaign === campaign,
    );
    expect(
      closed.map(({ content }) => [content.vehicle, content.remedied, content.reason]),
    ).to.have.deep.members([
      [owned.name, true, 'completed'],
      [added.name, false, 'completed'],
    ]);
  });

  it('are not told of before their set is here', async () => {
    const vehicle = await own(await build());
    const entry = composeListing(test, maker, { campaign: number(), vehicles: [vehicle.name] });
    await test.record(maker, [entry]);
    const { digest } = entry.entry;
    const before = await test.get(`/v1/recalls?organisation=${maker.id}`);
    const found = before.body.campaigns.find((one: { entries: { digest: string }[] }) =>
      one.entries.some((listed) => listed.digest === digest),
    );
    expect(found.entries[0]).to.deep.include({ set: 'missing', told: false, count: 1 });
    expect((await boxOf(test, ownersToken)).filter((notice) => notice.entry === digest)).to.deep.equal([]);
    await hand(test, token('maker'), digest, [vehicle.name]);
    await told(digest);
    expect((await boxOf(test, ownersToken)).filter((notice) => notice.entry === digest)).to.have.length(1);
  });

  it('are told when their set is here, not when the announcer next looks by itself', async () => {
    const vehicle = await own(await build());
    const entry = composeListing(test, maker, { campaign: number(), vehicles: [vehicle.name] });
    await test.record(maker, [entry]);
    const { digest } = entry.entry;
    await holdAnnouncer();
    const { services } = test.service;
    const finalBlock = services.pipeline.progress().indexedBlock;
    const announcer = announcerOf({ finalBlock: () => finalBlock });
    let runs = 0;
    const counted: Announcer = {
      async run() {
        const posted = await announcer.run();
        runs += 1;
        return posted;
      },
    };
    const announcing = repeatAnnouncing(
      counted,
      async () => true,
      () => undefined,
      3_600_000,
    );
    const sets = createSets({
      ...{ ...services, secrets: createSecrets(services.keyring), nodes: createNodes(services.keyring) },
      onStored: () => announcing.wake(),
    });
    try {
      await test.until(() => runs === 1);
      await sets.put(maker.id, digest, [vehicle.name]);
      await told(digest);
      expect((await boxOf(test, ownersToken)).filter((notice) => notice.entry === digest)).to.have.length(1);
    } finally {
      await announcing.stop();
      await sets.close();
      await releaseAnnouncer();
    }
  });

  it('of who neither built the vehicle nor is an authority reach nobody; an authority’s do', async () => {
    const vehicle = await own(await build());
    const foreign = await list(test, stranger, token('stranger'), {
      ...{ campaign: number(), vehicles: [vehicle.name] },
    });
    await told(foreign);
    const warned = await list(test, registrar, token('registrar'), {
      ...{ campaign: number(), vehicles: [vehicle.name] },
    });
    await told(warned);
    const entries = (await boxOf(test, ownersToken)).map(({ entry }) => entry);
    expect(entries).to.include(warned);
    expect(entries).to.not.include(foreign);
    // Nor those of a maker whose word that it built another's vehicle does not hold.
    const copied = test.compose(rival, 'vin:WVWZZZ1JZ00000001', {
      ...{ kind: 'vehicle.built', time: '2024-01-01' },
      data: { manufacturerId: 'recalls.example', productionDate: '2024-01-01' },
    });
    await anchor(rival, [{ ...copied.entry, subject: vehicle.subject }]);
    await test.record(rival, [copied]);
    const claimed = await list(test, rival, await test.signIn(rival), {
      ...{ campaign: number(), vehicles: [vehicle.name] },
    });
    await told(claimed);
    expect((await boxOf(test, ownersToken)).map(({ entry }) => entry)).to.not.include(claimed);
  });

  it('count what is remedied, not needed and open, by month, from entries on the ledger and the set alone', async () => {
    const vehicles = [await build(), await build(), await build(), await build()];
    const [first, second, third, fourth] = vehicles.map(({ name }) => name) as [
      string,
      string,
      string,
      string,
    ];
    const outside = (await build()).name;
    const campaign = number();
    const time = '2025-03-01';
    const digest = await list(test, maker, token('maker'), {
      campaign,
      vehicles: [first, second, third],
      time,
    });
    await told(digest);
    await remedy(test, workshop, first, maker, campaign, { time: '2025-04-03' });
    await remedy(test, workshop, first, maker, campaign, { time: '2025-05-03' });
    const early = await remedy(test, workshop, second, maker, campaign, { time: '2025-02-28' });
    await remedy(test, workshop, third, maker, campaign, { time: '2025-05-03', outcome: 'notNeeded' });
    await remedy(test, workshop, outside, maker, campaign);
    await remedy(test, workshop, second, stranger, campaign);
    expect(await progress(campaign, token('maker'))).to.deep.equal({
      ...{ affected: 3, remedied: 1, notNeeded: 1, open: 1, ignored: 2, complete: true },
      byMonth: [
        { month: '2025-04', remedied: 1, notNeeded: 0 },
        { month: '2025-05', remedied: 0, notNeeded: 1 },
      ],
    });

    // A corrected remedy counts as corrected, one that is taken back not at all.
    const amendment = test.compose(workshop, second, {
      kind: 'amended',
      time: today(),
      data: {
        supersedes: early,
        kind: 'recall.remedied',
        kindVersion: 1,
        reason: 'wrongTime',
        time: '2025-06-28',
        data: { attester: maker.id.toString(), campaign, outcome: 'remedied' },
      },
    });
    await test.record(workshop, [amendment]);
    const late = await list(test, maker, token('maker'), {
      ...{ campaign, kind: 'recall.extended', vehicles: [fourth], time },
    });
    await told(late);
    const wrong = await remedy(test, workshop, fourth, maker, campaign);
    const retraction = test.compose(workshop, fourth, {
      kind: 'amended',
      time: today(),
      data: {
        supersedes: wrong,
        kind: 'recall.remedied',
        kindVersion: 1,
        reason: 'wrongSubject',
        retracted: true,
      },
    });
    await test.record(workshop, [retraction]);
    const now = await progress(campaign, token('maker'));
    expect(now).to.deep.include({ affected: 4, remedied: 2, notNeeded: 1, open: 1, ignored: 1 });
    expect(now.byMonth.at(-1)).to.deep.equal({ month: '2025-06', remedied: 1, notNeeded: 0 });
  });

  it('count a remedy that came by another operator once its content can be read here, and not before', async () => {
    const vehicle = (await build()).name;
    const campaign = number();
    await told(await list(test, maker, token('maker'), { campaign, vehicles: [vehicle] }));
    const data = { attester: maker.id.toString(), campaign, outcome: 'remedied' };
    const entry = test.compose(workshop, vehicle, { kind: 'recall.remedied', time: today(), data });
    const { digest } = entry.entry;
    const signed = test.sign(workshop, [entry]);
    const { organisation, signer, nonce, deadline, entries, signature } = signed.submission;
    const { outcomes } = await chain.relay([
      {
        ...{ organisation: workshop.id, signer, nonce: BigInt(nonce), deadline: BigInt(deadline) },
        ...{ entries: fromBase64Url(entries), signature: fromBase64Url(signature) },
      },
    ]);
    expect([organisation, outcomes]).to.deep.equal([workshop.id.toString(), ['Accepted']]);
    const { store, pipeline } = test.service.services;
    expect(await pipeline.missing(10_000)).to.include(digest);
    expect((await progress(campaign, token('maker'))).remedied).to.equal(0);

    // The block alone, as it is fetched from IPFS: without its key it says nothing, here as in a report.
    await store.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2)', [
      fromHex(digest, 32),
      entry.block,
    ]);
    await store.execute('DELETE FROM missing_blocks WHERE digest = $1', [fromHex(digest, 32)]);
    const value = vehicle.slice(vehicle.indexOf(':') + 1);
    const report = await test.get(`/v1/vehicles/${value}/report`);
    expect(report.status).to.equal(200);
    expect(report.body.contents[digest]?.key).to.equal(undefined);
    expect((await progress(campaign, token('maker'))).remedied).to.equal(0);

    const handed = await test.post('/v1/submissions', signed);
    expect([handed.status, handed.body.state]).to.deep.equal([202, 'anchored']);
    expect(await progress(campaign, token('maker'))).to.deep.include({ affected: 1, remedied: 1, open: 0 });
  });

  it('count corrections as every history does: by who stated it, along lines of them, at the time that it says', async () => {
    const [vehicle, other] = [(await build()).name, (await build()).name];
    const [campaign, elsewhere] = [number(), number()];
    const time = '2025-03-01';
    await told(await list(test, maker, token('maker'), { campaign, vehicles: [vehicle, other], time }));
    const correct = async (by: Attester, on: string, supersedes: Digest, changes: object) => {
      const data = { supersedes, kind: 'recall.remedied', kindVersion: 1, reason: 'other', ...changes };
      const entry = test.compose(by, on, { kind: 'amended', time: today(), data: data as never });
      await test.record(by, [entry]);
      return entry.entry.digest;
    };
    const of = (to: string, outcome = 'remedied') => ({
      data: { attester: maker.id.toString(), campaign: to, outcome },
    });
    const counted = async () => {
      const { remedied, notNeeded, byMonth } = await progress(campaign, token('maker'));
      return [remedied, notNeeded, byMonth.map(({ month }: { month: string }) => month)];
    };
    const stated = await remedy(test, workshop, vehicle, maker, elsewhere, { time: '2025-04-03' });
    expect(await counted()).to.deep.equal([0, 0, []]);
    // Another's correction, and one in another vehicle's history, move nothing here.
    await correct(stranger, vehicle, stated, of(campaign));
    await correct(workshop, other, stated, of(campaign));
    expect(await counted()).to.deep.equal([0, 0, []]);
    // It happened when it was first said to have.
    const moved = await correct(workshop, vehicle, stated, of(campaign));
    expect(await counted()).to.deep.equal([1, 0, ['2025-04']]);
    const again = await correct(workshop, vehicle, moved, of(campaign, 'notNeeded'));
    expect(await counted()).to.deep.equal([0, 1, ['2025-04']]);
    await correct(workshop, vehicle, again, of(elsewhere));
    expect(await counted()).to.deep.equal([0, 0, []]);
  });

  it('show everyone what they are, and how far they have come to their attester and authorities only', async () => {
    const campaign = number();
    const digest = await list(test, maker, token('maker'), { campaign, vehicles: [(await build()).name] });
    await told(digest);
    for (const other of [undefined, token('workshop'), token('stranger'), ownersToken]) {
      expect(await progress(campaign, other)).to.equal(null);
    }
    for (const entitled of [token('maker'), token('registrar'), test.service.operatorToken]) {
      expect((await progress(campaign, entitled)).affected).to.equal(1);
    }
    const view = (await test.get(`/v1/recalls/${maker.id}/${campaign}`)).body.campaign;
    expect(view).to.deep.include({ attester: maker.id.toString(), campaign, state: 'open', closed: null });
    expect(view.entries).to.have.length(1);
    expect(view.entries[0]).to.deep.include({
      digest,
      kind: 'recall.opened',
      count: 1,
      set: 'stored',
      told: true,
    });
    await close(test, maker, campaign, 'withdrawn');
    const gone = await test.get(`/v1/recalls/${maker.id}/${campaign}`, { token: token('maker') });
    expect([gone.body.campaign.state, gone.body.progress.affected]).to.deep.equal(['withdrawn', 0]);
    const listed = await test.get(`/v1/recalls?organisation=${maker.id}&state=withdrawn`);
    expect(listed.body.campaigns.map((one: { campaign: string }) => one.campaign)).to.include(campaign);
    const unknown = await test.get(`/v1/recalls/${maker.id}/R-0`);
    expect(unknown.body.code).to.equal('recall.unknown');
  });

  it('are listed in pages that miss none and repeat none, whatever is opened meanwhile', async () => {
    const vehicles = [(await build()).name];
    const opened = [number(), number(), number()];
    for (const campaign of opened) await list(test, maker, token('maker'), { campaign, vehicles });
    const path = `/v1/recalls?organisation=${maker.id}&limit=1`;
    const seen: string[] = [];
    let next: string | null = null;
    for (let page = 0; page === 0 || next !== null; page++) {
      const { body }: Reply = await test.get(next === null ? path : `${path}&cursor=${next}`);
      seen.push(...body.campaigns.map(({ campaign }: { campaign: string }) => campaign));
      next = body.next;
      if (page === 0) await list(test, maker, token('maker'), { campaign: number(), vehicles });
    }
    expect(seen).to.include.members(opened);
    expect(new Set(seen).size).to.equal(seen.length);
    for (const wrong of ['limit=101', 'limit=0', 'cursor=p100', 'cursor=AAAA']) {
      expect((await test.get(`/v1/recalls?${wrong}`)).body.code, wrong).to.equal('request.invalid');
    }
  });

  it('are opened a single time for all who ask, and closed again when they are erased', async () => {
    const { store, keyring } = test.service.services;
    const secrets = createSecrets(keyring);
    let unwrapped = 0;
    let queries = 0;
    const book = createCampaignBook({
      store: {
        query: (sql, parameters) => {
          queries += 1;
          return store.query(sql, parameters);
        },
        execute: () => Promise.reject(new Error('it writes nothing')),
      },
      secrets: {
        ...secrets,
        blockKey: (digest, wrapped) => {
          unwrapped += 1;
          return secrets.blockKey(digest, wrapped);
        },
      },
    });
    const [one, other] = [number(), number()];
    const vehicles = [(await build()).name];
    const digest = await list(test, maker, token('maker'), { campaign: one, vehicles });
    const numbers = async () => (await book.campaigns()).map(({ campaign }) => campaign.number);
    // Many at once are one.
    const [first] = await Promise.all(Array.from({ length: 9 }, numbers));
    expect(first).to.include(one);
    const before = unwrapped;
    expect(before).to.be.above(0);
    queries = 0;
    await numbers();
    expect([queries, unwrapped]).to.deep.equal([1, before]);
    // A further one is there at once, and costs what it alone costs.
    await list(test, maker, token('maker'), { campaign: other, vehicles });
    expect(await numbers()).to.include.members([other, one]);
    expect(unwrapped).to.equal(before + 1);
    const operator = { token: test.service.operatorToken };
    const target = { entry: digest };
    const planned = await test.post('/v1/erasures', { target, basis: 'request', dryRun: true }, operator);
    const { id: plan } = planned.body.plan;
    await test.post('/v1/erasures', { target, basis: 'request', dryRun: false, plan }, operator);
    const listed = await test.get(`/v1/recalls?organisation=${maker.id}`);
    const shown = listed.body.campaigns.map(({ campaign }: { campaign: string }) => campaign);
    expect([shown.includes(one), shown.includes(other)]).to.deep.equal([false, true]);
    const entries = await book.entries({ organisation: maker.id });
    expect(entries.find(({ entry }) => entry.digest === digest)?.entry.status).to.equal('withheld');
    expect(unwrapped).to.equal(before + 1);
  });

  it('have a number that nobody uses twice, and another’s campaign of the same number is another', async () => {
    const campaign = number();
    const vehicles = [(await build()).name];
    await list(test, maker, token('maker'), { campaign, vehicles });
    const again = test.sign(maker, [composeListing(test, maker, { campaign, vehicles })]);
    const refused = await test.post('/v1/submissions', again);
    expect([refused.status, refused.body.code]).to.deep.equal([409, 'recall.campaignUsed']);
    // The nonce is free again.
    await list(test, maker, token('maker'), { campaign: number(), vehicles });
    await list(test, registrar, token('registrar'), { campaign, vehicles });
    // Two at once: one of them.
    const twice = number();
    const both = await Promise.all(
      [0, 1].map(() =>
        test.post(
          '/v1/submissions',
          test.sign(maker, [composeListing(test, maker, { campaign: twice, vehicles })]),
        ),
      ),
    );
    expect(both.map(({ status }) => status).toSorted()).to.deep.equal([202, 409]);
  });

  it('of which corrections list others tell those; what is taken back ends', async () => {
    const [first, second] = [await own(await build()), await own(await build())];
    const campaign = number();
    const opening = await list(test, maker, token('maker'), { campaign, vehicles: [first.name] });
    await told(opening);
    const title = { en: 'Airbag inflator may rupture' };
    const data = {
      ...{ campaign, title, component: 'airbags', remedy: title, severity: 'safety' },
      ...setOf([first.name, second.name]),
    };
    const amended = (fields: Record<string, unknown>) =>
      test.compose(maker, 'own', {
        kind: 'amended',
        time: today(),
        data: {
          supersedes: opening,
          kind: 'recall.opened',
          kindVersion: 1,
          reason: 'incomplete',
          ...fields,
        } as never,
      });
    const correction = amended({ data });
    await test.record(maker, [correction]);
    await hand(test, token('maker'), correction.entry.digest, [first.name, second.name]);
    await told(correction.entry.digest);
    const of = async (kind: string) =>
      (await boxOf(test, ownersToken, kind))
        .filter(({ content }) => content.campaign === campaign)
        .map(({ content }) => [content.vehicle, content.reason]);
    expect(await of('recall.extended')).to.deep.equal([[second.name, undefined]]);
    expect((await progress(campaign, token('maker'))).affected).to.equal(2);
    const retraction = amended({ retracted: true });
    await test.record(maker, [retraction]);
    await told(retraction.entry.digest);
    expect(await of('recall.closed')).to.have.deep.members([
      [first.name, 'retracted'],
      [second.name, 'retracted'],
    ]);
    expect((await test.get(`/v1/recalls/${maker.id}/${campaign}`)).status).to.equal(404);
  });

  it('tell those whom a correction lists no more, and those whom it lists again', async () => {
    const [stays, goes, comes] = [
      await own(await build()),
      await own(await build()),
      await own(await build()),
    ];
    const campaign = number();
    const listed = async (kind: 'recall.opened' | 'recall.extended', ...vehicles: Vehicle[]) => {
      const names = vehicles.map(({ name }) => name);
      const digest = await list(test, maker, token('maker'), { campaign, kind, vehicles: names });
      await told(digest);
      return digest;
    };
    const opening = await listed('recall.opened', stays, goes);
    const title = { en: 'Airbag inflator may rupture' };
    const correct = async (...vehicles: Vehicle[]) => {
      const names = vehicles.map(({ name }) => name);
      const correction = test.compose(maker, 'own', {
        kind: 'amended',
        time: today(),
        data: {
          ...{ supersedes: opening, kind: 'recall.opened', kindVersion: 1, reason: 'other' },
          data: {
            ...{ campaign, title, component: 'airbags', remedy: title, severity: 'safety' },
            ...setOf(names),
          },
        } as never,
      });
      await test.record(maker, [correction]);
      await hand(test, token('maker'), correction.entry.digest, names);
      await told(correction.entry.digest);
    };
    const box = async () =>
      (await boxOf(test, ownersToken))
        .filter(({ content }) => content.campaign === campaign)
        .map(({ kind, content }) => `${kind} ${content.vehicle}`);
    await correct(stays, comes);
    const corrected = [
      ...[`recall.opened ${stays.name}`, `recall.opened ${goes.name}`],
      ...[`recall.extended ${comes.name}`, `recall.unlisted ${goes.name}`],
    ];
    expect(await box()).to.have.members(corrected);
    // It comes back by an extension: it is told, and those who never left are not.
    await listed('recall.extended', stays, goes);
    expect(await box()).to.have.members([...corrected, `recall.extended ${goes.name}`]);
    // What still lists it keeps it listed, whatever the corrections of the opening say.
    await correct(comes);
    expect(await box()).to.have.members([...corrected, `recall.extended ${goes.name}`]);
    await close(test, maker, campaign, 'withdrawn');
    await test.until(async () => (await box()).includes(`recall.closed ${comes.name}`), 30_000);
    await test.until(async () => (await box()).includes(`recall.closed ${goes.name}`), 30_000);
    const ended = await box();
    await listed('recall.extended', goes);
    expect((await box()).slice(ended.length)).to.deep.equal([`recall.extended ${goes.name}`]);
  });

  it('do not open to a vehicle what they have extended to it already, in whatever order the sets come', async () => {
    const [both, first] = [await own(await build()), await own(await build())];
    const campaign = number();
    const opening = composeListing(test, maker, { campaign, vehicles: [both.name, first.name] });
    await test.record(maker, [opening]);
    const extension = await list(test, maker, token('maker'), {
      ...{ campaign, kind: 'recall.extended', vehicles: [both.name] },
    });
    await told(extension);
    const closing = await close(test, maker, campaign);
    await hand(test, token('maker'), opening.entry.digest, [both.name, first.name]);
    await told(closing);
    const box = (await boxOf(test, ownersToken)).filter(({ content }) => content.campaign === campaign);
    const said = box.map(({ kind, content }) => `${kind} ${content.vehicle}`);
    expect(said.slice(0, 2)).to.deep.equal([`recall.extended ${both.name}`, `recall.opened ${first.name}`]);
    expect(said.slice(2)).to.have.members([`recall.closed ${both.name}`, `recall.closed ${first.name}`]);
  });

  it('are told exactly once, wherever the telling is interrupted', async () => {
    const vehicles = [await build(), await build(), await build(), await build(), await build()];
    for (const vehicle of vehicles) await own(vehicle);
    const { services } = test.service;
    const campaign = number();
    const names = vehicles.map(({ name }) => name);
    const entry = composeListing(test, maker, { campaign, vehicles: names });
    await test.record(maker, [entry]);
    const { digest } = entry.entry;
    await holdAnnouncer();
    let finalBlock = 0;
    let interrupted = 0;
    let now = Date.now();
    const announcer = (failAt: number) =>
      announcerOf({
        finalBlock: () => finalBlock,
        atOnce: 2,
        // What failed waits for a while: later, that is.
        clock: () => new Date(now),
        onError: (error) => expect((error as Error).message).to.equal('interrupted'),
        beforeCommit: (of, done) => {
          if (of !== digest || done !== failAt) return;
          interrupted += 1;
          throw new Error('interrupted');
        },
      });
    const posted = async () => (await boxOf(test, ownersToken)).filter((notice) => notice.entry === digest);
    // Of what another process has found, nothing is final yet as far as this one knows: it leaves it for later.
    await services.store.execute(
      `INSERT INTO announcements (digest, ledger, kind, organisation, subject)
       SELECT digest, ledger, kind, organisation, $2 FROM own_links WHERE digest = $1 ON CONFLICT DO NOTHING`,
      [fromHex(digest, 32), new Uint8Array(32)],
    );
    await announcer(0).run();
    expect(await posted()).to.deep.equal([]);
    finalBlock = services.pipeline.progress().indexedBlock;
    await hand(test, token('maker'), digest, names);
    for (const failAt of [2, 4, 5]) {
      now += 3_600_000;
      await announcer(failAt).run();
    }
    now += 3_600_000;
    await Promise.all([announcer(0).run(), announcer(0).run()]);
    await releaseAnnouncer();
    await told(digest);
    expect((await posted()).map(({ content }) => content.vehicle)).to.have.members(names);
    expect(interrupted).to.equal(3);
    expect(
      await services.store.query('SELECT 1 FROM recalled WHERE digest = $1', [fromHex(digest, 32)]),
    ).to.have.length(5);
  });

  it('reach the owner under another number, those with the owner’s consent, accounts too, and who subscribes to that number', async () => {
    const listed = await own(await build());
    const [between, last] = [freshVin(), freshVin()].map((vin) => new Vehicle(test, vin));
    if (between === undefined || last === undefined) throw new TypeError('two');
    const [friend, stopped] = [person(), person()];
    const given = await give(test, { subject: listed.subject, signer: owner, account: friend.address });
    expect(given.reply.status).to.equal(201);
    const tokensOf = await Promise.all([signInAlone(test, friend), signInAlone(test, stopped)]);
    const before = await list(test, maker, token('maker'), {
      ...{ campaign: number(), vehicles: [listed.name] },
    });
    await told(before);
    const has = async (as: string | undefined, digest: Digest) =>
      (await boxOf(test, as ?? '')).find(({ entry }) => entry === digest);
    expect((await has(tokensOf[0], before)).content).to.not.have.property('knownAs');
    expect(await has(tokensOf[1], before)).to.equal(undefined);

    await listed.act(registrar, 'title.replaced', {
      ...{ detail: between.subject, data: { to: between.name, reason: 'unreadable' } },
    });
    between.revision = 1;
    await between.act(registrar, 'title.replaced', {
      ...{ detail: last.subject, data: { to: last.name, reason: 'unreadable' } },
    });
    await test.post('/v1/subscriptions', { identifiers: [last.name] }, { token: token('fleet') });
    const digest = await list(test, maker, token('maker'), {
      ...{ campaign: number(), vehicles: [listed.name] },
    });
    await told(digest);
    for (const as of [ownersToken, token('fleet')]) {
      const notice = await has(as, digest);
      expect(notice?.content).to.deep.include({ vehicle: listed.name, knownAs: last.name });
    }
    expect(await has(tokensOf[1], digest)).to.equal(undefined);
  });

  it('are told to who subscribes to a vehicle later, while they are open on it', async () => {
    const [open, remedied, outside] = [await build(), await build(), await build()];
    const [campaign, ended] = [number(), number()];
    const vehicles = [open.name, remedied.name];
    const digest = await list(test, maker, token('maker'), { campaign, vehicles });
    await told(digest);
    await told(await list(test, maker, token('maker'), { campaign: ended, vehicles }));
    await close(test, maker, ended, 'withdrawn');
    await told(await list(test, stranger, token('stranger'), { campaign, vehicles }));
    await remedy(test, workshop, remedied.name, maker, campaign);
    const subscribing = { identifiers: [open, remedied, outside].map(({ name }) => name) };
    const box = async () =>
      (await boxOf(test, token('insurer'))).filter(({ content }) =>
        subscribing.identifiers.includes(content.vehicle),
      );
    for (const added of [3, 0]) {
      const answer = await test.post('/v1/subscriptions', subscribing, { token: token('insurer') });
      expect(answer.body.added).to.equal(added);
      const [notice, ...rest] = await box();
      expect(rest).to.deep.equal([]);
      expect(notice).to.deep.include({ kind: 'recall.opened', entry: digest });
      expect(notice.content).to.deep.include({ vehicle: open.name, campaign, severity: 'safety' });
    }
  });

  it('are told however many entries of others can’t be read, or fail', async () => {
    const vehicle = await own(await build());
    await holdAnnouncer();
    const { services } = test.service;
    const junk = Array.from({ length: 24 }, () => toHex(randomBytes(32)) as Digest);
    await anchor(
      stranger,
      junk.map((digest) => ({ kind: 120, subject: ZERO_SUBJECT, digest })),
    );
    // Another operator's: its content comes later.
    const late = composeListing(test, registrar, { campaign: number(), vehicles: [vehicle.name] });
    const submitted = await anchor(registrar, [late.entry]);
    const campaign = number();
    const digest = await list(test, maker, token('maker'), { campaign, vehicles: [vehicle.name] });
    const failing = await list(test, maker, token('maker'), {
      ...{ campaign: number(), vehicles: [vehicle.name] },
    });
    const finalBlock = services.pipeline.progress().indexedBlock;
    let now = Date.now() + 1_000;
    const failed: Digest[] = [];
    const announcer = announcerOf({
      ...{ finalBlock: () => finalBlock, together: 10, clock: () => new Date(now) },
      onError: (_, of) => failed.push(of),
      beforeCommit: (of) => {
        if (of === failing) throw new Error('of this one alone');
      },
    });
    const noticed = async (of: Digest) =>
      (await boxOf(test, ownersToken)).filter(({ entry }) => entry === of).length;
    const attempts = async (of: readonly Digest[]) => {
      const rows = await services.store.query<{ attempts: number }>(
        'SELECT attempts FROM announcements WHERE digest = ANY($1::bytea[])',
        [of.map((one) => fromHex(one, 32))],
      );
      return new Set(rows.map((row) => row.attempts));
    };
    await announcer.run();
    expect([await noticed(digest), await noticed(failing), await noticed(late.entry.digest)]).to.deep.equal([
      1, 0, 0,
    ]);
    expect(failed).to.deep.equal([failing]);
    // They were looked at once, and are looked at ever more rarely.
    expect(await attempts(junk)).to.deep.equal(new Set([1]));
    await announcer.run();
    expect(await attempts(junk)).to.deep.equal(new Set([1]));
    now += 6_000;
    await announcer.run();
    expect(await attempts(junk)).to.deep.equal(new Set([2]));
    // What it waits for comes: its turn is at once, though by the clock it is not.
    const contents = [late].map(({ block, key, disclosures }) => ({
      ...{ block: toBase64Url(block), key: toBase64Url(key), disclosures },
    }));
    const handed = await test.post('/v1/submissions', { ...submitted, contents });
    expect(handed.status, handed.text).to.equal(202);
    await announcer.run();
    expect(await noticed(late.entry.digest)).to.equal(0);
    await hand(test, token('registrar'), late.entry.digest, [vehicle.name]);
    await announcer.run();
    await releaseAnnouncer();
    expect(await noticed(late.entry.digest)).to.equal(1);
    expect(await attempts(junk)).to.deep.equal(new Set([2]));
  });

  it('are told though another has anchored their digest before', async () => {
    const vehicle = await own(await build());
    const campaign = number();
    const entry = composeListing(test, maker, { campaign, vehicles: [vehicle.name] });
    const { digest } = entry.entry;
    await anchor(stranger, [entry.entry]);
    await anchor(stranger, [{ kind: 99, subject: test.subject(vehicle.target.identifier), digest }]);
    await test.record(maker, [entry]);
    const view = async () =>
      (await test.get(`/v1/recalls/${maker.id}/${encodeURIComponent(campaign)}`)).body.campaign.entries[0];
    expect((await view()).told).to.equal(false);
    await hand(test, token('maker'), digest, [vehicle.name]);
    await test.until(async () => (await view()).told, 30_000);
    expect((await boxOf(test, ownersToken)).filter((notice) => notice.entry === digest)).to.have.length(1);

    const batch = `batch:recalls.example:B-${randomBytes(6).toString('hex')}`;
    await test.post('/v1/subscriptions', { identifiers: [batch] }, { token: token('fleet') });
    const held = test.compose(stranger, batch, {
      ...{ kind: 'batch.quarantined', time: today() },
      data: { bizStep: 'holding', disposition: 'non_conformant', reason: 'defectSuspected' } as never,
    });
    const elsewhere = test.subject(parseIdentifier('batch:recalls.example:another'));
    await anchor(maker, [{ ...held.entry, subject: elsewhere }, held.entry]);
    await test.record(stranger, [held]);
    await test.until(async () => {
      const box = await boxOf(test, token('fleet'), 'batch.quarantined');
      return box.some((notice) => notice.entry === held.entry.digest);
    }, 30_000);
  });

  it('are forgotten with the entry that is erased: its notices, and whom it lists', async () => {
    const vehicle = await own(await build());
    const campaign = number();
    const digest = await list(test, maker, token('maker'), { campaign, vehicles: [vehicle.name] });
    await told(digest);
    const noticed = async () =>
      (await boxOf(test, ownersToken)).filter(({ entry }) => entry === digest).length;
    expect(await noticed()).to.equal(1);
    const operator = { token: test.service.operatorToken };
    const target = { entry: digest };
    const planned = await test.post('/v1/erasures', { target, basis: 'request', dryRun: true }, operator);
    expect(planned.status, planned.text).to.equal(200);
    const { id: plan } = planned.body.plan;
    const erased = await test.post(
      '/v1/erasures',
      { target, basis: 'request', dryRun: false, plan },
      operator,
    );
    expect(erased.status, erased.text).to.be.oneOf([200, 201]);
    expect(await noticed()).to.equal(0);
    const { store } = test.service.services;
    for (const table of ['notices', 'recalled']) {
      const rows = await store.query(`SELECT 1 FROM ${table} WHERE digest = $1`, [fromHex(digest, 32)]);
      expect(rows, table).to.deep.equal([]);
    }
  });

  it('quarantine a batch: those who made, received or built it in, or subscribe, are told; and again when it is released', async () => {
    const batch = `batch:recalls.example:B-${Date.now()}`;
    const record = async (by: Attester, kind: string, data: Record<string, unknown>) => {
      const entry = test.compose(by, batch, { kind, time: today(), data: data as never });
      await test.record(by, [entry]);
      return entry.entry.digest;
    };
    await record(stranger, 'batch.produced', {
      ...{ bizStep: 'commissioning', manufacturerId: 'recalls.example', manufacturerPartId: 'P-1' },
      ...{ batchId: 'B-1', nameAtManufacturer: 'Inflator', productionDate: '2024-01-01' },
    });
    await record(maker, 'batch.received', {
      ...{ bizStep: 'receiving', disposition: 'in_progress', by: 'maker.example', accepted: true },
    });
    await test.post('/v1/subscriptions', { identifiers: [batch] }, { token: token('fleet') });
    const held = await record(stranger, 'batch.quarantined', {
      ...{ bizStep: 'holding', disposition: 'non_conformant', reason: 'defectSuspected' },
    });
    await told(held);
    const released = await record(stranger, 'batch.released', {
      ...{ bizStep: 'inspecting', disposition: 'conformant', outcome: 'usable', quarantined: held },
    });
    await told(released);
    for (const name of ['maker', 'fleet']) {
      const box = (await boxOf(test, token(name))).filter(({ content }) => content.batch === batch);
      expect(box.map(({ kind, entry }) => [kind, entry])).to.deep.equal([
        ['batch.quarantined', held],
        ['batch.released', released],
      ]);
      expect(box[0].content).to.deep.include({ reason: 'defectSuspected', some: false });
    }
    for (const name of ['stranger', 'workshop', 'insurer']) {
      const box = (await boxOf(test, token(name))).filter(({ content }) => content.batch === batch);
      expect(box, name).to.deep.equal([]);
    }
  });
});
