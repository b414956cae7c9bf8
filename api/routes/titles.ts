import * as z from 'zod';
import type { Address, Subject } from '../../core/chain/types.ts';
import {
  address,
  blockReference,
  cursor,
  decimal,
  givenHex,
  ledgerId,
  seconds,
  subject,
} from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { titleNow, titlesOf } from '../query/titles.ts';
import type { Services } from '../services.ts';
import { acceptActions, getAction } from './actions.ts';

/** The state machine's own refusals, which the module of the ledger gives too. */
const titleProblems = [
  'title.conflict',
  'title.unusedField',
  'title.wrongRevision',
  'title.notEntitled',
  'title.wrongState',
  'title.notOwner',
  'title.notBuyer',
  'title.zeroParty',
  'title.sameParty',
  'title.badDetail',
  'title.badTime',
  'title.stolen',
  'title.notStolen',
  'title.lienOpen',
  'title.noOffer',
  'title.offerOpen',
  'title.offerExpired',
  'title.noSuchLien',
  'title.notHolder',
  'title.tooManyLiens',
  'title.rankTaken',
  'title.subjectTaken',
];

export const acceptTitleActions = acceptActions({
  module: 'titles',
  path: '/v1/titles/actions',
  name: 'acceptTitleActions',
  tag: 'Titles',
  summary: 'Hand in signed actions on titles with their envelopes, one or several.',
  what: { one: 'title', of: 'vehicle', conflict: 'title.conflict' },
  problems: titleProblems,
});

export const getTitleAction = getAction({
  module: 'titles',
  path: '/v1/titles/actions/{hash}',
  name: 'getTitleAction',
  tag: 'Titles',
  summary: 'How far an action on a title has come, with the time and the evidence of each state.',
});

export const titleSchema = z
  .strictObject({
    subject,
    state: z.enum(['none', 'held', 'exported', 'scrapped', 'replaced']),
    owner: address.nullable(),
    tenure: z.int().meta({ description: 'How many keys have owned it' }),
    revision: z.int().meta({ description: 'How many actions it has seen' }),
    offer: z
      .strictObject({
        buyer: address,
        until: seconds,
        open: z.boolean().meta({ description: 'Whether it can be accepted now' }),
      })
      .nullable(),
    liens: z
      .array(
        z.strictObject({
          number: z.int(),
          holder: decimal,
          rank: z.int(),
          until: seconds,
          open: z.boolean(),
        }),
      )
      .meta({ description: 'Those that were not released; an open one blocks a sale' }),
    stolen: z.boolean(),
    brands: z.array(z.int()).meta({ description: 'AAMVA D20 codes as numbers' }),
    replaces: subject.nullable(),
    replacedBy: subject.nullable(),
    sellable: z
      .strictObject({ now: z.boolean(), obstacles: z.array(z.enum(['notHeld', 'stolen', 'lien'])) })
      .meta({ description: 'Whether it may be sold now, and what stands against it' }),
  })
  .meta({ id: 'Title' });

const nowSeconds = (): bigint => BigInt(Math.floor(Date.now() / 1000));

async function placeOf({ deployment, pipeline }: Services) {
  return {
    number: await pipeline.ownLedger(),
    ledger: { chainId: deployment.chainId, address: deployment.ledger },
    titles: deployment.titles,
  };
}

export const getTitle = defineRoute({
  method: 'get',
  path: '/v1/titles/{subject}',
  name: 'getTitle',
  tag: 'Titles',
  summary: 'May this vehicle be sold now, and if not, why? Its title, as of the last block that was read.',
  description:
    'By the subject (`POST /v1/subjects`). As the service reads it: what can be checked is the vehicle’s report, or the ' +
    'module itself. A vehicle without a title is answered too: its state is none.',
  access: 'anyone',
  params: z.strictObject({ subject: givenHex(32) }),
  responses: {
    200: {
      description: 'The title',
      mediaType: 'application/json',
      schema: titleSchema.extend({
        ledger: ledgerId,
        titles: address.meta({ description: 'The module that holds it' }),
        nextRevision: z
          .int()
          .meta({ description: 'What the next action signs: the revision after all that waits here' }),
        asOf: blockReference,
        elsewhere: z
          .array(z.strictObject({ ledger: ledgerId, state: titleSchema.shape.state }))
          .meta({ description: 'Other ledgers of the directory whose modules know this vehicle' }),
      }),
    },
  },
  problems: ['index.behind'],
  async handle({ params }, services) {
    const title = await titleNow(
      services.store,
      await placeOf(services),
      params.subject as Subject,
      nowSeconds(),
    );
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: title };
  },
});

const PAGE = 100;

export const listTitles = defineRoute({
  method: 'get',
  path: '/v1/titles',
  name: 'listTitles',
  tag: 'Titles',
  summary: 'The titles that a key owns, a page at a time; an ended one stays its last owner’s.',
  access: 'anyone',
  query: z.strictObject({
    owner: givenHex(20),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,3}$/)
      .transform(Number)
      .refine((value) => value <= 1000)
      .optional(),
    cursor: cursor.optional(),
  }),
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({
        titles: z.array(titleSchema),
        next: z.string().nullable(),
        asOf: blockReference,
      }),
    },
  },
  problems: ['index.behind'],
  async handle({ query: { owner, limit = PAGE, cursor: from } }, { store, pipeline }) {
    const after = from === undefined ? null : readCursor(from);
    const page = { after, limit: limit + 1 };
    const found = await titlesOf(store, await pipeline.ownLedger(), owner as Address, page, nowSeconds());
    const titles = found.titles.slice(0, limit);
    const last = titles.at(-1);
    const next = found.titles.length > limit && last !== undefined ? writeCursor(last.subject) : null;
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: { ...found, titles, next } };
  },
});

function writeCursor(last: Subject): string {
  return Buffer.from(last.slice(2), 'hex').toString('base64url');
}

function readCursor(text: string): Subject {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== 32) throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  return `0x${bytes.toString('hex')}` as Subject;
}
