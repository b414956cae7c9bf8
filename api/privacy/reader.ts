import type { AlertLinkHash } from '../../core/alerts/link.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import type { ConsentHash } from '../../core/privacy/consent.ts';
import type { Caller } from '../auth/caller.ts';

/** Who wants to see something. What is sealed is opened for some of them, and each time it is, it is logged. */
export type Reader =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'organisation'; readonly organisation: OrganisationId }
  /** An account of its own: an owner, or a grantee. */
  | { readonly kind: 'account'; readonly account: Address }
  /** Whoever holds the token of a share link, or of an alert’s link. */
  | { readonly kind: 'bearer'; readonly consent: ConsentHash | AlertLinkHash }
  | { readonly kind: 'operator' };

/** A reader, and the name of the route that it comes by, which the access log tells. */
export type Reading = { readonly reader: Reader; readonly route: string };

/** As whom a caller reads histories. The operator is anyone there: it opens what is sealed by its export alone. */
export function readerOf({ account, person }: Caller): Reader {
  if (account !== null) return { kind: 'organisation', organisation: account.organisation };
  if (person !== null) return { kind: 'account', account: person.address };
  return { kind: 'anyone' };
}

/** A reader as the access log names it (docs/protocol.md §15). */
export function readerName(reader: Exclude<Reader, { kind: 'anyone' }>): string {
  switch (reader.kind) {
    case 'organisation':
      return `organisation:${reader.organisation}`;
    case 'account':
      return `account:${reader.account}`;
    case 'bearer':
      return `bearer:${reader.consent}`;
    case 'operator':
      return 'operator';
  }
}
