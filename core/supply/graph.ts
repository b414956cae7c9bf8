import type { MappingProblem, SupplyEdge } from './statement.ts';

/*
 * What is, or was, in what: the graph that edges of any source make, walked without recursion, since neither its depth nor
 * its being free of cycles is promised by whoever states it.
 */

export type SupplyGraph = {
  /** Every thing that an edge names, in the order of first mention. */
  readonly things: readonly string[];
  /** The edges of which it is the child: what it is in, and the batches that it belongs to. */
  readonly up: (thing: string) => readonly SupplyEdge[];
  /** The edges of which it is the parent: what it is made of, and the members of a batch. */
  readonly down: (thing: string) => readonly SupplyEdge[];
};

/** A thing that a walk came to. */
export type Reached = {
  readonly thing: string;
  /** Edges from the start, the fewest. */
  readonly depth: number;
  /** The edge that it was first reached by; null for a start. */
  readonly by: SupplyEdge | null;
};

/** The same edge stated twice, by two sources or by one, is one way to go. */
export function buildGraph(edges: Iterable<SupplyEdge>): SupplyGraph {
  const up = new Map<string, SupplyEdge[]>();
  const down = new Map<string, SupplyEdge[]>();
  const list = (edgesOf: Map<string, SupplyEdge[]>, thing: string): SupplyEdge[] => {
    const known = edgesOf.get(thing);
    if (known !== undefined) return known;
    const fresh: SupplyEdge[] = [];
    edgesOf.set(thing, fresh);
    return fresh;
  };
  const things = new Set<string>();
  for (const edge of edges) {
    things.add(edge.parent).add(edge.child);
    list(down, edge.parent).push(edge);
    list(up, edge.child).push(edge);
  }
  return {
    things: [...things],
    up: (thing) => up.get(thing) ?? [],
    down: (thing) => down.get(thing) ?? [],
  };
}

/** `at`: only what was so at that time, a date or an instant in UTC; without it whatever was ever so. */
export type WalkOptions = { readonly at?: string };

/**
 * What the starts are in, directly or through other things: for a batch, its members too, since they were made with it.
 * The starts come first, then what is reached, nearest first; each thing once, however many ways lead there.
 */
export function walkUp(graph: SupplyGraph, starts: Iterable<string>, options: WalkOptions = {}): Reached[] {
  return walk(starts, (thing) => [
    ...steps(graph.up(thing), 'parent', (edge) => edge.relation !== 'memberOf', options),
    ...steps(graph.down(thing), 'child', (edge) => edge.relation === 'memberOf', options),
  ]);
}

/** What the starts are made of, down to the last tier that anybody stated; for a part, its batch too. */
export function walkDown(graph: SupplyGraph, starts: Iterable<string>, options: WalkOptions = {}): Reached[] {
  return walk(starts, (thing) => [
    ...steps(graph.down(thing), 'child', (edge) => edge.relation !== 'memberOf', options),
    ...steps(graph.up(thing), 'parent', (edge) => edge.relation === 'memberOf', options),
  ]);
}

/** The vehicles that a fault of the starts reaches, sorted. */
export function affectedVehicles(
  graph: SupplyGraph,
  starts: Iterable<string>,
  options: WalkOptions = {},
): string[] {
  return walkUp(graph, starts, options)
    .map(({ thing }) => thing)
    .filter((thing) => /^(?:vin|registration|chassis|van):/.test(thing))
    .sort();
}

/** The edges from a start to a thing that was reached, start first. */
export function pathTo(reached: readonly Reached[], thing: string): SupplyEdge[] {
  const found = new Map(reached.map((one) => [one.thing, one]));
  const path: SupplyEdge[] = [];
  for (let at = found.get(thing); at !== undefined && at.by !== null; ) {
    const { by }: { readonly by: SupplyEdge } = { by: at.by };
    path.unshift(by);
    at = found.get(by.parent === at.thing ? by.child : by.parent);
  }
  return path;
}

function steps(
  edges: readonly SupplyEdge[],
  end: 'parent' | 'child',
  wanted: (edge: SupplyEdge) => boolean,
  { at }: WalkOptions,
): { readonly thing: string; readonly by: SupplyEdge }[] {
  return edges
    .filter((edge) => wanted(edge) && (at === undefined || heldAt(edge, at)))
    .map((by) => ({ thing: by[end], by }));
}

/** A date is its first second; an end is no longer in. */
function heldAt({ from, until }: SupplyEdge, at: string): boolean {
  const second = (time: string): number => Date.parse(time.length === 10 ? `${time}T00:00:00Z` : time);
  return (
    (from === undefined || second(from) <= second(at)) && (until === undefined || second(at) < second(until))
  );
}

function walk(
  starts: Iterable<string>,
  next: (thing: string) => readonly { readonly thing: string; readonly by: SupplyEdge }[],
): Reached[] {
  const reached: Reached[] = [...new Set(starts)].map((thing) => ({ thing, depth: 0, by: null }));
  const seen = new Set(reached.map(({ thing }) => thing));
  for (let index = 0; index < reached.length; index++) {
    const here = reached[index];
    if (here === undefined) break;
    for (const { thing, by } of next(here.thing)) {
      if (seen.has(thing)) continue;
      seen.add(thing);
      reached.push({ thing, depth: here.depth + 1, by });
    }
  }
  return reached;
}

/**
 * Things that are said to be in themselves, directly or through others: one list for each knot of such things, sorted, the
 * knots in the order of their first member. Nothing real is so: somebody stated it wrongly.
 */
export function cyclesOf(graph: SupplyGraph): string[][] {
  // Tarjan’s strongly connected components, with a stack of our own: a chain may be a million deep.
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const knots: string[][] = [];
  const childrenOf = (thing: string): string[] =>
    graph.down(thing).flatMap(({ relation, child }) => (relation === 'memberOf' ? [] : [child]));
  for (const root of graph.things) {
    if (order.has(root)) continue;
    const stack: { thing: string; children: string[]; next: number }[] = [];
    const enter = (thing: string): void => {
      order.set(thing, order.size);
      low.set(thing, order.get(thing) ?? 0);
      open.push(thing);
      isOpen.add(thing);
      stack.push({ thing, children: childrenOf(thing), next: 0 });
    };
    enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { thing, children } = top;
      const child = children[top.next];
      top.next += 1;
      if (child !== undefined) {
        if (!order.has(child)) enter(child);
        else if (isOpen.has(child)) lower(low, thing, order.get(child) ?? 0);
        continue;
      }
      stack.pop();
      const parent = stack.at(-1);
      if (parent !== undefined) lower(low, parent.thing, low.get(thing) ?? 0);
      if (low.get(thing) !== order.get(thing)) continue;
      const knot = open.splice(open.lastIndexOf(thing));
      for (const member of knot) isOpen.delete(member);
      if (knot.length > 1 || childrenOf(thing).includes(thing)) knots.push(knot.sort());
    }
  }
  return knots.sort(([left = ''], [right = '']) => (left < right ? -1 : 1));
}

function lower(low: Map<string, number>, thing: string, value: number): void {
  low.set(thing, Math.min(low.get(thing) ?? value, value));
}

/** Each cycle as a problem, `bom.cycle`, at its things. */
export function cycleProblems(graph: SupplyGraph): MappingProblem[] {
  return cyclesOf(graph).map((knot) => {
    const [first] = knot;
    const source = graph.down(first ?? '').find(({ child }) => knot.includes(child))?.source;
    return {
      code: 'bom.cycle',
      at: knot.join(' '),
      ...(source === undefined ? {} : { source }),
      detail: `${knot.length === 1 ? 'This is' : 'These are'} said to be in ${knot.length === 1 ? 'itself' : 'each other'}.`,
    };
  });
}

/** Why nothing is known below a thing. */
export type MissingReason = 'notDelivered' | 'confidential' | 'notTracked' | 'notSerialised';

/**
 * The tiers that end in the dark, as problems `bom.missing`: things that are named as a part of something and of which their
 * maker has said nothing.
 * @param stated whether anybody stated something of a thing itself
 * @param reasonOf why not, where the one who built it in said so
 */
export function missingTiers(
  graph: SupplyGraph,
  stated: (thing: string) => boolean,
  reasonOf: (edge: SupplyEdge) => MissingReason = () => 'notDelivered',
): MappingProblem[] {
  return graph.things.flatMap((thing) => {
    const edge = graph.up(thing).find(({ relation }) => relation !== 'memberOf');
    if (edge === undefined || stated(thing)) return [];
    return [{ code: 'bom.missing', at: thing, source: edge.source, detail: reasonOf(edge) }];
  });
}
