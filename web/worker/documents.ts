import { fromBase64Url } from '../../core/bytes.ts';
import { openBlock } from '../../core/envelope/block.ts';
import { VinculumError } from '../../core/errors.ts';
import { fetchBytes } from './fetching.ts';
import type { OpenedDocument } from './messages.ts';
import { cidBytes, fileOfCar, isBlockOf } from './unixfs.ts';

/** Larger ones would fill a phone's memory. */
const MOST_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MILLISECONDS = 60_000;
const RAW = 0x55;

type Wanted = {
  readonly cid: string;
  readonly key: string;
  /** As the envelope lists it. */
  readonly bytes: number;
  readonly mediaType: string;
  readonly gateways: readonly string[];
};

/**
 * Fetches a document by its CID from the first gateway that has it, checks every block, and decrypts it.
 * @throws the `document.*` and `block.*` codes
 */
export async function openDocument(wanted: Wanted): Promise<OpenedDocument> {
  if (wanted.bytes > MOST_BYTES) {
    throw new VinculumError('document.tooLarge', 'The document is too large to be shown here.', {
      details: { most: MOST_BYTES },
    });
  }
  let failure: unknown = new VinculumError('document.noGateway', 'No gateway is known.');
  for (const gateway of wanted.gateways) {
    try {
      const { bytes, blocks } = await fetchFile(gateway, wanted.cid, wanted.bytes);
      const plain = openBlock(bytes, fromBase64Url(wanted.key));
      const { shows, type } = sniff(plain);
      return { cid: wanted.cid, shows, blocks, content: new Blob([new Uint8Array(plain)], { type }) };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function fetchFile(
  gateway: string,
  cid: string,
  size: number,
): Promise<{ bytes: Uint8Array; blocks: number }> {
  const { bytes: name, codec } = cidBytes(cid);
  const format = codec === RAW ? 'raw' : 'car';
  const url = `${gateway}/ipfs/${cid}?format=${format}`;
  // A CAR holds the CID of every block beside it.
  const most = format === 'raw' ? size : size + Math.ceil(size / 64) + 4096;
  const { response, bytes } = await fetchBytes(url, {
    prefix: 'document',
    most,
    milliseconds: TIMEOUT_MILLISECONDS,
  });
  if (!response.ok) {
    throw new VinculumError(
      response.status === 404 ? 'document.missing' : 'document.refused',
      'No such block.',
      {
        details: { status: response.status, address: gateway },
      },
    );
  }
  if (format === 'car') return fileOfCar(bytes, cid, MOST_BYTES);
  if (!isBlockOf(name, bytes)) {
    throw new VinculumError('document.otherContent', 'The block is not the one that its CID names.', {
      details: { address: gateway },
    });
  }
  return { bytes, blocks: 1 };
}

const BEGINNINGS = [
  ['image', 'image/png', [0x89, 0x50, 0x4e, 0x47]],
  ['image', 'image/jpeg', [0xff, 0xd8, 0xff]],
  ['image', 'image/gif', [0x47, 0x49, 0x46, 0x38]],
  ['pdf', 'application/pdf', [0x25, 0x50, 0x44, 0x46, 0x2d]],
] as const;

/** What the bytes are by their own beginning. Anything else is only ever saved: no page of an attester's runs here. */
export function sniff(bytes: Uint8Array): { shows: OpenedDocument['shows']; type: string } {
  for (const [shows, type, beginning] of BEGINNINGS) {
    if (beginning.every((byte, index) => bytes[index] === byte)) return { shows, type };
  }
  const text = String.fromCharCode(...bytes.subarray(0, 12));
  if (text.startsWith('RIFF') && text.endsWith('WEBP')) return { shows: 'image', type: 'image/webp' };
  return { shows: null, type: 'application/octet-stream' };
}
