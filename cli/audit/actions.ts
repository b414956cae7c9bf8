import type { Hex } from '../../core/bytes.ts';
import { parseLedgerId } from '../../core/chain/ledgerId.ts';
import { isModuleLink } from '../../core/chain/link.ts';
import type { Address, Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { actionHash, type ModuleAction, type ModuleAddress, moduleOf } from '../../core/modules/action.ts';
import { hasAction } from '../../core/verify/entries.ts';
import { type LogRange, readLogs } from '../chain.ts';
import { CommandError } from '../exit.ts';
import { PART_EXECUTED } from '../parts/part.ts';
import type { Rpc } from '../rpc.ts';
import { EXECUTED } from '../titles/title.ts';
import type { AuditedEntry, RebuiltLedger } from './rebuild.ts';

/* Modules in an audit: the actions that they logged, each by the hash that its links carry. */

/** What was asked of modules, by action hash. */
export type Actions = ReadonlyMap<Hex, ModuleAction>;

/** A module that wrote entries, and which of the two. */
export type AuditedModule = ModuleAddress & { readonly of: 'titles' | 'parts' };

/**
 * The actions that a ledger's modules logged. One whose hash is not the logged one is passed over: its entry is then without.
 * @throws `rpc.malformed`
 */
export async function readActions(
  rpc: Rpc,
  modules: readonly AuditedModule[],
  range: LogRange,
  onProgress: (blocks: number) => void,
): Promise<Map<Hex, ModuleAction>> {
  const actions = new Map<Hex, ModuleAction>();
  for (const module of modules) {
    const topic = module.of === 'titles' ? EXECUTED : PART_EXECUTED;
    const filter = { address: module.address, topics: [topic] };
    for (const { topics, words } of await readLogs(rpc, filter, range, onProgress)) {
      const action = decodeAction(module, words);
      const [, , hash] = topics as readonly Hex[];
      if (hash !== undefined && actionHash(module, action) === hash) actions.set(hash, action);
    }
  }
  return actions;
}

/** The actor, then the members of the action, a word each. */
function decodeAction({ of }: AuditedModule, words: readonly string[]): ModuleAction {
  const word = (index: number): Hex => {
    const found = words[index];
    if (found === undefined) {
      throw new CommandError('unreachable', 'rpc.malformed', 'The endpoint’s log of an action is cut off.');
    }
    return `0x${found}`;
  };
  const common = {
    kind: Number(BigInt(word(1))),
    subject: word(2) as Subject,
    revision: BigInt(word(3)),
    deadline: BigInt(word(4)),
    organisation: BigInt(word(5)) as OrganisationId,
  };
  if (of === 'parts') return { ...common, vehicle: word(6) as Subject, digest: word(7) as Digest };
  return {
    ...common,
    party: `0x${word(6).slice(26)}` as Address,
    until: BigInt(word(7)),
    detail: word(8),
    digest: word(9) as Digest,
  };
}

/** The modules that wrote a ledger's entries. */
export function modulesOf({
  ledger,
  histories,
}: Pick<RebuiltLedger, 'ledger' | 'histories'>): AuditedModule[] {
  const { chainId } = parseLedgerId(ledger);
  const found = new Map<string, AuditedModule>();
  for (const entries of histories.values()) {
    for (const { link } of entries) {
      const of = moduleOf(link.kind);
      if (!isModuleLink(link) || of === undefined || !hasAction(link.kind)) continue;
      found.set(`${of} ${link.module}`, { chainId, address: link.module, of });
    }
  }
  return [...found.values()];
}

/** The action of a link that a module wrote; null where it is not known. */
export function actionOfEntry(actions: Actions, { link }: AuditedEntry): ModuleAction | null {
  return isModuleLink(link) ? (actions.get(link.actionHash) ?? null) : null;
}
