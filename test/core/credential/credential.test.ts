import { readFileSync } from 'node:fs';
import { ed25519 } from '@noble/curves/ed25519.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { toHex } from '../../../core/bytes.ts';
import { canonicalJson, type Json } from '../../../core/canonical.ts';
import { checkCredential } from '../../../core/credential/checkCredential.ts';
import {
  type Credential,
  issueCredential,
  parseCredential,
  verifyCredential,
  writeCredential,
} from '../../../core/credential/credential.ts';
import { hashData, isSigned, signDocument } from '../../../core/credential/dataIntegrity.ts';
import {
  decodeMultibase,
  didOfKey,
  encodeMultibase,
  keyOfDid,
  verificationMethodOf,
} from '../../../core/credential/didKey.ts';
import { type CredentialFacts, factsOf, reportDigest } from '../../../core/credential/facts.ts';
import { secureRandom } from '../../../core/envelope/block.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { verify } from '../../../core/verify/verify.ts';
import { expectCode } from '../../expectCode.ts';
import { partWorld } from '../verify/partWorld.ts';
import { titledWorld } from '../verify/titledWorld.ts';
import { CAR, NEVER, reading, sampleWorld } from '../verify/world.ts';

const NOW = 1_800_000_000;
const DAY = 86_400;

describe('eddsa-jcs-2022', () => {
  const vector = JSON.parse(
    readFileSync(new URL('../../vectors/eddsa-jcs-2022.json', import.meta.url), 'utf8'),
  );
  const { proof, ...document } = vector.signed;
  const { proofValue, ...options } = proof;
  const publicKey = (decodeMultibase(vector.keyPair.publicKeyMultibase) ?? new Uint8Array()).subarray(2);
  const secretKey = (decodeMultibase(vector.keyPair.secretKeyMultibase) ?? new Uint8Array()).subarray(2);

  it('hashes the document of the W3C’s test vector', () => {
    expect(toHex(hashData(document, options).subarray(32))).to.equal(`0x${vector.documentHash}`);
  });

  it('signs as the W3C’s test vector is signed', () => {
    expect(toHex(ed25519.getPublicKey(secretKey))).to.equal(toHex(publicKey));
    const made = signDocument(document, options, secretKey);
    expect(made).to.deep.equal(proof);
    expect(toHex(decodeMultibase(made.proofValue) ?? new Uint8Array())).to.equal(`0x${vector.signature}`);
  });

  it('verifies the W3C’s test vector, and nothing else', () => {
    expect(isSigned(vector.signed, proof, publicKey)).to.equal(true);
    expect(isSigned({ ...vector.signed, name: 'Another' }, proof, publicKey)).to.equal(false);
    expect(isSigned(vector.signed, { ...proof, created: '2023-02-24T23:36:39Z' }, publicKey)).to.equal(false);
    expect(isSigned(vector.signed, proof, ed25519.getPublicKey(secureRandom(32)))).to.equal(false);
  });
});

describe('did:key', () => {
  it('is the key, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        expect(toHex(keyOfDid(didOfKey(key)))).to.equal(toHex(key));
      }),
    );
  });

  for (const did of [
    '',
    'did:key:',
    'did:web:example.org',
    'did:key:z6Mk',
    'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
  ]) {
    it(`refuses ${did || 'nothing'}`, () => expectCode('credential.malformed', () => keyOfDid(did)));
  }
});

describe('credential', () => {
  const { world, maker, workshop, car } = sampleWorld();
  const secretKey = secureRandom(32);
  const issuer = didOfKey(ed25519.getPublicKey(secretKey));
  const trust = { issuers: [issuer], now: NOW };
  const validity = { validFrom: NOW, validUntil: NOW + DAY, created: NOW };
  let facts: CredentialFacts;
  let credential: Credential;
  let text: string;
  let reported: string;

  const factsAbout = async (vin: string): Promise<CredentialFacts> => {
    const report = world.report(vin);
    reported = JSON.stringify(report);
    return factsOf(reported, report, await verify(report, world.trust, world.view));
  };

  before(async () => {
    facts = await factsAbout(CAR);
    credential = issueCredential(facts, secretKey, validity);
    text = writeCredential(credential);
  });

  describe('factsOf', () => {
    it('states heads, block, coverage, findings and key figures, and which report it is', () => {
      expect(facts.report).to.equal(reportDigest(reported));
      expect(facts.ledgers).to.have.length(1);
      expect(facts.ledgers[0]).to.include({ links: 4 });
      expect(facts.ownChains.map(({ organisation, links }) => [organisation, links])).to.deep.equal([
        ['1', 1],
      ]);
      expect(facts.blocks).to.have.length(1);
      expect(facts.coverage.entries).to.include({ total: 4, proven: 4, withheld: 0 });
      expect(facts.coverage.recallAttesters).to.deep.equal(['1']);
      expect(facts.coverage.notProvable).to.include('neverSubmitted');
      expect(facts.findings).to.deep.equal([
        { code: 'recall.open', severity: 'alert', evidence: facts.findings[0]?.evidence },
      ]);
      expect(facts.keyFigures).to.include({ openRecalls: 1, accidents: 0, discrepancies: 0 });
      expect(facts.keyFigures.odometer).to.include({ value: 46_000, unit: 'KMT' });
    });

    it('states that a VIN was never registered', async () => {
      const absent = await factsAbout(NEVER);
      expect(absent.ledgers.map(({ head, links }) => [head, links])).to.deep.equal([
        [`0x${'00'.repeat(32)}`, 0],
      ]);
      expect(absent.coverage.entries.total).to.equal(0);
    });

    it('names what is withheld, by digest and attester, and the ledgers that were not read', async () => {
      const report = world.report(CAR);
      const digest = report.ledgers[0]?.links[1]?.digest ?? '';
      report.contents[digest] = { withheld: 'kept back' };
      const result = await verify(report, world.trust, world.view);
      const stated = factsOf(JSON.stringify(report), report, result);
      expect(stated.verdict).to.equal('incomplete');
      expect(stated.coverage.withheld).to.deep.equal([{ digest, attester: workshop.toString() }]);
      const blind = await verify(report, world.trust, async () => null);
      expect(factsOf('', report, blind).coverage.unreadLedgers).to.have.length(1);
    });

    it('states the title, whether it is stolen, and whose withheld entries of it are', async () => {
      const titled = titledWorld();
      const report = titled.report(CAR);
      const kept = (report.ledgers[0]?.links ?? []).slice(2, 4).map(({ digest }) => digest);
      for (const digest of kept) report.contents[digest] = { withheld: 'kept back' };
      const { keyFigures, coverage } = factsOf('', report, await titled.check(report));
      expect(keyFigures).to.deep.include({
        title: 'held',
        stolen: true,
        holders: 2,
        openLiens: 1,
        brands: ['11'],
        exported: false,
      });
      expect(coverage.withheld.map(({ attester }) => attester)).to.deep.equal(['0', '2']);
      const never = await factsAbout(NEVER);
      expect(never.keyFigures).to.deep.include({ title: 'none', stolen: false });
    });

    it('contains nothing free: no names, no notes', () => {
      expect(text).not.to.match(/Garage|Lumen|Nord|kept in/);
    });
  });

  describe('verifyCredential', () => {
    it('gives the facts that the issuer signed', () => {
      expect(verifyCredential(parseCredential(text), trust)).to.deep.equal(facts);
    });

    it('is a Verifiable Credential 2.0 of the issuer’s own key', () => {
      expect(credential['@context'][0]).to.equal('https://www.w3.org/ns/credentials/v2');
      expect(credential.type[0]).to.equal('VerifiableCredential');
      expect(credential.proof).to.include({
        cryptosuite: 'eddsa-jcs-2022',
        proofPurpose: 'assertionMethod',
        verificationMethod: verificationMethodOf(issuer),
      });
    });

    it('keeps to its time, within what clocks differ', async () => {
      for (const now of [NOW - 59, NOW, NOW + DAY, NOW + DAY + 59])
        verifyCredential(credential, { ...trust, now });
      await expectCode('credential.notYetValid', () =>
        verifyCredential(credential, { ...trust, now: NOW - 61 }),
      );
      await expectCode('credential.expired', () =>
        verifyCredential(credential, { ...trust, now: NOW + DAY + 61 }),
      );
    });

    it('refuses another issuer, however well it signs', async () => {
      const other = issueCredential(facts, secureRandom(32), validity);
      await expectCode('credential.issuer', () => verifyCredential(other, trust));
    });

    it('refuses another issuer’s signature under this issuer’s name', async () => {
      const other = issueCredential(facts, secureRandom(32), validity);
      await expectCode('credential.malformed', () => verifyCredential({ ...other, issuer }, trust));
      const named = { ...other.proof, verificationMethod: verificationMethodOf(issuer) };
      await expectCode('credential.signature', () =>
        verifyCredential({ ...other, issuer, proof: named }, trust),
      );
    });

    it('refuses a signature of another spelling', async () => {
      const signature = decodeMultibase(credential.proof.proofValue) ?? new Uint8Array();
      // s + L: the same point equation, which RFC 8032 refuses.
      const L = 2n ** 252n + 27742317777372353535851937790883648493n;
      const s = signature.slice(32).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n) + L;
      const other = signature.slice();
      for (let index = 0; index < 32; index++) other[32 + index] = Number((s >> BigInt(8 * index)) & 255n);
      const proof = { ...credential.proof, proofValue: encodeMultibase(other) };
      await expectCode('credential.signature', () => verifyCredential({ ...credential, proof }, trust));
    });

    it('refuses a document with something added', async () => {
      for (const altered of [
        { ...credential, name: 'Clean' },
        { ...credential, credentialSubject: { ...credential.credentialSubject, verified: true } },
        { ...credential, proof: { ...credential.proof, domain: 'example.org' } },
        { ...credential, '@context': [credential['@context'][0]] },
        { ...credential, proof: [credential.proof] },
      ]) {
        await expectCode('credential.malformed', () => verifyCredential(altered, trust));
      }
    });

    it('refuses any changed character, or nothing has changed', () => {
      fc.assert(
        fc.property(fc.nat(text.length - 1), fc.integer({ min: 0x20, max: 0x7e }), (at, code) => {
          const altered = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
          let read: unknown;
          try {
            read = verifyCredential(parseCredential(altered), trust);
          } catch (error) {
            expect(isVinculumError(error), String(error)).to.equal(true);
            expect((error as { code: string }).code).to.match(/^credential\./);
            return;
          }
          expect(canonicalJson(read as Json)).to.equal(canonicalJson(facts as Json));
          expect(altered).to.equal(text);
        }),
        { numRuns: 3_000 },
      );
    });
  });

  describe('parseCredential', () => {
    const subject = '{"credentialSubject":{"vinculum":"credential/2"}}';
    for (const [what, code, make] of [
      ['a cut file', 'credential.malformed', () => text.slice(0, -1)],
      ['half a file', 'credential.malformed', () => text.slice(0, text.length / 2)],
      ['an empty file', 'credential.malformed', () => ''],
      ['a huge file', 'credential.malformed', () => `"${'x'.repeat(5_000_000)}"`],
      ['a deeply nested file', 'credential.malformed', () => '['.repeat(100_000) + ']'.repeat(100_000)],
      ['null', 'credential.malformed', () => 'null'],
      ['a list', 'credential.malformed', () => '[]'],
      ['an unknown version', 'credential.unknownVersion', () => subject],
      [
        'a day that does not exist',
        'credential.malformed',
        () => text.replace(/"validUntil":"[^"]*"/, '"validUntil":"2026-13-45"'),
      ],
    ] as const) {
      it(`refuses ${what}`, () => expectCode(code, () => parseCredential(make())));
    }

    it('refuses a validity that does not exist, though well signed', async () => {
      const { proof: _, ...document } = { ...credential, validUntil: '2027-02-30T00:00:00Z' };
      const proof = signDocument(document as never, credential.proof, secretKey);
      await expectCode('credential.malformed', () => verifyCredential({ ...document, proof }, trust));
    });
  });

  describe('checkCredential', () => {
    it('holds while the chain’s heads are those it states', async () => {
      const result = await checkCredential(facts, world.trust, world.view);
      expect(result.outcome).to.equal('passed');
      expect(result.checks.map(({ code }) => code)).to.deep.equal(Array(3).fill('credential.headHolds'));
      expect(result.asOf).to.have.length(1);
    });

    it('is incomplete without a source for the chain', async () => {
      const result = await checkCredential(facts, world.trust, async () => null);
      expect(result.outcome).to.equal('incomplete');
      expect(new Set(result.checks.map(({ code }) => code))).to.deep.equal(new Set(['credential.unread']));
    });

    it('fails for another directory', async () => {
      const elsewhere = { ...facts, directory: { ...facts.directory, address: `0x${'ee'.repeat(20)}` } };
      const result = await checkCredential(elsewhere, world.trust, world.view);
      expect(
        result.checks.filter(({ outcome }) => outcome === 'failed').map(({ code }) => code),
      ).to.deep.equal(['credential.directory']);
    });

    it('fails once a mounted part was stolen, of which no other head tells', async () => {
      const parted = partWorld();
      const report = parted.report(CAR);
      const verification = await verify(report, parted.trust, parted.view);
      const stated = factsOf(JSON.stringify(report), report, verification);
      expect(stated.keyFigures.safetyParts).to.include({ mounted: 2, stolen: 0 });
      expect((await checkCredential(stated, parted.trust, parted.view)).outcome).to.equal('passed');
      parted.do('safetyPart.stolen', { time: '2023-04-01' });
      const { checks } = await checkCredential(stated, parted.trust, parted.view);
      expect(
        checks.filter(({ outcome }) => outcome === 'failed').map(({ code, at }) => [code, at.subject]),
      ).to.deep.equal([['credential.headMoved', parted.subjectOf(parted.airbag)]]);
    });

    it('fails once the history, or the maker’s list of recalls, went on', async () => {
      world.record(workshop, car, reading('2023-04-01', 60_000, 'workshop'));
      world.recall(maker, 'R-2023-002', []);
      const result = await checkCredential(facts, world.trust, world.view);
      expect(result.outcome).to.equal('failed');
      expect(result.checks.map(({ code }) => code)).to.deep.equal([
        'credential.headHolds',
        'credential.headMoved',
        'credential.headMoved',
      ]);
    });
  });
});
