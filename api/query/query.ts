import { createHash } from 'node:crypto';
import { fromHex, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { standingAt } from '../../core/chain/organisation.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope, openSealed } from '../../core/envelope/envelope.ts';
import type { Identifier } from '../../core/identifiers/identifier.ts';
import { changesOf, type Report, type ReportOrganisation } from '../../core/report/report.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Pipeline } from '../pipeline.ts';
import { Problem } from '../problem.ts';
import type { Queryable, Store } from '../store/store.ts';
import { TextCache } from './cache.ts';
import { overviewOf } from './overview.ts';
import type { Proofs } from './proof.ts';
import { buildReport, organisationsOf, type ReportSource, type Viewer } from './report.ts';
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
  /** The report of an identifier; a history that is empty is a report too. */
  report(identifier: Identifier, viewer: Viewer): Promise<Served>;
  /** What the history comes to. */
  overview(identifier: Identifier, viewer: Viewer): Promise<Served>;
  /** Whether a subject has any entry. */
  isRecorded(subject: Subject): Promise<boolean>;
  organisations(after: bigint, limit: number): Promise<ReportOrganisation[]>;
  /** @throws `organisation.unknown` */
  organisation(id: OrganisationId): Promise<ReportOrganisation>;
  /** The lowest nonce above all that the organisation is known to have used. */
  nextNonce(id: OrganisationId): Promise<bigint>;
  /** Keeps a profile. @throws `organisation.unknown` `profile.mismatch` */
  putProfile(id: OrganisationId, text: Uint8Array): Promise<Digest>;
  /** The claims of each subject, with the sealed fields that the viewer may see. */
  claims(subjects: readonly Subject[], viewer: OrganisationId): Promise<Map<Subject, Claim[]>>;
  /** The batches that list a serial. */
  batchesOf(serial: Subject): Promise<{ batch: Subject; digest: Digest; identifier: string | null }[]>;
  directory(): Promise<Directory>;
  /** What is shown has changed by other means than the chain: nothing that was made before is given any more. */
  forget(): void;
}

const CACHE_CHARACTERS = 64 * 1024 * 1024;
/** How long an answer may be given without asking the store whether it is still the answer. */
const TRUSTED_MILLISECONDS = 1_000;
/** How long it may be given at all: what it shows may have been erased by another process. */
const KEPT_MILLISECONDS = 60_000;

type Cached = Served & { readonly version: string; readonly madeAt: number; checkedAt: number };

export function createQuery(
  source: ReportSource,
  pipeline: Pick<Pipeline, 'on' | 'ownLedger'>,
  proofs: Proofs | null = null,
): Query {
  const { store, secrets, deployment } = source;
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
      for (const shape of ['report', 'overview']) cache.delete(keyOf(shape, subject, null));
    }
  };
  pipeline.on('subjects', ({ subjects }) => forget(subjects));
  pipeline.on('organisations', forgetAll);
  pipeline.on('ledgers', forgetAll);
  pipeline.on('reorganised', forgetAll);

  async function served(
    shape: string,
    identifier: Identifier,
    viewer: Viewer,
    make: () => Promise<{ text: string; whole: boolean }>,
  ): Promise<Served> {
    const { subject } = source.evaluator.evaluate(identifier);
    // What one organisation may see is nobody else's, and seldom asked for twice.
    if (viewer !== null) return etagged((await make()).text);
    const key = keyOf(shape, subject, viewer);
    const kept = cache.get(key);
    const now = Date.now();
    if (kept !== undefined && now - kept.madeAt < KEPT_MILLISECONDS) {
      if (now - kept.checkedAt < TRUSTED_MILLISECONDS) return kept;
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
      const { text, whole } = await make();
      const answer = etagged(text);
      if (whole && before === generation) {
        const time = Date.now();
        cache.set(key, { ...answer, version, madeAt: time, checkedAt: time });
      }
      return answer;
    })().finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  async function read(identifier: Identifier, viewer: Viewer, proven: boolean): Promise<Report> {
    const build = () => buildReport(source, identifier, viewer);
    const report = proven && proofs !== null ? await proofs.attach(build) : await build();
    if (viewer !== null) {
      const shown = Object.entries(report.contents).flatMap(([digest, content]) =>
        'disclosures' in content && content.disclosures.length > 0 ? [fromHex(digest, 32)] : [],
      );
      await recordSealedReads(store, viewer, shown, 'report');
    }
    return report;
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

  return {
    report: (identifier, viewer) =>
      served('report', identifier, viewer, async () => {
        const report = await read(identifier, viewer, true);
        return { text: JSON.stringify(report), whole: isWhole(report) };
      }),

    overview: (identifier, viewer) =>
      served('overview', identifier, viewer, async () => {
        const report = await read(identifier, viewer, false);
        return { text: JSON.stringify(overviewOf(report, identifier, ledger)), whole: isWhole(report) };
      }),

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
      await store.execute('INSERT INTO blocks (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        digest,
        text,
      ]);
      forgetAll();
      return toHex(digest) as Digest;
    },

    forget: forgetAll,

    claims: (subjects, viewer) => claimsOf(store, secrets, subjects, viewer),

    async batchesOf(serial) {
      const rows = await store.query<{ batch: Uint8Array; digest: Uint8Array; wrapped: Uint8Array | null }>(
        `SELECT serials.batch, serials.digest, identifiers.wrapped FROM serials
         LEFT JOIN identifiers ON identifiers.subject = serials.batch
         WHERE serials.serial = $1 ORDER BY serials.batch, serials.digest`,
        [fromHex(serial, 32)],
      );
      return rows.map(({ batch, digest, wrapped }) => ({
        batch: toHex(batch) as Subject,
        digest: toHex(digest) as Digest,
        identifier: wrapped === null ? null : secrets.identifier(batch, wrapped),
      }));
    },

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

function keyOf(shape: string, subject: Subject, viewer: Viewer): string {
  return `${shape}/${viewer ?? ''}/${subject}`;
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
    unread: string[];
    others: (Uint8Array | null)[];
    set_stored: Date | null;
    erased: bigint | null;
  }>(
    `SELECT ARRAY(SELECT (SELECT head::bytea FROM links WHERE subject = $1 AND ledger = listed.number
           ORDER BY position DESC LIMIT 1)
         FROM generate_series(0, (SELECT coalesce(max(number), 0) FROM directory_links)) AS listed(number)
         ORDER BY listed.number) AS own,
       ARRAY[${tables.map(last).join(', ')}] AS others,
       ARRAY(SELECT name FROM cursors WHERE name LIKE '%:%' ORDER BY name) AS unread,
       (SELECT max(stored_at) FROM sets) AS set_stored, (SELECT max(number) FROM erasures) AS erased`,
    [fromHex(subject, 32)],
  );
  const heads = [...(row?.own ?? []), ...(row?.others ?? [])].map((head) => (head ? toHex(head) : '-'));
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
  readonly disclosures: Uint8Array[] | null;
};

async function claimsOf(
  store: Store,
  secrets: ReportSource['secrets'],
  subjects: readonly Subject[],
  viewer: OrganisationId,
): Promise<Map<Subject, Claim[]>> {
  const rows = await store.query<ClaimRow>(
    `SELECT claims.subject, claims.digest, claims.organisation, claims.accepted_at,
       EXISTS (SELECT 1 FROM links WHERE links.digest = claims.digest AND links.subject = claims.subject) AS anchored,
       blocks.body, block_keys.wrapped, opened.disclosures
     FROM claims
     LEFT JOIN blocks ON blocks.digest = claims.digest
     LEFT JOIN block_keys ON block_keys.digest = claims.digest
     LEFT JOIN LATERAL (
       SELECT array_agg(wrapped ORDER BY name) AS disclosures FROM disclosures
       WHERE claims.organisation = $2 AND disclosures.digest = claims.digest
     ) AS opened ON true
     WHERE claims.subject = ANY($1::bytea[])
     ORDER BY claims.accepted_at, claims.digest`,
    [subjects.map((subject) => fromHex(subject, 32)), viewer],
  );
  const found = new Map<Subject, Claim[]>();
  const read: Uint8Array[] = [];
  for (const row of rows) {
    // Erased, or never handed on: that there is a claim stands on the ledger, what it says is gone.
    if (row.body === null || row.wrapped === null) continue;
    const envelope = openEnvelope(row.body, secrets.blockKey(row.digest, row.wrapped));
    const disclosures = (row.disclosures ?? []).map((wrapped) => secrets.disclosure(row.digest, wrapped));
    if (disclosures.length > 0) read.push(row.digest);
    const { _sd: _, ...data } = envelope.data;
    const claim: Claim = {
      digest: toHex(row.digest) as Digest,
      organisation: row.organisation.toString(),
      acceptedAt: row.accepted_at,
      anchored: row.anchored,
      time: envelope.time,
      data,
      sealed: openSealed(envelope, disclosures),
    };
    const subject = toHex(row.subject) as Subject;
    const others = found.get(subject);
    if (others === undefined) found.set(subject, [claim]);
    else others.push(claim);
  }
  await recordSealedReads(store, viewer, read, 'claims');
  return found;
}

/** Remembers who was shown the sealed fields of which entries. */
export async function recordSealedReads(
  store: Queryable,
  organisation: OrganisationId,
  digests: readonly Uint8Array[],
  route: string,
): Promise<void> {
  if (digests.length === 0) return;
  await store.execute(
    `INSERT INTO sealed_reads (organisation, digest, route)
     SELECT $1, digest, $3 FROM unnest($2::bytea[]) AS source(digest)`,
    [organisation, digests, route],
  );
}
