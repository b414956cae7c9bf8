import { readFileSync } from 'node:fs';
import { ristretto255_oprf } from '@noble/curves/ed25519.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { createEvaluator } from '../../../api/pseudonym/evaluator.ts';
import { createVoprf } from '../../../api/pseudonym/voprf.ts';
import { equalBytes } from '../../../core/bytes.ts';
import { normaliseIdentifier } from '../../../core/identifiers/identifier.ts';
import {
  evaluate,
  generatePseudonymKeys,
  hashToGroup,
  pseudonymPublicKey,
  verifyTranscript,
} from '../../../core/pseudonym/pseudonym.ts';
import { expectCode } from '../../expectCode.ts';

interface Vectors {
  readonly skSm: string;
  readonly pkSm: string;
  readonly vectors: readonly {
    readonly inputs: readonly string[];
    readonly blinds: readonly string[];
    readonly blindedElements: readonly string[];
    readonly evaluatedElements: readonly string[];
    readonly proofRandomScalar: string;
    readonly proof: string;
    readonly outputs: readonly string[];
  }[];
}

const rfc = JSON.parse(
  readFileSync(new URL('../../vectors/rfc9497.json', import.meta.url), 'utf8'),
) as Vectors;
const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');
const at = <T>(items: readonly T[], index: number): T => {
  const item = items[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
};

describe('RFC 9497, ristretto255-SHA512, mode VOPRF: the official vectors', () => {
  const secretKey = bytes(rfc.skSm);

  for (const [number, vector] of rfc.vectors.entries()) {
    describe(`vector ${number + 1}`, () => {
      const elements = vector.blindedElements.map(bytes);

      it('holds for the evaluator (libsodium)', async () => {
        const voprf = await createVoprf(secretKey);
        expect(hex(voprf.publicKey)).to.equal(rfc.pkSm);
        for (const [index, input] of vector.inputs.entries()) {
          // The blinded element is the input's own times the blind.
          const blinding = await createVoprf(bytes(at(vector.blinds, index)));
          const blinded = blinding.evaluate(voprf.hashToGroup(bytes(input)));
          expect(hex(blinded)).to.equal(vector.blindedElements[index]);
        }
        const evaluated = elements.map((element) => voprf.evaluate(element));
        expect(evaluated.map(hex)).to.deep.equal(vector.evaluatedElements);
        expect(hex(voprf.prove(elements, evaluated, bytes(vector.proofRandomScalar)))).to.equal(vector.proof);
        for (const [index, input] of vector.inputs.entries()) {
          // Blinded by one, the evaluated element is the unblinded one, and so is the output.
          const unblinded = voprf.evaluate(voprf.hashToGroup(bytes(input)));
          expect(hex(voprf.output(bytes(input), unblinded))).to.equal(vector.outputs[index]);
        }
      });

      it('holds for core (noble)', () => {
        const { voprf, oprf } = ristretto255_oprf;
        expect(hex(pseudonymPublicKey(secretKey))).to.equal(rfc.pkSm);
        expect(hex(hashToGroup(bytes('00')))).to.have.length(64);
        const evaluated = vector.evaluatedElements.map(bytes);
        expect(elements.map((element) => hex(oprf.blindEvaluate(secretKey, element)))).to.deep.equal(
          vector.evaluatedElements,
        );
        const outputs = voprf.finalizeBatch(
          vector.inputs.map((input, index) => ({
            input: bytes(input),
            blind: bytes(at(vector.blinds, index)),
            evaluated: at(evaluated, index),
            blinded: at(elements, index),
          })),
          bytes(rfc.pkSm),
          bytes(vector.proof),
        );
        expect(outputs.map(hex)).to.deep.equal(vector.outputs);
      });
    });
  }
});

describe('createEvaluator', () => {
  const keys = generatePseudonymKeys();
  const identifiers = fc
    .tuple(
      fc.constantFrom('batch', 'serial', 'software'),
      fc.stringMatching(/^[a-z0-9.-]{1,64}$/),
      fc.stringMatching(/^[!-~]{1,64}$/),
    )
    .map(([type, scope, value]) => normaliseIdentifier({ type, scope, value }));

  it('agrees with core on random identifiers, and core accepts its proofs', async () => {
    const evaluator = await createEvaluator({ secretKey: keys.secretKey });
    expect(equalBytes(evaluator.publicKey, keys.publicKey)).to.equal(true);
    fc.assert(
      fc.property(identifiers, (identifier) => {
        const expected = evaluate(keys, identifier);
        const { subject, transcript } = evaluator.evaluate(identifier);
        expect(subject).to.equal(expected.subject);
        expect(evaluator.subject(identifier)).to.equal(expected.subject);
        expect(hex(transcript.evaluated)).to.equal(hex(expected.transcript.evaluated));
        expect(verifyTranscript(identifier, transcript, keys.publicKey)).to.equal(expected.subject);
      }),
      { numRuns: 25 },
    );
  });

  it('gives a transcript that proves nothing of another identifier or under another key', async () => {
    const evaluator = await createEvaluator({ secretKey: keys.secretKey });
    const one = normaliseIdentifier({ type: 'batch', scope: 'maker.example', value: 'A1' });
    const other = normaliseIdentifier({ type: 'batch', scope: 'maker.example', value: 'A2' });
    const { transcript } = evaluator.evaluate(one);
    const code = 'pseudonym.invalidTranscript';
    await expectCode(code, () => verifyTranscript(other, transcript, keys.publicKey));
    await expectCode(code, () => verifyTranscript(one, transcript, generatePseudonymKeys().publicKey));
  });

  it('computes the same when it has forgotten', async () => {
    const evaluator = await createEvaluator({ secretKey: keys.secretKey, cacheSize: 2 });
    const all = [1, 2, 3, 4, 5].map((value) =>
      normaliseIdentifier({ type: 'serial', scope: 'maker.example', value: `S${value}` }),
    );
    const first = all.map((identifier) => evaluator.subject(identifier));
    expect(new Set(first)).to.have.property('size', 5);
    expect(all.map((identifier) => evaluator.evaluate(identifier).subject)).to.deep.equal(first);
  });

  it('keeps apart identifiers whose texts run together', async () => {
    const evaluator = await createEvaluator({ secretKey: keys.secretKey });
    const one = normaliseIdentifier({ type: 'batch', scope: 'a', value: 'b:c' });
    const other = normaliseIdentifier({ type: 'batch', scope: 'a.b', value: 'c' });
    expect(evaluator.subject(one)).not.to.equal(evaluator.subject(other));
  });

  it('refuses what is no scalar', async () => {
    for (const secretKey of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31).fill(1)]) {
      await expectCode('keyring.damaged', () => createEvaluator({ secretKey }));
    }
  });
});
