import { base32 } from 'multiformats/bases/base32';
import { concat, fromHex, toHex } from '../bytes.ts';
import type { Digest } from '../chain/types.ts';
import { VinculumError } from '../errors.ts';

/** CIDv1, codec raw, multihash sha2-256 of 32 bytes. */
const RAW_SHA256 = new Uint8Array([0x01, 0x55, 0x12, 0x20]);

/** The CID of the block with this digest: the same 32 bytes in another spelling. */
export function cidOf(digest: Digest): string {
  return base32.encode(concat(RAW_SHA256, fromHex(digest, 32)));
}

/** @throws `cid.notABlock` for anything but a raw sha2-256 CIDv1 in base32 */
export function digestOfCid(cid: string): Digest {
  try {
    const bytes = base32.decode(cid);
    if (bytes.length === 36 && RAW_SHA256.every((byte, index) => bytes[index] === byte)) {
      return toHex(bytes.subarray(4)) as Digest;
    }
  } catch {
    // falls through to the one error below
  }
  throw new VinculumError('cid.notABlock', 'Expected a CIDv1 in base32 of a raw block (bafkrei…).');
}
