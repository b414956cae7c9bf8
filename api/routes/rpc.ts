import * as z from 'zod';
import { RpcRefusal } from '../chain/rpc.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';

/** What a reader asks of a chain, and what an organisation needs to write to the ledger without this service. */
const METHODS = [
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getCode',
  'eth_getLogs',
  'eth_getProof',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_sendRawTransaction',
  'net_version',
] as const;

const METHOD_NOT_FOUND = -32601;
const TIMEOUT_MILLISECONDS = 10_000;

const id = z.union([z.string().max(200), z.number(), z.null()]);
const failure = z.strictObject({ code: z.number(), message: z.string(), data: z.unknown().optional() });

/**
 * The embedded chain for pages: its own port refuses them all, because it also obeys commands that no page may give.
 */
export const callChain = defineRoute({
  method: 'post',
  path: '/rpc',
  name: 'callChain',
  tag: 'Service',
  summary: 'The embedded chain’s JSON-RPC, for readers in a browser.',
  description: `Methods: ${METHODS.join(', ')}. A chain named by RPC_URL is not served here: ask an endpoint of your own.`,
  access: 'anyone',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      jsonrpc: z.literal('2.0'),
      id,
      method: z.string().max(100),
      params: z.array(z.unknown()).max(10).default([]),
    }),
  },
  responses: {
    200: {
      description: 'The chain’s answer, or its refusal',
      mediaType: 'application/json',
      schema: z.strictObject({
        jsonrpc: z.literal('2.0'),
        id,
        result: z.unknown().optional(),
        error: failure.optional(),
      }),
    },
  },
  problems: ['chain.notServed', 'chain.unavailable', 'chain.malformed', 'chain.tooLarge'],
  async handle({ body }, { publicRpc, rpc }) {
    if (publicRpc() === null) {
      throw new Problem(
        'chain.notServed',
        'This service’s chain is not its own: ask an endpoint of your choice.',
      );
    }
    const answer = { jsonrpc: '2.0', id: body.id } as const;
    if (!(METHODS as readonly string[]).includes(body.method)) {
      const error = { code: METHOD_NOT_FOUND, message: `${body.method} is not served here` };
      return { status: 200, body: { ...answer, error } };
    }
    try {
      const options = { timeoutMilliseconds: TIMEOUT_MILLISECONDS };
      return { status: 200, body: { ...answer, result: await rpc.call(body.method, body.params, options) } };
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
      const { rpcCode: code, rpcMessage: message, data } = error;
      return {
        status: 200,
        body: { ...answer, error: { code, message, ...(data === undefined ? {} : { data }) } },
      };
    }
  },
});
