import * as z from 'zod/mini';
import { batchIdentifier, count, date, digest, hex32, key32, label, partNumber, party } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';
import { carbonFootprint, missingTiers, production, supplyNames } from './supply.ts';

/** Business steps and dispositions by the names of the Core Business Vocabulary (CBV 2.0). */
const disposition = z.exactOptional(
  z.enum([
    'active',
    'in_progress',
    'in_transit',
    'available',
    'conformant',
    'non_conformant',
    'non_sellable_other',
    'recalled',
    'damaged',
    'destroyed',
    'returned',
  ]),
);

export const batchProduced = defineKind({
  number: 96,
  name: 'batch.produced',
  version: 1,
  description:
    'A supplier made a batch of parts; the root of its serials proves which are in it and which not.',
  subjects: ['batch'],
  roles: ['supplier', 'manufacturer'],
  public: publicFields({
    bizStep: z.literal('commissioning'),
    disposition,
    manufacturerId: party,
    manufacturerPartId: partNumber,
    batchId: partNumber,
    nameAtManufacturer: label,
    /** How it came to be, where it was not made anew: out of one batch, of several, or of itself. */
    origin: z.exactOptional(z.enum(['production', 'split', 'merge', 'rework'])),
    /** Number of the drawing or specification that it is made by, with its issue. */
    drawing: z.exactOptional(partNumber),
    carbonFootprint,
    ...production,
    productionStart: z.exactOptional(date),
    productionDate: date,
    expiryDate: z.exactOptional(date),
    /** The serials of the batch, by the set tree of docs/protocol.md §7; all three or none. */
    serials: z.exactOptional(z.strictObject({ serialsRoot: hex32, count, treeKey: key32 })),
    /** The batches it was made of. */
    inputs: z.exactOptional(
      z
        .array(z.strictObject({ batch: batchIdentifier, produced: z.exactOptional(digest) }))
        .check(z.minLength(1), z.maxLength(1000)),
    ),
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
      disposition: 'active',
      manufacturerId: 'volta.example',
      manufacturerPartId: 'VB-77120',
      batchId: 'VB-77120',
      nameAtManufacturer: 'Traction battery 77 kWh',
      plant: 'PORTO-1',
      productionDate: '2024-01-19',
      origin: 'production',
      drawing: 'VB-77120 D',
      carbonFootprint: { value: '5120.5', unit: 'KGM' },
      serials: { serialsRoot: `0x${'2b'.repeat(32)}`, count: 500, treeKey: 'I'.repeat(43) },
    },
    sealed: { quantity: { value: '500', unit: 'C62' }, customer: 'kunlun.example' },
  },
});

export const batchShipped = defineKind({
  number: 97,
  name: 'batch.shipped',
  version: 1,
  description: 'A batch, or a part of it, left for another party.',
  subjects: ['batch'],
  roles: ['supplier', 'manufacturer', 'carrier'],
  public: publicFields({
    bizStep: z.literal('shipping'),
    disposition,
    from: party,
    to: z.exactOptional(party),
  }),
  sealed: seals('quantity', 'lot', 'customer', 'orderNumber', 'location', 'position'),
  example: {
    data: { bizStep: 'shipping', disposition: 'in_transit', from: 'volta.example' },
    sealed: { customer: 'kunlun.example', quantity: { value: '200', unit: 'C62' }, lot: 'LS-90177' },
  },
});

export const batchReceived = defineKind({
  number: 98,
  name: 'batch.received',
  version: 1,
  description: 'A batch, or a part of it, arrived; whether it was accepted.',
  subjects: ['batch'],
  roles: ['supplier', 'manufacturer', 'carrier', 'dealer'],
  public: publicFields({
    bizStep: z.literal('receiving'),
    disposition,
    by: party,
    accepted: z.boolean(),
    /** The `batch.shipped` entry it answers. */
    shipped: z.exactOptional(digest),
  }),
  sealed: seals('quantity', 'lot', 'orderNumber', 'location', 'position', 'description'),
  example: {
    data: { bizStep: 'receiving', disposition: 'in_progress', by: 'kunlun.example', accepted: true },
    sealed: { quantity: { value: '200', unit: 'C62' } },
  },
});

/** Which serials a step is about, where it is not about the whole batch. */
const part = { serials: z.exactOptional(z.strictObject({ serialsRoot: hex32, count, treeKey: key32 })) };

export const batchQuarantined = defineKind({
  number: 99,
  name: 'batch.quarantined',
  version: 1,
  description: 'A batch, or some of its serials, must not be used until it is released.',
  subjects: ['batch'],
  roles: ['supplier', 'manufacturer', 'authority'],
  public: publicFields({
    bizStep: z.literal('holding'),
    disposition,
    reason: z.enum([
      'defectSuspected',
      'defectFound',
      'certificateMissing',
      'damagedInTransit',
      'recall',
      'other',
    ]),
    ...part,
  }),
  sealed: seals('quantity', 'description', 'reportNumber'),
  example: {
    data: { bizStep: 'holding', disposition: 'non_conformant', reason: 'defectSuspected' },
    sealed: { description: 'Inflator pressure outside limits in 3 of 50.' },
  },
});

export const batchReleased = defineKind({
  number: 100,
  name: 'batch.released',
  version: 1,
  description: 'A quarantine ends.',
  subjects: ['batch'],
  roles: ['supplier', 'manufacturer', 'authority'],
  public: publicFields({
    bizStep: z.literal('inspecting'),
    disposition,
    outcome: z.enum(['usable', 'reworked', 'scrapped', 'returned']),
    /** The `batch.quarantined` entry it ends. */
    quarantined: z.exactOptional(digest),
    ...part,
  }),
  sealed: seals('quantity', 'description', 'reportNumber'),
  example: { data: { bizStep: 'inspecting', disposition: 'conformant', outcome: 'usable' }, sealed: {} },
});
