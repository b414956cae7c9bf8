import type { Address } from '../../core/chain/types.ts';
import { isOpen, type Obstacle, type TitleKind, type TitleState } from '../../core/modules/title.ts';
import type { TitleEvent } from '../../core/modules/titleHistory.ts';
import type { Verification, VerifiedTitle } from '../../core/verify/result.ts';
import { attesterKey } from './attesterKey.ts';
import { brandCode } from './brandCode.ts';

/** Somebody's time as the owner: from one change of keys to the next. */
export type HolderView = {
  readonly owner: Address;
  /** Seconds since 1970. */
  readonly from: number;
  /** `null` for the present owner. */
  readonly until: number | null;
  /** How it came to this key. */
  readonly how: TitleKind;
  /** The organisation that acted, by its key; null where owner and buyer did. */
  readonly by: string | null;
  readonly entry: string;
};

export type LienView = {
  readonly number: number;
  readonly rank: number;
  /** The holder, by its key. */
  readonly holder: string;
  readonly since: number;
  readonly until: number;
  readonly state: 'open' | 'expired' | 'released' | 'ended';
  /** When it was released, or its title ended. */
  readonly endedAt: number | null;
  readonly entries: readonly string[];
};

/** What the title is and how it became so, folded from the links: no withheld envelope hides any of it. */
export type TitleView = {
  readonly ledger: string;
  readonly state: TitleState;
  readonly owner: Address | null;
  /** How many keys have owned it. */
  readonly tenure: number;
  /** The time of the block as of which this is so. */
  readonly asOf: number;
  /** What stands against a sale as of that block. */
  readonly obstacles: readonly Obstacle[];
  /** False where an action is missing: then nothing here is sure. */
  readonly whole: boolean;
  readonly offer: { readonly buyer: Address; readonly until: number; readonly open: boolean } | null;
  readonly holders: readonly HolderView[];
  readonly liens: readonly LienView[];
  /** Theft and recovery, in order. */
  readonly thefts: readonly { readonly entry: string; readonly at: number; readonly stolen: boolean }[];
  /** AAMVA D20 codes with the entries that set them; none where they were carried over. */
  readonly brands: readonly { readonly code: string; readonly entries: readonly string[] }[];
  /** The identifier before, as the entry that replaced it says; empty where that is not open. */
  readonly replaces: string | null;
  readonly replacedBy: string | null;
};

const OWNED_BY: readonly TitleKind[] = [
  'title.issued',
  'title.accepted',
  'title.reissued',
  'title.transferred',
  'title.replaced',
];

export function titleViews(verification: Verification): TitleView[] {
  return verification.titles.map((title) => titleView(title, verification));
}

function titleView(verified: VerifiedTitle, { entries }: Verification): TitleView {
  const { ledger, title, events, obstacles, whole, subject } = verified;
  const asOf = Number(verified.asOf);
  const replaced = entries.find(({ link, ledger: where }) => where === ledger && link.kind === 15);
  const carried = events[0]?.kind === 'title.replaced' && events[0].action.subject !== subject;
  const { to } = (replaced?.envelope?.data ?? {}) as { to?: unknown };
  return {
    ledger,
    state: title.state,
    owner: title.owner,
    tenure: Number(title.tenure),
    asOf,
    obstacles,
    whole,
    offer:
      title.offer === null
        ? null
        : {
            buyer: title.offer.buyer,
            until: Number(title.offer.until),
            open: isOpen(title.offer, verified.asOf),
          },
    holders: holdersOf(ledger, events),
    liens: liensOf(ledger, verified),
    thefts: events.flatMap(({ kind, action, at }) =>
      kind === 'title.stolen' || kind === 'title.recovered'
        ? [{ entry: action.digest, at: Number(at), stolen: kind === 'title.stolen' }]
        : [],
    ),
    brands: title.brands.map((number) => ({
      code: brandCode(number),
      entries: events
        .filter(({ kind, action }) => kind === 'title.branded' && Number(BigInt(action.detail)) === number)
        .map(({ action }) => action.digest),
    })),
    replaces: carried ? (replaced?.envelope?.identifier ?? '') : null,
    replacedBy: title.state === 'replaced' ? (typeof to === 'string' ? to : '') : null,
  };
}

function holdersOf(ledger: string, events: readonly TitleEvent[]): HolderView[] {
  const holders: HolderView[] = [];
  const close = (at: bigint): void => {
    const last = holders.pop();
    if (last !== undefined) holders.push(last.until === null ? { ...last, until: Number(at) } : last);
  };
  for (const { kind, action, at, title } of events) {
    if (title.state !== 'held') {
      close(at);
      continue;
    }
    if (!OWNED_BY.includes(kind) || title.owner === null) continue;
    close(at);
    const { organisation } = action;
    holders.push({
      owner: title.owner,
      from: Number(at),
      until: null,
      how: kind,
      by: organisation === 0n ? null : attesterKey(ledger, organisation.toString()),
      entry: action.digest,
    });
  }
  return holders;
}

function liensOf(ledger: string, { events, title, asOf }: VerifiedTitle): LienView[] {
  const liens = new Map<number, LienView>();
  for (const { kind, action, at, title: after } of events) {
    for (const lien of after.liens) {
      const known = liens.get(lien.number);
      const touched = known?.until !== Number(lien.until);
      liens.set(lien.number, {
        number: lien.number,
        rank: lien.rank,
        holder: attesterKey(ledger, lien.holder.toString()),
        since: known?.since ?? Number(at),
        until: Number(lien.until),
        state: isOpen(lien, asOf) ? 'open' : 'expired',
        endedAt: null,
        entries: touched ? [...(known?.entries ?? []), action.digest] : (known?.entries ?? []),
      });
    }
    const standing = new Set(after.liens.map(({ number }) => number));
    for (const [number, lien] of liens) {
      if (standing.has(number) || lien.endedAt !== null) continue;
      const released = kind === 'title.lienReleased';
      liens.set(number, {
        ...lien,
        state: released ? 'released' : 'ended',
        endedAt: Number(at),
        entries: [...lien.entries, action.digest],
      });
    }
  }
  const standing = new Set(title.liens.map(({ number }) => number));
  return [...liens.values()].sort(
    (left, right) =>
      Number(standing.has(right.number)) - Number(standing.has(left.number)) || left.rank - right.rank,
  );
}
