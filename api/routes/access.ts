import * as z from 'zod';
import { fromHex } from '../../core/bytes.ts';
import type { Address, OrganisationId } from '../../core/chain/types.ts';
import type { Account, Caller } from '../auth/caller.ts';
import { address, decimal, givenHex, instant, organisationId } from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';

const DAY = 86_400_000;

export const createChallenge = defineRoute({
  method: 'post',
  path: '/v1/auth/challenge',
  name: 'createChallenge',
  tag: 'Access',
  summary:
    'The message to sign in with (EIP-4361): as a key of an organisation, or as an account of its own.',
  description: 'Owners, buyers and grantees sign in with their account alone: leave `organisation` out.',
  access: 'anyone',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({ organisation: organisationId.optional(), signer: givenHex(20) }),
  },
  responses: {
    200: {
      description: 'Sign it as it is (personal_sign), within ten minutes',
      mediaType: 'application/json',
      schema: z.strictObject({ message: z.string(), expiresAt: instant }),
    },
  },
  problems: [],
  async handle({ body }, { auth }) {
    const organisation =
      body.organisation === undefined ? null : (BigInt(body.organisation) as OrganisationId);
    const { message, expiresAt } = await auth.challenge(organisation, body.signer as Address);
    return { status: 200, body: { message, expiresAt } };
  },
});

export const createSession = defineRoute({
  method: 'post',
  path: '/v1/auth/session',
  name: 'createSession',
  tag: 'Access',
  summary: 'A session for the signed message. The token is shown here only, and kept as a hash.',
  description:
    'Signatures of contracts (ERC-1271) are accepted. It ends early when the key or the organisation falls.',
  access: 'anyone',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      message: z.string().max(2_000),
      signature: z
        .string()
        .regex(/^0x([0-9a-fA-F]{2}){1,4096}$/)
        .meta({ description: 'Bytes as hex' }),
    }),
  },
  responses: {
    201: {
      description: 'Send it as Authorization: Bearer',
      mediaType: 'application/json',
      schema: z.strictObject({
        token: z.string(),
        expiresAt: instant,
        organisation: decimal.nullable().meta({ description: 'Null: the account alone' }),
        signer: address,
      }),
    },
  },
  problems: [
    'auth.challenge',
    'auth.signature',
    'auth.notInGoodStanding',
    'auth.unknownKey',
    'chain.unavailable',
  ],
  async handle({ body }, { auth }) {
    const { token, expiresAt, signedIn } = await auth.openSession(body.message, fromHex(body.signature));
    const who =
      'account' in signedIn
        ? { organisation: signedIn.account.organisation.toString(), signer: signedIn.account.signer }
        : { organisation: null, signer: signedIn.person.address };
    return { status: 201, headers: { 'Cache-Control': 'no-store' }, body: { token, expiresAt, ...who } };
  },
});

export const deleteSession = defineRoute({
  method: 'delete',
  path: '/v1/auth/session',
  name: 'deleteSession',
  tag: 'Access',
  summary: 'End the session whose token is sent.',
  access: 'signedIn',
  responses: { 204: { description: 'Ended' } },
  problems: ['auth.sessionRequired'],
  async handle({ request }, { auth }) {
    await auth.closeSession(request);
    return { status: 204, empty: true };
  },
});

const apiKey = {
  id: z.string(),
  name: z.string(),
  createdBy: address,
  createdAt: instant,
  expiresAt: instant.nullable(),
};

function accountOf(caller: Caller): Account {
  if (caller.account === null) throw new Problem('auth.required', 'Sign in first.');
  return caller.account;
}

export const createKey = defineRoute({
  method: 'post',
  path: '/v1/auth/keys',
  name: 'createApiKey',
  tag: 'Access',
  summary: 'An API key of the organisation, for its programs. It is shown here only, and kept as a hash.',
  description: 'Under a session, not another API key. It is worth what the key that signed in is worth.',
  access: 'organisation',
  body: {
    kind: 'json',
    limit: 'jsonBytes',
    schema: z.strictObject({
      name: z
        .string()
        .min(1)
        .max(100)
        .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text))
        .meta({ description: 'One line of text' }),
      expiresInDays: z.int().min(1).max(3660).optional(),
    }),
  },
  responses: {
    201: {
      description: 'The key',
      mediaType: 'application/json',
      schema: z.strictObject({ ...apiKey, key: z.string() }),
    },
  },
  problems: ['auth.sessionRequired', 'auth.forbidden'],
  async handle({ body, caller }, { auth }) {
    const expiresAt =
      body.expiresInDays === undefined ? null : new Date(Date.now() + body.expiresInDays * DAY);
    const made = await auth.createKey(accountOf(caller), body.name, expiresAt);
    return { status: 201, headers: { 'Cache-Control': 'no-store' }, body: made };
  },
});

export const listKeys = defineRoute({
  method: 'get',
  path: '/v1/auth/keys',
  name: 'listApiKeys',
  tag: 'Access',
  summary: 'The organisation’s API keys, without the keys themselves.',
  access: 'organisation',
  responses: {
    200: {
      description: 'Those not revoked',
      mediaType: 'application/json',
      schema: z.strictObject({ keys: z.array(z.strictObject(apiKey)) }),
    },
  },
  problems: ['auth.sessionRequired'],
  async handle({ caller }, { auth }) {
    return { status: 200, body: { keys: await auth.listKeys(accountOf(caller)) } };
  },
});

export const deleteKey = defineRoute({
  method: 'delete',
  path: '/v1/auth/keys/{id}',
  name: 'revokeApiKey',
  tag: 'Access',
  summary: 'Revoke an API key, at once.',
  access: 'organisation',
  params: z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/) }),
  responses: { 204: { description: 'Revoked' } },
  problems: ['auth.sessionRequired', 'apiKey.unknown'],
  async handle({ params, caller }, { auth }) {
    await auth.revokeKey(accountOf(caller), params.id);
    return { status: 204, empty: true };
  },
});
