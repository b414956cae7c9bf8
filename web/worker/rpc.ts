import { VinculumError } from '../../core/errors.ts';
import type { RpcRequest } from '../../core/verify/chainView.ts';
import { fetchBytes } from './fetching.ts';

const TIMEOUT_MILLISECONDS = 12_000;
const SLOW_MILLISECONDS = 2_500;
/** Far more than a contract's code in hex, the largest answer that is asked for. */
const MOST_BYTES = 4 * 1024 * 1024;

export type Endpoint = { readonly url: string; readonly request: RpcRequest };

/**
 * A JSON-RPC endpoint of an EVM chain over HTTP.
 * @param onSlow told when an answer takes long
 */
export function rpcEndpoint(url: string, onSlow: (url: string) => void): Endpoint {
  let last = 0;
  const request: RpcRequest = async (method, params) => {
    const id = ++last;
    const timer = setTimeout(() => onSlow(url), SLOW_MILLISECONDS);
    try {
      const { response, bytes } = await fetchBytes(url, {
        prefix: 'rpc',
        most: MOST_BYTES,
        milliseconds: TIMEOUT_MILLISECONDS,
        init: {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
        },
      });
      return readAnswer(url, method, response, bytes);
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      throw new VinculumError(error.code, error.message, {
        cause: error,
        details: { ...error.details, endpoint: url, method },
      });
    } finally {
      clearTimeout(timer);
    }
  };
  return { url, request };
}

function readAnswer(url: string, method: string, response: Response, bytes: Uint8Array): unknown {
  const details = { endpoint: url, method };
  let answer: { result?: unknown; error?: { message?: unknown } } | null = null;
  try {
    answer = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Below: an answer that is no JSON says nothing but its status.
  }
  if (answer?.error !== undefined && answer.error !== null) {
    const found = String(answer.error.message ?? '').slice(0, 300);
    throw new VinculumError('rpc.error', 'An endpoint refused a question.', {
      details: { ...details, found },
    });
  }
  if (!response.ok) {
    throw new VinculumError('rpc.status', 'An endpoint refused to answer.', {
      details: { ...details, found: String(response.status) },
    });
  }
  if (answer === null || typeof answer !== 'object' || !('result' in answer)) {
    throw new VinculumError('rpc.malformed', 'An endpoint’s answer is no JSON-RPC.', { details });
  }
  return answer.result;
}
