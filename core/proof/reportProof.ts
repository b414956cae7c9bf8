import { fromBase64Url, type Hex, toBase64Url } from '../bytes.ts';
import type { Report, ReportProof } from '../report/report.ts';
import { agreedBlocks, type ChainView, type RpcRequest } from '../verify/chainView.ts';
import { readHeader } from './header.ts';
import { proofView, type StateProof } from './proofView.ts';

function readProof(proof: ReportProof): StateProof {
  return {
    chainId: BigInt(proof.chainId),
    codec: proof.codec,
    header: fromBase64Url(proof.header),
    nodes: proof.nodes.map(fromBase64Url),
  };
}

/** A state proof as reports carry it. */
export function writeProof(proof: StateProof): ReportProof {
  return {
    chainId: proof.chainId.toString(),
    codec: proof.codec,
    header: toBase64Url(proof.header),
    nodes: proof.nodes.map(toBase64Url),
  };
}

/** The state proof that a report carries for a chain, or null where it carries none. @throws `bytes.invalidBase64Url` */
export function reportProof(report: Report, chainId: bigint): StateProof | null {
  const proof = report.proofs?.find((candidate) => candidate.chainId === chainId.toString());
  return proof === undefined ? null : readProof(proof);
}

/**
 * Checks a report against block hashes that the reader trusts: no network. The reader vouches that they are final.
 * @throws `proof.otherBlock` and the other `proof.*` codes
 */
export function offlineViews(report: Report, trustedHashes: ReadonlyMap<bigint, Hex>) {
  return async (chainId: bigint): Promise<ChainView | null> => {
    const hash = trustedHashes.get(chainId);
    const proof = reportProof(report, chainId);
    return hash === undefined || proof === null ? null : proofView(proof, hash, true);
  };
}

/**
 * A view by the report's own storage proof, against the block hash that the reader's endpoints agree on: they need not
 * hold that block's state, and are asked for nothing but headers.
 * @throws `rpc.*` when the endpoints fail or disagree, the `proof.*` codes when the proof is of another block
 */
export async function anchoredView(proof: StateProof, endpoints: readonly RpcRequest[]): Promise<ChainView> {
  const header = readHeader(proof.header, proof.codec);
  const { block, final } = await agreedBlocks(endpoints, proof.chainId, header.number);
  const view = proofView(proof, block.hash, final !== null && final.number >= block.number);
  return { ...view, final, endpoints: endpoints.length };
}
