import { isModuleLink } from '../../core/chain/link.ts';
import type { Subject } from '../../core/chain/types.ts';
import { isPartAction } from '../../core/modules/action.ts';
import { foldPart, type PartHistory, type PartStep, partKindOf } from '../../core/modules/part.ts';
import { actionOfEntry } from './actions.ts';
import type { Problem } from './problems.ts';
import type { AuditedEntry, RebuiltLedger } from './rebuild.ts';

/* Parts in an audit: what the actions that the module logged come to, on their own chains and on those of vehicles. */

/** Folds every part by the table of docs/protocol.md §17; what it does not allow goes to `problems`, and refutes. */
export function foldParts(ledger: RebuiltLedger, problems: Problem[]): Map<Subject, PartHistory> {
  const folded = new Map<Subject, PartHistory>();
  const own = new Map<Subject, Set<string>>();
  const elsewhere: { readonly part: Subject; readonly entry: AuditedEntry }[] = [];
  for (const [subject, entries] of ledger.histories) {
    const steps: PartStep[] = [];
    const hashes = new Set<string>();
    let known = true;
    for (const entry of entries) {
      const { link, position } = entry;
      if (!isModuleLink(link) || partKindOf(link.kind) === undefined) continue;
      const action = actionOfEntry(ledger.actions, entry);
      if (action === null || !isPartAction(action)) known = false;
      else if (action.subject !== subject) elsewhere.push({ part: action.subject, entry });
      else {
        hashes.add(link.actionHash);
        if (known) steps.push({ action, actor: link.actor, at: link.timestamp, position });
      }
    }
    own.set(subject, hashes);
    if (steps.length === 0) continue;
    const history = foldPart(subject, steps);
    folded.set(subject, history);
    if (history.illegal === null) continue;
    const { step, code } = history.illegal;
    problems.push({
      outcome: 'failed',
      code: 'part.illegal',
      at: { ledger: ledger.ledger, subject, position: step.position, kind: step.action.kind },
      expected: history.part.state,
      found: code,
    });
  }
  // What is said on the chain of a vehicle is in the part's own too: `Parts` writes both at once.
  for (const { part, entry } of elsewhere) {
    const { link, chain, position } = entry;
    if (!isModuleLink(link) || typeof chain !== 'string' || own.get(part)?.has(link.actionHash) === true)
      continue;
    problems.push({
      outcome: 'failed',
      code: 'part.illegal',
      at: { ledger: ledger.ledger, subject: chain, position, kind: link.kind },
      found: 'part.notInItsChain',
    });
  }
  return folded;
}
