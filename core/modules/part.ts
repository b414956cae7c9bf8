import { type Address, type OrganisationId, type Subject, ZERO_SUBJECT } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import type { PartAction } from './action.ts';

/*
 * The state machine of `Parts` (docs/protocol.md §17), as the contract runs it: the fold of a part's actions is the part.
 * The table is data, so that the tests of both generate from it.
 */

export type PartState = 'none' | 'free' | 'mounted' | 'stolen' | 'scrapped';

export type Part = {
  readonly state: PartState;
  /** The organisation that registered it; 0 before. */
  readonly maker: OrganisationId;
  /** How many actions it has seen. */
  readonly revision: bigint;
  /** Where it is: neither a theft nor the scrapyard takes it out of there. */
  readonly vehicle: Subject | null;
};

export const NO_PART: Part = { state: 'none', maker: 0n as OrganisationId, revision: 0n, vehicle: null };

/** The kinds of `Parts`, by their number on chain. */
export const partKinds = {
  'safetyPart.registered': 16,
  'safetyPart.mounted': 17,
  'safetyPart.removed': 18,
  'safetyPart.scrapped': 19,
  'safetyPart.stolen': 20,
  'safetyPart.recovered': 21,
} as const;

export type PartKind = keyof typeof partKinds;

const partKindNames = new Map(
  Object.entries(partKinds).map(([name, number]): [number, PartKind] => [number, name as PartKind]),
);

/** The name of a kind of `Parts`; undefined for every other number. */
export function partKindOf(number: number): PartKind | undefined {
  return partKindNames.get(number);
}

export type PartTransition = {
  readonly kind: number;
  readonly from: readonly PartState[];
  /** Where to; a part that is recovered is again what it was before, one that is removed while stolen stays stolen. */
  readonly to: PartState | 'asBefore';
  /** `new`: what it is mounted in from now on; `present`: what it is mounted in; `null`: the field is zero. */
  readonly vehicle: 'new' | 'present' | null;
};

/** Who may do what, from where: the table of docs/protocol.md §17. The actor is always an organisation with the right. */
export const partTransitions: Readonly<Record<PartKind, PartTransition>> = {
  'safetyPart.registered': { kind: 16, from: ['none'], to: 'free', vehicle: null },
  'safetyPart.mounted': { kind: 17, from: ['free'], to: 'mounted', vehicle: 'new' },
  'safetyPart.removed': { kind: 18, from: ['mounted', 'stolen'], to: 'asBefore', vehicle: 'present' },
  'safetyPart.scrapped': { kind: 19, from: ['free', 'mounted', 'stolen'], to: 'scrapped', vehicle: null },
  'safetyPart.stolen': { kind: 20, from: ['free', 'mounted'], to: 'stolen', vehicle: null },
  'safetyPart.recovered': { kind: 21, from: ['stolen'], to: 'asBefore', vehicle: null },
};

/** What only the chain knows; without it everything is taken for so, as a reader of `Parts` may. */
export type PartOptions = {
  /** Whether an actor is a key of an organisation in good standing with the kind's right. */
  readonly entitled?: (organisation: OrganisationId, actor: Address, kind: number) => boolean;
};

function refuse(
  code: string,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): VinculumError {
  return new VinculumError(`part.${code}`, message, { details });
}

/**
 * The part after an action, or why `Parts` would not execute it. The contract's order of checks is kept: unused field,
 * deadline, revision, right, state, vehicle.
 * @param at the block's timestamp, seconds since 1970
 * @throws `part.unknownKind` `part.unusedField` `part.expired` `part.wrongRevision` `part.notEntitled` `part.wrongState`
 *   `part.badVehicle` `part.notThere`
 */
export function applyPartAction(
  part: Part,
  action: PartAction,
  actor: Address,
  at: bigint,
  { entitled }: PartOptions = {},
): Part {
  const name = partKindOf(action.kind);
  if (name === undefined) throw refuse('unknownKind', 'Parts has the kinds 16 to 21.');
  const transition = partTransitions[name];
  if (transition.vehicle === null && action.vehicle !== ZERO_SUBJECT) {
    throw refuse('unusedField', 'This kind does not use the vehicle: it must be zero.', { field: 'vehicle' });
  }
  if (at > action.deadline) throw refuse('expired', 'The action’s deadline has passed.');
  if (action.revision !== part.revision) {
    throw refuse('wrongRevision', 'The part has moved on since, or is not there yet.', {
      expected: part.revision,
      found: action.revision,
    });
  }
  if (action.organisation === 0n || entitled?.(action.organisation, actor, action.kind) === false) {
    throw refuse('notEntitled', 'The actor is no key of an organisation with this right.');
  }
  if (!transition.from.includes(part.state)) {
    throw refuse('wrongState', `From the state ${part.state} there is no ${name}.`, {
      state: part.state,
      vehicle: part.vehicle,
    });
  }
  checkVehicle(part, action, transition);
  const next: Part = { ...part, revision: part.revision + 1n };
  switch (name) {
    case 'safetyPart.registered':
      return { ...next, state: 'free', maker: action.organisation };
    case 'safetyPart.mounted':
      return { ...next, state: 'mounted', vehicle: action.vehicle };
    case 'safetyPart.removed':
      return { ...next, state: part.state === 'stolen' ? 'stolen' : 'free', vehicle: null };
    case 'safetyPart.scrapped':
      return { ...next, state: 'scrapped' };
    case 'safetyPart.stolen':
      return { ...next, state: 'stolen' };
    case 'safetyPart.recovered':
      return { ...next, state: part.vehicle === null ? 'free' : 'mounted' };
  }
}

function checkVehicle(part: Part, action: PartAction, { vehicle }: PartTransition): void {
  if (vehicle === null) return;
  if (vehicle === 'new') {
    if (action.vehicle !== ZERO_SUBJECT && action.vehicle !== action.subject) return;
    throw refuse('badVehicle', 'Name the vehicle that it is mounted in.', { vehicle: action.vehicle });
  }
  if (action.vehicle !== part.vehicle) {
    throw refuse('notThere', 'It is not mounted there.', { vehicle: part.vehicle });
  }
}

/** An action as a chain has it: who acted, in which block. */
export type PartStep = {
  readonly action: PartAction;
  readonly actor: Address;
  /** The block's timestamp, seconds since 1970. */
  readonly at: bigint;
  /** Place in the part's chain, from 0. */
  readonly position: number;
};

/** A step that `Parts` took, and the part after it. */
export type PartEvent = PartStep & { readonly kind: PartKind; readonly part: Part };

/** What one part came to in one chain. */
export type PartHistory = {
  readonly subject: Subject;
  readonly events: readonly PartEvent[];
  /** After the last event. */
  readonly part: Part;
  /** The action that the state machine does not allow, and why: `Parts` never executed it. */
  readonly illegal: { readonly step: PartStep; readonly code: string } | null;
};

/** Folds the steps of one part's chain; the first that is not legal ends the fold. */
export function foldPart(subject: Subject, steps: Iterable<PartStep>): PartHistory {
  const events: PartEvent[] = [];
  let part = NO_PART;
  for (const step of steps) {
    const { action, actor, at } = step;
    try {
      if (action.subject !== subject) {
        throw new VinculumError('part.otherSubject', 'The action is on another part.');
      }
      part = applyPartAction(part, action, actor, at);
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      return { subject, events, part, illegal: { step, code: error.code } };
    }
    const kind = partKindOf(action.kind);
    if (kind !== undefined) events.push({ ...step, kind, part });
  }
  return { subject, events, part, illegal: null };
}
