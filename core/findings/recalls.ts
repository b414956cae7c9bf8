import type { Json } from '../canonical.ts';
import type { KindData } from '../kinds/kinds.ts';
import type { Finding, Severity } from './finding.ts';
import { type EffectiveEntry, type EntryOf, eventDay, ofKind } from './openedEntry.ts';
import type { RecallState, Summary } from './summary.ts';

/** A part as the vehicle has it now, with what the history says of it. */
export type CurrentPart = {
  readonly part: string;
  /** The batch it came from, where that is known. */
  readonly batch: string | null;
  /** Its maker's part number, where that is known. */
  readonly partNumber: string | null;
  /** It was made on this day at the latest: it was there then. */
  readonly madeBy: string;
};

type Placed = { -readonly [Name in keyof CurrentPart]: CurrentPart[Name] } & { readonly place: string };

/**
 * The as-maintained parts: what was built in, and mounted since, without what was removed; and how many were mounted
 * without being named.
 */
export function currentParts(entries: readonly EffectiveEntry[]): {
  parts: CurrentPart[];
  unnamed: number;
} {
  let parts: Placed[] = [];
  let unnamed: string[] = [];
  const batches = new Map<string, string>();
  const placeOf = ({ component, position }: { component: string; position?: string }): string =>
    `${component}/${position ?? ''}`;
  const add = (entry: Placed, batch: string | undefined): void => {
    if (batch !== undefined) batches.set(entry.part, batch);
    // One part may be built in, mounted, and registered as a safety part: it is one.
    parts = [...parts.filter(({ part }) => part !== entry.part || !part.startsWith('serial:')), entry];
  };
  const mount = (
    { time }: EffectiveEntry,
    part: string,
    what: { component: string; position?: string; batch?: string; manufacturerPartId?: string },
  ): void => {
    const partNumber = what.manufacturerPartId ?? null;
    add({ part, batch: null, partNumber, madeBy: eventDay(time), place: placeOf(what) }, what.batch);
  };
  const remove = (part: string | undefined, place: string): void => {
    const at = parts.findIndex((known) => (part === undefined ? known.place === place : known.part === part));
    if (at >= 0) parts.splice(at, 1);
    else if (unnamed.includes(place)) unnamed.splice(unnamed.indexOf(place), 1);
  };
  for (const entry of entries) {
    switch (entry.kind) {
      case 'vehicle.built':
        for (const { data } of ofKind([entry], 'vehicle.built')) {
          for (const built of data.parts ?? []) mount(entry, built.part, built);
        }
        break;
      case 'part.mounted':
        for (const { data } of ofKind([entry], 'part.mounted')) {
          if (data.part === undefined) unnamed = [...unnamed, placeOf(data)];
          else mount(entry, data.part, data);
        }
        break;
      case 'part.removed':
        for (const { data } of ofKind([entry], 'part.removed')) remove(data.part, placeOf(data));
        break;
      // On a vehicle's chain their envelope is the part's.
      case 'safetyPart.mounted':
        if (entry.identifier !== undefined) {
          mount(entry, entry.identifier, entry.data as { component: string; position?: string });
        }
        break;
      case 'safetyPart.removed':
        if (entry.identifier !== undefined) remove(entry.identifier, '');
        break;
    }
  }
  return {
    parts: parts.map(({ part, partNumber, madeBy }) => ({
      part,
      batch: batches.get(part) ?? null,
      partNumber: partNumber ?? partNumberIn(part),
      madeBy,
    })),
    unnamed: unnamed.length,
  };
}

type Affected = Pick<KindData<'recall.opened'>, 'batches' | 'serialRanges' | 'partNumbers'>;

/** What a campaign that names parts means for one: it is named, it is not, or what would tell is not known. */
export type PartVerdict = 'in' | 'out' | 'noBatch' | 'noPartNumber' | 'noDate';

/** Whether a campaign names the part, its batch, a range of serials that it lies in, or its number and when it was made. */
export function judgePart(
  { batches = [], serialRanges = [], partNumbers = [] }: Affected,
  { part, batch, partNumber, madeBy }: CurrentPart,
): PartVerdict {
  if (batches.includes(part) || (batch !== null && batches.includes(batch))) return 'in';
  const { type, maker, value } = splitPart(part);
  if (serialRanges.some((range) => type === 'serial' && liesIn(range, maker, value))) return 'in';
  const sameMaker = partNumbers.filter(({ manufacturerId }) => manufacturerId.toLowerCase() === maker);
  const sameNumber = sameMaker.filter((named) => named.partNumber === partNumber);
  if (sameNumber.some(({ from, until }) => from === undefined && until === undefined)) return 'in';
  // A serial of one maker is of one of its batches: while nobody says which, it may be one of these.
  if (type === 'serial' && batch === null && batches.some((named) => mayHold(named, part))) return 'noBatch';
  if (partNumber === null && sameMaker.some(({ from }) => from === undefined || from <= madeBy)) {
    return 'noPartNumber';
  }
  return sameNumber.some(({ from }) => from === undefined || from <= madeBy) ? 'noDate' : 'out';
}

function splitPart(identifier: string): { type: string; maker: string; value: string } {
  const [type = '', maker = '', ...rest] = identifier.split(':');
  return { type, maker, value: rest.join(':') };
}

type SerialRange = NonNullable<Affected['serialRanges']>[number];

function liesIn({ manufacturerId, from, to }: SerialRange, maker: string, serial: string): boolean {
  return (
    manufacturerId.toLowerCase() === maker &&
    serial.length === from.length &&
    from.length === to.length &&
    from <= serial &&
    serial <= to
  );
}

/** Whether a serial may be of a batch, as far as their names tell: of one maker, and of one article where both say so. */
function mayHold(batch: string, serial: string): boolean {
  const [left, right] = [splitPart(batch), splitPart(serial)];
  if (left.maker !== right.maker) return false;
  const [ofBatch, ofSerial] = [articleOf(left), articleOf(right)];
  return ofBatch === null || ofSerial === null || ofBatch === ofSerial;
}

/** What article a batch or serial is of, where its name says: a GTIN, or a part number of a Catena-X partner. */
function articleOf({ maker, value }: { maker: string; value: string }): string | null {
  if (maker === 'id.gs1.org') return /^01\/([0-9]{14})\//.exec(value)?.[1] ?? null;
  return /^bpnl[0-9a-z]{12}$/.test(maker) ? (/^([^/]+)\//.exec(value)?.[1] ?? null) : null;
}

/** The part number in a name by Catena-X, where it is one. */
function partNumberIn(part: string): string | null {
  const { maker, value } = splitPart(part);
  const article = maker === 'id.gs1.org' ? null : articleOf({ maker, value });
  if (article === null) return null;
  return article.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const SEVERITY: Record<string, Severity> = {
  stopDriving: 'alert',
  safety: 'alert',
  compliance: 'warning',
  emissions: 'warning',
  service: 'notice',
};

export type Campaign = {
  readonly attester: string;
  readonly number: string;
  /** Null where the entry that opened it is not open to us, or was taken back: what extends it stands all the same. */
  readonly opening: EntryOf<'recall.opened'> | null;
  /** What lists vehicles or parts, in order. */
  readonly listings: readonly EffectiveEntry[];
  readonly closings: readonly EntryOf<'recall.closed'>[];
};

/** The campaigns of own chains; a number names one campaign of its attester, however often it is opened. */
export function campaignsOf(own: readonly EffectiveEntry[]): Campaign[] {
  const listing = own.filter(({ kind }) => kind === 'recall.opened' || kind === 'recall.extended');
  const key = ({ organisation, data }: EffectiveEntry): string =>
    `${organisation} ${(data as { campaign?: string }).campaign ?? ''}`;
  const closings = ofKind(own, 'recall.closed');
  return [...Map.groupBy(listing, key).values()].flatMap((listings): Campaign[] => {
    const [first] = listings;
    if (first === undefined) return [];
    const attester = first.organisation;
    const number = String((first.data as { campaign?: string }).campaign ?? '');
    return [
      {
        ...{ attester, number, listings },
        opening: ofKind(listings, 'recall.opened')[0] ?? null,
        closings: closings.filter(
          ({ organisation, data }) => organisation === attester && data.campaign === number,
        ),
      },
    ];
  });
}

type Anchored = Pick<EffectiveEntry, 'anchoredAt' | 'position'>;
const isBefore = (left: Anchored, right: Anchored): boolean =>
  left.anchoredAt < right.anchoredAt ||
  (left.anchoredAt === right.anchoredAt && left.position < right.position);

/** Why a remedy counts for nothing here. */
export type RemedyFault = 'attesterNotShown' | 'unknownCampaign' | 'notListed' | 'beforeListed';

/**
 * The campaigns of the own chains in this report, and what they mean for the vehicle. Without its maker's chain the answer
 * is `recall.unknown`, whatever authorities say: which makers count is not for us to guess.
 */
export function findRecalls(
  entries: readonly EffectiveEntry[],
  own: readonly EffectiveEntry[],
  {
    attesters,
    makers,
    hidden,
  }: {
    /** Those whose own chains are complete here, and which of them built the vehicle. */
    readonly attesters: readonly string[];
    readonly makers: readonly string[];
    /** How many parts are known to have been mounted whose entry nobody can read. */
    readonly hidden: number;
  },
): { campaigns: RecallState[]; parts: Summary['recalls']['parts']; findings: Finding[] } {
  const { parts, unnamed } = currentParts(entries);
  const remedies = ofKind(entries, 'recall.remedied');
  const faults = new Map<string, RemedyFault>(
    remedies.map(({ digest, data }) => [
      digest,
      attesters.includes(data.attester) ? 'unknownCampaign' : 'attesterNotShown',
    ]),
  );
  const campaigns: RecallState[] = [];
  const findings: Finding[] = [];
  for (const campaign of campaignsOf(own)) {
    const { state, finding } = judge(campaign, parts, remedies, faults);
    campaigns.push(state);
    if (finding !== null) findings.push(finding);
  }
  for (const { digest, organisation, time, data } of remedies) {
    const reason = faults.get(digest);
    if (reason === undefined) continue;
    const { attester, campaign } = data;
    findings.push({
      code: 'recall.remedyIgnored',
      severity: reason === 'attesterNotShown' ? 'information' : 'notice',
      entries: [digest],
      details: { attester, campaign, by: organisation, time, reason },
    });
  }
  if (makers.length === 0) {
    findings.push({
      code: 'recall.unknown',
      severity: 'information',
      entries: [],
      details: { attesters },
    });
  }
  const withoutBatch = parts.filter(({ part, batch }) => part.startsWith('serial:') && batch === null).length;
  return { campaigns, parts: { compared: parts.length, withoutBatch, unnamed: unnamed + hidden }, findings };
}

/** What one campaign means for the vehicle; takes the remedies that count out of `faults`, and says why others don't. */
function judge(
  campaign: Campaign,
  parts: readonly CurrentPart[],
  remedies: readonly EntryOf<'recall.remedied'>[],
  faults: Map<string, RemedyFault>,
): { state: RecallState; finding: Finding | null } {
  const { attester, number, opening, listings, closings } = campaign;
  const closed = closings.at(-1)?.data.reason ?? null;
  // What is listed after a withdrawal is not withdrawn by it.
  const standing = listings.filter(
    (entry) => !closings.some((closing) => closing.data.reason === 'withdrawn' && !isBefore(closing, entry)),
  );
  const verdicts = new Map(
    standing.map((entry) => [
      entry,
      parts.map((part) => ({ part, verdict: judgePart(entry.data as unknown as Affected, part) })),
    ]),
  );
  const bySet = standing.filter(({ affected }) => affected === 'in');
  const byPart = standing.filter((entry) => verdicts.get(entry)?.some(({ verdict }) => verdict === 'in'));
  const named = standing.filter((entry) => bySet.includes(entry) || byPart.includes(entry));
  const withoutProof = standing.filter(({ affected }) => affected !== 'in' && affected !== 'out');
  const doubtful = standing.flatMap((entry) =>
    (verdicts.get(entry) ?? []).flatMap(({ part, verdict }) =>
      verdict === 'in' || verdict === 'out' ? [] : [{ entry, part: part.part, reason: verdict }],
    ),
  );

  const { title, severity, component, remedy } = opening?.data ?? {
    ...{ title: {}, severity: 'unknown', component: 'other', remedy: {} },
  };
  const by = bySet.length > 0 ? 'set' : byPart.length > 0 ? 'part' : null;
  const basis = { attester, campaign: number, title, severity, by, closed } as const;
  const details = { attester, campaign: number, title, component, remedy, severity, by };
  const own = remedies.filter(({ data }) => data.attester === attester && data.campaign === number);

  if (by === null) {
    for (const { digest } of own) faults.set(digest, 'notListed');
    if (withoutProof.length === 0 && doubtful.length === 0) {
      const digests = (opening === null ? listings : [opening]).map(({ digest }) => digest);
      return { state: { ...basis, state: 'notAffected', outcome: null, entries: digests }, finding: null };
    }
    const set = withoutProof.length > 0 ? 'unknown' : 'out';
    const because = withoutProof.length > 0 ? withoutProof : doubtful.map(({ entry }) => entry);
    const digests = [...new Set(because)].map(({ digest }) => digest);
    const unclear: Json[] = doubtful.slice(0, 100).map(({ part, reason }) => ({ part, reason }));
    return {
      state: { ...basis, state: 'unknown', outcome: null, entries: digests },
      finding: {
        code: 'recall.unknown',
        // Its maker says that the vehicle is not meant; only that no part of it is can't be told.
        severity: set === 'unknown' ? 'warning' : 'notice',
        entries: digests,
        details: { ...details, set, parts: unclear },
      },
    };
  }

  // The day of the first entry that lists this vehicle: what was done before was done for another reason.
  const since = named.map(({ time }) => eventDay(time)).sort()[0] ?? '';
  const done = own.filter(({ time }) => eventDay(time) >= since);
  for (const entry of own) {
    if (done.includes(entry)) faults.delete(entry.digest);
    else faults.set(entry.digest, 'beforeListed');
  }
  const listed = named.map(({ digest }) => digest);
  const last = done.at(-1);
  if (last !== undefined) {
    const digests = [...listed, ...done.map(({ digest }) => digest)];
    const { outcome } = last.data;
    return {
      state: { ...basis, state: 'remedied', outcome, entries: digests },
      finding: {
        code: 'recall.remedied',
        severity: 'information',
        entries: digests,
        details: { ...details, time: last.time, outcome, organisation: last.organisation },
      },
    };
  }
  return {
    state: { ...basis, state: 'open', outcome: null, entries: listed },
    finding: {
      code: 'recall.open',
      severity: SEVERITY[severity] ?? 'warning',
      entries: listed,
      details: { ...details, since: named[0]?.time ?? '', closed: closings.length > 0 },
    },
  };
}
