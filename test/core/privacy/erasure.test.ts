import { expect } from 'chai';
import { TypedDataEncoder } from 'ethers';
import fc from 'fast-check';
import { fromHex, toHex } from '../../../core/bytes.ts';
import { addressOfKey } from '../../../core/chain/submission.ts';
import type { Address, Digest } from '../../../core/chain/types.ts';
import {
  bases,
  checkErasureReceipt,
  type Erased,
  type Erasure,
  erasureHash,
  erasureOf,
  erasureTypes,
  readErasureReceipt,
  recoverEraser,
  signErasure,
} from '../../../core/privacy/erasure.ts';
import { expectCode } from '../../expectCode.ts';
import { first, ledgers } from './vectors.ts';

const { ledger } = first(ledgers);
const operatorKey = new Uint8Array(32).fill(7);
const digest = `0x${'22'.repeat(32)}` as Digest;
const erasure: Erasure = { digest, what: 'entry', basis: 'request', erasedAt: 1_700_000_000n };
const receipt = signErasure(ledger, erasure, operatorKey);

describe('erasures', () => {
  for (const { ledger: on, erasures } of ledgers) {
    it(`read, hash and recover the golden receipts on chain ${on.chainId}`, () => {
      for (const { hash, json } of erasures) {
        const read = readErasureReceipt(structuredClone(json));
        expect(erasureHash(on, erasureOf(read))).to.equal(hash);
        expect(recoverEraser(on, erasureOf(read), fromHex(read.signature))).to.equal(read.operator);
        checkErasureReceipt(on, read, read.digest);
      }
    });
  }

  it('are what every EIP-712 wallet hashes', () => {
    const given = fc.record({
      digest: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHex(bytes) as Digest),
      what: fc.string({ unit: 'grapheme' }).map((name) => `field:${name}` as Erased),
      basis: fc.constantFrom(...bases),
      erasedAt: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    });
    const domain = {
      name: 'Vinculum',
      version: '1',
      chainId: ledger.chainId,
      verifyingContract: ledger.address,
    };
    fc.assert(
      fc.property(given, (one) => {
        const types = { Erasure: [...erasureTypes.Erasure] };
        expect(erasureHash(ledger, one)).to.equal(TypedDataEncoder.hash(domain, types, one));
      }),
    );
  });

  it('say who destroyed it, for the entry that they name', () => {
    expect(receipt.operator).to.equal(addressOfKey(operatorKey));
    expect(readErasureReceipt(receipt)).to.deep.equal(receipt);
    checkErasureReceipt(ledger, receipt, digest);
  });

  it('are no receipts of another entry, on another ledger, by another, or with anything changed', async () => {
    const refuse = (change: object, on = ledger, of: string = digest) =>
      expectCode('erasure.receipt', () => checkErasureReceipt(on, { ...receipt, ...change }, of));
    const other = `0x${'23'.repeat(32)}`;
    await refuse({}, ledger, other);
    await refuse({ digest: other }, ledger, other);
    await refuse({}, { ...ledger, chainId: 1n });
    await refuse({}, { ...ledger, address: `0x${'99'.repeat(20)}` as Address });
    await refuse({ operator: addressOfKey(new Uint8Array(32).fill(8)) });
    await refuse({ what: 'field:note' });
    await refuse({ basis: 'legalDuty' });
    await refuse({ erasedAt: 1 });
    await refuse({ signature: toHex(new Uint8Array(65)) });
    await refuse({ signature: '0x00' });
  });

  describe('readErasureReceipt', () => {
    for (const [why, change] of [
      ['what nobody can erase', { what: 'vehicle' }],
      ['a field without a name', { what: 'field:' }],
      ['a document that is none', { what: 'document:abc' }],
      ['a basis of its own', { basis: 'because' }],
      ['a time that is none', { erasedAt: -1 }],
      ['a further member', { more: 1 }],
      ['no signature', { signature: undefined }],
    ] as const) {
      it(`refuses ${why}`, () =>
        expectCode('erasure.malformed', () => readErasureReceipt({ ...receipt, ...change })));
    }
  });
});
