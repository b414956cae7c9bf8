/** Something that the audit found not to be as it should, and exactly where. */
export type Problem = {
  /** `failed` refutes; `incomplete` says that something is missing or can't be checked. */
  readonly outcome: 'failed' | 'incomplete';
  readonly code: string;
  readonly at: Readonly<Record<string, string | number>>;
  readonly expected?: string;
  readonly found?: string;
  /** For people, where the code and the place do not say it all. */
  readonly detail?: string;
};
