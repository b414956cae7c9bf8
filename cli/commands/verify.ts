import { isModuleLink } from '../../core/chain/link.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import { isVinculumError } from '../../core/errors.ts';
import type { Finding } from '../../core/findings/finding.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import { comparePages, type ReportPdf } from '../../core/pdf/attachment.ts';
import { LAYOUT } from '../../core/pdf/renderReport.ts';
import { parseReport, type Report } from '../../core/report/report.ts';
import { rpcView } from '../../core/verify/chainView.ts';
import { headClaims, movedHeads } from '../../core/verify/headClaims.ts';
import type {
  Check,
  Step,
  StepName,
  Verdict,
  Verification,
  VerifiedEntry,
} from '../../core/verify/result.ts';
import { type Trust, verify } from '../../core/verify/verify.ts';
import type { Context } from '../context.ts';
import { describeDifference } from '../difference.ts';
import type { Exit } from '../exit.ts';
import { placeOf } from '../http.ts';
import { readInput } from '../input.ts';
import { type Located, locate } from '../locate.ts';
import { count, counted, type Output, printable } from '../output.ts';
import { rpcUrls, type TrustAnchor, trustAnchor } from '../settings.ts';
import { showTitleState } from '../titles/show.ts';
import { connect, type Endpoints, parseHashes, reportViews, type ViewSource, viewsOf } from '../views.ts';
import { verifyCredentialFile } from './verifyCredential.ts';

export type VerifyOptions = {
  readonly rpc?: readonly string[];
  readonly directory?: string;
  /** Blocks that the reader trusts: `0x…` or `chainId:0x…`. */
  readonly blockHash?: readonly string[];
  /** Whose credentials the reader relies on. */
  readonly issuer?: readonly string[];
  /** Seconds. */
  readonly maxAge?: number;
};

/** Where a verdict's trust comes from; a report's own directory proves nothing. */
export type TrustSource = TrustAnchor['source'] | 'report';

export type Verified = {
  readonly verdict: Verdict;
  readonly trust: Trust & { readonly source: TrustSource };
  readonly endpoints: readonly string[];
  /** How each chain was read. */
  readonly sources: Readonly<Record<string, ViewSource>>;
  readonly verification: Verification;
  readonly differences: readonly Located[];
  /** Why the verdict is less than the verification's own. */
  readonly reservations: readonly Check[];
};

export const exitOfVerdict: Readonly<Record<Verdict, Exit>> = {
  verified: 'ok',
  incomplete: 'incomplete',
  refuted: 'failed',
};

export async function verifyCommand(context: Context, file: string, options: VerifyOptions): Promise<Exit> {
  const input = await readInput(file);
  if (input.kind === 'credential') return verifyCredentialFile(context, input.text, options);
  const report = parseReport(input.kind === 'pdf' ? input.pdf.report : input.text);
  const pages = input.kind === 'pdf' ? [await checkPages(input.bytes, input.pdf)] : [];
  const verified = await verifyReport(context, report, options, pages);
  context.output.value({ kind: input.kind, ...asJson(verified) });
  if (!context.output.json) show(context.output, report, verified);
  return exitOfVerdict[verified.verdict];
}

/** Whether the pages of a PDF are those that its attached report gives. */
async function checkPages(bytes: Uint8Array, pdf: ReportPdf): Promise<Check> {
  const found = await comparePages(bytes, pdf);
  const at = { page: pdf.parameters?.page ?? '' };
  if (found === 'same') return { outcome: 'passed', code: 'pdf.pages', at };
  return found === 'different'
    ? { outcome: 'failed', code: 'pdf.mismatch', at }
    : {
        outcome: 'incomplete',
        code: 'pdf.otherLayout',
        at,
        expected: String(LAYOUT),
        found: pdf.layout ?? 'none',
      };
}

/** Verifies a report with the reader's own anchor and endpoints, and finds where it differs from the ledger. */
export async function verifyReport(
  context: Context,
  report: Report,
  options: VerifyOptions,
  given: readonly Check[] = [],
): Promise<Verified> {
  const settings = context.settings();
  const anchor = trustAnchor(settings, options.directory);
  const offline = (options.blockHash ?? []).length > 0 && (options.rpc ?? []).length === 0;
  const urls = offline ? [] : rpcUrls(settings, options.rpc);
  const endpoints: Endpoints = urls.length === 0 ? new Map() : await connect(urls, context.signal);
  const trust: Trust = anchor?.trust ?? {
    chainId: BigInt(report.directory.chainId),
    directory: report.directory.address as Address,
  };
  const progress = context.output.progress('Verifying');
  const hashes = parseHashes(options.blockHash ?? [], trust.chainId);
  const onStep = (step: StepName): void => progress.update(0, undefined, step);
  let { views, sources } = reportViews(report, endpoints, hashes);
  const verification = await verify(report, trust, views, { onStep })
    .catch((error: unknown) => {
      // A broken proof: the endpoints can be asked instead, where there are any.
      if (!isVinculumError(error) || !error.code.startsWith('proof.') || hashes.size > 0) throw error;
      views = viewsOf(endpoints);
      sources = new Map([...endpoints.keys()].map((chainId) => [chainId, 'rpc']));
      return verify(report, trust, views, { onStep });
    })
    .finally(() => progress.end());
  const reservations = [
    ...given.filter(({ outcome }) => outcome !== 'passed'),
    ...reservationsOf(report, verification, anchor, options.maxAge),
    ...(await movedSince(report, trust, endpoints, sources)),
  ];
  const verdict = reservations.some(({ outcome }) => outcome === 'failed')
    ? 'refuted'
    : verification.verdict === 'verified' && reservations.length > 0
      ? 'incomplete'
      : verification.verdict;
  return {
    verdict,
    trust: { ...trust, source: anchor?.source ?? 'report' },
    endpoints: urls,
    sources: Object.fromEntries([...sources].map(([chainId, source]) => [chainId.toString(), source])),
    verification,
    differences: await locate(report, verification, endpoints),
    reservations,
  };
}

function reservationsOf(
  report: Report,
  verification: Verification,
  anchor: TrustAnchor | null,
  maxAge: number | undefined,
): Check[] {
  const reservations: Check[] = [];
  if (anchor === null) {
    const at = { directory: `${report.directory.chainId}:${report.directory.address}` };
    reservations.push({ outcome: 'incomplete', code: 'trust.fromReport', at });
  }
  if (maxAge !== undefined) {
    const now = Math.floor(Date.now() / 1000);
    for (const { chainId, block } of verification.asOf) {
      const age = now - Number(block.timestamp);
      if (age <= maxAge) continue;
      const at = { chainId: chainId.toString(), block: Number(block.number) };
      reservations.push({
        outcome: 'incomplete',
        code: 'asOf.tooOld',
        at,
        expected: `at most ${maxAge} s`,
        found: `${age} s`,
      });
    }
  }
  return reservations;
}

/**
 * What a proof shows was so at its block. Where the endpoints hold the chain's newest state, they are asked whether it
 * still is: whoever hands out an old proof could hide what came after.
 */
async function movedSince(
  report: Report,
  trust: Trust,
  endpoints: Endpoints,
  sources: ReadonlyMap<bigint, ViewSource>,
): Promise<Check[]> {
  const moved: Check[] = [];
  const claims = headClaims(report, trust);
  for (const chainId of new Set(claims.map((claim) => claim.chainId))) {
    const found = endpoints.get(chainId);
    if (sources.get(chainId) !== 'proof' || found === undefined) continue;
    try {
      const view = await rpcView(
        found.map((rpc) => rpc.request),
        chainId,
      );
      for (const { claim, now } of await movedHeads(view, claims)) {
        const { at, told } = claim;
        moved.push({ outcome: 'incomplete', code: 'asOf.moved', at, expected: now, found: told });
      }
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      moved.push({ outcome: 'incomplete', code: 'asOf.unknown', at: { chainId: chainId.toString() } });
    }
  }
  return moved;
}

function asJson({ verification, ...rest }: Verified): Record<string, unknown> {
  const { verdict: _, ...details } = verification;
  return { ...rest, ...details };
}

const MARKS = { passed: '✓', incomplete: '?', failed: '✗' } as const;

const STEP_TITLES: Readonly<Record<StepName, string>> = {
  subject: 'Subject',
  ledgers: 'Ledgers',
  completeness: 'Completeness',
  entries: 'Entries',
  attesters: 'Attesters',
  disclosures: 'Sealed fields',
  findings: 'Findings',
};

/** The verification for people: each step with its evidence, what failed and where, findings, verdict. */
export function show(output: Output, report: Report, verified: Verified): void {
  const { style } = output;
  const { verification, trust } = verified;
  output.line(`${style.bold(printable(report.identifier))} · report made ${when(report.createdAt)}`);
  const source = {
    option: 'named by you',
    'data folder': 'of the local deployment',
    report: style.warn('taken from the report itself'),
  }[trust.source];
  output.line(`  directory ${trust.chainId}:${trust.directory}, ${source}`);
  const trusted = Object.values(verified.sources).includes('hash');
  output.line(
    trusted
      ? '  the chain’s state by the report’s own proof, under the block hash that you gave; no network was used for it'
      : verified.endpoints.length === 0
        ? `  ${style.warn('no endpoint of the chain was given: nothing can be checked against it (--rpc URL)')}`
        : `  chain read from ${verified.endpoints.map(placeOf).join(', ')}`,
  );
  output.line();
  const paint = { passed: style.good, incomplete: style.warn, failed: style.bad };
  for (const step of verification.steps) {
    const mark = paint[step.outcome](MARKS[step.outcome]);
    output.line(`${mark} ${STEP_TITLES[step.step].padEnd(14)} ${evidence(step, verification)}`);
    for (const check of step.checks) {
      if (check.outcome !== 'passed') showCheck(output, check, verified.differences);
    }
  }
  for (const check of verified.reservations) showCheck(output, check, []);
  showFindings(output, verification);
  output.line();
  output.line(verdictLine(output, verified));
}

function showCheck(output: Output, check: Check, located: readonly Located[]): void {
  const { style } = output;
  const paint = check.outcome === 'failed' ? style.bad : style.warn;
  output.line(`    ${paint(check.code)}: ${printable(explain(check))}`);
  const place = placeText(check.at);
  if (place !== '') output.line(`      where:    ${printable(place)}`);
  if (check.expected !== undefined) output.line(`      expected: ${printable(check.expected)}`);
  if (check.found !== undefined) output.line(`      found:    ${printable(check.found)}`);
  for (const { differences } of located.filter((candidate) => candidate.check === check)) {
    for (const difference of differences) {
      output.line(`      ${style.bad('→')} ${printable(describeDifference(difference))}`);
    }
  }
}

/** What a check that did not pass means. A code without a sentence of its own speaks for itself. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  'pseudonym.invalidTranscript': 'the proof that this subject is this identifier does not hold',
  'subject.pseudonym': 'the history is of another subject than this identifier’s',
  'identifier.normalised': 'the identifier is not in its one form',
  'directory.trusted': 'the report names another directory than the one you rely on',
  'directory.head': 'the report’s list of ledgers is not the one on chain',
  'directory.unread': 'the directory’s chain was not read',
  'ledger.leftOut': 'the report leaves out a ledger of the directory',
  'ledger.twice': 'the report has a ledger twice',
  'ledger.notInDirectory': 'the report has a ledger that the directory does not list',
  'ledger.unread':
    'this ledger was not read: no endpoint of its chain was given, or the operator cannot show it; it may hold more',
  'head.unread': 'this ledger holds entries of the vehicle that the report does not show',
  'ledger.codeHash': 'the contract there is not the one that the directory records',
  'ledger.pseudonymKey': 'the ledger’s pseudonym key is not the one that the directory records',
  'head.subject': 'the history told is not the one on the ledger',
  'head.ownChain': 'an organisation’s own chain is not told as it is on the ledger',
  'ownChain.foreignLink': 'an own chain has an entry of another organisation',
  'ownChain.leftOut': 'the own chain of a maker, with its recalls, is left out',
  'entry.digest': 'the block handed out is not the one that was anchored',
  'entry.missing': 'nothing was handed out for this entry',
  'entry.withheld': 'the operator does not hand this entry out',
  'action.missing': 'what was asked of the title or part is not in the report',
  'action.hash': 'what the report says was asked of the title or part is not what was signed',
  'action.subject': 'what was asked was asked of another title or part',
  'link.module': 'an entry of a title or part was not written by its module, or another one was',
  'title.illegal': 'the title’s actions are not what the module of titles executes: the history is false',
  'title.predecessorMissing':
    'the title was carried over from another number, whose history is not in the report',
  'part.illegal': 'what is told of a part is not what the module of parts executes: the history is false',
  'part.historyMissing': 'a part was mounted in it whose own history is not in the report',
  'part.transcriptMissing': 'nothing shows that a part is the one that its entries say',
  'head.part': 'the history told of a part is not the one on the ledger',
  'erasure.receipt': 'the receipt of an erasure is not of this entry, or not signed by whom it names',
  'block.wrongKey': 'the key handed out does not open this block',
  'block.corrupt': 'the block can’t be decrypted',
  'block.malformed': 'the block is no encrypted envelope',
  'envelope.unbound': 'the content belongs to another entry',
  'organisation.leftOut': 'the record of an attester is left out',
  'organisation.twice': 'the record of an attester is there twice',
  'organisation.head': 'the record of an attester is not the one on chain',
  'organisation.unread': 'the record of an attester was not read',
  'organisation.profile': 'an attester’s profile is not the one that it recorded',
  'organisation.profileMissing': 'an attester’s name and roles are not in the report',
  'disclosure.unknown': 'a sealed field was opened that the entry does not have',
  'batch.proofMissing': 'no proof shows whether the serial is among those that this entry names',
  'batch.sealed':
    'a closed seal of this entry may hide its serials: nobody can tell whether this one is among them',
  'member.malformed': 'what the report names is no serial of a batch',
  'tree.invalidProof': 'the proof does not lead to the root that the entry names',
  'trust.fromReport':
    'the directory comes from the report itself, which proves nothing: name yours with --directory CHAIN:ADDRESS',
  'asOf.moved':
    'it was so at the block named below; on the newest block the chain’s head is another: entries came since, or are kept from you. Fetch the report anew',
  'asOf.unknown': 'whether entries came since the block of the proof could not be asked',
  'pdf.mismatch':
    'the pages are not those that the attached report gives: somebody changed the file. What follows is what the attached report proves; do not rely on the pages',
  'pdf.otherLayout':
    'the pages were laid out by another version and can’t be compared here: rely on what follows, not on the pages',
  'asOf.tooOld': 'the chain was read at a block older than you accept',
};

function explain(check: Check): string {
  return EXPLANATIONS[check.code] ?? 'does not hold';
}

/** `entry 3 (service) of subject 0x…, digest 0x…`. Positions count from 1 for people. */
export function placeText(at: Check['at']): string {
  const parts: string[] = [];
  const { position, kind, subject, organisation, digest, ledger, ...others } = at;
  if (position !== undefined) {
    const name = typeof kind === 'number' ? ` (${kindByNumber(kind)?.name ?? `kind ${kind}`})` : '';
    parts.push(`entry ${Number(position) + 1}${name}`);
  }
  if (digest !== undefined) parts.push(`digest ${digest}`);
  if (subject !== undefined) parts.push(`subject ${subject}`);
  if (organisation !== undefined) parts.push(`organisation ${organisation}`);
  if (ledger !== undefined) parts.push(`ledger ${ledger}`);
  for (const [name, value] of Object.entries(others)) parts.push(`${name} ${value}`);
  return parts.join(', ');
}

function evidence(step: Step, verification: Verification): string {
  const { subjects, entries, organisations, findings } = verification;
  if (step.outcome === 'failed') return 'refuted';
  switch (step.step) {
    case 'subject':
      return subjects
        .map(({ subject }) => `${subject} is this identifier’s, by the operators’ proof`)
        .join('; ');
    case 'ledgers':
      return step.outcome === 'passed'
        ? `${counted(subjects.length, 'ledger')}: all that there are, each with the code and key recorded for it`
        : 'not all could be read';
    case 'completeness': {
      const own = step.checks.filter(({ code }) => code === 'head.ownChain').length;
      const links = entries.filter(({ chain }) => typeof chain === 'string').length;
      const chains =
        own === 0 ? '' : `; and ${counted(own, 'maker’s own chain', 'makers’ own chains')} whole`;
      if (links === 0) return `no entry, and an empty slot on every ledger: never recorded${chains}`;
      return `${counted(links, 'entry ends', 'entries end')} in the head on chain: none left out, none added${chains}`;
    }
    case 'entries': {
      const statuses = new Map<string, number>();
      for (const { status } of entries) statuses.set(status, (statuses.get(status) ?? 0) + 1);
      return entries.length === 0
        ? 'none'
        : [...statuses].map(([status, number]) => `${count(number)} ${status}`).join(', ');
    }
    case 'attesters': {
      const fallen = organisations.filter(({ standing }) => standing.status !== 'good').length;
      return organisations.length === 0
        ? 'none'
        : `${counted(organisations.length, 'organisation')}, ${fallen === 0 ? 'in good standing today' : `${fallen} not in good standing today`}`;
    }
    case 'disclosures':
      return step.checks.length === 0
        ? 'none shown'
        : `of ${counted(step.checks.length, 'entry', 'entries')} opened`;
    case 'findings':
      return findings.length === 0
        ? 'none, by the rules applied here'
        : `${count(findings.length)}, by the rules applied here`;
  }
}

function showFindings(output: Output, verification: Verification): void {
  const { style } = output;
  const paint = { alert: style.bad, warning: style.warn, notice: style.bold, information: style.dim };
  if (verification.entries.some(({ envelope }) => envelope !== undefined)) {
    output.line();
    output.line(style.bold('History'));
    const names = new Map(verification.organisations.map(({ id, profile }) => [id, nameOf(profile)]));
    const shown = verification.entries
      .filter(({ chain }) => typeof chain === 'string')
      .map((entry) => {
        const { link, envelope, status } = entry;
        const kind = kindByNumber(link.kind)?.name ?? `kind ${link.kind}`;
        const organisation = attesterText(entry, names);
        const remark = status === 'proven' ? '' : `  ${style.warn(`(${status})`)}`;
        return { time: envelope?.time ?? '', kind, organisation, remark };
      })
      .sort((left, right) => (left.time < right.time ? -1 : left.time > right.time ? 1 : 0));
    for (const { time, kind, organisation, remark } of shown) {
      output.line(`  ${time.padEnd(20)} ${kind.padEnd(24)} ${printable(organisation)}${remark}`);
    }
  }
  showTitles(output, verification);
  showParts(output, verification);
  if (verification.findings.length === 0) return;
  output.line();
  output.line(style.bold('Findings'));
  for (const finding of verification.findings) {
    output.line(
      `  ${paint[finding.severity](finding.severity.padEnd(12))} ${finding.code.padEnd(26)} ${printable(detailsOf(finding))}`,
    );
  }
}

/** Who attested an entry: an organisation by its name, an owner or a buyer by their key. */
function attesterText(
  { link, action }: VerifiedEntry,
  names: ReadonlyMap<OrganisationId, string | undefined>,
): string {
  const named = (organisation: OrganisationId): string =>
    names.get(organisation) ?? `organisation ${organisation}`;
  if (!isModuleLink(link)) return named(link.organisation);
  if (action === undefined || action === null) return `module ${link.module}`;
  return action.organisation === 0n ? `key ${link.actor}` : named(action.organisation);
}

/** The title that the actions come to, as of the block that was read. */
function showTitles(output: Output, { titles }: Verification): void {
  for (const { title, asOf } of titles) {
    output.line();
    output.line(`${output.style.bold('Title')}: ${title.state}`);
    showTitleState(output, title, asOf);
  }
}

/** The safety parts that are in the vehicle now, or what the subject is as a part. */
function showParts(output: Output, { summary }: Verification): void {
  const { style } = output;
  const { part, safetyParts } = summary ?? { part: null, safetyParts: [] };
  if (part !== null) {
    output.line();
    output.line(`${style.bold('Part')}: ${part.state}, since ${part.since}`);
    if (part.vehicle !== null) output.line(`  in            ${part.vehicle} (the vehicle’s subject)`);
  }
  if (safetyParts.length === 0) return;
  output.line();
  output.line(style.bold('Safety parts in it now'));
  for (const { identifier, part: subject, component, state, since } of safetyParts) {
    const word = state === 'mounted' ? style.good(state) : style.bad(state);
    output.line(`  ${word} since ${since}: ${component ?? 'part'} ${identifier ?? subject}`);
  }
}

function detailsOf(finding: Finding): string {
  return membersOf(finding.details).slice(0, 400);
}

function membersOf(members: Readonly<Record<string, unknown>>): string {
  return Object.entries(members)
    .map(([name, value]) => `${name} ${detail(value)}`)
    .join(', ');
}

const DISTANCES: Readonly<Record<string, string>> = { KMT: 'km', SMI: 'miles' };

/** A detail of a finding as a person reads it: `137,724 km (inspection, 2021-12-23, organisation 15)`. */
function detail(value: unknown): string {
  if (value === null) return 'unknown';
  if (typeof value === 'number') return value > 9_999 ? count(value) : String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(detail).join('; ');
  if (typeof value !== 'object') return String(value);
  const members = value as Readonly<Record<string, unknown>>;
  if (typeof members.value === 'number' && typeof members.unit === 'string') {
    const { source, time, organisation } = members;
    const from = [source, time, organisation === undefined ? undefined : `organisation ${organisation}`];
    const known = from.filter((part) => part !== undefined).map(String);
    const distance = `${count(members.value)} ${DISTANCES[members.unit] ?? members.unit}`;
    return known.length === 0 ? distance : `${distance} (${known.join(', ')})`;
  }
  return typeof members.en === 'string' ? members.en : membersOf(members);
}

export function nameOf(profile: unknown): string | undefined {
  const names = (profile as { names?: unknown } | null)?.names;
  if (typeof names !== 'object' || names === null) return undefined;
  const { en } = names as { en?: unknown };
  const name = en ?? Object.values(names)[0];
  return typeof name === 'string' ? name : undefined;
}

function verdictLine(output: Output, { verdict, verification }: Verified): string {
  const { style } = output;
  // Green is only what can no longer be undone.
  const final = verification.asOf.every((view) => view.final);
  const verified = final ? style.good : style.warn;
  const paint = { verified, incomplete: style.warn, refuted: style.bad }[verdict];
  const views = verification.asOf.map(({ chainId, block, final, endpoints }) => {
    const seen =
      endpoints === 0
        ? 'under the hash that you gave'
        : endpoints === 1
          ? 'as seen by one endpoint'
          : `on which ${endpoints} endpoints agree`;
    const finality = final ? 'final' : 'provisional: it could still be undone';
    return `as of block ${count(Number(block.number))} of chain ${chainId} (${when(Number(block.timestamp))}; ${finality}), ${seen}`;
  });
  const words = {
    verified: 'VERIFIED',
    incomplete: 'INCOMPLETE: nothing is refuted, but not everything could be checked',
    refuted: 'REFUTED: do not rely on this report',
  };
  return [paint(style.bold(words[verdict])), ...views].join(', ');
}

export function when(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? String(seconds)
    : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
