import type { Json } from '../../core/canonical.ts';
import { secondsOf } from '../../core/envelope/time.ts';
import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { Reading } from '../../core/kinds/fields.ts';
import type { KindData, KindName } from '../../core/kinds/kinds.ts';
import type { PartStock, TakenPart } from './batches.ts';
import { recalledOn, recalls } from './campaigns.ts';
import { type Day, dateOf, instantOf, LAST_DAY, yearOf } from './days.ts';
import { content, type DemoContent, type DemoSubject, type DemoVehicle, type Extras, later } from './demo.ts';
import type { DemoDocument } from './document.ts';
import { colours, type Model, makers } from './models.ts';
import type { OrganisationName } from './organisations.ts';
import type { Place } from './places.ts';
import type { DemoRandom } from './random.ts';
import { vinOf } from './vins.ts';

type Source = Reading['source'];
type Severity = KindData<'accident'>['severity'];

export type Birth = {
  readonly model: Model;
  readonly built: Day;
  readonly serial: number;
  readonly place: Place;
  readonly story: string;
  readonly unit?: Reading['unit'];
};

/** Where parts come from, and where serialised parts that have a history of their own are noted. */
export type World = {
  readonly parts: PartStock;
  /** Histories of serialised parts, by identifier. */
  readonly partHistories: Map<string, DemoContent[]>;
};

const AREAS = ['front', 'frontLeft', 'frontRight', 'left', 'right', 'rearLeft', 'rear'] as const;
const SERVICE_ITEMS = {
  burning: ['engineOil', 'oilFilter', 'generalCheck'],
  electric: ['tractionBatteryCheck', 'cabinFilter', 'generalCheck'],
} as const;

/** One vehicle, from the line to today: it ages day by day and writes down what happens. */
export class Life {
  readonly vin: string;
  readonly identifier: string;
  readonly model: Model;
  readonly random: DemoRandom;
  readonly colour: (typeof colours)[number];
  /** Batches in the vehicle as built, by component. */
  readonly batches: string[] = [];
  readonly #world: World;
  readonly #birth: Birth;
  readonly #contents: DemoContent[] = [];

  place: Place;
  day: Day;
  /** Since it was built, in kilometres. */
  kilometres: number;
  /** A day. */
  pace: number;
  unit: Reading['unit'];
  /** Whose readings come by themselves. */
  connected: boolean;
  /** Whether its owner answers recalls. */
  heedsRecalls = true;
  /** Whether chance may do it harm. */
  careful = false;
  #airbag: TakenPart | undefined;
  readonly #pendingRecalls: { day: Day; campaign: (typeof recalls)[number] }[] = [];
  #nextService: Day;
  #nextInspection: Day;
  #nextReading: Day;
  #nextUpdate: Day;
  #nextSale: Day;

  constructor(birth: Birth, world: World, random: DemoRandom) {
    const { model, built } = birth;
    const maker = makers[model.maker];
    const plant = random.pick<readonly [string, string]>(maker.plants);
    this.vin = vinOf(maker.wmi, model.description, modelYear(built), plant[0], birth.serial);
    this.identifier = formatIdentifier(parseIdentifier(this.vin));
    this.model = model;
    this.random = random;
    this.colour = random.pick(colours);
    this.#world = world;
    this.#birth = birth;
    this.place = birth.place;
    this.unit = birth.unit ?? 'KMT';
    this.day = built;
    this.kilometres = random.integer(3, 9);
    this.pace = random.integer(16, 52);
    this.connected = random.chance(model.fuelType === 'electric' ? 0.45 : 0.12);
    this.heedsRecalls = random.chance(0.75);
    this.#nextService = built + 380;
    this.#nextInspection = built + 1440;
    this.#nextReading = built + 200;
    this.#nextUpdate = built + 300;
    this.#nextSale = built + random.integer(1000, 2200);
    this.#build(plant[1]);
  }

  get vehicle(): DemoVehicle {
    const contents = this.#contents
      .map((entry, index) => ({ entry, index, seconds: secondsOf(entry.time) }))
      .sort((left, right) => Number(left.seconds - right.seconds) || left.index - right.index)
      .map(({ entry }) => entry);
    return { identifier: this.identifier, story: this.#birth.story, contents };
  }

  wait(days: number): void {
    this.day += days;
    this.kilometres += days * this.pace;
  }

  reading(source: Source): Reading {
    const value = Math.round(this.unit === 'SMI' ? this.kilometres / 1.609344 : this.kilometres);
    return { value, unit: this.unit, source };
  }

  /** Writes an entry of today; an hour makes it an instant. */
  add<Name extends KindName>(
    by: OrganisationName,
    kind: Name,
    data: KindData<Name>,
    extras: Extras & { readonly hour?: number } = {},
  ): void {
    const time =
      extras.hour === undefined
        ? dateOf(this.day)
        : instantOf(this.day, extras.hour * 3600 + this.random.integer(0, 3599));
    this.#contents.push(content(by, kind, time, data, extras));
  }

  /** A label for an entry of this vehicle that others refer to. */
  label(name: string): string {
    return `${this.vin} ${name}`;
  }

  money(least: number, most: number): Json {
    const rate = this.place.currency === 'CNY' ? 7.5 : 1;
    return {
      amount: (this.random.integer(least * 100, most * 100) * (rate / 100)).toFixed(2),
      currency: this.place.currency,
    };
  }

  /** What a registry states beside its own words for it. */
  event(code: keyof Place['codes']): { market: string; event: string } {
    return { market: this.place.market, event: this.place.codes[code] };
  }

  paper(title: string, subtitle: string, ...lines: string[]): DemoDocument {
    return {
      type: 'pdf',
      title,
      subtitle,
      lines: [`VIN ${this.vin}`, `Date ${dateOf(this.day)}`, ...lines],
    };
  }

  photo(damage?: number): DemoDocument {
    return {
      type: 'photo',
      paint: this.colour[1],
      ...(damage === undefined ? {} : { damage }),
      night: this.random.chance(0.3),
    };
  }

  #build(plant: string): void {
    const { model } = this;
    const maker = makers[model.maker];
    const airbag = this.#world.parts.take('airbag', this.day);
    const brakes = this.#world.parts.take('brakes', this.day);
    const pack = model.fuelType === 'electric' ? this.#world.parts.take('pack', this.day) : undefined;
    this.#airbag = airbag;
    const taken = [airbag, brakes, ...(pack === undefined ? [] : [pack])];
    this.batches.push(...taken.map(({ batch }) => batch));
    for (const campaign of recalls) {
      if (campaign.maker !== model.maker) continue;
      for (const { batch } of taken) {
        const reached = recalledOn(campaign, batch);
        if (reached !== undefined) {
          this.#pendingRecalls.push({ day: reached + this.random.integer(25, 260), campaign });
        }
      }
    }
    const named = (part: TakenPart) => ({
      part: part.part,
      ...(part.part === part.batch ? {} : { batch: part.batch }),
      produced: later.digest(part.produced),
    });
    this.add(
      model.maker,
      'vehicle.built',
      {
        ...describe(model, this.colour[0], this.day),
        vehicleModelDate: String(modelYear(this.day)),
        productionDate: dateOf(this.day),
        manufacturerId: maker.domain,
        plant,
        odometer: this.reading('owner'),
        parts: [
          { component: 'airbags', position: 'DRIVER', ...named(airbag) },
          { component: 'brakes', position: 'FRONT', ...named(brakes) },
          ...(pack === undefined
            ? []
            : [{ component: 'tractionBattery' as const, position: 'FLOOR', ...named(pack) }]),
        ],
        missing: [{ component: 'seats', reason: 'notTracked' }],
      },
      {
        label: this.label('built'),
        sealed: {
          orderNumber: `B-${this.random.integer(100_000, 999_999)}`,
          ...Object.fromEntries(
            taken.map(({ produced }) => [`key:${later.digest(produced)}`, later.key(produced)]),
          ),
        },
      },
    );
  }

  /** From the line to its first owner. */
  deliver(options: { lien?: boolean; buyer?: 'person' | 'company' | 'fleet' | 'public' } = {}): void {
    this.wait(0);
    this.day += this.random.integer(12, 40);
    this.kilometres += this.random.integer(5, 30);
    const { place } = this;
    const buyer = options.buyer ?? 'person';
    const plate = place.plate(this.random);
    const name = this.random.pick(place.people);
    this.add(place.dealer, 'service', {
      type: 'predelivery',
      items: ['generalCheck'],
      odometer: this.reading('dealer'),
    });
    this.day += this.random.integer(1, 6);
    this.add(
      place.dealer,
      'sale',
      {
        type: 'retail',
        condition: 'new',
        seller: 'dealer',
        buyer,
        market: place.market,
        warrantyUntil: dateOf(this.day + 1095),
        odometer: this.reading('dealer'),
      },
      {
        sealed: {
          amount: this.money(14_000, 42_000),
          buyerName: name,
          invoiceNumber: `N-${this.random.integer(1000, 9999)}`,
        },
        ...(this.random.chance(0.2)
          ? { documents: [this.paper('Sale of a new vehicle', '新车销售合同', `Buyer: see contract`)] }
          : {}),
      },
    );
    this.day += 1;
    this.add(
      place.registrar,
      'vehicle.registered',
      {
        market: place.market,
        ...describe(this.model, this.colour[0], this.#birth.built),
        vehicleCategory: 'M1',
        dateVehicleFirstRegistered: dateOf(this.day),
        registry: { certificateIssued: dateOf(this.day), imported: false, fileUncertain: false },
      },
      { sealed: { plate } },
    );
    this.add(
      place.registrar,
      'registration.holder',
      {
        ...this.event('first'),
        action: 'firstRegistration',
        holderKind: buyer === 'fleet' ? 'company' : buyer,
      },
      { sealed: { holderName: name, plate } },
    );
    this.add(
      place.registrar,
      'registration.document',
      { ...this.event('issued'), action: 'issued' },
      { sealed: { certificateNumber: `C${this.random.integer(10_000_000, 99_999_999)}`, plate } },
    );
    if (options.lien === true) this.lien('registered');
  }

  lien(action: 'registered' | 'released', reference = 'L1'): void {
    this.add(
      this.place.registrar,
      'registration.lien',
      {
        ...this.event(action === 'registered' ? 'lien' : 'release'),
        action,
        reference,
        ...(action === 'registered' ? { expires: dateOf(this.day + 1826) } : {}),
      },
      action === 'registered'
        ? { sealed: { creditor: 'Example Credit 示例信贷', amount: this.money(5_000, 20_000) } }
        : {},
    );
  }

  /** Everyday life until that day, by chance: service, inspections, readings, sales, mishaps, recalls. */
  live(until: Day): void {
    const end = Math.min(until, LAST_DAY);
    for (;;) {
      const recall = this.#pendingRecalls[0]?.day ?? Number.POSITIVE_INFINITY;
      const next = Math.min(
        this.#nextService,
        this.#nextInspection,
        this.connected ? this.#nextReading : Number.POSITIVE_INFINITY,
        this.model.fuelType === 'electric' ? this.#nextUpdate : Number.POSITIVE_INFINITY,
        this.#nextSale,
        recall,
      );
      if (next >= end) {
        this.wait(Math.max(0, end - this.day));
        return;
      }
      this.wait(Math.max(0, next - this.day));
      if (next === this.#nextService) this.service();
      else if (next === this.#nextInspection) this.inspect();
      else if (next === recall) this.remedy();
      else if (next === this.#nextSale) {
        this.#nextSale = this.day + this.random.integer(900, 2600);
        if (end - this.day > 60) this.resell();
      } else if (this.connected && next === this.#nextReading) this.#report();
      else this.#update();
      if (!this.careful && end - this.day > 150 && this.random.chance(0.035)) {
        this.wait(this.random.integer(5, 40));
        this.accident(this.random.pick(['minor', 'minor', 'moderate']));
      }
    }
  }

  service(extras: Extras = {}): void {
    const { place, random } = this;
    const electric = this.model.fuelType === 'electric';
    const items = [
      ...(electric ? SERVICE_ITEMS.electric : SERVICE_ITEMS.burning),
    ] as KindData<'service'>['items'];
    if (random.chance(0.3)) items.push('brakeFluid');
    if (random.chance(0.2)) items.push('tyres');
    this.add(
      random.chance(0.7) ? place.workshop : place.dealer,
      'service',
      {
        type: 'scheduled',
        items,
        odometer: this.reading('workshop'),
        nextDue: {
          date: dateOf(this.day + 365),
          odometer: Math.round(this.reading('workshop').value + 15_000),
        },
      },
      {
        ...extras,
        sealed: {
          invoiceNumber: `S-${random.integer(10_000, 99_999)}`,
          amount: this.money(90, 620),
          technician: random.pick(place.people),
        },
      },
    );
    this.#nextService = this.day + random.integer(320, 430);
    if (random.chance(0.07)) {
      this.add(place.workshop, 'repair', {
        reason: 'wear',
        components: [random.pick(['brakes', 'suspension', 'clutch', 'battery', 'cooling'] as const)],
        odometer: this.reading('workshop'),
      });
    }
  }

  inspect(type: KindData<'inspection'>['type'] = 'periodic'): void {
    const { random } = this;
    const failed = !this.careful && type === 'periodic' && random.chance(0.08);
    const defects = !this.careful && (failed || random.chance(0.3));
    const verdict = (result: KindData<'inspection'>['result']): void =>
      this.add(
        this.place.inspector,
        'inspection',
        {
          type,
          result,
          odometer: this.reading('inspection'),
          ...(result === 'failed' ? {} : { validUntil: dateOf(this.day + 730) }),
          ...(result === 'passed'
            ? {}
            : {
                defects: [
                  {
                    code: `D${random.integer(10, 99)}.${random.integer(1, 9)}`,
                    component: random.pick(['tyres', 'brakes', 'lighting', 'suspension', 'exhaust'] as const),
                    severity: result === 'failed' ? 'major' : 'minor',
                  },
                ],
              }),
        },
        {
          sealed: { inspectorName: random.pick(this.place.people) },
          ...(random.chance(0.15)
            ? { documents: [this.paper('Inspection certificate', '车辆检测证书', `Result: ${result}`)] }
            : {}),
        },
      );
    verdict(failed ? 'failed' : defects ? 'passedWithDefects' : 'passed');
    if (failed) {
      this.wait(random.integer(4, 20));
      this.add(this.place.workshop, 'repair', {
        reason: 'defect',
        components: ['brakes'],
        odometer: this.reading('workshop'),
      });
      this.wait(1);
      verdict('passed');
    }
    if (type === 'periodic') this.#nextInspection = this.day + random.integer(700, 735);
  }

  #report(): void {
    this.add(
      'signal-nine',
      'odometer',
      { odometer: this.reading('telematics') },
      {
        hour: this.random.integer(6, 20),
        sealed: {
          position: {
            latitude: this.random.integer(30_000, 49_000) / 1000,
            longitude: this.random.integer(2_000, 120_000) / 1000,
          },
        },
      },
    );
    // Whatever comes after a reading of that evening is of another day.
    this.wait(1);
    this.#nextReading = this.day + this.random.integer(160, 330);
  }

  #update(): void {
    const year = yearOf(this.day);
    this.add(this.model.maker, 'software.updated', {
      component: 'software',
      software: `software:${makers[this.model.maker].domain}:car-os-${year}.${this.random.integer(1, 4)}`,
      to: `${year}.${this.random.integer(1, 9)}`,
      method: this.random.chance(0.8) ? 'overTheAir' : 'workshop',
      outcome: this.random.chance(0.95) ? 'installed' : 'rolledBack',
    });
    this.#nextUpdate = this.day + this.random.integer(330, 620);
  }

  /** Another owner, by a dealer or from hand to hand. */
  resell(): void {
    const { place, random } = this;
    const byDealer = random.chance(0.6);
    const buyer = random.pick(place.people);
    const plate = place.plate(random);
    if (byDealer) {
      this.add(place.registrar, 'registration.holder', { ...this.event('bought'), action: 'boughtByDealer' });
      this.wait(random.integer(2, 20));
      this.add(
        place.dealer,
        'condition',
        {
          overall: random.pick(['excellent', 'good', 'good', 'fair'] as const),
          odometer: this.reading('dealer'),
          ...(random.chance(0.5)
            ? {
                findings: [
                  { area: random.pick(AREAS), state: 'scratch' as const, severity: 'minor' as const },
                ],
              }
            : {}),
          ...(this.model.fuelType === 'electric'
            ? { batteryStateOfHealth: Number((0.99 - (this.day - this.#birth.built) / 36_500).toFixed(3)) }
            : {}),
        },
        { ...(random.chance(0.25) ? { documents: [this.photo()] } : {}) },
      );
      this.wait(random.integer(3, 25));
    } else {
      this.add(place.registrar, 'registration.holder', { ...this.event('ceded'), action: 'ceded' });
      this.wait(1);
    }
    this.add(
      place.dealer,
      'sale',
      {
        type: byDealer ? 'retail' : 'private',
        condition: 'used',
        seller: byDealer ? 'dealer' : 'person',
        buyer: 'person',
        market: place.market,
        odometer: this.reading(byDealer ? 'dealer' : 'owner'),
      },
      { sealed: { amount: this.money(3_000, 22_000), buyerName: buyer } },
    );
    this.wait(random.integer(1, 6));
    this.add(
      place.registrar,
      'registration.holder',
      { ...this.event('change'), action: 'change', holderKind: 'person' },
      { sealed: { holderName: buyer, plate } },
    );
    this.pace = random.integer(14, 55);
  }

  /** An accident with what follows: claim, repair, settlement. Total losses are not repaired. */
  accident(
    severity: Severity,
    options: { repaired?: boolean; settled?: boolean; number?: number } = {},
  ): void {
    const { place, random } = this;
    const spot = random.integer(0, AREAS.length - 1);
    const area = AREAS[spot] ?? 'front';
    const number = options.number ?? this.day;
    const severe = severity === 'severe' || severity === 'totalLoss';
    const label = this.label(`accident ${number}`);
    const opened = this.label(`claim ${number}`);
    this.add(
      place.market === 'FR' ? 'highway-police' : place.insurer,
      'accident',
      {
        severity,
        areas: severe ? [area, 'underbody'] : [area],
        airbagsDeployed: severe,
        structural: severe,
        market: place.market,
      },
      {
        label,
        hour: random.integer(7, 22),
        sealed: {
          location: random.pick(place.towns),
          reportNumber: `P-${random.integer(10_000, 99_999)}`,
        },
        documents: [this.photo(spot / (AREAS.length - 1))],
      },
    );
    this.wait(random.integer(1, 4));
    const claimNumber = `H-${random.integer(100_000, 999_999)}`;
    this.add(
      place.insurer,
      'claim',
      { type: 'collision', status: 'opened', accident: later.digest(label) },
      {
        label: opened,
        sealed: {
          claimNumber,
          policyNumber: `V-${random.integer(10_000, 99_999)}`,
          claimant: random.pick(place.people),
        },
      },
    );
    if (options.repaired !== false && severity !== 'totalLoss') {
      // A wreck stands still until it is mended.
      this.day += random.integer(6, 24);
      this.add(
        place.workshop,
        'repair',
        {
          reason: 'accident',
          components: severe ? ['body', 'chassis', 'airbags', 'paint'] : ['body', 'paint', 'lighting'],
          areas: [area],
          structural: severe,
          odometer: this.reading('workshop'),
        },
        {
          sealed: {
            claimNumber,
            amount: this.money(severe ? 5_000 : 500, severe ? 14_000 : 4_200),
            invoiceNumber: `R-${random.integer(10_000, 99_999)}`,
          },
          documents: [this.paper('Repair invoice', '维修发票', `Areas: ${area}`), this.photo()],
        },
      );
    }
    if (options.settled !== false) {
      this.wait(random.integer(3, 20));
      const total = severity === 'totalLoss';
      this.add(
        place.insurer,
        'claim',
        {
          type: 'collision',
          status: 'settled',
          opened: later.digest(opened),
          accident: later.digest(label),
          ...(total ? { totalLoss: true, titleBrands: ['11'] } : {}),
        },
        { sealed: { claimNumber, amount: this.money(400, total ? 18_000 : 6_000) } },
      );
    }
  }

  /** The remedy of the recall that has waited longest. */
  remedy(): void {
    const pending = this.#pendingRecalls.shift();
    if (pending === undefined || !this.heedsRecalls) return;
    const { campaign } = pending;
    const { place } = this;
    const odometer = this.reading('workshop');
    if (campaign.part === 'airbag' && this.#airbag !== undefined) {
      const old = this.#airbag;
      const fresh = this.#world.parts.take('airbag', this.day);
      this.#airbag = fresh;
      const removed = this.label(`airbag out ${old.part}`);
      this.add(
        place.dealer,
        'part.removed',
        {
          component: 'airbags',
          position: 'DRIVER',
          part: old.part,
          batch: old.batch,
          reason: 'recall',
          fate: 'returned',
          odometer,
        },
        { label: removed },
      );
      this.add(place.dealer, 'part.mounted', {
        component: 'airbags',
        position: 'DRIVER',
        part: fresh.part,
        batch: fresh.batch,
        condition: 'new',
        replaces: later.digest(removed),
        odometer,
      });
      const time = dateOf(this.day);
      const sealed = { vehicle: this.identifier };
      this.#noteOnPart(
        old.part,
        content(
          place.dealer,
          'part.removed',
          time,
          { component: 'airbags', reason: 'recall', fate: 'returned' },
          { sealed },
        ),
      );
      this.#noteOnPart(
        fresh.part,
        content(
          place.dealer,
          'part.mounted',
          time,
          { component: 'airbags', position: 'DRIVER', batch: fresh.batch, condition: 'new' },
          { sealed },
        ),
      );
    } else {
      this.add(place.dealer, 'repair', {
        reason: 'recall',
        components: [campaign.details.component],
        odometer,
      });
    }
    this.add(
      place.dealer,
      'recall.remedied',
      {
        attester: later.organisation(campaign.maker),
        campaign: campaign.campaign,
        outcome: 'remedied',
        odometer,
      },
      { sealed: { invoiceNumber: `W-${this.random.integer(10_000, 99_999)}` } },
    );
  }

  #noteOnPart(part: string, entry: DemoContent): void {
    const history = this.#world.partHistories.get(part) ?? [];
    history.push(entry);
    this.#world.partHistories.set(part, history);
  }

  /** No chance sale before that day. */
  keepUntil(day: Day): void {
    this.#nextSale = Math.max(this.#nextSale, day);
  }
}

/** Histories of parts as subjects, each from its making on. */
export function partSubjects({
  parts,
  partHistories,
}: Pick<World, 'parts' | 'partHistories'>): DemoSubject[] {
  return [...partHistories].map(([identifier, contents]) => ({
    identifier,
    contents: [parts.made(identifier), ...contents],
  }));
}

/** Makers begin the next model year in September. */
export function modelYear(built: Day): number {
  return yearOf(built + 122);
}

export function describe(model: Model, colour: string, built: Day) {
  return {
    brand: makers[model.maker].brand,
    model: model.model,
    bodyType: model.bodyType,
    fuelType: model.fuelType,
    color: colour,
    productionDate: dateOf(built),
    vehicleSeatingCapacity: model.seats,
    numberOfDoors: model.doors,
    enginePower: { value: model.power, unit: 'KWT' as const },
    ...(model.displacement === undefined
      ? {}
      : { engineDisplacement: { value: model.displacement, unit: 'CMQ' as const } }),
  };
}
