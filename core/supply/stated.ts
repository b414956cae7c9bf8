import type { Json } from '../canonical.ts';
import { type EffectiveEntry, evidence, ofKind } from '../findings/openedEntry.ts';
import type { SupplyEdge } from './statement.ts';

/*
 * What the entries of one history say of what is in what: as built, and as maintained since, in time order. The database
 * holds exactly these edges (api/graph), and whoever has the histories of a chain can walk the same graph without it.
 */

/** An edge that an entry states. */
export type StatedEdge = Omit<SupplyEdge, 'source'> & {
  /** The entry that counts: where it was amended, its last amendment. */
  readonly digest: string;
  /** Its attester, as the entry has it. */
  readonly organisation: string;
  /** Of a serialised part that who took it out scrapped: the entry that says so, the original where it was amended. */
  readonly scrappedBy?: string;
};

/** That a maker says what something is: its part number, and when it was made. */
export type MadeFact = {
  readonly manufacturerId: string;
  readonly manufacturerPartId?: string;
  /** `YYYY-MM-DD` */
  readonly day: string;
  readonly kind: string;
  /** The entry that counts, as of an edge. */
  readonly digest: string;
  readonly organisation: string;
  /** The entries that the set of its serials may have been handed over with: that one, and the earlier ones that name the same. */
  readonly holders: readonly string[];
};

/** The kinds whose entries say something of the graph, or of what is in it. */
export const statingKinds = [
  'safetyPart.registered',
  'safetyPart.mounted',
  'safetyPart.removed',
  'vehicle.built',
  'batch.produced',
  'part.produced',
  'part.mounted',
  'part.removed',
] as const;

/** The fields that edges are made of and that an attester may seal: then the edges are its own. */
export const statingFields = ['parts', 'part', 'batch', 'inputs', 'vehicle', 'usedIn', 'bom'] as const;

type Open = { readonly part: string; readonly place: string; readonly edges: Draft[] };
type Draft = { -readonly [Name in keyof StatedEdge]: StatedEdge[Name] };
type Place = { readonly component: string; readonly position?: string };

/**
 * The edges that the entries of one history state, in the order in which they come up. A removal ends the edges of the part
 * that it names, or of the first part in the place that it names; a serialised part stands in a vehicle once, however
 * often that is said.
 * @param identifier whose history it is, as text
 * @param entries those that count (`applyAmendments`), in the order of the history
 */
export function statedEdges(identifier: string, entries: readonly EffectiveEntry[]): StatedEdge[] {
  const edges: Draft[] = [];
  let open: Open[] = [];
  const state = (entry: EffectiveEntry, edge: Omit<SupplyEdge, 'source'>): Draft => {
    const draft = { ...edge, digest: digestOf(entry), organisation: entry.organisation };
    edges.push(draft);
    return draft;
  };
  const member = (entry: EffectiveEntry, part: string, batch: string | undefined): void => {
    if (batch === undefined || !part.startsWith('serial:')) return;
    state(entry, { parent: batch, child: part, relation: 'memberOf' });
  };
  const mount = (
    entry: EffectiveEntry,
    relation: 'builtFrom' | 'mounted',
    part: string,
    what: Place & { readonly batch?: string },
    parent = identifier,
  ): void => {
    const edge = state(entry, { parent, child: part, relation, from: entry.time });
    member(entry, part, what.batch);
    const same = part.startsWith('serial:') ? open.filter((known) => known.part === part) : [];
    open = open.filter((known) => !same.includes(known));
    open.push({ part, place: placeOf(what), edges: [...same.flatMap((known) => known.edges), edge] });
  };
  const remove = (
    entry: EffectiveEntry,
    part: string | undefined,
    place: string,
    isScrapped = false,
  ): void => {
    const found = open.find((known) => (part === undefined ? known.place === place : known.part === part));
    if (found === undefined) return;
    open = open.filter((known) => known !== found);
    for (const edge of found.edges) {
      edge.until = entry.time;
      if (isScrapped && found.part.startsWith('serial:')) edge.scrappedBy = entry.digest;
    }
  };

  for (const entry of entries) {
    for (const { data } of ofKind([entry], 'vehicle.built')) {
      for (const built of data.parts ?? []) mount(entry, 'builtFrom', built.part, built);
    }
    for (const { data } of ofKind([entry], 'part.produced')) {
      member(entry, identifier, data.batch);
      for (const built of data.parts ?? []) mount(entry, 'builtFrom', built.part, built);
    }
    for (const { data } of ofKind([entry], 'batch.produced')) {
      for (const { batch } of data.inputs ?? []) {
        state(entry, { parent: identifier, child: batch, relation: 'madeOf', from: entry.time });
      }
    }
    for (const { data, sealed } of ofKind([entry], 'part.mounted')) {
      const vehicle = text(sealed.vehicle);
      // On a part's own chain the vehicle is what is named.
      if (identifier.startsWith('serial:')) {
        member(entry, identifier, data.batch);
        if (vehicle !== null) mount(entry, 'mounted', identifier, data, vehicle);
      } else if (data.part !== undefined) mount(entry, 'mounted', data.part, data);
    }
    for (const { data } of ofKind([entry], 'part.removed')) {
      const part = identifier.startsWith('serial:') ? identifier : data.part;
      remove(entry, part, placeOf(data), data.fate === 'scrapped');
    }
    for (const { data } of ofKind([entry], 'safetyPart.registered')) member(entry, identifier, data.batch);
    for (const mounted of ofKind([entry], 'safetyPart.mounted')) {
      // On a vehicle's chain the envelope is the part's.
      const part = mounted.identifier;
      if (part === undefined || part === identifier) member(entry, identifier, mounted.data.batch);
      else mount(entry, 'mounted', part, mounted.data);
    }
    for (const removed of ofKind([entry], 'safetyPart.removed')) {
      const part = removed.identifier;
      if (part !== undefined && part !== identifier) remove(entry, part, '');
    }
    if (entry.kind === 'vehicle.built' || entry.kind === 'part.produced' || entry.kind === 'batch.produced') {
      for (const edge of sealedLines(identifier, entry)) state(entry, edge);
    }
  }
  return edges;
}

/** What makers say of the thing itself, in the order of the history. */
export function madeFacts(entries: readonly EffectiveEntry[]): MadeFact[] {
  return entries.flatMap((entry) => {
    if (!MAKING.includes(entry.kind)) return [];
    const { manufacturerId, manufacturerPartId, productionDate } = entry.data;
    if (typeof manufacturerId !== 'string') return [];
    return [
      {
        manufacturerId,
        ...(typeof manufacturerPartId === 'string' ? { manufacturerPartId } : {}),
        day: typeof productionDate === 'string' ? productionDate : entry.time.slice(0, 10),
        kind: entry.kind,
        digest: digestOf(entry),
        organisation: entry.organisation,
        holders: holdersOf(entry),
      },
    ];
  });
}

function holdersOf(entry: EffectiveEntry): string[] {
  const set = setName(entry);
  const earlier = entry.superseded.filter((one) => set !== null && setName(one) === set);
  return [...new Set([...earlier.map(({ digest }) => digest), digestOf(entry)])];
}

function setName({ data }: Pick<EffectiveEntry, 'data'>): string | null {
  const { serialsRoot, treeKey } = (data.serials ?? {}) as { serialsRoot?: string; treeKey?: string };
  return serialsRoot === undefined || treeKey === undefined ? null : `${serialsRoot} ${treeKey}`;
}

const MAKING: readonly string[] = [
  'vehicle.built',
  'part.produced',
  'batch.produced',
  'safetyPart.registered',
];

const placeOf = ({ component, position }: Place): string => `${component}/${position ?? ''}`;
const digestOf = (entry: EffectiveEntry): string => evidence(entry).at(-1) ?? entry.digest;
const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);

/** The lines of the sealed fields `bom` and `usedIn`, as far as they name the other thing. */
function sealedLines(identifier: string, { sealed }: EffectiveEntry): Omit<SupplyEdge, 'source'>[] {
  const { parents } = (sealed.usedIn ?? {}) as { readonly parents?: Json };
  const between = (parent: string, child: string): Omit<SupplyEdge, 'source'> => ({
    parent,
    child,
    relation: parent.startsWith('batch:') ? 'madeOf' : 'builtFrom',
  });
  return [
    ...named(sealed.bom).map((child) => between(identifier, child)),
    ...named(parents).map((parent) => between(parent, identifier)),
  ];
}

function named(lines: Json | undefined): string[] {
  if (!Array.isArray(lines)) return [];
  return lines.flatMap((line) => text((line as Readonly<Record<string, Json>> | null)?.identifier) ?? []);
}
