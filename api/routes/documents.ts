import * as z from 'zod';
import { contentErased, holdErasures, isDocumentErased } from '../erasure/tombstones.ts';
import { defineRoute } from '../http/route.ts';
import { Problem } from '../problem.ts';

export const uploadDocument = defineRoute({
  method: 'post',
  path: '/v1/documents',
  name: 'uploadDocument',
  tag: 'Documents',
  summary: 'Store a document, encrypted before it is sent, and get its CID.',
  description:
    'Send the encrypted bytes as they are. The envelope lists the CID, and its sealed field document:<cid> the key. ' +
    'Stored whole or not at all.',
  access: 'organisation',
  body: { kind: 'stream', mediaTypes: ['application/octet-stream'], limit: 'documentBytes' },
  responses: {
    201: {
      description: 'Stored',
      mediaType: 'application/json',
      schema: z.strictObject({ cid: z.string(), bytes: z.int().min(0) }),
    },
  },
  problems: ['document.tooLarge', 'document.cutOff', 'document.unavailable', 'content.erased'],
  async handle({ request, caller }, { config, documents, store }) {
    const maxBytes = config.limits.documentBytes;
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      throw new Problem('document.tooLarge', `A document may have ${maxBytes} bytes. Send a smaller one.`, {
        extensions: { maxBytes },
      });
    }
    const { cid, bytes } = await documents.put(request, { maxBytes });
    const erased = await store.transaction(async (transaction) => {
      await holdErasures(transaction);
      if (await isDocumentErased(transaction, cid)) return true;
      await transaction.execute(
        'INSERT INTO documents (cid, bytes, organisation) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [cid, bytes, caller.account?.organisation ?? null],
      );
      return false;
    });
    if (erased) {
      await documents.delete(cid);
      throw contentErased({ cid });
    }
    return { status: 201, headers: { Location: `/ipfs/${cid}` }, body: { cid, bytes } };
  },
});

export const getBlock = defineRoute({
  method: 'get',
  path: '/ipfs/{cid}',
  name: 'getBlock',
  tag: 'Documents',
  summary: 'A block by its CID: the IPFS trustless gateway.',
  description:
    'An encrypted envelope or a block of a document, raw (Accept: application/vnd.ipld.raw or ?format=raw) or as a ' +
    'CAR (application/vnd.ipld.car or ?format=car). What comes is to be checked against the CID.',
  access: 'anyone',
  params: z.strictObject({ cid: z.string() }),
  query: z.strictObject({
    format: z.enum(['raw', 'car']).optional(),
    'dag-scope': z.enum(['block', 'entity', 'all']).optional(),
    'entity-bytes': z.string().optional(),
  }),
  responses: {
    200: { description: 'The block', mediaType: 'application/vnd.ipld.raw' },
    304: { description: 'The client has it: `If-None-Match`' },
  },
  problems: ['cid.malformed', 'block.unknown', 'content.erased', 'document.corrupt', 'request.notAcceptable'],
  elsewhere: true,
  handle: () => Promise.reject(new TypeError('the gateway answers this')),
});
