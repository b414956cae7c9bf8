import * as z from 'zod';
import { decimal, digest } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';

const MAX_SEARCH = 1_000;

const givenHash = z
  .string()
  .regex(/^ni:\/\/\/sha-256;[0-9a-fA-F]{64}\?ver=CBV2\.0$/)
  .transform((text) => text.replace(/;[0-9a-fA-F]{64}/, (hex) => hex.toLowerCase()));
const givenId = z.string().min(1).max(1024);

const ownEvent = z
  .strictObject({
    digest,
    identifier: z.string().nullable().meta({ description: 'What the entry is about' }),
    kind: z.string(),
    anchored: z.boolean().meta({ description: 'Whether it is on the ledger (yet)' }),
    amended: z
      .strictObject({ digest, retracted: z.boolean() })
      .nullable()
      .meta({ description: 'Your last correction of it' }),
  })
  .meta({ id: 'OwnEvent' });
const othersEvent = z.strictObject({ organisation: decimal, digest }).meta({ id: 'OthersEvent' });

export const searchEvents = defineRoute({
  method: 'post',
  path: '/v1/events/search',
  name: 'searchEvents',
  tag: 'Supply chain',
  summary:
    'Which entries were made from up to 1,000 events, by event hash (CBV 2.0) or by the events’ own ids.',
  description:
    'Your own entries; and, of a hash that an entry of yours on the ledger seals too, who else has such an entry there, ' +
    'and its digest. Of any other hash nothing is said of others’ entries, also not whether there are any: it could have ' +
    'been guessed. Ids find your own entries only. Each entry that is found is in the access log of its subject. Metered ' +
    'by the hashes and ids.',
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'listBytes',
    schema: z.strictObject({
      hashes: z.array(givenHash).max(MAX_SEARCH).optional(),
      ids: z.array(givenId).max(MAX_SEARCH).optional(),
    }),
  },
  responses: {
    200: {
      description: 'For each hash and id, in the same order, what was found',
      mediaType: 'application/json',
      schema: z.strictObject({
        hashes: z.array(
          z.strictObject({ hash: z.string(), own: z.array(ownEvent), others: z.array(othersEvent) }),
        ),
        ids: z.array(z.strictObject({ id: z.string(), own: z.array(ownEvent) })),
        truncated: z.boolean().meta({ description: 'There is more than is told at once: ask for fewer' }),
      }),
    },
  },
  problems: ['auth.required'],
  async handle({ body, caller, response }, { events, meter }) {
    const { account } = caller;
    if (account === null) throw new Problem('auth.required', 'Sign in as an organisation first.');
    const { hashes = [], ids = [] } = body;
    const count = hashes.length + ids.length;
    if (count === 0 || count > MAX_SEARCH) {
      throw new Problem('request.invalid', `Name from one to ${MAX_SEARCH} hashes and ids, not ${count}.`);
    }
    meter.take(caller, count, response);
    const found = await events.search(account.organisation, { hashes, ids }, 'searchEvents');
    return { status: 200, headers: { 'Cache-Control': 'private, no-store' }, body: found };
  },
});
