import * as z from 'zod';
import { toHex } from '../../core/bytes.ts';
import { formatLedgerId } from '../../core/chain/ledgerId.ts';
import { changes, standingAt } from '../../core/chain/organisation.ts';
import type { OrganisationId } from '../../core/chain/types.ts';
import { changesOf } from '../../core/report/report.ts';
import { readBody } from '../http/body.ts';
import {
  address,
  blockReference,
  decimal,
  digest,
  hex,
  ledgerId,
  organisationId,
  pageQuery,
  seconds,
} from '../http/fields.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';
import { organisationView } from '../query/overview.ts';
import { directoryLink, organisation } from './schemas.ts';

const params = z.strictObject({ id: organisationId });
const idOf = (value: { id: string }) => BigInt(value.id) as OrganisationId;

const PAGE = 100;

export const listOrganisations = defineRoute({
  method: 'get',
  path: '/v1/organisations',
  name: 'listOrganisations',
  tag: 'Organisations',
  summary: 'All organisations, in the order of their admission, a page at a time.',
  access: 'anyone',
  query: pageQuery,
  responses: {
    200: {
      description: 'A page; `next` is the cursor of the one after it, null at the end',
      mediaType: 'application/json',
      schema: z.strictObject({ organisations: z.array(organisation), next: z.string().nullable() }),
    },
  },
  problems: [],
  async handle({ query: { limit = PAGE, cursor } }, { query }) {
    const after = cursor === undefined ? 0n : readCursor(cursor);
    const found = await query.organisations(after, limit + 1);
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const next = found.length > limit && last !== undefined ? writeCursor(last.id) : null;
    return { status: 200, body: { organisations: page.map(organisationView), next } };
  },
});

function writeCursor(id: string): string {
  return Buffer.from(`after:${id}`).toString('base64url');
}

function readCursor(cursor: string): bigint {
  const id = /^after:([1-9][0-9]{0,17})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))?.[1];
  if (id === undefined) throw new Problem('request.invalid', 'Use a cursor as the page before gave it.');
  return BigInt(id);
}

export const getOrganisation = defineRoute({
  method: 'get',
  path: '/v1/organisations/{id}',
  name: 'getOrganisation',
  tag: 'Organisations',
  summary: 'An organisation: its standing today, its profile, and its whole record.',
  access: 'anyone',
  params,
  responses: {
    200: {
      description: 'The organisation',
      mediaType: 'application/json',
      schema: organisation.extend({
        controller: address.nullable(),
        signers: z.array(address),
        record: z.array(
          z.strictObject({ change: z.enum(Object.values(changes)), timestamp: seconds, value: hex(32) }),
        ),
      }),
    },
  },
  problems: ['organisation.unknown'],
  async handle(input, { query }) {
    const claim = await query.organisation(idOf(input.params));
    const record = changesOf(claim);
    const standing = standingAt(record);
    return {
      status: 200,
      body: {
        ...organisationView(claim),
        controller: standing.controller,
        signers: [...standing.signers],
        record: record.map(({ change, timestamp, value }) => ({
          change: changes[change],
          timestamp: Number(timestamp),
          value,
        })),
      },
    };
  },
});

export const getNonce = defineRoute({
  method: 'get',
  path: '/v1/organisations/{id}/nonce',
  name: 'getNonce',
  tag: 'Organisations',
  summary: 'A free nonce: it and all above it are unused, as far as is known here.',
  description:
    'A suggestion, not a reservation: whoever signs in several places shares the numbers out itself.',
  access: 'anyone',
  params,
  responses: {
    200: {
      description: 'The nonce',
      mediaType: 'application/json',
      schema: z.strictObject({ organisation: decimal, nonce: decimal }),
    },
  },
  problems: ['organisation.unknown'],
  async handle(input, { query }) {
    const nonce = await query.nextNonce(idOf(input.params));
    return { status: 200, body: { organisation: input.params.id, nonce: nonce.toString() } };
  },
});

const MAX_PROFILE_BYTES = 64 * 1024;

export const putProfile = defineRoute({
  method: 'put',
  path: '/v1/organisations/{id}/profile',
  name: 'putProfile',
  tag: 'Organisations',
  summary: 'Give an organisation’s profile, byte for byte as its hash stands on the ledger.',
  description: 'Anyone may: the ledger says which text it is.',
  access: 'anyone',
  params,
  body: { kind: 'stream', mediaTypes: ['application/json'], limit: 'jsonBytes' },
  responses: {
    200: { description: 'Kept', mediaType: 'application/json', schema: z.strictObject({ digest }) },
  },
  problems: ['organisation.unknown', 'profile.mismatch'],
  async handle({ params: wanted, request }, { query }) {
    const text = await readBody(request, MAX_PROFILE_BYTES);
    return { status: 200, body: { digest: await query.putProfile(idOf(wanted), text) } };
  },
});

export const getDirectory = defineRoute({
  method: 'get',
  path: '/v1/directory',
  name: 'getDirectory',
  tag: 'Organisations',
  summary: 'Where the ledger and its directory are: what a reader compares with what it trusts.',
  access: 'anyone',
  responses: {
    200: {
      description: 'Chain and addresses',
      mediaType: 'application/json',
      schema: z.strictObject({
        chainId: decimal,
        directory: address,
        ledger: ledgerId,
        ledgerAddress: address,
        organisations: address,
        authority: address,
        titles: address.meta({ description: 'The ledger’s module of kinds 0–15' }),
        parts: address.meta({ description: 'The ledger’s module of kinds 16–31' }),
        ledgerCodeHash: hex(32),
        pseudonymKey: hex(32),
        firstBlock: seconds,
        operator: address.meta({ description: 'Who signs receipts' }),
        issuer: z.string().meta({ description: 'Who signs credentials: a did:key' }),
        rpc: z.string().nullable().meta({
          description: 'An endpoint of the embedded chain; null for any other: use one of your own',
        }),
        links: z.array(directoryLink),
        asOf: blockReference.nullable(),
      }),
    },
  },
  problems: [],
  async handle(_input, { deployment, evaluator, keyring, operator, publicRpc, query }) {
    const { links, asOf } = await query.directory();
    return {
      status: 200,
      body: {
        chainId: deployment.chainId.toString(),
        directory: deployment.directory,
        ledger: formatLedgerId({ chainId: deployment.chainId, address: deployment.ledger }),
        ledgerAddress: deployment.ledger,
        organisations: deployment.organisations,
        authority: deployment.authority,
        titles: deployment.titles,
        parts: deployment.parts,
        ledgerCodeHash: deployment.ledgerCodeHash,
        pseudonymKey: toHex(evaluator.publicKey),
        firstBlock: deployment.firstBlock,
        operator,
        issuer: keyring.issuer.did,
        rpc: publicRpc(),
        links,
        asOf,
      },
    };
  },
});
