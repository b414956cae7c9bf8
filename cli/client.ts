import * as z from 'zod/mini';
import type { VinculumError } from '../core/errors.ts';
import { formatIdentifier, type Identifier } from '../core/identifiers/identifier.ts';
import { CommandError, isUnreachable } from './exit.ts';
import {
  exchange,
  fetchPatiently,
  type HttpAnswer,
  type HttpRequest,
  placeOf,
  type Retryable,
  unreachable,
  withRetries,
} from './http.ts';

/*
 * The service's HTTP API as the command line uses it. Its few wire types are stated here again: the two sides must agree
 * on the protocol, not share code. What the service answers is parsed before it is believed to have a shape.
 */

const hex = (bytes: number) => z.string().check(z.regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`)));
const base64url = z.string().check(z.regex(/^[A-Za-z0-9_-]*$/));
const decimal = z.string().check(z.regex(/^(0|[1-9][0-9]{0,77})$/));

export const submissionStates = [
  'received',
  'stored',
  'submitted',
  'anchored',
  'final',
  'expired',
  'conflicted',
] as const;
export type SubmissionState = (typeof submissionStates)[number];

/** The states that a submission passes on its way, in order. */
export const progression = ['received', 'stored', 'submitted', 'anchored', 'final'] as const;
export type Milestone = (typeof progression)[number];

/** Whether a submission in this state has come as far as `milestone`. */
export function hasReached(state: SubmissionState, milestone: Milestone): boolean {
  return (progression as readonly string[]).indexOf(state) >= progression.indexOf(milestone);
}

/** Whether a submission in this state will never be anchored. */
export function isDead(state: SubmissionState): boolean {
  return state === 'expired' || state === 'conflicted';
}

export type SubmissionRequest = {
  readonly submission: {
    readonly organisation: string;
    readonly signer: string;
    readonly nonce: string;
    readonly deadline: string;
    readonly entries: string;
    readonly signature: string;
  };
  readonly contents: readonly {
    readonly block: string;
    readonly key: string;
    readonly disclosures: readonly string[];
  }[];
};

export const submissionRequestSchema = z.strictObject({
  submission: z.strictObject({
    organisation: decimal,
    signer: hex(20),
    nonce: decimal,
    deadline: decimal,
    entries: base64url,
    signature: base64url,
  }),
  contents: z.array(
    z.strictObject({ block: base64url, key: base64url, disclosures: z._default(z.array(base64url), []) }),
  ),
});

const statusSchema = z.looseObject({
  hash: hex(32),
  organisation: decimal,
  nonce: decimal,
  state: z.enum(submissionStates),
  block: z.optional(z.looseObject({ number: z.int(), hash: hex(32) })),
  transaction: z.optional(hex(32)),
  lastSkip: z.optional(z.string()),
  problem: z.optional(z.string()),
});
export type SubmissionStatus = z.infer<typeof statusSchema>;

const problemSchema = z.looseObject({
  code: z.string(),
  title: z.optional(z.string()),
  detail: z.optional(z.string()),
  status: z.optional(z.int()),
  retryable: z.optional(z.boolean()),
  requestId: z.optional(z.string()),
});
export type ProblemDocument = z.infer<typeof problemSchema>;

/** The service said no (RFC 9457). `code` is the service's own. */
export class ServiceRefusal extends CommandError {
  readonly status: number;
  readonly retryable: boolean;
  readonly retryAfterMilliseconds: number | undefined;
  readonly problem: ProblemDocument;

  constructor(status: number, problem: ProblemDocument, retryAfterMilliseconds: number | undefined) {
    const unavailable = status === 503 || status === 502 || status === 504;
    super(
      unavailable ? 'unreachable' : 'refused',
      problem.code,
      problem.detail ?? problem.title ?? problem.code,
      {
        details: { status, ...(problem.requestId === undefined ? {} : { requestId: problem.requestId }) },
      },
    );
    this.name = 'ServiceRefusal';
    this.status = status;
    this.problem = problem;
    this.retryable = problem.retryable ?? (unavailable || status === 429);
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

export type ClientOptions = {
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly attempts?: number;
  readonly timeoutMilliseconds?: number;
  readonly firstPauseMilliseconds?: number;
  /** Told of each pause before a request is sent again. */
  readonly onPause?: (milliseconds: number, error: unknown) => void;
};

/** Talks to one service. Every request may be repeated: none of those used here does harm twice. */
export interface Client {
  readonly url: string;
  /** The same client under a token. */
  withToken(token: string): Client;
  /** GET or POST of JSON, parsed by a schema. @throws {@link ServiceRefusal}, `http.*`, `service.malformed` */
  json<T extends z.ZodMiniType>(path: string, schema: T, body?: unknown): Promise<z.output<T>>;
  /** The bytes at a path. */
  bytes(path: string, request?: HttpRequest): Promise<HttpAnswer>;
}

export function createClient(url: string, options: ClientOptions = {}): Client {
  const { signal, attempts = 5 } = options;
  const authorisation: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };

  async function send(path: string, request: HttpRequest): Promise<HttpAnswer> {
    return withRetries(
      async () => {
        const answer = await exchange(`${url}${path}`, {
          ...(options.timeoutMilliseconds === undefined
            ? {}
            : { timeoutMilliseconds: options.timeoutMilliseconds }),
          ...request,
          headers: { ...authorisation, ...request.headers },
          signal: request.signal ?? signal,
        });
        if (answer.status >= 400) throw refusalOf(url, answer);
        return answer;
      },
      retryableOf,
      {
        attempts,
        signal,
        onPause: options.onPause,
        ...(options.firstPauseMilliseconds === undefined
          ? {}
          : { firstPauseMilliseconds: options.firstPauseMilliseconds }),
      },
    );
  }

  return {
    url,
    withToken: (token) => createClient(url, { ...options, token }),
    bytes: (path, request = {}) => send(path, request),
    async json(path, schema, body) {
      const answer = await send(path, {
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      });
      return parseAnswer(url, path, schema, answer.body);
    },
  };
}

export function retryableOf(error: unknown): Retryable {
  if (error instanceof ServiceRefusal) {
    return {
      retryable: error.retryable,
      ...(error.retryAfterMilliseconds === undefined
        ? {}
        : { retryAfterMilliseconds: error.retryAfterMilliseconds }),
    };
  }
  return { retryable: isUnreachable(error) };
}

export type StreamRequest = {
  readonly token: string;
  readonly signal: AbortSignal;
  /** Sent as JSON with POST. */
  readonly body?: unknown;
};

/**
 * The answer at an address as it comes, however large it is and however long it takes. Asked for once.
 * @throws {@link ServiceRefusal}, `http.unreachable`
 */
export async function openStream(url: string, path: string, request: StreamRequest): Promise<Response> {
  const { token, signal, body } = request;
  const authorization = `Bearer ${token}`;
  const answer = await fetchPatiently(`${url}${path}`, {
    signal,
    ...(body === undefined
      ? { method: 'GET', headers: { authorization } }
      : {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
  }).catch((cause: unknown) => {
    if (signal.aborted) throw signal.reason;
    throw unreachable(url, cause);
  });
  if (answer.ok) return answer;
  const { status, headers } = answer;
  throw refusalOf(url, { status, headers, body: new Uint8Array(await answer.arrayBuffer()) });
}

/** What a service's answer of 400 and more says. */
export function refusalOf(url: string, answer: HttpAnswer): CommandError {
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(answer.body).toString('utf8'));
  } catch {
    value = undefined;
  }
  const parsed = problemSchema.safeParse(value);
  const problem = parsed.success
    ? parsed.data
    : {
        code: `http.${answer.status}`,
        detail: `${placeOf(url)} answered ${answer.status} without saying why.`,
      };
  return new ServiceRefusal(answer.status, problem, retryAfter);
}

/** @throws `service.malformed` */
export function parseAnswer<T extends z.ZodMiniType>(
  url: string,
  path: string,
  schema: T,
  body: Uint8Array,
): z.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw malformed(url, path, cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw malformed(url, path, parsed.error);
  return parsed.data;
}

function malformed(url: string, path: string, cause: unknown): VinculumError {
  return new CommandError(
    'unreachable',
    'service.malformed',
    `What ${placeOf(url)} answers to ${path.split('?')[0]} is not what a Vinculum service of this version answers.`,
    { cause },
  );
}

/** The state of one submission. @throws `submission.unknown` (404) */
export function submissionStatus(client: Client, hash: string): Promise<SubmissionStatus> {
  return client.json(`/v1/submissions/${hash}`, statusSchema);
}

/** Where the report of an identifier is. */
export function reportPath(identifier: Identifier): string {
  const { type, scope, value } = identifier;
  const part = encodeURIComponent;
  switch (type) {
    case 'batch':
      return `/v1/batches/${part(scope)}/${part(value)}/report`;
    case 'serial':
      return `/v1/serials/${part(scope)}/${part(value)}/report`;
    case 'software':
      return `/v1/software/${part(scope)}/${part(value)}/report`;
    default:
      return `/v1/vehicles/${part(formatIdentifier(identifier))}/report`;
  }
}
