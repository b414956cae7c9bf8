import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, toHex } from '../../core/bytes.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { isVinculumError } from '../../core/errors.ts';
import { isReadable } from '../../core/findings/openedEntry.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import { erasedOf, holdErasures } from '../erasure/tombstones.ts';
import type { Node, Nodes } from '../graph/nodes.ts';
import { HANDED_IN } from '../privacy/handedIn.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Sets } from '../query/sets.ts';
import type { CampaignBook } from '../recalls/book.ts';
import { builtBy, bytesOf, mayWarnOfAny, type OwnEntry } from '../recalls/campaigns.ts';
import { remediesOf } from '../recalls/progress.ts';
import type { CampaignNames } from '../recalls/register.ts';
import { insertRows } from '../store/rows.ts';
import type { Queryable, Store, Transaction } from '../store/store.ts';
import {
  type Announcement,
  discover,
  discoverHandovers,
  due,
  finish,
  placeOf,
  postpone,
  THIS_ONE,
} from './announcements.ts';
import { holdTelling } from './catchUp.ts';
import { announceHandover, REISSUED, TRANSFERRED } from './handover.ts';
import type { NewNotice, Notices } from './notices.ts';
import { recipientsOf, type Vehicle } from './recipients.ts';
import type { Subscriptions } from './subscriptions.ts';
import { type Telling, tellingsOf } from './tellings.ts';

/*
 * Makes notices of what is on the ledger: campaigns, quarantines, and titles that went to another key. An entry is told of once it is *final*: a notice cannot
 * be unsaid, and a block that is not final can. Its vehicles are told of in stretches; each stretch's notices, the vehicles
 * that it lists and how far it has come are written in one transaction, so that an interruption at any point loses nothing
 * and repeats nothing.
 */

export interface Announcer {
  /** Tells of what has become final and can be told of now. @returns how many notices were posted */
  run(): Promise<number>;
}

export type AnnouncerOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly sets: Pick<Sets, 'members'>;
  readonly campaigns: Pick<CampaignBook, 'entries'>;
  readonly evaluator: Pick<Evaluator, 'subject'>;
  readonly nodes: Nodes;
  readonly names: CampaignNames;
  readonly notices: Notices;
  readonly subscriptions: Subscriptions;
  readonly ownLedger: () => Promise<number>;
  /** The last final block in the index. */
  readonly finalBlock: () => number;
  readonly clock?: () => Date;
  /** Vehicles of one stretch, default 400. */
  readonly atOnce?: number;
  /** Entries that are looked at together, default 1,000. */
  readonly together?: number;
  /** Called with what went wrong with one entry, which is tried again later. */
  readonly onError?: (error: unknown, digest: Digest) => void;
  /** For tests: called before a stretch is committed. */
  readonly beforeCommit?: (digest: Digest, told: number) => void;
};

/** What has become of one: what is left of it to do waits for an entry’s content or set, or for a later time. */
type Outcome = { readonly posted: number; readonly left: { readonly awaits: Digest | null } | null };

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { store, secrets, sets, evaluator, nodes, names, notices, subscriptions } = options;
  const clock = options.clock ?? (() => new Date());
  const atOnce = options.atOnce ?? 400;
  const together = options.together ?? 1_000;

  const isErased = async (from: Queryable, digest: Digest): Promise<boolean> =>
    (await erasedOf(from, [fromHex(digest, 32)])).get(digest)?.has('entry') === true;

  /** Whether the members of an entry's set are here, or never will be. */
  async function isThere(digest: Digest): Promise<boolean> {
    const rows = await store.query('SELECT 1 AS one FROM sets WHERE digest = $1', [fromHex(digest, 32)]);
    return rows.length > 0 || (await isErased(store, digest));
  }

  /** The first of these entries of an attester that not everybody is told of yet. */
  async function unfinished(attester: OrganisationId, digests: readonly Digest[]): Promise<Digest | null> {
    const [row] = await store.query<{ digest: Uint8Array }>(
      `SELECT digest FROM announcements
       WHERE organisation = $1 AND digest = ANY($2::bytea[]) AND done_at IS NULL LIMIT 1`,
      [attester, bytesOf(digests)],
    );
    return row === undefined ? null : (toHex(row.digest) as Digest);
  }

  async function announceCampaign(row: Announcement, all: readonly OwnEntry[]): Promise<Outcome> {
    const { digest, ledger, organisation } = row;
    const places = all.filter(({ entry, ledger: on }) => entry.digest === digest && on === ledger);
    // Its attester may have anchored it twice: what counts is the place where it holds.
    const own = places.find(({ entry }) => isReadable(entry)) ?? places[0];
    // It was final once: the index is being read again, or this process is behind the one that found it.
    if (own === undefined) return { posted: 0, left: { awaits: null } };
    if (own.entry.status === 'withheld' && !(await isErased(store, digest))) {
      return { posted: 0, left: { awaits: digest } };
    }
    const tellings = isReadable(own.entry) ? tellingsOf(own, all, organisation) : [];
    for (const { demands, after } of tellings) {
      if (demands !== null && !(await isThere(demands))) return { posted: 0, left: { awaits: demands } };
      const first = await unfinished(organisation, after);
      if (first !== null) return { posted: 0, left: { awaits: first } };
    }
    const anyVehicle = await mayWarnOfAny(store, organisation);
    let posted = 0;
    let told = row.told;
    let passed = 0;
    for (const telling of tellings) {
      for await (const members of stretches(telling.sets)) {
        passed += members.length;
        if (passed <= row.told) continue;
        const fresh = members.slice(Math.max(0, row.told - (passed - members.length)));
        const outcome = await tell(row, telling, fresh, told, anyVehicle);
        if (outcome === null) return { posted, left: { awaits: null } };
        posted += outcome;
        told += fresh.length;
      }
    }
    await finish(store, row, clock());
    return { posted, left: null };
  }

  /** The members of sets one after the other, some at a time; always the same ones together. */
  async function* stretches(digests: readonly Digest[]): AsyncGenerator<string[]> {
    let gathered: string[] = [];
    for (const digest of digests) {
      for await (const members of sets.members(digest)) {
        gathered.push(...members);
        while (gathered.length >= atOnce) {
          yield gathered.slice(0, atOnce);
          gathered = gathered.slice(atOnce);
        }
      }
    }
    if (gathered.length > 0) yield gathered;
  }

  /** Tells of some vehicles, lists them, and notes how far it has come; null where that is not ours to do any more. */
  async function tell(
    announcement: Announcement,
    telling: Telling,
    members: readonly string[],
    told: number,
    anyVehicle: boolean,
  ): Promise<number | null> {
    const vehicles = members.map((identifier) => {
      const parsed = parseIdentifier(identifier, { overrideCheckDigit: true });
      return { identifier, node: nodes.nodeOf(parsed), subject: evaluator.subject(parsed) };
    });
    const ledger = await options.ownLedger();
    const { digest } = announcement;
    return store.transaction(async (transaction) => {
      await holdErasures(transaction);
      await holdTelling(transaction);
      const [row] = await transaction.query<{ told: bigint }>(
        `SELECT told FROM announcements WHERE ${THIS_ONE} AND done_at IS NULL FOR UPDATE`,
        placeOf(announcement),
      );
      // Another process has come by; or it was erased.
      if (row === undefined || Number(row.told) !== told || (await isErased(transaction, digest)))
        return null;
      const except = await listedIn(transaction, telling.except, vehicles);
      const among = telling.among === null ? null : await listedIn(transaction, telling.among, vehicles);
      const again = await listedIn(transaction, telling.earlier, vehicles);
      if (telling.lists !== null) {
        const listing = fromHex(telling.lists, 32);
        const rows = vehicles.map(({ node }) => ({ digest: listing, node }));
        const columns = { digest: 'bytea', node: 'uuid' } as const;
        await insertRows(transaction, 'recalled', columns, rows, { onConflict: 'DO NOTHING' });
      }
      const built = anyVehicle ? null : await builtBy(transaction, telling.attester, vehicles);
      // Who neither built a vehicle nor is an authority has nothing to tell its owner.
      const concerned = vehicles.filter(
        ({ node }) =>
          !except.has(node) && (among === null || among.has(node)) && (built === null || built.has(node)),
      );
      const posted = await post(transaction, telling, concerned, again, ledger, digest);
      await transaction.execute(`UPDATE announcements SET told = told + $6 WHERE ${THIS_ONE}`, [
        ...placeOf(announcement),
        members.length,
      ]);
      options.beforeCommit?.(digest, told + members.length);
      return posted;
    });
  }

  async function listedIn(
    from: Queryable,
    digests: readonly Digest[],
    vehicles: readonly { readonly node: Node }[],
  ): Promise<Set<Node>> {
    if (digests.length === 0) return new Set();
    const rows = await from.query<{ node: Node }>(
      `SELECT DISTINCT node::text AS node FROM recalled
       WHERE digest = ANY($1::bytea[]) AND node = ANY($2::text[]::uuid[])`,
      [bytesOf(digests), vehicles.map(({ node }) => node)],
    );
    return new Set(rows.map(({ node }) => node));
  }

  async function post(
    transaction: Transaction,
    telling: Telling,
    vehicles: readonly Vehicle[],
    again: ReadonlySet<Node>,
    ledger: number,
    digest: Digest,
  ): Promise<number> {
    if (vehicles.length === 0) return 0;
    const { kind, about, content, campaign } = telling;
    const recipients = await recipientsOf(transaction, vehicles, {
      ...{ ledger, secrets, nodes, subscriptions },
      at: BigInt(Math.floor(clock().getTime() / 1000)),
    });
    const name = names.nameOf(campaign.attester, campaign.number);
    const remedied = new Set(
      telling.lists === null
        ? (
            await remediesOf(
              transaction,
              name,
              vehicles.map(({ node }) => node),
            )
          ).map(({ node }) => node)
        : [],
    );
    return notices.post(
      transaction,
      vehicles.flatMap(({ identifier, node }): NewNotice[] => {
        const { told = [], knownAs = null } = recipients.get(node) ?? {};
        const said = content(identifier, remedied.has(node));
        return told.map((recipient) => ({
          ...{ recipient, kind, entry: digest },
          about: about(identifier, again.has(node)),
          content: knownAs === null ? said : { ...said, knownAs },
        }));
      }),
    );
  }

  /** Tells those who have, had, or are waiting for a batch that it must not be used, or may be again. */
  async function announceQuarantine(announcement: Announcement): Promise<Outcome> {
    const { digest, kind, organisation: attester } = announcement;
    const [bytes, subject] = [fromHex(digest, 32), fromHex(announcement.subject, 32)];
    const [row] = await store.query<{ body: Uint8Array | null; wrapped: Uint8Array | null }>(
      `SELECT b.body, k.wrapped FROM (SELECT $1::bytea AS digest) AS entry
       LEFT JOIN blocks b ON b.digest = entry.digest LEFT JOIN block_keys k ON k.digest = entry.digest`,
      [bytes],
    );
    if (await isErased(store, digest)) {
      await finish(store, announcement, clock());
      return { posted: 0, left: null };
    }
    if (row === undefined || row.body === null || row.wrapped === null) {
      return { posted: 0, left: { awaits: digest } };
    }
    const envelope = openedOrNull(row.body, secrets.blockKey(bytes, row.wrapped));
    const isBound =
      envelope !== null &&
      envelope.kind === kindByNumber(kind)?.name &&
      envelope.subject === announcement.subject &&
      envelope.organisation === attester.toString() &&
      evaluator.subject(parseIdentifier(envelope.identifier)) === announcement.subject;
    const identifier = isBound ? envelope.identifier : '';
    const posted = await store.transaction(async (transaction) => {
      await holdErasures(transaction);
      await finish(transaction, announcement, clock());
      if (!isBound || (await isErased(transaction, digest))) return 0;
      const node = nodes.nodeOfText(identifier);
      const data = envelope.data;
      const told = (await holdersOf(transaction, subject, node)).filter(
        (organisation) => organisation !== attester,
      );
      return notices.post(
        transaction,
        told.map((organisation) => ({
          recipient: { organisation },
          kind: kind === 99 ? ('batch.quarantined' as const) : ('batch.released' as const),
          about: `${digest} ${identifier}`,
          content: {
            ...{ attester: attester.toString(), batch: identifier, time: envelope.time, entry: digest },
            ...(data.reason === undefined ? {} : { reason: data.reason }),
            ...(data.outcome === undefined ? {} : { outcome: data.outcome }),
            ...(data.quarantined === undefined ? {} : { quarantined: data.quarantined }),
            // Of some of its serials only.
            some: data.serials !== undefined,
          },
          entry: digest,
        })),
      );
    });
    return { posted, left: null };
  }

  /** Who made, received or checked a batch, built it into something, or subscribes to it. */
  async function holdersOf(
    transaction: Transaction,
    subject: Uint8Array,
    node: Node,
  ): Promise<OrganisationId[]> {
    const attesters = await transaction.query<{ organisation: bigint }>(
      `SELECT DISTINCT organisation FROM links
       WHERE subject = $1 AND kind IN (96, 97, 98, 99, 100) AND organisation IS NOT NULL AND ${HANDED_IN}`,
      [subject],
    );
    const builders = await buildersOf(transaction, node);
    const subscribed = (await subscriptions.to(transaction, [node])).get(node) ?? [];
    const all = [...attesters.map(({ organisation }) => organisation), ...builders, ...subscribed];
    return [...new Set(all)] as OrganisationId[];
  }

  const isQuarantine = ({ kind }: Announcement): boolean => kind === 99 || kind === 100;

  const isHandover = ({ kind }: Announcement): boolean => kind === REISSUED || kind === TRANSFERRED;

  /** Some of those whose turn it is. @returns how many notices were posted */
  async function announce(rows: readonly Announcement[], final: number): Promise<number> {
    let posted = 0;
    const attempt = async (row: Announcement, work: () => Promise<Outcome>): Promise<void> => {
      const outcome = await work().catch((error: unknown): Outcome => {
        // It may be this one's fault: the others have their turn.
        options.onError?.(error, row.digest);
        return { posted: 0, left: { awaits: null } };
      });
      posted += outcome.posted;
      if (outcome.left !== null) await postpone(store, row, outcome.left.awaits, clock());
    };
    const campaigns = Map.groupBy(
      rows.filter((row) => !isQuarantine(row) && !isHandover(row)),
      ({ organisation }) => organisation,
    );
    for (const row of rows) {
      if (isQuarantine(row)) await attempt(row, () => announceQuarantine(row));
      if (isHandover(row)) {
        await attempt(row, async () => {
          const told = await announceHandover({ store, secrets, notices }, row, final, clock());
          return { posted: told, left: null };
        });
      }
    }
    for (const [organisation, own] of campaigns) {
      const found = options.campaigns.entries({ organisation, upTo: final });
      // What keeps this one from being read keeps no other attester waiting.
      const order = await found.then(
        (entries) => new Map(entries.map(({ entry }, index) => [entry.digest, index])),
        () => new Map<string, number>(),
      );
      const inOrder = own.toSorted(
        (left, right) => (order.get(left.digest) ?? 0) - (order.get(right.digest) ?? 0),
      );
      for (const row of inOrder) await attempt(row, async () => announceCampaign(row, await found));
    }
    return posted;
  }

  return {
    async run() {
      const final = options.finalBlock();
      await discover(store, final);
      await discoverHandovers(store, final);
      let posted = 0;
      for (;;) {
        const rows = await due(store, clock(), together);
        posted += await announce(rows, final);
        // Each of them is done, or has given its turn away: so this ends.
        if (rows.length < together) return posted;
      }
    },
  };
}

/** The organisations that have stated to have built a thing into another. */
async function buildersOf(from: Queryable, node: Node): Promise<bigint[]> {
  const rows = await from.query<{ organisation: bigint }>(
    'SELECT DISTINCT organisation::int8 AS organisation FROM edges WHERE child = $1::text::uuid',
    [node],
  );
  return rows.map(({ organisation }) => organisation);
}

function openedOrNull(body: Uint8Array, key: Uint8Array) {
  try {
    return openEnvelope(body, key);
  } catch (error) {
    if (!isVinculumError(error)) throw error;
    return null; // void: it says nothing
  }
}

const PAUSE_MILLISECONDS = 5_000;

/** Repeats an announcer's runs until stopped: when something may have become final or whole, and every few seconds. */
export function repeatAnnouncing(
  announcer: Announcer,
  hold: () => Promise<boolean>,
  onError: (error: unknown) => void,
  pauseMilliseconds = PAUSE_MILLISECONDS,
): { wake(): void; stop(): Promise<void> } {
  const stopping = new AbortController();
  let waking = new AbortController();
  let again = false;
  const running = (async () => {
    while (!stopping.signal.aborted) {
      again = false;
      try {
        // Of several processes one does it.
        if (await hold()) await announcer.run();
      } catch (error) {
        onError(error);
      }
      if (again) continue;
      waking = new AbortController();
      const signal = AbortSignal.any([stopping.signal, waking.signal]);
      await sleep(pauseMilliseconds, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    wake() {
      again = true;
      waking.abort();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
