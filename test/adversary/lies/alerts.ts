import { randomBytes } from 'node:crypto';
import { checkAlert } from '../../../cli/alerts/check.ts';
import type { AlertDetail } from '../../../cli/alerts/wire.ts';
import { createRpc } from '../../../cli/rpc.ts';
import { customersOf } from '../../../core/alerts/customers.ts';
import {
  linkSecrets,
  readAlertLink,
  readLinkAnswer,
  signAlertLink,
  signLinkAnswer,
} from '../../../core/alerts/link.ts';
import { factsFromReports } from '../../../core/authenticity/fromReports.ts';
import { judgePart } from '../../../core/authenticity/judge.ts';
import { toBase64Url } from '../../../core/bytes.ts';
import { isVinculumError } from '../../../core/errors.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { readPartCode, signPartCode } from '../../../core/partCode/partCode.ts';
import { parseReport, type Report } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { rpcView } from '../../../core/verify/chainView.ts';
import type { Verification } from '../../../core/verify/result.ts';
import { verify } from '../../../core/verify/verify.ts';
import { answered, freshReference, putOnLedger, raised } from '../../api/alerts/world.ts';
import type { Attester } from '../../api/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import type { System } from '../system.ts';

type Outcome = { readonly fate: Fate; readonly caughtBy: string };

type World = {
  readonly supplier: Attester;
  readonly customer: Attester;
  readonly rival: Attester;
  readonly tokens: ReadonlyMap<Attester, string>;
  readonly serial: string;
};

const worlds = new WeakMap<System, Promise<World>>();

function worldOf(system: System): Promise<World> {
  const known = worlds.get(system);
  if (known !== undefined) return known;
  const made = makeWorld(system);
  worlds.set(system, made);
  return made;
}

const DOMAIN = 'bolts.example';

/** A supplier with a batch of serialised parts, its customer, and somebody who would like to be it. */
async function makeWorld({ test }: System): Promise<World> {
  const supplier = await test.admit('Bolts', ['supplier']);
  const customer = await test.admit('Takes bolts', ['supplier']);
  const rival = await test.admit('Would be Bolts', ['supplier']);
  const tokens = new Map<Attester, string>();
  for (const one of [supplier, customer, rival]) tokens.set(one, await test.signIn(one));
  const treeKey = randomBytes(32);
  const members = [1, 2, 3].map((number) => `serial:${DOMAIN}:B-${number}`);
  const { root } = buildTree(
    treeKey,
    members.map((member) => parseIdentifier(member)),
  );
  const batch = test.compose(supplier, `batch:${DOMAIN}:B`, {
    kind: 'batch.produced',
    time: '2024-01-01',
    data: {
      bizStep: 'commissioning',
      manufacturerId: DOMAIN,
      manufacturerPartId: 'B',
      batchId: 'B',
      nameAtManufacturer: 'Bolt',
      productionDate: '2024-01-01',
      serials: { serialsRoot: root, count: members.length, treeKey: toBase64Url(treeKey) },
    },
  });
  await test.record(supplier, [batch]);
  await test.request('PUT', `/v1/sets/${batch.entry.digest}`, {
    body: { members },
    token: tokens.get(supplier),
  });
  return { supplier, customer, rival, tokens, serial: `serial:${DOMAIN}:B-1` };
}

async function raise(system: System, sealed: (world: World) => Readonly<Record<string, unknown>>) {
  const world = await worldOf(system);
  const alert = { attester: world.supplier, reference: freshReference() };
  const entry = raised(system.test, world.supplier, alert.reference, sealed(world));
  await putOnLedger(system.test, world.supplier, world.tokens.get(world.supplier) ?? '', '/v1/alerts', [
    entry,
  ]);
  return { world, alert, entry };
}

async function detailOf(system: System, by: Attester, reference: string): Promise<AlertDetail> {
  const world = await worldOf(system);
  const { body } = await system.test.get(`/v1/alerts/${reference}`, { token: world.tokens.get(by) });
  return structuredClone(body) as AlertDetail;
}

/** What the raiser's command line makes of an alert as the service shows it. */
async function shown(system: System, detail: AlertDetail): Promise<Outcome> {
  try {
    await checkAlert(createRpc(system.test.service.rpcUrl), system.test.ledger, detail);
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    return { fate: 'refused', caughtBy: error.code };
  }
  return { fate: 'uncaught', caughtBy: 'nothing' };
}

/** What the service answers to an entry. */
async function handedIn(
  system: System,
  by: Attester,
  reference: string,
  entry: Parameters<typeof system.test.sign>[1][number],
): Promise<Outcome> {
  const { tokens } = await worldOf(system);
  const path = `/v1/alerts/${reference}/answers`;
  const { status, body } = await system.test.post(path, system.test.sign(by, [entry]), {
    token: tokens.get(by),
  });
  return status >= 400 ? { fate: 'refused', caughtBy: body.code } : { fate: 'uncaught', caughtBy: 'nothing' };
}

async function linked(system: System) {
  const { world, alert, entry } = await raise(system, () => ({ customer: 'abroad.example' }));
  const { opener, secretKey, holder, bearer } = linkSecrets(randomBytes(32));
  const from = BigInt(Math.floor(Date.now() / 1000));
  const link = signAlertLink(
    system.test.ledger,
    { alert: entry.entry.digest, holder, bearer, from, until: from + 86_400n },
    world.supplier.key,
  );
  await system.test.post('/v1/alerts/links', link, { token: world.tokens.get(world.supplier) });
  const read = readAlertLink(system.test.ledger, link);
  const say = (key: Uint8Array, status: 'accepted' | 'declined') =>
    signLinkAnswer(
      system.test.ledger,
      { link: read.hash, status, reason: 'Because.', by: 'Abroad', at: from },
      key,
    );
  return { world, alert, link, read, say, opener: toBase64Url(opener), secretKey };
}

const codeOf = (system: System, identifier: string, by: Attester, key = by.key): string =>
  signPartCode(
    { identifier: parseIdentifier(identifier), organisation: by.id, ledger: system.test.ledger },
    key,
  );

async function readVerified(system: System, path: string, lie: (report: Report) => void = () => {}) {
  const report = parseReport((await system.test.get(path)).text);
  lie(report);
  const verification = await verify(report, system.trust, (chainId) =>
    rpcView([(method, params) => system.chain.call(method, [...params])], chainId),
  );
  return { report, verification, verdict: verification.verdict };
}

/** What a reader makes of a part, whose batch's report somebody has changed on the way. */
async function partCheck(system: System, name: string, lie: (report: Report) => void) {
  const asked = name === 'B-99' ? 'B-1' : name;
  const batch = await readVerified(
    system,
    `/v1/batches/${DOMAIN}/B/report?serial=${encodeURIComponent(`serial:${DOMAIN}:${asked}`)}`,
    lie,
  );
  const { facts } = factsFromReports(
    parseIdentifier(`serial:${DOMAIN}:${name}`),
    null,
    {
      own: await readVerified(system, `/v1/serials/${DOMAIN}/${name}/report`),
      batches: [batch],
      unread: 0,
    },
    {
      ...{ code: null, notInSets: false, scrapped: false, stolen: false },
      ...{ mounted: 0, recalls: 0, quarantines: 0 },
    },
  );
  return { batch, ...judgePart(facts) };
}

const failuresOf = ({ steps }: Verification): string[] =>
  steps.flatMap(({ step, checks }) =>
    checks.flatMap(({ outcome, code }) => (outcome === 'failed' ? [`${step} ${code}`] : [])),
  );

async function checked(system: System, body: object) {
  return (await system.test.post('/v1/checks', body)).body;
}

export const alertLies: readonly OtherLie[] = [
  {
    lie: 'claims that the recipient acknowledged an alert',
    by: 'operator',
    caughtBy: 'alert.refuted',
    fate: 'refused',
    async run(system) {
      const { world, alert } = await raise(system, ({ customer }) => ({ recipient: customer.id.toString() }));
      const detail = await detailOf(system, world.supplier, alert.reference);
      // An entry that is bound and right in every way, but for standing on the customer's chain.
      const invented = answered(system.test, world.customer, alert, 'acknowledged');
      const { digest } = invented.entry;
      detail.state = 'acknowledged';
      detail.answers = [
        {
          status: 'acknowledged',
          organisation: world.customer.id.toString(),
          at: 1,
          entry: digest,
          byLink: false,
        },
      ];
      detail.contents[digest] = {
        block: toBase64Url(invented.block),
        key: toBase64Url(invented.key),
        disclosures: [...invented.disclosures],
      };
      return shown(system, detail);
    },
  },
  {
    lie: 'shows a decline as an acceptance',
    by: 'operator',
    caughtBy: 'alert.refuted',
    fate: 'refused',
    async run(system) {
      const { world, alert } = await raise(system, ({ customer }) => ({ recipient: customer.id.toString() }));
      await putOnLedger(
        system.test,
        world.customer,
        world.tokens.get(world.customer) ?? '',
        `/v1/alerts/${alert.reference}/answers`,
        [answered(system.test, world.customer, alert, 'declined', { description: 'No.' })],
      );
      const detail = await detailOf(system, world.supplier, alert.reference);
      const [answer] = detail.answers;
      if (answer !== undefined) answer.status = 'accepted';
      return shown(system, detail);
    },
  },
  {
    lie: 'answers an alert in the place of the holder of its link',
    by: 'operator',
    caughtBy: 'alert.linkSignature',
    fate: 'refused',
    async run(system) {
      const { read, say } = await linked(system);
      try {
        readLinkAnswer(system.test.ledger, read, say(randomBytes(32), 'accepted'));
      } catch (error) {
        if (!isVinculumError(error)) throw error;
        return { fate: 'refused', caughtBy: error.code };
      }
      return { fate: 'uncaught', caughtBy: 'nothing' };
    },
  },
  {
    lie: 'says that a batch’s set holds a part that it does not',
    by: 'operator',
    caughtBy: 'findings tree.invalidProof',
    fate: 'refuted',
    async run(system) {
      await worldOf(system);
      // The proof of another one, under this one's name.
      const { batch, state } = await partCheck(system, 'B-99', (report) => {
        report.member = `serial:${DOMAIN}:B-99`;
      });
      const codes = failuresOf(batch.verification);
      return state === 'genuine'
        ? { fate: 'uncaught', caughtBy: 'nothing' }
        : { fate: batch.verdict === 'refuted' ? 'refuted' : 'uncaught', caughtBy: codes[0] ?? 'nothing' };
    },
  },
  {
    lie: 'withholds from a part check that the part’s batch is held back',
    by: 'operator',
    caughtBy: 'history.incomplete',
    fate: 'incomplete',
    async run(system) {
      const { supplier } = await worldOf(system);
      const hold = { bizStep: 'holding', reason: 'defectFound' } as const;
      const held = system.test.compose(supplier, `batch:${DOMAIN}:B`, {
        ...{ kind: 'batch.quarantined', time: '2024-02-01', data: hold },
      });
      await system.test.record(supplier, [held]);
      const { state, reasons } = await partCheck(system, 'B-1', (report) => {
        report.contents[held.entry.digest] = { withheld: 'not at hand' };
      });
      const freed = system.test.compose(supplier, `batch:${DOMAIN}:B`, {
        ...{ kind: 'batch.released', time: '2024-02-02' },
        data: { bizStep: 'inspecting', outcome: 'usable', quarantined: held.entry.digest },
      });
      await system.test.record(supplier, [freed]);
      const caught = reasons.find((reason) => reason === 'history.incomplete');
      return state === 'genuine' || caught === undefined
        ? { fate: 'uncaught', caughtBy: 'nothing' }
        : { fate: 'incomplete', caughtBy: caught };
    },
  },
  {
    lie: 'claims a shipment that went to somebody else, to be sent the alerts about it',
    by: 'attester',
    caughtBy: 'the name that the shipper gave: who claims it under another gets nothing',
    fate: 'unchanged',
    async run(system) {
      const { supplier, rival } = await worldOf(system);
      const on = `batch:${DOMAIN}:S`;
      const shipped = system.test.compose(supplier, on, {
        ...{ kind: 'batch.shipped', time: '2024-01-03' },
        data: { bizStep: 'shipping', from: DOMAIN, to: 'takes-bolts.example' },
      });
      await system.test.record(supplier, [shipped]);
      const claim = system.test.compose(rival, on, {
        ...{ kind: 'batch.received', time: '2024-01-04' },
        data: { bizStep: 'receiving', by: 'rival.example', accepted: true, shipped: shipped.entry.digest },
      });
      await system.test.record(rival, [claim]);
      const { verification } = await readVerified(system, `/v1/batches/${DOMAIN}/S/report`);
      const [customer] = customersOf(verification.effective, supplier.id);
      return customer?.organisation === null && customer.party === 'takes-bolts.example'
        ? { fate: 'unchanged', caughtBy: this.caughtBy }
        : { fate: 'uncaught', caughtBy: 'nothing' };
    },
  },
  {
    lie: 'answers an alert that was raised for somebody else',
    by: 'attester',
    caughtBy: 'alert.notParty',
    fate: 'refused',
    async run(system) {
      const { world, alert } = await raise(system, ({ customer }) => ({ recipient: customer.id.toString() }));
      const entry = answered(system.test, world.rival, alert, 'acknowledged');
      return handedIn(system, world.rival, alert.reference, entry);
    },
  },
  {
    lie: 'attests that the holder of a link accepted, who declined',
    by: 'attester',
    caughtBy: 'alert.linkSignature',
    fate: 'refused',
    async run(system) {
      const { world, alert, link, say, secretKey } = await linked(system);
      const answer = { ...say(secretKey, 'declined'), status: 'accepted' };
      const entry = answered(system.test, world.supplier, alert, 'accepted', {
        linkAnswer: { link, answer },
      });
      return handedIn(system, world.supplier, alert.reference, entry);
    },
  },
  {
    lie: 'opens an alert by a link that another has opened',
    by: 'grantee',
    caughtBy: 'alert.linkTaken',
    fate: 'refused',
    async run(system) {
      const { opener } = await linked(system);
      const visit = () =>
        system.test.post('/v1/alerts/open', { opener, visitor: toBase64Url(randomBytes(32)) });
      await visit();
      const { status, body } = await visit();
      return status >= 400
        ? { fate: 'refused', caughtBy: body.code }
        : { fate: 'uncaught', caughtBy: 'nothing' };
    },
  },
  {
    lie: 'prints a part code with a key of nobody’s',
    by: 'forger',
    caughtBy: 'code.foreignKey',
    fate: 'refuted',
    async run(system) {
      const { supplier, serial } = await worldOf(system);
      const { state, reasons } = await checked(system, {
        code: codeOf(system, serial, supplier, randomBytes(32)),
      });
      return { fate: state === 'forged' ? 'refuted' : 'uncaught', caughtBy: reasons[0] };
    },
  },
  {
    lie: 'signs another maker’s part number with a good key of its own',
    by: 'attester',
    caughtBy: 'code.otherMaker',
    fate: 'refuted',
    async run(system) {
      const { rival, serial } = await worldOf(system);
      const { state, reasons } = await checked(system, { code: codeOf(system, serial, rival) });
      return { fate: state === 'forged' ? 'refuted' : 'uncaught', caughtBy: reasons[0] };
    },
  },
  {
    lie: 'puts the signature of one part code under another number',
    by: 'forger',
    caughtBy: 'code.foreignKey',
    fate: 'refuted',
    async run(system) {
      const { supplier, serial } = await worldOf(system);
      const other = codeOf(system, `serial:${DOMAIN}:B-2`, supplier).split('.')[1];
      const [, , signature] = codeOf(system, serial, supplier).split('.');
      const code = `VN1.${other}.${signature}`;
      // It recovers to some key, or to none.
      const expected = readPartCode(code).signer === null ? 'code.signature' : 'code.foreignKey';
      const { state, reasons } = await checked(system, { code });
      const caughtBy = reasons[0] === expected ? 'code.foreignKey' : reasons[0];
      return { fate: state === 'forged' ? 'refuted' : 'uncaught', caughtBy };
    },
  },
  {
    lie: 'copies a genuine part code and puts it on other parts around the world',
    by: 'forger',
    caughtBy: 'cloned.farApart',
    fate: 'warned',
    async run(system) {
      const { supplier } = await worldOf(system);
      const code = codeOf(system, `serial:${DOMAIN}:B-3`, supplier);
      await checked(system, { code, place: { country: 'FR' } });
      const { flags } = await checked(system, { code, place: { country: 'AU' } });
      return flags.length === 0
        ? { fate: 'uncaught', caughtBy: 'nothing' }
        : { fate: 'warned', caughtBy: flags[0] };
    },
  },
];
