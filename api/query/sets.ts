import { fromBase64Url, fromHex, toHex, utf8 } from '../../core/bytes.ts';
import type { Digest, OrganisationId, Subject } from '../../core/chain/types.ts';
import { openEnvelope } from '../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { MAX_MEMBERS, proveInBucket, startOf } from '../../core/tree/builder.ts';
import { type SetProof, verifyProof } from '../../core/tree/proof.ts';
import type { Nodes } from '../graph/nodes.ts';
import type { Log } from '../http/log.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import { decodeBucket, parseMember, splitMember } from '../sets/bucket.ts';
import { SetCheck } from '../sets/check.ts';
import { bucketContext, createKeeper } from '../sets/keeper.ts';
import { memberTypes, type NamedSet, setOf } from '../sets/named.ts';
import { CHUNK_MEMBERS, createUploads, type SetChunk, tooLarge, type Uploads } from '../sets/uploads.ts';
import type { Store } from '../store/store.ts';
import type { Secrets } from './secrets.ts';

/** The sets whose roots envelopes name: serials of a batch, vehicles of a recall. */
export interface Sets extends Omit<Uploads, 'take'> {
  /**
   * Keeps the members of an entry's set, once they are shown to be those of its root.
   * @throws `set.unknownEntry` `set.mismatch` `set.tooLarge` `auth.forbidden` and the `identifier.*` and `tree.*` codes
   */
  put(organisation: OrganisationId, digest: Digest, members: readonly string[]): Promise<{ members: number }>;
  /** The proof that an identifier is, or is not, in an entry's set; null where it has none, or none is kept. */
  prove(
    digest: Digest,
    content: { readonly block: string; readonly key: string },
    identifier: Identifier,
  ): Promise<SetProof | null>;
  /** The members of a stored set, some hundreds at a time; none where it is not stored. */
  members(digest: Digest): AsyncGenerator<readonly string[]>;
  /** The batches on the ledger whose makers list a serial. */
  batchesOf(serial: Identifier): Promise<ListingBatch[]>;
  /** Of some serials those that batches of one organisation list, each with one of these batches. */
  listedBy(organisation: OrganisationId, serials: readonly Identifier[]): Promise<ListedSerial[]>;
}

export type ListedSerial = { readonly serial: string; readonly batch: string };

export type ListingBatch = {
  readonly batch: Subject;
  /** The entry that lists it. */
  readonly digest: Digest;
  readonly identifier: string | null;
};

export type SetsOptions = {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly secrets: Secrets;
  readonly nodes: Nodes;
  readonly log?: Log;
  /** Called when a set has become whole in the store. */
  readonly onStored?: () => void;
};

/** So many are checked at once, in a few milliseconds; for more there is a thread. */
const FEW = 2_000;
const BUCKETS_AT_ONCE = 20;

export function createSets({ store, keyring, secrets, nodes, log, onStored }: SetsOptions): Sets {
  const keeper = createKeeper({
    ...{ store, keyring, secrets, nodes },
    ...(onStored === undefined ? {} : { onStored }),
  });
  const uploads = createUploads({ store, keyring, keeper, ...(log === undefined ? {} : { log }) });

  return {
    async put(organisation, digest, texts) {
      const entry = await keeper.entry(organisation, digest);
      const { set } = entry;
      const mismatch = (facts: Readonly<Record<string, unknown>>) =>
        new Problem('set.mismatch', `The entry names ${set.count} members under root ${set.root}.`, {
          extensions: facts,
        });
      if (set.count > MAX_MEMBERS) throw tooLarge();
      if (texts.length > FEW) {
        // Of more than it names it is found out which are twice; for fewer no room is made.
        if (texts.length < set.count) throw mismatch({ count: set.count, found: texts.length });
        await uploads.take(entry, [...chunksOf(texts)]);
        return { members: set.count };
      }
      const check = new SetCheck({ ...set, count: texts.length });
      check.add(texts.map(oneLine).join('\n'));
      const found = check.finish();
      if (found.root !== set.root || found.count !== set.count) {
        throw mismatch({ expected: set.root, found: found.root });
      }
      await keeper.finish(entry, [...check.buckets()]);
      return { members: set.count };
    },

    status: uploads.status,
    chunk: uploads.chunk,
    complete: uploads.complete,
    abandon: uploads.abandon,
    sweep: uploads.sweep,
    close: uploads.close,

    async prove(digest, content, identifier) {
      let set: NamedSet | null;
      try {
        set = setOf(openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key)));
      } catch {
        return null; // void: it proves nothing, whatever is in its set
      }
      if (set === null || !memberTypes[set.of].includes(identifier.type)) return null;
      // Of nothing there is nothing to hand over.
      if (set.count === 0) return proofIn(set, identifier, { siblings: [], leaf: null });
      const bytes = fromHex(digest, 32);
      const [row] = await store.query<{ start: Uint8Array; wrapped: Uint8Array }>(
        `SELECT start, wrapped FROM set_buckets JOIN sets USING (digest)
         WHERE digest = $1 AND start <= $2 ORDER BY start DESC LIMIT 1`,
        [bytes, startOf(set.treeKey, identifier)],
      );
      if (row === undefined) return null;
      const bucket = decodeBucket(keyring.unwrap('identifier', row.wrapped, bucketContext(bytes, row.start)));
      const proof = proveInBucket(set.treeKey, bucket.siblings, bucket.members.map(splitMember), identifier);
      return proofIn(set, identifier, proof);
    },

    async *members(digest) {
      const bytes = fromHex(digest, 32);
      let after: Uint8Array | null = null;
      for (;;) {
        const rows: { start: Uint8Array; wrapped: Uint8Array }[] = await store.query(
          `SELECT start, wrapped FROM set_buckets JOIN sets USING (digest)
           WHERE digest = $1 AND ($2::bytea IS NULL OR start > $2) ORDER BY start LIMIT $3`,
          [bytes, after, BUCKETS_AT_ONCE],
        );
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.start;
        for (const { start, wrapped } of rows) {
          const bucket = decodeBucket(keyring.unwrap('identifier', wrapped, bucketContext(bytes, start)));
          if (bucket.members.length > 0) yield bucket.members;
        }
      }
    },

    async listedBy(organisation, serials) {
      const names = new Map(
        serials.map((serial) => [nodes.nodeOf(serial) as string, formatIdentifier(serial)]),
      );
      const rows = await store.query<{ serial: string; batch: Uint8Array; wrapped: Uint8Array }>(
        `SELECT DISTINCT ON (serials.serial) serials.serial, sets.subject AS batch, identifiers.wrapped FROM serials
         JOIN sets ON sets.digest = serials.digest
         JOIN identifiers ON identifiers.subject = sets.subject
         WHERE serials.serial = ANY($1::uuid[]) AND sets.organisation = $2
         ORDER BY serials.serial, sets.stored_at`,
        [[...names.keys()], organisation],
      );
      return rows.flatMap(({ serial, batch, wrapped }) => {
        const name = names.get(serial);
        return name === undefined ? [] : [{ serial: name, batch: secrets.identifier(batch, wrapped) }];
      });
    },

    async batchesOf(serial) {
      const rows = await store.query<{ batch: Uint8Array; digest: Uint8Array; wrapped: Uint8Array | null }>(
        `SELECT sets.subject AS batch, serials.digest, identifiers.wrapped FROM serials
         JOIN sets ON sets.digest = serials.digest
         LEFT JOIN identifiers ON identifiers.subject = sets.subject
         WHERE serials.serial = $1
           AND EXISTS (SELECT 1 FROM links WHERE links.digest = serials.digest AND links.subject = sets.subject)
         ORDER BY sets.subject, serials.digest`,
        [nodes.nodeOf(serial)],
      );
      return rows.map(({ batch, digest, wrapped }) => ({
        batch: toHex(batch) as Subject,
        digest: toHex(digest) as Digest,
        identifier: wrapped === null ? null : secrets.identifier(batch, wrapped),
      }));
    },
  };
}

/** A proof that proves something; null for one that is rotten, or of another set under the same digest. */
function proofIn({ root, treeKey }: NamedSet, identifier: Identifier, proof: SetProof): SetProof | null {
  try {
    verifyProof(root, treeKey, identifier, proof);
    return proof;
  } catch {
    return null;
  }
}

/** No identifier has a line's end in it. */
function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text;
}

function* chunksOf(texts: readonly string[]): Generator<SetChunk> {
  for (let start = 0; start < texts.length; start += CHUNK_MEMBERS) {
    // Normalised here, so that nothing but ASCII is handed on.
    const some = texts.slice(start, start + CHUNK_MEMBERS);
    const text = utf8(some.map((text) => formatIdentifier(parseMember(oneLine(text)))).join('\n'));
    yield { text, members: some.length };
  }
}
