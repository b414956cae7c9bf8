import type { Reading } from '../kinds/fields.ts';
import type { Finding } from './finding.ts';
import { type EffectiveEntry, eventDay, eventSeconds, evidence, type OpenedEntry } from './openedEntry.ts';
import type { Grade, GradedReading } from './summary.ts';

export const KILOMETRES_A_MILE = 1.609344;

/**
 * A reading may be lower than the one before it by this much, in kilometres, and still be honest: entered before and
 * after a test drive, rounded, or two of one day in an unknown order. The largest that applies counts.
 */
export const tolerance = {
  always: 50,
  sameDay: 500,
  /** A reading that ends in zeros may have been rounded: to 10, to 100, at most to 1,000. */
  roundingAtMost: 1000,
} as const;

/** No vehicle covers more than this a day, in kilometres: a greater rise is as doubtful as a drop. */
export const DAILY_MOST = 3000;

/** A drop up to this, in kilometres, or one that rests on an owner's word, is a warning; any other an alert. */
export const SMALL_DROP = 1000;

export function kilometres(reading: { value: number; unit: 'KMT' | 'SMI' }): number {
  return reading.unit === 'KMT' ? reading.value : Math.round(reading.value * KILOMETRES_A_MILE);
}

type Read = { readonly entry: EffectiveEntry; readonly reading: Reading; readonly kilometres: number };

function readingOf(entry: Pick<OpenedEntry, 'data'>): Reading | null {
  const { odometer } = entry.data as { odometer?: Reading };
  return odometer ?? null;
}

/** The unit to which a value looks rounded, in kilometres. */
function rounding({ value, unit }: Reading): number {
  const step = [1000, 100, 10].find((candidate) => value > 0 && value % candidate === 0) ?? 1;
  return Math.min(tolerance.roundingAtMost, unit === 'KMT' ? step : step * KILOMETRES_A_MILE);
}

export function allowedDrop(before: Read, after: Read): number {
  return Math.max(
    tolerance.always,
    rounding(before.reading),
    rounding(after.reading),
    eventDay(before.entry.time) === eventDay(after.entry.time) ? tolerance.sameDay : 0,
  );
}

/** Where an instrument of `digits` digits begins anew, in its own unit. */
const turnOf = (reading: Reading): number => 10 ** (reading.digits ?? 5);

/**
 * Grades every reading of a history against the one before it. Any reading is evidence and none is refused; a
 * discrepancy names both readings and their sources, and nobody's intent.
 */
export function gradeOdometer(entries: readonly EffectiveEntry[]): {
  readings: GradedReading[];
  findings: Finding[];
} {
  const readings: GradedReading[] = [];
  const findings: Finding[] = [];
  /** The highest reading since the last break, which the next one is compared with. */
  let reference: Read | null = null;
  /** A reading implausibly far above the reference, until the next one confirms or contradicts it. */
  let doubtful: Read | null = null;
  let exemptSince: string | null = null;

  for (const entry of entries) {
    const brands = (entry.data as { titleBrands?: readonly string[] }).titleBrands ?? [];
    if (brands.includes('71')) exemptSince ??= entry.time;
    const reading = readingOf(entry);
    if (reading === null) continue;
    const read: Read = { entry, reading, kilometres: kilometres(reading) };
    const exempt = reading.event === 'exempt' || exemptSince !== null;
    const judged: Judged = exempt ? exemption(read) : compareEither(reference, doubtful, read);
    findings.push(...judged.findings, ...amendmentOf(entry, reading));
    readings.push(graded(entry, reading, judged.grade));
    for (const earlier of entry.superseded) {
      const superseded = readingOf(earlier);
      if (superseded !== null) readings.push(graded(earlier, superseded, 'superseded'));
    }
    if (exempt) continue;
    doubtful = judged.rise === true ? read : null;
    if (judged.rise !== true && judged.grade !== 'tolerated') reference = read;
  }
  return { readings, findings };
}

type Judged = { readonly grade: Grade; readonly findings: Finding[]; readonly rise?: true };

/** A reading that follows on the reference shows that the doubtful one before it was out of line, and alone so. */
function compareEither(reference: Read | null, doubtful: Read | null, read: Read): Judged {
  const judged = compare(reference, read);
  if (doubtful === null || judged.grade !== 'discrepancy') return judged;
  const confirmed = compare(doubtful, read);
  return confirmed.grade === 'discrepancy' ? judged : confirmed;
}

function exemption(read: Read): Judged {
  const finding: Finding = {
    code: 'odometer.exempt',
    severity: 'information',
    entries: evidence(read.entry),
    details: { reading: stated(read) },
  };
  return { grade: 'exempt', findings: [finding] };
}

function compare(before: Read | null, read: Read): Judged {
  const { reading, entry } = read;
  if (reading.event === 'instrumentReplaced') return replaced(before, read);
  if (before === null) return { grade: 'consistent', findings: [] };
  const findings: Finding[] = [];
  if (before.reading.unit !== reading.unit) {
    findings.push({
      code: 'odometer.unitChange',
      severity: 'notice',
      entries: evidence(before.entry, entry),
      details: { before: stated(before), reading: stated(read) },
    });
  }
  if (reading.event === 'rollover' && before.reading.value >= turnOf(reading) / 2) {
    findings.push({
      code: 'odometer.rollover',
      severity: 'notice',
      entries: evidence(before.entry, entry),
      details: { before: stated(before), reading: stated(read), turn: turnOf(reading) },
    });
    return { grade: 'rollover', findings };
  }
  const drop = before.kilometres - read.kilometres;
  const days = Math.max(1, (eventSeconds(entry.time) - eventSeconds(before.entry.time)) / 86_400);
  const most = Math.round(days * DAILY_MOST) + allowedDrop(before, read);
  if (-drop > most) {
    findings.push(
      discrepancy(before, read, { direction: 'rise', kilometres: -drop, plausible: Math.round(most) }),
    );
    return { grade: 'discrepancy', findings, rise: true };
  }
  if (drop <= 0) return { grade: 'consistent', findings };
  if (drop <= allowedDrop(before, read)) return { grade: 'tolerated', findings };
  findings.push(discrepancy(before, read, { direction: 'drop', kilometres: drop }));
  return { grade: 'discrepancy', findings };
}

/** A new instrument begins a new series; what the old one showed last must still follow on. */
function replaced(before: Read | null, read: Read): Judged {
  const { reading, entry } = read;
  const documents = (entry.data as { documents?: readonly unknown[] }).documents ?? [];
  const findings: Finding[] = [
    {
      code: 'odometer.replaced',
      severity: reading.previous === undefined && documents.length === 0 ? 'warning' : 'notice',
      entries: evidence(entry),
      details: {
        reading: stated(read),
        previous: reading.previous ?? null,
        documents: documents.length,
      },
    },
  ];
  if (before !== null && reading.previous !== undefined) {
    const last: Read = {
      entry,
      reading: { ...reading, ...reading.previous },
      kilometres: kilometres(reading.previous),
    };
    const drop = before.kilometres - last.kilometres;
    if (drop > allowedDrop(before, last)) {
      findings.push(discrepancy(before, last, { direction: 'drop', kilometres: drop }));
      return { grade: 'discrepancy', findings };
    }
  }
  return { grade: 'replaced', findings };
}

function discrepancy(
  before: Read,
  read: Read,
  difference: { direction: 'drop' | 'rise'; kilometres: number; plausible?: number },
): Finding {
  const byOwner = before.reading.source === 'owner' || read.reading.source === 'owner';
  const small = difference.direction === 'drop' && difference.kilometres <= SMALL_DROP;
  return {
    code: 'odometer.discrepancy',
    severity: byOwner || small ? 'warning' : 'alert',
    entries: evidence(before.entry, read.entry),
    details: {
      ...difference,
      tolerated: Math.round(allowedDrop(before, read)),
      before: stated(before),
      reading: stated(read),
    },
  };
}

function amendmentOf(entry: EffectiveEntry, reading: Reading): Finding[] {
  const [original] = entry.superseded;
  const first = original === undefined ? null : readingOf(original);
  if (first === null || (first.value === reading.value && first.unit === reading.unit)) return [];
  return [
    {
      code: 'odometer.amended',
      severity: 'information',
      entries: evidence(entry),
      details: {
        superseded: { value: first.value, unit: first.unit },
        reading: { value: reading.value, unit: reading.unit },
        organisation: entry.organisation,
      },
    },
  ];
}

function stated({ entry, reading, kilometres: distance }: Read) {
  return {
    value: reading.value,
    unit: reading.unit,
    kilometres: distance,
    source: reading.source,
    time: entry.time,
    organisation: entry.organisation,
  };
}

function graded(entry: OpenedEntry, reading: Reading, grade: Grade): GradedReading {
  const { digest, kind, time, organisation } = entry;
  return { entry: digest, kind, time, organisation, reading, kilometres: kilometres(reading), grade };
}
