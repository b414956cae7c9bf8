import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { readRegister } from '../../../api/erasure/register.ts';
import { fromHex, toBase64Url, toHex, utf8 } from '../../../core/bytes.ts';
import type { OrganisationId } from '../../../core/chain/types.ts';
import { openDisclosure } from '../../../core/envelope/disclosure.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import type { ConsentHash } from '../../../core/privacy/consent.ts';
import { readConsentReceipt } from '../../../core/privacy/consentReceipt.ts';
import { expectCode } from '../../expectCode.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { type Person, person, seconds } from '../titles/acting.ts';
import { consentOf, DAY, freshToken, give, revocationOf, signInAlone, today, Vehicle } from './world.ts';

describe('consents', function () {
  this.timeout(60_000);
  let test: TestService;
  let registrar: Attester;
  let workshop: Attester;
  let insurer: Attester;
  let insurerToken: string;
  before(async () => {
    test = await sharedService();
    registrar = await test.admit('Registry of consents', ['registrar']);
    workshop = await test.admit('Workshop of consents', ['workshop']);
    insurer = await test.admit('Insurer of consents', ['insurer']);
    insurerToken = await test.signIn(insurer);
  });

  const owned = async (owner: Person): Promise<Vehicle> => {
    const vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: owner.address });
    return vehicle;
  };
  const state = async (hash: ConsentHash, token: string) =>
    (await test.get(`/v1/consents/${hash}`, { token })).body.state;
  const revoke = (hash: ConsentHash, by: Person) =>
    test.post(`/v1/consents/${hash}/revocation`, revocationOf(test.ledger, hash, by));

  describe('let see', () => {
    let owner: Person;
    let vehicle: Vehicle;
    let entry: ComposedEntry;
    before(async () => {
      owner = person();
      vehicle = await owned(owner);
      entry = await vehicle.service(workshop, { invoiceNumber: 'R-77-1', technician: 'M. Leroy' });
    });
    const names = (disclosures: readonly string[]) =>
      disclosures.map((one) => openDisclosure(one).name).sort();

    it('nobody without one', async () => {
      expect(await vehicle.shown(entry, insurerToken)).to.deep.equal([]);
      expect(await vehicle.shown(entry, await signInAlone(test, person()))).to.deep.equal([]);
      expect(await vehicle.shown(entry)).to.deep.equal([]);
    });

    it('the keys of an organisation what they cover, entry and field, and nobody else', async () => {
      const { digest } = entry.entry;
      const { hash } = await give(test, {
        subject: vehicle.subject,
        signer: owner,
        organisation: insurer.id,
        entries: [digest],
        fields: ['invoiceNumber'],
        purpose: 'insurance',
      });
      expect(names(await vehicle.shown(entry, insurerToken))).to.deep.equal(['invoiceNumber']);
      expect(await vehicle.shown(entry, await test.signIn(registrar))).to.deep.equal([]);
      const last = (await vehicle.log()).at(-1);
      expect(last).to.deep.include({
        consent: hash,
        purpose: 'insurance',
        reader: `organisation:${insurer.id}`,
        route: 'getVehicleReport',
        shown: [{ digest, fields: ['invoiceNumber'] }],
      });
      expect(
        (await test.get(vehicle.path, { token: insurerToken })).body.entries.at(-1).sealed,
      ).to.deep.equal({
        invoiceNumber: 'R-77-1',
      });
      expect((await vehicle.log()).at(-1)?.route).to.equal('getVehicle');
    });

    it('an account, all that concerns the owner where none are named', async () => {
      const buyer = person();
      const token = await signInAlone(test, buyer);
      await give(test, { subject: vehicle.subject, signer: owner, account: buyer.address });
      expect(names(await vehicle.shown(entry, token))).to.deep.equal(['invoiceNumber', 'technician']);
      const later = await vehicle.service(workshop, { note: 'Later than the consent.' });
      expect(await vehicle.shown(later, token)).to.have.length(1);
    });

    it('a document by its key', async () => {
      const key = randomBytes(32);
      const content = randomBytes(64);
      const uploaded = await test.request('POST', '/v1/documents', {
        raw: { content, type: 'application/octet-stream' },
        token: await test.signIn(workshop),
      });
      const { cid } = uploaded.body;
      const invoice = test.compose(workshop, vehicle.name, {
        kind: 'service',
        time: today(),
        data: {
          type: 'scheduled',
          items: ['engineOil'],
          documents: [{ cid, mediaType: 'application/pdf', bytes: content.length }],
        },
        sealed: { [`document:${cid}`]: toBase64Url(key) },
      });
      await test.record(workshop, [invoice]);
      const grantee = person();
      const token = await signInAlone(test, grantee);
      await give(test, {
        subject: vehicle.subject,
        signer: owner,
        account: grantee.address,
        fields: [`document:${cid}`],
      });
      const [disclosure] = await vehicle.shown(invoice, token);
      expect(openDisclosure(disclosure ?? '').value).to.equal(toBase64Url(key));
      expect(await vehicle.shown(entry, token)).to.deep.equal([]);
      const file = await test.get(`/ipfs/${cid}?format=raw`, {
        headers: { Accept: 'application/vnd.ipld.raw' },
      });
      expect(file.status).to.equal(200);
      expect((await vehicle.log()).at(-1)?.shown).to.deep.equal([
        { digest: invoice.entry.digest, fields: [`document:${cid}`] },
      ]);
    });

    it('insurers the claims of others', async () => {
      const other = await test.admit('Other insurer of consents', ['insurer']);
      const claim = test.compose(other, vehicle.name, {
        kind: 'claim',
        time: today(),
        data: { type: 'collision', status: 'settled' },
        sealed: { claimNumber: 'S-1' },
      });
      await test.record(other, [claim]);
      const search = async () => {
        const body = { identifiers: [vehicle.name] };
        const reply = await test.post('/v1/claims/search', body, { token: insurerToken });
        return reply.body.results[0].claims[0].sealed;
      };
      expect(await search()).to.deep.equal({});
      await give(test, {
        subject: vehicle.subject,
        signer: owner,
        organisation: insurer.id,
        entries: [claim.entry.digest],
        purpose: 'insurance',
      });
      expect(await search()).to.deep.equal({ claimNumber: 'S-1' });
      expect((await vehicle.log()).at(-1)).to.include({ route: 'searchClaims', purpose: 'insurance' });
    });
  });

  describe('are good', () => {
    it('until they expire, and not before they begin', async () => {
      const owner = person();
      const vehicle = await owned(owner);
      const entry = await vehicle.service(workshop);
      const grantee = person();
      const token = await signInAlone(test, grantee);
      const common = { subject: vehicle.subject, signer: owner, account: grantee.address };
      const soon = await give(test, { ...common, until: seconds() + 2n });
      const later = await give(test, { ...common, from: seconds() + DAY, until: seconds() + 2n * DAY });
      expect(await vehicle.shown(entry, token)).to.have.length(1);
      await test.until(async () => (await state(soon.hash, token)) === 'expired');
      expect(await state(later.hash, token)).to.equal('notYet');
      expect(await vehicle.shown(entry, token)).to.deep.equal([]);
    });

    it('until their signer revokes them, at once and for good', async () => {
      const owner = person();
      const vehicle = await owned(owner);
      const entry = await vehicle.service(workshop);
      const grantee = person();
      const token = await signInAlone(test, grantee);
      const { hash } = await give(test, {
        subject: vehicle.subject,
        signer: owner,
        account: grantee.address,
      });
      expect(await vehicle.shown(entry, token)).to.have.length(1);

      for (const stranger of [person(), grantee]) {
        expect((await revoke(hash, stranger)).body.code).to.equal('consent.notRevoker');
      }
      const elsewhere = { ...test.ledger, chainId: test.ledger.chainId + 1n };
      const foreign = await test.post(
        `/v1/consents/${hash}/revocation`,
        revocationOf(elsewhere, hash, owner),
      );
      expect(foreign.body.code).to.equal('consent.notRevoker');
      expect(await vehicle.shown(entry, token)).to.have.length(1);

      const revoked = await revoke(hash, owner);
      expect(revoked.status, revoked.text).to.equal(200);
      expect(revoked.body.state).to.equal('revoked');
      const receipt = readConsentReceipt(test.ledger, revoked.body.revocation.receipt);
      expect(receipt).to.include({ consent: hash, state: 'revoked' });
      expect(await vehicle.shown(entry, token)).to.deep.equal([]);
      expect((await revoke(hash, owner)).body.revocation).to.deep.equal(revoked.body.revocation);
      const again = await test.post('/v1/consents', revoked.body.signed);
      expect(again.status).to.equal(200);
      expect(again.body.state).to.equal('revoked');
    });

    for (const [how, pass] of [
      ['sold', (vehicle: Vehicle, from: Person, to: Person) => vehicle.sell(from, to)],
      [
        'transferred by a register',
        (vehicle: Vehicle, _: Person, to: Person) =>
          vehicle.act(registrar, 'title.transferred', { party: to.address }),
      ],
      [
        're-issued to another key',
        (vehicle: Vehicle, _: Person, to: Person) =>
          vehicle.act(registrar, 'title.reissued', { party: to.address }),
      ],
    ] as const) {
      it(`until the title is ${how}; who signed it may still revoke it`, async () => {
        const [owner, next, grantee] = [person(), person(), person()];
        const vehicle = await owned(owner);
        const entry = await vehicle.service(workshop);
        const token = await signInAlone(test, grantee);
        const common = { subject: vehicle.subject, account: grantee.address };
        const { hash } = await give(test, { ...common, signer: owner });
        expect(await vehicle.shown(entry, token)).to.have.length(1);
        await pass(vehicle, owner, next);
        expect(await state(hash, token)).to.equal('ended');
        expect(await vehicle.shown(entry, token)).to.deep.equal([]);
        const late = await test.post(
          '/v1/consents',
          consentOf(test.ledger, { ...common, signer: owner }).json,
        );
        expect(late.body.code).to.equal('consent.formerOwner');
        expect((await revoke(hash, next)).status).to.equal(200);
        expect((await revoke(hash, owner)).status).to.equal(200);
      });
    }

    it('again for nobody when the vehicle is bought back: the tenure is another', async () => {
      const [owner, other, grantee] = [person(), person(), person()];
      const vehicle = await owned(owner);
      const token = await signInAlone(test, grantee);
      const common = { subject: vehicle.subject, signer: owner, account: grantee.address };
      const { hash } = await give(test, common);
      await vehicle.sell(owner, other);
      await vehicle.sell(other, owner);
      expect(await state(hash, token)).to.equal('ended');
      expect((await test.post('/v1/consents', consentOf(test.ledger, common).json)).body.code).to.equal(
        'consent.tenure',
      );
      await give(test, { ...common, tenure: 3n });
    });
  });

  describe('are refused', () => {
    let owner: Person;
    let vehicle: Vehicle;
    before(async () => {
      owner = person();
      vehicle = await owned(owner);
    });
    const codeOf = async (json: unknown) => {
      const reply = await test.post('/v1/consents', json);
      expect(reply.status, reply.text).to.be.within(400, 499);
      return reply.body.code;
    };
    const of = (given: Partial<Parameters<typeof consentOf>[1]>) =>
      consentOf(test.ledger, {
        subject: vehicle.subject,
        signer: owner,
        account: person().address,
        ...given,
      }).json;

    it('by anybody but the owner, or under another ledger’s domain', async () => {
      expect(await codeOf(of({ signer: person() }))).to.equal('consent.notOwner');
      const given = { subject: vehicle.subject, signer: owner, account: person().address };
      for (const elsewhere of [
        { ...test.ledger, chainId: test.ledger.chainId + 1n },
        { ...test.ledger, address: test.service.services.deployment.titles },
      ]) {
        expect(await codeOf(consentOf(elsewhere, given).json)).to.equal('consent.notOwner');
      }
      expect(await codeOf({ ...of({}), signature: '0x1234' })).to.equal('consent.signature');
      expect(await codeOf({ ...of({}), purpose: 'finance' })).to.equal('consent.notOwner');
    });

    it('for no title, or another tenure', async () => {
      expect(await codeOf(of({ subject: new Vehicle(test).subject }))).to.equal('title.unknown');
      expect(await codeOf(of({ tenure: 2n }))).to.equal('consent.tenure');
      expect(await codeOf(of({ tenure: 0n }))).to.equal('consent.malformed');
    });

    it('for a time that is over, or too long', async () => {
      const now = seconds();
      expect(await codeOf(of({ from: now - 20n, until: now - 10n }))).to.equal('consent.expired');
      expect(await codeOf(of({ from: now, until: now + 366n * DAY + 1n }))).to.equal('consent.time');
      expect(await codeOf(of({ from: now + 10n, until: now + 5n }))).to.equal('consent.time');
    });

    it('for no grantee, several, or an organisation that nobody is', async () => {
      const none = { account: `0x${'00'.repeat(20)}` as const };
      expect(await codeOf(of(none as never))).to.equal('consent.grantee');
      expect(await codeOf(of({ organisation: insurer.id }))).to.equal('consent.grantee');
      for (const number of [999_999n, 2n ** 63n, 2n ** 64n - 1n]) {
        const organisation = number as OrganisationId;
        expect(await codeOf(of({ ...none, organisation } as never))).to.equal('organisation.unknown');
      }
    });

    it('with anything that is no consent', async () => {
      const good = of({});
      for (const [json, code] of [
        [{ ...good, purpose: 'curiosity' }, 'consent.malformed'],
        [{ ...good, more: 1 }, 'consent.malformed'],
        [{ ...good, until: 1e300 }, 'consent.malformed'],
        [{ ...good, entries: ['0x12'] }, 'consent.malformed'],
        [{ ...good, fields: ['a b'] }, 'consent.malformed'],
        [{ ...good, salt: null }, 'consent.malformed'],
        [[good], 'consent.malformed'],
        ['consent', 'consent.malformed'],
      ] as const) {
        expect(await codeOf(json), JSON.stringify(json).slice(0, 60)).to.equal(code);
      }
    });

    it('with a token that another share link has', async () => {
      const { bearer } = freshToken();
      const none = { account: `0x${'00'.repeat(20)}` as const, bearer };
      await give(test, { subject: vehicle.subject, signer: owner, ...none } as never);
      expect(await codeOf(of(none as never))).to.equal('consent.bearerTaken');
    });
  });

  describe('are kept', () => {
    it('with a receipt that says so, and the same again is the same', async () => {
      const owner = person();
      const vehicle = await owned(owner);
      const { json, hash } = consentOf(test.ledger, {
        subject: vehicle.subject,
        signer: owner,
        account: person().address,
      });
      const token = await signInAlone(test, owner);
      const first = await test.post('/v1/consents', json, { token });
      expect(first.status).to.equal(201);
      expect(first.body).to.deep.include({ hash, state: 'good', signed: json, identifier: vehicle.name });
      expect(first.headers.get('Location')).to.equal(`/v1/consents/${hash}`);
      const receipt = readConsentReceipt(test.ledger, first.body.receipt);
      expect(receipt).to.include({
        consent: hash,
        state: 'stored',
        operator: test.service.services.operator,
      });
      const lie = { ...first.body.receipt, state: 'revoked' };
      await expectCode('consent.receipt', () => readConsentReceipt(test.ledger, lie));
      await expectCode('consent.malformed', () => readConsentReceipt(test.ledger, { ...lie, more: 1 }));
      const again = await test.post('/v1/consents', json, { token });
      expect(again.status).to.equal(200);
      expect(again.body).to.deep.equal(first.body);
    });

    it('and name the vehicle, when handed in again, to nobody but their signer, signed in', async () => {
      const [owner, friend] = [person(), person()];
      const vehicle = await owned(owner);
      const given = { subject: vehicle.subject, signer: owner };
      const { json, hash } = consentOf(test.ledger, { ...given, account: friend.address });
      const { bearer } = freshToken();
      const share = consentOf(test.ledger, { ...given, bearer });
      expect((await test.post('/v1/consents', share.json)).body).to.include({ openings: null });
      const tokens = [undefined, await signInAlone(test, friend), await test.signIn(workshop)];
      const revocation = revocationOf(test.ledger, hash, owner);
      for (const path of ['/v1/consents', `/v1/consents/${hash}/revocation`]) {
        const body = path === '/v1/consents' ? json : revocation;
        for (const token of tokens) {
          const reply = await test.post(path, body, { token });
          expect(reply.status).to.be.oneOf([200, 201]);
          expect(reply.body).to.include({ hash, identifier: null });
          expect(reply.text).not.to.include(vehicle.target.identifier.value);
        }
        const own = await test.post(path, body, { token: await signInAlone(test, owner) });
        expect(own.body.identifier).to.equal(vehicle.name);
      }
    });

    it('for signer and grantee to read, with the identifier while they are good, page by page', async () => {
      const [owner, grantee] = [person(), person()];
      const vehicle = await owned(owner);
      const [ownerToken, granteeToken] = [await signInAlone(test, owner), await signInAlone(test, grantee)];
      const common = { subject: vehicle.subject, signer: owner };
      const given: ConsentHash[] = [];
      for (let index = 0; index < 3; index++) {
        given.push((await give(test, { ...common, account: grantee.address })).hash);
      }
      given.push((await give(test, { ...common, organisation: insurer.id })).hash);
      const share = freshToken();
      given.push((await give(test, { ...common, bearer: share.bearer })).hash);

      const hashes: ConsentHash[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
        const { body } = await test.get(`/v1/consents?as=signer&limit=2${query}`, { token: ownerToken });
        hashes.push(...body.consents.map(({ hash }: { hash: ConsentHash }) => hash));
        cursor = body.next;
      }
      expect(hashes).to.have.members(given).and.to.have.length(5);

      const mine = await test.get('/v1/consents?as=grantee', { token: granteeToken });
      expect(mine.body.consents).to.have.length(3);
      expect(mine.body.consents[0]).to.deep.include({ identifier: vehicle.name, openings: null });
      expect((await test.get('/v1/consents?as=signer', { token: granteeToken })).body.consents).to.deep.equal(
        [],
      );
      const theirs = await test.get(`/v1/consents?as=grantee&subject=${vehicle.subject}`, {
        token: insurerToken,
      });
      expect(theirs.body.consents.map(({ hash }: { hash: string }) => hash)).to.deep.equal([given[3]]);
      expect((await test.get('/v1/consents?as=signer', { token: insurerToken })).body.consents).to.deep.equal(
        [],
      );

      const [first = '' as ConsentHash] = given;
      expect((await test.get(`/v1/consents/${first}`, { token: insurerToken })).body.code).to.equal(
        'consent.unknown',
      );
      expect((await test.get(`/v1/consents/${first}`)).body.code).to.equal('auth.required');
      await revoke(first, owner);
      const after = await test.get(`/v1/consents/${first}`, { token: granteeToken });
      expect(after.body).to.deep.include({ state: 'revoked', identifier: null });
      expect((await test.get(`/v1/consents/${first}`, { token: ownerToken })).body.identifier).to.equal(
        vehicle.name,
      );
      for (const cursor of ['AAAA', toBase64Url(utf8('1.0x12'))]) {
        const reply = await test.get(`/v1/consents?as=signer&cursor=${cursor}`, { token: ownerToken });
        expect(reply.body.code).to.equal('request.invalid');
      }
    });

    it('revoked for good: the file has it before it is answered, and what is not here any more is not taken again', async () => {
      const owner = person();
      const vehicle = await owned(owner);
      const grantee = person();
      const given = { subject: vehicle.subject, signer: owner, account: grantee.address };
      const { json, hash } = consentOf(test.ledger, given);
      await test.post('/v1/consents', json);
      const file = test.service.config.erasuresFile;
      const ofIt = async () =>
        (await readRegister(file)).revocations.filter(({ consent }) => consent === hash);
      const first = await revoke(hash, owner);
      const [line, ...more] = await ofIt();
      expect(more).to.deep.equal([]);
      expect(line).to.deep.include({ consent: hash, revoker: owner.address });
      expect(line?.receipt).to.deep.equal(first.body.revocation.receipt);
      // Again, it is the first that counts, and the file does not grow.
      expect((await revoke(hash, owner)).body).to.deep.equal(first.body);
      await test.service.services.revocations.catchUp();
      expect(await ofIt()).to.have.length(1);
      const same = await test.post('/v1/consents', json);
      expect([same.status, same.body.state]).to.deep.equal([200, 'revoked']);
      // As after its time, or in a store from before it was given.
      await test.service.services.store.execute('DELETE FROM consents WHERE hash = $1', [fromHex(hash, 32)]);
      const again = await test.post('/v1/consents', json);
      expect([again.status, again.body.code]).to.deep.equal([409, 'consent.revoked']);
    });

    it('and unknown ones are unknown', async () => {
      const hash = toHex(randomBytes(32)) as ConsentHash;
      expect((await revoke(hash, person())).body.code).to.equal('consent.unknown');
      expect((await test.get(`/v1/consents/${hash}`, { token: insurerToken })).body.code).to.equal(
        'consent.unknown',
      );
    });
  });
});
