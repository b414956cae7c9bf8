import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Transaction } from '../store/store.ts';

/*
 * What was erased stays erased: whoever stores content asks here first, in the transaction that stores it. Content is
 * refused before it is written, for what a database has written once it gives back only unwillingly.
 */

/** Any number, the same in all versions. */
const advisoryLock = 8_643_201_178n;

/** From here on until the transaction ends nothing is erased. Call it before looking for tombstones. */
export async function holdErasures(transaction: Transaction): Promise<void> {
  await transaction.query('SELECT pg_advisory_xact_lock_shared($1)', [advisoryLock]);
}

/** From here on until the transaction ends nobody else stores content or erases. */
export async function holdContent(transaction: Transaction): Promise<void> {
  await transaction.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
}

/** What was erased of each of these entries, by digest: `entry`, `field:<name>`, `document:<cid>`. */
export async function erasedOf(
  from: Queryable,
  digests: readonly Uint8Array[],
): Promise<ReadonlyMap<Hex, ReadonlySet<string>>> {
  const rows = await from.query<{ digest: Uint8Array; what: string }>(
    'SELECT digest, what FROM erasures WHERE digest = ANY($1::bytea[])',
    [digests],
  );
  const found = new Map<Hex, Set<string>>();
  for (const { digest, what } of rows) {
    const name = toHex(digest);
    found.set(name, (found.get(name) ?? new Set()).add(what));
  }
  return found;
}

/** An entry's content that somebody hands in: its digest, and the names of its open sealed fields. */
export type Offered = { readonly digest: Uint8Array; readonly names: readonly string[] };

/**
 * The first of the contents that was erased, as a refusal; null where none was. Also the key of an erased document, or of
 * another erased entry, is not taken again, in whatever entry it comes.
 */
export async function refusalOf(from: Queryable, offered: readonly Offered[]): Promise<Problem | null> {
  const names = offered.flatMap((content) => content.names);
  const documents = names.filter((name) => name.startsWith('document:'));
  const keys = names.flatMap((name) =>
    /^key:0x[0-9a-f]{64}$/.test(name) ? [fromHex(name.slice(4), 32)] : [],
  );
  const rows = await from.query<{ digest: Uint8Array; what: string }>(
    `SELECT digest, what FROM erasures WHERE digest = ANY($1::bytea[])
        OR (what = ANY($2::text[]) AND what LIKE 'document:%') OR (digest = ANY($3::bytea[]) AND what = 'entry')`,
    [offered.map(({ digest }) => digest), documents, keys],
  );
  if (rows.length === 0) return null;
  const erased = new Set(
    rows.flatMap(({ digest, what }) => {
      const entry = toHex(digest);
      const anywhere = what === 'entry' ? [`key:${entry}`] : what.startsWith('document:') ? [what] : [];
      return [`${entry} ${what}`, ...anywhere];
    }),
  );
  for (const { digest: bytes, names: fields } of offered) {
    const digest = toHex(bytes);
    if (erased.has(`${digest} entry`)) return contentErased({ digest });
    const field = fields.find((name) => erased.has(`${digest} field:${name}`) || erased.has(name));
    if (field !== undefined) return contentErased({ digest, field });
  }
  return null;
}

export async function isDocumentErased(from: Queryable, cid: string): Promise<boolean> {
  const rows = await from.query(`SELECT 1 FROM erasures WHERE what = $1 AND what LIKE 'document:%' LIMIT 1`, [
    `document:${cid}`,
  ]);
  return rows.length > 0;
}

/** The refusal of content that was erased. */
export function contentErased(facts: Readonly<Record<string, string>>): Problem {
  return new Problem(
    'content.erased',
    'This content was erased here and is not taken again: a receipt stands in its place.',
    { extensions: facts },
  );
}
