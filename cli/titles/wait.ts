import { setTimeout as sleep } from 'node:timers/promises';
import type { Hex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import { quantity } from '../chain.ts';
import { type Client, hasReached, isDead, type Milestone } from '../client.ts';
import { CommandError } from '../exit.ts';
import { placeOf } from '../http.ts';
import type { Rpc } from '../rpc.ts';
import { EXECUTED } from './title.ts';
import { type ActionStatus, actionStatus, type ModuleName } from './wire.ts';

const POLL_MILLISECONDS = 150;

/** How often an endpoint that may be some blocks behind is asked, and the time between. */
const ASKED = 6;
const BETWEEN_MILLISECONDS = 1_000;

/** Waits until an action has come as far as `milestone`, or can't any more, and gives its last state. */
export async function waitForAction(
  client: Client,
  hash: string,
  milestone: Milestone,
  signal: AbortSignal,
  module: ModuleName = 'titles',
): Promise<ActionStatus> {
  for (;;) {
    const status = await actionStatus(client, hash, module);
    if (hasReached(status.state, milestone) || isDead(status.state)) return status;
    await sleep(POLL_MILLISECONDS, undefined, { signal });
  }
}

/**
 * Holds the service to what it says of an action that is on the ledger: the reader's own endpoint has the log of it.
 * @throws `action.notOnLedger` (exit 3) where it has none, by and by
 */
export async function requireExecuted(
  rpc: Rpc,
  module: Address,
  { hash, block }: ActionStatus,
  signal: AbortSignal,
  topic: Hex = EXECUTED,
): Promise<void> {
  const at = quantity(block?.number ?? 0);
  const filter = { address: module, topics: [topic, null, hash], fromBlock: at, toBlock: at };
  for (let asked = 1; ; asked += 1) {
    const logs = await rpc.request('eth_getLogs', [filter]);
    if (Array.isArray(logs) && logs.length > 0) return;
    if (asked === ASKED) break;
    await sleep(BETWEEN_MILLISECONDS, undefined, { signal });
  }
  const text = `The service says that block ${block?.number ?? '?'} has the action ${hash}; the chain, asked at ${placeOf(rpc.url)}, does not.`;
  throw new CommandError('incomplete', 'action.notOnLedger', text);
}
