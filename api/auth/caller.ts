import type { Standing } from '../../core/chain/organisation.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import type { AttestedKind } from '../../core/kinds/kinds.ts';
import { kinds } from '../../core/kinds/kinds.ts';

/** A signed-in organisation: by a session of one of its keys, or by an API key made under such a session. */
export type Account = {
  readonly organisation: OrganisationId;
  /** The key that signed in, or that made the API key. */
  readonly signer: Address;
  readonly standing: Standing;
  readonly by: 'session' | 'apiKey';
};

/** A signed-in account that acts for no organisation: an owner, a buyer, a grantee. Anyone can make one. */
export type Person = { readonly address: Address };

export type Caller = {
  readonly account: Account | null;
  readonly person: Person | null;
  readonly operator: boolean;
  /** By what its requests and look-ups are counted: the organisation, or a keyed hash of the network address. */
  readonly key: string;
};

/** Whether an organisation may attest a kind, by its record. */
export function mayAttest(standing: Standing, kind: AttestedKind): boolean {
  return standing.status === 'good' && ((standing.kinds >> BigInt(kinds[kind].number)) & 1n) === 1n;
}
