import { fromHex, toHex } from '../../core/bytes.ts';
import { unpackEntries } from '../../core/chain/entry.ts';
import type { Address } from '../../core/chain/types.ts';
import { type ModuleAction, moduleOf } from '../../core/modules/action.ts';
import { encodeExecute } from '../chain/contracts.ts';
import { quantity } from '../chain/read.ts';
import { codeOfRefusal } from '../chain/refusals.ts';
import { type Rpc, type RpcCall, RpcRefusal } from '../chain/rpc.ts';
import { actionOfColumns } from '../index/actions.ts';
import type { Queryable } from '../store/store.ts';
import { actionGas } from './gas.ts';

/*
 * Actions that wait for their module. Each goes in a transaction of its own, so that one which the module refuses takes
 * no other down; those of one subject in the order of their revisions, several at once: the nonces of their transactions
 * keep them in it.
 */

/** An action as the store keeps it. */
export interface ActionRow {
  readonly hash: Uint8Array;
  readonly organisation: bigint;
  readonly signer: Uint8Array;
  readonly deadline: bigint;
  readonly entries: Uint8Array;
  readonly signature: Uint8Array;
  readonly contract_signature: boolean;
  readonly revision: bigint;
  readonly party: Uint8Array;
  readonly until: bigint;
  readonly detail: Uint8Array;
  readonly problem: string | null;
  readonly subject: Uint8Array;
}
export const ACTION_COLUMNS = `s.hash, s.organisation, s.signer, s.deadline, s.entries, s.signature, s.contract_signature,
  s.revision, s.party, s.until, s.detail, s.problem, s.subject`;

export function actionOf(row: ActionRow): ModuleAction {
  const [entry] = unpackEntries(row.entries);
  if (entry === undefined) throw new TypeError('an action has one entry');
  return actionOfColumns({ ...row, kind: entry.kind, digest: fromHex(entry.digest, 32) });
}

/** SQL, of a row of `submissions s` that is an action: the code of losing its place to another. */
export const CONFLICT =
  "CASE WHEN get_byte(s.entries, 0) < 16 THEN 'title.conflict' ELSE 'part.conflict' END";

/** Where the modules of a ledger are. */
export type ModulePlaces = { readonly titles: Address; readonly parts: Address };

/** The contract that an action goes to. */
export function moduleAt({ titles, parts }: ModulePlaces, kind: number): Address {
  return moduleOf(kind) === 'parts' ? parts : titles;
}

/** The call that executes it. */
export function executionOf(row: ActionRow): Uint8Array {
  return encodeExecute(actionOf(row), toHex(row.signer) as Address, row.signature);
}

export function gasOf(row: ActionRow): number {
  return actionGas({
    kind: row.entries[0] ?? 0,
    signatureBytes: row.signature.length,
    contractSignature: row.contract_signature,
  });
}

export interface Due {
  /** The oldest, those of one subject in their order. */
  readonly ready: readonly ActionRow[];
  /** These wait for another of their subject that is not coming now. */
  readonly blocked: readonly Uint8Array[];
}

/**
 * The actions that may be sent now: all before them are on the ledger, on their way, or sent together with them.
 * @param after seconds since 1970 that a deadline must be beyond
 */
export async function dueActions(
  store: Queryable,
  ledger: number,
  after: number,
  now: Date,
  limit: number,
): Promise<Due> {
  const isDue = '(deadline > $1 AND (next_attempt_at IS NULL OR next_attempt_at <= $2))';
  const rows = await store.query<ActionRow & { place: bigint; open: boolean; base: bigint }>(
    `WITH oldest AS (
       SELECT DISTINCT subject FROM (
         SELECT subject FROM submissions
         WHERE state = 'stored' AND nonce IS NULL AND transaction_hash IS NULL AND ledger = $3 AND ${isDue}
           AND NOT EXISTS (SELECT 1 FROM closures WHERE closures.ledger = $3)
         ORDER BY received_at, hash LIMIT $4) AS waiting
     ), base AS (
       SELECT subject, coalesce(
         (SELECT t.revision FROM titles t WHERE t.subject = oldest.subject AND t.ledger = $3 ORDER BY t.position DESC LIMIT 1),
         (SELECT p.revision FROM parts p WHERE p.subject = oldest.subject AND p.ledger = $3 ORDER BY p.position DESC LIMIT 1),
         0) AS base FROM oldest
     ), queued AS (
       SELECT submissions.*, base, count(*) FILTER (WHERE revision >= base) OVER history - 1 AS place,
              bool_and(transaction_hash IS NOT NULL OR ${isDue}) OVER history AS open,
              max(received_at) OVER history AS since
       FROM submissions JOIN base USING (subject)
       WHERE ledger = $3 AND nonce IS NULL AND state IN ('stored', 'submitted')
       WINDOW history AS (PARTITION BY subject ORDER BY revision)
     )
     SELECT ${ACTION_COLUMNS}, s.place, s.open, s.base
     FROM queued s WHERE s.state = 'stored' AND s.transaction_hash IS NULL
     ORDER BY s.since, s.subject, s.revision`,
    [after, now, ledger, limit],
  );
  const ready: ActionRow[] = [];
  const blocked: Uint8Array[] = [];
  for (const row of rows) {
    const next = row.base + row.place;
    // One that was refused is tried alone, when nothing of its subject is on its way.
    const alone = row.problem === null || row.place === 0n;
    if (row.open && row.revision === next && alone) ready.push(row);
    else blocked.push(row.hash);
  }
  return { ready: ready.slice(0, limit), blocked };
}

/**
 * Of actions that cannot be sent, those whose place is taken by now: by themselves, or by others. The index
 * settles that when it reads the block; an action that was being stored at that moment, it has not seen.
 */
export async function settleTaken(
  store: Queryable,
  hashes: readonly Uint8Array[],
  now: Date,
): Promise<number> {
  if (hashes.length === 0) return 0;
  const own = 't.action_hash = s.hash';
  return store.execute(
    `UPDATE submissions s
     SET state = CASE WHEN ${own} THEN 'anchored' ELSE 'conflicted' END,
         problem = CASE WHEN ${own} THEN NULL ELSE ${CONFLICT} END,
         anchored_at = CASE WHEN ${own} THEN $2::timestamptz END,
         ended_at = CASE WHEN ${own} THEN NULL ELSE $2::timestamptz END,
         block_number = CASE WHEN ${own} THEN t.block_number END,
         block_hash = CASE WHEN ${own} THEN b.hash END,
         transaction_hash = CASE WHEN ${own} THEN t.transaction_hash END
     FROM actions t LEFT JOIN chain_blocks b ON b.number = t.block_number
     WHERE s.hash = ANY($1::bytea[]) AND s.state = 'stored' AND s.transaction_hash IS NULL
       AND t.ledger = s.ledger AND t.action_subject = s.subject
       AND t.action_revision = s.revision`,
    [hashes, now],
  );
}

/** Why the module would refuse each of these now, as a stable code; null where it would not. */
export async function refusalsOf(
  rpc: Rpc,
  modules: ModulePlaces,
  relayer: Address,
  rows: readonly ActionRow[],
): Promise<(string | null)[]> {
  const results = await rpc.batch(
    rows.map(
      (row): RpcCall => ({
        method: 'eth_call',
        params: [
          {
            from: relayer,
            to: moduleAt(modules, row.entries[0] ?? 0),
            data: toHex(executionOf(row)),
            gas: quantity(gasOf(row)),
          },
          'latest',
        ],
      }),
    ),
  );
  return results.map((result) => (result instanceof RpcRefusal ? codeOfRefusal(result) : null));
}
