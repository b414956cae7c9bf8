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
import type { Store } from '../store/store.ts';
import { decodeLogs, type FollowedContracts } from './logs.ts';
import { anchor, finalise, skip, unanchor } from './submissions.ts';
import { type Addition, fold, indexTables, insertAddition } from './tables.ts';

export interface IndexerOptions {
  readonly store: Store;
  readonly rpc: Rpc;
  readonly contracts: FollowedContracts;
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

/**
 * Follows the chain's logs into the tables. Near the end of the chain block by block, each by its hash and linked to
 * the one before, so that no reorganisation can slip through; behind the final block by ranges. Everything of a step is
 * written in one transaction with the cursor.
 */
export class Indexer {
  readonly #options: IndexerOptions;
  readonly #addresses: readonly Hex[];
  #cursor: Place | null = null;
  #final: Place & { readonly timestamp: number } = { number: -1, hash: '0x', timestamp: 0 };
  #head = -1;
  #span = FIRST_SPAN;
  #shorterSince: number | null = null;
  #checkedAt = 0;

  constructor(options: IndexerOptions) {
    this.#options = options;
    const { ledger, organisations, directory } = options.contracts;
    this.#addresses = [ledger, organisations, directory];
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
    const stretch = await this.#read(cursor, head);
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

  /** The next blocks and their logs; null when they don't continue what was read before. */
  async #read(cursor: Place, head: Header): Promise<Stretch | null> {
    if (head.number - cursor.number > BLOCKS_AT_ONCE) {
      const settled = Math.min(Number(await this.#options.finality()), head.number);
      if (settled - cursor.number > BLOCKS_AT_ONCE) return this.#readRange(cursor, settled);
    }
    return this.#readBlocks(cursor, head);
  }

  async #readBlocks(cursor: Place, head: Header): Promise<Stretch | null> {
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
    const results = await rpc.batch(ranges.map((range) => logsCall(range, this.#addresses)));
    const logs = results.flatMap((result, index) => {
      const range = ranges[index];
      // A block that is asked for by its hash and refused has just been replaced.
      if (result instanceof RpcRefusal) throw inconsistent(result.rpcMessage);
      return range === undefined ? [] : readLogs(result, range, this.#addresses);
    });
    return { headers: linked, logs };
  }

  async #readRange(cursor: Place, settled: number): Promise<Stretch | null> {
    const { rpc } = this.#options;
    const toBlock = Math.min(cursor.number + this.#span, settled);
    const range = { fromBlock: cursor.number + 1, toBlock };
    let logs: ChainLog[];
    try {
      const call = logsCall(range, this.#addresses);
      logs = readLogs(await rpc.call(call.method, call.params), range, this.#addresses);
    } catch (error) {
      const tooMuch =
        error instanceof RpcRefusal || (error instanceof Problem && error.code === 'chain.tooLarge');
      if (!tooMuch || this.#span === 1) throw error;
      this.#span = Math.max(1, Math.floor(Math.min(this.#span, toBlock - cursor.number) / 4));
      return this.#readRange(cursor, settled);
    }
    if (logs.length < FEW_LOGS) this.#span = Math.min(LONGEST_SPAN, this.#span * 2);
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
    const { store, contracts, counters, clock, emit, log } = this.#options;
    const last = headers.at(-1);
    if (last === undefined) return;
    const started = performance.now();
    const events = decodeLogs(logs, contracts);
    const timestamps = new Map(headers.map(({ number, timestamp }) => [number, timestamp]));
    const addition = await fold(store, events, timestamps);
    const folded = performance.now();
    counters.milliseconds.fold += folded - started;

    const blockHashes = new Map(headers.map(({ number, hash }) => [number, hash]));
    const now = clock();
    const skips = events.filter((event) => event.event === 'skipped');
    const outcome = await store.transaction(async (transaction) => {
      await this.#moveCursor(transaction, cursor, last);
      await insertAddition(transaction, addition, headers);
      const anchored = await anchor(transaction, addition.accepted, blockHashes, now);
      const skipped = await skip(transaction, skips, now);
      const missing = await noteMissing(transaction, addition, new Set(anchored));
      return { anchored, skipped, missing };
    });
    this.#cursor = { number: last.number, hash: last.hash };
    counters.milliseconds.write += performance.now() - folded;
    counters.indexedBlocks += headers.length;
    counters.indexedLinks += addition.links.length + addition.ownLinks.length;
    counters.anchoredSubmissions += outcome.anchored.length;
    counters.skipped += outcome.skipped;
    counters.missingBlocks += outcome.missing;
    for (const { submission, reason } of skips) {
      log.warn('The ledger skipped a submission.', { submission: toHex(submission), reason });
    }
    announce(addition, outcome.anchored, last, emit);
    await this.#checkHeads(addition, last);
  }

  /** Fails when another process has moved it: then what this one read is not what comes next. */
  async #moveCursor(
    transaction: Parameters<Parameters<Store['transaction']>[0]>[0],
    from: Place,
    to: Place,
  ): Promise<void> {
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
      return changed.map(({ subject }) => toHex(subject) as Subject);
    });
    this.#cursor = ancestor;
    counters.reorganisations += 1;
    log.warn('The chain was reorganised; blocks were undone.', { from: cursor.number, to: ancestor.number });
    emit('reorganised', { from: cursor.number, to: ancestor.number });
    if (subjects.length > 0) emit('subjects', { subjects });
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
  async #checkHeads(addition: Addition, at: Header): Promise<void> {
    const checks = checksOf(addition);
    const rare = addition.changeTips.size > 0 || addition.directoryTip !== null;
    const due = performance.now() - this.#checkedAt >= (this.#options.checkMilliseconds ?? 2_000);
    if (checks.length === 0 || (!due && !rare)) return;
    this.#checkedAt = performance.now();
    const { rpc, contracts } = this.#options;
    const results = await rpc.batch(
      checks.map(({ contract, data }) => ({
        method: 'eth_call',
        params: [{ to: contracts[contract], data }, { blockHash: at.hash }],
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
      throw new Problem(
        'index.headMismatch',
        `As of block ${at.number} the index has the head ${check.head} of ${check.name}, the ${check.contract} contract ${head}: rebuild the index, and if that does not help distrust the endpoint.`,
      );
    }
  }

  /** Whether the contract, asked again about a block that is no longer the newest, has the head after all. */
  async #agreesOnSecondThought({ contract, data, head }: HeadCheck, at: Header): Promise<boolean> {
    const { rpc, contracts } = this.#options;
    for (let attempt = 0; attempt < SECOND_THOUGHTS; attempt++) {
      await setTimeout(SECOND_THOUGHT_MILLISECONDS);
      const [result] = await rpc.batch([
        { method: 'eth_call', params: [{ to: contracts[contract], data }, { blockHash: at.hash }] },
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

interface HeadCheck {
  readonly contract: keyof FollowedContracts;
  readonly data: string;
  readonly head: Hex;
  readonly name: string;
}

function checksOf(addition: Addition): HeadCheck[] {
  const checks: HeadCheck[] = [];
  for (const [subject, { head }] of spread(addition.subjectTips, HEADS_AT_ONCE)) {
    const data = encodeHeadOfSubject(Buffer.from(subject, 'hex'));
    checks.push({ contract: 'ledger', data, head: toHex(head), name: `subject 0x${subject}` });
  }
  for (const [organisation, { head }] of spread(addition.ownTips, HEADS_AT_ONCE)) {
    const name = `organisation ${organisation}'s own chain`;
    checks.push({ contract: 'ledger', data: encodeOwnHead(organisation), head: toHex(head), name });
  }
  for (const [organisation, { head }] of spread(addition.changeTips, HEADS_AT_ONCE)) {
    const data = encodeHeadOfOrganisation(organisation);
    checks.push({ contract: 'organisations', data, head: toHex(head), name: `organisation ${organisation}` });
  }
  if (addition.directoryTip !== null) {
    const head = toHex(addition.directoryTip.head);
    checks.push({ contract: 'directory', data: encodeDirectoryHead(), head, name: 'the directory' });
  }
  return checks;
}

/** So many of a map's items, from all over it. */
function spread<K, V>(items: ReadonlyMap<K, V>, count: number): [K, V][] {
  const step = Math.max(1, Math.floor(items.size / count));
  return [...items].filter((_, index) => index % step === 0).slice(0, count);
}

/** Entries of submissions that are not here: their blocks are somebody else's. */
async function noteMissing(
  transaction: Parameters<Parameters<Store['transaction']>[0]>[0],
  addition: Addition,
  ours: ReadonlySet<SubmissionHash>,
): Promise<number> {
  const foreign = [...addition.links, ...addition.ownLinks].filter(({ event }) => {
    const submission = event.event === 'entry' ? event.submission : null;
    return submission === null || !ours.has(toHex(submission) as SubmissionHash);
  });
  if (foreign.length === 0) return 0;
  return transaction.execute(
    `INSERT INTO missing_blocks (digest, block_number)
     SELECT DISTINCT ON (digest) digest, block_number FROM unnest($1::bytea[], $2::int8[]) AS f(digest, block_number)
     WHERE NOT EXISTS (SELECT 1 FROM blocks b WHERE b.digest = f.digest)
     ORDER BY digest, block_number
     ON CONFLICT DO NOTHING`,
    [foreign.map(({ event }) => event.digest), foreign.map(({ event }) => event.blockNumber)],
  );
}

function announce(
  addition: Addition,
  anchored: readonly SubmissionHash[],
  last: Header,
  emit: IndexerOptions['emit'],
): void {
  if (addition.subjectTips.size > 0) {
    emit('subjects', { subjects: Array.from(addition.subjectTips.keys(), (hex) => `0x${hex}` as Subject) });
  }
  if (addition.changeTips.size > 0) emit('organisations', { organisations: [...addition.changeTips.keys()] });
  if (anchored.length > 0) emit('anchored', { submissions: anchored, block: last.number });
  emit('block', { number: last.number, hash: last.hash, timestamp: last.timestamp });
}
