import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What an operator in between makes of an answer of the honest service. */
export type OperatorLie = {
  /** Of a report, a vehicle’s overview or anything else that is JSON. */
  readonly json?: (path: string, body: unknown) => unknown;
  readonly pdf?: (path: string, bytes: Uint8Array) => Uint8Array;
  /** What it answers by itself, without handing the request on; undefined: it hands it on. */
  readonly instead?: (path: string, body: string) => unknown;
  /** Of a block or CAR of the gateway; null: it says that there is none. */
  readonly block?: (path: string, bytes: Uint8Array) => Uint8Array | null;
};

export type RpcAsk = { readonly method: string; readonly params: readonly unknown[] };

/** What an endpoint in between makes of a node’s answers. */
export type RpcLie = {
  /** What the node is asked instead. */
  readonly ask?: (ask: RpcAsk) => RpcAsk;
  /** What is answered instead of the node’s result. */
  readonly answer?: (ask: RpcAsk, result: unknown) => unknown;
  /** Another node altogether. */
  readonly node?: string;
  readonly delayMilliseconds?: number;
  /** No JSON-RPC at all. */
  readonly garbage?: string;
};

async function listen(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.statusCode = 502;
      response.end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Stands before a service or a node; tells the truth until it is given a lie. */
abstract class Between {
  readonly url: string;
  readonly #server: Server;

  constructor({ server, url }: { server: Server; url: string }) {
    this.#server = server;
    this.url = url;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

export class OperatorProxy extends Between {
  lie: OperatorLie = {};
  /** The honest service. It is started later: its public address is this one. */
  service = '';

  static async listening(): Promise<OperatorProxy> {
    const started = await listen(async (request, response) => {
      const path = request.url ?? '/';
      const parts: Uint8Array[] = [];
      for await (const part of request) parts.push(part as Uint8Array);
      const own = proxy.lie.instead?.(path, Buffer.concat(parts).toString('utf8'));
      if (own !== undefined) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(own));
        return;
      }
      const { authorization, 'content-type': sent } = request.headers;
      const answer = await fetch(proxy.service + path, {
        method: request.method ?? 'GET',
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          ...(sent === undefined ? {} : { 'content-type': sent }),
        },
        ...(parts.length === 0 ? {} : { body: Buffer.concat(parts) }),
      });
      const type = answer.headers.get('content-type') ?? '';
      let body: Uint8Array | null = new Uint8Array(await answer.arrayBuffer());
      if (type.startsWith('application/json') && proxy.lie.json !== undefined) {
        const told = proxy.lie.json(path, JSON.parse(new TextDecoder().decode(body)));
        body = new TextEncoder().encode(typeof told === 'string' ? told : JSON.stringify(told));
      } else if (type.startsWith('application/pdf') && proxy.lie.pdf !== undefined) {
        body = proxy.lie.pdf(path, body);
      } else if (path.startsWith('/ipfs/') && proxy.lie.block !== undefined) {
        body = proxy.lie.block(path, body);
      }
      response.statusCode = body === null ? 404 : answer.status;
      response.setHeader('content-type', type);
      response.end(body);
    });
    const proxy = new OperatorProxy(started);
    return proxy;
  }
}

export class RpcProxy extends Between {
  lie: RpcLie = {};

  static async before(node: string): Promise<RpcProxy> {
    const started = await listen(async (request, response) => {
      const parts: Uint8Array[] = [];
      for await (const part of request) parts.push(part as Uint8Array);
      const { lie } = proxy;
      if (lie.delayMilliseconds !== undefined) await sleep(lie.delayMilliseconds);
      if (lie.garbage !== undefined) {
        response.end(lie.garbage);
        return;
      }
      const message = JSON.parse(Buffer.concat(parts).toString('utf8')) as RpcAsk & { id: number };
      const asked = lie.ask?.(message) ?? message;
      const answer = await fetch(lie.node ?? node, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: message.id, method: asked.method, params: asked.params }),
      });
      const told = (await answer.json()) as { result?: unknown };
      if ('result' in told && lie.answer !== undefined) told.result = lie.answer(message, told.result);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(told));
    });
    const proxy = new RpcProxy(started);
    return proxy;
  }
}
