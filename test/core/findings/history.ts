import type { Json } from '../../../core/canonical.ts';
import type { Finding } from '../../../core/findings/finding.ts';
import { deriveFindings, type FindingsOptions } from '../../../core/findings/findings.ts';
import type { OpenedEntry } from '../../../core/findings/openedEntry.ts';
import { validateData } from '../../../core/kinds/validate.ts';

/** A digest by a short name, so that tests can name entries. */
export const named = (name: string): string => `0x${Buffer.from(name).toString('hex').padStart(64, '0')}`;

export type Sketch = {
  readonly kind: string;
  readonly time: string;
  readonly data: Record<string, unknown>;
} & Partial<Omit<OpenedEntry, 'data'>>;

/** Entries in the order in which they were anchored, a day apart; named e0, e1, … and valid unless not proven. */
export function history(...sketches: readonly Sketch[]): OpenedEntry[] {
  return sketches.map((sketch, position) => {
    const entry: OpenedEntry = {
      digest: named(`e${position}`),
      kindVersion: 1,
      organisation: '1',
      anchoredAt: 1_700_000_000 + position * 86_400,
      position,
      status: 'proven',
      sealed: {},
      ...sketch,
      data: sketch.data as Record<string, Json>,
    };
    if (entry.status === 'proven') validateData(entry.kind, entry.kindVersion, entry.data);
    return entry;
  });
}

export function findingsOf(entries: readonly OpenedEntry[], options: FindingsOptions = {}): Finding[] {
  return deriveFindings(entries, { recallAttesters: ['9'], ...options }).findings;
}

/** `code severity` of each finding; with `only`, of those whose code begins so. */
export function codesOf(entries: readonly OpenedEntry[], only = '', options: FindingsOptions = {}): string[] {
  return findingsOf(entries, options)
    .filter(({ code }) => code.startsWith(only))
    .map(({ code, severity }) => `${code} ${severity}`);
}

export function read(time: string, value: number, more: Record<string, unknown> = {}): Sketch {
  const { source = 'workshop', unit = 'KMT', ...rest } = more;
  return { kind: 'odometer', time, data: { odometer: { value, unit, source, ...rest } } };
}

export function amend(
  supersedes: string,
  kind: string,
  data: Record<string, unknown> | null,
  more: Partial<OpenedEntry> & { corrected?: string } = {},
): Sketch {
  const { corrected, ...rest } = more;
  return {
    kind: 'amended',
    time: '2024-06-01',
    ...rest,
    data: {
      supersedes,
      kind,
      kindVersion: 1,
      reason: 'typo',
      ...(corrected === undefined ? {} : { time: corrected }),
      ...(data === null ? { retracted: true } : { data }),
    },
  };
}
