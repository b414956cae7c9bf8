import * as z from 'zod/mini';
import {
  batchIdentifier,
  code,
  component,
  count,
  date,
  hex32,
  key32,
  localised,
  market,
  organisationId,
  partNumber,
  party,
  reading,
} from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

/** What a campaign lists: the root of the set of its vehicles (docs/protocol.md §7), and the parts it is about. */
const affected = {
  /** Root of the set tree of the affected vehicles' identifiers. */
  affectedRoot: hex32,
  affectedCount: count,
  /** The tree's key, so that a vehicle can prove that it is, or is not, in the set. */
  treeKey: key32,
  batches: z.exactOptional(z.array(batchIdentifier).check(z.minLength(1), z.maxLength(2000))),
  /** Serials of one maker, from and to included, compared as text of equal length. */
  serialRanges: z.exactOptional(
    z
      .array(z.strictObject({ manufacturerId: party, from: partNumber, to: partNumber }))
      .check(z.minLength(1), z.maxLength(2000)),
  ),
  /** All parts of a number, or those that were made from one day to another, both included. */
  partNumbers: z.exactOptional(
    z
      .array(
        z.strictObject({
          manufacturerId: party,
          partNumber,
          from: z.exactOptional(date),
          until: z.exactOptional(date),
        }),
      )
      .check(z.minLength(1), z.maxLength(2000)),
  ),
};

export const recallOpened = defineKind({
  number: 80,
  name: 'recall.opened',
  version: 1,
  description: 'A maker or an authority opens a recall campaign on its own chain.',
  subjects: ['own'],
  roles: ['manufacturer', 'supplier', 'authority'],
  public: publicFields({
    campaign: code,
    title: localised,
    component,
    remedy: localised,
    severity: z.enum(['stopDriving', 'safety', 'compliance', 'emissions', 'service']),
    /** The number an authority gave the campaign. */
    authorityReference: z.exactOptional(code),
    markets: z.exactOptional(z.array(market).check(z.minLength(1), z.maxLength(300))),
    ...affected,
  }),
  sealed: seals('description'),
  example: {
    data: {
      campaign: 'R-2025-014',
      title: { en: 'Airbag inflator may rupture', zh: '安全气囊气体发生器可能破裂' },
      component: 'airbags',
      remedy: { en: 'Replace the inflator', zh: '更换气体发生器' },
      severity: 'safety',
      affectedRoot: `0x${'3c'.repeat(32)}`,
      affectedCount: 1204,
      treeKey: 'A'.repeat(43),
      batches: ['batch:safir.example:AB-2024-07'],
      serialRanges: [{ manufacturerId: 'safir.example', from: 'AB-0001000', to: 'AB-0001999' }],
    },
    sealed: {},
  },
});

export const recallExtended = defineKind({
  number: 81,
  name: 'recall.extended',
  version: 1,
  description: 'A campaign takes in further vehicles: its sets are all those of its entries together.',
  subjects: ['own'],
  roles: ['manufacturer', 'supplier', 'authority'],
  public: publicFields({ campaign: code, ...affected }),
  sealed: seals('description'),
  example: {
    data: {
      campaign: 'R-2025-014',
      affectedRoot: `0x${'4d'.repeat(32)}`,
      affectedCount: 77,
      treeKey: 'E'.repeat(43),
    },
    sealed: {},
  },
});

export const recallClosed = defineKind({
  number: 82,
  name: 'recall.closed',
  version: 1,
  description: 'A campaign ends; vehicles that were not remedied still carry it as open.',
  subjects: ['own'],
  roles: ['manufacturer', 'supplier', 'authority'],
  public: publicFields({ campaign: code, reason: z.enum(['completed', 'superseded', 'withdrawn']) }),
  sealed: seals('description'),
  example: { data: { campaign: 'R-2025-014', reason: 'completed' }, sealed: {} },
});

export const recallRemedied = defineKind({
  number: 83,
  name: 'recall.remedied',
  version: 1,
  description: 'A workshop carried out the remedy of a campaign on a vehicle.',
  subjects: ['vehicle'],
  roles: ['workshop', 'dealer', 'manufacturer'],
  public: publicFields({
    /** The organisation on whose own chain the campaign stands, and its number there. */
    attester: organisationId,
    campaign: code,
    outcome: z.enum(['remedied', 'notNeeded']),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('invoiceNumber', 'technician', 'description'),
  example: {
    data: {
      attester: '3',
      campaign: 'R-2025-014',
      outcome: 'remedied',
      odometer: { value: 40211, unit: 'KMT', source: 'workshop' },
    },
    sealed: {},
  },
});
