import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Hex, toBase64Url } from '../../../core/bytes.ts';
import { parseIdentifier } from '../../../core/identifiers/identifier.ts';
import { parseReport, type Report } from '../../../core/report/report.ts';
import { buildTree } from '../../../core/tree/tree.ts';
import { vinculum } from '../../cli/fixture.ts';
import type { Fate, OtherLie } from '../lie.ts';
import { readText } from '../reader.ts';
import type { System } from '../system.ts';

const MAKER = 'volta.example';
const BATCH = 'LIES-1';
const MEMBERS = ['S-1', 'S-2', 'S-3', 'S-4', 'S-5'];
const STRANGER = 'S-9';

type Batch = { readonly digest: Hex; readonly token: string };

const batches = new WeakMap<System, Promise<Batch>>();

/** A batch of five serials on the ledger, handed over whole. */
function batchOf(system: System): Promise<Batch> {
  const known = batches.get(system) ?? record(system);
  batches.set(system, known);
  return known;
}

async function record({ test }: System): Promise<Batch> {
  const supplier = await test.admit('Supplier of lies', ['supplier']);
  const key = randomBytes(32);
  const members = MEMBERS.map((number) => `serial:${MAKER}:${number}`);
  const tree = buildTree(
    key,
    members.map((member) => parseIdentifier(member)),
  );
  const entry = test.compose(supplier, `batch:${MAKER}:${BATCH}`, {
    kind: 'batch.produced',
    time: '2024-01-19',
    data: {
      bizStep: 'commissioning',
      manufacturerId: MAKER,
      manufacturerPartId: 'L-1',
      batchId: BATCH,
      nameAtManufacturer: 'Cell',
      productionDate: '2024-01-19',
      serials: { serialsRoot: tree.root, count: members.length, treeKey: toBase64Url(key) },
    },
  });
  await test.record(supplier, [entry]);
  const token = await test.signIn(supplier);
  const { digest } = entry.entry;
  const put = await test.request('PUT', `/v1/sets/${digest}`, { token, body: { members } });
  if (put.status !== 200) throw new Error(put.text);
  return { digest: digest as Hex, token };
}

async function reportOf(system: System, serial: string): Promise<Report> {
  await batchOf(system);
  return parseReport((await system.test.get(`/v1/batches/${MAKER}/${BATCH}/report?serial=${serial}`)).text);
}

/** What a reader with an endpoint of its own makes of a report that was changed on the way. */
async function told(
  system: System,
  serial: string,
  change: (report: Report, digest: Hex) => Promise<void> | void,
): Promise<{ fate: Fate; caughtBy: string }> {
  const report = await reportOf(system, serial);
  const honest = await readText(system, 'rpc', JSON.stringify(report));
  if (honest.verdict !== 'verified') throw new Error(honest.codes.join());
  await change(report, (await batchOf(system)).digest);
  const { verdict, codes } = await readText(system, 'rpc', JSON.stringify(report));
  return { fate: verdict === 'verified' ? 'uncaught' : verdict, caughtBy: codes[0] ?? '' };
}

type Opened = { setProof?: { siblings: string[]; leaf: string | null } };
const opened = (report: Report, digest: Hex): Opened => report.contents[digest] as Opened;

/** Shows the proof of the first serial that has another one: whose paths end in the same leaf share theirs, and it is no lie. */
async function showProofOf(
  system: System,
  report: Report,
  digest: Hex,
  serialOf: (number: number) => string,
): Promise<void> {
  const shown = opened(report, digest);
  const own = JSON.stringify(shown.setProof);
  for (let number = 0; ; number++) {
    const { setProof } = opened(await reportOf(system, serialOf(number)), digest);
    if (setProof === undefined || JSON.stringify(setProof) === own) continue;
    shown.setProof = setProof;
    return;
  }
}

const of = { by: 'operator', fate: 'refuted', caughtBy: 'findings tree.invalidProof' } as const;

/** Lies about what is in a batch. */
export const setLies: readonly OtherLie[] = [
  {
    lie: 'shows a serial of a batch as none of it, by the proof of a stranger',
    ...of,
    run: (s) =>
      told(s, 'S-1', async (report, digest) => {
        await showProofOf(s, report, digest, (number) => `${STRANGER}-${number}`);
      }),
  },
  {
    lie: 'shows a serial of a batch as none of it, by an end where nothing stands',
    ...of,
    run: (s) =>
      told(s, 'S-2', (report, digest) => {
        const { setProof } = opened(report, digest);
        if (setProof !== undefined) setProof.leaf = null;
      }),
  },
  {
    lie: 'shows a counterfeit’s serial as one of the batch',
    ...of,
    run: (s) =>
      told(s, STRANGER, async (report, digest) => {
        await showProofOf(s, report, digest, (number) => `S-${number + 1}`);
      }),
  },
  {
    lie: 'keeps back the proof whether a serial is in its batch',
    by: 'operator',
    fate: 'incomplete',
    caughtBy: 'findings batch.proofMissing',
    run: (s) => told(s, 'S-4', (report, digest) => void delete opened(report, digest).setProof),
  },
  {
    lie: 'answers about another serial than was asked for',
    by: 'operator',
    fate: 'refused',
    caughtBy: 'report.otherMember',
    async run(s) {
      const other = await reportOf(s, 'S-5');
      s.operator.lie = { json: () => other };
      const { json } = await vinculum(
        s.folder,
        ...['report', `batch:${MAKER}:${BATCH}`, '--serial', STRANGER, '--url', s.operator.url],
        ...['-o', join(s.folder, 'asked'), '--json'],
      );
      const code = json?.error?.code;
      return { fate: code === undefined ? 'uncaught' : 'refused', caughtBy: String(code) };
    },
  },
  {
    lie: 'hands over other serials than its batch’s root has',
    by: 'attester',
    fate: 'refused',
    caughtBy: 'set.mismatch',
    async run(s) {
      const { digest, token } = await batchOf(s);
      const members = [...MEMBERS.slice(1), STRANGER].map((number) => `serial:${MAKER}:${number}`);
      const { body } = await s.test.request('PUT', `/v1/sets/${digest}`, { token, body: { members } });
      return { fate: body.code === undefined ? 'uncaught' : 'refused', caughtBy: String(body.code) };
    },
  },
];
