import * as z from 'zod/mini';
import { date, market, reading } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

const partyKind = z.enum(['person', 'dealer', 'company', 'manufacturer', 'fleet', 'public']);

export const sale = defineKind({
  number: 112,
  name: 'sale',
  version: 1,
  description: 'A vehicle was sold; the price and who bought it stay sealed.',
  subjects: ['vehicle'],
  roles: ['dealer', 'manufacturer', 'registrar', 'fleet'],
  public: publicFields({
    type: z.enum(['retail', 'trade', 'private', 'auction', 'lease', 'leaseReturn']),
    condition: z.enum(['new', 'demonstrator', 'used', 'damaged']),
    seller: z.exactOptional(partyKind),
    buyer: z.exactOptional(partyKind),
    market: z.exactOptional(market),
    warrantyUntil: z.exactOptional(date),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('amount', 'sellerName', 'buyerName', 'invoiceNumber', 'contractNumber'),
  example: {
    data: {
      type: 'retail',
      condition: 'used',
      seller: 'dealer',
      buyer: 'person',
      market: 'FR',
      odometer: { value: 61250, unit: 'KMT', source: 'dealer' },
    },
    sealed: { amount: { amount: '9900.00', currency: 'EUR' }, buyerName: '李伟' },
  },
});

export const usage = defineKind({
  number: 113,
  name: 'usage',
  version: 1,
  description: 'What a vehicle is used for, from the time of the entry until the next one or until its end.',
  subjects: ['vehicle'],
  roles: ['registrar', 'fleet', 'dealer', 'insurer', 'police', 'authority'],
  public: publicFields({
    usage: z.enum([
      'private',
      'company',
      'taxi',
      'rideHailing',
      'rental',
      'carSharing',
      'police',
      'emergency',
      'military',
      'drivingSchool',
      'delivery',
      'publicTransport',
      'competition',
      'test',
    ]),
    until: z.exactOptional(date),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('operatorName', 'contractNumber'),
  example: { data: { usage: 'taxi', until: '2021-06-30' }, sealed: { operatorName: 'Taxi Exemple SARL' } },
});
