import * as z from 'zod/mini';
import { alertLinkSchema, linkAnswerSchema } from '../alerts/link.ts';
import { batchIdentifier, organisationId, partIdentifier, when } from './fields.ts';

/** What an alert is called on its raiser's chain: 16 random bytes. */
export const alertReference = z.string().check(z.regex(/^0x[0-9a-f]{32}$/));

/** Sealed fields of alerts: whom, what, and by whom it goes on is between two tiers. */
export const alertSeals = {
  /** Whom an alert is raised for. */
  recipient: organisationId,
  affectedBatches: z.array(batchIdentifier).check(z.minLength(1), z.maxLength(2000)),
  affectedSerials: z.array(partIdentifier).check(z.minLength(1), z.maxLength(5000)),
  /** Until when an answer is expected. */
  due: when,
  /** The alert that this one passes on, or that it answers. */
  alert: z.strictObject({ attester: organisationId, reference: alertReference }),
  /** The alerts by which another one was passed on. */
  forwardedAs: z.array(alertReference).check(z.minLength(1), z.maxLength(500)),
  /** That whoever raised what this one passes on may see its recipient and the answers themselves. */
  disclosed: z.literal(true),
  /** What the holder of a link answered: the attester's word that it came so, and the holder's signature. */
  linkAnswer: z.strictObject({ link: alertLinkSchema, answer: linkAnswerSchema }),
} as const;
