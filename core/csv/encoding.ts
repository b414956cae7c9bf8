import { VinculumError } from '../errors.ts';

/*
 * The text of a table, whatever encoding its writer used. A byte that does not decode is an error, never a question mark:
 * what is signed can't be mended.
 */

export const csvEncodings = ['utf-8', 'utf-16le', 'utf-16be', 'gb18030'] as const;
export type CsvEncoding = (typeof csvEncodings)[number];

/** Bytes from the first that is not ASCII on, by which the encoding is told where nothing else tells it. */
const SAMPLE_BYTES = 64 * 1024;
/** Of the characters of more than one byte in a sample, how many must be everyday Chinese for it to be GB18030. */
const EVERYDAY_SHARE = 0.9;

const MARKS: readonly { readonly bytes: readonly number[]; readonly encoding: CsvEncoding }[] = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
  { bytes: [0x84, 0x31, 0x95, 0x33], encoding: 'gb18030' },
];
const LONGEST_MARK = 4;

export interface CsvDecoder {
  /** What the bytes were found to be; undefined as long as they may be several: ASCII is the same in most. */
  readonly encoding: CsvEncoding | undefined;
  /** The text as far as it is known, without a byte order mark. @throws `csv.encoding` */
  push(bytes: Uint8Array): string;
  /** The rest. @throws `csv.encoding` */
  end(): string;
}

/**
 * Decodes a table piece by piece: as it is told, else by its byte order mark, else as UTF-8, else as GB18030 where that is
 * what the bytes look like.
 */
export function createDecoder(told?: CsvEncoding): CsvDecoder {
  return new Decoder(told);
}

class Decoder implements CsvDecoder {
  encoding: CsvEncoding | undefined;
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #held: Uint8Array = new Uint8Array(0);
  #begun = false;
  #bytes = 0;
  readonly #told: CsvEncoding | undefined;

  constructor(told: CsvEncoding | undefined) {
    this.#told = told;
  }

  push(bytes: Uint8Array): string {
    if (this.#decoder !== undefined) return this.#decode(bytes, true);
    const all = joined(this.#held, bytes);
    this.#held = new Uint8Array(0);
    return this.#begin(all, false);
  }

  end(): string {
    if (this.#decoder !== undefined) return this.#decode(new Uint8Array(0), false);
    const held = this.#held;
    this.#held = new Uint8Array(0);
    const text = this.#begin(held, true);
    return this.#decoder === undefined ? text : text + this.#decode(new Uint8Array(0), false);
  }

  /** Finds out what the bytes are, and hands on the ASCII before they tell. */
  #begin(bytes: Uint8Array, last: boolean): string {
    let rest = bytes;
    if (!this.#begun) {
      if (rest.length < LONGEST_MARK && !last) {
        this.#held = rest.slice();
        return '';
      }
      this.#begun = true;
      const mark = MARKS.find((one) => one.bytes.every((byte, index) => rest[index] === byte));
      if (mark !== undefined && this.#told !== undefined && mark.encoding !== this.#told) {
        throw undecodable(`It begins with the mark of ${mark.encoding}, and is said to be ${this.#told}.`, 0);
      }
      const encoding = this.#told ?? mark?.encoding;
      if (encoding !== undefined) {
        this.#use(encoding);
        return this.#decode(rest.subarray(mark?.bytes.length ?? 0), true);
      }
    }
    const first = rest.findIndex((byte) => byte >= 0x80 || byte === 0);
    const plain = first < 0 ? rest : rest.subarray(0, first);
    let text = '';
    // What is ASCII needs no decision; a row at a time would do, but pieces are what there is.
    if (plain.length > 0) text = ascii(plain);
    this.#bytes += plain.length;
    if (first < 0) return text;
    rest = rest.subarray(first);
    if (rest[0] === 0) {
      throw undecodable('It has zero bytes, as UTF-16 without a mark has: say which.', this.#bytes);
    }
    if (rest.length < SAMPLE_BYTES && !last) {
      this.#held = rest.slice();
      return text;
    }
    const sample = rest.subarray(0, SAMPLE_BYTES);
    const encoding = decodes('utf-8', sample) ? 'utf-8' : looksChinese(sample) ? 'gb18030' : undefined;
    if (encoding === undefined) {
      throw undecodable('Its bytes are neither UTF-8 nor unmistakably GB18030.', this.#bytes);
    }
    this.#use(encoding);
    text += this.#decode(rest, true);
    return text;
  }

  #use(encoding: CsvEncoding): void {
    this.encoding = encoding;
    this.#decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  }

  #decode(bytes: Uint8Array, stream: boolean): string {
    try {
      const text = this.#decoder?.decode(bytes, { stream }) ?? '';
      this.#bytes += bytes.length;
      return text;
    } catch (cause) {
      throw undecodable(`Its bytes are not ${this.encoding}.`, this.#bytes, cause);
    }
  }
}

function undecodable(why: string, after: number, cause?: unknown): VinculumError {
  return new VinculumError(
    'csv.encoding',
    `${why} Save the table as UTF-8, or say what it is in: ${csvEncodings.join(', ')}.`,
    { details: { afterByte: after }, ...(cause === undefined ? {} : { cause }) },
  );
}

function decodes(encoding: CsvEncoding, bytes: Uint8Array): boolean {
  try {
    // The sample may end within a character.
    new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether bytes are GB18030 beyond doubt. Most bytes of a Western encoding would pass for rare Chinese characters too, so
 * that nearly all must be of those that GB 2312 had: two bytes from 0xa1 on, in its rows.
 */
function looksChinese(bytes: Uint8Array): boolean {
  if (!decodes('gb18030', bytes)) return false;
  let [characters, everyday] = [0, 0];
  for (let index = 0; index < bytes.length - 1; ) {
    const [lead = 0, trail = 0] = [bytes[index], bytes[index + 1]];
    if (lead < 0x80) {
      index += 1;
      continue;
    }
    characters += 1;
    if (trail >= 0x30 && trail <= 0x39) {
      index += 4;
      continue;
    }
    const row = lead - 0xa0;
    if (trail >= 0xa1 && ((row >= 1 && row <= 9) || (row >= 16 && row <= 87))) everyday += 1;
    index += 2;
  }
  return characters > 0 && everyday / characters >= EVERYDAY_SHARE;
}

function ascii(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length === 0) return right;
  const all = new Uint8Array(left.length + right.length);
  all.set(left);
  all.set(right, left.length);
  return all;
}
