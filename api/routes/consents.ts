import * as z from 'zod';
import { fromHex } from '../../core/bytes.ts';
import type { Subject } from '../../core/chain/types.ts';
import { type ConsentHash, consentSchema } from '../../core/privacy/consent.ts';
import { consentReceiptSchema } from '../../core/privacy/consentReceipt.ts';
import type { Caller } from '../auth/caller.ts';
import { address, cursor, givenHex, hex, instant } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { consentStates } from '../privacy/consentRows.ts';
import type { ConsentPlace, ConsentView, SignedInReader } from '../privacy/consents.ts';
import { readerOf } from '../privacy/reader.ts';
import { Problem } from '../problem.ts';

const consentView = z
  .strictObject({
    hash: hex(32).meta({ description: 'The consent’s name: its EIP-712 digest' }),
    state: z.enum(consentStates).meta({
      description:
        'What it is worth now. `ended`: the title has changed hands, or key, since; `notYet`: its time has not begun',
    }),
    signer: address,
    signed: consentSchema,
    identifier: z.string().nullable().meta({
      description:
        'Which vehicle it is for; null for a grantee while it is not good, and where nobody is signed in',
    }),
    storedAt: instant,
    receipt: consentReceiptSchema,
    revocation: z.strictObject({ revokedAt: instant, receipt: consentReceiptSchema }).nullable(),
    openings: z
      .strictObject({ count: z.int(), lastAt: instant.nullable() })
      .nullable()
      .meta({ description: 'Of a share link, for its signer; else null' }),
  })
  .meta({ id: 'Consent' });

/** Null where JSON has dates as text: they are written so when the answer is. */
const jsonOf = (view: ConsentView) => ({
  ...view,
  storedAt: view.storedAt.toISOString(),
  revocation:
    view.revocation === null
      ? null
      : { ...view.revocation, revokedAt: view.revocation.revokedAt.toISOString() },
  openings:
    view.openings === null ? null : { ...view.openings, lastAt: view.openings.lastAt?.toISOString() ?? null },
});

const NOT_KEPT = { 'Cache-Control': 'no-store' };

const answer = (description: string) =>
  ({ description, mediaType: 'application/json', schema: consentView }) as const;

export const giveConsent = defineRoute({
  method: 'post',
  path: '/v1/consents',
  name: 'giveConsent',
  tag: 'Privacy',
  summary: 'Hand in a consent that the owner of a title has signed (EIP-712, docs/protocol.md §14).',
  description:
    'It lets an organisation, an account, or whoever holds the token of a share link see what is sealed: of what concerns ' +
    'the present owner, and no more. Who hands it in does not matter, who signed it does: which vehicle it is for is told to ' +
    'its signer, signed in, and to nobody else. The same again tells its state. ' +
    'What was read under it cannot be unread.',
  access: 'anyone',
  body: { kind: 'json', limit: 'jsonBytes', schema: consentSchema, checkedByHandler: true },
  responses: { 200: answer('It was here already'), 201: answer('It is stored: the receipt says no more') },
  problems: [
    'consent.malformed',
    'consent.subject',
    'consent.tenure',
    'consent.grantee',
    'consent.entries',
    'consent.fields',
    'consent.purpose',
    'consent.time',
    'consent.salt',
    'consent.signature',
    'consent.formerOwner',
    'consent.notOwner',
    'consent.revoked',
    'consent.expired',
    'consent.bearerTaken',
    'consent.tooMany',
    'organisation.unknown',
    'title.unknown',
    'chain.unavailable',
  ],
  async handle({ body, caller }, { consents }) {
    const { consent, isNew } = await consents.give(body, readerOf(caller));
    return {
      status: isNew ? 201 : 200,
      headers: { ...NOT_KEPT, Location: `/v1/consents/${consent.hash}` },
      body: jsonOf(consent),
    };
  },
});

function signedIn(caller: Caller): SignedInReader {
  const reader = readerOf(caller);
  if (reader.kind === 'organisation' || reader.kind === 'account') return reader;
  throw new Problem('auth.required', 'Sign in first.');
}

const PAGE = 100;

export const listConsents = defineRoute({
  method: 'get',
  path: '/v1/consents',
  name: 'listConsents',
  tag: 'Privacy',
  summary: 'The consents that you gave, or those that were given to you, the newest first.',
  description:
    'An owner sees all that it ever signed, of vehicles that it has sold too. An organisation is a grantee only.',
  access: 'signedIn',
  query: z.strictObject({
    as: z.enum(['signer', 'grantee']),
    subject: givenHex(32).optional(),
    limit: z
      .string()
      .regex(/^[1-9][0-9]{0,2}$/)
      .transform(Number)
      .optional(),
    cursor: cursor.optional(),
  }),
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({ consents: z.array(consentView), next: z.string().nullable() }),
    },
  },
  problems: [],
  async handle({ query, caller }, { consents }) {
    const { consents: found, next } = await consents.list(signedIn(caller), query.as, {
      limit: query.limit ?? PAGE,
      after: query.cursor === undefined ? null : readCursor(query.cursor),
      subject: (query.subject ?? null) as Subject | null,
    });
    return {
      status: 200,
      headers: NOT_KEPT,
      body: { consents: found.map(jsonOf), next: next === null ? null : writeCursor(next) },
    };
  },
});

function writeCursor({ storedAt, hash }: ConsentPlace): string {
  return Buffer.from(`${storedAt.getTime()}.${hash}`).toString('base64url');
}

function readCursor(text: string): ConsentPlace {
  const [, time, hash] =
    /^([0-9]{1,14})\.(0x[0-9a-f]{64})$/.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (time === undefined || hash === undefined) {
    throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  }
  return { storedAt: new Date(Number(time)), hash: hash as ConsentHash };
}

const params = z.strictObject({ id: givenHex(32) });

export const getConsent = defineRoute({
  method: 'get',
  path: '/v1/consents/{id}',
  name: 'getConsent',
  tag: 'Privacy',
  summary: 'A consent by its name, and what it is worth now; for its signer and its grantee.',
  access: 'signedIn',
  params,
  responses: { 200: answer('The consent') },
  problems: ['consent.unknown'],
  async handle({ params: { id }, caller }, { consents }) {
    const consent = await consents.find(id as ConsentHash, signedIn(caller));
    return { status: 200, headers: NOT_KEPT, body: jsonOf(consent) };
  },
});

export const revokeConsent = defineRoute({
  method: 'post',
  path: '/v1/consents/{id}/revocation',
  name: 'revokeConsent',
  tag: 'Privacy',
  summary: 'Revoke a consent, by a message that its signer or the present owner has signed (EIP-712).',
  description:
    'It ends at once: nothing is shown under it once this is answered. What was read before cannot be unread. Revoking it ' +
    'again changes nothing.',
  access: 'anyone',
  params,
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      signature: z
        .string()
        .regex(/^0x([0-9a-fA-F]{2}){1,4096}$/)
        .meta({ description: 'Of ConsentRevocation(bytes32 consent), under the ledger’s domain' }),
    }),
  },
  responses: { 200: answer('It is revoked') },
  problems: ['consent.unknown', 'consent.notRevoker', 'chain.unavailable'],
  async handle({ params: { id }, body, caller }, { consents }) {
    const { signature } = body;
    const consent = await consents.revoke(id as ConsentHash, fromHex(signature), readerOf(caller));
    return { status: 200, headers: NOT_KEPT, body: jsonOf(consent) };
  },
});
