import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Route } from '../../../api/http/route.ts';
import { routes } from '../../../api/routes/table.ts';
import { fromUtf8 } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { isPdf, reportFromPdf } from '../../../core/pdf/attachment.ts';
import type { ConsentHash } from '../../../core/privacy/consent.ts';
import { type Attester, startTestService, type TestService } from '../fixture.ts';
import { type Person, person } from '../titles/acting.ts';
import { consentOf, freshToken, give, revocationOf, signInAlone, today, Vehicle } from './world.ts';

const API = new URL('../../../api', import.meta.url).pathname;
/** What the claim is called where it comes from. */
const EVENT = 'event of the claim';

/**
 * What is sealed is shown against an entry in the access log, by whatever route. Each route is walked here, by every
 * kind of caller; a new one that takes a body has to be named below before this passes.
 */
describe('no route shows what is sealed without logging it', function () {
  this.timeout(120_000);
  let test: TestService;
  let registrar: Attester;
  let insurer: Attester;
  let owner: Person;
  let grantee: Person;
  let vehicle: Vehicle;
  let entries: ComposedEntry[];
  let consent: ConsentHash;
  let share: { token: string; bearer: `0x${string}` };
  let callers: Record<string, string | undefined>;
  /** By what each secret is recognised in an answer. */
  const secret = `S-${randomBytes(8).toString('hex')}`;

  before(async () => {
    // One of its own: whatever else has sealed fields would be in the operator's answers too.
    test = await startTestService();
    registrar = await test.admit('Registry of all routes', ['registrar']);
    insurer = await test.admit('Insurer of all routes', ['insurer', 'workshop']);
    const other = await test.admit('Grantee of all routes', ['insurer']);
    [owner, grantee] = [person(), person()];
    vehicle = new Vehicle(test);
    await vehicle.act(registrar, 'title.issued', { party: owner.address, sealed: { holderName: secret } });
    const claim = test.compose(insurer, vehicle.name, {
      kind: 'claim',
      time: today(),
      data: { type: 'collision', status: 'settled' },
      sealed: { claimNumber: secret, eventId: EVENT },
    });
    await test.record(insurer, [claim]);
    entries = [claim, await vehicle.service(insurer, { note: secret })];
    const common = { subject: vehicle.subject, signer: owner };
    consent = (await give(test, { ...common, account: grantee.address })).hash;
    await give(test, { ...common, organisation: other.id, purpose: 'insurance' });
    share = freshToken();
    await give(test, { ...common, bearer: share.bearer });
    callers = {
      anyone: undefined,
      attester: await test.signIn(insurer),
      organisation: await test.signIn(other),
      owner: await signInAlone(test, owner),
      account: await signInAlone(test, grantee),
      stranger: await signInAlone(test, person()),
      operator: test.service.operatorToken,
    };
  });
  after(() => test?.stop());

  /** Bodies of routes that could show something, by name. */
  const bodies: Readonly<Record<string, () => unknown>> = {
    searchClaims: () => ({ identifiers: [vehicle.name] }),
    openShare: () => ({ token: share.token }),
    giveConsent: () =>
      consentOf(test.ledger, { subject: vehicle.subject, signer: owner, account: grantee.address }).json,
    revokeConsent: () => revocationOf(test.ledger, consent, person()),
    evaluateSubjects: () => ({ identifiers: [vehicle.name] }),
    traceThing: () => ({ identifier: vehicle.name, direction: 'down' }),
    findAffected: () => ({ vehicles: [vehicle.name] }),
    searchEvents: () => ({ ids: [EVENT] }),
    listSerials: () => ({ serials: ['serial:volta.example:1'] }),
    openAlert: () => ({ opener: share.token, visitor: share.token }),
    checkPart: () => ({ identifier: 'serial:volta.example:1' }),
    callChain: () => ({ jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] }),
    createChallenge: () => ({ signer: owner.address }),
    createErasure: () => ({ target: { entry: entries[0]?.entry.digest }, basis: 'request', dryRun: true }),
  };
  /** Routes whose answers are about what was sent in, or of bytes that are encrypted for somebody else. */
  const takeOnly: readonly string[] = [
    'acceptSubmissions',
    'acceptTitleActions',
    'acceptPartActions',
    'uploadDocument',
    'putSet',
    'putSetChunk',
    'completeSet',
    'putProfile',
    'createSession',
    'createApiKey',
    'runRetention',
    'raiseAlerts',
    'answerAlert',
    'createAlertLink',
    'readNotices',
    'subscribe',
    'createBackup',
  ];

  const parameters = (): Readonly<Record<string, string>> => ({
    id: vehicle.target.identifier.value,
    subject: vehicle.subject,
    digest: entries[0]?.entry.digest ?? '',
    hash: `0x${'11'.repeat(32)}`,
    cid: 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
    maker: 'volta.example',
    publisher: 'volta.example',
    number: '1',
    serial: '1',
    release: '1',
    identifier: vehicle.name,
    reference: `0x${'11'.repeat(16)}`,
    organisation: registrar.id.toString(),
    campaign: '1',
  });
  /** The path of a route with what it is about filled in; `{id}` means another thing in some of them. */
  function pathOf(route: Route): string {
    const ids: Readonly<Record<string, string>> = {
      getConsent: consent,
      revokeConsent: consent,
      getOrganisation: insurer.id.toString(),
      getNonce: insurer.id.toString(),
    };
    const filled = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = (name === 'id' ? ids[route.name] : undefined) ?? parameters()[name];
      expect(value, `${route.name}: say here what ${name} is`).to.be.a('string');
      return value ?? '';
    });
    const query: Readonly<Record<string, string>> = {
      listConsents: '?as=signer',
      listAlerts: '?box=in',
      listTitles: `?owner=${owner.address}`,
    };
    return filled + (query[route.name] ?? '');
  }

  async function answerOf(route: Route, token: string | undefined): Promise<string> {
    const body = bodies[route.name]?.();
    const response = await fetch(test.url + pathOf(route), {
      method: route.method.toUpperCase(),
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return isPdf(bytes) ? reportFromPdf(bytes) : Buffer.from(bytes).toString('utf8');
  }

  /**
   * The entries that an answer opens something of: by the value itself, by the disclosure, or by finding the entry by the
   * value that was asked for.
   */
  const shownIn = (route: Route, answer: string): Digest[] => {
    const digests = entries.map(({ entry }) => entry.digest);
    if (route.name === 'searchEvents') return digests.filter((digest) => answer.includes(digest));
    const found = entries.filter(({ disclosures }) => disclosures.some((one) => answer.includes(one)));
    if (found.length === 0 && answer.includes(secret)) return digests;
    return found.map(({ entry }) => entry.digest);
  };

  it('walked by everybody', async () => {
    const showing = new Set<string>();
    for (const route of routes) {
      if (route.elsewhere === true || route.method === 'delete' || takeOnly.includes(route.name)) continue;
      if (route.method !== 'get') {
        expect(bodies, `name the body of ${route.name}, or that it shows nothing`).to.have.property(
          route.name,
        );
      }
      for (const [caller, token] of Object.entries(callers)) {
        const before = (await vehicle.log()).length;
        const shown = shownIn(route, await answerOf(route, token));
        const logged = (await vehicle.log()).slice(before);
        const at = `${route.name} by ${caller}`;
        if (shown.length > 0) {
          showing.add(at);
          expect(logged, at).not.to.deep.equal([]);
          expect(new Set(logged.map((entry) => entry.route)), at).to.deep.equal(new Set([route.name]));
        }
        // Of what is searched by its value alone, one of the entries is there.
        const told = new Set(logged.flatMap((entry) => entry.shown.map(({ digest }) => digest)));
        if (shown.length === 1) expect([...told], at).to.include(shown[0]);
        if (told.size > 0) expect(shown, `${at}: nothing is logged that is not shown`).not.to.deep.equal([]);
      }
    }
    const histories = ['getVehicle', 'getVehicleReport', 'getVehiclePdf'];
    const entitled = ['attester', 'organisation', 'owner', 'account'];
    const expected = [
      ...histories.flatMap((route) => entitled.map((caller) => `${route} by ${caller}`)),
      ...Object.keys(callers).map((caller) => `openShare by ${caller}`),
      'searchClaims by attester',
      'searchClaims by organisation',
      'searchEvents by attester',
      'exportKeys by operator',
    ];
    expect([...showing].sort()).to.deep.equal(expected.sort());
  });

  it('and nothing in the service opens a disclosure but where the showing is logged', async () => {
    const files = (await readdir(API, { recursive: true })).filter((name) => name.endsWith('.ts'));
    const opening: string[] = [];
    const forging: string[] = [];
    for (const name of files) {
      const text = fromUtf8(await readFile(join(API, name)));
      if (/\bunwrapDisclosure\b/.test(text)) opening.push(name);
      if (/Logged\.prototype|as unknown as Logged|as Logged\b|(?<!#)unwrap\(\s*'disclosure'/.test(text))
        forging.push(name);
    }
    expect(opening.sort()).to.deep.equal(['keyring/keyring.ts', 'privacy/sealed.ts']);
    expect(forging).to.deep.equal([]);
  });
});
