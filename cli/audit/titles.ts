import { isModuleLink } from '../../core/chain/link.ts';
import type { OrganisationId, Subject } from '../../core/chain/types.ts';
import { isPartAction } from '../../core/modules/action.ts';
import { titleKindOf } from '../../core/modules/title.ts';
import { foldTitle, type TitleHistory, type TitleStep } from '../../core/modules/titleHistory.ts';
import { actionOfEntry } from './actions.ts';
import type { Problem } from './problems.ts';
import type { RebuiltLedger } from './rebuild.ts';

/* Titles in an audit: what the actions that the module logged come to. */

/** The change of an organisation's standing that names its successor (docs/protocol.md §4). */
const SUCCESSOR_SET = 9;

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
    if (action === null || isPartAction(action)) break;
    steps.push({ action, actor: link.actor, at: link.timestamp, position });
  }
  return steps;
}
