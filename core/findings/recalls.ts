import type { KindData } from '../kinds/kinds.ts';
import type { Finding, Severity } from './finding.ts';
import { type EffectiveEntry, ofKind } from './openedEntry.ts';
import type { RecallState } from './summary.ts';

/** A part as the vehicle has it now, with the batch it came from where that is known. */
export type CurrentPart = { readonly part: string; readonly batch: string | null };

/** The as-maintained parts: what was built in, and mounted since, without what was removed. */
export function currentParts(entries: readonly EffectiveEntry[]): CurrentPart[] {
  const parts: { part: string; batch: string | null; place: string }[] = [];
  const place = (component: string, position: string | undefined): string => `${component}/${position ?? ''}`;
  for (const entry of entries) {
    for (const { data } of ofKind([entry], 'vehicle.built')) {
      for (const { part, batch, component, position } of data.parts ?? []) {
        parts.push({ part, batch: batch ?? null, place: place(component, position) });
      }
    }
    for (const { data } of ofKind([entry], 'part.mounted')) {
      const { part, batch, component, position } = data;
      if (part !== undefined) parts.push({ part, batch: batch ?? null, place: place(component, position) });
    }
    for (const { data } of ofKind([entry], 'part.removed')) {
      const { part, component, position } = data;
      const at = parts.findIndex((known) =>
        part === undefined ? known.place === place(component, position) : known.part === part,
      );
      if (at >= 0) parts.splice(at, 1);
    }
  }
  return parts.map(({ part, batch }) => ({ part, batch }));
}

type Affected = Pick<KindData<'recall.opened'>, 'batches' | 'serialRanges'>;

/** Whether a campaign names the part, its batch, or a range of serials that it lies in. */
export function namesPart(
  { batches = [], serialRanges = [] }: Affected,
  { part, batch }: CurrentPart,
): boolean {
  if (batches.includes(part) || (batch !== null && batches.includes(batch))) return true;
  const [type, maker = '', ...rest] = part.split(':');
  const serial = rest.join(':');
  return (
    type === 'serial' &&
    serialRanges.some(
      ({ manufacturerId, from, to }) =>
        manufacturerId.toLowerCase() === maker &&
        serial.length === from.length &&
        from.length === to.length &&
        from <= serial &&
        serial <= to,
    )
  );
}

const SEVERITY: Record<string, Severity> = {
  stopDriving: 'alert',
  safety: 'alert',
  compliance: 'warning',
  emissions: 'warning',
  service: 'notice',
};

/**
 * The campaigns of the own chains in this report, and what they mean for the vehicle. Without such a chain the answer
 * is `recall.unknown`: which makers and authorities count is not for us to guess.
 */
export function findRecalls(
  entries: readonly EffectiveEntry[],
  own: readonly EffectiveEntry[],
  attesters: readonly string[],
): { campaigns: RecallState[]; findings: Finding[] } {
  const parts = currentParts(entries);
  const remedies = ofKind(entries, 'recall.remedied');
  const campaigns: RecallState[] = [];
  const findings: Finding[] = [];
  for (const opening of ofKind(own, 'recall.opened')) {
    const { campaign, title, severity, component, remedy } = opening.data;
    const ofCampaign = own.filter(
      (entry) =>
        entry.organisation === opening.organisation &&
        (entry.data as { campaign?: string }).campaign === campaign &&
        (entry.kind === 'recall.opened' || entry.kind === 'recall.extended'),
    );
    const bySet = ofCampaign.filter((entry) => entry.affected === 'in');
    const byPart = ofCampaign.filter((entry) =>
      parts.some((part) => namesPart(entry.data as unknown as Affected, part)),
    );
    const unknown = ofCampaign.filter((entry) => entry.affected !== 'in' && entry.affected !== 'out');
    const closings = ofKind(own, 'recall.closed').filter(
      (entry) => entry.organisation === opening.organisation && entry.data.campaign === campaign,
    );
    const withdrawn = closings.some(({ data }) => data.reason === 'withdrawn');
    const done = remedies.filter(
      ({ data, time }) =>
        data.attester === opening.organisation &&
        data.campaign === campaign &&
        time >= opening.time.slice(0, 10),
    );
    const named = [...new Set([...bySet, ...byPart])].map(({ digest }) => digest);
    const by = bySet.length > 0 ? 'set' : byPart.length > 0 ? 'part' : null;
    const basis = { attester: opening.organisation, campaign, title, severity, by } as const;
    const details = { attester: opening.organisation, campaign, title, component, remedy, severity, by };

    if (by === null && unknown.length > 0 && !withdrawn) {
      const digests = unknown.map(({ digest }) => digest);
      campaigns.push({ ...basis, state: 'unknown', entries: digests });
      findings.push({ code: 'recall.unknown', severity: 'warning', entries: digests, details });
    } else if (by === null || withdrawn) {
      campaigns.push({ ...basis, state: 'notAffected', entries: [opening.digest] });
    } else if (done.length > 0) {
      const digests = [...named, ...done.map(({ digest }) => digest)];
      campaigns.push({ ...basis, state: 'remedied', entries: digests });
      const time = done.at(-1)?.time ?? '';
      findings.push({
        code: 'recall.remedied',
        severity: 'information',
        entries: digests,
        details: { ...details, time },
      });
    } else {
      campaigns.push({ ...basis, state: 'open', entries: named });
      findings.push({
        code: 'recall.open',
        severity: SEVERITY[severity] ?? 'warning',
        entries: named,
        details: { ...details, since: opening.time, closed: closings.length > 0 },
      });
    }
  }
  if (attesters.length === 0) {
    findings.push({
      code: 'recall.unknown',
      severity: 'information',
      entries: [],
      details: { attesters: [] },
    });
  }
  return { campaigns, findings };
}
