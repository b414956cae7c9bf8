import * as z from 'zod/mini';
import { fromHex, toHex } from '../core/bytes.ts';
import { signHash } from '../core/chain/submission.ts';
import type { LedgerAddress } from '../core/chain/types.ts';
import {
  type Consent,
  type ConsentHash,
  checkConsentShape,
  consentHash,
  consentSchema,
  formatConsent,
  revocationHash,
} from '../core/privacy/consent.ts';
import { readConsentReceipt } from '../core/privacy/consentReceipt.ts';
import type { Client } from './client.ts';
import { CommandError } from './exit.ts';

/* Consents as the service takes and gives them (docs/protocol.md §14). */

const viewSchema = z.looseObject({
  hash: z.string().check(z.regex(/^0x[0-9a-f]{64}$/)),
  state: z.string(),
  signer: z.string(),
  signed: consentSchema,
  identifier: z.nullable(z.string()),
  storedAt: z.string(),
  receipt: z.unknown(),
  revocation: z.nullable(z.looseObject({ revokedAt: z.string(), receipt: z.unknown() })),
  openings: z.nullable(z.looseObject({ count: z.int(), lastAt: z.nullable(z.string()) })),
});
export type ConsentView = z.infer<typeof viewSchema>;

const pageSchema = z.looseObject({ consents: z.array(viewSchema), next: z.nullable(z.string()) });

/**
 * Signs a consent and hands it in; the operator's receipt is checked to be of this consent.
 * @throws the `consent.*` codes, the service's refusals, `consent.receipt` (exit 1)
 */
export async function giveConsent(
  client: Client,
  ledger: LedgerAddress,
  consent: Consent,
  secretKey: Uint8Array,
): Promise<ConsentView> {
  checkConsentShape(consent);
  const hash = consentHash(ledger, consent);
  const signature = signHash(fromHex(hash, 32), secretKey);
  const view = await client.json('/v1/consents', viewSchema, formatConsent(consent, signature));
  checkReceipt(ledger, view.receipt, hash, 'stored');
  return view;
}

/** Revokes a consent; the receipt says when the operator knew. */
export async function revokeConsent(
  client: Client,
  ledger: LedgerAddress,
  hash: ConsentHash,
  secretKey: Uint8Array,
): Promise<ConsentView> {
  const signature = toHex(signHash(fromHex(revocationHash(ledger, hash), 32), secretKey));
  const view = await client.json(`/v1/consents/${hash}/revocation`, viewSchema, { signature });
  checkReceipt(ledger, view.revocation?.receipt, hash, 'revoked');
  return view;
}

function checkReceipt(ledger: LedgerAddress, value: unknown, hash: string, state: string): void {
  const receipt = readConsentReceipt(ledger, value);
  if (receipt.consent === hash && receipt.state === state) return;
  const text = 'The service’s receipt is not of this consent: keep what it answered, and ask its operator.';
  throw new CommandError('failed', 'consent.receipt', text);
}

export function findConsent(client: Client, hash: string): Promise<ConsentView> {
  return client.json(`/v1/consents/${hash}`, viewSchema);
}

/** All consents that the signed-in account gave, or was given. */
export async function listConsents(client: Client, as: 'signer' | 'grantee'): Promise<ConsentView[]> {
  const found: ConsentView[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: z.infer<typeof pageSchema> = await client.json(
      `/v1/consents?as=${as}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      pageSchema,
    );
    found.push(...page.consents);
    cursor = page.next;
  }
  return found;
}
