import { keccak_256 } from '@noble/hashes/sha3.js';
import { getAddress } from 'ethers';
import { concat, utf8 } from '../../core/bytes.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';

/** What a signer states to sign in (EIP-4361). */
export type SignIn = {
  /** As whose key; null: as an account of its own, an owner’s, a buyer’s or a grantee’s. */
  readonly organisation: OrganisationId | null;
  readonly signer: Address;
  readonly nonce: string;
  /** Both to the second. */
  readonly issuedAt: Date;
  readonly expiresAt: Date;
};

/** Where a sign-in is for: a message for another service, or another chain, is not one of ours. */
export type SignInPlace = { readonly publicUrl: string; readonly chainId: bigint };

const instant = (time: Date): string => time.toISOString().replace('.000Z', 'Z');

export function formatSignIn(place: SignInPlace, signIn: SignIn): string {
  const { organisation } = signIn;
  const [who, resource] =
    organisation === null
      ? ['this account', `account:${signIn.signer}`]
      : [`organisation ${organisation}`, `organisation:${organisation}`];
  return [
    `${new URL(place.publicUrl).host} wants you to sign in with your Ethereum account:`,
    getAddress(signIn.signer),
    '',
    `Sign in to Vinculum as ${who}.`,
    '',
    `URI: ${place.publicUrl}`,
    'Version: 1',
    `Chain ID: ${place.chainId}`,
    `Nonce: ${signIn.nonce}`,
    `Issued At: ${instant(signIn.issuedAt)}`,
    `Expiration Time: ${instant(signIn.expiresAt)}`,
    'Resources:',
    `- urn:vinculum:${resource}`,
  ].join('\n');
}

const form = new RegExp(
  [
    '^[^\\n]+',
    '(?<signer>0x[0-9a-fA-F]{40})',
    '',
    'Sign in to Vinculum as (?:this account|organisation (?<organisation>[1-9][0-9]{0,18}))\\.',
    '',
    'URI: [^\\n]+',
    'Version: 1',
    'Chain ID: [0-9]+',
    'Nonce: (?<nonce>[A-Za-z0-9]{8,64})',
    'Issued At: (?<issuedAt>\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ)',
    'Expiration Time: (?<expiresAt>\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ)',
    'Resources:',
    '- urn:vinculum:(?:account:0x[0-9a-f]{40}|organisation:[0-9]+)$',
  ].join('\\n'),
);

/** What a message states, or null where it is not, to the letter, one that this service writes. */
export function parseSignIn(place: SignInPlace, message: string): SignIn | null {
  const fields = message.length > 2_000 ? undefined : form.exec(message)?.groups;
  if (fields === undefined) return null;
  const signIn: SignIn = {
    organisation: fields.organisation === undefined ? null : (BigInt(fields.organisation) as OrganisationId),
    signer: (fields.signer ?? '').toLowerCase() as Address,
    nonce: fields.nonce ?? '',
    issuedAt: new Date(fields.issuedAt ?? ''),
    expiresAt: new Date(fields.expiresAt ?? ''),
  };
  if (Number.isNaN(signIn.issuedAt.getTime()) || Number.isNaN(signIn.expiresAt.getTime())) return null;
  return formatSignIn(place, signIn) === message ? signIn : null;
}

/** What a wallet signs of a text (EIP-191, `personal_sign`). */
export function personalHash(message: string): Uint8Array {
  const bytes = utf8(message);
  return keccak_256(concat(utf8(`\u0019Ethereum Signed Message:\n${bytes.length}`), bytes));
}
