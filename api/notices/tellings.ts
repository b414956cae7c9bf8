import type { Json } from '../../core/canonical.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { compareEntries, type EffectiveEntry, type OpenedEntry } from '../../core/findings/openedEntry.ts';
import type { Campaign } from '../../core/findings/recalls.ts';
import { campaignsIn, type OwnEntry, setEntryOf } from '../recalls/campaigns.ts';
import { standing } from '../recalls/progress.ts';
import type { NoticeKind } from './notices.ts';

/*
 * What the entries of a campaign mean for the vehicles of its sets. Whom an entry concerned is decided by the chain up to it;
 * whether that still stands, by the whole chain: who comes late with a set tells of nothing that was taken back since.
 */

/** What is told of the vehicles of some sets. */
export type Telling = {
  readonly kind: NoticeKind;
  readonly attester: OrganisationId;
  readonly campaign: Campaign;
  /** The entries whose sets are told of; one that is not stored has nobody. */
  readonly sets: readonly Digest[];
  /** The set must be here before anything is told. */
  readonly demands: Digest | null;
  /** Entries of which all must have been told first: that something is over comes after that it began. */
  readonly after: readonly Digest[];
  /** Of these only who was listed under one of these entries; null: all. */
  readonly among: readonly Digest[] | null;
  /** Not who is listed under one of these. */
  readonly except: readonly Digest[];
  /** Under which entry they are listed from now on. */
  readonly lists: Digest | null;
  /** Entries that may have listed a vehicle before: then it is told once more. */
  readonly earlier: readonly Digest[];
  readonly about: (identifier: string, again: boolean) => string;
  readonly content: (identifier: string, remedied: boolean) => Readonly<Record<string, Json>>;
};

/** What an entry that can be read has to tell, one after the other; nothing where something later has overtaken it. */
export function tellingsOf(
  own: OwnEntry,
  all: readonly OwnEntry[],
  attester: OrganisationId,
): readonly Telling[] {
  const { entry } = own;
  const before = all.slice(0, all.indexOf(own) + 1);
  const now = campaignsIn(all).campaigns;
  switch (entry.kind) {
    case 'recall.opened':
    case 'recall.extended': {
      const listed = listingsOf(now).find(({ found }) => found.digest === entry.digest);
      if (listed === undefined || setEntryOf(listed.found) !== entry.digest) return [];
      return listing(listed, all, attester);
    }
    case 'recall.closed':
      return closing(entry, campaignsIn(before).campaigns, now, attester);
    default:
      return correction(entry, before, now, all, attester);
  }
}

type Listed = { readonly campaign: Campaign; readonly found: EffectiveEntry };

const listingsOf = (campaigns: readonly Campaign[]): Listed[] =>
  campaigns.flatMap((campaign) => campaign.listings.map((found) => ({ campaign, found })));

function listing(
  { campaign, found }: Listed,
  all: readonly OwnEntry[],
  attester: OrganisationId,
  replaced: readonly Digest[] = [],
): Telling[] {
  if (!standing(campaign).includes(found) || found.data.affectedRoot === undefined) return [];
  const set = setEntryOf(found);
  const others = setsThatStand(campaign).filter((other) => other !== set);
  const { kind, about, content } = listingNotice(campaign, found);
  return [
    {
      kind,
      ...{ attester, campaign, sets: [set], after: [], among: null, lists: set },
      demands: found.data.affectedCount === 0 ? null : set,
      except: [...others, ...replaced],
      earlier: all
        .filter(({ entry }) => numberOf(entry) === campaign.number)
        .map(({ entry }) => entry.digest as Digest),
      about: (identifier, again) =>
        `${about(identifier)}${again ? ` ${found.amendedBy ?? found.digest}` : ''}`,
      content,
    },
  ];
}

/** What is told of a vehicle that an entry of a campaign, or its last correction, lists. */
export function listingNotice(campaign: Campaign, found: EffectiveEntry) {
  const { attester, number } = campaign;
  const entry = setEntryOf(found);
  const opens = found.kind === 'recall.opened' && entry === found.digest;
  return {
    kind: opens ? ('recall.opened' as const) : ('recall.extended' as const),
    entry,
    about: (identifier: string) => `${attester}/${number} ${identifier}`,
    content: (identifier: string) => ({ ...factsOf(campaign), vehicle: identifier, entry }),
  };
}

function closing(
  entry: OpenedEntry,
  before: readonly Campaign[],
  now: readonly Campaign[],
  attester: OrganisationId,
): Telling[] {
  const number = String(entry.data.campaign ?? '');
  const campaign = before.find((one) => one.number === number);
  if (campaign === undefined) return [];
  const reason = String(entry.data.reason);
  const present = now.find((one) => one.number === number);
  // What is closed is still listed; what was listed anew after a withdrawal is not withdrawn.
  const except = reason === 'withdrawn' && present !== undefined ? setsThatStand(present) : [];
  const sets = [...new Set(campaign.listings.map(setEntryOf))];
  const over = ending('recall.closed', campaign, attester, sets, except, entry.digest, { reason });
  // Of what was withdrawn nobody is told any more; what was completed is.
  return [{ ...over, after: reason === 'withdrawn' ? [] : sets }];
}

/**
 * A correction that lists others tells of those, and those whom it lists no more; one that takes a campaign's entry back
 * ends it for its vehicles.
 */
function correction(
  entry: OpenedEntry,
  before: readonly OwnEntry[],
  now: readonly Campaign[],
  all: readonly OwnEntry[],
  attester: OrganisationId,
): Telling[] {
  const was = listingsOf(
    campaignsIn(before.filter(({ entry: other }) => other.digest !== entry.digest)).campaigns,
  );
  if (entry.data.retracted === true) {
    const taken = was.find(({ found }) => statesOf(found).includes(entry.data.supersedes as Digest));
    if (taken === undefined) return [];
    const { campaign, found } = taken;
    // Unless a later correction has brought it back.
    const present = listingsOf(now);
    if (present.some((listed) => listed.found.digest === found.digest)) return [];
    const other = now.find(({ number }) => number === campaign.number);
    const except = other === undefined ? [] : setsThatStand(other);
    const reason = 'retracted';
    return [ending('recall.closed', campaign, attester, statesOf(found), except, entry.digest, { reason })];
  }
  const corrected = listingsOf(now).find(({ found }) => found.amendedBy === entry.digest);
  if (corrected === undefined) return [];
  const { campaign, found } = corrected;
  const earlier = was.find((listed) => listed.found.digest === found.digest);
  const set = setEntryOf(found);
  const previous = earlier === undefined ? null : setEntryOf(earlier.found);
  if (previous === set) return [];
  const others = statesOf(found).filter((digest) => digest !== set);
  return [
    ...listing(corrected, all, attester, previous === null ? [] : [previous]),
    ending('recall.unlisted', campaign, attester, others, setsThatStand(campaign), entry.digest, {}),
  ];
}

/** Vehicles that were told of are told that it is over for them. */
function ending(
  kind: NoticeKind,
  campaign: Campaign,
  attester: OrganisationId,
  sets: readonly Digest[],
  except: readonly Digest[],
  entry: string,
  facts: Readonly<Record<string, Json>>,
): Telling {
  return {
    ...{ kind, attester, campaign, sets, among: sets, except },
    ...{ demands: null, after: [], lists: null, earlier: [] },
    about: (identifier) => `${entry} ${identifier}`,
    content: (identifier, remedied) => ({
      ...factsOf(campaign),
      ...{ vehicle: identifier, ...facts, remedied, entry },
    }),
  };
}

/** What a listing was and is stated by: itself, and its corrections. */
function statesOf({ digest, amendedBy, superseded }: EffectiveEntry): Digest[] {
  const all = [
    digest,
    ...superseded.map((state) => state.digest),
    ...(amendedBy === null ? [] : [amendedBy]),
  ];
  return [...new Set(all)] as Digest[];
}

const setsThatStand = (campaign: Campaign): Digest[] => standing(campaign).map(setEntryOf);

/** The campaign that an entry, or what it says instead of another, is of. */
function numberOf({ kind, data }: OpenedEntry): unknown {
  const said = kind === 'amended' ? (data.data as Readonly<Record<string, Json>> | undefined) : data;
  return said?.campaign;
}

/** What every notice says of a campaign. */
function factsOf({ attester, number, opening, listings }: Campaign) {
  const data = (opening ?? [...listings].sort(compareEntries)[0])?.data as
    | Readonly<Record<string, Json>>
    | undefined;
  return {
    ...{ attester, campaign: number },
    title: data?.title ?? {},
    remedy: data?.remedy ?? {},
    component: data?.component ?? 'other',
    severity: data?.severity ?? 'unknown',
  };
}
