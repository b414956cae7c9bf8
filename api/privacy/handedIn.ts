import { fromHex, toHex } from '../../core/bytes.ts';
import type { Subject } from '../../core/chain/types.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable } from '../store/store.ts';

/*
 * Pseudonyms are there for all to see on the ledger, and whoever may write to it can put an entry of its own beside any of
 * them. So no identifier is told because of an entry on the ledger alone: only to who handed its content in here, or had it
 * handed in, which nobody can who does not know what it is about.
 */

/**
 * SQL: whether the content of a row of `links` was handed in here. It is not enough that the digest is known, which can be
 * copied, nor that a submission follows in the same transaction, which can hold other entries.
 */
export const HANDED_IN = `EXISTS (SELECT 1 FROM submissions
  WHERE submissions.hash = links.submission_hash AND submissions.ledger = links.ledger
    AND submissions.organisation = links.organisation
    AND position(set_byte('\\x00'::bytea, 0, links.kind) || links.subject || links.digest IN submissions.entries) % 65 = 1)`;

/** SQL: the same of an action of a module, by its hash: a column, or an expression. */
export const actionHandedIn = (hash: string): string =>
  `EXISTS (SELECT 1 FROM submissions WHERE submissions.hash = ${hash} AND submissions.nonce IS NULL)`;

/** The identifiers of subjects, as far as they are kept here. Whom they may be told is for the caller to know. */
export async function identifiersOf(
  from: Queryable,
  secrets: Pick<Secrets, 'identifier'>,
  subjects: readonly Subject[],
): Promise<Map<Subject, string>> {
  const rows = await from.query<{ subject: Uint8Array; wrapped: Uint8Array }>(
    'SELECT subject, wrapped FROM identifiers WHERE subject = ANY($1::bytea[])',
    [subjects.map((subject) => fromHex(subject, 32))],
  );
  return new Map(
    rows.map((row) => [toHex(row.subject) as Subject, secrets.identifier(row.subject, row.wrapped)]),
  );
}
