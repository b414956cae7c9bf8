import * as z from 'zod/mini';
import {
  batchIdentifier,
  code,
  component,
  date,
  digest,
  partDescription,
  partIdentifier,
  reading,
} from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';
import { builtParts, missingTiers, partMade, production, supplyNames, tractionBattery } from './supply.ts';

export const partProduced = defineKind({
  number: 103,
  name: 'part.produced',
  version: 1,
  description:
    'A serialised part was made: what it is, its batch, and the batches and serialised parts built into it. The sealed field `key:<digest>` opens the `batch.produced` entry that it names.',
  subjects: ['serial'],
  roles: ['supplier', 'manufacturer'],
  public: publicFields({
    bizStep: z.literal('commissioning'),
    ...partMade,
    ...production,
    productionDate: date,
    batch: z.exactOptional(batchIdentifier),
    /** The `batch.produced` entry of that batch. */
    produced: z.exactOptional(digest),
    tractionBattery: z.exactOptional(tractionBattery),
    parts: builtParts,
    missing: missingTiers,
  }),
  sealed: seals(
    'key:*',
    'quantity',
    'composition',
    'processParameters',
    'customer',
    'customerPartId',
    'orderNumber',
    'amount',
    ...supplyNames,
  ),
  example: {
    data: {
      bizStep: 'commissioning',
      manufacturerId: 'volta.example',
      manufacturerPartId: 'VB-77120',
      partInstanceId: '000431',
      nameAtManufacturer: 'Traction battery 77 kWh',
      plant: 'PORTO-1',
      productionDate: '2024-01-19',
      batch: 'batch:volta.example:VB-77120',
      parts: [{ component: 'tractionBattery', part: 'batch:cella.example:C-21700/0119' }],
    },
    sealed: { customerPartId: 'K3-HV-77' },
  },
});

/** On a vehicle's chain `part` names the part; on the part's own chain the vehicle is sealed. */
const mounting = {
  component,
  /** A place on the vehicle, in the maker's terms. */
  position: z.exactOptional(code),
  part: z.exactOptional(partIdentifier),
  /** The batch that a serialised part came from. */
  batch: z.exactOptional(batchIdentifier),
  ...partDescription,
  odometer: z.exactOptional(reading),
};

export const partMounted = defineKind({
  number: 104,
  name: 'part.mounted',
  version: 1,
  description: 'A part was mounted in a vehicle.',
  subjects: ['vehicle', 'serial'],
  roles: ['workshop', 'dealer', 'manufacturer', 'fleet'],
  public: publicFields({
    ...mounting,
    condition: z.exactOptional(z.enum(['new', 'used', 'remanufactured'])),
    /** The `part.removed` entry of what was there before. */
    replaces: z.exactOptional(digest),
  }),
  sealed: seals('vehicle', 'technician', 'invoiceNumber', 'amount', 'description'),
  example: {
    data: {
      component: 'airbags',
      position: 'DRIVER',
      part: 'serial:safir.example:AB-0002231',
      condition: 'new',
    },
    sealed: { invoiceNumber: 'R-2025-007' },
  },
});

export const partRemoved = defineKind({
  number: 105,
  name: 'part.removed',
  version: 1,
  description: 'A part was taken out of a vehicle.',
  subjects: ['vehicle', 'serial'],
  roles: ['workshop', 'dealer', 'manufacturer', 'fleet'],
  public: publicFields({
    ...mounting,
    reason: z.enum(['wear', 'defect', 'accident', 'recall', 'upgrade', 'theft', 'dismantling', 'other']),
    fate: z.exactOptional(z.enum(['reused', 'remanufactured', 'scrapped', 'returned', 'unknown'])),
  }),
  sealed: seals('vehicle', 'technician', 'invoiceNumber', 'description'),
  example: {
    data: {
      component: 'airbags',
      position: 'DRIVER',
      part: 'serial:safir.example:AB-0001044',
      reason: 'recall',
      fate: 'returned',
    },
    sealed: {},
  },
});
