import { formatIdentifier, parseIdentifier } from '../../core/identifiers/identifier.ts';
import { makeAlerts } from './alerts.ts';
import { makeParts } from './batches.ts';
import { makeCampaign, recalls } from './campaigns.ts';
import { dateOf, dayOf } from './days.ts';
import { content, type Demo, type DemoContent, type DemoVehicle } from './demo.ts';
import { Life, partSubjects, type World } from './life.ts';
import { models } from './models.ts';
import { organisations } from './organisations.ts';
import { france, jiangnan } from './places.ts';
import { type DemoRandom, demoRandom } from './random.ts';
import { makeSafetyParts } from './safetyParts.ts';
import { ordinary, type Story, stories } from './stories.ts';
import { makeTitles } from './titles.ts';
import { vinOf } from './vins.ts';

/** The seed of the demo that `npm start` loads. */
export const DEMO_SEED = 'vinculum';

/** A demo world that the seed alone decides: who attests, what was made, and some 200 vehicles with whole lives. */
export function generateDemo(seed: string = DEMO_SEED): Demo {
  const random = demoRandom(seed);
  const world: World = { parts: makeParts(random.fork('parts')), partHistories: new Map() };
  const lives: Life[] = [];
  const told: { story: Story; life: Life }[] = [];
  for (const story of [...stories, ordinary]) {
    for (let number = 0; number < story.count; number++) {
      const own = random.fork(`${story.name} ${number}`);
      const life = begin(story, lives.length + 1, world, own);
      lives.push(life);
      told.push({ story, life });
    }
  }
  for (const { story, life } of told) story.tell(life);

  const vehicles = lives.map((life) => life.vehicle);
  const links = told
    .filter(({ story }) => story.name === 're-registered')
    .map(({ life }) => link(life, random));
  for (const { vin, entry } of links) {
    const index = vehicles.findIndex(({ identifier }) => identifier === vin);
    const vehicle = vehicles[index];
    if (vehicle !== undefined) vehicles[index] = { ...vehicle, contents: [...vehicle.contents, entry] };
  }
  vehicles.push(...links.map(({ other }) => other));
  const clean = vinOfStory(told, 'clean');
  const [discrepancy, recall] = [vinOfStory(told, 'discrepancy'), vinOfStory(told, 'recall')];
  const [campaign] = recalls;
  const [batch] = campaign?.batches ?? [];
  if (campaign === undefined || batch === undefined) throw new Error('no batch is recalled');
  const titled = makeTitles(vehicles, `vin:${clean}`, [`vin:${discrepancy}`, `vin:${recall}`]);

  const safety = makeSafetyParts(titled.vehicles, `vin:${clean}`, (domain) => {
    const maker = organisations.find((organisation) => organisation.domain === domain);
    if (maker === undefined) throw new Error(`nobody makes what ${domain} names`);
    return maker.name;
  });

  return {
    organisations,
    batches: world.parts.batches,
    parts: partSubjects(world),
    campaigns: recalls.map((recall) =>
      makeCampaign(
        recall,
        (batches) =>
          lives
            .filter((life) => life.model.maker === recall.maker)
            .filter((life) => life.batches.some((batch) => batches.includes(batch)))
            .map((life) => life.identifier),
        random.fork(recall.campaign),
      ),
    ),
    alerts: makeAlerts(random.fork('alerts')),
    vehicles: titled.vehicles,
    titles: titled.titles,
    safetyParts: safety.parts,
    showcase: {
      clean,
      discrepancy,
      recall,
      // One more off the line of the clean one, which nobody ever entered.
      absent: vinOf('LKN', 'AC1B3', 2015, 'H', 900_001),
      titles: titled.showcase,
      stolenPart: parseIdentifier(safety.stolen).value,
      recalled: { keystore: campaign.maker, batch },
    },
  };
}

function begin(story: Story, serial: number, world: World, random: DemoRandom): Life {
  const [from, to] = story.built;
  const built = random.integer(dayOf(from), dayOf(to));
  const year = Number(dateOf(built).slice(0, 4));
  const possible = models.filter(
    (model) =>
      (story.maker === undefined ? model.maker !== 'cascade' : model.maker === story.maker) &&
      (story.fuel === undefined || model.fuelType === story.fuel) &&
      model.from <= year &&
      year <= model.to,
  );
  const place = story.place ?? (random.chance(0.6) ? france : jiangnan);
  return new Life(
    {
      model: random.pick(possible),
      built,
      serial: 20_000 + serial * 7 + random.integer(0, 6),
      place,
      story: story.name,
      ...(story.unit === undefined ? {} : { unit: story.unit }),
    },
    world,
    random,
  );
}

/** The registry's own number for a vehicle, as a subject beside its VIN, and the entries that join the two. */
function link(life: Life, random: DemoRandom): { vin: string; entry: DemoContent; other: DemoVehicle } {
  const value = `BE${random.fork(life.vin).integer(1_000_000, 9_999_999)}`;
  const number = formatIdentifier(parseIdentifier(`registration:FR:${value}`));
  const first = '2020-12-31';
  const day = '2026-06-15';
  return {
    vin: life.identifier,
    entry: content('registry', 'vehicle.linked', day, {
      to: number,
      relation: 'sameVehicle',
      reason: 'registryNumber',
    }),
    other: {
      identifier: number,
      story: 're-registered, by its registry number',
      contents: [
        content('registry', 'vehicle.registered', first, {
          market: 'FR',
          ...{ brand: life.model.maker, model: life.model.model },
          registry: { fileUncertain: true },
        }),
        content('registry', 'vehicle.linked', day, {
          to: life.identifier,
          relation: 'sameVehicle',
          reason: 'registryNumber',
        }),
      ],
    },
  };
}

function vinOfStory(told: readonly { story: Story; life: Life }[], name: string): string {
  const found = told.find(({ story }) => story.name === name);
  if (found === undefined) throw new Error(`no vehicle lives the story ${name}`);
  return found.life.vin;
}
