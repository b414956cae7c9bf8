import { expect } from 'chai';
import { TypedDataEncoder } from 'ethers';
import fc from 'fast-check';
import { fromHex, type Hex, toHex } from '../../../core/bytes.ts';
import { addressOfKey, signHash } from '../../../core/chain/submission.ts';
import type { Address, Digest, LedgerAddress, OrganisationId, Subject } from '../../../core/chain/types.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { ZERO_ADDRESS } from '../../../core/modules/action.ts';
import {
  bearerOf,
  type Consent,
  type ConsentFault,
  checkConsent,
  checkConsentShape,
  consentHash,
  consentTypes,
  covers,
  formatConsent,
  granteeOf,
  judgeConsent,
  MAX_CONSENT_SECONDS,
  type Ownership,
  purposes,
  readConsent,
  readRevocation,
  recoverConsenter,
  recoverRevoker,
  revocationHash,
  revocationTypes,
  ZERO_WORD,
} from '../../../core/privacy/consent.ts';
import { privacyVectors } from '../../../scripts/vectors/privacy.ts';
import { expectCode } from '../../expectCode.ts';
import { first, ledgers, vectors } from './vectors.ts';

const word32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toHex(bytes));
const uint64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const secret = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const [owner, buyer, stranger] = [secret(1), secret(2), secret(3)];
const ledger: LedgerAddress = { chainId: 31337n, address: `0x${'ab'.repeat(20)}` as Address };

const valid: Consent = {
  subject: `0x${'11'.repeat(32)}` as Subject,
  tenure: 2n,
  organisation: 7n as OrganisationId,
  account: ZERO_ADDRESS,
  bearer: ZERO_WORD,
  entries: [],
  fields: [],
  purpose: 'purchase',
  from: 1_000n,
  until: 2_000n,
  salt: `0x${'33'.repeat(32)}`,
};

const sign = (consent: Consent, key: Uint8Array, on = ledger): Uint8Array =>
  signHash(fromHex(consentHash(on, consent), 32), key);
const revoke = (consent: Consent, key: Uint8Array, on = ledger): Uint8Array =>
  signHash(fromHex(revocationHash(on, consentHash(on, consent)), 32), key);
const held = (key: Uint8Array, tenure = 2n): Ownership => ({ owner: addressOfKey(key), tenure });

describe('consents', () => {
  it('have golden vectors that ethers makes', () => expect(vectors).to.deep.equal(privacyVectors()));

  for (const { ledger: on, consents } of ledgers) {
    for (const { name, json, hash, signer, revocation } of consents) {
      it(`read, name and recover the golden one on chain ${on.chainId}: ${name}`, () => {
        const { consent, signature } = readConsent(json);
        expect(consentHash(on, consent)).to.equal(hash);
        expect(recoverConsenter(on, consent, signature)).to.equal(signer);
        expect(formatConsent(consent, signature)).to.deep.equal(json);
        const revoked = readRevocation(revocation.json);
        expect(revocationHash(on, revoked.consent)).to.equal(revocation.hash);
        expect(recoverRevoker(on, revoked.consent, revoked.signature)).to.equal(signer);
        const title = { owner: signer, tenure: consent.tenure };
        expect(checkConsent(on, consent, signature, title, consent.until)).to.equal('good');
        expect(checkConsent(on, consent, signature, title, consent.until, [revoked.signature])).to.equal(
          'consent.revoked',
        );
      });
    }
  }

  it('are what every EIP-712 wallet hashes', () => {
    const consent = fc.record({
      subject: word32.map((text) => text as Subject),
      tenure: uint64,
      organisation: uint64.map((id) => id as OrganisationId),
      account: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => toHex(bytes) as Address),
      bearer: word32,
      entries: fc.array(word32.map((text) => text as Digest)),
      fields: fc.array(fc.string({ unit: 'grapheme' })),
      purpose: fc.constantFrom(...purposes),
      from: uint64,
      until: uint64,
      salt: word32,
    });
    fc.assert(
      fc.property(consent, uint64, (given, chainId) => {
        const on = { chainId, address: ledger.address };
        const domain = { name: 'Vinculum', version: '1', chainId, verifyingContract: on.address };
        const mutable = (types: object): Record<string, { name: string; type: string }[]> =>
          structuredClone(types) as Record<string, { name: string; type: string }[]>;
        const hash = consentHash(on, given);
        expect(hash).to.equal(TypedDataEncoder.hash(domain, mutable(consentTypes), given));
        expect(revocationHash(on, hash)).to.equal(
          TypedDataEncoder.hash(domain, mutable(revocationTypes), { consent: hash }),
        );
      }),
    );
  });

  it('name the token of a share link by its SHA-256', () =>
    expect(bearerOf(fromHex(vectors.token))).to.equal(vectors.bearer));

  describe('checkConsentShape', () => {
    it('takes one grantee of each sort, and says which', () => {
      const account = addressOfKey(buyer);
      const bearer = bearerOf(secret(9));
      checkConsentShape(valid);
      expect(granteeOf(valid)).to.deep.equal({ type: 'organisation', organisation: 7n });
      const byAccount = { ...valid, organisation: 0n as OrganisationId, account };
      checkConsentShape(byAccount);
      expect(granteeOf(byAccount)).to.deep.equal({ type: 'account', account });
      const byBearer = { ...valid, organisation: 0n as OrganisationId, bearer };
      checkConsentShape(byBearer);
      expect(granteeOf(byBearer)).to.deep.equal({ type: 'bearer', bearer });
    });

    const digest = `0x${'44'.repeat(32)}` as Digest;
    for (const [code, why, change] of [
      ['consent.subject', 'no subject', { subject: ZERO_WORD as Subject }],
      ['consent.subject', 'a subject of another length', { subject: '0x11' as Subject }],
      ['consent.tenure', 'a title that nobody ever held', { tenure: 0n }],
      ['consent.tenure', 'a tenure beyond 64 bits', { tenure: 1n << 64n }],
      ['consent.grantee', 'nobody', { organisation: 0n as OrganisationId }],
      ['consent.grantee', 'two grantees', { account: addressOfKey(buyer) }],
      ['consent.grantee', 'an organisation beyond 64 bits', { organisation: (1n << 64n) as OrganisationId }],
      ['consent.grantee', 'an account in capitals', { account: `0x${'AB'.repeat(20)}` as Address }],
      ['consent.entries', 'an entry twice', { entries: [digest, digest] }],
      ['consent.entries', 'an entry that is no digest', { entries: ['0x44' as Digest] }],
      ['consent.entries', 'too many entries', { entries: Array<Digest>(1001).fill(digest) }],
      ['consent.fields', 'a field twice', { fields: ['note', 'note'] }],
      ['consent.fields', 'a field without a name', { fields: [''] }],
      ['consent.fields', 'a field that no kind can have', { fields: ['no te'] }],
      ['consent.purpose', 'a purpose of its own', { purpose: 'curiosity' as Consent['purpose'] }],
      ['consent.time', 'an end before its beginning', { until: 999n }],
      ['consent.time', 'more than 366 days', { until: 1_001n + MAX_CONSENT_SECONDS }],
      ['consent.time', 'a time beyond 64 bits', { from: 1n << 64n, until: 1n << 64n }],
      ['consent.salt', 'no salt', { salt: '0x' as Hex }],
    ] as readonly [string, string, Partial<Consent>][]) {
      it(`refuses ${why} with ${code}`, () =>
        expectCode(code, () => checkConsentShape({ ...valid, ...change })));
    }

    it('takes exactly 366 days', () => checkConsentShape({ ...valid, until: 1_000n + MAX_CONSENT_SECONDS }));
  });

  describe('covers', () => {
    const digests = ['0xa', '0xb'] as unknown as Digest[];
    for (const [entries, fields, digest, field, expected] of [
      [[], [], '0xa', 'note', true],
      [digests.slice(0, 1), [], '0xa', 'note', true],
      [digests.slice(0, 1), [], '0xb', 'note', false],
      [[], ['amount'], '0xa', 'note', false],
      [[], ['amount', 'note'], '0xb', 'note', true],
      [digests, ['amount'], '0xb', 'amount', true],
      [digests.slice(0, 1), ['amount'], '0xb', 'amount', false],
      [[], ['document:b1'], '0xa', 'document:b2', false],
    ] as const) {
      it(`[${entries}] [${fields}] ${expected ? 'opens' : 'keeps'} ${field} of ${digest}`, () =>
        expect(covers({ entries, fields }, digest, field)).to.equal(expected));
    }
  });

  describe('checkConsent', () => {
    const check = (
      key: Uint8Array,
      title: Ownership,
      at = 1_500n,
      change: Partial<Consent> = {},
      revocations: readonly Uint8Array[] = [],
    ): string => {
      const consent = { ...valid, ...change };
      return checkConsent(ledger, consent, sign(consent, key), title, at, revocations);
    };

    it('is good from its first second to its last', () => {
      expect(check(owner, held(owner), 999n)).to.equal('consent.notYet');
      expect(check(owner, held(owner), 1_000n)).to.equal('good');
      expect(check(owner, held(owner), 2_000n)).to.equal('good');
      expect(check(owner, held(owner), 2_001n)).to.equal('consent.expired');
    });

    it('dies with the sale: the buyer owns the title in the next tenure', () =>
      expect(check(owner, held(buyer, 3n))).to.equal('consent.formerOwner'));

    it('does not come back with the car: the seller who buys it back has another tenure', () =>
      expect(check(owner, held(owner, 4n))).to.equal('consent.tenure'));

    it('dies with a re-issue to another key of the same owner', () =>
      expect(check(owner, held(buyer, 3n))).to.equal('consent.formerOwner'));

    it('is worth nothing from a former owner who names the present tenure', () =>
      expect(check(owner, held(buyer, 3n), 1_500n, { tenure: 3n })).to.equal('consent.notOwner'));

    it('is worth nothing from a stranger, nor for a title that nobody holds, nor for a tenure to come', () => {
      expect(check(stranger, held(owner))).to.equal('consent.notOwner');
      expect(check(owner, { owner: null, tenure: 2n })).to.equal('consent.notOwner');
      expect(check(owner, { owner: null, tenure: 0n })).to.equal('consent.notOwner');
      expect(check(owner, held(owner), 1_500n, { tenure: 3n })).to.equal('consent.tenure');
    });

    it('is over once the owner revokes it, even before its time', () => {
      expect(check(owner, held(owner), 1_500n, {}, [revoke(valid, owner)])).to.equal('consent.revoked');
      expect(check(owner, held(owner), 1n, {}, [revoke(valid, owner)])).to.equal('consent.revoked');
    });

    it('is not over by another’s revocation, another consent’s, another ledger’s, or garbage', () => {
      const other = { ...valid, salt: `0x${'55'.repeat(32)}` } as const;
      const elsewhere = { ...ledger, chainId: 1n };
      const revocations = [
        revoke(valid, stranger),
        revoke(other, owner),
        revoke(valid, owner, elsewhere),
        sign(valid, owner),
        new Uint8Array(65),
        new Uint8Array(),
      ];
      expect(check(owner, held(owner), 1_500n, {}, revocations)).to.equal('good');
    });

    it('is nobody’s without a signature, and another’s from another ledger or with anything changed', () => {
      const signature = sign(valid, owner);
      const judge = (consent: Consent, bytes: Uint8Array, on = ledger): string =>
        checkConsent(on, consent, bytes, held(owner), 1_500n);
      expect(judge(valid, signature)).to.equal('good');
      expect(judge(valid, new Uint8Array(65))).to.equal('consent.signature');
      expect(judge(valid, signature.subarray(0, 64))).to.equal('consent.signature');
      expect(judge(valid, signature, { ...ledger, chainId: 1n })).to.equal('consent.notOwner');
      expect(judge(valid, signature, { ...ledger, address: addressOfKey(buyer) })).to.equal(
        'consent.notOwner',
      );
      for (const change of [
        { subject: `0x${'12'.repeat(32)}` as Subject },
        { organisation: 8n as OrganisationId },
        { fields: ['amount'] },
        { entries: [`0x${'44'.repeat(32)}` as Digest] },
        { purpose: 'finance' as const },
        { until: 2_001n },
        { from: 999n },
        { salt: `0x${'34'.repeat(32)}` as Hex },
      ]) {
        expect(judge({ ...valid, ...change }, signature), Object.keys(change).join()).to.equal(
          'consent.notOwner',
        );
      }
    });

    it('is refused outright where it is no consent', () =>
      expectCode('consent.purpose', () => check(owner, held(owner), 1n, { purpose: 'x' as never })));

    it('judges contracts’ signatures by whom they were checked to be of', () => {
      const contract = addressOfKey(stranger);
      const title = { owner: contract, tenure: 2n };
      expect(judgeConsent(valid, contract, title, 1_500n)).to.equal('good');
      expect(judgeConsent(valid, contract, title, 1_500n, [null, contract])).to.equal('consent.revoked');
    });

    it('is good in exactly one case, whoever signs whatever when', () => {
      const keys = [owner, buyer];
      fc.assert(
        fc.property(
          fc.nat(1),
          fc.nat(2),
          fc.bigInt(0n, 4n),
          fc.bigInt(1n, 4n),
          fc.bigInt(990n, 2_010n),
          fc.boolean(),
          (by, heldBy, tenure, named, at, revoked) => {
            const signer = addressOfKey(keys[by] ?? owner);
            const holder = keys[heldBy];
            const title = { owner: holder === undefined ? null : addressOfKey(holder), tenure };
            const verdict = judgeConsent(
              { ...valid, tenure: named },
              signer,
              title,
              at,
              revoked ? [signer] : [],
            );
            const good =
              title.owner === signer && named === tenure && !revoked && at >= 1_000n && at <= 2_000n;
            expect(verdict === 'good').to.equal(good);
            const formerly: ConsentFault[] = ['consent.formerOwner', 'consent.notOwner'];
            if (title.owner !== signer) expect(formerly).to.include(verdict);
          },
        ),
      );
    });
  });

  describe('readConsent', () => {
    const json = first(first(ledgers).consents).json;
    it('refuses what is no consent, and answers garbage with nothing but its codes', async () => {
      for (const value of [
        null,
        [],
        {},
        'consent',
        { ...json, more: 1 },
        { ...json, tenure: '1' },
        { ...json, from: 1.5 },
        { ...json, from: -1 },
        { ...json, organisation: '18446744073709551616' },
        { ...json, organisation: '07' },
        { ...json, signature: '' },
        { ...json, fields: ['a b'] },
      ]) {
        await expectCode('consent.malformed', () => readConsent(value));
      }
      await expectCode('consent.grantee', () => readConsent({ ...json, organisation: '0' }));
      await expectCode('consent.malformed', () =>
        readRevocation({ consent: '0x1', signature: json.signature }),
      );
      fc.assert(
        fc.property(fc.constantFrom(...Object.keys(json)), fc.anything(), (member, value) => {
          try {
            readConsent({ ...json, [member]: value });
          } catch (error) {
            expect(isVinculumError(error)).to.equal(true);
          }
        }),
      );
    });
  });
});
