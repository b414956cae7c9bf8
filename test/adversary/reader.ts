import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRpc } from '../../cli/rpc.ts';
import type { Hex } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { isVinculumError } from '../../core/errors.ts';
import { anchoredView, offlineViews, reportProof } from '../../core/proof/reportProof.ts';
import { parseReport } from '../../core/report/report.ts';
import { rpcView } from '../../core/verify/chainView.ts';
import type { Verification } from '../../core/verify/result.ts';
import { type Views, verify } from '../../core/verify/verify.ts';
import { vinculum } from '../cli/fixture.ts';
import type { System } from './system.ts';

/** How somebody reads a report. `cli` is the command line as it is run, the others what the page and a library do. */
export type ReaderName = 'cli' | 'rpc' | 'proof' | 'offline';

/** `refused`: no verdict at all, and a code that says why. */
export type Verdict = 'verified' | 'incomplete' | 'refuted' | 'refused';

/** What a reader came to, and each check that did not pass as `step code`. */
export type Reading = {
  readonly verdict: Verdict;
  readonly codes: readonly string[];
  /** What a reader would act on; absent from a refusal and from the command line's summary. */
  readonly result?: Verification;
  readonly exit?: number;
};

export type ReadOptions = {
  /** The reader's endpoints; by default the honest node alone. */
  readonly endpoints?: readonly string[];
  /** The block hash that an offline reader trusts; by default the honest chain's at the number the report states. */
  readonly trustedHash?: Hex;
  /** Of the command line. */
  readonly maxAge?: string;
};

/** Fetches a report from whoever answers, and reads it. Throws nothing but what would be a crash. */
export async function read(
  system: System,
  name: ReaderName,
  vin: string,
  options: ReadOptions = {},
): Promise<Reading> {
  const text = await (await fetch(`${system.operator.url}/v1/vehicles/${vin}/report`)).text();
  return readText(system, name, text, options);
}

export async function readText(
  system: System,
  name: ReaderName,
  text: string,
  options: ReadOptions = {},
): Promise<Reading> {
  if (name === 'cli') return readByCommand(system, text, options);
  try {
    const report = parseReport(text);
    const endpoints = (options.endpoints ?? [system.test.service.rpcUrl]).map(
      (url) => createRpc(url, { attempts: 1, timeoutMilliseconds: 1_000 }).request,
    );
    const byProof: Views = async (chainId) => {
      const proof = reportProof(report, chainId);
      return proof === null ? null : anchoredView(proof, endpoints);
    };
    const views: Views =
      name === 'rpc'
        ? (chainId) => rpcView(endpoints, chainId)
        : name === 'proof'
          ? byProof
          : offlineViews(
              report,
              new Map([[system.trust.chainId, options.trustedHash ?? (await headOf(system))]]),
            );
    return readingOf(await verify(report, system.trust, views));
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    return { verdict: 'refused', codes: [error.code] };
  }
}

/** The hash of the block in which the service proves the car's history: what an offline reader was told by others. */
async function headOf(system: System): Promise<Hex> {
  const [section] = (await system.honest(system.car)).ledgers;
  return (section?.asOf.hash ?? '0x') as Hex;
}

export function readingOf(result: Verification): Reading {
  return { verdict: result.verdict, codes: failuresOf(result.steps), result };
}

type Steps = readonly { step: string; checks: readonly { outcome: string; code: string }[] }[];

function failuresOf(steps: Steps): string[] {
  const failed = steps.flatMap(({ step, checks }) =>
    checks.filter(({ outcome }) => outcome !== 'passed').map(({ code }) => `${step} ${code}`),
  );
  return [...new Set(failed)];
}

let files = 0;

async function readByCommand(system: System, text: string, options: ReadOptions): Promise<Reading> {
  files += 1;
  const file = join(system.folder, `report-${files}.json`);
  await writeFile(file, text);
  const { chainId, directory } = system.trust;
  const endpoints = options.endpoints ?? [system.test.service.rpcUrl];
  const ran = await vinculum(
    system.folder,
    ...['verify', file, '--json', '--directory', `${chainId}:${directory}`],
    ...endpoints.flatMap((url) => ['--rpc', url]),
    ...(options.maxAge === undefined ? [] : ['--max-age', options.maxAge]),
  );
  if (ran.json?.verdict === undefined) {
    const code = /"code":\s*"([^"]+)"/.exec(ran.stdout + ran.stderr)?.[1] ?? `exit ${ran.exit}`;
    return { verdict: 'refused', codes: [code], exit: ran.exit };
  }
  const reservations = ran.json.reservations.map(({ code }: { code: string }) => `reader ${code}`);
  return {
    verdict: ran.json.verdict,
    codes: [...failuresOf(ran.json.steps), ...reservations],
    exit: ran.exit,
  };
}

/** What a reader would act on, as text to compare; the time of the block that it was read at is no part of it. */
export function meaning(result: Verification): string {
  const time = Number(result.asOf[0]?.block.timestamp ?? 0n) * 1000;
  const asOf = new Date(time).toISOString().replace('.000Z', 'Z');
  return canonicalJson(actedOn(result)).replaceAll(asOf, 'the block’s time');
}

function actedOn(result: Verification): Record<string, unknown> {
  return {
    identifier: result.identifier,
    subjects: result.subjects,
    entries: result.entries.map(({ ledger, position, status, envelope, link }) => ({
      ...{ ledger, position, status, envelope },
      digest: link.digest,
    })),
    findings: result.findings,
    summary: result.summary,
    organisations: result.organisations.map(({ id, profile, standing }) => ({
      id: String(id),
      profile,
      status: standing.status,
      kinds: String(standing.kinds),
    })),
  };
}
