import type { Finding, FindingCode, Severity } from './finding.ts';
import { type EffectiveEntry, evidence } from './openedEntry.ts';

const CODES = {
  in: 'batch.contains',
  out: 'batch.omits',
  unknown: 'batch.unproven',
} as const satisfies Record<string, FindingCode>;

/** Whether a serial is among those that the entries of a batch name: made in it, held back, or released again. */
export function findMember(entries: readonly EffectiveEntry[], member: string): Finding[] {
  return entries.flatMap((entry): Finding[] => {
    const { affected, kind, organisation, time } = entry;
    if (affected === undefined || !kind.startsWith('batch.')) return [];
    const details = { member, kind, organisation, time };
    return [
      { code: CODES[affected], severity: severityOf(kind, affected), entries: evidence(entry), details },
    ];
  });
}

function severityOf(kind: string, affected: 'in' | 'out' | 'unknown'): Severity {
  if (affected === 'unknown') return 'warning';
  if (kind === 'batch.quarantined') return affected === 'in' ? 'warning' : 'information';
  return kind === 'batch.produced' && affected === 'out' ? 'notice' : 'information';
}
