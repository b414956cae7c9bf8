import { concat, fromHex, fromUtf8, lengthPrefixed, toHex, utf8 } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import type { Address, Digest, OrganisationId } from '../../core/chain/types.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { insertRows } from '../store/rows.ts';
import type { Queryable, Store, Transaction } from '../store/store.ts';

/** What is told of, to whom it concerns. */
export const noticeKinds = [
  'recall.opened',
  'recall.extended',
  'recall.closed',
  'recall.unlisted',
  'batch.quarantined',
  'batch.released',
  'alert.raised',
  'alert.answered',
  'alert.due',
  'alert.overdue',
  'alert.linkAnswered',
  'part.mountedTwice',
  'part.unknown',
  'part.beforeMade',
  'part.scrapped',
  'code.cloned',
  'title.ownerChanged',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/** An organisation, whose every key may read it, or an account of its own, such as an owner's. */
export type Recipient = { readonly organisation: OrganisationId } | { readonly account: Address };

export type NewNotice = {
  readonly recipient: Recipient;
  readonly kind: NoticeKind;
  /** What makes it another notice than others of its kind: an identifier, an entry's digest, or both. */
  readonly about: string;
  readonly content: Json;
  /** The entry that it tells of, where there is one: erasing that one erases it. */
  readonly entry?: Digest;
};

export type Notice = {
  /** Its place in the recipient's box, from 1; some numbers may be missing. */
  readonly number: number;
  readonly kind: NoticeKind;
  readonly about: string;
  readonly content: Json;
  readonly entry: Digest | null;
  readonly postedAt: Date;
  readonly readAt: Date | null;
};

export type NoticePage = {
  readonly notices: readonly Notice[];
  /** Notices in the whole box that were not read. */
  readonly unread: number;
  /** Whether there are more in this direction. */
  readonly more: boolean;
};

/** What each recipient is told, once. */
export interface Notices {
  /**
   * Puts notices into their recipients' boxes, in the caller's transaction. One of the same kind about the same to the
   * same recipient is there already and stays as it is.
   * @returns how many are new
   */
  post(transaction: Transaction, notices: readonly NewNotice[]): Promise<number>;
  /** A page of a box: what came after a number, the oldest first; or before one, or the last ones, the newest first. */
  list(
    recipient: Recipient,
    page: {
      readonly after?: number | undefined;
      readonly before?: number | undefined;
      readonly unread?: boolean;
      readonly limit: number;
    },
  ): Promise<NoticePage>;
  /** Marks notices as read: these, or all up to a number. @returns how many were unread until now */
  read(
    recipient: Recipient,
    which: { readonly numbers: readonly number[] } | { readonly upTo: number },
  ): Promise<number>;
}

export type NoticeOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap' | 'lookup'>;
  readonly clock?: () => Date;
};

type Row = {
  readonly number: bigint;
  readonly kind: NoticeKind;
  readonly name: Uint8Array;
  readonly digest: Uint8Array | null;
  readonly wrapped: Uint8Array;
  readonly posted_at: Date;
  readonly read_at: Date | null;
};

const NAME_BYTES = 16;
const COLUMNS = {
  recipient: 'bytea',
  number: 'int8',
  kind: 'text',
  name: 'bytea',
  digest: 'bytea',
  wrapped: 'bytea',
  posted_at: 'timestamptz',
} as const;

export function createNotices({ store, keyring, ...options }: NoticeOptions): Notices {
  const clock = options.clock ?? (() => new Date());

  const nameOf = ({ kind, about }: NewNotice): Uint8Array =>
    keyring
      .lookup(concat(lengthPrefixed('notice'), lengthPrefixed(kind), lengthPrefixed(about)))
      .subarray(0, NAME_BYTES);

  function opened(box: Uint8Array, row: Row): Notice {
    const json = fromUtf8(keyring.unwrap('identifier', row.wrapped, concat(box, row.name)));
    const { about, content } = JSON.parse(json) as { about: string; content: Json };
    return {
      number: Number(row.number),
      kind: row.kind,
      about,
      content,
      entry: row.digest === null ? null : (toHex(row.digest) as Digest),
      postedAt: row.posted_at,
      readAt: row.read_at,
    };
  }

  async function unreadOf(from: Queryable, box: Uint8Array): Promise<number> {
    const [row] = await from.query<{ count: bigint }>(
      'SELECT count(*) AS count FROM notices WHERE recipient = $1 AND read_at IS NULL',
      [box],
    );
    return Number(row?.count ?? 0n);
  }

  return {
    async post(transaction, notices) {
      if (notices.length === 0) return 0;
      const wanted = new Map<
        string,
        { readonly box: Uint8Array; readonly name: Uint8Array; readonly notice: NewNotice }
      >();
      for (const notice of notices) {
        const [box, name] = [boxOf(notice.recipient), nameOf(notice)];
        const key = `${toHex(box)} ${toHex(name)}`;
        if (!wanted.has(key)) wanted.set(key, { box, name, notice });
      }
      const boxes = [...new Map([...wanted.values()].map(({ box }) => [toHex(box), box])).values()];
      // In one order everywhere, so that two of these never wait for each other.
      await transaction.execute(
        `INSERT INTO notice_boxes (recipient, last)
         SELECT recipient, 0 FROM unnest($1::bytea[]) AS r(recipient) ORDER BY recipient ON CONFLICT DO NOTHING`,
        [boxes],
      );
      const locked = await transaction.query<{ recipient: Uint8Array; last: bigint }>(
        'SELECT recipient, last FROM notice_boxes WHERE recipient = ANY($1::bytea[]) ORDER BY recipient FOR UPDATE',
        [boxes],
      );
      const there = await transaction.query<{ recipient: Uint8Array; name: Uint8Array }>(
        `SELECT n.recipient, n.name FROM notices n
         JOIN unnest($1::bytea[], $2::bytea[]) AS w(recipient, name) ON n.recipient = w.recipient AND n.name = w.name`,
        [[...wanted.values()].map(({ box }) => box), [...wanted.values()].map(({ name }) => name)],
      );
      for (const { recipient, name } of there) wanted.delete(`${toHex(recipient)} ${toHex(name)}`);
      if (wanted.size === 0) return 0;
      const last = new Map(locked.map((row) => [toHex(row.recipient), row.last]));
      const postedAt = clock();
      const rows = [...wanted.values()].map(({ box, name, notice }) => {
        const number = (last.get(toHex(box)) ?? 0n) + 1n;
        last.set(toHex(box), number);
        const json = JSON.stringify({ about: notice.about, content: notice.content });
        return {
          ...{ recipient: box, number, kind: notice.kind, name },
          digest: notice.entry === undefined ? null : fromHex(notice.entry, 32),
          wrapped: keyring.wrap('identifier', utf8(json), concat(box, name)),
          posted_at: postedAt,
        };
      });
      await insertRows(transaction, 'notices', COLUMNS, rows);
      await transaction.execute(
        `UPDATE notice_boxes b SET last = l.last FROM unnest($1::bytea[], $2::int8[]) AS l(recipient, last)
         WHERE b.recipient = l.recipient`,
        [[...last.keys()].map((box) => fromHex(box)), [...last.values()]],
      );
      return rows.length;
    },

    async list(recipient, { after, before, unread = false, limit }) {
      const box = boxOf(recipient);
      const rows = await store.query<Row>(
        `SELECT number, kind, name, digest, wrapped, posted_at, read_at FROM notices
         WHERE recipient = $1 AND ($2::int8 IS NULL OR number > $2) AND ($3::int8 IS NULL OR number < $3)
           AND (NOT $4::boolean OR read_at IS NULL)
         ORDER BY number ${after === undefined ? 'DESC' : 'ASC'} LIMIT $5`,
        [box, after ?? null, before ?? null, unread, limit + 1],
      );
      return {
        notices: rows.slice(0, limit).map((row) => opened(box, row)),
        unread: await unreadOf(store, box),
        more: rows.length > limit,
      };
    },

    async read(recipient, which) {
      const box = boxOf(recipient);
      return 'upTo' in which
        ? store.execute(
            'UPDATE notices SET read_at = $2 WHERE recipient = $1 AND number <= $3 AND read_at IS NULL',
            [box, clock(), which.upTo],
          )
        : store.execute(
            'UPDATE notices SET read_at = $2 WHERE recipient = $1 AND number = ANY($3::int8[]) AND read_at IS NULL',
            [box, clock(), which.numbers],
          );
    },
  };
}

/** A recipient as the tables name it. */
function boxOf(recipient: Recipient): Uint8Array {
  if ('account' in recipient) return fromHex(recipient.account, 20);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, recipient.organisation);
  return bytes;
}
