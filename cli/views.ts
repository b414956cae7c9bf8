import { type ChainView, rpcView } from '../core/verify/chainView.ts';
import type { Views } from '../core/verify/verify.ts';
import { readChainId } from './chain.ts';
import { createRpc, type Rpc } from './rpc.ts';

/** The reader's endpoints by the chain that each serves. */
export type Endpoints = ReadonlyMap<bigint, readonly Rpc[]>;

/** Asks each endpoint which chain it serves. @throws `http.*` `rpc.*` when one can't be reached */
export async function connect(urls: readonly string[], signal: AbortSignal): Promise<Endpoints> {
  const endpoints = new Map<bigint, Rpc[]>();
  for (const url of urls) {
    const rpc = createRpc(url, { signal });
    const chainId = await readChainId(rpc);
    endpoints.set(chainId, [...(endpoints.get(chainId) ?? []), rpc]);
  }
  return endpoints;
}

/** Views of the chains that the reader has endpoints for; of any other there is none. */
export function viewsOf(endpoints: Endpoints): Views {
  const views = new Map<bigint, Promise<ChainView>>();
  return async (chainId) => {
    const found = endpoints.get(chainId);
    if (found === undefined) return null;
    const view =
      views.get(chainId) ??
      rpcView(
        found.map((rpc) => rpc.request),
        chainId,
      );
    views.set(chainId, view);
    return view;
  };
}
