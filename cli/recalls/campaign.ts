import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { fromBase64Url, toBase64Url } from '../../core/bytes.ts';
import { canonicalJson, type Json } from '../../core/canonical.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { secureRandom } from '../../core/envelope/block.ts';
import { type ComposedEntry, composeEntry, openEnvelope, type Target } from '../../core/envelope/envelope.ts';
import { type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { isOpenContent, parseReport } from '../../core/report/report.ts';
import { createSetBuilder } from '../../core/tree/builder.ts';
import { type SetProof, verifyProof } from '../../core/tree/proof.ts';
import { type Client, reportPath, ServiceRefusal } from '../client.ts';
import type { ListedDocuments } from '../documents.ts';
import { CommandError } from '../exit.ts';
import type { Journal, JournalRow, Plan } from '../import/journal.ts';
import { anchorPlan, nextNonce } from '../sets/anchoring.ts';
import { uploadSet } from '../sets/upload.ts';
import type { Signing } from '../signing.ts';
import { signEntries } from '../submitter.ts';

/** An entry about a campaign, as its attester says it. */
export type Statement = {
  /** What it is in the journal: said again, it is the same. */
  readonly name: string;
  readonly kind: 'recall.opened' | 'recall.extended' | 'recall.closed' | 'recall.remedied';
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
  /** What else it is known by: how the vehicles were selected. */
  readonly selection: Json;
  readonly target: Target;
  /** Uploaded for it, each time under another name: no part of what it is known by. */
  readonly documents?: ListedDocuments;
};

export type Stage = 'hashing' | 'anchoring' | 'sending' | 'checking';

export type StateOptions = {
  readonly journal: Journal;
  readonly signal: AbortSignal;
  readonly onProgress?: (stage: Stage, done: number, total?: number) => void;
};

export type Stated = {
  readonly digest: string;
  readonly count: number | null;
  readonly root: string | null;
  /** It was there already, by an earlier run. */
  readonly alreadyThere: boolean;
  /** An earlier run that was interrupted was finished. */
  readonly resumed: boolean;
};

/** The journal's name of an opening: of one organisation there is one campaign of a number. */
export const openingName = (organisation: OrganisationId, campaign: string): string =>
  `recall:${organisation}/${campaign}`;

/** What a statement is known by, but for when it is said. */
export function contentOf({ data, sealed, selection, kind }: Omit<Statement, 'name' | 'target'>): string {
  const all = { kind, data, sealed, selection } as unknown as Json;
  return createHash('sha256').update(canonicalJson(all)).digest('hex');
}

/** What an earlier run has begun or done of a statement; null for nothing. @throws `recall.campaignUsed` */
export function earlier(journal: Journal, statement: Statement): 'done' | 'begun' | null {
  const known = journal.find(statement.name);
  if (known === null) return null;
  if (known.content !== contentOf(statement)) {
    const what = known.state === 'done' ? 'is on the ledger' : 'is under way';
    throw new CommandError(
      'failed',
      'recall.campaignUsed',
      `Campaign ${String(statement.data.campaign)} ${what} with other content: extend it, or take another number.`,
    );
  }
  return known.state === 'done' ? 'done' : 'begun';
}

/** Goes on with what an earlier run has begun, wherever it was interrupted. */
export async function resume(signing: Signing, statement: Statement, options: StateOptions): Promise<Stated> {
  const row = options.journal.row({ identifier: statement.name });
  const plan = [...options.journal.plans.values()].find(({ rows }) =>
    rows.some(({ identifier }) => identifier === statement.name),
  );
  if (plan !== undefined) return finish(signing, plan, options, true);
  const digest = row?.written?.[0]?.digest ?? '';
  return { digest, count: null, root: null, alreadyThere: true, resumed: false };
}

/**
 * Puts a statement on the ledger, and the vehicles that it lists with the service. What is signed is in the journal, with its
 * vehicles, before it can exist anywhere else, and stays there until the service has them.
 * @param vehicles null where it lists none
 */
export async function state(
  signing: Signing,
  statement: Statement,
  vehicles: readonly string[] | null,
  options: StateOptions,
): Promise<Stated> {
  const { journal, onProgress } = options;
  const set = vehicles === null ? {} : setOf(vehicles, onProgress);
  const { ledger, signer } = signing;
  const { kind, time, data, sealed, target, name, documents } = statement;
  const entry: ComposedEntry = composeEntry(ledger.address, signer.organisation, target, {
    ...{ kind, time },
    data: { ...data, ...set, ...documents?.data },
    sealed: { ...sealed, ...documents?.sealed },
  });
  const { digest } = entry.entry;
  const row: JournalRow = {
    ...{ identifier: name, content: contentOf(statement), entries: 1 },
    written: [{ identifier: name, kind, kindVersion: 1, digest }],
  };
  const signed = signEntries(signer, [entry], await nextNonce({ signing, journal }));
  const plan: Plan = {
    ...{ vinculum: 'import-plan/1', ...signed, rows: [row], actions: [] },
    ...(vehicles === null || vehicles.length === 0 ? {} : { sets: [{ digest, members: vehicles }] }),
  };
  await journal.plan(plan);
  return finish(signing, plan, options, false);
}

function setOf(
  vehicles: readonly string[],
  onProgress: StateOptions['onProgress'],
): Readonly<Record<string, Json>> {
  const treeKey = secureRandom(32);
  onProgress?.('hashing', 0, vehicles.length);
  const builder = createSetBuilder(treeKey, { expected: Math.max(1, vehicles.length) });
  for (const vehicle of vehicles) builder.add(parseIdentifier(vehicle, { overrideCheckDigit: true }));
  const { root, count } = vehicles.length === 0 ? { root: EMPTY_ROOT, count: 0 } : builder.finish();
  onProgress?.('hashing', count, count);
  return { affectedRoot: root, affectedCount: count, treeKey: toBase64Url(treeKey) };
}

/** Of the set of nothing. */
const EMPTY_ROOT = `0x${'00'.repeat(32)}`;

/** From what is signed to what is stored. */
async function finish(
  signing: Signing,
  first: Plan,
  options: StateOptions,
  resumed: boolean,
): Promise<Stated> {
  const { journal, signal, onProgress } = options;
  onProgress?.('anchoring', 0);
  const plan = await anchorPlan({ signing, journal, signal }, first);
  const digest = plan.rows[0]?.written?.[0]?.digest ?? '';
  const [content] = plan.request?.contents ?? [];
  const data =
    content === undefined ? {} : openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key)).data;
  for (const set of plan.sets ?? []) {
    const total = set.members.length;
    await uploadSet(signing.client, set.digest, set.members, {
      signal,
      onProgress: (members, stage) => onProgress?.(stage, members, total),
    });
  }
  await journal.finish(plan.hash);
  const { affectedCount: count, affectedRoot: root } = data;
  return {
    ...{ digest, resumed, alreadyThere: false },
    count: typeof count === 'number' ? count : null,
    root: typeof root === 'string' ? root : null,
  };
}

const campaignSchema = z.looseObject({
  attester: z.string(),
  campaign: z.string(),
  title: z.record(z.string(), z.string()),
  severity: z.string(),
  state: z.string(),
  opened: z.nullable(z.string()),
  closed: z.nullable(z.looseObject({ time: z.string(), reason: z.string() })),
  entries: z.array(
    z.looseObject({
      digest: z.string(),
      kind: z.string(),
      time: z.string(),
      count: z.nullable(z.int()),
      set: z.string(),
      told: z.boolean(),
    }),
  ),
});
const progressSchema = z.looseObject({
  affected: z.int(),
  remedied: z.int(),
  notNeeded: z.int(),
  open: z.int(),
  ignored: z.int(),
  complete: z.boolean(),
  byMonth: z.array(z.looseObject({ month: z.string(), remedied: z.int(), notNeeded: z.int() })),
});
const answerSchema = z.looseObject({ campaign: campaignSchema, progress: z.nullable(progressSchema) });
const listSchema = z.looseObject({ campaigns: z.array(campaignSchema), next: z.nullable(z.string()) });

export type CampaignView = z.output<typeof campaignSchema>;
export type ProgressView = z.output<typeof progressSchema>;

/** A campaign as the service tells of it; null where it knows none. */
export async function campaignOf(
  client: Client,
  organisation: string,
  campaign: string,
): Promise<z.output<typeof answerSchema> | null> {
  const path = `/v1/recalls/${organisation}/${encodeURIComponent(campaign)}`;
  return client.json(path, answerSchema).catch((error: unknown) => {
    if (error instanceof ServiceRefusal && error.code === 'recall.unknown') return null;
    throw error;
  });
}

export async function campaignsOf(client: Client, organisation: string | undefined): Promise<CampaignView[]> {
  const found: CampaignView[] = [];
  let next: string | null = null;
  do {
    const query = new URLSearchParams({
      ...(organisation === undefined ? {} : { organisation }),
      ...(next === null ? {} : { cursor: next }),
    });
    const page: z.output<typeof listSchema> = await client.json(`/v1/recalls?${query}`, listSchema);
    found.push(...page.campaigns);
    next = page.next;
  } while (next !== null);
  return found;
}

/** That an entry of a campaign lists a vehicle, as its report proves. */
export type Listed = { readonly digest: Digest; readonly root: string; readonly proof: SetProof };

/** What lists a vehicle in a campaign, each with its proof, by the vehicle's report. */
export async function listingsOf(
  client: Client,
  vehicle: Identifier,
  attester: string,
  campaign: string,
): Promise<{ readonly listed: Listed[]; readonly known: boolean }> {
  const answer = await client.bytes(reportPath(vehicle), { headers: { accept: 'application/json' } });
  const report = parseReport(Buffer.from(answer.body).toString('utf8'));
  const listed: Listed[] = [];
  let known = false;
  for (const { ownChains } of report.ledgers) {
    for (const link of ownChains.find(({ organisation }) => organisation === attester)?.links ?? []) {
      const content = report.contents[link.digest];
      if (!isOpenContent(content) || !LISTING.has(link.kind)) continue;
      const data = namedBy(openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key)).data);
      if (data.campaign !== campaign) continue;
      known = true;
      const { affectedRoot: root, treeKey } = data;
      if (typeof root !== 'string' || typeof treeKey !== 'string' || content.setProof === undefined) continue;
      const state = verifyProof(root as `0x${string}`, fromBase64Url(treeKey), vehicle, content.setProof);
      if (state === 'in')
        listed.push({ digest: link.digest as Digest, root, proof: content.setProof as SetProof });
    }
  }
  return { listed, known };
}

const LISTING: ReadonlySet<number> = new Set([80, 81, 120]);

/** What an entry, or the correction of one, says of a campaign. */
function namedBy(data: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return typeof data.data === 'object' && data.data !== null && !Array.isArray(data.data)
    ? (data.data as Readonly<Record<string, Json>>)
    : data;
}
