/** Writes the golden vectors of pseudonyms and blocks: `node scripts/vectors/core.ts`. */
import { createCipheriv, createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { fromHex, toHex, utf8 } from '../../core/bytes.ts';
import { digestOf } from '../../core/envelope/block.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { evaluate, pseudonymInput } from '../../core/pseudonym/pseudonym.ts';

function write(name: string, value: unknown): void {
  writeFileSync(
    new URL(`../../test/vectors/${name}`, import.meta.url),
    `${JSON.stringify(value, null, 2)}\n`,
  );
}

/** The seed and info of RFC 9497 appendix A, so that the keys are the RFC's own. */
const keys = ristretto255_oprf.voprf.deriveKeyPair(fromHex(`0x${'a3'.repeat(32)}`), utf8('test key'));

const identifiers = [
  'vin:1M8GDM9AXKP042788',
  'vin:WVWZZZ3CZEE140287',
  'registration:FR:FR000001',
  'batch:maker.example:L-77/b',
  'serial:4012345000009:A:B',
];

write(
  'pseudonyms.json',
  identifiers.map((text) => {
    const identifier = parseIdentifier(text);
    const { subject, transcript } = evaluate(keys, identifier);
    return {
      identifier: text,
      secretKey: toHex(keys.secretKey),
      publicKey: toHex(keys.publicKey),
      input: toHex(pseudonymInput(identifier)),
      evaluated: toHex(transcript.evaluated),
      proof: toHex(transcript.proof),
      subject,
    };
  }),
);

/** Made with Node's own AES, so that the vector does not come from the code it checks. */
function referenceBlock(plaintext: Uint8Array, key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const commitment = createHash('sha256').update('vinculum/block/1').update(key).update(nonce).digest();
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return Buffer.concat([commitment, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

write(
  'blocks.json',
  ['', '{"vinculum":1}', 'é😀'.repeat(100)].map((plaintext, index) => {
    const key = createHash('sha256').update(`key ${index}`).digest();
    const nonce = createHash('sha256').update(`nonce ${index}`).digest().subarray(0, 12);
    const block = referenceBlock(utf8(plaintext), key, nonce);
    const digest = digestOf(block);
    return {
      plaintext,
      key: toHex(key),
      nonce: toHex(nonce),
      block: toHex(block),
      digest,
      cid: cidOf(digest),
    };
  }),
);
