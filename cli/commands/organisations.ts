import * as z from 'zod/mini';
import { type Client, createClient } from '../client.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { organisationId } from '../organisationId.ts';
import { count, printable } from '../output.ts';
import { requireUrl } from '../settings.ts';
import { nameOf, when } from './verify.ts';

const organisationSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  kinds: z.array(z.string()),
  successor: z.nullable(z.string()),
  profile: z.unknown(),
});
const pageSchema = z.looseObject({
  organisations: z.array(organisationSchema),
  next: z.nullable(z.string()),
});
const recordSchema = z.looseObject({
  ...organisationSchema.shape,
  controller: z.nullable(z.string()),
  signers: z.array(z.string()),
  record: z.array(z.looseObject({ change: z.string(), timestamp: z.int(), value: z.string() })),
});
type Organisation = z.infer<typeof organisationSchema>;

export async function listOrganisations(context: Context): Promise<Exit> {
  const { output } = context;
  const client = createClient(requireUrl(context.settings()), { signal: context.signal });
  const found = await allOrganisations(client);
  output.value(found);
  if (found.length === 0) output.line('No organisation has been admitted yet.');
  for (const { id, status, profile, kinds } of found) {
    const standing = status === 'good' ? '' : `  ${output.style.warn(status)}`;
    output.line(
      `${id.padStart(5)}  ${printable(nameOf(profile) ?? 'without a profile')}  (${count(kinds.length)} kinds)${standing}`,
    );
  }
  return 'ok';
}

async function allOrganisations(client: Client): Promise<Organisation[]> {
  const found: Organisation[] = [];
  let cursor = '';
  for (;;) {
    const page = await client.json(`/v1/organisations?limit=500${cursor}`, pageSchema);
    found.push(...page.organisations);
    if (page.next === null || page.organisations.length === 0) return found;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

export async function showOrganisation(context: Context, id: string): Promise<Exit> {
  const { output } = context;
  const client = createClient(requireUrl(context.settings()), { signal: context.signal });
  const found = await client.json(`/v1/organisations/${organisationId(id)}`, recordSchema);
  output.value(found);
  const { style } = output;
  output.line(
    `Organisation ${found.id}: ${style.bold(printable(nameOf(found.profile) ?? 'without a profile'))}`,
  );
  output.line(`  standing    ${found.status === 'good' ? 'good' : style.warn(found.status)}`);
  output.line(`  controller  ${found.controller ?? 'none'}`);
  for (const signer of found.signers) output.line(`  key         ${signer}`);
  output.line(`  kinds       ${found.kinds.join(', ') || 'none'}`);
  if (found.successor !== null) output.line(`  successor   organisation ${found.successor}`);
  output.line('  record');
  for (const { change, timestamp, value } of found.record) {
    output.line(`    ${when(timestamp)}  ${change.padEnd(14)} ${style.dim(value)}`);
  }
  output.line(style.dim('  As the service tells it; reports prove it.'));
  return 'ok';
}
