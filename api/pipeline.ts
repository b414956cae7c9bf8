import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { toHex } from '../core/bytes.ts';
import type { SubmissionHash } from '../core/chain/submission.ts';
import type { Address, Digest, LedgerAddress, Subject } from '../core/chain/types.ts';
import type { Envelope } from '../core/envelope/envelope.ts';
import type { ActionHash } from '../core/modules/action.ts';
import { Accept } from './accept/accept.ts';
import type { ActionRequest, ActionStatus, ModuleName } from './accept/actionSchema.ts';
import { digestOf } from './accept/open.ts';
import type { SubmissionRequest, SubmissionStatus } from './accept/schema.ts';
import { getLatestHeader } from './chain/read.ts';
import type { Rpc } from './chain/rpc.ts';
import { erasedOf, holdErasures } from './erasure/tombstones.ts';
import { checkIdentity, firstLedger, ownLedger } from './index/identity.ts';
import { Indexer, type IndexerOptions } from './index/indexer.ts';
import type { Keyring } from './keyring/keyring.ts';
import { asProblem, Problem } from './problem.ts';
import type { Evaluator } from './pseudonym/evaluator.ts';
import { Lease } from './relay/lease.ts';
import { NEXT_ATTEMPT_SECONDS, Relay } from './relay/relay.ts';
import type { SignedTransaction } from './relay/transaction.ts';
import { insertRows } from './store/rows.ts';
import type { Store, Transaction } from './store/store.ts';

/** What the pipeline says as it goes; the levels are those of any logger. */
export interface PipelineLog {
  info(message: string, facts?: Readonly<Record<string, unknown>>): void;
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void;
  error(message: string, facts?: Readonly<Record<string, unknown>>): void;
}

/** One entry as it was accepted, for whoever keeps tables of their own about it. */
export interface AcceptedEntry {
  readonly kind: number;
  readonly subject: Subject;
  readonly digest: Digest;
  readonly envelope: Envelope;
  /** The sealed fields that were disclosed. */
  readonly sealed: Readonly<Record<string, unknown>>;
}

export interface PipelineOptions {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly ledger: LedgerAddress;
  readonly organisations: Address;
  /** The ledger's module of kinds 0–15. */
  readonly titles: Address;
  /** Its module of kinds 16–31. */
  readonly parts: Address;
  readonly directory: Address;
  /** The block of the first contract: nothing is in an earlier one. */
  readonly firstBlock: number;
  readonly evaluator: Evaluator;
  readonly keyring: Keyring;
  /** The number of the last final block. */
  readonly finality: () => Promise<bigint>;
  /** Told that a transaction was sent, for a chain that mines on demand. */
  readonly nudge?: () => void;
  /** Fetches a block that came by another operator; null: not to be had now. */
  readonly fetchMissing?: (digest: Digest) => Promise<Uint8Array | null>;
  /** Writes further tables in the transaction that accepts a submission. */
  readonly onAccept?: (transaction: Transaction, entries: readonly AcceptedEntry[]) => Promise<void>;
  readonly log?: PipelineLog;
  readonly clock?: () => Date;
  readonly limits?: Partial<PipelineLimits>;
  /** How patient and how suspicious the index is. */
  readonly indexer?: Pick<IndexerOptions, 'patienceMilliseconds' | 'checkMilliseconds'>;
  /** For tests: called between the outbox and the chain. */
  readonly beforeBroadcast?: (transaction: SignedTransaction) => Promise<void>;
}

export interface PipelineLimits {
  /** A deadline is at least so many seconds away when a submission comes in, default 30. */
  readonly minimumLeadSeconds: number;
  /** And at most so many, default 31 days. */
  readonly maximumLeadSeconds: number;
  /** All blocks of one submission together, default 32 MiB. */
  readonly submissionBytes: number;
  /** Nonces of the relayer that may wait for a block at once, default 1. */
  readonly transactionsInFlight: number;
  /** Transactions for actions that may wait for a block at once, each with one action, default 128. */
  readonly actionsInFlight: number;
  /** A transaction that no block took for so long bids more, default 30,000. */
  readonly bumpMilliseconds: number;
  /** The most to pay for a unit of gas, in wei, default 500 gwei. */
  readonly maxFeePerGas: bigint;
  /** How often the chain is asked for a new block, default 200; while transactions wait, ten times as often. */
  readonly pollMilliseconds: number;
}

export interface PipelineProgress {
  /** The last block whose logs are in the store. */
  readonly indexedBlock: number;
  /** The last of them that is final. */
  readonly finalBlock: number;
  /** The chain's last block, as far as known. */
  readonly head: number;
  /** How many blocks the index is behind. */
  readonly lag: number;
  /** Whether this process indexes and relays, or another one does. */
  readonly leading: boolean;
  /** Why it stopped for good. */
  readonly stopped: Problem | null;
  /** What keeps it from going on right now: the chain or the store is down. */
  readonly trouble: Problem | null;
}

/** Counts since the start; times in milliseconds of this process's work and waiting, by stage. */
export interface PipelineCounters {
  acceptedSubmissions: number;
  acceptedEntries: number;
  rejectedSubmissions: number;
  transactionsSent: number;
  feesRaised: number;
  rebroadcasts: number;
  reverted: number;
  skipped: number;
  anchoredSubmissions: number;
  finalSubmissions: number;
  indexedBlocks: number;
  indexedLinks: number;
  reorganisations: number;
  missingBlocks: number;
  milliseconds: Record<PipelineStage, number>;
}
export type PipelineStage = 'validate' | 'store' | 'prepare' | 'broadcast' | 'read' | 'fold' | 'write';

export interface PipelineEvents {
  /** Blocks were indexed, up to this one. */
  block: { readonly number: number; readonly hash: string; readonly timestamp: number };
  anchored: { readonly submissions: readonly SubmissionHash[]; readonly block: number };
  final: { readonly submissions: readonly SubmissionHash[]; readonly block: number };
  /** These subjects have another head than before: what is cached of them is old. */
  subjects: { readonly subjects: readonly Subject[] };
  /** Campaigns stand on the own chains of these that did not before: what is cached of their vehicles is old. */
  campaigns: { readonly organisations: readonly bigint[] };
  /** Ledgers of the directory can be shown, or written to, that could not be before; or can no more. */
  ledgers: { readonly ledgers: readonly number[] };
  /** The standing of organisations changed. */
  organisations: { readonly organisations: readonly bigint[] };
  /** Blocks above `to` were undone. */
  reorganised: { readonly from: number; readonly to: number };
  /** The index or the relay gave up for good. */
  stopped: Problem;
}

export interface Pipeline {
  /** Checks that chain and store belong together, and starts to relay and index. @throws `index.otherChain` … */
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Validates everything, stores it, and answers with a truthful state; the same submission again gives the same one.
   * @throws the codes of a bad submission; then nothing has changed
   */
  accept(request: SubmissionRequest): Promise<SubmissionStatus>;
  status(hash: SubmissionHash): Promise<SubmissionStatus | null>;
  /** The same for an action of a module; by default one on a title. */
  acceptAction(request: ActionRequest, module?: ModuleName): Promise<ActionStatus>;
  /** Also of an action that was not handed in here, but was executed. */
  actionStatus(hash: ActionHash): Promise<ActionStatus | null>;
  progress(): PipelineProgress;
  /** The number in the index of the ledger that is written to. */
  ownLedger(): Promise<number>;
  readonly counters: PipelineCounters;
  /** Digests on the ledger whose blocks are not here. */
  missing(limit: number): Promise<Digest[]>;
  on<E extends keyof PipelineEvents>(event: E, listener: (payload: PipelineEvents[E]) => void): () => void;
}

/** Composes accept, outbox, relay and index. Does nothing until started, except to accept. */
export function createPipeline(options: PipelineOptions): Pipeline {
  return new RunningPipeline(options);
}

export const defaultLimits: PipelineLimits = {
  minimumLeadSeconds: 30,
  maximumLeadSeconds: 31 * 86_400,
  submissionBytes: 32 * 1024 * 1024,
  transactionsInFlight: 1,
  actionsInFlight: 128,
  bumpMilliseconds: 30_000,
  maxFeePerGas: 500_000_000_000n,
  pollMilliseconds: 200,
};

const LEASE_SECONDS = 10;
/** How long an answer may wait for the index. */
const CATCH_UP_MILLISECONDS = 3_000;
const CATCH_UP_POLL_MILLISECONDS = 10;
const LONGEST_PAUSE = 5_000;
const MISSING_AT_ONCE = 16;
const quiet: PipelineLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Codes after which going on would make things worse. */
const fatal = new Set<string>([
  'index.otherChain',
  'index.otherLedger',
  'index.headMismatch',
  'index.deepReorganisation',
]);

class RunningPipeline implements Pipeline {
  readonly counters: PipelineCounters = newCounters();
  readonly #options: PipelineOptions;
  readonly #limits: PipelineLimits;
  readonly #log: PipelineLog;
  readonly #events = new EventEmitter();
  readonly #lease: Lease;
  readonly #accept: Accept;
  readonly #relay: Relay;
  readonly #indexer: Indexer;
  readonly #relayBell = new Bell();
  readonly #indexBell = new Bell();
  readonly #missingBell = new Bell();
  readonly #bells = [this.#relayBell, this.#indexBell, this.#missingBell];
  #running: Promise<unknown> | null = null;
  #stopping = false;
  #stopped: Problem | null = null;
  #trouble: Problem | null = null;
  #own: number | null = null;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#log = options.log ?? quiet;
    this.#events.setMaxListeners(0);
    const { store, rpc, ledger, organisations, titles, parts, directory, firstBlock } = options;
    const modules = { titles, parts };
    const { evaluator, keyring, finality } = options;
    const clock = options.clock ?? (() => new Date());
    // Only one process can have the embedded store, so its lease outlives nobody.
    const holder = store.adapter === 'pglite' ? 'embedded' : `${hostname()}:${process.pid}:${randomUUID()}`;
    this.#lease = new Lease(store, 'pipeline', holder, LEASE_SECONDS);
    this.#accept = new Accept({
      ...{ store, rpc, ledger, organisations, modules, evaluator, keyring, clock },
      ...this.#limits,
      caughtUp: () => this.#caughtUp(),
      ownLedger: () => this.ownLedger(),
      counters: this.counters,
      onAccept: options.onAccept,
      onStored: () => this.#relayBell.ring(),
    });
    this.#indexer = new Indexer({
      ...{ store, rpc, directory, firstBlock, finality, clock },
      own: { address: ledger.address, ...modules },
      first: () => firstLedger(store, { ledger, organisations, directory, firstBlock }),
      lease: this.#lease,
      counters: this.counters,
      log: this.#log,
      emit: (event, payload) => this.#emit(event, payload),
      ...options.indexer,
    });
    this.#relay = new Relay({
      ...{ store, rpc, ledger, modules, clock },
      ownLedger: () => this.ownLedger(),
      account: keyring.relayer,
      lease: this.#lease,
      limits: this.#limits,
      counters: this.counters,
      log: this.#log,
      nudge: options.nudge ?? (() => undefined),
      final: () => this.#indexer.final,
      onHead: (head) => {
        if (this.#indexer.noteHead(head)) this.#indexBell.ring();
      },
      beforeBroadcast: options.beforeBroadcast,
    });
  }

  async start(): Promise<void> {
    if (this.#running !== null) return;
    const { store, rpc, ledger, organisations, directory, firstBlock } = this.#options;
    await checkIdentity(store, rpc, { ledger, organisations, directory, firstBlock });
    await this.#indexer.load();
    this.#stopping = false;
    for (const bell of this.#bells) bell.open();
    this.#running = Promise.all([
      this.#loop('index', this.#indexBell, () => this.#indexOnce()),
      this.#loop('relay', this.#relayBell, () => this.#relayOnce()),
      this.#loop('missing', this.#missingBell, () => this.#missingOnce()),
    ]);
  }

  async stop(): Promise<void> {
    if (this.#running === null) return;
    this.#stopping = true;
    for (const bell of this.#bells) bell.close();
    await this.#running;
    this.#running = null;
    // Who comes next need not wait for it to expire.
    await this.#lease.release().catch(() => undefined);
  }

  async accept(request: SubmissionRequest): Promise<SubmissionStatus> {
    // No promise that cannot be kept.
    if (this.#stopped !== null) throw this.#stopped;
    return this.#accept.accept(request);
  }

  status(hash: SubmissionHash): Promise<SubmissionStatus | null> {
    return this.#accept.status(hash);
  }

  async acceptAction(request: ActionRequest, module: ModuleName = 'titles'): Promise<ActionStatus> {
    if (this.#stopped !== null) throw this.#stopped;
    return this.#accept.acceptAction(request, module);
  }

  actionStatus(hash: ActionHash): Promise<ActionStatus | null> {
    return this.#accept.actionStatus(hash);
  }

  async #caughtUp(): Promise<void> {
    const { number } = await getLatestHeader(this.#options.rpc);
    const until = performance.now() + CATCH_UP_MILLISECONDS;
    this.#indexBell.ring();
    while (this.#indexer.cursor < number && this.#running !== null && performance.now() < until) {
      await sleep(CATCH_UP_POLL_MILLISECONDS);
    }
  }

  async ownLedger(): Promise<number> {
    if (this.#own !== null) return this.#own;
    const { store, ledger } = this.#options;
    const own = await ownLedger(store, ledger);
    if (own === null) {
      throw new Problem('index.otherLedger', `The index has not seen ${ledger.address} in the directory.`);
    }
    this.#own = own;
    return own;
  }

  progress(): PipelineProgress {
    const { cursor, final, head } = this.#indexer;
    return {
      indexedBlock: cursor,
      finalBlock: final.number,
      head,
      lag: Math.max(0, head - cursor),
      leading: this.#lease.held,
      stopped: this.#stopped,
      trouble: this.#trouble,
    };
  }

  async missing(limit: number): Promise<Digest[]> {
    const rows = await this.#options.store.query<{ digest: Uint8Array }>(
      'SELECT digest FROM missing_blocks ORDER BY block_number, digest LIMIT $1',
      [limit],
    );
    return rows.map(({ digest }) => toHex(digest) as Digest);
  }

  on<E extends keyof PipelineEvents>(event: E, listener: (payload: PipelineEvents[E]) => void): () => void {
    this.#events.on(event, listener);
    return () => this.#events.off(event, listener);
  }

  #emit<E extends keyof PipelineEvents>(event: E, payload: PipelineEvents[E]): void {
    if (event === 'organisations' || event === 'ledgers' || event === 'reorganised') {
      this.#accept.forgetStandings();
    }
    for (const listener of this.#events.listeners(event)) {
      try {
        listener(payload);
      } catch (error) {
        this.#log.error('A listener of the pipeline failed.', { event, error: asProblem(error).code });
      }
    }
    // A new block is what the relay waits for.
    if (event === 'block' || event === 'reorganised') this.#relayBell.ring();
  }

  /** Repeats a step until it says how long to rest; after trouble, longer and longer; after a fatal one, never. */
  async #loop(name: string, bell: Bell, step: () => Promise<number>): Promise<void> {
    let failures = 0;
    while (!this.#stopping && this.#stopped === null) {
      let pause: number;
      try {
        pause = await step();
        if (failures > 0) this.#log.info('The pipeline goes on.', { stage: name });
        if (failures > 0) this.#trouble = null;
        failures = 0;
      } catch (error) {
        const problem = asProblem(error);
        if (fatal.has(problem.code)) return this.#giveUp(name, problem);
        failures += 1;
        pause = Math.min(LONGEST_PAUSE, 50 * 2 ** Math.min(failures, 10));
        // A race that resolves itself is not worth a word.
        const harmless = problem.code === 'index.inconsistent' || problem.code === 'relay.leaseLost';
        if (!harmless) this.#trouble = problem;
        if (!harmless && failures === 1) {
          this.#log.warn('The pipeline has trouble and tries again.', {
            ...{ stage: name, code: problem.code, detail: problem.detail },
          });
        }
      }
      if (pause > 0 && !this.#stopping) await bell.rest(pause, failures > 0);
    }
  }

  #giveUp(stage: string, problem: Problem): void {
    this.#stopped = problem;
    this.#log.error('The pipeline has stopped.', { stage, code: problem.code, detail: problem.detail });
    for (const bell of this.#bells) bell.close();
    this.#emit('stopped', problem);
  }

  async #indexOnce(): Promise<number> {
    const { pollMilliseconds } = this.#limits;
    if (!(await this.#lease.hold())) return this.#follow();
    const progressed = await this.#indexer.step();
    const moved = await this.#indexer.finalise();
    const caughtUp = await this.#indexer.catchUp();
    if (progressed || caughtUp) this.#missingBell.ring();
    return progressed || moved || caughtUp ? 0 : pollMilliseconds;
  }

  /** Another process indexes: what it wrote is news here too. */
  async #follow(): Promise<number> {
    const before = this.#indexer.cursor;
    await this.#indexer.load();
    const after = this.#indexer.cursor;
    if (after < before) this.#emit('reorganised', { from: before, to: after });
    if (after > before) {
      const { store } = this.#options;
      const subjects = await store.query<{ subject: Uint8Array }>(
        'SELECT DISTINCT subject FROM links WHERE block_number > $1',
        [before],
      );
      if (subjects.length > 0) {
        this.#emit('subjects', { subjects: subjects.map(({ subject }) => toHex(subject) as Subject) });
      }
      const [block] = await store.query<{ hash: Uint8Array; timestamp: bigint }>(
        'SELECT hash, timestamp FROM chain_blocks WHERE number = $1',
        [after],
      );
      if (block !== undefined) {
        this.#emit('block', {
          number: after,
          hash: toHex(block.hash),
          timestamp: Number(block.timestamp),
        });
      }
    }
    return this.#limits.pollMilliseconds;
  }

  async #relayOnce(): Promise<number> {
    const { pollMilliseconds } = this.#limits;
    if (!this.#lease.held) return pollMilliseconds;
    switch (await this.#relay.step()) {
      case 'progressed':
        return 0;
      case 'waiting':
        return Math.max(5, pollMilliseconds / 10);
      case 'idle':
        return pollMilliseconds;
    }
  }

  /** Fetches blocks that came by another operator; those that nobody has now are asked for again later and later. */
  async #missingOnce(): Promise<number> {
    const { store, fetchMissing } = this.#options;
    const pause = Math.max(1_000, this.#limits.pollMilliseconds);
    if (fetchMissing === undefined || !this.#lease.held) return pause;
    const due = await store.query<{ digest: Uint8Array }>(
      `UPDATE missing_blocks SET attempts = attempts + 1,
              next_attempt_at = now() + ${NEXT_ATTEMPT_SECONDS} * interval '1 second'
       WHERE digest IN (SELECT digest FROM missing_blocks WHERE next_attempt_at <= now()
           AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.digest = missing_blocks.digest AND what = 'entry')
         ORDER BY next_attempt_at LIMIT ${MISSING_AT_ONCE}) RETURNING digest`,
    );
    const fetched = await Promise.all(
      due.map(async ({ digest }) => {
        const block = await fetchMissing(toHex(digest) as Digest).catch(() => null);
        return block !== null && digestOf(block).equals(digest) ? [{ digest, body: block }] : [];
      }),
    );
    const rows = fetched.flat();
    if (rows.length > 0) {
      await store.transaction(async (transaction) => {
        await holdErasures(transaction);
        const erased = await erasedOf(
          transaction,
          rows.map(({ digest }) => digest),
        );
        const wanted = rows.filter(({ digest }) => erased.get(toHex(digest))?.has('entry') !== true);
        await insertRows(transaction, 'blocks', { digest: 'bytea', body: 'bytea' }, wanted, {
          onConflict: 'DO NOTHING',
        });
        await transaction.execute('DELETE FROM missing_blocks WHERE digest = ANY($1::bytea[])', [
          rows.map(({ digest }) => digest),
        ]);
      });
    }
    return due.length === MISSING_AT_ONCE ? 0 : pause;
  }
}

/** Wakes whoever rests. One that rang while nobody did counts for the next. */
class Bell {
  #rung = false;
  #deaf = false;
  #closed = false;
  #wake: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    if (!this.#deaf) this.#wake?.();
  }

  /** Wakes also who is deaf, and lets nobody rest any more. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  open(): void {
    this.#closed = false;
  }

  /** @param deaf to whatever rings: the rest after a failure is needed */
  async rest(milliseconds: number, deaf = false): Promise<void> {
    if (!this.#closed && (!this.#rung || deaf)) {
      this.#deaf = deaf;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#rung = false;
    this.#deaf = false;
  }
}

function newCounters(): PipelineCounters {
  return {
    acceptedSubmissions: 0,
    acceptedEntries: 0,
    rejectedSubmissions: 0,
    transactionsSent: 0,
    feesRaised: 0,
    rebroadcasts: 0,
    reverted: 0,
    skipped: 0,
    anchoredSubmissions: 0,
    finalSubmissions: 0,
    indexedBlocks: 0,
    indexedLinks: 0,
    reorganisations: 0,
    missingBlocks: 0,
    milliseconds: { validate: 0, store: 0, prepare: 0, broadcast: 0, read: 0, fold: 0, write: 0 },
  };
}
