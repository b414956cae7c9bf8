import * as z from 'zod/mini';
import type { Address } from '../../core/chain/types.ts';
import { checkCredential } from '../../core/credential/checkCredential.ts';
import { checkSignature, parseCredential, verifyCredential } from '../../core/credential/credential.ts';
import type { CredentialFacts } from '../../core/credential/facts.ts';
import type { AsOf, Check, Verdict } from '../../core/verify/result.ts';
import type { Trust } from '../../core/verify/verify.ts';
import type { Context } from '../context.ts';
import type { Exit } from '../exit.ts';
import { exchange } from '../http.ts';
import { count, counted, type Output, printable } from '../output.ts';
import { rpcUrls, type Settings, trustAnchor } from '../settings.ts';
import { connect, type Endpoints, viewsOf } from '../views.ts';
import { exitOfVerdict, type TrustSource, type VerifyOptions, when } from './verify.ts';

export type VerifiedCredential = {
  readonly verdict: Verdict;
  readonly issuer: string;
  readonly validUntil: string;
  readonly trust: Trust & { readonly source: TrustSource };
  readonly facts: CredentialFacts;
  readonly checks: readonly Check[];
  readonly asOf: readonly Omit<AsOf, 'final'>[];
};

/** Verifies a credential: the issuer's signature and time, and its heads against the chain. */
export async function verifyCredentialFile(
  context: Context,
  text: string,
  options: VerifyOptions,
): Promise<Exit> {
  const settings = context.settings();
  const credential = parseCredential(text);
  const checks: Check[] = [];
  const named = options.issuer ?? (await localIssuer(settings, context.signal));
  if (named.length === 0) {
    checkSignature(credential);
    checks.push({ outcome: 'incomplete', code: 'issuer.notNamed', at: { issuer: credential.issuer } });
  }
  const facts = verifyCredential(credential, {
    issuers: named.length === 0 ? [credential.issuer] : named,
    now: Date.now() / 1000,
  });
  const anchor = trustAnchor(settings, options.directory);
  const trust: Trust = anchor?.trust ?? {
    chainId: BigInt(facts.directory.chainId),
    directory: facts.directory.address as Address,
  };
  if (anchor === null) {
    const at = { directory: `${trust.chainId}:${trust.directory}` };
    checks.push({ outcome: 'incomplete', code: 'trust.fromReport', at });
  }
  const urls = rpcUrls(settings, options.rpc);
  const endpoints: Endpoints = urls.length === 0 ? new Map() : await connect(urls, context.signal);
  const onChain = await checkCredential(facts, trust, viewsOf(endpoints));
  checks.push(...onChain.checks);
  const failed = checks.some(({ outcome }) => outcome === 'failed');
  const incomplete = facts.verdict === 'incomplete' || checks.some(({ outcome }) => outcome === 'incomplete');
  const result: VerifiedCredential = {
    verdict: failed ? 'refuted' : incomplete ? 'incomplete' : 'verified',
    issuer: credential.issuer,
    validUntil: credential.validUntil,
    trust: { ...trust, source: anchor?.source ?? 'report' },
    facts,
    checks,
    asOf: onChain.asOf,
  };
  context.output.value({ kind: 'credential', ...result });
  if (!context.output.json) show(context.output, result);
  return exitOfVerdict[result.verdict];
}

const directorySchema = z.looseObject({ issuer: z.string().check(z.maxLength(100)) });

/** The issuer of the local deployment, whose service answers beside its data folder; of any other the reader names it. */
async function localIssuer({ local }: Settings, signal: AbortSignal): Promise<string[]> {
  if (local === null) return [];
  try {
    const answer = await exchange(`${local.url}/v1/directory`, {
      method: 'GET',
      headers: { accept: 'application/json' },
      signal,
      timeoutMilliseconds: 5_000,
    });
    const parsed = directorySchema.safeParse(JSON.parse(Buffer.from(answer.body).toString('utf8')));
    return parsed.success ? [parsed.data.issuer] : [];
  } catch {
    // It does not run: then nobody is named.
    return [];
  }
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  'issuer.notNamed': 'whose word you take is for you to say: name the issuer with --issuer did:key:…',
  'trust.fromReport':
    'the directory comes from the credential itself, which proves nothing: name yours with --directory CHAIN:ADDRESS',
  'credential.unread': 'no endpoint was given for this chain: it is the issuer’s word alone (--rpc URL)',
  'credential.directory': 'it is about another directory than the one you rely on',
  'credential.directoryMoved': 'the directory on chain is another than it states',
  'credential.headMoved':
    'the history on chain is another than it states: it went on since, or was never so. Ask for a report',
};

function show(
  output: Output,
  { verdict, issuer, validUntil, facts, checks, asOf }: VerifiedCredential,
): void {
  const { style } = output;
  const { coverage, keyFigures } = facts;
  output.line(`${style.bold(printable(facts.identifier))} · credential, valid until ${validUntil}`);
  output.line(`  signed by ${issuer}`);
  for (const { chainId, number, timestamp, final } of facts.blocks) {
    output.line(
      `  states block ${count(number)} of chain ${chainId} (${when(timestamp)}; ${final ? 'final' : 'provisional'})`,
    );
  }
  output.line();
  for (const check of checks) {
    if (check.outcome === 'passed') continue;
    const paint = check.outcome === 'failed' ? style.bad : style.warn;
    output.line(`    ${paint(check.code)}: ${EXPLANATIONS[check.code] ?? 'does not hold'}`);
    for (const [name, value] of Object.entries(check.at))
      output.line(`      ${name}: ${printable(String(value))}`);
    if (check.expected !== undefined) output.line(`      expected: ${printable(check.expected)}`);
    if (check.found !== undefined) output.line(`      found:    ${printable(check.found)}`);
  }
  const held = checks.filter(({ code }) => code === 'credential.headHolds').length;
  if (held > 0)
    output.line(`  ${style.good('✓')} ${counted(held, 'head is', 'heads are')} on chain as it states`);
  output.line(
    `  ${counted(coverage.entries.total, 'entry', 'entries')}: ${coverage.entries.proven} proven, ${coverage.withheld.length} withheld; ${keyFigures.openRecalls} open recalls, ${keyFigures.openLiens} open liens`,
  );
  for (const { code, severity, evidence } of facts.findings) {
    output.line(
      `  ${severity.padEnd(12)} ${code.padEnd(26)} ${counted(evidence.length, 'entry', 'entries')}`,
    );
  }
  output.line();
  const paint = { verified: style.good, incomplete: style.warn, refuted: style.bad }[verdict];
  const words = {
    verified: 'VERIFIED: the issuer’s word, and its heads are the chain’s. Only a report proves the findings',
    incomplete: 'INCOMPLETE: nothing is refuted, but not everything could be checked',
    refuted: 'REFUTED: do not rely on this credential',
  };
  const views = asOf.map(({ chainId, block }) => `block ${count(Number(block.number))} of chain ${chainId}`);
  output.line([paint(style.bold(words[verdict])), ...views].join(', as of '));
}
