import { ENTRY_BYTES, unpackEntries } from '../../core/chain/entry.ts';
import type { Client } from '../client.ts';
import { type ProblemDocument, ServiceRefusal, type SubmissionRequest } from '../client.ts';
import type { OpenLedger } from '../ledger.ts';
import { keepReceipts } from '../receipts.ts';
import { post, type Signed } from '../submitter.ts';
import type { Journal, JournalRow, Plan } from './journal.ts';

/*
 * What the service refuses for good was never there: who hands in again a submission that it knows is told its state. Its plan
 * is dropped, so that it stands in nobody's way, and what was not at fault in it is signed anew.
 */

const TOO_LARGE = 413;

/** Refusals of one kind of entry, whoever it is about. */
const OF_A_KIND: ReadonlySet<string> = new Set(['submission.kindNotAllowed', 'kind.unknown']);

export type Posting = {
  readonly client: Client;
  readonly ledger: Pick<OpenLedger, 'address'>;
  readonly journal: Pick<Journal, 'folder'>;
};

/** What is still to be signed of a plan. */
export type Unsigned = Pick<Plan, 'rows' | 'actions' | 'sets'> & { readonly request: SubmissionRequest };

export type Divided = { readonly refused: readonly JournalRow[]; readonly left: readonly Unsigned[] };

/**
 * Posts one submission, and keeps the operator's receipt beside the journal.
 * @returns why the service will never take it, as it is; null where it has it
 * @throws {@link ServiceRefusal} for what may pass, or is about more than this submission, such as who is signed in
 */
export async function refusalTo(
  { client, ledger, journal }: Posting,
  signed: Signed,
): Promise<ServiceRefusal | null> {
  try {
    const [answer] = await post(client, ledger.address, [signed]);
    if (answer === undefined) return null;
    if (answer.accepted) {
      await keepReceipts(journal.folder, [answer.receipt]);
      return null;
    }
    const refusal = new ServiceRefusal(answer.problem.status ?? 422, answer.problem, undefined);
    if (refusal.retryable) throw refusal;
    return refusal;
  } catch (error) {
    if (error instanceof ServiceRefusal && error.status === TOO_LARGE) return error;
    throw error;
  }
}

/**
 * Finds the rows of a plan that a refusal is about, and what is left without them. What is too large is halved.
 * @returns null where it is about all that this signer would send: a key that was revoked, a ledger that is closed
 */
export function divide(plan: Plan, { problem, status }: ServiceRefusal): Divided | null {
  const { rows, request } = plan;
  if (request === null) return null;
  if (status === TOO_LARGE) {
    if (rows.length === 1) return { refused: rows, left: [] };
    const middle = Math.ceil(rows.length / 2);
    return {
      refused: [],
      left: [part(plan, request, (row) => row < middle), part(plan, request, (row) => row >= middle)],
    };
  }
  const refused = atFault(plan, request, problem);
  if (refused.size === 0) return null;
  return {
    refused: rows.filter((_, row) => refused.has(row)),
    left: refused.size === rows.length ? [] : [part(plan, request, (row) => !refused.has(row))],
  };
}

function atFault(plan: Plan, { submission }: SubmissionRequest, problem: ProblemDocument): Set<number> {
  const entries = unpackEntries(Buffer.from(submission.entries, 'base64url'));
  const wrong = entries[Number(problem.entry ?? Number.NaN)];
  if (wrong === undefined) return new Set();
  const owners = ownersOf(plan.rows);
  const alike = entries.flatMap((entry, index) =>
    entry === wrong || (OF_A_KIND.has(problem.code) && entry.kind === wrong.kind) ? [owners[index] ?? 0] : [],
  );
  return new Set(alike);
}

/** The row of each entry. */
function ownersOf(rows: readonly JournalRow[]): number[] {
  return rows.flatMap(({ entries }, row) => new Array<number>(entries).fill(row));
}

function part(
  plan: Plan,
  { submission, contents }: SubmissionRequest,
  keep: (row: number) => boolean,
): Unsigned {
  const owners = ownersOf(plan.rows);
  const kept = (index: number): boolean => keep(owners[index] ?? 0);
  const packed = Buffer.from(submission.entries, 'base64url');
  const entries = contents.flatMap((_, index) =>
    kept(index) ? [packed.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES)] : [],
  );
  const rows = plan.rows.filter((_, row) => keep(row));
  const subjects = new Set(rows.flatMap(({ subject }) => subject ?? []));
  const digests = new Set(rows.flatMap(({ written = [] }) => written.map(({ digest }) => digest)));
  return {
    rows,
    request: {
      submission: { ...submission, entries: Buffer.concat(entries).toString('base64url') },
      contents: contents.filter((_, index) => kept(index)),
    },
    actions: plan.actions.filter(({ action }) => subjects.has(action.subject)),
    ...(plan.sets === undefined ? {} : { sets: plan.sets.filter(({ digest }) => digests.has(digest)) }),
  };
}
