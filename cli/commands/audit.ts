import { type AuditResult, type AuditVerdict, audit } from '../audit/audit.ts';
import { type BlockSource, exportedSource, gatewaySource } from '../audit/blocks.ts';
import { type ErasureSource, readErasures, servedErasures } from '../audit/erasures.ts';
import { type Transcripts, transcriptsOf } from '../audit/judge.ts';
import type { Problem } from '../audit/problems.ts';
import { type Client, createClient } from '../client.ts';
import type { Context } from '../context.ts';
import { CommandError, type Exit, usageError } from '../exit.ts';
import { readKeys, readTranscripts } from '../exports.ts';
import { placeOf } from '../http.ts';
import { keysFolder, listKeystores } from '../keystore.ts';
import type { WireTranscript } from '../ledger.ts';
import { count, counted, type Output, printable } from '../output.ts';
import { unlock } from '../password.ts';
import { signIn } from '../session.ts';
import { checkUrl, requireRpc, requireTrustAnchor, type Settings } from '../settings.ts';
import { organisationOf } from '../signing.ts';
import { connect } from '../views.ts';
import { write } from './report.ts';
import { placeText, when } from './verify.ts';

export type AuditCommandOptions = {
  readonly rpc?: readonly string[];
  readonly directory?: string;
  readonly gateway?: string;
  readonly blocks?: string;
  readonly keys?: string;
  /** A file of kept transcripts, instead of asking a service. */
  readonly transcripts?: string;
  /** A file to keep the service's transcripts in. */
  readonly keepTranscripts?: string;
  /** A file of receipts of erasures, instead of asking a service. */
  readonly erasures?: string;
  readonly served: boolean;
  readonly keystore?: string;
  readonly passwordFile?: string;
  readonly organisation?: string;
  /** Most problems to list for people. */
  readonly limit: number;
};

const EXITS: Readonly<Record<AuditVerdict, Exit>> = {
  verified: 'ok',
  whole: 'ok',
  incomplete: 'incomplete',
  refuted: 'failed',
};

export async function auditCommand(context: Context, options: AuditCommandOptions): Promise<Exit> {
  const { output, signal } = context;
  const settings = context.settings();
  const { trust } = requireTrustAnchor(settings, options.directory);
  const urls = requireRpc(settings, options.rpc);
  const keys = options.keys === undefined ? null : await readKeys(options.keys);
  const endpoints = await connect(urls, signal);
  const service = await serviceClient(context, settings, options);
  const blocks = await blockSource(context, settings, options, service);
  const kept = new Map<string, WireTranscript>();
  const transcripts = await transcriptSource(options, service, kept);
  const started = performance.now();
  let shown = { label: '', bar: output.progress('') };
  const step = (label: string, done: number, total?: number): void => {
    signal.throwIfAborted();
    if (label !== shown.label) {
      shown.bar.end();
      shown = { label, bar: output.progress(label) };
    }
    shown.bar.update(done, total);
  };
  let result: Awaited<ReturnType<typeof audit>>;
  try {
    result = await audit({
      endpoints,
      trust,
      blocks,
      keys,
      transcripts,
      erasures: await erasureSource(options, service),
      served: options.served && keys !== null ? service : null,
      step,
    });
  } finally {
    shown.bar.end();
  }
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  if (options.keepTranscripts !== undefined) {
    const lines = [...kept].map(
      ([identifier, transcript]) => `${JSON.stringify({ identifier, ...transcript })}\n`,
    );
    await write(options.keepTranscripts, lines.join(''), 0o600);
  }
  const { chains: _, ...rest } = result;
  output.value({ ...rest, blocks: blocks.name, endpoints: urls, seconds });
  if (!output.json) show(output, result, { blocks: blocks.name, urls, seconds, limit: options.limit });
  return EXITS[result.verdict];
}

/** The service that is asked for transcripts and told histories: signed in where a key is at hand, for its rates. */
async function serviceClient(
  context: Context,
  settings: Settings,
  options: AuditCommandOptions,
): Promise<Client | null> {
  if (settings.url === null) return null;
  const anonymous = createClient(settings.url, {
    signal: context.signal,
    onPause: (milliseconds, error) => {
      if (milliseconds >= 5_000) {
        const why = error instanceof CommandError ? error.code : 'no answer';
        context.output.note(
          `${placeOf(settings.url ?? '')}: ${why}; waiting ${Math.ceil(milliseconds / 1000)} s. With a key of an organisation (--keystore) the limits are higher.`,
        );
      }
    },
  });
  const source = { file: options.passwordFile, dataFolder: settings.folder };
  if (options.keystore !== undefined) {
    const key = await unlock(options.keystore, { ...source, ask: context.ask });
    return signIn(anonymous, key, organisationOf(key, options.organisation));
  }
  if (settings.url !== settings.local?.url) return anonymous;
  // Beside a development service its own keys lie open: they only raise the limits, nothing is signed but the sign-in.
  try {
    const found = (await listKeystores(keysFolder(settings.folder))).find(
      ({ organisation }) => organisation !== null,
    );
    if (found === undefined) return anonymous;
    const key = await unlock(found.name, source);
    return await signIn(anonymous, key, organisationOf(key, undefined));
  } catch (error) {
    if (error instanceof CommandError && error.exit !== 'unreachable') return anonymous;
    throw error;
  }
}

/** Receipts show who signed them, whoever hands them out. */
async function erasureSource(
  { erasures }: AuditCommandOptions,
  service: Client | null,
): Promise<ErasureSource | null> {
  if (erasures !== undefined) return readErasures(erasures);
  return service === null ? null : servedErasures(service);
}

/** Transcripts prove themselves: it does not matter who hands them out, or when. */
async function transcriptSource(
  options: AuditCommandOptions,
  service: Client | null,
  kept: Map<string, WireTranscript>,
): Promise<Transcripts | null> {
  if (options.transcripts !== undefined) {
    const known = await readTranscripts(options.transcripts);
    return async (identifiers) => identifiers.map((identifier) => known.get(identifier) ?? null);
  }
  if (service === null) return null;
  const ask = transcriptsOf(service);
  return async (identifiers) => {
    const answers = await ask(identifiers);
    for (const [index, identifier] of identifiers.entries()) {
      const answer = answers[index];
      if (answer !== null && answer !== undefined) {
        kept.set(identifier, { evaluated: answer.evaluated, proof: answer.proof });
      }
    }
    return answers;
  };
}

async function blockSource(
  context: Context,
  settings: Settings,
  options: AuditCommandOptions,
  service: Client | null,
): Promise<BlockSource> {
  if (options.blocks !== undefined) return exportedSource(options.blocks);
  const gateway =
    options.gateway === undefined ? settings.url : checkUrl(options.gateway).replace(/\/ipfs$/, '');
  if (gateway === null) {
    throw usageError(
      'audit.noBlocks',
      'Say where the blocks are: --gateway URL, or --blocks with an exported folder.',
    );
  }
  if (gateway === settings.url && service !== null) return gatewaySource(service);
  return gatewaySource(createClient(gateway, { signal: context.signal }));
}

type Facts = {
  readonly blocks: string;
  readonly urls: readonly string[];
  readonly seconds: number;
  readonly limit: number;
};

function show(output: Output, result: AuditResult, facts: Facts): void {
  const { style } = output;
  const { subjects, entries, organisations, ownChains, profiles, pseudonyms, served } = result;
  output.line(style.bold(`Audit of directory ${result.trust.chainId}:${result.trust.directory}`));
  for (const { chainId, block, hash, timestamp, final, endpoints } of result.asOf) {
    const seen = endpoints === 1 ? 'as seen by one endpoint' : `on which ${endpoints} endpoints agree`;
    output.line(
      `  chain ${chainId} at block ${count(block)} (${when(timestamp)}; ${final ? 'final' : 'provisional'}), ${seen}`,
    );
    output.line(`    ${style.dim(hash)}`);
  }
  output.line(`  blocks from ${facts.blocks}`);
  output.line();
  const line = (title: string, total: number, parts: readonly [number, string][]) => {
    const shown = parts.filter(([number]) => number > 0).map(([number, name]) => `${count(number)} ${name}`);
    output.line(`${title.padEnd(16)}${count(total).padStart(10)}   ${shown.join(', ')}`);
  };
  line('Ledgers', result.ledgers.length, [
    [result.ledgers.filter(({ read }) => read).length, 'read'],
    [result.ledgers.filter(({ read }) => !read).length, style.warn('not read: no endpoint of their chain')],
    [result.ledgers.filter(({ closed }) => closed).length, 'closed to writing'],
  ]);
  line('Subjects', subjects.total, [
    [subjects.verified, style.good('verified')],
    [subjects.whole, 'whole, as far as it was opened'],
    [subjects.incomplete, style.warn('incomplete')],
    [subjects.refuted, style.bad('refuted')],
  ]);
  line('Entries', entries.total, [
    [entries.proven, style.good('proven')],
    [entries.stored, 'stored: the block is there and right, its content was not opened'],
    [entries.withheld, style.warn('withheld')],
    [entries.erased, 'erased'],
    [entries.void, style.warn('void')],
    [entries.unknownKind, style.warn('of unknown kind')],
    [entries.refuted, style.bad('refuted')],
  ]);
  if (ownChains.total > 0) {
    line('Own chains', ownChains.total, [
      [ownChains.matching, 'lead to their heads'],
      [ownChains.refuted, style.bad('refuted')],
    ]);
  }
  line('Organisations', organisations.total, [
    [organisations.matching, 'records lead to their heads'],
    [organisations.refuted, style.bad('refuted')],
    [profiles.missing, style.warn('without their profile')],
    [profiles.altered, style.bad('with another profile than recorded')],
  ]);
  if (result.opened) {
    line('Pseudonyms', pseudonyms.total, [
      [pseudonyms.proven, 'proven to be their identifiers’'],
      [pseudonyms.unchecked, style.warn('not checked: no operators’ proofs at hand (--transcripts)')],
      [pseudonyms.refuted, style.warn('of another identifier than their entries say')],
    ]);
  }
  if (served !== null) {
    line('Served', served.compared, [
      [served.compared - served.differing, 'histories told as the ledger has them'],
      [served.differing, style.bad('told otherwise')],
      [
        served.skipped,
        'not compared: nothing of them could be opened, or the service does not show the ledger',
      ],
    ]);
  }
  showProblems(output, result.problems, facts.limit);
  output.line();
  const words: Readonly<Record<AuditVerdict, string>> = {
    verified: style.good(
      style.bold(
        `VERIFIED: every head, block, content, attester and pseudonym holds${entries.void === 0 ? '' : `, but for ${counted(entries.void, 'void entry', 'void entries')}: their attesters’ fault, and counted for nothing`}`,
      ),
    ),
    whole: style.good(
      style.bold(
        result.opened
          ? 'WHOLE: every head, block, content and attester holds; identifiers were not proven'
          : 'WHOLE: every head, block and attester holds; contents were not opened (no --keys)',
      ),
    ),
    incomplete: style.warn(style.bold('INCOMPLETE: nothing is refuted, but something is missing')),
    refuted: style.bad(style.bold('REFUTED: something is not as the ledger says')),
  };
  const rate = facts.seconds > 0 ? Math.round(entries.total / facts.seconds) : entries.total;
  output.line(`${words[result.verdict]}. ${facts.seconds} s, ${count(rate)} entries a second.`);
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  'head.subject': 'the logs of this subject do not lead to its head on chain',
  'head.ownChain': 'the logs of this own chain do not lead to its head on chain',
  'organisation.head': 'the logs of this organisation do not lead to the head of its record',
  'organisation.profile': 'the profile handed out is not the one recorded',
  'organisation.profileMissing': 'nobody hands out this organisation’s profile',
  'entry.digest': 'the block handed out is not the one that was anchored',
  'block.missing': 'nobody hands out the block of this entry',
  'key.missing': 'the export has no key for this entry',
  'block.wrongKey': 'the exported key does not open this block',
  'block.corrupt': 'the block can’t be decrypted',
  'envelope.unbound': 'the content belongs to another entry',
  'subject.pseudonym': 'the subject is not the pseudonym of what its entries name',
  'ledger.unread': 'no endpoint was given for this ledger’s chain',
  'ledger.codeHash': 'the contract is not the one that the directory records',
  'ledger.pseudonymKey': 'the pseudonym key is not the one that the directory records',
  'attester.kindNotAllowed': 'the organisation was not allowed this kind when it was recorded',
  'attester.notInGoodStanding': 'the organisation was not in good standing when this was recorded',
  'served.leftOut': 'the service leaves out an entry of the ledger',
  'served.added': 'the service tells an entry that is not on the ledger',
  'served.altered': 'the service tells an entry otherwise than the ledger has it',
  'served.moved': 'the service tells an entry at another place than the ledger has it',
  'served.unread': 'the service says itself that it does not show this ledger',
  'served.subject': 'the service tells another subject’s history',
};

function showProblems(output: Output, problems: readonly Problem[], limit: number): void {
  if (problems.length === 0) return;
  const { style } = output;
  output.line();
  output.line(style.bold(`Not as it should be: ${counted(problems.length, 'finding')}`));
  const worstFirst = [...problems].sort(
    (left, right) => Number(right.outcome === 'failed') - Number(left.outcome === 'failed'),
  );
  for (const problem of worstFirst.slice(0, limit)) {
    const paint = problem.outcome === 'failed' ? style.bad : style.warn;
    const explanation = EXPLANATIONS[problem.code] ?? problem.detail ?? '';
    output.line(`  ${paint(problem.code)}: ${printable(explanation)}`);
    output.line(`    where:    ${printable(placeText(problem.at))}`);
    if (problem.expected !== undefined) output.line(`    expected: ${printable(problem.expected)}`);
    if (problem.found !== undefined) output.line(`    found:    ${printable(problem.found)}`);
    if (problem.detail !== undefined && problem.detail.length > 12)
      output.line(`    → ${printable(problem.detail)}`);
  }
  const more = problems.length - limit;
  if (more > 0) output.line(`  … and ${count(more)} more: --limit ${problems.length}, or --json for all.`);
}
