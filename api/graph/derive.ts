import { fromHex, fromUtf8, toHex, utf8 } from '../../core/bytes.ts';
import type { Json } from '../../core/canonical.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import type { Address, LedgerId, OrganisationId, Subject } from '../../core/chain/types.ts';
import { checkBinding, type Envelope, parseEnvelope, readableFields } from '../../core/envelope/envelope.ts';
import { VinculumError } from '../../core/errors.ts';
import { applyAmendments, sameAttester } from '../../core/findings/amendments.ts';
import type { OpenedEntry } from '../../core/findings/openedEntry.ts';
import { kindByNumber } from '../../core/kinds/kinds.ts';
import { type MadeFact, madeFacts, type StatedEdge, statedEdges } from '../../core/supply/stated.ts';
import { openBlock } from '../accept/open.ts';
import { OWN_REGISTER } from '../index/ledgers.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { actionHandedIn } from '../privacy/handedIn.ts';
import { Problem } from '../problem.ts';
import type { Secrets } from '../query/secrets.ts';
import type { Queryable } from '../store/store.ts';

/** What the entries of one history come to. */
export type Derived = {
  readonly identifier: string;
  readonly edges: readonly DerivedEdge[];
  readonly made: readonly MadeFact[];
};
export type DerivedEdge = StatedEdge & { readonly sealed: boolean };

export type DeriveContext = {
  readonly secrets: Secrets;
  readonly keyring: Pick<Keyring, 'unwrap'>;
};

type Row = {
  readonly subject: Uint8Array;
  readonly ledger: number;
  readonly position: number;
  readonly kind: number;
  readonly organisation: bigint | null;
  readonly timestamp: bigint;
  readonly digest: Uint8Array;
  readonly body: Uint8Array;
  readonly key: Uint8Array;
  readonly wrapped: Uint8Array;
  readonly sealed: Uint8Array | null;
  /** Of an action of a part that stands on a vehicle's chain: the part. */
  readonly part: Uint8Array | null;
  readonly part_wrapped: Uint8Array | null;
  /**
   * Whether who acted named the subject: the envelope does, or it is a vehicle that an action handed in here names. Else
   * all that was known of it may be its pseudonym, and the part must not lead to its number.
   */
  readonly named: boolean;
};

type Ledgers = ReadonlyMap<number, { readonly id: LedgerId; readonly register: number }>;

/** Reads the histories of these subjects, as far as they say something of the graph; without the others. */
export async function derive(
  from: Queryable,
  context: DeriveContext,
  subjects: readonly Uint8Array[],
): Promise<Map<Subject, Derived>> {
  const rows = await from.query<Row>(
    `SELECT links.subject, links.ledger, links.position, links.kind, coalesce(links.organisation, parts.organisation) AS organisation,
       links.timestamp, links.digest, blocks.body, block_keys.wrapped AS key, identifiers.wrapped,
       graph_sealed.wrapped AS sealed, parts.subject AS part, named.wrapped AS part_wrapped,
       parts.subject IS NULL OR parts.subject = links.subject OR ${actionHandedIn('parts.action_hash')} AS named
     FROM links
     JOIN blocks ON blocks.digest = links.digest JOIN block_keys ON block_keys.digest = links.digest
     JOIN identifiers ON identifiers.subject = links.subject
     LEFT JOIN graph_sealed ON graph_sealed.digest = links.digest
     LEFT JOIN parts ON links.organisation IS NULL AND parts.action_hash = links.action_hash AND parts.ledger = links.ledger
     LEFT JOIN identifiers AS named ON named.subject = parts.subject
     WHERE links.subject = ANY($1::bytea[]) AND graph_states(links.kind)
     ORDER BY links.subject, links.ledger, links.position`,
    [subjects],
  );
  const ledgers = rows.length === 0 ? new Map() : await ledgersOf(from);
  const histories = new Map<Subject, { identifier: string; entries: Opened[] }>();
  for (const row of rows) {
    const subject = toHex(row.subject) as Subject;
    const history = histories.get(subject) ?? {
      identifier: context.secrets.identifier(row.subject, row.wrapped),
      entries: [],
    };
    histories.set(subject, history);
    const entry = openEntry(context, ledgers, row, history.identifier);
    if (entry !== null) history.entries.push(entry);
  }
  return new Map(Array.from(histories, ([subject, history]) => [subject, deriveHistory(history)]));
}

type Opened = { readonly entry: OpenedEntry; readonly envelope: Envelope; readonly sealed: SealedFields };
type SealedFields = Readonly<Record<string, Json>> | null;

/** An entry whose envelope belongs to its link, or null: anybody can put another's digest on the ledger. */
function openEntry(context: DeriveContext, ledgers: Ledgers, row: Row, identifier: string): Opened | null {
  const ledger = ledgers.get(row.ledger);
  const { organisation, kind, timestamp, digest } = row;
  if (ledger === undefined || organisation === null || !row.named) return null;
  try {
    const envelope = parseEnvelope(openBlock(row.body, context.secrets.blockKey(digest, row.key)));
    const ofPart =
      row.part !== null && row.part_wrapped !== null
        ? { subject: row.part, identifier: context.secrets.identifier(row.part, row.part_wrapped) }
        : { subject: row.subject, identifier };
    checkBinding(envelope, {
      ledger: ledger.id,
      subject: toHex(ofPart.subject) as Subject,
      identifier: ofPart.identifier,
      kind,
      organisation: organisation as OrganisationId,
      timestamp,
    });
    const { data, missing } = readableFields(envelope, {});
    const entry: OpenedEntry = {
      digest: toHex(digest),
      kind: kindByNumber(kind)?.name ?? String(kind),
      kindVersion: envelope.kindVersion,
      // A number names an organisation within its register only.
      organisation: `${ledger.register}:${organisation}`,
      ...(row.part === null ? {} : { identifier: ofPart.identifier }),
      time: envelope.time,
      anchoredAt: Number(timestamp),
      position: row.position,
      status: 'proven',
      data,
      missing,
      sealed: {},
    };
    return { entry, envelope, sealed: sealedOf(context, row) };
  } catch (error) {
    // Rotten, void, or of a kind that is not known here.
    if (error instanceof VinculumError || error instanceof Problem) return null;
    throw error;
  }
}

function sealedOf({ keyring }: DeriveContext, { digest, sealed }: Row): SealedFields {
  if (sealed === null) return null;
  return JSON.parse(fromUtf8(keyring.unwrap('identifier', sealed, digest))) as SealedFields;
}

function deriveHistory({ identifier, entries }: { identifier: string; entries: readonly Opened[] }): Derived {
  const shown = entries.map(({ entry }) => entry);
  const { effective } = applyAmendments(shown, sameAttester);
  const open = statedEdges(identifier, effective);
  const edges: DerivedEdge[] = open.map((edge) => ({ ...edge, sealed: false }));
  const known = new Set(open.map(edgeName));
  // Whoever sealed fields reads its own entries with them.
  for (const attester of new Set(
    entries.flatMap(({ sealed, entry }) => (sealed === null ? [] : [entry.organisation])),
  )) {
    const own = entries.map(({ entry, envelope, sealed }) =>
      entry.organisation === attester && sealed !== null
        ? { ...entry, ...readableFields(envelope, sealed) }
        : entry,
    );
    for (const edge of statedEdges(identifier, applyAmendments(own, sameAttester).effective)) {
      if (edge.organisation !== attester || known.has(edgeName(edge))) continue;
      known.add(edgeName(edge));
      edges.push({ ...edge, sealed: true });
    }
  }
  return { identifier, edges, made: madeFacts(effective) };
}

const edgeName = ({ parent, child, relation, digest }: StatedEdge): string =>
  `${parent} ${child} ${relation} ${digest}`;

/** The number of an attester in the register of this operator's ledger; 0 for one of another register. */
export function attesterOf(organisation: string): bigint {
  const [register, number = '0'] = organisation.split(':');
  return Number(register) === OWN_REGISTER ? BigInt(number) : 0n;
}

async function ledgersOf(from: Queryable): Promise<Ledgers> {
  const rows = await from.query<{ number: number; register: number; chain_id: string; ledger: Uint8Array }>(
    `SELECT number, register, chain_id, ledger FROM directory_links WHERE change = 'added' AND number IS NOT NULL`,
  );
  return new Map(
    rows.map(({ number, register, chain_id: chainId, ledger }) => [
      number,
      { id: formatLedgerId({ chainId: BigInt(chainId), address: toHex(ledger) as Address }), register },
    ]),
  );
}

/** What is kept of an entry's sealed fields for its attester: the things that they name, and no more. */
export function sealedStatements(sealed: Readonly<Record<string, unknown>>): Uint8Array | null {
  const kept: Record<string, unknown> = {};
  for (const name of ['parts', 'part', 'batch', 'inputs', 'vehicle'] as const) {
    if (sealed[name] !== undefined) kept[name] = sealed[name];
  }
  const bom = namedIn(sealed.bom);
  if (bom.length > 0) kept.bom = bom;
  const parents = namedIn((sealed.usedIn as { parents?: unknown } | undefined)?.parents);
  if (parents.length > 0) kept.usedIn = { parents };
  return Object.keys(kept).length === 0 ? null : utf8(JSON.stringify(kept));
}

function namedIn(lines: unknown): { readonly identifier: string }[] {
  if (!Array.isArray(lines)) return [];
  return lines.flatMap((line) => {
    const { identifier } = line as { readonly identifier?: unknown };
    return typeof identifier === 'string' ? [{ identifier }] : [];
  });
}

export const digestBytes = (digest: string): Uint8Array => fromHex(digest, 32);
