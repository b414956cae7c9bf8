import { createClient, isDead, type Milestone, type SubmissionStatus } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { count, type Output } from '../output.ts';
import { requireUrl } from '../settings.ts';
import { waitFor } from '../submitter.ts';

export type StatusOptions = { readonly wait?: Milestone };

export async function statusCommand(context: Context, hash: string, options: StatusOptions): Promise<Exit> {
  const { output, signal } = context;
  if (!/^0x[0-9a-fA-F]{64}$/.test(hash)) {
    throw usageError('submission.hash', 'A submission is named by its hash: 0x and 64 hexadecimal digits.');
  }
  const client = createClient(requireUrl(context.settings()), { signal });
  const status = await waitFor(client, hash.toLowerCase(), options.wait, signal);
  output.value(status);
  showStatus(output, status);
  return isDead(status.state) ? 'failed' : 'ok';
}

const MOMENTS = [
  ['received', 'receivedAt'],
  ['stored', 'storedAt'],
  ['submitted', 'submittedAt'],
  ['anchored', 'anchoredAt'],
  ['final', 'finalAt'],
  ['ended', 'endedAt'],
] as const;

export function showStatus(output: Output, status: SubmissionStatus): void {
  const { style } = output;
  const paint = isDead(status.state) ? style.bad : style.bold;
  output.line(`Submission ${status.hash}: ${paint(status.state)}`);
  output.line(`  organisation  ${status.organisation}, nonce ${status.nonce}`);
  for (const [title, member] of MOMENTS) {
    const time = status[member];
    if (typeof time === 'string') output.line(`  ${title.padEnd(12)}  ${time}`);
  }
  if (status.block !== undefined)
    output.line(`  block         ${count(status.block.number)}, ${status.block.hash}`);
  if (status.transaction !== undefined) output.line(`  transaction   ${status.transaction}`);
  if (status.lastSkip !== undefined) output.line(`  skipped last  ${style.warn(status.lastSkip)}`);
  if (status.problem !== undefined) output.line(`  in the way    ${style.warn(status.problem)}`);
}
