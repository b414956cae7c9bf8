import { type Hex, toHex } from '../../core/bytes.ts';
import type { Address, OrganisationId, Subject } from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import {
  applyTitleAction,
  NO_TITLE,
  type Title,
  type TitleState,
  takeOver,
  titleKinds,
} from '../../core/modules/title.ts';
import { insertRows } from '../store/rows.ts';
import type { Queryable, Transaction } from '../store/store.ts';
import { actionColumns, rowOfAction, titleActionOf } from './actions.ts';
import type { ChangedEvent, ExecutedEvent } from './logs.ts';

/*
 * Titles as the logs of the ledgers' modules make them: a row for each action and subject, with the title after it. The
 * last row is the title now, and a reorganisation that takes rows away leaves what it was before.
 */

/** A title in JSON: numbers beyond 53 bits are decimal strings. */
export type StoredTitle = {
  readonly state: TitleState;
  readonly owner: Address | null;
  readonly tenure: string;
  readonly revision: string;
  readonly offer: { readonly buyer: Address; readonly until: string } | null;
  readonly liens: readonly {
    readonly number: number;
    readonly holder: string;
    readonly rank: number;
    readonly until: string;
  }[];
  readonly liensPlaced: number;
  readonly stolen: boolean;
  readonly brands: readonly number[];
  readonly replaces: Subject | null;
  readonly replacedBy: Subject | null;
};

export function storedTitle(title: Title): StoredTitle {
  const { tenure, revision, offer, liens } = title;
  return {
    ...title,
    tenure: tenure.toString(),
    revision: revision.toString(),
    offer: offer === null ? null : { ...offer, until: offer.until.toString() },
    liens: liens.map((lien) => ({
      ...lien,
      holder: lien.holder.toString(),
      until: lien.until.toString(),
    })),
  };
}

export function readTitle(stored: StoredTitle): Title {
  const { tenure, revision, offer, liens } = stored;
  return {
    ...stored,
    tenure: BigInt(tenure),
    revision: BigInt(revision),
    offer: offer === null ? null : { ...offer, until: BigInt(offer.until) },
    liens: liens.map((lien) => ({
      ...lien,
      holder: BigInt(lien.holder) as OrganisationId,
      until: BigInt(lien.until),
    })),
  };
}

/** What an action made of the title of one subject. */
export interface TitleStep {
  readonly event: ExecutedEvent;
  readonly subject: Buffer;
  readonly position: number;
  readonly timestamp: number;
  readonly title: Title;
  /** Why core would not have executed it, although the module did. */
  readonly illegal: string | null;
}

interface Tip {
  readonly length: number;
  readonly title: Title;
}
const NOTHING: Tip = { length: 0, title: NO_TITLE };

const keyOf = (ledger: number, subject: Buffer) => `${ledger}/${subject.toString('hex')}`;
const isReplacement = ({ kind }: ExecutedEvent) => kind === titleKinds['title.replaced'];
const needsHolder = ({ kind }: ExecutedEvent) =>
  kind === titleKinds['title.lienRenewed'] || kind === titleKinds['title.lienReleased'];

/** Continues the titles that the events act on, from where the tables end. */
export async function foldTitles(
  store: Queryable,
  events: readonly ExecutedEvent[],
  changes: readonly ChangedEvent[],
  timeOf: (event: ExecutedEvent) => number,
): Promise<TitleStep[]> {
  if (events.length === 0) return [];
  const tips = await tipsOf(store, events);
  const successions = events.some(needsHolder) ? await successionsIn(store, events, changes) : [];
  const steps: TitleStep[] = [];
  for (const event of events) {
    const timestamp = timeOf(event);
    const extend = (subject: Buffer, next: (title: Title) => Title, illegal: string | null) => {
      const key = keyOf(event.ledger, subject);
      const { length, title } = tips.get(key) ?? NOTHING;
      const step = { event, subject, position: length, timestamp, title: next(title), illegal };
      tips.set(key, { length: length + 1, title: step.title });
      steps.push(step);
    };
    const action = titleActionOf(event);
    const before = tips.get(keyOf(event.ledger, event.subject))?.title ?? NO_TITLE;
    const at = BigInt(timestamp);
    const moved = (title: Title): Title => ({ ...title, revision: title.revision + 1n });
    let after: Title;
    let illegal: string | null = null;
    try {
      after = applyTitleAction(before, action, toHex(event.actor) as Address, at, {
        succeeds: (holder, organisation) => succeedsAt(successions, event, holder) === organisation,
        titled: (subject) => {
          const tip = tips.get(keyOf(event.ledger, Buffer.from(subject.slice(2), 'hex')));
          return tip !== undefined && tip.title.state !== 'none';
        },
      });
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      illegal = error.code;
      after = moved(before);
    }
    extend(event.subject, () => after, illegal);
    if (isReplacement(event) && !event.detail.equals(event.subject)) {
      extend(
        event.detail,
        (title) => (title.state === 'none' ? takeOver(before, action, at) : moved(title)),
        illegal,
      );
    }
  }
  return steps;
}

async function tipsOf(store: Queryable, events: readonly ExecutedEvent[]): Promise<Map<string, Tip>> {
  const asked = new Map<string, { readonly ledger: number; readonly subject: Buffer }>();
  for (const event of events) {
    const { ledger, subject, detail } = event;
    asked.set(keyOf(ledger, subject), { ledger, subject });
    if (isReplacement(event)) asked.set(keyOf(ledger, detail), { ledger, subject: detail });
  }
  const rows = await store.query<{
    ledger: number;
    subject: Uint8Array;
    position: number;
    title: StoredTitle;
  }>(
    `SELECT t.ledger, t.subject, t.position, t.title
     FROM unnest($1::int4[], $2::bytea[]) AS asked(ledger, subject)
     CROSS JOIN LATERAL (SELECT ledger, subject, position, title FROM titles
       WHERE titles.subject = asked.subject AND titles.ledger = asked.ledger
       ORDER BY position DESC LIMIT 1) AS t`,
    [
      Array.from(asked.values(), ({ ledger }) => ledger),
      Array.from(asked.values(), ({ subject }) => subject),
    ],
  );
  return new Map(
    rows.map(({ ledger, subject, position, title }) => [
      keyOf(ledger, Buffer.from(subject)),
      { length: position + 1, title: readTitle(title) },
    ]),
  );
}

/** The registrar recorded a successor of an organisation. */
interface Succession {
  readonly ledger: number;
  readonly organisation: bigint;
  readonly successor: bigint;
  readonly blockNumber: number;
  readonly logIndex: number;
}

const SUCCESSOR_SET = 9;

async function successionsIn(
  store: Queryable,
  events: readonly ExecutedEvent[],
  changes: readonly ChangedEvent[],
): Promise<Succession[]> {
  const registers = await store.query<{ number: number; register: number }>(
    `SELECT 0 AS number, 0 AS register
     UNION SELECT number, register FROM directory_links WHERE number = ANY($1::int4[])`,
    [[...new Set(events.map(({ ledger }) => ledger))]],
  );
  const rows = await store.query<{
    register: number;
    organisation: bigint;
    value: Uint8Array;
    block_number: bigint;
    log_index: number;
  }>(
    `SELECT register, organisation, value, block_number, log_index FROM organisation_links
     WHERE change = ${SUCCESSOR_SET} AND register = ANY($1::int4[])`,
    [registers.map(({ register }) => register)],
  );
  const all = [
    ...rows.map((row) => ({ ...row, blockNumber: Number(row.block_number), logIndex: row.log_index })),
    ...changes.filter(({ change }) => change === SUCCESSOR_SET),
  ];
  return registers.flatMap(({ number, register }) =>
    all
      .filter((change) => change.register === register)
      .map(({ organisation, value, blockNumber, logIndex }) => ({
        ledger: number,
        organisation,
        successor: BigInt(toHex(value)),
        blockNumber,
        logIndex,
      })),
  );
}

/** The successor that an organisation had when an action was executed. */
function succeedsAt(
  successions: readonly Succession[],
  { ledger, blockNumber, logIndex }: ExecutedEvent,
  organisation: bigint,
): bigint | undefined {
  return successions
    .filter(
      (one) =>
        one.ledger === ledger &&
        one.organisation === organisation &&
        (one.blockNumber < blockNumber || (one.blockNumber === blockNumber && one.logIndex < logIndex)),
    )
    .toSorted((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
    .at(-1)?.successor;
}

export async function insertTitles(transaction: Transaction, steps: readonly TitleStep[]): Promise<void> {
  await insertRows(
    transaction,
    'titles',
    {
      ledger: 'int4',
      subject: 'bytea',
      position: 'int4',
      state: 'text',
      owner: 'bytea',
      revision: 'int8',
      title: 'jsonb',
      illegal: 'text',
      ...actionColumns,
      timestamp: 'int8',
    },
    steps.map(({ event, subject, position, timestamp, title, illegal }) => ({
      ledger: event.ledger,
      subject,
      position,
      state: title.state,
      owner: title.owner === null ? null : Buffer.from(title.owner.slice(2), 'hex'),
      revision: title.revision,
      title: storedTitle(title),
      illegal,
      ...rowOfAction(event),
      timestamp,
    })),
  );
}

/** A title as the index has it, and how many actions stand in its history. */
export type IndexedTitle = { readonly title: Title; readonly length: number };

/** The titles of subjects in one ledger, without those that there is nothing of. */
export async function readTitles(
  store: Queryable,
  ledger: number,
  subjects: readonly Uint8Array[],
): Promise<Map<Hex, IndexedTitle>> {
  const rows = await store.query<{ subject: Uint8Array; position: number; title: StoredTitle }>(
    `SELECT t.subject, t.position, t.title FROM unnest($2::bytea[]) AS asked(subject)
     CROSS JOIN LATERAL (SELECT subject, position, title FROM titles
       WHERE titles.subject = asked.subject AND titles.ledger = $1 ORDER BY position DESC LIMIT 1) AS t`,
    [ledger, subjects],
  );
  return new Map(
    rows.map(({ subject, position, title }) => [
      toHex(subject),
      { title: readTitle(title), length: position + 1 },
    ]),
  );
}
