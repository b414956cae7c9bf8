import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import type { Digest, Subject } from '../../core/chain/types.ts';
import {
  type AccessEntry,
  type AccessHead,
  nextAccessHead,
  ZERO_ACCESS_HEAD,
} from '../../core/privacy/accessLog.ts';
import type { ConsentHash } from '../../core/privacy/consent.ts';
import type { Transaction } from '../store/store.ts';
import { type Reader, readerName } from './reader.ts';

/** Sealed content of one subject that is about to be shown to somebody on one ground. */
export type Showing = {
  readonly subject: Subject;
  readonly reader: Exclude<Reader, { kind: 'anyone' }>;
  readonly route: string;
  /** Under which consent; null where none is needed. */
  readonly consent: ConsentHash | null;
  /** The consent's, or as what the reader sees it: one word. */
  readonly purpose: string;
  /** The names of the sealed fields, by the digest of their entry. */
  readonly shown: ReadonlyMap<Digest, readonly string[]>;
};

type HeadRow = {
  readonly subject: Uint8Array;
  readonly length: bigint;
  readonly head: Uint8Array;
  readonly at: bigint;
};

/**
 * The proof that showings stand in the access log. It is made by writing them there and in no other way, and the keyring
 * opens a disclosure only against it: whoever forgets the log has nothing to show.
 */
export class Logged {
  readonly #fields: ReadonlySet<string>;

  private constructor(fields: ReadonlySet<string>) {
    this.#fields = fields;
  }

  /** Whether the showing of this field of this entry is in the log. */
  covers(digest: Hex, field: string): boolean {
    return this.#fields.has(`${digest}/${field}`);
  }

  /**
   * Writes showings to their subjects' logs. Nothing of them may be handed out before the transaction is committed.
   * Subjects are locked until then, always in the same order.
   * @param at seconds since 1970
   * @param ledger the number of the ledger whose titles count
   */
  static async write(
    transaction: Transaction,
    showings: readonly Showing[],
    { at, ledger }: { readonly at: bigint; readonly ledger: number },
  ): Promise<Logged> {
    const written = showings.filter(({ shown }) => shown.size > 0);
    if (written.length === 0) return new Logged(new Set());
    const subjects = [...new Set(written.map(({ subject }) => subject))].sort();
    const heads = await transaction.query<HeadRow>(
      `INSERT INTO access_heads AS known (subject, length, head, at)
       SELECT subject, 0, $2, $3 FROM unnest($1::bytea[]) AS wanted(subject) ORDER BY subject
       ON CONFLICT (subject) DO UPDATE SET at = greatest(known.at, excluded.at)
       RETURNING subject, length, head, at`,
      [subjects.map((subject) => fromHex(subject, 32)), fromHex(ZERO_ACCESS_HEAD, 32), at],
    );
    const lines = heads.map((row) => {
      const subject = toHex(row.subject);
      return linesOf(
        row,
        written.filter((showing) => showing.subject === subject),
      );
    });
    await append(transaction, ledger, lines.flat());
    return new Logged(
      new Set(
        written.flatMap(({ shown }) =>
          [...shown].flatMap(([digest, fields]) => fields.map((field) => `${digest}/${field}`)),
        ),
      ),
    );
  }
}

type Line = { readonly subject: Uint8Array; readonly entry: AccessEntry; readonly head: AccessHead };

function linesOf(row: HeadRow, showings: readonly Showing[]): Line[] {
  let head = toHex(row.head) as AccessHead;
  return showings.map(({ reader, route, consent, purpose, shown }, index) => {
    const entry: AccessEntry = {
      at: Number(row.at),
      consent,
      position: Number(row.length) + index,
      purpose,
      reader: readerName(reader),
      route,
      shown: [...shown].map(([digest, fields]) => ({ digest, fields: [...fields] })),
    };
    head = nextAccessHead(head, entry);
    return { subject: row.subject, entry, head };
  });
}

async function append(transaction: Transaction, ledger: number, lines: readonly Line[]): Promise<void> {
  await transaction.execute(
    `WITH written AS (
       INSERT INTO access_entries (subject, position, at, tenure, entry, head)
       SELECT subject, position, at, coalesce((
           SELECT (title ->> 'tenure')::int8 FROM titles
           WHERE titles.subject = line.subject AND titles.ledger = $6 ORDER BY titles.position DESC LIMIT 1
         ), 0), entry::jsonb, head
       FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::text[], $5::bytea[]) AS line(subject, position, at, entry, head)
       RETURNING subject, position, head
     )
     UPDATE access_heads SET length = last.position + 1, head = last.head
     FROM (SELECT DISTINCT ON (subject) subject, position, head FROM written ORDER BY subject, position DESC) AS last
     WHERE access_heads.subject = last.subject`,
    [
      lines.map(({ subject }) => subject),
      lines.map(({ entry }) => entry.position),
      lines.map(({ entry }) => entry.at),
      lines.map(({ entry }) => canonicalJson(entry)),
      lines.map(({ head }) => fromHex(head, 32)),
      ledger,
    ],
  );
}
