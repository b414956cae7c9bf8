import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import * as z from 'zod/mini';
import { toBase64Url } from '../core/bytes.ts';
import type { Json } from '../core/canonical.ts';
import { encryptBlock, KEY_BYTES, secureRandom } from '../core/envelope/block.ts';
import type { Client } from './client.ts';
import { usageError } from './exit.ts';

/* Files that an entry lists: an invoice, a photo. */

export type ReadDocument = { readonly content: Uint8Array; readonly mediaType: string };

/** What an entry says of its documents: which they are, and sealed what opens them. */
export type ListedDocuments = {
  readonly data: Readonly<Record<string, Json>>;
  readonly sealed: Readonly<Record<string, Json>>;
};

/** @param mediaType by the file's name where it is not given @throws `submit.document` */
export async function readDocument(file: string, mediaType?: string): Promise<ReadDocument> {
  try {
    return { content: await readFile(file), mediaType: mediaType ?? mediaTypeOf(file) };
  } catch (cause) {
    const text = `The document ${file} can’t be read: check the path.`;
    throw usageError('submit.document', text, { cause });
  }
}

const uploadedSchema = z.looseObject({ cid: z.string(), bytes: z.int() });

/** Encrypts each document under a key of its own and hands it to the service. */
export async function uploadDocuments(
  client: Client,
  documents: readonly ReadDocument[],
): Promise<ListedDocuments> {
  const listed: { cid: string; mediaType: string; bytes: number }[] = [];
  const sealed: Record<string, Json> = {};
  for (const { content, mediaType } of documents) {
    const key = secureRandom(KEY_BYTES);
    const answer = await client.bytes('/v1/documents', {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(encryptBlock(content, key)),
    });
    const { cid, bytes } = uploadedSchema.parse(JSON.parse(Buffer.from(answer.body).toString('utf8')));
    listed.push({ cid, mediaType, bytes });
    sealed[`document:${cid}`] = toBase64Url(key);
  }
  return listed.length === 0 ? { data: {}, sealed: {} } : { data: { documents: listed }, sealed };
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.pdf': 'application/pdf',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.txt': 'text/plain',
  '.csv': 'text/csv',
  '.json': 'application/json',
  '.xml': 'application/xml',
};

/** The media type of a file by its name. */
export function mediaTypeOf(path: string): string {
  return MEDIA_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
}
