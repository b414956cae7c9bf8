import { type AlertLink, alertLinkTypes } from '../../core/alerts/link.ts';
import { type Hex, toHex } from '../../core/bytes.ts';
import {
  DOMAIN_NAME,
  DOMAIN_VERSION,
  type Submission,
  submissionTypes,
} from '../../core/chain/submission.ts';
import type { LedgerAddress } from '../../core/chain/types.ts';
import { type ModuleAddress, type TitleAction, titleActionTypes } from '../../core/modules/action.ts';
import { type Consent, type ConsentHash, consentTypes, revocationTypes } from '../../core/privacy/consent.ts';

/** What somebody signs with a key of theirs. */
export type Signable =
  | { readonly of: 'text'; readonly text: string }
  | { readonly of: 'submission'; readonly ledger: LedgerAddress; readonly submission: Submission }
  | { readonly of: 'action'; readonly titles: ModuleAddress; readonly action: TitleAction }
  | { readonly of: 'consent'; readonly ledger: LedgerAddress; readonly consent: Consent }
  | { readonly of: 'alertLink'; readonly ledger: LedgerAddress; readonly link: AlertLink }
  | { readonly of: 'revocation'; readonly ledger: LedgerAddress; readonly consent: ConsentHash };

type Field = { readonly name: string; readonly type: string };

/** Typed data as a wallet takes it (`eth_signTypedData_v4`): numbers as decimal text, which all of them read. */
export type TypedData = {
  readonly domain: {
    readonly name: string;
    readonly version: string;
    readonly chainId: string;
    readonly verifyingContract: Hex;
  };
  readonly types: Readonly<Record<string, readonly Field[]>>;
  readonly primaryType: string;
  readonly message: Readonly<Record<string, unknown>>;
};

const domainTypes: readonly Field[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
];

const plain = (value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value instanceof Uint8Array ? toHex(value) : value;

export function typedDataOf(signable: Exclude<Signable, { of: 'text' }>): TypedData {
  const build = (
    place: LedgerAddress,
    types: Readonly<Record<string, readonly Field[]>>,
    primaryType: string,
    message: Readonly<Record<string, unknown>>,
  ): TypedData => ({
    domain: {
      name: DOMAIN_NAME,
      version: DOMAIN_VERSION,
      chainId: place.chainId.toString(),
      verifyingContract: place.address,
    },
    types: { EIP712Domain: domainTypes, ...types },
    primaryType,
    message: Object.fromEntries(Object.entries(message).map(([name, value]) => [name, plain(value)])),
  });
  switch (signable.of) {
    case 'submission':
      return build(signable.ledger, submissionTypes, 'Submission', signable.submission);
    case 'action':
      return build(signable.titles, titleActionTypes, 'TitleAction', signable.action);
    case 'consent':
      return build(signable.ledger, consentTypes, 'Consent', signable.consent);
    case 'alertLink':
      return build(signable.ledger, { AlertLink: alertLinkTypes.AlertLink }, 'AlertLink', signable.link);
    case 'revocation':
      return build(signable.ledger, revocationTypes, 'ConsentRevocation', { consent: signable.consent });
  }
}
