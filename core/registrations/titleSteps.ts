import type { Hex } from '../bytes.ts';
import type { Json } from '../canonical.ts';
import type { Address, Digest, OrganisationId, Subject } from '../chain/types.ts';
import { secondsOf } from '../envelope/time.ts';
import { VinculumError } from '../errors.ts';
import { type TitleAction, ZERO_ADDRESS, ZERO_DETAIL } from '../modules/action.ts';
import { applyTitleAction, NO_TITLE, obstaclesOf, type Title, titleKinds } from '../modules/title.ts';
import type { HistovecEventType, MappedRegistration, RegistrationContent } from './histovec.ts';

/*
 * Which events of a registration history drive `Titles`, and which are recorded as evidence. The history is played
 * through the state machine of titles, at the times that the registry gives: what the machine allows is an action on the
 * title, what it does not allow (a sale under a lien, a release without a lien) happened all the same and is evidence
 * that says so. Nothing is refused and nothing left out.
 *
 * Two clocks: the registry's, by which its liens lapse five years after they were registered or renewed, and the
 * chain's, on which everything happens at the import. A lien that lapsed by the registry's clock is therefore released
 * on chain by an action of its own.
 */

/** What a step asks of `Titles`, but for the title's revision, which is its place among the title's steps. */
export type TitleAct =
  /** `holder` counts the vehicle's holders as Titles sees them, from 1: each gets a key of its own. */
  | { readonly kind: 'title.issued' | 'title.transferred'; readonly holder: number }
  /** `expires` is the last day of the lien by the registry's rule, `YYYY-MM-DD`. */
  | { readonly kind: 'title.lienPlaced'; readonly rank: number; readonly expires: string }
  | { readonly kind: 'title.lienRenewed'; readonly lien: number; readonly expires: string }
  | { readonly kind: 'title.lienReleased'; readonly lien: number }
  | { readonly kind: 'title.exported' };

export type RegistrationStep =
  | { readonly via: 'evidence'; readonly content: RegistrationContent }
  | { readonly via: 'title'; readonly content: RegistrationContent; readonly act: TitleAct };

/** Why an event can't have been what a title allows; the `title.*` codes are the state machine's. */
export type ContradictionCode =
  | `title.${string}`
  /** A sale while an opposition, a seizure or the damaged-vehicle procedure forbade one. */
  | 'registration.underOpposition'
  | 'registration.underSeizure'
  | 'registration.underProcedure'
  /** Something is lifted or renewed that was never entered. */
  | 'registration.neverEntered';

export type Contradiction = {
  readonly code: ContradictionCode;
  /** The registry's code of the event. */
  readonly event: string;
  /** Its day. */
  readonly time: string;
};

export type RegistrationPlan = {
  readonly identifier: string;
  /** In the order in which the registry states them. */
  readonly steps: readonly RegistrationStep[];
  readonly contradictions: readonly Contradiction[];
  /** The title by the registry's clock, once all is said; its owner stands for the last holder's key. */
  readonly title: Title;
};

/** A lien stays on the French register for five years, unless it is renewed. */
export const LIEN_YEARS = 5;

/** The register whose codes the events are: France's, of vehicles' certificates. */
const REGISTER = 'FR-SIV';

const SAYS: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  IMMAT_NORMALE: { reason: 'firstRegistration' },
  IMMAT_NORMALE_PREM_VO: { reason: 'import' },
  REIMMAT_ETRANGER: { reason: 'reImport' },
  CHANG_TIT_NORMAL: { reason: 'sale' },
  INSCRIPTION_GAGE: { type: 'loan' },
} satisfies Partial<Record<HistovecEventType, unknown>>;

const REGISTERS: ReadonlySet<string> = new Set<HistovecEventType>([
  'IMMAT_NORMALE',
  'IMMAT_NORMALE_PREM_VO',
  'REIMMAT_ETRANGER',
]);
const DECLARES_SALE: ReadonlySet<string> = new Set<HistovecEventType>([
  'DECLARATION_CESSION',
  'DECLARATION_ACHAT',
]);
const DRIVES: ReadonlySet<string> = new Set<HistovecEventType>([
  ...(REGISTERS as ReadonlySet<HistovecEventType>),
  'CHANG_TIT_NORMAL',
  'INSCRIPTION_GAGE',
  'PROROG_GAGE',
  'RADIATION_GAGE',
  'SORTIE_TERRITOIRE',
]);

/** Encumbrances that a title does not know: entered and lifted, counted by the registry's events. */
const ENCUMBRANCES = {
  'registration.underOpposition': { enters: ['INSCRIRE_OTCI'], needs: ['LEVER_OTCI'], lifts: ['LEVER_OTCI'] },
  'registration.underSeizure': {
    enters: ['INSCRIRE_DVS'],
    needs: ['LEVER_DVS', 'RENOUV_DVS'],
    lifts: ['LEVER_DVS'],
  },
  // The second expert report clears the procedure, and with it the opposition that came along.
  'registration.underProcedure': {
    enters: ['INSCRIRE_OVE'],
    needs: ['LEVER_OVE'],
    lifts: ['LEVER_OVE', 'SEC_RAP_VE'],
  },
} as const satisfies Partial<Record<ContradictionCode, unknown>>;
type Encumbrance = keyof typeof ENCUMBRANCES;

/**
 * Divides a history between `Titles` and evidence.
 * @param now when it is imported, seconds since 1970: liens that lapsed by then are released
 */
export function planRegistration(mapped: MappedRegistration, now: bigint): RegistrationPlan {
  const [registered, ...events] = mapped.contents;
  const planner = new Planner();
  if (registered !== undefined) {
    planner.evidence(registered);
    // The file of many vehicles begins in the middle: who held it first is then known by the vehicle's own record.
    const first = events.find(({ data }) => DRIVES.has(String(data.event)));
    if (first === undefined || !REGISTERS.has(String(first.data.event))) planner.issue(registered);
  }
  for (const content of events) planner.event(content);
  planner.lapse(now);
  const { steps, contradictions, title } = planner;
  return { identifier: mapped.identifier, steps, contradictions, title };
}

const REGISTRAR = 1n as OrganisationId;
const ACTOR = `0x${'ff'.repeat(20)}` as Address;
const SUBJECT = `0x${'11'.repeat(32)}` as Subject;

class Planner {
  readonly steps: RegistrationStep[] = [];
  readonly contradictions: Contradiction[] = [];
  title: Title = NO_TITLE;
  #holders = 0;
  readonly #open: Record<Encumbrance, number> = {
    'registration.underOpposition': 0,
    'registration.underSeizure': 0,
    'registration.underProcedure': 0,
  };

  evidence(content: RegistrationContent, contradicts?: ContradictionCode): void {
    if (contradicts === undefined) {
      this.steps.push({ via: 'evidence', content });
      return;
    }
    this.steps.push({ via: 'evidence', content: { ...content, data: { ...content.data, contradicts } } });
    this.contradictions.push({ code: contradicts, event: String(content.data.event), time: content.time });
  }

  /** The title of a vehicle whose first registration the registry knows by its date alone. */
  issue(registered: RegistrationContent): void {
    const { time } = registered;
    this.#act({ time, says: { market: 'FR', reason: 'takenOver' } }, { kind: 'title.issued', holder: 1 });
  }

  event(content: RegistrationContent): void {
    this.lapse(secondsOf(content.time));
    const event = String(content.data.event);
    const isSale = event === 'CHANG_TIT_NORMAL' || event === 'SORTIE_TERRITOIRE' || DECLARES_SALE.has(event);
    const obstacle = isSale ? this.#obstacle() : undefined;
    const contradicts = obstacle ?? this.#encumbrance(event) ?? this.#driven(content, event);
    if (contradicts !== 'driven') this.evidence(content, contradicts ?? this.#declaredSale(content, event));
  }

  /** Releases the liens whose time was over by then. */
  lapse(at: bigint): void {
    const over = this.title.liens.filter(({ until }) => until < at);
    for (const { number, until } of [...over].sort((left, right) => Number(left.until - right.until))) {
      const says = { market: 'FR', reason: 'lapsed' };
      this.#act({ time: dayOf(until), says }, { kind: 'title.lienReleased', lien: number });
    }
  }

  /** Asks the state machine for what an event stands for; tells what it says against it. */
  #driven(content: RegistrationContent, event: string): ContradictionCode | 'driven' | undefined {
    const act = this.#actOf(content, event);
    if (act === undefined) return undefined;
    try {
      this.#act({ time: content.time, says: saysOf(content, event) }, act);
      return 'driven';
    } catch (error) {
      if (error instanceof VinculumError && error.code.startsWith('title.')) {
        return error.code as ContradictionCode;
      }
      throw error;
    }
  }

  #actOf(content: RegistrationContent, event: string): TitleAct | undefined {
    if (REGISTERS.has(event)) return { kind: 'title.issued', holder: this.#holders + 1 };
    // The register does not number its liens: the oldest is renewed and released first. Number 0 is nobody's.
    const oldest = this.title.liens[0];
    const lien = oldest?.number ?? 0;
    const expires = yearsAfter(content.time, LIEN_YEARS);
    switch (event) {
      case 'CHANG_TIT_NORMAL':
        return { kind: 'title.transferred', holder: this.#holders + 1 };
      case 'INSCRIPTION_GAGE':
        return { kind: 'title.lienPlaced', rank: this.#freeRank(), expires };
      case 'PROROG_GAGE': {
        const from = oldest === undefined ? content.time : dayOf(oldest.until);
        return { kind: 'title.lienRenewed', lien, expires: yearsAfter(from, LIEN_YEARS) };
      }
      case 'RADIATION_GAGE':
        return { kind: 'title.lienReleased', lien };
      case 'SORTIE_TERRITOIRE':
        return { kind: 'title.exported' };
      default:
        return undefined;
    }
  }

  #freeRank(): number {
    const taken = new Set(this.title.liens.map(({ rank }) => rank));
    let rank = 1;
    while (taken.has(rank)) rank += 1;
    return rank;
  }

  /** What the register itself holds against a sale. */
  #obstacle(): ContradictionCode | undefined {
    return (Object.keys(this.#open) as Encumbrance[]).find((code) => this.#open[code] > 0);
  }

  /** Counts what is entered and lifted; tells of what is lifted or renewed and was never entered. */
  #encumbrance(event: string): ContradictionCode | undefined {
    let contradicts: ContradictionCode | undefined;
    for (const [code, { enters, needs, lifts }] of Object.entries(ENCUMBRANCES)) {
      const encumbrance = code as Encumbrance;
      const open = this.#open[encumbrance];
      if (includes(needs, event) && open === 0) contradicts = 'registration.neverEntered';
      if (includes(enters, event)) this.#open[encumbrance] += 1;
      if (includes(lifts, event)) this.#open[encumbrance] = Math.max(0, open - 1);
    }
    return contradicts;
  }

  /** A declared sale names no new holder, so that it moves no title; under a lien it can't have been one all the same. */
  #declaredSale({ time }: RegistrationContent, event: string): ContradictionCode | undefined {
    const isUnderLien = DECLARES_SALE.has(event) && obstaclesOf(this.title, secondsOf(time)).includes('lien');
    return isUnderLien ? 'title.lienOpen' : undefined;
  }

  /** @throws the `title.*` codes where a title does not allow it */
  #act({ time, says }: { time: string; says: Readonly<Record<string, Json>> }, act: TitleAct): void {
    const at = secondsOf(time);
    const action: TitleAction = {
      kind: titleKinds[act.kind],
      subject: SUBJECT,
      revision: this.title.revision,
      deadline: at,
      organisation: REGISTRAR,
      party: 'holder' in act ? partyOf(act.holder) : ZERO_ADDRESS,
      until: 'expires' in act ? endOf(act.expires) : 0n,
      detail: detailOf(act),
      digest: ZERO_DETAIL as Digest,
    };
    this.title = applyTitleAction(this.title, action, ACTOR, at);
    if ('holder' in act) this.#holders = act.holder;
    const content: RegistrationContent = { kind: act.kind, kindVersion: 1, time, data: says, sealed: {} };
    this.steps.push({ via: 'title', content, act });
  }
}

/** What the register's event says in the words of a title; who acts and what follows is in the action. */
function saysOf({ data }: RegistrationContent, event: string): Record<string, Json> {
  const { market = 'FR', statedAt } = data;
  return {
    market,
    original: { system: REGISTER, code: event },
    ...(statedAt === undefined ? {} : { statedAt }),
    ...SAYS[event],
  };
}

/** The `detail` of an action: a lien's number, or the rank of a new one. */
export function detailOf(act: TitleAct): Hex {
  const number = act.kind === 'title.lienPlaced' ? act.rank : 'lien' in act ? act.lien : 0;
  return `0x${number.toString(16).padStart(64, '0')}`;
}

const includes = (list: readonly string[], item: string): boolean => list.includes(item);
const partyOf = (holder: number): Address => `0x${holder.toString(16).padStart(40, '0')}` as Address;

/**
 * The `until` of an action. By the registry's clock a lien may have ended long ago; on chain its end must lie in the future,
 * so that it stands there until `horizon` at least, unless it is released before.
 * @param revision keeps ends apart: a renewal must end later than the lien did
 */
export function untilOf(act: TitleAct, revision: bigint, horizon: bigint): bigint {
  if (!('expires' in act)) return 0n;
  const expires = endOf(act.expires);
  const least = horizon + revision;
  if (expires > least) return expires;
  return least;
}

/** The last second of a day, since 1970. */
export function endOf(day: string): bigint {
  return secondsOf(day) + 86_399n;
}

function dayOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
}

/** The same day so many years later; 28 February where there is none. */
function yearsAfter(day: string, years: number): string {
  const later = `${String(Number(day.slice(0, 4)) + years).padStart(4, '0')}${day.slice(4, 10)}`;
  return later.endsWith('02-29') && dayOf(secondsOf(`${later.slice(0, 4)}-03-01`) - 86_400n) !== later
    ? `${later.slice(0, 4)}-02-28`
    : later;
}
