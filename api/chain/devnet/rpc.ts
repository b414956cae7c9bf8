import { Agent, type IncomingMessage, request } from 'node:http';
import { VinculumError } from '../../../core/errors.ts';

/** A JSON-RPC connection to the embedded chain, kept alive. */
export interface DevnetRpc {
  call(method: string, params?: readonly unknown[]): Promise<unknown>;
  /** Calls a method whose result is one long hex string, and passes its bytes on piece by piece. */
  callForBytes(
    method: string,
    params: readonly unknown[],
    onBytes: (bytes: Buffer) => Promise<void>,
  ): Promise<void>;
  close(): void;
}

/** A snapshot of a large chain takes long before its first byte comes. */
const bytesMilliseconds = 600_000;

/** Connects to an EVM node on this machine; one that is silent for longer than allowed counts as hung. */
export function connect(port: number, answerMilliseconds: number): DevnetRpc {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let id = 0;

  const post = (method: string, params: readonly unknown[], milliseconds: number): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params });
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const outgoing = request({ host: '127.0.0.1', port, method: 'POST', agent, headers }, resolve);
      outgoing.setTimeout(milliseconds, () => outgoing.destroy(new HungError(milliseconds)));
      outgoing.on('error', (cause) => reject(unreachable(method, cause)));
      outgoing.end(body);
    });

  const call = async (method: string, params: readonly unknown[] = []): Promise<unknown> => {
    const response = await post(method, params, answerMilliseconds);
    let text = '';
    try {
      response.setEncoding('utf8');
      for await (const piece of response) text += piece as string;
    } catch (cause) {
      throw unreachable(method, cause);
    }
    const answer = parseAnswer(method, text);
    if ('error' in answer) throw refused(method, answer.error);
    return answer.result;
  };

  const callForBytes: DevnetRpc['callForBytes'] = async (method, params, onBytes) => {
    const response = await post(method, params, Math.max(bytesMilliseconds, answerMilliseconds));
    response.setEncoding('latin1');
    let head = '';
    let inHex = false;
    let complete = false;
    let odd = '';
    try {
      for await (const piece of response as AsyncIterable<string>) {
        let hex = piece;
        if (!inHex) {
          head += piece;
          const start = head.indexOf('"result":"0x');
          if (start < 0) continue;
          inHex = true;
          hex = head.slice(start + '"result":"0x'.length);
        }
        if (complete) continue;
        const end = hex.indexOf('"');
        if (end >= 0) {
          complete = true;
          hex = hex.slice(0, end);
        }
        hex = odd + hex;
        const even = hex.length - (hex.length % 2);
        odd = hex.slice(even);
        if (even > 0) await onBytes(Buffer.from(hex.slice(0, even), 'hex'));
      }
    } catch (cause) {
      throw cause instanceof VinculumError ? cause : unreachable(method, cause);
    }
    if (!inHex) throw refused(method, head.slice(0, 500));
    if (!complete || odd !== '') throw unreachable(method, new Error('the answer ended half way'));
  };

  return { call, callForBytes, close: () => agent.destroy() };
}

function parseAnswer(method: string, text: string): { result: unknown } | { error: unknown } {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw refused(method, text.slice(0, 500), cause);
  }
  if (typeof answer !== 'object' || answer === null) throw refused(method, text.slice(0, 500));
  if ('error' in answer) return { error: answer.error };
  if ('result' in answer) return { result: answer.result };
  throw refused(method, text.slice(0, 500));
}

class HungError extends Error {
  constructor(milliseconds: number) {
    super(`no answer within ${milliseconds} ms`);
  }
}

/** Whether a call failed because the node is there and says nothing. */
export function isHung(error: unknown): boolean {
  return error instanceof VinculumError && error.cause instanceof HungError;
}

function unreachable(method: string, cause: unknown): VinculumError {
  return new VinculumError(
    'devnet.unreachable',
    `The embedded chain did not answer ${method}: it has stopped or is being restarted.`,
    {
      cause,
      details: { method },
    },
  );
}

function refused(method: string, answer: unknown, cause?: unknown): VinculumError {
  return new VinculumError(
    'devnet.refused',
    `The embedded chain refused ${method}: ${JSON.stringify(answer)}`,
    {
      cause,
      details: { method },
    },
  );
}
