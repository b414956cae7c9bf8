import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import {
  type Address,
  type Digest,
  type LedgerId,
  type OrganisationId,
  type Subject,
  ZERO_SUBJECT,
} from '../../core/chain/types.ts';
import { checkBinding, type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { amended, upheld } from '../../core/kinds/correction.ts';
import { claim } from '../../core/kinds/incident.ts';
import { moduleOf } from '../../core/modules/action.ts';
import { type ConsentHash, covers } from '../../core/privacy/consent.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable, Transaction } from '../store/store.ts';
import type { EntitledReader, Grounds } from './grounds.ts';
import type { Wanted } from './sealed.ts';
import { concernsOwner, type Happening, type TitleRecord } from './titleRecord.ts';

/** On what ground something is shown. */
export type Ground = { readonly consent: ConsentHash | null; readonly purpose: string };

const ATTESTER: Ground = { consent: null, purpose: 'attester' };
const OWNER: Ground = { consent: null, purpose: 'owner' };
export const OPERATOR_GROUND: Ground = { consent: null, purpose: 'operator' };

/** An entry of which some fields may be shown, each on its ground. Nothing of it is open yet. */
export type Opened = {
  readonly subject: Subject;
  readonly digest: Digest;
  readonly row: SealedRow;
  readonly fields: readonly { readonly name: string; readonly ground: Ground }[];
};

type SealedRow = {
  readonly digest: Uint8Array;
  readonly names: readonly string[];
  readonly wrapped: readonly Uint8Array[];
};
type BlockRow = { readonly digest: Uint8Array; readonly body: Uint8Array; readonly key: Uint8Array };
export type SealedBlockRow = SealedRow & BlockRow;

type LinkRow = BlockRow & {
  readonly subject: Uint8Array;
  readonly ledger: number;
  readonly kind: number;
  readonly organisation: bigint | null;
  /** Who acted, where it is a module's: an organisation, or 0. */
  readonly acted: bigint | null;
  readonly action_subject: Uint8Array | null;
  readonly action_detail: Uint8Array | null;
  readonly action_hash: Uint8Array | null;
  readonly timestamp: bigint;
  readonly block_number: bigint;
  readonly log_index: number;
};

/** SQL: the entries among `$1` that have disclosures here, with all of them, wrapped. */
export const SEALED = `(
  SELECT digest, array_agg(name ORDER BY name) AS names, array_agg(wrapped ORDER BY name) AS wrapped
  FROM disclosures WHERE digest = ANY($1::bytea[]) GROUP BY digest
) AS sealed`;
export const SEALED_COLUMNS = 'sealed.names, sealed.wrapped';
const BLOCKS =
  'JOIN blocks ON blocks.digest = links.digest JOIN block_keys ON block_keys.digest = links.digest';
const ACTIONS = `LEFT JOIN actions ON actions.ledger = links.ledger AND actions.action_hash = links.action_hash`;
const LINK_COLUMNS = `links.subject, links.ledger, links.kind, links.organisation, actions.organisation AS acted, actions.action_subject, actions.detail AS action_detail,
  links.action_hash, links.timestamp, links.block_number, links.log_index, links.digest, blocks.body,
  block_keys.wrapped AS key`;

type Context = {
  readonly transaction: Transaction;
  readonly secrets: Secrets;
  /** Seconds since 1970. */
  readonly at: bigint;
};
type Deciding = Context & {
  readonly reader: EntitledReader;
  readonly grounds: Grounds;
  readonly ledgers: Ledgers;
};

/** What of the wanted histories a reader may see, field by field. */
export async function openable(
  context: Context,
  reader: EntitledReader,
  grounds: Grounds,
  wanted: readonly Wanted[],
): Promise<Opened[]> {
  const { transaction } = context;
  // Without a consent an organisation has its own entries only: nobody else's are even read.
  const own = reader.kind === 'organisation' && grounds.consents.length === 0 ? reader.organisation : null;
  const rows = await transaction.query<LinkRow & SealedRow>(
    `SELECT ${LINK_COLUMNS}, ${SEALED_COLUMNS}
     FROM ${SEALED} JOIN links ON links.digest = sealed.digest AND links.subject = ANY($2::bytea[]) ${BLOCKS} ${ACTIONS}
     WHERE $3::int8 IS NULL OR coalesce(links.organisation, actions.organisation) = $3
     ORDER BY links.subject, links.block_number, links.log_index`,
    [digestsOf(wanted), wanted.map(({ subject }) => fromHex(subject, 32)), own],
  );
  const deciding: Deciding = { ...context, reader, grounds, ledgers: await ledgersOf(transaction) };
  const histories = new Map(wanted.map((history) => [history.subject, history]));
  const opened = new Map<string, Opened>();
  for (const row of rows) {
    const subject = toHex(row.subject) as Subject;
    const digest = toHex(row.digest) as Digest;
    const history = histories.get(subject);
    if (history === undefined || !history.digests.has(digest)) continue;
    const entry = boundEntry(deciding, row, history.identifier);
    if (entry === null) continue;
    const groundOf = await groundsOfEntry(deciding, entry, history, digest);
    const fields = row.names.flatMap((name) => {
      const ground = groundOf(name);
      return ground === null ? [] : [{ name, ground }];
    });
    if (fields.length > 0) opened.set(`${subject}/${digest}`, { subject, digest, row, fields });
  }
  const found = [...opened.values()];
  if (reader.kind !== 'organisation') return found;
  return [...found, ...(await besides(deciding, reader.organisation, wanted, found))];
}

const digestsOf = (wanted: readonly Wanted[]): Uint8Array[] =>
  [...new Set(wanted.flatMap(({ digests }) => [...digests]))].map((digest) => fromHex(digest, 32));

type Ledgers = ReadonlyMap<number, { readonly id: LedgerId; readonly register: number }>;

async function ledgersOf(from: Queryable): Promise<Ledgers> {
  const rows = await from.query<{ number: number; register: number; chain_id: string; ledger: Uint8Array }>(
    `SELECT number, register, chain_id, ledger FROM directory_links WHERE change = 'added' AND number IS NOT NULL`,
  );
  return new Map(
    rows.map(({ number, register, chain_id: chainId, ledger }) => [
      number,
      { id: formatLedgerId({ chainId: BigInt(chainId), address: toHex(ledger) as Address }), register },
    ]),
  );
}

/** An entry whose envelope belongs to its link: anybody can put another's digest on the ledger. */
type BoundEntry = Happening & {
  readonly envelope: Envelope;
  /** Null: an owner or a buyer; or somebody in another register, where the number is not ours. */
  readonly attester: OrganisationId | null;
};

function boundEntry({ ledgers, secrets }: Deciding, row: LinkRow, identifier: string): BoundEntry | null {
  const ledger = ledgers.get(row.ledger);
  const organisation = (row.organisation ?? row.acted) as OrganisationId | null;
  const envelope = envelopeOf(row, secrets);
  if (ledger === undefined || organisation === null || envelope === null) return null;
  const binding = {
    ledger: ledger.id,
    ...(mountedPart(row, envelope) ?? { subject: toHex(row.subject) as Subject, identifier }),
    kind: row.kind,
    organisation,
    timestamp: row.timestamp,
  };
  if (!isBound(envelope, binding)) return null;
  return {
    envelope,
    attester: ledger.register === OWN_REGISTER && organisation !== 0n ? organisation : null,
    moment: { block: row.block_number, logIndex: row.log_index },
    actionHash: row.action_hash === null ? null : toHex(row.action_hash),
    time: envelope.time,
  };
}

/**
 * What the envelope of a part is bound to on the chain of the vehicle that it was mounted in or removed from: the part
 * that the action names. Null elsewhere.
 */
function mountedPart(row: LinkRow, { identifier }: Envelope) {
  const { action_subject: part, action_detail: vehicle, subject, kind } = row;
  if (part === null || vehicle === null || moduleOf(kind) !== 'parts') return null;
  const here = toHex(subject);
  return toHex(vehicle) === here && toHex(part) !== here
    ? { subject: toHex(part) as Subject, identifier }
    : null;
}

/** The envelope of a block, or null where it is none. */
export function envelopeOf(row: BlockRow, secrets: Secrets): Envelope | null {
  return orNull(() => openEnvelope(row.body, secrets.blockKey(row.digest, row.key)));
}

function isBound(envelope: Envelope, binding: Parameters<typeof checkBinding>[1]): boolean {
  return orNull(() => checkBinding(envelope, binding)) !== null;
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof VinculumError) return null;
    throw error;
  }
}

/** On what ground a reader sees each field of an entry, if on any. */
async function groundsOfEntry(
  deciding: Deciding,
  entry: BoundEntry,
  history: Wanted,
  digest: Digest,
): Promise<(field: string) => Ground | null> {
  const { reader, grounds } = deciding;
  const { subject } = history;
  if (reader.kind === 'organisation' && entry.attester === reader.organisation) return () => ATTESTER;
  const title = grounds.titles.get(subject);
  const owned = grounds.owned.has(subject);
  const consents = grounds.consents.filter(({ consent }) => consent.subject === subject);
  if (title === undefined || (!owned && consents.length === 0)) return () => null;
  if (!(await concerns(deciding, title, entry, history))) return () => null;
  if (owned) return () => OWNER;
  return (field) => {
    const granted = consents.find(({ consent }) => covers(consent, digest, field));
    return granted === undefined ? null : { consent: granted.hash, purpose: granted.consent.purpose };
  };
}

const LONGEST_CHAIN = 8;

/**
 * Whether an entry concerns the present owner. One that is about another entry (its correction, its confirmation)
 * concerns whom that one concerns: else a former owner's name would come back with the correction of a typing error.
 */
async function concerns(
  deciding: Deciding,
  title: TitleRecord,
  entry: BoundEntry,
  history: Wanted,
): Promise<boolean> {
  let current = entry;
  for (let length = 0; length < LONGEST_CHAIN; length++) {
    if (!concernsOwner(title, current)) return false;
    const { kind, data } = current.envelope;
    if (kind !== amended.name && kind !== upheld.name) return true;
    const about = kind === amended.name ? data.supersedes : data.entry;
    // What it is about is sealed itself: then nobody can tell whom it concerns.
    if (typeof about !== 'string') return false;
    const [row] = await deciding.transaction.query<LinkRow>(
      `SELECT ${LINK_COLUMNS} FROM links ${BLOCKS} ${ACTIONS}
       WHERE links.digest = $1 AND links.subject = $2 ORDER BY links.block_number, links.log_index LIMIT 1`,
      [fromHex(about, 32), fromHex(history.subject, 32)],
    );
    const earlier = row === undefined ? null : boundEntry(deciding, row, history.identifier);
    if (earlier === null) return false;
    current = earlier;
  }
  return false;
}

type BesideRow = SealedBlockRow & {
  readonly kind: number;
  /** Null: on the organisation's own chain. */
  readonly subject: Uint8Array | null;
  readonly timestamp: bigint;
  readonly ledger: number;
};

/** What an organisation attested besides the wanted links: on its own chain, and claims on their way to the ledger. */
async function besides(
  { transaction, secrets, ledgers, at }: Deciding,
  organisation: OrganisationId,
  wanted: readonly Wanted[],
  opened: readonly Opened[],
): Promise<Opened[]> {
  const known = new Set(opened.map(({ digest }) => digest));
  const rest = digestsOf(wanted).filter((digest) => !known.has(toHex(digest) as Digest));
  if (rest.length === 0) return [];
  const registered = [...ledgers].filter(([, { register }]) => register === OWN_REGISTER);
  const rows = await transaction.query<BesideRow>(
    `SELECT links.kind, links.subject, links.timestamp, links.ledger, links.digest, blocks.body,
       block_keys.wrapped AS key, ${SEALED_COLUMNS}
     FROM ${SEALED} JOIN (
       SELECT digest, kind, NULL::bytea AS subject, timestamp, ledger FROM own_links
       WHERE organisation = $2 AND digest = ANY($1::bytea[]) AND ledger = ANY($3::int4[])
       UNION ALL
       SELECT digest, ${claim.number}, subject, $5::int8, 0 FROM claims
       WHERE organisation = $2 AND subject = ANY($4::bytea[]) AND NOT EXISTS (
         SELECT 1 FROM links WHERE links.digest = claims.digest AND links.subject = claims.subject)
     ) AS links ON links.digest = sealed.digest ${BLOCKS}`,
    [
      rest,
      organisation,
      registered.map(([number]) => number),
      wanted.map(({ subject }) => fromHex(subject, 32)),
      at,
    ],
  );
  const found = new Map<Digest, Opened>();
  for (const row of rows) {
    const digest = toHex(row.digest) as Digest;
    const envelope = envelopeOf(row, secrets);
    const history = wanted.find(
      ({ digests, subject }) =>
        digests.has(digest) && (row.subject === null || toHex(row.subject) === subject),
    );
    if (history === undefined || envelope === null) continue;
    // An accepted claim was bound to its ledger when it came.
    const place =
      row.subject === null
        ? {
            ledger: ledgers.get(row.ledger)?.id ?? envelope.ledger,
            subject: ZERO_SUBJECT,
            identifier: `organisation:${organisation}`,
          }
        : { ledger: envelope.ledger, subject: history.subject, identifier: history.identifier };
    const { kind, timestamp } = row;
    if (!isBound(envelope, { ...place, kind, organisation, timestamp })) continue;
    const fields = row.names.map((name) => ({ name, ground: ATTESTER }));
    found.set(digest, { subject: history.subject, digest, row, fields });
  }
  return [...found.values()];
}
