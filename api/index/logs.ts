import type { Hex } from '../../core/bytes.ts';
import { topics } from '../chain/contracts.ts';
import type { ChainLog } from '../chain/read.ts';
import { malformed } from '../chain/rpc.ts';

/** Where in the chain something was logged. */
export interface LogPlace {
  readonly blockNumber: number;
  readonly logIndex: number;
  readonly transactionHash: Buffer;
}

/** An entry on a subject's chain, or (without a subject) on an organisation's own. */
export interface EntryEvent extends LogPlace {
  readonly event: 'entry';
  readonly subject: Buffer | null;
  readonly kind: number;
  readonly organisation: bigint;
  readonly digest: Buffer;
  /** Set when the submission's `Accepted` follows. */
  submission: Buffer | null;
}

export interface ModuleEntryEvent extends LogPlace {
  readonly event: 'moduleEntry';
  readonly subject: Buffer;
  readonly kind: number;
  readonly module: Buffer;
  readonly actor: Buffer;
  readonly digest: Buffer;
  readonly actionHash: Buffer;
}

export interface AcceptedEvent extends LogPlace {
  readonly event: 'accepted';
  readonly organisation: bigint;
  readonly nonce: bigint;
  readonly submission: Buffer;
}

export interface SkippedEvent extends LogPlace {
  readonly event: 'skipped';
  readonly organisation: bigint;
  readonly submission: Buffer;
  readonly reason: number;
}

export interface ChangedEvent extends LogPlace {
  readonly event: 'changed';
  readonly organisation: bigint;
  readonly change: number;
  readonly value: Buffer;
}

export interface LedgerAddedEvent extends LogPlace {
  readonly event: 'ledgerAdded';
  readonly index: bigint;
  readonly chainId: bigint;
  readonly ledger: Buffer;
  readonly organisations: Buffer;
  readonly codeHash: Buffer;
  readonly pseudonymKey: Buffer;
}

export interface LedgerClosedEvent extends LogPlace {
  readonly event: 'ledgerClosed';
  readonly index: bigint;
  readonly closedAt: bigint;
}

export type ChainEvent =
  | EntryEvent
  | ModuleEntryEvent
  | AcceptedEvent
  | SkippedEvent
  | ChangedEvent
  | LedgerAddedEvent
  | LedgerClosedEvent;

export interface FollowedContracts {
  readonly ledger: Hex;
  readonly organisations: Hex;
  readonly directory: Hex;
}

/** The events of the contracts that are followed; their other logs are passed over. */
export function decodeLogs(logs: readonly ChainLog[], contracts: FollowedContracts): ChainEvent[] {
  const events: ChainEvent[] = [];
  const open: EntryEvent[] = [];
  let transaction: Hex | undefined;
  for (const log of logs) {
    if (log.transactionHash !== transaction) {
      transaction = log.transactionHash;
      open.length = 0;
    }
    const event = decodeLog(log, contracts);
    if (event === null) continue;
    events.push(event);
    if (event.event === 'entry') open.push(event);
    else if (event.event === 'accepted') {
      // The entries of a submission are logged right before it is accepted.
      for (const entry of open)
        if (entry.organisation === event.organisation) entry.submission = event.submission;
      open.length = 0;
    }
  }
  return events;
}

function decodeLog(log: ChainLog, contracts: FollowedContracts): ChainEvent | null {
  switch (log.address) {
    case contracts.ledger:
      return decodeLedgerLog(log);
    case contracts.organisations:
      return decodeOrganisationsLog(log);
    case contracts.directory:
      return decodeDirectoryLog(log);
    default:
      return null;
  }
}

const bytes = (hex: string) => Buffer.from(hex, 'hex');

class Words {
  readonly #data: string;
  readonly place: LogPlace;

  constructor(log: ChainLog, words: number) {
    if (log.data.length !== 2 + words * 64) throw malformed('a log has more or less data than its event');
    this.#data = log.data;
    this.place = {
      blockNumber: log.blockNumber,
      logIndex: log.logIndex,
      transactionHash: bytes(log.transactionHash.slice(2)),
    };
  }

  bytes(index: number): Buffer {
    return bytes(this.#data.slice(2 + index * 64, 66 + index * 64));
  }

  address(index: number): Buffer {
    return bytes(this.#data.slice(26 + index * 64, 66 + index * 64));
  }

  number(index: number): bigint {
    return BigInt(`0x${this.#data.slice(2 + index * 64, 66 + index * 64)}`);
  }

  byte(index: number): number {
    return Number.parseInt(this.#data.slice(58 + index * 64, 66 + index * 64), 16);
  }
}

function indexed(log: ChainLog): string {
  const [, topic] = log.topics;
  if (topic === undefined || log.topics.length !== 2)
    throw malformed('a log has more or fewer topics than its event');
  return topic;
}
const indexedBytes = (log: ChainLog) => bytes(indexed(log).slice(2));
const indexedNumber = (log: ChainLog) => BigInt(indexed(log));

function decodeLedgerLog(log: ChainLog): ChainEvent | null {
  switch (log.topics[0]) {
    case topics.recorded: {
      const words = new Words(log, 3);
      return {
        event: 'entry',
        ...words.place,
        subject: indexedBytes(log),
        organisation: words.number(0),
        kind: words.byte(1),
        digest: words.bytes(2),
        submission: null,
      };
    }
    case topics.ownRecorded: {
      const words = new Words(log, 2);
      return {
        event: 'entry',
        ...words.place,
        subject: null,
        organisation: indexedNumber(log),
        kind: words.byte(0),
        digest: words.bytes(1),
        submission: null,
      };
    }
    case topics.moduleRecorded: {
      const words = new Words(log, 5);
      return {
        event: 'moduleEntry',
        ...words.place,
        subject: indexedBytes(log),
        kind: words.byte(0),
        module: words.address(1),
        actor: words.address(2),
        digest: words.bytes(3),
        actionHash: words.bytes(4),
      };
    }
    case topics.accepted: {
      const words = new Words(log, 2);
      return {
        event: 'accepted',
        ...words.place,
        organisation: indexedNumber(log),
        nonce: words.number(0),
        submission: words.bytes(1),
      };
    }
    case topics.skipped: {
      const words = new Words(log, 3);
      return {
        event: 'skipped',
        ...words.place,
        organisation: indexedNumber(log),
        submission: words.bytes(1),
        reason: words.byte(2),
      };
    }
    default:
      return null;
  }
}

function decodeOrganisationsLog(log: ChainLog): ChainEvent | null {
  if (log.topics[0] !== topics.changed) return null;
  const words = new Words(log, 2);
  return {
    event: 'changed',
    ...words.place,
    organisation: indexedNumber(log),
    change: words.byte(0),
    value: words.bytes(1),
  };
}

function decodeDirectoryLog(log: ChainLog): ChainEvent | null {
  switch (log.topics[0]) {
    case topics.ledgerAdded: {
      const words = new Words(log, 5);
      return {
        event: 'ledgerAdded',
        ...words.place,
        index: indexedNumber(log),
        chainId: words.number(0),
        ledger: words.address(1),
        organisations: words.address(2),
        codeHash: words.bytes(3),
        pseudonymKey: words.bytes(4),
      };
    }
    case topics.ledgerClosed: {
      const words = new Words(log, 1);
      return { event: 'ledgerClosed', ...words.place, index: indexedNumber(log), closedAt: words.number(0) };
    }
    default:
      return null;
  }
}
