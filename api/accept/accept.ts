import { performance } from 'node:perf_hooks';
import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { receiptHash } from '../../core/chain/receipt.ts';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import type { ActionHash } from '../../core/modules/action.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { PipelineCounters } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import type { ModulePlaces } from '../relay/actions.ts';
import type { ActionRequest, ActionStatus, ModuleName } from './actionSchema.ts';
import {
  actionToJson,
  type DecodedAction,
  decodeAction,
  hashOfAction,
  type ValidAction,
  validateAction,
} from './actions.ts';
import { decodeRequest } from './decode.ts';
import type { Receipt, SubmissionRequest, SubmissionStatus } from './schema.ts';
import { StandingCache } from './standing.ts';
import { readActionStatus, readStatuses } from './status.ts';
import { hashOf, type ValidationContext, type ValidSubmission, validate } from './validate.ts';
import { Writer, type WriterOptions } from './writer.ts';

export interface AcceptOptions
  extends WriterOptions,
    Omit<ValidationContext, 'store' | 'now' | 'onWork' | 'standings'> {
  readonly submissionBytes: number;
  /** The modules that actions go to. */
  readonly modules: ModulePlaces;
  /** Waits a while for the index to come to where the chain is now. */
  readonly caughtUp: () => Promise<void>;
  readonly counters: PipelineCounters;
  /** Told that there is something to relay. */
  readonly onStored: () => void;
}

/** The first stage: from a request to a stored submission, or action, with the operator's receipt. */
export class Accept {
  readonly #options: AcceptOptions;
  readonly #writer: Writer;
  readonly #standings = new StandingCache();

  constructor(options: AcceptOptions) {
    this.#options = options;
    this.#writer = new Writer(options);
  }

  accept(request: SubmissionRequest): Promise<SubmissionStatus> {
    return this.#counted(async (receivedAt) => {
      const { counters, ledger } = this.#options;
      const started = performance.now();
      const decoded = decodeRequest(request, this.#options.submissionBytes);
      const hash = hashOf(ledger, decoded);
      counters.milliseconds.validate += performance.now() - started;
      let submission: ValidSubmission;
      try {
        submission = await validate(decoded, hash, this.#context(receivedAt));
      } catch (error) {
        // What was accepted once gets the same answer for ever, whatever has changed since.
        const before = await this.status(hash);
        if (before !== null) return before;
        throw error;
      }
      const stored = await this.#store(submission, decoded.submission.deadline, receivedAt);
      if (stored === null) return existing(await this.status(hash));
      const { organisation, nonce } = decoded.submission;
      return { hash, organisation: organisation.toString(), nonce: nonce.toString(), ...stored };
    });
  }

  acceptAction(request: ActionRequest, module: ModuleName): Promise<ActionStatus> {
    return this.#counted(async (receivedAt) => {
      const { counters, caughtUp } = this.#options;
      const started = performance.now();
      const decoded = decodeAction(request, module);
      if (BigInt(this.#options.modules[module]) === 0n) {
        throw new Problem('action.kindNotAllowed', 'The ledger is older than this module, and has none.');
      }
      const hash = hashOfAction(this.#options, decoded);
      counters.milliseconds.validate += performance.now() - started;
      const context = { ...this.#context(receivedAt), modules: this.#options.modules };
      let valid: ValidAction;
      try {
        valid = await validateAction(decoded, hash, context).catch(async (error: unknown) => {
          // The index may be behind what somebody just did on the chain.
          if (!dependsOnIndex(error, decoded)) throw error;
          await caughtUp();
          return validateAction(decoded, hash, context);
        });
      } catch (error) {
        const before = await this.actionStatus(hash);
        if (before?.receipt !== undefined) return before;
        throw error;
      }
      const stored = await this.#store(valid, decoded.action.deadline, receivedAt);
      if (stored === null) return existing(await this.actionStatus(hash));
      return { hash, action: actionToJson(decoded.action), actor: decoded.actor, ...stored };
    });
  }

  /** The standing of organisations has changed. */
  forgetStandings(): void {
    this.#standings.clear();
  }

  async status(hash: SubmissionHash): Promise<SubmissionStatus | null> {
    const found = await readStatuses(this.#options.store, [fromHex(hash, 32)]);
    return found.get(hash) ?? null;
  }

  async actionStatus(hash: ActionHash): Promise<ActionStatus | null> {
    return readActionStatus(this.#options.store, await this.#options.ownLedger(), hash);
  }

  async #counted<Status>(work: (receivedAt: Date) => Promise<Status>): Promise<Status> {
    try {
      return await work(this.#options.clock());
    } catch (error) {
      this.#options.counters.rejectedSubmissions += 1;
      throw error;
    }
  }

  #context(receivedAt: Date): ValidationContext {
    const { counters } = this.#options;
    return {
      ...this.#options,
      standings: this.#standings,
      now: seconds(receivedAt),
      onWork: (milliseconds) => {
        counters.milliseconds.validate += milliseconds;
      },
    };
  }

  /** @returns null where it was here before, or is on the ledger already: then the store says more */
  async #store(handed: ValidSubmission | ValidAction, deadline: bigint, receivedAt: Date) {
    const { counters, keyring, ledger } = this.#options;
    const receipt = signReceipt(ledger, keyring, handed.hash, receivedAt, deadline);
    const outcome = await this.#writer.store({ handed, receivedAt, receipt });
    if (outcome !== 'known') {
      counters.acceptedSubmissions += 1;
      counters.acceptedEntries += handed.valid.length;
    }
    if (typeof outcome !== 'object') return null;
    this.#options.onStored();
    return {
      state: 'stored' as const,
      receivedAt: receivedAt.toISOString(),
      storedAt: outcome.storedAt.toISOString(),
      receipt,
    };
  }
}

function existing<Status>(status: Status | null): Status {
  if (status === null) throw new TypeError('a submission that was stored is not there');
  return status;
}

/** Whether an action may be refused for something that the index has not read yet. */
function dependsOnIndex(error: unknown, { signature }: DecodedAction): boolean {
  if (!(error instanceof VinculumError || error instanceof Problem)) return false;
  // Who executes an action itself hands in its content without a signature.
  return /^(title|part)\./.test(error.code) || (error.code === 'action.signature' && signature.length === 0);
}

const seconds = (date: Date): bigint => BigInt(Math.floor(date.getTime() / 1000));

function signReceipt(
  ledger: LedgerAddress,
  keyring: Keyring,
  hash: Hex,
  receivedAt: Date,
  anchorBy: bigint,
): Receipt {
  const submission = hash as SubmissionHash;
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
