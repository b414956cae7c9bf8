import { type Hex, toHex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import { holdErasures } from '../erasure/tombstones.ts';
import { identifiersOf } from '../privacy/handedIn.ts';
import { titleRecordsOf } from '../privacy/titleRecord.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store } from '../store/store.ts';
import { type Announcement, placeOf, THIS_ONE } from './announcements.ts';
import type { NewNotice, Notices } from './notices.ts';

export const REISSUED = 13;
export const TRANSFERRED = 14;

export type HandoverOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly notices: Pick<Notices, 'post'>;
};

/**
 * Tells whose key owned a title that a register has given it to another one: a lost key is given back the same way as a
 * vehicle is taken.
 * @param final the last final block
 * @returns how many notices were posted
 */
export async function announceHandover(
  { store, secrets, notices }: HandoverOptions,
  announcement: Announcement,
  final: number,
  now: Date,
): Promise<number> {
  const { digest, ledger, kind, subject, organisation } = announcement;
  return store.transaction(async (transaction) => {
    await holdErasures(transaction);
    const rows = await transaction.query<{ action_hash: Uint8Array }>(
      `SELECT action_hash FROM titles WHERE digest = $1 AND ledger = $2 AND kind = $3 AND organisation = $4
         AND subject = $5 AND action_subject = $5 AND block_number <= $6`,
      [...placeOf(announcement), final],
    );
    const actions = new Set<Hex>(rows.map((row) => toHex(row.action_hash)));
    const record = (await titleRecordsOf(transaction, ledger, [subject], secrets.blockKey)).get(subject);
    const vehicle = (await identifiersOf(transaction, secrets, [subject])).get(subject);
    const posted = (record?.tenures ?? []).flatMap((tenure, index, tenures): NewNotice[] => {
      const former = tenures[index - 1];
      if (former === undefined || !actions.has(tenure.actionHash) || former.owner === tenure.owner) return [];
      // Who made itself the owner of a pseudonym is not told which vehicle it is.
      const named = former.handedIn && vehicle !== undefined ? { vehicle } : {};
      const how = kind === REISSUED ? 'reissued' : 'transferred';
      return [
        {
          recipient: { account: former.owner as Address },
          ...{ kind: 'title.ownerChanged', about: tenure.actionHash, entry: digest },
          content: { ...named, subject, how, by: organisation.toString(), entry: digest },
        },
      ];
    });
    await transaction.execute(`UPDATE announcements SET told = $6, done_at = $7 WHERE ${THIS_ONE}`, [
      ...placeOf(announcement),
      rows.length,
      now,
    ]);
    return notices.post(transaction, posted);
  });
}
