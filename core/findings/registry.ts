import type { KindData } from '../kinds/kinds.ts';
import type { Finding, Severity } from './finding.ts';
import { type EffectiveEntry, type EntryOf, eventSeconds, evidence, ofKind } from './openedEntry.ts';
import type { Summary } from './summary.ts';
import type { TitleFacts } from './titles.ts';

type HolderAction = KindData<'registration.holder'>['action'];

/** What makes somebody a holder; giving up, a dealer's purchase and a return from abroad do not. */
const NEW_HOLDER: ReadonlySet<HolderAction> = new Set<HolderAction>([
  'firstRegistration',
  'usedImport',
  'change',
  'lessee',
]);

type TitleHands = Pick<TitleFacts, 'holders' | 'takenOver' | 'since'>;

/**
 * The holders that the title and the registry's entries show, with the one before them where the registry's file is
 * uncertain. Once there is a title, what a registry states of a holder is the same change, unless an import found that
 * the title could not have allowed it; a lessee never was its owner.
 */
export function countHolders(
  entries: readonly EffectiveEntry[],
  { holders, takenOver, since }: TitleHands = { holders: 0, takenOver: false, since: null },
): number {
  const shown = ofKind(entries, 'registration.holder').filter(
    ({ data, time }) =>
      NEW_HOLDER.has(data.action) &&
      (since === null ||
        eventSeconds(time) < eventSeconds(since) ||
        data.contradicts !== undefined ||
        data.action === 'lessee'),
  );
  const before = ofKind(entries, 'vehicle.registered').some(
    ({ data }) => data.registry?.fileUncertain === true,
  );
  const earlier =
    before || shown.some(({ time }) => since !== null && eventSeconds(time) < eventSeconds(since));
  // A title that was taken over from a register was issued to a holder that the register had shown.
  return shown.length + (before ? 1 : 0) + holders - (takenOver && earlier ? 1 : 0);
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

/** Withdrawn and exported, by the registry or the title, until the vehicle is registered again or a title is issued. */
export function findDepartures(
  entries: readonly EffectiveEntry[],
  title: Pick<TitleFacts, 'exported' | 'issued'> = { exported: null, issued: null },
): {
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
  const { issued } = title;
  if (issued !== null && exported !== null && eventSeconds(issued) > eventSeconds(exported.time)) {
    exported = null;
  }
  const left = [exported, title.exported].flatMap((departure) => {
    if (departure === null) return [];
    if ('since' in departure) return [departure];
    const { destination = null } = departure.data as { destination?: string };
    return [{ since: departure.time, entry: departure.digest, entries: evidence(departure), destination }];
  });
  const [first] = left;
  const findings: Finding[] = [];
  if (first !== undefined) {
    findings.push({
      code: 'vehicle.exported',
      severity: 'warning',
      entries: left.flatMap((departure) => departure.entries),
      details: {
        time: first.since,
        destination: left.find(({ destination }) => destination !== null)?.destination ?? null,
      },
    });
  }
  if (withdrawn !== null) {
    const { reason = null } = withdrawn.data as { reason?: string };
    findings.push({
      code: 'vehicle.withdrawn',
      severity: 'alert',
      entries: evidence(withdrawn),
      details: { time: withdrawn.time, reason },
    });
  }
  return {
    exported: first === undefined ? null : { since: first.since, entry: first.entry },
    withdrawn: withdrawn === null ? null : { since: withdrawn.time, entry: withdrawn.digest },
    findings,
  };
}

/** What an import recorded although the vehicle's title could not have allowed it: it happened all the same. */
function findRefused(entries: readonly EffectiveEntry[]): Finding[] {
  return entries.flatMap((entry): Finding[] => {
    const { contradicts, event = null } = entry.data as { contradicts?: string; event?: string };
    if (contradicts === undefined) return [];
    return [
      {
        code: 'registration.contradiction',
        severity: 'notice',
        entries: evidence(entry),
        details: { contradicts, kind: entry.kind, event, time: entry.time },
      },
    ];
  });
}

/** What the registry states of the vehicle when it enters it, and links between identifiers. */
export function findStatements(entries: readonly EffectiveEntry[]): Finding[] {
  const findings = findRefused(entries);
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
