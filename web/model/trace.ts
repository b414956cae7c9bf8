/*
 * The picture of a trace: what the service answered, folded so that it can be read, and laid out in layers. Pure; the
 * page draws it and nothing else.
 */

export type TraceThing = {
  readonly id: string;
  /** Null where it is not the caller's to know. */
  readonly identifier: string | null;
  readonly type: string;
  /** Edges from the start, the fewest. */
  readonly depth: number;
  readonly label: string | null;
};

export type TraceEdge = {
  readonly parent: string;
  readonly child: string;
  readonly relation: string;
  readonly from: string | null;
  readonly until: string | null;
};

export type TraceMissing = {
  /** The thing of which a tier is missing. */
  readonly parent: string;
  readonly component: string;
  readonly supplier: string | null;
  readonly reason: string;
};

export type Trace = {
  readonly start: string;
  readonly things: readonly TraceThing[];
  readonly edges: readonly TraceEdge[];
  readonly missing: readonly TraceMissing[];
  readonly cycles: readonly (readonly string[])[];
  /** How many ends it has that are not the caller's to see. */
  readonly others: number;
  readonly truncated: boolean;
};

export type Direction = 'up' | 'down';

/** What the picture has one box for: a thing, many alike, or a tier that is missing. */
export type PictureNode = {
  readonly key: string;
  readonly kind: 'thing' | 'group' | 'missing';
  readonly things: readonly TraceThing[];
  readonly missing: TraceMissing | null;
  readonly type: string;
  /** Of a group: what its things share. */
  readonly shared: string;
  readonly layer: number;
  readonly x: number;
  readonly y: number;
  readonly inCycle: boolean;
  readonly isStart: boolean;
};

export type PictureEdge = {
  readonly key: string;
  /** From the start's side to the side further away. */
  readonly from: string;
  readonly to: string;
  /** How many edges it stands for. */
  readonly count: number;
  /** All of them have ended: parts that were taken out again. */
  readonly ended: boolean;
  readonly inCycle: boolean;
  readonly relations: readonly string[];
};

export type Picture = {
  readonly nodes: readonly PictureNode[];
  readonly edges: readonly PictureEdge[];
  readonly width: number;
  readonly height: number;
};

export type Look = {
  /** Layers from left to right on a wide page, from top to bottom on a narrow one. */
  readonly across: boolean;
  readonly boxWidth: number;
  readonly boxHeight: number;
  /** Between layers, and between boxes of a layer. */
  readonly layerGap: number;
  readonly boxGap: number;
  /** Of a narrow page: how many boxes stand beside each other. */
  readonly perRow: number;
};

/** More things alike than this stand for each other in one box, until the reader opens it. */
export const FOLD_FROM = 7;
/** As many of them stand beside each other at once when the reader opens the box. */
export const OPENED_AT_ONCE = 40;

/** What things must share to stand in one box: their type, their maker, and the part number where the value begins with one. */
export function likeness({ identifier, type }: TraceThing): string {
  if (identifier === null) return `${type}:?`;
  const [, scope = '', ...rest] = identifier.split(':');
  if (type === 'vin') return `vin:${scope.slice(0, 8)}`;
  const value = rest.join(':');
  const slash = value.indexOf('/');
  const dash = value.lastIndexOf('-');
  const number = slash > 0 ? value.slice(0, slash) : dash > 0 ? value.slice(0, dash) : '';
  return `${type}:${scope}:${number}`;
}

type Box = {
  readonly key: string;
  readonly kind: PictureNode['kind'];
  readonly things: TraceThing[];
  readonly missing: TraceMissing | null;
  readonly shared: string;
  readonly layer: number;
};

/**
 * Folds what is alike, within one layer and under one parent's box, into one box each.
 * @param open the boxes that the reader opened, by their keys
 */
function boxesOf(
  trace: Trace,
  direction: Direction,
  open: ReadonlySet<string>,
): { boxes: Box[]; boxOf: Map<string, string> } {
  const nearer = nearestOf(trace, direction);
  const layers = new Map<number, TraceThing[]>();
  for (const thing of trace.things) {
    const layer = layers.get(thing.depth);
    if (layer === undefined) layers.set(thing.depth, [thing]);
    else layer.push(thing);
  }
  const boxes: Box[] = [];
  const boxOf = new Map<string, string>();
  for (const [layer, things] of [...layers].sort(([left], [right]) => left - right)) {
    const alike = new Map<string, TraceThing[]>();
    for (const thing of things) {
      const under = boxOf.get(nearer.get(thing.id) ?? '') ?? '';
      const key = `${layer}|${under}|${likeness(thing)}`;
      const known = alike.get(key);
      if (known === undefined) alike.set(key, [thing]);
      else known.push(thing);
    }
    for (const [key, members] of alike) {
      const single = (thing: TraceThing): void => {
        boxes.push({ key: thing.id, kind: 'thing', things: [thing], missing: null, shared: key, layer });
        boxOf.set(thing.id, thing.id);
      };
      if (members.length < FOLD_FROM || layer === 0) {
        for (const thing of members) single(thing);
        continue;
      }
      // Opened once, the first of them stand by themselves; opened once more, the next.
      let shown = 0;
      let rest = key;
      while (open.has(rest) && shown < members.length) {
        for (const thing of members.slice(shown, shown + OPENED_AT_ONCE)) single(thing);
        shown += OPENED_AT_ONCE;
        rest = `${key}|${shown}`;
      }
      const left = members.slice(shown);
      const [first] = left;
      if (first === undefined) continue;
      boxes.push({ key: rest, kind: 'group', things: left, missing: null, shared: likeness(first), layer });
      for (const { id } of left) boxOf.set(id, rest);
    }
  }
  const told = new Set<string>();
  for (const missing of trace.missing) {
    const under = boxOf.get(missing.parent);
    const layer = boxes.find(({ key }) => key === under)?.layer;
    if (under === undefined || layer === undefined) continue;
    const key = `missing|${under}|${missing.component}|${missing.supplier ?? ''}|${missing.reason}`;
    if (told.has(key)) continue;
    told.add(key);
    boxes.push({ key, kind: 'missing', things: [], missing, shared: '', layer: layer + 1 });
  }
  return { boxes, boxOf };
}

/** For each thing the one that it was first reached from: a neighbour one step nearer to the start. */
export function nearestOf(
  { things, edges }: Pick<Trace, 'things' | 'edges'>,
  direction: Direction,
): Map<string, string> {
  const depth = new Map(things.map(({ id, depth: own }) => [id, own]));
  const nearest = new Map<string, string>();
  const look = (near: string, far: string): void => {
    const [one, other] = [depth.get(near), depth.get(far)];
    if (one !== undefined && other !== undefined && one + 1 === other && !nearest.has(far))
      nearest.set(far, near);
  };
  for (const { parent, child } of edges) {
    if (direction === 'up') {
      look(child, parent);
      look(parent, child);
    } else {
      look(parent, child);
      look(child, parent);
    }
  }
  return nearest;
}

/** Lays a trace out. Deterministic; no two boxes overlap, and each thing is in exactly one box. */
export function pictureOf(
  trace: Trace,
  direction: Direction,
  open: ReadonlySet<string>,
  look: Look,
): Picture {
  const { boxes, boxOf } = boxesOf(trace, direction, open);
  const edges = edgesOf(trace, direction, boxes, boxOf);
  const order = ordered(boxes, edges);
  const knots = new Set(trace.cycles.flat());
  const perLayer = look.across ? Number.POSITIVE_INFINITY : look.perRow;
  const nodes: PictureNode[] = [];
  let far = 0;
  let broad = 0;
  let begin = 0;
  const [along, beside] = look.across ? [look.boxWidth, look.boxHeight] : [look.boxHeight, look.boxWidth];
  for (const layer of order) {
    const rows = Math.ceil(layer.length / perLayer) || 1;
    layer.forEach((box, index) => {
      const row = Number.isFinite(perLayer) ? Math.floor(index / perLayer) : 0;
      const place = Number.isFinite(perLayer) ? index % perLayer : index;
      const major = begin + row * (along + look.boxGap);
      const minor = place * (beside + look.boxGap);
      far = Math.max(far, major + along);
      broad = Math.max(broad, minor + beside);
      nodes.push({
        key: box.key,
        kind: box.kind,
        things: box.things,
        missing: box.missing,
        type: box.things[0]?.type ?? '',
        shared: box.shared,
        layer: box.layer,
        x: look.across ? major : minor,
        y: look.across ? minor : major,
        inCycle: box.things.some(({ id }) => knots.has(id)),
        isStart: box.things.some(({ id }) => id === trace.start),
      });
    });
    begin += rows * along + (rows - 1) * look.boxGap + look.layerGap;
  }
  // Each line stands in the middle of the broadest.
  const lineOf = ({ layer, y }: PictureNode): number => (look.across ? layer : y);
  const ends = new Map<number, number>();
  for (const node of nodes) {
    const end = (look.across ? node.y : node.x) + beside;
    ends.set(lineOf(node), Math.max(ends.get(lineOf(node)) ?? 0, end));
  }
  const centred = nodes.map((node) => {
    const shift = Math.round((broad - (ends.get(lineOf(node)) ?? broad)) / 2);
    return look.across ? { ...node, y: node.y + shift } : { ...node, x: node.x + shift };
  });
  return {
    nodes: centred,
    edges,
    width: look.across ? far : broad,
    height: look.across ? broad : far,
  };
}

function edgesOf(
  trace: Trace,
  direction: Direction,
  boxes: readonly Box[],
  boxOf: ReadonlyMap<string, string>,
): PictureEdge[] {
  const layerOf = new Map(boxes.map(({ key, layer }) => [key, layer]));
  const knots = trace.cycles.map((cycle) => new Set(cycle));
  type Made = {
    from: string;
    to: string;
    count: number;
    ended: boolean;
    inCycle: boolean;
    relations: Set<string>;
  };
  const made = new Map<string, Made>();
  for (const { parent, child, relation, until } of trace.edges) {
    const [above, below] = [boxOf.get(parent), boxOf.get(child)];
    if (above === undefined || below === undefined) continue;
    const flip =
      (layerOf.get(above) ?? 0) === (layerOf.get(below) ?? 0)
        ? direction === 'up'
        : (layerOf.get(above) ?? 0) > (layerOf.get(below) ?? 0);
    const [from, to] = flip ? [below, above] : [above, below];
    const key = `${from}→${to}`;
    const inCycle = knots.some((knot) => knot.has(parent) && knot.has(child));
    const known = made.get(key);
    if (known === undefined) {
      made.set(key, { from, to, count: 1, ended: until !== null, inCycle, relations: new Set([relation]) });
    } else {
      known.count += 1;
      known.ended &&= until !== null;
      known.inCycle ||= inCycle;
      known.relations.add(relation);
    }
  }
  for (const { key, missing } of boxes) {
    const from = missing === null ? undefined : boxOf.get(missing.parent);
    if (from !== undefined) {
      made.set(`${from}→${key}`, {
        from,
        to: key,
        count: 1,
        ended: false,
        inCycle: false,
        relations: new Set(['missing']),
      });
    }
  }
  return [...made].map(([key, { relations, ...edge }]) => ({ key, ...edge, relations: [...relations] }));
}

/** The boxes of each layer in an order that crosses few edges: each towards the middle of what it hangs on, twice around. */
function ordered(boxes: readonly Box[], edges: readonly PictureEdge[]): Box[][] {
  const layers: Box[][] = [];
  for (const box of boxes) {
    const layer = layers[box.layer];
    if (layer === undefined) {
      while (layers.length < box.layer) layers.push([]);
      layers[box.layer] = [...(layers[box.layer] ?? []), box];
    } else layer.push(box);
  }
  const neighbours = new Map<string, string[]>();
  const note = (one: string, other: string): void => {
    const known = neighbours.get(one);
    if (known === undefined) neighbours.set(one, [other]);
    else known.push(other);
  };
  for (const { from, to } of edges) {
    note(from, to);
    note(to, from);
  }
  const sweep = (towards: number): void => {
    const indices = layers.map((_, index) => index);
    if (towards > 0) indices.reverse();
    for (const index of indices) {
      const beside = layers[index + towards];
      const layer = layers[index];
      if (beside === undefined || layer === undefined) continue;
      const places = new Map(beside.map(({ key }, place) => [key, place / Math.max(beside.length - 1, 1)]));
      const weight = new Map(
        layer.map(({ key }, place) => {
          const near = (neighbours.get(key) ?? []).flatMap((one) => places.get(one) ?? []);
          const own = place / Math.max(layer.length - 1, 1);
          return [key, near.length === 0 ? own : near.reduce((sum, one) => sum + one, 0) / near.length];
        }),
      );
      layer.sort((left, right) => (weight.get(left.key) ?? 0) - (weight.get(right.key) ?? 0));
    }
  };
  sweep(-1);
  sweep(1);
  sweep(-1);
  return layers.filter((layer) => layer.length > 0);
}

/** Closes an opened box again: without it, and without what was opened after it. */
export function closed(open: ReadonlySet<string>, key: string): ReadonlySet<string> {
  return new Set([...open].filter((one) => one !== key && !one.startsWith(`${key}|`)));
}

/** A thing with what hangs on it, for whoever reads the trace as a list. */
export type Branch = {
  readonly thing: TraceThing;
  readonly branches: readonly Branch[];
  readonly missing: readonly TraceMissing[];
};

/** The same trace as a tree: each thing once, under the one that it was first reached from. */
export function treeOf(trace: Trace, direction: Direction): readonly Branch[] {
  const nearest = nearestOf(trace, direction);
  const under = new Map<string, TraceThing[]>();
  for (const thing of trace.things) {
    const key = nearest.get(thing.id) ?? '';
    const known = under.get(key);
    if (known === undefined) under.set(key, [thing]);
    else known.push(thing);
  }
  const missing = new Map<string, TraceMissing[]>();
  for (const tier of trace.missing) {
    const known = missing.get(tier.parent);
    if (known === undefined) missing.set(tier.parent, [tier]);
    else known.push(tier);
  }
  const grow = (thing: TraceThing): Branch => ({
    thing,
    branches: (under.get(thing.id) ?? []).map(grow),
    missing: missing.get(thing.id) ?? [],
  });
  return (under.get('') ?? []).map(grow);
}

/** Branches that are alike, together: a list of thousands is read by its kinds first. */
export function alike(branches: readonly Branch[]): readonly (readonly Branch[])[] {
  const groups = new Map<string, Branch[]>();
  for (const branch of branches) {
    const key = likeness(branch.thing);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [branch]);
    else known.push(branch);
  }
  return [...groups.values()].flatMap((group) =>
    group.length < FOLD_FROM ? group.map((branch) => [branch]) : [group],
  );
}

/**
 * The box that an arrow key leads to: along a layer the next one, across the layers the nearest of the next line.
 * @param across whether layers stand beside each other, as in {@link Look}
 */
export function beside(
  nodes: readonly PictureNode[],
  from: PictureNode,
  way: 'left' | 'right' | 'up' | 'down',
  across: boolean,
): PictureNode | null {
  const sideways = way === 'left' || way === 'right';
  const along = sideways !== across;
  let best: PictureNode | null = null;
  let least: readonly [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const node of nodes) {
    const [dx, dy] = [node.x - from.x, node.y - from.y];
    const ahead = { left: -dx, right: dx, up: -dy, down: dy }[way];
    const aside = Math.abs(sideways ? dy : dx);
    if (ahead <= 0 || (along && aside > 0)) continue;
    if (ahead < least[0] || (ahead === least[0] && aside < least[1])) {
      least = [ahead, aside];
      best = node;
    }
  }
  return best;
}

/** The end of a long number, by which people tell one from the other; its beginning where that fits too. */
export function shortened(text: string, most: number): string {
  const signs = [...text];
  if (signs.length <= most) return text;
  const head = Math.max(0, Math.floor((most - 1) / 3));
  return `${signs.slice(0, head).join('')}…${signs.slice(signs.length - (most - 1 - head)).join('')}`;
}

/** How wide a sign is beside a Latin letter. */
const HAN_WIDTH = 1.67;

/** The beginning of a name, by which people tell it, as far as it fits into the width of `most` letters. */
export function begun(name: string, most: number): string {
  const widthOf = (sign: string): number => (/\p{Script=Han}/u.test(sign) ? HAN_WIDTH : 1);
  const signs = [...name];
  const whole = signs.reduce((sum, sign) => sum + widthOf(sign), 0);
  if (whole <= most) return name;
  let width = 1; // of the dots
  let kept = '';
  for (const sign of signs) {
    width += widthOf(sign);
    if (width > most) break;
    kept += sign;
  }
  return `${kept.trimEnd()}…`;
}
