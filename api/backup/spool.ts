import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';

/** Bytes put aside on the disk, under a key that is nowhere but in memory. */
export interface Spool {
  write(bytes: Uint8Array): Promise<void>;
  readonly length: number;
  /** What was written, once. */
  read(): AsyncIterable<Uint8Array>;
  remove(): Promise<void>;
}

export async function createSpool(path: string): Promise<Spool> {
  const [key, counter] = [randomBytes(32), Buffer.alloc(16)];
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  const file: FileHandle = await open(path, 'wx', 0o600);
  let length = 0;
  let closed = false;
  const close = async () => {
    if (!closed) await file.close();
    closed = true;
  };
  return {
    async write(bytes) {
      await file.writeFile(cipher.update(bytes));
      length += bytes.length;
    },
    get length() {
      return length;
    },
    async *read() {
      await close();
      const decipher = createDecipheriv('aes-256-ctr', key, counter);
      for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
        yield decipher.update(chunk as Buffer);
      }
    },
    async remove() {
      await close();
      await rm(path, { force: true });
    },
  };
}
