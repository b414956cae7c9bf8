import { fromHex, toHex } from '../../core/bytes.ts';
import { eventSeconds } from '../../core/findings/openedEntry.ts';
import { type Identifier, parseIdentifier, subjectTypeOf } from '../../core/identifiers/identifier.ts';
import { kinds, moduleKinds } from '../../core/kinds/kinds.ts';
import { holdErasures } from '../erasure/tombstones.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { AcceptedEntry } from '../pipeline.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import {
  attesterOf,
  type DeriveContext,
  type Derived,
  derive,
  digestBytes,
  sealedStatements,
} from './derive.ts';
import type { Node, Nodes } from './nodes.ts';

export { nodeBytes } from './nodes.ts';

/** The relations in their columns. */
export const relations = { builtFrom: 1, mounted: 2, madeOf: 3, memberOf: 4 } as const;
export const thingTypes = { vehicle: 1, batch: 2, serial: 3 } as const;
const madeKinds: Readonly<Record<string, number>> = {
  'vehicle.built': kinds['vehicle.built'].number,
  'part.produced': kinds['part.produced'].number,
  'batch.produced': kinds['batch.produced'].number,
  'safetyPart.registered': moduleKinds['safetyPart.registered'].number,
};

export type WriteContext = DeriveContext & {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap'>;
};

/** Any number, the same in all versions: one process at a time writes the graph. */
const advisoryLock = 8_643_201_179n;
/** Histories that are read and written in one transaction. */
const AT_ONCE = 100;

/**
 * Makes the next marked histories' part of the graph anew.
 * @returns how many were
 */
export async function refreshDue(context: WriteContext, atOnce = AT_ONCE): Promise<number> {
  return context.store.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
    // What is read here must not be erased before it is written. Before the marks: an erasure waits for them.
    await holdErasures(transaction);
    const due = await transaction.query<{ subject: Uint8Array }>(
      `DELETE FROM graph_due WHERE subject IN (
         SELECT subject FROM graph_due ORDER BY subject LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING subject`,
      [atOnce],
    );
    if (due.length === 0) return 0;
    await refresh(
      context,
      transaction,
      due.map(({ subject }) => subject),
    );
    return due.length;
  });
}

/** Makes the histories that have these entries anew, now. */
export async function refreshEntries(context: WriteContext, digests: readonly Uint8Array[]): Promise<void> {
  const rows = await context.store.query<{ subject: Uint8Array }>(
    `SELECT DISTINCT subject::bytea AS subject FROM links
     WHERE digest = ANY($1::bytea[]) AND graph_states(kind) ORDER BY 1`,
    [digests],
  );
  for (let start = 0; start < rows.length; start += AT_ONCE) {
    const subjects = rows.slice(start, start + AT_ONCE).map(({ subject }) => subject);
    await context.store.transaction(async (transaction) => {
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
      await holdErasures(transaction);
      await refresh(context, transaction, subjects);
    });
  }
}

async function refresh(
  context: WriteContext,
  transaction: Transaction,
  subjects: readonly Uint8Array[],
): Promise<void> {
  const derived = await derive(transaction, context, subjects);
  const named = await transaction.query<{ subject: Uint8Array; wrapped: Uint8Array }>(
    'SELECT subject, wrapped FROM identifiers WHERE subject = ANY($1::bytea[])',
    [subjects],
  );
  const { nodes, secrets } = context;
  const sources = named.map(({ subject, wrapped }) => nodes.nodeOfText(secrets.identifier(subject, wrapped)));
  const before = await transaction.query<EdgeRow>(
    `DELETE FROM edges WHERE source = ANY($1::uuid[])
     RETURNING parent, child, digest, from_time, until_time, relation, sealed, child_type`,
    [sources],
  );
  await transaction.execute('DELETE FROM made WHERE node = ANY($1::uuid[])', [sources]);
  const scrapped = await transaction.query<ScrappedRow>(
    'DELETE FROM scrapped WHERE source = ANY($1::uuid[]) RETURNING node, parent, digest',
    [sources],
  );
  await transaction.execute('DELETE FROM made_sets WHERE node = ANY($1::uuid[])', [sources]);
  const { things, edges, ...now } = await insert(context, transaction, [...derived.values()]);
  await watchNew(transaction, { edges: before, scrapped }, { edges, ...now });
  const gone = new Set([...before.flatMap(({ parent, child }) => [parent, child]), ...sources]);
  for (const node of things) gone.delete(node);
  if (gone.size === 0) return;
  await transaction.execute(
    `DELETE FROM things WHERE node = ANY($1::uuid[])
       AND NOT EXISTS (SELECT 1 FROM edges WHERE edges.parent = things.node AND edges.relation <> 4)
       AND NOT EXISTS (SELECT 1 FROM edges WHERE edges.parent = things.node AND edges.relation = 4)
       AND NOT EXISTS (SELECT 1 FROM edges WHERE edges.child = things.node)
       AND NOT EXISTS (SELECT 1 FROM made WHERE made.node = things.node)`,
    [[...gone]],
  );
}

type EdgeRow = {
  readonly parent: string;
  readonly child: string;
  readonly digest: Uint8Array;
  readonly from_time: bigint | null;
  readonly until_time: bigint | null;
  readonly relation: number;
  readonly sealed: boolean;
  readonly child_type: number;
};

type ScrappedRow = { readonly node: string; readonly parent: string; readonly digest: Uint8Array };
type Watched = { readonly edges: readonly EdgeRow[]; readonly scrapped: readonly ScrappedRow[] };

/**
 * Has the watch over what is mounted look at the entries of all edges that were not there before, or not as they are now, and
 * at all of parts that were not known to be scrapped.
 */
async function watchNew(transaction: Transaction, before: Watched, now: Watched): Promise<void> {
  const edgeName = ({ parent, child, digest, relation, from_time, until_time }: EdgeRow): string =>
    `${parent} ${child} ${toHex(digest)} ${relation} ${from_time} ${until_time}`;
  const isWatched = ({ relation, sealed, child_type }: EdgeRow): boolean =>
    (relation === relations.builtFrom || relation === relations.mounted) &&
    child_type === thingTypes.serial &&
    !sealed;
  const known = new Set(before.edges.filter(isWatched).map(edgeName));
  const changed = now.edges.filter((edge) => isWatched(edge) && !known.has(edgeName(edge)));
  const scrappedName = ({ node, parent, digest }: ScrappedRow): string =>
    `${node} ${parent} ${toHex(digest)}`;
  const knownScrapped = new Set(before.scrapped.map(scrappedName));
  const scrapped = now.scrapped.filter((row) => !knownScrapped.has(scrappedName(row)));
  if (changed.length === 0 && scrapped.length === 0) return;
  await transaction.execute(
    `INSERT INTO watch_due
     SELECT given FROM unnest($1::bytea[]) AS given
     UNION
     SELECT digest FROM edges WHERE child = ANY($2::uuid[]) AND relation IN (1, 2) AND NOT sealed
     ORDER BY 1 ON CONFLICT DO NOTHING`,
    [changed.map(({ digest }) => digest), scrapped.map(({ node }) => node)],
  );
}

const columns = {
  edges: {
    parent: 'uuid',
    child: 'uuid',
    source: 'uuid',
    digest: 'bytea',
    organisation: 'int8',
    from_time: 'int8',
    until_time: 'int8',
    relation: 'int2',
    sealed: 'boolean',
    parent_type: 'int2',
    child_type: 'int2',
  },
  made: { node: 'uuid', digest: 'bytea', organisation: 'int8', kind: 'int2', number: 'uuid', day: 'int4' },
  scrapped: { node: 'uuid', parent: 'uuid', source: 'uuid', digest: 'bytea' },
  made_sets: { node: 'uuid', holder: 'bytea', digest: 'bytea' },
  things: { node: 'uuid', type: 'int2', maker: 'uuid', wrapped: 'bytea' },
} as const;

/** @returns the things that the histories name, their edges, and which parts are scrapped */
async function insert(
  { nodes }: WriteContext,
  transaction: Transaction,
  histories: readonly Derived[],
): Promise<Watched & { readonly things: ReadonlySet<Node> }> {
  const things = new Map<string, Node>();
  const nodeOf = (text: string): Node => {
    const node = things.get(text) ?? nodes.nodeOfText(text);
    things.set(text, node);
    return node;
  };
  const edges = histories.flatMap(({ identifier, edges }) =>
    edges.map((edge) => ({
      parent: nodeOf(edge.parent),
      child: nodeOf(edge.child),
      source: nodeOf(identifier),
      digest: digestBytes(edge.digest),
      organisation: attesterOf(edge.organisation),
      from_time: edge.from === undefined ? null : BigInt(eventSeconds(edge.from)),
      until_time: edge.until === undefined ? null : BigInt(eventSeconds(edge.until)),
      relation: relations[edge.relation],
      sealed: edge.sealed,
      parent_type: typeOfText(edge.parent),
      child_type: typeOfText(edge.child),
    })),
  );
  const made = histories.flatMap(({ identifier, made }) =>
    made.map((fact) => ({
      node: nodeOf(identifier),
      digest: digestBytes(fact.digest),
      organisation: attesterOf(fact.organisation),
      kind: madeKinds[fact.kind] ?? 0,
      number:
        fact.manufacturerPartId === undefined
          ? null
          : nodes.nodeOfNumber(fact.manufacturerId, fact.manufacturerPartId),
      day: dayOf(fact.day),
    })),
  );
  const scrapped = histories.flatMap(({ identifier, edges }) =>
    edges.flatMap(({ parent, child, scrappedBy, sealed }) =>
      // What is sealed of a vehicle tells nobody of the part; on the part's own chain only the vehicle is sealed.
      scrappedBy === undefined || (sealed && child !== identifier)
        ? []
        : [
            {
              node: nodeOf(child),
              parent: nodeOf(parent),
              source: nodeOf(identifier),
              digest: digestBytes(scrappedBy),
            },
          ],
    ),
  );
  const holders = histories.flatMap(({ identifier, made }) =>
    made.flatMap(({ kind, digest, holders }) =>
      kind !== 'batch.produced'
        ? []
        : holders.map((holder) => ({
            ...{ node: nodeOf(identifier), holder: digestBytes(holder), digest: digestBytes(digest) },
          })),
    ),
  );
  const rows = Array.from(things, ([text, node]) => {
    const identifier = parseIdentifier(text, { overrideCheckDigit: true });
    return {
      node,
      type: typeOf(identifier),
      maker: identifier.type === 'serial' ? nodes.nodeOfMaker(identifier.scope) : null,
      wrapped: nodes.wrapped(node, text),
    };
  });
  rows.sort((left, right) => (left.node < right.node ? -1 : 1));
  await insertRows(transaction, 'things', columns.things, rows, { onConflict: 'DO NOTHING' });
  await insertRows(transaction, 'edges', columns.edges, edges);
  await insertRows(transaction, 'made', columns.made, made, { onConflict: 'DO NOTHING' });
  await insertRows(transaction, 'made_sets', columns.made_sets, holders, { onConflict: 'DO NOTHING' });
  await insertRows(transaction, 'scrapped', columns.scrapped, scrapped, { onConflict: 'DO NOTHING' });
  return { things: new Set(things.values()), edges, scrapped };
}

/** Of an identifier’s text. */
function typeOfText(text: string): number {
  if (text.startsWith('serial:')) return thingTypes.serial;
  return text.startsWith('batch:') ? thingTypes.batch : thingTypes.vehicle;
}

function typeOf(identifier: Identifier): number {
  const type = subjectTypeOf(identifier);
  return type === 'vehicle' || type === 'batch' || type === 'serial' ? thingTypes[type] : 0;
}

/** Days since 1970. */
export function dayOf(date: string): number {
  return Math.floor(Date.parse(`${date.slice(0, 10)}T00:00:00Z`) / 86_400_000);
}

/** The day that {@link dayOf} counts. */
export function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/**
 * Keeps of accepted entries what their sealed fields state, in the transaction that accepts them: it is never opened for
 * the graph again.
 */
export async function recordSealed(
  transaction: Transaction,
  entries: readonly AcceptedEntry[],
  keyring: Pick<Keyring, 'wrap'>,
): Promise<void> {
  const rows = entries.flatMap(({ kind, digest, sealed }) => {
    if (!SEALING.has(kind)) return [];
    const content = sealedStatements(sealed);
    if (content === null) return [];
    const bytes = fromHex(digest, 32);
    return [{ digest: bytes, wrapped: keyring.wrap('identifier', content, bytes) }];
  });
  if (rows.length === 0) return;
  const given = { digest: 'bytea', wrapped: 'bytea' } as const;
  await insertRows(transaction, 'graph_sealed', given, rows, { onConflict: 'DO NOTHING' });
}

const SEALING: ReadonlySet<number> = new Set([
  kinds['vehicle.built'].number,
  kinds['part.produced'].number,
  kinds['batch.produced'].number,
  kinds['part.mounted'].number,
  kinds['part.removed'].number,
  kinds.amended.number,
]);
