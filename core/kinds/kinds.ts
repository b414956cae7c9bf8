import type * as z from 'zod/mini';
import { alertAnswered, alertRaised } from './alert.ts';
import { batchProduced, batchQuarantined, batchReceived, batchReleased, batchShipped } from './batch.ts';
import { amended, upheld } from './correction.ts';
import { accident, claim } from './incident.ts';
import type { Kind } from './kind.ts';
import { condition, inspection, odometer, repair, service } from './maintenance.ts';
import { partMounted, partProduced, partRemoved } from './part.ts';
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
import {
  safetyPartMounted,
  safetyPartRecovered,
  safetyPartRegistered,
  safetyPartRemoved,
  safetyPartScrapped,
  safetyPartStolen,
} from './safetyPart.ts';
import { softwareUpdated } from './software.ts';
import {
  titleAccepted,
  titleBranded,
  titleDisputed,
  titleExported,
  titleIssued,
  titleLienPlaced,
  titleLienReleased,
  titleLienRenewed,
  titleOffered,
  titleRecovered,
  titleReissued,
  titleReplaced,
  titleScrapped,
  titleStolen,
  titleTransferred,
  titleWithdrawn,
} from './title.ts';
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
  'alert.raised': alertRaised,
  'alert.answered': alertAnswered,
  'software.updated': softwareUpdated,
  'batch.produced': batchProduced,
  'batch.shipped': batchShipped,
  'batch.received': batchReceived,
  'batch.quarantined': batchQuarantined,
  'batch.released': batchReleased,
  'part.produced': partProduced,
  'part.mounted': partMounted,
  'part.removed': partRemoved,
  sale,
  usage,
  amended,
  upheld,
} as const;

/** Every kind that only a module writes, with a transition; an organisation's right to it is the right to ask. */
export const moduleKinds = {
  'title.issued': titleIssued,
  'title.offered': titleOffered,
  'title.accepted': titleAccepted,
  'title.withdrawn': titleWithdrawn,
  'title.lienPlaced': titleLienPlaced,
  'title.lienRenewed': titleLienRenewed,
  'title.lienReleased': titleLienReleased,
  'title.stolen': titleStolen,
  'title.recovered': titleRecovered,
  'title.branded': titleBranded,
  'title.disputed': titleDisputed,
  'title.scrapped': titleScrapped,
  'title.exported': titleExported,
  'title.reissued': titleReissued,
  'title.transferred': titleTransferred,
  'title.replaced': titleReplaced,
  'safetyPart.registered': safetyPartRegistered,
  'safetyPart.mounted': safetyPartMounted,
  'safetyPart.removed': safetyPartRemoved,
  'safetyPart.scrapped': safetyPartScrapped,
  'safetyPart.stolen': safetyPartStolen,
  'safetyPart.recovered': safetyPartRecovered,
} as const;

const allKinds = { ...moduleKinds, ...kinds } as const;

/** The kinds below this number are modules'. */
export const FIRST_ORGANISATION_KIND = 32;

/** The kinds that an organisation may attest in a submission. */
export type AttestedKind = keyof typeof kinds;
export type KindName = keyof typeof allKinds;
/** The public fields of a kind. */
export type KindData<Name extends KindName = KindName> = z.infer<(typeof allKinds)[Name]['public']>;

/** The kinds that a submission can hold. */
export const kindNames = Object.keys(kinds) as readonly AttestedKind[];
export const moduleKindNames = Object.keys(moduleKinds) as readonly (keyof typeof moduleKinds)[];

const byNumber = new Map<number, Kind>(Object.values(allKinds).map((kind) => [kind.number, kind]));

export function isKindName(name: string): name is KindName {
  return Object.hasOwn(allKinds, name);
}

/** Whether only a module of the ledger writes this kind. */
export function isModuleKind(number: number): boolean {
  return number < FIRST_ORGANISATION_KIND;
}

/** The kind of that number on chain; undefined for one that this version does not know. */
export function kindByNumber(number: number): Kind | undefined {
  return byNumber.get(number);
}

export function kindByName(name: string): Kind | undefined {
  return isKindName(name) ? allKinds[name] : undefined;
}

/**
 * The bitmap that a registrar gives to organisations of these roles, as `Organisations` stores it: bit *n* for the right
 * to attest kind *n*, or, of a module's kind, to ask for it.
 */
export function kindsOfRoles(granted: Iterable<Role>): bigint {
  const set = new Set(granted);
  return Object.values<Kind>(allKinds)
    .filter((kind) => kind.roles.some((role) => set.has(role)))
    .reduce((bitmap, kind) => bitmap | (1n << BigInt(kind.number)), 0n);
}
