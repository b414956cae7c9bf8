import type { Hex } from '../../core/bytes.ts';
import { VinculumError } from '../../core/errors.ts';
import { readHeader } from '../../core/proof/header.ts';
import { anchoredView, offlineViews, reportProof } from '../../core/proof/reportProof.ts';
import type { Report } from '../../core/report/report.ts';
import { type ChainView, rpcView } from '../../core/verify/chainView.ts';
import { headClaims, movedHeads } from '../../core/verify/headClaims.ts';
import type { Outcome, StepName, Verification } from '../../core/verify/result.ts';
import { type Trust, type Views, verify } from '../../core/verify/verify.ts';
import type { Source, Trouble } from '../model/judgement.ts';
import type { CheckOrder } from './messages.ts';
import { type Endpoint, rpcEndpoint } from './rpc.ts';

export type Listener = {
  readonly onStep: (step: StepName, outcome: Outcome) => void;
  readonly onSlow: (endpoint: string) => void;
};

export type Checked = {
  readonly verification: Verification;
  readonly sources: readonly Source[];
  readonly troubles: readonly Trouble[];
};

const unread: Views = async () => null;

/** What can be said of a report without any chain: which entries open, and what they would come to if all is true. */
export function readWithoutChain(report: Report): Promise<Verification> {
  const { chainId, address } = report.directory;
  return verify(report, { chainId: BigInt(chainId), directory: address as Trust['directory'] }, unread);
}

/**
 * Verifies a report by the reader's sources. Where a source fails, the verification is made without it, and so comes to
 * `incomplete`: the trouble says why.
 */
export async function check(report: Report, order: CheckOrder, listener: Listener): Promise<Checked> {
  const trust: Trust = { chainId: BigInt(order.trust.chainId), directory: order.trust.directory };
  const troubles: Trouble[] = [];
  const sources = new Map<string, Source>();
  const given: Source['endpoints'] = order.trustedHashes === null ? order.endpoints : [];
  if (order.trustedHashes === null && given.length === 0) troubles.push({ code: 'rpc.none' });
  const endpoints = await groupByChain(given, wantedChains(report, trust), listener, troubles);
  const failed = new Set<string>();
  /** Chains whose proof in the report does not hold. */
  const unproven = new Set<string>();
  const fail = (chainId: bigint, error: unknown): null => {
    const chain = chainId.toString();
    troubles.push(troubleOf(error, chainId));
    // A broken proof: the endpoints can be asked instead.
    if (sources.get(chain)?.by === 'proof' && isOfProof(error)) unproven.add(chain);
    else failed.add(chain);
    sources.delete(chain);
    return null;
  };
  const views: Views = async (chainId) => {
    const chain = chainId.toString();
    if (failed.has(chain)) return null;
    const note = (by: Source['by'], used: readonly Endpoint[]): void => {
      const urls = used.map(({ url }) => url);
      sources.set(chain, { chainId: chain, by, endpoints: urls, operatorOnly: order.operatorOnly });
    };
    try {
      if (order.trustedHashes !== null) {
        const view = await byHash(report, chainId, order.trustedHashes);
        if (view !== null) note('hash', []);
        return view;
      }
      const asked = endpoints.get(chain);
      if (asked === undefined) return null;
      const requests = asked.map(({ request }) => request);
      const proof = unproven.has(chain)
        ? null
        : await byProof(report, chainId, asked, order.freshSince, troubles);
      note(proof === null ? 'rpc' : 'proof', asked);
      return proof ?? (await rpcView(requests, chainId));
    } catch (error) {
      return fail(chainId, error);
    }
  };

  // A view can fail half way through: then once more without it. Each round loses at least one.
  for (;;) {
    const asked: { failing: bigint | null } = { failing: null };
    const guarded: Views = async (chainId) => {
      const view = await views(chainId);
      return view === null
        ? null
        : tracked(view, () => {
            asked.failing = chainId;
          });
    };
    try {
      const verification = await verify(report, trust, guarded, { onStep: listener.onStep });
      troubles.push(...(await movedSince(report, trust, sources, endpoints)));
      return { verification, sources: [...sources.values()], troubles };
    } catch (error) {
      if (asked.failing === null || !(error instanceof VinculumError)) throw error;
      fail(asked.failing, error);
    }
  }
}

/**
 * What a proof shows was so at its block. The endpoints are asked whether it still is, of every head that the report
 * tells: whoever hands out an old proof could hide what came after.
 */
async function movedSince(
  report: Report,
  trust: Trust,
  sources: ReadonlyMap<string, Source>,
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
): Promise<Trouble[]> {
  const moved: Trouble[] = [];
  const claims = headClaims(report, trust);
  for (const chainId of new Set(claims.map((claim) => claim.chainId))) {
    const chain = chainId.toString();
    const asked = endpoints.get(chain);
    if (sources.get(chain)?.by !== 'proof' || asked === undefined) continue;
    try {
      const view = await rpcView(
        asked.map(({ request }) => request),
        chainId,
      );
      const [first] = await movedHeads(view, claims);
      if (first !== undefined) {
        moved.push({ code: 'asOf.moved', chainId: chain, expected: first.now, found: first.claim.told });
      }
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      moved.push({ ...troubleOf(error, chainId), code: 'asOf.unknown' });
    }
  }
  return moved;
}

/** The proof does not hold, or the endpoints do not know its block: not that they are down. */
function isOfProof(error: unknown): boolean {
  if (!(error instanceof VinculumError)) return false;
  return (
    error.code.startsWith('proof.') || error.code === 'rpc.unknownBlock' || error.code === 'rpc.malformed'
  );
}

/** The view, telling when it fails. */
function tracked(view: ChainView, onFailure: () => void): ChainView {
  const ask = <Arguments extends unknown[], Answer>(read: (...given: Arguments) => Promise<Answer>) => {
    return async (...given: Arguments): Promise<Answer> => {
      try {
        return await read(...given);
      } catch (error) {
        onFailure();
        throw error;
      }
    };
  };
  return {
    ...view,
    directoryHead: ask(view.directoryHead),
    codeHash: ask(view.codeHash),
    pseudonymKey: ask(view.pseudonymKey),
    head: ask(view.head),
    ownHead: ask(view.ownHead),
    organisationHead: ask(view.organisationHead),
  };
}

function wantedChains(report: Report, trust: Trust): Set<string> {
  const wanted = new Set([trust.chainId.toString()]);
  for (const link of report.directory.links) if (link.change === 'added') wanted.add(link.chainId);
  return wanted;
}

/**
 * The endpoints of each chain. One that cannot be asked, or serves a chain that nobody needs, spoils its chain: the
 * reader named it as one that must agree.
 */
async function groupByChain(
  urls: readonly string[],
  wanted: ReadonlySet<string>,
  { onSlow }: Listener,
  troubles: Trouble[],
): Promise<ReadonlyMap<string, readonly Endpoint[]>> {
  const asked = urls.map((url) => rpcEndpoint(url, onSlow));
  const answers = await Promise.all(
    asked.map(async (endpoint) => {
      try {
        const id = await endpoint.request('eth_chainId', []);
        if (typeof id !== 'string' || !/^0x[0-9a-fA-F]{1,16}$/.test(id)) {
          throw new VinculumError('rpc.malformed', 'An endpoint’s answer is malformed.', {
            details: { endpoint: endpoint.url },
          });
        }
        return BigInt(id).toString();
      } catch (error) {
        troubles.push(troubleOf(error));
        return null;
      }
    }),
  );
  const groups = new Map<string, Endpoint[]>();
  asked.forEach((endpoint, index) => {
    const chain = answers[index] ?? null;
    if (chain === null) return;
    if (wanted.has(chain)) groups.set(chain, [...(groups.get(chain) ?? []), endpoint]);
    else {
      const expected = [...wanted].join(', ');
      troubles.push({ code: 'rpc.otherChain', endpoint: endpoint.url, expected, found: chain });
    }
  });
  return troubles.length > 0 ? new Map() : groups;
}

/** By a block hash of the reader's own, without any network. */
async function byHash(
  report: Report,
  chainId: bigint,
  hashes: Readonly<Record<string, Hex>>,
): Promise<ChainView | null> {
  const trusted = new Map(Object.entries(hashes).map(([chain, hash]) => [BigInt(chain), hash]));
  const view = await offlineViews(report, trusted)(chainId);
  if (view === null && trusted.has(chainId)) {
    throw new VinculumError('proof.none', 'The report carries no proof of this chain.');
  }
  return view;
}

/**
 * By the report's own storage proof under a block hash that the endpoints agree on, where it carries one that is fresh
 * enough; null where the endpoints have to be asked for everything. A proof that does not hold is a trouble of its own.
 */
async function byProof(
  report: Report,
  chainId: bigint,
  endpoints: readonly Endpoint[],
  freshSince: number,
  troubles: Trouble[],
): Promise<ChainView | null> {
  try {
    const proof = reportProof(report, chainId);
    if (proof === null || readHeader(proof.header, proof.codec).timestamp < BigInt(freshSince)) return null;
    return await anchoredView(
      proof,
      endpoints.map(({ request }) => request),
    );
  } catch (error) {
    if (!isOfProof(error)) throw error;
    const trouble = troubleOf(error, chainId);
    troubles.push(trouble.code.startsWith('proof.') ? trouble : { ...trouble, code: 'proof.unknownBlock' });
    return null;
  }
}

function troubleOf(error: unknown, chainId?: bigint): Trouble {
  if (!(error instanceof VinculumError)) throw error;
  const { endpoint, expected, found, answers } = error.details;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const facts = {
    chainId: chainId?.toString(),
    endpoint: text(endpoint),
    expected: text(expected),
    found:
      text(found) ?? (Array.isArray(answers) ? answers.map(String).join(' ≠ ').slice(0, 1000) : undefined),
  };
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return { code: error.code, ...Object.fromEntries(known) };
}
