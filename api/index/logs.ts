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

/** Of a ledger, by its number in the index. */
interface OfLedger extends LogPlace {
  readonly ledger: number;
}

/** An entry on a subject's chain, or (without a subject) on an organisation's own. */
export interface EntryEvent extends OfLedger {
  readonly event: 'entry';
  readonly subject: Buffer | null;
  readonly kind: number;
  readonly organisation: bigint;
  readonly digest: Buffer;
  /** Set when the submission's `Accepted` follows. */
  submission: Buffer | null;
}

export interface ModuleEntryEvent extends OfLedger {
  readonly event: 'moduleEntry';
  readonly subject: Buffer;
  readonly kind: number;
  readonly module: Buffer;
  readonly actor: Buffer;
  readonly digest: Buffer;
  readonly actionHash: Buffer;
}

export interface AcceptedEvent extends OfLedger {
  readonly event: 'accepted';
  readonly organisation: bigint;
  readonly nonce: bigint;
  readonly submission: Buffer;
}

export interface SkippedEvent extends OfLedger {
  readonly event: 'skipped';
  readonly organisation: bigint;
  readonly submission: Buffer;
  readonly reason: number;
}

/** The ledger takes no more entries. */
export interface ClosedEvent extends OfLedger {
  readonly event: 'closed';
  readonly closedAt: bigint;
}

export interface ChangedEvent extends LogPlace {
  readonly event: 'changed';
  /** The number of its contract in the index. */
  readonly register: number;
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

/** An action that a module of a ledger has executed; the `detail` of one of `Parts` is its vehicle. */
export interface ExecutedEvent extends OfLedger {
  readonly event: 'executed';
  readonly subject: Buffer;
  readonly actionHash: Buffer;
  readonly actor: Buffer;
  readonly kind: number;
  readonly revision: bigint;
  readonly deadline: bigint;
  readonly organisation: bigint;
  readonly party: Buffer;
  readonly until: bigint;
  readonly detail: Buffer;
  readonly digest: Buffer;
}

export type ChainEvent =
  | EntryEvent
  | ModuleEntryEvent
  | ExecutedEvent
  | AcceptedEvent
  | SkippedEvent
  | ClosedEvent
  | ChangedEvent
  | LedgerAddedEvent
  | LedgerClosedEvent;

export type FollowedContract =
  /** A module, `titles` or `parts`, has the number of its ledger. */
  | { readonly contract: 'ledger' | 'organisations' | 'titles' | 'parts'; readonly number: number }
  | { readonly contract: 'directory' };

/** By address. */
export type FollowedContracts = ReadonlyMap<Hex, FollowedContract>;

/**
 * The events of the contracts that are followed; their other logs are passed over.
 * @param onForeign told of a contract, not of number 0, that logs what no such contract does: it is not known here
 */
export function decodeLogs(
  logs: readonly ChainLog[],
  contracts: FollowedContracts,
  onForeign: (contract: FollowedContract) => void = () => undefined,
): ChainEvent[] {
  const events: ChainEvent[] = [];
  const open: EntryEvent[] = [];
  let transaction: Hex | undefined;
  for (const log of logs) {
    if (log.transactionHash !== transaction) {
      transaction = log.transactionHash;
      open.length = 0;
    }
    const contract = contracts.get(log.address);
    if (contract === undefined) continue;
    let event: ChainEvent | null;
    try {
      event = decodeLog(log, contract);
    } catch (error) {
      if (contract.contract === 'directory' || contract.number === 0) throw error;
      onForeign(contract);
      continue;
    }
    if (event === null) continue;
    events.push(event);
    if (event.event === 'entry') open.push(event);
    else if (event.event === 'accepted') {
      // The entries of a submission are logged right before it is accepted.
      for (const entry of open)
        if (entry.organisation === event.organisation && entry.ledger === event.ledger)
          entry.submission = event.submission;
      open.length = 0;
    }
  }
  return events;
}

function decodeLog(log: ChainLog, followed: FollowedContract): ChainEvent | null {
  switch (followed.contract) {
    case 'ledger':
      return decodeLedgerLog(log, followed.number);
    case 'organisations':
      return decodeOrganisationsLog(log, followed.number);
    case 'titles':
    case 'parts':
      return decodeExecuted(log, followed.number, followed.contract);
    case 'directory':
      return decodeDirectoryLog(log);
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

function decodeLedgerLog(log: ChainLog, ledger: number): ChainEvent | null {
  switch (log.topics[0]) {
    case topics.recorded: {
      const words = new Words(log, 3);
      return {
        event: 'entry',
        ledger,
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
        ledger,
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
        ledger,
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
        ledger,
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
        ledger,
        ...words.place,
        organisation: indexedNumber(log),
        submission: words.bytes(1),
        reason: words.byte(2),
      };
    }
    case topics.closed: {
      if (log.topics.length !== 1) throw malformed('a log has more or fewer topics than its event');
      const words = new Words(log, 1);
      return { event: 'closed', ledger, ...words.place, closedAt: words.number(0) };
    }
    default:
      return null;
  }
}

function decodeOrganisationsLog(log: ChainLog, register: number): ChainEvent | null {
  if (log.topics[0] !== topics.changed) return null;
  const words = new Words(log, 2);
  return {
    event: 'changed',
    register,
    ...words.place,
    organisation: indexedNumber(log),
    change: words.byte(0),
    value: words.bytes(1),
  };
}

const NOBODY = Buffer.alloc(20);

function decodeExecuted(log: ChainLog, ledger: number, module: 'titles' | 'parts'): ChainEvent | null {
  const ofTitle = module === 'titles';
  if (log.topics[0] !== (ofTitle ? topics.executed : topics.partExecuted)) return null;
  const [, subject, actionHash] = log.topics;
  if (subject === undefined || actionHash === undefined || log.topics.length !== 3) {
    throw malformed('a log has more or fewer topics than its event');
  }
  const words = new Words(log, ofTitle ? 10 : 8);
  return {
    event: 'executed',
    ledger,
    ...words.place,
    subject: bytes(subject.slice(2)),
    actionHash: bytes(actionHash.slice(2)),
    actor: words.address(0),
    kind: words.byte(1),
    revision: words.number(3),
    deadline: words.number(4),
    organisation: words.number(5),
    party: ofTitle ? words.address(6) : NOBODY,
    until: ofTitle ? words.number(7) : 0n,
    detail: words.bytes(ofTitle ? 8 : 6),
    digest: words.bytes(ofTitle ? 9 : 7),
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
