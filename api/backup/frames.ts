import { Problem } from '../problem.ts';

/*
 * The inside of a backup, before it is encrypted (age): the line below, then frames. A frame is a byte for its type, four
 * bytes for its length, big-endian, and its content. Reading is strict: what does not end with `end` was cut.
 */

export const FIRST_LINE = 'vinculum-backup/1\n';

export const frameTypes = {
  /** JSON: what the backup is of. */
  header: 1,
  /** JSON `{name}`: the rows of this table follow. */
  table: 2,
  /** Deflated lines, a row's JSON each. */
  rows: 3,
  /** JSON `{path}`: the bytes of this file follow, in any number of frames. */
  file: 4,
  /** JSON `{cid}`: the bytes of this document follow. */
  document: 5,
  bytes: 6,
  /** JSON: what there was, to be counted. */
  end: 7,
} as const;
export type FrameType = keyof typeof frameTypes;
export type Frame = { readonly type: FrameType; readonly content: Buffer };

/** Rows are written about so many bytes a frame; no frame is anywhere near the largest. */
const MAX_FRAME_BYTES = 256 * 1024 * 1024;
const HEADER_BYTES = 5;

const typeByNumber = new Map<number, FrameType>(
  (Object.keys(frameTypes) as FrameType[]).map((type) => [frameTypes[type], type]),
);

export function frame(type: FrameType, content: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = frameTypes[type];
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
}

export const jsonFrame = (type: FrameType, value: unknown): Buffer =>
  frame(type, Buffer.from(JSON.stringify(value)));

/** The frames of a backup. @throws `restore.malformed` for other bytes, `restore.damaged` where they end too early */
export async function* readFrames(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const source = new Reader(bytes);
  const first = await source.take(FIRST_LINE.length);
  if (first?.toString('latin1') !== FIRST_LINE) {
    throw new Problem('restore.malformed', 'What is in the file is no backup of this kind or version.');
  }
  for (;;) {
    const header = await source.take(HEADER_BYTES);
    if (header === null) throw cut();
    const type = typeByNumber.get(header[0] ?? 0);
    const length = header.readUInt32BE(1);
    if (type === undefined || length > MAX_FRAME_BYTES) {
      throw new Problem('restore.malformed', 'The backup has a part that this version does not know.');
    }
    const content = await source.take(length);
    if (content === null) throw cut();
    yield { type, content };
    if (type === 'end') {
      if ((await source.take(1)) !== null)
        throw new Problem('restore.malformed', 'The backup goes on after its end.');
      return;
    }
  }
}

const cut = () => new Problem('restore.damaged', 'The backup ends in the middle: take another copy of it.');

/** Takes bytes in any number from chunks of any size. */
class Reader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #length = 0;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; null where there are fewer. */
  async take(count: number): Promise<Buffer | null> {
    while (this.#length < count) {
      const next = await this.#chunks.next();
      if (next.done === true) return null;
      this.#held.push(next.value);
      this.#length += next.value.length;
    }
    const whole = this.#held.length === 1 ? Buffer.from(this.#held[0] ?? []) : Buffer.concat(this.#held);
    this.#held = whole.length === count ? [] : [whole.subarray(count)];
    this.#length = whole.length - count;
    return whole.subarray(0, count);
  }
}
