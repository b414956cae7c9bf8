import * as z from 'zod';
import type { Json } from '../../core/canonical.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import type { EffectiveEntry } from '../../core/findings/openedEntry.ts';
import type { Campaign } from '../../core/findings/recalls.ts';
import type { Caller } from '../auth/caller.ts';
import { cursor, digest, organisationId, seconds } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { createSecrets } from '../query/secrets.ts';
import { bytesOf, campaignEntries, campaignsIn, mayWarnOfAny, setEntryOf } from '../recalls/campaigns.ts';
import { progressOf, standing } from '../recalls/progress.ts';
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
    state: z.enum(['open', 'closed', 'withdrawn']),
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

async function viewOf(campaign: Campaign, { store }: Services): Promise<z.infer<typeof campaignView>> {
  const { attester, number, opening, listings, closings } = campaign;
  const bytes = bytesOf(listings.map(setEntryOf));
  const [stored, told] = await Promise.all([
    store.query<{ digest: Uint8Array }>('SELECT digest FROM sets WHERE digest = ANY($1::bytea[])', [bytes]),
    store.query<{ digest: Uint8Array }>(
      `SELECT digest FROM announcements
       WHERE digest = ANY($1::bytea[]) AND organisation = $2 AND done_at IS NOT NULL`,
      [bytes, BigInt(attester)],
    ),
  ]);
  const has = (rows: readonly { digest: Uint8Array }[], wanted: string): boolean =>
    rows.some((row) => `0x${Buffer.from(row.digest).toString('hex')}` === wanted);
  const first = (opening ?? listings[0])?.data as Readonly<Record<string, Json>> | undefined;
  const closing = closings.at(-1);
  return {
    attester,
    campaign: number,
    title: (first?.title ?? {}) as Record<string, string>,
    remedy: (first?.remedy ?? {}) as Record<string, string>,
    component: String(first?.component ?? 'other'),
    severity: String(first?.severity ?? 'unknown'),
    state: stateOf(campaign),
    opened: opening?.time ?? null,
    closed:
      closing === undefined
        ? null
        : { time: closing.time, reason: closing.data.reason, digest: closing.digest },
    entries: listings.map((entry: EffectiveEntry) => {
      const set = setEntryOf(entry);
      const members = entry.data.affectedCount;
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
            : has(stored, set)
              ? ('stored' as const)
              : ('missing' as const),
        told: has(told, set),
      };
    }),
  };
}

function stateOf(campaign: Campaign): 'open' | 'closed' | 'withdrawn' {
  if (standing(campaign).length === 0) return 'withdrawn';
  return campaign.closings.length > 0 ? 'closed' : 'open';
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
    state: z.enum(['open', 'closed', 'withdrawn']).optional(),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,2}$/)
      .transform(Number)
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
    const organisation =
      query.organisation === undefined ? {} : { organisation: BigInt(query.organisation) as OrganisationId };
    const entries = await campaignEntries(services.store, createSecrets(services.keyring), organisation);
    const { campaigns } = campaignsIn(entries);
    const sorted = campaigns
      .filter((campaign) => query.state === undefined || stateOf(campaign) === query.state)
      .toSorted((left, right) => anchored(right) - anchored(left) || (left.number < right.number ? -1 : 1));
    const start = query.cursor === undefined ? 0 : readCursor(query.cursor);
    const end = start + (query.limit ?? PAGE);
    return {
      status: 200,
      headers: { 'Cache-Control': 'no-cache' },
      body: {
        campaigns: await Promise.all(sorted.slice(start, end).map((campaign) => viewOf(campaign, services))),
        next: end < sorted.length ? `p${end}` : null,
      },
    };
  },
});

const anchored = ({ listings }: Campaign): number => listings[0]?.anchoredAt ?? 0;

function readCursor(text: string): number {
  const [, place] = /^p([0-9]{1,9})$/.exec(text) ?? [];
  if (place === undefined) throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  return Number(place);
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
    const organisation = BigInt(params.organisation) as OrganisationId;
    const entries = await campaignEntries(store, createSecrets(keyring), { organisation });
    const campaign = campaignsIn(entries).campaigns.find(({ number }) => number === params.campaign);
    if (campaign === undefined) {
      throw new Problem(
        'recall.unknown',
        'No such campaign is on the ledger, as far as it can be read here.',
      );
    }
    const progress = (await maySee(caller, campaign.attester, services))
      ? await progressOf(store, createCampaignNames(keyring), campaign)
      : null;
    return {
      status: 200,
      headers: { 'Cache-Control': 'private, no-store', Vary: 'Authorization' },
      body: { campaign: await viewOf(campaign, services), progress },
    };
  },
});

export const recallRoutes = [listRecalls, getRecall];
