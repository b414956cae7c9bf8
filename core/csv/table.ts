import { isVinculumError, VinculumError } from '../errors.ts';
import type { MappingProblem, StatementSource } from '../supply/statement.ts';
import type { CsvRow } from './reader.ts';
import { unguardCell } from './writer.ts';

/*
 * What the columns of a table mean: each has one name and some that people give it, told apart without regard to case,
 * spaces, dashes and underscores. A column that no entry has a place for is named; it never goes silently.
 */

export const tableNames = ['batches', 'serials', 'installations', 'steps'] as const;
export type TableName = (typeof tableNames)[number];

type Columns = Readonly<Record<string, readonly string[]>>;

/** The maker whose numbers the rows have. */
const maker: Columns = { manufacturerId: ['maker', 'manufacturer', 'supplier', '制造商'] };
const batch: Columns = { batch: ['batchId', 'batchNumber', 'lotNumber', '批次', '批次号', '批号'] };
const amount: Columns = {
  quantity: ['qty', 'amount', '数量'],
  unit: ['uom', 'unitOfMeasure', '单位'],
};
const common: Columns = { note: ['remark', 'remarks', 'comment', '备注'] };

const batchColumns: Columns = {
  ...batch,
  ...maker,
  manufacturerPartId: ['partNumber', 'part', 'partNo', 'material', '零件号', '物料号'],
  nameAtManufacturer: ['name', 'partName', 'description', '名称', '零件名称'],
  productionDate: ['produced', 'producedOn', 'madeOn', 'manufactureDate', '生产日期'],
  productionStart: ['startedOn', 'productionBegan', '开始日期'],
  expiryDate: ['expires', 'expiresOn', 'bestBefore', '有效期'],
  plant: ['site', 'factory', '工厂'],
  country: ['madeIn', '国家'],
  origin: [],
  drawing: ['drawingNumber', '图纸', '图号'],
  carbonFootprint: ['co2', 'pcf', 'carbonFootprintKg', '碳足迹'],
  ...amount,
  inputs: ['madeOf', 'components', '投入'],
  customer: ['客户'],
  customerPartId: ['customerPartNumber', '客户零件号'],
  orderNumber: ['order', 'purchaseOrder', 'po', '订单号'],
  ...common,
};

const tables: Readonly<
  Record<TableName, { readonly columns: Columns; readonly required: readonly string[] }>
> = {
  batches: {
    columns: batchColumns,
    required: ['batch', 'manufacturerId', 'manufacturerPartId', 'nameAtManufacturer', 'productionDate'],
  },
  serials: {
    columns: { ...batchColumns, serial: ['serialNumber', 'serialNo', 'sn', '序列号'] },
    required: ['batch', 'serial', 'manufacturerId'],
  },
  installations: {
    columns: {
      vehicle: ['vin', '车辆', '车架号'],
      part: ['partSerial', 'serial', 'serialNumber', '零件', '序列号'],
      component: ['group', '部件'],
      position: ['place', '位置'],
      time: ['date', 'when', 'at', '时间', '日期'],
      action: ['what', 'event', '操作'],
      batch: batch.batch ?? [],
      ...maker,
      manufacturerPartId: ['partNumber', 'partNo', '零件号'],
      nameAtManufacturer: ['name', 'partName', '名称'],
      condition: ['状态'],
      reason: ['原因'],
      fate: [],
      odometer: ['mileage', '里程'],
      odometerUnit: ['mileageUnit'],
      technician: ['技师'],
      invoiceNumber: ['invoice', '发票号'],
      id: ['reference', '编号'],
      ...common,
    },
    required: ['vehicle', 'part', 'time', 'action'],
  },
  steps: {
    columns: {
      ...batch,
      ...maker,
      step: ['bizStep', 'action', 'event', '步骤'],
      time: ['date', 'when', 'at', '时间', '日期'],
      party: ['company', '公司'],
      from: ['sender', '发货方'],
      to: ['receiver', 'destination', '收货方'],
      ...amount,
      lot: ['consignment', 'deliveryNote', 'shipment', '发货批号'],
      accepted: ['接受'],
      disposition: [],
      reason: ['原因'],
      outcome: ['结果'],
      customer: ['客户'],
      orderNumber: ['order', 'purchaseOrder', 'po', '订单号'],
      location: ['where', '地点'],
      description: ['说明'],
      reportNumber: ['report', '报告号'],
      id: ['reference', '编号'],
      ...common,
    },
    required: ['batch', 'step', 'time'],
  },
};

/** What an errors file adds to a table: it is imported again as it stands, once its rows are mended. */
export const errorColumns = ['error', 'errorColumn', 'errorDetail'] as const;

export type Table = {
  readonly name: TableName;
  readonly heading: readonly string[];
  /** What each column means; null for one that no entry has a place for. */
  readonly columns: readonly (string | null)[];
  /** By column: what a row without it says. */
  readonly defaults: Readonly<Record<string, string>>;
  readonly notes: readonly MappingProblem[];
};

const plain = (heading: string): string =>
  heading
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s_\-./()*:]/g, '');

/**
 * Reads the heading of a table.
 * @param defaults by column: what is so in every row that does not say it
 * @throws `csv.missingColumn` `csv.columnTwice` `csv.unknownColumn` (a default of no column)
 */
export function openTable(
  name: TableName,
  heading: readonly string[],
  defaults: Readonly<Record<string, string>> = {},
): Table {
  const { columns: known, required } = tables[name];
  const meant = new Map<string, string>();
  for (const [column, aliases] of Object.entries(known)) {
    for (const alias of aliases) if (!meant.has(plain(alias))) meant.set(plain(alias), column);
  }
  for (const column of Object.keys(known)) meant.set(plain(column), column);
  const ignored = new Set(errorColumns.map(plain));
  const columns = heading.map((text) => meant.get(plain(text)) ?? null);
  const twice = columns.find((column, index) => column !== null && columns.indexOf(column) !== index);
  if (twice !== undefined && twice !== null) {
    throw new VinculumError('csv.columnTwice', `Two columns of the table mean ${twice}: keep one.`, {
      details: { column: twice },
    });
  }
  const given: Record<string, string> = {};
  for (const [text, value] of Object.entries(defaults)) {
    const column = meant.get(plain(text));
    if (column === undefined) {
      throw new VinculumError('csv.unknownColumn', `A table of ${name} has no column ${text}.`, {
        details: { column: text },
      });
    }
    given[column] = value;
  }
  const missing = required.filter((column) => !columns.includes(column) && given[column] === undefined);
  if (missing.length > 0) {
    throw new VinculumError(
      'csv.missingColumn',
      `The table lacks the columns ${missing.join(', ')}: add them, or say what is so in every row.`,
      { details: { columns: missing } },
    );
  }
  const notes = heading.flatMap((text, index): MappingProblem[] =>
    columns[index] !== null || ignored.has(plain(text)) || text.trim() === ''
      ? []
      : [
          {
            code: 'csv.notMapped',
            at: `column ${text.slice(0, 80)}`,
            detail: 'no entry says that',
            note: true,
          },
        ],
  );
  return { name, heading, columns, defaults: given, notes };
}

/**
 * The cells of one row by what they mean, without those that are empty.
 * @throws `csv.cells` where it has another number of them than the heading
 */
export function cellsOf(table: Table, { row, cells }: CsvRow): Cells {
  const { columns, defaults } = table;
  const filled = cells.findLastIndex((cell) => cell.trim() !== '') + 1;
  if (filled > columns.length || cells.length < Math.min(columns.length, lastNeeded(table))) {
    throw new VinculumError(
      'csv.cells',
      `The row has ${cells.length} cells, and the heading ${columns.length}.`,
      { details: { cells: cells.length, columns: columns.length } },
    );
  }
  const said: Record<string, string> = { ...defaults };
  for (const [index, column] of columns.entries()) {
    if (column === null) continue;
    const text = unguardCell(cells[index] ?? '').trim();
    if (text !== '') said[column] = text;
  }
  return new Cells(row, said);
}

/** Cells that may be missing at the end of a row are those of columns that nobody must fill. */
function lastNeeded({ name, columns }: Table): number {
  const { required } = tables[name];
  return columns.findLastIndex((column) => column !== null && required.includes(column)) + 1;
}

/** A row's cells, and what is wrong with them. */
export class Cells {
  readonly row: number;
  readonly problems: MappingProblem[] = [];
  readonly #said: Readonly<Record<string, string>>;
  readonly #used = new Set<string>();

  constructor(row: number, said: Readonly<Record<string, string>>) {
    this.row = row;
    this.#said = said;
  }

  get(column: string): string | undefined {
    this.#used.add(column);
    return Object.hasOwn(this.#said, column) ? this.#said[column] : undefined;
  }

  /** What the row says and nobody asked for: its entry has no place for it. */
  unused(table: Table): MappingProblem[] {
    return Object.keys(this.#said)
      .filter((column) => !this.#used.has(column) && table.columns.includes(column))
      .map((column) => ({
        code: 'csv.notMapped',
        at: placeOf(this.row, column),
        detail: 'the entry of this row has no place for it',
        note: true,
      }));
  }

  /** What a cell says by a rule, undefined where it is empty or breaks it. */
  read<Value>(column: string, rule: (text: string) => Value): Value | undefined {
    const text = this.get(column);
    if (text === undefined) return undefined;
    try {
      return rule(text);
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.fail(error.code, column, error.message);
      return undefined;
    }
  }

  /** As {@link read}, of a cell that must say something. */
  need<Value>(column: string, rule: (text: string) => Value): Value | undefined {
    if (this.get(column) === undefined) this.fail('csv.empty', column, `${column} is empty`);
    return this.read(column, rule);
  }

  /** The cells of some columns as they stand, by what the fields are called that say them. */
  texts(...columns: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      columns.flatMap((column) => {
        const text = this.get(column);
        return text === undefined ? [] : [[column, text]];
      }),
    );
  }

  fail(code: string, column: string, detail: string): void {
    this.problems.push({ code, at: placeOf(this.row, column), detail });
  }
}

/** Where something stands in a table. */
export function placeOf(row: number, column?: string): string {
  return column === undefined || column === '' ? `row ${row}` : `row ${row}, column ${column}`;
}

/** What names a row of a table, for its entries and for the journal of an import. */
export function sourceOf(id: string): StatementSource {
  return { system: 'csv', id };
}
