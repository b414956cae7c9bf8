import { expect } from 'chai';
import fc from 'fast-check';
import { mapTwins } from '../../../core/catenax/mapTwins.ts';
import { decimalOf, readCatenax, utc } from '../../../core/catenax/readFile.ts';
import { isVinculumError } from '../../../core/errors.ts';
import type { KindData } from '../../../core/kinds/kinds.ts';
import { affectedVehicles, buildGraph, cyclesOf, walkDown } from '../../../core/supply/graph.ts';
import type { Statement } from '../../../core/supply/statement.ts';
import { expectCode } from '../../expectCode.ts';
import { affectedByRawLinks, anyAssets, type RawFile } from './anyTwins.ts';
import { COMPANIES, importFile, SUPPLIER, VALID, verificationOf } from './files.ts';
import { assetOf, batch, bom, ID, MAKER, PARTNER, serial, usage } from './twins.ts';

const twinsOf = (...assets: unknown[]) => readCatenax({ assets }).twins;
const map = (...assets: unknown[]) => mapTwins(twinsOf(...assets));
const dataOf = <Name extends 'vehicle.built' | 'part.produced' | 'batch.produced'>(
  statement: Statement | undefined,
): KindData<Name> => statement?.content.data as KindData<Name>;

describe('mapTwins', () => {
  describe('of the shared data', () => {
    const files = (names: readonly string[]): RawFile[] | null => {
      const read = names.map((name) => importFile(name) as RawFile | null);
      return read.includes(null) ? null : (read as RawFile[]);
    };
    const twins = (raw: readonly RawFile[]) => raw.flatMap((file) => readCatenax(file).twins);

    it('says of every twin that it was made, in entries that can be written', function () {
      for (const name of [...COMPANIES, ...VALID]) {
        const raw = files([name]);
        if (raw === null) this.skip();
        const own = twins(raw);
        const { statements, problems } = mapTwins(own);
        expect(statements.map(({ identifier }) => identifier)).to.deep.equal(
          own.map(({ identifier }) => identifier),
        );
        expect(problems.every(({ note }) => note === true)).to.equal(true);
        // Composed, encrypted, opened and validated again.
        for (const statement of statements) {
          expect(verificationOf(statement).entries[0]?.envelope?.kind).to.equal(statement.content.kind);
        }
      }
    });

    it('links both companies and their supplier in one graph, with no cycle', function () {
      const raw = files([...COMPANIES, SUPPLIER]);
      if (raw === null) this.skip();
      const graph = buildGraph(mapTwins(twins(raw)).edges);
      expect(cyclesOf(graph)).to.deep.equal([]);
      // One door of the supplier, which both companies name by its id, is in a vehicle of each.
      const door = 'serial:bpnl00000003axs3:22782277-50/NO-313869652971440618042264';
      expect(affectedVehicles(graph, [door])).to.deep.equal([
        'van:bpnl000000002br4:OMAOYGBDTSRCMYSCX',
        'van:bpnl00000003cml1:OMAOYGBDTSRCMYSCX',
      ]);
    });

    for (const names of [
      [COMPANIES[0]],
      [COMPANIES[1]],
      [...COMPANIES],
      [COMPANIES[0], SUPPLIER],
      [...COMPANIES, SUPPLIER],
    ]) {
      it(`reaches from each thing exactly the vehicles that the parent links say: ${names.join(', ')}`, function () {
        const raw = files(names);
        if (raw === null) this.skip();
        const graph = buildGraph(mapTwins(twins(raw)).edges);
        const expected = affectedByRawLinks(raw);
        expect(expected.size).to.equal(twins(raw).length);
        for (const [identifier, vehicles] of expected) {
          expect(affectedVehicles(graph, [identifier]), identifier).to.deep.equal(vehicles);
        }
      });
    }

    it('reaches one vehicle of each company from the batch that went into its battery module', function () {
      const raw = files(COMPANIES);
      if (raw === null) this.skip();
      const graph = buildGraph(mapTwins(twins(raw)).edges);
      for (const maker of ['bpnl00000003cml1', 'bpnl000000002br4']) {
        expect(affectedVehicles(graph, [`batch:${maker}:123-0.740-3434-A/BID12345678`])).to.deep.equal([
          `van:${maker}:OMAOYGBDTSRCMYSCX`,
        ]);
      }
      // Batches that nobody built in reach nothing.
      expect(
        affectedVehicles(graph, ['batch:bpnl00000003cml1:9858559-85/NO-341449848714937445621543']),
      ).to.deep.equal([]);
    });

    it('names each tier that nobody handed on, and not when its company does', function () {
      const [company, supplier] = [files([COMPANIES[0]]), files([SUPPLIER])];
      if (company === null || supplier === null) this.skip();
      const missing = (known: readonly RawFile[]) =>
        mapTwins(twins(company), { known: twins(known) })
          .problems.filter(({ code }) => code === 'bom.missing')
          .map(({ detail }) => detail);
      expect(missing([])).to.have.length(4);
      expect(missing([])[0]).to.include('notDelivered').and.to.include('BPNL00000003CNKC');
      expect(missing(supplier)).to.deep.equal([]);
      const vehicle = mapTwins(twins(company)).statements[0];
      expect(dataOf<'vehicle.built'>(vehicle).missing).to.deep.equal([
        { component: 'other', supplier: 'BPNL00000003CNKC', reason: 'notDelivered' },
      ]);
    });
  });

  it('keeps what the maker knows of its own public, and seals the customer’s and the lines', () => {
    const { statements } = map(
      assetOf(
        1,
        serial(3, 1, { partInstanceId: 'A', 'customKey:line': '7' }, { site: 'BPNS0000000000A1' }),
        bom(3, 1, [{ id: ID(2), quantity: { value: 1.5, unit: 'unit:kilogram' } }]),
        usage(3, 1, [PARTNER], [{ id: ID(7), alternatives: true }]),
      ),
      assetOf(2, batch(3, 2, { batchId: 'B' })),
    );
    const related = {
      partner: PARTNER,
      createdOn: '2024-05-06T07:08:09.709Z',
      lastModifiedOn: '2024-05-06T07:08:10Z',
    };
    expect(statements[0]).to.deep.equal({
      identifier: 'serial:bpnl00000003cml1:P-1/A',
      source: { system: 'catenax', id: ID(1), of: MAKER },
      content: {
        kind: 'part.produced',
        kindVersion: 1,
        time: '2024-05-06T07:08:09Z',
        data: {
          bizStep: 'commissioning',
          manufacturerId: MAKER,
          manufacturerPartId: 'P-1',
          partInstanceId: 'A',
          nameAtManufacturer: 'Door',
          plant: 'BPNS0000000000A1',
          country: 'DEU',
          productionDate: '2024-05-06',
          partClassification: [{ standard: 'GIN', id: '1' }],
          parts: [{ component: 'other', part: 'batch:bpnl00000003cml1:P-1/B' }],
        },
        sealed: {
          customerPartId: 'C-1',
          nameAtCustomer: 'Door left',
          localIdentifiers: [{ key: 'customKey:line', value: '7' }],
          bom: [
            {
              identifier: 'batch:bpnl00000003cml1:P-1/B',
              source: ID(2),
              ...related,
              quantity: { value: '1.5', unit: 'KGM' },
            },
          ],
          usedIn: {
            customers: [PARTNER],
            parents: [
              { source: ID(7), ...related, quantity: { value: '1', unit: 'H87' }, hasAlternatives: true },
            ],
          },
        },
      },
    });
    const { kind, data } = statements[1]?.content ?? {};
    expect([kind, data?.batchId, data?.manufacturerPartId]).to.deep.equal(['batch.produced', 'B', 'P-1']);
  });

  it('adds to a bill of materials what its own maker says is in it, and no other company', () => {
    const vehicle = assetOf(1, serial(3, 1, { van: 'V' }), bom(3, 1, [{ id: ID(2) }]));
    const listed = assetOf(2, serial(3, 2, { partInstanceId: 'A' }), usage(3, 2, [MAKER], [{ id: ID(1) }]));
    const unlisted = assetOf(3, serial(3, 3, { partInstanceId: 'B' }), usage(3, 3, [MAKER], [{ id: ID(1) }]));
    const foreign = assetOf(
      4,
      serial(3, 4, { manufacturerId: PARTNER, partInstanceId: 'C' }),
      usage(3, 4, [MAKER], [{ id: ID(1) }]),
    );
    const own = twinsOf(vehicle, listed, unlisted);
    const { statements, edges } = mapTwins(own, { known: twinsOf(foreign) });
    const parts = dataOf<'vehicle.built'>(statements[0]).parts ?? [];
    expect(parts.map(({ part }) => part)).to.deep.equal([
      'serial:bpnl00000003cml1:P-1/A',
      'serial:bpnl00000003cml1:P-1/B',
    ]);
    // What the supplier says is known all the same.
    expect(affectedVehicles(buildGraph(edges), ['serial:bpnl00000003cnkc:P-1/C'])).to.deep.equal([
      'van:bpnl00000003cml1:V',
    ]);
    expect(statements).to.have.length(3);
  });

  it('takes a part to be in its batch, and the batch’s vehicles to be the part’s', () => {
    const { statements, edges } = map(
      assetOf(1, serial(3, 1, { van: 'V' }), bom(3, 1, [{ id: ID(2) }])),
      assetOf(2, serial(3, 2, { partInstanceId: 'A', batchId: 'L' })),
      assetOf(3, batch(3, 3, { batchId: 'L' })),
    );
    expect(dataOf<'vehicle.built'>(statements[0]).parts).to.deep.equal([
      { component: 'other', part: 'serial:bpnl00000003cml1:P-1/A', batch: 'batch:bpnl00000003cml1:P-1/L' },
    ]);
    const graph = buildGraph(edges);
    expect(affectedVehicles(graph, ['batch:bpnl00000003cml1:P-1/L'])).to.deep.equal([
      'van:bpnl00000003cml1:V',
    ]);
    expect(walkDown(graph, ['van:bpnl00000003cml1:V']).map(({ thing }) => thing)).to.include(
      'batch:bpnl00000003cml1:P-1/L',
    );
  });

  describe('where an id stands for twins of two companies', () => {
    const own = (partner: string) =>
      twinsOf(assetOf(1, serial(3, 1, { van: 'V' }), bom(3, 1, [{ id: ID(2), partner }])));
    const of = (maker: string) =>
      twinsOf(assetOf(2, serial(3, 2, { manufacturerId: maker, partInstanceId: 'A' })));
    const both = [...of('BPNL000000000AAA'), ...of('BPNL000000000BBB')];

    it('takes the one of the partner that is named', () => {
      const { statements, problems } = mapTwins(own('BPNL000000000BBB'), { known: both });
      expect(dataOf<'vehicle.built'>(statements[0]).parts).to.deep.equal([
        { component: 'other', part: 'serial:bpnl000000000bbb:P-1/A' },
      ]);
      expect(problems).to.deep.equal([]);
    });

    it('takes both as possible where it can’t be told, and names it', () => {
      const { statements, problems } = mapTwins(own('BPNL000000000CCC'), { known: both });
      expect(
        dataOf<'vehicle.built'>(statements[0]).parts?.map(({ part, hasAlternatives }) => [
          part,
          hasAlternatives,
        ]),
      ).to.deep.equal([
        ['serial:bpnl000000000aaa:P-1/A', true],
        ['serial:bpnl000000000bbb:P-1/A', true],
      ]);
      expect(problems.map(({ code }) => code)).to.deep.equal(['catenax.ambiguous']);
    });

    it('names it where one of them is ours', () => {
      const { problems } = mapTwins(of('BPNL000000000AAA'), { known: of('BPNL000000000BBB') });
      expect(problems.map(({ code }) => code)).to.deep.equal(['catenax.sameId']);
    });
  });

  describe('names', () => {
    it('a batch that is made of single parts, and a vehicle in another: in the sealed lines only', () => {
      const { statements, problems } = map(
        assetOf(1, batch(3, 1, { batchId: 'B' }), bom(3, 1, [{ id: ID(2) }])),
        assetOf(2, serial(3, 2, { partInstanceId: 'A' }), bom(3, 2, [{ id: ID(3) }])),
        assetOf(3, serial(3, 3, { van: 'V' })),
      );
      expect(problems.map(({ code }) => code)).to.deep.equal(['catenax.notMapped', 'catenax.notMapped']);
      expect(dataOf<'batch.produced'>(statements[0]).inputs).to.equal(undefined);
      expect(statements[0]?.content.sealed?.bom).to.have.length(1);
    });

    it('what its kind does not allow, and leaves that twin alone out', () => {
      const { statements, problems } = map(
        assetOf(1, serial(3, 1, { partInstanceId: 'A' }, {}, { nameAtManufacturer: 'x'.repeat(201) })),
        assetOf(2, serial(3, 2, { partInstanceId: 'B' })),
      );
      expect(statements.map(({ identifier }) => identifier)).to.deep.equal(['serial:bpnl00000003cml1:P-1/B']);
      expect(problems.map(({ code, at, note }) => [code, at, note])).to.deep.equal([
        ['kind.invalidData', 'assets[0]', undefined],
      ]);
    });

    it('a twin that is in two files', () => {
      const one = twinsOf(assetOf(1, serial(3, 1, { partInstanceId: 'A' })));
      const { statements, problems } = mapTwins([...one, ...one]);
      expect(statements).to.have.length(1);
      expect(problems.map(({ code }) => code)).to.deep.equal(['import.duplicate']);
    });
  });

  describe('refuses', () => {
    const part = (number: number, inIt: readonly number[], maker = MAKER) =>
      assetOf(
        number,
        serial(3, number, { manufacturerId: maker, partInstanceId: String(number) }),
        bom(
          3,
          number,
          inIt.map((id) => ({ id: ID(id) })),
        ),
      );

    it('parts that are in each other, or in themselves', () => {
      expectCode('bom.cycle', () => map(part(1, [2]), part(2, [3]), part(3, [1])));
      expectCode('bom.cycle', () => map(part(1, [1])));
    });

    it('not a cycle that closes through another company: it is named', () => {
      const { statements, problems } = mapTwins(twinsOf(part(1, [2])), {
        known: twinsOf(part(2, [1], PARTNER)),
      });
      expect(statements).to.have.length(1);
      expect(problems.map(({ code }) => code)).to.include('bom.cycle');
    });

    it('two twins under one number, of two files', () => {
      const [a, b] = [1, 2].map((id) => twinsOf(assetOf(id, serial(3, id, { partInstanceId: 'A' })))) as [
        never[],
        never[],
      ];
      expectCode('catenax.sameNumber', () => mapTwins([...a, ...b]));
    });
  });

  describe('of any twins', () => {
    it('links exactly what their own words link, and says it in the entries', () => {
      fc.assert(
        fc.property(anyAssets(3), (assets) => {
          const raw: RawFile = { assets };
          const own = readCatenax(raw).twins;
          const { statements, edges } = mapTwins(own);
          const graph = buildGraph(edges);
          for (const [identifier, vehicles] of affectedByRawLinks([raw])) {
            expect(affectedVehicles(graph, [identifier])).to.deep.equal(vehicles);
          }
          // Whoever reads the entries alone comes to the same graph.
          const fromEntries = buildGraph(statements.flatMap(edgesOfEntry));
          for (const { identifier } of own) {
            expect(affectedVehicles(fromEntries, [identifier])).to.deep.equal(
              affectedVehicles(graph, [identifier]),
            );
          }
        }),
      );
    });

    it('answers a file with one member replaced by garbage with a VinculumError, or with what can be written', () => {
      const garbage = fc.oneof(
        fc.jsonValue(),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\ud800', '__proto__', '/'.repeat(99), '2024-13-45', -0, 1e308, [[]], {
          ['__proto__']: 1,
        }),
      );
      fc.assert(
        fc.property(anyAssets(4), fc.nat(), garbage, (assets, place, value) => {
          const places: [Record<string, unknown>, string][] = [];
          const visit = (part: unknown): void => {
            if (typeof part !== 'object' || part === null) return;
            for (const [name, member] of Object.entries(part)) {
              places.push([part as Record<string, unknown>, name]);
              visit(member);
            }
          };
          const copy = JSON.parse(JSON.stringify({ assets })) as unknown;
          visit(copy);
          const [part, name] = places[place % places.length] ?? [];
          if (part !== undefined && name !== undefined) part[name] = value;
          let statements: readonly Statement[] = [];
          try {
            statements = mapTwins(readCatenax(copy).twins).statements;
          } catch (error) {
            if (!isVinculumError(error)) throw error;
          }
          for (const statement of statements) verificationOf(statement);
        }),
        { numRuns: 1000 },
      );
    });

    it('reads generation 4 as it reads generation 3', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
          const [three, four] = ([3, 4] as const).map((generation) => {
            const [assets = []] = fc.sample(anyAssets(generation), { seed, numRuns: 1 });
            return mapTwins(readCatenax({ assets }).twins).statements.map(({ identifier, content }) => ({
              identifier,
              content: { ...content, time: content.time.slice(0, 10) },
            }));
          });
          expect(four).to.deep.equal(three);
        }),
      );
    });
  });

  it('writes times in UTC and amounts as decimals', () => {
    expect(
      ['2024-05-06', '2024-05-06T23:30:00-02:00', '2024-05-06T07:08:09.999', '2024-05-06T24:00:00Z'].map(utc),
    ).to.deep.equal(['2024-05-06', '2024-05-07T01:30:00Z', '2024-05-06T07:08:09Z', '2024-05-07T00:00:00Z']);
    expect(
      [0, -0, 1, 0.1, 1e-7, 1e15, -1, Number.NaN, Number.POSITIVE_INFINITY].map(decimalOf),
    ).to.deep.equal(['0', '0', '1', '0.1', '0.0000001', null, null, null, null]);
  });
});

/** The edges that an entry states, for whoever may see what is sealed. */
function edgesOfEntry({ identifier, content, source }: Statement) {
  type Related = { identifier?: string };
  const {
    parts = [],
    inputs = [],
    batch,
  } = content.data as {
    parts?: { part: string }[];
    inputs?: { batch: string }[];
    batch?: string;
  };
  const { bom = [], usedIn } = (content.sealed ?? {}) as { bom?: Related[]; usedIn?: { parents: Related[] } };
  const below = [
    ...parts.map(({ part }) => part),
    ...inputs.map((input) => input.batch),
    ...bom.map((line) => line.identifier),
  ];
  const above = (usedIn?.parents ?? []).map((line) => line.identifier);
  const link = (parent: string | undefined, child: string | undefined) =>
    parent === undefined || child === undefined
      ? []
      : [{ parent, child, relation: 'builtFrom' as const, source }];
  return [
    ...below.flatMap((child) => link(identifier, child)),
    ...above.flatMap((parent) => link(parent, identifier)),
    ...(batch === undefined
      ? []
      : [{ parent: batch, child: identifier, relation: 'memberOf' as const, source }]),
  ];
}
