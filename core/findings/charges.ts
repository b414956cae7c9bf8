import type { Finding } from './finding.ts';
import { type EffectiveEntry, eventDay, eventSeconds, evidence, ofKind } from './openedEntry.ts';
import type { OpenCharge } from './summary.ts';

/** What a registry can put on a vehicle and take off again. */
export const chargeKinds = ['registration.lien', 'registration.opposition', 'registration.seizure'] as const;
export type ChargeKind = (typeof chargeKinds)[number];

export type Charge = Omit<OpenCharge, 'holder' | 'rank'> & {
  readonly kind: ChargeKind;
  readonly evidence: readonly string[];
};

type ChargeData = {
  readonly action: 'registered' | 'entered' | 'renewed' | 'released' | 'lifted';
  readonly reference?: string;
  readonly expires?: string;
  readonly type?: string;
};

/**
 * The charges that stand after an entry. An end takes off the charge of its reference, or, where it has none, the
 * oldest of its kind and type without one; a renewal of a charge that was never recorded is one. Oppositions of a type
 * without a reference are one state, entered again and lifted at once.
 */
export class Charges {
  readonly #open: Charge[] = [];

  /** @returns false for an end to which no charge belongs */
  apply(entry: EffectiveEntry): boolean {
    if (!isCharge(entry.kind)) return true;
    const data = entry.data as unknown as ChargeData;
    const kind = entry.kind;
    const at = this.#open.findIndex(
      (charge) =>
        charge.kind === kind &&
        charge.reference === (data.reference ?? null) &&
        charge.type === (data.type ?? null),
    );
    const known = this.#open[at];
    switch (data.action) {
      case 'released':
      case 'lifted':
        if (known === undefined) return false;
        this.#open.splice(at, 1);
        return true;
      case 'renewed':
      case 'entered':
      case 'registered':
        if (known === undefined) break;
        if (data.action !== 'renewed' && (kind !== 'registration.opposition' || known.reference !== null))
          break;
        this.#open[at] = {
          ...known,
          expires: data.expires ?? null,
          evidence: [...known.evidence, ...evidence(entry)],
        };
        return true;
    }
    this.#open.push({
      kind,
      entry: entry.digest,
      since: entry.time,
      reference: data.reference ?? null,
      expires: data.expires ?? null,
      type: data.type ?? null,
      evidence: evidence(entry),
    });
    return true;
  }

  /** The open charges, as of a time where one is given: an expired one no longer stands. */
  open(asOf?: string): readonly Charge[] {
    return this.#open.filter((charge) => !isExpired(charge, asOf));
  }

  expired(asOf?: string): readonly Charge[] {
    return this.#open.filter((charge) => isExpired(charge, asOf));
  }
}

function isCharge(kind: string): kind is ChargeKind {
  return (chargeKinds as readonly string[]).includes(kind);
}

function isExpired(charge: Charge, asOf: string | undefined): boolean {
  return asOf !== undefined && charge.expires !== null && charge.expires < asOf.slice(0, 10);
}

/** A charge without an end that is older than this may well have ended unrecorded: a warning, no alert. */
export const FORGOTTEN_YEARS = 10;

function yearsSince(charge: Charge, time: string | undefined): number {
  return time === undefined ? 0 : (eventSeconds(time) - eventSeconds(charge.since)) / (365.25 * 86_400);
}

const OPEN_CODE = {
  'registration.lien': 'lien.open',
  'registration.opposition': 'opposition.open',
  'registration.seizure': 'seizure.open',
} as const;

/**
 * The charges of a whole history: what stands at its end, and what does not fit together.
 * @param lienDays the days on which liens were placed on the title: what a registry states of the same day is the same
 *   lien, one for one, and the title says what became of it
 */
export function findCharges(
  entries: readonly EffectiveEntry[],
  asOf?: string,
  lienDays: readonly string[] = [],
): { charges: readonly Charge[]; findings: Finding[] } {
  const charges = new Charges();
  const findings: Finding[] = [];
  const transferred = new Set<string>();
  for (const entry of entries) {
    if (isTransfer(entry)) {
      for (const charge of charges.open(entry.time)) {
        // Only the first transfer under a charge says something new.
        if (transferred.has(charge.entry)) continue;
        transferred.add(charge.entry);
        findings.push({
          code: 'history.contradiction',
          severity: charge.kind === 'registration.lien' ? 'notice' : 'warning',
          entries: [...charge.evidence, ...evidence(entry)],
          details: {
            rule: 'transferUnderCharge',
            charge: charge.kind,
            since: charge.since,
            time: entry.time,
          },
        });
      }
    }
    if (!charges.apply(entry)) findings.push(endWithoutBeginning(entry));
  }
  const days = [...lienDays];
  const isTitles = ({ kind, since }: Charge): boolean => {
    const at = kind === 'registration.lien' ? days.indexOf(eventDay(since)) : -1;
    if (at >= 0) days.splice(at, 1);
    return at >= 0;
  };
  const open = charges.open(asOf).filter((charge) => !isTitles(charge));
  const expired = charges.expired(asOf).filter((charge) => !isTitles(charge));
  for (const charge of open) {
    const { since, reference, expires, type } = charge;
    findings.push({
      code: OPEN_CODE[charge.kind],
      severity:
        expires === null && yearsSince(charge, asOf ?? entries.at(-1)?.time) > FORGOTTEN_YEARS
          ? 'warning'
          : 'alert',
      entries: charge.evidence,
      details: { since, reference, expires, type },
    });
  }
  for (const charge of expired) {
    if (charge.kind !== 'registration.lien') continue;
    const { since, reference, expires } = charge;
    findings.push({
      code: 'lien.expired',
      severity: 'notice',
      entries: charge.evidence,
      details: { since, reference, expires },
    });
  }
  return { charges: open, findings };
}

function endWithoutBeginning(entry: EffectiveEntry): Finding {
  if (entry.kind === 'registration.lien') {
    return {
      code: 'lien.releasedWithoutEntry',
      severity: 'notice',
      entries: evidence(entry),
      details: { time: entry.time },
    };
  }
  return {
    code: 'history.contradiction',
    severity: 'information',
    entries: evidence(entry),
    details: { rule: 'liftedWithoutEntry', charge: entry.kind, time: entry.time },
  };
}

/** Whether the vehicle goes to somebody else. */
function isTransfer(entry: EffectiveEntry): boolean {
  if (['sale', 'title.accepted', 'title.transferred'].includes(entry.kind)) return true;
  return ofKind([entry], 'registration.holder').some(({ data }) => data.action === 'change');
}
