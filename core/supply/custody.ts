import type { EffectiveEntry } from '../findings/openedEntry.ts';
import { Amounts, measureOf, type Quantity, quantityFrom, quantityIn } from './measure.ts';

/*
 * Who has how much of a batch, folded from what is proven of it: made, shipped, received, put aside, released. Quantities
 * are sealed: a reader who is not shown one is told which entry it is of, and of whom nothing can therefore be said.
 */

export type Holder = {
  /** A GLN, DUNS, BPNL or domain. */
  readonly party: string;
  /** What it has, by dimension; negative where more left it than is known to have come. */
  readonly has: readonly Quantity[];
  /** Whether it may be more or less: some quantity that came to it or left it is not shown. */
  readonly uncertain: boolean;
};

export type Consignment = {
  /** The `batch.shipped` entry. */
  readonly digest: string;
  readonly from: string;
  readonly to?: string;
  readonly lot?: string;
  /** What has not arrived; null where it is not shown how much was shipped. */
  readonly left: Quantity | null;
  /** Whoever received it did not accept it. */
  readonly refused: boolean;
};

export type Custody = {
  readonly batch: string;
  readonly holders: readonly Holder[];
  readonly inTransit: readonly Consignment[];
  /** What must not be used: so much, or all of it where an entry names no quantity and no serials. */
  readonly quarantined: { readonly whole: boolean; readonly quantities: readonly Quantity[] };
  readonly scrapped: readonly Quantity[];
  readonly notices: readonly CustodyNotice[];
};

export type CustodyNotice = {
  /**
   * `custody.hidden` (a quantity is not shown, or none was stated), `custody.negative` (more left than came),
   * `custody.unmatched` (received, and nothing was shipped to there), `custody.overReceived`, `custody.unitMismatch`,
   * `custody.noMaker` (nobody is known to have made it), `custody.overReleased`
   */
  readonly code: string;
  /** The entry that it is about; empty where it is about the batch. */
  readonly digest: string;
  readonly party?: string;
  readonly quantity?: Quantity;
};

type Open = {
  readonly digest: string;
  readonly from: string;
  readonly to: string | undefined;
  readonly lot: string | undefined;
  readonly unit: string | undefined;
  /** What has not arrived, in thousand-millionths; null where nobody is shown how much was sent. */
  left: bigint | null;
  refused: boolean;
};

/**
 * @param entries of the batch, proven and amended, in any order
 * @param hiding the entries, and amendments, with sealed fields that the reader was not given, by their digests: a release
 *   among them may be of a quantity, or of some serials, and is not taken for one of everything
 */
export function custodyOf(
  batch: string,
  entries: readonly EffectiveEntry[],
  hiding: ReadonlySet<string>,
): Custody {
  return new Fold(batch, hiding).run(entries);
}

class Fold {
  readonly #batch: string;
  readonly #hiding: ReadonlySet<string>;
  readonly #has = new Map<string, Amounts>();
  readonly #uncertain = new Set<string>();
  readonly #open: Open[] = [];
  readonly #quarantined = new Amounts();
  readonly #scrapped = new Amounts();
  readonly #whole = new Set<string>();
  readonly #notices: CustodyNotice[] = [];

  constructor(batch: string, hiding: ReadonlySet<string>) {
    this.#batch = batch;
    this.#hiding = hiding;
  }

  run(entries: readonly EffectiveEntry[]): Custody {
    const inOrder = entries.filter(({ kind }) => kind.startsWith('batch.')).sort(byTime);
    if (!inOrder.some(({ kind }) => kind === 'batch.produced')) this.#note('custody.noMaker', '');
    for (const entry of inOrder) this.#take(entry);
    const holders = [...this.#has].map(([party, amounts]): Holder => {
      for (const quantity of amounts.list()) {
        if (quantity.value.startsWith('-')) this.#note('custody.negative', '', { party, quantity });
      }
      return { party, has: amounts.list(), uncertain: this.#uncertain.has(party) };
    });
    return {
      batch: this.#batch,
      holders: holders.filter(({ has, uncertain }) => has.length > 0 || uncertain),
      inTransit: this.#open.filter(({ left }) => left !== 0n).map(consignmentOf),
      quarantined: { whole: this.#whole.size > 0, quantities: this.#quarantined.list() },
      scrapped: this.#scrapped.list(),
      notices: this.#notices,
    };
  }

  #take(entry: EffectiveEntry): void {
    const { kind, data, sealed, digest } = entry;
    const quantity = quantityFrom(sealed.quantity);
    switch (kind) {
      case 'batch.produced': {
        const maker = String(data.manufacturerId);
        const count = (data.serials as { count?: number } | undefined)?.count;
        const made = quantity ?? (count === undefined ? undefined : { value: String(count), unit: 'C62' });
        this.#move(maker, made, 1, digest);
        return;
      }
      case 'batch.shipped':
        this.#ship(entry, quantity);
        return;
      case 'batch.received':
        this.#receive(entry, quantity);
        return;
      case 'batch.quarantined':
        if (quantity !== undefined) this.#quarantined.add(quantity);
        else if (data.serials !== undefined) this.#quarantined.add(countOf(data.serials));
        else this.#whole.add(digest);
        return;
      case 'batch.released':
        this.#release(entry, quantity);
        return;
    }
  }

  #ship({ data, sealed, digest }: EffectiveEntry, quantity: Quantity | undefined): void {
    const from = String(data.from);
    this.#move(from, quantity, -1, digest);
    this.#open.push({
      digest,
      from,
      to: textOf(data.to) ?? textOf(sealed.customer),
      lot: textOf(sealed.lot),
      unit: quantity?.unit,
      left: quantity === undefined ? null : measureOf(quantity).amount,
      refused: false,
    });
  }

  #receive({ data, sealed, digest }: EffectiveEntry, quantity: Quantity | undefined): void {
    const by = String(data.by);
    const shipment = this.#shipmentOf(by, textOf(data.shipped), textOf(sealed.lot), quantity);
    if (shipment === undefined) this.#note('custody.unmatched', digest, { party: by });
    if (data.accepted !== true) {
      if (shipment !== undefined) shipment.refused = true;
      return;
    }
    this.#move(by, quantity, 1, digest);
    if (shipment === undefined) return;
    if (quantity === undefined || shipment.left === null || shipment.unit === undefined) {
      // Whoever sees neither what was sent nor what came takes the consignment for arrived.
      shipment.left = 0n;
      return;
    }
    const arrived = measureOf(quantity);
    if (measureOf({ value: '0', unit: shipment.unit }).dimension !== arrived.dimension) {
      this.#note('custody.unitMismatch', digest, { party: by, quantity });
      return;
    }
    if (arrived.amount > shipment.left) {
      const { dimension } = arrived;
      const over = quantityIn({ dimension, amount: arrived.amount - shipment.left }, quantity.unit);
      this.#note('custody.overReceived', digest, { party: by, quantity: over });
      shipment.left = 0n;
    } else shipment.left -= arrived.amount;
  }

  /** The consignment that was received: named by its entry, by its number, or the first that is open to whoever has it. */
  #shipmentOf(
    by: string,
    shipped: string | undefined,
    lot: string | undefined,
    quantity: Quantity | undefined,
  ): Open | undefined {
    if (shipped !== undefined) return this.#open.find(({ digest }) => digest === shipped);
    const open = this.#open.filter(({ left, from }) => left !== 0n && from !== by);
    if (lot !== undefined) {
      const named = open.find((one) => one.lot === lot);
      if (named !== undefined) return named;
    }
    const amount = quantity === undefined ? undefined : measureOf(quantity).amount;
    const possible = open.filter(
      (one) => (one.to === undefined || one.to === by) && (lot === undefined || one.lot === undefined),
    );
    const exact = possible.filter(({ left }) => left === amount);
    const sure = (list: readonly Open[]) => list.find(({ to }) => to === by) ?? list[0];
    return sure(exact) ?? sure(possible);
  }

  #release({ data, digest, amendedBy }: EffectiveEntry, quantity: Quantity | undefined): void {
    const gone = data.outcome === 'scrapped' || data.outcome === 'returned';
    const amount = quantity ?? (data.serials === undefined ? undefined : countOf(data.serials));
    if (amount === undefined) {
      const isHidden = this.#hiding.has(amendedBy ?? digest);
      const ends = textOf(data.quarantined);
      if (!isHidden && ends === undefined) this.#whole.clear();
      else if (!isHidden && ends !== undefined) this.#whole.delete(ends);
      if (isHidden || gone) this.#note('custody.hidden', digest);
      return;
    }
    if (this.#whole.size === 0) {
      const { dimension, amount: asked } = measureOf(amount);
      const held = this.#quarantined.of(amount.unit);
      if (held < asked) this.#note('custody.overReleased', digest, { quantity: amount });
      // What was never put aside is not free of what is put aside later.
      const free = held < asked ? quantityIn({ dimension, amount: held }, amount.unit) : amount;
      this.#quarantined.add(free, -1);
    }
    if (data.outcome === 'scrapped') this.#scrapped.add(amount);
    if (!gone) return;
    // Who had it is not said; where there is one holder it was that one.
    const [holder, ...others] = [...this.#has].filter(([, amounts]) => !amounts.isEmpty);
    if (holder !== undefined && others.length === 0) holder[1].add(amount, -1);
    else for (const [party] of this.#has) this.#uncertain.add(party);
  }

  #move(party: string, quantity: Quantity | undefined, sign: 1 | -1, digest: string): void {
    const amounts = this.#has.get(party) ?? new Amounts();
    this.#has.set(party, amounts);
    if (quantity !== undefined) {
      amounts.add(quantity, sign);
      return;
    }
    this.#uncertain.add(party);
    this.#note('custody.hidden', digest, { party });
  }

  #note(code: string, digest: string, more: Partial<CustodyNotice> = {}): void {
    this.#notices.push({ code, digest, ...more });
  }
}

function byTime(left: EffectiveEntry, right: EffectiveEntry): number {
  const second = ({ time }: EffectiveEntry): string => (time.length === 10 ? `${time}T00:00:00Z` : time);
  // Of one day, what was anchored first came first; and what is made is made before it is shipped.
  const rank = ({ kind }: EffectiveEntry): number => (kind === 'batch.produced' ? 0 : 1);
  const [one, other] = [second(left), second(right)];
  if (rank(left) !== rank(right)) return rank(left) - rank(right);
  if (one !== other) return one < other ? -1 : 1;
  return left.anchoredAt - right.anchoredAt || left.position - right.position;
}

function consignmentOf({ digest, from, to, lot, unit, left, refused }: Open): Consignment {
  const known =
    left === null || unit === undefined
      ? null
      : quantityIn({ dimension: measureOf({ value: '0', unit }).dimension, amount: left }, unit);
  return {
    digest,
    from,
    ...(to === undefined ? {} : { to }),
    ...(lot === undefined ? {} : { lot }),
    left: known,
    refused,
  };
}

function countOf(serials: unknown): Quantity {
  return { value: String((serials as { count: number }).count), unit: 'C62' };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
