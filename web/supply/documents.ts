import { equalBytes, toBase64Url } from '../../core/bytes.ts';
import { digestOf, encryptBlock, KEY_BYTES, secureRandom } from '../../core/envelope/block.ts';
import { cidOf } from '../../core/envelope/cid.ts';
import { VinculumError } from '../../core/errors.ts';
import { type Service, textOf } from '../acting/service.ts';
import { fetchBytes } from '../worker/fetching.ts';

/** A document as its entry lists it, and the key that the entry seals. */
export type Stored = {
  readonly name: string;
  readonly cid: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly key: string;
};

/** A file of one block has the block’s own CID. */
const ONE_BLOCK = 1 << 20;
export const MOST_DOCUMENT_BYTES = 32 * 1024 * 1024;

/**
 * Encrypts a file under a key of its own, stores it, and makes sure that its CID is that of what was sent.
 * @throws `document.tooLarge` `document.otherContent` and the service's codes
 */
export async function storeDocument(service: Service, file: File): Promise<Stored> {
  if (file.size > MOST_DOCUMENT_BYTES) {
    throw new VinculumError('document.tooLarge', 'The document is too large.', {
      details: { most: MOST_DOCUMENT_BYTES },
    });
  }
  const key = secureRandom(KEY_BYTES);
  const sent = new Uint8Array(encryptBlock(new Uint8Array(await file.arrayBuffer()), key, secureRandom));
  const cid = textOf(await service.send('/v1/documents', sent), 'cid');
  const same =
    sent.length <= ONE_BLOCK ? cid === cidOf(digestOf(sent)) : await isStored(service.url, cid, sent);
  if (!same) {
    throw new VinculumError('document.otherContent', 'The service stored something else than was sent.');
  }
  const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$/.test(file.type)
    ? file.type
    : 'application/octet-stream';
  return { name: file.name, cid, mediaType, bytes: sent.length, key: toBase64Url(key) };
}

/** Of several blocks: fetched again, and each checked against its CID. */
async function isStored(url: string, cid: string, sent: Uint8Array): Promise<boolean> {
  const { fileOfCar } = await import('../worker/unixfs.ts');
  const most = sent.length + (1 << 20);
  const { response, bytes } = await fetchBytes(`${url}/ipfs/${cid}?format=car`, {
    prefix: 'service',
    most,
    milliseconds: 60_000,
    init: { headers: { Accept: 'application/vnd.ipld.car' } },
  });
  return response.ok && equalBytes(fileOfCar(bytes, cid, sent.length).bytes, sent);
}
