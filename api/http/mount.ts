import { once } from 'node:events';
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import * as z from 'zod';
import { Problem } from '../problem.ts';
import type { Services } from '../services.ts';
import { parseJson, readBody, requireMediaType } from './body.ts';
import { toldFailure } from './failure.ts';
import { requestIdOf } from './headers.ts';
import type { Answer, BodyDefinition, Input, Route } from './route.ts';

/** Serves the routes of the table, each by its description, and answers 405 for other methods on their paths. */
export function mountRoutes(app: Express, routes: readonly Route[], services: Services): void {
  const methods = new Map<string, Set<string>>();
  for (const route of routes) {
    if (route.elsewhere === true) continue;
    const path = expressPath(route.path);
    app[route.method](path, handlerOf(route, services));
    const allowed = methods.get(path) ?? new Set<string>();
    allowed.add(route.method.toUpperCase());
    if (route.method === 'get') allowed.add('HEAD');
    methods.set(path, allowed);
  }
  for (const [path, allowed] of methods) app.route(path).all(methodNotAllowed([...allowed]));
}

/** `/v1/vehicles/{id}` as Express writes it: `/v1/vehicles/:id`. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}

export function methodNotAllowed(allowed: readonly string[]): RequestHandler {
  return (request, response) => {
    response.set('Allow', allowed.join(', '));
    if (request.method === 'OPTIONS') {
      response.status(204).end();
      return;
    }
    throw new Problem('request.method', `Allowed here: ${allowed.join(', ')}.`, { extensions: { allowed } });
  };
}

function handlerOf(route: Route, services: Services): RequestHandler {
  return async (request, response) => {
    response.locals.route = route.path;
    const caller = await services.auth.identify(request);
    requireAccess(route, caller);
    const input: Input = {
      params: checked(route.params, request.params, 'path'),
      query: checked(route.query, request.query, 'query'),
      body: route.body === undefined ? undefined : await bodyOf(route.body, request, services),
      caller,
      request,
      response,
    };
    await send(response, await route.handle(input as never, services));
  };
}

const remedies: Readonly<Record<Exclude<Route['access'], 'anyone'>, string>> = {
  operator: 'This is for the operator: send the token of the data folder.',
  organisation: 'Sign in as an organisation: see POST /v1/auth/challenge.',
  account: 'Sign in with the account alone, without an organisation: see POST /v1/auth/challenge.',
  signedIn: 'Sign in: see POST /v1/auth/challenge.',
};

function requireAccess({ access }: Route, { account, person, operator }: Input['caller']): void {
  if (access === 'anyone') return;
  const granted = {
    operator,
    organisation: account !== null,
    account: person !== null,
    signedIn: account !== null || person !== null,
  }[access];
  if (!granted) throw new Problem('auth.required', remedies[access]);
}

async function bodyOf(body: BodyDefinition, request: Request, services: Services): Promise<unknown> {
  if (body.kind === 'stream') {
    requireMediaType(request, body.mediaTypes);
    return undefined;
  }
  requireMediaType(request, ['application/json']);
  const bytes = await readBody(request, services.config.limits[body.limit]);
  const value = parseJson(bytes);
  return body.checkedByHandler === true ? value : checked(body.schema, value, 'body');
}

/** The value as its schema gives it; says which member is wrong and how, never what it held. */
function checked(schema: z.core.$ZodType | undefined, value: unknown, place: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, 20).map((issue) => ({
    in: place,
    path: issue.path.map(String).join('.'),
    code: issue.code,
    message: issue.message,
  }));
  const [first] = errors;
  throw new Problem('request.invalid', `${first?.in} ${first?.path}: ${first?.message}`.replace(' :', ':'), {
    extensions: { errors },
  });
}

async function send(response: Response, answer: Answer): Promise<void> {
  response.status(answer.status);
  if (answer.headers !== undefined) response.set(answer.headers);
  if ('empty' in answer) response.end();
  else if ('body' in answer) response.type('application/json').send(JSON.stringify(answer.body));
  else if ('text' in answer) response.type(answer.mediaType).send(answer.text);
  else await sendStream(response.type(answer.mediaType), answer.stream);
}

/** At the reader's pace. A failure half way breaks the connection: a cut answer must not look whole. */
async function sendStream(response: Response, stream: AsyncIterable<string | Uint8Array>): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  for await (const chunk of stream) {
    if (gone.signal.aborted) return;
    if (!response.write(chunk)) {
      await once(response, 'drain', { signal: gone.signal }).catch(() => undefined);
    }
  }
  response.end();
}

/** The last handlers: what no route took, and every failure as `application/problem+json`. */
export function unknownRoute(): RequestHandler {
  return () => {
    throw new Problem('request.unknownRoute', 'There is nothing at this address: see /docs.');
  };
}

const UNREAD_MILLISECONDS = 5_000;

export function failureHandler(services: Pick<Services, 'log'>) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    const requestId = requestIdOf(response);
    const failure = toldFailure(error, requestId, services);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // What is still to come of a refused body is thrown away, for a while: a client reads the answer only when it has
    // sent everything, and one that never ends is cut off.
    if (!request.complete) {
      const timer = setTimeout(() => request.socket.destroy(), UNREAD_MILLISECONDS);
      timer.unref();
      request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
      request.resume();
    }
    response.locals.code = failure.code;
    if (failure.status === 401) response.set('WWW-Authenticate', 'Bearer');
    if (failure.status === 503 && !response.hasHeader('Retry-After')) response.set('Retry-After', '5');
    response
      .status(failure.status)
      .type('application/problem+json')
      .send(JSON.stringify(failure.toJson(requestId)));
  };
}
