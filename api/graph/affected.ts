import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';
import type { Asker } from './graph.ts';
import type { Node, Nodes } from './nodes.ts';
import { dayOf, relations, thingTypes } from './write.ts';

/** What a fault is known of. Of each list at most some thousands; they count together. */
export type AffectedQuery = {
  readonly batches?: readonly Identifier[];
  readonly serials?: readonly Identifier[];
  /** Serials of one maker, from and to included, compared as text of equal length. */
  readonly serialRanges?: readonly {
    readonly manufacturerId: string;
    readonly from: string;
    readonly to: string;
  }[];
  /** Parts by their maker's number, made on or between these days: `YYYY-MM-DD`. */
  readonly partNumbers?: readonly {
    readonly manufacturerId: string;
    readonly partNumber: string;
    readonly from?: string;
    readonly until?: string;
  }[];
  /** Vehicles that are affected whatever is in them. */
  readonly vehicles?: readonly Identifier[];
  /** Only what was in them at that time, seconds since 1970; without it whatever ever was. */
  readonly at?: bigint;
  /** Accepts that it is every vehicle that the asker ever built. */
  readonly all?: boolean;
  /** Of the last vehicle of the page before. */
  readonly cursor?: string;
  /** Vehicles of a page. */
  readonly limit: number;
};

export const bases = ['batches', 'serials', 'serialRanges', 'partNumbers', 'vehicles'] as const;
export type Basis = (typeof bases)[number];

export type Affected = {
  /** The vehicles that the asker may know of. */
  readonly count: number;
  /** How many of them each basis leads to: one may be reached by several. */
  readonly byBasis: Readonly<Record<Basis, number>>;
  /**
   * Further vehicles, of others. What ranges and part numbers lead to counts among them only as far as the asker made it, or
   * is an authority: how many others have built of another's parts is not told to who can count up to it.
   */
  readonly others: number;
  /** The identifiers of a page of them. */
  readonly vehicles: readonly string[];
  /** Where the next page begins; null: this is the last. */
  readonly cursor: string | null;
  /** Histories that are not in the graph yet. */
  readonly behind: number;
};

type AffectedContext = {
  readonly store: Store;
  readonly nodes: Nodes;
};

const bitOf = (basis: Basis): number => 1 << bases.indexOf(basis);
/** The bases that name no thing, where they lead to things that the asker did not make. */
const FOREIGN = bases.length;
const bitOfForeign = (basis: Basis): number => bitOf(basis) << FOREIGN;
/** The bases that tell of the vehicles of others, where they lead to them. */
const TELLING = (1 << FOREIGN) - 1 - bitOf('vehicles');

const { memberOf } = relations;
const { vehicle, batch, serial } = thingTypes;

/** SQL: whether an edge is the asker's (`$3`) to know. */
const OPEN = '(NOT edges.sealed OR edges.organisation = $3)';
/** SQL: whether it counts for the asker, at the time `$4`. That something is of a batch has no time. */
const COUNTS = `${OPEN}
  AND ($4::int8 IS NULL OR (coalesce(edges.from_time <= $4, true) AND coalesce($4 < edges.until_time, true)))`;

/**
 * SQL: the vehicles that the starts are in, with the bases that lead there as bits, and whether the asker stated the last
 * edge to it. Starts are `$1` of the types `$5` with their bits `$2`. The walk is that of core/supply/graph.ts: up, and from a
 * batch to its members, those among them that its maker lists where the entry that names the set counts.
 */
const REACHED = `WITH RECURSIVE reached(node, type, basis, own) AS (
    SELECT start.node, start.type, start.basis, false
    FROM unnest($1::uuid[], $2::int4[], $5::int2[]) AS start(node, basis, type)
    UNION
    SELECT step.node, step.type, reached.basis, step.own FROM reached CROSS JOIN LATERAL (
      SELECT edges.parent AS node, edges.parent_type AS type, edges.organisation = $3 AS own FROM edges
        WHERE reached.type <> ${vehicle} AND edges.child = reached.node AND edges.relation <> ${memberOf} AND ${COUNTS}
      UNION ALL
      SELECT edges.parent, edges.parent_type, edges.organisation = $3 FROM edges
        WHERE reached.type = ${vehicle} AND edges.child = reached.node AND edges.child_type = ${vehicle}
          AND edges.relation <> ${memberOf} AND ${COUNTS}
      UNION ALL
      SELECT edges.child, edges.child_type, false FROM edges
        WHERE reached.type = ${batch} AND edges.parent = reached.node AND edges.relation = ${memberOf} AND ${OPEN}
      UNION ALL
      SELECT serials.serial::uuid, ${serial}::int2, false FROM serials
        JOIN made_sets ON made_sets.node = serials.batch AND made_sets.holder = serials.digest
        JOIN sets ON sets.digest = serials.digest
        WHERE reached.type = ${batch} AND serials.batch = reached.node
    ) AS step
  ), found AS (
    SELECT reached.node, bit_or(reached.basis) AS basis, bool_or(reached.own) AS own FROM reached
    WHERE reached.type = ${vehicle} GROUP BY reached.node
  )`;

/** SQL: whether the asker `$3` built the vehicle, or mounted something in it. */
const OWN = (
  node: string,
) => `(EXISTS (SELECT 1 FROM edges WHERE edges.parent = ${node} AND edges.relation <> ${memberOf} AND edges.organisation = $3)
  OR EXISTS (SELECT 1 FROM made WHERE made.node = ${node} AND made.organisation = $3))`;

/** The vehicles that a fault reaches, exactly. */
export async function affected(
  context: AffectedContext,
  query: AffectedQuery,
  asker: Asker,
): Promise<Omit<Affected, 'behind'>> {
  const { store } = context;
  const { organisation, authority } = asker;
  const starts = await startsOf(context, query, asker);
  const given = new Map((query.vehicles ?? []).map((one) => [context.nodes.nodeOf(one), one]));
  const vehicleBit = bitOf('vehicles');
  const rows = await store.query<{ node: Node; basis: number; own: boolean }>(
    `${REACHED} SELECT found.node::text AS node, found.basis,
       ${authority ? 'true' : `CASE WHEN found.own THEN true ELSE ${OWN('found.node')} END`} AS own
     FROM found ORDER BY found.node`,
    [
      starts.map(({ node }) => node),
      starts.map(({ basis }) => basis),
      organisation,
      query.at ?? null,
      starts.map(({ type }) => type),
    ],
  );
  const found = new Map(rows.map(({ node, basis, own }) => [node, { basis, own }]));
  // By what else was asked alone: the number must not tell whether a vehicle that somebody names is among them.
  const others = rows.filter(({ own, basis }) => !own && (basis & TELLING) !== 0).length;
  for (const node of given.keys()) {
    // Who names a vehicle knows of it; whether it is reached otherwise is its maker's to know.
    const known = found.get(node);
    found.set(node, { basis: (known?.own === true ? known.basis : 0) | vehicleBit, own: true });
  }
  const nodes = [...found]
    .filter(([, { own }]) => own)
    .map(([node]) => node)
    .sort();
  if (nodes.length + others === 0) {
    throw new Problem(
      'recall.matchesNothing',
      'No vehicle that is yours to know of has, or had, any of these in it, as far as is known here.',
    );
  }
  if (query.all !== true) await refuseEverything(store, organisation, new Set(nodes));
  const byBasis = Object.fromEntries(
    bases.map((basis) => {
      const bits = bitOf(basis) | bitOfForeign(basis);
      return [basis, nodes.filter((node) => ((found.get(node)?.basis ?? 0) & bits) !== 0).length];
    }),
  ) as Record<Basis, number>;
  const after = query.cursor === undefined ? -1 : nodes.findLastIndex((node) => node <= (query.cursor ?? ''));
  const page = nodes.slice(after + 1, after + 1 + query.limit);
  const identifiers = await identifiersOf(context, page);
  return {
    count: nodes.length,
    byBasis,
    others,
    vehicles: page.map((node) => identifiers.get(node) ?? formatIdentifier(given.get(node) as Identifier)),
    cursor: after + 1 + page.length < nodes.length ? (page.at(-1) ?? null) : null,
  };
}

/** @throws `recall.matchesEverything` where these are all vehicles that the asker built, and it built several */
async function refuseEverything(
  store: Queryable,
  organisation: bigint,
  nodes: ReadonlySet<Node>,
): Promise<void> {
  const built = await store.query<{ node: Node }>(
    'SELECT DISTINCT node::text AS node FROM made WHERE organisation = $1 AND kind = 33 LIMIT $2',
    [organisation, nodes.size + 1],
  );
  if (built.length < 2 || built.length > nodes.size || !built.every(({ node }) => nodes.has(node))) return;
  throw new Problem(
    'recall.matchesEverything',
    'These are all vehicles that the organisation ever built: say so (`all`) where that is meant.',
    { extensions: { count: nodes.size } },
  );
}

type Start = { readonly node: Node; readonly basis: number; readonly type: number };

async function startsOf(context: AffectedContext, query: AffectedQuery, asker: Asker): Promise<Start[]> {
  const { nodes, store } = context;
  const startOf =
    (basis: Basis, type: number) =>
    (node: Node): Start => ({ node, basis: bitOf(basis), type });
  const starts = [
    ...(query.batches ?? []).map(nodes.nodeOf).map(startOf('batches', batch)),
    ...(query.serials ?? []).map(nodes.nodeOf).map(startOf('serials', serial)),
    ...(query.vehicles ?? []).map(nodes.nodeOf).map(startOf('vehicles', vehicle)),
  ];
  const counted: Start[] = [];
  for (const { manufacturerId, partNumber, from, until } of query.partNumbers ?? []) {
    const rows = await store.query<{ node: Node; type: number }>(
      `SELECT DISTINCT node::text AS node,
         (CASE kind WHEN 33 THEN ${vehicle} WHEN 96 THEN ${batch} ELSE ${serial} END)::int2 AS type FROM made
       WHERE number = $1 AND ($2::int4 IS NULL OR day >= $2) AND ($3::int4 IS NULL OR day <= $3)`,
      [
        nodes.nodeOfNumber(manufacturerId, partNumber),
        from === undefined ? null : dayOf(from),
        until === undefined ? null : dayOf(until),
      ],
    );
    for (const { node, type } of rows) counted.push(startOf('partNumbers', type)(node));
  }
  const ranges = (query.serialRanges ?? []).filter(({ from, to }) => from.length === to.length && from <= to);
  for (const maker of new Set(ranges.map(({ manufacturerId }) => manufacturerId.toLowerCase()))) {
    const own = ranges.filter(({ manufacturerId }) => manufacturerId.toLowerCase() === maker);
    const lies = (serial: string): boolean =>
      own.some(({ from, to }) => serial.length === from.length && from <= serial && serial <= to);
    for await (const [node, identifier] of serialsOf(context, maker)) {
      if (lies(identifier.slice(`serial:${maker}:`.length)))
        counted.push(startOf('serialRanges', serial)(node));
    }
  }
  const made = asker.authority ? null : await madeBy(store, asker.organisation, counted);
  for (const start of counted) {
    const isForeign = made !== null && !made.has(start.node);
    starts.push(isForeign ? { ...start, basis: start.basis << FOREIGN } : start);
  }
  return starts;
}

/** Which of some things an organisation made: it says so of each, or lists it in a set of a batch. */
async function madeBy(
  store: Queryable,
  organisation: bigint,
  starts: readonly Start[],
): Promise<ReadonlySet<Node>> {
  if (starts.length === 0) return new Set();
  const rows = await store.query<{ node: Node }>(
    `SELECT start.node::text AS node FROM unnest($1::uuid[]) AS start(node)
     WHERE EXISTS (SELECT 1 FROM made WHERE made.node = start.node AND made.organisation = $2)
       OR EXISTS (SELECT 1 FROM serials JOIN sets ON sets.digest = serials.digest
         WHERE serials.serial = start.node AND sets.organisation = $2)`,
    [starts.map(({ node }) => node), organisation],
  );
  return new Set(rows.map(({ node }) => node));
}

const SERIALS_AT_ONCE = 10_000;

/** Every serial of a maker that is in the graph, unwrapped: in which range one lies, no key tells. */
async function* serialsOf(
  { store, nodes }: AffectedContext,
  maker: string,
): AsyncGenerator<readonly [Node, string]> {
  let after = '00000000-0000-0000-0000-000000000000' as Node;
  for (;;) {
    const rows: { node: Node; wrapped: Uint8Array }[] = await store.query(
      `SELECT node::text AS node, wrapped FROM things WHERE maker = $1 AND node > $2::uuid ORDER BY node LIMIT $3`,
      [nodes.nodeOfMaker(maker), after, SERIALS_AT_ONCE],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.node;
    for (const { node, wrapped } of rows) yield [node, nodes.identifierOf(node, wrapped)];
  }
}

/** The identifiers of nodes, as far as they are things of the graph. */
export async function identifiersOf(
  { store, nodes }: AffectedContext,
  asked: readonly Node[],
): Promise<Map<Node, string>> {
  const rows = await store.query<{ node: Node; wrapped: Uint8Array }>(
    'SELECT node::text AS node, wrapped FROM things WHERE node = ANY($1::uuid[])',
    [asked],
  );
  return new Map(rows.map(({ node, wrapped }) => [node, nodes.identifierOf(node, wrapped)]));
}
