import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { CommandError, usageError } from '../exit.ts';

/** A line of an NDJSON file. */
export type Line = {
  /** From 1. */
  readonly number: number;
  /** Without the line's end; null where it is longer than is read. */
  readonly text: string | null;
};

/** Longest line that is read, in bytes. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b]);

/** How much of a file has been read, for a progress line. */
export type ReadProgress = { totalBytes: number; readBytes: number };

/**
 * The lines of a file, plain or gzip (told by its first bytes), one after the other: a file of any size is read in the
 * same memory. Empty lines are passed over.
 * @throws `import.file` when it can't be read, `import.corrupt` when a gzip file is damaged or cut off
 */
export async function* readLines(
  file: string,
  progress?: ReadProgress,
  signal?: AbortSignal,
): AsyncGenerator<Line> {
  const zipped = await isGzip(file);
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  source.on('data', (part) => {
    if (progress !== undefined) progress.readBytes += part.length;
  });
  const stream = zipped ? source.pipe(createGunzip()) : source;
  // An error before the pipe must end the loop over its result.
  if (stream !== source) source.once('error', (error) => stream.destroy(error));
  let number = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const take = (tail: Buffer): Line | null => {
    number += 1;
    const bytes = restBytes + tail.length;
    const whole = bytes <= MAX_LINE_BYTES ? Buffer.concat([...rest, tail]).toString('utf8') : null;
    rest = [];
    restBytes = 0;
    if (whole === null) return { number, text: null };
    const text = number === 1 ? whole.replace(/^\ufeff/, '') : whole;
    return text.trim() === '' ? null : { number, text };
  };
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      let start = 0;
      for (let end = chunk.indexOf(0x0a, start); end >= 0; end = chunk.indexOf(0x0a, start)) {
        const line = take(chunk.subarray(start, end));
        start = end + 1;
        if (line !== null) yield line;
      }
      restBytes += chunk.length - start;
      // Of a line that is too long only the length is kept.
      if (restBytes <= MAX_LINE_BYTES) rest.push(Buffer.from(chunk.subarray(start)));
      else rest = [];
    }
    if (restBytes > 0) {
      const line = take(Buffer.alloc(0));
      if (line !== null) yield line;
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && code.startsWith('Z_')) {
      throw new CommandError(
        'failed',
        'import.corrupt',
        `${file} is damaged or cut off after line ${number}.`,
        {
          cause: error,
        },
      );
    }
    throw error;
  } finally {
    source.destroy();
    stream.destroy();
  }
}

/**
 * The bytes of a file, plain or gzip, as they come.
 * @throws `import.file` `import.corrupt`
 */
export async function* piecesOf(
  file: string,
  signal: AbortSignal,
  progress?: ReadProgress,
): AsyncGenerator<Uint8Array> {
  const zipped = await isGzip(file);
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  source.on('data', (part) => {
    if (progress !== undefined) progress.readBytes += part.length;
  });
  const stream = zipped ? source.pipe(createGunzip()) : source;
  // An error before the pipe must end the loop over its result.
  if (stream !== source) source.once('error', (error) => stream.destroy(error));
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      yield bytes;
    }
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (typeof code !== 'string' || !code.startsWith('Z_')) throw cause;
    throw new CommandError('failed', 'import.corrupt', `${file} is damaged or cut off.`, { cause });
  } finally {
    source.destroy();
    stream.destroy();
  }
}

/** @throws `import.file` */
export async function fileSize(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new Error('it is a folder');
    return found.size;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

export async function isGzip(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      return bytesRead === 2 && buffer.equals(GZIP);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function unreadable(file: string, cause: unknown): CommandError {
  return usageError('import.file', `${file} can’t be read: check the path.`, { cause });
}
