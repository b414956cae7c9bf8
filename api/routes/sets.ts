import * as z from 'zod';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { MAX_MEMBERS } from '../../core/tree/builder.ts';
import type { Caller } from '../auth/caller.ts';
import { readBody } from '../http/body.ts';
import { digest } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { parseMember } from '../sets/bucket.ts';
import { CHUNK_BYTES, CHUNK_MEMBERS } from '../sets/uploads.ts';

const member = z.string().min(1).max(256);
const params = z.strictObject({ digest });

/** The account that gives the members. */
function attesterOf({ account }: Caller): OrganisationId {
  if (account === null) throw new Problem('auth.required', 'Sign in as the attester of the entry.');
  return account.organisation;
}

/** Most members that are given in one request. */
export const AT_ONCE = 100_000;

export const putSet = defineRoute({
  method: 'put',
  path: '/v1/sets/{digest}',
  name: 'putSet',
  tag: 'Parts',
  summary: 'Give the members of the set whose root an entry names: serials of a batch, vehicles of a recall.',
  description:
    'After its entry was accepted, by its attester. They are kept encrypted; of them the service makes each reader’s ' +
    `proof that its serial or vehicle is, or is not, in the set. Sets of more than ${AT_ONCE.toLocaleString('en-US')} come in chunks.`,
  access: 'organisation',
  params,
  body: {
    kind: 'json',
    limit: 'submissionBytes',
    schema: z.strictObject({ members: z.array(member).max(AT_ONCE) }),
  },
  responses: {
    200: {
      description: 'They are the members of the entry’s root',
      mediaType: 'application/json',
      schema: z.strictObject({ members: z.int() }),
    },
  },
  problems: [
    'set.unknownEntry',
    'set.mismatch',
    'set.memberType',
    'set.tooLarge',
    'set.tooManyUploads',
    'set.checking',
    'content.erased',
    'auth.forbidden',
    'tree.duplicate',
    'identifier.type',
  ],
  async handle({ params, body, caller }, { sets }) {
    return { status: 200, body: await sets.put(attesterOf(caller), params.digest as Digest, body.members) };
  },
});

const status = z.strictObject({
  digest,
  state: z.enum(['absent', 'receiving', 'checking', 'stored', 'failed']),
  /** How many members the entry says there are. */
  count: z.int(),
  /** How many have come. */
  members: z.int(),
  /** The chunks that have come, as ranges with both ends. */
  chunks: z.array(z.tuple([z.int(), z.int()])),
  /** Why those that had come were not the set. */
  problem: z.strictObject({ code: z.string(), facts: z.json() }).nullable(),
});

const states = { mediaType: 'application/json', schema: status } as const;

export const getSet = defineRoute({
  method: 'get',
  path: '/v1/sets/{digest}',
  name: 'getSet',
  tag: 'Parts',
  summary: 'How far a set has come that is handed over in chunks.',
  description: 'For its attester: after an interruption the chunks that are missing are sent, and no others.',
  access: 'organisation',
  params,
  responses: { 200: { description: 'How far it has come', ...states } },
  problems: ['set.unknownEntry', 'auth.forbidden'],
  async handle({ params, caller }, { sets }) {
    return { status: 200, body: await sets.status(attesterOf(caller), params.digest as Digest) };
  },
});

export const putSetChunk = defineRoute({
  method: 'put',
  path: '/v1/sets/{digest}/chunks/{number}',
  name: 'putSetChunk',
  tag: 'Parts',
  summary: 'Give some of the members of a large set, one a line.',
  description:
    `Up to ${CHUNK_MEMBERS.toLocaleString('en-US')} identifiers in printable ASCII; chunks are numbered from 0 and come in any order. The same ` +
    `number again replaces it. Up to ${MAX_MEMBERS.toLocaleString('en-US')} members. Nothing is shown of them before the set is complete; what is left alone for a ` +
    'week is thrown away.',
  access: 'organisation',
  params: z.strictObject({
    digest,
    number: z
      .string()
      .regex(/^(0|[1-9][0-9]{0,4})$/)
      .transform(Number),
  }),
  body: { kind: 'stream', mediaTypes: ['text/plain'], limit: 'submissionBytes' },
  responses: { 200: { description: 'It is kept; or the set is there already', ...states } },
  problems: [
    'set.unknownEntry',
    'set.malformed',
    'set.tooMany',
    'set.tooLarge',
    'set.tooManyUploads',
    'set.checking',
    'content.erased',
    'auth.forbidden',
    'request.tooLarge',
  ],
  async handle({ params, caller, request }, { sets }) {
    const organisation = attesterOf(caller);
    const text = await readBody(request, CHUNK_BYTES);
    return {
      status: 200,
      body: await sets.chunk(organisation, params.digest as Digest, params.number, text),
    };
  },
});

export const abandonSet = defineRoute({
  method: 'delete',
  path: '/v1/sets/{digest}/chunks',
  name: 'abandonSet',
  tag: 'Parts',
  summary: 'Throw away the chunks of a set that is not stored, to begin anew.',
  description: 'A set that is stored stays.',
  access: 'organisation',
  params,
  responses: { 200: { description: 'They are gone', ...states } },
  problems: ['set.unknownEntry', 'set.checking', 'auth.forbidden'],
  async handle({ params, caller }, { sets }) {
    return { status: 200, body: await sets.abandon(attesterOf(caller), params.digest as Digest) };
  },
});

export const completeSet = defineRoute({
  method: 'post',
  path: '/v1/sets/{digest}/complete',
  name: 'completeSet',
  tag: 'Parts',
  summary: 'Say that all chunks of a set were sent: it is checked against its root, and kept.',
  description:
    'Answers when that is done (200: `stored` or `failed`), or after some seconds (202: `checking`; ask `GET /v1/sets/{digest}`). ' +
    'Sets are checked one after the other. Only a set that is stored, whole, is shown to anybody.',
  access: 'organisation',
  params,
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({ chunks: z.int().min(0).max(10_000) }),
  },
  responses: {
    200: { description: 'It is stored, or it is not the set', ...states },
    202: { description: 'It is being checked', ...states },
  },
  problems: ['set.unknownEntry', 'set.incomplete', 'set.tooLarge', 'content.erased', 'auth.forbidden'],
  async handle({ params, body, caller }, { sets }) {
    const found = await sets.complete(attesterOf(caller), params.digest as Digest, body.chunks);
    return { status: found.state === 'checking' ? 202 : 200, body: found };
  },
});

export const listSerials = defineRoute({
  method: 'post',
  path: '/v1/serials/listed',
  name: 'listSerials',
  tag: 'Parts',
  summary: 'Which of some serials your own batches list already: to be asked before a batch is registered.',
  description:
    'Of batches of other makers nothing is told here, and of a serial that is not listed nothing either.',
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'submissionBytes',
    schema: z.strictObject({ serials: z.array(member).min(1).max(1_000) }),
  },
  responses: {
    200: {
      description: 'The serials that are listed, each with a batch',
      mediaType: 'application/json',
      schema: z.strictObject({
        listed: z.array(z.strictObject({ serial: z.string(), batch: z.string() })),
      }),
    },
  },
  problems: ['identifier.type', 'identifier.scope', 'identifier.value'],
  async handle({ body, caller }, { sets }) {
    const serials = body.serials.map((text) => parseMember(text));
    return { status: 200, body: { listed: await sets.listedBy(attesterOf(caller), serials) } };
  },
});
