import { fromHex, toHex } from '../../core/bytes.ts';
import { type Digest, type OrganisationId, type Subject, ZERO_SUBJECT } from '../../core/chain/types.ts';
import { kindByNumber, kinds } from '../../core/kinds/kinds.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import { Logged, type Showing } from '../privacy/logged.ts';
import { envelopeOf } from '../privacy/openable.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { EventField, EventName, EventNames } from './names.ts';

/** An entry of the organisation that asks. */
export type OwnEvent = {
  readonly digest: Digest;
  /** What it is about; null where that is not known here any more. */
  readonly identifier: string | null;
  readonly kind: string;
  /** Whether it is on the ledger (yet). */
  readonly anchored: boolean;
  /** The last correction of it by the same organisation. */
  readonly amended: { readonly digest: Digest; readonly retracted: boolean } | null;
};

/** An anchored entry of another organisation, made from the same event. */
export type OthersEvent = { readonly organisation: string; readonly digest: Digest };

export type EventSearch = {
  /** Event hashes, `ni:///sha-256;…?ver=CBV2.0`. */
  readonly hashes: readonly string[];
  /** What events are called in the system that they come from. */
  readonly ids: readonly string[];
};

/** What was asked for, in the same order; what nothing was found of, too. */
export type EventsFound = {
  readonly hashes: readonly {
    readonly hash: string;
    readonly own: readonly OwnEvent[];
    readonly others: readonly OthersEvent[];
  }[];
  readonly ids: readonly { readonly id: string; readonly own: readonly OwnEvent[] }[];
  /** There is more than is told at once: ask for fewer. */
  readonly truncated: boolean;
};

/** The entries that were made from events, found by the sealed names of these (docs/supply-chain.md). */
export interface Events {
  /**
   * An organisation's own entries; and, of a hash that an anchored one of them has, the anchored ones of others. Each one
   * found is a showing of its sealed name, and is in the access log of what it is about.
   */
  search(organisation: OrganisationId, wanted: EventSearch, route: string): Promise<EventsFound>;
}

export type EventsOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly names: EventNames;
  readonly ownLedger: () => Promise<number>;
  readonly clock?: () => number;
};

const MOST = 5_000;

type OwnRow = {
  readonly name: EventName;
  readonly field: EventField;
  readonly digest: Uint8Array;
  readonly kind: number;
  readonly subject: Uint8Array;
  readonly wrapped: Uint8Array | null;
  readonly anchored: boolean;
};
type OthersRow = {
  readonly name: EventName;
  readonly organisation: bigint;
  readonly digest: Uint8Array;
  readonly subject: Uint8Array;
};

/** SQL: whether whoever sealed the name put the entry on a ledger where organisations have the numbers that they have here. */
const ANCHORED = `(
  EXISTS (SELECT 1 FROM links WHERE links.digest = events.digest AND links.subject = events.subject
    AND links.ledger IN (SELECT number FROM registered)
    AND (links.organisation = events.organisation OR EXISTS (SELECT 1 FROM actions
      WHERE actions.action_hash = links.action_hash AND actions.ledger = links.ledger
        AND actions.organisation = events.organisation)))
  OR EXISTS (SELECT 1 FROM own_links WHERE own_links.digest = events.digest
    AND own_links.organisation = events.organisation AND own_links.ledger IN (SELECT number FROM registered)))`;
const REGISTERED = `registered AS (
  SELECT number FROM directory_links WHERE change = 'added' AND number IS NOT NULL AND register = ${OWN_REGISTER})`;

export function createEvents(options: EventsOptions): Events {
  const { store, secrets, names } = options;
  const clock = options.clock ?? Date.now;

  return {
    async search(organisation, { hashes, ids }, route) {
      const hashNames = hashes.map((hash) => names.nameOf('eventHash', hash));
      const idNames = ids.map((id) => names.nameOf('eventId', id));
      const ledger = await options.ownLedger();
      return store.transaction(async (transaction) => {
        const found = await ownRows(transaction, organisation, [...new Set([...hashNames, ...idNames])]);
        const own = found.slice(0, MOST);
        // A guess leads no further than this: no row of others is looked at for a hash that the caller has not anchored.
        const matched = own.filter(({ anchored, field }) => anchored && field === 'eventHash');
        const others = await othersRows(transaction, organisation, [
          ...new Set(matched.map(({ name }) => name)),
        ]);
        const matches = others.slice(0, MOST);
        const amended = await amendmentsOf(transaction, secrets, organisation, own);
        await log(transaction, { organisation, route, ledger, at: clock() }, own, matches);
        const ownByName = Map.groupBy(own, ({ name }) => name);
        const othersByName = Map.groupBy(matches, ({ name }) => name);
        const viewsOf = (name: EventName | undefined) =>
          (name === undefined ? [] : (ownByName.get(name) ?? [])).map((row) =>
            viewOf(row, organisation, secrets, amended),
          );
        return {
          hashes: hashes.map((hash, index) => {
            const name = hashNames[index];
            const rows = name === undefined ? [] : (othersByName.get(name) ?? []);
            return { hash, own: viewsOf(name), others: rows.map(othersView) };
          }),
          ids: ids.map((id, index) => ({ id, own: viewsOf(idNames[index]) })),
          truncated: found.length > MOST || others.length > MOST,
        };
      });
    },
  };
}

/** A correction comes after what it may be of. */
function ownRows(
  transaction: Transaction,
  organisation: OrganisationId,
  wanted: readonly EventName[],
): Promise<OwnRow[]> {
  return transaction.query<OwnRow>(
    `WITH ${REGISTERED}
     SELECT events.name, events.field, events.digest::bytea AS digest, events.kind, events.subject::bytea AS subject,
       identifiers.wrapped, ${ANCHORED} AS anchored
     FROM events LEFT JOIN identifiers ON identifiers.subject = events.subject
     WHERE events.organisation = $1 AND events.name = ANY($2::uuid[])
     ORDER BY events.name, events.kind = $3, events.digest LIMIT ${MOST + 1}`,
    [organisation, wanted, kinds.amended.number],
  );
}

async function othersRows(
  transaction: Transaction,
  organisation: OrganisationId,
  matched: readonly EventName[],
): Promise<OthersRow[]> {
  if (matched.length === 0) return [];
  return transaction.query<OthersRow>(
    `WITH ${REGISTERED}
     SELECT events.name, events.organisation, events.digest::bytea AS digest, events.subject::bytea AS subject
     FROM events WHERE events.organisation <> $1 AND events.name = ANY($2::uuid[]) AND ${ANCHORED}
     ORDER BY events.name, events.organisation, events.digest LIMIT ${MOST + 1}`,
    [organisation, matched],
  );
}

type Amendments = ReadonlyMap<string, { readonly digest: Digest; readonly retracted: boolean }>;

/** The last amendment of each of these entries, by the entry's digest. */
async function amendmentsOf(
  transaction: Transaction,
  secrets: Secrets,
  organisation: OrganisationId,
  own: readonly OwnRow[],
): Promise<Amendments> {
  const anchored = own.filter((row) => row.anchored);
  if (anchored.length === 0) return new Map();
  const subjects = new Set(anchored.map(({ subject }) => toHex(subject) as Subject));
  const rows = await transaction.query<{ digest: Uint8Array; body: Uint8Array; key: Uint8Array }>(
    `WITH ${REGISTERED}
     SELECT amending.digest::bytea AS digest, blocks.body, block_keys.wrapped AS key FROM (
       SELECT digest, block_number, log_index FROM links
       WHERE subject = ANY($1::bytea[]) AND kind = $2 AND organisation = $3 AND ledger IN (SELECT number FROM registered)
       UNION ALL
       SELECT digest, block_number, log_index FROM own_links
       WHERE $4 AND kind = $2 AND organisation = $3 AND ledger IN (SELECT number FROM registered)
       ORDER BY block_number DESC, log_index DESC LIMIT ${MOST}
     ) AS amending JOIN blocks ON blocks.digest = amending.digest JOIN block_keys ON block_keys.digest = amending.digest
     ORDER BY block_number, log_index`,
    [
      [...subjects].map((subject) => fromHex(subject, 32)),
      kinds.amended.number,
      organisation,
      subjects.has(ZERO_SUBJECT),
    ],
  );
  const found = new Map<string, { digest: Digest; retracted: boolean }>();
  for (const row of rows) {
    const data = envelopeOf(row, secrets)?.data;
    if (typeof data?.supersedes !== 'string') continue;
    found.set(data.supersedes, { digest: toHex(row.digest) as Digest, retracted: data.retracted === true });
  }
  return found;
}

function viewOf(row: OwnRow, organisation: OrganisationId, secrets: Secrets, amended: Amendments): OwnEvent {
  const digest = toHex(row.digest) as Digest;
  return {
    digest,
    identifier: identifierOf(row, organisation, secrets),
    kind: kindByNumber(row.kind)?.name ?? String(row.kind),
    anchored: row.anchored,
    amended: amended.get(digest) ?? null,
  };
}

function identifierOf(row: OwnRow, organisation: OrganisationId, secrets: Secrets): string | null {
  if (toHex(row.subject) === ZERO_SUBJECT) return `organisation:${organisation}`;
  return row.wrapped === null ? null : secrets.identifier(row.subject, row.wrapped);
}

const othersView = ({ organisation, digest }: OthersRow): OthersEvent => ({
  organisation: organisation.toString(),
  digest: toHex(digest) as Digest,
});

/** That an entry is found by a name shows that it seals this one. */
async function log(
  transaction: Transaction,
  by: {
    readonly organisation: OrganisationId;
    readonly route: string;
    readonly ledger: number;
    readonly at: number;
  },
  own: readonly OwnRow[],
  others: readonly OthersRow[],
): Promise<void> {
  const reader = { kind: 'organisation', organisation: by.organisation } as const;
  const showings = new Map<string, Showing & { readonly shown: Map<Digest, string[]> }>();
  const note = (
    { subject: bytes, digest: of }: Pick<OwnRow, 'subject' | 'digest'>,
    field: EventField,
    purpose: string,
  ) => {
    const [subject, digest] = [toHex(bytes) as Subject, toHex(of) as Digest];
    const key = `${subject}/${purpose}`;
    const showing = showings.get(key) ?? {
      ...{ subject, reader, route: by.route, consent: null, purpose },
      shown: new Map(),
    };
    showings.set(key, showing);
    showing.shown.set(digest, [...new Set([...(showing.shown.get(digest) ?? []), field])].sort());
  };
  for (const row of own) note(row, row.field, 'attester');
  for (const row of others) note(row, 'eventHash', 'match');
  const at = BigInt(Math.floor(by.at / 1000));
  await Logged.write(transaction, [...showings.values()], { at, ledger: by.ledger });
}
