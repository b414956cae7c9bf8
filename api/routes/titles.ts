import * as z from 'zod';
import type { Address, Subject } from '../../core/chain/types.ts';
import type { ActionHash } from '../../core/modules/action.ts';
import {
  type ActionRequest,
  actionRequestSchema,
  actionStatusSchema,
  MAX_ACTIONS,
} from '../accept/actionSchema.ts';
import { failureOf } from '../http/failure.ts';
import {
  address,
  blockReference,
  cursor,
  decimal,
  givenHex,
  ledgerId,
  problem,
  seconds,
  subject,
} from '../http/fields.ts';
import { requestIdOf } from '../http/headers.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { titleNow, titlesOf } from '../query/titles.ts';
import type { Services } from '../services.ts';

const SUBJECTS_AT_ONCE = 16;

/** In a list, what is no action is answered as such beside the others. */
const actionsBody = z.union([
  actionRequestSchema,
  z.strictObject({
    actions: z
      .array(z.union([actionRequestSchema, z.unknown()]))
      .min(1)
      .max(MAX_ACTIONS),
  }),
]);

const results = z.strictObject({
  results: z.array(z.union([z.strictObject({ action: actionStatusSchema }), z.strictObject({ problem })])),
});

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

export const acceptTitleActions = defineRoute({
  method: 'post',
  path: '/v1/titles/actions',
  name: 'acceptTitleActions',
  tag: 'Titles',
  summary: 'Hand in signed actions on titles with their envelopes, one or several.',
  description:
    'Everything is validated before the answer: as the module will, on the titles as they are and with what waits for ' +
    'them already. The answer says how far the action has come and carries the operator’s signed promise. The same ' +
    'action again gives its state today; another one for the same revision is a title.conflict. Several are answered ' +
    'each for itself, those of one vehicle in the order in which they stand.',
  access: 'anyone',
  body: { kind: 'json', schema: actionsBody, limit: 'submissionBytes', checkedByHandler: true },
  responses: {
    202: {
      description: 'Accepted: stored, and on its way to the module. Of several: all of them',
      mediaType: 'application/json',
      schema: z.union([actionStatusSchema, results]),
    },
    207: { description: 'Of several, not all were accepted', mediaType: 'application/json', schema: results },
  },
  problems: [
    'action.malformed',
    'action.tooLarge',
    'action.expired',
    'action.deadlineTooSoon',
    'action.deadlineTooFar',
    'action.signature',
    'action.unknownOrganisation',
    'action.suspended',
    'action.unknownKey',
    'action.revokedKey',
    'action.kindNotAllowed',
    ...titleProblems,
    'ledger.closed',
    'subject.mismatch',
    'block.digestMismatch',
    'block.wrongKey',
    'block.corrupt',
    'content.erased',
    'envelope.malformed',
    'envelope.unbound',
    'envelope.time',
    'kind.unknown',
    'kind.unknownVersion',
    'kind.invalidData',
    'kind.subject',
    'disclosure.unknown',
    'chain.unavailable',
  ],
  async handle({ body, response }, { pipeline }) {
    const batch = batchOf(body);
    if (batch === null) return { status: 202, body: await pipeline.acceptAction(body as ActionRequest) };
    const answers = new Array<{ action: unknown } | { problem: unknown }>(batch.length);
    const queues = [...Map.groupBy(batch.entries(), ([, request]) => subjectOf(request)).values()];
    const work = Array.from({ length: Math.min(SUBJECTS_AT_ONCE, queues.length) }, async () => {
      for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
        for (const [index, request] of queue) {
          answers[index] = await pipeline.acceptAction(request).then(
            (action) => ({ action }),
            (error: unknown) => ({ problem: failureOf(error).toJson(requestIdOf(response)) }),
          );
        }
      }
    });
    await Promise.all(work);
    const refused = answers.some((answer) => 'problem' in answer);
    return { status: refused ? 207 : 202, body: { results: answers } };
  },
});

/** Whose order a request must keep; what has no subject keeps none. */
function subjectOf(request: ActionRequest): unknown {
  const given: unknown = (request as { action?: { subject?: unknown } } | null)?.action?.subject;
  return typeof given === 'string' ? given.toLowerCase() : request;
}

/** The actions of a list, or null for a single one, whose form `acceptAction` judges. */
function batchOf(body: unknown): readonly ActionRequest[] | null {
  if (body === null || typeof body !== 'object' || !('actions' in body)) return null;
  const { actions, ...others } = body;
  if (!Array.isArray(actions) || actions.length === 0 || Object.keys(others).length > 0) {
    throw new Problem('action.malformed', 'A list is {"actions": […]}, of at least one.');
  }
  if (actions.length > MAX_ACTIONS) {
    throw new Problem('action.tooLarge', `Send at most ${MAX_ACTIONS} actions at once.`);
  }
  return actions as ActionRequest[];
}

export const getTitleAction = defineRoute({
  method: 'get',
  path: '/v1/titles/actions/{hash}',
  name: 'getTitleAction',
  tag: 'Titles',
  summary: 'How far an action on a title has come, with the time and the evidence of each state.',
  description: 'Also of one that came to the module by another way: it is here once a block has it.',
  access: 'anyone',
  params: z.strictObject({ hash: givenHex(32) }),
  responses: {
    200: { description: 'Its state', mediaType: 'application/json', schema: actionStatusSchema },
  },
  problems: ['action.unknown'],
  async handle({ params }, { pipeline }) {
    const status = await pipeline.actionStatus(params.hash as ActionHash);
    if (status === null) {
      throw new Problem('action.unknown', 'No action with this hash was handed in here or executed.');
    }
    return { status: 200, body: status };
  },
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
