import type { findingCodes } from '../../core/findings/finding.ts';

/** The facts of a finding, written for the reader; what does not apply is empty, zero or false. */
export type FindingFacts = {
  readonly time: string;
  readonly since: string;
  readonly from: string;
  readonly to: string;
  readonly until: string;
  readonly years: string;
  readonly direction: 'drop' | 'rise';
  readonly difference: string;
  readonly before: string;
  readonly beforeTime: string;
  readonly beforeSource: string;
  readonly beforeBy: string;
  readonly reading: string;
  readonly readingTime: string;
  readonly readingSource: string;
  readonly readingBy: string;
  readonly previous: string;
  readonly superseded: string;
  readonly documents: number;
  readonly count: number;
  readonly kinds: string;
  readonly kind: string;
  readonly brand: string;
  readonly brandCode: string;
  readonly type: string;
  readonly status: string;
  readonly severity: string;
  readonly areas: string;
  readonly airbags: boolean;
  readonly structural: boolean;
  readonly totalLoss: boolean;
  readonly open: boolean;
  readonly reference: string;
  readonly expires: string;
  readonly charge: string;
  readonly rule: string;
  readonly places: string;
  readonly campaign: string;
  readonly title: string;
  readonly component: string;
  readonly remedy: string;
  readonly attester: string;
  readonly closed: boolean;
  readonly byPart: boolean;
  /** Of a recall: its list provably does not hold the vehicle; a remedy that was found not to be needed. */
  readonly bySetOut: boolean;
  readonly notNeeded: boolean;
  /** Why a remedy counts for nothing. */
  readonly remedyFault: string;
  readonly identifier: string;
  readonly reason: string;
  readonly basis: string;
  readonly destination: string;
  readonly contradicts: string;
  readonly holder: string;
  readonly rank: string;
  readonly condition: string;
  readonly jurisdiction: string;
  readonly wording: string;
  readonly answer: 'amended' | 'retracted' | 'upheld' | null;
  /** What was destroyed, each with its kind, its attester, who destroyed it and on what basis. */
  readonly erased: readonly {
    readonly kind: string;
    readonly attester: string;
    readonly operator: string;
    readonly basis: string;
    readonly time: string;
  }[];
  readonly dangerous: number;
  readonly use: string;
};

export type Words = { readonly title: string; readonly text: string };
export type FindingWords = Readonly<Record<(typeof findingCodes)[number], (facts: FindingFacts) => Words>>;
