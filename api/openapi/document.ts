import * as z from 'zod';
import { problem as problemSchema } from '../http/fields.ts';
import { type Route, tags } from '../http/route.ts';

type Json = Readonly<Record<string, unknown>>;
type Io = 'input' | 'output';

/** Failures that every route can answer with; those with a body have some more. */
const everywhere = [
  'request.invalid',
  'rateLimit.exceeded',
  // Of the token, which is looked at where none is needed, too.
  'auth.invalid',
  'auth.notInGoodStanding',
  'auth.unknownKey',
  'store.unavailable',
  'internal',
];
const withBody = ['request.malformed', 'request.tooLarge', 'request.mediaType', 'request.timeout'];

export type DocumentOptions = { readonly version: string; readonly serverUrl: string };

/** The OpenAPI 3.1 document of a table of routes. */
export function openApiDocument(routes: readonly Route[], options: DocumentOptions): Json {
  const schemas = new Schemas();
  schemas.name('Problem', problemSchema);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method] = operationOf(route, schemas);
    paths[route.path] = operations;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Vinculum',
      version: options.version,
      summary: 'Histories of vehicles and parts, provable to the reader.',
      description:
        'Nothing that this service says has to be believed: a report is checked against the ledger by the reader. ' +
        'Failures are `application/problem+json`; decide by `code`, never by prose. `retryable` means that the very ' +
        'same request may succeed later.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: options.serverUrl }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.named,
      securitySchemes: {
        organisation: {
          type: 'http',
          scheme: 'bearer',
          description: 'A session (POST /v1/auth/session) or an API key made under one.',
        },
        account: {
          type: 'http',
          scheme: 'bearer',
          description: 'A session of an account alone, without an organisation (POST /v1/auth/session).',
        },
        operator: {
          type: 'http',
          scheme: 'bearer',
          description: 'The token in the data folder of the service.',
        },
      },
    },
  };
}

function operationOf(route: Route, schemas: Schemas): Json {
  return {
    operationId: route.name,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    security: securityOf(route.access),
    ...parametersOf(route, schemas),
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body, schemas) }),
    responses: { ...successes(route, schemas), ...failures(route) },
  };
}

function securityOf(access: Route['access']): Readonly<Record<string, readonly []>>[] {
  if (access === 'anyone') return [{}, { organisation: [] }, { account: [] }];
  if (access === 'signedIn') return [{ organisation: [] }, { account: [] }];
  return [{ [access]: [] }];
}

function parametersOf(route: Route, schemas: Schemas): Json {
  const parameters = [
    ...membersOf(route.params, schemas).map(([name, schema]) => ({
      name,
      in: 'path',
      required: true,
      schema,
    })),
    ...membersOf(route.query, schemas).map(([name, schema, required]) => ({
      name,
      in: 'query',
      required,
      schema,
    })),
  ];
  return parameters.length === 0 ? {} : { parameters };
}

function membersOf(schema: z.core.$ZodType | undefined, schemas: Schemas): [string, unknown, boolean][] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemas.of(schema, 'input') as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, member]) => [name, member, required.includes(name)]);
}

function bodyOf(body: NonNullable<Route['body']>, schemas: Schemas): Json {
  if (body.kind === 'json') {
    return { required: true, content: { 'application/json': { schema: schemas.of(body.schema, 'input') } } };
  }
  const binary = { schema: { type: 'string', contentMediaType: 'application/octet-stream' } };
  return { required: true, content: Object.fromEntries(body.mediaTypes.map((type) => [type, binary])) };
}

function successes(route: Route, schemas: Schemas): Json {
  return Object.fromEntries(
    Object.entries(route.responses).map(([status, { description, mediaType, schema }]) => {
      if (mediaType === undefined) return [status, { description }];
      const content = { [mediaType]: schema === undefined ? {} : { schema: schemas.of(schema, 'output') } };
      return [status, { description, content }];
    }),
  );
}

/** One `default` answer that names the codes: they, not the statuses, are what a client decides by. */
function failures(route: Route): Json {
  const codes = [
    ...route.problems,
    ...(route.body === undefined ? [] : withBody),
    ...(route.access === 'anyone' ? [] : ['auth.required']),
    ...everywhere,
  ];
  const unique = [...new Set(codes)];
  return {
    default: {
      description: `A failure: ${unique.map((code) => `\`${code}\``).join(', ')}.`,
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      'x-problem-codes': unique,
    },
  };
}

/** JSON Schemas of Zod's; those with an id stand once, among the components. */
class Schemas {
  readonly named: Record<string, unknown> = {};

  name(name: string, schema: z.core.$ZodType): void {
    this.named[name] = this.of(schema, 'output');
  }

  /** @throws TypeError when one id means two things, as where a schema takes something else than it gives */
  of(schema: z.core.$ZodType, io: Io): Json {
    const {
      $schema: _,
      $defs = {},
      ...document
    } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' }) as {
      $schema?: unknown;
      $defs?: Record<string, unknown>;
    } & Record<string, unknown>;
    for (const [name, definition] of Object.entries($defs)) {
      const placed = relocated(definition);
      const known = this.named[name];
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(placed)) {
        throw new TypeError(`two schemas have the id ${name}`);
      }
      this.named[name] = placed;
    }
    return relocated(document) as Json;
  }
}

/** The same schema with its references pointing to the document's components. */
function relocated(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relocated);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, member]) => name !== 'id' || typeof member !== 'string')
      .map(([name, member]) =>
        name === '$ref' && typeof member === 'string'
          ? [name, member.replace('#/$defs/', '#/components/schemas/')]
          : [name, relocated(member)],
      ),
  );
}
