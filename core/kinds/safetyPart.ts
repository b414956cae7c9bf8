import * as z from 'zod/mini';
import {
  batchIdentifier,
  code,
  component,
  date,
  digest,
  label,
  market,
  partDescription,
  reading,
} from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

/*
 * The kinds of `Parts`: the envelope says why, the action in the link says what (docs/protocol.md §17). It is the part's,
 * and stands on the chain of the vehicle too where it was mounted or removed; which vehicle that is, the action says by
 * its subject, and in words only the sealed field `vehicle`.
 */

const what = { component, ...partDescription };

export const safetyPartRegistered = defineKind({
  number: 16,
  name: 'safetyPart.registered',
  version: 1,
  description:
    'A serialised, safety-relevant part has a place on the ledger: from now on it is in one vehicle at most.',
  subjects: ['serial'],
  roles: ['supplier', 'manufacturer'],
  public: publicFields({
    ...what,
    productionDate: z.exactOptional(date),
    batch: z.exactOptional(batchIdentifier),
    /** The `part.produced` or `batch.produced` entry that tells how it was made. */
    produced: z.exactOptional(digest),
  }),
  sealed: seals('key:*', 'customer', 'customerPartId', 'orderNumber'),
  example: {
    data: {
      component: 'airbags',
      manufacturerId: 'safir.example',
      manufacturerPartId: 'SF-AB-21',
      nameAtManufacturer: 'Driver airbag',
      productionDate: '2024-02-01',
    },
    sealed: {},
  },
});

export const safetyPartMounted = defineKind({
  number: 17,
  name: 'safetyPart.mounted',
  version: 1,
  description: 'The part was mounted in the vehicle that the action names; only there, until it is removed.',
  subjects: ['serial'],
  roles: ['manufacturer', 'workshop', 'dealer', 'fleet'],
  public: publicFields({
    ...what,
    /** A place on the vehicle, in the maker's terms. */
    position: z.exactOptional(code),
    /** The batch that it came from. */
    batch: z.exactOptional(batchIdentifier),
    condition: z.exactOptional(z.enum(['new', 'used', 'remanufactured'])),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('vehicle', 'technician', 'invoiceNumber', 'amount', 'description'),
  example: {
    data: { component: 'airbags', position: 'DRIVER', condition: 'new' },
    sealed: { vehicle: 'vin:WVWZZZ3CZEE140287', invoiceNumber: 'R-2025-007' },
  },
});

export const safetyPartRemoved = defineKind({
  number: 18,
  name: 'safetyPart.removed',
  version: 1,
  description: 'The part was taken out of the vehicle that the action names.',
  subjects: ['serial'],
  roles: ['manufacturer', 'workshop', 'dealer', 'fleet'],
  public: publicFields({
    ...what,
    position: z.exactOptional(code),
    reason: z.enum(['wear', 'defect', 'accident', 'recall', 'upgrade', 'theft', 'dismantling', 'other']),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('vehicle', 'technician', 'invoiceNumber', 'description'),
  example: {
    data: { component: 'airbags', position: 'DRIVER', reason: 'recall' },
    sealed: { vehicle: 'vin:WVWZZZ3CZEE140287' },
  },
});

export const safetyPartScrapped = defineKind({
  number: 19,
  name: 'safetyPart.scrapped',
  version: 1,
  description: 'The part is no more, and is never mounted again.',
  subjects: ['serial'],
  roles: ['supplier', 'manufacturer', 'workshop', 'dealer', 'authority'],
  public: publicFields({
    component: z.exactOptional(component),
    reason: z.enum(['wear', 'defect', 'accident', 'recall', 'dismantling', 'other']),
  }),
  sealed: seals('certificateNumber', 'operatorName', 'description'),
  example: { data: { component: 'airbags', reason: 'recall' }, sealed: { certificateNumber: 'VHU-77-0031' } },
});

export const safetyPartStolen = defineKind({
  number: 20,
  name: 'safetyPart.stolen',
  version: 1,
  description: 'The police report the part stolen: until it is recovered it cannot be mounted.',
  subjects: ['serial'],
  roles: ['police'],
  public: publicFields({
    component: z.exactOptional(component),
    market: z.exactOptional(market),
    reported: z.exactOptional(date),
    original: z.exactOptional(z.strictObject({ system: code, code, text: z.exactOptional(label) })),
  }),
  sealed: seals('reportNumber', 'location', 'position', 'description'),
  example: {
    data: { component: 'airbags', market: 'FR', reported: '2026-02-03' },
    sealed: { reportNumber: 'PV-2026-0413' },
  },
});

export const safetyPartRecovered = defineKind({
  number: 21,
  name: 'safetyPart.recovered',
  version: 1,
  description: 'A part that was reported stolen was found.',
  subjects: ['serial'],
  roles: ['police'],
  public: publicFields({
    component: z.exactOptional(component),
    market: z.exactOptional(market),
    condition: z.exactOptional(z.enum(['intact', 'damaged', 'unknown'])),
  }),
  sealed: seals('reportNumber', 'location', 'position', 'description'),
  example: { data: { market: 'FR', condition: 'intact' }, sealed: { reportNumber: 'PV-2026-0413' } },
});
