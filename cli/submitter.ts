import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { toBase64Url } from '../core/bytes.ts';
import { packEntries } from '../core/chain/entry.ts';
import { signSubmission, submissionHash } from '../core/chain/submission.ts';
import type { LedgerAddress, OrganisationId } from '../core/chain/types.ts';
import type { ComposedEntry } from '../core/envelope/envelope.ts';
import {
  type Client,
  hasReached,
  isDead,
  type Milestone,
  type ProblemDocument,
  ServiceRefusal,
  type SubmissionRequest,
  type SubmissionStatus,
  submissionStatus,
} from './client.ts';
import { CommandError } from './exit.ts';
import { concurrently } from './http.ts';
import { readReceipt, type SignedReceipt } from './receipts.ts';

/** How long a signed submission may wait for the ledger. */
const DEADLINE_SECONDS = 24 * 3600;

const nonceSchema = z.looseObject({ nonce: z.string().check(z.regex(/^(0|[1-9][0-9]{0,77})$/)) });
const statusSchema = z.looseObject({ hash: z.string(), state: z.string(), receipt: z.unknown() });
const problemSchema = z.looseObject({ code: z.string() });
const batchSchema = z.looseObject({
  results: z.array(
    z.union([z.looseObject({ submission: statusSchema }), z.looseObject({ problem: problemSchema })]),
  ),
});

export type Signed = { readonly hash: string; readonly request: SubmissionRequest };

export type Signer = {
  readonly ledger: LedgerAddress;
  readonly organisation: OrganisationId;
  readonly secretKey: Uint8Array;
};

/** Signs entries as one submission, ready to be posted. */
export function signEntries(
  signer: Signer,
  entries: readonly ComposedEntry[],
  nonce: bigint,
  now: number = Date.now(),
): Signed {
  const packed = packEntries(entries.map(({ entry }) => entry));
  return sign(signer, packed, nonce, now, contentsOf(entries));
}

/** The same entries under another nonce and a later deadline: the blocks stay as they are. */
export function signAgain(
  signer: Signer,
  request: SubmissionRequest,
  nonce: bigint,
  now: number = Date.now(),
): Signed {
  return sign(signer, Buffer.from(request.submission.entries, 'base64url'), nonce, now, request.contents);
}

function contentsOf(entries: readonly ComposedEntry[]): SubmissionRequest['contents'] {
  return entries.map(({ block, key, disclosures }) => ({
    block: toBase64Url(block),
    key: toBase64Url(key),
    disclosures,
  }));
}

function sign(
  { ledger, organisation, secretKey }: Signer,
  entries: Uint8Array,
  nonce: bigint,
  now: number,
  contents: SubmissionRequest['contents'],
): Signed {
  const deadline = BigInt(Math.floor(now / 1000) + DEADLINE_SECONDS);
  const submission = signSubmission(ledger, { organisation, entries, nonce, deadline }, secretKey);
  return {
    hash: submissionHash(ledger, submission),
    request: {
      submission: {
        organisation: organisation.toString(),
        signer: submission.signer,
        nonce: nonce.toString(),
        deadline: deadline.toString(),
        entries: toBase64Url(entries),
        signature: toBase64Url(submission.signature),
      },
      contents,
    },
  };
}

/** A free nonce, as far as the service knows; all above it are free too. */
export async function freeNonce(client: Client, organisation: OrganisationId): Promise<bigint> {
  const { nonce } = await client.json(`/v1/organisations/${organisation}/nonce`, nonceSchema);
  return BigInt(nonce);
}

export type Posted =
  | { readonly accepted: true; readonly receipt: SignedReceipt }
  | { readonly accepted: false; readonly problem: ProblemDocument };

/**
 * Posts signed submissions; each is answered for itself, in the same order. Posting again is harmless, and done for what
 * the service could not take just now.
 * @throws `submission.receipt` where the service takes one and signs no promise of it
 */
export async function post(
  client: Client,
  ledger: LedgerAddress,
  submissions: readonly Signed[],
  attempts = 5,
): Promise<Posted[]> {
  const answers = await postOnce(client, ledger, submissions);
  const again = submissions.filter((_, index) => isRetryable(answers[index]));
  if (again.length === 0 || attempts <= 1) return answers;
  await sleep(500);
  const later = await post(client, ledger, again, attempts - 1);
  return answers.map((answer) => (isRetryable(answer) ? (later.shift() ?? answer) : answer));
}

function isRetryable(answer: Posted | undefined): boolean {
  return answer !== undefined && !answer.accepted && answer.problem.retryable === true;
}

async function postOnce(
  client: Client,
  ledger: LedgerAddress,
  submissions: readonly Signed[],
): Promise<Posted[]> {
  const { results } = await client.json('/v1/submissions', batchSchema, {
    submissions: submissions.map(({ request }) => request),
  });
  return submissions.map(({ hash }, index): Posted => {
    const result = results[index];
    if (result !== undefined && 'problem' in result) {
      return { accepted: false, problem: result.problem as ProblemDocument };
    }
    const answered = result as { submission: { hash: string; receipt: unknown } } | undefined;
    if (answered?.submission.hash === hash) {
      return { accepted: true, receipt: readReceipt(ledger, answered.submission.receipt, hash) };
    }
    throw new CommandError(
      'failed',
      'service.otherSubmission',
      'The service answers for another submission.',
    );
  });
}

const ASKED_AT_ONCE = 8;
const POLL_MILLISECONDS = 150;

/**
 * Follows submissions until each has come as far as `milestone` or can't any more, and tells of each when it has.
 * They are asked for in their order, a few at a time: the ledger takes them in about that order too.
 */
export async function follow(
  client: Client,
  hashes: readonly string[],
  milestone: Milestone,
  options: {
    readonly signal: AbortSignal;
    readonly onSettled: (status: SubmissionStatus) => Promise<void> | void;
    readonly onChange?: (status: SubmissionStatus) => void;
    /** The service does not know it. Absent: that is an error. */
    readonly onUnknown?: (hash: string) => void;
  },
): Promise<void> {
  let open = [...hashes];
  while (open.length > 0) {
    options.signal.throwIfAborted();
    const asked = open.slice(0, ASKED_AT_ONCE);
    const statuses = await concurrently(asked, 4, (hash) => statusOrNull(client, hash));
    const settled = new Set<string>();
    for (const [index, status] of statuses.entries()) {
      if (status === null) {
        const hash = asked[index] ?? '';
        if (options.onUnknown === undefined) throw unknownSubmission(hash);
        settled.add(hash);
        options.onUnknown(hash);
        continue;
      }
      options.onChange?.(status);
      if (!hasReached(status.state, milestone) && !isDead(status.state)) continue;
      settled.add(status.hash);
      await options.onSettled(status);
    }
    open = open.filter((hash) => !settled.has(hash));
    if (settled.size < asked.length && open.length > 0) {
      await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal });
    }
  }
}

/** Waits until one submission has come as far as `milestone`, or can't any more, and gives its last state. */
export async function waitFor(
  client: Client,
  hash: string,
  milestone: Milestone | undefined,
  signal: AbortSignal,
): Promise<SubmissionStatus> {
  const status = await submissionStatus(client, hash);
  if (milestone === undefined) return status;
  const last = [status];
  await follow(client, [hash], milestone, {
    signal,
    onSettled: (settled) => {
      last.push(settled);
    },
  });
  return last.at(-1) ?? status;
}

async function statusOrNull(client: Client, hash: string): Promise<SubmissionStatus | null> {
  try {
    return await submissionStatus(client, hash);
  } catch (error) {
    if (error instanceof ServiceRefusal && error.code === 'submission.unknown') return null;
    throw error;
  }
}

function unknownSubmission(hash: string): CommandError {
  return new CommandError(
    'refused',
    'submission.unknown',
    `The service does not know the submission ${hash}.`,
  );
}
