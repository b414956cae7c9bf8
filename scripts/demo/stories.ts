import { type Day, dateOf, dayOf, LAST_DAY } from './days.ts';
import { later } from './demo.ts';
import type { Life } from './life.ts';
import type { MakerName, Model } from './models.ts';
import { france, jiangnan, type Place } from './places.ts';

export type Story = {
  readonly name: string;
  /** How many vehicles live it. */
  readonly count: number;
  readonly place?: Place;
  readonly maker?: MakerName;
  readonly fuel?: Model['fuelType'];
  readonly unit?: 'KMT' | 'SMI';
  /** Earliest and latest day of building. */
  readonly built: readonly [string, string];
  /** What happens once it is built. */
  tell(life: Life): void;
};

/** A day between two dates that the life itself draws. */
const between = (life: Life, from: string, to: string): Day => life.random.integer(dayOf(from), dayOf(to));

/** The registry's procedure for a vehicle that an expert has found dangerous. */
function procedure(
  life: Life,
  action: 'declared' | 'opposed' | 'firstReport' | 'secondReport' | 'lifted',
): void {
  const event = {
    declared: 'DEC_VE',
    opposed: 'INSCRIRE_OVE',
    firstReport: 'PREM_RAP_VE',
    secondReport: 'SEC_RAP_VE',
    lifted: 'LEVER_OVE',
  }[action];
  const report = action === 'firstReport' || action === 'secondReport';
  life.add(
    'registry',
    'registration.procedure',
    { market: 'FR', event, procedure: 'damagedVehicle', action },
    report
      ? {
          sealed: { reportNumber: `VE-${life.random.integer(1000, 9999)}` },
          documents: [life.paper('Expert report', '鉴定报告', `Step: ${action}`)],
        }
      : {},
  );
}

function usage(
  life: Life,
  by: 'swift' | 'registry' | 'highway-police',
  kind: 'taxi' | 'rental' | 'police' | 'drivingSchool' | 'private',
  until?: Day,
): void {
  life.add(by, 'usage', { usage: kind, ...(until === undefined ? {} : { until: dateOf(until) }) });
}

/** Anything that can happen to anybody, and mostly does not. */
export const ordinary: Story = {
  name: 'ordinary',
  count: 133,
  built: ['2015-09-01', '2025-09-30'],
  tell(life) {
    const lien = life.random.chance(0.25);
    life.deliver({ lien });
    if (lien) {
      const released = life.day + life.random.integer(700, 1700);
      life.keepUntil(released + 30);
      life.live(released);
      if (life.day < LAST_DAY) life.lien('released');
    }
    life.live(LAST_DAY);
  },
};

export const stories: readonly Story[] = [
  {
    // Built well before the recalled batches; two careful owners, a stamp every year.
    name: 'clean',
    count: 1,
    place: france,
    maker: 'kunlun',
    fuel: 'petrol',
    built: ['2015-02-10', '2015-03-10'],
    tell(life) {
      life.careful = true;
      life.connected = false;
      life.pace = 27;
      life.deliver();
      life.keepUntil(LAST_DAY);
      let sold = false;
      while (life.day < LAST_DAY - 400) {
        life.live(life.day + life.random.integer(250, 310));
        if (!sold && life.day > dayOf('2021-01-01')) {
          sold = true;
          life.resell();
          life.pace = 24;
        }
        life.service({
          documents: [life.paper('Service record', '保养记录', 'Scheduled service carried out')],
        });
      }
      life.live(LAST_DAY);
    },
  },
  {
    // An inspector and a dealer read the same instrument; the dealer read less.
    name: 'discrepancy',
    count: 3,
    place: france,
    maker: 'kunlun',
    built: ['2016-02-01', '2017-06-30'],
    tell(life) {
      life.careful = true;
      life.pace = 68;
      life.deliver();
      life.keepUntil(LAST_DAY);
      life.live(between(life, '2021-09-01', '2022-02-01'));
      life.inspect('roadside');
      life.wait(35);
      life.add('registry', 'registration.holder', {
        market: 'FR',
        event: 'DECLARATION_ACHAT',
        action: 'boughtByDealer',
      });
      life.wait(18);
      life.kilometres *= 0.54;
      life.pace = 21;
      life.add(
        'northgate',
        'condition',
        { overall: 'good', odometer: life.reading('dealer') },
        { documents: [life.photo()] },
      );
      life.wait(9);
      life.add(
        'northgate',
        'sale',
        {
          type: 'retail',
          condition: 'used',
          seller: 'dealer',
          buyer: 'person',
          market: 'FR',
          odometer: life.reading('dealer'),
        },
        { sealed: { amount: life.money(9_000, 12_000) } },
      );
      life.wait(2);
      life.add('registry', 'registration.holder', {
        market: 'FR',
        event: 'CHANG_TIT_NORMAL',
        action: 'change',
        holderKind: 'person',
      });
      life.live(LAST_DAY);
    },
  },
  {
    name: 'recall',
    count: 3,
    place: france,
    maker: 'kunlun',
    fuel: 'hybrid',
    built: ['2020-02-20', '2020-05-31'],
    tell(life) {
      life.careful = true;
      life.heedsRecalls = false;
      life.deliver();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'recall remedied',
    count: 5,
    maker: 'kunlun',
    built: ['2019-09-01', '2020-07-10'],
    tell(life) {
      life.heedsRecalls = true;
      life.deliver();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'recall closed',
    count: 5,
    maker: 'aurora',
    place: france,
    built: ['2017-03-01', '2018-11-30'],
    tell(life) {
      life.heedsRecalls = life.random.chance(0.8);
      life.deliver();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'procedure cleared',
    count: 3,
    place: france,
    built: ['2015-01-01', '2019-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2021-01-01', '2023-12-31'));
      life.wait(3);
      life.accident('severe', { repaired: false, settled: false });
      life.wait(4);
      procedure(life, 'declared');
      procedure(life, 'opposed');
      life.day += 21;
      procedure(life, 'firstReport');
      life.day += 30;
      life.add('riverside', 'repair', {
        reason: 'accident',
        components: ['chassis', 'body', 'airbags', 'paint'],
        structural: true,
        odometer: life.reading('workshop'),
      });
      life.day += 9;
      life.inspect('afterRepair');
      life.day += 5;
      procedure(life, 'secondReport');
      life.day += 2;
      procedure(life, 'lifted');
      life.live(LAST_DAY);
    },
  },
  {
    name: 'procedure open',
    count: 2,
    place: france,
    built: ['2017-01-01', '2021-12-31'],
    tell(life) {
      life.careful = true;
      life.connected = false;
      life.deliver();
      life.live(between(life, '2025-11-01', '2026-03-01'));
      life.wait(3);
      life.accident('severe', { repaired: false, settled: false });
      life.wait(5);
      procedure(life, 'declared');
      procedure(life, 'opposed');
      life.day += 25;
      procedure(life, 'firstReport');
    },
  },
  {
    name: 'lien',
    count: 4,
    built: ['2023-01-01', '2025-06-30'],
    tell(life) {
      life.deliver({ lien: true });
      life.keepUntil(LAST_DAY);
      life.live(LAST_DAY);
    },
  },
  {
    name: 'taxi',
    count: 4,
    place: france,
    built: ['2016-01-01', '2020-12-31'],
    tell(life) {
      life.pace = life.random.integer(150, 210);
      life.deliver({ buyer: 'company' });
      const until = life.day + life.random.integer(900, 1300);
      usage(life, 'swift', 'taxi', until);
      life.keepUntil(until + 30);
      life.live(until);
      usage(life, 'swift', 'private');
      life.wait(12);
      life.resell();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'rental',
    count: 6,
    place: france,
    built: ['2019-01-01', '2023-12-31'],
    tell(life) {
      life.pace = life.random.integer(70, 95);
      life.deliver({ buyer: 'fleet' });
      usage(life, 'swift', 'rental');
      const until = life.day + life.random.integer(330, 540);
      life.keepUntil(until + 30);
      life.live(until);
      life.add('swift', 'condition', {
        overall: 'good',
        odometer: life.reading('owner'),
        findings: [{ area: 'rearLeft', state: 'dent', severity: 'minor' }],
      });
      usage(life, 'swift', 'private');
      life.wait(10);
      life.resell();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'lease',
    count: 4,
    place: france,
    built: ['2019-01-01', '2022-12-31'],
    tell(life) {
      life.deliver({ buyer: 'company' });
      const until = life.day + 1095;
      life.keepUntil(until + 60);
      life.live(life.day + 500);
      life.add('registry', 'registration.holder', { market: 'FR', event: 'CHANG_LOC', action: 'lessee' });
      life.live(until);
      life.add('northgate', 'sale', {
        type: 'leaseReturn',
        condition: 'used',
        seller: 'fleet',
        buyer: 'dealer',
        odometer: life.reading('dealer'),
      });
      life.wait(14);
      life.resell();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'driving school',
    count: 1,
    built: ['2018-01-01', '2018-12-31'],
    tell(life) {
      life.deliver({ buyer: 'company' });
      usage(life, 'registry', 'drivingSchool', life.day + 1400);
      life.live(LAST_DAY);
    },
  },
  {
    name: 'police',
    count: 1,
    place: france,
    built: ['2017-01-01', '2017-12-31'],
    tell(life) {
      life.deliver({ buyer: 'public' });
      usage(life, 'highway-police', 'police', life.day + 1600);
      life.keepUntil(life.day + 1700);
      life.live(life.day + 1600);
      life.add('registry', 'registration.document', {
        market: 'FR',
        event: 'MODIF_CARAC_TECH',
        action: 'technicalChange',
        titleBrands: ['18'],
      });
      life.wait(20);
      life.resell();
      life.live(LAST_DAY);
    },
  },
  {
    name: 'import',
    count: 4,
    place: jiangnan,
    built: ['2017-01-01', '2021-12-31'],
    tell(life) {
      life.deliver();
      life.keepUntil(LAST_DAY);
      life.live(between(life, '2023-01-01', '2024-12-31'));
      life.add('jiangnan-office', 'registration.exported', {
        market: 'CN',
        event: 'REG.EXPORTED',
        destination: 'FR',
        odometer: life.reading('registry'),
      });
      life.place = france;
      life.day += 55;
      life.inspect('preRegistration');
      life.day += 6;
      life.add(
        'registry',
        'registration.holder',
        { market: 'FR', event: 'IMMAT_NORMALE_PREM_VO', action: 'usedImport', holderKind: 'person' },
        { sealed: { holderName: life.random.pick(france.people), plate: france.plate(life.random) } },
      );
      life.live(LAST_DAY);
    },
  },
  {
    // Built for miles, read in miles, then given an instrument in kilometres.
    name: 'import in miles',
    count: 3,
    place: france,
    maker: 'cascade',
    unit: 'SMI',
    built: ['2016-01-01', '2019-12-31'],
    tell(life) {
      life.careful = true;
      life.connected = false;
      life.wait(700);
      life.add(
        'registry',
        'vehicle.registered',
        {
          market: 'FR',
          brand: 'Cascade',
          model: life.model.model,
          vehicleCategory: 'N1',
          registry: { imported: true, fileUncertain: true },
          odometer: life.reading('registry'),
        },
        { sealed: { plate: france.plate(life.random) } },
      );
      life.add('registry', 'registration.holder', {
        market: 'FR',
        event: 'IMMAT_NORMALE_PREM_VO',
        action: 'usedImport',
        holderKind: 'person',
      });
      life.live(life.day + 300);
      const previous = { value: life.reading('workshop').value, unit: 'SMI' as const };
      life.unit = 'KMT';
      life.add(
        'riverside',
        'odometer',
        { odometer: { ...life.reading('workshop'), event: 'unitChanged', previous } },
        { documents: [life.paper('Change of unit', '里程单位变更', 'Miles to kilometres')] },
      );
      life.live(LAST_DAY);
    },
  },
  {
    name: 're-registered',
    count: 2,
    place: france,
    built: ['2016-01-01', '2018-12-31'],
    tell(life) {
      life.deliver();
      life.keepUntil(LAST_DAY);
      life.live(between(life, '2020-01-01', '2020-12-31'));
      life.add('registry', 'registration.exported', {
        market: 'FR',
        event: 'SORTIE_TERRITOIRE',
        destination: 'BE',
      });
      life.wait(640);
      life.inspect('preRegistration');
      life.wait(4);
      life.add('registry', 'registration.holder', {
        market: 'FR',
        event: 'REIMMAT_ETRANGER',
        action: 'reRegistration',
        holderKind: 'person',
      });
      life.live(LAST_DAY);
    },
  },
  {
    name: 'total loss',
    count: 3,
    built: ['2014-06-01', '2019-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2023-01-01', '2025-09-30'));
      life.wait(2);
      life.accident('totalLoss');
      life.day += 20;
      life.add(life.place.registrar, 'registration.withdrawn', {
        ...life.event('withdrawn'),
        reason: 'endOfLife',
      });
    },
  },
  {
    name: 'rebuilt',
    count: 2,
    place: france,
    built: ['2015-06-01', '2018-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2021-01-01', '2022-09-30'));
      life.wait(2);
      life.accident('totalLoss');
      life.day += 70;
      life.add(
        'riverside',
        'repair',
        {
          reason: 'accident',
          components: ['chassis', 'body', 'airbags', 'paint'],
          structural: true,
          odometer: life.reading('workshop'),
        },
        { documents: [life.photo(0.2), life.photo()] },
      );
      life.day += 10;
      life.inspect('afterRepair');
      life.day += 3;
      life.add('registry', 'registration.document', {
        market: 'FR',
        event: 'MODIF_CARAC_TECH',
        action: 'technicalChange',
        titleBrands: ['09'],
      });
      life.live(LAST_DAY);
    },
  },
  {
    name: 'flood',
    count: 2,
    place: jiangnan,
    built: ['2016-01-01', '2020-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2023-06-01', '2023-08-30'));
      life.wait(1);
      const opened = life.label('flood');
      life.add(
        'jade-shield',
        'claim',
        { type: 'flood', status: 'opened' },
        { label: opened, documents: [life.photo(0.5)] },
      );
      life.wait(19);
      life.add(
        'jade-shield',
        'claim',
        { type: 'flood', status: 'settled', opened: later.digest(opened), titleBrands: ['01'] },
        { sealed: { amount: life.money(4_000, 9_000) } },
      );
      life.live(LAST_DAY);
    },
  },
  {
    name: 'theft recovered',
    count: 2,
    place: france,
    built: ['2016-01-01', '2021-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2023-01-01', '2024-06-30'));
      life.wait(1);
      const opened = life.label('theft');
      life.add('registry', 'registration.opposition', {
        market: 'FR',
        event: 'INSCRIRE_OTCI',
        action: 'entered',
        type: 'theft',
        reference: 'O1',
      });
      life.wait(1);
      life.add('harbour', 'claim', { type: 'theft', status: 'opened' }, { label: opened });
      life.day += 24;
      life.add('registry', 'registration.opposition', {
        market: 'FR',
        event: 'LEVER_OTCI',
        action: 'lifted',
        type: 'theft',
        reference: 'O1',
      });
      life.day += 3;
      life.add('harbour', 'claim', {
        type: 'theft',
        status: 'settled',
        opened: later.digest(opened),
        titleBrands: ['36'],
      });
      life.live(LAST_DAY);
    },
  },
  {
    name: 'stolen',
    count: 1,
    place: france,
    built: ['2019-01-01', '2022-12-31'],
    tell(life) {
      life.connected = false;
      life.deliver();
      life.live(between(life, '2026-02-01', '2026-05-30'));
      life.wait(1);
      life.add('registry', 'registration.opposition', {
        market: 'FR',
        event: 'INSCRIRE_OTCI',
        action: 'entered',
        type: 'theft',
        reference: 'O1',
      });
      life.wait(2);
      life.add('harbour', 'claim', { type: 'theft', status: 'opened' }, { label: life.label('theft') });
    },
  },
  {
    name: 'seizure',
    count: 2,
    place: france,
    built: ['2016-01-01', '2021-12-31'],
    tell(life) {
      life.keepUntil(LAST_DAY);
      life.deliver();
      life.live(between(life, '2025-01-01', '2026-05-30'));
      life.add(
        'registry',
        'registration.seizure',
        { market: 'FR', event: 'INSCRIRE_DVS', action: 'entered', reference: 'S1' },
        { sealed: { creditor: 'Example Treasury 示例财政' } },
      );
      life.live(LAST_DAY);
    },
  },
  {
    name: 'unpaid fines',
    count: 2,
    place: france,
    built: ['2016-01-01', '2021-12-31'],
    tell(life) {
      life.keepUntil(LAST_DAY);
      life.deliver();
      life.live(between(life, '2023-01-01', '2024-12-30'));
      const step = (action: 'entered' | 'lifted', event: string): void =>
        life.add('registry', 'registration.opposition', {
          market: 'FR',
          event,
          action,
          type: 'unpaidFines',
          reference: 'O1',
        });
      step('entered', 'INSCRIRE_OTCI');
      life.live(life.day + 90);
      step('lifted', 'LEVER_OTCI');
      life.live(LAST_DAY);
    },
  },
  {
    name: 'exported',
    count: 4,
    built: ['2014-02-01', '2019-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2023-01-01', '2026-04-30'));
      life.wait(1);
      life.add(life.place.registrar, 'registration.exported', {
        ...life.event('exported'),
        destination: 'BE',
      });
    },
  },
  {
    name: 'withdrawn',
    count: 1,
    place: france,
    built: ['2014-02-01', '2015-12-31'],
    tell(life) {
      life.deliver();
      life.live(between(life, '2025-01-01', '2026-04-30'));
      life.add('registry', 'registration.withdrawn', { ...life.event('withdrawn'), reason: 'voluntary' });
    },
  },
  {
    name: 'instrument replaced',
    count: 2,
    place: france,
    built: ['2016-01-01', '2019-12-31'],
    tell(life) {
      life.careful = true;
      life.connected = false;
      life.deliver();
      life.keepUntil(LAST_DAY);
      life.live(between(life, '2022-01-01', '2023-12-31'));
      const previous = { value: life.reading('workshop').value, unit: 'KMT' as const };
      life.kilometres = 0;
      life.add(
        'riverside',
        'odometer',
        { odometer: { value: 0, unit: 'KMT', source: 'workshop', event: 'instrumentReplaced', previous } },
        {
          documents: [
            life.paper('Instrument replaced', '更换仪表', `Old instrument: ${previous.value} km`),
            life.photo(),
          ],
        },
      );
      life.wait(1);
      life.live(LAST_DAY);
    },
  },
  {
    // A digit too many, put right by the workshop that typed it.
    name: 'amended',
    count: 2,
    place: france,
    built: ['2017-01-01', '2020-12-31'],
    tell(life) {
      life.careful = true;
      life.deliver();
      life.live(between(life, '2023-01-01', '2024-12-31'));
      life.wait(3);
      const wrong = life.label('typo');
      const odometer = life.reading('workshop');
      const items = ['tyres', 'wheelAlignment'] as ('tyres' | 'wheelAlignment')[];
      life.add(
        'riverside',
        'service',
        { type: 'seasonal', items, odometer: { ...odometer, value: odometer.value * 10 + 4 } },
        { label: wrong },
      );
      life.wait(16);
      life.add(
        'riverside',
        'amended',
        {
          supersedes: later.digest(wrong),
          kind: 'service',
          kindVersion: 1,
          reason: 'typo',
          data: { type: 'seasonal', items, odometer },
        },
        { sealed: { note: 'A digit too many. 多输了一位数字。' } },
      );
      life.live(LAST_DAY);
    },
  },
  {
    name: 'upheld',
    count: 1,
    place: france,
    built: ['2017-01-01', '2019-12-31'],
    tell(life) {
      life.careful = true;
      life.deliver();
      life.live(between(life, '2022-01-01', '2023-12-31'));
      const disputed = life.label('disputed');
      life.add(
        'clearlane',
        'inspection',
        {
          type: 'roadside',
          result: 'failed',
          odometer: life.reading('inspection'),
          defects: [{ component: 'tyres', severity: 'major' }],
        },
        { label: disputed, documents: [life.photo(0.9)] },
      );
      life.wait(30);
      life.add('clearlane', 'upheld', { entry: later.digest(disputed), basis: 'recordsChecked' });
      life.live(LAST_DAY);
    },
  },
];
