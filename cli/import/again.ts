import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import type { OrganisationId } from '../../core/chain/types.ts';
import { readHeader } from '../chain.ts';
import type { Client } from '../client.ts';
import { CommandError } from '../exit.ts';
import type { OpenLedger } from '../ledger.ts';
import { freeNonce, type Signed } from '../submitter.ts';
import type { Journal, Plan } from './journal.ts';

/* What every import does that signs what it may have to sign anew. */

/** Refusals of a submission that can be signed anew: nothing is wrong with its entries. */
export const RENEWED: ReadonlySet<string> = new Set([
  'nonce.conflict',
  'submission.expired',
  'submission.deadlineTooSoon',
]);

/** How long the chain may take to rule a submission out. */
const PATIENCE_MILLISECONDS = 30_000;
const POLL_MILLISECONDS = 500;

/**
 * Waits until a submission can never take effect: its nonce is used, or its deadline has passed on the chain. Until then it
 * is out of its signer's hands.
 * @throws `import.pending`
 */
export async function untilDead(
  ledger: OpenLedger,
  organisation: OrganisationId,
  { hash, request }: Signed,
  why: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { nonce, deadline } = request.submission;
  for (const started = Date.now(); ; ) {
    if (await ledger.nonceUsed(organisation, BigInt(nonce))) return;
    const latest = await readHeader(ledger.rpc, 'latest');
    if (latest !== null && latest.timestamp > BigInt(deadline)) return;
    if (Date.now() - started > PATIENCE_MILLISECONDS) {
      const text = `Submission ${hash} can’t be anchored (${why}), but the chain doesn’t rule it out yet: run the same command again later.`;
      throw new CommandError('incomplete', 'import.pending', text);
    }
    await sleep(POLL_MILLISECONDS, undefined, { signal });
  }
}

/** A nonce that neither the ledger nor a plan of the journal has used; all above it are free too. */
export async function unusedNonce(
  client: Client,
  organisation: OrganisationId,
  journal: Pick<Journal, 'plans'>,
): Promise<bigint> {
  let nonce = await freeNonce(client, organisation);
  for (const { request } of journal.plans.values()) {
    const used = request === null ? 0n : BigInt(request.submission.nonce) + 1n;
    if (used > nonce) nonce = used;
  }
  return nonce;
}

export function entriesOf({ rows }: Pick<Plan, 'rows'>): number {
  return rows.reduce((sum, row) => sum + row.entries, 0);
}

/** What the service answers of identifiers: the operators' proof of each subject, or why there is none. */
export const evaluatedSchema = z.looseObject({
  results: z.array(
    z.union([
      z.looseObject({
        subject: z.string(),
        transcript: z.looseObject({ evaluated: z.string(), proof: z.string() }),
      }),
      z.looseObject({ problem: z.looseObject({ code: z.string(), detail: z.optional(z.string()) }) }),
    ]),
  ),
});

/** A file of notes, for nobody but who imports. */
export async function openNotes(file: string): Promise<FileHandle> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  return open(file, 'w', 0o600);
}
