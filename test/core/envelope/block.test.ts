import { createCipheriv, createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { CID } from 'multiformats/cid';
import { fromHex, fromUtf8, toHex, utf8 } from '../../../core/bytes.ts';
import {
  BLOCK_OVERHEAD,
  digestOf,
  encryptBlock,
  openBlock,
  secureRandom,
} from '../../../core/envelope/block.ts';
import { cidOf, digestOfCid } from '../../../core/envelope/cid.ts';
import { expectCode } from '../../expectCode.ts';
import { vectors } from '../../shared.ts';

type BlockVector = {
  plaintext: string;
  key: string;
  nonce: string;
  block: string;
  digest: string;
  cid: string;
};

describe('block', () => {
  describe('golden vectors', () => {
    vectors<BlockVector[]>('blocks.json').forEach((vector, index) => {
      it(`opens and makes block ${index}`, () => {
        const block = fromHex(vector.block);
        expect(fromUtf8(openBlock(block, fromHex(vector.key)))).to.equal(vector.plaintext);
        const made = encryptBlock(utf8(vector.plaintext), fromHex(vector.key), () => fromHex(vector.nonce));
        expect(toHex(made)).to.equal(vector.block);
        expect(digestOf(block)).to.equal(vector.digest);
        expect(cidOf(digestOf(block))).to.equal(vector.cid);
        expect(CID.parse(vector.cid).toString()).to.equal(vector.cid);
      });
    });
  });

  it('opens what it encrypted, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (plaintext, at) => {
        const key = secureRandom(32);
        const block = encryptBlock(plaintext, key);
        expect(block.length).to.equal(plaintext.length + BLOCK_OVERHEAD);
        expect(openBlock(block, key)).to.deep.equal(plaintext);
        const altered = block.slice();
        altered[at % block.length] = (altered[at % block.length] ?? 0) ^ 0x40;
        expect(() => openBlock(altered, key)).to.throw();
      }),
    );
  });

  it('never gives two blocks for one text the same bytes', () => {
    const key = secureRandom(32);
    expect(toHex(encryptBlock(utf8('x'), key))).not.to.equal(toHex(encryptBlock(utf8('x'), key)));
  });

  it('refuses another key, though GCM alone could be made to accept it', async () => {
    const block = encryptBlock(utf8('text'), secureRandom(32));
    await expectCode('block.wrongKey', () => openBlock(block, secureRandom(32)));
    // A ciphertext under another key with this block's nonce but its commitment kept.
    const other = secureRandom(32);
    const cipher = createCipheriv('aes-256-gcm', other, block.subarray(32, 44));
    const forged = Buffer.concat([
      block.subarray(0, 44),
      cipher.update('text'),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    await expectCode('block.wrongKey', () => openBlock(forged, other));
  });

  it('tells corruption from a wrong key', async () => {
    const key = secureRandom(32);
    const block = encryptBlock(utf8('text'), key);
    block[block.length - 1] = (block[block.length - 1] ?? 0) ^ 1;
    await expectCode('block.corrupt', () => openBlock(block, key));
    await expectCode('block.malformed', () => openBlock(block.subarray(0, 59), key));
    await expectCode('block.malformed', () => openBlock(block, key.subarray(1)));
  });

  it('has the digest that any SHA-256 gives', () => {
    const block = secureRandom(100);
    expect(digestOf(block)).to.equal(`0x${createHash('sha256').update(block).digest('hex')}`);
  });

  describe('digestOfCid', () => {
    it('reads back every CID it writes', () => {
      const digest = digestOf(secureRandom(10));
      expect(digestOfCid(cidOf(digest))).to.equal(digest);
    });
    for (const cid of [
      '',
      'b',
      'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG',
      'bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64',
    ]) {
      it(`refuses ${cid || 'nothing'}`, () => expectCode('cid.notABlock', () => digestOfCid(cid)));
    }
  });
});
