import fc from 'fast-check';
import { assetOf, batch, bom, ID, jis, type Line, MAKER, PARTNER, serial, usage } from './twins.ts';

/** What the raw JSON says, worked out without the code under test; and any files to hold both against. */

type RawLine = { catenaXId?: string; globalAssetId?: string; businessPartner: string };
type RawPayload = {
  catenaXId?: string;
  globalAssetId?: string;
  localIdentifiers?: { key: string; value: string }[];
  partTypeInformation?: { manufacturerPartId?: string };
  childItems?: RawLine[];
  parentItems?: RawLine[];
  customers?: string[];
};
export type RawFile = {
  readonly assets: readonly {
    readonly assetMetaInfo?: { readonly catenaXId?: string };
    readonly submodels: readonly { readonly aspectType: string; readonly payload: unknown }[];
  }[];
};

type Node = {
  id: string;
  maker: string;
  identifier: string;
  isVehicle: boolean;
  batch: string | undefined;
  children: RawLine[];
  parents: RawLine[];
  customers: string[];
};

/** By identifier the vehicles that the links reach upward, sorted. */
export function affectedByRawLinks(files: readonly RawFile[]): Map<string, string[]> {
  const nodes: Node[] = [];
  for (const { assetMetaInfo, submodels } of files.flatMap(({ assets }) => [...assets])) {
    const named = (suffix: string): RawPayload | undefined =>
      submodels.find(({ aspectType }) => aspectType.endsWith(`#${suffix}`))?.payload as
        | RawPayload
        | undefined;
    const what = named('SerialPart') ?? named('Batch') ?? named('JustInSequencePart');
    if (what === undefined) continue;
    const number = (key: string): string | undefined =>
      what.localIdentifiers?.find((one) => one.key === key)?.value;
    const maker = number('manufacturerId') ?? '';
    const scope = maker.toLowerCase();
    const partId = what.partTypeInformation?.manufacturerPartId ?? '';
    const escaped = (text: string): string =>
      text.replaceAll('%', '%25').replaceAll('/', '%2F').replaceAll(' ', '%20');
    const composed = (...parts: (string | undefined)[]): string =>
      [partId, ...parts].flatMap((part) => (part === undefined ? [] : [escaped(part)])).join('/');
    const isBatch = named('SerialPart') === undefined && named('Batch') !== undefined;
    const van = number('van');
    const identifier = isBatch
      ? `batch:${scope}:${composed(number('batchId'))}`
      : van !== undefined
        ? `van:${scope}:${van}`
        : number('partInstanceId') !== undefined
          ? `serial:${scope}:${composed(number('partInstanceId'))}`
          : `serial:${scope}:${composed(number('jisNumber'), number('jisCallDate'))}`;
    const batchId = isBatch || van !== undefined ? undefined : number('batchId');
    nodes.push({
      id: (assetMetaInfo?.catenaXId ?? what.catenaXId ?? what.globalAssetId ?? '').toLowerCase(),
      maker,
      identifier,
      isVehicle: van !== undefined && !isBatch,
      batch: batchId === undefined ? undefined : `batch:${scope}:${composed(batchId)}`,
      children: named('SingleLevelBomAsBuilt')?.childItems ?? [],
      parents: named('SingleLevelUsageAsBuilt')?.parentItems ?? [],
      customers: named('SingleLevelUsageAsBuilt')?.customers ?? [],
    });
  }
  /** Which node a line means: by id, then by whose it is. */
  const meant = (from: Node, line: RawLine, customers: readonly string[]): Node[] => {
    const id = (line.catenaXId ?? line.globalAssetId ?? '').toLowerCase();
    const all = nodes.filter((node) => node.id === id);
    for (const makers of [[line.businessPartner], customers, [from.maker]]) {
      const chosen = all.filter(({ maker }) => makers.includes(maker));
      if (all.length > 1 && chosen.length > 0) return chosen;
    }
    return all;
  };
  const parentsOf = new Map<string, Set<string>>();
  const up = (child: string, parent: string): void => {
    parentsOf.set(child, (parentsOf.get(child) ?? new Set()).add(parent));
  };
  for (const node of nodes) {
    for (const line of node.children)
      for (const child of meant(node, line, [])) up(child.identifier, node.identifier);
    for (const line of node.parents) {
      for (const parent of meant(node, line, node.customers)) up(node.identifier, parent.identifier);
    }
    // A fault of a batch is a fault of what belongs to it.
    if (node.batch !== undefined) up(node.batch, node.identifier);
  }
  const vehicles = new Set(nodes.filter(({ isVehicle }) => isVehicle).map(({ identifier }) => identifier));
  return new Map(
    nodes.map(({ identifier }) => {
      const reached = new Set<string>();
      const visit = (thing: string): void => {
        if (reached.has(thing)) return;
        reached.add(thing);
        for (const parent of parentsOf.get(thing) ?? []) visit(parent);
      };
      visit(identifier);
      return [identifier, [...reached].filter((thing) => vehicles.has(thing)).sort()];
    }),
  );
}

type Generation = 3 | 4;
type Asset = RawFile['assets'][number];

const unit = fc.constantFrom(
  { value: 1, unit: 'unit:piece' },
  { value: 2.25, unit: 'unit:kilogram' },
  { value: 0, unit: 'unit:litre' },
);

/**
 * Files of up to eight twins of one company that link to each other, upward and downward, and to twins that nobody has;
 * never in a circle, since a thing is only ever in one of a smaller number.
 */
export function anyAssets(generation: Generation): fc.Arbitrary<Asset[]> {
  return fc
    .integer({ min: 1, max: 8 })
    .chain((count) =>
      fc.tuple(...Array.from({ length: count }, (_, index) => anyAsset(generation, index + 1, count))),
    );
}

function anyAsset(generation: Generation, number: number, count: number): fc.Arbitrary<Asset> {
  const line = (least: number, most: number): fc.Arbitrary<Line> =>
    fc.record({
      // 90 and above are nobody’s here.
      id: (least > most
        ? fc.constant(90)
        : fc.oneof(fc.integer({ min: least, max: most }), fc.constant(90))
      ).map(ID),
      partner: fc.constantFrom(MAKER, PARTNER),
      quantity: unit,
      alternatives: fc.boolean(),
    });
  return fc
    .record({
      type:
        number === 1
          ? fc.constant('vehicle')
          : fc.constantFrom('vehicle', 'serial', 'batch', 'jis', 'member'),
      below: fc.option(fc.uniqueArray(line(number + 1, count), { selector: ({ id }) => id, maxLength: 3 })),
      above: fc.option(fc.uniqueArray(line(1, number - 1), { selector: ({ id }) => id, maxLength: 2 })),
      customers: fc.subarray([PARTNER, MAKER]),
      site: fc.option(fc.constant('BPNS0000000000A1'), { nil: undefined }),
      extra: fc.constantFrom(
        {},
        { [generation === 3 ? 'customKey:line' : 'customKey']: generation === 3 ? 'x y' : 'line:x y' },
      ),
    })
    .map(({ type, below, above, customers, site, extra }) => {
      const making = site === undefined ? {} : { site };
      const what = {
        vehicle: () => serial(generation, number, { van: `VAN${number}`, ...extra }, making),
        serial: () => serial(generation, number, { partInstanceId: `S/${number}`, ...extra }, making),
        member: () => serial(generation, number, { partInstanceId: `M ${number}`, batchId: 'LOT' }, making),
        batch: () => batch(generation, number, { batchId: `B${number}`, ...extra }, making),
        jis: () => jis(generation, number, { jisNumber: `J${number}`, jisCallDate: '2024-05-01' }),
      }[type as 'vehicle']();
      return assetOf(
        number,
        what,
        ...(below === null ? [] : [bom(generation, number, below)]),
        ...(above === null ? [] : [usage(generation, number, customers, above)]),
      );
    });
}
