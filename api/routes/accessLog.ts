import * as z from 'zod';
import type { Subject } from '../../core/chain/types.ts';
import { accessEntrySchema, accessHeadSchema } from '../../core/privacy/accessLog.ts';
import { givenHex, hex, seconds } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';

const PAGE = 200;

export const getAccessLog = defineRoute({
  method: 'get',
  path: '/v1/access-log/{subject}',
  name: 'getAccessLog',
  tag: 'Privacy',
  summary:
    'Who was shown what is sealed of your vehicle, when, on what ground; with the head that the operator signs.',
  description:
    'For the owner of the title: the log of its own time, and a former owner’s up to the sale. Fold the entries from ' +
    '`from.head` (docs/protocol.md §15) until `state.length`: that they lead to `state.head` shows that none was taken ' +
    'out. Keep `state`, and hold the log to it later. That each showing was logged cannot be proven.',
  access: 'account',
  params: z.strictObject({ subject: givenHex(32) }),
  query: z.strictObject({
    tenure: z
      .string()
      .regex(/^[1-9][0-9]{0,9}$/)
      .optional()
      .meta({ description: 'Which of several times as the owner; default the last' }),
    from: z
      .string()
      .regex(/^(0|[1-9][0-9]{0,14})$/)
      .optional()
      .meta({ description: 'The position to begin at, as `next` of the page before' }),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,2}$/)
      .optional(),
  }),
  responses: {
    200: {
      description: 'A page; `next` is where the one after it begins, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({
        tenure: z.int(),
        from: z.strictObject({ position: seconds, head: hex(32) }),
        entries: z.array(accessEntrySchema),
        next: z.int().nullable(),
        state: accessHeadSchema,
      }),
    },
  },
  problems: ['access.notOwner'],
  async handle({ params, query, caller }, { accessLogs }) {
    if (caller.person === null) throw new Problem('auth.required', 'Sign in with the owner’s account.');
    const page = await accessLogs.read(params.subject as Subject, caller.person.address, {
      tenure: query.tenure === undefined ? null : BigInt(query.tenure),
      from: query.from === undefined ? null : Number(query.from),
      limit: query.limit === undefined ? PAGE : Number(query.limit),
    });
    return { status: 200, headers: { 'Cache-Control': 'private, no-store' }, body: page };
  },
});
