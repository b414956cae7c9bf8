import * as z from 'zod';
import { type Identifier, type SubjectType, subjectTypeOf } from '../../core/identifiers/identifier.ts';
import { when } from '../../core/kinds/fields.ts';
import { type Caller, mayAttest } from '../auth/caller.ts';
import { bases } from '../graph/affected.ts';
import { askerOf } from '../graph/asker.ts';
import { MAX_DEPTH } from '../graph/trace.ts';
import { digest, givenIdentifier, instant } from '../http/fields.ts';
import { readIdentifier, readKnownIdentifier } from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { identifierProblems } from './histories.ts';

const NOT_KEPT = { 'Cache-Control': 'private, no-store' };
const MAX_LISTED = 2_000;
/** In a body of 4 MiB, beside as many of the others as are taken. */
const MAX_VEHICLES = 50_000;
const PAGE = 10_000;
/**
 * Look-ups that a search of a maker's serials costs: all of them are unwrapped, some five seconds a million. It is the same
 * for each maker, so that what is left of an allowance does not tell how many there are.
 */
const SEARCH_LOOKUPS = 1_000;

const RELATIONS = ['builtFrom', 'mounted', 'madeOf', 'memberOf'] as const;
const givenTime = z
  .custom<string>((value) => when.safeParse(value).success)
  .meta({ type: 'string', description: 'A date, or an instant in UTC: only what was so then' });
const givenParty = z.string().regex(/^[A-Za-z0-9.-]{1,64}$/);
const givenNumber = z.string().regex(/^[\x20-\x7e]{1,64}$/);
const givenDate = z.iso.date();
const behind = z
  .int()
  .min(0)
  .meta({ description: 'Histories on the ledger that are not in the answer yet: ask again' });

export const traceThing = defineRoute({
  method: 'post',
  path: '/v1/traces',
  name: 'traceThing',
  tag: 'Supply chain',
  summary: 'What a vehicle, part or batch is made of, down to the last tier; or what it is in.',
  description:
    'The way down follows what makers state openly. The way up ends in what the signed-in organisation stated ' +
    'something of itself (built it, or mounted something in it) and shows the path there; of vehicles that it leads ' +
    'to besides, only the number. An authority sees all. What was stated in sealed fields answers its attester alone. ' +
    'At most 5,000 things. Metered by the identifier.',
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      identifier: givenIdentifier,
      direction: z.enum(['up', 'down']),
      at: givenTime.optional(),
      depth: z.int().min(1).max(MAX_DEPTH).optional(),
    }),
  },
  responses: {
    200: {
      description: 'Each thing once, the start first, with the edges between them',
      mediaType: 'application/json',
      schema: z.strictObject({
        start: z.string().meta({ description: 'The `id` of the start' }),
        things: z.array(
          z.strictObject({
            id: z.string().meta({ description: 'In this answer only' }),
            identifier: z.string(),
            type: z.string(),
            depth: z.int().min(0),
            label: z.string().optional(),
            entry: digest.optional().meta({ description: 'The entry by which its maker says what it is' }),
          }),
        ),
        edges: z.array(
          z.strictObject({
            parent: z.string(),
            child: z.string(),
            relation: z.enum(RELATIONS),
            digest: digest.meta({ description: 'The entry that states it' }),
            from: instant.optional(),
            until: instant.optional(),
            sealed: z.literal(true).optional(),
          }),
        ),
        missing: z.array(
          z.strictObject({
            parent: z.string(),
            component: z.string(),
            supplier: z.string().optional(),
            reason: z.string(),
            thing: z.string().optional().meta({ description: 'What is named, and described by nobody' }),
          }),
        ),
        cycles: z.array(z.array(z.string())),
        others: z.int().min(0).meta({ description: 'Vehicles that are not yours to know' }),
        truncated: z.boolean(),
        behind,
      }),
    },
  },
  problems: [...identifierProblems, 'auth.required'],
  async handle({ body, caller, response }, services) {
    const asker = askerOf(caller.account);
    const take = () => services.meter.take(caller, 1, response);
    const things = ['vehicle', 'batch', 'serial'] as const;
    const identifier = await readKnownIdentifier(body.identifier, things, services, take);
    const { direction, depth } = body;
    const found = await services.graph.trace(
      {
        identifier,
        direction,
        ...(body.at === undefined ? {} : { at: secondsOf(body.at) }),
        ...(depth === undefined ? {} : { depth }),
      },
      asker,
    );
    return { status: 200, headers: NOT_KEPT, body: found };
  },
});

export const findAffected = defineRoute({
  method: 'post',
  path: '/v1/recalls/affected',
  name: 'findAffected',
  tag: 'Supply chain',
  summary: 'The vehicles that a fault reaches, over the whole graph: what a recall campaign would list.',
  description:
    'By batches, serials, ranges of serials, part numbers with the days on which they were made, and vehicles; ' +
    'together they add up. Without `at`, every vehicle that ever had such a part in it. Vehicles that the signed-in ' +
    'organisation neither built nor mounted anything in are counted in `others`; an authority sees all. Ranges of serials ' +
    'and part numbers are for organisations that may open a campaign, one such question at a time; vehicles of others that ' +
    'they lead to are counted as far as the organisation made what is in them. Metered by what is listed, and by ' +
    `${SEARCH_LOOKUPS.toLocaleString('en-US')} for each maker of whom ranges are named.`,
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'listBytes',
    schema: z.strictObject({
      batches: z.array(givenIdentifier).max(MAX_LISTED).optional(),
      serials: z.array(givenIdentifier).max(MAX_LISTED).optional(),
      serialRanges: z
        .array(z.strictObject({ manufacturerId: givenParty, from: givenNumber, to: givenNumber }))
        .max(MAX_LISTED)
        .optional()
        .meta({ description: 'From and to included, compared as text of equal length' }),
      partNumbers: z
        .array(
          z.strictObject({
            manufacturerId: givenParty,
            partNumber: givenNumber,
            from: givenDate.optional(),
            until: givenDate.optional(),
          }),
        )
        .max(MAX_LISTED)
        .optional()
        .meta({ description: 'Made on or between these days' }),
      vehicles: z.array(givenIdentifier).max(MAX_VEHICLES).optional(),
      at: givenTime.optional(),
      all: z.boolean().optional().meta({ description: 'Every vehicle of the organisation is meant' }),
      cursor: z.uuid().optional(),
    }),
  },
  responses: {
    200: {
      description: 'The number, and a page of up to 10,000 of them',
      mediaType: 'application/json',
      schema: z.strictObject({
        count: z.int().min(0),
        byBasis: z.record(z.enum(bases), z.int().min(0)),
        others: z.int().min(0),
        vehicles: z.array(z.string()),
        cursor: z.string().nullable(),
        behind,
      }),
    },
  },
  problems: [
    ...identifierProblems,
    'auth.required',
    'auth.forbidden',
    'recall.matchesNothing',
    'recall.matchesEverything',
    'recall.busy',
  ],
  async handle({ body, caller, response }, { graph, meter }) {
    const asker = askerOf(caller.account);
    const { batches = [], serials = [], vehicles = [], serialRanges = [], partNumbers = [] } = body;
    const listed = [batches, serials, vehicles, serialRanges, partNumbers].reduce(
      (sum, list) => sum + list.length,
      0,
    );
    if (serialRanges.length + partNumbers.length > 0 && !mayRecall(caller)) {
      throw new Problem(
        'auth.forbidden',
        'Ranges and part numbers are for organisations that may open a campaign: name batches, serials or vehicles.',
      );
    }
    const searched = new Set(serialRanges.map(({ manufacturerId }) => manufacturerId.toLowerCase()));
    meter.take(caller, Math.max(1, listed + searched.size * SEARCH_LOOKUPS), response);
    const found = await graph.affected(
      {
        batches: batches.map((text) => named(text, 'batch')),
        serials: serials.map((text) => named(text, 'serial')),
        vehicles: vehicles.map((text) => named(text, 'vehicle')),
        serialRanges,
        partNumbers: partNumbers.map(({ from, until, ...part }) => ({
          ...part,
          ...(from === undefined ? {} : { from }),
          ...(until === undefined ? {} : { until }),
        })),
        ...(body.at === undefined ? {} : { at: secondsOf(body.at) }),
        ...(body.all === undefined ? {} : { all: body.all }),
        ...(body.cursor === undefined ? {} : { cursor: body.cursor }),
        limit: PAGE,
      },
      asker,
    );
    return { status: 200, headers: NOT_KEPT, body: found };
  },
});

const mayRecall = ({ account }: Caller): boolean =>
  account !== null && mayAttest(account.standing, 'recall.opened');

/** Who recalls a vehicle whose check digit does not hold has registered it so. */
function named(text: string, type: SubjectType): Identifier {
  const identifier = readIdentifier(text, { overrideCheckDigit: true });
  if (subjectTypeOf(identifier) !== type) {
    throw new Problem('request.invalid', `Here is a ${type} to be named, not a ${identifier.type}.`);
  }
  return identifier;
}

function secondsOf(time: string): bigint {
  return BigInt(Date.parse(time.length === 10 ? `${time}T00:00:00Z` : time) / 1000);
}

export const supplyRoutes = [traceThing, findAffected];
