import { foldLinks } from '../../../core/chain/link.ts';
import type { Subject } from '../../../core/chain/types.ts';
import { plainSlot, SLOTS } from '../../../core/proof/proofView.ts';
import { mappingSlot } from '../../../core/proof/state.ts';
import { linkOf, type Report } from '../../../core/report/report.ts';
import { freePort, startChain, type TestChain } from '../../api/pipeline/chain.ts';
import type { ReportLie } from '../lie.ts';
import type { RpcAsk } from '../proxies.ts';
import type { System } from '../system.ts';
import { section } from './operator.ts';
import { proveBy, withoutProofs } from './proofs.ts';

type Block = { number: string; hash: string; timestamp: string };

/** The liar and an honest endpoint. */
const beside = (system: System) => ({ endpoints: [system.rpc.url, system.test.service.rpcUrl] });
const alone = (system: System) => ({ endpoints: [system.rpc.url] });
const by = 'RPC endpoint' as const;
const disagree = { by, readers: ['cli', 'rpc'], caughtBy: 'rpc.disagree', fate: 'refused' } as const;

const isBlock = ({ method }: RpcAsk): boolean => method === 'eth_getBlockByNumber';
const later = (result: unknown): unknown => ({
  ...(result as Block),
  timestamp: `0x${(Math.floor(Date.now() / 1000) + 86_400).toString(16)}`,
});

/** Answers for the car’s head alone. */
const headOfCar = (system: System, answer: (report: Report) => string) => ({
  answer: ({ method, params }: RpcAsk, result: unknown): unknown => {
    const [call] = params as [{ data?: string }];
    const subject = section(system.older).subject.slice(2);
    return method === 'eth_call' && call.data?.endsWith(subject) ? answer(system.older) : result;
  },
});

const headOf = (report: Report): string => foldLinks(section(report).links.map(linkOf));

/** The report without the accident, as the fork has it. */
export function withoutAccident(report: Report, system: System): Report {
  const gone = [system.entries.accident, system.entries.claim, system.entries.upheld] as string[];
  const copy = structuredClone(report);
  section(copy).links = section(copy).links.filter(({ digest }) => !gone.includes(digest));
  section(copy).organisations = section(copy).organisations.filter(
    ({ id }) => id !== system.insurer.id.toString(),
  );
  return copy;
}

const forks = new WeakMap<System, Promise<TestChain>>();

/** A second node with the honest chain’s whole state, but for one head: there the accident never happened. */
export function forkOf(system: System): Promise<TestChain> {
  const known = forks.get(system) ?? startFork(system);
  forks.set(system, known);
  return known;
}

async function startFork(system: System): Promise<TestChain> {
  const fork = await startChain(Number(system.trust.chainId), await freePort());
  await fork.rpc.call('anvil_loadState', [await system.chain.call('anvil_dumpState', [])]);
  const report = await system.honest(system.car);
  const slot = mappingSlot(section(report).subject as Subject, SLOTS.heads);
  const { ledger } = system.test.service.services.deployment;
  await fork.rpc.call('anvil_setStorageAt', [ledger, slot, headOf(withoutAccident(report, system))]);
  await fork.mine();
  // The honest chain goes on as well: at the fork's number it has a block of its own.
  await system.chain.mine(2);
  return fork;
}

export async function stopForks(system: System): Promise<void> {
  await (await forks.get(system))?.stop();
}

/** What an endpoint can say of the chain. */
export const endpointLies: readonly ReportLie[] = [
  {
    lie: 'lies about the head to a reader who has the report’s proof',
    by,
    readers: ['proof'],
    caughtBy: 'with a proof, endpoints are asked for block hashes only',
    fate: 'unchanged',
    rpc: (s) => headOfCar(s, () => plainSlot(0n)),
    reading: alone,
  },
  {
    lie: 'shows an old block as the newest, to go with an older report',
    by,
    readers: ['rpc'],
    caughtBy: 'asOf.stale',
    fate: 'stale',
    tell: (_, s) => s.older,
    rpc: (s) => {
      const { number } = section(s.older).asOf;
      return {
        ask: ({ method, params }) => ({
          method,
          params: params.map((one) =>
            one === 'latest' || one === 'finalized' ? `0x${number.toString(16)}` : one,
          ),
        }),
      };
    },
    reading: alone,
  },
  {
    lie: 'alone among two, gives the head from before the accident, to go with an older report',
    ...disagree,
    tell: (_, s) => withoutProofs(s.older),
    rpc: (s) => headOfCar(s, headOf),
    reading: beside,
  },
  {
    lie: 'alone among two, gives an empty slot',
    ...disagree,
    tell: withoutProofs,
    rpc: (s) => headOfCar(s, () => plainSlot(0n)),
    reading: beside,
  },
  {
    lie: 'alone among two, gives another hash of the block',
    ...disagree,
    readers: ['cli', 'rpc', 'proof'],
    rpc: () => ({
      answer: (ask, result) =>
        isBlock(ask) ? { ...(result as Block), hash: `0x${'ab'.repeat(32)}` } : result,
    }),
    reading: beside,
  },
  {
    lie: 'alone among two, dates an old block as of today',
    ...disagree,
    readers: ['cli', 'rpc', 'proof'],
    rpc: () => ({ answer: (ask, result) => (isBlock(ask) ? later(result) : result) }),
    reading: beside,
  },
  {
    lie: 'alone among two, dates the final block later, so that all seems final',
    ...disagree,
    readers: ['cli', 'rpc', 'proof'],
    rpc: async (s) => {
      const final = (await s.chain.call('eth_getBlockByNumber', ['finalized', false])) as Block;
      return {
        answer: (ask, result) =>
          isBlock(ask) && (result as Block).number === final.number ? later(result) : result,
      };
    },
    reading: beside,
  },
  {
    lie: 'alone among two, gives other code for the ledger',
    ...disagree,
    tell: withoutProofs,
    rpc: () => ({ answer: ({ method }, result) => (method === 'eth_getCode' ? '0x6001' : result) }),
    reading: beside,
  },
  {
    lie: 'alone among two, serves a fork without the accident',
    ...disagree,
    readers: ['cli', 'rpc', 'proof'],
    tell: async (r, s) => {
      const told = withoutAccident(r, s);
      return { ...told, proofs: [await proveBy((await forkOf(s)).url, s, told)] };
    },
    rpc: async (s) => ({ node: (await forkOf(s)).url }),
    reading: beside,
  },
  {
    lie: 'says that no block is final yet',
    by,
    readers: ['rpc', 'proof'],
    caughtBy: 'asOf.notFinal',
    fate: 'stale',
    rpc: () => ({
      answer: ({ method, params }, result) =>
        method === 'eth_getBlockByNumber' && params[0] === 'finalized' ? null : result,
    }),
    reading: alone,
  },
  {
    lie: 'is down',
    by,
    readers: ['cli', 'rpc', 'proof'],
    caughtBy: 'http.unreachable',
    fate: 'refused',
    reading: async (s) => ({ endpoints: [s.test.service.rpcUrl, `http://127.0.0.1:${await freePort()}`] }),
  },
  {
    lie: 'answers too late',
    by,
    readers: ['rpc', 'proof'],
    caughtBy: 'http.timeout',
    fate: 'refused',
    rpc: () => ({ delayMilliseconds: 1_500 }),
    reading: beside,
  },
  {
    lie: 'answers with something that is no JSON-RPC',
    by,
    readers: ['cli', 'rpc', 'proof'],
    caughtBy: 'rpc.malformed',
    fate: 'refused',
    rpc: () => ({ garbage: '<html>Welcome</html>' }),
    reading: beside,
  },
  {
    lie: 'serves another chain',
    by,
    readers: ['rpc', 'proof'],
    caughtBy: 'rpc.otherChain',
    fate: 'refused',
    rpc: () => ({ answer: ({ method }, result) => (method === 'eth_chainId' ? '0x1' : result) }),
    reading: beside,
  },
  {
    lie: 'serves another chain to the command line',
    by,
    readers: ['cli'],
    caughtBy: 'ledgers directory.unread',
    fate: 'incomplete',
    rpc: () => ({ answer: ({ method }, result) => (method === 'eth_chainId' ? '0x1' : result) }),
    reading: alone,
  },
  {
    lie: 'gives another block than it was asked for',
    by,
    readers: ['proof'],
    caughtBy: 'rpc.malformed',
    fate: 'refused',
    tell: (_, s) => s.older,
    rpc: () => ({
      ask: (ask) => (isBlock(ask) ? { ...ask, params: ['latest', false] } : ask),
    }),
    reading: alone,
  },
  {
    lie: 'serves a chain of the operator’s where the ledger does not exist',
    by,
    readers: ['rpc'],
    caughtBy: 'rpc.malformed',
    fate: 'refused',
    rpc: () => ({ answer: ({ method }, result) => (method === 'eth_call' ? '0x' : result) }),
    reading: alone,
  },
  {
    lie: 'proves a fork without the accident, to a reader of honest endpoints',
    by: 'operator',
    readers: ['proof', 'offline'],
    caughtBy: 'proof.otherBlock',
    fate: 'refused',
    tell: async (r, s) => {
      const told = withoutAccident(r, s);
      return { ...told, proofs: [await proveBy((await forkOf(s)).url, s, told)] };
    },
  },
  {
    lie: 'as the only endpoint, serves a fork without the accident, to go with the operator’s report',
    by,
    readers: ['cli', 'rpc', 'proof'],
    caughtBy: 'the result says: as seen by one endpoint',
    fate: 'uncaught',
    tell: async (r, s) => {
      const told = withoutAccident(r, s);
      return { ...told, proofs: [await proveBy((await forkOf(s)).url, s, told)] };
    },
    rpc: async (s) => ({ node: (await forkOf(s)).url }),
    reading: alone,
  },
];
