import type { KindData } from '../kinds/kinds.ts';
import type { Finding } from './finding.ts';
import { compareEntries, type EffectiveEntry, isReadable, type OpenedEntry } from './openedEntry.ts';

/**
 * Whether `by` may correct what `original` attested: the original attester itself, or its registered successor. The
 * entries come along because a number names an organisation only within the ledgers that share a register.
 */
export type MaySupersede = (
  original: string,
  by: string,
  entries: { readonly original: OpenedEntry; readonly by: OpenedEntry },
) => boolean;

export const sameAttester: MaySupersede = (original, by) => original === by;

type AnchoredEntry = Pick<OpenedEntry, 'anchoredAt' | 'position' | 'digest'>;
type Amendment = Omit<OpenedEntry, 'data'> & { readonly data: KindData<'amended'> };

const entryOf = (amendment: Amendment): OpenedEntry => amendment as unknown as OpenedEntry;

/**
 * Applies the amendments: each original with its latest correction, in the order of the history. What is not proven,
 * or seals what the rules need, does not count, but a readable amendment of it does. An amendment that names nothing in this history, another kind or
 * a later entry, or comes from somebody else, changes nothing. Originals that are not proven, or seal what the rules need, and that
 * nobody corrected or retracted, are given as `unreadable`.
 */
export function applyAmendments(
  entries: readonly OpenedEntry[],
  maySupersede: MaySupersede,
): { effective: EffectiveEntry[]; unreadable: OpenedEntry[]; findings: Finding[] } {
  const findings: Finding[] = [];
  const ordered = [...entries].sort(anchorOrder);
  // Anybody can anchor a digest once more: a copy shares its original's digest, and nothing else.
  const byDigest = new Map<string, OpenedEntry[]>();
  for (const entry of ordered) {
    const known = byDigest.get(entry.digest);
    if (known === undefined) byDigest.set(entry.digest, [entry]);
    else known.push(entry);
  }
  const amendmentsOf = new Map<string, Amendment[]>();

  for (const entry of ordered) {
    if (entry.kind !== 'amended' || !isReadable(entry)) continue;
    const amendment = entry as unknown as Amendment;
    const candidates = originalsOf(amendment, byDigest);
    const original =
      candidates.find((candidate) => whyIgnored(amendment, candidate, maySupersede) === null) ??
      candidates[0];
    const ignored = whyIgnored(amendment, original, maySupersede);
    if (ignored !== null || original === undefined) {
      findings.push({
        code: 'entry.amendmentIgnored',
        severity: 'notice',
        entries: [entry.digest],
        details: { supersedes: amendment.data.supersedes, why: ignored ?? 'unknownEntry' },
      });
      continue;
    }
    amendmentsOf.set(original.digest, [...(amendmentsOf.get(original.digest) ?? []), amendment]);
  }

  const effective: EffectiveEntry[] = [];
  const unreadable: OpenedEntry[] = [];
  for (const original of ordered) {
    if (original.kind === 'amended') continue;
    const amendments = (amendmentsOf.get(original.digest) ?? []).filter(
      (amendment) => whyIgnored(amendment, original, maySupersede) === null,
    );
    const last = amendments.at(-1);
    if (last === undefined) {
      if (isReadable(original)) effective.push({ ...original, amendedBy: null, superseded: [] });
      else unreadable.push(original);
      continue;
    }
    const chain = [original.digest, ...amendments.map((amendment) => amendment.digest)];
    const details = { kind: original.kind, reason: last.data.reason };
    if (last.data.data === undefined) {
      findings.push({ code: 'entry.retracted', severity: 'information', entries: chain, details });
      continue;
    }
    findings.push({ code: 'entry.amended', severity: 'information', entries: chain, details });
    const { missing: _, ...known } = original;
    effective.push({
      ...known,
      status: 'proven',
      kindVersion: last.data.kindVersion,
      time: timeOf(original, last),
      data: last.data.data as OpenedEntry['data'],
      sealed: last.sealed,
      ...(last.affected === undefined ? {} : { affected: last.affected }),
      amendedBy: last.digest,
      superseded: [
        ...(isReadable(original) ? [original] : []),
        ...amendments.slice(0, -1).flatMap((earlier) => statedBy(original, earlier)),
      ],
    });
  }
  return { effective: effective.sort(compareEntries), unreadable: unreadable.sort(compareEntries), findings };
}

/** When it happened: as corrected, else as first stated, else, where that can't be read, as of the amendment. */
function timeOf(original: OpenedEntry, amendment: Amendment): string {
  return amendment.data.time ?? (original.status === 'proven' ? original.time : amendment.time);
}

/** What an amendment that was itself amended had said. */
function statedBy(original: OpenedEntry, amendment: Amendment): OpenedEntry[] {
  if (amendment.data.data === undefined) return [];
  const data = amendment.data.data as OpenedEntry['data'];
  const time = timeOf(original, amendment);
  return [{ ...original, digest: amendment.digest, data, time, sealed: amendment.sealed }];
}

/** The entries that a line of amendments leads to, more than one where its digest was copied; none where it leaves this history. */
function originalsOf(
  amendment: Amendment,
  byDigest: ReadonlyMap<string, readonly OpenedEntry[]>,
): readonly OpenedEntry[] {
  const passed = new Set<string>([amendment.digest]);
  let named = byDigest.get(amendment.data.supersedes) ?? [];
  for (;;) {
    // One whose correction is sealed still says what it supersedes.
    const amended = named.find((entry) => entry.kind === 'amended' && entry.status === 'proven');
    if (amended === undefined) return named.filter(({ kind }) => kind !== 'amended');
    if (passed.has(amended.digest)) return [];
    passed.add(amended.digest);
    named = byDigest.get((amended as unknown as Amendment).data.supersedes) ?? [];
  }
}

function whyIgnored(
  amendment: Amendment,
  original: OpenedEntry | undefined,
  maySupersede: MaySupersede,
): string | null {
  if (original === undefined) return 'unknownEntry';
  if (amendment.data.kind !== original.kind) return 'otherKind';
  if (anchorOrder(original, amendment) >= 0) return 'notLater';
  const entries = { original, by: entryOf(amendment) };
  return maySupersede(original.organisation, amendment.organisation, entries) ? null : 'otherAttester';
}

function anchorOrder(left: AnchoredEntry, right: AnchoredEntry): number {
  return (
    left.anchoredAt - right.anchoredAt ||
    left.position - right.position ||
    (left.digest < right.digest ? -1 : left.digest > right.digest ? 1 : 0)
  );
}
