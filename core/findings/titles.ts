import { isOpen, type Lien, type Obstacle, obstaclesOf, type Title } from '../modules/title.ts';
import type { TitleEvent, TitleHistory } from '../modules/titleHistory.ts';
import type { MaySupersede } from './amendments.ts';
import type { Finding } from './finding.ts';
import {
  type EffectiveEntry,
  eventDay,
  eventSeconds,
  evidence,
  type OpenedEntry,
  ofKind,
} from './openedEntry.ts';
import type { OpenCharge, Summary } from './summary.ts';

/** A brand as an action put it on the title; what is said of it besides where its envelope can be read. */
export type TitleBrand = {
  readonly code: string;
  readonly time: string;
  readonly entries: readonly string[];
  readonly jurisdiction: string | null;
  readonly text: string | null;
};

/** What the titles of a history come to. Each fact follows from an action; envelopes only add when and why. */
export type TitleFacts = {
  readonly summary: Summary['title'];
  readonly findings: readonly Finding[];
  readonly liens: readonly OpenCharge[];
  readonly brands: readonly TitleBrand[];
  /** How often it changed hands, with who held it first. */
  readonly holders: number;
  /** Whether the first title was issued to who held the vehicle already. */
  readonly takenOver: boolean;
  /** When the first title was issued; null without one. */
  readonly since: string | null;
  readonly stolen: boolean;
  readonly exported: {
    readonly since: string;
    readonly entry: string;
    readonly entries: readonly string[];
    readonly destination: string | null;
  } | null;
  /** When the last title was issued: what a register stated of an export before is over. */
  readonly issued: string | null;
  /** The days on which liens were placed, one for each. */
  readonly lienDays: readonly string[];
  /** Other identifiers of the same vehicle. */
  readonly links: readonly string[];
};

type Stated = {
  readonly time: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly entry: string[];
};

/** What the titles are read beside. */
export type TitleContext = {
  readonly entries: readonly OpenedEntry[];
  readonly effective: readonly EffectiveEntry[];
  /** What became of amendments: `entry.amended` and `entry.retracted`. */
  readonly amendments: readonly Finding[];
  readonly maySupersede: MaySupersede;
  /** The time up to which the history is known; by default that of the last action. */
  readonly asOf?: string | undefined;
};

type Answer = { readonly how: 'amended' | 'retracted' | 'upheld'; readonly digest: string };

/** Reads the events of all titles beside the entries that say when and why. */
class Reading {
  readonly #effective: ReadonlyMap<string, EffectiveEntry>;
  readonly #opened = new Map<string, OpenedEntry>();
  readonly #context: TitleContext;

  constructor(context: TitleContext) {
    this.#context = context;
    this.#effective = new Map(context.effective.map((entry) => [`${entry.kind} ${entry.digest}`, entry]));
    for (const entry of context.entries) {
      // Anybody can anchor a digest once more: the copy is void, and stands for nothing where there is the original.
      const known = this.#opened.get(entry.digest);
      const better = known === undefined || known.status === 'void' || isBefore(entry, known);
      if (better && (known === undefined || entry.status !== 'void')) this.#opened.set(entry.digest, entry);
    }
  }

  /** The entry that an event wrote, where its envelope can be read. */
  entryOf(event: TitleEvent): EffectiveEntry | undefined {
    return this.#effective.get(`${event.kind} ${event.action.digest}`);
  }

  /** What the envelope of an event says; of one that cannot be read, when it was anchored and nothing more. */
  of(event: TitleEvent): Stated {
    const entry = this.entryOf(event);
    return entry === undefined
      ? { time: instantOf(event.at), data: {}, entry: [event.action.digest] }
      : { time: entry.time, data: entry.data, entry: evidence(entry) };
  }

  opened(digest: string): OpenedEntry | undefined {
    return this.#opened.get(digest);
  }

  /** What the attester of a disputed entry, or its successor, said after the dispute. */
  answerTo(named: OpenedEntry, dispute: TitleEvent): Answer | null {
    const { amendments, effective, maySupersede } = this.#context;
    const isLater = (digest: string): boolean => {
      const entry = this.opened(digest);
      return entry !== undefined && isBefore(anchorOf(dispute), entry);
    };
    for (const { code, entries } of amendments) {
      const at = entries.indexOf(named.digest);
      const amendment = at < 0 ? undefined : entries.slice(at + 1).findLast(isLater);
      if (amendment === undefined) continue;
      if (code === 'entry.amended') return { how: 'amended', digest: amendment };
      if (code === 'entry.retracted') return { how: 'retracted', digest: amendment };
    }
    const upheld = ofKind(effective, 'upheld').find((entry) => {
      const by = this.opened(entry.digest);
      return (
        entry.data.entry === named.digest &&
        (entry.data.dispute ?? dispute.action.digest) === dispute.action.digest &&
        by !== undefined &&
        isLater(entry.digest) &&
        maySupersede(named.organisation, entry.organisation, { original: named, by })
      );
    });
    return upheld === undefined ? null : { how: 'upheld', digest: upheld.digest };
  }
}

type Anchor = Pick<OpenedEntry, 'anchoredAt' | 'position'>;

const anchorOf = ({ at, position }: TitleEvent): Anchor => ({ anchoredAt: Number(at), position });

function isBefore(left: Anchor, right: Anchor): boolean {
  return (
    left.anchoredAt < right.anchoredAt ||
    (left.anchoredAt === right.anchoredAt && left.position < right.position)
  );
}

/** The end of the year 9999: no calendar here goes further. */
const LAST_SECOND = 253_402_300_799n;

function instantOf(seconds: bigint): string {
  const bounded = seconds > LAST_SECOND ? LAST_SECOND : seconds;
  return new Date(Number(bounded) * 1000).toISOString().replace('.000Z', 'Z');
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** A sign of the title's own key changing hands; a re-issue does not: the owner stays who it was. */
const HANDS: ReadonlySet<string> = new Set(['title.issued', 'title.accepted', 'title.transferred']);

/**
 * What follows from the titles of a history.
 * @param titles one for each ledger that has one
 */
export function findTitles(titles: readonly TitleHistory[], context: TitleContext): TitleFacts {
  const known = titles.filter(({ events, whole }) => events.length > 0 || !whole);
  const reading = new Reading(context);
  const each = known.map((history) => readTitle(history, reading, context.asOf));
  const all = <Item>(of: (facts: OneTitle) => readonly Item[]): Item[] => each.flatMap(of);
  const latest = each.reduce<OneTitle | null>(
    (best, facts) => (best === null || facts.lastAt >= best.lastAt ? facts : best),
    null,
  );
  const issued = all((facts) => facts.issued).sort();
  return {
    summary: latest?.summary ?? null,
    findings: [...all((facts) => facts.findings), ...findTwoTitles(known)],
    liens: all((facts) => facts.liens),
    brands: all((facts) => facts.brands),
    holders: each.reduce((sum, facts) => sum + facts.holders, 0),
    takenOver: each.some((facts) => facts.takenOver),
    since: issued[0] ?? null,
    stolen: each.some((facts) => facts.stolen),
    exported: each.find((facts) => facts.exported !== null)?.exported ?? null,
    issued: issued.at(-1) ?? null,
    lienDays: all((facts) => facts.lienDays),
    links: [...new Set(all((facts) => facts.links))],
  };
}

/** Titles live in one ledger: two of one vehicle contradict each other, whatever they say. */
function findTwoTitles(titles: readonly TitleHistory[]): Finding[] {
  if (titles.length < 2) return [];
  return [
    {
      code: 'history.contradiction',
      severity: 'alert',
      entries: titles.flatMap(({ events }) => events.slice(0, 1).map(({ action }) => action.digest)),
      details: { rule: 'twoTitles', titles: titles.map(({ title }) => title.state) },
    },
  ];
}

type OneTitle = Omit<TitleFacts, 'since' | 'issued' | 'summary'> & {
  readonly summary: NonNullable<Summary['title']>;
  readonly issued: readonly string[];
  readonly lastAt: bigint;
};

function readTitle(history: TitleHistory, reading: Reading, asOf: string | undefined): OneTitle {
  const { events, title, whole } = history;
  const last = events.at(-1);
  const lastAt = last?.at ?? 0n;
  const now = asOf === undefined ? lastAt : BigInt(Math.trunc(eventSeconds(asOf)));
  const of = (kind: TitleEvent['kind']): TitleEvent[] => events.filter((event) => event.kind === kind);
  const issues = of('title.issued');
  const issued = issues.map((event) => reading.of(event).time);
  const replaced = findReplaced(history, reading);
  const liens = findLiens(history, reading, now);
  const exported = title.state === 'exported' ? of('title.exported').at(-1) : undefined;
  return {
    summary: summaryOf(history, reading, now),
    findings: [
      ...(whole ? [] : [unknownTitle(events)]),
      ...liens.findings,
      ...findThefts(history, reading),
      ...findEnd(history, reading),
      ...of('title.reissued').map((event) => findReissue(event, reading)),
      ...replaced.findings,
      ...of('title.disputed').map((event) => findDispute(event, reading)),
    ],
    liens: liens.open,
    brands: findTitleBrands(history, reading),
    holders: events.filter(({ kind }) => HANDS.has(kind)).length,
    takenOver: issues[0] !== undefined && reading.of(issues[0]).data.reason === 'takenOver',
    issued,
    stolen: title.stolen,
    exported: exported === undefined ? null : findExport(exported, reading),
    lienDays: of('title.lienPlaced').map((event) => eventDay(reading.of(event).time)),
    links: replaced.links,
    lastAt,
  };
}

function unknownTitle(events: readonly TitleEvent[]): Finding {
  return {
    code: 'title.unknown',
    severity: 'warning',
    entries: events.slice(-1).map(({ action }) => action.digest),
    details: { known: events.length },
  };
}

function summaryOf(
  { title, events, whole }: TitleHistory,
  reading: Reading,
  now: bigint,
): NonNullable<Summary['title']> {
  const owning = events.findLast(
    (event, index) => index === 0 || event.title.tenure !== events[index - 1]?.title.tenure,
  );
  const obstacles: readonly Obstacle[] = obstaclesOf(title, now);
  const offer = title.offer !== null && isOpen(title.offer, now) ? title.offer : null;
  return {
    state: whole ? title.state : 'unknown',
    owner: title.owner,
    since: owning === undefined ? null : reading.of(owning).time,
    offer: offer === null ? null : { buyer: offer.buyer, until: instantOf(offer.until) },
    stolen: title.stolen,
    obstacles,
  };
}

function findLiens(
  { title, events }: TitleHistory,
  reading: Reading,
  now: bigint,
): { open: OpenCharge[]; findings: Finding[] } {
  const open: OpenCharge[] = [];
  const findings: Finding[] = [];
  for (const lien of title.liens) {
    const { charge, digests } = chargeOf(lien, events, reading);
    const stands = isOpen(lien, now);
    if (stands) open.push(charge);
    const { since, expires, type, holder, rank } = charge;
    findings.push({
      code: stands ? 'lien.open' : 'lien.expired',
      severity: stands ? 'alert' : 'notice',
      entries: digests,
      details: { since, reference: null, expires, type, holder, rank, number: lien.number },
    });
  }
  return { open, findings };
}

/** A lien with the entries that it rests on; of one that was carried over, that which carried it. */
function chargeOf(
  lien: Lien,
  events: readonly TitleEvent[],
  reading: Reading,
): { charge: OpenCharge; digests: string[] } {
  const before = (index: number): Title | undefined => events[index - 1]?.title;
  const placed = events.find(
    (event, index) =>
      event.kind === 'title.lienPlaced' && (before(index)?.liensPlaced ?? 0) + 1 === lien.number,
  );
  const renewed = events.filter(
    ({ kind, action }) => kind === 'title.lienRenewed' && BigInt(action.detail) === BigInt(lien.number),
  );
  const [first] = events;
  const start = placed ?? first;
  const { time = '', data = {} } = start === undefined ? {} : reading.of(start);
  return {
    charge: {
      entry: start?.action.digest ?? '',
      since: time,
      reference: null,
      expires: instantOf(lien.until).slice(0, 10),
      type: placed === undefined ? null : textOf(data.type),
      holder: lien.holder.toString(),
      rank: lien.rank,
    },
    digests: [start, ...renewed].flatMap((event) => (event === undefined ? [] : reading.of(event).entry)),
  };
}

function findThefts({ title, events }: TitleHistory, reading: Reading): Finding[] {
  const findings: Finding[] = [];
  // A theft that was carried over is the first event's.
  let open: TitleEvent | null = events[0]?.title.stolen === true ? events[0] : null;
  for (const event of events) {
    if (event.kind === 'title.stolen') open = event;
    if (event.kind !== 'title.recovered' || open === null) continue;
    const [stolen, recovered] = [reading.of(open), reading.of(event)];
    findings.push({
      code: 'title.recovered',
      severity: 'notice',
      entries: [...stolen.entry, ...recovered.entry],
      details: {
        since: stolen.time,
        time: recovered.time,
        condition: textOf(recovered.data.condition),
        organisation: event.action.organisation.toString(),
      },
    });
    open = null;
  }
  if (title.stolen && open !== null) {
    const { time, entry } = reading.of(open);
    findings.push({
      code: 'title.stolen',
      severity: 'alert',
      entries: entry,
      details: { since: time, organisation: open.action.organisation.toString() },
    });
  }
  return findings;
}

/** The end of the vehicle; its export is told with the register's own, a replaced number with the new one. */
function findEnd({ title, events }: TitleHistory, reading: Reading): Finding[] {
  const event = events.findLast(({ kind }) => kind === 'title.scrapped');
  if (title.state !== 'scrapped' || event === undefined) return [];
  const { time, data, entry } = reading.of(event);
  return [
    {
      code: 'title.scrapped',
      severity: 'alert',
      entries: entry,
      details: { time, reason: textOf(data.reason), organisation: event.action.organisation.toString() },
    },
  ];
}

function findExport(event: TitleEvent, reading: Reading): NonNullable<TitleFacts['exported']> {
  const { time, data, entry } = reading.of(event);
  return { since: time, entry: event.action.digest, entries: entry, destination: textOf(data.to) };
}

function findReissue(event: TitleEvent, reading: Reading): Finding {
  const { time, data, entry } = reading.of(event);
  return {
    code: 'title.reissued',
    severity: 'notice',
    entries: entry,
    details: { time, reason: textOf(data.reason), organisation: event.action.organisation.toString() },
  };
}

/** That the vehicle had another number, or has another one now. The other identifier is the registrar's word. */
function findReplaced(
  { subject, events }: TitleHistory,
  reading: Reading,
): { findings: Finding[]; links: string[] } {
  const findings: Finding[] = [];
  const links: string[] = [];
  for (const event of events) {
    if (event.kind !== 'title.replaced') continue;
    const { time, data, entry } = reading.of(event);
    const onward = event.action.subject === subject;
    const other = onward ? textOf(data.to) : (reading.entryOf(event)?.identifier ?? null);
    if (other !== null) links.push(other);
    findings.push({
      code: 'identity.replaced',
      severity: onward ? 'warning' : 'notice',
      entries: entry,
      details: {
        ...(onward ? { to: other } : { from: other }),
        time,
        reason: textOf(data.reason),
        organisation: event.action.organisation.toString(),
      },
    });
  }
  return { findings, links };
}

function findTitleBrands({ title, events }: TitleHistory, reading: Reading): TitleBrand[] {
  const [first] = events;
  return title.brands.flatMap((number) => {
    const marking = events.filter(
      ({ kind, action }) => kind === 'title.branded' && BigInt(action.detail) === BigInt(number),
    );
    // A brand that was carried over is the first event's.
    const inherited = first?.title.brands.includes(number) === true && marking[0] !== first ? [first] : [];
    const stated = [...inherited, ...marking].map((event) => reading.of(event));
    const [start] = stated;
    if (start === undefined) return [];
    return [
      {
        code: String(number).padStart(2, '0'),
        time: start.time,
        entries: stated.flatMap(({ entry }) => entry),
        jurisdiction: textOf(stated.find(({ data }) => data.jurisdiction !== undefined)?.data.jurisdiction),
        text: textOf(stated.find(({ data }) => data.text !== undefined)?.data.text),
      },
    ];
  });
}

/** What became of an owner's dispute: it stands beside the entry for ever, and so does the answer. */
function findDispute(event: TitleEvent, reading: Reading): Finding {
  const { time, data, entry } = reading.of(event);
  const named = reading.opened(event.action.detail);
  const why = named === undefined ? 'unknownEntry' : isBefore(named, anchorOf(event)) ? null : 'notEarlier';
  if (named === undefined || why !== null) {
    return {
      code: 'entry.disputeIgnored',
      severity: 'information',
      entries: entry,
      details: { disputed: event.action.detail, why },
    };
  }
  const answer = reading.answerTo(named, event);
  return {
    code: 'entry.disputed',
    severity: answer === null ? 'warning' : 'notice',
    entries: [named.digest, ...entry, ...(answer === null ? [] : [answer.digest])],
    details: {
      kind: named.kind,
      organisation: named.organisation,
      reason: textOf(data.reason),
      time,
      answer: answer?.how ?? null,
    },
  };
}
