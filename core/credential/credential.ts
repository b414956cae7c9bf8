import { ed25519 } from '@noble/curves/ed25519.js';
import * as z from 'zod/mini';
import { canonicalJson, type Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { type DataIntegrityProof, type Document, isSigned, signDocument } from './dataIntegrity.ts';
import { type DidKey, didOfKey, keyOfDid, verificationMethodOf } from './didKey.ts';
import { type CredentialFacts, factsSchema } from './facts.ts';

/*
 * A report's facts as a W3C Verifiable Credential 2.0. It is the issuer's word, good for a short time and readable by
 * any wallet; only the report, or the chain (`checkCredential`), proves what it says.
 */

const VERSION = 'credential/1';
const CONTEXT = [
  'https://www.w3.org/ns/credentials/v2',
  'https://www.w3.org/ns/credentials/undefined-terms/v2',
] as const;
const TYPE = ['VerifiableCredential', 'VehicleHistoryCredential'] as const;

const instant = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/));
const context = z.tuple([z.literal(CONTEXT[0]), z.literal(CONTEXT[1])]);

const credentialSchema = z.strictObject({
  '@context': context,
  type: z.tuple([z.literal(TYPE[0]), z.literal(TYPE[1])]),
  issuer: z.string().check(z.maxLength(100)),
  validFrom: instant,
  validUntil: instant,
  credentialSubject: z.extend(factsSchema, { vinculum: z.literal(VERSION) }),
  proof: z.strictObject({
    '@context': context,
    type: z.literal('DataIntegrityProof'),
    cryptosuite: z.literal('eddsa-jcs-2022'),
    created: instant,
    verificationMethod: z.string().check(z.maxLength(200)),
    proofPurpose: z.literal('assertionMethod'),
    proofValue: z.string().check(z.maxLength(100)),
  }),
});

export type Credential = z.infer<typeof credentialSchema>;

/** Largest credential that is read, in characters. */
export const MAX_CREDENTIAL_CHARACTERS = 4 * 1024 * 1024;

/** Times in seconds since 1970. */
export type Validity = {
  readonly validFrom: number;
  readonly validUntil: number;
  readonly created: number;
};

/**
 * Signs facts as a credential of the key's own did:key.
 * @param secretKey 32 bytes, Ed25519
 */
export function issueCredential(
  facts: CredentialFacts,
  secretKey: Uint8Array,
  validity: Validity,
): Credential {
  const issuer = didOfKey(ed25519.getPublicKey(secretKey));
  const document = {
    '@context': [...CONTEXT] as Credential['@context'],
    type: [...TYPE] as Credential['type'],
    issuer,
    validFrom: instantOf(validity.validFrom),
    validUntil: instantOf(validity.validUntil),
    credentialSubject: { vinculum: VERSION, ...facts } as Credential['credentialSubject'],
  };
  const how = { created: instantOf(validity.created), verificationMethod: verificationMethodOf(issuer) };
  const proof = signDocument(document as unknown as Document, how, secretKey);
  return readCredential({ ...document, proof });
}

/** The text in which a credential is handed out. */
export function writeCredential(credential: Credential): string {
  return canonicalJson(credential);
}

/**
 * A credential from its JSON text; nothing is verified yet.
 * @throws `credential.malformed` (cut, too large, nested too deep, of another form) `credential.unknownVersion`
 */
export function parseCredential(text: string): Credential {
  if (text.length > MAX_CREDENTIAL_CHARACTERS) {
    throw malformed(`a credential has at most ${MAX_CREDENTIAL_CHARACTERS} characters`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed('the file is not JSON: it may be cut off', cause);
  }
  return readCredential(value);
}

/** A credential from a JSON value; errors as {@link parseCredential}. */
export function readCredential(value: unknown): Credential {
  const version = (value as { credentialSubject?: { vinculum?: unknown } } | null)?.credentialSubject
    ?.vinculum;
  if (typeof version === 'string' && version.startsWith('credential/') && version !== VERSION) {
    throw new VinculumError(
      'credential.unknownVersion',
      `This reader knows ${VERSION}, not ${version.slice(0, 40)}.`,
    );
  }
  const parsed = credentialSchema.safeParse(value);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
    throw malformed(`${path || 'the document'} is not as it should be`);
  }
  return parsed.data;
}

export type CredentialTrust = {
  /** The issuers that the reader relies on. */
  readonly issuers: readonly string[];
  /** Seconds since 1970. */
  readonly now: number;
  /** By how much clocks may differ, default 60 seconds. */
  readonly toleranceSeconds?: number;
};

/**
 * The facts that an issuer of the reader's choice vouches for.
 * @throws `credential.malformed` `credential.unknownVersion` `credential.issuer` (another issuer)
 *   `credential.signature` (a character was changed) `credential.notYetValid` `credential.expired`
 */
export function verifyCredential(value: unknown, trust: CredentialTrust): CredentialFacts {
  const credential = readCredential(value);
  if (!trust.issuers.includes(credential.issuer)) {
    throw new VinculumError('credential.issuer', 'The credential is of another issuer than you rely on.', {
      details: { issuer: credential.issuer },
    });
  }
  checkSignature(credential);
  const { toleranceSeconds = 60 } = trust;
  const details = { validFrom: credential.validFrom, validUntil: credential.validUntil };
  if (trust.now + toleranceSeconds < secondsOf(credential.validFrom)) {
    const text = `The credential is valid from ${credential.validFrom}.`;
    throw new VinculumError('credential.notYetValid', text, { details });
  }
  if (trust.now - toleranceSeconds > secondsOf(credential.validUntil)) {
    const text = `The credential was valid until ${credential.validUntil}: ask for a new one.`;
    throw new VinculumError('credential.expired', text, { details });
  }
  const { vinculum: _, ...facts } = credential.credentialSubject;
  return facts;
}

/** That the credential is what its own issuer signed, whoever that is. @throws `credential.*` */
export function checkSignature(credential: Credential): void {
  const key = keyOfDid(credential.issuer);
  if (credential.proof.verificationMethod !== verificationMethodOf(credential.issuer as DidKey)) {
    throw malformed('the proof names another key than the issuer’s');
  }
  const proof = credential.proof as DataIntegrityProof;
  if (!isSigned(credential as unknown as { [name: string]: Json }, proof, key)) {
    throw new VinculumError(
      'credential.signature',
      'The signature is not the issuer’s: something in the credential was changed.',
    );
  }
}

function instantOf(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

/** @throws `credential.malformed` for a day that does not exist */
function secondsOf(text: string): number {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds) || instantOf(milliseconds / 1000) !== text) {
    throw malformed('a time does not exist');
  }
  return milliseconds / 1000;
}

function malformed(why: string, cause?: unknown): VinculumError {
  return new VinculumError('credential.malformed', `This is no credential: ${why}.`, { cause });
}
