import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRpc } from '../../cli/rpc.ts';
import type { Hex } from '../../core/bytes.ts';
import { canonicalJson, type Json } from '../../core/canonical.ts';
import { isVinculumError } from '../../core/errors.ts';
import type { Finding } from '../../core/findings/finding.ts';
import { anchoredView, offlineViews, reportProof } from '../../core/proof/reportProof.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { rpcView } from '../../core/verify/chainView.ts';
import type { Verification } from '../../core/verify/result.ts';
import { type Views, verify } from '../../core/verify/verify.ts';
import { judge } from '../../web/model/judgement.ts';
import { check } from '../../web/worker/check.ts';
import { vinculum } from '../cli/fixture.ts';
import type { System } from './system.ts';

/**
 * How somebody reads a report: the command line as it is run, with endpoints (`cli`) or with a trusted block hash and
 * without network (`cli offline`); the page's own worker with endpoints (`page`); and what it and a library do, by asking the
 * endpoints for everything (`rpc`), by the report's proof under their block hash (`proof`), or under a trusted one (`offline`).
 */
export type ReaderName = 'cli' | 'cli offline' | 'page' | 'rpc' | 'proof' | 'offline';

/** `refused`: no verdict at all, and a code that says why. */
export type Verdict = 'verified' | 'incomplete' | 'refuted' | 'refused';

/** What a reader came to, and each check that did not pass as `step code`. */
export type Reading = {
  readonly verdict: Verdict;
  readonly codes: readonly string[];
  /** Absent from a refusal. */
  readonly findings?: readonly Pick<Finding, 'code' | 'severity' | 'details'>[];
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
  if (name === 'cli') return readByCommand(system, text, rpcArguments(system, options));
  if (name === 'cli offline') {
    const hash = options.trustedHash ?? (await headOf(system));
    return readByCommand(system, text, ['--block-hash', hash]);
  }
  try {
    const report = parseReport(text);
    if (name === 'page') return await readByPage(system, report, options);
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

/** As the page's worker checks a report and the page judges what came of it, on the spot. */
async function readByPage(system: System, report: Report, options: ReadOptions): Promise<Reading> {
  const { chainId, directory } = system.trust;
  const { verification, troubles } = await check(
    report,
    {
      trust: { chainId: chainId.toString(), directory },
      endpoints: options.endpoints ?? [system.test.service.rpcUrl],
      operatorOnly: false,
      trustedHashes: null,
      freshSince: 0,
    },
    { onStep: () => {}, onSlow: () => {} },
  );
  const [asOf] = verification.asOf;
  const given = { troubles, fromReport: false, directoryChanged: false, pages: null, maxAgeSeconds: 3_600 };
  const { verdict } = judge(verification, { ...given, now: Number(asOf?.block.timestamp ?? 0n) });
  const reading = readingOf(verification);
  return { ...reading, verdict, codes: [...reading.codes, ...troubles.map(({ code }) => `reader ${code}`)] };
}

/** The hash of the block in which the service proves the car's history: what an offline reader was told by others. */
async function headOf(system: System): Promise<Hex> {
  const [section] = (await system.honest(system.car)).ledgers;
  return (section?.asOf.hash ?? '0x') as Hex;
}

export function readingOf(result: Verification): Reading {
  const { verdict, findings } = result;
  return { verdict, codes: failuresOf(result.steps), findings, result };
}

type Steps = readonly { step: string; checks: readonly { outcome: string; code: string }[] }[];

function failuresOf(steps: Steps): string[] {
  const failed = steps.flatMap(({ step, checks }) =>
    checks.filter(({ outcome }) => outcome !== 'passed').map(({ code }) => `${step} ${code}`),
  );
  return [...new Set(failed)];
}

let files = 0;

function rpcArguments(system: System, { endpoints, maxAge }: ReadOptions): string[] {
  return [
    ...(endpoints ?? [system.test.service.rpcUrl]).flatMap((url) => ['--rpc', url]),
    ...(maxAge === undefined ? [] : ['--max-age', maxAge]),
  ];
}

/** Has the command line verify a file: a report, a printed one, or a credential. */
export async function readByCommand(
  system: System,
  content: string | Uint8Array,
  more: readonly string[] = rpcArguments(system, {}),
): Promise<Reading> {
  files += 1;
  const file = join(system.folder, `given-${files}`);
  await writeFile(file, content);
  const { chainId, directory } = system.trust;
  const trusted = ['--directory', `${chainId}:${directory}`];
  const { json, exit } = await vinculum(system.folder, 'verify', file, '--json', ...trusted, ...more);
  if (json?.verdict === undefined) {
    return { verdict: 'refused', codes: [json?.error?.code ?? `exit ${exit}`], exit };
  }
  const besides = [...(json.reservations ?? []), ...(json.checks ?? [])]
    .filter(({ outcome }: { outcome: string }) => outcome !== 'passed')
    .map(({ code }: { code: string }) => `reader ${code}`);
  const codes = [...failuresOf(json.steps ?? []), ...new Set(besides)];
  return { verdict: json.verdict, codes, findings: json.findings ?? [], exit };
}

/** What a reader would act on, as text to compare; the time of the block that it was read at is no part of it. */
export function meaning(result: Verification): string {
  const time = Number(result.asOf[0]?.block.timestamp ?? 0n) * 1000;
  const asOf = new Date(time).toISOString().replace('.000Z', 'Z');
  return canonicalJson(inJson(actedOn(result))).replaceAll(asOf, 'the block’s time');
}

const inJson = (value: unknown): Json =>
  JSON.parse(
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item)),
  );

function actedOn(result: Verification): Record<string, unknown> {
  return {
    identifier: result.identifier,
    subjects: result.subjects,
    entries: result.entries.map(({ ledger, position, status, envelope, link }) => ({
      ...{ ledger, position, status, envelope },
      digest: link.digest,
    })),
    titles: result.titles.map(({ ledger, title, whole, obstacles }) => ({ ledger, title, whole, obstacles })),
    findings: result.findings,
    summary: result.summary,
    organisations: result.organisations.map(({ id, profile, standing: { status, kinds } }) => ({
      ...{ id, profile, status, kinds },
    })),
  };
}
