import { toBase64Url } from '../../core/bytes.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { KindData } from '../../core/kinds/kinds.ts';
import { buildTree } from '../../core/tree/tree.ts';
import { type Day, dateOf, dayOf } from './days.ts';
import { content, type DemoBatch, type DemoContent, later } from './demo.ts';
import type { OrganisationName } from './organisations.ts';
import type { DemoRandom } from './random.ts';

export type PartName = 'cells' | 'pack' | 'airbag' | 'brakes';

type Series = {
  readonly supplier: OrganisationName;
  readonly domain: string;
  readonly prefix: string;
  readonly partNumber: string;
  readonly title: string;
  readonly from: number;
  readonly halves: readonly ('H1' | 'H2')[];
  readonly pieces: number;
  readonly serialised: boolean;
  /** Kilograms of CO₂ equivalent of one piece. */
  readonly footprint: string;
};

const series: Readonly<Record<PartName, Series>> = {
  cells: {
    supplier: 'lithos',
    domain: 'lithos.example',
    prefix: 'LC',
    partNumber: 'LC-5300',
    title: 'Cell 50 Ah 电芯',
    from: 2018,
    halves: ['H1', 'H2'],
    pieces: 4800,
    serialised: false,
    footprint: '31.5',
  },
  pack: {
    supplier: 'volta',
    domain: 'volta.example',
    prefix: 'VP',
    partNumber: 'VP-77',
    title: 'Traction battery 77 kWh 动力电池',
    from: 2018,
    halves: ['H1', 'H2'],
    pieces: 50,
    serialised: true,
    footprint: '5120.5',
  },
  airbag: {
    supplier: 'safir',
    domain: 'safir.example',
    prefix: 'AB',
    partNumber: 'AB-DR-2',
    title: 'Driver airbag 驾驶员安全气囊',
    from: 2014,
    halves: ['H1', 'H2'],
    pieces: 80,
    serialised: true,
    footprint: '18.2',
  },
  brakes: {
    supplier: 'frena',
    domain: 'frena.example',
    prefix: 'FB',
    partNumber: 'FB-280',
    title: 'Brake discs 280 mm 制动盘',
    from: 2014,
    halves: ['H1'],
    pieces: 400,
    serialised: false,
    footprint: '9.75',
  },
};
const LAST_YEAR = 2025;

/** A part as a bill of materials names it. */
export type TakenPart = {
  /** Its serial number, or its batch where it has none. */
  readonly part: string;
  readonly batch: string;
  /** Label of the `batch.produced` entry. */
  readonly produced: string;
};

export type PartStock = {
  readonly batches: readonly DemoBatch[];
  /** A part out of the batch that was in the maker's store on that day. */
  take(part: PartName, day: Day): TakenPart;
  /** What its maker says of a serialised part. */
  made(serial: string): DemoContent;
};

export const batchNumber = (part: PartName, year: number, half: 'H1' | 'H2' = 'H1'): string =>
  `batch:${series[part].domain}:${series[part].prefix}-${year}${series[part].halves.length > 1 ? half : ''}`;

const labelOf = (batch: string): string => `produced ${batch}`;

/** Every batch that the demo's vehicles are made of, each with its history and its serial numbers. */
export function makeParts(random: DemoRandom): PartStock {
  const batches: DemoBatch[] = [];
  const taken = new Map<string, number>();
  const byIdentifier = new Map<string, DemoBatch>();

  for (const part of ['cells', 'pack', 'airbag', 'brakes'] as const) {
    for (let year = series[part].from; year <= LAST_YEAR; year++) {
      for (const half of series[part].halves) {
        const batch = makeBatch(part, year, half, random.fork(`batch ${part} ${year} ${half}`));
        batches.push(batch);
        byIdentifier.set(batch.identifier, batch);
      }
    }
  }

  return {
    batches,
    take(part, day) {
      const { halves, from } = series[part];
      const date = dateOf(day - 45);
      const wanted = Number(date.slice(0, 4));
      const year = Math.min(LAST_YEAR, Math.max(from, wanted));
      // Before the first there is none but that: a later one is not made yet.
      const half = halves.length > 1 && wanted >= from && date.slice(5) >= '07-01' ? 'H2' : 'H1';
      const batch = byIdentifier.get(batchNumber(part, year, half));
      if (batch === undefined) throw new Error(`no batch of ${part} for ${date}`);
      const number = taken.get(batch.identifier) ?? 0;
      taken.set(batch.identifier, number + 1);
      const produced = labelOf(batch.identifier);
      if (batch.serials.length === 0) {
        return { part: batch.identifier, batch: batch.identifier, produced };
      }
      const serial = batch.serials[number];
      if (serial === undefined) throw new Error(`${batch.identifier} is used up`);
      return { part: serial, batch: batch.identifier, produced };
    },
    made(serial) {
      const batch = batches.find(({ serials }) => serials.includes(serial));
      const produced = batch?.contents[0];
      if (batch === undefined || produced === undefined) throw new Error(`nobody made ${serial}`);
      const { plant, ...stated } = produced.data as KindData<'batch.produced'>;
      const { manufacturerId, manufacturerPartId, nameAtManufacturer, productionDate } = stated;
      const label = labelOf(batch.identifier);
      return content(
        produced.by,
        'part.produced',
        produced.time,
        {
          bizStep: 'commissioning',
          ...{ manufacturerId, manufacturerPartId, nameAtManufacturer, productionDate },
          ...(plant === undefined ? {} : { plant }),
          partInstanceId: serial.slice(serial.lastIndexOf(':') + 1),
          batch: batch.identifier,
          produced: later.digest(label),
        },
        { sealed: { [`key:${later.digest(label)}`]: later.key(label) } },
      );
    },
  };
}

function makeBatch(part: PartName, year: number, half: 'H1' | 'H2', random: DemoRandom): DemoBatch {
  const { supplier, domain, prefix, partNumber, title, pieces, serialised, footprint } = series[part];
  const identifier = batchNumber(part, year, half);
  const number = identifier.slice(identifier.lastIndexOf(':') + 1);
  const start = dayOf(`${year}-${half === 'H1' ? '01' : '07'}-01`) - random.integer(50, 60);
  const made = start + random.integer(6, 12);
  const left = made + random.integer(2, 5);
  const arrived = left + random.integer(3, 12);

  const serials = serialised
    ? Array.from(
        { length: pieces },
        (_, index) => `serial:${domain}:${number}-${String(index + 1).padStart(4, '0')}`,
      )
    : [];
  const treeKey = random.bytes(32);
  const inputs = part === 'pack' ? batchNumber('cells', year, half) : undefined;
  const quantity = { value: String(pieces), unit: 'C62' };
  const customer = part === 'cells' ? 'volta.example' : 'kunlun.example';
  const orderNumber = `PO-${year}-${random.integer(1000, 9999)}`;
  const shipper = random.chance(0.5) ? 'meridian' : supplier;

  const contents: DemoContent[] = [
    content(
      supplier,
      'batch.produced',
      dateOf(made),
      {
        bizStep: 'commissioning',
        disposition: 'active',
        manufacturerId: domain,
        manufacturerPartId: partNumber,
        batchId: number,
        nameAtManufacturer: title,
        origin: 'production',
        drawing: `${partNumber} B`,
        carbonFootprint: { value: footprint, unit: 'KGM' },
        plant: `${prefix}-PLANT-1`,
        productionStart: dateOf(start),
        productionDate: dateOf(made),
        ...(serials.length === 0
          ? {}
          : {
              serials: {
                serialsRoot: buildTree(
                  treeKey,
                  serials.map((serial) => parseIdentifier(serial)),
                ).root,
                count: serials.length,
                treeKey: toBase64Url(treeKey),
              },
            }),
        ...(inputs === undefined
          ? {}
          : { inputs: [{ batch: inputs, produced: later.digest(labelOf(inputs)) }] }),
      },
      {
        label: labelOf(identifier),
        sealed: {
          quantity,
          orderNumber,
          ...(inputs === undefined
            ? {}
            : {
                inputQuantities: [
                  { batch: inputs, quantity: { value: String(series.cells.pieces), unit: 'C62' } },
                ],
                [`key:${later.digest(labelOf(inputs))}`]: later.key(labelOf(inputs)),
              }),
        },
        documents: [
          {
            type: 'pdf',
            title: `Certificate of conformity ${number}`,
            subtitle: `批次合格证 ${number}`,
            lines: [
              `Part ${partNumber}, ${pieces} pieces`,
              `Produced ${dateOf(start)} to ${dateOf(made)}`,
              'All samples within limits.',
            ],
          },
        ],
      },
    ),
    content(
      shipper,
      'batch.shipped',
      dateOf(left),
      { bizStep: 'shipping', disposition: 'in_transit', from: domain },
      { label: `shipped ${identifier}`, sealed: { customer, quantity, orderNumber } },
    ),
    content(
      part === 'cells' ? 'volta' : 'kunlun',
      'batch.received',
      dateOf(arrived),
      {
        bizStep: 'receiving',
        disposition: 'in_progress',
        by: customer,
        accepted: true,
        shipped: later.digest(`shipped ${identifier}`),
      },
      { sealed: { quantity, orderNumber } },
    ),
  ];
  if (random.chance(0.12)) {
    contents.push(
      content(
        supplier,
        'batch.quarantined',
        dateOf(arrived + 4),
        { bizStep: 'holding', disposition: 'non_conformant', reason: 'defectSuspected' },
        {
          label: `quarantined ${identifier}`,
          sealed: { description: 'Two samples outside limits. 两件样品超差。' },
        },
      ),
      content(
        supplier,
        'batch.released',
        dateOf(arrived + 11),
        {
          bizStep: 'inspecting',
          disposition: 'conformant',
          outcome: 'usable',
          quarantined: later.digest(`quarantined ${identifier}`),
        },
        { sealed: { description: 'Measured again: within limits. 复测合格。' } },
      ),
    );
  }
  return { identifier: formatIdentifier(parseIdentifier(identifier)), serials, contents };
}
