import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { getAddress, Interface, Transaction } from 'ethers';
import fc from 'fast-check';
import { encodeRecordSigned } from '../../../api/chain/contracts.ts';
import { signTransaction } from '../../../api/relay/transaction.ts';
import { toHex } from '../../../core/bytes.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../../core/chain/types.ts';
import { artifact } from '../pipeline/chain.ts';

const bytes = (options: fc.IntArrayConstraints) => fc.uint8Array(options);

describe('signTransaction', () => {
  it('writes what ethers reads, signed by the account', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 2n ** 53n }),
        fc.nat({ max: 2 ** 31 }),
        fc.bigInt({ min: 0n, max: 2n ** 90n }),
        fc.bigInt({ min: 0n, max: 2n ** 90n }),
        fc.integer({ min: 21_000, max: 60_000_000 }),
        bytes({ maxLength: 400 }),
        (chainId, nonce, tip, more, gasLimit, data) => {
          const key = randomBytes(32);
          const account = { address: addressOfKey(key), sign: (hash: Uint8Array) => signHash(hash, key) };
          const to = randomBytes(20);
          const fees = { maxPriorityFeePerGas: tip, maxFeePerGas: tip + more };
          const { raw, hash } = signTransaction({ chainId, nonce, gasLimit, to, data, ...fees }, account);
          const read = Transaction.from(toHex(raw));
          expect(read).to.include({
            type: 2,
            chainId,
            nonce,
            gasLimit: BigInt(gasLimit),
            to: getAddress(toHex(to)),
            data: toHex(data),
            value: 0n,
            hash,
            from: getAddress(account.address),
            ...fees,
          });
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('encodeRecordSigned', () => {
  it('encodes as ethers does', () => {
    const ledger = new Interface(artifact('Ledger').abi);
    const submission = fc.record({
      organisation: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((id) => id as OrganisationId),
      signer: bytes({ minLength: 20, maxLength: 20 }).map((address) => toHex(address) as Address),
      nonce: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      deadline: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      entries: bytes({ maxLength: 200 }),
      signature: bytes({ maxLength: 100 }),
    });
    fc.assert(
      fc.property(fc.array(submission, { maxLength: 5 }), (submissions) => {
        const expected = ledger.encodeFunctionData('recordSigned', [submissions]);
        expect(toHex(encodeRecordSigned(submissions))).to.equal(expected);
      }),
      { numRuns: 100 },
    );
  });
});
