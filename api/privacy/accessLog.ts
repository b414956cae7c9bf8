import { fromHex, toHex } from '../../core/bytes.ts';
import type { Address, LedgerAddress, Subject } from '../../core/chain/types.ts';
import {
  type AccessEntry,
  type AccessHead,
  type AccessHeadJson,
  accessHeadHash,
  ZERO_ACCESS_HEAD,
} from '../../core/privacy/accessLog.ts';
import type { Account } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store, Transaction } from '../store/store.ts';
import { beginningOf, titleRecordsOf } from './titleRecord.ts';

/** A page of the part of a subject's access log that one owner may read. */
export type AccessPage = {
  /** The tenure it is read for. */
  readonly tenure: number;
  /** Where this page begins: the log folds on from this head. */
  readonly from: { readonly position: number; readonly head: AccessHead };
  readonly entries: readonly AccessEntry[];
  /** The position that the next page begins at; null at the end. */
  readonly next: number | null;
  /** What the operator signs: how long the log is, as far as this owner may read it, and what it leads to. */
  readonly state: AccessHeadJson;
};

/** What owners read of the access logs (docs/protocol.md §15). */
export interface AccessLogs {
  /**
   * The log of an owner's time: of the present one up to now, of a former one up to when its tenure ended.
   * @param tenure one of several that this account had; default the last
   * @throws `access.notOwner`
   */
  read(
    subject: Subject,
    owner: Address,
    page: { readonly tenure: bigint | null; readonly from: number | null; readonly limit: number },
  ): Promise<AccessPage>;
}

export type AccessLogOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly ledger: LedgerAddress;
  readonly ownLedger: () => Promise<number>;
  readonly operator: Account;
  readonly clock?: () => number;
};

/** Positions of a log, the last excluded, and the head before the first. */
type Part = {
  readonly first: number;
  readonly before: AccessHead;
  readonly end: number;
  readonly head: AccessHead;
};

export function createAccessLogs(options: AccessLogOptions): AccessLogs {
  const { store, secrets, operator } = options;
  const clock = options.clock ?? Date.now;

  function signed(subject: Subject, length: number, head: AccessHead): AccessHeadJson {
    const at = Math.floor(clock() / 1000);
    const hash = accessHeadHash(options.ledger, { subject, length: BigInt(length), head, at: BigInt(at) });
    const signature = toHex(operator.sign(fromHex(hash, 32)));
    return { subject, length, head, at, operator: operator.address, signature };
  }

  return {
    async read(subject, owner, { tenure: wanted, from, limit }) {
      const ledger = await options.ownLedger();
      return store.transaction(
        async (transaction) => {
          const titles = await titleRecordsOf(transaction, ledger, [subject], secrets.blockKey);
          const record = titles.get(subject);
          const tenure = record?.tenures.findLast(
            (one) => one.owner === owner && (wanted === null || one.number === wanted),
          );
          if (record === undefined || tenure === undefined) {
            throw new Problem('access.notOwner', 'The log is for the owner of the title, of its own time.');
          }
          const begun = beginningOf(record, tenure) ?? tenure;
          const part = await partOf(transaction, subject, begun.number, tenure.number);
          const start = Math.min(Math.max(from ?? 0, part.first), part.end);
          const rows = await transaction.query<{ position: bigint; entry: AccessEntry | null }>(
            `SELECT position, entry FROM access_entries
             WHERE subject = $1 AND position >= $2 AND position < $3 ORDER BY position LIMIT $4`,
            [fromHex(subject, 32), start, part.end, limit],
          );
          const entries = rows.flatMap(({ entry }) => (entry === null ? [] : [entry]));
          const last = entries.at(-1);
          return {
            tenure: Number(tenure.number),
            from: {
              position: start,
              head: start === part.first ? part.before : await headBefore(transaction, subject, start),
            },
            entries,
            next: last !== undefined && last.position + 1 < part.end ? last.position + 1 : null,
            state: signed(subject, part.end, part.head),
          };
        },
        { isolation: 'repeatable read' },
      );
    },
  };
}

/** The part of a log that was written during tenures: a re-issued key’s from when the same hands held the vehicle. */
async function partOf(
  transaction: Transaction,
  subject: Subject,
  since: bigint,
  until: bigint,
): Promise<Part> {
  // What retention has destroyed leaves a row without its entry, whose head the rest folds on from.
  const [row] = await transaction.query<{ first: bigint; end: bigint }>(
    `SELECT
       (SELECT coalesce(max(position) + 1, 0) FROM access_entries
        WHERE subject = $1 AND (tenure < $2 OR entry = 'null'::jsonb)) AS first,
       (SELECT coalesce(max(position) + 1, 0) FROM access_entries WHERE subject = $1 AND tenure <= $3) AS end`,
    [fromHex(subject, 32), since, until],
  );
  const first = Number(row?.first ?? 0n);
  const end = Math.max(first, Number(row?.end ?? 0n));
  return {
    first,
    before: await headBefore(transaction, subject, first),
    end,
    head: await headBefore(transaction, subject, end),
  };
}

async function headBefore(transaction: Transaction, subject: Subject, position: number): Promise<AccessHead> {
  if (position === 0) return ZERO_ACCESS_HEAD;
  const [row] = await transaction.query<{ head: Uint8Array }>(
    'SELECT head FROM access_entries WHERE subject = $1 AND position = $2',
    [fromHex(subject, 32), position - 1],
  );
  if (row === undefined) throw new Problem('internal', 'the access log has a gap');
  return toHex(row.head) as AccessHead;
}
