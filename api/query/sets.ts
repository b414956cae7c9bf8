import { createHash } from 'node:crypto';
import { setImmediate as pause } from 'node:timers/promises';
import { fromBase64Url, fromHex, fromUtf8, type Hex, utf8 } from '../../core/bytes.ts';
import type { Digest, OrganisationId } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { formatIdentifier, type Identifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { SetProof } from '../../core/tree/proof.ts';
import { buildTree, type SetTree } from '../../core/tree/tree.ts';
import { contentErased, erasedOf, holdErasures } from '../erasure/tombstones.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { Problem } from '../problem.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import { insertRows } from '../store/rows.ts';
import type { Store } from '../store/store.ts';
import type { Secrets } from './secrets.ts';

/** The sets whose roots envelopes name: serials of a batch, vehicles of a recall. */
export interface Sets {
  /**
   * Keeps the members of an entry's set, once they are shown to be those of its root.
   * @throws `set.unknownEntry` `set.mismatch` `auth.forbidden` and the `identifier.*` and `tree.*` codes
   */
  put(organisation: OrganisationId, digest: Digest, members: readonly string[]): Promise<{ members: number }>;
  /** The proof that an identifier is, or is not, in an entry's set; null where it has none, or none is kept. */
  prove(
    digest: Digest,
    content: { readonly block: string; readonly key: string },
    identifier: Identifier,
  ): Promise<SetProof | null>;
  /** Members may have been erased: none are kept in memory any more. */
  forget(): void;
}

export type SetsOptions = {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly secrets: Secrets;
  readonly evaluator: Evaluator;
};

type NamedSet = {
  readonly root: Hex;
  readonly count: number;
  readonly treeKey: Uint8Array;
  /** What the members are. */
  readonly of: 'serial' | 'vehicle';
};

const TREES_KEPT = 32;
const AT_ONCE = 200;
const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export function createSets({ store, keyring, secrets, evaluator }: SetsOptions): Sets {
  const trees = new Map<Digest, SetTree | null>();

  async function treeOf(digest: Digest, set: NamedSet): Promise<SetTree | null> {
    const kept = trees.get(digest);
    if (kept !== undefined) return kept;
    const [row] = await store.query<{ wrapped: Uint8Array }>('SELECT wrapped FROM sets WHERE digest = $1', [
      fromHex(digest, 32),
    ]);
    if (row === undefined) return null;
    const text = fromUtf8(keyring.unwrap('identifier', row.wrapped, fromHex(digest, 32)));
    const tree = buildTree(set.treeKey, text.split('\n').map(parseMember), { sha256 });
    for (const oldest of trees.keys()) {
      if (trees.size < TREES_KEPT) break;
      trees.delete(oldest);
    }
    trees.set(digest, tree);
    return tree;
  }

  async function subjectsOf(members: readonly Identifier[]): Promise<Uint8Array[]> {
    const subjects: Uint8Array[] = [];
    for (const member of members) {
      subjects.push(fromHex(evaluator.subject(member), 32));
      // Each takes a tenth of a millisecond: others get their turn in between.
      if (subjects.length % AT_ONCE === 0) await pause();
    }
    return subjects;
  }

  return {
    async put(organisation, digest, texts) {
      const bytes = fromHex(digest, 32);
      const [row] = await store.query<{ body: Uint8Array; wrapped: Uint8Array }>(
        'SELECT body, wrapped FROM blocks JOIN block_keys USING (digest) WHERE digest = $1',
        [bytes],
      );
      const unknown = () =>
        new Problem(
          'set.unknownEntry',
          'Send the submission of the entry first; its envelope names the root.',
        );
      if (row === undefined) throw unknown();
      const envelope = openEnvelope(row.body, secrets.blockKey(bytes, row.wrapped));
      const set = setOf(envelope);
      if (set === null) throw unknown();
      if (envelope.organisation !== organisation.toString()) {
        throw new Problem('auth.forbidden', 'Only the attester of an entry gives the members of its set.');
      }
      const members = texts.map(parseMember);
      const wanted = set.of === 'serial' ? ['serial'] : ['vin', 'registration', 'chassis', 'van'];
      const tree = buildTree(set.treeKey, members, { sha256 });
      if (
        tree.root !== set.root ||
        tree.count !== set.count ||
        members.some((member) => !wanted.includes(member.type))
      ) {
        throw new Problem('set.mismatch', `The entry names ${set.count} members under root ${set.root}.`, {
          extensions: { expected: set.root, found: tree.root },
        });
      }
      const serials = set.of === 'serial' ? await subjectsOf(members) : [];
      const wrapped = keyring.wrap('identifier', utf8(members.map(formatIdentifier).join('\n')), bytes);
      await store.transaction(async (transaction) => {
        await holdErasures(transaction);
        const erased = (await erasedOf(transaction, [bytes])).get(digest);
        if (erased?.has('entry')) throw contentErased({ digest });
        await transaction.execute(
          `INSERT INTO sets (digest, organisation, wrapped) VALUES ($1, $2, $3)
           ON CONFLICT (digest) DO UPDATE SET wrapped = excluded.wrapped, stored_at = excluded.stored_at`,
          [bytes, organisation, wrapped],
        );
        const batch = fromHex(envelope.subject, 32);
        const rows = serials.map((serial) => ({ serial, batch, digest: bytes }));
        const columns = { serial: 'bytea', batch: 'bytea', digest: 'bytea' } as const;
        await insertRows(transaction, 'serials', columns, rows, { onConflict: 'DO NOTHING' });
      });
      trees.delete(digest);
      return { members: members.length };
    },

    forget: () => trees.clear(),

    async prove(digest, content, identifier) {
      let set: NamedSet | null;
      try {
        set = setOf(openEnvelope(fromBase64Url(content.block), fromBase64Url(content.key)));
      } catch {
        return null; // void: it proves nothing, whatever is in its set
      }
      if (set === null) return null;
      const tree = await treeOf(digest, set);
      return tree === null || tree.root !== set.root ? null : tree.prove(identifier);
    },
  };
}

/** Members were normalised when they came: a required check digit was the registrar's affair. */
function parseMember(text: string): Identifier {
  return parseIdentifier(text, { overrideCheckDigit: true });
}

/** The set that an envelope names, if it does; a correction names the one of what it corrects, or another. */
function setOf({ kind, data }: Pick<Envelope, 'kind' | 'data'>): NamedSet | null {
  if (kind === 'amended') {
    const corrected = data.data as Envelope['data'] | undefined;
    const original = String(data.kind);
    return corrected === undefined || original === kind ? null : setOf({ kind: original, data: corrected });
  }
  if (kind === 'batch.produced') {
    const serials = data.serials as { serialsRoot: Hex; count: number; treeKey: string } | undefined;
    if (serials === undefined) return null;
    const { serialsRoot: root, count } = serials;
    return { root, count, treeKey: fromBase64Url(serials.treeKey), of: 'serial' };
  }
  if (kind !== 'recall.opened' && kind !== 'recall.extended') return null;
  // Its signer may have sealed them: then nobody proves anything of the set.
  if (data.affectedRoot === undefined || data.affectedCount === undefined || data.treeKey === undefined)
    return null;
  return {
    root: data.affectedRoot as Hex,
    count: Number(data.affectedCount),
    treeKey: fromBase64Url(String(data.treeKey)),
    of: 'vehicle',
  };
}
