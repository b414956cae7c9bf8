import { isVinculumError } from '../errors.ts';
import { mapBatch } from './batches.ts';
import { mapInstallation } from './installations.ts';
import type { CsvRow } from './reader.ts';
import type { RowMapping } from './statements.ts';
import { mapStep } from './steps.ts';
import { type Cells, cellsOf, placeOf, sourceOf, type Table, type TableName } from './table.ts';

const mappers: Readonly<Record<Exclude<TableName, 'serials'>, (cells: Cells) => RowMapping>> = {
  batches: (cells) => mapBatch(cells),
  installations: mapInstallation,
  steps: mapStep,
};

/** What one row says, as entries to be; a row that says something wrongly says nothing, and why. */
export function mapRow(table: Table, row: CsvRow): RowMapping {
  const empty = { row: row.row, source: sourceOf(placeOf(row.row)), statements: [], edges: [] };
  if (table.name === 'serials') throw new RangeError('rows of serials are read by mapSerial');
  let cells: Cells;
  try {
    cells = cellsOf(table, row);
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    return { ...empty, problems: [{ code: error.code, at: placeOf(row.row), detail: error.message }] };
  }
  const mapping = mappers[table.name](cells);
  if (mapping.problems.length > 0) return { ...mapping, statements: [], edges: [] };
  return { ...mapping, problems: cells.unused(table) };
}
