import { fromUtf8, toHex } from '../../core/bytes.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { holdErasures } from '../erasure/tombstones.ts';
import type { Graph } from '../graph/graph.ts';
import type { Node, Nodes } from '../graph/nodes.ts';
import { dateOf, nodeBytes } from '../graph/write.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { NewNotice, Notices } from '../notices/notices.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable, Store, Transaction } from '../store/store.ts';
import { MAKERS_OF_SCOPE, unlistedSerials } from './checks.ts';

/**
 * Looks at every serialised part that an entry on the ledger says is mounted, once the entry is there: whether it is mounted
 * elsewhere, scrapped or stolen, none of its maker's, or older than itself. What is not as it should be is told to who
 * mounted it, to who made it, and to who says that it is elsewhere. Who is told learns whom to ask, and nothing of others'
 * vehicles.
 */
export interface Watch {
  /** Looks at what is new. @returns how many notices are new */
  look(): Promise<number>;
}

export type WatchOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'unwrap'>;
  readonly secrets: Secrets;
  readonly nodes: Nodes;
  readonly evaluator: Pick<Evaluator, 'subject'>;
  readonly notices: Pick<Notices, 'post'>;
  readonly graph: Pick<Graph, 'settle'>;
  readonly ownLedger: () => Promise<number>;
};

/** Looked at in one transaction: others wait for it on the embedded store. */
const ENTRIES_AT_ONCE = 100;
const DAY_SECONDS = 86_400;

type LinkRow = {
  readonly digest: Uint8Array;
  /** Null: an action of a module. */
  readonly organisation: bigint | null;
  readonly block_number: bigint;
  readonly log_index: number;
};

/** That something is in something, as an entry says. */
type Mount = {
  readonly parent: Node;
  readonly child: Node;
  readonly digest: Digest;
  readonly organisation: bigint;
  readonly from: bigint | null;
  readonly until: bigint | null;
  readonly parentType: number;
  readonly parentName: string;
  readonly part: string;
};

type MountRow = {
  readonly parent: string;
  readonly child: string;
  readonly digest: Uint8Array;
  readonly organisation: bigint;
  readonly from_time: bigint | null;
  readonly until_time: bigint | null;
  readonly parent_type: number;
  readonly parent_wrapped: Uint8Array;
  readonly child_wrapped: Uint8Array;
};

export function createWatch(options: WatchOptions): Watch {
  const { store, keyring, secrets, nodes, evaluator, notices } = options;

  const nameOf = (node: string, wrapped: Uint8Array): string =>
    fromUtf8(keyring.unwrap('identifier', wrapped, nodeBytes(node as Node)));

  /** The mounts of serialised parts that public fields state, by entry or by part. */
  async function mountsBy(
    from: Queryable,
    by: { readonly digests: readonly Uint8Array[] } | { readonly children: readonly Node[] },
  ): Promise<Mount[]> {
    const rows = await from.query<MountRow>(
      `SELECT edges.parent::text AS parent, edges.child::text AS child, edges.digest, edges.organisation,
         edges.from_time, edges.until_time, above.type AS parent_type, above.wrapped AS parent_wrapped,
         below.wrapped AS child_wrapped
       FROM edges JOIN things AS above ON above.node = edges.parent JOIN things AS below ON below.node = edges.child
       WHERE ${'digests' in by ? 'edges.digest = ANY($1::bytea[])' : 'edges.child = ANY($1::text[]::uuid[])'}
         AND edges.relation IN (1, 2) AND below.type = 3 AND NOT edges.sealed
         AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.digest = edges.digest AND erasures.what = 'entry')
       ORDER BY edges.from_time, edges.digest::bytea`,
      ['digests' in by ? by.digests : by.children],
    );
    return rows.map((row) => ({
      parent: row.parent as Node,
      child: row.child as Node,
      digest: toHex(row.digest) as Digest,
      organisation: row.organisation,
      from: row.from_time,
      until: row.until_time,
      parentType: row.parent_type,
      parentName: nameOf(row.parent, row.parent_wrapped),
      part: nameOf(row.child, row.child_wrapped),
    }));
  }

  return {
    async look() {
      const ledger = await options.ownLedger();
      await options.graph.settle();
      let posted = 0;
      for (;;) {
        const step = await store.transaction((transaction) => lookOnce(transaction, ledger));
        posted += step.posted;
        if (!step.more) return posted;
      }
    },
  };

  async function lookOnce(
    transaction: Transaction,
    ledger: number,
  ): Promise<{ posted: number; more: boolean }> {
    // What is read here must not be erased before it is told.
    await holdErasures(transaction);
    // Not while histories wait to be taken in: that somebody made a part may be in one of them. What comes in later is
    // looked at then, and so are two mounts of one part whichever of them is there first.
    const due = await transaction.query<{ digest: Uint8Array }>(
      `DELETE FROM watch_due WHERE digest IN (
         SELECT digest FROM watch_due WHERE NOT EXISTS (SELECT 1 FROM graph_due)
         ORDER BY digest LIMIT ${ENTRIES_AT_ONCE} FOR UPDATE SKIP LOCKED)
       RETURNING digest`,
    );
    if (due.length === 0) return { posted: 0, more: false };
    const links = await transaction.query<LinkRow>(
      `SELECT digest, organisation, block_number, log_index FROM links
       WHERE digest = ANY($1::bytea[]) AND kind IN (17, 33, 104, 120) AND ledger = $2
       ORDER BY block_number, log_index`,
      [due.map(({ digest }) => digest), ledger],
    );
    const posted = await judge(transaction, ledger, links);
    return { posted, more: due.length === ENTRIES_AT_ONCE };
  }

  async function judge(transaction: Transaction, ledger: number, links: readonly LinkRow[]): Promise<number> {
    const mounts = await mountsBy(transaction, { digests: links.map(({ digest }) => digest) });
    if (mounts.length === 0) return 0;
    const children = [...new Set(mounts.map(({ child }) => child))];
    const elsewhere = Map.groupBy(await mountsBy(transaction, { children }), ({ child }) => child);
    const made = await madeOf(transaction, children);
    const unlisted = await unlistedSerials(
      transaction,
      nodes,
      mounts.map(({ child, part }) => ({ node: child, identifier: parseIdentifier(part) })),
    );
    const gone = await endedBefore(transaction, ledger, mounts, links);
    const told: NewNotice[] = [];
    for (const mount of mounts) {
      const others = (elsewhere.get(mount.child) ?? []).filter((other) => clashes(mount, other));
      const makers = made.get(mount.child)?.organisations ?? [];
      const day = made.get(mount.child)?.day ?? null;
      // It may be built in, or another one: then it is nowhere for certain.
      const certain = others.length === 0 ? [] : await certainOf(transaction, [mount, ...others]);
      if (certain.includes(mount)) {
        for (const other of certain) if (other !== mount) told.push(...twice(mount, other, makers));
      }
      if (unlisted.has(mount.child))
        told.push(...about('part.unknown', mount, await scopeMakers(transaction, mount)));
      if (gone.has(keyOf(mount))) told.push(...about('part.scrapped', mount, makers));
      if (day !== null && mount.from !== null && Number(mount.from) < day * DAY_SECONDS) {
        told.push(...about('part.beforeMade', mount, makers, { madeOn: dateOf(day) }));
      }
    }
    return notices.post(transaction, told);
  }

  /** Who says that they made each part, or the batch that lists it, and the earliest day of its making. */
  async function madeOf(from: Queryable, children: readonly Node[]) {
    const rows = await from.query<{ node: string; organisation: bigint; day: number }>(
      `SELECT made.node::text AS node, made.organisation, made.day FROM made WHERE made.node = ANY($1::text[]::uuid[])
       UNION
       SELECT serials.serial::text, made.organisation, made.day FROM serials
       JOIN made_sets ON made_sets.node = serials.batch AND made_sets.holder = serials.digest
       JOIN made ON made.node = made_sets.node AND made.digest = made_sets.digest
       WHERE serials.serial = ANY($1::text[]::uuid[])`,
      [children],
    );
    const found = new Map<Node, { organisations: bigint[]; day: number }>();
    for (const { node, organisation, day } of rows) {
      const known = found.get(node as Node);
      const organisations = known?.organisations ?? [];
      if (organisation !== 0n && !organisations.includes(organisation)) organisations.push(organisation);
      found.set(node as Node, { organisations, day: Math.min(day, known?.day ?? day) });
    }
    return found;
  }

  /** Who made the other parts of the same scope: who is to know of one that is none of theirs. */
  async function scopeMakers(from: Queryable, { part, child }: Mount): Promise<bigint[]> {
    const rows = await from.query<{ organisation: bigint }>(MAKERS_OF_SCOPE, [
      nodes.nodeOfMaker(parseIdentifier(part).scope),
      [child],
    ]);
    return rows.map(({ organisation }) => organisation);
  }

  /** The mounts of parts that were scrapped or stolen before the entry came onto the ledger, by their keys. */
  async function endedBefore(
    from: Queryable,
    ledger: number,
    mounts: readonly Mount[],
    links: readonly LinkRow[],
  ): Promise<Set<string>> {
    const found = Map.groupBy(links, ({ digest }) => toHex(digest));
    // Anybody can put a digest on the ledger once more: that says nothing of when its attester did.
    const placeOf = ({ digest, organisation: by }: Mount): Place | undefined =>
      found.get(digest)?.findLast(({ organisation }) => organisation === null || organisation === by);
    const ended = new Set<string>();
    const removed = await from.query<Place & { node: string; parent: string }>(
      `SELECT scrapped.node::text AS node, scrapped.parent::text AS parent, links.block_number, links.log_index
       FROM scrapped JOIN links ON links.digest = scrapped.digest AND links.kind = 105 AND links.ledger = $2
       WHERE scrapped.node = ANY($1::text[]::uuid[])`,
      [mounts.map(({ child }) => child), ledger],
    );
    for (const mount of mounts) {
      const place = placeOf(mount);
      if (place === undefined) continue;
      // What was taken out of it had been in it: correcting that later does not mount it again.
      const took = removed.filter(
        ({ node, parent }) => node === mount.child && !(parent === mount.parent && mount.until !== null),
      );
      if (took.some((row) => isBefore(row, place))) ended.add(keyOf(mount));
    }
    const [any] = await from.query(
      `SELECT 1 AS one FROM parts WHERE ledger = $1 AND state IN ('scrapped', 'stolen') LIMIT 1`,
      [ledger],
    );
    // An evaluation takes a tenth of a millisecond: only where there is something to find.
    if (any === undefined) return ended;
    const subjects = new Map(
      mounts.map(({ part }) => [part, Buffer.from(evaluator.subject(parseIdentifier(part)).slice(2), 'hex')]),
    );
    const rows = await from.query<{
      subject: Uint8Array;
      state: string;
      vehicle: Uint8Array | null;
      block_number: bigint;
      log_index: number;
    }>(
      `SELECT subject, state, vehicle, block_number, log_index FROM parts
       WHERE subject = ANY($1::bytea[]) AND ledger = $2 ORDER BY subject, position`,
      [[...subjects.values()], ledger],
    );
    for (const mount of mounts) {
      const place = placeOf(mount);
      const subject = subjects.get(mount.part);
      if (place === undefined || subject === undefined) continue;
      const past = rows.filter((row) => subject.equals(row.subject) && isBefore(row, place));
      const before = past.at(-1);
      // A stolen part stays where it was: saying that it is there is nothing new. Nor is correcting what ended before.
      const stayed = before?.state === 'stolen' && before.vehicle !== null && isSame(before.vehicle, mount);
      const left =
        mount.until !== null && past.some(({ vehicle }) => vehicle !== null && isSame(vehicle, mount));
      if ((before?.state === 'scrapped' || before?.state === 'stolen') && !stayed && !left) {
        ended.add(keyOf(mount));
      }
    }
    return ended;
  }

  function isSame(vehicle: Uint8Array, { parentName }: Mount): boolean {
    const subject: Subject = evaluator.subject(parseIdentifier(parentName, { overrideCheckDigit: true }));
    return toHex(vehicle) === subject;
  }

  /** Those that do not say themselves that another part may be there instead. */
  async function certainOf(from: Queryable, mounts: readonly Mount[]): Promise<Mount[]> {
    const rows = await from.query<{ digest: Uint8Array; body: Uint8Array; wrapped: Uint8Array }>(
      `SELECT blocks.digest, body, wrapped FROM blocks JOIN block_keys ON block_keys.digest = blocks.digest
       WHERE blocks.digest = ANY($1::bytea[])`,
      [mounts.map(({ digest }) => Buffer.from(digest.slice(2), 'hex'))],
    );
    const alternatives = new Set(
      rows.flatMap(({ digest, body, wrapped }) =>
        alternativesIn(openOrNull(body, secrets.blockKey(digest, wrapped))).map(
          (part) => `${toHex(digest)} ${part}`,
        ),
      ),
    );
    return mounts.filter(({ digest, part }) => !alternatives.has(`${digest} ${part}`));
  }
}

const keyOf = ({ digest, child }: Mount): string => `${digest} ${child}`;

type Place = { readonly block_number: bigint; readonly log_index: number };
const isBefore = (left: Place, right: Place): boolean =>
  left.block_number < right.block_number ||
  (left.block_number === right.block_number && left.log_index < right.log_index);

/** Whether two statements put one part into two things of one sort at one time. */
function clashes(left: Mount, right: Mount): boolean {
  if (left.parent === right.parent || left.parentType !== right.parentType) return false;
  const startsBefore = (one: Mount, other: Mount): boolean =>
    one.from === null || other.until === null || one.from < other.until;
  return startsBefore(left, right) && startsBefore(right, left);
}

/** Both attesters and the maker learn of it, each of its own vehicle only. */
function twice(mount: Mount, other: Mount, makers: readonly bigint[]): NewNotice[] {
  const both = [mount, other].toSorted((left, right) => (left.digest < right.digest ? -1 : 1));
  const name = `${mount.part} ${both.map(({ digest, parent }) => `${digest} ${parent}`).join(' ')}`;
  const of = ({ organisation, from, digest }: Mount) => ({
    organisation: organisation.toString(),
    entry: digest,
    ...(from === null ? {} : { at: Number(from) }),
  });
  const toAttester = (own: Mount, foreign: Mount): NewNotice[] =>
    noticesTo([own.organisation], 'part.mountedTwice', name, own.digest, {
      part: own.part,
      in: own.parentName,
      ...of(own),
      // Who says both may know both.
      elsewhere:
        own.organisation === foreign.organisation ? { ...of(foreign), in: foreign.parentName } : of(foreign),
    });
  const attesters = [mount.organisation, other.organisation];
  const [first = mount, second = other] = both;
  return [
    ...toAttester(first, second),
    ...toAttester(second, first),
    ...noticesTo(
      makers.filter((maker) => !attesters.includes(maker)),
      'part.mountedTwice',
      name,
      mount.digest,
      { part: mount.part, mounted: both.map(of) },
    ),
  ];
}

/** What is wrong with a part: to who mounted it, with the vehicle, and to who made it, without. */
function about(
  kind: 'part.unknown' | 'part.scrapped' | 'part.beforeMade',
  mount: Mount,
  makers: readonly bigint[],
  more: Readonly<Record<string, string>> = {},
): NewNotice[] {
  const { part, organisation, from, digest, parent, parentName } = mount;
  const name = `${part} ${digest} ${parent}`;
  const content = {
    part,
    organisation: organisation.toString(),
    entry: digest,
    ...(from === null ? {} : { at: Number(from) }),
    ...more,
  };
  return [
    ...noticesTo([organisation], kind, name, digest, { ...content, in: parentName }),
    ...noticesTo(
      makers.filter((maker) => maker !== organisation),
      kind,
      name,
      digest,
      content,
    ),
  ];
}

function noticesTo(
  organisations: readonly bigint[],
  kind: NewNotice['kind'],
  name: string,
  entry: Digest,
  content: NewNotice['content'],
): NewNotice[] {
  return [...new Set(organisations)]
    .filter((organisation) => organisation !== 0n)
    .map((organisation) => ({
      recipient: { organisation: organisation as OrganisationId },
      kind,
      about: name,
      content,
      entry,
    }));
}

function openOrNull(body: Uint8Array, key: Uint8Array): Envelope | null {
  try {
    return openEnvelope(body, key);
  } catch (error) {
    if (error instanceof VinculumError) return null;
    throw error;
  }
}

/** The parts of which an entry says that others may be there instead. */
function alternativesIn(envelope: Envelope | null): string[] {
  const data = (envelope?.kind === 'amended' ? envelope.data.data : envelope?.data) as
    | { readonly parts?: unknown }
    | undefined;
  if (!Array.isArray(data?.parts)) return [];
  return (data.parts as readonly { part?: unknown; hasAlternatives?: unknown }[]).flatMap((line) =>
    line.hasAlternatives === true && typeof line.part === 'string' ? [line.part] : [],
  );
}
