import type { Address, Subject } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';
import type { TitleAction } from './action.ts';
import {
  applyTitleAction,
  NO_TITLE,
  type Title,
  type TitleKind,
  type TitleOptions,
  takeOver,
  titleKindOf,
  titleKinds,
} from './title.ts';

/** An action as a chain has it: who acted, in which block. */
export type TitleStep = {
  readonly action: TitleAction;
  readonly actor: Address;
  /** The block's timestamp, seconds since 1970. */
  readonly at: bigint;
  /** Place in the subject's chain, from 0. */
  readonly position: number;
};

/** A step that `Titles` took, and the title after it. */
export type TitleEvent = TitleStep & { readonly kind: TitleKind; readonly title: Title };

/** What the title of one subject came to in one chain. */
export type TitleHistory = {
  readonly subject: Subject;
  readonly events: readonly TitleEvent[];
  /** After the last event. */
  readonly title: Title;
  /** The action that the state machine does not allow, and why: `Titles` never executed it. */
  readonly illegal: { readonly step: TitleStep; readonly code: string } | null;
  /** False where the title that this one replaces is not known: nothing can then be said of it. */
  readonly whole: boolean;
};

export type FoldOptions = Omit<TitleOptions, 'titled' | 'entitled'> & {
  /** The history of the subject that the title was carried over from; null where it is not known. */
  readonly predecessor?: (subject: Subject) => TitleHistory | null;
};

/** Folds the steps of one subject's chain; the first that is not legal ends the fold. */
export function foldTitle(
  subject: Subject,
  steps: Iterable<TitleStep>,
  options: FoldOptions = {},
): TitleHistory {
  const events: TitleEvent[] = [];
  let title = NO_TITLE;
  const history = (illegal: TitleHistory['illegal'], whole = true): TitleHistory => ({
    subject,
    events,
    title,
    illegal,
    whole,
  });
  for (const step of steps) {
    const { action, actor, at } = step;
    try {
      const carried = isCarriedOver(subject, action) ? carryOver(title, step, options) : undefined;
      if (carried === null) return history(null, false);
      title = carried ?? applyOwn(subject, title, step, options);
    } catch (error) {
      if (!(error instanceof VinculumError)) throw error;
      return history({ step, code: error.code });
    }
    const kind = titleKindOf(action.kind);
    if (kind !== undefined) events.push({ action, actor, at, position: step.position, kind, title });
  }
  return history(null);
}

/** Whether an action, on this chain, is the beginning of a title that was another subject's. */
function isCarriedOver(subject: Subject, action: TitleAction): boolean {
  return (
    action.kind === titleKinds['title.replaced'] && action.detail === subject && action.subject !== subject
  );
}

function applyOwn(
  subject: Subject,
  title: Title,
  { action, actor, at }: TitleStep,
  options: FoldOptions,
): Title {
  if (action.subject !== subject) {
    throw new VinculumError('title.otherSubject', 'The action is on another subject’s title.');
  }
  return applyTitleAction(title, action, actor, at, options);
}

/** The title that begins here with what it was before; null where that is not known. */
function carryOver(title: Title, { action, at }: TitleStep, { predecessor }: FoldOptions): Title | null {
  if (title.state !== 'none') {
    throw new VinculumError('title.subjectTaken', 'The new subject has a title already.');
  }
  const old = predecessor?.(action.subject) ?? null;
  if (old === null || !old.whole) return null;
  const index = old.events.findIndex(
    (event) => event.kind === 'title.replaced' && event.at === at && isSameAction(event.action, action),
  );
  if (index < 0) {
    throw new VinculumError('title.notReplaced', 'The title that this one replaces does not say so.');
  }
  return takeOver(old.events[index - 1]?.title ?? NO_TITLE, action, at);
}

function isSameAction(left: TitleAction, right: TitleAction): boolean {
  return (Object.keys(left) as (keyof TitleAction)[]).every((member) => left[member] === right[member]);
}
