import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import { CONFLICT } from '../relay/actions.ts';
import { NEXT_ATTEMPT_SECONDS } from '../relay/relay.ts';
import type { Transaction } from '../store/store.ts';
import type { AcceptedEvent, ExecutedEvent, SkippedEvent } from './logs.ts';

/*
 * What the chain's logs mean for the submissions that are here. The chain has the last word: also one that expired or
 * lost its nonce by our reckoning is anchored when it is accepted there. An action has its revision for a nonce.
 */

/** @returns the hashes of those that are here */
export async function anchor(
  transaction: Transaction,
  accepted: readonly AcceptedEvent[],
  blockHashes: ReadonlyMap<number, Hex>,
  now: Date,
): Promise<SubmissionHash[]> {
  if (accepted.length === 0) return [];
  const hashes = accepted.map(({ submission }) => submission);
  // First those that lost their nonce: two live ones cannot have the same.
  await transaction.execute(
    `UPDATE submissions s
     SET state = 'conflicted', ended_at = $4, problem = 'nonce.conflict', transaction_hash = NULL
     FROM unnest($1::int8[], $2::numeric[], $3::bytea[], $5::int4[]) AS a(organisation, nonce, hash, ledger)
     WHERE s.organisation = a.organisation AND s.nonce = a.nonce AND s.ledger = a.ledger AND s.hash <> a.hash
       AND s.state NOT IN ('expired', 'conflicted')`,
    [
      accepted.map(({ organisation }) => organisation),
      accepted.map(({ nonce }) => nonce),
      ...[hashes, now, accepted.map(({ ledger }) => ledger)],
    ],
  );
  return anchorAll(
    transaction,
    accepted.map((event) => ({ ...event, hash: event.submission })),
    blockHashes,
    now,
  );
}

/** The same for actions that a module has executed. @returns the hashes of those that are here */
export async function anchorActions(
  transaction: Transaction,
  executed: readonly ExecutedEvent[],
  blockHashes: ReadonlyMap<number, Hex>,
  now: Date,
): Promise<SubmissionHash[]> {
  if (executed.length === 0) return [];
  await transaction.execute(
    `UPDATE submissions s
     SET state = 'conflicted', ended_at = $4, problem = ${CONFLICT}, transaction_hash = NULL
     FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $5::int4[]) AS a(subject, revision, hash, ledger)
     WHERE s.subject = a.subject AND s.revision = a.revision AND s.ledger = a.ledger AND s.hash <> a.hash
       AND s.state NOT IN ('expired', 'conflicted')`,
    [
      executed.map(({ subject }) => subject),
      executed.map(({ revision }) => revision),
      executed.map(({ actionHash }) => actionHash),
      now,
      executed.map(({ ledger }) => ledger),
    ],
  );
  return anchorAll(
    transaction,
    executed.map((event) => ({ ...event, hash: event.actionHash })),
    blockHashes,
    now,
  );
}

async function anchorAll(
  transaction: Transaction,
  events: readonly (Pick<AcceptedEvent, 'blockNumber' | 'transactionHash'> & { readonly hash: Buffer })[],
  blockHashes: ReadonlyMap<number, Hex>,
  now: Date,
): Promise<SubmissionHash[]> {
  const rows = await transaction.query<{ hash: Uint8Array }>(
    `UPDATE submissions s
     SET state = 'anchored', anchored_at = $5, block_number = a.block_number, block_hash = a.block_hash,
         transaction_hash = a.transaction_hash, ended_at = NULL, problem = NULL
     FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::bytea[])
       AS a(hash, block_number, block_hash, transaction_hash)
     WHERE s.hash = a.hash
     RETURNING s.hash`,
    [
      events.map(({ hash }) => hash),
      events.map(({ blockNumber }) => blockNumber),
      events.map(({ blockNumber }) => fromHex(blockHashes.get(blockNumber) ?? '0x', 32)),
      events.map(({ transactionHash }) => transactionHash),
      now,
    ],
  );
  return rows.map(({ hash }) => toHex(hash) as SubmissionHash);
}

/** A skip is not an end: the submission goes back, and is tried again later and later until its deadline. */
export async function skip(
  transaction: Transaction,
  skipped: readonly SkippedEvent[],
  now: Date,
): Promise<number> {
  if (skipped.length === 0) return 0;
  return transaction.execute(
    `UPDATE submissions s
     SET state = 'stored', transaction_hash = NULL, skip_reason = k.reason,
         next_attempt_at = $4::timestamptz + ${NEXT_ATTEMPT_SECONDS} * interval '1 second'
     FROM unnest($1::bytea[], $2::int2[], $3::bytea[]) AS k(hash, reason, transaction_hash)
     WHERE s.hash = k.hash AND s.state IN ('stored', 'submitted')
       AND EXISTS (SELECT 1 FROM relay_submissions r
         WHERE r.transaction_hash = k.transaction_hash AND r.submission_hash = s.hash)`,
    [
      skipped.map(({ submission }) => submission),
      skipped.map(({ reason }) => reason),
      skipped.map(({ transactionHash }) => transactionHash),
      now,
    ],
  );
}

/** What was anchored above a block goes back to where it was: the relay's transaction is sent again. */
export async function unanchor(transaction: Transaction, above: number): Promise<void> {
  await transaction.execute(
    `UPDATE submissions s
     SET state = CASE WHEN o.transaction_hash IS NOT NULL AND s.submitted_at IS NOT NULL THEN 'submitted' ELSE 'stored' END,
         anchored_at = NULL, block_number = NULL, block_hash = NULL, transaction_hash = o.transaction_hash
     FROM (SELECT a.hash, (
         SELECT t.hash FROM relay_submissions r JOIN relay_transactions t ON t.hash = r.transaction_hash
         WHERE r.submission_hash = a.hash
           AND (t.state IN ('prepared', 'broadcast') OR (t.state = 'mined' AND t.block_number > $1))
         ORDER BY t.nonce DESC, t.max_fee_per_gas DESC LIMIT 1
       ) AS transaction_hash
       FROM submissions a WHERE a.state = 'anchored' AND a.block_number > $1) AS o
     WHERE s.hash = o.hash`,
    [above],
  );
  // One that lost its nonce to what is undone now may have it again.
  await transaction.execute(
    `UPDATE submissions SET state = 'stored', ended_at = NULL, problem = NULL
     WHERE hash IN (
       SELECT DISTINCT ON (s.ledger, s.organisation, s.nonce) s.hash
       FROM accepted a JOIN submissions s
         ON s.ledger = a.ledger AND s.organisation = a.organisation AND s.nonce = a.nonce
       WHERE a.block_number > $1 AND s.state = 'conflicted' AND NOT EXISTS (
         SELECT 1 FROM submissions live
         WHERE live.ledger = s.ledger AND live.organisation = s.organisation AND live.nonce = s.nonce
           AND live.state NOT IN ('expired', 'conflicted'))
       ORDER BY s.ledger, s.organisation, s.nonce, s.received_at, s.hash)`,
    [above],
  );
  // And an action its place.
  await transaction.execute(
    `UPDATE submissions SET state = 'stored', ended_at = NULL, problem = NULL
     WHERE hash IN (
       SELECT DISTINCT ON (s.ledger, s.subject, s.revision) s.hash
       FROM actions t JOIN submissions s
         ON s.ledger = t.ledger AND s.subject = t.action_subject AND s.revision = t.action_revision
       WHERE t.block_number > $1 AND s.state = 'conflicted' AND NOT EXISTS (
         SELECT 1 FROM submissions live
         WHERE live.ledger = s.ledger AND live.subject = s.subject AND live.revision = s.revision
           AND live.state NOT IN ('expired', 'conflicted'))
       ORDER BY s.ledger, s.subject, s.revision, s.received_at, s.hash)`,
    [above],
  );
  // What waits for a ledger whose closing is undone may be sent again.
  await transaction.execute(
    `UPDATE submissions SET problem = NULL, next_attempt_at = NULL
     WHERE state = 'stored' AND problem = 'ledger.closed'
       AND ledger IN (SELECT ledger FROM closures WHERE block_number > $1)`,
    [above],
  );
  await transaction.execute(
    `UPDATE relay_transactions
     SET state = 'broadcast', block_number = NULL, block_hash = NULL, gas_used = NULL, succeeded = NULL
     WHERE state = 'mined' AND block_number > $1`,
    [above],
  );
}

/** @returns the hashes that became final */
export async function finalise(transaction: Transaction, upTo: number, now: Date): Promise<SubmissionHash[]> {
  const rows = await transaction.query<{ hash: Uint8Array }>(
    `UPDATE submissions SET state = 'final', final_at = $2
     WHERE state = 'anchored' AND block_number <= $1 RETURNING hash`,
    [upTo, now],
  );
  await transaction.execute(
    // Its bytes will never be sent again.
    `UPDATE relay_transactions SET state = 'final', raw = ''::bytea WHERE state = 'mined' AND block_number <= $1`,
    [upTo],
  );
  return rows.map(({ hash }) => toHex(hash) as SubmissionHash);
}
