import { toBase64Url, toHex } from '../../../core/bytes.ts';
import { packEntries } from '../../../core/chain/entry.ts';
import { signSubmission } from '../../../core/chain/submission.ts';
import type { Address, OrganisationId } from '../../../core/chain/types.ts';
import { type Content, composeEntry } from '../../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import type { LedgerSection, Report, ReportContent, ReportLink } from '../../../core/report/report.ts';
import type { Attester } from '../../api/fixture.ts';
import { person, sign } from '../../api/titles/acting.ts';
import type { ReportLie } from '../lie.ts';
import { CAR, type System, subjectOf, TITLED_CAR } from '../system.ts';
import { section } from './operator.ts';
import { withoutProofs } from './proofs.ts';

type Second = {
  /** Really deployed and, once {@link addSecond} was called, really listed in the directory. */
  readonly second: Address;
  readonly titles: Address;
};

const deployed = new WeakMap<System, Promise<Second>>();

/** A second ledger of the same operators, for the same organisations and with the same pseudonym key. */
export function ledgersOf(system: System): Promise<Second> {
  const known = deployed.get(system) ?? deploy(system);
  deployed.set(system, known);
  return known;
}

const ZERO = `0x${'00'.repeat(20)}`;

async function deploy(system: System): Promise<Second> {
  const { services } = system.test.service;
  const { authority, organisations } = services.deployment;
  const key = toHex(services.keyring.pseudonymPublicKey);
  const titles = await system.chain.deploy('Titles', organisations);
  const second = await system.chain.deploy('Ledger', authority, organisations, key, titles, ZERO);
  await system.chain.send('deployer', ['Titles', titles], 'bind', [second]);
  return { second, titles };
}

const added = new WeakMap<System, Promise<SecondHistory>>();

type SecondHistory = {
  /** The service’s report from before the second ledger was listed, with its proof. */
  readonly before: Report;
  /** The report on the car with both ledgers, as an honest operator of both would make it. */
  readonly report: Report;
};

/** Lists the second ledger in the directory, and records a further accident and a further recall on it. */
export function addSecond(system: System): Promise<SecondHistory> {
  const known = added.get(system) ?? add(system);
  added.set(system, known);
  return known;
}

async function add(system: System): Promise<SecondHistory> {
  const { test, chain, insurer, maker } = system;
  const { second } = await ledgersOf(system);
  const { deployment } = test.service.services;
  const before = await system.honest(CAR);
  const [first] = before.directory.links;
  if (first?.change !== 'added') throw new Error('a directory without a ledger');
  const values = [
    deployment.chainId,
    second,
    first.organisations,
    await codeHash(system, second),
    first.pseudonymKey,
  ];
  const { block } = await chain.send('directoryManager', ['Directory', deployment.directory], 'add', values);
  await test.until(() => test.service.services.pipeline.progress().indexedBlock >= block);

  const ledger = { chainId: deployment.chainId, address: second };
  const contents: Record<string, ReportContent> = {};
  const record = async (by: Attester, on: 'own' | typeof CAR, content: Content): Promise<ReportLink> => {
    const identifier = parseIdentifier(CAR);
    const target = on === 'own' ? on : { identifier, subject: subjectOf(system, CAR) };
    const composed = composeEntry(ledger, by.id as OrganisationId, target, content);
    const submission = {
      organisation: by.id,
      entries: packEntries([composed.entry]),
      nonce: BigInt(Object.keys(contents).length),
      deadline: BigInt(Math.floor(Date.now() / 1000) + 3_600),
    };
    const sent = await chain.relay([signSubmission(ledger, submission, by.key)], { ledger: second });
    if (sent.outcomes.join() !== 'Accepted') throw new Error(sent.outcomes.join());
    const { kind, digest } = composed.entry;
    const { block: bytes, key } = composed;
    contents[digest] = { block: toBase64Url(bytes), key: toBase64Url(key), disclosures: [] };
    return { kind, organisation: by.id.toString(), timestamp: sent.timestamp, digest };
  };
  const accident = await record(insurer, CAR, {
    kind: 'accident',
    time: '2024-01-05',
    data: { severity: 'totalLoss', market: 'FR' },
  });
  // The service may repeat an answer for a second before it looks again.
  await test.until(async () => (await system.honest(CAR)).directory.links.length === 2);
  const report = await system.honest(CAR);
  const own = section(report);
  const sectionOfSecond: LedgerSection = {
    ...structuredClone(own),
    ledger: `eip155:${deployment.chainId}:${second}`,
    links: [accident],
    ownChains: [{ organisation: maker.id.toString(), links: [] }],
  };
  const { proofs: _, ...rest } = report;
  return {
    before,
    report: { ...rest, ledgers: [own, sectionOfSecond], contents: { ...report.contents, ...contents } },
  };
}

async function codeHash(system: System, contract: Address): Promise<string> {
  const code = String(await system.chain.call('eth_getCode', [contract, 'latest']));
  const { keccak256 } = await import('ethers');
  return keccak256(code);
}

const by = 'operator' as const;
const readers = ['cli', 'rpc'] as const;
const twice = new WeakMap<System, Promise<Report>>();

/** A registrar issues a second title for the titled car, on the second ledger; the honest report then shows both. */
function titledTwice(system: System): Promise<Report> {
  const known = twice.get(system) ?? issueTwice(system);
  twice.set(system, known);
  return known;
}

async function issueTwice(system: System): Promise<Report> {
  await addSecond(system);
  const { test, registry, titled, chain } = system;
  const { second, titles } = await ledgersOf(system);
  const place = { ledger: { chainId: test.ledger.chainId, address: second }, titles };
  const deed = { party: person().address };
  const signed = sign(place, registry, titled.car.target, 'title.issued', 0, deed);
  await chain.execute(signed, titles);
  // The service may repeat an answer for a second before it looks again.
  const both = async () => (await system.honest(TITLED_CAR)).ledgers[1]?.links.length === 1;
  await test.until(both);
  const report = withoutProofs(await system.honest(TITLED_CAR));
  const { block, key } = signed.request;
  const contents = { ...report.contents, [signed.action.digest]: { block, key, disclosures: [] } };
  return { ...report, contents };
}

/** Says that the second ledger cannot be shown. */
const unread = (
  reason: 'behind' | 'key',
  lie: (gap: Record<string, unknown>, report: Report) => void = () => undefined,
) =>
  telling((report, { ledger, subject, transcript }) => {
    report.ledgers.pop();
    const gap: Record<string, unknown> =
      reason === 'key' ? { ledger, reason } : { ledger, reason, subject, transcript };
    lie(gap, report);
    Object.assign(report, { unread: [gap] });
  });

/** The report of both ledgers, with a lie told in it. */
const telling =
  (lie: (report: Report, second: LedgerSection) => void) =>
  async (_: Report, system: System): Promise<Report> => {
    const report = structuredClone((await addSecond(system)).report);
    const [, second] = report.ledgers;
    if (second === undefined) throw new Error('no second ledger');
    lie(report, second);
    return report;
  };

const fromBefore = async (_: Report, system: System): Promise<Report> => (await addSecond(system)).before;

/** What can be hidden in a ledger beside the one that is shown. They come last: the directory stays as they leave it. */
export const ledgerLies: readonly ReportLie[] = [
  {
    lie: 'serves the proof from before the second ledger was listed',
    by,
    readers: ['cli'],
    caughtBy: 'reader asOf.moved',
    fate: 'incomplete',
    tell: fromBefore,
  },
  {
    lie: 'serves the proof from before the second ledger was listed, to a reader who asks no further',
    by,
    readers: ['proof'],
    caughtBy: 'asOf.stale',
    fate: 'stale',
    tell: fromBefore,
  },
  {
    lie: 'leaves a second ledger, with a total loss on it, out of the directory',
    by,
    readers,
    caughtBy: 'ledgers directory.head',
    fate: 'refuted',
    tell: telling((r) => {
      r.directory.links.pop();
      r.ledgers.pop();
    }),
  },
  {
    lie: 'leaves the second ledger’s section out',
    by,
    readers,
    caughtBy: 'ledgers ledger.leftOut',
    fate: 'refuted',
    tell: telling((r) => void r.ledgers.pop()),
  },
  {
    lie: 'says that the second ledger has nothing of this vehicle',
    by,
    readers,
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: telling((_, second) => void second.links.splice(0)),
  },
  {
    lie: 'shows the first ledger’s history in place of the second’s',
    by,
    readers,
    caughtBy: 'completeness head.subject',
    fate: 'refuted',
    tell: telling((r, second) => void Object.assign(second, { links: section(r).links })),
  },
  {
    lie: 'says that it is still reading the second ledger',
    by,
    readers,
    caughtBy: 'ledgers ledger.unread',
    fate: 'incomplete',
    tell: unread('behind'),
  },
  {
    lie: 'says that it is still reading the second ledger, to a reader who looks into it',
    by,
    readers,
    caughtBy: 'completeness head.unread',
    fate: 'incomplete',
    tell: unread('behind'),
  },
  {
    lie: 'says that it holds no key of the second ledger',
    by,
    readers,
    caughtBy: 'ledgers ledger.unread',
    fate: 'incomplete',
    tell: unread('key'),
  },
  {
    lie: 'calls the second ledger unread, and names an empty slot of it',
    by,
    readers,
    caughtBy: 'subject subject.pseudonym',
    fate: 'refuted',
    tell: unread('behind', (gap) => Object.assign(gap, { subject: `0x${'5e'.repeat(32)}` })),
  },
  {
    lie: 'calls the second ledger unread, and shows an empty section of it too',
    by,
    readers,
    caughtBy: 'ledgers ledger.twice',
    fate: 'refuted',
    tell: unread('behind', ({ ledger }, report) => {
      report.ledgers.push({ ...structuredClone(section(report)), ledger: String(ledger), links: [] });
    }),
  },
  {
    lie: 'calls all ledgers unread, so that nothing is left to refute',
    by,
    readers,
    caughtBy: 'ledgers ledger.unread',
    fate: 'incomplete',
    tell: telling((report) => {
      const gaps = report.ledgers.map(({ ledger, subject, transcript }) => ({
        ...{ ledger, subject, transcript },
        reason: 'unreadable' as const,
      }));
      report.ledgers.splice(0);
      Object.assign(report, { unread: gaps });
    }),
  },
  {
    lie: 'calls a ledger unread that no directory lists',
    by,
    readers,
    caughtBy: 'ledgers ledger.notInDirectory',
    fate: 'refuted',
    tell: telling((report) => {
      Object.assign(report, { unread: [{ ledger: `eip155:1:0x${'77'.repeat(20)}`, reason: 'key' }] });
    }),
  },
  {
    lie: 'issues a second title for a vehicle, on another ledger',
    by: 'authority',
    vin: TITLED_CAR,
    readers,
    caughtBy: 'finding history.contradiction',
    fate: 'warned',
    stillFound: ['lien.open', 'title.stolen'],
    tell: (_, s) => titledTwice(s),
  },
  {
    lie: 'shows the title of the second ledger alone',
    by,
    vin: TITLED_CAR,
    readers,
    caughtBy: 'ledgers ledger.leftOut',
    fate: 'refuted',
    tell: async (_, s) => {
      const report = structuredClone(await titledTwice(s));
      report.ledgers.shift();
      return report;
    },
  },
  {
    lie: 'says that the second ledger is closed',
    by,
    readers,
    caughtBy: 'ledgers directory.head',
    fate: 'refuted',
    tell: telling((r) => void r.directory.links.push({ change: 'closed', index: '1', closedAt: '1' })),
  },
  {
    lie: 'hides the recall behind the maker’s empty own chain on the second ledger',
    by,
    readers,
    caughtBy: 'findings ownChain.leftOut',
    fate: 'incomplete',
    tell: telling((r) => void section(r).ownChains.splice(0)),
  },
];
