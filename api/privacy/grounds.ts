import { fromHex, toHex } from '../../core/bytes.ts';
import type { Subject } from '../../core/chain/types.ts';
import { type Consent, type ConsentHash, judgeConsent } from '../../core/privacy/consent.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Transaction } from '../store/store.ts';
import { CONSENT_COLUMNS, type ConsentRow, consentOf } from './consentRows.ts';
import type { Reader } from './reader.ts';
import { type TitleRecord, titleRecordsOf } from './titleRecord.ts';

/** A reader that something may be open to, by its rights. */
export type EntitledReader = Exclude<Reader, { kind: 'anyone' } | { kind: 'operator' }>;

/** What a reader comes with. */
export type Grounds = {
  readonly titles: ReadonlyMap<Subject, TitleRecord>;
  readonly consents: readonly { readonly hash: ConsentHash; readonly consent: Consent }[];
  /** The subjects of whose titles the reader is the owner. */
  readonly owned: ReadonlySet<Subject>;
};

/** The grounds of a reader, or null where there is none. */
export async function groundsOf(
  {
    transaction,
    secrets,
    ledger,
    at,
  }: { transaction: Transaction; secrets: Secrets; ledger: number; at: bigint },
  reader: EntitledReader,
  wanted: readonly { readonly subject: Subject }[],
): Promise<Grounds | null> {
  const subjects = wanted.map(({ subject }) => subject);
  const [column, value] = granteeColumn(reader);
  // Locked against a revocation: either it comes first and is seen here, or it waits until this showing is in the log.
  const rows = await transaction.query<ConsentRow>(
    `SELECT ${CONSENT_COLUMNS} FROM consents
     WHERE ${column} = $1 AND subject = ANY($2::bytea[]) AND revocation IS NULL AND valid_from <= $3 AND valid_until >= $3
     ORDER BY hash FOR SHARE`,
    [value, subjects.map((subject) => fromHex(subject, 32)), at],
  );
  const asked = reader.kind === 'account' ? subjects : rows.map((row) => toHex(row.subject) as Subject);
  const titles: ReadonlyMap<Subject, TitleRecord> =
    asked.length === 0
      ? new Map()
      : await titleRecordsOf(transaction, ledger, [...new Set(asked)], secrets.blockKey);
  const consents = rows.map(consentOf).filter(({ consent, signer }) => {
    const title = titles.get(consent.subject);
    return title !== undefined && judgeConsent(consent, signer, title, at) === 'good';
  });
  const owned = new Set<Subject>();
  for (const [subject, { owner }] of titles) {
    if (reader.kind === 'account' && owner === reader.account) owned.add(subject);
  }
  if (reader.kind !== 'organisation' && consents.length === 0 && owned.size === 0) return null;
  return { titles, consents, owned };
}

function granteeColumn(reader: EntitledReader): [string, Uint8Array | bigint] {
  switch (reader.kind) {
    case 'organisation':
      return ['organisation', reader.organisation];
    case 'account':
      return ['account', fromHex(reader.account, 20)];
    case 'bearer':
      return ['hash', fromHex(reader.consent, 32)];
  }
}
