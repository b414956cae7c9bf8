import type * as z from 'zod/mini';
import { isVinculumError, VinculumError } from '../errors.ts';
import type { MappingProblem } from '../supply/statement.ts';
import {
  type AspectName,
  aspectSchemas,
  assetFileSchema,
  type Generation,
  type IdentityAspect,
  identityAspects,
  normaliseId,
  parseAspectType,
  type Unit,
  units,
  wholeUnits,
} from './aspects.ts';
import {
  composeNumber,
  identifierText,
  type LocalIdentifier,
  ownIdentifier,
  type Relation,
  readOwnIdentifier,
  type Twin,
} from './twin.ts';

/*
 * Reads a file of twins, in the form in which Trace-X imports them: {assets: [{assetMetaInfo?, submodels: [{aspectType,
 * payload}]}]}. A file is refused whole where anything in it is malformed; what is well formed and says something that has
 * no place here is named.
 */

export type CatenaxFile = {
  /** Every asset, with the twin that it is, or null where it is none; by the place in the file. */
  readonly assets: readonly { readonly at: string; readonly id: string | null; readonly twin: Twin | null }[];
  readonly twins: readonly Twin[];
  readonly problems: readonly MappingProblem[];
};

/** Most faults that a refusal lists. */
const MOST_FAULTS = 100;

type Fields = Readonly<Record<string, unknown>>;
type Read = {
  readonly aspect: AspectName;
  readonly generation: Generation;
  readonly version: string;
  readonly payload: Fields;
  readonly at: string;
};

/**
 * @param value the file’s content, parsed
 * @param name put before every place in it, where it is one of several
 * @throws the code of the first fault, `catenax.malformed` `catenax.unknownAspect` `catenax.duplicateAsset`
 *   `catenax.sameNumber` `quantity.invalid`, with up to 100 of them as `{code, at, detail}` in `details.faults`
 */
export function readCatenax(value: unknown, name?: string): CatenaxFile {
  return new Reading(name === undefined ? '' : `${name}: `).read(value);
}

class Reading {
  readonly #prefix: string;
  readonly #faults: MappingProblem[] = [];
  readonly #problems: MappingProblem[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  read(value: unknown): CatenaxFile {
    const file = assetFileSchema.safeParse(value);
    if (!file.success) this.#malformed(this.#prefix, file.error.issues);
    // The form of each asset is looked at all the same: one refusal names as much as can be known.
    const assets: readonly unknown[] = Array.isArray((value as Fields | null)?.assets)
      ? ((value as Fields).assets as unknown[])
      : [];
    const read = assets.map((asset, index) => this.#asset(asset, `${this.#prefix}assets[${index}]`));
    const twins = read.flatMap(({ twin }) => twin ?? []);
    this.#findDoubles(twins);
    const [first] = this.#faults;
    if (first !== undefined) {
      const rest = this.#faults.length === 1 ? '' : `, and ${this.#faults.length - 1} more`;
      throw new VinculumError(
        first.code,
        `${first.at === this.#prefix ? 'The file' : first.at}: ${first.detail}${rest}.`,
        {
          details: { faults: this.#faults.slice(0, MOST_FAULTS), count: this.#faults.length },
        },
      );
    }
    return { assets: read, twins, problems: this.#problems };
  }

  #malformed(at: string, issues: readonly z.core.$ZodIssue[]): void {
    for (const issue of issues) {
      const path = issue.path.reduce<string>(
        (text, step) =>
          typeof step === 'number' ? `${text}[${step}]` : `${text}.${String(step).slice(0, 80)}`,
        at,
      );
      this.#fault('catenax.malformed', path.replace(/(^|: )\./, '$1'), expectation(issue));
    }
  }

  #fault(code: string, at: string, detail: string): void {
    this.#faults.push(problem(code, at, detail));
  }

  /** Names what nothing here says; the rest stands. */
  #note(code: string, at: string, detail: string, id?: string): void {
    this.#problems.push({ ...problem(code, at, detail, id), note: true });
  }

  /** Names what keeps an asset from being imported. */
  #leaveOut(code: string, at: string, detail: string, id: string): void {
    this.#problems.push(problem(code, at, detail, id));
  }

  #asset(asset: unknown, at: string): CatenaxFile['assets'][number] {
    if (typeof asset !== 'object' || asset === null) return { at, id: null, twin: null };
    const { assetMetaInfo, submodels } = asset as Fields;
    const info = assetMetaInfo as Fields | null | undefined;
    const stated = typeof info === 'object' ? (info?.catenaXId ?? info?.globalAssetId) : undefined;
    const named = typeof stated === 'string' ? normaliseId(stated) : undefined;
    const read: Read[] = [];
    for (const [index, submodel] of (Array.isArray(submodels) ? submodels : []).entries()) {
      const found = this.#submodel(submodel, `${at}.submodels[${index}]`, named);
      if (found !== null) read.push(found);
    }
    const own = identityAspects.flatMap((name) => read.filter(({ aspect }) => aspect === name));
    const id = named ?? (own[0] === undefined ? undefined : idOf(own[0]));
    const aspects = this.#newest(this.#ofTwin(read, id));
    const [identity, ...others] = identityAspects.flatMap((name) => aspects.get(name) ?? []);
    if (identity === undefined || id === undefined) {
      for (const { aspect, at: where } of aspects.values()) {
        this.#note('catenax.notMapped', where, `${aspect} of something that no other aspect describes`, id);
      }
      return { at, id: id ?? null, twin: null };
    }
    for (const { aspect, at: where } of others) {
      this.#note(
        'catenax.notMapped',
        where,
        `${aspect} beside ${identity.aspect}: only its numbers are kept`,
        id,
      );
    }
    try {
      return { at, id, twin: this.#twin(id, identity, others, aspects, at) };
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.#leaveOut(error.code, identity.at, error.message, id);
      return { at, id, twin: null };
    }
  }

  #submodel(submodel: unknown, at: string, id: string | undefined): Read | null {
    if (typeof submodel !== 'object' || submodel === null) return null;
    const { aspectType, payload } = submodel as Fields;
    if (typeof aspectType !== 'string') return null;
    const aspect = parseAspectType(aspectType);
    if (aspect === null) {
      this.#fault(
        'catenax.unknownAspect',
        `${at}.aspectType`,
        `“${aspectType.slice(0, 200)}” is no aspect of Catena-X`,
      );
      return null;
    }
    if (aspect.mapped === null) {
      this.#note('catenax.notMapped', at, `${aspect.name} ${aspect.version}`, id);
      return null;
    }
    const { name, generation } = aspect.mapped;
    const parsed = aspectSchemas[name][generation].safeParse(payload);
    if (!parsed.success) {
      this.#malformed(`${at}.payload`, parsed.error.issues);
      return null;
    }
    return { aspect: name, generation, version: aspect.version, payload: parsed.data as Fields, at };
  }

  /** Leaves out what is of another twin than the asset is. */
  #ofTwin(read: readonly Read[], id: string | undefined): Read[] {
    return read.filter((one) => {
      const its = idOf(one);
      if (its === undefined || its === id) return true;
      this.#note('catenax.otherId', one.at, `${one.aspect} is of ${its}, the asset is ${id}`, id);
      return false;
    });
  }

  /** One of each aspect: where a file carries several versions, the newest. */
  #newest(read: readonly Read[]): Map<AspectName, Read> {
    const newest = new Map<AspectName, Read>();
    const order = ({ version }: Read): number[] => version.split('.').map(Number);
    for (const one of read) {
      const known = newest.get(one.aspect);
      if (known === undefined) {
        newest.set(one.aspect, one);
        continue;
      }
      const older = compare(order(one), order(known)) > 0 ? known : one;
      if (older === known) newest.set(one.aspect, one);
      this.#note(
        'catenax.notMapped',
        older.at,
        `${older.aspect} ${older.version} beside another of the same`,
      );
    }
    return newest;
  }

  #twin(
    id: string,
    identity: Read,
    others: readonly Read[],
    aspects: ReadonlyMap<AspectName, Read>,
    at: string,
  ): Twin | null {
    const { payload, generation } = identity;
    const made = payload.manufacturingInformation as Fields;
    const partType = payload.partTypeInformation as Fields;
    const numbers = [identity, ...others].flatMap(
      (one) => one.payload.localIdentifiers as readonly LocalIdentifier[],
    );
    const named = this.#identify(identity, numbers, text(partType.manufacturerPartId), id);
    if (named === null) return null;
    this.#leftOver(identity, id);
    const children = aspects.get('SingleLevelBomAsBuilt');
    const usage = aspects.get('SingleLevelUsageAsBuilt');
    const battery = aspects.get('TractionBatteryCode');
    if (battery !== undefined) this.#checkBattery(battery.payload, battery.at, id);
    return {
      id,
      aspect: identity.aspect as IdentityAspect,
      generation,
      ...named,
      ...given('manufacturerPartId', text(partType.manufacturerPartId)),
      ...given('nameAtManufacturer', text(partType.nameAtManufacturer)),
      ...given('customerPartId', text(partType.customerPartId)),
      ...given('nameAtCustomer', text(partType.nameAtCustomer)),
      madeOn: utc(String(generation === 3 ? made.date : made.productionDate)),
      ...given('country', text(made.country)),
      sites: lines(made.sites).map((site) => ({
        site: String(site.catenaXsiteId ?? site.siteId),
        function: String(site.function),
      })),
      classification: lines(partType.partClassification).map((one) => ({
        standard: String(one.classificationStandard ?? one.standard),
        id: String(one.classificationID ?? one.id),
        ...given('description', text(one.classificationDescription ?? one.description)),
      })),
      children: children === undefined ? null : this.#relations(children, 'childItems'),
      usage:
        usage === undefined
          ? null
          : {
              customers: [...new Set(usage.payload.customers as readonly string[])],
              parents: this.#relations(usage, 'parentItems'),
            },
      battery: battery?.payload,
      at,
    };
  }

  /** What the local identifiers name; null where they name nothing that has a history. */
  #identify(
    { aspect, at }: Read,
    numbers: readonly LocalIdentifier[],
    partId: string | undefined,
    id: string,
  ): Pick<Twin, 'type' | 'identifier' | 'maker' | 'number' | 'batch' | 'others'> | null {
    const first = (key: string): string | undefined => {
      const values = [...new Set(numbers.filter((one) => one.key === key).map(({ value }) => value))];
      if (values.length > 1 && key !== 'jisCallDate') {
        this.#fault('catenax.malformed', `${at}.payload.localIdentifiers`, `two different values of ${key}`);
      }
      return values[0];
    };
    const maker = first('manufacturerId');
    const [van, instance, batchId, sequence] = ['van', 'partInstanceId', 'batchId', 'jisNumber'].map(first);
    const own = numbers.map(ownIdentifier).find((text) => text !== undefined);
    if (maker === undefined) {
      this.#leaveOut(
        'catenax.noMaker',
        at,
        'no manufacturerId: a number means nothing without its maker',
        id,
      );
      return null;
    }
    const used = (...keys: readonly string[]): Pick<Twin, 'others'> => ({
      others: numbers
        .filter((one) => !['manufacturerId', ...keys].includes(one.key) && ownIdentifier(one) === undefined)
        .map(namedKey),
    });
    if (own !== undefined) {
      const number = van ?? instance ?? (aspect === 'Batch' ? batchId : sequence) ?? '';
      const keys = ['van', 'partInstanceId', aspect === 'Batch' ? 'batchId' : 'jisNumber'];
      return { ...readOwnIdentifier(own, aspect as IdentityAspect), maker, number, ...used(...keys) };
    }
    if (aspect === 'Batch') {
      if (batchId === undefined) return this.#noNumber(at, 'batchId', id);
      const identifier = identifierText('batch', maker, composeNumber(partId, batchId));
      return { type: 'batch', identifier, maker, number: batchId, ...used('batchId') };
    }
    if (van !== undefined) {
      const same = instance === van ? ['partInstanceId'] : [];
      return {
        type: 'vehicle',
        identifier: identifierText('van', maker, van),
        maker,
        number: van,
        ...used('van', ...same),
      };
    }
    const batch =
      batchId === undefined ? {} : { batch: identifierText('batch', maker, composeNumber(partId, batchId)) };
    if (instance !== undefined) {
      const identifier = identifierText('serial', maker, composeNumber(partId, instance));
      return {
        type: 'serial',
        identifier,
        maker,
        number: instance,
        ...batch,
        ...used('partInstanceId', 'batchId'),
      };
    }
    if (sequence === undefined) {
      return this.#noNumber(at, aspect === 'SerialPart' ? 'partInstanceId or van' : 'jisNumber', id);
    }
    // Sequence numbers come round again: the day of the call tells them apart.
    const call = first('jisCallDate');
    const value = composeNumber(partId, sequence, ...(call === undefined ? [] : [call]));
    const identifier = identifierText('serial', maker, value);
    return { type: 'serial', identifier, maker, number: sequence, ...batch, ...used('jisNumber', 'batchId') };
  }

  #noNumber(at: string, wanted: string, id: string): null {
    this.#leaveOut('catenax.noNumber', at, `no ${wanted} among its local identifiers`, id);
    return null;
  }

  #relations({ payload, at }: Read, member: 'childItems' | 'parentItems'): Relation[] {
    return lines(payload[member]).map((line, index) => {
      const where = `${at}.payload.${member}[${index}]`;
      const quantity = this.#quantity(line.quantity as { value: number; unit: Unit } | undefined, where);
      return {
        id: normaliseId(String(line.catenaXId ?? line.globalAssetId)),
        partner: String(line.businessPartner),
        ...(quantity === undefined ? {} : { quantity }),
        hasAlternatives: (line.hasAlternatives ?? line.isOnlyPotentialParent) === true,
        createdOn: String(line.createdOn),
        ...given('lastModifiedOn', text(line.lastModifiedOn)),
        at: where,
      };
    });
  }

  #quantity(given: { value: number; unit: Unit } | undefined, at: string): Relation['quantity'] {
    if (given === undefined) return undefined;
    const value = decimalOf(given.value);
    if (value === null || (wholeUnits.has(given.unit) && value.includes('.'))) {
      this.#fault('quantity.invalid', `${at}.quantity.value`, `${given.value} ${given.unit} can’t be`);
      return undefined;
    }
    return { value, unit: units[given.unit] };
  }

  #checkBattery(payload: Fields, at: string, id: string): void {
    const inside = (part: Fields, above: readonly unknown[]): boolean =>
      lines(part.subcomponents).some(
        (sub) => above.includes(sub.tractionBatteryCode) || inside(sub, [...above, sub.tractionBatteryCode]),
      );
    if (inside(payload, [payload.tractionBatteryCode])) {
      this.#note('bom.cycle', `${at}.payload`, 'a battery component is said to be in itself', id);
    }
  }

  /** Members of the aspect that nothing here says. */
  #leftOver({ payload, at, generation }: Read, id: string): void {
    const known = {
      '': [
        'catenaXId',
        'globalAssetId',
        'localIdentifiers',
        'manufacturingInformation',
        'partTypeInformation',
      ],
      manufacturingInformation: [generation === 3 ? 'date' : 'productionDate', 'country', 'sites'],
      partTypeInformation: [
        'manufacturerPartId',
        'nameAtManufacturer',
        'customerPartId',
        'nameAtCustomer',
        'partClassification',
      ],
    };
    for (const [member, names] of Object.entries(known)) {
      const part = (member === '' ? payload : payload[member]) as Fields;
      for (const name of Object.keys(part).filter((one) => !names.includes(one))) {
        const path = [at, 'payload', ...(member === '' ? [] : [member]), name.slice(0, 80)].join('.');
        this.#note('catenax.notMapped', path, 'the model has no such member', id);
      }
    }
  }

  /** One thing twice in a file, or two things under one number: whose history would it be? */
  #findDoubles(twins: readonly Twin[]): void {
    const ids = new Map<string, Twin>();
    const numbers = new Map<string, Twin>();
    for (const twin of twins) {
      const same = ids.get(twin.id);
      const named = numbers.get(twin.identifier);
      if (same !== undefined) {
        this.#fault('catenax.duplicateAsset', twin.at, `${twin.id} is ${same.at} too`);
      } else if (named !== undefined) {
        this.#fault('catenax.sameNumber', twin.at, `${twin.identifier} is ${named.at} too`);
      }
      ids.set(twin.id, twin);
      numbers.set(twin.identifier, twin);
    }
  }
}

function problem(code: string, at: string, detail: string, id?: string): MappingProblem {
  // A partner wrote the file: nothing in it may steer a terminal.
  const plain = (words: string): string => words.replace(/[\p{Cc}\p{Cf}]/gu, '?');
  const source = id === undefined ? {} : { source: { system: 'catenax', id } as const };
  return { code, at: plain(at), ...source, detail: plain(detail) };
}

function idOf({ payload }: Read): string | undefined {
  const id = payload.catenaXId ?? payload.globalAssetId;
  return typeof id === 'string' ? normaliseId(id) : undefined;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;
const lines = (value: unknown): readonly Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);

function given<Name extends string>(name: Name, value: string | undefined): { [Key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [Key in Name]?: string };
}

/** Generation 4 has one key for all custom ones, whose value names it (`line:7`); 3 has `customKey:line`. */
function namedKey({ key, value }: LocalIdentifier): LocalIdentifier {
  const [, name, rest] = (key === 'customKey' ? /^(\w{1,80}):(.+)$/s.exec(value) : null) ?? [];
  return name === undefined || rest === undefined
    ? { key, value }
    : { key: `customKey:${name}`, value: rest };
}

function compare(left: readonly number[], right: readonly number[]): number {
  const index = left.findIndex((part, place) => part !== right[place]);
  return index < 0 ? 0 : (left[index] ?? 0) - (right[index] ?? 0);
}

/** A date as it is, an instant in UTC to the second; one without a zone is UTC. */
export function utc(time: string): string {
  if (time.length === 10) return time;
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`;
  return new Date(zoned).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** A JSON number as a decimal of up to 21 and 20 digits; null for a negative or an immense one. */
export function decimalOf(value: number): string | null {
  if (!(value >= 0) || value >= 1e15) return null;
  const short = String(value === 0 ? 0 : value);
  if (!short.includes('e')) return short;
  const long = value.toFixed(20).replace(/0+$/, '').replace(/\.$/, '');
  return Number(long) === value ? long : null;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `should be ${issue.expected}`;
    case 'invalid_value':
      return `should be one of ${issue.values.slice(0, 8).map(String).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'regex'
        ? `should be text like ${issue.pattern}`
        : `should be a ${issue.format}`;
    case 'too_small':
      return `should have at least ${issue.minimum}`;
    case 'too_big':
      return `should have at most ${issue.maximum}`;
    case 'unrecognized_keys':
      return `has the unknown member ${String(issue.keys[0]).slice(0, 80)}`;
    default:
      return 'is not what it should be';
  }
}
