import * as z from 'zod';
import type { Digest } from '../../core/chain/types.ts';
import { bases } from '../../core/privacy/erasure.ts';
import type { Erased as ErasedContent } from '../erasure/erasures.ts';
import type { Plan, Target } from '../erasure/plan.ts';
import type { LedgerReceipt } from '../erasure/receipt.ts';
import {
  cursor,
  decimal,
  digest,
  givenHex,
  givenIdentifier,
  hex,
  ledgerId,
  seconds,
} from '../http/fields.ts';
import { readKnownIdentifier } from '../http/identifiers.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import type { Services } from '../services.ts';

/** Also parts and batches have histories that can be erased as a whole. */
const anySubject = ['vehicle', 'batch', 'serial', 'software'] as const;

const cid = z.string().regex(/^b[a-z2-7]{58}$/);
const fieldName = z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,63}(:[\x21-\x7e]{1,128})?$/);

const receipt = z.strictObject({
  digest,
  what: z.string(),
  basis: z.enum(bases),
  erasedAt: seconds,
  operator: hex(20),
  signature: hex(65),
});
const plan = z.strictObject({
  id: hex(32).meta({ description: 'To be said by who agrees to the plan' }),
  goes: z.array(
    z.strictObject({
      digest,
      what: z.string(),
      ledger: ledgerId,
      kind: z.string().nullable(),
      organisation: decimal.nullable(),
      block: z.int().nullable().optional(),
      fields: z.array(z.string()).optional(),
      members: z.boolean().optional(),
      bytes: z.int().nullable().optional(),
    }),
  ),
  stays: z.array(
    z.strictObject({
      what: z.enum(['links', 'identifier', 'document', 'bound', 'amendments', 'elsewhere']),
      count: z.int().optional(),
      names: z.array(z.string()).optional(),
    }),
  ),
  stores: z.array(z.string()).meta({ description: 'Where it is destroyed, beside the database' }),
});
const outcome = z.strictObject({
  dryRun: z.boolean(),
  plan,
  receipts: z.array(receipt).meta({ description: 'For what was erased, now or before' }),
});

const target = z.union([
  z.strictObject({ field: z.strictObject({ digest: givenHex(32), name: fieldName }) }),
  z.strictObject({ document: cid }),
  z.strictObject({ entry: givenHex(32) }),
  z.strictObject({ vehicle: givenIdentifier }),
]);

async function targetOf(given: z.output<typeof target>, services: Services): Promise<Target> {
  if ('field' in given) return { of: 'field', digest: given.field.digest as Digest, name: given.field.name };
  if ('document' in given) return { of: 'document', cid: given.document };
  if ('entry' in given) return { of: 'entry', digest: given.entry as Digest };
  const unmetered = () => undefined;
  const identifier = await readKnownIdentifier(given.vehicle, anySubject, services, unmetered);
  return { of: 'vehicle', identifier };
}

function bodyOf(
  dryRun: boolean,
  { id, goes, stays }: Plan,
  receipts: readonly LedgerReceipt[],
  stores: readonly string[],
): z.input<typeof outcome> {
  return {
    dryRun,
    plan: {
      id,
      goes: goes.map(({ fields, ...item }) => ({
        ...item,
        ...(fields === undefined ? {} : { fields: [...fields] }),
      })),
      stays: stays.map(({ names, ...kept }) => ({
        ...kept,
        ...(names === undefined ? {} : { names: [...names] }),
      })),
      stores: [...stores],
    },
    receipts: receipts.map((entry) => entry.receipt) as z.input<typeof receipt>[],
  };
}

const headers = { 'Cache-Control': 'no-store' };

export const createErasure = defineRoute({
  method: 'post',
  path: '/v1/erasures',
  name: 'createErasure',
  tag: 'Erasure',
  summary: 'Destroy a sealed field, a document, an entry’s content, or that of all entries of a vehicle.',
  description:
    'First a dry run, which shows exactly what would go and what would stay; then the same again with `dryRun: false` ' +
    'and the plan’s id. What is destroyed is gone from every store for good, and never taken in again; a signed ' +
    'receipt stands in its place. Asking again gives the same receipts.',
  access: 'operator',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      target,
      basis: z.enum(bases),
      dryRun: z.boolean().default(true),
      plan: hex(32).optional(),
    }),
  },
  responses: {
    200: {
      description: 'The plan; or it is done, or was before',
      mediaType: 'application/json',
      schema: outcome,
    },
  },
  problems: [
    'erasure.unknown',
    'erasure.changed',
    'erasure.pinned',
    'document.unavailable',
    'identifier.type',
    'vin.length',
  ],
  async handle({ body }, services) {
    const { erasures } = services;
    const wanted = await targetOf(body.target, services);
    if (body.dryRun) {
      const found = await erasures.plan(wanted);
      return { status: 200, headers, body: bodyOf(true, found, found.erased, erasures.stores) };
    }
    if (body.plan === undefined) {
      throw new Problem('request.invalid', 'body plan: say the id of the plan that you agree to.');
    }
    const done: ErasedContent = await erasures.erase(wanted, body.basis, body.plan as never);
    return { status: 200, headers, body: bodyOf(false, done.plan, done.receipts, erasures.stores) };
  },
});

export const listErasures = defineRoute({
  method: 'get',
  path: '/v1/erasures',
  name: 'listErasures',
  tag: 'Erasure',
  summary: 'All receipts, in the order in which they came in.',
  access: 'operator',
  query: z.strictObject({
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,3}$/)
      .transform(Number)
      .refine((value) => value <= 1000)
      .optional(),
    cursor: cursor.regex(/^[0-9]{1,18}$/).optional(),
  }),
  responses: {
    200: {
      description: 'A page of them',
      mediaType: 'application/json',
      schema: z.strictObject({
        receipts: z.array(receipt.extend({ ledger: ledgerId })),
        next: z.string().nullable(),
        pending: z.int().meta({ description: 'How many are not done in every store yet' }),
      }),
    },
  },
  problems: [],
  async handle({ query }, { erasures }) {
    const limit = query.limit ?? 100;
    const found = await erasures.list(BigInt(query.cursor ?? 0), limit);
    const last = found.at(-1);
    return {
      status: 200,
      headers,
      body: {
        receipts: found.map(({ receipt: { ledger, receipt: content } }) => ({ ledger, ...content })),
        next: found.length === limit && last !== undefined ? last.number.toString() : null,
        pending: await erasures.pending(),
      },
    };
  },
});

export const getErasures = defineRoute({
  method: 'get',
  path: '/v1/erasures/{digest}',
  name: 'getErasures',
  tag: 'Erasure',
  summary: 'The receipts for what was erased of one entry, which its reports carry, too.',
  access: 'anyone',
  params: z.strictObject({ digest: givenHex(32) }),
  responses: {
    200: {
      description: 'They may be none',
      mediaType: 'application/json',
      schema: z.strictObject({ receipts: z.array(receipt) }),
    },
  },
  problems: [],
  async handle({ params }, { erasures }) {
    const found = await erasures.of(params.digest as Digest);
    return { status: 200, headers, body: { receipts: found.map((entry) => entry.receipt) } };
  },
});

const retention = z.strictObject({
  dryRun: z.boolean(),
  fields: z.array(z.strictObject({ digest, what: z.string(), kind: z.string(), days: z.int() })),
  more: z.boolean().meta({ description: 'Whether there are more fields than these' }),
  accessEntries: z.int(),
  consents: z.int(),
  apiKeys: z.int(),
  notices: z.int(),
  scans: z.int(),
  alertLinks: z.int(),
});

export const runRetention = defineRoute({
  method: 'post',
  path: '/v1/operator/retention',
  name: 'runRetention',
  tag: 'Erasure',
  summary: 'What is past its time by the service’s policy; or erase it now.',
  description: 'The service does this by itself (RETENTION, RETENTION_HOURS).',
  access: 'operator',
  body: { kind: 'json', limit: 'jsonBytes', schema: z.strictObject({ dryRun: z.boolean().default(true) }) },
  responses: {
    200: { description: 'What is, or was, past its time', mediaType: 'application/json', schema: retention },
  },
  problems: ['erasure.changed', 'erasure.pinned', 'document.unavailable'],
  async handle({ body: { dryRun } }, services) {
    const { fields, ...due } = await (dryRun ? services.retention.due() : services.retention.run());
    const shown = fields.map(({ digest: entry, what, kind, days }) => ({ digest: entry, what, kind, days }));
    return { status: 200, headers, body: { dryRun, fields: shown, ...due } };
  },
});

export const erasureRoutes = [createErasure, listErasures, getErasures, runRetention];
