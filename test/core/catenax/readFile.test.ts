import { expect } from 'chai';
import { readCatenax } from '../../../core/catenax/readFile.ts';
import { VinculumError } from '../../../core/errors.ts';
import { expectCode } from '../../expectCode.ts';
import { COMPANIES, INVALID, importFile, VALID } from './files.ts';
import { assetOf, batch, bom, ID, jis, serial, usage } from './twins.ts';

const read = (...assets: unknown[]) => readCatenax({ assets });
const codes = (...assets: unknown[]) => read(...assets).problems.map(({ code }) => code);

function refusalOf(work: () => unknown): VinculumError {
  try {
    work();
  } catch (error) {
    if (error instanceof VinculumError) return error;
    throw error;
  }
  throw new Error('Nothing was refused.');
}
const faultsOf = (work: () => unknown) =>
  (refusalOf(work).details.faults as { code: string; at: string }[]).map(({ code, at }) => [code, at]);

describe('readCatenax', () => {
  describe('of the shared data', () => {
    for (const [name, code] of Object.entries(INVALID)) {
      it(`refuses ${name} whole: ${code}`, function () {
        const file = importFile(name);
        if (file === null) this.skip();
        expectCode(code, () => readCatenax(file));
      });
    }

    it('says of a refused file everything that is wrong in it', function () {
      const file = importFile('invalidImportFile.json');
      if (file === null) this.skip();
      expect(faultsOf(() => readCatenax(file))).to.have.deep.members([
        ['catenax.malformed', 'assets[0].assetMetaInfo.catenaXId'],
        ['catenax.malformed', 'assets[0].submodels[0].payload.localIdentifiers'],
        ['catenax.malformed', 'assets[0].submodels[1].aspectType'],
        ['catenax.malformed', 'assets[1].submodels[1].payload.catenaXId'],
        ['catenax.malformed', 'assets[1].submodels[1].payload.childItems'],
        ['catenax.malformed', 'assets[18].submodels'],
      ]);
    });

    it('reads both companies and every valid file; each asset is a twin, or named with why not', function () {
      for (const name of [...COMPANIES, ...VALID]) {
        const file = importFile(name) as { assets: { assetMetaInfo: { catenaXId: string } }[] } | null;
        if (file === null) this.skip();
        const { assets, twins, problems } = readCatenax(file);
        expect(assets.map(({ id }) => id)).to.deep.equal(
          file.assets.map(({ assetMetaInfo }) => assetMetaInfo.catenaXId),
        );
        for (const { at, twin } of assets) {
          const named = problems.some((problem) => problem.at.startsWith(`${at}.`));
          expect(twin !== null || named, `${name} ${at}`).to.equal(true);
        }
        expect(
          problems.every(({ note }) => note === true),
          name,
        ).to.equal(true);
        expect(new Set(twins.map(({ identifier }) => identifier)).size).to.equal(twins.length);
      }
    });

    it('names the aspects that are planned, not built', function () {
      const file = importFile(COMPANIES[0]);
      if (file === null) this.skip();
      const notMapped = readCatenax(file)
        .problems.filter(({ code }) => code === 'catenax.notMapped')
        .map(({ detail }) => detail);
      for (const aspect of [
        'PartAsPlanned 2.0.0',
        'SingleLevelBomAsPlanned 3.0.0',
        'PartSiteInformationAsPlanned 1.0.0',
      ]) {
        expect(notMapped).to.include(aspect);
      }
    });
  });

  for (const generation of [3, 4] as const) {
    describe(`of generation ${generation}`, () => {
      it('tells vehicles, parts, batches and sequenced parts by their numbers within the maker’s part number', () => {
        const { twins, problems } = read(
          assetOf(1, serial(generation, 1, { van: 'OMA/1', partInstanceId: 'OMA/1' })),
          assetOf(2, serial(generation, 2, { partInstanceId: 'NO 1', batchId: 'L-7' })),
          assetOf(3, batch(generation, 3, { batchId: 'L/7' })),
          assetOf(
            4,
            jis(generation, 4, { jisNumber: '123', jisCallDate: '2024-05-01', parentOrderNumber: 'P1' }),
          ),
        );
        expect(problems).to.deep.equal([]);
        expect(twins.map(({ type, identifier }) => [type, identifier])).to.deep.equal([
          ['vehicle', 'van:bpnl00000003cml1:OMA/1'],
          ['serial', 'serial:bpnl00000003cml1:P-1/NO%201'],
          ['batch', 'batch:bpnl00000003cml1:P-1/L%2F7'],
          ['serial', 'serial:bpnl00000003cml1:P-1/123/2024-05-01'],
        ]);
        expect(twins.map(({ others }) => others)).to.deep.equal([
          [],
          [],
          [],
          [
            { key: 'jisCallDate', value: '2024-05-01' },
            { key: 'parentOrderNumber', value: 'P1' },
          ],
        ]);
        expect(twins[1]?.batch).to.equal('batch:bpnl00000003cml1:P-1/L-7');
        expect(new Set(twins.map((twin) => twin.generation))).to.deep.equal(new Set([generation]));
      });

      it('reads the same of either generation, but for the time of day', () => {
        const both = [3, 4].map((one) => {
          const at = one as 3 | 4;
          const [twin] = read(
            assetOf(
              1,
              serial(at, 1, { partInstanceId: 'A' }, { site: 'BPNS0000000000A1' }),
              bom(at, 1, [{ id: ID(2), quantity: { value: 0.5, unit: 'unit:kilogram' } }]),
              usage(at, 1, ['BPNL00000003CNKC'], [{ id: ID(3) }]),
            ),
          ).twins;
          return { ...twin, generation: 0, madeOn: twin?.madeOn.slice(0, 10) };
        });
        expect(both[0]).to.deep.equal(both[1]);
      });
    });
  }

  it('takes the twin’s id from the aspect where the asset says none, in one form', () => {
    const upper = '6B2296CC-26C0-4F38-8A22-092338C36E22';
    const [twin] = read({ submodels: [serial(3, upper, { partInstanceId: 'A' })] }).twins;
    expect(twin?.id).to.equal(`urn:uuid:${upper.toLowerCase()}`);
  });

  it('takes the newest where a file carries an aspect in several versions, and names the other', () => {
    const { twins, problems } = read(
      assetOf(1, serial(4, 1, { partInstanceId: 'A' }), serial(3, 1, { partInstanceId: 'A' })),
    );
    expect(twins.map(({ generation }) => generation)).to.deep.equal([4]);
    expect(problems.map(({ code, at }) => [code, at])).to.deep.equal([
      ['catenax.notMapped', 'assets[0].submodels[1]'],
    ]);
  });

  it('takes a vehicle by another identifier from the custom key of an export, and nothing that does not fit', () => {
    const own = { 3: 'customKey:vinculum', 4: 'customKey' } as const;
    const value = { 3: 'vin:1M8GDM9AXKP042788', 4: 'vinculum:vin:1M8GDM9AXKP042788' } as const;
    for (const generation of [3, 4] as const) {
      const { twins } = read(
        assetOf(1, serial(generation, 1, { partInstanceId: 'X', [own[generation]]: value[generation] })),
      );
      expect(twins.map(({ type, identifier }) => [type, identifier])).to.deep.equal([
        ['vehicle', 'vin:1M8GDM9AXKP042788'],
      ]);
    }
    const asset = assetOf(1, batch(3, 1, { batchId: 'B', 'customKey:vinculum': 'vin:1M8GDM9AXKP042788' }));
    expect(codes(asset)).to.deep.equal(['catenax.identifier']);
  });

  describe('names and leaves out', () => {
    for (const [why, code, ...submodels] of [
      [
        'an aspect of another twin',
        'catenax.otherId',
        serial(3, 1, { partInstanceId: 'A' }),
        jis(3, 9, { jisNumber: '1' }),
      ],
      [
        'a second description',
        'catenax.notMapped',
        serial(3, 1, { partInstanceId: 'A' }),
        jis(3, 1, { jisNumber: '1' }),
      ],
      ['a bill of materials of nothing', 'catenax.notMapped', bom(3, 1, [])],
      [
        'a version that is not mapped',
        'catenax.notMapped',
        { ...serial(3, 1, {}), aspectType: 'urn:samm:io.catenax.serial_part:2.0.0#SerialPart' },
      ],
      [
        'a member that the model does not have',
        'catenax.notMapped',
        serial(3, 1, { partInstanceId: 'A' }, {}, { classification: 'component' }),
      ],
      [
        'a part without its maker',
        'catenax.noMaker',
        serial(3, 1, { manufacturerId: undefined, partInstanceId: 'A' }),
      ],
      ['a part without a number', 'catenax.noNumber', serial(3, 1, {})],
      [
        'a maker that is none',
        'identifier.scope',
        serial(3, 1, { manufacturerId: 'A B', partInstanceId: 'A' }),
      ],
      ['a number that is too long', 'identifier.value', serial(3, 1, { partInstanceId: 'A'.repeat(65) })],
    ] as const) {
      it(`${why}: ${code}`, () => expect(codes(assetOf(1, ...submodels))).to.deep.equal([code]));
    }

    it('a battery that is said to be in itself, and still takes it', () => {
      const code = 'X12MCPM27KLPCLX2M2382320';
      const payload = {
        tractionBatteryCode: code,
        productType: 'pack',
        subcomponents: [{ tractionBatteryCode: code, productType: 'module' }],
      };
      const aspectType = 'urn:bamm:io.catenax.traction_battery_code:1.0.0#TractionBatteryCode';
      const { twins, problems } = read(
        assetOf(1, serial(3, 1, { partInstanceId: 'A' }), { aspectType, payload }),
      );
      expect(problems.map(({ code: problem, note }) => [problem, note])).to.deep.equal([['bom.cycle', true]]);
      expect(twins[0]?.battery).to.deep.equal(payload);
    });
  });

  describe('refuses the whole file for', () => {
    const good = assetOf(9, serial(3, 9, { partInstanceId: 'good' }));
    for (const [why, code, asset] of [
      [
        'a date without its zone',
        'catenax.malformed',
        assetOf(1, serial(3, 1, {}, { date: '2022-02-04T14:48:54' })),
      ],
      ['a day that is none', 'catenax.malformed', assetOf(1, serial(3, 1, {}, { date: '2022-02-30' }))],
      [
        'a time of day in generation 4',
        'catenax.malformed',
        assetOf(1, serial(4, 1, {}, { date: '2022-02-04T14:48:54Z' })),
      ],
      [
        'ids by the other generation’s name',
        'catenax.malformed',
        assetOf(1, { ...serial(3, 1, {}), aspectType: serial(4, 1, {}).aspectType }),
      ],
      [
        'a partner that is none',
        'catenax.malformed',
        assetOf(1, bom(3, 1, [{ id: ID(2), partner: 'BPNS00000003CNKC' }])),
      ],
      [
        'a fraction of a piece',
        'quantity.invalid',
        assetOf(
          1,
          serial(3, 1, { partInstanceId: 'A' }),
          bom(3, 1, [{ id: ID(2), quantity: { value: 0.5, unit: 'unit:piece' } }]),
        ),
      ],
      [
        'less than nothing',
        'quantity.invalid',
        assetOf(
          1,
          serial(3, 1, { partInstanceId: 'A' }),
          bom(3, 1, [{ id: ID(2), quantity: { value: -1, unit: 'unit:gram' } }]),
        ),
      ],
      [
        'two serial numbers of one part',
        'catenax.malformed',
        assetOf(1, {
          ...serial(3, 1, {}),
          payload: {
            ...serial(3, 1, {}).payload,
            localIdentifiers: [
              { key: 'manufacturerId', value: 'M' },
              { key: 'partInstanceId', value: 'A' },
              { key: 'partInstanceId', value: 'B' },
            ],
          },
        }),
      ],
      [
        'an aspect of another vocabulary',
        'catenax.unknownAspect',
        assetOf(1, { aspectType: 'urn:samm:org.example.part:1.0.0#Part', payload: {} }),
      ],
      ['an asset without any aspect', 'catenax.malformed', assetOf(1)],
      ['an asset that is none', 'catenax.malformed', 'asset'],
      ['one twin twice', 'catenax.duplicateAsset', assetOf(9, serial(3, 9, { partInstanceId: 'other' }))],
      [
        'two twins under one number',
        'catenax.sameNumber',
        assetOf(1, serial(3, 1, { partInstanceId: 'good' })),
      ],
    ] as const) {
      it(`${why}: ${code}`, () => expectCode(code, () => read(good, asset)));
    }

    for (const value of [null, 1, 'x', [], {}, { assets: {} }, { assets: [null] }] as const) {
      it(`${JSON.stringify(value)}`, () => expectCode('catenax.malformed', () => readCatenax(value)));
    }

    it('what a hostile partner writes, without letting it steer a terminal', () => {
      const asset = assetOf(1, { aspectType: 'urn:\u001b[2J\u202e', payload: {} });
      const { message, details } = refusalOf(() => read(asset));
      expect(message + JSON.stringify(details)).to.not.match(/[\p{Cc}\p{Cf}]/u);
    });
  });
});
