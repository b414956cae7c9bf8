import { createHash, randomBytes } from 'node:crypto';
import sodium from 'libsodium-wrappers-sumo';
import { CONTEXT } from '../../core/pseudonym/pseudonym.ts';
import { Problem } from '../problem.ts';

/** The server's side of RFC 9497 for ristretto255-SHA512 in mode VOPRF, on libsodium. Elements are 32 bytes. */
export interface Voprf {
  readonly publicKey: Uint8Array;
  hashToGroup(input: Uint8Array): Uint8Array;
  /** The element times the secret key. */
  evaluate(element: Uint8Array): Uint8Array;
  /** `GenerateProof`: that all of `evaluated` are `elements` times the secret key. */
  prove(elements: readonly Uint8Array[], evaluated: readonly Uint8Array[], random?: Uint8Array): Uint8Array;
  /** The output for an element that was blinded by one: `Finalize` without unblinding. */
  output(input: Uint8Array, evaluated: Uint8Array): Uint8Array;
}

const HASH_TO_GROUP = Buffer.concat([Buffer.from('HashToGroup-'), CONTEXT]);
const HASH_TO_SCALAR = Buffer.concat([Buffer.from('HashToScalar-'), CONTEXT]);
const SEED = Buffer.concat([Buffer.from('Seed-'), CONTEXT]);
const FINALIZE = Buffer.from('Finalize');
const COMPOSITE = Buffer.from('Composite');
const CHALLENGE = Buffer.from('Challenge');

export async function createVoprf(secretKey: Uint8Array): Promise<Voprf> {
  await sodium.ready;
  if (!isScalar(secretKey)) {
    throw new Problem('keyring.damaged', 'The pseudonym key is no scalar of ristretto255.');
  }
  const publicKey = sodium.crypto_scalarmult_ristretto255_base(secretKey);
  const seed = sha512(lengthPrefixed(publicKey), lengthPrefixed(SEED));
  const multiply = (scalar: Uint8Array, element: Uint8Array) =>
    sodium.crypto_scalarmult_ristretto255(scalar, element);

  return {
    publicKey,
    hashToGroup: (input) => sodium.crypto_core_ristretto255_from_hash(expandMessage(HASH_TO_GROUP, input)),
    evaluate: (element) => multiply(secretKey, element),

    prove(elements, evaluated, random = randomScalar()) {
      let composite: Uint8Array | undefined;
      for (const [index, element] of elements.entries()) {
        const image = evaluated[index];
        if (image === undefined) throw new TypeError('as many elements as evaluated ones');
        const weight = hashToScalar(
          lengthPrefixed(seed),
          u16(index),
          lengthPrefixed(element),
          lengthPrefixed(image),
          COMPOSITE,
        );
        const weighted = multiply(weight, element);
        composite =
          composite === undefined ? weighted : sodium.crypto_core_ristretto255_add(composite, weighted);
      }
      if (composite === undefined) throw new TypeError('at least one element');
      const challenge = hashToScalar(
        lengthPrefixed(publicKey),
        lengthPrefixed(composite),
        lengthPrefixed(multiply(secretKey, composite)),
        lengthPrefixed(sodium.crypto_scalarmult_ristretto255_base(random)),
        lengthPrefixed(multiply(random, composite)),
        CHALLENGE,
      );
      const response = sodium.crypto_core_ristretto255_scalar_sub(
        random,
        sodium.crypto_core_ristretto255_scalar_mul(challenge, secretKey),
      );
      return new Uint8Array(Buffer.concat([challenge, response]));
    },

    output: (input, evaluated) => sha512(lengthPrefixed(input), lengthPrefixed(evaluated), FINALIZE),
  };
}

/** A uniform scalar: `crypto_core_ristretto255_scalar_random` draws from the same source, but through the wasm border. */
function randomScalar(): Uint8Array {
  return sodium.crypto_core_ristretto255_scalar_reduce(randomBytes(64));
}

function hashToScalar(...parts: readonly Uint8Array[]): Uint8Array {
  return sodium.crypto_core_ristretto255_scalar_reduce(expandMessage(HASH_TO_SCALAR, ...parts));
}

const BLOCK_OF_ZEROS = Buffer.alloc(128);
const LENGTH_64 = Buffer.from([0, 64]);

/** `expand_message_xmd` of RFC 9380 §5.3.1 with SHA-512, to 64 bytes: one block of output. */
function expandMessage(tag: Uint8Array, ...message: readonly Uint8Array[]): Uint8Array {
  const tagged = Buffer.concat([tag, Buffer.from([tag.length])]);
  const first = sha512(BLOCK_OF_ZEROS, ...message, LENGTH_64, Buffer.from([0]), tagged);
  return sha512(first, Buffer.from([1]), tagged);
}

function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function u16(value: number): Uint8Array {
  return Buffer.from([value >> 8, value & 0xff]);
}

function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([u16(bytes.length), bytes]);
}

/** Whether the bytes are a scalar in its one spelling, and not zero. */
function isScalar(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false;
  const reduced = sodium.crypto_core_ristretto255_scalar_add(bytes, new Uint8Array(32));
  return !sodium.is_zero(reduced) && Buffer.compare(reduced, bytes) === 0;
}
