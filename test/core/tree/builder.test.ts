import { createHash, createHmac, randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { concat, fromHex, lengthPrefixed, toHex } from '../../../core/bytes.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { type Identifier, parseIdentifier } from '../../../core/identifiers/identifier.ts';
import {
  BUCKET_MEMBERS,
  type BuiltSet,
  createSetBuilder,
  proveInBucket,
  type SetBucket,
  startOf,
} from '../../../core/tree/builder.ts';
import { bytesOfWords, leafInto, nodeInto, wordPositioner, wordsOfBytes } from '../../../core/tree/packed.ts';
import { verifyProof } from '../../../core/tree/proof.ts';
import { buildTree } from '../../../core/tree/tree.ts';

const serial = (number: number | string): Identifier => parseIdentifier(`serial:volta.example:S-${number}`);
const serials = (count: number): Identifier[] => Array.from({ length: count }, (_, index) => serial(index));

function build(key: Uint8Array, members: Iterable<Identifier>, expected?: number): BuiltSet {
  const builder = createSetBuilder(key, expected === undefined ? {} : { expected });
  for (const member of members) builder.add(member);
  return builder.finish();
}

/** The bucket that a position belongs to, found as a database finds it. */
function bucketOf(set: BuiltSet, start: Uint8Array): SetBucket {
  const before = [...set.buckets()].filter((bucket) => Buffer.compare(bucket.start, start) <= 0);
  const found = before.at(-1);
  if (found === undefined) throw new Error('no bucket');
  return found;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('words of the set tree', () => {
  it('hash leaves and nodes as SHA-256 does', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (left, right) => {
          const into = new Int32Array(24);
          leafInto(wordsOfBytes(left), 0, into, 8);
          expect(Buffer.from(bytesOfWords(into, 8)).toString('hex')).to.equal(
            sha256(concat(new Uint8Array([0]), left)),
          );
          into.set(wordsOfBytes(left), 0);
          into.set(wordsOfBytes(right), 16);
          nodeInto(into, 0, into, 16, into, 0);
          expect(Buffer.from(bytesOfWords(into, 0)).toString('hex')).to.equal(
            sha256(concat(new Uint8Array([1]), left, right)),
          );
        },
      ),
    );
  });

  it('take positions as HMAC-SHA-256 gives them, of values of any length', () => {
    const key = randomBytes(32);
    const place = wordPositioner(key);
    const into = new Int32Array(8);
    const type = fc.constantFrom('serial', 'vin', 'batch');
    const scope = fc.string({ maxLength: 70 });
    const value = fc.oneof(
      fc.string({ maxLength: 150 }),
      fc.string({ unit: 'grapheme', maxLength: 150 }),
      fc.string({ minLength: 190, maxLength: 260 }),
    );
    fc.assert(
      fc.property(type, scope, value, (type, scope, value) => {
        place({ type, scope, value } as unknown as Identifier, into, 0);
        const mac = createHmac('sha256', key);
        for (const text of [type, scope, value]) mac.update(lengthPrefixed(text));
        expect(Buffer.from(bytesOfWords(into)).toString('hex')).to.equal(mac.digest('hex'));
      }),
      { numRuns: 500 },
    );
  });

  it('refuse a key that is not 32 bytes', () => {
    expect(() => createSetBuilder(new Uint8Array(31)))
      .to.throw()
      .with.property('code', 'tree.key');
  });
});

describe('createSetBuilder', () => {
  it('gives the root that buildTree gives, for any set in any order', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uniqueArray(fc.integer({ min: 0, max: 100_000 }), { maxLength: 700 }),
        (key, numbers) => {
          const members = numbers.map(serial);
          const built = build(key, members);
          const tree = buildTree(key, members);
          expect(built.root).to.equal(tree.root);
          expect(built.count).to.equal(tree.count);
          expect([...built.ordinals].sort((a, b) => a - b)).to.deep.equal(numbers.map((_, index) => index));
        },
      ),
      { numRuns: 60 },
    );
  });

  for (const count of [0, 1, 2, BUCKET_MEMBERS, BUCKET_MEMBERS + 1, 20_000]) {
    it(`proves of one bucket alone what is and is not among ${count}, as buildTree does`, () => {
      const key = randomBytes(32);
      const members = serials(count);
      const built = build(key, members, count);
      const tree = buildTree(key, members);
      expect(built.root).to.equal(tree.root);
      const wanted = [
        0,
        1,
        count >> 1,
        count - 1,
        count,
        'other',
        ...Array.from({ length: 40 }, (_, i) => `x${i}`),
      ];
      for (const number of wanted.filter((each) => each !== -1)) {
        const identifier = serial(number);
        const bucket = bucketOf(built, startOf(key, identifier));
        const own = Array.from(
          built.ordinals.slice(bucket.from, bucket.to),
          (index) => members[index] as Identifier,
        );
        const proof = proveInBucket(key, bucket.siblings, own, identifier);
        expect(proof).to.deep.equal(tree.prove(identifier));
        const inside = typeof number === 'number' && number < count;
        expect(verifyProof(built.root, key, identifier, proof)).to.equal(inside ? 'in' : 'out');
      }
    });
  }

  it('keeps buckets small, without gaps and in order', () => {
    const built = build(randomBytes(32), serials(30_000));
    let last = 0;
    let previous = Buffer.alloc(0);
    for (const { start, siblings, from, to } of built.buckets()) {
      expect(from).to.equal(last);
      expect(to - from).to.be.at.most(BUCKET_MEMBERS);
      expect(siblings.length % 32).to.equal(0);
      expect(Buffer.compare(previous, start)).to.equal(-1);
      last = to;
      previous = Buffer.from(start);
    }
    expect(last).to.equal(30_000);
  });

  it('names what stands twice by the numbers under which it was added', () => {
    const builder = createSetBuilder(randomBytes(32));
    for (const number of [4, 7, 5, 7, 6, 4, 7]) builder.add(serial(number));
    try {
      builder.finish();
      expect.fail('it took duplicates');
    } catch (error) {
      expect(isVinculumError(error, 'tree.duplicate') && error.details).to.deep.equal({
        duplicates: 3,
        indexes: [1, 3],
        places: [
          [1, 3],
          [0, 5],
          [1, 6],
        ],
      });
    }
  });

  it('builds on the vectors of the tree', () => {
    const key = fromHex(`0x${'07'.repeat(32)}`);
    expect(build(key, []).root).to.equal(toHex(new Uint8Array(32)));
  });

  it('takes a hundred thousand, and keeps four bytes of each and its place in one bucket', function () {
    this.timeout(60_000);
    const built = build(randomBytes(32), serials(100_000), 100_000);
    expect(built.count).to.equal(100_000);
    expect(built.ordinals.byteLength).to.equal(400_000);
    let reached = 0;
    for (const { from, to } of built.buckets()) {
      expect(from).to.equal(reached);
      expect(to - from).to.be.at.most(BUCKET_MEMBERS);
      reached = to;
    }
    expect(reached).to.equal(100_000);
  });
});
