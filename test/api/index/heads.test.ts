import { expect } from 'chai';
import fc from 'fast-check';
import {
  afterChange,
  afterEntry,
  afterLedgerAdded,
  afterLedgerClosed,
  afterModuleEntry,
} from '../../../api/index/heads.ts';
import { type Hex, toHex } from '../../../core/bytes.ts';
import { nextDirectoryHead } from '../../../core/chain/directory.ts';
import { nextHead } from '../../../core/chain/link.ts';
import { type ChangeNumber, nextOrganisationHead } from '../../../core/chain/organisation.ts';
import type { Address, Digest, Head, OrganisationId } from '../../../core/chain/types.ts';

const word = fc.uint8Array({ minLength: 32, maxLength: 32 });
const address = fc.uint8Array({ minLength: 20, maxLength: 20 });
const seconds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const kind = fc.integer({ min: 0, max: 255 });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });

describe('the heads of the index are those of core:', () => {
  it('an entry of an organisation', () => {
    fc.assert(
      fc.property(word, kind, uint64, seconds, word, (head, number, organisation, timestamp, digest) => {
        expect(toHex(afterEntry(head, number, organisation, timestamp, digest))).to.equal(
          nextHead(toHex(head) as Head, {
            kind: number,
            organisation: organisation as OrganisationId,
            timestamp: BigInt(timestamp),
            digest: toHex(digest) as Digest,
          }),
        );
      }),
    );
  });

  it('an entry of a module', () => {
    fc.assert(
      fc.property(
        word,
        kind,
        address,
        address,
        seconds,
        word,
        word,
        (head, number, module, actor, ...rest) => {
          const [timestamp, digest, actionHash] = rest;
          expect(
            toHex(afterModuleEntry(head, { kind: number, module, actor, digest, actionHash }, timestamp)),
          ).to.equal(
            nextHead(toHex(head) as Head, {
              kind: number,
              module: toHex(module) as Address,
              actor: toHex(actor) as Address,
              timestamp: BigInt(timestamp),
              digest: toHex(digest) as Digest,
              actionHash: toHex(actionHash),
            }),
          );
        },
      ),
    );
  });

  it('a change of an organisation’s standing', () => {
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 9 }), seconds, word, (head, change, timestamp, value) => {
        expect(toHex(afterChange(head, change, timestamp, value))).to.equal(
          nextOrganisationHead(toHex(head) as Head, {
            change: change as ChangeNumber,
            timestamp: BigInt(timestamp),
            value: toHex(value),
          }),
        );
      }),
    );
  });

  it('a change of the directory', () => {
    fc.assert(
      fc.property(
        word,
        uint256,
        address,
        address,
        word,
        word,
        (head, chainId, ledger, organisations, ...rest) => {
          const [codeHash, pseudonymKey] = rest;
          const added = afterLedgerAdded(head, { chainId, ledger, organisations, codeHash, pseudonymKey });
          expect(toHex(added)).to.equal(
            nextDirectoryHead(toHex(head) as Head, {
              change: 'added',
              chainId,
              ledger: toHex(ledger) as Address,
              organisations: toHex(organisations) as Address,
              codeHash: toHex(codeHash),
              pseudonymKey: toHex(pseudonymKey) as Hex,
            }),
          );
          expect(toHex(afterLedgerClosed(head, chainId, BigInt(toHex(codeHash))))).to.equal(
            nextDirectoryHead(toHex(head) as Head, {
              change: 'closed',
              index: chainId,
              closedAt: BigInt(toHex(codeHash)),
            }),
          );
        },
      ),
    );
  });
});
