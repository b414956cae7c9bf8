import { keccak_256 } from '@noble/hashes/sha3.js';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { DirectoryLink } from '../../core/chain/directory.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Digest, LedgerId } from '../../core/chain/types.ts';
import type { Trust } from '../../core/verify/verify.ts';
import { type Header, quantity, readHeader, readWords } from '../chain.ts';
import type { Client } from '../client.ts';
import { CommandError } from '../exit.ts';
import type { ExportedKey } from '../exports.ts';
import { readDirectory, selectors } from '../ledger.ts';
import type { Rpc } from '../rpc.ts';
import type { Endpoints } from '../views.ts';
import { type BlockSource, type FetchedBlock, fetchBlocks } from './blocks.ts';
import { type ErasureSource, erasedAmong } from './erasures.ts';
import {
  type AuditStatus,
  type JudgedChain,
  type JudgedEntry,
  judgeHistories,
  judgeOwnChains,
  type Transcripts,
} from './judge.ts';
import { foldParts } from './parts.ts';
import type { Problem } from './problems.ts';
import {
  type AddedLedger,
  digestsOf,
  ensureReadable,
  profilesOf,
  type RebuiltLedger,
  rebuildLedger,
  type Step,
} from './rebuild.ts';
import { compareServed, type ServedCounts } from './served.ts';
import { foldTitles } from './titles.ts';

export type AuditOptions = {
  readonly endpoints: Endpoints;
  readonly trust: Trust;
  readonly blocks: BlockSource;
  /** Opens the envelopes; null: they stay closed. */
  readonly keys: ReadonlyMap<string, ExportedKey> | null;
  /** Proves that subjects are the pseudonyms of identifiers; null: that stays unchecked. */
  readonly transcripts: Transcripts | null;
  /** Where receipts of erasures are asked for; null: what is not there is withheld. */
  readonly erasures: ErasureSource | null;
  /** A service whose told histories are compared with the ledger. */
  readonly served: Client | null;
  readonly step: Step;
};

/**
 * `verified`: everything holds, contents and identifiers included. `whole`: everything that was asked to be checked holds,
 * but contents were not opened or identifiers not proven. `incomplete`: something is missing. `refuted`: something is false.
 */
export type AuditVerdict = 'verified' | 'whole' | 'incomplete' | 'refuted';

export type Tally<Name extends string> = Record<Name | 'total', number>;

export type AuditResult = {
  readonly verdict: AuditVerdict;
  readonly trust: Trust;
  readonly asOf: readonly {
    readonly chainId: bigint;
    readonly block: number;
    readonly hash: string;
    readonly timestamp: number;
    readonly final: boolean;
    readonly endpoints: number;
  }[];
  readonly ledgers: readonly {
    readonly ledger: LedgerId;
    readonly closed: boolean;
    readonly read: boolean;
  }[];
  readonly subjects: Tally<AuditVerdict>;
  readonly entries: Tally<AuditStatus>;
  readonly ownChains: Tally<'matching' | 'refuted'>;
  readonly organisations: Tally<'matching' | 'refuted'>;
  readonly profiles: Tally<'stored' | 'missing' | 'altered'>;
  readonly opened: boolean;
  readonly pseudonyms: Tally<'proven' | 'unchecked' | 'refuted'>;
  readonly served: ServedCounts | null;
  readonly problems: readonly Problem[];
};

/** The audit of all ledgers of a directory; `chains` has every judged history, for whoever goes on from here. */
export async function audit(
  options: AuditOptions,
): Promise<AuditResult & { readonly chains: readonly JudgedChain[] }> {
  const { trust, endpoints } = options;
  const problems: Problem[] = [];
  const home = endpoints.get(trust.chainId)?.[0];
  if (home === undefined) {
    throw new CommandError(
      'usage',
      'settings.noRpc',
      `Name an endpoint of chain ${trust.chainId}, where the directory is: --rpc URL.`,
    );
  }
  const blocks = new Map<bigint, AsOfBlock>();
  const at = async (chainId: bigint): Promise<AsOfBlock> => {
    const known = blocks.get(chainId) ?? (await agreedBlock(endpoints.get(chainId) ?? []));
    blocks.set(chainId, known);
    return known;
  };
  const homeBlock = await at(trust.chainId);
  const links = await readDirectory(home, trust, homeBlock.header.number, (done) =>
    options.step('Reading the directory', done, homeBlock.header.number + 1),
  );

  const tally = new Tallies();
  const ledgers: AuditResult['ledgers'][number][] = [];
  const chains: JudgedChain[] = [];
  let served: ServedCounts | null = null;
  const lastLogged = new Map<bigint, number>();
  const logged = (chainId: bigint, block: number) =>
    lastLogged.set(chainId, Math.max(lastLogged.get(chainId) ?? 0, block));
  for (const [index, record] of links.filter((link) => link.change === 'added').entries()) {
    const ledger = formatLedgerId({ chainId: record.chainId, address: record.ledger });
    const rpc = endpoints.get(record.chainId)?.[0];
    const closed = isClosed(links, index);
    ledgers.push({ ledger, closed, read: rpc !== undefined });
    if (rpc === undefined) {
      problems.push({ outcome: 'incomplete', code: 'ledger.unread', at: { ledger } });
      continue;
    }
    const audited = await auditLedger(
      rpc,
      record,
      (await at(record.chainId)).header,
      options,
      problems,
      tally,
    );
    chains.push(...audited.chains);
    logged(record.chainId, audited.lastBlock);
    if (audited.served !== null) served = addServed(served, audited.served);
  }
  return {
    verdict: verdictOf(problems, tally, options),
    trust,
    asOf: [...blocks].map(([chainId, { header, finalNumber, endpoints: agreeing }]) => ({
      chainId,
      block: header.number,
      hash: header.hash,
      timestamp: Number(header.timestamp),
      // Nothing was logged after the last block that can't be undone: what was read is that block's state too.
      final: (lastLogged.get(chainId) ?? 0) <= finalNumber,
      endpoints: agreeing,
    })),
    ledgers,
    subjects: tally.subjects,
    entries: tally.entries,
    ownChains: tally.ownChains,
    organisations: tally.organisations,
    profiles: tally.profiles,
    opened: options.keys !== null,
    pseudonyms: tally.pseudonyms,
    served,
    problems,
    chains,
  };
}

async function auditLedger(
  rpc: Rpc,
  record: AddedLedger,
  block: Header,
  options: AuditOptions,
  problems: Problem[],
  tally: Tallies,
): Promise<{ chains: JudgedChain[]; served: ServedCounts | null; lastBlock: number }> {
  const { step, keys } = options;
  await checkContract(rpc, record, block, problems);
  const rebuilt = await rebuildLedger(rpc, record, block.number, problems, step);
  const folded = { titles: foldTitles(rebuilt, problems), parts: foldParts(rebuilt, problems) };
  const profiles = profilesOf(rebuilt);
  const wanted = [...new Set([...digestsOf(rebuilt), ...profiles.values()])];
  const fetched = new Map<Digest, FetchedBlock>();
  await fetchBlocks(
    options.blocks,
    wanted,
    (done) => step('Fetching blocks', done, wanted.length),
    (digest, found) => fetched.set(digest, found),
  );
  const missing = digestsOf(rebuilt).filter((digest) => fetched.get(digest)?.state === 'missing');
  const erased =
    options.erasures === null
      ? new Set<Digest>()
      : await erasedAmong(options.erasures, rebuilt.ledger, missing);
  const contents = { blocks: fetched, keys, erased };
  const transcripts = keys === null ? null : options.transcripts;
  const chains = await judgeHistories(rebuilt, folded, contents, transcripts, problems, step);
  const own = judgeOwnChains(rebuilt, contents, problems);
  tally.take(rebuilt, chains, own, problems);
  tally.takeProfiles(rebuilt, profiles, fetched, problems);
  const served =
    options.served === null || keys === null
      ? null
      : await compareServed(options.served, rpc, rebuilt, chains, problems, step);
  return { chains, served, lastBlock: rebuilt.lastBlock };
}

/** The contract at the ledger's address is the one that the directory records. */
async function checkContract(
  rpc: Rpc,
  record: AddedLedger,
  block: Header,
  problems: Problem[],
): Promise<void> {
  const at = { ledger: formatLedgerId({ chainId: record.chainId, address: record.ledger }) };
  const code = await rpc.request('eth_getCode', [record.ledger, quantity(block.number)]);
  const codeHash = toHex(keccak_256(fromHex(typeof code === 'string' ? code : '0x')));
  const [pseudonymKey = ''] = await readWords(
    rpc,
    [{ to: record.ledger, data: selectors.pseudonymKey }],
    block.number,
  );
  const compare = (name: string, expected: string, found: string) => {
    if (expected !== found) problems.push({ outcome: 'failed', code: name, at, expected, found });
  };
  compare('ledger.codeHash', record.codeHash, codeHash);
  compare('ledger.pseudonymKey', record.pseudonymKey, pseudonymKey);
}

type AsOfBlock = {
  readonly header: Header;
  /** The last block that can't be undone, or -1 where an endpoint knows none. */
  readonly finalNumber: number;
  readonly endpoints: number;
};

/** The newest block that all endpoints of a chain have, with the same hash. @throws `rpc.disagree` */
async function agreedBlock(endpoints: readonly Rpc[]): Promise<AsOfBlock> {
  const heads = await Promise.all(
    endpoints.map(async (rpc) => ensureReadable(await readHeader(rpc, 'latest'))),
  );
  const number = Math.min(...heads.map((head) => head.number));
  const headers = await Promise.all(
    endpoints.map(async (rpc) => ensureReadable(await readHeader(rpc, number))),
  );
  const [header] = headers;
  if (header === undefined || headers.some(({ hash }) => hash !== header.hash)) {
    throw new CommandError('failed', 'rpc.disagree', `The endpoints have different blocks ${number}.`, {
      details: { hashes: headers.map(({ hash }) => hash) },
    });
  }
  const finals = await Promise.all(endpoints.map((rpc) => readHeader(rpc, 'finalized').catch(() => null)));
  const finalNumber = Math.min(...finals.map((block) => block?.number ?? -1));
  return { header, finalNumber, endpoints: endpoints.length };
}

function isClosed(links: readonly DirectoryLink[], index: number): boolean {
  return links.some((link) => link.change === 'closed' && link.index === BigInt(index));
}

function addServed(left: ServedCounts | null, right: ServedCounts): ServedCounts {
  if (left === null) return right;
  return {
    compared: left.compared + right.compared,
    differing: left.differing + right.differing,
    skipped: left.skipped + right.skipped,
  };
}

/** Counts of everything, over all ledgers. */
class Tallies {
  readonly subjects: AuditResult['subjects'] = { total: 0, verified: 0, whole: 0, incomplete: 0, refuted: 0 };
  readonly entries: AuditResult['entries'] = {
    total: 0,
    proven: 0,
    stored: 0,
    withheld: 0,
    erased: 0,
    void: 0,
    unknownKind: 0,
    refuted: 0,
  };
  readonly ownChains = { total: 0, matching: 0, refuted: 0 };
  readonly organisations = { total: 0, matching: 0, refuted: 0 };
  readonly profiles = { total: 0, stored: 0, missing: 0, altered: 0 };
  readonly pseudonyms = { total: 0, proven: 0, unchecked: 0, refuted: 0 };

  take(
    ledger: RebuiltLedger,
    chains: readonly JudgedChain[],
    own: readonly JudgedEntry[],
    problems: readonly Problem[],
  ): void {
    const unauthorised = new Set(
      problems
        .filter(
          ({ code }) => code.startsWith('attester.') || code === 'title.illegal' || code === 'part.illegal',
        )
        .map(({ at }) => String(at.subject)),
    );
    for (const chain of chains) {
      for (const { status } of chain.entries) this.#entry(status);
      const refuted = ledger.refutedSubjects.has(chain.subject) || unauthorised.has(chain.subject);
      this.subjects.total += 1;
      this.subjects[refuted ? 'refuted' : subjectVerdict(chain)] += 1;
      if (chain.identifier === null) continue;
      this.pseudonyms.total += 1;
      this.pseudonyms[chain.pseudonym] += 1;
    }
    for (const { status } of own) this.#entry(status);
    this.ownChains.total += ledger.ownChains.size;
    this.ownChains.refuted += ledger.refutedOwnChains.size;
    this.ownChains.matching = this.ownChains.total - this.ownChains.refuted;
    this.organisations.total += ledger.organisations.size;
    this.organisations.refuted += ledger.refutedOrganisations.size;
    this.organisations.matching = this.organisations.total - this.organisations.refuted;
  }

  takeProfiles(
    ledger: RebuiltLedger,
    profiles: ReadonlyMap<bigint, Digest>,
    fetched: ReadonlyMap<Digest, FetchedBlock>,
    problems: Problem[],
  ): void {
    for (const [organisation, digest] of profiles) {
      const found = fetched.get(digest);
      const state = found?.state ?? 'missing';
      this.profiles.total += 1;
      this.profiles[state] += 1;
      if (state === 'stored') continue;
      problems.push({
        outcome: state === 'altered' ? 'failed' : 'incomplete',
        code: state === 'altered' ? 'organisation.profile' : 'organisation.profileMissing',
        at: { organisation: organisation.toString(), digest, ledger: ledger.ledger },
        ...(found?.state === 'altered' ? { expected: digest, found: found.found } : {}),
      });
    }
  }

  #entry(status: AuditStatus): void {
    this.entries.total += 1;
    this.entries[status] += 1;
  }
}

function subjectVerdict({ entries, pseudonym }: JudgedChain): AuditVerdict {
  const statuses = new Set(entries.map(({ status }) => status));
  if (statuses.has('refuted')) return 'refuted';
  if (statuses.has('withheld') || statuses.has('unknownKind')) return 'incomplete';
  return statuses.has('stored') || pseudonym === 'unchecked' ? 'whole' : 'verified';
}

function verdictOf(problems: readonly Problem[], tally: Tallies, options: AuditOptions): AuditVerdict {
  if (problems.some(({ outcome }) => outcome === 'failed')) return 'refuted';
  // A void entry is its attester's fault and harms nothing else: it is listed, and the ledger is no less whole.
  const missing = problems.some(
    ({ outcome, detail, code }) =>
      outcome === 'incomplete' && detail !== 'void' && code !== 'subject.pseudonym',
  );
  if (missing) return 'incomplete';
  return options.keys === null || tally.pseudonyms.unchecked > 0 ? 'whole' : 'verified';
}
