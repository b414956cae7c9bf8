import { createHash, createHmac, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { fromBase64Url, toBase64Url, toHex } from '../../../core/bytes.ts';
import { isVinculumError, VinculumError } from '../../../core/errors.ts';
import { type Identifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { positioner } from '../../../core/tree/position.ts';
import { type SetProof, verifyProof } from '../../../core/tree/proof.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { treeVectorsFile, treeVectorsText } from '../../../scripts/vectors/tree.ts';

const treeKey = new Uint8Array(32).fill(7);
const serial = (number: number | string): Identifier => parseIdentifier(`serial:volta.example:S${number}`);
const serials = (count: number): Identifier[] => Array.from({ length: count }, (_, index) => serial(index));

function code(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof VinculumError) return error.code;
    throw error;
  }
  return 'none';
}

/** The definition of docs/protocol.md §7, word for word and without any economy. */
function plainRoot(positions: Buffer[], depth = 0): Buffer {
  const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  const [only] = positions;
  if (only === undefined) return Buffer.alloc(32);
  if (positions.length === 1) return sha256(Buffer.from([0]), only);
  const bit = (position: Buffer) => ((position[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1;
  const left = positions.filter((position) => bit(position) === 0);
  const right = positions.filter((position) => bit(position) === 1);
  return sha256(Buffer.from([1]), plainRoot(left, depth + 1), plainRoot(right, depth + 1));
}

describe('positioner', () => {
  it('is the HMAC of the length-prefixed fields', () => {
    const message = Buffer.from('\0\x06serial\0\x0dvolta.example\0\x02S1', 'latin1');
    const wanted = toHex(createHmac('sha256', treeKey).update(message).digest());
    expect(toHex(positioner(treeKey)(serial(1)))).to.equal(wanted);
    const native = positioner(treeKey, (bytes) => hash('sha256', bytes, 'buffer'));
    expect(toHex(native(serial(1)))).to.equal(wanted);
  });

  it('refuses a key that is not 32 bytes', () => {
    expect(code(() => positioner(new Uint8Array(31)))).to.equal('tree.key');
  });
});

describe('buildTree', () => {
  it('has the root that the definition gives', () => {
    for (const count of [0, 1, 2, 3, 63, 64, 65, 500]) {
      const positions = serials(count).map((identifier) => Buffer.from(positioner(treeKey)(identifier)));
      const tree = buildTree(treeKey, serials(count));
      expect(tree.root, `${count}`).to.equal(toHex(plainRoot(positions)));
      expect(tree.count).to.equal(count);
    }
  });

  it('does not depend on the order, on the kind of iterable, nor on whose SHA-256 it uses', () => {
    const { root } = buildTree(treeKey, serials(300));
    expect(buildTree(treeKey, new Set(serials(300).reverse())).root).to.equal(root);
    const sha256 = (bytes: Uint8Array) => hash('sha256', bytes, 'buffer');
    expect(buildTree(treeKey, serials(300), { sha256 }).root).to.equal(root);
    expect(buildTree(new Uint8Array(32), serials(300)).root).to.not.equal(root);
  });

  it('refuses an identifier that stands twice, and says which', () => {
    try {
      buildTree(treeKey, [...serials(100), serial(42)]);
      expect.fail('accepted');
    } catch (error) {
      expect(isVinculumError(error, 'tree.duplicate') && error.details).to.deep.equal({
        identifier: 'serial:volta.example:S42',
        indexes: [42, 100],
      });
    }
  });
});

describe('verifyProof', () => {
  it('proves every element in and every other out', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { maxLength: 150 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (members, key) => {
          const tree = buildTree(key, members.map(serial));
          for (let number = 0; number <= 200; number++) {
            const verdict = verifyProof(tree.root, key, serial(number), tree.prove(serial(number)));
            expect(verdict).to.equal(members.includes(number) ? 'in' : 'out');
            expect(tree.has(serial(number))).to.equal(verdict === 'in');
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('lets no mutation of a proof pass', () => {
    const tree = buildTree(treeKey, serials(200));
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url);
    const sibling = fc.oneof(bytes32, fc.constant(''));
    type Mutation = (proof: SetProof) => SetProof;
    const mutation: fc.Arbitrary<Mutation> = fc.oneof(
      fc.record({ at: fc.nat(12), to: sibling }).map(
        ({ at, to }): Mutation =>
          (proof) => ({ ...proof, siblings: proof.siblings.with(at % proof.siblings.length, to) }),
      ),
      fc.record({ at: fc.nat(12), bit: fc.nat(255) }).map(
        ({ at, bit }): Mutation =>
          (proof) => {
            const index = at % proof.siblings.length;
            return {
              ...proof,
              siblings: proof.siblings.with(index, flipped(proof.siblings[index] ?? '', bit)),
            };
          },
      ),
      fc.nat(12).map(
        (at): Mutation =>
          (proof) => ({ ...proof, siblings: proof.siblings.toSpliced(at % proof.siblings.length, 1) }),
      ),
      fc.record({ at: fc.nat(12), to: sibling }).map(
        ({ at, to }): Mutation =>
          (proof) => ({ ...proof, siblings: proof.siblings.toSpliced(at, 0, to) }),
      ),
      fc.oneof(bytes32, fc.constant(null)).map(
        (leaf): Mutation =>
          (proof) => ({ ...proof, leaf }),
      ),
      fc.nat(255).map(
        (bit): Mutation =>
          (proof) => ({ ...proof, leaf: flipped(proof.leaf ?? '', bit) }),
      ),
      fc.nat(400).map(
        (other): Mutation =>
          () =>
            tree.prove(serial(other)),
      ),
    );
    fc.assert(
      fc.property(fc.nat(400), fc.array(mutation, { minLength: 1, maxLength: 3 }), (number, mutations) => {
        const proof = tree.prove(serial(number));
        const mutated = mutations.reduce((result, mutate) => mutate(result), proof);
        fc.pre(JSON.stringify(mutated) !== JSON.stringify(proof));
        expect(code(() => verifyProof(tree.root, treeKey, serial(number), mutated))).to.equal(
          'tree.invalidProof',
        );
      }),
      { numRuns: 1500 },
    );
  });

  it('does not take a proof under another root, another key or for another identifier', () => {
    const tree = buildTree(treeKey, serials(200));
    const proof = tree.prove(serial(3));
    const other = buildTree(treeKey, serials(201)).root;
    expect(code(() => verifyProof(other, treeKey, serial(3), proof))).to.equal('tree.invalidProof');
    expect(code(() => verifyProof('0x', treeKey, serial(3), proof))).to.equal('tree.invalidProof');
    expect(code(() => verifyProof(tree.root, new Uint8Array(32), serial(3), proof))).to.equal(
      'tree.invalidProof',
    );
    expect(code(() => verifyProof(tree.root, treeKey, serial(4), proof))).to.equal('tree.invalidProof');
  });

  it('does not take an inner node for a leaf, nor a longer path below an empty sibling', () => {
    const tree = buildTree(treeKey, serials(1));
    const { leaf } = tree.prove(serial(0));
    const lengthened = { siblings: [''], leaf };
    expect(code(() => verifyProof(tree.root, treeKey, serial(0), lengthened))).to.equal('tree.invalidProof');
    const sha256 = (bytes: Uint8Array) => hash('sha256', bytes, 'buffer');
    // The root that a careless builder would get by not collapsing a single element.
    const careless = toHex(
      sha256(Buffer.concat([Buffer.from([1]), sha256(Buffer.from([0])), Buffer.alloc(32)])),
    );
    expect(code(() => verifyProof(careless, treeKey, serial(0), lengthened))).to.equal('tree.invalidProof');
  });

  it('answers garbage with its code', () => {
    const { root } = buildTree(treeKey, serials(5));
    const text = toBase64Url(new Uint8Array(32).fill(1));
    const cases: unknown[] = [
      { siblings: [], leaf: null, more: 1 },
      { siblings: Array(257).fill(text), leaf: null },
      { siblings: [toBase64Url(new Uint8Array(32))], leaf: null },
      { siblings: [`${text.slice(0, 42)}=`], leaf: null },
      { siblings: [`${text.slice(0, 42)}F`], leaf: null },
      { siblings: [text], leaf: '' },
    ];
    for (const proof of cases) {
      expect(code(() => verifyProof(root, treeKey, serial(1), proof))).to.equal('tree.invalidProof');
    }
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (proof, siblings, leaf) => {
        expect(code(() => verifyProof(root, treeKey, serial(1), proof))).to.equal('tree.invalidProof');
        expect(code(() => verifyProof(root, treeKey, serial(1), { siblings, leaf }))).to.equal(
          'tree.invalidProof',
        );
      }),
    );
  });

  it('reproduces the golden vectors', () => {
    expect(readFileSync(treeVectorsFile, 'utf8')).to.equal(treeVectorsText());
    const { treeKey: key, sets } = JSON.parse(readFileSync(treeVectorsFile, 'utf8'));
    for (const { root, proofs } of sets) {
      for (const { identifier, proof, verdict } of proofs) {
        expect(verifyProof(root, fromBase64Url(key), parseIdentifier(identifier), proof)).to.equal(verdict);
      }
    }
  });
});

function flipped(text: string, bit: number): string {
  if (text === '') return toBase64Url(new Uint8Array(32).fill(1, 0, 1));
  const bytes = fromBase64Url(text);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return toBase64Url(bytes);
}
