import type { Json } from '../canonical.ts';
import { VinculumError } from '../errors.ts';
import { applyAmendments, sameAttester } from '../findings/amendments.ts';
import { type EffectiveEntry, isReadable, type OpenedEntry } from '../findings/openedEntry.ts';
import { parseIdentifier } from '../identifiers/identifier.ts';
import type { MappingProblem } from '../supply/statement.ts';
import { openedEntry } from '../verify/conclude.ts';
import type { Verification } from '../verify/result.ts';
import {
  type AspectName,
  aspectSchemas,
  aspectType,
  bpnl,
  type Generation,
  type Unit,
  units,
} from './aspects.ts';
import {
  composeNumber,
  derivedId,
  identifierText,
  type LocalIdentifier,
  OWN_KEY,
  splitNumber,
} from './twin.ts';

/*
 * A verified history as a twin of Catena-X: what its maker said of it when it was made. A report shows what its reader may
 * see; where an aspect demands more, what stands in its place is named, and where nothing honest can, nothing is written.
 */

export type CatenaxExport = {
  /** As Trace-X imports it: `{assets: [{assetMetaInfo, submodels}]}`. */
  readonly file: { readonly assets: readonly Json[] };
  /** Entries and fields that no aspect says, and what stands in for what is not known. */
  readonly problems: readonly MappingProblem[];
};

export type CatenaxExportOptions = {
  readonly generation?: Generation;
  /** The Business Partner Numbers of makers that are named otherwise here: scope → `BPNL…`. */
  readonly partners?: Readonly<Record<string, string>>;
};

/** Kinds that a twin is written from. */
const MADE: ReadonlySet<string> = new Set(['vehicle.built', 'part.produced', 'batch.produced']);
const INVERSE = new Map<string, Unit>(Object.entries(units).map(([unit, code]) => [code, unit as Unit]));

/** The local identifiers that each aspect of generation 3 may have. */
const KEYS: Readonly<Partial<Record<AspectName, readonly string[]>>> = {
  SerialPart: ['partInstanceId', 'batchId', 'van'],
  Batch: ['batchId'],
  JustInSequencePart: ['jisNumber', 'jisCallDate', 'parentOrderNumber'],
};

type Fields = Readonly<Record<string, Json>>;

/**
 * @throws `export.notVerified` for a report whose verdict is another: what is not proven is not passed on;
 *   `catenax.nothing` where nobody said of it that it was made; `catenax.incomplete` where the aspect demands what the
 *   report does not show and nothing can stand for it, named in `details.members`
 */
export function exportCatenax(verification: Verification, options: CatenaxExportOptions = {}): CatenaxExport {
  if (verification.verdict !== 'verified') {
    throw new VinculumError(
      'export.notVerified',
      `The report is ${verification.verdict}: only a verified history is exported.`,
      { details: { verdict: verification.verdict } },
    );
  }
  const entries = verification.entries
    .filter(({ chain }) => typeof chain === 'string')
    .map((entry) => openedEntry(entry));
  const { effective } = applyAmendments(entries, sameAttester);
  const made = effective.filter((entry) => MADE.has(entry.kind) && isReadable(entry));
  const [entry] = made;
  if (entry === undefined) {
    throw new VinculumError(
      'catenax.nothing',
      'Nobody said of it, for you to see, that it was made: there is no twin to write.',
    );
  }
  const written = new Writing(verification.identifier, entry, options).write();
  const others = entries.filter(({ digest, kind }) => digest !== entry.digest && kind !== 'amended');
  return { ...written, problems: [...written.problems, ...others.map(notExported)] };
}

function notExported({ digest, kind }: OpenedEntry): MappingProblem {
  return { code: 'catenax.notExported', at: digest, detail: `${kind}: no aspect says that` };
}

class Writing {
  readonly #identifier: string;
  readonly #entry: EffectiveEntry;
  readonly #data: Fields;
  readonly #sealed: Fields;
  readonly #generation: Generation;
  readonly #partners: Readonly<Record<string, string>>;
  readonly #problems: MappingProblem[] = [];
  readonly #wanting: string[] = [];

  constructor(
    identifier: string,
    entry: EffectiveEntry,
    { generation = 4, partners = {} }: CatenaxExportOptions,
  ) {
    this.#identifier = identifier;
    this.#entry = entry;
    this.#data = entry.data;
    this.#sealed = entry.sealed;
    this.#generation = generation;
    this.#partners = partners;
  }

  write(): CatenaxExport {
    const id = this.#idOf(this.#identifier, text(this.#sealed.eventId), '');
    const identity = this.#identity();
    const submodels = [
      this.#aspect(identity.name, { [this.#idMember]: id, ...identity.payload }),
      ...this.#bom(id),
      ...this.#usage(id),
      ...(this.#data.tractionBattery === undefined
        ? []
        : [this.#aspect('TractionBatteryCode', this.#data.tractionBattery)]),
    ];
    if (this.#wanting.length > 0) {
      throw new VinculumError(
        'catenax.incomplete',
        `The report does not show what Catena-X demands (${this.#wanting.join(', ')}): ask for it as somebody who may see it.`,
        { details: { members: this.#wanting } },
      );
    }
    const assetMetaInfo = { catenaXId: id, digitalTwinType: 'partInstance' };
    return { file: { assets: [{ assetMetaInfo, submodels }] }, problems: this.#problems };
  }

  get #idMember(): 'catenaXId' | 'globalAssetId' {
    return this.#generation === 3 ? 'catenaXId' : 'globalAssetId';
  }

  #aspect(name: AspectName, payload: Json): Json {
    const parsed = aspectSchemas[name][this.#generation].safeParse(payload);
    if (!parsed.success) {
      for (const { path } of parsed.error.issues) {
        const member = `${name}.${path.map(String).join('.')}`;
        if (!this.#wanting.includes(member)) this.#wanting.push(member);
      }
    }
    return { aspectType: aspectType(name, this.#generation), payload };
  }

  /** The aspect that says what the thing is. */
  #identity(): { name: 'SerialPart' | 'Batch' | 'JustInSequencePart'; payload: Record<string, Json> } {
    const data = this.#data;
    const name =
      this.#entry.kind === 'batch.produced'
        ? 'Batch'
        : this.#entry.kind === 'part.produced' && data.partInstanceId === undefined && !this.#hasOwnNumber
          ? 'JustInSequencePart'
          : 'SerialPart';
    return {
      name,
      payload: {
        localIdentifiers: this.#localIdentifiers(name),
        manufacturingInformation: this.#manufacturing(),
        partTypeInformation: this.#partType(name),
      },
    };
  }

  /** Whether the number of a part is not one that Catena-X composed. */
  get #hasOwnNumber(): boolean {
    const numbers = splitNumber(parseIdentifier(this.#identifier, { overrideCheckDigit: true }).value);
    const partId = text(this.#data.manufacturerPartId);
    return numbers.length < 2 || (partId !== undefined && numbers[0] !== partId);
  }

  #localIdentifiers(name: 'SerialPart' | 'Batch' | 'JustInSequencePart'): Json {
    const data = this.#data;
    const { value, scope } = parseIdentifier(this.#identifier, { overrideCheckDigit: true });
    const named = text(data.manufacturerId) ?? scope;
    const maker = this.#partners[named] ?? named;
    const partId = text(data.manufacturerPartId);
    const list: LocalIdentifier[] = [{ key: 'manufacturerId', value: maker }];
    const others = (this.#sealed.localIdentifiers as readonly LocalIdentifier[] | undefined) ?? [];
    const rebuilt = (type: 'van' | 'serial' | 'batch', of: string): string | undefined => {
      try {
        return identifierText(type, maker, of);
      } catch {
        return undefined;
      }
    };
    let same: string | undefined;
    if (name === 'Batch') {
      const batchId = text(data.batchId) ?? value;
      list.push({ key: 'batchId', value: batchId });
      same = rebuilt('batch', composeNumber(partId, batchId));
    } else if (this.#entry.kind === 'vehicle.built') {
      if (!others.some(({ key }) => key === 'partInstanceId')) list.push({ key: 'partInstanceId', value });
      if (this.#identifier.startsWith('van:')) list.push({ key: 'van', value });
      same = this.#identifier.startsWith('van:') ? rebuilt('van', value) : undefined;
    } else if (name === 'SerialPart') {
      const instance = text(data.partInstanceId) ?? value;
      list.push({ key: 'partInstanceId', value: instance });
      same = rebuilt('serial', composeNumber(partId, instance));
    } else {
      const [sequence = value, call] = splitNumber(value).slice(partId === undefined ? 0 : 1);
      list.push({ key: 'jisNumber', value: sequence });
      if (call !== undefined) list.push({ key: 'jisCallDate', value: call });
      same = rebuilt('serial', composeNumber(partId, sequence, ...(call === undefined ? [] : [call])));
    }
    const batch = text(data.batch);
    if (batch !== undefined && name !== 'Batch') {
      const { value: its } = parseIdentifier(batch);
      const batchId = splitNumber(its).at(-1) ?? its;
      const restored = rebuilt('batch', composeNumber(partId, batchId));
      if (restored === batch && name === 'SerialPart') list.push({ key: 'batchId', value: batchId });
      else
        this.#name('catenax.notExported', 'data.batch', `${batch} is no batch of this maker and part number`);
    }
    if (same !== this.#identifier) {
      list.push(
        this.#generation === 3
          ? { key: `customKey:${OWN_KEY}`, value: this.#identifier }
          : { key: 'customKey', value: `${OWN_KEY}:${this.#identifier}` },
      );
    }
    for (const other of others) {
      const known = list.some(({ key, value: its }) => key === other.key && its === other.value);
      if (!known) list.push(this.#custom(other, name));
    }
    return list.map(({ key, value: its }) => ({ key, value: its }));
  }

  /** A key in the generation’s form: 4 has one custom key for all, whose value then names it; 3 keeps each to its aspect. */
  #custom({ key, value }: LocalIdentifier, name: AspectName): LocalIdentifier {
    if (this.#generation === 4) {
      return key.startsWith('customKey:')
        ? { key: 'customKey', value: `${key.slice('customKey:'.length)}:${value}` }
        : { key, value };
    }
    if (key === 'customKey') return { key: 'customKey:other', value };
    const fits = key.startsWith('customKey:') || KEYS[name]?.includes(key) === true;
    return { key: fits ? key : `customKey:${key}`, value };
  }

  #manufacturing(): Json {
    const { plant, sites, country, productionDate } = this.#data;
    const site = this.#generation === 3 ? 'catenaXsiteId' : 'siteId';
    const all = [
      ...(plant === undefined ? [] : [{ site: plant, function: 'production' }]),
      ...((sites ?? []) as readonly { site: string; function: string }[]),
    ].map((one) => ({ [site]: one.site, function: one.function }));
    const known = all.filter((one) => /^BPNS[a-zA-Z0-9]{12}$/.test(String(one[site])));
    for (const one of all.filter((other) => !known.includes(other))) {
      this.#name('catenax.notExported', 'data.plant', `${one[site]} is no Business Partner Number of a site`);
    }
    const date =
      this.#generation === 3
        ? { date: this.#entry.time }
        : { productionDate: text(productionDate) ?? this.#entry.time.slice(0, 10) };
    return {
      ...date,
      ...(country === undefined ? {} : { country }),
      ...(known.length === 0 ? {} : { sites: known }),
    };
  }

  #partType(name: 'SerialPart' | 'Batch' | 'JustInSequencePart'): Json {
    const data = this.#data;
    const sealed = this.#sealed;
    const is3 = this.#generation === 3;
    const classes = data.partClassification as readonly Fields[] | undefined;
    const classification = classes?.map(({ standard = '', id = '', description }) =>
      is3
        ? {
            classificationStandard: standard,
            classificationID: id,
            ...(description === undefined ? {} : { classificationDescription: description }),
          }
        : { standard, id, ...(description === undefined ? {} : { description }) },
    );
    const described = [data.brand, data.model].flatMap((word) => (typeof word === 'string' ? [word] : []));
    const ownName = text(data.nameAtManufacturer);
    const ownPart = text(data.manufacturerPartId);
    const spoken = described.length === 0 ? undefined : described.join(' ');
    const customers = name === 'SerialPart' && !is3;
    const nameAtManufacturer =
      ownName ??
      (customers ? spoken : this.#instead('nameAtManufacturer', [spoken, text(data.batchId), ownPart]));
    const manufacturerPartId =
      ownPart ??
      (customers || name === 'JustInSequencePart'
        ? undefined
        : this.#instead('manufacturerPartId', [text(data.vehicleConfiguration), text(data.model), ownName]));
    const customer = {
      ...given(
        'customerPartId',
        text(sealed.customerPartId) ??
          (customers ? this.#instead('customerPartId', [ownPart, text(data.model), ownName]) : undefined),
      ),
      ...given(
        'nameAtCustomer',
        text(sealed.nameAtCustomer) ??
          (customers ? this.#instead('nameAtCustomer', [ownName, spoken, ownPart]) : undefined),
      ),
    };
    return {
      ...given('manufacturerPartId', manufacturerPartId),
      ...given('nameAtManufacturer', nameAtManufacturer),
      ...customer,
      ...(classification !== undefined
        ? { partClassification: classification as Json }
        : customers
          ? { partClassification: [] }
          : {}),
    };
  }

  /** What stands for a member that the aspect demands and the report does not show; it is named. */
  #instead(member: string, choices: readonly (string | undefined)[]): string | undefined {
    const chosen = choices.find((choice) => choice !== undefined);
    if (chosen !== undefined) {
      this.#name('catenax.substituted', member, `the report shows none: “${chosen}” stands in its place`);
    }
    return chosen;
  }

  #bom(id: string): Json[] {
    const relations = this.#sealed.bom as readonly Fields[] | undefined;
    const lines = relations?.map((one, index) => this.#child(one, index)) ?? this.#publicLines();
    const childItems = lines.filter((line) => line !== null);
    if (childItems.length === 0) return [];
    return [this.#aspect('SingleLevelBomAsBuilt', { [this.#idMember]: id, childItems })];
  }

  #child(line: Fields, index: number): Json | null {
    const at = `bom[${index}]`;
    const related = this.#related(line, at);
    if (related === null) return null;
    const quantity = this.#quantity(line.quantity, at) ?? this.#onePiece(at);
    return { ...related, quantity, hasAlternatives: line.hasAlternatives === true };
  }

  /** What a reader without the sealed bill of materials sees: the parts, in the public order. */
  #publicLines(): (Json | null)[] {
    const { parts, inputs, missing } = this.#data;
    for (const tier of (missing ?? []) as readonly Fields[]) {
      this.#name(
        'bom.missing',
        'data.missing',
        `${String(tier.reason)}: ${String(tier.supplier ?? tier.component)}`,
      );
    }
    const named = [
      ...((parts ?? []) as readonly Fields[]).map(({ part, hasAlternatives }) => ({ part, hasAlternatives })),
      ...((inputs ?? []) as readonly Fields[]).map(({ batch }) => ({
        part: batch,
        hasAlternatives: undefined,
      })),
    ];
    return named.map(({ part, hasAlternatives }, index) => {
      const at = `parts[${index}]`;
      const identifier = String(part);
      const related = this.#related({ identifier, createdOn: this.#entry.time }, at);
      if (related === null) return null;
      const quantity = this.#onePiece(identifier.startsWith('serial:') ? null : at);
      return { ...related, quantity, hasAlternatives: hasAlternatives === true };
    });
  }

  /** The members that both directions have; null where the partner has no Business Partner Number. */
  #related(line: Fields, at: string): Record<string, Json> | null {
    const identifier = text(line.identifier);
    const partner = this.#partnerOf(text(line.partner), identifier);
    if (partner === undefined) {
      this.#name('catenax.noPartner', at, `${identifier ?? text(line.source)}: its maker has no BPNL here`);
      return null;
    }
    const changed = text(line.lastModifiedOn);
    return {
      [this.#idMember]: this.#idOf(identifier ?? '', text(line.source), at),
      businessPartner: partner,
      createdOn: this.#moment(text(line.createdOn) ?? this.#entry.time),
      ...(changed === undefined ? {} : { lastModifiedOn: this.#moment(changed) }),
    };
  }

  #partnerOf(partner: string | undefined, identifier: string | undefined): string | undefined {
    const scope =
      identifier === undefined ? undefined : parseIdentifier(identifier, { overrideCheckDigit: true }).scope;
    const named = [partner, scope].flatMap((name) =>
      name === undefined ? [] : [this.#partners[name], name, name.toUpperCase()],
    );
    return named.find((name) => bpnl.safeParse(name).success);
  }

  /** An instant where the generation demands one: a day begins with its first second. */
  #moment(time: string): string {
    return this.#generation === 4 && time.length === 10 ? `${time}T00:00:00Z` : time;
  }

  #quantity(quantity: Json | undefined, at: string): Json | undefined {
    if (quantity === undefined) return undefined;
    const { value, unit } = quantity as { value: string; unit: string };
    const named = INVERSE.get(unit);
    if (named === undefined) {
      this.#name('catenax.notExported', `${at}.quantity`, `Catena-X has no unit ${unit}`);
      return undefined;
    }
    return { value: Number(value), unit: named };
  }

  /** @param at null where it is one for certain: a single part is */
  #onePiece(at: string | null): Json {
    if (at !== null) this.#name('catenax.substituted', `${at}.quantity`, 'the report shows none: one piece');
    return { value: 1, unit: 'unit:piece' };
  }

  #usage(id: string): Json[] {
    const usage = this.#sealed.usedIn as { customers: string[]; parents: readonly Fields[] } | undefined;
    if (usage === undefined) return [];
    const parentItems = usage.parents.flatMap((line, index) => {
      const at = `usedIn.parents[${index}]`;
      const related = this.#related(line, at);
      if (related === null) return [];
      const quantity = this.#quantity(line.quantity, at);
      return [
        {
          ...related,
          ...(quantity === undefined ? {} : { quantity }),
          isOnlyPotentialParent: line.hasAlternatives === true,
        },
      ];
    });
    const customers = usage.customers.filter((name) => bpnl.safeParse(name).success);
    return [this.#aspect('SingleLevelUsageAsBuilt', { [this.#idMember]: id, customers, parentItems })];
  }

  /** The id that Catena-X knows it by where the report shows it, else one made of its identifier; that is named. */
  #idOf(identifier: string, source: string | undefined, at: string): string {
    const known = /^(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(source ?? '');
    if (known && source !== undefined) return `urn:uuid:${source.replace(/^urn:uuid:/i, '').toLowerCase()}`;
    this.#name('catenax.derivedId', at, `${identifier}: its id in Catena-X is not shown`);
    return derivedId(identifier);
  }

  #name(code: string, at: string, detail: string): void {
    this.#problems.push({ code, at, detail });
  }
}

const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

function given<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: string };
}
