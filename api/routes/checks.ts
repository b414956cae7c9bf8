import * as z from 'zod';
import { authenticityReasons, authenticityStates } from '../../core/authenticity/judge.ts';
import { scanFlags } from '../../core/authenticity/scans.ts';
import type { Identifier } from '../../core/identifiers/identifier.ts';
import { address, digest, givenIdentifier } from '../http/fields.ts';
import { readKnownIdentifier } from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import type { Services } from '../services.ts';
import { identifierProblems } from './histories.ts';

const organisation = z.string().regex(/^[1-9][0-9]{0,19}$/);

const place = z
  .union([
    z.strictObject({ country: z.string().regex(/^[A-Z]{2}$/) }),
    z.strictObject({
      cell: z.strictObject({
        latitude: z.int().min(-90).max(89),
        longitude: z.int().min(-180).max(179),
      }),
    }),
  ])
  .meta({
    description: 'Where it is: a country (ISO 3166-1), or the south-west corner of a cell of one degree',
  });

const proof = z.strictObject({ siblings: z.array(z.string()), leaf: z.string().nullable() });
const count = z.int().min(0);

export const checkPart = defineRoute({
  method: 'post',
  path: '/v1/checks',
  name: 'checkPart',
  tag: 'Parts',
  summary: 'Whether a part is what its code, or its number, says.',
  description:
    'For anyone. A code that holds is counted as a scan: by the hour and the coarse place, with nothing of who asked. What the ' +
    'answer says of makers, keys, sets and the part’s own chain can be checked by the part’s report and the batches’; that it is ' +
    'mounted elsewhere, recalled, or seen too often is this service’s word. No code can show that the part in hand is the one ' +
    'that it was printed for: a code can be copied.',
  access: 'anyone',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z
      .strictObject({
        code: z.string().min(1).max(1000).optional(),
        identifier: givenIdentifier.optional(),
        vehicle: givenIdentifier.optional().meta({ description: 'The vehicle that it is in, if it is' }),
        place: place.optional(),
      })
      .refine(({ code, identifier }) => (code === undefined) !== (identifier === undefined), {
        message: 'a code or an identifier',
      }),
  },
  responses: {
    200: {
      description: 'What is known of it, the gravest first',
      mediaType: 'application/json',
      schema: z
        .strictObject({
          identifier: z.string(),
          state: z.enum(authenticityStates),
          reasons: z.array(z.enum(authenticityReasons)),
          flags: z.array(z.enum(scanFlags)),
          code: z
            .strictObject({
              organisation,
              signer: address.nullable(),
              ledger: z.enum(['known', 'other']),
              key: z.enum(['active', 'revoked', 'foreign', 'none']),
              standing: z.enum(['good', 'suspended', 'unknown']),
            })
            .nullable(),
          makers: z.array(z.strictObject({ organisation, by: z.enum(['entry', 'set']), entry: digest })),
          sets: z.array(z.strictObject({ batch: z.string(), entry: digest, proof })),
          facts: z.strictObject({
            notInSets: z.boolean(),
            scrapped: z.boolean(),
            stolen: z.boolean(),
            mounted: count,
            recalls: count,
            quarantines: count,
          }),
          recalls: z.array(z.strictObject({ organisation, campaign: z.string() })),
        })
        .meta({ id: 'PartCheck' }),
    },
  },
  problems: [
    'partCode.malformed',
    'partCode.unknownVersion',
    'partCode.identifier',
    ...identifierProblems,
    'index.behind',
  ],
  async handle({ body, caller, response }, services) {
    services.meter.take(caller, 1, response);
    services.metrics.lookups(1);
    const identifier = await identifierOf(body.identifier, ['serial', 'batch'], services);
    const vehicle = await identifierOf(body.vehicle, ['vehicle'], services);
    const result = await services.checks.check({ code: body.code, identifier, vehicle, place: body.place });
    return { status: 200, headers: { 'Cache-Control': 'private, no-store' }, body: result };
  },
});

async function identifierOf(
  text: string | undefined,
  types: Parameters<typeof readKnownIdentifier>[1],
  services: Services,
): Promise<Identifier | undefined> {
  // The check as a whole is one look-up, taken before.
  return text === undefined ? undefined : readKnownIdentifier(text, types, services, () => undefined);
}
