import { performance } from 'node:perf_hooks';
import { fromHex, toHex } from '../../core/bytes.ts';
import { receiptHash } from '../../core/chain/receipt.ts';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { PipelineCounters } from '../pipeline.ts';
import { decodeRequest } from './decode.ts';
import type { Receipt, SubmissionRequest, SubmissionStatus } from './schema.ts';
import { StandingCache } from './standing.ts';
import { readStatuses } from './status.ts';
import { hashOf, type ValidationContext, type ValidSubmission, validate } from './validate.ts';
import { Writer, type WriterOptions } from './writer.ts';

export interface AcceptOptions
  extends WriterOptions,
    Omit<ValidationContext, 'store' | 'now' | 'onWork' | 'standings'> {
  readonly submissionBytes: number;
  readonly counters: PipelineCounters;
  /** Told that there is something to relay. */
  readonly onStored: () => void;
}

/** The first stage: from a request to a stored submission with the operator's receipt. */
export class Accept {
  readonly #options: AcceptOptions;
  readonly #writer: Writer;
  readonly #standings = new StandingCache();

  constructor(options: AcceptOptions) {
    this.#options = options;
    this.#writer = new Writer(options);
  }

  async accept(request: SubmissionRequest): Promise<SubmissionStatus> {
    try {
      return await this.#accept(request);
    } catch (error) {
      this.#options.counters.rejectedSubmissions += 1;
      throw error;
    }
  }

  /** The standing of organisations has changed. */
  forgetStandings(): void {
    this.#standings.clear();
  }

  async status(hash: SubmissionHash): Promise<SubmissionStatus | null> {
    const found = await readStatuses(this.#options.store, [fromHex(hash, 32)]);
    return found.get(hash) ?? null;
  }

  async #accept(request: SubmissionRequest): Promise<SubmissionStatus> {
    const { counters, keyring, ledger, clock } = this.#options;
    const receivedAt = clock();
    const started = performance.now();
    const decoded = decodeRequest(request, this.#options.submissionBytes);
    const hash = hashOf(ledger, decoded);
    counters.milliseconds.validate += performance.now() - started;
    let submission: ValidSubmission;
    try {
      submission = await validate(decoded, hash, {
        ...this.#options,
        standings: this.#standings,
        now: seconds(receivedAt),
        onWork: (milliseconds) => {
          counters.milliseconds.validate += milliseconds;
        },
      });
    } catch (error) {
      // What was accepted once gets the same answer for ever, whatever has changed since.
      const before = await this.status(hash);
      if (before !== null) return before;
      throw error;
    }
    const receipt = signReceipt(ledger, keyring, hash, receivedAt, decoded.submission.deadline);
    const outcome = await this.#writer.store({ submission, receivedAt, receipt });
    if (outcome !== 'known') {
      counters.acceptedSubmissions += 1;
      counters.acceptedEntries += submission.entries.length;
    }
    if (typeof outcome === 'object') {
      this.#options.onStored();
      const { organisation, nonce } = decoded.submission;
      return {
        hash,
        organisation: organisation.toString(),
        nonce: nonce.toString(),
        state: 'stored',
        receivedAt: receivedAt.toISOString(),
        storedAt: outcome.storedAt.toISOString(),
        receipt,
      };
    }
    const status = await this.status(hash);
    if (status === null) throw new TypeError('a submission that was stored is not there');
    return status;
  }
}

const seconds = (date: Date): bigint => BigInt(Math.floor(date.getTime() / 1000));

function signReceipt(
  ledger: LedgerAddress,
  keyring: Keyring,
  submission: SubmissionHash,
  receivedAt: Date,
  anchorBy: bigint,
): Receipt {
  const promise = { submission, receivedAt: seconds(receivedAt), anchorBy };
  const signature = keyring.operator.sign(fromHex(receiptHash(ledger, promise), 32));
  return {
    submission,
    receivedAt: Number(promise.receivedAt),
    anchorBy: Number(anchorBy),
    operator: keyring.operator.address,
    signature: toHex(signature),
  };
}
