import * as z from 'zod';
import {
  formatIdentifier,
  type Identifier,
  parseIdentifier,
  type SubjectType,
} from '../../core/identifiers/identifier.ts';
import { reportSchema } from '../../core/report/report.ts';
import { digest, givenIdentifier, subject } from '../http/fields.ts';
import { readKnownIdentifier } from '../http/identifiers.ts';
import { type Answer, defineRoute, type Input, type Route, type Tag } from '../http/route.ts';
import { readerOf } from '../privacy/reader.ts';
import { Problem } from '../problem.ts';
import type { Query, Served } from '../query/query.ts';
import type { Services } from '../services.ts';
import { overview } from './schemas.ts';

type Shape = 'overview' | 'report';

export const identifierProblems = [
  'vin.empty',
  'vin.notAscii',
  'vin.length',
  'vin.character',
  'vin.placeholder',
  'vin.checkDigit',
  'identifier.type',
  'identifier.scope',
  'identifier.value',
  'identifier.isVin',
  'index.behind',
];

/** A history by the identifier of its subject. One that is empty is an answer: the report proves that it is. */
async function history(
  text: string,
  types: readonly SubjectType[],
  shape: Shape,
  route: string,
  { caller, response }: Pick<Input, 'caller' | 'response'>,
  services: Services,
  member?: string,
): Promise<Answer> {
  const take = () => services.meter.take(caller, 1, response);
  const identifier = await readKnownIdentifier(text, types, services, take);
  services.metrics.lookups(1);
  const reading = { reader: readerOf(caller), route };
  const answer =
    member === undefined
      ? await services.query[shape satisfies keyof Query](identifier, reading)
      : await services.query.memberReport(identifier, serialOf(member, identifier), reading);
  return served(answer, reading.reader.kind !== 'anyone');
}

/** Proves whether that serial is in the batch: its number, or the whole identifier. */
const memberQuery = z.strictObject({ serial: givenIdentifier.optional() });

function serialOf(text: string, { scope }: Identifier): Identifier {
  const member = parseIdentifier(text.startsWith('serial:') ? text : `serial:${scope}:${text}`);
  if (member.type === 'serial') return member;
  throw new Problem('request.invalid', 'Here is a serial number to be named.');
}

function served({ text, etag }: Served, personal: boolean): Answer {
  const cache = personal ? 'private, no-store' : 'no-cache';
  const headers = { ETag: etag, 'Cache-Control': cache, Vary: 'Authorization' };
  return { status: 200, headers, text, mediaType: 'application/json' };
}

const shapes = {
  overview: {
    suffix: '',
    schema: overview,
    summary: 'the history, what the rules conclude from it, and who attested',
    description: 'As the service reads it. What can be checked is the report.',
  },
  report: {
    suffix: '/report',
    schema: reportSchema,
    summary: 'everything that is needed to check the history, in one file',
    description:
      'Links, blocks, keys, records of the attesters and proofs. A subject without any entry has a report too: it ' +
      'proves the absence. Sealed fields are opened for their own attester, for the title’s owner as far as they concern ' +
      'it, and for whom the owner’s consent names; each opening is in the access log of the vehicle.',
  },
} as const;

function historyRoutes(options: {
  readonly path: string;
  readonly name: string;
  readonly what: string;
  readonly tag: Tag;
  readonly types: readonly SubjectType[];
  readonly params: z.ZodObject;
  readonly text: (params: Readonly<Record<string, string>>) => string;
  /** Whether a report may be asked to show the place of a serial. */
  readonly members?: true;
}): Route[] {
  return (Object.keys(shapes) as Shape[]).map((shape) => {
    const { suffix, schema, summary, description } = shapes[shape];
    const name = shape === 'report' ? `${options.name}Report` : options.name;
    return defineRoute({
      method: 'get',
      path: options.path + suffix,
      name,
      tag: options.tag,
      summary: `${options.what}: ${summary}.`,
      description,
      access: 'anyone',
      params: options.params,
      ...(options.members === true && shape === 'report' ? { query: memberQuery } : {}),
      responses: {
        200: { description: `The ${shape}, with an ETag`, mediaType: 'application/json', schema },
        304: { description: 'It is what the client has: `If-None-Match`' },
      },
      problems: identifierProblems,
      handle: (input, services) =>
        history(
          options.text(input.params as Record<string, string>),
          options.types,
          shape,
          name,
          input,
          services,
          (input.query as z.output<typeof memberQuery> | undefined)?.serial,
        ),
    });
  });
}

const maker = z.string().min(1).max(64);
const number = z.string().min(1).max(64);

export const vehicleRoutes = historyRoutes({
  path: '/v1/vehicles/{id}',
  name: 'getVehicle',
  what: 'A vehicle by its VIN, or by another identifier (`registration:FR:…`)',
  tag: 'Vehicles',
  types: ['vehicle'],
  params: z.strictObject({ id: givenIdentifier }),
  text: ({ id = '' }) => id,
});

export const batchRoutes = historyRoutes({
  path: '/v1/batches/{maker}/{number}',
  name: 'getBatch',
  what: 'A part batch by its maker and number',
  tag: 'Parts',
  types: ['batch'],
  params: z.strictObject({ maker, number }),
  members: true,
  text: (params) => `batch:${params.maker}:${params.number}`,
});

export const serialRoutes = historyRoutes({
  path: '/v1/serials/{maker}/{serial}',
  name: 'getSerial',
  what: 'A serialised part by its maker and serial number',
  tag: 'Parts',
  types: ['serial'],
  params: z.strictObject({ maker, serial: number }),
  text: (params) => `serial:${params.maker}:${params.serial}`,
});

export const softwareRoutes = historyRoutes({
  path: '/v1/software/{publisher}/{release}',
  name: 'getSoftware',
  what: 'A software release by its publisher and number',
  tag: 'Parts',
  types: ['software'],
  params: z.strictObject({ publisher: maker, release: number }),
  text: (params) => `software:${params.publisher}:${params.release}`,
});

export const batchesOfSerial = defineRoute({
  method: 'get',
  path: '/v1/serials/{maker}/{serial}/batches',
  name: 'getBatchesOfSerial',
  tag: 'Parts',
  summary: 'The batches whose makers list a serial number among their members.',
  access: 'anyone',
  params: z.strictObject({ maker, serial: number }),
  responses: {
    200: {
      description: 'The batches; none where no maker lists it',
      mediaType: 'application/json',
      schema: z.strictObject({
        identifier: z.string(),
        subject,
        batches: z.array(z.strictObject({ batch: subject, identifier: z.string().nullable(), digest })),
      }),
    },
  },
  problems: ['identifier.scope', 'identifier.value'],
  async handle({ params, caller, response }, services) {
    const text = `serial:${params.maker}:${params.serial}`;
    const take = () => services.meter.take(caller, 1, response);
    const identifier = await readKnownIdentifier(text, ['serial'], services, take);
    const serial = services.evaluator.subject(identifier);
    const batches = await services.sets.batchesOf(identifier);
    return { status: 200, body: { identifier: formatIdentifier(identifier), subject: serial, batches } };
  },
});
