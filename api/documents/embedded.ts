import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CID } from 'multiformats/cid';
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

/**
 * Documents on disk, in the data folder:
 *
 *     documents/<shard>/<root CID>/<block CID>   every block of a document, a file each
 *     parents/<shard>/<block CID>                the roots of the documents that a block below the root belongs to
 *     incoming/<upload>/                         uploads under way
 *
 * An upload is written and synced aside and becomes a document by one rename of its folder, so that whatever
 * interrupts it leaves no part of a document. `parents` only helps to find a block; an entry may name a document that
 * is not there.
 *
 * One process at a time, under the data folder's lock.
 */
export async function openEmbeddedDocuments(folder: string): Promise<DocumentStore> {
  const incoming = join(folder, 'incoming');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(incoming, { recursive: true, force: true });
  for (const name of ['incoming', 'documents', 'parents'])
    await mkdir(join(folder, name), { recursive: true });

  const documentFolder = (cid: string) => join(folder, 'documents', shard(cid), cid);
  const parentsFile = (cid: string) => join(folder, 'parents', shard(cid), cid);
  const exclusively = oneAfterTheOther();

  const parentsOf = async (cid: string): Promise<string[]> => {
    const text = await ifThere(readFile(parentsFile(cid), 'utf8'));
    return text === undefined ? [] : text.split('\n').filter((line) => line !== '');
  };
  const setParents = async (cid: string, roots: readonly string[]) => {
    const path = parentsFile(cid);
    if (roots.length === 0) return rm(path, { force: true });
    const draft = join(incoming, randomUUID());
    await writeSynced(draft, Buffer.from(roots.map((root) => `${root}\n`).join('')));
    await mkdir(dirname(path), { recursive: true });
    await rename(draft, path);
  };

  /** A block of a document whose root is known, or of any. */
  const readBlock = async (cid: CID, root?: string): Promise<Uint8Array | undefined> => {
    const name = cid.toString();
    for (const parent of [root ?? name, ...(root === undefined ? await parentsOf(name) : [])]) {
      const bytes = await ifThere(readFile(join(documentFolder(parent), name)));
      if (bytes !== undefined) return verifiedBlock(cid, bytes);
    }
    return undefined;
  };
  const within =
    (root: CID): ReadBlock =>
    (cid) =>
      readBlock(cid, root.toString());

  async function settle(upload: string, root: string): Promise<void> {
    const blocks = await readdir(upload);
    for (const block of blocks) {
      if (block === root) continue;
      const parents = await parentsOf(block);
      if (!parents.includes(root)) await setParents(block, [...parents, root]);
    }
    const target = documentFolder(root);
    await mkdir(dirname(target), { recursive: true });
    if ((await ifThere(stat(target))) === undefined) {
      await rename(upload, target);
    } else {
      // The document is here already. Its blocks are replaced one by one, which mends any that had rotted.
      for (const block of blocks) await rename(join(upload, block), join(target, block));
      await sync(target);
      await rmdir(upload);
    }
    await sync(dirname(target));
    await sync(dirname(dirname(target)));
  }

  return {
    async put(content, options) {
      const upload = join(incoming, randomUUID());
      try {
        await mkdir(upload, { mode: 0o700 });
        const document = await importDocument(content, options, (cid, bytes) =>
          writeSynced(join(upload, cid.toString()), bytes),
        );
        await sync(upload);
        await exclusively(() => settle(upload, document.cid));
        return document;
      } catch (error) {
        if (error instanceof Problem) throw error;
        throw new Problem(
          'document.unavailable',
          'The document cannot be written. Check the disk, and send it again.',
          {
            cause: error,
          },
        );
      } finally {
        // What cannot be cleared away now is at the next start.
        await rm(upload, { recursive: true, force: true }).catch(() => undefined);
      }
    },

    async *get(text) {
      const root = parseCid(text);
      yield* readFileAt(root, within(root));
    },

    async has(text) {
      const root = parseCid(text).toString();
      return (await ifThere(stat(join(documentFolder(root), root)))) !== undefined;
    },

    async stat(text) {
      const root = parseCid(text);
      if ((await within(root)(root)) === undefined) return undefined;
      return { cid: root.toString(), bytes: Number((await openFile(root, within(root))).size) };
    },

    async delete(text) {
      const root = parseCid(text).toString();
      return exclusively(async () => {
        const target = documentFolder(root);
        const blocks = await ifThere(readdir(target));
        if (blocks === undefined) return false;
        // Gone at once, however long the rest takes.
        const grave = join(incoming, randomUUID());
        await rename(target, grave);
        await sync(dirname(target));
        for (const block of blocks) {
          if (block === root) continue;
          const parents = await parentsOf(block);
          await setParents(
            block,
            parents.filter((parent) => parent !== root),
          );
        }
        for (const block of blocks) await overwrite(join(grave, block));
        await rm(grave, { recursive: true, force: true });
        return true;
      });
    },

    block: (cid) => readBlock(cid),
  };
}

/** The characters before the last two of a CID spread evenly; the first are the same for all. */
function shard(cid: string): string {
  return cid.slice(-4, -2);
}

/** Runs what it is given one at a time, in order. */
function oneAfterTheOther(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}

async function ifThere<T>(read: Promise<T>): Promise<T | undefined> {
  return read.catch((error: NodeJS.ErrnoException) => {
    // A CID may be longer than a file's name can be: nothing is there either.
    if (error.code === 'ENOENT' || error.code === 'ENAMETOOLONG') return undefined;
    throw error;
  });
}

/** A file that is only removed leaves its bytes on the disk until something else needs the place. */
async function overwrite(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const zeros = Buffer.alloc(Math.min(size, 1024 * 1024));
    for (let at = 0; at < size; at += zeros.length) {
      await file.write(zeros, 0, Math.min(zeros.length, size - at), at);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(path, bytes, { mode: 0o600, flush: true });
}

/** Makes the names in a folder durable, on systems where a folder can be synced. */
async function sync(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
