import * as z from 'zod/mini';
import { alertStatuses } from '../alerts/alert.ts';
import { alertReference } from './alertFields.ts';
import { defineKind, publicFields } from './kind.ts';
import { seals } from './sealed.ts';

/** How grave it is, in the words of Catena-X. */
export const alertSeverities = ['minor', 'major', 'critical', 'lifeThreatening'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** Whether something is known to be wrong, or a supplier is asked to look. */
export const alertClassifications = ['alert', 'investigation'] as const;
export type AlertClassification = (typeof alertClassifications)[number];

export const alertRaised = defineKind({
  number: 84,
  name: 'alert.raised',
  version: 1,
  description:
    'A company tells another one, on its own chain, that something is wrong with batches or parts; one alert has one recipient. Whom, what and why is sealed.',
  subjects: ['own'],
  roles: ['supplier', 'manufacturer', 'carrier', 'dealer', 'workshop', 'fleet', 'authority'],
  public: publicFields({
    reference: alertReference,
    classification: z.enum(alertClassifications),
    severity: z.enum(alertSeverities),
  }),
  sealed: seals(
    'recipient',
    'customer',
    'affectedBatches',
    'affectedSerials',
    'description',
    'due',
    'alert',
    'disclosed',
    'reportNumber',
  ),
  example: {
    data: {
      reference: `0x${'5e'.repeat(16)}`,
      classification: 'alert',
      severity: 'critical',
    },
    sealed: {
      recipient: '4',
      affectedBatches: ['batch:lithos.example:LC-2021H1'],
      description: 'Separator thinner than specified in cells of one coil.',
      due: '2025-04-01',
    },
  },
});

export const alertAnswered = defineKind({
  number: 85,
  name: 'alert.answered',
  version: 1,
  description:
    'A company answers an alert that was raised for it, or closes one that it raised; or attests what the holder of a link answered. Which alert is sealed.',
  subjects: ['own'],
  roles: ['supplier', 'manufacturer', 'carrier', 'dealer', 'workshop', 'fleet', 'authority'],
  public: publicFields({ status: z.enum(alertStatuses) }),
  sealed: seals('alert', 'description', 'forwardedAs', 'linkAnswer', 'reportNumber'),
  example: {
    data: { status: 'forwarded' },
    sealed: {
      alert: { attester: '3', reference: `0x${'5e'.repeat(16)}` },
      forwardedAs: [`0x${'6f'.repeat(16)}`],
    },
  },
});
