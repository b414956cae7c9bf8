import { setTimeout as sleep } from 'node:timers/promises';
import { Problem, type ProblemOptions } from '../problem.ts';

/** A call of the chain's JSON-RPC interface. */
export interface RpcCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** A JSON-RPC endpoint. What it answers is hostile until parsed: results are `unknown`. */
export interface Rpc {
  /**
   * One call.
   * @throws `chain.unavailable` and `chain.malformed` (retryable), `chain.refused` with the endpoint's own error (a
   *   {@link RpcRefusal}), `chain.tooLarge`
   */
  call(method: string, params: readonly unknown[], options?: RpcOptions): Promise<unknown>;
  /** Several calls in one request; fails as a whole, except that an endpoint's refusal of one call is its result. */
  batch(calls: readonly RpcCall[], options?: RpcOptions): Promise<(unknown | RpcRefusal)[]>;
}

export interface RpcOptions {
  readonly timeoutMilliseconds?: number;
  readonly signal?: AbortSignal;
}

export interface RpcClientOptions {
  readonly url: string;
  /** Of one request, default 20,000. */
  readonly timeoutMilliseconds?: number;
  /** Largest answer that is read, default 256 MiB. */
  readonly maxResponseBytes?: number;
  /** How often a request that changes nothing is tried before its retryable error is reported, default 3. */
  readonly attempts?: number;
}

/** The endpoint understood and said no. */
export class RpcRefusal extends Problem {
  readonly rpcCode: number;
  readonly rpcMessage: string;
  /** What a reverted call returned, if anything. */
  readonly data: unknown;

  constructor(
    method: string,
    rpcCode: number,
    rpcMessage: string,
    data: unknown,
    options: ProblemOptions = {},
  ) {
    super('chain.refused', `${method}: ${rpcMessage} (${rpcCode})`, options);
    this.rpcCode = rpcCode;
    this.rpcMessage = rpcMessage;
    this.data = data;
  }
}

const DEFAULT_TIMEOUT = 20_000;
const DEFAULT_LIMIT = 256 * 1024 * 1024;
const FIRST_PAUSE = 50;

export function createRpc(options: RpcClientOptions): Rpc {
  const { url, attempts = 3, maxResponseBytes = DEFAULT_LIMIT } = options;
  let lastId = 0;

  async function post(
    calls: readonly RpcCall[],
    single: boolean,
    callOptions: RpcOptions,
  ): Promise<unknown[]> {
    const first = lastId + 1;
    lastId += calls.length;
    const messages = calls.map(({ method, params }, index) => ({
      jsonrpc: '2.0',
      id: first + index,
      method,
      params,
    }));
    const timeout = AbortSignal.timeout(
      callOptions.timeoutMilliseconds ?? options.timeoutMilliseconds ?? DEFAULT_TIMEOUT,
    );
    const signal =
      callOptions.signal === undefined ? timeout : AbortSignal.any([callOptions.signal, timeout]);
    const answer = await exchange(JSON.stringify(single ? messages[0] : messages), signal);
    const answers = single ? [answer] : answer;
    if (!Array.isArray(answers)) {
      const refusal = isRecord(answer) ? refusalOf('batch', answer.error) : undefined;
      throw refusal ?? malformed('the answer to a batch is no list');
    }
    const byId = new Map<unknown, Record<string, unknown>>();
    for (const item of answers) if (isRecord(item)) byId.set(item.id, item);
    return calls.map(({ method }, index) => {
      const item = byId.get(first + index);
      if (item === undefined) throw malformed(`no answer to ${method}`);
      const refusal = refusalOf(method, item.error);
      if (refusal !== undefined) {
        // Overload and rate limits are spoken of in JSON too.
        if (isOverload(refusal)) throw unavailable(refusal.rpcMessage, refusal);
        return refusal;
      }
      if (!('result' in item)) throw malformed(`the answer to ${method} has no result`);
      return item.result;
    });
  }

  async function exchange(body: string, signal: AbortSignal): Promise<unknown> {
    let text: string;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal,
        redirect: 'error',
      });
      if (response.status === 413) {
        await response.body?.cancel();
        throw new Problem('chain.tooLarge', 'The endpoint says that this is too large.');
      }
      text = await limited(response, maxResponseBytes);
      // Some endpoints give their JSON-RPC errors a status of their own.
      if (!response.ok && !text.startsWith('{') && !text.startsWith('[')) {
        throw unavailable(`it answered with status ${response.status}`);
      }
      if (response.status === 429) throw unavailable('it asks to be called less often');
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw unavailable(reasonOf(error), error);
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw malformed('it is not JSON', cause);
    }
  }

  async function tried(
    calls: readonly RpcCall[],
    single: boolean,
    callOptions: RpcOptions,
  ): Promise<unknown[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await post(calls, single, callOptions);
      } catch (error) {
        const retryable = error instanceof Problem && error.retryable;
        if (!retryable || attempt >= attempts || callOptions.signal?.aborted) throw error;
        await sleep(FIRST_PAUSE * 2 ** (attempt - 1));
      }
    }
  }

  return {
    async call(method, params, callOptions = {}) {
      const [result] = await tried([{ method, params }], true, callOptions);
      if (result instanceof RpcRefusal) throw result;
      return result;
    },
    async batch(calls, callOptions = {}) {
      return calls.length === 0 ? [] : tried(calls, false, callOptions);
    },
  };
}

async function limited(response: Response, limit: number): Promise<string> {
  const announced = Number(response.headers.get('content-length') ?? 0);
  if (announced > limit) {
    await response.body?.cancel();
    throw tooLarge(limit);
  }
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of response.body ?? []) {
    total += chunk.length;
    if (total > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total).toString('utf8');
}

function tooLarge(limit: number): Problem {
  return new Problem('chain.tooLarge', `An answer of the chain is larger than ${limit} bytes.`);
}

function unavailable(reason: string, cause?: unknown): Problem {
  return new Problem('chain.unavailable', `The chain's endpoint does not answer: ${reason}.`, { cause });
}

/** An answer that contradicts itself or the protocol; another endpoint, or a later call, may do better. */
export function malformed(reason: string, cause?: unknown): Problem {
  return new Problem('chain.malformed', `The chain's answer is wrong: ${reason}.`, { cause });
}

function refusalOf(method: string, error: unknown): RpcRefusal | undefined {
  if (error === undefined || error === null) return undefined;
  if (!isRecord(error)) return new RpcRefusal(method, 0, 'an error without words', undefined);
  return new RpcRefusal(method, Number(error.code), String(error.message).slice(0, 500), error.data);
}

const LIMIT_EXCEEDED = -32_005;
function isOverload({ rpcCode, rpcMessage }: RpcRefusal): boolean {
  if (rpcCode === 429) return true;
  return rpcCode === LIMIT_EXCEEDED && /rate|too many requests|capacity/i.test(rpcMessage);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
