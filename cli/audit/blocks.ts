import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../core/chain/types.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { type Client, ServiceRefusal } from '../client.ts';
import { usageError } from '../exit.ts';
import { exportedBlocks } from '../exports.ts';
import { concurrently } from '../http.ts';

/** What became of a block: there and right, there and wrong, or not to be had. */
export type FetchedBlock =
  | { readonly state: 'stored'; readonly block: Uint8Array }
  | { readonly state: 'altered'; readonly found: string }
  | { readonly state: 'missing' };

/** Where the audit gets blocks. Their digests are checked by the audit, never by the source. */
export interface BlockSource {
  readonly name: string;
  /** The bytes, or null where the source has none. */
  fetch(digest: Digest): Promise<Uint8Array | null>;
}

/** Most bytes that a block has; a source that sends more sends something else. */
const MAX_BLOCK_BYTES = 1024 * 1024;
const AT_ONCE = 16;

/** An IPFS trustless gateway. */
export function gatewaySource(client: Client): BlockSource {
  return {
    name: `${client.url}/ipfs`,
    async fetch(digest) {
      for (;;) {
        try {
          const answer = await client.bytes(`/ipfs/${cidOf(digest)}?format=raw`, {
            headers: { accept: 'application/vnd.ipld.raw' },
            maxBytes: MAX_BLOCK_BYTES,
          });
          return answer.body;
        } catch (error) {
          if (!(error instanceof ServiceRefusal)) throw error;
          if (error.status === 404 || error.status === 410) return null;
          // The client has waited and tried for a while: a gateway's limit is no reason to give up.
          if (error.status !== 429) throw error;
        }
      }
    },
  };
}

/** Exported blocks: a folder with a file for each CID, or a file of JSON lines. */
export async function exportedSource(path: string): Promise<BlockSource> {
  if (!existsSync(path)) throw usageError('audit.blocks', `${path} is not there: check the path.`);
  if ((await stat(path)).isDirectory()) {
    return {
      name: path,
      async fetch(digest) {
        try {
          return await readFile(join(path, cidOf(digest)));
        } catch (error) {
          if ((error as { code?: unknown }).code === 'ENOENT') return null;
          throw error;
        }
      },
    };
  }
  const blocks = new Map<string, Uint8Array>();
  for await (const { digest, block } of exportedBlocks(createReadStream(path), path))
    blocks.set(digest, block);
  return { name: path, fetch: async (digest) => blocks.get(digest) ?? null };
}

/** Fetches blocks, several at a time, and checks that each is the one its digest names. */
export async function fetchBlocks(
  source: BlockSource,
  digests: readonly Digest[],
  onProgress: (done: number) => void,
  onBlock: (digest: Digest, fetched: FetchedBlock) => void,
): Promise<void> {
  let done = 0;
  await concurrently(digests, AT_ONCE, async (digest) => {
    const block = await source.fetch(digest);
    done += 1;
    onProgress(done);
    if (block === null) return onBlock(digest, { state: 'missing' });
    const found = `0x${createHash('sha256').update(block).digest('hex')}`;
    onBlock(digest, found === digest ? { state: 'stored', block } : { state: 'altered', found });
  });
}
