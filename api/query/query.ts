import { createHash } from 'node:crypto';
import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { standingAt } from '../../core/chain/organisation.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope, openSealed } from '../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { changesOf, isOpenContent, type Report, type ReportOrganisation } from '../../core/report/report.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Pipeline } from '../pipeline.ts';
import type { Reading } from '../privacy/reader.ts';
import type { SealedFields, Shown, Wanted } from '../privacy/sealed.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';
import { TextCache } from './cache.ts';
import { overviewOf } from './overview.ts';
import type { Proofs } from './proof.ts';
import { buildReport, organisationsOf, type ReportSource, withDisclosures } from './report.ts';
import { type ChangeRow, type DirectoryRow, directoryLink } from './rows.ts';

/** An answer as it is sent. */
export type Served = { readonly text: string; readonly etag: string };

export type Claim = {
  readonly digest: Digest;
  readonly organisation: string;
  readonly acceptedAt: Date;
  readonly anchored: boolean;
  readonly time: string;
  readonly data: Envelope['data'];
  readonly sealed: Readonly<Record<string, unknown>>;
};

export type Directory = {
  readonly links: readonly ReturnType<typeof directoryLink>[];
  readonly asOf: AsOf | null;
};
export type AsOf = { readonly number: number; readonly hash: string; readonly timestamp: number };

/** Answers from the index. */
export interface Query {
  /** The report of an identifier, with what this reader may see; a history that is empty is a report too. */
  report(identifier: Identifier, reading: Reading): Promise<Served>;
  /** The report with what somebody is shown of it, by rights that are found out once it is known what there is. */
  openedReport(identifier: Identifier, show: (wanted: Wanted) => Promise<Shown>): Promise<Served>;
  /** The report of a batch, with the proofs that a serial is, or is not, in the sets that its entries name. */
  memberReport(identifier: Identifier, member: Identifier, reading: Reading): Promise<Served>;
  /** What the history comes to. */
  overview(identifier: Identifier, reading: Reading): Promise<Served>;
  /** The report as anyone gets it: nothing sealed is open. */
  publicReport(identifier: Identifier): Promise<Served>;
  /** Whether a subject has any entry. */
  isRecorded(subject: Subject): Promise<boolean>;
  organisations(after: bigint, limit: number): Promise<ReportOrganisation[]>;
  /** @throws `organisation.unknown` */
  organisation(id: OrganisationId): Promise<ReportOrganisation>;
  /** The lowest nonce above all that the organisation is known to have used. */
  nextNonce(id: OrganisationId): Promise<bigint>;
  /** Keeps a profile. @throws `organisation.unknown` `profile.mismatch` */
  putProfile(id: OrganisationId, text: Uint8Array): Promise<Digest>;
  /** The claims of each subject, by its identifier as envelopes state it, with what this reader may see. */
  claims(subjects: ReadonlyMap<Subject, string>, reading: Reading): Promise<Map<Subject, Claim[]>>;
  directory(): Promise<Directory>;
  /** What is shown has changed by other means than the chain: nothing that was made before is given any more. */
  forget(): void;
}

const CACHE_CHARACTERS = 64 * 1024 * 1024;
/** How long an answer may be given without asking the store whether it is still the answer. */
const TRUSTED_MILLISECONDS = 1_000;
/** How long it may be given at all: what it shows may have been erased by another process. */
const KEPT_MILLISECONDS = 60_000;

type Cached = Served & {
  readonly version: string;
  /** Whether no other subject’s history is in it, whose changes nobody would be told of here. */
  readonly alone: boolean;
  readonly madeAt: number;
  checkedAt: number;
};

export function createQuery(
  source: ReportSource & { readonly sealed: SealedFields },
  pipeline: Pick<Pipeline, 'on' | 'ownLedger'>,
  proofs: Proofs | null = null,
): Query {
  const { store, secrets, deployment, sealed } = source;
  const ledger = formatLedgerId({ chainId: deployment.chainId, address: deployment.ledger });
  const cache = new TextCache<Cached>(CACHE_CHARACTERS);
  /** What is being made; whoever asks for the same meanwhile gets the same. */
  const making = new Map<string, Promise<Served>>();
  let generation = 0;

  const forgetAll = () => {
    generation += 1;
    cache.clear();
  };
  const forget = (subjects: readonly Subject[]) => {
    generation += 1;
    for (const subject of subjects) {
      for (const shape of ['report', 'overview']) cache.delete(keyOf(shape, subject));
    }
  };
  pipeline.on('subjects', ({ subjects }) => forget(subjects));
  pipeline.on('organisations', forgetAll);
  pipeline.on('campaigns', forgetAll);
  pipeline.on('ledgers', forgetAll);
  pipeline.on('reorganised', forgetAll);

  /** What is the same for everybody, and so may be kept. */
  async function served(
    shape: string,
    identifier: Identifier,
    make: () => Promise<{ text: string; report: Report }>,
  ): Promise<Served> {
    const { subject } = source.evaluator.evaluate(identifier);
    const key = keyOf(shape, subject);
    const kept = cache.get(key);
    const now = Date.now();
    if (kept !== undefined && now - kept.madeAt < KEPT_MILLISECONDS) {
      if (kept.alone && now - kept.checkedAt < TRUSTED_MILLISECONDS) return kept;
      if ((await versionOf(store, subject)) === kept.version) {
        kept.checkedAt = now;
        return kept;
      }
    }
    const running = making.get(key);
    if (running !== undefined) return running;
    const made = (async () => {
      const before = generation;
      const version = await versionOf(store, subject);
      const { text, report } = await make();
      const answer = etagged(text);
      if (isWhole(report) && before === generation) {
        const time = Date.now();
        const alone = report.ledgers.every(
          ({ predecessors, parts }) => predecessors === undefined && parts === undefined,
        );
        cache.set(key, { ...answer, version, alone, madeAt: time, checkedAt: time });
      }
      return answer;
    })().finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  const publicReport = (identifier: Identifier): Promise<Served> =>
    served('report', identifier, async () => {
      const build = () => buildReport(source, identifier);
      const report = proofs === null ? await build() : await proofs.attach(build);
      return { text: JSON.stringify(report), report };
    });

  const overviewText = (report: Report, identifier: Identifier): string =>
    JSON.stringify(overviewOf(report, identifier, ledger));

  /** What somebody is shown of a report: nobody else's, and never kept. */
  async function opened(
    report: Report,
    identifier: Identifier,
    show: (wanted: Wanted) => Promise<Shown>,
  ): Promise<Report> {
    const { subject } = source.evaluator.evaluate(identifier);
    const digests = new Set(
      Object.keys(report.contents).filter((digest) => isOpenContent(report.contents[digest])) as Digest[],
    );
    const shown = await show({ identifier: formatIdentifier(identifier), subject, digests });
    return withDisclosures(report, shown.get(subject));
  }

  async function openedReport(
    identifier: Identifier,
    show: (wanted: Wanted) => Promise<Shown>,
  ): Promise<Served> {
    const served = await publicReport(identifier);
    const report = JSON.parse(served.text) as Report;
    const shown = await opened(report, identifier, show);
    return shown === report ? served : etagged(JSON.stringify(shown));
  }

  async function recordsOf(ids: readonly bigint[]): Promise<ReportOrganisation[]> {
    const changes = await store.query<ChangeRow>(
      `SELECT organisation, change, value, timestamp FROM organisation_links
       WHERE register = $2 AND organisation = ANY($1::int8[]) ORDER BY organisation, position`,
      [ids, OWN_REGISTER],
    );
    const digests = changes.filter(({ change }) => change === PROFILE_SET).map(({ value }) => value);
    const profiles = await store.query<{ digest: Uint8Array; body: Uint8Array }>(
      'SELECT digest, body FROM blocks WHERE digest = ANY($1::bytea[])',
      [digests],
    );
    return organisationsOf(changes, profiles);
  }

  async function organisation(id: OrganisationId): Promise<ReportOrganisation> {
    const [found] = await recordsOf([id]);
    if (found === undefined)
      throw new Problem('organisation.unknown', `Organisation ${id} was never admitted.`);
    return found;
  }

  const report: Query['report'] = (identifier, reading) =>
    reading.reader.kind === 'anyone'
      ? publicReport(identifier)
      : openedReport(identifier, (wanted) => sealed.show(reading, [wanted]));

  return {
    publicReport,

    async memberReport(identifier, member, reading) {
      const { text } = await report(identifier, reading);
      const { contents, ...rest } = JSON.parse(text) as Report;
      for (const [digest, content] of Object.entries(contents)) {
        if (!isOpenContent(content)) continue;
        const setProof = await source.sets.prove(digest as Digest, content, member);
        if (setProof !== null) contents[digest] = { ...content, setProof };
      }
      return etagged(JSON.stringify({ ...rest, member: formatIdentifier(member), contents }));
    },

    openedReport,

    report,

    async overview(identifier, reading) {
      if (reading.reader.kind !== 'anyone') {
        const report = await buildReport(source, identifier);
        const shown = await opened(report, identifier, (wanted) => sealed.show(reading, [wanted]));
        return etagged(overviewText(shown, identifier));
      }
      return served('overview', identifier, async () => {
        const report = await buildReport(source, identifier);
        return { text: overviewText(report, identifier), report };
      });
    },

    async isRecorded(subject) {
      const rows = await store.query('SELECT 1 AS found FROM links WHERE subject = $1 LIMIT 1', [
        fromHex(subject, 32),
      ]);
      return rows.length > 0;
    },

    async organisations(after, limit) {
      const ids = await store.query<{ organisation: bigint }>(
        `SELECT organisation FROM organisation_links WHERE register = $3 AND organisation > $1 AND position = 0
         ORDER BY organisation LIMIT $2`,
        [after, limit, OWN_REGISTER],
      );
      return recordsOf(ids.map((row) => row.organisation));
    },

    organisation,

    async nextNonce(id) {
      await organisation(id);
      const [row] = await store.query<{ last: string | null }>(
        `SELECT max(nonce)::text AS last FROM (
           SELECT max(nonce) AS nonce FROM accepted WHERE ledger = $2 AND organisation = $1
           UNION ALL
           SELECT max(nonce) AS nonce FROM submissions
           WHERE ledger = $2 AND organisation = $1 AND state NOT IN ('expired', 'conflicted')
         ) AS used`,
        [id, await pipeline.ownLedger()],
      );
      return row?.last === null || row === undefined ? 0n : BigInt(row.last) + 1n;
    },

    async putProfile(id, text) {
      const digest = createHash('sha256').update(text).digest();
      const record = changesOf(await organisation(id));
      if (standingAt(record).profile !== toHex(digest)) {
        throw new Problem('profile.mismatch', 'The SHA-256 of the profile is not the one on the ledger.', {
          extensions: { expected: standingAt(record).profile, found: toHex(digest) },
        });
      }
      const inserted = await store.execute(
        'INSERT INTO blocks (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [digest, text],
      );
      // What is here already changes nothing: anybody may hand it in, as often as they like.
      if (inserted > 0) forgetAll();
      return toHex(digest) as Digest;
    },

    forget: forgetAll,

    claims: (subjects, reading) => claimsOf(store, secrets, sealed, subjects, reading),

    async directory() {
      const rows = await store.query<DirectoryRow>(
        `SELECT change, ledger_index, chain_id, ledger, organisations, code_hash, pseudonym_key, closed_at
         FROM directory_links ORDER BY position`,
      );
      const [block] = await store.query<{ number: bigint; hash: Uint8Array; timestamp: bigint }>(
        'SELECT number, hash, timestamp FROM chain_blocks ORDER BY number DESC LIMIT 1',
      );
      const asOf =
        block === undefined
          ? null
          : { number: Number(block.number), hash: toHex(block.hash), timestamp: Number(block.timestamp) };
      return { links: rows.map(directoryLink), asOf };
    },
  };
}

const PROFILE_SET = 5;

/** Whether nothing is withheld: what is may come any moment. */
function isWhole(report: Report): boolean {
  return Object.values(report.contents).every((content) => !('withheld' in content));
}

function keyOf(shape: string, subject: Subject): string {
  return `${shape}/${subject}`;
}

function etagged(text: string): Served {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"` };
}

/** Changes whenever anything changes that a report shows: on the ledger, among the kept sets, by an erasure. */
async function versionOf(from: Queryable, subject: Subject): Promise<string> {
  const last = (table: string) =>
    `(SELECT head::bytea FROM ${table} ORDER BY block_number DESC, log_index DESC LIMIT 1)`;
  const tables = ['own_links', 'organisation_links', 'directory_links'];
  const [row] = await from.query<{
    own: (Uint8Array | null)[];
    before: Uint8Array[];
    unread: string[];
    others: (Uint8Array | null)[];
    set_stored: Date | null;
    erased: bigint | null;
  }>(
    `SELECT ARRAY(SELECT (SELECT head::bytea FROM links WHERE subject = $1 AND ledger = listed.number
           ORDER BY position DESC LIMIT 1)
         FROM generate_series(0, (SELECT coalesce(max(number), 0) FROM directory_links)) AS listed(number)
         ORDER BY listed.number) AS own,
       ARRAY(WITH RECURSIVE replaced AS (
           SELECT ledger, action_subject AS subject FROM titles
           WHERE subject = $1 AND position = 0 AND action_subject <> subject
           UNION
           SELECT t.ledger, t.action_subject FROM replaced r
           JOIN titles t ON t.ledger = r.ledger AND t.subject = r.subject AND t.position = 0
           WHERE t.action_subject <> t.subject
         )
         SELECT (SELECT l.head::bytea FROM links l WHERE l.subject = r.subject AND l.ledger = r.ledger
           ORDER BY l.position DESC LIMIT 1)
         FROM (SELECT ledger, subject FROM replaced
           UNION SELECT ledger, subject FROM parts WHERE detail = $1 AND kind IN (17, 18)) AS r
         ORDER BY r.ledger, r.subject) AS before,
       ARRAY[${tables.map(last).join(', ')}] AS others,
       ARRAY(SELECT name FROM cursors WHERE name LIKE '%:%' ORDER BY name) AS unread,
       (SELECT max(stored_at) FROM sets) AS set_stored, (SELECT max(number) FROM erasures) AS erased`,
    [fromHex(subject, 32)],
  );
  const heads = [...(row?.own ?? []), ...(row?.before ?? []), ...(row?.others ?? [])].map((head) =>
    head ? toHex(head) : '-',
  );
  return [...heads, ...(row?.unread ?? []), row?.set_stored?.getTime() ?? 0, row?.erased ?? 0].join('/');
}

type ClaimRow = {
  readonly subject: Uint8Array;
  readonly digest: Uint8Array;
  readonly organisation: bigint;
  readonly accepted_at: Date;
  readonly anchored: boolean;
  readonly body: Uint8Array | null;
  readonly wrapped: Uint8Array | null;
};

async function claimsOf(
  store: Store,
  secrets: ReportSource['secrets'],
  sealed: SealedFields,
  subjects: ReadonlyMap<Subject, string>,
  reading: Reading,
): Promise<Map<Subject, Claim[]>> {
  const rows = await store.query<ClaimRow>(
    `SELECT claims.subject, claims.digest, claims.organisation, claims.accepted_at,
       EXISTS (SELECT 1 FROM links WHERE links.digest = claims.digest AND links.subject = claims.subject) AS anchored,
       blocks.body, block_keys.wrapped
     FROM claims
     LEFT JOIN blocks ON blocks.digest = claims.digest
     LEFT JOIN block_keys ON block_keys.digest = claims.digest
     WHERE claims.subject = ANY($1::bytea[])
     ORDER BY claims.accepted_at, claims.digest`,
    [[...subjects.keys()].map((subject) => fromHex(subject, 32))],
  );
  const wanted = [...subjects].flatMap(([subject, identifier]) => {
    const own = rows.filter((row) => toHex(row.subject) === subject);
    const digests = new Set(own.map((row) => toHex(row.digest) as Digest));
    return digests.size === 0 ? [] : [{ identifier, subject, digests }];
  });
  const shown = await sealed.show(reading, wanted);
  const found = new Map<Subject, Claim[]>();
  for (const row of rows) {
    // Erased, or never handed on: that there is a claim stands on the ledger, what it says is gone.
    if (row.body === null || row.wrapped === null) continue;
    const subject = toHex(row.subject) as Subject;
    const digest = toHex(row.digest) as Digest;
    const envelope = openEnvelope(row.body, secrets.blockKey(row.digest, row.wrapped));
    const { _sd: _, ...data } = envelope.data;
    const claim: Claim = {
      digest,
      organisation: row.organisation.toString(),
      acceptedAt: row.accepted_at,
      anchored: row.anchored,
      time: envelope.time,
      data,
      sealed: openSealed(envelope, shown.get(subject)?.get(digest) ?? []),
    };
    found.set(subject, [...(found.get(subject) ?? []), claim]);
  }
  return found;
}
