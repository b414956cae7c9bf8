import { type PartDeed, type SignedPart, signPart } from '../../cli/parts/sign.ts';
import type { Address } from '../../core/chain/types.ts';
import { parseIdentifier } from '../../core/identifiers/identifier.ts';
import type { KindData } from '../../core/kinds/kinds.ts';
import type { PartKind } from '../../core/modules/part.ts';
import { type DemoPlace, numberOf } from './compose.ts';
import type { DemoSigner } from './composeTitles.ts';
import { dateOf, LAST_DAY } from './days.ts';
import { content, type DemoContent, type DemoVehicle } from './demo.ts';

/*
 * Safety parts of the demo: the airbags and traction batteries of some vehicles have their place on the ledger, from the
 * line to where they are now. What was fitted anew went through the workshop that says so in the vehicle's history.
 */

/** Something done with a part; what its envelope says is in `content`. */
export type DemoPartAct = {
  readonly kind: PartKind;
  /** What it is mounted in or removed from, as text. */
  readonly vehicle?: string;
  readonly content: DemoContent;
};

export type DemoSafetyPart = { readonly identifier: string; readonly acts: readonly DemoPartAct[] };

export type DemoSafetyParts = {
  readonly parts: readonly DemoSafetyPart[];
  /** A vehicle with a part that the police look for. */
  readonly stolen: string;
};

/** How many vehicles have theirs on the ledger: enough to look at, and loaded in a moment. */
const VEHICLES = 8;

type Fitted = {
  readonly component: KindData<'safetyPart.mounted'>['component'];
  readonly position?: string;
  readonly part: string;
  readonly batch?: string;
};

function act<Kind extends PartKind>(
  kind: Kind,
  by: string,
  time: string,
  data: KindData<Kind>,
  vehicle?: string,
): DemoPartAct {
  return { kind, content: content(by, kind, time, data), ...(vehicle === undefined ? {} : { vehicle }) };
}

/**
 * @param first the vehicle that everybody looks at
 * @param supplierOf the organisation that makes what a domain names
 */
export function makeSafetyParts(
  vehicles: readonly DemoVehicle[],
  first: string,
  supplierOf: (domain: string) => string,
): DemoSafetyParts {
  const chosen = [
    ...vehicles.filter(({ identifier }) => identifier === first),
    // Those whose parts changed, before those that have what they were built with.
    ...vehicles.filter(({ contents }) => contents.some(({ kind }) => kind === 'part.mounted')),
    ...vehicles.filter(({ story }) => story === 'ordinary'),
  ].filter((vehicle, index, all) => all.indexOf(vehicle) === index && builtIn(vehicle).length > 0);
  const parts = chosen.slice(0, VEHICLES).flatMap((vehicle) => partsOf(vehicle, supplierOf));
  const last = (part: DemoSafetyPart): DemoPartAct | undefined => part.acts.at(-1);
  const mounted = parts.filter(
    (part) => last(part)?.kind === 'safetyPart.mounted' && last(part)?.vehicle !== first,
  );
  const [taken, found] = mounted;
  const at = (day: number): string => dateOf(LAST_DAY - day);
  const report = act('safetyPart.stolen', 'highway-police', at(20), { market: 'FR', reported: at(20) });
  return {
    stolen: last(taken ?? { identifier: '', acts: [] })?.vehicle ?? first,
    parts: parts.map((part) => {
      if (part === taken) return { ...part, acts: [...part.acts, report] };
      if (part !== found) return part;
      const recovered = act('safetyPart.recovered', 'highway-police', at(3), {
        market: 'FR',
        condition: 'intact',
      });
      return { ...part, acts: [...part.acts, report, recovered] };
    }),
  };
}

function builtIn({ contents }: DemoVehicle): Fitted[] {
  const built = contents.find(({ kind }) => kind === 'vehicle.built');
  const parts = (built?.data.parts ?? []) as unknown as readonly Fitted[];
  return parts.filter(({ part }) => part.startsWith('serial:'));
}

/** The lives of one vehicle's parts: those that it was built with, and those that took their places. */
function partsOf(vehicle: DemoVehicle, supplierOf: (domain: string) => string): DemoSafetyPart[] {
  const { identifier, contents } = vehicle;
  const lives = new Map<string, DemoPartAct[]>();
  const mount = ({ component, position, part, batch }: Fitted, by: string, time: string): void => {
    const { scope } = parseIdentifier(part);
    const place = position === undefined ? {} : { position };
    const from = batch === undefined ? {} : { batch };
    lives.set(part, [
      act('safetyPart.registered', supplierOf(scope), time, { component, manufacturerId: scope, ...from }),
      act('safetyPart.mounted', by, time, { component, ...place, ...from, condition: 'new' }, identifier),
    ]);
  };
  for (const { kind, by, time, data } of contents) {
    const fitted = data as unknown as Fitted;
    if (kind === 'vehicle.built') for (const part of builtIn(vehicle)) mount(part, by, time);
    if (kind === 'part.mounted' && fitted.part?.startsWith('serial:')) mount(fitted, by, time);
    if (kind !== 'part.removed') continue;
    const life = lives.get(fitted.part);
    if (life === undefined) continue;
    const { component } = fitted;
    const { reason } = data as unknown as KindData<'part.removed'>;
    life.push(act('safetyPart.removed', by, time, { component, reason }, identifier));
    life.push(act('safetyPart.scrapped', by, time, { component, reason: 'recall' }));
  }
  return Array.from(lives, ([part, acts]) => ({ identifier: part, acts }));
}

/** Where parts are written, and whose keys sign. */
export type PartPlace = DemoPlace & {
  readonly parts: Address;
  /** An organisation's key. */
  readonly attester: (name: string) => DemoSigner;
  /** Seconds since 1970, from which deadlines count. */
  readonly now: number;
};

export type ComposedParts = {
  /** What the vehicles' makers built in: it comes before whatever is recorded of the vehicles. */
  readonly built: readonly SignedPart[];
  readonly later: readonly SignedPart[];
};

/**
 * Signs everything that is done with parts, each part's in its order.
 * @param makers the organisations that build vehicles
 */
export function composeSafetyParts(
  parts: readonly DemoSafetyPart[],
  place: PartPlace,
  makers: ReadonlySet<string>,
): ComposedParts {
  const { ledger, subjectOf } = place;
  const named = (text: string) => ({ subject: subjectOf(text), identifier: parseIdentifier(text) });
  const built: SignedPart[] = [];
  const after: SignedPart[] = [];
  for (const { identifier, acts } of parts) {
    const mounting = acts.findIndex(({ kind }) => kind === 'safetyPart.mounted');
    const isBuiltIn = makers.has(acts[mounting]?.content.by ?? '');
    for (const [revision, { kind, vehicle, content: said }] of acts.entries()) {
      const { by, time, data, sealed } = said;
      const deed: PartDeed = {
        kind,
        content: { time, data, sealed },
        ...(vehicle === undefined ? {} : { vehicle: named(vehicle) }),
      };
      const actor = {
        ledger,
        parts: { chainId: ledger.chainId, address: place.parts },
        ...place.attester(by),
        organisation: numberOf(place, by),
      };
      const signed = signPart(actor, named(identifier), BigInt(revision), deed, place.now);
      (isBuiltIn && revision <= mounting ? built : after).push(signed);
    }
  }
  return { built, later: after };
}
