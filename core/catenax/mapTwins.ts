import type { Json } from '../canonical.ts';
import type { Content } from '../envelope/envelope.ts';
import { isVinculumError, VinculumError } from '../errors.ts';
import { validateData, validateSealed } from '../kinds/validate.ts';
import { buildGraph, cyclesOf } from '../supply/graph.ts';
import type { Mapping, MappingProblem, Statement, StatementSource, SupplyEdge } from '../supply/statement.ts';
import { utc } from './readFile.ts';
import { type Relation, samePartner, type Twin } from './twin.ts';

/*
 * What twins say, in entries: of a vehicle `vehicle.built`, of a part `part.produced`, of a batch `batch.produced`, each with
 * its bill of materials one level down. What the maker knows of its own part is public; what concerns a customer, and the
 * bill of materials as Catena-X states it, is sealed.
 *
 * Twins name each other by id, and whose they are by a Business Partner Number; who stands for an id is known only from that
 * company’s own file. Where two companies state a twin under one id, the partner number tells which is meant.
 */

export type MapTwinsOptions = {
  /** Twins of other companies: they are linked to, and nothing is stated of them. */
  readonly known?: readonly Twin[];
};

type Line = Relation & {
  /** The twins that are meant: none where nobody’s file has it, several where it can’t be told which. */
  readonly twins: readonly Twin[];
};

type BuiltPart = {
  readonly component: string;
  readonly part: string;
  readonly batch?: string;
  readonly hasAlternatives?: true;
};

/**
 * @returns the statements in the order of the twins; edges between everything that is linked, `known` twins’ own links too;
 *   problems `bom.missing` (a tier that nobody handed on), `catenax.ambiguous`, `catenax.sameId` (one id, two companies),
 *   `catenax.notMapped`, `bom.cycle` (together with other companies’ twins), and the code of any rule that refuses a statement
 * @throws `bom.cycle` where the twins themselves say that a thing is in itself; `catenax.sameNumber` where two have one number
 */
export function mapTwins(own: readonly Twin[], { known = [] }: MapTwinsOptions = {}): Required<Mapping> {
  return new Mapper(own, known).map();
}

class Mapper {
  readonly #own: readonly Twin[];
  readonly #all: readonly Twin[];
  readonly #byId = new Map<string, Twin[]>();
  readonly #statements: Statement[] = [];
  readonly #problems: MappingProblem[] = [];
  readonly #edges = new Map<string, SupplyEdge>();

  constructor(own: readonly Twin[], known: readonly Twin[]) {
    this.#own = this.#once(own);
    const identifiers = new Set(own.map(({ identifier }) => identifier));
    this.#all = [...this.#own, ...known.filter(({ identifier }) => !identifiers.has(identifier))];
    for (const twin of this.#all) this.#byId.set(twin.id, [...(this.#byId.get(twin.id) ?? []), twin]);
  }

  /** Several files may hold one twin; two twins under one number are two histories in one. */
  #once(twins: readonly Twin[]): Twin[] {
    const byIdentifier = new Map<string, Twin>();
    for (const twin of twins) {
      const same = byIdentifier.get(twin.identifier);
      if (same === undefined) byIdentifier.set(twin.identifier, twin);
      else if (same.id === twin.id)
        this.#note('import.duplicate', twin.at, `${twin.id} is ${same.at} too`, twin);
      else {
        throw new VinculumError(
          'catenax.sameNumber',
          `${twin.at}: ${twin.identifier} is ${same.at} too, under another id.`,
          { details: { identifier: twin.identifier, ids: [same.id, twin.id] } },
        );
      }
    }
    return [...byIdentifier.values()];
  }

  map(): Required<Mapping> {
    for (const [id, twins] of this.#byId) {
      if (twins.length < 2 || !twins.some((twin) => this.#own.includes(twin))) continue;
      const names = twins.map(({ identifier }) => identifier).join(' and ');
      this.#note('catenax.sameId', id, `this id stands for ${names}`);
    }
    const isOwn = new Set(this.#own);
    const usedIn = this.#usages(isOwn);
    for (const twin of this.#all) {
      const children = (twin.children ?? []).map((line) => this.#line(twin, line, isOwn.has(twin)));
      const parents = (twin.usage?.parents ?? []).map((line) =>
        this.#line(twin, line, isOwn.has(twin), true),
      );
      // What its own maker says is in it, though its bill of materials leaves it out.
      const listed = new Set(children.map(({ id }) => id));
      const added = (usedIn.get(twin) ?? []).filter(({ id }) => !listed.has(id));
      const bom = [...children, ...added];
      this.#link(twin, bom, parents);
      if (isOwn.has(twin)) this.#state(twin, bom, parents);
    }
    this.#findCycles();
    return {
      statements: this.#statements,
      edges: [...this.#edges.values()],
      problems: this.#problems,
    };
  }

  /** The parts of each twin that say so themselves, where it is one maker, or one who states both, that says so. */
  #usages(isOwn: ReadonlySet<Twin>): Map<Twin, Line[]> {
    const found = new Map<Twin, Line[]>();
    for (const part of this.#all) {
      for (const line of part.usage?.parents ?? []) {
        const whole = this.#meant(part, line, true);
        const [one] = whole;
        if (one === undefined || whole.length > 1 || one === part) continue;
        const ours = isOwn.has(one) && isOwn.has(part);
        if (!ours && !samePartner(one.maker, part.maker)) continue;
        const lines = found.get(one) ?? [];
        lines.push({ ...line, id: part.id, partner: part.maker, twins: [part] });
        found.set(one, lines);
      }
    }
    return found;
  }

  #meant(from: Twin, { id, partner }: Relation, upward: boolean): readonly Twin[] {
    const candidates = this.#byId.get(id) ?? [];
    if (candidates.length < 2) return candidates;
    const customers = upward ? (from.usage?.customers ?? []) : [];
    const choices: ((twin: Twin) => boolean)[] = [
      ({ maker }) => samePartner(maker, partner),
      ({ maker }) => customers.some((customer) => samePartner(maker, customer)),
      ({ maker }) => samePartner(maker, from.maker),
    ];
    for (const choice of choices) {
      const chosen = candidates.filter(choice);
      if (chosen.length > 0) return chosen;
    }
    return candidates;
  }

  #line(from: Twin, line: Relation, isOwn: boolean, upward = false): Line {
    const twins = this.#meant(from, line, upward);
    if (isOwn && twins.length > 1) {
      const names = twins.map(({ identifier }) => identifier).join(', ');
      this.#note('catenax.ambiguous', line.at, `${line.id} may be ${names}`, from);
    }
    return { ...line, twins };
  }

  #link(twin: Twin, bom: readonly Line[], parents: readonly Line[]): void {
    for (const line of bom) for (const part of line.twins) this.#edge(twin, part, line, twin);
    for (const line of parents) for (const whole of line.twins) this.#edge(whole, twin, line, twin);
    if (twin.batch !== undefined) {
      const source = sourceOf(twin);
      this.#addEdge({ parent: twin.batch, child: twin.identifier, relation: 'memberOf', source });
    }
  }

  #edge(whole: Twin, part: Twin, line: Line, stater: Twin): void {
    this.#addEdge({
      parent: whole.identifier,
      child: part.identifier,
      relation: whole.type === 'batch' ? 'madeOf' : 'builtFrom',
      from: utc(line.createdOn),
      source: sourceOf(stater),
    });
  }

  /** The first to say it counts: a bill of materials and the part’s own word for it are one edge. */
  #addEdge(edge: SupplyEdge): void {
    const key = `${edge.parent} ${edge.relation} ${edge.child}`;
    if (!this.#edges.has(key)) this.#edges.set(key, edge);
  }

  #state(twin: Twin, bom: readonly Line[], parents: readonly Line[]): void {
    const content = this.#content(twin, bom, parents);
    try {
      validateData(content.kind, 1, content.data);
      for (const [name, value] of Object.entries(content.sealed ?? {})) {
        validateSealed(content.kind, 1, name, value);
      }
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.#problems.push({ code: error.code, at: twin.at, source: sourceOf(twin), detail: error.message });
      return;
    }
    this.#statements.push({ identifier: twin.identifier, content, source: sourceOf(twin) });
  }

  #content(twin: Twin, bom: readonly Line[], parents: readonly Line[]): Content {
    const [plant, ...sites] = sitesOf(twin);
    const parts = this.#parts(twin, bom);
    const missing = this.#missing(twin, bom);
    const shared = {
      manufacturerId: twin.maker,
      ...given('manufacturerPartId', twin.manufacturerPartId),
      ...given('nameAtManufacturer', twin.nameAtManufacturer),
      ...(plant === undefined || plant === null ? {} : { plant }),
      ...(sites.length === 0 ? {} : { sites: sites as Json[] }),
      ...given('country', twin.country),
      productionDate: twin.madeOn.slice(0, 10),
      ...(twin.classification.length === 0 ? {} : { partClassification: twin.classification as Json }),
      ...(missing.length === 0 ? {} : { missing }),
    };
    const usage = twin.usage;
    const sealed: Record<string, Json> = {
      ...given('customerPartId', twin.customerPartId),
      ...given('nameAtCustomer', twin.nameAtCustomer),
      ...(twin.others.length === 0
        ? {}
        : { localIdentifiers: twin.others.map(({ key, value }) => ({ key, value })) }),
      ...(bom.length === 0 ? {} : { bom: bom.map(relationOf) }),
      ...(usage === null
        ? {}
        : { usedIn: { customers: [...usage.customers], parents: parents.map(relationOf) } }),
    };
    const at = { kindVersion: 1, time: twin.madeOn, ...(Object.keys(sealed).length === 0 ? {} : { sealed }) };
    switch (twin.type) {
      case 'vehicle':
        return {
          kind: 'vehicle.built',
          ...at,
          data: { ...shared, ...(parts.length === 0 ? {} : { parts }) },
        };
      case 'serial':
        return {
          kind: 'part.produced',
          ...at,
          data: {
            bizStep: 'commissioning',
            ...shared,
            ...(twin.aspect === 'SerialPart' && twin.number !== '' ? { partInstanceId: twin.number } : {}),
            ...given('batch', twin.batch),
            ...(twin.battery === undefined ? {} : { tractionBattery: twin.battery as Json }),
            ...(parts.length === 0 ? {} : { parts }),
          },
        };
      case 'batch': {
        const inputs = parts.flatMap(({ part }) => (part.startsWith('batch:') ? [{ batch: part }] : []));
        return {
          kind: 'batch.produced',
          ...at,
          data: {
            bizStep: 'commissioning',
            ...shared,
            batchId: twin.number,
            ...(inputs.length === 0 ? {} : { inputs }),
          },
        };
      }
    }
  }

  /** What is built in, each once; a thing that may be another than it seems is named as such. */
  #parts(twin: Twin, bom: readonly Line[]): BuiltPart[] {
    const parts = new Map<string, BuiltPart>();
    for (const { twins, hasAlternatives, at } of bom) {
      for (const part of twins) {
        const why = partFault(twin, part);
        if (why !== null) {
          this.#note('catenax.notMapped', at, why, twin);
          continue;
        }
        const component = part.battery === undefined ? 'other' : 'tractionBattery';
        const possible = hasAlternatives || twins.length > 1;
        if (parts.has(part.identifier)) continue;
        parts.set(part.identifier, {
          component,
          part: part.identifier,
          ...given('batch', part.batch),
          ...(possible ? { hasAlternatives: true } : {}),
        });
      }
    }
    return [...parts.values()];
  }

  /** The tiers below that nobody handed on, each supplier once: the lines themselves are sealed. */
  #missing(twin: Twin, bom: readonly Line[]): { component: string; supplier: string; reason: string }[] {
    const suppliers = new Set<string>();
    for (const { twins, partner, id, at } of bom) {
      if (twins.length > 0) continue;
      suppliers.add(partner);
      this.#note('bom.missing', at, `notDelivered: no file of ${partner} has ${id}`, twin);
    }
    return [...suppliers].map((supplier) => ({ component: 'other', supplier, reason: 'notDelivered' }));
  }

  #findCycles(): void {
    const own = new Set(this.#own.map(({ identifier }) => identifier));
    for (const knot of cyclesOf(buildGraph(this.#edges.values()))) {
      const detail = `${knot.join(', ')}: said to be in ${knot.length === 1 ? 'itself' : 'each other'}`;
      if (knot.every((thing) => own.has(thing))) {
        throw new VinculumError('bom.cycle', `${detail}.`, { details: { things: knot } });
      }
      this.#note('bom.cycle', knot.join(' '), detail);
    }
  }

  /** Names what no entry says; the rest stands. */
  #note(code: string, at: string, detail: string, twin?: Twin): void {
    this.#problems.push({
      code,
      at,
      ...(twin === undefined ? {} : { source: sourceOf(twin) }),
      detail,
      note: true,
    });
  }
}

function sourceOf({ id, maker }: Twin): StatementSource {
  return { system: 'catenax', id, of: maker };
}

/** Why a thing can’t be named as a part of another in an entry. */
function partFault(whole: Twin, part: Twin): string | null {
  if (part.type === 'vehicle') return `${part.identifier} is a vehicle, and no part of one`;
  if (whole.type === 'batch' && part.type === 'serial') {
    return `${part.identifier} is a single part: a batch is made of batches`;
  }
  return null;
}

/** The first place where it was produced, or null, and all others. */
function sitesOf({ sites }: Twin): (string | null | { site: string; function: string })[] {
  const first = sites.findIndex((site) => site.function === 'production');
  return [sites[first]?.site ?? null, ...sites.filter((_, index) => index !== first)];
}

function relationOf({
  id,
  partner,
  quantity,
  hasAlternatives,
  createdOn,
  lastModifiedOn,
  twins,
}: Line): Json {
  const [twin] = twins;
  return {
    ...(twin === undefined || twins.length > 1 ? {} : { identifier: twin.identifier }),
    source: id,
    partner,
    ...(quantity === undefined ? {} : { quantity }),
    ...(hasAlternatives ? { hasAlternatives } : {}),
    createdOn,
    ...given('lastModifiedOn', lastModifiedOn),
  };
}

function given<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: string };
}
