import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { skipReason } from '../../core/chain/submission.ts';
import type { ActionHash } from '../../core/modules/action.ts';
import { ACTION_FIELDS, type ActionFields, actionOfFields } from '../index/actions.ts';
import { ACTION_COLUMNS, type ActionRow, actionOf } from '../relay/actions.ts';
import type { Queryable } from '../store/store.ts';
import type { ActionStatus } from './actionSchema.ts';
import { actionToJson } from './actions.ts';
import type { Receipt, SubmissionState, SubmissionStatus } from './schema.ts';

interface StatusRow {
  readonly hash: Uint8Array;
  readonly organisation: bigint;
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

type SubmissionRow = StatusRow & { readonly nonce: string };

const COLUMNS = `hash, organisation, state, received_at, stored_at, submitted_at, anchored_at, final_at, ended_at,
  block_number, block_hash, transaction_hash, skip_reason, problem, receipt`;

export async function readStatuses(
  store: Queryable,
  hashes: readonly Uint8Array[],
): Promise<Map<Hex, SubmissionStatus>> {
  const rows = await store.query<SubmissionRow>(
    `SELECT ${COLUMNS}, nonce FROM submissions WHERE hash = ANY($1::bytea[]) AND nonce IS NOT NULL`,
    [hashes],
  );
  return new Map(rows.map((row) => [toHex(row.hash), statusOf(row)]));
}

const unlessNull = <T, U>(name: string, value: T | null, show: (value: T) => U) =>
  value === null ? {} : { [name]: show(value) };
const instant = (value: Date) => value.toISOString();

function statusOf(row: SubmissionRow): SubmissionStatus {
  return {
    hash: toHex(row.hash),
    organisation: row.organisation.toString(),
    nonce: row.nonce,
    ...wayOf(row),
    ...unlessNull('lastSkip', row.skip_reason, skipReason),
    receipt: row.receipt,
  };
}

/** How far it has come. */
function wayOf(row: StatusRow) {
  const { block_number: number, block_hash: hash } = row;
  return {
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
    ...unlessNull('problem', row.problem, String),
  };
}

/** An action that was handed in here, or that the module has executed all the same. */
export async function readActionStatus(
  store: Queryable,
  ledger: number,
  hash: ActionHash,
): Promise<ActionStatus | null> {
  const bytes = fromHex(hash, 32);
  const [own] = await store.query<StatusRow & ActionRow>(
    `SELECT ${COLUMNS}, ${ACTION_COLUMNS} FROM submissions s WHERE hash = $1 AND nonce IS NULL`,
    [bytes],
  );
  if (own !== undefined) {
    const action = actionToJson(actionOf(own));
    return { hash, action, actor: toHex(own.signer), ...wayOf(own), receipt: own.receipt };
  }
  const [executed] = await store.query<
    ActionFields & {
      actor: Uint8Array;
      block_number: bigint;
      transaction_hash: Uint8Array;
      block_hash: Uint8Array | null;
      final: boolean;
    }
  >(
    `SELECT ${ACTION_FIELDS}, t.actor, t.block_number, t.transaction_hash, b.hash AS block_hash,
            t.block_number <= coalesce((SELECT block_number FROM cursors WHERE name = 'final'), -1) AS final
     FROM actions t LEFT JOIN chain_blocks b ON b.number = t.block_number
     WHERE t.action_hash = $1 AND t.ledger = $2`,
    [bytes, ledger],
  );
  if (executed === undefined) return null;
  const { block_number: number, block_hash: block } = executed;
  return {
    hash,
    action: actionToJson(actionOfFields(executed)),
    actor: toHex(executed.actor),
    state: executed.final ? 'final' : 'anchored',
    block: { number: Number(number), ...unlessNull('hash', block, toHex) },
    transaction: toHex(executed.transaction_hash),
  };
}
