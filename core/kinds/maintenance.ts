import * as z from 'zod/mini';
import { area, code, component, date, partsUsed, reading } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

export const service = defineKind({
  number: 64,
  name: 'service',
  version: 1,
  description: 'A workshop serviced a vehicle.',
  subjects: ['vehicle'],
  roles: ['workshop', 'dealer', 'manufacturer', 'fleet'],
  public: publicFields({
    odometer: z.exactOptional(reading),
    type: z.enum(['scheduled', 'interim', 'predelivery', 'seasonal', 'other']),
    items: z
      .array(
        z.enum([
          'engineOil',
          'oilFilter',
          'airFilter',
          'cabinFilter',
          'fuelFilter',
          'sparkPlugs',
          'coolant',
          'brakeFluid',
          'brakePads',
          'brakeDiscs',
          'transmissionFluid',
          'timingBelt',
          'auxiliaryBelt',
          'battery',
          'tractionBatteryCheck',
          'tyres',
          'wheelAlignment',
          'airConditioning',
          'wipers',
          'lights',
          'softwareUpdate',
          'generalCheck',
        ]),
      )
      .check(z.maxLength(30)),
    parts: z.exactOptional(partsUsed),
    nextDue: z.exactOptional(
      z.strictObject({ date: z.exactOptional(date), odometer: z.exactOptional(reading.shape.value) }),
    ),
  }),
  sealed: seals('invoiceNumber', 'amount', 'technician', 'description', 'holderName', 'plate'),
  example: {
    data: {
      odometer: { value: 45120, unit: 'KMT', source: 'workshop' },
      type: 'scheduled',
      items: ['engineOil', 'oilFilter', 'cabinFilter'],
      nextDue: { date: '2026-05-01', odometer: 60000 },
    },
    sealed: { invoiceNumber: 'R-2024-118', amount: { amount: '289.90', currency: 'EUR' } },
  },
});

export const repair = defineKind({
  number: 65,
  name: 'repair',
  version: 1,
  description: 'A workshop repaired a vehicle.',
  subjects: ['vehicle'],
  roles: ['workshop', 'dealer', 'manufacturer', 'fleet'],
  public: publicFields({
    odometer: z.exactOptional(reading),
    reason: z.enum(['wear', 'defect', 'accident', 'warranty', 'recall', 'vandalism', 'other']),
    components: z.array(component).check(z.minLength(1), z.maxLength(30)),
    areas: z.exactOptional(z.array(area).check(z.minLength(1), z.maxLength(15))),
    parts: z.exactOptional(partsUsed),
    /** Welded, cut or pulled: what holds the vehicle together was worked on. */
    structural: z.exactOptional(z.boolean()),
  }),
  sealed: seals('invoiceNumber', 'amount', 'technician', 'description', 'holderName', 'plate', 'claimNumber'),
  example: {
    data: {
      odometer: { value: 61200, unit: 'KMT', source: 'workshop' },
      reason: 'accident',
      components: ['body', 'paint', 'lighting'],
      areas: ['frontLeft'],
      structural: false,
    },
    sealed: {
      amount: { amount: '3120.00', currency: 'EUR' },
      description: 'Left wing and headlamp replaced.',
    },
  },
});

export const inspection = defineKind({
  number: 66,
  name: 'inspection',
  version: 1,
  description: 'An inspector examined a vehicle and gave a verdict.',
  subjects: ['vehicle'],
  roles: ['inspector', 'authority'],
  public: publicFields({
    odometer: z.exactOptional(reading),
    type: z.enum(['periodic', 'emissions', 'preRegistration', 'roadside', 'afterRepair', 'prePurchase']),
    result: z.enum(['passed', 'passedWithDefects', 'failed']),
    validUntil: z.exactOptional(date),
    defects: z.exactOptional(
      z
        .array(
          z.strictObject({
            /** The inspector's own code. */
            code: z.exactOptional(code),
            component,
            severity: z.enum(['minor', 'major', 'dangerous']),
          }),
        )
        .check(z.minLength(1), z.maxLength(200)),
    ),
  }),
  sealed: seals('inspectorName', 'certificateNumber', 'description', 'plate'),
  example: {
    data: {
      odometer: { value: 58010, unit: 'KMT', source: 'inspection' },
      type: 'periodic',
      result: 'passedWithDefects',
      validUntil: '2026-04-30',
      defects: [{ component: 'tyres', severity: 'minor' }],
    },
    sealed: { inspectorName: 'Dana Prüferin' },
  },
});

export const odometer = defineKind({
  number: 67,
  name: 'odometer',
  version: 1,
  description: 'Somebody read the odometer.',
  subjects: ['vehicle'],
  roles: [
    'workshop',
    'dealer',
    'inspector',
    'registrar',
    'insurer',
    'police',
    'fleet',
    'telematics',
    'manufacturer',
  ],
  public: publicFields({ odometer: reading }),
  sealed: seals('position', 'operatorName'),
  example: {
    data: { odometer: { value: 102345, unit: 'KMT', source: 'telematics' } },
    sealed: { position: { latitude: 48.8566, longitude: 2.3522 } },
  },
});

export const condition = defineKind({
  number: 68,
  name: 'condition',
  version: 1,
  description: 'The state of a vehicle as somebody found it, as before a sale or at the return of a lease.',
  subjects: ['vehicle'],
  roles: ['inspector', 'dealer', 'workshop', 'fleet', 'insurer', 'telematics'],
  public: publicFields({
    odometer: z.exactOptional(reading),
    overall: z.exactOptional(z.enum(['excellent', 'good', 'fair', 'poor', 'notRoadworthy'])),
    findings: z.exactOptional(
      z
        .array(
          z.strictObject({
            area: z.exactOptional(area),
            component: z.exactOptional(component),
            state: z.enum(['scratch', 'dent', 'crack', 'corrosion', 'wear', 'leak', 'missing', 'defective']),
            severity: z.enum(['minor', 'moderate', 'severe']),
          }),
        )
        .check(z.minLength(1), z.maxLength(200)),
    ),
    /** What a traction battery still holds, as a share of what it held when new. */
    batteryStateOfHealth: z.exactOptional(z.number().check(z.gte(0), z.lte(1.2))),
  }),
  sealed: seals('inspectorName', 'description', 'amount', 'location'),
  example: {
    data: {
      odometer: { value: 33870, unit: 'SMI', source: 'dealer' },
      overall: 'good',
      findings: [{ area: 'rearLeft', state: 'scratch', severity: 'minor' }],
      batteryStateOfHealth: 0.93,
    },
    sealed: {},
  },
});
