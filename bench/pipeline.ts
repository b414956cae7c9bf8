import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { gunzipSync } from 'node:zlib';
import { ContractFactory, HDNodeWallet, JsonRpcProvider, NonceManager } from 'ethers';
import type { SubmissionRequest } from '../api/accept/schema.ts';
import { type Devnet, startDevnet } from '../api/chain/devnet.ts';
import { createRpc } from '../api/chain/rpc.ts';
import { openKeyring } from '../api/keyring/keyring.ts';
import { createPipeline, type Pipeline } from '../api/pipeline.ts';
import { createEvaluator } from '../api/pseudonym/evaluator.ts';
import { openStore } from '../api/store/open.ts';
import { fromHex } from '../core/bytes.ts';
import { addressOfKey } from '../core/chain/submission.ts';
import type { Address, OrganisationId } from '../core/chain/types.ts';
import type { ComposedEntry, Content } from '../core/envelope/envelope.ts';
import { type Identifier, parseIdentifier } from '../core/identifiers/identifier.ts';
import { kindNames, kinds } from '../core/kinds/kinds.ts';
import { mapHistovecRow } from '../core/registrations/histovec.ts';
import { artifact } from '../test/api/pipeline/chain.ts';
import {
  compose,
  type Organisation,
  request,
  serviceOf,
  vinOf,
  type World,
} from '../test/api/pipeline/world.ts';
import { sharedFile } from '../test/shared.ts';
import { table } from './table.ts';

/*
 * Entries per second from signed submission to anchored, indexed and queryable, on the embedded defaults: PGlite in its
 * thread, the embedded chain, one process. Signing is the client's work and done before.
 *
 *   node bench/pipeline.ts [entries] [entries per submission] [entries per vehicle] [transactions in flight]
 */

/** One vehicle's entries: they stay together in a submission. */
type History = { readonly identifier: Identifier; readonly contents: readonly Content[] };

export interface Load {
  readonly name: string;
  readonly histories: Iterable<History>;
  readonly perSubmission: number;
  /** Transactions that the relay keeps in flight. */
  readonly inFlight: number;
}

export interface PipelineFigures {
  readonly entries: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Milliseconds of this process's work and waiting, by stage; stages overlap. */
  readonly stages: Readonly<Record<string, number>>;
}

const PER_SUBMISSION = 250;

/** Services of vehicles that come back again and again, so that most entries are later ones. */
export function generatedLoad(
  entries: number,
  perSubmission = PER_SUBMISSION,
  perVehicle = 4,
  inFlight = 1,
): Load {
  const vehicles = Math.ceil(entries / perVehicle);
  const histories = function* (): Generator<History> {
    for (let entry = 0; entry < entries; entry++) {
      yield { identifier: vinOf(entry % vehicles), contents: [serviceOf(10_000 + entry)] };
    }
  };
  return {
    name: `${entries.toLocaleString('en-US')} generated entries`,
    histories: histories(),
    perSubmission,
    inFlight,
  };
}

/** The real registration histories, or null where they are not on this machine. */
export function registrationsLoad(): Load | null {
  const file = sharedFile('histovec-registrations.ndjson.gz');
  if (file === null) return null;
  const rows = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
  const histories = rows.map((row) => {
    const { identifier, contents } = mapHistovecRow(JSON.parse(row));
    return { identifier: parseIdentifier(identifier), contents: contents as readonly Content[] };
  });
  return { name: 'the registration import', histories, perSubmission: PER_SUBMISSION, inFlight: 1 };
}

export async function benchPipeline(load: Load): Promise<PipelineFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'vinculum-bench-'));
  const devnet = await startDevnet({ folder: join(folder, 'chain') });
  try {
    return await run(folder, devnet, load);
  } finally {
    await devnet.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What each stage takes of an entry, as a Markdown table. */
export function stageTable({ entries, seconds, stages }: PipelineFigures): string {
  return table(
    ['stage', 'µs an entry', '% of the time'],
    Object.entries(stages).map(([stage, milliseconds]) => [
      stage,
      Math.round((milliseconds * 1000) / entries),
      Math.round(milliseconds / seconds / 10),
    ]),
  );
}

async function run(folder: string, devnet: Devnet, load: Load): Promise<PipelineFigures> {
  const wallet = (index: number) => HDNodeWallet.fromPhrase(devnet.mnemonic, '', `m/44'/60'/0'/0/${index}`);
  const keyring = await openKeyring(join(folder, 'data'), { relayerKey: fromHex(wallet(1).privateKey, 32) });
  const evaluator = await createEvaluator({ secretKey: keyring.pseudonymKey });
  const world = await deployWorld(devnet, wallet(0), keyring.pseudonymPublicKey);
  const store = await openStore({ dataFolder: join(folder, 'data') });
  const pipeline = createPipeline({
    store,
    rpc: createRpc({ url: devnet.url }),
    ...{ ledger: world.ledger, organisations: world.organisations, directory: world.directory },
    titles: world.titles,
    parts: world.parts,
    firstBlock: world.firstBlock,
    evaluator,
    keyring,
    finality: async () => BigInt(devnet.durableBlock()),
    nudge: () => devnet.nudge(),
    limits: { transactionsInFlight: load.inFlight },
    log: { info: () => undefined, warn: console.warn, error: console.error },
  });
  try {
    await pipeline.start();
    const requests = sign({ ...world, evaluator, keyring } as unknown as World, load);
    // As it comes over HTTP: text, which the service parses.
    const bodies = requests.map((item) => JSON.stringify(item));
    // The client evaluated the identifiers; the service must do so itself.
    const fresh = await createEvaluator({ secretKey: keyring.pseudonymKey });
    Object.assign(evaluator, fresh);
    return await measure(pipeline, bodies, () => cpuOf(devnet.pid));
  } finally {
    await pipeline.stop();
    await store.close();
  }
}

async function measure(
  pipeline: Pipeline,
  bodies: readonly string[],
  chainCpu: () => number,
): Promise<PipelineFigures> {
  let anchored = 0;
  const done = Promise.withResolvers<void>();
  pipeline.on('anchored', ({ submissions }) => {
    anchored += submissions.length;
    if (anchored === bodies.length) done.resolve();
  });
  const cpuBefore = process.cpuUsage();
  const threadBefore = process.threadCpuUsage();
  const chainBefore = chainCpu();
  const loopBefore = performance.eventLoopUtilization();
  const started = performance.now();
  let next = 0;
  const client = async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      await pipeline.accept(JSON.parse(body) as SubmissionRequest);
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  const acceptedAfter = performance.now() - started;
  await done.promise;
  const seconds = (performance.now() - started) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const thread = process.threadCpuUsage(threadBefore);
  const loop = performance.eventLoopUtilization(loopBefore);
  const count = pipeline.counters.acceptedEntries;
  return {
    entries: count,
    seconds,
    perSecond: count / seconds,
    stages: {
      ...pipeline.counters.milliseconds,
      accepted: acceptedAfter,
      'main loop': loop.active,
      'main thread': (thread.user + thread.system) / 1000,
      'process cpu': (cpu.user + cpu.system) / 1000,
      'chain cpu': chainCpu() - chainBefore,
    },
  };
}

/** Milliseconds of processor time that a process has used, where the system says so. */
function cpuOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const ticksPerSecond = 100;
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  } catch {
    return Number.NaN;
  }
}

function sign(world: World, { histories, perSubmission }: Load): SubmissionRequest[] {
  const requests: SubmissionRequest[] = [];
  let composed: ComposedEntry[] = [];
  const close = (): void => {
    if (composed.length > 0) requests.push(request(world, composed, { nonce: BigInt(requests.length) }));
    composed = [];
  };
  for (const { identifier, contents } of histories) {
    if (composed.length + contents.length > perSubmission) close();
    composed.push(...contents.map((content) => compose(world, identifier, content)));
  }
  close();
  return requests;
}

async function deployWorld(devnet: Devnet, owner: HDNodeWallet, pseudonymKey: Uint8Array) {
  const provider = new JsonRpcProvider(devnet.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
  const signer = new NonceManager(owner.connect(provider));
  const address = async (contract: { getAddress(): Promise<string> }) =>
    (await contract.getAddress()).toLowerCase() as Address;
  const deploy = async (name: string, ...parameters: unknown[]) => {
    const { abi, bytecode } = artifact(name);
    const contract = await new ContractFactory(abi, bytecode, signer).deploy(...parameters);
    devnet.nudge();
    await contract.waitForDeployment();
    return contract as typeof contract &
      Record<string, (...values: unknown[]) => Promise<{ wait(): Promise<unknown> }>>;
  };
  const firstBlock = devnet.latestBlock() + 1;
  const authority = await address(await deploy('AccessManager', owner.address));
  const allKinds = kindNames.reduce((bitmap, name) => bitmap | (1n << BigInt(kinds[name].number)), 0n);
  const organisations = await deploy('Organisations', authority, 0, allKinds);
  const titles = await deploy('Titles', await address(organisations));
  const parts = await deploy('Parts', await address(organisations));
  const modules = [await address(titles), await address(parts)];
  const ledger = await deploy('Ledger', authority, await address(organisations), pseudonymKey, ...modules);
  for (const module of [titles, parts]) {
    const bound = await module.bind?.(await address(ledger));
    devnet.nudge();
    await bound?.wait();
  }
  const directory = await deploy('Directory', authority);
  const key = randomBytes(32);
  for (const [method, ...parameters] of [
    ['admit', owner.address, allKinds, randomBytes(32)],
    ['addKey', 1n, addressOfKey(key)],
  ] as const) {
    const sent = await organisations[method]?.(...parameters);
    devnet.nudge();
    await sent?.wait();
  }
  const workshop: Organisation = { id: 1n as OrganisationId, key, signer: addressOfKey(key) };
  const result = {
    ledger: { chainId: BigInt(devnet.chainId), address: await address(ledger) },
    organisations: await address(organisations),
    directory: await address(directory),
    titles: await address(titles),
    parts: await address(parts),
    firstBlock,
    workshop,
  };
  provider.destroy();
  return result;
}

if (import.meta.main) {
  const [entries = 20_000, perSubmission, perVehicle, inFlight] = process.argv.slice(2).map(Number);
  const figures = await benchPipeline(generatedLoad(entries, perSubmission, perVehicle, inFlight));
  console.log(`${Math.round(figures.perSecond)} entries/s, ${figures.seconds.toFixed(2)} s`);
  console.log(stageTable(figures));
}
