import * as z from 'zod/mini';
import {
  brands,
  code,
  date,
  label,
  market,
  partNumber,
  party,
  reading,
  vehicleDescription,
  vehicleIdentifier,
} from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';
import { builtParts, missingTiers, production, supplyNames } from './supply.ts';

export const vehicleRegistered = defineKind({
  number: 32,
  name: 'vehicle.registered',
  version: 1,
  description:
    'A vehicle enters the ledger: what it is, and what the registry that enters it states about it.',
  subjects: ['vehicle'],
  roles: ['registrar', 'manufacturer'],
  public: publicFields({
    market: z.exactOptional(market),
    ...vehicleDescription,
    /** UNECE category: M1, N1, L3e … */
    vehicleCategory: z.exactOptional(code),
    /** Day of the first registration anywhere. */
    dateVehicleFirstRegistered: z.exactOptional(date),
    odometer: z.exactOptional(reading),
    titleBrands: z.exactOptional(brands),
    /** What the registry states on the day it enters the vehicle, in its own terms where it has any. */
    registry: z.exactOptional(
      z.strictObject({
        /** The registry's own class of vehicle. */
        vehicleClass: z.exactOptional(code),
        fiscalPower: z.exactOptional(z.int().check(z.gte(0), z.lte(10_000))),
        certificateIssued: z.exactOptional(date),
        certificateCancelled: z.exactOptional(z.boolean()),
        certificateStolen: z.exactOptional(z.boolean()),
        vehicleStolen: z.exactOptional(z.boolean()),
        /** Came from abroad. */
        imported: z.exactOptional(z.boolean()),
        /** The registry's file is uncertain: it begins after a first holder of whom it has no event. */
        fileUncertain: z.exactOptional(z.boolean()),
      }),
    ),
    /** Why a vehicle whose required check digit does not hold is entered all the same. */
    checkDigitOverride: z.exactOptional(
      z.strictObject({
        reason: z.enum(['manufacturerError', 'assignedByAuthority', 'imported', 'historic', 'other']),
      }),
    ),
  }),
  sealed: seals('plate', 'holderName', 'holderAddress', 'certificateNumber'),
  example: {
    data: {
      market: 'FR',
      brand: 'PEUGEOT',
      model: '206',
      color: 'BLEU FONCE',
      fuelType: 'ES',
      vehicleSeatingCapacity: 5,
      dateVehicleFirstRegistered: '2004-02-23',
      registry: { vehicleClass: 'VP', fiscalPower: 5, imported: false, fileUncertain: false },
    },
    sealed: { plate: 'AA-001-AA', holderName: 'Camille Exemple' },
  },
});

export const vehicleBuilt = defineKind({
  number: 33,
  name: 'vehicle.built',
  version: 1,
  description:
    'A vehicle leaves the line: what it is and the batches and serialised parts built into it. The sealed field `key:<digest>` opens the `batch.produced` entry that a part names.',
  subjects: ['vehicle'],
  roles: ['manufacturer'],
  public: publicFields({
    ...vehicleDescription,
    manufacturerId: party,
    ...production,
    odometer: z.exactOptional(reading),
    manufacturerPartId: z.exactOptional(partNumber),
    nameAtManufacturer: z.exactOptional(label),
    /** As built; later changes are `part.mounted` and `part.removed`. */
    parts: builtParts,
    missing: missingTiers,
  }),
  sealed: seals('key:*', 'orderNumber', 'customerPartId', ...supplyNames),
  example: {
    data: {
      brand: 'Kunlun',
      model: 'K3 昆仑',
      vehicleModelDate: '2024',
      productionDate: '2024-03-12',
      fuelType: 'electric',
      manufacturerId: 'kunlun.example',
      plant: 'HEFEI-2',
      parts: [
        {
          component: 'tractionBattery',
          part: 'serial:volta.example:VB-77120-000431',
          batch: 'batch:volta.example:VB-77120',
          produced: `0x${'5a'.repeat(32)}`,
        },
        { component: 'airbags', position: 'DRIVER', part: 'batch:safir.example:AB-2024-07' },
      ],
      missing: [{ component: 'seats', supplier: 'sella.example', reason: 'notDelivered' }],
    },
    sealed: { [`key:0x${'5a'.repeat(32)}`]: 'A'.repeat(43) },
  },
});

export const vehicleLinked = defineKind({
  number: 34,
  name: 'vehicle.linked',
  version: 1,
  description:
    'Two identifiers name one vehicle, as after a re-issued VIN; written to both, so that a report closes over its links.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    /** The other identifier. */
    to: vehicleIdentifier,
    relation: z.enum(['reissuedAs', 'reissuedFrom', 'sameVehicle']),
    reason: z.enum([
      'reissuedByAuthority',
      'rebuilt',
      'recoveredTheft',
      'imported',
      'registryNumber',
      'other',
    ]),
    reference: z.exactOptional(label),
  }),
  sealed: seals(),
  example: {
    data: { to: 'registration:FR:FR000001', relation: 'sameVehicle', reason: 'registryNumber' },
    sealed: {},
  },
});
