/** Everything that the curious have, to look for bytes in: any place, any alignment. */
export class Haystack {
  readonly #bytes: Buffer;
  readonly #parts: readonly { readonly name: string; readonly end: number }[];
  /** Which starts of needles occur anywhere: what is not in both tables is not there. */
  readonly #first = new Uint8Array(1 << TABLE_BITS);
  readonly #second = new Uint8Array(1 << TABLE_BITS);

  constructor(parts: readonly { readonly name: string; readonly bytes: Uint8Array }[]) {
    const gap = Buffer.alloc(NEEDLE_BYTES);
    let end = 0;
    this.#parts = parts.map(({ name, bytes }) => {
      end += bytes.length + gap.length;
      return { name, end };
    });
    this.#bytes = Buffer.concat(parts.flatMap(({ bytes }) => [bytes, gap]));
    for (let at = 0; at + NEEDLE_BYTES <= this.#bytes.length; at += 1) {
      mark(this.#first, this.#bytes.readUInt32LE(at));
      mark(this.#second, this.#bytes.readUInt32LE(at + 4));
    }
  }

  get size(): number {
    return this.#bytes.length;
  }

  /** The part in which the first 16 bytes of a needle stand; null: in none. */
  find(needle: Uint8Array): string | null {
    const start = Buffer.from(needle.buffer, needle.byteOffset, needle.length);
    if (start.length < NEEDLE_BYTES) throw new TypeError('too short to be told from chance');
    if (!isMarked(this.#first, start.readUInt32LE(0)) || !isMarked(this.#second, start.readUInt32LE(4))) {
      return null;
    }
    const at = this.#bytes.indexOf(start.subarray(0, NEEDLE_BYTES));
    return at < 0 ? null : (this.#parts.find(({ end }) => at < end)?.name ?? null);
  }

  /** All runs of so many characters of an alphabet, in one case or the other, as text in upper case. */
  *texts(length: number, alphabet: RegExp): Generator<string> {
    for (const match of this.#bytes
      .toString('latin1')
      .matchAll(new RegExp(`${alphabet.source}{${length},}`, 'gi'))) {
      const [run] = match;
      for (let at = 0; at + length <= run.length; at += 1) yield run.slice(at, at + length).toUpperCase();
    }
  }
}

const NEEDLE_BYTES = 16;
const TABLE_BITS = 24;

const place = (value: number): number => value >>> (32 - TABLE_BITS - 3);
const mark = (table: Uint8Array, value: number): void => {
  const at = place(value);
  table[at >>> 3] = (table[at >>> 3] ?? 0) | (1 << (at & 7));
};
const isMarked = (table: Uint8Array, value: number): boolean => {
  const at = place(value);
  return ((table[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0;
};
