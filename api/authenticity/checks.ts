import {
  type Authenticity,
  type CodeFacts,
  judgePart,
  type PartFacts,
} from '../../core/authenticity/judge.ts';
import type { CoarsePlace } from '../../core/authenticity/places.ts';
import type { ScanFlag } from '../../core/authenticity/scans.ts';
import { fromHex, fromUtf8, toBase64Url, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { type OrganisationChange, standingAt } from '../../core/chain/organisation.ts';
import type { Address, Digest, LedgerAddress, OrganisationId } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { judgePart as judgeRecalled } from '../../core/findings/recalls.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { KindData } from '../../core/kinds/kinds.ts';
import { readPartCode, type SignedPartCode } from '../../core/partCode/partCode.ts';
import type { SetProof } from '../../core/tree/proof.ts';
import type { Node, Nodes } from '../graph/nodes.ts';
import { dateOf, nodeBytes } from '../graph/write.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { Notices } from '../notices/notices.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Sets } from '../query/sets.ts';
import type { CampaignBook } from '../recalls/book.ts';
import type { Queryable, Store } from '../store/store.ts';
import { openQuarantines } from './quarantines.ts';
import { flagsOfNode, noteScan } from './scans.ts';

/** What is known of a part, and what to check it against. */
export type CheckResult = Authenticity & {
  readonly identifier: string;
  readonly flags: readonly ScanFlag[];
  /** The code's signer, as the register has it; null without a code. */
  readonly code:
    | (Omit<CodeFacts, 'organisation'> & { readonly organisation: string; readonly signer: Address | null })
    | null;
  /** Who says that they made it, and in which entry. */
  readonly makers: readonly {
    readonly organisation: string;
    readonly by: 'entry' | 'set';
    readonly entry: Digest;
  }[];
  /** Entries of batches whose sets hold it, each with its proof (docs/protocol.md §7). */
  readonly sets: readonly { readonly batch: string; readonly entry: Digest; readonly proof: SetProof }[];
  readonly facts: Omit<PartFacts, 'code' | 'makers'>;
  /** Campaigns that name it, by attester and number. */
  readonly recalls: readonly { readonly organisation: string; readonly campaign: string }[];
};

export type CheckQuestion = {
  /** The text of a code, or an address that carries it. */
  readonly code?: string | undefined;
  /** Instead of a code. */
  readonly identifier?: Identifier | undefined;
  /** The vehicle that it is in, where whoever asks has it there: being mounted in that one is no reason to wonder. */
  readonly vehicle?: Identifier | undefined;
  readonly place?: CoarsePlace | undefined;
};

/** Whether a part is what it claims to be (docs/protocol.md §19). */
export interface Checks {
  /**
   * Only the showing of a code that holds is a scan, and counted: numbers can be guessed, and made to look cloned.
   * @throws `partCode.*` `scan.place`
   */
  check(question: CheckQuestion): Promise<CheckResult>;
}

export type CheckOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'unwrap'>;
  readonly secrets: Secrets;
  readonly nodes: Nodes;
  readonly evaluator: Evaluator;
  readonly sets: Pick<Sets, 'batchesOf' | 'prove'>;
  readonly campaigns: Pick<CampaignBook, 'campaigns'>;
  readonly notices: Pick<Notices, 'post'>;
  readonly ledger: LedgerAddress;
  readonly ownLedger: () => Promise<number>;
  readonly clock?: () => Date;
};

/** What counts of who made something: where it was amended, its last amendment. */
type Made = { readonly digest: Uint8Array; readonly organisation: bigint; readonly day: number };
/** What entries that say that something was made have in common, as their kinds check it. */
type MakersWord = { readonly batch?: string; readonly manufacturerPartId?: string };

export function createChecks(options: CheckOptions): Checks {
  const { store, keyring, secrets, nodes, evaluator, sets } = options;
  const clock = options.clock ?? (() => new Date());

  async function codeFacts(code: SignedPartCode): Promise<CodeFacts> {
    const { organisation, signer } = code;
    const known = formatLedgerId(code.ledger) === formatLedgerId(options.ledger);
    const none = { organisation, ledger: known ? 'known' : 'other' } as const;
    if (signer === null || !known || organisation >= 2n ** 63n) {
      return { ...none, key: signer === null ? 'none' : 'foreign', standing: 'unknown' };
    }
    const rows = await store.query<{ change: number; value: Uint8Array; timestamp: bigint }>(
      `SELECT change, value, timestamp FROM organisation_links WHERE register = $1 AND organisation = $2
       ORDER BY position`,
      [OWN_REGISTER, organisation],
    );
    const changes = rows.map(
      ({ change, value, timestamp }) => ({ change, value: toHex(value), timestamp }) as OrganisationChange,
    );
    const standing = standingAt(changes);
    const wasKey = changes.some(({ change, value }) => change === 7 && value.endsWith(signer.slice(2)));
    return {
      ...none,
      key: standing.signers.has(signer) ? 'active' : wasKey ? 'revoked' : 'foreign',
      standing: standing.status,
    };
  }

  async function open(digests: readonly Uint8Array[]): Promise<Map<string, Envelope>> {
    const rows = await store.query<{ digest: Uint8Array; body: Uint8Array; wrapped: Uint8Array }>(
      `SELECT blocks.digest, body, wrapped FROM blocks JOIN block_keys ON block_keys.digest = blocks.digest
       WHERE blocks.digest = ANY($1::bytea[])`,
      [digests],
    );
    return new Map(
      rows.flatMap(({ digest, body, wrapped }) => {
        try {
          return [[toHex(digest), openEnvelope(body, secrets.blockKey(digest, wrapped))] as const];
        } catch (error) {
          if (error instanceof VinculumError) return [];
          throw error;
        }
      }),
    );
  }

  const madeOf = (from: Queryable, node: Node): Promise<Made[]> =>
    from.query<Made>(
      'SELECT digest::bytea AS digest, organisation, day FROM made WHERE node = $1::text::uuid ORDER BY digest::bytea',
      [node],
    );

  /** The sets that hold it, each shown by a proof, and who says so. */
  async function listings(identifier: Identifier) {
    if (identifier.type !== 'serial') return [];
    const found = await sets.batchesOf(identifier);
    const digests = found.map(({ digest }) => fromHex(digest, 32));
    const contents = await store.query<{ digest: Uint8Array; body: Uint8Array; wrapped: Uint8Array }>(
      `SELECT blocks.digest, body, wrapped FROM blocks JOIN block_keys ON block_keys.digest = blocks.digest
       WHERE blocks.digest = ANY($1::bytea[])`,
      [digests],
    );
    const stated = await store.query<Made & { holder: Uint8Array }>(
      `SELECT made_sets.holder::bytea AS holder, made.digest::bytea AS digest, made.organisation, made.day
       FROM serials JOIN made_sets ON made_sets.node = serials.batch AND made_sets.holder = serials.digest
         JOIN made ON made.node = made_sets.node AND made.digest = made_sets.digest
       WHERE serials.serial = $1::text::uuid ORDER BY made.node, made.digest`,
      [nodes.nodeOf(identifier)],
    );
    const makers = new Map(stated.map((made) => [toHex(made.holder), made]));
    const listed = await Promise.all(
      found.map(async ({ digest, identifier: name }) => {
        const row = contents.find((content) => toHex(content.digest) === digest);
        const made = makers.get(digest);
        if (row === undefined || made === undefined || name === null) return [];
        const proof = await sets.prove(
          digest,
          { block: toBase64Url(row.body), key: toBase64Url(secrets.blockKey(row.digest, row.wrapped)) },
          identifier,
        );
        return proof === null ? [] : [{ batch: name, digest, made, organisation: made.organisation, proof }];
      }),
    );
    return listed.flat();
  }

  /** Whether every batch that the maker of its neighbours made has a set here: then one that is in none is none of theirs. */
  async function notInSets(identifier: Identifier, node: Node): Promise<boolean> {
    if (identifier.type !== 'serial') return false;
    return (await unlistedSerials(store, nodes, [{ node, identifier }])).has(node);
  }

  async function mountedIn(node: Node, vehicle: Identifier | undefined): Promise<number> {
    const [row] = await store.query<{ count: bigint }>(
      `SELECT count(DISTINCT parent) AS count FROM edges JOIN things ON things.node = edges.parent
       WHERE child = $1::text::uuid AND relation IN (1, 2) AND until_time IS NULL AND NOT sealed
         AND things.type IN (1, 3) AND parent IS DISTINCT FROM $2::text::uuid`,
      [node, vehicle === undefined ? null : nodes.nodeOf(vehicle)],
    );
    return Number(row?.count ?? 0n);
  }

  async function partState(
    identifier: Identifier,
  ): Promise<{ state: string; vehicle: string | null } | null> {
    if (identifier.type !== 'serial') return null;
    const [row] = await store.query<{ state: string; vehicle: Uint8Array | null }>(
      'SELECT state, vehicle FROM parts WHERE subject = $1 AND ledger = $2 ORDER BY position DESC LIMIT 1',
      [fromHex(evaluator.subject(identifier), 32), await options.ownLedger()],
    );
    return row === undefined
      ? null
      : { state: row.state, vehicle: row.vehicle === null ? null : toHex(row.vehicle) };
  }

  async function wasScrapped(node: Node): Promise<boolean> {
    const rows = await store.query('SELECT 1 AS one FROM scrapped WHERE node = $1::text::uuid LIMIT 1', [
      node,
    ]);
    return rows.length > 0;
  }

  async function recallsOf(
    identifier: Identifier,
    batches: readonly string[],
    made: readonly Made[],
  ): Promise<CheckResult['recalls']> {
    const contents = await open(made.map(({ digest }) => digest));
    const said = made.flatMap(({ digest, day }) => {
      const envelope = contents.get(toHex(digest));
      if (envelope === undefined) return [];
      const data = (envelope.kind === 'amended' ? envelope.data.data : envelope.data) as MakersWord;
      const { batch = null, manufacturerPartId = null } = data;
      return [{ batch, partNumber: manufacturerPartId, madeBy: dateOf(day) }];
    });
    const part = formatIdentifier(identifier);
    const known = said[0] ?? { batch: null, partNumber: null, madeBy: '9999-12-31' };
    const candidates = [...new Set([...batches, ...said.flatMap(({ batch }) => batch ?? [])])];
    const current = (candidates.length === 0 ? [null] : candidates).map((batch) => ({
      part,
      batch,
      partNumber: known.partNumber,
      madeBy: known.madeBy,
    }));
    return (await options.campaigns.campaigns())
      .map(({ campaign }) => campaign)
      .filter(({ closings }) => !closings.some(({ data }) => data.reason === 'withdrawn'))
      .filter(({ listings: listed }) =>
        listed.some(({ data }) =>
          current.some((one) => judgeRecalled(data as KindData<'recall.opened'>, one) === 'in'),
        ),
      )
      .map(({ attester, number }) => ({ organisation: attester, campaign: number }));
  }

  async function factsOf(identifier: Identifier, node: Node, vehicle: Identifier | undefined) {
    const [made, listed, part] = [
      await madeOf(store, node),
      await listings(identifier),
      await partState(identifier),
    ];
    const vehicleSubject = vehicle === undefined ? null : evaluator.subject(vehicle);
    const mountedThere = part?.state === 'mounted' && part.vehicle !== vehicleSubject ? 1 : 0;
    const named = await membership(node);
    const batches = [...new Set([...listed.map(({ batch }) => batch), ...named])];
    const ofPart = [identifier, ...batches.map((batch) => parseIdentifier(batch))];
    const stating = [...made, ...listed.map((listing) => listing.made)];
    const recalls = await recallsOf(identifier, batches, stating);
    const makers = [
      ...made.map(({ organisation, digest }) => ({
        organisation: organisation as OrganisationId,
        by: 'entry' as const,
        entry: toHex(digest) as Digest,
      })),
      ...listed.map(({ organisation, digest }) => ({
        organisation: organisation as OrganisationId,
        by: 'set' as const,
        entry: digest,
      })),
    ].filter(({ organisation }) => organisation !== 0n);
    return {
      makers,
      listed,
      recalls,
      facts: {
        notInSets: makers.length === 0 && (await notInSets(identifier, node)),
        scrapped: part?.state === 'scrapped' || (await wasScrapped(node)),
        stolen: part?.state === 'stolen',
        // Of a batch there are many: that some are in vehicles says nothing of the one in hand.
        mounted: identifier.type === 'batch' ? 0 : Math.max(await mountedIn(node, vehicle), mountedThere),
        recalls: recalls.length,
        quarantines: await openQuarantines(options, identifier, ofPart),
      },
    };
  }

  /** The batches that entries say it is of. */
  async function membership(node: Node): Promise<string[]> {
    const rows = await store.query<{ node: string; wrapped: Uint8Array }>(
      `SELECT DISTINCT things.node::text AS node, things.wrapped FROM edges JOIN things ON things.node = edges.parent
       WHERE edges.child = $1::text::uuid AND edges.relation = 4 AND NOT edges.sealed ORDER BY 1`,
      [node],
    );
    return rows.map(({ node: name, wrapped }) =>
      fromUtf8(keyring.unwrap('identifier', wrapped, nodeBytes(name as Node))),
    );
  }

  return {
    async check({ code: text, identifier: asked, vehicle, place }) {
      const code = text === undefined ? null : readPartCode(text);
      const identifier = code?.identifier ?? asked;
      if (identifier === undefined) throw new TypeError('neither a code nor an identifier');
      const node = nodes.nodeOf(identifier);
      const signer = code === null ? null : await codeFacts(code);
      const { makers, listed, recalls, facts } = await factsOf(identifier, node, vehicle);
      const verdict = judgePart({ code: signer, makers, ...facts });
      const isScan = signer?.key === 'active' && verdict.state !== 'forged';
      const flags = isScan
        ? await scanned(node, identifier, place ?? null, makers)
        : await flagsOfNode(store, node, clock());
      return {
        ...verdict,
        identifier: formatIdentifier(identifier),
        flags,
        code:
          signer === null
            ? null
            : { ...signer, organisation: signer.organisation.toString(), signer: code?.signer ?? null },
        makers: makers.map((maker) => ({ ...maker, organisation: maker.organisation.toString() })),
        sets: listed.map(({ batch, digest, proof }) => ({ batch, entry: digest, proof })),
        facts,
        recalls,
      };
    },
  };

  /** Notes a scan; what it shows is told to who made the part, once for each flag. */
  async function scanned(
    node: Node,
    identifier: Identifier,
    place: CoarsePlace | null,
    makers: readonly { readonly organisation: OrganisationId }[],
  ): Promise<readonly ScanFlag[]> {
    return store.transaction(async (transaction) => {
      const flags = await noteScan(transaction, node, place, clock());
      const part = formatIdentifier(identifier);
      await options.notices.post(
        transaction,
        flags.flatMap((flag) =>
          [...new Set(makers.map(({ organisation }) => organisation))].map((organisation) => ({
            recipient: { organisation },
            kind: 'code.cloned' as const,
            about: `${part} ${flag}`,
            content: { part, flag },
          })),
        ),
      );
      return flags;
    });
  }
}

/** A serial that is looked for in its maker's sets. */
export type SoughtSerial = { readonly node: Node; readonly identifier: Identifier };

/**
 * The serials that are provably none of their maker's: the organisation that made the others of that scope has given the
 * members of the sets of all batches that it made, and this one is in none of them; nor did anybody say that they made it.
 */
export async function unlistedSerials(
  from: Queryable,
  nodes: Nodes,
  sought: readonly SoughtSerial[],
): Promise<Set<Node>> {
  if (sought.length === 0) return new Set();
  const known = await from.query<{ node: string }>(
    `SELECT node::text AS node FROM made WHERE node = ANY($1::text[]::uuid[])
     UNION SELECT serial::text FROM serials JOIN sets ON sets.digest = serials.digest
       WHERE serial = ANY($1::text[]::uuid[])`,
    [sought.map(({ node }) => node)],
  );
  const there = new Set<string>(known.map(({ node }) => node));
  const open = sought.filter(({ node }) => !there.has(node));
  const scopes = Map.groupBy(open, ({ identifier }) => identifier.scope);
  const unlisted = new Set<Node>();
  for (const [scope, serials] of scopes) {
    const named = serials.map(({ node }) => node);
    if (await isCompleteMaker(from, nodes.nodeOfMaker(scope), named))
      for (const { node } of serials) unlisted.add(node);
  }
  return unlisted;
}

/**
 * SQL: who made serials of the scope `$1`, by its keyed name, as far as some of them show, or the batches that the serials `$2`
 * are said to be of.
 */
export const MAKERS_OF_SCOPE = `WITH neighbours AS (
    SELECT node FROM things WHERE maker = $1::text::uuid ORDER BY node LIMIT 1000
  )
  SELECT made.organisation FROM neighbours JOIN made ON made.node = neighbours.node WHERE made.organisation <> 0
  UNION
  SELECT made.organisation FROM neighbours JOIN serials ON serials.serial = neighbours.node
    JOIN made_sets ON made_sets.node = serials.batch AND made_sets.holder = serials.digest
    JOIN made ON made.node = made_sets.node AND made.digest = made_sets.digest WHERE made.organisation <> 0
  UNION
  SELECT made.organisation FROM edges JOIN made ON made.node = edges.parent
  WHERE edges.child = ANY($2::text[]::uuid[]) AND edges.relation = 4 AND made.organisation <> 0`;

/** Whether all batches of whoever made serials under this scope have their sets here. */
async function isCompleteMaker(from: Queryable, maker: string, sought: readonly Node[]): Promise<boolean> {
  const [row] = await from.query<{ batches: bigint; listed: bigint }>(
    `WITH makers AS (${MAKERS_OF_SCOPE})
     SELECT count(*) AS batches, count(*) FILTER (WHERE EXISTS (
         SELECT 1 FROM made_sets JOIN sets ON sets.digest = made_sets.holder
         WHERE made_sets.node = made.node AND made_sets.digest = made.digest)) AS listed
     FROM made JOIN makers ON makers.organisation = made.organisation WHERE made.kind = 96`,
    [maker, sought],
  );
  return row !== undefined && row.batches > 0n && row.batches === row.listed;
}
