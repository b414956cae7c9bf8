import type { Severity } from '../../core/findings/finding.ts';
import { attesterName, counted, findAttester, type Tongue } from '../texts/texts.ts';
import { isAccountKey } from './attesterKey.ts';
import { groupOf } from './timeline.ts';
import type { ReportView } from './view.ts';

/** The sentence at the head of a report, by the gravest thing that its history holds. */
export type Headline = 'alert' | 'warning' | 'notice' | 'clean' | 'unread' | 'absent';

export function headlineOf(view: ReportView): Headline {
  if (view.absent) return 'absent';
  const has = (severity: Severity): boolean => view.findings.some((finding) => finding.severity === severity);
  if (has('alert')) return 'alert';
  if (has('warning')) return 'warning';
  // Nothing bad in what is shown says little where a ledger is not shown.
  if (view.unread.length > 0) return 'unread';
  return has('notice') ? 'notice' : 'clean';
}

/** What is known of the vehicle, in a few lines. */
export function knownLines(tongue: Tongue, view: ReportView): string[] {
  const { summary } = view;
  if (summary === null || view.absent) return [];
  const { texts, format } = tongue;
  const { knowledge } = texts;
  const lines: string[] = [];
  const attesters = view.attesters.filter(({ id, entries }) => entries > 0 && !isAccountKey(id)).length;
  const { total, proven } = summary.entries;
  lines.push(
    knowledge.entries(
      format.number(Math.max(proven, 0)),
      proven === 1,
      counted(tongue, attesters, knowledge.attesters),
    ),
  );
  if (total === 0) return lines;
  const { firstTime, lastTime, holders, odometer, recalls, accidents } = summary;
  if (firstTime !== null && lastTime !== null)
    lines.push(knowledge.span(firstTime.slice(0, 4), lastTime.slice(0, 4)));
  if (holders > 0) lines.push(counted(tongue, holders, knowledge.holders));
  if (odometer.latest !== null) {
    lines.push(
      knowledge.reading(format.distance(odometer.latest.kilometres), format.date(odometer.latest.time)),
    );
  }
  lines.push(accidents > 0 ? counted(tongue, accidents, knowledge.accidents) : knowledge.accidentsNone);
  const registry = view.entries.some(
    ({ kind }) => /^(registration|title)\./.test(kind) || kind === 'vehicle.registered',
  );
  if (registry && summary.liens.length + summary.oppositions.length + summary.seizures.length === 0) {
    lines.push(knowledge.chargesNone);
  }
  const open = recalls.campaigns.some(({ state }) => state === 'open' || state === 'unknown');
  if (recalls.attesters.length > 0 && !open) lines.push(knowledge.recallsNone(makerNames(tongue, view)));
  return lines;
}

/** The makers whose campaigns are complete in this report. */
export function makerNames(tongue: Tongue, view: ReportView): string {
  const makers = view.summary?.recalls.attesters ?? [];
  return tongue.format.list(makers.map((id) => attesterName(tongue, findAttester(view.attesters, id)) || id));
}

/** What is not known, said as clearly: what is missing, and what nobody recorded. */
export function unknownLines(tongue: Tongue, view: ReportView): string[] {
  const { texts, format } = tongue;
  const { knowledge } = texts;
  const { summary } = view;
  if (summary === null || view.absent) return [knowledge.always];
  const lines: string[] = [];
  if (view.unread.length > 0) lines.push(counted(tongue, view.unread.length, knowledge.unread));
  const { withheld, erased, unknownKind, void: voided } = summary.entries;
  if (withheld > 0) lines.push(counted(tongue, withheld, knowledge.withheld));
  if (erased > 0) lines.push(counted(tongue, erased, knowledge.erased));
  if (unknownKind > 0) lines.push(counted(tongue, unknownKind, knowledge.unknownKind));
  if (voided > 0) lines.push(counted(tongue, voided, knowledge.void));
  for (const { code, details } of view.findings) {
    if (code === 'history.gap') {
      lines.push(knowledge.gap(format.date(String(details.from)), format.date(String(details.to))));
    }
  }
  if (summary.odometer.latest === null) lines.push(knowledge.noReading);
  if (summary.recalls.makers.length === 0) lines.push(knowledge.recalls);
  const kinds = new Set(view.entries.filter(({ status }) => status === 'proven').map(({ kind }) => kind));
  const roles = new Set(view.attesters.filter(({ entries }) => entries > 0).flatMap((one) => one.roles));
  if (!roles.has('registrar')) lines.push(knowledge.noRegistry);
  if (!roles.has('insurer') && !roles.has('police')) lines.push(knowledge.noInsurer);
  if (![...kinds].some((kind) => groupOf(kind) === 'care')) lines.push(knowledge.noService);
  const closed = view.entries.reduce((sum, entry) => sum + entry.closed, 0);
  if (closed > 0) lines.push(counted(tongue, closed, knowledge.sealed));
  lines.push(knowledge.always);
  return lines;
}
