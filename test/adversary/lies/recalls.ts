import { randomBytes } from 'node:crypto';
import { fromBase64Url, toBase64Url } from '../../../core/bytes.ts';
import type { Digest } from '../../../core/chain/types.ts';
import { digestOf } from '../../../core/envelope/block.ts';
import { type Content, openEnvelope } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { Report, ReportContent, ReportLink } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import type { Attester } from '../../api/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { meaning, type Reading, read } from '../reader.ts';
import type { System } from '../system.ts';
import { contentOf, section } from './operator.ts';

type Outcome = { readonly fate: Fate; readonly caughtBy: string };

const CAMPAIGN = 'R-2024-007';
let numbers = 0;

/** A maker of its own: what happens on its chain is in nobody else's report. */
type World = {
  readonly maker: Attester;
  readonly token: string;
  /** Listed by the opening, and remedied. */
  readonly remedied: string;
  /** Listed by the opening, open. */
  readonly listed: string;
  /** Listed by the extension alone, open. */
  readonly extended: string;
  readonly opening: Digest;
  readonly extension: Digest;
  readonly remedy: Digest;
};

const worlds = new WeakMap<System, Promise<World>>();

function worldOf(system: System): Promise<World> {
  const known = worlds.get(system);
  if (known !== undefined) return known;
  const made = makeWorld(system);
  worlds.set(system, made);
  return made;
}

async function makeWorld(system: System): Promise<World> {
  const { test } = system;
  const maker = await test.admit('Nordlicht Motoren', ['manufacturer']);
  const token = await test.signIn(maker);
  const [remedied, listed, extended] = [
    await build(system, maker),
    await build(system, maker),
    await build(system, maker),
  ];
  const opening = await list(system, maker, token, 'recall.opened', [remedied, listed]);
  const extension = await list(system, maker, token, 'recall.extended', [extended]);
  const remedy = await state(system, system.workshop, remedied, remedyOf(maker));
  await state(system, maker, 'own', {
    kind: 'recall.closed',
    time: '2024-12-01',
    data: { campaign: CAMPAIGN, reason: 'completed' },
  });
  return { maker, token, remedied, listed, extended, opening, extension, remedy };
}

async function state(system: System, by: Attester, on: string, content: Content): Promise<Digest> {
  const entry = system.test.compose(by, on, content);
  await system.test.record(by, [entry]);
  return entry.entry.digest;
}

async function build(system: System, maker: Attester): Promise<string> {
  numbers += 1;
  const vin = `WVWZZZ6RZ${String(numbers).padStart(8, '0')}`;
  const data = { manufacturerId: 'nordlicht.example', productionDate: '2023-05-02' };
  await state(system, maker, vin, { kind: 'vehicle.built', time: '2023-05-02', data });
  return vin;
}

const remedyOf = (attester: Pick<Attester, 'id'>, time = '2024-06-01', campaign = CAMPAIGN): Content => ({
  kind: 'recall.remedied',
  time,
  data: { attester: attester.id.toString(), campaign, outcome: 'remedied' },
});

function listing(
  kind: 'recall.opened' | 'recall.extended',
  vins: readonly string[],
  campaign = CAMPAIGN,
): Content {
  const treeKey = randomBytes(32);
  const tree = buildTree(
    treeKey,
    vins.map((vin) => parseIdentifier(vin)),
  );
  const opened = {
    title: { en: 'Seat belt anchor' },
    component: 'seatBelts',
    remedy: { en: 'Fasten it' },
    severity: 'safety',
  };
  return {
    kind,
    time: '2024-02-01',
    data: {
      ...(kind === 'recall.opened' ? opened : {}),
      ...{ campaign, affectedRoot: tree.root, affectedCount: tree.count, treeKey: toBase64Url(treeKey) },
    },
  };
}

async function list(
  system: System,
  by: Attester,
  token: string,
  kind: 'recall.opened' | 'recall.extended',
  vins: readonly string[],
  campaign = CAMPAIGN,
): Promise<Digest> {
  const digest = await state(system, by, 'own', listing(kind, vins, campaign));
  const members = vins.map((vin) => `vin:${vin}`);
  const kept = await system.test.request('PUT', `/v1/sets/${digest}`, { token, body: { members } });
  if (kept.status !== 200) throw new Error(kept.text);
  return digest;
}

const stateIn = ({ result }: Reading) =>
  result?.summary?.recalls.campaigns.find(({ campaign }) => campaign === CAMPAIGN)?.state;

/** Tells readers a changed report, and says what they make of it; those who ask and those who take its proof must agree. */
async function told(
  system: System,
  pick: (world: World) => string,
  tell: (report: Report, world: World) => void | Promise<void>,
): Promise<Outcome> {
  const world = await worldOf(system);
  const vin = pick(world);
  const honest = await read(system, 'rpc', vin);
  if (honest.verdict !== 'verified' || stateIn(honest) === undefined) throw new Error(honest.codes.join());
  const report = await system.honest(vin);
  await tell(report, world);
  system.operator.lie = { json: (path, answer) => (path.endsWith('/report') ? report : answer) };
  const outcomes: Outcome[] = [];
  for (const reader of ['rpc', 'proof', 'cli'] as const) {
    const { verdict, codes } = await read(system, reader, vin);
    outcomes.push({ fate: verdict === 'verified' ? 'uncaught' : verdict, caughtBy: codes[0] ?? '' });
  }
  system.operator.lie = {};
  const [first] = outcomes;
  if (
    first === undefined ||
    outcomes.some(({ fate, caughtBy }) => fate !== first.fate || caughtBy !== first.caughtBy)
  ) {
    throw new Error(JSON.stringify(outcomes));
  }
  return first;
}

/** What an attester has anchored: the campaign must be as open as before, and a finding must say what it is. */
async function anchored(system: System, vin: string, code: string): Promise<Outcome> {
  const reading = await read(system, 'rpc', vin);
  if (reading.verdict !== 'verified') throw new Error(reading.codes.join());
  const found = reading.findings?.some((finding) => finding.code === code) === true;
  return stateIn(reading) === 'open' && found
    ? { fate: 'warned', caughtBy: `finding ${code}` }
    : { fate: 'uncaught', caughtBy: String(stateIn(reading)) };
}

function openOwn(report: Report, { maker }: World): { links: ReportLink[] } {
  const own = section(report).ownChains.find(({ organisation }) => organisation === maker.id.toString());
  if (own === undefined) throw new Error('no own chain');
  return own as { links: ReportLink[] };
}

const operator = 'operator' as const;
const attester = 'attester' as const;

/** What can be said of a recall campaign that is not so. */
export const recallLies: readonly OtherLie[] = [
  {
    lie: 'hides the extension of a campaign from a vehicle that it lists',
    ...{ by: operator, caughtBy: 'completeness head.ownChain', fate: 'refuted' },
    run: (system) =>
      told(
        system,
        ({ extended }) => extended,
        (report, world) => {
          const own = openOwn(report, world);
          own.links = own.links.filter(({ digest }) => digest !== world.extension);
          delete report.contents[world.extension];
        },
      ),
  },
  {
    lie: 'answers for the extension of a campaign by a proof from the tree of its opening',
    ...{ by: operator, caughtBy: 'findings tree.invalidProof', fate: 'refuted' },
    run: (system) =>
      told(
        system,
        ({ extended }) => extended,
        (report, { opening, extension }) => {
          const { setProof } = contentOf(report, opening);
          Object.assign(contentOf(report, extension), { setProof });
        },
      ),
  },
  {
    lie: 'proves "not in the recall" from a tree of its own, under the campaign’s key',
    ...{ by: operator, caughtBy: 'findings tree.invalidProof', fate: 'refuted' },
    run: (system) =>
      told(
        system,
        ({ listed }) => listed,
        (report, { opening, remedied, listed }) => {
          const content = contentOf(report, opening);
          const { treeKey } = envelopeData(content);
          const others = [remedied, 'WVWZZZ6RZ90000001', 'WVWZZZ6RZ90000002'].map((vin) =>
            parseIdentifier(vin),
          );
          const tree = buildTree(fromBase64Url(treeKey), others);
          Object.assign(content, { setProof: tree.prove(parseIdentifier(listed)) });
        },
      ),
  },
  {
    lie: 'shows a closed campaign as remedied, by the remedy of another vehicle',
    ...{ by: operator, caughtBy: 'completeness head.subject', fate: 'refuted' },
    run: (system) =>
      told(
        system,
        ({ listed }) => listed,
        async (report, { remedied, remedy }) => {
          const other = await system.honest(remedied);
          const link = section(other).links.find(({ digest }) => digest === remedy);
          const content = other.contents[remedy];
          if (link === undefined || content === undefined) throw new Error('no remedy');
          (section(report).links as ReportLink[]).push(link);
          (report.contents as Record<string, ReportContent>)[remedy] = content;
          if (digestOf(fromBase64Url(contentOf(other, remedy).block)) !== remedy)
            throw new Error('another block');
        },
      ),
  },
  {
    lie: 'keeps back the remedy of a vehicle, to have it look open',
    ...{ by: operator, caughtBy: 'completeness head.subject', fate: 'refuted' },
    run: (system) =>
      told(
        system,
        ({ remedied }) => remedied,
        (report, { remedy }) => {
          const { links } = section(report);
          links.splice(0, links.length, ...links.filter(({ digest }) => digest !== remedy));
          delete report.contents[remedy];
        },
      ),
  },
  {
    lie: 'closes a campaign to have what is open in it look remedied',
    ...{ by: attester, caughtBy: 'finding recall.open', fate: 'warned' },
    run: async (system) => anchored(system, (await worldOf(system)).listed, 'recall.open'),
  },
  {
    lie: 'claims a remedy for a campaign of another maker',
    ...{ by: attester, caughtBy: 'finding recall.remedyIgnored', fate: 'warned' },
    async run(system) {
      const { listed } = await worldOf(system);
      await state(system, system.workshop, listed, remedyOf(system.maker));
      return anchored(system, listed, 'recall.remedyIgnored');
    },
  },
  {
    lie: 'claims a remedy from before the campaign listed the vehicle',
    ...{ by: attester, caughtBy: 'finding recall.remedyIgnored', fate: 'warned' },
    async run(system) {
      const { maker, extended } = await worldOf(system);
      await state(system, system.workshop, extended, remedyOf(maker, '2024-01-31'));
      return anchored(system, extended, 'recall.remedyIgnored');
    },
  },
  {
    lie: 'opens a campaign about vehicles that it neither built nor watches over as an authority',
    ...{
      by: attester,
      caughtBy: 'their reports show its makers’ campaigns alone, and no owner is told',
      fate: 'unchanged',
    },
    async run(system) {
      const { test } = system;
      const { listed } = await worldOf(system);
      const stranger = await test.admit('Somebody else', ['supplier']);
      const fleet = await test.admit('Fleet of somebody', ['fleet']);
      const token = await test.signIn(fleet);
      await test.post('/v1/subscriptions', { identifiers: [`vin:${listed}`] }, { token });
      const before = await read(system, 'rpc', listed);
      const digest = await list(
        system,
        stranger,
        await test.signIn(stranger),
        'recall.opened',
        [listed],
        'R-FALSE',
      );
      await system.chain.mine(2);
      await test.until(async () => {
        const { body } = await test.get(`/v1/recalls/${stranger.id}/R-FALSE`);
        return body.campaign.entries.every((entry: { told: boolean }) => entry.told);
      }, 30_000);
      const after = await read(system, 'rpc', listed);
      const { body } = await test.get('/v1/notices', { token });
      const isTold = body.notices.some(({ entry }: { entry: string }) => entry === digest);
      if (before.result === undefined || after.result === undefined) throw new Error(after.codes.join());
      return meaning(before.result) === meaning(after.result) && !isTold
        ? {
            fate: 'unchanged',
            caughtBy: 'their reports show its makers’ campaigns alone, and no owner is told',
          }
        : { fate: 'uncaught', caughtBy: String(isTold) };
    },
  },
];

function envelopeData(content: { readonly block: string; readonly key: string }): { treeKey: string } {
  const envelope = openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key));
  return { treeKey: String(envelope.data.treeKey) };
}
