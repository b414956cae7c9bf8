import { create } from 'kubo-rpc-client';
import { CID } from 'multiformats/cid';
import { Problem } from '../problem.ts';
import {
  type DocumentStore,
  importDocument,
  openFile,
  parseCid,
  type ReadBlock,
  readFileAt,
  verifiedBlock,
} from './documentStore.ts';

export interface KuboOptions {
  /** Kubo's RPC address, for instance `http://127.0.0.1:5001`. It gives full control of the node: never expose it. */
  readonly url: string;
  /** How long Kubo may take to answer, in milliseconds; default 30,000. */
  readonly timeout?: number;
}

export interface KuboDocumentStore extends DocumentStore {
  /**
   * A block from the IPFS network, for entries that came by another operator; undefined if nobody hands it out in time.
   * @throws `document.corrupt`
   */
  fetchBlock(cid: CID, timeout?: number): Promise<Uint8Array | undefined>;

  /** Destroys one block of the node's own, and the pin on it, if there is one. Nothing where it is not there. */
  deleteBlock(cid: CID): Promise<void>;
}

/**
 * Documents in a Kubo node. They are cut into blocks here, not there: the CID depends on no setting of the node, and
 * the node is believed in nothing, for every block that it returns is hashed. A document is in the store when its root is
 * pinned; blocks of a failed upload are unpinned, and the node's garbage collection takes them.
 */
export function openKuboDocuments({ url, timeout = 30_000 }: KuboOptions): KuboDocumentStore {
  const client = create({ url, timeout });
  /** The node's own blocks only: an unknown CID must not send it searching the network. */
  const offline = { offline: true, timeout };

  const readLocal: ReadBlock = async (cid) => {
    const bytes = await client.block.get(cid, offline).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw unavailable(error);
    });
    return bytes === undefined ? undefined : verifiedBlock(cid, bytes);
  };

  const isPinned = async (root: CID): Promise<boolean> => {
    try {
      for await (const pin of client.pin.ls({ paths: root, type: 'recursive', ...offline })) {
        if (pin.cid.equals(root)) return true;
      }
      return false;
    } catch (error) {
      if (isNotPinned(error)) return false;
      throw unavailable(error);
    }
  };

  return {
    async put(content, options) {
      try {
        const document = await importDocument(content, options, async (cid, bytes) => {
          const codec = cid.code === rawCodec ? 'raw' : 'dag-pb';
          const settings = { pin: false, mhtype: 'sha2-256', 'cid-codec': codec, timeout };
          const stored = await client.block.put(bytes, settings);
          if (!stored.equals(cid)) throw new Error(`the node calls block ${cid} ${stored}`);
        });
        await client.pin.add(CID.parse(document.cid), { recursive: true, ...offline });
        return document;
      } catch (error) {
        throw unavailable(error);
      }
    },

    async *get(text) {
      const root = parseCid(text);
      if (!(await isPinned(root))) throw new Problem('document.unknown', `The document ${root} is not here.`);
      yield* readFileAt(root, readLocal);
    },

    has: (text) => isPinned(parseCid(text)),

    async stat(text) {
      const root = parseCid(text);
      if (!(await isPinned(root))) return undefined;
      return { cid: root.toString(), bytes: Number((await openFile(root, readLocal)).size) };
    },

    async delete(text) {
      const root = parseCid(text);
      if (!(await isPinned(root))) return false;
      try {
        const blocks = [root];
        for await (const { ref } of client.refs(root, { recursive: true, unique: true, ...offline })) {
          blocks.push(CID.parse(ref));
        }
        await client.pin.rm(root, { recursive: true, timeout });
        // Kubo keeps the blocks that other pins hold, and says so of each: that is as it should be.
        for await (const _removed of client.block.rm(blocks, { force: true, timeout }));
        return true;
      } catch (error) {
        throw unavailable(error);
      }
    },

    block: readLocal,

    async deleteBlock(cid) {
      try {
        await client.pin.rm(cid, { recursive: true, timeout }).catch((error: unknown) => {
          if (!isNotPinned(error)) throw error;
        });
        for await (const _removed of client.block.rm([cid], { force: true, timeout }));
      } catch (error) {
        throw unavailable(error);
      }
    },

    async fetchBlock(cid, limit = timeout) {
      const signal = AbortSignal.timeout(limit);
      const bytes = await client.block.get(cid, { timeout: limit, signal }).catch((error: unknown) => {
        if (isNotFound(error) || isTimeout(error)) return undefined;
        throw unavailable(error);
      });
      return bytes === undefined ? undefined : verifiedBlock(cid, bytes);
    },
  };
}

const rawCodec = 0x55;

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
const isNotFound = (error: unknown) => /block was not found|could not find/i.test(messageOf(error));
const isNotPinned = (error: unknown) => /not pinned/i.test(messageOf(error));
const isTimeout = (error: unknown) =>
  /timed? ?out|deadline exceeded/i.test(messageOf(error)) ||
  (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'));

function unavailable(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  return new Problem(
    'document.unavailable',
    'Kubo cannot be reached or refused. Check that it runs, and try again.',
    {
      cause,
    },
  );
}
