import * as z from 'zod/mini';
import { area, brands, digest, reading } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

export const accident = defineKind({
  number: 72,
  name: 'accident',
  version: 1,
  description: 'A vehicle was in an accident; where, with whom and how stays sealed.',
  subjects: ['vehicle'],
  roles: ['police', 'insurer', 'workshop', 'dealer', 'fleet', 'telematics'],
  public: publicFields({
    severity: z.enum(['minor', 'moderate', 'severe', 'totalLoss']),
    areas: z.exactOptional(z.array(area).check(z.minLength(1), z.maxLength(15))),
    airbagsDeployed: z.exactOptional(z.boolean()),
    structural: z.exactOptional(z.boolean()),
    market: z.exactOptional(z.string().check(z.regex(/^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/))),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('location', 'position', 'description', 'reportNumber', 'parties'),
  example: {
    data: { severity: 'moderate', areas: ['frontLeft'], airbagsDeployed: false, market: 'FR' },
    sealed: { location: 'A7, km 112', reportNumber: 'PV-2023-4410' },
  },
});

export const claim = defineKind({
  number: 73,
  name: 'claim',
  version: 1,
  description:
    'An insurer opened, settled, rejected or closed a claim; number, parties and amount stay sealed.',
  subjects: ['vehicle'],
  roles: ['insurer'],
  public: publicFields({
    type: z.enum([
      'collision',
      'theft',
      'fire',
      'flood',
      'hail',
      'vandalism',
      'glass',
      'animal',
      'mechanical',
      'liability',
      'other',
    ]),
    status: z.enum(['opened', 'settled', 'rejected', 'withdrawn']),
    /** The entry that opened this claim, where this one does not. */
    opened: z.exactOptional(digest),
    /** The accident it follows from. */
    accident: z.exactOptional(digest),
    totalLoss: z.exactOptional(z.boolean()),
    titleBrands: z.exactOptional(brands),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('claimNumber', 'policyNumber', 'claimant', 'amount', 'description', 'location'),
  example: {
    data: { type: 'collision', status: 'settled', totalLoss: true, titleBrands: ['11'] },
    sealed: { claimNumber: 'S-778120', amount: { amount: '8400.00', currency: 'EUR' } },
  },
});
