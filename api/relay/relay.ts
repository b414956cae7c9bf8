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
import { insertRows } from '../store/rows.ts';
import type { Queryable, Store, Transaction } from '../store/store.ts';
import {
  ACTION_COLUMNS,
  type ActionRow,
  dueActions,
  executionOf,
  gasOf,
  type ModulePlaces,
  moduleAt,
  refusalsOf,
  settleTaken,
} from './actions.ts';
import { MAX_TRANSACTION_GAS, type SubmissionSize, submissionGas, transactionGas } from './gas.ts';
import type { Lease } from './lease.ts';
import { type SignedTransaction, signTransaction } from './transaction.ts';

export interface RelayOptions {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly ledger: LedgerAddress;
  /** The modules that actions go to. */
  readonly modules: ModulePlaces;
  /** Its number in the index. */
  readonly ownLedger: () => Promise<number>;
  readonly account: Account;
  readonly lease: Lease;
  readonly clock: () => Date;
  readonly limits: Pick<
    PipelineLimits,
    'transactionsInFlight' | 'actionsInFlight' | 'bumpMilliseconds' | 'maxFeePerGas'
  >;
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
  /** Whether it carries an action, not submissions. */
  readonly action: boolean;
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
/** An action that waits for another one of its subject is looked at again after so long. */
const BLOCKED_SECONDS = 2;

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
    const again: SignedTransaction[] = [];
    for (const bids of pending.values()) again.push(...(await this.#overdue(bids, head)));
    if (again.length > 0) await this.#broadcast(again);
    const actions = [...pending.values()].filter(([bid]) => bid?.action === true).length;
    const free = freeNonces(nonce, pending);
    const prepared: SignedTransaction[] = [];
    if (pending.size - actions < limits.transactionsInFlight) {
      const submissions = await this.#prepare(free, head);
      if (submissions !== null) prepared.push(submissions);
    }
    if (actions < limits.actionsInFlight) {
      prepared.push(...(await this.#prepareActions(free, head, limits.actionsInFlight - actions)));
    }
    if (prepared.length === 0) return pending.size > 0 ? 'waiting' : 'idle';
    await this.#broadcast(prepared);
    return 'progressed';
  }

  #outbox(nonce: number): Promise<OutboxRow[]> {
    return this.#options.store.query<OutboxRow>(
      `SELECT hash, nonce, state, action, raw, gas_limit, max_fee_per_gas, max_priority_fee_per_gas
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
    const mined: TransactionReceipt[] = [];
    for (const [nonce, bids] of byNonce(rows)) {
      const receipt = bids.map(({ hash }) => byHash.get(toHex(hash))).find((found) => found !== undefined);
      if (receipt === undefined) {
        await this.#passedOver(nonce, bids, head);
        continue;
      }
      this.#unexplained.delete(nonce);
      if (receipt.succeeded) mined.push(receipt);
      else await this.#reverted(receipt, bids[0]?.action === true);
    }
    if (mined.length > 0) await this.#mined(this.#options.store, mined);
  }

  /** Notes what became of transactions; other bids for their nonces have lost. */
  async #mined(queryable: Queryable, receipts: readonly TransactionReceipt[]): Promise<void> {
    await queryable.execute(
      `WITH found AS (
         SELECT * FROM unnest($1::bytea[], $2::int8[], $3::bytea[], $4::int8[], $5::boolean[])
           AS f(hash, block_number, block_hash, gas_used, succeeded)
       ), lost AS (
         UPDATE relay_transactions t SET state = 'replaced'
         FROM found f JOIN relay_transactions won ON won.hash = f.hash
         WHERE t.sender = won.sender AND t.nonce = won.nonce AND t.hash <> won.hash
           AND t.state IN ('prepared', 'broadcast')
       )
       UPDATE relay_transactions t
       SET state = 'mined', block_number = f.block_number, block_hash = f.block_hash, gas_used = f.gas_used,
           succeeded = f.succeeded
       FROM found f WHERE t.hash = f.hash`,
      [
        receipts.map(({ transactionHash }) => fromHex(transactionHash, 32)),
        receipts.map(({ blockNumber }) => blockNumber),
        receipts.map(({ blockHash }) => fromHex(blockHash, 32)),
        receipts.map(({ gasUsed }) => gasUsed),
        receipts.map(({ succeeded }) => succeeded),
      ],
    );
    for (const { transactionHash } of receipts) this.#sentAt.delete(transactionHash);
  }

  async #reverted(receipt: TransactionReceipt, action: boolean): Promise<void> {
    const { store, counters, log, clock } = this.#options;
    const hash = fromHex(receipt.transactionHash, 32);
    const problem = action ? await this.#reasonOf(hash) : 'submission.reverted';
    await store.transaction(async (transaction) => {
      await this.#mined(transaction, [receipt]);
      await this.#backToStored(transaction, [hash], problem, clock());
    });
    counters.reverted += 1;
    const facts = { transaction: receipt.transactionHash, block: receipt.blockNumber };
    if (action) log.warn('The module refused an action; it is tried again later.', { ...facts, problem });
    else {
      log.warn('A transaction of the relay was reverted; its submissions are sent again, each alone.', facts);
    }
  }

  /** Why the module refused the action of a transaction: as it would now. */
  async #reasonOf(transactionHash: Uint8Array): Promise<string> {
    const { store, rpc, modules, account } = this.#options;
    const rows = await store.query<ActionRow>(
      `SELECT ${ACTION_COLUMNS} FROM relay_submissions r JOIN submissions s ON s.hash = r.submission_hash
       WHERE r.transaction_hash = $1`,
      [transactionHash],
    );
    const [reason] = await refusalsOf(rpc, modules, account.address, rows);
    return reason ?? 'action.reverted';
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

  /** What is to be sent so that the pool has one of these: the bids for one nonce, the highest last. */
  async #overdue(bids: readonly OutboxRow[], head: Header): Promise<SignedTransaction[]> {
    const highest = bids.at(-1);
    if (highest === undefined) return [];
    const hash = toHex(highest.hash);
    const sent = this.#sentAt.get(hash);
    if (sent !== undefined) {
      const now = performance.now();
      const isWaiting = highest.state === 'broadcast';
      const { bumpMilliseconds } = this.#options.limits;
      if (isWaiting && now - sent.first >= bumpMilliseconds) {
        const higher = await this.#bid(highest, head);
        if (higher !== null) return [higher];
      }
      // One that was in a block a moment ago may only be missing from an answer that is as old.
      if (now - sent.last < (isWaiting ? RESEND_MILLISECONDS : RESEND_MILLISECONDS / 10)) return [];
    }
    if (highest.state !== 'prepared') this.#options.counters.rebroadcasts += 1;
    return [{ hash, raw: highest.raw }];
  }

  /** The same under the same nonce with at least an eighth more to pay; null where it would be too much. */
  async #bid(before: OutboxRow, head: Header): Promise<SignedTransaction | null> {
    const { store, limits, counters, lease, log } = this.#options;
    const raised = (value: bigint) => value + value / 8n + 1n;
    const fees = await this.#fees(head);
    const maxFeePerGas = larger(raised(BigInt(before.max_fee_per_gas)), fees.maxFeePerGas);
    const maxPriorityFeePerGas = larger(
      raised(BigInt(before.max_priority_fee_per_gas)),
      fees.maxPriorityFeePerGas,
    );
    if (maxFeePerGas > limits.maxFeePerGas || maxPriorityFeePerGas > maxFeePerGas) return null;
    const next = await store.transaction(async (transaction) => {
      if (!(await lease.lock(transaction))) throw leaseLost();
      const load = await this.#loadOf(transaction, before);
      const fees = { maxFeePerGas, maxPriorityFeePerGas };
      return this.#write(transaction, { ...load, nonce: Number(before.nonce) }, fees);
    });
    counters.feesRaised += 1;
    log.info('No block took a transaction of the relay: it bids more.', {
      nonce: Number(before.nonce),
      maxFeePerGas: maxFeePerGas.toString(),
    });
    return next;
  }

  /** What a transaction of the outbox carries, to be signed once more. */
  async #loadOf(transaction: Transaction, { hash, action, gas_limit }: OutboxRow): Promise<Load> {
    const carried = <Row extends object>(columns: string) =>
      transaction.query<Row>(
        `SELECT ${columns}, r.position FROM relay_submissions r JOIN submissions s ON s.hash = r.submission_hash
         WHERE r.transaction_hash = $1 ORDER BY r.position`,
        [hash],
      );
    const load = action
      ? (await carried<ActionRow>(ACTION_COLUMNS)).map((row) => this.#loadOfAction(row))[0]
      : this.#loadOfSubmissions(await carried<SubmissionRow>(SUBMISSION_COLUMNS));
    if (load === undefined) throw new TypeError('a transaction carries something');
    return { ...load, gasLimit: Number(gas_limit) };
  }

  #loadOfAction(row: ActionRow): Load {
    const to = moduleAt(this.#options.modules, row.entries[0] ?? 0);
    return { to, data: executionOf(row), carries: [row.hash], action: true, gasLimit: gasOf(row) };
  }

  #loadOfSubmissions(rows: readonly SubmissionRow[]): Load {
    return {
      to: this.#options.ledger.address,
      data: encodeRecordSigned(rows.map(toSigned)),
      carries: rows.map(({ hash }) => hash),
      action: false,
      gasLimit: transactionGas(rows.map(sizeOf)),
    };
  }

  /** Chooses which submissions to send next, and writes them down with their nonce: the outbox. */
  async #prepare(free: Iterator<number, never>, head: Header): Promise<SignedTransaction | null> {
    const { store, lease, counters, clock } = this.#options;
    const started = performance.now();
    const limit = Math.min(MAX_TRANSACTION_GAS, head.gasLimit);
    const fees = await this.#fees(head);
    const ledger = await this.#options.ownLedger();
    const prepared = await store.transaction(async (transaction) => {
      if (!(await lease.lock(transaction))) throw leaseLost();
      const candidates = await transaction.query<Candidate>(
        `SELECT * FROM (
           SELECT ${SUBMISSION_COLUMNS},
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
      return this.#write(transaction, { ...this.#loadOfSubmissions(chosen), nonce: free.next().value }, fees);
    });
    counters.milliseconds.prepare += performance.now() - started;
    return prepared;
  }

  /** The same for actions: a transaction for each. */
  async #prepareActions(
    free: Iterator<number, never>,
    head: Header,
    limit: number,
  ): Promise<SignedTransaction[]> {
    const { store, lease, counters, clock, rpc, modules, account } = this.#options;
    const started = performance.now();
    const now = clock();
    const ledger = await this.#options.ownLedger();
    const after = head.timestamp + MINIMUM_SECONDS_LEFT;
    const { ready, blocked } = await dueActions(store, ledger, after, now, limit);
    if (ready.length + blocked.length === 0) return [];
    // What was refused before costs nothing until the module takes it.
    const doubtful = ready.filter(({ problem }) => problem !== null);
    const refusals = await refusalsOf(rpc, modules, account.address, doubtful);
    const refused = new Map(
      doubtful.flatMap(({ subject }, index) => {
        const code = refusals[index] ?? null;
        return code === null ? [] : [[toHex(subject), code] as const];
      }),
    );
    const chosen = ready.filter(({ subject }) => !refused.has(toHex(subject)));
    const fees = await this.#fees(head);
    const prepared = await store.transaction(async (transaction) => {
      if (!(await lease.lock(transaction))) throw leaseLost();
      await settleTaken(transaction, blocked, now);
      await transaction.execute(
        `UPDATE submissions SET next_attempt_at = $2::timestamptz + ${BLOCKED_SECONDS} * interval '1 second'
         WHERE hash = ANY($1::bytea[]) AND (next_attempt_at IS NULL OR next_attempt_at <= $2)`,
        [blocked, now],
      );
      const again = doubtful.filter(({ subject }) => refused.has(toHex(subject)));
      await transaction.execute(
        `UPDATE submissions s SET problem = r.code, attempts = attempts + 1,
                next_attempt_at = $3::timestamptz + ${NEXT_ATTEMPT_SECONDS} * interval '1 second'
         FROM unnest($1::bytea[], $2::text[]) AS r(hash, code) WHERE s.hash = r.hash AND s.state = 'stored'`,
        [again.map(({ hash }) => hash), again.map(({ subject }) => refused.get(toHex(subject)) ?? null), now],
      );
      const loads = chosen.map((row) => ({ ...this.#loadOfAction(row), nonce: free.next().value }));
      return this.#writeAll(transaction, loads, fees);
    });
    counters.milliseconds.prepare += performance.now() - started;
    return prepared;
  }

  async #write(transaction: Transaction, load: PlacedLoad, fees: Fees): Promise<SignedTransaction> {
    const [signed] = await this.#writeAll(transaction, [load], fees);
    if (signed === undefined) throw new TypeError('one load is one transaction');
    return signed;
  }

  async #writeAll(
    transaction: Transaction,
    loads: readonly PlacedLoad[],
    fees: Fees,
  ): Promise<SignedTransaction[]> {
    const { ledger, account, clock } = this.#options;
    const signed = loads.map(({ nonce, gasLimit, to, data, carries, action }) => {
      const fields = { chainId: ledger.chainId, nonce, gasLimit, ...fees, to: fromHex(to, 20), data };
      const { hash, raw } = signTransaction(fields, account);
      return { hash, raw, nonce, gasLimit, carries, action, bytes: fromHex(hash, 32) };
    });
    await insertRows(
      transaction,
      'relay_transactions',
      {
        hash: 'bytea',
        sender: 'bytea',
        nonce: 'int8',
        raw: 'bytea',
        action: 'boolean',
        gas_limit: 'int8',
        max_fee_per_gas: 'numeric',
        max_priority_fee_per_gas: 'numeric',
        created_at: 'timestamptz',
      },
      signed.map(({ bytes, nonce, raw, action, gasLimit }) => ({
        hash: bytes,
        sender: this.#sender,
        nonce,
        raw,
        action,
        gas_limit: gasLimit,
        max_fee_per_gas: fees.maxFeePerGas,
        max_priority_fee_per_gas: fees.maxPriorityFeePerGas,
        created_at: clock(),
      })),
    );
    const carried = signed.flatMap(({ bytes, carries }) =>
      carries.map((hash, position) => ({ transaction_hash: bytes, submission_hash: hash, position })),
    );
    await insertRows(
      transaction,
      'relay_submissions',
      { transaction_hash: 'bytea', submission_hash: 'bytea', position: 'int4' },
      carried,
    );
    await transaction.execute(
      `UPDATE submissions s SET transaction_hash = c.transaction_hash
       FROM unnest($1::bytea[], $2::bytea[]) AS c(hash, transaction_hash)
       WHERE s.hash = c.hash AND s.state IN ('stored', 'submitted')`,
      [
        carried.map(({ submission_hash }) => submission_hash),
        carried.map(({ transaction_hash }) => transaction_hash),
      ],
    );
    return signed.map(({ hash, raw }) => ({ hash, raw }));
  }

  /** Sends what is written down, in the order given; what the pool has already counts as sent. */
  async #broadcast(signed: readonly SignedTransaction[]): Promise<void> {
    const { rpc, counters, nudge, account } = this.#options;
    const started = performance.now();
    for (const transaction of signed) await this.#options.beforeBroadcast?.(transaction);
    const answers = await rpc.batch(
      signed.map(({ raw }) => ({ method: 'eth_sendRawTransaction', params: [toHex(raw)] })),
    );
    const sent: SignedTransaction[] = [];
    let failure: Problem | undefined;
    for (const [index, answer] of answers.entries()) {
      const transaction = signed[index];
      if (transaction === undefined) continue;
      if (answer === transaction.hash || (answer instanceof RpcRefusal && isKnown(answer))) {
        sent.push(transaction);
      } else if (answer instanceof RpcRefusal) failure ??= refused(answer, account.address);
      else {
        failure ??= new Problem(
          'chain.malformed',
          'The chain gave a transaction another hash than its bytes have.',
        );
      }
    }
    if (sent.length > 0) {
      await this.#noteSent(sent);
      nudge();
    }
    counters.transactionsSent += sent.length;
    counters.milliseconds.broadcast += performance.now() - started;
    if (failure !== undefined) throw failure;
  }

  async #noteSent(sent: readonly SignedTransaction[]): Promise<void> {
    const { store, clock } = this.#options;
    await store.execute(
      `WITH sent AS (
         UPDATE relay_transactions SET state = 'broadcast', broadcast_at = coalesce(broadcast_at, $2),
                block_number = NULL, block_hash = NULL
         WHERE hash = ANY($1::bytea[]) AND state <> 'final' RETURNING hash
       )
       UPDATE submissions
       SET state = CASE state WHEN 'stored' THEN 'submitted' ELSE state END,
           submitted_at = coalesce(submitted_at, $2),
           attempts = attempts + CASE state WHEN 'stored' THEN 1 ELSE 0 END
       WHERE transaction_hash = ANY($1::bytea[]) AND state IN ('stored', 'submitted', 'anchored')`,
      [sent.map(({ hash }) => fromHex(hash, 32)), clock()],
    );
    const last = performance.now();
    for (const { hash } of sent) {
      this.#sentAt.set(hash, { first: this.#sentAt.get(hash)?.first ?? last, last });
    }
  }

  async #fees(head: Header): Promise<Fees> {
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
              problem = CASE
                WHEN problem = 'ledger.closed' THEN problem
                -- Why the module refused it says more than that its time is over.
                WHEN nonce IS NULL THEN coalesce(problem, 'action.expired')
                ELSE 'submission.expired' END
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

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** What a transaction is to do, and which submissions or action it does it for. */
interface Load {
  readonly to: Address;
  readonly data: Uint8Array;
  readonly carries: readonly Uint8Array[];
  readonly action: boolean;
  readonly gasLimit: number;
}
type PlacedLoad = Load & { readonly nonce: number };

interface Candidate extends SubmissionRow {
  /** Was in a transaction that was reverted: it goes alone, so that it can take no other down. */
  readonly alone: boolean;
}

const sizeOf = (candidate: SubmissionRow): SubmissionSize => ({
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
  readonly contract_signature: boolean;
}
const SUBMISSION_COLUMNS =
  's.hash, s.organisation, s.signer, s.nonce, s.deadline, s.entries, s.signature, s.contract_signature';

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

/** The nonces that nothing of ours waits with, the lowest first: a gap is filled before anything is put behind it. */
function* freeNonces(nonce: number, pending: ReadonlyMap<number, unknown>): Generator<number, never> {
  for (let free = nonce; ; free += 1) if (!pending.has(free)) yield free;
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
