import type { Hex } from '../bytes.ts';

/** A subject on chain: 32 bytes, the pseudonym of an identifier; zero stands for an organisation's own chain. */
export type Subject = Hex & { readonly __brand: 'Subject' };
/** The last link of a chain: 32 bytes that commit to the whole of it. Zero before the first entry. */
export type Head = Hex & { readonly __brand: 'Head' };
/** SHA-256 of a block, 32 bytes; the same bytes are its CID's. */
export type Digest = Hex & { readonly __brand: 'Digest' };
/** An account, 20 bytes, lower case. */
export type Address = Hex & { readonly __brand: 'Address' };
/** The number of an organisation, counted from 1. */
export type OrganisationId = bigint & { readonly __brand: 'OrganisationId' };

export const ZERO_SUBJECT = `0x${'00'.repeat(32)}` as Subject;
export const ZERO_HEAD = `0x${'00'.repeat(32)}` as Head;

/** Which ledger: `eip155:<chain id>:<address>`, lower case (CAIP-10). */
export type LedgerId = string & { readonly __brand: 'LedgerId' };

export type LedgerAddress = { readonly chainId: bigint; readonly address: Address };
