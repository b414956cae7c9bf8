import { kinds, moduleKinds } from '../../core/kinds/kinds.ts';

/** How long things are kept, by what they are. */
export type Policy = {
  /** Sealed fields: the rule that says most about a field counts. */
  readonly fields: readonly FieldRule[];
  /** Entries of access logs; null: for ever. */
  readonly accessLogDays: number | null;
  /** Consents that are over, and API keys that were revoked or have expired. */
  readonly consentDays: number | null;
  readonly apiKeyDays: number | null;
  /** Notices, read or not. */
  readonly noticeDays: number | null;
  /** Scans of part codes, and links of alerts that are over. */
  readonly scanDays: number | null;
  readonly alertLinkDays: number | null;
};

export type FieldRule = {
  /** A kind's name, or `registration.*`, or `*`. */
  readonly kind: string;
  /** A sealed field's name, or its beginning (`document:*`), or `*`. */
  readonly field: string;
  /** From the day that the entry is on the ledger; null: for ever. */
  readonly days: number | null;
};

/** What people's lives are written into goes after ten years; what a machine says of their driving after three. */
export const defaultRetention = [
  'registration.*=3650d',
  'vehicle.registered=3650d',
  'sale=3650d',
  'claim=3650d',
  'accident=3650d',
  'service=3650d',
  'repair=3650d',
  'inspection=3650d',
  'condition=3650d',
  'title.*=3650d',
  'amended=3650d',
  'upheld=3650d',
  'usage=1095d',
  'accessLog=1095d',
  'consents=1095d',
  'apiKeys=365d',
  'notices=1095d',
  'scans=400d',
  'alertLinks=1095d',
].join(',');

const MAX_DAYS = 36_500;
const records = {
  accessLog: 'accessLogDays',
  consents: 'consentDays',
  apiKeys: 'apiKeyDays',
  notices: 'noticeDays',
  scans: 'scanDays',
  alertLinks: 'alertLinkDays',
} as const;
/** What may stand in a rule in place of a kind. */
export const recordNames: readonly string[] = Object.keys(records);
const nothing: Policy = {
  fields: [],
  accessLogDays: null,
  consentDays: null,
  apiKeyDays: null,
  noticeDays: null,
  scanDays: null,
  alertLinkDays: null,
};

/** `kind=days`, `kind/field=days`, `accessLog=days` …, separated by commas; null for anything else. */
export function parsePolicy(text: string): Policy | null {
  if (text === 'none') return nothing;
  const policy: { -readonly [Name in keyof Policy]: Policy[Name] } = { ...nothing };
  const fields: FieldRule[] = [];
  for (const part of text.split(',')) {
    const match = /^([A-Za-z.*]+)(?:\/([A-Za-z*][A-Za-z0-9:*]*))?=(?:([1-9]\d{0,4})d|keep)$/.exec(
      part.trim(),
    );
    if (match?.[1] === undefined) return null;
    const days = match[3] === undefined ? null : Number(match[3]);
    if (days !== null && days > MAX_DAYS) return null;
    const [, kind, field = '*'] = match;
    const record = records[kind as keyof typeof records];
    if (record !== undefined && match[2] === undefined) policy[record] = days;
    else if (isKnown(kind)) fields.push({ kind, field, days });
    else return null;
  }
  return { ...policy, fields };
}

function isKnown(pattern: string): boolean {
  return Object.keys({ ...kinds, ...moduleKinds }).some((name) => matches(pattern, name));
}

/** A name, or a beginning with `*` after it. */
function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** How many days a sealed field of a kind is kept; null: for ever. Of rules that say as much, the last counts. */
export function daysFor({ fields }: Policy, kind: string, field: string): number | null {
  let found: FieldRule | undefined;
  for (const rule of fields) {
    if (!matches(rule.kind, kind) || !matches(rule.field, field)) continue;
    if (found === undefined || weight(rule) >= weight(found)) found = rule;
  }
  return found?.days ?? null;
}

/** A rule of one kind comes before one of several, and then a rule of one field before one of all. */
function weight({ kind, field }: FieldRule): number {
  const exactness = (pattern: string) => (pattern.endsWith('*') ? pattern.length - 1 : 500);
  return exactness(kind) * 1_000 + exactness(field);
}

/** The least number of days after which anything of a kind may go; null: nothing ever. */
export function leastDays({ fields }: Policy, kind: string): number | null {
  const days = fields.flatMap((rule) => (rule.days !== null && matches(rule.kind, kind) ? [rule.days] : []));
  return days.length === 0 ? null : Math.min(...days);
}
