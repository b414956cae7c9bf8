import { toHex } from '../../core/bytes.ts';
import { parseEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { buildGraph, cyclesOf } from '../../core/supply/graph.ts';
import type { SupplyEdge } from '../../core/supply/statement.ts';
import { openBlock } from '../accept/open.ts';
import { Problem } from '../problem.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store } from '../store/store.ts';
import { identifiersOf } from './affected.ts';
import type { Asker } from './graph.ts';
import type { Node, Nodes } from './nodes.ts';
import { relations, thingTypes } from './write.ts';

export type TraceQuery = {
  readonly identifier: Identifier;
  readonly direction: 'up' | 'down';
  /** Only what was so then, seconds since 1970; without it whatever ever was. */
  readonly at?: bigint;
  /** As many edges from the start at most. */
  readonly depth?: number;
};

export type TraceThing = {
  /** In this answer only. */
  readonly id: string;
  readonly identifier: string;
  readonly type: string;
  /** Edges from the start, the fewest. */
  readonly depth: number;
  /** What its maker calls it. */
  readonly label?: string;
  /** The digest of the entry by which its maker says what it is. */
  readonly entry?: string;
};

export type TraceEdge = {
  readonly parent: string;
  readonly child: string;
  readonly relation: SupplyEdge['relation'];
  /** The entry that states it. */
  readonly digest: string;
  /** Instants in UTC. */
  readonly from?: string;
  readonly until?: string;
  /** It was stated in a sealed field, by the asker. */
  readonly sealed?: true;
};

export type Trace = {
  readonly start: string;
  /** The start first, then what was reached, nearest first. */
  readonly things: readonly TraceThing[];
  readonly edges: readonly TraceEdge[];
  /** Tiers that end in the dark, each with its reason. */
  readonly missing: readonly {
    readonly parent: string;
    readonly component: string;
    readonly supplier?: string;
    readonly reason: string;
    /** The thing that is named and of which its maker says nothing here. */
    readonly thing?: string;
  }[];
  /** Things that are said to be in themselves, directly or through others. */
  readonly cycles: readonly (readonly string[])[];
  /** Vehicles that the way up leads to as well, and that are not the asker's to know. */
  readonly others: number;
  /** There is more: it was cut at the depth, or at the most things that an answer holds. */
  readonly truncated: boolean;
  /** Histories that are not in the graph yet. */
  readonly behind: number;
};

export type TraceContext = {
  readonly store: Store;
  readonly nodes: Nodes;
  readonly secrets: Secrets;
};

export const MAX_THINGS = 5_000;
export const MAX_DEPTH = 1_000;
/** The way up is found before it is known what of it is the asker's: it may be longer than what is shown. */
const MAX_WALKED = 200_000;
const SHOWN_AT_ONCE = 500;

type EdgeRow = {
  readonly near: Node;
  readonly far: Node;
  readonly relation: number;
  readonly digest: Uint8Array;
  readonly from_time: bigint | null;
  readonly until_time: bigint | null;
  readonly sealed: boolean;
};
type Step = EdgeRow & { readonly parent: Node; readonly child: Node };

/** SQL: whether an edge counts for the asker `$2`, at the time `$3`. */
const COUNTS = `(NOT edges.sealed OR edges.organisation = $2)
  AND ($3::int8 IS NULL OR (coalesce(edges.from_time <= $3, true) AND coalesce($3 < edges.until_time, true)))`;
const FACTS =
  'edges.relation, edges.digest::bytea AS digest, edges.from_time, edges.until_time, edges.sealed';
const { memberOf } = relations;

/** SQL: the edges from the things `$1`, by the rules of core/supply/graph.ts. */
const stepsOf = (direction: 'up' | 'down'): string => {
  const [near, far] = direction === 'up' ? ['child', 'parent'] : ['parent', 'child'];
  const listed =
    direction === 'up'
      ? `SELECT asked.node, serials.serial::uuid, serials.digest::bytea FROM asked JOIN serials ON serials.batch = asked.node
           JOIN made_sets ON made_sets.node = serials.batch AND made_sets.holder = serials.digest
           JOIN sets ON sets.digest = serials.digest
           WHERE EXISTS (SELECT 1 FROM things WHERE things.node = serials.serial)`
      : `SELECT asked.node, serials.batch::uuid, serials.digest::bytea FROM asked JOIN serials ON serials.serial = asked.node
           JOIN made_sets ON made_sets.node = serials.batch AND made_sets.holder = serials.digest
           JOIN sets ON sets.digest = serials.digest`;
  return `WITH asked AS (SELECT * FROM unnest($1::uuid[]) AS asked(node))
    SELECT near::text AS near, far::text AS far, relation, digest, from_time, until_time, sealed FROM (
      SELECT asked.node AS near, edges.${far} AS far, ${FACTS} FROM asked
        JOIN edges ON edges.${near} = asked.node AND edges.relation <> ${memberOf} AND ${COUNTS}
      UNION ALL
      SELECT asked.node, edges.${near}, ${FACTS} FROM asked
        JOIN edges ON edges.${far} = asked.node AND edges.relation = ${memberOf} AND ${COUNTS}
      UNION ALL
      SELECT listed.near, listed.far, ${memberOf}::int2, listed.digest, NULL, NULL, false FROM (${listed}) AS listed(near, far, digest)
    ) AS steps ORDER BY near, far, relation, digest LIMIT $4`;
};

/** What a thing is made of, or is in: each thing once, with every edge between those that are shown. */
export async function trace(
  context: TraceContext,
  query: TraceQuery,
  asker: Asker,
): Promise<Omit<Trace, 'behind'>> {
  const { nodes } = context;
  const start = nodes.nodeOf(query.identifier);
  const walked = await walk(context, query, asker, start);
  let { depths, steps, truncated } = walked;
  let others = 0;
  if (query.direction === 'up') {
    const ends = asker.authority ? null : await ownOf(context, asker, [...depths.keys()]);
    const shown = ends === null ? new Set(depths.keys()) : leadingTo(start, steps, ends);
    others = await vehiclesAmong(
      context,
      [...depths.keys()].filter((node) => !shown.has(node)),
    );
    depths = new Map([...depths].filter(([node]) => shown.has(node)));
  }
  if (depths.size > MAX_THINGS) {
    depths = new Map([...depths].slice(0, MAX_THINGS));
    truncated = true;
  }
  steps = steps.filter(({ parent, child }) => depths.has(parent) && depths.has(child));

  const identifiers = await identifiersOf(context, [...depths.keys()]);
  const textOf = (node: Node): string =>
    identifiers.get(node) ?? (node === start ? formatIdentifier(query.identifier) : '');
  // A serial of a set that no edge names has no identifier here: it is in nothing.
  const known = [...depths].filter(([node]) => textOf(node) !== '');
  const ids = new Map(known.map(([node], index) => [node, String(index)]));
  const idOf = (node: Node): string => ids.get(node) ?? '';
  steps = steps.filter(({ parent, child }) => ids.has(parent) && ids.has(child));
  const facts = await factsOf(
    context,
    known.map(([node]) => node),
  );
  const things = known.map(([node, depth]): TraceThing => {
    const fact = facts.get(node);
    return {
      id: idOf(node),
      identifier: textOf(node),
      type: parseIdentifier(textOf(node), { overrideCheckDigit: true }).type,
      depth,
      ...(fact?.label === undefined ? {} : { label: fact.label }),
      ...(fact === undefined ? {} : { entry: fact.digest }),
    };
  });
  const edges = steps.map(
    (step): TraceEdge => ({
      parent: idOf(step.parent),
      child: idOf(step.child),
      relation: relationOf(step.relation),
      digest: toHex(step.digest),
      ...(step.from_time === null ? {} : { from: instantOf(step.from_time) }),
      ...(step.until_time === null ? {} : { until: instantOf(step.until_time) }),
      ...(step.sealed ? { sealed: true as const } : {}),
    }),
  );
  return {
    start: idOf(start),
    things,
    edges,
    missing: query.direction === 'down' ? missingOf(known, steps, facts, idOf, textOf, walked.whole) : [],
    cycles: cyclesOf(buildGraph(edges.map((edge) => ({ ...edge, source: { system: 'csv', id: '' } })))),
    others,
    truncated,
  };
}

/** Breadth first, a question to the store for each level. */
async function walk(
  { store }: TraceContext,
  { direction, at, depth: deepest = MAX_DEPTH }: TraceQuery,
  { organisation }: Asker,
  start: Node,
): Promise<{
  depths: Map<Node, number>;
  steps: Step[];
  truncated: boolean;
  /** The things whose edges were all followed. */
  whole: ReadonlySet<Node>;
}> {
  const depths = new Map<Node, number>([[start, 0]]);
  const steps = new Map<string, Step>();
  const whole = new Set<Node>();
  const most = direction === 'up' ? MAX_WALKED : MAX_THINGS + 1;
  const sql = stepsOf(direction);
  let cut = false;
  let level: Node[] = [start];
  let depth = 0;
  for (; level.length > 0 && depth < deepest && depths.size < most; depth++) {
    const next = new Set<Node>();
    for (let from = 0; from < level.length && depths.size < most; from += SHOWN_AT_ONCE) {
      const some = level.slice(from, from + SHOWN_AT_ONCE);
      const rows = await store.query<EdgeRow>(sql, [some, organisation, at ?? null, MAX_WALKED]);
      cut ||= rows.length === MAX_WALKED;
      for (const row of rows) {
        const inside = (direction === 'up') === (row.relation !== memberOf);
        const step = { ...row, parent: inside ? row.far : row.near, child: inside ? row.near : row.far };
        steps.set(`${step.parent} ${step.child} ${row.relation} ${toHex(row.digest)} ${row.from_time}`, step);
        if (depths.has(row.far)) continue;
        depths.set(row.far, depth + 1);
        next.add(row.far);
      }
      for (const node of some) whole.add(node);
    }
    level = [...next];
  }
  return { depths, steps: [...steps.values()], truncated: cut || level.length > 0, whole };
}

/** Those of the nodes that the asker stated something of itself. */
async function ownOf(
  { store }: TraceContext,
  { organisation }: Asker,
  nodes: readonly Node[],
): Promise<ReadonlySet<Node>> {
  const rows = await store.query<{ node: Node }>(
    `SELECT asked.node::text AS node FROM unnest($1::uuid[]) AS asked(node)
     WHERE EXISTS (SELECT 1 FROM edges WHERE edges.parent = asked.node AND edges.relation <> ${memberOf} AND edges.organisation = $2)
        OR EXISTS (SELECT 1 FROM made WHERE made.node = asked.node AND made.organisation = $2)`,
    [nodes, organisation],
  );
  return new Set(rows.map(({ node }) => node));
}

/** The start, and whatever lies on a way from it to one of the ends. */
function leadingTo(start: Node, steps: readonly Step[], ends: ReadonlySet<Node>): Set<Node> {
  const nearer = new Map<Node, Node[]>();
  for (const { near, far } of steps) nearer.set(far, [...(nearer.get(far) ?? []), near]);
  const shown = new Set<Node>([start, ...ends]);
  for (const node of shown) for (const before of nearer.get(node) ?? []) shown.add(before);
  return shown;
}

async function vehiclesAmong({ store }: TraceContext, nodes: readonly Node[]): Promise<number> {
  const [row] = await store.query<{ count: bigint }>(
    'SELECT count(*) AS count FROM things WHERE node = ANY($1::uuid[]) AND type = $2',
    [nodes, thingTypes.vehicle],
  );
  return Number(row?.count ?? 0n);
}

type Fact = {
  readonly digest: string;
  readonly label?: string;
  readonly missing: readonly { component: string; supplier?: string; reason: string }[];
  readonly components: ReadonlyMap<string, string>;
};

/** What the makers of things say of them: their names, and the tiers that they leave out. */
async function factsOf({ store, secrets }: TraceContext, nodes: readonly Node[]): Promise<Map<Node, Fact>> {
  const facts = new Map<Node, Fact>();
  for (let from = 0; from < nodes.length; from += SHOWN_AT_ONCE) {
    const rows = await store.query<{ node: Node; digest: Uint8Array; body: Uint8Array; key: Uint8Array }>(
      `SELECT made.node::text AS node, made.digest::bytea AS digest, blocks.body, block_keys.wrapped AS key
       FROM made JOIN blocks ON blocks.digest = made.digest JOIN block_keys ON block_keys.digest = made.digest
       WHERE made.node = ANY($1::uuid[]) ORDER BY made.node, made.kind DESC, made.digest`,
      [nodes.slice(from, from + SHOWN_AT_ONCE)],
    );
    for (const { node, digest, body, key } of rows) {
      const fact = factOf(toHex(digest), body, () => secrets.blockKey(digest, key));
      const known = facts.get(node);
      if (fact === null) continue;
      facts.set(
        node,
        known === undefined ? fact : { ...known, missing: [...known.missing, ...fact.missing] },
      );
    }
  }
  return facts;
}

type Described = {
  readonly nameAtManufacturer?: string;
  readonly brand?: string;
  readonly model?: string;
  readonly missing?: Fact['missing'];
  readonly parts?: readonly { readonly part: string; readonly component: string }[];
  /** Of an amendment: what it corrects the entry to. */
  readonly data?: Described;
};

function factOf(digest: string, body: Uint8Array, keyOf: () => Uint8Array): Fact | null {
  try {
    const envelope = parseEnvelope(openBlock(body, keyOf()));
    const shown = envelope.data as Described;
    const { nameAtManufacturer, brand, model, missing, parts } =
      envelope.kind === 'amended' ? (shown.data ?? {}) : shown;
    const vehicle = [brand, model].filter((text) => text !== undefined).join(' ');
    const label = nameAtManufacturer ?? (vehicle === '' ? undefined : vehicle);
    return {
      digest,
      ...(label === undefined ? {} : { label }),
      missing: missing ?? [],
      components: new Map((parts ?? []).map(({ part, component }) => [part, component])),
    };
  } catch (error) {
    // Erased between the two questions, or rotten: then it says nothing.
    if (error instanceof VinculumError || error instanceof Problem) return null;
    throw error;
  }
}

/** What makers leave out, and what is named and described by nobody. */
function missingOf(
  things: readonly (readonly [Node, number])[],
  steps: readonly Step[],
  facts: ReadonlyMap<Node, Fact>,
  idOf: (node: Node) => string,
  textOf: (node: Node) => string,
  whole: ReadonlySet<Node>,
): Trace['missing'] {
  const stated = things.flatMap(([node]) =>
    (facts.get(node)?.missing ?? []).map(({ component, supplier, reason }) => ({
      parent: idOf(node),
      component,
      ...(supplier === undefined ? {} : { supplier }),
      reason,
    })),
  );
  const under = new Map<Node, Step>();
  const describes = new Set<Node>();
  for (const step of steps) {
    // What a batch is, is said of each of its members.
    if (step.relation === memberOf && facts.has(step.parent)) describes.add(step.child);
    if (step.relation === memberOf) continue;
    describes.add(step.parent);
    if (!under.has(step.child)) under.set(step.child, step);
  }
  const dark = things.flatMap(([node]) => {
    const step = under.get(node);
    if (step === undefined || facts.has(node) || describes.has(node) || !whole.has(node)) return [];
    const text = textOf(node);
    return [
      {
        parent: idOf(step.parent),
        component: facts.get(step.parent)?.components.get(text) ?? 'other',
        supplier: parseIdentifier(text, { overrideCheckDigit: true }).scope,
        reason: 'notDelivered',
        thing: idOf(node),
      },
    ];
  });
  return [...stated, ...dark];
}

function relationOf(number: number): SupplyEdge['relation'] {
  const found = Object.entries(relations).find(([, value]) => value === number);
  return (found?.[0] ?? 'builtFrom') as SupplyEdge['relation'];
}

function instantOf(seconds: bigint): string {
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}Z`;
}
