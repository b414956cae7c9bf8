import type { Hex } from '../core/bytes.ts';
import { isVinculumError } from '../core/errors.ts';
import { anchoredView, offlineViews, reportProof } from '../core/proof/reportProof.ts';
import type { Report } from '../core/report/report.ts';
import { type ChainView, rpcView } from '../core/verify/chainView.ts';
import type { Views } from '../core/verify/verify.ts';
import { readChainId } from './chain.ts';
import { usageError } from './exit.ts';
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

/** The blocks that the reader trusts, by chain: no network is needed for those. */
export type TrustedHashes = ReadonlyMap<bigint, Hex>;

/**
 * Block hashes as written on the command line: `0x…`, or `chainId:0x…` for another chain than the directory's.
 * @throws `settings.blockHash`
 */
export function parseHashes(texts: readonly string[], home: bigint): Map<bigint, Hex> {
  const hashes = new Map<bigint, Hex>();
  for (const text of texts) {
    const match = /^(?:(?:eip155:)?([1-9][0-9]{0,19}):)?(0x[0-9a-fA-F]{64})$/.exec(text);
    if (match?.[2] === undefined) {
      throw usageError('settings.blockHash', 'A block hash is written 0x and 64 digits, or CHAIN:0x….');
    }
    hashes.set(match[1] === undefined ? home : BigInt(match[1]), match[2].toLowerCase() as Hex);
  }
  return hashes;
}

/** How a chain was read. */
export type ViewSource = 'hash' | 'proof' | 'rpc';

export type ReportViews = { readonly views: Views; readonly sources: ReadonlyMap<bigint, ViewSource> };

/**
 * Views for one report: under a trusted block hash; else by the report's own proof, against the hash that the endpoints
 * give for its block; else by the endpoints alone.
 */
export function reportViews(report: Report, endpoints: Endpoints, hashes: TrustedHashes): ReportViews {
  const sources = new Map<bigint, ViewSource>();
  const known = new Map<bigint, Promise<ChainView | null>>();
  const byHash = offlineViews(report, hashes);
  const byRpc = viewsOf(endpoints);
  const open = async (chainId: bigint): Promise<ChainView | null> => {
    if (hashes.has(chainId)) {
      const view = await byHash(chainId);
      if (view !== null) sources.set(chainId, 'hash');
      return view;
    }
    const found = endpoints.get(chainId) ?? [];
    const proof = reportProof(report, chainId);
    if (found.length > 0 && proof !== null) {
      const view = await anchoredView(
        proof,
        found.map((rpc) => rpc.request),
      ).catch((error: unknown) => {
        if (isVinculumError(error) && isNotProven(error.code)) return null;
        throw error;
      });
      if (view !== null) {
        sources.set(chainId, 'proof');
        return view;
      }
    }
    if (found.length > 0) sources.set(chainId, 'rpc');
    return byRpc(chainId);
  };
  return {
    sources,
    views: (chainId) => {
      const view = known.get(chainId) ?? open(chainId);
      known.set(chainId, view);
      return view;
    },
  };
}

/** The endpoint does not know the block of the proof, or knows another, or the proof is broken: not that it is down. */
function isNotProven(code: string): boolean {
  return code.startsWith('proof.') || ['rpc.unknownBlock', 'rpc.malformed', 'rpc.refused'].includes(code);
}
