import { expect } from 'chai';
import fc from 'fast-check';
import { aspectSchemas, type Generation, parseAspectType } from '../../../core/catenax/aspects.ts';
import { type CatenaxExportOptions, exportCatenax } from '../../../core/catenax/exportReport.ts';
import { mapTwins } from '../../../core/catenax/mapTwins.ts';
import { readCatenax } from '../../../core/catenax/readFile.ts';
import { derivedId } from '../../../core/catenax/twin.ts';
import type { Content } from '../../../core/envelope/envelope.ts';
import { kinds } from '../../../core/kinds/kinds.ts';
import type { Statement } from '../../../core/supply/statement.ts';
import { expectCode } from '../../expectCode.ts';
import { anyAssets } from './anyTwins.ts';
import { COMPANIES, importFile, SUPPLIER, verificationOf } from './files.ts';
import { assetOf, batch, bom, ID, jis, MAKER, serial, usage } from './twins.ts';

type Fields = Record<string, unknown>;
type Asset = { assetMetaInfo: { catenaXId: string }; submodels: { aspectType: string; payload: Fields }[] };

const statementsOf = (assets: readonly unknown[]) => mapTwins(readCatenax({ assets }).twins).statements;
const exported = (statement: Statement, options: CatenaxExportOptions = {}, opened = true) =>
  exportCatenax(verificationOf(statement, { opened }), options);
const assetsOf = (statements: readonly Statement[], generation: Generation): Asset[] =>
  statements.flatMap((statement) => exported(statement, { generation }).file.assets as unknown as Asset[]);
const aspect = (asset: Asset | undefined, name: string): Fields | undefined =>
  asset?.submodels.find(({ aspectType }) => aspectType.endsWith(`#${name}`))?.payload;

const linesOf = (asset: Asset | undefined): Fields[] =>
  (aspect(asset, 'SingleLevelBomAsBuilt')?.childItems ?? []) as Fields[];

const statement = (identifier: string, content: Content): Statement => ({
  identifier,
  content,
  source: { system: 'csv', id: 'row-1' },
});
const example = (kind: 'vehicle.built' | 'part.produced' | 'batch.produced', time = '2024-03-12'): Content =>
  ({ kind, time, ...kinds[kind].example }) as unknown as Content;
const PARTNERS = {
  'volta.example': 'BPNL00000000VOLT',
  'safir.example': 'BPNL0000000SAFIR',
  'cella.example': 'BPNL0000000CELLA',
  'kunlun.example': 'BPNL000000KUNLUN',
};

/** What cannot be said of what is written, in either generation. */
function expectValid(assets: readonly Asset[], generation: Generation): void {
  for (const { submodels } of assets) {
    for (const { aspectType, payload } of submodels) {
      const mapped = parseAspectType(aspectType)?.mapped;
      if (mapped === null || mapped === undefined) throw new Error(`${aspectType} is not mapped.`);
      expect(mapped.name === 'TractionBatteryCode' ? generation : mapped.generation).to.equal(generation);
      expect(aspectSchemas[mapped.name][generation].safeParse(payload).success, aspectType).to.equal(true);
    }
  }
}

describe('exportCatenax', () => {
  for (const generation of [3, 4] as const) {
    describe(`to generation ${generation}`, () => {
      it('writes the twins of the shared data so that they say the same when they are read again', function () {
        const files = [...COMPANIES, SUPPLIER].map(importFile);
        if (files.includes(null)) this.skip();
        for (const file of files) {
          const { statements } = mapTwins(readCatenax(file).twins);
          const once = assetsOf(statements, generation);
          expectValid(once, generation);
          const again = statementsOf(once);
          const day = ({ identifier, content }: Statement) => ({
            identifier,
            content: { ...content, time: generation === 3 ? content.time : content.time.slice(0, 10) },
          });
          // Of a SerialPart generation 4 demands the customer’s names: a vehicle has none, and its maker’s stand in.
          const withoutNames = (one: ReturnType<typeof day>) => {
            const { customerPartId: _, nameAtCustomer: __, ...sealed } = one.content.sealed ?? {};
            return { ...one, content: { ...one.content, sealed } };
          };
          expect(again.map(day).map(withoutNames)).to.deep.equal(statements.map(day).map(withoutNames));
          expect(assetsOf(again, generation)).to.deep.equal(once);
        }
      });

      it('writes any twins so, again and again', () => {
        fc.assert(
          fc.property(anyAssets(generation), (assets) => {
            const once = assetsOf(statementsOf(assets), generation);
            expectValid(once, generation);
            const again = statementsOf(once);
            expect(assetsOf(again, generation)).to.deep.equal(once);
            expect(again.map(({ identifier }) => identifier)).to.deep.equal(
              statementsOf(assets).map(({ identifier }) => identifier),
            );
          }),
          { numRuns: 60 },
        );
      });

      it('writes what is no Catena-X number of its own under a custom key, and reads it back', () => {
        for (const [identifier, kind] of [
          ['vin:1M8GDM9AXKP042788', 'vehicle.built'],
          ['registration:FR:FR000001', 'vehicle.built'],
          ['serial:volta.example:VB-77120-000431', 'part.produced'],
          ['batch:volta.example:VB-77120', 'batch.produced'],
        ] as const) {
          const { file } = exported(statement(identifier, example(kind)), { generation, partners: PARTNERS });
          expectValid(file.assets as unknown as Asset[], generation);
          const { twins, problems } = readCatenax(file);
          expect(
            twins.map((twin) => twin.identifier),
            identifier,
          ).to.deep.equal([identifier]);
          expect(problems).to.deep.equal([]);
        }
      });

      it('names what stands in for what a reader may not see', () => {
        const [vehicle] = statementsOf([
          assetOf(1, serial(3, 1, { van: 'V' }), bom(3, 1, [{ id: ID(2) }, { id: ID(3) }, { id: ID(90) }])),
          assetOf(2, serial(3, 2, { partInstanceId: 'A' }), usage(3, 2, [MAKER], [{ id: ID(1) }])),
          assetOf(3, batch(3, 3, { batchId: 'B' })),
        ]);
        if (vehicle === undefined) throw new Error('No vehicle.');
        const open = exported(vehicle, { generation });
        expect(open.problems).to.deep.equal([]);
        const { file, problems } = exported(vehicle, { generation }, false);
        const [asset] = file.assets as unknown as Asset[];
        expectValid(asset === undefined ? [] : [asset], generation);
        const id = generation === 3 ? 'catenaXId' : 'globalAssetId';
        expect(linesOf(asset).map((line) => line[id])).to.deep.equal([
          derivedId('serial:bpnl00000003cml1:P-1/A'),
          derivedId('batch:bpnl00000003cml1:P-1/B'),
        ]);
        const found = problems.map(({ code, at }) => `${code} ${at}`);
        expect(found).to.include.members([
          'catenax.derivedId ',
          'catenax.derivedId parts[0]',
          'catenax.substituted parts[1].quantity',
          'bom.missing data.missing',
        ]);
        expect(found.includes('catenax.substituted customerPartId')).to.equal(generation === 4);
      });
    });
  }

  it('writes a sequenced part as one, with the day of its call', () => {
    const [part] = statementsOf([
      assetOf(1, jis(4, 1, { jisNumber: '123', jisCallDate: '2024-05-01', parentOrderNumber: 'P' })),
    ]);
    if (part === undefined) throw new Error('No part.');
    const [asset] = exported(part, { generation: 3 }).file.assets as unknown as Asset[];
    expect(aspect(asset, 'JustInSequencePart')?.localIdentifiers).to.deep.equal([
      { key: 'manufacturerId', value: MAKER },
      { key: 'jisNumber', value: '123' },
      { key: 'jisCallDate', value: '2024-05-01' },
      { key: 'parentOrderNumber', value: 'P' },
    ]);
  });

  it('leaves out the line of a part whose maker has no Business Partner Number, and names it', () => {
    const { file, problems } = exported(statement('vin:1M8GDM9AXKP042788', example('vehicle.built')));
    expect(aspect((file.assets as unknown as Asset[])[0], 'SingleLevelBomAsBuilt')).to.equal(undefined);
    expect(problems.filter(({ code }) => code === 'catenax.noPartner')).to.have.length(2);
  });

  it('takes the corrected entry where one was amended', () => {
    const [part] = statementsOf([assetOf(1, serial(4, 1, { partInstanceId: 'A' }))]);
    if (part === undefined) throw new Error('No part.');
    const original = verificationOf(part);
    const [first] = original.entries;
    if (first === undefined) throw new Error('No entry.');
    const amendment = verificationOf({
      ...part,
      content: {
        kind: 'amended',
        time: '2024-06-01',
        data: {
          supersedes: first.link.digest,
          kind: 'part.produced',
          kindVersion: 1,
          reason: 'typo',
          data: { ...part.content.data, nameAtManufacturer: 'Door, corrected' },
        },
        sealed: { ...part.content.sealed },
      },
    }).entries.map((entry) => ({ ...entry, position: 1 }));
    const { file, problems } = exportCatenax({ ...original, entries: [first, ...amendment] });
    const type = aspect((file.assets as unknown as Asset[])[0], 'SerialPart')?.partTypeInformation as Fields;
    expect(type.nameAtManufacturer).to.equal('Door, corrected');
    expect(problems).to.deep.equal([]);
  });

  describe('refuses', () => {
    const [part] = statementsOf([assetOf(1, serial(4, 1, { partInstanceId: 'A' }))]) as [Statement];

    it('a report that is not verified', () => {
      for (const verdict of ['incomplete', 'refuted'] as const) {
        expectCode('export.notVerified', () => exportCatenax({ ...verificationOf(part), verdict }));
      }
    });

    it('a history in which nothing was made', () => {
      expectCode('catenax.nothing', () => exportCatenax({ ...verificationOf(part), entries: [] }));
    });

    it('what the aspect demands, where nothing honest can stand for it', () => {
      const bare = statement('serial:m.example:1', {
        kind: 'part.produced',
        time: '2024-01-01',
        data: { bizStep: 'commissioning', manufacturerId: 'm.example', productionDate: '2024-01-01' },
      });
      expectCode('catenax.incomplete', () => exported(bare));
    });
  });
});
