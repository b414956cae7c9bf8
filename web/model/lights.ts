import type { Severity } from '../../core/findings/finding.ts';
import type { EntryStatus, Outcome, Verdict } from '../../core/verify/result.ts';

/** Four ways to stand out, each with a colour and a sign of its own. */
export type Light = 'good' | 'caution' | 'bad' | 'neutral';

export const severityLight: Readonly<Record<Severity, Light>> = {
  alert: 'bad',
  warning: 'caution',
  notice: 'neutral',
  information: 'neutral',
};

export const outcomeLight: Readonly<Record<Outcome, Light>> = {
  passed: 'good',
  incomplete: 'caution',
  failed: 'bad',
};

export const statusLight: Readonly<Record<EntryStatus, Light>> = {
  proven: 'good',
  withheld: 'caution',
  erased: 'caution',
  void: 'caution',
  unknownKind: 'caution',
  refuted: 'bad',
};

export const verdictOutcome: Readonly<Record<Verdict, Outcome>> = {
  verified: 'passed',
  incomplete: 'incomplete',
  refuted: 'failed',
};
