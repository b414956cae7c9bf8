import { fromBase64Url, fromHex, fromUtf8, toBase64Url, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import {
  type Address,
  type Digest,
  type LedgerId,
  type Subject,
  ZERO_SUBJECT,
} from '../../core/chain/types.ts';
import { openBlock } from '../../core/envelope/block.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import {
  formatIdentifier,
  type Identifier,
  parseIdentifier,
  subjectTypeOf,
} from '../../core/identifiers/identifier.ts';
import { vehicleBuilt } from '../../core/kinds/vehicle.ts';
import type { ModuleAction } from '../../core/modules/action.ts';
import type { ErasureReceipt } from '../../core/privacy/erasure.ts';
import {
  isOpenContent,
  type Report,
  type ReportContent,
  type ReportOrganisation,
  type UnreadLedger,
} from '../../core/report/report.ts';
import type { Deployment } from '../deployment.ts';
import { ERASURE_COLUMNS, type ErasureRow, receiptOf } from '../erasure/receipt.ts';
import { ACTION_FIELDS, type ActionFields, actionOfFields } from '../index/actions.ts';
import { OWN_REGISTER, readStates } from '../index/ledgers.ts';
import { Problem } from '../problem.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import { warningAuthorities } from '../recalls/campaigns.ts';
import type { Store, Transaction } from '../store/store.ts';
import {
  type ChangeRow,
  type DirectoryRow,
  directoryLink,
  type LinkRow,
  reportChange,
  reportLink,
} from './rows.ts';
import type { Secrets } from './secrets.ts';
import type { Sets } from './sets.ts';

export type ReportSource = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly sets: Sets;
  readonly evaluator: Evaluator;
  readonly deployment: Deployment;
};

/** Kinds that make their attester the subject's maker, whose own chain the reader must see whole. */
const MAKER_KINDS = [vehicleBuilt.number];

const LINK_COLUMNS = 'kind, organisation, timestamp, digest, block_number, transaction_hash';
const WITHHELD = {
  block: 'The block is not held here: it came by another operator and was not handed on.',
  key: 'The key of this block is not held here.',
  elsewhere:
    'What is held here under this digest is another’s, or of something else: it was copied into this history.',
};

type ContentRow = {
  readonly digest: Uint8Array;
  readonly body: Uint8Array | null;
  readonly wrapped: Uint8Array | null;
};

/**
 * Everything that a reader needs to check one subject's history, as of one state of the index. Nothing sealed is open in
 * it: it is the same for all readers, and `withDisclosures` adds what one of them may see.
 * @throws `index.behind` while the index has not read the directory yet
 */
export async function buildReport(source: ReportSource, identifier: Identifier): Promise<Report> {
  const { subject, transcript } = source.evaluator.evaluate(identifier);
  const state = await source.store.transaction(
    (transaction) =>
      readState(transaction, subject, source.evaluator.publicKey, subjectTypeOf(identifier) === 'vehicle'),
    { isolation: 'repeatable read' },
  );
  const contents: Record<string, ReportContent> = {};
  const places = placesOf(state, subject);
  const ownDigests = new Set(state.ownLinks.map((link) => toHex(link.digest)));
  for (const row of state.contents) {
    const digest = toHex(row.digest) as Digest;
    const found = contentOf(source.secrets, row, state.erasures.get(digest) ?? []);
    const isCopy = isForeign(found, places.get(digest) ?? []);
    const content = isCopy ? { withheld: WITHHELD.elsewhere } : found;
    contents[digest] = content;
    if (!ownDigests.has(digest) || !isOpenContent(content)) continue;
    const setProof = await source.sets.prove(digest, content, identifier);
    if (setProof !== null) contents[digest] = { ...content, setProof };
  }
  const { deployment } = source;
  const evaluated = {
    subject,
    transcript: {
      evaluated: toBase64Url(transcript.evaluated),
      proof: toBase64Url(transcript.proof),
    },
  };
  const unread = state.listed.flatMap(({ id, unread: reason }): UnreadLedger[] => {
    if (reason === null) return [];
    return reason === 'key' ? [{ ledger: id, reason }] : [{ ledger: id, reason, ...evaluated }];
  });
  return {
    vinculum: 'report/1',
    identifier: formatIdentifier(identifier),
    createdAt: Math.floor(Date.now() / 1000),
    directory: {
      chainId: deployment.chainId.toString(),
      address: deployment.directory,
      links: state.directory.map(directoryLink),
    },
    ledgers: state.shown.map((ledger) => ({
      ledger: ledger.id,
      ...evaluated,
      asOf: state.asOf,
      ...historyIn(state, ledger, source.evaluator, contents),
    })),
    ...(unread.length === 0 ? {} : { unread }),
    contents,
  };
}

/** A ledger of the directory, and why its history cannot be shown, if it can't. */
type ListedLedger = {
  readonly id: LedgerId;
  readonly number: number;
  readonly register: number;
  readonly unread: UnreadLedger['reason'] | null;
};

type ListedRow = DirectoryRow & { readonly number: number | null; readonly register: number | null };

function listedLedgers(
  rows: readonly ListedRow[],
  states: ReadonlyMap<number, 'behind' | 'unreadable'>,
  publicKey: Uint8Array,
): ListedLedger[] {
  return rows.flatMap((row): ListedLedger[] => {
    const { change, chain_id: chainId, ledger, pseudonym_key: key, number, register } = row;
    if (change !== 'added' || chainId === null || ledger === null || key === null) return [];
    const id = formatLedgerId({ chainId: BigInt(chainId), address: toHex(ledger) as Address });
    const place = { id, number: number ?? NOT_INDEXED, register: register ?? NOT_INDEXED };
    // Under another key the subject has another name, which nobody without that key can tell.
    if (!Buffer.from(key).equals(publicKey)) return [{ ...place, unread: 'key' }];
    if (number === null) return [{ ...place, unread: 'chain' }];
    return [{ ...place, unread: states.get(number) ?? null }];
  });
}

/** The number of a ledger on another chain. */
const NOT_INDEXED = -1;

/** A row of `links` or `own_links`, with the ledger that it is of. */
type LedgerLinkRow = LinkRow & { readonly ledger: number };
type SubjectLinkRow = LedgerLinkRow & { readonly subject: Uint8Array };
type RegisterChangeRow = ChangeRow & { readonly register: number };

async function readState(
  transaction: Transaction,
  subject: Subject,
  publicKey: Uint8Array,
  vehicle: boolean,
) {
  const directory = await transaction.query<ListedRow>(
    `SELECT change, ledger_index, chain_id, ledger, organisations, code_hash, pseudonym_key, closed_at, number, register
     FROM directory_links ORDER BY position`,
  );
  const listed = listedLedgers(directory, await readStates(transaction), publicKey);
  const shown = listed.filter(({ unread }) => unread === null);
  const registerOf = new Map(shown.map(({ number, register }) => [number, register]));
  const numbers = shown.map(({ number }) => number);
  const links = await transaction.query<LedgerLinkRow>(
    `SELECT ledger, ${LINK_COLUMNS}, module, actor, action_hash FROM links
     WHERE subject = $1 AND ledger = ANY($2::int4[]) ORDER BY ledger, position`,
    [fromHex(subject, 32), numbers],
  );
  const modules = await modulesIn(transaction, subject, numbers);
  const makers = distinct(
    links.flatMap(({ ledger, kind, organisation }) =>
      organisation !== null && MAKER_KINDS.includes(kind)
        ? [{ number: registerOf.get(ledger) ?? NOT_INDEXED, organisation }]
        : [],
    ),
  );
  const ofOwnRegister = shown.filter(({ register }) => register === OWN_REGISTER).map(({ number }) => number);
  const authorities = vehicle ? await warningAuthorities(transaction, ofOwnRegister) : [];
  const warning = distinct([
    ...makers,
    ...authorities.map((organisation) => ({ number: OWN_REGISTER, organisation })),
  ]);
  // Campaigns may stand on an organisation's own chain in any ledger that takes its attesters from the same register.
  const ownChains = shown.flatMap(({ number, register }) =>
    warning.filter((one) => one.number === register).map((one) => ({ ...one, number })),
  );
  const ownLinks =
    ownChains.length === 0
      ? []
      : await transaction.query<LedgerLinkRow & { organisation: bigint }>(
          `SELECT ledger, ${LINK_COLUMNS} FROM own_links
           WHERE (ledger, organisation) IN (SELECT * FROM unnest($1::int4[], $2::int8[]))
           ORDER BY ledger, organisation, position`,
          columnsOf(ownChains),
        );
  const attesters = distinct([
    ...links.flatMap(({ ledger, organisation }) =>
      organisation === null ? [] : [{ number: registerOf.get(ledger) ?? NOT_INDEXED, organisation }],
    ),
    ...modules.acting.map(({ ledger, organisation }) => ({
      number: registerOf.get(ledger) ?? NOT_INDEXED,
      organisation,
    })),
    ...warning,
  ]);
  const changes =
    attesters.length === 0
      ? []
      : await transaction.query<RegisterChangeRow>(
          `SELECT register, organisation, change, value, timestamp FROM organisation_links
           WHERE (register, organisation) IN (SELECT * FROM unnest($1::int4[], $2::int8[]))
           ORDER BY register, organisation, position`,
          columnsOf(attesters),
        );
  const all = [...links, ...ownLinks];
  const contents =
    all.length === 0
      ? []
      : await transaction.query<ContentRow>(
          `SELECT wanted.digest, blocks.body, block_keys.wrapped FROM unnest($1::bytea[]) AS wanted(digest)
           LEFT JOIN blocks ON blocks.digest = wanted.digest
           LEFT JOIN block_keys ON block_keys.digest = wanted.digest`,
          [all.map((link) => link.digest)],
        );
  const profileDigests = changes.filter(({ change }) => change === PROFILE_SET).map(({ value }) => value);
  const profiles =
    profileDigests.length === 0
      ? []
      : await transaction.query<{ digest: Uint8Array; body: Uint8Array }>(
          'SELECT digest, body FROM blocks WHERE digest = ANY($1::bytea[])',
          [profileDigests],
        );
  const [block] = await transaction.query<{ number: bigint; hash: Uint8Array; timestamp: bigint }>(
    'SELECT number, hash, timestamp FROM chain_blocks ORDER BY number DESC LIMIT 1',
  );
  if (block === undefined || directory.length === 0) {
    throw new Problem('index.behind', 'The index has not read the ledger’s first blocks yet.');
  }
  const asOf = { number: Number(block.number), hash: toHex(block.hash), timestamp: Number(block.timestamp) };
  const erasures = await erasuresOf(transaction, all);
  return {
    listed,
    shown,
    links,
    modules,
    ownChains,
    ownLinks,
    changes,
    contents,
    erasures,
    profiles,
    directory,
    asOf,
  };
}

/**
 * What the index knows of the actions behind the links of modules, of the histories that titles came over from, and of
 * those of the parts that were mounted in the subject.
 */
async function modulesIn(transaction: Transaction, subject: Subject, ledgers: readonly number[]) {
  const bytes = fromHex(subject, 32);
  // The latest first.
  const before = await transaction.query<{ ledger: number; subject: Uint8Array }>(
    `WITH RECURSIVE replaced AS (
       SELECT ledger, action_subject AS subject, 1 AS depth FROM titles
       WHERE subject = $1 AND ledger = ANY($2::int4[]) AND position = 0 AND action_subject <> subject
       UNION ALL
       SELECT t.ledger, t.action_subject, r.depth + 1 FROM replaced r
       JOIN titles t ON t.ledger = r.ledger AND t.subject = r.subject AND t.position = 0
       WHERE t.action_subject <> t.subject
     )
     SELECT ledger, subject FROM replaced ORDER BY depth`,
    [bytes, ledgers],
  );
  const mounted = await transaction.query<{ ledger: number; subject: Uint8Array }>(
    `SELECT DISTINCT ledger, subject FROM parts
     WHERE detail = $1 AND ledger = ANY($2::int4[]) AND kind IN (17, 18) AND subject <> $1 ORDER BY ledger, subject`,
    [bytes, ledgers],
  );
  const others = [...before, ...mounted];
  const links =
    others.length === 0
      ? []
      : await transaction.query<SubjectLinkRow>(
          `SELECT subject, ledger, ${LINK_COLUMNS}, module, actor, action_hash FROM links
           WHERE (ledger, subject) IN (SELECT * FROM unnest($1::int4[], $2::bytea[]))
           ORDER BY ledger, subject, position`,
          [others.map(({ ledger }) => ledger), others.map((row) => row.subject)],
        );
  const histories = Map.groupBy(links, (link) => actionKey(link.ledger, link.subject));
  const rows = await transaction.query<
    ActionFields & { ledger: number; action_hash: Uint8Array; own: boolean }
  >(
    `SELECT t.ledger, t.action_hash, l.subject = $3 AS own, ${ACTION_FIELDS}
     FROM links l JOIN actions t ON t.ledger = l.ledger AND t.action_hash = l.action_hash
     WHERE l.subject = ANY($1::bytea[]) AND l.ledger = ANY($2::int4[]) AND l.action_hash IS NOT NULL`,
    [[bytes, ...others.map((row) => row.subject)], ledgers, bytes],
  );
  const shown = (history: { readonly ledger: number; readonly subject: Uint8Array }) => ({
    ...history,
    links: histories.get(actionKey(history.ledger, history.subject)) ?? [],
  });
  return {
    actions: new Map(rows.map((row) => [actionKey(row.ledger, row.action_hash), actionOfFields(row)])),
    acting: rows.filter(({ own, organisation }) => own && organisation > 0n),
    predecessors: before.map(shown),
    mounted: mounted.map(shown),
  };
}

const actionKey = (ledger: number, hash: Uint8Array) => `${ledger}/${toHex(hash)}`;

function shownLink(row: LedgerLinkRow, actions: ReadonlyMap<string, ModuleAction>) {
  const hash = row.action_hash ?? null;
  return reportLink(row, hash === null ? undefined : actions.get(actionKey(row.ledger, hash)));
}

/** The receipts for what was erased of entries, by digest. */
async function erasuresOf(
  transaction: Transaction,
  links: readonly { readonly digest: Uint8Array }[],
): Promise<ReadonlyMap<string, ErasureReceipt[]>> {
  if (links.length === 0) return new Map();
  const rows = await transaction.query<ErasureRow>(
    `SELECT ${ERASURE_COLUMNS} FROM erasures WHERE digest = ANY($1::bytea[]) ORDER BY number`,
    [links.map(({ digest }) => digest)],
  );
  return Map.groupBy(
    rows.map((row) => receiptOf(row).receipt),
    ({ digest }) => digest,
  );
}

type State = Awaited<ReturnType<typeof readState>>;

/** What a section shows of one ledger: its links, and the own chains and attesters that belong to them. */
function historyIn(
  state: State,
  { number, register }: ListedLedger,
  evaluator: Evaluator,
  contents: Report['contents'],
) {
  const links = state.links.filter((link) => link.ledger === number);
  const own = state.ownChains.filter((chain) => chain.number === number);
  const attesters = new Set([
    ...links.map((link) => link.organisation),
    ...state.modules.acting
      .filter((acting) => acting.ledger === number)
      .map(({ organisation }) => organisation),
    ...own.map(({ organisation }) => organisation),
  ]);
  const changes = state.changes.filter(
    (change) => change.register === register && attesters.has(change.organisation),
  );
  const { actions } = state.modules;
  const predecessors = state.modules.predecessors.filter(({ ledger }) => ledger === number);
  const mounted = state.modules.mounted.filter(({ ledger }) => ledger === number);
  /** A part's history, with a transcript of each identifier that its entries on this chain state. */
  const partOf = (history: (typeof mounted)[number]) => {
    const part = toHex(history.subject);
    const stated = links.flatMap((link) => {
      const hash = link.action_hash ?? null;
      const action = hash === null ? undefined : actions.get(actionKey(number, hash));
      if (action?.subject !== part) return [];
      const identifier = identifierIn(contents[toHex(link.digest)]);
      return identifier === null ? [] : [identifier];
    });
    return {
      subject: part,
      transcripts: [...new Set(stated)].flatMap((identifier) => {
        const evaluated = evaluatedAs(evaluator, identifier);
        return evaluated === null ? [] : [{ identifier, ...evaluated }];
      }),
      links: history.links.map((link) => shownLink(link, actions)),
    };
  };
  return {
    links: links.map((link) => shownLink(link, actions)),
    ownChains: own.map(({ organisation }) => ({
      organisation: organisation.toString(),
      links: state.ownLinks
        .filter((link) => link.ledger === number && link.organisation === organisation)
        .map((link) => reportLink(link)),
    })),
    organisations: organisationsOf(changes, state.profiles),
    ...(predecessors.length === 0
      ? {}
      : {
          predecessors: predecessors.map((history) => ({
            subject: toHex(history.subject),
            links: history.links.map((link) => shownLink(link, actions)),
          })),
        }),
    ...(mounted.length === 0 ? {} : { parts: mounted.map(partOf) }),
  };
}

/** Whose an entry says that it is, and of what. */
type EntryPlace = { readonly subject: string; readonly organisation: string };

/** Where each digest stands in a report, as an envelope that belongs there names it. */
function placesOf({ links, ownLinks, modules }: State, subject: Subject): Map<string, EntryPlace[]> {
  const places = new Map<string, EntryPlace[]>();
  const add = (digest: Uint8Array, of: string, organisation: bigint): void => {
    const place = { subject: of, organisation: organisation.toString() };
    places.set(toHex(digest), [...(places.get(toHex(digest)) ?? []), place]);
  };
  for (const { digest, organisation, action_hash: hash, ledger } of links) {
    const action = hash ? modules.actions.get(actionKey(ledger, hash)) : undefined;
    if (organisation !== null) add(digest, subject, organisation);
    else if (action !== undefined) add(digest, action.subject, action.organisation);
  }
  for (const { digest, organisation } of ownLinks) {
    if (organisation !== null) add(digest, ZERO_SUBJECT, organisation);
  }
  return places;
}

/**
 * Whether a content is of another subject or attester at each of its places. Anybody can put the digest of another's entry
 * into a history whose report they may read: its key is for those who can name what it is about.
 */
function isForeign(content: ReportContent, places: readonly EntryPlace[]): boolean {
  if (!isOpenContent(content)) return false;
  let stated: EntryPlace;
  try {
    stated = JSON.parse(fromUtf8(openBlock(fromBase64Url(content.block), fromBase64Url(content.key))));
  } catch (error) {
    // Rotten: the reader finds out, and learns nothing.
    if (error instanceof VinculumError || error instanceof SyntaxError) return false;
    throw error;
  }
  return !places.some(
    ({ subject, organisation }) => stated.subject === subject && stated.organisation === organisation,
  );
}

/** The identifier that a content's envelope states; null where it cannot be read. */
function identifierIn(content: ReportContent | undefined): string | null {
  if (!isOpenContent(content)) return null;
  try {
    return openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key)).identifier;
  } catch (error) {
    if (error instanceof VinculumError) return null;
    throw error;
  }
}

/** The transcript of an identifier as text; null where it is none. */
function evaluatedAs(evaluator: Evaluator, text: string) {
  try {
    const identifier = parseIdentifier(text, { overrideCheckDigit: true });
    const { transcript } = evaluator.evaluate(identifier);
    return { evaluated: toBase64Url(transcript.evaluated), proof: toBase64Url(transcript.proof) };
  } catch (error) {
    if (error instanceof VinculumError) return null;
    throw error;
  }
}

/** The change of an organisation's record that names its profile. */
const PROFILE_SET = 5;

function contentOf(secrets: Secrets, row: ContentRow, erasures: readonly ErasureReceipt[]): ReportContent {
  const erased = erasures.find(({ what }) => what === 'entry');
  if (erased !== undefined) return { erased };
  if (row.body === null) return { withheld: WITHHELD.block };
  if (row.wrapped === null) return { withheld: WITHHELD.key };
  const key = secrets.blockKey(row.digest, row.wrapped);
  return {
    block: toBase64Url(row.body),
    key: toBase64Url(key),
    disclosures: [],
    ...(erasures.length === 0 ? {} : { erasures: [...erasures] }),
  };
}

/** A report with what one reader was shown of its entries. */
export function withDisclosures(
  report: Report,
  shown: ReadonlyMap<Digest, readonly string[]> | undefined,
): Report {
  if (shown === undefined) return report;
  const contents = { ...report.contents };
  for (const [digest, disclosures] of shown) {
    const content = contents[digest];
    if (isOpenContent(content)) contents[digest] = { ...content, disclosures: [...disclosures] };
  }
  return { ...report, contents };
}

export function organisationsOf(
  changes: readonly ChangeRow[],
  profiles: readonly { digest: Uint8Array; body: Uint8Array }[],
): ReportOrganisation[] {
  const texts = new Map(
    profiles.map(({ digest, body }) => [toHex(digest), Buffer.from(body).toString('utf8')]),
  );
  return [...new Set(changes.map((change) => change.organisation))].map((id) => {
    const own = changes.filter((change) => change.organisation === id);
    const last = own.findLast(({ change }) => change === PROFILE_SET);
    const profile = last === undefined ? undefined : texts.get(toHex(last.value));
    return { id: id.toString(), changes: own.map(reportChange), profile: profile ?? null };
  });
}

/** An organisation of a ledger or of a register, by its number. */
type Numbered = { readonly number: number; readonly organisation: bigint };

function distinct(values: readonly Numbered[]): Numbered[] {
  return [...new Map(values.map((value) => [`${value.number}/${value.organisation}`, value])).values()];
}

const columnsOf = (values: readonly Numbered[]) => [
  values.map(({ number }) => number),
  values.map(({ organisation }) => organisation),
];
