import { createHash } from 'node:crypto';
import { Problem } from '../problem.ts';
import { insertRows } from '../store/rows.ts';
import type { Queryable, Transaction } from '../store/store.ts';

/** An encrypted envelope. Its digest, the SHA-256 of the body, is the entry's digest and, as a raw CIDv1, its CID. */
export interface EnvelopeBlock {
  readonly digest: Uint8Array;
  readonly body: Uint8Array;
}

export const maxBlockBytes = 1024 * 1024;

/**
 * Stores envelope blocks in the caller's transaction, so that they are there exactly when their submission is. A block
 * that was stored before is left as it is, or mended if it had rotted.
 * @throws `block.digestMismatch`, `block.tooLarge`
 */
export async function putBlocks(transaction: Transaction, blocks: Iterable<EnvelopeBlock>): Promise<void> {
  const distinct = new Map<string, EnvelopeBlock>();
  for (const block of blocks) {
    const hex = Buffer.from(block.digest).toString('hex');
    if (block.body.length > maxBlockBytes) {
      throw new Problem('block.tooLarge', 'A block has at most 1 MiB. Move large content to a document.', {
        extensions: { digest: `0x${hex}` },
      });
    }
    if (createHash('sha256').update(block.body).digest('hex') !== hex) {
      throw new Problem(
        'block.digestMismatch',
        'The SHA-256 of a block is not its digest. Send the signed block.',
        {
          extensions: { digest: `0x${hex}` },
        },
      );
    }
    distinct.set(hex, block);
  }
  await insertRows(transaction, 'blocks', { digest: 'bytea', body: 'bytea' }, distinct.values(), {
    onConflict: '(digest) DO UPDATE SET body = excluded.body WHERE blocks.body <> excluded.body',
  });
}

/** What is stored under a digest, as it is: whoever reads it hashes it, and so an audit finds what has rotted. */
export async function getBlock(from: Queryable, digest: Uint8Array): Promise<Uint8Array | undefined> {
  const [row] = await from.query<{ body: Uint8Array }>('SELECT body FROM blocks WHERE digest = $1', [digest]);
  return row?.body;
}

/** Those blocks of the given digests that are stored, as they are, in no particular order. */
export async function getBlocks(from: Queryable, digests: readonly Uint8Array[]): Promise<EnvelopeBlock[]> {
  return from.query<{ digest: Uint8Array; body: Uint8Array }>(
    'SELECT digest, body FROM blocks WHERE digest = ANY($1)',
    [digests],
  );
}

/** Destroys blocks, and says how many there were. */
export async function deleteBlocks(
  transaction: Transaction,
  digests: readonly Uint8Array[],
): Promise<number> {
  return transaction.execute('DELETE FROM blocks WHERE digest = ANY($1)', [digests]);
}
