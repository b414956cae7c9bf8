import * as z from 'zod';
import { toHex } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { EffectiveEntry } from '../../core/findings/openedEntry.ts';
import type { Campaign } from '../../core/findings/recalls.ts';
import type { Caller } from '../auth/caller.ts';
import { cursor, digest, organisationId, seconds } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { compareCampaigns, type StandingCampaign } from '../recalls/book.ts';
import { bytesOf, mayWarnOfAny, setEntryOf } from '../recalls/campaigns.ts';
import { campaignStates, progressOf } from '../recalls/progress.ts';
import { createCampaignNames } from '../recalls/register.ts';
import type { Services } from '../services.ts';

const campaignNumber = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/);
const texts = z.record(z.string(), z.string());
const count = z.int().min(0);

const listed = z.strictObject({
  digest,
  kind: z.enum(['recall.opened', 'recall.extended', 'amended']).meta({
    description: '`amended`: a correction that lists other vehicles than what it corrects',
  }),
  time: z.string(),
  anchoredAt: seconds,
  count: count
    .nullable()
    .meta({ description: 'Vehicles in its set, as the entry says; null where that is sealed' }),
  set: z
    .enum(['stored', 'missing', 'none'])
    .meta({ description: '`none`: it lists no vehicles, or seals them' }),
  told: z.boolean().meta({ description: 'Whether everybody whom it concerns was told: once it is final' }),
});

const campaignView = z
  .strictObject({
    attester: organisationId,
    campaign: campaignNumber,
    title: texts,
    remedy: texts,
    component: z.string(),
    severity: z.string(),
    state: z.enum(campaignStates),
    opened: z
      .string()
      .nullable()
      .meta({ description: 'Null where the entry that opened it can’t be read here' }),
    closed: z
      .strictObject({ time: z.string(), reason: z.string(), digest })
      .nullable()
      .meta({ description: 'A campaign that is closed leaves vehicles open that were not remedied' }),
    entries: z.array(listed),
  })
  .meta({ id: 'Campaign' });

const progressView = z.strictObject({
  affected: count,
  remedied: count,
  notNeeded: count,
  open: count,
  byMonth: z.array(z.strictObject({ month: z.string(), remedied: count, notNeeded: count })),
  ignored: count.meta({
    description:
      'Remedies of vehicles that no set lists, or from before they were listed: they count for nothing',
  }),
  complete: z
    .boolean()
    .meta({ description: 'Whether all sets are here and final: else these are the numbers of the rest' }),
});

/** What is known of the sets of some campaigns: of all of them in one go. */
async function knownOf(campaigns: readonly Campaign[], { store }: Services): Promise<Known> {
  const named = campaigns.flatMap(({ attester, listings }) =>
    listings.map((entry) => ({ attester: BigInt(attester), digest: setEntryOf(entry) })),
  );
  const rows = await store.query<{
    digest: Uint8Array;
    organisation: bigint;
    stored: boolean;
    told: boolean;
  }>(
    `SELECT named.digest, named.organisation,
       EXISTS (SELECT 1 FROM sets WHERE sets.digest = named.digest) AS stored,
       EXISTS (SELECT 1 FROM announcements a WHERE a.digest = named.digest
         AND a.organisation = named.organisation AND a.done_at IS NOT NULL) AS told
     FROM (SELECT DISTINCT * FROM unnest($1::bytea[], $2::int8[]) AS n(digest, organisation)) AS named`,
    [bytesOf(named.map(({ digest }) => digest)), named.map(({ attester }) => attester)],
  );
  return new Map(rows.map((row) => [`${row.organisation} ${toHex(row.digest)}`, row]));
}

type Known = ReadonlyMap<string, { readonly stored: boolean; readonly told: boolean }>;

function viewOf(
  { campaign, state }: Pick<StandingCampaign, 'campaign' | 'state'>,
  known: Known,
): z.infer<typeof campaignView> {
  const { attester, number, opening, listings, closings } = campaign;
  const first = (opening ?? listings[0])?.data as Readonly<Record<string, Json>> | undefined;
  const closing = closings.at(-1);
  return {
    attester,
    campaign: number,
    title: (first?.title ?? {}) as Record<string, string>,
    remedy: (first?.remedy ?? {}) as Record<string, string>,
    component: String(first?.component ?? 'other'),
    severity: String(first?.severity ?? 'unknown'),
    state,
    opened: opening?.time ?? null,
    closed:
      closing === undefined
        ? null
        : { time: closing.time, reason: closing.data.reason, digest: closing.digest },
    entries: listings.map((entry: EffectiveEntry) => {
      const set = setEntryOf(entry);
      const members = entry.data.affectedCount;
      const { stored, told } = known.get(`${attester} ${set}`) ?? { stored: false, told: false };
      return {
        digest: set,
        kind:
          set === entry.digest ? (entry.kind as 'recall.opened' | 'recall.extended') : ('amended' as const),
        time: entry.time,
        anchoredAt: entry.anchoredAt,
        count: typeof members === 'number' ? members : null,
        set:
          typeof members !== 'number' || members === 0
            ? ('none' as const)
            : stored
              ? ('stored' as const)
              : ('missing' as const),
        told,
      };
    }),
  };
}

const PAGE = 100;

export const listRecalls = defineRoute({
  method: 'get',
  path: '/v1/recalls',
  name: 'listRecalls',
  tag: 'Recalls',
  summary: 'Recall campaigns on the ledger, the newest first.',
  description:
    'As they stand on the own chains of makers, suppliers and authorities, corrections applied. Whether one concerns a vehicle ' +
    'is proven in the report of that vehicle, and nowhere else.',
  access: 'anyone',
  query: z.strictObject({
    organisation: organisationId.optional(),
    state: z.enum(campaignStates).optional(),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,2}$/)
      .transform(Number)
      .refine((value) => value <= PAGE)
      .optional(),
    cursor: cursor.optional(),
  }),
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({ campaigns: z.array(campaignView), next: z.string().nullable() }),
    },
  },
  problems: [],
  async handle({ query }, services) {
    const after = query.cursor === undefined ? null : readCursor(query.cursor);
    const limit = query.limit ?? PAGE;
    const found: StandingCampaign[] = [];
    for (const one of await services.campaigns.campaigns()) {
      if (query.organisation !== undefined && one.campaign.attester !== query.organisation) continue;
      if (query.state !== undefined && one.state !== query.state) continue;
      if (after !== null && compareCampaigns(one, after) <= 0) continue;
      found.push(one);
      if (found.length > limit) break;
    }
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const known = await knownOf(
      page.map(({ campaign }) => campaign),
      services,
    );
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-cache' },
      body: {
        campaigns: page.map((one) => viewOf(one, known)),
        next: found.length > limit && last !== undefined ? writeCursor(last) : null,
      },
    };
  },
});

/** The campaign that a page ended with: whatever is opened meanwhile, the next one begins after it. */
function writeCursor({ anchoredAt, campaign: { attester, number } }: StandingCampaign): string {
  return Buffer.from(`${anchoredAt} ${attester} ${number}`).toString('base64url');
}

function readCursor(text: string) {
  const written = Buffer.from(text, 'base64url').toString();
  const [, anchoredAt, attester, number] = /^([0-9]{1,15}) ([0-9]{1,19}) ([^ ]{1,64})$/.exec(written) ?? [];
  if (anchoredAt === undefined || attester === undefined || number === undefined) {
    throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  }
  return { anchoredAt: Number(anchoredAt), campaign: { attester, number } };
}

/** Who may see how far a campaign has come: its attester, authorities and registrars, and the operator. */
async function maySee(
  { account, operator }: Caller,
  attester: string,
  { store }: Services,
): Promise<boolean> {
  if (operator) return true;
  if (account === null) return false;
  return account.organisation.toString() === attester || mayWarnOfAny(store, account.organisation);
}

export const getRecall = defineRoute({
  method: 'get',
  path: '/v1/recalls/{organisation}/{campaign}',
  name: 'getRecall',
  tag: 'Recalls',
  summary: 'A recall campaign; and how far it has come, for its attester and for authorities.',
  description:
    'Counted from remedies on the ledger and the sets: a remedy of a vehicle that no set lists does not count. What is not ' +
    'told to the caller is null.',
  access: 'anyone',
  params: z.strictObject({ organisation: organisationId, campaign: campaignNumber }),
  responses: {
    200: {
      description: 'The campaign',
      mediaType: 'application/json',
      schema: z.strictObject({ campaign: campaignView, progress: progressView.nullable() }),
    },
  },
  problems: ['recall.unknown'],
  async handle({ params, caller }, services) {
    const { store, keyring } = services;
    const found = (await services.campaigns.campaigns()).find(
      ({ campaign: { attester, number } }) => attester === params.organisation && number === params.campaign,
    );
    if (found === undefined) {
      throw new Problem(
        'recall.unknown',
        'No such campaign is on the ledger, as far as it can be read here.',
      );
    }
    const { campaign } = found;
    const progress = (await maySee(caller, campaign.attester, services))
      ? await progressOf(store, createCampaignNames(keyring), campaign)
      : null;
    return {
      status: 200,
      headers: { 'Cache-Control': 'private, no-store', Vary: 'Authorization' },
      body: { campaign: viewOf(found, await knownOf([campaign], services)), progress },
    };
  },
});

export const recallRoutes = [listRecalls, getRecall];
