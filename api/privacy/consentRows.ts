import { fromHex, toHex } from '../../core/bytes.ts';
import type { Address } from '../../core/chain/types.ts';
import {
  type Consent,
  type ConsentHash,
  type ConsentJson,
  judgeConsent,
  readConsent,
} from '../../core/privacy/consent.ts';
import type { ConsentReceiptJson } from '../../core/privacy/consentReceipt.ts';
import type { StoredRevocation } from './revocation.ts';
import type { TitleRecord } from './titleRecord.ts';

/** A row of `consents`. */
export type ConsentRow = {
  readonly hash: Uint8Array;
  readonly subject: Uint8Array;
  readonly signer: Uint8Array;
  readonly consent: ConsentJson;
  readonly receipt: ConsentReceiptJson;
  readonly stored_at: Date;
  readonly revocation: StoredRevocation | null;
  readonly revoked_at: Date | null;
  readonly openings: bigint;
  readonly opened_at: Date | null;
};

export const CONSENT_COLUMNS =
  'hash, subject, signer, consent, receipt, stored_at, revocation, revoked_at, openings, opened_at';

export type StoredConsent = {
  readonly hash: ConsentHash;
  readonly consent: Consent;
  readonly signer: Address;
};

export function consentOf(row: ConsentRow): StoredConsent {
  const { consent } = readConsent(row.consent);
  return {
    hash: toHex(fromHex(toHex(row.hash), 32)) as ConsentHash,
    consent,
    signer: toHex(row.signer) as Address,
  };
}

/** `ended`: the title is another owner's since, or the same one's anew. `notYet`: it begins later. */
export const consentStates = ['good', 'notYet', 'expired', 'revoked', 'ended'] as const;
export type ConsentState = (typeof consentStates)[number];

/** What a consent is worth at a moment, seconds since 1970; null stands for a subject without a title. */
export function stateOf(row: ConsentRow, title: TitleRecord | undefined, at: bigint): ConsentState {
  const { consent, signer } = consentOf(row);
  const revokers = row.revocation === null ? [] : [signer];
  if (title === undefined) return 'ended';
  switch (judgeConsent(consent, signer, title, at, revokers)) {
    case 'good':
      return 'good';
    case 'consent.revoked':
      return 'revoked';
    case 'consent.notYet':
      return 'notYet';
    case 'consent.expired':
      return 'expired';
    default:
      return 'ended';
  }
}
