import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import type { SubmissionHash } from '../../core/chain/submission.ts';
import type { Subject } from '../../core/chain/types.ts';
import {
  encodeDirectoryHead,
  encodeHeadOfOrganisation,
  encodeHeadOfSubject,
  encodeOwnHead,
  encodeParts,
  encodeTitles,
} from '../chain/contracts.ts';
import {
  type ChainLog,
  getHeader,
  getHeaders,
  getLatestHeader,
  type Header,
  inconsistent,
  logsCall,
  readLogs,
  readWords,
} from '../chain/read.ts';
import { type Rpc, RpcRefusal } from '../chain/rpc.ts';
import type { PipelineCounters, PipelineEvents, PipelineLog } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import type { Lease } from '../relay/lease.ts';
import type { Store, Transaction } from '../store/store.ts';
import {
  behindName,
  type FirstLedger,
  type IndexedLedger,
  numberLedgers,
  readLedgers,
  unreadableName,
} from './ledgers.ts';
import { decodeLogs, type FollowedContract, type FollowedContracts } from './logs.ts';
import { anchor, anchorActions, finalise, skip, unanchor } from './submissions.ts';
import { type Addition, fold, indexTables, insertAddition, readTipKey, type Tip } from './tables.ts';

export interface IndexerOptions {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly directory: Hex;
  /** The ledger that is written to, and its module of kinds 0–15. */
  readonly own: { readonly address: Hex; readonly titles: Hex; readonly parts: Hex };
  /** The ledger that the store was made for. */
  readonly first: () => Promise<FirstLedger>;
  readonly firstBlock: number;
  readonly finality: () => Promise<bigint>;
  readonly lease: Lease;
  readonly clock: () => Date;
  readonly counters: PipelineCounters;
  readonly log: PipelineLog;
  readonly emit: <E extends keyof PipelineEvents>(event: E, payload: PipelineEvents[E]) => void;
  /** How long the chain may be shorter than it was before that counts as a reorganisation, default 2,000. */
  readonly patienceMilliseconds?: number;
  /** How often some heads are compared with the chain's, default 2,000. */
  readonly checkMilliseconds?: number;
}

interface Place {
  readonly number: number;
  readonly hash: Hex;
}

/** Blocks that are read one by one at a time, near the end of the chain. */
const BLOCKS_AT_ONCE = 32;
const FIRST_SPAN = 1_000;
const LONGEST_SPAN = 20_000;
/** A range with fewer logs than this may grow. */
const FEW_LOGS = 5_000;
/** Final blocks that are kept to compare with. */
const KEPT_BLOCKS = 256;
/** How often, and how long apart, a head that differs is asked for again before it is believed. */
const SECOND_THOUGHTS = 3;
const SECOND_THOUGHT_MILLISECONDS = 100;
const HEADS_AT_ONCE = 8;
const HEADERS_AT_ONCE = 100;

/** Before the first block of any chain. */
const NOWHERE: Place = { number: -1, hash: `0x${'00'.repeat(32)}` };

/**
 * Follows the logs of every ledger that the directory lists on this chain into the tables. Near the end of the chain block by block, each by its hash and linked to
 * the one before, so that no reorganisation can slip through; behind the final block by ranges. Everything of a step is
 * written in one transaction with the cursor. A ledger that is newly listed may have a past: it is read beside what goes
 * on, with a cursor of its own, until that is where the index is.
 */
export class Indexer {
  readonly #options: IndexerOptions;
  #first: FirstLedger | null = null;
  /** By number. */
  #ledgers: readonly IndexedLedger[] = [];
  /** The modules of each ledger, by the ledger's address. */
  readonly #modules = new Map<Hex, Modules>();
  #contracts: FollowedContracts = new Map();
  #addresses: readonly Hex[] = [];
  #cursor: Place | null = null;
  #final: Place & { readonly timestamp: number } = { number: -1, hash: '0x', timestamp: 0 };
  #head = -1;
  #span = FIRST_SPAN;
  #pastSpan = FIRST_SPAN;
  #shorterSince: number | null = null;
  #checkedAt = 0;

  constructor(options: IndexerOptions) {
    this.#options = options;
  }

  get cursor(): number {
    return this.#cursor?.number ?? this.#options.firstBlock - 1;
  }
  get final(): { readonly number: number; readonly timestamp: number } {
    return this.#final;
  }
  get head(): number {
    return Math.max(this.#head, this.cursor);
  }

  /** Reads where the tables end: at the start, and whenever another process has written them. */
  async load(): Promise<void> {
    const { store, firstBlock, rpc } = this.#options;
    const rows = await store.query<{ name: string; block_number: bigint; block_hash: Uint8Array }>(
      `SELECT name, block_number, block_hash FROM cursors WHERE name IN ('index', 'final')`,
    );
    const places = new Map(
      rows.map((row) => [row.name, { number: Number(row.block_number), hash: toHex(row.block_hash) }]),
    );
    this.#cursor = places.get('index') ?? null;
    if (this.#cursor === null) {
      const before = firstBlock === 0 ? null : await getHeader(rpc, firstBlock - 1);
      if (before === null && firstBlock > 0) {
        throw new Problem('chain.unavailable', `The chain has not come to block ${firstBlock - 1} yet.`);
      }
      const start: Place = { number: firstBlock - 1, hash: before?.hash ?? `0x${'00'.repeat(32)}` };
      await store.execute(
        `INSERT INTO cursors (name, block_number, block_hash) VALUES ('index', $1, $2) ON CONFLICT DO NOTHING`,
        [start.number, fromHex(start.hash, 32)],
      );
      this.#cursor = start;
    }
    const final = places.get('final');
    if (final !== undefined && final.number > this.#final.number) this.#final = { ...final, timestamp: 0 };
    await this.#loadLedgers();
  }

  async #loadLedgers(): Promise<void> {
    const { store, directory } = this.#options;
    this.#first ??= await this.#options.first();
    this.#ledgers = await readLedgers(store, this.#first);
    await this.#findModules(this.#ledgers.filter(({ state }) => state !== 'unreadable'));
    const followed = this.#ledgers.filter(({ state }) => state === 'followed');
    this.#contracts = contractsOf(followed, directory, this.#modules);
    this.#addresses = [...this.#contracts.keys()];
  }

  /** Asks ledgers for their modules, once: they stand in the code. */
  async #findModules(ledgers: readonly IndexedLedger[]): Promise<void> {
    const { address: own, titles, parts } = this.#options.own;
    this.#modules.set(own, { titles, parts });
    const unknown = ledgers.filter(({ address }) => !this.#modules.has(address));
    const calls = unknown.flatMap(({ address }) =>
      [encodeTitles(), encodeParts()].map((data) => ({
        method: 'eth_call',
        params: [{ to: address, data }, 'latest'],
      })),
    );
    const results = await this.#options.rpc.batch(calls);
    for (const [index, ledger] of unknown.entries()) {
      const addressIn = (result: (typeof results)[number] | undefined): Hex | null => {
        // Without the modules of the ledger that the store was made for there is nothing to go on with.
        if (result instanceof RpcRefusal && ledger.number === 0) throw result;
        // What is no ledger has no modules either: its heads will tell.
        if (result === undefined || result instanceof RpcRefusal || result === '0x') return null;
        const [word] = readWords(result);
        return word === undefined || BigInt(word) === 0n ? null : `0x${word.slice(26)}`;
      };
      this.#modules.set(ledger.address, {
        titles: addressIn(results[2 * index]),
        parts: addressIn(results[2 * index + 1]),
      });
    }
  }

  /** Tells of a block that was seen elsewhere. @returns whether it is news */
  noteHead(header: Header): boolean {
    this.#head = header.number;
    return header.number !== this.cursor || header.hash !== this.#cursor?.hash;
  }

  /** Reads the next stretch of the chain, or undoes what is not on it any more. @returns whether anything was done */
  async step(): Promise<boolean> {
    const { rpc } = this.#options;
    if (this.#cursor === null) await this.load();
    const cursor = this.#place();
    const started = performance.now();
    const head = await getLatestHeader(rpc);
    this.#head = head.number;
    if (head.number < cursor.number) return this.#onShorterChain(head, cursor);
    this.#shorterSince = null;
    if (head.number === cursor.number) {
      if (head.hash === cursor.hash) return false;
      await this.#reorganise(cursor);
      return true;
    }
    const stretch = await this.#read(cursor, head, this.#followed());
    this.#options.counters.milliseconds.read += performance.now() - started;
    if (stretch === null) {
      await this.#reorganise(cursor);
      return true;
    }
    await this.#write(cursor, stretch);
    return true;
  }

  #place(): Place {
    if (this.#cursor === null) throw new TypeError('the index was not loaded');
    return this.#cursor;
  }

  #followed(): Reading {
    return {
      addresses: this.#addresses,
      span: () => this.#span,
      setSpan: (span) => {
        this.#span = span;
      },
    };
  }

  /** The next blocks and their logs; null when they don't continue what was read before. */
  async #read(cursor: Place, head: Header, reading: Reading): Promise<Stretch | null> {
    if (head.number - cursor.number > BLOCKS_AT_ONCE) {
      const settled = Math.min(Number(await this.#options.finality()), head.number);
      if (settled - cursor.number > BLOCKS_AT_ONCE) return this.#readRange(cursor, settled, reading);
    }
    return this.#readBlocks(cursor, head, reading);
  }

  async #readBlocks(cursor: Place, head: Header, { addresses }: Reading): Promise<Stretch | null> {
    const { rpc } = this.#options;
    const count = Math.min(head.number - cursor.number, BLOCKS_AT_ONCE);
    const numbers = Array.from({ length: count }, (_, index) => cursor.number + 1 + index);
    const headers =
      count === 1 && head.number === cursor.number + 1 ? [head] : await getHeaders(rpc, numbers);
    const linked: Header[] = [];
    let before = cursor;
    for (const header of headers) {
      if (header === null) break;
      if (header.parentHash !== before.hash && before.number >= 0) {
        if (linked.length === 0) return null;
        throw inconsistent(`block ${header.number} does not follow the one before`);
      }
      linked.push(header);
      before = header;
    }
    if (linked.length === 0) throw inconsistent('a block went away');
    const ranges = linked.map(({ hash, number }) => ({ blockHash: hash, number }));
    const results = await rpc.batch(ranges.map((range) => logsCall(range, addresses)));
    const logs = results.flatMap((result, index) => {
      const range = ranges[index];
      // A block that is asked for by its hash and refused has just been replaced.
      if (result instanceof RpcRefusal) throw inconsistent(result.rpcMessage);
      return range === undefined ? [] : readLogs(result, range, addresses);
    });
    return { headers: linked, logs };
  }

  async #readRange(cursor: Place, settled: number, reading: Reading): Promise<Stretch | null> {
    const { rpc } = this.#options;
    const { addresses } = reading;
    const span = reading.span();
    const toBlock = Math.min(cursor.number + span, settled);
    const range = { fromBlock: cursor.number + 1, toBlock };
    let logs: ChainLog[];
    try {
      const call = logsCall(range, addresses);
      logs = readLogs(await rpc.call(call.method, call.params), range, addresses);
    } catch (error) {
      const tooMuch =
        error instanceof RpcRefusal || (error instanceof Problem && error.code === 'chain.tooLarge');
      if (!tooMuch || span === 1) throw error;
      reading.setSpan(Math.max(1, Math.floor(Math.min(span, toBlock - cursor.number) / 4)));
      return this.#readRange(cursor, settled, reading);
    }
    if (logs.length < FEW_LOGS) reading.setSpan(Math.min(LONGEST_SPAN, span * 2));
    const numbers = [...new Set([...logs.map(({ blockNumber }) => blockNumber), toBlock])];
    const checked = cursor.number >= 0 ? [cursor.number, ...numbers] : numbers;
    const headers = await this.#headers(checked);
    const byNumber = new Map(headers.map((header) => [header.number, header]));
    if (cursor.number >= 0 && byNumber.get(cursor.number)?.hash !== cursor.hash) return null;
    for (const log of logs) {
      if (byNumber.get(log.blockNumber)?.hash !== log.blockHash)
        throw inconsistent('a log of a replaced block');
    }
    return { headers: headers.filter(({ number }) => number > cursor.number), logs };
  }

  async #headers(numbers: readonly number[]): Promise<Header[]> {
    const headers: Header[] = [];
    for (let start = 0; start < numbers.length; start += HEADERS_AT_ONCE) {
      for (const header of await getHeaders(
        this.#options.rpc,
        numbers.slice(start, start + HEADERS_AT_ONCE),
      )) {
        if (header === null) throw inconsistent('a block went away');
        headers.push(header);
      }
    }
    return headers;
  }

  async #write(cursor: Place, { headers, logs }: Stretch): Promise<void> {
    const { store, counters, clock, emit, log } = this.#options;
    const last = headers.at(-1);
    if (last === undefined) return;
    const started = performance.now();
    const foreign = new Set<FollowedContract>();
    const events = decodeLogs(logs, this.#contracts, (contract) => foreign.add(contract));
    const timestamps = new Map(headers.map(({ number, timestamp }) => [number, timestamp]));
    const addition = await fold(store, events, timestamps);
    const folded = performance.now();
    counters.milliseconds.fold += folded - started;

    const blockHashes = new Map(headers.map(({ number, hash }) => [number, hash]));
    const now = clock();
    const skips = events.filter((event) => event.event === 'skipped');
    const listed = events.filter((event) => event.event === 'ledgerAdded');
    const numbers = numberLedgers(this.#ledgers, listed, this.#first?.chainId ?? -1n);
    const outcome = await store.transaction(async (transaction) => {
      await this.#moveCursor(transaction, cursor, last);
      await insertAddition(transaction, addition, headers, numbers);
      for (const { number } of numbers.values()) if (number > 0) await setPast(transaction, number, NOWHERE);
      const anchored = [
        ...(await anchor(transaction, addition.accepted, blockHashes, now)),
        ...(await anchorActions(transaction, addition.executed, blockHashes, now)),
      ];
      const skipped = await skip(transaction, skips, now);
      const missing = await noteMissing(transaction, addition, new Set(anchored));
      return { anchored, skipped, missing };
    });
    this.#cursor = { number: last.number, hash: last.hash };
    if (numbers.size > 0) await this.#loadLedgers();
    counters.milliseconds.write += performance.now() - folded;
    counters.indexedBlocks += headers.length;
    counters.indexedLinks += addition.links.length + addition.ownLinks.length;
    counters.anchoredSubmissions += outcome.anchored.length;
    counters.skipped += outcome.skipped;
    counters.missingBlocks += outcome.missing;
    for (const { submission, reason } of skips) {
      log.warn('The ledger skipped a submission.', { submission: toHex(submission), reason });
    }
    this.#tellIllegal(addition);
    announce(addition, outcome.anchored, last, emit);
    await this.#checkHeads(addition, last);
    for (const contract of foreign) await this.#giveUpOn(contract, 'its logs are not those of a ledger');
  }

  /**
   * Reads the next stretch of the past of a ledger that was newly listed, one ledger after the other. Its cursor is always
   * on the chain that the index has read, or is undone with it. @returns whether anything was done
   */
  async catchUp(): Promise<boolean> {
    const ledger = this.#ledgers.find(({ state }) => state === 'behind');
    if (ledger === undefined || this.#cursor === null) return false;
    const { store, rpc, counters, clock, emit, log } = this.#options;
    const [row] = await store.query<{ block_number: bigint; block_hash: Uint8Array }>(
      'SELECT block_number, block_hash FROM cursors WHERE name = $1',
      [behindName(ledger.number)],
    );
    if (row === undefined) {
      await this.#loadLedgers();
      return true;
    }
    const past: Place = { number: Number(row.block_number), hash: toHex(row.block_hash) };
    const end = this.#cursor;
    // Together with those that are followed: a contract of organisations may be read already.
    const contracts = new Map(
      [...contractsOf([ledger], null, this.#modules)].filter(([address]) => !this.#contracts.has(address)),
    );
    const header = past.number < end.number ? await getHeader(rpc, end.number) : null;
    // A reorganisation, which the next step will find.
    if (header !== null && header.hash !== end.hash) return false;
    if (past.number < end.number && header === null) return false;
    const reading: Reading = {
      addresses: [...contracts.keys()],
      span: () => this.#pastSpan,
      setSpan: (span) => {
        this.#pastSpan = span;
      },
    };
    const stretch = header === null ? { headers: [], logs: [] } : await this.#read(past, header, reading);
    if (stretch === null) return false;
    const last = stretch.headers.at(-1);
    const to: Place = last ?? past;
    const done = to.number === end.number;
    if (done && to.hash !== end.hash) return false;
    const foreign = new Set<FollowedContract>();
    const events = decodeLogs(stretch.logs, contracts, (contract) => foreign.add(contract));
    for (const contract of foreign) {
      await this.#giveUpOn(contract, 'its logs are not those of a ledger');
      return true;
    }
    const timestamps = new Map(stretch.headers.map(({ number, timestamp }) => [number, timestamp]));
    const addition = await fold(store, events, timestamps);
    const blockHashes = new Map(stretch.headers.map(({ number, hash }) => [number, hash]));
    const outcome = await store.transaction(async (transaction) => {
      if (!(await this.#options.lease.lock(transaction))) {
        throw new Problem('relay.leaseLost', 'Another process has taken the index over.');
      }
      await insertAddition(transaction, addition, [], new Map());
      const anchored = [
        ...(await anchor(transaction, addition.accepted, blockHashes, clock())),
        ...(await anchorActions(transaction, addition.executed, blockHashes, clock())),
      ];
      const missing = await noteMissing(transaction, addition, new Set(anchored));
      if (!done) await setPast(transaction, ledger.number, to);
      else await transaction.execute('DELETE FROM cursors WHERE name = $1', [behindName(ledger.number)]);
      return { anchored, missing };
    });
    counters.indexedLinks += addition.links.length + addition.ownLinks.length;
    counters.anchoredSubmissions += outcome.anchored.length;
    counters.missingBlocks += outcome.missing;
    this.#tellIllegal(addition);
    if (outcome.anchored.length > 0) emit('anchored', { submissions: outcome.anchored, block: to.number });
    if (done) {
      await this.#loadLedgers();
      log.info('The index has read the past of a ledger.', { ledger: ledger.address, number: ledger.number });
      emit('ledgers', { ledgers: [ledger.number] });
    }
    if (last !== undefined) await this.#checkHeads(addition, last, true);
    return true;
  }

  /** The module's code is the law; a reader of the report will find the same. */
  #tellIllegal({ titles, parts }: Addition): void {
    for (const { illegal, event } of [...titles, ...parts]) {
      if (illegal === null) continue;
      this.#options.log.error('A module executed an action that the protocol does not allow.', {
        ...{ code: illegal, ledger: event.ledger, subject: toHex(event.subject) },
        ...{ action: toHex(event.actionHash), block: event.blockNumber },
      });
    }
  }

  /** Another ledger than the first is not worth stopping for: it is shown no more, and reports say so. */
  async #giveUpOn(contract: FollowedContract, why: string): Promise<void> {
    if (contract.contract === 'directory') return;
    const { store, log, emit } = this.#options;
    const { contract: kind, number } = contract;
    const of = this.#ledgers.filter((ledger) =>
      kind === 'organisations' ? ledger.register === number : ledger.number === number,
    );
    const left = this.#ledgers.filter((ledger) => !of.includes(ledger));
    await store.transaction(async (transaction) => {
      for (const ledger of of) {
        await transaction.execute('DELETE FROM cursors WHERE name = $1', [behindName(ledger.number)]);
        await setPlace(transaction, unreadableName(ledger.number), this.#place());
      }
      for (const register of new Set(of.map((ledger) => ledger.register))) {
        const sharing = left.filter((ledger) => ledger.register === register);
        if (sharing.some(({ state }) => state === 'followed')) continue;
        // Nobody reads this register now: whoever needs it begins anew.
        await transaction.execute('DELETE FROM organisation_links WHERE register = $1', [register]);
        for (const ledger of sharing.filter(({ state }) => state === 'behind')) {
          await forgetLedger(transaction, ledger.number);
          await setPast(transaction, ledger.number, NOWHERE);
        }
      }
    });
    for (const ledger of of) {
      const facts = { ledger: ledger.address, number: ledger.number, why };
      log.error('A ledger of the directory cannot be read here.', facts);
    }
    await this.#loadLedgers();
    emit('ledgers', { ledgers: of.map((ledger) => ledger.number) });
  }

  /** Fails when another process has moved it: then what this one read is not what comes next. */
  async #moveCursor(transaction: Transaction, from: Place, to: Place): Promise<void> {
    const held = await this.#options.lease.lock(transaction);
    const moved = held
      ? await transaction.execute(
          `UPDATE cursors SET block_number = $1, block_hash = $2, updated_at = $3
           WHERE name = 'index' AND block_number = $4 AND block_hash = $5`,
          [to.number, fromHex(to.hash, 32), this.#options.clock(), from.number, fromHex(from.hash, 32)],
        )
      : 0;
    if (moved === 1) return;
    this.#cursor = null;
    throw new Problem('relay.leaseLost', 'Another process has taken the index over.');
  }

  /** An endpoint may be a little behind; a chain that stays shorter has lost blocks. */
  async #onShorterChain(head: Header, cursor: Place): Promise<boolean> {
    const now = performance.now();
    this.#shorterSince ??= now;
    if (now - this.#shorterSince < (this.#options.patienceMilliseconds ?? 2_000)) {
      const [kept] = await this.#options.store.query<{ hash: Uint8Array }>(
        'SELECT hash FROM chain_blocks WHERE number = $1',
        [head.number],
      );
      if (kept === undefined || toHex(kept.hash) === head.hash) return false;
    }
    this.#shorterSince = null;
    await this.#reorganise(cursor);
    return true;
  }

  /** Goes back to the last block that the tables and the chain have in common. */
  async #reorganise(cursor: Place): Promise<void> {
    const { store, counters, emit, log } = this.#options;
    const ancestor = await this.#ancestor(cursor);
    if (ancestor.number < this.#final.number) {
      throw new Problem(
        'index.deepReorganisation',
        `The chain has another block ${this.#final.number} than the one that was final: stop, and find out which is right.`,
      );
    }
    if (ancestor.number === cursor.number) return;
    const subjects = await store.transaction(async (transaction) => {
      await this.#moveCursor(transaction, cursor, ancestor);
      const changed = await transaction.query<{ subject: Uint8Array }>(
        'SELECT DISTINCT subject FROM links WHERE block_number > $1',
        [ancestor.number],
      );
      await unanchor(transaction, ancestor.number);
      for (const table of indexTables) {
        await transaction.execute(`DELETE FROM ${table} WHERE block_number > $1`, [ancestor.number]);
      }
      await transaction.execute('DELETE FROM chain_blocks WHERE number > $1', [ancestor.number]);
      await this.#undoLedgers(transaction, ancestor);
      return changed.map(({ subject }) => toHex(subject) as Subject);
    });
    this.#cursor = ancestor;
    await this.#loadLedgers();
    counters.reorganisations += 1;
    log.warn('The chain was reorganised; blocks were undone.', { from: cursor.number, to: ancestor.number });
    emit('reorganised', { from: cursor.number, to: ancestor.number });
    if (subjects.length > 0) emit('subjects', { subjects });
  }

  /** What was read of a ledger's past goes back with the rest; one that is no longer listed was never there. */
  async #undoLedgers(transaction: Transaction, to: Place): Promise<void> {
    await transaction.execute(
      `UPDATE cursors SET block_number = $1, block_hash = $2 WHERE name LIKE 'ledger:%' AND block_number > $1`,
      [to.number, fromHex(to.hash, 32)],
    );
    const [listed] = await transaction.query<{ last: number | null }>(
      'SELECT max(number) AS last FROM directory_links',
    );
    const gone = this.#ledgers.filter(({ number }) => number > (listed?.last ?? 0));
    for (const { number, register } of gone) {
      await forgetLedger(transaction, number);
      if (register === number) {
        await transaction.execute('DELETE FROM organisation_links WHERE register = $1', [number]);
      }
      await transaction.execute('DELETE FROM cursors WHERE name = ANY($1::text[])', [
        [behindName(number), unreadableName(number)],
      ]);
    }
  }

  async #ancestor(cursor: Place): Promise<Place> {
    const { store, rpc, firstBlock } = this.#options;
    for (let below = cursor.number + 1; ; ) {
      const kept = await store.query<{ number: bigint; hash: Uint8Array }>(
        'SELECT number, hash FROM chain_blocks WHERE number < $1 ORDER BY number DESC LIMIT $2',
        [below, BLOCKS_AT_ONCE],
      );
      const places = kept.map(({ number, hash }): Place => ({ number: Number(number), hash: toHex(hash) }));
      const headers = await getHeaders(
        rpc,
        places.map(({ number }) => number),
      );
      const common = places.find(({ hash }, index) => headers[index]?.hash === hash);
      if (common !== undefined) return common;
      const lowest = places.at(-1);
      if (lowest === undefined || lowest.number <= this.#final.number) break;
      below = lowest.number;
    }
    // Nothing was read before the first block, so everything can go back to there unless some of it was final.
    const before = firstBlock === 0 ? null : await getHeader(rpc, firstBlock - 1);
    return { number: firstBlock - 1, hash: before?.hash ?? `0x${'00'.repeat(32)}` };
  }

  /** Moves the line between provisional and final. @returns whether it moved */
  async finalise(): Promise<boolean> {
    const { store, rpc, finality, clock, counters, emit } = this.#options;
    if (this.#cursor === null) return false;
    const cursor = this.#cursor;
    const reported = Number(await finality());
    const number = Math.min(reported, cursor.number);
    if (number <= this.#final.number && this.#final.timestamp > 0) return false;
    if (number < this.#final.number || number < 0) return false;
    const header = await getHeader(rpc, number);
    if (header === null) return false;
    const expected = number === cursor.number ? cursor.hash : await this.#keptHash(number);
    // A reorganisation that the next step will find.
    if (expected !== null && expected !== header.hash) return false;
    const submissions = await store.transaction(async (transaction) => {
      if (!(await this.#options.lease.lock(transaction))) {
        throw new Problem('relay.leaseLost', 'Another process has taken the index over.');
      }
      await transaction.execute(
        `INSERT INTO cursors (name, block_number, block_hash, updated_at) VALUES ('final', $1, $2, $3)
         ON CONFLICT (name) DO UPDATE
         SET block_number = excluded.block_number, block_hash = excluded.block_hash, updated_at = excluded.updated_at`,
        [number, fromHex(header.hash, 32), clock()],
      );
      await transaction.execute('DELETE FROM chain_blocks WHERE number < $1', [number - KEPT_BLOCKS]);
      return finalise(transaction, number, clock());
    });
    this.#final = { number, hash: header.hash, timestamp: header.timestamp };
    counters.finalSubmissions += submissions.length;
    emit('final', { submissions, block: number });
    return true;
  }

  async #keptHash(number: number): Promise<Hex | null> {
    const [kept] = await this.#options.store.query<{ hash: Uint8Array }>(
      'SELECT hash FROM chain_blocks WHERE number = $1',
      [number],
    );
    return kept === undefined ? null : toHex(kept.hash);
  }

  /**
   * Compares some of the heads that were just computed with the contracts' own: the fold and the chain must agree, or
   * logs were missed or the contracts are not the ones that are meant.
   */
  async #checkHeads(addition: Addition, at: Header, always = false): Promise<void> {
    const checks = this.#checksOf(addition);
    const rare = always || addition.changeTips.size > 0 || addition.directoryTip !== null;
    const due = performance.now() - this.#checkedAt >= (this.#options.checkMilliseconds ?? 2_000);
    if (checks.length === 0 || (!due && !rare)) return;
    this.#checkedAt = performance.now();
    const { rpc } = this.#options;
    const results = await rpc.batch(
      checks.map(({ to, data }) => ({
        method: 'eth_call',
        params: [{ to, data }, { blockHash: at.hash }],
      })),
    );
    for (const [index, result] of results.entries()) {
      // The state of that block may be gone by now, and the block too: then nothing is proven either way.
      if (result instanceof RpcRefusal || result === '0x') continue;
      const check = checks[index];
      const [head] = readWords(result);
      if (check === undefined || head === check.head) continue;
      // Some nodes answer for the block that took the place of the one asked for.
      if ((await getHeader(rpc, at.number))?.hash !== at.hash) return;
      // And some, asked for their newest block while they mine the next one, answer from the next one's state.
      if (await this.#agreesOnSecondThought(check, at)) continue;
      const { contract } = check;
      const why = `As of block ${at.number} the index has the head ${check.head} of ${check.name}, the ${contract.contract} contract ${head}: rebuild the index, and if that does not help distrust the endpoint.`;
      if (contract.contract === 'directory' || contract.number === 0) {
        throw new Problem('index.headMismatch', why);
      }
      await this.#giveUpOn(contract, why);
    }
  }

  #checksOf(addition: Addition): HeadCheck[] {
    const addressOf = new Map(this.#ledgers.map(({ number, address }) => [number, address]));
    const registerAt = new Map(this.#ledgers.map(({ register, organisations }) => [register, organisations]));
    const checks: HeadCheck[] = [];
    const check = (contract: FollowedContract, to: Hex | undefined, data: string, tip: Tip, name: string) => {
      if (to !== undefined) checks.push({ contract, to, data, head: toHex(tip.head), name });
    };
    for (const [key, tip] of spread(addition.subjectTips, HEADS_AT_ONCE)) {
      const { number, name } = readTipKey(key);
      const data = encodeHeadOfSubject(Buffer.from(name, 'hex'));
      check({ contract: 'ledger', number }, addressOf.get(number), data, tip, `subject 0x${name}`);
    }
    for (const [key, tip] of spread(addition.ownTips, HEADS_AT_ONCE)) {
      const { number, name } = readTipKey(key);
      const data = encodeOwnHead(BigInt(name));
      const whose = `organisation ${name}'s own chain`;
      check({ contract: 'ledger', number }, addressOf.get(number), data, tip, whose);
    }
    for (const [key, tip] of spread(addition.changeTips, HEADS_AT_ONCE)) {
      const { number, name } = readTipKey(key);
      const data = encodeHeadOfOrganisation(BigInt(name));
      const whose = `organisation ${name}`;
      check({ contract: 'organisations', number }, registerAt.get(number), data, tip, whose);
    }
    if (addition.directoryTip !== null) {
      const { directory } = this.#options;
      check(
        { contract: 'directory' },
        directory,
        encodeDirectoryHead(),
        addition.directoryTip,
        'the directory',
      );
    }
    return checks;
  }

  /** Whether the contract, asked again about a block that is no longer the newest, has the head after all. */
  async #agreesOnSecondThought({ to, data, head }: HeadCheck, at: Header): Promise<boolean> {
    const { rpc } = this.#options;
    for (let attempt = 0; attempt < SECOND_THOUGHTS; attempt++) {
      await setTimeout(SECOND_THOUGHT_MILLISECONDS);
      const [result] = await rpc.batch([
        { method: 'eth_call', params: [{ to, data }, { blockHash: at.hash }] },
      ]);
      if (result instanceof RpcRefusal || result === '0x' || result === undefined) return true;
      if (readWords(result)[0] === head) return true;
    }
    return false;
  }
}

interface Stretch {
  /** Ascending; the last one is where the stretch ends. */
  readonly headers: readonly Header[];
  readonly logs: readonly ChainLog[];
}

/** Whose logs are read, and how many blocks at a time. */
interface Reading {
  readonly addresses: readonly Hex[];
  span(): number;
  setSpan(blocks: number): void;
}

interface HeadCheck {
  readonly contract: FollowedContract;
  readonly to: Hex;
  readonly data: string;
  readonly head: Hex;
  readonly name: string;
}

/** The module of kinds 0–15 and that of kinds 16–31; null: it has none. */
type Modules = { readonly titles: Hex | null; readonly parts: Hex | null };

/** The contracts of ledgers by their address, each once. */
function contractsOf(
  ledgers: readonly IndexedLedger[],
  directory: Hex | null,
  modules: ReadonlyMap<Hex, Modules>,
): FollowedContracts {
  const contracts = new Map<Hex, FollowedContract>();
  if (directory !== null) contracts.set(directory, { contract: 'directory' });
  for (const { number, register, address, organisations } of ledgers) {
    if (!contracts.has(address)) contracts.set(address, { contract: 'ledger', number });
    if (!contracts.has(organisations)) {
      contracts.set(organisations, { contract: 'organisations', number: register });
    }
    const { titles = null, parts = null } = modules.get(address) ?? {};
    if (titles !== null && !contracts.has(titles)) contracts.set(titles, { contract: 'titles', number });
    if (parts !== null && !contracts.has(parts)) contracts.set(parts, { contract: 'parts', number });
  }
  return contracts;
}

/** Takes out what the index has read of a ledger, but for its organisations. */
async function forgetLedger(transaction: Transaction, number: number): Promise<void> {
  for (const table of ['links', 'own_links', 'titles', 'parts', 'accepted', 'closures']) {
    await transaction.execute(`DELETE FROM ${table} WHERE ledger = $1`, [number]);
  }
}

/** How far the past of a ledger is read. */
const setPast = (transaction: Transaction, number: number, place: Place) =>
  setPlace(transaction, behindName(number), place);

async function setPlace(transaction: Transaction, name: string, { number, hash }: Place): Promise<void> {
  await transaction.execute(
    `INSERT INTO cursors (name, block_number, block_hash) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE
     SET block_number = excluded.block_number, block_hash = excluded.block_hash, updated_at = now()`,
    [name, number, fromHex(hash, 32)],
  );
}

/** So many of a map's items, from all over it. */
function spread<K, V>(items: ReadonlyMap<K, V>, count: number): [K, V][] {
  const step = Math.max(1, Math.floor(items.size / count));
  return [...items].filter((_, index) => index % step === 0).slice(0, count);
}

/** Entries of submissions that are not here: their blocks are somebody else's. */
async function noteMissing(
  transaction: Transaction,
  addition: Addition,
  ours: ReadonlySet<SubmissionHash>,
): Promise<number> {
  const foreign = [...addition.links, ...addition.ownLinks].filter(({ event }) => {
    const submission = event.event === 'entry' ? event.submission : null;
    return submission === null || !ours.has(toHex(submission) as SubmissionHash);
  });
  // Who attests under another register handed its profile in elsewhere: it is public, and found by its digest too.
  const profiles = addition.changes.filter(({ event }) => event.register > 0 && event.change === PROFILE_SET);
  if (foreign.length + profiles.length === 0) return 0;
  const wanted = [
    ...foreign.map(({ event }) => ({ digest: event.digest, block: event.blockNumber })),
    ...profiles.map(({ event }) => ({ digest: event.value, block: event.blockNumber })),
  ];
  return transaction.execute(
    `INSERT INTO missing_blocks (digest, block_number)
     SELECT DISTINCT ON (digest) digest, block_number FROM unnest($1::bytea[], $2::int8[]) AS f(digest, block_number)
     WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.digest = f.digest)
       AND NOT EXISTS (SELECT 1 FROM erasures e WHERE e.digest = f.digest AND e.what = 'entry')
     ORDER BY digest, block_number
     ON CONFLICT DO NOTHING`,
    [wanted.map(({ digest }) => digest), wanted.map(({ block }) => block)],
  );
}

/** The change of an organisation's record that names its profile. */
const PROFILE_SET = 5;

/** recall.opened, recall.extended, recall.closed, amended. */
const CAMPAIGN_KINDS: ReadonlySet<number> = new Set([80, 81, 82, 120]);

function announce(
  addition: Addition,
  anchored: readonly SubmissionHash[],
  last: Header,
  emit: IndexerOptions['emit'],
): void {
  if (addition.subjectTips.size > 0) {
    const subjects = Array.from(addition.subjectTips.keys(), (key) => `0x${readTipKey(key).name}` as Subject);
    emit('subjects', { subjects });
  }
  const campaigns = addition.ownLinks.filter(({ event }) => CAMPAIGN_KINDS.has(event.kind));
  if (campaigns.length > 0) {
    emit('campaigns', {
      organisations: [...new Set(campaigns.map(({ event }) => BigInt(event.organisation)))],
    });
  }
  if (addition.changeTips.size > 0) {
    const organisations = Array.from(addition.changeTips.keys(), (key) => BigInt(readTipKey(key).name));
    emit('organisations', { organisations });
  }
  const closed = addition.closed.map(({ ledger }) => ledger);
  if (closed.length > 0) emit('ledgers', { ledgers: closed });
  if (anchored.length > 0) emit('anchored', { submissions: anchored, block: last.number });
  emit('block', { number: last.number, hash: last.hash, timestamp: last.timestamp });
}
