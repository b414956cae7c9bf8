import { ristretto255, ristretto255_hasher, ristretto255_oprf } from '@noble/curves/ed25519.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { concat, lengthPrefixed, toHex, utf8 } from '../bytes.ts';
import type { Subject } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import { type Identifier, NORMALISATION_VERSION } from '../identifiers/identifier.ts';

/** What an operator hands out for an identifier, and what fixes its one subject (RFC 9497, mode VOPRF). */
export type Transcript = {
  /** The evaluated element, 32 bytes. */
  readonly evaluated: Uint8Array;
  /** The DLEQ proof `c ‖ s` over this one element, 64 bytes. */
  readonly proof: Uint8Array;
};

/** The operators' key pair: the secret scalar and the public element, 32 bytes each. */
export type PseudonymKeys = { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array };

/** `contextString` of RFC 9497 §3.1 for mode 0x01 and ristretto255-SHA512. */
export const CONTEXT = concat(utf8('OPRFV1-'), new Uint8Array([1]), utf8('-ristretto255-SHA512'));

/** Blinding by one: the identifier is public between the parties, only the key is secret. */
const ONE = new Uint8Array(32);
ONE[0] = 1;

/** The bytes that the pseudorandom function is taken of. */
export function pseudonymInput(identifier: Identifier): Uint8Array {
  return concat(
    lengthPrefixed('vinculum/subject'),
    lengthPrefixed(identifier.type),
    lengthPrefixed(NORMALISATION_VERSION),
    lengthPrefixed(identifier.scope),
    lengthPrefixed(identifier.value),
  );
}

/** HashToGroup of RFC 9497: always computed here, never taken from outside, or absence could be forged. */
export function hashToGroup(input: Uint8Array): Uint8Array {
  return ristretto255_hasher.hashToCurve(input, { DST: concat(utf8('HashToGroup-'), CONTEXT) }).toBytes();
}

/** A subject from the function's 64-byte output. */
export function subjectOf(output: Uint8Array): Subject {
  return toHex(keccak_256(output)) as Subject;
}

/** New random keys. */
export function generatePseudonymKeys(): PseudonymKeys {
  return ristretto255_oprf.voprf.generateKeyPair();
}

/** The public key of a secret one. */
export function pseudonymPublicKey(secretKey: Uint8Array): Uint8Array {
  return ristretto255.Point.BASE.multiply(ristretto255.Point.Fn.fromBytes(secretKey)).toBytes();
}

/** The operator's side: a transcript for an identifier. About 4 ms; a service uses its libsodium twin. */
export function evaluate(
  keys: PseudonymKeys,
  identifier: Identifier,
): { subject: Subject; transcript: Transcript } {
  const input = pseudonymInput(identifier);
  const blinded = hashToGroup(input);
  const transcript = ristretto255_oprf.voprf.blindEvaluate(keys.secretKey, keys.publicKey, blinded);
  const output = ristretto255_oprf.oprf.finalize(input, ONE, transcript.evaluated);
  return { subject: subjectOf(output), transcript };
}

/**
 * The reader's side: the one subject of an identifier under the key that the ledger proves.
 * @throws `pseudonym.invalidTranscript` when the transcript is malformed, or is for another identifier or key
 */
export function verifyTranscript(
  identifier: Identifier,
  transcript: Transcript,
  publicKey: Uint8Array,
): Subject {
  const input = pseudonymInput(identifier);
  try {
    const output = ristretto255_oprf.voprf.finalize(
      input,
      ONE,
      transcript.evaluated,
      hashToGroup(input),
      publicKey,
      transcript.proof,
    );
    return subjectOf(output);
  } catch (cause) {
    throw new VinculumError(
      'pseudonym.invalidTranscript',
      'The operator’s proof does not fit this identifier under the ledger’s key.',
      { cause },
    );
  }
}
