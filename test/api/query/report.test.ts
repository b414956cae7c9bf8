import { randomBytes } from 'node:crypto';
import { get as httpGet } from 'node:http';
import { expect } from 'chai';
import { Contract, JsonRpcProvider, Wallet } from 'ethers';
import { fromHex, toBase64Url } from '../../../core/bytes.ts';
import { type Entry, packEntries } from '../../../core/chain/entry.ts';
import { signSubmission } from '../../../core/chain/submission.ts';
import { ZERO_SUBJECT } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { AccessEntry } from '../../../core/privacy/accessLog.ts';
import { readReport } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { list, remedy } from '../recalls/world.ts';

const kilometres = (value: number) => ({ value, unit: 'KMT' as const, source: 'workshop' as const });

/** VINs that no other test uses. */
const vins = {
  plain: 'VF1AA000000000001',
  sealed: 'VF1AA000000000002',
  built: 'VF1AA000000000003',
  tampered: 'VF1AA000000000004',
  fresh: 'VF1AA000000000005',
  never: 'VF1AA000000000006',
  withheld: 'VF1AA000000000007',
  copied: 'VF1AA000000000018',
  copiedTo: 'VF1AA000000000019',
};

describe('reports', () => {
  let test: TestService;
  let workshop: Attester;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    workshop = await test.admit('Reporting workshop', ['workshop']);
  });

  /** Checks a served report as any reader would. */
  async function check(path: string, token?: string): Promise<Verification> {
    const reply = await test.get(path, { token });
    expect(reply.status, reply.text).to.equal(200);
    return checkText(reply.text);
  }
  function checkText(text: string): Promise<Verification> {
    const { deployment, rpc } = test.service.services;
    const request: RpcRequest = (method, params) => rpc.call(method, params);
    const trust = { chainId: deployment.chainId, directory: deployment.directory };
    return verify(readReport(JSON.parse(text)), trust, (chainId) => rpcView([request], chainId));
  }
  function expectVerified(result: Verification): void {
    expect(result.steps.filter(({ outcome }) => outcome !== 'passed')).to.deep.equal([]);
    expect(result.verdict).to.equal('verified');
  }
  /** Without the own chains, where authorities of other tests may have campaigns. */
  const historyOf = ({ entries }: Verification) => entries.filter(({ chain }) => typeof chain === 'string');
  const failedAt = (result: Verification) =>
    result.steps.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome === 'failed'));

  function service(on: string, value: number, sealed?: Record<string, string>): ComposedEntry {
    return test.compose(workshop, on, {
      kind: 'service',
      time: '2024-05-31',
      data: { type: 'scheduled', items: ['engineOil'], odometer: kilometres(value) },
      ...(sealed === undefined ? {} : { sealed }),
    });
  }

  it('prove a recorded history', async () => {
    await test.record(workshop, [service(vins.plain, 1_000), service(vins.plain, 2_000)]);
    const result = await check(`/v1/vehicles/${vins.plain}/report`);
    expectVerified(result);
    expect(historyOf(result).map(({ status }) => status)).to.deep.equal(['proven', 'proven']);
    expect(result.summary?.odometer.readings.map(({ kilometres: read }) => read)).to.deep.equal([
      1_000, 2_000,
    ]);
  });

  it('prove that nothing was ever recorded', async () => {
    const result = await check(`/v1/vehicles/${vins.never}/report`);
    expectVerified(result);
    expect(historyOf(result)).to.deep.equal([]);
  });

  it('come to what the service says', async () => {
    const { body } = await test.get(`/v1/vehicles/${vins.plain}`);
    const result = await check(`/v1/vehicles/${vins.plain}/report`);
    expect(body.findings).to.deep.equal(JSON.parse(JSON.stringify(result.findings)));
    expect(body.summary).to.deep.equal(JSON.parse(JSON.stringify(result.summary)));
    expect(body.head).to.equal(result.subjects[0]?.head);
  });

  it('open no sealed field for somebody who anchors its entry’s digest as its own', async () => {
    const entry = service(vins.copied, 7_000, { invoiceNumber: 'R-2024-119' });
    await test.record(workshop, [entry]);
    const thief = await test.admit('Copying workshop', ['workshop']);
    const subject = test.service.services.evaluator.subject(parseIdentifier(vins.copiedTo));
    await anchorDirectly(thief, [{ ...entry.entry, subject }]);
    const path = `/v1/vehicles/${vins.copiedTo}/report`;
    const reply = await test.get(path, { token: await test.signIn(thief) });
    expect(reply.body.ledgers[0].links).to.have.length(1);
    expect(reply.body.contents[entry.entry.digest]).to.have.all.keys('withheld');
    expect(reply.text).not.to.include(entry.disclosures[0]);
  });

  it('hand out no key of an entry to who copies its digest into a history that they may read', async () => {
    const entry = service(vins.copied, 8_000);
    await test.record(workshop, [entry]);
    const victim = (await test.get(`/v1/vehicles/${vins.copied}/report`)).body.contents[entry.entry.digest];
    const thief = await test.admit('Another copying workshop', ['workshop', 'manufacturer']);
    const subject = test.service.services.evaluator.subject(parseIdentifier(vins.copiedTo));
    // Under its own name, and on its own chain, which reports of other vehicles show.
    const { digest } = entry.entry;
    await anchorDirectly(thief, [
      { ...entry.entry, subject },
      { kind: 33, subject, digest: `0x${'ab'.repeat(32)}` as typeof digest },
      { kind: 80, subject: ZERO_SUBJECT, digest },
    ]);
    const token = await test.signIn(thief);
    for (const path of ['/report', '']) {
      const reply = await test.get(`/v1/vehicles/${vins.copiedTo}${path}`, { token });
      expect(reply.status).to.equal(200);
      expect(reply.text).to.include(digest);
      expect(reply.text).not.to.include(victim.key).and.not.to.include(vins.copied);
    }
    expectVerified(await check(`/v1/vehicles/${vins.copied}/report`));
  });

  /** As an organisation that does not ask the service: by a transaction of its own relayer. */
  async function anchorDirectly(attester: Attester, entries: readonly Entry[]): Promise<void> {
    const { chain, services, rpcUrl } = test.service;
    if (chain === null) throw new TypeError('the tests run on the embedded chain');
    const options = { staticNetwork: true, pollingInterval: 20, cacheTimeout: -1 };
    const provider = new JsonRpcProvider(rpcUrl, Number(test.ledger.chainId), options);
    const relayer = new Wallet(chain.secretKey('deployer'), provider);
    const submission = {
      organisation: attester.id,
      entries: packEntries(entries),
      nonce: 99n,
      deadline: 4_000_000_000n,
    };
    const { signer, signature } = signSubmission(test.ledger, submission, attester.key);
    const ledger = new Contract(
      services.deployment.ledger,
      ['function recordSigned((uint64,address,uint256,uint64,bytes,bytes)[])'],
      relayer,
    );
    const { organisation, nonce, deadline } = submission;
    const sent = await ledger.getFunction('recordSigned')(
      [[organisation, signer, nonce, deadline, submission.entries, signature]],
      { gasLimit: 1_000_000 },
    );
    chain.devnet.nudge();
    const receipt = await sent.wait();
    provider.destroy();
    await test.until(() => services.pipeline.progress().indexedBlock >= receipt.blockNumber);
  }

  it('open sealed fields for their attester only, and remember that they did', async () => {
    const entry = service(vins.sealed, 5_000, { invoiceNumber: 'R-2024-118' });
    await test.record(workshop, [entry]);
    const path = `/v1/vehicles/${vins.sealed}/report`;
    const other = await test.admit('Curious workshop', ['workshop']);
    const own = await check(path, await test.signIn(workshop));
    expectVerified(own);
    expect(own.entries[0]?.sealed).to.deep.equal({ invoiceNumber: 'R-2024-118' });
    for (const token of [undefined, await test.signIn(other)]) {
      const reply = await test.get(path, { token });
      expect(reply.body.contents[entry.entry.digest].disclosures).to.deep.equal([]);
      expect(reply.text).not.to.include(entry.disclosures[0]);
    }
    const subject = test.subject(parseIdentifier(vins.sealed));
    const log = await test.service.services.store.query<{ entry: AccessEntry }>(
      'SELECT entry FROM access_entries WHERE subject = $1',
      [fromHex(subject, 32)],
    );
    const { digest } = entry.entry;
    expect(log.map(({ entry: { at: _, ...logged } }) => logged)).to.deep.equal([
      {
        consent: null,
        position: 0,
        purpose: 'attester',
        reader: `organisation:${workshop.id}`,
        route: 'getVehicleReport',
        shown: [{ digest, fields: ['invoiceNumber'] }],
      },
    ]);
  });

  it('are not kept by anybody between when they are one organisation’s', async () => {
    const token = await test.signIn(workshop);
    const own = await test.get(`/v1/vehicles/${vins.plain}/report`, { token });
    expect(own.headers.get('Cache-Control')).to.equal('private, no-store');
    const anyone = await test.get(`/v1/vehicles/${vins.plain}/report`);
    expect(anyone.headers.get('Cache-Control')).to.equal('no-cache');
    expect(anyone.headers.get('Vary')).to.equal('Authorization');
  });

  it('are sent once to who has them already', async () => {
    const first = await test.get(`/v1/vehicles/${vins.plain}/report`);
    const etag = first.headers.get('ETag') ?? '';
    // fetch would ask for no cached answer (`no-cache`) by itself.
    const status = await new Promise((resolve) => {
      const headers = { 'If-None-Match': etag };
      httpGet(`${test.url}/v1/vehicles/${vins.plain}/report`, { headers }, (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      });
    });
    expect(status).to.equal(304);
  });

  it('are new as soon as there is a new entry, or an attester’s standing changes', async () => {
    const path = `/v1/vehicles/${vins.fresh}/report`;
    expect(historyOf(await check(path))).to.have.length(0);
    const late = await test.admit('Late workshop', ['workshop']);
    const content = { kind: 'odometer', time: '2024-01-01', data: { odometer: kilometres(7) } } as const;
    await test.record(late, [test.compose(late, vins.fresh, content)]);
    const before = await check(path);
    expectVerified(before);
    const standingIn = ({ organisations }: Verification) =>
      organisations.find(({ id }) => id === late.id)?.standing.status;
    expect(standingIn(before)).to.equal('good');
    await test.change('guardian', 'suspend', late.id);
    const after = await check(path);
    expectVerified(after);
    expect(historyOf(after)).to.have.length(1);
    expect(standingIn(after)).to.equal('suspended');
  });

  describe('of a vehicle whose maker has recalls', () => {
    let maker: Attester;
    let opened: ComposedEntry;
    const treeKey = randomBytes(32);
    const members = [`vin:${vins.built}`, 'vin:1HGCM82633A004352'];
    const path = `/v1/vehicles/${vins.built}/report`;
    before(async function () {
      this.timeout(30_000);
      maker = await test.admit('Kunlun', ['manufacturer']);
      const tree = buildTree(
        treeKey,
        members.map((member) => parseIdentifier(member)),
      );
      opened = test.compose(maker, 'own', {
        kind: 'recall.opened',
        time: '2025-03-01',
        data: {
          campaign: 'R-2025-014',
          title: { en: 'Airbag inflator may rupture' },
          component: 'airbags',
          remedy: { en: 'Replace the inflator' },
          severity: 'safety',
          affectedRoot: tree.root,
          affectedCount: members.length,
          treeKey: toBase64Url(treeKey),
        },
      });
      const built = test.compose(maker, vins.built, {
        kind: 'vehicle.built',
        time: '2024-03-12',
        data: { brand: 'Kunlun', model: 'K3', manufacturerId: 'kunlun.example' },
      });
      await test.record(maker, [built, opened]);
    });

    const campaignsOf = ({ summary }: Verification) =>
      (summary?.recalls.campaigns ?? []).filter(({ attester }) => attester === maker.id.toString());

    it('show the maker’s own chain, and are incomplete without the set', async () => {
      const result = await check(path);
      expect(result.verdict).to.equal('incomplete');
      const codes = result.steps.flatMap(({ checks }) =>
        checks.filter(({ outcome }) => outcome === 'incomplete'),
      );
      expect(codes.map(({ code }) => code)).to.deep.equal(['recall.proofMissing']);
    });

    it('refuse members that are not the set’s', async () => {
      const token = await test.signIn(maker);
      const put = (digest: string, body: unknown, by = token) =>
        test.request('PUT', `/v1/sets/${digest}`, { body, token: by });
      const { digest } = opened.entry;
      expect((await put(digest, { members: members.slice(1) })).body.code).to.equal('set.mismatch');
      expect((await put(digest, { members: [...members, members[0]] })).body.code).to.equal('tree.duplicate');
      expect((await put(digest, { members: ['car:1'] })).body.code).to.equal('identifier.type');
      expect((await put(`0x${'ab'.repeat(32)}`, { members })).body.code).to.equal('set.unknownEntry');
      expect((await put(digest, { members }, await test.signIn(workshop))).body.code).to.equal(
        'auth.forbidden',
      );
      const anonymous = await test.request('PUT', `/v1/sets/${digest}`, { body: { members } });
      expect(anonymous.body.code).to.equal('auth.required');
    });

    it('prove that a vehicle is in a campaign, or that it is not', async () => {
      const token = await test.signIn(maker);
      const put = await test.request('PUT', `/v1/sets/${opened.entry.digest}`, { body: { members }, token });
      expect(put.status, put.text).to.equal(200);
      expect(put.body).to.deep.equal({ members: 2 });
      await test.until(async () => (await check(path)).verdict === 'verified');
      const inside = await check(path);
      expect(campaignsOf(inside)).to.have.length(1);
      expect(campaignsOf(inside)[0]).to.include({
        campaign: 'R-2025-014',
        state: 'open',
        by: 'set',
      });

      const outsider = 'VF1AA000000000008';
      await test.record(maker, [
        test.compose(maker, outsider, {
          kind: 'vehicle.built',
          time: '2024-03-13',
          data: { brand: 'Kunlun', model: 'K3', manufacturerId: 'kunlun.example' },
        }),
      ]);
      const outside = await check(`/v1/vehicles/${outsider}/report`);
      expectVerified(outside);
      expect(campaignsOf(outside)[0]).to.include({ state: 'notAffected' });
    });

    it('follow a campaign to its corrected set', async () => {
      const wider = [...members, 'vin:VF1AA000000000010'];
      const tree = buildTree(
        treeKey,
        wider.map((member) => parseIdentifier(member)),
      );
      const corrected = test.compose(maker, 'own', {
        kind: 'amended',
        time: '2025-04-01',
        data: {
          supersedes: opened.entry.digest,
          kind: 'recall.opened',
          kindVersion: 1,
          reason: 'incomplete',
          data: {
            campaign: 'R-2025-014',
            title: { en: 'Airbag inflator may rupture' },
            component: 'airbags',
            remedy: { en: 'Replace the inflator' },
            severity: 'safety',
            affectedRoot: tree.root,
            affectedCount: wider.length,
            treeKey: toBase64Url(treeKey),
          },
        },
      });
      await test.record(maker, [corrected]);
      const token = await test.signIn(maker);
      const put = (list: readonly string[]) =>
        test.request('PUT', `/v1/sets/${corrected.entry.digest}`, { body: { members: list }, token });
      expect((await put(members)).body.code).to.equal('set.mismatch');
      expect((await put(wider)).status).to.equal(200);
      await test.until(async () => (await check(path)).verdict === 'verified');
      expect(campaignsOf(await check(path))[0]).to.include({
        campaign: 'R-2025-014',
        state: 'open',
        by: 'set',
      });
    });
  });

  describe('of a vehicle that an authority warns of', () => {
    const [listed, other] = ['VF1AA000000000020', 'VF1AA000000000021'];
    let authority: Attester;
    const recallsOf = async (vin: string) => {
      const result = await check(`/v1/vehicles/${vin}/report`);
      expectVerified(result);
      const { campaigns, attesters, makers } = result.summary?.recalls ?? {};
      const by = authority.id.toString();
      expect(attesters).to.include(by);
      expect(makers).to.deep.equal([]);
      expect((await test.get(`/v1/vehicles/${vin}`)).body.summary.recalls).to.deep.equal(
        JSON.parse(JSON.stringify(result.summary?.recalls)),
      );
      return {
        states: campaigns?.filter(({ attester }) => attester === by).map(({ state }) => state),
        codes: result.findings.map(({ code }) => code),
      };
    };

    it('tell what its owner is told: the campaign on the authority’s own chain, its remedy, and that no maker is known', async () => {
      authority = await test.admit('Vehicle authority', ['authority']);
      const supplier = await test.admit('Supplier that warns', ['supplier']);
      await test.record(workshop, [service(listed, 1_000), service(other, 2_000)]);
      for (const [by, campaign] of [
        [authority, 'A-2025-001'],
        [supplier, 'S-2025-001'],
      ] as const) {
        await list(test, by, await test.signIn(by), { campaign, vehicles: [listed] });
      }
      const open = await recallsOf(listed);
      expect(open.states).to.deep.equal(['open']);
      expect(open.codes).to.include.members(['recall.open', 'recall.unknown']);
      const { body } = await test.get(`/v1/vehicles/${listed}/report`);
      const shown = body.ledgers[0].ownChains.map(
        ({ organisation }: { organisation: string }) => organisation,
      );
      expect(shown).to.include(authority.id.toString());
      expect(shown).not.to.include(supplier.id.toString());

      const spared = await recallsOf(other);
      expect(spared.states).to.deep.equal(['notAffected']);
      expect(spared.codes).to.include('recall.unknown');
      expect(spared.codes).not.to.include('recall.open');

      await remedy(test, workshop, listed, authority, 'A-2025-001');
      const done = await recallsOf(listed);
      expect(done.states).to.deep.equal(['remedied']);
      expect(done.codes).not.to.include('recall.remedyIgnored');
    });

    it('are of no such campaign where they are no vehicle’s', async () => {
      const { body } = await test.get('/v1/serials/reports.example/S-1/report');
      expect(body.ledgers[0].ownChains).to.deep.equal([]);
    });
  });

  describe('that were tampered with', () => {
    it('are refuted, and say where', async () => {
      const entries = [
        service(vins.tampered, 1_000),
        service(vins.tampered, 2_000),
        service(vins.tampered, 3_000),
      ];
      await test.record(workshop, entries);
      const path = `/v1/vehicles/${vins.tampered}/report`;
      const { text } = await test.get(path);
      expectVerified(await checkText(text));
      const subject = test.subject(parseIdentifier(vins.tampered));
      const { store, query } = test.service.services;
      // What was made before is as true as it was: here the store is altered behind the service’s back.
      const checkAnew = () => {
        query.forget();
        return check(path);
      };

      const [entry] = entries;
      const digest = fromHex(entry?.entry.digest ?? '0x', 32);
      const [block] = await store.query<{ body: Uint8Array }>('SELECT body FROM blocks WHERE digest = $1', [
        digest,
      ]);
      const flipped = Uint8Array.from(block?.body ?? []);
      flipped[100] = (flipped[100] ?? 0) ^ 1;
      await store.execute('UPDATE blocks SET body = $2 WHERE digest = $1', [digest, flipped]);
      const rotten = failedAt(await checkAnew());
      expect(rotten.map(({ code, at }) => [code, at.digest])).to.deep.equal([
        ['entry.digest', entry?.entry.digest],
      ]);
      await store.execute('UPDATE blocks SET body = $2 WHERE digest = $1', [digest, block?.body ?? null]);

      const elsewhere = randomBytes(32);
      const move = (from: Uint8Array, to: Uint8Array) =>
        store.execute('UPDATE links SET subject = $2 WHERE subject = $1 AND position = 1', [from, to]);
      await move(fromHex(subject), elsewhere);
      const shortened = failedAt(await checkAnew());
      await move(elsewhere, fromHex(subject));
      expect(shortened.map(({ code, at }) => [code, at.subject])).to.deep.equal([['head.subject', subject]]);
      expectVerified(await checkAnew());
    });
  });

  it('say what is withheld, and are not remembered so', async () => {
    const entry = service(vins.withheld, 100);
    await test.record(workshop, [entry]);
    const { store } = test.service.services;
    const digest = fromHex(entry.entry.digest, 32);
    const [row] = await store.query<{ wrapped: Uint8Array }>(
      'SELECT wrapped FROM block_keys WHERE digest = $1',
      [digest],
    );
    await store.execute('DELETE FROM block_keys WHERE digest = $1', [digest]);
    const path = `/v1/vehicles/${vins.withheld}/report`;
    const result = await check(path);
    expect(result.verdict).to.equal('incomplete');
    expect(result.entries[0]).to.include({ status: 'withheld', code: 'entry.withheld' });
    expect((await test.get(`/v1/vehicles/${vins.withheld}`)).body.entries[0].status).to.equal('withheld');
    await store.execute('INSERT INTO block_keys (digest, wrapped) VALUES ($1, $2)', [
      digest,
      row?.wrapped ?? null,
    ]);
    expectVerified(await check(path));
  });

  it('take few queries however long the history is', async function () {
    this.timeout(60_000);
    const long = 'VF1AA000000000009';
    const entries = Array.from({ length: 400 }, (_, index) => service(long, (index + 1) * 100));
    await test.record(workshop, entries);
    const started = performance.now();
    const { body } = await test.get(`/v1/vehicles/${long}/report`);
    const first = performance.now() - started;
    expect(body.ledgers[0].links).to.have.length(400);
    const again = performance.now();
    for (let turn = 0; turn < 20; turn++) await test.get(`/v1/vehicles/${long}/report`);
    const cached = (performance.now() - again) / 20;
    console.log(
      `      400 entries: ${first.toFixed(0)} ms made, ${cached.toFixed(1)} ms cached (validated by the test)`,
    );
  });
});
