import type { Transaction } from '../store/store.ts';

/*
 * What alerts seal is in their disclosures, and again in the tables that find them and tell of them. What goes from the one
 * goes from the others: here when it is erased, and when a backup from before is restored.
 */

/** A sealed field, or all of them, of an entry. */
export type ErasedField = { readonly digest: Uint8Array; readonly name: string };

/** As PostgreSQL writes them in JSON; the last is no bytes. */
type Value = null | false | '\\x';
type Columns = Readonly<Record<string, Value>>;

/**
 * What is left of a row once a sealed field of its entry is erased, by table and field: these values in these columns, or
 * nothing, where without the field nobody could be told of it.
 */
const FIELDS: Readonly<Record<'alerts' | 'alert_answers', Readonly<Record<string, Columns | 'nothing'>>>> = {
  alerts: {
    recipient: 'nothing',
    due: { due: null, reminded_at: null, overdue_at: null },
    alert: { passes_attester: null, passes_reference: null },
    disclosed: { disclosed: false },
  },
  alert_answers: {
    alert: 'nothing',
    forwardedAs: { forwards: '\\x' },
  },
};

/** Fields that stand in the notices of their entry, too, and in which: SQL's pattern of their kinds. */
const NOTICED: Readonly<Record<string, string>> = {
  recipient: 'alert.%',
  due: 'alert.%',
  alert: 'alert.answered',
};
/** Fields with which the answer of a link's holder goes that the entry attests, as it goes with the entry. */
const ATTESTING = ['linkAnswer', 'alert'];

/** The tables that fields of alerts are in, beside their disclosures. */
export const alertTables = ['alerts', 'alert_answers', 'alert_links', 'notices'] as const;

export function isFieldOfAlerts(name: string): boolean {
  return [...ATTESTING, ...Object.values(FIELDS).flatMap(Object.keys)].includes(name);
}

/** Destroys in the tables of alerts what was erased; whole entries before their rows go. */
export async function eraseFromAlerts(
  transaction: Transaction,
  entries: readonly Uint8Array[],
  fields: readonly ErasedField[],
): Promise<void> {
  const of = (names: readonly string[]) =>
    fields.filter(({ name }) => names.includes(name)).map(({ digest }) => digest);
  const attesting = [...entries, ...of(ATTESTING)];
  if (attesting.length > 0) {
    await transaction.execute(
      `UPDATE alert_links SET answer = NULL, answered_at = NULL
       WHERE hash IN (SELECT link FROM alert_answers WHERE digest = ANY($1::bytea[]))`,
      [attesting],
    );
  }
  for (const [table, columns] of Object.entries(FIELDS)) {
    for (const [name, change] of Object.entries(columns)) {
      const digests = of([name]);
      if (digests.length === 0) continue;
      const set = Object.entries(change).map(
        ([column, value]) => `${column} = ${value === '\\x' ? `'${value}'` : String(value)}`,
      );
      const what = change === 'nothing' ? `DELETE FROM ${table}` : `UPDATE ${table} SET ${set.join(', ')}`;
      await transaction.execute(`${what} WHERE digest = ANY($1::bytea[])`, [digests]);
    }
  }
  for (const [name, kinds] of Object.entries(NOTICED)) {
    const digests = of([name]);
    if (digests.length === 0) continue;
    await transaction.execute('DELETE FROM notices WHERE kind LIKE $2 AND digest = ANY($1::bytea[])', [
      digests,
      kinds,
    ]);
  }
}

/** A row of a backup as PostgreSQL writes it in JSON. */
type Row = Readonly<Record<string, unknown>>;

/**
 * What of the rows of a backup was erased since. Answers are read before links: a backup has tables in the order of their
 * names where none refers to another.
 * @param isErased whether a field of an entry, or the entry (`entry`), was erased; the digest as `0x…`
 */
export function createAlertFilter(isErased: (digest: string, what: string) => boolean) {
  /** The links whose holders' answers go with the entries that attest them. */
  const links = new Set<string>();
  const field = (digest: string, name: string) => isErased(digest, `field:${name}`);
  return (table: string, row: Row): Columns | 'nothing' => {
    const digest = hexOf(row.digest);
    if (table === 'alert_links')
      return links.has(String(row.hash)) ? { answer: null, answered_at: null } : {};
    if (table === 'notices') {
      const kind = String(row.kind);
      const gone = Object.entries(NOTICED).some(
        ([name, kinds]) => kind.startsWith(kinds.replace('%', '')) && field(digest, name),
      );
      return gone ? 'nothing' : {};
    }
    if (table !== 'alerts' && table !== 'alert_answers') return {};
    const attests = table === 'alert_answers' && typeof row.link === 'string';
    if (attests && (isErased(digest, 'entry') || ATTESTING.some((name) => field(digest, name)))) {
      links.add(String(row.link));
    }
    const changes = Object.entries(FIELDS[table]).flatMap(([name, change]) =>
      field(digest, name) ? [change] : [],
    );
    if (changes.includes('nothing')) return 'nothing';
    return Object.assign({}, ...changes) as Columns;
  };
}

/** `\x00…`, as bytea is written. */
const hexOf = (value: unknown): string => `0x${String(value).slice(2)}`;
