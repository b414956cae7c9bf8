import { fromHex, toHex } from '../../core/bytes.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import type { Queryable } from '../store/store.ts';

/*
 * The entries that notices are made of, by their places on the ledger, until all is told. One that cannot be finished yet
 * (its content or its set is not here) is tried ever more rarely, and at once when what it waits for comes: whoever
 * anchors thousands that nobody can ever read keeps nobody else's waiting.
 */

/** An entry at a place on the ledger that is told of: a digest that stands in two places is told of in each. */
export type Announcement = {
  readonly digest: Digest;
  readonly ledger: number;
  readonly kind: number;
  readonly organisation: OrganisationId;
  /** In whose history; zeros: on the organisation's own chain. */
  readonly subject: Subject;
  /** How many of its vehicles are told of. */
  readonly told: number;
  readonly attempts: number;
  readonly dueAt: Date;
};

type Row = {
  readonly digest: Uint8Array;
  readonly ledger: number;
  readonly kind: number;
  readonly organisation: bigint;
  readonly subject: Uint8Array;
  readonly told: bigint;
  readonly attempts: number;
  readonly due_at: Date;
};

/** Which one, as the first five parameters of a statement. */
export const THIS_ONE = 'digest = $1 AND ledger = $2 AND kind = $3 AND organisation = $4 AND subject = $5';
export const placeOf = ({ digest, ledger, kind, organisation, subject }: Announcement) => [
  ...[fromHex(digest, 32), ledger, kind, organisation, fromHex(subject, 32)],
];

/** Notes what has become final since. */
export async function discover(from: Queryable, final: number): Promise<void> {
  await from.execute(
    `INSERT INTO announcements (digest, ledger, kind, organisation, subject, due_at)
     SELECT DISTINCT digest::bytea, ledger, kind, organisation, subject::bytea, to_timestamp(0) FROM (
       SELECT digest, ledger, kind, organisation, decode(repeat('00', 32), 'hex') AS subject FROM own_links
       WHERE kind IN (80, 81, 82, 120) AND block_number <= $1
       UNION ALL
       SELECT digest, ledger, kind, organisation, subject FROM links
       WHERE kind IN (99, 100) AND block_number <= $1 AND organisation IS NOT NULL
     ) AS found
     WHERE NOT EXISTS (SELECT 1 FROM announcements known WHERE known.digest = found.digest
       AND known.organisation = found.organisation AND known.subject = found.subject
       AND known.ledger = found.ledger AND known.kind = found.kind)
     ON CONFLICT DO NOTHING`,
    [final],
  );
}

/** Notes the titles that registers have given to another key since. One entry may stand for it more than once. */
export async function discoverHandovers(from: Queryable, final: number): Promise<void> {
  await from.execute(
    `INSERT INTO announcements AS known (digest, ledger, kind, organisation, subject, due_at)
     SELECT digest, ledger, kind, organisation, subject, to_timestamp(0) FROM (
       SELECT digest::bytea AS digest, ledger, kind, organisation, subject::bytea AS subject, count(*) AS times
       FROM titles WHERE kind IN (13, 14) AND subject = action_subject AND block_number <= $1
       GROUP BY 1, 2, 3, 4, 5
     ) AS found
     WHERE times > coalesce((SELECT told FROM announcements a WHERE a.digest = found.digest
       AND a.organisation = found.organisation AND a.subject = found.subject
       AND a.ledger = found.ledger AND a.kind = found.kind), 0)
     ON CONFLICT (digest, organisation, subject, ledger, kind) DO UPDATE
       SET done_at = NULL, due_at = excluded.due_at WHERE known.done_at IS NOT NULL`,
    [final],
  );
}

/** Those whose turn it is, the one that has waited longest first. */
export async function due(from: Queryable, now: Date, limit: number): Promise<Announcement[]> {
  const rows = await from.query<Row>(
    `SELECT digest, ledger, kind, organisation, subject, told, attempts, due_at FROM announcements
     WHERE done_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2`,
    [now, limit],
  );
  return rows.map((row) => ({
    ...{ ledger: row.ledger, kind: row.kind, told: Number(row.told), attempts: row.attempts },
    digest: toHex(row.digest) as Digest,
    organisation: row.organisation as OrganisationId,
    subject: toHex(row.subject) as Subject,
    dueAt: row.due_at,
  }));
}

export async function finish(from: Queryable, row: Announcement, now: Date): Promise<void> {
  await from.execute(`UPDATE announcements SET done_at = $6 WHERE ${THIS_ONE} AND done_at IS NULL`, [
    ...placeOf(row),
    now,
  ]);
  // Others of the campaign may wait for this one.
  await from.execute(
    'UPDATE announcements SET due_at = $2, attempts = 0 WHERE awaits = $1 AND done_at IS NULL',
    [fromHex(row.digest, 32), now],
  );
}

const FIRST_MILLISECONDS = 5_000;
/** What it waits for wakes it: that it looks by itself as well is a safeguard. */
const AWAITING_MILLISECONDS = 6 * 3_600_000;
/** Nothing will wake it: the index is being read again, another process has it, or it failed. */
const OTHERWISE_MILLISECONDS = 600_000;

/** Gives its turn to others. What has woken it in the meantime stands. */
export async function postpone(
  from: Queryable,
  row: Announcement,
  awaits: Digest | null,
  now: Date,
): Promise<void> {
  const most = awaits === null ? OTHERWISE_MILLISECONDS : AWAITING_MILLISECONDS;
  const wait = Math.min(FIRST_MILLISECONDS * 2 ** Math.min(row.attempts, 20), most);
  await from.execute(
    `UPDATE announcements SET attempts = attempts + 1, due_at = $6, awaits = $7
     WHERE ${THIS_ONE} AND done_at IS NULL AND due_at = $8`,
    [
      ...placeOf(row),
      new Date(now.getTime() + wait),
      awaits === null ? null : fromHex(awaits, 32),
      row.dueAt,
    ],
  );
}
