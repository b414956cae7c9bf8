import { secp256k1 } from '@noble/curves/secp256k1.js';
import { expect } from 'chai';
import { AbiCoder, getBytes, keccak256, TypedDataEncoder, Wallet } from 'ethers';
import fc from 'fast-check';
import { concat, fromHex, type Hex, toHex } from '../../../core/bytes.ts';
import { nextDirectoryHead } from '../../../core/chain/directory.ts';
import { MAX_ENTRIES, packEntries, unpackEntries } from '../../../core/chain/entry.ts';
import { formatLedgerId, parseLedgerId } from '../../../core/chain/ledgerId.ts';
import { foldLinks, nextHead } from '../../../core/chain/link.ts';
import {
  nextOrganisationHead,
  type OrganisationChange,
  standingAt,
} from '../../../core/chain/organisation.ts';
import {
  DOMAIN_NAME,
  DOMAIN_VERSION,
  recoverSigner,
  signSubmission,
  submissionHash,
  submissionTypes,
} from '../../../core/chain/submission.ts';
import {
  type Address,
  type Digest,
  type Head,
  type OrganisationId,
  type Subject,
  ZERO_HEAD,
} from '../../../core/chain/types.ts';
import { expectCode } from '../../expectCode.ts';

const coder = AbiCoder.defaultAbiCoder();
const word32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHex(bytes));
const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => toHex(bytes) as Address);
const uint = (bits: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n });

describe('chain', () => {
  describe('nextHead', () => {
    it('is keccak256(abi.encode(…)) for every organisation’s link', () => {
      fc.assert(
        fc.property(
          word32,
          fc.nat(255),
          uint(64),
          uint(64),
          word32,
          (head, kind, organisation, timestamp, digest) => {
            const expected = keccak256(
              coder.encode(
                ['bytes32', 'uint8', 'uint64', 'uint256', 'bytes32'],
                [head, kind, organisation, timestamp, digest],
              ),
            );
            const link = {
              kind,
              organisation: organisation as OrganisationId,
              timestamp,
              digest: digest as Digest,
            };
            expect(nextHead(head as Head, link)).to.equal(expected);
          },
        ),
      );
    });

    it('is keccak256(abi.encode(…)) for every module’s link', () => {
      fc.assert(
        fc.property(
          word32,
          fc.nat(255),
          address,
          address,
          uint(64),
          word32,
          word32,
          (head, kind, module, actor, timestamp, digest, actionHash) => {
            const expected = keccak256(
              coder.encode(
                ['bytes32', 'uint8', 'address', 'address', 'uint256', 'bytes32', 'bytes32'],
                [head, kind, module, actor, timestamp, digest, actionHash],
              ),
            );
            const link = { kind, module, actor, timestamp, digest: digest as Digest, actionHash };
            expect(nextHead(head as Head, link)).to.equal(expected);
          },
        ),
      );
    });

    it('changes with every omitted, added, reordered or altered link', () => {
      const link = fc.record({
        kind: fc.nat(255),
        organisation: uint(64).map((id) => id as OrganisationId),
        timestamp: uint(40),
        digest: word32.map((digest) => digest as Digest),
      });
      fc.assert(
        fc.property(fc.array(link, { minLength: 2, maxLength: 12 }), fc.nat(), (links, at) => {
          const index = at % links.length;
          const head = foldLinks(links);
          expect(foldLinks(links.toSpliced(index, 1))).not.to.equal(head);
          expect(foldLinks([...links, ...links.slice(-1)])).not.to.equal(head);
          const [first, second] = links;
          if (JSON.stringify(first, String) !== JSON.stringify(second, String)) {
            expect(foldLinks([...links.slice(1, 2), ...links.slice(0, 1), ...links.slice(2)])).not.to.equal(
              head,
            );
          }
        }),
      );
    });

    it('is zero before the first entry', () => expect(foldLinks([])).to.equal(ZERO_HEAD));
  });

  describe('entries', () => {
    const entry = fc.record({
      kind: fc.nat(255),
      subject: word32.map((subject) => subject as Subject),
      digest: word32.map((digest) => digest as Digest),
    });

    it('read back as they were packed', () => {
      fc.assert(
        fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
          expect(unpackEntries(packEntries(entries))).to.deep.equal(entries);
        }),
      );
    });

    it('are 1 to 512 times 65 bytes', async () => {
      await expectCode('submission.entries', () => packEntries([]));
      await expectCode('submission.entries', () => unpackEntries(new Uint8Array(0)));
      await expectCode('submission.entries', () => unpackEntries(new Uint8Array(66)));
      await expectCode('submission.entries', () => unpackEntries(new Uint8Array(65 * (MAX_ENTRIES + 1))));
      await expectCode('entry.kind', () =>
        packEntries([
          { kind: 256, subject: `0x${'00'.repeat(32)}` as Subject, digest: `0x${'00'.repeat(32)}` as Digest },
        ]),
      );
    });
  });

  describe('submission', () => {
    const submission = {
      organisation: 3n as OrganisationId,
      entries: new Uint8Array(65).fill(7),
      nonce: 256n,
      deadline: 1_800_000_000n,
    };
    const ledger = { chainId: 31337n, address: `0x${'c0'.repeat(20)}` as Address };
    const secretKey = secp256k1.utils.randomSecretKey();

    it('hashes as EIP-712 says, by an independent encoder', () => {
      const expected = TypedDataEncoder.hash(
        {
          name: DOMAIN_NAME,
          version: DOMAIN_VERSION,
          chainId: ledger.chainId,
          verifyingContract: ledger.address,
        },
        { Submission: [...submissionTypes.Submission] },
        submission,
      );
      expect(submissionHash(ledger, submission)).to.equal(expected);
    });

    it('is signed as any wallet signs', async () => {
      const wallet = new Wallet(toHex(secretKey));
      const signed = signSubmission(ledger, submission, secretKey);
      const byWallet = await wallet.signTypedData(
        {
          name: DOMAIN_NAME,
          version: DOMAIN_VERSION,
          chainId: ledger.chainId,
          verifyingContract: ledger.address,
        },
        { Submission: [...submissionTypes.Submission] },
        submission,
      );
      expect(signed.signer).to.equal(wallet.address.toLowerCase());
      expect(recoverSigner(fromHex(submissionHash(ledger, submission)), signed.signature)).to.equal(
        signed.signer,
      );
      expect(recoverSigner(fromHex(submissionHash(ledger, submission)), getBytes(byWallet))).to.equal(
        signed.signer,
      );
    });

    it('recovers nobody from garbage, a high s, or another length', () => {
      const hash = fromHex(submissionHash(ledger, submission));
      const { signature } = signSubmission(ledger, submission, secretKey);
      const n = secp256k1.Point.Fn.ORDER;
      const s = BigInt(toHex(signature.subarray(32, 64)));
      const high = fromHex(`0x${(n - s).toString(16).padStart(64, '0')}`);
      const mirrored = concat(
        signature.subarray(0, 32),
        high,
        new Uint8Array([signature[64] === 27 ? 28 : 27]),
      );
      expect(recoverSigner(hash, mirrored)).to.equal(null);
      expect(recoverSigner(hash, new Uint8Array(65))).to.equal(null);
      expect(recoverSigner(hash, signature.subarray(1))).to.equal(null);
      expect(recoverSigner(hash, new Uint8Array(0))).to.equal(null);
    });
  });

  describe('organisation', () => {
    it('folds changes as the contract does', () => {
      fc.assert(
        fc.property(
          word32,
          fc.integer({ min: 1, max: 9 }),
          uint(64),
          word32,
          (head, change, timestamp, value) => {
            const expected = keccak256(
              coder.encode(['bytes32', 'uint8', 'uint256', 'bytes32'], [head, change, timestamp, value]),
            );
            const link = { change, timestamp, value } as OrganisationChange;
            expect(nextOrganisationHead(head as Head, link)).to.equal(expected);
          },
        ),
      );
    });

    it('says who was in good standing on a day, and with which keys', () => {
      const signer = `0x${'5a'.repeat(20)}`;
      const padded = `0x${'00'.repeat(12)}${'5a'.repeat(20)}` as Hex;
      const zero = ZERO_HEAD as Hex;
      const record: OrganisationChange[] = [
        { change: 1, timestamp: 10n, value: padded },
        { change: 4, timestamp: 10n, value: toHex(new Uint8Array(32).fill(1)) },
        { change: 7, timestamp: 20n, value: padded },
        { change: 2, timestamp: 30n, value: zero },
        { change: 3, timestamp: 40n, value: zero },
        { change: 8, timestamp: 50n, value: padded },
        { change: 9, timestamp: 60n, value: `0x${'00'.repeat(31)}09` as Hex },
      ];
      expect(standingAt(record, 9n).status).to.equal('unknown');
      expect([...standingAt(record, 29n).signers]).to.deep.equal([signer]);
      expect(standingAt(record, 30n).status).to.equal('suspended');
      expect(standingAt(record, 45n).status).to.equal('good');
      expect([...standingAt(record).signers]).to.deep.equal([]);
      expect(standingAt(record).successor).to.equal(9n);
    });
  });

  describe('directory', () => {
    it('folds added and closed ledgers as the contract does', () => {
      fc.assert(
        fc.property(
          word32,
          uint(64),
          address,
          address,
          word32,
          word32,
          (head, chainId, ledger, organisations, codeHash, pseudonymKey) => {
            const added = keccak256(
              coder.encode(
                ['bytes32', 'uint256', 'address', 'address', 'bytes32', 'bytes32'],
                [head, chainId, ledger, organisations, codeHash, pseudonymKey],
              ),
            );
            const link = { change: 'added', chainId, ledger, organisations, codeHash, pseudonymKey } as const;
            expect(nextDirectoryHead(head as Head, link)).to.equal(added);
            const closed = keccak256(
              coder.encode(['bytes32', 'uint256', 'uint256'], [head, chainId, chainId]),
            );
            expect(
              nextDirectoryHead(head as Head, { change: 'closed', index: chainId, closedAt: chainId }),
            ).to.equal(closed);
          },
        ),
      );
    });
  });

  describe('ledger id', () => {
    it('reads back what it writes', () => {
      const ledger = { chainId: 31337n, address: `0x${'ab'.repeat(20)}` as Address };
      expect(parseLedgerId(formatLedgerId(ledger))).to.deep.equal(ledger);
    });
    for (const text of [
      '',
      'eip155:0:0x00',
      `eip155:1:0x${'AB'.repeat(20)}`,
      `eip155:01:0x${'ab'.repeat(20)}`,
    ]) {
      it(`refuses ${JSON.stringify(text)}`, () => expectCode('ledger.invalidId', () => parseLedgerId(text)));
    }
  });
});
