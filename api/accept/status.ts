import { type Hex, toHex } from '../../core/bytes.ts';
import { skipReason } from '../../core/chain/submission.ts';
import type { Queryable } from '../store/store.ts';
import type { Receipt, SubmissionState, SubmissionStatus } from './schema.ts';

export interface SubmissionRow {
  readonly hash: Uint8Array;
  readonly organisation: bigint;
  readonly nonce: string;
  readonly state: SubmissionState;
  readonly received_at: Date;
  readonly stored_at: Date | null;
  readonly submitted_at: Date | null;
  readonly anchored_at: Date | null;
  readonly final_at: Date | null;
  readonly ended_at: Date | null;
  readonly block_number: bigint | null;
  readonly block_hash: Uint8Array | null;
  readonly transaction_hash: Uint8Array | null;
  readonly skip_reason: number | null;
  readonly problem: string | null;
  readonly receipt: Receipt;
}

const COLUMNS = `hash, organisation, nonce, state, received_at, stored_at, submitted_at, anchored_at, final_at, ended_at,
  block_number, block_hash, transaction_hash, skip_reason, problem, receipt`;

export async function readStatuses(
  store: Queryable,
  hashes: readonly Uint8Array[],
): Promise<Map<Hex, SubmissionStatus>> {
  const rows = await store.query<SubmissionRow>(
    `SELECT ${COLUMNS} FROM submissions WHERE hash = ANY($1::bytea[])`,
    [hashes],
  );
  return new Map(rows.map((row) => [toHex(row.hash), statusOf(row)]));
}

const unlessNull = <T, U>(name: string, value: T | null, show: (value: T) => U) =>
  value === null ? {} : { [name]: show(value) };
const instant = (value: Date) => value.toISOString();

function statusOf(row: SubmissionRow): SubmissionStatus {
  const { block_number: number, block_hash: hash } = row;
  return {
    hash: toHex(row.hash),
    organisation: row.organisation.toString(),
    nonce: row.nonce,
    state: row.state,
    receivedAt: instant(row.received_at),
    ...unlessNull('storedAt', row.stored_at, instant),
    ...unlessNull('submittedAt', row.submitted_at, instant),
    ...unlessNull('anchoredAt', row.anchored_at, instant),
    ...unlessNull('finalAt', row.final_at, instant),
    ...unlessNull('endedAt', row.ended_at, instant),
    ...(number === null || hash === null ? {} : { block: { number: Number(number), hash: toHex(hash) } }),
    // Before it is sent, a transaction is nobody's business: it may never be.
    ...(row.state === 'received' || row.state === 'stored'
      ? {}
      : unlessNull('transaction', row.transaction_hash, toHex)),
    ...unlessNull('lastSkip', row.skip_reason, skipReason),
    ...unlessNull('problem', row.problem, String),
    receipt: row.receipt,
  };
}
