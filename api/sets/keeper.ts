import { setImmediate as pause } from 'node:timers/promises';
import { fromHex } from '../../core/bytes.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import { contentErased, erasedOf, holdErasures } from '../erasure/tombstones.ts';
import type { Nodes } from '../graph/nodes.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Secrets } from '../query/secrets.ts';
import { insertRows } from '../store/rows.ts';
import type { Store, Transaction } from '../store/store.ts';
import { decodeBucket, splitMember } from './bucket.ts';
import type { PackedBucket } from './check.ts';
import { type NamedSet, setOf } from './named.ts';

/** An entry whose envelope names a set. */
export type SetEntry = {
  readonly digest: Digest;
  readonly organisation: OrganisationId;
  readonly envelope: Envelope;
  readonly set: NamedSet;
};

export type KeeperOptions = {
  readonly store: Store;
  readonly keyring: Pick<Keyring, 'wrap' | 'unwrap'>;
  readonly secrets: Secrets;
  readonly nodes: Nodes;
  /** Called when a set counts. */
  readonly onStored?: () => void;
};

/** What keeps sets, and opens what is kept of them. */
export interface Keeper {
  /** @throws `set.unknownEntry` `auth.forbidden` */
  entry(organisation: OrganisationId, digest: Digest): Promise<SetEntry>;
  /** Whether a set is there, whole. */
  isStored(digest: Digest): Promise<boolean>;
  /** Does something of an entry's set that nothing else of it, and no erasure, must come between. @throws `content.erased` */
  held<T>(digest: Digest, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** The same of what goes, whether or not it was erased. */
  locked<T>(digest: Uint8Array, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Writes some of a set's buckets. They count for nothing until {@link Keeper.finish}. @throws `content.erased` */
  write(entry: SetEntry, buckets: readonly PackedBucket[]): Promise<void>;
  /**
   * Makes a set count of which all buckets are written, but for these; whatever of it was handed over in pieces goes.
   * @throws `content.erased`
   */
  finish(entry: SetEntry, buckets?: readonly PackedBucket[]): Promise<void>;
  /** Takes away what is left of a set that does not count, in a transaction in which it is locked. */
  discard(transaction: Transaction, digest: Uint8Array): Promise<void>;
}

/** The context under which a bucket is wrapped: it opens in no other place. */
export function bucketContext(digest: Uint8Array, start: Uint8Array): Uint8Array {
  return Buffer.concat([digest, start]);
}

export function createKeeper({ store, keyring, secrets, nodes, onStored }: KeeperOptions): Keeper {
  async function locked<T>(digest: Uint8Array, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return store.transaction(async (transaction) => {
      await holdErasures(transaction);
      await transaction.query('SELECT pg_advisory_xact_lock($1)', [lockOf(digest)]);
      return work(transaction);
    });
  }

  async function held<T>(digest: Digest, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const bytes = fromHex(digest, 32);
    return locked(bytes, async (transaction) => {
      const erased = (await erasedOf(transaction, [bytes])).get(digest);
      if (erased?.has('entry')) throw contentErased({ digest });
      return work(transaction);
    });
  }

  /** Some buckets as rows, and the serials that they list, made before any lock is held. */
  async function rowsOf(
    { digest, envelope, set }: SetEntry,
    buckets: readonly PackedBucket[],
  ): Promise<(transaction: Transaction) => Promise<void>> {
    const bytes = fromHex(digest, 32);
    const rows = buckets.map(({ start, content }) => ({
      digest: bytes,
      start,
      wrapped: keyring.wrap('identifier', content, bucketContext(bytes, start)),
    }));
    const serials: { serial: string; batch: string; digest: Uint8Array }[] = [];
    if (set.lists) {
      const batch = nodes.nodeOf(parseIdentifier(envelope.identifier));
      for (const { content } of buckets) {
        for (const member of decodeBucket(content).members) {
          serials.push({ serial: nodes.nodeOf(splitMember(member)), batch, digest: bytes });
        }
        // A few hundred of them take a millisecond: others get their turn in between.
        await pause();
      }
      // In the order of the index that they go into.
      serials.sort((left, right) => (left.serial < right.serial ? -1 : 1));
    }
    return async (transaction) => {
      const columns = { digest: 'bytea', start: 'bytea', wrapped: 'bytea' } as const;
      await insertRows(transaction, 'set_buckets', columns, rows, { onConflict: 'DO NOTHING' });
      const serialColumns = { serial: 'uuid', batch: 'uuid', digest: 'bytea' } as const;
      await insertRows(transaction, 'serials', serialColumns, serials, { onConflict: 'DO NOTHING' });
    };
  }

  return {
    held,
    locked,

    async entry(organisation, digest) {
      const bytes = fromHex(digest, 32);
      const [row] = await store.query<{ body: Uint8Array; wrapped: Uint8Array }>(
        'SELECT body, wrapped FROM blocks JOIN block_keys USING (digest) WHERE digest = $1',
        [bytes],
      );
      const envelope =
        row === undefined ? null : openEnvelope(row.body, secrets.blockKey(bytes, row.wrapped));
      const set = envelope === null ? null : setOf(envelope);
      if (envelope === null || set === null) {
        throw new Problem(
          'set.unknownEntry',
          'Send the submission of the entry first; its envelope names the root.',
        );
      }
      if (envelope.organisation !== organisation.toString()) {
        throw new Problem('auth.forbidden', 'Only the attester of an entry gives the members of its set.');
      }
      return { digest, organisation, envelope, set };
    },

    async isStored(digest) {
      const rows = await store.query('SELECT 1 FROM sets WHERE digest = $1', [fromHex(digest, 32)]);
      return rows.length > 0;
    },

    async write(entry, buckets) {
      const insert = await rowsOf(entry, buckets);
      await held(entry.digest, insert);
    },

    async finish(entry, buckets = []) {
      const { digest, organisation, envelope, set } = entry;
      const bytes = fromHex(digest, 32);
      const insert = await rowsOf(entry, buckets);
      await held(digest, async (transaction) => {
        await insert(transaction);
        await transaction.execute(
          `INSERT INTO sets (digest, organisation, subject, members) VALUES ($1, $2, $3, $4)
           ON CONFLICT (digest) DO NOTHING`,
          [bytes, organisation, fromHex(envelope.subject, 32), set.count],
        );
        await transaction.execute('DELETE FROM set_chunks WHERE digest = $1', [bytes]);
        await transaction.execute('DELETE FROM set_uploads WHERE digest = $1', [bytes]);
      });
      onStored?.();
    },

    async discard(transaction, digest) {
      await transaction.execute('DELETE FROM set_chunks WHERE digest = $1', [digest]);
      for (const table of ['set_buckets', 'serials']) {
        await transaction.execute(
          `DELETE FROM ${table} WHERE digest = $1 AND NOT EXISTS (SELECT 1 FROM sets WHERE sets.digest = $1)`,
          [digest],
        );
      }
    },
  };
}

/** One at a time works on a set: the lock that its digest stands for. */
function lockOf(digest: Uint8Array): bigint {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.length).readBigInt64BE();
}
