import { fromHex } from '../../core/bytes.ts';
import { moduleOf } from '../../core/modules/action.ts';
import type { Header } from '../chain/read.ts';
import { insertRows } from '../store/rows.ts';
import type { Queryable, Transaction } from '../store/store.ts';
import { afterChange, afterEntry, afterLedgerAdded, afterLedgerClosed, afterModuleEntry } from './heads.ts';
import type { LedgerNumbers } from './ledgers.ts';
import type {
  AcceptedEvent,
  ChainEvent,
  ChangedEvent,
  ClosedEvent,
  EntryEvent,
  ExecutedEvent,
  LedgerAddedEvent,
  LedgerClosedEvent,
  ModuleEntryEvent,
} from './logs.ts';
import { foldParts, insertParts, type PartStep } from './parts.ts';
import { foldTitles, insertTitles, type TitleStep } from './titles.ts';

/** The end of a chain: how many links it has, and the last one. */
export interface Tip {
  readonly length: number;
  readonly head: Uint8Array;
}
const EMPTY: Tip = { length: 0, head: new Uint8Array(32) };

type SubjectEvent = ModuleEntryEvent | (EntryEvent & { readonly subject: Buffer });

interface Linked<E> {
  readonly event: E;
  readonly position: number;
  readonly timestamp: number;
  readonly head: Uint8Array;
}

/** What a stretch of the chain adds to the tables. */
export interface Addition {
  readonly links: readonly Linked<SubjectEvent>[];
  readonly ownLinks: readonly Linked<EntryEvent>[];
  readonly changes: readonly Linked<ChangedEvent>[];
  readonly directory: readonly Linked<LedgerAddedEvent | LedgerClosedEvent>[];
  readonly accepted: readonly AcceptedEvent[];
  readonly executed: readonly ExecutedEvent[];
  readonly titles: readonly TitleStep[];
  readonly parts: readonly PartStep[];
  readonly closed: readonly ClosedEvent[];
  /** The new ends, by ledger and subject (`0/` hex), ledger and organisation, register and organisation (`0/1`). */
  readonly subjectTips: ReadonlyMap<string, Tip>;
  readonly ownTips: ReadonlyMap<string, Tip>;
  readonly changeTips: ReadonlyMap<string, Tip>;
  readonly directoryTip: Tip | null;
}

const tipKey = (ledger: number, name: string | bigint) => `${ledger}/${name}`;

/** The ledger or register of a tip, and whose it is. */
export function readTipKey(key: string): { readonly number: number; readonly name: string } {
  const slash = key.indexOf('/');
  return { number: Number(key.slice(0, slash)), name: key.slice(slash + 1) };
}

/** Continues the chains that the events extend, from where the tables end. */
export async function fold(
  store: Queryable,
  events: readonly ChainEvent[],
  timestamps: ReadonlyMap<number, number>,
): Promise<Addition> {
  const subjectEvents: SubjectEvent[] = [];
  const ownEvents: EntryEvent[] = [];
  const changes: ChangedEvent[] = [];
  const directoryEvents: (LedgerAddedEvent | LedgerClosedEvent)[] = [];
  const accepted: AcceptedEvent[] = [];
  const executed: ExecutedEvent[] = [];
  const closed: ClosedEvent[] = [];
  for (const event of events) {
    switch (event.event) {
      case 'entry':
        if (event.subject === null) ownEvents.push(event);
        else subjectEvents.push({ ...event, subject: event.subject });
        break;
      case 'moduleEntry':
        subjectEvents.push(event);
        break;
      case 'changed':
        changes.push(event);
        break;
      case 'ledgerAdded':
      case 'ledgerClosed':
        directoryEvents.push(event);
        break;
      case 'accepted':
        accepted.push(event);
        break;
      case 'executed':
        executed.push(event);
        break;
      case 'closed':
        closed.push(event);
        break;
      case 'skipped':
        break;
    }
  }
  const timeOf = ({ blockNumber }: ChainEvent): number => {
    const timestamp = timestamps.get(blockNumber);
    if (timestamp === undefined) throw new TypeError('a log of a block that was not read');
    return timestamp;
  };
  const subjectTips = await tipsOfSubjects(store, subjectEvents);
  const ownTips = await tipsOfOrganisations(
    store,
    'own_links',
    ownEvents.map(({ ledger, organisation }) => ({ number: ledger, organisation })),
  );
  const changeTips = await tipsOfOrganisations(
    store,
    'organisation_links',
    changes.map(({ register, organisation }) => ({ number: register, organisation })),
  );
  let directoryTip = directoryEvents.length === 0 ? null : await tipOfDirectory(store);

  const extend = <K, E extends ChainEvent>(
    tips: Map<K, Tip>,
    key: K,
    event: E,
    next: (head: Uint8Array, timestamp: number) => Uint8Array,
  ): Linked<E> => {
    const { length, head } = tips.get(key) ?? EMPTY;
    const timestamp = timeOf(event);
    const link = { event, position: length, timestamp, head: next(head, timestamp) };
    tips.set(key, { length: length + 1, head: link.head });
    return link;
  };

  const ofModule = (module: 'titles' | 'parts') => executed.filter(({ kind }) => moduleOf(kind) === module);

  return {
    links: subjectEvents.map((event) =>
      extend(subjectTips, tipKey(event.ledger, event.subject.toString('hex')), event, (head, timestamp) =>
        event.event === 'entry'
          ? afterEntry(head, event.kind, event.organisation, timestamp, event.digest)
          : afterModuleEntry(head, event, timestamp),
      ),
    ),
    ownLinks: ownEvents.map((event) =>
      extend(ownTips, tipKey(event.ledger, event.organisation), event, (head, timestamp) =>
        afterEntry(head, event.kind, event.organisation, timestamp, event.digest),
      ),
    ),
    changes: changes.map((event) =>
      extend(changeTips, tipKey(event.register, event.organisation), event, (head, timestamp) =>
        afterChange(head, event.change, timestamp, event.value),
      ),
    ),
    directory: directoryEvents.map((event) => {
      const { length, head } = directoryTip ?? EMPTY;
      const next =
        event.event === 'ledgerAdded'
          ? afterLedgerAdded(head, event)
          : afterLedgerClosed(head, event.index, event.closedAt);
      directoryTip = { length: length + 1, head: next };
      return { event, position: length, timestamp: timeOf(event), head: next };
    }),
    accepted,
    executed,
    titles: await foldTitles(store, ofModule('titles'), changes, timeOf),
    parts: await foldParts(store, ofModule('parts'), timeOf),
    closed,
    subjectTips,
    ownTips,
    changeTips,
    directoryTip,
  };
}

async function tipsOfSubjects(store: Queryable, events: readonly SubjectEvent[]): Promise<Map<string, Tip>> {
  const distinct = new Map(
    events.map((event) => [tipKey(event.ledger, event.subject.toString('hex')), event]),
  );
  const asked = [...distinct.values()];
  const rows =
    asked.length === 0
      ? []
      : await store.query<{ ledger: number; subject: Uint8Array; position: number; head: Uint8Array }>(
          `SELECT l.ledger, l.subject, l.position, l.head
           FROM unnest($1::int4[], $2::bytea[]) AS asked(ledger, subject)
           CROSS JOIN LATERAL (SELECT ledger, subject, position, head FROM links
             WHERE links.subject = asked.subject AND links.ledger = asked.ledger
             ORDER BY position DESC LIMIT 1) AS l`,
          [asked.map(({ ledger }) => ledger), asked.map(({ subject }) => subject)],
        );
  return new Map(
    rows.map((row) => [tipKey(row.ledger, Buffer.from(row.subject).toString('hex')), tipOf(row)]),
  );
}

async function tipsOfOrganisations(
  store: Queryable,
  table: 'own_links' | 'organisation_links',
  chains: readonly { readonly number: number; readonly organisation: bigint }[],
): Promise<Map<string, Tip>> {
  const distinct = new Map(chains.map((chain) => [tipKey(chain.number, chain.organisation), chain]));
  const asked = [...distinct.values()];
  const of = table === 'own_links' ? 'ledger' : 'register';
  const rows =
    asked.length === 0
      ? []
      : await store.query<{ number: number; organisation: bigint; position: number; head: Uint8Array }>(
          `SELECT asked.number, l.organisation, l.position, l.head
           FROM unnest($1::int4[], $2::int8[]) AS asked(number, organisation)
           CROSS JOIN LATERAL (SELECT organisation, position, head FROM ${table}
             WHERE ${table}.organisation = asked.organisation AND ${table}.${of} = asked.number
             ORDER BY position DESC LIMIT 1) AS l`,
          [asked.map(({ number }) => number), asked.map(({ organisation }) => organisation)],
        );
  return new Map(rows.map((row) => [tipKey(row.number, row.organisation), tipOf(row)]));
}

async function tipOfDirectory(store: Queryable): Promise<Tip> {
  const [row] = await store.query<{ position: number; head: Uint8Array }>(
    'SELECT position, head FROM directory_links ORDER BY position DESC LIMIT 1',
  );
  return row === undefined ? EMPTY : tipOf(row);
}

const tipOf = ({ position, head }: { position: number; head: Uint8Array }): Tip => ({
  length: position + 1,
  head,
});

/**
 * Writes an addition and the blocks that it comes from.
 * @param numbers of the ledgers that the directory newly lists
 */
export async function insertAddition(
  transaction: Transaction,
  addition: Addition,
  headers: readonly Header[],
  numbers: ReadonlyMap<LedgerAddedEvent, LedgerNumbers>,
): Promise<void> {
  await insertRows(
    transaction,
    'chain_blocks',
    { number: 'int8', hash: 'bytea', parent_hash: 'bytea', timestamp: 'int8' },
    headers.map(({ number, hash, parentHash, timestamp }) => ({
      number,
      hash: fromHex(hash, 32),
      parent_hash: fromHex(parentHash, 32),
      timestamp,
    })),
  );
  await insertLinks(transaction, addition);
  await insertRows(
    transaction,
    'organisation_links',
    {
      register: 'int4',
      organisation: 'int8',
      position: 'int4',
      change: 'int2',
      value: 'bytea',
      timestamp: 'int8',
      head: 'bytea',
      ...place,
    },
    addition.changes.map(({ event, ...link }) => ({ ...placeOf(event), ...event, ...link })),
  );
  await insertRows(
    transaction,
    'directory_links',
    {
      position: 'int4',
      change: 'text',
      ledger_index: 'int8',
      chain_id: 'numeric',
      ledger: 'bytea',
      organisations: 'bytea',
      code_hash: 'bytea',
      pseudonym_key: 'bytea',
      number: 'int4',
      register: 'int4',
      closed_at: 'numeric',
      head: 'bytea',
      ...place,
    },
    addition.directory.map(({ event, position, head }) => {
      const added = event.event === 'ledgerAdded' ? event : null;
      return {
        position,
        change: added === null ? 'closed' : 'added',
        ledger_index: event.index,
        chain_id: added?.chainId ?? null,
        ledger: added?.ledger ?? null,
        organisations: added?.organisations ?? null,
        code_hash: added?.codeHash ?? null,
        pseudonym_key: added?.pseudonymKey ?? null,
        number: (added === null ? undefined : numbers.get(added)?.number) ?? null,
        register: (added === null ? undefined : numbers.get(added)?.register) ?? null,
        closed_at: event.event === 'ledgerClosed' ? event.closedAt : null,
        head,
        ...placeOf(event),
      };
    }),
  );
  await insertRows(
    transaction,
    'accepted',
    { ledger: 'int4', organisation: 'int8', nonce: 'numeric', submission_hash: 'bytea', ...place },
    addition.accepted.map((event) => ({
      ledger: event.ledger,
      organisation: event.organisation,
      nonce: event.nonce,
      submission_hash: event.submission,
      ...placeOf(event),
    })),
  );
  await insertTitles(transaction, addition.titles);
  await insertParts(transaction, addition.parts);
  await insertRows(
    transaction,
    'closures',
    { ledger: 'int4', closed_at: 'numeric', ...place },
    addition.closed.map((event) => ({
      ledger: event.ledger,
      closed_at: event.closedAt,
      ...placeOf(event),
    })),
  );
}

const place = { block_number: 'int8', log_index: 'int4', transaction_hash: 'bytea' } as const;
const placeOf = ({ blockNumber, logIndex, transactionHash }: ChainEvent) => ({
  block_number: blockNumber,
  log_index: logIndex,
  transaction_hash: transactionHash,
});

async function insertLinks(transaction: Transaction, { links, ownLinks }: Addition): Promise<void> {
  await insertRows(
    transaction,
    'links',
    {
      ledger: 'int4',
      subject: 'bytea',
      position: 'int4',
      kind: 'int2',
      organisation: 'int8',
      module: 'bytea',
      actor: 'bytea',
      action_hash: 'bytea',
      timestamp: 'int8',
      digest: 'bytea',
      head: 'bytea',
      submission_hash: 'bytea',
      ...place,
    },
    links.map(({ event, position, timestamp, head }) => {
      const module = event.event === 'moduleEntry' ? event : null;
      const entry = event.event === 'entry' ? event : null;
      return {
        ledger: event.ledger,
        subject: event.subject,
        position,
        kind: event.kind,
        organisation: entry?.organisation ?? null,
        module: module?.module ?? null,
        actor: module?.actor ?? null,
        action_hash: module?.actionHash ?? null,
        timestamp,
        digest: event.digest,
        head,
        submission_hash: entry?.submission ?? null,
        ...placeOf(event),
      };
    }),
  );
  await insertRows(
    transaction,
    'own_links',
    {
      ledger: 'int4',
      organisation: 'int8',
      position: 'int4',
      kind: 'int2',
      timestamp: 'int8',
      digest: 'bytea',
      head: 'bytea',
      submission_hash: 'bytea',
      ...place,
    },
    ownLinks.map(({ event, position, timestamp, head }) => ({
      ledger: event.ledger,
      organisation: event.organisation,
      position,
      kind: event.kind,
      timestamp,
      digest: event.digest,
      head,
      submission_hash: event.submission,
      ...placeOf(event),
    })),
  );
}

/** The tables that a reorganisation takes rows from, all with a `block_number`. */
export const indexTables = [
  'links',
  'own_links',
  'organisation_links',
  'directory_links',
  'titles',
  'parts',
  'closures',
  'accepted',
  'missing_blocks',
] as const;
