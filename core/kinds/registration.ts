import * as z from 'zod/mini';
import { brands, code, date, instant, market, reading } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

/** Evidence as a registry states it: where, its own code for the event, and the instant where it gives one. */
const statement = {
  market,
  event: code,
  /** The instant that the registry noted, where the entry's own time is its calendar day. */
  statedAt: z.exactOptional(instant),
  /** Of an import: why the vehicle's title does not allow what the registry states, e.g. `title.lienOpen`. */
  contradicts: z.exactOptional(z.string().check(z.regex(/^(?:title|registration)\.[A-Za-z]{1,48}$/))),
};

export const registrationHolder = defineKind({
  number: 40,
  name: 'registration.holder',
  version: 1,
  description: 'A registry states who holds a vehicle, or that a holder gave it up; who it is stays sealed.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    /** `ceded` and `boughtByDealer` end a holding without a new holder. */
    action: z.enum([
      'firstRegistration',
      'usedImport',
      'reRegistration',
      'change',
      'ceded',
      'boughtByDealer',
      'lessee',
    ]),
    holderKind: z.exactOptional(z.enum(['person', 'company', 'dealer', 'public'])),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('plate', 'holderName', 'holderAddress', 'holderBirthDate', 'certificateNumber'),
  example: {
    data: { market: 'FR', event: 'CHANG_TIT_NORMAL', action: 'change', holderKind: 'person' },
    sealed: { holderName: '王芳', plate: 'AB-123-CD' },
  },
});

export const registrationLien = defineKind({
  number: 41,
  name: 'registration.lien',
  version: 1,
  description: 'A registry states that a lien was registered, renewed or released.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    action: z.enum(['registered', 'renewed', 'released']),
    /** The registry's number of the lien, where there can be several. */
    reference: z.exactOptional(code),
    expires: z.exactOptional(date),
  }),
  sealed: seals('creditor', 'contractNumber', 'amount'),
  example: {
    data: { market: 'FR', event: 'INSCRIPTION_GAGE', action: 'registered' },
    sealed: { creditor: 'Banque Exemple', amount: { amount: '12500.00', currency: 'EUR' } },
  },
});

export const registrationOpposition = defineKind({
  number: 42,
  name: 'registration.opposition',
  version: 1,
  description: 'A registry states that an opposition to a transfer was entered or lifted.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    action: z.enum(['entered', 'lifted']),
    type: z.enum(['transfer', 'unpaidFines', 'judicial', 'administrative', 'theft', 'other']),
    reference: z.exactOptional(code),
  }),
  sealed: seals('creditor', 'reportNumber', 'amount'),
  example: {
    data: { market: 'FR', event: 'INSCRIRE_OTCI', action: 'entered', type: 'transfer' },
    sealed: {},
  },
});

export const registrationSeizure = defineKind({
  number: 43,
  name: 'registration.seizure',
  version: 1,
  description: 'A registry states that a seizure was entered, renewed or lifted.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    action: z.enum(['entered', 'renewed', 'lifted']),
    reference: z.exactOptional(code),
    expires: z.exactOptional(date),
  }),
  sealed: seals('creditor', 'reportNumber', 'amount'),
  example: { data: { market: 'FR', event: 'INSCRIRE_DVS', action: 'entered' }, sealed: {} },
});

export const registrationProcedure = defineKind({
  number: 44,
  name: 'registration.procedure',
  version: 1,
  description:
    'A registry states a step of a procedure that a vehicle must clear before it may be used or sold again.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    procedure: z.enum(['damagedVehicle']),
    /** The second expert report clears the procedure; `lifted` lifts only the opposition that came with it. */
    action: z.enum(['declared', 'opposed', 'firstReport', 'secondReport', 'lifted']),
    titleBrands: z.exactOptional(brands),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('reportNumber', 'inspectorName', 'description', 'amount'),
  example: {
    data: { market: 'FR', event: 'DEC_VE', procedure: 'damagedVehicle', action: 'declared' },
    sealed: { reportNumber: 'VE-2016-0001' },
  },
});

export const registrationDocument = defineKind({
  number: 45,
  name: 'registration.document',
  version: 1,
  description: 'A registry states what became of a registration certificate, or of what it says.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    action: z.enum([
      'issued',
      'duplicate',
      'technicalChange',
      'lost',
      'stolen',
      'found',
      'suspended',
      'reinstated',
      'cancelled',
    ]),
    titleBrands: z.exactOptional(brands),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('certificateNumber', 'plate'),
  example: { data: { market: 'FR', event: 'DUPLICATA', action: 'duplicate' }, sealed: {} },
});

export const registrationWithdrawn = defineKind({
  number: 46,
  name: 'registration.withdrawn',
  version: 1,
  description: 'A registry states that a vehicle was withdrawn from use.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    reason: z.enum(['voluntary', 'authority', 'endOfLife', 'other']),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('plate', 'certificateNumber'),
  example: { data: { market: 'FR', event: 'RETRAIT_VOLONTAIRE', reason: 'voluntary' }, sealed: {} },
});

export const registrationExported = defineKind({
  number: 47,
  name: 'registration.exported',
  version: 1,
  description: 'A registry states that a vehicle left its market.',
  subjects: ['vehicle'],
  roles: ['registrar'],
  public: publicFields({
    ...statement,
    destination: z.exactOptional(market),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('plate', 'certificateNumber'),
  example: { data: { market: 'FR', event: 'SORTIE_TERRITOIRE', destination: 'BE' }, sealed: {} },
});
