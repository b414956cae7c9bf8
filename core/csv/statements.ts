import type { Json } from '../canonical.ts';
import { isVinculumError } from '../errors.ts';
import { validateData, validateSealed } from '../kinds/validate.ts';
import type { MappingProblem, Statement, StatementSource, SupplyEdge } from '../supply/statement.ts';
import type { Cells } from './table.ts';
import { placeOf } from './table.ts';

/** What one row says. */
export type RowMapping = {
  readonly row: number;
  readonly source: StatementSource;
  readonly statements: readonly Statement[];
  readonly edges: readonly SupplyEdge[];
  readonly problems: readonly MappingProblem[];
};

type Fields = Readonly<Record<string, Json>>;

/** Fields with a value. */
export function given(fields: Readonly<Record<string, Json | undefined>>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(fields).filter((field): field is [string, Json] => field[1] !== undefined),
  );
}

/** One entry to be, checked by the schema of its kind; what breaks it is named at the column that said it. */
export function stated(
  cells: Cells,
  identifier: string,
  content: { readonly kind: string; readonly time: string; readonly data: Fields; readonly sealed: Fields },
  source: StatementSource,
  /** The columns of fields that are called otherwise. */
  columns: Readonly<Record<string, string>> = {},
): Statement[] {
  const { kind, time, data, sealed } = content;
  const check = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      const path = String(error.details.path ?? '');
      const field = /^(?:data|sealed)\.([A-Za-z]+)/.exec(path)?.[1] ?? '';
      const expected = error.details.expected;
      cells.problems.push({
        code: error.code,
        at: placeOf(cells.row, columns[field] ?? field),
        detail: expected === undefined ? error.message : `should be ${String(expected)}`,
      });
    }
  };
  check(() => validateData(kind, 1, { ...data }));
  for (const [name, value] of Object.entries(sealed)) check(() => validateSealed(kind, 1, name, value));
  if (cells.problems.length > 0) return [];
  return [{ identifier, content: { kind, kindVersion: 1, time, data, sealed }, source }];
}
