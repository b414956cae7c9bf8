import type * as z from 'zod/mini';
import { batchProduced, batchQuarantined, batchReceived, batchReleased, batchShipped } from './batch.ts';
import { amended, upheld } from './correction.ts';
import { accident, claim } from './incident.ts';
import type { Kind } from './kind.ts';
import { condition, inspection, odometer, repair, service } from './maintenance.ts';
import { partMounted, partRemoved } from './part.ts';
import { recallClosed, recallExtended, recallOpened, recallRemedied } from './recall.ts';
import {
  registrationDocument,
  registrationExported,
  registrationHolder,
  registrationLien,
  registrationOpposition,
  registrationProcedure,
  registrationSeizure,
  registrationWithdrawn,
} from './registration.ts';
import type { Role } from './roles.ts';
import { softwareUpdated } from './software.ts';
import { sale, usage } from './trade.ts';
import { vehicleBuilt, vehicleLinked, vehicleRegistered } from './vehicle.ts';

/** Every kind that an organisation may attest, by name (docs/protocol.md §6). */
export const kinds = {
  'vehicle.registered': vehicleRegistered,
  'vehicle.built': vehicleBuilt,
  'vehicle.linked': vehicleLinked,
  'registration.holder': registrationHolder,
  'registration.lien': registrationLien,
  'registration.opposition': registrationOpposition,
  'registration.seizure': registrationSeizure,
  'registration.procedure': registrationProcedure,
  'registration.document': registrationDocument,
  'registration.withdrawn': registrationWithdrawn,
  'registration.exported': registrationExported,
  service,
  repair,
  inspection,
  odometer,
  condition,
  accident,
  claim,
  'recall.opened': recallOpened,
  'recall.extended': recallExtended,
  'recall.closed': recallClosed,
  'recall.remedied': recallRemedied,
  'software.updated': softwareUpdated,
  'batch.produced': batchProduced,
  'batch.shipped': batchShipped,
  'batch.received': batchReceived,
  'batch.quarantined': batchQuarantined,
  'batch.released': batchReleased,
  'part.mounted': partMounted,
  'part.removed': partRemoved,
  sale,
  usage,
  amended,
  upheld,
} as const;

export type KindName = keyof typeof kinds;
/** The public fields of a kind. */
export type KindData<Name extends KindName = KindName> = z.infer<(typeof kinds)[Name]['public']>;

export const kindNames = Object.keys(kinds) as readonly KindName[];

const byNumber = new Map<number, Kind>(Object.values(kinds).map((kind) => [kind.number, kind]));

export function isKindName(name: string): name is KindName {
  return Object.hasOwn(kinds, name);
}

/** The kind of that number on chain; undefined for a module's kind and for one that this version does not know. */
export function kindByNumber(number: number): Kind | undefined {
  return byNumber.get(number);
}

export function kindByName(name: string): Kind | undefined {
  return isKindName(name) ? kinds[name] : undefined;
}

/** The bitmap of the kinds that these roles may attest: bit *n* for kind *n*, as `Organisations` stores it. */
export function kindsOfRoles(granted: Iterable<Role>): bigint {
  const set = new Set(granted);
  return Object.values(kinds)
    .filter((kind) => kind.roles.some((role: Role) => set.has(role)))
    .reduce((bitmap, kind) => bitmap | (1n << BigInt(kind.number)), 0n);
}
