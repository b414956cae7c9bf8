import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8 } from '../bytes.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { formatIdentifier } from '../identifiers/identifier.ts';
import type { Statement, SupplyEdge } from '../supply/statement.ts';
import { given, type RowMapping, stated } from './statements.ts';
import { type Cells, sourceOf } from './table.ts';
import { batchNamed, partNamed, timeOf, wholeNamed } from './values.ts';

const ACTIONS: Readonly<Record<string, 'mounted' | 'removed'>> = {
  mounted: 'mounted',
  mount: 'mounted',
  installed: 'mounted',
  install: 'mounted',
  add: 'mounted',
  安装: 'mounted',
  removed: 'removed',
  remove: 'removed',
  uninstalled: 'removed',
  delete: 'removed',
  拆卸: 'removed',
};

const DISTANCES: Readonly<Record<string, string>> = { km: 'KMT', kmt: 'KMT', mi: 'SMI', smi: 'SMI' };

/** What a row says of a part and what it was put into, or taken out of. */
export function mapInstallation(cells: Cells): RowMapping {
  const maker = cells.get('manufacturerId');
  const whole = cells.need('vehicle', (text) => formatIdentifier(wholeNamed(text)));
  const part = cells.need('part', (text) => formatIdentifier(partNamed(text, maker)));
  const batch = cells.read('batch', (text) => formatIdentifier(batchNamed(text, maker)));
  const time = cells.need('time', timeOf);
  const action = cells.need('action', wordOf(ACTIONS, 'mounted or removed'));
  const odometer = cells.read('odometer', (text) => ({
    value: wholeNumber(text),
    unit: wordOf(DISTANCES, 'km or mi')(cells.get('odometerUnit') ?? 'km'),
    source: 'workshop',
  }));
  if (whole !== undefined && whole === part) cells.fail('bom.cycle', 'part', 'a part is not in itself');
  const empty = { row: cells.row, statements: [], edges: [], problems: cells.problems };
  if (cells.problems.length > 0 || whole === undefined || part === undefined || time === undefined) {
    return { ...empty, source: sourceOf(rowName(cells, null)) };
  }
  const mounted = action === 'mounted';
  const data = given({
    ...cells.texts('position', 'manufacturerId', 'manufacturerPartId', 'nameAtManufacturer'),
    component: cells.get('component') ?? 'other',
    part,
    batch: part.startsWith('batch:') ? undefined : batch,
    odometer: odometer as Json | undefined,
    ...(mounted
      ? cells.texts('condition')
      : { reason: cells.get('reason') ?? 'other', ...cells.texts('fate') }),
  });
  const sealed = cells.texts('technician', 'invoiceNumber', 'note');
  const kind = mounted ? 'part.mounted' : 'part.removed';
  const source = sourceOf(rowName(cells, { identifier: whole, kind, time, data, sealed }));
  const edge: SupplyEdge = {
    parent: whole,
    child: part,
    relation: 'mounted',
    ...(mounted ? { from: time } : { until: time }),
    source,
  };
  return {
    ...empty,
    source,
    statements: stated(cells, whole, { kind, time, data, sealed }, source),
    edges: [edge],
  };
}

/** A row by the number that its table gives it, else by what it says: the very same row is then the same one. */
export function rowName(cells: Cells, said: Json): string {
  const id = cells.get('id');
  return id ?? `row:${toHex(sha256(utf8(canonicalJson(said)))).slice(2)}`;
}

/** One of some words, without regard to case. */
export function wordOf<Value extends string>(
  words: Readonly<Record<string, Value>>,
  expected: string,
): (text: string) => Value {
  return (text) => {
    const word = text.toLowerCase();
    const value = Object.hasOwn(words, word) ? words[word] : undefined;
    if (value === undefined) throw new VinculumError('csv.value', `Write ${expected}.`);
    return value;
  };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,8}$/.test(text)) throw new VinculumError('quantity.invalid', 'Write a whole number.');
  return Number(text);
}

/**
 * Whether a part was mounted on a day before any on which it, or its batch, was made.
 * @param madeOn the day on which a part or a batch was made, undefined where nobody is known to have said
 * @returns the thing and its day, or null
 */
export function madeLater(
  { content }: Statement,
  madeOn: (identifier: string) => string | undefined,
): { readonly thing: string; readonly day: string } | null {
  if (content.kind !== 'part.mounted') return null;
  const mounted = content.time.slice(0, 10);
  for (const thing of [content.data.part, content.data.batch]) {
    const day = typeof thing === 'string' ? madeOn(thing) : undefined;
    if (day !== undefined && mounted < day) return { thing: String(thing), day };
  }
  return null;
}

/** One row that puts a part into another part, or takes it out again. */
export type PartInPart = { readonly row: number; readonly edge: SupplyEdge };

/**
 * Rows that put a part, as things stood then, into what is in it already: read in the order of their times, since a part
 * may be in another today and hold it tomorrow.
 */
export function cyclicRows(rows: readonly PartInPart[]): Map<number, readonly string[]> {
  const parents = new Map<string, string>();
  const cyclic = new Map<number, readonly string[]>();
  const timeOf = ({ edge }: PartInPart): string => edge.from ?? edge.until ?? '';
  // Of what happened at one time, removals come first.
  const rank = ({ edge }: PartInPart): number => (edge.from === undefined ? 0 : 1);
  const inOrder = [...rows].sort((left, right) => {
    const [one, other] = [timeOf(left), timeOf(right)];
    return one === other ? rank(left) - rank(right) || left.row - right.row : one < other ? -1 : 1;
  });
  for (const { row, edge } of inOrder) {
    const { parent, child } = edge;
    if (edge.from === undefined) {
      if (parents.get(child) === parent) parents.delete(child);
      continue;
    }
    const path = [child];
    for (let at: string | undefined = parent; at !== undefined; at = parents.get(at)) {
      path.push(at);
      if (at === child) break;
    }
    if (path.length > 1 && path.at(-1) === child) cyclic.set(row, path);
    else parents.set(child, parent);
  }
  return cyclic;
}
