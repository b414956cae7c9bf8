import * as z from 'zod/mini';
import { code, component, digest, reading, softwareIdentifier } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

export const softwareUpdated = defineKind({
  number: 88,
  name: 'software.updated',
  version: 1,
  description: 'Software of a vehicle or of a control unit was updated.',
  subjects: ['vehicle', 'serial'],
  roles: ['manufacturer', 'supplier', 'dealer', 'workshop'],
  public: publicFields({
    component,
    software: z.exactOptional(softwareIdentifier),
    from: z.exactOptional(code),
    to: code,
    method: z.enum(['overTheAir', 'workshop', 'factory']),
    outcome: z.enum(['installed', 'failed', 'rolledBack']),
    /** The type approval number of the software: RXSWIN of UN Regulation 156. */
    rxswin: z.exactOptional(code),
    /** The campaign's entry, where the update is its remedy. */
    recall: z.exactOptional(digest),
    odometer: z.exactOptional(reading),
  }),
  sealed: seals('technician', 'description'),
  example: {
    data: {
      component: 'driverAssistance',
      software: 'software:kunlun.example:adas-4.2.1',
      from: '4.1.0',
      to: '4.2.1',
      method: 'overTheAir',
      outcome: 'installed',
    },
    sealed: {},
  },
});
