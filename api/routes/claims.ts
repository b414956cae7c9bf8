import * as z from 'zod';
import type { Subject } from '../../core/chain/types.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { mayAttest } from '../auth/caller.ts';
import { failureOf } from '../http/failure.ts';
import { decimal, digest, givenIdentifier, instant, problem, subject } from '../http/fields.ts';
import { requestIdOf } from '../http/headers.ts';
import { readKnownIdentifiers } from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import { readerOf } from '../privacy/reader.ts';
import { Problem } from '../problem.ts';

const MAX_SEARCH = 1_000;

const claim = z
  .strictObject({
    digest,
    organisation: decimal,
    acceptedAt: instant,
    anchored: z.boolean().meta({ description: 'Whether it is on the ledger yet' }),
    time: z.string(),
    data: z.record(z.string(), z.unknown()),
    sealed: z.record(z.string(), z.unknown()).meta({
      description: 'Open for the organisation’s own claims, and for those of which an owner lets it see them',
    }),
  })
  .meta({ id: 'Claim' });

export const searchClaims = defineRoute({
  method: 'post',
  path: '/v1/claims/search',
  name: 'searchClaims',
  tag: 'Claims',
  summary: 'Which of up to 1,000 vehicles have claims: when, by whom, and what this insurer may see of them.',
  description:
    'For an organisation that may attest claims. Each showing of a sealed field is in the vehicle’s access log.',
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({ identifiers: z.array(givenIdentifier).min(1).max(MAX_SEARCH) }),
  },
  responses: {
    200: {
      description:
        'Each vehicle with its claims, or with what is wrong with its identifier, in the same order',
      mediaType: 'application/json',
      schema: z.strictObject({
        results: z.array(
          z.union([
            z.strictObject({ identifier: z.string(), subject, claims: z.array(claim) }),
            z.strictObject({ problem }),
          ]),
        ),
      }),
    },
  },
  problems: ['auth.forbidden'],
  async handle({ body, caller, response }, services) {
    const { evaluator, meter, query } = services;
    const { account } = caller;
    if (account === null || !mayAttest(account.standing, 'claim')) {
      throw new Problem('auth.forbidden', 'Only organisations that may attest claims search them.');
    }
    meter.take(caller, body.identifiers.length, response);
    const wanted = await readKnownIdentifiers(body.identifiers, services, null);
    const subjects = new Map<Identifier, Subject>();
    for (const item of wanted) {
      if ('identifier' in item) subjects.set(item.identifier, evaluator.subject(item.identifier));
    }
    const named = new Map([...subjects].map(([identifier, one]) => [one, formatIdentifier(identifier)]));
    const claims = await query.claims(named, { reader: readerOf(caller), route: 'searchClaims' });
    const results = wanted.map((item) => {
      if ('refused' in item) return { problem: failureOf(item.refused).toJson(requestIdOf(response)) };
      const found = subjects.get(item.identifier);
      const own = found === undefined ? [] : (claims.get(found) ?? []);
      return { identifier: formatIdentifier(item.identifier), subject: found, claims: own };
    });
    return { status: 200, body: { results } };
  },
});
