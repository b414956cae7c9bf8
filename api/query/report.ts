import { fromHex, toBase64Url, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { vehicleBuilt } from '../../core/kinds/vehicle.ts';
import type { Report, ReportContent, ReportOrganisation } from '../../core/report/report.ts';
import type { Deployment } from '../deployment.ts';
import { Problem } from '../problem.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
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

/** Who reads: an organisation sees the sealed fields of its own entries, anyone else none. */
export type Viewer = OrganisationId | null;

/** Kinds that make their attester the subject's maker, whose own chain the reader must see whole. */
const MAKER_KINDS = [vehicleBuilt.number];

const LINK_COLUMNS = 'kind, organisation, timestamp, digest, block_number, transaction_hash';
const WITHHELD = {
  block: 'The block is not held here: it came by another operator and was not handed on.',
  key: 'The key of this block is not held here.',
};

type ContentRow = {
  readonly digest: Uint8Array;
  readonly body: Uint8Array | null;
  readonly wrapped: Uint8Array | null;
  readonly disclosures: Uint8Array[] | null;
};

/**
 * Everything that a reader needs to check one subject's history, as of one state of the index.
 * @throws `index.behind` while the index has not read the directory yet
 */
export async function buildReport(
  source: ReportSource,
  identifier: Identifier,
  viewer: Viewer,
): Promise<Report> {
  const { subject, transcript } = source.evaluator.evaluate(identifier);
  const state = await source.store.transaction((transaction) => readState(transaction, subject, viewer), {
    isolation: 'repeatable read',
  });
  const contents: Record<string, ReportContent> = {};
  const ownDigests = new Set(state.ownLinks.map((link) => toHex(link.digest)));
  for (const row of state.contents) {
    const digest = toHex(row.digest) as Digest;
    contents[digest] = contentOf(source.secrets, row);
    const content = contents[digest];
    if (!ownDigests.has(digest) || content === undefined || 'withheld' in content) continue;
    const setProof = await source.sets.prove(digest, content, identifier);
    if (setProof !== null) contents[digest] = { ...content, setProof };
  }
  const { deployment } = source;
  return {
    vinculum: 'report/1',
    identifier: formatIdentifier(identifier),
    createdAt: Math.floor(Date.now() / 1000),
    directory: {
      chainId: deployment.chainId.toString(),
      address: deployment.directory,
      links: state.directory.map(directoryLink),
    },
    ledgers: [
      {
        ledger: formatLedgerId({ chainId: deployment.chainId, address: deployment.ledger }),
        subject,
        transcript: {
          evaluated: toBase64Url(transcript.evaluated),
          proof: toBase64Url(transcript.proof),
        },
        asOf: state.asOf,
        links: state.links.map(reportLink),
        ownChains: ownChainsOf(state.makers, state.ownLinks),
        organisations: organisationsOf(state.changes, state.profiles),
      },
    ],
    contents,
  };
}

async function readState(transaction: Transaction, subject: Subject, viewer: Viewer) {
  const links = await transaction.query<LinkRow>(
    `SELECT ${LINK_COLUMNS}, module, actor, action_hash FROM links WHERE subject = $1 ORDER BY position`,
    [fromHex(subject, 32)],
  );
  const makers = distinct(
    links.flatMap((link) =>
      link.organisation !== null && MAKER_KINDS.includes(link.kind) ? [link.organisation] : [],
    ),
  );
  const ownLinks =
    makers.length === 0
      ? []
      : await transaction.query<LinkRow & { organisation: bigint }>(
          `SELECT ${LINK_COLUMNS} FROM own_links WHERE organisation = ANY($1::int8[]) ORDER BY organisation, position`,
          [makers],
        );
  const attesters = distinct([
    ...links.flatMap((link) => (link.organisation === null ? [] : [link.organisation])),
    ...makers,
  ]);
  const changes =
    attesters.length === 0
      ? []
      : await transaction.query<ChangeRow>(
          `SELECT organisation, change, value, timestamp FROM organisation_links
           WHERE organisation = ANY($1::int8[]) ORDER BY organisation, position`,
          [attesters],
        );
  const all = [...links, ...ownLinks];
  const contents =
    all.length === 0
      ? []
      : await transaction.query<ContentRow>(
          `SELECT wanted.digest, blocks.body, block_keys.wrapped, opened.disclosures
           FROM unnest($1::bytea[], $2::boolean[]) AS wanted(digest, sealed)
           LEFT JOIN blocks ON blocks.digest = wanted.digest
           LEFT JOIN block_keys ON block_keys.digest = wanted.digest
           LEFT JOIN LATERAL (
             SELECT array_agg(wrapped ORDER BY name) AS disclosures FROM disclosures
             WHERE wanted.sealed AND disclosures.digest = wanted.digest
           ) AS opened ON true`,
          [
            all.map((link) => link.digest),
            all.map((link) => viewer !== null && link.organisation === viewer),
          ],
        );
  const profileDigests = changes.filter(({ change }) => change === PROFILE_SET).map(({ value }) => value);
  const profiles =
    profileDigests.length === 0
      ? []
      : await transaction.query<{ digest: Uint8Array; body: Uint8Array }>(
          'SELECT digest, body FROM blocks WHERE digest = ANY($1::bytea[])',
          [profileDigests],
        );
  const directory = await transaction.query<DirectoryRow>(
    `SELECT change, ledger_index, chain_id, ledger, organisations, code_hash, pseudonym_key, closed_at
     FROM directory_links ORDER BY position`,
  );
  const [block] = await transaction.query<{ number: bigint; hash: Uint8Array; timestamp: bigint }>(
    'SELECT number, hash, timestamp FROM chain_blocks ORDER BY number DESC LIMIT 1',
  );
  if (block === undefined || directory.length === 0) {
    throw new Problem('index.behind', 'The index has not read the ledger’s first blocks yet.');
  }
  const asOf = { number: Number(block.number), hash: toHex(block.hash), timestamp: Number(block.timestamp) };
  return { links, makers, ownLinks, changes, contents, profiles, directory, asOf };
}

/** The change of an organisation's record that names its profile. */
const PROFILE_SET = 5;

function contentOf(secrets: Secrets, row: ContentRow): ReportContent {
  if (row.body === null) return { withheld: WITHHELD.block };
  if (row.wrapped === null) return { withheld: WITHHELD.key };
  return {
    block: toBase64Url(row.body),
    key: toBase64Url(secrets.blockKey(row.digest, row.wrapped)),
    disclosures: (row.disclosures ?? []).map((wrapped) => secrets.disclosure(row.digest, wrapped)),
  };
}

function ownChainsOf(makers: readonly bigint[], links: readonly (LinkRow & { organisation: bigint })[]) {
  return makers.map((maker) => ({
    organisation: maker.toString(),
    links: links.filter((link) => link.organisation === maker).map(reportLink),
  }));
}

export function organisationsOf(
  changes: readonly ChangeRow[],
  profiles: readonly { digest: Uint8Array; body: Uint8Array }[],
): ReportOrganisation[] {
  const texts = new Map(
    profiles.map(({ digest, body }) => [toHex(digest), Buffer.from(body).toString('utf8')]),
  );
  return distinct(changes.map((change) => change.organisation)).map((id) => {
    const own = changes.filter((change) => change.organisation === id);
    const last = own.findLast(({ change }) => change === PROFILE_SET);
    const profile = last === undefined ? undefined : texts.get(toHex(last.value));
    return { id: id.toString(), changes: own.map(reportChange), profile: profile ?? null };
  });
}

function distinct(values: readonly bigint[]): bigint[] {
  return [...new Set(values)];
}
