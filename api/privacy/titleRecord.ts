import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import type { Address, Subject } from '../../core/chain/types.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { VinculumError } from '../../core/errors.ts';
import type { TitleState } from '../../core/modules/title.ts';
import type { Queryable } from '../store/store.ts';
import { actionHandedIn } from './handedIn.ts';

/** A place in the order of everything that happened on the chain. */
export type Moment = { readonly block: bigint; readonly logIndex: number };

export const isAfter = (left: Moment, right: Moment): boolean =>
  left.block > right.block || (left.block === right.block && left.logIndex > right.logIndex);

/** One key's ownership of a title. */
export type Tenure = {
  readonly number: bigint;
  readonly owner: Address;
  /** Whether the vehicle stays in the same hands as before: a lost key’s re-issue, a return from abroad. */
  readonly continues: boolean;
  readonly moment: Moment;
  /** The action that began it. */
  readonly actionHash: Hex;
  /**
   * From when on what happened to the vehicle concerns this owner, seconds since 1970: where a register states the change
   * of hands, the date that it states; where a buyer accepts, the moment of accepting, for a buyer’s word could be any.
   */
  readonly concernsFrom: bigint;
  /**
   * Whether the action that began it was handed in here: else whoever began it may have known no more than the pseudonym,
   * and nobody is told because of it which vehicle it is.
   */
  readonly handedIn: boolean;
};

/** What a title has been, as the index knows it. */
export type TitleRecord = {
  readonly owner: Address | null;
  readonly tenure: bigint;
  /** In their order. */
  readonly tenures: readonly Tenure[];
  /**
   * When the title ended, or left with the vehicle for abroad, seconds since 1970; null while it is held. Its last owner
   * stays named, but what happens from then on is somebody else’s: the number can go on, the vehicle does not.
   */
  readonly endedAt: bigint | null;
};

type TitleRow = {
  readonly subject: Uint8Array;
  readonly owner: Uint8Array | null;
  readonly tenure: bigint;
  readonly state: TitleState;
  readonly kind: number;
  readonly action_hash: Uint8Array;
  readonly timestamp: bigint;
  readonly block_number: bigint;
  readonly log_index: number;
  readonly digest: Uint8Array;
  readonly handed_in: boolean;
  readonly body: Uint8Array | null;
  readonly wrapped: Uint8Array | null;
};

const ACCEPTED = 2;
const REISSUED = 13;

/** The titles of subjects in one ledger; a subject without a title is not among them. */
export async function titleRecordsOf(
  from: Queryable,
  ledger: number,
  subjects: readonly Subject[],
  blockKey: (digest: Uint8Array, wrapped: Uint8Array) => Uint8Array,
): Promise<Map<Subject, TitleRecord>> {
  const rows = await from.query<TitleRow>(
    `WITH history AS (
       SELECT subject, position, owner, (title ->> 'tenure')::int8 AS tenure, title ->> 'state' AS state, kind,
         action_hash, timestamp, block_number, log_index, digest,
         lag((title ->> 'tenure')::int8) OVER sofar AS before, lag(title ->> 'state') OVER sofar AS state_before
       FROM titles WHERE ledger = $1 AND subject = ANY($2::bytea[])
       WINDOW sofar AS (PARTITION BY subject ORDER BY position)
     )
     SELECT history.subject, owner, tenure, state, kind, action_hash, timestamp, block_number, log_index, history.digest,
       ${actionHandedIn('history.action_hash')} AS handed_in, body, wrapped
     FROM history LEFT JOIN blocks ON blocks.digest = history.digest
       LEFT JOIN block_keys ON block_keys.digest = history.digest
     WHERE before IS DISTINCT FROM tenure OR state_before IS DISTINCT FROM state ORDER BY history.subject, position`,
    [ledger, subjects.map((subject) => fromHex(subject, 32))],
  );
  const records = new Map<Subject, TitleRecord>();
  for (const row of rows) {
    if (row.owner === null) continue;
    const subject = toHex(row.subject) as Subject;
    const tenures = records.get(subject)?.tenures ?? [];
    const owner = toHex(row.owner) as Address;
    const endedAt = row.state === 'held' ? null : row.timestamp;
    if (tenures.at(-1)?.number === row.tenure) {
      records.set(subject, { owner, tenure: row.tenure, tenures, endedAt });
      continue;
    }
    const tenure: Tenure = {
      number: row.tenure,
      owner,
      continues: row.kind === REISSUED || tenures.at(-1)?.owner === owner,
      moment: { block: row.block_number, logIndex: row.log_index },
      actionHash: toHex(row.action_hash),
      concernsFrom: concernsFrom(row, blockKey),
      handedIn: row.handed_in,
    };
    records.set(subject, { owner, tenure: row.tenure, tenures: [...tenures, tenure], endedAt });
  }
  return records;
}

function concernsFrom(
  row: TitleRow,
  blockKey: (digest: Uint8Array, wrapped: Uint8Array) => Uint8Array,
): bigint {
  if (row.kind === ACCEPTED || row.body === null || row.wrapped === null) return row.timestamp;
  try {
    const stated = secondsOf(openEnvelope(row.body, blockKey(row.digest, row.wrapped)).time);
    if (stated < row.timestamp) return stated;
  } catch (error) {
    if (!(error instanceof VinculumError)) throw error;
  }
  return row.timestamp;
}

/** Whether those who have to do with a tenure, its owner and whom that one consents to, may be told which vehicle it is. */
export function mayBeNamed(record: TitleRecord | undefined, tenure = record?.tenure): boolean {
  return record?.tenures.find(({ number }) => number === tenure)?.handedIn === true;
}

/** The first tenure of the hands that a tenure belongs to. */
export function beginningOf(record: TitleRecord, tenure: Tenure): Tenure | undefined {
  let index = record.tenures.indexOf(tenure);
  while (index > 0 && record.tenures[index]?.continues === true) index -= 1;
  return record.tenures[index];
}

/** An entry's place, and when what it tells happened. */
export type Happening = {
  readonly moment: Moment;
  readonly actionHash: Hex | null;
  /** As its envelope states it: a date or an instant. */
  readonly time: string;
};

const DAY = 86_400n;

/** Whether something happened no earlier than a moment; of a date, no earlier than its day. */
function happenedSince(time: string, since: bigint): boolean {
  return secondsOf(time) >= (time.includes('T') ? since : since - (since % DAY));
}

/**
 * Whether an entry concerns the present owner, and so is theirs to open or to grant: it is the one that gave them the
 * vehicle, or was anchored later and tells of something that happened no earlier. What was before is the former owners’,
 * and what happened after the title’s end is nobody’s who is known here.
 */
export function concernsOwner(record: TitleRecord, happening: Happening): boolean {
  const present = record.tenures.at(-1);
  const begun = present === undefined ? undefined : beginningOf(record, present);
  if (begun === undefined) return false;
  if (happening.actionHash === begun.actionHash) return true;
  if (record.endedAt !== null && secondsOf(happening.time) > record.endedAt) return false;
  return isAfter(happening.moment, begun.moment) && happenedSince(happening.time, begun.concernsFrom);
}
