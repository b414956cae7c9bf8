import { type BrandCode, titleBrands } from '../kinds/brands.ts';
import type { Finding, Severity } from './finding.ts';
import { type EffectiveEntry, type EntryOf, evidence, ofKind } from './openedEntry.ts';
import type { Summary } from './summary.ts';
import type { TitleBrand } from './titles.ts';

const ACCIDENT_SEVERITY = {
  minor: 'notice',
  moderate: 'warning',
  severe: 'alert',
  totalLoss: 'alert',
} as const satisfies Record<string, Severity>;

export function findAccidents(entries: readonly EffectiveEntry[]): {
  accidents: number;
  findings: Finding[];
} {
  const accidents = ofKind(entries, 'accident');
  const findings = accidents.map((entry): Finding => {
    const { severity, areas = [], airbagsDeployed = null, structural = null } = entry.data;
    return {
      code: 'damage.accident',
      severity: ACCIDENT_SEVERITY[severity],
      entries: evidence(entry),
      details: { time: entry.time, severity, areas, airbagsDeployed, structural },
    };
  });
  return { accidents: accidents.length, findings };
}

/** One finding a claim: the entry that opened it and those that name it. */
export function findClaims(entries: readonly EffectiveEntry[]): { claims: number; findings: Finding[] } {
  const claims = new Map<string, EntryOf<'claim'>[]>();
  for (const entry of ofKind(entries, 'claim')) {
    const opened = entry.data.opened ?? entry.digest;
    claims.set(opened, [...(claims.get(opened) ?? []), entry]);
  }
  const findings = [...claims.values()].flatMap((steps): Finding[] => {
    const last = steps.at(-1);
    if (last === undefined) return [];
    const totalLoss = steps.some(({ data }) => data.totalLoss === true);
    const idle = last.data.status === 'rejected' || last.data.status === 'withdrawn';
    return [
      {
        code: 'claim.recorded',
        severity: totalLoss ? 'alert' : idle ? 'information' : 'notice',
        entries: steps.flatMap((step) => evidence(step)),
        details: {
          type: last.data.type,
          status: last.data.status,
          totalLoss,
          time: steps[0]?.time ?? last.time,
        },
      },
    ];
  });
  return { claims: claims.size, findings };
}

/** Uses that wear a vehicle more than a private one does. */
export function findUsages(entries: readonly EffectiveEntry[]): { usages: string[]; findings: Finding[] } {
  const notable = ofKind(entries, 'usage').filter(
    ({ data }) => data.usage !== 'private' && data.usage !== 'company',
  );
  const findings = notable.map(
    (entry): Finding => ({
      code: `usage.${entry.data.usage}`,
      severity: 'notice',
      entries: evidence(entry),
      details: { from: entry.time, until: entry.data.until ?? null },
    }),
  );
  return { usages: [...new Set(notable.map(({ data }) => data.usage))], findings };
}

const ALERTING: ReadonlySet<string> = new Set([
  '01',
  '02',
  '04',
  '07',
  '08',
  '10',
  '11',
  '14',
  '16',
  '31',
  '35',
  '69',
  '70',
  '73',
  '76',
] satisfies BrandCode[]);
const HARMLESS: ReadonlySet<string> = new Set([
  '00',
  '24',
  '25',
  '26',
  '27',
  '34',
  '40',
  '42',
  '68',
  '71',
  '75',
] satisfies BrandCode[]);

type StatedBrand = {
  readonly time: string;
  readonly entries: readonly string[];
  readonly jurisdiction: string | null;
  readonly text: string | null;
};

/**
 * Title brands are sticky: once stated, they stay.
 * @param branded those that are on the title itself
 */
export function findBrands(
  entries: readonly EffectiveEntry[],
  branded: readonly TitleBrand[] = [],
): {
  brands: Summary['brands'];
  findings: Finding[];
} {
  const stated = new Map<string, StatedBrand>();
  const state = (code: string, brand: StatedBrand): void => {
    const known = stated.get(code);
    stated.set(code, {
      time: known === undefined || brand.time < known.time ? brand.time : known.time,
      entries: [...(known?.entries ?? []), ...brand.entries],
      jurisdiction: known?.jurisdiction ?? brand.jurisdiction,
      text: known?.text ?? brand.text,
    });
  };
  for (const entry of entries) {
    for (const code of (entry.data as { titleBrands?: readonly BrandCode[] }).titleBrands ?? []) {
      state(code, { time: entry.time, entries: evidence(entry), jurisdiction: null, text: null });
    }
  }
  for (const { code, ...brand } of branded) state(code, brand);
  const brands = [...stated].map(([code, { entries: at }]) => ({ code, name: nameOf(code), entries: at }));
  const findings = [...stated].map(([code, { time, entries: at, jurisdiction, text }]): Finding => {
    const severity = ALERTING.has(code) ? 'alert' : HARMLESS.has(code) ? 'information' : 'warning';
    return {
      code: 'title.brand',
      severity,
      entries: at,
      details: {
        brand: code,
        name: nameOf(code),
        time,
        ...(jurisdiction === null ? {} : { jurisdiction }),
        ...(text === null ? {} : { text }),
      },
    };
  });
  return { brands, findings };
}

/** The name of a brand; of a code that D20 does not have, the code. */
function nameOf(code: string): string {
  return Object.hasOwn(titleBrands, code) ? titleBrands[code as BrandCode] : code;
}

/** A failed inspection until a later one of the same sort passes. */
export function findInspections(entries: readonly EffectiveEntry[]): Finding[] {
  const latest = new Map<string, EntryOf<'inspection'>>();
  for (const entry of ofKind(entries, 'inspection')) latest.set(entry.data.type, entry);
  return [...latest.values()]
    .filter(({ data }) => data.result === 'failed')
    .map((entry) => ({
      code: 'inspection.failed',
      severity: 'warning',
      entries: evidence(entry),
      details: {
        type: entry.data.type,
        time: entry.time,
        dangerous: (entry.data.defects ?? []).filter((defect) => defect.severity === 'dangerous').length,
      },
    }));
}
