import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, hasReached, isDead, type Milestone } from '../client.ts';
import { type ActionStatus, actionStatus } from './wire.ts';

const POLL_MILLISECONDS = 150;

/** Waits until an action has come as far as `milestone`, or can't any more, and gives its last state. */
export async function waitForAction(
  client: Client,
  hash: string,
  milestone: Milestone,
  signal: AbortSignal,
): Promise<ActionStatus> {
  for (;;) {
    const status = await actionStatus(client, hash);
    if (hasReached(status.state, milestone) || isDead(status.state)) return status;
    await sleep(POLL_MILLISECONDS, undefined, { signal });
  }
}
