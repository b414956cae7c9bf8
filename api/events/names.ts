import { concat, lengthPrefixed } from '../../core/bytes.ts';
import type { Keyring } from '../keyring/keyring.ts';

/** The sealed fields that say which event an entry was made from. */
export const eventFields = ['eventHash', 'eventId'] as const;
export type EventField = (typeof eventFields)[number];

/** An event's hash or id as the table `events` names it: a UUID as text, in lower case. */
export type EventName = string & { readonly __brand: 'EventName' };

/**
 * Names events for the database as `api/graph/nodes.ts` names things: the first 16 bytes of HMAC-SHA-256 over
 * `lp(field) ‖ lp('') ‖ lp(value)` under a key of the keyring. No identifier is of such a type.
 */
export interface EventNames {
  nameOf(field: EventField, value: string): EventName;
}

export function createEventNames(keyring: Pick<Keyring, 'lookup'>): EventNames {
  return {
    nameOf(field, value) {
      const bytes = keyring.lookup(concat(lengthPrefixed(field), lengthPrefixed(''), lengthPrefixed(value)));
      const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex');
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as EventName;
    },
  };
}
