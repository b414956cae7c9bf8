import type { Json } from '../canonical.ts';

/** How much a finding matters to somebody about to buy the vehicle. */
export type Severity = 'alert' | 'warning' | 'notice' | 'information';

export const severities = [
  'alert',
  'warning',
  'notice',
  'information',
] as const satisfies readonly Severity[];

/** What the rules conclude from a history, with the entries that it rests on. */
export type Finding = {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** Digests of the entries that are the evidence. */
  readonly entries: readonly string[];
  /** The numbers, times and sources, for programs and pages; never prose. */
  readonly details: Readonly<Record<string, Json>>;
};

/** Every code but `usage.<use>`, of which there is one for each use that is worth a finding. */
export const findingCodes = [
  'odometer.discrepancy',
  'odometer.replaced',
  'odometer.rollover',
  'odometer.unitChange',
  'odometer.exempt',
  'odometer.amended',
  'lien.open',
  'lien.expired',
  'lien.releasedWithoutEntry',
  'opposition.open',
  'seizure.open',
  'theft.reported',
  'damage.procedure',
  'damage.accident',
  'claim.recorded',
  'title.brand',
  'title.stolen',
  'title.recovered',
  'title.scrapped',
  'title.reissued',
  'title.unknown',
  'safetyPart.stolen',
  'safetyPart.scrapped',
  'safetyPart.mounted',
  'safetyPart.mountedTwice',
  'safetyPart.unknown',
  'identity.replaced',
  'registration.contradiction',
  'vehicle.exported',
  'vehicle.withdrawn',
  'certificate.cancelled',
  'certificate.stolen',
  'registry.uncertain',
  'history.gap',
  'history.contradiction',
  'recall.open',
  'recall.remedied',
  'batch.contains',
  'batch.omits',
  'batch.unproven',
  'recall.unknown',
  'recall.remedyIgnored',
  'checkDigit.overridden',
  'identity.linked',
  'inspection.failed',
  'entry.amended',
  'entry.retracted',
  'entry.upheld',
  'entry.disputed',
  'entry.disputeIgnored',
  'entry.amendmentIgnored',
  'entry.sealed',
  'entry.withheld',
  'entry.erased',
  'entry.void',
  'entry.unknownKind',
  'entry.refuted',
] as const;

export type FindingCode = (typeof findingCodes)[number] | `usage.${string}`;
