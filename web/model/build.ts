import type { Json } from '../../core/canonical.ts';
import { component as componentSchema } from '../../core/kinds/fields.ts';
import { instantOf, today } from '../acting/forms.ts';
import { readableIdentifier } from './vinFeedback.ts';

/** A line of the bill of materials as the page has it, before it is read. */
export type PartRow = {
  readonly key: number;
  readonly component: string;
  /** `serial:…` or `batch:…`. */
  readonly part: string;
  readonly position: string;
  readonly batch: string;
};

/** A tier of which nothing is known, and why. */
export type MissingRow = {
  readonly key: number;
  readonly component: string;
  readonly supplier: string;
  readonly reason: string;
};

export const components: readonly string[] = componentSchema.options;
export const missingReasons = ['notDelivered', 'confidential', 'notTracked', 'notSerialised'] as const;

export type PartRowFault = 'component' | 'part' | 'type' | 'twice' | 'position' | 'batch';

/** A part's identifier in its normal form, or null where it is none. */
export function partOf(text: string): string | null {
  const read = readableIdentifier(text.trim());
  if (read === null || (read.type !== 'serial' && read.type !== 'batch')) return null;
  return `${read.type}:${read.scope}:${read.value}`;
}

/** What is wrong with each line, by its key. A serialised part is built in once; of a batch there may be several lines. */
export function faultsOf(rows: readonly PartRow[]): ReadonlyMap<number, PartRowFault> {
  const faults = new Map<number, PartRowFault>();
  const seen = new Set<string>();
  for (const { key, component, part, position, batch } of rows) {
    const identifier = partOf(part);
    if (identifier === null) faults.set(key, readableIdentifier(part.trim()) === null ? 'part' : 'type');
    else if (!components.includes(component)) faults.set(key, 'component');
    else if (position !== '' && !/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/.test(position))
      faults.set(key, 'position');
    else if (batch !== '' && partOf(batch)?.startsWith('batch:') !== true) faults.set(key, 'batch');
    else if (identifier.startsWith('serial:')) {
      if (seen.has(identifier)) faults.set(key, 'twice');
      seen.add(identifier);
    }
  }
  return faults;
}

/**
 * Lines out of a table that was pasted or read: part, component, place and batch in any order where the first row names
 * its columns, else in this one.
 * @param wordOf what a component is called here, so that a table may say it in words
 */
export function rowsOfText(
  text: string,
  wordOf: Readonly<Record<string, string>>,
  from = 0,
): readonly PartRow[] {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const delimiter = ['\t', ';', ','].find((sign) => (lines[0] ?? '').includes(sign)) ?? ',';
  const cells = lines.map((line) =>
    line.split(delimiter).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')),
  );
  const names = (cells[0] ?? []).map((cell) => cell.toLowerCase().replace(/[\s_-]/g, ''));
  const find = (...wanted: string[]): number => names.findIndex((name) => wanted.includes(name));
  const named = find('part', 'serial', 'identifier', 'partid', '零件', '零部件') >= 0;
  const columns = named
    ? {
        part: find('part', 'serial', 'identifier', 'partid', '零件', '零部件'),
        component: find('component', '部件', '总成'),
        position: find('position', 'place', '位置'),
        batch: find('batch', '批次'),
      }
    : { part: 0, component: 1, position: 2, batch: 3 };
  const spoken = new Map(Object.entries(wordOf).map(([code, said]) => [said.toLowerCase(), code]));
  return cells.slice(named ? 1 : 0).map((row, index) => {
    const at = (column: number): string => (column < 0 ? '' : (row[column] ?? ''));
    const component = at(columns.component);
    return {
      key: from + index,
      part: at(columns.part),
      component: components.includes(component)
        ? component
        : (spoken.get(component.toLowerCase()) ?? 'other'),
      position: at(columns.position),
      batch: at(columns.batch),
    };
  });
}

export type VehicleValues = Readonly<
  Record<
    'brand' | 'model' | 'year' | 'productionDate' | 'fuelType' | 'plant' | 'manufacturerId' | 'orderNumber',
    string
  >
>;
export type VehicleFault = 'missing' | 'text' | 'year' | 'date' | 'future' | 'party' | 'code';

export type ReadBuild =
  | {
      readonly time: string;
      readonly data: Readonly<Record<string, Json>>;
      readonly sealed: Readonly<Record<string, Json>>;
      readonly faults: null;
    }
  | { readonly faults: Readonly<Partial<Record<keyof VehicleValues, VehicleFault>>> };

const LABEL = /^[^\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]{1,200}$/u;

/** The content of `vehicle.built`, or what is wrong with the form. @param now milliseconds since 1970 */
export function readBuild(
  values: VehicleValues,
  rows: readonly PartRow[],
  missing: readonly MissingRow[],
  now: number,
): ReadBuild {
  const faults: Partial<Record<keyof VehicleValues, VehicleFault>> = {};
  const data: Record<string, Json> = {};
  const { brand, model, year, productionDate, fuelType, plant, manufacturerId, orderNumber } = values;
  for (const [name, value] of Object.entries({ brand, model, fuelType })) {
    if (value.trim() === '') {
      if (name !== 'fuelType') faults[name as 'brand'] = 'missing';
    } else if (LABEL.test(value.trim())) data[name] = value.trim();
    else faults[name as 'brand'] = 'text';
  }
  if (/^[A-Za-z0-9.-]{1,64}$/.test(manufacturerId.trim())) data.manufacturerId = manufacturerId.trim();
  else faults.manufacturerId = manufacturerId.trim() === '' ? 'missing' : 'party';
  if (year !== '') {
    if (/^(?:18|19|20|21)[0-9]{2}$/.test(year)) data.vehicleModelDate = year;
    else faults.year = 'year';
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(productionDate) || Number.isNaN(Date.parse(productionDate))) {
    faults.productionDate = productionDate === '' ? 'missing' : 'date';
  } else if (productionDate > today(now)) faults.productionDate = 'future';
  else data.productionDate = productionDate;
  if (plant.trim() !== '') {
    if (/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/.test(plant.trim())) data.plant = plant.trim();
    else faults.plant = 'code';
  }
  if (orderNumber.trim() !== '' && !LABEL.test(orderNumber.trim())) faults.orderNumber = 'text';
  if (Object.keys(faults).length > 0) return { faults };
  const parts = rows.map(({ component, part, position, batch }) => ({
    component,
    part: partOf(part) ?? part,
    ...(position === '' ? {} : { position }),
    ...(batch === '' ? {} : { batch: partOf(batch) ?? batch }),
  }));
  const tiers = missing.map(({ component, supplier, reason }) => ({
    component,
    reason,
    ...(supplier.trim() === '' ? {} : { supplier: supplier.trim() }),
  }));
  return {
    time: productionDate === today(now) ? instantOf(now) : productionDate,
    data: {
      ...data,
      ...(parts.length === 0 ? {} : { parts }),
      ...(tiers.length === 0 ? {} : { missing: tiers }),
    },
    sealed: orderNumber.trim() === '' ? {} : { orderNumber: orderNumber.trim() },
    faults: null,
  };
}
