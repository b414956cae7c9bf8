import { utf8 } from '../bytes.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { isModuleLink } from '../chain/link.ts';
import { standingAt } from '../chain/organisation.ts';
import type { Address } from '../chain/types.ts';
import { reportDigest } from '../credential/facts.ts';
import { readableFields } from '../envelope/envelope.ts';
import type { Finding, Severity } from '../findings/finding.ts';
import type { GradedReading, OpenCharge, Summary } from '../findings/summary.ts';
import { kindByNumber } from '../kinds/kinds.ts';
import { readHeader } from '../proof/header.ts';
import { proofView } from '../proof/proofView.ts';
import { reportProof } from '../proof/reportProof.ts';
import { changesOf, parseReport, type Report } from '../report/report.ts';
import type { Verification, VerifiedEntry } from '../verify/result.ts';
import { verify } from '../verify/verify.ts';
import type { Colour } from './canvas.ts';
import { writeDocument } from './document.ts';
import { Flow, GREY, MARGIN, RULE, WIDTH } from './flow.ts';
import { drawCode } from './qr.ts';
import { type Language, type Words, words } from './words.ts';

/** The version of everything below: another layout has another number, or honest files would look forged. */
export const LAYOUT = 3;
export const ATTACHMENT = 'report.json';

/** What the pages say beyond the report; it stands in the file, so that the pages can be made again. */
export type PageParameters = {
  readonly language: Language;
  /** The address that the code opens. */
  readonly page: string;
  /** Whether the service calls the block of the proofs final. */
  readonly final: boolean;
};

const COLOUR: Readonly<Record<Severity, Colour>> = {
  alert: [0.72, 0.08, 0.1],
  warning: [0.62, 0.34, 0],
  notice: [0.1, 0.3, 0.62],
  information: GREY,
};
/** Not green: that is for what the reader has checked. */
const STATED: Colour = [0.1, 0.3, 0.62];

type Content = {
  readonly text: string;
  readonly report: Report;
  readonly result: Verification;
  readonly words: Words;
  readonly parameters: PageParameters;
};

/**
 * A report as a PDF for people, with the report itself attached. A pure function of its arguments: the same bytes
 * whoever makes it, so that pages which say something else than the attached report are found by making them again.
 * @param text the report's text, exactly as it is handed out
 * @throws the `report.*` codes
 */
export async function renderReport(text: string, parameters: PageParameters): Promise<Uint8Array> {
  const report = parseReport(text);
  const content: Content = {
    text,
    report,
    result: await verifyItself(report),
    words: words[parameters.language],
    parameters,
  };
  const flow = new Flow();
  front(flow, content);
  history(flow, content);
  attesters(flow, content);
  evidence(flow, content);
  const digest = reportDigest(text);
  flow.pages.forEach((page, index) => {
    const style = { size: 7.5, colour: GREY } as const;
    page.line(MARGIN, 800, MARGIN + WIDTH, 800, RULE);
    page.text(MARGIN, 812, `${report.identifier} · SHA-256 ${digest.slice(2)}`, style);
    const number = content.words.page(index + 1, flow.pages.length);
    page.text(MARGIN + WIDTH, 812, number, { ...style, align: 'right' });
  });
  return writeDocument({
    title: `${content.words.title} ${report.identifier}`,
    language: content.words.tag,
    createdAt: report.createdAt,
    producer: `Vinculum report ${LAYOUT}`,
    facts: {
      VinculumLayout: String(LAYOUT),
      VinculumReport: digest,
      VinculumPages: canonicalJson(parameters),
    },
    pages: flow.pages.map((page) => page.content()),
    attachment: {
      name: ATTACHMENT,
      description: 'Vinculum report/1',
      mediaType: 'application/json',
      content: utf8(text),
    },
  });
}

/** What the report comes to by its own proofs: as it claims to be, and no more than that. */
function verifyItself(report: Report): Promise<Verification> {
  const trust = {
    chainId: BigInt(report.directory.chainId),
    directory: report.directory.address as Address,
  };
  return verify(report, trust, async (chainId) => {
    const proof = reportProof(report, chainId);
    return proof === null ? null : proofView(proof, readHeader(proof.header, proof.codec).hash, false);
  }).catch(() => verify(report, trust, async () => null));
}

// ── The first page ─────────────────────────────────────────────────────────────────────────────────────────────────

const CODE = 96;

function front(flow: Flow, content: Content): void {
  const { report, words: say, result } = content;
  flow.canvas.text(MARGIN, flow.y + 10, 'Vinculum', { face: 'bold', size: 11, colour: GREY });
  flow.canvas.text(MARGIN + WIDTH, flow.y + 10, say.madeAt(minuteOf(report.createdAt)), {
    size: 8.5,
    colour: GREY,
    align: 'right',
  });
  flow.space(24);
  flow.canvas.text(MARGIN, flow.y + 12, say.title, { size: 12 });
  flow.space(20);
  const [type = '', ...rest] = report.identifier.split(':');
  const identifier = type === 'vin' ? rest.join(':') : report.identifier;
  flow.paragraph(identifier, { face: 'bold', size: 22 });
  const vehicle = describe(result);
  if (vehicle !== '') flow.paragraph(vehicle, { size: 11 });
  flow.space(8);
  verdictBox(flow, content);
  flow.space(4);
  figures(flow, content);
  findings(flow, content);
  chart(flow, content);
  standingCharges(flow, content);
  recalls(flow, content);
  limits(flow, say);
}

function verdictBox(flow: Flow, { report, words: say, result, parameters }: Content): void {
  const never =
    result.verdict === 'verified' && result.entries.every(({ chain }) => typeof chain !== 'string');
  const colour = { verified: STATED, incomplete: COLOUR.warning, refuted: COLOUR.alert }[result.verdict];
  const top = flow.y;
  const textWidth = WIDTH - CODE - 40;
  const x = MARGIN + 14;
  flow.space(8);
  flow.paragraph(never ? say.neverRegistered : say.verdict[result.verdict], {
    face: 'bold',
    size: 14,
    colour,
    x,
    width: textWidth,
  });
  flow.paragraph(never ? say.neverRegisteredText : say.verdictText[result.verdict], { x, width: textWidth });
  flow.space(4);
  flow.paragraph(say.claim, { face: 'bold', x, width: textWidth });
  flow.paragraph(`${say.scan}: ${parameters.page}`, { size: 8.5, x, width: textWidth });
  flow.paragraph(say.check, { size: 8.5, x, width: textWidth });
  const [section] = report.ledgers;
  if (section !== undefined) {
    const block = `${say.evidenceOf.block} ${section.asOf.number} · ${minuteOf(section.asOf.timestamp)}`;
    flow.paragraph(block, { size: 8.5, colour: GREY, x, width: textWidth });
    const head = result.subjects[0]?.head ?? '';
    flow.paragraph(`${say.evidenceOf.head} ${head}`, {
      face: 'mono',
      size: 6.5,
      colour: GREY,
      x,
      width: textWidth,
    });
  }
  const bottom = Math.max(flow.y, top + CODE + 16) + 6;
  flow.canvas.rectangle(MARGIN, top, 4, bottom - top, colour);
  drawCode(flow.canvas, MARGIN + WIDTH - CODE, top + 8, CODE, parameters.page);
  flow.space(bottom - flow.y);
}

function figures(flow: Flow, { result, words: say }: Content): void {
  const { summary } = result;
  flow.heading(say.glance);
  if (summary === null) {
    flow.paragraph(say.unknown);
    return;
  }
  const { latest, discrepancies } = summary.odometer;
  const charges = summary.liens.length + summary.oppositions.length + summary.seizures.length;
  const open = summary.recalls.campaigns.filter(({ state }) => state === 'open').length;
  const count = (value: number): string => (value === 0 ? say.none : String(value));
  const pairs: [string, string, boolean][] = [
    [say.figure.entries, String(summary.entries.total), false],
    [
      say.figure.period,
      summary.firstTime === null
        ? say.none
        : `${dayOf(summary.firstTime)} – ${dayOf(summary.lastTime ?? '')}`,
      false,
    ],
    [
      say.figure.title,
      say.titleState[summary.title?.state ?? 'none'],
      ['scrapped', 'replaced', 'unknown'].includes(summary.title?.state ?? 'none'),
    ],
    [say.figure.sale, ...saleOf(summary, say)],
    [say.figure.holders, count(summary.holders), false],
    [
      say.figure.odometer,
      latest === null
        ? say.none
        : `${distance(latest.reading.value, latest.reading.unit, say)} · ${dayOf(latest.time)}`,
      false,
    ],
    [say.figure.discrepancies, count(discrepancies), discrepancies > 0],
    [say.figure.charges, count(charges), charges > 0],
    [
      say.figure.recalls,
      summary.recalls.makers.length === 0 && open === 0
        ? say.recallsUnknown
        : say.recallsOf(summary.recalls.attesters.length, open),
      open > 0,
    ],
    [say.figure.accidents, count(summary.accidents), summary.accidents > 0],
    [say.figure.claims, count(summary.claims), summary.claims > 0],
    [
      say.figure.brands,
      summary.brands.length === 0 ? say.none : summary.brands.map(({ name }) => name).join(', '),
      summary.brands.length > 0,
    ],
  ];
  const half = WIDTH / 2;
  const columns = [
    { x: MARGIN, width: 112 },
    { x: MARGIN + 116, width: half - 126 },
    { x: MARGIN + half, width: 112 },
    { x: MARGIN + half + 116, width: half - 116 },
  ];
  for (let index = 0; index < pairs.length; index += 2) {
    const cells = [pairs[index], pairs[index + 1]].flatMap((pair) =>
      pair === undefined
        ? []
        : [
            { text: pair[0], style: { colour: GREY } },
            {
              text: pair[1],
              style: pair[2] ? { face: 'bold' as const, colour: COLOUR.alert } : { face: 'bold' as const },
            },
          ],
    );
    flow.row(columns, cells);
  }
}

/** Whether the title stands against a sale, and whether that is worth a warning. */
function saleOf({ title }: Summary, say: Words): [string, boolean] {
  if (title === null || title.state === 'unknown') return [say.unknown, false];
  const [obstacle] = title.obstacles;
  return obstacle === undefined ? [say.sellable, false] : [say.obstacle[obstacle], true];
}

function findings(flow: Flow, { result, words: say, parameters }: Content): void {
  flow.heading(say.findings);
  if (result.findings.length === 0) flow.paragraph(say.noFindings);
  const columns = [
    { x: MARGIN, width: 66 },
    { x: MARGIN + 70, width: 180 },
    { x: MARGIN + 256, width: WIDTH - 256 },
  ];
  for (const finding of result.findings) {
    const title = finding.code.startsWith('usage.')
      ? say.usage
      : (say.finding[finding.code as keyof Words['finding']] ?? finding.code);
    flow.row(columns, [
      { text: say.severity[finding.severity], style: { face: 'bold', colour: COLOUR[finding.severity] } },
      { text: title, style: { face: 'bold' } },
      { text: detailOf(finding, say, parameters.language) },
    ]);
  }
}

type Stated = { readonly value: number; readonly unit: string; readonly time: string };

/** Findings that are about an entry of a kind. */
const CODES_OF_ENTRIES: ReadonlySet<string> = new Set(['entry.disputed', 'registration.contradiction']);

/** The numbers and days of a finding; what it means in words is the page's. */
function detailOf({ code, details }: Finding, say: Words, language: Language): string {
  const parts: string[] = [];
  const reading = (value: unknown): string => {
    const { value: number, unit, time } = value as Stated;
    return `${distance(number, unit, say)} (${dayOf(time)})`;
  };
  const isReading = (value: unknown): boolean => {
    const candidate = value as Partial<Stated> | null | undefined;
    return typeof candidate?.value === 'number' && typeof candidate.time === 'string';
  };
  const readings = [details.before, details.superseded, details.reading].filter(isReading);
  if (readings.length > 0) parts.push(readings.map(reading).reduce(say.afterwards));
  if (typeof details.campaign === 'string') parts.push(details.campaign);
  if (details.title !== undefined) parts.push(localised(details.title, language));
  if (typeof details.name === 'string' && code === 'title.brand') {
    parts.push(
      [details.name, details.jurisdiction, details.text].filter((text) => text !== undefined).join(', '),
    );
  }
  if (typeof details.contradicts === 'string') parts.push(details.contradicts);
  if (typeof details.kind === 'string' && CODES_OF_ENTRIES.has(code)) {
    parts.push(say.kind[details.kind] ?? details.kind);
  }
  if (typeof details.identifier === 'string') parts.push(details.identifier);
  const otherNumber = details.to ?? details.from;
  if (typeof otherNumber === 'string' && code.startsWith('identity.')) parts.push(otherNumber);
  if (typeof details.years === 'number') parts.push(say.years(String(details.years)));
  const days = ['since', 'from', 'until', 'time', 'expires'].flatMap((name) => {
    const value = details[name];
    return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value) ? [dayOf(value)] : [];
  });
  if (code === 'history.gap' && typeof details.to === 'string') days.push(dayOf(details.to));
  if (days.length > 0) parts.push(days.join(' – '));
  if (typeof details.count === 'number') parts.push(String(details.count));
  if (Array.isArray(details.kinds)) {
    parts.push(details.kinds.map((kind) => say.kind[String(kind)] ?? String(kind)).join(', '));
  }
  return parts.join(' · ');
}

function localised(value: unknown, language: Language): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return '';
  const names = value as Readonly<Record<string, unknown>>;
  const found = names[language] ?? names.en ?? Object.values(names)[0];
  return typeof found === 'string' ? found : '';
}

// ── The odometer ───────────────────────────────────────────────────────────────────────────────────────────────────

const CHART = { height: 96, left: 52 } as const;

function chart(flow: Flow, { result, words: say }: Content): void {
  const readings = (result.summary?.odometer.readings ?? []).flatMap((graded) => {
    const at = Date.parse(graded.time);
    return graded.grade === 'superseded' || Number.isNaN(at) ? [] : [{ ...graded, at }];
  });
  if (readings.length < 2) return;
  flow.ensure(CHART.height + 70);
  flow.heading(say.chart);
  const top = flow.y + 6;
  const bottom = top + CHART.height;
  const left = MARGIN + CHART.left;
  const right = MARGIN + WIDTH - 10;
  const first = Math.min(...readings.map(({ at }) => at));
  const last = Math.max(...readings.map(({ at }) => at), first + 1);
  const most = roundUp(Math.max(...readings.map(({ kilometres }) => kilometres), 1));
  const x = (at: number): number => left + ((at - first) / (last - first)) * (right - left);
  const y = (kilometres: number): number => bottom - (kilometres / most) * CHART.height;
  for (const share of [0, 0.5, 1]) {
    flow.canvas.line(left, y(most * share), right, y(most * share), RULE);
    const label = distance(Math.round(most * share), 'KMT', say);
    flow.canvas.text(left - 6, y(most * share) + 3, label, { size: 7.5, colour: GREY, align: 'right' });
  }
  flow.canvas.text(left, bottom + 12, dayOf(new Date(first).toISOString()), { size: 7.5, colour: GREY });
  flow.canvas.text(right, bottom + 12, dayOf(new Date(last).toISOString()), {
    size: 7.5,
    colour: GREY,
    align: 'right',
  });
  readings.slice(1).forEach((reading, index) => {
    const before = readings[index];
    if (before === undefined) return;
    const colour = isDoubtful(reading) ? COLOUR.alert : COLOUR.notice;
    flow.canvas.line(x(before.at), y(before.kilometres), x(reading.at), y(reading.kilometres), colour, 1.2);
  });
  for (const reading of readings) {
    const doubtful = isDoubtful(reading);
    const shape = doubtful ? 'diamond' : 'square';
    flow.canvas.mark(
      x(reading.at),
      y(reading.kilometres),
      2.2,
      doubtful ? COLOUR.alert : COLOUR.notice,
      shape,
    );
  }
  flow.space(CHART.height + 24);
  if (readings.some(isDoubtful)) flow.paragraph(say.chartNote, { size: 8, colour: GREY });
}

function isDoubtful({ grade }: Pick<GradedReading, 'grade'>): boolean {
  return grade === 'discrepancy';
}

/** The next of 1, 2, 2.5, 5, 10, … */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

// ── Charges, recalls, limits ───────────────────────────────────────────────────────────────────────────────────────

function standingCharges(flow: Flow, content: Content): void {
  const { result, words: say } = content;
  const { summary } = result;
  if (summary === null) return;
  const charges = [
    ...summary.liens.map((charge) => ['registration.lien', charge] as const),
    ...summary.oppositions.map((charge) => ['registration.opposition', charge] as const),
    ...summary.seizures.map((charge) => ['registration.seizure', charge] as const),
  ];
  if (charges.length === 0) return;
  flow.heading(say.liens);
  const columns = [
    { x: MARGIN, width: 150 },
    { x: MARGIN + 160, width: 150 },
    { x: MARGIN + 320, width: WIDTH - 320 },
  ];
  const names = namesOf(content);
  const holderOf = ({ holder, rank }: OpenCharge): string =>
    holder === null || rank === null
      ? ''
      : say.lienHolder(names.get(holder) ?? say.organisation(holder), rank);
  for (const [kind, charge] of charges) {
    const { since, expires, reference } = charge;
    flow.row(columns, [
      { text: say.kind[kind] ?? kind, style: { face: 'bold' } },
      { text: `${dayOf(since)}${expires === null ? '' : ` – ${dayOf(expires)}`}` },
      { text: reference ?? holderOf(charge) },
    ]);
  }
}

const NO_PARTS = { compared: 0, withoutBatch: 0, unnamed: 0 };

function recalls(flow: Flow, { result, words: say, parameters }: Content): void {
  const campaigns = result.summary?.recalls.campaigns ?? [];
  if (campaigns.length === 0) return;
  flow.heading(say.recallList);
  const columns = [
    { x: MARGIN, width: 120 },
    { x: MARGIN + 130, width: 220 },
    { x: MARGIN + 360, width: WIDTH - 360 },
  ];
  for (const { campaign, title, state } of campaigns) {
    const open = state === 'open';
    flow.row(columns, [
      { text: campaign },
      { text: localised(title, parameters.language) },
      { text: say.recallState[state], style: open ? { face: 'bold', colour: COLOUR.alert } : {} },
    ]);
  }
  const { compared, withoutBatch, unnamed } = result.summary?.recalls.parts ?? NO_PARTS;
  flow.paragraph(say.recallParts(compared, withoutBatch, unnamed), { size: 9, colour: GREY });
}

function limits(flow: Flow, say: Words): void {
  flow.heading(say.limits);
  for (const limit of say.limit) flow.paragraph(`• ${limit}`, { size: 9 });
  flow.space(4);
  flow.paragraph(say.paper, { size: 9, colour: GREY });
}

// ── The history, the attesters, the evidence ───────────────────────────────────────────────────────────────────────

function history(flow: Flow, content: Content): void {
  const { result, words: say } = content;
  const entries = result.entries.filter(({ chain }) => typeof chain === 'string');
  if (entries.length === 0) return;
  flow.heading(say.timeline);
  flow.paragraph(say.timelineNote, { size: 8.5, colour: GREY });
  flow.space(4);
  const names = namesOf(content);
  const corrected = correctedDigests(result);
  const columns = [
    { x: MARGIN, width: 62 },
    { x: MARGIN + 66, width: 150 },
    { x: MARGIN + 222, width: 156 },
    { x: MARGIN + 384, width: WIDTH - 384 },
  ];
  const heading = (): void => {
    const style = { face: 'bold', colour: GREY } as const;
    const { date, entry, attester, note } = say.column;
    flow.row(
      columns,
      [date, entry, attester, note].map((text) => ({ text, style })),
      8,
    );
  };
  flow.table(heading, () => {
    for (const entry of inOrder(entries)) {
      const { link, envelope, status } = entry;
      const kind = kindByNumber(link.kind)?.name ?? String(link.kind);
      const attester = attesterName(entry, names, say);
      const notes = [
        readingOf(entry, say),
        corrected.has(link.digest) ? say.corrected : '',
        status === 'proven' ? '' : say.status[status],
      ].filter((note) => note !== '');
      const doubtful = status !== 'proven' || corrected.has(link.digest);
      flow.row(columns, [
        { text: envelope === undefined ? '–' : dayOf(envelope.time) },
        { text: say.kind[kind] ?? kind },
        { text: attester },
        { text: notes.join(' · '), style: doubtful ? { colour: COLOUR.warning } : {} },
      ]);
    }
  });
}

/** Who attested an entry; of a title's entry who acted, which is its owner where no organisation did. */
function attesterName(
  { link, action }: VerifiedEntry,
  names: ReadonlyMap<string, string>,
  say: Words,
): string {
  const id = isModuleLink(link) ? action?.organisation : link.organisation;
  if (id === undefined) return isModuleLink(link) ? say.module(link.module) : say.unknown;
  return id === 0n ? say.owner : (names.get(id.toString()) ?? say.organisation(id.toString()));
}

/** By the time of the event; what has none stands where it was anchored. */
function inOrder(entries: readonly VerifiedEntry[]): VerifiedEntry[] {
  const time = ({ envelope, link }: VerifiedEntry): string =>
    envelope?.time ?? new Date(Number(link.timestamp) * 1000).toISOString();
  return [...entries].sort((left, right) => {
    const [a, b] = [time(left), time(right)];
    return a < b ? -1 : a > b ? 1 : left.position - right.position;
  });
}

function correctedDigests({ findings, entries }: Verification): ReadonlySet<string> {
  const amendments = new Set(
    entries.flatMap(({ link, envelope }) => (envelope?.kind === 'amended' ? [link.digest as string] : [])),
  );
  return new Set(
    findings
      .filter(({ code }) => code === 'entry.amended' || code === 'entry.retracted')
      .flatMap((finding) => finding.entries)
      .filter((digest) => !amendments.has(digest)),
  );
}

/** The public fields of an entry, with those that its signer sealed and the report opens. */
function fieldsOf({ envelope, sealed }: VerifiedEntry): Readonly<Record<string, unknown>> {
  return envelope === undefined ? {} : readableFields(envelope, sealed).data;
}

function readingOf(entry: VerifiedEntry, say: Words): string {
  const reading = fieldsOf(entry).odometer as { value?: unknown; unit?: unknown } | undefined;
  if (typeof reading?.value !== 'number' || typeof reading.unit !== 'string') return '';
  return distance(reading.value, reading.unit, say);
}

/** The names that organisations give themselves, as the report claims them. */
function namesOf({ report, parameters }: Content): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { id, profile } of report.ledgers.flatMap(({ organisations }) => organisations)) {
    const name = localised(memberOf(profile, 'names'), parameters.language);
    if (name !== '') names.set(id, name);
  }
  return names;
}

function memberOf(profile: string | null, name: string): unknown {
  if (profile === null) return undefined;
  try {
    return (JSON.parse(profile) as Readonly<Record<string, Json>> | null)?.[name];
  } catch {
    return undefined;
  }
}

function attesters(flow: Flow, content: Content): void {
  const { report, words: say } = content;
  const organisations = report.ledgers.flatMap((section) => section.organisations);
  if (organisations.length === 0) return;
  flow.heading(say.attesters);
  const names = namesOf(content);
  const columns = [
    { x: MARGIN, width: 230 },
    { x: MARGIN + 240, width: 110 },
    { x: MARGIN + 360, width: WIDTH - 360 },
  ];
  for (const organisation of organisations) {
    const { status } = standingAt(changesOf(organisation));
    flow.row(columns, [
      { text: names.get(organisation.id) ?? say.organisation(organisation.id) },
      { text: say.organisation(organisation.id), style: { colour: GREY } },
      { text: say.standing[status], style: status === 'good' ? {} : { colour: COLOUR.warning } },
    ]);
  }
}

function evidence(flow: Flow, { report, result, text, words: say, parameters }: Content): void {
  const { evidenceOf } = say;
  flow.heading(say.evidence);
  const columns = [
    { x: MARGIN, width: 120 },
    { x: MARGIN + 124, width: WIDTH - 124 },
  ];
  const line = (label: string, value: string, mono = false): void =>
    flow.row(columns, [
      { text: label, style: { colour: GREY } },
      { text: value, style: mono ? { face: 'mono' } : {} },
    ]);
  line(evidenceOf.report, reportDigest(text), true);
  line(evidenceOf.directory, `${report.directory.chainId}:${report.directory.address}`, true);
  for (const { chainId, block } of result.asOf) {
    line(evidenceOf.block, `${block.number} (eip155:${chainId})`);
    line(evidenceOf.hash, block.hash, true);
    line(evidenceOf.time, minuteOf(Number(block.timestamp)));
    line('', parameters.final ? evidenceOf.final : evidenceOf.notFinal);
  }
  if (result.asOf.length === 0) flow.paragraph(evidenceOf.unread, { colour: COLOUR.warning });
  for (const { ledger, subject, head } of result.subjects) {
    line(evidenceOf.ledger, ledger, true);
    line(evidenceOf.subject, subject, true);
    line(evidenceOf.head, head, true);
  }
  for (const { ledger } of report.unread ?? []) {
    line(evidenceOf.ledger, ledger, true);
    flow.paragraph(evidenceOf.notShown, { colour: COLOUR.warning });
  }
  flow.space(6);
  flow.paragraph(say.attached, { size: 9 });
}

// ── Values ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Make, model and year, where an entry states them. */
function describe({ entries }: Verification): string {
  for (const kind of ['vehicle.registered', 'vehicle.built']) {
    const entry = entries.find(({ envelope }) => envelope?.kind === kind);
    if (entry === undefined) continue;
    const data = fieldsOf(entry);
    const year = data.vehicleModelDate ?? data.productionDate ?? data.dateVehicleFirstRegistered;
    const parts = [data.brand, data.model, typeof year === 'string' ? year.slice(0, 4) : year];
    const text = parts.filter((part) => typeof part === 'string' || typeof part === 'number').join(' ');
    if (text !== '') return text;
  }
  return '';
}

function distance(value: number, unit: string, say: Words): string {
  const number = String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  const chinese = say.tag !== 'en';
  if (unit === 'KMT') return `${number} ${chinese ? '公里' : 'km'}`;
  if (unit === 'SMI') return `${number} ${chinese ? '英里' : 'mi'}`;
  return `${number} ${unit}`;
}

function dayOf(time: string): string {
  return time.slice(0, 10);
}

/** `2026-01-02 03:04 UTC`; a report may claim any number of seconds. */
function minuteOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? String(seconds)
    : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
