import { toBase64Url } from '../bytes.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { type Random, secureRandom } from '../envelope/block.ts';
import type { Content } from '../envelope/envelope.ts';
import { isVinculumError } from '../errors.ts';
import { formatIdentifier, normaliseIdentifier, parseIdentifier } from '../identifiers/identifier.ts';
import { component } from '../kinds/fields.ts';
import { validateData, validateSealed } from '../kinds/validate.ts';
import type { Mapping, MappingProblem, Statement, StatementSource, SupplyEdge } from '../supply/statement.ts';
import { buildTree } from '../tree/tree.ts';
import type { DocumentFrame, EpcisEvent, QuantityElement } from './document.ts';
import { wordOf } from './document.ts';
import { eventHash, plainNumber } from './eventHash.ts';
import { ENTRY_NAME, EXPORTED_KINDS, ownEntryOf } from './ownEntry.ts';
import { batchOf, type EpcSubject, glnOf, type NoSubject, subjectOf } from './subject.ts';
import { resolveName } from './vocabulary.ts';

/*
 * What an EPCIS event says, in entries. An event names things and a business step; of that the kinds of entries can say:
 *
 *   commissioning of a batch, or of several parts of one batch    batch.produced (of parts with the serials' root)
 *   commissioning of a part by itself                             part.produced
 *   commissioning of a vehicle                                    vehicle.built
 *   shipping, departing / receiving, accepting of a batch         batch.shipped / batch.received
 *   holding of a batch; recalled, damaged, non_conformant set     batch.quarantined
 *   inspecting with a good outcome; one of those unset            batch.released
 *   assembling, installing … / removing, disassembling …          part.mounted / part.removed, on what it was mounted in
 *   a transformation into batches, parts, a vehicle               as their commissioning, with what they are made of
 *
 * Everything else is named with its reason; what of an event no entry says is kept aside, as it stands. An event that an
 * export of ours made carries its entry in an extension and is read from that, as long as nobody changed the event.
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

/** Problems that leave the rest of an event as it is. */
const NOTES = new Set([
  'epcis.notMapped',
  'epcis.fieldNotMapped',
  'epcis.extension',
  'epcis.entryStale',
  'epcis.namedTwice',
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
const PIECES = new Set(['C62', 'H87', 'EA']);

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
    if (errorDeclaration === undefined && !this.#readOwn()) this.#readEvent();
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

  /** Reads the entry that an export of ours put into the event. @returns whether there is one that still holds */
  #readOwn(): boolean {
    const { namespaces } = this.#options.frame;
    const name = Object.keys(this.#event).find((key) => resolveName(key, namespaces) === ENTRY_NAME);
    if (name === undefined) return false;
    const { [name]: text, ...event } = this.#event as Fields;
    const own = ownEntryOf(text);
    const holds =
      own !== null &&
      EXPORTED_KINDS.has(own.kind) &&
      own.event === eventHash(event, this.#options.frame) &&
      urisOf(event).some((uri) => textOf(uri) === own.identifier);
    if (!holds) {
      this.#problem(
        'epcis.entryStale',
        name,
        'the event is not the one that this entry was written for: it is read anew',
      );
      return false;
    }
    for (const member of Object.keys(this.#event)) this.#said.add(member);
    for (const member of Object.keys((this.#event.ilmd ?? {}) as Fields)) this.#said.add(`ilmd.${member}`);
    this.#said.delete('ilmd');
    this.#state(own.identifier, own.kind, own.data, own.sealed, [], own);
    return true;
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
    const things = this.#withVehicle(this.#once(items));
    if ((step === 'commissioning' || step === 'creating_class_instance') && action === 'ADD') {
      this.#made(things, []);
      return;
    }
    for (const item of things) {
      const { type, text, batch } = item.subject;
      if (batch !== undefined) this.#edge(batch, text, 'memberOf');
      if (type === 'batch') this.#happened(item, step);
      else if (type === 'vehicle') this.#drop(item.at, 'no kind of entry says this of a vehicle');
      else this.#drop(item.at, 'a part by itself has no entry for this step: its batch has');
    }
  }

  #happened(item: Item, step: string | undefined): void {
    const before = this.#statements.length + this.#problems.length + this.#dropped.size;
    this.#moved(item, step);
    this.#judged(item, step);
    if (this.#statements.length + this.#problems.length + this.#dropped.size > before) return;
    this.#drop(
      item.at,
      step === undefined ? 'it names no business step' : `no kind of entry says ${step} of a batch`,
    );
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
    const location = this.#location();
    const sealed: Record<string, Json> = {};
    if (item.quantity !== undefined) sealed.quantity = item.quantity;
    if (order !== undefined) sealed.orderNumber = order;
    if (location !== undefined) sealed.location = location;
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

  /** Batches, parts and vehicles that were made; of what, where it says so. */
  #made(items: readonly Item[], inputs: readonly Item[]): void {
    const lot = this.#master('lotNumber', 'batch', 'lot');
    const parts = new Map<string | undefined, Item[]>();
    const shared = items.length > 1 && inputs.length > 0;
    for (const item of items) {
      const { type, key } = item.subject;
      if (type === 'vehicle') this.#built(item, inputs, shared);
      else if (type === 'batch')
        this.#batchProduced(item.subject, item.at, inputs, [], shared, item.quantity);
      else {
        const batch =
          item.subject.batch ?? (key === null || lot === undefined ? undefined : batchOf(key, lot));
        parts.set(batch, [...(parts.get(batch) ?? []), item]);
      }
    }
    for (const [batch, of] of parts) {
      const subject = batch === undefined || of.length === 1 ? null : subjectOfText(batch);
      if (subject === null) {
        for (const item of of) this.#partProduced(item, batch, inputs, shared);
        continue;
      }
      const members = of.map((item) => item.subject.text);
      for (const member of members) this.#edge(subject.text, member, 'memberOf');
      this.#batchProduced(subject, of[0]?.at ?? '', inputs, members, shared && of.length < items.length);
    }
    const together = parts.size === 1 && [...parts.keys()][0] !== undefined && items.every(isPart);
    if (shared && !together && inputs.some(({ quantity }) => quantity !== undefined)) {
      const why = 'several things came out: how much went into which of them is not said';
      this.#problem('epcis.fieldNotMapped', 'inputQuantityList', why);
    }
  }

  #partProduced(item: Item, batch: string | undefined, inputs: readonly Item[], shared: boolean): void {
    const party = this.#maker(item.at);
    if (party === undefined) return;
    const { text, key, identifier } = item.subject;
    const [, main = '', , serial] = key?.path ?? [];
    const plant = this.#place();
    const name = this.#name();
    const data = {
      bizStep: 'commissioning',
      manufacturerId: party,
      ...(main === '' ? {} : { manufacturerPartId: main }),
      partInstanceId: serial ?? (main === '' ? identifier.value : main),
      ...(name === undefined ? {} : { nameAtManufacturer: name }),
      ...(plant === undefined ? {} : { plant }),
      productionDate: this.#productionDate(),
      ...(batch === undefined ? {} : { batch }),
      ...this.#bill(inputs, shared),
    };
    this.#state(text, 'part.produced', data, inputQuantities(inputs, shared));
    if (batch !== undefined) this.#edge(batch, text, 'memberOf');
    for (const { subject } of inputs) this.#edge(text, subject.text, 'madeOf');
  }

  /** @param shared several things came out: which input is in which of them is not said */
  #bill(inputs: readonly Item[], shared: boolean): { parts?: Json } {
    const named = this.#component();
    const parts = inputs.map(({ subject }) => ({
      component: named,
      part: subject.text,
      ...(subject.batch === undefined ? {} : { batch: subject.batch }),
      ...(shared ? { hasAlternatives: true } : {}),
    }));
    return parts.length === 0 ? {} : { parts };
  }

  #maker(at: string): string | undefined {
    const party = this.#party('source');
    if (party === undefined)
      this.#drop(at, 'the event names no party: say which with --party', 'epcis.partyUnknown');
    return party;
  }

  #name(): string | undefined {
    return this.#master('descriptionShort', 'productName', 'nameAtManufacturer');
  }

  #productionDate(): string {
    return dateOf(this.#master('productionDate', 'manufactureDate')) ?? localDate(this.#event);
  }

  #batchProduced(
    subject: EpcSubject,
    at: string,
    inputs: readonly Item[],
    members: readonly string[],
    shared: boolean,
    quantity?: Item['quantity'],
  ): void {
    const party = this.#maker(at);
    if (party === undefined) return;
    const [, main, , lot] = partsOf(subject);
    const batches = [
      ...new Set(inputs.flatMap((input) => (input.subject.type === 'batch' ? [input.subject.text] : []))),
    ];
    const expiryDate = dateOf(this.#master('itemExpirationDate', 'expirationDate', 'bestBeforeDate'));
    const plant = this.#place();
    const data: Record<string, Json> = {
      bizStep: 'commissioning',
      ...this.#disposition(),
      manufacturerId: party,
      manufacturerPartId: main,
      batchId: lot,
      nameAtManufacturer: this.#name() ?? main,
      ...(plant === undefined ? {} : { plant }),
      productionDate: this.#productionDate(),
      ...(expiryDate === undefined ? {} : { expiryDate }),
      ...(batches.length === 0 ? {} : { inputs: batches.map((batch) => ({ batch })) }),
      ...(members.length === 0 ? {} : { serials: this.#setOf(members) }),
    };
    const order = this.#order();
    const sealed: Record<string, Json> = {};
    if (quantity !== undefined) sealed.quantity = quantity;
    if (order !== undefined) sealed.orderNumber = order;
    Object.assign(sealed, inputQuantities(inputs, shared));
    this.#state(subject.text, 'batch.produced', data, sealed, members);
    for (const input of inputs) {
      this.#edge(subject.text, input.subject.text, 'madeOf');
      if (input.subject.type === 'serial')
        this.#drop(input.at, 'what a batch is made of is named by batches');
    }
  }

  #setOf(members: readonly string[]): Json {
    const treeKey = (this.#options.random ?? secureRandom)(32);
    const tree = buildTree(
      treeKey,
      members.map((member) => parseIdentifier(member)),
    );
    return { serialsRoot: tree.root, count: tree.count, treeKey: toBase64Url(treeKey) };
  }

  #built(vehicle: Item, inputs: readonly Item[], shared: boolean): void {
    const party = this.#maker(vehicle.at);
    if (party === undefined) return;
    const plant = this.#place();
    const data = {
      manufacturerId: party,
      productionDate: this.#productionDate(),
      ...(plant === undefined ? {} : { plant }),
      ...this.#bill(inputs, shared),
    };
    this.#state(vehicle.subject.text, 'vehicle.built', data, inputQuantities(inputs, shared));
    for (const { subject } of inputs) this.#edge(vehicle.subject.text, subject.text, 'builtFrom');
  }

  /** Parts that were put into something, or taken out; or things packed together, which no entry says. */
  #joined(): void {
    const event = this.#event;
    const step = this.#step();
    const children = this.#once([
      ...this.#things('childEPCs', event.childEPCs as readonly string[] | undefined),
      ...this.#amounts(
        'childQuantityList',
        event.childQuantityList as readonly QuantityElement[] | undefined,
      ),
    ]);
    const parents = this.#things('parentID', event.parentID === undefined ? [] : [String(event.parentID)]);
    const [parent] = this.#withVehicle(parents);
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
    const inputs = this.#once([
      ...this.#things('inputEPCList', event.inputEPCList as readonly string[] | undefined),
      ...this.#amounts(
        'inputQuantityList',
        event.inputQuantityList as readonly QuantityElement[] | undefined,
      ),
    ]).filter((input) => {
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
    this.#made(this.#withVehicle(this.#once(outputs)), inputs);
  }

  #state(
    identifier: string,
    kind: string,
    data: Readonly<Record<string, Json>>,
    sealed: Readonly<Record<string, Json>> = {},
    members: readonly string[] = [],
    { time = this.#time, kindVersion = 1 }: { readonly time?: string; readonly kindVersion?: number } = {},
  ): void {
    const content: Content = { kind, kindVersion, time, data, sealed };
    try {
      validateData(kind, kindVersion, { ...data });
      for (const [name, value] of Object.entries(sealed)) validateSealed(kind, kindVersion, name, value);
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

  /** Things that are named twice, as by their EPC URI and by their Digital Link, count once; two quantities of one don't. */
  #once(items: readonly Item[]): Item[] {
    const first = new Map<string, Item>();
    for (const item of items) {
      const before = first.get(item.subject.text);
      if (before === undefined) {
        first.set(item.subject.text, item);
        continue;
      }
      const same =
        before.quantity?.value === item.quantity?.value && before.quantity?.unit === item.quantity?.unit;
      if (same) this.#drop(item.at, 'it is named twice and counts once', 'epcis.namedTwice');
      else this.#problem('epcis.ambiguous', item.at, 'it is named twice, with different quantities');
    }
    return [...first.values()];
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
      const unit = uom ?? 'C62';
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

  /** The things with the one among them as a vehicle, where it is the only one and an extension states its VIN. */
  #withVehicle(items: readonly Item[]): readonly Item[] {
    const [only] = items;
    if (items.length !== 1 || only?.subject.type !== 'serial') return items;
    const vin = this.#extension('vin') ?? this.#master('vin');
    if (vin === undefined) return items;
    try {
      const identifier = normaliseIdentifier({ type: 'vin', value: vin });
      const text = formatIdentifier(identifier);
      return [{ at: only.at, subject: { type: 'vehicle', identifier, text, key: only.subject.key } }];
    } catch (error) {
      if (!isVinculumError(error)) throw error;
      this.#problem(error.code, 'vin', error.message);
      return [];
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

  /** Where it happened, as the event writes it. */
  #location(): string | undefined {
    const name = ['bizLocation', 'readPoint'].find((place) => this.#event[place] !== undefined);
    const place = name === undefined ? undefined : (this.#event[name] as { id: string });
    if (name !== undefined && place !== undefined && Object.keys(place).length === 1) this.#said.add(name);
    return place?.id;
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
    if (this.#statements.length === 0) return { event: JSON.parse(canonicalJsonOf(this.#event)) as Json };
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
    this.#problems.push({
      code,
      at,
      source: this.#source,
      detail,
      ...(NOTES.has(code) ? { note: true } : {}),
    });
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

/** All things that an event names. */
function urisOf(event: Fields): string[] {
  const lists = [event.parentID, event.epcList, event.childEPCs, event.inputEPCList, event.outputEPCList];
  const amounts = [
    event.quantityList,
    event.childQuantityList,
    event.inputQuantityList,
    event.outputQuantityList,
  ];
  return [
    ...(lists.flat() as unknown[]).filter((uri) => typeof uri === 'string'),
    ...(amounts.flat() as (QuantityElement | undefined)[]).flatMap((element) => element?.epcClass ?? []),
  ];
}

function textOf(uri: string): string | null {
  const subject = subjectOf(uri);
  return typeof subject === 'string' ? null : subject.text;
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

const isPart = ({ subject }: Item): boolean => subject.type === 'serial';

/**
 * How much of which batch went in, as far as the event says.
 * @param shared several things came out: how much went into which of them is not said
 */
function inputQuantities(inputs: readonly Item[], shared: boolean): { inputQuantities?: Json } {
  if (shared) return {};
  const known = inputs.flatMap(({ subject, quantity }) =>
    subject.type === 'batch' && quantity !== undefined ? [{ batch: subject.text, quantity }] : [],
  );
  return known.length === 0 ? {} : { inputQuantities: known };
}
