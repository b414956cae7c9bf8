import { ristretto255, ristretto255_oprf } from '@noble/curves/ed25519.js';
import { expect } from 'chai';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import {
  evaluate,
  generatePseudonymKeys,
  hashToGroup,
  pseudonymInput,
  pseudonymPublicKey,
  verifyTranscript,
} from '../../../core/pseudonym/pseudonym.ts';
import { expectCode } from '../../expectCode.ts';
import { vectors } from '../../shared.ts';

type PseudonymVector = {
  identifier: string;
  secretKey: string;
  publicKey: string;
  input: string;
  evaluated: string;
  proof: string;
  subject: string;
};

const keys = generatePseudonymKeys();
const car = parseIdentifier('1M8GDM9AXKP042788');
const other = parseIdentifier('WVWZZZ3CZEE140287');

describe('pseudonym', () => {
  describe('golden vectors', () => {
    for (const vector of vectors<PseudonymVector[]>('pseudonyms.json')) {
      it(`fixes the one subject of ${vector.identifier}`, () => {
        const identifier = parseIdentifier(vector.identifier);
        expect(toHex(pseudonymInput(identifier))).to.equal(vector.input);
        expect(toHex(pseudonymPublicKey(fromHex(vector.secretKey)))).to.equal(vector.publicKey);
        const transcript = { evaluated: fromHex(vector.evaluated), proof: fromHex(vector.proof) };
        expect(verifyTranscript(identifier, transcript, fromHex(vector.publicKey))).to.equal(vector.subject);
        const again = evaluate(
          { secretKey: fromHex(vector.secretKey), publicKey: fromHex(vector.publicKey) },
          identifier,
        );
        expect(again.subject).to.equal(vector.subject);
        expect(toHex(again.transcript.evaluated)).to.equal(vector.evaluated);
      });
    }
  });

  it('gives an identifier the same subject every time, though proofs are random', () => {
    const first = evaluate(keys, car);
    const second = evaluate(keys, car);
    expect(first.subject).to.equal(second.subject);
    expect(toHex(first.transcript.proof)).not.to.equal(toHex(second.transcript.proof));
    expect(verifyTranscript(car, second.transcript, keys.publicKey)).to.equal(first.subject);
  });

  it('keeps the fields of identifiers apart', () => {
    const left = pseudonymInput(parseIdentifier('serial:ab:c1'));
    const right = pseudonymInput(parseIdentifier('serial:a:bc1'));
    expect(toHex(left)).not.to.equal(toHex(right));
  });

  describe('verifyTranscript refuses', () => {
    const { transcript } = evaluate(keys, car);
    const refused = (work: () => unknown) => expectCode('pseudonym.invalidTranscript', work);

    it('a transcript for another identifier', () =>
      refused(() => verifyTranscript(other, transcript, keys.publicKey)));

    it('a transcript under another key', () =>
      refused(() => verifyTranscript(car, transcript, generatePseudonymKeys().publicKey)));

    it('an honest proof about a foreign blinded element: absence could be forged with it', () => {
      // The operator evaluates another element than HashToGroup(identifier) and proves *that* evaluation honestly.
      const foreign = ristretto255.Point.BASE.multiply(12345n).toBytes();
      const forged = ristretto255_oprf.voprf.blindEvaluate(keys.secretKey, keys.publicKey, foreign);
      return refused(() => verifyTranscript(car, forged, keys.publicKey));
    });

    it('an evaluated element of another identifier with the proof of this one', () => {
      const elsewhere = ristretto255_oprf.voprf.blindEvaluate(
        keys.secretKey,
        keys.publicKey,
        hashToGroup(pseudonymInput(other)),
      );
      return refused(() =>
        verifyTranscript(car, { ...transcript, evaluated: elsewhere.evaluated }, keys.publicKey),
      );
    });

    it('the identity element, a short proof, and every flipped byte', async () => {
      await refused(() =>
        verifyTranscript(car, { ...transcript, evaluated: new Uint8Array(32) }, keys.publicKey),
      );
      await refused(() =>
        verifyTranscript(car, { ...transcript, proof: transcript.proof.subarray(1) }, keys.publicKey),
      );
      for (let index = 0; index < 96; index += 5) {
        const evaluated = transcript.evaluated.slice();
        const proof = transcript.proof.slice();
        if (index < 32) evaluated[index] = (evaluated[index] ?? 0) ^ 1;
        else proof[index - 32] = (proof[index - 32] ?? 0) ^ 1;
        await refused(() => verifyTranscript(car, { evaluated, proof }, keys.publicKey));
      }
    });
  });
});
