import type { FindingCode, Severity } from '../findings/finding.ts';
import type { Obstacle, TitleState } from '../modules/title.ts';
import type { Verdict } from '../verify/result.ts';
import { wordsEn } from './words.en.ts';
import { wordsZh } from './words.zh.ts';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

type NamedFinding = Exclude<FindingCode, `usage.${string}`>;

/** Everything that a printed report says. */
export type Words = {
  /** BCP 47. */
  readonly tag: string;
  readonly title: string;
  readonly madeAt: (time: string) => string;
  readonly page: (number: number, of: number) => string;
  readonly verdict: Readonly<Record<Verdict, string>>;
  readonly verdictText: Readonly<Record<Verdict, string>>;
  readonly neverRegistered: string;
  readonly neverRegisteredText: string;
  readonly claim: string;
  readonly scan: string;
  readonly check: string;
  readonly paper: string;
  readonly glance: string;
  readonly figure: {
    readonly entries: string;
    readonly title: string;
    readonly sale: string;
    readonly holders: string;
    readonly odometer: string;
    readonly discrepancies: string;
    readonly charges: string;
    readonly recalls: string;
    readonly accidents: string;
    readonly claims: string;
    readonly brands: string;
    readonly period: string;
  };
  readonly none: string;
  readonly unknown: string;
  readonly titleState: Readonly<Record<TitleState | 'unknown', string>>;
  readonly sellable: string;
  readonly obstacle: Readonly<Record<Obstacle, string>>;
  /** Who acted where no organisation did. */
  readonly owner: string;
  readonly lienHolder: (holder: string, rank: number) => string;
  readonly recallsOf: (attesters: number, open: number) => string;
  readonly recallsUnknown: string;
  /** The parts that were compared with the campaigns. */
  readonly recallParts: (compared: number, withoutBatch: number, unnamed: number) => string;
  readonly findings: string;
  readonly noFindings: string;
  readonly severity: Readonly<Record<Severity, string>>;
  readonly finding: Readonly<Record<NamedFinding, string>>;
  readonly usage: string;
  /** Two readings, the earlier first. */
  readonly afterwards: (before: string, after: string) => string;
  readonly years: (years: string) => string;
  readonly chart: string;
  readonly chartNote: string;
  readonly liens: string;
  readonly recallList: string;
  readonly recallState: Readonly<Record<'open' | 'remedied' | 'unknown' | 'notAffected', string>>;
  readonly timeline: string;
  readonly timelineNote: string;
  readonly column: {
    readonly date: string;
    readonly entry: string;
    readonly attester: string;
    readonly note: string;
  };
  readonly status: Readonly<Record<'withheld' | 'erased' | 'void' | 'unknownKind' | 'refuted', string>>;
  readonly corrected: string;
  readonly kind: Readonly<Record<string, string>>;
  readonly organisation: (id: string) => string;
  readonly module: (address: string) => string;
  readonly standing: Readonly<Record<'unknown' | 'good' | 'suspended', string>>;
  readonly attesters: string;
  readonly evidence: string;
  readonly evidenceOf: {
    readonly block: string;
    readonly hash: string;
    readonly time: string;
    readonly final: string;
    readonly notFinal: string;
    readonly ledger: string;
    readonly subject: string;
    readonly head: string;
    readonly entries: string;
    readonly directory: string;
    readonly report: string;
    readonly unread: string;
    readonly notShown: string;
  };
  readonly limits: string;
  readonly limit: readonly string[];
  readonly attached: string;
};

export const words: Readonly<Record<Language, Words>> = { en: wordsEn, zh: wordsZh };
