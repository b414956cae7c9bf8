import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { isVinculumError, VinculumError } from '../../core/errors.ts';
import { type DataFolderLock, lockDataFolder } from '../store/lock.ts';
import { findAnvilBinary } from './devnet/anvilBinary.ts';
import { type DevnetIdentity, loadIdentity } from './devnet/identity.ts';
import { isSameProcess, processIdentity, residentMemory } from './devnet/processes.ts';
import { connect, type DevnetRpc, isHung } from './devnet/rpc.ts';
import {
  listSnapshots,
  removeDrafts,
  type Snapshot,
  unpackSnapshot,
  unreadable,
  writeSnapshot,
} from './devnet/snapshots.ts';

export interface DevnetOptions {
  /** Holds the chain's identity and its snapshots; made when it is not there. */
  readonly folder: string;
  /** Otherwise drawn at random on the first start and kept. */
  readonly chainId?: number;
  /** Otherwise the port of the last start if it is free, else any free one. */
  readonly port?: number;
  readonly onProgress?: (line: string) => void;
  /** A snapshot is taken when the chain has been quiet for so long. */
  readonly quietMilliseconds?: number;
  /** Under load a snapshot is taken this often, or more rarely when snapshots take long. */
  readonly snapshotMilliseconds?: number;
  /** A node that answers nothing for so long is killed and restarted from the durable block. */
  readonly answerMilliseconds?: number;
  /** A node that grows beyond this many bytes is restarted from a fresh snapshot. */
  readonly memoryLimit?: number;
}

/** The node stopped without being asked to. */
export interface DevnetCrash {
  readonly code: number | null;
  readonly signal: string | null;
  /** Blocks above this one are gone: what they held goes back to submitted. */
  readonly durableBlock: number;
  readonly latestBlock: number;
  /** Whether the chain runs again, from the durable block. */
  readonly restarted: boolean;
}

/** The embedded chain, kept alive and kept on the disk. */
export interface Devnet {
  readonly url: string;
  readonly chainId: number;
  /** Funded accounts, `m/44'/60'/0'/0/i` of the mnemonic; the node itself knows none of their keys. */
  readonly accounts: readonly string[];
  readonly mnemonic: string;
  readonly pid: number;
  /** Looks for transactions at once instead of at the next poll. */
  nudge(): void;
  /** Mines an empty block if the last one is older: readers take the state of an old block for stale. */
  refresh(olderThanSeconds: number): Promise<void>;
  latestBlock(): number;
  /** The last block that survives any crash: this is what *final* means on the embedded chain. */
  durableBlock(): number;
  /** Takes a snapshot now and returns its block. */
  snapshot(): Promise<number>;
  /** Calls back after each snapshot; returns the way to stop that. */
  onDurable(listener: (block: number) => void): () => void;
  onCrash(listener: (crash: DevnetCrash) => void): () => void;
  /** A last snapshot, then a clean end. */
  stop(): Promise<void>;
}

const gasLimit = 60_000_000;
const baseFee = 7;
/** States of so many blocks stay readable (`eth_call`, `eth_getProof`); logs, blocks and receipts always do. */
const readableStates = 16;
const busyPollMilliseconds = 25;
const idlePollMilliseconds = 100;
const busyForMilliseconds = 2_000;
const startMilliseconds = 60_000;
const restartsAllowed = 3;
const restartWindowMilliseconds = 60_000;
/** Ten thousand million ether for each account: no demonstration runs out of it. */
const balance = `0x${(10n ** 28n).toString(16)}`;

interface RunningNode {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly rpc: DevnetRpc;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
}

interface NodeRecord {
  readonly pid: number;
  readonly identity: string;
  readonly port: number;
}

interface Header {
  readonly number: number;
  readonly timestamp: number;
  readonly transactions: number;
  readonly gasUsed: number;
  readonly baseFee: number;
}

/** Starts the embedded chain of a folder, or resumes it from its newest readable snapshot. */
export async function startDevnet(options: DevnetOptions): Promise<Devnet> {
  const { folder } = options;
  const lock = await lockDataFolder(folder);
  try {
    const identity = loadIdentity(folder, options.chainId);
    const supervisor = new Supervisor(options, identity, findAnvilBinary(), lock);
    await supervisor.start();
    return supervisor;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class Supervisor implements Devnet {
  readonly chainId: number;
  readonly accounts: readonly string[];
  readonly mnemonic: string;
  readonly #options: DevnetOptions;
  readonly #folder: string;
  readonly #binary: string;
  readonly #lock: DataFolderLock;
  readonly #durableListeners = new Set<(block: number) => void>();
  readonly #crashListeners = new Set<(crash: DevnetCrash) => void>();
  readonly #killOnExit = (): void => this.#killNow();

  #node: RunningNode | undefined;
  #latest = 0;
  #durable = -1;
  #lastWithTransactions = 0;
  #lastActivity = 0;
  #lastSnapshotEnd = 0;
  #lastSnapshotTook = 0;
  #fruitless = 0;
  #stopping = false;
  #loop: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #nudged = false;
  #crashes: number[] = [];
  /** Mining and snapshots take turns, so that a snapshot's block is known and one mining call runs at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DevnetOptions, identity: DevnetIdentity, binary: string, lock: DataFolderLock) {
    this.#options = options;
    this.#folder = options.folder;
    this.#binary = binary;
    this.#lock = lock;
    this.chainId = identity.chainId;
    this.accounts = identity.accounts;
    this.mnemonic = identity.mnemonic;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#running().port}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  latestBlock(): number {
    return this.#latest;
  }

  durableBlock(): number {
    return this.#durable;
  }

  onDurable(listener: (block: number) => void): () => void {
    this.#durableListeners.add(listener);
    return () => this.#durableListeners.delete(listener);
  }

  onCrash(listener: (crash: DevnetCrash) => void): () => void {
    this.#crashListeners.add(listener);
    return () => this.#crashListeners.delete(listener);
  }

  nudge(): void {
    this.#nudged = true;
    this.#fruitless = 0;
    this.#wake?.();
  }

  async refresh(olderThanSeconds: number): Promise<void> {
    await this.#inTurn(async () => {
      const node = this.#running();
      const { timestamp } = await latestHeader(node.rpc);
      if (Date.now() / 1000 - timestamp > olderThanSeconds) await this.#mine(node);
    });
  }

  snapshot(): Promise<number> {
    return this.#inTurn(() => this.#takeSnapshot(this.#running()));
  }

  async start(): Promise<void> {
    await this.#endLeftover();
    await removeDrafts(this.#folder);
    await this.#launch(await this.#choosePort());
    process.on('exit', this.#killOnExit);
    this.#loop = this.#supervise();
  }

  async stop(): Promise<void> {
    if (this.#stopping) {
      await this.#loop;
      return;
    }
    this.#stopping = true;
    this.#wake?.();
    await this.#loop;
    await this.#turn;
    try {
      const node = this.#node;
      if (node !== undefined) {
        try {
          if (this.#latest > this.#durable) await this.#inTurn(() => this.#takeSnapshot(node));
        } finally {
          await end(node);
        }
      }
    } finally {
      process.off('exit', this.#killOnExit);
      this.#node = undefined;
      await this.#lock.release();
    }
  }

  get #answerMilliseconds(): number {
    return this.#options.answerMilliseconds ?? 60_000;
  }

  #say(line: string): void {
    this.#options.onProgress?.(line);
  }

  #running(): RunningNode {
    if (this.#node === undefined) {
      throw new VinculumError('devnet.stopped', 'The embedded chain has stopped: start the service again.');
    }
    return this.#node;
  }

  #recordFile(): string {
    return join(this.#folder, 'node.json');
  }

  #readRecord(): NodeRecord | undefined {
    try {
      return JSON.parse(readFileSync(this.#recordFile(), 'utf8')) as NodeRecord;
    } catch {
      return undefined;
    }
  }

  /** A node whose service was killed runs on: its blocks are saved, then it is stopped. */
  async #endLeftover(): Promise<void> {
    const record = this.#readRecord();
    if (record === undefined || !isSameProcess(record.pid, record.identity)) return;
    const rpc = connect(record.port, this.#answerMilliseconds);
    let isOurs = record.identity !== 'unknown';
    try {
      isOurs ||= Number(await rpc.call('eth_chainId')) === this.chainId;
      if (!isOurs) return;
      const { number } = await latestHeader(rpc);
      await writeSnapshot(rpc, this.#folder, number);
      this.#say(`A chain left over by a killed service was saved at block ${number} and stopped.`);
    } catch {
      if (!isOurs) return;
      this.#say('A chain left over by a killed service was stopped; it no longer answered.');
    } finally {
      rpc.close();
    }
    killGroup(record.pid);
    while (isSameProcess(record.pid, record.identity)) await pause(10);
  }

  async #choosePort(): Promise<number> {
    const { port } = this.#options;
    if (port !== undefined) {
      if (await isFree(port)) return port;
      throw new VinculumError(
        'devnet.portInUse',
        `Port ${port} is in use: stop what holds it, or name another port.`,
        {
          details: { port },
        },
      );
    }
    const last = this.#readRecord()?.port;
    return last !== undefined && (await isFree(last)) ? last : await freePort();
  }

  /** Runs the node from the newest snapshot that it can read, or from a new genesis where there is none yet. */
  async #launch(port: number): Promise<void> {
    const snapshots = await listSnapshots(this.#folder);
    for (const snapshot of snapshots) {
      try {
        await this.#resume(port, snapshot);
        return;
      } catch (error) {
        // Only a damaged file is a reason to go back: a busy port or a full disk must not cost blocks.
        if (!isVinculumError(error, 'devnet.unreadableSnapshot')) throw error;
        this.#say(`The snapshot of block ${snapshot.block} is damaged: the one before it is used.`);
        await rename(snapshot.file, `${snapshot.file}.damaged`);
      }
    }
    if (snapshots.length > 0) {
      throw new VinculumError(
        'devnet.unreadableSnapshots',
        `No snapshot of the chain in ${this.#folder} can be read: restore the folder from a backup, or choose another data folder.`,
        { details: { folder: this.#folder } },
      );
    }
    await this.#begin(port);
  }

  async #begin(port: number): Promise<void> {
    const genesis = join(this.#folder, 'genesis.json.part');
    const alloc = Object.fromEntries(this.accounts.map((address) => [address, { balance }]));
    writeFileSync(
      genesis,
      JSON.stringify({
        config: { chainId: this.chainId },
        alloc,
        difficulty: '0x0',
        gasLimit: `0x${gasLimit.toString(16)}`,
        timestamp: `0x${Math.floor(Date.now() / 1000).toString(16)}`,
      }),
    );
    try {
      this.#node = await this.#spawn(port, ['--init', genesis]);
    } finally {
      await rm(genesis, { force: true });
    }
    // The block after genesis is the first whose state root covers the accounts.
    await this.#mine(this.#node);
    await this.#takeSnapshot(this.#node);
    this.#say(`A new chain with the id ${this.chainId} was begun.`);
  }

  async #resume(port: number, snapshot: Snapshot): Promise<void> {
    const unpacked = join(this.#folder, 'loading.json.part');
    let node: RunningNode | undefined;
    try {
      await unpackSnapshot(snapshot, unpacked);
      node = await this.#spawn(port, ['--load-state', unpacked], snapshot);
      const { number } = await latestHeader(node.rpc);
      if (number !== snapshot.block) {
        throw unreadable(snapshot, `it ends at block ${number}`);
      }
      this.#node = node;
      this.#latest = number;
      this.#durable = number;
      this.#lastWithTransactions = Math.min(this.#lastWithTransactions, number);
      this.#lastSnapshotEnd = Date.now();
      this.#say(`The chain with the id ${this.chainId} was resumed at block ${number}.`);
    } catch (error) {
      if (node !== undefined) await end(node);
      throw error;
    } finally {
      await rm(unpacked, { force: true });
    }
  }

  async #spawn(port: number, extra: readonly string[], snapshot?: Snapshot): Promise<RunningNode> {
    const log = join(this.#folder, 'node.log');
    const output = openSync(log, 'w', 0o600);
    const child = spawn(this.#binary, [...nodeArguments(port, this.chainId), ...extra], {
      // A group of its own: Ctrl-C in the terminal must reach the service alone, which then takes a last snapshot.
      detached: true,
      stdio: ['ignore', output, output],
      cwd: this.#folder,
    });
    closeSync(output);
    const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve({ code: -1, signal: null }));
    });
    const { pid } = child;
    if (pid === undefined) {
      throw new VinculumError(
        'devnet.missingBinary',
        `${this.#binary} can't be run: reinstall with "npm ci" under Node 24.`,
      );
    }
    const record: NodeRecord = { pid, identity: processIdentity(pid) ?? 'unknown', port };
    writeFileSync(this.#recordFile(), JSON.stringify(record), { mode: 0o600 });
    const node: RunningNode = { child, pid, port, rpc: connect(port, this.#answerMilliseconds), exited };
    try {
      await this.#waitUntilReady(node, log, snapshot);
    } catch (error) {
      await end(node);
      throw error;
    }
    void exited.then((how) => this.#onExit(node, how));
    return node;
  }

  async #waitUntilReady(node: RunningNode, log: string, snapshot: Snapshot | undefined): Promise<void> {
    let gone = false;
    void node.exited.then(() => {
      gone = true;
    });
    const deadline = Date.now() + startMilliseconds;
    while (!gone && Date.now() < deadline) {
      let chainId: number;
      try {
        chainId = Number(await node.rpc.call('eth_chainId'));
      } catch {
        await pause(10);
        continue;
      }
      if (chainId === this.chainId) return;
      throw new VinculumError(
        'devnet.otherChain',
        `Port ${node.port} answers for the chain ${chainId}, not ${this.chainId}.`,
        {
          details: { expected: this.chainId, found: chainId },
        },
      );
    }
    const said = readFileSync(log, 'utf8').trim().split('\n').slice(0, 2).join(' ').slice(0, 500);
    if (snapshot !== undefined && said.includes('--load-state')) throw unreadable(snapshot, said);
    throw new VinculumError(
      'devnet.startFailed',
      `The embedded chain did not start: ${said || 'it gave no reason'}`,
    );
  }

  #killNow(): void {
    if (this.#node !== undefined) killGroup(this.#node.pid);
  }

  #onExit(node: RunningNode, how: { code: number | null; signal: string | null }): void {
    node.rpc.close();
    if (this.#node !== node) return;
    this.#node = undefined;
    this.#wake?.();
    if (this.#stopping) return;
    const latestBlock = this.#latest;
    this.#say(
      `The chain's node stopped (${how.signal ?? `exit code ${how.code}`}) at block ${this.#latest}; block ${this.#durable} is durable.`,
    );
    void this.#inTurn(() => this.#recover(node.port)).then((restarted) => {
      for (const listener of this.#crashListeners) {
        listener({ ...how, durableBlock: this.#durable, latestBlock, restarted });
      }
    });
  }

  /** Starts the node again, unless it keeps falling over. */
  async #recover(port: number): Promise<boolean> {
    if (this.#stopping) return false;
    const now = Date.now();
    this.#crashes = [...this.#crashes.filter((at) => now - at < restartWindowMilliseconds), now];
    if (this.#crashes.length > restartsAllowed) {
      this.#say(`The chain's node stopped ${this.#crashes.length} times within a minute: giving up.`);
      return false;
    }
    try {
      await removeDrafts(this.#folder);
      await this.#launch(port);
      return true;
    } catch (error) {
      this.#say(`The chain's node can't be started again: ${describe(error)}`);
      return false;
    }
  }

  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(action);
    this.#turn = result.catch(() => undefined);
    return await result;
  }

  async #supervise(): Promise<void> {
    while (!this.#stopping) {
      let delay =
        Date.now() - this.#lastActivity < busyForMilliseconds ? busyPollMilliseconds : idlePollMilliseconds;
      const node = this.#node;
      if (node !== undefined) {
        try {
          if (await this.#mineIfPending(node)) delay = 0;
          await this.#snapshotIfDue(node);
        } catch (error) {
          if (isHung(error)) killGroup(node.pid);
          // A node that has gone is reported by its exit; anything else is tried again.
          if (this.#node === node) this.#say(`The chain's supervisor will try again: ${describe(error)}`);
          delay = 1_000;
        }
      }
      if (delay > 0) await this.#sleep(delay);
    }
  }

  async #sleep(milliseconds: number): Promise<void> {
    if (!this.#nudged && !this.#stopping) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#nudged = false;
  }

  async #mineIfPending(node: RunningNode): Promise<boolean> {
    const status = (await node.rpc.call('txpool_status')) as { pending: string };
    if (Number(status.pending) === 0) {
      this.#fruitless = 0;
      return false;
    }
    // A transaction that no block takes must not fill the chain with empty blocks.
    if (
      this.#fruitless > 0 &&
      Date.now() - this.#lastActivity < Math.min(60_000, 1_000 * 2 ** this.#fruitless)
    )
      return false;
    const header = await this.#inTurn(() => this.#mine(node));
    this.#fruitless = header.transactions === 0 ? this.#fruitless + 1 : 0;
    return header.transactions > 0;
  }

  async #mine(node: RunningNode): Promise<Header> {
    await node.rpc.call('evm_mine');
    const header = await latestHeader(node.rpc);
    this.#latest = header.number;
    this.#lastActivity = Date.now();
    if (header.transactions > 0) this.#lastWithTransactions = header.number;
    // Full blocks would raise the fee until transactions vanish from the pool: it is kept where it began.
    if (header.baseFee !== baseFee || header.gasUsed > gasLimit / 2) {
      await node.rpc.call('anvil_setNextBlockBaseFeePerGas', [`0x${baseFee.toString(16)}`]);
    }
    return header;
  }

  async #snapshotIfDue(node: RunningNode): Promise<void> {
    if (this.#latest <= this.#durable) return;
    const now = Date.now();
    const every = Math.max(this.#options.snapshotMilliseconds ?? 10_000, 10 * this.#lastSnapshotTook);
    const quiet = now - this.#lastActivity >= (this.#options.quietMilliseconds ?? 1_000);
    if (!quiet && now - this.#lastSnapshotEnd < every) return;
    await this.#inTurn(() => this.#takeSnapshot(node));
    await this.#limitMemory(node);
  }

  async #takeSnapshot(node: RunningNode): Promise<number> {
    const started = Date.now();
    // Empty blocks move the `finalized` tag beyond the last transactions: a history is final when a later block is.
    // New ones may keep coming in: then it covers those that were there.
    const target = this.#lastWithTransactions === 0 ? 0 : this.#lastWithTransactions + 1;
    while (target > 0 && (await finalizedNumber(node.rpc)) < target) await this.#mine(node);
    const { number } = await latestHeader(node.rpc);
    if (number > this.#durable) await writeSnapshot(node.rpc, this.#folder, number);
    this.#latest = number;
    this.#durable = number;
    this.#lastSnapshotEnd = Date.now();
    this.#lastSnapshotTook = this.#lastSnapshotEnd - started;
    for (const listener of this.#durableListeners) listener(number);
    return number;
  }

  /** Restarts a node that has grown too large, right after a snapshot, when nothing but its memory is lost. */
  async #limitMemory(node: RunningNode): Promise<void> {
    const limit = this.#options.memoryLimit ?? Math.min(8 * 2 ** 30, totalmem() / 2);
    if ((residentMemory(node.pid) ?? 0) <= limit) return;
    await this.#inTurn(async () => {
      await this.#takeSnapshot(node);
      this.#say(
        `The chain's node has grown beyond ${Math.round(limit / 2 ** 20)} MiB: restarting it at block ${this.#durable}.`,
      );
      this.#node = undefined;
      await end(node);
      await this.#launch(node.port);
    });
  }
}

function nodeArguments(port: number, chainId: number): string[] {
  return [
    ['--host', '127.0.0.1'],
    ['--port', String(port)],
    ['--chain-id', String(chainId)],
    // Nobody else's keys: the node holds none, the service signs with its own.
    ['--accounts', '0'],
    // A page open in some browser must not reach the chain.
    ['--no-cors'],
    ['--no-mining'],
    ['--order', 'fifo'],
    ['--hardfork', 'osaka'],
    ['--gas-limit', String(gasLimit)],
    ['--enable-tx-gas-limit'],
    ['--block-base-fee-per-gas', String(baseFee)],
    ['--slots-in-an-epoch', '1'],
    ['--prune-history', String(readableStates)],
    ['--no-request-size-limit'],
    ['--quiet'],
  ].flat();
}

async function latestHeader(rpc: DevnetRpc): Promise<Header> {
  const block = (await rpc.call('eth_getBlockByNumber', ['latest', false])) as {
    number: string;
    timestamp: string;
    transactions: readonly string[];
    gasUsed: string;
    baseFeePerGas: string;
  };
  return {
    number: Number(block.number),
    timestamp: Number(block.timestamp),
    transactions: block.transactions.length,
    gasUsed: Number(block.gasUsed),
    baseFee: Number(block.baseFeePerGas),
  };
}

async function finalizedNumber(rpc: DevnetRpc): Promise<number> {
  const block = (await rpc.call('eth_getBlockByNumber', ['finalized', false])) as { number: string } | null;
  return block === null ? 0 : Number(block.number);
}

async function end(node: RunningNode): Promise<void> {
  killGroup(node.pid);
  await node.exited;
  node.rpc.close();
}

function killGroup(pid: number): void {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
      return;
    } catch {
      // The group is gone, or never was: the process itself is tried.
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
