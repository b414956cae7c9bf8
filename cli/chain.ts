import type { Hex } from '../core/bytes.ts';
import type { DirectoryLink } from '../core/chain/directory.ts';
import type { Link } from '../core/chain/link.ts';
import type { ChangeNumber, OrganisationChange } from '../core/chain/organisation.ts';
import type { Address, Digest, OrganisationId, Subject } from '../core/chain/types.ts';
import { CommandError } from './exit.ts';
import { concurrently } from './http.ts';
import { keccakText } from './keccak.ts';
import { type Rpc, RpcRefusal } from './rpc.ts';

/*
 * The ledger as its logs tell it, read by raw JSON-RPC and decoded by hand: an audit must not rest on the service's
 * reader. Nothing read here is believed for itself; the heads that it must fold to are.
 */

/** Where a log stands; the order of the ledger's history. */
export type LogPlace = { readonly block: number; readonly index: number; readonly transaction: Hex };

export type LedgerEvent =
  | (LogPlace & { readonly event: 'entry'; readonly subject: Subject; readonly link: Untimed<Link> })
  | (LogPlace & {
      readonly event: 'ownEntry';
      readonly organisation: OrganisationId;
      readonly link: Untimed<Link>;
    })
  | (LogPlace & {
      readonly event: 'accepted';
      readonly organisation: OrganisationId;
      readonly nonce: bigint;
      readonly submission: Hex;
    });
export type OrganisationEvent = LogPlace & {
  readonly organisation: OrganisationId;
  readonly change: Untimed<OrganisationChange>;
};
export type DirectoryEvent = LogPlace & { readonly link: DirectoryLink };

/** A link whose block's time is still to be read. */
type Untimed<T> = T extends unknown ? Omit<T, 'timestamp'> : never;

export const topics = {
  recorded: keccakText('Recorded(bytes32,uint64,uint8,bytes32)'),
  ownRecorded: keccakText('OwnRecorded(uint64,uint8,bytes32)'),
  moduleRecorded: keccakText('ModuleRecorded(bytes32,uint8,address,address,bytes32,bytes32)'),
  accepted: keccakText('Accepted(uint64,uint256,bytes32)'),
  changed: keccakText('Changed(uint64,uint8,bytes32)'),
  ledgerAdded: keccakText('LedgerAdded(uint256,uint256,address,address,bytes32,bytes32)'),
  ledgerClosed: keccakText('LedgerClosed(uint256,uint256)'),
} as const;

type RawLog = LogPlace & { readonly topics: readonly string[]; readonly words: readonly string[] };

/** The links of subjects and own chains. Logs of other events are passed over. */
export function decodeLedgerLog(log: RawLog): LedgerEvent | null {
  const { block, index, transaction } = log;
  const place = { block, index, transaction };
  const [topic, first] = log.topics;
  const at = (position: number): string => word(log.words[position]);
  switch (topic) {
    case topics.recorded: {
      const link = { organisation: id(at(0)), kind: kind(at(1)), digest: hex32(at(2)) as Digest };
      return { ...place, event: 'entry', subject: hex32(word(first)) as Subject, link };
    }
    case topics.moduleRecorded: {
      const link = {
        kind: kind(at(0)),
        module: address(at(1)),
        actor: address(at(2)),
        digest: hex32(at(3)) as Digest,
        actionHash: hex32(at(4)),
      };
      return { ...place, event: 'entry', subject: hex32(word(first)) as Subject, link };
    }
    case topics.ownRecorded: {
      const organisation = id(word(first));
      const link = { organisation, kind: kind(at(0)), digest: hex32(at(1)) as Digest };
      return { ...place, event: 'ownEntry', organisation, link };
    }
    case topics.accepted:
      return {
        ...place,
        event: 'accepted',
        organisation: id(word(first)),
        nonce: BigInt(`0x${at(0)}`),
        submission: hex32(at(1)),
      };
    default:
      return null;
  }
}

export function decodeOrganisationLog(log: RawLog): OrganisationEvent | null {
  if (log.topics[0] !== topics.changed) return null;
  const { block, index, transaction } = log;
  const change = { change: kind(word(log.words[0])) as ChangeNumber, value: hex32(word(log.words[1])) };
  return { block, index, transaction, organisation: id(word(log.topics[1])), change };
}

export function decodeDirectoryLog(log: RawLog): DirectoryEvent | null {
  const { block, index, transaction } = log;
  const place = { block, index, transaction };
  const at = (position: number): string => word(log.words[position]);
  if (log.topics[0] === topics.ledgerAdded) {
    const link: DirectoryLink = {
      change: 'added',
      chainId: BigInt(`0x${at(0)}`),
      ledger: address(at(1)),
      organisations: address(at(2)),
      codeHash: hex32(at(3)),
      pseudonymKey: hex32(at(4)),
    };
    return { ...place, link };
  }
  if (log.topics[0] === topics.ledgerClosed) {
    const link: DirectoryLink = {
      change: 'closed',
      index: BigInt(`0x${word(log.topics[1])}`),
      closedAt: BigInt(`0x${at(0)}`),
    };
    return { ...place, link };
  }
  return null;
}

export type LogFilter = {
  readonly address: Address;
  /** As `eth_getLogs` takes them: a list stands for any of its members. */
  readonly topics?: readonly (string | readonly string[] | null)[];
};

export type LogRange = { readonly from: number; readonly to: number };

const FIRST_SPAN = 5_000;

/**
 * All logs of a contract in a range of blocks, in order, by as many requests as the endpoint needs: what it refuses as
 * too much is asked for in halves.
 * @throws `rpc.malformed` for logs that are not what was asked for
 */
export async function readLogs(
  rpc: Rpc,
  filter: LogFilter,
  range: LogRange,
  onProgress: (blocks: number) => void = () => undefined,
): Promise<RawLog[]> {
  const spans: LogRange[] = [];
  for (let from = range.from; from <= range.to; from += FIRST_SPAN) {
    spans.push({ from, to: Math.min(range.to, from + FIRST_SPAN - 1) });
  }
  let blocks = 0;
  const parts = await concurrently(spans, 3, async (span) => {
    const logs = await readSpan(rpc, filter, span);
    blocks += span.to - span.from + 1;
    onProgress(blocks);
    return logs;
  });
  return parts.flat();
}

async function readSpan(rpc: Rpc, filter: LogFilter, span: LogRange): Promise<RawLog[]> {
  let answer: unknown;
  try {
    answer = await rpc.request('eth_getLogs', [
      {
        address: filter.address,
        ...(filter.topics === undefined ? {} : { topics: filter.topics }),
        fromBlock: quantity(span.from),
        toBlock: quantity(span.to),
      },
    ]);
  } catch (error) {
    const tooMuch =
      error instanceof RpcRefusal || (error instanceof CommandError && error.code === 'http.tooLarge');
    if (!tooMuch || span.from === span.to) throw error;
    const middle = Math.floor((span.from + span.to) / 2);
    const left = await readSpan(rpc, filter, { from: span.from, to: middle });
    return [...left, ...(await readSpan(rpc, filter, { from: middle + 1, to: span.to }))];
  }
  if (!Array.isArray(answer)) throw malformed('eth_getLogs');
  const logs = answer.map(parseLog);
  for (const [position, log] of logs.entries()) {
    const before = logs[position - 1];
    const ordered =
      before === undefined ||
      log.block > before.block ||
      (log.block === before.block && log.index > before.index);
    const wanted = log.address === filter.address && log.block >= span.from && log.block <= span.to;
    if (!ordered || !wanted) throw malformed('eth_getLogs');
  }
  return logs;
}

function parseLog(value: unknown): RawLog & { address: string } {
  const log = value as Record<string, unknown> | null;
  const data = log?.data;
  if (
    log === null ||
    typeof log !== 'object' ||
    typeof log.address !== 'string' ||
    typeof data !== 'string' ||
    !/^0x(?:[0-9a-fA-F]{64})*$/.test(data) ||
    !Array.isArray(log.topics) ||
    !log.topics.every((topic) => typeof topic === 'string' && /^0x[0-9a-fA-F]{64}$/.test(topic)) ||
    typeof log.transactionHash !== 'string' ||
    log.removed === true
  ) {
    throw malformed('eth_getLogs');
  }
  const words: string[] = [];
  for (let start = 2; start < data.length; start += 64)
    words.push(data.slice(start, start + 64).toLowerCase());
  return {
    address: log.address.toLowerCase(),
    block: readQuantity(log.blockNumber),
    index: readQuantity(log.logIndex),
    transaction: log.transactionHash.toLowerCase() as Hex,
    topics: (log.topics as string[]).map((topic) => topic.toLowerCase()),
    words,
  };
}

export type Header = { readonly number: number; readonly hash: Hex; readonly timestamp: bigint };

/** The times of blocks. @throws `rpc.malformed` */
export async function readHeaders(
  rpc: Rpc,
  numbers: readonly number[],
  onProgress?: (done: number) => void,
): Promise<Map<number, Header>> {
  const calls = numbers.map((number) => ({
    method: 'eth_getBlockByNumber',
    params: [quantity(number), false],
  }));
  const headers = new Map<number, Header>();
  for (const [position, answer] of (await rpc.batch(calls, onProgress)).entries()) {
    const header = parseHeader(answer);
    if (header === null || header.number !== numbers[position]) throw malformed('eth_getBlockByNumber');
    headers.set(header.number, header);
  }
  return headers;
}

/** The block under a tag; null where the endpoint knows none. */
export async function readHeader(rpc: Rpc, tag: 'latest' | 'finalized' | number): Promise<Header | null> {
  const name = typeof tag === 'number' ? quantity(tag) : tag;
  return parseHeader(await rpc.request('eth_getBlockByNumber', [name, false]));
}

function parseHeader(value: unknown): Header | null {
  if (value === null) return null;
  const header = value as Record<string, unknown>;
  if (typeof header.hash !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(header.hash)) {
    throw malformed('eth_getBlockByNumber');
  }
  return {
    number: readQuantity(header.number),
    hash: header.hash.toLowerCase() as Hex,
    timestamp: BigInt(readQuantity(header.timestamp)),
  };
}

/** Words returned by many `eth_call`s at one block. @throws `rpc.malformed` */
export async function readWords(
  rpc: Rpc,
  calls: readonly { readonly to: Address; readonly data: string }[],
  block: number,
  onProgress?: (done: number) => void,
): Promise<Hex[]> {
  const tag = quantity(block);
  const answers = await rpc.batch(
    calls.map((call) => ({ method: 'eth_call', params: [call, tag] })),
    onProgress,
  );
  return answers.map((answer) => {
    if (typeof answer !== 'string' || !/^0x[0-9a-fA-F]{64}$/.test(answer)) throw malformed('eth_call');
    return answer.toLowerCase() as Hex;
  });
}

/** @throws `rpc.malformed` `rpc.otherChain` */
export async function readChainId(rpc: Rpc): Promise<bigint> {
  return BigInt(readQuantity(await rpc.request('eth_chainId', [])));
}

export function quantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}

function readQuantity(value: unknown): number {
  const number =
    typeof value === 'string' && /^0x[0-9a-fA-F]{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw malformed('a quantity');
  return number;
}

function malformed(what: string): CommandError {
  return new CommandError('unreachable', 'rpc.malformed', `The endpoint’s answer to ${what} is malformed.`);
}

/** The 64 digits of a word; topics come with `0x`. */
function word(value: string | undefined): string {
  if (value === undefined) throw malformed('eth_getLogs');
  return value.startsWith('0x') ? value.slice(2) : value;
}

const hex32 = (text: string): Hex => `0x${text}`;
const address = (text: string): Address => `0x${text.slice(24)}` as Address;
const id = (text: string): OrganisationId => BigInt(`0x${text}`) as OrganisationId;

function kind(text: string): number {
  const value = Number(BigInt(`0x${text}`));
  if (value > 255) throw malformed('eth_getLogs');
  return value;
}
