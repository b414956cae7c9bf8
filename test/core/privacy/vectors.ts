import { readFileSync } from 'node:fs';
import type { Hex } from '../../../core/bytes.ts';
import type { Address, LedgerAddress } from '../../../core/chain/types.ts';
import type { AccessEntry, AccessHeadJson } from '../../../core/privacy/accessLog.ts';
import type { ConsentJson, RevocationJson } from '../../../core/privacy/consent.ts';
import type { ErasureReceipt } from '../../../core/privacy/erasure.ts';
import { privacyVectorsFile } from '../../../scripts/vectors/privacy.ts';

type Signed<Form> = { readonly hash: Hex; readonly json: Form };

type PrivacyVectors = {
  readonly token: Hex;
  readonly bearer: Hex;
  readonly ledgers: readonly {
    readonly ledger: { readonly chainId: string; readonly address: Address };
    readonly consents: readonly (Signed<ConsentJson> & {
      readonly name: string;
      readonly signer: Address;
      readonly revocation: Signed<RevocationJson>;
    })[];
    readonly access: {
      readonly entries: readonly AccessEntry[];
      readonly heads: readonly Signed<AccessHeadJson>[];
    };
    readonly erasures: readonly Signed<ErasureReceipt>[];
  }[];
};

export const vectors = JSON.parse(readFileSync(privacyVectorsFile, 'utf8')) as PrivacyVectors;

/** The vectors of each ledger, under its address. */
export const ledgers = vectors.ledgers.map(({ ledger: { chainId, address }, ...rest }) => ({
  ledger: { chainId: BigInt(chainId), address } satisfies LedgerAddress,
  ...rest,
}));

export function first<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined) throw new Error('no vectors');
  return item;
}
