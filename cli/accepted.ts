import { setTimeout as sleep } from 'node:timers/promises';
import { toHex, word } from '../core/bytes.ts';
import type { OrganisationId } from '../core/chain/types.ts';
import { decodeLedgerLog, readLogs, topics } from './chain.ts';
import { hasReached, type SubmissionStatus } from './client.ts';
import { CommandError } from './exit.ts';
import { placeOf } from './http.ts';
import type { OpenLedger } from './ledger.ts';
import { RpcRefusal } from './rpc.ts';

/** How often an endpoint that may be some blocks behind is asked, and the time between. */
const ASKED = 6;
const BETWEEN_MILLISECONDS = 1_000;

/**
 * Holds the service to what it says of a submission that is on the ledger: the signer's own endpoint has the ledger's log of
 * it, in the block that the service names. The hash in that log is of who signed and of every kind, subject and digest.
 * @throws `submission.notOnLedger` (exit 3) where it has none, by and by
 */
export async function requireAccepted(
  { address, rpc }: Pick<OpenLedger, 'address' | 'rpc'>,
  organisation: OrganisationId,
  { hash, block, state }: SubmissionStatus,
  signal: AbortSignal,
): Promise<void> {
  if (!hasReached(state, 'anchored')) return;
  const filter = { address: address.address, topics: [topics.accepted, toHex(word(organisation))] };
  for (let asked = 1; block !== undefined; asked += 1) {
    const range = { from: block.number, to: block.number };
    const logs = await readLogs(rpc, filter, range).catch((error: unknown) => {
      // A block that the endpoint does not know yet.
      if (error instanceof RpcRefusal) return [];
      throw error;
    });
    const events = logs.map(decodeLedgerLog);
    if (events.some((event) => event?.event === 'accepted' && event.submission === hash)) return;
    if (asked === ASKED) break;
    await sleep(BETWEEN_MILLISECONDS, undefined, { signal });
  }
  const text = `The service says that block ${block?.number ?? '?'} has the submission ${hash}; the chain, asked at ${placeOf(rpc.url)}, does not. Its signed promise is kept (receipts.ndjson).`;
  throw new CommandError('incomplete', 'submission.notOnLedger', text);
}
