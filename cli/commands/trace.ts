import * as z from 'zod/mini';
import { createClient } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { count, counted, printable, type Style } from '../output.ts';
import { unlock } from '../password.ts';
import { signIn } from '../session.ts';
import { requireUrl } from '../settings.ts';
import { organisationOf } from '../signing.ts';
import { requireKeystore } from '../titles/acting.ts';

export type TraceOptions = {
  readonly up?: boolean;
  readonly down?: boolean;
  readonly at?: string;
  readonly depth?: number;
  readonly keystore?: string;
  readonly passwordFile?: string;
  readonly organisation?: string;
};

const traceSchema = z.looseObject({
  start: z.string(),
  things: z.array(
    z.looseObject({
      id: z.string(),
      identifier: z.string(),
      type: z.string(),
      depth: z.int(),
      label: z.optional(z.string()),
    }),
  ),
  edges: z.array(
    z.looseObject({
      parent: z.string(),
      child: z.string(),
      relation: z.enum(['builtFrom', 'mounted', 'madeOf', 'memberOf']),
      from: z.optional(z.string()),
      until: z.optional(z.string()),
      sealed: z.optional(z.boolean()),
    }),
  ),
  missing: z.array(
    z.looseObject({
      parent: z.string(),
      component: z.string(),
      supplier: z.optional(z.string()),
      reason: z.string(),
      thing: z.optional(z.string()),
    }),
  ),
  cycles: z.array(z.array(z.string())),
  others: z.int(),
  truncated: z.boolean(),
  behind: z.int(),
});
type Trace = z.infer<typeof traceSchema>;

/** What a vehicle, part or batch is made of, or what it is in, as the service knows it. */
export async function traceCommand(
  context: Context,
  identifier: string,
  options: TraceOptions,
): Promise<Exit> {
  const { output, signal } = context;
  if (options.up === true && options.down === true) {
    throw usageError('trace.direction', 'Say --up or --down, not both.');
  }
  const direction = options.up === true ? 'up' : 'down';
  const settings = context.settings();
  const url = requireUrl(settings);
  const { keystore } = requireKeystore(options);
  const source = { file: options.passwordFile, dataFolder: settings.folder, ask: context.ask };
  const key = await unlock(keystore, source);
  const client = await signIn(createClient(url, { signal }), key, organisationOf(key, options.organisation));
  const trace = await client.json('/v1/traces', traceSchema, {
    identifier,
    direction,
    ...(options.at === undefined ? {} : { at: options.at }),
    ...(options.depth === undefined ? {} : { depth: options.depth }),
  });
  output.value({ direction, ...trace });
  for (const line of treeOf(trace, direction, output.style)) output.line(line);
  const { others, truncated, behind, cycles, missing } = trace;
  if (missing.length > 0) output.line(`${counted(missing.length, 'tier is', 'tiers are')} missing.`);
  for (const cycle of cycles) {
    const names = cycle.map((id) =>
      printable(trace.things.find((thing) => thing.id === id)?.identifier ?? id),
    );
    output.line(output.style.warn(`Said to be in each other, or in themselves: ${names.join(', ')}`));
  }
  if (others > 0) output.line(`${counted(others, 'vehicle')} of others besides.`);
  if (truncated) output.line(output.style.warn('There is more: it was cut here.'));
  if (behind > 0) {
    output.line(
      output.style.warn(`${count(behind)} changed histories are not in this answer yet: ask again.`),
    );
  }
  return truncated || behind > 0 ? 'incomplete' : 'ok';
}

/** The lines of a tree; what stands in several places is followed in the first of them. */
export function treeOf(trace: Trace, direction: 'up' | 'down', style: Style): string[] {
  const things = new Map(trace.things.map((thing) => [thing.id, thing]));
  // What several entries state of one thing in another is one line, with what each of them says.
  const next = new Map<string, Map<string, Set<string>>>();
  for (const edge of trace.edges) {
    // From a part to its batch is on the way down; from a batch to its members on the way up.
    const inwards = (direction === 'down') === (edge.relation !== 'memberOf');
    const [near, far] = inwards ? [edge.parent, edge.child] : [edge.child, edge.parent];
    const under = next.get(near) ?? new Map<string, Set<string>>();
    next.set(near, under.set(far, (under.get(far) ?? new Set()).add(timesOf(edge))));
  }
  const lines: string[] = [];
  const followed = new Set<string>();
  type Line = { readonly id: string; readonly head: string; readonly tail: string; readonly note: string };
  const stack: Line[] = [{ id: trace.start, head: '', tail: '', note: '' }];
  for (let here = stack.pop(); here !== undefined; here = stack.pop()) {
    const thing = things.get(here.id);
    const again = followed.has(here.id);
    const under = [...(next.get(here.id) ?? [])];
    const label = thing?.label === undefined ? '' : `  ${style.dim(printable(thing.label))}`;
    const rest = again && under.length > 0 ? style.dim('  (followed above)') : '';
    lines.push(`${here.head}${printable(thing?.identifier ?? here.id)}${label}${here.note}${rest}`);
    if (again) continue;
    followed.add(here.id);
    const dark =
      direction === 'down'
        ? trace.missing.filter(({ parent, thing: named }) => parent === here.id && named === undefined)
        : [];
    for (const [index, { component, supplier, reason }] of dark.entries()) {
      const last = index === dark.length - 1 && under.length === 0;
      const of = supplier === undefined ? '' : ` of ${printable(supplier)}`;
      lines.push(
        `${here.tail}${last ? '└─ ' : '├─ '}${style.warn(`${printable(component)}${of}: ${REASONS[reason] ?? printable(reason)}`)}`,
      );
    }
    for (const [index, [id, times]] of under.toReversed().entries()) {
      const last = index === 0;
      const named = trace.missing.find((tier) => tier.thing === id && tier.parent === here.id);
      stack.push({
        id,
        head: `${here.tail}${last ? '└─ ' : '├─ '}`,
        tail: `${here.tail}${last ? '   ' : '│  '}`,
        note: `${[...times].join('')}${named === undefined ? '' : `  ${style.warn(REASONS[named.reason] ?? named.reason)}`}`,
      });
    }
  }
  return lines;
}

const REASONS: Readonly<Record<string, string>> = {
  notDelivered: 'its maker says nothing of it',
  confidential: 'confidential',
  notTracked: 'not tracked',
  notSerialised: 'not serialised',
};

function timesOf({ relation, from, until, sealed }: Trace['edges'][number]): string {
  const words = [
    relation === 'memberOf' ? 'batch' : relation === 'mounted' ? 'mounted' : '',
    from === undefined || relation !== 'mounted' ? '' : from.slice(0, 10),
    until === undefined ? '' : `until ${until.slice(0, 10)}`,
    sealed === true ? 'sealed' : '',
  ].filter((word) => word !== '');
  return words.length === 0 ? '' : `  [${words.join(' ')}]`;
}
