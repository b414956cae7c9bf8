import { performance } from 'node:perf_hooks';
import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { ENTRY_BYTES } from '../../core/chain/entry.ts';
import type { SignedSubmission } from '../../core/chain/submission.ts';
import type { Address, LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { encodeRecordSigned } from '../chain/contracts.ts';
import {
  getAccountState,
  getReceipts,
  type Header,
  readBigInt,
  type TransactionReceipt,
} from '../chain/read.ts';
import { type Rpc, RpcRefusal } from '../chain/rpc.ts';
import type { Account } from '../keyring/keyring.ts';
import type { PipelineCounters, PipelineLimits, PipelineLog } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store, Transaction } from '../store/store.ts';
import { MAX_TRANSACTION_GAS, type SubmissionSize, submissionGas, transactionGas } from './gas.ts';
import type { Lease } from './lease.ts';
import { type SignedTransaction, signTransaction } from './transaction.ts';

export interface RelayOptions {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly ledger: LedgerAddress;
  /** Its number in the index. */
  readonly ownLedger: () => Promise<number>;
  readonly account: Account;
  readonly lease: Lease;
  readonly clock: () => Date;
  readonly limits: Pick<PipelineLimits, 'transactionsInFlight' | 'bumpMilliseconds' | 'maxFeePerGas'>;
  readonly counters: PipelineCounters;
  readonly log: PipelineLog;
  readonly nudge: () => void;
  /** The last final block in the index, and its timestamp. */
  readonly final: () => { readonly number: number; readonly timestamp: number };
  /** Told of the chain's last block, which the index may not have read yet. */
  readonly onHead: (head: Header) => void;
  /** For tests: called between the outbox and the chain. */
  readonly beforeBroadcast?: ((transaction: SignedTransaction) => Promise<void>) | undefined;
}

/** What the relay did, and so when to call it again: at once, when a block comes, or when there is work. */
export type RelayStep = 'progressed' | 'waiting' | 'idle';

interface OutboxRow {
  readonly hash: Uint8Array;
  readonly nonce: bigint;
  readonly state: 'prepared' | 'broadcast' | 'mined';
  readonly raw: Uint8Array;
  readonly gas_limit: bigint;
  readonly max_fee_per_gas: string;
  readonly max_priority_fee_per_gas: string;
}

/** A node may have lost what it was sent: it is sent again, the same bytes, when no block took it for so long. */
const RESEND_MILLISECONDS = 3_000;
const SWEEP_MILLISECONDS = 1_000;
const FEE_MILLISECONDS = 10_000;
/** No candidate whose deadline is closer than this: it would be skipped. */
const MINIMUM_SECONDS_LEFT = 2;
/** A submission ends so long after its deadline: what a block of a slower clock takes is not lost. */
const EXPIRY_GRACE_SECONDS = 5;
const CANDIDATES = 512;
/** More than fit into a transaction. */
const MOST_ENTRIES = 640;
const GWEI = 1_000_000_000n;
const LONGEST_BACKOFF_SECONDS = 300;

/** SQL: when a submission that was refused is tried again; doubles from a second to five minutes. */
export const NEXT_ATTEMPT_SECONDS = `least(power(2, least(attempts, 20)), ${LONGEST_BACKOFF_SECONDS})`;

/**
 * Brings stored submissions to the chain. What is to be sent is first written down, signed, with its nonce; the same
 * bytes are sent again as often as it takes. The chain's nonce is the floor; whatever has a nonce from there on is in no
 * block (any more) and is sent, so that a crash, an emptied pool and a reorganisation are all the same case.
 */
export class Relay {
  readonly #options: RelayOptions;
  /** When each transaction was first and last sent by this process. */
  readonly #sentAt = new Map<Hex, { readonly first: number; readonly last: number }>();
  /** Nonces that the chain has passed without a receipt of any of ours, and the block at which that was seen. */
  readonly #unexplained = new Map<number, number>();
  #sweptAt = 0;
  #tip = { value: GWEI, readAt: Number.NEGATIVE_INFINITY };

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  async step(): Promise<RelayStep> {
    const { rpc, account, limits } = this.#options;
    const { nonce, head } = await getAccountState(rpc, account.address);
    this.#options.onHead(head);
    await this.#sweep();
    const rows = await this.#outbox(nonce);
    await this.#settle(
      rows.filter((row) => Number(row.nonce) < nonce),
      head,
    );

    const pending = byNonce(rows.filter((row) => Number(row.nonce) >= nonce));
    for (const bids of pending.values()) await this.#push(bids, head);
    if (pending.size >= limits.transactionsInFlight) return 'waiting';
    const prepared = await this.#prepare(firstFree(nonce, pending), head);
    if (prepared === null) return pending.size > 0 ? 'waiting' : 'idle';
    await this.#broadcast(prepared.hash, prepared.raw);
    return 'progressed';
  }

  #outbox(nonce: number): Promise<OutboxRow[]> {
    return this.#options.store.query<OutboxRow>(
      `SELECT hash, nonce, state, raw, gas_limit, max_fee_per_gas, max_priority_fee_per_gas
       FROM relay_transactions
       WHERE sender = $1 AND (state IN ('prepared', 'broadcast') OR (state = 'mined' AND nonce >= $2))
       ORDER BY nonce, max_fee_per_gas`,
      [this.#sender, nonce],
    );
  }

  get #sender(): Uint8Array {
    return fromHex(this.#options.account.address, 20);
  }

  /** The chain has gone past these nonces: which of ours did it take, and what came of it? */
  async #settle(rows: readonly OutboxRow[], head: Header): Promise<void> {
    if (rows.length === 0) return;
    const receipts = await getReceipts(
      this.#options.rpc,
      rows.map(({ hash }) => toHex(hash)),
    );
    const byHash = new Map(
      receipts.flatMap((receipt) => (receipt === null ? [] : [[receipt.transactionHash, receipt]])),
    );
    for (const [nonce, bids] of byNonce(rows)) {
      const mined = bids.map(({ hash }) => byHash.get(toHex(hash))).find((receipt) => receipt !== undefined);
      if (mined !== undefined) {
        this.#unexplained.delete(nonce);
        await this.#mined(nonce, mined);
      } else {
        await this.#passedOver(nonce, bids, head);
      }
    }
  }

  async #mined(nonce: number, receipt: TransactionReceipt): Promise<void> {
    const { store, counters, log, clock } = this.#options;
    const hash = fromHex(receipt.transactionHash, 32);
    const settle = (queryable: Queryable) =>
      queryable.execute(
        `WITH lost AS (
           UPDATE relay_transactions SET state = 'replaced'
           WHERE sender = $6 AND nonce = $7 AND hash <> $1 AND state IN ('prepared', 'broadcast')
         )
         UPDATE relay_transactions
         SET state = 'mined', block_number = $2, block_hash = $3, gas_used = $4, succeeded = $5 WHERE hash = $1`,
        [
          ...[hash, receipt.blockNumber, fromHex(receipt.blockHash, 32), receipt.gasUsed, receipt.succeeded],
          ...[this.#sender, nonce],
        ],
      );
    if (receipt.succeeded) await settle(store);
    else {
      await store.transaction(async (transaction) => {
        await settle(transaction);
        await this.#backToStored(transaction, [hash], 'submission.reverted', clock());
      });
    }
    this.#sentAt.delete(receipt.transactionHash);
    if (receipt.succeeded) return;
    counters.reverted += 1;
    log.warn('A transaction of the relay was reverted; its submissions are sent again, each alone.', {
      transaction: receipt.transactionHash,
      block: receipt.blockNumber,
    });
  }

  /** One missing receipt proves nothing. Only when the block that passed the nonce is final was it someone else's. */
  async #passedOver(nonce: number, bids: readonly OutboxRow[], head: Header): Promise<void> {
    const { store, log, final, clock } = this.#options;
    const since = this.#unexplained.get(nonce);
    if (since === undefined) {
      this.#unexplained.set(nonce, head.number);
      return;
    }
    if (final().number < since) return;
    const hashes = bids.map(({ hash }) => hash);
    await store.transaction(async (transaction) => {
      await transaction.execute(
        `UPDATE relay_transactions SET state = 'replaced' WHERE hash = ANY($1::bytea[])`,
        [hashes],
      );
      await this.#backToStored(transaction, hashes, null, clock());
    });
    this.#unexplained.delete(nonce);
    log.warn('A nonce of the relay was used by another transaction; its submissions are sent again.', {
      nonce,
    });
  }

  async #backToStored(
    transaction: Transaction,
    transactions: readonly Uint8Array[],
    problem: string | null,
    now: Date,
  ): Promise<void> {
    await transaction.execute(
      `UPDATE submissions
       SET state = 'stored', transaction_hash = NULL, problem = coalesce($2, problem),
           next_attempt_at = $3::timestamptz + ${NEXT_ATTEMPT_SECONDS} * interval '1 second'
       WHERE state IN ('stored', 'submitted')
         AND hash IN (SELECT submission_hash FROM relay_submissions WHERE transaction_hash = ANY($1::bytea[]))`,
      [transactions, problem, now],
    );
  }

  /** Sees to it that the pool has one of these: the bids for one nonce, the highest last. */
  async #push(bids: readonly OutboxRow[], head: Header): Promise<void> {
    const highest = bids.at(-1);
    if (highest === undefined) return;
    const hash = toHex(highest.hash);
    const sent = this.#sentAt.get(hash);
    if (sent !== undefined) {
      const now = performance.now();
      const isWaiting = highest.state === 'broadcast';
      const { bumpMilliseconds } = this.#options.limits;
      if (isWaiting && now - sent.first >= bumpMilliseconds && (await this.#bid(highest, head))) return;
      // One that was in a block a moment ago may only be missing from an answer that is as old.
      if (now - sent.last < (isWaiting ? RESEND_MILLISECONDS : RESEND_MILLISECONDS / 10)) return;
    }
    if (highest.state !== 'prepared') this.#options.counters.rebroadcasts += 1;
    await this.#broadcast(hash, highest.raw);
  }

  /** Sends the same submissions under the same nonce with at least an eighth more to pay. */
  async #bid(before: OutboxRow, head: Header): Promise<boolean> {
    const { store, limits, counters, lease, log } = this.#options;
    const raised = (value: bigint) => value + value / 8n + 1n;
    const fees = await this.#fees(head);
    const maxFeePerGas = larger(raised(BigInt(before.max_fee_per_gas)), fees.maxFeePerGas);
    const maxPriorityFeePerGas = larger(
      raised(BigInt(before.max_priority_fee_per_gas)),
      fees.maxPriorityFeePerGas,
    );
    if (maxFeePerGas > limits.maxFeePerGas || maxPriorityFeePerGas > maxFeePerGas) return false;
    const next = await store.transaction(async (transaction) => {
      if (!(await lease.lock(transaction))) throw leaseLost();
      const submissions = await transaction.query<SubmissionRow & { position: number }>(
        `SELECT ${SUBMISSION_COLUMNS}, r.position FROM relay_submissions r JOIN submissions s ON s.hash = r.submission_hash
         WHERE r.transaction_hash = $1 ORDER BY r.position`,
        [before.hash],
      );
      return this.#write(transaction, submissions, Number(before.nonce), Number(before.gas_limit), {
        maxFeePerGas,
        maxPriorityFeePerGas,
      });
    });
    counters.feesRaised += 1;
    log.info('No block took a transaction of the relay: it bids more.', {
      nonce: Number(before.nonce),
      maxFeePerGas: maxFeePerGas.toString(),
    });
    await this.#broadcast(next.hash, next.raw);
    return true;
  }

  /** Chooses what to send next, and writes it down with its nonce: the outbox. */
  async #prepare(nonce: number, head: Header): Promise<SignedTransaction | null> {
    const { store, lease, counters, clock } = this.#options;
    const started = performance.now();
    const limit = Math.min(MAX_TRANSACTION_GAS, head.gasLimit);
    const fees = await this.#fees(head);
    const ledger = await this.#options.ownLedger();
    const prepared = await store.transaction(async (transaction) => {
      if (!(await lease.lock(transaction))) throw leaseLost();
      const candidates = await transaction.query<SubmissionRow & Candidate>(
        `SELECT * FROM (
           SELECT ${SUBMISSION_COLUMNS}, s.contract_signature,
                  s.problem IS NOT DISTINCT FROM 'submission.reverted' AS alone, s.received_at,
                  sum(octet_length(s.entries)) OVER (ORDER BY s.received_at, s.hash) - octet_length(s.entries) AS before
           FROM submissions s
           WHERE s.state = 'stored' AND s.nonce IS NOT NULL AND s.transaction_hash IS NULL AND s.deadline > $1
             AND (s.next_attempt_at IS NULL OR s.next_attempt_at <= $2) AND s.ledger = $4
             AND NOT EXISTS (SELECT 1 FROM closures WHERE closures.ledger = $4)
           ORDER BY s.received_at, s.hash LIMIT ${CANDIDATES}
         ) AS waiting WHERE before < $3 ORDER BY received_at, hash`,
        [head.timestamp + MINIMUM_SECONDS_LEFT, clock(), MOST_ENTRIES * ENTRY_BYTES, ledger],
      );
      const chosen = choose(candidates, limit);
      if (chosen.length === 0) return null;
      return this.#write(transaction, chosen, nonce, transactionGas(chosen.map(sizeOf)), fees);
    });
    counters.milliseconds.prepare += performance.now() - started;
    return prepared;
  }

  async #write(
    transaction: Transaction,
    submissions: readonly SubmissionRow[],
    nonce: number,
    gasLimit: number,
    fees: { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint },
  ): Promise<SignedTransaction> {
    const { ledger, account, clock } = this.#options;
    const signed = signTransaction(
      {
        chainId: ledger.chainId,
        nonce,
        gasLimit,
        ...fees,
        to: fromHex(ledger.address, 20),
        data: encodeRecordSigned(submissions.map(toSigned)),
      },
      account,
    );
    const hash = fromHex(signed.hash, 32);
    await transaction.execute(
      `WITH prepared AS (
         INSERT INTO relay_transactions
           (hash, sender, nonce, raw, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ), carried AS (
         INSERT INTO relay_submissions (transaction_hash, submission_hash, position)
         SELECT $1, c.hash, c.place - 1 FROM unnest($9::bytea[]) WITH ORDINALITY AS c(hash, place)
       )
       UPDATE submissions SET transaction_hash = $1
       WHERE hash = ANY($9::bytea[]) AND state IN ('stored', 'submitted')`,
      [
        ...[hash, this.#sender, nonce, signed.raw, gasLimit, fees.maxFeePerGas, fees.maxPriorityFeePerGas],
        ...[clock(), submissions.map((submission) => submission.hash)],
      ],
    );
    return signed;
  }

  async #broadcast(hash: Hex, raw: Uint8Array): Promise<void> {
    const { store, rpc, counters, nudge, clock } = this.#options;
    const started = performance.now();
    await this.#options.beforeBroadcast?.({ hash, raw });
    try {
      const answer = await rpc.call('eth_sendRawTransaction', [toHex(raw)]);
      if (answer !== hash) {
        throw new Problem(
          'chain.malformed',
          'The chain gave a transaction another hash than its bytes have.',
        );
      }
    } catch (error) {
      const known = error instanceof RpcRefusal && isKnown(error);
      if (!known) throw error instanceof RpcRefusal ? refused(error, this.#options.account.address) : error;
    }
    const now = clock();
    await store.execute(
      `WITH sent AS (
         UPDATE relay_transactions SET state = 'broadcast', broadcast_at = coalesce(broadcast_at, $2),
                block_number = NULL, block_hash = NULL
         WHERE hash = $1 AND state <> 'final' RETURNING hash
       )
       UPDATE submissions
       SET state = CASE state WHEN 'stored' THEN 'submitted' ELSE state END,
           submitted_at = coalesce(submitted_at, $2),
           attempts = attempts + CASE state WHEN 'stored' THEN 1 ELSE 0 END
       WHERE transaction_hash = $1 AND state IN ('stored', 'submitted', 'anchored')`,
      [fromHex(hash, 32), now],
    );
    const last = performance.now();
    this.#sentAt.set(hash, { first: this.#sentAt.get(hash)?.first ?? last, last });
    counters.transactionsSent += 1;
    counters.milliseconds.broadcast += performance.now() - started;
    nudge();
  }

  async #fees(head: Header): Promise<{ maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }> {
    const { limits } = this.#options;
    const tip = smaller(await this.#suggestedTip(), limits.maxFeePerGas);
    return { maxFeePerGas: smaller(2n * head.baseFee + tip, limits.maxFeePerGas), maxPriorityFeePerGas: tip };
  }

  async #suggestedTip(): Promise<bigint> {
    if (performance.now() - this.#tip.readAt > FEE_MILLISECONDS) {
      let value = GWEI;
      try {
        value = readBigInt(await this.#options.rpc.call('eth_maxPriorityFeePerGas', []), 'a fee');
      } catch (error) {
        // Not every chain has the method.
        if (!(error instanceof RpcRefusal)) throw error;
      }
      this.#tip = { value, readAt: performance.now() };
    }
    return this.#tip.value;
  }

  /** Ends what can no longer be accepted. */
  async #sweep(): Promise<void> {
    if (performance.now() - this.#sweptAt < SWEEP_MILLISECONDS) return;
    this.#sweptAt = performance.now();
    const now = this.#options.clock();
    const seconds = Math.floor(now.getTime() / 1000);
    // What was sent may be in a block that is not read yet: it ends only when a final block is later than its deadline.
    await this.#options.store.execute(
      `UPDATE submissions SET state = 'expired', ended_at = $1, transaction_hash = NULL,
              problem = CASE problem WHEN 'ledger.closed' THEN problem ELSE 'submission.expired' END
       WHERE state IN ('stored', 'submitted') AND deadline < $2
         AND (transaction_hash IS NULL OR deadline < $3)`,
      [now, seconds - EXPIRY_GRACE_SECONDS, this.#options.final().timestamp],
    );
    // What waits for a ledger that was closed waits in vain.
    await this.#options.store.execute(
      `UPDATE submissions SET problem = 'ledger.closed'
       WHERE state = 'stored' AND ledger IN (SELECT ledger FROM closures)
         AND problem IS DISTINCT FROM 'ledger.closed'`,
    );
  }
}

interface Candidate {
  readonly entries: Uint8Array;
  readonly signature: Uint8Array;
  readonly contract_signature: boolean;
  /** Was in a transaction that was reverted: it goes alone, so that it can take no other down. */
  readonly alone: boolean;
}

const sizeOf = (candidate: Candidate): SubmissionSize => ({
  entriesBytes: candidate.entries.length,
  signatureBytes: candidate.signature.length,
  contractSignature: candidate.contract_signature,
});

/** The longest waiting first, as many as fit. */
function choose<C extends Candidate>(candidates: readonly C[], gasLimit: number): C[] {
  if (candidates[0]?.alone) return candidates.slice(0, 1);
  const chosen: C[] = [];
  let gas = transactionGas([]);
  for (const candidate of candidates) {
    const more = submissionGas(sizeOf(candidate));
    if (candidate.alone || gas + more > gasLimit) continue;
    gas += more;
    chosen.push(candidate);
  }
  return chosen;
}

interface SubmissionRow {
  readonly hash: Uint8Array;
  readonly organisation: bigint;
  readonly signer: Uint8Array;
  readonly nonce: string;
  readonly deadline: bigint;
  readonly entries: Uint8Array;
  readonly signature: Uint8Array;
}
const SUBMISSION_COLUMNS = 's.hash, s.organisation, s.signer, s.nonce, s.deadline, s.entries, s.signature';

function toSigned(row: SubmissionRow): SignedSubmission {
  return {
    organisation: row.organisation as OrganisationId,
    signer: toHex(row.signer) as Address,
    nonce: BigInt(row.nonce),
    deadline: row.deadline,
    entries: row.entries,
    signature: row.signature,
  };
}

function byNonce(rows: readonly OutboxRow[]): Map<number, OutboxRow[]> {
  const groups = new Map<number, OutboxRow[]>();
  for (const row of rows) {
    const group = groups.get(Number(row.nonce));
    if (group === undefined) groups.set(Number(row.nonce), [row]);
    else group.push(row);
  }
  return groups;
}

/** The lowest nonce that nothing of ours waits with: a gap is filled before anything is put behind it. */
function firstFree(nonce: number, pending: ReadonlyMap<number, unknown>): number {
  let free = nonce;
  while (pending.has(free)) free += 1;
  return free;
}

/** The pool has it, or had it: words of geth, anvil, Besu, Nethermind, Erigon. */
function isKnown({ rpcMessage }: RpcRefusal): boolean {
  return /already (known|imported)|known transaction|alreadyknown|nonce too low|nonce is too low|underpriced/i.test(
    rpcMessage,
  );
}

function refused(refusal: RpcRefusal, account: Address): Problem {
  if (/insufficient (funds|balance)|upfront cost/i.test(refusal.rpcMessage)) {
    return new Problem('relay.unfunded', `The relay's account ${account} cannot pay: fund it.`, {
      cause: refusal,
    });
  }
  return refusal;
}

function leaseLost(): Problem {
  return new Problem('relay.leaseLost', 'Another process has taken the relay over.');
}

const larger = (left: bigint, right: bigint) => (left > right ? left : right);
const smaller = (left: bigint, right: bigint) => (left < right ? left : right);
