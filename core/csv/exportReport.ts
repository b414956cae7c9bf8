import { canonicalJson, type Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { applyAmendments, sameAttester } from '../findings/amendments.ts';
import type { EffectiveEntry, OpenedEntry } from '../findings/openedEntry.ts';
import type { MappingProblem } from '../supply/statement.ts';
import { openedEntry } from '../verify/conclude.ts';
import type { Verification } from '../verify/result.ts';
import type { Delimiter } from './reader.ts';
import type { TableName } from './table.ts';
import { type Input, inputsText } from './values.ts';
import { csvRow } from './writer.ts';

/*
 * A verified history as a table: of all its entries, for people; or as one of the tables that an import reads, whose rows
 * give the same entries again. What was corrected is written as corrected, what was taken back not at all.
 */

export type CsvExport = {
  readonly text: string;
  readonly rows: number;
  /** Entries, and fields of entries, that the table has no place for. */
  readonly problems: readonly MappingProblem[];
};

export type CsvExportOptions = {
  /** As which table of an import; of all entries where none is named. */
  readonly table?: Exclude<TableName, 'serials'>;
  readonly delimiter?: Delimiter;
};

type Fields = Readonly<Record<string, Json>>;

/** @throws `export.notVerified` for a report whose verdict is another: what is not proven is not passed on */
export function exportCsv(verification: Verification, options: CsvExportOptions = {}): CsvExport {
  if (verification.verdict !== 'verified') {
    throw new VinculumError(
      'export.notVerified',
      `The report is ${verification.verdict}: only a verified history is exported.`,
      { details: { verdict: verification.verdict } },
    );
  }
  const entries = verification.entries
    .filter(({ chain }) => typeof chain === 'string')
    .map((entry) => openedEntry(entry));
  const { effective } = applyAmendments(entries, sameAttester);
  const { delimiter = ',' } = options;
  const { heading, rows, problems } =
    options.table === undefined
      ? wholeTable(entries, effective)
      : importTable(options.table, effective, verification.identifier);
  const text = [heading, ...rows].map((cells) => csvRow(cells, delimiter)).join('');
  return { text, rows: rows.length, problems };
}

type Written = {
  readonly heading: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly problems: readonly MappingProblem[];
};

/** Every entry, the corrected ones as corrected, with all fields that any of them has. */
function wholeTable(entries: readonly OpenedEntry[], effective: readonly EffectiveEntry[]): Written {
  const own = ['digest', 'kind', 'status', 'organisation', 'time', 'anchoredAt', 'amendedBy'];
  const counting = new Map(effective.map((entry) => [entry.digest, entry]));
  const shown = entries.map((entry) => counting.get(entry.digest) ?? { ...entry, amendedBy: null });
  const names = (of: 'data' | 'sealed'): string[] =>
    [...new Set(shown.flatMap((entry) => Object.keys(entry[of])))].sort();
  const [open, sealed] = [names('data'), names('sealed').filter((name) => !isKey(name))];
  const rows = shown.map((entry) => [
    entry.digest,
    entry.kind,
    entry.status,
    entry.organisation,
    entry.time,
    new Date(entry.anchoredAt * 1000).toISOString().replace('.000Z', 'Z'),
    entry.amendedBy ?? '',
    ...open.map((name) => textOf(entry.data[name])),
    ...sealed.map((name) => textOf(entry.sealed[name])),
  ]);
  return { heading: [...own, ...open, ...sealed.map((name) => `sealed.${name}`)], rows, problems: [] };
}

/** Keys of documents and of other entries open what the reader of a table was not given. */
const isKey = (name: string): boolean => name.startsWith('key:') || name.startsWith('document:');

function textOf(value: Json | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : canonicalJson(value);
}

type Column = (entry: EffectiveEntry, identifier: string) => string;
type Rows = {
  readonly kinds: readonly string[];
  readonly columns: Readonly<Record<string, Column>>;
  /** Fields that the columns, or the kind itself, say. */
  readonly says: readonly string[];
};

const open =
  (name: string): Column =>
  ({ data }) =>
    textOf(data[name]);
const shut =
  (name: string): Column =>
  ({ sealed }) =>
    textOf(sealed[name]);
const memberText = (value: Json | undefined, member: string): string =>
  textOf((value as Fields | undefined)?.[member]);
const amount: Readonly<Record<string, Column>> = {
  quantity: ({ sealed }) => memberText(sealed.quantity, 'value'),
  unit: ({ sealed }) => memberText(sealed.quantity, 'unit'),
};
const subject: Column = (_, identifier) => identifier;
const named = (make: (name: string) => Column, ...names: readonly string[]): Record<string, Column> =>
  Object.fromEntries(names.map((name) => [name, make(name)]));

const STEPS: Readonly<Record<string, string>> = {
  'batch.shipped': 'shipped',
  'batch.received': 'received',
  'batch.quarantined': 'quarantined',
  'batch.released': 'released',
};

const TABLES: Readonly<Record<Exclude<TableName, 'serials'>, Rows>> = {
  batches: {
    kinds: ['batch.produced'],
    columns: {
      batch: subject,
      ...named(open, 'manufacturerId', 'manufacturerPartId', 'nameAtManufacturer'),
      ...named(
        open,
        'productionDate',
        'productionStart',
        'expiryDate',
        'plant',
        'country',
        'origin',
        'drawing',
      ),
      carbonFootprint: ({ data }) => memberText(data.carbonFootprint, 'value'),
      ...amount,
      inputs: ({ data, sealed }) => {
        const known = (sealed.inputQuantities ?? []) as unknown as readonly Input[];
        const inputs = (data.inputs ?? []) as unknown as readonly { batch: string }[];
        return inputsText(
          inputs.map(({ batch }) => known.find((input) => input.batch === batch) ?? { batch }),
        );
      },
      ...named(shut, 'customer', 'customerPartId', 'orderNumber', 'note'),
    },
    says: ['bizStep', 'batchId', 'inputQuantities'],
  },
  installations: {
    kinds: ['part.mounted', 'part.removed'],
    columns: {
      vehicle: ({ data, sealed }, identifier) =>
        data.part === undefined ? textOf(sealed.vehicle) : identifier,
      part: ({ data }, identifier) => (data.part === undefined ? identifier : textOf(data.part)),
      time: ({ time }) => time,
      action: ({ kind }) => (kind === 'part.mounted' ? 'mounted' : 'removed'),
      ...named(open, 'component', 'position', 'batch', 'manufacturerId', 'manufacturerPartId'),
      ...named(open, 'nameAtManufacturer', 'condition', 'reason', 'fate'),
      odometer: ({ data }) => memberText(data.odometer, 'value'),
      odometerUnit: ({ data }) => memberText(data.odometer, 'unit'),
      ...named(shut, 'technician', 'invoiceNumber', 'note'),
      id: shut('eventId'),
    },
    says: [],
  },
  steps: {
    kinds: Object.keys(STEPS),
    columns: {
      batch: subject,
      step: ({ kind }) => STEPS[kind] ?? '',
      time: ({ time }) => time,
      from: open('from'),
      to: ({ data }) => textOf(data.by ?? data.to),
      ...amount,
      ...named(shut, 'lot', 'customer', 'orderNumber', 'location', 'description', 'reportNumber', 'note'),
      accepted: ({ data }) => (data.accepted === undefined ? '' : data.accepted === true ? 'yes' : 'no'),
      ...named(open, 'shipped', 'quarantined', 'disposition', 'reason', 'outcome'),
      id: shut('eventId'),
    },
    says: ['bizStep', 'by'],
  },
};

function importTable(
  table: Exclude<TableName, 'serials'>,
  effective: readonly EffectiveEntry[],
  identifier: string,
): Written {
  const { kinds, columns, says } = TABLES[table];
  const problems: MappingProblem[] = [];
  const said = new Set([...Object.keys(columns), ...says, 'eventId', 'eventHash']);
  const rows = effective.flatMap((entry): string[][] => {
    if (!kinds.includes(entry.kind)) {
      problems.push(notExported(entry, `a table of ${table} has no row for it`));
      return [];
    }
    const left = [...Object.keys(entry.data), ...Object.keys(entry.sealed)].filter((name) => !said.has(name));
    if (left.length > 0) problems.push(notExported(entry, `the table has no column for ${left.join(', ')}`));
    return [Object.values(columns).map((column) => column(entry, identifier))];
  });
  return { heading: Object.keys(columns), rows, problems };
}

function notExported({ digest, kind }: OpenedEntry, why: string): MappingProblem {
  return { code: 'csv.notExported', at: digest, detail: `${kind}: ${why}`, note: true };
}
