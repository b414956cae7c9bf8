import { Unzlib } from 'fflate';
import { concat, fromHex } from '../bytes.ts';
import { VinculumError } from '../errors.ts';

/*
 * As much of PDF (ISO 32000) as it takes to find an attachment: objects by a table of offsets. Every step is bounded,
 * because the file is hostile until its attachment has been verified.
 */

export type PdfReference = { readonly object: number };
export type PdfName = { readonly name: string };
export type PdfStream = { readonly dictionary: PdfDictionary; readonly at: number };
export type PdfDictionary = ReadonlyMap<string, PdfValue>;
export type PdfValue =
  | null
  | boolean
  | number
  | Uint8Array
  | PdfName
  | PdfReference
  | PdfStream
  | readonly PdfValue[]
  | PdfDictionary;

const MAX_DEPTH = 16;
const MAX_OBJECTS = 500_000;
const MAX_REVISIONS = 32;
/** How far from the end `startxref` may stand. */
const TAIL = 2_048;

export function malformedPdf(why: string, cause?: unknown): VinculumError {
  return new VinculumError('pdf.malformed', `The PDF can’t be read: ${why}.`, { cause });
}

/** As {@link PdfDictionary}, of an unknown value. */
export function isDictionary(value: PdfValue | undefined): value is PdfDictionary {
  return value instanceof Map;
}

export function isReference(value: PdfValue | undefined): value is PdfReference {
  return typeof value === 'object' && value !== null && 'object' in value;
}

export function isName(value: PdfValue | undefined, name?: string): value is PdfName {
  const given = typeof value === 'object' && value !== null && 'name' in value ? value.name : null;
  return given !== null && (name === undefined || given === name);
}

export function isStream(value: PdfValue | undefined): value is PdfStream {
  return typeof value === 'object' && value !== null && 'dictionary' in value;
}

const WHITE = new Set([0x00, 0x09, 0x0a, 0x0c, 0x0d, 0x20]);
const DELIMITERS = new Set([...'()<>[]{}/%'].map((character) => character.charCodeAt(0)));

/** Reads tokens and values from a place on. */
class Reader {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  skip(): void {
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === 0x25) {
        while (this.at < this.bytes.length && this.bytes[this.at] !== 0x0a && this.bytes[this.at] !== 0x0d)
          this.at++;
      } else if (byte !== undefined && WHITE.has(byte)) this.at++;
      else return;
    }
  }

  /** The next run of regular characters, at most 64 of them. */
  word(): string {
    this.skip();
    let text = '';
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === undefined || WHITE.has(byte) || DELIMITERS.has(byte) || text.length > 64) return text;
      text += String.fromCharCode(byte);
      this.at++;
    }
  }

  expect(word: string): void {
    if (this.word() !== word) throw malformedPdf(`${word} is missing`);
  }

  integer(): number {
    const word = this.word();
    if (!/^\d{1,15}$/.test(word)) throw malformedPdf('a number is missing');
    return Number(word);
  }

  value(depth = 0): PdfValue {
    if (depth > MAX_DEPTH) throw malformedPdf('it is nested too deep');
    this.skip();
    const byte = this.bytes[this.at];
    if (byte === 0x2f) return this.#name();
    if (byte === 0x28) return this.#literal();
    if (byte === 0x5b) return this.#array(depth);
    if (byte === 0x3c) return this.bytes[this.at + 1] === 0x3c ? this.#dictionary(depth) : this.#hex();
    const word = this.word();
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    if (!/^[+-]?(\d{1,15}(\.\d*)?|\.\d+)$/.test(word)) throw malformedPdf('a value is missing');
    return /^\d+$/.test(word) ? this.#numberOrReference(Number(word)) : Number(word);
  }

  #numberOrReference(number: number): PdfValue {
    const after = this.at;
    if (/^\d{1,5}$/.test(this.word()) && this.word() === 'R') return { object: number };
    this.at = after;
    return number;
  }

  #name(): PdfName {
    this.at++;
    let name = '';
    for (;;) {
      const byte = this.bytes[this.at];
      if (byte === undefined || WHITE.has(byte) || DELIMITERS.has(byte)) return { name };
      if (name.length > 128) throw malformedPdf('a name is too long');
      name += String.fromCharCode(byte);
      this.at++;
    }
  }

  #array(depth: number): PdfValue[] {
    this.at++;
    const items: PdfValue[] = [];
    for (;;) {
      this.skip();
      if (this.bytes[this.at] === 0x5d) {
        this.at++;
        return items;
      }
      if (items.length > MAX_OBJECTS) throw malformedPdf('a list is too long');
      items.push(this.value(depth + 1));
    }
  }

  #dictionary(depth: number): PdfDictionary {
    this.at += 2;
    const members = new Map<string, PdfValue>();
    for (;;) {
      this.skip();
      if (this.bytes[this.at] === 0x3e && this.bytes[this.at + 1] === 0x3e) {
        this.at += 2;
        return members;
      }
      if (this.bytes[this.at] !== 0x2f) throw malformedPdf('a name is missing');
      const { name } = this.#name();
      if (members.has(name)) throw malformedPdf('a name stands twice');
      members.set(name, this.value(depth + 1));
    }
  }

  #hex(): Uint8Array {
    this.at++;
    let digits = '';
    for (;;) {
      const byte = this.bytes[this.at++];
      if (byte === 0x3e) break;
      if (byte === undefined || digits.length > 65_536) throw malformedPdf('a text does not end');
      if (!WHITE.has(byte)) digits += String.fromCharCode(byte);
    }
    if (!/^[0-9a-fA-F]*$/.test(digits)) throw malformedPdf('a text is no hexadecimal');
    return fromHex(`0x${digits}${digits.length % 2 === 0 ? '' : '0'}`);
  }

  #literal(): Uint8Array {
    this.at++;
    const bytes: number[] = [];
    const escapes: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, b: 0x08, f: 0x0c };
    for (let open = 1; ; ) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || bytes.length > 65_536) throw malformedPdf('a text does not end');
      if (byte === 0x5c) {
        const next = this.bytes[this.at++] ?? 0;
        const octal = /^[0-7]{1,3}/.exec(
          String.fromCharCode(...this.bytes.subarray(this.at - 1, this.at + 2)),
        )?.[0];
        if (octal !== undefined) {
          bytes.push(Number.parseInt(octal, 8) & 0xff);
          this.at += octal.length - 1;
        } else if (next !== 0x0a && next !== 0x0d) bytes.push(escapes[String.fromCharCode(next)] ?? next);
        continue;
      }
      if (byte === 0x28) open++;
      if (byte === 0x29 && --open === 0) return new Uint8Array(bytes);
      bytes.push(byte);
    }
  }
}

/** A PDF's objects by number, and what its trailer names. */
export class PdfFile {
  readonly #bytes: Uint8Array;
  /** Offsets by object number; null: free. The newest revision's stand. */
  readonly #offsets = new Map<number, number | null>();
  readonly #trailer: PdfDictionary;

  /** @throws `pdf.malformed` */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    let next: number | undefined = this.#startOfTable();
    let trailer: PdfDictionary | undefined;
    const seen = new Set<number>();
    while (next !== undefined) {
      if (seen.has(next) || seen.size > MAX_REVISIONS) throw malformedPdf('its tables go in a circle');
      seen.add(next);
      const older = this.#readTable(next);
      trailer ??= older;
      const previous = older.get('Prev');
      next = typeof previous === 'number' ? previous : undefined;
    }
    this.#trailer = trailer ?? new Map();
  }

  get catalog(): PdfDictionary {
    return this.dictionary(this.#trailer.get('Root'));
  }

  /** The information dictionary, or an empty one. */
  get information(): PdfDictionary {
    const information = this.resolve(this.#trailer.get('Info'));
    return isDictionary(information) ? information : new Map();
  }

  /** The value itself, or what it refers to; a missing object is null. */
  resolve(value: PdfValue | undefined): PdfValue {
    if (!isReference(value)) return value ?? null;
    const offset = this.#offsets.get(value.object);
    if (offset === undefined || offset === null) return null;
    const reader = new Reader(this.#bytes, offset);
    if (reader.integer() !== value.object) throw malformedPdf('an object is not where its table says');
    reader.integer();
    reader.expect('obj');
    const found = reader.value();
    if (!isDictionary(found)) return isReference(found) ? null : found;
    const after = reader.word();
    if (after !== 'stream') return found;
    // A line break follows: both of its characters, or the second alone.
    if (this.#bytes[reader.at] === 0x0d) reader.at++;
    if (this.#bytes[reader.at] === 0x0a) reader.at++;
    return { dictionary: found, at: reader.at };
  }

  dictionary(value: PdfValue | undefined): PdfDictionary {
    const found = this.resolve(value);
    if (!isDictionary(found)) throw malformedPdf('a dictionary is missing');
    return found;
  }

  /** The content of a stream, decompressed. @param limit most bytes that it may have */
  content({ dictionary, at }: PdfStream, limit: number): Uint8Array {
    const length = this.resolve(dictionary.get('Length'));
    if (typeof length !== 'number' || length < 0 || at + length > this.#bytes.length) {
      throw malformedPdf('a stream is cut off');
    }
    const raw = this.#bytes.subarray(at, at + length);
    const filter = this.resolve(dictionary.get('Filter'));
    const filters = filter === null ? [] : Array.isArray(filter) ? filter : [filter];
    if (filters.length === 0 && raw.length <= limit) return raw;
    if (filters.length === 1 && isName(filters[0], 'FlateDecode') && !dictionary.has('DecodeParms')) {
      return inflate(raw, limit);
    }
    throw malformedPdf('a stream is encoded in a way that is not read here, or too large');
  }

  #startOfTable(): number {
    const from = Math.max(0, this.#bytes.length - TAIL);
    const tail = String.fromCharCode(...this.#bytes.subarray(from));
    const found = /startxref\s+(\d{1,15})\s+%%EOF\s*$/.exec(tail)?.[1];
    if (found === undefined) throw malformedPdf('its end is missing: it may be cut off');
    return Number(found);
  }

  #readTable(offset: number): PdfDictionary {
    const reader = new Reader(this.#bytes, offset);
    if (reader.word() !== 'xref') {
      throw malformedPdf('another program has saved it anew: use the file as it was made');
    }
    for (;;) {
      const word = reader.word();
      if (word === 'trailer') break;
      if (!/^\d{1,9}$/.test(word)) throw malformedPdf('its table of objects is damaged');
      const first = Number(word);
      const count = reader.integer();
      if (count > MAX_OBJECTS) throw malformedPdf('it has too many objects');
      for (let index = 0; index < count; index++) {
        const place = reader.integer();
        reader.integer();
        const used = reader.word();
        if (used !== 'n' && used !== 'f') throw malformedPdf('its table of objects is damaged');
        if (!this.#offsets.has(first + index)) this.#offsets.set(first + index, used === 'n' ? place : null);
      }
      if (this.#offsets.size > MAX_OBJECTS) throw malformedPdf('it has too many objects');
    }
    const trailer = reader.value();
    if (!isDictionary(trailer)) throw malformedPdf('its trailer is missing');
    if (trailer.has('Encrypt')) throw malformedPdf('it is encrypted');
    return trailer;
  }
}

/** Stops at the limit, so that a small file cannot become a huge one. */
function inflate(bytes: Uint8Array, limit: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  let total = 0;
  let ended = false;
  try {
    const inflater = new Unzlib((chunk, final) => {
      total += chunk.length;
      if (total > limit) throw malformedPdf('a stream is too large');
      chunks.push(chunk);
      ended = final;
    });
    const step = 64 * 1024;
    for (let start = 0; start < bytes.length; start += step) {
      inflater.push(bytes.subarray(start, start + step), start + step >= bytes.length);
    }
  } catch (cause) {
    if (cause instanceof VinculumError) throw cause;
    throw malformedPdf('a stream is damaged', cause);
  }
  if (!ended) throw malformedPdf('a stream is cut off');
  return concat(...chunks);
}

/** A text string: UTF-16 with its mark, or Latin. */
export function textOf(value: PdfValue): string | null {
  if (!(value instanceof Uint8Array)) return null;
  if (value[0] !== 0xfe || value[1] !== 0xff) return String.fromCharCode(...value);
  let text = '';
  for (let index = 2; index + 1 < value.length; index += 2) {
    text += String.fromCharCode(((value[index] ?? 0) << 8) | (value[index + 1] ?? 0));
  }
  return text;
}
