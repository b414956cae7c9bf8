import { fromBase64Url } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { isModuleLink } from '../../core/chain/link.ts';
import { changes, type OrganisationChange, standingAt } from '../../core/chain/organisation.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import type { Finding } from '../../core/findings/finding.ts';
import type { EffectiveEntry, OpenedEntry } from '../../core/findings/openedEntry.ts';
import type { Summary } from '../../core/findings/summary.ts';
import { isPartAction, type TitleAction } from '../../core/modules/action.ts';
import { readHeader } from '../../core/proof/header.ts';
import { changesOf, type Report } from '../../core/report/report.ts';
import { openedEntry } from '../../core/verify/conclude.ts';
import type { EntryStatus, Verification, VerifiedEntry } from '../../core/verify/result.ts';
import { attesterKey, isAccountKey, keyOfAccount } from './attesterKey.ts';
import { type DisputeView, disputesOf } from './disputes.ts';
import { type TitleView, titleViews } from './title.ts';

/*
 * What the page shows of a report. Everything here is derived from the report by the reader's own code; whether it is
 * true is what the verification beside it says.
 */

export type StandingStatus = 'unknown' | 'good' | 'suspended';

export type AttesterView = {
  /** The ledger and the number there, an owner's or buyer's key (`key:0x…`), or a module's address. */
  readonly key: string;
  readonly id: string;
  readonly names: Readonly<Record<string, string>>;
  readonly roles: readonly string[];
  readonly country: string | null;
  readonly standing: StandingStatus;
  readonly successor: string | null;
  readonly changes: readonly {
    readonly change: string;
    readonly timestamp: number;
    readonly value: string;
  }[];
  /** How many entries of this vehicle's history are its. */
  readonly entries: number;
};

export type DocumentView = {
  readonly cid: string;
  readonly mediaType: string;
  readonly bytes: number;
  /** Opens it, where the report discloses it. */
  readonly key: string | null;
};

export type EntryView = {
  readonly digest: string;
  readonly cid: string;
  readonly ledger: string;
  /** `null` for the vehicle's own chain, else the organisation on whose chain it stands. */
  readonly own: string | null;
  readonly position: number;
  readonly kind: string;
  readonly status: EntryStatus;
  /** Why it is not proven. */
  readonly code: string | null;
  readonly attester: string;
  /** The attester's standing when the block that anchors the entry was made. */
  readonly standingThen: StandingStatus;
  /** When it happened; empty where the entry is not open. */
  readonly time: string;
  readonly anchoredAt: number;
  /** Hints to look it up on the chain. */
  readonly block: number | null;
  readonly transaction: string | null;
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
  /** Sealed fields that were not opened to this reader. */
  readonly closed: number;
  readonly documents: readonly DocumentView[];
  /** The correction that the shown data come from. */
  readonly amended: { readonly digest: string; readonly reason: string; readonly anchoredAt: number } | null;
  /** What it said before, the oldest first. */
  readonly superseded: readonly {
    readonly digest: string;
    readonly time: string;
    readonly data: Readonly<Record<string, Json>>;
  }[];
  /** Taken back by its attester. */
  readonly retracted: boolean;
  /** Of an amendment: the entry that it names. */
  readonly amends: string | null;
  /** Of a title's entry: what was asked of `Titles`. */
  readonly action: ActionView | null;
  /** The owner's disputes of this entry, the oldest first, each with what came of it. */
  readonly disputes: readonly DisputeView[];
  /** Of an erased entry: who destroyed its content, why and when. */
  readonly erasure: ErasureView | null;
  /** Fields and documents of an open entry that were destroyed. */
  readonly erasures: readonly (ErasureView & { readonly what: string })[];
  /** How many fields are sealed, and how many of them are open to this reader. */
  readonly seals: { readonly digests: number; readonly opened: number };
};

export type ErasureView = { readonly operator: string; readonly basis: string; readonly erasedAt: number };

export type ActionView = {
  readonly party: string;
  /** Seconds since 1970; 0 where the kind ends nothing. */
  readonly until: number;
  readonly detail: string;
};

export type ReportView = {
  readonly identifier: string;
  readonly createdAt: number;
  readonly directory: { readonly chainId: string; readonly address: string };
  readonly ledgers: number;
  /** Nothing was ever recorded under this identifier, in any ledger of the directory. */
  readonly absent: boolean;
  /** The ledgers whose history the service says it cannot show. */
  readonly unread: readonly string[];
  /** The blocks that the report carries storage proofs of, as their headers say. */
  readonly proofs: readonly {
    readonly chainId: string;
    readonly block: number;
    readonly timestamp: number;
  }[];
  /** The vehicle's history. */
  readonly entries: readonly EntryView[];
  /** Campaigns on the own chains of the makers. */
  readonly campaigns: readonly EntryView[];
  /** By the digest of a campaign's entry, what the proof against its list came to. */
  readonly lists: Readonly<Record<string, 'in' | 'out' | 'unknown'>>;
  readonly attesters: readonly AttesterView[];
  readonly findings: readonly Finding[];
  readonly summary: Summary | null;
  /** One for each ledger that has a title of this vehicle. */
  readonly titles: readonly TitleView[];
  /** Sealed fields of all entries: how many there are, and how many are open to this reader. */
  readonly seals: { readonly digests: number; readonly opened: number };
};

/** The page's view of a report, as a verification (with or without a chain) judged its entries. */
export function viewOf(report: Report, verification: Verification): ReportView {
  const records = recordsOf(report);
  const hints = hintsOf(report);
  const history = verification.entries.filter(({ chain }) => typeof chain === 'string');
  const own = verification.entries.filter(({ chain }) => typeof chain !== 'string');
  // Who may correct whom is verification’s to say: a number names an organisation in one register only.
  const amended = new Map(
    [...verification.effective, ...verification.effectiveOwn].map((entry) => [placeOf(entry), entry]),
  );
  const retracted = new Set(verification.retracted);
  const shown = (entries: readonly VerifiedEntry[]): EntryView[] => {
    const byDigest = new Map(entries.map((entry) => [entry.link.digest as string, entry]));
    const disputes = disputesOf(verification.findings, byDigest);
    return entries.map((entry) =>
      entryView(entry, amended.get(placeOf(openedEntry(entry))), retracted.has(entry.link.digest), {
        ...records,
        hints,
        byDigest,
        disputes,
      }),
    );
  };
  const entries = shown(history);
  return {
    identifier: report.identifier,
    createdAt: report.createdAt,
    directory: { chainId: report.directory.chainId, address: report.directory.address },
    ledgers: report.ledgers.length,
    absent: (report.unread ?? []).length === 0 && report.ledgers.every(({ links }) => links.length === 0),
    unread: (report.unread ?? []).map(({ ledger }) => ledger),
    proofs: proofsOf(report),
    entries,
    campaigns: shown(own),
    lists: listsOf(verification),
    attesters: attestersOf(report, entries),
    findings: verification.findings,
    summary: verification.summary,
    titles: titleViews(verification),
    seals: {
      digests: entries.reduce((sum, { seals }) => sum + seals.digests, 0),
      opened: entries.reduce((sum, { seals }) => sum + seals.opened, 0),
    },
  };
}

/** Where an entry stands: copies of one digest are several. */
const placeOf = ({ ledger, organisation, position, digest }: OpenedEntry): string =>
  [ledger, organisation, position, digest].join(' ');

const LISTED: Readonly<Record<string, 'in' | 'out' | 'unknown'>> = {
  'recall.inSet': 'in',
  'recall.notInSet': 'out',
  'recall.proofMissing': 'unknown',
  'recall.sealed': 'unknown',
};

function listsOf({ steps }: Verification): ReportView['lists'] {
  return Object.fromEntries(
    steps.flatMap(({ checks }) =>
      checks.flatMap(({ code, at }) => {
        const found = LISTED[code];
        return found === undefined ? [] : [[String(at.digest), found] as const];
      }),
    ),
  );
}

/** A header that can't be read proves nothing and is not offered. */
function proofsOf(report: Report): ReportView['proofs'] {
  return (report.proofs ?? []).flatMap(({ chainId, codec, header }) => {
    try {
      const { number, timestamp } = readHeader(fromBase64Url(header), codec);
      return [{ chainId, block: Number(number), timestamp: Number(timestamp) }];
    } catch {
      return [];
    }
  });
}

type Records = { readonly changes: ReadonlyMap<string, readonly OrganisationChange[]> };

function recordsOf(report: Report): Records {
  const records = new Map<string, readonly OrganisationChange[]>();
  for (const section of report.ledgers) {
    for (const organisation of section.organisations) {
      records.set(attesterKey(section.ledger, organisation.id), changesOf(organisation));
    }
  }
  return { changes: records };
}

/** The standing that a record leads to; a record that is none leads to an unknown one. */
function standingOf(
  recorded: readonly OrganisationChange[],
  timestamp?: number,
): { status: StandingStatus; successor: OrganisationId | null } {
  try {
    return standingAt(recorded, timestamp === undefined ? undefined : BigInt(timestamp));
  } catch {
    return { status: 'unknown', successor: null };
  }
}

type Hint = { readonly block: number | null; readonly transaction: string | null };

function hintsOf(report: Report): ReadonlyMap<string, Hint> {
  const links = report.ledgers.flatMap((section) => [
    ...section.links,
    ...section.ownChains.flatMap((chain) => chain.links),
  ]);
  return new Map(
    links.map(({ digest, block, transaction }) => [
      digest,
      { block: block ?? null, transaction: transaction ?? null },
    ]),
  );
}

type Context = Records & {
  readonly hints: ReadonlyMap<string, Hint>;
  readonly byDigest: ReadonlyMap<string, VerifiedEntry>;
  readonly disputes: ReadonlyMap<string, readonly DisputeView[]>;
};

/** Whose entry it is: an organisation's, also where a module wrote it; else an owner's or buyer's key. */
function attesterIn({ link, ledger, action }: VerifiedEntry): string {
  if (!isModuleLink(link)) return attesterKey(ledger, link.organisation.toString());
  if (action === undefined) return attesterKey(ledger, link.module);
  return action.organisation === 0n
    ? keyOfAccount(link.actor)
    : attesterKey(ledger, action.organisation.toString());
}

function actionView({ party, until, detail }: TitleAction): ActionView {
  return { party, until: Number(until), detail };
}

function entryView(
  entry: VerifiedEntry,
  effective: EffectiveEntry | undefined,
  retracted: boolean,
  context: Context,
): EntryView {
  const { link, ledger, status, position, chain } = entry;
  const opened: OpenedEntry = effective ?? openedEntry(entry);
  const attester = attesterIn(entry);
  const anchoredAt = Number(link.timestamp);
  const amendment =
    effective?.amendedBy === null || effective === undefined
      ? undefined
      : context.byDigest.get(effective.amendedBy);
  const source = amendment ?? entry;
  const { documents = [], ...data } = opened.data as { documents?: readonly Omit<DocumentView, 'key'>[] };
  return {
    digest: link.digest,
    cid: cidOf(link.digest),
    ledger,
    own: typeof chain === 'string' ? null : chain.organisation.toString(),
    position,
    kind: opened.kind,
    status,
    code: entry.code ?? null,
    attester,
    standingThen: standingOf(context.changes.get(attester) ?? [], anchoredAt).status,
    time: opened.time,
    anchoredAt,
    ...(context.hints.get(link.digest) ?? { block: null, transaction: null }),
    data: data as EntryView['data'],
    sealed: withoutKeys(opened.sealed),
    closed: source.seals.digests - source.seals.opened,
    documents: documents.map((document) => {
      const key = opened.sealed[`document:${document.cid}`];
      return { ...document, key: typeof key === 'string' ? key : null };
    }),
    amended:
      amendment === undefined
        ? null
        : {
            digest: amendment.link.digest,
            reason: String(amendment.envelope?.data.reason ?? 'other'),
            anchoredAt: Number(amendment.link.timestamp),
          },
    superseded: (effective?.superseded ?? []).map(({ digest, time, data: before }) => ({
      digest,
      time,
      data: before,
    })),
    retracted,
    amends: opened.kind === 'amended' ? String(opened.data.supersedes ?? '') || null : null,
    action: entry.action === undefined || isPartAction(entry.action) ? null : actionView(entry.action),
    disputes: context.disputes.get(link.digest) ?? [],
    erasure: entry.erasure ?? null,
    erasures: entry.erasures ?? [],
    seals: source.seals,
  };
}

/** Sealed fields for people: without the keys of documents and other entries. */
function withoutKeys(sealed: Readonly<Record<string, Json>>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(sealed).filter(([name]) => !name.startsWith('document:') && !name.startsWith('key:')),
  );
}

function attestersOf(report: Report, entries: readonly EntryView[]): AttesterView[] {
  const counts = new Map<string, number>();
  for (const { attester } of entries) counts.set(attester, (counts.get(attester) ?? 0) + 1);
  const known = report.ledgers.flatMap((section) =>
    section.organisations.map((organisation): AttesterView => {
      const recorded = changesOf(organisation);
      const { status, successor } = standingOf(recorded);
      const key = attesterKey(section.ledger, organisation.id);
      return {
        key,
        id: organisation.id,
        ...profileOf(organisation.profile),
        standing: status,
        successor: successor?.toString() ?? null,
        changes: organisation.changes.map(({ change, timestamp, value }) => ({
          change: changes[change as keyof typeof changes],
          timestamp,
          value,
        })),
        entries: counts.get(key) ?? 0,
      };
    }),
  );
  const keys = new Set(known.map(({ key }) => key));
  const unknown = [...counts.keys()].filter((key) => !keys.has(key));
  return [
    ...known,
    ...unknown.map((key) => ({
      key,
      id: isAccountKey(key) ? key : key.slice(key.lastIndexOf('/') + 1),
      names: {},
      roles: [],
      country: null,
      standing: 'unknown' as const,
      successor: null,
      changes: [],
      entries: counts.get(key) ?? 0,
    })),
  ].sort((left, right) => right.entries - left.entries);
}

function profileOf(text: string | null): Pick<AttesterView, 'names' | 'roles' | 'country'> {
  let profile: unknown = null;
  try {
    profile = text === null ? null : JSON.parse(text);
  } catch {
    // No profile: the organisation is shown by its number.
  }
  const { names, roles, country } = (profile ?? {}) as Readonly<Record<string, unknown>>;
  const texts = Object.entries(names !== null && typeof names === 'object' ? names : {}).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  );
  return {
    names: Object.fromEntries(texts.map(([language, name]) => [language, name.slice(0, 200)])),
    roles: Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [],
    country: typeof country === 'string' ? country.slice(0, 2) : null,
  };
}
