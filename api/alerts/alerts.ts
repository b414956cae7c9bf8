import { type AlertReference, type AlertState, type AlertTier, isWaiting } from '../../core/alerts/alert.ts';
import {
  type AlertLinkHash,
  type AlertLinkJson,
  bearerOfOpener,
  type LinkAnswerJson,
  readAlertLink,
  readLinkAnswer,
} from '../../core/alerts/link.ts';
import { fromHex, fromUtf8, toBase64Url, toHex, utf8 } from '../../core/bytes.ts';
import { standingAt } from '../../core/chain/organisation.ts';
import {
  type Digest,
  type LedgerAddress,
  type OrganisationId,
  ZERO_SUBJECT,
} from '../../core/chain/types.ts';
import { VinculumError } from '../../core/errors.ts';
import { changesOf } from '../../core/report/report.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { NewNotice, Notices } from '../notices/notices.ts';
import type { Reader } from '../privacy/reader.ts';
import type { SealedFields } from '../privacy/sealed.ts';
import { Problem } from '../problem.ts';
import type { Query } from '../query/query.ts';
import type { Secrets } from '../query/secrets.ts';
import { isUniqueViolation, type Queryable, type Store, type Transaction } from '../store/store.ts';
import {
  ALERT_COLUMNS,
  ALERTS,
  type AlertRow,
  ANSWER_COLUMNS,
  ANSWER_ON_ITS_WAY,
  ANSWER_ORDER,
  ANSWERS,
  type AnswerRow,
  foldAnswers,
  partyOf,
  referencesIn,
} from './rows.ts';

export type AlertBox = 'in' | 'out';

/** An answer that is on the ledger and counts. */
export type AnswerView = {
  readonly status: string;
  readonly organisation: string;
  /** The block's timestamp, seconds since 1970. */
  readonly at: number;
  readonly entry: Digest;
  /** Whether it attests what the holder of a link answered. */
  readonly byLink: boolean;
};

/** An alert as a party to it sees it. Its content is sealed, and shown by `find` alone. */
export type AlertView = {
  readonly reference: string;
  readonly attester: string;
  /** Null: a company that answers through a link. */
  readonly recipient: string | null;
  readonly entry: Digest;
  /** Null: its entry is not on the ledger yet, and nobody was told. */
  readonly raisedAt: number | null;
  readonly state: AlertState;
  readonly due: number | null;
  readonly overdue: boolean;
  /** What it passes on; told to who raised it only. */
  readonly passesOn: AlertReference | null;
  readonly disclosed: boolean;
  readonly answers: readonly AnswerView[];
  /** Accepted, and not on the ledger yet: nothing that counts. */
  readonly pending: readonly { readonly status: string; readonly entry: Digest }[];
  /** The tiers below, each by what stands on the ledger: as this operator says, unless it is disclosed. */
  readonly tiers: readonly AlertTier[];
  /** Told to who raised it only. */
  readonly link: LinkView | null;
};

export type LinkView = {
  readonly hash: AlertLinkHash;
  readonly until: number;
  readonly openings: number;
  /** Whether the holder answered, and an entry of the raiser says so. */
  readonly answer: { readonly recorded: boolean } | null;
  readonly link: AlertLinkJson;
};

/** What the holder of a link answered, in their own words and signed with the link's key. */
export type HeldAnswer = { readonly signed: LinkAnswerJson; readonly recorded: boolean };
type LinkDetail = LinkView & { readonly answer: HeldAnswer | null };

/** An entry with what a reader was shown of it, to be checked against the ledger. */
export type AlertContent = {
  readonly block: string;
  readonly key: string;
  readonly disclosures: readonly string[];
};

export type AlertDetail = AlertView & {
  readonly contents: Readonly<Record<Digest, AlertContent>>;
  readonly link: LinkDetail | null;
};

/** What a link opens. */
export type OpenedAlert = {
  readonly reference: string;
  readonly attester: string;
  readonly raisedAt: number;
  readonly state: AlertState;
  readonly due: number | null;
  readonly until: number;
  readonly openings: number;
  readonly link: AlertLinkJson;
  readonly content: AlertContent;
  readonly answer: HeldAnswer | null;
};

export type AlertPlace = { readonly acceptedAt: Date; readonly digest: Digest };

/** Alerts from tier to tier (docs/protocol.md §18). */
export interface Alerts {
  list(
    organisation: OrganisationId,
    box: AlertBox,
    page: { readonly limit: number; readonly after: AlertPlace | null },
  ): Promise<{ readonly alerts: readonly AlertView[]; readonly next: AlertPlace | null }>;
  /** The references of the alerts that these entries raise or answer, each once. */
  referencesOf(digests: readonly Digest[]): Promise<string[]>;
  /** An alert with its content, for who raised it and whom it was raised for. @throws `alert.unknown` for others */
  find(organisation: OrganisationId, reference: string, route: string): Promise<AlertDetail>;
  /**
   * Keeps a signed link, which takes the place of the one before.
   * @throws `alert.unknown` `alert.linkNotNeeded` `alert.linkMalformed` `alert.linkTime` `alert.linkExpired`
   *   `alert.linkSignature` `alert.linkToken`
   */
  createLink(organisation: OrganisationId, json: unknown): Promise<LinkView>;
  /**
   * Opens an alert for the holder of its link, and binds the link to the device that opens it first.
   * @throws `alert.linkUnknown` `alert.linkExpired` `alert.linkReplaced` `alert.linkTaken` `alert.notAnchored`
   */
  open(opener: Uint8Array, visitor: Uint8Array, route: string): Promise<OpenedAlert>;
  /** Keeps the holder's signed answer until the raiser attests it. @throws as {@link open}, and the codes of core */
  answerByLink(
    reference: string,
    opener: Uint8Array,
    visitor: Uint8Array,
    answer: unknown,
  ): Promise<HeldAnswer>;
  /** Tells whom it concerns what is new on the ledger, and what is due. @returns how many notices are new */
  tell(): Promise<number>;
}

export type AlertOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap'>;
  readonly secrets: Secrets;
  readonly sealed: Pick<SealedFields, 'showChosen' | 'logOther'>;
  readonly notices: Pick<Notices, 'post'>;
  readonly query: Pick<Query, 'organisation'>;
  readonly ledger: LedgerAddress;
  readonly ownLedger: () => Promise<number>;
  readonly clock?: () => Date;
};

type Anchored = { readonly timestamp: bigint | null };
type LinkRow = {
  readonly hash: Uint8Array;
  readonly alert: Uint8Array;
  readonly valid_until: bigint;
  readonly link: AlertLinkJson;
  readonly replaced_at: Date | null;
  readonly visitor: Uint8Array | null;
  readonly openings: bigint;
  readonly answer: Uint8Array | null;
};
const LINK_COLUMNS = 'hash, alert, valid_until, link, replaced_at, visitor, openings, answer';

/** Deepest tree of tiers that is followed. */
const MOST_TIERS = 16;
/** A recipient is reminded when this much of the time is left, or a quarter of it where that is less. */
const REMIND_SECONDS = 2n * 86_400n;
const TOLD_AT_ONCE = 500;
/** As long as an answer waits for its alert. */
const PATIENCE_MILLISECONDS = 86_400_000;

export function createAlerts(options: AlertOptions): Alerts {
  const { store, keyring, secrets, sealed, notices, ledger } = options;
  const clock = options.clock ?? (() => new Date());
  const now = (): bigint => BigInt(Math.floor(clock().getTime() / 1000));

  type Found = AlertRow & Anchored;
  type FoundAnswer = AnswerRow & Anchored & { readonly on_its_way: boolean };
  type Forest = { readonly alerts: Map<string, Found>; readonly answers: Map<string, FoundAnswer[]> };

  async function answersOf(from: Queryable, own: number, references: readonly Uint8Array[]) {
    const rows = await from.query<FoundAnswer>(
      `SELECT ${ANSWER_COLUMNS}, anchor.timestamp, ${ANSWER_ON_ITS_WAY} AS on_its_way FROM ${ANSWERS}
       WHERE alert_answers.reference = ANY($2::bytea[]) ORDER BY ${ANSWER_ORDER}`,
      [own, references],
    );
    return Map.groupBy(rows, ({ reference }) => toHex(reference));
  }

  /** These alerts with all tiers below them. */
  async function forestOf(from: Queryable, roots: readonly Found[]): Promise<Forest> {
    const own = await options.ownLedger();
    const alerts = new Map<string, Found>();
    const answers = new Map<string, FoundAnswer[]>();
    let level = roots;
    for (let depth = 0; level.length > 0 && depth < MOST_TIERS; depth++) {
      for (const row of level) alerts.set(toHex(row.reference), row);
      const found = await answersOf(
        from,
        own,
        level.map(({ reference }) => reference),
      );
      for (const [reference, rows] of found) answers.set(reference, rows);
      const below = new Set([...found.values()].flat().flatMap(({ forwards }) => referencesIn(forwards)));
      const unseen = [...below].filter((reference) => !alerts.has(reference));
      level =
        unseen.length === 0
          ? []
          : await from.query<Found>(
              `SELECT ${ALERT_COLUMNS}, anchor.timestamp FROM ${ALERTS} WHERE alerts.reference = ANY($2::bytea[])`,
              [own, unseen.map((reference) => fromHex(reference, 16))],
            );
    }
    return { alerts, answers };
  }

  const anchoredAnswers = (forest: Forest, reference: string): FoundAnswer[] =>
    (forest.answers.get(reference) ?? []).filter(({ timestamp }) => timestamp !== null);

  function tiersOf(forest: Forest, row: Found, seen: ReadonlySet<string>): AlertTier[] {
    const reference = toHex(row.reference);
    const { alert } = foldAnswers(row, anchoredAnswers(forest, reference));
    return alert.forwards.map((below): AlertTier => {
      const child = forest.alerts.get(below);
      // It must say itself that it passes this one on, and come from whom this one was raised for.
      const fits =
        child !== undefined &&
        !seen.has(below) &&
        child.timestamp !== null &&
        child.attester === row.recipient &&
        child.passes_attester === row.attester &&
        child.passes_reference !== null &&
        toHex(child.passes_reference) === reference;
      if (!fits) return { reference: below, state: null, forwards: [] };
      return {
        reference: below,
        state: foldAnswers(child, anchoredAnswers(forest, below)).alert.state,
        forwards: tiersOf(forest, child, new Set([...seen, below])),
        ...(child.disclosed
          ? { disclosed: { recipient: textOf(child.recipient), entry: toHex(child.digest) } }
          : {}),
      };
    });
  }

  function viewOf(
    forest: Forest,
    row: Found,
    organisation: OrganisationId,
    link: LinkView | null,
  ): AlertView {
    const reference = toHex(row.reference);
    const { alert, counted } = foldAnswers(row, anchoredAnswers(forest, reference));
    const raiser = organisation === row.attester;
    return {
      reference,
      attester: row.attester.toString(),
      recipient: textOf(row.recipient),
      entry: toHex(row.digest) as Digest,
      raisedAt: row.timestamp === null ? null : Number(row.timestamp),
      state: alert.state,
      due: row.due === null ? null : Number(row.due),
      overdue: row.due !== null && row.due < now() && isWaiting(alert),
      passesOn:
        !raiser || row.passes_attester === null || row.passes_reference === null
          ? null
          : { attester: row.passes_attester.toString(), reference: toHex(row.passes_reference) },
      disclosed: row.disclosed,
      answers: counted.map((answer) => ({
        status: answer.status,
        organisation: answer.organisation.toString(),
        at: Number(answer.timestamp),
        entry: toHex(answer.digest) as Digest,
        byLink: answer.link !== null,
      })),
      pending: (forest.answers.get(reference) ?? [])
        .filter((answer) => answer.on_its_way)
        .map(({ status, digest }) => ({ status, entry: toHex(digest) as Digest })),
      tiers: tiersOf(forest, row, new Set([reference])),
      link: raiser ? link : null,
    };
  }

  async function linksOf(from: Queryable, alerts: readonly Uint8Array[]): Promise<Map<string, LinkDetail>> {
    const rows = await from.query<LinkRow>(
      `SELECT ${LINK_COLUMNS} FROM alert_links WHERE alert = ANY($1::bytea[]) AND replaced_at IS NULL`,
      [alerts],
    );
    const recorded = await recordedLinks(
      from,
      rows.map(({ hash }) => hash),
    );
    return new Map(rows.map((row) => [toHex(row.alert), linkDetail(row, recorded)]));
  }

  /** The last answer that an entry on the ledger attests, by link. */
  async function recordedLinks(from: Queryable, hashes: readonly Uint8Array[]): Promise<Map<string, string>> {
    if (hashes.length === 0) return new Map();
    const rows = await from.query<{ link: Uint8Array; status: string }>(
      `SELECT alert_answers.link, alert_answers.status FROM ${ANSWERS}
       WHERE alert_answers.link = ANY($2::bytea[]) AND anchor.timestamp IS NOT NULL
       ORDER BY anchor.block_number, anchor.log_index`,
      [await options.ownLedger(), hashes],
    );
    return new Map(rows.map(({ link, status }) => [toHex(link), status]));
  }

  function linkDetail(row: LinkRow, recorded: ReadonlyMap<string, string>): LinkDetail {
    const signed = row.answer === null ? null : openAnswer(row.hash, row.answer);
    return {
      hash: toHex(row.hash) as AlertLinkHash,
      until: Number(row.valid_until),
      openings: Number(row.openings),
      answer: signed === null ? null : { signed, recorded: recorded.get(toHex(row.hash)) === signed.status },
      link: row.link,
    };
  }

  /** Without the holder's words: those are shown by `find` alone, which logs it. */
  const linkView = ({ answer, ...link }: LinkDetail): LinkView => ({
    ...link,
    answer: answer === null ? null : { recorded: answer.recorded },
  });

  const openAnswer = (hash: Uint8Array, wrapped: Uint8Array): LinkAnswerJson =>
    JSON.parse(fromUtf8(keyring.unwrap('identifier', wrapped, hash))) as LinkAnswerJson;

  /**
   * The entries of an alert with what is sealed in them. Which alert it passes on says who stands further up, and to whom
   * they answer: that is for its raiser alone.
   */
  async function contentsOf(
    reader: Exclude<Reader, { kind: 'anyone' | 'operator' }>,
    route: string,
    row: Pick<AlertRow, 'digest' | 'attester'>,
    answers: readonly Digest[] = [],
  ): Promise<Record<Digest, AlertContent>> {
    const raised = toHex(row.digest) as Digest;
    const raiser = reader.kind === 'organisation' && reader.organisation === row.attester;
    const digests = [raised, ...answers];
    const shown = await sealed.showChosen(
      { reader, route },
      'alert',
      digests,
      (digest, name) => raiser || digest !== raised || name !== 'alert',
    );
    const rows = await store.query<{ digest: Uint8Array; body: Uint8Array; wrapped: Uint8Array }>(
      `SELECT blocks.digest, body, wrapped FROM blocks JOIN block_keys ON block_keys.digest = blocks.digest
       WHERE blocks.digest = ANY($1::bytea[])`,
      [digests.map((digest) => fromHex(digest, 32))],
    );
    return Object.fromEntries(
      rows.map(({ digest, body, wrapped }) => [
        toHex(digest),
        {
          block: toBase64Url(body),
          key: toBase64Url(secrets.blockKey(digest, wrapped)),
          disclosures: [...(shown.get(toHex(digest) as Digest) ?? [])],
        },
      ]),
    );
  }

  async function alertBy(from: Queryable, column: 'reference' | 'digest', value: Uint8Array) {
    const [row] = await from.query<Found>(
      `SELECT ${ALERT_COLUMNS}, anchor.timestamp FROM ${ALERTS} WHERE alerts.${column} = $2`,
      [await options.ownLedger(), value],
    );
    return row;
  }

  /** The link that an opener opens, locked, while it is good; bound to the visitor's device from the first time on. */
  async function goodLink(
    transaction: Transaction,
    opener: Uint8Array,
    visitor: Uint8Array,
  ): Promise<LinkRow> {
    const bearer = fromHex(bearerOfOpener(opener), 32);
    const [row] = await transaction.query<LinkRow>(
      `SELECT ${LINK_COLUMNS} FROM alert_links WHERE bearer = $1 FOR UPDATE`,
      [bearer],
    );
    if (row === undefined) {
      throw new Problem('alert.linkUnknown', 'No link has this token: copy the whole of it.');
    }
    if (row.replaced_at !== null) {
      throw new Problem('alert.linkReplaced', 'The sender made another link since: use that one.');
    }
    if (row.valid_until < now()) {
      throw new Problem('alert.linkExpired', 'The link’s time is over: ask the sender for another.');
    }
    const device = fromHex(bearerOfOpener(visitor), 32);
    if (row.visitor !== null && toHex(row.visitor) !== toHex(device)) {
      throw new Problem(
        'alert.linkTaken',
        'The link was opened on another device first, and works there only. Was that not you, tell the sender.',
      );
    }
    return { ...row, visitor: device };
  }

  return {
    async list(organisation, box, { limit, after }) {
      const own = await options.ownLedger();
      const rows = await store.query<Found>(
        `SELECT ${ALERT_COLUMNS}, anchor.timestamp FROM ${ALERTS}
         WHERE ${box === 'in' ? 'alerts.recipient = $2 AND anchor.timestamp IS NOT NULL' : 'alerts.attester = $2'}
           AND ($3::timestamptz IS NULL OR (alerts.accepted_at, alerts.digest::bytea) < ($3, $4::bytea))
         ORDER BY alerts.accepted_at DESC, alerts.digest DESC LIMIT $5`,
        [
          own,
          organisation,
          after?.acceptedAt ?? null,
          after === null ? null : fromHex(after.digest, 32),
          limit + 1,
        ],
      );
      const page = rows.slice(0, limit);
      const forest = await forestOf(store, page);
      const links = await linksOf(
        store,
        page.filter(({ attester }) => attester === organisation).map(({ digest }) => digest),
      );
      const last = page.at(-1);
      return {
        alerts: page.map((row) => {
          const link = links.get(toHex(row.digest));
          return viewOf(forest, row, organisation, link === undefined ? null : linkView(link));
        }),
        next:
          rows.length > limit && last !== undefined
            ? { acceptedAt: last.accepted_at, digest: toHex(last.digest) as Digest }
            : null,
      };
    },

    async referencesOf(digests) {
      const rows = await store.query<{ reference: Uint8Array }>(
        `SELECT reference FROM alerts WHERE digest = ANY($1::bytea[])
         UNION SELECT reference FROM alert_answers WHERE digest = ANY($1::bytea[])`,
        [digests.map((digest) => fromHex(digest, 32))],
      );
      return rows.map((row) => toHex(row.reference)).sort();
    },

    async find(organisation, reference, route) {
      const row = await alertBy(store, 'reference', fromHex(reference, 16));
      const raiser = row?.attester === organisation;
      const recipient = row?.recipient === organisation && row.timestamp !== null;
      if (row === undefined || (!raiser && !recipient)) throw unknownAlert();
      const forest = await forestOf(store, [row]);
      const links = await linksOf(store, [row.digest]);
      const link = raiser ? (links.get(toHex(row.digest)) ?? null) : null;
      const view = viewOf(forest, row, organisation, link);
      const reader = { kind: 'organisation', organisation } as const;
      if (link !== null && link.answer !== null) {
        const shown = new Map([[view.entry, ['linkAnswer']]]);
        await sealed.logOther({ reader, route }, 'alert', ZERO_SUBJECT, shown);
      }
      const answers = view.answers.map(({ entry }) => entry);
      const contents = await contentsOf(reader, route, row, answers);
      return { ...view, link, contents };
    },

    async createLink(organisation, json) {
      const { link, hash, signer } = readAlertLink(ledger, json);
      const row = await alertBy(store, 'digest', fromHex(link.alert, 32));
      if (row === undefined || row.attester !== organisation) throw unknownAlert();
      if (row.recipient !== null) {
        throw new Problem(
          'alert.linkNotNeeded',
          'The alert is for an organisation, which signs its answers itself.',
        );
      }
      if (link.until < now()) throw new Problem('alert.linkExpired', 'The link’s time is over already.');
      const { signers, status } = standingAt(changesOf(await options.query.organisation(organisation)));
      if (signer === null || !signers.has(signer) || status !== 'good') {
        throw new VinculumError(
          'alert.linkSignature',
          'The link is not signed with a key of your organisation.',
        );
      }
      return store.transaction(async (transaction) => {
        // One after the other: two at once would both find none to replace, and both stay.
        await transaction.query('SELECT 1 FROM alerts WHERE digest = $1 FOR UPDATE', [row.digest]);
        const createdAt = clock();
        const [same] = await transaction.query<LinkRow>(
          `SELECT ${LINK_COLUMNS} FROM alert_links WHERE hash = $1`,
          [fromHex(hash, 32)],
        );
        if (same !== undefined)
          return linkView(linkDetail(same, await recordedLinks(transaction, [same.hash])));
        await transaction.execute(
          'UPDATE alert_links SET replaced_at = $2 WHERE alert = $1 AND replaced_at IS NULL',
          [row.digest, createdAt],
        );
        await transaction
          .execute(
            `INSERT INTO alert_links (hash, alert, bearer, valid_until, link, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
            [
              fromHex(hash, 32),
              row.digest,
              fromHex(link.bearer, 32),
              link.until,
              json as AlertLinkJson,
              createdAt,
            ],
          )
          .catch((error: unknown) => {
            if (!isUniqueViolation(error)) throw error;
            throw new Problem('alert.linkToken', 'Another link has this token: make a new one.');
          });
        return {
          hash,
          until: Number(link.until),
          openings: 0,
          answer: null,
          link: json as AlertLinkJson,
        };
      });
    },

    async open(opener, visitor, route) {
      await options.ownLedger();
      const opened = await store.transaction(async (transaction) => {
        const link = await goodLink(transaction, opener, visitor);
        const row = await alertBy(transaction, 'digest', link.alert);
        if (row === undefined) throw unknownAlert();
        if (row.timestamp === null) {
          throw new Problem(
            'alert.notAnchored',
            'The alert is not on the ledger yet: try again in a minute.',
          );
        }
        await transaction.execute(
          'UPDATE alert_links SET visitor = $2, openings = openings + 1, opened_at = $3 WHERE hash = $1',
          [link.hash, link.visitor, clock()],
        );
        const forest = await forestOf(transaction, [row]);
        const recorded = await recordedLinks(transaction, [link.hash]);
        const { alert } = foldAnswers(row, anchoredAnswers(forest, toHex(row.reference)));
        return { link, row, timestamp: row.timestamp, alert, view: linkDetail(link, recorded) };
      });
      const { link, row, alert, view } = opened;
      const digest = toHex(row.digest) as Digest;
      const hash = toHex(link.hash) as AlertLinkHash;
      const contents = await contentsOf({ kind: 'bearer', consent: hash }, route, row);
      const content = contents[digest];
      if (content === undefined) throw new Problem('content.erased', 'What the alert said was erased.');
      return {
        reference: toHex(row.reference),
        attester: row.attester.toString(),
        raisedAt: Number(opened.timestamp),
        state: alert.state,
        due: row.due === null ? null : Number(row.due),
        until: view.until,
        openings: view.openings + 1,
        link: view.link,
        content,
        answer: view.answer,
      };
    },

    async answerByLink(reference, opener, visitor, given) {
      await options.ownLedger();
      return store.transaction(async (transaction) => {
        const row = await goodLink(transaction, opener, visitor);
        const alert = await alertBy(transaction, 'digest', row.alert);
        if (alert === undefined || toHex(alert.reference) !== reference) throw unknownAlert();
        const answer = readLinkAnswer(ledger, readAlertLink(ledger, row.link), given);
        const skew = answer.at - now();
        if (skew > MOST_SKEW || skew < -MOST_SKEW) {
          throw new Problem('alert.linkTime', 'The answer’s time is not now: set the clock of your device.');
        }
        const signed = given as LinkAnswerJson;
        await transaction.execute(
          `UPDATE alert_links SET visitor = $2, answer = $3, answered_at = $4 WHERE hash = $1`,
          [
            row.hash,
            row.visitor,
            keyring.wrap('identifier', utf8(JSON.stringify(signed)), row.hash),
            clock(),
          ],
        );
        await notices.post(transaction, [
          {
            recipient: { organisation: alert.attester as OrganisationId },
            kind: 'alert.linkAnswered',
            about: `${toHex(row.hash)} ${signed.signature}`,
            content: { reference, status: answer.status },
            entry: toHex(alert.digest) as Digest,
          },
        ]);
        const recorded = await recordedLinks(transaction, [row.hash]);
        return { signed, recorded: recorded.get(toHex(row.hash)) === signed.status };
      });
    },

    async tell() {
      const own = await options.ownLedger();
      return store.transaction(async (transaction) => {
        const posted = [
          await tellRaised(transaction, own),
          await tellAnswered(transaction, own),
          await tellDue(transaction, own),
        ];
        return posted.reduce((sum, count) => sum + count, 0);
      });
    },
  };

  async function tellRaised(transaction: Transaction, own: number): Promise<number> {
    const rows = await transaction.query<Found>(
      `SELECT ${ALERT_COLUMNS}, anchor.timestamp FROM ${ALERTS}
       WHERE alerts.told_at IS NULL AND anchor.timestamp IS NOT NULL
       ORDER BY alerts.accepted_at LIMIT ${TOLD_AT_ONCE} FOR UPDATE OF alerts SKIP LOCKED`,
      [own],
    );
    if (rows.length === 0) return 0;
    await transaction.execute('UPDATE alerts SET told_at = $2 WHERE digest = ANY($1::bytea[])', [
      rows.map(({ digest }) => digest),
      clock(),
    ]);
    return notices.post(
      transaction,
      rows.flatMap((row) => noticeTo(row.recipient, 'alert.raised', row, {})),
    );
  }

  async function tellAnswered(transaction: Transaction, own: number): Promise<number> {
    // An answer may be on the ledger before its alert came here: it waits for it, for a while, and in nobody's way.
    const patience = new Date(clock().getTime() - PATIENCE_MILLISECONDS);
    const rows = await transaction.query<AnswerRow>(
      `SELECT ${ANSWER_COLUMNS} FROM ${ANSWERS}
       WHERE alert_answers.told_at IS NULL AND anchor.timestamp IS NOT NULL
         AND (alert_answers.accepted_at < $2
           OR EXISTS (SELECT 1 FROM alerts WHERE alerts.reference = alert_answers.reference))
       ORDER BY alert_answers.accepted_at LIMIT ${TOLD_AT_ONCE} FOR UPDATE OF alert_answers SKIP LOCKED`,
      [own, patience],
    );
    if (rows.length === 0) return 0;
    await transaction.execute('UPDATE alert_answers SET told_at = $2 WHERE digest = ANY($1::bytea[])', [
      rows.map(({ digest }) => digest),
      clock(),
    ]);
    const alerts = await transaction.query<Found>(
      `SELECT ${ALERT_COLUMNS}, anchor.timestamp FROM ${ALERTS} WHERE alerts.reference = ANY($2::bytea[])`,
      [own, rows.map(({ reference }) => reference)],
    );
    const byReference = new Map(alerts.map((row) => [toHex(row.reference), row]));
    const answers = await answersOf(
      transaction,
      own,
      alerts.map(({ reference }) => reference),
    );
    const told = rows.flatMap((answer): NewNotice[] => {
      const alert = byReference.get(toHex(answer.reference));
      if (alert === undefined) return [];
      const all = (answers.get(toHex(answer.reference)) ?? []).filter(({ timestamp }) => timestamp !== null);
      // What counts for nothing is not told of.
      const digest = toHex(answer.digest);
      if (!foldAnswers(alert, all).counted.some((one) => toHex(one.digest) === digest)) return [];
      const to = partyOf(alert, answer) === 'raiser' ? alert.recipient : alert.attester;
      if (to === answer.organisation) return [];
      const content = { status: answer.status, organisation: answer.organisation.toString() };
      return noticeTo(to, 'alert.answered', alert, content, digest as Digest);
    });
    return notices.post(transaction, told);
  }

  async function tellDue(transaction: Transaction, own: number): Promise<number> {
    const at = now();
    const rows = await transaction.query<Found & { reminded: boolean }>(
      `SELECT ${ALERT_COLUMNS}, anchor.timestamp, alerts.reminded_at IS NOT NULL AS reminded FROM ${ALERTS}
       WHERE alerts.due IS NOT NULL AND alerts.overdue_at IS NULL AND anchor.timestamp IS NOT NULL
         AND (alerts.due < $2 OR (alerts.reminded_at IS NULL
           AND alerts.due - least($3::int8, (alerts.due - anchor.timestamp) / 4) <= $2))
       ORDER BY alerts.due LIMIT ${TOLD_AT_ONCE} FOR UPDATE OF alerts SKIP LOCKED`,
      [own, at, REMIND_SECONDS],
    );
    if (rows.length === 0) return 0;
    const over = rows.filter(({ due }) => due !== null && due < at);
    const soon = rows.filter((row) => !over.includes(row));
    const marked = async (column: 'reminded_at' | 'overdue_at', which: readonly Found[]): Promise<void> => {
      await transaction.execute(`UPDATE alerts SET ${column} = $2 WHERE digest = ANY($1::bytea[])`, [
        which.map(({ digest }) => digest),
        clock(),
      ]);
    };
    await marked('overdue_at', over);
    await marked('reminded_at', soon);
    const answers = await answersOf(
      transaction,
      own,
      rows.map(({ reference }) => reference),
    );
    const waits = (row: Found): boolean => {
      const all = (answers.get(toHex(row.reference)) ?? []).filter(({ timestamp }) => timestamp !== null);
      return isWaiting(foldAnswers(row, all).alert);
    };
    return notices.post(transaction, [
      ...soon.filter(waits).flatMap((row) => noticeTo(row.recipient, 'alert.due', row, {})),
      ...over
        .filter(waits)
        .flatMap((row) => [
          ...noticeTo(row.recipient, 'alert.overdue', row, {}),
          ...noticeTo(row.attester, 'alert.overdue', row, {}),
        ]),
    ]);
  }

  function noticeTo(
    organisation: bigint | null,
    kind: 'alert.raised' | 'alert.answered' | 'alert.due' | 'alert.overdue',
    row: Found,
    content: Readonly<Record<string, string>>,
    entry: Digest = toHex(row.digest) as Digest,
  ): NewNotice[] {
    if (organisation === null) return [];
    return [
      {
        recipient: { organisation: organisation as OrganisationId },
        kind,
        about: entry,
        content: {
          reference: toHex(row.reference),
          attester: row.attester.toString(),
          // Until when an answer is expected goes with the notices of the alert's own entry, where it is erased.
          ...(row.due === null || kind === 'alert.answered' ? {} : { due: Number(row.due) }),
          ...content,
        },
        entry,
      },
    ];
  }
}

/** A device's clock may be wrong by so much, in seconds. */
const MOST_SKEW = 900n;

const textOf = (organisation: bigint | null): string | null => organisation?.toString() ?? null;

const unknownAlert = (): Problem =>
  new Problem('alert.unknown', 'No alert of this name is yours or for you here.');
