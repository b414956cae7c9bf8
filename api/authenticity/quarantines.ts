import { fromBase64Url, fromHex, type Hex, toBase64Url, toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Digest, LedgerAddress, LedgerId, OrganisationId, Subject } from '../../core/chain/types.ts';
import { sealedCount } from '../../core/envelope/envelope.ts';
import { isVinculumError } from '../../core/errors.ts';
import { applyAmendments, sameAttester } from '../../core/findings/amendments.ts';
import type { EffectiveEntry } from '../../core/findings/openedEntry.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { verifyProof } from '../../core/tree/proof.ts';
import { openedEntry } from '../../core/verify/conclude.ts';
import { judgeBlock } from '../../core/verify/entries.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Sets } from '../query/sets.ts';
import type { Store } from '../store/store.ts';

export type QuarantineOptions = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly evaluator: Pick<Evaluator, 'subject'>;
  readonly sets: Pick<Sets, 'prove'>;
  readonly ledger: LedgerAddress;
  readonly ownLedger: () => Promise<number>;
};

type Row = {
  readonly digest: Uint8Array;
  readonly subject: Uint8Array;
  readonly kind: number;
  readonly organisation: bigint;
  readonly timestamp: bigint;
  readonly position: number;
  readonly body: Uint8Array;
  readonly wrapped: Uint8Array;
};

type Content = {
  readonly block: string;
  readonly key: string;
  /** Whether it seals, or may seal, of which serials or of which quarantine it is. */
  readonly hides: boolean;
};
type NamedSerials = { readonly serialsRoot: Hex; readonly treeKey: string };

/**
 * How many quarantines that nobody ended hold a part, corrections applied: those of itself or of a whole batch of it, and of
 * those of some serials each whose set holds it. Where a set is not here, nobody has shown that the part is in it. A release
 * that seals of what it is ends none.
 * @param of the part, and the batches that it is of
 */
export async function openQuarantines(
  options: QuarantineOptions,
  part: Identifier,
  of: readonly Identifier[],
): Promise<number> {
  const { store, secrets, evaluator } = options;
  const things = new Map(of.map((thing) => [evaluator.subject(thing), formatIdentifier(thing)]));
  const rows = await store.query<Row>(
    `SELECT links.digest, subject, kind, organisation, timestamp, position, body, wrapped FROM links
     JOIN blocks ON blocks.digest = links.digest JOIN block_keys ON block_keys.digest = links.digest
     WHERE subject = ANY($1::bytea[]) AND kind IN (99, 100, 120) AND organisation IS NOT NULL AND ledger = $2
     ORDER BY subject, position`,
    [[...things.keys()].map((subject) => fromHex(subject, 32)), await options.ownLedger()],
  );
  const ledger = formatLedgerId(options.ledger) as LedgerId;
  const sealed = await sealedNames(
    store,
    rows.map(({ digest }) => digest),
  );
  let open = 0;
  for (const [subject, links] of Map.groupBy(rows, (row) => toHex(row.subject) as Subject)) {
    const contents = new Map<string, Content>();
    const entries = links.map((row) => {
      const digest = toHex(row.digest) as Digest;
      const key = secrets.blockKey(row.digest, row.wrapped);
      const { kind, timestamp, position } = row;
      const link = { kind, organisation: row.organisation as OrganisationId, timestamp, digest };
      // Anybody can put another's digest on the ledger: it counts where its envelope says that it belongs.
      const place = { ledger, subject, identifier: things.get(subject) ?? '' };
      const { status, envelope } = { envelope: undefined, ...judgeBlock(link, place, row.body, key) };
      const names = sealed.get(digest) ?? new Set();
      const hides =
        names.has('serials') ||
        names.has('quarantined') ||
        (envelope !== undefined && sealedCount(envelope) > names.size);
      contents.set(digest, { block: toBase64Url(row.body), key: toBase64Url(key), hides });
      return openedEntry({
        ...{ ledger, chain: subject, position, link, status, sealed: {} },
        ...(envelope === undefined ? {} : { envelope }),
      });
    });
    const { effective, unreadable } = applyAmendments(entries, sameAttester);
    // A reason that is sealed holds nothing less back.
    const holding = unreadable
      .filter(({ kind }) => kind === 'batch.quarantined')
      .map((entry) => ({ ...entry, amendedBy: null, superseded: [] }));
    const counted = [...effective, ...holding].filter(
      ({ kind, digest, amendedBy }) =>
        kind !== 'batch.released' || contents.get(amendedBy ?? digest)?.hides !== true,
    );
    open += await countOpen(counted, (entry) => concerns(options.sets, contents, entry, part));
  }
  return open;
}

/** The names of the sealed fields that are known of entries, those that were erased since included. */
async function sealedNames(
  store: Store,
  digests: readonly Uint8Array[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await store.query<{ digest: Uint8Array; name: string }>(
    `SELECT digest::bytea AS digest, name FROM disclosures WHERE digest = ANY($1::bytea[])
     UNION ALL
     SELECT digest::bytea, substr(what, 7) FROM erasures WHERE digest = ANY($1::bytea[]) AND what LIKE 'field:%'`,
    [digests],
  );
  const names = new Map<string, Set<string>>();
  for (const { digest, name } of rows) {
    const entry = toHex(digest);
    names.set(entry, (names.get(entry) ?? new Set()).add(name));
  }
  return names;
}

/** Of the entries of one chain, corrections applied. */
async function countOpen(
  effective: readonly EffectiveEntry[],
  concernsIt: (entry: EffectiveEntry) => Promise<boolean>,
): Promise<number> {
  const held = new Set<string>();
  for (const entry of effective.toSorted((left, right) => left.position - right.position)) {
    if (!(await concernsIt(entry))) continue;
    const { quarantined } = entry.data;
    if (entry.kind === 'batch.quarantined') held.add(entry.digest);
    else if (typeof quarantined === 'string') held.delete(quarantined);
    else held.clear();
  }
  return held.size;
}

/** Whether an entry is about a part: about all of its chain, or about some serials that it is proven to be one of. */
async function concerns(
  sets: Pick<Sets, 'prove'>,
  contents: ReadonlyMap<string, Content>,
  { data, digest, amendedBy, superseded }: EffectiveEntry,
  part: Identifier,
): Promise<boolean> {
  const serials = data.serials as NamedSerials | undefined;
  if (serials === undefined) return true;
  // A correction that keeps the set of what it corrects is handed over none of its own.
  for (const holder of new Set([digest, amendedBy, ...superseded.map((earlier) => earlier.digest)])) {
    const content = contents.get(holder ?? '');
    if (holder === null || content === undefined) continue;
    const proof = await sets.prove(holder as Digest, content, part);
    if (proof !== null && isIn(serials, part, proof)) return true;
  }
  return false;
}

function isIn({ serialsRoot, treeKey }: NamedSerials, part: Identifier, proof: unknown): boolean {
  try {
    return verifyProof(serialsRoot, fromBase64Url(treeKey), part, proof) === 'in';
  } catch (error) {
    if (isVinculumError(error)) return false; // of another set
    throw error;
  }
}
