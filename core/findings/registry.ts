import type { KindData } from '../kinds/kinds.ts';
import type { Finding, Severity } from './finding.ts';
import { type EffectiveEntry, type EntryOf, evidence, ofKind } from './openedEntry.ts';
import type { Summary } from './summary.ts';

type HolderAction = KindData<'registration.holder'>['action'];

/** What makes somebody a holder; giving up, a dealer's purchase and a return from abroad do not. */
const NEW_HOLDER: ReadonlySet<HolderAction> = new Set<HolderAction>([
  'firstRegistration',
  'usedImport',
  'change',
  'lessee',
]);

/** The holders that the registry's entries show, with the one before them where its file is uncertain. */
export function countHolders(entries: readonly EffectiveEntry[]): number {
  const shown = ofKind(entries, 'registration.holder').filter(({ data }) => NEW_HOLDER.has(data.action));
  const before = ofKind(entries, 'vehicle.registered').some(
    ({ data }) => data.registry?.fileUncertain === true,
  );
  return shown.length + (before ? 1 : 0);
}

/**
 * The procedure for a damaged vehicle. A declaration after it was cleared begins it anew; the second expert report
 * clears it, and where there was nothing but an opposition, its lifting.
 */
export function findProcedure(entries: readonly EffectiveEntry[]): {
  procedure: Summary['procedure'];
  findings: Finding[];
} {
  const rounds: EntryOf<'registration.procedure'>[][] = [];
  for (const step of ofKind(entries, 'registration.procedure')) {
    const round = rounds.at(-1);
    if (
      round === undefined ||
      ((step.data.action === 'declared' || step.data.action === 'opposed') && isCleared(round))
    )
      rounds.push([step]);
    else round.push(step);
  }
  const findings = rounds.map((round): Finding => {
    const cleared = isCleared(round);
    return {
      code: 'damage.procedure',
      severity: cleared ? 'notice' : 'alert',
      entries: round.flatMap((step) => evidence(step)),
      details: {
        state: cleared ? 'cleared' : 'open',
        steps: round.map(({ data, time }) => ({ step: data.action, time })),
      },
    };
  });
  const last = rounds.at(-1);
  const step = last?.at(-1);
  if (last === undefined || step === undefined) return { procedure: null, findings };
  const state = isCleared(last) ? 'cleared' : 'open';
  return { procedure: { state, step: step.data.action, time: step.time, entry: step.digest }, findings };
}

function isCleared(round: readonly EntryOf<'registration.procedure'>[]): boolean {
  const steps = round.map(({ data }) => data.action);
  const oppositionOnly = steps.every((step) => step === 'opposed' || step === 'lifted');
  return steps.includes('secondReport') || (oppositionOnly && steps.at(-1) === 'lifted');
}

/** Withdrawn and exported, until the vehicle is registered again. */
export function findDepartures(entries: readonly EffectiveEntry[]): {
  exported: Summary['exported'];
  withdrawn: Summary['withdrawn'];
  findings: Finding[];
} {
  let exported: EffectiveEntry | null = null;
  let withdrawn: EffectiveEntry | null = null;
  for (const entry of entries) {
    if (entry.kind === 'registration.exported') exported = entry;
    if (entry.kind === 'registration.withdrawn') withdrawn = entry;
    const [holder] = ofKind([entry], 'registration.holder');
    if (holder?.data.action === 'reRegistration' || holder?.data.action === 'usedImport') {
      exported = null;
      withdrawn = null;
    }
  }
  const findings: Finding[] = [];
  for (const [code, entry] of [
    ['vehicle.exported', exported],
    ['vehicle.withdrawn', withdrawn],
  ] as const) {
    if (entry === null) continue;
    const { reason = null, destination = null } = entry.data as { reason?: string; destination?: string };
    findings.push({
      code,
      severity: code === 'vehicle.withdrawn' ? 'alert' : 'warning',
      entries: evidence(entry),
      details: { time: entry.time, ...(code === 'vehicle.withdrawn' ? { reason } : { destination }) },
    });
  }
  const since = (entry: EffectiveEntry | null): Summary['exported'] =>
    entry === null ? null : { since: entry.time, entry: entry.digest };
  return { exported: since(exported), withdrawn: since(withdrawn), findings };
}

/** What the registry states of the vehicle when it enters it, and links between identifiers. */
export function findStatements(entries: readonly EffectiveEntry[]): Finding[] {
  const findings: Finding[] = [];
  for (const entry of ofKind(entries, 'vehicle.registered')) {
    const { registry = {}, checkDigitOverride } = entry.data;
    const states = (said: boolean | undefined, code: Finding['code'], severity: Severity): void => {
      if (said === true) {
        findings.push({
          code,
          severity,
          entries: evidence(entry),
          details: { organisation: entry.organisation },
        });
      }
    };
    states(registry.vehicleStolen, 'theft.reported', 'alert');
    states(registry.certificateStolen, 'certificate.stolen', 'warning');
    states(registry.certificateCancelled, 'certificate.cancelled', 'warning');
    states(registry.fileUncertain, 'registry.uncertain', 'information');
    if (checkDigitOverride !== undefined) {
      findings.push({
        code: 'checkDigit.overridden',
        severity: 'notice',
        entries: evidence(entry),
        details: { reason: checkDigitOverride.reason },
      });
    }
  }
  for (const entry of ofKind(entries, 'vehicle.linked')) {
    const { to, relation, reason } = entry.data;
    findings.push({
      code: 'identity.linked',
      severity: relation === 'sameVehicle' ? 'information' : 'notice',
      entries: evidence(entry),
      details: { to, relation, reason },
    });
  }
  return findings;
}
