import { requireAccepted } from '../accepted.ts';
import { isDead } from '../client.ts';
import { RENEWED, untilDead, unusedNonce } from '../import/again.ts';
import { isAnchored } from '../import/anchored.ts';
import type { Journal, Plan } from '../import/journal.ts';
import { refusalTo } from '../import/refused.ts';
import type { Signing } from '../signing.ts';
import { follow, type Signed, signAgain } from '../submitter.ts';

export type Anchoring = {
  readonly signing: Signing;
  readonly journal: Journal;
  readonly signal: AbortSignal;
};

/** A nonce that neither the ledger nor a plan of the journal has used. */
export async function nextNonce({ signing, journal }: Omit<Anchoring, 'signal'>): Promise<bigint> {
  return unusedNonce(signing.client, signing.signer.organisation, journal);
}

/**
 * Posts what is signed until the ledger has it; what can never arrive is signed anew, the same entries.
 * @returns the plan as it is on the ledger
 * @throws `ServiceRefusal` for what the service will never take: its plan is gone; `import.pending`;
 *   `submission.notOnLedger` where only the service says that the ledger has it
 */
export async function anchorPlan(anchoring: Anchoring, first: Plan): Promise<Plan> {
  const { signing, journal, signal } = anchoring;
  const { client, ledger, signer } = signing;
  let plan = first;
  for (;;) {
    if (plan.request === null) return plan;
    const refusal = await refusalTo({ client, ledger, journal }, { hash: plan.hash, request: plan.request });
    let why: string | null = null;
    if (refusal !== null) {
      if (!RENEWED.has(refusal.code)) {
        await journal.drop(plan.hash);
        throw refusal;
      }
      why = refusal.code;
    } else {
      await follow(client, [plan.hash], 'anchored', {
        signal,
        onSettled: async (status) => {
          if (isDead(status.state)) why = status.state;
          else await requireAccepted(ledger, signer.organisation, status, signal);
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

async function renew(anchoring: Anchoring, plan: Plan, signed: Signed, why: string | null): Promise<Plan> {
  const { signing, journal, signal } = anchoring;
  const { ledger, signer } = signing;
  const { request } = signed;
  await untilDead(ledger, signer.organisation, signed, why, signal);
  if (await isAnchored(ledger, request.submission.entries, signer.organisation)) return plan;
  const again = signAgain(signer, request, await nextNonce(anchoring));
  const renewed: Plan = { ...plan, ...again };
  await journal.replace(signed.hash, renewed);
  return renewed;
}
