import { toHex, word } from '../../core/bytes.ts';
import type { DirectoryLink } from '../../core/chain/directory.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { foldLinks, type Link } from '../../core/chain/link.ts';
import {
  applyChange,
  foldOrganisation,
  NO_STANDING,
  type OrganisationChange,
  type Standing,
} from '../../core/chain/organisation.ts';
import type { Address, Digest, LedgerId, OrganisationId, Subject } from '../../core/chain/types.ts';
import {
  decodeLedgerLog,
  decodeOrganisationLog,
  type Header,
  type LedgerEvent,
  type LogPlace,
  type OrganisationEvent,
  readHeaders,
  readLogs,
  readWords,
} from '../chain.ts';
import { CommandError } from '../exit.ts';
import { selectors } from '../ledger.ts';
import type { Rpc } from '../rpc.ts';
import { type Actions, modulesOf, readActions } from './actions.ts';
import type { Problem } from './problems.ts';

export type AddedLedger = Extract<DirectoryLink, { change: 'added' }>;

/** An entry of the ledger with where its log stands. */
export type AuditedEntry = {
  readonly chain: Subject | { readonly organisation: OrganisationId };
  readonly position: number;
  readonly link: Link;
  readonly block: number;
  readonly transaction: string;
};

/** All that one ledger holds, rebuilt from its logs. */
export type RebuiltLedger = {
  readonly ledger: LedgerId;
  readonly record: AddedLedger;
  readonly histories: ReadonlyMap<Subject, readonly AuditedEntry[]>;
  readonly ownChains: ReadonlyMap<OrganisationId, readonly AuditedEntry[]>;
  readonly organisations: ReadonlyMap<
    OrganisationId,
    { changes: readonly OrganisationChange[]; standing: Standing }
  >;
  /** What was asked of modules, by the hash that their links carry. */
  readonly actions: Actions;
  /** The last block with a log of either contract. */
  readonly lastBlock: number;
  /** Subjects, own chains and organisations whose logs do not lead to the head on chain. */
  readonly refutedSubjects: ReadonlySet<Subject>;
  readonly refutedOwnChains: ReadonlySet<OrganisationId>;
  readonly refutedOrganisations: ReadonlySet<OrganisationId>;
};

export type Step = (label: string, done: number, total?: number) => void;

/**
 * Reads all logs of a ledger and of its organisations up to a block, folds every chain and compares it with the head
 * that the ledger stores; replays who was allowed to attest what at every entry.
 */
export async function rebuildLedger(
  rpc: Rpc,
  record: AddedLedger,
  block: number,
  problems: Problem[],
  step: Step,
): Promise<RebuiltLedger> {
  const ledger = formatLedgerId({ chainId: record.chainId, address: record.ledger });
  const range = { from: 0, to: block };
  const ledgerLogs = await readLogs(rpc, { address: record.ledger }, range, (done) =>
    step('Reading the ledger’s logs', done, block + 1),
  );
  const organisationLogs = await readLogs(rpc, { address: record.organisations }, range, (done) =>
    step('Reading the organisations’ logs', done, block + 1),
  );
  const events = ledgerLogs.map(decodeLedgerLog).filter((event) => event !== null);
  const changes = organisationLogs.map(decodeOrganisationLog).filter((event) => event !== null);
  const numbers = [...new Set([...events, ...changes].map((event) => event.block))];
  const headers = await readHeaders(rpc, numbers, (done) =>
    step('Reading the times of blocks', done, numbers.length),
  );

  const replayed = replay(events, changes, headers, ledger, problems);
  const modules = modulesOf({ ledger, ...replayed });
  const actions = await readActions(rpc, modules, range, (done) =>
    step('Reading the logs of modules', done, block + 1),
  );
  const refuted = await compareHeads(rpc, record, ledger, replayed, block, problems, step);
  const lastBlock = numbers.reduce((last, number) => Math.max(last, number), 0);
  return { ledger, record, actions, lastBlock, ...replayed, ...refuted };
}

type Replayed = Pick<RebuiltLedger, 'histories' | 'ownChains' | 'organisations'>;

/** Applies all logs in the ledger's order. */
function replay(
  events: readonly LedgerEvent[],
  changes: readonly OrganisationEvent[],
  headers: ReadonlyMap<number, Header>,
  ledger: LedgerId,
  problems: Problem[],
): Replayed {
  const histories = new Map<Subject, AuditedEntry[]>();
  const ownChains = new Map<OrganisationId, AuditedEntry[]>();
  const organisations = new Map<OrganisationId, { changes: OrganisationChange[]; standing: Standing }>();
  const timeOf = ({ block }: LogPlace): bigint => headers.get(block)?.timestamp ?? 0n;

  for (const event of inOrder(events, changes)) {
    if ('change' in event) {
      const record = organisations.get(event.organisation) ?? { changes: [], standing: NO_STANDING };
      const change = { ...event.change, timestamp: timeOf(event) };
      record.changes.push(change);
      record.standing = applyChange(record.standing, change);
      organisations.set(event.organisation, record);
      continue;
    }
    if (event.event === 'accepted') continue;
    const link = { ...event.link, timestamp: timeOf(event) } as Link;
    const { block, transaction } = event;
    if (event.event === 'entry') {
      const history = histories.get(event.subject) ?? [];
      histories.set(event.subject, history);
      history.push({ chain: event.subject, position: history.length, link, block, transaction });
    } else {
      const chain = ownChains.get(event.organisation) ?? [];
      ownChains.set(event.organisation, chain);
      const own = { organisation: event.organisation };
      chain.push({ chain: own, position: chain.length, link, block, transaction });
    }
    checkAuthority(event, link, organisations, ledger, problems);
  }
  return { histories, ownChains, organisations };
}

/** Both contracts' logs merged by block and log index. */
function* inOrder(
  events: readonly LedgerEvent[],
  changes: readonly OrganisationEvent[],
): Generator<LedgerEvent | OrganisationEvent> {
  let next = 0;
  for (const event of events) {
    for (
      let change = changes[next];
      change !== undefined && isBefore(change, event);
      change = changes[next]
    ) {
      yield change;
      next += 1;
    }
    yield event;
  }
  yield* changes.slice(next);
}

function isBefore(left: LogPlace, right: LogPlace): boolean {
  return left.block < right.block || (left.block === right.block && left.index < right.index);
}

/** Whether the attester stood in good standing and was allowed the kind when the entry was recorded. */
function checkAuthority(
  event: Extract<LedgerEvent, { event: 'entry' | 'ownEntry' }>,
  link: Link,
  organisations: ReadonlyMap<OrganisationId, { standing: Standing }>,
  ledger: LedgerId,
  problems: Problem[],
): void {
  if (!('organisation' in link)) return;
  const standing = organisations.get(link.organisation)?.standing ?? NO_STANDING;
  const allowed = standing.status === 'good' && ((standing.kinds >> BigInt(link.kind)) & 1n) === 1n;
  if (allowed) return;
  problems.push({
    outcome: 'failed',
    code: standing.status === 'good' ? 'attester.kindNotAllowed' : 'attester.notInGoodStanding',
    at: {
      ledger,
      ...(event.event === 'entry' ? { subject: event.subject } : {}),
      organisation: link.organisation.toString(),
      kind: link.kind,
      digest: link.digest,
      block: event.block,
      transaction: event.transaction,
    },
  });
}

/** Compares every folded chain with the head that the contracts store at the block. */
async function compareHeads(
  rpc: Rpc,
  record: AddedLedger,
  ledger: LedgerId,
  { histories, ownChains, organisations }: Replayed,
  block: number,
  problems: Problem[],
  step: Step,
) {
  const refutedSubjects = new Set<Subject>();
  const refutedOwnChains = new Set<OrganisationId>();
  const refutedOrganisations = new Set<OrganisationId>();
  type Head = {
    to: Address;
    data: string;
    folded: string;
    at: Problem['at'];
    code: string;
    refute: () => void;
  };
  const heads: Head[] = [
    ...[...histories].map(([subject, entries]) => ({
      to: record.ledger,
      data: selectors.heads + subject.slice(2),
      folded: foldLinks(entries.map(({ link }) => link)),
      at: { ledger, subject, links: entries.length },
      code: 'head.subject',
      refute: () => void refutedSubjects.add(subject),
    })),
    ...[...ownChains].map(([organisation, entries]) => ({
      to: record.ledger,
      data: selectors.ownHeads + argument(organisation),
      folded: foldLinks(entries.map(({ link }) => link)),
      at: { ledger, organisation: organisation.toString(), links: entries.length },
      code: 'head.ownChain',
      refute: () => void refutedOwnChains.add(organisation),
    })),
    ...[...organisations].map(([organisation, { changes }]) => ({
      to: record.organisations,
      data: selectors.organisationHeads + argument(organisation),
      folded: foldOrganisation(changes),
      at: { ledger, organisation: organisation.toString() },
      code: 'organisation.head',
      refute: () => void refutedOrganisations.add(organisation),
    })),
  ];
  const stored = await readWords(
    rpc,
    heads.map(({ to, data }) => ({ to, data })),
    block,
    (done) => step('Comparing heads', done, heads.length),
  );
  for (const [index, head] of heads.entries()) {
    const expected = stored[index];
    if (expected === head.folded) continue;
    head.refute();
    problems.push({
      outcome: 'failed',
      code: head.code,
      at: head.at,
      expected: expected ?? '',
      found: head.folded,
    });
  }
  return { refutedSubjects, refutedOwnChains, refutedOrganisations };
}

function argument(organisation: OrganisationId): string {
  return toHex(word(organisation)).slice(2);
}

/** Digests of everything whose bytes the audit asks for. */
export function digestsOf(ledger: RebuiltLedger): Digest[] {
  const digests = new Set<Digest>();
  for (const entries of [...ledger.histories.values(), ...ledger.ownChains.values()]) {
    for (const { link } of entries) digests.add(link.digest);
  }
  return [...digests];
}

/** The profile that each organisation's record names today. */
export function profilesOf(ledger: RebuiltLedger): Map<OrganisationId, Digest> {
  const profiles = new Map<OrganisationId, Digest>();
  for (const [organisation, { standing }] of ledger.organisations) {
    if (standing.profile !== null) profiles.set(organisation, standing.profile);
  }
  return profiles;
}

/** @throws `rpc.refused` when the endpoint no longer has the block's state */
export function ensureReadable(block: Header | null): Header {
  if (block !== null) return block;
  throw new CommandError('unreachable', 'rpc.malformed', 'The endpoint knows no latest block.');
}
