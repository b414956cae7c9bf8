import { createHash } from 'node:crypto';
import { fromHex, type Hex, toHex } from '../../core/bytes.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, Digest, LedgerId, Subject } from '../../core/chain/types.ts';
import { type Envelope, openEnvelope } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { formatIdentifier, type Identifier } from '../../core/identifiers/identifier.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import { Problem } from '../problem.ts';
import type { Evaluator } from '../pseudonym/evaluator.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Store } from '../store/store.ts';
import {
  ERASURE_COLUMNS,
  type ErasureRow,
  type Item,
  itemName,
  type LedgerReceipt,
  receiptOf,
} from './receipt.ts';

/** What somebody wants destroyed. */
export type Target =
  | { readonly of: 'field'; readonly digest: Digest; readonly name: string }
  | { readonly of: 'document'; readonly cid: string }
  | { readonly of: 'entry'; readonly digest: Digest }
  | { readonly of: 'vehicle'; readonly identifier: Identifier }
  /** Sealed fields that are past their time. */
  | { readonly of: 'fields'; readonly items: readonly Item[] };

/** One thing that would be destroyed, and what is known of it without showing it. */
export type PlannedItem = Item & {
  readonly ledger: LedgerId;
  /** The entry's kind by name, null where the entry is not on the ledger (yet). */
  readonly kind: string | null;
  readonly organisation: string | null;
  /** Of a whole entry: the size of its block in bytes, null where it is not here. */
  readonly block?: number | null;
  /** Of a whole entry: the sealed fields that can be opened here. */
  readonly fields?: readonly string[];
  /** Of a whole entry: whether the members of its set are here. */
  readonly members?: boolean;
  /** Of a document: its size in bytes, null where it is not here. */
  readonly bytes?: number | null;
};

/**
 * What would not be destroyed: `links` (who attested what kind of entry when, on the ledger, and what of a title follows
 * from that), `identifier` (it is still evaluated), `document` (an entry that stays holds its key, too), `bound` (entries
 * of these digests are linked to the vehicle, but their content is of another subject, or cannot be told to be of this
 * one), `amendments` (corrections of an erased entry: each is an entry with content of its own), `elsewhere` (reports
 * that were handed out, copies in other operators' hands, backups).
 */
export type Kept = {
  readonly what: 'links' | 'identifier' | 'document' | 'bound' | 'amendments' | 'elsewhere';
  /** How many links. */
  readonly count?: number;
  /** CIDs of documents, digests of entries. */
  readonly names?: readonly string[];
};

export type Plan = {
  /** Names the plan: who agrees to it says this name. */
  readonly id: Hex;
  readonly goes: readonly PlannedItem[];
  readonly stays: readonly Kept[];
  /** Receipts for what was erased before. */
  readonly erased: readonly LedgerReceipt[];
};

export type PlanSource = {
  readonly store: Store;
  readonly secrets: Secrets;
  readonly evaluator: Evaluator;
  /** The ledger that receipts are signed under where an entry is on none. */
  readonly ledger: LedgerId;
};

/** An entry as the index has it; one digest may be linked to several subjects. */
type LinkFacts = {
  readonly digest: Uint8Array;
  readonly subject: Uint8Array | null;
  readonly kind: number;
  readonly organisation: bigint | null;
  readonly chain_id: string | null;
  readonly ledger: Uint8Array | null;
};

type ContentFacts = {
  readonly digest: Uint8Array;
  readonly block: number | null;
  readonly body: Uint8Array | null;
  readonly wrapped: Uint8Array | null;
  readonly fields: string[] | null;
  readonly members: boolean;
};

const ZERO_DIGEST = `0x${'00'.repeat(32)}` as Digest;

/**
 * What there is to destroy for a target, in the state of this moment. Changes nothing.
 * @throws `erasure.unknown` where there is nothing of it, and never was
 */
export async function planErasure(source: PlanSource, target: Target): Promise<Plan> {
  const planned = await plannedItems(source, target);
  const erased = await receiptsFor(source.store, target, [...planned.items, ...(planned.were ?? [])]);
  const done = new Set(erased.map(({ receipt }) => itemName(receipt)));
  const gone = new Set(
    erased.filter(({ receipt }) => receipt.what === 'entry').map(({ receipt }) => receipt.digest),
  );
  // A field of an erased entry went with it.
  const goes = planned.items.filter(
    (item) => !done.has(itemName(item)) && (item.what === 'entry' || !gone.has(item.digest)),
  );
  if (goes.length === 0 && erased.length === 0 && planned.stays.length === 0) {
    throw new Problem('erasure.unknown', 'There is no such content here: look for a typing error.');
  }
  const facts = {
    goes: goes.map(itemName).toSorted(),
    stays: planned.stays.map(({ what, names }) => [what, ...(names ?? [])]),
  };
  const id = toHex(createHash('sha256').update(canonicalJson(facts)).digest());
  return { id, goes, stays: goes.length === 0 ? [] : planned.stays, erased };
}

type Planned = {
  readonly items: readonly PlannedItem[];
  readonly stays: readonly Kept[] /** Parts of entries that may have gone before, and whose receipts are the target’s. */;
  readonly were?: readonly Item[];
};

async function plannedItems(source: PlanSource, target: Target): Promise<Planned> {
  switch (target.of) {
    case 'field':
      return fieldItems(source, [{ digest: target.digest, what: `field:${target.name}` }]);
    case 'fields':
      return fieldItems(source, target.items);
    case 'document':
      return documentItems(source, target.cid);
    case 'entry':
      return entryItems(source, [target.digest]);
    case 'vehicle':
      return vehicleItems(source, target.identifier);
  }
}

async function fieldItems(source: PlanSource, wanted: readonly Item[]): Promise<Planned> {
  const { store } = source;
  const digests = wanted.map(({ digest }) => fromHex(digest, 32));
  const here = await store.query<{ digest: Uint8Array; name: string }>(
    'SELECT digest, name FROM disclosures WHERE digest = ANY($1::bytea[])',
    [digests],
  );
  const held = new Set(here.map(({ digest, name }) => `${toHex(digest)} ${name}`));
  const links = await linksOf(source, digests);
  const sizes = await sizesOf(store, wanted);
  const items = wanted.flatMap(({ digest, what }): PlannedItem[] => {
    const name = what.startsWith('field:') ? what.slice('field:'.length) : what;
    if (!held.has(`${digest} ${name}`)) return [];
    const bytes = what.startsWith('document:')
      ? { bytes: sizes.get(what.slice('document:'.length)) ?? null }
      : {};
    return [{ digest, what, ...placeOf(source, links, digest), ...bytes }];
  });
  const stays: Kept[] = items.length === 0 ? [] : [linksKept(links), { what: 'elsewhere' }];
  return { items, stays };
}

async function documentItems(source: PlanSource, cid: string): Promise<Planned> {
  const { store } = source;
  const holders = await store.query<{ digest: Uint8Array }>(
    `SELECT digest FROM disclosures WHERE name = $1 AND name LIKE 'document:%' ORDER BY digest`,
    [`document:${cid}`],
  );
  const sizes = await sizesOf(store, [{ what: `document:${cid}` }]);
  const bytes = sizes.get(cid) ?? null;
  const links = await linksOf(
    source,
    holders.map(({ digest }) => digest),
  );
  const what = `document:${cid}` as const;
  const items: PlannedItem[] = holders.map(({ digest }) => ({
    ...{ digest: toHex(digest) as Digest, what, bytes },
    ...placeOf(source, links, toHex(digest)),
  }));
  // A document that no entry here has the key of is destroyed all the same.
  if (items.length === 0 && bytes !== null) {
    items.push({ digest: ZERO_DIGEST, what, bytes, ledger: source.ledger, kind: null, organisation: null });
  }
  return { items, stays: items.length === 0 ? [] : [linksKept(links), { what: 'elsewhere' }] };
}

async function vehicleItems(source: PlanSource, identifier: Identifier): Promise<Planned> {
  const subject = fromHex(source.evaluator.subject(identifier), 32);
  const linked = await source.store.query<{ digest: Uint8Array; others: boolean }>(
    `SELECT DISTINCT links.digest::bytea AS digest,
            EXISTS (SELECT 1 FROM links AS other WHERE other.digest = links.digest AND other.subject <> links.subject)
              OR EXISTS (SELECT 1 FROM own_links WHERE own_links.digest = links.digest) AS others
     FROM links WHERE subject = $1 ORDER BY 1`,
    [subject],
  );
  // Accepted, but not on the ledger yet.
  const waiting = await source.store.query<{ entries: Uint8Array }>(
    `SELECT entries FROM submissions WHERE state IN ('received', 'stored', 'submitted') AND position($1::bytea IN entries) > 0`,
    [subject],
  );
  const digests = new Map(linked.map(({ digest, others }) => [toHex(digest) as Digest, others]));
  for (const digest of waiting.flatMap(({ entries }) => digestsOn(entries, subject))) {
    if (!digests.has(digest)) digests.set(digest, true);
  }
  // Anybody can link another's digest to any subject: only what says itself that it is of this one goes.
  const envelopes = await envelopesOf(source, [...digests.keys()]);
  const isOf = (digest: Digest, others: boolean) => {
    const envelope = envelopes.get(digest);
    return envelope === undefined ? !others : envelope.subject === toHex(subject);
  };
  const own = [...digests].filter(([digest, others]) => isOf(digest, others)).map(([digest]) => digest);
  const bound = [...digests.keys()].filter((digest) => !own.includes(digest));
  const { items, stays } = await entryItems(source, own);
  // What was mounted in it is the part's to keep; what is sealed there is of the vehicle and its people.
  const mounted = await mountedIn(source.store, subject);
  const sealed = await fieldItems(
    source,
    mounted.filter(({ digest }) => !own.includes(digest)),
  );
  return {
    items: [...items, ...sealed.items],
    were: mounted,
    stays: [
      ...stays,
      ...(bound.length === 0 ? [] : [{ what: 'bound', names: bound } as const]),
      ...(digests.size === 0 ? [] : [{ what: 'identifier', names: [formatIdentifier(identifier)] } as const]),
    ],
  };
}

/** All sealed fields and documents, erased ones too, of what was mounted in a vehicle or removed from it, or is to be. */
async function mountedIn(store: Store, vehicle: Uint8Array): Promise<Item[]> {
  const rows = await store.query<{ digest: Uint8Array; name: string }>(
    `WITH mounted AS (
       SELECT digest::bytea FROM parts WHERE detail = $1 AND kind IN (17, 18)
       UNION SELECT substring(entries FROM 34 FOR 32) FROM submissions
       WHERE detail = $1 AND get_byte(entries, 0) IN (17, 18)
     )
     SELECT digest::bytea AS digest, name FROM disclosures WHERE digest IN (SELECT digest FROM mounted)
     UNION
     SELECT digest::bytea, CASE WHEN what LIKE 'field:%' THEN substring(what FROM 7) ELSE what END FROM erasures
     WHERE what <> 'entry' AND digest IN (SELECT digest FROM mounted)
     ORDER BY 1, 2`,
    [vehicle],
  );
  return rows.map(({ digest, name }) => ({
    digest: toHex(digest) as Digest,
    what: name.startsWith('document:') ? (name as Item['what']) : `field:${name}`,
  }));
}

async function entryItems(source: PlanSource, digests: readonly Digest[]): Promise<Planned> {
  const { store } = source;
  const bytes = digests.map((digest) => fromHex(digest, 32));
  const profiles = await store.query<{ value: Uint8Array }>(
    'SELECT value FROM organisation_links WHERE value = ANY($1::bytea[])',
    [bytes],
  );
  // The profile of an organisation is public and no entry's content, whoever links its digest.
  const isProfile = new Set(profiles.map(({ value }) => toHex(value)));
  const links = await linksOf(source, bytes);
  const contents = await contentsOf(store, bytes);
  const known = digests.filter(
    (digest) => !isProfile.has(digest) && (links.has(digest) || contents.has(digest)),
  );
  const going = new Set<string>(known);
  const envelopes = await envelopesOf(source, known);
  const entries = known.map((digest): PlannedItem => {
    const content = contents.get(digest);
    return {
      ...{ digest, what: 'entry', ...placeOf(source, links, digest) },
      ...{ block: content?.block ?? null, fields: content?.fields ?? [], members: content?.members ?? false },
    };
  });

  // Keys of these entries in others' sealed fields: with one of them a copy of the block could be opened.
  const keyNames = known.map((digest) => `key:${digest}`);
  const documents = [
    ...new Set(
      known.flatMap((digest) => [
        ...documentsIn(envelopes.get(digest)),
        ...(contents.get(digest)?.fields ?? []).flatMap((name) =>
          name.startsWith('document:') ? [name.slice(9)] : [],
        ),
      ]),
    ),
  ];
  const holders = await store.query<{ digest: Uint8Array; name: string }>(
    `SELECT digest, name FROM disclosures
     WHERE name = ANY($1::text[]) AND (name LIKE 'document:%' OR name LIKE 'key:%') ORDER BY digest, name`,
    [[...keyNames, ...documents.map((cid) => `document:${cid}`)]],
  );
  const others = holders
    .map(({ digest, name }) => ({ digest: toHex(digest) as Digest, name }))
    .filter(({ digest }) => !going.has(digest));
  const keys = others.filter(({ name }) => name.startsWith('key:'));
  const held = new Set(others.map(({ name }) => name));
  const keyLinks = await linksOf(
    source,
    keys.map(({ digest }) => fromHex(digest, 32)),
  );
  const sizes = await sizesOf(
    store,
    documents.map((cid) => ({ what: `document:${cid}` })),
  );
  const documentItemsOf = (digest: Digest): PlannedItem[] => {
    const named = new Set([
      ...documentsIn(envelopes.get(digest)),
      ...(contents.get(digest)?.fields ?? []).flatMap((name) =>
        name.startsWith('document:') ? [name.slice(9)] : [],
      ),
    ]);
    return [...named]
      .filter((cid) => !held.has(`document:${cid}`))
      .map((cid) => ({
        ...{ digest, what: `document:${cid}`, bytes: sizes.get(cid) ?? null },
        ...placeOf(source, links, digest),
      }));
  };
  const items = [
    ...entries,
    ...known.flatMap(documentItemsOf),
    ...keys.map(
      ({ digest, name }): PlannedItem => ({
        digest,
        what: `field:${name}`,
        ...placeOf(source, keyLinks, digest),
      }),
    ),
  ];
  if (items.length === 0) return { items, stays: [] };
  const keptDocuments = documents.filter((cid) => held.has(`document:${cid}`));
  const amendments = await amendmentsOf(source, links, going);
  return {
    items,
    stays: [
      linksKept(links),
      ...(keptDocuments.length === 0 ? [] : [{ what: 'document', names: keptDocuments } as const]),
      ...(amendments.length === 0 ? [] : [{ what: 'amendments', names: amendments } as const]),
      { what: 'elsewhere' },
    ],
  };
}

/** Corrections of what goes, by other entries of the same subjects. */
async function amendmentsOf(
  source: PlanSource,
  links: ReadonlyMap<string, readonly LinkFacts[]>,
  going: ReadonlySet<string>,
): Promise<Digest[]> {
  const amended = 120;
  const subjects = [...links.values()].flat().flatMap(({ subject }) => (subject === null ? [] : [subject]));
  const rows = await source.store.query<{ digest: Uint8Array }>(
    'SELECT DISTINCT digest::bytea AS digest FROM links WHERE subject = ANY($1::bytea[]) AND kind = $2 ORDER BY 1',
    [subjects, amended],
  );
  const digests = rows.map(({ digest }) => toHex(digest) as Digest).filter((digest) => !going.has(digest));
  const envelopes = await envelopesOf(source, digests);
  return digests.filter((digest) => going.has(String(envelopes.get(digest)?.data.supersedes)));
}

/** Receipts for what a target was, from before: the same for as long as nothing more of it is erased. */
async function receiptsFor(store: Store, target: Target, items: readonly Item[]): Promise<LedgerReceipt[]> {
  const digests = new Set(items.filter(({ what }) => what === 'entry').map(({ digest }) => digest));
  if (target.of === 'entry') digests.add(target.digest);
  const names = new Set<string>(items.filter(({ what }) => what !== 'entry').map(({ what }) => what));
  if (target.of === 'document') names.add(`document:${target.cid}`);
  for (const digest of digests) names.add(`field:key:${digest}`);
  const fields = namedFields(target) ?? items;
  const rows = await store.query<ErasureRow>(
    `SELECT ${ERASURE_COLUMNS} FROM erasures
     WHERE digest = ANY($1::bytea[]) OR what = ANY($2::text[])
        OR (digest, what) IN (SELECT * FROM unnest($3::bytea[], $4::text[]))
        OR (digest = ANY($3::bytea[]) AND what = 'entry')
     ORDER BY number`,
    [
      [...digests].map((digest) => fromHex(digest, 32)),
      // A field's name says nothing without its entry; a document and a key are the same wherever they are named.
      [...names].filter((name) => name.startsWith('document:') || name.startsWith('field:key:')),
      fields.map(({ digest }) => fromHex(digest, 32)),
      fields.map(({ what }) => what),
    ],
  );
  return rows.map(receiptOf);
}

/** The fields that a target names one by one. */
function namedFields(target: Target): readonly Item[] | null {
  if (target.of === 'fields') return target.items;
  return target.of === 'field' ? [{ digest: target.digest, what: `field:${target.name}` }] : null;
}

function digestsOn(entries: Uint8Array, subject: Uint8Array): Digest[] {
  const found: Digest[] = [];
  for (let start = 0; start < entries.length; start += 65) {
    const own = Buffer.from(entries.subarray(start + 1, start + 33)).equals(subject);
    if (own) found.push(toHex(entries.subarray(start + 33, start + 65)) as Digest);
  }
  return found;
}

async function linksOf(
  source: PlanSource,
  digests: readonly Uint8Array[],
): Promise<Map<string, LinkFacts[]>> {
  const rows = await source.store.query<LinkFacts>(
    `SELECT found.digest, found.subject, found.kind, found.organisation, listed.chain_id::text AS chain_id, listed.ledger::bytea AS ledger
     FROM (
       SELECT digest::bytea AS digest, subject::bytea AS subject, kind, organisation, ledger, position FROM links
       WHERE digest = ANY($1::bytea[])
       UNION ALL
       SELECT digest::bytea, NULL, kind, organisation, ledger, position FROM own_links WHERE digest = ANY($1::bytea[])
     ) AS found
     LEFT JOIN directory_links AS listed ON listed.number = found.ledger
     ORDER BY found.ledger, found.subject, found.position`,
    [digests],
  );
  const found = new Map<string, LinkFacts[]>();
  for (const row of rows) found.set(toHex(row.digest), [...(found.get(toHex(row.digest)) ?? []), row]);
  return found;
}

async function contentsOf(store: Store, digests: readonly Uint8Array[]): Promise<Map<string, ContentFacts>> {
  const rows = await store.query<Omit<ContentFacts, 'body'>>(
    `SELECT wanted.digest, octet_length(blocks.body) AS block, block_keys.wrapped, opened.fields, sets.digest IS NOT NULL AS members
     FROM unnest($1::bytea[]) AS wanted(digest)
     LEFT JOIN blocks ON blocks.digest = wanted.digest
     LEFT JOIN block_keys ON block_keys.digest = wanted.digest
     LEFT JOIN sets ON sets.digest = wanted.digest
     LEFT JOIN LATERAL (
       SELECT array_agg(name ORDER BY name) AS fields FROM disclosures WHERE disclosures.digest = wanted.digest
     ) AS opened ON true
     WHERE num_nonnulls(blocks.body, block_keys.wrapped, opened.fields, sets.digest) > 0`,
    [digests],
  );
  return new Map(rows.map((row) => [toHex(row.digest), { ...row, body: null }]));
}

/** The envelopes that can be opened here. */
async function envelopesOf(source: PlanSource, digests: readonly Digest[]): Promise<Map<string, Envelope>> {
  const found = new Map<string, Envelope>();
  const AT_ONCE = 200;
  for (let start = 0; start < digests.length; start += AT_ONCE) {
    const rows = await source.store.query<{ digest: Uint8Array; body: Uint8Array; wrapped: Uint8Array }>(
      `SELECT digest, body, wrapped FROM blocks JOIN block_keys USING (digest) WHERE digest = ANY($1::bytea[])`,
      [digests.slice(start, start + AT_ONCE).map((digest) => fromHex(digest, 32))],
    );
    for (const { digest, body, wrapped } of rows) {
      try {
        found.set(toHex(digest), openEnvelope(body, source.secrets.blockKey(digest, wrapped)));
      } catch (error) {
        // Rotten, or of a kind that is not known here: what it is of cannot be told.
        if (!(error instanceof VinculumError) && !(error instanceof Problem)) throw error;
      }
    }
  }
  return found;
}

function documentsIn(envelope: Envelope | undefined): string[] {
  // A correction lists those of the corrected data within it.
  const corrected = envelope?.data.data as { documents?: unknown } | undefined;
  const listed = [envelope?.data.documents, corrected?.documents].flatMap((list) =>
    Array.isArray(list) ? list : [],
  );
  return listed.flatMap((document) => {
    const cid = (document as { cid?: unknown } | null)?.cid;
    return typeof cid === 'string' ? [cid] : [];
  });
}

async function sizesOf(
  store: Store,
  items: readonly { readonly what: string }[],
): Promise<Map<string, number>> {
  const cids = items.flatMap(({ what }) =>
    what.startsWith('document:') ? [what.slice('document:'.length)] : [],
  );
  if (cids.length === 0) return new Map();
  const rows = await store.query<{ cid: string; bytes: bigint }>(
    'SELECT cid, bytes FROM documents WHERE cid = ANY($1::text[])',
    [cids],
  );
  return new Map(rows.map(({ cid, bytes }) => [cid, Number(bytes)]));
}

function placeOf(
  source: PlanSource,
  links: ReadonlyMap<string, readonly LinkFacts[]>,
  digest: string,
): Pick<PlannedItem, 'ledger' | 'kind' | 'organisation'> {
  const link = links.get(digest)?.[0];
  if (link === undefined) return { ledger: source.ledger, kind: null, organisation: null };
  const { chain_id: chainId, ledger, kind, organisation } = link;
  return {
    ledger:
      chainId === null || ledger === null
        ? source.ledger
        : formatLedgerId({ chainId: BigInt(chainId), address: toHex(ledger) as Address }),
    kind: kindByNumber(kind)?.name ?? String(kind),
    organisation: organisation?.toString() ?? null,
  };
}

function linksKept(links: ReadonlyMap<string, readonly LinkFacts[]>): Kept {
  return { what: 'links', count: [...links.values()].reduce((sum, { length }) => sum + length, 0) };
}

/** The subjects whose histories show an entry of these digests. */
export async function subjectsOf(store: Store, digests: readonly string[]): Promise<Subject[]> {
  const rows = await store.query<{ subject: Uint8Array }>(
    'SELECT DISTINCT subject::bytea AS subject FROM links WHERE digest = ANY($1::bytea[])',
    [digests.map((digest) => fromHex(digest, 32))],
  );
  return rows.map(({ subject }) => toHex(subject) as Subject);
}
