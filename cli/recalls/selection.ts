import * as z from 'zod/mini';
import { isVinculumError } from '../../core/errors.ts';
import { formatIdentifier, parseIdentifier, subjectTypeOf } from '../../core/identifiers/identifier.ts';
import { type Client, ServiceRefusal } from '../client.ts';
import { usageError } from '../exit.ts';
import { piecesOf } from '../import/rows.ts';

/** Which vehicles are meant, as options give it; all of them together. */
export type SelectionOptions = {
  readonly batch?: readonly string[];
  readonly serial?: readonly string[];
  /** `FROM..TO`, of the maker. */
  readonly serials?: readonly string[];
  readonly partNumber?: readonly string[];
  readonly maker?: string;
  readonly from?: string;
  readonly until?: string;
  readonly vins?: string;
  readonly at?: string;
  readonly all?: boolean;
  readonly empty?: boolean;
};

export type SerialRange = { readonly manufacturerId: string; readonly from: string; readonly to: string };
export type PartNumber = {
  readonly manufacturerId: string;
  readonly partNumber: string;
  readonly from?: string;
  readonly until?: string;
};

/** What a fault is known of, in the words of the service and of the entry. */
export type Criteria = {
  readonly batches: readonly string[];
  readonly serials: readonly string[];
  readonly serialRanges: readonly SerialRange[];
  readonly partNumbers: readonly PartNumber[];
};

export type Selection = {
  readonly criteria: Criteria;
  /** Vehicles that were named one by one. */
  readonly named: readonly string[];
  readonly at?: string;
  readonly all: boolean;
  readonly empty: boolean;
};

/** The vehicles that a selection comes to. */
export type Affected = {
  readonly vehicles: readonly string[];
  /** How many of them each basis leads to; one may be reached by several. */
  readonly byBasis: Readonly<Record<string, number>>;
  /** Vehicles that others built: they are not listed. */
  readonly others: number;
  /** Histories that the service has not read yet. */
  readonly behind: number;
};

/** @throws `recall.selection` `recall.vins` and the codes of identifiers */
export async function readSelection(options: SelectionOptions, signal: AbortSignal): Promise<Selection> {
  const { maker, from, until } = options;
  const makerOf = (what: string): string => {
    if (maker === undefined) throw usageError('recall.selection', `Say whose ${what} it is: --maker ID.`);
    return maker;
  };
  const serialRanges = (options.serials ?? []).map((text) => rangeOf(text, makerOf('serial range')));
  const dates = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  for (const date of Object.values(dates)) {
    if (!/^\d{4}-\d\d-\d\d$/.test(date))
      throw usageError('recall.selection', `${date} is no day: YYYY-MM-DD.`);
  }
  if (from !== undefined && until !== undefined && until < from) {
    throw usageError('recall.selection', `${from} is after ${until}: nothing was made between them.`);
  }
  const partNumbers = (options.partNumber ?? []).map((partNumber) => ({
    ...{ manufacturerId: makerOf('part number'), partNumber },
    ...dates,
  }));
  if (partNumbers.length === 0 && Object.keys(dates).length > 0) {
    throw usageError('recall.selection', '--from and --until are about a part number: --part-number NUMBER.');
  }
  const criteria = {
    batches: (options.batch ?? []).map((text) => identifierOf(text, 'batch')),
    serials: (options.serial ?? []).map((text) => identifierOf(text, 'serial')),
    ...{ serialRanges, partNumbers },
  };
  const named = options.vins === undefined ? [] : await readVehicles(options.vins, signal);
  if (!hasCriteria(criteria) && options.vins === undefined) {
    throw usageError(
      'recall.selection',
      'Say what is recalled: --batch, --serial, --serials FROM..TO, --part-number or --vins FILE.',
    );
  }
  return {
    ...{ criteria, named, all: options.all === true, empty: options.empty === true },
    ...(options.at === undefined ? {} : { at: options.at }),
  };
}

export const hasCriteria = (criteria: Criteria): boolean =>
  Object.values(criteria).some((list) => list.length > 0);

function rangeOf(text: string, manufacturerId: string): SerialRange {
  const [from = '', to = '', ...more] = text.split('..');
  if (from === '' || to === '' || more.length > 0 || from.length !== to.length || from > to) {
    throw usageError(
      'recall.selection',
      `A range of serials is FROM..TO, both of one length and in their order as text, not ${text}.`,
    );
  }
  return { manufacturerId, from, to };
}

function identifierOf(text: string, type: 'batch' | 'serial' | 'vehicle'): string {
  const identifier = parseIdentifier(text, { overrideCheckDigit: true });
  if (subjectTypeOf(identifier) !== type) {
    throw usageError('recall.selection', `${text} is no ${type}.`);
  }
  return formatIdentifier(identifier);
}

const NAMED = 10;

/** Vehicles, one a line: VINs or whole identifiers, plain or gzip; each counts once. */
async function readVehicles(file: string, signal: AbortSignal): Promise<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  try {
    for await (const piece of piecesOf(file, signal)) text += decoder.decode(piece, { stream: true });
    text += decoder.decode();
  } catch (cause) {
    if (isVinculumError(cause)) throw cause;
    throw usageError('recall.vins', `${file} can’t be read as text (UTF-8), one vehicle a line.`, { cause });
  }
  const vehicles = new Set<string>();
  const faults: string[] = [];
  let count = 0;
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const value = line.trim();
    if (value === '') continue;
    try {
      vehicles.add(identifierOf(value, 'vehicle'));
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      count += 1;
      if (faults.length < NAMED) faults.push(`line ${index + 1}: ${error.code}`);
    }
  }
  if (count > 0) {
    throw usageError(
      'recall.vins',
      `${file} has ${count} lines that are no vehicle (${faults.join(', ')}${count > NAMED ? ' …' : ''}). Nothing was done.`,
    );
  }
  return [...vehicles];
}

const affectedSchema = z.looseObject({
  count: z.int(),
  byBasis: z.record(z.string(), z.int()),
  others: z.int(),
  vehicles: z.array(z.string()),
  cursor: z.nullable(z.string()),
  behind: z.optional(z.int()),
});

/**
 * Computes the vehicles that a selection comes to, over the whole graph.
 * @throws `recall.matchesNothing` unless that is said to be meant (`empty`), `recall.matchesEverything` unless `all`
 */
export async function affectedBy(
  client: Client,
  selection: Selection,
  onProgress?: (done: number, total: number) => void,
): Promise<Affected> {
  const { criteria, named, at, all, empty } = selection;
  const vehicles = new Set<string>(named);
  let byBasis: Record<string, number> = {};
  let others = 0;
  let behind = 0;
  if (hasCriteria(criteria)) {
    let cursor: string | null = null;
    do {
      const asked: object = {
        ...Object.fromEntries(Object.entries(criteria).filter(([, list]) => list.length > 0)),
        ...(at === undefined ? {} : { at }),
        ...(all ? { all } : {}),
        ...(cursor === null ? {} : { cursor }),
      };
      const page: z.output<typeof affectedSchema> | null = await client
        .json('/v1/recalls/affected', affectedSchema, asked)
        .catch((error: unknown) => {
          const nothing = error instanceof ServiceRefusal && error.code === 'recall.matchesNothing';
          if (nothing && (empty || named.length > 0)) return null;
          throw error;
        });
      if (page === null) break;
      for (const vehicle of page.vehicles) vehicles.add(vehicle);
      ({ byBasis, others, cursor } = page);
      behind = page.behind ?? 0;
      onProgress?.(vehicles.size, page.count);
    } while (cursor !== null);
  }
  if (vehicles.size === 0 && !empty) {
    throw usageError(
      'recall.matchesNothing',
      'No vehicle is affected, as far as is known. Where the campaign is about parts that are in no vehicle yet: --empty.',
    );
  }
  const counts = Object.entries(byBasis).filter(([, count]) => count > 0);
  return {
    vehicles: [...vehicles].sort(),
    byBasis: { ...Object.fromEntries(counts), ...(named.length === 0 ? {} : { vins: named.length }) },
    ...{ others, behind },
  };
}
