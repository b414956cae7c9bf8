import type { EffectiveEntry } from '../findings/openedEntry.ts';
import { buildGraph, cyclesOf } from './graph.ts';
import { Amounts, measureOf, type Quantity, quantityFrom, quantityIn } from './measure.ts';
import type { SupplyEdge } from './statement.ts';

/*
 * The auditor's check: no more of a batch goes into others than was made of it. What can't be told, because a quantity is
 * not shown, a unit does not fit or nobody stated a tier, is named; nothing counts as balanced that is merely unknown.
 */

/** What is known of how one thing was made. */
export type MadeFacts = {
  /** A batch, or a part or a vehicle that batches went into. */
  readonly thing: string;
  /** How much was made; null where it is not shown or was not stated. */
  readonly made: Quantity | null;
  readonly origin?: string;
  /** The entry that says so. */
  readonly digest?: string;
  readonly inputs: readonly { readonly batch: string; readonly quantity: Quantity | null }[];
  /** Quantities of it that were scrapped or sent back: nothing can be made of them. Null: it is not shown how much. */
  readonly gone?: readonly (Quantity | null)[];
  /** Tiers that its maker says are missing. */
  readonly missing?: readonly {
    readonly component: string;
    readonly supplier?: string;
    readonly reason: string;
  }[];
};

export type BatchBalance = {
  readonly batch: string;
  /** In one unit: that of what was made, else of what was first used. */
  readonly made: Quantity | null;
  readonly used: Quantity;
  /** What may still be used; negative where too much was. Null where it is not known how much was made. */
  readonly left: Quantity | null;
  /** The things that it went into, each with how much; null where that is not known. */
  readonly users: readonly { readonly thing: string; readonly quantity: Quantity | null }[];
  /** `unknown`: something is missing that could change the verdict. */
  readonly verdict: 'balanced' | 'exceeded' | 'unknown';
};

export type BalanceProblem = {
  /**
   * `balance.exceeded` (more was used than made), `balance.gained` (more came out of a split, merger or rework than went in),
   * `balance.unitMismatch`, `balance.hidden` (a quantity that is not shown or was not stated), `balance.missing` (nobody
   * stated it: `reason` says why, where its user did), `balance.ambiguous` (two makers state it), `bom.cycle`
   */
  readonly code: string;
  readonly thing: string;
  /** The other thing that it is about: an input, or a user. */
  readonly other?: string;
  readonly quantity?: Quantity;
  readonly reason?: string;
};

export type MassBalance = {
  /** `exceeded` where any batch is, or anything gained; `unknown` where anything can't be told. */
  readonly verdict: 'balanced' | 'exceeded' | 'unknown';
  readonly batches: readonly BatchBalance[];
  readonly problems: readonly BalanceProblem[];
};

/** Checks the things of a graph against each other; a batch that is named and not among them is missing. */
export function massBalance(facts: readonly MadeFacts[]): MassBalance {
  const problems: BalanceProblem[] = [];
  const made = new Map<string, MadeFacts>();
  for (const fact of facts) {
    if (made.has(fact.thing)) problems.push({ code: 'balance.ambiguous', thing: fact.thing });
    else made.set(fact.thing, fact);
  }
  const users = new Map<string, { thing: string; quantity: Quantity | null }[]>();
  for (const { thing } of made.values()) if (thing.startsWith('batch:')) users.set(thing, []);
  for (const { thing, inputs } of made.values()) {
    for (const { batch, quantity } of inputs) {
      const list = users.get(batch) ?? [];
      users.set(batch, list);
      list.push({ thing, quantity });
    }
  }
  const batches = [...users].map(([batch, list]) => balanceOf(batch, made.get(batch), list, problems));
  for (const fact of made.values()) {
    checkGain(fact, problems);
    for (const { component, supplier, reason } of fact.missing ?? []) {
      const other = supplier === undefined ? component : `${component} of ${supplier}`;
      problems.push({ code: 'balance.missing', thing: fact.thing, other, reason });
    }
  }
  for (const knot of cyclesOf(buildGraph(edgesOf([...made.values()])))) {
    problems.push({ code: 'bom.cycle', thing: knot[0] ?? '', other: knot.join(' ') });
  }
  const wrong = problems.some(({ code }) => WRONG.has(code));
  const verdict = wrong ? 'exceeded' : problems.length > 0 ? 'unknown' : 'balanced';
  return { verdict, batches, problems };
}

const WRONG: ReadonlySet<string> = new Set(['balance.exceeded', 'balance.gained', 'bom.cycle']);

function balanceOf(
  batch: string,
  fact: MadeFacts | undefined,
  users: readonly { readonly thing: string; readonly quantity: Quantity | null }[],
  problems: BalanceProblem[],
): BatchBalance {
  const first = users.find(({ quantity }) => quantity !== null)?.quantity ?? null;
  const unit = fact?.made?.unit ?? first?.unit ?? 'C62';
  const { dimension } = measureOf({ value: '0', unit });
  let [used, certain] = [0n, true];
  const hidden = (code: string, more: Partial<BalanceProblem>): void => {
    problems.push({ code, thing: batch, ...more });
    certain = false;
  };
  if (fact === undefined) hidden('balance.missing', { reason: 'notDelivered' });
  else if (fact.made === null) hidden('balance.hidden', {});
  for (const { thing, quantity } of users) {
    if (quantity === null) {
      hidden('balance.hidden', { other: thing });
      continue;
    }
    const measure = measureOf(quantity);
    if (measure.dimension !== dimension) hidden('balance.unitMismatch', { other: thing, quantity });
    else used += measure.amount;
  }
  let there: bigint | null = fact?.made == null ? null : measureOf(fact.made).amount;
  for (const quantity of fact?.gone ?? []) {
    if (quantity === null) {
      hidden('balance.hidden', { other: batch });
      continue;
    }
    const measure = measureOf(quantity);
    if (measure.dimension !== dimension) hidden('balance.unitMismatch', { quantity });
    else if (there !== null) there -= measure.amount;
  }
  const exceeded = there !== null && used > there;
  if (exceeded && there !== null) {
    const quantity = quantityIn({ dimension, amount: used - there }, unit);
    problems.push({ code: 'balance.exceeded', thing: batch, quantity });
  }
  return {
    batch,
    made: fact?.made ?? null,
    used: quantityIn({ dimension, amount: used }, unit),
    left: there === null ? null : quantityIn({ dimension, amount: there - used }, unit),
    users,
    verdict: exceeded ? 'exceeded' : certain ? 'balanced' : 'unknown',
  };
}

/** Of a split, a merger or rework comes no more than went in. */
function checkGain({ thing, origin, made, inputs }: MadeFacts, problems: BalanceProblem[]): void {
  if (origin === undefined || origin === 'production') return;
  if (inputs.length === 0) {
    problems.push({ code: 'balance.missing', thing, reason: 'notTracked' });
    return;
  }
  if (made === null) return; // named already, as hidden
  const out = measureOf(made);
  let sum = 0n;
  for (const { batch, quantity } of inputs) {
    if (quantity === null) return; // named with the batch
    const measure = measureOf(quantity);
    if (measure.dimension !== out.dimension) {
      problems.push({ code: 'balance.unitMismatch', thing, other: batch, quantity });
      return;
    }
    sum += measure.amount;
  }
  if (out.amount > sum) {
    const quantity = quantityIn({ dimension: out.dimension, amount: out.amount - sum }, made.unit);
    problems.push({ code: 'balance.gained', thing, quantity });
  }
}

function edgesOf(facts: readonly MadeFacts[]): SupplyEdge[] {
  return facts.flatMap(({ thing, inputs }) =>
    inputs.map(
      ({ batch }): SupplyEdge => ({
        parent: thing,
        child: batch,
        relation: 'madeOf',
        source: { system: 'csv', id: thing },
      }),
    ),
  );
}

/**
 * What the proven entries of a history say of how its subject was made; null where nobody states that it was.
 * @param entries with amendments applied
 */
export function madeFacts(thing: string, entries: readonly EffectiveEntry[]): MadeFacts[] {
  const gone = entries
    .filter(
      ({ kind, data }) =>
        kind === 'batch.released' && (data.outcome === 'scrapped' || data.outcome === 'returned'),
    )
    .map(({ data, sealed }) => quantityFrom(sealed.quantity) ?? countOf(data.serials));
  return entries
    .filter(({ kind }) => MADE.has(kind))
    .map(({ kind, data, sealed, digest }): MadeFacts => {
      const origin = typeof data.origin === 'string' ? { origin: data.origin } : {};
      return {
        thing,
        made:
          kind === 'batch.produced'
            ? (quantityFrom(sealed.quantity) ?? countOf(data.serials))
            : { value: '1', unit: 'C62' },
        ...origin,
        digest,
        inputs: inputsOf(data, sealed),
        gone,
        missing: (data.missing ?? []) as unknown as NonNullable<MadeFacts['missing']>,
      };
    });
}

const MADE: ReadonlySet<string> = new Set(['batch.produced', 'part.produced', 'vehicle.built']);

/** Serials are counted where nothing else is said. */
function countOf(serials: unknown): Quantity | null {
  const { count } = (serials ?? {}) as { count?: number };
  return count === undefined ? null : { value: String(count), unit: 'C62' };
}

type Fields = Readonly<Record<string, unknown>>;

/** The batches that something was made of, with the quantities where they are shown. */
function inputsOf(data: Fields, sealed: Fields): MadeFacts['inputs'] {
  const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value : []);
  const named = [
    ...list(data.inputs).map(({ batch }) => batch),
    ...list(data.parts).map(({ part }) => part),
    ...list(sealed.inputQuantities).map(({ batch }) => batch),
  ].filter((name): name is string => typeof name === 'string' && name.startsWith('batch:'));
  const stated = list(sealed.inputQuantities);
  const lines = list(sealed.bom);
  return [...new Set(named)].map((batch) => {
    const own = stated.find((input) => input.batch === batch);
    if (own !== undefined) return { batch, quantity: quantityFrom(own.quantity) ?? null };
    // A bill of materials may name a batch in several lines.
    const of = lines.filter(({ identifier }) => identifier === batch);
    const amounts = of.map(({ quantity }) => countable(quantityFrom(quantity)));
    const [first] = amounts;
    if (first === undefined || amounts.some((one) => one === null)) return { batch, quantity: null };
    const sum = new Amounts();
    for (const amount of amounts) if (amount !== null) sum.add(amount);
    const [only, ...others] = sum.list();
    return { batch, quantity: others.length === 0 ? (only ?? first) : null };
  });
}

/** A quantity in a unit that can be counted with; of a bill of materials any may stand there. */
function countable(quantity: Quantity | undefined): Quantity | null {
  if (quantity === undefined) return null;
  try {
    measureOf(quantity);
    return quantity;
  } catch {
    return null;
  }
}
