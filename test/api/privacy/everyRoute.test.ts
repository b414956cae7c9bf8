import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Route } from '../../../api/http/route.ts';
import { routes } from '../../../api/routes/table.ts';
import { linkSecrets, signAlertLink } from '../../../core/alerts/link.ts';
import { fromUtf8, toBase64Url, toHex } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import type { ComposedEntry } from '../../../core/envelope/envelope.ts';
import { isPdf, reportFromPdf } from '../../../core/pdf/attachment.ts';
import type { AccessEntry } from '../../../core/privacy/accessLog.ts';
import type { ConsentHash } from '../../../core/privacy/consent.ts';
import { answered, freshReference, raised } from '../alerts/world.ts';
import { type Attester, startTestService, type TestService } from '../fixture.ts';
import { type Person, person } from '../titles/acting.ts';
import { consentOf, freshToken, give, revocationOf, signInAlone, today, Vehicle } from './world.ts';

const API = new URL('../../../api', import.meta.url).pathname;
/** What the claim is called where it comes from. */
const EVENT = 'event of the claim';
const BATCH = 'batch:volta.example:1';
const PART = 'serial:volta.example:1';

/**
 * What is sealed is shown against an entry in the access log, by whatever route. Each route is walked here, by every
 * kind of caller; a new one that takes a body has to be named below before this passes.
 */
describe('no route shows what is sealed without logging it', function () {
  this.timeout(120_000);
  let test: TestService;
  let registrar: Attester;
  let insurer: Attester;
  let maker: Attester;
  let owner: Person;
  let grantee: Person;
  let vehicle: Vehicle;
  let entries: ComposedEntry[];
  let consent: ConsentHash;
  let share: { token: string; bearer: `0x${string}` };
  let callers: Record<string, string | undefined>;
  /** Of an alert to the insurer, and of the link to another one. */
  const alert = freshReference();
  const link = linkSecrets(randomBytes(32));
  const device = toBase64Url(randomBytes(32));
  /** By what each secret is recognised in an answer. */
  const secret = `S-${randomBytes(8).toString('hex')}`;
  /** What the maker sealed of what its batch is made of: its traces tell it, and nobody else's. */
  const covert = `batch:volta.example:${secret}-covert`.replace('S-', 'C-');

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
    entries = [claim, await vehicle.service(insurer, { note: secret }), ...(await makeAndAlert())];
    const common = { subject: vehicle.subject, signer: owner };
    consent = (await give(test, { ...common, account: grantee.address })).hash;
    await give(test, { ...common, organisation: other.id, purpose: 'insurance' });
    share = freshToken();
    await give(test, { ...common, bearer: share.bearer });
    callers = {
      anyone: undefined,
      attester: await test.signIn(insurer),
      maker: await test.signIn(maker),
      organisation: await test.signIn(other),
      owner: await signInAlone(test, owner),
      account: await signInAlone(test, grantee),
      stranger: await signInAlone(test, person()),
      operator: test.service.operatorToken,
    };
  });
  after(() => test?.stop());

  /** A batch and a part with sealed fields, and alerts about them: one between two organisations, one by a link. */
  async function makeAndAlert(): Promise<ComposedEntry[]> {
    maker = await test.admit('Maker of all routes', ['supplier']);
    const made = {
      bizStep: 'commissioning',
      manufacturerId: 'volta.example',
      manufacturerPartId: 'VB-1',
      nameAtManufacturer: 'Traction battery',
      productionDate: '2024-01-19',
    };
    const batch = test.compose(maker, BATCH, {
      kind: 'batch.produced',
      time: '2024-01-19',
      data: { ...made, batchId: '1' },
      sealed: { orderNumber: secret, inputs: [{ batch: covert }] },
    });
    const part = test.compose(maker, PART, {
      kind: 'part.produced',
      time: '2024-01-19',
      data: made,
      sealed: { orderNumber: secret, batch: BATCH },
    });
    await test.record(maker, [batch, part]);
    const about = { description: secret, affectedBatches: [BATCH] };
    const direct = raised(test, maker, alert, { ...about, recipient: insurer.id.toString() });
    const outside = raised(test, maker, freshReference(), { ...about, customer: 'outside.example' });
    await test.record(maker, [direct, outside]);
    const answer = answered(test, insurer, { attester: maker, reference: alert }, 'accepted', {
      description: secret,
    });
    await test.record(insurer, [answer]);
    const from = BigInt(Math.floor(Date.now() / 1000));
    const { holder, bearer } = link;
    const signed = signAlertLink(
      test.ledger,
      { alert: outside.entry.digest, holder, bearer, from, until: from + 86_400n },
      maker.key,
    );
    const token = await test.signIn(maker);
    expect((await test.post('/v1/alerts/links', signed, { token })).status).to.equal(201);
    // The maker sees what it sealed of what its batch is made of, once that is in the graph.
    await test.until(async () => {
      const { text } = await test.post('/v1/traces', { identifier: BATCH, direction: 'down' }, { token });
      return text.includes(covert);
    });
    return [batch, part, direct, outside, answer];
  }

  /** Bodies of routes that could show something, by name. */
  const bodies: Readonly<Record<string, () => unknown>> = {
    searchClaims: () => ({ identifiers: [vehicle.name] }),
    openShare: () => ({ token: share.token }),
    giveConsent: () =>
      consentOf(test.ledger, { subject: vehicle.subject, signer: owner, account: grantee.address }).json,
    revokeConsent: () => revocationOf(test.ledger, consent, person()),
    evaluateSubjects: () => ({ identifiers: [vehicle.name] }),
    traceThing: () => ({ identifier: BATCH, direction: 'down' }),
    findAffected: () => ({ vehicles: [vehicle.name] }),
    searchEvents: () => ({ ids: [EVENT] }),
    listSerials: () => ({ serials: [PART] }),
    openAlert: () => ({ opener: toBase64Url(link.opener), visitor: device }),
    checkPart: () => ({ identifier: PART }),
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
    reference: alert,
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

  /** All that stands in any access log, by its place. */
  async function logged(): Promise<Map<string, AccessEntry>> {
    const rows = await test.service.services.store.query<{
      subject: Uint8Array;
      position: bigint;
      entry: AccessEntry;
    }>('SELECT subject::bytea AS subject, position, entry FROM access_entries');
    return new Map(rows.map(({ subject, position, entry }) => [`${toHex(subject)} ${position}`, entry]));
  }

  /**
   * The entries that an answer opens something of: by the value itself, which is that of any of them; by the disclosure; or by
   * finding the entry by the value that was asked for.
   */
  const shownIn = (route: Route, answer: string): { digests: Digest[]; exactly: boolean } => {
    const digests = entries.map(({ entry }) => entry.digest);
    if (route.name === 'searchEvents') {
      return { digests: digests.filter((digest) => answer.includes(digest)), exactly: true };
    }
    const found = entries.filter(({ disclosures }) => disclosures.some((one) => answer.includes(one)));
    if (found.length > 0) return { digests: found.map(({ entry }) => entry.digest), exactly: true };
    return { digests: answer.includes(secret) ? digests : [], exactly: false };
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
        const before = await logged();
        const answer = await answerOf(route, token);
        const { digests: shown, exactly } = shownIn(route, answer);
        const fresh = [...(await logged())].flatMap(([place, entry]) => (before.has(place) ? [] : [entry]));
        const at = `${route.name} by ${caller}`;
        if (answer.includes(covert))
          expect(caller, `${at}: what the maker alone may trace`).to.equal('maker');
        if (shown.length > 0) {
          showing.add(at);
          expect(fresh, at).not.to.deep.equal([]);
          expect(new Set(fresh.map((entry) => entry.route)), at).to.deep.equal(new Set([route.name]));
        }
        const told = new Set<string>(fresh.flatMap((entry) => entry.shown.map(({ digest }) => digest)));
        // Of what is searched by its value alone, one of the entries is there.
        if (exactly) expect([...told], at).to.include.members(shown);
        if (told.size > 0) expect(shown, `${at}: nothing is logged that is not shown`).not.to.deep.equal([]);
      }
    }
    const histories = ['getVehicle', 'getVehicleReport', 'getVehiclePdf'];
    const entitled = ['attester', 'organisation', 'owner', 'account'];
    const expected = [
      ...histories.flatMap((route) => entitled.map((caller) => `${route} by ${caller}`)),
      ...['getBatch', 'getBatchReport', 'getSerial', 'getSerialReport'].map((route) => `${route} by maker`),
      ...['openShare', 'openAlert'].flatMap((route) =>
        Object.keys(callers).map((caller) => `${route} by ${caller}`),
      ),
      'getAlert by attester',
      'getAlert by maker',
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
