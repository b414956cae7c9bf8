import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Subject } from '../../core/chain/types.ts';
import type { ModuleAddress } from '../../core/modules/action.ts';
import {
  type Client,
  hasReached,
  isDead,
  type Milestone,
  type ProblemDocument,
  ServiceRefusal,
} from '../client.ts';
import { CommandError } from '../exit.ts';
import { concurrently } from '../http.ts';
import type { Rpc } from '../rpc.ts';
import { type Actor, actionOf, hashOf, signAction } from '../titles/sign.ts';
import { readRevisions } from '../titles/title.ts';
import { type ActionRequest, type ActionStatus, actionStatus, handIn, refusalOf } from '../titles/wire.ts';

/*
 * The actions of a plan on their titles. Those of one title are good in one order only, so that its last one tells of all.
 */

export type ActionsOptions = {
  readonly client: Client;
  readonly rpc: Pick<Rpc, 'batch'>;
  readonly titles: ModuleAddress;
  /** The key of who acted, to sign anew what can't be executed any more. */
  readonly signerOf: (address: Address) => Pick<Actor, 'address' | 'secretKey'>;
  readonly wait: Milestone;
  readonly signal: AbortSignal;
};

/** What came of a plan's actions: those that will never be executed are told by their vehicle's subject. */
export type Carried = {
  readonly executed: number;
  readonly failed: ReadonlyMap<Subject, { readonly code: string; readonly message: string }>;
};

/** Actions handed in at once. */
const AT_ONCE = 200;
const POLL_MILLISECONDS = 200;
const POLLED_AT_ONCE = 4;
/** How often an endpoint that may be some blocks behind is asked, and the time between. */
const ASKED = 6;
const BETWEEN_MILLISECONDS = 1_000;
/** How long before its deadline an action is signed anew. */
const MARGIN_SECONDS = 600;
/** How long the module may refuse an action before it is given up: what it waits for comes at once or not at all. */
const PATIENCE_MILLISECONDS = 20_000;

/**
 * Hands in actions, in the order of each title, and waits until they are executed.
 * @param renew makes actions durable that were signed anew, before they are handed in
 * @throws {@link ServiceRefusal} for what is not a single title's matter, `action.notOnLedger` (exit 3) where only the
 *   service says that they were executed
 */
export async function carryOutActions(
  given: readonly ActionRequest[],
  options: ActionsOptions,
  renew: (actions: readonly ActionRequest[]) => Promise<void>,
): Promise<Carried> {
  const failed = new Map<Subject, { code: string; message: string }>();
  let actions = given;
  let executed = 0;
  for (;;) {
    if (actions.some(isStale)) {
      const open = await unexecuted(actions, options);
      executed += actions.length - open.length;
      actions = open.map((request) => (isStale(request) ? signedAnew(request, options) : request));
      await renew(actions);
    }
    const again = await handInAll(actions, options, failed);
    const settled = again ? 'again' : await followAll(actions, options, failed);
    if (settled === 'done') {
      const settledOnes = actions.filter(({ action }) => !failed.has(action.subject as Subject));
      if (hasReached(options.wait, 'anchored')) await requireAllExecuted(settledOnes, options);
      return { executed: executed + settledOnes.length, failed };
    }
    actions = actions.filter(({ action }) => !failed.has(action.subject as Subject));
    await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal });
  }
}

const seconds = (): number => Math.floor(Date.now() / 1000);
const isStale = ({ action }: ActionRequest): boolean => action.deadline < seconds() + MARGIN_SECONDS;

/** Those that their titles have not seen yet. */
async function unexecuted(
  actions: readonly ActionRequest[],
  { rpc, titles }: ActionsOptions,
): Promise<ActionRequest[]> {
  const subjects = [...new Set(actions.map(({ action }) => action.subject as Subject))];
  const revisions = await readRevisions(rpc, titles, subjects);
  const seen = new Map(subjects.map((subject, index) => [subject, revisions[index] ?? 0n]));
  return actions.filter(
    ({ action }) => BigInt(action.revision) >= (seen.get(action.subject as Subject) ?? 0n),
  );
}

/** Holds the service to what it says of actions: the chain, at the signer's own endpoint, has gone past them. */
async function requireAllExecuted(actions: readonly ActionRequest[], options: ActionsOptions): Promise<void> {
  for (let asked = 1; ; asked += 1) {
    const [open] = await unexecuted(actions, options);
    if (open === undefined) return;
    if (asked === ASKED) {
      const text = `The service says that the action ${hashOf(options.titles, open)} was executed; the chain, asked at your endpoint, does not.`;
      throw new CommandError('incomplete', 'action.notOnLedger', text);
    }
    await sleep(BETWEEN_MILLISECONDS, undefined, { signal: options.signal });
  }
}

/** The same under a later deadline; an end that would be over by then is put off as far. */
function signedAnew(request: ActionRequest, { titles, signerOf }: ActionsOptions): ActionRequest {
  const { block, key, disclosures } = request;
  const action = actionOf(request);
  const now = BigInt(seconds());
  const deadline = now + 86_400n;
  const until =
    action.until !== 0n && action.until <= deadline ? deadline + action.revision + 1n : action.until;
  const signer = { titles, ...signerOf(request.actor as Address) };
  return signAction(signer, { ...action, deadline, until }, { block, key, disclosures }).request;
}

/** @returns whether some have to be signed anew */
async function handInAll(
  actions: readonly ActionRequest[],
  options: ActionsOptions,
  failed: Map<Subject, { code: string; message: string }>,
): Promise<boolean> {
  for (let start = 0; start < actions.length; start += AT_ONCE) {
    let asked = actions.slice(start, start + AT_ONCE).filter((request) => !failed.has(subjectOf(request)));
    for (let attempt = 1; asked.length > 0; attempt++) {
      const answers = await handIn(options.client, asked);
      const later: ActionRequest[] = [];
      for (const [index, answer] of answers.entries()) {
        const request = asked[index];
        if (request === undefined || !('problem' in answer) || failed.has(subjectOf(request))) continue;
        const { problem } = answer;
        if (problem.code === 'action.expired' || problem.code === 'action.deadlineTooSoon') return true;
        if (problem.retryable === true && attempt < 5) later.push(request);
        else if (isTitles(problem.code)) failed.set(subjectOf(request), failureOf(problem));
        else throw refusalOf(problem);
      }
      asked = later;
      if (asked.length > 0) await sleep(500, undefined, { signal: options.signal });
    }
  }
  return false;
}

/** A single title's matter: somebody else acted on it meanwhile, or its envelope was erased. */
const isTitles = (code: string): boolean => code.startsWith('title.') || code === 'content.erased';
const subjectOf = ({ action }: ActionRequest): Subject => action.subject as Subject;
const failureOf = ({ code, detail, title }: ProblemDocument) => ({
  code,
  message: String(detail ?? title ?? code),
});

/**
 * Waits for the last action of each title. They are executed in about the order in which they were handed in, so that the
 * last of all is asked for first, and the others only once it is there.
 */
async function followAll(
  actions: readonly ActionRequest[],
  { client, titles, wait, signal }: ActionsOptions,
  failed: Map<Subject, { code: string; message: string }>,
): Promise<'done' | 'again'> {
  const last = new Map(actions.map((request) => [subjectOf(request), request]));
  for (const subject of failed.keys()) last.delete(subject);
  const refusedSince = new Map<Subject, number>();
  const [probe] = [...last.keys()].slice(-1);
  while (last.size > 0) {
    signal.throwIfAborted();
    const asked = [...last].filter(
      ([subject]) => probe === subject || probe === undefined || !last.has(probe),
    );
    const statuses = await concurrently(asked, POLLED_AT_ONCE, ([, request]) =>
      statusOrNull(client, hashOf(titles, request)),
    );
    let settled = 0;
    for (const [index, status] of statuses.entries()) {
      const [subject] = asked[index] ?? [];
      if (subject === undefined) continue;
      // A service that lost what it had accepted is sent it again.
      if (status === null || status.state === 'expired') return 'again';
      if (isDead(status.state)) {
        failed.set(subject, {
          code: 'title.conflict',
          message: 'Another action took the place of this one.',
        });
      } else if (!hasReached(status.state, wait)) {
        const problem = refusedFor(status, refusedSince, subject);
        if (problem === undefined) continue;
        failed.set(subject, { code: problem, message: 'Titles refuses the action.' });
      }
      last.delete(subject);
      settled += 1;
    }
    if (settled < asked.length) await sleep(POLL_MILLISECONDS, undefined, { signal });
  }
  return 'done';
}

function refusedFor(
  { problem }: ActionStatus,
  since: Map<Subject, number>,
  subject: Subject,
): string | undefined {
  if (problem === undefined || !problem.startsWith('title.')) return undefined;
  const first = since.get(subject) ?? Date.now();
  since.set(subject, first);
  return Date.now() - first > PATIENCE_MILLISECONDS ? problem : undefined;
}

async function statusOrNull(client: Client, hash: string): Promise<ActionStatus | null> {
  try {
    return await actionStatus(client, hash);
  } catch (error) {
    if (error instanceof ServiceRefusal && error.code === 'action.unknown') return null;
    throw error;
  }
}
