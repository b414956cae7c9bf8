import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { recoverSigner } from '../chain/submission.ts';
import {
  type Address,
  type Digest,
  type LedgerAddress,
  type OrganisationId,
  type Subject,
  ZERO_SUBJECT,
} from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { ZERO_ADDRESS } from '../modules/action.ts';
import { fieldName, hex, isDistinct, readStrictly, seconds, signatureText, typedDataHash } from './form.ts';

/** What a grantee may want sealed content for (docs/protocol.md §14). */
export const purposes = [
  'purchase',
  'finance',
  'insurance',
  'repair',
  'authority',
  'research',
  'other',
] as const;
export type Purpose = (typeof purposes)[number];

/** Longest time a consent is given for: 366 days, in seconds. */
export const MAX_CONSENT_SECONDS = 366n * 86_400n;
/** Most entries a consent names; with none it is for all. */
export const MAX_CONSENT_ENTRIES = 1000;
/** Most fields a consent names; with none it is for all. */
export const MAX_CONSENT_FIELDS = 200;

/** No bearer. */
export const ZERO_WORD = `0x${'00'.repeat(32)}` as Hex;

/** The owner lets a grantee see sealed fields and documents. Exactly one of the three grantees is not zero. */
export type Consent = {
  readonly subject: Subject;
  /** The title's tenure that it was given in, counted from 1: the next owner's is another. */
  readonly tenure: bigint;
  /** The organisation any of whose keys may use it, or 0. */
  readonly organisation: OrganisationId;
  /** The account that may use it, or zero. */
  readonly account: Address;
  /** SHA-256 of the token that a share link carries, or zero. */
  readonly bearer: Hex;
  /** The entries it opens, by their digests; none means all, those to come included. */
  readonly entries: readonly Digest[];
  /** The sealed fields it opens, `document:<cid>` for a document's key; none means all. */
  readonly fields: readonly string[];
  readonly purpose: Purpose;
  /** Seconds since 1970, both included. */
  readonly from: bigint;
  readonly until: bigint;
  /** 32 random bytes, so that equal consents have different names. */
  readonly salt: Hex;
};

/** EIP-712 digest of a consent: what is signed, and its name. */
export type ConsentHash = Hex & { readonly __brand: 'ConsentHash' };

/** The typed data that a wallet shows (`eth_signTypedData_v4`), under the ledger's own domain. */
export const consentTypes = {
  Consent: [
    { name: 'subject', type: 'bytes32' },
    { name: 'tenure', type: 'uint64' },
    { name: 'organisation', type: 'uint64' },
    { name: 'account', type: 'address' },
    { name: 'bearer', type: 'bytes32' },
    { name: 'entries', type: 'bytes32[]' },
    { name: 'fields', type: 'string[]' },
    { name: 'purpose', type: 'string' },
    { name: 'from', type: 'uint64' },
    { name: 'until', type: 'uint64' },
    { name: 'salt', type: 'bytes32' },
  ],
} as const;

export const revocationTypes = { ConsentRevocation: [{ name: 'consent', type: 'bytes32' }] } as const;

const keccakText = (text: string): Uint8Array => keccak_256(utf8(text));
const CONSENT_TYPE = keccakText(
  `Consent(${consentTypes.Consent.map(({ name, type }) => `${type} ${name}`).join(',')})`,
);
const REVOCATION_TYPE = keccakText('ConsentRevocation(bytes32 consent)');

export function consentHash(ledger: LedgerAddress, consent: Consent): ConsentHash {
  const struct = keccak_256(
    concat(
      CONSENT_TYPE,
      fromHex(consent.subject, 32),
      word(consent.tenure),
      word(consent.organisation),
      word(BigInt(consent.account)),
      fromHex(consent.bearer, 32),
      keccak_256(concat(...consent.entries.map((digest) => fromHex(digest, 32)))),
      keccak_256(concat(...consent.fields.map(keccakText))),
      keccakText(consent.purpose),
      word(consent.from),
      word(consent.until),
      fromHex(consent.salt, 32),
    ),
  );
  return typedDataHash(ledger, struct) as ConsentHash;
}

/** What revoking a consent signs. */
export function revocationHash(ledger: LedgerAddress, consent: ConsentHash): Hex {
  return typedDataHash(ledger, keccak_256(concat(REVOCATION_TYPE, fromHex(consent, 32))));
}

/** Who gave the consent, or null where the signature is none (or a contract's, ERC-1271). */
export function recoverConsenter(
  ledger: LedgerAddress,
  consent: Consent,
  signature: Uint8Array,
): Address | null {
  return recoverSigner(fromHex(consentHash(ledger, consent), 32), signature);
}

/** Who revoked the consent of that name, or null where the signature is none (or a contract's, ERC-1271). */
export function recoverRevoker(
  ledger: LedgerAddress,
  consent: ConsentHash,
  signature: Uint8Array,
): Address | null {
  return recoverSigner(fromHex(revocationHash(ledger, consent), 32), signature);
}

/** What a share link's consent names of its token: 32 random bytes, which stay in the address's fragment. */
export function bearerOf(token: Uint8Array): Hex {
  return toHex(sha256(token));
}

export type Grantee =
  | { readonly type: 'organisation'; readonly organisation: OrganisationId }
  | { readonly type: 'account'; readonly account: Address }
  | { readonly type: 'bearer'; readonly bearer: Hex };

/** Whom a consent names. @throws `consent.grantee` for none or several */
export function granteeOf(consent: Pick<Consent, 'organisation' | 'account' | 'bearer'>): Grantee {
  const { organisation, account, bearer } = consent;
  const named: Grantee[] = [];
  if (organisation !== 0n) named.push({ type: 'organisation', organisation });
  if (account !== ZERO_ADDRESS) named.push({ type: 'account', account });
  if (bearer !== ZERO_WORD) named.push({ type: 'bearer', bearer });
  const [grantee] = named;
  if (grantee === undefined || named.length > 1) {
    throw new VinculumError('consent.grantee', 'A consent names one organisation, one account or one token.');
  }
  return grantee;
}

const isUint64 = (value: bigint): boolean => value >= 0n && value >> 64n === 0n;

/**
 * Whether a consent is well formed, whoever signed it and whenever it is looked at.
 * @throws `consent.subject` `consent.tenure` `consent.grantee` `consent.entries` `consent.fields` `consent.purpose`
 *   `consent.time` `consent.salt`
 */
export function checkConsentShape(consent: Consent): void {
  const demand = (holds: boolean, code: string, message: string): void => {
    if (!holds) throw new VinculumError(code, message);
  };
  const is = (schema: z.ZodMiniType, value: unknown): boolean => schema.safeParse(value).success;
  demand(
    is(hex(32), consent.subject) && consent.subject !== ZERO_SUBJECT,
    'consent.subject',
    'A consent is for one vehicle.',
  );
  demand(
    isUint64(consent.tenure) && consent.tenure > 0n,
    'consent.tenure',
    'A consent names the tenure of its title, which counts from 1.',
  );
  demand(
    isUint64(consent.organisation) && is(hex(20), consent.account) && is(hex(32), consent.bearer),
    'consent.grantee',
    'A consent names one organisation, one account or one token.',
  );
  granteeOf(consent);
  demand(
    consent.entries.length <= MAX_CONSENT_ENTRIES &&
      consent.entries.every((digest) => is(hex(32), digest)) &&
      isDistinct(consent.entries),
    'consent.entries',
    `A consent names up to ${MAX_CONSENT_ENTRIES} entries, each once, by their digests.`,
  );
  demand(
    consent.fields.length <= MAX_CONSENT_FIELDS &&
      consent.fields.every((name) => is(fieldName, name)) &&
      isDistinct(consent.fields),
    'consent.fields',
    `A consent names up to ${MAX_CONSENT_FIELDS} fields, each once.`,
  );
  demand(
    (purposes as readonly string[]).includes(consent.purpose),
    'consent.purpose',
    `A consent’s purpose is one of: ${purposes.join(', ')}.`,
  );
  demand(
    isUint64(consent.from) &&
      isUint64(consent.until) &&
      consent.from <= consent.until &&
      consent.until - consent.from <= MAX_CONSENT_SECONDS,
    'consent.time',
    'A consent holds from a second until a later one, at most 366 days.',
  );
  demand(is(hex(32), consent.salt), 'consent.salt', 'A consent has 32 random bytes.');
}

/** Whether a consent reaches this sealed field of this entry; says nothing of whether it is good. */
export function covers(consent: Pick<Consent, 'entries' | 'fields'>, digest: string, field: string): boolean {
  return (
    (consent.entries.length === 0 || (consent.entries as readonly string[]).includes(digest)) &&
    (consent.fields.length === 0 || consent.fields.includes(field))
  );
}

/** What of a title decides over consents; a `Title` is one. `owner` is null where nobody holds it. */
export type Ownership = { readonly owner: Address | null; readonly tenure: bigint };

/**
 * Why a consent is not good, in the order in which it is looked for: no signature that can be read; by another than the
 * owner, of an earlier tenure or of none; by the owner, but for another tenure (sold and bought back, or re-issued to the
 * same key); revoked; before its time; after it.
 */
export const consentFaults = [
  'consent.signature',
  'consent.formerOwner',
  'consent.notOwner',
  'consent.tenure',
  'consent.revoked',
  'consent.notYet',
  'consent.expired',
] as const;
export type ConsentFault = (typeof consentFaults)[number];

/**
 * Whether a consent by `signer` is good at a moment. For keys that recover from signatures {@link checkConsent} does it
 * all; whoever accepts contracts' signatures (ERC-1271) finds the signer and the revokers by asking them.
 */
export function judgeConsent(
  consent: Pick<Consent, 'tenure' | 'from' | 'until'>,
  signer: Address | null,
  title: Ownership,
  at: bigint,
  revokers: readonly (Address | null)[] = [],
): 'good' | ConsentFault {
  if (signer === null) return 'consent.signature';
  if (title.owner === null || signer !== title.owner) {
    return consent.tenure < title.tenure ? 'consent.formerOwner' : 'consent.notOwner';
  }
  if (consent.tenure !== title.tenure) return 'consent.tenure';
  // The consent is the present owner's, so that both who may revoke it are the same.
  if (revokers.includes(signer)) return 'consent.revoked';
  if (at < consent.from) return 'consent.notYet';
  if (at > consent.until) return 'consent.expired';
  return 'good';
}

/**
 * Whether a consent is good at a moment (docs/protocol.md §14).
 * @param title the title as it is now
 * @param at seconds since 1970
 * @param revocations signatures of revocations that are known; others' count for nothing
 * @throws as {@link checkConsentShape}, for what is no consent whoever signed it
 */
export function checkConsent(
  ledger: LedgerAddress,
  consent: Consent,
  signature: Uint8Array,
  title: Ownership,
  at: bigint,
  revocations: readonly Uint8Array[] = [],
): 'good' | ConsentFault {
  checkConsentShape(consent);
  const name = consentHash(ledger, consent);
  const signer = recoverSigner(fromHex(name, 32), signature);
  const revokers = revocations.map((revocation) => recoverRevoker(ledger, name, revocation));
  return judgeConsent(consent, signer, title, at, revokers);
}

/** A signed consent as JSON. */
export const consentSchema = z.strictObject({
  subject: hex(32),
  tenure: z.int().check(z.gte(1)),
  organisation: z.string().check(
    z.regex(/^(?:0|[1-9][0-9]{0,19})$/),
    z.refine((text) => /^[0-9]{1,20}$/.test(text) && BigInt(text) >> 64n === 0n),
  ),
  account: hex(20),
  bearer: hex(32),
  entries: z.array(hex(32)).check(z.maxLength(MAX_CONSENT_ENTRIES)),
  fields: z.array(fieldName).check(z.maxLength(MAX_CONSENT_FIELDS)),
  purpose: z.enum(purposes),
  from: seconds,
  until: seconds,
  salt: hex(32),
  signature: signatureText,
});
export type ConsentJson = z.infer<typeof consentSchema>;

/** A revocation as JSON: the consent's name, and the signature of whoever revokes it. */
export const revocationSchema = z.strictObject({ consent: hex(32), signature: signatureText });
export type RevocationJson = z.infer<typeof revocationSchema>;

export type SignedConsent = { readonly consent: Consent; readonly signature: Uint8Array };

/** A signed consent from JSON. @throws `consent.malformed`, and as {@link checkConsentShape} */
export function readConsent(value: unknown): SignedConsent {
  const { signature, ...members } = readStrictly(consentSchema, value, 'consent.malformed', 'consent');
  const consent: Consent = {
    subject: members.subject as Subject,
    tenure: BigInt(members.tenure),
    organisation: BigInt(members.organisation) as OrganisationId,
    account: members.account as Address,
    bearer: members.bearer as Hex,
    entries: members.entries as Digest[],
    fields: members.fields,
    purpose: members.purpose,
    from: BigInt(members.from),
    until: BigInt(members.until),
    salt: members.salt as Hex,
  };
  checkConsentShape(consent);
  return { consent, signature: fromHex(signature) };
}

export function formatConsent(consent: Consent, signature: Uint8Array): ConsentJson {
  return {
    ...consent,
    tenure: Number(consent.tenure),
    organisation: consent.organisation.toString(),
    entries: [...consent.entries],
    fields: [...consent.fields],
    from: Number(consent.from),
    until: Number(consent.until),
    signature: toHex(signature),
  };
}

/** A revocation from JSON. @throws `consent.malformed` */
export function readRevocation(value: unknown): { consent: ConsentHash; signature: Uint8Array } {
  const { consent, signature } = readStrictly(revocationSchema, value, 'consent.malformed', 'revocation');
  return { consent: consent as ConsentHash, signature: fromHex(signature) };
}
