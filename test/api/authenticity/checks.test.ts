import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createWatch } from '../../../api/authenticity/watch.ts';
import { createNodes } from '../../../api/graph/nodes.ts';
import type { Store } from '../../../api/store/store.ts';
import { factsFromReports } from '../../../core/authenticity/fromReports.ts';
import { fromBase64Url, fromHex, toBase64Url } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { openEnvelope } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { KindData } from '../../../core/kinds/kinds.ts';
import { partCodeAddress, signPartCode } from '../../../core/partCode/partCode.ts';
import { parseReport } from '../../../core/report/report.ts';
import { verifyProof } from '../../../core/tree/proof.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import { verify } from '../../../core/verify/verify.ts';
import { type Attester, type LogLine, startTestService, type TestService } from '../fixture.ts';
import { SafetyPart, targetOf } from '../parts/acting.ts';

/** A world of its own: what is complete, and who made what, must not depend on other tests. */
describe('checks of parts, and the watch over what is mounted', function () {
  this.timeout(180_000);
  let test: TestService;
  let maker: Attester;
  let cars: Attester;
  let rival: Attester;
  let garage: Attester;
  let police: Attester;
  const tokens = new Map<Attester, string>();
  const domain = 'airbags.example';
  const batch = `batch:${domain}:B-1`;
  const serial = (number: number): string => `serial:${domain}:A-${String(number).padStart(4, '0')}`;
  const vin = (number: number): string => `vin:WVWZZZ1JZXW7${String(number).padStart(5, '0')}`;
  let produced: KindData<'batch.produced'>;
  let listed: ComposedEntry;
  let treeKey: Uint8Array;

  before(async () => {
    test = await startTestService();
    maker = await test.admit('Airbags', ['supplier']);
    cars = await test.admit('Cars with airbags', ['manufacturer']);
    rival = await test.admit('Copies of airbags', ['supplier']);
    garage = await test.admit('Garage of airbags', ['workshop']);
    police = await test.admit('Police of airbags', ['police']);
    for (const one of [maker, cars, rival, garage]) tokens.set(one, await test.signIn(one));
    treeKey = randomBytes(32);
    const members = Array.from({ length: 40 }, (_, index) => serial(index));
    const { root } = buildTree(
      treeKey,
      members.map((member) => parseIdentifier(member)),
    );
    produced = {
      bizStep: 'commissioning',
      manufacturerId: domain,
      manufacturerPartId: 'AB',
      batchId: 'B-1',
      nameAtManufacturer: 'Airbag',
      productionDate: '2024-02-01',
      serials: { serialsRoot: root, count: members.length, treeKey: toBase64Url(treeKey) },
    };
    listed = test.compose(maker, batch, {
      ...{ kind: 'batch.produced', time: '2024-02-01', data: produced, sealed: {} },
    });
    await test.record(maker, [listed]);
    const put = await test.request('PUT', `/v1/sets/${listed.entry.digest}`, {
      body: { members },
      token: tokens.get(maker),
    });
    expect(put.status, put.text).to.equal(200);
  });
  after(() => test?.stop());

  const built = (on: string, part: string, time = '2024-06-01', extra: object = {}): ComposedEntry =>
    test.compose(cars, on, {
      kind: 'vehicle.built',
      time,
      data: { manufacturerId: 'cars.example', parts: [{ component: 'airbags', part, ...extra }] } as never,
    });
  const mounted = (on: string, part: string, time = '2024-06-01'): ComposedEntry =>
    test.compose(garage, on, {
      kind: 'part.mounted',
      time,
      data: { component: 'airbags', part, position: 'DRIVER' },
    });
  const codeOf = (identifier: string, by = maker, key = by.key): string =>
    signPartCode({ identifier: parseIdentifier(identifier), organisation: by.id, ledger: test.ledger }, key);
  const check = async (body: object) => {
    await test.service.services.graph.settle();
    const reply = await test.post('/v1/checks', body);
    expect(reply.status, reply.text).to.equal(200);
    return reply.body;
  };
  type Told = { kind: string; content: { part: string; in?: string; entry?: string; elsewhere?: object } };
  const noticesOf = async (attester: Attester, part: string): Promise<Told[]> => {
    await test.service.services.watch.look();
    const { body } = await test.get('/v1/notices?limit=1000', { token: tokens.get(attester) });
    return body.notices.filter(
      ({ kind, content }: Told) => /^(part|code)\./.test(kind) && content.part === part,
    );
  };
  const kindsTo = async (attester: Attester, part: string): Promise<string[]> =>
    (await noticesOf(attester, part)).map(({ kind }) => kind).sort();

  it('a code by its maker, of a part that its sets provably hold, is genuine', async () => {
    const code = codeOf(serial(1));
    const found = await check({ code: partCodeAddress(test.url, code) });
    expect(found).to.deep.include({
      identifier: serial(1),
      state: 'genuine',
      reasons: ['maker.inSet'],
      flags: [],
      code: {
        organisation: maker.id.toString(),
        signer: addressOfKey(maker.key),
        ledger: 'known',
        key: 'active',
        standing: 'good',
      },
    });
    const [set] = found.sets;
    const report = await test.get(`/v1/batches/${domain}/B-1/report`);
    const content = report.body.contents[set.entry];
    const envelope = openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key));
    const { serialsRoot, treeKey: key } = envelope.data.serials as {
      serialsRoot: `0x${string}`;
      treeKey: string;
    };
    const proven = verifyProof(serialsRoot, fromBase64Url(key), parseIdentifier(serial(1)), set.proof);
    expect(proven).to.equal('in');
    expect((await check({ identifier: serial(1) })).reasons).to.include('code.none');
  });

  it('a forged code, and another maker’s replayed on this one’s number, are named as such', async () => {
    const foreign = await check({ code: codeOf(serial(2), maker, randomBytes(32)) });
    expect([foreign.state, foreign.reasons[0]]).to.deep.equal(['forged', 'code.foreignKey']);
    const replayed = await check({ code: codeOf(serial(2), rival) });
    expect([replayed.state, replayed.reasons[0]]).to.deep.equal(['forged', 'code.otherMaker']);
    const good = codeOf(serial(2));
    const cut = await test.post('/v1/checks', { code: good.slice(0, -3) });
    expect([cut.status, cut.body.code]).to.deep.equal([422, 'partCode.malformed']);
    const other = signPartCode(
      {
        identifier: parseIdentifier(serial(2)),
        organisation: maker.id,
        ledger: { ...test.ledger, chainId: 1n },
      },
      maker.key,
    );
    expect((await check({ code: other })).reasons[0]).to.equal('code.otherLedger');
    const nobody = await check({ identifier: `serial:nobody.example:1` });
    expect([nobody.state, nobody.reasons]).to.deep.equal(['unknown', ['maker.unknown', 'code.none']]);
  });

  it('a code by a key that was revoked since proves nothing any more', async () => {
    const old = await test.admit('Maker who lost a key', ['supplier']);
    const code = codeOf('serial:lost.example:1', old);
    await test.record(old, [
      test.compose(old, 'serial:lost.example:1', {
        kind: 'part.produced',
        time: '2024-01-01',
        data: {
          bizStep: 'commissioning',
          manufacturerId: 'lost.example',
          manufacturerPartId: 'L',
          partInstanceId: '1',
          nameAtManufacturer: 'Lost',
          productionDate: '2024-01-01',
        },
      }),
    ]);
    expect((await check({ code })).state).to.equal('genuine');
    await test.change('registrar', 'revokeKey', old.id, old.signer);
    const found = await check({ code });
    expect([found.state, found.reasons[0], found.code.key]).to.deep.equal([
      'unknown',
      'code.revokedKey',
      'revoked',
    ]);
  });

  it('tells a part that is mounted elsewhere, but not in the vehicle that it is looked at in', async () => {
    await test.record(cars, [built(vin(1), serial(3))]);
    const code = codeOf(serial(3));
    expect(await check({ code })).to.deep.include({ state: 'mounted' });
    expect(await check({ code, vehicle: vin(1) })).to.deep.include({ state: 'genuine' });
    expect(await check({ code, vehicle: vin(2) })).to.deep.include({ state: 'mounted' });
  });

  it('tells a part of a batch that is held back, and no longer once it is released', async () => {
    const held = test.compose(maker, batch, {
      kind: 'batch.quarantined',
      time: '2024-07-01',
      data: { bizStep: 'holding', reason: 'defectSuspected' },
    });
    await test.record(maker, [held]);
    expect((await check({ code: codeOf(serial(4)) })).reasons[0]).to.equal('part.quarantined');
    await test.record(maker, [
      test.compose(maker, batch, {
        kind: 'batch.released',
        time: '2024-07-02',
        data: { bizStep: 'inspecting', outcome: 'usable', quarantined: held.entry.digest },
      }),
    ]);
    expect((await check({ code: codeOf(serial(4)) })).state).to.equal('genuine');
  });

  it('a batch of which some serials are held back holds back those alone, until they are released', async () => {
    const step = (kind: 'batch.quarantined' | 'batch.released', members: readonly string[], more = {}) => {
      const key = randomBytes(32);
      const { root, count } = buildTree(
        key,
        members.map((member) => parseIdentifier(member)),
      );
      const serials = { serialsRoot: root, count, treeKey: toBase64Url(key) };
      const data =
        kind === 'batch.quarantined'
          ? { bizStep: 'holding', reason: 'defectFound' }
          : { bizStep: 'inspecting', outcome: 'reworked' };
      return test.compose(maker, batch, {
        ...{ kind, time: '2024-07-03', data: { ...data, serials, ...more } as never },
      });
    };
    const hand = async ({ entry }: ComposedEntry, members: readonly string[]) => {
      const { status } = await test.request('PUT', `/v1/sets/${entry.digest}`, {
        ...{ body: { members }, token: tokens.get(maker) },
      });
      expect(status).to.equal(200);
    };
    const held = async (number: number): Promise<number> =>
      (await check({ identifier: serial(number) })).facts.quarantines;
    const all = async () => Promise.all([21, 22, 23].map(held));
    /** What who verifies the reports comes to, and whether that is proven. */
    const read = async (number: number) => {
      const { facts } = await check({ identifier: serial(number) });
      const verifiedReport = async (path: string) => {
        const { chainId, directory } = test.service.services.deployment;
        const { rpc } = test.service.services;
        const report = parseReport((await test.get(path)).text);
        const view = rpcView([(method, params) => rpc.call(method, [...params])], chainId);
        const verification = await verify(report, { chainId, directory }, async () => view);
        return { report, verification, verdict: verification.verdict };
      };
      const [, , name] = serial(number).split(':');
      const found = factsFromReports(
        parseIdentifier(serial(number)),
        null,
        {
          own: await verifiedReport(`/v1/serials/${domain}/${name}/report`),
          batches: [
            await verifiedReport(
              `/v1/batches/${domain}/B-1/report?serial=${encodeURIComponent(serial(number))}`,
            ),
          ],
          unread: 0,
        },
        { ...facts, code: null },
      );
      return [found.facts.quarantines, found.verified.includes('quarantines')];
    };
    expect(await read(21)).to.deep.equal([0, true]);

    const some = step('batch.quarantined', [serial(21), serial(22)]);
    await test.record(maker, [some]);
    // Nobody has shown yet which they are.
    expect(await all()).to.deep.equal([0, 0, 0]);
    await hand(some, [serial(21), serial(22)]);
    expect(await all()).to.deep.equal([1, 1, 0]);
    expect((await check({ identifier: batch })).facts.quarantines).to.equal(0);
    expect([await read(22), await read(23)]).to.deep.equal([
      [1, true],
      [0, true],
    ]);

    const released = step('batch.released', [serial(21)], { quarantined: some.entry.digest });
    await test.record(maker, [released]);
    await hand(released, [serial(21)]);
    expect(await all()).to.deep.equal([0, 1, 0]);

    // Another's retraction is no retraction.
    const retract = (by: Attester) =>
      test.compose(by, batch, {
        kind: 'amended',
        time: '2024-07-04',
        data: {
          ...{ supersedes: some.entry.digest, kind: 'batch.quarantined', kindVersion: 1 },
          ...{ reason: 'other', retracted: true },
        },
      });
    await test.record(rival, [retract(rival)]);
    expect(await all()).to.deep.equal([0, 1, 0]);
    expect(await read(22)).to.deep.equal([1, true]);
    await test.record(maker, [retract(maker)]);
    expect(await all()).to.deep.equal([0, 0, 0]);
    expect(await read(22)).to.deep.equal([0, true]);

    // Of a batch that is held back whole, a release of some frees no others.
    const whole = test.compose(maker, batch, {
      kind: 'batch.quarantined',
      time: '2024-07-05',
      data: { bizStep: 'holding', reason: 'defectSuspected' },
    });
    await test.record(maker, [whole]);
    expect(await read(23)).to.deep.equal([1, true]);
    const freed = step('batch.released', [serial(23)]);
    await test.record(maker, [freed]);
    await hand(freed, [serial(23)]);
    expect(await all()).to.deep.equal([1, 1, 0]);
    expect([await read(22), await read(23)]).to.deep.equal([
      [1, true],
      [0, true],
    ]);
    await test.record(maker, [
      test.compose(maker, batch, {
        kind: 'batch.released',
        time: '2024-07-06',
        data: { bizStep: 'inspecting', outcome: 'usable', quarantined: whole.entry.digest },
      }),
    ]);
    expect(await all()).to.deep.equal([0, 0, 0]);
    expect(await read(22)).to.deep.equal([0, true]);
  });

  it('takes no release for one of the whole batch that seals of what it is', async () => {
    const holding = { bizStep: 'holding', reason: 'defectFound' } as const;
    const release = { bizStep: 'inspecting', outcome: 'usable' } as const;
    const { root, count } = buildTree(treeKey, [parseIdentifier(serial(7))]);
    const serials = { serialsRoot: root, count, treeKey: toBase64Url(treeKey) };
    const step = (kind: string, data: object, sealed: object): ComposedEntry =>
      test.compose(maker, batch, { kind, time: '2024-07-10', data: data as never, sealed: sealed as never });
    const isHeld = async (): Promise<number> => (await check({ identifier: serial(8) })).facts.quarantines;

    const held = step('batch.quarantined', holding, {});
    await test.record(maker, [held]);
    const quarantined = held.entry.digest;
    await test.record(maker, [step('batch.released', { ...release, quarantined }, { serials })]);
    expect(await isHeld()).to.equal(1);
    await test.record(maker, [step('batch.released', release, { quarantined: `0x${'77'.repeat(32)}` })]);
    expect(await isHeld()).to.equal(1);
    // That another field is sealed, the service knows by its name, as long as it has it.
    const ended = step('batch.released', { ...release, quarantined }, { description: 'All are sound.' });
    await test.record(maker, [ended]);
    expect(await isHeld()).to.equal(0);
    const { store } = test.service.services;
    const row = [fromHex(ended.entry.digest, 32), 'description'];
    const taken = await store.query<{ wrapped: Uint8Array }>(
      'DELETE FROM disclosures WHERE digest = $1 AND name = $2 RETURNING wrapped',
      row,
    );
    expect(await isHeld()).to.equal(1);
    await store.execute(`INSERT INTO disclosures (digest, name, wrapped) VALUES ($1, $2, $3)`, [
      ...row,
      taken[0]?.wrapped ?? null,
    ]);
    // Sealing why it is held back frees nothing.
    const why = step('batch.quarantined', { bizStep: 'holding' }, { reason: 'defectFound' });
    await test.record(maker, [why]);
    expect(await isHeld()).to.equal(1);
    await test.record(maker, [step('batch.released', release, {})]);
    expect(await isHeld()).to.equal(0);
  });

  it('tells a part that a campaign names by its range or its batch', async () => {
    const key = randomBytes(32);
    const { root } = buildTree(key, []);
    await test.record(cars, [
      test.compose(cars, 'own', {
        kind: 'recall.opened',
        time: '2024-08-01',
        data: {
          campaign: 'R-1',
          title: { en: 'Airbags' },
          component: 'airbags',
          remedy: { en: 'Replace' },
          severity: 'safety',
          affectedRoot: root,
          affectedCount: 0,
          treeKey: toBase64Url(key),
          serialRanges: [{ manufacturerId: domain, from: 'A-0030', to: 'A-0039' }],
        },
      }),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    const found = await check({ code: codeOf(serial(31)) });
    expect([found.state, found.recalls]).to.deep.equal([
      'recalled',
      [{ organisation: cars.id.toString(), campaign: 'R-1' }],
    ]);
    expect((await check({ code: codeOf(serial(29)) })).state).to.equal('genuine');
  });

  it('keeps of a scan the hour, the coarse place and a count, and flags a code in two far places', async () => {
    const code = codeOf(serial(5));
    const paris = { cell: { latitude: 48, longitude: 2 } };
    expect((await check({ code, place: paris })).flags).to.deep.equal([]);
    await check({ code, place: paris });
    const far = await check({ code, place: { country: 'AU' } });
    expect(far.flags).to.deep.equal(['cloned.farApart']);
    // The number alone, and a code that does not hold, are no scans.
    await check({ identifier: serial(6), place: paris });
    await check({ code: codeOf(serial(6), rival), place: { country: 'AU' } });
    const { store, nodes } = { ...test.service.services, nodes: null };
    const rows = await store.query<Record<string, unknown>>('SELECT * FROM scans ORDER BY place');
    expect(nodes).to.equal(null);
    const ofIt = rows.filter(({ place }) => place === '48,2' || place === 'AU');
    expect(ofIt.map(({ place, count }) => [place, count])).to.deep.equal([
      ['48,2', 2],
      ['AU', 1],
    ]);
    expect(Object.keys(rows[0] ?? {}).sort()).to.deep.equal(['count', 'hour', 'node', 'place']);
    expect(await kindsTo(maker, serial(5))).to.deep.equal(['code.cloned']);
    const logged = JSON.stringify(test.logged.map(({ facts }: LogLine) => facts));
    expect(logged).not.to.include(code.slice(4, 40));
    for (const place of [
      { country: 'fr' },
      { cell: { latitude: 48.5, longitude: 2 } },
      { cell: { latitude: 90, longitude: 0 } },
    ]) {
      expect((await test.post('/v1/checks', { code, place })).status).to.equal(422);
    }
  });

  it('tells both, and the maker, of a part that two vehicles claim, each only of its own vehicle', async () => {
    await test.record(cars, [built(vin(10), serial(10))]);
    expect(await kindsTo(cars, serial(10))).to.deep.equal([]);
    await test.record(garage, [mounted(vin(11), serial(10), '2024-09-01')]);
    const [toCars] = await noticesOf(cars, serial(10));
    const [toGarage] = await noticesOf(garage, serial(10));
    expect([toCars?.kind, toCars?.content.in]).to.deep.equal(['part.mountedTwice', vin(10)]);
    expect([toGarage?.kind, toGarage?.content.in]).to.deep.equal(['part.mountedTwice', vin(11)]);
    expect(JSON.stringify(toCars)).not.to.include(vin(11));
    const toMaker = await noticesOf(maker, serial(10));
    expect(toMaker.map(({ kind }) => kind)).to.deep.equal(['part.mountedTwice']);
    expect(JSON.stringify(toMaker)).not.to.include('vin:');
    await test.service.services.watch.look();
    expect(await noticesOf(cars, serial(10))).to.have.length(1);
  });

  /** Takes rows of an entry away, and brings them back. */
  async function withoutRows(table: 'block_keys' | 'links', entry: ComposedEntry, work: () => Promise<void>) {
    const { store, graph } = test.service.services;
    const digest = fromHex(entry.entry.digest, 32);
    const [row] = await store.query<{ rows: string }>(
      `SELECT json_agg(gone)::text AS rows FROM ${table} AS gone WHERE digest = $1`,
      [digest],
    );
    await store.execute(`DELETE FROM ${table} WHERE digest = $1`, [digest]);
    await graph.settle();
    await work();
    await store.execute(
      `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)`,
      [row?.rows ?? '[]'],
    );
  }

  for (const [table, number, what] of [
    ['block_keys', 50, 'whose content comes after its link'],
    ['links', 51, 'that comes again in an earlier block, once a reorganisation took it away'],
  ] as const) {
    it(`tells of a part in an entry ${what}`, async () => {
      const first = built(vin(number), serial(number - 20));
      await test.record(cars, [first]);
      await withoutRows(table, first, async () => {
        await test.record(garage, [mounted(vin(number + 2), serial(number - 20), '2024-09-01')]);
        expect(await kindsTo(garage, serial(number - 20))).to.deep.equal([]);
      });
      await test.service.services.graph.settle();
      for (const one of [cars, garage, maker]) {
        expect(await kindsTo(one, serial(number - 20))).to.deep.equal(['part.mountedTwice']);
      }
      await test.service.services.store.execute(
        `INSERT INTO watch_due SELECT DISTINCT digest FROM edges ON CONFLICT DO NOTHING`,
      );
      expect(await kindsTo(cars, serial(number - 20))).to.deep.equal(['part.mountedTwice']);
    });
  }

  it('tells nothing of an entry that was erased, also while the graph still has it', async () => {
    const { store, graph } = test.service.services;
    const [erased, other] = [built(vin(55), serial(33)), mounted(vin(56), serial(33), '2024-09-01')];
    await test.record(cars, [erased]);
    const digest = fromHex(erased.entry.digest, 32);
    await withoutRows('block_keys', erased, async () => {
      await test.record(garage, [other]);
      await store.execute(
        `INSERT INTO erasures (number, digest, what, ledger, basis, erased_at, operator, signature, completed)
         VALUES (1, $1, 'entry', '', 'request', 0, $2, $3, true)`,
        [digest, new Uint8Array(20), new Uint8Array(65)],
      );
    });
    await graph.settle();
    for (const one of [cars, garage, maker]) expect(await kindsTo(one, serial(33))).to.deep.equal([]);
    await store.execute('DELETE FROM erasures WHERE digest = $1', [digest]);
    await store.execute('INSERT INTO watch_due VALUES ($1) ON CONFLICT DO NOTHING', [digest]);
    expect(await kindsTo(cars, serial(33))).to.deep.equal(['part.mountedTwice']);
  });

  it('looks at nothing while histories wait to be taken in, and passes over nothing', async () => {
    const { services } = test.service;
    const first = built(vin(54), serial(32));
    await test.record(cars, [first]);
    await kindsTo(cars, serial(32));
    const due = [fromHex(first.entry.digest, 32)];
    let left: unknown;
    // In one transaction with the look, so that nobody takes them in between.
    const store: Store = {
      ...services.store,
      transaction: (work) =>
        services.store.transaction(async (transaction) => {
          await transaction.execute('INSERT INTO watch_due VALUES ($1) ON CONFLICT DO NOTHING', due);
          await transaction.execute(
            'INSERT INTO graph_due (subject) SELECT subject FROM links LIMIT 1 ON CONFLICT DO NOTHING',
          );
          const done = await work(transaction);
          left = (
            await transaction.query('SELECT digest::bytea AS digest FROM watch_due WHERE digest = $1', due)
          ).length;
          return done;
        }),
    };
    const watch = createWatch({
      ...services,
      store,
      evaluator: { subject: () => first.entry.subject },
      ownLedger: () => services.pipeline.ownLedger(),
    } as never);
    expect([await watch.look(), left]).to.deep.equal([0, 1]);
    await services.graph.settle();
    await services.watch.look();
    expect(await services.store.query('SELECT 1 AS one FROM watch_due')).to.deep.equal([]);
  });

  it('tells of two vehicles that claim one serial in one block', async () => {
    await test.record(cars, [built(vin(12), serial(12)), built(vin(13), serial(12))]);
    const told = await noticesOf(cars, serial(12));
    // Both are its own: one notice names both.
    expect(told.map(({ kind }) => kind)).to.deep.equal(['part.mountedTwice']);
    const elsewhere = told[0]?.content.elsewhere as { in: string; organisation: string };
    expect([told[0]?.content.in, elsewhere.in].sort()).to.deep.equal([vin(12), vin(13)]);
    expect(elsewhere.organisation).to.equal(cars.id.toString());
    expect(await kindsTo(maker, serial(12))).to.deep.equal(['part.mountedTwice']);
  });

  it('is silent where a part was taken out before, or may be another one', async () => {
    await test.record(cars, [
      built(vin(14), serial(14)),
      built(vin(16), serial(15), '2024-06-01', { hasAlternatives: true }),
    ]);
    await test.record(garage, [
      test.compose(garage, vin(14), {
        kind: 'part.removed',
        time: '2024-07-01',
        data: { component: 'airbags', part: serial(14), reason: 'upgrade' },
      }),
    ]);
    await test.record(garage, [mounted(vin(15), serial(14), '2024-08-01'), mounted(vin(17), serial(15))]);
    for (const number of [14, 15]) {
      for (const one of [cars, garage, maker]) expect(await kindsTo(one, serial(number))).to.deep.equal([]);
    }
  });

  it('tells of a part that none of its maker’s complete sets holds', async () => {
    // What a check has written of a set that does not count yet says nothing.
    const { store, keyring } = test.service.services;
    await store.execute('INSERT INTO serials (serial, batch, digest) VALUES ($1, $1, $2)', [
      createNodes(keyring).nodeOf(parseIdentifier(serial(900))),
      randomBytes(32),
    ]);
    await test.record(garage, [mounted(vin(20), serial(900))]);
    for (const one of [garage, maker])
      expect(await kindsTo(one, serial(900))).to.deep.equal(['part.unknown']);
    expect((await check({ identifier: serial(900), vehicle: vin(20) })).reasons).to.deep.equal([
      'maker.notInSets',
      'code.none',
    ]);
  });

  it('tells of a part that was mounted before it was made', async () => {
    await test.record(garage, [mounted(vin(21), serial(21), '2024-01-31')]);
    for (const one of [garage, maker])
      expect(await kindsTo(one, serial(21))).to.deep.equal(['part.beforeMade']);
  });

  it('tells of a part that was scrapped before, by who took it out', async () => {
    await test.record(cars, [built(vin(22), serial(22))]);
    await test.record(garage, [
      test.compose(garage, vin(22), {
        kind: 'part.removed',
        time: '2024-07-01',
        data: { component: 'airbags', part: serial(22), reason: 'accident', fate: 'scrapped' },
      }),
    ]);
    expect((await check({ code: codeOf(serial(22)) })).state).to.equal('scrapped');
    await test.record(garage, [mounted(vin(23), serial(22), '2024-08-01')]);
    for (const one of [garage, maker])
      expect(await kindsTo(one, serial(22))).to.deep.equal(['part.scrapped']);
  });

  it('takes a part for scrapped as long as who took it out says so, and nobody else', async () => {
    const removed = (on: string, part: string, fate: 'scrapped' | 'reused') => {
      const data = { component: 'airbags', part, reason: 'accident', fate } as const;
      return { data, entry: test.compose(garage, on, { kind: 'part.removed', time: '2024-07-01', data }) };
    };
    const correct = (on: string, by: ComposedEntry, data: object | null) =>
      test.compose(garage, on, {
        kind: 'amended',
        time: '2024-07-02',
        data: {
          ...{ supersedes: by.entry.digest, kind: 'part.removed', kindVersion: 1, reason: 'typo' },
          ...(data === null ? { retracted: true } : { data }),
        } as never,
      });
    const isScrapped = async (part: string): Promise<boolean> =>
      (await check({ identifier: part })).facts.scrapped;

    // Out of a vehicle that it was never in.
    await test.record(cars, [built(vin(63), serial(18)), built(vin(64), serial(19))]);
    await test.record(garage, [removed(vin(65), serial(18), 'scrapped').entry]);
    expect(await isScrapped(serial(18))).to.equal(false);

    const slip = removed(vin(63), serial(18), 'scrapped');
    await test.record(garage, [slip.entry]);
    expect(await isScrapped(serial(18))).to.equal(true);
    await test.record(garage, [correct(vin(63), slip.entry, { ...slip.data, fate: 'reused' })]);
    expect(await isScrapped(serial(18))).to.equal(false);

    // What is corrected to scrapped is told of where it is by now.
    const reused = removed(vin(64), serial(19), 'reused');
    await test.record(garage, [reused.entry]);
    await test.record(garage, [mounted(vin(66), serial(19), '2024-08-01')]);
    expect(await kindsTo(garage, serial(19))).to.deep.equal([]);
    const correction = correct(vin(64), reused.entry, { ...reused.data, fate: 'scrapped' });
    await test.record(garage, [correction]);
    expect(await isScrapped(serial(19))).to.equal(true);
    const [told, ...more] = await noticesOf(garage, serial(19));
    expect([told?.kind, told?.content.in, more.length]).to.deep.equal(['part.scrapped', vin(66), 0]);
    expect(await kindsTo(maker, serial(19))).to.deep.equal(['part.scrapped']);
    expect(await kindsTo(cars, serial(19))).to.deep.equal([]);
    await test.record(garage, [correct(vin(64), correction, null)]);
    expect(await isScrapped(serial(19))).to.equal(false);
  });

  it('knows of safety parts what the module says: mounted, stolen, scrapped', async () => {
    const part = new SafetyPart(test, serial(25));
    const code = codeOf(serial(25));
    await part.act(maker, 'safetyPart.registered', {
      data: { component: 'airbags', manufacturerId: domain, manufacturerPartId: 'AB' },
    });
    expect((await check({ code })).state).to.equal('genuine');
    await part.act(garage, 'safetyPart.mounted', { vehicle: targetOf(test, vin(25)) });
    expect((await check({ code })).state).to.equal('mounted');
    expect((await check({ code, vehicle: vin(25) })).state).to.equal('genuine');
    expect(await kindsTo(garage, serial(25))).to.deep.equal([]);
    await part.act(police, 'safetyPart.stolen');
    expect((await check({ code, vehicle: vin(25) })).state).to.equal('stolen');
    // Mounting it is refused by the module; an entry that only says so is told of.
    await test.record(cars, [built(vin(26), serial(25), '2024-10-01')]);
    for (const one of [cars, maker]) {
      expect(await kindsTo(one, serial(25))).to.deep.equal(['part.mountedTwice', 'part.scrapped']);
    }
    expect(await kindsTo(garage, serial(25))).to.deep.equal(['part.mountedTwice']);
    await part.act(cars, 'safetyPart.scrapped');
    expect((await check({ code, vehicle: vin(25) })).state).to.equal('scrapped');
  });

  it('is silent where what was taken out, and scrapped then, is corrected later', async () => {
    const part = new SafetyPart(test, serial(20));
    const vehicle = targetOf(test, vin(67));
    const first = built(vin(67), serial(20), '2024-05-01');
    await test.record(cars, [first]);
    await part.act(maker, 'safetyPart.registered', {
      data: { component: 'airbags', manufacturerId: domain, manufacturerPartId: 'AB' },
    });
    await part.act(garage, 'safetyPart.mounted', { vehicle });
    await part.act(garage, 'safetyPart.removed', { vehicle });
    await part.act(cars, 'safetyPart.scrapped');
    const data = {
      manufacturerId: 'cars.example',
      model: 'Corrected',
      parts: [{ component: 'airbags', part: serial(20) }],
    };
    const corrected = test.compose(cars, vin(67), {
      kind: 'amended',
      time: '2024-07-02',
      data: {
        ...{ supersedes: first.entry.digest, kind: 'vehicle.built', kindVersion: 1, reason: 'typo', data },
      } as never,
    });
    await test.record(cars, [corrected]);
    for (const one of [cars, garage, maker]) expect(await kindsTo(one, serial(20))).to.deep.equal([]);
    const { store } = test.service.services;
    const [edge] = await store.query<{ count: bigint }>(
      'SELECT count(*) AS count FROM edges WHERE digest = $1',
      [fromHex(corrected.entry.digest, 32)],
    );
    expect(edge?.count).to.equal(1n);
    await test.record(garage, [mounted(vin(67), serial(20), '2025-01-01')]);
    expect(await kindsTo(garage, serial(20))).to.deep.equal(['part.scrapped']);
  });

  it('knows whose its serials are as before once a batch’s date is corrected, and from when', async () => {
    const correct = (other: object) =>
      test.compose(maker, batch, {
        kind: 'amended',
        time: '2024-11-01',
        data: {
          ...{ supersedes: listed.entry.digest, kind: 'batch.produced', kindVersion: 1, reason: 'typo' },
          data: { ...produced, ...other },
        } as never,
      });
    const amendment = correct({ productionDate: '2024-02-05', productionStart: '2024-02-01' });
    await test.record(maker, [amendment]);
    expect(await check({ code: codeOf(serial(16)) })).to.deep.include({
      ...{ state: 'genuine', reasons: ['maker.inSet'] },
      makers: [{ organisation: maker.id.toString(), by: 'set', entry: listed.entry.digest }],
    });
    await test.record(garage, [
      mounted(vin(60), serial(903)),
      mounted(vin(61), serial(16), '2024-02-03'),
      mounted(vin(62), serial(17), '2024-02-06'),
    ]);
    for (const one of [garage, maker]) {
      expect(await kindsTo(one, serial(903))).to.deep.equal(['part.unknown']);
      expect(await kindsTo(one, serial(16))).to.deep.equal(['part.beforeMade']);
      expect(await kindsTo(one, serial(17))).to.deep.equal([]);
    }
    expect((await check({ identifier: serial(903), vehicle: vin(60) })).reasons[0]).to.equal(
      'maker.notInSets',
    );
    // A recall of the batch reaches the vehicles that they are in.
    const { graph } = test.service.services;
    const asker = { organisation: garage.id, authority: false };
    const { vehicles } = await graph.affected({ batches: [parseIdentifier(batch)], limit: 1_000 }, asker);
    expect(vehicles).to.include.members([vin(61), vin(62)]);
    expect(vehicles).not.to.include(vin(60));
    const up = await graph.trace({ identifier: parseIdentifier(vin(62)), direction: 'down' }, asker);
    expect(JSON.stringify(up)).to.include(batch);

    // A set that a correction puts in its place is another one: until it is here, nobody is known to have made them.
    const key = randomBytes(32);
    const { root, count } = buildTree(key, [parseIdentifier(serial(17))]);
    const other = correct({ serials: { serialsRoot: root, count, treeKey: toBase64Url(key) } });
    await test.record(maker, [other]);
    expect((await check({ code: codeOf(serial(17)) })).makers).to.deep.equal([]);
    const put = await test.request('PUT', `/v1/sets/${other.entry.digest}`, {
      ...{ body: { members: [serial(17)] }, token: tokens.get(maker) },
    });
    expect(put.status, put.text).to.equal(200);
    expect((await check({ code: codeOf(serial(17)) })).makers).to.deep.equal([
      { organisation: maker.id.toString(), by: 'set', entry: other.entry.digest },
    ]);
    expect((await check({ code: codeOf(serial(16)) })).makers).to.deep.equal([]);
    await test.record(maker, [correct({})]);
    expect((await check({ code: codeOf(serial(16)) })).state).to.equal('mounted');
  });

  it('says nothing of a part any more once its maker’s sets are not complete', async () => {
    await test.record(maker, [
      test.compose(maker, `batch:${domain}:B-2`, {
        kind: 'batch.produced',
        time: '2024-03-01',
        data: {
          bizStep: 'commissioning',
          manufacturerId: domain,
          manufacturerPartId: 'AB',
          batchId: 'B-2',
          nameAtManufacturer: 'Airbag',
          productionDate: '2024-03-01',
        },
      }),
    ]);
    await test.record(garage, [mounted(vin(24), serial(901))]);
    expect(await kindsTo(garage, serial(901))).to.deep.equal([]);
  });
});
