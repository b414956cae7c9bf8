import * as z from 'zod';
import { findingCodes } from '../../core/findings/finding.ts';
import { address, blockReference, decimal, digest, hex, ledgerId, seconds, subject } from '../http/fields.ts';

/** Answers that several routes share. */

const members = z.record(z.string(), z.unknown());

export const finding = z
  .strictObject({
    code: z.string().meta({ description: `One of: ${findingCodes.join(', ')}, usage.*` }),
    severity: z.enum(['alert', 'warning', 'notice', 'information']),
    entries: z.array(z.string()).meta({ description: 'Digests of the entries that are the evidence' }),
    details: members,
  })
  .meta({ id: 'Finding' });

export const entry = z
  .strictObject({
    digest,
    ledger: ledgerId,
    position: z.int().min(0),
    kind: z.string(),
    organisation: decimal.optional().meta({ description: 'Who attested, or acted' }),
    actor: address
      .optional()
      .meta({ description: 'The key that acted on a title; alone, an owner’s or a buyer’s' }),
    anchoredAt: seconds,
    status: z.enum(['proven', 'withheld', 'erased', 'void', 'unknownKind', 'refuted']),
    code: z.string().optional().meta({ description: 'Why it is not proven' }),
    time: z.string().optional(),
    data: members.optional(),
    sealed: members.meta({ description: 'The sealed fields that this caller may see' }),
  })
  .meta({ id: 'Entry' });

export const organisation = z
  .strictObject({
    id: decimal,
    status: z.enum(['unknown', 'good', 'suspended']),
    kinds: z.array(z.string()).meta({ description: 'The kinds that it may attest' }),
    successor: decimal.nullable(),
    profile: z.unknown().meta({ description: 'What it says of itself; null where it is not here' }),
  })
  .meta({ id: 'Organisation' });

/** Of any subject: what its history comes to, as the service reads it. */
export const overview = z
  .strictObject({
    identifier: z.string(),
    checkDigit: z.enum(['valid', 'invalid', 'not-applicable']).optional(),
    subject,
    ledger: ledgerId.meta({ description: 'The one that this service writes to' }),
    head: hex(32).meta({ description: 'Of the subject in that ledger' }),
    asOf: blockReference,
    recorded: z
      .boolean()
      .meta({ description: 'Whether anything was ever recorded; the report proves it, or that not' }),
    unread: z
      .array(z.strictObject({ ledger: ledgerId, reason: z.enum(['chain', 'behind', 'unreadable', 'key']) }))
      .meta({
        description: 'Ledgers of the directory that this service cannot show: there may be more in them',
      }),
    findings: z.array(finding),
    summary: members.nullable().meta({ description: 'See core/findings/summary.ts' }),
    entries: z.array(entry),
    campaigns: z
      .array(entry.extend({ attester: decimal }))
      .meta({ description: 'Entries of the own chains of its makers' }),
    organisations: z.array(organisation),
  })
  .meta({ id: 'Overview' });

export const directoryLink = z.discriminatedUnion('change', [
  z.strictObject({
    change: z.literal('added'),
    chainId: decimal,
    ledger: address,
    organisations: address,
    codeHash: hex(32),
    pseudonymKey: hex(32),
  }),
  z.strictObject({ change: z.literal('closed'), index: decimal, closedAt: decimal }),
]);
