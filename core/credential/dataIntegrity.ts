import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from '../bytes.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { decodeMultibase, encodeMultibase } from './didKey.ts';

/*
 * W3C Data Integrity, cryptosuite eddsa-jcs-2022 (Data Integrity EdDSA Cryptosuites 1.0 §3.3): an Ed25519 signature over
 * the SHA-256 of the canonical proof without its value, and the SHA-256 of the canonical document without its proof.
 */

export const CRYPTOSUITE = 'eddsa-jcs-2022';

export type Document = { readonly [name: string]: Json };

/** A proof before its value is there. */
export type ProofOptions = {
  readonly type: 'DataIntegrityProof';
  readonly cryptosuite: typeof CRYPTOSUITE;
  /** When it was made, `YYYY-MM-DDThh:mm:ssZ`. */
  readonly created: string;
  /** Names the key. */
  readonly verificationMethod: string;
  readonly proofPurpose: 'assertionMethod';
  /** The document's own, where it has one. */
  readonly '@context'?: Json;
};

export type DataIntegrityProof = ProofOptions & { readonly proofValue: string };

/** What is signed. @throws the `json.*` codes */
export function hashData(document: Document, options: ProofOptions): Uint8Array {
  const { proof: _, ...unsecured } = document;
  return concat(sha256(utf8(canonicalJson(options))), sha256(utf8(canonicalJson(unsecured))));
}

/** The proof of a document. @param secretKey 32 bytes, Ed25519 */
export function signDocument(
  document: Document,
  how: Pick<ProofOptions, 'created' | 'verificationMethod'>,
  secretKey: Uint8Array,
): DataIntegrityProof {
  const context = document['@context'];
  const options: ProofOptions = {
    type: 'DataIntegrityProof',
    cryptosuite: CRYPTOSUITE,
    created: how.created,
    verificationMethod: how.verificationMethod,
    proofPurpose: 'assertionMethod',
    ...(context === undefined ? {} : { '@context': context }),
  };
  const signature = ed25519.sign(hashData(document, options), secretKey);
  return { ...options, proofValue: encodeMultibase(signature) };
}

/** Whether the proof is this key's for this document. The caller has checked the proof's members. */
export function isSigned(document: Document, proof: DataIntegrityProof, publicKey: Uint8Array): boolean {
  const { proofValue, ...options } = proof;
  const signature = decodeMultibase(proofValue);
  if (signature === null || signature.length !== 64) return false;
  try {
    // RFC 8032, strictly: one signature must not have other spellings.
    return ed25519.verify(signature, hashData(document, options), publicKey, { zip215: false });
  } catch {
    return false;
  }
}
