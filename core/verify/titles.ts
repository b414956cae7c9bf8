import type { Address, LedgerId, OrganisationId, Subject } from '../chain/types.ts';
import { obstaclesOf, type TitleOptions, titleKindOf } from '../modules/title.ts';
import { foldTitle, type TitleHistory, type TitleStep } from '../modules/titleHistory.ts';
import {
  changesOf,
  type LedgerSection,
  type ReportLink,
  sectionNames,
  titleActionOf,
} from '../report/report.ts';
import type { Check, VerifiedTitle } from './result.ts';

type Note = (check: Check) => void;

/** The links of a title's kinds, each with its place. */
function titleLinks(links: readonly ReportLink[]): { link: ReportLink; position: number }[] {
  return links
    .map((link, position) => ({ link, position }))
    .filter(({ link }) => 'module' in link && titleKindOf(link.kind) !== undefined);
}

/** The steps of a chain, up to the first whose action is not known. */
function stepsOf(links: readonly ReportLink[]): { steps: TitleStep[]; whole: boolean } {
  const steps: TitleStep[] = [];
  for (const { link, position } of titleLinks(links)) {
    const action = titleActionOf(link);
    if (action === null || !('module' in link)) return { steps, whole: false };
    steps.push({ action, actor: link.actor as Address, at: BigInt(link.timestamp), position });
  }
  return { steps, whole: true };
}

/** The histories that a section's title was carried over from, the latest first, as far as the section has them. */
export function predecessorsOf(section: LedgerSection): { subject: Subject; links: ReportLink[] }[] {
  const found: { subject: Subject; links: ReportLink[] }[] = [];
  const passed = new Set<string>([section.subject]);
  let { subject, links }: { subject: string; links: ReportLink[] } = section;
  for (;;) {
    const first = titleLinks(links)[0];
    const action = first === undefined ? null : titleActionOf(first.link);
    if (action === null || action.subject === subject || passed.has(action.subject)) return found;
    const next = (section.predecessors ?? []).find((history) => history.subject === action.subject);
    if (next === undefined) return found;
    passed.add(next.subject);
    found.push({ subject: next.subject as Subject, links: next.links });
    ({ subject, links } = next);
  }
}

/**
 * Step 7 for the title of a section: its actions, folded by the table of docs/protocol.md §13.
 * @param asOf the block's timestamp, seconds since 1970
 * @returns null where no title was ever issued here
 */
export function verifyTitle(section: LedgerSection, asOf: bigint, note: Note): VerifiedTitle | null {
  const { ledger, subject } = sectionNames(section);
  const [first] = titleLinks(section.links);
  if (first === undefined || !('module' in first.link)) return null;
  const succeeds = successions(section);
  let older: TitleHistory | null = null;
  for (const predecessor of predecessorsOf(section).reverse()) {
    older = fold(ledger, predecessor.subject, predecessor.links, older, succeeds, note);
  }
  const history = fold(ledger, subject, section.links, older, succeeds, note);
  const obstacles = obstaclesOf(history.title, asOf);
  return { ...history, ledger, module: first.link.module as Address, asOf, obstacles };
}

function fold(
  ledger: LedgerId,
  subject: Subject,
  links: readonly ReportLink[],
  older: TitleHistory | null,
  succeeds: NonNullable<TitleOptions['succeeds']>,
  note: Note,
): TitleHistory {
  const { steps, whole } = stepsOf(links);
  const history = foldTitle(subject, steps, {
    succeeds,
    predecessor: (named) => (older?.subject === named ? older : null),
  });
  const at = { ledger, subject };
  if (history.illegal !== null) {
    const { step, code } = history.illegal;
    note({
      outcome: 'failed',
      code: 'title.illegal',
      at: { ...at, position: step.position, digest: step.action.digest, kind: step.action.kind },
      expected: history.title.state,
      found: code,
    });
  } else if (!history.whole) {
    note({ outcome: 'incomplete', code: 'title.predecessorMissing', at });
  } else if (whole && steps.length > 0) {
    note({ outcome: 'passed', code: 'title.folded', at: { ...at, actions: steps.length } });
  }
  return { ...history, whole: whole && history.whole && history.illegal === null };
}

/** Who took a lien's holder over, by the records in the section; what is in none of them is the contract's word. */
function successions(section: LedgerSection): NonNullable<TitleOptions['succeeds']> {
  const successors = new Map(
    section.organisations.map((organisation): [string, ReadonlySet<bigint>] => [
      organisation.id,
      new Set(changesOf(organisation).flatMap(({ change, value }) => (change === 9 ? [BigInt(value)] : []))),
    ]),
  );
  return (holder: OrganisationId, organisation: OrganisationId) =>
    successors.get(holder.toString())?.has(organisation) ?? true;
}
