import type { RpcRequest } from '../core/verify/chainView.ts';
import { CommandError, isUnreachable } from './exit.ts';
import { exchange, placeOf, withRetries } from './http.ts';

export type RpcCall = { readonly method: string; readonly params: readonly unknown[] };

/** An endpoint of the chain. Its answers are hostile until parsed. */
export interface Rpc {
  readonly url: string;
  readonly request: RpcRequest;
  /** Many calls in few requests; results in the calls' order. The first error of any call is thrown. */
  batch(calls: readonly RpcCall[], onProgress?: (done: number) => void): Promise<unknown[]>;
}

export type RpcOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMilliseconds?: number;
  readonly attempts?: number;
  /** Calls in one request, default 250. */
  readonly batchSize?: number;
};

/** The endpoint understood and said no: too many logs, an unknown block, a method it does not have. */
export class RpcRefusal extends CommandError {
  constructor(url: string, method: string, rpcCode: number, message: string) {
    super('unreachable', 'rpc.refused', `${placeOf(url)} refused ${method}: ${message} (${rpcCode}).`, {
      details: { method, rpcCode },
    });
  }
}

export function createRpc(url: string, options: RpcOptions = {}): Rpc {
  const { signal, attempts = 4, batchSize = 250, timeoutMilliseconds = 30_000 } = options;
  let lastId = 0;

  async function send(calls: readonly RpcCall[]): Promise<unknown[]> {
    const first = lastId + 1;
    lastId += calls.length;
    const messages = calls.map((call, index) => ({ jsonrpc: '2.0', id: first + index, ...call }));
    const body = JSON.stringify(messages.length === 1 ? messages[0] : messages);
    const answers = await withRetries(
      async () => {
        const answer = await exchange(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          signal,
          timeoutMilliseconds,
        });
        return readAnswers(url, answer.status, answer.body, messages.length === 1);
      },
      (error) => ({ retryable: isUnreachable(error) }),
      { attempts, signal },
    );
    const byId = new Map<unknown, Record<string, unknown>>();
    for (const answer of answers) byId.set(answer.id, answer);
    return calls.map(({ method }, index) => {
      const answer = byId.get(first + index);
      if (answer === undefined) throw malformed(url, `no answer to ${method}`);
      const error = answer.error as { code?: unknown; message?: unknown } | null | undefined;
      if (error !== undefined && error !== null) {
        throw new RpcRefusal(url, method, Number(error.code ?? 0), String(error.message ?? '').slice(0, 300));
      }
      return answer.result;
    });
  }

  return {
    url,
    request: async (method, params) => (await send([{ method, params }]))[0],
    async batch(calls, onProgress) {
      const results: unknown[] = [];
      for (let start = 0; start < calls.length; start += batchSize) {
        results.push(...(await send(calls.slice(start, start + batchSize))));
        onProgress?.(results.length);
      }
      return results;
    },
  };
}

function readAnswers(
  url: string,
  status: number,
  body: Uint8Array,
  single: boolean,
): Record<string, unknown>[] {
  if (status === 429 || status >= 500) {
    throw new CommandError('unreachable', 'http.unreachable', `${placeOf(url)} answered ${status}.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw malformed(url, `HTTP ${status} without JSON`, cause);
  }
  const answers = single || !Array.isArray(value) ? [value] : value;
  if (!answers.every((answer) => typeof answer === 'object' && answer !== null)) {
    throw malformed(url, 'no JSON-RPC answer');
  }
  return answers as Record<string, unknown>[];
}

function malformed(url: string, what: string, cause?: unknown): CommandError {
  const text = `${placeOf(url)} does not answer as a chain’s JSON-RPC endpoint does (${what}).`;
  return new CommandError('unreachable', 'rpc.malformed', text, { cause });
}
