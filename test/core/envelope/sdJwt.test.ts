import { sha256 } from '@noble/hashes/sha2.js';
import { pack } from '@sd-jwt/core';
import { getClaimsSync } from '@sd-jwt/decode';
import { Disclosure } from '@sd-jwt/utils';
import { expect } from 'chai';
import fc from 'fast-check';
import { toBase64Url, utf8 } from '../../../core/bytes.ts';
import type { Json } from '../../../core/canonical.ts';
import {
  disclosureDigest,
  openDisclosure,
  openDisclosures,
  sealData,
} from '../../../core/envelope/disclosure.ts';

/*
 * Our disclosures against those of sd-jwt-js (OpenWallet Foundation), in both directions: what either seals the other
 * opens, to the same values, with the same digests.
 */

const hasher = (data: string | ArrayBuffer): Uint8Array =>
  sha256(typeof data === 'string' ? utf8(data) : new Uint8Array(data));
const hash = { hasher, alg: 'sha-256' };

/** Names and values as SD-JWT allows them: anything of JSON, but for its reserved names. */
const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => !/^(?:_sd|_sd_alg|\.\.\.|__proto__)$/.test(text));
const value = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.integer(),
  fc.boolean(),
  fc.record({ amount: fc.string(), currency: fc.constant('EUR') }),
  fc.array(fc.string({ unit: 'grapheme' })),
) as fc.Arbitrary<Json>;
const fields = fc.dictionary(name, value, { minKeys: 1, maxKeys: 8, noNullPrototype: true });

const hasPlainNames = (given: object): boolean =>
  Object.keys(given).every((key) => !(key in Object.prototype));

/** The library types frames by the claims, which are anything here. */
const sealAll = (names: string[]) => ({ _sd: names }) as Parameters<typeof pack>[1];

describe('disclosures and sd-jwt-js', () => {
  it('opens what we seal, to the same claims', () => {
    fc.assert(
      fc.property(fields, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (given, shown) => {
        const { data, disclosures } = sealData({}, given);
        const open = disclosures.filter((_, index) => shown[index] === true);
        const theirs = open.map((text) => Disclosure.fromEncodeSync(text, hash));
        for (const [index, disclosure] of theirs.entries()) {
          expect(disclosure.digestSync(hash)).to.equal(disclosureDigest(open[index] ?? ''));
        }
        const claims = getClaimsSync<Record<string, Json>>({ ...data, _sd_alg: 'sha-256' }, theirs, hasher);
        expect(claims).to.deep.equal({ ...openDisclosures(data, open) });
      }),
    );
  });

  it('seals what we open, to the same digests', async () => {
    await fc.assert(
      // `pack` takes members of Object.prototype for parts of its frame, and seals another value than it is given.
      fc.asyncProperty(fields.filter(hasPlainNames), async (given) => {
        const names = Object.keys(given);
        let count = 0;
        const salt = (): string => toBase64Url(sha256(utf8(String(count++))).subarray(0, 16));
        const { packedClaims, disclosures } = await pack(
          given as Record<string, unknown>,
          sealAll(names),
          hash,
          salt,
        );
        const theirs = packedClaims as { _sd: string[] };
        const texts = disclosures.map((disclosure) => disclosure.encode());
        expect(texts.map(disclosureDigest).sort()).to.deep.equal([...theirs._sd].sort());
        expect({ ...openDisclosures({ _sd: theirs._sd }, texts) }).to.deep.equal({ ...given });
        for (const text of texts) expect(names).to.include(openDisclosure(text).name);
      }),
      { numRuns: 30 },
    );
  });

  it('seals the same text for the same salt', () => {
    const salt = new Uint8Array(16).fill(5);
    const { disclosures } = sealData({}, { holderName: '王芳' }, () => salt);
    const theirs = new Disclosure([toBase64Url(salt), 'holderName', '王芳']);
    expect(disclosures).to.deep.equal([theirs.encode()]);
  });
});
