import { toHex } from '../../core/bytes.ts';
import type { Address, OrganisationId, Subject } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { applyPartAction, NO_PART, type Part, type PartState } from '../../core/modules/part.ts';
import { insertRows } from '../store/rows.ts';
import type { Queryable, Transaction } from '../store/store.ts';
import { actionColumns, partActionOf, rowOfAction } from './actions.ts';
import type { ExecutedEvent } from './logs.ts';

/*
 * Parts as the logs of the ledgers' modules make them: a row for each action, with the part after it. The last row is the
 * part now, and a reorganisation that takes rows away leaves what it was before.
 */

/** What an action made of a part. */
export interface PartStep {
  readonly event: ExecutedEvent;
  readonly position: number;
  readonly timestamp: number;
  readonly part: Part;
  /** Why core would not have executed it, although the module did. */
  readonly illegal: string | null;
}

/** A part in its columns. */
export interface PartRow {
  readonly state: PartState;
  readonly maker: bigint;
  readonly revision: bigint;
  readonly vehicle: Uint8Array | null;
}
export const PART_FIELDS = 'state, maker, revision, vehicle';

export function readPart(row: PartRow | undefined): Part {
  if (row === undefined) return NO_PART;
  return {
    state: row.state,
    maker: row.maker as OrganisationId,
    revision: row.revision,
    vehicle: row.vehicle === null ? null : (toHex(row.vehicle) as Subject),
  };
}

const keyOf = (ledger: number, subject: Uint8Array) => `${ledger}/${toHex(subject)}`;

/** Continues the parts that the events act on, from where the tables end. */
export async function foldParts(
  store: Queryable,
  events: readonly ExecutedEvent[],
  timeOf: (event: ExecutedEvent) => number,
): Promise<PartStep[]> {
  if (events.length === 0) return [];
  const rows = await store.query<PartRow & { ledger: number; subject: Uint8Array; position: number }>(
    `SELECT t.* FROM (SELECT DISTINCT * FROM unnest($1::int4[], $2::bytea[])) AS asked(ledger, subject)
     CROSS JOIN LATERAL (SELECT ledger, subject, position, ${PART_FIELDS} FROM parts
       WHERE parts.subject = asked.subject AND parts.ledger = asked.ledger
       ORDER BY position DESC LIMIT 1) AS t`,
    [events.map(({ ledger }) => ledger), events.map(({ subject }) => subject)],
  );
  const tips = new Map(
    rows.map((row) => [keyOf(row.ledger, row.subject), { length: row.position + 1, part: readPart(row) }]),
  );
  return events.map((event) => {
    const key = keyOf(event.ledger, event.subject);
    const { length, part } = tips.get(key) ?? { length: 0, part: NO_PART };
    const timestamp = timeOf(event);
    let after: Part;
    let illegal: string | null = null;
    try {
      after = applyPartAction(part, partActionOf(event), toHex(event.actor) as Address, BigInt(timestamp));
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      illegal = error.code;
      after = { ...part, revision: part.revision + 1n };
    }
    tips.set(key, { length: length + 1, part: after });
    return { event, position: length, timestamp, part: after, illegal };
  });
}

export async function insertParts(transaction: Transaction, steps: readonly PartStep[]): Promise<void> {
  await insertRows(
    transaction,
    'parts',
    {
      ledger: 'int4',
      subject: 'bytea',
      position: 'int4',
      state: 'text',
      maker: 'int8',
      revision: 'int8',
      vehicle: 'bytea',
      illegal: 'text',
      ...actionColumns,
      timestamp: 'int8',
    },
    steps.map(({ event, position, timestamp, part, illegal }) => ({
      ledger: event.ledger,
      subject: event.subject,
      position,
      state: part.state,
      maker: part.maker,
      revision: part.revision,
      vehicle: part.vehicle === null ? null : Buffer.from(part.vehicle.slice(2), 'hex'),
      illegal,
      ...rowOfAction(event),
      timestamp,
    })),
  );
}
