import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { crossOrigin, securityHeaders } from '../../../api/http/headers.ts';
import { mountPage } from '../../../api/page/page.ts';
import { type Hex, toHex } from '../../../core/bytes.ts';
import { foldDirectory } from '../../../core/chain/directory.ts';
import { foldLinks } from '../../../core/chain/link.ts';
import { foldOrganisation } from '../../../core/chain/organisation.ts';
import type { Report } from '../../../core/report/report.ts';
import { selector } from '../../../core/verify/chainView.ts';
import type { World } from '../../core/verify/world.ts';
import { LEDGER_CODE } from './demoWorld.ts';

/** What a served world does otherwise than it should; changed by a test while it runs. */
export type Behaviour = {
  /** Alters a report before it goes out. */
  report?: (report: Report) => Report | string;
  /** Answers a look-up with a failure instead. */
  problem?: { status: number; body: Readonly<Record<string, unknown>>; retryAfter?: number };
  /** Milliseconds before each answer of the service. */
  slow?: number;
  directory?: { chainId?: string; directory?: string; rpc?: string | null };
  document?: (cid: string, bytes: Uint8Array) => Uint8Array | null;
};

/** How one endpoint of the world's chain behaves. */
export type EndpointBehaviour = {
  chainId?: bigint;
  blockHash?: Hex;
  /** Milliseconds before each answer. */
  slow?: number;
  final?: boolean;
  /** Seconds by which its blocks are old. */
  age?: number;
  garbage?: boolean;
};

export interface Served {
  readonly url: string;
  readonly rpcUrl: string;
  readonly behaviour: Behaviour;
  /** A further endpoint of the same chain. */
  endpoint(behaviour?: EndpointBehaviour): Promise<string>;
  close(): Promise<void>;
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The page, and behind it a world without a chain that answers as the service and its endpoint do. */
export async function serveWorld(
  world: World,
  documents: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<Served> {
  const behaviour: Behaviour = {};
  const servers: Server[] = [];
  const endpoint = async (how: EndpointBehaviour = {}): Promise<string> => {
    const server = createServer(rpcApp(world, how));
    servers.push(server);
    return listen(server);
  };
  const rpcUrl = await endpoint();

  const app = express();
  app.set('etag', false);
  app.use(securityHeaders(false), crossOrigin);
  app.get('/v1/directory', (_request, response) => {
    const {
      chainId = world.chainId.toString(),
      directory = world.directory,
      rpc = rpcUrl,
    } = behaviour.directory ?? {};
    response.json({ chainId, directory, rpc });
  });
  const report = async (identifier: string, response: express.Response): Promise<void> => {
    await wait(behaviour.slow ?? 0);
    const { problem } = behaviour;
    if (problem !== undefined) {
      if (problem.retryAfter !== undefined) response.set('Retry-After', String(problem.retryAfter));
      response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem.body));
      return;
    }
    const honest = world.report(identifier);
    const told = behaviour.report?.(honest) ?? honest;
    response.type('application/json').send(typeof told === 'string' ? told : JSON.stringify(told));
  };
  app.get('/v1/vehicles/:id/report', ({ params }, response) => report(params.id, response));
  app.get('/v1/batches/:maker/:number/report', ({ params }, response) =>
    report(`batch:${params.maker}:${params.number}`, response),
  );
  app.get('/ipfs/:cid', ({ params }, response) => {
    const held = documents.get(params.cid);
    const bytes =
      held === undefined ? undefined : (behaviour.document ?? ((_cid, same) => same))(params.cid, held);
    if (bytes === undefined || bytes === null) response.status(404).end();
    else response.type('application/vnd.ipld.raw').send(Buffer.from(bytes));
  });
  await mountPage(app);
  app.use((_request, response) => void response.status(404).type('text/plain').send('nothing here'));
  const server = createServer(app);
  servers.push(server);
  const url = await listen(server);
  return {
    url,
    rpcUrl,
    behaviour,
    endpoint,
    close: async () => {
      for (const one of servers) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };
}

function rpcApp(world: World, how: EndpointBehaviour): express.Express {
  const app = express();
  app.use(crossOrigin, express.json());
  app.post('/', async (request, response) => {
    await wait(how.slow ?? 0);
    if (how.garbage === true) {
      response.type('text/html').send('<!doctype html><title>hello</title>');
      return;
    }
    const { id, method, params } = request.body as { id: number; method: string; params: unknown[] };
    try {
      response.json({ jsonrpc: '2.0', id, result: answer(world, how, method, params) });
    } catch (error) {
      response.json({ jsonrpc: '2.0', id, error: { code: -32000, message: String(error) } });
    }
  });
  return app;
}

function answer(world: World, how: EndpointBehaviour, method: string, params: readonly unknown[]): unknown {
  switch (method) {
    case 'eth_chainId':
      return quantity(how.chainId ?? world.chainId);
    case 'eth_getBlockByNumber': {
      const [tag] = params;
      if (tag === 'finalized' && how.final === false) return null;
      const final = tag === 'finalized' || tag === quantity(99n);
      const timestamp = world.clock + (final ? 12n : 24n) - BigInt(how.age ?? 0);
      return {
        number: quantity(final ? 99n : 100n),
        hash: how.blockHash ?? `0x${(final ? 'b0' : 'b1').repeat(32)}`,
        timestamp: quantity(timestamp),
      };
    }
    case 'eth_getCode':
      return params[0] === world.ledger ? LEDGER_CODE : '0x';
    case 'eth_call':
      return call(world, params[0] as { to: string; data: string });
    default:
      throw new Error(`the method ${method} does not exist`);
  }
}

function call(world: World, { to, data }: { to: string; data: string }): string {
  const argument = data.slice(10);
  const number = argument === '' ? 0n : BigInt(`0x${argument}`);
  switch (data.slice(0, 10)) {
    case selector('head()'):
      return to === world.directory ? foldDirectory(world.directoryLinks) : '0x';
    case selector('pseudonymKey()'):
      return toHex(world.keys.publicKey);
    case selector('heads(bytes32)'):
      return foldLinks(world.chains.get(`0x${argument}`) ?? []);
    case selector('ownHeads(uint64)'):
      return foldLinks(world.chains.get(`own:${number}`) ?? []);
    case selector('heads(uint64)'):
      return foldOrganisation(world.records.get(number) ?? []);
    default:
      throw new Error('execution reverted');
  }
}

const quantity = (value: bigint): string => `0x${value.toString(16)}`;
