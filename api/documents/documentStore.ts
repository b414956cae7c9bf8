import { createHash } from 'node:crypto';
import { exporter, type UnixFSEntry } from 'ipfs-unixfs-exporter';
import { importFile } from 'ipfs-unixfs-importer';
import { CID } from 'multiformats/cid';
import { Problem } from '../problem.ts';

/**
 * Documents (photos, certificates) by their CID. What comes in is encrypted already; the store neither knows nor cares.
 * Both implementations give the same bytes the same CID: UnixFS by the profile `unixfs-v1-2025` (CIDv1, sha2-256, chunks
 * of 1 MiB, raw leaves, at most 1,024 links a node).
 */
export interface DocumentStore {
  /**
   * Stores a document whole or not at all. Once it fulfils, the document survives a power cut (as far as the store does).
   * @throws `document.tooLarge` as soon as there are more than `maxBytes`
   * @throws `document.cutOff` if the content ends with an error
   */
  put(content: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredDocument>;

  /**
   * The document's bytes. Every block is hashed before its bytes are handed out.
   * @throws `document.unknown`, `document.corrupt`
   */
  get(cid: string): AsyncIterable<Uint8Array>;

  has(cid: string): Promise<boolean>;

  /** The document's size, or undefined if it is not here. */
  stat(cid: string): Promise<StoredDocument | undefined>;

  /** Destroys a document and says whether it was there. Blocks that another document uses stay. */
  delete(cid: string): Promise<boolean>;

  /**
   * One block of a stored document (its root or any other), or undefined if it is not here.
   * @throws `document.corrupt`
   */
  block(cid: CID): Promise<Uint8Array | undefined>;
}

export interface PutOptions {
  readonly maxBytes: number;
}

export interface StoredDocument {
  readonly cid: string;
  readonly bytes: number;
}

/** @throws `cid.malformed` */
export function parseCid(text: string): CID {
  try {
    return CID.parse(text);
  } catch (cause) {
    throw new Problem('cid.malformed', 'This is no CID. Send it as it was given, for instance bafkrei….', {
      cause,
    });
  }
}

/** Whether the bytes are what the CID names; only sha2-256 is known here. */
export function isBlockOf(cid: CID, bytes: Uint8Array): boolean {
  const sha256 = 0x12;
  return (
    cid.multihash.code === sha256 && createHash('sha256').update(bytes).digest().equals(cid.multihash.digest)
  );
}

/** @throws `document.corrupt` unless the bytes are what the CID names */
export function verifiedBlock(cid: CID, bytes: Uint8Array): Uint8Array {
  if (!isBlockOf(cid, bytes)) {
    throw new Problem(
      'document.corrupt',
      `Block ${cid} is damaged. Restore it from a backup or another store.`,
      {
        extensions: { cid: cid.toString() },
      },
    );
  }
  return bytes;
}

/** Cuts a document into blocks, hands each to `putBlock`, and gives the root. */
export async function importDocument(
  content: AsyncIterable<Uint8Array>,
  { maxBytes }: PutOptions,
  putBlock: (cid: CID, bytes: Uint8Array) => Promise<void>,
): Promise<StoredDocument> {
  let bytes = 0;
  async function* limited() {
    try {
      for await (const chunk of content) {
        bytes += chunk.length;
        if (bytes > maxBytes) {
          throw new Problem(
            'document.tooLarge',
            `A document may have ${maxBytes} bytes. Send a smaller one.`,
            {
              extensions: { maxBytes },
            },
          );
        }
        yield chunk;
      }
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem('document.cutOff', 'The upload ended before the document did. Send it again.', {
        cause: error,
      });
    }
  }
  const put = async (cid: CID, block: unknown) => {
    if (!(block instanceof Uint8Array)) throw new TypeError('the importer gives whole blocks');
    await putBlock(cid, block);
    return cid;
  };
  const { cid } = await importFile(
    { content: limited() },
    { put },
    { profile: 'unixfs-v1-2025', blockWriteConcurrency: 4 },
  );
  return { cid: cid.toString(), bytes };
}

/** Reads one block; undefined if it is not there. What it gives is verified. */
export type ReadBlock = (cid: CID) => Promise<Uint8Array | undefined>;

/** The file at a root. Nobody but the CID vouches for what is there: anything but a file is refused. */
export async function openFile(root: CID, read: ReadBlock) {
  const entry = await openEntry(root, read);
  if (entry.type === 'file' || entry.type === 'raw') return entry;
  throw new Problem('document.unknown', `${root} is not a document.`);
}

export async function openEntry(root: CID, read: ReadBlock): Promise<UnixFSEntry> {
  const get = async function* (cid: CID) {
    const bytes = await read(cid);
    if (bytes === undefined) {
      if (cid.equals(root)) throw new Problem('document.unknown', `The document ${root} is not here.`);
      throw new Problem('document.corrupt', `Block ${cid} of ${root} is missing.`, {
        extensions: { cid: cid.toString() },
      });
    }
    yield bytes;
  };
  try {
    return await exporter(root, { get });
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('document.unknown', `${root} is not a document.`, { cause: error });
  }
}

/** The bytes of the file at a root. */
export async function* readFileAt(root: CID, read: ReadBlock): AsyncGenerator<Uint8Array> {
  const file = await openFile(root, read);
  yield* file.content({ blockReadConcurrency: 2 });
}
