import { type AspectName, aspectType } from '../../../core/catenax/aspects.ts';

/** Twins to read, small enough to see what matters in each. */

type Generation = 3 | 4;
type Fields = Record<string, unknown>;
type Submodel = { readonly aspectType: string; readonly payload: Fields };

export const MAKER = 'BPNL00000003CML1';
export const PARTNER = 'BPNL00000003CNKC';
export const ID = (number: number): string =>
  `urn:uuid:00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const idOf = (id: number | string): string => (typeof id === 'string' ? id : ID(id));
const idName = (generation: Generation) => (generation === 3 ? 'catenaXId' : 'globalAssetId');

export const assetOf = (id: number, ...submodels: readonly Submodel[]) => ({
  assetMetaInfo: { catenaXId: ID(id) },
  submodels,
});

type Making = { readonly date?: string; readonly site?: string };
type Numbers = Readonly<Record<string, string | undefined>>;

function identity(
  name: AspectName,
  generation: Generation,
  id: number | string,
  numbers: Numbers,
  { date, site }: Making,
  more: Fields,
): Submodel {
  const is3 = generation === 3;
  return {
    aspectType: aspectType(name, generation),
    payload: {
      [idName(generation)]: idOf(id),
      localIdentifiers: Object.entries({ manufacturerId: MAKER, ...numbers }).flatMap(([key, value]) =>
        value === undefined ? [] : [{ key, value }],
      ),
      manufacturingInformation: {
        [is3 ? 'date' : 'productionDate']: date ?? (is3 ? '2024-05-06T07:08:09.123Z' : '2024-05-06'),
        country: 'DEU',
        ...(site === undefined
          ? {}
          : { sites: [{ [is3 ? 'catenaXsiteId' : 'siteId']: site, function: 'production' }] }),
      },
      partTypeInformation: {
        manufacturerPartId: 'P-1',
        nameAtManufacturer: 'Door',
        ...(name === 'Batch' ? {} : { customerPartId: 'C-1', nameAtCustomer: 'Door left' }),
        partClassification: [
          is3 ? { classificationStandard: 'GIN', classificationID: '1' } : { standard: 'GIN', id: '1' },
        ],
        ...more,
      },
    },
  };
}

export const serial = (
  generation: Generation,
  id: number | string,
  numbers: Numbers,
  making: Making = {},
  more: Fields = {},
): Submodel => identity('SerialPart', generation, id, numbers, making, more);
export const batch = (generation: Generation, id: number, numbers: Numbers, making: Making = {}): Submodel =>
  identity('Batch', generation, id, numbers, making, {});
export const jis = (generation: Generation, id: number, numbers: Numbers): Submodel =>
  identity('JustInSequencePart', generation, id, numbers, {}, {});

export type Line = {
  readonly id: string;
  readonly partner?: string;
  readonly quantity?: Fields;
  readonly alternatives?: boolean;
};

const related = (generation: Generation, { id, partner = PARTNER, quantity }: Line) => ({
  [idName(generation)]: id,
  businessPartner: partner,
  quantity: quantity ?? { value: 1, unit: 'unit:piece' },
  createdOn: '2024-05-06T07:08:09.709Z',
  lastModifiedOn: '2024-05-06T07:08:10Z',
});

export const bom = (generation: Generation, id: number, lines: readonly Line[]): Submodel => ({
  aspectType: aspectType('SingleLevelBomAsBuilt', generation),
  payload: {
    [idName(generation)]: ID(id),
    childItems: lines.map((line) => ({
      ...related(generation, line),
      hasAlternatives: line.alternatives ?? false,
    })),
  },
});

export const usage = (
  generation: Generation,
  id: number,
  customers: readonly string[],
  lines: readonly Line[],
): Submodel => ({
  aspectType: aspectType('SingleLevelUsageAsBuilt', generation),
  payload: {
    [idName(generation)]: ID(id),
    customers,
    parentItems: lines.map((line) => ({
      ...related(generation, line),
      isOnlyPotentialParent: line.alternatives ?? false,
    })),
  },
});
