import { VinculumError } from '../errors.ts';

/*
 * What may happen to an alert between two tiers (docs/protocol.md §18). The table is data: the tests of core and of the
 * service generate every answer by everybody in every state from it.
 */

/** An alert by the number of the organisation on whose chain it stands and its reference there. */
export type AlertReference = { readonly attester: string; readonly reference: string };

export const alertStates = ['raised', 'acknowledged', 'accepted', 'declined', 'closed'] as const;
export type AlertState = (typeof alertStates)[number];

export const alertStatuses = ['acknowledged', 'accepted', 'declined', 'forwarded', 'closed'] as const;
export type AlertStatus = (typeof alertStatuses)[number];

/** Who answers: whom it was raised for, or who raised it. */
export type AlertParty = 'recipient' | 'raiser';

export type AlertTransition = {
  readonly by: AlertParty;
  readonly from: readonly AlertState[];
  /** Forwarding is no verdict: the state stays. */
  readonly to: AlertState | 'asBefore';
  /** What the answer must say. */
  readonly needs: 'reason' | 'forwards' | null;
};

/** Who may answer what, from where. An alert may be passed on any number of times, to further customers. */
export const alertTransitions: Readonly<Record<AlertStatus, AlertTransition>> = {
  acknowledged: { by: 'recipient', from: ['raised'], to: 'acknowledged', needs: null },
  accepted: {
    by: 'recipient',
    from: ['raised', 'acknowledged', 'declined'],
    to: 'accepted',
    needs: null,
  },
  declined: { by: 'recipient', from: ['raised', 'acknowledged'], to: 'declined', needs: 'reason' },
  forwarded: {
    by: 'recipient',
    from: ['acknowledged', 'accepted'],
    to: 'asBefore',
    needs: 'forwards',
  },
  closed: {
    by: 'raiser',
    from: ['raised', 'acknowledged', 'accepted', 'declined'],
    to: 'closed',
    needs: null,
  },
};

/** Where an alert stands. */
export type Alert = {
  readonly state: AlertState;
  /** The references under which its recipient passed it on, in that order. */
  readonly forwards: readonly string[];
};

export const RAISED: Alert = { state: 'raised', forwards: [] };

export type AlertAnswer = {
  readonly status: AlertStatus;
  readonly reason?: string | undefined;
  /** The references of the alerts by which it was passed on. */
  readonly forwards?: readonly string[] | undefined;
};

/**
 * The alert after an answer, or why there is none.
 * @throws `alert.notRecipient` `alert.notRaiser` `alert.wrongState` `alert.reasonMissing` `alert.forwardsMissing`
 *   `alert.unusedForwards` `alert.forwardedTwice`
 */
export function applyAlertAnswer(alert: Alert, answer: AlertAnswer, by: AlertParty): Alert {
  const transition = alertTransitions[answer.status];
  if (transition.by !== by) {
    throw transition.by === 'recipient'
      ? new VinculumError('alert.notRecipient', `Only whom an alert was raised for answers ${answer.status}.`)
      : new VinculumError('alert.notRaiser', 'Only who raised an alert closes it.');
  }
  if (!transition.from.includes(alert.state)) {
    throw new VinculumError(
      'alert.wrongState',
      `The alert is ${alert.state}: from there nobody answers ${answer.status}.`,
      { details: { state: alert.state } },
    );
  }
  const { reason = '', forwards = [] } = answer;
  if (transition.needs === 'reason' && reason.trim() === '') {
    throw new VinculumError('alert.reasonMissing', 'Who declines an alert says why.');
  }
  if (transition.needs === 'forwards' && forwards.length === 0) {
    throw new VinculumError('alert.forwardsMissing', 'Name the alerts by which it was passed on.');
  }
  if (transition.needs !== 'forwards' && forwards.length > 0) {
    throw new VinculumError('alert.unusedForwards', `An answer ${answer.status} passes nothing on.`);
  }
  if (forwards.some((one, index) => alert.forwards.includes(one) || forwards.indexOf(one) !== index)) {
    throw new VinculumError('alert.forwardedTwice', 'It was passed on by that alert already.');
  }
  return {
    state: transition.to === 'asBefore' ? alert.state : transition.to,
    forwards: [...alert.forwards, ...forwards],
  };
}

/** Whether somebody still has to answer: neither accepted, declined nor closed. */
export function isWaiting({ state }: Pick<Alert, 'state'>): boolean {
  return state === 'raised' || state === 'acknowledged';
}

/** One tier below an alert, as whoever raised it may see it: no names, unless they are disclosed. */
export type AlertTier = {
  readonly reference: string;
  /** Null: nobody knows of it here, or its entry is not on the ledger. */
  readonly state: AlertState | null;
  readonly forwards: readonly AlertTier[];
  /** Whom it was raised for, and its entry, where who raised it discloses that. */
  readonly disclosed?: { readonly recipient: string | null; readonly entry: string };
};

/** How many tiers are where, in a tree: what a raiser wants to know first. */
export function countTiers(tiers: readonly AlertTier[]): Readonly<Record<AlertState | 'unknown', number>> {
  const counts = { raised: 0, acknowledged: 0, accepted: 0, declined: 0, closed: 0, unknown: 0 };
  const visit = (tier: AlertTier): void => {
    counts[tier.state ?? 'unknown'] += 1;
    tier.forwards.forEach(visit);
  };
  tiers.forEach(visit);
  return counts;
}
