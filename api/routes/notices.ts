import * as z from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Node } from '../graph/nodes.ts';
import { cursor, digest, givenIdentifier, instant } from '../http/fields.ts';
import { readIdentifier, readKnownIdentifiers, requireType } from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import { type Notice, noticeKinds, type Recipient } from '../notices/notices.ts';
import { Problem } from '../problem.ts';
import { identifierProblems } from './histories.ts';

const NOT_KEPT = { 'Cache-Control': 'private, no-store' };
const PAGE = 100;

const limit = z
  .string()
  .regex(/^[1-9][0-9]{0,3}$/)
  .transform(Number)
  .refine((value) => value <= 1000)
  .optional();

const position = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,14})$/)
  .transform(Number);

const noticeView = z
  .strictObject({
    number: z.int().min(1).meta({ description: 'Its place among yours; some numbers may be missing' }),
    kind: z.enum(noticeKinds),
    about: z.string(),
    content: z.unknown().meta({ description: 'What it says, by its kind' }),
    entry: digest.nullable().meta({ description: 'The entry that it tells of' }),
    postedAt: instant,
    readAt: instant.nullable(),
  })
  .meta({ id: 'Notice' });

const jsonOf = (notice: Notice) => ({
  ...notice,
  postedAt: notice.postedAt.toISOString(),
  readAt: notice.readAt?.toISOString() ?? null,
});

/** Whose box a caller reads. */
function recipientOf({ account, person }: Caller): Recipient {
  if (account !== null) return { organisation: account.organisation };
  if (person !== null) return { account: person.address };
  throw new Problem('auth.required', 'Sign in first.');
}

export const listNotices = defineRoute({
  method: 'get',
  path: '/v1/notices',
  name: 'listNotices',
  tag: 'Notices',
  summary:
    'What you were told: recalls and quarantines of what is yours, alerts, parts that are not what they seem.',
  description:
    'For the signed-in organisation, or the signed-in account. With `after` what came after that number, the oldest first: ' +
    'whoever keeps the last number misses nothing and gets nothing twice. Else the last ones, the newest first, and with ' +
    '`before` those before them. A notice of a campaign or a quarantine is posted once its entry is final on the ledger.',
  access: 'signedIn',
  query: z
    .strictObject({
      after: position.optional(),
      before: position.optional(),
      unread: z.enum(['true', 'false']).optional(),
      limit,
    })
    .refine(({ after, before }) => after === undefined || before === undefined, 'after or before, not both'),
  responses: {
    200: {
      description: 'A page; `more` says whether there are further ones in this direction',
      mediaType: 'application/json',
      schema: z.strictObject({
        notices: z.array(noticeView),
        unread: z.int().min(0).meta({ description: 'In the whole box' }),
        more: z.boolean(),
      }),
    },
  },
  problems: [],
  async handle({ query, caller }, { notices }) {
    const page = await notices.list(recipientOf(caller), {
      ...{ after: query.after, before: query.before, unread: query.unread === 'true' },
      limit: query.limit ?? PAGE,
    });
    return { status: 200, headers: NOT_KEPT, body: { ...page, notices: page.notices.map(jsonOf) } };
  },
});

export const readNotices = defineRoute({
  method: 'post',
  path: '/v1/notices/read',
  name: 'readNotices',
  tag: 'Notices',
  summary: 'Mark notices as read: some of them, or all up to a number.',
  access: 'signedIn',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.union([
      z.strictObject({ numbers: z.array(z.int().min(1)).min(1).max(1000) }),
      z.strictObject({ upTo: z.int().min(1) }),
    ]),
  },
  responses: {
    200: {
      description: 'How many of them were unread until now',
      mediaType: 'application/json',
      schema: z.strictObject({ read: z.int().min(0) }),
    },
  },
  problems: [],
  async handle({ body, caller }, { notices }) {
    return { status: 200, body: { read: await notices.read(recipientOf(caller), body) } };
  },
});

function organisationOf({ account }: Caller) {
  if (account === null) throw new Problem('auth.required', 'Sign in as an organisation.');
  return account.organisation;
}

const MOST_AT_ONCE = 1_000;

/** What one can be told of: not an organisation's own chain. */
const things = ['vehicle', 'batch', 'serial'] as const;

export const subscribe = defineRoute({
  method: 'post',
  path: '/v1/subscriptions',
  name: 'subscribe',
  tag: 'Notices',
  summary: 'Name vehicles, batches or parts that your organisation wants notices of.',
  description:
    'For fleets, and for whoever built a batch into something. Of a campaign that is open on a vehicle ' +
    'already it is told now. Whoever names an identifier must know it: nothing is said ' +
    'about whether it is known here. Naming one again changes nothing. A VIN whose required check digit does not hold is ' +
    'taken once a registrar has registered that very vehicle; to ask is metered.',
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({ identifiers: z.array(givenIdentifier).min(1).max(MOST_AT_ONCE) }),
  },
  responses: {
    200: {
      description: 'How many of them are new',
      mediaType: 'application/json',
      schema: z.strictObject({ added: z.int().min(0) }),
    },
  },
  problems: ['subscription.tooMany', 'rateLimit.exceeded', ...identifierProblems],
  async handle({ body, caller, response }, services) {
    const organisation = organisationOf(caller);
    const take = (lookups: number) => services.meter.take(caller, lookups, response);
    const read = await readKnownIdentifiers(body.identifiers, services, take);
    const identifiers = read.map((one) => {
      if ('refused' in one) throw one.refused;
      requireType(one.identifier, things);
      return one.identifier;
    });
    const added = await services.subscriptions.add(organisation, identifiers);
    return { status: 200, body: { added } };
  },
});

export const listSubscriptions = defineRoute({
  method: 'get',
  path: '/v1/subscriptions',
  name: 'listSubscriptions',
  tag: 'Notices',
  summary: 'What your organisation wants notices of, in no order that means anything.',
  access: 'organisation',
  query: z.strictObject({ limit, cursor: cursor.optional() }),
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({
        subscriptions: z.array(z.strictObject({ identifier: z.string(), since: instant })),
        count: z.int().min(0).meta({ description: 'Of all pages' }),
        next: z.string().nullable(),
      }),
    },
  },
  problems: [],
  async handle({ query, caller }, { subscriptions }) {
    const page = await subscriptions.list(organisationOf(caller), {
      after: query.cursor === undefined ? null : readCursor(query.cursor),
      limit: query.limit ?? PAGE,
    });
    return {
      status: 200,
      headers: NOT_KEPT,
      body: {
        ...page,
        subscriptions: page.subscriptions.map(({ identifier, since }) => ({
          identifier,
          since: since.toISOString(),
        })),
      },
    };
  },
});

function readCursor(text: string): Node {
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) {
    throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  }
  return text as Node;
}

export const unsubscribe = defineRoute({
  method: 'delete',
  path: '/v1/subscriptions/{identifier}',
  name: 'unsubscribe',
  tag: 'Notices',
  summary: 'Ask for no more notices of a vehicle, batch or part.',
  access: 'organisation',
  params: z.strictObject({ identifier: givenIdentifier }),
  responses: { 204: { description: 'It is not subscribed to (any more)' } },
  problems: identifierProblems,
  async handle({ params, caller }, { subscriptions }) {
    const identifier = readIdentifier(params.identifier, { overrideCheckDigit: true });
    await subscriptions.remove(organisationOf(caller), identifier);
    return { status: 204, empty: true };
  },
});

export const noticeRoutes = [listNotices, readNotices, subscribe, listSubscriptions, unsubscribe];
