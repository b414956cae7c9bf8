import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { KindData } from '../../core/kinds/kinds.ts';
import type { TitleKind } from '../../core/modules/title.ts';
import { dateOf, LAST_DAY } from './days.ts';
import { content, type DemoContent, type DemoVehicle, type Extras, later } from './demo.ts';
import type { OrganisationName } from './organisations.ts';
import { vinOf } from './vins.ts';

/*
 * Titles of the demo. The registers of this world issued them to who held each vehicle last, to a key that the registrar
 * keeps for the holder. A few belong to people whose keys lie in the data folder, to try things with.
 */

/** Whose key: a keystore's name, or the how manieth key that the registrar keeps for a holder of this vehicle. */
export type DemoOwner = string | number;

/** Something done with a title; what its envelope says is in `content`. */
export type DemoAct = {
  readonly kind: TitleKind;
  /** An organisation by name, or an owner or buyer. */
  readonly by: { readonly organisation: string } | { readonly owner: DemoOwner };
  readonly to?: DemoOwner;
  /** How long an offer or a lien stands, in days from when it is loaded. */
  readonly days?: number;
  /** A lien's rank or number, a brand's code. */
  readonly number?: number;
  /** The disputed entry, by its label. */
  readonly entry?: string;
  /** The identifier that a replacement goes on under. */
  readonly successor?: string;
  readonly content: DemoContent;
};

export type DemoTitle = {
  readonly identifier: string;
  /** The first issues the title. */
  readonly acts: readonly DemoAct[];
  /** Entries of who attested what the owner disputes, once the dispute is on the ledger. */
  readonly answers: readonly DemoContent[];
};

/** Vehicles whose titles are worth trying something with, and the keys to try it with. */
export type TitleShowcase = {
  /** One owner's, each under a key of its own: free, under a lien, and on offer to `buyer`. */
  readonly mine: readonly {
    readonly vin: string;
    readonly keystore: string;
    readonly state: 'free' | 'lien' | 'offered';
  }[];
  readonly buyer: string;
  readonly stolen: string;
  readonly branded: string;
  readonly disputed: string;
  readonly replaced: string;
};

/** Keystores of people in the demo: one owner with a fresh key for each vehicle, and a buyer. */
export const people = ['mei-1', 'mei-2', 'mei-3', 'jun'] as const;

/** How many vehicles live stories that have their own title's end or start elsewhere. */
const WITHOUT: ReadonlySet<string> = new Set(['import', 're-registered', 'import in miles']);
const HOLDERS: ReadonlySet<string> = new Set(['firstRegistration', 'usedImport', 'reRegistration', 'change']);

export type DemoTitles = {
  readonly titles: readonly DemoTitle[];
  /** The vehicles, with labels on the entries that are disputed. */
  readonly vehicles: readonly DemoVehicle[];
  readonly showcase: TitleShowcase;
};

/** An hour of the last day, so that what is done one after the other is told so. */
const at = (hour: number): string => `${dateOf(LAST_DAY)}T${String(hour).padStart(2, '0')}:00:00Z`;

type By = DemoAct['by'];
const owner = (name: DemoOwner): By => ({ owner: name });
const office = (organisation: OrganisationName): By => ({ organisation });

/** An action whose words the compiler checks against its kind. */
function act<Kind extends TitleKind>(
  kind: Kind,
  by: By,
  hour: number,
  data: KindData<Kind>,
  rest: Omit<DemoAct, 'kind' | 'by' | 'content'> & { readonly extras?: Extras } = {},
): DemoAct {
  const { extras, ...fields } = rest;
  const attester = 'organisation' in by ? by.organisation : '';
  return { kind, by, ...fields, content: content(attester, kind, at(hour), data, extras) };
}

/**
 * Issues titles for the demo's vehicles and has some of them live through what a title can.
 * @param clean the vehicle to sell, share and consent with
 * @param untouched examples of something else
 */
export function makeTitles(
  given: readonly DemoVehicle[],
  clean: string,
  untouched: readonly string[],
): DemoTitles {
  const vehicles = [...given];
  const titles = new Map<string, DemoTitle>();
  for (const vehicle of vehicles) {
    const issued = issue(vehicle);
    if (issued !== null)
      titles.set(vehicle.identifier, { identifier: vehicle.identifier, acts: [issued], answers: [] });
  }
  const taken = new Set<string>([clean, ...untouched]);

  /** The next vehicle of a story whose title is free for something. */
  const next = (story: string): string => {
    const found = vehicles.find(
      (vehicle) =>
        vehicle.story === story && titles.has(vehicle.identifier) && !taken.has(vehicle.identifier),
    );
    if (found === undefined) throw new Error(`no vehicle of the story ${story} is left for a title`);
    taken.add(found.identifier);
    return found.identifier;
  };
  const add = (identifier: string, acts: readonly DemoAct[], answers: readonly DemoContent[] = []): void => {
    const title = titles.get(identifier);
    if (title === undefined) throw new Error(`${identifier} has no title`);
    titles.set(identifier, { ...title, acts: [...title.acts, ...acts], answers });
  };
  /** Gives a title to somebody with a keystore instead of a key that the registrar keeps. */
  const own = (identifier: string, name: (typeof people)[number]): void => {
    const title = titles.get(identifier);
    const [first, ...rest] = title?.acts ?? [];
    if (title === undefined || first === undefined) throw new Error(`${identifier} has no title`);
    titles.set(identifier, { ...title, acts: [{ ...first, to: name }, ...rest] });
  };

  own(clean, 'mei-1');
  const lien = next('ordinary');
  own(lien, 'mei-2');
  add(lien, [placed(1825)]);
  const offered = next('ordinary');
  own(offered, 'mei-3');
  add(offered, [offer('mei-3', 'jun', 60, 9)]);

  const sold = next('ordinary');
  add(sold, [offer(1, 2, 30, 9), act('title.accepted', owner(2), 10, {})]);
  const unsold = next('ordinary');
  add(unsold, [offer(1, 2, 30, 9), act('title.withdrawn', owner(1), 10, { reason: 'changedMind' })]);
  const paid = next('ordinary');
  add(paid, [
    placed(400),
    act('title.lienRenewed', office('harvest-bank'), 10, {}, { number: 1, days: 800 }),
    act('title.lienReleased', office('harvest-bank'), 11, { reason: 'paid' }, { number: 1 }),
  ]);

  const stolen = next('ordinary');
  add(stolen, [
    act(
      'title.stolen',
      office('highway-police'),
      9,
      { market: 'FR', reported: dateOf(LAST_DAY) },
      {
        extras: { sealed: { reportNumber: 'PV-2026-0719', location: 'Lyon' } },
      },
    ),
  ]);
  const found = next('theft recovered');
  add(found, [
    act('title.stolen', office('highway-police'), 9, { market: 'FR' }),
    act('title.recovered', office('highway-police'), 10, { market: 'FR', condition: 'intact' }),
  ]);

  const branded = next('rebuilt');
  add(branded, [
    act(
      'title.branded',
      office('registry'),
      9,
      { jurisdiction: 'FR', text: 'VÉHICULE RECONSTRUIT' },
      { number: 9 },
    ),
  ]);
  const flooded = next('flood');
  add(flooded, [
    act('title.branded', office('jiangnan-office'), 9, { jurisdiction: 'CN', text: '水淹车' }, { number: 1 }),
  ]);

  const lost = next('ordinary');
  add(lost, [
    act(
      'title.reissued',
      office('registry'),
      9,
      { reason: 'keyLost' },
      {
        to: 2,
        extras: { sealed: { reportNumber: 'R-2026-0007' } },
      },
    ),
  ]);
  const inherited = next('ordinary');
  add(inherited, [
    act('title.transferred', office('registry'), 9, { market: 'FR', reason: 'inheritance' }, { to: 2 }),
  ]);

  const answered = next('discrepancy');
  const open = next('discrepancy');
  for (const [identifier, isAnswered] of [
    [answered, true],
    [open, false],
  ] as const) {
    const label = `disputed ${identifier}`;
    const dispute = `dispute ${identifier}`;
    const by = labelDisputed(vehicles, identifier, label);
    const disputed = act(
      'title.disputed',
      owner(1),
      9,
      { reason: 'wrong' },
      {
        entry: label,
        extras: {
          label: dispute,
          sealed: { statement: 'I bought it with what the dealer’s instrument shows now.' },
        },
      },
    );
    const answer = content(by, 'upheld', at(12), {
      entry: later.digest(label),
      dispute: later.digest(dispute),
      basis: 'recordsChecked',
    });
    add(identifier, [disputed], isAnswered ? [answer] : []);
  }

  const replaced = next('ordinary');
  const successor = formatIdentifier(parseIdentifier(vinOf('LKN', 'AC1B3', 2015, 'H', 900_002)));
  add(replaced, [
    act('title.replaced', office('registry'), 9, { to: successor, reason: 'unreadable' }, { successor }),
  ]);

  for (const { identifier, story } of vehicles) {
    if (story !== 'total loss' || !titles.has(identifier)) continue;
    add(identifier, [act('title.scrapped', office('registry'), 9, { reason: 'totalLoss' })]);
  }

  const vin = (identifier: string): string => identifier.replace(/^vin:/, '');
  return {
    titles: [...titles.values()],
    vehicles,
    showcase: {
      mine: [
        { vin: vin(clean), keystore: 'mei-1', state: 'free' },
        { vin: vin(lien), keystore: 'mei-2', state: 'lien' },
        { vin: vin(offered), keystore: 'mei-3', state: 'offered' },
      ],
      buyer: 'jun',
      stolen: vin(stolen),
      branded: vin(branded),
      disputed: vin(open),
      replaced: vin(replaced),
    },
  };
}

/** The title for who held a vehicle last, as the register tells it; null where the vehicle is elsewhere. */
function issue({ contents, story }: DemoVehicle): DemoAct | null {
  const last = contents.findLast(
    ({ kind, data }) => kind === 'registration.holder' && HOLDERS.has(String(data.action)),
  );
  const gone = contents.some(({ kind }) => kind === 'registration.exported');
  if (last === undefined || gone || WITHOUT.has(story)) return null;
  // In the evening of that day: what the register stated of it came first.
  const time = `${last.time.slice(0, 10)}T20:00:00Z`;
  const market = last.data.market === 'CN' ? 'CN' : 'FR';
  return {
    kind: 'title.issued',
    by: { organisation: last.by },
    to: 1,
    content: content(last.by, 'title.issued', time, { market, reason: 'takenOver' }),
  };
}

function placed(days: number): DemoAct {
  return act(
    'title.lienPlaced',
    office('harvest-bank'),
    9,
    { market: 'FR', type: 'loan' },
    {
      number: 1,
      days,
      extras: { sealed: { contractNumber: 'K-2026-118', amount: { amount: '12500.00', currency: 'EUR' } } },
    },
  );
}

function offer(from: DemoOwner, to: DemoOwner, days: number, hour: number): DemoAct {
  return act(
    'title.offered',
    owner(from),
    hour,
    {},
    {
      to,
      days,
      extras: { sealed: { amount: { amount: '9900.00', currency: 'EUR' } } },
    },
  );
}

/** Puts a label on the inspection that an owner disputes, and tells who attested it. */
function labelDisputed(vehicles: DemoVehicle[], identifier: string, label: string): string {
  const index = vehicles.findIndex((vehicle) => vehicle.identifier === identifier);
  const vehicle = vehicles[index];
  const place = vehicle?.contents.findLastIndex(({ kind }) => kind === 'condition') ?? -1;
  const disputed = vehicle?.contents[place];
  if (vehicle === undefined || disputed === undefined)
    throw new Error(`${identifier} has nothing to dispute`);
  if (disputed.label !== undefined) throw new Error(`the entry is called ${disputed.label} already`);
  const contents = vehicle.contents.with(place, { ...disputed, label });
  vehicles[index] = { ...vehicle, contents };
  return disputed.by;
}
