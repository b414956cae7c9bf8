import { toBase64Url } from '../bytes.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { type Random, secureRandom } from '../envelope/block.ts';
import type { Content } from '../envelope/envelope.ts';
import { isVinculumError } from '../errors.ts';
import { formatIdentifier, normaliseIdentifier, parseIdentifier } from '../identifiers/identifier.ts';
import { component } from '../kinds/fields.ts';
import type { KindName } from '../kinds/kinds.ts';
import { validateData, validateSealed } from '../kinds/validate.ts';
import type { Mapping, MappingProblem, Statement, StatementSource, SupplyEdge } from '../supply/statement.ts';
import { buildTree } from '../tree/tree.ts';
import type { DocumentFrame, EpcisEvent, QuantityElement } from './document.ts';
import { wordOf } from './document.ts';
import { eventHash, plainNumber } from './eventHash.ts';
import { batchOf, type EpcSubject, glnOf, type NoSubject, subjectOf } from './subject.ts';
import { resolveName } from './vocabulary.ts';

/*
 * What an EPCIS event says, in entries. An event names things and a business step; of that the kinds of entries can say:
 *
 *   commissioning of a batch, or of parts with a batch number   batch.produced (with the serials' root)
 *   commissioning of a vehicle                                  vehicle.built
 *   shipping, departing / receiving, accepting of a batch       batch.shipped / batch.received
 *   holding of a batch; recalled, damaged, non_conformant set   batch.quarantined
 *   inspecting with a good outcome; one of those unset          batch.released
 *   assembling, installing … / removing, disassembling …        part.mounted / part.removed, on what it was mounted in
 *   a transformation into a batch, a vehicle, one part          batch.produced with inputs, vehicle.built, part.mounted
 *
 * Everything else is named with its reason; what of an event no entry says is kept aside, as it stands.
 */

export type MapOptions = {
  readonly frame: Pick<DocumentFrame, 'namespaces' | 'ignored'>;
  /** Who states it where an event names no party: a GLN, DUNS, BPNL or domain. */
  readonly party?: string;
  readonly random?: Random;
};

/** That an earlier event was in error. */
export type ErrorDeclaration = {
  readonly reason: 'did_not_occur' | 'incorrect_data' | 'other';
  /** In UTC, to the second. */
  readonly declaredAt: string;
  /** Events that say it right. */
  readonly corrections: readonly string[];
};

export type EventMapping = Mapping & {
  readonly source: StatementSource;
  readonly edges: readonly SupplyEdge[];
  /** Of an event that declares itself in error: there are no statements then. */
  readonly declaration?: ErrorDeclaration;
  /** What of the event no entry says: extensions, master data, sensors, business transactions. */
  readonly aside: Readonly<Record<string, Json>>;
};

/**
 * Reads one event.
 * @param at its path in the document, for what is named
 */
export function mapEvent(event: EpcisEvent, at: string, options: MapOptions): EventMapping {
  return new Reading(event, at, options).read();
}

type Fields = Readonly<Record<string, unknown>>;

/** What every event says, or what its entries say in their own words. */
const SAID = new Set([
  '@context',
  'type',
  'eventID',
  'eventTime',
  'eventTimeZoneOffset',
  'recordTime',
  'action',
  'bizStep',
  'epcList',
  'quantityList',
  'parentID',
  'childEPCs',
  'childQuantityList',
  'inputEPCList',
  'inputQuantityList',
  'outputEPCList',
  'outputQuantityList',
  'errorDeclaration',
]);

const DISPOSITIONS = new Set([
  'active',
  'in_progress',
  'in_transit',
  'available',
  'conformant',
  'non_conformant',
  'non_sellable_other',
  'recalled',
  'damaged',
  'destroyed',
  'returned',
]);

const MOUNTING = new Set(['assembling', 'installing', 'replacing', 'repairing']);
const REMOVING = new Set(['disassembling', 'removing', 'replacing', 'repairing']);
const REFUSED = new Set([
  'damaged',
  'destroyed',
  'expired',
  'recalled',
  'returned',
  'non_conformant',
  'no_pedigree_match',
  'mismatch_instance',
  'mismatch_class',
  'mismatch_quantity',
]);
const GOOD = new Set(['conformant', 'available', 'active', 'sellable_accessible']);
/** Dispositions under which a batch must not be used, and the reason of the quarantine. */
const QUARANTINES: Readonly<Record<string, string>> = {
  recalled: 'recall',
  non_conformant: 'defectFound',
  damaged: 'damagedInTransit',
};

const UNITS = new Set(['C62', 'H87', 'KGM', 'GRM', 'TNE', 'LTR', 'MLT', 'MTR', 'MTK', 'MTQ', 'KWH', 'AMH']);
const PIECES = new Set(['C62', 'H87']);

const WHY: Readonly<Record<NoSubject, string>> = {
  classOnly: 'a class of things without a batch number has no history',
  logisticUnit: 'a logistic unit has no history here: its contents have',
  place: 'a place has no history here',
  party: 'a party has no history here',
  relation: 'a service relation has no history here',
  document: 'a document has no history here',
  coupon: 'a coupon has no history here',
  unknownScheme: 'this is no GS1 key and no identifier of Vinculum',
  checkDigit: 'its check digit does not hold',
  invalid: 'it is not formed as its scheme says',
};

/** Something that an event names, and how much of it. */
type Item = {
  readonly subject: EpcSubject;
  readonly at: string;
  readonly quantity?: { readonly value: string; readonly unit: string };
};

class Reading {
  readonly #event: EpcisEvent;
  readonly #at: string;
  readonly #options: MapOptions;
  readonly #source: StatementSource;
  readonly #time: string;
  readonly #statements: Statement[] = [];
  readonly #edges: SupplyEdge[] = [];
  readonly #problems: MappingProblem[] = [];
  /** Members of the event, of its master data included, that some entry says. */
  readonly #said = new Set<string>(SAID);
  /** The things without a history, by the list that names them and the reason. */
  readonly #dropped = new Map<string, { at: string; code: string; detail: string; count: number }>();

  constructor(event: EpcisEvent, at: string, options: MapOptions) {
    this.#event = event;
    this.#at = at;
    this.#options = options;
    const hash = eventHash(event, options.frame);
    this.#source = { system: 'epcis', id: event.eventID ?? hash, hash };
    this.#time = instantOf(event.eventTime);
  }

  read(): EventMapping {
    const { errorDeclaration } = this.#event;
    if (errorDeclaration === undefined) this.#readEvent();
    for (const { at, code, detail, count } of this.#dropped.values()) {
      this.#problem(code, at, count === 1 ? detail : `${detail} (${count} of them)`);
    }
    if (this.#statements.length === 0 && errorDeclaration === undefined && this.#problems.length === 0) {
      this.#problem('epcis.notMapped', '', 'no entry says that');
    }
    return {
      source: this.#source,
      statements: this.#statements,
      edges: this.#edges,
      ...(errorDeclaration === undefined ? {} : { declaration: declarationOf(errorDeclaration) }),
      aside: errorDeclaration === undefined ? this.#setAside() : {},
      problems: this.#problems,
    };
  }

  #readEvent(): void {
    const event = this.#event;
    switch (event.type) {
      case 'ObjectEvent':
        this.#handled([
          ...this.#things('epcList', event.epcList as readonly string[] | undefined),
          ...this.#amounts('quantityList', event.quantityList as readonly QuantityElement[] | undefined),
        ]);
        break;
      case 'TransactionEvent': {
        const parent = event.parentID as string | undefined;
        this.#handled([
          ...this.#things('parentID', parent === undefined ? [] : [parent]),
          ...this.#things('epcList', event.epcList as readonly string[] | undefined),
          ...this.#amounts('quantityList', event.quantityList as readonly QuantityElement[] | undefined),
        ]);
        break;
      }
      case 'AggregationEvent':
      case 'AssociationEvent':
        this.#joined();
        break;
      case 'TransformationEvent':
        this.#transformed();
        break;
      default:
        this.#problem('epcis.notMapped', 'type', 'an event of a type that is not EPCIS’s own');
    }
  }

  /** Things that a business step happened to. */
  #handled(items: readonly Item[]): void {
    const [step, action] = [this.#step(), this.#event.action as string | undefined];
    const vehicle = this.#vehicleOf(items);
    if ((step === 'commissioning' || step === 'creating_class_instance') && action === 'ADD') {
      if (vehicle === null) this.#produced(items, []);
      else this.#built(vehicle, []);
      return;
    }
    if (vehicle !== null) {
      this.#drop(vehicle.at, 'no kind of entry says this of a vehicle');
      return;
    }
    for (const item of items) {
      const batch = item.subject.type === 'batch';
      if (item.subject.batch !== undefined) this.#memberOf(item.subject.text, item.subject.batch);
      if (!batch) {
        this.#drop(item.at, 'a part by itself has no entry for this step: its batch has');
        continue;
      }
      const before = this.#statements.length;
      this.#moved(item, step);
      this.#judged(item, step);
      if (this.#statements.length === before && !this.#hasProblemAt(item.at)) {
        this.#drop(item.at, `no kind of entry says ${step ?? 'nothing'} of a batch`);
      }
    }
  }

  /** A batch left or arrived. */
  #moved(item: Item, step: string | undefined): void {
    const [shipped, received] = [
      step === 'shipping' || step === 'departing',
      step === 'receiving' || step === 'accepting',
    ];
    if (!shipped && !received) return;
    const here = this.#party(shipped ? 'source' : 'destination');
    if (here === undefined) {
      this.#drop(item.at, 'the event names no party: say which with --party', 'epcis.partyUnknown');
      return;
    }
    const order = this.#order();
    const sealed: Record<string, Json> = {};
    if (item.quantity !== undefined) sealed.quantity = item.quantity;
    if (order !== undefined) sealed.orderNumber = order;
    if (shipped) {
      const to = this.#partyIn('destinationList');
      if (to !== undefined) sealed.customer = to;
      this.#state(
        item.subject.text,
        'batch.shipped',
        { bizStep: 'shipping', ...this.#disposition(), from: here },
        sealed,
      );
      return;
    }
    const accepted = !REFUSED.has(wordOf('disposition', this.#event.disposition as string | undefined) ?? '');
    const data = { bizStep: 'receiving', ...this.#disposition(), by: here, accepted };
    this.#state(item.subject.text, 'batch.received', data, sealed);
  }

  /** A batch was put aside, or may be used again. */
  #judged(item: Item, step: string | undefined): void {
    const disposition = wordOf('disposition', this.#event.disposition as string | undefined);
    const { set = [], unset = [] } = (this.#event.persistentDisposition ?? {}) as {
      set?: string[];
      unset?: string[];
    };
    const reasons = set
      .map((text) => QUARANTINES[wordOf('disposition', text) ?? ''])
      .filter((reason) => reason !== undefined);
    const sealed: Record<string, Json> = item.quantity === undefined ? {} : { quantity: item.quantity };
    if (step === 'holding') reasons.push(QUARANTINES[disposition ?? ''] ?? 'other');
    const [reason] = reasons;
    if (reason !== undefined) {
      this.#said.add('persistentDisposition');
      this.#state(
        item.subject.text,
        'batch.quarantined',
        { bizStep: 'holding', ...this.#disposition(), reason },
        sealed,
      );
      return;
    }
    const lifted = unset.some((text) => Object.hasOwn(QUARANTINES, wordOf('disposition', text) ?? ''));
    if (lifted || (step === 'inspecting' && GOOD.has(disposition ?? ''))) {
      if (lifted) this.#said.add('persistentDisposition');
      const data = { bizStep: 'inspecting', ...this.#disposition(), outcome: 'usable' };
      this.#state(item.subject.text, 'batch.released', data, sealed);
    }
  }

  /** Batches, and parts of one batch, that were made; of other batches where it says so. */
  #produced(items: readonly Item[], inputs: readonly Item[]): void {
    const lot = this.#master('lotNumber', 'batch', 'lot');
    const serials = new Map<string, { key: EpcSubject; at: string; members: string[] }>();
    for (const item of items) {
      if (item.subject.type === 'batch') {
        this.#batchProduced(item.subject, item.at, inputs, [], item.quantity);
        continue;
      }
      const { key } = item.subject;
      const batch = item.subject.batch ?? (key === null || lot === undefined ? undefined : batchOf(key, lot));
      if (batch === undefined) {
        this.#drop(
          item.at,
          'a part without a batch number has no entry of its own: register it as a safety part',
        );
        continue;
      }
      const group = serials.get(batch) ?? { key: item.subject, at: item.at, members: [] };
      group.members.push(item.subject.text);
      serials.set(batch, group);
      this.#memberOf(item.subject.text, batch);
    }
    for (const [batch, { at, members }] of serials) {
      const subject = subjectOfText(batch);
      if (subject !== null) this.#batchProduced(subject, at, inputs, members);
    }
  }

  #batchProduced(
    subject: EpcSubject,
    at: string,
    inputs: readonly Item[],
    members: readonly string[],
    quantity?: Item['quantity'],
  ): void {
    const party = this.#party('source');
    if (party === undefined) {
      this.#drop(at, 'the event names no party: say which with --party', 'epcis.partyUnknown');
      return;
    }
    const [, main, , lot] = partsOf(subject);
    const batches = [
      ...new Set(inputs.flatMap((input) => (input.subject.type === 'batch' ? [input.subject.text] : []))),
    ];
    const productionDate = dateOf(this.#master('productionDate', 'manufactureDate'));
    const expiryDate = dateOf(this.#master('itemExpirationDate', 'expirationDate', 'bestBeforeDate'));
    const plant = this.#place();
    const data: Record<string, Json> = {
      bizStep: 'commissioning',
      ...this.#disposition(),
      manufacturerId: party,
      manufacturerPartId: main,
      batchId: lot,
      nameAtManufacturer: this.#master('descriptionShort', 'productName', 'nameAtManufacturer') ?? main,
      ...(plant === undefined ? {} : { plant }),
      productionDate: productionDate ?? localDate(this.#event),
      ...(expiryDate === undefined ? {} : { expiryDate }),
      ...(batches.length === 0 ? {} : { inputs: batches.map((batch) => ({ batch })) }),
      ...(members.length === 0 ? {} : { serials: this.#setOf(members) }),
    };
    const order = this.#order();
    const sealed: Record<string, Json> = {};
    if (quantity !== undefined) sealed.quantity = quantity;
    if (order !== undefined) sealed.orderNumber = order;
    this.#state(subject.text, 'batch.produced', data, sealed, members);
    for (const input of inputs) this.#edge(subject.text, input.subject.text, 'madeOf');
  }

  #setOf(members: readonly string[]): Json {
    const treeKey = (this.#options.random ?? secureRandom)(32);
    const tree = buildTree(
      treeKey,
      members.map((member) => parseIdentifier(member)),
    );
    return { serialsRoot: tree.root, count: tree.count, treeKey: toBase64Url(treeKey) };
  }

  #built(vehicle: Item, inputs: readonly Item[]): void {
    const party = this.#party('source');
    if (party === undefined) {
      this.#drop(vehicle.at, 'the event names no party: say which with --party', 'epcis.partyUnknown');
      return;
    }
    const plant = this.#place();
    const group = this.#component();
    const parts = inputs.map(({ subject }) => ({
      component: group,
      part: subject.text,
      ...(subject.batch === undefined ? {} : { batch: subject.batch }),
    }));
    this.#state(vehicle.subject.text, 'vehicle.built', {
      manufacturerId: party,
      productionDate: localDate(this.#event),
      ...(plant === undefined ? {} : { plant }),
      ...(parts.length === 0 ? {} : { parts }),
    });
    for (const { subject } of inputs) this.#edge(vehicle.subject.text, subject.text, 'builtFrom');
  }

  /** Parts that were put into something, or taken out; or things packed together, which no entry says. */
  #joined(): void {
    const event = this.#event;
    const step = this.#step();
    const children = [
      ...this.#things('childEPCs', event.childEPCs as readonly string[] | undefined),
      ...this.#amounts(
        'childQuantityList',
        event.childQuantityList as readonly QuantityElement[] | undefined,
      ),
    ];
    const parents = this.#things('parentID', event.parentID === undefined ? [] : [String(event.parentID)]);
    const vehicle = this.#vehicleOf(parents);
    const [parent] = vehicle === null ? parents : [vehicle];
    const association = event.type === 'AssociationEvent';
    const fitting = association || MOUNTING.has(step ?? '') || REMOVING.has(step ?? '');
    if (!fitting) {
      // Packing is the carrier’s affair; but what was shipped or received in the parcel was.
      this.#handled(children);
      return;
    }
    if (parent === undefined) return;
    if (parent.subject.type === 'batch') {
      this.#drop(parent.at, 'parts are mounted in a vehicle or a part, not in a batch');
      return;
    }
    if (event.action === 'OBSERVE') {
      this.#drop(parent.at, 'that parts are still there is no entry');
      return;
    }
    if (children.length === 0) {
      if (event.childEPCs === undefined && event.childQuantityList === undefined) {
        this.#drop(parent.at, 'which parts were removed is not said: name them');
      }
      return;
    }
    const mounted = event.action === 'ADD';
    const group = this.#component();
    const place = this.#extension('position');
    const position =
      place !== undefined && /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/.test(place) ? place : undefined;
    for (const { subject } of children) {
      if (subject.type === 'vehicle') {
        this.#drop(parent.at, 'a vehicle is no part');
        continue;
      }
      const what = {
        component: group,
        ...(position === undefined ? {} : { position }),
        part: subject.text,
        ...(subject.batch === undefined ? {} : { batch: subject.batch }),
      };
      const reason = step === 'disassembling' ? 'dismantling' : 'other';
      if (mounted) this.#state(parent.subject.text, 'part.mounted', what);
      else this.#state(parent.subject.text, 'part.removed', { ...what, reason });
      this.#edge(parent.subject.text, subject.text, 'mounted', mounted);
    }
  }

  #transformed(): void {
    const event = this.#event;
    const inputs = [
      ...this.#things('inputEPCList', event.inputEPCList as readonly string[] | undefined),
      ...this.#amounts(
        'inputQuantityList',
        event.inputQuantityList as readonly QuantityElement[] | undefined,
      ),
    ].filter((input) => {
      if (input.subject.type !== 'vehicle') return true;
      this.#drop(input.at, 'a vehicle is no part');
      return false;
    });
    const outputs = [
      ...this.#things('outputEPCList', event.outputEPCList as readonly string[] | undefined),
      ...this.#amounts(
        'outputQuantityList',
        event.outputQuantityList as readonly QuantityElement[] | undefined,
      ),
    ];
    if (event.transformationID !== undefined && (outputs.length === 0 || inputs.length === 0)) {
      this.#problem(
        'epcis.notMapped',
        'transformationID',
        'one half of a transformation: what went in and what came out stand in different events',
      );
    }
    const vehicle = this.#vehicleOf(outputs);
    if (vehicle !== null) {
      this.#built(vehicle, inputs);
      return;
    }
    const lot = this.#master('lotNumber', 'batch', 'lot');
    const [only] = outputs;
    const single = outputs.length === 1 && only?.subject.type === 'serial' && lot === undefined;
    if (!single || only === undefined) {
      this.#produced(outputs, inputs);
      const serials = inputs.filter(({ subject }) => subject.type === 'serial');
      const made = this.#statements.length > 0;
      for (const { at } of made ? serials : []) this.#drop(at, 'what a batch is made of is named by batches');
      return;
    }
    // One part, made of what went in.
    const group = this.#component();
    for (const { subject } of inputs) {
      const batch = subject.batch === undefined ? {} : { batch: subject.batch };
      this.#state(only.subject.text, 'part.mounted', {
        component: group,
        part: subject.text,
        ...batch,
        condition: 'new',
      });
      this.#edge(only.subject.text, subject.text, 'madeOf');
    }
  }

  #state(
    identifier: string,
    kind: KindName,
    data: Readonly<Record<string, Json>>,
    sealed: Readonly<Record<string, Json>> = {},
    members: readonly string[] = [],
  ): void {
    const content: Content = { kind, time: this.#time, data, sealed };
    try {
      validateData(kind, 1, data);
      for (const [name, value] of Object.entries(sealed)) validateSealed(kind, 1, name, value);
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.#problem(error.code, '', error.message);
      return;
    }
    this.#statements.push({
      identifier,
      content,
      source: this.#source,
      ...(members.length === 0 ? {} : { members }),
    });
  }

  #edge(parent: string, child: string, relation: SupplyEdge['relation'], begins = true): void {
    const when = begins ? { from: this.#time } : { until: this.#time };
    this.#edges.push({ parent, child, relation, ...when, source: this.#source });
  }

  #memberOf(serial: string, batch: string): void {
    this.#edge(batch, serial, 'memberOf');
  }

  #things(name: string, uris: readonly string[] | undefined): Item[] {
    const list = name !== 'parentID';
    return (uris ?? []).flatMap((uri, index) => {
      const at = list ? `${name}[${index}]` : name;
      const subject = subjectOf(uri);
      if (typeof subject !== 'string') return [{ subject, at }];
      this.#drop(at, WHY[subject], subject === 'checkDigit' ? 'epcis.checkDigit' : 'epcis.notMapped');
      return [];
    });
  }

  #amounts(name: string, elements: readonly QuantityElement[] | undefined): Item[] {
    return (elements ?? []).flatMap(({ epcClass, quantity, uom }, index) => {
      const at = `${name}[${index}]`;
      const subject = subjectOf(epcClass);
      if (typeof subject === 'string') {
        this.#drop(at, WHY[subject], subject === 'checkDigit' ? 'epcis.checkDigit' : 'epcis.notMapped');
        return [];
      }
      if (quantity === undefined) return [{ subject, at }];
      const unit = uom === undefined || uom === 'EA' ? 'C62' : uom;
      if (quantity < 0 || (PIECES.has(unit) && !Number.isInteger(quantity))) {
        this.#problem('quantity.invalid', at, 'A quantity is not negative, and pieces are whole.');
        return [];
      }
      if (!UNITS.has(unit)) {
        this.#problem('epcis.fieldNotMapped', `${at}.uom`, `quantities in ${unit} are not kept`);
        return [{ subject, at }];
      }
      return [
        { subject, at, quantity: { value: plainNumber(String(quantity), true) ?? String(quantity), unit } },
      ];
    });
  }

  /** The vehicle that an event is about: by its key, or by the VIN that an extension states of the one thing named. */
  #vehicleOf(items: readonly Item[]): Item | null {
    const named = items.find(({ subject }) => subject.type === 'vehicle');
    if (named !== undefined) return named;
    const [only] = items;
    const vin = items.length === 1 ? (this.#extension('vin') ?? this.#master('vin')) : undefined;
    if (only === undefined || only.subject.type !== 'serial' || vin === undefined) return null;
    try {
      const identifier = normaliseIdentifier({ type: 'vin', value: vin });
      const text = formatIdentifier(identifier);
      return { at: only.at, subject: { type: 'vehicle', identifier, text, key: only.subject.key } };
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.#problem(error.code, 'vin', error.message);
      return null;
    }
  }

  #step(): string | undefined {
    return wordOf('bizStep', this.#event.bizStep as string | undefined);
  }

  #disposition(): { disposition?: string } {
    const word = wordOf('disposition', this.#event.disposition as string | undefined);
    if (word === undefined || !DISPOSITIONS.has(word)) return {};
    this.#said.add('disposition');
    return { disposition: word };
  }

  /** Who did it: the party that the event names, the one who imports, or the place. */
  #party(side: 'source' | 'destination'): string | undefined {
    const named = this.#partyIn(`${side}List`);
    if (named !== undefined) return named;
    if (this.#options.party !== undefined) return this.#options.party;
    for (const name of ['bizLocation', 'readPoint']) {
      const gln = glnOf((this.#event[name] as { id?: string } | undefined)?.id);
      if (gln !== undefined) return gln;
    }
    return undefined;
  }

  #partyIn(list: 'sourceList' | 'destinationList'): string | undefined {
    const name = list === 'sourceList' ? 'source' : 'destination';
    const items = (this.#event[list] ?? []) as readonly Readonly<Record<string, string>>[];
    for (const wanted of ['possessing_party', 'owning_party']) {
      const found = items.find(({ type }) => wordOf('sourceOrDestination', type) === wanted)?.[name];
      const party = glnOf(found) ?? domainOf(found);
      if (party === undefined) continue;
      this.#said.add(list);
      return party;
    }
    return undefined;
  }

  #place(): string | undefined {
    for (const name of ['bizLocation', 'readPoint']) {
      const place = this.#event[name] as { id?: string } | undefined;
      const gln = glnOf(place?.id);
      if (gln === undefined || place === undefined) continue;
      if (Object.keys(place).length === 1) this.#said.add(name);
      return gln;
    }
    return undefined;
  }

  #order(): string | undefined {
    const list = (this.#event.bizTransactionList ?? []) as readonly {
      type?: string;
      bizTransaction: string;
    }[];
    const order = list.find(({ type }) => wordOf('businessTransaction', type) === 'po')?.bizTransaction;
    if (order === undefined || order.length > 200) return undefined;
    if (list.length === 1) this.#said.add('bizTransactionList');
    return order;
  }

  #component(): string {
    const named = this.#extension('component');
    return named !== undefined && COMPONENTS.has(named) ? named : 'other';
  }

  /** The text of an extension of the event, by its name in any namespace. */
  #extension(name: string): string | undefined {
    for (const [key, value] of Object.entries(this.#event)) {
      if (!key.includes(':') || localName(key).toLowerCase() !== name || typeof value !== 'string') continue;
      this.#said.add(key);
      return value.trim();
    }
    return undefined;
  }

  /** Master data of the instance or the batch, by the first of these names that is there. */
  #master(...names: readonly string[]): string | undefined {
    const ilmd = (this.#event.ilmd ?? {}) as Fields;
    for (const name of names) {
      const found = Object.entries(ilmd).find(([key]) => localName(key).toLowerCase() === name.toLowerCase());
      if (found === undefined || (typeof found[1] !== 'string' && typeof found[1] !== 'number')) continue;
      const text = String(found[1]).trim();
      if (text === '') continue;
      this.#said.add(`ilmd.${found[0]}`);
      return text;
    }
    return undefined;
  }

  /** What no entry says, as it stands, and its names among the problems. */
  #setAside(): Record<string, Json> {
    const aside: Record<string, Json> = {};
    const { namespaces } = this.#options.frame;
    const keep = (name: string, path: string, value: unknown): void => {
      const extension = name.includes(':');
      aside[path] = JSON.parse(canonicalJsonOf(value)) as Json;
      const detail = extension ? `extension ${resolveName(name, namespaces)}` : 'no entry says that';
      this.#problem(extension ? 'epcis.extension' : 'epcis.fieldNotMapped', path, `${detail}: kept aside`);
    };
    for (const [name, value] of Object.entries(this.#event)) {
      if (this.#said.has(name)) continue;
      if (name !== 'ilmd') {
        keep(name, name, value);
        continue;
      }
      for (const [member, item] of Object.entries(value as Fields)) {
        if (!this.#said.has(`ilmd.${member}`)) keep(member, `ilmd.${member}`, item);
      }
    }
    return aside;
  }

  #problem(code: string, path: string, detail: string): void {
    const at = path === '' ? this.#at : `${this.#at}.${path}`;
    this.#problems.push({ code, at, source: this.#source, detail });
  }

  /** Names something of a list; the same of the same list is named once. */
  #drop(at: string, detail: string, code = 'epcis.notMapped'): void {
    const list = at.replace(/\[\d+\]$/, '');
    const name = `${list}\n${code}\n${detail}`;
    const known = this.#dropped.get(name);
    if (known === undefined) this.#dropped.set(name, { at, code, detail, count: 1 });
    else {
      known.count += 1;
      known.at = list;
    }
  }

  #hasProblemAt(at: string): boolean {
    return [...this.#dropped.values()].some(
      (dropped) => dropped.at === at || at.startsWith(`${dropped.at}[`),
    );
  }
}

const COMPONENTS: ReadonlySet<string> = new Set(component.options);

function localName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf(':'), name.lastIndexOf('/'), name.lastIndexOf('#')) + 1);
}

/** An event can be nested deeper than anything of ours. */
function canonicalJsonOf(value: unknown): string {
  try {
    return canonicalJson(value);
  } catch {
    return JSON.stringify(JSON.stringify(value));
  }
}

/** A batch from its identifier's text. */
function subjectOfText(text: string): EpcSubject | null {
  const identifier = parseIdentifier(text);
  return identifier.type === 'batch' ? { type: 'batch', identifier, text, key: null } : null;
}

/** Application identifiers and values of a GS1 batch; of another batch its number stands for both. */
function partsOf({ identifier }: EpcSubject): readonly [string, string, string, string] {
  const [, ai = '', main = '', lot = ''] = /^(\d+)\/(\d+)\/10\/(.+)$/.exec(identifier.value) ?? [];
  return main === '' ? ['', identifier.value, '', identifier.value] : [ai, main, '10', lot];
}

/** `urn:vinculum:party:<party>`: how an export writes a party that has no GLN. */
function domainOf(uri: string | undefined): string | undefined {
  const party =
    uri?.startsWith('urn:vinculum:party:') === true ? uri.slice('urn:vinculum:party:'.length) : undefined;
  return party !== undefined && /^[A-Za-z0-9.-]{1,64}$/.test(party) ? party : undefined;
}

/** A time of EPCIS in UTC, to the second. */
export function instantOf(text: string): string {
  const normal = text
    .trim()
    .replace(/^(\S{10})[ t]/, '$1T')
    .replace(/z$/, 'Z')
    .replace(/([+-]\d\d)$/, '$1:00')
    .replace(/([+-]\d\d)(\d\d)$/, '$1:$2');
  const seconds = Math.floor(Date.parse(normal.replace(/\.\d+/, '')) / 1000);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

/** The day where it happened. */
function localDate({ eventTime, eventTimeZoneOffset }: EpcisEvent): string {
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(eventTimeZoneOffset) ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
  return new Date(Date.parse(instantOf(eventTime)) + offset * 60_000).toISOString().slice(0, 10);
}

function dateOf(text: string | undefined): string | undefined {
  const day = /^(\d{4}-\d\d-\d\d)(?:[T ]|$)/.exec(text ?? '')?.[1];
  if (day === undefined) return undefined;
  const parsed = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day) ? day : undefined;
}

function declarationOf(declaration: {
  declarationTime: string;
  reason?: string;
  correctiveEventIDs?: readonly string[];
}): ErrorDeclaration {
  const word = wordOf('errorReason', declaration.reason);
  return {
    reason: word === 'did_not_occur' || word === 'incorrect_data' ? word : 'other',
    declaredAt: instantOf(declaration.declarationTime),
    corrections: declaration.correctiveEventIDs ?? [],
  };
}
