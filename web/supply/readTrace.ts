import { type Answer, listOf, malformed, textOf } from '../acting/service.ts';
import type { Trace } from '../model/trace.ts';

const text = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, 400) : null);

/** What the service found, held to the shape that the picture needs. @throws `service.malformed` */
export function readTrace(answer: Answer): Trace {
  const things = listOf(answer, 'things').map((thing) => {
    const { depth } = thing;
    if (typeof depth !== 'number') throw malformed();
    return {
      id: textOf(thing, 'id'),
      identifier: text(thing.identifier),
      // As its identifier begins, where it is told: a vehicle by its VIN is drawn as any other vehicle.
      type: text(thing.identifier)?.split(':')[0] ?? textOf(thing, 'type'),
      depth,
      label: text(thing.label),
    };
  });
  const known = new Set(things.map(({ id }) => id));
  const cycles = Array.isArray(answer.cycles) ? (answer.cycles as unknown[]) : [];
  return {
    start: textOf(answer, 'start'),
    things,
    edges: listOf(answer, 'edges')
      .map((edge) => ({
        parent: textOf(edge, 'parent'),
        child: textOf(edge, 'child'),
        relation: textOf(edge, 'relation'),
        from: text(edge.from),
        until: text(edge.until),
      }))
      .filter(({ parent, child }) => known.has(parent) && known.has(child)),
    missing: listOf(answer, 'missing').map((tier) => ({
      // A part that is named and that its maker says nothing of: what is missing lies below it.
      parent: known.has(text(tier.thing) ?? '') ? textOf(tier, 'thing') : textOf(tier, 'parent'),
      component: textOf(tier, 'component'),
      supplier: text(tier.supplier),
      reason: textOf(tier, 'reason'),
    })),
    cycles: cycles.map((cycle) => (Array.isArray(cycle) ? (cycle as unknown[]).map(String) : [])),
    others: typeof answer.others === 'number' ? answer.others : 0,
    truncated: answer.truncated === true,
  };
}
