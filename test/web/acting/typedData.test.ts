import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { TypedDataEncoder } from 'ethers';
import { type Hex, toHex } from '../../../core/bytes.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { titleActionHash } from '../../../core/modules/action.ts';
import { type Consent, consentHash, revocationHash } from '../../../core/privacy/consent.ts';
import { type Signable, typedDataOf } from '../../../web/acting/typedData.ts';

const bytes = (length: number): Hex => toHex(randomBytes(length));
const place = { chainId: 7_777n, address: bytes(20) as Address };

/** What another implementation makes of what a wallet is given, after its way through JSON. */
function hashOf(signable: Exclude<Signable, { of: 'text' }>): string {
  const { domain, types, message, primaryType } = JSON.parse(JSON.stringify(typedDataOf(signable)));
  const { EIP712Domain: _, ...own } = types;
  expect(Object.keys(own)).to.deep.equal([primaryType]);
  return TypedDataEncoder.hash(domain, own, message);
}

describe('typedDataOf', () => {
  it('gives a wallet what hashes to an action’s hash', () => {
    const action = {
      kind: 4,
      subject: bytes(32) as Subject,
      revision: 3n,
      deadline: 2n ** 63n,
      organisation: 12n as OrganisationId,
      party: bytes(20) as Address,
      until: 1_900_000_000n,
      detail: bytes(32),
      digest: bytes(32) as Digest,
    };
    expect(hashOf({ of: 'action', titles: place, action })).to.equal(titleActionHash(place, action));
  });

  it('gives a wallet what hashes to a consent’s name, and to its revocation', () => {
    const consent: Consent = {
      subject: bytes(32) as Subject,
      tenure: 2n,
      organisation: 0n as OrganisationId,
      account: bytes(20) as Address,
      bearer: `0x${'00'.repeat(32)}`,
      entries: [bytes(32) as Digest, bytes(32) as Digest],
      fields: ['invoiceNumber', 'note'],
      purpose: 'insurance',
      from: 1n,
      until: 2n,
      salt: bytes(32),
    };
    const name = consentHash(place, consent);
    expect(hashOf({ of: 'consent', ledger: place, consent })).to.equal(name);
    expect(hashOf({ of: 'revocation', ledger: place, consent: name })).to.equal(revocationHash(place, name));
  });
});
