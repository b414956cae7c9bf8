import type { SubmissionHash } from '../core/chain/submission.ts';
import type { Address, Digest, LedgerAddress, Subject } from '../core/chain/types.ts';
import type { Envelope } from '../core/envelope/envelope.ts';
import type { SubmissionRequest, SubmissionStatus } from './accept/schema.ts';
import type { Rpc } from './chain/rpc.ts';
import type { Keyring } from './keyring/keyring.ts';
import type { Problem } from './problem.ts';
import type { Evaluator } from './pseudonym/evaluator.ts';
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
  progress(): PipelineProgress;
  readonly counters: PipelineCounters;
  /** Digests on the ledger whose blocks are not here. */
  missing(limit: number): Promise<Digest[]>;
  on<E extends keyof PipelineEvents>(event: E, listener: (payload: PipelineEvents[E]) => void): () => void;
}

/** Composes accept, outbox, relay and index. Does nothing until started, except to accept. */
export function createPipeline(_options: PipelineOptions): Pipeline {
  throw new Error("under construction");
}
