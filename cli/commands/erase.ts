import { writeFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { erasureReceiptSchema } from '../../core/privacy/erasure.ts';
import { type Client, createClient } from '../client.ts';
import type { Context } from '../context.ts';
import { type Exit, usageError } from '../exit.ts';
import { count, counted, type Output } from '../output.ts';
import { operatorToken, requireUrl } from '../settings.ts';

export type EraseOptions = {
  readonly field?: readonly string[];
  readonly document?: string;
  readonly entry?: string;
  readonly vehicle?: string;
  readonly retention?: boolean;
  readonly basis?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly output?: string;
};

const itemSchema = z.looseObject({
  digest: z.string(),
  what: z.string(),
  kind: z.nullable(z.string()),
  organisation: z.nullable(z.string()),
  block: z.optional(z.nullable(z.int())),
  fields: z.optional(z.array(z.string())),
  members: z.optional(z.boolean()),
  bytes: z.optional(z.nullable(z.int())),
});
const keptSchema = z.looseObject({
  what: z.string(),
  count: z.optional(z.int()),
  names: z.optional(z.array(z.string())),
});
const outcomeSchema = z.looseObject({
  plan: z.looseObject({
    id: z.string(),
    goes: z.array(itemSchema),
    stays: z.array(keptSchema),
    stores: z.array(z.string()),
  }),
  receipts: z.array(erasureReceiptSchema),
});
type Outcome = z.output<typeof outcomeSchema>;

const dueSchema = z.looseObject({
  fields: z.array(z.looseObject({ digest: z.string(), what: z.string(), kind: z.string(), days: z.int() })),
  more: z.boolean(),
  accessEntries: z.int(),
  consents: z.int(),
  apiKeys: z.int(),
  notices: z.int(),
  scans: z.int(),
  alertLinks: z.int(),
});

/** Rewriting a large store takes its time. */
const TIMEOUT_MILLISECONDS = 3_600_000;

/** Shows what an erasure would destroy and what would stay; with `--yes` exactly that is done. */
export async function eraseCommand(context: Context, options: EraseOptions): Promise<Exit> {
  if (options.yes === true && options.dryRun === true) {
    throw usageError('erase.both', 'Say --dry-run or --yes, not both.');
  }
  const target = targetOf(options);
  const settings = context.settings();
  const client = createClient(requireUrl(settings), {
    token: operatorToken(settings),
    signal: context.signal,
    timeoutMilliseconds: TIMEOUT_MILLISECONDS,
    // What was cut off may still be running there: whoever asked decides whether to ask again.
    attempts: 1,
  });
  if (target === 'retention') return eraseDue(context, client, options);
  const { output } = context;
  const { basis } = options;
  if (options.yes === true && basis === undefined) {
    throw usageError('erase.basis', 'Say why: --basis request, objection, unlawful, retention or legalDuty.');
  }
  const body = { target, basis: basis ?? 'request' };
  const found = await client.json('/v1/erasures', outcomeSchema, { ...body, dryRun: true });
  showPlan(output, found);
  if (options.yes !== true || found.plan.goes.length === 0) {
    output.value({ dryRun: options.yes !== true, ...found });
    if (found.plan.goes.length > 0)
      output.line('Nothing was done. To do it, say the same with --yes and --basis.');
    await writeReceipts(options, found);
    return 'ok';
  }
  const done = await client.json('/v1/erasures', outcomeSchema, {
    ...body,
    dryRun: false,
    plan: found.plan.id,
  });
  output.value({ dryRun: false, ...done });
  output.line(output.style.good(`Destroyed. ${counted(done.receipts.length, 'receipt')}:`));
  for (const receipt of done.receipts) {
    output.line(`  ${receipt.digest}  ${receipt.what}  ${receipt.basis}  ${timeOf(receipt.erasedAt)}`);
  }
  await writeReceipts(options, done);
  return 'ok';
}

function targetOf({ field, document, entry, vehicle, retention }: EraseOptions) {
  const given = [field, document, entry, vehicle, retention === true ? retention : undefined];
  if (given.filter((value) => value !== undefined).length !== 1) {
    throw usageError(
      'erase.target',
      'Say what: --field, --document, --entry, --vehicle or --retention; one of them.',
    );
  }
  if (field !== undefined) {
    const [digest, name] = field;
    if (digest === undefined || name === undefined || field.length !== 2) {
      throw usageError('erase.target', 'A field is named by its entry and itself: --field 0x… technician.');
    }
    return { field: { digest, name } };
  }
  if (document !== undefined) return { document };
  if (entry !== undefined) return { entry };
  return vehicle === undefined ? 'retention' : { vehicle };
}

function showPlan(output: Output, { plan, receipts }: Outcome): void {
  const { style } = output;
  if (plan.goes.length === 0) {
    output.line(`Nothing is left to destroy: ${counted(receipts.length, 'receipt')} from before.`);
    for (const receipt of receipts)
      output.line(`  ${receipt.digest}  ${receipt.what}  ${timeOf(receipt.erasedAt)}`);
    return;
  }
  output.line(style.bold('Goes, for good:'));
  for (const item of plan.goes) {
    const attester = item.organisation === null ? '' : ` of organisation ${item.organisation}`;
    const what =
      item.what === 'entry' ? `${item.kind ?? 'entry that is not on the ledger'}${attester}` : item.what;
    output.line(`  ${item.digest}  ${what}`);
    const parts = [
      ...(item.block === undefined || item.block === null
        ? []
        : [`block of ${count(item.block)} bytes`, 'key']),
      ...(item.fields === undefined || item.fields.length === 0 ? [] : [`sealed: ${item.fields.join(', ')}`]),
      ...(item.members === true ? ['members of its set'] : []),
      ...(item.bytes === undefined || item.bytes === null ? [] : [`document of ${count(item.bytes)} bytes`]),
    ];
    if (parts.length > 0) output.line(`      ${parts.join(' · ')}`);
  }
  output.line(`From the database${plan.stores.map((name) => `, ${name}`).join('')}.`);
  output.line(style.bold('Stays:'));
  for (const kept of plan.stays) output.line(`  ${STAYS[kept.what]?.(kept) ?? kept.what}`);
}

type Kept = z.output<typeof keptSchema>;
const names = (kept: Kept) => (kept.names ?? []).join(', ');

/** What does not go, in words. */
const STAYS: Readonly<Record<string, (kept: Kept) => string>> = {
  links: ({ count: links = 0 }) =>
    `${counted(links, 'link')} on the ledger: who attested what kind of entry, and when; all proofs of everything else`,
  identifier: (kept) => `the identifier ${names(kept)} is still evaluated; new entries go on`,
  document: (kept) => `documents that another entry has, too: ${names(kept)}`,
  bound: (kept) =>
    `entries linked here whose content is another’s, or cannot be told to be this one’s: ${names(kept)}`,
  amendments: (kept) => `corrections, each an entry with content of its own: ${names(kept)}`,
  elsewhere: () =>
    'what was handed out before: reports, copies at other operators and IPFS nodes, old backups',
};

async function eraseDue({ output }: Context, client: Client, options: EraseOptions): Promise<Exit> {
  const dryRun = options.yes !== true;
  const due = await client.json('/v1/operator/retention', dueSchema, { dryRun });
  output.value({ dryRun, ...due });
  output.line(output.style.bold(dryRun ? 'Past its time:' : 'Destroyed:'));
  for (const { digest, what, kind, days } of due.fields) {
    output.line(`  ${digest}  ${what}  (${kind}: ${count(days)} days)`);
  }
  const records = [
    counted(due.accessEntries, 'entry of access logs', 'entries of access logs'),
    counted(due.consents, 'consent'),
    counted(due.apiKeys, 'API key'),
    counted(due.notices, 'notice'),
    counted(due.scans, 'hour of scans', 'hours of scans'),
    counted(due.alertLinks, 'link of an alert', 'links of alerts'),
  ];
  output.line(`  ${counted(due.fields.length, 'sealed field')}, ${records.join(', ')}`);
  if (due.more) output.line('There are more fields: do it again.');
  if (dryRun) output.line('Nothing was done. The service does it by itself; to do it now, say --yes.');
  return 'ok';
}

async function writeReceipts({ output }: EraseOptions, { receipts }: Outcome): Promise<void> {
  if (output === undefined) return;
  await writeFile(output, `${JSON.stringify(receipts, null, 2)}\n`, { mode: 0o600 });
}

const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
