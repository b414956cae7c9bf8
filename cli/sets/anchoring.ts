import { setTimeout as sleep } from 'node:timers/promises';
import { readHeader } from '../chain.ts';
import { isDead, ServiceRefusal } from '../client.ts';
import { CommandError } from '../exit.ts';
import { isAnchored } from '../import/anchored.ts';
import type { Journal, Plan } from '../import/journal.ts';
import type { Signing } from '../signing.ts';
import { follow, freeNonce, post, type Signed, signAgain } from '../submitter.ts';

export type Anchoring = {
  readonly signing: Signing;
  readonly journal: Journal;
  readonly signal: AbortSignal;
};

const PATIENCE_MILLISECONDS = 30_000;
const RENEWED = new Set(['nonce.conflict', 'submission.expired', 'submission.deadlineTooSoon']);

/** A nonce that neither the ledger nor a plan of the journal has used. */
export async function nextNonce({ signing, journal }: Omit<Anchoring, 'signal'>): Promise<bigint> {
  let nonce = await freeNonce(signing.client, signing.signer.organisation);
  for (const { request } of journal.plans.values()) {
    const used = request === null ? 0n : BigInt(request.submission.nonce) + 1n;
    if (used > nonce) nonce = used;
  }
  return nonce;
}

/**
 * Posts what is signed until the ledger has it; what can never arrive is signed anew, the same entries.
 * @returns the plan as it is on the ledger
 * @throws {@link ServiceRefusal} for what the service will never take, `import.pending`
 */
export async function anchorPlan(anchoring: Anchoring, first: Plan): Promise<Plan> {
  const { signing, signal } = anchoring;
  const { client, ledger, signer } = signing;
  let plan = first;
  for (;;) {
    if (plan.request === null) return plan;
    const [answer] = await post(client, [{ hash: plan.hash, request: plan.request }]);
    let why: string | null = null;
    if (answer !== undefined && !answer.accepted) {
      const { problem } = answer;
      if (!RENEWED.has(problem.code)) throw new ServiceRefusal(problem.status ?? 422, problem, undefined);
      why = problem.code;
    } else {
      await follow(client, [plan.hash], 'anchored', {
        signal,
        onSettled: ({ state }) => {
          if (isDead(state)) why = state;
        },
        onUnknown: () => {
          why = 'unknown';
        },
      });
      if (why === null) return plan;
    }
    if (await isAnchored(ledger, plan.request.submission.entries, signer.organisation)) return plan;
    // A service that lost what it had accepted is sent it again.
    if (why !== 'unknown')
      plan = await renew(anchoring, plan, { hash: plan.hash, request: plan.request }, why);
  }
}

async function renew(
  anchoring: Anchoring,
  plan: Plan,
  { hash, request }: Signed,
  why: string | null,
): Promise<Plan> {
  const { signing, journal, signal } = anchoring;
  const { ledger, signer } = signing;
  const { nonce, deadline, entries } = request.submission;
  for (const started = Date.now(); ; ) {
    if (await ledger.nonceUsed(signer.organisation, BigInt(nonce))) break;
    const latest = await readHeader(ledger.rpc, 'latest');
    if (latest !== null && latest.timestamp > BigInt(deadline)) break;
    if (Date.now() - started > PATIENCE_MILLISECONDS) {
      const text = `Submission ${hash} can’t be anchored (${why}), but the chain doesn’t rule it out yet: run the command again later.`;
      throw new CommandError('incomplete', 'import.pending', text);
    }
    await sleep(500, undefined, { signal });
  }
  if (await isAnchored(ledger, entries, signer.organisation)) return plan;
  const signed = signAgain(signer, request, await nextNonce(anchoring));
  const renewed: Plan = { ...plan, ...signed };
  await journal.replace(hash, renewed);
  return renewed;
}
