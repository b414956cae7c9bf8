import { VinculumError } from '../../core/errors.ts';
import { asProblem, Problem, type ProblemCode, plain, problems } from '../problem.ts';
import { factsOf, type Log } from './log.ts';

/** What a client is told of a failure: the members of `application/problem+json` and the status to send. */
export type Failure = {
  readonly status: number;
  readonly code: string;
  readonly retryable: boolean;
  toJson(requestId: string): Readonly<Record<string, unknown>>;
};

/**
 * The status of the protocol's own errors, by the first part of their code. They are faults of the request: the
 * service's own are problems. Everything else is `internal`.
 */
const protocolStatus: Readonly<Record<string, number>> = {
  vin: 422,
  identifier: 422,
  pseudonym: 422,
  kind: 422,
  envelope: 422,
  entry: 422,
  disclosure: 422,
  block: 422,
  submission: 422,
  action: 422,
  title: 422,
  consent: 422,
  alert: 422,
  partCode: 422,
  scan: 422,
  tree: 422,
  json: 400,
  bytes: 400,
  cid: 400,
  ledger: 422,
  nonce: 409,
};

const protocolTitles: Readonly<Record<string, string>> = {
  vin: 'This is no VIN',
  identifier: 'This is no identifier',
  pseudonym: 'The transcript proves nothing',
  kind: 'The entry breaks a rule of its kind',
  envelope: 'The envelope breaks a rule',
  entry: 'The entry breaks a rule',
  disclosure: 'The disclosure breaks a rule',
  block: 'The block cannot be read',
  submission: 'The submission breaks a rule',
  action: 'The action breaks a rule',
  title: 'The title does not allow this now',
  consent: 'This is no consent',
  alert: 'The alert breaks a rule',
  partCode: 'This is no part code',
  scan: 'The scan cannot be noted',
  tree: 'The set is not as it should be',
  json: 'The JSON cannot be read',
  bytes: 'The bytes cannot be read',
  cid: 'The CID cannot be read',
  ledger: 'The ledger’s name cannot be read',
  nonce: 'The nonce is taken',
};

/** What stands between the service and its chain; told as one thing. */
const chainPrefixes = new Set(['rpc', 'devnet', 'chain']);

/** Every failure, of whatever origin, as a client is to see it. */
export function failureOf(error: unknown): Failure {
  if (error instanceof VinculumError && !Object.hasOwn(problems, error.code)) {
    const prefix = error.code.split('.')[0] ?? '';
    const status = protocolStatus[prefix];
    if (status !== undefined) return protocolFailure(error, status, protocolTitles[prefix] ?? 'Not valid');
    if (chainPrefixes.has(prefix)) {
      return problemFailure(new Problem('chain.unavailable', error.message, { cause: error }));
    }
  }
  return problemFailure(error instanceof VinculumError ? knownProblem(error) : problemOfHttpError(error));
}

/**
 * A failure as its client is to see it, that of a request or that of one item of a list: one of the service's own is in the
 * log, under the id that the client is told to quote.
 */
export function toldFailure(error: unknown, requestId: string, { log }: { readonly log: Log }): Failure {
  const failure = failureOf(error);
  if (failure.status >= 500) {
    log('error', 'request.failed', { requestId, code: failure.code, ...factsOf(error) });
  }
  return failure;
}

function knownProblem(error: VinculumError): Problem {
  if (!Object.hasOwn(problems, error.code)) return asProblem(error);
  return new Problem(error.code as ProblemCode, error.message, { cause: error, extensions: error.details });
}

function problemFailure(problem: Problem): Failure {
  const { status, code, retryable } = problem;
  return { status, code, retryable, toJson: (requestId) => problem.toProblemJson(requestId) };
}

function protocolFailure(error: VinculumError, status: number, title: string): Failure {
  return {
    status,
    code: error.code,
    retryable: false,
    toJson: (requestId) => ({
      ...(plain(error.details) as Readonly<Record<string, unknown>>),
      type: `urn:vinculum:problem:${error.code}`,
      title,
      status,
      detail: error.message,
      code: error.code,
      retryable: false,
      requestId,
    }),
  };
}

/** Express and its parsers throw errors with a `status`; only those of the client are worth telling apart. */
function problemOfHttpError(error: unknown): Problem {
  if (error instanceof Problem || !(error instanceof Error) || !('status' in error)) return asProblem(error);
  const codes: Readonly<Record<number, ProblemCode>> = {
    400: 'request.malformed',
    404: 'request.unknownRoute',
    405: 'request.method',
    406: 'request.notAcceptable',
    413: 'request.tooLarge',
    415: 'request.mediaType',
  };
  const code = codes[Number(error.status)];
  if (code === undefined) return asProblem(error);
  return new Problem(code, 'The address or a header cannot be read.', { cause: error });
}
