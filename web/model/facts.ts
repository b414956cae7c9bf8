import type { Json } from '../../core/canonical.ts';
import { sortTime } from './timeline.ts';
import type { EntryView, ReportView } from './view.ts';

/** The entries that count, in the order of the history. */
export function counting(entries: readonly EntryView[]): EntryView[] {
  return entries
    .filter(({ status, retracted, amended }) => (status === 'proven' || amended !== null) && !retracted)
    .sort((left, right) => sortTime(left) - sortTime(right) || left.anchoredAt - right.anchoredAt);
}

/** What the vehicle is: the latest statement of each property, by its maker or a register. */
export function vehicleDescription(view: ReportView): Readonly<Record<string, Json>> {
  const described = counting(view.entries).filter(
    ({ kind }) => kind === 'vehicle.built' || kind === 'vehicle.registered',
  );
  const fields = [
    'brand',
    'model',
    'vehicleConfiguration',
    'vehicleModelDate',
    'productionDate',
    'bodyType',
    'fuelType',
    'color',
    'vehicleTransmission',
    'vehicleSeatingCapacity',
    'numberOfDoors',
    'engineDisplacement',
    'enginePower',
    'vehicleCategory',
    'plant',
    'dateVehicleFirstRegistered',
  ];
  const known: Record<string, Json> = {};
  for (const { data } of described) {
    for (const field of fields) {
      const value = data[field];
      if (value !== undefined) known[field] = value;
    }
  }
  return known;
}

/** `Kunlun K1 · 2016`, or nothing where nobody said what it is. */
export function vehicleName(view: ReportView): string {
  const { brand, model, vehicleModelDate, productionDate } = vehicleDescription(view);
  const name = [brand, model].filter((part) => typeof part === 'string').join(' ');
  const year =
    vehicleModelDate ?? (typeof productionDate === 'string' ? productionDate.slice(0, 4) : undefined);
  return [name, year].filter((part) => typeof part === 'string' && part !== '').join(' · ');
}

export type PartView = {
  readonly component: string;
  readonly position: string | null;
  readonly part: string | null;
  readonly batch: string | null;
  readonly since: string | null;
  readonly removed: string | null;
  readonly entry: string;
};

/** The parts that are known by number: as built, as mounted since, and those that were taken out. */
export function partsOf(view: ReportView): { parts: PartView[]; missing: readonly Json[] } {
  const parts: PartView[] = [];
  const missing: Json[] = [];
  const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
  for (const { kind, data, time, digest } of counting(view.entries)) {
    if (kind === 'vehicle.built') {
      const { parts: built, missing: lacking } = data;
      for (const part of Array.isArray(built) ? built : []) {
        const { component, position, part: number, batch } = part as Readonly<Record<string, Json>>;
        parts.push({
          component: String(component),
          position: text(position),
          part: text(number),
          batch: text(batch),
          since: null,
          removed: null,
          entry: digest,
        });
      }
      if (Array.isArray(lacking)) missing.push(...lacking);
    } else if (kind === 'part.mounted') {
      parts.push({
        component: String(data.component),
        position: text(data.position),
        part: text(data.part),
        batch: text(data.batch),
        since: time,
        removed: null,
        entry: digest,
      });
    } else if (kind === 'part.removed') {
      const at = parts.findIndex(
        (known) =>
          known.removed === null &&
          (data.part === undefined
            ? known.component === data.component && known.position === text(data.position)
            : known.part === data.part),
      );
      const known = parts[at];
      if (known !== undefined) parts[at] = { ...known, removed: time };
    }
  }
  return { parts, missing };
}

const CHARGES = [
  'registration.lien',
  'registration.opposition',
  'registration.seizure',
  'title.lienPlaced',
  'title.lienRenewed',
  'title.lienReleased',
];

/** What brings a vehicle to another holder. */
export const HANDS = [
  'registration.holder',
  'title.issued',
  'title.accepted',
  'title.transferred',
  'title.reissued',
];

/** Steps of liens, oppositions and seizures, ended ones included. */
export function chargeEntries(view: ReportView): EntryView[] {
  return counting(view.entries).filter(({ kind }) => CHARGES.includes(kind));
}

export function entriesOfKind(view: ReportView, ...kinds: readonly string[]): EntryView[] {
  return counting(view.entries).filter(({ kind }) => kinds.includes(kind));
}
