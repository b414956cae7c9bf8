import type { Hex } from '../../core/bytes.ts';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import { isModuleLink } from '../../core/chain/link.ts';
import type { Address, OrganisationId, Subject } from '../../core/chain/types.ts';
import { type ModuleAddress, type TitleAction, titleActionHash } from '../../core/modules/action.ts';
import { titleKindOf } from '../../core/modules/title.ts';
import { foldTitle, type TitleHistory, type TitleStep } from '../../core/modules/titleHistory.ts';
import { type LogRange, readLogs } from '../chain.ts';
import { CommandError } from '../exit.ts';
import type { Rpc } from '../rpc.ts';
import { EXECUTED } from '../titles/title.ts';
import type { Problem } from './problems.ts';
import type { AuditedEntry, RebuiltLedger } from './rebuild.ts';

/* Titles in an audit: the actions that the module logged, each by the hash that its link carries, and what they come to. */

/** The change of an organisation's standing that names its successor (docs/protocol.md §4). */
const SUCCESSOR_SET = 9;

/** What was asked of titles, by action hash. */
export type Actions = ReadonlyMap<Hex, TitleAction>;

/**
 * The actions that a ledger's modules logged. One whose hash is not the logged one is passed over: its entry is then without.
 * @throws `rpc.malformed`
 */
export async function readActions(
  rpc: Rpc,
  modules: readonly ModuleAddress[],
  range: LogRange,
  onProgress: (blocks: number) => void,
): Promise<Map<Hex, TitleAction>> {
  const actions = new Map<Hex, TitleAction>();
  for (const module of modules) {
    const filter = { address: module.address, topics: [EXECUTED] };
    for (const { topics, words } of await readLogs(rpc, filter, range, onProgress)) {
      const action = decodeAction(words);
      const [, , hash] = topics as readonly Hex[];
      if (hash !== undefined && titleActionHash(module, action) === hash) actions.set(hash, action);
    }
  }
  return actions;
}

/** The actor, then the members of the action, a word each. */
function decodeAction(words: readonly string[]): TitleAction {
  const [, kind, subject, revision, deadline, organisation, party, until, detail, digest] = words;
  const number = (word: string | undefined): bigint => {
    if (word === undefined) {
      throw new CommandError('unreachable', 'rpc.malformed', 'The endpoint’s log of an action is cut off.');
    }
    return BigInt(`0x${word}`);
  };
  number(digest);
  return {
    kind: Number(number(kind)),
    subject: `0x${subject}` as Subject,
    revision: number(revision),
    deadline: number(deadline),
    organisation: number(organisation) as OrganisationId,
    party: `0x${(party ?? '').slice(24)}` as Address,
    until: number(until),
    detail: `0x${detail}`,
    digest: `0x${digest}` as TitleAction['digest'],
  };
}

/** The modules that wrote a ledger's entries of titles. */
export function modulesOf({
  ledger,
  histories,
}: Pick<RebuiltLedger, 'ledger' | 'histories'>): ModuleAddress[] {
  const { chainId } = parseLedgerId(ledger);
  const addresses = new Set<Address>();
  for (const entries of histories.values()) {
    for (const { link } of entries) {
      if (isModuleLink(link) && titleKindOf(link.kind) !== undefined) addresses.add(link.module);
    }
  }
  return [...addresses].map((address) => ({ chainId, address }));
}

/** The action of a link that a title's module wrote; null where it is not known. */
export function actionOfEntry(actions: Actions, { link }: AuditedEntry): TitleAction | null {
  return isModuleLink(link) ? (actions.get(link.actionHash) ?? null) : null;
}

/** Folds every title by the table of docs/protocol.md §13; what it does not allow goes to `problems`, and refutes. */
export function foldTitles(ledger: RebuiltLedger, problems: Problem[]): Map<Subject, TitleHistory> {
  const folded = new Map<Subject, TitleHistory>();
  const folding = new Set<Subject>();
  const succeeds = (holder: OrganisationId, organisation: OrganisationId): boolean =>
    (ledger.organisations.get(holder)?.changes ?? []).some(
      ({ change, value }) => change === SUCCESSOR_SET && BigInt(value) === organisation,
    );

  const fold = (subject: Subject): TitleHistory | null => {
    const known = folded.get(subject);
    if (known !== undefined) return known;
    // Two that replace each other would both have had to be first.
    if (folding.has(subject)) return null;
    folding.add(subject);
    const steps = stepsOf(ledger, subject);
    const history = foldTitle(subject, steps, { succeeds, predecessor: fold });
    folded.set(subject, history);
    folding.delete(subject);
    return history;
  };
  for (const subject of ledger.histories.keys()) {
    const history = fold(subject);
    if (history?.illegal == null) continue;
    const { step, code } = history.illegal;
    problems.push({
      outcome: 'failed',
      code: 'title.illegal',
      at: { ledger: ledger.ledger, subject, position: step.position, kind: step.action.kind },
      expected: history.title.state,
      found: code,
    });
  }
  return folded;
}

/** The steps of a subject's title, up to the first whose action is not known. */
function stepsOf({ histories, actions }: RebuiltLedger, subject: Subject): TitleStep[] {
  const steps: TitleStep[] = [];
  for (const entry of histories.get(subject) ?? []) {
    const { link, position } = entry;
    if (!isModuleLink(link) || titleKindOf(link.kind) === undefined) continue;
    const action = actionOfEntry(actions, entry);
    if (action === null) break;
    steps.push({ action, actor: link.actor, at: link.timestamp, position });
  }
  return steps;
}
