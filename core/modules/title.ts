import type { Hex } from '../bytes.ts';
import type { Address, OrganisationId, Subject } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { type TitleAction, ZERO_ADDRESS, ZERO_DETAIL } from './action.ts';

/*
 * The state machine of `Titles` (docs/protocol.md §13), as the contract runs it: the fold of a title's actions is the
 * title. The table is data, so that the tests of both generate from it.
 */

export type TitleState = 'none' | 'held' | 'exported' | 'scrapped' | 'replaced';

export type Lien = {
  /** Counted from 1 in the order of placing, also of those that ended. */
  readonly number: number;
  readonly holder: OrganisationId;
  /** 1–255; no two open liens share one. */
  readonly rank: number;
  /** Its last second, seconds since 1970. */
  readonly until: bigint;
};

export type Title = {
  readonly state: TitleState;
  readonly owner: Address | null;
  /** How many keys have owned it. */
  readonly tenure: bigint;
  /** How many actions it has seen. */
  readonly revision: bigint;
  /** May have expired. */
  readonly offer: { readonly buyer: Address; readonly until: bigint } | null;
  /** Those that were not released; they may have expired. */
  readonly liens: readonly Lien[];
  readonly liensPlaced: number;
  readonly stolen: boolean;
  /** AAMVA D20 codes as numbers, ascending. */
  readonly brands: readonly number[];
  readonly replaces: Subject | null;
  readonly replacedBy: Subject | null;
};

export const NO_TITLE: Title = {
  state: 'none',
  owner: null,
  tenure: 0n,
  revision: 0n,
  offer: null,
  liens: [],
  liensPlaced: 0,
  stolen: false,
  brands: [],
  replaces: null,
  replacedBy: null,
};

/** The kinds of `Titles`, by their number on chain. */
export const titleKinds = {
  'title.issued': 0,
  'title.offered': 1,
  'title.accepted': 2,
  'title.withdrawn': 3,
  'title.lienPlaced': 4,
  'title.lienRenewed': 5,
  'title.lienReleased': 6,
  'title.stolen': 7,
  'title.recovered': 8,
  'title.branded': 9,
  'title.disputed': 10,
  'title.scrapped': 11,
  'title.exported': 12,
  'title.reissued': 13,
  'title.transferred': 14,
  'title.replaced': 15,
} as const;

export type TitleKind = keyof typeof titleKinds;

const titleKindNames = Object.keys(titleKinds) as readonly TitleKind[];

/** The name of a title kind; undefined for every other number. */
export function titleKindOf(number: number): TitleKind | undefined {
  return titleKindNames[number];
}

export const MAX_OPEN_LIENS = 8;
const DAY = 86_400n;
export const MAX_LIEN_SECONDS = 3_660n * DAY;
export const MAX_OFFER_SECONDS = 366n * DAY;
export const MAX_RANK = 255;
export const MAX_BRAND = 99;

export type ActionField = 'organisation' | 'party' | 'until' | 'detail';

export type Transition = {
  readonly kind: number;
  /** `right`: a key of an organisation with the kind's right; `lienHolder`: of the lien's holder or its successor. */
  readonly by: 'right' | 'lienHolder' | 'owner' | 'buyer';
  readonly from: readonly TitleState[];
  /** The fields that are not zero; all others are. A brand may be 0 all the same. */
  readonly uses: readonly ActionField[];
  /** What `detail` means. */
  readonly detail?: 'rank' | 'lien' | 'brand' | 'digest' | 'subject';
  /** Who `party` must not be. */
  readonly partyNot?: 'owner';
  /** What `until` ends. */
  readonly ends?: 'offer' | 'lien';
  readonly guards: readonly ('sellable' | 'noOpenOffer' | 'offer' | 'openOffer' | 'stolen' | 'notStolen')[];
};

/** Who may do what, from where: the table of docs/protocol.md §13. */
export const transitions: Readonly<Record<TitleKind, Transition>> = {
  'title.issued': {
    kind: 0,
    by: 'right',
    from: ['none', 'exported'],
    uses: ['organisation', 'party'],
    guards: [],
  },
  'title.offered': {
    kind: 1,
    by: 'owner',
    from: ['held'],
    uses: ['party', 'until'],
    partyNot: 'owner',
    ends: 'offer',
    guards: ['sellable', 'noOpenOffer'],
  },
  'title.accepted': { kind: 2, by: 'buyer', from: ['held'], uses: [], guards: ['sellable', 'openOffer'] },
  'title.withdrawn': { kind: 3, by: 'owner', from: ['held'], uses: [], guards: ['offer'] },
  'title.lienPlaced': {
    kind: 4,
    by: 'right',
    from: ['held'],
    uses: ['organisation', 'until', 'detail'],
    detail: 'rank',
    ends: 'lien',
    guards: [],
  },
  'title.lienRenewed': {
    kind: 5,
    by: 'lienHolder',
    from: ['held'],
    uses: ['organisation', 'until', 'detail'],
    detail: 'lien',
    ends: 'lien',
    guards: [],
  },
  'title.lienReleased': {
    kind: 6,
    by: 'lienHolder',
    from: ['held'],
    uses: ['organisation', 'detail'],
    detail: 'lien',
    guards: [],
  },
  'title.stolen': { kind: 7, by: 'right', from: ['held'], uses: ['organisation'], guards: ['notStolen'] },
  'title.recovered': { kind: 8, by: 'right', from: ['held'], uses: ['organisation'], guards: ['stolen'] },
  'title.branded': {
    kind: 9,
    by: 'right',
    from: ['held', 'exported'],
    uses: ['organisation', 'detail'],
    detail: 'brand',
    guards: [],
  },
  'title.disputed': {
    kind: 10,
    by: 'owner',
    from: ['held', 'exported', 'scrapped', 'replaced'],
    uses: ['detail'],
    detail: 'digest',
    guards: [],
  },
  'title.scrapped': {
    kind: 11,
    by: 'right',
    from: ['held', 'exported'],
    uses: ['organisation'],
    guards: [],
  },
  'title.exported': { kind: 12, by: 'right', from: ['held'], uses: ['organisation'], guards: ['sellable'] },
  'title.reissued': {
    kind: 13,
    by: 'right',
    from: ['held'],
    uses: ['organisation', 'party'],
    partyNot: 'owner',
    guards: [],
  },
  'title.transferred': {
    kind: 14,
    by: 'right',
    from: ['held'],
    uses: ['organisation', 'party'],
    partyNot: 'owner',
    guards: ['sellable'],
  },
  'title.replaced': {
    kind: 15,
    by: 'right',
    from: ['held'],
    uses: ['organisation', 'detail'],
    detail: 'subject',
    guards: [],
  },
};

/** What only the chain knows; without it everything is taken for so, as a reader of `Titles` may. */
export type TitleOptions = {
  /** Whether an actor is a key of an organisation in good standing with the kind's right. */
  readonly entitled?: (organisation: OrganisationId, actor: Address, kind: number) => boolean;
  /** Whether an organisation is the successor that the registrar recorded for a lien's holder. */
  readonly succeeds?: (holder: OrganisationId, organisation: OrganisationId) => boolean;
  /** Whether a subject has a title already. */
  readonly titled?: (subject: Subject) => boolean;
};

function refuse(
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): VinculumError {
  return new VinculumError(`title.${code}`, message, { details });
}

/** Whether a lien or an offer stands: up to and including its last second. */
export function isOpen(held: { readonly until: bigint }, at: bigint): boolean {
  return at <= held.until;
}

export function openLiens(title: Title, at: bigint): readonly Lien[] {
  return title.liens.filter((lien) => isOpen(lien, at));
}

export type Obstacle = 'notHeld' | 'stolen' | 'lien';

/** What stands against a sale at that time (seconds since 1970); empty where the vehicle may be sold. */
export function obstaclesOf(title: Title, at: bigint): readonly Obstacle[] {
  if (title.state !== 'held') return ['notHeld'];
  return [
    ...(title.stolen ? (['stolen'] as const) : []),
    ...(openLiens(title, at).length > 0 ? (['lien'] as const) : []),
  ];
}

/**
 * The title after an action, or why `Titles` would not execute it. The contract's order of checks is kept: unused
 * fields, deadline, revision, right, state, owner or buyer, guards.
 * @param at the block's timestamp, seconds since 1970
 * @throws `title.unknownKind` `title.unusedField` `title.expired` `title.wrongRevision` `title.notEntitled`
 *   `title.notOwner` `title.notBuyer` `title.notHolder` `title.wrongState` `title.zeroParty` `title.sameParty`
 *   `title.badDetail` `title.badTime` `title.noSuchLien` `title.tooManyLiens` `title.rankTaken` `title.lienOpen`
 *   `title.stolen` `title.notStolen` `title.offerOpen` `title.noOffer` `title.offerExpired` `title.subjectTaken`
 */
export function applyTitleAction(
  title: Title,
  action: TitleAction,
  actor: Address,
  at: bigint,
  options: TitleOptions = {},
): Title {
  const name = titleKindOf(action.kind);
  if (name === undefined) throw refuse('unknownKind', 'Titles has the kinds 0 to 15.');
  const transition = transitions[name];
  checkUnused(action, transition);
  if (at > action.deadline) throw refuse('expired', 'The action’s deadline has passed.');
  if (action.revision !== title.revision) {
    throw refuse('wrongRevision', 'The title has moved on since, or is not there yet.', {
      expected: title.revision,
      found: action.revision,
    });
  }
  checkRight(action, actor, transition, options);
  if (!transition.from.includes(title.state)) {
    throw refuse('wrongState', `From the state ${title.state} there is no ${name}.`, { state: title.state });
  }
  checkActor(title, actor, transition);
  checkParty(title, action, transition);
  for (const guard of transition.guards) checkGuard(guard, title, at);
  const next: Title = { ...title, revision: title.revision + 1n };
  const held = (owner: Address): Title => ({
    ...next,
    state: 'held',
    owner,
    tenure: title.tenure + 1n,
    offer: null,
  });
  switch (name) {
    case 'title.issued':
    case 'title.reissued':
    case 'title.transferred':
      return held(action.party);
    case 'title.offered':
      checkUntil(action, at, MAX_OFFER_SECONDS);
      return { ...next, offer: { buyer: action.party, until: action.until } };
    case 'title.accepted':
      return held(actor);
    case 'title.withdrawn':
      return { ...next, offer: null };
    case 'title.lienPlaced':
      return placeLien(next, action, at);
    case 'title.lienRenewed':
      return renewLien(next, action, at, options);
    case 'title.lienReleased': {
      const { number } = lienOf(next, action, at, options);
      return { ...next, liens: next.liens.filter((lien) => lien.number !== number) };
    }
    case 'title.stolen':
      return { ...next, stolen: true };
    case 'title.recovered':
      return { ...next, stolen: false };
    case 'title.branded': {
      const code = numberOf(action.detail, 0, MAX_BRAND);
      return { ...next, brands: [...new Set([...title.brands, code])].sort((left, right) => left - right) };
    }
    case 'title.disputed':
      if (action.detail === ZERO_DETAIL) throw refuse('badDetail', 'A dispute names an entry by its digest.');
      return next;
    case 'title.scrapped':
      return { ...next, state: 'scrapped', offer: null, liens: [] };
    case 'title.exported':
      return { ...next, state: 'exported', offer: null };
    case 'title.replaced':
      return replace(next, action, options);
  }
}

/** Every field that the kind does not use is zero. */
function checkUnused(action: TitleAction, { uses }: Transition): void {
  const used: Readonly<Record<ActionField, boolean>> = {
    organisation: action.organisation !== 0n,
    party: action.party !== ZERO_ADDRESS,
    until: action.until !== 0n,
    detail: action.detail !== ZERO_DETAIL,
  };
  for (const field of Object.keys(used) as ActionField[]) {
    if (used[field] && !uses.includes(field)) {
      throw refuse('unusedField', `This kind does not use ${field}: it must be zero.`, { field });
    }
  }
}

function checkRight(
  action: TitleAction,
  actor: Address,
  { by }: Transition,
  { entitled }: TitleOptions,
): void {
  if (by === 'owner' || by === 'buyer') return;
  if (action.organisation === 0n || entitled?.(action.organisation, actor, action.kind) === false) {
    throw refuse('notEntitled', 'The actor is no key of an organisation with this right.');
  }
}

function checkActor(title: Title, actor: Address, { by }: Transition): void {
  if (by === 'owner' && actor !== title.owner) throw refuse('notOwner', 'Only the owner’s key may do this.');
  if (by !== 'buyer') return;
  if (title.offer === null) throw refuse('noOffer', 'Nothing is on offer.');
  if (actor !== title.offer.buyer) throw refuse('notBuyer', 'The offer is to somebody else.');
}

function checkParty(title: Title, action: TitleAction, { uses, partyNot }: Transition): void {
  if (!uses.includes('party')) return;
  if (action.party === ZERO_ADDRESS) throw refuse('zeroParty', 'Name the key of the other party.');
  if (partyNot === 'owner' && action.party === title.owner) {
    throw refuse('sameParty', 'This key owns the title already.');
  }
}

function checkGuard(guard: Transition['guards'][number], title: Title, at: bigint): void {
  switch (guard) {
    case 'sellable': {
      const [obstacle] = obstaclesOf(title, at);
      if (obstacle === 'stolen') throw refuse('stolen', 'The vehicle is reported stolen.');
      if (obstacle === 'lien') throw refuse('lienOpen', 'A lien is open.');
      return;
    }
    case 'noOpenOffer':
      if (title.offer !== null && isOpen(title.offer, at)) throw refuse('offerOpen', 'An offer is open.');
      return;
    case 'offer':
      if (title.offer === null) throw refuse('noOffer', 'Nothing is on offer.');
      return;
    case 'openOffer':
      if (title.offer === null) throw refuse('noOffer', 'Nothing is on offer.');
      if (!isOpen(title.offer, at)) throw refuse('offerExpired', 'The offer has expired.');
      return;
    case 'stolen':
      if (!title.stolen) throw refuse('notStolen', 'The vehicle is not reported stolen.');
      return;
    case 'notStolen':
      if (title.stolen) throw refuse('stolen', 'The vehicle is reported stolen already.');
  }
}

function checkUntil(action: TitleAction, at: bigint, most: bigint): void {
  if (action.until <= at || action.until > at + most) {
    throw refuse('badTime', 'The end lies in the future, but not too far.', { until: action.until });
  }
}

function numberOf(detail: Hex, least: number, most: number): number {
  const value = BigInt(detail);
  if (value < BigInt(least) || value > BigInt(most)) {
    throw refuse('badDetail', `The detail is a number from ${least} to ${most}.`);
  }
  return Number(value);
}

function placeLien(next: Title, action: TitleAction, at: bigint): Title {
  const rank = numberOf(action.detail, 1, MAX_RANK);
  checkUntil(action, at, MAX_LIEN_SECONDS);
  const open = openLiens(next, at);
  if (open.some((lien) => lien.rank === rank))
    throw refuse('rankTaken', 'An open lien has this rank.', { rank });
  if (open.length >= MAX_OPEN_LIENS) {
    throw refuse('tooManyLiens', `A title has at most ${MAX_OPEN_LIENS} open liens.`);
  }
  const number = next.liensPlaced + 1;
  const lien: Lien = { number, holder: action.organisation, rank, until: action.until };
  return { ...next, liens: [...next.liens, lien], liensPlaced: number };
}

function lienOf(title: Title, action: TitleAction, at: bigint, { succeeds }: TitleOptions): Lien {
  const lien = openLiens(title, at).find(({ number }) => BigInt(number) === BigInt(action.detail));
  if (lien === undefined) throw refuse('noSuchLien', 'No open lien has this number.');
  if (lien.holder !== action.organisation && succeeds?.(lien.holder, action.organisation) !== true) {
    throw refuse('notHolder', 'The lien is another organisation’s.');
  }
  return lien;
}

function renewLien(next: Title, action: TitleAction, at: bigint, options: TitleOptions): Title {
  const { number, until } = lienOf(next, action, at, options);
  checkUntil(action, at, MAX_LIEN_SECONDS);
  if (action.until <= until) throw refuse('badTime', 'A renewal ends later than the lien did.');
  return {
    ...next,
    liens: next.liens.map((lien) => (lien.number === number ? { ...lien, until: action.until } : lien)),
  };
}

function replace(next: Title, action: TitleAction, { titled }: TitleOptions): Title {
  const replacedBy = action.detail as Subject;
  if (replacedBy === ZERO_DETAIL || replacedBy === action.subject) {
    throw refuse('badDetail', 'A replacement names another subject.');
  }
  if (titled?.(replacedBy) === true) throw refuse('subjectTaken', 'The new subject has a title already.');
  return { ...next, state: 'replaced', offer: null, liens: [], replacedBy };
}

/**
 * The title that the new subject of `title.replaced` starts with: held by the same owner, with the open liens, the
 * theft and the brands.
 * @param old the title of the old subject before the action
 * @param at the block's timestamp, seconds since 1970
 */
export function takeOver(old: Title, action: TitleAction, at: bigint): Title {
  return {
    ...NO_TITLE,
    state: 'held',
    owner: old.owner,
    tenure: 1n,
    revision: 1n,
    liens: openLiens(old, at),
    liensPlaced: old.liensPlaced,
    stolen: old.stolen,
    brands: old.brands,
    replaces: action.subject,
  };
}
