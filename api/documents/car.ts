import { CarWriter } from '@ipld/car';
import type { CID } from 'multiformats/cid';
import { openEntry, type ReadBlock } from './documentStore.ts';

/** Which bytes of a document: both ends included, negative from its end, as `entity-bytes` of the trustless gateway. */
export interface ByteRange {
  readonly from: bigint;
  /** undefined: to the end */
  readonly to: bigint | undefined;
}

export interface CarOptions {
  /** Only the root block. */
  readonly rootOnly?: boolean;
  /** Only the blocks that it takes to verify these bytes. */
  readonly range?: ByteRange | undefined;
}

/**
 * A CAR (version 1) of a document or an envelope block: blocks depth first, each once.
 * @param read gives the blocks; one that it does not have ends the CAR with an error
 */
export async function* car(root: CID, read: ReadBlock, options: CarOptions = {}): AsyncGenerator<Uint8Array> {
  const { writer, out } = CarWriter.create([root]);
  const writing = (async () => {
    try {
      const seen = new Set<string>();
      for await (const { cid, bytes } of blocks(root, read, options)) {
        const name = cid.toString();
        if (seen.has(name)) continue;
        seen.add(name);
        await writer.put({ cid, bytes });
      }
    } finally {
      await writer.close();
    }
  })();
  // Heard below, once the reader has what was written before the failure.
  writing.catch(() => undefined);
  yield* out;
  await writing;
}

interface Block {
  readonly cid: CID;
  readonly bytes: Uint8Array;
}

async function* blocks(root: CID, read: ReadBlock, { rootOnly, range }: CarOptions): AsyncGenerator<Block> {
  const held = new Map<string, Uint8Array>();
  const remember: ReadBlock = async (cid) => {
    const bytes = await read(cid);
    if (bytes !== undefined) held.set(cid.toString(), bytes);
    return bytes;
  };

  // A block that occurs again, for the same of its bytes, is not walked again: however often a node may link to another,
  // the walk is no longer than what it finds.
  const walked = new Set<string>();

  async function* walk(cid: CID, wanted: Wanted | undefined): AsyncGenerator<Block> {
    const name = cid.toString();
    const visit = `${name} ${wanted?.first} ${wanted?.last}`;
    if (walked.has(visit)) return;
    walked.add(visit);
    const entry = await openEntry(cid, remember);
    const bytes = held.get(name);
    held.delete(name);
    if (bytes !== undefined) yield { cid, bytes };
    if (rootOnly || entry.type !== 'file') return;
    const { first, last } = wanted ?? boundsOf(entry.size, range);
    let start = 0n;
    for (const [index, link] of entry.node.Links.entries()) {
      const size = entry.unixfs.blockSizes[index] ?? 0n;
      if (start <= last && start + size > first) {
        yield* walk(link.Hash, { first: larger(first - start, 0n), last: smaller(last - start, size - 1n) });
      }
      start += size;
    }
  }
  yield* walk(root, undefined);
}

const larger = (one: bigint, other: bigint) => (one > other ? one : other);
const smaller = (one: bigint, other: bigint) => (one < other ? one : other);

/** The bytes of a block's part of the document that are wanted, both ends included. */
interface Wanted {
  readonly first: bigint;
  readonly last: bigint;
}

function boundsOf(size: bigint, range: ByteRange | undefined): Wanted {
  const absolute = (position: bigint) => (position < 0n ? size + position : position);
  return {
    first: range === undefined ? 0n : absolute(range.from),
    last: range?.to === undefined ? size - 1n : absolute(range.to),
  };
}
