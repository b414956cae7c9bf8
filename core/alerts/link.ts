import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import * as z from 'zod/mini';
import { concat, fromHex, type Hex, toHex, utf8, word } from '../bytes.ts';
import { addressOfKey, recoverSigner, signHash } from '../chain/submission.ts';
import type { Address, Digest, LedgerAddress } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { hex, readStrictly, seconds, signatureText, typedDataHash } from '../privacy/form.ts';

/*
 * Links for companies that are not on the network (docs/protocol.md §18). A link's token makes two secrets: one opens the
 * alert at the service, the other signs the answer and goes nowhere. So the service, which learns the first, cannot answer.
 */

/** What the holder of a link may answer. */
export const linkStatuses = ['acknowledged', 'accepted', 'declined'] as const;
export type LinkStatus = (typeof linkStatuses)[number];

/** Longest time that a link is good for, in seconds: 366 days. */
export const MAX_LINK_SECONDS = 366n * 86_400n;

/** The raiser's word that whoever has this key may open this alert and answer it. */
export type AlertLink = {
  /** Digest of the `alert.raised` entry. */
  readonly alert: Digest;
  /** The account of the key that the token makes. */
  readonly holder: Address;
  /** SHA-256 of the opener that the token makes. */
  readonly bearer: Hex;
  /** Seconds since 1970, both included. */
  readonly from: bigint;
  readonly until: bigint;
};

/** What the holder of a link says. */
export type LinkAnswer = {
  /** The hash of the link. */
  readonly link: AlertLinkHash;
  readonly status: LinkStatus;
  /** Why; empty for none. */
  readonly reason: string;
  /** Who says it, in their own words: nobody checks it. */
  readonly by: string;
  /** Seconds since 1970. */
  readonly at: bigint;
};

export type AlertLinkHash = Hex & { readonly __brand: 'AlertLinkHash' };

/** The typed data of both, under the ledger's own domain. */
export const alertLinkTypes = {
  AlertLink: [
    { name: 'alert', type: 'bytes32' },
    { name: 'holder', type: 'address' },
    { name: 'bearer', type: 'bytes32' },
    { name: 'from', type: 'uint64' },
    { name: 'until', type: 'uint64' },
  ],
} as const;
export const linkAnswerTypes = {
  AlertLinkAnswer: [
    { name: 'link', type: 'bytes32' },
    { name: 'status', type: 'string' },
    { name: 'reason', type: 'string' },
    { name: 'by', type: 'string' },
    { name: 'at', type: 'uint64' },
  ],
} as const;

const keccakText = (text: string): Uint8Array => keccak_256(utf8(text));
const typeHash = (name: string, fields: readonly { name: string; type: string }[]): Uint8Array =>
  keccakText(`${name}(${fields.map((field) => `${field.type} ${field.name}`).join(',')})`);
const LINK_TYPE = typeHash('AlertLink', alertLinkTypes.AlertLink);
const ANSWER_TYPE = typeHash('AlertLinkAnswer', linkAnswerTypes.AlertLinkAnswer);

export function alertLinkHash(ledger: LedgerAddress, link: AlertLink): AlertLinkHash {
  const struct = keccak_256(
    concat(
      LINK_TYPE,
      fromHex(link.alert, 32),
      word(BigInt(link.holder)),
      fromHex(link.bearer, 32),
      word(link.from),
      word(link.until),
    ),
  );
  return typedDataHash(ledger, struct) as AlertLinkHash;
}

export function linkAnswerHash(ledger: LedgerAddress, answer: LinkAnswer): Hex {
  const struct = keccak_256(
    concat(
      ANSWER_TYPE,
      fromHex(answer.link, 32),
      keccakText(answer.status),
      keccakText(answer.reason),
      keccakText(answer.by),
      word(answer.at),
    ),
  );
  return typedDataHash(ledger, struct);
}

/** What a token makes. */
export type LinkSecrets = {
  /** Opens the alert at the service: 32 bytes. */
  readonly opener: Uint8Array;
  /** Signs the answer, and is told to nobody: 32 bytes. */
  readonly secretKey: Uint8Array;
  readonly holder: Address;
  readonly bearer: Hex;
};

/**
 * The secrets of a token of 32 random bytes, which stays in the address's fragment.
 * @throws `alert.linkToken` for another length
 */
export function linkSecrets(token: Uint8Array): LinkSecrets {
  if (token.length !== 32) throw new VinculumError('alert.linkToken', 'A link’s token is 32 bytes.');
  const opener = sha256(concat(utf8('vinculum/alert-link/1/open'), token));
  // 64 bytes modulo the order less one, plus one: as good as even, and never zero.
  const wide = BigInt(toHex(sha512(concat(utf8('vinculum/alert-link/1/sign'), token))));
  const secretKey = word((wide % (secp256k1.Point.Fn.ORDER - 1n)) + 1n);
  return { opener, secretKey, holder: addressOfKey(secretKey), bearer: bearerOfOpener(opener) };
}

/** What the service knows a link by. */
export function bearerOfOpener(opener: Uint8Array): Hex {
  return toHex(sha256(opener));
}

const line = (most: number) =>
  z.string().check(z.regex(new RegExp(`^[^\\p{Cc}\\p{Cs}\\u202a-\\u202e\\u2066-\\u2069]{0,${most}}$`, 'u')));

/** A signed link as JSON. */
export const alertLinkSchema = z.strictObject({
  alert: hex(32),
  holder: hex(20),
  bearer: hex(32),
  from: seconds,
  until: seconds,
  signature: signatureText,
});
export type AlertLinkJson = z.infer<typeof alertLinkSchema>;

/** A signed answer as JSON. */
export const linkAnswerSchema = z.strictObject({
  link: hex(32),
  status: z.enum(linkStatuses),
  reason: line(2000),
  by: line(200),
  at: seconds,
  signature: z.string().check(z.regex(/^0x[0-9a-f]{130}$/)),
});
export type LinkAnswerJson = z.infer<typeof linkAnswerSchema>;

export function signAlertLink(ledger: LedgerAddress, link: AlertLink, secretKey: Uint8Array): AlertLinkJson {
  const signature = toHex(signHash(fromHex(alertLinkHash(ledger, link), 32), secretKey));
  return { ...link, from: Number(link.from), until: Number(link.until), signature };
}

export function signLinkAnswer(
  ledger: LedgerAddress,
  answer: LinkAnswer,
  secretKey: Uint8Array,
): LinkAnswerJson {
  const signature = toHex(signHash(fromHex(linkAnswerHash(ledger, answer), 32), secretKey));
  return { ...answer, at: Number(answer.at), signature };
}

export type SignedAlertLink = {
  readonly link: AlertLink;
  readonly hash: AlertLinkHash;
  readonly signature: Uint8Array;
  /** Whose key signed it; null where the signature is none (or a contract's, ERC-1271). */
  readonly signer: Address | null;
};

/** A signed link from JSON. @throws `alert.linkMalformed` `alert.linkTime` */
export function readAlertLink(ledger: LedgerAddress, value: unknown): SignedAlertLink {
  const json = readStrictly(alertLinkSchema, value, 'alert.linkMalformed', 'link of an alert');
  const link: AlertLink = {
    alert: json.alert as Digest,
    holder: json.holder as Address,
    bearer: json.bearer as Hex,
    from: BigInt(json.from),
    until: BigInt(json.until),
  };
  if (link.until < link.from || link.until - link.from > MAX_LINK_SECONDS) {
    throw new VinculumError(
      'alert.linkTime',
      'A link holds from a second until a later one, at most 366 days.',
    );
  }
  const hash = alertLinkHash(ledger, link);
  const signature = fromHex(json.signature);
  return { link, hash, signature, signer: recoverSigner(fromHex(hash, 32), signature) };
}

/**
 * The answer of a link's holder, once it is shown to be that.
 * @throws `alert.linkMalformed`; `alert.linkSignature` where another than the link's key signed it, or it answers another
 *   link; `alert.linkExpired` where it says itself that it was given outside of the link's time; `alert.reasonMissing`
 */
export function readLinkAnswer(
  ledger: LedgerAddress,
  { link, hash }: Pick<SignedAlertLink, 'link' | 'hash'>,
  value: unknown,
): LinkAnswer {
  const json = readStrictly(linkAnswerSchema, value, 'alert.linkMalformed', 'answer through a link');
  const { signature, ...said } = json;
  const answer: LinkAnswer = { ...said, link: said.link as AlertLinkHash, at: BigInt(said.at) };
  const signer = recoverSigner(fromHex(linkAnswerHash(ledger, answer), 32), fromHex(signature));
  if (answer.link !== hash || signer !== link.holder) {
    throw new VinculumError('alert.linkSignature', 'This answer is not signed with the key of this link.');
  }
  if (answer.at < link.from || answer.at > link.until) {
    throw new VinculumError('alert.linkExpired', 'The answer was given outside of the link’s time.');
  }
  if (answer.status === 'declined' && answer.reason.trim() === '') {
    throw new VinculumError('alert.reasonMissing', 'Who declines an alert says why.');
  }
  return answer;
}
