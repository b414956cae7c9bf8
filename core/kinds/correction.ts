import * as z from 'zod/mini';
import type { SubjectType } from '../identifiers/identifier.ts';
import { code, digest, when } from './fields.ts';
import { defineKind, publicFields } from './kind.ts';
import { roles } from './roles.ts';
import { sealedFields, seals } from './sealed.ts';

const anything: readonly SubjectType[] = ['vehicle', 'batch', 'serial', 'software', 'own'];

export const amended = defineKind({
  number: 120,
  name: 'amended',
  version: 1,
  description:
    'An earlier entry is corrected, or retracted as a mistake. It counts only from the original attester or its registered successor; the superseded entry stays visible.',
  subjects: anything,
  roles,
  public: publicFields({
    /** The entry it corrects: an original, or an earlier amendment of it. */
    supersedes: digest,
    /** The kind of the original, and the version of its schema that `data` follows. */
    kind: code,
    kindVersion: z.int().check(z.gte(1), z.lte(1000)),
    reason: z.enum(['typo', 'wrongUnit', 'wrongTime', 'wrongSubject', 'duplicate', 'incomplete', 'other']),
    /** When it happened, where the original's time was wrong. */
    time: z.exactOptional(when),
    /** The corrected public fields, whole; absent when the original is retracted. */
    data: z.exactOptional(z.record(z.string(), z.unknown())),
    retracted: z.exactOptional(z.literal(true)),
  }),
  sealed: sealedFields,
  example: {
    data: {
      supersedes: `0x${'1f'.repeat(32)}`,
      kind: 'odometer',
      kindVersion: 1,
      reason: 'typo',
      data: { odometer: { value: 84120, unit: 'KMT', source: 'workshop' } },
    },
    sealed: { note: 'A digit too many.' },
  },
});

export const upheld = defineKind({
  number: 121,
  name: 'upheld',
  version: 1,
  description: 'An attester was asked to correct an entry, examined it, and stands by it.',
  subjects: anything,
  roles,
  public: publicFields({
    entry: digest,
    /** The dispute it answers, where one was recorded. */
    dispute: z.exactOptional(digest),
    basis: z.enum(['recordsChecked', 'vehicleExamined', 'documentsChecked', 'authorityDecided']),
  }),
  sealed: seals('description', 'reportNumber'),
  example: { data: { entry: `0x${'1f'.repeat(32)}`, basis: 'recordsChecked' }, sealed: {} },
});
