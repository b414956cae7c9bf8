import type { Hex } from '../bytes.ts';
import type { Json } from '../canonical.ts';
import { formatIdentifier } from '../identifiers/identifier.ts';
import type { SupplyEdge } from '../supply/statement.ts';
import { given, type RowMapping, stated } from './statements.ts';
import { type Cells, sourceOf } from './table.ts';
import { batchNamed, dayOf, inputsOf, PIECES, quantityOf, serialNamed } from './values.ts';

/** The serials of a batch, by their tree (docs/protocol.md §7). */
export type SerialSet = { readonly serialsRoot: Hex; readonly count: number; readonly treeKey: string };

const trimmed = (text: string): string => text;

/**
 * What a row says of a batch: that it was made.
 * @param serials where its serials are listed elsewhere
 */
export function mapBatch(cells: Cells, serials?: SerialSet): RowMapping {
  const maker = cells.get('manufacturerId');
  const batch = cells.need('batch', (text) => batchNamed(text, maker));
  const identifier = batch === undefined ? '' : formatIdentifier(batch);
  const source = sourceOf(identifier);
  const made = cells.need('productionDate', dayOf);
  const began = cells.read('productionStart', dayOf);
  const expires = cells.read('expiryDate', dayOf);
  const inputs = cells.read('inputs', inputsOf) ?? [];
  const quantity = cells.read('quantity', (text) => quantityOf(text, cells.get('unit')));
  for (const column of ['manufacturerId', 'manufacturerPartId', 'nameAtManufacturer']) {
    cells.need(column, trimmed);
  }
  if (began !== undefined && made !== undefined && began > made) {
    cells.fail('csv.value', 'productionStart', 'it begins after it ends');
  }
  if (serials !== undefined && quantity !== undefined) checkCount(cells, quantity, serials.count);
  const footprint = cells.read('carbonFootprint', (text) => quantityOf(text, 'KGM'));
  if (cells.problems.length > 0 || batch === undefined) return nothing(cells, source);
  const known = inputs.flatMap((input) => (input.quantity === undefined ? [] : [{ ...input }]));
  const data = given({
    bizStep: 'commissioning',
    ...cells.texts('manufacturerId', 'manufacturerPartId', 'nameAtManufacturer', 'plant', 'country'),
    ...cells.texts('origin', 'drawing'),
    batchId: batch.value,
    productionDate: made,
    productionStart: began,
    expiryDate: expires,
    carbonFootprint: footprint as Json | undefined,
    serials: serials as Json | undefined,
    inputs: inputs.length === 0 ? undefined : inputs.map((input) => ({ batch: input.batch })),
  });
  const sealed = given({
    ...cells.texts('customer', 'customerPartId', 'orderNumber', 'note'),
    quantity: quantity as Json | undefined,
    inputQuantities: known.length === 0 ? undefined : (known as Json),
  });
  const content = { kind: 'batch.produced', time: made ?? '', data, sealed };
  const columns = { batchId: 'batch', inputQuantities: 'inputs' };
  const edges = inputs.map(
    (input): SupplyEdge => ({
      parent: identifier,
      child: input.batch,
      relation: 'madeOf',
      ...(made === undefined ? {} : { from: made }),
      source,
    }),
  );
  return {
    row: cells.row,
    source,
    statements: stated(cells, identifier, content, source, columns),
    edges,
    problems: cells.problems,
  };
}

function checkCount(cells: Cells, { value, unit }: { value: string; unit: string }, count: number): void {
  if (!PIECES.has(unit) || value === String(count)) return;
  cells.fail('quantity.invalid', 'quantity', `it says ${value} pieces, and ${count} serials are listed`);
}

function nothing(cells: Cells, source: RowMapping['source']): RowMapping {
  return { row: cells.row, source, statements: [], edges: [], problems: cells.problems };
}

/** One part of a batch. */
export type SerialRow = {
  /** Identifiers as text. */
  readonly batch: string;
  readonly serial: string;
};

/** What a row of serials says, null where it says it wrongly: then `cells.problems` has why. */
export function mapSerial(cells: Cells): SerialRow | null {
  const maker = cells.get('manufacturerId');
  const batch = cells.need('batch', (text) => batchNamed(text, maker));
  const scope = maker ?? batch?.scope;
  const serial = cells.need('serial', (text) => serialNamed(text, scope));
  if (batch === undefined || serial === undefined) return null;
  return { batch: formatIdentifier(batch), serial: formatIdentifier(serial) };
}

/** The columns by which a table of serials may describe its batches, each row the same or not at all. */
export const describingColumns = [
  'manufacturerId',
  'manufacturerPartId',
  'nameAtManufacturer',
  'productionDate',
  'productionStart',
  'expiryDate',
  'plant',
  'country',
  'origin',
  'drawing',
  'carbonFootprint',
  'quantity',
  'unit',
  'inputs',
  'customer',
  'customerPartId',
  'orderNumber',
  'note',
] as const;
