import { fromHex, toHex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';
import type { Digest, Subject } from './types.ts';

/** One thing that happened to one subject: what a submission lists and a head commits to. */
export type Entry = { readonly kind: number; readonly subject: Subject; readonly digest: Digest };

/** Bytes of a packed entry: kind (1) ‖ subject (32) ‖ digest (32). */
export const ENTRY_BYTES = 65;
/** Most entries a submission can hold; the ledger's own bound. */
export const MAX_ENTRIES = 512;

/** @throws `submission.entries` for none or too many, `entry.kind` for a kind outside 0–255 */
export function packEntries(entries: readonly Entry[]): Uint8Array {
  if (entries.length === 0 || entries.length > MAX_ENTRIES) {
    throw new VinculumError('submission.entries', `A submission has 1 to ${MAX_ENTRIES} entries.`, {
      details: { entries: entries.length },
    });
  }
  const packed = new Uint8Array(entries.length * ENTRY_BYTES);
  entries.forEach((entry, index) => {
    if (!Number.isInteger(entry.kind) || entry.kind < 0 || entry.kind > 255) {
      throw new VinculumError('entry.kind', 'A kind is a number from 0 to 255.');
    }
    packed[index * ENTRY_BYTES] = entry.kind;
    packed.set(fromHex(entry.subject, 32), index * ENTRY_BYTES + 1);
    packed.set(fromHex(entry.digest, 32), index * ENTRY_BYTES + 33);
  });
  return packed;
}

/** @throws `submission.entries` when empty, not a multiple of 65 bytes, or too many */
export function unpackEntries(packed: Uint8Array): Entry[] {
  const count = packed.length / ENTRY_BYTES;
  if (count === 0 || !Number.isInteger(count) || count > MAX_ENTRIES) {
    throw new VinculumError(
      'submission.entries',
      `Entries are 1 to ${MAX_ENTRIES} times ${ENTRY_BYTES} bytes.`,
      {
        details: { bytes: packed.length },
      },
    );
  }
  return Array.from({ length: count }, (_, index) => {
    const start = index * ENTRY_BYTES;
    return {
      kind: packed[start] ?? 0,
      subject: toHex(packed.subarray(start + 1, start + 33)) as Subject,
      digest: toHex(packed.subarray(start + 33, start + 65)) as Digest,
    };
  });
}
