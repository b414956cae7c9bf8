import type { Hex } from '../../core/bytes.ts';
import { Problem } from '../problem.ts';
import { isRecord, malformed, type Rpc, type RpcCall, RpcRefusal } from './rpc.ts';

/*
 * Typed reads of the chain. Every answer is checked as far as it can be against the question and against itself
 * (`chain.malformed`): an endpoint may be broken, behind, or several that disagree.
 */

export interface Header {
  readonly number: number;
  readonly hash: Hex;
  readonly parentHash: Hex;
  readonly timestamp: number;
  readonly gasLimit: number;
  readonly baseFee: bigint;
}

export interface ChainLog {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly transactionHash: Hex;
  readonly logIndex: number;
}

export interface TransactionReceipt {
  readonly transactionHash: Hex;
  readonly blockNumber: number;
  readonly blockHash: Hex;
  readonly gasUsed: number;
  readonly succeeded: boolean;
}

export type BlockTag = number | 'latest' | 'finalized';

export const quantity = (value: number | bigint): Hex => `0x${value.toString(16)}`;
const tagOf = (tag: BlockTag) => (typeof tag === 'number' ? quantity(tag) : tag);

const QUANTITY = /^0x[0-9a-fA-F]{1,64}$/;
const WORD = /^0x[0-9a-f]{64}$/;
const ADDRESS = /^0x[0-9a-f]{40}$/;
const BYTES = /^0x(?:[0-9a-f]{2})*$/;

export function readBigInt(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !QUANTITY.test(value)) throw malformed(`${what} is no quantity`);
  return BigInt(value);
}

export function readNumber(value: unknown, what: string): number {
  const read = Number(readBigInt(value, what));
  if (!Number.isSafeInteger(read)) throw malformed(`${what} is beyond all bounds`);
  return read;
}

function readHex(value: unknown, form: RegExp, what: string): Hex {
  if (typeof value === 'string') {
    if (form.test(value)) return value as Hex;
    const lower = value.toLowerCase();
    if (form.test(lower)) return lower as Hex;
  }
  throw malformed(`${what} is not as it should be`);
}

function readHeader(value: unknown, tag: BlockTag): Header | null {
  if (value === null) return null;
  if (!isRecord(value)) throw malformed('a block is no object');
  const header: Header = {
    number: readNumber(value.number, 'a block number'),
    hash: readHex(value.hash, WORD, 'a block hash'),
    parentHash: readHex(value.parentHash, WORD, 'a parent hash'),
    timestamp: readNumber(value.timestamp, 'a timestamp'),
    gasLimit: readNumber(value.gasLimit, 'a gas limit'),
    baseFee: value.baseFeePerGas === undefined ? 0n : readBigInt(value.baseFeePerGas, 'a base fee'),
  };
  if (typeof tag === 'number' && header.number !== tag) {
    throw malformed(`asked for block ${tag}, got ${header.number}`);
  }
  return header;
}

const headerCall = (tag: BlockTag): RpcCall => ({
  method: 'eth_getBlockByNumber',
  params: [tagOf(tag), false],
});

function value<T>(result: unknown, read: (result: unknown) => T): T {
  if (result instanceof RpcRefusal) throw result;
  return read(result);
}

/** A block's header; null where the chain has no such block. */
export async function getHeader(rpc: Rpc, tag: BlockTag): Promise<Header | null> {
  const { method, params } = headerCall(tag);
  return readHeader(await rpc.call(method, params), tag);
}

/** @throws `chain.malformed` where there is none: every chain has a last block */
export async function getLatestHeader(rpc: Rpc): Promise<Header> {
  return existing(await getHeader(rpc, 'latest'), 'latest');
}

function existing(header: Header | null, tag: BlockTag): Header {
  if (header === null) throw malformed(`there is no block ${tag}`);
  return header;
}

/** Headers by number, in the order asked for. */
export async function getHeaders(rpc: Rpc, numbers: readonly number[]): Promise<(Header | null)[]> {
  const results = await rpc.batch(numbers.map(headerCall));
  return results.map((result, index) => value(result, (found) => readHeader(found, numbers[index] ?? -1)));
}

export type LogRange =
  | { readonly fromBlock: number; readonly toBlock: number }
  | { readonly blockHash: Hex; readonly number: number };

export function logsCall(range: LogRange, addresses: readonly Hex[]): RpcCall {
  const where =
    'blockHash' in range
      ? { blockHash: range.blockHash }
      : { fromBlock: quantity(range.fromBlock), toBlock: quantity(range.toBlock) };
  return { method: 'eth_getLogs', params: [{ ...where, address: addresses }] };
}

/** Logs in their order: of the range and the addresses asked for, each place once. */
export function readLogs(result: unknown, range: LogRange, addresses: readonly Hex[]): ChainLog[] {
  if (result instanceof RpcRefusal) throw result;
  if (!Array.isArray(result)) throw malformed('logs are no list');
  const [from, to] = 'blockHash' in range ? [range.number, range.number] : [range.fromBlock, range.toBlock];
  let lastBlock = -1;
  let lastIndex = -1;
  return result.map((item) => {
    if (!isRecord(item) || !Array.isArray(item.topics)) throw malformed('a log is not as it should be');
    const log: ChainLog = {
      address: readHex(item.address, ADDRESS, "a log's address"),
      topics: item.topics.map((topic) => readHex(topic, WORD, "a log's topic")),
      data: readHex(item.data, BYTES, "a log's data"),
      blockNumber: readNumber(item.blockNumber, "a log's block number"),
      blockHash: readHex(item.blockHash, WORD, "a log's block hash"),
      transactionHash: readHex(item.transactionHash, WORD, "a log's transaction hash"),
      logIndex: readNumber(item.logIndex, "a log's index"),
    };
    if (item.removed === true) throw inconsistent('a log was removed');
    if (!addresses.includes(log.address)) throw malformed('a log of another contract');
    if (log.blockNumber < from || log.blockNumber > to) throw malformed('a log of another block');
    if ('blockHash' in range && log.blockHash !== range.blockHash) throw malformed('a log of another block');
    const ordered =
      log.blockNumber > lastBlock || (log.blockNumber === lastBlock && log.logIndex > lastIndex);
    if (!ordered) throw malformed('logs are out of order');
    lastBlock = log.blockNumber;
    lastIndex = log.logIndex;
    return log;
  });
}

/** What was read belongs to two versions of the chain: read again. */
export function inconsistent(reason: string): Problem {
  return new Problem('index.inconsistent', `The chain changed while it was read: ${reason}.`);
}

/** Receipts, in the order asked for; null for what is in no block. */
export async function getReceipts(rpc: Rpc, hashes: readonly Hex[]): Promise<(TransactionReceipt | null)[]> {
  const results = await rpc.batch(
    hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] })),
  );
  return results.map((result, index) =>
    value(result, (found) => {
      if (found === null) return null;
      if (!isRecord(found)) throw malformed('a receipt is no object');
      const receipt: TransactionReceipt = {
        transactionHash: readHex(found.transactionHash, WORD, "a receipt's transaction"),
        blockNumber: readNumber(found.blockNumber, "a receipt's block"),
        blockHash: readHex(found.blockHash, WORD, "a receipt's block"),
        gasUsed: readNumber(found.gasUsed, "a receipt's gas"),
        succeeded: readBigInt(found.status, "a receipt's status") === 1n,
      };
      if (receipt.transactionHash !== hashes[index]) throw malformed('a receipt of another transaction');
      return receipt;
    }),
  );
}

/** What the relay asks before each step: the next nonce that the chain expects, and its last block. */
export async function getAccountState(rpc: Rpc, account: Hex): Promise<{ nonce: number; head: Header }> {
  const [nonce, head] = await rpc.batch([
    { method: 'eth_getTransactionCount', params: [account, 'latest'] },
    headerCall('latest'),
  ]);
  return {
    nonce: value(nonce, (found) => readNumber(found, 'a nonce')),
    head: value(head, (found) => existing(readHeader(found, 'latest'), 'latest')),
  };
}

/** The words that a call returns. */
export async function callWords(
  rpc: Rpc,
  to: Hex,
  data: string,
  at: BlockTag | { readonly blockHash: Hex } = 'latest',
): Promise<Hex[]> {
  const block = typeof at === 'object' ? { blockHash: at.blockHash } : tagOf(at);
  return readWords(await rpc.call('eth_call', [{ to, data }, block]));
}

export function readWords(result: unknown): Hex[] {
  const bytes = readHex(result, BYTES, 'what a call returned');
  if ((bytes.length - 2) % 64 !== 0) throw malformed('a call returned half a word');
  return Array.from({ length: (bytes.length - 2) / 64 }, (_, index): Hex => {
    const start = 2 + index * 64;
    return `0x${bytes.slice(start, start + 64)}`;
  });
}
