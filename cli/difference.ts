import type { Link } from '../core/chain/link.ts';
import { isModuleLink } from '../core/chain/link.ts';
import { kindByNumber } from '../core/kinds/kinds.ts';

/** How a told history differs from the one on the ledger, at one place. Positions count from 0. */
export type Difference =
  /** On the ledger at `position`, and not told. */
  | { readonly difference: 'leftOut'; readonly position: number; readonly onLedger: PlacedLink }
  /** Told at `position`, and not on the ledger. */
  | { readonly difference: 'added'; readonly position: number; readonly told: Link }
  /** Told at `position` with other members than on the ledger. */
  | {
      readonly difference: 'altered';
      readonly position: number;
      readonly members: readonly string[];
      readonly onLedger: PlacedLink;
      readonly told: Link;
    }
  /** The same entry, told at another place. */
  | {
      readonly difference: 'moved';
      readonly position: number;
      readonly toldAt: number;
      readonly onLedger: PlacedLink;
    };

/** A link with where the ledger's log has it. */
export type PlacedLink = { readonly link: Link; readonly block: number; readonly transaction: string };

/** Every place at which a told history differs from the ledger's; none when they are the same. */
export function differences(onLedger: readonly PlacedLink[], told: readonly Link[]): Difference[] {
  const ledgerKeys = onLedger.map(({ link }) => keyOf(link));
  const toldKeys = told.map(keyOf);
  const missing = unmatched(ledgerKeys, toldKeys);
  const extra = unmatched(toldKeys, ledgerKeys);
  const found: Difference[] = [];
  for (const position of missing) {
    const placed = onLedger[position];
    if (placed === undefined) continue;
    const counterpart = extra.find((index) => {
      const link = told[index];
      return index === position && link !== undefined && isRelated(placed.link, link);
    });
    const link = counterpart === undefined ? undefined : told[counterpart];
    if (counterpart === undefined || link === undefined) {
      found.push({ difference: 'leftOut', position, onLedger: placed });
    } else {
      extra.splice(extra.indexOf(counterpart), 1);
      const members = differingMembers(placed.link, link);
      found.push({ difference: 'altered', position, members, onLedger: placed, told: link });
    }
  }
  for (const position of extra) {
    const link = told[position];
    if (link !== undefined) found.push({ difference: 'added', position, told: link });
  }
  found.push(...moved(onLedger, ledgerKeys, toldKeys, new Set(missing), new Set(extra)));
  return found.sort((left, right) => left.position - right.position);
}

/** Entries that both have, in another order. */
function moved(
  onLedger: readonly PlacedLink[],
  ledgerKeys: readonly string[],
  toldKeys: readonly string[],
  missing: ReadonlySet<number>,
  extra: ReadonlySet<number>,
): Difference[] {
  const ledgerOrder = ledgerKeys
    .map((key, position) => ({ key, position }))
    .filter((at) => !missing.has(at.position));
  const toldOrder = toldKeys
    .map((key, position) => ({ key, position }))
    .filter((at) => !extra.has(at.position));
  const toldPositions = new Map<string, number[]>();
  for (const { key, position } of toldOrder) {
    toldPositions.set(key, [...(toldPositions.get(key) ?? []), position]);
  }
  return ledgerOrder.flatMap(({ key, position }, rank): Difference[] => {
    const toldAt = toldPositions.get(key)?.shift();
    const placed = onLedger[position];
    if (toldAt === undefined || placed === undefined || toldOrder[rank]?.key === key) return [];
    return [{ difference: 'moved', position, toldAt, onLedger: placed }];
  });
}

/** Positions in `keys` whose key occurs more often there than in `others`. */
function unmatched(keys: readonly string[], others: readonly string[]): number[] {
  const left = new Map<string, number>();
  for (const key of others) left.set(key, (left.get(key) ?? 0) + 1);
  return keys.flatMap((key, position) => {
    const count = left.get(key) ?? 0;
    if (count > 0) left.set(key, count - 1);
    return count > 0 ? [] : [position];
  });
}

function membersOf(link: Link): Readonly<Record<string, string>> {
  const shared = { kind: String(link.kind), timestamp: String(link.timestamp), digest: link.digest };
  return isModuleLink(link)
    ? { ...shared, module: link.module, actor: link.actor, actionHash: link.actionHash }
    : { ...shared, organisation: String(link.organisation) };
}

function keyOf(link: Link): string {
  return JSON.stringify(Object.entries(membersOf(link)).sort());
}

function differingMembers(left: Link, right: Link): string[] {
  const [one, other] = [membersOf(left), membersOf(right)];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].filter(
    (name) => one[name] !== other[name],
  );
}

/** Whether two links at the same place are one entry with something changed, and not two entries. */
function isRelated(left: Link, right: Link): boolean {
  return isModuleLink(left) === isModuleLink(right) && differingMembers(left, right).length <= 2;
}

/** `service by organisation 4`. */
export function describeLink(link: Link): string {
  const kind = kindByNumber(link.kind)?.name ?? `kind ${link.kind}`;
  return isModuleLink(link)
    ? `${kind} by module ${link.module}`
    : `${kind} by organisation ${link.organisation}`;
}

/** A sentence for people. Entries are counted from 1 there. */
export function describeDifference(difference: Difference): string {
  const number = difference.position + 1;
  switch (difference.difference) {
    case 'leftOut': {
      const { link, block } = difference.onLedger;
      return `entry ${number} of the ledger’s history is left out: ${describeLink(link)}, digest ${link.digest}, block ${block}`;
    }
    case 'added':
      return `entry ${number} is not on the ledger: ${describeLink(difference.told)}, digest ${difference.told.digest}`;
    case 'altered':
      return `entry ${number} is altered (${difference.members.join(', ')}): the ledger has ${describeLink(difference.onLedger.link)}, digest ${difference.onLedger.link.digest}, block ${difference.onLedger.block}`;
    case 'moved':
      return `entry ${number} is told as entry ${difference.toldAt + 1}: ${describeLink(difference.onLedger.link)}, digest ${difference.onLedger.link.digest}`;
  }
}
