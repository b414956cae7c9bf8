import { fromBase64Url, fromHex, type Hex } from '../bytes.ts';
import type { Json } from '../canonical.ts';
import { foldDirectory } from '../chain/directory.ts';
import { formatLedgerId } from '../chain/ledgerId.ts';
import { foldLinks, type Link } from '../chain/link.ts';
import { foldOrganisation, standingAt } from '../chain/organisation.ts';
import {
  type Address,
  type Head,
  type LedgerId,
  type OrganisationId,
  ZERO_HEAD,
  ZERO_SUBJECT,
} from '../chain/types.ts';
import { sealedCount } from '../envelope/envelope.ts';
import { VinculumError } from '../errors.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../identifiers/identifier.ts';
import { isPartAction } from '../modules/action.ts';
import { verifyTranscript } from '../pseudonym/pseudonym.ts';
import {
  actionOf,
  changesOf,
  directoryLinksOf,
  isOpenContent,
  type LedgerSection,
  linkOf,
  type Report,
  type ReportOrganisation,
  sectionNames,
} from '../report/report.ts';
import type { ChainView } from './chainView.ts';
import { conclude } from './conclude.ts';
import { attesterOf, codeOf, judgeDisclosures, judgeEntry, judgeErasures, profileDigest } from './entries.ts';
import {
  identifyParts,
  isIllegal,
  judgeActions,
  type OtherHistory,
  partsOf,
  unbound,
  verifyParts,
} from './parts.ts';
import {
  type AsOf,
  type Check,
  type Outcome,
  type StepName,
  steps,
  type Verification,
  type VerifiedEntry,
  type VerifiedOrganisation,
  type VerifiedPart,
  type VerifiedTitle,
  worse,
} from './result.ts';
import { predecessorsOf, verifyTitle } from './titles.ts';

/** What the reader relies on before reading: the list of all ledgers, on a chain whose view it chooses. */
export type Trust = { readonly chainId: bigint; readonly directory: Address };

/** Gives the view of a chain, or null for one that the reader has no source for. */
export type Views = (chainId: bigint) => Promise<ChainView | null>;

export type VerifyOptions = {
  /** Called after each step, e.g. to show progress. */
  readonly onStep?: (step: StepName, outcome: Outcome) => void;
};

type RecordedLedger = {
  readonly chainId: bigint;
  readonly address: Address;
  readonly organisations: Address;
  readonly codeHash: Hex;
  readonly pseudonymKey: Hex;
};

/** Collects the checks of all steps; a step's outcome is its worst check's. */
class Protocol {
  readonly checks = new Map<StepName, Check[]>(steps.map((step) => [step, []]));

  note(step: StepName, check: Check): void {
    this.checks.get(step)?.push(check);
  }

  /** Notes whether two values that must be equal are. */
  compare(step: StepName, code: string, at: Check['at'], expected: string, found: string): boolean {
    const equal = expected === found;
    this.note(
      step,
      equal ? { outcome: 'passed', code, at } : { outcome: 'failed', code, at, expected, found },
    );
    return equal;
  }

  outcome(step: StepName): Outcome {
    return (this.checks.get(step) ?? []).reduce<Outcome>(
      (worst, check) => worse(worst, check.outcome),
      'passed',
    );
  }
}

/**
 * Checks a report (docs/protocol.md §8): subject, ledgers, completeness, entries, attesters, disclosures, findings.
 * Everything the report says is hostile until checked; a lie becomes a failed check, never an exception.
 * @throws only what a view throws when the reader's own sources fail (`rpc.*`)
 */
export async function verify(
  report: Report,
  trust: Trust,
  views: Views,
  options: VerifyOptions = {},
): Promise<Verification> {
  const protocol = new Protocol();
  const done = (step: StepName): void => options.onStep?.(step, protocol.outcome(step));
  const identifier = readIdentifier(report, protocol);
  const { recorded, opened, unread } = await readLedgers(report, trust, views, protocol);

  if (identifier !== null)
    for (const { section, record } of [...opened, ...unread]) {
      checkSubject(section, record, identifier, protocol);
    }
  done('subject');
  done('ledgers');

  const lastLink = new Map<bigint, bigint>();
  const saw = (chainId: bigint, timestamps: Iterable<bigint>): void => {
    for (const timestamp of timestamps) {
      if (timestamp > (lastLink.get(chainId) ?? -1n)) lastLink.set(chainId, timestamp);
    }
  };
  for (const { section, record, view } of opened) {
    if (view !== null) saw(record.chainId, await checkCompleteness(section, record, view, protocol));
  }
  for (const ledger of unread) await lookIntoUnread(ledger, protocol);
  done('completeness');

  const noteEntry = (check: Check): void => protocol.note('entries', check);
  const entries = opened.flatMap(({ section, record }) =>
    identifyParts(section, record.pseudonymKey, judgeSection(report, section, protocol), noteEntry),
  );
  for (const { section } of opened) {
    judgeActions(section, [...predecessorsOf(section), ...partsOf(section)], noteEntry);
  }
  done('entries');

  const organisations: VerifiedOrganisation[] = [];
  for (const { section, record, view } of opened) {
    const checked = await checkAttesters(section, record, view, protocol);
    organisations.push(...checked.organisations);
    saw(record.chainId, checked.timestamps);
  }
  done('attesters');

  const disclosed = entries.map((entry) => disclose(report, entry, protocol));
  done('disclosures');

  const known = opened.flatMap(({ view }) => (view === null ? [] : [view.block]));
  const asOfTime = known.reduce(
    (oldest, block) => (block.timestamp < oldest.timestamp ? block : oldest),
    known[0] ?? { timestamp: BigInt(report.createdAt) },
  ).timestamp;
  const note = (check: Check): void => protocol.note('findings', check);
  const titles = opened.flatMap(({ section, view }) => {
    const title = verifyTitle(section, view?.block.timestamp ?? BigInt(report.createdAt), note);
    return title === null ? [] : [title];
  });
  const parts = opened.flatMap(({ section }) => verifyParts(section, note));
  const judged = disclosed.map((entry) => refuteIllegal(entry, titles, parts));
  const checked = { entries: judged, organisations, titles, parts };
  const conclusion = conclude(report, identifier, checked, asOfTime, note);
  done('findings');

  const asOf = recorded.flatMap(({ view }): AsOf[] => {
    if (view === null) return [];
    const last = lastLink.get(view.chainId) ?? -1n;
    // Read at a final block, or else: timestamps never fall along a chain and heads never return to an earlier value,
    // so a history whose last link is older than a final block is that block's history too.
    const final =
      view.final !== null && (view.block.number <= view.final.number || last < view.final.timestamp);
    return [{ chainId: view.chainId, block: view.block, final, endpoints: view.endpoints }];
  });
  const results = steps.map((step) => ({
    step,
    outcome: protocol.outcome(step),
    checks: protocol.checks.get(step) ?? [],
  }));
  const worst = results.reduce<Outcome>((outcome, step) => worse(outcome, step.outcome), 'passed');
  return {
    verdict: worst === 'passed' ? 'verified' : worst === 'incomplete' ? 'incomplete' : 'refuted',
    identifier: report.identifier,
    subjects: opened.map(({ section }) => ({
      ...sectionNames(section),
      head: foldLinks(section.links.map(linkOf)),
    })),
    asOf: asOf.filter((view, index) => asOf.findIndex((other) => other.chainId === view.chainId) === index),
    steps: results,
    entries: judged,
    organisations,
    titles,
    parts,
    ...conclusion,
  };
}

function readIdentifier(report: Report, protocol: Protocol): Identifier | null {
  try {
    const identifier = parseIdentifier(report.identifier, { overrideCheckDigit: true });
    const text = formatIdentifier(identifier);
    return protocol.compare('subject', 'identifier.normalised', {}, text, report.identifier)
      ? identifier
      : null;
  } catch (error) {
    protocol.note('subject', {
      outcome: 'failed',
      code: codeOf(error),
      at: { identifier: report.identifier },
    });
    return null;
  }
}

/** What the subject of a section is claimed to be. */
type SubjectClaim = Pick<LedgerSection, 'ledger' | 'subject' | 'transcript'>;

type OpenedLedger<Section extends SubjectClaim = LedgerSection> = {
  readonly section: Section;
  readonly record: RecordedLedger;
  readonly view: ChainView | null;
};

/** Step 2: the directory is whole, and each of its ledgers is the contract it was recorded as. */
async function readLedgers(
  report: Report,
  trust: Trust,
  views: Views,
  protocol: Protocol,
): Promise<{
  recorded: { view: ChainView | null }[];
  opened: OpenedLedger[];
  /** Those of which nothing but the subject is claimed. */
  unread: OpenedLedger<SubjectClaim>[];
}> {
  const directory = { directory: trust.directory };
  const expected = `${trust.chainId}:${trust.directory}`;
  const found = `${report.directory.chainId}:${report.directory.address}`;
  protocol.compare('ledgers', 'directory.trusted', directory, expected, found);
  const links = directoryLinksOf(report);
  const home = await views(trust.chainId);
  if (home === null) {
    protocol.note('ledgers', { outcome: 'incomplete', code: 'directory.unread', at: directory });
  } else {
    const head = await home.directoryHead(trust.directory);
    protocol.compare('ledgers', 'directory.head', directory, head, foldDirectory(links));
  }

  const recorded: { view: ChainView | null }[] = [{ view: home }];
  const opened: OpenedLedger[] = [];
  const unread: OpenedLedger<SubjectClaim>[] = [];
  const known = new Set<string>();
  for (const link of links) {
    if (link.change !== 'added') continue;
    const record: RecordedLedger = { ...link, address: link.ledger };
    const ledger = formatLedgerId(record);
    known.add(ledger);
    const at = { ledger };
    const sections = report.ledgers.filter((section) => section.ledger === ledger);
    const gaps = (report.unread ?? []).filter((gap) => gap.ledger === ledger);
    const [section] = sections;
    const [gap] = gaps;
    if (sections.length + gaps.length !== 1) {
      const code = sections.length + gaps.length === 0 ? 'ledger.leftOut' : 'ledger.twice';
      protocol.note('ledgers', { outcome: 'failed', code, at });
      continue;
    }
    const view = link.chainId === trust.chainId ? home : await views(link.chainId);
    recorded.push({ view });
    if (section !== undefined) opened.push({ section, record, view });
    if (gap !== undefined && 'subject' in gap) unread.push({ section: gap, record, view });
    // Whoever says that it cannot show a ledger claims nothing of it: whatever is in it, this report is not whole.
    if (gap !== undefined) {
      const where = { ...at, reason: gap.reason };
      protocol.note('ledgers', { outcome: 'incomplete', code: 'ledger.unread', at: where });
    }
    if (view === null) {
      if (gap === undefined) {
        protocol.note('ledgers', { outcome: 'incomplete', code: 'ledger.unread', at });
      }
      continue;
    }
    protocol.compare('ledgers', 'ledger.codeHash', at, record.codeHash, await view.codeHash(record.address));
    protocol.compare(
      'ledgers',
      'ledger.pseudonymKey',
      at,
      record.pseudonymKey,
      await view.pseudonymKey(record.address),
    );
  }
  for (const { ledger } of [...report.ledgers, ...(report.unread ?? [])]) {
    if (known.has(ledger)) continue;
    protocol.note('ledgers', { outcome: 'failed', code: 'ledger.notInDirectory', at: { ledger } });
  }
  return { recorded, opened, unread };
}

/** Step 1: the section's subject is this identifier's, under the key that the directory records for the ledger. */
function checkSubject(
  section: SubjectClaim,
  record: RecordedLedger,
  identifier: Identifier,
  protocol: Protocol,
): void {
  const at = { ledger: section.ledger };
  try {
    const transcript = {
      evaluated: fromBase64Url(section.transcript.evaluated),
      proof: fromBase64Url(section.transcript.proof),
    };
    const subject = verifyTranscript(identifier, transcript, fromHex(record.pseudonymKey));
    protocol.compare('subject', 'subject.pseudonym', at, subject, section.subject);
  } catch (error) {
    protocol.note('subject', { outcome: 'failed', code: codeOf(error), at });
  }
}

/** Step 3: the links end in the heads on chain. Gives the timestamps that the heads commit to. */
async function checkCompleteness(
  section: LedgerSection,
  record: RecordedLedger,
  view: ChainView,
  protocol: Protocol,
): Promise<bigint[]> {
  const { ledger, subject } = sectionNames(section);
  const links = section.links.map(linkOf);
  const head = await view.head(record.address, subject);
  protocol.compare(
    'completeness',
    'head.subject',
    { ledger, subject, links: links.length },
    head,
    foldLinks(links),
  );
  const timestamps = links.map((link) => link.timestamp);
  for (const predecessor of predecessorsOf(section)) {
    timestamps.push(...(await checkOther('head.predecessor', ledger, predecessor, record, view, protocol)));
  }
  for (const part of partsOf(section)) {
    timestamps.push(...(await checkOther('head.part', ledger, part, record, view, protocol)));
  }
  const shown = new Set<string>();
  for (const chain of section.ownChains) {
    const own = chain.links.map(linkOf);
    const organisation = BigInt(chain.organisation) as OrganisationId;
    if (shown.has(chain.organisation)) {
      const at = { ledger, organisation: chain.organisation };
      protocol.note('completeness', { outcome: 'failed', code: 'ownChain.twice', at });
    }
    shown.add(chain.organisation);
    const ownHead = await view.ownHead(record.address, organisation);
    const at = { ledger, organisation: chain.organisation, links: own.length };
    protocol.compare('completeness', 'head.ownChain', at, ownHead, foldLinks(own));
    timestamps.push(...own.map((link) => link.timestamp));
  }
  return timestamps;
}

/** Step 3 for a history beside the section's own: one that a title was carried over from, or a part's. */
async function checkOther(
  code: 'head.predecessor' | 'head.part',
  ledger: LedgerId,
  other: OtherHistory,
  record: RecordedLedger,
  view: ChainView,
  protocol: Protocol,
): Promise<bigint[]> {
  const links = other.links.map(linkOf);
  const at = { ledger, subject: other.subject, links: links.length };
  try {
    const head = await view.head(record.address, other.subject);
    protocol.compare('completeness', code, at, head, foldLinks(links));
  } catch (error) {
    if (!isUnproven(error)) throw error;
    protocol.note('completeness', { outcome: 'incomplete', code, at });
  }
  return links.map((link) => link.timestamp);
}

/** A storage proof shows what its report claims, and nothing else. */
function isUnproven(error: unknown): boolean {
  return error instanceof VinculumError && error.code.startsWith('proof.');
}

/**
 * Step 3 for a ledger that the report does not show: a reader with a source of its own learns whether there is anything
 * in it of the subject. That is no more than the reader's own look: the ledger stays unread.
 */
async function lookIntoUnread(
  { section, record, view }: OpenedLedger<SubjectClaim>,
  protocol: Protocol,
): Promise<void> {
  if (view === null) return;
  const { ledger, subject } = sectionNames(section);
  let head: Head;
  try {
    head = await view.head(record.address, subject);
  } catch (error) {
    if (isUnproven(error)) return;
    throw error;
  }
  protocol.note(
    'completeness',
    head === ZERO_HEAD
      ? { outcome: 'passed', code: 'head.subject', at: { ledger, subject, links: 0 } }
      : { outcome: 'incomplete', code: 'head.unread', at: { ledger, subject }, found: head },
  );
}

/** Step 4, for every entry of a section. */
function judgeSection(report: Report, section: LedgerSection, protocol: Protocol): VerifiedEntry[] {
  const { ledger, subject } = sectionNames(section);
  const place = { ledger, subject, identifier: report.identifier };
  const judged = section.links.map((link, position) => {
    const action = actionOf(link);
    const entry = judge(report, ledger, subject, position, linkOf(link), { ...place, action }, protocol);
    return action === null ? entry : { ...entry, action };
  });
  for (const chain of section.ownChains) {
    const organisation = BigInt(chain.organisation) as OrganisationId;
    const own = { ledger, subject: ZERO_SUBJECT, identifier: `organisation:${chain.organisation}` };
    chain.links.forEach((reportLink, position) => {
      const link = linkOf(reportLink);
      if (attesterOf(link) !== organisation) {
        const at = { ledger, organisation: chain.organisation, position };
        protocol.note('entries', { outcome: 'failed', code: 'ownChain.foreignLink', at });
      }
      judged.push(judge(report, ledger, { organisation }, position, link, own, protocol));
    });
  }
  return judged;
}

const ENTRY_OUTCOME = {
  proven: 'passed',
  void: 'passed',
  erased: 'passed',
  withheld: 'incomplete',
  unknownKind: 'incomplete',
  refuted: 'failed',
} as const;

function judge(
  report: Report,
  ledger: LedgerId,
  chain: VerifiedEntry['chain'],
  position: number,
  link: Link,
  place: Parameters<typeof judgeEntry>[1],
  protocol: Protocol,
): VerifiedEntry {
  const judged = judgeEntry(link, place, report.contents[link.digest]);
  const at = { ledger, position, digest: link.digest, kind: link.kind, ...placeOf(chain) };
  protocol.note('entries', {
    outcome: ENTRY_OUTCOME[judged.status],
    code: judged.code ?? 'entry.proven',
    at,
  });
  const seals = { digests: judged.envelope === undefined ? 0 : sealedCount(judged.envelope), opened: 0 };
  return { ledger, chain, position, link, sealed: {}, seals, ...judged };
}

function placeOf(chain: VerifiedEntry['chain']): Record<string, string> {
  return typeof chain === 'string' ? { subject: chain } : { organisation: chain.organisation.toString() };
}

/** Step 5: the record of each attester is whole; what it says of its standing today. */
async function checkAttesters(
  section: LedgerSection,
  record: RecordedLedger,
  view: ChainView | null,
  protocol: Protocol,
): Promise<{ organisations: VerifiedOrganisation[]; timestamps: bigint[] }> {
  const { ledger } = sectionNames(section);
  const attesters = new Set<string>();
  for (const link of [...section.links, ...section.ownChains.flatMap((chain) => chain.links)]) {
    if ('organisation' in link) attesters.add(link.organisation);
    else if (link.action !== undefined && link.action.organisation !== '0') {
      attesters.add(link.action.organisation);
    }
  }
  const organisations: VerifiedOrganisation[] = [];
  const timestamps: bigint[] = [];
  for (const id of attesters) {
    const at = { ledger, organisation: id };
    const claims = section.organisations.filter((organisation) => organisation.id === id);
    const claim = claims[0];
    if (claim === undefined || claims.length > 1) {
      const code = claim === undefined ? 'organisation.leftOut' : 'organisation.twice';
      protocol.note('attesters', { outcome: claim === undefined ? 'incomplete' : 'failed', code, at });
      continue;
    }
    const recordOf = changesOf(claim);
    if (view === null) {
      protocol.note('attesters', { outcome: 'incomplete', code: 'organisation.unread', at });
      continue;
    }
    const head = await view.organisationHead(record.organisations, BigInt(id) as OrganisationId);
    if (!protocol.compare('attesters', 'organisation.head', at, head, foldOrganisation(recordOf))) continue;
    timestamps.push(...recordOf.map((change) => change.timestamp));
    const standing = standingAt(recordOf);
    const profile = readProfile(claim, standing.profile, at, protocol);
    organisations.push({ ledger, id: BigInt(id) as OrganisationId, standing, profile });
  }
  return { organisations, timestamps };
}

function readProfile(
  claim: ReportOrganisation,
  digest: Hex | null,
  at: Check['at'],
  protocol: Protocol,
): Json {
  if (claim.profile === null || digest === null) {
    protocol.note('attesters', { outcome: 'incomplete', code: 'organisation.profileMissing', at });
    return null;
  }
  const found = profileDigest(claim.profile);
  if (!protocol.compare('attesters', 'organisation.profile', at, digest, found)) return null;
  try {
    return JSON.parse(claim.profile) as Json;
  } catch {
    // The organisation recorded something that is no profile: its name stays unknown, nothing else is touched.
    return null;
  }
}

/** An entry that no legal transition can have written counts for nothing, whatever its envelope says. */
function refuteIllegal(
  entry: VerifiedEntry,
  titles: readonly VerifiedTitle[],
  parts: readonly VerifiedPart[],
): VerifiedEntry {
  const illegal = titles.some(
    (title) =>
      title.ledger === entry.ledger &&
      title.subject === entry.chain &&
      title.illegal?.step.position === entry.position,
  );
  const illegalPart = parts.some((part) => isIllegal(entry, part));
  if (!illegal && !illegalPart) return entry;
  const { envelope: _, ...rest } = entry;
  const code = illegal ? 'title.illegal' : 'part.illegal';
  return { ...rest, status: 'refuted', code, sealed: {} };
}

/** Step 6, for one entry: what its disclosures open, and what was destroyed of it. */
function disclose(report: Report, entry: VerifiedEntry, protocol: Protocol): VerifiedEntry {
  const content = report.contents[entry.link.digest];
  if (entry.envelope === undefined || !isOpenContent(content)) return entry;
  const { disclosures, erasures: receipts = [] } = content;
  const at = {
    ledger: entry.ledger,
    position: entry.position,
    digest: entry.link.digest,
    ...placeOf(entry.chain),
  };
  const { code, ...opened } = judgeDisclosures(entry.envelope, disclosures);
  if (disclosures.length > 0) {
    protocol.note('disclosures', {
      outcome: code === undefined ? 'passed' : 'failed',
      code: code ?? 'disclosure.opened',
      at,
    });
  }
  const { erasures, refused } = judgeErasures(entry.link, entry, receipts, opened.sealed);
  for (const { what } of erasures) {
    protocol.note('disclosures', { outcome: 'passed', code: 'erasure.stated', at: { ...at, what } });
  }
  for (const { what } of refused) {
    protocol.note('disclosures', { outcome: 'incomplete', code: 'erasure.receipt', at: { ...at, what } });
  }
  // Whoever says in words that it was another vehicle contradicts what the action says.
  const { vehicle } = opened.sealed;
  const { action } = entry;
  const elsewhere = action !== undefined && isPartAction(action) && action.vehicle === entry.chain;
  if (elsewhere && vehicle !== undefined && vehicle !== report.identifier) return unbound(entry);
  return { ...entry, ...opened, ...(erasures.length === 0 ? {} : { erasures }) };
}
