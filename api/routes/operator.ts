import { toBase64Url, toHex } from '../../core/bytes.ts';
import type { Digest } from '../../core/chain/types.ts';
import { defineRoute } from '../http/route.ts';
import { createSecrets } from '../query/secrets.ts';
import type { Services } from '../services.ts';
import type { Store } from '../store/store.ts';

const PAGE = 500;
const NDJSON = 'application/x-ndjson';

/** All rows of a table in the order of their digests, a page at a time: an export must not hold the store. */
async function* pages<T extends { readonly digest: Uint8Array }>(
  store: Store,
  select: string,
): AsyncGenerator<readonly T[]> {
  let after: Uint8Array = new Uint8Array();
  for (;;) {
    const rows = await store.query<T>(`${select} WHERE base.digest > $1 ORDER BY base.digest LIMIT ${PAGE}`, [
      after,
    ]);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = last.digest;
  }
}

async function* exportKeys({ store, keyring, sealed }: Services): AsyncGenerator<string> {
  const secrets = createSecrets(keyring);
  type Row = { digest: Uint8Array; wrapped: Uint8Array };
  for await (const rows of pages<Row>(store, 'SELECT base.digest, base.wrapped FROM block_keys AS base')) {
    const shown = await sealed.showOperator(
      'exportKeys',
      rows.map(({ digest }) => toHex(digest) as Digest),
    );
    const lines = rows.map(({ digest, wrapped }) =>
      JSON.stringify({
        digest: toHex(digest),
        key: toBase64Url(secrets.blockKey(digest, wrapped)),
        disclosures: shown.get(toHex(digest) as Digest) ?? [],
      }),
    );
    yield `${lines.join('\n')}\n`;
  }
}

async function* exportBlocks({ store }: Services): AsyncGenerator<string> {
  type Row = { digest: Uint8Array; body: Uint8Array };
  for await (const rows of pages<Row>(store, 'SELECT base.digest, base.body FROM blocks AS base')) {
    for (const { digest, body } of rows) {
      yield `${JSON.stringify({ digest: toHex(digest), block: toBase64Url(body) })}\n`;
    }
  }
}

const headers = { 'Cache-Control': 'no-store' };

export const getKeyExport = defineRoute({
  method: 'get',
  path: '/v1/operator/export/keys',
  name: 'exportKeys',
  tag: 'Operator',
  summary: 'Every envelope’s key and disclosures, a JSON line each: {digest, key, disclosures}.',
  description:
    'For an audit that opens everything. Whoever holds it can read every entry. Each vehicle’s access log tells of it.',
  access: 'operator',
  responses: { 200: { description: 'The lines, in the order of the digests', mediaType: NDJSON } },
  problems: ['keyring.unwrap'],
  handle: async (_input, services) => ({
    status: 200,
    headers,
    stream: exportKeys(services),
    mediaType: NDJSON,
  }),
});

export const getBlockExport = defineRoute({
  method: 'get',
  path: '/v1/operator/export/blocks',
  name: 'exportBlocks',
  tag: 'Operator',
  summary: 'Every encrypted block, a JSON line each: {digest, block}.',
  access: 'operator',
  responses: { 200: { description: 'The lines, in the order of the digests', mediaType: NDJSON } },
  problems: [],
  handle: async (_input, services) => ({
    status: 200,
    headers,
    stream: exportBlocks(services),
    mediaType: NDJSON,
  }),
});
