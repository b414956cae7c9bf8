import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { fromBase64Url, toHex } from '../../../core/bytes.ts';
import type { Json } from '../../../core/canonical.ts';
import { ChainAccounts } from '../../adversary/system.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { SafetyPart, targetOf } from '../parts/acting.ts';

const PRODUCED = { bizStep: 'commissioning', productionDate: '2026-01-10' } as const;

/** A chain of three makers: cells in a batch, packs of cells, vehicles with packs. */
describe('POST /v1/traces, POST /v1/recalls/affected', function () {
  this.timeout(60_000);
  let test: TestService;
  let cells: Attester;
  let packs: Attester;
  let maker: Attester;
  let rival: Attester;
  let workshop: Attester;
  let authority: Attester;
  const tokens = new Map<Attester, string>();
  const mark = randomBytes(3).toString('hex');
  const cellBatch = `batch:cella.example:C-${mark}`;
  const pack = (number: number) => `serial:volta.example:P-${mark}-${number}`;
  const vin = (number: number) =>
    `vin:VF3${mark.toUpperCase().replace(/[^A-F0-9]/g, '0')}ZZ${`00000${number}`.slice(-6)}`;

  const batchProduced = (of: string, data: Record<string, Json> = {}) => ({
    kind: 'batch.produced',
    time: '2026-01-10',
    data: {
      ...PRODUCED,
      manufacturerId: of.split(':')[1] ?? '',
      manufacturerPartId: `CELL-${mark}`,
      batchId: of.split(':').slice(2).join(':'),
      nameAtManufacturer: 'Cells 21700',
      ...data,
    },
    sealed: {},
  });
  const partProduced = (data: Record<string, unknown> = {}) => ({
    kind: 'part.produced',
    time: '2026-02-01',
    data: {
      bizStep: 'commissioning',
      productionDate: '2026-02-01',
      manufacturerId: 'volta.example',
      manufacturerPartId: `PACK-${mark}`,
      nameAtManufacturer: 'Traction battery 77 kWh',
      ...data,
    },
    sealed: {},
  });
  const built = (parts: Json[], more: Record<string, Json> = {}, manufacturerId = 'kunlun.example') => ({
    kind: 'vehicle.built',
    time: '2026-03-01',
    data: { brand: 'Kunlun', model: 'K3', manufacturerId, ...(parts.length === 0 ? {} : { parts }), ...more },
    sealed: {},
  });
  const state = async (by: Attester, on: string, content: Parameters<TestService['compose']>[2]) => {
    const entry = test.compose(by, on, content);
    await test.record(by, [entry]);
    return entry;
  };
  const ask = (by: Attester | null, path: string, body: unknown) =>
    test.post(path, body, { token: by === null ? undefined : tokens.get(by) });
  const traceOf = async (by: Attester, identifier: string, direction: 'up' | 'down', more = {}) => {
    const { body, status, text } = await ask(by, '/v1/traces', { identifier, direction, ...more });
    expect(status, text).to.equal(200);
    return {
      ...body,
      names: body.things.map((thing: { identifier: string }) => thing.identifier) as string[],
    };
  };
  const affectedBy = async (by: Attester, body: Record<string, unknown>) => {
    const reply = await ask(by, '/v1/recalls/affected', body);
    expect(reply.status, reply.text).to.equal(200);
    expect(reply.body.behind).to.equal(0);
    return reply.body;
  };
  const refused = async (by: Attester | null, path: string, body: unknown) => {
    const reply = await ask(by, path, body);
    return [reply.status, reply.body.code];
  };

  before(async () => {
    test = await sharedService();
    cells = await test.admit('Maker of cells', ['supplier']);
    packs = await test.admit('Maker of packs', ['supplier']);
    maker = await test.admit('Maker of cars', ['manufacturer']);
    rival = await test.admit('Another maker of cars', ['manufacturer']);
    workshop = await test.admit('Workshop of the graph', ['workshop']);
    authority = await test.admit('Authority of the graph', ['authority']);
    for (const one of [cells, packs, maker, rival, workshop, authority])
      tokens.set(one, await test.signIn(one));

    await state(cells, cellBatch, batchProduced(cellBatch));
    for (const number of [1, 2, 3]) {
      await state(
        packs,
        pack(number),
        partProduced({
          ...(number === 3 ? {} : { parts: [{ component: 'tractionBattery', part: cellBatch }] }),
          ...(number === 3
            ? {
                missing: [
                  { component: 'tractionBattery', supplier: 'cella.example', reason: 'confidential' },
                ],
              }
            : {}),
        }),
      );
      await state(
        maker,
        vin(number),
        built([
          { component: 'tractionBattery', position: 'HV', part: pack(number) },
          ...(number === 1 ? [{ component: 'seats', part: `serial:sella.example:S-${mark}` }] : []),
        ]),
      );
    }
  });

  it('walks down to the last tier, and names those that are missing with their reason', async () => {
    const { names, things, edges, missing, cycles, others, truncated } = await traceOf(rival, vin(1), 'down');
    expect(names).to.have.members([vin(1), pack(1), `serial:sella.example:S-${mark}`, cellBatch]);
    expect(things[0]).to.include({ identifier: vin(1), type: 'vin', depth: 0, label: 'Kunlun K3' });
    expect(things.find(({ depth }: { depth: number }) => depth === 2)).to.include({
      identifier: cellBatch,
      label: 'Cells 21700',
    });
    expect(edges).to.have.length(3);
    expect(edges[0]).to.include({ relation: 'builtFrom', from: '2026-03-01T00:00:00Z' });
    const idOf = (name: string) =>
      things.find(({ identifier }: { identifier: string }) => identifier === name).id;
    expect(missing).to.deep.equal([
      {
        parent: idOf(vin(1)),
        component: 'seats',
        supplier: 'sella.example',
        reason: 'notDelivered',
        thing: idOf(`serial:sella.example:S-${mark}`),
      },
    ]);
    expect([cycles, others, truncated]).to.deep.equal([[], 0, false]);
    const dark = await traceOf(rival, vin(3), 'down');
    expect(dark.missing[0]).to.include({ component: 'tractionBattery', reason: 'confidential' });
    expect((await traceOf(rival, vin(1), 'down', { depth: 1 })).truncated).to.equal(true);
  });

  it('walks up to what the asker stated itself, and only counts the rest', async () => {
    const own = await traceOf(maker, cellBatch, 'up');
    expect(own.names).to.have.members([cellBatch, pack(1), pack(2), vin(1), vin(2)]);
    expect(own.others).to.equal(0);
    const supplier = await traceOf(packs, cellBatch, 'up');
    expect(supplier.names).to.have.members([cellBatch, pack(1), pack(2)]);
    expect(supplier.others).to.equal(2);
    for (const stranger of [cells, rival, workshop]) {
      const { names, others, edges } = await traceOf(stranger, cellBatch, 'up');
      expect(names).to.deep.equal([cellBatch]);
      expect([others, edges]).to.deep.equal([2, []]);
    }
    expect((await traceOf(authority, cellBatch, 'up')).names).to.have.length(5);
  });

  it('gives the affected vehicles to their maker and to an authority; others learn their number', async () => {
    expect(await affectedBy(maker, { batches: [cellBatch] })).to.deep.include({
      count: 2,
      others: 0,
      cursor: null,
      byBasis: { batches: 2, serials: 0, serialRanges: 0, partNumbers: 0, vehicles: 0 },
    });
    expect((await affectedBy(maker, { batches: [cellBatch] })).vehicles).to.have.members([vin(1), vin(2)]);
    expect(await affectedBy(authority, { batches: [cellBatch] })).to.include({ count: 2, others: 0 });
    for (const stranger of [cells, packs, rival, workshop]) {
      expect(await affectedBy(stranger, { batches: [cellBatch] })).to.deep.include({
        count: 0,
        others: 2,
        vehicles: [],
      });
      // Nor does naming a vehicle tell whether it is among them.
      const asked = await affectedBy(stranger, { batches: [cellBatch], vehicles: [vin(1)] });
      expect(asked).to.deep.include({ count: 1, others: 2, vehicles: [vin(1)] });
      expect(asked.byBasis).to.deep.include({ batches: 0, vehicles: 1 });
      const other = await affectedBy(stranger, { batches: [cellBatch], vehicles: [vin(3)] });
      expect({ ...other, vehicles: [] }).to.deep.equal({ ...asked, vehicles: [] });
    }
  });

  it('finds by serials, ranges, part numbers with days, and all of them together', async () => {
    const only = async (body: Record<string, unknown>) => (await affectedBy(maker, body)).vehicles.sort();
    expect(await only({ serials: [pack(3)] })).to.deep.equal([vin(3)]);
    const range = (from: string, to: string) => ({
      manufacturerId: 'VOLTA.example',
      from: `P-${mark}-${from}`,
      to: `P-${mark}-${to}`,
    });
    expect(await only({ serialRanges: [range('1', '2')] })).to.deep.equal([vin(1), vin(2)]);
    expect(await only({ serialRanges: [range('3', '9')] })).to.deep.equal([vin(3)]);
    const number = { manufacturerId: 'volta.example', partNumber: `PACK-${mark}` };
    expect(
      await only({ partNumbers: [{ ...number, from: '2026-02-01', until: '2026-02-01' }], all: true }),
    ).to.have.length(3);
    expect(
      await refused(maker, '/v1/recalls/affected', { partNumbers: [{ ...number, from: '2026-02-02' }] }),
    ).to.deep.equal([422, 'recall.matchesNothing']);
    const cellNumber = { manufacturerId: 'cella.example', partNumber: `CELL-${mark}` };
    expect(await only({ partNumbers: [cellNumber] })).to.deep.equal([vin(1), vin(2)]);
    const mixed = await affectedBy(maker, {
      partNumbers: [cellNumber],
      serials: [pack(1), pack(3)],
      all: true,
    });
    expect(mixed.count).to.equal(3);
    expect(mixed.byBasis).to.deep.include({ serials: 2, partNumbers: 2 });
  });

  it('lets those search ranges and part numbers who may open a campaign, one question at a time', async () => {
    const path = '/v1/recalls/affected';
    const serialRanges = [{ manufacturerId: 'volta.example', from: `P-${mark}-1`, to: `P-${mark}-3` }];
    const partNumbers = [{ manufacturerId: 'volta.example', partNumber: `PACK-${mark}` }];
    for (const body of [{ serialRanges }, { partNumbers }]) {
      expect(await refused(workshop, path, body)).to.deep.equal([403, 'auth.forbidden']);
      expect(await affectedBy(authority, body)).to.include({ count: 3, others: 0 });
      const replies = await Promise.all(
        Array.from({ length: 3 }, () => ask(maker, path, { ...body, all: true })),
      );
      const codes = replies.map(({ status, body: { code } }) => code ?? status);
      expect(codes.filter((code) => code === 200).length).to.be.greaterThan(0);
      for (const code of codes) expect(code).to.be.oneOf([200, 'recall.busy']);
    }
    const left = async (body: unknown) =>
      Number(/"lookups"; r=(\d+)/.exec((await ask(maker, path, body)).headers.get('RateLimit') ?? '')?.[1]);
    const before = await left({ batches: [cellBatch] });
    expect(before - (await left({ partNumbers, all: true }))).to.equal(1);
    expect(before - (await left({ serialRanges, all: true }))).to.equal(1_002);
  });

  it('counts vehicles of others by ranges and part numbers only of what the asker made', async () => {
    const serialRanges = [{ manufacturerId: 'volta.example', from: `P-${mark}-1`, to: `P-${mark}-3` }];
    const partNumbers = [{ manufacturerId: 'volta.example', partNumber: `PACK-${mark}` }];
    for (const body of [{ serialRanges }, { partNumbers }]) {
      expect(await affectedBy(packs, body)).to.include({ count: 0, others: 3 });
      for (const stranger of [cells, rival]) {
        expect(await refused(stranger, '/v1/recalls/affected', body)).to.deep.equal([
          422,
          'recall.matchesNothing',
        ]);
      }
      const both = await affectedBy(cells, { ...body, batches: [cellBatch] });
      expect(both).to.include({ count: 0, others: 2 });
    }
  });

  it('takes as many vehicles as it says, and batches beside them', async () => {
    const vehicles = Array.from(
      { length: 50_000 },
      (_, index) => `vin:VF3AAAAAA${String(index).padStart(8, '0')}`,
    );
    const batches = Array.from(
      { length: 2_000 },
      (_, index) => `batch:${'m'.repeat(64)}:${'b'.repeat(59)}${index}`,
    );
    const reply = await ask(maker, '/v1/recalls/affected', { vehicles, batches });
    expect(reply.status, reply.text.slice(0, 300)).to.equal(200);
    expect(reply.body).to.include({ count: 50_000, others: 0 });
    expect(reply.body.vehicles).to.have.length(10_000);
    const more = await ask(maker, '/v1/recalls/affected', { vehicles: [...vehicles, vin(1)] });
    expect(more.body.code).to.equal('request.invalid');
  });

  it('refuses what matches nothing, or everything', async () => {
    expect(
      await refused(maker, '/v1/recalls/affected', { batches: [`batch:nobody.example:${mark}`] }),
    ).to.deep.equal([422, 'recall.matchesNothing']);
    expect(await refused(maker, '/v1/recalls/affected', {})).to.deep.equal([422, 'recall.matchesNothing']);
    expect(
      await refused(maker, '/v1/recalls/affected', { serials: [pack(1), pack(2), pack(3)] }),
    ).to.deep.equal([422, 'recall.matchesEverything']);
    expect(await affectedBy(maker, { serials: [pack(1), pack(2), pack(3)], all: true })).to.include({
      count: 3,
    });
    expect(await refused(maker, '/v1/recalls/affected', { batches: [pack(1)] })).to.deep.equal([
      422,
      'request.invalid',
    ]);
    expect(await refused(null, '/v1/recalls/affected', { batches: [cellBatch] })).to.deep.equal([
      401,
      'auth.required',
    ]);
    expect(await refused(null, '/v1/traces', { identifier: vin(1), direction: 'down' })).to.deep.equal([
      401,
      'auth.required',
    ]);
  });

  it('keeps to what was mounted at a time, and lets the workshop know what it mounted', async () => {
    const seen = `serial:volta.example:W-${mark}`;
    await state(packs, seen, partProduced({ parts: [{ component: 'tractionBattery', part: cellBatch }] }));
    const place = { component: 'tractionBattery', position: 'HV' } as const;
    await state(workshop, vin(3), {
      kind: 'part.removed',
      time: '2026-05-01',
      data: { ...place, reason: 'defect' },
      sealed: {},
    });
    await state(workshop, vin(3), {
      kind: 'part.mounted',
      time: '2026-05-02',
      data: { ...place, part: seen },
      sealed: {},
    });
    const at = async (time: string) =>
      (await affectedBy(maker, { serials: [pack(3), seen], at: time, all: true })).byBasis.serials;
    expect([await at('2026-04-30'), await at('2026-05-03')]).to.deep.equal([1, 1]);
    expect(
      await refused(maker, '/v1/recalls/affected', { serials: [pack(3)], at: '2026-05-01' }),
    ).to.deep.equal([422, 'recall.matchesNothing']);
    expect((await affectedBy(maker, { serials: [pack(3)] })).vehicles).to.deep.equal([vin(3)]);
    const known = await affectedBy(workshop, { batches: [cellBatch] });
    expect(known).to.deep.include({ count: 1, others: 2, vehicles: [vin(3)] });
  });

  it('lets what was sealed answer its attester alone', async () => {
    const car = `van:rival.example:R-${mark}`;
    const part = `serial:volta.example:Z-${mark}`;
    await state(packs, part, {
      ...partProduced({ parts: [{ component: 'tractionBattery', part: cellBatch }] }),
      sealed: {
        usedIn: {
          customers: ['rival.example'],
          parents: [{ identifier: car, source: 'urn:uuid:1', partner: 'rival.example' }],
        },
      },
    } as never);
    const own = await traceOf(packs, part, 'up');
    expect(own.names).to.have.members([part, car]);
    expect(own.edges[0]).to.include({ sealed: true });
    for (const stranger of [cells, maker, rival, workshop, authority]) {
      expect((await traceOf(stranger, part, 'up')).names).to.deep.equal([part]);
    }
  });

  it('takes safety parts from their actions on the ledger, also before anything else is said of the vehicle', async () => {
    const part = new SafetyPart(test);
    const vehicle = targetOf(test, vin(9));
    await part.act(packs, 'safetyPart.registered');
    await part.act(workshop, 'safetyPart.mounted', { vehicle });
    const serials = [part.name];
    await state(maker, vin(9), built([]));
    expect((await affectedBy(maker, { serials })).vehicles).to.deep.equal([vin(9)]);
    await part.act(workshop, 'safetyPart.removed', { vehicle });
    const { edges } = await traceOf(workshop, vin(9), 'down');
    expect(edges).to.have.length(1);
    expect(edges[0]).to.include({ relation: 'mounted' }).and.to.have.property('until');
  });

  it('names no vehicle because of an action on its pseudonym whose content was not handed in here', async () => {
    const part = new SafetyPart(test);
    const [own, theirs] = [targetOf(test, vin(11)), targetOf(test, vin(1))];
    await state(workshop, vin(11), {
      kind: 'odometer',
      time: '2026-01-01',
      data: { odometer: { value: 1, unit: 'KMT', source: 'workshop' } },
    });
    await part.act(packs, 'safetyPart.registered');
    const { action } = await part.act(workshop, 'safetyPart.mounted', { vehicle: own });
    await part.act(workshop, 'safetyPart.removed', { vehicle: own });
    // The digest of what it handed in of its own car, on the pseudonym of another.
    const change = { digest: action.digest, vehicle: theirs.subject };
    const signed = part.sign(workshop, 'safetyPart.mounted', { vehicle: theirs, change });
    const chain = new ChainAccounts(test);
    const { parts } = test.service.services.deployment;
    const values = [signed.action, workshop.signer, toHex(fromBase64Url(signed.request.signature))];
    const { block } = await chain.send('deployer', ['Parts', parts], 'execute', values, {
      gasLimit: 2_000_000,
    });
    await test.until(() => test.service.services.pipeline.progress().indexedBlock >= block);
    chain.stop();
    expect((await traceOf(workshop, part.name, 'up')).names).to.deep.equal([part.name, vin(11)]);
    expect((await affectedBy(workshop, { serials: [part.name] })).vehicles).to.deep.equal([vin(11)]);
  });

  it('names cycles and ends them', async () => {
    const [one, two] = ['A', 'B'].map((letter) => `serial:volta.example:${letter}-${mark}`) as [
      string,
      string,
    ];
    await state(packs, one, partProduced({ parts: [{ component: 'other', part: two }] }));
    await state(packs, two, partProduced({ parts: [{ component: 'other', part: one }] }));
    const { cycles, things, truncated } = await traceOf(packs, one, 'down');
    expect([cycles.length, cycles[0].length, things.length, truncated]).to.deep.equal([1, 2, 2, false]);
  });

  it('takes back what is amended, retracted or erased', async () => {
    const car = vin(7);
    const entry = await state(
      rival,
      car,
      built([{ component: 'tractionBattery', part: cellBatch }], {}, 'rival.example'),
    );
    expect((await affectedBy(rival, { batches: [cellBatch] })).vehicles).to.deep.equal([car]);
    const amend = (data: Record<string, unknown>) =>
      state(rival, car, {
        kind: 'amended',
        time: '2026-06-01',
        data: {
          supersedes: entry.entry.digest,
          kind: 'vehicle.built',
          kindVersion: 1,
          reason: 'typo',
          ...data,
        },
        sealed: {},
      } as never);
    const { data } = built([{ component: 'tractionBattery', part: pack(2) }], {}, 'rival.example');
    const amendment = await amend({ data });
    expect((await affectedBy(rival, { batches: [cellBatch] })).vehicles).to.deep.equal([car]);
    expect(
      (await traceOf(rival, car, 'down')).edges.find(
        ({ relation }: { relation: string }) => relation === 'builtFrom',
      ).digest,
    ).to.equal(amendment.entry.digest);
    await amend({ retracted: true });
    expect(await affectedBy(rival, { batches: [cellBatch] })).to.include({ count: 0, others: 3 });

    const other = vin(8);
    const second = await state(
      rival,
      other,
      built([{ component: 'tractionBattery', part: cellBatch }], {}, 'rival.example'),
    );
    const { store } = test.service.services;
    const counts = async () =>
      (
        await store.query<{ edges: bigint; things: bigint }>(
          'SELECT (SELECT count(*) FROM edges) AS edges, (SELECT count(*) FROM things) AS things',
        )
      )[0];
    expect((await affectedBy(rival, { batches: [cellBatch] })).vehicles).to.deep.equal([other]);
    const before = await counts();
    const target = { entry: second.entry.digest };
    const token = test.service.operatorToken;
    const plan = await test.post('/v1/erasures', { target, basis: 'request', dryRun: true }, { token });
    const done = await test.post(
      '/v1/erasures',
      { target, basis: 'request', dryRun: false, plan: plan.body.plan.id },
      { token },
    );
    expect(done.status, done.text).to.equal(200);
    const after = await counts();
    expect([after?.edges, after?.things]).to.deep.equal([
      (before?.edges ?? 0n) - 1n,
      (before?.things ?? 0n) - 1n,
    ]);
    expect(await affectedBy(rival, { batches: [cellBatch] })).to.include({ count: 0, others: 3 });
  });
});
