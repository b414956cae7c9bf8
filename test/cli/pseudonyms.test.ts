import { expect } from 'chai';
import fc from 'fast-check';
import { createTranscriptVerifier, type TranscriptVerifier } from '../../cli/pseudonyms.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import {
  evaluate,
  generatePseudonymKeys,
  hashToGroup,
  pseudonymInput,
  verifyTranscript,
} from '../../core/pseudonym/pseudonym.ts';
import { expectCode } from '../expectCode.ts';

const INVALID = 'pseudonym.invalidTranscript';

describe('createTranscriptVerifier', () => {
  const keys = generatePseudonymKeys();
  const identifier = parseIdentifier('registration:FR:FR000001');
  const other = parseIdentifier('registration:FR:FR000002');
  const { subject, transcript } = evaluate(keys, identifier);
  let verifier: TranscriptVerifier;
  before(async () => {
    verifier = await createTranscriptVerifier(keys.publicKey);
  });

  it('gives the subject that the core gives', () => {
    for (const text of ['WVWZZZ1JZXW000001', 'batch:acme.example:B-1', 'registration:FR:FR7']) {
      const each = parseIdentifier(text);
      const evaluated = evaluate(keys, each);
      expect(verifier.verify(each, evaluated.transcript)).to.equal(
        verifyTranscript(each, evaluated.transcript, keys.publicKey),
      );
    }
    expect(verifier.verify(identifier, transcript)).to.equal(subject);
  });

  it('refuses a transcript of another identifier', () =>
    expectCode(INVALID, () => verifier.verify(other, transcript)));

  it('refuses a transcript of another key', () => {
    const foreign = evaluate(generatePseudonymKeys(), identifier);
    return expectCode(INVALID, () => verifier.verify(identifier, foreign.transcript));
  });

  it('refuses an element that proves another one', () => {
    const { proof } = transcript;
    const evaluated = hashToGroup(pseudonymInput(other));
    return expectCode(INVALID, () => verifier.verify(identifier, { evaluated, proof }));
  });

  it('refuses every altered byte, as the core does', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 95 }),
        fc.integer({ min: 1, max: 255 }),
        async (index, mask) => {
          const bytes = Uint8Array.from([...transcript.evaluated, ...transcript.proof]);
          bytes[index] = (bytes[index] ?? 0) ^ mask;
          const altered = { evaluated: bytes.slice(0, 32), proof: bytes.slice(32) };
          await expectCode(INVALID, () => verifier.verify(identifier, altered));
          await expectCode(INVALID, () => verifyTranscript(identifier, altered, keys.publicKey));
        },
      ),
      { numRuns: 40 },
    ));

  for (const [name, evaluated, proof] of [
    ['too short an element', new Uint8Array(31), transcript.proof],
    ['the neutral element', new Uint8Array(32), transcript.proof],
    ['too short a proof', transcript.evaluated, new Uint8Array(63)],
    ['a proof of zeros', transcript.evaluated, new Uint8Array(64)],
    ['scalars beyond the order', transcript.evaluated, new Uint8Array(64).fill(0xff)],
  ] as const) {
    it(`refuses ${name}`, () => expectCode(INVALID, () => verifier.verify(identifier, { evaluated, proof })));
  }
});
