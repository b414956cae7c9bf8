import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { encodeExecute } from '../../../api/chain/contracts.ts';
import { codeOfRefusal } from '../../../api/chain/refusals.ts';
import { RpcRefusal } from '../../../api/chain/rpc.ts';
import { fromBase64Url, toHex } from '../../../core/bytes.ts';
import type { Address, Subject } from '../../../core/chain/types.ts';
import { formatIdentifier } from '../../../core/identifiers/identifier.ts';
import { type PartKind, type PartState, partKinds } from '../../../core/modules/part.ts';
import { readReport } from '../../../core/report/report.ts';
import { type RpcRequest, rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { Garage } from '../erasure/garage.ts';
import { type Attester, sharedService, type TestService } from '../fixture.ts';
import { consentOf, DAY, signInAlone, Vehicle } from '../privacy/world.ts';
import { freshVin, person, seconds, type Target } from '../titles/acting.ts';
import { type PartDeed, SafetyPart, type SignedPart, targetOf } from './acting.ts';

const kinds = Object.keys(partKinds) as PartKind[];

describe('safety parts', () => {
  let test: TestService;
  let supplier: Attester;
  let workshop: Attester;
  let police: Attester;
  let registrar: Attester;
  let car: Target;
  let other: Target;
  before(async function () {
    this.timeout(60_000);
    test = await sharedService();
    supplier = await test.admit('Airbag supplier', ['supplier']);
    workshop = await test.admit('Airbag workshop', ['workshop']);
    police = await test.admit('Police of parts', ['police']);
    registrar = await test.admit('Registry of part owners', ['registrar']);
    car = targetOf(test, freshVin());
    other = targetOf(test, freshVin());
  });

  const byOf = (kind: PartKind): Attester =>
    kind === 'safetyPart.registered'
      ? supplier
      : kind === 'safetyPart.stolen' || kind === 'safetyPart.recovered'
        ? police
        : workshop;

  /** Hands a part’s whole life in at once, one action after the other. */
  async function live(part: SafetyPart, ...life: readonly (readonly [PartKind, PartDeed?])[]): Promise<void> {
    const signed = life.map(([kind, deed]): SignedPart => {
      const one = part.sign(byOf(kind), kind, deed);
      part.revision += 1;
      return one;
    });
    const reply = await test.post('/v1/parts/actions', { actions: signed.map(({ request }) => request) });
    expect(reply.status, reply.text).to.equal(202);
    await part.anchored(signed.at(-1)?.hash ?? '0x');
  }

  async function check(path: string, token?: string): Promise<Verification> {
    const reply = await test.get(`${path}/report`, { token });
    expect(reply.status, reply.text).to.equal(200);
    const { deployment, rpc } = test.service.services;
    const request: RpcRequest = (method, params) => rpc.call(method, params);
    const trust = { chainId: deployment.chainId, directory: deployment.directory };
    return verify(readReport(JSON.parse(reply.text)), trust, (chainId) => rpcView([request], chainId));
  }
  const pathOf = ({ identifier }: Target) => `/v1/vehicles/${identifier.value}`;

  it('go through a life whose every step both chains show', async () => {
    const part = new SafetyPart(test);
    const nothing = await test.get(`/v1/parts/${part.subject}`);
    expect(nothing.body).to.include({ state: 'none', maker: null, vehicle: null, mountable: false });
    const registered = await part.act(supplier, 'safetyPart.registered');
    expect((await test.get(`/v1/parts/actions/${registered.hash}`)).body.action).to.deep.equal(
      registered.request.action,
    );
    expect((await test.get(`/v1/titles/actions/${registered.hash}`)).body.code).to.equal('action.unknown');
    await part.act(workshop, 'safetyPart.mounted', { vehicle: car });
    const { body } = await test.get(`/v1/parts/${part.subject}`);
    expect(body).to.include({
      state: 'mounted',
      maker: supplier.id.toString(),
      vehicle: car.subject,
      revision: 2,
      nextRevision: 2,
      mountable: false,
    });
    const vehicle = await check(pathOf(car));
    expect(vehicle.verdict).to.equal('verified');
    expect(vehicle.summary?.safetyParts).to.have.length(1);
    expect(vehicle.summary?.safetyParts[0]).to.include({ identifier: part.name, state: 'mounted' });
    const own = await check(part.path);
    expect(own.verdict).to.equal('verified');
    expect(own.summary?.part).to.include({ state: 'mounted', vehicle: car.subject });
    const overview = await test.get(pathOf(car));
    expect(overview.body.summary.safetyParts[0].identifier).to.equal(part.name);

    // The vehicle’s own chain does not move, and its report is another all the same.
    await part.act(police, 'safetyPart.stolen');
    const stolen = await check(pathOf(car));
    expect(stolen.verdict).to.equal('verified');
    expect(stolen.findings.map(({ code }) => code)).to.include('safetyPart.stolen');
    await part.act(workshop, 'safetyPart.removed', { vehicle: car });
    expect((await check(pathOf(car))).summary?.safetyParts).to.deep.equal([]);
    await part.act(police, 'safetyPart.recovered');
    await part.act(workshop, 'safetyPart.mounted', { vehicle: other });
    await part.act(workshop, 'safetyPart.scrapped');
    const scrapped = await check(pathOf(other));
    expect(scrapped.verdict).to.equal('verified');
    expect(scrapped.findings.map(({ code }) => code)).to.include('safetyPart.scrapped');
    expect((await check(pathOf(car))).verdict).to.equal('verified');
    expect((await test.get(`/v1/parts/${part.subject}`)).body).to.include({
      state: 'scrapped',
      vehicle: other.subject,
    });
  });

  describe('service, core and contract refuse the same', () => {
    const lives: Readonly<Record<string, readonly (readonly [PartKind, boolean?])[]>> = {
      none: [],
      free: [['safetyPart.registered']],
      mounted: [['safetyPart.registered'], ['safetyPart.mounted', true]],
      stolen: [['safetyPart.registered'], ['safetyPart.stolen']],
      'stolen in a vehicle': [['safetyPart.registered'], ['safetyPart.mounted', true], ['safetyPart.stolen']],
      scrapped: [['safetyPart.registered'], ['safetyPart.scrapped']],
      'scrapped in a vehicle': [
        ['safetyPart.registered'],
        ['safetyPart.mounted', true],
        ['safetyPart.scrapped'],
      ],
    };

    /** What the contract says to an action that it is sent now; null: it executes it. */
    async function chainSays({ action, request }: SignedPart): Promise<string | null> {
      const { rpc, deployment } = test.service.services;
      const data = toHex(encodeExecute(action, request.actor as Address, fromBase64Url(request.signature)));
      const [answer] = await rpc.batch([
        { method: 'eth_call', params: [{ to: deployment.parts, data }, 'latest'] },
      ]);
      return answer instanceof RpcRefusal ? codeOfRefusal(answer) : null;
    }

    for (const [name, life] of Object.entries(lives)) {
      it(`from ${name}`, async () => {
        const part = new SafetyPart(test);
        if (life.length > 0) {
          await live(
            part,
            ...life.map(([kind, there]) => [kind, there === true ? { vehicle: car } : {}] as const),
          );
        }
        const state = (await test.get(`/v1/parts/${part.subject}`)).body.state as PartState;
        expect(name.startsWith(state)).to.equal(true);
        let refused = 0;
        for (const kind of kinds) {
          for (const vehicle of [car, other]) {
            for (const revision of [part.revision, part.revision + 1]) {
              const signed = part.sign(byOf(kind), kind, { vehicle, revision });
              const code = await chainSays(signed);
              if (code === null) continue;
              refused += 1;
              const reply = await test.post('/v1/parts/actions', signed.request);
              expect(reply.body.code, `${kind} at ${revision}`).to.equal(code);
            }
          }
        }
        expect(refused).to.be.greaterThan(10);
      });
    }
  });

  it('are taken by nobody without the right, and not under Titles’ name', async () => {
    const part = new SafetyPart(test);
    await live(part, ['safetyPart.registered']);
    const refuse = async (code: string, given: unknown, path = '/v1/parts/actions') => {
      const reply = await test.post(path, given);
      expect(reply.body.code, reply.text).to.equal(code);
    };
    const mount = (by: Attester, deed: PartDeed = {}) =>
      part.sign(by, 'safetyPart.mounted', { vehicle: car, ...deed });
    await refuse('action.kindNotAllowed', mount(supplier).request);
    await refuse('action.kindNotAllowed', part.sign(workshop, 'safetyPart.stolen').request);
    await refuse('action.signature', { ...mount(workshop).request, actor: supplier.signer });
    await refuse('action.malformed', mount(workshop).request, '/v1/titles/actions');
    await refuse('action.malformed', {
      ...mount(workshop).request,
      action: { ...mount(workshop).request.action, kind: 3 },
    });
    await refuse('kind.unknown', mount(workshop, { change: { kind: 31 } }).request);
    await refuse('action.expired', mount(workshop, { deadline: seconds() - 1n }).request);
  });

  it('say in a sealed field which vehicle it is, and not another', async () => {
    const part = new SafetyPart(test);
    await live(part, ['safetyPart.registered']);
    for (const sealed of [{}, { vehicle: formatIdentifier(other.identifier) }]) {
      const signed = part.sign(workshop, 'safetyPart.mounted', { vehicle: car, sealed });
      const reply = await test.post('/v1/parts/actions', signed.request);
      expect(reply.body.code).to.equal('envelope.unbound');
      expect(reply.body.member).to.equal('vehicle');
    }
    const hidden = part.sign(workshop, 'safetyPart.mounted', { vehicle: car }).request;
    const reply = await test.post('/v1/parts/actions', { ...hidden, disclosures: [] });
    expect(reply.body.code).to.equal('envelope.unbound');
  });

  it('let one of two workshops that mount it at once have it', async () => {
    const part = new SafetyPart(test);
    await live(part, ['safetyPart.registered']);
    const rival = await test.admit(`Rival ${randomBytes(3).toString('hex')}`, ['workshop']);
    const replies = await Promise.all([
      test.post('/v1/parts/actions', part.sign(workshop, 'safetyPart.mounted', { vehicle: car }).request),
      test.post('/v1/parts/actions', part.sign(rival, 'safetyPart.mounted', { vehicle: other }).request),
    ]);
    expect(replies.map(({ status }) => status).sort()).to.deep.equal([202, 409]);
    expect(replies.find(({ status }) => status === 409)?.body.code).to.equal('part.conflict');
    await test.until(async () => (await test.get(`/v1/parts/${part.subject}`)).body.revision === 2);
  });

  it('answers the same action the same, and each of a list for itself', async () => {
    const part = new SafetyPart(test);
    const registered = part.sign(supplier, 'safetyPart.registered');
    const first = await test.post('/v1/parts/actions', registered.request);
    expect(first.body.receipt.submission).to.equal(registered.hash);
    await part.anchored(registered.hash);
    const again = await test.post('/v1/parts/actions', registered.request);
    expect(again.status).to.equal(202);
    expect(again.body.receipt).to.deep.equal(first.body.receipt);
    part.revision = 1;
    const list = await test.post('/v1/parts/actions', {
      actions: [part.sign(workshop, 'safetyPart.scrapped').request, { nonsense: true }],
    });
    expect(list.status).to.equal(207);
    expect(list.body.results[0].action.state).to.equal('stored');
    expect(list.body.results[1].problem.code).to.equal('action.malformed');
  });

  describe('privacy', () => {
    it('gives the vehicle’s number to nobody who reads the part, but to who mounted it', async () => {
      const part = new SafetyPart(test);
      await live(part, ['safetyPart.registered'], ['safetyPart.mounted', { vehicle: car }]);
      const vin = car.identifier.value;
      for (const token of [undefined, await test.signIn(supplier), await signInAlone(test, person())]) {
        for (const path of [part.path, `${part.path}/report`, `/v1/parts/${part.subject}`]) {
          const { text } = await test.get(path, { token });
          expect(text).not.to.include(vin);
          expect(JSON.stringify((await check(part.path, token)).entries, bigints)).not.to.include(vin);
        }
      }
      const own = await check(part.path, await test.signIn(workshop));
      expect(own.entries.at(-1)?.sealed.vehicle).to.equal(formatIdentifier(car.identifier));
    });

    it('forgets the vehicle’s number and what is sealed with it when the vehicle is erased; the part stays', async () => {
      const garage = await Garage.open(test, 'Garage of erased parts');
      const gone = targetOf(test, freshVin());
      const part = new SafetyPart(test);
      await live(
        part,
        ['safetyPart.registered'],
        [
          'safetyPart.mounted',
          {
            vehicle: gone,
            sealed: { vehicle: formatIdentifier(gone.identifier), invoiceNumber: 'R-78' },
          },
        ],
      );
      const { body } = await garage.erase({ vehicle: gone.identifier.value });
      expect(body.receipts.map(({ what }: { what: string }) => what).sort()).to.deep.equal([
        'field:invoiceNumber',
        'field:vehicle',
      ]);
      const own = await check(part.path, await test.signIn(workshop));

      expect(own.verdict).to.equal('verified');
      expect(own.entries.at(-1)?.sealed).to.deep.equal({});
      expect(
        own.entries
          .at(-1)
          ?.erasures?.map(({ what }) => what)
          .sort(),
      ).to.deep.equal(['field:invoiceNumber', 'field:vehicle']);
      const vehicle = await check(pathOf(gone));
      expect(vehicle.verdict).to.equal('verified');
      expect(vehicle.summary?.safetyParts[0]).to.include({ identifier: part.name, state: 'mounted' });
    });

    it('hides which part it is, and nothing else, where its mounting is erased', async () => {
      const garage = await Garage.open(test, 'Garage of erased mountings');
      const where = targetOf(test, freshVin());
      const part = new SafetyPart(test);
      await live(part, ['safetyPart.registered']);
      const { action } = await part.act(workshop, 'safetyPart.mounted', { vehicle: where });
      await part.act(police, 'safetyPart.stolen');
      await garage.erase({ entry: action.digest });
      const vehicle = await check(pathOf(where));
      expect(vehicle.verdict).to.equal('verified');
      expect(vehicle.entries[0]).to.include({ status: 'erased' });
      expect(vehicle.summary?.safetyParts[0]).to.include({ identifier: null, state: 'stolen' });
      expect(vehicle.findings.map(({ code }) => code)).to.include.members([
        'entry.erased',
        'safetyPart.stolen',
      ]);
      expect((await check(part.path)).entries[1]).to.include({ status: 'erased' });
    });

    it('shows what is sealed of a mounting to the vehicle’s owner and grantee, on the vehicle’s chain only', async () => {
      const owner = person();
      const grantee = person();
      const vehicle = new Vehicle(test);
      await vehicle.act(registrar, 'title.issued', { party: owner.address, time: '2024-01-01' });
      const part = new SafetyPart(test);
      await part.act(supplier, 'safetyPart.registered');
      const { action } = await part.act(workshop, 'safetyPart.mounted', {
        vehicle: vehicle.target,
        time: new Date().toISOString().slice(0, 10),
        sealed: { vehicle: vehicle.name, invoiceNumber: 'R-77' },
      });
      const shownTo = async (path: string, token?: string): Promise<Record<string, unknown>> => {
        const { entries, verdict } = await check(path, token);
        expect(verdict).to.equal('verified');
        return entries.find(({ link }) => link.digest === action.digest)?.sealed ?? {};
      };
      const asOwner = await signInAlone(test, owner);
      const both = { vehicle: vehicle.name, invoiceNumber: 'R-77' };
      expect(await shownTo(vehicle.path)).to.deep.equal({});
      expect(await shownTo(vehicle.path, asOwner)).to.deep.equal(both);
      expect(await shownTo(part.path, asOwner)).to.deep.equal({});
      expect(await shownTo(vehicle.path, await test.signIn(workshop))).to.deep.equal(both);
      expect(await shownTo(vehicle.path, await test.signIn(supplier))).to.deep.equal({});
      const asGrantee = await signInAlone(test, grantee);
      expect(await shownTo(vehicle.path, asGrantee)).to.deep.equal({});
      const { json } = consentOf(test.ledger, {
        subject: vehicle.subject as Subject,
        signer: owner,
        account: grantee.address,
        fields: ['invoiceNumber'],
        until: seconds() + DAY,
      });
      const given = await test.post('/v1/consents', json, { token: asOwner });
      expect(given.status, given.text).to.equal(201);
      expect(await shownTo(vehicle.path, asGrantee)).to.deep.equal({ invoiceNumber: 'R-77' });
      const log = await vehicle.log();
      expect(log.some(({ reader }) => reader === `organisation:${workshop.id}`)).to.equal(true);
    });
  });
});

const bigints = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
